//! The service over the embedded log: both stages, books, dead letters, pages, drain, breakdown.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use entrepot::domain::{Header, Message, Partition};
use entrepot::service::{Clock, Labels, Running, ServiceError, Settings, Ticks, start};
use entrepot::stream::embedded::EmbeddedLog;
use entrepot::stream::{Home, Log, NextOffsets, Outgoing, Range, Stage, WorkerSettings};

use crate::support::{assess, ingest, settings};

pub(crate) const RAW: &str = "raw";
pub(crate) const MOVEMENTS: &str = "entrepot.movements";
pub(crate) const OURS: [&str; 4] = ["entrepot.assessments", "entrepot.corridors", MOVEMENTS, "entrepot.dead-letters"];

/// Makes a log with all topics.
pub(crate) fn make_log(path: &Path) -> EmbeddedLog {
    let mut log = EmbeddedLog::create(path).unwrap();
    log.create_topic(RAW, 3).unwrap();
    for topic in OURS {
        log.create_topic(topic, 4).unwrap();
    }
    log
}

pub(crate) fn service_settings() -> Settings {
    let mut worker = settings();
    worker.interval = Duration::from_millis(2);
    Settings {
        instance: "test-0".to_owned(),
        http_listen: "127.0.0.1:0".to_owned(),
        stages: stages(),
        worker,
        build: entrepot::service::BuildInfo { version: "1.2.3".to_owned(), ..Default::default() },
        labels: Labels { signals: vec!["C1".to_owned()], tables: vec![("ports".to_owned(), 5.0)] },
        retention: Vec::new(),
        ticks: Ticks::Never,
        stuck_after: Duration::from_secs(60),
        clock: Clock::default(),
    }
}

/// A service on the log at a path.
pub(crate) fn begin(path: &Path, settings: Settings) -> Result<Running, ServiceError> {
    start(Box::new(EmbeddedLog::open(path)?), settings)
}

/// The same once its partitions are assigned: who holds none writes no ticks.
pub(crate) fn begin_assigned(path: &Path, settings: Settings) -> Running {
    let now = settings.clock.now.clone();
    let running = begin(path, settings).unwrap();
    while !running.pages().health.ready(now()).0 {
        std::thread::yield_now();
    }
    running
}

fn stages() -> Vec<Stage> {
    vec![ingest(RAW), assess(MOVEMENTS)]
}

pub(crate) fn raw(key: &str, value: &str) -> Outgoing {
    Outgoing {
        topic: RAW.into(),
        partition: None,
        key: Some(key.as_bytes().to_vec()),
        value: Some(value.as_bytes().to_vec()),
        headers: vec![Header { key: "traceparent".to_owned(), value: b"00-aa-bb-01".to_vec() }],
    }
}

/// Waits until both stages have committed all there is, while the service watches over itself.
pub(crate) fn catch_up(running: &mut Running) {
    for _ in 0..200_000 {
        running.look().unwrap();
        let ingest = running.log().lag("entrepot.ingest", &[RAW.to_owned()]).unwrap();
        if ingest + running.log().lag("entrepot.assess", &[MOVEMENTS.to_owned()]).unwrap() == 0 {
            return;
        }
        running.log().poll(Duration::from_millis(2)).unwrap();
    }
    panic!("never caught up");
}

pub(crate) fn read_all(log: &mut dyn Home, topic: &str) -> Vec<Message> {
    let partitions = log.topics().unwrap().into_iter().find(|t| t.name == topic).unwrap().partitions;
    let mut messages = Vec::new();
    for partition in 0..partitions {
        let range = Range { topic: topic.to_owned(), partition, from: 0, until: None };
        messages.extend(log.range(&range).unwrap().map(Result::unwrap));
    }
    messages
}

/// Asks a page; status and body.
fn ask(address: SocketAddr, method: &str, path: &str) -> (u16, String) {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let status = text[9..12].parse().unwrap();
    (status, text.split_once("\r\n\r\n").unwrap().1.to_owned())
}

/// The sum over all samples of a metric that carry this text in their labels.
pub(crate) fn metric(page: &str, name: &str, label: &str) -> f64 {
    let samples = page.lines().filter(|line| line.starts_with(&format!("{name}{{")) && line.contains(label));
    samples.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
}

