//! T1_EVENT_SURGE: both legs, China to M and M to D, rose after a measure on Chinese goods.
//!
//! **Sees** contained mass a month before and after an episode, by stage (ore, oxide, metal apart), on both legs. An episode
//! is measures of one kind, controls on exports from China or tariffs, that were announced within twelve months. "Before" is
//! the 24 months that end with the month before the first announcement; "after" at most the last six months, none before the
//! measure bound. Before counts the mean of all months told, or that of the same months of the year as those after, where
//! it is larger and at least three of them are told: a season that begins is no rise, of a leg or of demand. Growth is in
//! log-points, with a small constant on both sides so that tiny flows do not explode, and less the growth of D's other
//! non-Chinese sources (`EU` is one where none of its members is): when all sources rise, demand rose. The first leg may
//! come in another stage than it leaves in (metal in, oxide out), so it is compared by stage and over all of the family's
//! own codes, and the larger growth counts, where what came can be a fifth of what left. Nothing but ore makes ore: for it
//! a first leg of ore alone counts. What M tells as re-exports is no part of the second leg. A stage counts from a fifth of
//! the corridor's mass; of several the strongest is named.
//!
//! **Why it hints at rerouting**: with both legs seen the weight is 1.5 per log-point of the smaller rise, at most 2.5. Where
//! the first leg cannot be seen, 0.36 per log-point of the second, at most 1.2.
//!
//! **Speaks against it** where the first leg is seen and stood still while the second rose: -0.3 per log-point of the
//! difference. Under an export control only M's own import report can do so: a first leg that China does not report is what a
//! false report looks like.
//!
//! **Silent** without an episode, below the thresholds of the model, with fewer than three months after or six before, and
//! where only values are told: dollars follow the price (Japan's antimony oxide to the US, 2024 to 2025: 1.45 log-points in
//! dollars, 0.18 deflated). Periods longer than a month are not observable; where they are all that is told, the words say
//! so.
//!
//! **Waits** where M told its imports before the episode and a month of the last six too, but not three after it yet: a rise of
//! the second leg alone says little, and M's report will come. Under an export control China's report of the months after speaks
//! at once, as far as it exceeds what M told of those before.
//!
//! **Ordinary explanations**: relocation, demand, stock-building. **Falsified by** a first leg that did not rise, or by
//! growth of the same size in M's own or other non-Chinese supply. Where M tells that its other imports rose as much, the
//! evidence says so: it is for C1 to weigh, which knows all of the supply.

use crate::ledger::{Account, Series};
use crate::reference::MaterialStage;

use super::balance::{first_leg_words, span};
use super::episode::{Episode, episodes};
use super::first_leg::{First, Growth, first_leg};
use super::incentive::{Demand, demand_growth};
use super::mass::{Scope, Sum, Window, account_of, cells};
use super::mass_balance::A_FIFTH;
use super::parameters::{part, thousandths};
use super::subject::Subject;
use super::words::{first_leg_longer, of_season, other_imports_rose, periods, sources_longer, stage_word, times};
use super::{Coverage, Evidence, Figure, Missing, RestsOn, Signal};

/// What the event test says: its figures. Words are found only for what is published.
#[derive(Clone, Debug)]
pub(crate) struct Surge<'a> {
    /// The test that speaks.
    spoken: Option<Test<'a>>,
    /// Whether the second leg could be tested.
    pub(crate) coverage: Coverage,
    /// Whether both legs could be seen.
    pub(crate) both_legs: bool,
    any_episode: bool,
}

/// One stage against one episode.
#[derive(Clone, Debug)]
struct Test<'a> {
    stage: Option<MaterialStage>,
    episode: Episode<'a>,
    after: Window,
    series: Series<'a>,
    second: Growth,
    demand: Demand,
    first: Option<First>,
    weight: i32,
}

