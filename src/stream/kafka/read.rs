//! Reading outside of any group: what topics there are, where partitions begin and end, bounded ranges. Commits nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::Message as _;
use rdkafka::{Offset as Place, TopicPartitionList};

use super::super::clock::now;
use super::super::{LogError, Messages, Range};
use super::classify::{self, About, asked, failed};
use super::context::Context;
use super::{KafkaLog, held};
use crate::domain::{Message, Offset, Partition, Timestamp};

/// How long a question to the brokers may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a bounded read waits for its next message: longer than a partition needs to find a new leader.
const SILENCE: Duration = Duration::from_secs(60);
/// How long a client is heard after it found no broker.
const HEAR: Duration = Duration::from_millis(200);
/// What is asked about partitions.
const ENDS: &str = "asking for the ends of a partition";
/// A poll of a bounded read.
const POLL: Duration = Duration::from_millis(100);
/// How long an open transaction may keep a reader that has to see its end: its own timeout, and the broker's look for such.
const SETTLE: Duration = Duration::from_secs(60);

impl KafkaLog {
    /// Reads the names and partitions of all topics.
    pub(super) fn list_topics(&mut self) -> Result<(), LogError> {
        let metadata = self.reader()?.fetch_metadata(None, PATIENCE).map_err(|error| self.unreachable(&error))?;
        let topics = metadata.topics().iter().filter(|topic| topic.error().is_none() && !topic.name().starts_with("__"));
        let count = |count: usize| Partition::try_from(count).unwrap_or(Partition::MAX);
        self.topics = topics.map(|topic| (topic.name().to_owned(), count(topic.partitions().len()))).collect();
        Ok(())
    }

    /// How many partitions a topic has that is in no list: what may not be described looks as if it were not there.
    ///
    /// # Errors
    ///
    /// [`LogError::UnknownTopic`] where it is not there, [`LogError::Denied`] where it may not be described.
    pub(super) fn describe(&self, topic: &str) -> Result<Partition, LogError> {
        let metadata = self.reader()?.fetch_metadata(Some(topic), PATIENCE).map_err(|error| self.unreachable(&error))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let absent = || LogError::UnknownTopic { topic: topic.to_owned() };
        let found = found.ok_or_else(absent)?;
        match found.error().map(|error| KafkaError::MetadataFetch(error.into())) {
            None => Ok(Partition::try_from(found.partitions().len()).unwrap_or(Partition::MAX)),
            Some(error) if classify::is_denied(&error) => {
                Err(classify::denied(&error, About { right: "Describe", topic, ..About::default() }))
            }
            Some(_) => Err(absent()),
        }
    }

    /// What kept us from the brokers: nobody there, or nobody who lets us in.
    pub(super) fn unreachable(&self, error: &KafkaError) -> LogError {
        // The client hears of a refused login while it is polled, one thing a poll, and says no more than "transport failure" otherwise.
        let (reader, until) = (self.reader.get(), now() + HEAR);
        while let Some(reader) = reader.filter(|_| now() < until) {
            drop(reader.poll(Duration::from_millis(5)));
        }
        match reader.and_then(|reader| reader.context().trouble()) {
            Some((error, reason)) if classify::is_denied(&error) => {
                LogError::Denied { right: "the login", resource: "Kafka".to_owned(), detail: reason }
            }
            _ if classify::is_denied(error) => {
                classify::denied(error, About { right: "Describe", topic: "of any name", ..About::default() })
            }
            trouble => {
                let detail = trouble.map_or_else(|| error.to_string(), |(_, reason)| reason);
                LogError::Unreachable { servers: self.settings.bootstrap_servers.clone(), detail }
            }
        }
    }

    /// Where a partition begins and ends, open transactions left out.
    pub(super) fn watermarks(&mut self, topic: &str, partition: Partition) -> Result<(Offset, Offset), LogError> {
        let partitions = self.partitions(topic)?;
        if !(0..partitions).contains(&partition) {
            return Err(LogError::UnknownPartition { topic: topic.to_owned(), partition, partitions });
        }
        ends(self.reader()?, topic, partition)
    }

    /// Waits until nothing in a partition is undecided: a reader of what is committed does not see what stands behind an open
    /// transaction, though it may be committed already.
    pub(super) fn wait_until_settled(&mut self, topic: &str, partition: Partition) -> Result<(), LogError> {
        let mut config = self.settings.reader("ends");
        config.set("isolation.level", "read_uncommitted");
        let all: BaseConsumer<Context> = config.create_with_context(Context::default()).map_err(failed("making a reader"))?;
        let (_, end) = ends(&all, topic, partition)?;
        super::let_go(all, Duration::ZERO);
        let begun = now();
        let until = begun + self.patience(SETTLE);
        while self.watermarks(topic, partition)?.1 < end {
            if now() >= until {
                return Err(self.in_vain("waiting for a transaction that another left open", topic, begun));
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// What did not come about since then.
    pub(super) fn in_vain(&self, doing: &'static str, topic: &str, begun: Instant) -> LogError {
        let seconds = now().saturating_duration_since(begun).as_secs();
        LogError::InVain { doing, topic: topic.to_owned(), servers: self.settings.bootstrap_servers.clone(), seconds }
    }

    /// A worker that stands still for a minute counts as stuck: as a member of a group it tries again later.
    fn patience(&self, whole: Duration) -> Duration {
        if self.group.is_some() { whole / 4 } else { whole }
    }

    /// [`Log::range`](super::Log::range).
    pub(super) fn read<'a>(&'a mut self, range: &Range) -> Result<Messages<'a>, LogError> {
        let (start, end) = self.watermarks(&range.topic, range.partition)?;
        let (from, until) = (range.from.max(start), range.until.unwrap_or(end).min(end));
        if from >= until {
            return Ok(Box::new(std::iter::empty()));
        }
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&range.topic, range.partition, Place::Offset(from)).map_err(failed("setting an offset"))?;
        self.reader()?.assign(&list).map_err(failed("beginning to read"))?;
        let topic = range.topic.as_str().into();
        let silence = self.patience(SILENCE);
        Ok(Box::new(Bounded { reader: self.reader()?, topic, partition: range.partition, until, silence, is_over: false }))
    }

