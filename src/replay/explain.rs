//! Finds a stored output and derives it again from the log. Compares bytes; judges nothing.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Glance, ReplayError};
use crate::domain::{CorridorId, Date, Message, Position};
use crate::encode::{Output, Standing, Topic, renumbered};
use crate::stream::{Fold, Home, LogError, Range, topic_name};

/// Which of the revisions of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Which {
    /// The one with this number; of alerts the sequence.
    pub revision: Option<u64>,
    /// The last whose day is not after this date: `as_of` of a verdict, `at` of an alert.
    pub as_of: Option<Date>,
}

/// What an id on the command line names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// The key of an output, and the topic it stands in.
    Key(Topic, String),
    /// A place in the log.
    Place(Position),
}

/// Reads an id: a record (`FEED:ID`), a corridor, a case, or a place in the log.
pub fn named(id: &str) -> Option<Named> {
    if let Some((feed, _)) = id.split_once(':') {
        return feed.parse::<crate::domain::FeedName>().ok().map(|_| Named::Key(Topic::Assessments, id.to_owned()));
    }
    if id.parse::<CorridorId>().is_ok() {
        return Some(Named::Key(Topic::Corridors, id.to_owned()));
    }
    if let Ok(position) = id.parse() {
        return Some(Named::Place(position));
    }
    let parts: Vec<&str> = id.split('/').collect();
    matches!(parts.as_slice(), [_, _, _, group] if *group == "-").then(|| Named::Key(Topic::Alerts, id.to_owned()))
}

/// Finds the stored output.
///
/// # Errors
///
/// [`ReplayError::NotThere`], which says what is there instead.
pub fn find(log: &mut dyn Home, prefix: &str, id: &Named, which: Which) -> Result<Message, ReplayError> {
    match id {
        Named::Place(position) => {
            let there = format!("`entrepot topics verify` lists the topics of this log, {}", log.location());
            let missing = || ReplayError::NotThere { what: position.to_string(), there: there.clone() };
            match log.message(position) {
                Ok(found) => found.ok_or_else(missing),
                Err(LogError::UnknownTopic { .. } | LogError::UnknownPartition { .. }) => Err(missing()),
                Err(error) => Err(error.into()),
            }
        }
        Named::Key(topic, key) => {
            let topic = format!("{prefix}{}", topic_name(*topic));
            let messages = log.with_key(&topic, key.as_bytes())?;
            let glances: Vec<Glance> =
                messages.iter().map(|message| Glance::of(message.value.as_deref().unwrap_or_default())).collect();
            choose(&glances, which).and_then(|index| messages.into_iter().nth(index)).ok_or_else(|| {
                let revisions: Vec<String> = glances.iter().map(|glance| numbered(glance, which.as_of.is_some())).collect();
                let there = if revisions.is_empty() {
                    format!("{topic} holds nothing under that key")
                } else {
                    format!("{topic} holds its revisions {}", revisions.join(", "))
                };
                ReplayError::NotThere { what: described(key, which), there }
            })
        }
    }
}

/// A revision as it is listed; with its day where days are asked for, since that is then what leaves it out.
fn numbered(glance: &Glance, with_day: bool) -> String {
    let number = glance.rank().1;
    match (glance.day(), with_day) {
        (_, false) => number.to_string(),
        (Some(day), true) => format!("{number} (as of {day})"),
        (None, true) => format!("{number} (of no day)"),
    }
}

fn described(key: &str, which: Which) -> String {
    match (which.revision, which.as_of) {
        (Some(revision), Some(date)) => format!("revision {revision} of {key} as of {date} or before"),
        (Some(revision), None) => format!("revision {revision} of {key}"),
        (None, Some(date)) => format!("a verdict on {key} as of {date}"),
        (None, None) => key.to_owned(),
    }
}

/// The index of the wanted revision.
fn choose(glances: &[Glance], which: Which) -> Option<usize> {
    let fits = |glance: &Glance| {
        let number = which.revision.is_none_or(|revision| glance.rank().1 == revision);
        let clock = glance.day().and_then(|date| date.parse::<Date>().ok());
        number && which.as_of.is_none_or(|date| clock.is_some_and(|clock| clock <= date))
    };
    let candidates = glances.iter().enumerate().filter(|(_, glance)| fits(glance));
    candidates.max_by_key(|(index, glance)| (glance.rank(), *index)).map(|(index, _)| index)
}

/// Folds the partition that an output came from again, up to the message that caused it, and returns the same output as it comes out
/// now; `None` where none does.
///
/// `goes_on`: others have published on this log. Then numbers go on from theirs and are taken from the stored output, and what differed
/// from theirs was published after the message up to which it follows from the log.
///
/// # Errors
///
/// Where the output does not say what caused it, or that is not in the log.
pub fn derive_again(
    log: &mut dyn Home,
    stored: &Message,
    fold: &mut dyn Fold,
    goes_on: bool,
) -> Result<Option<Vec<u8>>, ReplayError> {
    let input: Position = stored.header("entrepot-input").and_then(|input| input.parse().ok()).ok_or_else(|| {
        let what = format!("the header entrepot-input of {}", stored.position);
        ReplayError::NotThere { what, there: "only outputs of the assess stage can be derived again".to_owned() }
    })?;
    let case = if goes_on { case_before(log, stored)? } else { BTreeMap::new() };
    let range = Range { topic: input.topic.to_string(), partition: input.partition, from: 0, until: Some(input.offset + 1) };
    let rank = Glance::of(stored.value.as_deref().unwrap_or_default()).rank();
    let numbers = if goes_on { Numbers::of(stored) } else { Numbers::default() };
    let of_key = |outputs: Vec<Output>| {
        let values = outputs.into_iter().filter(|output| Some(&output.key) == stored.key.as_ref()).map(|output| output.value);
        values.map(|value| numbers.write(value)).collect::<Vec<_>>()
    };
    let mut derived: Vec<Vec<u8>> = Vec::new();
    for message in log.values(&range)? {
        let message = message?;
        let is_last = message.position.offset >= input.offset;
        if is_last && !case.is_empty() {
            drop(fold.go_on_cases(&case));
        }
        let caused = of_key(fold.apply(&message).outputs);
        match (is_last, goes_on) {
            (true, false) => derived = caused,
            // What stands here may have been said long ago; the last of it is what was published.
            (true, true) => {
                derived.extend(caused);
                derived.extend(of_key(fold.take_left_over()));
                if !case.is_empty() {
                    derived.extend(of_key(fold.go_on_cases(&case).outputs));
                }
            }
            (false, true) if !caused.is_empty() => derived = caused,
            (false, _) => {}
        }
    }
    // The same revision where there is one; else whatever came out under the key, so that the difference can be shown.
    let is_same = |value: &&Vec<u8>| Some(*value) == stored.value.as_ref();
    let exact = derived.iter().find(is_same).or_else(|| derived.iter().find(|value| Glance::of(value).rank() == rank));
    Ok(exact.or(derived.first()).cloned())
}

