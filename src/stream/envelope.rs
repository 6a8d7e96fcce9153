//! What stands around a value: the headers of outputs, and the whole of a dead letter. Never looks into a value.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{Log, LogError, Outgoing, Stage, WorkerSettings};
use crate::domain::{DeadLetterReason, FIRST_TIMESTAMP, Header, Message, Timestamp};
use crate::encode::{DeadLetter, Effects, Output, Topic};

/// What is left of each part of a dead letter that is too large.
const TRUNCATED_BYTES: usize = 65_536;
/// Room that a message of ours has beside the largest value: for its key and its headers.
const ROOM_BYTES: u64 = 256 * 1024;
/// A message takes no less anywhere: what brokers take where nobody says otherwise.
const MESSAGE_BYTES: u64 = 1_048_588;
/// What a message takes at most beside the bytes of its parts.
const MESSAGE_FRAME: usize = 512;
/// And each of its headers.
const HEADER_FRAME: usize = 10;
/// A trace is told in 55 bytes; what is much longer is none, and is not copied to outputs.
const TRACE_BYTES_MAX: usize = 256;

const SOURCE: &str = "entrepot-source";
const TRACE: &str = "traceparent";

/// The largest message of ours, whole: in every home of the log the same, so that what one takes another takes too.
pub(super) fn message_bytes_max(payload_bytes_max: u64) -> u64 {
    payload_bytes_max.saturating_add(ROOM_BYTES).max(MESSAGE_BYTES)
}

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
    ///
    /// A raw message is its own source: who wrote it may have written any header, or have copied it from an output of ours.
    pub(super) fn send(
        &mut self,
        (outputs, cause, is_raw): (Vec<Output>, &Message, bool),
        settings: &WorkerSettings,
        log: &mut impl Log,
        sent: &mut dyn FnMut(&Arc<str>, usize),
    ) -> Result<(), LogError> {
        if outputs.is_empty() {
            return Ok(());
        }
        let input = cause.position.to_string();
        let source = cause.header(SOURCE).filter(|_| !is_raw).unwrap_or(&input);
        let trace = cause.headers.iter().rfind(|header| header.key == TRACE && header.value.len() <= TRACE_BYTES_MAX);
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

/// The message as it was, with its position, the reason, and nothing changed; but cut where it would be too large to be sent.
pub(super) fn dead_letter(letter: &DeadLetter, message: Message, stage: &str, settings: &WorkerSettings) -> Outgoing {
    let timestamp = message.first_timestamp().as_ref().map(Timestamp::to_string).unwrap_or_default();
    let Message { position, key, value, headers, .. } = message;
    let mut told = vec![
        header("dlq.topic", position.topic.to_string()),
        header("dlq.partition", position.partition.to_string()),
        header("dlq.offset", position.offset.to_string()),
        header(FIRST_TIMESTAMP, timestamp),
        header("dlq.stage", stage.to_owned()),
        header("dlq.feed", letter.feed.clone()),
        header("dlq.reason", letter.reason.to_owned()),
        header("dlq.detail", letter.detail.clone()),
        header("dlq.records", indexes(&letter.records)),
        header("dlq.build", settings.build.clone()),
    ];
    let mut outgoing = Outgoing { topic: settings.full_name(Topic::DeadLetters).into(), partition: None, key, value, headers };
    fit(&mut outgoing, &mut told, settings);
    outgoing.headers.append(&mut told);
    outgoing
}

/// The indexes of records as a list, as many as fit.
fn indexes(records: &[u32]) -> String {
    let mut list = String::new();
    for index in records {
        let end = list.len();
        list.push_str(if end == 0 { "" } else { "," });
        list.push_str(&index.to_string());
        if list.len() > TRUNCATED_BYTES {
            list.truncate(end);
            list.push_str(",…");
            break;
        }
    }
    list
}

/// Cuts the value, then the key, then the headers, as far as has to be, and tells so.
fn fit(outgoing: &mut Outgoing, told: &mut Vec<Header>, settings: &WorkerSettings) {
    let limit = usize::try_from(message_bytes_max(settings.payload_bytes_max)).unwrap_or(usize::MAX);
    let frame = MESSAGE_FRAME + bytes_of(told);
    let size = |outgoing: &Outgoing| {
        let [key, value] = [&outgoing.key, &outgoing.value].map(|part| part.as_ref().map_or(0, Vec::len));
        frame + key + value + bytes_of(&outgoing.headers)
    };
    let before = told.len();
    let is_above = is_too_large(outgoing.value.as_ref().map_or(0, Vec::len), settings);
    if is_above || size(outgoing) > limit {
        let value = outgoing.value.as_mut().filter(|bytes| is_above || bytes.len() > TRUNCATED_BYTES);
        cut(value, ["dlq.sha256", "dlq.bytes"], told);
    }
    if size(outgoing) > limit {
        let key = outgoing.key.as_mut().filter(|bytes| bytes.len() > TRUNCATED_BYTES);
        cut(key, ["dlq.key_sha256", "dlq.key_bytes"], told);
    }
    if size(outgoing) > limit {
        let (mut left, all) = (TRUNCATED_BYTES, outgoing.headers.len());
        let fits = |one: &Header| left.checked_sub(bytes_of(std::slice::from_ref(one))).map(|less| left = less).is_some();
        outgoing.headers = std::mem::take(&mut outgoing.headers).into_iter().take_while(fits).collect();
        told.push(header("dlq.headers_cut", (all - outgoing.headers.len()).to_string()));
    }
    if told.len() > before {
        told.insert(before, header("dlq.truncated", "true".to_owned()));
    }
}

/// Cuts bytes, and tells of which they were the first.
fn cut(bytes: Option<&mut Vec<u8>>, [hash, length]: [&str; 2], told: &mut Vec<Header>) {
    if let Some(bytes) = bytes {
        told.extend([header(hash, hex(&Sha256::digest(&*bytes))), header(length, bytes.len().to_string())]);
        bytes.truncate(TRUNCATED_BYTES);
    }
}

/// The bytes that headers take.
fn bytes_of(headers: &[Header]) -> usize {
    headers.iter().map(|header| header.key.len() + header.value.len() + HEADER_FRAME).sum()
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
