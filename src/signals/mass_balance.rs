//! C1_MASS_BALANCE: more of the element left M for D than M's own and other non-Chinese supply explains.
//!
//! **Sees** what left M for D in the six months that end with the corridor's month (twelve beside it; the smaller weight
//! counts), in contained element, beside M's production, recycling, non-Chinese imports, opening stock and imports from China.
//!
//! **Why it hints at rerouting**: atoms cannot be declared away. Increments count, not levels, since a level convicts every
//! processor. Under an export control the weight is twice the share of the exports that grew beyond demand and beyond 95 % of
//! the growth of production, recycling and non-Chinese imports; under a tariff, twice the share by which both Chinese imports
//! and exports grew. At most 2.0. A fall of the known supply is no evidence.
//!
//! **Speaks against it** (-2.0) where M's own import report is there, no export control binds the item, both reports of the
//! first leg agree and Chinese goods could explain less than 15 % of the exports; or where documented plants can make 1.25
//! times the exports and M's own report shows flat Chinese imports.
//!
//! **The share** is its other output, and no probability: an interval over fixed draws of what is uncertain (hidden parts of
//! the first leg under an export control, contents, trade, production, recycling, yield, stock), between the physical bounds,
//! proportional in between.
//!
//! **Silent** where imports, production or exports are unknown: at least 80 % of M's usual sources must have reported; a
//! country that a table of the world's producers does not list makes at most what the smallest listed one makes; without a
//! table it is unknown. Then the share is 0 to 1. Silent also for baskets and headings, and below the least sample. Without a
//! measure the share is told, and no weight.
//!
//! **Ordinary explanations**: stock from before the control (its non-Chinese part counts as supply), unlisted refining or
//! recycling. **Falsified by** production, recycling or other imports of M that cover the growth.

use crate::ledger::{Account, Series};

use super::balance::{Sources, Supply, first_leg_words, span};
use super::episode::episodes;
use super::incentive::traded;
use super::mass::{Scope, Window, cells};
use super::parameters::part;
use super::sheet::{Exports, Grown, Sheet, exports_in};
use super::subject::Subject;
use super::{Coverage, Evidence, Figure, Missing, RestsOn, Signal};

/// Terms of the balance in tonnes of contained element.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Terms {
    pub(crate) window_months: u8,
    pub(crate) account: Account,
    pub(crate) exports: f64,
    pub(crate) production: Option<f64>,
    pub(crate) secondary: Option<f64>,
    pub(crate) other: Option<f64>,
    pub(crate) stock: Option<f64>,
    pub(crate) chinese: Option<f64>,
}

/// What the balance says.
#[derive(Clone, Debug)]
pub(crate) struct Balanced {
    /// What it says.
    pub(crate) evidence: Option<Evidence>,
    /// Whether it could be drawn up.
    pub(crate) coverage: Coverage,
    /// Low, mid, high in hundredths; `None` where not eligible.
    pub(crate) share: Option<(u8, u8, u8)>,
    /// The terms that are known.
    pub(crate) terms: Option<Terms>,
    /// By mass, how many of M's usual sources have reported.
    pub(crate) complete_fraction: Option<f64>,
    /// What it lacks.
    pub(crate) missing: Option<Missing>,
    /// The lower bound of the stage's own balance, in thousandths, where the same subheading comes and goes and all terms are
    /// observed.
    pub(crate) stage_floor: Option<u16>,
}

