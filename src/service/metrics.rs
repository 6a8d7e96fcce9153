//! Every metric and what it means. Counts come from committed outcomes alone, so that logs, books and counters cannot disagree.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use prometheus::{Encoder, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};

use super::health::Place;
use crate::domain::{DeadLetterReason, Degrade, Timestamp};
use crate::encode::Tally;
use crate::stream::{BatchReport, Report, SnapshotOutcome, Stage};

const BANDS: [&str; 4] = ["none", "watch", "review", "priority"];
const CHANGES: [&str; 4] = ["opened", "raised", "lowered", "closed"];
const KINDS: [&str; 3] = ["assessment", "corridor", "alert"];
const INGEST: [&str; 3] = ["accepted", "excluded", "dead_letter"];
const ASSESS: [&str; 6] = ["assessed", "context", "duplicate", "superseded", "cancelled", "tick"];
const CLIENT: &[&str] = &["stage", "client"];
const COMMIT_BUCKETS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0];

/// What runs: the labels of `entrepot_build_info`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildInfo {
    /// The build's version.
    pub version: String,
    /// The fold's version.
    pub fold: String,
    /// The model's hash.
    pub model: String,
    /// The reference bundle's hash.
    pub reference: String,
}

/// Sets of label values that are known at start and made beforehand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labels {
    /// Codes of all signals.
    pub signals: Vec<String>,
    /// Tables of the reference bundle, and when each was published, in seconds since 1970.
    pub tables: Vec<(String, f64)>,
}

/// The metrics of one process.
pub struct Metrics {
    registry: Registry,
    consumed: IntCounterVec,
    processed: IntCounterVec,
    dead_letters: IntCounterVec,
    assessments: IntCounterVec,
    revisions: IntCounterVec,
    alerts: IntCounterVec,
    signals: IntCounterVec,
    lag_records: IntGaugeVec,
    lag_seconds: GaugeVec,
    commit_latency: HistogramVec,
    transactions: IntCounterVec,
    last_progress: GaugeVec,
    state_bytes: IntGaugeVec,
    feed_paused: IntGaugeVec,
    feed_waiting: IntGaugeVec,
    reference_published: GaugeVec,
    reasons: IntCounterVec,
    written: IntCounterVec,
    restoring: IntGaugeVec,
    snapshots: IntCounterVec,
    unkept: IntGaugeVec,
    client_retries: IntCounterVec,
    client_timeouts: IntCounterVec,
    client_answer: GaugeVec,
    client_waiting: IntGaugeVec,
    /// Lag and whether it restores, by stage, topic and partition: what the gauges over several partitions are made from.
    partitions: Mutex<BTreeMap<Place, (i64, bool)>>,
}

impl Metrics {
    /// All of them, with their closed sets of labels at zero.
    pub fn new(build: &BuildInfo, stages: &[Stage], labels: &Labels) -> Metrics {
        let make = Maker { registry: Registry::new() };
        let metrics = Metrics {
            consumed: make.counter("entrepot_records_consumed_total", "Records consumed.", &["stage", "topic"]),
            processed: make.counter("entrepot_records_processed_total", "What became of them.", &["stage", "outcome"]),
            dead_letters: make.counter("entrepot_dead_letters_total", "Dead letters.", &["stage", "feed", "reason"]),
            assessments: make.counter("entrepot_assessments_total", "Assessments published.", &["band"]),
            revisions: make.counter("entrepot_revisions_total", "Revisions above the first.", &["kind"]),
            alerts: make.counter("entrepot_alerts_total", "Changes of cases.", &["change", "band"]),
            signals: make.counter("entrepot_signals_fired_total", "Evidence given by each signal.", &["signal"]),
            lag_records: make.gauge(
                "entrepot_consumer_lag_records",
                "End offset less next offset.",
                &["stage", "topic", "partition"],
            ),
            lag_seconds: make.seconds(
                "entrepot_consumer_lag_seconds",
                "Age of the message read last; 0 when caught up.",
                &["stage", "topic"],
            ),
            commit_latency: make.histogram(
                "entrepot_commit_latency_seconds",
                "From the append of an input to the commit of its outputs.",
                &["stage"],
            ),
            transactions: make.counter("entrepot_transactions_total", "Transactions and their end.", &["stage", "outcome"]),
            last_progress: make.seconds(
                "entrepot_last_progress_timestamp_seconds",
                "When a partition's last commit was.",
                &["stage", "partition"],
            ),
            state_bytes: make.gauge("entrepot_state_bytes", "Bytes of state.", &["stage", "partition"]),
            feed_paused: make.gauge("entrepot_feed_paused", "Workers in which the feed rests.", &["feed"]),
            feed_waiting: make.gauge("entrepot_feed_waiting", "Workers in which the feed waits for a schema.", &["feed"]),
            reference_published: make.seconds(
                "entrepot_reference_published_timestamp_seconds",
                "When a reference table was published.",
                &["table"],
            ),
            reasons: make.counter("entrepot_record_reasons_total", "Records degraded or excluded.", &["reason"]),
            written: make.counter("entrepot_messages_written_total", "Messages committed to topics.", &["stage", "topic"]),
            restoring: make.gauge("entrepot_partitions_restoring", "Partitions whose state is being rebuilt.", &["stage"]),
            snapshots: make.counter("entrepot_snapshots_total", "Snapshots of state and their end.", &["stage", "outcome"]),
            unkept: make.gauge(
                "entrepot_snapshot_behind_records",
                "Messages folded since the state was last handed over to be kept.",
                &["stage", "partition"],
            ),
            client_retries: make.counter("entrepot_kafka_request_retries_total", "Requests repeated.", CLIENT),
            client_timeouts: make.counter("entrepot_kafka_request_timeouts_total", "Requests without an answer.", CLIENT),
            client_answer: make.seconds("entrepot_kafka_broker_rtt_seconds", "Slowest broker's p99.", CLIENT),
            client_waiting: make.gauge("entrepot_kafka_queue_messages", "Messages that wait in a client.", CLIENT),
            partitions: Mutex::default(),
            registry: make.registry,
        };
        metrics.describe_build(build);
        metrics.make_labels(stages, labels);
        metrics
    }

