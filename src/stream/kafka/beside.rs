//! What is kept beside the messages, as messages: models and bundles by hash, the family map, progress of feeds, and how far groups came.
//! Compacted topics, read whole; what is written with a transaction's messages is there with them or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::clock::now;
use super::super::{Artifact, Commit, FeedProgress, Home, Log, LogError, NextOffsets, Outgoing, Range, topic_name};
use super::KafkaLog;
use super::held::Doubt;
use super::native::Question;
use crate::domain::{Offset, Partition};
use crate::encode::Topic;

/// Bytes of an artifact in one message; a bundle is larger than a message may be.
const PART_BYTES: usize = 500_000;
const ARTIFACT: &str = "artifact/";
const FAMILY_MAP: &str = "family-map";
const TICKED: &str = "ticked";
const PARTITIONS: &str = "partitions";
const TOPICS: &str = "topics";
/// Topics of ours whose messages last, and are published once.
const LASTING: [Topic; 4] = [Topic::Movements, Topic::Assessments, Topic::Corridors, Topic::Alerts];
/// How long the question may take what topics are.
const PATIENCE: Duration = Duration::from_secs(5);

/// How far a group came, as of its last commit. The group's own offset decides; this tells when that is gone.
#[derive(Serialize, Deserialize)]
struct Came {
    next: Offset,
}

#[derive(Serialize, Deserialize)]
struct Fed {
    bytes: u64,
    rows: u64,
    done: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
}

/// An artifact's first message; its content follows in parts.
#[derive(Serialize, Deserialize)]
struct Kept {
    kind: String,
    parts: usize,
}

impl KafkaLog {
    /// The topic of notes: of groups' progress, or of all else.
    pub(super) fn note_topic(&self, is_progress: bool) -> Arc<str> {
        let topic = if is_progress { Topic::Progress } else { Topic::Kept };
        format!("{}{}", self.settings.prefix, topic_name(topic)).into()
    }

    fn note(&self, is_progress: bool, key: String, value: Vec<u8>) -> Outgoing {
        let topic = self.note_topic(is_progress);
        Outgoing { topic, partition: Some(0), key: Some(key.into_bytes()), value: Some(value), headers: Vec::new() }
    }

    /// What a commit notes beside its messages: to be kept, and how far the group came.
    pub(super) fn notes(&self, next: &NextOffsets, progress: Option<&FeedProgress>) -> (Vec<Outgoing>, Vec<Outgoing>) {
        let fed = progress.cloned().map(|FeedProgress { feed, file, bytes, rows, done, digest }| {
            self.note(false, fed_key(&feed, &file), json(&Fed { bytes, rows, done, digest }))
        });
        let Some(group) = &self.group else { return (fed.into_iter().collect(), Vec::new()) };
        let came = |((topic, partition), next): (&(String, Partition), &Offset)| {
            self.note(true, came_key(group.name(), topic, *partition), json(&Came { next: *next }))
        };
        (fed.into_iter().collect(), next.iter().map(came).collect())
    }

    /// Those of these partitions in which a group came elsewhere than to what is committed, as noted, and how far.
    pub(super) fn came(&mut self, group: &str, doubts: &[Doubt]) -> Result<Vec<(Doubt, Offset)>, LogError> {
        let notes = self.read_notes(true)?;
        let mut elsewhere = Vec::new();
        for doubt in doubts {
            let Some(value) = notes.get(&came_key(group, &doubt.topic, doubt.partition)) else { continue };
            let came = read::<Came>(value)?.next;
            if doubt.committed != Some(came) {
                elsewhere.push((doubt.clone(), came));
            }
        }
        Ok(elsewhere)
    }

    pub(super) fn fed(&mut self, feed: &str, file: &str) -> Result<Option<FeedProgress>, LogError> {
        let fed = self.kept()?.get(&fed_key(feed, file)).map(|value| read::<Fed>(value)).transpose()?;
        let (feed, file) = (feed.to_owned(), file.to_owned());
        let whole = |Fed { bytes, rows, done, digest }| FeedProgress { feed, file, bytes, rows, done, digest };
        Ok(fed.map(whole))
    }

