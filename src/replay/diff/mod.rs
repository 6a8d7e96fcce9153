//! Two that judge the same input, side by side: what each says last of every corridor-month and shipment, where they part, and
//! why. Says nothing of who is right; that is what `backtest` is for.

mod compare;
mod fail_on;
mod heard;
mod report;
mod verdict;
mod words;

use std::collections::BTreeSet;

use serde::{Serialize, Serializer};

use crate::domain::Band;

pub use compare::compare;
pub use fail_on::FailOn;
pub use heard::{Heard, fold_both};
pub use report::html;
pub use verdict::PRIOR;

/// What one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// What the configuration says.
    Current,
    /// Another model, with the bundle of the configuration.
    Model,
    /// Another bundle, with the model of the configuration.
    Bundle,
    /// Another build of the program.
    Build,
}

/// What both read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// Files of records, each by its own ingest.
    Records,
    /// Movements as they stand, in files or in the log.
    Movements,
    /// The raw topics of the log, each by its own ingest: the two home records differently.
    RawTopics,
}

/// All of it. Of probabilities thousandths are told, of contributions thousandths of log-odds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diff {
    /// Always `diff`.
    pub kind: &'static str,
    /// One.
    pub base: Party,
    /// The other.
    pub candidate: Party,
    /// What both read.
    pub input: Input,
    /// The verdicts on corridor-months.
    pub corridor_months: Compared,
    /// The verdicts on shipments.
    pub shipments: Compared,
    /// Corridors of whose months something is said otherwise: most flips first, then the largest shift, then by name.
    pub corridors: Vec<Corridor>,
    /// Corridors that are not listed, since there are too many.
    pub corridors_left_out: u64,
    /// How often somebody was told.
    pub alerts: Alerts,
    /// Which bounds of `--fail-on` are exceeded, in words.
    pub exceeded: Vec<String>,
}

/// One of the two.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Party {
    /// As the user named it.
    pub name: String,
    /// What it is.
    pub what: Kind,
    /// Versions of the fold that spoke.
    pub folds: BTreeSet<u32>,
    /// Models that spoke.
    pub models: BTreeSet<String>,
    /// Reference bundles that spoke.
    pub references: BTreeSet<String>,
}

/// The verdicts of a kind, the last of each subject. One that is withdrawn is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Compared {
    /// Subjects of which both speak.
    pub compared: u64,
    /// Subjects of which the base alone speaks.
    pub only_base: u64,
    /// Subjects of which the candidate alone speaks.
    pub only_candidate: u64,
    /// Of those compared, where band, probability, a contribution, a limit or the share differs.
    pub changed: u64,
    /// Of those compared, where the Chinese share differs.
    pub shares: u64,
    /// Where the band differs; a subject of which one does not speak has no band, which counts as `none`.
    pub flips: u64,
    /// The same by bands, where there are any.
    pub flips_by: Vec<Flips>,
    /// How many verdicts have each band, lowest first.
    pub bands: Vec<BandCount>,
    /// How many of those compared have a probability of one group in the base and of one in the candidate, where there are any.
    pub probabilities: Vec<Cell>,
    /// How many of those compared move by how much, from down to up.
    pub shifts: Vec<Moved>,
    /// What each signal and the prior count, over those compared.
    pub contributions: Vec<Contribution>,
    /// The flips, largest shift first, then by name.
    pub flipped: Vec<Change>,
    /// Flips that are not listed, since there are too many.
    pub flipped_left_out: u64,
    /// The largest shifts of probability without a flip.
    pub shifted: Vec<Change>,
}

/// Flips from a band to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flips {
    /// That of the base; absent where it does not speak.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "word_of")]
    pub from: Option<Band>,
    /// That of the candidate.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "word_of")]
    pub to: Option<Band>,
    /// How many.
    pub count: u64,
}

/// How many verdicts have a band.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BandCount {
    /// Which.
    #[serde(serialize_with = "word")]
    pub band: Band,
    /// Of the base.
    pub base: u64,
    /// Of the candidate.
    pub candidate: u64,
}

