//! The stages as `run` has them: a worker a thread, with its metrics, on the Kafka home. Only the HTTP page and the watchdog are left out.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use entrepot::assess::Assess;
use entrepot::decode::Decoder;
use entrepot::domain::{FeedName, Message};
use entrepot::encode::{Effects, Topic};
use entrepot::ingest::{Feed, Ingest, IngestLimits};
use entrepot::reference::Reference;
use entrepot::service::{BuildInfo, Labels, Metrics};
use entrepot::stream::kafka::{KafkaLog, KafkaSettings};
use entrepot::stream::{
    BatchReport, Beacon, Fold, FoldFactory, Home as _, Observer, Report, Share, Stage, Worker, WorkerSettings,
};

use crate::contest::{Job, Kind, Told, Watch, ready};
use crate::{Failure, setting, settings, world};

/// How far the stages are, heard from their reports.
struct Progress {
    job: Job,
    watch: Arc<Watch>,
    heard: Mutex<Heard>,
    ended: Sender<Result<(), String>>,
}

#[derive(Default)]
struct Heard {
    /// Stages that hold partitions.
    begun: Vec<&'static str>,
    told: Told,
    /// Raw messages that ingest has done, and the movements that they became, after each of its transactions.
    ingested: Vec<(u64, u64)>,
    assessed: u64,
}

/// Runs one stage or both until all records are done.
pub(crate) fn run(job: &Job) -> Result<Told, Failure> {
    let worker = WorkerSettings { prefix: job.prefix.clone(), ..WorkerSettings::default() };
    let log = KafkaLog::connect(KafkaSettings {
        bootstrap_servers: job.bootstrap.clone(),
        properties: properties()?,
        prefix: job.prefix.clone(),
        instance: "bench".to_owned(),
        replication_factor: 1,
        payload_bytes_max: worker.payload_bytes_max,
        interval: settings::INTERVAL,
    })?;
    let watch = Arc::new(Watch::default());
    let stages = stages(job, &watch)?;
    let build = BuildInfo { version: String::new(), fold: String::new(), model: String::new(), reference: String::new() };
    let metrics = Arc::new(Metrics::new(&build, &stages, &Labels { signals: Vec::new(), tables: Vec::new() }));
    let (ended, end) = channel();
    let progress = Arc::new(Progress { job: job.clone(), watch: Arc::clone(&watch), heard: Mutex::default(), ended });
    let stop = Arc::new(AtomicBool::new(false));
    for stage in stages {
        let handle = log.member(&stage, Share::WHOLE)?;
        let (metrics, progress, stop) = (Arc::clone(&metrics), Arc::clone(&progress), Arc::clone(&stop));
        let (heard, ended) = (Arc::clone(&progress), progress.ended.clone());
        let observer: Observer = Arc::new(move |report| {
            metrics.observe(report);
            heard.hear(report);
        });
        let (name, work) = (format!("{}-0", stage.name), (stage, worker.clone()));
        let body = move || {
            let outcome = Worker::new(handle, work, observer, Arc::new(Beacon::default())).run(&stop);
            drop(ended.send(outcome.map_err(|error| error.to_string())));
        };
        std::thread::Builder::new().name(name).spawn(body)?;
    }
    let told = wait(&progress, &end);
    stop.store(true, Ordering::Release);
    told
}

/// Properties of librdkafka to try, `ENTREPOT_BENCH_PROPERTIES=name=value,…`.
fn properties() -> Result<BTreeMap<String, String>, Failure> {
    let text = setting("ENTREPOT_BENCH_PROPERTIES").unwrap_or_default();
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').ok_or_else(|| format!("{pair:?} is no name=value"))?;
        Ok((name.to_owned(), value.to_owned()))
    };
    text.split(',').filter(|pair| !pair.is_empty()).map(pair).collect()
}

fn wait(progress: &Progress, end: &Receiver<Result<(), String>>) -> Result<Told, Failure> {
    end.recv()??;
    let heard = progress.heard.lock().unwrap_or_else(PoisonError::into_inner);
    let mut told = heard.told.clone();
    progress.watch.end(heard.done(&progress.job), &mut told)?;
    Ok(told)
}