    pub(super) fn keep_artifact(&mut self, artifact: &Artifact) -> Result<(), LogError> {
        let Artifact { hash, kind, content } = artifact;
        if self.kept()?.contains_key(&kept_key(hash)) {
            return Ok(());
        }
        let parts = content.chunks(PART_BYTES);
        let kept = Kept { kind: kind.clone(), parts: parts.len() };
        let mut notes = vec![self.note(false, kept_key(hash), json(&kept))];
        notes.extend(parts.enumerate().map(|(index, part)| self.note(false, part_key(hash, index), part.to_vec())));
        self.write(notes)
    }

    pub(super) fn kept_artifact(&mut self, hash: &str) -> Result<Option<Artifact>, LogError> {
        let notes = self.kept()?;
        let Some(kept) = notes.get(&kept_key(hash)).map(|value| read::<Kept>(value)).transpose()? else { return Ok(None) };
        let mut content = Vec::new();
        for index in 0..kept.parts {
            let part = notes.get(&part_key(hash, index));
            content.extend_from_slice(
                part.ok_or_else(|| LogError::Corrupt { detail: format!("part {index} of {hash} is missing") })?,
            );
        }
        Ok(Some(Artifact { hash: hash.to_owned(), kind: kept.kind, content }))
    }

    pub(super) fn hashes_of(&mut self, kind: &str) -> Result<Vec<String>, LogError> {
        let mut hashes = Vec::new();
        for (key, value) in self.read_notes(false)? {
            // The parts of a content stand beside its first message, and are none.
            let Some((hash, Ok(kept))) = key.strip_prefix(ARTIFACT).map(|hash| (hash, read::<Kept>(&value))) else { continue };
            if kept.kind == kind {
                hashes.push(hash.to_owned());
            }
        }
        Ok(hashes)
    }

    /// Keys are keyed by one family map and spread over one number of partitions, for life.
    pub(super) fn bind(&mut self, fingerprint: &str) -> Result<(), LogError> {
        let movements = format!("{}{}", self.settings.prefix, topic_name(Topic::Movements));
        let partitions = self.partitions(&movements)?;
        let mut notes = Vec::new();
        match self.made_with()? {
            None => notes.push(self.note(false, PARTITIONS.to_owned(), partitions.to_string().into_bytes())),
            Some(made) if made == partitions => {}
            Some(made) => return Err(LogError::Grown { topic: movements, found: partitions, made }),
        }
        self.check_family_map(fingerprint)?;
        if self.bound_to()?.is_none() {
            notes.push(self.note(false, FAMILY_MAP.to_owned(), fingerprint.as_bytes().to_vec()));
        }
        let (before, mut ids) = (self.noted_ids()?, self.ids()?);
        ids.extend(before.clone());
        if ids != before {
            notes.push(self.note(false, TOPICS.to_owned(), json(&ids)));
        }
        if notes.is_empty() { Ok(()) } else { self.write(notes) }
    }

    /// The family map by which keys are keyed, where it is noted.
    pub(super) fn bound_to(&mut self) -> Result<Option<String>, LogError> {
        Ok(self.kept()?.get(FAMILY_MAP).map(|found| String::from_utf8_lossy(found).into_owned()))
    }

    /// How many partitions `movements` had when the log was made, where it is noted.
    pub(super) fn made_with(&mut self) -> Result<Option<Partition>, LogError> {
        Ok(self.kept()?.get(PARTITIONS).and_then(|noted| std::str::from_utf8(noted).ok()?.parse().ok()))
    }

    /// Topics of ours whose messages last.
    pub(super) fn lasting(&self) -> Vec<String> {
        LASTING.map(|topic| format!("{}{}", self.settings.prefix, topic_name(topic))).to_vec()
    }

    /// Whether a topic is another than the one of its name that the log was first served with: what stood in that is gone.
    pub(super) fn was_made_again(&mut self, topic: &str) -> Result<bool, LogError> {
        let Some(noted) = self.noted_ids()?.remove(topic) else { return Ok(false) };
        Ok(self.ids()?.get(topic).is_some_and(|id| *id != noted))
    }

