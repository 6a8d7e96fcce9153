//! What a difference is called where people read it: the same words in the terminal and on the page.

use std::fmt;

use super::{Contribution, Input, Kind, Reason, Verdict};

impl Kind {
    /// What it is.
    pub fn words(self) -> &'static str {
        match self {
            Kind::Current => "the configuration's",
            Kind::Model => "a model",
            Kind::Bundle => "a bundle",
            Kind::Build => "a build",
        }
    }
}

impl Input {
    /// What was read.
    pub fn words(self) -> &'static str {
        match self {
            Input::Records => "records, ingested by each",
            Input::Movements => "movements, as they stand",
            Input::RawTopics => "raw topics, ingested by each: the two home records differently",
        }
    }
}

impl Verdict {
    /// What one says, or that it does not speak.
    pub fn words(said: Option<Verdict>) -> String {
        match said {
            Some(Verdict { band, probability, .. }) => format!("{band} {probability:.3}"),
            None => "nothing".to_owned(),
        }
    }
}

impl Contribution {
    /// Where and how much it moved.
    pub fn moved(&self) -> String {
        format!("{} in {}, at most {:+}", self.signal, self.shift.changed, self.shift.max_shift)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Contribution { signal, base, candidate, change } => {
                write!(f, "{signal} {} -> {} ({change:+})", counted(*base), counted(*candidate))
            }
            Reason::Limits { base, candidate } => write!(f, "limits {} -> {}", limits(base), limits(candidate)),
            Reason::Calibration => f.write_str("calibration"),
            Reason::Bands => f.write_str("where bands begin"),
        }
    }
}

/// What a signal counts.
pub(super) fn counted(counted: Option<i64>) -> String {
    counted.map_or_else(|| "silent".to_owned(), |counted| format!("{counted:+}"))
}

/// What bounds a verdict.
pub(super) fn limits(limits: &[String]) -> String {
    if limits.is_empty() { "none".to_owned() } else { limits.join(", ") }
}
