//! The worker loop, and the logs it runs on. Carries messages to a fold and outputs away from it; decides nothing about trade.

mod batch;
mod clock;
pub mod embedded;
mod envelope;
mod error;
mod fold;
mod home;
#[cfg(feature = "kafka")]
pub mod kafka;
mod murmur2;
mod part;
mod pause;
mod predecessors;
pub mod registry;
mod report;
mod snapshots;
mod sorted;
mod spill;
mod stage;
mod ticks;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Header, Message, Offset, Partition};
use crate::encode::{Effects, Output, Standing, Topic};

pub use error::LogError;
pub use fold::{FramedIngest, LoggedIngest};
pub use home::{Artifact, FeedProgress, Home, Policy, Serving, Share, TopicPlan};
pub use murmur2::{murmur2, partition_of};
pub use predecessors::{Predecessors, others_published};
pub use report::{BatchReport, Beacon, Observer, Report, Vitals};
#[cfg(feature = "object-store")]
pub use snapshots::Objects;
pub use snapshots::{Folder, SnapshotOutcome, Snapshots, Store};
pub use sorted::{Group, Sorted, Sorter, Walk};
pub use spill::{Span, Spill, nameless_file};
pub use stage::{FoldFactory, Stage, WorkerSettings, topic_name};
pub use ticks::write_ticks;
pub use worker::{Worker, WorkerError};

/// A stage's state for one partition, and its one verb.
///
/// Two exist: ingest (no state) and assess. A fold cannot fail: bad input is part of what it returns.
pub trait Fold {
    /// What a message has to wait for before it can be folded in, the schema it was written by for one; `None`: nothing. Asked of each
    /// message, and again while it waits: must be quick.
    fn waits_for(&mut self, _message: &Message) -> Option<String> {
        None
    }

    /// Folds one message in and returns what it caused.
    fn apply(&mut self, message: &Message) -> Effects;

    /// Bytes of state held, for limits and metrics.
    fn state_bytes(&self) -> u64;

    /// Forgets all that was folded in. Of a bounded run whose families are folded one after the other; a fold without state has nothing
    /// to forget.
    fn renew(&mut self) {}

    /// What else than the messages its state follows from: versions, model, bundle. Another text, another state.
    fn made_by(&self) -> String {
        String::new()
    }

    /// All of the state as bytes; `None` where none is kept.
    fn snapshot(&self) -> Option<Vec<u8>> {
        None
    }

    /// Takes the state of [`Fold::snapshot`] in place of its own.
    ///
    /// # Errors
    ///
    /// What is wrong with the bytes; the state is what it was.
    fn restore(&mut self, _bytes: &[u8]) -> Result<(), String> {
        Err("this fold keeps no state".to_owned())
    }

    /// Outputs that wait for an input to leave with.
    fn take_left_over(&mut self) -> Vec<Output> {
        Vec::new()
    }

    /// Goes on from what another has published under a key of its outputs. `said`: what it would have published there last itself.
    /// Returns what is to be published, so that what stands is what it says.
    fn go_on(&mut self, _key: (Topic, &str), _said: Option<&[u8]>, _standing: Option<&Standing>) -> Effects {
        Effects::default()
    }

    /// The same for cases, by key.
    fn go_on_cases(&mut self, _standing: &std::collections::BTreeMap<String, Standing>) -> Effects {
        Effects::default()
    }
}

/// Offsets to commit: next offset by topic and partition.
pub type NextOffsets = std::collections::BTreeMap<(String, Partition), Offset>;

/// Where messages stand and outcomes go, with its transactions: the embedded log on one machine, Kafka, the faulty one of the tests.
///
/// A handle belongs to one thread. Begin is implicit: what is sent since the last [`Log::commit`] is one transaction, together with
/// the offsets handed to it. The committed offset is the only truth about what was done; it comes inside [`Event::Assigned`].
///
/// The order of talk: the log says `Assigned`, the loop answers with [`Log::seek`] (no message of the partition comes before), then
/// messages follow in order. After `Revoked` the loop may commit what is open; the log lets the partition go at the next `poll`.
/// After [`Commit::Recycled`] the log says `Assigned` again for every partition in that commit that is still held, with the truth
/// about what is committed; until then no message of it comes.
pub trait Log {
    /// Waits at most `timeout` for something to happen.
    fn poll(&mut self, timeout: Duration) -> Result<Event, LogError>;

