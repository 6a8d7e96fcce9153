//! The log that the configuration names: opening it, and the topics that belong in it. The one file of the command line that knows
//! which home of [`crate::stream::Log`] it is.

#[cfg(feature = "kafka")]
use std::collections::BTreeMap;

use super::exit::{Exit, Failure};
use crate::config::{Config, Feed, LogHome};
use crate::encode::Topic;
use crate::stream::embedded::EmbeddedLog;
use crate::stream::{Home, LogError, Policy, TopicPlan};

impl From<LogError> for Failure {
    fn from(error: LogError) -> Failure {
        Failure { exit: Exit::from_code(error.exit_code()), error: error.into() }
    }
}

/// Opens the log where there is one.
pub(super) fn open(config: &Config) -> Result<Box<dyn Home>, Failure> {
    match &config.log {
        LogHome::Embedded { path } => Ok(Box::new(EmbeddedLog::open(path)?)),
        LogHome::Kafka { .. } => kafka(config),
    }
}

/// Opens the log, and makes it where there is none.
pub(super) fn create(config: &Config) -> Result<Box<dyn Home>, Failure> {
    match &config.log {
        LogHome::Embedded { path } => Ok(Box::new(EmbeddedLog::create(path)?)),
        LogHome::Kafka { .. } => kafka(config),
    }
}

/// The full name of a topic of ours.
pub(super) fn full(config: &Config, topic: Topic) -> String {
    format!("{}{}", config.topics.prefix, crate::stream::topic_name(topic))
}

/// Every topic that belongs in the log: ours, then the raw topics of these feeds.
pub(super) fn planned(config: &Config, feeds: &[Feed]) -> Vec<TopicPlan> {
    let many = config.topics.partitions;
    let ours = [
        (Topic::Movements, many, Policy::Forever, "records by commodity family"),
        (Topic::Sightings, many, Policy::Days(1_100), "records by identity"),
        (Topic::Assessments, many, Policy::Compacted(400), "verdicts on shipments"),
        (Topic::Corridors, many, Policy::Compacted(400), "verdicts on corridor-months"),
        (Topic::Alerts, many, Policy::Compacted(400), "changes of cases"),
        (Topic::DeadLetters, many, Policy::Days(30), "messages that could not be taken"),
        (Topic::Feedback, 1, Policy::Compacted(0), "what analysts found"),
        (Topic::Progress, 1, Policy::Compacted(0), "where partitions stand"),
        (Topic::Kept, 1, Policy::Compacted(0), "models and bundles by their hash, progress of feeds"),
    ];
    let ours = ours.map(|(topic, partitions, policy, holds)| TopicPlan { name: full(config, topic), partitions, policy, holds });
    let raw = feeds.iter().map(|feed| TopicPlan {
        name: feed.topic.clone(),
        partitions: 1,
        policy: Policy::Theirs,
        holds: "messages of a feed",
    });
    ours.into_iter().chain(raw).collect()
}

/// Topics whose old messages we have to let go ourselves: brokers do it without us.
pub(super) fn ours_to_empty(config: &Config, planned: Vec<TopicPlan>) -> Vec<TopicPlan> {
    if matches!(config.log, LogHome::Embedded { .. }) { planned } else { Vec::new() }
}

/// Makes what is missing; returns the names of what is new.
pub(super) fn create_topics(log: &mut dyn Home, planned: &[TopicPlan]) -> Result<Vec<String>, Failure> {
    let mut new = Vec::new();
    for topic in planned {
        if log.create_topic(topic)? {
            new.push(topic.name.clone());
        }
    }
    Ok(new)
}

/// Refuses topics that would lose, reorder or change what is written to them.
pub(super) fn refuse_unsafe(log: &mut dyn Home, planned: &[TopicPlan]) -> Result<(), Failure> {
    for plan in planned {
        let faults = log.faults(plan)?;
        if !faults.is_empty() {
            return Err(LogError::Unsafe { topic: plan.name.clone(), faults: faults.join("; ") }.into());
        }
    }
    Ok(())
}

/// Whether the log could be opened as it is configured; nobody is asked.
pub(super) fn validate(config: &Config) -> Result<(), Failure> {
    match &config.log {
        LogHome::Embedded { .. } => Ok(()),
        #[cfg(feature = "kafka")]
        LogHome::Kafka { bootstrap_servers, properties } => Ok(settings(config, (bootstrap_servers, properties)).validate()?),
        #[cfg(not(feature = "kafka"))]
        LogHome::Kafka { .. } => kafka(config).map(drop),
    }
}

#[cfg(feature = "kafka")]
fn kafka(config: &Config) -> Result<Box<dyn Home>, Failure> {
    let LogHome::Kafka { bootstrap_servers, properties } = &config.log else { unreachable!("asked for Kafka alone") };
    Ok(Box::new(crate::stream::kafka::KafkaLog::connect(settings(config, (bootstrap_servers, properties)))?))
}

#[cfg(feature = "kafka")]
fn settings(config: &Config, (servers, properties): (&str, &BTreeMap<String, String>)) -> crate::stream::kafka::KafkaSettings {
    crate::stream::kafka::KafkaSettings {
        bootstrap_servers: servers.to_owned(),
        properties: properties.clone(),
        prefix: config.topics.prefix.clone(),
        instance: config.service.instance.clone(),
        replication_factor: config.topics.replication_factor,
        payload_bytes_max: config.ingest.payload_bytes_max as u64,
        interval: config.transactions.interval,
    }
}

#[cfg(not(feature = "kafka"))]
fn kafka(_: &Config) -> Result<Box<dyn Home>, Failure> {
    let message = "log.kind = kafka: this build is without the feature `kafka`; set log.kind = \"embedded\"";
    Err(Failure::new(Exit::Unavailable, message))
}
