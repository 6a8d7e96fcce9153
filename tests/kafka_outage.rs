//! Brokers that are away: all of them for ten minutes, those that coordinate, so many that what is written cannot be kept safe. The service
//! waits without spinning or growing, goes on by itself, and nothing is lost or doubled. `make test-faults` runs it; `OUTAGE_SECONDS` makes
//! the long one shorter.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds something else than it expects stops there")]
#![allow(clippy::disallowed_methods, reason = "a test that waits gives up by the machine's time")]

#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/house.rs"]
mod house;
#[path = "support/kafka.rs"]
mod kafka;

use std::fs;
use std::process::Child;
use std::time::Duration;

use cluster::{NAMES, Place, calm};
use entrepot::stream::Log as _;
use kafka::{figure, processor_seconds, wait_until};

const RECORDS: usize = 3_000;
const NODES: [u32; 3] = [1, 2, 3];

/// Seconds of processor time, resident bytes, and lines said so far, of each service.
fn spent(place: &Place) -> Vec<(f64, u64, usize)> {
    let of = |(service, name): (&Child, &&str)| {
        let read = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", service.id())).unwrap();
        let status = read("status");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident = resident.unwrap_or_else(|| panic!("{name} has ended: {}", place.said(name)));
        let resident = resident.trim().split(' ').next().unwrap().parse::<u64>().unwrap() * 1024;
        let lines = fs::read_to_string(place.house.path(&format!("{name}.log"))).unwrap().lines().count();
        (processor_seconds(service), resident, lines)
    };
    place.services.iter().zip(&NAMES).map(of).collect()
}

/// Waits until something was committed after this moment.
fn goes_on(place: &mut Place) {
    let mut log = place.broker.log(&[]);
    let mut end = || log.end_offset("entrepot.progress", 0).unwrap_or(0);
    wait_until("brokers that answer", || {
        place.revive();
        end() > 0
    });
    let before = end();
    wait_until("the next commit", || {
        place.revive();
        end() > before
    });
}

#[test]
fn all_brokers_away_for_ten_minutes_cost_no_processor_and_no_memory() {
    let seconds: u64 = std::env::var("OUTAGE_SECONDS").map_or(600, |seconds| seconds.parse().unwrap());
    let mut place = Place::new(calm(RECORDS, 1), "outage", 20);
    goes_on(&mut place);
    NODES.iter().for_each(|node| place.broker.kill(*node));
    std::thread::sleep(Duration::from_secs(20));
    let early = spent(&place);
    std::thread::sleep(Duration::from_secs(seconds));
    let late = spent(&place);
    for ((early, late), name) in early.iter().zip(&late).zip(NAMES) {
        let share = (late.0 - early.0) / seconds as f64;
        let lines = (late.2 - early.2) as f64 / (seconds as f64 / 60.0);
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let (early_mib, late_mib) = (mib(early.1), mib(late.1));
        figure(&format!(
            "{name} {:.1} % of a processor, {early_mib:.1} to {late_mib:.1} MiB, {lines:.0} lines a minute",
            share * 100.0
        ));
        assert!(share < 0.05, "{name} spins: {share}");
        assert!(late.1 < early.1 + (16 << 20), "{name} grows: {} to {}", early.1, late.1);
        assert!(lines < 120.0, "{name} says {lines} lines a minute");
    }
    // Started together: alone none of them can become ready.
    std::thread::scope(|scope| NODES.iter().for_each(|node| drop(scope.spawn(|| place.broker.restart(*node)))));
    goes_on(&mut place);
    let mut log = place.finish();
    place.check(&mut log);
}

#[test]
fn where_too_few_replicas_are_in_step_it_waits() {
    let mut place = Place::new(calm(RECORDS, 1), "replicas", 20);
    for _ in 0..3 {
        goes_on(&mut place);
        // Of three copies two must be in step: with one broker left nothing can be kept.
        [1, 2].iter().for_each(|node| place.broker.kill(*node));
        std::thread::sleep(Duration::from_secs(20));
        place.revive();
        std::thread::scope(|scope| [1, 2].iter().for_each(|node| drop(scope.spawn(|| place.broker.restart(*node)))));
    }
    goes_on(&mut place);
    let mut log = place.finish();
    place.check(&mut log);
}

#[test]
fn coordinators_of_groups_and_transactions_may_move() {
    let mut place = Place::new(calm(RECORDS, 1), "coordinators", 20);
    for topic in ["__consumer_offsets", "__transaction_state"] {
        for partition in 0..4 {
            goes_on(&mut place);
            let described = place.broker.run("TopicCommand", &["--describe", "--topic", topic]);
            let line = described.lines().find(|line| line.contains(&format!("Partition: {partition}\t"))).unwrap();
            let leader = line.split("Leader: ").nth(1).unwrap().split('\t').next().unwrap().parse().unwrap();
            place.broker.kill(leader);
            std::thread::sleep(Duration::from_millis(1_500));
            place.broker.restart(leader);
        }
    }
    let mut log = place.finish();
    place.check(&mut log);
}

#[test]
fn brokers_restarted_one_by_one_end_nobody() {
    let mut place = Place::new(calm(RECORDS, 1), "rolling", 20);
    let ids = |place: &Place| place.services.iter().map(Child::id).collect::<Vec<_>>();
    let before = ids(&place);
    for node in NODES {
        goes_on(&mut place);
        place.broker.term(node);
        place.broker.restart(node);
    }
    goes_on(&mut place);
    let mut log = place.finish();
    // Whoever had ended would have been replaced by another process.
    assert_eq!(ids(&place), before);
    place.check(&mut log);
}

#[test]
fn ten_times_the_lag_needs_no_more_memory() {
    let peak = |times: usize| {
        // A short queue, so that both are further behind than it holds.
        let short = ["queued.max.messages.kbytes=1024", "max.partition.fetch.bytes=32768"];
        let [queue, fetch] = short.map(|property| format!("log.kafka.properties.{property}"));
        let set = ["service.workers=1", "topics.partitions=64", &queue, &fetch];
        let mut place = Place::idle(calm(800, times), &format!("lag-{times}"), &set);
        place.feed_all();
        place.start(0);
        let mut log = place.broker.log(&[]);
        place.catch_up(&mut log);
        let status = fs::read_to_string(format!("/proc/{}/status", place.services[0].id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().split(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let (once, often) = (peak(4), peak(40));
    figure(&format!("{once} KiB with 3,360 messages behind, {often} KiB with 33,600"));
    assert!(often as f64 <= once as f64 * 1.2, "{once} KiB, {often} KiB");
}
