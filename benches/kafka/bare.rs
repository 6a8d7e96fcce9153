//! The bare loop: one consumer, one producer of librdkafka, each record written on as it came, or messages of a given shape for it. Knows
//! nothing of entrepot.
//!
//! Set as the service sets its clients where speed is concerned, and as little as exactly-once allows: no statistics, no partitions told
//! by key, and no headers unless the shape has them. Commits at the same age, count and bytes.

#![allow(unsafe_code, reason = "the binding's own flush sleeps a tenth of a second at a time, which would flatter us")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList, bindings};

use crate::Failure;
use crate::contest::{Job, Kind, Told, Watch, ready};
use crate::settings;
use crate::shape::Shape;

const PATIENCE: Duration = Duration::from_secs(10);
/// Messages on their way at most, as the service has it.
const WINDOW: i32 = 20_000;
/// Sends between two looks at what the producer has to say.
const LOOK_EVERY: u64 = 256;

/// What was read since the last commit.
#[derive(Default)]
struct Open {
    since: Option<Instant>,
    records: u32,
    bytes: u64,
    next: BTreeMap<i32, i64>,
    appended_ms: Vec<i64>,
}

/// Commits with a transaction.
pub(crate) fn transactional(job: &Job) -> Result<Told, Failure> {
    let producer = producer(job, true)?;
    producer.init_transactions(PATIENCE)?;
    let mut commits = 0;
    let commit = |consumer: &BaseConsumer, offsets: &TopicPartitionList| -> Result<(), Failure> {
        let group = consumer.group_metadata().ok_or("no group")?;
        producer.send_offsets_to_transaction(offsets, &group, PATIENCE)?;
        flush(&producer)?;
        producer.commit_transaction(PATIENCE)?;
        commits += 1;
        Ok(())
    };
    let mut told = carry((job, &producer), &|| producer.begin_transaction(), commit)?;
    told.commits = commits;
    Ok(told)
}

/// Commits offsets only, and waits for nothing.
pub(crate) fn plain(job: &Job) -> Result<Told, Failure> {
    let producer = producer(job, false)?;
    let mut commits = 0;
    let commit = |consumer: &BaseConsumer, offsets: &TopicPartitionList| -> Result<(), Failure> {
        consumer.commit(offsets, CommitMode::Async)?;
        commits += 1;
        Ok(())
    };
    let mut told = carry((job, &producer), &|| Ok(()), commit)?;
    told.commits = commits;
    Ok(told)
}

/// The loop.
fn carry(
    (job, producer): (&Job, &BaseProducer),
    begin: &dyn Fn() -> Result<(), KafkaError>,
    mut commit: impl FnMut(&BaseConsumer, &TopicPartitionList) -> Result<(), Failure>,
) -> Result<Told, Failure> {
    let consumer = consumer(job)?;
    let mut is_ready = false;
    let (watch, out, interval) = (Watch::default(), format!("{}out", job.prefix), settings::INTERVAL);
    let (mut open, mut done, mut latencies) = (Open::default(), 0u64, Vec::new());
    let mut writer = Output::new(producer, &out, (job.kind == Kind::Same).then(|| Shape::of_movements(job.records)));
    while done < job.records {
        let left = open.since.map_or(interval, |since| interval.saturating_sub(now().saturating_duration_since(since)));
        let polled = consumer.poll(left);
        if !is_ready && (polled.is_some() || consumer.assignment()?.count() > 0) {
            ready();
            is_ready = true;
        }
        match polled {
            Some(Ok(message)) => {
                if open.since.is_none() {
                    watch.begin();
                    begin()?;
                    open.since = Some(now());
                }
                open.records += 1;
                open.bytes += message.payload_len() as u64 + writer.write(message.partition(), message.payload())?;
                open.next.insert(message.partition(), message.offset() + 1);
                open.appended_ms.extend(message.timestamp().to_millis());
                done += 1;
            }
            Some(Err(error)) => return Err(error.into()),
            None => {}
        }
        let is_old = open.since.is_some_and(|since| now().saturating_duration_since(since) >= interval);
        let is_full = open.records >= settings::RECORDS_MAX || open.bytes >= settings::BYTES_MAX;
        if is_old || is_full || (done == job.records && open.records > 0) {
            commit(&consumer, &offsets(&job.raw, &open.next)?)?;
            let now_ms = wall_ms();
            latencies.extend(open.appended_ms.drain(..).map(|appended| (now_ms - appended).max(0)));
            open = Open { next: std::mem::take(&mut open.next), ..Open::default() };
        }
    }
    flush(producer)?;
    let latencies_ms = [("bare".to_owned(), latencies)].into();
    let mut told = Told { written: writer.sent, latencies_ms, ..Told::default() };
    watch.end(done, &mut told)?;
    Ok(told)
}

