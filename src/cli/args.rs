//! The arguments, as typed by the user. Nothing is opened here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::domain::{Band, Date, FeedName, Month};
use crate::replay::When;

/// Reads customs and trade records, and works out how likely it is that goods declared as coming from an intermediary country are of
/// Chinese origin.
#[derive(Debug, Parser)]
#[command(name = "entrepot", version, propagate_version = true, after_help = TOP_EXAMPLE)]
pub struct Arguments {
    /// The configuration [default: $ENTREPOT_CONFIG, else ./entrepot.toml, else built-in defaults]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Sets one key of the configuration, such as service.workers=2
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// The form of the log on stderr
    #[arg(long, global = true, value_enum, default_value = "text", value_name = "FORM")]
    pub log: LogForm,
    /// Warnings and errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// More detail
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogForm {
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
pub enum Command {
    /// Serve: ingest and assess until SIGINT or SIGTERM, then drain and exit 0
    Run(RunArgs),
    /// Put the rows of files onto a feed's raw topic; resumes where it stopped
    Feed(FeedArgs),
    /// Assess files: the identical core, without a log, service or configuration
    Assess(AssessArgs),
    /// Run a bounded range of the log again, apart from the live group
    Replay(ReplayArgs),
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
pub struct RunArgs {
    /// Run this stage alone; may be given several times [default: all]
    #[arg(long, value_enum, value_name = "STAGE")]
    pub stage: Vec<RunStage>,
    /// Feed the bundled sample once and print the table of what was found
    #[arg(long)]
    pub sample: bool,
}

/// A stage of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RunStage {
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
pub struct FeedArgs {
    /// Files, folders, or - for stdin
    #[arg(required = true, value_name = "PATH|-")]
    pub paths: Vec<PathBuf>,
    /// The feed, as the configuration names it
    #[arg(long, value_name = "NAME")]
    pub feed: FeedName,
    /// Stay, and take new files of the folders as they settle
    #[arg(long)]
    pub watch: bool,
    /// At most this many messages a second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: Option<u32>,
}

/// `assess`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  entrepot assess my.csv --as census
  entrepot assess flows.ndjson --until 2025-05-01 --format table --min-band watch
  entrepot assess dump/movements.ndjson --as movements --order given")]
pub struct AssessArgs {
    /// Files, or - for stdin
    #[arg(required = true, value_name = "PATH|-")]
    pub paths: Vec<PathBuf>,
    /// How rows are read: canonical, the name of a mapping, the path of one, or movements
    #[arg(long = "as", default_value = "canonical", value_name = "MAPPING|movements")]
    pub mapping: String,
    /// The feed of all files [default: each file's stem]
    #[arg(long, value_name = "NAME")]
    pub feed: Option<FeedName>,
    /// Leave out what became known on this date or later
    #[arg(long, value_name = "DATE")]
    pub until: Option<Date>,
    /// As the world learned it, or as it stands in the files
    #[arg(long, value_enum, default_value = "known")]
    pub order: AssessOrder,
    /// The form on stdout [default: table on a terminal, else ndjson]
    #[arg(long, value_enum)]
    pub format: Option<AssessFormat>,
    /// Print one kind alone
    #[arg(long, value_enum, value_name = "KIND")]
    pub only: Option<OnlyKind>,
    /// Leave out what lies below this band (none, watch, review, priority)
    #[arg(long, value_name = "BAND")]
    pub min_band: Option<Band>,
    /// Print all revisions, not the last alone
    #[arg(long)]
    pub history: bool,
    /// Write the balance of the books there, as JSON
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,
    /// Exit 1 where there are dead letters
    #[arg(long)]
    pub strict: bool,
}

/// The order in which files are assessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AssessOrder {
    /// By `known_from`.
    Known,
    /// As given.
    Given,
}

/// The form of `assess`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AssessFormat {
    /// One value a line.
    Ndjson,
    /// Columns for people.
    Table,
}

/// One kind of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnlyKind {
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
pub struct ReplayArgs {
    /// Where the range begins
    #[arg(long, value_name = "WHEN")]
    pub from: When,
    /// Where it ends [default: end]
    #[arg(long, value_name = "WHEN", default_value = "end")]
    pub until: When,
    /// What runs again
    #[arg(long, value_enum, default_value = "assess")]
    pub stage: ReplayStage,
    /// As it stands in the log, or as the world learned it
    #[arg(long, value_enum, default_value = "log")]
    pub order: ReplayOrder,
    /// A new folder for the outputs, a file a topic
    #[arg(long, value_name = "DIR", required_unless_present = "out_prefix", conflicts_with = "out_prefix")]
    pub out: Option<PathBuf>,
    /// New topics for the outputs, with this prefix
    #[arg(long, value_name = "NAME")]
    pub out_prefix: Option<String>,
    /// Another model
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Another reference bundle
    #[arg(long, value_name = "DIR")]
    pub reference: Option<PathBuf>,
    /// At most this many messages a second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: Option<u32>,
    /// Take up an interrupted replay to the same place
    #[arg(long)]
    pub resume: bool,
}

/// What a replay runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReplayStage {
    /// Raw topics to movements.
    Ingest,
    /// Movements to verdicts.
    Assess,
    /// Raw topics to verdicts.
    All,
}

