//! A member of a consumer group as the loop sees it: partitions come and go, messages in between. Rebalances are answered by the loop's
//! own calls, never inside of librdkafka's; offsets are always set by us.

mod rebalance;
mod trouble;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerGroupMetadata};
use rdkafka::message::Message as _;
use rdkafka::{Offset as Place, Statistics, TopicPartitionList};

use super::super::clock::now;
use super::super::{Event, LogError, NextOffsets};
use super::classify::failed;
use super::context::Context;
use super::cover::Cover;
use super::held::{Doubt, Held, Unanswered, check_start, owned};
use super::watch::Watch;
use crate::domain::{Offset, Partition};

/// How long a question to the brokers may keep the loop from its other duties.
const PATIENCE: Duration = Duration::from_secs(5);

/// A group's member.
pub(super) struct Group {
    /// These ask the consumer, so they go first.
    watch: Watch,
    cover: Cover,
    consumer: Option<Arc<BaseConsumer<Context>>>,
    name: String,
    instance: String,
    /// What the group knows this member by over restarts.
    member: String,
    topics: Vec<String>,
    /// In the order in which they came; few, so a walk is quicker than a map of names.
    held: Vec<Held>,
    news: VecDeque<Event>,
    /// Partitions whose revocation the loop has been told of: gone at the next poll.
    leaving: Option<TopicPartitionList>,
    paused: BTreeSet<String>,
    /// Partitions whose offset is to be looked into.
    doubts: Vec<Doubt>,
    vitals: Option<Statistics>,
    /// The group moved on without us: nothing of ours can be committed.
    is_lost: bool,
    /// It leaves, to join again once nothing is held.
    is_rejoining: bool,
    /// What it is handed first is another's due: what it had before it began.
    is_outdated: bool,
}

impl Group {
    pub(super) fn join(
        consumer: BaseConsumer<Context>,
        (name, instance, member): (&str, &str, String),
        (topics, watch): (&[String], Watch),
        is_outdated: bool,
    ) -> Result<Group, LogError> {
        let group = Group {
            watch,
            cover: Cover::new(),
            consumer: Some(Arc::new(consumer)),
            name: name.to_owned(),
            instance: instance.to_owned(),
            member,
            topics: topics.to_vec(),
            held: Vec::new(),
            news: VecDeque::new(),
            leaving: None,
            paused: BTreeSet::new(),
            doubts: Vec::new(),
            vitals: None,
            is_lost: false,
            is_rejoining: false,
            is_outdated,
        };
        group.subscribe()?;
        Ok(group)
    }

    fn subscribe(&self) -> Result<(), LogError> {
        let topics: Vec<&str> = self.topics.iter().map(String::as_str).collect();
        self.consumer().subscribe(&topics).map_err(failed("subscribing"))
    }

    fn consumer(&self) -> &BaseConsumer<Context> {
        self.consumer.as_ref().expect("it is taken at the end alone")
    }

