//! Books and facts → verdicts, on a corridor-month and on a shipment. Evaluates no formula itself.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use crate::domain::{Band, Country, Degrade, HsSubheading, Month};
use crate::ledger::{Books, CorridorMonth, RecordFacts};
use crate::reference::AsOf;
use crate::signals::{
    self, Coverage, Evidence, Layer, Lookups, Missing, RestsOn, Signal, Subject, World, event_surge, mass_balance,
    route_cn_lading,
};

use super::calibrate::{Standing, calibrate};
use super::combine::{Weighed, combine, stepped};
use super::model::Model;
use super::{Balance, ChineseShare, CorridorVerdict, Counted, Limit, Verdict, WouldChange};

/// How many lines a verdict may spend on what would change it.
const WOULD_CHANGE_MAX: usize = 3;

/// What firm records could weigh at most, in thousandths: 2.5 times the part of a firm's exports that its Chinese imports
/// match.
const FIRM_WEIGHT: i32 = 2500;

/// What a verdict needs beside the books of a corridor-month or the facts of a shipment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    /// The bundle as of the family's clock.
    pub(crate) reference: &'a AsOf<'a>,
    /// What has been looked up for the family.
    pub(crate) lookups: &'a Lookups,
    /// The model.
    pub(crate) model: &'a Model,
}

/// The verdict on a corridor-month; `None` where it decides what the published one decided, whose signature is given.
pub(crate) fn assess_corridor(books: &Books<'_>, context: Context<'_>, published: Option<u64>) -> Option<CorridorVerdict> {
    let Context { reference, lookups, model } = context;
    let (world, traded) = World::of_corridor((&lookups.facts, reference), books, &model.parameters);
    let subject = Subject { books, world: &world, parameters: &model.parameters, lookups, traded: &traded };
    assess_in(&subject, model, published)
}

/// The verdict on a corridor-month in a world already read.
pub(crate) fn assess_in(subject: &Subject<'_>, model: &Model, published: Option<u64>) -> Option<CorridorVerdict> {
    let books = subject.books;
    let incentive = signals::incentive_of_corridor(subject);
    let surge = event_surge(subject);
    let balanced = mass_balance(subject);
    let both_legs = surge.both_legs || balanced.coverage == Coverage::Observed;
    let spoken = [(Signal::MassBalance, balanced.weight(subject)), (Signal::EventSurge, surge.weight())];
    let weighed = combine(spoken.into_iter().filter(|(_, weight)| *weight != 0), &model.combination);
    let tell = |signal: Signal| match signal {
        Signal::MassBalance => balanced.evidence(subject),
        _ => surge.evidence(subject),
    };
    // Whether the layers rest on disjoint records matters where both speak for rerouting, and needs their words.
    let both = weighed.len() == 2 && weighed.iter().all(|one| one.counted > 0);
    let tell_all = |weighed: &[Weighed]| weighed.iter().filter_map(|one| tell(one.signal)).map(Rc::new).collect::<Vec<_>>();
    let told = both.then(|| tell_all(&weighed));
    let layers_disjoint = both_legs && matches!(told.as_deref(), Some([left, right]) if are_disjoint(left, right));
    let standing = Standing {
        disjoint_layers: layers_disjoint,
        basket: books.corridor.family.is_basket(),
        sufficient: both_legs,
        stage_floor: balanced.stage_floor,
    };
    let share = balanced.share.map_or(ChineseShare::UNKNOWN, |(low, mid, high)| ChineseShare { low, mid: Some(mid), high });
    let coverage = vec![(Layer::Corridor, balanced.coverage), (Layer::Time, surge.coverage)];
    let figures = Figures { share, coverage, ..Figures::new(incentive.prior, weighed, standing, model) };
    let signature = signature_of(&figures);
    if published == Some(signature) {
        return None;
    }
    let told = told.unwrap_or_else(|| tell_all(&figures.weighed));
    let rows = signals::incentive_rows(subject.traded.iter().map(|(code, _)| *code), subject.world);
    let codes = subject.traded.iter().map(|(code, _)| *code);
    let untold = signals::incentive_missing(codes, subject.world, &model.parameters.prior);
    let missing = balanced.missing(subject).into_iter().chain(surge.missing(subject)).chain(untold).collect();
    let would_change_most = would_change_most(missing, books.corridor.intermediary.code());
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
    Some(CorridorVerdict {
        verdict: figures.verdict(rows.into(), told, would_change_most),
        signature,
        complete_fraction: balanced.complete_fraction,
        balance,
        both_legs,
        incentive: incentive.exists,
        stage_floor: standing.stage_floor,
        layers_disjoint,
    })
}

