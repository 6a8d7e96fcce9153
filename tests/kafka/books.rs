//! The large data sets on a real Apache Kafka: both balances hold, each input counts once, and what stands under each key is what the
//! embedded log holds, and what `assess` says of the same files.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use crate::house::{House, MOVEMENTS, VERDICTS, by_key, metric};
use crate::kafka::{Broker, Brokers, Secure, ended, wait_until};
use entrepot::stream::kafka::KafkaLog;
use entrepot::stream::{Home, write_ticks};
use serde_json::Value;

const FEEDS: [&str; 3] = ["korea", "census", "china"];
/// After any day on which this runs: Korean declarations bear no date of publication and count as known when they are fed.
const CLOSING: &str = "2099-01-01";

/// What is said of one message is limited; so many ticks let all of it out.
const TICKS: usize = 4;

type Verdicts = BTreeMap<Vec<u8>, Vec<Vec<u8>>>;

#[test]
fn a_hundred_thousand_real_rows_on_kafka_say_what_the_embedded_log_says_and_what_assess_says() {
    let Some(shared) = crate::pipeline::shared() else { return };
    let files = crate::sets::files(&shared.join("data"));
    let house = House::new(&[("korea", "korea-declarations"), ("census", "census-2024"), ("china", "china-months")]);
    files.iter().for_each(|(feed, file)| house.feed(file, feed));
    let page = house.serve_to_the_end((&[], &[]), CLOSING);
    let excluded = metric(&page, "entrepot_records_processed_total", &["stage=\"ingest\"", "outcome=\"excluded\""]);
    (1..TICKS).for_each(|_| drop(house.serve_to_the_end((&[], &[]), CLOSING)));

    let broker = Broker::start("books", Brokers::One, Secure::No);
    let mut log = serve(&house, &broker, &files);
    let mut embedded = house.log();
    for topic in VERDICTS {
        let (wanted, found) = (by_key(&mut embedded, topic), by_key(&mut log, topic));
        let only = |one: &Verdicts, other: &Verdicts| {
            let keys = one.keys().filter(|key| !other.contains_key(*key));
            keys.map(|key| String::from_utf8_lossy(key).into_owned()).collect::<Vec<_>>()
        };
        let none: [Vec<String>; 2] = Default::default();
        assert_eq!([only(&wanted, &found), only(&found, &wanted)], none, "keys of {topic} on one log alone");
        for (key, wanted) in &wanted {
            let (wanted, found) = (wanted.last().unwrap(), found[key].last().unwrap());
            assert_eq!(decided(found), decided(wanted), "{topic}");
        }
    }
    eprintln!("{}", broker.audit(&FEEDS, excluded));

    for (topic, kind) in [("entrepot.assessments", "assessments"), ("entrepot.corridors", "corridors")] {
        let assessed = assessed(&house, kind);
        let keyed = by_key(&mut log, topic);
        assert_eq!(assessed.len(), keyed.len(), "keys of {topic}");
        for (key, values) in keyed {
            let key = String::from_utf8(key).unwrap();
            assert_eq!(decided(values.last().unwrap()), decided(assessed[&key].as_bytes()), "{topic}");
        }
    }
}

/// Feeds the files to the broker and works through them, to the closing tick.
fn serve(house: &House, broker: &Broker, files: &[(&'static str, std::path::PathBuf)]) -> KafkaLog {
    let servers = format!("log.kafka.bootstrap_servers={}", broker.bootstrap());
    let set = ["--set", "log.kind=kafka", "--set", "topics.replication_factor=1", "--set", &servers];
    let with = |arguments: &[&str]| house.command(&[&set[..], arguments].concat());
    assert!(with(&["-q", "topics", "create"]).status().unwrap().success());
    for (feed, file) in files {
        assert!(with(&["-q", "feed", file.to_str().unwrap(), "--feed", feed]).status().unwrap().success(), "{file:?}");
    }
    let mut service = with(&["-q", "run"]).stdout(Stdio::null()).spawn().unwrap();
    let mut log = broker.log(&[]);
    let raw: Vec<String> = FEEDS.iter().map(|feed| (*feed).to_owned()).collect();
    for closing in [None, Some(CLOSING)] {
        let ticks = closing.iter().cycle().take(closing.map_or(0, |_| TICKS));
        ticks.for_each(|date| drop(write_ticks(&mut log, MOVEMENTS, date.parse().unwrap()).unwrap()));
        wait_until("both stages catching up", || {
            assert!(service.try_wait().unwrap().is_none(), "the service ended");
            log.lag("entrepot.ingest", &raw).unwrap() + log.lag("entrepot.assess", &[MOVEMENTS.to_owned()]).unwrap() == 0
        });
    }
    assert!(Command::new("kill").args(["-TERM", &service.id().to_string()]).status().unwrap().success());
    assert_eq!(ended("the end after SIGTERM", &mut service), Some(0));
    log
}

/// What `assess` says last, by id, of what ingest makes of the files: each has a mapping of its own, and `assess` takes one.
fn assessed(house: &House, kind: &str) -> BTreeMap<String, String> {
    let folder = house.path("again");
    if !folder.exists() {
        house.done(&["-q", "replay", "--from", "start", "--stage", "ingest", "--out", folder.to_str().unwrap()]);
    }
    let movements = folder.join("movements.ndjson");
    let assess = ["-q", "assess", movements.to_str().unwrap(), "--as", "movements", "--until", CLOSING];
    let lines = house.done(&[&assess[..], &["--only", kind, "--format", "ndjson"]].concat());
    lines.lines().map(|line| (id(line), line.to_owned())).collect()
}

fn id(line: &str) -> String {
    serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned()
}

/// What a verdict decides. How far the month's sources had reported, and when it was evaluated, follow from how the topics were interleaved.
fn decided(value: &[u8]) -> BTreeMap<String, Value> {
    const DECIDED: [&str; 14] = [
        "id",
        "record_revision",
        "status",
        "event_date",
        "hs6",
        "month",
        "probability",
        "band",
        "score",
        "prior",
        "limits",
        "chinese_share",
        "coverage",
        "evidence",
    ];
    let mut value: BTreeMap<String, Value> = serde_json::from_slice(value).unwrap();
    value.retain(|name, _| DECIDED.contains(&name.as_str()));
    value
}
