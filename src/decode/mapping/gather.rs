//! Rows of one message that belong together, as one row: the long form, where each row tells one figure of a record, and parts that have
//! to be added up. What comes out has the columns that tell records apart and the gathered ones, in an order of its own.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::condition::{Condition, condition};
use super::evaluate::{Cells, Place};
use super::explode::{self, Missed, Visit};
use super::field::Stop;
use super::figures::Figures;
use super::head::Head;
use super::layout::{Layout, Names};
use super::reader::{Item, MappingError, Section};
use super::value::{self, Column, Columns, Readable, Source, Value};
use super::{Format, Mapping, Selection, parse};
use crate::decode::delimited::{self, Dialect};
use crate::decode::draft::{error, malformed};
use crate::decode::number;
use crate::domain::{DeadLetterReason, Decimal, Message, Position};

/// How rows are put together.
#[derive(Debug)]
pub(super) struct Gather {
    /// The columns of the rows as they stand in the message.
    pub(super) columns: Columns,
    /// Those that tell one record from another.
    by: Vec<Value>,
    select: Vec<Selection>,
    gathered: Vec<Gathered>,
    /// Why a row is left out that tells none of them; without it such a row is a dead letter.
    otherwise: Option<String>,
    /// The columns of what comes out.
    pub(super) layout: Layout,
    names: Vec<String>,
}

/// A column that is gathered.
#[derive(Clone, Debug)]
struct Gathered {
    value: Value,
    when: Option<Condition>,
    /// Several are added up, read as such numbers; else they must agree.
    sum: Option<Figures>,
}

/// What was gathered so far.
#[derive(Clone, Debug, Default)]
enum Found {
    #[default]
    Nothing,
    Text(String),
    Sum(Decimal),
    /// A sum of which a part is not told.
    Untold,
    /// Why it gives nothing.
    Wrong(String),
}

impl Gather {
    /// The section `gather`, whose columns are called and give values so.
    pub(super) fn read(section: Section<'_>, head: &Head, readable: Readable) -> Result<Gather, MappingError> {
        let mut columns = Columns::new(head, readable);
        let by = section.item("by").map(|by| if by.is_list() { by.list() } else { Ok(vec![by]) }).transpose()?;
        let by = by.unwrap_or_default().iter().map(|item| telling(item, &mut columns)).collect::<Result<Vec<_>, _>>()?;
        if by.is_empty() {
            return Err(section.missing("by", "the columns that tell one record from another"));
        }
        let (mut names, by): (Vec<String>, Vec<Value>) = by.into_iter().unzip();
        if let Some(twice) = names.iter().enumerate().find_map(|(at, name)| names.iter().take(at).find(|known| *known == name)) {
            return Err(section.error("by", format!("has {twice:?} twice")));
        }
        let select = section.sections("select")?.into_iter().map(|section| parse::selection(section, &mut columns));
        let select = select.collect::<Result<_, _>>()?;
        let sections = section.sections("columns")?;
        if sections.is_empty() {
            return Err(section.missing("columns", "[[gather.columns]] with name and value"));
        }
        let mut gathered = Vec::new();
        for section in sections {
            let name = section.required_text("name", "how fields call the gathered column")?;
            if names.contains(&name) {
                return Err(section.error("name", format!("{name:?} is a column already")));
            }
            names.push(name);
            let value =
                section.item("value").ok_or_else(|| section.missing("value", "a column's name, or a table with a source"))?;
            let value = value::read_item(&value, &mut columns)?;
            let when = section.section("when")?.map(|when| condition(when, &mut columns)).transpose()?;
            let sum = section.flag("sum")?.then(|| Figures::beside(&section, &value)).transpose()?;
            section.finish()?;
            gathered.push(Gathered { value, when, sum });
        }
        let otherwise = section.reason("otherwise")?;
        section.finish()?;
        Ok(Gather { columns, by, select, gathered, otherwise, layout: Layout::default(), names })
    }

    /// Finds the columns that fields read among those that come out.
    pub(super) fn settle(&mut self, columns: &[Column], compared: Names) -> Result<(), String> {
        let names: Vec<Cow<'_, str>> = self.names.iter().map(|name| Cow::Borrowed(name.as_str())).collect();
        self.layout = Layout::read(&names, columns, compared);
        match columns.iter().enumerate().find(|(slot, _)| self.layout.position(*slot).is_none()) {
            None => Ok(()),
            Some((_, column)) => {
                let name = column.names.join(" or ");
                Err(format!("what is gathered has no column {name}; it has {}", self.names.join(", ")))
            }
        }
    }

    /// The columns of the rows that a column of what comes out is made of.
    pub(super) fn behind(&self, column: &Column) -> Vec<usize> {
        let at = column.names.iter().find_map(|name| self.names.iter().position(|known| known == name));
        let mut values = self.by.iter().chain(self.gathered.iter().map(|gathered| &gathered.value));
        parse::direct(at.and_then(|at| values.nth(at)).into_iter())
    }

