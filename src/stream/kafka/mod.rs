//! The log on Apache Kafka, through librdkafka. One handle is one thread's: a member of a group, and a transactional producer.
//!
//! Two outcomes of a transaction only: committed, or recycled. A recycled one costs the producer; a new one under the same id fences
//! it, waits for the outcome of what it left open, and then the committed offsets tell what happened. Until that is settled the handle
//! hands over no messages, and never waits for long, so that its thread gives signs of life while brokers are away.

mod beside;
mod classify;
mod context;
mod cover;
mod group;
mod held;
mod home;
mod members;
mod native;
mod read;
mod sent;
mod settings;
mod topics;
mod vitals;
mod watch;
mod writer;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::BaseConsumer;

use super::{
    Commit, Event, FeedProgress, Log, LogError, Messages, NextOffsets, Outgoing, Range, Recycle, TopicDescription, Vitals,
    partition_of,
};
use crate::domain::{Offset, Partition};
use context::Context;
use group::Group;
use held::Doubt;
use vitals::Counts;
use writer::{Outcome, Writer};

pub use settings::KafkaSettings;

/// Handles of this process so far: a producer's id is its own, else the later fences the earlier.
static HANDLES: AtomicU64 = AtomicU64::new(0);

/// How soon what is not settled yet is asked for again.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// How long the end of a client may keep its thread; beyond it the client ends on its own.
const END_PATIENCE: Duration = Duration::from_secs(3);

/// A handle on the log.
pub struct KafkaLog {
    settings: Arc<KafkaSettings>,
    /// Reads whatever no group hands out: metadata, ends, ranges. Made when it is asked for, since each client's threads wake every second.
    reader: OnceCell<BaseConsumer<Context>>,
    /// Ask what groups have committed, one a group.
    askers: BTreeMap<String, BaseConsumer<Context>>,
    /// Partitions of the topics that were asked for.
    topics: BTreeMap<String, Partition>,
    group: Option<Group>,
    writer: Writer,
    /// What is kept beside the messages, once it was read.
    kept: Option<BTreeMap<String, Vec<u8>>>,
    counts: BTreeMap<&'static str, Counts>,
    /// The partitions of a transaction whose outcome is not known yet.
    unsettled: Option<NextOffsets>,
}

impl KafkaLog {
    /// Connects, as a client that is told apart from others by its name.
    ///
    /// # Errors
    ///
    /// [`LogError::Property`] for a setting that cannot be taken, [`LogError::Unreachable`] where no broker answers,
    /// [`LogError::Denied`] where none lets us in.
    pub fn connect(settings: KafkaSettings) -> Result<KafkaLog, LogError> {
        settings.validate()?;
        KafkaLog::reach(&Arc::new(settings))
    }

    /// [`KafkaLog::connect`], with settings that were looked at.
    fn reach(settings: &Arc<KafkaSettings>) -> Result<KafkaLog, LogError> {
        // Not stable, since several commands run beside a service; nobody has to take over from them.
        let number = HANDLES.fetch_add(1, Ordering::Relaxed);
        let id = format!("{}command.{}-{}-{number}", settings.prefix, settings.instance, std::process::id());
        let mut log = KafkaLog::with_writer(settings, &id);
        log.list_topics()?;
        Ok(log)
    }

    fn with_writer(settings: &Arc<KafkaSettings>, id: &str) -> KafkaLog {
        KafkaLog {
            reader: OnceCell::new(),
            writer: Writer::new(settings, id.to_owned()),
            settings: Arc::clone(settings),
            askers: BTreeMap::new(),
            topics: BTreeMap::new(),
            group: None,
            kept: None,
            counts: BTreeMap::new(),
            unsettled: None,
        }
    }

    fn reader(&self) -> Result<&BaseConsumer<Context>, LogError> {
        if let Some(reader) = self.reader.get() {
            return Ok(reader);
        }
        let mut config = self.settings.reader("reader");
        // A bounded read begins once the broker has answered the last request of the one before, which asks for what is beyond its end.
        if !self.settings.properties.contains_key("fetch.wait.max.ms") {
            config.set("fetch.wait.max.ms", "10");
        }
        let made = config.create_with_context(Context::default());
        let made = made.map_err(classify::failed("making a reader"))?;
        Ok(self.reader.get_or_init(|| made))
    }

    /// Lets go of the clients that are asked seldom; they are made again when they are.
    fn rest_clients(&mut self) {
        self.reader.take().into_iter().for_each(|reader| let_go(reader, Duration::ZERO));
        if self.group.is_none() && !self.writer.is_open() {
            self.writer.drop_producer(Duration::ZERO);
        }
    }

