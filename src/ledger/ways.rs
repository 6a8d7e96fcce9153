//! All trade of a family by way, as up to three accounts tell it. Adds up; judges nothing.

use std::collections::BTreeMap;

use super::books::{Account, CellRef, Leg, Line, Part, Side};
use super::flows::{FlowVersion, Folded, Rows};
use crate::domain::{Country, FlowFacts, Grams, HsSubheading, Month, Period};

/// Months in order, each once.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Months(Vec<Month>);

impl Months {
    /// Says whether it is a new one.
    fn insert(&mut self, month: Month) -> bool {
        let place = self.0.binary_search(&month);
        if let Err(at) = place {
            self.0.insert(at, month);
        }
        place.is_err()
    }

    /// Those from a first to a last.
    pub(super) fn within(&self, first: Month, last: Month) -> &[Month] {
        let from = self.0.partition_point(|month| *month < first);
        let until = self.0.partition_point(|month| *month <= last);
        self.0.get(from..until).unwrap_or_default()
    }
}

/// The sum of shipments of one code on one way in one month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct ShipmentSum {
    /// Grams of those with mass.
    grams: u128,
    /// How many lack mass.
    without_mass: u32,
    /// How many there are.
    count: u32,
}

/// Shipments on one way, by month and code.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Sums(Vec<(Month, HsSubheading, ShipmentSum)>);

impl Sums {
    fn add(&mut self, (month, hs6): (Month, HsSubheading), mass: Option<Grams>, sign: i8) {
        let place = self.0.binary_search_by_key(&(month, hs6), |(month, hs6, _)| (*month, *hs6));
        let at = place.unwrap_or_else(|at| {
            self.0.insert(at, (month, hs6, ShipmentSum::default()));
            at
        });
        let Some((_, _, sum)) = self.0.get_mut(at) else { return };
        let (grams, lacks) = (mass.map_or(0, |mass| u128::from(mass.0)), u32::from(mass.is_none()));
        if sign > 0 {
            *sum = ShipmentSum { grams: sum.grams + grams, without_mass: sum.without_mass + lacks, count: sum.count + 1 };
        } else {
            *sum = ShipmentSum { grams: sum.grams - grams, without_mass: sum.without_mass - lacks, count: sum.count - 1 };
        }
    }

    pub(super) fn lines(&self, (first, last): (Month, Month), side: Side) -> impl Iterator<Item = Line> + '_ {
        let from = self.0.partition_point(|(month, ..)| *month < first);
        let until = self.0.partition_point(|(month, ..)| *month <= last);
        let told = self.0.get(from..until).unwrap_or_default().iter().filter(|(_, _, sum)| sum.count > 0);
        told.map(move |(month, hs6, sum)| {
            let grams = u64::try_from(sum.grams).unwrap_or(u64::MAX);
            let mass = (sum.without_mass < sum.count).then_some(Grams(grams));
            Line { side, period: Period::month(*month), hs6: *hs6, mass, value_cents: None }
        })
    }

    fn bytes(&self) -> u64 {
        (self.0.capacity() * size_of::<(Month, HsSubheading, ShipmentSum)>()) as u64
    }
}

/// One way for goods, as each side tells it. The accounts are never added.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Way {
    pub(super) importer: Rows,
    pub(super) exporter: Rows,
    pub(super) shipments: Sums,
}

/// All ways of a family.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Ways {
    /// By destination, then source.
    ways: BTreeMap<(Country, Country), Way>,
    /// Assessed shipments of feeds that do not tell all of their trade, by destination, then source: nothing is measured by them and
    /// no way is told by them, but what they are of is known.
    bills: BTreeMap<(Country, Country), Sums>,
    /// Who reported imports, or exports, of a month, in an answer that was not cut off: absent pairs of such a month are observed zeros.
    reported: BTreeMap<(Country, bool), Months>,
    /// Names of feeds: flows keep their place in it.
    feeds: Vec<String>,
}

/// What folding a flow changed beside its cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlowChange {
    /// What became of it.
    pub(crate) folded: Folded,
    /// Its reporter had told nothing of that direction and month before.
    pub(crate) first_report: bool,
    /// Nothing was told of its way before: from now on what either side did not say of it is a zero, in every month.
    pub(crate) opened: bool,
    /// It says that goods moved, not only that none did.
    pub(crate) is_trade: bool,
}

impl Ways {
    /// Folds a version of a flow in. From a report that `is_whole` zeros follow for those of whom it says nothing.
    pub(crate) fn fold(
        &mut self,
        (facts, is_whole): (&FlowFacts, bool),
        (hs6, feed): (HsSubheading, &str),
        version: FlowVersion,
    ) -> FlowChange {
        let feed = self.feed(feed);
        let is_import = facts.flow.is_import();
        let of_month = is_whole && facts.period.months() == 1;
        let first_report = of_month && self.reported.entry((facts.reporter, is_import)).or_default().insert(facts.period.last());
        let (from, to) = facts.way();
        let opened = self.open(from, to);
        let way = self.ways.entry((to, from)).or_default();
        let rows = if is_import { &mut way.importer } else { &mut way.exporter };
        let folded = rows.fold(facts, (hs6, feed), version);
        FlowChange { folded, first_report, opened, is_trade: version.is_trade() }
    }

