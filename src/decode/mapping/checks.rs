//! Checks that a feed carries within itself: parts that add up, digits that prove a number. A record that fails is marked, or refused where
//! the mapping says so.

use super::condition::{Condition, condition};
use super::evaluate::Place;
use super::field::Stop;
use super::reader::{MappingError, Section, nearest};
use super::value::Columns;
use crate::decode::draft::error;
use crate::domain::{ContainerNumber, DeadLetterReason};

/// A condition that every record of a feed should fulfil.
#[derive(Clone, Debug)]
pub(super) struct Check {
    name: String,
    holds: Condition,
    /// A row that fails is a dead letter; else its record is marked.
    refuses: bool,
}

impl Check {
    /// A section of `checks`.
    pub(super) fn read(section: Section<'_>, columns: &mut Columns) -> Result<Check, MappingError> {
        let name = section.required_text("name", "what is checked")?;
        let holds = section.section("holds")?.ok_or_else(|| section.missing("holds", "the condition that should hold"))?;
        let holds = condition(holds, columns)?;
        let refuses = match section.text("else")?.as_deref() {
            None | Some("note") => false,
            Some("dead_letter") => true,
            Some(other) => {
                let allowed = nearest(other, &["note", "dead_letter"]);
                return Err(section.error("else", format!("{other:?} is no end of a check; {allowed}")));
            }
        };
        section.finish()?;
        Ok(Check { name, holds, refuses })
    }

    /// Whether the record is to be marked.
    pub(super) fn fails(&self, place: &Place<'_>) -> Result<bool, Stop> {
        if place.holds(&self.holds) {
            return Ok(false);
        }
        if self.refuses {
            return Err(error(DeadLetterReason::MalformedField, format!("checks: {} does not hold", self.name)).into());
        }
        Ok(true)
    }
}

/// A number that proves itself by its last digit or digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// A container: ISO 6346.
    Container,
    /// A legal entity: ISO 17442, ISO 7064 MOD 97-10.
    Lei,
    /// A ship: IMO resolution A.1117(30).
    Imo,
}

impl Proof {
    /// By the words of the mapping language.
    pub(super) const ALL: [(&'static str, Proof); 3] = [("iso6346", Proof::Container), ("lei", Proof::Lei), ("imo", Proof::Imo)];

    /// Whether the text is such a number, and its digit right.
    pub(super) fn holds(self, text: &str) -> bool {
        match self {
            Proof::Container => text.parse::<ContainerNumber>().is_ok_and(|number| number.check_digit_holds()),
            Proof::Lei => {
                let is_lei = text.len() == 20 && text.bytes().all(|sign| sign.is_ascii_digit() || sign.is_ascii_uppercase());
                let digits = text.chars().filter_map(|sign| sign.to_digit(36));
                is_lei && digits.fold(0, |rest, digit| (rest * if digit > 9 { 100 } else { 10 } + digit) % 97) == 1
            }
            Proof::Imo => {
                let text = text.strip_prefix("IMO").unwrap_or(text).trim();
                let digits: Vec<u32> = text.chars().filter_map(|sign| sign.to_digit(10)).collect();
                let [body @ .., last] = digits.as_slice() else { return false };
                let sum: u32 = body.iter().zip((2..=7).rev()).map(|(digit, weight)| digit * weight).sum();
                text.len() == 7 && body.len() == 6 && sum % 10 == *last
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_prove_themselves() {
        // ISO 6346's own example; the LEI of the Global LEI Foundation; IMO's own example.
        for (proof, right, wrong) in [
            (Proof::Container, "CSQU3054383", "CSQU3054384"),
            (Proof::Lei, "506700GE1G29325QX363", "506700GE1G29325QX364"),
            (Proof::Imo, "IMO 9074729", "9074728"),
        ] {
            assert!(proof.holds(right), "{right}");
            for text in [wrong, "", "é", "IMO"] {
                assert!(!proof.holds(text), "{text}");
            }
        }
    }
}