/// Draws up the balance.
pub(crate) fn mass_balance(subject: &Subject<'_>) -> Balanced {
    let numbers = &subject.parameters.balance;
    let months = numbers.window_months.max(subject.books.months);
    let sources = Sources::of(subject);
    let mut balanced = Balanced {
        evidence: None,
        coverage: Coverage::NotObservable,
        share: None,
        terms: None,
        complete_fraction: sources.complete_fraction(subject, Window::ending(subject.month(), i32::from(months))),
        missing: None,
        stage_floor: None,
    };
    let lines = traded(subject);
    let Some(exports) = exports_in(subject, months) else { return balanced };
    if !subject.world.family.is_material() {
        return balanced;
    }
    let codes: Vec<_> = lines.iter().map(|(code, _)| *code).collect();
    let control = subject.world.export_control(&codes);
    let episodes = episodes(subject, &codes);
    let episode = episodes.iter().find(|episode| episode.control == control);
    let supply = Supply::of(subject, &sources, exports.window);
    let chinese = supply.chinese(control);
    balanced.terms = Some(terms(subject, &exports, (&supply, chinese)));
    if let Some((coverage, because)) = lacking(subject, &exports, (&supply, chinese)) {
        balanced.coverage = coverage;
        balanced.missing = Some(Missing { signal: Signal::MassBalance.code(), weight: numbers.cap, because });
        return balanced;
    }
    balanced.coverage = Coverage::Observed;
    let Some(chinese) = chinese else { return balanced };
    let sheet = Sheet::new(subject, (exports, supply, &sources), (episode, control, chinese));
    let [low, mid, high] = sheet.share(subject);
    balanced.share = Some(hundredths([low, mid, high]));
    balanced.stage_floor = stage_floor(subject, &sheet, low);
    if let Some(terms) = &mut balanced.terms {
        terms.stock = Some(sheet.stock(subject).0 * stock_months(subject));
    }
    balanced.evidence = evidence(subject, (&sheet, &sources), high);
    balanced
}

fn terms(subject: &Subject<'_>, exports: &Exports<'_>, (supply, chinese): (&Supply, Option<f64>)) -> Terms {
    let reported = supply.is_reported(subject, exports.told);
    Terms {
        window_months: u8::try_from(exports.window.months()).unwrap_or(u8::MAX),
        account: exports.account,
        exports: exports.tonnes,
        production: supply.production.map(|(least, most)| (least + most) / 2.0),
        secondary: supply.secondary,
        other: reported.then_some(supply.other),
        stock: None,
        chinese,
    }
}

/// Why the balance cannot be drawn up, and whether that may change.
fn lacking(
    subject: &Subject<'_>,
    exports: &Exports<'_>,
    (supply, chinese): (&Supply, Option<f64>),
) -> Option<(Coverage, String)> {
    let m = subject.m();
    if chinese.is_none() {
        let was_told = |series: &Series| series.months.range(..exports.window.first).next_back().is_some();
        let told_before = was_told(&subject.books.first.importer);
        let coverage = if told_before { Coverage::Pending } else { Coverage::NotObservable };
        return Some((coverage, first_leg_words(m)));
    }
    if supply.production.is_none() {
        let because = format!("no table says what {m} produces of {}", subject.world.family);
        return Some((Coverage::NotObservable, because));
    }
    if !supply.is_reported(subject, exports.told) {
        let coverage = if supply.complete.is_some() { Coverage::Pending } else { Coverage::NotObservable };
        return Some((coverage, format!("too few of the usual sources of {m} have reported")));
    }
    let sample = subject.parameters.balance.sample(subject.world.class);
    (exports.tonnes < sample).then(|| (Coverage::NotObservable, format!("less than {sample} t left {m} in the window")))
}

fn stock_months(subject: &Subject<'_>) -> f64 {
    let share = &subject.parameters.share;
    (part(share.stock_months_low) + part(share.stock_months_high)) / 2.0
}

/// Low rounded down, high up.
fn hundredths([low, mid, high]: [f64; 3]) -> (u8, u8, u8) {
    // A fraction of 1 makes at most 100. The slack keeps 0.6 from becoming 0.59 by its last bit.
    let percent = |value: f64| (value.clamp(0.0, 1.0) * 100.0) as u8;
    let low = percent(libm::floor(low * 100.0 + 1e-9) / 100.0 + 1e-9);
    let high = percent(libm::ceil(high * 100.0 - 1e-9) / 100.0 + 1e-9);
    (low, percent(libm::rint(mid * 100.0) / 100.0 + 1e-9).clamp(low, high), high)
}

