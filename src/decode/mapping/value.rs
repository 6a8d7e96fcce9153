//! Where a value comes from and what is done to its text, as a mapping states it. Nothing is read here.

use std::collections::BTreeMap;

use regex::Regex;

use super::Format;
use super::condition::{Condition, condition};
use super::figures::Figures;
use super::head::Head;
use super::join::Join;
use super::never::Never;
use super::reach::Reach;
use super::reader::{Item, MappingError, Section, nearest};
use super::steps::{TextStep, compile, step};
use crate::decode::json::Pointer;

/// A column of the feed, by its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// The names, the first of which is there counts.
    pub(super) names: Vec<String>,
}

/// The columns that a mapping reads; a value holds an index into them.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pub(super) slots: Vec<Column>,
    aliases: BTreeMap<String, Vec<String>>,
    /// Names of pivoted columns.
    pub(super) pivots: Vec<String>,
    pub(super) readable: Readable,
    /// Those that may not be read.
    never: Never,
    /// What lies where, if messages are joined.
    reach: Option<Reach>,
}

/// What a row gives to read beside its cells.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Readable {
    /// Rows are JSON objects.
    rows: bool,
    /// There is JSON around them.
    envelope: bool,
    /// `[[explode]]` makes parts.
    pub(super) parts: bool,
}

impl Readable {
    /// In messages of a form.
    pub(super) fn of(format: Format) -> Readable {
        let envelope = !matches!(format, Format::Csv(..) | Format::Fixed);
        Readable { rows: envelope && format != Format::JsonTable, envelope, parts: false }
    }

    /// What is gathered has cells alone.
    pub(super) fn gathered(self) -> Readable {
        Readable { rows: false, ..self }
    }

    /// Whether there is what a key reads; else why not.
    pub(super) fn check(self, key: &str) -> Result<(), &'static str> {
        match key {
            "pointer" | "parent" | "texts" | "elements" | "of" if !self.rows => {
                Err("reads JSON, and the rows here are cells under the names of columns")
            }
            "envelope" if !self.envelope => Err("reads the JSON around the rows, and here is none"),
            "part" if !self.parts => Err("is what [[explode]] makes with parts or pivot, and it makes none"),
            _ => Ok(()),
        }
    }
}

impl Columns {
    /// No column yet, of what the section `columns` says.
    pub(super) fn new(head: &Head, readable: Readable) -> Columns {
        let (aliases, never) = (head.aliases.clone(), head.never.clone());
        Columns { slots: Vec::new(), aliases, pivots: Vec::new(), readable, never, reach: None }
    }

    /// Of messages that are joined.
    pub(super) fn joined(self, join: Option<&Join>) -> Columns {
        Columns { reach: join.map(Join::reach), ..self }
    }

    /// Reads the pointer under a key; one that passes what may not be read, or leads nowhere, is an error.
    pub(super) fn pointer(&self, key: &str, text: &str) -> Result<Pointer, String> {
        let pointer = self.never.pointer(text)?;
        self.reach.as_ref().map_or(Ok(()), |reach| reach.check(key, &pointer))?;
        Ok(pointer)
    }

    /// From here on rows are the elements of a list. Gives what they were before.
    pub(super) fn enter(&mut self, list: &Pointer) -> Result<Option<Reach>, String> {
        let within = self.reach.as_ref().map(|reach| reach.within(list)).transpose()?;
        Ok(std::mem::replace(&mut self.reach, within))
    }

    /// Rows are again what they were.
    pub(super) fn leave(&mut self, outside: Option<Reach>) {
        self.reach = outside;
    }

    /// The slot of a column that a row must be able to have.
    fn read_slot(&mut self, names: Vec<String>) -> Result<usize, String> {
        let slot = self.slot(names);
        let column = self.slots.get(slot);
        self.reach.as_ref().zip(column).map_or(Ok(slot), |(reach, column)| reach.check_column(column).map(|()| slot))
    }

    /// The slot of a column with these alternative names.
    pub(super) fn slot(&mut self, names: Vec<String>) -> usize {
        let spellings = |name: &String| {
            let others = self.aliases.get(name).cloned().unwrap_or_default();
            std::iter::once(name.clone()).chain(others).collect::<Vec<_>>()
        };
        let column = Column { names: names.iter().flat_map(spellings).collect() };
        match self.slots.iter().position(|known| *known == column) {
            Some(slot) => slot,
            None => {
                self.slots.push(column);
                self.slots.len() - 1
            }
        }
    }
}

