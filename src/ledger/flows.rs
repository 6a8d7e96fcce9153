//! What one side tells of one way: every flow with the version that holds, by time. Adds up; judges nothing.

use std::collections::BTreeMap;

use super::books::{CellRef, Line, Side};
use crate::domain::{Country, FlowFacts, FlowKind, Grams, HsCode, HsSubheading, Month, Period};

/// Whose account of which way, and the names of feeds, which decide between two that tell the same.
type Of<'a> = (Side, &'a [String]);

/// A version of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct FlowVersion {
    /// When it became known, in microseconds since 1970.
    pub(crate) known_from: i64,
    /// Hash of what it says.
    pub(crate) content: u64,
    /// Mass that may be used.
    pub(crate) mass: Option<Grams>,
    /// US cents.
    pub(crate) value_cents: Option<u64>,
}

impl FlowVersion {
    /// Later knowledge is the newer revision; at the same instant the content decides, so that arrival does not.
    fn rank(&self) -> (i64, u64) {
        (self.known_from, self.content)
    }

    pub(super) fn is_trade(&self) -> bool {
        match (self.mass, self.value_cents) {
            (None, None) => true,
            (mass, value) => mass.is_some_and(|mass| mass.0 > 0) || value.is_some_and(|cents| cents > 0),
        }
    }
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

/// Which of a side's flows on a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
struct Place {
    /// First, so that months sort by time; a flow of a longer period belongs to its last month.
    last: Month,
    period: Period,
    hs6: HsSubheading,
    feed: u16,
    kind: FlowKind,
    hs: Digits,
}

/// A code of 6 to 12 digits in eight bytes: its number, then its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
struct Digits(u64);

impl Digits {
    fn of(hs: HsCode) -> Digits {
        let number = hs.digits().bytes().fold(0u64, |number, digit| number * 10 + u64::from(digit - b'0'));
        Digits(number << 4 | u64::from(hs.length()))
    }

    fn length(self) -> u8 {
        // Four bits.
        (self.0 & 15) as u8
    }

    fn code(self) -> HsCode {
        HsCode::numbered(self.0 >> 4, self.length()).expect("it was made from a code")
    }
}

/// A flow with the version that holds. There are as many as there are cells, so it is kept small: `u64::MAX` stands for "not told".
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
struct Flow {
    period: Period,
    hs6: HsSubheading,
    feed: u16,
    kind: FlowKind,
    hs: Digits,
    known_from: i64,
    content: u64,
    grams: u64,
    cents: u64,
}

const NOT_TOLD: u64 = u64::MAX;

impl Flow {
    fn new(place: Place, version: FlowVersion) -> Flow {
        let Place { period, hs6, feed, kind, hs, .. } = place;
        let mut flow = Flow { period, hs6, feed, kind, hs, known_from: 0, content: 0, grams: 0, cents: 0 };
        flow.hold(version);
        flow
    }

    fn place(&self) -> Place {
        let Flow { period, hs6, feed, kind, hs, .. } = *self;
        Place { last: period.last(), period, hs6, feed, kind, hs }
    }

    fn hold(&mut self, version: FlowVersion) {
        (self.known_from, self.content) = (version.known_from, version.content);
        self.grams = version.mass.map_or(NOT_TOLD, |mass| mass.0);
        self.cents = version.value_cents.unwrap_or(NOT_TOLD);
    }

    fn held(&self) -> FlowVersion {
        let told = |value: u64| Some(value).filter(|value| *value != NOT_TOLD);
        let (known_from, content) = (self.known_from, self.content);
        FlowVersion { known_from, content, mass: told(self.grams).map(Grams), value_cents: told(self.cents) }
    }

    /// Its mass, where a row of value zero without mass is an observed zero.
    fn mass(&self) -> Option<Grams> {
        match (self.grams, self.cents) {
            (NOT_TOLD, 0) => Some(Grams(0)),
            (NOT_TOLD, _) => None,
            (grams, _) => Some(Grams(grams)),
        }
    }