fn evidence(subject: &Subject<'_>, (sheet, sources): (&Sheet<'_>, &Sources<'_>), high: f64) -> Option<Evidence> {
    let (rests_on, weighed) = ((sheet, sources), sheet.weight(subject));
    match weighed.filter(|(weight, _)| *weight > 0) {
        Some((weight, grown)) => {
            let beside = weight_beside(subject, (sheet, sources));
            let smaller = beside.filter(|(beside, _)| *beside < weight);
            let counts = smaller.as_ref().map_or(weight, |(beside, _)| *beside);
            let beside = smaller.map(|(_, grown)| grown.share);
            // Growth that the longer window does not show is silence, not counter-evidence.
            (counts > 0).then(|| for_rerouting(subject, rests_on, (counts, grown, beside)))
        }
        None => sheet.against(subject, high).map(|against| against_rerouting(subject, rests_on, against)),
    }
}

/// The weight in the window beside; `None` where no balance can be drawn up there.
fn weight_beside(subject: &Subject<'_>, (sheet, sources): (&Sheet<'_>, &Sources<'_>)) -> Option<(i32, Grown)> {
    let months = subject.parameters.balance.window_months_beside.max(subject.books.months);
    let exports = exports_in(subject, months)?;
    let supply = Supply::of(subject, sources, exports.window);
    let chinese = supply.chinese(sheet.control)?;
    let reported = supply.is_reported(subject, exports.told);
    let beside = Sheet::new(subject, (exports, supply, sources), (sheet.episode, sheet.control, chinese));
    if reported { beside.weight(subject) } else { None }
}

fn for_rerouting(
    subject: &Subject<'_>,
    (sheet, sources): (&Sheet<'_>, &Sources<'_>),
    (weight, grown, beside): (i32, Grown, Option<f64>),
) -> Evidence {
    let (m, d, family) = (subject.m(), subject.d(), subject.world.family);
    let decimals = usize::from(subject.decimals());
    let what = if sheet.control {
        format!("known non-Chinese supply grew by {:.decimals$} t", grown.supply)
    } else {
        format!("imports from China grew by {:.decimals$} t", grown.chinese)
    };
    let explained = if sheet.control { "is explained by neither it nor demand" } else { "matches them and no growth of demand" };
    let longer = beside.map_or(String::new(), |share| {
        let months = subject.parameters.balance.window_months_beside;
        format!(", over {months} months {:.0} %, which counts", share * 100.0)
    });
    let statement = format!(
        "{:.decimals$} t of contained {family} left {m} for {d} in {}, {:.decimals$} t more than in as many months before the \
         measure; {what}; {:.0} % of what left {explained}{longer} (account: {})",
        sheet.exports.tonnes,
        span(sheet.exports.window),
        grown.exports,
        grown.share * 100.0,
        sheet.exports.account.word(),
    );
    let figures = vec![
        Figure { name: "exports_growth_t", value: grown.exports, decimals: subject.decimals() },
        Figure { name: "non_chinese_supply_growth_t", value: grown.supply, decimals: subject.decimals() },
        Figure { name: "chinese_imports_growth_t", value: grown.chinese, decimals: subject.decimals() },
        Figure { name: "unexplained_share", value: grown.share, decimals: 2 },
    ];
    let mut rows = sheet.supply.rows.clone();
    rows.extend(sheet.episode.map(|episode| episode.rows.clone()).unwrap_or_default());
    let falsified_by = format!("production, recycling or other imports of {m} that cover the growth");
    sheet.evidence((subject, sources), (weight, statement, figures), (rows, falsified_by))
}

