//! The messages of a file between two commits: what goes out together, and how much of the file is behind it. Sends nothing.

use crate::stream::{FeedProgress, Outgoing};

/// Messages and bytes of a batch.
const BATCH_MESSAGES_MAX: usize = 5_000;
const BATCH_BYTES_MAX: usize = 4_000_000;

/// A message on its way.
pub(super) struct Row {
    /// Its number in the file.
    pub(super) number: i64,
    /// The rows of the file that are seen with it.
    pub(super) seen: u64,
    pub(super) outgoing: Outgoing,
}

impl Row {
    /// Of its value.
    pub(super) fn bytes(&self) -> usize {
        self.outgoing.value.as_ref().map_or(0, Vec::len)
    }
}

/// What of a file is on its way, and what became of the rest.
#[derive(Default)]
pub(super) struct Sending {
    pub(super) batch: Vec<Row>,
    pub(super) batch_bytes: usize,
    pub(super) seen: u64,
    pub(super) sent: u64,
    /// Of those sent, messages that are too large to be taken.
    pub(super) large: u64,
    /// Messages that the log does not take.
    pub(super) left_out: u64,
    pub(super) known: Option<FeedProgress>,
}

impl Sending {
    /// Takes a message that is the next of the file.
    pub(super) fn push(&mut self, number: i64, outgoing: Outgoing) {
        let row = Row { number, seen: self.seen, outgoing };
        self.batch_bytes += row.bytes();
        self.batch.push(row);
    }

    /// Whether it is as much as goes out at once.
    pub(super) fn is_full(&self) -> bool {
        self.batch.len() >= BATCH_MESSAGES_MAX || self.batch_bytes >= BATCH_BYTES_MAX
    }
}
