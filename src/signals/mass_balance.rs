//! C1_MASS_BALANCE: more of the element left M for D than M's own and other non-Chinese supply explains.
//!
//! **Sees** what left M for D in the six months that end with the corridor's month (twelve beside it; the smaller weight
//! counts), in contained element, beside M's production, recycling, non-Chinese imports, opening stock and imports from China. What M
//! itself tells as re-exports is not declared as its own goods, and is none of it.
//!
//! **Why it hints at rerouting**: atoms cannot be declared away. Increments count, not levels, since a level convicts every
//! processor. Under an export control the weight is twice the share of the exports that grew beyond demand and beyond 95 % of
//! the growth of production, recycling and non-Chinese imports; under a tariff likewise, and of no more than Chinese imports
//! grew by. At most 2.0. A fall of the known supply is no evidence. Nothing but ore makes ore: of the exports that are ore,
//! no more can be Chinese, in the share and in what grew, than came from China as ore, or may have come hidden under an
//! export control.
//! Where a measure binds again after a suspension, only windows since then count.
//!
//! **Speaks against it** (-2.0) where M's own import report is there, no export control binds the item, both reports of the
//! first leg agree and Chinese goods could explain less than 15 % of the exports; or where documented plants can make 1.25
//! times the exports and Chinese imports are flat, by M's own report too.
//!
//! **The share** is its other output, and no probability: an interval over fixed draws of what is uncertain (hidden parts of
//! the first leg under an export control, contents, trade, production, recycling, yield, stock), between the physical bounds,
//! proportional in between.
//!
//! **Silent** where imports, production or exports are unknown. M itself must tell what it imports, for at least 80 % of the
//! months in which the exports are told, since nobody else knows all of its sources; of those that it had, at least 80 % by mass
//! must have reported, and dollars without a mass are not reported. A month that M told in whole is told of every source: whom it
//! does not name it bought nothing from, unless that source's own report names M. `EU` beside its members is the same trade: of
//! its row and the sum of theirs the larger counts. Exports of months that M has still to tell its imports of are left out. A
//! country that a table of the world's producers does not list makes at most what the smallest listed one makes; without a
//! table it is unknown. Then the share is 0 to 1. Silent also for baskets and headings, and below the least sample. Without a
//! measure the share is told, and no weight; nor does it speak for rerouting where less than a fifth can be Chinese.
//!
//! **Cannot see** what reached M by way of another country: those goods count as that country's, whatever it bought in China, so that
//! of a chain of two intermediaries the first leaves its mark and the second does not; its share is that of what M bought in China.
//! Nor can it see imports whose partner nobody tells (`no_partner`): they are left out, and their mass is in no term.
//!
//! **Ordinary explanations**: stock from before the control (its non-Chinese part counts as supply), unlisted refining or
//! recycling. **Falsified by** production, recycling or other imports of M, beyond those that are told, that cover the
//! growth.

use std::rc::Rc;

use crate::domain::Month;
use crate::ledger::Account;

use super::balance::{Sources, Supply, first_leg_words};
use super::episode::{Episode, episodes};
use super::mass::{Scope, Window, cells};
use super::parameters::part;
use super::sheet::{Against, Exports, Grown, Sheet, exports_in};
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

/// What the balance says: its figures. Words are found only for what is published.
#[derive(Clone, Debug)]
pub(crate) struct Balanced<'a> {
    /// Whether it could be drawn up.
    pub(crate) coverage: Coverage,
    /// Low, mid, high in hundredths; `None` where not eligible.
    pub(crate) share: Option<(u8, u8, u8)>,
    /// The terms that are known.
    pub(crate) terms: Option<Terms>,
    /// By mass, how many of M's usual sources have reported.
    pub(crate) complete_fraction: Option<f64>,
    /// The lower bound of the stage's own balance, in thousandths, where the same subheading comes and goes and all terms are
    /// observed.
    pub(crate) stage_floor: Option<u16>,
    lacks: Option<Lacks>,
    spoken: Option<(Says, Sheet<'a>, Rc<Sources>)>,
}

/// Of a corridor-month `p` asks whether at least a fifth is Chinese: where no more than this can be, nothing speaks for it.
pub(super) const A_FIFTH: f64 = 0.2;

