//! One family's fold: its clock moves on, dirty corridors are evaluated once a day, shipments at once. Publishes what changed.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::alerts::{Case, Standing};
use super::{FOLD, Knowledge};
use crate::domain::{CorridorId, Country, Date, Degrade, FamilyId, Month, Movement, Status};
use crate::encode::{
    AssessmentWire, BalanceWire, CorridorRefWire, CorridorWire, Output, ProvenanceWire, Records, ShipmentsWire, Shown, Spoken,
    Tally, Topic, VerdictWire, rounded, serialized, words,
};
use crate::ledger::{Account, CorridorMonth, FamilyLedger, Outcome, Published, RecordFacts, RecordId, ShipmentKey, Touched};
use crate::reference::AsOf;
use crate::scoring::{Context, CorridorVerdict, Counted, Sample, Verdict, assess_corridor, assess_shipment, signature_of};
use crate::signals::{Asked, Evidence, Lookups, RestsOn};

/// Where outputs go until they leave with an input.
pub(super) type Outbox = VecDeque<(Output, Vec<Tally>)>;

/// What one family remembers and has published.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) ledger: FamilyLedger,
    /// Each by itself: nodes of a tree are half empty, and these are large.
    pub(super) corridors: BTreeMap<CorridorMonth, Box<Corridor>>,
    /// Revisions of corridor-months of which another model or bundle has spoken, and this one not yet.
    pub(super) counted: BTreeMap<CorridorMonth, u32>,
    pub(super) cases: BTreeMap<(Country, Country), Case>,
    /// The date to which the clock moves on when the last of its days that wait is evaluated.
    pub(super) due: Option<Date>,
    lookups: Lookups,
}

/// What a snapshot keeps of a family.
#[derive(Debug, serde::Serialize)]
pub(super) struct KeptFamily<'a> {
    ledger: &'a FamilyLedger,
    corridors: &'a BTreeMap<CorridorMonth, Box<Corridor>>,
    counted: &'a BTreeMap<CorridorMonth, u32>,
    cases: &'a BTreeMap<(Country, Country), Case>,
    asked: Asked,
}

/// The same, read: in the order in which it is written.
#[derive(Debug, serde::Deserialize)]
pub(super) struct RestoredFamily {
    ledger: FamilyLedger,
    corridors: BTreeMap<CorridorMonth, Box<Corridor>>,
    counted: BTreeMap<CorridorMonth, u32>,
    cases: BTreeMap<(Country, Country), Case>,
    asked: Asked,
}

/// A corridor-month as last published.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Corridor {
    pub(super) revision: u32,
    pub(super) verdict: CorridorVerdict,
    /// What each piece of its evidence says, in its order and in bytes: its shipments say the same.
    words: Vec<Box<[u8]>>,
}

impl Family {
    pub(super) fn new(family: FamilyId, reference: &AsOf<'_>) -> Family {
        Family {
            ledger: FamilyLedger::new(family),
            corridors: BTreeMap::new(),
            counted: BTreeMap::new(),
            cases: BTreeMap::new(),
            due: None,
            lookups: Lookups::new(reference, family),
        }
    }

