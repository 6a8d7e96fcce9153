//! What a stage returns: outputs as bytes, a dead letter, counts. The shell carries them; nothing here does I/O.

use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::{Header, Partition};

/// What one message caused.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effects {
    /// Messages for topics of ours, in order.
    pub outputs: Vec<Output>,
    /// The message itself, where it or some of its records could not be taken.
    pub dead_letter: Option<DeadLetter>,
    /// What became of its records, by outcome: the sum over outcomes is what was consumed.
    pub outcomes: Vec<(&'static str, u64)>,
    /// What to count beside: metric-like name, label, how many.
    pub tallies: Vec<Tally>,
}

/// Something to count that follows from outputs.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Tally {
    /// An assessment was published with this band.
    Assessment(#[serde(with = "crate::domain::kept::name")] crate::domain::kept::Name),
    /// A revision above the first was published of this kind of output.
    Revision(#[serde(with = "crate::domain::kept::name")] crate::domain::kept::Name),
    /// An alert changed.
    Alert {
        /// opened, raised, lowered, closed.
        #[serde(with = "crate::domain::kept::name")]
        change: crate::domain::kept::Name,
        /// The band after it.
        #[serde(with = "crate::domain::kept::name")]
        band: crate::domain::kept::Name,
    },
    /// A signal spoke.
    Signal(#[serde(with = "crate::domain::kept::name")] crate::domain::kept::Name),
    /// A record was left out on purpose, for this reason.
    Reason(String),
    /// A record was taken and bears this mark of quality.
    Mark(#[serde(with = "crate::domain::kept::name")] crate::domain::kept::Name),
}

/// One of our topics, without its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Topic {
    /// `movements`.
    Movements,
    /// `sightings`.
    Sightings,
    /// `assessments`.
    Assessments,
    /// `corridors`.
    Corridors,
    /// `alerts`.
    Alerts,
    /// `dead-letters`.
    DeadLetters,
    /// `feedback`.
    Feedback,
    /// `progress`.
    Progress,
    /// `kept`.
    Kept,
}

impl Topic {
    /// All of them.
    pub const ALL: [Topic; 9] = [
        Topic::Movements,
        Topic::Sightings,
        Topic::Assessments,
        Topic::Corridors,
        Topic::Alerts,
        Topic::DeadLetters,
        Topic::Feedback,
        Topic::Progress,
        Topic::Kept,
    ];
}

/// A message for a topic of ours. Its partition follows from its key, except where one is set.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Output {
    /// Where to.
    pub topic: Topic,
    /// A set partition (ticks go to every one).
    pub partition: Option<Partition>,
    /// The key.
    pub key: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
    /// Headers beside those that the worker adds.
    pub headers: Vec<Header>,
}

/// A dead letter as `assess` prints it. In a log it is the message itself, with the reason in its headers.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "dead_letter/1")]
pub struct DeadLetterWire<'a> {
    /// Always `dead_letter`.
    pub kind: &'static str,
    /// Where it stood, `FILE/0/ROW`.
    pub source: String,
    /// The feed's name.
    pub feed: &'a str,
    /// Why it could not be taken, one of a closed set.
    pub reason: &'a str,
    /// Field, value, what is allowed.
    pub detail: &'a str,
    /// Indexes of the rows that failed, from 0; empty where the message could not be opened.
    pub records: &'a [u32],
    /// The message, whole.
    pub value_base64: String,
}

/// Why a message becomes a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The feed's name.
    pub feed: String,
    /// The reason's code.
    pub reason: &'static str,
    /// Field, value, what is allowed.
    pub detail: String,
    /// Indexes of the rows that failed; empty where the message could not be opened.
    pub records: Vec<u32>,
    /// How many records were lost with it, for the books.
    pub count: u64,
}
