//! The arguments of `simulate`, as typed by the user.

use std::path::PathBuf;

use clap::Args;

use crate::domain::Month;
use crate::replay::simulate::RECORDS_MAX;
use crate::replay::simulate::mix::{self, Share};

/// `simulate`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  entrepot simulate --seed 7 --records 10000 --out /tmp/world --from 2023-01 --until 2025-06 --scheme relabel
  entrepot simulate --seed 7 --records 60000 --out /tmp/wide --scheme all --prevalence 0.1 --difficulty hard --honesty 0.2

Without options, or with --scheme relabel or none alone, the world is a plain one: one scheme, six honest stories.")]
pub(super) struct SimulateArgs {
    /// The same seed makes the same world
    #[arg(long, value_name = "N")]
    pub(super) seed: u64,
    /// How many records, 10000000 at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=RECORDS_MAX))]
    pub(super) records: u64,
    /// A new folder for records.ndjson, truth.ndjson and labels.csv
    #[arg(long, value_name = "DIR")]
    pub(super) out: PathBuf,
    /// The first month [default: 2023-01]
    #[arg(long, value_name = "MONTH", value_parser = month)]
    pub(super) from: Option<Month>,
    /// The last month [default: 2025-06]
    #[arg(long, value_name = "MONTH", value_parser = month)]
    pub(super) until: Option<Month>,
    /// A scheme to plant, all or none; may be given several times
    #[arg(long, value_name = "NAME|all|none")]
    pub(super) scheme: Vec<String>,
    /// Of the lanes, those over which a scheme runs [wide worlds: 0.1]
    #[arg(long, value_name = "SHARE")]
    pub(super) prevalence: Option<Share>,
    /// How hard schemes are to see: easy, medium, hard, or from 0 to 1 [wide worlds: medium]
    #[arg(long, value_name = "LEVEL", value_parser = mix::difficulty)]
    pub(super) difficulty: Option<Share>,
    /// Of a scheme's shipments, those whose papers show a Chinese port; of its tonnes, those China admits [wide worlds: 0.4]
    #[arg(long, value_name = "SHARE")]
    pub(super) honesty: Option<Share>,
}

/// The months of a world where none are named, as the help has them.
pub(super) const FROM: &str = "2023-01";
pub(super) const UNTIL: &str = "2025-06";

/// A month alone: a year or a quarter is a period too, but no month.
fn month(text: &str) -> Result<Month, String> {
    let is_month = text.len() == "2025-03".len() && text.bytes().skip(5).all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_month).ok_or_else(|| format!("{text:?} is no month (YYYY-MM, such as 2025-03)"))
}