    /// What the group knows this member by; commits carry it, so that one who has lost its partitions is refused.
    pub(super) fn metadata(&self) -> Option<ConsumerGroupMetadata> {
        if self.is_lost { None } else { self.consumer().group_metadata() }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What a topic is told from another of the same name by; empty where it is not known. Commits carry it.
    pub(super) fn topic_id(&self, topic: &str) -> &str {
        self.watch.id(topic)
    }

    /// Whether a topic is one of ours, in which an offset has its one place.
    pub(super) fn is_ours(&self, topic: &str) -> bool {
        self.watch.is_fixed(topic)
    }

    /// Partitions that were assigned since, and whose committed offset is none of ours.
    pub(super) fn doubts(&mut self) -> Vec<Doubt> {
        std::mem::take(&mut self.doubts)
    }

    /// Whether such partitions are still to be looked into ...
    pub(super) fn is_in_doubt(&self) -> bool {
        !self.doubts.is_empty()
    }

    /// ... and these are, later.
    pub(super) fn ask_later(&mut self, doubts: Vec<Doubt>) {
        self.doubts.extend(doubts);
    }

    /// Waits at most so long for something to happen. `is_quiet`: no messages now, a transaction is unsettled.
    pub(super) fn poll(&mut self, timeout: Duration, is_quiet: bool) -> Result<Event, LogError> {
        if let Some(event) = self.news.pop_front() {
            return Ok(event);
        }
        self.let_go()?;
        if !is_quiet {
            self.take_up()?;
        }
        let timeout = if self.rebalance()? { Duration::ZERO } else { timeout };
        if let Some(event) = self.news.pop_front() {
            return Ok(event);
        }
        let consumer = self.consumer.as_ref().expect("it is taken at the end alone");
        let event = match consumer.poll(timeout) {
            None => Ok(Event::Idle),
            Some(Err(error)) => Err(error),
            Some(Ok(message)) => {
                let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
                let held = self.held.iter_mut().find(|held| held.is(topic, partition));
                let wanted = held.and_then(|held| held.hand_over(offset, is_quiet));
                Ok(wanted.map_or(Event::Idle, |topic| Event::Message(owned(&message, topic))))
            }
        };
        // Not at every message: the clock and the answers' queue cost as much as taking one.
        if self.hear_statistics() || !matches!(event, Ok(Event::Message(_))) {
            self.look_around(now())?;
        }
        event.or_else(|error| self.heard(&error))
    }

    /// The partitions that were announced and answered begin to be fetched, from where the loop wants them.
    fn take_up(&mut self) -> Result<(), LogError> {
        let mut list = TopicPartitionList::new();
        for held in &mut self.held {
            let (Some(wanted), None) = (held.wanted, held.position) else { continue };
            check_start((&held.topic, held.partition), wanted, held.start)?;
            let place = Place::Offset(wanted);
            list.add_partition_offset(&held.topic, held.partition, place).map_err(failed("setting an offset"))?;
            held.position = Some(wanted);
        }
        if list.count() == 0 {
            return Ok(());
        }
        let known = self.consumer().assignment().map_err(failed("asking for the assignment"))?;
        let (mut fresh, mut old) = (TopicPartitionList::new(), TopicPartitionList::new());
        for part in list.elements() {
            let list = if known.find_partition(part.topic(), part.partition()).is_some() { &mut old } else { &mut fresh };
            list.add_partition_offset(part.topic(), part.partition(), part.offset()).map_err(failed("setting an offset"))?;
        }
        if fresh.count() > 0 {
            self.consumer().incremental_assign(&fresh).map_err(failed("taking partitions"))?;
        }
        if old.count() > 0 {
            self.go_back(old);
        }
        // A pause survives a reassignment inside of librdkafka: say what holds.
        let (mut rest, mut go) = (TopicPartitionList::new(), TopicPartitionList::new());
        for part in list.elements() {
            let list = if self.paused.contains(part.topic()) { &mut rest } else { &mut go };
            list.add_partition(part.topic(), part.partition());
        }
        self.consumer().resume(&go).and_then(|()| self.consumer().pause(&rest)).map_err(failed("resuming partitions"))
    }

    /// Goes to the offsets of partitions that are fetched already; where brokers are away, at a later poll.
    fn go_back(&mut self, list: TopicPartitionList) {
        let places: Vec<_> = list.elements().iter().map(|part| (part.topic().to_owned(), part.partition())).collect();
        let sought = self.consumer().seek_partitions(list, PATIENCE);
        let error = match &sought {
            Ok(sought) => sought.elements().iter().find_map(|part| part.error().err()),
            Err(error) => Some(error.clone()),
        };
        let Some(error) = error else { return };
        tracing::warn!(group = self.name, %error, "going back to an offset does not come about yet");
        for (topic, partition) in places {
            self.held(&topic, partition).iter_mut().for_each(|held| held.position = None);
        }
    }

    pub(super) fn seek(&mut self, topic: &str, partition: Partition, from: Offset) {
        if let Some(held) = self.held(topic, partition) {
            held.wanted = Some(from);
            // Where it already is there is nothing to go back to.
            held.position = held.position.filter(|position| *position == from);
            (held.announced, held.stood) = (None, None);
        }
    }

    pub(super) fn pause(&mut self, topic: &str, paused: bool) -> Result<(), LogError> {
        if paused {
            self.paused.insert(topic.to_owned());
        } else {
            self.paused.remove(topic);
        }
        let mut list = TopicPartitionList::new();
        for held in self.held.iter().filter(|held| *held.topic == *topic && held.position.is_some()) {
            list.add_partition(topic, held.partition);
        }
        let done = if paused { self.consumer().pause(&list) } else { self.consumer().resume(&list) };
        done.map_err(failed("pausing a topic"))
    }

    pub(super) fn committed(&mut self, next: &NextOffsets) {
        for ((topic, partition), offset) in next {
            if let Some(held) = self.held(topic, *partition) {
                held.committed = *offset;
            }
        }
    }

    fn ask_committed(&self, asked: TopicPartitionList) -> Result<TopicPartitionList, Unanswered> {
        let unanswered = |error, topic: &str| Unanswered::of(error, self.about(topic));
        let committed = self.consumer().committed_offsets(asked, PATIENCE);
        let committed = committed.map_err(|error| unanswered(error, &self.forbidden()))?;
        committed.elements().iter().try_for_each(|part| part.error().map_err(|error| unanswered(error, part.topic())))?;
        Ok(committed)
    }

    /// After a transaction that nobody knows the end of: what is committed now, for those of its partitions that are still ours.
    ///
    /// `false`: the brokers do not say yet.
    pub(super) fn ask_again(&mut self, next: &NextOffsets) -> Result<bool, LogError> {
        let mut asked = TopicPartitionList::new();
        for (topic, partition) in next.keys() {
            let is_leaving = self.leaving.as_ref().is_some_and(|list| list.find_partition(topic, *partition).is_some());
            if !is_leaving && let Some(held) = self.held(topic, *partition) {
                held.wanted = None;
                asked.add_partition(topic, *partition);
            }
        }
        if asked.count() == 0 {
            return Ok(true);
        }
        let committed = match self.ask_committed(asked) {
            Ok(committed) => committed,
            Err(Unanswered::Refused(error)) => return Err(error),
            Err(Unanswered::Later(error)) => {
                tracing::debug!(group = self.name, %error, "what is committed is not known yet");
                return Ok(false);
            }
        };
        for part in committed.elements() {
            let Some(held) = self.held(part.topic(), part.partition()) else { continue };
            let place = part.offset();
            held.committed = if let Place::Offset(offset) = place { offset } else { held.start };
            let (assigned, topic) = (held.assigned(), Arc::clone(&held.topic));
            self.news.push_back(assigned);
            if !matches!(place, Place::Offset(_)) {
                self.doubts.push(Doubt { topic, partition: part.partition(), committed: None });
            }
        }
        Ok(true)
    }

    /// The end of a partition as last heard; no broker is asked.
    pub(super) fn end_offset(&self, topic: &str, partition: Partition) -> Option<Offset> {
        self.held.iter().find(|held| held.is(topic, partition)).map(|held| held.end)
    }

    fn held(&mut self, topic: &str, partition: Partition) -> Option<&mut Held> {
        self.held.iter_mut().find(|held| held.is(topic, partition))
    }

    /// Ends and how far everything is fetched: librdkafka says it once a second. Whether it has.
    fn hear_statistics(&mut self) -> bool {
        let Some(statistics) = self.consumer().context().statistics() else { return false };
        for held in &mut self.held {
            let topic = statistics.topics.get(&*held.topic);
            let Some(part) = topic.and_then(|topic| topic.partitions.get(&held.partition)) else { continue };
            if let Some(end) = held.hear(part, self.paused.contains(&*held.topic)) {
                let (topic, partition) = (Arc::clone(&held.topic), held.partition);
                self.news.push_back(Event::EndOfPartition { topic, partition, end });
            }
        }
        self.watch.hear_brokers(&statistics);
        self.vitals = Some(statistics);
        true
    }

    pub(super) fn statistics(&mut self) -> Option<Statistics> {
        self.vitals.take()
    }

    /// Ends it on a thread of its own: closing can take a while, and everything is committed or will be done again.
    pub(super) fn leave(&mut self) {
        self.watch.end();
        self.cover.end();
        if let Some(consumer) = self.consumer.take() {
            consumer.context().close();
            super::let_go(consumer, super::END_PATIENCE);
        }
    }
}
