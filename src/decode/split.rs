//! A file → messages: as few rows in each as the form allows, in their own encoding. Pieces decode to the same rows as the whole.

use super::delimited::{Boundary, Dialect};
use super::encoding::TextEncoding;
use super::json;
use super::mapping::{Mapping, PREAMBLE_MAX};
use super::{Decoder, mapping};

/// How a file of a feed is cut into messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// The file is one message.
    Whole,
    /// A line is one.
    Lines,
    /// The header and one row are one.
    HeaderAndRow,
    /// The document around the rows, with one row in it, is one. Such files are held in memory whole.
    Elements,
    /// The header and the rows that are gathered into one record are one, ordered by what tells groups apart. Held in memory whole.
    Groups,
}

/// One message of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The row, line or element, from 1.
    pub row: u64,
    /// The message's value.
    pub bytes: Vec<u8>,
}

/// Cuts a file that comes in chunks. Holds no more than a record and the header, save for forms that are held whole.
#[derive(Debug)]
pub struct Splitter<'d> {
    decoder: &'d Decoder,
    split: Split,
    buffer: Vec<u8>,
    /// How much of the buffer was looked at.
    scanned: usize,
    rows: u64,
    head: Head,
    boundary: Boundary,
}

/// What stands before the rows and goes into each piece.
#[derive(Debug)]
enum Head {
    /// Not all there: how many records were looked at.
    Sought(usize),
    Found(Vec<u8>),
}

