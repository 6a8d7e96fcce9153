//! Three services on three brokers, hurt for many minutes: killed, stopped like a machine that hangs, brokers killed under them, members
//! that come and go, the feed killed as well. What stands there afterwards is what an undisturbed embedded log holds, key by key, and an
//! independent client counts every input once. `make test-faults` runs it; it is too long for `make test`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds something else than it expects stops there")]
#![allow(clippy::disallowed_methods, reason = "a test that waits gives up by the machine's time")]

#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/house.rs"]
mod house;
#[path = "support/kafka.rs"]
mod kafka;

use std::collections::BTreeMap;
use std::process::Child;
use std::time::{Duration, Instant};

use cluster::{Fault, NAMES, Place, calm, signal};
use house::Chance;
use kafka::{ended, figure};

const RECORDS: usize = 12_000;
/// How often each fault has to strike.
const WANTED: [(Fault, u32); 5] =
    [(Fault::KillService, 100), (Fault::KillBroker, 20), (Fault::StopService, 8), (Fault::KillFeed, 10), (Fault::EndService, 10)];

#[test]
fn nothing_is_lost_doubled_or_torn_whatever_strikes() {
    let mut place = Place::new(calm(RECORDS, 1), "faults", 12);
    let (mut chance, mut left) = (Chance(9), BTreeMap::from(WANTED));
    let began = Instant::now();
    while left.values().any(|count| *count > 0) {
        std::thread::sleep(Duration::from_millis(500 + chance.below(3_500)));
        place.revive();
        // By how many are left of each, so that the kinds stay mixed to the end.
        let waiting: Vec<Fault> = left.iter().flat_map(|(fault, count)| vec![*fault; *count as usize]).collect();
        let fault = waiting[chance.below(waiting.len() as u64) as usize];
        place.strike(fault, &mut chance);
        *left.get_mut(&fault).unwrap() -= 1;
    }
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    let mut log = place.finish();
    place.check(&mut log);
    let struck = WANTED.map(|(fault, times)| format!("{fault:?} {times}")).join(", ");
    figure(&format!("{struck}, in {minutes:.0} minutes"));
}

#[test]
fn members_come_and_go_while_records_flow() {
    const MOST: usize = 8;
    let mut place = Place::idle(calm(3_000, 1), "members", &["transactions.interval_ms=50"]);
    place.start(0);
    place.begin_to_feed(20);
    let name = |index: usize| format!("more-{index}");
    let mut more: Vec<Child> = Vec::new();
    let mut moves = 0;
    for _ in 0..2 {
        while more.len() + 1 < MOST {
            std::thread::sleep(Duration::from_secs(3));
            more.push(place.serve(&name(more.len())));
            moves += 1;
        }
        while let Some(mut last) = more.pop() {
            std::thread::sleep(Duration::from_secs(3));
            place.revive();
            signal(&last, "TERM");
            let said = name(more.len());
            assert_eq!(ended(&said, &mut last), Some(0), "{}", place.said(&said));
            moves += 1;
        }
    }
    let mut log = place.finish();
    let mut had_a_part = 0;
    for name in (0..MOST - 1).map(name).chain([NAMES[0].to_owned()]) {
        let said = place.log_of(&name);
        had_a_part += usize::from(said.contains("\"assigned\""));
        assert!(!said.contains("\"lost\":true"), "{name} has lost partitions: {said}");
    }
    assert!(had_a_part > MOST / 2, "of {MOST} members only {had_a_part} had a partition");
    place.check(&mut log);
    figure(&format!("1 to {MOST} members and back, twice: {moves} moves"));
}
