//! WHEN → offsets: which part of each partition a bounded run reads. Moves nobody's position.

use super::{ReplayError, When};
use crate::domain::{Offset, Partition};
use crate::stream::{Home, NextOffsets, Range};

/// From where to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Between<'a> {
    /// Inclusive.
    pub from: When,
    /// Exclusive.
    pub until: When,
    /// Where the log ended when the run began, as [`ends`] gave it; what came later is no part of it. `None`: where it ends now.
    pub ends: Option<&'a NextOffsets>,
}

impl Between<'_> {
    /// Where a partition ended when the run began, if that was noted.
    pub fn end_of(&self, topic: &str, partition: Partition) -> Option<Offset> {
        self.ends.map(|ends| ends.get(&(topic.to_owned(), partition)).copied().unwrap_or(0))
    }
}

/// Where the partitions of these topics end now; a topic that is not there has none.
///
/// # Errors
///
/// Where the log fails.
pub fn ends(log: &mut dyn Home, topics: &[String]) -> Result<NextOffsets, ReplayError> {
    let mut ends = NextOffsets::new();
    for found in log.topics()?.into_iter().filter(|found| topics.contains(&found.name)) {
        for partition in 0..found.partitions {
            let end = log.end_offset(&found.name, partition)?;
            ends.insert((found.name.clone(), partition), end);
        }
    }
    Ok(ends)
}

/// The ranges of all partitions of these topics, empty ones left out, by topic and partition.
///
/// # Errors
///
/// [`ReplayError::NotThere`] where no partition holds any of it: it says what there is.
pub fn ranges(log: &mut dyn Home, topics: &[String], between: Between<'_>) -> Result<Vec<Range>, ReplayError> {
    let described = log.topics()?;
    let mut ranges = Vec::new();
    let mut there = Vec::new();
    for topic in topics {
        let Some(found) = described.iter().find(|found| found.name == *topic) else {
            there.push(format!("there is no topic {topic}"));
            continue;
        };
        // Not how many messages there are: marks of transactions and what compaction took have offsets too.
        let mut longest = 0;
        for partition in 0..found.partitions {
            let end = log.end_offset(topic, partition)?;
            let end = between.end_of(topic, partition).map_or(end, |noted| end.min(noted));
            longest = longest.max(end);
            let mut resolve =
                |when, otherwise| offset(log, &Range { topic: topic.clone(), partition, from: 0, until: None }, when, otherwise);
            let (from, until) = (resolve(between.from, end)?, resolve(between.until, end)?.min(end));
            if from < until {
                ranges.push(Range { topic: topic.clone(), partition, from, until: Some(until) });
            }
        }
        there.push(match longest {
            0 => format!("{topic} is empty"),
            _ => format!("{topic} has {} partitions, with offsets from 0 to below {longest}", found.partitions),
        });
    }
    if ranges.is_empty() {
        let what = format!("the range from {} until {}", between.from, between.until);
        return Err(ReplayError::NotThere { what, there: there.join("; ") });
    }
    Ok(ranges)
}

fn offset(log: &mut dyn Home, place: &Range, when: When, end: Offset) -> Result<Offset, ReplayError> {
    Ok(match when {
        When::Start => 0,
        When::End => end,
        When::Offset(offset) => offset,
        When::Instant(instant) => log.offset_at(&place.topic, place.partition, instant)?,
    })
}