/// Tests every stage of the corridor against every episode; the strongest speaks.
pub(crate) fn event_surge<'a>(subject: &Subject<'a>) -> Surge<'a> {
    let codes = subject.codes();
    let mut surge = Surge { spoken: None, coverage: Coverage::NotObservable, both_legs: false, any_episode: false };
    if subject.books.months > 1 || codes.is_empty() {
        surge.any_episode = !episodes(subject, &codes).is_empty();
        return surge;
    }
    let mut stages: Vec<Option<MaterialStage>> = codes.iter().map(|code| subject.world.stage(*code)).collect();
    stages.sort_unstable();
    stages.dedup();
    stages.retain(|stage| stage.is_some() || !subject.world.family.is_material());
    let (mut tests, mut pending) = (Vec::new(), false);
    for stage in stages {
        let of_stage: Vec<_> = codes.iter().copied().filter(|code| subject.world.stage(*code) == stage).collect();
        for episode in episodes(subject, &of_stage) {
            surge.any_episode = true;
            match test(subject, stage, episode) {
                Ok(test) => tests.push(test),
                Err(wait) => pending |= wait,
            }
        }
    }
    let has_mass = || subject.books.out().accounts().into_iter().any(|series| recent(subject, series).months > 0);
    surge.coverage = match (tests.is_empty(), pending, surge.any_episode) {
        (false, ..) => Coverage::Observed,
        (true, _, false) if has_mass() => Coverage::Observed,
        (true, true, true) => Coverage::Pending,
        _ => Coverage::NotObservable,
    };
    let spoken = strongest(&tests);
    surge.both_legs = match spoken.and_then(|index| tests.get(index)) {
        Some(test) => test.sees_both(),
        None => !tests.is_empty() && tests.iter().all(Test::sees_both),
    };
    surge.spoken = spoken.map(|index| tests.swap_remove(index));
    surge
}

impl Surge<'_> {
    /// Its weight; 0 where it is silent.
    pub(crate) fn weight(&self) -> i32 {
        self.spoken.as_ref().map_or(0, |test| test.weight)
    }

    /// What it says, in words.
    pub(crate) fn evidence(&self, subject: &Subject<'_>) -> Option<Evidence> {
        self.spoken.as_ref().map(|test| evidence(subject, test))
    }

    /// What it lacks.
    pub(crate) fn missing(&self, subject: &Subject<'_>) -> Option<Missing> {
        let weight = subject.parameters.surge.both_legs_cap;
        let signal = Signal::EventSurge.code();
        let (m, d) = (subject.m(), subject.d());
        let because = match self.coverage {
            _ if !self.any_episode => return None,
            Coverage::Observed if self.both_legs => return self.demand_missing(subject),
            Coverage::Observed => match first_leg_longer(subject) {
                Some(periods) => format!("the first leg (imports of {m} from China) is told by {periods} alone"),
                None => first_leg_words(m),
            },
            Coverage::Pending => {
                format!("too few months since the measure are reported, of {m} to {d} or of what {m} imports")
            }
            Coverage::NotObservable if subject.books.months > 1 => {
                format!("the trade {m} to {d} is told by {} alone", periods(subject.books.months))
            }
            Coverage::NotObservable => format!("the mass of the trade {m} to {d} before and after the measure is not reported"),
        };
        Some(Missing { signal, weight, because })
    }

    /// A rise that may be all demand, which too few others tell.
    fn demand_missing(&self, subject: &Subject<'_>) -> Option<Missing> {
        let test = self.spoken.as_ref().filter(|test| test.weight > 0)?;
        let least = subject.parameters.surge.demand_sources_min;
        let longer = sources_longer(subject);
        let longer = longer.map_or(String::new(), |(sources, periods)| format!(" ({sources} are told by {periods} alone)"));
        let because = format!(
            "fewer than {least} other sources of {} are reported with their mass, so growth of demand is unknown{longer}",
            subject.d()
        );
        (test.demand.sources < least).then(|| Missing { signal: Signal::EventSurge.code(), weight: test.weight, because })
    }
}

fn recent(subject: &Subject<'_>, series: Series<'_>) -> Sum {
    let window = Window::ending(subject.month(), subject.parameters.episodes.after_months);
    let sum = subject.sum(series, window, (Scope::All, false));
    if sum.tonnes() > 0.0 { sum } else { Sum::default() }
}

