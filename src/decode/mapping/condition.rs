//! Tests on a row, as a mapping states them: of values, or of other tests. What holds is found out where rows are evaluated.

use regex::Regex;

use super::checks::Proof;
use super::reader::{MappingError, Section, nearest};
use super::value::{Columns, Value, pattern, read, read_item};
use crate::decode::number;
use crate::domain::Decimal;

/// A test on a row.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// The text is one of these.
    In(Value, Vec<String>),
    /// The text matches.
    Matches(Value, Regex),
    /// The number lies strictly above, and below.
    Between(Value, Option<Decimal>, Option<Decimal>),
    /// There is a text, or there is none.
    Present(Value, bool),
    /// The number proves itself, or there is none.
    Proves(Value, Proof),
    /// The number is the sum of the others, or one of them is not told.
    Sum(Value, Vec<Value>),
}

/// A condition: `all`, `any`, `not`, or a value with one test.
pub(super) fn condition(section: Section<'_>, columns: &mut Columns) -> Result<Condition, MappingError> {
    let parts = |key, columns: &mut Columns| {
        section.sections(key)?.into_iter().map(|part| condition(part, columns)).collect::<Result<Vec<_>, _>>()
    };
    // Nothing holds of all of nothing, and none of it of any: either would hold of every row or of none.
    if let Some(key) =
        ["all", "any"].into_iter().find(|key| section.item(key).is_some_and(|item| item.list().is_ok_and(|list| list.is_empty())))
    {
        return Err(section.error(key, "must name at least one condition"));
    }
    let found = if section.has("all") {
        Condition::All(parts("all", columns)?)
    } else if section.has("any") {
        Condition::Any(parts("any", columns)?)
    } else if let Some(part) = section.section("not")? {
        Condition::Not(Box::new(condition(part, columns)?))
    } else {
        test(&section, columns)?
    };
    section.finish()?;
    Ok(found)
}

const TESTS: [&str; 8] = ["equals", "in", "matches", "above", "below", "present", "check_digit", "sum_of"];

fn test(section: &Section<'_>, columns: &mut Columns) -> Result<Condition, MappingError> {
    let value = read(section, columns)?;
    let given: Vec<&str> = TESTS.into_iter().filter(|name| section.has(name)).collect();
    match given.as_slice() {
        [] => return Err(section.absent(&TESTS, format!("the condition has no test: give one of {}", TESTS.join(", ")))),
        [_] | ["above", "below"] => {}
        [_, second, ..] => {
            return Err(section.error(second, format!("the condition has several tests ({}): give one", given.join(", "))));
        }
    }
    let bound = |key: &'static str| match section.text(key)? {
        None => Ok(None),
        Some(text) => match number::exact(&text) {
            Some(number) => Ok(Some(number)),
            None => Err(section.error(key, format!("{text:?} is no number in quotes"))),
        },
    };
    let (above, below) = (bound("above")?, bound("below")?);
    if let Some(text) = section.text("equals")? {
        return Ok(Condition::In(value, vec![text]));
    }
    if let Some(texts) = section.texts("in")? {
        if texts.is_empty() {
            return Err(section.error("in", "must name at least one text"));
        }
        return Ok(Condition::In(value, texts));
    }
    if section.has("matches") {
        return Ok(Condition::Matches(value, pattern(section, "matches")?));
    }
    if section.has("present") {
        return Ok(Condition::Present(value, section.flag("present")?));
    }
    if above.is_some() || below.is_some() {
        return Ok(Condition::Between(value, above, below));
    }
    if let Some(word) = section.text("check_digit")? {
        let names: Vec<&str> = Proof::ALL.iter().map(|(name, _)| *name).collect();
        let found = Proof::ALL.iter().find(|(name, _)| *name == word);
        let unknown = || section.error("check_digit", format!("{word:?} is no such number; {}", nearest(&word, &names)));
        return Ok(Condition::Proves(value, found.ok_or_else(unknown)?.1));
    }
    let parts = section.item("sum_of").ok_or_else(|| section.missing("sum_of", "the parts"))?;
    let parts = parts.list()?.iter().map(|part| read_item(part, columns)).collect::<Result<_, _>>()?;
    Ok(Condition::Sum(value, parts))
}
