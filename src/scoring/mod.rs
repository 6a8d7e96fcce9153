//! Evidence → score → probability, band, share. Weights are integers; the probability is derived once, at the end.

mod calibrate;
mod combine;
mod model;
mod verdict;

pub use calibrate::probability;
pub use model::{Alerts, Bands, Calibration, Combination, Horizons, InvalidModel, Limits, Model, Sample};
pub use verdict::CorridorStep;
pub(crate) use verdict::{Context, assess_corridor, assess_shipment, signature_of};

pub use crate::signals::Coverage;

use std::rc::Rc;

use crate::domain::Band;
use crate::signals::{Evidence, Layer};

/// A limit that bound the probability or the band.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Limit {
    /// 0.8 and more needs two layers on disjoint records, one of them physical. Thousandths.
    DisjointLayers {
        /// The highest probability allowed, in thousandths.
        at_most: u16,
    },
    /// Ownership alone.
    OwnershipAlone {
        /// As above.
        at_most: u16,
    },
    /// A basket code without tariff line or text.
    Basket {
        /// As above.
        at_most: u16,
    },
    /// Neither the record layer nor both legs observed: the band stops.
    Insufficient {
        /// The highest band allowed.
        band: Band,
    },
    /// No signal fired: the prior alone never reaches a band.
    NoSignal {
        /// The highest band allowed.
        band: Band,
    },
    /// The lower bound of the stage's own balance.
    StageFloor {
        /// The lowest probability allowed, in thousandths.
        at_least: u16,
    },
}

/// A piece of evidence and what is left of its weight after damping and caps.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Counted {
    /// The evidence.
    #[serde(with = "crate::domain::kept::shared")]
    pub evidence: Rc<Evidence>,
    /// Thousandths of log-odds that enter the score.
    pub counted: i32,
}

/// How much of the contained material comes from China: must, probably, could at most. Hundredths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct ChineseShare {
    /// At least.
    pub low: u8,
    /// Probably; absent where the mass balance is not eligible.
    pub mid: Option<u8>,
    /// At most.
    pub high: u8,
}

impl ChineseShare {
    /// Nothing is known of it.
    pub const UNKNOWN: ChineseShare = ChineseShare { low: 0, mid: None, high: 100 };
}

/// A signal that was silent for want of data, and what is wanted.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct WouldChange {
    /// The signal's code on the outside; also of signals that are not built yet.
    #[serde(with = "crate::domain::kept::name")]
    pub signal: crate::domain::kept::Name,
    /// What is missing.
    #[serde(with = "crate::domain::kept::shared")]
    pub because: Rc<str>,
}

/// What a verdict says, of a shipment or a corridor-month.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Verdict {
    /// Log-odds before any evidence, thousandths.
    pub prior: i32,
    /// Reference rows behind the prior.
    #[serde(with = "crate::domain::kept::shared")]
    pub prior_rows: Rc<[String]>,
    /// The evidence, in the order of layers, heaviest first.
    pub evidence: Vec<Counted>,
    /// `prior + Σ counted`.
    pub score: i32,
    /// Thousandths.
    pub probability: u16,
    /// A function of probability and limits.
    pub band: Band,
    /// The limits that bound it.
    pub limits: Vec<Limit>,
    /// The share.
    pub share: ChineseShare,
    /// Per layer that the subject has.
    pub coverage: Vec<(Layer, Coverage)>,
    /// What would change it most, heaviest first.
    pub would_change_most: Vec<WouldChange>,
}

impl Verdict {
    /// The word for a layer's coverage, where the subject has the layer.
    pub fn covers(&self, layer: Layer) -> Option<&'static str> {
        self.coverage.iter().find(|(covered, _)| *covered == layer).map(|(_, coverage)| coverage.word())
    }
}

/// Terms of the mass balance in tonnes of contained element, as published with a corridor.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Balance {
    /// Length of the window that ends with the corridor's month.
    pub window_months: u8,
    /// Whose account of M → D.
    pub account: crate::ledger::Account,
    /// M → D.
    pub exports_t: f64,
    /// M's own production.
    pub production_t: Option<f64>,
    /// M's recycling.
    pub secondary_t: Option<f64>,
    /// Non-Chinese imports of M.
    pub other_imports_t: Option<f64>,
    /// Stock from before the measure.
    pub opening_stock_t: Option<f64>,
    /// Chinese imports of M.
    pub chinese_imports_t: Option<f64>,
}

/// The verdict on a corridor-month.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct CorridorVerdict {
    /// What it says.
    pub verdict: Verdict,
    /// Hash of all that it decides: two that agree in it are one revision.
    pub signature: u64,
    /// By mass, how many of M's usual sources have reported; `None` where there were none before.
    pub complete_fraction: Option<f64>,
    /// The balance, where M → D has mass.
    pub balance: Option<Balance>,
    /// Whether both legs were observed.
    pub both_legs: bool,
    /// Whether a control or a tariff gives a motive.
    pub incentive: bool,
    /// The lower bound of the stage's own balance, thousandths, where the same subheading comes and goes and all terms are
    /// observed.
    pub stage_floor: Option<u16>,
    /// Balance and event test speak for rerouting from records that have nothing in common, with both legs observed.
    pub layers_disjoint: bool,
}
