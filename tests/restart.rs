//! The real service begins from its snapshots: fewer messages are folded again, and what it says is what who never stopped says. Snapshots
//! that are damaged, cut, gone or of another model change nothing but the time it takes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds something else than it expects stops there")]

#[path = "support/house.rs"]
mod house;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use house::{House, MOVEMENTS, VERDICTS, by_key, metric, pause};

const SET: [&str; 3] = ["transactions.records_max=40", "transactions.interval_ms=20", "service.workers=2"];
const CLOSING: &str = "2026-01-01";

type Verdicts = BTreeMap<Vec<u8>, Vec<Vec<u8>>>;

/// The first key of which not the same was said, and what was.
fn differing(left: &Verdicts, right: &Verdicts) -> Option<[String; 2]> {
    let key = left.keys().chain(right.keys()).find(|key| left.get(*key) != right.get(*key))?;
    let said = |verdicts: &Verdicts| match verdicts.get(key) {
        Some(values) => values.iter().map(|value| String::from_utf8_lossy(value) + "\n").collect(),
        None => format!("nothing of {}", String::from_utf8_lossy(key)),
    };
    Some([said(left), said(right)])
}

/// A folder with a world in two halves.
fn house() -> House {
    let house = House::new(&[("world", "canonical")]);
    let simulate = ["-q", "simulate", "--seed", "7", "--out", "simulated", "--from", "2023-01", "--until", "2025-06"];
    house.done(&[&simulate[..], &["--records", "3000", "--scheme", "relabel"]].concat());
    let text = fs::read_to_string(house.path("simulated/records.ndjson")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let (first, second) = lines.split_at(lines.len() / 2);
    house.write("first.ndjson", (first.join("\n") + "\n").as_bytes());
    house.write("second.ndjson", (second.join("\n") + "\n").as_bytes());
    house
}

/// Serves the first half to its end, hurts what was kept, serves the second half. Gives the verdicts by key, and the last page of metrics.
fn in_two(hurt: impl Fn(&[PathBuf])) -> (Verdicts, String) {
    let house = house();
    house.feed(&house.path("first.ndjson"), "world");
    house.serve_to_the_end((&SET, &[]), "2023-01-02");
    let kept = snapshots(&house.path("log.snapshots"));
    assert!(kept.len() > 3, "{kept:?}");
    hurt(&kept);
    house.feed(&house.path("second.ndjson"), "world");
    let page = house.serve_to_the_end((&SET, &[]), CLOSING);
    let mut log = house.log();
    let mut verdicts: Verdicts = VERDICTS.iter().flat_map(|topic| by_key(&mut log, topic)).collect();
    // An amendment may move a record to another family, and partitions do not wait for each other.
    verdicts.values_mut().for_each(|values| values.sort());
    (verdicts, page)
}

fn snapshots(root: &Path) -> Vec<PathBuf> {
    let below = |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    below(&root.join(MOVEMENTS)).iter().flat_map(|partition| below(partition)).collect()
}

fn count(page: &str, outcome: &str) -> u64 {
    metric(page, "entrepot_snapshots_total", &[&format!("outcome=\"{outcome}\"")])
}

#[test]
fn whoever_begins_from_a_snapshot_says_the_same_and_so_does_who_cannot() {
    let (wanted, page) = in_two(|_| {});
    assert!(count(&page, "restored") > 0 && count(&page, "written") > 0 && count(&page, "damaged") == 0, "{page}");
    assert!(!wanted.is_empty());

    let flip = |path: &PathBuf| {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        fs::write(path, bytes).unwrap();
    };
    let (found, page) = in_two(|kept| kept.iter().for_each(flip));
    assert!(count(&page, "restored") == 0 && count(&page, "damaged") > 0, "{page}");
    assert_eq!(differing(&found, &wanted), None, "flipped bits");

    let cut = |path: &PathBuf| fs::write(path, &fs::read(path).unwrap()[..20]).unwrap();
    let (found, page) = in_two(|kept| kept.iter().for_each(cut));
    assert!(count(&page, "restored") == 0 && count(&page, "damaged") > 0, "{page}");
    assert_eq!(differing(&found, &wanted), None, "cut files");

    let (found, page) = in_two(|kept| kept.iter().for_each(|path| fs::remove_file(path).unwrap()));
    assert!(count(&page, "restored") == 0, "{page}");
    assert_eq!(differing(&found, &wanted), None, "files that are gone");

    // Those of another partition under this one's name.
    let swap = |kept: &[PathBuf]| {
        let other = fs::read(kept.iter().max().unwrap()).unwrap();
        kept.iter().for_each(|path| fs::write(path, &other).unwrap());
    };
    let (found, page) = in_two(swap);
    assert!(count(&page, "foreign") > 0, "{page}");
    assert_eq!(differing(&found, &wanted), None, "another partition's state");
}

#[test]
fn a_folder_that_cannot_be_written_is_a_warning_and_no_end() {
    let house = house();
    house.write("log.snapshots", b"a file where the folder should be");
    house.feed(&house.path("first.ndjson"), "world");
    let page = house.serve_to_the_end((&SET, &[]), "2023-01-02");
    assert!(count(&page, "failed") > 0 && count(&page, "written") == 0, "{page}");
}

#[test]
fn a_service_ends_with_70_where_its_state_outgrows_what_is_configured() {
    let house = house();
    ["first.ndjson", "second.ndjson"].iter().for_each(|file| house.feed(&house.path(file), "world"));
    house.serve_to_the_end((&SET, &[]), CLOSING);
    let limited = [&SET[..], &["assess.state_bytes_max=1000000"]].concat();
    let (mut service, mut log) = (house.serve((&limited, &[])), house.log());
    let mut looks = 0;
    while service.is_alive() {
        looks += 1;
        assert!(looks < 10_000, "it runs on: {}", service.errors());
        pause(&mut log);
    }
    assert_eq!(service.child.wait().unwrap().code(), Some(70), "{}", service.errors());
    assert!(service.errors().contains("assess.state_bytes_max is 1000000"), "{}", service.errors());
}

#[test]
fn a_new_model_begins_from_the_messages() {
    let house = house();
    house.feed(&house.path("first.ndjson"), "world");
    house.serve_to_the_end((&SET, &[]), "2023-01-02");
    let model = include_str!("../config/model.toml").replace("base_probability = 20 ", "base_probability = 21 ");
    let model = house.write("model.toml", model.as_bytes());
    let other = format!("model.path={}", model.display());
    let page = house.serve_to_the_end((&[&SET[..], &[&other]].concat(), &[]), CLOSING);
    assert!(count(&page, "restored") == 0 && count(&page, "foreign") > 0, "{page}");
}
