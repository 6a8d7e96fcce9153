//! Bytes of an unknown file → columns and rows, with the reason for each guess about its form. Reads no meaning.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::sections::TODO;
use super::text::quoted;
use super::{Excerpt, NoTable};
use crate::decode::delimited::{Dialect, is_blank, record};
use crate::decode::encoding::TextEncoding;
use crate::decode::mapping::PREAMBLE_MAX;
use crate::decode::{json, number, xml};

/// Lines by which the form of a file is told.
pub(super) const HEAD_LINES: usize = 50;
/// What to do with a table whose columns nobody names.
const HEADERLESS: &str = "put a line with names before it for a draft, and in the mapping name the columns in their order: \
                          columns.header = [\"HS\", \"Country\", …], as the source's documentation does";
/// Places of a JSON document that are looked at for its rows.
const PLACES_MAX: usize = 10_000;
/// Columns that are told; a file with more is cut off there, and the draft says so.
const COLUMNS_MAX: usize = 500;

/// Where a row holds a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Under a name of the header, or a member of the row.
    Name(String),
    /// Deeper in a JSON row.
    Pointer(String),
}

/// A file's rows, as far as they were read.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Lines of `[envelope]`, each with its reason.
    pub(super) envelope: Vec<(String, String)>,
    /// The header does not stand first.
    pub(super) preamble: bool,
    pub(super) columns: Vec<Source>,
    pub(super) rows: Vec<Vec<Option<String>>>,
    /// Columns of which a value is text. A number of JSON says by itself what its point is.
    pub(super) texts: BTreeSet<usize>,
    /// What is odd about the form.
    pub(super) notes: Vec<String>,
}

impl Source {
    /// The name by which people call it.
    pub(super) fn shown(&self) -> &str {
        match self {
            Source::Name(name) | Source::Pointer(name) => name,
        }
    }
}

/// Finds the rows.
pub(super) fn read(excerpt: Excerpt<'_>, rows_max: usize) -> Result<Table, NoTable> {
    let (encoding, text, why) = decoded(excerpt)?;
    let start = text.trim_start();
    let table = if xml::is_xml(&text) || start.starts_with(['{', '[']) {
        if encoding != TextEncoding::UTF_8 {
            return Err(NoTable(format!("JSON and XML are read as UTF-8, and this is {}: convert it", encoding.name())));
        }
        structured(&text, excerpt.whole, rows_max)?
    } else {
        delimited(&text, (encoding, why), rows_max)?
    };
    if table.rows.is_empty() || table.columns.is_empty() {
        return Err(NoTable("there is a header and no row, or no column has a name: a draft needs rows to look at".to_owned()));
    }
    Ok(table)
}

/// The text, its encoding, and how that was told. Of a cut file the last, broken line is left out.
fn decoded(excerpt: Excerpt<'_>) -> Result<(TextEncoding, Cow<'_, str>, String), NoTable> {
    let (name, why) = encoding(excerpt);
    let encoding = TextEncoding::named(name).unwrap_or(TextEncoding::UTF_8);
    let bytes = if excerpt.whole { excerpt.bytes } else { whole_lines(excerpt.bytes, encoding) };
    let text = encoding.decode(bytes);
    let controls =
        |text: &str| text.chars().filter(|sign| sign.is_control() && !matches!(sign, '\t' | '\r' | '\n' | '\u{c}')).count();
    if text.as_deref().is_some_and(|text| controls(text) * 100 > text.chars().count()) {
        return Err(NoTable("no table was found: more than one sign in a hundred is none that text has".to_owned()));
    }
    text.map(|text| (encoding, text, why)).ok_or_else(|| NoTable("the bytes are text in no encoding that is known".to_owned()))
}

fn whole_lines(bytes: &[u8], encoding: TextEncoding) -> &[u8] {
    let (width, high_first) = encoding.unit();
    let low = if high_first { width - 1 } else { 0 };
    let ends = |unit: &[u8]| unit.iter().enumerate().all(|(at, byte)| *byte == if at == low { b'\n' } else { 0 });
    let units = bytes.chunks_exact(width).collect::<Vec<_>>();
    let last = units.iter().rposition(|unit| ends(unit)).map_or(0, |at| (at + 1) * width);
    bytes.get(..last).unwrap_or_default()
}

