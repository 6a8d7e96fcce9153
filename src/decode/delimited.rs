//! Delimited text: cells of a record, and where records end. The two agree on quotes, so a file splits as it reads.

use std::borrow::Cow;

use super::encoding::TextEncoding;

/// Which signs part and quote cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    /// Between cells; ASCII.
    pub(super) delimiter: u8,
    /// Around cells; ASCII; `None` where quotes are ordinary signs.
    pub(super) quote: Option<u8>,
}

/// Reads the record at an offset into `cells`; gives the offset after it and whether a quote stayed open.
pub(super) fn record<'a>(text: &'a str, from: usize, dialect: Dialect, cells: &mut Vec<Cow<'a, str>>) -> (usize, bool) {
    cells.clear();
    let bytes = text.as_bytes();
    let mut at = from;
    loop {
        let (cell, end, open) = cell(text, at, dialect);
        cells.push(cell);
        if open {
            return (bytes.len(), true);
        }
        match bytes.get(end) {
            Some(sign) if *sign == dialect.delimiter => at = end + 1,
            Some(b'\r') if bytes.get(end + 1) == Some(&b'\n') => return (end + 2, false),
            Some(_) => return (end + 1, false),
            None => return (end, false),
        }
    }
}

/// Reads the first cells of a record that stands alone, at most so many.
pub(super) fn cells<'a>(record: &'a str, dialect: Dialect, most: usize, cells: &mut Vec<Cow<'a, str>>) {
    let mut at = 0;
    while cells.len() < most {
        let (cell, end, open) = cell(record, at, dialect);
        cells.push(cell);
        if open || record.as_bytes().get(end) != Some(&dialect.delimiter) {
            return;
        }
        at = end + 1;
    }
}

/// The cell at an offset, where it ends, and whether its quote stayed open.
fn cell(text: &str, from: usize, dialect: Dialect) -> (Cow<'_, str>, usize, bool) {
    let bytes = text.as_bytes();
    let plain = |at: usize| {
        let rest = bytes.get(at..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| **byte != dialect.delimiter && **byte != b'\n').count();
        let line_end = rest.get(length) != Some(&dialect.delimiter) && length > 0 && rest.get(length - 1) == Some(&b'\r');
        at + length - usize::from(line_end)
    };
    let slice = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
    let Some(quote) = dialect.quote.filter(|quote| bytes.get(from) == Some(quote)) else {
        let end = plain(from);
        return (Cow::Borrowed(slice(from..end)), end, false);
    };
    let mut whole: Option<String> = None;
    let mut start = from + 1;
    loop {
        let length = bytes.get(start..).unwrap_or_default().iter().take_while(|byte| **byte != quote).count();
        let close = start + length;
        let part = slice(start..close);
        let doubled = bytes.get(close + 1) == Some(&quote);
        match (bytes.get(close), doubled) {
            (None, _) => return (Cow::Owned(whole.unwrap_or_default() + part), close, true),
            (Some(_), true) => {
                let text = whole.get_or_insert_default();
                text.push_str(part);
                text.push(char::from(quote));
                start = close + 2;
            }
            (Some(_), false) => {
                let end = plain(close + 1);
                let tail = slice(close + 1..end);
                let cell = match whole {
                    None if tail.is_empty() => Cow::Borrowed(part),
                    whole => Cow::Owned(whole.unwrap_or_default() + part + tail),
                };
                return (cell, end, false);
            }
        }
    }
}

/// Whether a record is an empty line.
pub(super) fn is_blank(cells: &[Cow<'_, str>]) -> bool {
    cells.iter().all(|cell| cell.trim().is_empty()) && cells.len() <= 1
}

/// Follows quotes through a stream of code units and tells where records end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Boundary {
    dialect: Dialect,
    quoted: bool,
    /// A quote sign here would open (or, right after a closing one, continue) a quoted cell.
    may_open: bool,
}

impl Boundary {
    /// At the start of a record.
    pub(super) fn new(dialect: Dialect) -> Boundary {
        Boundary { dialect, quoted: false, may_open: true }
    }

