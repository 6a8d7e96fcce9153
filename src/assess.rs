//! The second stage: one pure fold per partition. Remember a movement, evaluate what it touched, score, explain. Never asks what day it is.

mod alerts;
mod evaluate;
mod go_on;
mod left_over;
mod snapshot;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::decode::movement::{OnMovements, read};
use crate::domain::{Date, DeadLetterReason, FamilyId, Message, Movement, Timestamp};
use crate::encode::{DeadLetter, Effects, made_by};
use crate::reference::Reference;
use crate::scoring::Model;

use evaluate::{Family, Outbox};
use left_over::{LeftOver, Waiting, waiting};

/// The version of the fold: the same movements, model and bundle give the same outputs under the same version.
pub const FOLD: u32 = 1;

/// What the fold reads beside movements: fixed for a run.
#[derive(Clone, Debug)]
pub struct Knowledge {
    /// The reference bundle.
    pub reference: Arc<Reference>,
    /// The model.
    pub model: Arc<Model>,
    model_fingerprint: Arc<str>,
}

impl Knowledge {
    /// A bundle and a model.
    pub fn new(reference: Arc<Reference>, model: Arc<Model>) -> Knowledge {
        let model_fingerprint = model.fingerprint().into();
        Knowledge { reference, model, model_fingerprint }
    }

    /// What makes outputs besides movements, as [`Standing`](crate::encode::Standing) has it.
    pub fn made_by(&self) -> String {
        made_by(FOLD, &self.model_fingerprint, self.reference.fingerprint())
    }
}

/// The state of one partition of `movements`.
#[derive(Debug)]
pub struct Assess {
    knowledge: Knowledge,
    families: BTreeMap<FamilyId, Family>,
    /// What goes out first with the next inputs.
    left_over: LeftOver,
}

impl Assess {
    /// An empty partition.
    pub fn new(knowledge: Knowledge) -> Assess {
        Assess { knowledge, families: BTreeMap::new(), left_over: LeftOver::new() }
    }

    /// Empties it.
    pub fn renew(&mut self) {
        *self = Assess::new(self.knowledge.clone());
    }

    /// Folds one message of `movements` in.
    pub fn apply(&mut self, message: &Message) -> Effects {
        let mut effects = Effects::default();
        let outcome = match read(message.value.as_deref().unwrap_or_default()) {
            Ok(OnMovements::Tick(date)) => {
                self.tick(date);
                "tick"
            }
            Ok(OnMovements::Movement(movement)) => self.take(*movement),
            Err(error) => {
                effects.dead_letter = Some(DeadLetter {
                    feed: String::new(),
                    reason: DeadLetterReason::Malformed.code(),
                    detail: error.detail,
                    records: Vec::new(),
                    count: 1,
                });
                "dead_letter"
            }
        };
        effects.outcomes.push((outcome, 1));
        let limit = usize::try_from(self.knowledge.model.horizons.outputs_per_input_max).unwrap_or(usize::MAX);
        while effects.outputs.len() < limit
            && let Some((output, tallies)) = self.next_left_over()
        {
            effects.outputs.push(output);
            effects.tallies.extend(tallies);
        }
        effects
    }

    /// Outputs wait for the next movement or tick, or days that may have some.
    pub fn has_left_over(&self) -> bool {
        !self.left_over.is_empty()
    }

    /// Bytes of state held.
    pub fn state_bytes(&self) -> u64 {
        let families: u64 = self.families.values().map(Family::bytes).sum();
        families + self.left_over.iter().map(Waiting::bytes).sum::<u64>()
    }

    fn take(&mut self, movement: Movement) -> &'static str {
        let date = date_of(movement.known_from);
        if self.families.get(&movement.family).is_some_and(|family| family.due.is_some()) {
            self.settle(Some(movement.family));
        }
        let new = || Family::new(movement.family, &self.knowledge.reference.as_of(date));
        let family = self.families.entry(movement.family).or_insert_with(new);
        let mut outbox = Outbox::new();
        family.advance(date, &self.knowledge, &mut outbox);
        let outcome = family.take(movement, &self.knowledge, &mut outbox);
        self.left_over.extend(waiting(outbox));
        outcome.word()
    }
}

fn date_of(instant: Timestamp) -> Date {
    instant.to_zoned(jiff::tz::TimeZone::UTC).date()
}
