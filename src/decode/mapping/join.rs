//! Releases that tell one record in several files: which file is which part, and what one message of them all holds. The files are put
//! together before ingest, which sees a message at a time; what is missing in one is found out there, so that it stands in the books.

use std::borrow::Cow;

use regex::Regex;

use super::field::Stop;
use super::layout::{Layout, Names};
use super::reader::{MappingError, Section};
use super::{parse, value};
use crate::decode::delimited::{self, Dialect, Records};
use crate::decode::draft::malformed;
use crate::decode::encoding::TextEncoding;
use crate::decode::json::At;
use crate::decode::writer::Json;
use crate::domain::ExcludedReason;

/// How the files of a release are joined.
#[derive(Debug)]
pub struct Join {
    /// The column that is the same in every part of a record.
    key: String,
    dialect: Dialect,
    /// The first is the one that every record has.
    parts: Vec<JoinPart>,
    aside: Vec<Regex>,
    orphan: String,
}

/// A part.
#[derive(Debug)]
struct JoinPart {
    name: String,
    files: Regex,
    /// A record may have several rows of it.
    many: bool,
    /// What is taken over; all, where absent.
    columns: Option<Vec<String>>,
}

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileOf {
    /// So manieth part of a release, which the name's first group tells from others.
    Part(usize, String),
    /// A file of the release that is not wanted.
    Aside,
    /// None of it: it is joined already.
    Joined,
}

/// A row of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartRow<'a> {
    /// Its key, and the row as a JSON object.
    Keyed(&'a str, Vec<u8>),
    /// A message by itself: a row without a key, or one that cannot be read, as it stands.
    Alone(Vec<u8>),
}

/// What takes rows of a part. They are lent, since a file has millions.
pub type TakePartRow<'t> = dyn FnMut(PartRow<'_>) + 't;

impl Join {
    /// The section `join`.
    pub(super) fn read(section: Section<'_>) -> Result<Join, MappingError> {
        let key = section.required_text("key", "the column that is the same in all parts of a record")?;
        let dialect = parse::dialect(&section)?;
        let orphan = section.reason("orphan")?.unwrap_or_else(|| ExcludedReason::ORPHAN.to_owned());
        let pattern = |text: &String| value::compile(text).map_err(|problem| section.error("aside", problem));
        let aside = section.texts("aside")?.unwrap_or_default().iter().map(pattern).collect::<Result<_, _>>()?;
        let parts = section.sections("parts")?.into_iter().map(JoinPart::read).collect::<Result<Vec<_>, _>>()?;
        match parts.as_slice() {
            [] | [_] => return Err(section.missing("parts", "two or more [[join.parts]], the first that which every record has")),
            [first, ..] if first.many => return Err(section.error("parts", "the first part has one row a record")),
            [..] => {}
        }
        let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).chain([key.as_str()]).collect();
        if let Some(twice) = names.iter().enumerate().find(|(at, name)| names.iter().take(*at).any(|other| other == *name)) {
            return Err(section.error("parts", format!("{:?} stands for two things", twice.1)));
        }
        section.finish()?;
        Ok(Join { key, dialect, parts, aside, orphan })
    }

    /// What a file is, by its name.
    pub fn file(&self, name: &str) -> FileOf {
        let part = self.parts.iter().enumerate().find_map(|(at, part)| Some((at, part.files.captures(name)?)));
        match part {
            Some((at, found)) => FileOf::Part(at, found.get(1).map(|group| group.as_str().to_owned()).unwrap_or_default()),
            None if self.aside.iter().any(|pattern| pattern.is_match(name)) => FileOf::Aside,
            None => FileOf::Joined,
        }
    }

    /// The name of a part.
    pub fn name(&self, part: usize) -> &str {
        self.parts.get(part).map(|part| part.name.as_str()).unwrap_or_default()
    }

    /// Reads the rows of a part.
    pub fn rows(&self, part: usize) -> PartRows<'_> {
        let records = Records::new(self.dialect, TextEncoding::UTF_8);
        PartRows { join: self, part: self.parts.get(part), records, head: None }
    }

    /// The message of the rows that have one key, each with its part; those of a part in a row.
    pub fn message(&self, key: &str, rows: &[(usize, &[u8])]) -> Vec<u8> {
        let length: usize = rows.iter().map(|(_, row)| row.len() + ROOM).sum();
        let mut json = Json::with_capacity(length + self.key.len() + key.len());
        json.raw(b"{").text(&self.key).raw(b":").text(key);
        for rows in rows.chunk_by(|(a, _), (b, _)| a == b) {
            if let Some(part) = rows.first().and_then(|(at, _)| self.parts.get(*at)) {
                json.raw(b",").text(&part.name).raw(b":");
                part.member(&mut json, rows);
            }
        }
        json.raw(b"}");
        json.into_bytes()
    }

    /// Whether a message holds a record: the first part, and of no part more than there may be.
    pub(super) fn check(&self, at: At<'_>) -> Result<(), Stop> {
        let found = |part: &JoinPart| at.member(&part.name);
        if self.parts.first().and_then(found).is_none() {
            return Err(Stop::Excluded(self.orphan.clone()));
        }
        let several = |part: &&JoinPart| !part.many && found(part).is_some_and(At::is_list);
        match self.parts.iter().find(several) {
            None => Ok(()),
            Some(part) => {
                Err(malformed(&format!("join.{}", part.name), "several rows of one record, and they differ; it has one").into())
            }
        }
    }
}

