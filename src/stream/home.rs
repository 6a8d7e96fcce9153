//! What a home of the log gives beyond a worker's handle: topics, members of a group, and what is kept beside the messages.

use std::sync::atomic::AtomicBool;

use super::{Commit, Log, LogError, Messages, NextOffsets, Range, Stage};
use crate::domain::{Date, Message, Offset, Partition, Position, Timestamp};

/// A home of the log, and a handle on it: what commands and the service need. Commands and services know homes by this alone.
pub trait Home: Log + Send {
    /// Where it is, for people.
    fn location(&self) -> String;

    /// A handle of its own for another thread.
    fn another(&self) -> Result<Box<dyn Home>, LogError>;

    /// Says that nothing is wanted of this handle for a while. It stays what it is; what it keeps going for a quick answer may go.
    fn rest(&mut self) {}

    /// Says that a process is about to end with the log: all that was committed is to stand where a copy finds it.
    fn close(&mut self) -> Result<(), LogError> {
        Ok(())
    }

    /// Makes a topic. The same topic with the same partitions is fine; with others it is refused, since keys would move.
    ///
    /// Returns whether it is new.
    fn create_topic(&mut self, topic: &TopicPlan) -> Result<bool, LogError>;

    /// Refuses a topic that [`Home::create_topic`] could not make. Makes nothing.
    fn may_create(&mut self, _topic: &TopicPlan) -> Result<(), LogError> {
        Ok(())
    }

    /// What makes a topic unsafe, a line each: what it is, what it has to be. Empty where it is as planned.
    fn faults(&mut self, topic: &TopicPlan) -> Result<Vec<String>, LogError>;

    /// Whether this process could serve. Takes nothing from anybody.
    fn may_serve(&mut self) -> Result<(), LogError> {
        Ok(())
    }

    /// Says that this process is about to serve as this instance, where only one may at a time.
    fn serve(&mut self, instance: &str) -> Result<Box<dyn Serving>, LogError>;

    /// A handle for one worker of a stage: a member of its group.
    fn member(&self, stage: &Stage, share: Share) -> Result<Box<dyn Log + Send>, LogError>;

    /// [`Log::commit`], with the progress of a feed's file in the same transaction.
    fn commit_with(&mut self, next: &NextOffsets, progress: Option<&FeedProgress>) -> Result<Commit, LogError>;

    /// How far a file of a feed has been sent.
    fn progress(&mut self, feed: &str, file: &str) -> Result<Option<FeedProgress>, LogError>;

    /// Keeps an artifact; the same hash is kept once.
    fn keep(&mut self, artifact: &Artifact) -> Result<(), LogError>;

    /// The artifact of that hash.
    fn artifact(&mut self, hash: &str) -> Result<Option<Artifact>, LogError>;

    /// The hashes of what is kept of a kind, as it stands now.
    fn kept_hashes(&mut self, kind: &str) -> Result<Vec<String>, LogError>;

    /// Binds the log to a family map at first use, and refuses another afterwards: the map is part of the keys of `movements`.
    fn bind_family_map(&mut self, fingerprint: &str) -> Result<(), LogError>;

    /// The family map that the log is bound to; none before a service has begun on it.
    fn family_map(&mut self) -> Result<Option<String>, LogError>;

    /// Refuses to read its movements by another family map than theirs. Binds nothing.
    fn check_family_map(&mut self, fingerprint: &str) -> Result<(), LogError> {
        match self.family_map()? {
            Some(found) if found != fingerprint => Err(LogError::FamilyMapChanged { found, wanted: fingerprint.to_owned() }),
            _ => Ok(()),
        }
    }

    /// The last midnight whose ticks stand in the log; on a log that no service has served yet, today: it has missed none.
    fn ticked(&mut self, today: Date) -> Result<Date, LogError>;

    /// Notes that the ticks of this midnight stand in the log. Where that note is lost they are written again, which does no harm.
    fn set_ticked(&mut self, date: Date) -> Result<(), LogError>;

    /// How many messages of these topics a group has not committed yet.
    fn lag(&mut self, group: &str, topics: &[String]) -> Result<u64, LogError>;

    /// The message at a position, if it is there.
    fn message(&mut self, position: &Position) -> Result<Option<Message>, LogError>;

    /// All messages with that key, oldest first: revisions of one output. Reads the key's partition through.
    fn with_key(&mut self, topic: &str, key: &[u8]) -> Result<Vec<Message>, LogError>;

