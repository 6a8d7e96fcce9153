//! What `diff` prints for people.

use std::collections::BTreeSet;

use crate::replay::diff::{BandCount, Change, Compared, Contribution, Corridor, Diff, Party, Reason, Verdict, Volume};

/// Lines of a list at most; JSON has more.
const LINES_MAX: usize = 20;
/// Reasons of a change at most.
const REASONS_MAX: usize = 4;

/// The lines.
pub(super) fn table(diff: &Diff) -> Vec<String> {
    let kinds = [("corridor-months", &diff.corridor_months), ("shipments", &diff.shipments)];
    let mut lines =
        vec![party("base", &diff.base), party("candidate", &diff.candidate), format!("{:<10} {}", "input", diff.input.words())];
    lines.push(String::new());
    lines.push(format!(
        "{:<16} {:>9} {:>10} {:>15} {:>9} {:>9} {:>9}",
        "VERDICTS", "COMPARED", "ONLY BASE", "ONLY CANDIDATE", "CHANGED", "FLIPS", "SHARES"
    ));
    for (name, Compared { compared, only_base, only_candidate, changed, flips, shares, .. }) in kinds {
        lines.push(format!("{name:<16} {compared:>9} {only_base:>10} {only_candidate:>15} {changed:>9} {flips:>9} {shares:>9}"));
    }
    lines.push(String::new());
    lines.push(format!("{:<16} {:>19} {:>19}", "BAND", "CORRIDOR-MONTHS", "SHIPMENTS"));
    for (months, shipments) in diff.corridor_months.bands.iter().zip(&diff.shipments.bands) {
        let turned = |of: &BandCount| format!("{} -> {}", of.base, of.candidate);
        lines.push(format!("{:<16} {:>19} {:>19}", months.band.word(), turned(months), turned(shipments)));
    }
    lines.push(String::new());
    lines.push(alerts(diff));
    for (name, compared) in kinds {
        signals(name, compared, &mut lines);
    }
    for (name, compared) in kinds {
        let left_out = compared.flipped_left_out;
        list(&format!("flips of {name}"), &compared.flipped, left_out, change, &mut lines);
    }
    for (name, compared) in kinds {
        list(&format!("largest shifts of {name} without a flip"), &compared.shifted, 0, change, &mut lines);
    }
    list("corridors", &diff.corridors, diff.corridors_left_out, corridor, &mut lines);
    lines
}

fn party(role: &str, Party { name, what, folds, models, references }: &Party) -> String {
    let listed = |hashes: &BTreeSet<String>| {
        // As many digits as tell two apart.
        let short: Vec<String> = hashes.iter().map(|hash| hash.chars().take("sha256:".len() + 8).collect()).collect();
        if short.is_empty() { "-".to_owned() } else { short.join(", ") }
    };
    let folds: Vec<String> = folds.iter().map(u32::to_string).collect();
    let by = format!("model {}, reference {}, fold {}", listed(models), listed(references), folds.join(", "));
    format!("{role:<10} {name} ({}): {by}", what.words())
}

fn alerts(diff: &Diff) -> String {
    let (Volume { volume, opened, raised, lowered, closed }, candidate) = (&diff.alerts.base, &diff.alerts.candidate);
    let change = diff.alerts.change_percent.map_or_else(|| "from none".to_owned(), |percent| format!("{percent:+.1} %"));
    format!(
        "alerts: {volume} -> {} ({change}): opened {opened} -> {}, raised {raised} -> {}; beside them lowered {lowered} -> {}, closed {closed} -> {}",
        candidate.volume, candidate.opened, candidate.raised, candidate.lowered, candidate.closed
    )
}

fn signals(name: &str, compared: &Compared, lines: &mut Vec<String>) {
    if compared.contributions.is_empty() {
        return;
    }
    lines.push(String::new());
    let title = format!("SIGNALS OF {}", name.to_uppercase());
    lines.push(format!("{title:<28} {:>19} {:>9} {:>11} {:>9}", "SPEAKS", "CHANGED", "MEAN SHIFT", "LARGEST"));
    for of in &compared.contributions {
        let (spoke, shift) = (format!("{} -> {}", of.base, of.candidate), of.shift);
        let (changed, mean, largest) = (shift.changed, shift.mean_shift, shift.max_shift);
        lines.push(format!("{:<28} {spoke:>19} {changed:>9} {mean:>+11.1} {largest:>+9}", of.signal));
    }
}

fn list<T>(title: &str, items: &[T], left_out: u64, show: fn(&T) -> String, lines: &mut Vec<String>) {
    if items.is_empty() {
        return;
    }
    lines.push(String::new());
    lines.push(format!("{title}:"));
    lines.extend(items.iter().take(LINES_MAX).map(show));
    let more = items.len().saturating_sub(LINES_MAX) as u64 + left_out;
    if more > 0 {
        lines.push(format!("  … and {more} more; --format json lists the first of them"));
    }
}

fn change(change: &Change) -> String {
    let mut reasons: Vec<String> = change.reasons.iter().take(REASONS_MAX).map(Reason::to_string).collect();
    let more = change.reasons.len().saturating_sub(REASONS_MAX);
    reasons.extend((more > 0).then(|| format!("{more} more")));
    let why = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join("; ")) };
    let words = Verdict::words;
    format!("  {} {} -> {} ({:+.3}){why}", change.id, words(change.base), words(change.candidate), change.shift)
}

fn corridor(corridor: &Corridor) -> String {
    let moved: Vec<String> = corridor.contributions.iter().map(Contribution::moved).collect();
    let Corridor { corridor, months, changed, flips, max_shift, .. } = corridor;
    let moved = if moved.is_empty() { String::new() } else { format!(": {}", moved.join("; ")) };
    format!("  {corridor} {changed} of {months} months changed, {flips} flips, largest shift {max_shift:+.3}{moved}")
}