impl<'d> Splitter<'d> {
    /// At the start of a file.
    pub fn new(decoder: &'d Decoder) -> Splitter<'d> {
        let dialect = match decoder.mapping().map(|mapping| mapping.envelope().format) {
            Some(mapping::Format::Csv(dialect, _)) => dialect,
            _ => Dialect { delimiter: b',', quote: None },
        };
        let split = decoder.split();
        let head = if split == Split::HeaderAndRow { Head::Sought(0) } else { Head::Found(Vec::new()) };
        Splitter { decoder, split, buffer: Vec::new(), scanned: 0, rows: 0, head, boundary: Boundary::new(dialect) }
    }

    /// Takes the next bytes of the file; gives the messages that they complete.
    pub fn push(&mut self, chunk: &[u8]) -> Vec<Piece> {
        self.buffer.extend_from_slice(chunk);
        match self.split {
            Split::Whole | Split::Elements | Split::Groups => Vec::new(),
            Split::Lines | Split::HeaderAndRow => self.records(),
        }
    }

    /// At the end of the file: gives what is left.
    pub fn finish(mut self) -> Vec<Piece> {
        let rest = std::mem::take(&mut self.buffer);
        match self.split {
            Split::Whole => vec![Piece { row: 1, bytes: rest }],
            Split::Elements => match self.decoder.mapping() {
                Some(mapping) => elements(mapping, rest),
                None => vec![Piece { row: 1, bytes: rest }],
            },
            Split::Groups => match self.decoder.mapping().and_then(|mapping| mapping.groups(&rest)) {
                Some(groups) => groups.into_iter().zip(1..).map(|(bytes, row)| Piece { row, bytes }).collect(),
                None if rest.is_empty() => Vec::new(),
                None => vec![Piece { row: 1, bytes: rest }],
            },
            // Without a header every byte of the file is one message, and its dead letter says what is missing.
            Split::HeaderAndRow if matches!(self.head, Head::Sought(_)) && !self.is_header(&rest) => {
                if rest.is_empty() {
                    Vec::new()
                } else {
                    vec![Piece { row: 1, bytes: rest }]
                }
            }
            Split::HeaderAndRow if matches!(self.head, Head::Sought(_)) => self.lone(rest).into_iter().collect(),
            Split::HeaderAndRow => {
                let last = self.piece(&rest);
                last.or_else(|| self.lone_head()).into_iter().collect()
            }
            Split::Lines => self.piece(&rest).into_iter().collect(),
        }
    }

    fn encoding(&self) -> TextEncoding {
        self.decoder.mapping().map_or(TextEncoding::UTF_8, |mapping| mapping.envelope().encoding)
    }

    fn records(&mut self) -> Vec<Piece> {
        let (width, high_first) = self.encoding().unit();
        let buffer = std::mem::take(&mut self.buffer);
        let (mut pieces, mut start, mut at) = (Vec::new(), 0, self.scanned);
        while let Some(unit) = buffer.get(at..at + width) {
            at += width;
            let unit = unit.iter().enumerate().fold(0u16, |unit, (place, byte)| {
                let low = (place == 0) != high_first || width == 1;
                unit | if low { u16::from(*byte) } else { u16::from(*byte) << 8 }
            });
            if !self.boundary.ends(unit) {
                continue;
            }
            match self.head {
                Head::Found(_) => {
                    pieces.extend(self.piece(buffer.get(start..at).unwrap_or_default()));
                    start = at;
                }
                Head::Sought(seen) => {
                    let head = buffer.get(start..at).unwrap_or_default();
                    let found = self.is_header(head);
                    self.head = if found { Head::Found(head.to_vec()) } else { Head::Sought(seen + 1) };
                    if found {
                        start = at;
                    } else if seen + 1 >= PREAMBLE_MAX {
                        // No header: each record goes alone, so that nothing is lost and little is held.
                        self.head = Head::Found(Vec::new());
                        pieces.extend(self.piece(head));
                        start = at;
                    }
                }
            }
        }
        self.buffer = buffer.get(start..).unwrap_or_default().to_vec();
        self.scanned = at - start;
        pieces
    }

    /// Whether these first bytes of the file end with its header.
    fn is_header(&self, head: &[u8]) -> bool {
        self.of_header(head, Mapping::has_header)
    }

    fn of_header(&self, head: &[u8], ask: fn(&Mapping, &str, Dialect) -> bool) -> bool {
        let Some(mapping) = self.decoder.mapping() else { return false };
        let mapping::Format::Csv(dialect, _) = mapping.envelope().format else { return false };
        let text = mapping.envelope().encoding.decode(head);
        text.is_some_and(|text| ask(mapping, &text, dialect))
    }

    fn lone_head(&self) -> Option<Piece> {
        let Head::Found(head) = &self.head else { return None };
        if self.rows > 0 { None } else { self.lone(head.clone()) }
    }

    /// A header without rows: nothing to tell, unless it is another feed's.
    fn lone(&self, head: Vec<u8>) -> Option<Piece> {
        self.of_header(&head, Mapping::has_other_header).then_some(Piece { row: 1, bytes: head })
    }

    /// A record as a message; `None` where it is an empty line, which counts as a line all the same.
    fn piece(&mut self, record: &[u8]) -> Option<Piece> {
        let blank = record.iter().all(|byte| matches!(byte, b'\n' | b'\r' | b' ' | b'\t' | 0));
        if self.split == Split::Lines {
            self.rows += 1;
        }
        if blank {
            return None;
        }
        if self.split == Split::HeaderAndRow {
            self.rows += 1;
            let Head::Found(head) = &self.head else { return None };
            return Some(Piece { row: self.rows, bytes: [head.as_slice(), record].concat() });
        }
        let end = record.iter().rev().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        let line = record.get(..record.len() - end).unwrap_or_default();
        Some(Piece { row: self.rows, bytes: line.to_vec() })
    }
}

/// The messages of a JSON document: the document with one row each. What is no such document is one message.
fn elements(mapping: &Mapping, bytes: Vec<u8>) -> Vec<Piece> {
    match cut(mapping, &bytes) {
        Some(pieces) => pieces.into_iter().zip(1..).map(|(bytes, row)| Piece { row, bytes }).collect(),
        None => vec![Piece { row: 1, bytes }],
    }
}

fn cut(mapping: &Mapping, bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let text = mapping.as_json(mapping.envelope().encoding.decode(bytes)?).ok()?;
    if json::nesting(&text) > json::NESTING_MAX {
        return None;
    }
    let records = mapping.envelope().records.find(&text)?.trim();
    if !records.starts_with('[') {
        // One record alone; XML is JSON from here on.
        return records.starts_with('{').then(|| vec![text.clone().into_owned().into_bytes()]);
    }
    let from = (records.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let (before, after) = (text.get(..from)?, text.get(from + records.len()..)?);
    let elements = json::elements(records)?;
    let (header, rows) = match mapping.envelope().format {
        mapping::Format::JsonTable => elements.split_first().map(|(header, rows)| (format!("{},", header.get()), rows))?,
        _ => (String::new(), elements.as_slice()),
    };
    Some(rows.iter().map(|row| format!("{before}[{header}{}]{after}", row.get()).into_bytes()).collect())
}
