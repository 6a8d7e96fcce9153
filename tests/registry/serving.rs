//! The service with a feed in Avro: what each message becomes, and that it waits for its schema, alone and without loss.

use entrepot::domain::Message;
use entrepot::stream::embedded::EmbeddedLog;
use entrepot::stream::{Log, NextOffsets, Outgoing};
use serde_json::json;

use crate::asking::wait_until;
use crate::double::{Double, Mood};
use crate::framed::{self, FLOW, flow};
use crate::house::{DEAD_LETTERS, House, MOVEMENTS, check_books, header, messages, metric, pause};

/// The same, with its topics.
pub(crate) fn house(double: &Double) -> House {
    let house = framed::house(double);
    house.done(&["-q", "topics", "create"]);
    house
}

pub(crate) fn send(log: &mut EmbeddedLog, topic: &str, values: &[Option<Vec<u8>>]) {
    for value in values {
        let (topic, value) = (topic.into(), value.clone());
        log.send(Outgoing { topic, partition: None, key: None, value, headers: Vec::new() }).unwrap();
    }
    log.commit(&NextOffsets::new()).unwrap();
}

fn plain(month: &str) -> Option<Vec<u8>> {
    let record = json!({"kind": "trade_flow", "reporter": "US", "partner": "JP", "flow": "import", "period": month, "hs": "282580",
        "net_mass_kg": 20000, "known_from": "2025-06-05T00:00:00Z"});
    Some(record.to_string().into_bytes())
}

fn lag(log: &EmbeddedLog, feed: &str) -> u64 {
    log.lag("entrepot.ingest", &[feed.to_owned()]).unwrap()
}

fn waiting(page: &str) -> u64 {
    metric(page, "entrepot_feed_waiting", &["feed=\"bills\""])
}

#[test]
fn run_needs_a_registry_that_answers_and_lets_it_in() {
    let double = Double::new();
    let house = house(&double);
    let said = |set: &str, exit: i32, words: &str| {
        let (code, _, stderr) = house.run(&["--set", set, "run"]);
        assert!(code == exit && stderr.contains(words), "{set}: {code} {stderr}");
    };
    double.ask_for(Some("me:hunter2"));
    said("service.workers=1", 77, "refuses us: reading schemas (/schemas/types) answers 401");
    said(
        "schema_registry.url=",
        78,
        "feeds.format = avro: allowed is avro and protobuf where schema_registry.url names a registry",
    );
    said("schema_registry.url=host", 78, "[schema_registry] url: is no http://HOST:PORT");
    said("schema_registry.ca_file=nowhere.pem", 78, "schema_registry.ca_file: reading");
    drop(double);
    said("service.workers=1", 69, "no schema registry answers at http://127.0.0.1:");
    let config = std::fs::read_to_string(house.path("entrepot.toml")).unwrap();
    let config = config.replacen("mapping = \"canonical\"", "mapping = \"korea-declarations\"", 1);
    house.write("entrepot.toml", config.as_bytes());
    said("service.workers=1", 78, "feeds.format = avro gives each message as JSON, but its mapping korea-declarations reads csv");
}

#[test]
fn every_message_ends_as_a_record_or_whole_in_a_dead_letter() {
    let double = Double::new();
    double.schema(1, "AVRO", FLOW, json!([]));
    double.schema(3, "PROTOBUF", "syntax = \"proto3\"; message A {}", json!([]));
    let house = house(&double);
    let whole = flow(1, "2025-03");
    let cut = whole[..whole.len() - 1].to_vec();
    let trailing = [whole.as_slice(), &[0]].concat();
    let bad = [flow(2, "2025-01"), cut, trailing, flow(3, "2025-01"), b"{}".to_vec(), Vec::new()];
    let mut sent: Vec<Option<Vec<u8>>> = bad.iter().cloned().map(Some).collect();
    sent.extend([None, Some(flow(1, "2025-01")), Some(flow(1, "2025-02"))]);
    let mut log = house.log();
    send(&mut log, "bills", &sent);
    let page = house.serve_to_the_end((&[], &[]), "2025-06-06");
    assert_eq!(check_books(&page, &mut log, &["bills"]), (2, 0, 7));
    let letters = messages(&mut log, DEAD_LETTERS);
    let of = |value: Option<&[u8]>| {
        let letter = letters.iter().find(|letter| letter.value.as_deref() == value).expect("it is there with all its bytes");
        format!("{}: {}", header(letter, "dlq.reason"), header(letter, "dlq.detail"))
    };
    let said: Vec<String> = bad.iter().map(|value| of(Some(value))).collect();
    let expected = [
        "unknown_schema: schema 2: the registry does not know it",
        "malformed: by schema 1: known_from: cut off",
        "malformed: by schema 1: 1 bytes are left behind the value",
        "unknown_schema: schema 3 is not one of the feed's format, avro",
        "malformed: the first byte is 123; in the registry's frame it is 0",
        "malformed: empty: there is no frame",
    ];
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.starts_with(expected), "{said}");
    }
    assert!(of(None).starts_with("malformed: the message has no value"));
    assert_eq!(double.asked("/schemas/ids/1"), 1);

    // What was registered late is taken back.
    let (code, stdout, _) = house.run(&["-q", "dead-letters", "redrive", "--reason", "unknown_schema"]);
    assert!(code == 1 && stdout.matches("refused").count() == 2, "{stdout}");
    double.schema(2, "AVRO", FLOW, json!([]));
    let (_, stdout, _) = house.run(&["-q", "dead-letters", "redrive", "--reason", "unknown_schema"]);
    assert!(stdout.matches("redriven").count() == 1 && stdout.matches("refused").count() == 1, "{stdout}");
    house.serve_to_the_end((&[], &[]), "2025-06-07");
    assert_eq!(messages(&mut log, DEAD_LETTERS).len(), 7);
}

