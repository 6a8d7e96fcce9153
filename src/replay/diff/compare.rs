//! Verdict beside verdict: counts, flips, shifts, and the reasons of each.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::verdict::{Makers, Said};
use super::{
    Alerts, BandCount, Cell, Change, Compared, Contribution, Corridor, Diff, Flips, Heard, Input, Moved, Party, Reason, Shift,
    Verdict,
};
use crate::domain::Band;
use crate::encode::{Topic, rounded};
use crate::replay::ReplayError;

/// Flips of a kind, and corridors, that are listed at most.
const LISTED_MAX: usize = 1000;
/// Shifts without a flip that are listed at most.
const SHIFTED_MAX: usize = 50;
/// Thousandths in a group of probabilities; certainty belongs to the last one.
const GROUP: i64 = 50;
/// How much a probability moves, in thousandths, both ends included: every whole number from -1000 to 1000 lies in one of them.
const STEPS: [(i64, i64); 7] = [(-1000, -200), (-199, -50), (-49, -1), (0, 0), (1, 49), (50, 199), (200, 1000)];

/// Compares all that two have said.
///
/// # Errors
///
/// Where something that one said is no verdict, or scratch space fails.
pub fn compare(mut heard: [Heard; 2], input: Input) -> Result<Diff, ReplayError> {
    heard.iter_mut().try_for_each(|heard| heard.last.settle())?;
    let mut makers = [Makers::default(), Makers::default()];
    let (mut months, mut shipments) = (Tally::default(), Tally::default());
    let mut corridors: BTreeMap<String, OfCorridor> = BTreeMap::new();
    each_pair(&heard, Topic::Corridors, &mut makers, &mut |id, pair| {
        months.add(id, pair);
        let corridor = id.rsplit_once('/').map_or(id, |(corridor, _)| corridor);
        corridors.entry(corridor.to_owned()).or_default().add(pair);
    })?;
    each_pair(&heard, Topic::Assessments, &mut makers, &mut |id, pair| shipments.add(id, pair))?;
    let (corridors, corridors_left_out) = listed(corridors);
    let [base, candidate] = heard;
    let [made_base, made_candidate] = makers;
    let volume = (base.alerts.volume, candidate.alerts.volume);
    let change_percent = match volume {
        (0, 0) => Some(0.0),
        (0, _) => None,
        (before, after) => Some(rounded((after as f64 - before as f64) * 100.0 / before as f64, 1)),
    };
    Ok(Diff {
        kind: "diff",
        alerts: Alerts { base: base.alerts.clone(), candidate: candidate.alerts.clone(), change_percent },
        base: party(base, made_base),
        candidate: party(candidate, made_candidate),
        input,
        corridor_months: months.end(),
        shipments: shipments.end(),
        corridors,
        corridors_left_out,
        exceeded: Vec::new(),
    })
}

fn party(Heard { name, what, .. }: Heard, Makers { folds, models, references }: Makers) -> Party {
    Party { name, what, folds, models, references }
}

/// What base and candidate say of a subject.
type Pair<'a> = [Option<&'a Said>; 2];

