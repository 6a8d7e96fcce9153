//! `make bench`: each measure beside its bare loop, in turns, in one run. Prints a table, writes `target/bench.json`; never fails on time.
//!
//! Divan lends its black box and not its clock: it times one loop after the other, and what is promised is the ratio of two, which
//! must be taken in turns where a machine has moods.
//!
//! `ENTREPOT_BENCH_RECORDS` sets the size of the sample, `ENTREPOT_BENCH_ONLY` (loops, log, carry, growth, state, peak, shapes) what is measured,
//! `ENTREPOT_BENCH_MEGABYTES` the size of the large files of `shapes`; `hash` prints a hash of all outputs, to hold a change of speed against the build before it.

#![allow(
    clippy::type_complexity,
    clippy::indexing_slicing,
    reason = "a bench that finds something else than it expects stops there"
)]

mod files;
mod log;
mod loops;
mod scale;
mod shapes;
mod table;
mod world;

use std::path::Path;
use std::process::ExitCode;

use table::{Table, say};

/// Records of the sample where nothing else is said.
const RECORDS: usize = 100_000;

fn main() -> ExitCode {
    if let Some(path) = std::env::var_os(scale::CHILD) {
        return match scale::child(Path::new(&path)) {
            Ok(told) => {
                say(&told);
                ExitCode::SUCCESS
            }
            Err(error) => {
                say(&error.to_string());
                ExitCode::FAILURE
            }
        };
    }
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), Box<dyn std::error::Error>> {
    let records = setting("ENTREPOT_BENCH_RECORDS").map_or(Ok(RECORDS), |text| text.parse())?;
    let only = setting("ENTREPOT_BENCH_ONLY");
    let wanted = |part: &str| only.as_deref().is_none_or(|only| only == part);
    let mut table = Table::default();
    say(&format!("{records} records of a seeded world\n"));
    let raw = world::raw(records);
    if only.as_deref() == Some("hash") {
        use sha2::{Digest, Sha256};
        let movements = world::movements(&raw);
        let mut assess = world::assess();
        let mut hash = Sha256::new();
        let (time, _) = table::worked(|| {
            for message in &movements {
                for output in assess.apply(message).outputs {
                    hash.update(&output.key);
                    hash.update(&output.value);
                }
            }
        });
        say(&format!("{:x?} {time:?}", hash.finalize().get(..8)));
        return Ok(());
    }
    if wanted("loops") {
        loops::json(&raw, &world::movements(&raw), &mut table);
        loops::csv(records, &mut table);
    }
    if wanted("log") {
        log::measure(&raw, &mut table)?;
    }
    if wanted("carry") {
        log::without_folds(&raw, &mut table)?;
    }
    if wanted("state") {
        scale::state(&raw, &mut table)?;
    }
    drop(raw);
    if wanted("growth") {
        scale::growth(records, &mut table);
    }
    if wanted("peak") {
        scale::peak(records, &mut table)?;
    }
    if wanted("shapes") {
        shapes::measure(setting("ENTREPOT_BENCH_MEGABYTES").map(|text| text.parse()).transpose()?, &mut table)?;
    }
    table.write(&Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench.json"), records)?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a bench has no configuration")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
