//! INCENTIVE: the prior. What makes rerouting pay before anything about the trade is known; no signal, and never enough for a
//! band.
//!
//! **Says** how likely rerouting is without evidence: 2 %, raised where China bans (1.5) or licenses (0.8) exports of the item
//! to D, and where Chinese goods owe more duty at D than M's (0.5 at a wedge of 50 points, less below); lowered (0.8) while a
//! control is suspended. The terms of a corridor's subheadings are weighted by their mass. M's name is no part of it: no
//! country is suspect by name. A duty whose rate no row of `duties` tells is a measure like others, and a motive, but adds
//! nothing here: how much Chinese goods owe more is unknown.
//!
//! **Item lists matter.** Where a controlled line also holds goods outside the list (antimony oxide below 99.99 % beside
//! announcement 33/2024), the control's term is halved, unless the direct trade from China to D in the line fell by 80 % or
//! more: then the control is seen to bind.
//!
//! **Shown without weight**: measures and duties that are recalled or uncertain.

use crate::domain::{HsSubheading, Month};
use crate::ledger::{Books, Line};
use crate::reference::{Measure, MeasureKind};

use super::Missing;
use super::divided::once;
use super::mass::{Scope, Window};
use super::parameters::{Parameters, PriorNumbers, part, thousandths};
use super::subject::{Subject, World};
use super::union::Buyer;

/// The prior of a corridor or a shipment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Incentive {
    /// Log-odds, thousandths.
    pub(crate) prior: i32,
    /// Whether a control or a tariff gives a motive.
    pub(crate) exists: bool,
}

/// Whether a control that names a line and others beside it was seen to bind: the direct trade's line and the measure.
type Fell<'a> = &'a dyn Fn(HsSubheading, &Measure) -> bool;

/// The prior of a corridor-month.
pub(crate) fn of_corridor(subject: &Subject<'_>) -> Incentive {
    let fell = |code, measure: &Measure| direct_fell(subject, code, measure);
    of_lines(subject.traded, subject.world, &subject.parameters.prior, &fell)
}

/// The prior of a shipment without a corridor: nothing is known of the direct trade.
pub(crate) fn of_record(code: HsSubheading, world: &World, numbers: &PriorNumbers) -> Incentive {
    of_lines(&[(code, 1.0)], world, numbers, &|_, _| false)
}

fn of_lines(lines: &[(HsSubheading, f64)], world: &World, numbers: &PriorNumbers, fell: Fell<'_>) -> Incentive {
    let total: f64 = lines.iter().map(|(_, weight)| weight).sum();
    let mut motive = 0.0;
    for (code, weight) in lines {
        let share = if total > 0.0 { weight / total } else { 0.0 };
        motive += share * (control(*code, world, numbers, fell) + tariff(*code, world, numbers));
    }
    let base = part(numbers.base_probability);
    let untold = || lines.iter().any(|(code, _)| world.untold_duties(*code).next().is_some());
    Incentive { prior: thousandths(libm::log(base / (1.0 - base)) + motive), exists: motive > 0.0 || untold() }
}

/// The rows behind the prior of these lines, those without weight included.
pub(crate) fn rows(codes: impl Iterator<Item = HsSubheading>, world: &World) -> Vec<String> {
    let mut rows: Vec<String> = world.shown.clone();
    for code in codes {
        let shown = world.measures.iter().filter(|measure| measure.weightless && measure.names(code));
        rows.extend(shown.map(|measure| measure.row.clone()));
        rows.extend(controls(code, world).map(|measure| measure.row.clone()));
        rows.extend(world.untold_duties(code).map(|measure| measure.row.clone()));
        rows.extend(world.tariff(code).into_iter().flat_map(|(_, rows)| rows.iter().cloned()));
    }
    rows.sort_unstable();
    rows.dedup();
    rows
}

/// The rate that is missing of a duty on one of these lines.
pub(crate) fn missing(codes: impl Iterator<Item = HsSubheading>, world: &World, numbers: &PriorNumbers) -> Option<Missing> {
    let mut untold = codes.flat_map(|code| world.untold_duties(code).map(move |measure| (code, measure)));
    let because = untold.next().map(|(code, measure)| format!("no row of duties tells the rate of {} on {code}", measure.row))?;
    Some(Missing { signal: "INCENTIVE", weight: numbers.tariff, because })
}

/// The controls that bind the line.
fn controls(code: HsSubheading, world: &World) -> impl Iterator<Item = &Measure> {
    world.measures.iter().filter(move |measure| measure.kind != MeasureKind::Duty && world.in_force(measure, code))
}