/// Bytes that a row has in a message beside its own: the name of its part, and signs.
const ROOM: usize = 24;

impl JoinPart {
    /// The rows of it; one alone where there may be one alone. There the same row twice is one.
    fn member(&self, json: &mut Json, rows: &[(usize, &[u8])]) {
        let mut rows: Vec<&[u8]> = rows.iter().map(|(_, row)| *row).collect();
        if !self.many {
            rows.dedup();
        }
        match rows.as_slice() {
            [row] if !self.many => json.raw(row),
            rows => {
                json.raw(b"[");
                for (nth, row) in rows.iter().enumerate() {
                    json.raw(if nth > 0 { b"," } else { b"" }).raw(row);
                }
                json.raw(b"]")
            }
        };
    }

    fn read(section: Section<'_>) -> Result<JoinPart, MappingError> {
        let name = section.required_text("name", "how pointers call the part")?;
        let files = section.required_text("files", "a pattern on the names of its files")?;
        let files = value::compile(&files).map_err(|problem| section.error("files", problem))?;
        let many = match section.text("rows")?.as_deref() {
            None | Some("one") => false,
            Some("many") => true,
            Some(other) => return Err(section.error("rows", format!("{other:?} is no number of rows; allowed are one, many"))),
        };
        let columns = section.texts("columns")?;
        section.finish()?;
        Ok(JoinPart { name, files, many, columns })
    }
}

/// The rows of one file of a part, which comes in chunks.
#[derive(Debug)]
pub struct PartRows<'j> {
    join: &'j Join,
    part: Option<&'j JoinPart>,
    records: Records,
    head: Option<PartHead>,
}

/// The header of a part's file.
#[derive(Debug)]
struct PartHead {
    layout: Layout,
    /// Where the key stands.
    key: Option<usize>,
    /// What stands before the cell of each column that is taken over, in the row's object.
    members: Vec<Option<Vec<u8>>>,
}

