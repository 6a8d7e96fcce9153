//! The arguments of `dead-letters`, as typed by the user.

use clap::{Args, Subcommand};

use crate::domain::FeedName;
use crate::replay::When;

/// `dead-letters`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  entrepot dead-letters ls --feed korea --reason malformed_field
  entrepot dead-letters show 3/17
  entrepot dead-letters redrive --feed korea --dry-run")]
pub(super) struct DeadLettersArgs {
    /// What to do with them
    #[command(subcommand)]
    pub(super) action: DeadLettersAction,
}

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub(super) enum DeadLettersAction {
    /// List them, newest last, as one JSON document a line
    #[command(after_help = "Example:\n  entrepot dead-letters ls --reason unknown_country --limit 20")]
    Ls(DeadLetterFilter),
    /// Show one whole: reason, position, headers and bytes
    #[command(after_help = "Example:\n  entrepot dead-letters show 3/17")]
    Show {
        /// PARTITION/OFFSET in the dead-letter topic, or the TOPIC/PARTITION/OFFSET that it came from
        id: String,
    },
    /// Put messages back on their raw topics, once their mapping takes them
    #[command(after_help = "Example:\n  entrepot dead-letters redrive --feed korea --reason malformed_field --dry-run")]
    Redrive(RedriveArgs),
}

/// Which dead letters.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct DeadLetterFilter {
    /// Of this feed
    #[arg(long, value_name = "NAME")]
    pub(super) feed: Option<FeedName>,
    /// With this reason
    #[arg(long, value_name = "CODE")]
    pub(super) reason: Option<String>,
    /// From then on
    #[arg(long, value_name = "WHEN")]
    pub(super) from: Option<When>,
    /// Until then
    #[arg(long, value_name = "WHEN")]
    pub(super) until: Option<When>,
    /// At most this many
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<usize>,
}

/// `dead-letters redrive`.
#[derive(Debug, Args)]
pub(super) struct RedriveArgs {
    /// Which ones
    #[command(flatten)]
    pub(super) filter: DeadLetterFilter,
    /// Say what would happen, and write nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}
