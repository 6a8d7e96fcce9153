//! C1_MASS_BALANCE: more of the element left M for D than M's own and other non-Chinese supply explains.
//!
//! **Sees** what left M for D in the six months that end with the corridor's month (twelve beside it; the smaller weight counts), in
//! contained element, beside M's production, recycling, non-Chinese imports, opening stock and imports from China.
//!
//! **Why it hints at rerouting**: atoms cannot be declared away. Increments count, not levels, since a level convicts every processor.
//! Under an export control the weight is twice the share of the exports that grew beyond demand and beyond 95 % of the growth of
//! production, recycling and non-Chinese imports; under a tariff, twice the share by which both Chinese imports and exports grew. At
//! most 2.0. A fall of the known supply is no evidence.
//!
//! **Speaks against it** (-2.0) where M's own import report is there, no export control binds the item, both reports of the first leg
//! agree and Chinese goods could explain less than 15 % of the exports; or where documented plants can make 1.25 times the exports and
//! M's own report shows flat Chinese imports.
//!
//! **The share** is its other output, and no probability: an interval over fixed draws of what is uncertain (hidden parts of the first leg
//! under an export control, contents, trade, production, recycling, yield, stock), between the physical bounds, proportional in between.
//!
//! **Silent** where imports, production or exports are unknown: at least 80 % of M's usual sources must have reported; a country that a
//! table of the world's producers does not list makes at most what the smallest listed one makes; without a table it is unknown. Then the
//! share is 0 to 1. Silent also for baskets and headings, and below the least sample. Without a measure the share is told, and no weight.
//!
//! **Ordinary explanations**: stock from before the control (its non-Chinese part counts as supply), unlisted refining or recycling.
//! **Falsified by** production, recycling or other imports of M that cover the growth.

use crate::domain::Month;
use crate::ledger::{Account, Series};

use super::balance::{Before, Supply, first_leg_words, span};
use super::episode::{Episode, episodes};
use super::incentive::{demand_growth, traded};
use super::mass::{Scope, Window, accounts, cells, sum};
use super::parameters::{part, thousandths};
use super::share::{Known, interval};
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
    /// The lower bound of the stage's own balance, in thousandths, where the same subheading comes and goes and all terms are observed.
    pub(crate) stage_floor: Option<u16>,
}

/// What left M in a window, scaled to its length.
#[derive(Clone, Copy)]
struct Exports<'a> {
    account: Account,
    series: &'a Series,
    window: Window,
    tonnes: f64,
}

/// A balance that can be drawn up, in one window.
struct Sheet<'a> {
    exports: Exports<'a>,
    supply: Supply,
    episode: Option<&'a Episode>,
    control: bool,
    chinese: f64,
    before: Option<Before>,
}

/// Draws up the balance.
pub(crate) fn mass_balance(subject: &Subject<'_>) -> Balanced {
    let numbers = &subject.parameters.balance;
    let months = numbers.window_months.max(subject.books.months);
    let mut balanced = Balanced {
        evidence: None,
        coverage: Coverage::NotObservable,
        share: None,
        terms: None,
        complete_fraction: super::balance::complete_fraction(subject, Window::ending(subject.month(), i32::from(months))),
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
    let supply = Supply::of(subject, exports.window);
    let chinese = supply.chinese(control);
    balanced.terms = Some(terms(subject, &exports, (&supply, chinese)));
    if let Some((coverage, because)) = lacking(subject, &exports, (&supply, chinese)) {
        balanced.coverage = coverage;
        balanced.missing = Some(Missing { signal: Signal::MassBalance.code(), weight: numbers.cap, because });
        return balanced;
    }
    balanced.coverage = Coverage::Observed;
    let Some(chinese) = chinese else { return balanced };
    let sheet = Sheet::new(subject, exports, supply, (episode, control, chinese));
    let [low, mid, high] = sheet.share(subject);
    balanced.share = Some(hundredths([low, mid, high]));
    balanced.stage_floor = stage_floor(subject, &sheet, low);
    if let Some(terms) = &mut balanced.terms {
        terms.stock = Some(sheet.stock(subject).0 * stock_months(subject));
    }
    let beside = exports_in(subject, numbers.window_months_beside.max(subject.books.months));
    balanced.evidence = evidence(subject, &sheet, (beside, high));
    balanced
}

/// What left M in the window, by the first account that told at least half of it.
fn exports_in<'a>(subject: &Subject<'a>, months: u8) -> Option<Exports<'a>> {
    let window = Window::ending(subject.month(), i32::from(months));
    let told = accounts(&subject.books.out).into_iter().find_map(|(account, series)| {
        let sum = sum(series, window, (Scope::All, true), subject.world);
        let half = sum.months * 2 >= window.months();
        half.then(|| Exports { account, series, window, tonnes: sum.mean() * f64::from(window.months()) })
    });
    told.filter(|exports| exports.tonnes > 0.0)
}