impl Progress {
    fn hear(&self, report: &Report<'_>) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        match report {
            Report::Progress { stage, .. } if !heard.begun.contains(stage) => {
                heard.begun.push(stage);
                if heard.begun.len() == if self.job.kind == Kind::Both { 2 } else { 1 } {
                    ready();
                }
            }
            Report::Committed(batch) => {
                heard.committed(batch, &format!("{}movements", self.job.prefix));
                let done = heard.done(&self.job);
                if done >= self.job.records {
                    drop(self.ended.send(Ok(())));
                }
            }
            Report::Recycled { stage } => {
                let found = heard.told.outcomes.entry(format!("{stage} recycled")).or_default();
                *found += 1;
            }
            _ => {}
        }
    }
}

impl Heard {
    fn committed(&mut self, batch: &BatchReport, movements: &str) {
        let messages: u64 = batch.messages.values().sum();
        let told = &mut self.told;
        told.commits += 1;
        told.written += batch.written.values().sum::<u64>();
        told.latencies_ms.entry(batch.stage.to_owned()).or_default().extend(&batch.latencies_ms);
        for (outcome, count) in &batch.outcomes {
            *told.outcomes.entry(format!("{} {outcome}", batch.stage)).or_default() += count;
        }
        if batch.stage == "assess" {
            self.assessed += messages;
            return;
        }
        let (raw, written) = self.ingested.last().copied().unwrap_or_default();
        self.ingested.push((raw + messages, written + batch.written.get(movements).copied().unwrap_or_default()));
    }

    /// Records that every stage has done.
    fn done(&self, job: &Job) -> u64 {
        let through = |(_, written): &&(u64, u64)| job.kind != Kind::Both || *written <= self.assessed;
        self.ingested.iter().rev().find(through).map_or(0, |(raw, _)| *raw)
    }
}

fn stages(job: &Job, watch: &Arc<Watch>) -> Result<Vec<Stage>, Failure> {
    const FEED: &str = "bench";
    let name: FeedName = FEED.parse().map_err(|error| format!("{FEED} is no name of a feed: {error:?}"))?;
    let feed = Feed { name, topic: job.raw.clone(), decoder: Arc::new(Decoder::canonical(false)) };
    let limits = IngestLimits { payload_bytes_max: 1_000_000, default_lag_days: 45 };
    let stage = Arc::new(Ingest::new(vec![feed], Arc::clone(Reference::built_in()), limits));
    let watch = Arc::clone(watch);
    let ingest: FoldFactory = Arc::new(move |_, _| Box::new(Timed { fold: Arc::clone(&stage), watch: Some(Arc::clone(&watch)) }));
    let knowledge = world::knowledge();
    let assess: FoldFactory = Arc::new(move |_, _| Box::new(Assess::new(knowledge.clone())));
    let movements = WorkerSettings { prefix: job.prefix.clone(), ..WorkerSettings::default() }.full_name(Topic::Movements);
    let plan = [("ingest", job.raw.clone(), ingest), ("assess", movements, assess)];
    let wanted = if job.kind == Kind::Both { 2 } else { 1 };
    let stage = |(name, topic, folds): (&'static str, String, FoldFactory)| {
        let is_ingest = name == "ingest";
        let feeds = is_ingest.then(|| (topic.clone(), FEED.to_owned())).into_iter().collect();
        let group = format!("{}{name}", job.prefix);
        Stage { name, group, topics: vec![topic], stateful: !is_ingest, feeds, folds, snapshots: None, predecessors: None }
    };
    Ok(plan.into_iter().take(wanted).map(stage).collect())
}

/// The ingest stage, which says when its first message comes.
struct Timed {
    fold: Arc<Ingest>,
    watch: Option<Arc<Watch>>,
}

impl Fold for Timed {
    fn apply(&mut self, message: &Message) -> Effects {
        if let Some(watch) = self.watch.take() {
            watch.begin();
        }
        self.fold.apply(message)
    }

    fn state_bytes(&self) -> u64 {
        0
    }
}
