//! Assessments, corridors and alerts as the outside reads them: wire structs. Key order is the order of the fields. Those of which there
//! are many are written by `write`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

use super::corridor::{BalanceWire, ShipmentsWire};
use crate::domain::{Band, CorridorId, Date, HsSubheading, Month};
use crate::scoring::{Limit, Verdict};
use crate::signals::Layer;

/// The verdict on a shipment.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "assessment/1")]
pub struct AssessmentWire<'a, E = EvidenceWire<'a>> {
    /// Always `assessment`.
    pub kind: &'static str,
    /// `<feed>:<id>` of the record.
    pub id: &'a str,
    /// Which version of the record it is about.
    pub record_revision: u32,
    /// Counts the outputs of this id, from 1.
    pub revision: u32,
    /// `active` or `withdrawn`.
    pub status: &'static str,
    /// The clock of the family at evaluation, a UTC date.
    pub as_of: Shown<Date>,
    /// When the goods moved.
    pub event_date: Shown<Date>,
    /// The commodity family.
    pub family: &'a str,
    /// The subheading of HS 2022.
    pub hs6: Shown<HsSubheading>,
    /// M, ISO 3166-1 alpha-2.
    pub intermediary: &'a str,
    /// D, ISO 3166-1 alpha-2.
    pub destination: &'a str,
    /// The corridor-month whose layers it carries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corridor: Option<CorridorRefWire>,
    /// What it says.
    #[serde(flatten)]
    pub verdict: VerdictWire<'a>,
    /// One entry per signal that spoke.
    pub evidence: Vec<E>,
    /// Signals that were silent for want of data and would change it most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub would_change_most: Vec<WouldChangeWire<'a>>,
    /// What is wrong with the record.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quality: Vec<&'static str>,
    /// How to derive it again.
    pub provenance: ProvenanceWire<'a>,
}

/// The verdict on a corridor-month.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "corridor/1")]
pub struct CorridorWire<'a, E = EvidenceWire<'a>> {
    /// Always `corridor`.
    pub kind: &'static str,
    /// `family/M/D/month`.
    pub id: Shown<CorridorId>,
    /// Counts the outputs of this id, from 1.
    pub revision: u32,
    /// The commodity family.
    pub family: &'a str,
    /// M.
    pub intermediary: &'a str,
    /// D.
    pub destination: &'a str,
    /// The month.
    pub month: Shown<Month>,
    /// The clock of the family at evaluation.
    pub as_of: Shown<Date>,
    /// By mass, how many of M's usual sources have reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complete_fraction: Option<f64>,
    /// What it says.
    #[serde(flatten)]
    pub verdict: VerdictWire<'a>,
    /// The mass balance on `as_of`: what became known later shows in it once a change of the verdict brings a new revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<BalanceWire>,
    /// The shipments assessed in it by `as_of`: one that came later and changed nothing of the verdict is not counted yet.
    pub shipments: ShipmentsWire,
    /// One entry per signal that spoke.
    pub evidence: Vec<E>,
    /// Signals that were silent for want of data and would change it most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub would_change_most: Vec<WouldChangeWire<'a>>,
    /// How to derive it again.
    pub provenance: ProvenanceWire<'a>,
}

/// A change of a case.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "alert/1")]
pub struct AlertWire<'a> {
    /// Always `alert`.
    pub kind: &'static str,
    /// `family/M/D/-`.
    pub case: &'a str,
    /// Counts the changes of the case, from 1.
    pub sequence: u32,
    /// `opened`, `raised`, `lowered` or `closed`.
    pub change: &'static str,
    /// The band before.
    pub from: &'static str,
    /// The band after.
    pub to: &'static str,
    /// The clock of the family.
    pub at: String,
    /// When the case was opened.
    pub opened: String,
    /// Whether it is open after the change.
    pub open: bool,
    /// The corridor-month that decided.
    pub subject: String,
    /// Its revision.
    pub subject_revision: u32,
    /// Its probability.
    pub probability: f64,
    /// The signals that spoke for it.
    pub because: Vec<&'static str>,
    /// In a sentence.
    pub statement: String,
    /// How to derive it again.
    pub provenance: ProvenanceWire<'a>,
}

/// What both verdicts say.
#[derive(Serialize, JsonSchema)]
pub struct VerdictWire<'a> {
    /// 0 to 1, three decimals.
    pub probability: f64,
    /// `none`, `watch`, `review` or `priority`.
    pub band: &'static str,
    /// `prior` and all `counted`, thousandths of log-odds.
    pub score: i32,
    /// Log-odds before evidence, thousandths.
    pub prior: i32,
    /// Reference rows behind the prior.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prior_reference: Vec<&'a str>,
    /// The limits that bound probability or band.
    pub limits: Vec<LimitWire>,
    /// How much of the contained material comes from China.
    pub chinese_share: ShareWire,
    /// Which layers could be observed.
    pub coverage: CoverageWire,
}

/// Per layer that the subject has: `observed`, `not_observable` or `pending`.
#[derive(Default, Serialize, JsonSchema)]
pub struct CoverageWire {
    /// The consignment itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<&'static str>,
    /// The firms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<&'static str>,
    /// The trade of the corridor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corridor: Option<&'static str>,
    /// Before and after an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<&'static str>,
}

/// A corridor-month by id and the revision that was read.
#[derive(Serialize, JsonSchema)]
pub struct CorridorRefWire {
    /// `family/M/D/month`.
    pub id: Shown<CorridorId>,
    /// The revision.
    pub revision: u32,
}

/// Must, probably, could at most.
#[derive(Serialize, JsonSchema)]
pub struct ShareWire {
    /// At least.
    pub low: f64,
    /// Probably.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mid: Option<f64>,
    /// At most.
    pub high: f64,
}