/// How the case of a stored alert stood before it.
fn case_before(log: &mut dyn Home, stored: &Message) -> Result<BTreeMap<String, Standing>, ReplayError> {
    let Some(standing) = stored.value.as_deref().and_then(Standing::of).filter(|standing| standing.case.is_some()) else {
        return Ok(BTreeMap::new());
    };
    let key = stored.key.clone().unwrap_or_default();
    let all = log.with_key(&stored.position.topic, &key)?;
    let before = all.iter().filter_map(|message| Standing::of(message.value.as_deref()?));
    let before = before.filter(|before| before.number < standing.number).max_by_key(|before| before.number);
    Ok(before.map(|before| (String::from_utf8_lossy(&key).into_owned(), before)).into_iter().collect())
}

/// The numbers of an output that count from what stood before it.
#[derive(Debug, Default, Deserialize)]
struct Numbers {
    revision: Option<u32>,
    corridor: Option<CorridorNumber>,
    sequence: Option<u32>,
    subject_revision: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct CorridorNumber {
    revision: u32,
}

impl Numbers {
    fn of(stored: &Message) -> Numbers {
        serde_json::from_slice(stored.value.as_deref().unwrap_or_default()).unwrap_or_default()
    }

    fn write(&self, value: Vec<u8>) -> Vec<u8> {
        let corridor = self.corridor.as_ref().map(|corridor| corridor.revision);
        let fields = [
            ("revision", self.revision),
            ("revision", corridor),
            ("sequence", self.sequence),
            ("subject_revision", self.subject_revision),
        ];
        let numbers: Vec<(&str, u32)> = fields.into_iter().filter_map(|(name, number)| Some((name, number?))).collect();
        if numbers.is_empty() { value } else { renumbered(&value, &numbers) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_apart() {
        let key = |topic, id: &str| Some(Named::Key(topic, id.to_owned()));
        assert_eq!(named("us-ams:MAEU1/4/5"), key(Topic::Assessments, "us-ams:MAEU1/4/5"));
        assert_eq!(named("SB/TH/US/2025-03"), key(Topic::Corridors, "SB/TH/US/2025-03"));
        assert_eq!(named("SB/TH/US/-"), key(Topic::Alerts, "SB/TH/US/-"));
        assert_eq!(named("entrepot.corridors/3/128"), "entrepot.corridors/3/128".parse().ok().map(Named::Place));
        for wrong in ["", "SB", "SB/TH", "a/b/c"] {
            assert_eq!(named(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_last_revision_is_chosen_unless_another_is_named() {
        let glance = |revision, as_of: &str| Glance { revision, as_of: Some(as_of.to_owned()), ..Glance::default() };
        let glances = [glance(1, "2025-01-01"), glance(3, "2025-03-01"), glance(2, "2025-02-01")];
        let which = |revision, as_of: Option<&str>| Which { revision, as_of: as_of.map(|date| date.parse().unwrap()) };
        assert_eq!(choose(&glances, which(None, None)), Some(1));
        assert_eq!(choose(&glances, which(Some(2), None)), Some(2));
        assert_eq!(choose(&glances, which(None, Some("2025-02-28"))), Some(2));
        assert_eq!(choose(&glances, which(None, Some("2024-12-31"))), None);
        assert_eq!(choose(&glances, which(Some(9), None)), None);
        // Both: the day leaves out what the number names, and what is said names both.
        assert_eq!(choose(&glances, which(Some(3), Some("2025-02-28"))), None);
        assert_eq!(choose(&glances, which(Some(2), Some("2025-02-28"))), Some(2));
        let said = described("SB/TH/US/2025-03", which(Some(3), Some("2025-02-28")));
        assert_eq!(said, "revision 3 of SB/TH/US/2025-03 as of 2025-02-28 or before");
        assert_eq!((numbered(&glances[1], true), numbered(&glances[1], false)), ("3 (as of 2025-03-01)".into(), "3".into()));
        // An alert tells its day as `at`.
        let alerts = [(1, "2025-01-31"), (2, "2025-03-01")]
            .map(|(number, day)| Glance::of(format!(r#"{{"kind":"alert","sequence":{number},"at":"{day}"}}"#).as_bytes()));
        let on = |day| choose(&alerts, which(None, Some(day)));
        assert_eq!((on("2025-01-30"), on("2025-01-31"), on("2026-01-01")), (None, Some(0), Some(1)));
        assert_eq!(numbered(&alerts[1], true), "2 (as of 2025-03-01)");
    }
}