    /// The first offset appended at that instant or later; the end offset where there is none.
    fn offset_at(&mut self, topic: &str, partition: Partition, instant: Timestamp) -> Result<Offset, LogError>;

    /// Waits until nothing in a partition is undecided, so that all that was committed before can be read.
    fn wait_until_settled(&mut self, topic: &str, partition: Partition) -> Result<(), LogError>;

    /// Removes what the policy of a topic lets go at this instant, until it is done or the flag is up; how many messages that were.
    /// Brokers do it by themselves.
    fn let_go(&mut self, _topic: &TopicPlan, _now: Timestamp, _stop: &AtomicBool) -> Result<u64, LogError> {
        Ok(0)
    }

    /// [`Log::range`] for folds that look at no header: they may be missing.
    fn values<'a>(&'a mut self, range: &Range) -> Result<Messages<'a>, LogError>;
}

/// Held while a process serves. Dropping it gives the right back.
pub trait Serving: Send {
    /// Says that we live. To be called every few seconds; an error where another has taken over.
    fn beat(&mut self) -> Result<(), LogError>;
}

/// Which part of the partitions a worker takes where the home hands them out itself: those whose running number modulo `of` is `index`.
/// A group of Kafka shares them out, and takes `index` for the member's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// This worker's number, from 0.
    pub index: usize,
    /// How many there are.
    pub of: usize,
}

impl Share {
    /// All partitions.
    pub const WHOLE: Share = Share { index: 0, of: 1 };
}

/// A topic as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPlan {
    /// Its full name.
    pub name: String,
    /// How many partitions.
    pub partitions: Partition,
    /// What becomes of its messages in time.
    pub policy: Policy,
    /// What stands in it.
    pub holds: &'static str,
}

/// What becomes of the messages of a topic in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// They are kept for ever: state is rebuilt from them.
    Forever,
    /// They go after so many days.
    Days(u32),
    /// The last of each key is kept, and everything for so many days.
    Compacted(u32),
    /// The topic is the user's, and so is its policy; where it is made for them, it is kept for ever.
    Theirs,
}

impl std::fmt::Display for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = match self {
            Policy::Forever => "delete, kept for ever".to_owned(),
            Policy::Days(days) => format!("delete, {days} days"),
            Policy::Compacted(0) => "compact".to_owned(),
            Policy::Compacted(days) => format!("compact, {days} days of history"),
            Policy::Theirs => "yours".to_owned(),
        };
        f.pad(&text)
    }
}

/// How far a file has been fed. Written in the transaction of the messages it sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedProgress {
    /// The feed.
    pub feed: String,
    /// What makes the file this one: whatever the writer chooses (path, and a hash of its head).
    pub file: String,
    /// Bytes of it that were read.
    pub bytes: u64,
    /// Rows of it that were sent.
    pub rows: u64,
    /// Whether its end was reached.
    pub done: bool,
    /// By what the writer knows again what was read of it; earlier builds noted none.
    pub digest: Option<String>,
}

/// Something kept by its hash: a model, a bundle, a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Its hash, as provenance names it.
    pub hash: String,
    /// What it is: `model`, `reference`.
    pub kind: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

impl<L: Log + ?Sized> Log for Box<L> {
    fn poll(&mut self, timeout: std::time::Duration) -> Result<super::Event, LogError> {
        (**self).poll(timeout)
    }

    fn seek(&mut self, topic: &str, partition: Partition, from: Offset) -> Result<(), LogError> {
        (**self).seek(topic, partition, from)
    }

    fn pause(&mut self, topic: &str, paused: bool) -> Result<(), LogError> {
        (**self).pause(topic, paused)
    }

    fn send(&mut self, outgoing: super::Outgoing) -> Result<(), LogError> {
        (**self).send(outgoing)
    }

    fn send_under(&mut self, lent: &[(&str, &[u8])], outgoing: super::Outgoing) -> Result<(), LogError> {
        (**self).send_under(lent, outgoing)
    }

    fn commit(&mut self, next: &NextOffsets) -> Result<Commit, LogError> {
        (**self).commit(next)
    }

    fn vitals(&mut self) -> Vec<super::Vitals> {
        (**self).vitals()
    }

    fn topics(&mut self) -> Result<Vec<super::TopicDescription>, LogError> {
        (**self).topics()
    }

    fn end_offset(&mut self, topic: &str, partition: Partition) -> Result<Offset, LogError> {
        (**self).end_offset(topic, partition)
    }

    fn range<'a>(&'a mut self, range: &Range) -> Result<Messages<'a>, LogError> {
        (**self).range(range)
    }
}
