//! Words of the event test.

use crate::reference::MaterialStage;

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
