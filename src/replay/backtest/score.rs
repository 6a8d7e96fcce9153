//! Labels and history together: each case by what was said of its corridor-months, its figures and their intervals.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::budget::{self, Budget};
use super::case::{Case, Rows, by_case, case};
use super::labels::{KnownLabels, Label, LabelError, Labels, Unusable};
use super::measures::{self, Bin, Measured, Scored, measured};
use super::witness::{History, Step};
use crate::domain::{CorridorId, Date};

/// Whose scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The service's probability.
    Service,
    /// The prior alone: motive without evidence.
    Prior,
    /// How much of M's exports its imports from China could fill.
    MinFlow,
    /// Exports more than doubled within a year.
    Growth,
    /// The smaller growth of both legs.
    BothLegs,
}

impl Method {
    /// Every one, the service first.
    pub const ALL: [Method; 5] = [Method::Service, Method::Prior, Method::MinFlow, Method::Growth, Method::BothLegs];

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Method::Service => "entrepot",
            Method::Prior => "prior alone",
            Method::MinFlow => "min-flow",
            Method::Growth => "growth > 100 %",
            Method::BothLegs => "smaller growth of both legs",
        }
    }

    /// Whether its scores are probabilities.
    pub fn is_probability(self) -> bool {
        matches!(self, Method::Service | Method::Prior)
    }

    /// What it said; absent where it had nothing to go by.
    pub(super) fn of(self, step: &Step) -> Option<f64> {
        match self {
            Method::Service => Some(step.probability),
            Method::Prior => Some(step.prior),
            Method::MinFlow => step.baselines.min_flow,
            Method::Growth => step.baselines.growth,
            Method::BothLegs => step.baselines.both_legs,
        }
    }
}

/// How it is scored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The day of the decision: what is known by then counts.
    pub decided: Date,
    /// Corridor-months that analysts look at, a week.
    pub per_week: usize,
    /// The probability from which somebody would be told.
    pub told_from: f64,
    /// The probability from which a case counts as found, for lead times and false positives.
    pub found_from: f64,
}

/// Groups of a reliability curve at most.
const BINS: usize = 10;

/// A method's figures over all cases with a finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scores {
    /// Which.
    pub method: Method,
    /// Cases of which it had figures to go by. The others count as its lowest score: nobody was told of them.
    pub told: usize,
    /// Average precision, which by chance is the prevalence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_precision: Option<Measured>,
    /// The Brier score; that of always saying the prevalence stands beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brier: Option<Measured>,
    /// The mean distance of what was said from what was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration_error: Option<Measured>,
    /// Groups of equal size by score; equal scores stay in one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reliability: Vec<Bin>,
    /// What a weekly budget finds.
    pub budget: Budget,
}

/// How long before a finding became known the service had it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Lead {
    /// Cases of rerouting that were seen.
    pub n: usize,
    /// Of them found.
    pub found: usize,
    /// Days, the middle of those found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub median_days: Option<Measured>,
}

/// Cases that were no rerouting, of an intermediary.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FalsePositives {
    /// M.
    pub intermediary: String,
    /// How many.
    pub n: usize,
    /// Of them found all the same.
    pub found: usize,
    /// The share of those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<Measured>,
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Backtest {
    /// Always `backtest`.
    pub kind: &'static str,
    /// The day of the first verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The day of the decision.
    pub decided: String,
    /// The day on which the last record became known: with its week the budget ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_record: Option<String>,
    /// Models that spoke.
    pub models: BTreeSet<String>,
    /// Bundles that spoke.
    pub references: BTreeSet<String>,
    /// Corridor-months with a verdict.
    pub corridor_months: usize,
    /// Cases that were found to be rerouting, and seen.
    pub positives: usize,
    /// Cases that were found to be none, and seen.
    pub negatives: usize,
    /// Cases of which nothing was found, and seen.
    pub undefined: usize,
    /// Labelled cases of which the input has no corridor-month: they score nothing.
    pub unseen: Vec<String>,
    /// Rows that name no corridor, and parts of rows that do not, as `row N (case): why`.
    pub unusable: Vec<String>,
    /// Rows that a later finding of their case replaces, likewise.
    pub replaced: Vec<String>,
    /// The share of rerouting among cases with a finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prevalence: Option<f64>,
    /// The Brier score of always saying the prevalence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brier_of_prevalence: Option<f64>,
    /// Each method's figures.
    pub methods: Vec<Scores>,
    /// Lead times of the service.
    pub lead: Lead,
    /// By intermediary.
    pub false_positives: Vec<FalsePositives>,
    /// Every case that was seen.
    pub cases: Vec<Case>,
}

