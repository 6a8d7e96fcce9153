//! Where the columns of a mapping stand under a header.

use std::borrow::Cow;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::value::Column;
use crate::decode::DecodeError;
use crate::decode::draft::{error, malformed};
use crate::domain::DeadLetterReason;

/// How names of columns are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Names {
    /// Sign by sign, but for blanks around them.
    #[default]
    Exact,
    /// Without case, blanks, `_`, `-` and `.`.
    Normalised,
}

impl Names {
    /// The name as it is compared.
    pub(super) fn key(self, name: &str) -> String {
        let name = name.trim().trim_start_matches('\u{feff}');
        match self {
            Names::Exact => name.to_owned(),
            Names::Normalised => {
                name.chars().filter(|sign| !matches!(sign, ' ' | '_' | '-' | '.')).flat_map(char::to_lowercase).collect()
            }
        }
    }
}

/// A header, read.
#[derive(Clone, Debug, Default)]
pub(super) struct Layout {
    positions: Vec<Option<usize>>,
    /// Columns of the same name: they must agree.
    twins: Vec<(usize, usize)>,
    /// Names as they stand, without empty ones at the end.
    pub(super) names: Vec<String>,
}

impl Layout {
    /// Finds the columns under a header.
    pub(super) fn read(header: &[Cow<'_, str>], columns: &[Column], compared: Names) -> Layout {
        let mut names: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
        while names.last().is_some_and(String::is_empty) {
            names.pop();
        }
        let keys: Vec<String> = names.iter().map(|name| compared.key(name)).collect();
        // By name the first column of it. A header may have any number of them.
        let (mut first, mut again) = (BTreeMap::new(), Vec::new());
        for (at, key) in keys.iter().enumerate() {
            match first.entry(key.as_str()) {
                Entry::Vacant(none) => drop(none.insert(at)),
                Entry::Occupied(earlier) => again.push((*earlier.get(), at)),
            }
        }
        let find = |name: &String| first.get(compared.key(name).as_str()).copied();
        let positions: Vec<Option<usize>> = columns.iter().map(|column| column.names.iter().find_map(find)).collect();
        // Two columns of one name are of no concern where nobody reads them.
        let read: BTreeSet<usize> = columns.iter().flat_map(|column| &column.names).filter_map(find).collect();
        let twins =
            again.into_iter().filter(|(first, _)| read.contains(first) && keys.get(*first).is_some_and(|key| !key.is_empty()));
        let twins = twins.collect();
        Layout { positions, twins, names }
    }

    /// Where a column stands.
    pub(super) fn position(&self, slot: usize) -> Option<usize> {
        self.positions.get(slot).copied().flatten()
    }

    /// Whether all of these columns are there; else the names of the missing ones. Of a file without a header this line is a row, whose cells
    /// may be private: of what stands there only names are told that the mapping itself has.
    pub(super) fn require(&self, required: &[usize], columns: &[Column]) -> Result<(), DecodeError> {
        let absent = required.iter().filter(|slot| self.position(**slot).is_none());
        let absent: Vec<String> = absent.filter_map(|slot| columns.get(*slot)).map(|column| self.lacking(column)).collect();
        if absent.is_empty() {
            return Ok(());
        }
        let known = self.names.iter().enumerate().filter(|(at, _)| self.positions.contains(&Some(*at)));
        let known: Vec<&str> = known.map(|(_, name)| name.as_str()).collect();
        let known: String = known.join(", ").chars().take(200).collect();
        let known = if known.is_empty() { "none" } else { &known };
        let (absent, all) = (absent.join(", "), self.names.len());
        let detail = format!("the header lacks {absent}; of its {all} columns the mapping knows {known}");
        Err(error(DeadLetterReason::UnknownSchema, detail))
    }

    /// The names of a column that is not there, and the name in another spelling that is.
    fn lacking(&self, column: &Column) -> String {
        let alike = |there: &&String| {
            let key = Names::Normalised.key(there);
            column.names.iter().any(|name| Names::Normalised.key(name) == key)
        };
        let names = column.names.join(" or ");
        self.names.iter().find(alike).map_or(names.clone(), |there| format!("{names} (there is {there:?})"))
    }

    /// Refuses a row of another width, and columns of one name that differ; those that may not be read are not compared.
    pub(super) fn check(&self, cells: &[Cow<'_, str>], leaves_out: &dyn Fn(&str) -> bool) -> Result<(), DecodeError> {
        let surplus = cells.get(self.names.len()..).unwrap_or_default();
        if cells.len() < self.names.len() || surplus.iter().any(|cell| !cell.trim().is_empty()) {
            let detail = format!("the row has {} cells, its header {}", cells.len(), self.names.len());
            return Err(error(DeadLetterReason::Malformed, detail));
        }
        for (first, second) in &self.twins {
            let name = self.names.get(*first).map(String::as_str).unwrap_or_default();
            if cells.get(*first) != cells.get(*second) && !leaves_out(name) {
                return Err(malformed(name, "the column stands there twice, with different values"));
            }
        }
        Ok(())
    }
}
