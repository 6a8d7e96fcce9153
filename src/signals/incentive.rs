//! INCENTIVE: the prior. What makes rerouting pay before anything about the trade is known; no signal, and never enough for a band.
//!
//! **Says** how likely rerouting is without evidence: 2 %, raised where China bans (1.5) or licenses (0.8) exports of the item to D, and
//! where Chinese goods owe more duty at D than M's (0.5 at a wedge of 50 points, less below); lowered (0.8) while a control is suspended.
//! The terms of a corridor's subheadings are weighted by their mass. M's name is no part of it: no country is suspect by name.
//!
//! **Item lists matter.** Where a controlled line also holds goods outside the list (antimony oxide below 99.99 % beside announcement
//! 33/2024), the control's term is halved, unless the direct trade from China to D in the line fell by 80 % or more: then the control is
//! seen to bind.
//!
//! **Shown without weight**: measures whose date or scope is recalled or uncertain.

use crate::domain::{HsSubheading, Month};
use crate::ledger::{Leg, Line};
use crate::reference::{Measure, MeasureKind};

use super::mass::{Scope, Window, accounts, sum};
use super::parameters::{PriorNumbers, part, thousandths};
use super::subject::{Subject, World};

/// The prior of a corridor or a shipment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Incentive {
    /// Log-odds, thousandths.
    pub(crate) prior: i32,
    /// Whether a control or a tariff gives a motive.
    pub(crate) exists: bool,
    /// The rows behind it, those without weight included.
    pub(crate) rows: Vec<String>,
}

/// Whether a control that names a line and others beside it was seen to bind: the direct trade's line and the measure.
type Fell<'a> = &'a dyn Fn(HsSubheading, &Measure) -> bool;

/// The prior of a corridor-month.
pub(crate) fn of_corridor(subject: &Subject<'_>) -> Incentive {
    let fell = |code, measure: &Measure| direct_fell(subject, code, measure);
    of_lines(&traded(subject), subject.world, &subject.parameters.prior, &fell)
}

/// The prior of a shipment without a corridor: nothing is known of the direct trade.
pub(crate) fn of_record(code: HsSubheading, world: &World, numbers: &PriorNumbers) -> Incentive {
    of_lines(&[(code, 1.0)], world, numbers, &|_, _| false)
}

fn of_lines(lines: &[(HsSubheading, f64)], world: &World, numbers: &PriorNumbers, fell: Fell<'_>) -> Incentive {
    let total: f64 = lines.iter().map(|(_, weight)| weight).sum();
    let mut rows = Vec::new();
    let mut motive = 0.0;
    for (code, weight) in lines {
        let share = if total > 0.0 { weight / total } else { 0.0 };
        motive += share * (control(*code, world, numbers, (fell, &mut rows)) + tariff(*code, world, numbers, &mut rows));
    }
    rows.extend(world.measures.iter().filter(|measure| measure.weightless).map(|measure| measure.row.clone()));
    rows.sort_unstable();
    rows.dedup();
    let base = part(numbers.base_probability);
    Incentive { prior: thousandths(libm::log(base / (1.0 - base)) + motive), exists: motive > 0.0, rows }
}

