//! The embedded log as a [`Home`]: its own methods under the names of the trait.

use std::sync::atomic::AtomicBool;

use super::super::{Home, Serving, Stage, TopicPlan};
use super::{Artifact, Commit, EmbeddedLog, FeedProgress, Lease, Log, LogError, Messages, NextOffsets, Range, Share};
use crate::domain::{Date, Message, Offset, Partition, Position, Timestamp};

/// The lease of the one `run`.
const LEASE: &str = "run";

impl Home for EmbeddedLog {
    fn location(&self) -> String {
        self.path().display().to_string()
    }

    fn another(&self) -> Result<Box<dyn Home>, LogError> {
        Ok(Box::new(EmbeddedLog::another(self)?))
    }

    fn close(&mut self) -> Result<(), LogError> {
        EmbeddedLog::close(self)
    }

    fn create_topic(&mut self, topic: &TopicPlan) -> Result<bool, LogError> {
        EmbeddedLog::create_topic(self, &topic.name, topic.partitions)
    }

    fn faults(&mut self, topic: &TopicPlan) -> Result<Vec<String>, LogError> {
        let found = self.topics()?.into_iter().find(|found| found.name == topic.name);
        let found = found.ok_or_else(|| LogError::UnknownTopic { topic: topic.name.clone() })?;
        if found.partitions == topic.partitions {
            return Ok(Vec::new());
        }
        Ok(vec![format!("{} partitions, wanted {}", found.partitions, topic.partitions)])
    }

    fn may_serve(&mut self) -> Result<(), LogError> {
        self.refuse_held(LEASE)
    }

    fn serve(&mut self, instance: &str) -> Result<Box<dyn Serving>, LogError> {
        Ok(Box::new(self.lease(LEASE, instance)?))
    }

    fn member(&self, stage: &Stage, share: Share) -> Result<Box<dyn Log + Send>, LogError> {
        let mut log = EmbeddedLog::another(self)?;
        log.subscribe(&stage.group, &stage.topics, share)?;
        Ok(Box::new(log))
    }

    fn commit_with(&mut self, next: &NextOffsets, progress: Option<&FeedProgress>) -> Result<Commit, LogError> {
        EmbeddedLog::commit_with(self, next, progress)
    }

    fn progress(&mut self, feed: &str, file: &str) -> Result<Option<FeedProgress>, LogError> {
        EmbeddedLog::progress(self, feed, file)
    }

    fn keep(&mut self, artifact: &Artifact) -> Result<(), LogError> {
        EmbeddedLog::keep(self, artifact)
    }

    fn artifact(&mut self, hash: &str) -> Result<Option<Artifact>, LogError> {
        EmbeddedLog::artifact(self, hash)
    }

    fn kept_hashes(&mut self, kind: &str) -> Result<Vec<String>, LogError> {
        EmbeddedLog::kept_hashes(self, kind)
    }

    fn bind_family_map(&mut self, fingerprint: &str) -> Result<(), LogError> {
        EmbeddedLog::bind_family_map(self, fingerprint)
    }

    fn family_map(&mut self) -> Result<Option<String>, LogError> {
        EmbeddedLog::family_map(self)
    }

    fn ticked(&mut self, today: Date) -> Result<Date, LogError> {
        EmbeddedLog::ticked(self, today)
    }

    fn set_ticked(&mut self, date: Date) -> Result<(), LogError> {
        EmbeddedLog::set_ticked(self, date)
    }

    fn lag(&mut self, group: &str, topics: &[String]) -> Result<u64, LogError> {
        EmbeddedLog::lag(self, group, topics)
    }

    fn message(&mut self, position: &Position) -> Result<Option<Message>, LogError> {
        EmbeddedLog::message(self, position)
    }

    fn with_key(&mut self, topic: &str, key: &[u8]) -> Result<Vec<Message>, LogError> {
        EmbeddedLog::with_key(self, topic, key)
    }

    fn offset_at(&mut self, topic: &str, partition: Partition, instant: Timestamp) -> Result<Offset, LogError> {
        EmbeddedLog::offset_at(self, topic, partition, instant)
    }

    fn wait_until_settled(&mut self, _: &str, _: Partition) -> Result<(), LogError> {
        // A commit is one write.
        Ok(())
    }

    fn let_go(&mut self, topic: &TopicPlan, now: Timestamp, stop: &AtomicBool) -> Result<u64, LogError> {
        EmbeddedLog::let_go(self, topic, now, stop)
    }

    fn values<'a>(&'a mut self, range: &Range) -> Result<Messages<'a>, LogError> {
        EmbeddedLog::values(self, range)
    }
}

impl Serving for Lease {
    fn beat(&mut self) -> Result<(), LogError> {
        Lease::beat(self)
    }
}
