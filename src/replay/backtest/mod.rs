//! What the service would have said of the past, scored against what was found later: a replay by the day on which things became known, beside
//! rules that need no service. Nothing of it may look ahead: not a label, not a reference row, not the model.

mod budget;
mod case;
mod course;
mod flows;
mod labels;
mod measures;
mod report;
mod score;
mod witness;

pub use budget::Budget;
pub use case::Case;
pub use course::{Course, CourseMonth, turns};
pub use flows::{Baselines, Flows};
pub use labels::{KnownLabels, Label, LabelError, Labels, Unusable};
pub use measures::{Bin, Measured};
pub use report::Report;
pub use score::{Backtest, FalsePositives, Lead, Method, Scores, Settings, score};
pub use witness::{Ground, History, Judged, Step, Witness};

use std::collections::BTreeMap;

use crate::domain::Date;

/// Knowledge that is younger than a decision which rests on it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookAhead {
    /// A row of the bundle.
    #[error("reference row {row} is known from {known_from}, but a verdict of {as_of} rests on it")]
    Reference {
        /// `table/id`.
        row: String,
        /// When it became known.
        known_from: Date,
        /// The day of the verdict.
        as_of: Date,
    },
    /// The model.
    #[error(
        "the model was fitted to what was known until {fitted_until}, but the first verdict is of {as_of}: it has seen what it is to foresee; \
         take a model that was fitted before, or records that begin later (of the log: --from)"
    )]
    Model {
        /// The last day of what it was fitted to.
        fitted_until: Date,
        /// The day of the first verdict.
        as_of: Date,
    },
}

/// Looks for knowledge that is younger than what rests on it. `known` gives a row's day, by `table/id`; `fitted_until` is the model's.
///
/// # Errors
///
/// The first that is found.
pub fn look_ahead(history: &History, known: &BTreeMap<String, Date>, fitted_until: Option<Date>) -> Result<(), LookAhead> {
    for (row, as_of) in &history.cited {
        if let Some(known_from) = known.get(row).filter(|known_from| **known_from > *as_of) {
            return Err(LookAhead::Reference { row: row.clone(), known_from: *known_from, as_of: *as_of });
        }
    }
    match history.first_day().zip(fitted_until) {
        Some((as_of, fitted_until)) if fitted_until >= as_of => Err(LookAhead::Model { fitted_until, as_of }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_younger_than_a_verdict_that_rests_on_it_is_named() {
        let day = |text: &str| -> Date { text.parse().unwrap() };
        let step = Step { as_of: day("2025-03-01"), probability: 0.5, prior: 0.1, baselines: Baselines::default() };
        let history = History {
            steps: BTreeMap::from([("SB/TH/US/2025-01".parse().unwrap(), vec![step])]),
            cited: BTreeMap::from([("controls/CN-2024-46".to_owned(), day("2025-03-01"))]),
            ..History::default()
        };
        let known = |text: &str| BTreeMap::from([("controls/CN-2024-46".to_owned(), day(text))]);
        assert_eq!(look_ahead(&history, &known("2025-03-01"), Some(day("2025-02-28"))), Ok(()));
        assert_eq!(look_ahead(&history, &BTreeMap::new(), None), Ok(()));
        let moved = look_ahead(&history, &known("2025-03-02"), None).unwrap_err().to_string();
        assert_eq!(moved, "reference row controls/CN-2024-46 is known from 2025-03-02, but a verdict of 2025-03-01 rests on it");
        let later = look_ahead(&history, &known("2024-12-03"), Some(day("2025-03-01"))).unwrap_err();
        assert!(matches!(later, LookAhead::Model { .. }), "{later}");
    }
}
