//! The log on one machine: one SQLite file in WAL mode, for several processes at once. It is no Kafka server and speaks to none.
//!
//! *Durability.* `synchronous = NORMAL`: a commit is in the WAL, in the system's page cache, before [`Log::commit`] returns, so a
//! process killed at any moment loses nothing that was committed. `FULL` would add an fsync to each commit and guard against loss of
//! *power* as well. We need not pay for it: outputs, dead letters, positions and the progress of `feed` stand in one file and one
//! transaction, SQLite's WAL keeps transactions in order and drops only from its end, so after a power cut the log is simply some
//! moments younger, whole, and everything after it is done again from files or raw topics that come again.

mod beside;
mod counted;
mod headers;
mod home;
mod lease;
mod read;
mod retain;
mod schema;
mod subscription;
mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use rusqlite::Connection;

pub use super::{Artifact, FeedProgress, Share};
use super::{Commit, Event, Log, LogError, Messages, NextOffsets, Outgoing, Range, TopicDescription, partition_of};
use crate::domain::{Header, Offset, Partition, Timestamp};
use read::{Columns, Part};
use subscription::Subscription;

pub use lease::{Lease, LeaseHolder};

/// A handle on the embedded log. Belongs to one thread; [`EmbeddedLog::another`] gives a thread its own.
pub struct EmbeddedLog {
    connection: Connection,
    path: PathBuf,
    shared: Arc<Shared>,
    topics: BTreeMap<String, TopicRow>,
    open: Open,
    subscription: Option<Subscription>,
    fence: Option<String>,
}

/// What the handles of one process share: turns at writing, and the news that something was written.
#[derive(Default)]
struct Shared {
    turn: Mutex<()>,
    commits: Mutex<u64>,
    committed: Condvar,
}

/// A topic's row.
#[derive(Clone, Copy, Debug)]
struct TopicRow {
    id: i64,
    partitions: Partition,
}

/// The open transaction: messages by the partition they go to, so that each is appended to in one go.
#[derive(Default)]
struct Open {
    placed: BTreeMap<(i64, Partition), Vec<Placed>>,
    /// The headers of all of them, as they are written, one behind the other.
    headers: Vec<u8>,
    /// How many were sent.
    sent: u32,
}

/// A message whose place, but for the offset, is known.
struct Placed {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    /// Where its headers stand.
    headers: std::ops::Range<usize>,
    /// Its number among all that were sent.
    number: u32,
}

impl EmbeddedLog {
    /// Opens the log at a path. [`LogError::NoLog`] where there is none.
    pub fn open(path: &Path) -> Result<EmbeddedLog, LogError> {
        if !path.is_file() {
            return Err(LogError::NoLog { path: path.display().to_string() });
        }
        counted::refuse_other_wal(path)?;
        EmbeddedLog::connect(path, Arc::default())
    }

    /// Opens the log at a path, and makes it, with its folder, where there is none.
    pub fn create(path: &Path) -> Result<EmbeddedLog, LogError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)
                .map_err(|error| LogError::CannotOpen { path: path.display().to_string(), detail: error.to_string() })?;
        }
        if path.is_file() {
            counted::refuse_other_wal(path)?;
        }
        EmbeddedLog::connect(path, Arc::default())
    }

    /// A handle of its own for another thread of this process, with the same lease.
    pub fn another(&self) -> Result<EmbeddedLog, LogError> {
        let mut log = EmbeddedLog::connect(&self.path, Arc::clone(&self.shared))?;
        log.fence.clone_from(&self.fence);
        Ok(log)
    }

    /// Brings what was committed from the WAL into the file itself, and empties the WAL: the last handle of all does so where it ends,
    /// but one of another process may stay.
    pub fn close(&mut self) -> Result<(), LogError> {
        let doing = failed("emptying its -wal");
        let is_busy =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0)).map_err(doing)?;
        if is_busy { Err(LogError::Busy { doing: "emptying its -wal" }) } else { Ok(()) }
    }

    /// Where it stands.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a topic. The same topic with the same partitions is fine; with others it is refused, since keys would move.
    ///
    /// Returns whether it is new.
    pub fn create_topic(&mut self, name: &str, partitions: Partition) -> Result<bool, LogError> {
        self.forget_topics();
        match self.topic(name) {
            Ok(found) if found.partitions == partitions => Ok(false),
            Ok(found) => Err(LogError::Repartitioned { topic: name.to_owned(), found: found.partitions, wanted: partitions }),
            Err(LogError::UnknownTopic { .. }) => {
                self.insert_topic(name, partitions)?;
                // Another process may have been first, with another count.
                self.create_topic(name, partitions).map(|_| true)
            }
            Err(error) => Err(error),
        }
    }

    /// Starts reading as a group: this handle's share of the partitions, each announced by `Assigned`.
    pub fn subscribe(&mut self, group: &str, topics: &[String], share: Share) -> Result<(), LogError> {
        self.forget_topics();
        let mut parts = Vec::new();
        let mut index = 0;
        for name in topics {
            let TopicRow { id: topic_id, partitions, .. } = self.topic(name)?;
            let topic: Arc<str> = name.as_str().into();
            for partition in 0..partitions {
                if index % share.of.max(1) == share.index {
                    parts.push(Part { topic: Arc::clone(&topic), topic_id, partition, columns: Columns::All });
                }
                index += 1;
            }
        }
        let mut subscription = Subscription::new(group);
        for part in parts {
            subscription.assign(&self.connection, part)?;
        }
        self.subscription = Some(subscription);
        Ok(())
    }

    /// [`Log::range`] without headers, for folds that look at none: reading them costs as much as the rest of a short message.
    pub fn values<'a>(&'a mut self, range: &Range) -> Result<Messages<'a>, LogError> {
        self.reader(range, Columns::WithoutHeaders)
    }

    fn reader<'a>(&'a mut self, range: &Range, columns: Columns) -> Result<Messages<'a>, LogError> {
        let topic_id = self.topic_with(&range.topic, range.partition)?;
        let end = read::end_offset(&self.connection, topic_id, range.partition)?;
        let until = range.until.unwrap_or(end).min(end);
        let topic = range.topic.as_str().into();
        let part = Part { topic, topic_id, partition: range.partition, columns };
        Ok(Box::new(read::Reader::new(&self.connection, part, (range.from, until))))
    }

    fn connect(path: &Path, shared: Arc<Shared>) -> Result<EmbeddedLog, LogError> {
        let connection = schema::open(path)?;
        Ok(EmbeddedLog {
            connection,
            path: path.to_owned(),
            shared,
            topics: BTreeMap::new(),
            open: Open::default(),
            subscription: None,
            fence: None,
        })
    }

    /// The topic of that name, as last read; reads again where it is new.
    fn topic(&mut self, name: &str) -> Result<TopicRow, LogError> {
        if let Some(found) = self.topics.get(name) {
            return Ok(*found);
        }
        self.topics = read::topics(&self.connection)?;
        self.topics.get(name).copied().ok_or_else(|| LogError::UnknownTopic { topic: name.to_owned() })
    }

    /// The id of a topic that has this partition.
    fn topic_with(&mut self, name: &str, partition: Partition) -> Result<i64, LogError> {
        let TopicRow { id, partitions, .. } = self.topic(name)?;
        if (0..partitions).contains(&partition) {
            return Ok(id);
        }
        Err(LogError::UnknownPartition { topic: name.to_owned(), partition, partitions })
    }

    fn forget_topics(&mut self) {
        self.topics.clear();
    }
}

