//! Bytes with a position: what a log hands over before anything is read.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::Timestamp;

/// A partition of a topic.
pub type Partition = i32;
/// A place in a partition.
pub type Offset = i64;

/// Where a message stands: topic (or file), partition, offset. Prints as `TOPIC/PARTITION/OFFSET`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The topic, or the name of a file.
    pub topic: Arc<str>,
    /// The partition; 0 in files.
    pub partition: Partition,
    /// The offset; in files the row, from 1.
    pub offset: Offset,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.topic, self.partition, self.offset)
    }
}

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Position, InvalidPosition> {
        let invalid = || InvalidPosition(text.to_owned());
        let (rest, offset) = text.rsplit_once('/').ok_or_else(invalid)?;
        let (topic, partition) = rest.rsplit_once('/').ok_or_else(invalid)?;
        let (partition, offset) = (partition.parse().map_err(|_| invalid())?, offset.parse().map_err(|_| invalid())?);
        Ok(Position { topic: topic.into(), partition, offset })
    }
}

/// The text names no place in a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no place in a log (TOPIC/PARTITION/OFFSET)")]
pub struct InvalidPosition(pub String);

/// A header of a message. Keys are text by convention of all logs in use; values are bytes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Header {
    /// The name.
    pub key: String,
    /// The bytes.
    pub value: Vec<u8>,
}

/// The header with which a message that was put back says when it first came.
pub const FIRST_TIMESTAMP: &str = "dlq.timestamp";

/// A message as it stands in a log, unread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where it stands.
    pub position: Position,
    /// When it was written there; files have none.
    pub timestamp: Option<Timestamp>,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its bytes; `None` is a deletion mark.
    pub value: Option<Vec<u8>>,
    /// Its headers, in order.
    pub headers: Vec<Header>,
}

impl Message {
    /// The last header of that name, as text.
    pub fn header(&self, key: &str) -> Option<&str> {
        let header = self.headers.iter().rev().find(|header| header.key == key)?;
        std::str::from_utf8(&header.value).ok()
    }

    /// When it first came: a message that was put back says so itself. Anybody may write that header, so one that lies after the
    /// message's own timestamp, which no first one can, is passed over.
    pub fn first_timestamp(&self) -> Option<Timestamp> {
        let first = self.header(FIRST_TIMESTAMP).and_then(|first| first.parse().ok());
        first.filter(|first| self.timestamp.is_none_or(|own| *first <= own)).or(self.timestamp)
    }
}

/// The name of a feed: `[a-z0-9-]+`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedName(Arc<str>);

impl FeedName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A feed's name from a file's stem: lower case, `-` for every other character.
    pub fn from_stem(stem: &str) -> FeedName {
        let clean = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
        let name: String = stem.to_lowercase().chars().map(clean).collect();
        FeedName(if name.is_empty() { "-".into() } else { name.into() })
    }
}

impl fmt::Display for FeedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for FeedName {
    type Err = InvalidFeedName;

    fn from_str(text: &str) -> Result<FeedName, InvalidFeedName> {
        let fits = (1..=64).contains(&text.len());
        if fits && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            return Ok(FeedName(text.into()));
        }
        Err(InvalidFeedName(text.to_owned()))
    }
}

/// The text is no name of a feed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no name of a feed (a-z, 0-9 and -)")]
pub struct InvalidFeedName(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_was_put_back_keeps_its_first_time_and_no_later_one() {
        let check = |own: Option<&str>, said: &[&str], wanted: Option<&str>| {
            let time = |text: &str| text.parse().unwrap();
            let header = |text: &&str| Header { key: FIRST_TIMESTAMP.to_owned(), value: text.as_bytes().to_vec() };
            let message = Message {
                position: Position { topic: "raw".into(), partition: 0, offset: 0 },
                timestamp: own.map(time),
                key: None,
                value: None,
                headers: said.iter().map(header).collect(),
            };
            assert_eq!(message.first_timestamp(), wanted.map(time), "{own:?} {said:?}");
        };
        const OWN: &str = "2025-05-06T00:00:00Z";
        const EARLIER: &str = "2025-05-01T00:00:00Z";
        const LATER: &str = "2099-01-01T00:00:00Z";
        check(Some(OWN), &[], Some(OWN));
        check(Some(OWN), &[EARLIER], Some(EARLIER));
        check(Some(OWN), &[OWN], Some(OWN));
        check(Some(OWN), &[LATER], Some(OWN));
        check(Some(OWN), &["yesterday"], Some(OWN));
        // The last of a name counts, as everywhere.
        check(Some(OWN), &[LATER, EARLIER], Some(EARLIER));
        check(None, &[EARLIER], Some(EARLIER));
    }
}