    /// The state, as it is kept in a snapshot.
    pub(super) fn kept(&self) -> KeptFamily<'_> {
        let Family { ledger, corridors, counted, cases, due: _, lookups } = self;
        KeptFamily { ledger, corridors, counted, cases, asked: lookups.facts.asked() }
    }

    /// A family from what was kept of it: what was looked up is asked again, as of its clock; sums are made when they are read.
    pub(super) fn restored(restored: RestoredFamily, knowledge: &Knowledge) -> Result<Family, String> {
        let RestoredFamily { mut ledger, corridors, counted, cases, asked } = restored;
        let clock = ledger.clock.ok_or_else(|| format!("family {} without a clock", ledger.family))?;
        ledger.complete();
        let as_of = knowledge.reference.as_of(clock);
        let lookups = Lookups::new(&as_of, ledger.family);
        lookups.facts.ask(&as_of, &asked);
        Ok(Family { ledger, corridors, counted, cases, due: None, lookups })
    }

    /// Which family.
    pub(super) fn id(&self) -> FamilyId {
        self.ledger.family
    }

    pub(super) fn bytes(&self) -> u64 {
        let corridors = self.corridors.len() * (size_of::<(CorridorMonth, Corridor)>() + 512);
        let counted = self.counted.len() * size_of::<(CorridorMonth, u32)>();
        let cases = self.cases.len() * size_of::<((Country, Country), Case)>();
        // A tree of many keys is about two thirds full.
        self.ledger.bytes() + self.lookups.bytes() + (corridors + (counted + cases) * 3 / 2) as u64
    }

    /// Moves the clock on to a date. What is dirty is evaluated first, as of the day that ends. A day on which the reference data
    /// changes for the family is a day of its own, whether or not a tick was written for it.
    pub(super) fn advance(&mut self, date: Date, knowledge: &Knowledge, outbox: &mut Outbox) {
        let Some(clock) = self.ledger.clock else {
            self.ledger.clock = Some(date);
            return;
        };
        if date <= clock {
            return;
        }
        self.evaluate_dirty(clock, knowledge, outbox);
        for change in self.lookups.facts.changes(clock, date) {
            let renewed = self.lookups.facts.renew(&knowledge.reference.as_of(change));
            // Of a month that is over what held on its last day holds, unless it was published since.
            let month = Month::of(change);
            self.ledger.touch(|corridor| corridor.2 >= month || renewed.touches(corridor));
            if change < date {
                self.evaluate_dirty(change, knowledge, outbox);
            }
        }
        self.ledger.clock = Some(date);
    }

    /// Remembers a movement; a shipment that it names is evaluated at once.
    pub(super) fn take(&mut self, movement: Movement, knowledge: &Knowledge, outbox: &mut Outbox) -> Outcome {
        let (outcome, shipment) = self.ledger.remember(&movement);
        if let (Some(key), Some(clock)) = (shipment, self.ledger.clock) {
            let as_of = knowledge.reference.as_of(clock);
            outbox.extend(self.evaluate_shipment(key, &as_of, knowledge));
        }
        outcome
    }

    fn evaluate_dirty(&mut self, clock: Date, knowledge: &Knowledge, outbox: &mut Outbox) {
        if self.ledger.is_clean() {
            return;
        }
        let touched = self.ledger.take_dirty();
        self.lookups.change(&touched);
        let as_of = knowledge.reference.as_of(clock);
        let verdicts = self.verdicts(&touched, &as_of, knowledge);
        let mut assessments: Vec<(Output, Vec<Tally>)> = Vec::new();
        let mut pairs = BTreeSet::new();
        for (corridor, found) in verdicts {
            let step = found.verdict.step(corridor, &knowledge.model);
            let carried = self.corridors.get(&corridor).map(|held| held.verdict.step(corridor, &knowledge.model));
            self.corridors.insert(corridor, Box::new(found));
            pairs.insert((corridor.0, corridor.1));
            let shipments = if carried == Some(step) { Vec::new() } else { self.ledger.shipments().in_order(corridor) };
            for key in shipments {
                assessments.extend(self.evaluate_shipment(key, &as_of, knowledge));
            }
            outbox.push_back(self.corridor_output(corridor, &as_of, knowledge));
        }
        assessments.sort_by(|(left, _), (right, _)| left.key.cmp(&right.key));
        outbox.extend(assessments);
        for pair in pairs {
            outbox.extend(self.alert(pair, clock, knowledge));
        }
    }

    /// Evaluates corridor-months against the ledger as it stands, in key order. Gives those that say something else than published.
    fn verdicts(&mut self, touched: &Touched, as_of: &AsOf<'_>, knowledge: &Knowledge) -> Vec<(CorridorMonth, Corridor)> {
        let context = Context { reference: as_of, lookups: &self.lookups, model: &knowledge.model };
        let (mut verdicts, mut reads) = (Vec::new(), Vec::with_capacity(touched.corridors.len()));
        for corridor in &touched.corridors {
            let books = self.ledger.books(*corridor);
            let before = self.corridors.get(corridor);
            let is_small = || !reaches(&knowledge.model.sample, self.ledger.sizes(*corridor));
            if before.is_none() && self.ledger.family.is_heading() && is_small() {
                continue;
            }
            let found = assess_corridor(&books, context, before.map(|held| held.verdict.signature));
            reads.push((*corridor, books.read()));
            let Some(mut verdict) = found else { continue };
            let evidence = verdict.verdict.evidence.iter();
            let words = evidence.map(|one| words(&one.evidence, &records(&one.evidence, &self.ledger))).collect();
            verdict.forget_words(&books);
            let counted = || self.counted.get(corridor).copied().unwrap_or_default();
            let revision = before.map_or_else(counted, |held| held.revision) + 1;
            verdicts.push((*corridor, Corridor { revision, verdict, words }));
        }
        for (corridor, read) in reads {
            self.ledger.note_read(corridor, read);
        }
        verdicts
    }

    fn corridor_output(&self, corridor: CorridorMonth, as_of: &AsOf<'_>, knowledge: &Knowledge) -> (Output, Vec<Tally>) {
        let held = self.corridors.get(&corridor).map(Box::as_ref).expect("a corridor is noted before it is published");
        let (intermediary, destination, month) = corridor;
        let id = CorridorId { family: self.ledger.family, intermediary, destination, month };
        let verdict = &held.verdict.verdict;
        let wire = CorridorWire {
            kind: "corridor",
            id: Shown(id),
            revision: held.revision,
            family: self.ledger.family.as_str(),
            intermediary: intermediary.code(),
            destination: destination.code(),
            month: Shown(month),
            as_of: Shown(as_of.date()),
            complete_fraction: held.verdict.complete_fraction.map(|fraction| rounded(fraction, 2)),
            verdict: VerdictWire::new(verdict),
            balance: held.verdict.balance.as_ref().map(BalanceWire::new),
            shipments: self.shipments_of(corridor),
            evidence: spoken(verdict, Some(held)),
            would_change_most: VerdictWire::would_change(verdict),
            provenance: provenance(knowledge, None),
        };
        let mut tallies = signals_of(verdict);
        tallies.extend((held.revision > 1).then_some(Tally::Revision("corridor")));
        (output(Topic::Corridors, &id.to_string(), wire.bytes()), tallies)
    }

    fn shipments_of(&self, corridor: CorridorMonth) -> ShipmentsWire {
        let mut shipments = ShipmentsWire::default();
        for (_, shipment) in self.ledger.shipments().in_corridor(corridor) {
            if shipment.assessed().is_some_and(|(_, status)| status == Status::Active) && shipment.published.revision > 0 {
                shipments.assessed += 1;
                shipments.by_band.count(shipment.published.band);
            }
        }
        shipments
    }

    /// Evaluates a shipment; gives its output where that says something else than the last one.
    fn evaluate_shipment(&mut self, key: ShipmentKey, as_of: &AsOf<'_>, knowledge: &Knowledge) -> Option<(Output, Vec<Tally>)> {
        let shipment = self.ledger.shipments().get(key)?;
        let (version, status) = shipment.assessed()?;
        let intermediary = version.route.intermediary()?;
        let corridor = (intermediary, version.route.destination, version.month());
        // What was withdrawn is judged by itself: its last word does not change with the trade of others.
        let held = self.corridors.get(&corridor).map(Box::as_ref).filter(|_| status == Status::Active);
        let mut facts = RecordFacts::of(&shipment.id, version, intermediary);
        // By the day on which it became known, not by the clock: then it says the same in any order of arrival.
        if version.month() < oldest_month(version.known_on(), knowledge) {
            facts.quality.insert(Degrade::BeyondLookback);
        }
        let context = Context { reference: as_of, lookups: &self.lookups, model: &knowledge.model };
        let (decided, verdict) = assess_shipment(&facts, held.map(|held| &held.verdict), context);
        let word = if status == Status::Active { "active" } else { "withdrawn" };
        let signature = signature_of(&(decided, word, version.revision, corridor, version.hs6, facts.quality));
        if signature == shipment.published.signature {
            return None;
        }
        let revision = shipment.published.revision + 1;
        let source = self.ledger.shipments().source(version).to_string();
        let wire = AssessmentWire {
            kind: "assessment",
            id: facts.id,
            record_revision: version.revision,
            revision,
            status: word,
            as_of: Shown(as_of.date()),
            event_date: Shown(facts.event_date),
            family: self.ledger.family.as_str(),
            hs6: Shown(facts.hs6),
            intermediary: intermediary.code(),
            destination: facts.destination.code(),
            corridor: held
                .map(|held| CorridorRefWire { id: Shown(self.ledger.books(corridor).corridor), revision: held.revision }),
            verdict: VerdictWire::new(&verdict),
            evidence: spoken(&verdict, held),
            would_change_most: VerdictWire::would_change(&verdict),
            quality: facts.quality.iter().map(|reason| reason.code()).collect(),
            provenance: provenance(knowledge, Some(&source)),
        };
        let output = output(Topic::Assessments, facts.id, wire.bytes());
        let mut tallies = signals_of(&verdict);
        tallies.push(Tally::Assessment(verdict.band.word()));
        tallies.extend((revision > 1).then_some(Tally::Revision("assessment")));
        let published = Published { revision, signature, band: verdict.band };
        if let Some(shipment) = self.ledger.shipments_mut().get_mut(key) {
            shipment.published = published;
        }
        Some((output, tallies))
    }

    pub(super) fn alert(&mut self, pair: (Country, Country), clock: Date, knowledge: &Knowledge) -> Option<(Output, Vec<Tally>)> {
        let (intermediary, destination) = pair;
        let first = (intermediary, destination, Month::from_ordinal(0));
        let last = (intermediary, destination, Month::from_ordinal(i32::MAX));
        let recent: Vec<Standing<'_>> = self
            .corridors
            .range(first..=last)
            .rev()
            .map(|((_, _, month), corridor)| Standing {
                month: *month,
                revision: corridor.revision,
                verdict: &corridor.verdict.verdict,
            })
            .filter(|standing| standing.speaks_on(clock))
            .take(usize::from(knowledge.model.alerts.open_months))
            .collect();
        let case = self.cases.entry(pair).or_default();
        let change = case.update(&recent, clock, knowledge.model.as_ref())?;
        let id = format!("{}/{intermediary}/{destination}/-", self.ledger.family);
        let value = serialized(&change.wire(&id, provenance(knowledge, None)));
        let tally = Tally::Alert { change: change.change, band: change.to.word() };
        Some((output(Topic::Alerts, &id, value), vec![tally]))
    }
}

