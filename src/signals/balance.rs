//! The supply side of a mass balance: what M makes, recycles and imports in a window. It does not look at what leaves M, so it
//! is the same for every destination. What is not told is unknown, never zero.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::domain::{Country, Month};
use crate::ledger::{Account, CellRef, Leg, Series};
use crate::reference::{MembersOfEu, Production};

use super::mass::{Scope, Sum, Told, Window, cells};
use super::parameters::{BalanceNumbers, EpisodeNumbers, part};
use super::subject::{Subject, World};
use super::union::Buyer;

/// What M had in a window, in tonnes of contained element, scaled to the length of the window where a month is not told.
#[derive(Clone, Debug)]
pub(super) struct Supply {
    /// The window.
    pub(super) window: Window,
    /// What it imported.
    pub(super) inflow: Inflow,
    /// M's production, least and most; `None` where unknown.
    pub(super) production: Option<(f64, f64)>,
    /// M's recycling where a row says how much.
    pub(super) secondary: Option<f64>,
}

/// What M imported in a window, likewise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inflow {
    /// The first leg as M's own import report has it.
    pub(super) own: Option<f64>,
    /// The first leg as China's export report has it.
    pub(super) mirror: Option<f64>,
    /// Non-Chinese imports.
    pub(super) other: f64,
    /// Half the width of what codes shared with other materials may add to them.
    pub(super) shared: f64,
    /// By mass, how many of M's usual sources have reported, as far as what they told has a mass; `None` where there were none
    /// before.
    pub(super) complete: Option<f64>,
    /// Months of the window of which M itself told what it imports. Only it knows all of its sources.
    pub(super) own_months: u32,
    /// M told so in the months before.
    pub(super) told_before: bool,
    /// The last month of the window of which M told what it imports; the window's own where longer periods tell all of it.
    pub(super) own_until: Option<Month>,
}

/// What M imported a month before an episode, in tonnes of contained element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    /// From China, by the accounts that told the window.
    pub(super) chinese: f64,
    /// From China, as M itself told.
    pub(super) own: Option<f64>,
    /// From elsewhere.
    pub(super) other: f64,
}

/// M's imports by source, as each account tells them: read once for all windows and destinations.
#[derive(Clone, Debug)]
pub(super) struct Sources {
    /// Whose.
    m: Country,
    members_of_eu: Arc<MembersOfEu>,
    first: Source,
    /// By country.
    other: Vec<(Country, Source)>,
    /// Those to be read again.
    stale: Vec<Country>,
    /// Windows that were asked for.
    inflows: RefCell<Vec<(Window, Inflow)>>,
}

#[derive(Clone, Debug)]
struct Source {
    /// In the order in which an account is chosen.
    accounts: [(Account, Rc<Told>); Account::COUNT],
    /// What codes that other materials share may add or lack; `None` where the family has none.
    shared: Option<[Rc<Told>; Account::COUNT]>,
}

impl Sources {
    pub(super) fn of(subject: &Subject<'_>) -> Sources {
        let other = subject.books.supply().map(|(country, leg)| (country, Source::read(subject, leg))).collect();
        Sources {
            m: subject.m(),
            members_of_eu: Arc::clone(&subject.world.members_of_eu),
            first: Source::read(subject, subject.books.first()),
            other,
            stale: Vec::new(),
            inflows: RefCell::default(),
        }
    }

    pub(super) fn change(&mut self, from: Country) {
        if !self.stale.contains(&from) {
            self.stale.push(from);
        }
    }

    /// Something else is told now.
    pub(super) fn is_stale(&self) -> bool {
        !self.stale.is_empty()
    }

    pub(super) fn read_again(&mut self, subject: &Subject<'_>) {
        for country in std::mem::take(&mut self.stale) {
            if country.is_china() {
                self.first = Source::read(subject, subject.books.first());
            } else if country != subject.m() {
                let source = Source::read(subject, subject.books.supply_from(country));
                match self.other.binary_search_by_key(&country, |(known, _)| *known) {
                    Ok(at) => drop(self.other.splice(at..=at, [(country, source)])),
                    Err(at) => self.other.insert(at, (country, source)),
                }
            }
        }
        self.inflows.get_mut().clear();
    }

    /// The other sources that count in a window, where this is how much each told.
    fn counted(&self, window: Window, told: impl Fn(&Source) -> f64) -> impl Iterator<Item = &(Country, Source)> {
        let of_m = Buyer { country: self.m, on: window.last.last_day(), members: &self.members_of_eu };
        of_m.once(&self.other, told)
    }