/// The largest weight; where none is positive, the most negative. Of two alike the last of the first kind, the first of the other.
fn strongest(tests: &[Test<'_>]) -> Option<usize> {
    let weighed = || tests.iter().map(|test| test.weight).enumerate();
    let most = weighed().max_by_key(|(_, weight)| *weight)?;
    let spoken = if most.1 > 0 { Some(most) } else { weighed().min_by_key(|(_, weight)| *weight) };
    spoken.filter(|(_, weight)| *weight != 0).map(|(index, _)| index)
}

/// One stage against one episode; `Err(true)` where the months after are still to come.
fn test<'a>(subject: &Subject<'a>, stage: Option<MaterialStage>, episode: Episode<'a>) -> Result<Test<'a>, bool> {
    let numbers = subject.parameters;
    let world = subject.world;
    let after = episode.after(subject);
    let scope = if world.family.is_material() { Scope::Stage(stage) } else { Scope::All };
    let before = episode.before;
    let told_before = |pre: Sum| pre.months >= numbers.episodes.before_months_min;
    let told = |(pre, post): (Sum, Sum)| told_before(pre) && post.months >= numbers.episodes.after_months_min;
    let accounts = subject.books.out().accounts().map(|series| (series, subject.sums(series, (before, after), scope)));
    let Some((series, (_, post))) =
        account_of(accounts.into_iter().filter(|(_, sums)| told(*sums)), |(_, (_, post))| post.spoken)
    else {
        return Err(accounts.iter().any(|(_, (pre, _))| told_before(*pre)));
    };
    let whole = subject.sum(series, after, (Scope::All, false));
    let mean_before = subject.mean_before(series, (before, after), scope);
    let second = Growth::of((mean_before, post.mean()), numbers.surge.kappa(world.class));
    // Demand only ever lowers a rise: below the threshold it need not be known.
    let may_fire = second.log_points >= numbers.surge.threshold(world.class, true, second.before * 12.0);
    let demand = if may_fire { demand_growth(subject, (before, after), (scope, true)) } else { Demand::default() };
    let first = first_leg(subject, &episode, (scope, after));
    let awaited = first.is_some_and(|first| first.awaited);
    let mut test = Test { stage, episode, after, series, second, demand, first, weight: 0 };
    if post.tonnes() > 0.0 && post.tonnes() >= part(numbers.surge.stage_share_min) * whole.tonnes() {
        test.weight = weight(subject, &test);
        // A rise of the second leg alone says little, and M's report will soon say more.
        if may_fire && awaited && test.weight <= 0 {
            return Err(true);
        }
    }
    Ok(test)
}

impl Test<'_> {
    fn sees_both(&self) -> bool {
        self.first.is_some_and(|first| !first.awaited || self.weight > 0)
    }
}

fn weight(subject: &Subject<'_>, test: &Test<'_>) -> i32 {
    let numbers = &subject.parameters.surge;
    let class = subject.world.class;
    let rise = test.second.log_points - test.demand.counts;
    if rise < numbers.threshold(class, true, test.second.before * 12.0) {
        return 0;
    }
    let one_leg = (part(numbers.one_leg) * rise).min(part(numbers.one_leg_cap));
    let Some(first) = test.first else { return thousandths(one_leg) };
    let grown = first.growth.log_points;
    if grown < part(numbers.still) && !first.awaited {
        return -thousandths(part(numbers.still_leg) * (test.second.log_points - grown).max(0.0));
    }
    // What came from China must be able to be a fifth of what left.
    let is_enough = first.after >= A_FIFTH * test.second.after;
    let rose = is_enough && grown >= numbers.threshold(class, false, first.growth.before * 12.0);
    let both = if rose { (part(numbers.both_legs) * grown.min(rise)).min(part(numbers.both_legs_cap)) } else { 0.0 };
    // China's report alone shows at least so much: seeing a part of the first leg never says less than seeing none.
    thousandths(if first.may_exonerate || first.awaited { both } else { both.max(one_leg) })
}

fn evidence(subject: &Subject<'_>, test: &Test<'_>) -> Evidence {
    let (m, d) = (subject.m(), subject.d());
    let scope = if subject.world.family.is_material() { Scope::Stage(test.stage) } else { Scope::All };
    let what = test.stage.map_or(String::new(), |stage| format!(" ({})", stage_word(stage)));
    let decimals = subject.decimals();
    let tonnes = |value: f64| format!("{value:.*}", usize::from(decimals));
    let Window { first: from, last: until } = test.after;
    let Growth { before, after, log_points, in_season } = test.second;
    let mut statement = format!(
        "{}{what} from {m} to {d} went from {} to {} t a month ({}), {}{} against {from} to {until}",
        subject.world.family,
        tonnes(before),
        tonnes(after),
        times(log_points),
        span(test.episode.before),
        of_season(in_season),
    );
    let mut figures = vec![
        Figure { name: "second_leg_before_t_a_month", value: before, decimals },
        Figure { name: "second_leg_after_t_a_month", value: after, decimals },
        Figure { name: "second_leg_growth_log", value: log_points, decimals: 2 },
    ];
    let mut rests_on: Vec<(u64, _)> = cells(test.series, test.after, scope, subject.world);
    let (first, of_first) = first_words(subject, test.first);
    statement += &first;
    figures.extend(of_first);
    if test.first.is_some() {
        let leg = subject.books.first();
        for side in [Account::IMPORTER, Account::EXPORTER] {
            let told = side.map(|account| cells(leg.by(account), test.after, Scope::All, subject.world));
            rests_on.extend(told.into_iter().find(|cells| !cells.is_empty()).into_iter().flatten());
        }
    }
    let (demand, figure) = demand_words(subject, test);
    statement += &demand;
    figures.extend(figure);
    let elsewhere = elsewhere(subject, test);
    if let Some(rose) = elsewhere {
        statement += &format!("; what {m} imports from elsewhere than China rose by {} t a month", tonnes(rose));
    }
    statement += &format!(" (account of the second leg: {})", test.series.account.word());
    rests_on.sort_unstable_by(|left, right| right.0.cmp(&left.0).then(left.1.cmp(&right.1)));
    let mut reference = test.episode.rows();
    reference.sort_unstable();
    reference.dedup();
    Evidence {
        signal: Signal::EventSurge,
        weight: test.weight,
        statement,
        figures,
        rests_on: rests_on.into_iter().map(|(_, cell)| RestsOn::Cell(cell)).collect(),
        reference,
        falsified_by: match (test.weight > 0, elsewhere) {
            (true, None) => {
                format!("imports of {m} from China that did not rise, or non-Chinese supply of {m} that rose as much")
            }
            (true, Some(_)) => {
                format!("imports of {m} from China that did not rise, or goods for {d} made of what {m} imports from elsewhere")
            }
            (false, _) => format!("imports of {m} from China under other codes or through other countries that rose as much"),
        },
    }
}