/// Verdicts of which base and candidate say a probability of these groups; each is a twentieth wide, from here on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// That of the base.
    pub base: f64,
    /// That of the candidate.
    pub candidate: f64,
    /// How many.
    pub count: u64,
}

/// Verdicts whose probability moves by this much, candidate less base; both ends are included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Moved {
    /// At least.
    pub from: f64,
    /// At most.
    pub to: f64,
    /// How many.
    pub count: u64,
}

/// What a signal counts, over all subjects of which both speak.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contribution {
    /// Its code, or `prior`.
    pub signal: String,
    /// In how many verdicts of the base it speaks.
    pub base: u64,
    /// In how many of the candidate.
    pub candidate: u64,
    /// In how many of either.
    pub either: u64,
    /// What it counts for the base in the mean of those; silence counts nothing.
    pub base_mean: f64,
    /// And for the candidate.
    pub candidate_mean: f64,
    /// How it moves.
    #[serde(flatten)]
    pub shift: Shift,
}

/// How a contribution moves, where silence counts nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Shift {
    /// Verdicts in which it moves.
    pub changed: u64,
    /// By how much in the mean of those.
    pub mean_shift: f64,
    /// The largest, with its sign.
    pub max_shift: i64,
}

/// A subject of which the two do not say the same.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// A corridor-month, or `<feed>:<id>` of a shipment.
    pub id: String,
    /// What the base says; absent where it does not speak.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<Verdict>,
    /// What the candidate says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate: Option<Verdict>,
    /// Of the probability, candidate less base; who does not speak counts as 0.
    pub shift: f64,
    /// Why, what moved most first; none where only one speaks.
    pub reasons: Vec<Reason>,
}

/// What one says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The band.
    #[serde(serialize_with = "word")]
    pub band: Band,
    /// The probability.
    pub probability: f64,
    /// Prior and all contributions.
    pub score: i64,
}

/// Why two verdicts differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Reason {
    /// A signal, or the prior, counts otherwise.
    Contribution {
        /// Its code, or `prior`.
        signal: String,
        /// What it counts in the base; absent where it is silent.
        #[serde(skip_serializing_if = "Option::is_none")]
        base: Option<i64>,
        /// What it counts in the candidate.
        #[serde(skip_serializing_if = "Option::is_none")]
        candidate: Option<i64>,
        /// Candidate less base.
        change: i64,
    },
    /// Other limits bound it, each as its name and its bound.
    Limits {
        /// Those of the base.
        base: Vec<String>,
        /// Those of the candidate.
        candidate: Vec<String>,
    },
    /// Contributions and limits are the same, the probability is not: it is derived otherwise from the score.
    Calibration,
    /// The probability and its limits are the same: bands begin elsewhere.
    Bands,
}

/// The months of a corridor.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Corridor {
    /// `family/M/D`.
    pub corridor: String,
    /// Months of which either speaks.
    pub months: u64,
    /// Of them, where the two differ, or one is silent.
    pub changed: u64,
    /// Of them, where the band differs.
    pub flips: u64,
    /// The largest shift of probability, with its sign.
    pub max_shift: f64,
    /// What moved, by signal: those that did.
    pub contributions: Vec<Contribution>,
}

/// How often somebody was told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alerts {
    /// By the base.
    pub base: Volume,
    /// By the candidate.
    pub candidate: Volume,
    /// Of the volume, against that of the base; absent where the base has none and the candidate has some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change_percent: Option<f64>,
}

/// Alerts of one.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Volume {
    /// Opened and raised: what gives somebody work.
    pub volume: u64,
    /// Cases opened.
    pub opened: u64,
    /// Cases raised.
    pub raised: u64,
    /// Cases lowered.
    pub lowered: u64,
    /// Cases closed.
    pub closed: u64,
}

fn word<S: Serializer>(band: &Band, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(band.word())
}

fn word_of<S: Serializer>(band: &Option<Band>, serializer: S) -> Result<S::Ok, S::Error> {
    match band {
        Some(band) => word(band, serializer),
        None => serializer.serialize_none(),
    }
}