    /// What tells the record of a row apart.
    pub(super) fn key(&self, place: &Place<'_>) -> Vec<String> {
        self.by.iter().map(|value| place.value(value).unwrap_or_default().into_owned()).collect()
    }

    /// The slots without which a file is another schema.
    pub(super) fn decisive(&self) -> Vec<usize> {
        parse::direct(self.by.iter().chain(self.gathered.iter().map(|gathered| &gathered.value)))
    }
}

/// A column that tells records apart, by its name, as it stands or with its text changed: codes that mean one thing are one.
fn telling(item: &Item<'_>, columns: &mut Columns) -> Result<(String, Value), MappingError> {
    let value = value::read_item(item, columns)?;
    let slot = if let Source::Column(slot) = value.source { columns.slots.get(slot) } else { None };
    match slot.and_then(|column| column.names.first()) {
        // Files are cut into groups by cells alone, before there is a message.
        Some(name) if value.null_when.is_none() => Ok((name.clone(), value)),
        _ => Err(item.error("tells records apart by the cells of a column: a column, with text, nulls and words at most")),
    }
}

/// What was gathered of the rows of a message.
#[derive(Default)]
pub(super) struct Groups {
    /// What the last row went into: most messages hold no other.
    last: Option<(Vec<String>, Group)>,
    others: BTreeMap<Vec<String>, Group>,
    /// What tells those records apart of which a row cannot be read.
    unreadable: BTreeSet<Vec<String>>,
    /// A row cannot be read of which nobody knows what record it tells: it may be any.
    is_any_unreadable: bool,
}

/// The rows of one record: the number of the first, and what they tell.
type Group = (usize, Vec<Found>);

impl Groups {
    /// Takes a row in; gives it to the visitor only where it is left out.
    pub(super) fn take(&mut self, gather: &Gather, place: &Place<'_>, visit: &mut Visit<'_>) {
        if let Err(stop) = Selection::check(&gather.select, place) {
            return visit(Err(place.missed(stop)));
        }
        let tells: Vec<bool> =
            gather.gathered.iter().map(|gathered| gathered.when.as_ref().is_none_or(|when| place.holds(when))).collect();
        if !tells.contains(&true) {
            let stop = match &gather.otherwise {
                Some(reason) => Stop::Excluded(reason.clone()),
                None => {
                    let detail = "no column of the mapping's gather takes the row; say under gather.otherwise why it is left out";
                    error(DeadLetterReason::UnknownSchema, detail).into()
                }
            };
            return visit(Err(place.missed(stop)));
        }
        let (_, found) = self.of(gather, place);
        let told = gather.gathered.iter().zip(found).zip(tells).filter(|(_, tells)| *tells);
        for ((gathered, found), _) in told {
            if let Some(text) = place.value(&gathered.value) {
                found.add(&text, gathered.sum.as_ref());
            } else if let Some(misfit) = place.misfit(&gathered.value) {
                *found = Found::Wrong(format!("{misfit} stands there"));
            } else if gathered.sum.is_some() {
                // A sum of which a part is not told is not told.
                found.part_is_missing();
            }
        }
    }

    /// Notes that a row gives nothing. Where it cannot be read, no sum of its record is told.
    pub(super) fn miss(&mut self, missed: &Missed) {
        match (&missed.stop, &missed.of) {
            (Stop::Excluded(_), _) => {}
            (Stop::Failed(_), Some(key)) => _ = self.unreadable.insert(key.clone()),
            (Stop::Failed(_), None) => self.is_any_unreadable = true,
        }
    }

    /// The group of a row, by what tells records apart.
    fn of(&mut self, gather: &Gather, place: &Place<'_>) -> &mut Group {
        let text = |value| place.value(value).unwrap_or_default();
        let is_same = |(key, _): &(Vec<String>, Group)| key.iter().zip(&gather.by).all(|(known, value)| *known == text(value));
        if !self.last.as_ref().is_some_and(is_same) {
            let key = gather.key(place);
            self.others.extend(self.last.take());
            self.last = self.others.remove_entry(&key).or(Some((key, (place.row, Vec::new()))));
        }
        let (_, group) = self.last.as_mut().expect("the row's group was just put there");
        group.1.resize(gather.gathered.len(), Found::Nothing);
        group
    }