/// Which way the balance speaks.
#[derive(Clone, Copy, Debug)]
enum Says {
    /// Weight, what grew, and the share that a longer window leaves unexplained, where that is what counts.
    For(i32, Grown, Option<f64>),
    Against(Against),
}

/// Why the balance cannot be drawn up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lacks {
    FirstLeg,
    Production,
    Imports,
    Months,
    Sources,
    Size,
}

/// Draws up the balance.
pub(crate) fn mass_balance<'a>(subject: &Subject<'a>) -> Balanced<'a> {
    let numbers = &subject.parameters.balance;
    let months = numbers.window_months.max(subject.books.months);
    let sources = subject.lookups.imports.of(subject);
    let window = Window::ending(subject.month(), i32::from(months));
    let mut balanced = Balanced {
        coverage: Coverage::NotObservable,
        share: None,
        terms: None,
        complete_fraction: sources.inflow(window, numbers).complete,
        stage_floor: None,
        lacks: None,
        spoken: None,
    };
    let Some(exports) = exports_in(subject, &sources, months) else { return balanced };
    if !subject.world.family.is_material() {
        return balanced;
    }
    let codes = subject.codes();
    let control = subject.world.export_control(&codes);
    let supply = Supply::of(subject, &sources, exports.window);
    let chinese = supply.chinese(control);
    balanced.terms = Some(terms(subject, &exports, (&supply, chinese)));
    if let Some((coverage, lacks)) = lacking(subject, &exports, (&supply, chinese)) {
        balanced.coverage = coverage;
        balanced.lacks = Some(lacks);
        return balanced;
    }
    balanced.coverage = Coverage::Observed;
    let Some(chinese) = chinese else { return balanced };
    let mut episodes = episodes(subject, &codes).into_iter();
    let episode = episodes.find(|episode| episode.control == control && episode.covers(exports.window));
    let sheet = Sheet::new(subject, (exports, supply, &sources), (episode, control, chinese));
    let [low, mid, high] = sheet.share(subject);
    balanced.share = Some(hundredths([low, mid, high]));
    balanced.stage_floor = stage_floor(subject, &sheet, low);
    if let Some(terms) = &mut balanced.terms {
        terms.stock = Some(sheet.stock(subject).0 * stock_months(subject));
    }
    balanced.spoken = says(subject, (&sheet, &sources), high).map(|says| (says, sheet, sources));
    balanced
}

impl Balanced<'_> {
    /// Its weight; 0 where it is silent.
    pub(crate) fn weight(&self, subject: &Subject<'_>) -> i32 {
        match self.spoken {
            Some((Says::For(weight, ..), ..)) => weight,
            Some((Says::Against(_), ..)) => subject.parameters.balance.against,
            None => 0,
        }
    }

    /// What it says, in words.
    pub(crate) fn evidence(&self, subject: &Subject<'_>) -> Option<Evidence> {
        let (says, sheet, sources) = self.spoken.as_ref()?;
        Some(match *says {
            Says::For(weight, grown, beside) => for_rerouting(subject, (sheet, sources), (weight, grown, beside)),
            Says::Against(against) => against_rerouting(subject, (sheet, sources), against.words(subject)),
        })
    }

    /// What it lacks.
    pub(crate) fn missing(&self, subject: &Subject<'_>) -> Option<Missing> {
        let m = subject.m();
        let because = match self.lacks? {
            Lacks::FirstLeg => first_leg_words(m),
            Lacks::Production => format!("no table says what {m} produces of {}", subject.world.family),
            Lacks::Imports => format!("{m} does not report what it imports, so its other sources are unknown"),
            Lacks::Months => format!("{m} has not reported enough months of what it imports"),
            Lacks::Sources => format!("too few of the usual sources of {m} have reported"),
            Lacks::Size => {
                let sample = subject.parameters.balance.sample(subject.world.class);
                format!("less than {sample} t left {m} in the window")
            }
        };
        Some(Missing { signal: Signal::MassBalance.code(), weight: subject.parameters.balance.cap, because })
    }
}