/// The heaviest control on the line, in log-odds.
fn control(code: HsSubheading, world: &World, numbers: &PriorNumbers, fell: Fell<'_>) -> f64 {
    let mut heaviest = 0.0f64;
    for measure in controls(code, world) {
        let whole = if measure.kind == MeasureKind::ExportBan { numbers.ban } else { numbers.licence };
        let outside = measure.partial && !fell(code, measure);
        let term = if outside { part(whole) * part(numbers.partial) } else { part(whole) };
        let term = if world.is_suspended(measure) { term + part(numbers.suspended) } else { term };
        heaviest = heaviest.max(term);
    }
    heaviest
}

fn tariff(code: HsSubheading, world: &World, numbers: &PriorNumbers) -> f64 {
    let rate = world.tariff(code).map_or(0.0, |(rate, _)| rate);
    part(numbers.tariff) * (rate / part(numbers.tariff_wedge_full)).min(1.0)
}

/// Whether the direct trade of the line fell since the measure, by either account of it.
fn direct_fell(subject: &Subject<'_>, code: HsSubheading, measure: &Measure) -> bool {
    let numbers = subject.parameters;
    let announced = Month::of(measure.announced);
    let before = Window { first: announced.plus(-numbers.episodes.before_months), last: announced.plus(-1) };
    let recent = Window::ending(subject.month(), numbers.episodes.after_months);
    let after = Window { first: recent.first.max(Month::of(measure.effective)), last: recent.last };
    for series in subject.books.direct().accounts() {
        let (before, after) = subject.sums(series, (before, after), Scope::Line(code));
        if before.months >= numbers.prior.direct_before_months_min && before.mean() > 0.0 && after.months > 0 {
            return 1.0 - after.mean() / before.mean() >= part(numbers.prior.direct_fall);
        }
    }
    false
}

/// The subheadings that went from M to D lately, with their weight: contained mass, else value, else each alike. Where no account
/// tells of it, those of the month's bills: whoever reads bills alone sees a control as well.
pub(super) fn traded(books: &Books<'_>, world: &World, parameters: &Parameters) -> Vec<(HsSubheading, f64)> {
    let months = parameters.episodes.after_months.max(i32::from(books.months));
    let window = Window::ending(books.corridor.month, months);
    for series in books.out().accounts() {
        let mut mix = Mix::default();
        once(world, |each| series.lines(window.first, window.last, each), |line| mix.add(line, world));
        let mut add = |line: Line| {
            if (window.first..=window.last).contains(&line.period.last()) {
                mix.add(line, world);
            }
        };
        once(world, |each| series.longer(each), &mut add);
        let told = mix.weighed();
        if !told.is_empty() {
            return told;
        }
    }
    let mut mix = Mix::default();
    books.bills().for_each(|line| mix.add(line, world));
    mix.weighed()
}

/// What trade is of. By code: contained tonnes, value, and one for each line.
#[derive(Default)]
struct Mix(Vec<(HsSubheading, [f64; 3])>);

impl Mix {
    fn add(&mut self, line: Line, world: &World) {
        let content =
            || world.content(line.hs6).map_or(if world.family.is_material() { 0.0 } else { 1.0 }, |content| content.mid);
        let mass = line.mass.map_or(0.0, |mass| mass.tonnes() * content());
        let weights = [mass, line.value_cents.unwrap_or(0) as f64, 1.0];
        match self.0.iter_mut().find(|(code, _)| *code == line.hs6) {
            Some((_, sums)) => sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight),
            None => self.0.push((line.hs6, weights)),
        }
    }

    /// The codes, in order, by the first of the weights that any of them has.
    fn weighed(mut self) -> Vec<(HsSubheading, f64)> {
        self.0.sort_unstable_by_key(|(code, _)| *code);
        let by = |weight: usize| -> Vec<(HsSubheading, f64)> {
            let weighed = self.0.iter().filter_map(|(code, sums)| sums.get(weight).map(|sum| (*code, *sum)));
            weighed.filter(|(_, sum)| *sum > 0.0).collect()
        };
        (0..3).map(by).find(|told| !told.is_empty()).unwrap_or_default()
    }
}

/// How D's demand grew, in log-points.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Demand {
    /// How many of its other sources tell it.
    pub(super) sources: u32,
    /// The median of their growth.
    pub(super) median: f64,
    /// What counts of it: shrunk where few tell it, and never below zero, since a falling demand is no evidence against M.
    pub(super) counts: f64,
}

