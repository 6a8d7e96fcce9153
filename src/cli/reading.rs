//! How the bytes of a feed are cut and read: canonical JSON, a mapping by name or by file, or plain lines.

use std::sync::Arc;

use super::exit::{Exit, Failure};
use crate::config::{MappingSource, nearest};
use crate::decode::Decoder;

/// The name of canonical JSON among mappings.
const CANONICAL: &str = "canonical";

/// How the bytes of a feed are cut and read.
#[derive(Clone)]
pub(super) struct Reading {
    decoder: Arc<Decoder>,
}

impl Reading {
    /// A line a message, unread.
    pub(super) fn lines() -> Reading {
        Reading { decoder: Arc::new(Decoder::canonical(false)) }
    }

    /// The names that are compiled in, `canonical` first.
    pub(super) fn names() -> Vec<String> {
        vec![CANONICAL.to_owned()]
    }

    /// How rows are read, by the name of a mapping or its file.
    pub(super) fn named(name: &str) -> Result<Reading, Failure> {
        Reading::load(&MappingSource::from_text(name), false)
    }

    /// Loads a mapping.
    pub(super) fn load(source: &MappingSource, corrections: bool) -> Result<Reading, Failure> {
        match source {
            MappingSource::Named(name) if name == CANONICAL => Ok(Reading { decoder: Arc::new(Decoder::canonical(corrections)) }),
            MappingSource::Named(name) => Err(unknown(name)),
            MappingSource::File(_) => Err(Failure::new(Exit::Invalid, "mappings are not read by this build")),
        }
    }

    /// Reads its messages.
    pub(super) fn decoder(&self) -> Arc<Decoder> {
        Arc::clone(&self.decoder)
    }

    /// Whether messages are canonical JSON.
    pub(super) fn is_canonical(&self) -> bool {
        true
    }

    /// Cuts bytes into messages.
    pub(super) fn splitter(&self) -> Splitter {
        Splitter::Lines(Lines::default())
    }
}

fn unknown(name: &str) -> Failure {
    let names = Reading::names();
    let near = nearest(name, names.iter().map(String::as_str));
    let hint = near.map_or_else(|| ".".to_owned(), |near| format!("; did you mean {near}?"));
    let known = names.join(", ");
    Failure::new(Exit::Invalid, format!("there is no mapping {name:?}{hint} Known are {known}, or the path of a .toml file"))
}

/// Cuts bytes into rows.
pub(super) enum Splitter {
    /// At line ends.
    Lines(Lines),
}

impl Splitter {
    /// Takes bytes; gives the rows that are complete, with their numbers from 1.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<(i64, Vec<u8>)> {
        match self {
            Splitter::Lines(lines) => lines.push(bytes),
        }
    }

    /// Gives what is left.
    pub(super) fn finish(&mut self) -> Vec<(i64, Vec<u8>)> {
        match self {
            Splitter::Lines(lines) => lines.finish(),
        }
    }
}

/// Cuts at line ends; empty lines are no rows, and count.
#[derive(Default)]
pub(super) struct Lines {
    open: Vec<u8>,
    row: i64,
}

impl Lines {
    fn push(&mut self, bytes: &[u8]) -> Vec<(i64, Vec<u8>)> {
        let mut rows = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.open.extend_from_slice(part);
            if part.ends_with(b"\n") {
                rows.extend(self.finish());
            }
        }
        rows
    }

    fn finish(&mut self) -> Vec<(i64, Vec<u8>)> {
        if self.open.is_empty() {
            return Vec::new();
        }
        self.row += 1;
        let mut line = std::mem::take(&mut self.open);
        while line.ends_with(b"\n") || line.ends_with(b"\r") {
            line.pop();
        }
        if line.is_empty() { Vec::new() } else { vec![(self.row, line)] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_numbers_however_the_bytes_arrive() {
        let text = b"one\r\n\ntwo\nthree";
        let expected = [(1, b"one".to_vec()), (3, b"two".to_vec()), (4, b"three".to_vec())];
        for size in [1, 2, 5, 100] {
            let mut lines = Lines::default();
            let mut rows: Vec<_> = text.chunks(size).flat_map(|chunk| lines.push(chunk)).collect();
            rows.extend(lines.finish());
            assert_eq!(rows, expected, "in pieces of {size}");
        }
    }
}