impl Log for EmbeddedLog {
    fn poll(&mut self, timeout: Duration) -> Result<Event, LogError> {
        match &mut self.subscription {
            Some(subscription) => subscription.poll(&self.connection, &self.shared, timeout),
            None => {
                self.shared.wait(timeout);
                Ok(Event::Idle)
            }
        }
    }

    fn seek(&mut self, topic: &str, partition: Partition, from: Offset) -> Result<(), LogError> {
        if let Some(subscription) = &mut self.subscription {
            subscription.seek(topic, partition, from);
        }
        Ok(())
    }

    fn pause(&mut self, topic: &str, paused: bool) -> Result<(), LogError> {
        if let Some(subscription) = &mut self.subscription {
            subscription.pause(topic, paused);
        }
        Ok(())
    }

    fn send(&mut self, outgoing: Outgoing) -> Result<(), LogError> {
        self.send_under(&[], outgoing)
    }

    fn send_under(&mut self, lent: &[(&str, &[u8])], outgoing: Outgoing) -> Result<(), LogError> {
        let Outgoing { topic, partition, key, value, headers } = outgoing;
        let TopicRow { id, partitions, .. } = self.topic(&topic)?;
        let partition = partition.unwrap_or_else(|| key.as_deref().map_or(0, |key| partition_of(key, partitions)));
        if !(0..partitions).contains(&partition) {
            return Err(LogError::UnknownPartition { topic: topic.to_string(), partition, partitions });
        }
        let start = self.open.headers.len();
        for (key, value) in lent {
            headers::encode(key, value, &mut self.open.headers);
        }
        for Header { key, value } in &headers {
            headers::encode(key, value, &mut self.open.headers);
        }
        let placed = Placed { key, value, headers: start..self.open.headers.len(), number: self.open.sent };
        self.open.sent += 1;
        self.open.placed.entry((id, partition)).or_default().push(placed);
        Ok(())
    }

    fn commit(&mut self, next: &NextOffsets) -> Result<Commit, LogError> {
        self.commit_with(next, None)
    }

    fn topics(&mut self) -> Result<Vec<TopicDescription>, LogError> {
        self.topics = read::topics(&self.connection)?;
        let describe = |(name, row): (&String, &TopicRow)| TopicDescription { name: name.clone(), partitions: row.partitions };
        Ok(self.topics.iter().map(describe).collect())
    }

    fn end_offset(&mut self, topic: &str, partition: Partition) -> Result<Offset, LogError> {
        let topic_id = self.topic_with(topic, partition)?;
        read::end_offset(&self.connection, topic_id, partition)
    }

    fn range<'a>(&'a mut self, range: &Range) -> Result<Messages<'a>, LogError> {
        self.reader(range, Columns::All)
    }
}

impl Shared {
    /// Waits for a commit of this process, at most so long. Commits of others are found by asking again.
    fn wait(&self, timeout: Duration) {
        let commits = self.commits.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        drop(self.committed.wait_timeout(commits, timeout));
    }

    fn announce(&self) {
        let mut commits = self.commits.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *commits += 1;
        self.committed.notify_all();
    }
}

/// The wall clock in milliseconds: append times, heartbeats. The core never reads them.
#[expect(clippy::disallowed_methods, reason = "append times are a machine's time by contract")]
fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// Translates the store's error.
fn failed(doing: &'static str) -> impl Fn(rusqlite::Error) -> LogError {
    move |error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => LogError::Busy { doing },
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
            LogError::Corrupt { detail: format!("{error} while {doing}") }
        }
        _ => LogError::Store { doing, detail: error.to_string() },
    }
}
