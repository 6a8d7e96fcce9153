//! Puts the parts of `run` together, watches over them, and ends them in order. Signals and configuration come from outside.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::http::{self, Pages};
use super::notify::Notifier;
use super::retention::Retention;
use super::{BuildInfo, Clock, Health, Labels, Metrics, ServiceError};
use crate::domain::Date;
use crate::encode::Topic;
use crate::stream::{
    Beacon, Commit, Home, Log, LogError, Observer, Report, Serving, Share, Stage, TopicPlan, Worker, WorkerError, WorkerSettings,
    write_ticks,
};

const LOOK: Duration = Duration::from_secs(1);
const TICK_AGAIN: Duration = Duration::from_secs(5);
const HEARTBEAT: Duration = Duration::from_secs(5);

/// What a service needs to know.
#[derive(Clone)]
pub struct Settings {
    /// This instance's name among others.
    pub instance: String,
    /// Where to listen, `127.0.0.1:9464`; port 0 takes a free one.
    pub http_listen: String,
    /// The stages to run.
    pub stages: Vec<Stage>,
    /// How their workers work.
    pub worker: WorkerSettings,
    /// What runs.
    pub build: BuildInfo,
    /// Labels made beforehand.
    pub labels: Labels,
    /// Topics whose old messages go, as their policies say, where the log does not see to it itself.
    pub retention: Vec<TopicPlan>,
    /// When to write ticks to `movements`.
    pub ticks: Ticks,
    /// A worker without a sign for so long is stuck.
    pub stuck_after: Duration,
    /// Where its time comes from.
    pub clock: Clock,
}

/// When a service writes ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ticks {
    /// Never: another does.
    Never,
    /// At each UTC midnight, and today's at start where a midnight passed while nothing ran. A first start and a restart on the same
    /// day write none: otherwise the moment of a restart would decide when clocks move, and so what is published.
    AtMidnight,
}

/// A service at work. Dropping it stops its workers without waiting.
pub struct Running {
    settings: Settings,
    log: Box<dyn Home>,
    serving: Box<dyn Serving>,
    runtime: tokio::runtime::Runtime,
    threads: Vec<Thread>,
    retention: Option<Retention>,
    pages: Pages,
    address: Option<SocketAddr>,
    stop: Arc<AtomicBool>,
    stop_http: Option<tokio::sync::oneshot::Sender<()>>,
    ticked: Date,
    tick_tried: Option<Instant>,
    beaten: Instant,
    notifier: Notifier,
}

struct Thread {
    stage: Stage,
    number: usize,
    beacon: Arc<Beacon>,
    handle: Option<JoinHandle<Result<(), WorkerError>>>,
}

