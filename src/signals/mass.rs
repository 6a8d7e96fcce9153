//! Sums of contained mass over windows of months, one account at a time. A month that was not told is never a zero.

use crate::domain::{HsSubheading, Month, Period};
use crate::ledger::{Account, CellRef, Leg, Line, Series};
use crate::reference::{Content, MaterialStage};

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
}

/// Which lines of a series are summed up, and with which content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
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
}

/// A sum over the months of a window that were told with mass.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sum {
    /// Tonnes of contained element (gross, where the family has no contents).
    pub(super) tonnes: f64,
    /// Months told.
    pub(super) months: u32,
}

impl Sum {
    /// Tonnes a month; 0 where none was told.
    pub(super) fn mean(self) -> f64 {
        if self.months == 0 { 0.0 } else { self.tonnes / f64::from(self.months) }
    }
}

impl Scope {
    /// Contained mass of a line as a fraction of its gross mass; `None` where the line is out of scope.
    fn content(self, world: &World, code: HsSubheading) -> Option<f64> {
        if !world.family.is_material() {
            return (self != Scope::Shared).then_some(1.0);
        }
        let content = world.contents.get(&code)?;
        match self {
            Scope::Stage(stage) => (stage == Some(content.stage)).then_some(content.mid),
            Scope::Own => (!content.shared).then_some(content.mid),
            Scope::All => Some(content.mid),
            Scope::Supply if content.shared => is_supply(content).then_some(content.high / 2.0),
            Scope::Supply => Some(content.mid),
            Scope::Shared => (content.shared && is_supply(content)).then_some(content.high / 2.0),
        }
    }

    /// Contained tonnes of a month's lines; `None` where one of them has no mass that may be used.
    fn tonnes(self, world: &World, lines: &[Line]) -> Option<f64> {
        let mut tonnes = 0.0;
        for line in lines {
            if let Some(content) = self.content(world, line.hs6) {
                tonnes += line.mass?.tonnes() * content;
            }
        }
        Some(tonnes)
    }
}

fn is_supply(content: &Content) -> bool {
    content.stage != MaterialStage::Article
}

/// What a series told with mass, in tonnes of contained element: read once where many windows are summed.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    months: Vec<(Month, f64)>,
    longer: Vec<(Period, f64)>,
}

impl Told {
    /// Reads the months of a span, and the longer periods.
    pub(super) fn of(series: &Series, span: Window, scope: Scope, world: &World) -> Told {
        let months = series.months.range(span.first..=span.last.max(span.first));
        let longer = series.longer.iter();
        Told {
            months: months.filter_map(|(month, lines)| Some((*month, scope.tonnes(world, lines)?))).collect(),
            longer: longer.filter_map(|(period, lines)| Some((*period, scope.tonnes(world, lines)?))).collect(),
        }
    }

    /// As `sum`, longer periods included.
    pub(super) fn sum(&self, window: Window) -> Sum {
        let mut sum = Sum::default();
        for (_, tonnes) in self.months.iter().filter(|(month, _)| window.first <= *month && *month <= window.last) {
            sum.tonnes += tonnes;
            sum.months += 1;
        }
        let inside = |period: &Period| window.first <= period.first() && period.last() <= window.last;
        for (period, tonnes) in self.longer.iter().filter(|(period, _)| inside(period)) {
            sum.tonnes += tonnes;
            sum.months += u32::from(period.months());
        }
        sum
    }
}

/// Sums the months of a window, and the longer periods that lie in it whole where `longer` says so.
pub(super) fn sum(series: &Series, window: Window, (scope, longer): (Scope, bool), world: &World) -> Sum {
    let mut sum = Sum::default();
    if window.last < window.first {
        return sum;
    }
    for lines in series.months.range(window.first..=window.last).map(|(_, lines)| lines) {
        if let Some(tonnes) = scope.tonnes(world, lines) {
            sum.tonnes += tonnes;
            sum.months += 1;
        }
    }
    if longer {
        let inside = |period: &Period| window.first <= period.first() && period.last() <= window.last;
        for (period, lines) in series.longer.iter().filter(|(period, _)| inside(period)) {
            if let Some(tonnes) = scope.tonnes(world, lines) {
                sum.tonnes += tonnes;
                sum.months += u32::from(period.months());
            }
        }
    }
    sum
}

/// The three accounts of a leg, in the order in which one is chosen.
pub(super) fn accounts(leg: &Leg) -> [(Account, &Series); 3] {
    [(Account::ImporterFlow, &leg.importer), (Account::MirrorFlow, &leg.exporter), (Account::Shipments, &leg.shipments)]
}

/// The cells of a window that hold mass in scope, heaviest first.
pub(super) fn cells(series: &Series, window: Window, scope: Scope, world: &World) -> Vec<(u64, CellRef)> {
    if window.last < window.first {
        return Vec::new();
    }
    let inside = |period: &Period| window.first <= period.first() && period.last() <= window.last;
    let longer = series.longer.iter().filter(|(period, _)| inside(period)).map(|(_, lines)| lines);
    let months = series.months.range(window.first..=window.last).map(|(_, lines)| lines);
    let lines = months.chain(longer).flatten().filter(|line| scope.content(world, line.hs6).is_some());
    let mut cells: Vec<(u64, CellRef)> = lines.filter_map(|line| Some((line.mass?.0, line.cell))).collect();
    cells.sort_unstable_by(|left, right| right.0.cmp(&left.0).then(left.1.cmp(&right.1)));
    cells
}
