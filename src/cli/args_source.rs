//! Arguments that say what is read: files of records, or a range of the log.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};

use super::exit::{Exit, Failure};
use super::input::{Input, inputs};
use super::reading::Reading;
use crate::domain::{Date, FeedName};
use crate::replay::When;

/// Files, or a range of the log.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("source").args(["paths", "from"]).required(true))]
pub(super) struct SourceArgs {
    /// Files or folders of records
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// The mapping of the files' records, or `movements`
    #[arg(long = "as", value_name = "MAPPING", default_value = "canonical", conflicts_with = "from")]
    pub(super) mapping: String,
    /// The feed of the files [default: each file's stem]
    #[arg(long, value_name = "NAME", conflicts_with = "from")]
    pub(super) feed: Option<FeedName>,
    /// Instead of files, a range of the log from there
    #[arg(long, value_name = "WHEN")]
    pub(super) from: Option<When>,
    /// Where that range ends [default: end]; of files, the first day that is left out
    #[arg(long, value_name = "WHEN")]
    pub(super) until: Option<String>,
}

impl SourceArgs {
    /// The files, the parts of a release together.
    pub(super) fn inputs(&self) -> Result<Vec<Input>, Failure> {
        inputs(&self.paths, &Reading::said(&self.mapping)?)
    }

    /// The first day of files that is left out.
    pub(super) fn day(&self) -> Result<Option<Date>, Failure> {
        let wrong = |text: &String| usage(format!("--until {text}: of files it is a day, such as 2025-06-30"));
        let day = |text: &String| text.parse().map_err(|_| wrong(text));
        self.until.as_ref().map(day).transpose()
    }

    /// Where a range of the log ends.
    pub(super) fn end(&self) -> Result<When, Failure> {
        let until = self.until.as_deref().unwrap_or("end");
        until.parse().map_err(|error| usage(format!("--until {until}: {error}")))
    }
}

fn usage(message: String) -> Failure {
    Failure::new(Exit::Usage, message)
}

/// The form of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ResultFormat {
    /// For people.
    Table,
    /// One line of JSON.
    Json,
}
