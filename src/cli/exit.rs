//! How a command ends: one exit code for each kind of end, and the message that goes with it.

use std::process::ExitCode;

use crate::config::{InvalidConfig, nearest};

/// The table of exit codes (sysexits where they fit).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or drained.
    Done = 0,
    /// It ran, and the answer is no.
    No = 1,
    /// The command was not understood.
    Usage = 2,
    /// No row of the input could be decoded.
    NothingDecoded = 65,
    /// An input, a range or an id is not there.
    NotThere = 66,
    /// No log at start, or the listen address is taken.
    Unavailable = 69,
    /// A broken invariant, a stuck worker, a full state.
    Broken = 70,
    /// An output exists or cannot be made.
    CannotCreate = 73,
    /// The retry budget is spent: restart me.
    Restart = 75,
    /// The log is unsafe.
    LogUnsafe = 76,
    /// Authentication or access rights.
    Denied = 77,
    /// Configuration, model, mapping or bundle is invalid.
    Invalid = 78,
}

impl Exit {
    /// The exit with this code, as the modules below give it.
    pub fn from_code(code: u8) -> Exit {
        let all = [
            Exit::Done,
            Exit::No,
            Exit::Usage,
            Exit::NothingDecoded,
            Exit::NotThere,
            Exit::Unavailable,
            Exit::CannotCreate,
            Exit::Restart,
            Exit::LogUnsafe,
            Exit::Denied,
            Exit::Invalid,
        ];
        all.into_iter().find(|exit| *exit as u8 == code).unwrap_or(Exit::Broken)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// A command that did not come to its end: what to print, and how to exit.
#[derive(Debug)]
pub struct Failure {
    /// How to exit.
    pub exit: Exit,
    /// What to print on stderr.
    pub error: anyhow::Error,
}

impl Failure {
    /// A failure with a message of its own.
    pub fn new(exit: Exit, message: impl std::fmt::Display) -> Failure {
        Failure { exit, error: anyhow::anyhow!("{message}") }
    }

    /// Adds what was being done.
    pub fn context(self, doing: impl std::fmt::Display + Send + Sync + 'static) -> Failure {
        Failure { exit: self.exit, error: self.error.context(doing) }
    }

    /// Whether the reader of stdout went away, as `head` does: no failure of ours.
    pub fn is_closed_pipe(&self) -> bool {
        let closed = |error: &std::io::Error| error.kind() == std::io::ErrorKind::BrokenPipe;
        self.error.chain().any(|cause| cause.downcast_ref::<std::io::Error>().is_some_and(closed))
    }
}

impl From<InvalidConfig> for Failure {
    fn from(error: InvalidConfig) -> Failure {
        Failure { exit: Exit::Invalid, error: error.into() }
    }
}

impl From<crate::replay::ReplayError> for Failure {
    fn from(error: crate::replay::ReplayError) -> Failure {
        Failure { exit: Exit::from_code(error.exit_code()), error: error.into() }
    }
}

/// Gives an error its exit code, at the place that knows it.
pub(super) trait Exits<T> {
    /// Fails with this exit.
    fn exits(self, exit: Exit) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> Exits<T> for Result<T, E> {
    fn exits(self, exit: Exit) -> Result<T, Failure> {
        self.map_err(|error| Failure { exit, error: error.into() })
    }
}

/// Says of a name that it is unknown, which one is near, and which there are. Ends without a stop, for the caller to go on.
pub(super) fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let listed = known.join(", ");
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("{what}; did you mean {near}? Known are {listed}"),
        None => format!("{what}; known are {listed}"),
    }
}

/// What a command ends with.
pub type Outcome = Result<Exit, Failure>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_told_in_whole_sentences() {
        let said = |name| unknown("there is no such feed", name, &["korea", "census"]);
        assert_eq!(said("corea"), "there is no such feed; did you mean korea? Known are korea, census");
        assert_eq!(said("xyzzy-plugh"), "there is no such feed; known are korea, census");
    }

    #[test]
    fn every_code_is_read_back() {
        for code in [0, 1, 2, 65, 66, 69, 70, 73, 75, 76, 77, 78] {
            assert_eq!(Exit::from_code(code) as u8, code);
        }
    }
}
