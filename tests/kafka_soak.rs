//! An hour at half load with faults now and then: nothing lost or doubled, and memory, handles and disk stay flat. `make soak` runs it and
//! draws `docs/soak.svg` from what it notes every few seconds in `target/soak.csv`. `SOAK_MINUTES` makes it shorter.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds something else than it expects stops there")]
#![allow(clippy::disallowed_methods, reason = "a test that waits gives up by the machine's time")]

#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/house.rs"]
mod house;
#[path = "support/kafka.rs"]
mod kafka;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use cluster::{Fault, Place, calm};
use house::Chance;
use kafka::figure;

/// Rows fed a second: half of what this test's three debug services and three brokers take on two cores.
const RATE: u32 = 40;
/// The world is fed over and over, as it was and under new names: a state that holds all of it by then grows no more by what is known.
const WORLD: usize = 8_000;
const NOTE_EVERY: Duration = Duration::from_secs(5);
/// Between two faults, in seconds, at most.
const FAULT_EVERY: u64 = 60;
const FAULTS: [Fault; 5] = [Fault::KillService, Fault::KillBroker, Fault::StopService, Fault::KillFeed, Fault::EndService];

/// What three services hold at a moment.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    seconds: u64,
    /// Resident bytes and open handles of the service that holds most, in a sample without a fault in the last half minute.
    resident: u64,
    handles: u64,
    threads: u64,
    /// Bytes of all snapshots.
    disk: u64,
    lag: u64,
    faults: u64,
}

#[test]
fn an_hour_at_half_load_leaves_memory_handles_and_disk_flat() {
    let minutes: u64 = std::env::var("SOAK_MINUTES").map_or(60, |minutes| minutes.parse().unwrap());
    // A row in twenty comes with a bad one behind it.
    let times = (minutes * 60 * u64::from(RATE)).div_ceil(WORLD as u64 * 21 / 20).max(1) as usize;
    let mut place = Place::new(calm(WORLD, times), "soak", RATE);
    let mut log = place.broker.log(&[]);
    let (began, mut chance, mut notes, mut faults) = (Instant::now(), Chance(3), Vec::new(), 0);
    let mut next_fault = Duration::from_secs(45);
    while began.elapsed() < Duration::from_secs(minutes * 60) {
        std::thread::sleep(NOTE_EVERY);
        place.revive();
        if began.elapsed() >= next_fault {
            let fault = FAULTS[chance.below(FAULTS.len() as u64) as usize];
            eprintln!("{:>5} s: {fault:?}", began.elapsed().as_secs());
            place.strike(fault, &mut chance);
            faults += 1;
            next_fault = began.elapsed() + Duration::from_secs(20 + chance.below(FAULT_EVERY - 20));
        }
        let lag = place.lag(&mut log);
        notes.push(Held {
            seconds: began.elapsed().as_secs(),
            lag: if lag == u64::MAX { 0 } else { lag },
            faults,
            ..held(&place)
        });
        fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/target/soak.csv"), table(&notes)).unwrap();
    }
    assert!(faults >= minutes.min(60) / 2, "{faults}");
    figure(&format!("{minutes} minutes, {faults} faults"));
    let mut log = place.finish();
    place.check(&mut log);
    if minutes < 20 {
        // Past the capture of what a test prints: one that passes would say it to nobody.
        let said = format!("\nNOT TESTED: whether anything grows; {minutes} minutes are too short for that\n");
        return drop(std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes()));
    }
    // The first quarter holds the world for the first time. Of each quarter after it the median: a service that was killed begins small.
    let quarters: Vec<&[Held]> = notes.chunks(notes.len().div_ceil(4)).collect();
    let median = |of: fn(&Held) -> u64, quarter: &[Held]| {
        let mut values: Vec<u64> = quarter.iter().map(of).collect();
        values.sort_unstable();
        values[values.len() / 2]
    };
    for (what, of, most) in [
        ("resident bytes", (|held| held.resident) as fn(&Held) -> u64, 1.15),
        ("handles", |held| held.handles, 1.1),
        ("threads", |held| held.threads, 1.1),
        ("bytes of snapshots", |held| held.disk, 1.5),
    ] {
        let (early, late) = (median(of, quarters[1]), median(of, quarters[3]));
        figure(&format!("{what} {early} in the second quarter, {late} in the last"));
        assert!(late as f64 <= early as f64 * most, "{what} grew from {early} to {late}");
    }
}

fn held(place: &Place) -> Held {
    let mut most = Held { disk: size(&place.house.path("snapshots")), ..Held::default() };
    for service in &place.services {
        let proc = format!("/proc/{}", service.id());
        let status = fs::read_to_string(format!("{proc}/status")).unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.split_whitespace().find_map(|word| word.parse::<u64>().ok()).unwrap_or_default()
        };
        let handles = fs::read_dir(format!("{proc}/fd")).map_or(0, |handles| handles.count() as u64);
        most.resident = most.resident.max(field("VmRSS:") * 1024);
        most.handles = most.handles.max(handles);
        most.threads = most.threads.max(field("Threads:"));
    }
    most
}

/// Bytes of all files below a folder.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.flatten().map(of).sum()
}

fn table(notes: &[Held]) -> String {
    let mut table = "seconds,resident_bytes,handles,threads,snapshot_bytes,lag,faults\n".to_owned();
    for Held { seconds, resident, handles, threads, disk, lag, faults } in notes {
        writeln!(table, "{seconds},{resident},{handles},{threads},{disk},{lag},{faults}").unwrap();
    }
    table
}
