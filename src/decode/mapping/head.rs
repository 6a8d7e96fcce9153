//! How the columns of a feed are called, and which count: the section `columns`.

use std::collections::BTreeMap;

use super::layout::Names;
use super::never::Never;
use super::reader::{Item, MappingError, Section, nearest};
use super::value::Column;
use super::{Envelope, Format, Preamble};

/// The section `columns`.
#[derive(Default)]
pub(super) struct Head {
    pub(super) names: Names,
    pub(super) required: Option<Vec<String>>,
    /// The names, where the file has no header.
    pub(super) header: Option<Vec<String>>,
    /// Why lines of one cell are left out, such as titles and footnotes.
    pub(super) notes: Option<String>,
    pub(super) never: Never,
    pub(super) nulls: Vec<String>,
    pub(super) aliases: BTreeMap<String, Vec<String>>,
    pub(super) positions: Vec<(String, usize, usize)>,
}

/// First and last character of a column.
fn position((name, item): (String, Item<'_>)) -> Result<(String, usize, usize), MappingError> {
    let places = item.list()?;
    let [first, last] = places.as_slice() else { return Err(item.error("must be [first, last] in characters, from 1")) };
    let place = |item: &Item<'_>| Ok(usize::try_from(item.number(1..100_001)?).unwrap_or(1));
    let (first, last) = (place(first)?, place(last)?);
    if first > last {
        return Err(item.error(format!("the column ends at {last}, before it begins at {first}")));
    }
    Ok((name, first, last))
}

impl Head {
    /// Names of columns in place of a header, and lines of one cell, are of csv alone.
    pub(super) fn check_csv(&self, root: &Section<'_>, envelope: &Envelope) -> Result<(), MappingError> {
        let is_told = self.header.is_some() || self.notes.is_some();
        match envelope.format {
            Format::Csv(_, preamble) if self.header.is_some() && preamble != Preamble::Records(0) => {
                Err(root.error("columns", "a file with a preamble has a header: leave columns.header out"))
            }
            Format::Csv(..) => Ok(()),
            _ if is_told => Err(root.error("columns", "header and notes are of csv alone")),
            _ => Ok(()),
        }
    }

    /// Fixed lines have their columns by place, all others by a header.
    pub(super) fn check_positions(&self, root: &Section<'_>, envelope: &Envelope) -> Result<(), MappingError> {
        match (envelope.format == Format::Fixed, self.positions.is_empty()) {
            (true, true) => Err(root.error("columns", "fixed lines need [columns.positions], such as HS = [1, 6]")),
            (false, false) => Err(root.error("columns", "positions are of fixed lines alone")),
            _ => Ok(()),
        }
    }

    /// Where the mapping itself names all columns, it can read no other.
    pub(super) fn check_named(&self, root: &Section<'_>, read: &[Column]) -> Result<(), MappingError> {
        let placed = self.positions.iter().map(|(name, ..)| name);
        let (key, names): (_, Vec<&String>) = match &self.header {
            Some(names) => ("header", names.iter().collect()),
            None => ("positions", placed.collect()),
        };
        if names.is_empty() {
            return Ok(());
        }
        let known: Vec<String> = names.iter().map(|name| self.names.key(name)).collect();
        let is_twice = |(at, key): (usize, &String)| !key.is_empty() && known.iter().take(at).any(|earlier| earlier == key);
        if let Some(name) = names.iter().zip(known.iter().enumerate()).find_map(|(name, key)| is_twice(key).then_some(name)) {
            return Err(root.error("columns", format!("{key} names the column {name:?} twice")));
        }
        let is_there = |column: &&Column| column.names.iter().any(|name| known.contains(&self.names.key(name)));
        let Some(name) = read.iter().find(|column| !is_there(column)).and_then(|column| column.names.first()) else {
            return Ok(());
        };
        let all: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        Err(root.error("columns", format!("the column {name:?} is read, and {key} has none; {}", nearest(name, &all))))
    }

    pub(super) fn read(section: Section<'_>) -> Result<Head, MappingError> {
        let names = match section.text("names")?.as_deref() {
            None | Some("exact") => Names::Exact,
            Some("normalised") => Names::Normalised,
            Some(other) => {
                return Err(
                    section.error("names", format!("{other:?} is no way to compare names; allowed are exact, normalised"))
                );
            }
        };
        let aliases = match section.section("aliases")? {
            None => BTreeMap::new(),
            Some(table) => {
                table.entries().into_iter().map(|(name, item)| Ok((name, item.texts()?))).collect::<Result<_, MappingError>>()?
            }
        };
        let spellings = || aliases.values().flatten().map(|other: &String| names.key(other));
        if let Some(twice) = spellings().enumerate().find_map(|(at, other)| spellings().take(at).find(|known| *known == other)) {
            return Err(section.error("aliases", format!("{twice:?} is another spelling twice: it could be either column")));
        }
        let positions = section.section("positions")?.map(Section::entries).unwrap_or_default();
        let positions = positions.into_iter().map(position).collect::<Result<_, _>>()?;
        let head = Head {
            names,
            required: section.texts("required")?,
            header: section.texts("header")?,
            notes: section.reason("notes")?,
            never: Never::of(&section.texts("never")?.unwrap_or_default(), &aliases, names),
            nulls: section.texts("nulls")?.unwrap_or_default(),
            aliases,
            positions,
        };
        section.finish()?;
        Ok(head)
    }
}
