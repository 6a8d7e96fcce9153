//! Cases: which rows tell one, which corridor-months lie in it, and what was said of those by the decision.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::labels::Label;
use super::score::{Method, Settings};
use super::witness::{History, Step};
use crate::domain::{CorridorId, Country, Month};

/// A case with what was said of it: the rows of one name with one finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Case {
    /// The first of its rows.
    pub row: u64,
    /// Its name.
    pub case: String,
    /// M.
    pub intermediaries: Vec<String>,
    /// D.
    pub destinations: Vec<String>,
    /// First and last month of all of its rows.
    pub months: (String, String),
    /// Those of each row that names the corridor of the highest.
    #[serde(skip)]
    pub periods: Vec<(Month, Month)>,
    /// Whether it was rerouting; absent where nothing was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_rerouting: Option<bool>,
    /// When that became known.
    pub known_from: String,
    /// Corridor-months that speak of it.
    pub corridor_months: usize,
    /// Tonnes M → D in them, where somebody told some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tonnes: Option<f64>,
    /// The highest that each method said of any of them, as last said by the decision; absent where it had no figures for one.
    pub scores: BTreeMap<Method, f64>,
    /// The corridor-month of which the service said it, the first of equal ones; absent where it spoke of none by then.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub highest: Option<CorridorId>,
    /// The first day on which the service found it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// Days from there to the day on which the finding became known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead_days: Option<i64>,
}

/// The rows of a case that say the same.
pub(super) struct Rows<'a> {
    /// The first of the table.
    pub(super) first: &'a Label,
    others: Vec<&'a Label>,
}

impl<'a> Rows<'a> {
    /// Of these corridor-months those that lie in it.
    pub(super) fn corridors<'b>(&self, of: impl Iterator<Item = &'b CorridorId>) -> BTreeSet<CorridorId> {
        of.filter(|id| self.all().any(|row| speaks_of(id, row))).copied().collect()
    }

    fn all(&self) -> impl Iterator<Item = &'a Label> + '_ {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }
}

/// A case is one however many rows tell it: where it lies at several times, or in several corridors, it is to be found in any
/// of them. Rows of one name that say otherwise are another case.
pub(super) fn by_case(counting: Vec<&Label>) -> Vec<Rows<'_>> {
    let mut cases: Vec<Rows<'_>> = Vec::new();
    let mut places: BTreeMap<(&str, Option<bool>), usize> = BTreeMap::new();
    for label in counting {
        let place = *places.entry((&label.case, label.is_rerouting)).or_insert(cases.len());
        match cases.get_mut(place) {
            Some(rows) => rows.others.push(label),
            None => cases.push(Rows { first: label, others: Vec::new() }),
        }
    }
    cases
}

/// Whether a corridor-month lies in a row.
fn speaks_of(id: &CorridorId, label: &Label) -> bool {
    (label.months.0..=label.months.1).contains(&id.month) && names(label, *id)
}

/// Whether its corridor does, in whatever month.
fn names(label: &Label, id: CorridorId) -> bool {
    label.intermediaries.contains(&id.intermediary)
        && label.destinations.contains(&id.destination)
        && label.families.contains(&id.family)
}

/// The countries of all rows, each once.
fn codes(rows: &Rows<'_>, of: fn(&Label) -> &Vec<Country>) -> Vec<String> {
    let mut codes: Vec<String> = Vec::new();
    for country in rows.all().flat_map(of) {
        if codes.iter().all(|code| code != country.code()) {
            codes.push(country.code().to_owned());
        }
    }
    codes
}

/// What was said of a case in these corridor-months.
pub(super) fn case(
    rows: &Rows<'_>,
    corridors: &BTreeSet<CorridorId>,
    (history, tonnes): (&History, &BTreeMap<CorridorId, f64>),
    settings: &Settings,
) -> Case {
    let steps = |id: &CorridorId| history.steps.get(id).map(Vec::as_slice).unwrap_or_default();
    let last = |id: &CorridorId| steps(id).iter().rfind(|step| step.as_of < settings.decided);
    let last: Vec<(CorridorId, &Step)> = corridors.iter().filter_map(|id| Some((*id, last(id)?))).collect();
    let highest = |method: Method| last.iter().filter_map(|(_, step)| method.of(step)).max_by(f64::total_cmp);
    // The last of equal ones is the greatest: from the end on, that is the first.
    let by_probability = last.iter().rev().max_by(|(_, a), (_, b)| a.probability.total_cmp(&b.probability));
    let is_found = |step: &&Step| step.probability >= settings.found_from && step.as_of < settings.decided;
    let found = corridors.iter().filter_map(|id| steps(id).iter().find(is_found)).map(|step| step.as_of).min();
    let label = rows.first;
    let first = rows.all().map(|row| row.months.0).min().unwrap_or(label.months.0);
    let latest = rows.all().map(|row| row.months.1).max().unwrap_or(label.months.1);
    let highest_id = by_probability.map(|(id, _)| *id);
    let tells_of = |row: &&Label| highest_id.is_some_and(|id| names(row, id));
    Case {
        row: label.row,
        case: label.case.clone(),
        intermediaries: codes(rows, |row| &row.intermediaries),
        destinations: codes(rows, |row| &row.destinations),
        months: (first.to_string(), latest.to_string()),
        periods: rows.all().filter(tells_of).map(|row| row.months).collect(),
        is_rerouting: label.is_rerouting,
        known_from: label.known_from.to_string(),
        corridor_months: corridors.len(),
        tonnes: told_once(corridors, tonnes),
        scores: Method::ALL.iter().filter_map(|method| Some((*method, highest(*method)?))).collect(),
        highest: highest_id,
        found: found.map(|day| day.to_string()),
        lead_days: found.map(|day| i64::from((label.known_from - day).get_days())),
    }
}

/// Tonnes of those corridor-months of which they are known. What stands in the basket of a code that several materials share, and in the
/// family of such a material too, is one trade told twice: of both the larger counts.
fn told_once(corridors: &BTreeSet<CorridorId>, tonnes: &BTreeMap<CorridorId, f64>) -> Option<f64> {
    let mut of_months: BTreeMap<(Country, Country, Month), [f64; 2]> = BTreeMap::new();
    for (id, tonnes) in corridors.iter().filter_map(|id| Some((id, tonnes.get(id)?))) {
        let [own, basket] = of_months.entry((id.intermediary, id.destination, id.month)).or_default();
        *(if id.family.is_basket() { basket } else { own }) += tonnes;
    }
    let sum = of_months.values().map(|[own, basket]| own.max(*basket)).sum();
    (!of_months.is_empty()).then_some(sum)
}

fn as_text<S: serde::Serializer>(id: &Option<CorridorId>, to: S) -> Result<S::Ok, S::Error> {
    id.map(|id| id.to_string()).serialize(to)
}