/// The heaviest control on the line, in log-odds.
fn control(code: HsSubheading, world: &World, numbers: &PriorNumbers, (fell, rows): (Fell<'_>, &mut Vec<String>)) -> f64 {
    let mut heaviest = 0.0f64;
    for measure in world.measures.iter().filter(|measure| world.in_force(measure, code)) {
        let whole = match measure.kind {
            MeasureKind::ExportBan => numbers.ban,
            MeasureKind::ExportLicence => numbers.licence,
            MeasureKind::Duty => continue,
        };
        let outside = measure.partial && !fell(code, measure);
        let term = if outside { part(whole) * part(numbers.partial) } else { part(whole) };
        let term = if world.is_suspended(measure) { term + part(numbers.suspended) } else { term };
        rows.push(measure.row.clone());
        heaviest = heaviest.max(term);
    }
    heaviest
}

fn tariff(code: HsSubheading, world: &World, numbers: &PriorNumbers, rows: &mut Vec<String>) -> f64 {
    let Some(wedge) = world.wedges.get(&code).filter(|wedge| wedge.rate > 0.0) else { return 0.0 };
    rows.extend(wedge.rows.iter().cloned());
    part(numbers.tariff) * (wedge.rate / part(numbers.tariff_wedge_full)).min(1.0)
}

/// Whether the direct trade of the line fell since the measure, by either account of it.
fn direct_fell(subject: &Subject<'_>, code: HsSubheading, measure: &Measure) -> bool {
    let numbers = subject.parameters;
    let announced = Month::of(measure.announced);
    let before = Window { first: announced.plus(-numbers.episodes.before_months), last: announced.plus(-1) };
    let recent = Window::ending(subject.month(), numbers.episodes.after_months);
    let after = Window { first: recent.first.max(Month::of(measure.effective)), last: recent.last };
    let only = |series: &crate::ledger::Series, window| mean_of_line(series, window, code);
    for (_, series) in accounts(&subject.books.direct) {
        let (Some((before, months)), Some((after, _))) = (only(series, before), only(series, after)) else { continue };
        if months >= numbers.prior.direct_before_months_min && before > 0.0 {
            return 1.0 - after / before >= part(numbers.prior.direct_fall);
        }
    }
    false
}

/// Monthly mean of gross tonnes of one line, and the months told; `None` where none was told with mass.
fn mean_of_line(series: &crate::ledger::Series, window: Window, code: HsSubheading) -> Option<(f64, u32)> {
    if window.last < window.first {
        return None;
    }
    let (mut tonnes, mut months) = (0.0, 0u32);
    for lines in series.months.range(window.first..=window.last).map(|(_, lines)| lines) {
        let mut of_code = lines.iter().filter(|line| line.hs6 == code);
        if let Some(month) = of_code.try_fold(0.0, |sum, line| Some(sum + line.mass?.tonnes())) {
            tonnes += month;
            months += 1;
        }
    }
    (months > 0).then(|| (tonnes / f64::from(months), months))
}

/// The subheadings that went from M to D lately, with their weight: contained mass, else value, else each alike.
pub(super) fn traded(subject: &Subject<'_>) -> Vec<(HsSubheading, f64)> {
    let months = subject.parameters.episodes.after_months.max(i32::from(subject.books.months));
    let window = Window::ending(subject.month(), months);
    let lines = lines_of(&subject.books.out, window);
    let world = subject.world;
    let mass = |line: &Line| {
        let content = world.contents.get(&line.hs6).map_or(if world.family.is_material() { 0.0 } else { 1.0 }, |c| c.mid);
        line.mass.map_or(0.0, |mass| mass.tonnes() * content)
    };
    let value = |line: &Line| line.value_cents.unwrap_or(0) as f64;
    for weight in [&mass as &dyn Fn(&Line) -> f64, &value, &|_: &Line| 1.0] {
        let mut codes: Vec<(HsSubheading, f64)> = Vec::new();
        for line in &lines {
            match codes.iter_mut().find(|(code, _)| *code == line.hs6) {
                Some((_, sum)) => *sum += weight(line),
                None => codes.push((line.hs6, weight(line))),
            }
        }
        codes.retain(|(_, sum)| *sum > 0.0);
        if !codes.is_empty() {
            codes.sort_unstable_by_key(|(code, _)| *code);
            return codes;
        }
    }
    Vec::new()
}

/// The lines of the first account that told any in the window.
fn lines_of(leg: &Leg, window: Window) -> Vec<&Line> {
    for (_, series) in accounts(leg) {
        let longer = series.longer.iter().filter(|(period, _)| (window.first..=window.last).contains(&period.last()));
        let months = series.months.range(window.first..=window.last).map(|(_, lines)| lines);
        let lines: Vec<&Line> = months.chain(longer.map(|(_, lines)| lines)).flatten().collect();
        if !lines.is_empty() {
            return lines;
        }
    }
    Vec::new()
}

/// Median growth of D's other non-Chinese sources between two windows, in log-points, shrunk; never below zero.
///
/// A falling demand is no evidence against M, so decline counts as no growth. With it, how many sources told it.
pub(super) fn demand_growth(subject: &Subject<'_>, (before, after): (Window, Window), scope: Scope) -> (f64, u32) {
    let (episodes, surge) = (&subject.parameters.episodes, &subject.parameters.surge);
    let kappa = surge.kappa(subject.world.class);
    let mut growths = Vec::new();
    for (_, leg) in subject.books.sources.iter().filter(|(country, _)| *country != subject.m() && !country.is_china()) {
        for (_, series) in accounts(leg) {
            let pre = sum(series, before, (scope, false), subject.world);
            let post = sum(series, after, (scope, false), subject.world);
            let told = pre.months >= episodes.before_months_min && post.months >= episodes.after_months_min;
            if told && pre.tonnes > 0.0 && post.tonnes > 0.0 {
                growths.push(libm::log((post.mean() + kappa) / (pre.mean() + kappa)));
                break;
            }
        }
    }
    let count = u32::try_from(growths.len()).unwrap_or(u32::MAX);
    if count < surge.demand_sources_min {
        return (0.0, count);
    }
    growths.sort_unstable_by(f64::total_cmp);
    let middle = growths.len() / 2;
    let at = |index: usize| growths.get(index).copied().unwrap_or(0.0);
    let median = if growths.len() % 2 == 1 { at(middle) } else { (at(middle.saturating_sub(1)) + at(middle)) / 2.0 };
    let shrunk = median * f64::from(count) / f64::from(count + surge.demand_shrink);
    (shrunk.max(0.0), count)
}
