//! What a handle reads as a group: its partitions, where each stands, and one message after another. Holds at most a chunk of each.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, params};

use super::super::{Event, NextOffsets};
use super::{LogError, Part, Shared, failed, read};
use crate::domain::{Message, Offset, Partition};

/// How long commits of other processes may go unnoticed while there is nothing to do.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The state of a subscribed handle.
pub(super) struct Subscription {
    group: String,
    /// In the order in which they were taken; few, so a walk is quicker than a map of names.
    held: Vec<Held>,
    paused: BTreeSet<String>,
    news: VecDeque<Event>,
    /// Index of the partition served last: a chunk is handed out whole before the next has its turn.
    turn: Option<usize>,
    /// The version of the file at which every partition was found at its end.
    exhausted_at: Option<i64>,
}

struct Held {
    part: Part,
    committed: Offset,
    /// The next offset to fetch; `None` until the loop has said where to start.
    fetch: Option<Offset>,
    chunk: VecDeque<Message>,
    end_announced: bool,
    paused: bool,
}

impl Subscription {
    pub(super) fn new(group: &str) -> Subscription {
        Subscription {
            group: group.to_owned(),
            held: Vec::new(),
            paused: BTreeSet::new(),
            news: VecDeque::new(),
            turn: None,
            exhausted_at: None,
        }
    }

    pub(super) fn group(&self) -> &str {
        &self.group
    }

    /// Takes a partition, or takes it anew: reads what is committed, and announces it.
    pub(super) fn assign(&mut self, connection: &Connection, part: Part) -> Result<(), LogError> {
        let doing = failed("reading a position");
        let query = "SELECT next_offset FROM positions WHERE group_name = ?1 AND topic = ?2 AND partition = ?3";
        let (topic, partition) = (Arc::clone(&part.topic), part.partition);
        let committed = connection
            .query_row(query, params![self.group, &*topic, partition], |row| row.get(0))
            .optional()
            .map_err(doing)?
            .unwrap_or(0);
        let end = read::end_offset(connection, part.topic_id, partition)?;
        if committed > end {
            return Err(LogError::Inconsistent { topic: topic.to_string(), partition, committed, end });
        }
        let paused = self.paused.contains(&*topic);
        let taken = Held { part, committed, fetch: None, chunk: VecDeque::new(), end_announced: false, paused };
        match self.held(&topic, partition) {
            Some(held) => *held = taken,
            None => self.held.push(taken),
        }
        self.news.push_back(Event::Assigned { topic, partition, committed, end });
        Ok(())
    }

    pub(super) fn seek(&mut self, topic: &str, partition: Partition, from: Offset) {
        if let Some(held) = self.held(topic, partition) {
            held.fetch = Some(from);
            held.chunk.clear();
            held.end_announced = false;
            self.exhausted_at = None;
        }
    }

    pub(super) fn pause(&mut self, topic: &str, paused: bool) {
        if paused {
            self.paused.insert(topic.to_owned());
        } else {
            self.paused.remove(topic);
        }
        self.held.iter_mut().filter(|held| *held.part.topic == *topic).for_each(|held| held.paused = paused);
        self.exhausted_at = None;
    }

    /// What this handle believes is committed.
    pub(super) fn committed_offset(&self, topic: &str, partition: Partition) -> Offset {
        self.held.iter().find(|held| held.is(topic, partition)).map_or(0, |held| held.committed)
    }

    pub(super) fn committed(&mut self, next: &NextOffsets) {
        for ((topic, partition), offset) in next {
            if let Some(held) = self.held(topic, *partition) {
                held.committed = *offset;
            }
        }
        self.exhausted_at = None;
    }

    /// Back to what is committed, for the partitions of a transaction that was not.
    pub(super) fn recycle(&mut self, connection: &Connection, next: &NextOffsets) -> Result<(), LogError> {
        for (topic, partition) in next.keys() {
            if let Some(part) = self.held(topic, *partition).map(|held| held.part.clone()) {
                self.assign(connection, part)?;
            }
        }
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "a wait has an end by the machine's time")]
    pub(super) fn poll(&mut self, connection: &Connection, shared: &Shared, timeout: Duration) -> Result<Event, LogError> {
        // Where there is a backlog, nobody waits and no clock is asked.
        if let Some(event) = self.next(connection)? {
            return Ok(event);
        }
        let deadline = Instant::now() + timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Event::Idle);
            }
            shared.wait(left.min(LOOK_AGAIN));
            if let Some(event) = self.next(connection)? {
                return Ok(event);
            }
        }
    }

    fn next(&mut self, connection: &Connection) -> Result<Option<Event>, LogError> {
        if let Some(event) = self.news.pop_front() {
            return Ok(Some(event));
        }
        if let Some(message) = self.pop_turn() {
            return Ok(Some(Event::Message(message)));
        }
        let version = version(connection)?;
        if self.exhausted_at == Some(version) {
            return Ok(None);
        }
        // Once around, beginning after the partition served last.
        let first = self.turn.map_or(0, |turn| turn + 1);
        for index in (first..self.held.len()).chain(0..first.min(self.held.len())) {
            self.fill(connection, index)?;
            self.turn = Some(index);
            if let Some(message) = self.pop_turn() {
                return Ok(Some(Event::Message(message)));
            }
        }
        if self.news.is_empty() {
            self.exhausted_at = Some(version);
        }
        Ok(self.news.pop_front())
    }

    fn held(&mut self, topic: &str, partition: Partition) -> Option<&mut Held> {
        self.held.iter_mut().find(|held| held.is(topic, partition))
    }

    fn pop_turn(&mut self) -> Option<Message> {
        let held = self.held.get_mut(self.turn?)?;
        if held.paused { None } else { held.chunk.pop_front() }
    }

    /// Reads the next chunk of a partition, and announces its end where there is none.
    fn fill(&mut self, connection: &Connection, index: usize) -> Result<(), LogError> {
        let Some(held) = self.held.get_mut(index) else { return Ok(()) };
        let Some(from) = held.fetch else { return Ok(()) };
        if held.paused || !held.chunk.is_empty() {
            return Ok(());
        }
        read::chunk(connection, &held.part, (from, Offset::MAX), &mut held.chunk)?;
        match held.chunk.back() {
            Some(last) => {
                held.fetch = Some(last.position.offset + 1);
                held.end_announced = false;
            }
            None if !held.end_announced => {
                held.end_announced = true;
                let (topic, partition) = (Arc::clone(&held.part.topic), held.part.partition);
                self.news.push_back(Event::EndOfPartition { topic, partition, end: from });
            }
            None => {}
        }
        Ok(())
    }
}

impl Held {
    fn is(&self, topic: &str, partition: Partition) -> bool {
        self.part.partition == partition && *self.part.topic == *topic
    }
}

/// Changes whenever another connection has committed.
fn version(connection: &Connection) -> Result<i64, LogError> {
    let doing = failed("asking for news");
    let mut statement = connection.prepare_cached("PRAGMA data_version").map_err(&doing)?;
    statement.query_row([], |row| row.get(0)).map_err(&doing)
}