    /// Answers `Assigned`: from which offset on the messages of a partition are wanted.
    fn seek(&mut self, topic: &str, partition: Partition, from: Offset) -> Result<(), LogError>;

    /// Stops or resumes the messages of a topic, without losing its place.
    fn pause(&mut self, topic: &str, paused: bool) -> Result<(), LogError>;

    /// Adds a message to the open transaction. Nobody sees it before the commit.
    fn send(&mut self, outgoing: Outgoing) -> Result<(), LogError>;

    /// [`Log::send`] with more headers, lent by the caller, before its own: a log that writes them down at once need not own them.
    fn send_under(&mut self, lent: &[(&str, &[u8])], mut outgoing: Outgoing) -> Result<(), LogError> {
        let owned = lent.iter().map(|(key, value)| Header { key: (*key).to_owned(), value: value.to_vec() });
        outgoing.headers.splice(0..0, owned);
        self.send(outgoing)
    }

    /// Commits what was sent, and these offsets, in one: both are there or neither. Offsets may be empty (a mere writer).
    fn commit(&mut self, next: &NextOffsets) -> Result<Commit, LogError>;

    /// What its clients count; asked once a second, and never waits.
    fn vitals(&mut self) -> Vec<Vitals> {
        Vec::new()
    }

    /// All topics, by name.
    fn topics(&mut self) -> Result<Vec<TopicDescription>, LogError>;

    /// The offset after the last message of a partition.
    fn end_offset(&mut self, topic: &str, partition: Partition) -> Result<Offset, LogError>;

    /// Reads a bounded range, whatever this handle is subscribed to. Ends at `until`, or at the end the log had when it was asked.
    fn range<'a>(&'a mut self, range: &Range) -> Result<Messages<'a>, LogError>;
}

/// Messages of a range, in order.
pub type Messages<'a> = Box<dyn Iterator<Item = Result<Message, LogError>> + 'a>;

/// What a log has to say: every cause of work of the loop.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A message of an assigned partition.
    Message(Message),
    /// A partition is this handle's from now on (or again, after a recycle).
    Assigned {
        /// Its topic.
        topic: Arc<str>,
        /// Its number.
        partition: Partition,
        /// The next offset as committed; 0 where nothing was.
        committed: Offset,
        /// The end offset at this moment.
        end: Offset,
    },
    /// A partition goes away. What is open may still be committed before the next poll.
    Revoked {
        /// Its topic.
        topic: Arc<str>,
        /// Its number.
        partition: Partition,
    },
    /// All that stood in a partition has been handed over. Comes once each time its end is reached.
    EndOfPartition {
        /// Its topic.
        topic: Arc<str>,
        /// Its number.
        partition: Partition,
        /// Its end offset.
        end: Offset,
    },
    /// All partitions are others': nothing to do until one of them goes.
    Standby,
    /// Nothing happened within the time.
    Idle,
}

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Commit {
    /// All of it is there.
    Committed,
    /// Unknown or no: the committed offsets, which come with `Assigned`, will tell. What was sent comes back, in its order, so that
    /// it can be sent again without being folded again.
    Recycled(Vec<Outgoing>, Recycle),
}

/// Why a transaction was recycled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recycle {
    /// Something may keep the next one from being committed as well.
    Trouble,
    /// The group shared its partitions anew while it was open: the next one knows.
    Rebalance,
}

/// A message on its way into a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The full name of the topic.
    pub topic: Arc<str>,
    /// A set partition; else murmur2 of the key, as the Java client has it; else 0.
    pub partition: Option<Partition>,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its bytes; `None` is a deletion mark.
    pub value: Option<Vec<u8>>,
    /// Its headers, in order.
    pub headers: Vec<Header>,
}

/// A bounded part of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The full name of the topic.
    pub topic: String,
    /// The partition.
    pub partition: Partition,
    /// The first offset.
    pub from: Offset,
    /// The first offset that is no part of it; `None`: to the end.
    pub until: Option<Offset>,
}

/// A topic as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDescription {
    /// Its full name.
    pub name: String,
    /// How many partitions it has, for life.
    pub partitions: Partition,
}
