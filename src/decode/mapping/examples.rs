//! Worked examples inside a mapping: a message, and exactly what it must give. Run by the tests and by `entrepot check`.

use std::fmt;

use super::Mapping;
use super::reader::{Item, MappingError, Section};
use crate::decode::canonical_record;
use crate::decode::{Decoded, Row, Surroundings};
use crate::domain::{Degrade, Message, Position, Timestamp};
use crate::reference::Reference;

/// Days that a record of a file counts as unknown where nothing says when it became known: the start of `default_lag_days` in the model.
const DEFAULT_LAG_DAYS: u16 = 45;

/// A message and what it must give.
#[derive(Clone, Debug)]
pub(super) struct Example {
    line: usize,
    name: String,
    input: String,
    file_name: Option<String>,
    timestamp: Option<Timestamp>,
    expect: Vec<String>,
}

/// An example that does not come out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ExampleFailure {
    /// The line of the mapping.
    pub line: usize,
    /// The example's name.
    pub example: String,
    /// What the mapping says must come out, one row a line.
    pub expected: Vec<String>,
    /// What comes out.
    pub actual: Vec<String>,
}

impl fmt::Display for ExampleFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists = [("expected", &self.expected), ("actual", &self.actual)];
        write!(f, "line {}, example {:?} does not come out", self.line, self.example)?;
        lists.iter().try_for_each(|(name, rows)| rows.iter().try_for_each(|row| write!(f, "\n  {name:8} {row}")))
    }
}

impl Example {
    /// A section of `examples`.
    pub(super) fn read(section: Section<'_>) -> Result<Example, MappingError> {
        let name = section.required_text("name", "what the example shows")?;
        let input = section.required_text("input", "the message as text")?;
        let timestamp = section.text("timestamp")?.map(|text| {
            text.parse().map_err(|_| section.error("timestamp", format!("{text:?} is no instant such as 2025-03-21T04:00:00Z")))
        });
        let expect = section.item("expect").ok_or_else(|| section.error("expect", "is missing: a list of rows"))?;
        let expect = expect.list()?.iter().map(Item::text).collect::<Result<_, _>>()?;
        let line = section.error("name", "").line;
        let example =
            Example { line, name, input, file_name: section.text("file_name")?, timestamp: timestamp.transpose()?, expect };
        section.finish()?;
        Ok(example)
    }
}

impl Mapping {
    /// Runs the examples of the file; gives those that do not come out exactly.
    pub fn run_examples(&self, reference: &Reference) -> Vec<ExampleFailure> {
        self.examples.iter().filter_map(|example| self.run_example(example, reference)).collect()
    }

    /// How many examples the file has.
    pub fn examples_total(&self) -> usize {
        self.examples.len()
    }

    fn run_example(&self, example: &Example, reference: &Reference) -> Option<ExampleFailure> {
        let around = Surroundings { reference, default_lag_days: DEFAULT_LAG_DAYS, file_name: example.file_name.as_deref() };
        let actual = match self.envelope.encoding.encode(&example.input) {
            None => vec![format!("the example has signs that {} lacks", self.envelope.encoding.name())],
            Some(bytes) => {
                let position = Position { topic: self.name.as_str().into(), partition: 0, offset: 1 };
                let message = Message { position, timestamp: example.timestamp, key: None, value: None, headers: Vec::new() };
                outcomes(&self.decode(&bytes, &message, &around))
            }
        };
        let expected = example.expect.clone();
        (actual != expected).then(|| ExampleFailure { line: example.line, example: example.name.clone(), expected, actual })
    }
}

/// Rows as examples write them: canonical JSON with its quality behind it, `excluded REASON`, `dead_letter REASON`.
pub(super) fn outcomes(decoded: &Decoded) -> Vec<String> {
    match decoded {
        Decoded::Rows(rows) => rows.iter().map(outcome).collect(),
        Decoded::Unreadable(error) => vec![format!("unreadable {}", error.reason)],
    }
}

/// One row as examples write it.
pub(super) fn outcome(row: &Row) -> String {
    match row {
        Row::Claim(claim) => {
            let json = String::from_utf8(canonical_record(claim)).unwrap_or_default();
            let quality: Vec<&str> = claim.quality.iter().map(Degrade::code).collect();
            if quality.is_empty() { json } else { format!("{json} {}", quality.join(" ")) }
        }
        Row::Excluded(reason) => format!("excluded {}", reason.code()),
        Row::Failed(error) => format!("dead_letter {}", error.reason),
    }
}
