//! Reading: rows → messages, in chunks, never inside a transaction of ours (a long one would keep the WAL from being emptied).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{EmbeddedLog, LogError, TopicRow, failed, headers};
use crate::domain::{Message, Offset, Partition, Position, Timestamp};

/// Rows and bytes in a chunk at most; a single message may be larger.
const CHUNK_ROWS: i64 = 1_000;
const CHUNK_BYTES: usize = 4_000_000;

const CHUNK: &str = "SELECT offset, timestamp_ms, key, value, headers FROM messages \
                     WHERE topic_id = ?1 AND partition = ?2 AND offset >= ?3 AND offset < ?4 ORDER BY offset LIMIT ?5";
const CHUNK_WITHOUT_HEADERS: &str = "SELECT offset, timestamp_ms, key, value, NULL FROM messages \
                     WHERE topic_id = ?1 AND partition = ?2 AND offset >= ?3 AND offset < ?4 ORDER BY offset LIMIT ?5";

/// What is read of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Columns {
    All,
    WithoutHeaders,
}

/// A partition to read, and what of it.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) topic: Arc<str>,
    pub(super) topic_id: i64,
    pub(super) partition: Partition,
    pub(super) columns: Columns,
}

/// All topics by name.
pub(super) fn topics(connection: &Connection) -> Result<BTreeMap<String, TopicRow>, LogError> {
    let doing = failed("reading its topics");
    let mut statement = connection.prepare_cached("SELECT name, id, partitions FROM topics").map_err(&doing)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, TopicRow { id: row.get(1)?, partitions: row.get(2)? })));
    rows.map_err(&doing)?.collect::<Result<_, _>>().map_err(&doing)
}

/// The offset after the last message.
pub(super) fn end_offset(connection: &Connection, topic_id: i64, partition: Partition) -> Result<Offset, LogError> {
    let doing = failed("reading an end offset");
    let query = "SELECT end_offset FROM ends WHERE topic_id = ?1 AND partition = ?2";
    let mut statement = connection.prepare_cached(query).map_err(&doing)?;
    let end = statement.query_row(params![topic_id, partition], |row| row.get(0)).optional().map_err(&doing)?;
    Ok(end.unwrap_or(0))
}

/// Offset and append time of the first message there is at an offset or later.
pub(super) fn first(connection: &Connection, place: (i64, Partition), from: Offset) -> Result<Option<(Offset, i64)>, LogError> {
    let doing = failed("reading an append time");
    let query = "SELECT offset, timestamp_ms FROM messages WHERE topic_id = ?1 AND partition = ?2 AND offset >= ?3 \
                 ORDER BY offset LIMIT 1";
    let mut statement = connection.prepare_cached(query).map_err(&doing)?;
    let row = statement.query_row(params![place.0, place.1, from], |row| Ok((row.get(0)?, row.get(1)?)));
    row.optional().map_err(&doing)
}

/// The first offset appended at an instant or later; the end offset where there is none.
pub(super) fn since(connection: &Connection, place: (i64, Partition), instant_ms: i64) -> Result<Offset, LogError> {
    let (mut from, mut until) = (0, end_offset(connection, place.0, place.1)?);
    while from < until {
        let middle = from + (until - from) / 2;
        // Offsets between may be gone: what stands next tells for them.
        match first(connection, place, middle)? {
            Some((offset, appended)) if appended < instant_ms => from = offset + 1,
            _ => until = middle,
        }
    }
    Ok(from)
}

/// The next messages of a partition, from an offset on and before another, behind those that are there.
pub(super) fn chunk(
    connection: &Connection,
    part: &Part,
    (from, until): (Offset, Offset),
    messages: &mut VecDeque<Message>,
) -> Result<(), LogError> {
    let doing = failed("reading messages");
    let query = if part.columns == Columns::All { CHUNK } else { CHUNK_WITHOUT_HEADERS };
    let mut statement = connection.prepare_cached(query).map_err(&doing)?;
    let mut rows = statement.query(params![part.topic_id, part.partition, from, until, CHUNK_ROWS]).map_err(&doing)?;
    let mut bytes = 0;
    while let Some(row) = rows.next().map_err(&doing)? {
        let message = message(row, &part.topic, part.partition)?;
        bytes += size(&message);
        messages.push_back(message);
        if bytes >= CHUNK_BYTES {
            break;
        }
    }
    Ok(())
}