/// A limit that bound.
#[derive(Serialize, JsonSchema)]
pub struct LimitWire {
    /// Which.
    pub limit: &'static str,
    /// The highest probability or band it allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<BoundWire>,
    /// The lowest probability it allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
}

/// A bound of a probability, or of a band.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub enum BoundWire {
    /// A probability.
    Probability(f64),
    /// A band.
    Band(&'static str),
}

/// A signal that spoke.
#[derive(Serialize, JsonSchema)]
pub struct EvidenceWire<'a> {
    /// Its code.
    pub signal: &'static str,
    /// Where it counts.
    pub layer: &'static str,
    /// Thousandths of log-odds before damping and caps.
    pub weight: i32,
    /// What is left of it.
    pub counted: i32,
    /// In a sentence.
    pub statement: &'a str,
    /// Its figures.
    pub figures: BTreeMap<&'static str, f64>,
    /// At most ten, heaviest first.
    pub records: Vec<String>,
    /// How many there are.
    pub records_total: u64,
    /// Rows of the reference bundle.
    pub reference: Vec<&'a str>,
    /// What would prove it wrong.
    pub falsified_by: &'a str,
}

/// A signal that could not speak.
#[derive(Serialize, JsonSchema)]
pub struct WouldChangeWire<'a> {
    /// Its code.
    pub signal: &'static str,
    /// What is missing.
    pub because: &'a str,
}

/// How to derive a verdict again.
#[derive(Clone, Copy, Serialize, JsonSchema)]
pub struct ProvenanceWire<'a> {
    /// The raw message, `TOPIC/PARTITION/OFFSET`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<&'a str>,
    /// The version of the fold.
    pub fold: u32,
    /// Fingerprint of the model.
    pub model: &'a str,
    /// Fingerprint of the reference bundle.
    pub reference: &'a str,
}

/// Ids of the records behind a piece of evidence, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Records {
    /// At most ten, heaviest first.
    pub ids: Vec<String>,
    /// How many.
    pub total: u64,
}

impl<'a> VerdictWire<'a> {
    /// Lays a verdict out.
    pub fn new(verdict: &'a Verdict) -> VerdictWire<'a> {
        VerdictWire {
            probability: f64::from(verdict.probability) / 1000.0,
            band: verdict.band.word(),
            score: verdict.score,
            prior: verdict.prior,
            prior_reference: verdict.prior_rows.iter().map(String::as_str).collect(),
            limits: verdict.limits.iter().map(limit).collect(),
            chinese_share: ShareWire {
                low: hundredths(verdict.share.low),
                mid: verdict.share.mid.map(hundredths),
                high: hundredths(verdict.share.high),
            },
            coverage: CoverageWire {
                record: verdict.covers(Layer::Record),
                entity: verdict.covers(Layer::Entity),
                corridor: verdict.covers(Layer::Corridor),
                time: verdict.covers(Layer::Time),
            },
        }
    }

    /// The signals that would change it most.
    pub fn would_change(verdict: &'a Verdict) -> Vec<WouldChangeWire<'a>> {
        let wire = |change: &'a crate::scoring::WouldChange| WouldChangeWire { signal: change.signal, because: &change.because };
        verdict.would_change_most.iter().map(wire).collect()
    }
}

/// Bytes of a wire record of which there are few.
pub fn serialized(wire: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(wire).expect("wire records have text keys and finite numbers")
}

/// What stands on the outside as the text it prints as.
#[derive(Clone, Copy, Debug)]
pub struct Shown<T>(pub T);

impl<T: fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<T> JsonSchema for Shown<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        String::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

/// A number with that many decimals; what is not finite counts as zero, which JSON can say.
pub fn rounded(value: f64, decimals: u8) -> f64 {
    let scale = 10u32.checked_pow(decimals.into()).map_or(f64::INFINITY, f64::from);
    let rounded = libm::round(value * scale) / scale;
    if rounded.is_finite() { rounded } else { 0.0 }
}

fn hundredths(share: u8) -> f64 {
    f64::from(share) / 100.0
}

fn limit(limit: &Limit) -> LimitWire {
    let probability = |limit, at_most: u16| LimitWire {
        limit,
        at_most: Some(BoundWire::Probability(f64::from(at_most) / 1000.0)),
        at_least: None,
    };
    let band = |limit, band: Band| LimitWire { limit, at_most: Some(BoundWire::Band(band.word())), at_least: None };
    match *limit {
        Limit::DisjointLayers { at_most } => probability("disjoint_layers", at_most),
        Limit::OwnershipAlone { at_most } => probability("ownership_alone", at_most),
        Limit::Basket { at_most } => probability("basket", at_most),
        Limit::Insufficient { band: highest } => band("insufficient", highest),
        Limit::NoSignal { band: highest } => band("no_signal", highest),
        Limit::StageFloor { at_least } => {
            LimitWire { limit: "stage_floor", at_most: None, at_least: Some(f64::from(at_least) / 1000.0) }
        }
    }
}

#[cfg(test)]
impl<'a> EvidenceWire<'a> {
    /// Lays evidence out with the records behind it.
    pub(super) fn new(counted: &'a crate::scoring::Counted, records: &Records) -> EvidenceWire<'a> {
        let evidence = &counted.evidence;
        let figures = evidence.figures.iter().map(|figure| (figure.name, rounded(figure.value, figure.decimals)));
        EvidenceWire {
            signal: evidence.signal.code(),
            layer: evidence.signal.layer().word(),
            weight: evidence.weight,
            counted: counted.counted,
            statement: &evidence.statement,
            figures: figures.collect(),
            records: records.ids.clone(),
            records_total: records.total,
            reference: evidence.reference.iter().map(String::as_str).collect(),
            falsified_by: &evidence.falsified_by,
        }
    }
}
