//! The real service on a real Apache Kafka among others that are gone, stand still or leave partitions to nobody, with a fold that is slow,
//! and with messages that nobody can read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::cluster::{NAMES, Place, calm, signal};
use crate::house::{DEAD_LETTERS, House, MOVEMENTS, header, messages};
use crate::kafka::{Brokers, figure, wait_until};
use entrepot::domain::{Header, Message, Partition};
use entrepot::encode::{Effects, Output, Topic};
use entrepot::service::{BuildInfo, Clock, Labels, Running, Settings, Ticks, start};
use entrepot::stream::kafka::{KafkaLog, KafkaSettings};
use entrepot::stream::{Event, Fold, FoldFactory, Home, Log, NextOffsets, Outgoing, Share, Stage, WorkerSettings};

/// As short as it may be: longer than a transaction.
const SESSION: Duration = Duration::from_secs(16);

/// Those of `movements`, and the one of the raw topic.
const PARTITIONS: i64 = 12 + 1;

/// How many partitions a service has, by what it says.
fn held(place: &Place, name: &str) -> i64 {
    let change = |line: &str| {
        let said: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        match said["message"].as_str() {
            Some("assigned") => 1,
            Some("partitions go away") => -said["partitions"].as_i64().unwrap(),
            _ => 0,
        }
    };
    place.log_of(name).lines().map(change).sum()
}

#[test]
fn who_is_gone_for_good_and_who_stands_still_are_replaced() {
    let session = format!("log.kafka.properties.session.timeout.ms={}", SESSION.as_millis());
    let mut place = Place::on(Brokers::One, (calm(400, 1), "gone"), &[&session]);
    (0..3).for_each(|index| place.start(index));
    NAMES.iter().for_each(|name| wait_until(name, || place.log_of(name).contains("\"assigned\"")));
    place.begin_to_feed(20);
    let mut log = place.broker.log(&[]);
    wait_until("some work", || log.end_offset(MOVEMENTS, 0).unwrap() > 0);
    wait_until("a part for each", || NAMES.iter().map(|name| held(&place, name)).sum::<i64>() >= PARTITIONS);

    let [gone, still, left] = [0, 1, 2];
    signal(&place.services[still], "STOP");
    place.bury(gone);
    let began = Instant::now();
    place.feed_all();
    wait_until("the third having all that was theirs", || held(&place, NAMES[left]) >= PARTITIONS);
    let took = began.elapsed();
    assert!(took < SESSION + Duration::from_secs(15), "{took:?}");
    place.catch_up(&mut log);
    signal(&place.services[still], "CONT");
    let is_back = |place: &Place| {
        let said = place.log_of(NAMES[still]);
        said.split_once("\"lost\":true").is_some_and(|(_, after)| after.contains("\"assigned\""))
    };
    wait_until("who stood still taking part again", || is_back(&place));
    assert!(place.services[still].try_wait().unwrap().is_none(), "it ended: {}", place.said(NAMES[still]));
    let mut log = place.finish();
    place.check(&mut log);
    figure(&format!(
        "{:.0} s after one was killed and one stopped the third had all partitions, with sessions of {} s",
        took.as_secs_f64(),
        SESSION.as_secs()
    ));
}

/// A record that is good, of so many bytes in all.
fn good(month: &str, bytes: usize) -> Vec<u8> {
    let record = format!(
        r#"{{"kind":"trade_flow","reporter":"US","partner":"TH","flow":"import","period":"{month}","hs":"282580","net_mass_kg":20000,"known_from":"2025-06-05T00:00:00Z"}}"#
    );
    let mut record = record.into_bytes();
    record.resize(record.len().max(bytes), b' ');
    record
}

/// The limit of this test's service; a message may be larger, since the topic takes more.
const LIMIT: usize = 100_000;

/// What nobody can read, and why not.
fn unreadable() -> Vec<(Option<Vec<u8>>, &'static str)> {
    let record = String::from_utf8(good("2025-01", 0)).unwrap();
    let with = |from: &str, to: &str| Some(record.replace(from, to).into_bytes());
    let mut no_text = record.replace("\"TH\"", "\"T?\"").into_bytes();
    no_text.iter_mut().filter(|byte| **byte == b'?').for_each(|byte| *byte = 0xff);
    vec![
        (Some(b"{\"kind\":\"trade_flow\",".to_vec()), "malformed"),
        (Some(Vec::new()), "malformed"),
        (None, "malformed"),
        (Some(b"\0\xff\xfe".to_vec()), "not_text"),
        (Some(no_text), "not_text"),
        (Some(b"[".repeat(10_000)), "too_large"),
        (with("20000", "NaN"), "malformed"),
        (with("20000", "1e400"), "malformed_field"),
        (with("\"hs\"", "\"hs\":\"282580\",\"hs\""), "malformed_field"),
        (with("trade_flow", "no_such_kind"), "unknown_schema"),
        (Some(good("2025-02", LIMIT + 1)), "too_large"),
        (Some(good("2025-02", 1_040_000)), "too_large"),
    ]
}

