//! One transactional producer: sends, commits, and is recycled where the outcome of a commit is not sure. Knows no state and no group.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Statistics, TopicPartitionList};

use super::super::clock::now;
use super::super::{LogError, Outgoing, Recycle};
use super::classify::{About, Class, cause, classify, denied, failed, is_denied, is_fenced, is_too_large, recycle};
use super::context::Context;
use super::native;
use super::sent::Sent;
use super::settings::KafkaSettings;
use crate::domain::Partition;

/// How long a commit may take: well below the transaction's own timeout of 15 s.
const COMMIT_DEADLINE: Duration = Duration::from_secs(10);
/// Things that an idle producer is heard of at once.
const HEARD: usize = 16;
/// How long a producer is heard after a failure.
const HEAR: Duration = Duration::from_millis(50);
/// How long one call of a commit waits before it is looked at again.
const PATIENCE: Duration = Duration::from_millis(2_000);
/// How long the first step of a producer waits, so that the loop is never still for long.
const INIT_PATIENCE: Duration = Duration::from_millis(1_000);
/// Messages on their way at most; beyond it sending waits.
const WINDOW: i32 = 20_000;
/// Sends between two looks at what the producer has to say.
const LOOK_EVERY: usize = 256;
/// A commit quicker than this never counts as slow: librdkafka repeats a lost request no sooner (0.8 of `retry.backoff.ms`).
const SLOW: Duration = Duration::from_millis(200);
/// A commit counts as slow at so many times the median of those before it.
const SLOW_TIMES: u32 = 4;
/// A producer is replaced for slowness at most once in this time.
const SLOW_REST: Duration = Duration::from_secs(10);

/// A producer under one transactional id, and the open transaction.
pub(super) struct Writer {
    settings: KafkaSettings,
    id: String,
    producer: Option<Arc<BaseProducer<Context>>>,
    /// A commit that has not ended by then is given up.
    deadline: Duration,
    is_ready: bool,
    is_open: bool,
    /// Why the open transaction cannot come to anything.
    broken: Option<KafkaError>,
    /// What was sent since it was opened: handed back where it comes to nothing.
    sent: Sent,
    since_look: usize,
    /// Requests the producer has repeated.
    retries: u64,
    pace: Pace,
}

/// What became of a transaction.
pub(super) enum Outcome {
    Committed,
    /// Nobody knows, or it is lost: what was sent.
    Unsure(Vec<Outgoing>, Recycle),
}

impl Writer {
    pub(super) fn new(settings: &KafkaSettings, id: String) -> Writer {
        Writer {
            settings: settings.clone(),
            id,
            producer: None,
            deadline: COMMIT_DEADLINE,
            is_ready: false,
            is_open: false,
            broken: None,
            sent: Sent::default(),
            since_look: 0,
            retries: 0,
            pace: Pace::default(),
        }
    }

    /// Makes the producer ready, as far as that comes about within a second: fences those before it, ends what they left open.
    ///
    /// `false`: not yet, call again.
    pub(super) fn get_ready(&mut self) -> Result<bool, LogError> {
        if self.is_ready && !self.pace.is_worn {
            return Ok(true);
        }
        if self.pace.is_worn && !self.is_open {
            tracing::warn!(id = self.id, "a commit was slow, its request may have been repeated: a new producer before the next");
            self.drop_producer(Duration::ZERO);
            self.pace.is_worn = false;
        }
        let producer = match &self.producer {
            Some(producer) => producer,
            None => {
                let made = self.settings.producer(&self.id).create_with_context(Context::default());
                self.producer.insert(Arc::new(made.map_err(failed("making a producer"))?))
            }
        };
        producer.poll(Duration::ZERO);
        match producer.init_transactions(INIT_PATIENCE) {
            Ok(()) => {
                self.is_ready = true;
                Ok(true)
            }
            Err(error) => match classify(&error, producer.client().fatal_error().is_some()) {
                Class::Denied => Err(self.denied(&error)),
                Class::Retry => self.heard_login(),
                Class::Recycle => {
                    tracing::warn!(id = self.id, %error, "a producer could not be made ready; another is made");
                    self.drop_producer(Duration::ZERO);
                    Ok(false)
                }
            },
        }
    }

