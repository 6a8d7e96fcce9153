//! The sheet of a mass balance: what left M in a window beside what it had, the share, and what grew unexplained. Says nothing
//! itself.

use crate::domain::{HsSubheading, Month};
use crate::ledger::{Account, Series};
use crate::reference::MaterialStage;

use super::balance::{self, Before, Sources, Supply};
use super::episode::Episode;
use super::incentive::{Demand, demand_growth};
use super::mass::{Scope, Window, account_of};
use super::parameters::{part, thousandths};
use super::share::{Known, interval};
use super::subject::Subject;

/// What left M in a window, scaled to its length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exports<'a> {
    pub(super) series: Series<'a>,
    pub(super) window: Window,
    /// Months of the window that were told, and are compared.
    pub(super) told: u32,
    pub(super) tonnes: f64,
}

impl Exports<'_> {
    /// Their months, in words for evidence.
    pub(super) fn span(&self) -> String {
        let (months, span) = (self.window.months(), balance::span(self.window));
        match self.told {
            told if told < months => format!("{span} ({told} of the {months} months told, their mean taken for the others)"),
            _ => span,
        }
    }
}

/// Ore in a window.
#[derive(Clone, Copy, Debug)]
struct Ore {
    /// Its share of what left M for D.
    out: f64,
    /// Tonnes a month that can have come from China: what is told, and under an export control what may be hidden.
    chinese: f64,
}

/// A balance that can be drawn up, in one window.
#[derive(Clone, Debug)]
pub(super) struct Sheet<'a> {
    pub(super) exports: Exports<'a>,
    pub(super) supply: Supply,
    pub(super) episode: Option<Episode<'a>>,
    pub(super) control: bool,
    pub(super) chinese: f64,
    pub(super) before: Option<Before>,
}

/// What left M in the window, by the first account that told at least half of it and the corridor in it.
///
/// Months that M has still to tell its imports of are not compared: a rise that is told first would else speak alone until M's
/// report comes, and be silent then.
pub(super) fn exports_in<'a>(subject: &Subject<'a>, sources: &Sources, months: u8) -> Option<Exports<'a>> {
    let window = Window::ending(subject.month(), i32::from(months));
    let until = sources.inflow(window, &subject.parameters.balance).own_until.unwrap_or(window.last);
    let compared = Window { last: until, ..window };
    let accounts = subject.books.out().accounts().map(|series| (series, subject.sum(series, compared, (Scope::All, true))));
    let told = accounts.into_iter().filter(|(_, sum)| sum.months * 2 >= window.months());
    let (series, sum) = account_of(told, |(_, sum)| sum.spoken)?;
    let exports =
        Exports { series, window, told: sum.months.min(window.months()), tonnes: sum.mean() * f64::from(window.months()) };
    (exports.tonnes > 0.0).then_some(exports)
}