#[test]
fn messages_that_nobody_can_read_are_dead_letters_with_their_bytes() {
    let limit = format!("ingest.payload_bytes_max={LIMIT}");
    let mut place = Place::on(Brokers::One, (House::new(&[("world", "canonical")]), "poison"), &[&limit]);
    let mut log = place.broker.log(&[]);
    let bad = unreadable();
    let headers =
        vec![Header { key: "own".to_owned(), value: vec![255, 0] }, Header { key: "own".to_owned(), value: Vec::new() }];
    for (index, (value, _)) in bad.iter().enumerate() {
        let at_limit = if index == 0 { LIMIT } else { 0 };
        let good = Some(good(&format!("2024-{:02}", index + 1), at_limit));
        for value in [value.clone(), good] {
            let key = Some(vec![255, index as u8]);
            log.send(Outgoing { topic: "world".into(), partition: Some(0), key, value, headers: headers.clone() }).unwrap();
        }
    }
    log.commit(&NextOffsets::new()).unwrap();
    place.start(0);
    place.catch_up(&mut log);
    assert!(place.services[0].try_wait().unwrap().is_none(), "{}", place.said(NAMES[0]));

    let letters = messages(&mut log, DEAD_LETTERS);
    let by_offset: BTreeMap<u64, &Message> =
        letters.iter().map(|letter| (header(letter, "dlq.offset").parse().unwrap(), letter)).collect();
    assert_eq!((letters.len(), by_offset.len()), (bad.len(), bad.len()), "each once");
    for ((index, (value, reason)), letter) in bad.iter().enumerate().zip(by_offset.values()) {
        assert_eq!(header(letter, "dlq.reason"), *reason, "{index}: {}", header(letter, "dlq.detail"));
        assert_eq!(letter.key, Some(vec![255, index as u8]));
        assert_eq!(letter.headers[..2], headers);
        let kept = value.as_ref().map(|value| if value.len() > LIMIT { &value[..65_536] } else { value });
        assert!(letter.value.as_deref() == kept, "{index}: other bytes");
    }
    // Each good one is a movement of its family, the one at the limit as well.
    assert_eq!(messages(&mut log, MOVEMENTS).len(), bad.len());
    place.broker.audit(&["world"], 0);
}

#[test]
fn a_message_of_which_ours_would_be_too_large_stops_nothing() {
    let mut place = Place::on(Brokers::One, (House::new(&[("world", "canonical")]), "large"), &[]);
    let mut log = place.broker.log(&[]);
    let bill = |id: &str, ports: usize| {
        let ports = vec!["\"CNSHA\""; ports].join(",");
        format!(
            r#"{{"kind":"shipment","id":"{id}","event_date":"2025-01-07","hs":"282580","country_of_origin":"TH","destination":"US","transit_ports":[{ports}]}}"#
        )
        .into_bytes()
    };
    let trace = Header { key: "traceparent".to_owned(), value: vec![b'0'; 900_000] };
    // What a topic takes where nobody says otherwise is 1,048,588 bytes.
    let inputs = [
        (b"a".to_vec(), bill("A", 90_000), Vec::new()),
        (b"b".to_vec(), bill(&"B".repeat(900_000), 1), Vec::new()),
        (vec![b'c'; 1_048_000], b"{".to_vec(), Vec::new()),
        (b"d".to_vec(), bill("D", 1), vec![trace]),
    ];
    for (key, value, headers) in inputs {
        log.send(Outgoing { topic: "world".into(), partition: Some(0), key: Some(key), value: Some(value), headers }).unwrap();
    }
    log.commit(&NextOffsets::new()).unwrap();
    place.start(0);
    place.catch_up(&mut log);
    let reasons: Vec<String> = messages(&mut log, DEAD_LETTERS).iter().map(|letter| header(letter, "dlq.reason")).collect();
    assert_eq!(reasons.iter().filter(|reason| *reason == "too_large").count(), 2, "{reasons:?}");
    assert_eq!((reasons.len(), messages(&mut log, MOVEMENTS).len()), (3, 1), "{}", place.said(NAMES[0]));
}

