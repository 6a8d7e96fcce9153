//! What a service does as time goes by: a worker that stands still, a drain that takes too long, midnight, a feed that goes on.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use entrepot::domain::{Date, Message};
use entrepot::encode::{Effects, tick};
use entrepot::service::{Clock, Running, ServiceError, Settings, Ticks};
use entrepot::stream::{Fold, FoldFactory, Log, NextOffsets};

use crate::service::{MOVEMENTS, RAW, begin, begin_assigned, catch_up, make_log, metric, raw, read_all, service_settings};
use crate::support::{Echo, stage};

/// A clock that the test moves on. Between two moves it goes as the machine's does.
#[derive(Clone)]
struct Hands {
    ahead_ms: Arc<AtomicU64>,
    date: Arc<Mutex<Date>>,
}

impl Hands {
    fn new(date: &str) -> Hands {
        Hands { ahead_ms: Arc::default(), date: Arc::new(Mutex::new(date.parse().unwrap())) }
    }

    fn pass(&self, seconds: u64) {
        self.ahead_ms.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }

    fn turn_to(&self, date: &str) {
        *self.date.lock().unwrap() = date.parse().unwrap();
    }

    #[expect(clippy::disallowed_methods, reason = "the worker's own signs go by the machine's time")]
    fn clock(&self) -> Clock {
        let (ahead_ms, date) = (Arc::clone(&self.ahead_ms), Arc::clone(&self.date));
        Clock {
            now: Arc::new(move || Instant::now() + Duration::from_millis(ahead_ms.load(Ordering::SeqCst))),
            today: Arc::new(move || *date.lock().unwrap()),
        }
    }
}

/// A fold that stands still at `hang` until the gate opens, and says that it has come there.
struct Gated {
    gate: Arc<Mutex<()>>,
    arrived: Sender<()>,
}

impl Fold for Gated {
    fn apply(&mut self, message: &Message) -> Effects {
        if message.value.as_deref() == Some(b"hang") {
            let _ = self.arrived.send(());
            drop(self.gate.lock());
        }
        Echo.apply(message)
    }

    fn state_bytes(&self) -> u64 {
        0
    }
}

/// A service whose one worker stands still at raw/1/1, and what tells that it has come there.
fn standing_still(path: &Path, gate: &Arc<Mutex<()>>) -> (Settings, Receiver<()>) {
    let mut log = make_log(path);
    for value in ["a1", "hang"] {
        let mut outgoing = raw("k", value);
        outgoing.partition = Some(1);
        log.send(outgoing).unwrap();
    }
    log.commit(&NextOffsets::new()).unwrap();
    let (arrived, arrivals) = channel();
    let gate = Arc::clone(gate);
    let folds: FoldFactory = Arc::new(move |_, _| Box::new(Gated { gate: Arc::clone(&gate), arrived: arrived.clone() }));
    let mut settings = service_settings();
    settings.stages = vec![stage("ingest", RAW, (false, folds))];
    settings.worker.workers = 1;
    settings.worker.interval = Duration::from_secs(3_600);
    (settings, arrivals)
}

fn await_arrival(arrivals: &Receiver<()>) {
    arrivals.recv_timeout(Duration::from_secs(60)).expect("the worker reads what stands in the log");
}

/// Waits until no thread holds the gate's other ends: the worker that stood still has come to its end.
fn await_end(gate: &Arc<Mutex<()>>) {
    while Arc::strong_count(gate) > 1 {
        std::thread::yield_now();
    }
}

#[test]
fn a_worker_that_stands_still_ends_the_service_with_70_and_commits_nothing_afterwards() {
    let (folder, gate, hands) = (tempfile::tempdir().unwrap(), Arc::new(Mutex::new(())), Hands::new("2025-01-01"));
    let path = folder.path().join("log.db");
    let (mut settings, arrivals) = standing_still(&path, &gate);
    settings.clock = hands.clock();
    let closed = gate.lock().unwrap();
    let mut running = begin(&path, settings).unwrap();
    let pages = running.pages().clone();
    await_arrival(&arrivals);
    hands.pass(30);
    running.look().unwrap();
    assert!(pages.health.live((hands.clock().now)()).0);
    hands.pass(31);
    let (live, body) = pages.health.live((hands.clock().now)());
    assert!(!live && body.contains("worker ingest-0 gives no sign since"), "{body}");
    let error = running.wait(std::future::pending()).unwrap_err();
    assert_eq!(error.exit_code(), 70);
    let said = error.to_string();
    assert!(said.starts_with("worker ingest-0 is stuck at raw/1/1 for"), "{said}");

    // The lease was given back: what the worker still does when it comes to itself is fenced off.
    drop(closed);
    drop(arrivals);
    await_end(&gate);
    let mut log = entrepot::stream::embedded::EmbeddedLog::open(&path).unwrap();
    assert_eq!(read_all(&mut log, MOVEMENTS), []);
    assert_eq!(log.positions("entrepot.ingest").unwrap(), NextOffsets::new());
}

