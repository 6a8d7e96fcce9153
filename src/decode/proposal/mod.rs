//! A first draft of a mapping for a file that no mapping knows: what its columns look like, and why. Their meaning is its author's to decide.

mod fields;
mod figures;
mod looks;
mod meaning;
mod money;
mod months;
mod private;
mod sections;
mod table;
mod text;

use super::Surroundings;
use super::json;
use looks::Looks;
use meaning::{Meaning, meanings};
use table::Table;

/// The first bytes of a file, as many as the caller wants to hold.
#[derive(Clone, Copy, Debug)]
pub struct Excerpt<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// Whether the file ends with them.
    pub whole: bool,
}

/// Why no draft can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoTable(String);

/// Everything a draft is written from.
struct Found<'t> {
    table: &'t Table,
    looks: Vec<Looks<'t>>,
    meanings: Vec<Meaning>,
    around: Surroundings<'t>,
}

/// A draft of a mapping, as TOML with comments, from the first rows of a file.
pub fn propose(excerpt: Excerpt<'_>, rows_max: usize, around: &Surroundings<'_>) -> Result<String, NoTable> {
    let table = table::read(excerpt, rows_max)?;
    let codes = around.reference.codes();
    let looks: Vec<Looks<'_>> = (0..table.columns.len()).map(|at| Looks::of(&table, at, codes)).collect();
    let mut meanings = meanings(&table, &looks);
    months::spread(&table.columns).into_iter().flat_map(|spread| spread.columns).for_each(|at| {
        if let Some(meaning) = meanings.get_mut(at) {
            meaning.is_one_of_many();
        }
    });
    Ok(sections::draft(&Found { table: &table, looks, meanings, around: *around }))
}

#[cfg(test)]
fn draft_of(file: &str, bytes: &[u8]) -> String {
    let around = Surroundings { reference: crate::reference::Reference::built_in(), default_lag_days: 30, file_name: Some(file) };
    propose(Excerpt { bytes, whole: true }, 100, &around).unwrap_or_else(|why| panic!("{why}"))
}

/// Whether a file is meant as canonical JSON: a record of the first rows says its `kind`.
pub fn is_canonical(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let has_kind = |raw: &str| json::members(raw).is_some_and(|members| members.iter().any(|(name, _)| name == "kind"));
    if text.starts_with('[') {
        return json::elements(text).is_some_and(|elements| elements.first().is_some_and(|first| has_kind(first.get())));
    }
    text.lines().take(table::HEAD_LINES).any(has_kind)
}