/// The first month of which a record that becomes known on a date is evidence by itself.
fn oldest_month(date: Date, knowledge: &Knowledge) -> Month {
    let lookback = i64::from(knowledge.model.horizons.record_lookback_days);
    Month::of(date.saturating_sub(jiff::Span::new().days(lookback)))
}

/// Whether the trade of a heading's corridor-month reaches the sample minimum, by mass or by value, in any account. All that was ever
/// told counts: what exists does not depend on which version came first.
fn reaches(sample: &Sample, sizes: [(u64, u64); Account::COUNT]) -> bool {
    let (grams, cents) = (sample.heading_kilograms.saturating_mul(1000), sample.heading_dollars.saturating_mul(100));
    sizes.into_iter().any(|(mass, value)| mass >= grams || value >= cents)
}

fn output(topic: Topic, key: &str, value: Vec<u8>) -> Output {
    Output { topic, partition: None, key: key.as_bytes().to_vec(), value, headers: Vec::new() }
}

fn provenance<'a>(knowledge: &'a Knowledge, source: Option<&'a str>) -> ProvenanceWire<'a> {
    let (model, reference) = (knowledge.model_fingerprint.as_ref(), knowledge.reference.fingerprint());
    ProvenanceWire { source, fold: FOLD, model, reference }
}