    /// The page, in text format 0.0.4.
    pub fn render(&self) -> Vec<u8> {
        let mut page = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut page).expect("metrics of ours can be written as text");
        page
    }

    /// Takes note of what a worker tells.
    pub fn observe(&self, report: &Report<'_>) {
        match report {
            Report::Committed(batch) => self.committed(batch),
            Report::Recycled { stage } => self.transactions.with_label_values(&[stage, "recycled"]).inc(),
            Report::Progress { stage, topic, partition, next, end, lag_ms, state_bytes, restoring, unkept } => {
                let number = partition.to_string();
                self.lag_records.with_label_values(&[stage, topic, number.as_str()]).set((end - next).max(0));
                let bytes = i64::try_from(*state_bytes).unwrap_or(i64::MAX);
                self.state_bytes.with_label_values(&[stage, number.as_str()]).set(bytes);
                let unkept = i64::try_from(*unkept).unwrap_or(i64::MAX);
                self.unkept.with_label_values(&[stage, number.as_str()]).set(unkept);
                self.place(stage, (topic, *partition), Some((*lag_ms, *restoring)));
            }
            Report::Revoked { stage, topic, partition } => {
                let number = partition.to_string();
                // Labels of what is no longer ours would look like lag that nobody works on.
                drop(self.lag_records.remove_label_values(&[stage, topic, number.as_str()]));
                drop(self.state_bytes.remove_label_values(&[stage, number.as_str()]));
                drop(self.unkept.remove_label_values(&[stage, number.as_str()]));
                self.place(stage, (topic, *partition), None);
            }
            Report::Snapshot { stage, outcome } => self.snapshots.with_label_values(&[stage, outcome.word()]).inc(),
            Report::Client { stage, vitals } => {
                let labels = &[*stage, vitals.client];
                self.client_retries.with_label_values(labels).inc_by(vitals.retries);
                self.client_timeouts.with_label_values(labels).inc_by(vitals.timeouts);
                self.client_answer.with_label_values(labels).set(vitals.answer_us as f64 / 1_000_000.0);
                self.client_waiting.with_label_values(labels).set(i64::try_from(vitals.waiting).unwrap_or(i64::MAX));
            }
            Report::Paused { feed, paused: true } => self.feed_paused.with_label_values(&[feed]).inc(),
            Report::Paused { feed, paused: false } => self.feed_paused.with_label_values(&[feed]).dec(),
            Report::Waiting { feed, waits: true } => self.feed_waiting.with_label_values(&[feed]).inc(),
            Report::Waiting { feed, waits: false } => self.feed_waiting.with_label_values(&[feed]).dec(),
        }
    }

    fn committed(&self, batch: &BatchReport) {
        let stage = batch.stage;
        self.transactions.with_label_values(&[stage, "committed"]).inc();
        for (topic, count) in &batch.consumed {
            self.consumed.with_label_values(&[stage, topic]).inc_by(*count);
        }
        for (outcome, count) in &batch.outcomes {
            self.processed.with_label_values(&[stage, outcome]).inc_by(*count);
        }
        for ((feed, reason), count) in &batch.dead_letters {
            self.dead_letters.with_label_values(&[stage, feed, reason]).inc_by(*count);
        }
        for (topic, count) in &batch.written {
            self.written.with_label_values(&[stage, topic]).inc_by(*count);
        }
        for tally in &batch.tallies {
            match tally {
                Tally::Assessment(band) => self.assessments.with_label_values(&[band]).inc(),
                Tally::Revision(kind) => self.revisions.with_label_values(&[kind]).inc(),
                Tally::Alert { change, band } => self.alerts.with_label_values(&[change, band]).inc(),
                Tally::Signal(signal) => self.signals.with_label_values(&[signal]).inc(),
                Tally::Reason(reason) => self.reasons.with_label_values(&[reason]).inc(),
                Tally::Mark(mark) => self.reasons.with_label_values(&[mark]).inc(),
            }
        }
        let latency = self.commit_latency.with_label_values(&[stage]);
        for milliseconds in &batch.latencies_ms {
            latency.observe(*milliseconds as f64 / 1_000.0);
        }
        let now = now_seconds();
        for (_, partition) in batch.next.keys() {
            self.last_progress.with_label_values(&[stage, &partition.to_string()]).set(now);
        }
    }

    /// Puts a partition's lag and whether it restores in its place, and makes the gauges of its topic and stage anew.
    fn place(&self, stage: &'static str, (topic, partition): (&str, i32), standing: Option<(i64, bool)>) {
        let mut partitions = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (stage, topic.to_owned(), partition);
        match standing {
            Some(standing) => partitions.insert(place, standing),
            None => partitions.remove(&place),
        };
        let in_topic = partitions.iter().filter(|((s, t, _), _)| *s == stage && t == topic);
        let lag_ms = in_topic.map(|(_, (lag_ms, _))| *lag_ms).max().unwrap_or(0);
        self.lag_seconds.with_label_values(&[stage, topic]).set(lag_ms as f64 / 1_000.0);
        let restoring = partitions.iter().filter(|((s, _, _), (_, restoring))| *s == stage && *restoring).count();
        self.restoring.with_label_values(&[stage]).set(i64::try_from(restoring).unwrap_or(i64::MAX));
    }

    fn describe_build(&self, build: &BuildInfo) {
        let make = Maker { registry: self.registry.clone() };
        let info = make.gauge("entrepot_build_info", "What runs.", &["version", "fold", "model", "reference"]);
        info.with_label_values(&[&build.version, &build.fold, &build.model, &build.reference]).set(1);
        #[cfg(target_os = "linux")]
        self.registry
            .register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))
            .expect("the process is described once");
    }

    fn make_labels(&self, stages: &[Stage], labels: &Labels) {
        for stage in stages {
            let name = stage.name;
            let outcomes: &[&str] = if stage.stateful { &ASSESS } else { &INGEST };
            for outcome in outcomes {
                self.processed.with_label_values(&[name, outcome]);
            }
            for outcome in ["committed", "recycled"] {
                self.transactions.with_label_values(&[name, outcome]);
            }
            if stage.snapshots.is_some() {
                for outcome in SnapshotOutcome::ALL {
                    self.snapshots.with_label_values(&[name, outcome.word()]);
                }
            }
            for topic in &stage.topics {
                self.consumed.with_label_values(&[name, topic]);
                self.lag_seconds.with_label_values(&[name, topic]);
            }
            for feed in stage.feeds.values() {
                self.feed_paused.with_label_values(&[feed]);
                self.feed_waiting.with_label_values(&[feed]);
                for reason in DeadLetterReason::ALL {
                    self.dead_letters.with_label_values(&[name, feed, reason.code()]);
                }
            }
            self.commit_latency.with_label_values(&[name]);
            self.restoring.with_label_values(&[name]);
        }
        for band in BANDS {
            self.assessments.with_label_values(&[band]);
            for change in CHANGES {
                self.alerts.with_label_values(&[change, band]);
            }
        }
        for kind in KINDS {
            self.revisions.with_label_values(&[kind]);
        }
        for signal in &labels.signals {
            self.signals.with_label_values(&[signal]);
        }
        for (table, published) in &labels.tables {
            self.reference_published.with_label_values(&[table]).set(*published);
        }
        for reason in Degrade::ALL {
            self.reasons.with_label_values(&[reason.code()]);
        }
    }
}

/// Makes and registers; each name stands in this file once.
struct Maker {
    registry: Registry,
}

impl Maker {
    fn counter(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.register(IntCounterVec::new(Opts::new(name, help), labels))
    }

    fn gauge(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.register(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    fn seconds(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.register(GaugeVec::new(Opts::new(name, help), labels))
    }

    fn histogram(&self, name: &str, help: &str, labels: &[&str]) -> HistogramVec {
        let options = HistogramOpts::new(name, help).buckets(COMMIT_BUCKETS.to_vec());
        self.register(HistogramVec::new(options, labels))
    }

    fn register<C: prometheus::core::Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let collector = made.expect("names and labels of metrics are valid");
        self.registry.register(Box::new(collector.clone())).expect("names of metrics are unique");
        collector
    }
}

#[expect(clippy::disallowed_methods, reason = "when progress was made is a machine's time")]
fn now_seconds() -> f64 {
    Timestamp::now().as_millisecond() as f64 / 1_000.0
}
