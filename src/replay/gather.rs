//! Outputs of a bounded run, kept until it ends: by key and revision, whatever the order in which partitions and threads gave them.
//! Reads of a value only what sorting and filtering need. Neither values nor keys are held in memory where they are many.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::{Glance, ReplayError};
use crate::domain::Partition;
use crate::encode::{Output, Topic};
use crate::stream::{Group, LogError, Sorted, Sorter, Span, Spill, Walk};

/// Bytes of a topic's keys in memory.
const MEMORY: usize = 8 << 20;

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
    /// SHA-256 in hexadecimal, by topic: over length and bytes of key and value, ordered by key, then revision, then day or arrival.
    pub sha256: BTreeMap<String, String>,
}

/// SHA-256 over length and bytes of keys and values, as they come.
#[derive(Clone, Debug, Default)]
pub struct RunningHash(Sha256);

impl RunningHash {
    /// Takes a key and a value.
    pub fn add(&mut self, (key, value): (&[u8], &[u8])) {
        for part in [key, value] {
            self.0.update((part.len() as u64).to_be_bytes());
            self.0.update(part);
        }
    }

    /// Of all that came, in hexadecimal.
    pub fn hexadecimal(self) -> String {
        hexadecimal(self.0)
    }
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

fn hexadecimal(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Outputs, by topic and key.
#[derive(Debug)]
pub struct Gathered {
    /// Keeps all revisions of a key, not the last alone.
    pub history: bool,
    memory_bytes_max: usize,
    spill: Spill,
    arrivals: u64,
    /// What was kept, under its key, as long as more may come.
    open: BTreeMap<Topic, Sorter>,
    topics: BTreeMap<Topic, Sorted>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kept {
    rank: (u64, u64),
    arrival: u64,
    partition: Option<Partition>,
    value: Span,
}

impl Kept {
    fn to_bytes(self) -> Vec<u8> {
        let numbers = [self.rank.0, self.rank.1, self.arrival].map(u64::to_le_bytes);
        let partition = self.partition.unwrap_or(-1).to_le_bytes();
        [numbers.as_flattened(), &partition, &self.value.to_bytes()].concat()
    }

    /// Reads what [`Kept::to_bytes`] wrote, and gives what follows it.
    fn read(bytes: &[u8]) -> (Kept, &[u8]) {
        Kept::try_read(bytes).expect("it was written here")
    }

    fn try_read(bytes: &[u8]) -> Option<(Kept, &[u8])> {
        let number = |bytes: &'_ [u8]| bytes.split_first_chunk().map(|(number, _)| u64::from_le_bytes(*number));
        let (rank, arrival) = ((number(bytes)?, number(bytes.get(8..)?)?), number(bytes.get(16..)?)?);
        let (partition, rest) = bytes.get(24..)?.split_first_chunk()?;
        let (value, rest) = rest.split_first_chunk()?;
        let partition = Some(Partition::from_le_bytes(*partition)).filter(|partition| *partition >= 0);
        Some((Kept { rank, arrival, partition, value: Span::from_bytes(*value) }, rest))
    }
}

/// A key, and what is kept of it.
type OfKey = (Vec<u8>, Vec<Kept>);

/// The keys of a topic in order, each with what is kept of it.
struct Keys<'a> {
    gathered: &'a Gathered,
    topic: Topic,
    walk: Option<Walk<'a>>,
    group: Group,
}

impl Keys<'_> {
    fn take(&mut self) -> Result<Option<OfKey>, LogError> {
        let Some(walk) = &mut self.walk else { return Ok(None) };
        if !walk.take_group(&mut self.group)? {
            return Ok(None);
        }
        let mut values: Vec<Kept> = self.group.values().map(|value| Kept::read(value).0).collect();
        values.sort_by_key(|kept| kept.rank);
        if self.topic == Topic::Assessments {
            values.chunk_by_mut(|one, other| one.rank == other.rank).try_for_each(|alike| self.gathered.by_day(alike))?;
        }
        if !self.gathered.history {
            values.drain(..values.len() - 1);
        }
        Ok(Some((self.group.key().to_vec(), values)))
    }
}

/// Takes a key and a value.
pub(super) type Take<'a, E> = dyn FnMut(&[u8], &[u8]) -> Result<(), E> + 'a;

/// Takes a key, and the value that each of two has under it.
pub(super) type Beside<'a, E> = dyn FnMut(&[u8], Option<&[u8]>, Option<&[u8]>) -> Result<(), E> + 'a;

impl Gathered {
    /// Keeps the last revision of each key, or all.
    pub fn new(history: bool) -> Gathered {
        Gathered::holding(history, MEMORY)
    }