fn terms(subject: &Subject<'_>, exports: &Exports<'_>, (supply, chinese): (&Supply, Option<f64>)) -> Terms {
    let reported = supply.is_reported(subject, exports.told);
    Terms {
        window_months: u8::try_from(exports.window.months()).unwrap_or(u8::MAX),
        account: exports.series.account,
        exports: exports.tonnes,
        production: supply.production.map(|(least, most)| (least + most) / 2.0),
        secondary: supply.secondary,
        other: reported.then_some(supply.inflow.other),
        stock: None,
        chinese,
    }
}

/// Why the balance cannot be drawn up, and whether that may change.
fn lacking(subject: &Subject<'_>, exports: &Exports<'_>, (supply, chinese): (&Supply, Option<f64>)) -> Option<(Coverage, Lacks)> {
    if chinese.is_none() {
        let mut told_before = false;
        let (first, last) = (Month::from_ordinal(0), exports.window.first.plus(-1));
        subject.books.first().by(Account::ImporterFlow).reported(first, last, |_| told_before = true);
        return Some((if told_before { Coverage::Pending } else { Coverage::NotObservable }, Lacks::FirstLeg));
    }
    if supply.production.is_none() {
        return Some((Coverage::NotObservable, Lacks::Production));
    }
    if !supply.is_told_by_m(subject, exports.told) {
        let (before, never) = ((Coverage::Pending, Lacks::Months), (Coverage::NotObservable, Lacks::Imports));
        return Some(if supply.inflow.told_before { before } else { never });
    }
    if !supply.is_reported(subject, exports.told) {
        let coverage = if supply.inflow.complete.is_some() { Coverage::Pending } else { Coverage::NotObservable };
        return Some((coverage, Lacks::Sources));
    }
    let sample = subject.parameters.balance.sample(subject.world.class);
    (exports.tonnes < sample).then_some((Coverage::NotObservable, Lacks::Size))
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

fn says(subject: &Subject<'_>, (sheet, sources): (&Sheet<'_>, &Sources), high: f64) -> Option<Says> {
    // What speaks against it explains a growth too.
    if let Some(against) = sheet.against(subject, high) {
        return Some(Says::Against(against));
    }
    let (weight, grown) = sheet.weight(subject).filter(|(weight, _)| *weight > 0 && high >= A_FIFTH)?;
    let smaller = weight_beside(subject, (sheet, sources)).filter(|(beside, _)| *beside < weight);
    let counts = smaller.map_or(weight, |(beside, _)| beside);
    // Growth that the longer window does not show is silence, not counter-evidence.
    (counts > 0).then(|| Says::For(counts, grown, smaller.map(|(_, grown)| grown.share)))
}

/// The weight in the window beside; `None` where no balance can be drawn up there.
fn weight_beside(subject: &Subject<'_>, (sheet, sources): (&Sheet<'_>, &Sources)) -> Option<(i32, Grown)> {
    let months = subject.parameters.balance.window_months_beside.max(subject.books.months);
    let exports = exports_in(subject, sources, months)?;
    let supply = Supply::of(subject, sources, exports.window);
    let chinese = supply.chinese(sheet.control)?;
    let reported = supply.is_reported(subject, exports.told);
    let beside = Sheet::new(subject, (exports, supply, sources), (sheet.episode.clone(), sheet.control, chinese));
    if reported { beside.weight(subject) } else { None }
}

