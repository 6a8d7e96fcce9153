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
    /// Measures on Chinese goods that bind the family at D, as they were known on the day of the decision, each once.
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
        let mut measures = reference.measures(family, destination);
        // A row that names some codes whole and some in part is two measures of the same days.
        measures.dedup_by(|next, this| next.row == this.row);
        Course { corridor, months: months.map(Month::from_ordinal).map(month).collect(), measures }
    }

    /// Whether a measure did anything within the months.
    pub fn shows(&self, measure: &Measure) -> bool {
        let ends = self.months.first().zip(self.months.last()).map(|(first, last)| first.month..=last.month);
        ends.is_some_and(|months| turns(measure).iter().any(|(day, _)| months.contains(&Month::of(*day))))
    }
}

/// What a measure did, day by day, in order; what it did on the same day stands together.
pub fn turns(measure: &Measure) -> Vec<(Date, String)> {
    let (from, until) = measure.suspended.map_or((None, None), |(from, until)| (Some(from), until));
    let turns = [
        (Some(measure.announced), "announced"),
        (Some(measure.effective), "binding"),
        (from, "suspended"),
        (until, "binding again"),
        (measure.ended, "ended"),
    ];
    let mut by_day: BTreeMap<Date, Vec<&str>> = BTreeMap::new();
    for (day, what) in turns.into_iter().filter_map(|(day, what)| Some((day?, what))) {
        by_day.entry(day).or_default().push(what);
    }
    by_day.into_iter().map(|(day, what)| (day, what.join(" and "))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::Reference;

    #[test]
    fn a_row_is_one_measure_of_a_corridor_whether_it_names_codes_whole_or_in_part() {
        let reference = Reference::built_in();
        let decided = reference.as_of("2025-06-30".parse().unwrap());
        let (family, m, d): (FamilyId, Country, Country) = ("SB".parse().unwrap(), "TH".parse().unwrap(), "US".parse().unwrap());
        let twice = decided.measures(family, d).iter().filter(|measure| measure.row == "controls/CN-2024-33").count();
        assert_eq!(twice, 2, "or nothing is tested here");
        let course = Course::new((family, m, d), (&History::default(), &Flows::default()), &decided);
        let rows: Vec<&str> = course.measures.iter().map(|measure| measure.row.as_str()).collect();
        assert_eq!(rows.iter().filter(|row| **row == "controls/CN-2024-33").count(), 1, "{rows:?}");
        // Announced in August 2024, binding in September.
        let measure = &course.measures[rows.iter().position(|row| *row == "controls/CN-2024-33").unwrap()];
        let drawn = |first: &str, count| {
            let first: Month = first.parse().unwrap();
            let month = |at| CourseMonth { month: first.plus(at), out: None, into: None, probability: None };
            Course { months: (0..count).map(month).collect(), ..course.clone() }.shows(measure)
        };
        assert_eq!([drawn("2024-06", 3), drawn("2024-10", 9), drawn("2024-06", 0)], [true, false, false]);
    }

    #[test]
    fn a_measure_that_binds_on_the_day_of_its_announcement_turns_once() {
        let reference = Reference::built_in();
        let decided = reference.as_of("2025-06-30".parse().unwrap());
        let measures = decided.measures("SB".parse().unwrap(), "US".parse().unwrap());
        let of = |row: &str| turns(measures.iter().find(|measure| measure.row == row).unwrap());
        let shown = |row: &str| of(row).iter().map(|(day, what)| format!("{what} {day}")).collect::<Vec<_>>();
        assert_eq!(shown("controls/CN-2024-33"), ["announced 2024-08-15", "binding 2024-09-15"]);
        assert_eq!(shown("controls/CN-2024-46")[0], "announced and binding 2024-12-03");
    }
}