fn encoding(excerpt: Excerpt<'_>) -> (&'static str, String) {
    let bytes = excerpt.bytes;
    let marks: [(&[u8], &str); 3] = [(b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16le"), (b"\xfe\xff", "utf-16be")];
    if let Some((_, name)) = marks.into_iter().find(|(mark, _)| bytes.starts_with(mark)) {
        return (name, "the file begins with a byte order mark".to_owned());
    }
    let zeros = |odd: usize| bytes.iter().skip(odd).step_by(2).take(1_000).filter(|byte| **byte == 0).count();
    let half = bytes.len().min(2_000) / 4;
    if zeros(1) > half {
        return ("utf-16le", "every second byte is zero".to_owned());
    }
    if zeros(0) > half {
        return ("utf-16be", "every first byte of two is zero".to_owned());
    }
    let lines = if excerpt.whole { bytes } else { whole_lines(bytes, TextEncoding::UTF_8) };
    if std::str::from_utf8(lines).is_ok() {
        return ("utf-8", "all bytes are UTF-8".to_owned());
    }
    let signs = |name: &str, range: std::ops::RangeInclusive<char>| {
        let text = TextEncoding::named(name).and_then(|encoding| encoding.decode(lines));
        text.map_or(0, |text| text.chars().filter(|sign| range.contains(sign)).count())
    };
    if signs("shift-jis", '\u{3041}'..='\u{30fe}') > 0 && signs("shift-jis", '\u{ff61}'..='\u{ff9f}') == 0 {
        return ("shift-jis", "the bytes are no UTF-8, and give Japanese letters as Shift-JIS: look at the texts".to_owned());
    }
    // Of Latin text a letter with an accent stands alone; Chinese signs are two bytes of which both are high, mostly in a row.
    let high = |byte: Option<&u8>| byte.is_some_and(|byte| *byte >= 0x80);
    let inner = |at: usize| high(lines.get(at)) && (high(lines.get(at + 1)) || at > 0 && high(lines.get(at - 1)));
    let all = lines.iter().filter(|byte| **byte >= 0x80).count();
    let in_row = (0..lines.len()).filter(|at| inner(*at)).count();
    if in_row * 4 > all * 3 && signs("gb18030", '\u{4e00}'..='\u{9fff}') > 0 {
        return ("gb18030", "the bytes are no UTF-8, and give Chinese signs as GB18030: look at the texts".to_owned());
    }
    (
        "windows-1252",
        "TODO: windows-1250, -1251, -1252 or -1254? The bytes are no UTF-8, and every one is a sign of each; here they were \
         read as -1252: look at the letters with accents"
            .to_owned(),
    )
}

fn records(text: &str, dialect: Dialect, most: usize) -> (Vec<Vec<String>>, bool) {
    let (mut at, mut all, mut cells) = (0, Vec::new(), Vec::new());
    while at < text.len() && all.len() < most {
        let (next, open) = record(text, at, dialect, &mut cells);
        if open {
            return (all, true);
        }
        at = next;
        if !is_blank(&cells) {
            all.push(cells.iter().map(|cell| cell.trim().to_owned()).collect());
        }
    }
    (all, false)
}

/// The width that most records have, and how many have it.
fn width(records: &[Vec<String>]) -> (usize, usize) {
    let mut widths: BTreeMap<usize, usize> = BTreeMap::new();
    records.iter().for_each(|record| *widths.entry(record.len()).or_default() += 1);
    widths.into_iter().max_by_key(|(width, count)| (*count, *width)).unwrap_or((0, 0))
}

fn delimited(text: &str, (encoding, why): (TextEncoding, String), rows_max: usize) -> Result<Table, NoTable> {
    let dialect = |delimiter, quote| Dialect { delimiter, quote };
    let judged = [b',', b';', b'\t', b'|'].map(|sign| {
        let (head, _) = records(text, dialect(sign, Some(b'"')), HEAD_LINES);
        let (width, count) = width(&head);
        (count * width.saturating_sub(1), sign, width, count, head.len())
    });
    // Of equal ones the first: max_by_key would take the last.
    let best = judged.into_iter().rev().max_by_key(|(score, ..)| *score).filter(|(score, ..)| *score > 0);
    let Some((_, sign, width, count, lines)) = best else {
        let next = "it is no delimited text (, ; tab |), JSON or XML; columns at fixed places need a mapping by hand";
        return Err(NoTable(format!("no table was found: {next}")));
    };
    let most = PREAMBLE_MAX + rows_max.saturating_add(1);
    let (quoted_records, open) = records(text, dialect(sign, Some(b'"')), most);
    let records = if open { records(text, dialect(sign, None), most).0 } else { quoted_records };
    let filled = |record: &Vec<String>| record.iter().filter(|cell| !cell.is_empty()).count();
    let is_header = |record: &Vec<String>| filled(record) >= 2 && filled(record) * 10 >= width * 6;
    let at = records.iter().take(PREAMBLE_MAX).position(is_header);
    let Some((at, header)) = at.and_then(|at| Some((at, records.get(at)?))) else {
        return Err(NoTable(format!("no header was found: no line has a name for most columns; {HEADERLESS}")));
    };
    let rows = records.get(at + 1..).unwrap_or_default();
    if header.iter().enumerate().filter(|(place, cell)| is_value(cell, *place, rows)).count() * 2 > filled(header) {
        return Err(NoTable(format!("no header was found: line {} holds what stands in rows; {HEADERLESS}", at + 1)));
    }
    let mut table = Table { preamble: at > 0, ..Table::default() };
    table.say("format = \"csv\"", format!("{count} of the first {lines} lines have {width} cells"));
    if sign != b',' {
        let shown = if sign == b'\t' { "\\t".to_owned() } else { char::from(sign).to_string() };
        table.say(&format!("delimiter = \"{shown}\""), "no other sign divides as many lines into as many cells".to_owned());
    }
    if open {
        table.say("quote = \"\"", "a cell begins with a quote that is never closed".to_owned());
    }
    if encoding != TextEncoding::UTF_8 {
        let name = if why.starts_with(TODO) { TODO } else { encoding.name() };
        table.say(&format!("encoding = {}", quoted(name)), why);
    }
    if at > 0 {
        table.say("preamble = \"until-header\"", format!("{at} lines stand before the first one that names most columns"));
    }
    table.take_delimited(header, rows.get(..rows_max.min(rows.len())).unwrap_or_default());
    Ok(table)
}

/// Whether a cell of the first line is no name: a figure, a date above dates, or a text that stands below it again.
fn is_value(cell: &str, place: usize, rows: &[Vec<String>]) -> bool {
    let is_date = |cell: &str| {
        cell.len() >= 6
            && cell.contains(['-', '/', '.'])
            && cell.bytes().all(|byte| byte.is_ascii_digit() || b"-/.".contains(&byte))
    };
    let mut below = rows.iter().filter_map(|row| row.get(place));
    let is_figure = number::exact(cell).is_some() && !is_year(cell);
    is_figure || !cell.is_empty() && below.any(|other| other == cell || is_date(cell) && is_date(other))
}

/// A year, or one with its month: names of columns that stand there for each.
fn is_year(cell: &str) -> bool {
    let is_month = |text: &str| text.is_empty() || text.len() == 2 && matches!(text.parse(), Ok(1..=12));
    cell.get(4..).is_some_and(is_month) && (cell.starts_with("19") || cell.starts_with("20"))
}

impl Table {
    fn say(&mut self, line: &str, why: String) {
        self.envelope.push((line.to_owned(), why));
    }

    fn take_delimited(&mut self, header: &[String], rows: &[Vec<String>]) {
        let mut places = Vec::new();
        for (at, name) in header.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            let source = Source::Name(name.clone());
            if self.columns.contains(&source) {
                self.notes
                    .push(format!("the name {name:?} stands twice in the header; rows are taken only where both cells agree"));
            } else if places.len() < COLUMNS_MAX {
                self.columns.push(source);
                places.push(at);
            }
        }
        if header.len() > COLUMNS_MAX {
            self.notes.push(format!("only the first {COLUMNS_MAX} columns are told"));
        }
        self.texts.extend(0..self.columns.len());
        let cell = |row: &Vec<String>, at: usize| row.get(at).filter(|cell| !cell.is_empty()).cloned();
        self.rows = rows.iter().map(|row| places.iter().map(|at| cell(row, *at)).collect()).collect();
    }

    /// Takes a JSON row: its scalars, those of objects in it by pointer, and a note of lists.
    fn take_object(&mut self, row: &str) {
        let mut values: BTreeMap<usize, String> = BTreeMap::new();
        let mut open = vec![(String::new(), row.to_owned())];
        while let Some((path, raw)) = open.pop() {
            let mut deeper = Vec::new();
            for (name, value) in json::members(&raw).unwrap_or_default() {
                let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
                let first = value.get().trim_start().chars().next();
                if first == Some('{') {
                    deeper.push((path, value.get().to_owned()));
                } else if first == Some('[') {
                    let note = format!("{path} holds a list: [[explode]] with elements = {} takes it apart", quoted(&path));
                    if !self.notes.contains(&note) && self.notes.len() < COLUMNS_MAX {
                        self.notes.push(note);
                    }
                } else {
                    let is_top = path.matches('/').count() == 1;
                    let source = if is_top { Source::Name(name.into_owned()) } else { Source::Pointer(path) };
                    if let (Some(at), Some(text)) = (self.place(source), json::scalar(value.get())) {
                        values.insert(at, text.trim().to_owned());
                        self.texts.extend((first == Some('"')).then_some(at));
                    }
                }
            }
            open.extend(deeper.into_iter().rev());
        }
        let cells = (0..self.columns.len()).map(|at| values.remove(&at).filter(|text| !text.is_empty())).collect();
        self.rows.push(cells);
    }

    fn place(&mut self, source: Source) -> Option<usize> {
        let known = self.columns.iter().position(|known| *known == source);
        if known.is_none() && self.columns.len() < COLUMNS_MAX {
            self.columns.push(source);
            return Some(self.columns.len() - 1);
        }
        known
    }
}

// JSON, and XML read as JSON.

fn structured(text: &str, whole: bool, rows_max: usize) -> Result<Table, NoTable> {
    if let Some(table) = lines_of_json(text, rows_max) {
        return Ok(table);
    }
    if !whole {
        return Err(NoTable("a document is read whole, and this one is too large: keep some of its rows alone".to_owned()));
    }
    let is_xml = xml::is_xml(text);
    let document =
        if is_xml { xml::to_json(text, &[]).map_err(|cause| NoTable(cause.to_string()))? } else { text.trim().to_owned() };
    if json::nesting(&document) > json::NESTING_MAX {
        return Err(NoTable(format!("the document nests more than {} deep", json::NESTING_MAX)));
    }
    let mut table = Table::default();
    let (pointer, rows) = rows_of(&document, &mut table)?;
    let of_lists = rows.first().is_some_and(|row| row.starts_with('['));
    let form = if of_lists { "format = \"json-table\"" } else { "format = \"json\"" };
    let what = if is_xml { "an XML document, read as JSON" } else { "a JSON document" };
    table.say(form, format!("{what} with {} rows in it", rows.len()));
    if !pointer.is_empty() {
        table.say(&format!("records = {}", quoted(&pointer)), "the longest list of the document".to_owned());
    }
    if is_xml && let Some(name) = pointer.rsplit('/').next().filter(|name| !name.is_empty()) {
        table.say(&format!("lists = [{}]", quoted(name)), "in a document with one row it would be no list".to_owned());
    }
    if of_lists {
        let texts = |row: &String| {
            let cell = |raw: &&serde_json::value::RawValue| json::scalar(raw.get()).unwrap_or_default().trim().to_owned();
            json::elements(row).unwrap_or_default().iter().map(cell).collect::<Vec<String>>()
        };
        let all: Vec<Vec<String>> = rows.iter().take(rows_max.saturating_add(1)).map(texts).collect();
        if let Some((header, rows)) = all.split_first() {
            table.take_delimited(header, rows);
        }
        return Ok(table);
    }
    rows.iter().take(rows_max).for_each(|row| table.take_object(row));
    table.square();
    Ok(table)
}

impl Table {
    /// Rows that came before a column was first seen have none of it.
    fn square(&mut self) {
        let width = self.columns.len();
        self.rows.iter_mut().for_each(|row| row.resize(width, None));
    }
}

/// An object a line, told by the first lines.
fn lines_of_json(text: &str, rows_max: usize) -> Option<Table> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).take(rows_max.max(2)).collect();
    let objects = lines.iter().filter(|line| json::members(line).is_some() && json::nesting(line) <= json::NESTING_MAX).count();
    // A document that was written on one line is a document.
    if objects * 2 <= lines.len() || lines.len() == 1 && lines.iter().any(|line| lists_rows(line)) {
        return None;
    }
    let mut table = Table::default();
    table.say("format = \"ndjson\"", format!("{objects} of the first {} lines are a JSON object each", lines.len()));
    lines.iter().take(rows_max).for_each(|line| table.take_object(line));
    table.square();
    Some(table)
}