    /// Takes the next unit; true where it ends a record. A lone carriage return ends none, as no feed of today writes it.
    pub(super) fn ends(&mut self, unit: u16) -> bool {
        let is = |sign: u8| unit == u16::from(sign);
        if self.quoted {
            self.quoted = !self.dialect.quote.is_some_and(is);
            self.may_open = !self.quoted;
            return false;
        }
        if self.may_open && self.dialect.quote.is_some_and(is) {
            self.quoted = true;
            return false;
        }
        self.may_open = is(self.dialect.delimiter) || is(b'\n');
        is(b'\n')
    }

    /// Passes over bytes that are a unit each, up to the next that may end a record or a quoted cell; gives how many.
    fn pass(&mut self, bytes: &[u8]) -> usize {
        let quote = self.dialect.quote.unwrap_or(b'\n');
        let line_end = if self.quoted { quote } else { b'\n' };
        let length = bytes.iter().position(|byte| *byte == quote || *byte == line_end).unwrap_or(bytes.len());
        if let Some(last) = bytes.get(..length).and_then(<[u8]>::last) {
            self.may_open = *last == self.dialect.delimiter && !self.quoted;
        }
        length
    }
}

/// The longest record with a quoted cell. One that is longer is taken for a quote that was never closed, and its lines are records: else a
/// stray quote at the beginning of a file would make one record of all of it, held in memory.
const RECORD_BYTES_MAX: usize = 16 << 20;

/// Cuts a stream of delimited text into records, in whatever encoding it comes. Holds no more than one.
#[derive(Debug)]
pub(super) struct Records {
    dialect: Dialect,
    boundary: Boundary,
    /// Bytes of a code unit, and whether the first is the high one.
    unit: (usize, bool),
    buffer: Vec<u8>,
    /// How much of the buffer was looked at.
    scanned: usize,
}

impl Records {
    /// At the start of a file.
    pub(super) fn new(dialect: Dialect, encoding: TextEncoding) -> Records {
        Records { dialect, boundary: Boundary::new(dialect), unit: encoding.unit(), buffer: Vec::new(), scanned: 0 }
    }

    /// Takes the next bytes; gives each record that they complete, with its line end.
    pub(super) fn push(&mut self, chunk: &[u8], give: &mut dyn FnMut(&[u8])) {
        let mut rest = chunk;
        while !rest.is_empty() {
            // By the bytes of the record, not by how they come: a file has the same records each time it is read.
            let room = RECORD_BYTES_MAX.saturating_sub(self.buffer.len());
            let (next, after) = rest.split_at_checked(room).filter(|_| room > 0).unwrap_or((rest, &[]));
            self.buffer.extend_from_slice(next);
            self.cut(self.dialect, give);
            if self.boundary.quoted && self.buffer.len() >= RECORD_BYTES_MAX {
                let lines = Dialect { quote: None, ..self.dialect };
                (self.boundary, self.scanned) = (Boundary::new(lines), 0);
                let held = self.buffer.len();
                self.cut(lines, give);
                // What is left of a line is looked at anew, unless it is all there was: then its quotes are passed over to its end.
                if self.buffer.len() < held {
                    (self.boundary, self.scanned) = (Boundary::new(self.dialect), 0);
                }
            }
            rest = after;
        }
    }

    /// Gives the records that are complete; each but the first is read by this dialect.
    fn cut(&mut self, next: Dialect, give: &mut dyn FnMut(&[u8])) {
        let (width, high_first) = self.unit;
        let (mut start, mut at) = (0, self.scanned);
        loop {
            if width == 1 {
                at += self.boundary.pass(self.buffer.get(at..).unwrap_or_default());
            }
            let Some(unit) = self.buffer.get(at..at + width) else { break };
            at += width;
            let unit = unit.iter().enumerate().fold(0u16, |unit, (place, byte)| {
                let low = (place == 0) != high_first || width == 1;
                unit | if low { u16::from(*byte) } else { u16::from(*byte) << 8 }
            });
            if self.boundary.ends(unit) {
                give(self.buffer.get(start..at).unwrap_or_default());
                start = at;
                self.boundary = Boundary::new(next);
            }
        }
        self.buffer.drain(..start);
        self.scanned = at - start;
    }

    /// Whether what was taken so far ends within a quoted cell.
    pub(super) fn is_open(&self) -> bool {
        self.boundary.quoted
    }

