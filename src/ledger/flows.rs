//! Cells of trade flows: every version of every flow, and which of them tells a sum. Adds up; judges nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::books::{Account, CellRef, Line};
use crate::domain::{Country, FlowFacts, FlowKind, Grams, HsCode, HsSubheading, Month, Period};

/// One account of one way in one period: reporter, direction, partner, period (its last month first, so that months sort by time), code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct CellKey {
    reporter: Country,
    is_import: bool,
    partner: Country,
    last: Month,
    period: Period,
    hs6: HsSubheading,
}

/// A version of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FlowVersion {
    /// When it became known, in microseconds since 1970.
    pub(super) known_from: i64,
    /// Hash of what it says.
    pub(super) content: u64,
    /// Mass that may be used.
    pub(super) mass: Option<Grams>,
    /// US cents.
    pub(super) value_cents: Option<u64>,
}

impl FlowVersion {
    /// Later knowledge is the newer revision; at the same instant the content decides, so that arrival does not.
    fn rank(&self) -> (i64, u64) {
        (self.known_from, self.content)
    }

    fn is_trade(&self) -> bool {
        match (self.mass, self.value_cents) {
            (None, None) => true,
            (mass, value) => mass.is_some_and(|mass| mass.0 > 0) || value.is_some_and(|cents| cents > 0),
        }
    }

    /// Its mass, where a row of value zero without mass is an observed zero.
    fn told_mass(&self) -> Option<Grams> {
        if self.value_cents == Some(0) { self.mass.or(Some(Grams(0))) } else { self.mass }
    }
}

/// A flow with the version that holds; older ones are kept so that the same one holds whatever the order of arrival.
#[derive(Clone, Debug)]
struct Flow {
    feed: u16,
    kind: FlowKind,
    hs: HsCode,
    held: FlowVersion,
    older: Vec<FlowVersion>,
}

/// What became of a flow that was folded in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folded {
    /// It was news and holds.
    Held,
    /// Same content as a version seen before.
    Duplicate,
    /// Older than the version held.
    Superseded,
}

/// All trade flows of a family.
#[derive(Clone, Debug, Default)]
pub(super) struct Flows {
    cells: BTreeMap<CellKey, Vec<Flow>>,
    /// Who reported a direction for a month at all: absent pairs of such a month are observed zeros.
    reported: BTreeSet<(Country, bool, Month)>,
    /// Every way that either side told of: to, from.
    ways: BTreeSet<(Country, Country)>,
    flows: u64,
    versions: u64,
}

/// What folding a flow changed beside its cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FlowChange {
    /// What became of it.
    pub(super) folded: Folded,
    /// Its reporter had told nothing of that direction and month before.
    pub(super) first_report: bool,
    /// It says that goods moved, not only that none did.
    pub(super) is_trade: bool,
}

impl Flows {
    /// Folds a version of a flow in.
    pub(super) fn fold(&mut self, facts: &FlowFacts, hs6: HsSubheading, feed: u16, version: FlowVersion) -> FlowChange {
        let is_import = facts.flow.is_import();
        let last = facts.period.last();
        let key = CellKey { reporter: facts.reporter, is_import, partner: facts.partner, last, period: facts.period, hs6 };
        let first_report = facts.period.months() == 1 && self.reported.insert((facts.reporter, is_import, last));
        let (from, to) = facts.way();
        self.ways.insert((to, from));
        let cell = self.cells.entry(key).or_default();
        let place = |flow: &Flow| (flow.feed, flow.kind, flow.hs) == (feed, facts.flow, facts.hs);
        let folded = match cell.iter_mut().find(|flow| place(flow)) {
            None => {
                cell.push(Flow { feed, kind: facts.flow, hs: facts.hs, held: version, older: Vec::new() });
                self.flows += 1;
                Folded::Held
            }
            Some(flow) => flow.fold(version),
        };
        self.versions += u64::from(folded != Folded::Duplicate);
        FlowChange { folded, first_report, is_trade: version.is_trade() }
    }