/// The first leg, or how it is told where it cannot be tested.
fn first_words(subject: &Subject<'_>, first: Option<First>) -> (String, Vec<Figure>) {
    let (m, decimals) = (subject.m(), subject.decimals());
    let Some(First { growth, .. }) = first else {
        let words = match first_leg_longer(subject) {
            Some(periods) => format!("; {m} tells its imports from China by {periods} alone"),
            None => format!("; {m} does not report enough of its imports from China"),
        };
        return (words, Vec::new());
    };
    let stood = if growth.log_points < part(subject.parameters.surge.still) { "stood still: " } else { "" };
    let [before, after] = [growth.before, growth.after].map(|value| format!("{value:.*}", usize::from(decimals)));
    let (times, season) = (times(growth.log_points), of_season(growth.in_season));
    let figures = vec![
        Figure { name: "first_leg_before_t_a_month", value: growth.before, decimals },
        Figure { name: "first_leg_after_t_a_month", value: growth.after, decimals },
        Figure { name: "first_leg_growth_log", value: growth.log_points, decimals: 2 },
    ];
    (format!("; the first leg {stood}from {before}{season} to {after} t a month ({times})"), figures)
}

/// How demand grew, where enough others tell it.
fn demand_words(subject: &Subject<'_>, test: &Test<'_>) -> (String, Option<Figure>) {
    let Demand { sources, median, counts } = test.demand;
    let least = subject.parameters.surge.demand_sources_min;
    if sources < least {
        let longer = sources_longer(subject);
        let longer = longer.map_or(String::new(), |(sources, periods)| format!(", {sources} by {periods} alone"));
        return (format!("; growth of demand is unknown (fewer than {least} other sources with mass{longer})"), None);
    }
    let mut words = format!("; demand, by {sources} other sources, {}", times(median));
    if times(counts) != times(median) {
        words += &format!(", counted as {}", times(counts));
    }
    (words, Some(Figure { name: "demand_growth_log", value: counts, decimals: 2 }))
}

/// What M imports from elsewhere than China, where it rose as much as the second leg did, in tonnes a month: what would speak against
/// a rise is told then, and no weight of this test.
fn elsewhere(subject: &Subject<'_>, test: &Test<'_>) -> Option<f64> {
    let rose = other_imports_rose(subject, (test.episode.before, test.after)).filter(|_| test.weight > 0);
    rose.filter(|rose| *rose >= test.second.after - test.second.before)
}

#[cfg(test)]
mod tests {
    use super::super::trade::{Trade, Way, antimony_story, date, measure, with_burmese_ore, with_chinese_oxide};
    use super::*;
    use crate::reference::{Measure, MeasureKind};
    use crate::scoring::Model;

    /// What the test said, in words.
    #[derive(Debug)]
    struct Said {
        evidence: Option<Evidence>,
        coverage: Coverage,
        both_legs: bool,
        missing: Option<Missing>,
    }

    const LAST: &str = "2025-03";

    fn surge(trade: &Trade) -> Said {
        let model = Model::built_in();
        trade.see(&model.parameters, |subject| {
            let surge = event_surge(subject);
            Said {
                evidence: surge.evidence(subject),
                coverage: surge.coverage,
                both_legs: surge.both_legs,
                missing: surge.missing(subject),
            }
        })
    }

    #[track_caller]
    fn check(trade: &Trade, weight: i32, coverage: Coverage) -> Said {
        let surge = surge(trade);
        let found = surge.evidence.as_ref().map_or(0, |evidence| evidence.weight);
        assert!((found - weight).abs() <= 1 && surge.coverage == coverage, "{surge:#?}");
        surge
    }

