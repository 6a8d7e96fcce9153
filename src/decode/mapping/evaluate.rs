//! Values and conditions of a mapping, worked out on one row. Pure: what it reads stands in `Place`.

use std::borrow::Cow;

use super::condition::Condition;
use super::explode::{Missed, Part};
use super::field::Stop;
use super::layout::Layout;
use super::steps::TextStep;
use super::value::{Column, Source, Value};
use super::{Mapping, Unit};
use crate::decode::DecodeError;
use crate::decode::json::{At, Pointer};
use crate::decode::number;
use crate::domain::{Decimal, Message};

/// A row as its envelope gives it.
pub(super) enum Cells<'a> {
    /// Cells under a header.
    Table { layout: &'a Layout, cells: &'a [Cow<'a, str>] },
    /// A JSON object.
    Json(At<'a>),
    /// Those of the row around it.
    Same,
}

/// All that a value may read.
pub(super) struct Place<'a> {
    pub(super) mapping: &'a Mapping,
    /// Those whose slots its values name.
    pub(super) columns: &'a [Column],
    pub(super) cells: Cells<'a>,
    /// The JSON around the rows.
    pub(super) envelope: Option<At<'a>>,
    pub(super) message: &'a Message,
    pub(super) file_name: Option<&'a str>,
    /// Its number in the message, from 1; of rows that are gathered that of the first.
    pub(super) row: usize,
    /// The row that it is a part of, and which part.
    pub(super) outer: Option<&'a Place<'a>>,
    pub(super) part: Option<Part<'a>>,
}

impl<'a> Place<'a> {
    /// A part of this row.
    pub(super) fn inner<'b>(&'b self, cells: Cells<'b>, part: Option<Part<'b>>) -> Place<'b> {
        let Place { mapping, columns, envelope, message, file_name, row, .. } = *self;
        Place { mapping, columns, cells, envelope, message, file_name, row, outer: Some(self), part }
    }

    /// The row and those around it, from within.
    fn outwards(&self) -> impl Iterator<Item = &Place<'a>> {
        std::iter::successors(Some(self), |place| place.outer)
    }

    /// The cells that it reads, which may be those of a row around it.
    fn cells(&self) -> &Cells<'a> {
        let own = self.outwards().map(|place| &place.cells).find(|cells| !matches!(cells, Cells::Same));
        own.unwrap_or(&self.cells)
    }

    /// The JSON of the row and of those around it.
    pub(super) fn json_outwards(&self) -> impl Iterator<Item = At<'a>> {
        self.outwards().filter_map(|place| match &place.cells {
            Cells::Json(at) => Some(*at),
            Cells::Table { .. } | Cells::Same => None,
        })
    }

    /// The elements of a list in the row, or in the nearest around it that has one; one alone is a list of one.
    pub(super) fn list(&self, pointer: &Pointer) -> Vec<At<'a>> {
        match self.json_outwards().find_map(|at| at.find(pointer)) {
            Some(at) if at.is_list() => at.children().collect(),
            Some(at) if at.text() != "null" => vec![at],
            _ => Vec::new(),
        }
    }

    /// What a value reads, in words; of a pivot the column that it means here.
    pub(super) fn shown(&self, value: &Value) -> String {
        let columns = &self.mapping.columns.slots;
        let pivoted = if let Source::Pivot(name) = &value.source { self.pivoted(name) } else { None };
        let name = pivoted.and_then(|slot| columns.get(slot)?.names.first());
        name.cloned().unwrap_or_else(|| value.shown(columns))
    }

    /// The column that a pivot's name means here.
    pub(super) fn pivoted(&self, name: &str) -> Option<usize> {
        self.outwards().find_map(|place| place.part.as_ref()?.slot(name))
    }

    /// Where in its message a row stands, in words: its number where a message holds a file, and the part of it.
    fn whereabouts(&self) -> Option<String> {
        let row = (self.mapping.envelope.unit == Unit::File).then(|| format!("row {}", self.row));
        let part = self.outwards().find_map(|place| place.part.as_ref()).map(|part| part.text.to_string());
        let told: Vec<String> = row.into_iter().chain(part).collect();
        (!told.is_empty()).then(|| told.join(", "))
    }

    /// Why the row gives nothing, with where it stands.
    pub(super) fn missed(&self, stop: impl Into<Stop>) -> Missed {
        let stop = match stop.into() {
            Stop::Failed(DecodeError { reason, detail }) => {
                let detail = self.whereabouts().map_or(detail.clone(), |place| format!("{place}: {detail}"));
                Stop::Failed(DecodeError { reason, detail })
            }
            stop => stop,
        };
        Missed { row: self.row, stop, of: None }
    }

    /// The JSON of the row.
    pub(super) fn json(&self) -> Option<At<'a>> {
        match self.cells() {
            Cells::Json(at) => Some(*at),
            Cells::Table { .. } | Cells::Same => None,
        }
    }

    /// The text of a value; `None` is null.
    pub(super) fn value(&'a self, value: &'a Value) -> Option<Cow<'a, str>> {
        let text = self.before_nulls(value)?;
        if text.is_empty() || value.nulls.iter().any(|null| *null == text) || self.mapping.nulls.iter().any(|null| *null == text)
        {
            return None;
        }
        if value.null_when.as_ref().is_some_and(|when| self.holds(when)) {
            return None;
        }
        if value.words.is_empty() && !value.words_only {
            return Some(text);
        }
        match value.words.get(text.as_ref()) {
            Some(word) => Some(Cow::Borrowed(word)),
            None if value.words_only => None,
            None => Some(text),
        }
    }

    /// The text after its steps, before null markers: conditions compare it, since a marker may be what they look for.
    #[inline]
    fn before_nulls(&'a self, value: &'a Value) -> Option<Cow<'a, str>> {
        let mut text = trimmed(self.source(&value.source)?);
        for step in &value.steps {
            text = apply(text, step)?;
        }
        Some(text)
    }

    #[inline]
    fn source(&'a self, source: &'a Source) -> Option<Cow<'a, str>> {
        match source {
            Source::Column(slot) => self.cell(*slot),
            Source::Pointer(pointer) => self.json().and_then(|at| at.find(pointer)).and_then(At::scalar),
            Source::Parent(pointer) => self.json_outwards().skip(1).find_map(|at| at.find(pointer).and_then(At::scalar)),
            Source::Texts(list, places, separator) => {
                let of = |element: At<'a>| places.iter().filter_map(move |place| element.find(place).and_then(At::scalar));
                let texts = self.list(list).into_iter().flat_map(of);
                let texts: Vec<Cow<'_, str>> = texts.map(trimmed).filter(|text| !text.is_empty()).collect();
                (!texts.is_empty()).then(|| Cow::Owned(texts.join(separator)))
            }
            Source::Part => self.outwards().find_map(|place| place.part.as_ref()).map(|part| Cow::Borrowed(part.text.as_ref())),
            Source::Pivot(name) => self.cell(self.pivoted(name)?),
            Source::Envelope(pointer) => self.envelope.and_then(|at| at.find(pointer)).and_then(At::scalar),
            Source::Constant(text) => Some(Cow::Borrowed(text)),
            Source::ColumnName(names) => {
                names.iter().find(|(_, slot)| self.has(*slot)).map(|(name, _)| Cow::Borrowed(name.as_str()))
            }
            Source::File(pattern) => {
                let captures = pattern.captures(self.file_name?)?;
                captures.get(1).or_else(|| captures.get(0)).map(|found| Cow::Borrowed(found.as_str()))
            }
            Source::Topic => Some(Cow::Borrowed(&self.message.position.topic)),
            Source::Written => {
                let day = jiff::tz::Offset::UTC.to_datetime(self.message.timestamp?).date();
                Some(Cow::Owned(day.to_string()))
            }
            Source::Header(name) => self.message.header(name).map(Cow::Borrowed),
            Source::First(parts, _) => parts.iter().find_map(|part| self.value(part)),
            Source::Concat(parts, separator) => {
                let mut whole = String::with_capacity(CONCAT_ROOM);
                for (at, part) in parts.iter().enumerate() {
                    if at > 0 {
                        whole.push_str(separator);
                    }
                    whole.push_str(&self.value(part)?);
                }
                Some(Cow::Owned(whole))
            }
            Source::Sum(parts, figures) => {
                let mut sum = Decimal::ZERO;
                for part in parts {
                    let text = self.value(part)?;
                    let next = figures.number(&text).and_then(|number| sum.checked_add(number));
                    // What is no number, or makes one too long, stands there in words that no field takes for a number.
                    let Some(next) = next else { return Some(Cow::Owned(format!("{text} in a sum"))) };
                    sum = next;
                }
                Some(Cow::Owned(number::text(sum)))
            }
        }
    }

    #[inline]
    fn cell(&self, slot: usize) -> Option<Cow<'_, str>> {
        match self.cells() {
            Cells::Table { layout, cells } => {
                let position = layout.position(slot)?;
                cells.get(position).map(|cell| Cow::Borrowed(cell.as_ref()))
            }
            Cells::Json(at) => self.member(slot, *at).and_then(At::scalar),
            Cells::Same => None,
        }
    }

    /// What stands in the row's JSON under a column's name.
    pub(super) fn member_of(&self, slot: usize) -> Option<At<'a>> {
        self.member(slot, self.json()?)
    }

    fn member(&self, slot: usize, at: At<'a>) -> Option<At<'a>> {
        self.columns.get(slot)?.names.iter().find_map(|name| at.member(name))
    }

    fn has(&self, slot: usize) -> bool {
        match self.cells() {
            Cells::Table { layout, .. } => layout.position(slot).is_some(),
            Cells::Json(at) => self.member(slot, *at).is_some(),
            Cells::Same => false,
        }
    }

    /// Whether a condition holds.
    pub(super) fn holds(&self, condition: &Condition) -> bool {
        match condition {
            Condition::All(parts) => parts.iter().all(|part| self.holds(part)),
            Condition::Any(parts) => parts.iter().any(|part| self.holds(part)),
            Condition::Not(part) => !self.holds(part),
            Condition::In(value, texts) => {
                self.before_nulls(value).is_some_and(|text| texts.iter().any(|allowed| *allowed == text))
            }
            Condition::Matches(value, pattern) => self.before_nulls(value).is_some_and(|text| pattern.is_match(&text)),
            Condition::Between(value, above, below) => {
                let number = self.value(value).and_then(|text| number::exact(&text));
                number.is_some_and(|number| above.is_none_or(|bound| number > bound) && below.is_none_or(|bound| number < bound))
            }
            Condition::Present(value, wanted) => self.value(value).is_some() == *wanted,
            Condition::Proves(value, proof) => self.value(value).is_none_or(|text| proof.holds(&text)),
            Condition::Sum(whole, parts) => {
                let number = |value: &Value| self.value(value).and_then(|text| number::exact(&text));
                let sum = parts.iter().map(number).try_fold(Decimal::ZERO, |sum, part| sum.checked_add(part?));
                number(whole).zip(sum).is_none_or(|(whole, sum)| whole == sum)
            }
        }
    }
}

