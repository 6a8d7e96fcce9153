//! What one of the two says: the last verdict on each subject, and how often it told somebody. From a fold in this process, or from
//! the lines that another build prints.

use serde::Deserialize;

use super::{Kind, Volume};
use crate::domain::Date;
use crate::encode::{Effects, Output, Topic};
use crate::replay::{Bounded, Gathered, KnownMovements, ReplayError, side_by_side};
use crate::stream::Fold;

/// What one says.
#[derive(Debug)]
pub struct Heard {
    /// As the user named it.
    pub name: String,
    /// What it is.
    pub what: Kind,
    pub(super) last: Gathered,
    pub(super) alerts: Volume,
}

/// What is read of a line to know what it is.
#[derive(Deserialize)]
struct LineRead {
    kind: String,
    #[serde(alias = "case")]
    id: Option<String>,
}

#[derive(Deserialize)]
struct AlertRead<'a> {
    change: &'a str,
}

impl Heard {
    /// Nothing yet.
    pub fn new(name: impl Into<String>, what: Kind) -> Heard {
        Heard { name: name.into(), what, last: Gathered::new(false), alerts: Volume::default() }
    }

    /// Folds movements as the world learned them, and hears what comes of it.
    ///
    /// # Errors
    ///
    /// Where scratch space fails.
    pub fn fold(&mut self, movements: KnownMovements, fold: &mut dyn Fold, until: Option<Date>) -> Result<(), ReplayError> {
        Bounded::new(fold, &mut |effects| self.hear_all(&effects)).all(movements, until)
    }

    /// Hears a line that a build printed; what is neither verdict nor alert is not looked at.
    ///
    /// # Errors
    ///
    /// Where the line is no JSON of ours, or scratch space fails.
    pub fn hear_line(&mut self, line: &[u8]) -> Result<(), ReplayError> {
        let read: LineRead = serde_json::from_slice(line).map_err(|error| self.is_no_verdict("a line that it printed", error))?;
        let topic = match read.kind.as_str() {
            "assessment" => Topic::Assessments,
            "corridor" => Topic::Corridors,
            "alert" => Topic::Alerts,
            _ => return Ok(()),
        };
        let key = read.id.ok_or_else(|| self.is_no_verdict("a line that it printed", "it has no id"))?.into_bytes();
        self.hear(&Output { topic, partition: None, key, value: line.to_vec(), headers: Vec::new() })
    }

    fn hear_all(&mut self, effects: &Effects) -> Result<(), ReplayError> {
        effects.outputs.iter().try_for_each(|output| self.hear(output))
    }

    fn hear(&mut self, output: &Output) -> Result<(), ReplayError> {
        match output.topic {
            Topic::Assessments | Topic::Corridors => self.last.push(output),
            Topic::Alerts => self.count(&output.value),
            _ => Ok(()),
        }
    }

    fn count(&mut self, alert: &[u8]) -> Result<(), ReplayError> {
        let read: AlertRead<'_> = serde_json::from_slice(alert).map_err(|error| self.is_no_verdict("an alert", error))?;
        let Volume { volume, opened, raised, lowered, closed } = &mut self.alerts;
        let (of_change, gives_work) = match read.change {
            "opened" => (opened, true),
            "raised" => (raised, true),
            "lowered" => (lowered, false),
            "closed" => (closed, false),
            other => return Err(self.is_no_verdict("an alert", format!("there is no change {other:?}"))),
        };
        *of_change += 1;
        *volume += u64::from(gives_work);
        Ok(())
    }

    /// What this one says of something cannot be read.
    pub(super) fn is_no_verdict(&self, what: &str, why: impl ToString) -> ReplayError {
        ReplayError::NoVerdict { whose: self.name.clone(), what: what.to_owned(), why: why.to_string() }
    }
}

/// Folds the same movements by both, side by side, in one pass.
///
/// # Errors
///
/// Where scratch space fails.
pub fn fold_both(
    movements: KnownMovements,
    [base, candidate]: &mut [Heard; 2],
    [here, there]: [&mut dyn Fold; 2],
    until: Option<Date>,
) -> Result<(), ReplayError> {
    let mut hear_base = |effects: Effects| base.hear_all(&effects);
    let mut hear_candidate = |effects: Effects| candidate.hear_all(&effects);
    let (mut here, mut there) = (Bounded::new(here, &mut hear_base), Bounded::new(there, &mut hear_candidate));
    side_by_side(movements, &mut [&mut here, &mut there], until)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_counted_each_and_what_gives_work_is_the_volume() {
        let mut heard = Heard::new("old", Kind::Build);
        for change in ["opened", "raised", "raised", "lowered", "closed", "opened"] {
            heard.hear_line(format!(r#"{{"kind":"alert","case":"SB/TH/US/-","change":"{change}"}}"#).as_bytes()).unwrap();
        }
        assert_eq!(heard.alerts, Volume { volume: 4, opened: 2, raised: 2, lowered: 1, closed: 1 });
    }

    #[test]
    fn what_is_no_verdict_is_refused_with_its_source_and_what_is_none_of_ours_passed_over() {
        let mut heard = Heard::new("old", Kind::Build);
        heard.hear_line(br#"{"kind":"dead_letter","source":"a/0/1"}"#).unwrap();
        for line in ["warming up", r#"{"kind":"corridor"}"#, r#"{"kind":"alert","case":"SB/TH/US/-","change":"paused"}"#] {
            let error = heard.hear_line(line.as_bytes()).unwrap_err();
            assert!(error.to_string().starts_with("old: ") && error.exit_code() == 70, "{error}");
        }
        assert_eq!(heard.alerts, Volume::default());
    }
}