/// Listens, takes the right to serve this log, and starts the workers of all stages.
pub fn start(mut log: Box<dyn Home>, settings: Settings) -> Result<Running, ServiceError> {
    let refused = |error: std::io::Error| ServiceError::NoThreads { detail: error.to_string() };
    // Who cannot listen takes the right from nobody; who may not serve need not try to listen.
    log.may_serve()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(refused)?;
    let listener = runtime.block_on(http::bind(&settings.http_listen))?;
    let address = http::address_of(&listener);
    let serving = log.serve(&settings.instance)?;

    let mut plan = Vec::new();
    for stage in &settings.stages {
        let count = worker_count(&mut *log, stage, &settings.worker)?;
        plan.extend((0..count).map(|number| (stage.clone(), Share { index: number, of: count }, Arc::new(Beacon::default()))));
    }
    let beacons = plan.iter().map(|(stage, share, beacon)| (stage.name, share.index, Arc::clone(beacon))).collect();
    let pages = Pages {
        metrics: Arc::new(Metrics::new(&settings.build, &settings.stages, &settings.labels)),
        health: Arc::new(Health::new(beacons, settings.stuck_after)),
        build: settings.build.clone(),
    };
    let stop = Arc::new(AtomicBool::new(false));
    let mut threads = Vec::new();
    for (stage, share, beacon) in plan {
        let handle = log.member(&stage, share)?;
        beacon.beat((settings.clock.now)());
        threads.push(spawn((handle, stage, share.index), &settings.worker, (&pages, &stop), beacon)?);
    }
    let (stop_http, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = pages.clone();
    runtime.spawn(async move {
        let shutdown = async move { drop(stopped.await) };
        if let Err(error) = http::serve(listener, served, shutdown).await {
            tracing::error!(%error, "HTTP ended");
        }
    });
    let retention = super::retention::begin(&*log, settings.retention.clone(), settings.clock.clone(), Arc::clone(&stop))?;
    let ticked = match settings.ticks {
        Ticks::Never => Date::MAX,
        Ticks::AtMidnight => log.ticked((settings.clock.today)())?,
    };
    log.rest();
    Ok(Running {
        ticked,
        tick_tried: None,
        beaten: (settings.clock.now)(),
        stop_http: Some(stop_http),
        settings,
        log,
        serving,
        runtime,
        threads,
        retention,
        pages,
        address,
        stop,
        notifier: Notifier::new(),
    })
}

/// As many workers as asked for, but none without a partition.
fn worker_count(log: &mut dyn Home, stage: &Stage, settings: &WorkerSettings) -> Result<usize, LogError> {
    let topics = log.topics()?;
    let mut partitions = 0;
    for name in &stage.topics {
        let found = topics.iter().find(|topic| topic.name == *name);
        let topic = found.ok_or_else(|| LogError::UnknownTopic { topic: name.clone() })?;
        partitions += usize::try_from(topic.partitions).unwrap_or(0);
    }
    Ok(settings.threads().min(partitions))
}

fn spawn(
    (log, stage, number): (Box<dyn Log + Send>, Stage, usize),
    settings: &WorkerSettings,
    (pages, stop): (&Pages, &Arc<AtomicBool>),
    beacon: Arc<Beacon>,
) -> Result<Thread, ServiceError> {
    let (metrics, health) = (Arc::clone(&pages.metrics), Arc::clone(&pages.health));
    let observer: Observer = Arc::new(move |report: &Report<'_>| {
        metrics.observe(report);
        health.observe(report);
    });
    let stop = Arc::clone(stop);
    let ended = Ended(Arc::clone(&beacon));
    let (work, shines) = ((stage.clone(), settings.clone()), Arc::clone(&beacon));
    // Folds are made on the thread that owns them, and never leave it.
    let body = move || {
        let _ended = ended;
        Worker::new(log, work, observer, shines).run(&stop)
    };
    let builder = std::thread::Builder::new().name(format!("{}-{number}", stage.name));
    let handle = builder.spawn(body).map_err(|error| ServiceError::NoThreads { detail: error.to_string() })?;
    Ok(Thread { stage, number, beacon, handle: Some(handle) })
}

/// Says that a worker has ended, however it did.
struct Ended(Arc<Beacon>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::Release);
    }
}

impl Running {
    /// Where the pages are.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// What the pages are made from.
    pub fn pages(&self) -> &Pages {
        &self.pages
    }

    /// The service's own handle on its log, for reading while it runs.
    pub fn log(&mut self) -> &mut dyn Home {
        &mut *self.log
    }

    /// Watches over the workers until the future is done or one of them fails; then ends all in order.
    pub fn wait(mut self, shutdown: impl Future<Output = ()>) -> Result<(), ServiceError> {
        let handle = self.runtime.handle().clone();
        let watched = handle.block_on(async {
            tokio::pin!(shutdown);
            loop {
                tokio::select! {
                    () = &mut shutdown => return Ok(()),
                    () = tokio::time::sleep(LOOK) => self.look()?,
                }
                if self.threads.iter().any(|thread| thread.beacon.ended.load(Ordering::Acquire)) {
                    return Ok(());
                }
            }
        });
        if let Err(ServiceError::Stuck { .. }) = watched {
            return watched;
        }
        let drained = self.drain();
        watched.and(drained)
    }