fn for_rerouting(
    subject: &Subject<'_>,
    (sheet, sources): (&Sheet<'_>, &Sources),
    (weight, grown, beside): (i32, Grown, Option<f64>),
) -> Evidence {
    let (m, d, family) = (subject.m(), subject.d(), subject.world.family);
    let decimals = usize::from(subject.decimals());
    let [supply, assumed, nothing] = [grown.supply, grown.assumed, 0.0].map(|tonnes| format!("{tonnes:.decimals$} t"));
    let supply = if assumed == nothing {
        format!("known non-Chinese supply grew by {supply}")
    } else {
        format!("non-Chinese supply grew by {supply}, {assumed} of it recycling that no table tells (half of what it may be)")
    };
    let (what, explained) = if sheet.control {
        (supply, "is explained by neither it nor demand")
    } else {
        let chinese = format!("imports from China grew by {:.decimals$} t", grown.chinese);
        (format!("{chinese}; {supply}"), "matches the former and is explained by neither the latter nor demand")
    };
    let longer = beside.map_or(String::new(), |share| {
        let months = subject.parameters.balance.window_months_beside;
        format!(", over {months} months {:.0} %, which counts", share * 100.0)
    });
    let statement = format!(
        "{:.decimals$} t of contained {family} left {m} for {d} in {}, {:.decimals$} t more than in as many months before the \
         measure; {what}; {:.0} % of what left {explained}{longer} (account: {})",
        sheet.exports.tonnes,
        sheet.exports.span(),
        grown.exports,
        grown.share * 100.0,
        sheet.exports.series.account.word(),
    );
    let figures = vec![
        Figure { name: "exports_growth_t", value: grown.exports, decimals: subject.decimals() },
        Figure { name: "non_chinese_supply_growth_t", value: grown.supply, decimals: subject.decimals() },
        Figure { name: "chinese_imports_growth_t", value: grown.chinese, decimals: subject.decimals() },
        Figure { name: "unexplained_share", value: grown.share, decimals: 2 },
    ];
    let mut rows = sheet.supply.rows(subject.world);
    rows.extend(sheet.episode.iter().flat_map(Episode::rows));
    let falsified_by = format!("production, recycling or other imports of {m} beyond those counted here that cover the growth");
    sheet.evidence((subject, sources), (weight, statement, figures), (rows, falsified_by))
}

fn against_rerouting(
    subject: &Subject<'_>,
    (sheet, sources): (&Sheet<'_>, &Sources),
    (why, rows): (String, Vec<String>),
) -> Evidence {
    let (m, d, family) = (subject.m(), subject.d(), subject.world.family);
    let decimals = usize::from(subject.decimals());
    let statement = format!(
        "{:.decimals$} t of contained {family} left {m} for {d} in {} beside {:.decimals$} t of imports from China: {why}",
        sheet.exports.tonnes,
        sheet.exports.span(),
        sheet.chinese,
    );
    let figures = vec![
        Figure { name: "exports_t", value: sheet.exports.tonnes, decimals: subject.decimals() },
        Figure { name: "chinese_imports_t", value: sheet.chinese, decimals: subject.decimals() },
    ];
    let falsified_by = format!("imports of {m} from China under other codes, or plants of {m} that stood still");
    let rows = sheet.supply.rows(subject.world).into_iter().chain(rows).collect();
    sheet.evidence((subject, sources), (subject.parameters.balance.against, statement, figures), (rows, falsified_by))
}

impl Sheet<'_> {
    fn evidence(
        &self,
        (subject, sources): (&Subject<'_>, &Sources),
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
    let lines = subject.traded;
    let total: f64 = lines.iter().map(|(_, weight)| weight).sum();
    let whole =
        |(_, weight): &&(crate::domain::HsSubheading, f64)| *weight >= part(subject.parameters.balance.stage_floor_share) * total;
    let (code, _) = lines.iter().find(whole)?;
    sheet.supply.inflow.own?;
    let same = cells(subject.books.first().by(Account::ImporterFlow), sheet.exports.window, Scope::All, subject.world);
    let comes = same.iter().any(|(grams, cell)| cell.hs6 == *code && *grams > 0);
    // A fraction of 1 makes at most 1000.
    (listed && comes && low > 0.0).then(|| libm::floor(low * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::super::trade::{Trade, Way, antimony_story, code, date, with_burmese_ore, with_chinese_oxide};
    use super::*;
    use crate::reference::Production;
    use crate::scoring::Model;

    const LAST: &str = "2025-03";

    /// What the balance said, in words.
    #[derive(Debug)]
    struct Said {
        evidence: Option<Evidence>,
        coverage: Coverage,
        share: Option<(u8, u8, u8)>,
        terms: Option<Terms>,
        missing: Option<Missing>,
    }

    fn balance(trade: &Trade) -> Said {
        let model = Model::built_in();
        trade.see(&model.parameters, |subject| {
            let balanced = mass_balance(subject);
            let (evidence, missing) = (balanced.evidence(subject), balanced.missing(subject));
            Said { evidence, coverage: balanced.coverage, share: balanced.share, terms: balanced.terms, missing }
        })
    }

    /// Weight, coverage, share.
    #[track_caller]
    fn check(trade: &Trade, weight: std::ops::RangeInclusive<i32>, coverage: Coverage) -> Said {
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
        trade.made().capacity = Some((3500.0, "capacity/KR".to_owned()));
        let balanced = check(&trade, -2000..=-2000, Coverage::Observed);
        assert!(balanced.evidence.unwrap().reference.contains(&"capacity/KR".to_owned()));
        // A fifth more than is documented is not enough.
        trade.made().capacity = Some((20.0 * 0.8354 * 12.0 * 1.2, "capacity/KR".to_owned()));
        check(&trade, 0..=0, Coverage::Observed);
    }

    #[test]
    fn imports_are_flat_only_by_the_report_that_tells_both_times() {
        let plant = |before: f64| {
            let mut trade = steady("KR").imports(Way::Out, ("282580", 20.0), ("2022-06", LAST)).imports(
                Way::First,
                ("282580", before),
                ("2022-06", "2024-11"),
            );
            trade.made().capacity = Some((3500.0, "capacity/KR".to_owned()));
            trade
        };
        check(&plant(60.0), -2000..=-2000, Coverage::Observed);
        // China told of 60 t a month until its ban, of which Korea booked 3; since then Korea books 60, and China tells nothing, or zero.
        let mirrored = |trade: Trade| trade.exports(Way::First, ("282580", 60.0), ("2022-06", "2024-11"));
        check(&mirrored(plant(3.0)), 0..=2000, Coverage::Observed);
        check(&mirrored(plant(3.0)).exports(Way::First, ("282580", 60.0), ("2024-12", LAST)), 0..=2000, Coverage::Observed);
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
        controlled.measures().clear();
        check(&controlled, -2000..=-2000, Coverage::Observed);
    }

    #[test]
    fn under_a_tariff_both_legs_must_have_grown() {
        let measure =
            || super::super::trade::measure("tariffs/US-1", crate::reference::MeasureKind::Duty, ("2024-12-01", "2024-12-01"));
        let taxed = |mut trade: Trade| {
            *trade.measures() = vec![measure()];
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
        trade.made().production = Production::Unknown;
        unknown(&trade, Coverage::NotObservable, "no table");
        // Half of the usual imports came from Tajikistan, which tells nothing any more, and nor does Thailand.
        let china_tells = || {
            let before = story().exports(Way::First, ("282580", 25.0), ("2022-06", "2024-11"));
            before.exports(Way::First, ("282580", 590.0), ("2024-12", LAST))
        };
        let silent = china_tells().imports(Way::First, ("282580", 25.0), ("2022-10", "2024-09")).imports(
            Way::Supply("TJ"),
            ("261710", 40.0),
            ("2022-10", "2024-09"),
        );
        unknown(&silent, Coverage::Pending, "not reported enough months");
        // Tajikistan tells what it sends; whence else the antimony may come, Thailand alone knows.
        let mirrored = silent.exports(Way::Supply("TJ"), ("261710", 40.0), ("2022-10", LAST));
        unknown(&mirrored, Coverage::Pending, "not reported enough months");
        // China alone tells: whence else Thailand has its antimony nobody knows.
        unknown(&china_tells(), Coverage::NotObservable, "does not report what it imports");
        let flat = story().exports(Way::First, ("282580", 0.1), ("2022-06", LAST));
        unknown(&flat, Coverage::NotObservable, "does not report what it imports");
        // The ore is told in dollars alone.
        let unweighed = full().tell((Way::Supply("TJ"), Account::ImporterFlow), ("261710", None), ("2022-06", LAST));
        unknown(&unweighed, Coverage::Pending, "usual sources");
        let small = Trade::antimony("TH", "US", LAST).imports(Way::Out, ("282580", 3.9), ("2022-06", LAST)).imports(
            Way::First,
            ("282580", 3.9),
            ("2022-06", LAST),
        );
        unknown(&small, Coverage::NotObservable, "less than 20 t");
    }

    #[test]
    fn a_month_that_the_importer_told_first_waits_for_the_report_of_m() {
        // Thailand tells two months later than America, and what America tells of them changes nothing yet.
        let (until, later) = ("2025-01", ("2025-02", LAST));
        let late = antimony_story("TH", "US", LAST).imports(Way::First, ("282580", 25.0), ("2022-06", until));
        let before = antimony_story("TH", "US", until).imports(Way::First, ("282580", 25.0), ("2022-06", until));
        let moved = |tonnes| late.clone().imports(Way::Out, ("282580", tonnes), later);
        let said = |trade: &Trade| check(trade, 1300..=2000, Coverage::Observed).terms;
        assert_eq!(said(&moved(0.0)), said(&moved(5000.0)));
        let mut untold = before;
        (untold.corridor, untold.world.on) = (late.corridor, late.world.on);
        assert_eq!(said(&late), said(&untold));
    }

    #[test]
    fn what_m_declares_as_re_exports_is_none_of_its_goods() {
        let span = ("2022-06", LAST);
        let story = |told: &dyn Fn(Trade) -> Trade| {
            let trade = with_chinese_oxide(antimony_story("TH", "US", LAST), LAST).without(Way::Out);
            balance(&told(trade.exports(Way::Out, ("282580", 20.8), ("2022-06", "2024-11"))))
        };
        let exports = |trade: Trade| trade.exports(Way::Out, ("282580", 561.0), ("2024-12", LAST));
        assert!(story(&exports).evidence.is_some());
        // All of it re-exported: nothing of it is Thai.
        let again = story(&|trade| exports(trade).re_exports(Way::Out, ("282580", 561.0), ("2024-12", LAST)));
        assert!(again.evidence.is_none() && again.terms.is_none_or(|terms| terms.exports < 50.0));
        // D calls them Thai all the same: its word comes first.
        let called = |trade: Trade| {
            trade.imports(Way::Out, ("282580", 20.8), span).imports(Way::Out, ("282580", 561.0), ("2024-12", LAST))
        };
        let again = story(&|trade| called(exports(trade).re_exports(Way::Out, ("282580", 561.0), ("2024-12", LAST))));
        assert!(again.evidence.is_some());
    }

    #[test]
    fn trade_without_a_mass_before_a_measure_is_no_growth_after_it() {
        let flat = |tonnes: Option<f64>| {
            let trade = Trade::antimony("TH", "US", LAST).controlled();
            let told = |trade: Trade, way| {
                let before = trade.tell((way, Account::ImporterFlow), ("282580", tonnes), ("2022-06", "2024-06"));
                let after = before.imports(way, ("282580", 150.0), ("2024-07", LAST));
                // Little metal has a mass throughout; values of the test's rows are alike.
                after.imports(way, ("811010", 3.0), ("2022-06", LAST))
            };
            balance(&told(told(trade, Way::Out), Way::First))
        };
        assert!(flat(Some(150.0)).evidence.is_none());
        assert!(flat(None).evidence.is_none_or(|evidence| evidence.weight < 0));
    }

    #[test]
    fn what_grew_while_a_measure_was_suspended_is_no_answer_to_it() {
        let weight = |suspended: usize| {
            let mut trade = with_chinese_oxide(antimony_story("TH", "US", LAST), LAST);
            trade.measures().iter_mut().take(suspended).for_each(|measure| {
                measure.suspended = Some((date("2024-12-05"), Some(date("2025-03-01"))));
            });
            balance(&trade).evidence.map_or(0, |evidence| evidence.weight)
        };
        // The window is 2024-10 to 2025-03. Of two measures one bound all the time.
        assert_eq!(weight(2), 0);
        assert!(weight(1) > 1300 && weight(1) == weight(0));
    }

    #[test]
    fn months_that_were_not_told_are_named_where_their_mean_stands_for_them() {
        let told = |last: &str| {
            // Whoever tells of the direct trade tells of this as well.
            let story = antimony_story("TH", "US", LAST).without(Way::Out).without(Way::Direct);
            let before = story.imports(Way::Out, ("282580", 20.8), ("2022-06", "2024-11"));
            let trade = with_chinese_oxide(before.imports(Way::Out, ("282580", 561.0), ("2024-12", last)), LAST);
            balance(&trade).evidence.unwrap().statement
        };
        // Five of the six months are the rise.
        assert!(told(LAST).contains("left TH for US in 2024-10 to 2025-03, "), "{}", told(LAST));
        let said = told("2025-01");
        assert!(said.contains("in 2024-10 to 2025-03 (4 of the 6 months told, their mean taken for the others), "), "{said}");
    }

    #[test]
    fn the_shipments_of_a_complete_feed_are_the_report_of_m_where_it_has_no_other() {
        let shipped = |trade: Trade| {
            let shipments = (Way::First, Account::ImporterShipments);
            let before = trade.tell(shipments, ("282580", Some(25.0)), ("2022-06", "2024-11"));
            before.tell(shipments, ("282580", Some(590.0)), ("2024-12", LAST))
        };
        let story = || antimony_story("TH", "US", LAST);
        let said = check(&shipped(story()), 1300..=2000, Coverage::Observed);
        assert_eq!(said.terms, check(&with_chinese_oxide(story(), LAST), 1300..=2000, Coverage::Observed).terms);
        // Its statistics come first.
        let both = shipped(with_burmese_ore(story(), LAST));
        assert_eq!(balance(&both).terms, balance(&with_burmese_ore(story(), LAST)).terms);
    }

    #[test]
    fn statistics_of_the_years_before_and_shipments_of_today_are_one_account() {
        let statistics = |trade: Trade, way, tonnes| trade.imports(way, ("282580", tonnes), ("2022-06", "2024-11"));
        let shipments = |trade: Trade, way, tonnes| {
            trade.tell((way, Account::ImporterShipments), ("282580", Some(tonnes)), ("2024-12", LAST))
        };
        let before = statistics(statistics(Trade::antimony("TH", "US", LAST).controlled(), Way::Out, 20.8), Way::First, 25.0);
        let told = |tell: fn(Trade, Way, f64) -> Trade| balance(&tell(tell(before.clone(), Way::Out, 561.0), Way::First, 590.0));
        let imports = |trade: Trade, way, tonnes| trade.imports(way, ("282580", tonnes), ("2024-12", LAST));
        let (changed, same) = (told(shipments), told(imports));
        assert!(same.evidence.is_some());
        assert_eq!((changed.terms, changed.evidence.map(|one| one.weight)), (same.terms, same.evidence.map(|one| one.weight)));
    }

    #[test]
    fn what_shipments_tell_without_a_mass_is_not_nothing() {
        let tajik = |account, tonnes| {
            let trade = with_chinese_oxide(antimony_story("TH", "US", LAST), LAST).without(Way::First);
            let trade = trade.imports(Way::First, ("282580", 30.0), ("2022-06", LAST));
            trade.tell((Way::Supply("TJ"), account), ("261710", tonnes), ("2022-06", LAST))
        };
        for account in [Account::ImporterFlow, Account::ImporterShipments] {
            assert_eq!(balance(&tajik(account, None)).coverage, Coverage::Pending, "{account:?}");
            assert_eq!(balance(&tajik(account, Some(900.0))).coverage, Coverage::Observed, "{account:?}");
        }
    }

    #[test]
    fn the_shipments_that_china_tells_are_no_report_of_m() {
        let story = || antimony_story("TH", "US", LAST);
        let exports = |account| story().tell((Way::First, account), ("282580", Some(80.0)), ("2022-06", LAST));
        let said = check(&exports(Account::ExporterShipments), 0..=0, Coverage::NotObservable);
        assert_eq!(said.terms, balance(&exports(Account::MirrorFlow)).terms);
        // Beside M's own report they are the mirror, never more of the same.
        let both = |account| with_chinese_oxide(exports(account), LAST);
        assert_eq!(balance(&both(Account::ExporterShipments)).terms, balance(&both(Account::MirrorFlow)).terms);
    }

    #[test]
    fn plants_that_can_make_it_explain_a_growth() {
        let korean = |exports: f64| {
            let mut trade = steady("KR").imports(Way::Out, ("282580", 20.0), ("2022-06", "2024-11")).imports(
                Way::Out,
                ("282580", exports),
                ("2024-12", LAST),
            );
            trade.made().capacity = Some((3500.0, "capacity/KR".to_owned()));
            trade
        };
        check(&korean(20.2), -2000..=-2000, Coverage::Observed);
        check(&korean(60.0), -2000..=-2000, Coverage::Observed);
        // More than four fifths of what they can make is not made by them alone.
        check(&korean(600.0), 1000..=2000, Coverage::Observed);
    }

    #[test]
    fn nothing_speaks_for_rerouting_where_less_than_a_fifth_can_be_chinese() {
        let grown = |made: f64| {
            let mut trade = antimony_story("KR", "US", LAST).imports(Way::First, ("282580", 0.0), ("2022-06", LAST));
            trade.made().production = Production::Listed { tonnes: made, row: "production/KR".to_owned() };
            trade.made().production_before = trade.made().production.clone();
            trade
        };
        let short = check(&grown(100.0), 1000..=2000, Coverage::Observed);
        assert!(short.share.is_some_and(|(low, ..)| low > 50), "{:?}", short.share);
        // What is made all along is more than all that left.
        let plenty = check(&grown(20_000.0), 0..=0, Coverage::Observed);
        assert!(plenty.share.is_some_and(|(.., high)| high < 20), "{:?}", plenty.share);
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
        let year = |trade: Trade, way, tonnes| {
            let goods = (code("282580"), Some(tonnes));
            trade.tell_period((way, Account::ImporterFlow), goods, "2024".parse().unwrap())
        };
        let trade = Trade::antimony("TH", "US", "2024-12").controlled();
        let mut trade = year(year(trade, Way::Out, 1000.0), Way::First, 1100.0);
        trade.months = 12;
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
        trade.made().production = Production::Listed { tonnes: 2000.0, row: "production/TH".to_owned() };
        let some = of(&trade);
        assert!(some.0 < none.0 && some.1 < none.1, "{none:?} {some:?}");
        let more = trade.imports(Way::Supply("TJ"), ("282580", 25.0), ("2022-06", "2024-11"));
        assert!(of(&more.imports(Way::Supply("TJ"), ("282580", 590.0), ("2024-12", LAST))).0 < some.0);
    }

    #[test]
    fn chinese_goods_of_later_stages_are_in_no_ore() {
        let grown = |trade: Trade, way, code, (before, after)| {
            trade.imports(way, (code, before), ("2022-06", "2024-11")).imports(way, (code, after), ("2024-12", LAST))
        };
        let ore = || grown(Trade::antimony("BO", "US", LAST).controlled(), Way::Out, "261710", (20.0, 400.0));
        let beside_oxide = || grown(ore(), Way::First, "282580", (5.0, 500.0));
        let said = check(&beside_oxide(), 0..=0, Coverage::Observed);
        assert_eq!(said.share, Some((0, 0, 0)));
        // Oxide that leaves beside it may be Chinese, and no more than it: 100 of 363 t of antimony a month.
        let both = grown(beside_oxide(), Way::Out, "282580", (5.0, 120.0));
        let said = check(&both, 400..=560, Coverage::Observed);
        assert!(said.share.is_some_and(|(.., high)| (25..=33).contains(&high)), "{:?}", said.share);
        // Chinese ore may be in it.
        check(&grown(ore(), Way::First, "261710", (20.0, 500.0)), 1300..=2000, Coverage::Observed);
    }

    #[test]
    fn other_supply_that_grew_explains_it_under_a_tariff_too() {
        let taxed = |japanese: f64| {
            let mut trade = with_chinese_oxide(antimony_story("TH", "US", LAST), LAST).wedge("282580", 0.25);
            let duty = crate::reference::MeasureKind::Duty;
            *trade.measures() = vec![super::super::trade::measure("tariffs/US-1", duty, ("2024-12-01", "2024-12-01"))];
            trade.imports(Way::Supply("JP"), ("282580", 25.0), ("2022-06", "2024-11")).imports(
                Way::Supply("JP"),
                ("282580", japanese),
                ("2024-12", LAST),
            )
        };
        let said = check(&taxed(25.0), 1300..=2000, Coverage::Observed).evidence.unwrap();
        assert!(said.statement.contains("imports from China grew by 1888.0 t; non-Chinese supply grew by"), "{said:?}");
        assert!(said.falsified_by.contains("beyond those counted here"), "{said:?}");
        check(&taxed(300.0), 300..=1000, Coverage::Observed);
        check(&taxed(800.0), 0..=0, Coverage::Observed);
    }
}