#[test]
fn while_the_registry_is_away_its_feed_waits_and_no_other() {
    let double = Double::new();
    double.schema(1, "AVRO", FLOW, json!([]));
    let house = house(&double);
    let mut log = house.log();
    let mut service = house.serve((&[], &[]));
    wait_until("the start", || service.answers("/readyz"));
    assert_eq!(waiting(&service.get("/metrics")), 0);
    double.be(Mood::Gone);
    send(&mut log, "bills", &[Some(flow(1, "2025-01")), Some(flow(1, "2025-02"))]);
    send(&mut log, "plain", &[plain("2025-01")]);
    wait_until("the word that the feed waits", || waiting(&service.get("/metrics")) == 1);
    let behind = |page: &str, topic: &str| metric(page, "entrepot_consumer_lag_seconds", &[&format!("topic=\"{topic}\"")]);
    wait_until("its being seen behind", || behind(&service.get("/metrics"), "bills") > 0);
    // The other feed goes on, whenever something comes.
    send(&mut log, "plain", &[plain("2025-02")]);
    while lag(&log, "plain") > 0 {
        assert!(service.is_alive(), "{}", service.errors());
        pause(&mut log);
    }
    assert_eq!(lag(&log, "bills"), 2);
    assert!(messages(&mut log, DEAD_LETTERS).is_empty());
    assert!(service.answers("/healthz") && service.answers("/readyz"));
    assert!(service.errors().contains("feed waits, nothing of it is lost: schema 1: no schema registry answers"));
    assert_eq!(metric(&service.get("/metrics"), "entrepot_feed_paused", &["feed=\"bills\""]), 0);

    double.be(Mood::Well);
    house.catch_up(&mut service, &mut log);
    wait_until("the word that it goes on", || waiting(&service.get("/metrics")) == 0);
    assert!(service.errors().contains("feed goes on"));
    service.end();
    let inputs: Vec<String> = messages(&mut log, MOVEMENTS).iter().filter_map(input).collect();
    let from = |feed: &str| inputs.iter().filter(|input| input.starts_with(feed)).count();
    assert_eq!((from("bills/"), from("plain/"), inputs.len()), (2, 2, 4));
    assert!(messages(&mut log, DEAD_LETTERS).is_empty());
}

fn input(movement: &Message) -> Option<String> {
    movement.header("entrepot-input").map(str::to_owned)
}

#[test]
fn a_service_that_waits_drains_and_the_next_takes_the_message() {
    let double = Double::new();
    double.schema(1, "AVRO", FLOW, json!([]));
    double.be(Mood::Silent);
    let house = house(&double);
    let mut log = house.log();
    send(&mut log, "bills", &[Some(flow(1, "2025-01"))]);
    let service = house.serve((&[], &[]));
    wait_until("the question", || double.asked("/schemas/ids/1") > 0);
    service.end();
    assert_eq!((lag(&log, "bills"), messages(&mut log, DEAD_LETTERS).len()), (1, 0));
    double.be(Mood::Well);
    house.serve_to_the_end((&[], &[]), "2025-06-06");
    assert_eq!(messages(&mut log, MOVEMENTS).iter().filter_map(input).count(), 1);
}
