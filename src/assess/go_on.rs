//! Going on from what another model, bundle or fold has published: numbers continue, what differs is published. Reads nothing itself.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::alerts::Case;
use super::evaluate::{Family, Outbox};
use super::{Assess, Knowledge};
use crate::domain::{Band, CorridorId, Country};
use crate::encode::{Effects, Output, Standing, Tally, Topic, renumbered};
use crate::signals::Signal;

/// What is counted of a verdict that is published.
#[derive(Deserialize)]
struct Counted<'a> {
    #[serde(borrow)]
    band: &'a str,
    #[serde(borrow)]
    evidence: Vec<Spoke<'a>>,
}

#[derive(Deserialize)]
struct Spoke<'a> {
    signal: &'a str,
}

impl Assess {
    /// Outputs that wait for an input to leave with.
    pub fn take_left_over(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.next_left_over()).map(|(output, _)| output).collect()
    }

    /// Goes on from the verdict that stands under a key: `said` is what this state has said of it last, all messages taken together.
    /// Where both say the same the number is the standing one; else what was said is published under the next one. A number that stands
    /// without a word of ours is kept for the day on which we have one.
    ///
    /// Corridor-months come before the shipments that name them.
    pub fn go_on(&mut self, (topic, key): (Topic, &str), said: Option<&[u8]>, standing: Option<&Standing>) -> Effects {
        self.settle(None);
        let ours = said.and_then(Standing::of);
        let Some(family) = ours.as_ref().or(standing).map(|known| known.family) else { return Effects::default() };
        let stands = standing.map_or(0, |standing| standing.number);
        let differs = ours.is_some_and(|ours| !standing.is_some_and(|standing| ours.says_the_same(standing)));
        let number = stands + u32::from(differs);
        let corridor = self.families.get_mut(&family).and_then(|family| family.count_from((topic, key), number));
        let Some(said) = said.filter(|_| differs) else { return Effects::default() };
        let numbers: Vec<(&str, u32)> =
            [Some(number), corridor].into_iter().flatten().map(|number| ("revision", number)).collect();
        let value = renumbered(said, &numbers);
        let output = Output { topic, partition: None, key: key.into(), value, headers: Vec::new() };
        Effects { outputs: vec![output], tallies: tallies(topic, said, number), ..Effects::default() }
    }

    /// Goes on from the cases as they stand, by key: verdicts change them by the ordinary rules. Cases that stand nowhere begin anew.
    pub fn go_on_cases(&mut self, standing: &BTreeMap<String, Standing>) -> Effects {
        self.settle(None);
        let mut outbox = Outbox::new();
        for family in self.families.values_mut() {
            family.go_on_cases(standing, &self.knowledge, &mut outbox);
        }
        let (outputs, tallies): (Vec<Output>, Vec<Vec<Tally>>) = outbox.into_iter().unzip();
        Effects { outputs, tallies: tallies.concat(), ..Effects::default() }
    }
}

impl Family {
    /// Sets the number of the last output under a key; of a shipment gives that of its corridor-month.
    fn count_from(&mut self, (topic, key): (Topic, &str), number: u32) -> Option<u32> {
        if topic == Topic::Corridors {
            let CorridorId { intermediary, destination, month, .. } = key.parse().ok()?;
            let corridor = (intermediary, destination, month);
            match self.corridors.get_mut(&corridor) {
                Some(held) => held.revision = number,
                None => drop(self.counted.insert(corridor, number)),
            }
            return None;
        }
        let shipment = self.ledger.shipments_mut().count_from(key, number)?;
        let corridor = shipment.assessed().and_then(|(version, _)| version.way())?;
        self.corridors.get(&corridor).map(|held| held.revision)
    }

    fn go_on_cases(&mut self, standing: &BTreeMap<String, Standing>, knowledge: &Knowledge, outbox: &mut Outbox) {
        let Some(clock) = self.ledger.clock else { return };
        let family = self.id();
        self.cases.clear();
        for (key, standing) in standing.iter().filter(|(_, standing)| standing.family == family) {
            if let Some((pair, case)) = pair_of(key).zip(standing.case) {
                self.cases.insert(pair, Case::standing(standing.number, case));
            }
        }
        let pairs: BTreeSet<(Country, Country)> = self.corridors.keys().map(|(from, to, _)| (*from, *to)).collect();
        for pair in pairs {
            outbox.extend(self.alert(pair, clock, knowledge));
        }
    }
}

/// Intermediary and destination of a case, `SB/TH/US/-`.
fn pair_of(case: &str) -> Option<(Country, Country)> {
    let mut parts = case.split('/').skip(1);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn tallies(topic: Topic, said: &[u8], number: u32) -> Vec<Tally> {
    let kind = if topic == Topic::Corridors { "corridor" } else { "assessment" };
    let mut tallies: Vec<Tally> = (number > 1).then_some(Tally::Revision(kind)).into_iter().collect();
    let Ok(counted) = serde_json::from_slice::<Counted<'_>>(said) else { return tallies };
    let band = Band::ALL.into_iter().find(|band| topic == Topic::Assessments && band.word() == counted.band);
    tallies.extend(band.map(|band| Tally::Assessment(band.word())));
    let spoke = |signal: &Signal| counted.evidence.iter().any(|spoke| spoke.signal == signal.code());
    tallies.extend(Signal::ALL.iter().filter(|signal| spoke(signal)).map(|signal| Tally::Signal(signal.code())));
    tallies
}
