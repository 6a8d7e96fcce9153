//! The same records give the same bytes, whatever the batches, threads, partitions and the machine's settings: live, replayed, from a dump.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds something else than it expects stops there")]

#[path = "support/house.rs"]
mod house;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use entrepot::encode::{Output, Topic};
use entrepot::replay::Gathered;
use house::{DEAD_LETTERS, House, VERDICTS, header, messages};

const TOPICS: [(Topic, &str); 3] =
    [(Topic::Alerts, VERDICTS[0]), (Topic::Assessments, VERDICTS[1]), (Topic::Corridors, VERDICTS[2])];
/// The day after the last record of both worlds.
const CLOSING: &str = "2026-01-01";
const MACHINES: [&[(&str, &str)]; 3] = [
    &[],
    &[("TZ", "Pacific/Auckland"), ("LANG", "tr_TR.UTF-8"), ("LC_ALL", "tr_TR.UTF-8")],
    &[("TZ", "America/St_Johns"), ("LANG", "de_DE.ISO-8859-1"), ("LC_ALL", "C")],
];

/// A simulated world, the antimony story and bad rows, fed and not yet read.
fn fed(partitions: u32) -> House {
    let house = House::new(&[("world", "canonical"), ("bad", "canonical")]);
    let set = format!("topics.partitions={partitions}");
    let simulate = ["-q", "simulate", "--seed", "11", "--records", "3000", "--out", "simulated", "--from", "2023-01"];
    house.done(&[&simulate[..], &["--until", "2025-06", "--scheme", "relabel"]].concat());
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/sample");
    let mut all = fs::read(house.path("simulated/records.ndjson")).unwrap();
    all.extend(fs::read(sample.join("antimony.ndjson")).unwrap());
    let world = house.write("world.ndjson", &all);
    for (file, feed) in [(world, "world"), (sample.join("bad.ndjson"), "bad")] {
        house.done(&["-q", "--set", &set, "feed", file.to_str().unwrap(), "--feed", feed]);
    }
    house
}

/// Hashes over keys and values of the verdicts, every revision; of dead letters, over where they come from, why, and their bytes.
fn hashes(house: &House) -> BTreeMap<String, String> {
    let mut log = house.log();
    let mut gathered = Gathered::new(true);
    for (topic, name) in TOPICS {
        for message in messages(&mut log, name) {
            let (key, value) = (message.key.unwrap(), message.value.unwrap());
            gathered.push(&Output { topic, partition: None, key, value, headers: Vec::new() }).unwrap();
        }
    }
    gathered.settle().unwrap();
    let sums = gathered.sums(&TOPICS.map(|(topic, _)| topic)).unwrap();
    assert!(sums.written.values().all(|count| *count > 0), "a topic without values proves nothing: {:?}", sums.written);
    let mut hashes = sums.sha256;
    let mut letters: Vec<String> = messages(&mut log, DEAD_LETTERS)
        .iter()
        .map(|letter| {
            let names = ["dlq.topic", "dlq.offset", "dlq.feed", "dlq.reason", "dlq.detail", "dlq.records"];
            format!("{:?} {:?} {}", letter.key, letter.value, names.map(|name| header(letter, name)).join(" "))
        })
        .collect();
    letters.sort();
    assert_eq!(letters.len(), 9, "nine of the bad rows are dead letters");
    hashes.insert("dead-letters".to_owned(), letters.join("\n"));
    hashes
}

/// Live, replayed in the order of the log, and assessed from the dump of its movements.
#[track_caller]
fn check_repeated(house: &House, live: &BTreeMap<String, String>) {
    let replay = ["-q", "replay", "--from", "start", "--order", "log"];
    let report = house.done(&[&replay[..], &["--out", "again"]].concat());
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    for (topic, hash) in live.iter().filter(|(topic, _)| *topic != "dead-letters") {
        assert_eq!(report["sha256"][topic].as_str(), Some(hash.as_str()), "{topic}");
    }
    house.done(&[&replay[..], &["--stage", "ingest", "--out", "dump"]].concat());
    let from_raw = house.done(&[&replay[..], &["--stage", "all", "--out", "whole"]].concat());
    let from_raw: serde_json::Value = serde_json::from_str(&from_raw).unwrap();
    for (topic, _) in live.iter().filter(|(topic, _)| *topic != "dead-letters") {
        assert_eq!(from_raw["sha256"][topic], report["sha256"][topic], "{topic} from the raw topics");
    }
    let dump = "dump/movements.ndjson";
    let assessed =
        house.done(&["-q", "assess", dump, "--as", "movements", "--order", "given", "--history", "--format", "ndjson"]);
    let replayed: String = ["alerts", "assessments", "corridors"]
        .iter()
        .map(|topic| fs::read_to_string(house.path(&format!("again/{topic}.ndjson"))).unwrap())
        .collect();
    let differing = assessed.lines().zip(replayed.lines()).find(|(left, right)| left != right);
    assert_eq!(differing, None);
    assert_eq!(assessed.len(), replayed.len());
}

#[test]
fn batches_threads_partitions_and_machines_change_no_byte() {
    let mut first: Option<BTreeMap<String, String>> = None;
    for partitions in [1, 12] {
        let fed = fed(partitions);
        for (index, records_max) in [1, 7, 1000].into_iter().enumerate() {
            for (other, workers) in [1, 2, 8].into_iter().enumerate() {
                let house = fed.copy();
                let set = [
                    format!("topics.partitions={partitions}"),
                    format!("transactions.records_max={records_max}"),
                    format!("service.workers={workers}"),
                ];
                let machine = MACHINES[(index + other) % MACHINES.len()];
                house.serve_to_the_end((&set.each_ref().map(String::as_str), machine), CLOSING);
                let found = hashes(&house);
                let expected = first.get_or_insert_with(|| found.clone());
                assert_eq!(&found, expected, "{set:?} {machine:?}");
                if index == other && index != 1 {
                    check_repeated(&house, &found);
                }
            }
        }
    }
}