#[test]
fn a_drain_that_takes_too_long_ends_with_70_and_the_next_start_does_it_again() {
    let (folder, gate) = (tempfile::tempdir().unwrap(), Arc::new(Mutex::new(())));
    let path = folder.path().join("log.db");
    let (mut settings, arrivals) = standing_still(&path, &gate);
    settings.worker.drain_timeout = Duration::from_millis(20);
    let closed = gate.lock().unwrap();
    let running = begin(&path, settings).unwrap();
    await_arrival(&arrivals);
    let error = running.wait(async {}).unwrap_err();
    assert_eq!(error.exit_code(), 70);
    let ServiceError::NotDrained { stage, position, .. } = &error else { panic!("{error}") };
    assert_eq!((*stage, position.as_str()), ("ingest", "raw/1/1"));
    assert!(error.to_string().contains("drain_timeout_seconds"), "{error}");

    drop(closed);
    await_end(&gate);
    let mut log = entrepot::stream::embedded::EmbeddedLog::open(&path).unwrap();
    assert_eq!(read_all(&mut log, MOVEMENTS), []);
    let mut again = begin(&path, service_settings()).unwrap();
    catch_up(&mut again);
    again.wait(async {}).unwrap();
    assert_eq!(read_all(&mut log, MOVEMENTS).len(), 2);
}

#[test]
fn each_midnight_that_passes_while_it_runs_is_ticked_once_in_every_partition() {
    let (folder, hands) = (tempfile::tempdir().unwrap(), Hands::new("2025-04-03"));
    let path = folder.path().join("log.db");
    let mut log = make_log(&path);
    let mut settings = service_settings();
    (settings.ticks, settings.clock) = (Ticks::AtMidnight, hands.clock());
    let mut running = begin_assigned(&path, settings.clone());
    let mut ticks = |running: &mut Running| -> Vec<(i32, Vec<u8>)> {
        running.look().unwrap();
        let messages = read_all(&mut log, MOVEMENTS).into_iter();
        messages.map(|message| (message.position.partition, message.value.unwrap())).collect()
    };
    let in_each = |dates: &[&str]| -> Vec<(i32, Vec<u8>)> {
        let of = |partition| dates.iter().map(move |date| (partition, tick(date.parse().unwrap())));
        (0..4).flat_map(of).collect()
    };
    assert_eq!(ticks(&mut running), in_each(&[]));
    hands.turn_to("2025-04-04");
    assert_eq!(ticks(&mut running), in_each(&["2025-04-04"]));
    assert_eq!(ticks(&mut running), in_each(&["2025-04-04"]));
    // A machine that slept over two midnights ticks the one that it finds; a clock that is set back ticks none.
    hands.turn_to("2025-04-06");
    assert_eq!(ticks(&mut running), in_each(&["2025-04-04", "2025-04-06"]));
    hands.turn_to("2025-04-05");
    assert_eq!(ticks(&mut running), in_each(&["2025-04-04", "2025-04-06"]));
    running.wait(async {}).unwrap();
    // What was ticked is kept beside the log: a restart on the same day ticks nothing, the next midnight is ticked again.
    hands.turn_to("2025-04-06");
    let mut running = begin_assigned(&path, settings);
    assert_eq!(ticks(&mut running).len(), 8);
    hands.turn_to("2025-04-07");
    assert_eq!(ticks(&mut running), in_each(&["2025-04-04", "2025-04-06", "2025-04-07"]));
    running.wait(async {}).unwrap();
}

#[test]
fn a_paused_feed_is_probed_and_goes_on_once_a_probe_is_good() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let mut log = make_log(&path);
    // Ten bad ones pause the feed, the first probe is bad too, the second is good, and the rest follows.
    for index in 0..30 {
        let mut outgoing = raw("k", &format!("{}{index}", if index < 11 { "bad" } else { "a" }));
        outgoing.partition = Some(0);
        log.send(outgoing).unwrap();
    }
    log.commit(&NextOffsets::new()).unwrap();
    let mut settings = service_settings();
    (settings.worker.dead_letter_ratio_max, settings.worker.window) = (0.2, 10);
    settings.worker.probe_interval = Duration::ZERO;
    let mut running = begin(&path, settings).unwrap();
    let pages = running.pages().clone();
    let paused = || metric(&String::from_utf8(pages.metrics.render()).unwrap(), "entrepot_feed_paused", "test-feed");
    let mut was_paused = false;
    for _ in 0..20_000 {
        was_paused |= paused() > 0.0;
        if log.lag("entrepot.ingest", &[RAW.to_owned()]).unwrap() == 0 {
            break;
        }
        running.log().poll(Duration::from_millis(2)).unwrap();
    }
    running.wait(async {}).unwrap();
    assert!(was_paused, "ten bad ones of ten pause a feed");
    assert_eq!(paused(), 0.0, "it goes on");
    assert_eq!((read_all(&mut log, "entrepot.dead-letters").len(), read_all(&mut log, MOVEMENTS).len()), (11, 19));
}