    /// What is committed, once the outcome of the last transaction is settled; then the loop hears of it.
    fn settle(&mut self) -> Result<(), LogError> {
        let Some(unsettled) = &self.unsettled else { return Ok(()) };
        if self.writer.get_ready()? && self.group.as_mut().map_or(Ok(true), |group| group.ask_again(unsettled))? {
            self.unsettled = None;
        }
        Ok(())
    }

    /// A group without an offset is a new one, or one whose offset was lost; one that it did not commit itself may be one from which it
    /// would do again what was done: what is noted beside its commits tells.
    fn check_offsets(&mut self) -> Result<(), LogError> {
        let Some(group) = self.group.as_mut().filter(|group| group.is_in_doubt()) else { return Ok(()) };
        let (name, doubts) = (group.name().to_owned(), group.doubts());
        match self.check_doubts(&name, &doubts) {
            Ok(()) => {
                self.rest_clients();
                Ok(())
            }
            // Brokers that are away come back: asked again then, and nothing is read before.
            Err(error) if matches!(error.exit_code(), 69 | 75) => {
                tracing::warn!(%error, "whether offsets were lost is not known yet");
                if let Some(group) = &mut self.group {
                    group.ask_later(doubts);
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn check_doubts(&mut self, group: &str, doubts: &[Doubt]) -> Result<(), LogError> {
        for (Doubt { topic, partition, committed }, known) in self.came(group, doubts)? {
            let is_raw = !self.group.as_ref().is_some_and(|group| group.is_ours(&topic));
            let (group, topic) = (group.to_owned(), topic.to_string());
            match committed {
                None => {
                    // With a topic its groups' offsets are deleted; one that ends before where they stood was made again.
                    held::check_end((&topic, partition), known, self.watermarks(&topic, partition)?.1)?;
                    return Err(LogError::OffsetsGone { group, topic, partition, known });
                }
                // What is read twice is a duplicate.
                Some(committed) if committed < known && is_raw => {}
                // Nothing but marks of transactions, or what was deleted since, lies between.
                Some(committed) if committed > known && !self.holds((&topic, partition), (known, committed))? => {}
                // The topic is the user's, and what of it is to be read.
                Some(committed) if is_raw => {
                    tracing::warn!(
                        group,
                        topic,
                        partition,
                        committed,
                        known,
                        "the offset was set forward by other hands: what lies before it and was not read yet is passed over"
                    );
                }
                Some(committed) => return Err(LogError::Moved { group, topic, partition, committed, known }),
            }
        }
        Ok(())
    }

    /// Whether any message lies between two offsets.
    fn holds(&mut self, (topic, partition): (&str, Partition), (from, until): (Offset, Offset)) -> Result<bool, LogError> {
        let range = Range { topic: topic.to_owned(), partition, from, until: Some(until) };
        Ok(self.read(&range)?.next().transpose()?.is_some())
    }

    /// [`Log::commit`], with the progress of a feed's file in the same transaction.
    fn commit_all(&mut self, next: &NextOffsets, progress: Option<&FeedProgress>) -> Result<Commit, LogError> {
        if next.is_empty() && progress.is_none() && !self.writer.is_open() {
            return Ok(Commit::Committed);
        }
        let (kept, came) = self.notes(next, progress);
        for note in came.into_iter().chain(kept.clone()) {
            self.send(note)?;
        }
        let mut offsets = TopicPartitionList::new();
        for ((topic, partition), offset) in next {
            let mut place = offsets.add_partition(topic, *partition);
            place.set_offset(rdkafka::Offset::Offset(*offset)).map_err(classify::failed("setting an offset"))?;
            place.set_metadata(self.group.as_ref().map_or("", |group| group.topic_id(topic)));
        }
        let group = match &self.group {
            Some(group) if !next.is_empty() => match group.metadata() {
                Some(metadata) => Some((offsets, metadata)),
                None => {
                    let sent = self.writer.give_up();
                    return Ok(self.unsure(next, sent, Recycle::Rebalance));
                }
            },
            _ => None,
        };
        let name = self.group.as_ref().map_or("", Group::name);
        let outcome = match self.writer.commit(group, name) {
            Err(LogError::TooLarge { topic, sent_max, .. }) => {
                let topic_max = self.setting(&topic, "max.message.bytes");
                return Err(LogError::TooLarge { topic, topic_max, sent_max });
            }
            outcome => outcome?,
        };
        match outcome {
            Outcome::Committed => {
                if let Some(group) = &mut self.group {
                    group.committed(next);
                }
                self.remember(kept);
                Ok(Commit::Committed)
            }
            Outcome::Unsure(sent, why) => Ok(self.unsure(next, sent, why)),
        }
    }

    fn unsure(&mut self, next: &NextOffsets, mut sent: Vec<Outgoing>, why: Recycle) -> Commit {
        // Notes of ours are written anew with the next commit.
        let ours = [self.note_topic(true), self.note_topic(false)];
        sent.retain(|outgoing| !ours.contains(&outgoing.topic));
        self.unsettled = Some(next.clone());
        Commit::Recycled(sent, why)
    }

    /// How many partitions a topic has.
    fn partitions(&mut self, topic: &str) -> Result<Partition, LogError> {
        if let Some(partitions) = self.topics.get(topic) {
            return Ok(*partitions);
        }
        self.list_topics()?;
        self.topics.get(topic).copied().map_or_else(|| self.describe(topic), Ok)
    }
}

impl Log for KafkaLog {
    fn poll(&mut self, timeout: Duration) -> Result<Event, LogError> {
        self.settle()?;
        self.check_offsets()?;
        let Some(group) = &mut self.group else {
            std::thread::sleep(timeout);
            self.writer.hear();
            return Ok(Event::Idle);
        };
        let is_quiet = self.unsettled.is_some() || group.is_in_doubt();
        let event = group.poll(if is_quiet { timeout.min(ASK_AGAIN) } else { timeout }, is_quiet)?;
        if matches!(event, Event::Idle) {
            self.writer.hear();
        }
        Ok(event)
    }

    fn seek(&mut self, topic: &str, partition: Partition, from: Offset) -> Result<(), LogError> {
        if let Some(group) = &mut self.group {
            group.seek(topic, partition, from);
        }
        Ok(())
    }

    fn pause(&mut self, topic: &str, paused: bool) -> Result<(), LogError> {
        self.group.as_mut().map_or(Ok(()), |group| group.pause(topic, paused))
    }

    fn send(&mut self, outgoing: Outgoing) -> Result<(), LogError> {
        self.send_under(&[], outgoing)
    }

    fn send_under(&mut self, lent: &[(&str, &[u8])], outgoing: Outgoing) -> Result<(), LogError> {
        let partitions = self.partitions(&outgoing.topic)?;
        let by_key = || outgoing.key.as_deref().map_or(0, |key| partition_of(key, partitions));
        let partition = outgoing.partition.unwrap_or_else(by_key);
        if !(0..partitions).contains(&partition) {
            return Err(LogError::UnknownPartition { topic: outgoing.topic.to_string(), partition, partitions });
        }
        self.writer.send(lent, &outgoing, partition)
    }

    fn commit(&mut self, next: &NextOffsets) -> Result<Commit, LogError> {
        self.commit_all(next, None)
    }

    fn vitals(&mut self) -> Vec<Vitals> {
        let producer = self.writer.statistics().map(|statistics| ("producer", statistics));
        let consumer = self.group.as_mut().and_then(Group::statistics).map(|statistics| ("consumer", statistics));
        let count = |(client, statistics)| self.counts.entry(client).or_default().vitals(client, &statistics);
        producer.into_iter().chain(consumer).map(count).collect()
    }

    fn topics(&mut self) -> Result<Vec<TopicDescription>, LogError> {
        self.list_topics()?;
        let describe =
            |(name, partitions): (&String, &Partition)| TopicDescription { name: name.clone(), partitions: *partitions };
        Ok(self.topics.iter().map(describe).collect())
    }

    fn end_offset(&mut self, topic: &str, partition: Partition) -> Result<Offset, LogError> {
        if let Some(end) = self.group.as_ref().and_then(|group| group.end_offset(topic, partition)) {
            return Ok(end);
        }
        self.watermarks(topic, partition).map(|(_, end)| end)
    }

    fn range<'a>(&'a mut self, range: &Range) -> Result<Messages<'a>, LogError> {
        self.read(range)
    }
}

impl Drop for KafkaLog {
    fn drop(&mut self) {
        self.writer.drop_producer(END_PATIENCE);
        if let Some(group) = &mut self.group {
            group.leave();
        }
        std::mem::take(&mut self.askers).into_values().for_each(|asker| let_go(asker, Duration::ZERO));
    }
}

/// Ends a client on a thread of its own, and waits a little for it: it may hang while brokers are away, and holds nothing that counts.
fn let_go<T: Send + 'static>(client: T, patience: Duration) {
    let (done, ended) = std::sync::mpsc::channel();
    let end = move || {
        drop(client);
        let _ = done.send(());
    };
    if std::thread::Builder::new().name("client-end".to_owned()).spawn(end).is_ok() {
        let _ = ended.recv_timeout(patience);
    }
}
