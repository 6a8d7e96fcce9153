//! What the delivery tests share: a seeded source of chance, folds whose outputs betray any gap or double, settings.

pub(crate) mod faulty;
pub(crate) mod store;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use entrepot::domain::{Message, Partition};
use entrepot::encode::{DeadLetter, Effects, Output, Topic};
use entrepot::stream::{Fold, FoldFactory, Stage, WorkerSettings};

/// splitmix64: the same numbers for the same seed, everywhere.
#[derive(Clone, Debug)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// True so many times in a hundred.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// A fold whose every output depends on all messages before it, in order.
#[derive(Default)]
pub(crate) struct Chain {
    pub(crate) links: BTreeMap<Vec<u8>, (u64, u64)>,
}

impl Fold for Chain {
    fn apply(&mut self, message: &Message) -> Effects {
        let key = message.key.clone().unwrap_or_default();
        let (count, hash) = self.links.entry(key.clone()).or_default();
        *count += 1;
        for byte in message.value.iter().flatten() {
            *hash = (*hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        *hash = hash.rotate_left(7) ^ *count;
        let value = format!("{count}:{hash:016x}").into_bytes();
        let output = |topic| Output {
            topic,
            partition: Some(message.position.partition),
            key: key.clone(),
            value: value.clone(),
            headers: Vec::new(),
        };
        let mut outputs = vec![output(Topic::Assessments)];
        if *count % 3 == 0 {
            outputs.push(output(Topic::Corridors));
        }
        Effects { outputs, outcomes: vec![("assessed", 1)], ..Effects::default() }
    }

    fn state_bytes(&self) -> u64 {
        self.links.len() as u64 * 48
    }

    fn made_by(&self) -> String {
        "chain".to_owned()
    }

    fn snapshot(&self) -> Option<Vec<u8>> {
        serde_json::to_vec(&self.links.iter().collect::<Vec<_>>()).ok()
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), String> {
        let links: Vec<(Vec<u8>, (u64, u64))> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        self.links = links.into_iter().collect();
        Ok(())
    }
}

/// A fold without state: passes on, leaves out (`skip…`), fails (`bad…`), breaks down (`panic`).
pub(crate) struct Echo;

impl Fold for Echo {
    fn apply(&mut self, message: &Message) -> Effects {
        let value = message.value.clone().unwrap_or_default();
        assert!(value != b"panic", "asked to break down");
        if value.starts_with(b"skip") {
            return Effects { outcomes: vec![("excluded", 1)], ..Effects::default() };
        }
        if value.starts_with(b"bad") || message.value.is_none() {
            let letter = DeadLetter {
                feed: "test-feed".to_owned(),
                reason: "malformed",
                detail: "field x is bad".to_owned(),
                records: vec![0, 2],
                count: 1,
            };
            return Effects { dead_letter: Some(letter), outcomes: vec![("dead_letter", 1)], ..Effects::default() };
        }
        let key = value.iter().take(1).copied().collect();
        let output = Output { topic: Topic::Movements, partition: None, key, value, headers: Vec::new() };
        Effects { outputs: vec![output], outcomes: vec![("accepted", 1)], ..Effects::default() }
    }

    fn state_bytes(&self) -> u64 {
        0
    }
}

pub(crate) fn ingest(topic: &str) -> Stage {
    let folds: FoldFactory = Arc::new(|_: &str, _: Partition| Box::new(Echo));
    stage("ingest", topic, (false, folds))
}

pub(crate) fn assess(topic: &str) -> Stage {
    let folds: FoldFactory = Arc::new(|_: &str, _: Partition| Box::new(Chain::default()));
    stage("assess", topic, (true, folds))
}

pub(crate) fn stage(name: &'static str, topic: &str, (stateful, folds): (bool, FoldFactory)) -> Stage {
    let feeds = if stateful { BTreeMap::new() } else { BTreeMap::from([(topic.to_owned(), "test-feed".to_owned())]) };
    Stage {
        name,
        group: format!("entrepot.{name}"),
        topics: vec![topic.to_owned()],
        stateful,
        feeds,
        folds,
        snapshots: None,
        predecessors: None,
    }
}

/// Small transactions, no pauses, recycles without end.
pub(crate) fn settings() -> WorkerSettings {
    WorkerSettings {
        records_max: 7,
        interval: Duration::from_secs(3_600),
        dead_letter_ratio_max: 1.0,
        dead_letter_run_max: 0,
        recycles_max: u32::MAX,
        workers: 2,
        build: "test".to_owned(),
        ..WorkerSettings::default()
    }
}