/// Whether rows stand somewhere in an object, in a list of their own.
fn lists_rows(object: &str) -> bool {
    let is_list = |raw: &str| is_list_of_objects(raw) || raw.trim_start().starts_with('{') && lists_rows(raw);
    json::nesting(object) <= json::NESTING_MAX
        && json::members(object).is_some_and(|members| members.iter().any(|(_, raw)| is_list(raw.get())))
}

fn is_list_of_objects(raw: &str) -> bool {
    raw.trim_start().starts_with('[') && raw.trim_start().get(1..).is_some_and(|rest| rest.trim_start().starts_with('{'))
}

/// The longest list of objects or of lists, breadth first; else the object that holds more than one thing.
fn rows_of(document: &str, table: &mut Table) -> Result<(String, Vec<String>), NoTable> {
    let owned = |elements: Vec<&serde_json::value::RawValue>| elements.iter().map(|raw| raw.get().trim().to_owned()).collect();
    let mut best: Option<(String, Vec<String>)> = None;
    let mut alone: Option<(String, String)> = None;
    let mut open = std::collections::VecDeque::from([(String::new(), document.to_owned())]);
    let mut seen = 0;
    while let Some((pointer, raw)) = open.pop_front().filter(|_| seen < PLACES_MAX) {
        seen += 1;
        if raw.starts_with('[') {
            let elements: Vec<String> = json::elements(&raw).map(owned).unwrap_or_default();
            if elements.first().is_some_and(|first| first.starts_with(['{', '['])) {
                let longer = best.as_ref().is_none_or(|(_, known)| elements.len() > known.len());
                let other = if longer { best.replace((pointer, elements)) } else { Some((pointer, elements)) };
                if let Some((place, rows)) = other {
                    table.notes.push(format!("{place} is another list, of {} rows", rows.len()));
                }
            }
            continue;
        }
        let Some(members) = json::members(&raw) else { continue };
        if members.len() > 1 && alone.is_none() {
            alone = Some((pointer.clone(), raw.clone()));
        }
        for (name, value) in members.iter().filter(|(_, value)| value.get().trim_start().starts_with(['{', '['])) {
            let name = name.replace('~', "~0").replace('/', "~1");
            open.push_back((format!("{pointer}/{name}"), value.get().trim().to_owned()));
        }
    }
    let one = alone.map(|(pointer, row)| (pointer, vec![row]));
    best.or(one).ok_or_else(|| NoTable("no table was found: the document has no list of rows".to_owned()))
}