    /// A large steady flow (100 t of metal a month) that grows by a factor with the ban, and its first leg.
    fn grown(first: Option<f64>, second: f64) -> Trade {
        let trade = Trade::antimony("TH", "US", LAST)
            .controlled()
            .imports(Way::Out, ("811010", 100.0), ("2022-06", "2024-11"))
            .imports(Way::Out, ("811010", 100.0 * second), ("2024-12", LAST));
        match first {
            None => trade,
            Some(first) => trade.imports(Way::First, ("811010", 100.0), ("2022-06", "2024-11")).imports(
                Way::First,
                ("811010", 100.0 * first),
                ("2024-12", LAST),
            ),
        }
    }

    // Thailand, antimony oxide, from the totals that the press published on 2025-07-09.
    #[test]
    fn fires_on_thai_antimony() {
        let seen = check(&with_chinese_oxide(antimony_story("TH", "US", LAST), LAST), 2500, Coverage::Observed);
        assert!(seen.both_legs && seen.missing.unwrap().because.contains("growth of demand is unknown"));
        let evidence = seen.evidence.unwrap();
        assert!(
            evidence.statement.starts_with("SB (oxide) from TH to US went from 17.4 to 468.7 t a month (26 times)"),
            "{evidence:?}"
        );
        assert!(evidence.statement.contains("the first leg from 20.9 to 492.9"), "{evidence:?}");
        assert_eq!(evidence.reference, ["controls/CN-2024-33", "controls/CN-2024-46"]);
        // One leg: 0.36 times ln((468.66 + 0.4167) / (17.376 + 0.4167)).
        let unseen = check(&antimony_story("TH", "US", LAST), 1178, Coverage::Observed);
        assert!(!unseen.both_legs && unseen.missing.unwrap().because.contains("first leg (imports of TH from China)"));
    }

    #[test]
    fn a_first_leg_that_stood_still_speaks_against() {
        // -0.3 times ln(469.08 / 17.79); the layer's cap is not the signal's business.
        check(&with_burmese_ore(antimony_story("TH", "US", LAST), LAST), -982, Coverage::Observed);
    }

    #[test]
    fn under_a_control_china_alone_cannot_exonerate() {
        let silent = antimony_story("TH", "US", LAST).exports(Way::First, ("282580", 10.0), ("2022-06", LAST));
        let told = check(&silent, 1178, Coverage::Observed);
        assert!(!told.both_legs);
    }

    #[test]
    fn fires_from_its_threshold_on() {
        // Above 500 t a year the threshold is 0.6 log-points, ln 1.8221.
        check(&grown(Some(3.0), 1.815), 0, Coverage::Observed);
        let second = libm::log((99.65 * 1.83 + 5.0 / 12.0) / (99.65 + 5.0 / 12.0));
        check(&grown(Some(3.0), 1.83), thousandths(1.5 * second), Coverage::Observed);
        // The first leg rose, and not enough to say anything.
        check(&grown(Some(1.8), 3.0), 0, Coverage::Observed);
        // It stood still below a fifth of a log-point.
        assert!(surge(&grown(Some(1.2), 3.0)).evidence.unwrap().weight < 0);
        check(&grown(Some(1.25), 3.0), 0, Coverage::Observed);
    }

    #[test]
    fn growth_of_demand_is_no_surge() {
        let sources = ["BE", "JP", "BO", "FR"];
        let demand = |trade: Trade, factor: f64| {
            sources.iter().fold(trade, |trade, source| {
                trade.imports(Way::Source(source), ("811010", 50.0), ("2022-06", "2024-11")).imports(
                    Way::Source(source),
                    ("811010", 50.0 * factor),
                    ("2024-12", LAST),
                )
            })
        };
        let alone = surge(&grown(None, 3.0)).evidence.unwrap().weight;
        let shared = surge(&demand(grown(None, 3.0), 2.0)).evidence.unwrap();
        assert!(
            shared.weight < alone && shared.statement.contains("demand, by 4 other sources, 2.0 times, counted as 1.5 times"),
            "{shared:?}"
        );
        check(&demand(grown(None, 3.0), 3.0), 0, Coverage::Observed);
        // A demand that falls is no evidence against M.
        assert_eq!(surge(&demand(grown(None, 3.0), 0.2)).evidence.unwrap().weight, alone);
    }

