//! Kafka as a [`Home`]: its group shares partitions out, so any number of processes may serve at once.

use std::time::Duration;

use rdkafka::consumer::BaseConsumer;

use super::super::{
    Artifact, Commit, FeedProgress, Home, Log, LogError, Messages, NextOffsets, Range, Serving, Share, Stage, TopicPlan,
};
use super::classify::failed;
use super::context::Context;
use super::group::Group;
use super::watch::Watch;
use super::{KafkaLog, native};
use crate::domain::{Date, Message, Offset, Partition, Position, Timestamp};

/// How long the question may take what a group's members have.
const PATIENCE: Duration = Duration::from_secs(2);

impl Home for KafkaLog {
    fn location(&self) -> String {
        format!("kafka {}", self.settings.bootstrap_servers)
    }

    fn another(&self) -> Result<Box<dyn Home>, LogError> {
        let mut log = KafkaLog::reach(&self.settings)?;
        log.rest_clients();
        Ok(Box::new(log))
    }

    fn rest(&mut self) {
        self.rest_clients();
    }

    fn create_topic(&mut self, topic: &TopicPlan) -> Result<bool, LogError> {
        self.make_topic(topic)
    }

    fn may_create(&mut self, topic: &TopicPlan) -> Result<(), LogError> {
        self.ask_for(topic, true).map(drop)
    }

    fn faults(&mut self, topic: &TopicPlan) -> Result<Vec<String>, LogError> {
        self.topic_faults(topic)
    }

    fn serve(&mut self, _: &str) -> Result<Box<dyn Serving>, LogError> {
        Ok(Box::new(Shared))
    }

    fn member(&self, stage: &Stage, share: Share) -> Result<Box<dyn Log + Send>, LogError> {
        let id = format!("{}.{}-{}", stage.group, self.settings.instance, share.index);
        let mut log = KafkaLog::with_writer(&self.settings, &id);
        let config = self.settings.consumer(&stage.group, &id, share.index);
        let consumer: BaseConsumer<Context> =
            config.create_with_context(Context::default()).map_err(failed("making a member"))?;
        log.topics.clone_from(&self.topics);
        let ours = |topic: &&String| topic.starts_with(&self.settings.prefix);
        let fixed = stage.topics.iter().filter(ours).filter_map(|topic| Some((topic.clone(), *self.topics.get(topic)?)));
        let lasting = self.lasting().into_iter().filter(|topic| self.topics.contains_key(topic)).collect();
        let watch = Watch::new(&stage.topics, fixed.collect(), lasting);
        let member = self.settings.member(share.index);
        let topics = stage.topics.iter().map(|topic| (topic.as_str(), self.topics.get(topic).copied().unwrap_or(0)));
        let is_outdated = native::members(self.reader()?, &stage.group, PATIENCE).is_outdated(&member, topics);
        let names = (&*stage.group, &*self.settings.instance, member);
        log.group = Some(Group::join(consumer, names, (&stage.topics, watch), is_outdated)?);
        // Nothing is read before its producer is ready: what those before it left open has come to its end by then.
        log.unsettled = Some(NextOffsets::new());
        Ok(Box::new(log))
    }

    fn commit_with(&mut self, next: &NextOffsets, progress: Option<&FeedProgress>) -> Result<Commit, LogError> {
        self.commit_all(next, progress)
    }

    fn progress(&mut self, feed: &str, file: &str) -> Result<Option<FeedProgress>, LogError> {
        self.fed(feed, file)
    }

    fn keep(&mut self, artifact: &Artifact) -> Result<(), LogError> {
        self.keep_artifact(artifact)
    }

    fn artifact(&mut self, hash: &str) -> Result<Option<Artifact>, LogError> {
        self.kept_artifact(hash)
    }

    fn kept_hashes(&mut self, kind: &str) -> Result<Vec<String>, LogError> {
        self.hashes_of(kind)
    }

    fn bind_family_map(&mut self, fingerprint: &str) -> Result<(), LogError> {
        self.bind(fingerprint)
    }

    fn family_map(&mut self) -> Result<Option<String>, LogError> {
        self.bound_to()
    }

    fn ticked(&mut self, today: Date) -> Result<Date, LogError> {
        self.last_tick(today)
    }

    fn set_ticked(&mut self, date: Date) -> Result<(), LogError> {
        self.note_tick(date)
    }

    fn lag(&mut self, group: &str, topics: &[String]) -> Result<u64, LogError> {
        self.left(group, topics)
    }

    fn message(&mut self, position: &Position) -> Result<Option<Message>, LogError> {
        let Position { topic, partition, offset } = position;
        let range =
            Range { topic: topic.to_string(), partition: *partition, from: *offset, until: Some(offset.saturating_add(1)) };
        let found = self.read(&range)?.next().transpose()?;
        Ok(found.filter(|message| message.position.offset == *offset))
    }

    fn with_key(&mut self, topic: &str, key: &[u8]) -> Result<Vec<Message>, LogError> {
        let partition = super::partition_of(key, self.partitions(topic)?);
        let range = Range { topic: topic.to_owned(), partition, from: 0, until: None };
        let is_of =
            |message: &Result<Message, LogError>| message.as_ref().map_or(true, |message| message.key.as_deref() == Some(key));
        self.read(&range)?.filter(is_of).collect()
    }

    fn offset_at(&mut self, topic: &str, partition: Partition, instant: Timestamp) -> Result<Offset, LogError> {
        self.first_since(topic, partition, instant)
    }

    fn wait_until_settled(&mut self, topic: &str, partition: Partition) -> Result<(), LogError> {
        KafkaLog::wait_until_settled(self, topic, partition)
    }

    fn values<'a>(&'a mut self, range: &Range) -> Result<Messages<'a>, LogError> {
        self.read(range)
    }
}

/// Serving beside others: who does what is the group's affair.
struct Shared;

impl Serving for Shared {
    fn beat(&mut self) -> Result<(), LogError> {
        Ok(())
    }
}