fn terms(subject: &Subject<'_>, exports: &Exports<'_>, (supply, chinese): (&Supply, Option<f64>)) -> Terms {
    let reported = supply.is_reported(subject);
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
    if !supply.is_reported(subject) {
        let coverage = if supply.complete.is_some() { Coverage::Pending } else { Coverage::NotObservable };
        return Some((coverage, format!("too few of the usual sources of {m} have reported")));
    }
    let sample = subject.parameters.balance.sample(subject.world.class);
    (exports.tonnes < sample).then(|| (Coverage::NotObservable, format!("less than {sample} t left {m} in the window")))
}

impl<'a> Sheet<'a> {
    fn new(
        subject: &Subject<'_>,
        exports: Exports<'a>,
        supply: Supply,
        (episode, control, chinese): (Option<&'a Episode>, bool, f64),
    ) -> Sheet<'a> {
        let months = subject.parameters.episodes.before_months;
        let before = episode.map_or(Window::ending(exports.window.first.plus(-1), months), |episode| episode.before);
        let before = Before::of(subject, &supply, (before, control));
        Sheet { exports, supply, episode, control, chinese, before }
    }

    /// A month's imports before, as far as not used up, and the Chinese share of them.
    fn stock(&self, subject: &Subject<'_>) -> (f64, f64) {
        let months = f64::from(self.exports.window.months());
        let unknown = Before { chinese: self.chinese / months, other: self.supply.other / months };
        let before = self.before.unwrap_or(unknown);
        let total = before.chinese + before.other;
        let decay_months = f64::from(subject.parameters.share.stock_decay_months);
        let start: Option<Month> = self.episode.and_then(|episode| episode.starts.last().copied());
        let since = start.map_or(0.0, |start| f64::from(self.exports.window.first.since(start).max(0)));
        let left = (1.0 - since / decay_months).max(0.0);
        (total * left, if total > 0.0 { before.chinese / total } else { 0.0 })
    }

    fn share(&self, subject: &Subject<'_>) -> [f64; 3] {
        let parameters = subject.parameters;
        let known = Known {
            exports: self.exports.tonnes,
            chinese: self.chinese,
            other: self.supply.other,
            shared: self.supply.shared,
            production: self.supply.production.unwrap_or_default(),
            secondary: self.supply.secondary.ok_or(part(parameters.balance.secondary_unlisted)),
            stock: self.stock(subject),
            control: self.control,
        };
        let kept = (part(parameters.balance.yield_low), part(parameters.balance.yield_high));
        interval(&known, kept, (&parameters.draws, &parameters.share))
    }

