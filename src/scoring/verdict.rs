//! Books and facts → verdicts, on a corridor-month and on a shipment. Evaluates no formula itself.

use std::collections::BTreeSet;

use crate::domain::{Band, FamilyId, Month};
use crate::ledger::{Account, Books, RecordFacts};
use crate::reference::AsOf;
use crate::signals::{
    self, Coverage, Evidence, Layer, Missing, RestsOn, Signal, Subject, World, event_surge, mass_balance, route_cn_lading,
};

use super::calibrate::{Standing, calibrate};
use super::combine::{combine, stepped};
use super::model::Model;
use super::{Balance, ChineseShare, CorridorVerdict, Counted, Verdict, WouldChange};

/// How many lines a verdict may spend on what would change it.
const WOULD_CHANGE_MAX: usize = 3;

/// What firm records could weigh at most, in thousandths: 2.5 times the part of a firm's exports that its Chinese imports
/// match.
const FIRM_WEIGHT: i32 = 2500;

/// What a shipment's verdict needs beside its facts.
#[derive(Clone, Copy, Debug)]
pub struct ShipmentContext<'a> {
    /// The bundle as of the family's clock.
    pub reference: &'a AsOf<'a>,
    /// The model.
    pub model: &'a Model,
    /// The shipment's home family.
    pub family: FamilyId,
}

/// The verdict on a corridor-month.
pub fn assess_corridor(books: &Books, reference: &AsOf<'_>, model: &Model) -> CorridorVerdict {
    assess_in(books, &World::of_corridor(reference, books), model)
}

/// The verdict on a corridor-month in a world already read.
pub(crate) fn assess_in(books: &Books, world: &World, model: &Model) -> CorridorVerdict {
    let subject = Subject { books, world, parameters: &model.parameters };
    let incentive = signals::incentive_of_corridor(&subject);
    let surge = event_surge(&subject);
    let balanced = mass_balance(&subject);
    let both_legs = surge.both_legs || balanced.coverage == Coverage::Observed;
    let counted = combine(balanced.evidence.into_iter().chain(surge.evidence).collect(), &model.combination);
    let missing = balanced.missing.into_iter().chain(surge.missing).collect();
    let standing = Standing {
        disjoint_layers: has_disjoint_layers(&counted, both_legs, None),
        basket: books.corridor.family.is_basket(),
        sufficient: both_legs,
        stage_floor: balanced.stage_floor,
    };
    let share = balanced.share.map_or(ChineseShare::UNKNOWN, |(low, mid, high)| ChineseShare { low, mid: Some(mid), high });
    let coverage = vec![(Layer::Corridor, balanced.coverage), (Layer::Time, surge.coverage)];
    let verdict = Verdict {
        share,
        coverage,
        would_change_most: would_change_most(missing, books.corridor.intermediary.code()),
        ..verdict_of((incentive.prior, incentive.rows), counted, standing, model)
    };
    let balance = balanced.terms.map(|terms| Balance {
        window_months: terms.window_months,
        account: terms.account,
        exports_t: terms.exports,
        production_t: terms.production,
        secondary_t: terms.secondary,
        other_imports_t: terms.other,
        opening_stock_t: terms.stock,
        chinese_imports_t: terms.chinese,
    });
    let complete_fraction = balanced.complete_fraction;
    CorridorVerdict {
        verdict,
        complete_fraction,
        balance,
        both_legs,
        incentive: incentive.exists,
        stage_floor: standing.stage_floor,
    }
}

/// The verdict on a shipment from M to D: its own evidence, and its corridor's in coarse steps.
pub fn assess_shipment(facts: &RecordFacts, corridor: Option<&CorridorVerdict>, context: ShipmentContext<'_>) -> Verdict {
    let ShipmentContext { reference, model, family } = context;
    let (prior, rows, incentive) = match corridor {
        Some(corridor) => (corridor.verdict.prior, corridor.verdict.prior_rows.clone(), corridor.incentive),
        None => {
            let world = World::of_record(reference, family, facts);
            let own = signals::incentive_of_record(facts.hs6, &world, &model.parameters.prior);
            (own.prior, own.rows, own.exists)
        }
    };
    let (route, record) = route_cn_lading(facts, incentive, (&model.parameters.route, reference.codes()));
    let mut counted = combine(route.into_iter().collect(), &model.combination);
    let mut missing = Vec::new();
    if record != Coverage::Observed {
        let because = "the route of the shipment, or its declared origin, is not told".to_owned();
        missing.push(Missing { signal: Signal::RouteCnLading.code(), weight: model.parameters.route.incentive, because });
    }
    let layers = match corridor {
        Some(corridor) => {
            let step = model.combination.step;
            let carried = |one: &Counted| Counted { evidence: one.evidence.clone(), counted: stepped(one.counted, step) };
            counted.extend(corridor.verdict.evidence.iter().map(carried));
            corridor.verdict.coverage.clone()
        }
        None => vec![(Layer::Corridor, Coverage::Pending), (Layer::Time, Coverage::Pending)],
    };
    let both_legs = corridor.is_some_and(|corridor| corridor.both_legs);
    let standing = Standing {
        disjoint_layers: has_disjoint_layers(&counted, both_legs, Some(facts)),
        basket: family.is_basket(),
        sufficient: record == Coverage::Observed || both_legs,
        stage_floor: corridor.and_then(|corridor| corridor.stage_floor),
    };
    let mut coverage = vec![(Layer::Record, record), (Layer::Entity, Coverage::NotObservable)];
    coverage.extend(layers);
    let would_change_most = match corridor {
        Some(corridor) => merged(&corridor.verdict.would_change_most, missing),
        None => would_change_most(missing, facts.intermediary.code()),
    };
    let share = corridor.map_or(ChineseShare::UNKNOWN, |corridor| corridor.verdict.share);
    Verdict { share, coverage, would_change_most, ..verdict_of((prior, rows), counted, standing, model) }
}