    /// The months for which the reporter told anything of the direction.
    pub(super) fn reported_months(&self, reporter: Country, is_import: bool) -> impl Iterator<Item = Month> + '_ {
        let first = (reporter, is_import, Month::from_ordinal(0));
        let last = (reporter, is_import, Month::from_ordinal(i32::MAX));
        self.reported.range(first..=last).map(|(_, _, month)| *month)
    }

    /// Every country that either side names as a source of goods into `to`.
    pub(super) fn sources_of(&self, to: Country) -> impl Iterator<Item = Country> + '_ {
        self.ways.range((to, Country::FIRST)..=(to, Country::LAST)).map(|(_, from)| *from)
    }

    /// Where goods of a country go, as either side tells.
    pub(super) fn destinations_of(&self, from: Country) -> impl Iterator<Item = Country> + '_ {
        self.ways.iter().filter(move |(_, source)| *source == from).map(|(to, _)| *to)
    }

    /// The lines that one account tells of one way, by period.
    pub(super) fn lines(&self, account: Account, from: Country, to: Country, feeds: &[String]) -> Vec<(Period, Line)> {
        let (reporter, is_import, partner) = match account {
            Account::ImporterFlow => (to, true, from),
            _ => (from, false, to),
        };
        let first = CellKey { partner, ..CellKey::first(reporter, is_import) };
        let cells = self
            .cells
            .range(first..)
            .take_while(|(key, _)| (key.reporter, key.is_import, key.partner) == (reporter, is_import, partner));
        let line = |(key, cell): (&CellKey, &Vec<Flow>)| {
            let cell_ref = CellRef { account, from, to, period: key.period, hs6: key.hs6 };
            // Most cells hold one flow, which tells its sum.
            let (mass, value_cents) = match cell.as_slice() {
                [one] => (one.held.told_mass(), one.held.value_cents),
                more => {
                    let told = told(more, feeds);
                    (sum_mass(&told), sum_value(&told))
                }
            };
            (key.period, Line { hs6: key.hs6, mass, value_cents, cell: cell_ref })
        };
        cells.map(line).collect()
    }

    /// Ids of the flows behind a cell that count, `<feed>:<id>` with their mass.
    pub(super) fn ids(&self, cell: &CellRef, feeds: &[String]) -> Vec<(Option<Grams>, String)> {
        let is_import = cell.account == Account::ImporterFlow;
        let (reporter, partner) = if is_import { (cell.to, cell.from) } else { (cell.from, cell.to) };
        let key = CellKey { reporter, is_import, partner, last: cell.period.last(), period: cell.period, hs6: cell.hs6 };
        let flows = self.cells.get(&key).map(Vec::as_slice).unwrap_or_default();
        let id = |flow: &&Flow| {
            let facts = FlowFacts { reporter, partner, flow: flow.kind, period: cell.period, hs: flow.hs };
            (flow.held.mass, format!("{}:{}", name(feeds, flow.feed), facts.id()))
        };
        told(flows, feeds).iter().map(id).collect()
    }

    /// Bytes of state, by size of what is kept.
    pub(super) fn bytes(&self) -> u64 {
        let cell = size_of::<CellKey>() + size_of::<Vec<Flow>>();
        let flow = size_of::<Flow>() as u64;
        let older = (self.versions - self.flows) * size_of::<FlowVersion>() as u64;
        self.cells.len() as u64 * cell as u64 + self.flows * flow + older + self.reported.len() as u64 * 12
    }
}

impl Flow {
    fn fold(&mut self, version: FlowVersion) -> Folded {
        let mut all = std::mem::take(&mut self.older);
        all.push(self.held);
        let before = self.held;
        let twin = all.iter_mut().find(|held| held.content == version.content);
        let is_duplicate = twin.is_some();
        match twin {
            Some(twin) => twin.known_from = twin.known_from.min(version.known_from),
            None => all.push(version),
        }
        let newest = (0..all.len()).max_by_key(|index| all.get(*index).map(FlowVersion::rank)).unwrap_or(0);
        self.held = all.swap_remove(newest);
        self.older = all;
        match is_duplicate {
            true if self.held.content == before.content => Folded::Duplicate,
            false if self.held.content != version.content => Folded::Superseded,
            _ => Folded::Held,
        }
    }
}

impl CellKey {
    fn first(reporter: Country, is_import: bool) -> CellKey {
        let month = Month::from_ordinal(0);
        let hs6 = HsSubheading::FIRST;
        CellKey { reporter, is_import, partner: Country::FIRST, last: month, period: Period::month(month), hs6 }
    }
}

/// The flows of a cell that tell its sum: the same trade told twice is never added.
///
/// Mass before none, general imports and all exports before their parts, the finer code, then the feed's name.
fn told<'a>(cell: &'a [Flow], feeds: &[String]) -> Vec<&'a Flow> {
    let mut groups: BTreeMap<(u8, std::cmp::Reverse<u8>, &str, u16), Vec<&Flow>> = BTreeMap::new();
    for flow in cell {
        let key = (part(flow.kind), std::cmp::Reverse(flow.hs.length()), name(feeds, flow.feed), flow.feed);
        groups.entry(key).or_default().push(flow);
    }
    let mut best: Option<(bool, Vec<&Flow>)> = None;
    for (_, flows) in groups {
        let without_mass = sum_mass(&flows).is_none();
        if best.as_ref().is_none_or(|(worse, _)| *worse && !without_mass) {
            best = Some((without_mass, flows));
        }
    }
    best.map(|(_, flows)| flows).unwrap_or_default()
}

/// General imports and all exports first; the parts of exports together, since they add up.
fn part(kind: FlowKind) -> u8 {
    match kind {
        FlowKind::Import | FlowKind::Export => 0,
        FlowKind::ImportForConsumption | FlowKind::DomesticExport | FlowKind::ReExport => 1,
    }
}

