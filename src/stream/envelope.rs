//! What stands around a value: the headers of outputs, and the whole of a dead letter. Never looks into a value.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{Log, LogError, Outgoing, Stage, WorkerSettings};
use crate::domain::{DeadLetterReason, Header, Message, Timestamp};
use crate::encode::{DeadLetter, Effects, Output, Topic};

/// What is left of the value of a dead letter that is too large.
const TRUNCATED_BYTES: usize = 65_536;

const SOURCE: &str = "entrepot-source";
const TRACE: &str = "traceparent";
const FIRST_TIMESTAMP: &str = "dlq.timestamp";

/// What stands around every output of a worker, made once.
pub(super) struct Envelopes {
    topics: Vec<(Topic, Arc<str>)>,
    build: String,
}

impl Envelopes {
    pub(super) fn new(settings: &WorkerSettings) -> Envelopes {
        Envelopes { topics: Vec::new(), build: settings.build.clone() }
    }

    /// The full name of a topic, made once.
    fn topic(&mut self, topic: Topic, settings: &WorkerSettings) -> Arc<str> {
        if let Some((_, name)) = self.topics.iter().find(|(known, _)| *known == topic) {
            return Arc::clone(name);
        }
        let name: Arc<str> = settings.full_name(topic).into();
        self.topics.push((topic, Arc::clone(&name)));
        name
    }

    /// Sends the outputs of a message, each with the headers of every output, then its own. `sent` hears of each.
    pub(super) fn send(
        &mut self,
        (outputs, cause): (Vec<Output>, &Message),
        settings: &WorkerSettings,
        log: &mut impl Log,
        sent: &mut dyn FnMut(&Arc<str>, usize),
    ) -> Result<(), LogError> {
        if outputs.is_empty() {
            return Ok(());
        }
        let input = cause.position.to_string();
        let source = cause.header(SOURCE).unwrap_or(&input);
        let trace = cause.headers.iter().rfind(|header| header.key == TRACE);
        for output in outputs {
            let Output { topic, partition, key, value, headers } = output;
            let (kind, topic) = (schema(topic), self.topic(topic, settings));
            let common: [(&str, &[u8]); 6] = [
                ("content-type", b"application/json"),
                ("entrepot-schema", kind.as_bytes()),
                (SOURCE, source.as_bytes()),
                ("entrepot-input", input.as_bytes()),
                ("entrepot-build", self.build.as_bytes()),
                (TRACE, trace.map_or(&[], |header| header.value.as_slice())),
            ];
            let common =
                if trace.is_some() { common.as_slice() } else { common.split_last().map_or(common.as_slice(), |(_, rest)| rest) };
            sent(&topic, value.len());
            if headers.is_empty() {
                log.send_under(common, Outgoing { topic, partition, key: Some(key), value: Some(value), headers })?;
                continue;
            }
            let is_own = |key: &str| headers.iter().any(|header| header.key == key);
            let common: Vec<_> = common.iter().copied().filter(|(key, _)| !is_own(key)).collect();
            log.send_under(&common, Outgoing { topic, partition, key: Some(key), value: Some(value), headers })?;
        }
        Ok(())
    }
}

/// The message as it was, with its position, the reason, and nothing changed; but cut where it is above the size limit.
pub(super) fn dead_letter(letter: &DeadLetter, message: Message, stage: &str, settings: &WorkerSettings) -> Outgoing {
    let Message { position, timestamp, key, mut value, headers: original } = message;
    // A message that was put back keeps the time at which it first came.
    let first = original.iter().rfind(|header| header.key == FIRST_TIMESTAMP);
    let timestamp = match first {
        Some(header) => String::from_utf8_lossy(&header.value).into_owned(),
        None => timestamp.as_ref().map(Timestamp::to_string).unwrap_or_default(),
    };
    let records: Vec<String> = letter.records.iter().map(u32::to_string).collect();
    let mut headers = original;
    headers.extend([
        header("dlq.topic", position.topic.to_string()),
        header("dlq.partition", position.partition.to_string()),
        header("dlq.offset", position.offset.to_string()),
        header(FIRST_TIMESTAMP, timestamp),
        header("dlq.stage", stage.to_owned()),
        header("dlq.feed", letter.feed.clone()),
        header("dlq.reason", letter.reason.to_owned()),
        header("dlq.detail", letter.detail.clone()),
        header("dlq.records", records.join(",")),
        header("dlq.build", settings.build.clone()),
    ]);
    if let Some(bytes) = value.as_mut().filter(|bytes| is_too_large(bytes.len(), settings)) {
        headers.extend([
            header("dlq.truncated", "true".to_owned()),
            header("dlq.sha256", hex(&Sha256::digest(&*bytes))),
            header("dlq.bytes", bytes.len().to_string()),
        ]);
        bytes.truncate(TRUNCATED_BYTES);
    }
    Outgoing { topic: settings.full_name(Topic::DeadLetters).into(), partition: None, key, value, headers }
}

/// A message above the size limit of a feed is not even looked at.
pub(super) fn too_large(message: &Message, stage: &Stage, settings: &WorkerSettings) -> Option<Effects> {
    let feed = stage.feeds.get(&*message.position.topic)?;
    let bytes = message.value.as_ref().map_or(0, Vec::len);
    if !is_too_large(bytes, settings) {
        return None;
    }
    let detail = format!("value of {bytes} bytes, ingest.payload_bytes_max is {}", settings.payload_bytes_max);
    let reason = DeadLetterReason::TooLarge.code();
    let letter = DeadLetter { feed: feed.clone(), reason, detail, records: Vec::new(), count: 1 };
    Some(Effects { dead_letter: Some(letter), outcomes: vec![("dead_letter", 1)], ..Effects::default() })
}

/// Whether a value is above the size limit.
fn is_too_large(bytes: usize, settings: &WorkerSettings) -> bool {
    u64::try_from(bytes).unwrap_or(u64::MAX) > settings.payload_bytes_max
}

fn header(key: &str, value: String) -> Header {
    Header { key: key.to_owned(), value: value.into_bytes() }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Kind and version of the values of a topic.
fn schema(topic: Topic) -> &'static str {
    match topic {
        Topic::Movements => "movement/1",
        Topic::Sightings => "sighting/1",
        Topic::Assessments => "assessment/1",
        Topic::Corridors => "corridor/1",
        Topic::Alerts => "alert/1",
        Topic::DeadLetters => "dead_letter/1",
        Topic::Feedback => "feedback/1",
        Topic::Progress => "progress/1",
        Topic::Kept => "kept/1",
    }
}