/// Bytes of a message's parts.
fn size(message: &Message) -> usize {
    let headers: usize = message.headers.iter().map(|header| header.key.len() + header.value.len()).sum();
    message.key.as_ref().map_or(0, Vec::len) + message.value.as_ref().map_or(0, Vec::len) + headers
}

fn message(row: &Row<'_>, topic: &Arc<str>, partition: Partition) -> Result<Message, LogError> {
    let doing = failed("reading a message");
    let blob = |index: usize| -> Result<Option<&[u8]>, LogError> {
        let value = row.get_ref(index).map_err(failed("reading a message"))?;
        value.as_blob_or_null().map_err(|error| LogError::Corrupt { detail: error.to_string() })
    };
    let timestamp_ms: i64 = row.get(1).map_err(&doing)?;
    Ok(Message {
        position: Position { topic: Arc::clone(topic), partition, offset: row.get(0).map_err(&doing)? },
        timestamp: Timestamp::from_millisecond(timestamp_ms).ok(),
        key: blob(2)?.map(<[u8]>::to_vec),
        value: blob(3)?.map(<[u8]>::to_vec),
        headers: headers::decode(blob(4)?)?,
    })
}

/// A bounded read.
pub(super) struct Reader<'a> {
    connection: &'a Connection,
    part: Part,
    next: Offset,
    until: Offset,
    chunk: VecDeque<Message>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(connection: &'a Connection, part: Part, (next, until): (Offset, Offset)) -> Reader<'a> {
        Reader { connection, part, next, until, chunk: VecDeque::new() }
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<Message, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.chunk.is_empty()
            && self.next < self.until
            && let Err(error) = chunk(self.connection, &self.part, (self.next, self.until), &mut self.chunk)
        {
            self.next = self.until;
            self.chunk.clear();
            return Some(Err(error));
        }
        let message = self.chunk.pop_front()?;
        self.next = message.position.offset + 1;
        Some(Ok(message))
    }
}

impl EmbeddedLog {
    /// The message at a position, if it is there.
    pub fn message(&mut self, position: &Position) -> Result<Option<Message>, LogError> {
        let topic_id = self.topic_with(&position.topic, position.partition)?;
        let (topic, partition) = (Arc::clone(&position.topic), position.partition);
        let part = Part { topic, topic_id, partition, columns: Columns::All };
        let mut found = VecDeque::new();
        chunk(&self.connection, &part, (position.offset, position.offset.saturating_add(1)), &mut found)?;
        Ok(found.pop_front())
    }

    /// All messages with that key, oldest first: revisions of one output. Reads the key's partition through.
    pub fn with_key(&mut self, topic: &str, key: &[u8]) -> Result<Vec<Message>, LogError> {
        let row = self.topic(topic)?;
        let partition = super::partition_of(key, row.partitions);
        let doing = failed("looking for a key");
        let query = "SELECT offset, timestamp_ms, key, value, headers FROM messages \
                     WHERE topic_id = ?1 AND partition = ?2 AND key = ?3 ORDER BY offset";
        let mut statement = self.connection.prepare_cached(query).map_err(&doing)?;
        let mut rows = statement.query(params![row.id, partition, key]).map_err(&doing)?;
        let topic = Arc::from(topic);
        let mut messages = Vec::new();
        while let Some(row) = rows.next().map_err(&doing)? {
            messages.push(message(row, &topic, partition)?);
        }
        Ok(messages)
    }

    /// The first offset appended at that instant or later; the end offset where there is none. Append times never go back.
    pub fn offset_at(&mut self, topic: &str, partition: Partition, instant: Timestamp) -> Result<Offset, LogError> {
        let topic_id = self.topic_with(topic, partition)?;
        since(&self.connection, (topic_id, partition), instant.as_millisecond())
    }
}
