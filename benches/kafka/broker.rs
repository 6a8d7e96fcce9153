//! The broker of the bench: topics made and deleted, records put onto them. Takes no time.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::kafka::{Broker as Started, Brokers, Secure};
use crate::{Failure, settings};

/// Partitions of every topic.
pub(crate) const PARTITIONS: i32 = 12;
/// The topics of entrepot's own.
const OWN: [&str; 9] =
    ["movements", "sightings", "assessments", "corridors", "alerts", "dead-letters", "feedback", "progress", "kept"];
const PATIENCE: Duration = Duration::from_secs(60);

/// A broker that is there for this run alone.
pub(crate) struct Broker {
    started: Started,
    admin: AdminClient<DefaultClientContext>,
}

impl Broker {
    /// Starts it, with the heap and the compiler of one that serves.
    pub(crate) fn start() -> Result<Broker, Failure> {
        let started = Started::start_with(("bench", Brokers::One, Secure::No), &["--bench"]);
        let admin = ClientConfig::new().set("bootstrap.servers", started.bootstrap()).create()?;
        Ok(Broker { started, admin })
    }

    /// Where it is.
    pub(crate) fn bootstrap(&self) -> &str {
        self.started.bootstrap()
    }

    /// Makes topics, whose messages carry the time of their append.
    pub(crate) fn make(&self, names: &[&str]) -> Result<(), Failure> {
        let topics = names.iter().map(|name| {
            let partitions = if name.ends_with("kept") || name.ends_with("progress") { 1 } else { PARTITIONS };
            NewTopic::new(name, partitions, TopicReplication::Fixed(1))
                .set("message.timestamp.type", "LogAppendTime")
                .set("max.message.bytes", "1400000")
        });
        let topics: Vec<NewTopic<'_>> = topics.collect();
        for made in wait(self.admin.create_topics(&topics, &AdminOptions::new()))?? {
            made.map_err(|(name, code)| format!("making {name}: {code}"))?;
        }
        // The controller has made them; the broker hears of it later.
        loop {
            let metadata = self.admin.inner().fetch_metadata(None, PATIENCE)?;
            let is_there = |name: &&&str| metadata.topics().iter().any(|topic| topic.name() == **name);
            if names.iter().filter(is_there).count() == names.len() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Makes all topics that the stages write, below a prefix, and what the bare loop writes.
    pub(crate) fn make_own(&self, prefix: &str) -> Result<(), Failure> {
        let names = own(prefix);
        self.make(&names.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Removes them.
    pub(crate) fn delete_own(&self, prefix: &str) -> Result<(), Failure> {
        let names = own(prefix);
        self.delete(&names.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Removes topics.
    pub(crate) fn delete(&self, names: &[&str]) -> Result<(), Failure> {
        for deleted in wait(self.admin.delete_topics(names, &AdminOptions::new()))?? {
            match deleted {
                Ok(_) | Err((_, Code::UnknownTopicOrPartition)) => {}
                Err((name, code)) => return Err(format!("deleting {name}: {code}").into()),
            }
        }
        Ok(())
    }

    /// Puts records onto a topic, one partition after the other.
    pub(crate) fn fill(&self, topic: &str, records: impl Iterator<Item = Vec<u8>>) -> Result<u64, Failure> {
        let feeder = Feeder::new(self.bootstrap(), topic)?;
        let mut count = 0;
        for record in records {
            feeder.send(count, &record)?;
            count += 1;
        }
        feeder.finish()?;
        Ok(count)
    }
}

fn own(prefix: &str) -> Vec<String> {
    OWN.iter().chain(&["out"]).map(|name| format!("{prefix}{name}")).collect()
}

/// A plain writer.
pub(crate) struct Feeder {
    producer: BaseProducer,
    topic: String,
}

impl Feeder {
    pub(crate) fn new(bootstrap: &str, topic: &str) -> Result<Feeder, Failure> {
        Ok(Feeder { producer: settings::producer(bootstrap).create()?, topic: topic.to_owned() })
    }

    /// Sends a record to the next partition.
    pub(crate) fn send(&self, number: u64, value: &[u8]) -> Result<(), Failure> {
        let partition = i32::try_from(number % u64::try_from(PARTITIONS)?)?;
        let mut record = BaseRecord::<(), [u8]>::to(&self.topic).partition(partition).payload(value);
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(Code::QueueFull), back)) => {
                    self.producer.poll(Duration::from_millis(1));
                    record = back;
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
    }

    /// Lets the client say what it has to say.
    pub(crate) fn poll(&self, wait: Duration) {
        self.producer.poll(wait);
    }

    pub(crate) fn finish(self) -> Result<(), Failure> {
        Ok(self.producer.flush(PATIENCE)?)
    }
}

/// Waits for an answer of the admin client, which is a future.
fn wait<T>(answer: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    Ok(runtime.block_on(answer))
}