    fn value_cents(&self) -> Option<u64> {
        Some(self.cents).filter(|cents| *cents != NOT_TOLD)
    }
}

/// Flows of one side on one way, by place.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Rows {
    months: Vec<Flow>,
    longer: Vec<Flow>,
    older: Older,
}

/// Versions that do not hold, by place and content, kept so that the same one holds whatever the order of arrival.
type Older = BTreeMap<(Place, u64), FlowVersion>;

impl Rows {
    /// Folds a version of a flow in.
    pub(crate) fn fold(&mut self, facts: &FlowFacts, (hs6, feed): (HsSubheading, u16), version: FlowVersion) -> Folded {
        let place =
            Place { last: facts.period.last(), period: facts.period, hs6, feed, kind: facts.flow, hs: Digits::of(facts.hs) };
        let flows = if facts.period.months() == 1 { &mut self.months } else { &mut self.longer };
        match flows.binary_search_by_key(&place, Flow::place) {
            Err(at) => {
                // They grow by a month at a time: doubling would leave half of it empty.
                if flows.len() == flows.capacity() {
                    flows.reserve_exact(2 + flows.len() / 8);
                }
                flows.insert(at, Flow::new(place, version));
                Folded::Held
            }
            Ok(at) => flows.get_mut(at).map_or(Folded::Held, |flow| fold(flow, &mut self.older, version)),
        }
    }

    /// The lines of single months, from a first to a last.
    pub(super) fn lines<'a>(&'a self, (first, last): (Month, Month), of: Of<'a>) -> impl Iterator<Item = Line> + 'a {
        let from = self.months.partition_point(|flow| flow.period.first() < first);
        let until = self.months.partition_point(|flow| flow.period.first() <= last);
        let flows = self.months.get(from..until).unwrap_or_default();
        flows.chunk_by(|left, right| cell(left) == cell(right)).flat_map(move |cell| lines(cell, of))
    }

    /// The lines of longer periods none of whose months was told: where both tell the same trade, the months count.
    pub(super) fn longer<'a>(&'a self, of: Of<'a>) -> impl Iterator<Item = Line> + 'a {
        let is_told = |period: Period| {
            let at = self.months.partition_point(|flow| flow.period.first() < period.first());
            self.months.get(at).is_some_and(|flow| flow.period.first() <= period.last())
        };
        let untold = self.longer.chunk_by(|left, right| cell(left) == cell(right));
        untold.flat_map(move |cell| lines(cell, of)).filter(move |line| !is_told(line.period))
    }

    /// Whether anything is told.
    pub(super) fn is_told(&self) -> bool {
        !(self.months.is_empty() && self.longer.is_empty())
    }

    /// Whether a row of a month, or of a longer period around it, is told.
    pub(super) fn tells(&self, month: Month) -> bool {
        let at = self.months.partition_point(|flow| flow.period.first() < month);
        let around = |flow: &Flow| flow.period.first() <= month && month <= flow.period.last();
        self.months.get(at).is_some_and(around) || self.longer.iter().any(around)
    }

    /// The flows of a cell that count, with their mass and their feed.
    pub(super) fn records<'a>(
        &self,
        (reporter, partner): (Country, Country),
        cell: &CellRef,
        (feeds, mut each): (&'a [String], impl FnMut(Option<Grams>, &'a str, FlowFacts)),
    ) {
        let (period, hs6) = (cell.period, cell.hs6);
        let flows = if period.months() == 1 { &self.months } else { &self.longer };
        let key = (period.last(), period, hs6);
        let of_flow = |flow: &Flow| (flow.period.last(), flow.period, flow.hs6);
        let from = flows.partition_point(|flow| of_flow(flow) < key);
        let until = flows.partition_point(|flow| of_flow(flow) <= key);
        for flow in told(flows.get(from..until).unwrap_or_default(), feeds) {
            let facts = FlowFacts { reporter, partner, flow: flow.kind, period, hs: flow.hs.code() };
            each(flow.held().mass, name(feeds, flow.feed), facts);
        }
    }

    /// Bytes of state.
    pub(super) fn bytes(&self) -> u64 {
        let flows = (self.months.capacity() + self.longer.capacity()) * size_of::<Flow>();
        // A tree of many keys is about two thirds full.
        (flows + self.older.len() * size_of::<((Place, u64), FlowVersion)>() * 3 / 2) as u64
    }
}

