//! A partition in hand: its state, and how far it is. Only its worker touches it.

use std::time::Instant;

use super::Fold;
use super::snapshots::hash_of;
use super::worker::GoingOn;
use crate::domain::{Message, Offset, Timestamp};

/// A partition in hand.
pub(super) struct Part {
    pub(super) fold: Box<dyn Fold>,
    /// Index of its topic in the stage.
    pub(super) topic: usize,
    /// The offset wanted next.
    pub(super) next: Offset,
    pub(super) committed: Offset,
    pub(super) end: Offset,
    /// When the message read last was appended.
    pub(super) read_ms: i64,
    /// The offset behind the last message in the state: marks of transactions move `next` beyond it.
    pub(super) folded: Offset,
    /// The hash of that message.
    pub(super) last: u64,
    /// Messages in the state since it was last kept.
    pub(super) since: u64,
    /// When its end was reached, where nothing has come since.
    pub(super) ended: Option<Instant>,
    /// What it has to settle with those who published before us.
    pub(super) going_on: Option<GoingOn>,
}

impl Part {
    /// Takes note of when the message in hand was appended.
    pub(super) fn met(&mut self, message: &Message) {
        self.read_ms = message.timestamp.map_or(0, Timestamp::as_millisecond);
    }

    /// Takes note of a message that was folded in; of what a snapshot needs as well, where some are kept.
    pub(super) fn took(&mut self, message: &Message, is_kept: bool) {
        self.next = message.position.offset + 1;
        self.ended = None;
        self.met(message);
        self.folded = self.next;
        if is_kept {
            self.last = hash_of(message);
            self.since += 1;
        }
    }

    /// Whether its state is still being rebuilt, and nothing goes out.
    pub(super) fn is_restoring(&self) -> bool {
        self.next < self.committed || self.going_on.is_some()
    }
}
