//! One row that holds several: elements of a nested array, parts of a cell, columns that repeat a pattern. Each becomes a row of its own,
//! which still sees what stands around it. Makes no record.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::evaluate::{Cells, Place};
use super::field::Stop;
use super::reader::{MappingError, Section};
use super::value::{self, Columns, Value};
use crate::decode::draft::{error, malformed};
use crate::decode::json::{At, Pointer};
use crate::domain::DeadLetterReason;

/// One way in which a row holds several.
#[derive(Clone, Debug)]
pub(super) struct Explode {
    what: What,
    /// Why a row is left out that holds none; without it such a row stays as it is.
    none: Option<String>,
}

#[derive(Clone, Debug)]
enum What {
    /// The elements of an array of objects.
    Elements(Pointer),
    /// The parts of a text between separators.
    Parts(Value, String),
    Pivot(Pivot),
}

/// Columns that stand once for each of some texts, such as months.
#[derive(Clone, Debug)]
pub(super) struct Pivot {
    /// What stands for `{}` in the names.
    over: Vec<String>,
    /// By the name that fields call them, the column for each text.
    slots: BTreeMap<String, Vec<usize>>,
    /// The last text that counts; those behind it have not come yet.
    until: Option<Value>,
}

/// What a row stands for within the row that it is a part of.
#[derive(Clone, Debug)]
pub(super) struct Part<'a> {
    /// The part's text, or the text that stands in the columns' names.
    pub(super) text: Cow<'a, str>,
    pivot: Option<(&'a Pivot, usize)>,
}

impl<'a> Part<'a> {
    /// The column that a pivot's name means here.
    pub(super) fn slot(&self, name: &str) -> Option<usize> {
        let (pivot, at) = self.pivot?;
        pivot.slots.get(name)?.get(at).copied()
    }
}

impl Explode {
    /// A section of `explode`.
    pub(super) fn read(section: Section<'_>, columns: &mut Columns) -> Result<Explode, MappingError> {
        let forms: Vec<&str> = ["elements", "parts", "pivot"].into_iter().filter(|key| section.has(key)).collect();
        match forms.as_slice() {
            [_] => {}
            [_, second, ..] => {
                return Err(section.error(second, format!("has several ways to hold rows ({}): give one", forms.join(", "))));
            }
            [] => {
                let problem = "must have one of elements, parts and pivot".to_owned();
                return Err(section.absent(&["elements", "parts", "pivot"], problem));
            }
        }
        let what = if let Some(text) = section.text("elements")? {
            columns.readable.check("elements").map_err(|problem| section.error("elements", problem))?;
            let list = columns.pointer("elements", &text).map_err(|problem| section.error("elements", problem))?;
            columns.enter(&list).map_err(|problem| section.error("elements", problem))?;
            What::Elements(list)
        } else if let Some(item) = section.item("parts") {
            let separator = section.required_text("separator", "what stands between the parts, such as \";\"")?;
            if separator.is_empty() {
                return Err(section.error("separator", "must be at least one sign"));
            }
            What::Parts(value::read_item(&item, columns)?, separator)
        } else {
            What::Pivot(pivot(&section, columns)?)
        };
        columns.readable.parts |= !matches!(what, What::Elements(_));
        let (none, keeps) = (section.reason("none")?, section.flag("keep_empty")?);
        if keeps && none.is_some() {
            return Err(section.error("none", "leaves out the rows that keep_empty = true keeps: give one"));
        }
        let none = (!keeps).then(|| none.unwrap_or_else(|| "no_parts".to_owned()));
        section.finish()?;
        Ok(Explode { what, none })
    }

    /// The texts of a pivot.
    pub(super) fn over(&self) -> impl Iterator<Item = &str> {
        let over = if let What::Pivot(pivot) = &self.what { Some(&pivot.over) } else { None };
        over.into_iter().flatten().map(String::as_str)
    }

    /// The names by which fields call pivoted columns.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let slots = if let What::Pivot(pivot) = &self.what { Some(&pivot.slots) } else { None };
        slots.into_iter().flat_map(BTreeMap::keys).map(String::as_str)
    }
}

fn pivot(section: &Section<'_>, columns: &mut Columns) -> Result<Pivot, MappingError> {
    let over = section.texts("over")?.unwrap_or_default();
    if over.is_empty() {
        return Err(section.missing("over", "the texts that stand for {} in the names, such as [\"Jan\", \"Feb\"]"));
    }
    if let Some(twice) = over.iter().enumerate().find_map(|(at, text)| over.iter().take(at).find(|known| *known == text)) {
        return Err(section.error("over", format!("has {twice:?} twice: its rows would count twice")));
    }
    let named = section.section("pivot")?.map(Section::entries).unwrap_or_default();
    let mut slots = BTreeMap::new();
    for (name, item) in named {
        let patterns = item.texts()?;
        if let Some(pattern) = patterns.iter().find(|pattern| !pattern.contains("{}")) {
            return Err(item.error(format!("{pattern:?} has no {{}}, which stands for each text of over")));
        }
        let slot = |text: &String| columns.slot(patterns.iter().map(|pattern| pattern.replace("{}", text)).collect());
        slots.insert(name, over.iter().map(slot).collect());
    }
    let until = section.item("until").map(|item| value::read_item(&item, columns)).transpose()?;
    Ok(Pivot { over, slots, until })
}