/// The growth of D's other non-Chinese sources between two windows; in months of the same season where `seasonal` says so.
pub(super) fn demand_growth(
    subject: &Subject<'_>,
    (before, after): (Window, Window),
    (scope, seasonal): (Scope, bool),
) -> Demand {
    let (episodes, surge) = (&subject.parameters.episodes, &subject.parameters.surge);
    let kappa = surge.kappa(subject.world.class);
    let mut growths = Vec::new();
    for (country, leg) in subject.books.sources() {
        for series in leg.accounts() {
            let (pre, post) = subject.sums(series, (before, after), scope);
            let told = pre.months >= episodes.before_months_min && post.months >= episodes.after_months_min;
            if told && pre.tonnes() > 0.0 && post.tonnes() > 0.0 {
                let before = if seasonal { subject.mean_before(series, (before, after), scope).0 } else { pre.mean() };
                growths.push((country, libm::log((post.mean() + kappa) / (before + kappa))));
                break;
            }
        }
    }
    let of_d = Buyer { country: subject.d(), on: after.last.last_day(), members: &subject.world.members_of_eu };
    let mut growths: Vec<f64> = of_d.beside(subject.m(), growths).into_iter().map(|(_, growth)| growth).collect();
    let sources = u32::try_from(growths.len()).unwrap_or(u32::MAX);
    if sources < surge.demand_sources_min {
        return Demand { sources, ..Demand::default() };
    }
    growths.sort_unstable_by(f64::total_cmp);
    let middle = growths.len() / 2;
    let at = |index: usize| growths.get(index).copied().unwrap_or(0.0);
    let median = if growths.len() % 2 == 1 { at(middle) } else { (at(middle.saturating_sub(1)) + at(middle)) / 2.0 };
    let shrunk = median * f64::from(sources) / f64::from(sources + surge.demand_shrink);
    Demand { sources, median, counts: shrunk.max(0.0) }
}

#[cfg(test)]
mod tests {
    use super::super::trade::{Trade, Way, antimony_story, code, date, measure};
    use super::*;
    use crate::scoring::Model;

    #[track_caller]
    fn check(trade: &Trade, prior: i32, exists: bool) -> Vec<String> {
        let model = Model::built_in();
        let rows = |subject: &Subject<'_>| rows(subject.codes().into_iter(), subject.world);
        let (found, rows) = trade.see(&model.parameters, |subject| (of_corridor(subject), rows(subject)));
        assert_eq!((found.prior, found.exists), (prior, exists), "{rows:?}");
        rows
    }

    fn free() -> Trade {
        Trade::antimony("TH", "US", "2025-03").imports(Way::Out, ("282580", 20.0), ("2024-12", "2025-03"))
    }

    fn with(kind: MeasureKind) -> Trade {
        let mut trade = free();
        *trade.measures() = vec![measure("controls/X", kind, ("2024-12-03", "2024-12-03"))];
        trade
    }

    #[test]
    fn two_per_cent_without_a_motive() {
        check(&free(), -3892, false);
    }

    #[test]
    fn a_ban_weighs_more_than_a_licence_and_the_heavier_counts() {
        check(&with(MeasureKind::ExportBan), -2392, true);
        check(&with(MeasureKind::ExportLicence), -3092, true);
        let mut both = with(MeasureKind::ExportBan);
        both.measures().push(measure("controls/Y", MeasureKind::ExportLicence, ("2024-08-15", "2024-09-15")));
        assert_eq!(check(&both, -2392, true), ["controls/X", "controls/Y"]);
    }

    // Bills of lading alone: no statistics office has told of the way yet.
    #[test]
    fn shipments_without_an_account_see_the_control_on_what_they_carry() {
        let mut trade = Trade::antimony("TH", "US", "2025-03");
        *trade.measures() = vec![measure("controls/X", MeasureKind::ExportBan, ("2024-12-03", "2024-12-03"))];
        check(&trade, -3892, false);
        trade.bills = vec![(code("282580"), None)];
        assert_eq!(check(&trade, -2392, true), ["controls/X"]);
        // Half of what they are of is outside of the control, by codes; by contained mass, where it is told, nearly all of it.
        trade.measures()[0].subheadings = vec!["282580".parse().unwrap()];
        trade.bills.push((code("811010"), None));
        check(&trade, -3142, true);
        trade.bills = vec![(code("282580"), Some(1.0)), (code("811010"), Some(83.54 / 0.9965))];
        check(&trade, -3877, true);
    }

