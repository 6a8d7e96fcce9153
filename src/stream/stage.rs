//! What a worker needs to know of a stage, as plain values. Reads no configuration.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Fold, Predecessors, Snapshots};
use crate::domain::Partition;
use crate::encode::Topic;

/// Makes the state of one partition (topic, partition), empty.
pub type FoldFactory = Arc<dyn Fn(&str, Partition) -> Box<dyn Fold> + Send + Sync>;

/// A stage: what it reads, as which group, and its fold.
#[derive(Clone)]
pub struct Stage {
    /// `ingest` or `assess`: a label of metrics.
    pub name: &'static str,
    /// The consumer group, `<prefix><stage>`.
    pub group: String,
    /// Full names of the topics it reads.
    pub topics: Vec<String>,
    /// Whether its state is made by its input from offset 0 on (assess); else it starts at the committed offset (ingest).
    pub stateful: bool,
    /// The feed of each input topic, for dead letters and pauses; empty in assess.
    pub feeds: BTreeMap<String, String>,
    /// Makes the fold of a partition.
    pub folds: FoldFactory,
    /// Where its state is kept, if anywhere.
    pub snapshots: Option<Snapshots>,
    /// Who published on the same log before, where its outputs are numbered.
    pub predecessors: Option<Predecessors>,
}

/// How a worker works: the limits of a transaction, and of bad input.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerSettings {
    /// Prefix of the topics of ours, `entrepot.`.
    pub prefix: String,
    /// What `entrepot-build` and `dlq.build` say.
    pub build: String,
    /// Messages in a transaction at most.
    pub records_max: u32,
    /// Bytes in and out of a transaction, after which it is committed.
    pub bytes_max: u64,
    /// Age of a transaction at which it is committed.
    pub interval: Duration,
    /// Time within which a drain must be over.
    pub drain_timeout: Duration,
    /// Threads per stage; 0: as many as the machine has cores, less one.
    pub workers: usize,
    /// A message above it is a dead letter `too_large`, and is cut there.
    pub payload_bytes_max: u64,
    /// Share of dead letters above which a feed pauses.
    pub dead_letter_ratio_max: f64,
    /// Over how many records that share is taken.
    pub window: u32,
    /// Dead letters one after another at which a feed pauses, however few records it has had; 0 for no such limit.
    pub dead_letter_run_max: u64,
    /// How long a paused feed rests between two probes of one message.
    pub probe_interval: Duration,
    /// Bytes of state that all folds of the process may hold together.
    pub state_bytes_max: u64,
    /// Recycles allowed within [`WorkerSettings::recycle_window`].
    pub recycles_max: u32,
    /// See [`WorkerSettings::recycles_max`].
    pub recycle_window: Duration,
}

impl Default for WorkerSettings {
    /// The defaults of the configuration (`contract.md` 6).
    fn default() -> WorkerSettings {
        WorkerSettings {
            prefix: "entrepot.".to_owned(),
            build: env!("CARGO_PKG_VERSION").to_owned(),
            records_max: 20_000,
            bytes_max: 8_000_000,
            interval: Duration::from_millis(100),
            drain_timeout: Duration::from_secs(15),
            workers: 0,
            payload_bytes_max: 1_000_000,
            dead_letter_ratio_max: 0.2,
            window: 1_000,
            dead_letter_run_max: 500,
            probe_interval: Duration::from_secs(30),
            state_bytes_max: 8_000_000_000,
            recycles_max: 3,
            recycle_window: Duration::from_secs(60),
        }
    }
}

impl WorkerSettings {
    /// How many threads a stage gets.
    pub fn threads(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        if self.workers == 0 { cores.saturating_sub(1).max(1) } else { self.workers }
    }

    /// The full name of a topic of ours.
    pub fn full_name(&self, topic: Topic) -> String {
        format!("{}{}", self.prefix, topic_name(topic))
    }
}

/// The name of a topic of ours, without its prefix.
pub fn topic_name(topic: Topic) -> &'static str {
    match topic {
        Topic::Movements => "movements",
        Topic::Sightings => "sightings",
        Topic::Assessments => "assessments",
        Topic::Corridors => "corridors",
        Topic::Alerts => "alerts",
        Topic::DeadLetters => "dead-letters",
        Topic::Feedback => "feedback",
        Topic::Progress => "progress",
        Topic::Kept => "kept",
    }
}
