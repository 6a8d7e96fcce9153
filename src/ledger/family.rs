//! What one family remembers: its clock, flows, shipments, corridors, and what is dirty. Keeps and adds up; judges nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::flows::{FlowVersion, Flows, Folded};
use super::shipments::{ShipmentKey, ShipmentVersion, Shipments, shipment_key};
use crate::domain::{Country, Date, FamilyId, FlowFacts, Month, Movement, MovementBody, ShipmentFacts, Standing, Status};

/// Intermediary, destination, month: a corridor-month inside its family.
pub type CorridorMonth = (Country, Country, Month);

/// All that a family remembers of movements.
#[derive(Clone, Debug)]
pub struct FamilyLedger {
    /// Which family.
    pub family: FamilyId,
    /// The highest `known_from` among its movements and ticks.
    pub clock: Option<Date>,
    pub(super) flows: Flows,
    pub(super) shipments: Shipments,
    pub(super) feeds: Vec<String>,
    /// Corridor-months that exist: home trade M → D lies in them. The value is the length of the longest period that ended there
    /// without any month being told, else 1.
    corridors: BTreeMap<CorridorMonth, Told>,
    by_destination: BTreeSet<(Country, Country)>,
    dirty: Dirty,
}

/// How trade of a corridor-month was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Told {
    by_month: bool,
    longest_period: u8,
    /// Grams and US cents of its shipments, all versions.
    shipped: (u128, u128),
}

/// What was touched since the last evaluation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Dirty {
    corridors: BTreeSet<CorridorMonth>,
    /// Countries whose inbound trade changed, from that month on: what M can draw on, and D's other sources.
    inbound: BTreeMap<Country, Month>,
    /// Exporters that spoke of a month for the first time, which makes zeros of silences on every way from them.
    exporters: BTreeMap<Country, Month>,
    /// Everything from that month on: China spoke of a month for the first time, or what the world knows has changed.
    all: Option<Month>,
}

/// What became of a movement, for the balance of the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A shipment M → D, to be evaluated.
    Assessed,
    /// Adds evidence only.
    Context,
    /// Same id and content.
    Duplicate,
    /// Older than the version held.
    Superseded,
    /// Withdraws a shipment.
    Cancelled,
}

impl Outcome {
    /// The word in the books.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Assessed => "assessed",
            Outcome::Context => "context",
            Outcome::Duplicate => "duplicate",
            Outcome::Superseded => "superseded",
            Outcome::Cancelled => "cancelled",
        }
    }
}

impl FamilyLedger {
    /// An empty ledger.
    pub fn new(family: FamilyId) -> FamilyLedger {
        FamilyLedger {
            family,
            clock: None,
            flows: Flows::default(),
            shipments: Shipments::default(),
            feeds: Vec::new(),
            corridors: BTreeMap::new(),
            by_destination: BTreeSet::new(),
            dirty: Dirty::default(),
        }
    }

    /// Remembers a movement, once however often it comes. A shipment that is to be evaluated at once is named.
    pub fn remember(&mut self, movement: Movement) -> (Outcome, Option<ShipmentKey>) {
        match movement.body {
            MovementBody::TradeFlow(facts) => (self.remember_flow(&facts, &movement), None),
            MovementBody::Shipment(ref facts) => {
                let is_home = movement.standing == Standing::Home;
                let is_assessed = is_home && facts.leaves_intermediary();
                self.remember_shipment(movement, is_assessed)
            }
        }
    }

    fn remember_flow(&mut self, facts: &FlowFacts, movement: &Movement) -> Outcome {
        let feed = self.feed(movement.feed.as_str());
        let version = FlowVersion {
            known_from: movement.known_from.as_microsecond(),
            content: movement.content,
            mass: movement.mass,
            value_cents: movement.value_cents,
        };
        let change = self.flows.fold(facts, movement.hs6, feed, version);
        let (from, to) = facts.way();
        let last = facts.period.last();
        if movement.standing == Standing::Home && change.is_trade {
            let corridor = (from, to, last);
            self.open_corridor(corridor, facts.period.months());
            if self.corridors.contains_key(&corridor) {
                self.dirty.corridors.insert(corridor);
            }
        }
        match change.folded {
            Folded::Duplicate => return Outcome::Duplicate,
            Folded::Superseded => return Outcome::Superseded,
            Folded::Held => {}
        }
        self.dirty.touch(to, facts.period.first());
        if change.first_report {
            self.dirty.first_report(facts.reporter, facts.flow.is_import(), last);
        }
        Outcome::Context
    }