    /// The ids of lasting topics, where they are noted.
    fn noted_ids(&mut self) -> Result<BTreeMap<String, String>, LogError> {
        self.kept()?.get(TOPICS).map_or_else(|| Ok(BTreeMap::new()), |noted| read(noted))
    }

    /// The ids of lasting topics now, as far as the brokers tell.
    fn ids(&self) -> Result<BTreeMap<String, String>, LogError> {
        let question = Question::of_topics(self.reader()?, &self.lasting(), PATIENCE);
        let described = question.and_then(|question| question.topics(PATIENCE)).unwrap_or_default();
        let is_told = described.into_iter().filter(|topic| topic.error.is_none() && !topic.id.is_empty());
        Ok(is_told.map(|topic| (topic.topic, topic.id)).collect())
    }

    pub(super) fn last_tick(&mut self, today: crate::domain::Date) -> Result<crate::domain::Date, LogError> {
        match self.kept()?.get(TICKED).cloned() {
            Some(found) => Ok(String::from_utf8_lossy(&found).parse().unwrap_or(today)),
            None => self.note_tick(today).map(|()| today),
        }
    }

    pub(super) fn note_tick(&mut self, date: crate::domain::Date) -> Result<(), LogError> {
        self.write(vec![self.note(false, TICKED.to_owned(), date.to_string().into_bytes())])
    }

    /// What is kept, as it stood when this handle first asked, and what it wrote itself since.
    fn kept(&mut self) -> Result<&mut BTreeMap<String, Vec<u8>>, LogError> {
        if self.kept.is_none() {
            self.kept = Some(self.read_notes(false)?);
        }
        Ok(self.kept.get_or_insert_default())
    }

    /// Takes note of what was committed to the topic of what is kept.
    pub(super) fn remember(&mut self, notes: Vec<Outgoing>) {
        let Some(kept) = &mut self.kept else { return };
        for Outgoing { key, value, .. } in notes {
            let key = String::from_utf8_lossy(&key.unwrap_or_default()).into_owned();
            value.map(|value| kept.insert(key, value));
        }
    }

    /// The last value of each key of a topic of notes. Empty where the topic is not there.
    fn read_notes(&mut self, is_progress: bool) -> Result<BTreeMap<String, Vec<u8>>, LogError> {
        let topic = self.note_topic(is_progress);
        match self.partitions(&topic) {
            Ok(_) => {}
            Err(LogError::UnknownTopic { .. }) => return Ok(BTreeMap::new()),
            Err(error) => return Err(error),
        }
        // What a feeder that was killed has committed may stand behind what it left open.
        self.wait_until_settled(&topic, 0)?;
        let mut notes = BTreeMap::new();
        for message in self.read(&Range { topic: topic.to_string(), partition: 0, from: 0, until: None })? {
            let message = message?;
            let key = String::from_utf8_lossy(&message.key.unwrap_or_default()).into_owned();
            match message.value {
                Some(value) => drop(notes.insert(key, value)),
                None => drop(notes.remove(&key)),
            }
        }
        Ok(notes)
    }

    fn write(&mut self, notes: Vec<Outgoing>) -> Result<(), LogError> {
        let (topic, begun) = (self.note_topic(false), now());
        for note in notes.clone() {
            self.send(note)?;
        }
        match self.commit(&NextOffsets::new())? {
            Commit::Committed => {
                self.remember(notes);
                Ok(())
            }
            Commit::Recycled(..) => Err(self.in_vain("keeping something beside the messages", &topic, begun)),
        }
    }
}

fn came_key(group: &str, topic: &str, partition: Partition) -> String {
    format!("{group}/{topic}/{partition}")
}

fn fed_key(feed: &str, file: &str) -> String {
    format!("fed/{feed}/{file}")
}

fn kept_key(hash: &str) -> String {
    format!("{ARTIFACT}{hash}")
}

fn part_key(hash: &str, index: usize) -> String {
    format!("{ARTIFACT}{hash}/{index}")
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("text and numbers are JSON")
}

fn read<'a, T: Deserialize<'a>>(value: &'a [u8]) -> Result<T, LogError> {
    serde_json::from_slice(value).map_err(|error| LogError::Corrupt { detail: error.to_string() })
}