/// The verdict on a shipment from M to D: its own evidence, and its corridor's in coarse steps. With it a hash of all that it decides.
pub(crate) fn assess_shipment(
    facts: &RecordFacts<'_>,
    corridor: Option<&CorridorVerdict>,
    context: Context<'_>,
) -> (u64, Verdict) {
    let Context { reference, lookups, model } = context;
    let mut missing = Vec::new();
    let (prior, rows, incentive) = match corridor {
        Some(corridor) => (corridor.verdict.prior, Rc::clone(&corridor.verdict.prior_rows), corridor.incentive),
        None => {
            let world = World::of_record((&lookups.facts, reference), facts);
            let own = signals::incentive_of_record(facts.hs6, &world, &model.parameters.prior);
            missing.extend(signals::incentive_missing(std::iter::once(facts.hs6), &world, &model.parameters.prior));
            (own.prior, signals::incentive_rows(std::iter::once(facts.hs6), &world).into(), own.exists)
        }
    };
    let is_beyond = facts.quality.contains(Degrade::BeyondLookback);
    let (route, record) = match is_beyond {
        true => (None, Coverage::NotObservable),
        false => route_cn_lading(facts, incentive, (&model.parameters.route, reference.codes())),
    };
    let mut told: Vec<Rc<Evidence>> = route.into_iter().map(Rc::new).collect();
    let mut weighed = combine(told.iter().map(|evidence| (evidence.signal, evidence.weight)), &model.combination);
    if record != Coverage::Observed {
        let because = match is_beyond {
            true => "it became known longer after its goods moved than the model looks back".to_owned(),
            false => "the route of the shipment, or its declared origin, is not told".to_owned(),
        };
        missing.push(Missing { signal: Signal::RouteCnLading.code(), weight: model.parameters.route.incentive, because });
    }
    let layers = match corridor {
        Some(corridor) => {
            let step = model.combination.step;
            for Counted { evidence, counted } in &corridor.verdict.evidence {
                let counted = stepped(*counted, step);
                weighed.push(Weighed { signal: evidence.signal, weight: evidence.weight, counted });
                told.push(Rc::clone(evidence));
            }
            corridor.verdict.coverage.as_slice()
        }
        None => &[(Layer::Corridor, Coverage::Pending), (Layer::Time, Coverage::Pending)],
    };
    let both_legs = corridor.is_some_and(|corridor| corridor.both_legs);
    let standing = Standing {
        disjoint_layers: has_disjoint_layers((&weighed, &told), corridor, facts),
        basket: lookups.facts.family.is_basket(),
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
    let figures = Figures { share, coverage, ..Figures::new(prior, weighed, standing, model) };
    (signature_of(&figures), figures.verdict(rows, told, would_change_most))
}

/// All that a verdict decides, without its words: two that agree in it are one revision.
#[derive(Clone, Debug, Hash)]
struct Figures {
    prior: i32,
    weighed: Vec<Weighed>,
    score: i32,
    probability: u16,
    band: Band,
    limits: Vec<Limit>,
    share: ChineseShare,
    coverage: Vec<(Layer, Coverage)>,
}

impl Figures {
    /// Score, probability, band and limits; what a caller adds is left empty.
    fn new(prior: i32, weighed: Vec<Weighed>, standing: Standing, model: &Model) -> Figures {
        let score = weighed.iter().fold(prior, |score, one| score.saturating_add(one.counted));
        let (probability, band, limits) = calibrate(score, &weighed, standing, model);
        Figures { prior, weighed, score, probability, band, limits, share: ChineseShare::UNKNOWN, coverage: Vec::new() }
    }

    fn verdict(self, prior_rows: Rc<[String]>, told: Vec<Rc<Evidence>>, would_change_most: Vec<WouldChange>) -> Verdict {
        let counted = self.weighed.iter().zip(told).map(|(one, evidence)| Counted { evidence, counted: one.counted });
        Verdict {
            prior: self.prior,
            prior_rows,
            evidence: counted.collect(),
            score: self.score,
            probability: self.probability,
            band: self.band,
            limits: self.limits,
            share: self.share,
            coverage: self.coverage,
            would_change_most,
        }
    }
}

/// Hash of what is decided; never 0, which stands for "nothing published".
pub(crate) fn signature_of(decided: &impl Hash) -> u64 {
    let mut hasher = xxhash_rust::xxh3::Xxh3Default::new();
    decided.hash(&mut hasher);
    hasher.finish().max(1)
}

/// What could weigh most, heaviest first; of two alike the first named.
fn would_change_most(mut missing: Vec<Missing>, intermediary: &str) -> Vec<WouldChange> {
    let firms = format!("no import records of {intermediary} by firm");
    missing.push(Missing { signal: "E1_FIRM_MINFLOW", weight: FIRM_WEIGHT, because: firms });
    missing.sort_by_key(|one| std::cmp::Reverse(one.weight));
    missing.into_iter().map(WouldChange::from).take(WOULD_CHANGE_MAX).collect()
}

/// A corridor's lines, then the shipment's own, which weigh less than any of them.
fn merged(corridor: &[WouldChange], missing: Vec<Missing>) -> Vec<WouldChange> {
    corridor.iter().cloned().chain(missing.into_iter().map(WouldChange::from)).take(WOULD_CHANGE_MAX).collect()
}

impl From<Missing> for WouldChange {
    fn from(missing: Missing) -> WouldChange {
        WouldChange { signal: missing.signal, because: missing.because.into() }
    }
}

/// Whether two layers speak for rerouting from records that have nothing in common, one of them a physical one: the record
/// layer, or the corridor layer with both legs observed.
fn has_disjoint_layers(
    (weighed, told): (&[Weighed], &[Rc<Evidence>]),
    corridor: Option<&CorridorVerdict>,
    facts: &RecordFacts<'_>,
) -> bool {
    let mut speak =
        weighed.iter().zip(told).filter(|(one, _)| one.counted > 0).map(|(one, evidence)| (one.signal.layer(), evidence));
    let record = speak.clone().any(|(layer, _)| layer == Layer::Record);
    let of_corridor = speak.clone().filter(|(layer, _)| *layer != Layer::Record).count();
    let apart = |evidence: &Evidence| !evidence.rests_on.iter().any(|one| sums_up(one, facts));
    let beside_record = record && speak.any(|(layer, evidence)| layer != Layer::Record && apart(evidence));
    beside_record || (of_corridor == 2 && corridor.is_some_and(|corridor| corridor.layers_disjoint))
}

/// A cell of shipments may sum up the very shipment that the record layer rests on.
fn sums_up(one: &RestsOn, facts: &RecordFacts<'_>) -> bool {
    summed((facts.intermediary, facts.destination), Month::of(facts.event_date), one) == Some(facts.hs6)
}

/// The subheading whose shipments of a way and month it sums up.
fn summed((from, to): (Country, Country), month: Month, one: &RestsOn) -> Option<HsSubheading> {
    let RestsOn::Cell(cell) = one else { return None };
    let inside = cell.period.first() <= month && month <= cell.period.last();
    (cell.account.is_of_shipments() && (cell.from, cell.to) == (from, to) && inside).then_some(cell.hs6)
}

fn are_disjoint(left: &Evidence, right: &Evidence) -> bool {
    let records: BTreeSet<&RestsOn> = left.rests_on.iter().collect();
    !right.rests_on.iter().any(|one| records.contains(one))
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
    /// Which shipments of its month its evidence sums up, by signal and subheading: of them it says nothing new.
    sums_up: Vec<(Signal, HsSubheading)>,
    layers_disjoint: bool,
}

impl CorridorVerdict {
    /// What shipments take from it in a corridor-month.
    pub fn step(&self, (intermediary, destination, month): CorridorMonth, model: &Model) -> CorridorStep {
        let evidence = &self.verdict.evidence;
        let counted = evidence.iter().map(|one| (one.evidence.signal, stepped(one.counted, model.combination.step)));
        let sums = |one: &Counted| {
            let cells = one.evidence.rests_on.iter().filter_map(|one| summed((intermediary, destination), month, one));
            cells.map(|hs6| (one.evidence.signal, hs6)).collect::<Vec<_>>()
        };
        let mut sums_up: Vec<(Signal, HsSubheading)> = evidence.iter().flat_map(sums).collect();
        sums_up.sort_unstable();
        sums_up.dedup();
        CorridorStep {
            prior: self.verdict.prior,
            incentive: self.incentive,
            both_legs: self.both_legs,
            stage_floor: self.stage_floor,
            counted: counted.collect(),
            share: self.verdict.share,
            coverage: self.verdict.coverage.clone(),
            sums_up,
            layers_disjoint: self.layers_disjoint,
        }
    }

    /// Forgets what its evidence says but for the statement, which alerts repeat, and the records it rests on, once all is written: of
    /// a thousand cells only those matter that may sum up a shipment from M to D.
    pub(crate) fn forget_words(&mut self, books: &Books<'_>) {
        let way = (books.corridor.intermediary, books.corridor.destination);
        for counted in &mut self.verdict.evidence {
            let evidence = Rc::make_mut(&mut counted.evidence);
            let may_matter = |one: &RestsOn| match one {
                RestsOn::Record(_) => true,
                RestsOn::Cell(cell) => cell.account.is_of_shipments() && (cell.from, cell.to) == way,
            };
            evidence.rests_on.retain(may_matter);
            evidence.rests_on.shrink_to_fit();
            (evidence.figures, evidence.reference, evidence.falsified_by) = (Vec::new(), Vec::new(), String::new());
        }
    }
}

#[cfg(test)]
#[path = "twins.rs"]
mod twins;