/// The order of a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReplayOrder {
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
pub struct ExplainArgs {
    /// A record (FEED:ID), a corridor (SB/TH/US/2025-03), a case (SB/TH/US/-), or TOPIC/PARTITION/OFFSET
    pub id: String,
    /// This revision [default: the last]
    #[arg(long, value_name = "N")]
    pub revision: Option<u64>,
    /// The last one whose as_of is not after this date
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<Date>,
    /// The form on stdout
    #[arg(long, value_enum, default_value = "text")]
    pub format: ExplainFormat,
}

/// The form of an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExplainFormat {
    /// For a terminal.
    Text,
    /// The stored value, and what the comparison found.
    Json,
    /// For a memo.
    Markdown,
    /// A page.
    Html,
}

/// `simulate`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  entrepot simulate --seed 7 --records 10000 --out /tmp/world --from 2023-01 --until 2025-06 --scheme relabel")]
pub struct SimulateArgs {
    /// The same seed makes the same world
    #[arg(long, value_name = "N")]
    pub seed: u64,
    /// About how many records
    #[arg(long, value_name = "N")]
    pub records: u64,
    /// A new folder for records.ndjson and truth.ndjson
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// The first month
    #[arg(long, value_name = "MONTH")]
    pub from: Option<Month>,
    /// The last month
    #[arg(long, value_name = "MONTH")]
    pub until: Option<Month>,
    /// A scheme to plant, or none; may be given several times
    #[arg(long, value_name = "NAME|none")]
    pub scheme: Vec<String>,
}

/// `dead-letters`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  entrepot dead-letters ls --feed korea --reason malformed_field
  entrepot dead-letters show 3/17
  entrepot dead-letters redrive --feed korea --dry-run")]
pub struct DeadLettersArgs {
    /// What to do with them
    #[command(subcommand)]
    pub action: DeadLettersAction,
}

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub enum DeadLettersAction {
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
pub struct DeadLetterFilter {
    /// Of this feed
    #[arg(long, value_name = "NAME")]
    pub feed: Option<FeedName>,
    /// With this reason
    #[arg(long, value_name = "CODE")]
    pub reason: Option<String>,
    /// From then on
    #[arg(long, value_name = "WHEN")]
    pub from: Option<When>,
    /// Until then
    #[arg(long, value_name = "WHEN")]
    pub until: Option<When>,
    /// At most this many
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
}

/// `dead-letters redrive`.
#[derive(Debug, Args)]
pub struct RedriveArgs {
    /// Which ones
    #[command(flatten)]
    pub filter: DeadLetterFilter,
    /// Say what would happen, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `topics`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  entrepot topics plan
  entrepot topics create
  entrepot topics verify")]
pub struct TopicsArgs {
    /// What to do with them
    #[arg(value_enum)]
    pub action: TopicsAction,
}

/// What to do with topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TopicsAction {
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
  entrepot check my.csv --as my-mapping.toml --sample 50")]
pub struct CheckArgs {
    /// Mappings (.toml), a model, a bundle's folder, or files with records (with --sample)
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Read this many rows of each file, and show what becomes of each field and which evidence layers they can support
    #[arg(long, value_name = "ROWS")]
    pub sample: Option<usize>,
    /// How the rows of the files are read
    #[arg(long = "as", default_value = "canonical", value_name = "MAPPING")]
    pub mapping: String,
    /// Also open the log and compare its topics
    #[arg(long)]
    pub online: bool,
}
