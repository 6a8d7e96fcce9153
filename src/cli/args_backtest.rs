//! Arguments of `backtest`.

use std::path::PathBuf;

use clap::Args;

use super::args_source::{ResultFormat, SourceArgs};

/// `backtest`.
#[derive(Debug, Args)]
#[command(
    after_help = "The labels are a CSV table: case_id, family_id and hs6 (either), intermediary, destination, period_start, period_end, label (1, 0 or
empty), known_from. A case may stand there again with a later day: a finding that was reversed, of which the last day's rows count.
The decision is of the day after the last record became known, or of --until; a label, reference row or model that is younger is
refused by name. Exit 66 where no case with a label lies in the input.

Examples:
  entrepot backtest records/ --labels cases.csv
  entrepot backtest records/ --labels cases.csv --report backtest.html
  entrepot backtest --from start --labels cases.csv --budget 10 --model new-model.toml
  entrepot backtest world/records.ndjson --labels world/labels.csv --format json"
)]
pub(super) struct BacktestArgs {
    /// What is read
    #[command(flatten)]
    pub(super) source: SourceArgs,
    /// What was found: a table of cases
    #[arg(long, value_name = "FILE")]
    pub(super) labels: PathBuf,
    /// Corridor-months that analysts look at in a week
    #[arg(long, value_name = "ALERTS_PER_WEEK", default_value = "25", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) budget: u32,
    /// Another model
    #[arg(long, value_name = "FILE")]
    pub(super) model: Option<PathBuf>,
    /// Another reference bundle
    #[arg(long, value_name = "DIR")]
    pub(super) reference: Option<PathBuf>,
    /// Writes a page for a browser: corridors over time, reliability, the budget, cases with their grounds
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    /// The form [default: table]
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: ResultFormat,
}
