//! A mapping's TOML, read key by key: every key that nothing asked for is an error with its line and the nearest name.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::is_reason;
use crate::domain::{DeadLetterReason, Degrade};

/// Why a mapping is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, {key}: {problem}")]
pub struct MappingError {
    /// The line, from 1.
    pub line: usize,
    /// The key with its path, such as `fields.partner.codes`.
    pub key: String,
    /// What is wrong, what is allowed, and what was probably meant.
    pub problem: String,
}

/// A table of the mapping, with the keys that were asked for.
pub(super) struct Section<'t> {
    text: &'t str,
    path: String,
    span: Range<usize>,
    table: &'t DeTable<'t>,
    asked: RefCell<Vec<&'static str>>,
}

/// A value of the mapping, with its place.
#[derive(Clone)]
pub(super) struct Item<'t> {
    text: &'t str,
    path: String,
    value: &'t Spanned<DeValue<'t>>,
}

fn line(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

impl<'t> Section<'t> {
    /// The outermost table.
    pub(super) fn root(text: &'t str, table: &'t Spanned<DeTable<'t>>) -> Section<'t> {
        Section { text, path: String::new(), span: table.span(), table: table.get_ref(), asked: RefCell::default() }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// An error about a key of this table, at the table's own line where the key is absent.
    pub(super) fn error(&self, key: &str, problem: impl Into<String>) -> MappingError {
        let place =
            self.table.iter().find(|(name, _)| name.get_ref() == key).map_or(self.span.start, |(name, _)| name.span().start);
        MappingError { line: line(self.text, place), key: self.path_of(key), problem: problem.into() }
    }

    /// The value of a key.
    pub(super) fn item(&self, key: &'static str) -> Option<Item<'t>> {
        self.asked.borrow_mut().push(key);
        let (_, value) = self.table.iter().find(|(name, _)| name.get_ref() == key)?;
        Some(Item { text: self.text, path: self.path_of(key), value })
    }

    /// All keys with their values, for tables whose keys are the author's own; none of them is unknown.
    pub(super) fn entries(self) -> Vec<(String, Item<'t>)> {
        let entry = |(name, value): (&'t Spanned<toml::de::DeString<'t>>, &'t Spanned<DeValue<'t>>)| {
            let name = name.get_ref().to_string();
            (name.clone(), Item { text: self.text, path: self.path_of(&name), value })
        };
        self.table.iter().map(entry).collect()
    }

    /// Whether a key is there, without asking for it.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.iter().any(|(name, _)| name.get_ref() == key)
    }

    /// A text.
    pub(super) fn text(&self, key: &'static str) -> Result<Option<String>, MappingError> {
        self.item(key).map(|item| item.text()).transpose()
    }

    /// A text that must be there.
    pub(super) fn required_text(&self, key: &'static str, what: &str) -> Result<String, MappingError> {
        self.text(key)?.ok_or_else(|| self.missing(key, what))
    }

    /// A key is not there.
    pub(super) fn missing(&self, key: &str, what: &str) -> MappingError {
        self.absent(&[key], format!("is missing: {what}"))
    }

    /// None of these keys is there; where a key that nobody asked for is nearly one of them, that one is the error.
    pub(super) fn absent(&self, keys: &[&str], problem: String) -> MappingError {
        let unasked =
            self.table.iter().map(|(name, _)| name.get_ref().as_ref()).filter(|name| !self.asked.borrow().contains(name));
        let near = |name: &'t str| Some(name).zip(keys.iter().find(|key| strsim::osa_distance(name, key) <= 2));
        match unasked.into_iter().find_map(near) {
            Some((name, key)) => self.error(name, format!("unknown key; did you mean {key:?}?")),
            None => self.error(keys.first().unwrap_or(&""), problem),
        }
    }

    /// A text, or a list of texts.
    pub(super) fn texts(&self, key: &'static str) -> Result<Option<Vec<String>>, MappingError> {
        self.item(key).map(|item| item.texts()).transpose()
    }

    /// A reason under which something is left out: the label of a count.
    pub(super) fn reason(&self, key: &'static str) -> Result<Option<String>, MappingError> {
        let reason = self.text(key)?;
        let is_taken = |text: &str| text.parse::<DeadLetterReason>().is_ok() || text.parse::<Degrade>().is_ok();
        if let Some(text) = reason.as_deref().filter(|text| is_taken(text)) {
            return Err(self.error(key, format!("{text:?} is a reason of dead letters, or a mark: they would be counted as one")));
        }
        match reason.as_deref().filter(|reason| !is_reason(reason)) {
            Some(text) => Err(self.error(key, format!("{text:?} must be a reason for leaving something out: a-z, 0-9 and _"))),
            None => Ok(reason),
        }
    }

    /// A boolean; `false` where absent.
    pub(super) fn flag(&self, key: &'static str) -> Result<bool, MappingError> {
        match self.item(key) {
            None => Ok(false),
            Some(item) => match item.value.get_ref() {
                DeValue::Boolean(value) => Ok(*value),
                _ => Err(item.must_be("true or false")),
            },
        }
    }

    /// A whole number in a range.
    pub(super) fn number(&self, key: &'static str, range: Range<i64>) -> Result<Option<i64>, MappingError> {
        self.item(key).map(|item| item.number(range)).transpose()
    }

    /// A table.
    pub(super) fn section(&self, key: &'static str) -> Result<Option<Section<'t>>, MappingError> {
        self.item(key).map(|item| item.section()).transpose()
    }

    /// A list of tables.
    pub(super) fn sections(&self, key: &'static str) -> Result<Vec<Section<'t>>, MappingError> {
        let Some(item) = self.item(key) else { return Ok(Vec::new()) };
        if !item.is_list() {
            return Err(item.must_be(&format!("a list of tables, each under [[{}]]", self.path_of(key))));
        }
        item.list()?.iter().map(Item::section).collect()
    }

    /// Refuses every key that was not asked for.
    pub(super) fn finish(self) -> Result<(), MappingError> {
        let asked = self.asked.borrow();
        let unknown = || self.table.iter().map(|(name, _)| name.get_ref().as_ref()).filter(|key| !asked.contains(key));
        // A key that is nearly another comes first: those beside it may be unknown for its sake alone.
        let misspelt = unknown().find(|key| asked.iter().any(|known| strsim::osa_distance(key, known) <= 2));
        match misspelt.or_else(|| unknown().next()) {
            Some(key) => Err(self.error(key, format!("unknown key; {}", nearest(key, &asked)))),
            None => Ok(()),
        }
    }
}

/// What was probably meant, else what is allowed.
pub(super) fn nearest(word: &str, allowed: &[&str]) -> String {
    let closest = allowed.iter().map(|name| (strsim::osa_distance(word, name), *name)).min();
    match closest {
        Some((distance, name)) if distance <= (word.chars().count() / 3).max(2) => format!("did you mean {name:?}?"),
        _ => {
            let mut names = allowed.to_vec();
            names.sort_unstable();
            names.dedup();
            format!("allowed are {}", names.join(", "))
        }
    }
}

impl<'t> Item<'t> {
    /// An error about this value.
    pub(super) fn error(&self, problem: impl Into<String>) -> MappingError {
        MappingError { line: line(self.text, self.value.span().start), key: self.path.clone(), problem: problem.into() }
    }

    /// This value is something else than it must be; says what it is.
    pub(super) fn must_be(&self, what: &str) -> MappingError {
        let found = match self.value.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(number) => return self.error(format!("must be {what}, and is {}", number.as_str())),
            DeValue::Float(number) => return self.error(format!("must be {what}, and is {}", number.as_str())),
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.error(format!("must be {what}, and is {found}"))
    }

    /// A text. Numbers must be quoted: `01` and `1` are different codes.
    pub(super) fn text(&self) -> Result<String, MappingError> {
        self.as_text().map(str::to_owned).ok_or_else(|| self.must_be("a text in quotes"))
    }

    /// The text, where it is one.
    pub(super) fn as_text(&self) -> Option<&'t str> {
        self.value.get_ref().as_str()
    }

    /// Whether it is a list.
    pub(super) fn is_list(&self) -> bool {
        self.value.get_ref().is_array()
    }

    /// A text, or a list of texts.
    pub(super) fn texts(&self) -> Result<Vec<String>, MappingError> {
        if self.is_list() { self.list()?.iter().map(Item::text).collect() } else { Ok(vec![self.text()?]) }
    }

    /// A whole number in a range.
    pub(super) fn number(&self, range: Range<i64>) -> Result<i64, MappingError> {
        let number = self.value.get_ref().as_integer().and_then(|integer| integer.as_str().parse::<i64>().ok());
        let allowed = || self.must_be(&format!("a whole number from {} to {}", range.start, range.end - 1));
        number.filter(|number| range.contains(number)).ok_or_else(allowed)
    }

    /// A list.
    pub(super) fn list(&self) -> Result<Vec<Item<'t>>, MappingError> {
        let array = self.value.get_ref().as_array().ok_or_else(|| self.must_be("a list"))?;
        Ok(array.iter().map(|value| Item { text: self.text, path: self.path.clone(), value }).collect())
    }

    /// The table of a value that may be a column's name alone.
    pub(super) fn source(&self) -> Result<Section<'t>, MappingError> {
        self.table("the name of a column in quotes, or a table with a source")
    }

    /// A table.
    pub(super) fn section(&self) -> Result<Section<'t>, MappingError> {
        self.table("a table")
    }

    fn table(&self, what: &str) -> Result<Section<'t>, MappingError> {
        let table = self.value.get_ref().as_table().ok_or_else(|| self.must_be(what))?;
        Ok(Section { text: self.text, path: self.path.clone(), span: self.value.span(), table, asked: RefCell::default() })
    }
}
