//! Sums of contained mass over windows of months, one account at a time. A month that was not told is never a zero.

use std::collections::BTreeMap;

use crate::domain::{Grams, HsSubheading, Month, Period};
use crate::ledger::{CellRef, Line, Series};
use crate::reference::{Content, MaterialStage};

use super::divided::once;
use super::subject::World;

/// Months from a first to a last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) first: Month,
    pub(super) last: Month,
}

impl Window {
    /// So many months that end with a month.
    pub(super) fn ending(last: Month, months: i32) -> Window {
        Window { first: last.plus(1 - months), last }
    }

    /// How many months it has; 0 where it is empty.
    pub(super) fn months(self) -> u32 {
        u32::try_from(self.last.since(self.first) + 1).unwrap_or(0)
    }

    /// Its months.
    pub(super) fn each(self) -> impl Iterator<Item = Month> {
        (0..self.last.since(self.first) + 1).map(move |month| self.first.plus(month))
    }

    /// Whether the period lies in it whole.
    pub(super) fn holds(self, period: Period) -> bool {
        self.first <= period.first() && period.last() <= self.last
    }
}

/// Which lines of a series are summed up, and with which content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// One stage of the material (`None`: goods without stages).
    Stage(Option<MaterialStage>),
    /// All of the family's own codes: what other materials share is left out.
    Own,
    /// All lines, as exports of the family.
    All,
    /// All lines, as supply: codes that other materials share hold between nothing and their high content, half of it as a
    /// point; shared articles (lithium-ion batteries, preparations) hold too little of it to be supply.
    Supply,
    /// The upper half of the shared codes alone: what `Supply` may lack, and hold too much.
    Shared,
    /// One subheading, gross.
    Line(HsSubheading),
}

impl Scope {
    /// What nothing but ore can have been.
    pub(super) const ORE: Scope = Scope::Stage(Some(MaterialStage::Ore));
}

/// The first account that tells of the way itself; else the first. From the silence of a report about others a zero follows, but
/// not against the word of somebody else: whose rows are fed of a few partners alone is silent too.
pub(super) fn account_of<T>(told: impl Iterator<Item = T>, spoken: impl Fn(&T) -> u32) -> Option<T> {
    let mut first = None;
    for one in told {
        if spoken(&one) > 0 {
            return Some(one);
        }
        first = first.or(Some(one));
    }
    first
}

/// A sum over the months of a window that were told with mass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    /// Grams of contained element (gross, where the family has no contents): whole ones, so that a sum knows no order.
    grams: u64,
    /// Months told.
    pub(super) months: u32,
    /// Months of them with a row of this way. In the others its reporter told trade of the family with others alone, from which a
    /// zero follows.
    pub(super) spoken: u32,
    /// US cents of all that has a value, and of what is not in the sum for want of a mass.
    cents: u64,
    unweighed: u64,
    /// Grams of what has a value too.
    priced: u64,
}

impl Sum {
    /// Tonnes of contained element.
    pub(super) fn tonnes(self) -> f64 {
        Grams(self.grams).tonnes()
    }

    /// Tonnes a month; 0 where none was told.
    pub(super) fn mean(self) -> f64 {
        if self.months == 0 { 0.0 } else { self.tonnes() / f64::from(self.months) }
    }

    /// Whether it is more a month than another: exactly, so that what is alike in all months is.
    pub(super) fn is_more_a_month_than(self, other: Sum) -> bool {
        u128::from(self.grams) * u128::from(other.months) > u128::from(other.grams) * u128::from(self.months)
    }

    /// Dollars of what has no mass.
    pub(super) fn unweighed_dollars(self) -> f64 {
        self.unweighed as f64 / 100.0
    }

    /// Dollars of all that has a value.
    pub(super) fn dollars(self) -> f64 {
        self.cents as f64 / 100.0
    }

    /// Tonnes of what has mass and value, and its dollars.
    pub(super) fn priced(self) -> (f64, f64) {
        (Grams(self.priced).tonnes(), self.cents.saturating_sub(self.unweighed) as f64 / 100.0)
    }

    pub(super) fn add(self, other: Sum) -> Sum {
        Sum {
            grams: self.grams.saturating_add(other.grams),
            months: self.months.saturating_add(other.months),
            spoken: self.spoken.saturating_add(other.spoken),
            cents: self.cents.saturating_add(other.cents),
            unweighed: self.unweighed.saturating_add(other.unweighed),
            priced: self.priced.saturating_add(other.priced),
        }
    }

    fn less(self, other: Sum) -> Sum {
        Sum {
            grams: self.grams.saturating_sub(other.grams),
            months: self.months.saturating_sub(other.months),
            spoken: self.spoken.saturating_sub(other.spoken),
            cents: self.cents.saturating_sub(other.cents),
            unweighed: self.unweighed.saturating_sub(other.unweighed),
            priced: self.priced.saturating_sub(other.priced),
        }
    }
}

