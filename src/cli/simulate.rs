//! `simulate`: a seeded world in two files. The world itself is made elsewhere.

use std::str::FromStr;

use super::args::SimulateArgs;
use super::exit::{Exit, Exits, Failure, Outcome};
use crate::domain::Month;
use crate::replay::simulate::{Scheme, World, WriteError, write};

/// The months of a world, where none are named.
const FROM: &str = "2023-01";
const UNTIL: &str = "2025-06";

/// Runs it.
pub(super) fn run(args: &SimulateArgs) -> Outcome {
    let default = |text: &str| text.parse::<Month>().expect("a month of ours is a month");
    let from = args.from.unwrap_or_else(|| default(FROM));
    let until = args.until.unwrap_or_else(|| default(UNTIL));
    if until < from {
        return Err(Failure::new(Exit::Usage, format!("--until {until} lies before --from {from}; the last month is included")));
    }
    let schemes = schemes(&args.scheme)?;
    let world = World { seed: args.seed, records: args.records, from, until: until.plus(1), schemes };
    let written = write(&world, &args.out).map_err(|error| {
        let exit = match &error {
            WriteError::Exists(_) | WriteError::Unwritable { .. } => Exit::CannotCreate,
        };
        Failure { exit, error: error.into() }
    })?;
    let (records, truth) = (written.records.display(), written.truth.display());
    tracing::info!(count = written.count, %records, %truth, "world was written");
    Ok(Exit::Done)
}

/// The schemes to plant: all where none is named, none where `none` is.
fn schemes(named: &[String]) -> Result<Vec<Scheme>, Failure> {
    if named.is_empty() {
        return Ok(Scheme::ALL.to_vec());
    }
    if named.iter().any(|name| name == "none") {
        if named.len() > 1 {
            return Err(Failure::new(Exit::Usage, "--scheme none stands alone"));
        }
        return Ok(Vec::new());
    }
    named.iter().map(|name| Scheme::from_str(name).exits(Exit::Usage)).collect()
}