    /// What came in within a window.
    pub(super) fn inflow(&self, window: Window, numbers: &BalanceNumbers) -> Inflow {
        let held = self.inflows.borrow().iter().find(|(of, _)| *of == window).map(|(_, inflow)| *inflow);
        held.unwrap_or_else(|| {
            let inflow = self.inflow_of(window, numbers);
            self.inflows.borrow_mut().push((window, inflow));
            inflow
        })
    }

    fn inflow_of(&self, window: Window, numbers: &BalanceNumbers) -> Inflow {
        let months = f64::from(window.months());
        let told = |sum: Sum| (f64::from(sum.months) * 2.0 >= months).then(|| sum.mean() * months);
        let (mut other, mut shared) = (0.0, 0.0);
        for (_, source) in self.counted(window, |source| source.mean(window)) {
            let Some((index, of_source)) = source.best(window) else { continue };
            other += of_source.mean() * months;
            let of_shared = source.shared.as_ref().and_then(|shared| shared.get(index));
            shared += of_shared.map_or(0.0, |told| told.sum(window, true).mean() * months);
        }
        let mirror = told(self.first.of_side(Account::EXPORTER, window).1);
        let complete = self.complete_fraction(window, numbers).map(|fraction| fraction * self.weighed_fraction(window));
        let (account, own) = self.first.of_side(Account::IMPORTER, window);
        let usual = Window::ending(window.first.plus(-1), numbers.usual_months);
        let told_before = self.first.of_side(Account::IMPORTER, usual).1.months * 2 >= usual.months();
        let (own_months, own_until) = (own.months.min(window.months()), self.own_until(window, (account, own)));
        Inflow { own: told(own), mirror, other, shared, complete, own_months, told_before, own_until }
    }

    fn own_until(&self, window: Window, (account, own): (Account, Sum)) -> Option<Month> {
        if own.months >= window.months() {
            return Some(window.last);
        }
        let mut months = (0..i32::try_from(window.months()).unwrap_or(0)).map(|back| window.last.plus(-back));
        months.find(|month| self.first.monthly(account, Window::ending(*month, 1)).months > 0)
    }

