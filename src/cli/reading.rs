//! How the bytes of a feed are cut and read: canonical JSON, a mapping by name or by file, or plain lines.

use std::sync::Arc;

use super::exit::{self, Exit, Failure};
use super::sample::MAPPINGS;
use super::wiring::read_file;
use crate::config::{Feed, FeedFormat, MappingSource};
use crate::decode::framed::Framed;
use crate::decode::{Decoder, Mapping, Piece, Split, Splitter, TakePiece, built_in_mappings};
use crate::reference::Reference;

/// The name of canonical JSON among mappings.
const CANONICAL: &str = "canonical";

/// The word for movements, as they were dumped.
pub(super) const MOVEMENTS: &str = "movements";

/// How the bytes of a feed are cut and read.
#[derive(Clone)]
pub(super) struct Reading {
    decoder: Arc<Decoder>,
    /// Cut at line ends, whatever the decoder says: movements, which nobody decodes here.
    lines: bool,
}

impl Reading {
    /// A line a message, unread.
    pub(super) fn lines() -> Reading {
        Reading { decoder: Arc::new(Decoder::canonical(false)), lines: true }
    }

    /// The names that are compiled in, `canonical` first.
    pub(super) fn names() -> Vec<String> {
        std::iter::once(CANONICAL).chain(built_in_mappings().iter().map(|(name, _)| *name)).map(str::to_owned).collect()
    }

    /// How rows are read, by what `--as` says: a mapping, or `movements`, which nobody decodes here.
    pub(super) fn said(name: &str) -> Result<Reading, Failure> {
        if name == MOVEMENTS { Ok(Reading::lines()) } else { Reading::named(name).map_err(|failure| failure.context("--as")) }
    }

    /// How rows are read, by the name of a mapping or its file.
    pub(super) fn named(name: &str) -> Result<Reading, Failure> {
        Reading::named_in(name, None)
    }

    /// The same, of messages that may stand in a registry's frame.
    pub(super) fn named_in(name: &str, framed: Option<Framed>) -> Result<Reading, Failure> {
        Reading::load(&MappingSource::from_text(name), (false, framed))
    }

    /// How a feed of the configuration is read.
    pub(super) fn of_feed(feed: &Feed) -> Result<Reading, Failure> {
        let framed = feed.format.and_then(FeedFormat::framed);
        let reading = Reading::load(&feed.mapping, (feed.corrections, framed));
        let reading = reading.map_err(|failure| failure.context(format!("feed {}", feed.name)))?;
        let found = reading.decoder.format();
        match feed.format {
            _ if framed.is_some() => Ok(reading),
            // A message of canonical JSON is a line, or a list of records.
            Some(FeedFormat::Json) if reading.is_canonical() => Ok(reading),
            Some(said) if said.word() != found => {
                let (name, mapping, said) = (&feed.name, &feed.mapping, said.word());
                let next = "change one of them, or leave feeds.format out";
                let message = format!("feed {name}: feeds.format = {said}, but its mapping {mapping} reads {found}; {next}");
                Err(Failure::new(Exit::Invalid, message))
            }
            _ => Ok(reading),
        }
    }

