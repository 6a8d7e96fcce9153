//! Dead letters of the log in the order of time: on disk where they are many. Reads only.

use std::sync::Arc;

use base64::Engine;
use serde::{Deserialize, Serialize};

use super::args_dead_letters::DeadLetterFilter;
use super::exit::{Exit, Failure, unknown};
use super::log;
use super::wiring::feed_named;
use crate::config::Config;
use crate::domain::{DeadLetterReason, FIRST_TIMESTAMP, Header, Message, Position, Timestamp};
use crate::encode::Topic;
use crate::replay::{Between, ReplayError, When, ranges};
use crate::stream::{Home, Sorted, Sorter};

/// Bytes of them in memory.
const MEMORY: usize = 8 << 20;

/// A dead letter as it stands.
pub(super) struct Letter {
    pub(super) message: Message,
}

#[derive(Serialize)]
struct Listed<'a> {
    id: String,
    feed: &'a str,
    reason: &'a str,
    source: String,
    first_seen: &'a str,
    stage: &'a str,
    records: Vec<u32>,
    bytes: usize,
    detail: &'a str,
}

impl Letter {
    pub(super) fn header(&self, name: &str) -> &str {
        self.message.header(name).unwrap_or_default()
    }

    /// PARTITION/OFFSET in the dead-letter topic.
    pub(super) fn id(&self) -> String {
        format!("{}/{}", self.message.position.partition, self.message.position.offset)
    }

    /// Where the message stood.
    pub(super) fn source(&self) -> Option<Position> {
        let text = format!("{}/{}/{}", self.header("dlq.topic"), self.header("dlq.partition"), self.header("dlq.offset"));
        text.parse().ok()
    }

    fn bytes(&self) -> &[u8] {
        self.message.value.as_deref().unwrap_or_default()
    }

    /// In one line.
    pub(super) fn listed(&self) -> String {
        let listed = Listed {
            id: self.id(),
            feed: self.header("dlq.feed"),
            reason: self.header("dlq.reason"),
            source: self.source().map(|source| source.to_string()).unwrap_or_default(),
            first_seen: self.header(FIRST_TIMESTAMP),
            stage: self.header("dlq.stage"),
            records: self.header("dlq.records").split(',').filter_map(|index| index.parse().ok()).collect(),
            bytes: self.bytes().len(),
            detail: self.header("dlq.detail"),
        };
        serde_json::to_string(&listed).expect("text is JSON")
    }

    /// Whole.
    pub(super) fn shown(&self) -> String {
        let mut text = format!("dead letter {}\n", self.id());
        for header in &self.message.headers {
            text.push_str(&format!("  {:<16}{}\n", header.key, String::from_utf8_lossy(&header.value)));
        }
        if let Some(key) = &self.message.key {
            text.push_str(&format!("  {:<16}{}\n", "key", String::from_utf8_lossy(key)));
        }
        match std::str::from_utf8(self.bytes()) {
            Ok(bytes) => text.push_str(&format!("\n{bytes}")),
            Err(_) => {
                let encoded = base64::engine::general_purpose::STANDARD.encode(self.bytes());
                text.push_str(&format!("\nnot UTF-8, in base64:\n{encoded}"));
            }
        }
        text
    }

    /// What puts letters in order: when they came, then where they stand. One without a time comes before all that have one.
    fn order(&self) -> Vec<u8> {
        let Message { position, timestamp, .. } = &self.message;
        // The sign turned over, so that bytes are in the order of numbers.
        let time = timestamp.map_or([0; 16], |time| (time.as_nanosecond() ^ i128::MIN).to_be_bytes());
        [&time[..], &position.partition.to_be_bytes(), &position.offset.to_be_bytes()].concat()
    }
}

/// What is kept of a letter on disk: all but the name of its topic, which is one.
#[derive(Serialize, Deserialize)]
struct Kept {
    place: (i32, i64),
    timestamp: Option<i128>,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<Header>,
}

/// The letters that a filter lets through, oldest first; with a limit the newest of them.
pub(super) struct Letters {
    sorted: Sorted,
    topic: Arc<str>,
    surplus: usize,
}