fn signals_of(verdict: &Verdict) -> Vec<Tally> {
    verdict.evidence.iter().map(|counted| Tally::Signal(counted.evidence.signal.code())).collect()
}

/// How many records a piece of evidence names.
const NAMED: usize = 10;

/// The heaviest records behind a corridor's piece of evidence; of two alike the first by id.
fn records(evidence: &Evidence, ledger: &FamilyLedger) -> Records {
    let mut all: Vec<(Reverse<u64>, RecordId<'_>)> = Vec::new();
    for rests_on in &evidence.rests_on {
        if let RestsOn::Cell(cell) = rests_on {
            ledger.records(cell, |mass, id| all.push((Reverse(mass.map_or(0, |mass| mass.0)), id)));
        }
    }
    all.sort_unstable();
    all.dedup();
    let total = all.len() as u64;
    // Ids are written for those alone that may be among the first.
    let lightest = all.get(NAMED - 1).or(all.last()).map(|(mass, _)| *mass);
    let heaviest = all.into_iter().take_while(|(mass, _)| Some(*mass) <= lightest);
    let mut named: Vec<(Reverse<u64>, String)> = heaviest.map(|(mass, id)| (mass, id.to_string())).collect();
    named.sort_unstable();
    Records { ids: named.into_iter().take(NAMED).map(|(_, id)| id).collect(), total }
}

/// A verdict's evidence: what its corridor says in its words, and its own.
fn spoken<'a>(verdict: &Verdict, corridor: Option<&'a Corridor>) -> Vec<Spoken<'a>> {
    let carried = |signal| {
        let held = corridor?;
        let at = held.verdict.verdict.evidence.iter().position(|counted| counted.evidence.signal == signal)?;
        held.words.get(at)
    };
    let spoken = |counted: &Counted| {
        let evidence = &counted.evidence;
        let words = match carried(evidence.signal) {
            Some(words) => Cow::Borrowed(words.as_ref()),
            None => Cow::Owned(words(evidence, &own(evidence)).into_vec()),
        };
        Spoken { signal: evidence.signal, weight: evidence.weight, counted: counted.counted, words }
    };
    verdict.evidence.iter().map(spoken).collect()
}

