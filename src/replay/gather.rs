//! Outputs of a bounded run, kept until it ends: by key and revision, whatever the order in which partitions and threads gave them.
//! Reads of a value only what sorting and filtering need.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::ReplayError;
use crate::domain::{Band, Partition};
use crate::encode::{Output, Topic};
use crate::stream::{Span, Spill};

/// What is read of an output's value.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct Glance {
    /// Which version of its record an assessment is about.
    #[serde(default)]
    pub record_revision: u64,
    /// The revision of its key.
    #[serde(default)]
    pub revision: u64,
    /// The sequence of an alert.
    #[serde(default)]
    pub sequence: u64,
    /// The band of a verdict.
    #[serde(default)]
    pub band: Option<String>,
    /// The band after an alert.
    #[serde(default)]
    pub to: Option<String>,
    /// The clock at evaluation.
    #[serde(default)]
    pub as_of: Option<String>,
}

impl Glance {
    /// Reads a value; one that is no JSON of ours has no revision and no band.
    pub fn of(value: &[u8]) -> Glance {
        serde_json::from_slice(value).unwrap_or_default()
    }

    /// What orders the values of a key.
    pub fn rank(&self) -> (u64, u64) {
        (self.record_revision, self.revision.max(self.sequence))
    }

    /// The band, after it where it is an alert.
    pub fn band(&self) -> Option<Band> {
        self.band.as_deref().or(self.to.as_deref()).and_then(|word| word.parse().ok())
    }
}

/// One gathered output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its key.
    pub key: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
}

/// How many values a topic got, and the hash over their keys and values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// How many, by topic.
    pub written: BTreeMap<String, u64>,
    /// SHA-256 in hexadecimal, by topic: over length and bytes of key and value, ordered by key, then revision, then arrival.
    pub sha256: BTreeMap<String, String>,
}

/// SHA-256 in hexadecimal over length and bytes of keys and values, in the order given.
pub fn hash_of<'a>(messages: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> String {
    let mut hash = Sha256::new();
    messages.for_each(|message| add(&mut hash, message));
    hexadecimal(hash)
}

/// SHA-256 of a file, in hexadecimal.
///
/// # Errors
///
/// Where it cannot be read.
pub fn hash_of_file(path: &Path) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    let mut file = std::io::BufReader::with_capacity(1 << 16, std::fs::File::open(path)?);
    loop {
        let bytes = file.fill_buf()?;
        if bytes.is_empty() {
            return Ok(hexadecimal(hash));
        }
        hash.update(bytes);
        let read = bytes.len();
        file.consume(read);
    }
}

fn add(hash: &mut Sha256, (key, value): (&[u8], &[u8])) {
    for part in [key, value] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
}

