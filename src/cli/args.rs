//! The arguments, as typed by the user. Nothing is opened here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::args_backtest::BacktestArgs;
use super::args_dead_letters::DeadLettersArgs;
use super::args_diff::DiffArgs;
use super::args_simulate::SimulateArgs;
use crate::domain::{Band, Date, FeedName};
use crate::replay::When;

/// Reads customs and trade records, and works out how likely it is that goods declared as coming from an intermediary country are of
/// Chinese origin.
#[derive(Debug, Parser)]
#[command(name = "entrepot", version, propagate_version = true, after_help = TOP_EXAMPLE)]
pub(super) struct Arguments {
    /// The configuration [default: $ENTREPOT_CONFIG, else ./entrepot.toml, else built-in defaults]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Sets one key of the configuration, such as service.workers=2
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = key_and_value)]
    pub(super) set: Vec<String>,
    /// The form of the log on stderr
    #[arg(long, global = true, value_enum, default_value = "text", value_name = "FORM")]
    pub(super) log: LogForm,
    /// Warnings and errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// More detail
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,
    /// What to do
    #[command(subcommand)]
    pub(super) command: Command,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LogForm {
    /// For people.
    Text,
    /// For machines.
    Json,
}

const TOP_EXAMPLE: &str = "Examples:
  entrepot run --sample                     the whole pipeline on bundled records, with a table of what it finds
  entrepot assess my.csv --as census        verdicts on a file: no log, no service, no configuration";

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve: ingest and assess until SIGINT or SIGTERM, then drain and exit 0
    Run(RunArgs),
    /// Put the rows of files onto a feed's raw topic; resumes where it stopped
    Feed(FeedArgs),
    /// Assess files: the identical core, without a log, service or configuration
    Assess(AssessArgs),
    /// Run a bounded range of the log again, apart from the live group
    Replay(ReplayArgs),
    /// Score what would have been said of the past against what was found later
    Backtest(BacktestArgs),
    /// Compare what two models, bundles or builds say of the same range
    Diff(DiffArgs),
    /// Explain a verdict, and derive it again byte for byte
    Explain(ExplainArgs),
    /// Make a world of seeded records: honest trade, and schemes
    Simulate(SimulateArgs),
    /// List, show and redrive dead letters
    DeadLetters(DeadLettersArgs),
    /// Plan, create and verify the topics
    Topics(TopicsArgs),
    /// Check configuration, model, reference bundle and mappings; with files, what becomes of their rows
    Check(CheckArgs),
}

/// `run`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  entrepot run
  entrepot run --stage ingest
  entrepot run --sample")]
pub(super) struct RunArgs {
    /// Run this stage alone; may be given several times [default: all]
    #[arg(long, value_enum, value_name = "STAGE")]
    pub(super) stage: Vec<RunStage>,
    /// Feed the bundled sample once and print the table of what was found
    #[arg(long)]
    pub(super) sample: bool,
}

/// A stage of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum RunStage {
    /// Raw messages to movements.
    Ingest,
    /// Identities (a later release).
    Link,
    /// Movements to verdicts.
    Assess,
}

/// `feed`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  entrepot feed declarations-2024.csv --feed korea
  entrepot feed inbox/ --feed korea --watch
  zcat big.csv.gz | entrepot feed - --feed korea --rate 5000")]
pub(super) struct FeedArgs {
    /// Files, folders, or - for stdin
    #[arg(required = true, value_name = "PATH|-")]
    pub(super) paths: Vec<PathBuf>,
    /// The feed, as the configuration names it
    #[arg(long, value_name = "NAME")]
    pub(super) feed: FeedName,
    /// Stay, and take new files of the folders as they settle
    #[arg(long)]
    pub(super) watch: bool,
    /// At most this many messages a second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) rate: Option<u32>,
}

/// `assess`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  entrepot assess my.csv --as census
  entrepot assess flows.ndjson --until 2025-05-01 --format table --min-band watch
  entrepot assess dump/movements.ndjson --as movements --order given

Exit 65 where no row could be decoded or excluded: also where there is none, since an empty export is more often a failed one.")]
pub(super) struct AssessArgs {
    /// Files, or - for stdin
    #[arg(required = true, value_name = "PATH|-")]
    pub(super) paths: Vec<PathBuf>,
    /// How rows are read: canonical, the name of a mapping, the path of one, or movements
    #[arg(long = "as", default_value = "canonical", value_name = "MAPPING|movements")]
    pub(super) mapping: String,
    /// The feed of all files [default: each file's stem]
    #[arg(long, value_name = "NAME")]
    pub(super) feed: Option<FeedName>,
    /// Leave out what became known on this date or later
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub(super) until: Option<Date>,
    /// As the world learned it, or as it stands in the files
    #[arg(long, value_enum, default_value = "known")]
    pub(super) order: AssessOrder,
    /// The form on stdout [default: table on a terminal, else ndjson]
    #[arg(long, value_enum)]
    pub(super) format: Option<AssessFormat>,
    /// Print one kind alone
    #[arg(long, value_enum, value_name = "KIND")]
    pub(super) only: Option<OnlyKind>,
    /// Leave out what lies below this band (none, watch, review, priority)
    #[arg(long, value_name = "BAND")]
    pub(super) min_band: Option<Band>,
    /// Print all revisions, not the last alone
    #[arg(long)]
    pub(super) history: bool,
    /// Write the balance of the books there, as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) summary: Option<PathBuf>,
    /// Exit 1 where there are dead letters
    #[arg(long)]
    pub(super) strict: bool,
}