/// The records that a shipment's own evidence names.
fn own(evidence: &Evidence) -> Records {
    let ids = evidence.rests_on.iter().filter_map(|rests_on| match rests_on {
        RestsOn::Record(id) => Some(id.clone()),
        RestsOn::Cell(_) => None,
    });
    let ids: Vec<String> = ids.collect();
    Records { total: ids.len() as u64, ids: ids.into_iter().take(NAMED).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Account, CellRef};
    use crate::signals::Signal;

    /// So many tonnes of a tariff line from TH into the US.
    fn flow(line: u64, tonnes: u64) -> Movement {
        Movement { content: line, ..Movement::told(&format!("f/US/import/TH/28258000{line:02}/2025-02"), tonnes) }
    }

    #[test]
    fn the_ten_heaviest_records_are_named_and_all_are_counted() {
        let mut ledger = FamilyLedger::new("SB".parse().unwrap());
        // The lightest first, and two alike at the end of those named.
        let tonnes = [1, 2, 3, 5, 5, 6, 7, 8, 9, 10, 11, 12, 13];
        for (line, tonnes) in (10..).zip(tonnes) {
            ledger.remember(&flow(line, tonnes));
        }
        let (from, to, period) = ("TH".parse().unwrap(), "US".parse().unwrap(), "2025-02".parse().unwrap());
        let cell = CellRef { account: Account::ImporterFlow, from, to, period, hs6: "282580".parse().unwrap() };
        let evidence = Evidence {
            signal: Signal::MassBalance,
            weight: 0,
            statement: String::new(),
            figures: Vec::new(),
            rests_on: vec![RestsOn::Cell(cell), RestsOn::Cell(cell)],
            reference: Vec::new(),
            falsified_by: String::new(),
        };
        let named = records(&evidence, &ledger);
        let lines: Vec<String> =
            [22, 21, 20, 19, 18, 17, 16, 15, 13, 14].map(|line| format!("f:US/import/TH/28258000{line}/2025-02")).to_vec();
        assert_eq!((named.ids, named.total), (lines, 13));
    }

    #[test]
    fn cases_and_numbers_that_wait_for_a_verdict_are_counted_as_state() {
        let as_of = crate::reference::Reference::built_in().as_of("2025-03-01".parse().unwrap());
        let mut family = Family::new("SB".parse().unwrap(), &as_of);
        let (from, to) = ("TH".parse().unwrap(), "US".parse().unwrap());
        let empty = family.bytes();
        family.counted.insert((from, to, "2025-02".parse().unwrap()), 7);
        let with_a_number = family.bytes();
        family.cases.insert((from, to), Case::default());
        assert!(empty < with_a_number && with_a_number < family.bytes());
    }
}