#[inline]
fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    // Most texts begin and end in a letter or digit.
    if let [first, .., last] | [first @ last] = text.as_bytes()
        && first.is_ascii_graphic()
        && last.is_ascii_graphic()
    {
        return text;
    }
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// Bytes that a text made of several has in most cases.
const CONCAT_ROOM: usize = 32;

/// A part of a text, borrowed where the text is.
fn part<'a>(text: Cow<'a, str>, of: impl Fn(&str) -> Option<&str>) -> Option<Cow<'a, str>> {
    match text {
        Cow::Borrowed(text) => of(text).map(Cow::Borrowed),
        Cow::Owned(text) => of(&text).map(|part| Cow::Owned(part.to_owned())),
    }
}

fn apply<'a>(text: Cow<'a, str>, step: &TextStep) -> Option<Cow<'a, str>> {
    match step {
        TextStep::Trim => Some(trimmed(text)),
        TextStep::Upper => Some(Cow::Owned(text.to_uppercase())),
        TextStep::Lower => Some(Cow::Owned(text.to_lowercase())),
        TextStep::Strip(signs) => part(text, |text| Some(text.trim_matches(|sign| signs.contains(sign)))),
        TextStep::Remove(signs) => Some(Cow::Owned(text.chars().filter(|sign| !signs.contains(*sign)).collect())),
        TextStep::Cut(from, length) => Some(Cow::Owned(text.chars().skip(*from).take(*length).collect())),
        TextStep::Split(separator, take) => part(text, |text| {
            let index = usize::try_from(take.unsigned_abs()).ok()?;
            let found = if *take >= 0 {
                text.split(separator.as_str()).nth(index)
            } else {
                text.rsplit(separator.as_str()).nth(index - 1)
            };
            found.map(str::trim)
        }),
        TextStep::Capture(pattern, group) => part(text, |text| pattern.captures(text)?.get(*group).map(|found| found.as_str())),
        // Nothing is no short code.
        TextStep::PadLeft(..) if text.is_empty() => Some(text),
        TextStep::PadLeft(width, sign) => {
            let missing = width.saturating_sub(text.chars().count());
            let padding: String = std::iter::repeat_n(*sign, missing).collect();
            Some(Cow::Owned(padding + &text))
        }
        TextStep::Replace(from, to) => Some(Cow::Owned(text.replace(from.as_str(), to))),
    }
}

/// A JSON row of scalars alone, as cells; `None` where it holds an object or array.
pub(super) fn table_row(row: At<'_>) -> Option<Vec<Cow<'_, str>>> {
    if !row.is_list() || row.children().any(|cell| cell.is_object() || cell.is_list()) {
        return None;
    }
    Some(row.children().map(|cell| cell.scalar().unwrap_or_default()).collect())
}
