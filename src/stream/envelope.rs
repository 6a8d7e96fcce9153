//! What stands around a value: the headers of outputs, and the whole of a dead letter. Never looks into a value.

use sha2::{Digest, Sha256};

use super::{Outgoing, WorkerSettings};
use crate::domain::{Header, Message, Timestamp};
use crate::encode::{DeadLetter, Output, Topic};

/// What is left of the value of a dead letter that is too large.
const TRUNCATED_BYTES: usize = 65_536;

const SOURCE: &str = "entrepot-source";
const FIRST_TIMESTAMP: &str = "dlq.timestamp";

/// An output with its headers: those of every output, then its own.
pub(super) fn output(output: Output, cause: &Message, settings: &WorkerSettings) -> Outgoing {
    let own = |key: &str| output.headers.iter().any(|header| header.key == key);
    let source = cause.header(SOURCE).map_or_else(|| cause.position.to_string(), str::to_owned);
    let mut headers = Vec::with_capacity(6 + output.headers.len());
    let common = [
        ("content-type", "application/json".to_owned()),
        ("entrepot-schema", schema(output.topic).to_owned()),
        (SOURCE, source),
        ("entrepot-input", cause.position.to_string()),
        ("entrepot-build", settings.build.clone()),
    ];
    headers.extend(common.into_iter().filter(|(key, _)| !own(key)).map(|(key, value)| header(key, value)));
    if !own("traceparent") {
        headers.extend(cause.headers.iter().rfind(|header| header.key == "traceparent").cloned());
    }
    headers.extend(output.headers);
    Outgoing {
        topic: settings.full_name(output.topic).into(),
        partition: output.partition,
        key: Some(output.key),
        value: Some(output.value),
        headers,
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

/// Whether a value is above the size limit.
pub(super) fn is_too_large(bytes: usize, settings: &WorkerSettings) -> bool {
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
    }
}