#[test]
fn records_go_in_and_outcomes_come_out_and_the_books_balance() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let mut log = make_log(&path);
    for index in 0..300 {
        let word = ["a", "b", "skip", "bad", "c"][index % 5];
        let mut message = raw(&format!("k{index}"), &format!("{word}{index}"));
        // Headers of ours on what others wrote, such as a copy of an output.
        let theirs = ["entrepot-source", "entrepot-input"].map(|key| Header { key: key.to_owned(), value: b"else/0/1".to_vec() });
        message.headers.extend(theirs);
        log.send(message).unwrap();
    }
    log.commit(&NextOffsets::new()).unwrap();
    let mut running = begin(&path, service_settings()).unwrap();
    catch_up(&mut running);
    let address = running.address().unwrap();
    let (status, body) = ask(address, "GET", "/readyz");
    assert_eq!((status, body.contains("\"ready\":true")), (200, true), "{body}");
    assert_eq!(ask(address, "GET", "/healthz").0, 200);
    assert!(ask(address, "GET", "/version").1.contains("\"version\":\"1.2.3\""));
    assert!(ask(address, "GET", "/").1.contains("/metrics"));
    assert_eq!(ask(address, "POST", "/metrics").0, 405);
    assert_eq!(ask(address, "GET", "/else").0, 404);
    // A scrape may fall between a commit and its report; the last report is in after the drain.
    let pages = running.pages().clone();
    running.wait(async {}).unwrap();
    let page = String::from_utf8(pages.metrics.render()).unwrap();
    for stage in ["ingest", "assess"] {
        let label = format!("stage=\"{stage}\"");
        let consumed = metric(&page, "entrepot_records_consumed_total", &label);
        assert_eq!(consumed, metric(&page, "entrepot_records_processed_total", &label));
        assert_eq!(consumed, if stage == "ingest" { 300.0 } else { 180.0 });
        assert_eq!(metric(&page, "entrepot_consumer_lag_records", &label), 0.0);
        assert!(metric(&page, "entrepot_transactions_total", "outcome=\"committed\"") > 0.0);
    }
    assert_eq!(metric(&page, "entrepot_dead_letters_total", "reason=\"malformed\""), 60.0);
    for name in FIFTEEN {
        assert!(page.contains(&format!("# TYPE {name} ")), "{name} is missing");
    }
    assert_eq!(read_all(&mut log, MOVEMENTS).len(), 180);
    assert_eq!(read_all(&mut log, "entrepot.assessments").len(), 180);
    let output = &read_all(&mut log, "entrepot.assessments")[0];
    let names: Vec<&str> = output.headers.iter().map(|header| header.key.as_str()).collect();
    let expected = ["content-type", "entrepot-schema", "entrepot-source", "entrepot-input", "entrepot-build", "traceparent"];
    assert_eq!(names, expected);
    assert_eq!(output.header("entrepot-schema"), Some("assessment/1"));
    assert!(output.header("entrepot-input").unwrap().starts_with("entrepot.movements/"));
    let movements: Vec<String> =
        read_all(&mut log, MOVEMENTS).iter().map(|output| output.header("entrepot-source").unwrap().to_owned()).collect();
    let of_assessments = read_all(&mut log, "entrepot.assessments");
    for source in movements.iter().map(String::as_str).chain(of_assessments.iter().filter_map(|o| o.header("entrepot-source"))) {
        assert!(source.starts_with("raw/"), "{source}");
    }
}

const FIFTEEN: [&str; 15] = [
    "entrepot_records_consumed_total",
    "entrepot_records_processed_total",
    "entrepot_dead_letters_total",
    "entrepot_assessments_total",
    "entrepot_revisions_total",
    "entrepot_alerts_total",
    "entrepot_signals_fired_total",
    "entrepot_consumer_lag_records",
    "entrepot_consumer_lag_seconds",
    "entrepot_commit_latency_seconds",
    "entrepot_transactions_total",
    "entrepot_last_progress_timestamp_seconds",
    "entrepot_state_bytes",
    "entrepot_feed_paused",
    "entrepot_reference_published_timestamp_seconds",
];