fn cell(flow: &Flow) -> (Period, HsSubheading) {
    (flow.period, flow.hs6)
}

fn fold(flow: &mut Flow, older: &mut Older, version: FlowVersion) -> Folded {
    let before = flow.held();
    // The same content may come once with a mark that withholds its mass, and once without, in any order.
    let tells_no_more = |held: &FlowVersion| held.mass.is_some() || version.mass.is_none();
    // Most of what is told again is what holds.
    if version.content == before.content && version.known_from >= before.known_from && tells_no_more(&before) {
        return Folded::Duplicate;
    }
    let place = flow.place();
    older.insert((place, before.content), before);
    let is_duplicate = older.get(&(place, version.content)).is_some_and(tells_no_more);
    let told = older.entry((place, version.content)).or_insert(version);
    told.known_from = told.known_from.min(version.known_from);
    told.mass = told.mass.or(version.mass);
    let all = older.range((place, u64::MIN)..=(place, u64::MAX));
    if let Some(newest) = all.map(|(_, version)| *version).max_by_key(FlowVersion::rank) {
        older.remove(&(place, newest.content));
        flow.hold(newest);
    }
    match is_duplicate {
        true if flow.content == before.content => Folded::Duplicate,
        false if flow.content != version.content => Folded::Superseded,
        _ => Folded::Held,
    }
}

/// The lines that the flows of a cell tell: its sum, and of it what is declared as re-exports apart.
fn lines(flows: &[Flow], (side, feeds): Of<'_>) -> impl Iterator<Item = Line> + use<> {
    let line = flows.first().map(|first| {
        let (mass, value_cents, is_re_export) = (first.mass(), first.value_cents(), first.kind == FlowKind::ReExport);
        Line { side, period: first.period, hs6: first.hs6, mass, value_cents, is_re_export }
    });
    // Most cells hold one flow, which tells its sum.
    let parts = match (line, flows) {
        (Some(line), [_, _, ..]) => parts(line, flows, feeds),
        (line, _) => [line, None],
    };
    parts.into_iter().flatten()
}

/// Goods of its own, and re-exports where the same feed tells them by as fine a code: beside them, or within all exports.
fn parts(line: Line, flows: &[Flow], feeds: &[String]) -> [Option<Line>; 2] {
    let told = told(flows, feeds);
    let of = |flows: &[&Flow], is_re_export| {
        let (mass, value_cents) = (sum_mass(flows), sum_value(flows));
        Line { mass, value_cents, is_re_export, ..line }
    };
    let Some(first) = told.first() else { return [None, None] };
    let again =
        |flow: &&Flow| flow.kind == FlowKind::ReExport && (flow.feed, flow.hs.length()) == (first.feed, first.hs.length());
    let again: Vec<&Flow> = flows.iter().filter(again).collect();
    if again.is_empty() {
        return [Some(of(&told, false)), None];
    }
    let (whole, again) = (of(&told, false), of(&again, true));
    if first.kind != FlowKind::Export {
        let own: Vec<&Flow> = told.into_iter().filter(|flow| flow.kind != FlowKind::ReExport).collect();
        return [(!own.is_empty()).then(|| of(&own, false)), Some(again)];
    }
    // Re-exports without a mass are of an unknown part of it.
    let Some(mass) = again.mass.filter(|_| whole.mass.is_some()) else { return [Some(whole), None] };
    let less = |all: u64, part: u64| all.saturating_sub(part);
    let own = Line {
        mass: whole.mass.map(|all| Grams(less(all.0, mass.0))),
        value_cents: whole.value_cents.zip(again.value_cents).map(|(all, part)| less(all, part)),
        ..whole
    };
    [Some(own), Some(again)]
}