    #[test]
    fn silent_without_a_measure_that_binds() {
        let mut trade = with_chinese_oxide(antimony_story("TH", "US", LAST), LAST);
        for measure in trade.measures() {
            measure.weightless = true;
        }
        check(&trade, 0, Coverage::Observed);
        *trade.measures() = vec![measure("tariffs/US-1", MeasureKind::Duty, ("2024-12-01", "2024-12-01"))];
        // Chinese goods are told to owe no more than others.
        check(&trade.clone().wedge("282580", 0.0), 0, Coverage::Observed);
        check(&trade.clone().wedge("282580", 0.25), 2500, Coverage::Observed);
        let named = trade.wedge("282580", 0.25);
        let mut elsewhere = named.clone();
        elsewhere.measures()[0].subheadings = vec!["811010".parse().unwrap()];
        check(&elsewhere, 0, Coverage::Observed);
    }

    #[test]
    fn a_duty_without_a_rate_is_a_measure() {
        let mut trade = with_chinese_oxide(antimony_story("TH", "US", LAST), LAST);
        *trade.measures() = vec![measure("controls/EU-AD", MeasureKind::Duty, ("2024-12-01", "2024-12-01"))];
        let evidence = check(&trade, 2500, Coverage::Observed).evidence.unwrap();
        assert_eq!(evidence.reference, ["controls/EU-AD"]);
        let changed = |change: &dyn Fn(&mut Measure)| {
            let mut trade = trade.clone();
            change(&mut trade.measures()[0]);
            check(&trade, 0, Coverage::Observed);
        };
        changed(&|duty| duty.weightless = true);
        changed(&|duty| duty.ended = Some(date("2025-03-01")));
        changed(&|duty| duty.suspended = Some((date("2025-03-01"), None)));
        changed(&|duty| duty.effective = date("2025-04-01"));
        changed(&|duty| duty.subheadings = vec!["811010".parse().unwrap()]);
    }

    #[test]
    fn months_of_a_suspension_are_not_after_the_measure() {
        let mut trade = with_chinese_oxide(antimony_story("TH", "US", LAST), LAST);
        let mut suspended = |until: &str| {
            trade.measures().iter_mut().for_each(|measure| measure.suspended = Some((date("2024-12-05"), Some(date(until)))));
            check(
                &trade,
                if until < "2025-01" { 2500 } else { 0 },
                if until < "2025-01" { Coverage::Observed } else { Coverage::Pending },
            )
        };
        // Four months after it, then one.
        suspended("2024-12-20");
        suspended("2025-03-01");
    }

    #[test]
    fn a_newer_measure_does_not_hide_the_older() {
        let mut trade = with_chinese_oxide(antimony_story("TH", "US", LAST), LAST).wedge("282580", 0.2);
        trade.measures().push(measure("tariffs/US-1", MeasureKind::Duty, ("2025-03-04", "2025-03-04")));
        check(&trade, 2500, Coverage::Observed);
        let mut stricter = with_chinese_oxide(antimony_story("TH", "US", LAST), LAST);
        stricter.measures().push(measure("controls/CN-2025-1", MeasureKind::ExportBan, ("2025-03-01", "2025-03-01")));
        check(&stricter, 2500, Coverage::Observed);
    }

    #[test]
    fn waits_for_three_months_after_and_needs_six_before() {
        let mut early = with_chinese_oxide(antimony_story("TH", "US", "2025-01"), "2025-01");
        early.measures().remove(0);
        let seen = check(&early, 0, Coverage::Pending);
        assert!(seen.missing.unwrap().because.contains("too few months"));
        let new = Trade::antimony("TH", "US", LAST).controlled().imports(Way::Out, ("282580", 561.0), ("2024-03", LAST));
        check(&new, 0, Coverage::NotObservable);
        let observed_zero = new.imports(Way::Out, ("282580", 0.0), ("2023-06", "2024-02"));
        assert!(surge(&observed_zero).evidence.is_some());
    }

    /// Thailand tells what it imports until a month, China until the last.
    fn told_until(own: f64, last: &str, mirror: Option<(f64, f64)>) -> Trade {
        let trade = grown(None, 20.0).imports(Way::First, ("811010", own), ("2022-06", last));
        match mirror {
            None => trade,
            Some((before, after)) => trade.exports(Way::First, ("811010", before), ("2022-06", "2024-11")).exports(
                Way::First,
                ("811010", after),
                ("2024-12", LAST),
            ),
        }
    }