    fn holding(history: bool, memory_bytes_max: usize) -> Gathered {
        let (open, topics) = (BTreeMap::new(), BTreeMap::new());
        Gathered { history, memory_bytes_max, spill: Spill::default(), arrivals: 0, open, topics }
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
        let sorter = self.open.entry(output.topic).or_insert_with(|| Sorter::new(self.memory_bytes_max));
        Ok(sorter.push(&output.key, (&kept.to_bytes(), &[]))?)
    }

    /// Makes what was taken readable. Nothing more is taken then.
    ///
    /// # Errors
    ///
    /// Where scratch space fails.
    pub fn settle(&mut self) -> Result<(), ReplayError> {
        for (topic, sorter) in std::mem::take(&mut self.open) {
            let before = self.topics.insert(topic, sorter.sorted()?);
            assert!(before.is_none(), "outputs are gathered, then settled");
        }
        Ok(self.spill.settle()?)
    }

    /// How many keys a topic has.
    ///
    /// # Errors
    ///
    /// Where scratch space fails.
    pub fn keys(&self, topic: Topic) -> Result<u64, ReplayError> {
        let (mut keys, mut count) = (self.keys_of(topic)?, 0);
        while keys.take()?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    /// Hands over a topic's outputs by key, then revision.
    ///
    /// # Errors
    ///
    /// Where scratch space fails, or what `take` returns.
    pub fn each<E: From<ReplayError>>(&self, topic: Topic, take: &mut Take<'_, E>) -> Result<(), E> {
        let (mut keys, mut value) = (self.keys_of(topic)?, Vec::new());
        while let Some((key, values)) = keys.take().map_err(ReplayError::from)? {
            for kept in values {
                take(&key, self.spill.get(kept.value, &mut value).map_err(ReplayError::from)?)?;
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
        let sorted = self.in_turn(topic)?;
        let mut walk = sorted.walk().map_err(ReplayError::from)?;
        while let Some((_, kept)) = walk.take().map_err(ReplayError::from)? {
            let ((kept, key), mut value) = (Kept::read(&kept), Vec::new());
            self.spill.read(kept.value, &mut value).map_err(ReplayError::from)?;
            take(Output { topic, partition: kept.partition, key: key.to_vec(), value, headers: Vec::new() })?;
        }
        Ok(())
    }

    /// What is kept of a topic and its key, by arrival.
    fn in_turn(&self, topic: Topic) -> Result<Sorted, ReplayError> {
        let (mut keys, mut sorter) = (self.keys_of(topic)?, Sorter::new(self.memory_bytes_max));
        while let Some((key, values)) = keys.take()? {
            for kept in values {
                sorter.push(&kept.arrival.to_be_bytes(), (&kept.to_bytes(), &key))?;
            }
        }
        Ok(sorter.sorted()?)
    }

    /// Hands over, by key, the last value that each of two has under it; a key that one has not, too.
    ///
    /// # Errors
    ///
    /// Where scratch space fails, or what `take` returns.
    pub fn each_beside<E: From<ReplayError>>(&self, other: &Gathered, topic: Topic, take: &mut Beside<'_, E>) -> Result<(), E> {
        let (mut keys, mut others) = (self.keys_of(topic)?, other.keys_of(topic)?);
        let mut next = || keys.take().map_err(ReplayError::from);
        let mut next_other = || others.take().map_err(ReplayError::from);
        let (mut here, mut there) = (next()?, next_other()?);
        let (mut one, mut two) = (Vec::new(), Vec::new());
        while let Some(key) = [&here, &there].into_iter().flatten().map(|(key, _)| key).min().cloned() {
            let (mut value, mut beside) = (None, None);
            if let Some((_, values)) = here.take_if(|(of, _)| *of == key) {
                value = values.last().map(|kept| self.spill.get(kept.value, &mut one)).transpose().map_err(ReplayError::from)?;
                here = next()?;
            }
            if let Some((_, values)) = there.take_if(|(of, _)| *of == key) {
                beside =
                    values.last().map(|kept| other.spill.get(kept.value, &mut two)).transpose().map_err(ReplayError::from)?;
                there = next_other()?;
            }
            take(&key, value, beside)?;
        }
        Ok(())
    }

    fn keys_of(&self, topic: Topic) -> Result<Keys<'_>, ReplayError> {
        let walk = self.topics.get(&topic).map(Sorted::walk).transpose()?;
        Ok(Keys { gathered: self, topic, walk, group: Group::default() })
    }

    /// An amendment may move a record to another family, and the one where it was goes on to speak of it: what two families say under one
    /// id and revision is put in an order that does not depend on which of them was folded first.
    fn by_day(&self, alike: &mut [Kept]) -> Result<(), LogError> {
        if alike.len() < 2 {
            return Ok(());
        }
        let mut said = Vec::new();
        for kept in &*alike {
            let mut value = Vec::new();
            self.spill.read(kept.value, &mut value)?;
            said.push((Glance::of(&value).as_of, value, *kept));
        }
        said.sort_by(|(day, value, _), (other_day, other, _)| (day, value).cmp(&(other_day, other)));
        alike.iter_mut().zip(said).for_each(|(place, (_, _, kept))| *place = kept);
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
            let mut hash = RunningHash::default();
            self.each::<ReplayError>(*topic, &mut |key, value| {
                written += 1;
                hash.add((key, value));
                Ok(())
            })?;
            sums.written.insert(wire_topic(*topic).to_owned(), written);
            sums.sha256.insert(wire_topic(*topic).to_owned(), hash.hexadecimal());
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

    /// Some with all keys in memory, some with none.
    fn gathered(history: bool, outputs: &[(&str, &str)]) -> Gathered {
        let mut gathered = Gathered::holding(history, if outputs.len() < 3 { MEMORY } else { 0 });
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
    fn keys_are_counted_and_outputs_handed_over_as_they_came() {
        let mut gathered = Gathered::holding(false, 0);
        let said = [("b", 1, Some(7)), ("ab", 1, None), ("a", 2, None), ("b", 2, None), ("a", 1, None), ("a", 2, Some(0))];
        for (key, revision, partition) in said {
            let value = format!(r#"{{"revision":{revision}}}"#).into_bytes();
            let key = key.as_bytes().to_vec();
            gathered.push(&Output { topic: Topic::Movements, partition, key, value, headers: Vec::new() }).unwrap();
        }
        gathered.settle().unwrap();
        for (history, wanted) in [(true, vec![0, 1, 2, 3, 4, 5]), (false, vec![1, 3, 5])] {
            gathered.history = history;
            let mut came = Vec::new();
            let mut take = |output: Output| {
                came.push((output.key, output.value, output.partition));
                Ok::<(), ReplayError>(())
            };
            gathered.each_in_turn(Topic::Movements, &mut take).unwrap();
            let wanted: Vec<_> = wanted.into_iter().map(|at: usize| said[at]).collect();
            let wanted = wanted.into_iter().map(|(key, revision, partition)| {
                (key.as_bytes().to_vec(), format!(r#"{{"revision":{revision}}}"#).into_bytes(), partition)
            });
            assert_eq!(came, wanted.collect::<Vec<_>>());
            assert_eq!((gathered.keys(Topic::Movements).unwrap(), gathered.keys(Topic::Alerts).unwrap()), (3, 0));
        }
    }

    #[test]
    fn what_two_families_say_of_a_record_is_in_order_whichever_was_first() {
        let said = |revision: u32, as_of: &str, family: &str| {
            format!(
                r#"{{"kind":"assessment","id":"a:1","record_revision":2,"revision":{revision},"status":"active","as_of":"{as_of}","family":"{family}"}}"#
            )
        };
        let wanted = [("2024-03-26", "IN", 1), ("2024-03-26", "NB", 1), ("2024-03-27", "GE", 1), ("2024-03-26", "IN", 2)];
        let wanted = wanted.map(|(as_of, family, revision)| said(revision, as_of, family));
        for turn in 0..wanted.len() {
            let mut arrived = wanted.clone();
            arrived.rotate_left(turn);
            let mut gathered = Gathered::holding(true, 0);
            for value in arrived {
                let (topic, key, value) = (Topic::Assessments, b"a:1".to_vec(), value.into_bytes());
                gathered.push(&Output { topic, partition: None, key, value, headers: Vec::new() }).unwrap();
            }
            gathered.settle().unwrap();
            let mut values = Vec::new();
            let mut take = |_: &[u8], value: &[u8]| {
                values.push(String::from_utf8(value.to_vec()).unwrap());
                Ok::<(), ReplayError>(())
            };
            gathered.each(Topic::Assessments, &mut take).unwrap();
            assert_eq!(values, wanted);
        }
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