fn against_rerouting(
    subject: &Subject<'_>,
    (sheet, sources): (&Sheet<'_>, &Sources<'_>),
    (why, rows): (String, Vec<String>),
) -> Evidence {
    let (m, d, family) = (subject.m(), subject.d(), subject.world.family);
    let decimals = usize::from(subject.decimals());
    let statement = format!(
        "{:.decimals$} t of contained {family} left {m} for {d} in {} beside {:.decimals$} t of imports from China: {why}",
        sheet.exports.tonnes,
        span(sheet.exports.window),
        sheet.chinese,
    );
    let figures = vec![
        Figure { name: "exports_t", value: sheet.exports.tonnes, decimals: subject.decimals() },
        Figure { name: "chinese_imports_t", value: sheet.chinese, decimals: subject.decimals() },
    ];
    let falsified_by = format!("imports of {m} from China under other codes, or plants of {m} that stood still");
    let rows = sheet.supply.rows.iter().cloned().chain(rows).collect();
    sheet.evidence((subject, sources), (subject.parameters.balance.against, statement, figures), (rows, falsified_by))
}

impl Sheet<'_> {
    fn evidence(
        &self,
        (subject, sources): (&Subject<'_>, &Sources<'_>),
        (weight, statement, figures): (i32, String, Vec<Figure>),
        (mut reference, falsified_by): (Vec<String>, String),
    ) -> Evidence {
        let mut rests_on = cells(self.exports.series, self.exports.window, Scope::All, subject.world);
        rests_on.extend(self.supply.cells(subject, sources));
        rests_on.sort_unstable_by(|left, right| right.0.cmp(&left.0).then(left.1.cmp(&right.1)));
        reference.sort_unstable();
        reference.dedup();
        let rests_on = rests_on.into_iter().map(|(_, cell)| RestsOn::Cell(cell)).collect();
        Evidence { signal: Signal::MassBalance, weight, statement, figures, rests_on, reference, falsified_by }
    }
}

