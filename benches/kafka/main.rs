//! `make bench-kafka`: the service on a real Kafka beside a bare loop of librdkafka, and beside Kafka Streams, in turns on one broker.
//!
//! Prints a table and writes `target/bench-kafka.json`; never fails on time. `ENTREPOT_BENCH_RECORDS` and `ENTREPOT_BENCH_ROUNDS` set the
//! size, `ENTREPOT_BENCH_ONLY` (load, latency, idle, peer) what is measured, `ENTREPOT_BENCH_PROPERTIES` how librdkafka is set for the
//! stages. Restoring a snapshot beside folding the same records asks no broker; `make bench` measures it.

mod bare;
mod broker;
mod contest;
mod idle;
#[path = "../../tests/support/kafka.rs"]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "shared with the tests, where a panic is a failure"
)]
mod kafka;
mod latency;
mod load;
mod peer;
mod proc;
mod settings;
mod shape;
mod stages;
#[path = "../speed/table.rs"]
#[allow(dead_code, reason = "not all of it is used here")]
mod table;
#[path = "../speed/world.rs"]
#[allow(dead_code, reason = "not all of it is used here")]
mod world;

use std::path::Path;
use std::process::ExitCode;

use table::{Table, say};

/// As in the service; the bare loop has it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What ends a bench.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// Records of the sample where nothing else is said.
const RECORDS: u64 = 100_000;
/// Rounds where nothing else is said.
const ROUNDS: usize = 3;

/// How much is measured.
pub(crate) struct Plan {
    /// Records of the sample.
    pub(crate) records: u64,
    /// How often contestants take turns.
    pub(crate) rounds: usize,
}

fn main() -> ExitCode {
    let outcome = match setting(contest::JOB) {
        Some(job) => contest::contest(&job),
        None => measure(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), Failure> {
    let records = setting("ENTREPOT_BENCH_RECORDS").map_or(Ok(RECORDS), |text| text.parse())?;
    let rounds = setting("ENTREPOT_BENCH_ROUNDS").map_or(Ok(ROUNDS), |text| text.parse())?;
    let plan = Plan { records, rounds };
    let only = setting("ENTREPOT_BENCH_ONLY");
    let wanted = |part: &str| only.as_deref().is_none_or(|only| only == part);
    let mut table = Table::default();
    let broker = broker::Broker::start()?;
    if wanted("load") || wanted("latency") {
        const RAW: &str = "sim";
        broker.make(&[RAW])?;
        broker.fill(RAW, world::records(usize::try_from(records)?))?;
        say(&format!("{records} records of a seeded world on a topic of {} partitions", broker::PARTITIONS));
        let both = load::measure(&broker, RAW, (&plan, &mut table))?;
        if wanted("latency") {
            latency::measure(&broker, both, (&plan, &mut table))?;
        }
    }
    if wanted("idle") {
        idle::measure(&broker, &mut table)?;
    }
    if wanted("peer") {
        peer::measure(&broker, (&plan, &mut table))?;
    }
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    std::fs::create_dir_all(&target)?;
    table.write(&target.join("bench-kafka.json"), usize::try_from(records)?)?;
    Ok(())
}

/// The middle of some figures.
pub(crate) fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = figures.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

#[expect(clippy::disallowed_methods, reason = "a bench has no configuration")]
pub(crate) fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
