//! The log that the configuration names: opening it, and the topics that belong in it. The one file of the command line that knows
//! which home of [`crate::stream::Log`] it is.

use std::path::Path;

use super::exit::{Exit, Failure};
use crate::config::{Config, Feed, LogHome};
use crate::domain::Partition;
use crate::encode::Topic;
use crate::stream::LogError;

pub(super) use crate::stream::embedded::{Artifact, EmbeddedLog as Home, FeedProgress};

/// A topic that belongs in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlannedTopic {
    /// Its full name.
    pub(super) name: String,
    /// How many partitions.
    pub(super) partitions: Partition,
    /// How long messages are kept.
    pub(super) policy: &'static str,
    /// What stands in it.
    pub(super) holds: &'static str,
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Failure {
        Failure { exit: Exit::from_code(error.exit_code()), error: error.into() }
    }
}

/// Opens the log where there is one.
pub(super) fn open(config: &Config) -> Result<Home, Failure> {
    Ok(Home::open(path(config)?)?)
}

/// Opens the log, and makes it where there is none.
pub(super) fn create(config: &Config) -> Result<Home, Failure> {
    Ok(Home::create(path(config)?)?)
}

/// Where the log stands, for the service to open it.
pub(super) fn path(config: &Config) -> Result<&Path, Failure> {
    match &config.log {
        LogHome::Embedded { path } => Ok(path),
        LogHome::Kafka { .. } => {
            let message = "log.kind = kafka: this build has the embedded log alone; set log.kind = \"embedded\"";
            Err(Failure::new(Exit::Unavailable, message))
        }
    }
}

/// The full name of a topic of ours.
pub(super) fn full(config: &Config, topic: Topic) -> String {
    format!("{}{}", config.topics.prefix, crate::stream::topic_name(topic))
}

/// Every topic that belongs in the log: ours, then the raw topics of these feeds.
pub(super) fn planned(config: &Config, feeds: &[Feed]) -> Vec<PlannedTopic> {
    let many = config.topics.partitions;
    let ours = [
        (Topic::Movements, many, "delete, kept for ever", "records by commodity family"),
        (Topic::Sightings, many, "delete, 1100 days", "records by identity"),
        (Topic::Assessments, many, "compact, 400 days of history", "verdicts on shipments"),
        (Topic::Corridors, many, "compact, 400 days of history", "verdicts on corridor-months"),
        (Topic::Alerts, many, "compact, 400 days of history", "changes of cases"),
        (Topic::DeadLetters, many, "delete, 30 days", "messages that could not be taken"),
        (Topic::Feedback, 1, "compact", "what analysts found"),
        (Topic::Progress, 1, "compact", "where partitions stand"),
    ];
    let ours =
        ours.map(|(topic, partitions, policy, holds)| PlannedTopic { name: full(config, topic), partitions, policy, holds });
    let raw = feeds.iter().map(|feed| PlannedTopic {
        name: feed.topic.clone(),
        partitions: 1,
        policy: "yours",
        holds: "messages of a feed",
    });
    ours.into_iter().chain(raw).collect()
}

/// Makes what is missing; returns the names of what is new.
pub(super) fn create_topics(log: &mut Home, planned: &[PlannedTopic]) -> Result<Vec<String>, Failure> {
    let mut new = Vec::new();
    for topic in planned {
        if log.create_topic(&topic.name, topic.partitions)? {
            new.push(topic.name.clone());
        }
    }
    Ok(new)
}