    /// One look around, to be repeated while the caller waits for something of its own: watchdog, systemd, limits, lease, ticks.
    pub fn look(&mut self) -> Result<(), ServiceError> {
        let now = self.now();
        let bytes = self.threads.iter().map(|thread| thread.beacon.state_bytes.load(Ordering::Acquire)).sum();
        let limit = self.settings.worker.state_bytes_max;
        if bytes > limit {
            return Err(ServiceError::StateFull { bytes, limit });
        }
        if let Some((stage, number, silence, _)) = self.pages.health.stuck(now) {
            let position = self.position_of(stage, number);
            return Err(ServiceError::Stuck { stage, number, position, seconds: silence.as_secs() });
        }
        self.notifier.look(now, &self.pages.health);
        if now.saturating_duration_since(self.beaten) >= HEARTBEAT {
            match self.serving.beat() {
                Ok(()) | Err(LogError::Busy { .. }) => self.beaten = now,
                Err(error) => return Err(error.into()),
            }
        }
        self.tick(now)
    }

    /// Writes the ticks of a midnight that has passed, where a first partition is ours. Another may do so too, which does no harm.
    fn tick(&mut self, now: Instant) -> Result<(), ServiceError> {
        let today = (self.settings.clock.today)();
        let is_due = today > self.ticked && self.tick_tried.is_none_or(|last| now.saturating_duration_since(last) >= TICK_AGAIN);
        let is_ours = || self.threads.iter().any(|thread| thread.beacon.holds_first.load(Ordering::Relaxed));
        if !is_due || !is_ours() {
            return Ok(());
        }
        self.tick_tried = Some(now);
        let movements = self.settings.worker.full_name(Topic::Movements);
        let ticked = write_ticks(&mut *self.log, &movements, today).and_then(|commit| match commit {
            Commit::Committed => self.log.set_ticked(today).map(|()| true),
            Commit::Recycled(..) => Ok(false),
        });
        // Whatever came of it: nobody polls this handle before the next try.
        self.log.rest();
        match ticked {
            Ok(true) => (self.ticked, self.tick_tried) = (today, None),
            Ok(false) => {}
            // A log that is away for a while comes back; the workers wait for it too.
            Err(error) if matches!(error.exit_code(), 69 | 75) => tracing::warn!(%error, "no tick yet"),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Ends the workers and what else holds the log: open batches are committed, within the time allowed.
    fn drain(&mut self) -> Result<(), ServiceError> {
        self.notifier.stopping();
        self.stop.store(true, Ordering::Release);
        let deadline = self.now() + self.settings.worker.drain_timeout;
        let mut outcome = Ok(());
        for index in 0..self.threads.len() {
            let clock = Arc::clone(&self.settings.clock.now);
            let Some(thread) = self.threads.get_mut(index) else { break };
            while !thread.handle.as_ref().is_none_or(JoinHandle::is_finished) && clock() < deadline {
                std::thread::sleep(Duration::from_millis(2));
            }
            let Some(handle) = thread.handle.take_if(|handle| handle.is_finished()) else {
                let (stage, number, position) = (thread.stage.name, thread.number, thread.position());
                let seconds = self.settings.worker.drain_timeout.as_secs();
                outcome = outcome.and(Err(ServiceError::NotDrained { stage, number, position, seconds }));
                continue;
            };
            let (stage, number) = (thread.stage.name, thread.number);
            let ended = match handle.join() {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(ServiceError::Worker { stage, number, error }),
                Err(_) => Err(ServiceError::Panicked { stage, number, position: thread.position() }),
            };
            outcome = outcome.and(ended);
        }
        if let Some(retention) = self.retention.take() {
            retention.end(&self.settings.clock, deadline);
        }
        // The last handle of all would do it too; another process may have one.
        if let Err(error) = self.log.close() {
            tracing::warn!(%error, "a copy of the log needs what stands beside it");
        }
        drop(self.stop_http.take());
        outcome
    }

    fn now(&self) -> Instant {
        (self.settings.clock.now)()
    }

    fn position_of(&self, stage: &str, number: usize) -> String {
        let thread = self.threads.iter().find(|thread| thread.stage.name == stage && thread.number == number);
        thread.map_or_else(String::new, Thread::position)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

impl Thread {
    /// The message in hand.
    fn position(&self) -> String {
        let offset = self.beacon.offset.load(Ordering::Acquire);
        let topic = self.stage.topics.get(self.beacon.topic.load(Ordering::Relaxed)).map_or("?", String::as_str);
        format!("{topic}/{}/{offset}", self.beacon.partition.load(Ordering::Relaxed))
    }
}

/// Done at SIGINT or SIGTERM.
pub async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