/// Where a text comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A cell, or a member of a JSON row.
    Column(usize),
    /// A place in a JSON row.
    Pointer(Pointer),
    /// A place in the JSON row around it, the nearest one that has it.
    Parent(Pointer),
    /// All texts at these places of each element of a list, in the row or the nearest around it that has one, with a separator.
    Texts(Pointer, Vec<Pointer>, String),
    /// The text of the part that the row stands for.
    Part,
    /// A pivoted column, by its name in `explode`.
    Pivot(String),
    /// A place in the message around the rows.
    Envelope(Pointer),
    /// The same text for every row.
    Constant(String),
    /// The name of the first of these columns that is there.
    ColumnName(Vec<(String, usize)>),
    /// The first group of a pattern on the file's name.
    File(Regex),
    /// The name of the topic.
    Topic,
    /// The day (UTC) on which the message was written, where it says so.
    Written,
    /// A header of the message.
    Header(String),
    /// The first of these that is not null; whether a record says that it was not the very first.
    First(Vec<Value>, bool),
    /// All of these, with a separator; null where one is null.
    Concat(Vec<Value>, String),
    /// The sum of all of these, printed so; null where one is null.
    Sum(Vec<Value>, Figures),
}

/// A text of a row.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) source: Source,
    pub(super) steps: Vec<TextStep>,
    /// Texts that mean null, beside the empty text and the feed's.
    pub(super) nulls: Vec<String>,
    /// Null where this holds.
    pub(super) null_when: Option<Box<Condition>>,
    /// Other words for texts.
    pub(super) words: BTreeMap<String, String>,
    /// A text that `words` does not hold is null; else it stays.
    pub(super) words_only: bool,
}

impl Value {
    pub(super) fn of(source: Source) -> Value {
        Value { source, steps: Vec::new(), nulls: Vec::new(), null_when: None, words: BTreeMap::new(), words_only: false }
    }

    /// The texts that it gives whatever a row holds: a constant, names of columns, the words for others.
    pub(super) fn fixed(&self) -> Vec<&str> {
        let own: Vec<&str> = match &self.source {
            _ if !self.steps.is_empty() => Vec::new(),
            Source::Constant(text) => vec![text],
            Source::ColumnName(names) => names.iter().map(|(name, _)| name.as_str()).collect(),
            Source::First(parts, _) => parts.iter().flat_map(Value::fixed).collect(),
            _ => Vec::new(),
        };
        let kept = own.into_iter().filter(|text| !self.nulls.iter().any(|null| null == text));
        let kept = kept.filter(|text| !self.words.contains_key(*text) && !self.words_only);
        kept.chain(self.words.values().map(String::as_str)).collect()
    }

    /// What it reads, in words.
    pub(super) fn shown(&self, columns: &[Column]) -> String {
        let name = |slot: usize| columns.get(slot).and_then(|column| column.names.first()).cloned().unwrap_or_default();
        let all = |parts: &[Value], joint: &str| parts.iter().map(|part| part.shown(columns)).collect::<Vec<_>>().join(joint);
        match &self.source {
            Source::Column(slot) => name(*slot),
            Source::Pointer(pointer) => pointer.to_string(),
            Source::Parent(pointer) => format!("parent {pointer}"),
            Source::Texts(list, ..) => format!("texts of {list}"),
            Source::Part => "the part".to_owned(),
            Source::Pivot(name) => name.clone(),
            Source::Envelope(pointer) => format!("envelope {pointer}"),
            Source::Constant(text) => format!("{text:?}"),
            Source::ColumnName(_) => "a column's name".to_owned(),
            Source::File(_) => "the file's name".to_owned(),
            Source::Topic => "the topic".to_owned(),
            Source::Written => "the message's time".to_owned(),
            Source::Header(name) => format!("header {name}"),
            Source::First(parts, _) => all(parts, " else "),
            Source::Concat(parts, _) | Source::Sum(parts, _) => all(parts, " + "),
        }
    }
}

const SOURCES: [&str; 16] = [
    "column",
    "pointer",
    "parent",
    "texts",
    "part",
    "pivot",
    "envelope",
    "const",
    "column_name",
    "file",
    "topic",
    "written",
    "header",
    "first",
    "concat",
    "sum",
];

/// A value: a column's name alone, or a table with a source.
pub(super) fn read_item(item: &Item<'_>, columns: &mut Columns) -> Result<Value, MappingError> {
    if item.is_list() && item.list()?.is_empty() {
        return Err(item.error("names no column"));
    }
    if item.as_text().is_some() || item.is_list() {
        let slot = columns.read_slot(item.texts()?).map_err(|problem| item.error(problem))?;
        return Ok(Value::of(Source::Column(slot)));
    }
    let section = item.source()?;
    let value = read(&section, columns)?;
    section.finish()?;
    Ok(value)
}