fn hexadecimal(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is kept of a topic, by key.
type Keys = BTreeMap<Box<[u8]>, Vec<Kept>>;

/// Outputs, by topic and key.
#[derive(Debug, Default)]
pub struct Gathered {
    /// Keeps all revisions of a key, not the last alone.
    pub history: bool,
    spill: Spill,
    arrivals: u32,
    topics: BTreeMap<Topic, Keys>,
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    rank: (u64, u64),
    arrival: u32,
    partition: Option<Partition>,
    value: Span,
}

/// Takes a key and a value.
pub(super) type Take<'a, E> = dyn FnMut(&[u8], &[u8]) -> Result<(), E> + 'a;

/// Takes a key, and the value that each of two has under it.
pub(super) type Beside<'a, E> = dyn FnMut(&[u8], Option<&[u8]>, Option<&[u8]>) -> Result<(), E> + 'a;

impl Gathered {
    /// Keeps the last revision of each key, or all.
    pub fn new(history: bool) -> Gathered {
        Gathered { history, ..Gathered::default() }
    }

    /// Takes an output.
    ///
    /// # Errors
    ///
    /// Where scratch space fails.
    pub fn push(&mut self, output: &Output) -> Result<(), ReplayError> {
        let rank = rank_of(output.topic, &output.value);
        let value = self.spill.push(&output.value)?;
        let kept = Kept { rank, arrival: self.arrivals, partition: output.partition, value };
        self.arrivals += 1;
        let values = self.topics.entry(output.topic).or_default().entry(output.key.as_slice().into()).or_default();
        match values.last_mut() {
            Some(last) if !self.history => {
                if rank >= last.rank {
                    *last = kept;
                }
            }
            // Exactly one slot where one value is all that is ever kept: a million keys make the growth of vectors felt.
            None => values.reserve_exact(1),
            Some(_) => {}
        }
        if self.history || values.is_empty() {
            values.push(kept);
        }
        Ok(())
    }

    /// How many keys a topic has.
    pub fn keys(&self, topic: Topic) -> u64 {
        self.topics.get(&topic).map_or(0, |keys| keys.len() as u64)
    }

    /// Makes what was taken readable.
    ///
    /// # Errors
    ///
    /// Where scratch space fails.
    pub fn settle(&mut self) -> Result<(), ReplayError> {
        for values in self.topics.values_mut().flat_map(BTreeMap::values_mut) {
            values.sort_by_key(|kept| kept.rank);
        }
        Ok(self.spill.settle()?)
    }

    /// Hands over a topic's outputs by key, then revision.
    ///
    /// # Errors
    ///
    /// Where scratch space fails, or what `take` returns.
    pub fn each<E: From<ReplayError>>(&self, topic: Topic, take: &mut Take<'_, E>) -> Result<(), E> {
        let mut value = Vec::new();
        for (key, values) in self.topics.get(&topic).into_iter().flatten() {
            for kept in values {
                take(key, self.spill.get(kept.value, &mut value).map_err(ReplayError::from)?)?;
            }
        }
        Ok(())
    }

    /// Hands over a topic's outputs in the order in which they came.
    ///
    /// # Errors
    ///
    /// Where scratch space fails, or what `take` returns.
    pub fn each_in_turn<E: From<ReplayError>>(
        &self,
        topic: Topic,
        take: &mut dyn FnMut(Output) -> Result<(), E>,
    ) -> Result<(), E> {
        let keys = self.topics.get(&topic).into_iter().flatten();
        let mut all: Vec<(&[u8], Kept)> = keys.flat_map(|(key, values)| values.iter().map(|kept| (&**key, *kept))).collect();
        all.sort_by_key(|(_, kept)| kept.arrival);
        for (key, kept) in all {
            let mut value = Vec::new();
            self.spill.read(kept.value, &mut value).map_err(ReplayError::from)?;
            take(Output { topic, partition: kept.partition, key: key.to_vec(), value, headers: Vec::new() })?;
        }
        Ok(())
    }

    /// Hands over, by key, the last value that each of two has under it; a key that one has not, too.
    ///
    /// # Errors
    ///
    /// Where scratch space fails, or what `take` returns.
    pub fn each_beside<E: From<ReplayError>>(&self, other: &Gathered, topic: Topic, take: &mut Beside<'_, E>) -> Result<(), E> {
        let (here, there) = (self.topics.get(&topic), other.topics.get(&topic));
        let keys: BTreeSet<&[u8]> = here.into_iter().chain(there).flat_map(BTreeMap::keys).map(|key| &**key).collect();
        let (mut one, mut two) = (Vec::new(), Vec::new());
        for key in keys {
            let last = |keys: Option<&Keys>| keys?.get(key)?.last().map(|kept| kept.value);
            let value = last(here).map(|span| self.spill.get(span, &mut one)).transpose().map_err(ReplayError::from)?;
            let beside = last(there).map(|span| other.spill.get(span, &mut two)).transpose().map_err(ReplayError::from)?;
            take(key, value, beside)?;
        }
        Ok(())
    }

    /// Counts and hashes of these topics, those that got nothing included.
    ///
    /// # Errors
    ///
    /// Where scratch space fails.
    pub fn sums(&self, topics: &[Topic]) -> Result<Sums, ReplayError> {
        let mut sums = Sums::default();
        for topic in topics {
            let mut written = 0;
            let mut hash = Sha256::new();
            self.each::<ReplayError>(*topic, &mut |key, value| {
                written += 1;
                add(&mut hash, (key, value));
                Ok(())
            })?;
            sums.written.insert(wire_topic(*topic).to_owned(), written);
            sums.sha256.insert(wire_topic(*topic).to_owned(), hexadecimal(hash));
        }
        Ok(sums)
    }
}

/// [`Glance::rank`] of a value of a topic. Ours begin with kind, id and numbers, so what follows need not be read.
fn rank_of(topic: Topic, value: &[u8]) -> (u64, u64) {
    rank_of_head(topic, value).unwrap_or_else(|| Glance::of(value).rank())
}

/// The rank, where the value begins exactly as ours do.
fn rank_of_head(topic: Topic, value: &[u8]) -> Option<(u64, u64)> {
    let (head, names): (&[u8], &[&[u8]]) = match topic {
        Topic::Assessments => (br#"{"kind":"assessment","id":""#, &[br#""record_revision":"#, br#""revision":"#]),
        Topic::Corridors => (br#"{"kind":"corridor","id":""#, &[br#""revision":"#]),
        Topic::Alerts => (br#"{"kind":"alert","case":""#, &[br#""sequence":"#]),
        _ => return None,
    };
    let rest = value.strip_prefix(head)?;
    let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    let mut rest = rest.get(end..)?.strip_prefix(b"\",")?;
    let mut numbers = (0, 0);
    for name in names {
        rest = rest.strip_prefix(*name)?;
        let digits = rest.iter().position(|byte| !byte.is_ascii_digit()).filter(|digits| (1..=18).contains(digits))?;
        let (number, after) = rest.split_at_checked(digits)?;
        numbers = (numbers.1, number.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')));
        rest = after.strip_prefix(b",")?;
    }
    Some(numbers)
}

/// The name of a topic of ours, without its prefix.
pub fn wire_topic(topic: Topic) -> &'static str {
    crate::stream::topic_name(topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(history: bool, outputs: &[(&str, &str)]) -> Gathered {
        let mut gathered = Gathered::new(history);
        for (key, value) in outputs {
            let (key, value) = (key.as_bytes().to_vec(), value.as_bytes().to_vec());
            gathered.push(&Output { topic: Topic::Corridors, partition: None, key, value, headers: Vec::new() }).unwrap();
        }
        gathered.settle().unwrap();
        gathered
    }

    fn values(gathered: &Gathered) -> Vec<String> {
        let mut values = Vec::new();
        let mut take = |_: &[u8], value: &[u8]| {
            values.push(String::from_utf8(value.to_vec()).unwrap());
            Ok::<(), ReplayError>(())
        };
        gathered.each(Topic::Corridors, &mut take).unwrap();
        values
    }

    const OUTPUTS: [(&str, &str); 3] = [("b", r#"{"revision":1}"#), ("a", r#"{"revision":1}"#), ("a", r#"{"revision":2}"#)];

    #[test]
    fn the_last_revision_of_each_key_is_kept_by_default() {
        assert_eq!(values(&gathered(false, &OUTPUTS)), [r#"{"revision":2}"#, r#"{"revision":1}"#]);
        assert_eq!(values(&gathered(true, &OUTPUTS)).len(), 3);
    }

    #[test]
    fn two_are_walked_by_key_with_what_each_said_last() {
        let (here, there) = (gathered(false, &OUTPUTS), gathered(true, &[OUTPUTS[2], ("c", r#"{"revision":1}"#)]));
        let mut walked = Vec::new();
        let text = |value: Option<&[u8]>| value.map(|value| String::from_utf8(value.to_vec()).unwrap()).unwrap_or_default();
        let mut take = |key: &[u8], one: Option<&[u8]>, two: Option<&[u8]>| {
            walked.push(format!("{} {} {}", text(Some(key)), text(one), text(two)));
            Ok::<(), ReplayError>(())
        };
        here.each_beside(&there, Topic::Corridors, &mut take).unwrap();
        there.each_beside(&here, Topic::Alerts, &mut take).unwrap();
        assert_eq!(walked, [r#"a {"revision":2} {"revision":2}"#, r#"b {"revision":1} "#, r#"c  {"revision":1}"#]);
    }

    #[test]
    fn a_rank_read_from_the_head_of_a_value_is_that_of_the_whole() {
        let values = [
            (Topic::Assessments, r#"{"kind":"assessment","id":"a:1","record_revision":2,"revision":30,"status":"active"}"#, true),
            (Topic::Corridors, r#"{"kind":"corridor","id":"SB/TH/US/2025-03","revision":123,"family":"SB"}"#, true),
            (Topic::Alerts, r#"{"kind":"alert","case":"SB/TH/US/-","sequence":4,"change":"opened"}"#, true),
            (
                Topic::Assessments,
                r#"{"kind":"assessment","id":"a:\"1","record_revision":2,"revision":3,"status":"active"}"#,
                false,
            ),
            (Topic::Corridors, r#"{"kind":"corridor","id":"SB","revision":1.5,"family":"SB"}"#, false),
            (Topic::Corridors, r#"{"revision":7}"#, false),
            (Topic::Alerts, "nonsense", false),
        ];
        for (topic, value, at_once) in values {
            assert_eq!(rank_of_head(topic, value.as_bytes()).is_some(), at_once, "{value}");
            assert_eq!(rank_of(topic, value.as_bytes()), Glance::of(value.as_bytes()).rank(), "{value}");
        }
        assert_eq!(rank_of(Topic::Assessments, values[0].1.as_bytes()), (2, 30));
    }

    #[test]
    fn the_hash_does_not_depend_on_the_order_of_arrival_and_does_on_every_byte() {
        let sums = |outputs: &[(&str, &str)]| gathered(true, outputs).sums(&[Topic::Corridors, Topic::Alerts]).unwrap();
        let mut turned = OUTPUTS;
        turned.reverse();
        assert_eq!(sums(&OUTPUTS), sums(&turned));
        assert_eq!(sums(&OUTPUTS).written["alerts"], 0);
        assert_ne!(sums(&OUTPUTS), sums(&[OUTPUTS[0], OUTPUTS[1], ("a", r#"{"revision":3}"#)]));
        assert_ne!(sums(&[("a", "bc")]), sums(&[("ab", "c")]));
    }
}
