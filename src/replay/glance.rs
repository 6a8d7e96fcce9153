//! What is read of an output's value: what sorting and filtering need, and no more.

use serde::Deserialize;

use crate::domain::Band;

/// What is read of an output's value.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct Glance {
    /// Which version of its record an assessment is about.
    #[serde(default)]
    pub record_revision: u64,
    /// The revision of its key.
    #[serde(default)]
    pub revision: u64,
    /// The sequence of an alert.
    #[serde(default)]
    pub sequence: u64,
    /// The band of a verdict.
    #[serde(default)]
    pub band: Option<String>,
    /// The band after an alert.
    #[serde(default)]
    pub to: Option<String>,
    /// The clock at evaluation.
    #[serde(default)]
    pub as_of: Option<String>,
    /// That of an alert.
    #[serde(default)]
    pub at: Option<String>,
}

impl Glance {
    /// Reads a value; one that is no JSON of ours has no revision and no band.
    pub fn of(value: &[u8]) -> Glance {
        serde_json::from_slice(value).unwrap_or_default()
    }

    /// What orders the values of a key.
    pub fn rank(&self) -> (u64, u64) {
        (self.record_revision, self.revision.max(self.sequence))
    }

    /// The day of what it says: the clock of the family, as it stood then.
    pub fn day(&self) -> Option<&str> {
        self.as_of.as_deref().or(self.at.as_deref())
    }

    /// The band, after it where it is an alert.
    pub fn band(&self) -> Option<Band> {
        self.band.as_deref().or(self.to.as_deref()).and_then(|word| word.parse().ok())
    }
}
