//! `run`: the service, from its configuration to its drain. With `--sample` it feeds itself once and shows what it found.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::args::{RunArgs, RunStage};
use super::exit::{Exit, Exits, Failure, Outcome};
use super::log;
use super::registry;
use super::replay::feeds_in;
use super::show_sample;
use super::wiring::{FeedIn, Knowledge, feeds};
use crate::config::{Config, Feed, SnapshotHome};
use crate::encode::Topic;
use crate::service::{Clock, Labels, ServiceError, Settings, Ticks, interrupted, start};
use crate::signals::Signal;
use crate::stream::registry::Registry;
use crate::stream::{FoldFactory, Folder, Home, Predecessors, Snapshots, Stage, Store, TopicPlan, WorkerSettings};

/// A worker without a sign for so long is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(60);

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Failure {
        Failure { exit: Exit::from_code(error.exit_code()), error: error.into() }
    }
}

/// Runs it.
pub(super) fn run(config: &Config, args: &RunArgs) -> Outcome {
    if args.stage.contains(&RunStage::Link) {
        return Err(Failure::new(Exit::Usage, "--stage link comes with a later release; this one has ingest and assess"));
    }
    if args.sample && !args.stage.is_empty() {
        return Err(Failure::new(Exit::Usage, "--sample runs every stage; leave --stage out"));
    }
    // Before anything is opened: a service that is told to end while it starts drains, and exits 0, too.
    let stop = listen_for_signals()?;
    let feeds = feeds(config, args.sample)?;
    let knowledge = Knowledge::load(&config.model, &config.reference)?;
    let ingests = args.stage.is_empty() || args.stage.contains(&RunStage::Ingest);
    // A mapping that is wrong is said before anybody is asked over the network: to start again would not mend it.
    let reads = if ingests { Some((feeds_in(&feeds)?, registry::answering(config, &feeds)?)) } else { None };
    let mut log = log::create(config)?;
    let planned = log::planned(config, &feeds);
    log::create_topics(&mut *log, &planned)?;
    log::refuse_unsafe(&mut *log, &planned)?;
    log.bind_family_map(knowledge.reference().family_map_fingerprint())?;
    knowledge.keep(&mut *log)?;
    let retention = log::ours_to_empty(config, planned);
    let settings = settings(config, (args, retention), (&feeds, &knowledge, reads), &*log)?;
    let stages: Vec<&str> = settings.stages.iter().map(|stage| stage.name).collect();
    let stages = stages.join(", ");
    let location = log.location();
    let mut running = start(log, settings)?;
    if let Some(address) = running.address() {
        tracing::info!(%address, stages, log = location, "running; Ctrl-C drains and ends it");
    }
    if args.sample {
        show_sample::show((config, &stop), &mut running)?;
    }
    running.wait(until(stop))?;
    tracing::info!("drained");
    Ok(Exit::Done)
}

/// Becomes true at SIGINT or SIGTERM, from the first moment on: also while the sample is on its way.
pub(super) fn listen_for_signals() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().exits(Exit::Restart)?;
    let listen = move || {
        runtime.block_on(interrupted());
        told.store(true, Ordering::Release);
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(listen).exits(Exit::Restart)?;
    Ok(stop)
}