/// A value from the keys of a table, which may hold further keys.
pub(super) fn read(section: &Section<'_>, columns: &mut Columns) -> Result<Value, MappingError> {
    let mut value = Value::of(source(section, columns)?);
    if let Some(steps) = section.item("text") {
        let list = if steps.is_list() { steps.list()? } else { vec![steps] };
        value.steps = list.iter().map(step).collect::<Result<_, _>>()?;
    }
    value.nulls = section.texts("nulls")?.unwrap_or_default();
    value.null_when = section.section("null_when")?.map(|when| condition(when, columns)).transpose()?.map(Box::new);
    if let Some(words) = section.section("words")? {
        value.words =
            words.entries().into_iter().map(|(from, to)| Ok((from, to.text()?))).collect::<Result<_, MappingError>>()?;
    }
    value.words_only = section.flag("words_only")?;
    if value.words_only && value.words.is_empty() {
        return Err(section.error("words_only", "leaves only what words has, and there are none: it would always be null"));
    }
    Ok(value)
}

fn source(section: &Section<'_>, columns: &mut Columns) -> Result<Source, MappingError> {
    let given: Vec<&str> = SOURCES.into_iter().filter(|name| section.has(name)).collect();
    let [name] = given.as_slice() else {
        return Err(match given.first() {
            None => section.absent(&SOURCES, format!("has no source: give one of {}", SOURCES.join(", "))),
            Some(first) => section.error(first, format!("has several sources ({}): give one", given.join(", "))),
        });
    };
    columns.readable.check(name).map_err(|problem| section.error(name, problem))?;
    // Of nothing comes nothing, and the sum of nothing would be a zero that nobody told.
    if section.item(name).is_some_and(|item| item.is_list() && item.list().is_ok_and(|list| list.is_empty())) {
        return Err(section.error(name, "must name at least one"));
    }
    let pointer = |key| {
        let text = section.required_text(key, "a JSON pointer")?;
        if text.is_empty() {
            return Err(section.error(key, "points to the whole, which is no text"));
        }
        columns.pointer(key, &text).map_err(|problem| section.error(key, problem))
    };
    let parts = |key, columns: &mut Columns| match section.item(key) {
        Some(item) => item.list()?.iter().map(|part| read_item(part, columns)).collect::<Result<Vec<_>, _>>(),
        None => Ok(Vec::new()),
    };
    Ok(match *name {
        "column" => {
            let names = section.texts("column")?.unwrap_or_default();
            Source::Column(columns.read_slot(names).map_err(|problem| section.error("column", problem))?)
        }
        "pointer" => Source::Pointer(pointer("pointer")?),
        "parent" => Source::Parent(pointer("parent")?),
        "texts" => {
            let list = pointer("texts")?;
            texts(section, list, columns)?
        }
        "part" => {
            section.flag("part")?;
            Source::Part
        }
        "pivot" => {
            let name = section.required_text("pivot", "a name of [[explode]] pivot")?;
            if !columns.pivots.contains(&name) {
                let names: Vec<&str> = columns.pivots.iter().map(String::as_str).collect();
                let near = if names.is_empty() { "no [[explode]] has a pivot".to_owned() } else { nearest(&name, &names) };
                return Err(section.error("pivot", format!("{name:?} is no name of explode.pivot; {near}")));
            }
            Source::Pivot(name)
        }
        "envelope" => Source::Envelope(pointer("envelope")?),
        "const" => match section.required_text("const", "a text")? {
            text if text == "TODO" => return Err(section.error("const", "is still to be filled in")),
            text => Source::Constant(text),
        },
        "column_name" => {
            let names = section.texts("column_name")?.unwrap_or_default();
            Source::ColumnName(names.into_iter().map(|name| (name.clone(), columns.slot(vec![name]))).collect())
        }
        "file" => Source::File(pattern(section, "file")?),
        "topic" => {
            section.flag("topic")?;
            Source::Topic
        }
        "written" => {
            section.flag("written")?;
            Source::Written
        }
        "header" => Source::Header(section.required_text("header", "the name of a message header")?),
        "first" => Source::First(parts("first", columns)?, section.flag("note")?),
        "concat" => Source::Concat(parts("concat", columns)?, section.text("separator")?.unwrap_or_default()),
        _ => Source::Sum(parts("sum", columns)?, Figures::of_parts(section)?),
    })
}

fn texts(section: &Section<'_>, list: Pointer, columns: &mut Columns) -> Result<Source, MappingError> {
    let places = section.texts("at")?.unwrap_or_default();
    if places.is_empty() {
        return Err(section.missing("at", "where the texts stand in each element; [\"\"] where the elements are texts"));
    }
    let outside = columns.enter(&list).map_err(|problem| section.error("texts", problem))?;
    let places = places.iter().map(|text| columns.pointer("pointer", text).map_err(|problem| section.error("at", problem)));
    let places = places.collect::<Result<_, _>>()?;
    columns.leave(outside);
    let separator = section.text("separator")?.unwrap_or_else(|| " ".to_owned());
    Ok(Source::Texts(list, places, separator))
}

/// A pattern under a key.
pub(super) fn pattern(section: &Section<'_>, key: &'static str) -> Result<Regex, MappingError> {
    let text = section.required_text(key, "a regular expression")?;
    compile(&text).map_err(|problem| section.error(key, problem))
}