impl<'a> Sheet<'a> {
    pub(super) fn new(
        subject: &Subject<'_>,
        (exports, supply, sources): (Exports<'a>, Supply, &Sources),
        (episode, control, chinese): (Option<Episode<'a>>, bool, f64),
    ) -> Sheet<'a> {
        let months = subject.parameters.episodes.before_months;
        let before = episode.as_ref().map_or(Window::ending(exports.window.first.plus(-1), months), |episode| episode.before);
        let before = Before::of(subject, sources, &supply, (before, control));
        Sheet { exports, supply, episode, control, chinese, before }
    }

    /// A month's imports before, as far as not used up, and the Chinese share of them.
    pub(super) fn stock(&self, subject: &Subject<'_>) -> (f64, f64) {
        let months = f64::from(self.exports.window.months());
        let unknown = Before { chinese: self.chinese / months, own: None, other: self.supply.inflow.other / months };
        let before = self.before.unwrap_or(unknown);
        let total = before.chinese + before.other;
        let decay_months = f64::from(subject.parameters.share.stock_decay_months);
        let start: Option<Month> = self.episode.as_ref().and_then(|episode| episode.starts.last().copied());
        let since = start.map_or(0.0, |start| f64::from(self.exports.window.first.since(start).max(0)));
        let left = (1.0 - since / decay_months).max(0.0);
        (total * left, if total > 0.0 { before.chinese / total } else { 0.0 })
    }

    pub(super) fn share(&self, subject: &Subject<'_>) -> [f64; 3] {
        let parameters = subject.parameters;
        let known = Known {
            exports: self.exports.tonnes,
            chinese: self.chinese,
            other: self.supply.inflow.other,
            shared: self.supply.inflow.shared,
            production: self.supply.production.unwrap_or_default(),
            secondary: self.supply.secondary.ok_or(part(parameters.balance.secondary_unlisted)),
            stock: self.stock(subject),
            control: self.control,
        };
        let kept = (part(parameters.balance.yield_low), part(parameters.balance.yield_high));
        let at_most = self.may_be_chinese(subject);
        interval(&known, kept, (&parameters.draws, &parameters.share)).map(|share| share.min(at_most))
    }

    /// The share of the exports that can be Chinese, as nothing but ore makes ore: what is none, and of the ore what came as ore.
    fn may_be_chinese(&self, subject: &Subject<'_>) -> f64 {
        let Some(ore) = self.ore(subject, self.exports.window) else { return 1.0 };
        let chinese = ore.chinese * f64::from(self.exports.window.months());
        1.0 - (ore.out - chinese / self.exports.tonnes).max(0.0)
    }

    /// Ore in a window; `None` where none left M lately, or nobody tells what came of it.
    fn ore(&self, subject: &Subject<'_>, window: Window) -> Option<Ore> {
        let is_ore = |code: &HsSubheading| subject.world.stage(*code) == Some(MaterialStage::Ore);
        if !subject.codes().iter().any(is_ore) {
            return None;
        }
        let sum = |series| subject.sum(series, window, (Scope::ORE, true));
        let leg = subject.books.first();
        let told = |side: [Account; 2]| side.map(|account| sum(leg.by(account))).into_iter().find(|sum| sum.months > 0);
        let chinese = match (told(Account::IMPORTER), told(Account::EXPORTER)) {
            (Some(own), Some(mirror)) => balance::of_both(own.mean(), mirror.mean(), self.control),
            (Some(one), None) | (None, Some(one)) => one.mean(),
            (None, None) => return None,
        };
        let all = subject.sum(self.exports.series, window, (Scope::All, true)).tonnes();
        let out = if all > 0.0 { sum(self.exports.series).tonnes() / all } else { 0.0 };
        let hidden = if self.control { part(subject.parameters.share.first_leg_hidden) } else { 0.0 };
        Some(Ore { out, chinese: chinese / (1.0 - hidden) })
    }

    /// The share of the exports that grew beyond all that may explain it; `None` where an increment is unknown.
    fn unexplained(&self, subject: &Subject<'_>) -> Option<Grown> {
        let (episode, before) = (self.episode.as_ref()?, self.before?);
        let (parameters, world) = (subject.parameters, subject.world);
        let window = self.exports.window;
        let months = f64::from(window.months());
        let earlier = subject.sum(self.exports.series, episode.before, (Scope::All, true));
        let anew = || subject.began_to_weigh(self.exports.series, (episode.before, window), (Scope::All, earlier));
        if earlier.months < parameters.episodes.before_months_min || anew() {
            return None;
        }
        let earlier = earlier.mean() * months;
        let rose = self.exports.tonnes > earlier;
        // What did not rise needs no demand to explain it.
        let demand = if rose { demand_growth(subject, (episode.before, window), (Scope::All, false)) } else { Demand::default() };
        let grown = self.exports.tonnes - earlier - earlier * (libm::exp(demand.counts) - 1.0);
        let chinese = self.chinese - before.chinese * months;
        let other = self.supply.inflow.other - before.other * months;
        let (made, made_before) = (middle(self.supply.production), middle(super::balance::production_before(world, months)));
        let imports = self.chinese + self.supply.inflow.other;
        let imports_before = (before.chinese + before.other) * months;
        let again = match self.supply.secondary {
            Some(_) => 0.0,
            None => part(parameters.balance.secondary_unlisted) / 2.0 * (made + imports - made_before - imports_before).max(0.0),
        };
        let supply = (made - made_before + again + other).max(0.0);
        let beyond = grown - part(parameters.balance.r#yield) * supply;
        let unexplained = if self.control { beyond } else { beyond.min(chinese) };
        let at_most = self.grown_but_ore(subject, (episode.before, earlier)).unwrap_or(unexplained);
        let share = unexplained.min(at_most).max(0.0) / self.exports.tonnes;
        Some(Grown { exports: self.exports.tonnes - earlier, supply, assumed: again.min(supply), chinese, share })
    }

    /// By how much the exports that are no ore grew, and the Chinese ore that came: nothing else can be Chinese. `None` where
    /// no ore left M lately.
    fn grown_but_ore(&self, subject: &Subject<'_>, (before, earlier): (Window, f64)) -> Option<f64> {
        let months = f64::from(self.exports.window.months());
        let (ore, ore_before) = (self.ore(subject, self.exports.window)?, self.ore(subject, before)?);
        let others = self.exports.tonnes * (1.0 - ore.out) - earlier * (1.0 - ore_before.out);
        Some(others.max(0.0) + ((ore.chinese - ore_before.chinese) * months).max(0.0))
    }

    pub(super) fn weight(&self, subject: &Subject<'_>) -> Option<(i32, Grown)> {
        let numbers = &subject.parameters.balance;
        let grown = self.unexplained(subject)?;
        Some((thousandths(part(numbers.weight) * grown.share).min(numbers.cap), grown))
    }

    /// Whether the balance speaks against Chinese goods, and why.
    pub(super) fn against(&self, subject: &Subject<'_>, high: f64) -> Option<Against> {
        let numbers = &subject.parameters.balance;
        let own = self.supply.inflow.own?;
        let agree = match self.supply.inflow.mirror {
            Some(mirror) if own > 0.0 && mirror > 0.0 => libm::log(own / mirror).abs() <= part(numbers.reports_agree),
            Some(mirror) => own.max(mirror) <= 0.0,
            None => false,
        };
        if !self.control && agree && high < part(numbers.against_share_below) {
            return Some(Against::TooLittle);
        }
        let (capacity, _) = subject.world.made.capacity.as_ref()?;
        let a_year = self.exports.tonnes * 12.0 / f64::from(self.exports.window.months());
        let months = f64::from(self.exports.window.months());
        let flat = self.before.is_some_and(|before| {
            let kappa = subject.parameters.surge.kappa(subject.world.class);
            let stood = |after: f64, before| {
                libm::log((after / months + kappa) / (before + kappa)) < part(subject.parameters.surge.still)
            };
            stood(self.chinese, before.chinese) && before.own.is_some_and(|before| stood(own, before))
        });
        (flat && *capacity >= part(numbers.against_capacity) * a_year).then_some(Against::Plants)
    }
}

/// Why a balance speaks against Chinese goods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Against {
    /// There are too few of them.
    TooLittle,
    /// Documented plants can make what leaves.
    Plants,
}

impl Against {
    /// In words, with the rows that say so.
    pub(super) fn words(self, subject: &Subject<'_>) -> (String, Vec<String>) {
        let decimals = usize::from(subject.decimals());
        match (self, &subject.world.made.capacity) {
            (Against::Plants, Some((capacity, row))) => {
                let why = format!("documented plants make up to {capacity:.decimals$} t a year, and imports from China are flat");
                (why, vec![row.clone()])
            }
            _ => ("Chinese goods cannot explain the exports, and both reports of the first leg agree".to_owned(), Vec::new()),
        }
    }
}

/// Increments in a window, tonnes, and the share of the exports that they leave unexplained.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grown {
    pub(super) exports: f64,
    /// Non-Chinese.
    pub(super) supply: f64,
    /// Of it, recycling that no table tells: half of what it may come to.
    pub(super) assumed: f64,
    pub(super) chinese: f64,
    pub(super) share: f64,
}

fn middle(range: Option<(f64, f64)>) -> f64 {
    range.map_or(0.0, |(least, most)| (least + most) / 2.0)
}