/// Done at a signal. One that came before this was called, or an end without one, shows in the flag a little later.
async fn until(stop: Arc<AtomicBool>) {
    let flagged = async {
        while !stop.load(Ordering::Acquire) {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::select! {
        biased;
        () = interrupted() => {}
        () = flagged => {}
    }
}

/// The feeds, what is known, and, where they are read here, how.
type Sources<'a> = (&'a [Feed], &'a Knowledge, Option<(Vec<FeedIn>, Option<Arc<Registry>>)>);

fn settings(
    config: &Config,
    (args, retention): (&RunArgs, Vec<TopicPlan>),
    sources: Sources<'_>,
    log: &dyn Home,
) -> Result<Settings, Failure> {
    let transactions = &config.transactions;
    let worker = WorkerSettings {
        prefix: config.topics.prefix.clone(),
        records_max: u32::try_from(transactions.records_max).unwrap_or(u32::MAX),
        bytes_max: transactions.bytes_max as u64,
        interval: transactions.interval,
        drain_timeout: config.service.drain_timeout,
        workers: config.service.workers,
        payload_bytes_max: config.ingest.payload_bytes_max as u64,
        dead_letter_ratio_max: config.ingest.dead_letter_ratio_max,
        window: u32::try_from(config.ingest.dead_letter_window_records).unwrap_or(u32::MAX),
        dead_letter_run_max: config.ingest.dead_letter_run_max,
        state_bytes_max: config.assess.state_bytes_max,
        ..WorkerSettings::default()
    };
    let knowledge = sources.1;
    let published = knowledge.reference().published();
    let seconds = |date: crate::domain::Date| {
        date.to_zoned(jiff::tz::TimeZone::UTC).map_or(0.0, |zoned| zoned.timestamp().as_second() as f64)
    };
    Ok(Settings {
        instance: config.service.instance.clone(),
        http_listen: config.service.http_listen.to_string(),
        stages: stages(config, &args.stage, sources, log)?,
        worker,
        build: knowledge.build(),
        labels: Labels {
            signals: Signal::ALL.iter().map(|signal| signal.code().to_owned()).collect(),
            tables: published.into_iter().map(|(table, date)| (table.to_owned(), seconds(date))).collect(),
        },
        retention,
        // The sample is a bounded run: its clocks end the day after its last record, never today.
        ticks: if args.sample { Ticks::Never } else { Ticks::AtMidnight },
        stuck_after: STUCK_AFTER,
        clock: Clock::default(),
    })
}

fn stages(
    config: &Config,
    chosen: &[RunStage],
    (feeds, knowledge, reads): Sources<'_>,
    log: &dyn Home,
) -> Result<Vec<Stage>, Failure> {
    let wanted = |stage: RunStage| chosen.is_empty() || chosen.contains(&stage);
    let group = |stage: &str| format!("{}{stage}", config.topics.prefix);
    let mut stages = Vec::new();
    if let Some((read, registry)) = reads {
        let folds = knowledge.ingests(read, config.ingest.payload_bytes_max, registry);
        stages.push(Stage {
            name: "ingest",
            group: group("ingest"),
            topics: feeds.iter().map(|feed| feed.topic.clone()).collect(),
            stateful: false,
            feeds: feeds.iter().map(|feed| (feed.topic.clone(), feed.name.to_string())).collect(),
            folds,
            snapshots: None,
            predecessors: None,
        });
    }
    if wanted(RunStage::Assess) {
        let outputs = [Topic::Assessments, Topic::Corridors, Topic::Alerts].map(|topic| (topic, log::full(config, topic)));
        let predecessors = Predecessors::new(log.another()?, knowledge.made_by(), outputs.to_vec())?;
        let knowledge = knowledge.clone();
        let folds: FoldFactory = Arc::new(move |_, _| knowledge.assess());
        stages.push(Stage {
            name: "assess",
            group: group("assess"),
            topics: vec![log::full(config, Topic::Movements)],
            stateful: true,
            feeds: BTreeMap::new(),
            folds,
            snapshots: snapshots(config)?,
            predecessors: Some(predecessors),
        });
    }
    Ok(stages)
}

fn snapshots(config: &Config) -> Result<Option<Snapshots>, Failure> {
    let plan = &config.snapshots;
    let Some(store) = store(config)? else { return Ok(None) };
    Snapshots::new(store, plan.every_records, plan.keep).map(Some).exits(Exit::Restart)
}

/// Where they are kept. Nothing is opened yet.
pub(super) fn store(config: &Config) -> Result<Option<Arc<dyn Store>>, Failure> {
    Ok(match &config.snapshots.home {
        SnapshotHome::None => None,
        SnapshotHome::Folder(folder) => Some(Arc::new(Folder::new(folder))),
        SnapshotHome::Objects { url, options } => Some(objects(url, options)?),
    })
}

#[cfg(feature = "object-store")]
fn objects(url: &str, options: &BTreeMap<String, String>) -> Result<Arc<dyn Store>, Failure> {
    let objects = crate::stream::Objects::new(url, options).exits(Exit::Invalid);
    Ok(Arc::new(objects.map_err(|failure| failure.context("snapshots.url"))?))
}

#[cfg(not(feature = "object-store"))]
fn objects(url: &str, _: &BTreeMap<String, String>) -> Result<Arc<dyn Store>, Failure> {
    let message =
        format!("snapshots.url: {url}: this build knows folders alone; build it with --features object-store, or name one");
    Err(Failure::new(Exit::Invalid, message))
}
