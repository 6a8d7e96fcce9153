//! What a worker tells about itself: to metrics, to health, to the watchdog. Counts follow from outcomes, and from committed ones only.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU64, AtomicUsize, Ordering};

use super::{NextOffsets, SnapshotOutcome};
use crate::domain::{Offset, Partition};
use crate::encode::Tally;

/// Listens to workers. Called on their threads: must be quick.
pub type Observer = Arc<dyn Fn(&Report<'_>) + Send + Sync>;

/// Something a worker has to tell.
#[derive(Debug)]
pub enum Report<'a> {
    /// A transaction was committed.
    Committed(&'a BatchReport),
    /// A transaction was not, or nobody knows.
    Recycled {
        /// The stage.
        stage: &'static str,
    },
    /// Where a partition stands.
    Progress {
        /// The stage.
        stage: &'static str,
        /// The topic.
        topic: &'a str,
        /// The partition.
        partition: Partition,
        /// The next offset.
        next: Offset,
        /// The end offset, as last heard.
        end: Offset,
        /// Milliseconds between the append of the message last read and now; 0 where caught up.
        lag_ms: i64,
        /// Bytes of state.
        state_bytes: u64,
        /// Whether outputs are still withheld, up to the committed offset.
        restoring: bool,
        /// Messages folded since the state was last handed over to be kept; 0 where none is.
        unkept: u64,
    },
    /// A partition went away.
    Revoked {
        /// The stage.
        stage: &'static str,
        /// The topic.
        topic: &'a str,
        /// The partition.
        partition: Partition,
    },
    /// How a stage's clients of the log do.
    Client {
        /// The stage.
        stage: &'static str,
        /// What one of them counts.
        vitals: Vitals,
    },
    /// A snapshot of a partition's state was kept, was not, or was taken back.
    Snapshot {
        /// The stage.
        stage: &'static str,
        /// Which of these.
        outcome: SnapshotOutcome,
    },
    /// A feed was paused, or goes on.
    Paused {
        /// The feed.
        feed: &'a str,
        /// Whether it rests.
        paused: bool,
    },
    /// A feed has to wait for something outside of the log, or goes on.
    Waiting {
        /// The feed.
        feed: &'a str,
        /// Whether it waits.
        waits: bool,
    },
}

/// What a client of a log counts, once a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Vitals {
    /// `consumer` or `producer`.
    pub client: &'static str,
    /// Requests that were repeated since the last count.
    pub retries: u64,
    /// Requests that nobody answered in time since the last count.
    pub timeouts: u64,
    /// The slowest broker's answer, 99th percentile, in microseconds.
    pub answer_us: i64,
    /// Messages that wait in the client.
    pub waiting: u64,
}

/// What a committed transaction held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchReport {
    /// The stage.
    pub stage: &'static str,
    /// Messages read, by topic.
    pub messages: BTreeMap<String, u64>,
    /// Records consumed, by topic: in ingest what mappings yield, in assess messages.
    pub consumed: BTreeMap<String, u64>,
    /// What became of them; the sum equals the sum of `consumed`.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Dead letters by feed and reason.
    pub dead_letters: BTreeMap<(String, &'static str), u64>,
    /// What to count beside, with how often.
    pub tallies: Vec<Tally>,
    /// Messages written, by full name of the topic.
    pub written: BTreeMap<String, u64>,
    /// Where the partitions of the transaction stand now.
    pub next: NextOffsets,
    /// Milliseconds from the append of each input message to the commit of its outputs.
    pub latencies_ms: Vec<i64>,
}

impl BatchReport {
    /// Adds what another part of the same transaction held.
    pub(super) fn absorb(&mut self, other: BatchReport) {
        fn add<K: Ord>(into: &mut BTreeMap<K, u64>, from: BTreeMap<K, u64>) {
            from.into_iter().for_each(|(key, count)| *into.entry(key).or_default() += count);
        }
        let BatchReport { stage: _, messages, consumed, outcomes, dead_letters, tallies, written, next, latencies_ms } = other;
        add(&mut self.messages, messages);
        add(&mut self.consumed, consumed);
        add(&mut self.outcomes, outcomes);
        add(&mut self.dead_letters, dead_letters);
        add(&mut self.written, written);
        self.tallies.extend(tallies);
        self.next.extend(next);
        self.latencies_ms.extend(latencies_ms);
    }
}

/// Light signals of one worker: atomics, so that the watchdog and the health page never wait for it.
#[derive(Debug, Default)]
pub struct Beacon {
    /// Milliseconds of the process's own monotonic clock at the last sign of life.
    pub last_beat_ms: AtomicU64,
    /// Index of the topic (in its stage's list) of the message being folded.
    pub topic: AtomicUsize,
    /// Its partition.
    pub partition: AtomicI32,
    /// Its offset; −1 where nothing was read yet.
    pub offset: AtomicI64,
    /// Whether the worker has come to its end.
    pub ended: AtomicBool,
    /// Partitions that were assigned.
    pub assigned: AtomicUsize,
    /// Those of them that are not restored yet.
    pub restoring: AtomicUsize,
    /// Whether any assignment has arrived.
    pub started: AtomicBool,
    /// Whether a first partition is among those assigned: who holds one writes the ticks.
    pub holds_first: AtomicBool,
    /// Bytes of state that its folds held when it last looked around.
    pub state_bytes: AtomicU64,
}

impl Beacon {
    /// Says which message is in hand.
    pub fn at(&self, topic: usize, partition: Partition, offset: Offset) {
        self.topic.store(topic, Ordering::Relaxed);
        self.partition.store(partition, Ordering::Relaxed);
        self.offset.store(offset, Ordering::Release);
    }
}

/// Where the process's own time starts.
static EPOCH: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();

impl Beacon {
    /// Says that the worker lives.
    pub fn beat(&self, now: std::time::Instant) {
        let epoch = *EPOCH.get_or_init(|| now);
        let since = now.saturating_duration_since(epoch).as_millis();
        self.last_beat_ms.store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Release);
    }

    /// How long ago it last did. Never longer than the process's own time.
    pub fn silence(&self, now: std::time::Instant) -> std::time::Duration {
        let epoch = *EPOCH.get_or_init(|| now);
        let last = std::time::Duration::from_millis(self.last_beat_ms.load(Ordering::Acquire));
        now.saturating_duration_since(epoch).saturating_sub(last)
    }
}