/// A flow without mass neither adds to a sum nor hides it.
fn sum_mass(flows: &[&Flow]) -> Option<Grams> {
    let masses = flows.iter().filter_map(|flow| flow.held.told_mass());
    masses.reduce(|sum, mass| Grams(sum.0.saturating_add(mass.0)))
}

fn sum_value(flows: &[&Flow]) -> Option<u64> {
    flows.iter().try_fold(0u64, |sum, flow| Some(sum.saturating_add(flow.held.value_cents?)))
}

fn name(feeds: &[String], feed: u16) -> &str {
    feeds.get(usize::from(feed)).map(String::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(flow: FlowKind, hs: &str) -> FlowFacts {
        let (reporter, partner) = ("US".parse().unwrap(), "TH".parse().unwrap());
        FlowFacts { reporter, partner, flow, period: "2025-02".parse().unwrap(), hs: hs.parse().unwrap() }
    }

    fn version(known_from: i64, content: u64, grams: Option<u64>) -> FlowVersion {
        FlowVersion { known_from, content, mass: grams.map(Grams), value_cents: Some(100) }
    }

    /// Folds rows of (feed, flow, hs, version) and gives the one line that the cell tells, in grams.
    #[track_caller]
    fn check(rows: &[(u16, FlowKind, &str, FlowVersion)], expected: Option<u64>) {
        let feeds = ["b".to_owned(), "a".to_owned()];
        for order in [rows.to_vec(), rows.iter().rev().cloned().collect()] {
            let mut flows = Flows::default();
            for (feed, flow, hs, version) in &order {
                flows.fold(&facts(*flow, hs), "282580".parse().unwrap(), *feed, *version);
            }
            let lines = flows.lines(Account::ImporterFlow, "TH".parse().unwrap(), "US".parse().unwrap(), &feeds);
            assert_eq!(lines.iter().map(|(_, line)| line.mass.map(|mass| mass.0)).collect::<Vec<_>>(), [expected], "{order:?}");
        }
    }

    #[test]
    fn lines_of_one_feed_are_added() {
        let rows = [
            (0, FlowKind::Import, "2825800000", version(1, 1, Some(5))),
            (0, FlowKind::Import, "2825800010", version(1, 2, Some(7))),
        ];
        check(&rows, Some(12));
    }

    #[test]
    fn the_same_trade_told_twice_is_never_added() {
        let import = FlowKind::Import;
        // The finer code, then the feed's name.
        check(&[(0, import, "282580", version(1, 1, Some(5))), (0, import, "2825800000", version(1, 2, Some(6)))], Some(6));
        check(&[(0, import, "282580", version(1, 1, Some(5))), (1, import, "282580", version(1, 2, Some(6)))], Some(6));
        // Mass before none, whatever the code.
        check(&[(0, import, "282580", version(1, 1, Some(5))), (0, import, "2825800000", version(1, 2, None))], Some(5));
        // General imports before imports for consumption.
        let consumption = FlowKind::ImportForConsumption;
        check(&[(0, import, "282580", version(1, 1, Some(5))), (0, consumption, "282580", version(1, 2, Some(3)))], Some(5));
    }

    #[test]
    fn a_flow_without_mass_neither_adds_to_a_sum_nor_hides_it() {
        check(&[(0, FlowKind::Import, "2825800010", version(1, 2, None))], None);
        let rows = [
            (0, FlowKind::Import, "2825800000", version(1, 1, Some(5))),
            (0, FlowKind::Import, "2825800010", version(1, 2, None)),
        ];
        check(&rows, Some(5));
    }

    #[test]
    fn a_row_of_value_zero_is_an_observed_zero() {
        let zero = FlowVersion { value_cents: Some(0), ..version(1, 1, None) };
        check(&[(0, FlowKind::Import, "282580", zero)], Some(0));
    }

    #[test]
    fn the_later_known_version_holds_in_any_order() {
        let import = FlowKind::Import;
        check(&[(0, import, "282580", version(1, 1, Some(5))), (0, import, "282580", version(2, 2, Some(9)))], Some(9));
        // A repetition of the first version does not win over the second, however late it comes.
        let rows = [
            (0, import, "282580", version(1, 1, Some(5))),
            (0, import, "282580", version(2, 2, Some(9))),
            (0, import, "282580", version(3, 1, Some(5))),
        ];
        check(&rows, Some(9));
    }

    #[test]
    fn outcomes_tell_duplicates_from_superseded() {
        let mut flows = Flows::default();
        let mut fold = |version| flows.fold(&facts(FlowKind::Import, "282580"), "282580".parse().unwrap(), 0, version).folded;
        assert_eq!(fold(version(2, 2, Some(9))), Folded::Held);
        assert_eq!(fold(version(2, 2, Some(9))), Folded::Duplicate);
        assert_eq!(fold(version(1, 1, Some(5))), Folded::Superseded);
        assert_eq!(fold(version(3, 3, Some(7))), Folded::Held);
    }
}