impl Letters {
    /// Looks for them.
    pub(super) fn read(config: &Config, log: &mut dyn Home, filter: &DeadLetterFilter) -> Result<Letters, Failure> {
        let (mut sorter, mut count) = (Sorter::new(MEMORY), 0_usize);
        each(config, log, filter, &mut |letter| {
            count += 1;
            let order = letter.order();
            let Message { position, timestamp, key, value, headers } = letter.message;
            let (place, timestamp) = ((position.partition, position.offset), timestamp.map(Timestamp::as_nanosecond));
            let kept =
                postcard::to_stdvec(&Kept { place, timestamp, key, value, headers }).expect("bytes and numbers are written");
            Ok(sorter.push(&order, (&kept, &[]))?)
        })?;
        if let Some(feed) = filter.feed.as_ref().filter(|_| count == 0) {
            // A feed of a former configuration may have left letters; one that has none may be misspelt.
            feed_named(config, feed.as_str())?;
        }
        let surplus = filter.limit.map_or(0, |limit| count.saturating_sub(limit));
        Ok(Letters { sorted: sorter.sorted()?, topic: log::full(config, Topic::DeadLetters).into(), surplus })
    }

    /// Hands over each.
    pub(super) fn each(&self, take: &mut dyn FnMut(Letter) -> Result<(), Failure>) -> Result<(), Failure> {
        let (mut walk, mut before) = (self.sorted.walk()?, 0);
        while let Some((_, kept)) = walk.take()? {
            before += 1;
            if before <= self.surplus {
                continue;
            }
            let kept: Kept = postcard::from_bytes(&kept).expect("it was written here");
            let position = Position { topic: self.topic.clone(), partition: kept.place.0, offset: kept.place.1 };
            let timestamp = kept.timestamp.and_then(|time| Timestamp::from_nanosecond(time).ok());
            let message = Message { position, timestamp, key: kept.key, value: kept.value, headers: kept.headers };
            take(Letter { message })?;
        }
        Ok(())
    }
}

/// Hands over each letter that a filter lets through, partition by partition, whatever its limit.
fn each(
    config: &Config,
    log: &mut dyn Home,
    filter: &DeadLetterFilter,
    take: &mut dyn FnMut(Letter) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if let Some(reason) = &filter.reason {
        let known = DeadLetterReason::ALL.iter().map(|reason| reason.code());
        if reason.parse::<DeadLetterReason>().is_err() {
            let message = unknown(&format!("--reason {reason}: there is no such reason"), reason, &known.collect::<Vec<_>>());
            return Err(Failure::new(Exit::Usage, message));
        }
    }
    let topic = log::full(config, Topic::DeadLetters);
    // A topic that is not there, or may not be looked at, is another thing than one without a dead letter.
    log.end_offset(&topic, 0)?;
    let between = Between { from: filter.from.unwrap_or(When::Start), until: filter.until.unwrap_or(When::End), ends: None };
    let ranges = match ranges(log, &[topic], between) {
        Ok(ranges) => ranges,
        // No dead letters is good news, not a missing range.
        Err(ReplayError::NotThere { .. }) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    for range in ranges {
        for message in log.range(&range)? {
            let letter = Letter { message: message? };
            let of_feed = filter.feed.as_ref().is_none_or(|feed| feed.as_str() == letter.header("dlq.feed"));
            let of_reason = filter.reason.as_ref().is_none_or(|reason| reason == letter.header("dlq.reason"));
            if of_feed && of_reason {
                take(letter)?;
            }
        }
    }
    Ok(())
}

/// The letter with that id; else the newest that came from that place.
pub(super) fn letter_with(config: &Config, log: &mut dyn Home, id: &str) -> Result<Letter, Failure> {
    let topic = log::full(config, Topic::DeadLetters);
    if let Some(position) = format!("{topic}/{id}").parse().ok().filter(|_| id.matches('/').count() == 1)
        && let Some(message) = log.message(&position)?
    {
        return Ok(Letter { message });
    }
    let wanted: Option<Position> = id.parse().ok();
    let (mut count, mut newest) = (0_u64, None::<Letter>);
    each(config, log, &DeadLetterFilter::default(), &mut |letter| {
        count += 1;
        let is_it =
            wanted.as_ref().is_some_and(|wanted| letter.message.position == *wanted || letter.source().as_ref() == Some(wanted));
        if is_it && newest.as_ref().is_none_or(|newest| newest.order() < letter.order()) {
            newest = Some(letter);
        }
        Ok(())
    })?;
    newest.ok_or_else(|| {
        let message = format!("{id}: no such dead letter; {topic} holds {count}, `entrepot dead-letters ls` lists them");
        Failure::new(Exit::NotThere, message)
    })
}
