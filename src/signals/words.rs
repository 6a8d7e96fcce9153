//! Words of the event test, and what it says beside its figures: what else M imports. No weight.

use crate::reference::MaterialStage;

use super::mass::Window;
use super::subject::Subject;

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
