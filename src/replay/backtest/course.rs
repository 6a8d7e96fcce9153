//! Corridors over time, as a report draws them: both legs month by month, what was last said of each month, and the measures on the way.

use std::collections::BTreeMap;

use super::flows::Flows;
use super::witness::History;
use crate::domain::{CorridorId, Country, Date, FamilyId, Month};
use crate::reference::{AsOf, Measure};

/// Months drawn at most: the last ones.
const MONTHS: i32 = 60;

/// A corridor through its months.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    /// What, from where, to where.
    pub corridor: (FamilyId, Country, Country),
    /// Without a gap.
    pub months: Vec<CourseMonth>,
    /// Measures on Chinese goods that bind the family at D, as they were known on the day of the decision.
    pub measures: Vec<Measure>,
}

/// A month of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CourseMonth {
    /// Which.
    pub month: Month,
    /// Tonnes M → D; absent where nobody told any.
    pub out: Option<f64>,
    /// Tonnes China → M, likewise.
    pub into: Option<f64>,
    /// What was last said before the decision.
    pub probability: Option<f64>,
}

impl Course {
    /// Draws a corridor from what was told and said. `reference` is the bundle on the day of the decision.
    pub fn new(corridor: (FamilyId, Country, Country), (history, flows): (&History, &Flows), reference: &AsOf<'_>) -> Course {
        let (family, intermediary, destination) = corridor;
        let (out, into) = flows.legs(corridor);
        let at = |month| CorridorId { family, intermediary, destination, month };
        let first_and_last = |legs: &[&BTreeMap<Month, f64>]| {
            let first = legs.iter().filter_map(|leg| leg.first_key_value()).map(|(month, _)| *month).min();
            first.zip(legs.iter().filter_map(|leg| leg.last_key_value()).map(|(month, _)| *month).max())
        };
        let months = first_and_last(&[&out, &into]).map_or(0..0, |(first, last)| {
            let last = last.ordinal() + 1;
            first.ordinal().max(last - MONTHS)..last
        });
        let said = |month| {
            let steps = history.steps.get(&at(month))?;
            steps.iter().rfind(|step| step.as_of < reference.date()).map(|step| step.probability)
        };
        let month = |month| CourseMonth {
            month,
            out: out.get(&month).copied(),
            into: into.get(&month).copied(),
            probability: said(month),
        };
        Course {
            corridor,
            months: months.map(Month::from_ordinal).map(month).collect(),
            measures: reference.measures(family, destination),
        }
    }
}

/// What a measure did, day by day, in order.
pub fn turns(measure: &Measure) -> Vec<(Date, &'static str)> {
    let (from, until) = measure.suspended.map_or((None, None), |(from, until)| (Some(from), until));
    let turns = [
        (Some(measure.announced), "announced"),
        (Some(measure.effective), "binding"),
        (from, "suspended"),
        (until, "binding again"),
        (measure.ended, "ended"),
    ];
    let mut turns: Vec<(Date, &'static str)> = turns.into_iter().filter_map(|(day, what)| Some((day?, what))).collect();
    turns.sort_by_key(|(day, _)| *day);
    turns
}
