//! What is done to a text, step by step, as a mapping states it. Nothing is read here.

use regex::Regex;

use super::reader::{Item, MappingError, nearest};

/// One step on a text.
#[derive(Clone, Debug)]
pub(super) enum TextStep {
    Trim,
    Upper,
    Lower,
    /// Without these signs at both ends.
    Strip(String),
    /// Without these signs anywhere.
    Remove(String),
    /// From a character, so many characters.
    Cut(usize, usize),
    /// One part between separators; negative counts from the end.
    Split(String, i64),
    /// A group of a pattern; null where it does not match.
    Capture(Regex, usize),
    /// At least so long, with this sign before it.
    PadLeft(usize, char),
    Replace(String, String),
}

const STEPS: [&str; 10] = ["trim", "upper", "lower", "strip", "remove", "cut", "split", "regex", "pad_left", "replace"];

/// Reads one.
pub(super) fn step(item: &Item<'_>) -> Result<TextStep, MappingError> {
    if let Some(word) = item.as_text() {
        return match word {
            "trim" => Ok(TextStep::Trim),
            "upper" => Ok(TextStep::Upper),
            "lower" => Ok(TextStep::Lower),
            _ => Err(item.error(format!("{word:?} is no text step; {}", nearest(word, &STEPS)))),
        };
    }
    let section = item.section()?;
    let signs = |key| match section.text(key)? {
        Some(signs) if signs.is_empty() => Err(section.error(key, "must be at least one sign")),
        signs => Ok(signs),
    };
    let step = if let Some(signs) = signs("strip")? {
        TextStep::Strip(signs)
    } else if let Some(signs) = signs("remove")? {
        TextStep::Remove(signs)
    } else if let Some(separator) = signs("split")? {
        let take = section.number("take", -1000..1001)?;
        TextStep::Split(separator, take.ok_or_else(|| section.error("take", "is missing: which part, from 0; -1 is the last"))?)
    } else if let Some(text) = section.text("regex")? {
        let pattern = compile(&text).map_err(|problem| section.error("regex", problem))?;
        let group = usize::try_from(section.number("group", 0..100)?.unwrap_or(1)).unwrap_or(1);
        if group >= pattern.captures_len() {
            return Err(section.error("regex", format!("has no group {group}")));
        }
        TextStep::Capture(pattern, group)
    } else if let Some(cut) = section.item("cut") {
        match cut.list()?.as_slice() {
            [from, length] => TextStep::Cut(size(from)?, size(length)?),
            _ => return Err(cut.error("must be [from, length] in characters, from 0")),
        }
    } else if let Some(pad) = section.item("pad_left") {
        match pad.list()?.as_slice() {
            [width, sign] => match sign.text()?.chars().collect::<Vec<_>>().as_slice() {
                [sign] => TextStep::PadLeft(size(width)?, *sign),
                _ => return Err(pad.error("must be [width, \"0\"], with one sign")),
            },
            _ => return Err(pad.error("must be [width, \"0\"]")),
        }
    } else if let Some(replace) = section.item("replace") {
        match replace.texts()?.as_slice() {
            [from, to] if !from.is_empty() => TextStep::Replace(from.clone(), to.clone()),
            _ => return Err(replace.error("must be [\"from\", \"to\"]")),
        }
    } else {
        section.finish()?;
        return Err(item.error(format!("is no text step; allowed are {}", STEPS.join(", "))));
    };
    section.finish()?;
    Ok(step)
}

fn size(item: &Item<'_>) -> Result<usize, MappingError> {
    Ok(usize::try_from(item.number(0..1001)?).unwrap_or(0))
}

/// A pattern with a bound on its size, so that a mapping cannot take the memory of the machine.
pub(super) fn compile(text: &str) -> Result<Regex, String> {
    let built = regex::RegexBuilder::new(text).size_limit(1 << 20).build();
    built.map_err(|error| format!("{text:?} is no regular expression: {}", error.to_string().replace('\n', " ")))
}