    fn remember_shipment(&mut self, movement: Movement, is_assessed: bool) -> (Outcome, Option<ShipmentKey>) {
        let MovementBody::Shipment(facts) = movement.body else { return (Outcome::Context, None) };
        let version = ShipmentVersion {
            known_from: movement.known_from.as_microsecond(),
            content: movement.content,
            hs6: movement.hs6,
            mass: movement.mass,
            value_cents: movement.value_cents,
            quality: movement.quality,
            complete: movement.complete,
            source: movement.source,
            facts,
        };
        let key = shipment_key(&version.facts.id);
        let is_cancelled = version.facts.status == Status::Cancelled;
        let (way, month) = (way_of(&version.facts), version.month());
        if is_assessed && let Some((from, to)) = way {
            let is_news = self.open_corridor((from, to, month), 1);
            // Books hold the shipments of complete feeds alone; whether a heading's trade is large enough also counts the others.
            if is_news || movement.complete || self.family.is_heading() {
                self.dirty.corridors.insert((from, to, month));
            }
        }
        if movement.complete
            && let Some((_, to)) = way
        {
            self.dirty.touch(to, month);
        }
        let before = self.shipments.get(key);
        let is_known = before.is_some();
        let told = before.filter(|shipment| shipment.is_told() || self.family.is_heading());
        if let Some((Some((from, to)), month)) = told.map(|shipment| (way_of(&shipment.held.facts), shipment.held.month())) {
            self.dirty.touch(to, month);
            self.dirty.corridors.insert((from, to, month));
        }
        let shipped = (version.mass.map_or(0, |mass| u128::from(mass.0)), version.value_cents.map_or(0, u128::from));
        let folded = self.shipments.fold(key, version);
        let told = way.and_then(|(from, to)| self.corridors.get_mut(&(from, to, month)));
        if let Some(told) = told.filter(|_| is_assessed && folded != Folded::Duplicate) {
            told.shipped = (told.shipped.0 + shipped.0, told.shipped.1 + shipped.1);
        }
        let outcome = match folded {
            Folded::Duplicate => Outcome::Duplicate,
            Folded::Superseded => Outcome::Superseded,
            Folded::Held if is_cancelled => Outcome::Cancelled,
            Folded::Held if is_assessed => Outcome::Assessed,
            Folded::Held => Outcome::Context,
        };
        let evaluate = outcome != Outcome::Duplicate && (is_assessed || is_known);
        (outcome, evaluate.then_some(key))
    }

    /// Notes that trade of a corridor-month was told; says whether that changes what is known of the corridor-month itself.
    fn open_corridor(&mut self, corridor: CorridorMonth, months: u8) -> bool {
        let (from, to, _) = corridor;
        if from.is_china() || to.is_china() || from == to || !from.is_known() || !to.is_known() {
            return false;
        }
        let told = self.corridors.entry(corridor).or_default();
        let before = (told.by_month, told.longest_period);
        told.by_month |= months == 1;
        told.longest_period = told.longest_period.max(months);
        let is_news = before != (told.by_month, told.longest_period);
        self.by_destination.insert((to, from));
        is_news
    }

    fn feed(&mut self, name: &str) -> u16 {
        let index = self.feeds.iter().position(|feed| feed == name).unwrap_or_else(|| {
            self.feeds.push(name.to_owned());
            self.feeds.len() - 1
        });
        u16::try_from(index).unwrap_or(u16::MAX)
    }

    /// How many months the corridor-month was told as: 1, or the longest period where no month was told.
    pub fn told_months(&self, corridor: CorridorMonth) -> u8 {
        let told = self.corridors.get(&corridor).copied().unwrap_or_default();
        if told.by_month { 1 } else { told.longest_period.max(1) }
    }

