//! The supply side of a mass balance: what M makes, recycles and imports in a window. It does not look at what leaves M, so it
//! is the same for every destination. What is not told is unknown, never zero.

use crate::domain::{Country, Month};
use crate::ledger::{Account, CellRef, Leg, Series};
use crate::reference::Production;

use super::mass::{Scope, Sum, Told, Window, accounts, cells, sum};
use super::parameters::{EpisodeNumbers, part};
use super::subject::{Subject, World};

/// What M had in a window, in tonnes of contained element, scaled to the length of the window where a month is not told.
#[derive(Clone, Debug)]
pub(super) struct Supply {
    /// The window.
    pub(super) window: Window,
    /// The first leg as M's own import report has it.
    pub(super) own: Option<f64>,
    /// The first leg as China's export report has it.
    pub(super) mirror: Option<f64>,
    /// Non-Chinese imports.
    pub(super) other: f64,
    /// Half the width of what codes shared with other materials may add to them.
    pub(super) shared: f64,
    /// M's production, least and most; `None` where unknown.
    pub(super) production: Option<(f64, f64)>,
    /// M's recycling where a row says how much.
    pub(super) secondary: Option<f64>,
    /// By mass, how many of M's usual sources have reported; `None` where there were none before.
    pub(super) complete: Option<f64>,
    /// The reference rows.
    pub(super) rows: Vec<String>,
}

/// What M imported a month before an episode, in tonnes of contained element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    /// From China.
    pub(super) chinese: f64,
    /// From elsewhere.
    pub(super) other: f64,
}

/// M's imports by source, as each account tells them: read once for all windows.
#[derive(Clone, Debug)]
pub(super) struct Sources<'a> {
    first: Source<'a>,
    other: Vec<Source<'a>>,
}

#[derive(Clone, Debug)]
struct Source<'a> {
    accounts: [(Account, &'a Series, Told); 3],
}

impl<'a> Sources<'a> {
    /// Reads as far back as any window can reach.
    pub(super) fn of(subject: &Subject<'a>) -> Sources<'a> {
        let (episodes, balance) = (&subject.parameters.episodes, &subject.parameters.balance);
        let of_episodes = episodes.reach_months + episodes.together_months + episodes.before_months;
        let of_usual = balance.usual_months + i32::from(balance.window_months_beside.max(subject.books.months));
        let span = Window::ending(subject.month(), of_episodes.max(of_usual) + 1);
        let source = |leg: &'a Leg| Source {
            accounts: accounts(leg)
                .map(|(account, series)| (account, series, Told::of(series, span, Scope::Supply, subject.world))),
        };
        let other = subject.books.supply.iter().filter(|(country, _)| !country.is_china());
        Sources { first: source(&subject.books.first), other: other.map(|(_, leg)| source(leg)).collect() }
    }

    /// By mass, how many of M's usual sources have reported for the window. China is one of them.
    pub(super) fn complete_fraction(&self, subject: &Subject<'_>, window: Window) -> Option<f64> {
        let numbers = &subject.parameters.balance;
        let usual = Window::ending(window.first.plus(-1), numbers.usual_months);
        let told_of = |source: &Source<'_>| {
            let (_, _, before) = source.best(usual)?;
            let told = source.best(window).map_or(0, |(_, _, sum)| sum.months);
            Some((before.tonnes, f64::from(told) / f64::from(window.months().max(1))))
        };
        let sources: Vec<(f64, f64)> = std::iter::once(&self.first).chain(&self.other).filter_map(told_of).collect();
        let total: f64 = sources.iter().map(|(tonnes, _)| tonnes).sum();
        let usual = |(tonnes, _): &&(f64, f64)| *tonnes > 0.0 && *tonnes >= part(numbers.usual_source) * total;
        let mass: f64 = sources.iter().filter(usual).map(|(tonnes, _)| tonnes).sum();
        let told: f64 = sources.iter().filter(usual).map(|(tonnes, told)| tonnes * told.min(1.0)).sum();
        (mass > 0.0).then(|| told / mass)
    }
}