/// What takes the rows: a place to read from, or why it is none.
pub(super) type Visit<'v> = dyn FnMut(Result<&Place<'_>, Missed>) + 'v;

/// A row that gives nothing.
#[derive(Debug)]
pub(super) struct Missed {
    /// Its number in the message, from 1.
    pub(super) row: usize,
    /// Why.
    pub(super) stop: Stop,
    /// Of a row that cannot be read, what its cells say where records are told apart: its part of a sum is not told.
    pub(super) of: Option<Vec<String>>,
}

/// Gives every row that a row holds to the visitor, at most so many.
pub(super) fn each(place: &Place<'_>, visit: &mut Visit<'_>) {
    let mut left = place.mapping.limits.exploded;
    if !within(place, &place.mapping.explode, (&mut left, visit)) {
        let most = place.mapping.limits.exploded;
        let detail = format!("the row holds more than {most} rows (limits.exploded_max)");
        visit(Err(place.missed(error(DeadLetterReason::TooLarge, detail))));
    }
}

/// Whether all found room.
fn within(place: &Place<'_>, steps: &[Explode], (left, visit): (&mut usize, &mut Visit<'_>)) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        if *left == 0 {
            return false;
        }
        *left -= 1;
        visit(Ok(place));
        return true;
    };
    let mut none = true;
    let all = match &step.what {
        What::Elements(pointer) => {
            let objects: Vec<At<'_>> = match place.json().and_then(|at| at.find(pointer)).filter(|at| !is_nothing(*at)) {
                None => Vec::new(),
                // One object where several may stand is a list of one.
                Some(at) if at.is_object() => vec![at],
                Some(at) if at.is_list() => at.children().filter(|at| !is_nothing(*at)).collect(),
                Some(_) => {
                    visit(Err(place.missed(malformed("explode.elements", "it points to neither a list nor an object"))));
                    return true;
                }
            };
            objects.into_iter().all(|at| {
                none = false;
                if !at.is_object() {
                    visit(Err(place.missed(malformed("explode.elements", "an element is no object"))));
                    return true;
                }
                within(&place.inner(Cells::Json(at), None), rest, (left, visit))
            })
        }
        What::Parts(value, separator) => {
            let text = match place.told(value, "explode.parts") {
                Ok(text) => text.unwrap_or_default(),
                Err(error) => {
                    visit(Err(place.missed(error)));
                    return true;
                }
            };
            let parts = text.split(separator.as_str()).map(str::trim).filter(|part| !part.is_empty());
            parts.into_iter().all(|part| {
                none = false;
                let part = Part { text: Cow::Borrowed(part), pivot: None };
                within(&place.inner(Cells::Same, Some(part)), rest, (left, visit))
            })
        }
        What::Pivot(pivot) => match pivot.count(place) {
            Ok(count) => pivot.over.iter().take(count).enumerate().all(|(at, text)| {
                none = false;
                let part = Part { text: Cow::Borrowed(text), pivot: Some((pivot, at)) };
                within(&place.inner(Cells::Same, Some(part)), rest, (left, visit))
            }),
            Err(stop) => {
                visit(Err(place.missed(stop)));
                return true;
            }
        },
    };
    match &step.none {
        _ if !none => all,
        None => within(place, rest, (left, visit)),
        Some(reason) => {
            visit(Err(place.missed(Stop::Excluded(reason.clone()))));
            all
        }
    }
}

/// Null, or a text of nothing, as which an empty element of XML is read: alone or in a list it is no element.
fn is_nothing(at: At<'_>) -> bool {
    at.text() == "null" || at.scalar().is_some_and(|text| text.trim().is_empty())
}

impl Pivot {
    /// How many of its texts count in this row.
    fn count(&self, place: &Place<'_>) -> Result<usize, Stop> {
        let Some(until) = &self.until else { return Ok(self.over.len()) };
        let Some(last) = place.told(until, "explode.until")? else { return Ok(self.over.len()) };
        match self.over.iter().position(|text| *text == last) {
            Some(at) => Ok(at + 1),
            None => Err(malformed("explode.until", format!("{last:?} is none of {}", self.over.join(", "))).into()),
        }
    }
}