/// The order in which files are assessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum AssessOrder {
    /// By `known_from`.
    Known,
    /// As given.
    Given,
}

/// The form of `assess`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum AssessFormat {
    /// One value a line.
    Ndjson,
    /// Columns for people.
    Table,
}

/// One kind of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum OnlyKind {
    /// Of shipments.
    Assessments,
    /// Corridor-months.
    Corridors,
    /// Changes of cases.
    Alerts,
    /// What could not be taken.
    DeadLetters,
}

/// `replay`.
#[derive(Debug, Args)]
#[command(after_help = "WHEN is start, end, a date, an instant (RFC 3339), or offset:N. --from is inclusive, --until exclusive.

Examples:
  entrepot replay --from start --out /tmp/again
  entrepot replay --from 2025-01-01 --stage ingest --out /tmp/movements
  entrepot replay --from start --order known --model new-model.toml --out-prefix trial.")]
pub(super) struct ReplayArgs {
    /// Where the range begins
    #[arg(long, value_name = "WHEN")]
    pub(super) from: When,
    /// Where it ends [default: end]
    #[arg(long, value_name = "WHEN", default_value = "end")]
    pub(super) until: When,
    /// What runs again
    #[arg(long, value_enum, default_value = "assess")]
    pub(super) stage: ReplayStage,
    /// As it stands in the log, or as the world learned it
    #[arg(long, value_enum, default_value = "log")]
    pub(super) order: ReplayOrder,
    /// A new folder for the outputs, a file a topic
    #[arg(long, value_name = "DIR", required_unless_present = "out_prefix", conflicts_with = "out_prefix")]
    pub(super) out: Option<PathBuf>,
    /// New topics for the outputs, with this prefix
    #[arg(long, value_name = "NAME")]
    pub(super) out_prefix: Option<String>,
    /// Another model
    #[arg(long, value_name = "FILE")]
    pub(super) model: Option<PathBuf>,
    /// Another reference bundle
    #[arg(long, value_name = "DIR")]
    pub(super) reference: Option<PathBuf>,
    /// At most this many messages a second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) rate: Option<u32>,
    /// Take up an interrupted replay to the same place
    #[arg(long)]
    pub(super) resume: bool,
}

/// What a replay runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ReplayStage {
    /// Raw topics to movements.
    Ingest,
    /// Movements to verdicts.
    Assess,
    /// Raw topics to verdicts.
    All,
}

/// The order of a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ReplayOrder {
    /// As it stands.
    Log,
    /// By `known_from`.
    Known,
}

/// `explain`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  entrepot explain SB/TH/US/2025-03
  entrepot explain us-ams:MAEU123456789/1 --revision 2
  entrepot explain entrepot.corridors/3/128 --format json")]
pub(super) struct ExplainArgs {
    /// A record (FEED:ID), a corridor (SB/TH/US/2025-03), a case (SB/TH/US/-), or TOPIC/PARTITION/OFFSET
    pub(super) id: String,
    /// This revision [default: the last]
    #[arg(long, value_name = "N")]
    pub(super) revision: Option<u64>,
    /// The last one as of this date or before; of a case, by the day of its alerts
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub(super) as_of: Option<Date>,
    /// The form on stdout
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: ExplainFormat,
}

/// The form of an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ExplainFormat {
    /// For a terminal.
    Text,
    /// The stored value, and what the comparison found.
    Json,
    /// For a memo.
    Markdown,
    /// A page.
    Html,
}

/// `topics`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  entrepot topics plan
  entrepot topics create
  entrepot topics verify")]
pub(super) struct TopicsArgs {
    /// What to do with them
    #[arg(value_enum)]
    pub(super) action: TopicsAction,
}

/// What to do with topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum TopicsAction {
    /// Print what there should be
    Plan,
    /// Create what is missing
    Create,
    /// Compare what is there with what there should be; exit 1 where it differs
    Verify,
}

/// `check`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  entrepot check
  entrepot check my-mapping.toml
  entrepot check my.csv --as my-mapping.toml --sample 50
  entrepot check unknown.csv --sample 50 > my-mapping.toml")]
pub(super) struct CheckArgs {
    /// Mappings (.toml), a model, a bundle's folder, or files with records (with --sample)
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// Read this many rows of each file, and show what becomes of each field and which evidence layers they can support; without
    /// --as, of a file that is no canonical JSON, print a first draft of a mapping
    #[arg(long, value_name = "ROWS", value_parser = rows)]
    pub(super) sample: Option<usize>,
    /// How the rows of the files are read [default: canonical]
    #[arg(long = "as", value_name = "MAPPING")]
    pub(super) mapping: Option<String>,
    /// Also open the log and compare its topics
    #[arg(long)]
    pub(super) online: bool,
}

/// What key it is, and which values it takes, is the configuration's affair.
fn key_and_value(text: &str) -> Result<String, String> {
    if text.contains('=') { Ok(text.to_owned()) } else { Err("is no KEY=VALUE, such as service.workers=2".to_owned()) }
}

fn rows(text: &str) -> Result<usize, String> {
    let rows = text.parse().ok().filter(|rows| *rows > 0);
    rows.ok_or_else(|| "is no number of rows, from 1".to_owned())
}

fn date(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| "is no date (YYYY-MM-DD, such as 2025-05-01)".to_owned())
}
