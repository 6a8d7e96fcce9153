//! The ticks that move clocks where nothing is traded. Takes the date; asks no clock.

use super::{Commit, Log, LogError, NextOffsets, Outgoing};
use crate::domain::{Date, Partition};
use crate::encode::{TICK_KEY, tick};

/// Writes a tick to every partition of `movements` (its full name), in one transaction. Older and equal ticks do no harm.
///
/// Every writer of ticks goes through here: `run` at midnight, and the closing tick of a bounded run.
pub fn write_ticks(log: &mut dyn Log, movements: &str, date: Date) -> Result<Commit, LogError> {
    let topics = log.topics()?;
    let found = topics.iter().find(|topic| topic.name == movements);
    let partitions: Partition = found.ok_or_else(|| LogError::UnknownTopic { topic: movements.to_owned() })?.partitions;
    for partition in 0..partitions {
        log.send(Outgoing {
            topic: movements.into(),
            partition: Some(partition),
            key: Some(TICK_KEY.to_vec()),
            value: Some(tick(date)),
            headers: Vec::new(),
        })?;
    }
    log.commit(&NextOffsets::new())
}