    /// What stands behind the last line end.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        self.scanned = 0;
        std::mem::take(&mut self.buffer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COMMA: Dialect = Dialect { delimiter: b',', quote: Some(b'"') };

    fn records(text: &str) -> Vec<Vec<String>> {
        let (mut at, mut all, mut cells) = (0, Vec::new(), Vec::new());
        while at < text.len() {
            (at, _) = record(text, at, COMMA, &mut cells);
            if !is_blank(&cells) {
                all.push(cells.iter().map(|cell| cell.clone().into_owned()).collect());
            }
        }
        all
    }

    #[test]
    fn quotes_hold_delimiters_and_line_breaks() {
        let expected = [vec!["a", "b,\n\"c\"", ""], vec!["", "d"]];
        assert_eq!(records("a,\"b,\n\"\"c\"\"\",\r\n\r\n,d"), expected);
        assert!(record("\"open", 0, COMMA, &mut Vec::new()).1);
    }

    #[test]
    fn a_quote_that_is_never_closed_makes_lines_of_its_record_however_the_bytes_arrive() {
        let line = format!("x\",\"{}\n", "y".repeat(1_000));
        let text = format!("a,\"b\n{}last,\"c\nd\"\n", line.repeat(RECORD_BYTES_MAX / line.len() + 2));
        let mut found: Vec<(usize, Vec<String>)> = Vec::new();
        for size in [1 << 18, 77_777, text.len()] {
            let (mut records, mut count, mut ends) = (Records::new(COMMA, TextEncoding::UTF_8), 0, Vec::new());
            for chunk in text.as_bytes().chunks(size) {
                records.push(chunk, &mut |row| {
                    count += 1;
                    if ends.len() < 2 || row.starts_with(b"last") {
                        ends.push(String::from_utf8(row.to_vec()).unwrap());
                    }
                });
                assert!(records.buffer.len() <= RECORD_BYTES_MAX);
            }
            assert_eq!(ends.first().map(String::as_str), Some("a,\"b\n"));
            found.push((count, ends));
        }
        assert!(found.iter().all(|other| *other == found[0]), "{:?}", found.iter().map(|(count, _)| count).collect::<Vec<_>>());
        assert!(found[0].0 > RECORD_BYTES_MAX / line.len());
    }

    #[test]
    fn a_long_line_without_an_end_is_looked_at_once() {
        let mut records = Records::new(COMMA, TextEncoding::UTF_8);
        let mut given = Vec::new();
        records.push(b"a,\"", &mut |_| {});
        for _ in 0..(RECORD_BYTES_MAX >> 18) + 8 {
            records.push(&[b'z'; 1 << 18], &mut |_| {});
            assert_eq!(records.scanned, records.buffer.len());
        }
        records.push(b"\nb,\"c\nd\"\n", &mut |row| given.push(row.len()));
        assert_eq!(given.last(), Some(&8), "the next record has its quotes");
        assert_eq!(given.len(), 2);
    }

    proptest! {
        #[test]
        fn cells_written_by_the_csv_crate_read_back(table in prop::collection::vec(prop::collection::vec("[a,\"\n é]{0,6}", 2..4), 1..5)) {
            let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
            table.iter().for_each(|row| writer.write_record(row).unwrap());
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            prop_assert_eq!(&records(&text), &table);
            let mut boundary = Boundary::new(COMMA);
            let ends = text.bytes().filter(|byte| boundary.ends(u16::from(*byte))).count();
            prop_assert_eq!(ends, table.len());
            for size in [1, 2, 3, 1_000] {
                let (mut records, mut rows, mut cells) = (Records::new(COMMA, TextEncoding::UTF_8), Vec::new(), Vec::new());
                for chunk in text.as_bytes().chunks(size) {
                    records.push(chunk, &mut |row| rows.push(String::from_utf8(row.to_vec()).unwrap()));
                }
                prop_assert!(records.rest().is_empty());
                prop_assert_eq!(rows.concat(), text.as_str());
                for (row, wanted) in rows.iter().zip(&table) {
                    prop_assert_eq!(record(row, 0, COMMA, &mut cells), (row.len(), false));
                    prop_assert_eq!(&cells, wanted);
                }
                prop_assert_eq!(rows.len(), table.len());
            }
        }
    }
}