    /// Grams and US cents of the shipments of a corridor-month.
    pub fn shipped(&self, corridor: CorridorMonth) -> (u128, u128) {
        self.corridors.get(&corridor).map(|told| told.shipped).unwrap_or_default()
    }

    /// Nothing was touched since the last evaluation.
    pub fn is_clean(&self) -> bool {
        self.dirty == Dirty::default()
    }

    /// Makes every corridor-month dirty: what the world knows of the family has changed.
    pub fn touch_all(&mut self) {
        self.dirty.all = Some(Month::from_ordinal(0));
    }

    /// Takes the dirty corridor-months that exist, in key order; nothing is dirty afterwards.
    pub fn take_dirty(&mut self) -> BTreeSet<CorridorMonth> {
        let mut dirty = std::mem::take(&mut self.dirty);
        for (exporter, month) in std::mem::take(&mut dirty.exporters) {
            let into = self.flows.destinations_of(exporter).chain(self.shipments.destinations_of(exporter));
            into.for_each(|country| dirty.touch(country, month));
        }
        let mut corridors = dirty.corridors;
        corridors.retain(|corridor| self.corridors.contains_key(corridor));
        if let Some(all) = dirty.all {
            corridors.extend(self.corridors.keys().filter(|(_, _, month)| *month >= all));
        }
        for (country, from_month) in dirty.inbound {
            corridors.extend(self.corridors_of(country, country, from_month));
            let intermediaries = self.by_destination.range((country, Country::FIRST)..=(country, Country::LAST));
            for (_, intermediary) in intermediaries {
                let first = (*intermediary, country, from_month);
                let last = (*intermediary, country, Month::from_ordinal(i32::MAX));
                corridors.extend(self.corridors.range(first..=last).map(|(corridor, _)| *corridor));
            }
        }
        corridors
    }

    fn corridors_of(&self, first: Country, last: Country, from_month: Month) -> impl Iterator<Item = CorridorMonth> + '_ {
        let first = (first, Country::FIRST, Month::from_ordinal(0));
        let last = (last, Country::LAST, Month::from_ordinal(i32::MAX));
        self.corridors.range(first..=last).map(|(corridor, _)| *corridor).filter(move |(_, _, month)| *month >= from_month)
    }

    /// Corridor-months of a pair within months, both inclusive.
    pub fn corridor_months(&self, pair: (Country, Country), first: Month, last: Month) -> impl Iterator<Item = Month> + '_ {
        self.corridors.range((pair.0, pair.1, first)..=(pair.0, pair.1, last)).map(|((_, _, month), _)| *month)
    }

    /// The shipments, to read and to note what was published of them.
    pub fn shipments(&self) -> &Shipments {
        &self.shipments
    }

    /// As above.
    pub fn shipments_mut(&mut self) -> &mut Shipments {
        &mut self.shipments
    }

    /// Bytes of state, by size of what is kept.
    pub fn bytes(&self) -> u64 {
        self.flows.bytes() + self.shipments.bytes() + self.corridors.len() as u64 * size_of::<(CorridorMonth, Told)>() as u64
    }
}

impl Dirty {
    fn touch(&mut self, country: Country, month: Month) {
        let from = self.inbound.entry(country).or_insert(month);
        *from = (*from).min(month);
    }
}

impl Dirty {
    /// A reporter spoke of a month for the first time: partners of whom it said nothing are zeros from now on. An importer's own legs
    /// read it, and the legs from an exporter; China's legs stand in every corridor's books.
    fn first_report(&mut self, reporter: Country, is_import: bool, month: Month) {
        if is_import {
            self.touch(reporter, month);
        } else if reporter.is_china() {
            let all = self.all.get_or_insert(month);
            *all = (*all).min(month);
        } else {
            let from = self.exporters.entry(reporter).or_insert(month);
            *from = (*from).min(month);
        }
    }
}

fn way_of(facts: &ShipmentFacts) -> Option<(Country, Country)> {
    Some((facts.intermediary()?, facts.destination))
}
