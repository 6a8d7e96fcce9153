//! What is seen of the first leg before and after an episode, for the event test. Weighs nothing.

use crate::ledger::{Account, Series};

use super::episode::Episode;
use super::mass::{Scope, Window};
use super::parameters::part;
use super::subject::Subject;

/// Monthly means before and after, tonnes, and their growth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    pub(super) before: f64,
    /// The months before are the same months of the year.
    pub(super) in_season: bool,
    pub(super) after: f64,
    pub(super) log_points: f64,
}

/// What is seen of the first leg.
#[derive(Clone, Copy, Debug)]
pub(super) struct First {
    pub(super) growth: Growth,
    /// Tonnes a month after, of all that is seen: by stage, or over the family.
    pub(super) after: f64,
    /// A first leg that stood still may speak against rerouting.
    pub(super) may_exonerate: bool,
    /// M tells what it imports, and too few of the months after are among it yet: what is seen is the least that it can come to.
    pub(super) awaited: bool,
}

impl Growth {
    pub(super) fn of(((before, in_season), after): ((f64, bool), f64), kappa: f64) -> Growth {
        Growth { before, in_season, after, log_points: libm::log((after + kappa) / (before + kappa)) }
    }
}

/// The first leg, by stage or over the family, whichever rose more.
pub(super) fn first_leg(subject: &Subject<'_>, episode: &Episode<'_>, (scope, after): (Scope, Window)) -> Option<First> {
    // Nothing but ore makes ore.
    let any_stage = subject.world.family.is_material() && scope != Scope::ORE;
    let scopes = if any_stage { vec![scope, Scope::Own] } else { vec![scope] };
    let seen: Vec<First> = scopes.into_iter().filter_map(|scope| first_leg_of(subject, episode, (scope, after))).collect();
    let after = seen.iter().map(|first| first.growth.after).fold(0.0, f64::max);
    let most = seen.into_iter().max_by(|left, right| left.growth.log_points.total_cmp(&right.growth.log_points))?;
    let most = First { after, ..most };
    // Under an export control China's own report of nothing is no report.
    let seen = most.may_exonerate || most.awaited || most.growth.log_points >= part(subject.parameters.surge.still);
    seen.then_some(most)
}

fn first_leg_of(subject: &Subject<'_>, episode: &Episode<'_>, (scope, after): (Scope, Window)) -> Option<First> {
    let numbers = subject.parameters;
    let leg = subject.books.first();
    let sums = |account| subject.sums(leg.by(account), (episode.before, after), scope);
    let means = |account| {
        let (pre, post) = sums(account);
        let told = pre.months >= numbers.episodes.before_months_min && post.months >= numbers.episodes.after_months_min;
        told.then(|| (subject.mean_before(leg.by(account), (episode.before, after), scope), post.mean()))
    };
    let [own, mirror] = [Account::IMPORTER, Account::EXPORTER].map(|side| side.into_iter().find_map(means));
    let awaited = |account: &Account| is_awaited(subject, (leg.by(*account), scope), episode);
    if own.is_none()
        && let Some(account) = Account::IMPORTER.into_iter().find(awaited)
    {
        // What M told of the months before stands; China's report of those after can only be exceeded.
        let before = subject.mean_before(leg.by(account), (episode.before, after), scope);
        let seen = mirror.filter(|_| episode.control);
        let seen = seen.map_or((before, before.0), |mirror| (larger(before, mirror.0), mirror.1));
        return Some(First {
            growth: Growth::of(seen, numbers.surge.kappa(subject.world.class)),
            after: seen.1,
            may_exonerate: false,
            awaited: true,
        });
    }
    let pair = match (own, mirror) {
        (Some(own), Some(mirror)) if episode.control => (larger(own.0, mirror.0), own.1.max(mirror.1)),
        (Some((own, after)), Some((mirror, told))) => (((own.0 + mirror.0) / 2.0, own.1 || mirror.1), (after + told) / 2.0),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => return None,
    };
    let growth = Growth::of(pair, numbers.surge.kappa(subject.world.class));
    Some(First { growth, after: pair.1, may_exonerate: own.is_some() || !episode.control, awaited: false })
}

/// The larger of two means before, each with whether it is of the season.
fn larger(one: (f64, bool), other: (f64, bool)) -> (f64, bool) {
    if one.0 >= other.0 { one } else { other }
}

/// Whether M told its imports before an episode, and a month of the last ones too: then it will tell those after.
fn is_awaited(subject: &Subject<'_>, (own, scope): (Series<'_>, Scope), episode: &Episode<'_>) -> bool {
    let numbers = &subject.parameters.episodes;
    let lately = Window::ending(subject.month(), numbers.after_months);
    let (before, lately) = subject.sums(own, (episode.before, lately), scope);
    before.months >= numbers.before_months_min && lately.months > 0
}