/// Scores a history against labels.
///
/// # Errors
///
/// [`LabelError::LookAhead`] where a label is younger than the decision.
pub fn score(
    labels: &Labels,
    (history, tonnes): (&History, &BTreeMap<CorridorId, f64>),
    settings: &Settings,
) -> Result<Backtest, LabelError> {
    let KnownLabels { counting, replaced } = labels.as_of(settings.decided)?;
    let speaking: Vec<(Rows<'_>, BTreeSet<CorridorId>)> = by_case(counting)
        .into_iter()
        .map(|rows| {
            let corridors = rows.corridors(history.steps.keys());
            (rows, corridors)
        })
        .collect();
    let (seen, unseen): (Vec<_>, Vec<_>) = speaking.into_iter().partition(|(_, corridors)| !corridors.is_empty());
    let cases: Vec<Case> = seen.iter().map(|(rows, corridors)| case(rows, corridors, (history, tonnes), settings)).collect();
    let of_budget = |((_, corridors), case): (&(_, BTreeSet<CorridorId>), &Case)| {
        Some(budget::Case { corridors: corridors.clone(), is_rerouting: case.is_rerouting?, tonnes: case.tonnes })
    };
    let groups: Vec<budget::Case> = seen.iter().zip(&cases).filter_map(of_budget).collect();
    let found = |is: Option<bool>| cases.iter().filter(|case| case.is_rerouting == is).count();
    let judged: Vec<&Case> = cases.iter().filter(|case| case.is_rerouting.is_some()).collect();
    let prevalence = measures::prevalence(&scored(&judged, Method::Service));
    Ok(Backtest {
        kind: "backtest",
        from: history.first_day().map(|day| day.to_string()),
        decided: settings.decided.to_string(),
        last_record: history.last_record.map(|day| day.to_string()),
        models: history.models.clone(),
        references: history.references.clone(),
        corridor_months: history.steps.len(),
        positives: found(Some(true)),
        negatives: found(Some(false)),
        undefined: found(None),
        unseen: unseen.iter().map(|(rows, _)| rows.first.case.clone()).collect(),
        unusable: labels.unusable.iter().map(|Unusable { row, case, why }| format!("row {row} ({case}): {why}")).collect(),
        replaced: replaced.into_iter().map(replaced_on).collect(),
        prevalence,
        brier_of_prevalence: prevalence.map(|share| share * (1.0 - share)),
        methods: Method::ALL.iter().map(|method| figures(*method, &judged, (history, &groups), settings)).collect(),
        lead: lead(&judged),
        false_positives: false_positives(&judged, settings),
        cases,
    })
}

fn replaced_on((label, day): (&Label, Date)) -> String {
    let Label { row, case, known_from, .. } = label;
    if *known_from == day {
        return format!("row {row} ({case}): says again what an earlier row says");
    }
    format!("row {row} ({case}): its finding of {known_from} was replaced by that of {day}")
}

fn scored(judged: &[&Case], method: Method) -> Vec<Scored> {
    let of = |case: &&Case| (case.scores.get(&method).copied().unwrap_or(0.0), case.is_rerouting == Some(true));
    judged.iter().map(of).collect()
}

/// Of some cases those that bear one name are drawn together. In the order of the table: what they are called changes no figure.
fn by_name(judged: &[&Case], is_one: &dyn Fn(usize) -> bool) -> Vec<Vec<usize>> {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut named: Vec<Vec<usize>> = Vec::new();
    for (index, case) in judged.iter().enumerate().filter(|(index, _)| is_one(*index)) {
        let place = *places.entry(&case.case).or_insert(named.len());
        match named.get_mut(place) {
            Some(named) => named.push(index),
            None => named.push(vec![index]),
        }
    }
    named
}

fn figures(method: Method, judged: &[&Case], (history, groups): (&History, &[budget::Case]), settings: &Settings) -> Scores {
    let (scored, names) = (scored(judged, method), by_name(judged, &|_| true));
    let over = |figure: fn(&[Scored]) -> Option<f64>| measured(&names, judged.len(), &|items| figure(&of(items, &scored)));
    let said = history.steps.iter().flat_map(|(id, steps)| steps.iter().map(move |step| (step, *id)));
    // Whoever decides later than the day after the last record has nothing more to look at.
    let after_last = history.last_record.and_then(|day| day.tomorrow().ok()).unwrap_or(settings.decided);
    let until = settings.decided.min(after_last);
    let said = said.filter(|(step, _)| step.as_of < until);
    let scores = said.filter_map(|(step, id)| Some((step.as_of, id, method.of(step)?))).collect();
    // A rule that gives no probability tells somebody of all that is more than nothing.
    let floor = if method.is_probability() { settings.told_from } else { f64::MIN_POSITIVE };
    let order = budget::looked_at(scores, settings.per_week, floor, until);
    let groups_of_scores = if method.is_probability() { measures::groups(&scored, BINS) } else { Vec::new() };
    let bin = |group: Vec<usize>| {
        let is_one = group.iter().copied().collect::<BTreeSet<usize>>();
        let share = |items: &[usize]| measures::prevalence(&of(items, &scored));
        let found = measured(&by_name(judged, &|case| is_one.contains(&case)), group.len(), &share)?;
        let said = measures::said(&of(&group, &scored))?;
        Some(Bin { n: found.n, said, found: found.value, low: found.low, high: found.high })
    };
    Scores {
        method,
        told: judged.iter().filter(|case| case.scores.contains_key(&method)).count(),
        average_precision: over(measures::average_precision),
        brier: if method.is_probability() { over(measures::brier) } else { None },
        calibration_error: if method.is_probability() { over(|scored| measures::calibration_error(scored, BINS)) } else { None },
        reliability: groups_of_scores.into_iter().filter_map(bin).collect(),
        budget: Budget::of(&order, settings.per_week, (groups, &|is_one| by_name(judged, is_one))),
    }
}

fn of(items: &[usize], scored: &[Scored]) -> Vec<Scored> {
    items.iter().filter_map(|item| scored.get(*item).copied()).collect()
}

fn lead(judged: &[&Case]) -> Lead {
    let is_one = |case: usize| judged.get(case).is_some_and(|case| case.is_rerouting == Some(true));
    let days: Vec<Option<f64>> = judged.iter().map(|case| case.lead_days.map(|days| days as f64)).collect();
    let median = |items: &[usize]| measures::median(&items.iter().filter_map(|item| *days.get(*item)?).collect::<Vec<_>>());
    let positives = (0..judged.len()).filter(|case| is_one(*case));
    let found = positives.clone().filter(|case| days.get(*case).is_some_and(Option::is_some)).count();
    Lead { n: positives.count(), found, median_days: measured(&by_name(judged, &is_one), found, &median) }
}

fn false_positives(judged: &[&Case], settings: &Settings) -> Vec<FalsePositives> {
    let is_found = |case: &Case| case.scores.get(&Method::Service).is_some_and(|score| *score >= settings.found_from);
    let mut by: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (index, case) in judged.iter().enumerate().filter(|(_, case)| case.is_rerouting == Some(false)) {
        for intermediary in &case.intermediaries {
            by.entry(intermediary).or_default().insert(index);
        }
    }
    let of = |(intermediary, cases): (&str, BTreeSet<usize>)| {
        let found = |items: &[usize]| items.iter().filter(|item| judged.get(**item).is_some_and(|case| is_found(case))).count();
        let share = |items: &[usize]| Some(found(items) as f64 / items.len() as f64);
        let (n, names) = (cases.len(), by_name(judged, &|case| cases.contains(&case)));
        let all: Vec<usize> = cases.iter().copied().collect();
        FalsePositives { intermediary: intermediary.to_owned(), n, found: found(&all), share: measured(&names, n, &share) }
    };
    by.into_iter().map(of).collect()
}

#[cfg(test)]
#[path = "score_tests.rs"]
mod tests;
