//! The worker loop, and the logs it runs on. Carries messages to a fold and outputs away from it; decides nothing about trade.

use crate::domain::{Message, Offset, Partition};
use crate::encode::Effects;

/// A stage's state for one partition, and its one verb.
///
/// Two exist: ingest (no state) and assess. A fold cannot fail: bad input is part of what it returns.
pub trait Fold {
    /// Folds one message in and returns what it caused.
    fn apply(&mut self, message: &Message) -> Effects;

    /// Bytes of state held, for limits and metrics.
    fn state_bytes(&self) -> u64;
}

/// Offsets to commit: next offset by topic and partition.
pub type NextOffsets = std::collections::BTreeMap<(String, Partition), Offset>;