    /// A login that is refused is retried by the client for ever: it is ours to end that.
    fn heard_login(&self) -> Result<bool, LogError> {
        let trouble = self.producer.as_ref().and_then(|producer| producer.context().trouble());
        match trouble {
            Some((error, _)) if is_denied(&error) => Err(self.denied(&error)),
            _ => Ok(false),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Sends a message within the open transaction; opens one where there is none. What fails shows at the commit.
    pub(super) fn send(&mut self, lent: &[(&str, &[u8])], outgoing: &Outgoing, partition: Partition) -> Result<(), LogError> {
        self.open()?;
        if self.broken.is_none() {
            self.produce(lent, outgoing, partition)?;
        }
        self.sent.push(lent, outgoing, partition);
        Ok(())
    }

    /// Opens a transaction where none is open.
    pub(super) fn open(&mut self) -> Result<(), LogError> {
        if self.is_open {
            return Ok(());
        }
        let end = now() + self.deadline;
        while !self.get_ready()? {
            if now() >= end {
                self.broken = Some(KafkaError::Canceled);
                break;
            }
        }
        self.is_open = true;
        if self.broken.is_some() {
            return Ok(());
        }
        if let Some(producer) = &self.producer
            && let Err(error) = producer.begin_transaction()
        {
            self.broken = Some(error);
        }
        Ok(())
    }

    fn produce(&mut self, lent: &[(&str, &[u8])], outgoing: &Outgoing, partition: Partition) -> Result<(), LogError> {
        let Some(producer) = &self.producer else { return Ok(()) };
        self.since_look += 1;
        if self.since_look >= LOOK_EVERY {
            self.since_look = 0;
            producer.poll(Duration::ZERO);
            let end = now() + self.deadline;
            while producer.in_flight_count() > WINDOW && now() < end {
                producer.poll(Duration::from_millis(1));
            }
        }
        let headers = OwnedHeaders::new_with_capacity(lent.len() + outgoing.headers.len());
        lent.iter().for_each(|(key, value)| native::add_header(&headers, key, value));
        outgoing.headers.iter().for_each(|header| native::add_header(&headers, &header.key, &header.value));
        let mut record = BaseRecord::<[u8], [u8]>::to(&outgoing.topic).partition(partition).headers(headers);
        record.key = outgoing.key.as_deref();
        record.payload = outgoing.value.as_deref();
        let end = now() + self.deadline;
        loop {
            match producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(Code::QueueFull), back)) if now() < end => {
                    producer.poll(Duration::from_millis(1));
                    record = back;
                }
                Err((error, _)) => {
                    self.broken = Some(error);
                    return Ok(());
                }
            }
        }
    }

    /// Commits what was sent and the offsets of a group, in one.
    pub(super) fn commit(
        &mut self,
        offsets: Option<(TopicPartitionList, ConsumerGroupMetadata)>,
        group: &str,
    ) -> Result<Outcome, LogError> {
        self.open()?;
        let begun = now();
        let inputs = offsets.as_ref().map(|(offsets, _)| topics_of(offsets.elements().iter().map(|part| part.topic())));
        let failed = match self.broken.take() {
            Some(error) => Some((error, false)),
            None => self.try_commit(offsets, begun + self.deadline).err(),
        };
        self.is_open = false;
        let Some((error, at_offsets)) = failed else {
            self.sent.clear();
            self.pace.note(now().saturating_duration_since(begun), now());
            return Ok(Outcome::Committed);
        };
        let sent = self.sent.take();
        let fatal = self.producer.as_ref().and_then(|producer| producer.client().fatal_error());
        let (error, is_broken) = (cause(error, fatal.as_ref()), fatal.is_some());
        // After a refusal whatever is sent next fails as well, and says no more than that the transaction is broken. A poll without patience
        // hears one thing, and what was refused may stand behind others.
        self.producer.iter().for_each(|producer| producer.poll(HEAR));
        let refused = self.producer.as_ref().and_then(|producer| producer.context().refused());
        if refused.is_some() || classify(&error, is_broken) == Class::Denied {
            let read = inputs.filter(|_| at_offsets && refused.is_none());
            let (right, topic) = read.map_or_else(|| ("Write", self.refused_topic(refused, &sent)), |inputs| ("Read", inputs));
            return Err(denied(&error, About { right, topic: &topic, group, transactional_id: &self.id }));
        }
        if is_fenced(&error) {
            return Err(LogError::Fenced { instance: self.settings.instance.clone(), detail: error.to_string() });
        }
        let undelivered = self.producer.as_ref().and_then(|producer| producer.context().undelivered());
        if is_too_large(&error) || undelivered.as_ref().is_some_and(|(_, error)| is_too_large(error)) {
            let largest = || sent.iter().max_by_key(|outgoing| outgoing.value.as_ref().map_or(0, Vec::len));
            // What else was not delivered is a mere consequence.
            let named = undelivered.filter(|(_, error)| is_too_large(error)).map(|(topic, _)| topic);
            let topic = named.or_else(|| largest().map(|outgoing| outgoing.topic.to_string()));
            self.drop_producer(Duration::ZERO);
            return Err(LogError::TooLarge {
                topic: topic.unwrap_or_default(),
                topic_max: None,
                sent_max: self.settings.message_bytes_max(),
            });
        }
        let undelivered = undelivered.map(|(topic, error)| format!("{topic}: {error}")).unwrap_or_default();
        tracing::warn!(id = self.id, %error, undelivered, "a transaction came to nothing, or nobody knows: a new producer");
        self.drop_producer(Duration::ZERO);
        Ok(Outcome::Unsure(sent, recycle(&error)))
    }

    /// Ends the open transaction as lost: what was sent.
    pub(super) fn give_up(&mut self) -> Vec<Outgoing> {
        self.is_open = false;
        self.broken = None;
        self.drop_producer(Duration::ZERO);
        self.sent.take()
    }

    /// Offsets when nothing is on its way any more: while partitions are still being added to the transaction, its coordinator refuses other
    /// requests, and librdkafka repeats those after `retry.backoff.ms` only. Of an error also, whether it came while offsets were handed over.
    fn try_commit(
        &self,
        offsets: Option<(TopicPartitionList, ConsumerGroupMetadata)>,
        end: Instant,
    ) -> Result<(), (KafkaError, bool)> {
        let Some(producer) = &self.producer else { return Err((KafkaError::Canceled, false)) };
        while !native::flush(producer, Duration::from_millis(100)) {
            // Failed deliveries wait to be heard.
            producer.poll(Duration::ZERO);
            if now() >= end {
                return Err((KafkaError::Flush(Code::OperationTimedOut), false));
            }
        }
        if let Some((offsets, group)) = offsets {
            hand_over(producer, offsets, group, end).map_err(|error| (error, true))?;
        }
        producer.poll(Duration::ZERO);
        again(producer, end, || producer.commit_transaction(PATIENCE)).map_err(|error| (error, false))
    }

    /// Serves what the client has to say while nothing is sent: its log, its errors. A poll without patience hears one thing; while brokers
    /// are away more come than polls, and would be kept. Not for every message: a poll costs as much as sending one.
    pub(super) fn hear(&self) {
        if let Some(producer) = &self.producer {
            (0..HEARD).for_each(|_| producer.poll(Duration::ZERO));
        }
    }

    /// What the producer counts, where it has come since the last time. A repeated request is a reason to replace it.
    pub(super) fn statistics(&mut self) -> Option<Statistics> {
        self.hear();
        let statistics = self.producer.as_ref().and_then(|producer| producer.context().statistics())?;
        let retries = statistics.brokers.values().map(|broker| broker.txretries).sum();
        if retries > self.retries {
            self.pace.wear(now());
        }
        self.retries = retries;
        Some(statistics)
    }

    /// Lets the producer go on a thread of its own: its end can take a while. The next one under its id ends what it left open.
    pub(super) fn drop_producer(&mut self, patience: Duration) {
        self.is_ready = false;
        self.retries = 0;
        if let Some(producer) = self.producer.take() {
            super::let_go(producer, patience);
        }
    }

    fn denied(&self, error: &KafkaError) -> LogError {
        denied(error, About { right: "Write", transactional_id: &self.id, ..About::default() })
    }

    /// Which topic is meant stands in the client's log or in a delivery that was refused; else it is one of those sent to.
    fn refused_topic(&self, refused: Option<String>, sent: &[Outgoing]) -> String {
        let undelivered = || self.producer.as_ref()?.context().undelivered().filter(|(_, error)| is_denied(error));
        let sent_to = || topics_of(sent.iter().map(|outgoing| &*outgoing.topic));
        refused.or_else(|| undelivered().map(|(topic, _)| topic)).unwrap_or_else(sent_to)
    }
}

