//! A message → its rows, by envelope. Gives each row to a visitor; a message that cannot be opened is one error, whatever its rows.

use std::borrow::Cow;
use std::cell::Cell;

use super::evaluate::{Cells, Place, table_row};
use super::explode::{self, Missed, Visit};
use super::field::Stop;
use super::gather::Groups;
use super::layout::Layout;
use super::{Format, Mapping, Preamble};
use crate::decode::delimited::{self, Dialect};
use crate::decode::draft::error;
use crate::decode::json::{self, At, Tree};
use crate::decode::xml::{self, NoDocument};
use crate::decode::{DecodeError, Decoded, Surroundings};
use crate::domain::{DeadLetterReason, Message};

/// Records among which a header is looked for.
pub(in crate::decode) const PREAMBLE_MAX: usize = 50;

impl Mapping {
    /// Every row of a message.
    pub(in crate::decode) fn decode(&self, bytes: &[u8], message: &Message, around: &Surroundings<'_>) -> Decoded {
        let mut rows = Vec::new();
        let mut take = |place: Result<&Place<'_>, Missed>| match place {
            Ok(place) => self.records(place, around, &mut |row, _| rows.push(row)),
            Err(missed) => rows.push(missed.stop.into()),
        };
        match self.each_row((bytes, message), around, &mut take) {
            Ok(()) => Decoded::Rows(rows),
            Err(error) => Decoded::Unreadable(error),
        }
    }

    /// Gives each row to the visitor.
    pub(super) fn each_row(
        &self,
        (bytes, message): (&[u8], &Message),
        around: &Surroundings<'_>,
        visit: &mut Visit<'_>,
    ) -> Result<(), DecodeError> {
        if self.envelope.format == Format::Parquet && bytes.starts_with(crate::decode::PARQUET_MAGIC) {
            let detail = "a Parquet file is no message: `entrepot feed` makes a JSON object of each of its rows";
            return Err(error(DeadLetterReason::Malformed, detail));
        }
        let text = self.text(bytes).ok_or_else(|| {
            let next = match self.envelope.format {
                Format::Csv(..) | Format::Fixed => "the mapping's envelope.encoding names it",
                Format::Json => "JSON is UTF-8, and XML what its first line says",
                _ => "JSON is UTF-8",
            };
            error(DeadLetterReason::NotText, format!("the bytes are no {}; {next}", self.envelope.encoding.name()))
        })?;
        let text = self.as_json(text)?;
        let file_name = around.file_name.or_else(|| message.header(crate::decode::FILE_HEADER));
        let frame = Frame { mapping: self, message, file_name, row: Cell::new(0) };
        let mut groups = Groups::default();
        let is_document = matches!(self.envelope.format, Format::Json | Format::JsonTable);
        let document = is_document.then(|| read_json(&text, self.limits.nesting)).transpose()?;
        let envelope = document.as_ref().map(Tree::root);
        let mut give = |place: Result<&Place<'_>, Missed>| match (&self.gather, place) {
            (gather, Err(missed)) => {
                if gather.is_some() {
                    groups.miss(&missed);
                }
                visit(Err(missed));
            }
            (None, Ok(place)) => explode::each(place, visit),
            (Some(gather), Ok(place)) => groups.take(gather, place, visit),
        };
        match self.envelope.format {
            Format::Csv(dialect, _) => frame.csv(&text, dialect, &mut give)?,
            Format::Json | Format::JsonTable => envelope.map_or(Ok(()), |root| frame.json(root, &mut give))?,
            Format::Ndjson | Format::Parquet => frame.ndjson(&text, &mut give)?,
            Format::Fixed => frame.fixed(&text, &mut give)?,
        }
        if let Some(gather) = &self.gather {
            groups.finish(&frame.place(Cells::Same, envelope), gather, visit);
        }
        Ok(())
    }

    /// The text of a message; `None` where its bytes are none.
    pub(in crate::decode) fn text<'b>(&self, bytes: &'b [u8]) -> Option<Cow<'b, str>> {
        let own = Some(bytes).filter(|_| self.envelope.format == Format::Json).and_then(xml::in_own_encoding);
        own.or_else(|| self.envelope.encoding.decode(bytes))
    }

    /// XML as JSON, where JSON is read; all else as it is.
    pub(in crate::decode) fn as_json<'t>(&self, text: Cow<'t, str>) -> Result<Cow<'t, str>, DecodeError> {
        if !matches!(self.envelope.format, Format::Json) || !xml::is_xml(&text) {
            return Ok(text);
        }
        let json = xml::to_json(&text, &self.envelope.lists);
        json.map(Cow::Owned).map_err(|cause| match cause {
            NoDocument::TooDeep => error(DeadLetterReason::TooLarge, cause.to_string()),
            NoDocument::Malformed(cause) => error(DeadLetterReason::Malformed, cause),
        })
    }

    /// The header of a delimited text: where its rows begin, and the layout.
    fn header(&self, text: &str, dialect: Dialect) -> Result<(usize, Cow<'_, Layout>), DecodeError> {
        if let Some((head, layout)) = self.memo.get()
            && text.starts_with(head.as_str())
        {
            return Ok((head.len(), Cow::Borrowed(layout)));
        }
        let (end, layout) = self.find_header(text, dialect)?;
        layout.require(&self.required, self.head_columns())?;
        let head = text.get(..end).unwrap_or_default();
        if head.ends_with('\n') || self.envelope.header.is_some() {
            // Set once, by whoever comes first: what is read does not depend on it.
            let _ = self.memo.set((head.to_owned(), layout.clone()));
        }
        Ok((end, Cow::Owned(layout)))
    }

    /// The error with which a source answers in place of rows, where a document holds one.
    pub(in crate::decode) fn refusal<'t>(&self, document: &'t str) -> Option<Cow<'t, str>> {
        let refusal = json::scalar(self.envelope.error.as_ref()?.find(document)?.trim())?;
        Some(refusal).filter(|refusal| !refusal.trim().is_empty())
    }

    /// Whether a header is there.
    pub(in crate::decode) fn has_header(&self, text: &str, dialect: Dialect) -> bool {
        self.find_header(text, dialect).is_ok()
    }

    /// Whether a header is there that lacks a column which the mapping requires.
    pub(in crate::decode) fn has_other_header(&self, text: &str, dialect: Dialect) -> bool {
        self.find_header(text, dialect).is_ok_and(|(_, layout)| layout.require(&self.required, self.head_columns()).is_err())
    }

    /// Finds the header without asking what it must hold, except where that is what tells it from a preamble.
    pub(super) fn find_header(&self, text: &str, dialect: Dialect) -> Result<(usize, Layout), DecodeError> {
        let Format::Csv(_, preamble) = self.envelope.format else { return Ok((0, Layout::read(&[], &[], self.names))) };
        if let Some(names) = &self.envelope.header {
            let names: Vec<Cow<'_, str>> = names.iter().map(|name| Cow::Borrowed(name.as_str())).collect();
            return Ok((0, Layout::read(&names, self.head_columns(), self.names)));
        }
        let (mut at, mut seen, mut cells) = (0, 0, Vec::new());
        while at < text.len() && seen < PREAMBLE_MAX {
            let (end, _) = delimited::record(text, at, dialect, &mut cells);
            at = end;
            if delimited::is_blank(&cells) {
                continue;
            }
            let layout = Layout::read(&cells, self.head_columns(), self.names);
            let found = match preamble {
                Preamble::Records(count) => seen == count,
                Preamble::UntilHeader => layout.require(&self.required, self.head_columns()).is_ok(),
            };
            if found {
                return Ok((at, layout));
            }
            seen += 1;
        }
        let names =
            self.required.iter().filter_map(|slot| self.head_columns().get(*slot)).map(|column| column.names.join(" or "));
        let names = names.collect::<Vec<_>>().join(", ");
        Err(error(
            DeadLetterReason::UnknownSchema,
            format!("there is no header with {names} among the first {PREAMBLE_MAX} lines"),
        ))
    }

    fn too_many(&self) -> DecodeError {
        error(DeadLetterReason::TooLarge, format!("more than {} rows in one message (limits.rows_max)", self.limits.rows))
    }
}