#[test]
fn a_row_that_the_topic_does_not_take_is_left_out_by_name_and_keeps_no_other_away() {
    let place = Place::on(Brokers::One, (House::new(&[("world", "canonical")]), "left"), &[]);
    let rows = |values: &[Vec<u8>]| values.join(&b'\n');
    // Between what the topic takes and what the client sends: it is the broker that refuses, and it refuses by packed bytes.
    let mut chance = crate::house::Chance(7);
    let noise: String = (0..400_000).map(|_| char::from_u32(0x4e00 + chance.below(20_000) as u32).unwrap()).collect();
    let unlike = String::from_utf8(good("2025-02", 0)).unwrap().replace("}", &format!(",\"marks\":\"{noise}\"}}"));
    place.broker.run(
        "kafka.admin.ConfigCommand",
        &["--alter", "--entity-type", "topics", "--entity-name", "world", "--add-config", "max.message.bytes=1000000"],
    );
    place
        .house
        .write("a.ndjson", &rows(&[good("2025-01", 0), unlike.into_bytes(), good("2025-03", 3_000_000), good("2025-04", 0)]));
    place.house.write("b.ndjson", &rows(&[good("2025-05", 0)]));
    let mut feed = place.spawn("feed", &["feed", "a.ndjson", "b.ndjson", "--feed", "world"]);
    assert_eq!(crate::kafka::ended("the feed", &mut feed), Some(1), "{}", place.said("feed"));
    let said = place.log_of("feed");
    for row in ["row=2", "row=3"] {
        let line = said.lines().find(|line| line.contains("row is left out") && line.contains(row)).unwrap();
        assert!(line.contains("a.ndjson") && line.contains("\"world\"") && line.contains("1000000"), "{line}");
    }
    assert!(said.contains("2 of 4 rows were left out"), "{said}");
    let months =
        |message: Message| String::from_utf8(message.value.unwrap()).unwrap().split("2025-0").nth(1).unwrap()[..1].to_owned();
    let fed: Vec<String> = messages(&mut place.broker.log(&[]), "world").into_iter().map(months).collect();
    assert_eq!(fed, ["1", "4", "5"]);
}

/// Two raw topics of one partition each.
fn raw() -> Vec<String> {
    ["world", "other"].map(str::to_owned).to_vec()
}

/// A fold that takes its time and passes messages on.
struct Slow;

impl Fold for Slow {
    fn apply(&mut self, message: &Message) -> Effects {
        std::thread::sleep(Duration::from_secs(1));
        let value = message.value.clone().unwrap();
        let output = Output { topic: Topic::Movements, partition: None, key: value.clone(), value, headers: Vec::new() };
        Effects { outputs: vec![output], outcomes: vec![("accepted", 1)], ..Effects::default() }
    }

    fn state_bytes(&self) -> u64 {
        0
    }
}

/// A handle on the log of an instance of that name.
fn instance(bootstrap: &str, name: &str) -> KafkaLog {
    // A member that gives no sign between two records is out long before all are done.
    let times = [("session.timeout.ms", "16000"), ("max.poll.interval.ms", "17000")];
    let settings = KafkaSettings {
        bootstrap_servers: bootstrap.to_owned(),
        properties: times.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        prefix: "entrepot.".to_owned(),
        instance: name.to_owned(),
        replication_factor: 1,
        payload_bytes_max: 1_000_000,
        interval: Duration::from_millis(100),
    };
    KafkaLog::connect(settings).unwrap()
}

/// A stage over these topics, with a fold that is slow.
fn stage(topics: Vec<String>) -> Stage {
    let folds: FoldFactory = Arc::new(|_, _| Box::new(Slow));
    Stage {
        name: "ingest",
        group: "entrepot.ingest".to_owned(),
        feeds: topics.iter().map(|topic| (topic.clone(), topic.clone())).collect(),
        topics,
        stateful: false,
        folds,
        snapshots: None,
        predecessors: None,
    }
}

/// A member of the group of ingest, of that name, with a fold that is slow.
fn slow(bootstrap: &str, name: &str) -> Running {
    let (log, stage) = (instance(bootstrap, name), stage(raw()));
    let settings = Settings {
        instance: name.to_owned(),
        http_listen: "127.0.0.1:0".to_owned(),
        stages: vec![stage],
        worker: WorkerSettings { workers: 1, ..WorkerSettings::default() },
        build: BuildInfo::default(),
        labels: Labels { signals: Vec::new(), tables: Vec::new() },
        retention: Vec::new(),
        ticks: Ticks::Never,
        stuck_after: Duration::from_secs(60),
        clock: Clock::default(),
    };
    start(Box::new(log), settings).unwrap()
}