    /// The share of the exports that grew beyond all that may explain it; `None` where an increment is unknown.
    fn unexplained(&self, subject: &Subject<'_>) -> Option<Grown> {
        let (episode, before) = (self.episode?, self.before?);
        let (parameters, world) = (subject.parameters, subject.world);
        let window = self.exports.window;
        let months = f64::from(window.months());
        let earlier = sum(self.exports.series, episode.before, (Scope::All, true), world);
        if earlier.months < parameters.episodes.before_months_min {
            return None;
        }
        let earlier = earlier.mean() * months;
        let (demand, _) = demand_growth(subject, (episode.before, window), Scope::All);
        let grown = self.exports.tonnes - earlier - earlier * (libm::exp(demand) - 1.0);
        let chinese = self.chinese - before.chinese * months;
        let other = self.supply.other - before.other * months;
        let (made, made_before) = (middle(self.supply.production), middle(super::balance::production_before(world, months)));
        let imports = self.chinese + self.supply.other;
        let imports_before = (before.chinese + before.other) * months;
        let again = match self.supply.secondary {
            Some(_) => 0.0,
            None => part(parameters.balance.secondary_unlisted) / 2.0 * (made + imports - made_before - imports_before).max(0.0),
        };
        let supply = (made - made_before + again + other).max(0.0);
        let unexplained = if self.control { grown - part(parameters.balance.r#yield) * supply } else { grown.min(chinese) };
        Some(Grown { exports: self.exports.tonnes - earlier, supply, chinese, share: unexplained.max(0.0) / self.exports.tonnes })
    }

    fn weight(&self, subject: &Subject<'_>) -> Option<(i32, Grown)> {
        let numbers = &subject.parameters.balance;
        let grown = self.unexplained(subject)?;
        Some((thousandths(part(numbers.weight) * grown.share).min(numbers.cap), grown))
    }

    /// Whether the balance speaks against Chinese goods, and why.
    fn against(&self, subject: &Subject<'_>, high: f64) -> Option<(String, Vec<String>)> {
        let numbers = &subject.parameters.balance;
        let own = self.supply.own?;
        let agree = match self.supply.mirror {
            Some(mirror) if own > 0.0 && mirror > 0.0 => libm::log(own / mirror).abs() <= part(numbers.reports_agree),
            Some(mirror) => own.max(mirror) <= 0.0,
            None => false,
        };
        if !self.control && agree && high < part(numbers.against_share_below) {
            return Some((
                "Chinese goods cannot explain the exports, and both reports of the first leg agree".to_owned(),
                Vec::new(),
            ));
        }
        let (capacity, row) = subject.world.capacity.as_ref()?;
        let a_year = self.exports.tonnes * 12.0 / f64::from(self.exports.window.months());
        let months = f64::from(self.exports.window.months());
        let flat = self.before.is_some_and(|before| {
            let kappa = subject.parameters.surge.kappa(subject.world.class);
            libm::log((self.chinese / months + kappa) / (before.chinese + kappa)) < part(subject.parameters.surge.still)
        });
        let enough = flat && *capacity >= part(numbers.against_capacity) * a_year;
        let decimals = usize::from(subject.decimals());
        let why = format!("documented plants make up to {capacity:.decimals$} t a year, and imports from China are flat");
        enough.then(|| (why, vec![row.clone()]))
    }
}

/// Increments in a window, tonnes, and the share of the exports that they leave unexplained.
#[derive(Clone, Copy)]
struct Grown {
    exports: f64,
    supply: f64,
    chinese: f64,
    share: f64,
}

fn middle(range: Option<(f64, f64)>) -> f64 {
    range.map_or(0.0, |(least, most)| (least + most) / 2.0)
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

fn evidence(subject: &Subject<'_>, sheet: &Sheet<'_>, (beside, high): (Option<Exports<'_>>, f64)) -> Option<Evidence> {
    let weighed = sheet.weight(subject).map(|(weight, grown)| {
        let beside = beside.and_then(|exports| {
            let supply = Supply::of(subject, exports.window);
            let chinese = supply.chinese(sheet.control)?;
            let reported = supply.is_reported(subject);
            reported.then(|| Sheet::new(subject, exports, supply, (sheet.episode, sheet.control, chinese)).weight(subject))?
        });
        (beside.map_or(weight, |(beside, _)| weight.min(beside)), grown)
    });
    match weighed {
        Some((weight, grown)) if weight > 0 => Some(for_rerouting(subject, sheet, (weight, grown))),
        _ => sheet.against(subject, high).map(|against| against_rerouting(subject, sheet, against)),
    }
}

fn for_rerouting(subject: &Subject<'_>, sheet: &Sheet<'_>, (weight, grown): (i32, Grown)) -> Evidence {
    let (m, d, family) = (subject.m(), subject.d(), subject.world.family);
    let decimals = usize::from(subject.decimals());
    let what = if sheet.control {
        format!("known non-Chinese supply grew by {:.decimals$} t", grown.supply)
    } else {
        format!("imports from China grew by {:.decimals$} t", grown.chinese)
    };
    let explained = if sheet.control { "is explained by neither it nor demand" } else { "matches them and no growth of demand" };
    let statement = format!(
        "{:.decimals$} t of contained {family} left {m} for {d} in {}, {:.decimals$} t more than in as many months before the measure; {what}; \
         {:.0} % of what left {explained} (account: {})",
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
    sheet.evidence(subject, (weight, statement, figures), (rows, falsified_by))
}

fn against_rerouting(subject: &Subject<'_>, sheet: &Sheet<'_>, (why, rows): (String, Vec<String>)) -> Evidence {
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
    sheet.evidence(subject, (subject.parameters.balance.against, statement, figures), (rows, falsified_by))
}

impl Sheet<'_> {
    fn evidence(
        &self,
        subject: &Subject<'_>,
        (weight, statement, figures): (i32, String, Vec<Figure>),
        (mut reference, falsified_by): (Vec<String>, String),
    ) -> Evidence {
        let mut rests_on = cells(self.exports.series, self.exports.window, Scope::All, subject.world);
        rests_on.extend(self.supply.cells(subject));
        rests_on.sort_unstable_by(|left, right| right.0.cmp(&left.0).then(left.1.cmp(&right.1)));
        reference.sort_unstable();
        reference.dedup();
        let rests_on = rests_on.into_iter().map(|(_, cell)| RestsOn::Cell(cell)).collect();
        Evidence { signal: Signal::MassBalance, weight, statement, figures, rests_on, reference, falsified_by }
    }
}

/// The lower bound of the share, in thousandths, where one subheading is the whole of what leaves and also comes from China, and
/// production, recycling and imports are all observed: goods that come and go under one code were not made in M.
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