    #[test]
    fn a_suspension_lowers_it_for_as_long_as_it_lasts() {
        let mut trade = with(MeasureKind::ExportBan);
        trade.measures()[0].suspended = Some((date("2025-03-31"), Some(date("2025-04-30"))));
        check(&trade, -3192, true);
        trade.measures()[0].suspended = Some((date("2025-01-01"), Some(date("2025-03-31"))));
        check(&trade, -2392, true);
        trade.measures()[0].ended = Some(date("2025-03-31"));
        check(&trade, -3892, false);
    }

    #[test]
    fn a_measure_binds_from_its_day_on_its_lines() {
        let mut trade = with(MeasureKind::ExportBan);
        trade.measures()[0].effective = date("2025-04-01");
        check(&trade, -3892, false);
        trade.measures()[0].effective = date("2025-03-31");
        check(&trade, -2392, true);
        trade.measures()[0].subheadings = vec!["811010".parse().unwrap()];
        check(&trade, -3892, false);
        // Half of the contained mass is metal: half of the term.
        let metal = 20.0 * 0.8354 / 0.9965;
        check(&trade.imports(Way::Out, ("811010", metal), ("2024-12", "2025-03")), -3142, true);
    }

    #[test]
    fn without_weight_a_measure_is_only_shown() {
        let mut trade = with(MeasureKind::ExportBan);
        trade.measures()[0].weightless = true;
        assert_eq!(check(&trade, -3892, false), ["controls/X"]);
    }

    #[test]
    fn a_tariff_counts_by_its_wedge() {
        check(&free().wedge("282580", 0.25), -3642, true);
        check(&free().wedge("282580", 1.45), -3392, true);
        check(&free().wedge("282580", -0.1), -3892, false);
        check(&with(MeasureKind::Duty).wedge("282580", 0.0), -3892, false);
    }

    #[test]
    fn a_duty_without_a_rate_is_a_motive_that_adds_nothing() {
        let mut duty = with(MeasureKind::Duty);
        assert_eq!(check(&duty, -3892, true), ["controls/X"]);
        let lacks = |trade: &Trade| {
            let model = Model::built_in();
            let numbers = &model.parameters.prior;
            trade.see(&model.parameters, |subject| missing(subject.codes().into_iter(), subject.world, numbers))
        };
        let named = lacks(&duty).unwrap();
        assert_eq!((named.signal, named.weight), ("INCENTIVE", 500));
        assert_eq!(named.because, "no row of duties tells the rate of controls/X on 282580");
        // Told, it counts by its wedge, and the row that tells it stands for it.
        assert_eq!(check(&duty.clone().wedge("282580", 0.25), -3642, true), ["tariffs/CN"]);
        assert!(lacks(&duty.clone().wedge("282580", 0.25)).is_none());
        // Beside a control the control weighs as it does alone.
        let mut both = duty.clone();
        both.measures().push(measure("controls/Y", MeasureKind::ExportLicence, ("2024-08-15", "2024-09-15")));
        assert_eq!(check(&both, -3092, true), ["controls/X", "controls/Y"]);
        duty.measures()[0].suspended = Some((date("2025-03-31"), None));
        check(&duty, -3892, false);
        duty.measures()[0].suspended = None;
        duty.measures()[0].ended = Some(date("2025-03-31"));
        check(&duty, -3892, false);
        duty.measures()[0].ended = None;
        duty.measures()[0].subheadings = vec!["811010".parse().unwrap()];
        check(&duty, -3892, false);
        assert!(lacks(&duty).is_none());
    }

    // 33/2024 lists oxide of 99.99 % and more; the line also holds the common 99.5 to 99.9 %.
    #[test]
    fn a_partly_listed_line_counts_half_unless_the_direct_trade_fell() {
        check(&antimony_story("TH", "US", "2025-03"), -2392, true);
        let told =
            |tonnes| antimony_story("TH", "US", "2025-03").imports(Way::Direct, ("282580", tonnes), ("2024-12", "2025-03"));
        check(&told(31.0), -3142, true);
        check(&told(29.0), -2392, true);
        check(&antimony_story("TH", "US", "2025-03").without(Way::Direct), -3142, true);
    }

    #[test]
    fn m_s_name_is_no_part_of_it() {
        for m in ["VN", "MX", "AE", "CA"] {
            check(&antimony_story(m, "US", "2025-03"), -2392, true);
        }
    }
}
