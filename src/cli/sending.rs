//! The messages of a file between two commits: what goes out together, and how much of the file is behind it. Sends nothing.

use crate::stream::{FeedProgress, Outgoing};

/// Messages and bytes of a batch.
const BATCH_MESSAGES_MAX: usize = 5_000;
const BATCH_BYTES_MAX: usize = 4_000_000;

/// How far a file was read, and by what it is known again.
#[derive(Clone, Copy, Default)]
pub(super) struct Upto {
    /// Its rows that need not be sent again.
    pub(super) seen: u64,
    /// A hash over these, one after the other.
    behind: u64,
    /// The same over all rows that were read: the last may be half a row, which is sent again should the file grow.
    all: u64,
}

impl Upto {
    /// Reads the next row.
    pub(super) fn take(&mut self, row: &[u8]) {
        let all = xxhash_rust::xxh3::xxh3_64_with_seed(row, self.all);
        *self = Upto { seen: self.seen + 1, behind: all, all };
    }

    /// Where the last row may be half a row.
    fn without_last(self, before: Upto) -> Upto {
        Upto { all: self.all, ..before }
    }

    /// What is noted of it.
    pub(super) fn digest(self) -> String {
        format!("{:016x}{:016x}", self.behind, self.all)
    }

    /// Whether so many rows are those of which this was noted.
    pub(super) fn is_behind(self, digest: &str) -> bool {
        digest.get(..16).is_none_or(|behind| *behind == format!("{:016x}", self.behind))
    }

    /// Whether this was noted where a row stood without the end of its line, and it has another text by now.
    pub(super) fn was_half(self, digest: &str) -> bool {
        let (behind, all) = digest.split_at_checked(16).unwrap_or_default();
        behind != all && !self.is_all(digest)
    }

    /// Whether the whole file is the one of which this was noted.
    pub(super) fn is_all(self, digest: &str) -> bool {
        digest.get(16..).is_none_or(|all| *all == format!("{:016x}", self.all))
    }
}

/// A message on its way.
pub(super) struct Row {
    /// Its number in the file.
    pub(super) number: i64,
    /// How far the file is read with it.
    pub(super) upto: Upto,
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
    pub(super) upto: Upto,
    /// The same before the last row.
    pub(super) before: Upto,
    pub(super) sent: u64,
    /// Of those sent, messages that are too large to be taken.
    pub(super) large: u64,
    /// Messages that the log does not take.
    pub(super) left_out: u64,
    pub(super) known: Option<FeedProgress>,
}

impl Sending {
    /// Reads the next row of the file.
    pub(super) fn read(&mut self, row: &[u8]) {
        self.before = self.upto;
        self.upto.take(row);
    }

    /// The last row was half a row.
    pub(super) fn take_back(&mut self) {
        self.upto = self.upto.without_last(self.before);
    }

    /// Takes the message of the row that was read.
    pub(super) fn push(&mut self, number: i64, outgoing: Outgoing) {
        let row = Row { number, upto: self.upto, outgoing };
        self.batch_bytes += row.bytes();
        self.batch.push(row);
    }

    /// Whether the file holds no row.
    pub(super) fn is_empty(&self) -> bool {
        self.upto.seen + self.before.seen + self.sent + self.left_out == 0
    }

    /// Whether it is as much as goes out at once.
    pub(super) fn is_full(&self) -> bool {
        self.batch.len() >= BATCH_MESSAGES_MAX || self.batch_bytes >= BATCH_BYTES_MAX
    }
}