    /// Adds a shipment of a complete feed, or takes it away.
    pub(crate) fn count(&mut self, (from, to): (Country, Country), goods: (Month, HsSubheading), mass: Option<Grams>, sign: i8) {
        self.ways.entry((to, from)).or_default().shipments.add(goods, mass, sign);
    }

    /// The same for an assessed shipment of any other feed.
    pub(crate) fn note_bill(
        &mut self,
        (from, to): (Country, Country),
        goods: (Month, HsSubheading),
        mass: Option<Grams>,
        sign: i8,
    ) {
        self.bills.entry((to, from)).or_default().add(goods, mass, sign);
    }

    /// What the assessed shipments of a month are of, those of complete feeds aside.
    pub(crate) fn bills(&self, (from, to): (Country, Country), month: Month) -> impl Iterator<Item = Line> + '_ {
        let side = Side { account: Account::Shipments, from, to };
        self.bills.get(&(to, from)).into_iter().flat_map(move |sums| sums.lines((month, month), side))
    }

    /// Notes a way of which something was told, even where nothing of it is left; says whether it is a new one.
    pub(super) fn open(&mut self, from: Country, to: Country) -> bool {
        let known = self.ways.len();
        self.ways.entry((to, from)).or_default();
        self.ways.len() > known
    }

    fn feed(&mut self, name: &str) -> u16 {
        let index = self.feeds.iter().position(|feed| feed == name).unwrap_or_else(|| {
            self.feeds.push(name.to_owned());
            self.feeds.len() - 1
        });
        u16::try_from(index).unwrap_or(u16::MAX)
    }

    /// One way. Of a way that nobody told of nothing is told, not even zeros.
    pub(crate) fn leg(&self, from: Country, to: Country) -> Leg<'_> {
        let way = self.ways.get(&(to, from));
        Leg::new([way.map(|way| self.part((from, to), Some(way))), None, None], &self.feeds)
    }

    /// China, Hong Kong and Macao into a country: they report apart and are added, since they are ways of their own.
    pub(crate) fn china_into(&self, to: Country) -> Leg<'_> {
        let china = [Country::CHINA, Country::HONG_KONG, Country::MACAO];
        Leg::new(china.map(|from| Some(self.part((from, to), self.ways.get(&(to, from))))), &self.feeds)
    }

    /// Every non-Chinese country that any side names as a source of goods into `to`, ascending.
    pub(crate) fn into(&self, to: Country) -> impl Iterator<Item = (Country, Leg<'_>)> + '_ {
        let ways = self.ways.range((to, Country::FIRST)..=(to, Country::LAST));
        let others = ways.filter(move |((_, from), _)| !from.is_china() && *from != to);
        others.map(move |((_, from), way)| {
            let part = self.part((*from, to), Some(way));
            (*from, Leg::new([Some(part), None, None], &self.feeds))
        })
    }

    /// Whither goods of a country go, as any side tells.
    pub(super) fn destinations_of(&self, from: Country) -> impl Iterator<Item = Country> + '_ {
        self.ways.keys().filter(move |(_, source)| *source == from).map(|(to, _)| *to)
    }

    fn part<'a>(&'a self, (from, to): (Country, Country), way: Option<&'a Way>) -> Part<'a> {
        Part { from, to, way, ways: self }
    }

    /// The months of which a country reported imports, or exports.
    pub(super) fn reported(&self, country: Country, is_import: bool) -> Option<&Months> {
        self.reported.get(&(country, is_import))
    }

    /// The flows behind a cell that count, with their mass and their feed.
    pub(super) fn records<'a>(&'a self, cell: &CellRef, each: impl FnMut(Option<Grams>, &'a str, FlowFacts)) {
        let Some(way) = self.ways.get(&(cell.to, cell.from)) else { return };
        match cell.account {
            Account::ImporterFlow => way.importer.records((cell.to, cell.from), cell, (&self.feeds, each)),
            _ => way.exporter.records((cell.from, cell.to), cell, (&self.feeds, each)),
        }
    }

    /// Bytes of state.
    pub(super) fn bytes(&self) -> u64 {
        let way = |way: &Way| {
            size_of::<((Country, Country), Way)>() as u64 + way.shipments.bytes() + way.importer.bytes() + way.exporter.bytes()
        };
        let bills: u64 = self.bills.values().map(|sums| size_of::<((Country, Country), Sums)>() as u64 + sums.bytes()).sum();
        let reported: usize = self.reported.values().map(|months| months.0.capacity() * size_of::<Month>()).sum();
        self.ways.values().map(way).sum::<u64>() + bills + reported as u64
    }
}