#[test]
fn a_dead_letter_keeps_every_byte_and_says_where_it_came_from() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let mut log = make_log(&path);
    let original = Outgoing {
        topic: RAW.into(),
        partition: Some(2),
        key: Some(vec![0, 255, b'k']),
        value: Some(b"bad\xff\x00\n".to_vec()),
        headers: vec![
            Header { key: "own".to_owned(), value: vec![255, 0] },
            Header { key: "own".to_owned(), value: b"twice".to_vec() },
        ],
    };
    let mut large = original.clone();
    large.value = Some(vec![b'x'; 1_000_001]);
    let mut deletion = original.clone();
    deletion.value = None;
    let mut again = original.clone();
    again.headers.push(Header { key: "dlq.timestamp".to_owned(), value: b"2001-01-01T00:00:00Z".to_vec() });
    // Anybody can write that header: no first time lies after a message's own.
    let mut ahead = original.clone();
    ahead.headers.push(Header { key: "dlq.timestamp".to_owned(), value: b"2099-01-01T00:00:00Z".to_vec() });
    for outgoing in [&original, &large, &deletion, &again, &ahead] {
        log.send(outgoing.clone()).unwrap();
    }
    log.commit(&NextOffsets::new()).unwrap();
    let mut running = begin(&path, service_settings()).unwrap();
    catch_up(&mut running);
    running.wait(async {}).unwrap();

    let letters = read_all(&mut log, "entrepot.dead-letters");
    let input = read_all(&mut log, RAW);
    assert_eq!(letters.len(), 5);
    let [first, cut, deleted, redriven, foreign] = &letters[..] else { panic!() };
    assert_eq!((&first.key, &first.value), (&original.key, &original.value));
    assert_eq!(&first.headers[..2], &original.headers[..]);
    let told: BTreeMap<&str, &str> =
        first.headers[2..].iter().map(|h| (h.key.as_str(), std::str::from_utf8(&h.value).unwrap())).collect();
    let timestamp = input[0].timestamp.unwrap().to_string();
    let expected = BTreeMap::from([
        ("dlq.topic", RAW),
        ("dlq.partition", "2"),
        ("dlq.offset", "0"),
        ("dlq.timestamp", timestamp.as_str()),
        ("dlq.stage", "ingest"),
        ("dlq.feed", "test-feed"),
        ("dlq.reason", "malformed"),
        ("dlq.detail", "field x is bad"),
        ("dlq.records", "0,2"),
        ("dlq.build", "test"),
    ]);
    assert_eq!(told, expected);
    assert_eq!(cut.value.as_ref().unwrap().len(), 65_536);
    assert_eq!(cut.header("dlq.reason"), Some("too_large"));
    assert_eq!(cut.header("dlq.truncated"), Some("true"));
    assert_eq!(cut.header("dlq.bytes"), Some("1000001"));
    // sha256 of 1,000,001 letters x, by another program.
    assert_eq!(cut.header("dlq.sha256"), Some("85e4daf430380f612580d11ebf1ba489a0341266af0f6f5ed620852545a4655e"));
    assert_eq!(deleted.value, None);
    assert_eq!(redriven.header("dlq.timestamp"), Some("2001-01-01T00:00:00Z"));
    assert_eq!(foreign.header("dlq.timestamp"), Some(input[4].timestamp.unwrap().to_string().as_str()));
}

#[test]
fn a_dead_letter_is_never_larger_than_a_message_of_ours_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let mut log = make_log(&path);
    let many = |bytes: usize| Header { key: "own".to_owned(), value: vec![b'h'; bytes] };
    let bad = |key: usize, value: usize, headers: Vec<Header>| {
        let value = Some([b"bad".to_vec(), vec![b'v'; value]].concat());
        Outgoing { topic: RAW.into(), partition: Some(0), key: Some(vec![b'k'; key]), value, headers }
    };
    let inputs = [
        bad(400_000, 900_000, Vec::new()),
        bad(1_300_000, 10, vec![many(10)]),
        bad(10, 900_000, vec![many(500_000), many(500_000), many(500_000)]),
        bad(200_000, 10, vec![many(100_000)]),
    ];
    inputs.iter().for_each(|input| log.send(input.clone()).unwrap());
    log.commit(&NextOffsets::new()).unwrap();
    let mut running = begin(&path, service_settings()).unwrap();
    catch_up(&mut running);
    running.wait(async {}).unwrap();

    let letters = read_all(&mut log, "entrepot.dead-letters");
    let length = |part: &Option<Vec<u8>>| part.as_ref().map_or(0, Vec::len);
    let shown = |letter: &Message| {
        let own = letter.headers.iter().filter(|header| header.key == "own").count();
        let told =
            ["truncated", "bytes", "key_bytes", "headers_cut"].map(|name| letter.header(&format!("dlq.{name}")).unwrap_or("-"));
        (length(&letter.key), length(&letter.value), own, told.join(" "))
    };
    let mut found: Vec<_> = letters.iter().map(|letter| (letter.header("dlq.offset").unwrap(), shown(letter))).collect();
    found.sort();
    let expected = [
        ("0", (400_000, 65_536, 0, "true 900003 - -".to_owned())),
        ("1", (65_536, 13, 1, "true - 1300000 -".to_owned())),
        ("2", (10, 65_536, 0, "true 900003 - 3".to_owned())),
        ("3", (200_000, 13, 1, "- - - -".to_owned())),
    ];
    assert_eq!(found, expected);
    for letter in &letters {
        let headers: usize = letter.headers.iter().map(|header| header.key.len() + header.value.len()).sum();
        assert!(length(&letter.key) + length(&letter.value) + headers < 1_262_144, "{}", letter.position);
    }
}

