//! A mapping: what a feed's rows look like, and what they mean, as a TOML file states it. Unknown keys are errors.

mod again;
mod checks;
mod condition;
mod countries;
mod evaluate;
mod examples;
mod explode;
mod field;
mod figures;
mod gather;
mod head;
mod join;
mod layout;
mod never;
mod parse;
mod prove;
mod reach;
mod reader;
mod record;
mod rows;
mod sample;
mod shape;
mod steps;
mod told;
mod value;

use std::collections::BTreeMap;
use std::sync::OnceLock;

pub use again::{Again, Counts};
pub use examples::ExampleFailure;
pub(super) use gather::Grouping;
pub use join::{FileOf, Join, PartRow, PartRows, TakePartRow};
pub use reader::MappingError;
pub(super) use rows::PREAMBLE_MAX;
pub(super) use sample::Evidenced;
pub use sample::{Layers, Sample, SampleField, SampleRow};

use self::checks::Check;
use self::condition::Condition;
use self::examples::Example;
use self::explode::Explode;
use self::field::Rule;
use self::gather::Gather;
use self::layout::{Layout, Names};
use self::never::Never;
use self::record::{Lists, Quantities};
use self::value::Columns;
use super::delimited::Dialect;
use super::draft::Kind;
use super::encoding::TextEncoding;
use super::json::Pointer;

/// A mapping, checked.
#[derive(Debug)]
pub struct Mapping {
    name: String,
    title: String,
    envelope: Envelope,
    columns: Columns,
    names: Names,
    /// Columns without which a header is another schema.
    required: Vec<usize>,
    /// Columns that are read into nothing.
    never: Never,
    /// Texts that mean null in every column.
    nulls: Vec<String>,
    /// How the files of a release become messages.
    join: Option<Join>,
    /// How rows of a message are put together, before all else.
    gather: Option<Gather>,
    /// How a row is taken apart, step by step.
    explode: Vec<Explode>,
    select: Vec<Selection>,
    branches: Vec<Branch>,
    /// Every branch that fits gives a record; else the first alone.
    every_branch: bool,
    /// Why a row that no branch takes is left out; without it such a row is a dead letter.
    otherwise: Option<String>,
    quantities: Vec<Quantities>,
    units: BTreeMap<String, crate::domain::Unit>,
    lists: Lists,
    checks: Vec<Check>,
    meaning: Meaning,
    limits: Limits,
    examples: Vec<Example>,
    /// What of it decides which messages a file becomes.
    shape: String,
    /// The first header seen, read: with one row a message the same header comes a million times. A cache and no state.
    memo: OnceLock<(String, Layout)>,
}

/// How rows stand in a message.
#[derive(Clone, Debug)]
pub(super) struct Envelope {
    pub(super) format: Format,
    pub(super) unit: Unit,
    pub(super) encoding: TextEncoding,
    /// Where the rows are in JSON.
    pub(super) records: Pointer,
    /// A text there refuses the message.
    error: Option<Pointer>,
    /// Elements of XML that are lists even where they stand alone.
    pub(super) lists: Vec<String>,
    /// The names of the columns of csv without a header.
    pub(super) header: Option<Vec<String>>,
    /// Why lines of one cell are left out.
    notes: Option<String>,
    /// Of fixed lines, name, first and last character of each column, from 1.
    fixed: Vec<(String, usize, usize)>,
}

/// What a message of a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Row,
    File,
    /// The rows that are gathered into one record.
    Group,
}

/// The form of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Csv(Dialect, Preamble),
    Json,
    JsonTable,
    Ndjson,
    /// Of files; a message is an object for each row.
    Parquet,
    /// Lines whose columns stand at fixed places.
    Fixed,
}

/// What stands before a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preamble {
    Records(usize),
    /// Whatever stands before the first record that has all required columns.
    UntilHeader,
}

/// Rows that are taken, or left out, and why the others are left out.
#[derive(Clone, Debug)]
struct Selection {
    reason: String,
    /// Rows that fit are kept; else they are dropped.
    keep: bool,
    when: Condition,
}

/// Which rows give which kind of record.
#[derive(Clone, Debug)]
struct Branch {
    when: Option<Condition>,
    kind: Kind,
    rules: Vec<Rule>,
}

/// What no column tells.
#[derive(Clone, Debug, Default)]
struct Meaning {
    partner: Option<String>,
    complete: bool,
    known_after_days: Option<u16>,
    mass_estimated: Option<Condition>,
    mass_shared: Option<Condition>,
    incomplete: Option<Condition>,
    cancelled: Option<Condition>,
    partial_amendment: Option<Condition>,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    rows: usize,
    cells: usize,
    nesting: usize,
    /// Rows that one row may hold.
    exploded: usize,
}

/// Whether a reason has the form of a label: a-z, 0-9 and `_`.
fn is_reason(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

impl Mapping {
    /// Its name, by which `--as` finds it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What feed it is for.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// How the files of a release are joined, where they are.
    pub fn join(&self) -> Option<&Join> {
        self.join.as_ref()
    }

    /// What of it decides which messages a file becomes, as a text.
    pub(super) fn shape(&self) -> &str {
        &self.shape
    }

    /// Whether a column is listed under `never`.
    pub(super) fn leaves_out(&self, column: &str) -> bool {
        self.never.holds(column)
    }

    pub(super) fn envelope(&self) -> &Envelope {
        &self.envelope
    }
}
