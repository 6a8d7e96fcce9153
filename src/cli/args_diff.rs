//! Arguments of `diff`.

use std::path::PathBuf;

use clap::Args;

use super::args_source::{ResultFormat, SourceArgs};
use crate::replay::diff::FailOn;

/// `diff`.
#[derive(Debug, Args)]
#[command(
    // What both read stands beside them, a group that would be named first.
    override_usage = "entrepot diff [OPTIONS] <BASE> <CANDIDATE> <PATH|--from <WHEN>>",
    after_help = "BASE and CANDIDATE are each a model (.toml), a reference bundle (a folder), another build (an executable file), or the word
current: what the configuration says. A model goes with the configuration's bundle, a bundle with its model; a build runs as
a child under the same configuration.

Records of files are ingested by each for itself. Of the log, `movements` are folded as they stand, as `run` would take them
up; where the two home records differently that cannot be, and the raw topics are read instead, by each for itself: then WHEN
counts in those. Exit 1 where --fail-on is exceeded.

Examples:
  entrepot diff current new-model.toml records/
  entrepot diff current new-bundle/ --from start --fail-on flips=20,alerts=10
  entrepot diff current new-model.toml records/ --report diff.html
  entrepot diff entrepot-0.1 current records.ndjson --format json"
)]
pub(super) struct DiffArgs {
    /// What is compared with
    #[arg(value_name = "BASE")]
    pub(super) base: PathBuf,
    /// What is compared
    #[arg(value_name = "CANDIDATE")]
    pub(super) candidate: PathBuf,
    /// What both read
    #[command(flatten)]
    pub(super) source: SourceArgs,
    /// Fail where more verdicts flip than N, or where alerts change by more than PCT percent of those of BASE, either way
    #[arg(long, value_name = "flips=N,alerts=PCT")]
    pub(super) fail_on: Option<FailOn>,
    /// Writes a page for a browser: bands, probabilities, signals, corridors, verdicts with their reasons, alerts
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    /// The form [default: table]
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: ResultFormat,
}