    /// Gives what was gathered to the visitor, row by row, in the order of what tells records apart.
    pub(super) fn finish(mut self, around: &Place<'_>, gather: &Gather, visit: &mut Visit<'_>) {
        if !self.others.is_empty() {
            self.others.extend(self.last.take());
        }
        for (key, (row, mut found)) in self.last.into_iter().chain(self.others) {
            if self.is_any_unreadable || self.unreadable.contains(&key) {
                let sums = found.iter_mut().zip(&gather.gathered).filter(|(_, gathered)| gathered.sum.is_some());
                sums.for_each(|(found, _)| found.part_is_missing());
            }
            let wrong = found.iter().zip(gather.names.iter().skip(key.len())).find_map(|(found, name)| match found {
                Found::Wrong(why) => Some(malformed(&format!("gather.{name}"), why)),
                _ => None,
            });
            if let Some(wrong) = wrong {
                visit(Err(Place { row, ..around.inner(Cells::Same, None) }.missed(wrong)));
                continue;
            }
            let texts = found.into_iter().map(|found| match found {
                Found::Text(text) => text,
                Found::Sum(sum) => number::text(sum),
                Found::Nothing | Found::Untold | Found::Wrong(_) => String::new(),
            });
            let cells: Vec<Cow<'_, str>> = key.into_iter().chain(texts).map(Cow::Owned).collect();
            let cells = Cells::Table { layout: &gather.layout, cells: &cells };
            let Place { mapping, envelope, message, file_name, .. } = *around;
            let columns = &mapping.columns.slots;
            let place = Place { mapping, columns, cells, envelope, message, file_name, row, outer: None, part: None };
            explode::each(&place, visit);
        }
    }
}

impl Found {
    fn part_is_missing(&mut self) {
        if !matches!(self, Found::Wrong(_)) {
            *self = Found::Untold;
        }
    }

    fn add(&mut self, text: &str, sum: Option<&Figures>) {
        let next = match sum {
            None => match &*self {
                Found::Nothing => Found::Text(text.to_owned()),
                Found::Text(known) if known != text => {
                    let (less, more) = if known.as_str() < text { (known.as_str(), text) } else { (text, known.as_str()) };
                    Found::Wrong(format!("two rows of one record say {less:?} and {more:?}"))
                }
                _ => return,
            },
            Some(figures) => match (figures.number(text), &*self) {
                (None, _) => Found::Wrong(format!("{text:?} is no number")),
                (Some(number), Found::Sum(sum)) => {
                    sum.checked_add(number).map_or_else(|| Found::Wrong("the sum is too large".to_owned()), Found::Sum)
                }
                (Some(number), Found::Nothing) => Found::Sum(number),
                (Some(_), _) => return,
            },
        };
        if !matches!(self, Found::Wrong(_)) {
            *self = next;
        }
    }
}

/// What tells the rows of one file's groups apart.
#[derive(Debug)]
pub(in crate::decode) struct Grouping<'m> {
    mapping: &'m Mapping,
    gather: &'m Gather,
    dialect: Dialect,
    layout: Layout,
    /// How many cells of a row have to be looked at: two tell whether it is an empty line.
    cells: usize,
    /// There is none yet.
    message: Message,
}

impl Grouping<'_> {
    /// Of a row: what tells its record apart, into `key`; false where the row is an empty line.
    pub(in crate::decode) fn key(&self, row: &str, key: &mut Vec<u8>) -> bool {
        let mut cells = Vec::with_capacity(self.cells);
        delimited::cells(row, self.dialect, self.cells, &mut cells);
        if delimited::is_blank(&cells) {
            return false;
        }
        let Grouping { mapping, message, .. } = self;
        let (columns, cells) = (mapping.head_columns(), Cells::Table { layout: &self.layout, cells: &cells });
        let place = Place { mapping, columns, cells, envelope: None, message, file_name: None, row: 0, outer: None, part: None };
        key.clear();
        for (nth, value) in self.gather.by.iter().enumerate() {
            if nth > 0 {
                key.push(0);
            }
            key.extend_from_slice(place.value(value).unwrap_or_default().as_bytes());
        }
        true
    }
}

impl Mapping {
    /// How the rows below this header belong together; `None` where they are not gathered, or a column is missing.
    pub(in crate::decode) fn grouping(&self, head: &str) -> Option<Box<Grouping<'_>>> {
        let (Some(gather), Format::Csv(dialect, _)) = (&self.gather, self.envelope.format) else { return None };
        let (_, layout) = self.find_header(head, dialect).ok()?;
        layout.require(&self.required, self.head_columns()).ok()?;
        let position = |value: &Value| if let Source::Column(slot) = value.source { layout.position(slot) } else { None };
        let cells = gather.by.iter().filter_map(position).map(|at| at + 1).fold(2, usize::max);
        let position = Position { topic: "".into(), partition: 0, offset: 0 };
        let message = Message { position, timestamp: None, key: None, value: None, headers: Vec::new() };
        Some(Box::new(Grouping { mapping: self, gather, dialect, layout, cells, message }))
    }

    /// The columns of the rows as they stand in a message.
    pub(super) fn head_columns(&self) -> &[Column] {
        self.gather.as_ref().map_or(&self.columns.slots, |gather| &gather.columns.slots)
    }
}