    /// How much of what M's sources told of the window has a mass, where it might explain what left: what comes from elsewhere than
    /// China without a mass is unknown, not nothing. Its dollars are worth what those of the other rows are; where no row has both, a
    /// source that tells no mass at all may be any.
    fn weighed_fraction(&self, window: Window) -> f64 {
        let dollars = |source: &Source| source.heard(window).dollars();
        let others = || self.counted(window, dollars).map(|(_, source)| source.heard(window));
        let unweighed: f64 = others().map(Sum::unweighed_dollars).sum();
        if unweighed <= 0.0 {
            return 1.0;
        }
        let all = || others().chain([self.first.heard(window)]);
        let (tonnes, dollars) = all().map(Sum::priced).fold((0.0, 0.0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
        if tonnes <= 0.0 {
            return if others().any(|sum| sum.months == 0 && sum.unweighed_dollars() > 0.0) { 0.0 } else { 1.0 };
        }
        let weighed: f64 = all().map(Sum::tonnes).sum();
        weighed / (weighed + unweighed * tonnes / dollars)
    }

    /// By mass, how many of M's usual sources have reported for the window. China is one of them.
    fn complete_fraction(&self, window: Window, numbers: &BalanceNumbers) -> Option<f64> {
        let usual = Window::ending(window.first.plus(-1), numbers.usual_months);
        let told_of = |source: &Source| {
            let (_, before) = source.best(usual)?;
            let told = source.accounts.iter().map(|(_, told)| told.sum(window, true).months).max().unwrap_or(0);
            Some((before.tonnes(), f64::from(told) / f64::from(window.months().max(1))))
        };
        let others = self.counted(usual, |source| source.mean(usual)).map(|(_, source)| source);
        let sources: Vec<(f64, f64)> = std::iter::once(&self.first).chain(others).filter_map(told_of).collect();
        let total: f64 = sources.iter().map(|(tonnes, _)| tonnes).sum();
        let usual = |(tonnes, _): &&(f64, f64)| *tonnes > 0.0 && *tonnes >= part(numbers.usual_source) * total;
        let mass: f64 = sources.iter().filter(usual).map(|(tonnes, _)| tonnes).sum();
        let told: f64 = sources.iter().filter(usual).map(|(tonnes, told)| tonnes * told.min(1.0)).sum();
        (mass > 0.0).then(|| told / mass)
    }
}

impl Source {
    fn read(subject: &Subject<'_>, leg: Leg<'_>) -> Source {
        let told = |series: Series<'_>, scope| subject.lookups.legs.told(series, scope, subject.world);
        let any_shared = subject.world.contents.any_shared();
        Source {
            accounts: leg.accounts().map(|series| (series.account, told(series, Scope::Supply))),
            shared: any_shared.then(|| leg.accounts().map(|series| told(series, Scope::Shared))),
        }
    }

    /// The account that told most of a window, by its place: one that told at least half of it and the way in it comes before
    /// others; of two alike the importer's. `None` where none told a month.
    fn best(&self, window: Window) -> Option<(usize, Sum)> {
        let told = |(_, told): &(Account, Rc<Told>)| told.sum(window, true);
        let mut best: Option<(usize, Sum)> = None;
        for (index, sum) in self.accounts.iter().map(told).enumerate() {
            let rank = |sum: Sum| (sum.spoken > 0 && sum.months * 2 >= window.months(), sum.months);
            if rank(sum) > best.map_or((false, 0), |(_, sum)| rank(sum)) {
                best = Some((index, sum));
            }
        }
        best
    }

    /// Tonnes a month by that account; 0 where none told.
    fn mean(&self, window: Window) -> f64 {
        self.best(window).map_or(0.0, |(_, sum)| sum.mean())
    }

    /// What one side tells: its statistics, else the shipments of a complete feed.
    fn of_side(&self, side: [Account; 2], window: Window) -> (Account, Sum) {
        let [statistics, shipments] = side.map(|account| (account, self.sum(account, window)));
        if statistics.1.months == 0 && shipments.1.months > 0 { shipments } else { statistics }
    }

    fn sum(&self, account: Account, window: Window) -> Sum {
        self.of(account).map_or(Sum::default(), |told| told.sum(window, true))
    }

    /// The same of single months alone.
    fn monthly(&self, account: Account, window: Window) -> Sum {
        self.of(account).map_or(Sum::default(), |told| told.sum(window, false))
    }

    fn of(&self, account: Account) -> Option<&Told> {
        self.accounts.iter().find(|(known, _)| *known == account).map(|(_, told)| &**told)
    }

    /// What is heard of a window, by the account that told most of it with mass; where none did, or that was a silence, by the one that
    /// told most dollars.
    fn heard(&self, window: Window) -> Sum {
        let more = |most: Sum, next: Sum| if next.unweighed_dollars() > most.unweighed_dollars() { next } else { most };
        let best = self.best(window).map(|(_, sum)| sum);
        if let Some(sum) = best.filter(|sum| sum.spoken > 0) {
            return sum;
        }
        self.accounts.iter().map(|(_, told)| told.sum(window, true)).fold(best.unwrap_or_default(), more)
    }
}

impl Supply {
    /// Sums up what is told of the window.
    pub(super) fn of(subject: &Subject<'_>, sources: &Sources, window: Window) -> Supply {
        let months = f64::from(window.months());
        Supply {
            window,
            inflow: sources.inflow(window, &subject.parameters.balance),
            production: range(&subject.world.made.production, months),
            secondary: range(&subject.world.made.secondary, months).map(|(least, _)| least),
        }
    }

    /// The first leg, by both reports where there are two. `None` where it is not told, or where China alone tells it, under an export
    /// control, and says nothing left.
    pub(super) fn chinese(&self, control: bool) -> Option<f64> {
        match (self.inflow.own, self.inflow.mirror) {
            (Some(own), Some(mirror)) => Some(of_both(own, mirror, control)),
            (Some(own), None) => Some(own),
            (None, Some(mirror)) => (!control || mirror > 0.0).then_some(mirror),
            (None, None) => None,
        }
    }

    /// Whether M itself told enough of its imports, for as many months as the exports were: of the reports of its sources nothing
    /// follows about others.
    pub(super) fn is_told_by_m(&self, subject: &Subject<'_>, told: u32) -> bool {
        f64::from(self.inflow.own_months) >= part(subject.parameters.balance.reported_min) * f64::from(told)
    }

    /// Whether enough of the imports have been told, for the months in which the exports were, by M and of its usual sources.
    ///
    /// What is told of the exports is scaled to the window, and so are the imports: months that neither told are not missed.
    pub(super) fn is_reported(&self, subject: &Subject<'_>, told: u32) -> bool {
        let scale = f64::from(self.window.months()) / f64::from(told.max(1));
        let reported_min = part(subject.parameters.balance.reported_min);
        self.is_told_by_m(subject, told) && self.inflow.complete.is_none_or(|fraction| fraction * scale >= reported_min)
    }

    /// The cells of M's imports, heaviest first.
    pub(super) fn cells(&self, subject: &Subject<'_>, sources: &Sources) -> Vec<(u64, CellRef)> {
        let first = subject.books.first();
        let told = |side| first.by(sources.first.of_side(side, self.window).0);
        let first = [Account::IMPORTER, Account::EXPORTER].map(told);
        let counted = sources.counted(self.window, |source| source.mean(self.window));
        let other = counted.filter_map(|(country, source)| {
            let (account, _) = source.accounts.get(source.best(self.window)?.0)?;
            Some(subject.books.supply_from(*country).by(*account))
        });
        first.into_iter().chain(other).flat_map(|series| cells(series, self.window, Scope::Supply, subject.world)).collect()
    }

    /// The reference rows behind production and recycling.
    pub(super) fn rows(&self, world: &World) -> Vec<String> {
        [&world.made.production, &world.made.secondary].into_iter().filter_map(Production::row).map(str::to_owned).collect()
    }
}

/// Tonnes in so many months, least and most.
fn range(production: &Production, months: f64) -> Option<(f64, f64)> {
    match production {
        Production::Listed { tonnes, .. } => Some((tonnes * months / 12.0, tonnes * months / 12.0)),
        Production::Unlisted { at_most, .. } => Some((0.0, at_most * months / 12.0)),
        Production::Unknown => None,
    }
}

/// M's production two years before, in tonnes in so many months, least and most; where unknown as now.
pub(super) fn production_before(world: &World, months: f64) -> Option<(f64, f64)> {
    range(&world.made.production_before, months).or(range(&world.made.production, months))
}

impl Before {
    /// What M imported a month in `before`, by the accounts that told the window; `None` where a source that matters was not
    /// told then.
    pub(super) fn of(
        subject: &Subject<'_>,
        sources: &Sources,
        supply: &Supply,
        (before, control): (Window, bool),
    ) -> Option<Before> {
        let episodes = &subject.parameters.episodes;
        let inflow = &supply.inflow;
        let of_first = |side| enough(sources.first.sum(sources.first.of_side(side, supply.window).0, before), episodes);
        let [own, mirror] = [Account::IMPORTER, Account::EXPORTER].map(of_first);
        let chinese = match (own, mirror) {
            (Some(own), Some(mirror)) if inflow.own.is_some() && inflow.mirror.is_some() => of_both(own, mirror, control),
            (Some(own), _) if inflow.own.is_some() => own,
            (_, Some(mirror)) if inflow.own.is_none() => mirror,
            _ => return None,
        };
        let (mut other, usual) = (0.0, part(subject.parameters.balance.usual_source));
        let mean = |source: &Source| {
            let told = source.best(supply.window).and_then(|(index, _)| source.accounts.get(index));
            told.map_or(0.0, |(_, told)| told.sum(before, true).mean())
        };
        for (_, source) in sources.counted(before, mean) {
            // A source that is silent in the window is missing there, which `complete` weighs.
            let Some((index, of_window)) = source.best(supply.window) else { continue };
            let Some((account, told)) = source.accounts.get(index) else { continue };
            match enough(told.sum(before, true), episodes) {
                Some(mean) => other += mean,
                // M told its imports then, and none of them from there.
                None if *account == Account::ImporterFlow && own.is_some() => {}
                None if of_window.mean() * f64::from(supply.window.months()) < usual * inflow.other => {}
                None => return None,
            }
        }
        Some(Before { chinese, own, other })
    }
}

/// Both reports of the first leg: under an export control the larger, since the smaller is the one with a reason; else their mean.
pub(super) fn of_both(own: f64, mirror: f64, control: bool) -> f64 {
    if control { own.max(mirror) } else { (own + mirror) / 2.0 }
}

fn enough(sum: Sum, episodes: &EpisodeNumbers) -> Option<f64> {
    (sum.months >= episodes.before_months_min).then(|| sum.mean())
}

/// The months of a window, in words for evidence.
pub(super) fn span(window: Window) -> String {
    let (first, last): (Month, Month) = (window.first, window.last);
    format!("{first} to {last}")
}

/// Which of M's sources is missing, in words.
pub(super) fn first_leg_words(m: Country) -> String {
    format!("the first leg (imports of {m} from China) is not reported")
}