impl Scope {
    /// Whether the scope looks at a line at all. What a country other than China declares as its re-exports are no goods declared as
    /// its own: they are supply of whoever buys them, and nothing else.
    fn takes(self, line: &Line) -> bool {
        !line.is_re_export || line.side.from.is_china() || matches!(self, Scope::Supply | Scope::Shared)
    }

    /// Contained mass of a line as a fraction of its gross mass; `None` where the line is out of scope.
    fn content(self, world: &World, code: HsSubheading) -> Option<f64> {
        if let Scope::Line(line) = self {
            return (line == code).then_some(1.0);
        }
        if !world.family.is_material() {
            return (self != Scope::Shared).then_some(1.0);
        }
        let content = world.content(code)?;
        match self {
            Scope::Stage(stage) => (stage == Some(content.stage)).then_some(content.mid),
            Scope::Own => (!content.shared).then_some(content.mid),
            Scope::All => Some(content.mid),
            Scope::Supply if content.shared => is_supply(content).then_some(content.high / 2.0),
            Scope::Supply => Some(content.mid),
            Scope::Shared => (content.shared && is_supply(content)).then_some(content.high / 2.0),
            Scope::Line(_) => None,
        }
    }

    /// Contained grams of a line; the outer `None` where it is out of scope, the inner one where it has no mass.
    fn grams(self, world: &World, line: &Line) -> Option<Option<u64>> {
        let content = self.content(world, line.hs6)?;
        // At most 2^53, so that the product is a whole number of grams.
        Some(line.mass.map(|mass| libm::rint(mass.0.min(GRAMS_MAX) as f64 * content) as u64))
    }
}

/// More than anybody trades in a month, ten thousand million tonnes: it keeps the sums of a century within 64 bits.
const GRAMS_MAX: u64 = 9_000_000_000_000_000;

fn is_supply(content: &Content) -> bool {
    content.stage != MaterialStage::Article
}

/// What the lines of a month, or of a longer period, tell in scope. A line without mass neither adds to a sum nor hides it; where no
/// line in scope has mass, the month is not told.
#[derive(Clone, Copy, Debug, Default)]
struct Lines {
    grams: u64,
    told: bool,
    spoken: bool,
    weighed: bool,
    any_unweighed: bool,
    cents: u64,
    unweighed: u64,
    priced: u64,
}

impl Lines {
    /// A line in a scope. Of what the scope does not take it is told, as by a silence, that it is something else.
    fn add(&mut self, line: &Line, (scope, world): (Scope, &World)) {
        self.told = true;
        if !scope.takes(line) {
            return;
        }
        self.spoken = true;
        let Some(grams) = scope.grams(world, line) else { return };
        let cents = line.value_cents.unwrap_or(0);
        self.cents = self.cents.saturating_add(cents);
        match grams {
            None => (self.any_unweighed, self.unweighed) = (true, self.unweighed.saturating_add(cents)),
            Some(grams) => {
                (self.grams, self.weighed) = (self.grams.saturating_add(grams), true);
                self.priced = self.priced.saturating_add(if cents > 0 { grams } else { 0 });
            }
        }
    }

    /// What they come to, as of so many months.
    fn tell(&self, months: u32) -> Sum {
        let told = self.told && (self.weighed || !self.any_unweighed);
        let of = |is_so: bool| if is_so { months } else { 0 };
        let (months, spoken) = (of(told), of(told && self.spoken));
        Sum { grams: self.grams, months, spoken, cents: self.cents, unweighed: self.unweighed, priced: self.priced }
    }
}

/// What a series told with mass, month by month: read once where many windows are summed.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    first: Month,
    /// What was told from the first month up to each one, exclusive.
    until: Vec<Sum>,
    longer: Vec<(Period, Sum)>,
}

impl Told {
    /// Reads all that the series tells.
    pub(super) fn of(series: Series<'_>, scope: Scope, world: &World) -> Told {
        let mut told = Told { first: Month::from_ordinal(0), until: Vec::new(), longer: Vec::new() };
        told.read(series, (scope, world), Month::from_ordinal(0));
        told
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        let longer = self.longer.capacity() * size_of::<(Period, Sum)>();
        size_of::<Told>() + self.until.capacity() * size_of::<Sum>() + longer
    }

