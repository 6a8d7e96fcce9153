//! A file → messages: as few rows in each as the form allows, in their own encoding. Pieces decode to the same rows as the whole.

use std::borrow::Cow;

use super::delimited::{Dialect, Records};
use super::encoding::TextEncoding;
use super::json;
use super::mapping::{Grouping, Mapping, PREAMBLE_MAX};
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
    /// The header and the rows that are gathered into one record are one, ordered by what tells groups apart.
    Groups,
}

/// One message of a file, or a row of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The row, line or element, from 1.
    pub row: u64,
    /// Of [`Split::Groups`] what tells its group from others: the message is [`Splitter::head`] and the rows of one key, in the order of keys.
    pub key: Option<Cow<'a, [u8]>>,
    /// The message's value, or the row of one.
    pub bytes: Cow<'a, [u8]>,
}

/// What takes pieces. They are lent, since a file has millions.
pub type TakePiece<'t> = dyn FnMut(Piece<'_>) + 't;

impl Piece<'_> {
    fn new(row: u64, bytes: Vec<u8>) -> Piece<'static> {
        Piece { row, key: None, bytes: Cow::Owned(bytes) }
    }

    /// The piece, kept.
    pub fn into_owned(self) -> Piece<'static> {
        let Piece { row, key, bytes } = self;
        Piece { row, key: key.map(|key| Cow::Owned(key.into_owned())), bytes: Cow::Owned(bytes.into_owned()) }
    }
}

/// Cuts a file that comes in chunks. Holds no more than a record and the header, save for forms that are held whole.
#[derive(Debug)]
pub struct Splitter<'d> {
    decoder: &'d Decoder,
    split: Split,
    /// What is held whole.
    whole: Vec<u8>,
    records: Records,
    rows: u64,
    head: Head<'d>,
    /// What ends a row in the file's encoding.
    line_end: Vec<u8>,
    /// What tells the group of the last row from others.
    key: Vec<u8>,
}

/// Of lines.
const NONE: Dialect = Dialect { delimiter: b',', quote: None };

/// What stands before the rows and goes into each piece.
#[derive(Debug)]
enum Head<'d> {
    /// Not all there: how many records were looked at, and their bytes.
    Sought(usize, Vec<u8>),
    Found(Vec<u8>, Option<Box<Grouping<'d>>>),
}

impl<'d> Splitter<'d> {
    /// At the start of a file.
    pub fn new(decoder: &'d Decoder) -> Splitter<'d> {
        let dialect = match decoder.mapping().map(|mapping| mapping.envelope().format) {
            Some(mapping::Format::Csv(dialect, _)) => dialect,
            _ => NONE,
        };
        let split = decoder.split();
        let has_head = matches!(split, Split::HeaderAndRow | Split::Groups);
        let named = decoder.mapping().filter(|mapping| mapping.envelope().header.is_some());
        let head = match named {
            Some(mapping) => Head::Found(Vec::new(), mapping.grouping("").filter(|_| split == Split::Groups)),
            None if has_head => Head::Sought(0, Vec::new()),
            None => Head::Found(Vec::new(), None),
        };
        let encoding = decoder.mapping().map_or(TextEncoding::UTF_8, |mapping| mapping.envelope().encoding);
        let (records, line_end) = (Records::new(dialect, encoding), encoding.encode("\n").unwrap_or_default());
        Splitter { decoder, split, whole: Vec::new(), records, rows: 0, head, line_end, key: Vec::new() }
    }

    /// What stands before the rows of every group.
    pub fn head(&self) -> &[u8] {
        if let Head::Found(head, _) = &self.head { head } else { &[] }
    }

    /// Takes the next bytes of the file; gives the messages that they complete.
    pub fn push(&mut self, chunk: &[u8], give: &mut TakePiece<'_>) {
        match self.split {
            Split::Whole | Split::Elements => self.whole.extend_from_slice(chunk),
            Split::Lines | Split::HeaderAndRow | Split::Groups => {
                let mut records = std::mem::replace(&mut self.records, Records::new(NONE, TextEncoding::UTF_8));
                records.push(chunk, &mut |record| {
                    self.record(record).into_iter().for_each(&mut *give);
                });
                self.records = records;
            }
        }
    }

    /// At the end of the file: gives what is left.
    pub fn finish(&mut self, give: &mut TakePiece<'_>) {
        match self.split {
            Split::Whole => give(Piece::new(1, std::mem::take(&mut self.whole))),
            Split::Elements => {
                let whole = std::mem::take(&mut self.whole);
                match self.decoder.mapping() {
                    Some(mapping) => elements(mapping, whole).into_iter().for_each(give),
                    None => give(Piece::new(1, whole)),
                }
            }
            Split::Lines | Split::HeaderAndRow | Split::Groups => {
                let rest = self.records.rest();
                self.last(&rest).into_iter().for_each(give);
            }
        }
    }

    fn encoding(&self) -> TextEncoding {
        self.decoder.mapping().map_or(TextEncoding::UTF_8, |mapping| mapping.envelope().encoding)
    }

    /// Takes a record that ends in a line end.
    fn record<'a>(&'a mut self, record: &'a [u8]) -> Option<Piece<'a>> {
        let Head::Sought(seen, head) = &mut self.head else { return self.piece(record) };
        head.extend_from_slice(record);
        let (seen, head) = (*seen + 1, std::mem::take(head));
        if let Some(found) = self.found(&head) {
            self.head = found;
        } else if seen >= PREAMBLE_MAX {
            // No header: each record goes alone, so that nothing is lost and little is held.
            self.head = Head::Found(Vec::new(), None);
            return self.piece(&head).map(Piece::into_owned);
        } else {
            self.head = Head::Sought(seen, head);
        }
        None
    }

    /// Takes what stands behind the last line end.
    fn last(&mut self, rest: &[u8]) -> Option<Piece<'static>> {
        let Head::Sought(_, head) = &mut self.head else {
            return self.piece(rest).map(Piece::into_owned).or_else(|| self.lone_head());
        };
        let head = [head.as_slice(), rest].concat();
        if head.is_empty() {
            return None;
        }
        // Without a header every byte of the file is one message, and its dead letter says what is missing.
        if self.found(&head).is_some() { self.lone(head) } else { Some(Piece::new(1, head)) }
    }