/// Score, probability, band and limits; what a caller adds is left empty.
fn verdict_of((prior, prior_rows): (i32, Vec<String>), counted: Vec<Counted>, standing: Standing, model: &Model) -> Verdict {
    let score = counted.iter().fold(prior, |score, one| score.saturating_add(one.counted));
    let (probability, band, limits) = calibrate(score, &counted, standing, model);
    Verdict {
        prior,
        prior_rows,
        evidence: counted,
        score,
        probability,
        band,
        limits,
        share: ChineseShare::UNKNOWN,
        coverage: Vec::new(),
        would_change_most: Vec::new(),
    }
}

/// What could weigh most, heaviest first; of two alike the first named.
fn would_change_most(mut missing: Vec<Missing>, intermediary: &str) -> Vec<WouldChange> {
    let firms = format!("no import records of {intermediary} by firm");
    missing.push(Missing { signal: "E1_FIRM_MINFLOW", weight: FIRM_WEIGHT, because: firms });
    missing.sort_by_key(|one| std::cmp::Reverse(one.weight));
    let lines = missing.into_iter().map(|one| WouldChange { signal: one.signal, because: one.because });
    lines.take(WOULD_CHANGE_MAX).collect()
}

/// A corridor's lines, then the shipment's own, which weigh less than any of them.
fn merged(corridor: &[WouldChange], missing: Vec<Missing>) -> Vec<WouldChange> {
    let own = missing.into_iter().map(|one| WouldChange { signal: one.signal, because: one.because });
    corridor.iter().cloned().chain(own).take(WOULD_CHANGE_MAX).collect()
}

/// Whether two layers speak for rerouting from records that have nothing in common, one of them a physical one: the record
/// layer, or the corridor layer with both legs observed.
fn has_disjoint_layers(counted: &[Counted], both_legs: bool, facts: Option<&RecordFacts>) -> bool {
    let mut layers: Vec<(Layer, Vec<&Evidence>)> = Vec::new();
    for one in counted.iter().filter(|one| one.counted > 0) {
        let layer = one.evidence.signal.layer();
        match layers.iter_mut().find(|(known, _)| *known == layer) {
            Some((_, evidence)) => evidence.push(&one.evidence),
            None => layers.push((layer, vec![&one.evidence])),
        }
    }
    let physical = |layer: Layer| layer == Layer::Record || (layer == Layer::Corridor && both_legs);
    let pairs = layers.iter().enumerate().flat_map(|(index, left)| layers.iter().skip(index + 1).map(move |right| (left, right)));
    pairs.into_iter().any(|(left, right)| (physical(left.0) || physical(right.0)) && are_disjoint(&left.1, &right.1, facts))
}

fn are_disjoint(left: &[&Evidence], right: &[&Evidence], facts: Option<&RecordFacts>) -> bool {
    let records: BTreeSet<&RestsOn> = left.iter().flat_map(|evidence| &evidence.rests_on).collect();
    let others = || right.iter().flat_map(|evidence| &evidence.rests_on);
    // A cell of shipments may sum up the very shipment that the record layer rests on.
    let sums_up = |one: &RestsOn| match (one, facts) {
        (RestsOn::Cell(cell), Some(facts)) => {
            let month = Month::of(facts.event_date);
            let inside = cell.period.first() <= month && month <= cell.period.last();
            let way = (cell.from, cell.to) == (facts.intermediary, facts.destination);
            cell.account == Account::Shipments && way && inside && cell.hs6 == facts.hs6
        }
        _ => false,
    };
    let is_record = |one: &RestsOn| matches!(one, RestsOn::Record(_));
    let meets = (records.iter().any(|one| is_record(one)) && others().any(sums_up))
        || (others().any(is_record) && records.iter().any(|one| sums_up(one)));
    !meets && !others().any(|one| records.contains(one))
}

/// What a shipment takes from its corridor: it is evaluated again only when this changes.
#[derive(Clone, Debug, PartialEq)]
pub struct CorridorStep {
    prior: i32,
    incentive: bool,
    both_legs: bool,
    stage_floor: Option<u16>,
    counted: Vec<(Signal, i32)>,
    share: ChineseShare,
    coverage: Vec<(Layer, Coverage)>,
}

impl CorridorVerdict {
    /// What shipments take from it.
    pub fn step(&self, model: &Model) -> CorridorStep {
        let counted = self.verdict.evidence.iter().map(|one| (one.evidence.signal, stepped(one.counted, model.combination.step)));
        CorridorStep {
            prior: self.verdict.prior,
            incentive: self.incentive,
            both_legs: self.both_legs,
            stage_floor: self.stage_floor,
            counted: counted.collect(),
            share: self.verdict.share,
            coverage: self.verdict.coverage.clone(),
        }
    }

    /// The band, for readers who need nothing else.
    pub fn band(&self) -> Band {
        self.verdict.band
    }
}

#[cfg(test)]
#[path = "twins.rs"]
mod twins;