/// The lower bound of the share, in thousandths, where one subheading is the whole of what leaves and also comes from China,
/// and production, recycling and imports are all observed: goods that come and go under one code were not made in M.
fn stage_floor(subject: &Subject<'_>, sheet: &Sheet<'_>, low: f64) -> Option<u16> {
    let listed = sheet.supply.production.is_some_and(|(least, most)| most - least <= 0.0) && sheet.supply.secondary.is_some();
    let lines = traded(subject);
    let total: f64 = lines.iter().map(|(_, weight)| weight).sum();
    let whole =
        |(_, weight): &&(crate::domain::HsSubheading, f64)| *weight >= part(subject.parameters.balance.stage_floor_share) * total;
    let (code, _) = lines.iter().find(whole)?;
    sheet.supply.own?;
    let same = cells(&subject.books.first.importer, sheet.exports.window, Scope::All, subject.world);
    let comes = same.iter().any(|(grams, cell)| cell.hs6 == *code && *grams > 0);
    // A fraction of 1 makes at most 1000.
    (listed && comes && low > 0.0).then(|| libm::floor(low * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::super::trade::{Trade, Way, antimony_story, country, with_burmese_ore, with_chinese_oxide};
    use super::*;
    use crate::reference::Production;
    use crate::scoring::Model;

    const LAST: &str = "2025-03";

    fn balance(trade: &Trade) -> Balanced {
        let model = Model::built_in();
        mass_balance(&trade.subject(&model.parameters))
    }

    /// Weight, coverage, share.
    #[track_caller]
    fn check(trade: &Trade, weight: std::ops::RangeInclusive<i32>, coverage: Coverage) -> Balanced {
        let balanced = balance(trade);
        let found = balanced.evidence.as_ref().map_or(0, |evidence| evidence.weight);
        assert!(weight.contains(&found) && balanced.coverage == coverage, "{balanced:#?}");
        balanced
    }

    /// A thousand tonnes of oxide a month before and after, half of it from China: a processor, whatever the level.
    fn steady(m: &str) -> Trade {
        Trade::antimony(m, "US", LAST)
            .controlled()
            .imports(Way::Out, ("282580", 100.0), ("2022-06", LAST))
            .imports(Way::First, ("282580", 60.0), ("2022-06", LAST))
            .imports(Way::Supply("TJ"), ("261710", 120.0), ("2022-06", LAST))
    }

    #[test]
    fn fires_on_chinese_oxide() {
        let balanced = check(&with_chinese_oxide(antimony_story("TH", "US", LAST), LAST), 1300..=2000, Coverage::Observed);
        let evidence = balanced.evidence.unwrap();
        assert!(evidence.statement.contains(" t of contained SB left TH for US"), "{evidence:?}");
        assert!(!evidence.rests_on.is_empty() && evidence.reference.contains(&"controls/CN-2024-46".to_owned()));
        let terms = balanced.terms.unwrap();
        assert_eq!((terms.window_months, terms.account), (6, Account::ImporterFlow));
        // Four months of 561 t and two of 20.8 t of oxide, 83.54 % antimony.
        assert!((terms.exports - (4.0 * 561.0 + 2.0 * 20.8) * 0.8354).abs() < 1e-6, "{terms:?}");
    }

    #[test]
    fn silent_where_ore_explains_the_exports() {
        let balanced = check(&with_burmese_ore(antimony_story("TH", "US", LAST), LAST), 0..=250, Coverage::Observed);
        assert!(balanced.share.is_some_and(|(low, _, _)| low <= 5), "{:?}", balanced.share);
    }

    #[test]
    fn silent_for_a_processor_whose_level_is_high_and_steady() {
        let balanced = check(&steady("TH"), 0..=0, Coverage::Observed);
        assert!(balanced.share.is_some_and(|(low, mid, high)| low < 40 && mid > 20 && high > 60), "{:?}", balanced.share);
    }

    // Korea Zinc makes 3,500 t of antimony a year without a mine and plans 240 t a year for the US (Korea Zinc, June 2025).
    #[test]
    fn speaks_against_a_documented_plant() {
        let mut trade = steady("KR").imports(Way::Out, ("282580", 20.0), ("2022-06", LAST));
        trade.world.capacity = Some((3500.0, "capacity/KR".to_owned()));
        let balanced = check(&trade, -2000..=-2000, Coverage::Observed);
        assert!(balanced.evidence.unwrap().reference.contains(&"capacity/KR".to_owned()));
        // A fifth more than is documented is not enough.
        trade.world.capacity = Some((20.0 * 0.8354 * 12.0 * 1.2, "capacity/KR".to_owned()));
        check(&trade, 0..=0, Coverage::Observed);
    }

    #[test]
    fn speaks_against_only_where_both_reports_agree_and_no_control_binds() {
        let free = |mirror: f64| {
            let trade = Trade::antimony("TH", "US", LAST)
                .imports(Way::Out, ("282580", 100.0), ("2022-06", LAST))
                .imports(Way::First, ("282580", 2.0), ("2022-06", LAST))
                .imports(Way::Supply("TJ"), ("261710", 400.0), ("2022-06", LAST));
            if mirror > 0.0 { trade.exports(Way::First, ("282580", mirror), ("2022-06", LAST)) } else { trade }
        };
        check(&free(2.1), -2000..=-2000, Coverage::Observed);
        check(&free(3.0), 0..=0, Coverage::Observed);
        check(&free(0.0), 0..=0, Coverage::Observed);
        let mut controlled = free(2.1).controlled();
        check(&controlled, 0..=0, Coverage::Observed);
        controlled.world.measures.clear();
        check(&controlled, -2000..=-2000, Coverage::Observed);
    }

    #[test]
    fn under_a_tariff_both_legs_must_have_grown() {
        let measure =
            || super::super::trade::measure("tariffs/US-1", crate::reference::MeasureKind::Duty, ("2024-12-01", "2024-12-01"));
        let taxed = |mut trade: Trade| {
            trade.world.measures = vec![measure()];
            trade.wedge("282580", 0.25)
        };
        check(&taxed(with_chinese_oxide(antimony_story("TH", "US", LAST), LAST)), 1300..=2000, Coverage::Observed);
        // The ore explains it, and nothing grew from China.
        check(&taxed(with_burmese_ore(antimony_story("TH", "US", LAST), LAST)), -2000..=0, Coverage::Observed);
        // Without a wedge a duty is no motive: the share is told, and no weight.
        let equal = taxed(with_chinese_oxide(antimony_story("TH", "US", LAST), LAST)).wedge("282580", 0.0);
        let balanced = check(&equal, 0..=0, Coverage::Observed);
        assert!(balanced.share.is_some());
    }

    #[test]
    fn missing_is_never_zero() {
        let story = || antimony_story("TH", "US", LAST);
        let full = || with_chinese_oxide(story(), LAST);
        let unknown = |trade: &Trade, coverage, because: &str| {
            let balanced = check(trade, 0..=0, coverage);
            assert_eq!(balanced.share, None);
            let missing = balanced.missing.unwrap();
            assert!(missing.because.contains(because), "{missing:?}");
        };
        unknown(&story(), Coverage::NotObservable, "the first leg (imports of TH from China)");
        let late = story().imports(Way::First, ("282580", 25.0), ("2022-06", "2024-06"));
        unknown(&late, Coverage::Pending, "first leg");
        let mut trade = full();
        trade.world.production = Production::Unknown;
        unknown(&trade, Coverage::NotObservable, "no table");
        // A third of the usual imports came from Tajikistan, which nobody tells any more.
        let silent = full().imports(Way::Supply("TJ"), ("261710", 40.0), ("2022-10", "2024-09"));
        unknown(&silent, Coverage::Pending, "usual sources");
        let small = Trade::antimony("TH", "US", LAST).imports(Way::Out, ("282580", 3.9), ("2022-06", LAST)).imports(
            Way::First,
            ("282580", 3.9),
            ("2022-06", LAST),
        );
        unknown(&small, Coverage::NotObservable, "less than 20 t");
    }

    #[test]
    fn the_least_sample_is_enough() {
        // 20 t of contained metal in six months.
        let trade = Trade::antimony("TH", "US", LAST).imports(Way::Out, ("811010", 3.4), ("2022-06", LAST)).imports(
            Way::First,
            ("811010", 3.4),
            ("2022-06", LAST),
        );
        check(&trade, 0..=0, Coverage::Observed);
    }

    #[test]
    fn a_longer_period_feeds_the_balance() {
        let mut trade = Trade::antimony("TH", "US", "2024-12").controlled();
        trade.books.months = 12;
        let out = std::rc::Rc::make_mut(&mut trade.books.out);
        out.importer = super::super::trade::quarters("282580", 1000.0, &["2024"]);
        let first = std::rc::Rc::make_mut(&mut trade.books.first);
        first.importer = super::super::trade::quarters("282580", 1100.0, &["2024"]);
        let balanced = check(&trade, 0..=0, Coverage::Observed);
        assert_eq!(balanced.terms.unwrap().window_months, 12);
        assert!(balanced.share.is_some_and(|(low, _, high)| low >= 60 && high == 100), "{:?}", balanced.share);
    }

    #[test]
    fn silent_for_baskets_and_headings() {
        let trade = with_chinese_oxide(antimony_story("TH", "US", LAST), LAST);
        for family in ["H811292", "H8471"] {
            check(&trade.clone().family(family), 0..=0, Coverage::NotObservable);
        }
    }

    #[test]
    fn most_production_lowers_the_share() {
        let mut trade = with_chinese_oxide(antimony_story("TH", "US", LAST), LAST);
        let of = |trade: &Trade| balance(trade).share.unwrap();
        let none = of(&trade);
        trade.world.production = Production::Listed { tonnes: 2000.0, row: "production/TH".to_owned() };
        let some = of(&trade);
        assert!(some.0 < none.0 && some.1 < none.1, "{none:?} {some:?}");
        trade.books.supply = std::rc::Rc::new(vec![(country("TJ"), (*trade.books.first).clone())]);
        assert!(of(&trade).0 < some.0);
    }
}