/// The flows of a cell that tell its sum: the same trade told twice is never added.
///
/// Mass before none, general imports and all exports before their parts, the finer code, then the feed's name.
fn told<'a>(cell: &'a [Flow], feeds: &[String]) -> Vec<&'a Flow> {
    if let [one] = cell {
        return vec![one];
    }
    let mut groups: BTreeMap<(u8, std::cmp::Reverse<u8>, &str, u16), Vec<&Flow>> = BTreeMap::new();
    for flow in cell {
        let key = (flow.kind.part(), std::cmp::Reverse(flow.hs.length()), name(feeds, flow.feed), flow.feed);
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

/// A flow without mass neither adds to a sum nor hides it.
fn sum_mass(flows: &[&Flow]) -> Option<Grams> {
    let masses = flows.iter().filter_map(|flow| flow.mass());
    masses.reduce(|sum, mass| Grams(sum.0.saturating_add(mass.0)))
}

fn sum_value(flows: &[&Flow]) -> Option<u64> {
    flows.iter().try_fold(0u64, |sum, flow| Some(sum.saturating_add(flow.value_cents()?)))
}

fn name(feeds: &[String], feed: u16) -> &str {
    feeds.get(usize::from(feed)).map(String::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::books::Account;
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
            let mut rows = Rows::default();
            for (feed, flow, hs, version) in &order {
                rows.fold(&facts(*flow, hs), ("282580".parse().unwrap(), *feed), *version);
            }
            let side = Side { account: Account::ImporterFlow, from: "TH".parse().unwrap(), to: "US".parse().unwrap() };
            let month = "2025-02".parse().unwrap();
            let lines = rows.lines((month, month), (side, &feeds));
            assert_eq!(lines.map(|line| line.mass.map(|mass| mass.0)).collect::<Vec<_>>(), [expected], "{order:?}");
        }
    }

    #[test]
    fn a_code_keeps_its_zeros_and_its_length() {
        for hs in ["010121", "0101210010", "282580", "999999999999"] {
            let code: HsCode = hs.parse().unwrap();
            assert_eq!((Digits::of(code).code(), Digits::of(code).length()), (code, code.length()));
        }
        assert_eq!(size_of::<Flow>(), 56);
    }

    #[test]
    fn the_same_content_has_the_mass_that_any_copy_of_it_has() {
        let copies =
            [(0, FlowKind::Import, "282580", version(2, 1, None)), (0, FlowKind::Import, "282580", version(1, 1, Some(5)))];
        check(&copies, Some(5));
        let mut rows = Rows::default();
        let mut fold = |version| rows.fold(&facts(FlowKind::Import, "282580"), ("282580".parse().unwrap(), 0), version);
        // Only what changes nothing is a duplicate.
        let folded = [None, None, Some(5), None, Some(5)].map(|mass| fold(version(1, 1, mass)));
        assert_eq!(folded, [Folded::Held, Folded::Duplicate, Folded::Held, Folded::Duplicate, Folded::Duplicate]);
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
        let mut rows = Rows::default();
        let mut fold = |version| rows.fold(&facts(FlowKind::Import, "282580"), ("282580".parse().unwrap(), 0), version);
        assert_eq!(fold(version(2, 2, Some(9))), Folded::Held);
        assert_eq!(fold(version(2, 2, Some(9))), Folded::Duplicate);
        assert_eq!(fold(version(1, 1, Some(5))), Folded::Superseded);
        assert_eq!(fold(version(3, 3, Some(7))), Folded::Held);
    }
}