/// Hands over what the two last said of each subject of which either speaks, by id.
fn each_pair(
    [base, candidate]: &[Heard; 2],
    topic: Topic,
    [made_base, made_candidate]: &mut [Makers; 2],
    take: &mut dyn FnMut(&str, Pair<'_>),
) -> Result<(), ReplayError> {
    base.last.each_beside(&candidate.last, topic, &mut |key, one, two| {
        let id = String::from_utf8_lossy(key);
        let said = |heard: &Heard, value: Option<&[u8]>, makers: &mut Makers| match value {
            Some(value) => Said::read(value, makers).map_err(|why| heard.is_no_verdict(&id, why)),
            None => Ok(None),
        };
        let pair = [said(base, one, made_base)?, said(candidate, two, made_candidate)?];
        if let pair @ ([Some(_), _] | [_, Some(_)]) = pair.each_ref().map(Option::as_ref) {
            take(&id, pair);
        }
        Ok(())
    })
}

/// Verdicts of a kind as they are walked.
#[derive(Default)]
struct Tally {
    compared: Compared,
    bands: BTreeMap<Band, [u64; 2]>,
    flips: BTreeMap<[Option<Band>; 2], u64>,
    groups: BTreeMap<[i64; 2], u64>,
    steps: [u64; STEPS.len()],
    moves: BTreeMap<String, Moves>,
    flipped: Largest,
    shifted: Largest,
}

impl Tally {
    fn add(&mut self, id: &str, pair: Pair<'_>) {
        let bands = pair.map(|said| said.map(|said| said.band));
        for (side, band) in bands.into_iter().enumerate() {
            if let Some(count) = band.and_then(|band| self.bands.entry(band).or_default().get_mut(side)) {
                *count += 1;
            }
        }
        match pair {
            [Some(base), Some(candidate)] => {
                self.compared.compared += 1;
                self.compared.changed += u64::from(base != candidate);
                self.compared.shares += u64::from(base.share != candidate.share);
                let groups = [base, candidate].map(|said| (said.probability / GROUP).min(1000 / GROUP - 1));
                *self.groups.entry(groups).or_default() += 1;
                let is_in = |(from, to): &(i64, i64)| (*from..=*to).contains(&shift(pair));
                self.steps.iter_mut().zip(&STEPS).filter(|(_, step)| is_in(step)).for_each(|(count, _)| *count += 1);
                add_moves(&mut self.moves, base, candidate);
            }
            [Some(_), None] => self.compared.only_base += 1,
            _ => self.compared.only_candidate += 1,
        }
        if is_flip(pair) {
            self.compared.flips += 1;
            *self.flips.entry(bands).or_default() += 1;
            self.flipped.add(id, pair, LISTED_MAX);
        } else if shift(pair) != 0 {
            self.shifted.add(id, pair, SHIFTED_MAX);
        }
    }

    fn end(self) -> Compared {
        let count = |band: Band| {
            let [base, candidate] = self.bands.get(&band).copied().unwrap_or_default();
            BandCount { band, base, candidate }
        };
        let flips_by = self.flips.iter().map(|([from, to], count)| Flips { from: *from, to: *to, count: *count });
        let cell = |([base, candidate], count): (&[i64; 2], &u64)| {
            let [base, candidate] = [base, candidate].map(|group| probability(group * GROUP));
            Cell { base, candidate, count: *count }
        };
        let moved = |((from, to), count)| Moved { from: probability(from), to: probability(to), count };
        let flipped = self.flipped.changes();
        Compared {
            bands: Band::ALL.map(count).to_vec(),
            flips_by: flips_by.collect(),
            probabilities: self.groups.iter().map(cell).collect(),
            shifts: STEPS.into_iter().zip(self.steps).map(moved).collect(),
            contributions: contributions(self.moves),
            flipped_left_out: self.compared.flips - flipped.len() as u64,
            flipped,
            shifted: self.shifted.changes(),
            ..self.compared
        }
    }
}

/// Whether the band differs; of whom one does not speak has no band, as the lowest says.
fn is_flip(pair: Pair<'_>) -> bool {
    let [base, candidate] = pair.map(|said| said.map_or(Band::None, |said| said.band));
    base != candidate
}

/// Of the probability, in thousandths.
fn shift(pair: Pair<'_>) -> i64 {
    let [base, candidate] = pair.map(|said| said.map_or(0, |said| said.probability));
    candidate - base
}

fn probability(thousandths: i64) -> f64 {
    thousandths as f64 / 1000.0
}

/// The changes with the largest shifts; of equal ones the first by name.
#[derive(Default)]
struct Largest(BTreeMap<(Reverse<u64>, String), Change>);

impl Largest {
    fn add(&mut self, id: &str, pair: Pair<'_>, most: usize) {
        let size = Reverse(shift(pair).unsigned_abs());
        if self.0.len() >= most && self.0.last_key_value().is_some_and(|((last, name), _)| (*last, name.as_str()) < (size, id)) {
            return;
        }
        self.0.insert((size, id.to_owned()), change(id, pair));
        if self.0.len() > most {
            self.0.pop_last();
        }
    }

    fn changes(self) -> Vec<Change> {
        self.0.into_values().collect()
    }
}

fn change(id: &str, pair: Pair<'_>) -> Change {
    let verdict = |said: &Said| Verdict { band: said.band, probability: probability(said.probability), score: said.score };
    let [base, candidate] = pair.map(|said| said.map(verdict));
    let reasons = match pair {
        [Some(base), Some(candidate)] => reasons(base, candidate),
        _ => Vec::new(),
    };
    Change { id: id.to_owned(), base, candidate, shift: probability(shift(pair)), reasons }
}

/// Why two verdicts differ: contributions by how much they move, then what follows after the score.
fn reasons(base: &Said, candidate: &Said) -> Vec<Reason> {
    let mut moved: Vec<(i64, &String)> = names(base, candidate)
        .into_iter()
        .map(|name| (moved_by(name, base, candidate), name))
        .filter(|(change, _)| *change != 0)
        .collect();
    moved.sort_by_key(|(change, name)| (Reverse(change.unsigned_abs()), *name));
    let of = |said: &Said, name: &String| said.contributions.get(name).copied();
    let mut reasons: Vec<Reason> = moved
        .into_iter()
        .map(|(change, name)| Reason::Contribution {
            signal: name.clone(),
            base: of(base, name),
            candidate: of(candidate, name),
            change,
        })
        .collect();
    if base.limits != candidate.limits {
        reasons.push(Reason::Limits { base: base.limits.clone(), candidate: candidate.limits.clone() });
    }
    let same_before = reasons.is_empty();
    if same_before && base.probability != candidate.probability {
        reasons.push(Reason::Calibration);
    }
    if base.limits == candidate.limits && base.probability == candidate.probability && base.band != candidate.band {
        reasons.push(Reason::Bands);
    }
    reasons
}

/// What counts in either, by name.
fn names<'a>(base: &'a Said, candidate: &'a Said) -> BTreeSet<&'a String> {
    base.contributions.keys().chain(candidate.contributions.keys()).collect()
}

/// By how much a contribution moves; silence counts nothing.
fn moved_by(name: &str, base: &Said, candidate: &Said) -> i64 {
    let [base, candidate] = [base, candidate].map(|said| said.contributions.get(name).copied().unwrap_or_default());
    candidate - base
}

/// How a contribution moves over many verdicts.
#[derive(Default)]
struct Moves {
    base: u64,
    candidate: u64,
    either: u64,
    counted: [i64; 2],
    changed: u64,
    largest: i64,
}

fn add_moves(moves: &mut BTreeMap<String, Moves>, base: &Said, candidate: &Said) {
    for name in names(base, candidate) {
        if !moves.contains_key(name) {
            moves.insert(name.clone(), Moves::default());
        }
        let Some(moves) = moves.get_mut(name) else { continue };
        moves.base += u64::from(base.contributions.contains_key(name));
        moves.candidate += u64::from(candidate.contributions.contains_key(name));
        moves.either += 1;
        for (sum, said) in moves.counted.iter_mut().zip([base, candidate]) {
            *sum += said.contributions.get(name).copied().unwrap_or_default();
        }
        let change = moved_by(name, base, candidate);
        if change != 0 {
            moves.changed += 1;
            moves.largest = larger(moves.largest, change);
        }
    }
}

/// Whichever moves more; the first of equal ones.
fn larger(one: i64, other: i64) -> i64 {
    if other.unsigned_abs() > one.unsigned_abs() { other } else { one }
}

fn contributions(moves: BTreeMap<String, Moves>) -> Vec<Contribution> {
    let mean = |sum: i64, many: u64| if many == 0 { 0.0 } else { rounded(sum as f64 / many as f64, 1) };
    let contribution = |(signal, moves): (String, Moves)| {
        let Moves { base, candidate, either, counted: [before, after], changed, largest } = moves;
        let shift = Shift { changed, mean_shift: mean(after - before, changed), max_shift: largest };
        let (base_mean, candidate_mean) = (mean(before, either), mean(after, either));
        Contribution { signal, base, candidate, either, base_mean, candidate_mean, shift }
    };
    moves.into_iter().map(contribution).collect()
}

/// The months of a corridor as they are walked.
#[derive(Default)]
struct OfCorridor {
    months: u64,
    changed: u64,
    flips: u64,
    largest: i64,
    moves: BTreeMap<String, Moves>,
}

impl OfCorridor {
    fn add(&mut self, pair: Pair<'_>) {
        self.months += 1;
        self.flips += u64::from(is_flip(pair));
        self.largest = larger(self.largest, shift(pair));
        match pair {
            [Some(base), Some(candidate)] => {
                self.changed += u64::from(base != candidate);
                add_moves(&mut self.moves, base, candidate);
            }
            _ => self.changed += 1,
        }
    }
}

/// The corridors of which something is said otherwise, and how many more there are than can be listed.
fn listed(corridors: BTreeMap<String, OfCorridor>) -> (Vec<Corridor>, u64) {
    let mut changed: Vec<(String, OfCorridor)> = corridors.into_iter().filter(|(_, of)| of.changed > 0).collect();
    changed.sort_by_key(|(_, of)| Reverse((of.flips, of.largest.unsigned_abs())));
    let left_out = changed.len().saturating_sub(LISTED_MAX) as u64;
    let corridor = |(corridor, of): (String, OfCorridor)| Corridor {
        corridor,
        months: of.months,
        changed: of.changed,
        flips: of.flips,
        max_shift: probability(of.largest),
        contributions: contributions(of.moves).into_iter().filter(|one| one.shift.changed > 0).collect(),
    };
    (changed.into_iter().take(LISTED_MAX).map(corridor).collect(), left_out)
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