#[test]
fn a_feed_that_is_all_bad_rests() {
    rests_after_ten(|worker| (worker.dead_letter_ratio_max, worker.window) = (0.2, 10));
}

#[test]
fn a_quiet_feed_that_is_all_bad_rests_before_its_window_is_full() {
    rests_after_ten(|worker| (worker.dead_letter_ratio_max, worker.dead_letter_run_max) = (0.2, 10));
}

fn rests_after_ten(set: impl Fn(&mut WorkerSettings)) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let mut log = make_log(&path);
    for index in 0..100 {
        let mut bad = raw("k", &format!("bad{index}"));
        bad.partition = Some(0);
        log.send(bad).unwrap();
    }
    log.commit(&NextOffsets::new()).unwrap();
    let mut settings = service_settings();
    set(&mut settings.worker);
    let running = begin(&path, settings).unwrap();
    let pages = running.pages().clone();
    let paused = async {
        while metric(&String::from_utf8(pages.metrics.render()).unwrap(), "entrepot_feed_paused", "test-feed") < 1.0 {
            tokio::task::yield_now().await;
        }
    };
    running.wait(paused).unwrap();
    assert_eq!(read_all(&mut log, "entrepot.dead-letters").len(), 10);
    assert_eq!(log.lag("entrepot.ingest", &[RAW.to_owned()]).unwrap(), 90);
}

#[test]
fn a_breakdown_ends_with_70_names_the_position_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let mut log = make_log(&path);
    for value in ["a1", "a2", "panic", "a3"] {
        let mut outgoing = raw("k", value);
        outgoing.partition = Some(1);
        log.send(outgoing).unwrap();
    }
    log.commit(&NextOffsets::new()).unwrap();
    let mut settings = service_settings();
    settings.worker.interval = Duration::from_secs(3_600);
    let error = begin(&path, settings).unwrap().wait(std::future::pending()).unwrap_err();
    assert_eq!(error.exit_code(), 70);
    assert!(error.to_string().contains("raw/1/2"), "{error}");
    assert_eq!(read_all(&mut log, MOVEMENTS), []);
    assert_eq!(log.positions("entrepot.ingest").unwrap(), NextOffsets::new());
}

#[test]
fn a_full_state_ends_with_70_counted_over_all_workers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let mut log = make_log(&path);
    for index in 0..100 {
        let mut movement = raw(&format!("k{index}"), "a");
        movement.topic = MOVEMENTS.into();
        log.send(movement).unwrap();
    }
    log.commit(&NextOffsets::new()).unwrap();
    let mut settings = service_settings();
    // 48 bytes each, in two workers: none of them holds as much alone.
    settings.worker.state_bytes_max = 48 * 99;
    let error = begin(&path, settings).unwrap().wait(std::future::pending()).unwrap_err();
    assert_eq!((error.exit_code(), error), (70, ServiceError::StateFull { bytes: 48 * 100, limit: 48 * 99 }));
    // What was open is committed: the next start, with more room, goes on from it.
    assert_eq!(log.lag("entrepot.assess", &[MOVEMENTS.to_owned()]).unwrap(), 0);
}