    /// The header, where these first bytes of the file end with it.
    fn found(&self, head: &[u8]) -> Option<Head<'d>> {
        if !self.of_header(head, Mapping::has_header) {
            return None;
        }
        let mapping = self.decoder.mapping()?;
        let text = mapping.envelope().encoding.decode(head)?;
        Some(Head::Found(head.to_vec(), mapping.grouping(&text).filter(|_| self.split == Split::Groups)))
    }

    fn of_header(&self, head: &[u8], ask: fn(&Mapping, &str, Dialect) -> bool) -> bool {
        let Some(mapping) = self.decoder.mapping() else { return false };
        let mapping::Format::Csv(dialect, _) = mapping.envelope().format else { return false };
        let text = mapping.envelope().encoding.decode(head);
        text.is_some_and(|text| ask(mapping, &text, dialect))
    }

    fn lone_head(&self) -> Option<Piece<'static>> {
        let Head::Found(head, _) = &self.head else { return None };
        if self.rows > 0 { None } else { self.lone(head.clone()) }
    }

    /// A header without rows: nothing to tell, unless it is another feed's.
    fn lone(&self, head: Vec<u8>) -> Option<Piece<'static>> {
        self.of_header(&head, Mapping::has_other_header).then(|| Piece::new(1, head))
    }

    /// A record as a message; `None` where it is an empty line, which counts as a line all the same.
    fn piece<'a>(&'a mut self, record: &'a [u8]) -> Option<Piece<'a>> {
        // A zero byte is a part of a blank in UTF-16 alone: elsewhere it is what a damaged disk leaves behind.
        let is_wide = self.line_end.len() > 1;
        let blank = record.iter().all(|byte| matches!(byte, b'\n' | b'\r' | b' ' | b'\t') || is_wide && *byte == 0);
        if self.split == Split::Lines {
            self.rows += 1;
        }
        if blank {
            return None;
        }
        let encoding = self.encoding();
        let Head::Found(head, grouping) = &self.head else { return None };
        if self.split == Split::Lines {
            let end = record.iter().rev().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
            let line = record.get(..record.len() - end).unwrap_or_default();
            return Some(Piece { row: self.rows, key: None, bytes: Cow::Borrowed(line) });
        }
        self.rows += 1;
        let mut keyed = |grouping: &Grouping<'_>| encoding.decode(record).is_some_and(|text| grouping.key(&text, &mut self.key));
        if !grouping.as_deref().is_some_and(&mut keyed) {
            return Some(Piece::new(self.rows, [head.as_slice(), record].concat()));
        }
        let bytes = if record.ends_with(&self.line_end) {
            Cow::Borrowed(record)
        } else {
            Cow::Owned([record, self.line_end.as_slice()].concat())
        };
        Some(Piece { row: self.rows, key: Some(Cow::Borrowed(&self.key)), bytes })
    }
}

/// The messages of pieces that are all there: what belongs to one group is put together, and has the number of its first row.
pub(super) fn together<'a>(pieces: Vec<Piece<'a>>, head: &[u8]) -> Vec<Piece<'a>> {
    let (mut rows, mut messages): (Vec<Piece<'_>>, Vec<Piece<'_>>) = pieces.into_iter().partition(|piece| piece.key.is_some());
    rows.sort_by(|a, b| a.key.cmp(&b.key));
    for group in rows.chunk_by(|a, b| a.key == b.key) {
        let first = group.iter().map(|piece| piece.row).min().unwrap_or_default();
        let rows = group.iter().map(|piece| piece.bytes.as_ref());
        messages.push(Piece::new(first, std::iter::once(head).chain(rows).collect::<Vec<_>>().concat()));
    }
    messages
}

/// The messages of a JSON document: the document with one row each. What is no such document is one message.
fn elements(mapping: &Mapping, bytes: Vec<u8>) -> Vec<Piece<'static>> {
    match cut(mapping, &bytes) {
        Some(pieces) => pieces.into_iter().zip(1..).map(|(bytes, row)| Piece::new(row, bytes)).collect(),
        None => vec![Piece::new(1, bytes)],
    }
}

fn cut(mapping: &Mapping, bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let text = mapping.as_json(mapping.text(bytes)?).ok()?;
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
    // An answer that holds no row may say why.
    if elements.is_empty() && mapping.refusal(&text).is_some() {
        return None;
    }
    let (header, rows) = match mapping.envelope().format {
        mapping::Format::JsonTable => elements.split_first().map(|(header, rows)| (format!("{},", header.get()), rows))?,
        _ => (String::new(), elements.as_slice()),
    };
    Some(rows.iter().map(|row| format!("{before}[{header}{}]{after}", row.get()).into_bytes()).collect())
}