    /// The first offset appended at that instant or later.
    pub(super) fn first_since(&mut self, topic: &str, partition: Partition, instant: Timestamp) -> Result<Offset, LogError> {
        let (_, end) = self.watermarks(topic, partition)?;
        let mut wanted = TopicPartitionList::new();
        let at = Place::Offset(instant.as_millisecond());
        wanted.add_partition_offset(topic, partition, at).map_err(failed("setting an instant"))?;
        let found = self.reader()?.offsets_for_times(wanted, PATIENCE);
        let found = found.map_err(asked("asking for the offset of an instant", reading(topic)))?;
        let place = found.find_partition(topic, partition).map(|part| part.offset());
        Ok(if let Some(Place::Offset(offset)) = place { offset.min(end) } else { end })
    }

    /// How many messages of these topics a group has not committed. Few are counted, since marks of transactions take offsets too.
    pub(super) fn left(&mut self, group: &str, topics: &[String]) -> Result<u64, LogError> {
        const COUNTED: Offset = 64;
        let mut wanted = TopicPartitionList::new();
        for topic in topics {
            for partition in 0..self.partitions(topic)? {
                wanted.add_partition(topic, partition);
            }
        }
        // Asked again and again while somebody waits for a group: its client is made once.
        if !self.askers.contains_key(group) {
            let mut config = self.settings.reader("lag");
            config.set("group.id", group).set("isolation.level", "read_uncommitted");
            let asker = config.create_with_context(Context::default()).map_err(failed("making a reader"))?;
            self.askers.insert(group.to_owned(), asker);
        }
        let asker = self.askers.get(group).expect("it was there or has just been made");
        let about = About { right: "Describe", topic: &topics.join(", "), group, ..About::default() };
        let committed = asker.committed_offsets(wanted, PATIENCE).map_err(asked("asking what is committed", about))?;
        let mut all_ends = Vec::new();
        for part in committed.elements() {
            all_ends.push(ends(asker, part.topic(), part.partition())?.1);
        }
        let mut left = 0;
        for (part, all) in committed.elements().iter().zip(all_ends) {
            let from = if let Place::Offset(offset) = part.offset() { offset } else { 0 };
            let range = Range { topic: part.topic().to_owned(), partition: part.partition(), from, until: None };
            let (start, end) = self.watermarks(&range.topic, range.partition)?;
            // A transaction shows its offsets first, and in each of its partitions when its mark has come there.
            if all > end {
                left += u64::try_from(all - from.max(start)).unwrap_or(0);
                continue;
            }
            let span = end - from.max(start);
            left += if span > COUNTED { u64::try_from(span).unwrap_or(0) } else { self.read(&range)?.count() as u64 };
        }
        Ok(left)
    }
}

/// Where a partition begins and ends, as this client sees it. A topic that has just been made has leaders, by what its brokers say, before
/// they have heard that they are.
fn ends(client: &BaseConsumer<Context>, topic: &str, partition: Partition) -> Result<(Offset, Offset), LogError> {
    let until = now() + PATIENCE;
    loop {
        match client.fetch_watermarks(topic, partition, PATIENCE) {
            Err(error) if classify::is_leaderless(&error) && now() < until => std::thread::sleep(POLL),
            ends => return ends.map_err(asked(ENDS, reading(topic))),
        }
    }
}

/// What reading needs, outside of a group.
fn reading(topic: &str) -> About<'_> {
    About { right: "Read", topic, ..About::default() }
}

/// A bounded read: to an offset, or to the end, whose last offsets may be marks of transactions that nobody hands over.
struct Bounded<'a> {
    reader: &'a BaseConsumer<Context>,
    topic: Arc<str>,
    partition: Partition,
    until: Offset,
    silence: Duration,
    is_over: bool,
}

impl Bounded<'_> {
    fn message(&mut self) -> Result<Option<Message>, LogError> {
        let mut silent_until = None;
        loop {
            match self.reader.poll(POLL) {
                Some(Ok(message)) if message.partition() != self.partition || message.topic() != &*self.topic => {}
                Some(Ok(message)) if message.offset() >= self.until => return Ok(None),
                Some(Ok(message)) => return Ok(Some(held::owned(&message, Arc::clone(&self.topic)))),
                Some(Err(KafkaError::PartitionEOF(_))) => return Ok(None),
                // The client looks for the coordinator of a group that is a name only.
                Some(Err(error)) if !classify::is_of_group(&error) && !classify::passes(&error) => {
                    return Err(asked("reading", reading(&self.topic))(error));
                }
                Some(Err(_)) | None => {
                    if now() >= *silent_until.get_or_insert_with(|| now() + self.silence) {
                        return Err(failed("reading")(KafkaError::MessageConsumption(Code::OperationTimedOut)));
                    }
                }
            }
        }
    }
}

impl Iterator for Bounded<'_> {
    type Item = Result<Message, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let message = self.message();
        self.is_over = !matches!(&message, Ok(Some(message)) if message.position.offset + 1 < self.until);
        message.transpose()
    }
}

impl Drop for Bounded<'_> {
    fn drop(&mut self) {
        drop(self.reader.unassign());
    }
}