#[test]
fn a_drain_commits_what_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let mut log = make_log(&path);
    for index in 0..5 {
        log.send(raw("k", &format!("a{index}"))).unwrap();
    }
    log.commit(&NextOffsets::new()).unwrap();
    let mut settings = service_settings();
    settings.worker.interval = Duration::from_secs(3_600);
    let running = begin(&path, settings).unwrap();
    let pages = running.pages().clone();
    // Lag by the worker's own account is zero once all is read; nothing is committed before the drain.
    let all_read = async {
        let label = "stage=\"ingest\"";
        loop {
            let page = String::from_utf8(pages.metrics.render()).unwrap();
            let known = page.lines().filter(|l| l.starts_with("entrepot_consumer_lag_records{") && l.contains(label)).count();
            if known == 3 && metric(&page, "entrepot_consumer_lag_records", label) == 0.0 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    running.wait(all_read).unwrap();
    assert_eq!(log.lag("entrepot.ingest", &[RAW.to_owned()]).unwrap(), 0);
    assert_eq!(read_all(&mut log, MOVEMENTS).len(), 5);
}

#[test]
fn a_second_service_is_refused_and_a_taken_address_too() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("log.db"), folder.path().join("other.db"));
    make_log(&path);
    make_log(&other);
    let running = begin(&path, service_settings()).unwrap();
    let refused = begin(&path, service_settings()).err().unwrap();
    assert_eq!(refused.exit_code(), 75);
    assert!(refused.to_string().contains("test-0"), "{refused}");
    let mut settings = service_settings();
    settings.http_listen = running.address().unwrap().to_string();
    let refused = begin(&other, settings).err().unwrap();
    assert!(matches!(refused, ServiceError::AddressTaken { .. }), "{refused}");
    assert_eq!(refused.exit_code(), 69);
    // Nor does who cannot listen take the lease of one who gives no sign, and may come back.
    rusqlite::Connection::open(&path).unwrap().execute("UPDATE lease SET heartbeat_ms = 0", []).unwrap();
    let mut settings = service_settings();
    settings.http_listen = running.address().unwrap().to_string();
    assert_eq!(begin(&path, settings).err().unwrap().exit_code(), 69);
    let holder = EmbeddedLog::open(&path).unwrap().lease_holder("run").unwrap().unwrap();
    assert_eq!(holder.instance, "test-0");
    running.wait(async {}).unwrap();
    // The lease is given back.
    begin(&path, service_settings()).unwrap().wait(async {}).unwrap();
}

#[test]
fn thread_counts_and_batch_sizes_do_not_reach_the_outputs() {
    let outputs = |workers: usize, records_max: u32| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.db");
        let mut log = make_log(&path);
        for index in 0..200_u32 {
            let mut movement = raw(&format!("k{}", index % 17), &format!("{index}"));
            movement.topic = MOVEMENTS.into();
            log.send(movement).unwrap();
        }
        log.commit(&NextOffsets::new()).unwrap();
        let mut settings = service_settings();
        (settings.worker.workers, settings.worker.records_max) = (workers, records_max);
        let mut running = begin(&path, settings).unwrap();
        catch_up(&mut running);
        running.wait(async {}).unwrap();
        let place = |m: Message| (m.position.partition, m.key, m.value);
        read_all(&mut log, "entrepot.assessments").into_iter().map(place).collect::<Vec<(Partition, _, _)>>()
    };
    let expected = outputs(1, 1_000);
    assert_eq!(expected.len(), 200);
    for (workers, records_max) in [(1, 1), (2, 7), (8, 1_000)] {
        assert_eq!(outputs(workers, records_max), expected, "{workers} workers, {records_max} records");
    }
}

#[test]
fn ticks_are_written_for_a_missed_midnight_and_not_for_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let mut log = make_log(&path);
    let mut settings = service_settings();
    settings.ticks = Ticks::AtMidnight;
    let mut serve_once = || {
        let mut running = begin_assigned(&path, settings.clone());
        running.look().unwrap();
        running.wait(async {}).unwrap();
        read_all(&mut log, MOVEMENTS).len()
    };
    // A log that no service has served yet has missed no midnight, and a restart on the same day misses none.
    assert_eq!((serve_once(), serve_once()), (0, 0));
    EmbeddedLog::open(&path).unwrap().set_ticked("2025-01-01".parse().unwrap()).unwrap();
    let partitions = 4;
    assert_eq!((serve_once(), serve_once()), (partitions, partitions));
}