    /// Loads a mapping.
    fn load(source: &MappingSource, (corrections, framed): (bool, Option<Framed>)) -> Result<Reading, Failure> {
        let (name, text) = match source {
            MappingSource::Named(name) if name == CANONICAL => {
                return Ok(Reading { decoder: Arc::new(Decoder::canonical(corrections).in_frame(framed)), lines: false });
            }
            MappingSource::Named(name) => {
                let found = built_in_mappings().iter().chain(&MAPPINGS).find(|(known, _)| known == name);
                (name.clone(), found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| unknown(name))?)
            }
            MappingSource::File(path) => (path.display().to_string(), read_file(path)?),
        };
        let mapping = Mapping::parse(&text).map_err(|error| Failure::new(Exit::Invalid, format!("{name}: {error}")))?;
        let decoder = Decoder::mapped(mapping, corrections).in_frame(framed);
        if let Some(framed) = framed.filter(|_| !decoder.reads_documents()) {
            let (said, found) = (framed.word(), decoder.format());
            let message = format!(
                "feeds.format = {said} gives each message as JSON, but its mapping {source} reads {found}; \
                 one of format json or ndjson in utf-8 fits, and so does canonical"
            );
            return Err(Failure::new(Exit::Invalid, message));
        }
        Ok(Reading { decoder: Arc::new(decoder), lines: false })
    }

    /// Runs the examples inside a mapping; returns what it says of itself.
    pub(super) fn prove(&self, reference: &Reference) -> Result<String, Failure> {
        let Some(mapping) = self.decoder.mapping() else { return Ok(CANONICAL.to_owned()) };
        let failures: Vec<String> = mapping.run_examples(reference).iter().map(ToString::to_string).collect();
        if failures.is_empty() {
            let examples = match mapping.examples_total() {
                0 => "no example inside".to_owned(),
                1 => "1 example comes out".to_owned(),
                many => format!("{many} examples come out"),
            };
            return Ok(format!("{}\n  {examples}", mapping.describe().trim_end()));
        }
        Err(Failure::new(Exit::Invalid, format!("mapping {}: {}", mapping.name(), failures.join("\n"))))
    }

    /// Reads its messages.
    pub(super) fn decoder(&self) -> Arc<Decoder> {
        Arc::clone(&self.decoder)
    }

    /// Whether a row of a file keeps its message, whatever comes behind it.
    pub(super) fn keeps_rows(&self) -> bool {
        self.lines || self.is_parquet() || matches!(self.decoder.split(), Split::Lines | Split::HeaderAndRow)
    }

    /// Whether rows end where lines do. A message in a registry's frame has no lines, though its mapping reads JSON.
    pub(super) fn needs_lines(&self) -> bool {
        self.decoder.framed().is_none() && !self.is_canonical() && matches!(self.form(), "csv" | "fixed" | "ndjson")
    }

    /// Whether files are Parquet.
    pub(super) fn is_parquet(&self) -> bool {
        self.decoder.is_parquet()
    }

    /// The form of messages, in a word.
    pub(super) fn form(&self) -> &'static str {
        self.decoder.format()
    }

    /// Whether messages are canonical JSON.
    pub(super) fn is_canonical(&self) -> bool {
        self.decoder.mapping().is_none()
    }

    /// Cuts bytes into messages.
    pub(super) fn cutter(&self) -> Cutter<'_> {
        if self.lines { Cutter::Lines(Lines::default()) } else { Cutter::Mapped(Splitter::new(&self.decoder)) }
    }
}

fn unknown(name: &str) -> Failure {
    let names = Reading::names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let message = exit::unknown(&format!("there is no mapping {name:?}"), name, &names);
    Failure::new(Exit::Invalid, format!("{message}; the path of a .toml file does as well"))
}

/// Cuts bytes into rows.
pub(super) enum Cutter<'r> {
    /// At line ends.
    Lines(Lines),
    /// As the feed's form has it.
    Mapped(Splitter<'r>),
}

impl Cutter<'_> {
    /// Takes bytes; gives the rows that are complete, with their numbers from 1.
    pub(super) fn push(&mut self, bytes: &[u8], give: &mut TakePiece<'_>) {
        match self {
            Cutter::Lines(lines) => lines.push(bytes, give),
            Cutter::Mapped(splitter) => splitter.push(bytes, give),
        }
    }

    /// Gives what is left.
    pub(super) fn finish(&mut self, give: &mut TakePiece<'_>) {
        match self {
            Cutter::Lines(lines) => lines.finish(give),
            Cutter::Mapped(splitter) => splitter.finish(give),
        }
    }

    /// What stands before the rows of a group.
    pub(super) fn head(&self) -> &[u8] {
        match self {
            Cutter::Lines(_) => &[],
            Cutter::Mapped(splitter) => splitter.head(),
        }
    }
}

/// Cuts at line ends; empty lines are no rows, and count.
#[derive(Default)]
pub(super) struct Lines {
    open: Vec<u8>,
    row: u64,
}

impl Lines {
    fn push(&mut self, bytes: &[u8], give: &mut TakePiece<'_>) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.open.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.finish(give);
            }
        }
    }

    fn finish(&mut self, give: &mut TakePiece<'_>) {
        if self.open.is_empty() {
            return;
        }
        self.row += 1;
        let mut line = std::mem::take(&mut self.open);
        while line.ends_with(b"\n") || line.ends_with(b"\r") {
            line.pop();
        }
        if !line.is_empty() {
            give(Piece { row: self.row, key: None, bytes: line.into() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_numbers_however_the_bytes_arrive() {
        let text = b"one\r\n\ntwo\nthree";
        let row = |row, text: &'static [u8]| Piece { row, key: None, bytes: text.into() };
        let expected = [row(1, b"one"), row(3, b"two"), row(4, b"three")];
        for size in [1, 2, 5, 100] {
            let (mut lines, mut rows) = (Lines::default(), Vec::new());
            let mut keep = |piece: Piece<'_>| rows.push(piece.into_owned());
            text.chunks(size).for_each(|chunk| lines.push(chunk, &mut keep));
            lines.finish(&mut keep);
            assert_eq!(rows, expected, "in pieces of {size}");
        }
    }
}
