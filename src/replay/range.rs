//! WHEN → offsets: which part of each partition a bounded run reads. Moves nobody's position.

use super::{ReplayError, When};
use crate::domain::Offset;
use crate::stream::embedded::EmbeddedLog;
use crate::stream::{Log, Range};

/// From where to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Between {
    /// Inclusive.
    pub from: When,
    /// Exclusive.
    pub until: When,
}

/// The ranges of all partitions of these topics, empty ones left out, by topic and partition.
///
/// # Errors
///
/// [`ReplayError::NotThere`] where no partition holds any of it: it says what there is.
pub fn ranges(log: &mut EmbeddedLog, topics: &[String], between: Between) -> Result<Vec<Range>, ReplayError> {
    let described = log.topics()?;
    let mut ranges = Vec::new();
    let mut there = Vec::new();
    for topic in topics {
        let Some(found) = described.iter().find(|found| found.name == *topic) else {
            there.push(format!("there is no topic {topic}"));
            continue;
        };
        let mut messages = 0;
        let mut longest = 0;
        for partition in 0..found.partitions {
            let end = log.end_offset(topic, partition)?;
            messages += end;
            longest = longest.max(end);
            let mut resolve =
                |when, otherwise| offset(log, &Range { topic: topic.clone(), partition, from: 0, until: None }, when, otherwise);
            let (from, until) = (resolve(between.from, end)?, resolve(between.until, end)?.min(end));
            if from < until {
                ranges.push(Range { topic: topic.clone(), partition, from, until: Some(until) });
            }
        }
        there.push(match messages {
            0 => format!("{topic} is empty"),
            _ => format!("{topic} has {messages} messages in {} partitions, offsets from 0 to below {longest}", found.partitions),
        });
    }
    if ranges.is_empty() {
        let what = format!("the range from {} until {}", between.from, between.until);
        return Err(ReplayError::NotThere { what, there: there.join("; ") });
    }
    Ok(ranges)
}

fn offset(log: &mut EmbeddedLog, place: &Range, when: When, end: Offset) -> Result<Offset, ReplayError> {
    Ok(match when {
        When::Start => 0,
        When::End => end,
        When::Offset(offset) => offset,
        When::Instant(instant) => log.offset_at(&place.topic, place.partition, instant)?,
    })
}
