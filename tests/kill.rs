//! The real service and the real feed, killed again and again while records flow: nothing is lost, nothing doubled, no verdict differs.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds something else than it expects stops there")]

#[path = "support/house.rs"]
mod house;

use std::process::{Child, Stdio};

use entrepot::stream::embedded::EmbeddedLog;
use entrepot::stream::write_ticks;
use house::{Chance, DEAD_LETTERS, House, MOVEMENTS, VERDICTS, by_key, check_books, header, messages, pause, position};

const KILLS: u32 = 50;
const RECORDS: usize = 6_000;
/// The day after the last record.
const CLOSING: &str = "2026-01-01";
const SET: [&str; 3] = ["transactions.records_max=50", "transactions.interval_ms=20", "service.workers=2"];

/// Simulated records with a bad row after every twentieth.
fn world(house: &House) -> Vec<u8> {
    let simulate = ["-q", "simulate", "--seed", "5", "--out", "simulated", "--from", "2023-01", "--until", "2025-06"];
    house.done(&[&simulate[..], &["--records", &RECORDS.to_string(), "--scheme", "relabel"]].concat());
    let text = std::fs::read_to_string(house.path("simulated/records.ndjson")).unwrap();
    let mut rows = String::new();
    for (index, line) in text.lines().enumerate() {
        rows += &format!("{line}\n");
        if index % 20 == 0 {
            rows += &format!("bad row {index}\n");
        }
    }
    rows.into_bytes()
}

fn feeding(house: &House) -> Child {
    let mut command = house.command(&["-q", "feed", "world.ndjson", "--feed", "world", "--rate", "80"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// SIGKILL, which nothing can catch. Says whether it struck a process that was at work.
fn kill(child: &mut Child) -> bool {
    let struck = child.try_wait().unwrap().is_none() && child.kill().is_ok();
    child.wait().unwrap();
    struck
}

/// Kills either or both until each was struck often enough. Gives how many services and feeds were.
fn kill_again_and_again(rough: &House) -> (u32, u32) {
    let mut log = rough.log();
    let mut chance = Chance(3);
    let (mut feed, mut service) = (feeding(rough), rough.serve((&SET, &[])));
    let (mut killed_feeds, mut killed_services) = (0, 0);
    while killed_feeds < KILLS || killed_services < KILLS {
        // A moment between "just started" and "a hundred records later"; where no records flow, some looks later.
        let done = |log: &EmbeddedLog| {
            let ingested = position(&log.positions("entrepot.ingest").unwrap(), "world");
            ingested + position(&log.positions("entrepot.assess").unwrap(), MOVEMENTS)
        };
        let (goal, mut looks) = (done(&log) + chance.below(150), chance.below(150));
        while done(&log) < goal && looks > 0 {
            pause(&mut log);
            looks -= 1;
        }
        match chance.below(3) {
            0 => killed_feeds += u32::from(kill(&mut feed)),
            1 => killed_services += u32::from(kill(&mut service.child)),
            _ => {
                killed_feeds += u32::from(kill(&mut feed));
                killed_services += u32::from(kill(&mut service.child));
            }
        }
        if feed.try_wait().unwrap().is_some() {
            let fed = messages(&mut log, "world").len();
            assert!(fed < RECORDS, "all was fed after {killed_feeds} and {killed_services} kills: too few records");
            feed = feeding(rough);
        }
        if !service.is_alive() {
            service = rough.serve((&SET, &[]));
        }
    }
    kill(&mut feed);
    kill(&mut service.child);
    (killed_services, killed_feeds)
}

/// What each raw position made, a movement in a family or a dead letter, sorted.
fn inputs(log: &mut EmbeddedLog) -> Vec<(String, Option<Vec<u8>>)> {
    let movements = messages(log, MOVEMENTS);
    let told = movements.iter().filter(|movement| movement.key.as_deref() != Some(b"tick"));
    let mut inputs: Vec<(String, Option<Vec<u8>>)> =
        told.map(|movement| (header(movement, "entrepot-input"), movement.key.clone())).collect();
    inputs.extend(messages(log, DEAD_LETTERS).iter().map(|letter| (header(letter, "dlq.offset"), None)));
    inputs.sort();
    inputs
}

#[test]
fn fifty_kills_of_run_and_of_feed_change_no_verdict_and_no_count() {
    let calm = House::new(&[("world", "canonical")]);
    let world = world(&calm);
    let file = calm.write("world.ndjson", &world);
    calm.feed(&file, "world");
    let page = calm.serve_to_the_end((&SET, &[]), CLOSING);
    let counted = check_books(&page, &mut calm.log(), &["world"]);
    assert!(counted.0 > 5_000 && counted.2 == RECORDS.div_ceil(20) as u64, "{counted:?}");

    let rough = House::new(&[("world", "canonical")]);
    rough.write("world.ndjson", &world);
    rough.done(&["-q", "topics", "create"]);
    let (killed_services, killed_feeds) = kill_again_and_again(&rough);
    let mut log = rough.log();
    let file = rough.path("world.ndjson");
    rough.feed(&file, "world");
    let mut service = rough.serve((&SET, &[]));
    rough.catch_up(&mut service, &mut log);
    write_ticks(&mut log, MOVEMENTS, CLOSING.parse().unwrap()).unwrap();
    rough.catch_up(&mut service, &mut log);
    service.end();

    let mut calm_log = calm.log();
    for topic in VERDICTS.iter().chain(&["world", MOVEMENTS, DEAD_LETTERS]) {
        let (calm, rough) = (by_key(&mut calm_log, topic), by_key(&mut log, topic));
        let differing = calm.iter().zip(&rough).find(|(left, right)| left != right);
        assert_eq!(differing, None, "{topic}");
        assert_eq!(calm.len(), rough.len(), "{topic}");
        assert!(!calm.is_empty(), "{topic}");
    }
    // Each raw position made movements or a dead letter, and no two of either come from one: the same counts as undisturbed.
    let rough_inputs = inputs(&mut log);
    assert!(rough_inputs.windows(2).all(|pair| pair[0] != pair[1]), "a position is counted twice");
    assert_eq!(rough_inputs, inputs(&mut calm_log));
    eprintln!(
        "killed {killed_services} services and {killed_feeds} feeds over {} raw messages",
        messages(&mut log, "world").len()
    );
}
