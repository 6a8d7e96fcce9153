//! Parts of a release → messages: rows of several files joined by their key, on disk, in the order of keys. Decides nothing: what is missing
//! in a message is found out where it is decoded.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::exit::{Exit, Exits, Failure};
use super::input::{Input, Rows, and_then, each_chunk, open};
use crate::decode::{FileOf, Join, PartRow};
use crate::stream::{Group, Sorter};

/// How much of a file tells whether it is joined already.
const HEAD_BYTES: u64 = 4096;

/// A file of a release, and which part it is.
pub(super) type Parts = Vec<(usize, PathBuf)>;

/// Puts the files of each release together into one input. A file that is no part is read where it is joined already, else it is named and
/// left alone: cut into rows it would get onto the topic as it stands, with what no part takes over.
pub(super) fn releases(inputs: Vec<Input>, join: Option<&Join>) -> Result<Vec<Input>, Failure> {
    let Some(join) = join else { return Ok(inputs) };
    let (mut releases, mut others, mut strays): (BTreeMap<String, Parts>, _, _) = (BTreeMap::new(), Vec::new(), Vec::new());
    for input in inputs {
        match (join.file(&input.name), input.path()) {
            (FileOf::Part(part, release), Some(path)) => releases.entry(release).or_default().push((part, path.to_owned())),
            (FileOf::Aside, _) => tracing::info!(file = input.shown(), "left aside, as the mapping's join says"),
            (FileOf::Other, Some(path)) if is_stray(path)? => strays.push(stray(&input.shown(), join)),
            _ => others.push(input),
        }
    }
    let joined: Vec<Input> = releases.into_iter().map(|(release, parts)| release_of(join, &release, parts)).collect();
    if let Some(stray) = strays.first().filter(|_| joined.is_empty() && others.is_empty()) {
        return Err(Failure::new(Exit::NotThere, stray.clone()));
    }
    strays.iter().for_each(|stray| tracing::warn!("{stray}"));
    Ok(joined.into_iter().chain(others).collect())
}

/// The release of these files, with what it lacks.
fn release_of(join: &Join, release: &str, mut parts: Parts) -> Input {
    parts.sort();
    let is_empty = |path: &PathBuf| path.metadata().is_ok_and(|about| about.is_file() && about.len() == 0);
    let (empty, filled): (Parts, Parts) = parts.iter().cloned().partition(|(_, path)| is_empty(path));
    for (part, path) in empty {
        tracing::warn!(file = %path.display(), "the file is empty: it tells nothing of part {}", join.name(part));
    }
    let there: Vec<usize> = filled.iter().map(|(part, _)| *part).collect();
    let missing = join.missing(&there);
    let input = Input::joined(parts);
    if missing.is_empty() {
        return input;
    }
    let next = if missing.contains(&join.name(0)) {
        "every record has the first part"
    } else {
        "say optional = true in [[join.parts]] where a release may be without"
    };
    let of = if release.is_empty() { String::new() } else { format!(" of {release}") };
    let lack = format!("{}: no file is part {}{of}; {next}", input.shown(), missing.join(", "));
    tracing::warn!("{lack}");
    input.without(lack)
}

/// Whether bytes begin otherwise than files do that are joined already, which hold a JSON object a line.
pub(super) fn begins_otherwise(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    bytes.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|first| *first != b'{')
}

/// Whether a file is no joined one. A pipe is looked at where it is read: what is taken from it is gone.
fn is_stray(path: &Path) -> Result<bool, Failure> {
    let mut head = Vec::new();
    if path.is_file() {
        open(path)?.take(HEAD_BYTES).read_to_end(&mut head).exits(Exit::NotThere)?;
    }
    Ok(begins_otherwise(&head))
}

/// What is said of a file that fits no part.
pub(super) fn stray(shown: &str, join: &Join) -> String {
    let parts = join.described();
    format!(
        "{shown}: not read, for its name fits no part of the join and it holds no lines of JSON, as files do that are joined already; \
         the parts are {parts}; rename it, or name it under join.aside"
    )
}

/// Reads the parts of a release, a message for each key.
pub(super) fn each(parts: &Parts, join: &Join, take: &mut Rows<'_>) -> Result<(), Failure> {
    let (mut sorter, mut number) = (Sorter::default(), 0);
    for (part, path) in parts {
        let mut give = |row: PartRow<'_>| match row {
            // Parts come one after the other, and what has one key keeps its order.
            PartRow::Keyed(key, row) => Ok(sorter.push(key.as_bytes(), (&part.to_be_bytes(), &row))?),
            PartRow::Alone(message) => {
                number += 1;
                take(number, message)
            }
        };
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut rows = join.rows(*part, &name);
        each_chunk(open(path)?, &path.display().to_string(), &mut |chunk| {
            let mut outcome = Ok(());
            rows.push(chunk, &mut |row| and_then(&mut outcome, || give(row)));
            outcome
        })?;
        let mut outcome = Ok(());
        rows.finish(&mut |row| and_then(&mut outcome, || give(row)));
        outcome?;
        for column in rows.lacking() {
            let part = join.name(*part);
            tracing::warn!(file = %path.display(), "part {part} is to take over the column {column}, which the file's header has not");
        }
    }
    let sorted = sorter.sorted()?;
    let (mut walk, mut group) = (sorted.walk()?, Group::default());
    while walk.take_group(&mut group)? {
        number += 1;
        let rows: Vec<(usize, &[u8])> = group.values().filter_map(of_part).collect();
        take(number, join.message(&String::from_utf8_lossy(group.key()), &rows))?;
    }
    Ok(())
}

/// The part of a row, and the row.
fn of_part(value: &[u8]) -> Option<(usize, &[u8])> {
    value.split_first_chunk().map(|(part, row)| (usize::from_be_bytes(*part), row))
}