fn topics_of<'a>(topics: impl Iterator<Item = &'a str>) -> String {
    topics.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
}

/// Hands offsets over to the open transaction, on a thread of its own: the call has no end where a broker goes away while it asks for the
/// group's coordinator (librdkafka 2.12 keeps no time in `rd_kafka_coord_req`). Such a thread ends when its client next hears of a broker.
fn hand_over(
    producer: &Arc<BaseProducer<Context>>,
    offsets: TopicPartitionList,
    group: ConsumerGroupMetadata,
    end: Instant,
) -> Result<(), KafkaError> {
    let (answer, heard) = channel();
    let producer = Arc::clone(producer);
    let call = move || {
        // Nobody hears what comes too late.
        let _ = answer.send(again(&producer, end, || producer.send_offsets_to_transaction(&offsets, &group, PATIENCE)));
    };
    // Without a thread nothing is handed over, and the answer is that it came to nothing.
    drop(std::thread::Builder::new().name("offsets".to_owned()).spawn(call));
    heard.recv_timeout(end.saturating_duration_since(now())).unwrap_or(Err(KafkaError::Canceled))
}

/// Calls until it is done, fails for good, or the time is over.
fn again(
    producer: &BaseProducer<Context>,
    end: Instant,
    mut call: impl FnMut() -> Result<(), KafkaError>,
) -> Result<(), KafkaError> {
    loop {
        let Err(error) = call() else { return Ok(()) };
        let is_broken = producer.client().fatal_error().is_some();
        if classify(&error, is_broken) != Class::Retry || now() >= end {
            return Err(error);
        }
        producer.poll(Duration::from_millis(1));
    }
}

/// How long commits take: a slow one may have been repeated behind our back, and librdkafka's transactions cannot tell a late end of
/// this one from the end of the next (Jepsen on Bufstream 0.1.0; Kafka's KIP-890). A new producer fences the late one.
#[derive(Default)]
struct Pace {
    recent: Vec<Duration>,
    is_worn: bool,
    replaced: Option<Instant>,
}

impl Pace {
    fn wear(&mut self, now: Instant) {
        if self.replaced.is_none_or(|last| now.saturating_duration_since(last) >= SLOW_REST) {
            self.is_worn = true;
            self.replaced = Some(now);
        }
    }

    fn note(&mut self, took: Duration, now: Instant) {
        let mut sorted = self.recent.clone();
        sorted.sort_unstable();
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        if took >= SLOW && took >= median * SLOW_TIMES {
            self.wear(now);
        }
        if self.recent.len() >= 32 {
            self.recent.remove(0);
        }
        self.recent.push(took);
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