impl PartRows<'_> {
    /// Takes the next bytes; gives the rows that they complete.
    pub fn push(&mut self, chunk: &[u8], give: &mut TakePartRow<'_>) {
        let idle = Records::new(self.join.dialect, TextEncoding::UTF_8);
        let mut records = std::mem::replace(&mut self.records, idle);
        records.push(chunk, &mut |record| self.row(record, give));
        self.records = records;
    }

    /// At the end of the file.
    pub fn finish(&mut self, give: &mut TakePartRow<'_>) {
        let rest = self.records.rest();
        self.row(&rest, give);
    }

    fn row(&mut self, record: &[u8], give: &mut TakePartRow<'_>) {
        if record.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let Some(head) = &self.head else {
            self.head = Some(self.read_head(&String::from_utf8_lossy(record)));
            return;
        };
        let mut cells = Vec::with_capacity(head.members.len() + 1);
        let read = std::str::from_utf8(record).ok().and_then(|text| self.object(head, text, &mut cells));
        give(read.unwrap_or_else(|| PartRow::Alone(record.trim_ascii_end().to_vec())));
    }

    fn read_head(&self, text: &str) -> PartHead {
        let mut cells = Vec::new();
        delimited::record(text, 0, self.join.dialect, &mut cells);
        let layout = Layout::read(&cells, &[], Names::Exact);
        let columns = self.part.and_then(|part| part.columns.as_ref());
        let member = |name: &String| {
            let is_wanted = *name != self.join.key && columns.is_none_or(|columns| columns.contains(name));
            is_wanted.then(|| Json::default().text(name).raw(b":").as_bytes().to_vec())
        };
        let key = layout.names.iter().position(|name| *name == self.join.key);
        PartHead { key, members: layout.names.iter().map(member).collect(), layout }
    }

    /// A row as an object of its cells; what is empty is left away. `None` where it cannot be read.
    fn object<'c>(&self, head: &PartHead, text: &'c str, cells: &'c mut Vec<Cow<'c, str>>) -> Option<PartRow<'c>> {
        let (_, open) = delimited::record(text, 0, self.join.dialect, cells);
        if open || head.layout.check(cells).is_err() {
            return None;
        }
        let key = cells.get(head.key?)?.trim();
        let mut json = Json::with_capacity(2 * text.len() + ROOM);
        if key.is_empty() {
            let name = self.part.map(|part| part.name.as_str()).unwrap_or_default();
            json.raw(b"{").text(name).raw(b":");
        }
        json.raw(b"{");
        for (member, cell) in head.members.iter().zip(cells.iter()) {
            let (Some(member), cell) = (member, cell.trim()) else { continue };
            if !cell.is_empty() {
                json.comma().raw(member).text(cell);
            }
        }
        json.raw(b"}");
        if !key.is_empty() {
            return Some(PartRow::Keyed(key, json.into_bytes()));
        }
        json.raw(b"}");
        Some(PartRow::Alone(json.into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Mapping;

    const MAPPING: &str = r#"
version = 1
name = "bills"
kind = "shipment"
[envelope]
format = "ndjson"
[join]
key = "id"
aside = ["^hazmat_"]
[[join.parts]]
name = "bill"
files = "^bill_([0-9]{4})"
[[join.parts]]
name = "party"
files = "^party_([0-9]{4})"
rows = "many"
columns = ["name"]
[fields]
id = "id"
event_date = { pointer = "/bill/day" }
destination = { const = "US" }
port_of_lading = { pointer = "/bill/port" }
hs = { pointer = "/bill/hs" }
"#;

    fn join() -> Mapping {
        Mapping::parse(MAPPING).unwrap()
    }

    fn rows(part: usize, text: &str, size: usize) -> Vec<String> {
        let mapping = join();
        let mut rows = mapping.join().unwrap().rows(part);
        let mut found = Vec::new();
        let mut give = |row: PartRow<'_>| {
            found.push(match row {
                PartRow::Keyed(key, row) => format!("{key} {}", String::from_utf8(row).unwrap()),
                PartRow::Alone(message) => format!("! {}", String::from_utf8(message).unwrap()),
            });
        };
        text.as_bytes().chunks(size).for_each(|chunk| rows.push(chunk, &mut give));
        rows.finish(&mut give);
        found
    }

    #[test]
    fn a_file_is_known_by_its_name() {
        let mapping = join();
        let of = |name: &str| mapping.join().unwrap().file(name);
        assert_eq!(of("bill_2019__1.csv"), FileOf::Part(0, "2019".to_owned()));
        assert_eq!(of("party_2018.csv"), FileOf::Part(1, "2018".to_owned()));
        assert_eq!((of("hazmat_2019.csv"), of("joined.ndjson")), (FileOf::Aside, FileOf::Joined));
    }

    #[test]
    fn rows_become_objects_and_what_cannot_be_read_stays_whole() {
        let text = "id,name,phone\r\n7,\"A \"\"B\"\"\",1\r\n\r\n,C,2\n8,too few\n9, D ,3";
        for size in [1, 3, 1000] {
            assert_eq!(
                rows(1, text, size),
                [r#"7 {"name":"A \"B\""}"#, r#"! {"party":{"name":"C"}}"#, "! 8,too few", r#"9 {"name":"D"}"#]
            );
        }
        assert_eq!(rows(0, "key,day\n7,x\n", 9), ["! 7,x"], "without the key nothing can be joined");
    }

    #[test]
    fn a_message_holds_one_row_or_all_of_them() {
        let mapping = join();
        let message = |rows: &[(usize, &str)]| {
            let rows: Vec<(usize, &[u8])> = rows.iter().map(|(part, row)| (*part, row.as_bytes())).collect();
            String::from_utf8(mapping.join().unwrap().message("7", &rows)).unwrap()
        };
        assert_eq!(message(&[(0, "{}"), (1, "{}")]), r#"{"id":"7","bill":{},"party":[{}]}"#);
        assert_eq!(message(&[(0, "{}"), (0, "{}"), (1, "1"), (1, "1")]), r#"{"id":"7","bill":{},"party":[1,1]}"#);
        assert_eq!(message(&[(0, "1"), (0, "2")]), r#"{"id":"7","bill":[1,2]}"#);
        assert_eq!(message(&[(1, "{}")]), r#"{"id":"7","party":[{}]}"#);
    }

    #[test]
    fn an_error_in_a_join_names_line_and_key() {
        let refused = |from: &str, to: &str| {
            assert!(MAPPING.contains(from), "{from}");
            Mapping::parse(&MAPPING.replacen(from, to, 1)).unwrap_err().to_string()
        };
        for (from, to, named) in [
            ("key = \"id\"\n", "", "join.key"),
            ("rows = \"many\"", "rows = \"few\"", "\"few\" is no number of rows"),
            ("name = \"party\"", "name = \"bill\"", "\"bill\" stands for two things"),
            ("files = \"^bill_([0-9]{4})\"", "files = \"^bill_([0-9]{4})\"\nrows = \"many\"", "the first part has one row"),
            ("format = \"ndjson\"", "format = \"csv\"", "a join gives lines of JSON"),
            ("aside =", "asde =", "aside"),
        ] {
            let said = refused(from, to);
            assert!(said.contains(named) && said.contains("line "), "{said}");
        }
    }
}