impl<'a> Source<'a> {
    /// The account that told most of a window; of two alike the importer's. `None` where none told a month.
    fn best(&self, window: Window) -> Option<(&(Account, &'a Series, Told), Account, Sum)> {
        let mut best: Option<(&(Account, &'a Series, Told), Account, Sum)> = None;
        for one in &self.accounts {
            let sum = one.2.sum(window);
            if sum.months > best.as_ref().map_or(0, |(_, _, sum)| sum.months) {
                best = Some((one, one.0, sum));
            }
        }
        best
    }

    fn sum(&self, account: Account, window: Window) -> Sum {
        let told = self.accounts.iter().find(|(known, _, _)| *known == account);
        told.map_or(Sum::default(), |(_, _, told)| told.sum(window))
    }
}

impl Supply {
    /// Sums up what is told of the window.
    pub(super) fn of(subject: &Subject<'_>, sources: &Sources<'_>, window: Window) -> Supply {
        let world = subject.world;
        let months = f64::from(window.months());
        let told = |account| {
            let sum = sources.first.sum(account, window);
            (f64::from(sum.months) * 2.0 >= months).then(|| sum.mean() * months)
        };
        let (mut other, mut shared) = (0.0, 0.0);
        let any_shared = world.contents.values().any(|content| content.shared);
        for source in &sources.other {
            let Some(((_, series, _), _, of_source)) = source.best(window) else { continue };
            other += of_source.mean() * months;
            if any_shared {
                shared += sum(series, window, (Scope::Shared, true), world).mean() * months;
            }
        }
        let (production, mut rows) = range(&world.production, months);
        let (secondary, more) = range(&world.secondary, months);
        rows.extend(more);
        Supply {
            window,
            own: told(Account::ImporterFlow),
            mirror: told(Account::MirrorFlow).or_else(|| told(Account::Shipments)),
            other,
            shared,
            production,
            secondary: secondary.map(|(least, _)| least),
            complete: sources.complete_fraction(subject, window),
            rows,
        }
    }

    /// The first leg: under an export control the larger report, since the smaller is the one with a reason; else their mean.
    /// `None` where it is not told, or where China alone tells it, under an export control, and says nothing left.
    pub(super) fn chinese(&self, control: bool) -> Option<f64> {
        match (self.own, self.mirror) {
            (Some(own), Some(mirror)) if control => Some(own.max(mirror)),
            (Some(own), Some(mirror)) => Some((own + mirror) / 2.0),
            (Some(own), None) => Some(own),
            (None, Some(mirror)) => (!control || mirror > 0.0).then_some(mirror),
            (None, None) => None,
        }
    }

    /// Whether enough of the imports have been told, for the months in which the exports were.
    ///
    /// What is told of the exports is scaled to the window, and so are the imports: months that neither told are not missed.
    pub(super) fn is_reported(&self, subject: &Subject<'_>, told: u32) -> bool {
        let scale = f64::from(self.window.months()) / f64::from(told.max(1));
        match self.complete {
            Some(fraction) => fraction * scale >= part(subject.parameters.balance.reported_min),
            None => self.own.is_some(),
        }
    }

    /// The cells of M's imports, heaviest first.
    pub(super) fn cells(&self, subject: &Subject<'_>, sources: &Sources<'_>) -> Vec<(u64, CellRef)> {
        let first = sources.first.accounts.iter().take(2).map(|(_, series, _)| *series);
        let other = sources.other.iter().filter_map(|source| source.best(self.window).map(|((_, series, _), _, _)| *series));
        first.chain(other).flat_map(|series| cells(series, self.window, Scope::Supply, subject.world)).collect()
    }
}

/// Tonnes in so many months, least and most, and the row.
fn range(production: &Production, months: f64) -> (Option<(f64, f64)>, Vec<String>) {
    match production {
        Production::Listed { tonnes, row } => (Some((tonnes * months / 12.0, tonnes * months / 12.0)), vec![row.clone()]),
        Production::Unlisted { at_most, row } => (Some((0.0, at_most * months / 12.0)), vec![row.clone()]),
        Production::Unknown => (None, Vec::new()),
    }
}

/// M's production two years before, in tonnes in so many months, least and most; where unknown as now.
pub(super) fn production_before(world: &World, months: f64) -> Option<(f64, f64)> {
    range(&world.production_before, months).0.or(range(&world.production, months).0)
}

impl Before {
    /// What M imported a month in `before`, by the accounts that told the window; `None` where a source that matters was not
    /// told then.
    pub(super) fn of(
        subject: &Subject<'_>,
        sources: &Sources<'_>,
        supply: &Supply,
        (before, control): (Window, bool),
    ) -> Option<Before> {
        let episodes = &subject.parameters.episodes;
        let of_first = |account| enough(sources.first.sum(account, before), episodes);
        let (own, mirror) = (of_first(Account::ImporterFlow), of_first(Account::MirrorFlow));
        let chinese = match (own, mirror) {
            (Some(own), Some(mirror)) if control => own.max(mirror),
            (Some(own), Some(mirror)) if supply.own.is_some() && supply.mirror.is_some() => (own + mirror) / 2.0,
            (Some(own), _) if supply.own.is_some() => own,
            (_, Some(mirror)) if supply.own.is_none() => mirror,
            _ => return None,
        };
        let mut other = 0.0;
        for source in &sources.other {
            // A source that is silent in the window is missing there, which `complete` weighs.
            let Some(((_, _, told), account, of_window)) = source.best(supply.window) else { continue };
            match enough(told.sum(before), episodes) {
                Some(mean) => other += mean,
                // M told its imports then, and none of them from there.
                None if account == Account::ImporterFlow && own.is_some() => {}
                None if of_window.mean() * f64::from(supply.window.months()) < 0.01 * supply.other => {}
                None => return None,
            }
        }
        Some(Before { chinese, other })
    }
}

fn enough(sum: Sum, episodes: &EpisodeNumbers) -> Option<f64> {
    (sum.months >= episodes.before_months_min).then(|| sum.mean())
}

/// The month in which the window begins, in words for evidence.
pub(super) fn span(window: Window) -> String {
    let (first, last): (Month, Month) = (window.first, window.last);
    format!("{first} to {last}")
}

/// Which of M's sources is missing, in words.
pub(super) fn first_leg_words(m: Country) -> String {
    format!("the first leg (imports of {m} from China) is not reported")
}