/// A message that is being opened.
struct Frame<'a> {
    mapping: &'a Mapping,
    message: &'a Message,
    file_name: Option<&'a str>,
    /// The row that is being read, from 1.
    row: Cell<usize>,
}

impl<'a> Frame<'a> {
    fn place(&self, cells: Cells<'a>, envelope: Option<At<'a>>) -> Place<'a> {
        let Frame { mapping, message, file_name, .. } = *self;
        let (columns, row) = (mapping.head_columns(), self.row.get());
        Place { mapping, columns, cells, envelope, message, file_name, row, outer: None, part: None }
    }

    /// The row that is being read gives nothing.
    fn missed(&self, stop: impl Into<Stop>) -> Missed {
        self.shorter(Cells::Same, None).missed(stop)
    }

    fn csv(&self, text: &str, dialect: Dialect, visit: &mut Visit<'_>) -> Result<(), DecodeError> {
        let (mut at, layout) = self.mapping.header(text, dialect)?;
        let (mut cells, mut rows) = (Vec::with_capacity(layout.names.len() + 1), 0);
        while at < text.len() {
            let (end, open) = delimited::record(text, at, dialect, &mut cells);
            at = end;
            if delimited::is_blank(&cells) {
                continue;
            }
            rows += 1;
            self.row.set(rows);
            if rows > self.mapping.limits.rows {
                return Err(self.mapping.too_many());
            }
            if let Some(reason) = &self.mapping.envelope.notes
                && layout.names.len() > 1
                && cells.iter().skip(1).all(|cell| cell.trim().is_empty())
            {
                visit(Err(self.missed(Stop::Excluded(reason.clone()))));
                continue;
            }
            let fits = if open {
                let column = cells.len().checked_sub(1).and_then(|at| layout.names.get(at));
                let under = column.map(|name| format!(" under {name}")).unwrap_or_default();
                Err(error(DeadLetterReason::Malformed, format!("the quoted cell that begins{under} never ends")))
            } else {
                self.fits(&layout, &cells)
            };
            let place = self.shorter(Cells::Table { layout: &layout, cells: &cells }, None);
            match fits {
                Ok(()) => visit(Ok(&place)),
                Err(error) => {
                    let of = self.mapping.gather.as_ref().map(|gather| gather.key(&place));
                    visit(Err(Missed { of, ..self.missed(error) }));
                }
            }
        }
        Ok(())
    }

    /// A place that lives as long as its cells.
    fn shorter<'b>(&'b self, cells: Cells<'b>, envelope: Option<At<'b>>) -> Place<'b>
    where
        'a: 'b,
    {
        let Frame { mapping, message, file_name, .. } = *self;
        Frame { mapping, message, file_name, row: self.row.clone() }.place(cells, envelope)
    }

    fn fits(&self, layout: &Layout, cells: &[Cow<'_, str>]) -> Result<(), DecodeError> {
        if cells.len() > self.mapping.limits.cells {
            let detail = format!("more than {} cells in one row (limits.cells_max)", self.mapping.limits.cells);
            return Err(error(DeadLetterReason::TooLarge, detail));
        }
        layout.check(cells, &|name| self.mapping.leaves_out(name))
    }

    fn json(&self, root: At<'_>, visit: &mut Visit<'_>) -> Result<(), DecodeError> {
        let mapping = self.mapping;
        let refusal = mapping.envelope.error.as_ref().and_then(|pointer| root.find(pointer)).and_then(At::scalar);
        if let Some(refusal) = refusal.filter(|refusal| !refusal.trim().is_empty()) {
            let short: String = refusal.chars().take(200).collect();
            return Err(error(DeadLetterReason::Malformed, format!("the source answers with an error: {short}")));
        }
        let absent = || error(DeadLetterReason::UnknownSchema, "there are no rows where the mapping's envelope.records points");
        let records = root.find(&mapping.envelope.records).ok_or_else(absent)?;
        if records.is_object() && mapping.envelope.format == Format::Json {
            self.row.set(1);
            visit(Ok(&self.shorter(Cells::Json(records), Some(root))));
            return Ok(());
        }
        if !records.is_list() {
            return Err(absent());
        }
        let mut rows = records.children();
        if records.children().count() > mapping.limits.rows {
            return Err(mapping.too_many());
        }
        if mapping.envelope.format == Format::Json {
            for (row, at) in rows.enumerate() {
                self.row.set(row + 1);
                self.object(at, root, visit);
            }
            return Ok(());
        }
        let header = rows.next().ok_or_else(absent)?;
        let names = table_row(header).ok_or_else(|| error(DeadLetterReason::UnknownSchema, "the header is no list of names"))?;
        let layout = Layout::read(&names, mapping.head_columns(), mapping.names);
        layout.require(&mapping.required, mapping.head_columns())?;
        for (row, at) in rows.enumerate() {
            self.row.set(row + 1);
            let cells =
                table_row(at).ok_or_else(|| error(DeadLetterReason::Malformed, "the row is no list of texts and numbers"));
            let fits = cells.and_then(|cells| self.fits(&layout, &cells).map(|()| cells));
            match &fits {
                Ok(cells) => visit(Ok(&self.shorter(Cells::Table { layout: &layout, cells }, Some(root)))),
                Err(error) => visit(Err(self.missed(error.clone()))),
            }
        }
        Ok(())
    }

    fn object(&self, row: At<'_>, root: At<'_>, visit: &mut Visit<'_>) {
        if !row.is_object() {
            return visit(Err(self.missed(error(DeadLetterReason::Malformed, "the row is no JSON object"))));
        }
        match self.mapping.join().map_or(Ok(()), |join| join.check(row)) {
            Ok(()) => visit(Ok(&self.shorter(Cells::Json(row), Some(root)))),
            Err(stop) => visit(Err(self.missed(stop))),
        }
    }

    /// The lines of a text that are not empty, by their numbers.
    fn each_line(&self, text: &str, take: &mut dyn FnMut(&str)) -> Result<(), DecodeError> {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        for (seen, (line, text)) in lines.enumerate() {
            if seen >= self.mapping.limits.rows {
                return Err(self.mapping.too_many());
            }
            self.row.set(line + 1);
            take(text);
        }
        Ok(())
    }

    /// Lines whose columns stand at fixed places; one that ends early has none beyond its end.
    fn fixed(&self, text: &str, visit: &mut Visit<'_>) -> Result<(), DecodeError> {
        let columns = &self.mapping.envelope.fixed;
        let names: Vec<Cow<'_, str>> = columns.iter().map(|(name, ..)| Cow::Borrowed(name.as_str())).collect();
        let layout = Layout::read(&names, self.mapping.head_columns(), self.mapping.names);
        self.each_line(text, &mut |line| {
            let ends: Vec<usize> = line.char_indices().map(|(at, _)| at).chain([line.len()]).collect();
            let end = |characters: usize| ends.get(characters).copied().unwrap_or(line.len());
            let cell = |(_, first, last): &(String, usize, usize)| line.get(end(first - 1)..end(*last)).unwrap_or_default();
            let cells: Vec<Cow<'_, str>> = columns.iter().map(|column| Cow::Borrowed(cell(column))).collect();
            visit(Ok(&self.shorter(Cells::Table { layout: &layout, cells: &cells }, None)));
        })
    }

    fn ndjson(&self, text: &str, visit: &mut Visit<'_>) -> Result<(), DecodeError> {
        self.each_line(text, &mut |line| match read_json(line, self.mapping.limits.nesting) {
            Ok(tree) => self.object(tree.root(), tree.root(), visit),
            Err(error) => visit(Err(self.missed(error))),
        })
    }
}

/// Nesting first: what comes after it may follow pointers.
fn read_json(text: &str, nesting_max: usize) -> Result<Tree<'_>, DecodeError> {
    if json::nesting(text) > nesting_max {
        return Err(error(DeadLetterReason::TooLarge, format!("nested more than {nesting_max} deep (limits.nesting_max)")));
    }
    Tree::read(text).map_err(|cause| error(DeadLetterReason::Malformed, format!("no JSON: {cause}")))
}
