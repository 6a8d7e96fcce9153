//! A fold that is watched while history passes: what it says of every corridor-month, day by day, and what simple rules say of it on the
//! same day from the same records. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::flows::{Baselines, Flows};
use crate::decode::movement::{OnMovements, read};
use crate::domain::{CorridorId, Date, Message};
use crate::encode::{Effects, Output, Topic};
use crate::stream::Fold;

/// What was said of a corridor-month on a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The day.
    pub as_of: Date,
    /// The probability of rerouting.
    pub probability: f64,
    /// What the prior alone would have given.
    pub prior: f64,
    /// What the simple rules said.
    pub baselines: Baselines,
}

/// All that was said.
#[derive(Debug, Default)]
pub struct History {
    /// Of each corridor-month, in order.
    pub steps: BTreeMap<CorridorId, Vec<Step>>,
    /// Reference rows named as evidence, as `table/id`, and the first day on which one was.
    pub cited: BTreeMap<String, Date>,
    /// Models that spoke.
    pub models: BTreeSet<String>,
    /// Reference bundles that spoke.
    pub references: BTreeSet<String>,
    /// The last day that came.
    pub last_day: Option<Date>,
}

impl History {
    /// The day of the first verdict.
    pub fn first_day(&self) -> Option<Date> {
        self.steps.values().filter_map(|steps| steps.first()).map(|step| step.as_of).min()
    }
}

/// The fold, and what was seen.
pub struct Witness {
    fold: Box<dyn Fold>,
    flows: Flows,
    history: History,
}

#[derive(Deserialize)]
struct Said<'a> {
    id: &'a str,
    as_of: &'a str,
    probability: f64,
    prior: i32,
    evidence: Vec<Cites>,
    provenance: By<'a>,
}

#[derive(Deserialize)]
struct Cites {
    #[serde(default)]
    reference: Vec<String>,
}

#[derive(Deserialize)]
struct By<'a> {
    model: &'a str,
    reference: &'a str,
}

impl Witness {
    /// Watches a fold that has seen nothing yet.
    pub fn new(fold: Box<dyn Fold>) -> Witness {
        Witness { fold, flows: Flows::default(), history: History::default() }
    }

    /// What was said, and tonnes M → D of each corridor-month as they are known at the end.
    pub fn end(self) -> (History, BTreeMap<CorridorId, f64>) {
        let tonnes = self.history.steps.keys().map(|id| (*id, self.flows.tonnes(*id))).collect();
        (self.history, tonnes)
    }

    fn hear(&mut self, output: &Output) {
        let Ok(said) = serde_json::from_slice::<Said<'_>>(&output.value) else { return };
        let (Ok(id), Ok(as_of)) = (said.id.parse::<CorridorId>(), said.as_of.parse::<Date>()) else { return };
        let step = Step {
            as_of,
            probability: said.probability,
            prior: 1.0 / (1.0 + libm::exp(-f64::from(said.prior) / 1000.0)),
            baselines: self.flows.say(id),
        };
        self.history.steps.entry(id).or_default().push(step);
        for row in said.evidence.into_iter().flat_map(|evidence| evidence.reference) {
            let first = self.history.cited.entry(row).or_insert(as_of);
            *first = as_of.min(*first);
        }
        for (known, said) in
            [(&mut self.history.models, said.provenance.model), (&mut self.history.references, said.provenance.reference)]
        {
            if !known.contains(said) {
                known.insert(said.to_owned());
            }
        }
    }
}

impl Fold for Witness {
    fn apply(&mut self, message: &Message) -> Effects {
        let effects = self.fold.apply(message);
        // The verdicts of a day go out before the movement that ends it is taken in: they are heard with what was known before it.
        effects.outputs.iter().filter(|output| output.topic == Topic::Corridors).for_each(|output| self.hear(output));
        match message.value.as_deref().map(read) {
            Some(Ok(OnMovements::Movement(movement))) => self.flows.add(&movement),
            Some(Ok(OnMovements::Tick(date))) => self.history.last_day = self.history.last_day.max(Some(date)),
            _ => {}
        }
        effects
    }

    fn state_bytes(&self) -> u64 {
        self.fold.state_bytes()
    }
}
