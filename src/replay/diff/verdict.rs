//! What a published verdict says, as far as two of them are compared. Reads those of other releases too: what this one does not
//! know is not looked at.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use crate::domain::Band;

/// The name under which the prior stands among contributions; no signal is called so.
pub const PRIOR: &str = "prior";

/// What a verdict says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) band: Band,
    /// Thousandths.
    pub(super) probability: i64,
    pub(super) score: i64,
    /// Thousandths of log-odds, by signal; the prior among them.
    pub(super) contributions: BTreeMap<String, i64>,
    /// Each with its bound.
    pub(super) limits: Vec<String>,
    /// Low, mid and high, in thousandths.
    pub(super) share: [Option<i64>; 3],
}

/// Who spoke.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Makers {
    pub(super) folds: BTreeSet<u32>,
    pub(super) models: BTreeSet<String>,
    pub(super) references: BTreeSet<String>,
}

#[derive(Deserialize)]
struct VerdictRead<'a> {
    status: Option<&'a str>,
    band: &'a str,
    probability: f64,
    score: i64,
    prior: i64,
    #[serde(default)]
    limits: Vec<LimitRead<'a>>,
    chinese_share: ShareRead,
    evidence: Vec<EvidenceRead<'a>>,
    provenance: ProvenanceRead<'a>,
}

#[derive(Deserialize)]
struct LimitRead<'a> {
    limit: &'a str,
    at_most: Option<Value>,
    at_least: Option<Value>,
}

#[derive(Deserialize)]
struct ShareRead {
    low: f64,
    mid: Option<f64>,
    high: f64,
}

#[derive(Deserialize)]
struct EvidenceRead<'a> {
    signal: &'a str,
    counted: i64,
}

#[derive(Deserialize)]
struct ProvenanceRead<'a> {
    fold: u32,
    model: &'a str,
    reference: &'a str,
}

impl Said {
    /// Reads a verdict and notes who made it; one that is withdrawn says nothing. Where it is no verdict: what is wrong, in words.
    pub(super) fn read(value: &[u8], makers: &mut Makers) -> Result<Option<Said>, String> {
        let read: VerdictRead<'_> = serde_json::from_slice(value).map_err(|error| error.to_string())?;
        makers.note(&read.provenance);
        if read.status == Some("withdrawn") {
            return Ok(None);
        }
        let mut contributions = BTreeMap::from([(PRIOR.to_owned(), read.prior)]);
        for evidence in &read.evidence {
            *contributions.entry(evidence.signal.to_owned()).or_default() += evidence.counted;
        }
        let ShareRead { low, mid, high } = read.chinese_share;
        Ok(Some(Said {
            band: read.band.parse()?,
            probability: thousandths(read.probability),
            score: read.score,
            contributions,
            limits: read.limits.iter().map(LimitRead::words).collect(),
            share: [Some(low), mid, Some(high)].map(|share| share.map(thousandths)),
        }))
    }
}

impl Makers {
    fn note(&mut self, by: &ProvenanceRead<'_>) {
        self.folds.insert(by.fold);
        for (known, said) in [(&mut self.models, by.model), (&mut self.references, by.reference)] {
            if !known.contains(said) {
                known.insert(said.to_owned());
            }
        }
    }
}

impl LimitRead<'_> {
    /// Its name and its bound.
    fn words(&self) -> String {
        match self.at_most.as_ref().or(self.at_least.as_ref()) {
            Some(Value::String(bound)) => format!("{} {bound}", self.limit),
            Some(bound) => format!("{} {bound}", self.limit),
            None => self.limit.to_owned(),
        }
    }
}

fn thousandths(value: f64) -> i64 {
    libm::round(value * 1000.0) as i64
}