/// What is written for a record.
struct Output<'a> {
    producer: &'a BaseProducer,
    topic: &'a str,
    shape: Option<Shape>,
    /// Messages of the shape that are due.
    due: f64,
    value: Vec<u8>,
    sent: u64,
}

impl<'a> Output<'a> {
    fn new(producer: &'a BaseProducer, topic: &'a str, shape: Option<Shape>) -> Output<'a> {
        Output { producer, topic, shape, due: 0.0, value: Vec::new(), sent: 0 }
    }

    /// Writes for a record that came with this value; the bytes written.
    fn write(&mut self, partition: i32, value: Option<&[u8]>) -> Result<u64, Failure> {
        let value = value.unwrap_or_default();
        let Some(shape) = &self.shape else {
            self.sent += 1;
            send(self.producer, (self.topic, partition, self.sent), (value, &[]))?;
            return Ok(value.len() as u64);
        };
        self.value.clear();
        self.value.extend(value.iter().cycle().take(shape.bytes));
        self.due += shape.messages;
        let mut bytes = 0;
        while self.due >= 1.0 {
            self.due -= 1.0;
            self.sent += 1;
            send(self.producer, (self.topic, partition, self.sent), (&self.value, &shape.headers))?;
            bytes += self.value.len() as u64;
        }
        Ok(bytes)
    }
}

fn send(
    producer: &BaseProducer,
    (topic, partition, sent): (&str, i32, u64),
    (value, headers): (&[u8], &[(&str, String)]),
) -> Result<(), Failure> {
    if sent.is_multiple_of(LOOK_EVERY) {
        producer.poll(Duration::ZERO);
        while producer.in_flight_count() > WINDOW {
            producer.poll(Duration::from_millis(1));
        }
    }
    let mut record = BaseRecord::<(), [u8]>::to(topic).partition(partition).payload(value);
    if !headers.is_empty() {
        let owned = OwnedHeaders::new_with_capacity(headers.len());
        let insert = |list: OwnedHeaders, (key, value): &(&str, String)| list.insert(Header { key, value: Some(value) });
        record = record.headers(headers.iter().fold(owned, insert));
    }
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(Code::QueueFull), back)) => {
                producer.poll(Duration::from_millis(1));
                record = back;
            }
            Err((error, _)) => return Err(error.into()),
        }
    }
}

/// Waits until everything is delivered, and is woken by the last answer.
fn flush(producer: &BaseProducer) -> Result<(), Failure> {
    let until = now() + PATIENCE;
    loop {
        // SAFETY: the client lives as long as the producer that is borrowed here; the call takes nothing else.
        let answer = unsafe { bindings::rd_kafka_flush(producer.client().native_ptr(), 100) };
        producer.poll(Duration::ZERO);
        if answer == bindings::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Ok(());
        }
        if now() >= until {
            return Err("nothing is delivered any more".into());
        }
    }
}

fn offsets(topic: &str, next: &BTreeMap<i32, i64>) -> Result<TopicPartitionList, Failure> {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in next {
        list.add_partition_offset(topic, *partition, Offset::Offset(*offset))?;
    }
    Ok(list)
}

/// A member of a group of its own.
fn consumer(job: &Job) -> Result<BaseConsumer, Failure> {
    let mut config = settings::consumer(&job.bootstrap);
    config.set("group.id", format!("{}bare", job.prefix)).set("auto.offset.reset", "earliest");
    let consumer: BaseConsumer = config.create()?;
    consumer.subscribe(&[&job.raw])?;
    Ok(consumer)
}

fn producer(job: &Job, is_transactional: bool) -> Result<BaseProducer, Failure> {
    let mut config: ClientConfig = settings::producer(&job.bootstrap);
    if is_transactional {
        config.set("transactional.id", format!("{}bare", job.prefix)).set("transaction.timeout.ms", "15000");
    }
    Ok(config.create()?)
}

#[expect(clippy::disallowed_methods, reason = "a bench is a clock")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "a bench is a clock")]
fn wall_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
