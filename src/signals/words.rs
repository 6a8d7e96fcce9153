//! Words of the event test, and what it says beside its figures: what is told and cannot be tested month by month, and what
//! else M imports. No weight.

use crate::ledger::{Account, Leg, Series};
use crate::reference::MaterialStage;

use super::mass::{Scope, Window};
use super::subject::Subject;

/// The periods by which something is told, in words.
pub(super) fn periods(months: u8) -> &'static str {
    match months {
        3 => "quarters",
        6 => "half-years",
        12 => "years",
        _ => "longer periods",
    }
}

/// By which periods M alone tells its imports from China, where these are longer than months.
pub(super) fn first_leg_longer(subject: &Subject<'_>) -> Option<&'static str> {
    let leg = subject.books.first();
    Account::IMPORTER.into_iter().find_map(|account| longer_alone(subject, leg.by(account))).map(periods)
}

/// How many of D's other sources are told with mass by longer periods alone, and by which.
pub(super) fn sources_longer(subject: &Subject<'_>) -> Option<(usize, &'static str)> {
    let of_leg = |(_, leg): (_, Leg<'_>)| leg.accounts().into_iter().find_map(|series| longer_alone(subject, series));
    let told: Vec<u8> = subject.books.sources().filter_map(of_leg).collect();
    let first = told.first()?;
    Some((told.len(), periods(if told.iter().all(|months| months == first) { *first } else { 0 })))
}

/// The shortest period by which a series of late told masses, where it told no month.
fn longer_alone(subject: &Subject<'_>, series: Series<'_>) -> Option<u8> {
    let lately = Window::ending(subject.month(), subject.parameters.episodes.before_months);
    let mut shortest: Option<u8> = None;
    series.longer(|line| {
        if line.mass.is_some() && (lately.first..=lately.last).contains(&line.period.last()) {
            let months = line.period.months();
            shortest = Some(shortest.map_or(months, |known| known.min(months)));
        }
    });
    shortest.filter(|_| subject.sum(series, lately, (Scope::All, false)).months == 0)
}

/// By how many tonnes a month what M imports from elsewhere than China rose, where M itself told both times.
pub(super) fn other_imports_rose(subject: &Subject<'_>, (before, after): (Window, Window)) -> Option<f64> {
    let episodes = &subject.parameters.episodes;
    let sources = subject.lookups.imports.of(subject);
    let [earlier, later] = [before, after].map(|window| sources.inflow(window, &subject.parameters.balance));
    let told = earlier.own_months >= episodes.before_months_min && later.own_months >= episodes.after_months_min;
    told.then(|| later.other / f64::from(after.months()) - earlier.other / f64::from(before.months()))
}

/// Which months before a figure is of.
pub(super) fn of_season(in_season: bool) -> &'static str {
    if in_season { " (the same months of the year)" } else { "" }
}

/// Growth in words.
pub(super) fn times(log_points: f64) -> String {
    let ratio = libm::exp(log_points);
    if ratio >= 9.95 { format!("{ratio:.0} times") } else { format!("{ratio:.1} times") }
}

/// The stage in words.
pub(super) fn stage_word(stage: MaterialStage) -> &'static str {
    match stage {
        MaterialStage::Ore => "ore",
        MaterialStage::Intermediate => "intermediate",
        MaterialStage::Oxide => "oxide",
        MaterialStage::Compound => "compound",
        MaterialStage::Metal => "metal",
        MaterialStage::Alloy => "alloy",
        MaterialStage::Scrap => "scrap",
        MaterialStage::Article => "article",
    }
}