    /// Reads again what the series tells from a month on; what it told of earlier months has not changed.
    pub(super) fn read(&mut self, series: Series<'_>, (scope, world): (Scope, &World), since: Month) {
        let last = Month::from_ordinal(i32::MAX);
        // Of what told nothing before, the first month is not known.
        let known = usize::try_from(since.since(self.first)).ok().filter(|_| self.until.len() > 1);
        let since = if known.is_some() { since } else { Month::from_ordinal(0) };
        let mut months: Vec<(Month, Lines)> = Vec::new();
        series.reported(since, last, |month| at(&mut months, month).told = true);
        let add = |line: Line| at(&mut months, line.period.last()).add(&line, (scope, world));
        once(world, |each| series.lines(since, last, each), add);
        match known {
            Some(known) => self.until.truncate(known + 1),
            None => {
                self.first = months.first().map_or(since, |(month, _)| *month);
                self.until = Vec::with_capacity(months.len() + 1);
                self.until.push(Sum::default());
            }
        }
        let mut sum = self.until.last().copied().unwrap_or_default();
        for (month, lines) in &months {
            // Months between that were not told add nothing.
            let index = usize::try_from(month.since(self.first)).unwrap_or(0);
            self.until.resize(index + 1, sum);
            sum = sum.add(lines.tell(1));
            self.until.push(sum);
        }
        self.longer = longer(series, scope, world);
    }

    /// Sums the months of a window, and the longer periods that lie in it whole where `with_longer` says so.
    pub(super) fn sum(&self, window: Window, with_longer: bool) -> Sum {
        if window.last < window.first {
            return Sum::default();
        }
        let at = |month: Month| {
            let index = usize::try_from(month.since(self.first)).unwrap_or(0).min(self.until.len().saturating_sub(1));
            self.until.get(index).copied().unwrap_or_default()
        };
        let sum = at(window.last.plus(1)).less(at(window.first));
        let longer = self.longer.iter().filter(|(period, _)| with_longer && window.holds(*period));
        longer.fold(sum, |sum, (_, of_period)| sum.add(*of_period))
    }
}

/// Whether a code had no mass in a window and has one in a later one, for more than a fifth of the first one's dollars: what is told
/// anew is no growth.
pub(super) fn began_to_weigh(series: Series<'_>, (before, after): (Window, Window), scope: Scope, world: &World) -> bool {
    let mut untold: BTreeMap<HsSubheading, u64> = BTreeMap::new();
    let (mut all, mut anew) = (0u64, 0u64);
    let in_scope = |line: &Line| scope.takes(line) && scope.content(world, line.hs6).is_some();
    series.lines(before.first, before.last, |line| {
        let cents = line.value_cents.filter(|_| in_scope(&line)).unwrap_or(0);
        all = all.saturating_add(cents);
        if line.mass.is_none() {
            *untold.entry(line.hs6).or_default() += cents;
        }
    });
    series.lines(after.first, after.last, |line| {
        let told = line.mass.and_then(|_| untold.remove(&line.hs6));
        anew = anew.saturating_add(told.unwrap_or(0));
    });
    anew > all / 5
}

/// The entry of a month, in order. Most months come one after the other.
fn at(months: &mut Vec<(Month, Lines)>, month: Month) -> &mut Lines {
    let index = match months.last() {
        Some((last, _)) if *last < month => months.len(),
        _ => months.partition_point(|(known, _)| *known < month),
    };
    if months.get(index).is_none_or(|(known, _)| *known != month) {
        months.insert(index, (month, Lines::default()));
    }
    &mut months.get_mut(index).expect("the month stands there").1
}

/// What the longer periods tell; of China's three ways one sum each.
fn longer(series: Series<'_>, scope: Scope, world: &World) -> Vec<(Period, Sum)> {
    let mut periods: Vec<(Period, Lines)> = Vec::new();
    let add = |line: Line| {
        let index = periods.iter().position(|(period, _)| *period == line.period).unwrap_or_else(|| {
            periods.push((line.period, Lines::default()));
            periods.len() - 1
        });
        if let Some((_, lines)) = periods.get_mut(index) {
            lines.add(&line, (scope, world));
        }
    };
    once(world, |each| series.longer(each), add);
    periods.into_iter().map(|(period, lines)| (period, lines.tell(u32::from(period.months())))).collect()
}

/// The cells of a window that hold mass in scope, heaviest first.
pub(super) fn cells(series: Series<'_>, window: Window, scope: Scope, world: &World) -> Vec<(u64, CellRef)> {
    let mut cells: Vec<(u64, CellRef)> = Vec::new();
    if window.last < window.first {
        return cells;
    }
    let mut take = |line: Line| {
        let mass = line.mass.filter(|_| scope.takes(&line) && scope.content(world, line.hs6).is_some());
        cells.extend(mass.map(|mass| (mass.0, line.cell())));
    };
    once(world, |each| series.lines(window.first, window.last, each), &mut take);
    let mut take_whole = |line: Line| {
        if window.holds(line.period) {
            take(line)
        }
    };
    once(world, |each| series.longer(each), &mut take_whole);
    cells.sort_unstable_by(|left, right| right.0.cmp(&left.0).then(left.1.cmp(&right.1)));
    cells
}