#[test]
fn a_fold_that_is_slow_keeps_its_place_and_lets_go_when_asked() {
    const RECORDS: u32 = 40;
    let house = House::new(&[("world", "canonical"), ("other", "canonical")]);
    let place = Place::on(Brokers::One, (house, "slow"), &[]);
    let mut log = place.broker.log(&[]);
    for (record, topic) in (0..RECORDS).zip(raw().iter().cycle()) {
        let value = Some(format!("record {record}").into_bytes());
        let topic = topic.as_str().into();
        log.send(Outgoing { topic, partition: Some(0), key: None, value, headers: Vec::new() }).unwrap();
    }
    log.commit(&NextOffsets::new()).unwrap();
    let lag = |log: &mut KafkaLog| log.lag("entrepot.ingest", &raw()).unwrap();

    let said = place.house.path("said.log");
    let file = std::sync::Mutex::new(std::fs::File::create(&said).unwrap());
    tracing_subscriber::fmt().json().with_writer(file).init();
    let mut first = slow(place.broker.bootstrap(), "first");
    wait_until("the first record", || lag(&mut log) < RECORDS.into());
    // Another comes: one of the two partitions is asked back in the midst of its records.
    let began = Instant::now();
    let mut second = slow(place.broker.bootstrap(), "second");
    let consumed = |running: &Running| {
        let page = String::from_utf8(running.pages().metrics.render()).unwrap();
        crate::house::metric(&page, "entrepot_records_consumed_total", &[])
    };
    wait_until("the other's first record", || consumed(&second) > 0);
    let handed = began.elapsed();
    assert!(handed < Duration::from_secs(16), "{handed:?}");
    wait_until("all but a few", || lag(&mut log) < 8);
    [&mut first, &mut second].into_iter().for_each(|running| running.look().unwrap());
    // It goes again, and what is left of it is the other's.
    second.wait(async {}).unwrap();
    wait_until("all of it", || lag(&mut log) == 0);
    first.wait(async {}).unwrap();

    let mut found: Vec<Vec<u8>> = messages(&mut log, MOVEMENTS).into_iter().map(|message| message.value.unwrap()).collect();
    let mut wanted: Vec<Vec<u8>> = (0..RECORDS).map(|record| format!("record {record}").into_bytes()).collect();
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted);
    let said = std::fs::read_to_string(said).unwrap();
    assert!(said.contains("partitions go away") && !said.contains("\"lost\":true"), "{said}");
    figure(&format!("{:.1} s from a member's start to its first record", handed.as_secs_f64()));
}

/// A member of a group over the movements, and the partitions that it has.
struct Member {
    log: Box<dyn Log + Send>,
    held: BTreeSet<Partition>,
}

impl Member {
    fn join(place: &Place, name: &str) -> Member {
        let log = instance(place.broker.bootstrap(), name).member(&stage(vec![MOVEMENTS.to_owned()]), Share::WHOLE);
        Member { log: log.unwrap(), held: BTreeSet::new() }
    }

    /// Hears one event; whether a partition was taken from it.
    fn hear(&mut self) -> bool {
        match self.log.poll(Duration::from_millis(20)).unwrap() {
            Event::Assigned { topic, partition, committed, .. } => {
                self.held.insert(partition);
                self.log.seek(&topic, partition, committed).unwrap();
                false
            }
            Event::Revoked { partition, .. } => self.held.remove(&partition),
            _ => false,
        }
    }
}

#[test]
fn partitions_that_a_rebalance_left_to_nobody_are_shared_anew() {
    let place = Place::on(Brokers::One, (House::new(&[("world", "canonical")]), "nobody"), &[]);
    let mut first = Member::join(&place, "first");
    wait_until("all partitions", || {
        first.hear();
        first.held.len() == 12
    });
    // Another comes. Half is taken from the first, which ends before it has given it back, and begins again under its name.
    let mut second = Member::join(&place, "second");
    wait_until("half of them taken back", || {
        second.hear();
        first.hear()
    });
    drop(first);
    let mut first = Member::join(&place, "first");
    let mut shares = |seconds| {
        let until = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < until && !(first.held.len() == 6 && second.held.len() == 6) {
            first.hear();
            second.hear();
        }
        (first.held.len(), second.held.len())
    };
    // It is handed what it had, and nobody the rest: it sees that before it begins. Else all would notice half a minute later.
    let began = Instant::now();
    assert_eq!(shares(20), (6, 6));
    figure(&format!("{:.0} s later all were somebody's again", began.elapsed().as_secs_f64()));
}