    #[test]
    fn a_first_leg_that_can_be_no_fifth_of_the_second_is_none() {
        let trade = |after: f64| {
            let trade = Trade::antimony("TH", "US", LAST)
                .controlled()
                .imports(Way::Out, ("811010", 50.0), ("2022-06", "2024-11"))
                .imports(Way::Out, ("811010", 250.0), ("2024-12", LAST));
            trade.imports(Way::First, ("811010", 0.1), ("2022-06", "2024-11")).imports(
                Way::First,
                ("811010", after),
                ("2024-12", LAST),
            )
        };
        // Both rose, and 2 t a month are nothing beside 250; a fifth of them is something.
        check(&trade(2.0), 0, Coverage::Observed);
        check(&trade(49.0), 0, Coverage::Observed);
        check(&trade(51.0), 2404, Coverage::Observed);
        // The same tonnes as oxide, beside metal that stood still: it is the family's sum that can be a fifth.
        let beside = |metal| {
            trade(0.1).imports(Way::First, ("282580", 0.1), ("2022-06", "2024-11")).imports(
                Way::First,
                ("282580", metal),
                ("2024-12", LAST),
            )
        };
        check(&beside(10.0), 0, Coverage::Observed);
        check(&beside(70.0), 2404, Coverage::Observed);
    }

    #[test]
    fn demand_that_nobody_tells_is_named_among_what_is_missing() {
        let told = |trade: Trade, code: &'static str| trade.imports(Way::Source(code), ("811010", 50.0), ("2022-06", LAST));
        let two = ["JP", "BO"].into_iter().fold(grown(Some(20.0), 20.0), told);
        let said = surge(&two).missing.unwrap();
        assert!(said.weight == 2500 && said.because.contains("growth of demand is unknown"), "{said:?}");
        assert!(surge(&told(two, "FR")).missing.is_none());
    }

    #[test]
    fn a_report_that_is_still_to_come_is_awaited() {
        let waits = |trade: &Trade| {
            let said = check(trade, 0, Coverage::Pending);
            assert!(!said.both_legs && said.missing.unwrap().because.contains("of what TH imports"));
        };
        waits(&told_until(0.0, "2025-01", None));
        waits(&told_until(100.0, "2024-10", None));
        // China's report of the months after speaks only as far as it exceeds what Thailand told of those before.
        waits(&told_until(100.0, "2025-01", Some((0.0, 100.0))));
        assert!(surge(&told_until(100.0, "2025-01", Some((0.0, 1000.0)))).evidence.is_some_and(|said| said.weight > 1200));
        // What has not come for half a year is not awaited any more.
        let gone = surge(&told_until(0.0, "2024-09", None)).evidence.unwrap();
        assert!(gone.weight > 0 && gone.statement.contains("does not report enough of its imports"), "{gone:?}");
    }

    // Japan's antimony oxide for the US is told in dollars alone: 1.45 log-points in dollars, 0.18 deflated.
    #[test]
    fn dollars_are_no_mass() {
        let told = |trade: Trade| trade.tell((Way::Out, Account::ImporterFlow), ("282580", None), ("2022-06", LAST));
        check(&told(Trade::antimony("JP", "US", LAST).controlled()), 0, Coverage::NotObservable);
    }

    #[test]
    fn a_longer_period_is_no_event() {
        let mut trade = with_chinese_oxide(antimony_story("TH", "US", LAST), LAST);
        trade.months = 3;
        let said = check(&trade, 0, Coverage::NotObservable);
        assert_eq!(said.missing.unwrap().because, "the trade TH to US is told by quarters alone");
    }

    #[test]
    fn a_small_stage_does_not_speak_for_the_corridor() {
        let trade = grown(Some(1.0), 1.0).imports(Way::Out, ("282580", 0.0), ("2022-06", "2024-11")).imports(
            Way::Out,
            ("282580", 20.0),
            ("2024-12", LAST),
        );
        check(&trade, 0, Coverage::Observed);
    }

    #[test]
    fn metal_that_leaves_as_oxide_is_seen() {
        let trade = antimony_story("TH", "US", LAST).imports(Way::First, ("811010", 20.0), ("2022-06", "2024-11")).imports(
            Way::First,
            ("811010", 500.0),
            ("2024-12", LAST),
        );
        check(&trade, 2500, Coverage::Observed);
    }

    #[test]
    fn baskets_and_headings_are_tested_in_gross_mass() {
        for family in ["H811292", "H8471"] {
            let trade = with_chinese_oxide(antimony_story("TH", "US", LAST), LAST).family(family);
            check(&trade, 2500, Coverage::Observed);
        }
    }

    /// A way with so many tonnes in the months from December to March of every year, and few in the others.
    fn in_season(trade: Trade, way: Way, tonnes: f64) -> Trade {
        let seasons = [("2022-12", "2023-03"), ("2023-12", "2024-03"), ("2024-12", LAST)];
        let dull = trade.imports(way, ("811010", 10.0), ("2022-06", LAST));
        seasons.into_iter().fold(dull, |trade, season| trade.imports(way, ("811010", tonnes), season))
    }

