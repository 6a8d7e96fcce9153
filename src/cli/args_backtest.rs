//! Arguments of `backtest`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::domain::{Date, FeedName};
use crate::replay::When;

/// `backtest`.
#[derive(Debug, Args)]
#[command(
    after_help = "The labels are a CSV table: case_id, family_id and hs6 (either), intermediary, destination, period_start, period_end, label (1, 0 or
empty), known_from. A case may stand there again with a later day: a finding that was reversed. The decision is of the day after
the last record became known, or of --until; a label, reference row or model that is younger is refused by name.

Examples:
  entrepot backtest records/ --labels cases.csv
  entrepot backtest records/ --labels cases.csv --report backtest.html
  entrepot backtest --from start --labels cases.csv --budget 10 --model new-model.toml
  entrepot backtest world/records.ndjson --labels world/labels.csv --format json"
)]
pub(super) struct BacktestArgs {
    /// Files or folders of records
    #[arg(value_name = "PATH", required_unless_present = "from", conflicts_with = "from")]
    pub(super) paths: Vec<PathBuf>,
    /// The mapping of the files' records, or `movements`
    #[arg(long = "as", value_name = "MAPPING", default_value = "canonical", conflicts_with = "from")]
    pub(super) mapping: String,
    /// The feed of the files [default: each file's stem]
    #[arg(long, value_name = "NAME", conflicts_with = "from")]
    pub(super) feed: Option<FeedName>,
    /// Instead of files, `movements` of the log from there
    #[arg(long, value_name = "WHEN")]
    pub(super) from: Option<When>,
    /// Where that range ends [default: end]; of files, the day of the decision
    #[arg(long, value_name = "WHEN")]
    pub(super) until: Option<String>,
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
    pub(super) format: BacktestFormat,
}

/// The form of `backtest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum BacktestFormat {
    /// For people.
    Table,
    /// One line of JSON.
    Json,
}

impl BacktestArgs {
    /// The day of the decision on files.
    pub(super) fn decided(&self) -> Result<Option<Date>, String> {
        let day = |text: &String| text.parse().map_err(|_| format!("--until {text}: of files it is a day, such as 2025-06-30"));
        self.until.as_ref().map(day).transpose()
    }

    /// Where a range of the log ends.
    pub(super) fn end(&self) -> Result<When, String> {
        let until = self.until.as_deref().unwrap_or("end");
        until.parse().map_err(|error| format!("--until {until}: {error}"))
    }
}
