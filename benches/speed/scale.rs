//! What must not grow: cost a record with records and families; and what is held: bytes a record and a cell, peak memory.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use entrepot::decode::movement::{OnMovements, read};
use entrepot::domain::{FamilyId, Message, MovementBody};
use entrepot::ledger::FamilyLedger;

use crate::table::{Table, Target, each, timed, worked};
use crate::world;

type Failure = Box<dyn std::error::Error>;

/// Names the file that a child of this bench folds, to tell what it then holds.
pub(crate) const CHILD: &str = "ENTREPOT_BENCH_CHILD";

/// How often each size is folded; the best counts, since a machine has moods and a fold has none.
const ROUNDS: usize = 3;

/// Folds movements to the end; nanoseconds a record, the best of several.
fn cost(raw: &[Message]) -> f64 {
    let movements = world::movements(raw);
    let fold = || {
        let mut stage = world::assess();
        movements.iter().map(|message| divan::black_box(stage.apply(message)).outputs.len()).sum::<usize>()
    };
    (0..ROUNDS).map(|_| each((worked(fold).0, raw.len()))).fold(f64::INFINITY, f64::min)
}

/// Measures how costs grow: with records at hand, and with families that each see the same trade.
pub(crate) fn growth(records: usize, table: &mut Table) {
    let sizes = [records / 100, records / 10, records];
    let costs = sizes.map(|size| cost(&world::raw(size)));
    spread("assess: cost a record", ("records", &sizes), (&costs, table));
    let families = [10, 100, 1000];
    let costs = families.map(|count| cost(&copies(count)));
    spread("assess: cost a record", ("families", &families), (&costs, table));
}

/// The cost at the largest beside the smallest: at most a fifth more.
fn spread(name: &str, (of, sizes): (&str, &[usize]), (costs, table): (&[f64], &mut Table)) {
    for (size, cost) in sizes.iter().zip(costs) {
        table.add(&format!("{name} at {size} {of}, ns"), *cost, Target::None, "");
    }
    let least = costs.iter().copied().fold(f64::INFINITY, f64::min);
    let last = costs.last().copied().unwrap_or(f64::NAN);
    table.add(&format!("{name}, most {of} / cheapest"), last / least, Target::AtMost(1.2), "flat within 20 %");
}

/// One small world's trade once for each of so many headings.
fn copies(families: usize) -> Vec<Message> {
    let topic: Arc<str> = world::RAW.into();
    let mut all = Vec::new();
    for record in world::records(40) {
        let text = String::from_utf8_lossy(&record).into_owned();
        let Some((before, rest)) = text.split_once("\"hs\":\"") else { continue };
        let Some((_, after)) = rest.split_once('"') else { continue };
        for family in 0..families {
            let heading = 6001 + family;
            let copy = format!("{before}\"hs\":\"{heading}10\"{after}");
            all.push(world::message(&topic, all.len(), copy.into_bytes()));
        }
    }
    all
}

/// Measures bytes of state: a child folds shipments alone, then flows alone, and tells how much it grew.
pub(crate) fn state(raw: &[Message], table: &mut Table) -> Result<(), Failure> {
    let movements = world::movements(raw);
    let folder = tempfile::tempdir()?;
    for (kind, of, most) in [("shipment", "record in detail", 200.0), ("trade_flow", "cell", 120.0)] {
        let path = folder.path().join(kind);
        let mut file = BufWriter::new(File::create(&path)?);
        for value in movements.iter().filter_map(|message| message.value.as_deref()) {
            if value.windows(kind.len() + 2).take(40).any(|part| part == format!("\"{kind}\"").as_bytes()) {
                file.write_all(value)?;
                file.write_all(b"\n")?;
            }
        }
        drop(file.into_inner()?);
        let told = Command::new(std::env::current_exe()?).env(CHILD, &path).output()?;
        let text = String::from_utf8(told.stdout)?;
        let figures: Vec<f64> = text.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
        let [grown, held, count] = figures.as_slice() else { return Err(format!("the child said {text:?}").into()) };
        let detail = format!("{count} held; the ledger itself counts {:.0}", held / count);
        table.add(&format!("state: bytes a {of}"), grown / count, Target::AtMost(most), &detail);
    }
    Ok(())
}

/// The child: resident bytes grown, bytes that the ledgers count, and how many records or cells they hold.
pub(crate) fn child(path: &Path) -> Result<String, Failure> {
    let mut ledgers: std::collections::BTreeMap<FamilyId, FamilyLedger> = std::collections::BTreeMap::new();
    let (mut cells, mut shipments) = (BTreeSet::new(), BTreeSet::new());
    let lines = || -> Result<_, Failure> { Ok(BufReader::new(File::open(path)?).split(b'\n')) };
    for line in lines()? {
        let Ok(OnMovements::Movement(movement)) = read(&line?) else { continue };
        match movement.body {
            MovementBody::Shipment(facts) => drop(shipments.insert((movement.family, xxhash(&facts.id)))),
            MovementBody::TradeFlow(facts) => {
                cells.insert((
                    movement.family,
                    facts.reporter,
                    facts.flow.is_import(),
                    facts.partner,
                    facts.period,
                    movement.hs6,
                ));
            }
        }
    }
    let count = cells.len() + shipments.len();
    // Pages that the sets filled stay with the process; they are kept so that none of them is filled again.
    let before = resident()?;
    for line in lines()? {
        let Ok(OnMovements::Movement(movement)) = read(&line?) else { continue };
        let family = movement.family;
        ledgers.entry(family).or_insert_with(|| FamilyLedger::new(family)).remember(&movement);
    }
    let grown = resident()?.saturating_sub(before);
    let held: u64 = ledgers.values().map(FamilyLedger::bytes).sum();
    drop((cells, shipments));
    Ok(format!("{grown} {held} {count}"))
}

fn xxhash(text: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}

/// Resident bytes of this process.
fn resident() -> Result<u64, Failure> {
    status(Path::new("/proc/self/status"), "VmRSS:")
}

pub(crate) fn status(path: &Path, key: &str) -> Result<u64, Failure> {
    let text = std::fs::read_to_string(path)?;
    let line = text.lines().find_map(|line| line.strip_prefix(key)).ok_or("the system tells no memory")?;
    Ok(line.split_whitespace().next().unwrap_or_default().parse::<u64>()? * 1024)
}

/// Measures the peak memory of `entrepot assess` on a file of so many records.
pub(crate) fn peak(records: usize, table: &mut Table) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("records.ndjson");
    let mut file = BufWriter::new(File::create(&path)?);
    for record in world::records(records) {
        file.write_all(&record)?;
        file.write_all(b"\n")?;
    }
    drop(file.into_inner()?);
    let mut command = Command::new(env!("CARGO_BIN_EXE_entrepot"));
    command.arg("assess").arg(&path).stdout(Stdio::null()).stderr(Stdio::null());
    let (time, outcome) = timed(|| -> Result<u64, Failure> {
        let mut child = command.spawn()?;
        let of = format!("/proc/{}/status", child.id());
        let mut peak = 0;
        while child.try_wait()?.is_none() {
            // The mark only rises, so the last look is the one that counts; once the process is gone there is nothing to see.
            peak = status(Path::new(&of), "VmHWM:").unwrap_or(0).max(peak);
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(peak)
    });
    let mebibytes = outcome? as f64 / 1_048_576.0;
    let detail = format!("{records} records in {:.1} s", time.as_secs_f64());
    table.add("peak memory of assess, MiB", mebibytes, Target::AtMost(1024.0), &detail);
    Ok(())
}