    #[test]
    fn a_season_that_begins_is_no_surge() {
        let empty = || Trade::antimony("TH", "US", LAST).controlled();
        let seasonal = || in_season(in_season(empty(), Way::Out, 900.0), Way::First, 1000.0);
        check(&seasonal(), 0, Coverage::Observed);
        // Three times what the same months had before is one.
        let thrice = |way, tonnes| move |trade: Trade| trade.imports(way, ("811010", tonnes), ("2024-12", LAST));
        let said = surge(&thrice(Way::Out, 2700.0)(thrice(Way::First, 3000.0)(seasonal()))).evidence.unwrap();
        let grown = libm::log((2700.0 * 0.9965 + 5.0 / 12.0) / (900.0 * 0.9965 + 5.0 / 12.0));
        assert_eq!(said.weight, thousandths(1.5 * grown), "{said:?}");
        assert!(
            said.statement.contains("2022-08 to 2024-07 (the same months of the year) against 2024-12 to 2025-03"),
            "{said:?}"
        );
        assert!(said.statement.contains("from 996.5 (the same months of the year) to 2989.5 t a month (3.0 times)"), "{said:?}");
        // Nor is a season of the others a growth of demand.
        let alone = surge(&grown_thrice()).evidence.unwrap().weight;
        let beside =
            ["BE", "JP", "BO", "FR"].into_iter().fold(grown_thrice(), |trade, from| in_season(trade, Way::Source(from), 90.0));
        assert_eq!(surge(&beside).evidence.unwrap().weight, alone);
    }

    fn grown_thrice() -> Trade {
        grown(Some(3.0), 3.0)
    }

    #[test]
    fn nothing_but_ore_makes_ore() {
        let grown = |trade: Trade, way, code, tonnes| {
            trade.imports(way, (code, 20.0), ("2022-06", "2024-11")).imports(way, (code, tonnes), ("2024-12", LAST))
        };
        let ore = || grown(Trade::antimony("BO", "US", LAST).controlled(), Way::Out, "261710", 400.0);
        // Bolivia tells its imports, and none of them is Chinese ore.
        assert!(surge(&grown(ore(), Way::First, "282580", 590.0)).evidence.unwrap().weight < 0);
        check(&grown(ore(), Way::First, "261710", 590.0), 2500, Coverage::Observed);
    }

    #[test]
    fn other_supply_that_rose_as_much_is_said_and_not_asked_for() {
        let beside = |japanese: f64| {
            let trade = with_chinese_oxide(antimony_story("TH", "US", LAST), LAST);
            let before = trade.imports(Way::Supply("JP"), ("282580", 25.0), ("2022-06", "2024-11"));
            surge(&before.imports(Way::Supply("JP"), ("282580", japanese), ("2024-12", LAST))).evidence.unwrap()
        };
        let (little, much) = (beside(300.0), beside(800.0));
        assert_eq!((little.weight, much.weight), (2500, 2500));
        assert!(little.falsified_by.ends_with("or non-Chinese supply of TH that rose as much"), "{little:?}");
        assert!(much.statement.contains("; what TH imports from elsewhere than China rose by 647.4 t a month"), "{much:?}");
        assert!(!much.falsified_by.contains("rose as much"), "{much:?}");
    }

    #[test]
    fn what_is_told_by_quarters_is_said_to_be() {
        let quarters = ["2023-Q1", "2023-Q2", "2023-Q3", "2023-Q4", "2024-Q1", "2024-Q2", "2024-Q3", "2024-Q4", "2025-Q1"];
        let told = |trade: Trade, way, account| {
            quarters.into_iter().fold(trade, |trade: Trade, quarter| {
                trade.tell_period((way, account), ("282580".parse().unwrap(), Some(75.0)), quarter.parse().unwrap())
            })
        };
        let said = surge(&told(antimony_story("TH", "US", LAST), Way::First, Account::ImporterFlow));
        assert_eq!(said.missing.unwrap().because, "the first leg (imports of TH from China) is told by quarters alone");
        let statement = said.evidence.unwrap().statement;
        assert!(statement.contains("; TH tells its imports from China by quarters alone;"), "{statement}");
        let seen = with_chinese_oxide(antimony_story("TH", "US", LAST), LAST);
        let said =
            surge(&["BE", "BO", "FR"].into_iter().fold(seen, |trade, from| told(trade, Way::Source(from), Account::MirrorFlow)));
        assert!(said.missing.unwrap().because.ends_with("growth of demand is unknown (3 are told by quarters alone)"));
        let statement = said.evidence.unwrap().statement;
        assert!(statement.contains("(fewer than 3 other sources with mass, 3 by quarters alone)"), "{statement}");
    }
}
