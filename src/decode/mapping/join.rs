//! Releases that tell one record in several files: which file is which part, and what one message of them all holds. The files are put
//! together before ingest, which sees a message at a time; what is missing in one is found out there, so that it stands in the books.

use std::borrow::Cow;
use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;

use super::field::Stop;
use super::head::Head;
use super::layout::{Layout, Names};
use super::never::Never;
use super::parse;
use super::reach::{Part, Reach};
use super::reader::{MappingError, Section};
use super::steps::compile;
use super::value::Column;
use crate::decode::delimited::{self, Dialect, Records};
use crate::decode::draft::{error, malformed};
use crate::decode::encoding::TextEncoding;
use crate::decode::json::At;
use crate::decode::writer::Json;
use crate::domain::{DeadLetterReason, ExcludedReason};

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
    /// The columns that may not be read.
    never: Never,
}

/// A part.
#[derive(Debug)]
struct JoinPart {
    name: String,
    files: Regex,
    /// A record may have several rows of it.
    many: bool,
    /// A release may be without it.
    optional: bool,
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
    /// No part: joined already, or none of the release at all.
    Other,
}

/// A row of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartRow<'a> {
    /// Its key, and the row as a JSON object.
    Keyed(&'a str, Vec<u8>),
    /// A message by itself: a row without a key, or one that cannot be read, with its place and the reason.
    Alone(Vec<u8>),
}

/// What takes rows of a part. They are lent, since a file has millions.
pub type TakePartRow<'t> = dyn FnMut(PartRow<'_>) + 't;

impl Join {
    /// The section `join`.
    pub(super) fn read(section: Section<'_>, head: &Head) -> Result<Join, MappingError> {
        let key = section.required_text("key", "the column that is the same in all parts of a record")?;
        let dialect = parse::dialect(&section)?;
        let orphan = section.reason("orphan")?.unwrap_or_else(|| ExcludedReason::ORPHAN.to_owned());
        let pattern = |text: &String| compile(text).map_err(|problem| section.error("aside", problem));
        let aside = section.texts("aside")?.unwrap_or_default().iter().map(pattern).collect::<Result<_, _>>()?;
        let parts = section.sections("parts")?.into_iter().map(JoinPart::read).collect::<Result<Vec<_>, _>>()?;
        match parts.as_slice() {
            [] | [_] => return Err(section.missing("parts", "two or more [[join.parts]], the first that which every record has")),
            [first, ..] if first.optional => {
                return Err(section.error("parts", "the first part is that which every record has: it cannot be optional"));
            }
            [first, ..] if first.many => return Err(section.error("parts", "the first part has one row a record")),
            [..] => {}
        }
        let called: Vec<&str> = parts.iter().map(|part| part.name.as_str()).chain([key.as_str()]).collect();
        if let Some(twice) = called.iter().enumerate().find(|(at, name)| called.iter().take(*at).any(|other| other == *name)) {
            return Err(section.error("parts", format!("{:?} stands for two things", twice.1)));
        }
        if called.contains(&UNREADABLE) {
            return Err(
                section.error("parts", format!("{UNREADABLE:?} is how a row is called that cannot be read: take another name"))
            );
        }
        let taken = parts.iter().flat_map(|part| part.columns.iter().flatten()).chain([&key]);
        if let Some(name) = taken.into_iter().find(|name| head.never.holds(name)) {
            return Err(section.error("parts", format!("the column {name:?} is taken over, and listed under columns.never")));
        }
        section.finish()?;
        Ok(Join { key, dialect, parts, aside, orphan, never: head.never.clone() })
    }

    /// What a file is, by its name.
    pub fn file(&self, name: &str) -> FileOf {
        let part = self.parts.iter().enumerate().find_map(|(at, part)| Some((at, part.files.captures(name)?)));
        match part {
            Some((at, found)) => FileOf::Part(at, found.get(1).map(|group| group.as_str().to_owned()).unwrap_or_default()),
            None if self.aside.iter().any(|pattern| pattern.is_match(name)) => FileOf::Aside,
            None => FileOf::Other,
        }
    }

    /// The name of a part.
    pub fn name(&self, part: usize) -> &str {
        self.parts.get(part).map(|part| part.name.as_str()).unwrap_or_default()
    }

    /// The parts with the patterns of their names, as the mapping says them.
    pub fn described(&self) -> String {
        let described = |part: &JoinPart| format!("{} ({})", part.name, part.files);
        self.parts.iter().map(described).collect::<Vec<_>>().join(", ")
    }

    /// The parts that a release needs beside these.
    pub fn missing(&self, there: &[usize]) -> Vec<&str> {
        let parts = self.parts.iter().enumerate().filter(|(at, part)| !part.optional && !there.contains(at));
        parts.map(|(_, part)| part.name.as_str()).collect()
    }

    /// Reads the rows of a part from the file of this name.
    pub fn rows(&self, part: usize, file: &str) -> PartRows<'_> {
        let records = Records::new(self.dialect, TextEncoding::UTF_8);
        PartRows { join: self, part: self.parts.get(part), file: file.to_owned(), records, head: None, row: 0 }
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

    /// What lies where in its messages.
    pub(super) fn reach(&self) -> Reach {
        let part = |part: &JoinPart| Part { name: part.name.clone(), many: part.many, columns: part.columns.clone() };
        Reach::new(&self.key, self.parts.iter().map(part).collect())
    }

    /// Whether a message holds a record: the first part, and of no part more than there may be.
    pub(super) fn check(&self, at: At<'_>) -> Result<(), Stop> {
        if let Some(bad) = at.member(UNREADABLE) {
            let told = |name| bad.member(name).and_then(At::scalar).unwrap_or_default();
            let detail = format!("{} row {}: {}", told("file"), told("row"), told("why"));
            return Err(error(DeadLetterReason::Malformed, detail).into());
        }
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

/// What a message holds in place of parts, where a row could not be read.
const UNREADABLE: &str = "unreadable";

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
        let files = compile(&files).map_err(|problem| section.error("files", problem))?;
        let many = match section.text("rows")?.as_deref() {
            None | Some("one") => false,
            Some("many") => true,
            Some(other) => return Err(section.error("rows", format!("{other:?} is no number of rows; allowed are one, many"))),
        };
        let optional = section.flag("optional")?;
        let columns = section.texts("columns")?;
        if columns.as_ref().is_some_and(Vec::is_empty) {
            return Err(section.error("columns", "takes nothing over: name a column, or leave it out for all"));
        }
        section.finish()?;
        Ok(JoinPart { name, files, many, optional, columns })
    }
}

/// The rows of one file of a part, which comes in chunks.
#[derive(Debug)]
pub struct PartRows<'j> {
    join: &'j Join,
    part: Option<&'j JoinPart>,
    file: String,
    records: Records,
    head: Option<PartHead>,
    /// Rows so far, as they are counted everywhere: below the header, without empty lines.
    row: u64,
}

/// The header of a part's file.
#[derive(Debug)]
struct PartHead {
    layout: Layout,
    /// Where the key stands.
    key: Option<usize>,
    /// What stands before the cell of each column that is taken over, in the row's object.
    members: Vec<Option<Vec<u8>>>,
    /// The file has columns that may not be read, or may have.
    has_private: bool,
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

    /// The columns that are taken over, and that the header has not.
    pub fn lacking(&self) -> Vec<&str> {
        let Some(head) = &self.head else { return Vec::new() };
        let wanted = self.part.iter().flat_map(|part| part.columns.iter().flatten());
        wanted.filter(|name| !head.layout.names.contains(name)).map(String::as_str).collect()
    }

    fn row(&mut self, record: &[u8], give: &mut TakePartRow<'_>) {
        if record.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let Some(head) = &self.head else {
            match self.read_head(&String::from_utf8_lossy(record)) {
                Some(head) => self.head = Some(head),
                None => {
                    let shown = self.join.never.is_empty().then_some(record);
                    give(PartRow::Alone(self.unreadable("in the header a quoted cell never ends", shown)));
                }
            }
            return;
        };
        self.row += 1;
        let mut cells = Vec::with_capacity(head.members.len() + 1);
        let text = std::str::from_utf8(record).map_err(|problem| format!("the bytes are no utf-8: {problem}"));
        let read = text.and_then(|text| self.object(head, text, &mut cells));
        // Where a cell begins is not known of such a row: of files with private columns it stays in the file.
        let shown = (!head.has_private).then_some(record);
        give(read.unwrap_or_else(|why| PartRow::Alone(self.unreadable(&why, shown))));
    }

    /// The message of a row that cannot be read: where it stands and why, and the row as it stands.
    fn unreadable(&self, why: &str, record: Option<&[u8]>) -> Vec<u8> {
        let mut json = Json::with_capacity(2 * record.map_or(0, <[u8]>::len) + 8 * ROOM);
        json.raw(b"{").text(UNREADABLE).raw(b":{").member("file", &self.file).key("row").whole(self.row, 1).member("why", why);
        match record.map(|record| (std::str::from_utf8(record), record)) {
            Some((Ok(text), _)) => drop(json.member("text", text.trim_end())),
            Some((Err(_), bytes)) => drop(json.member("base64", &STANDARD.encode(bytes.trim_ascii_end()))),
            None => {}
        }
        json.raw(b"}}");
        json.into_bytes()
    }

    /// `None` where a quoted cell never ends: the file would be a header and no row.
    fn read_head(&self, text: &str) -> Option<PartHead> {
        let mut cells = Vec::new();
        // A mark of the byte order would hide the first name, and its quote.
        let (_, open) = delimited::record(text.trim_start_matches('\u{feff}'), 0, self.join.dialect, &mut cells);
        if open {
            return None;
        }
        let Join { key, never, .. } = self.join;
        let columns = self.part.and_then(|part| part.columns.as_ref());
        let is_taken = |name: &str| {
            (name == key || columns.is_none_or(|columns| columns.iter().any(|taken| taken == name))) && !never.holds(name)
        };
        let taken = cells.iter().map(|cell| cell.trim().to_owned()).filter(|name| is_taken(name));
        let taken: Vec<Column> = taken.map(|name| Column { names: vec![name] }).collect();
        let layout = Layout::read(&cells, &taken, Names::Exact);
        let mut seen = BTreeSet::new();
        let member = |name: &String| {
            let is_member = seen.insert(name.clone()) && name != key && is_taken(name);
            is_member.then(|| Json::default().text(name).raw(b":").as_bytes().to_vec())
        };
        let (members, key) = (layout.names.iter().map(member).collect(), layout.names.iter().position(|name| name == key));
        // Without the key this is no header: it may be a row, and its columns any.
        let has_private = layout.names.iter().any(|name| never.holds(name)) || key.is_none() && !never.is_empty();
        Some(PartHead { key, members, has_private, layout })
    }

    /// A row as an object of its cells; what is empty is left away. Else why it cannot be read.
    fn object<'c>(&self, head: &PartHead, text: &'c str, cells: &'c mut Vec<Cow<'c, str>>) -> Result<PartRow<'c>, String> {
        let (_, open) = delimited::record(text, 0, self.join.dialect, cells);
        if open {
            return Err("a quoted cell never ends".to_owned());
        }
        head.layout.check(cells, &|name| self.join.never.holds(name)).map_err(|error| error.detail)?;
        let (name, all) = (&self.join.key, head.layout.names.len());
        let lacking = || format!("the header lacks {name}, by which the parts are joined, among its {all} columns");
        let key = cells.get(head.key.ok_or_else(lacking)?).map(|cell| cell.trim()).unwrap_or_default();
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
            return Ok(PartRow::Keyed(key, json.into_bytes()));
        }
        json.raw(b"}");
        Ok(PartRow::Alone(json.into_bytes()))
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
        let mut rows = mapping.join().unwrap().rows(part, "part.csv");
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
        assert_eq!((of("hazmat_2019.csv"), of("joined.ndjson")), (FileOf::Aside, FileOf::Other));
    }

    #[test]
    fn rows_become_objects_and_what_cannot_be_read_stays_whole() {
        let text = "id,name,phone\r\n7,\"A \"\"B\"\"\",1\r\n\r\n,C,2\n8,too few\n9, D ,3";
        for size in [1, 3, 1000] {
            assert_eq!(
                rows(1, text, size),
                [
                    r#"7 {"name":"A \"B\""}"#,
                    r#"! {"party":{"name":"C"}}"#,
                    r#"! {"unreadable":{"file":"part.csv","row":3,"why":"the row has 2 cells, its header 3","text":"8,too few"}}"#,
                    r#"9 {"name":"D"}"#
                ]
            );
        }
        let lost = rows(0, "key,day\n7,x\n", 9);
        assert!(lost[0].contains("the header lacks id, by which the parts are joined, among its 2 columns"), "{lost:?}");
        let open = rows(0, "id,\"day\n7,x\n", 9);
        assert!(open[0].contains("in the header a quoted cell never ends"), "{open:?}");
    }

    #[test]
    fn a_mark_of_the_byte_order_hides_no_key() {
        for head in ["id,day", "\"id\",day", "\u{feff}id,day"] {
            assert_eq!(rows(0, &format!("\u{feff}{head}\n7,x\n"), 2), [r#"7 {"day":"x"}"#], "{head}");
        }
    }

    #[test]
    fn a_column_under_never_is_neither_taken_over_nor_compared_nor_shown() {
        let never = |column: &str| MAPPING.replacen("[fields]", &format!("[columns]\nnever = [\"{column}\"]\n[fields]"), 1);
        let mapping = Mapping::parse(&never("secret")).unwrap();
        let mut found = Vec::new();
        let mut rows = mapping.join().unwrap().rows(0, "bill_2025.csv");
        let mut give = |row: PartRow<'_>| match row {
            PartRow::Keyed(_, row) | PartRow::Alone(row) => found.push(String::from_utf8(row).unwrap()),
        };
        rows.push(b"id,secret,day,secret\n7,a,x,b\n8,SECRET\n", &mut give);
        assert_eq!(
            found,
            [r#"{"day":"x"}"#, r#"{"unreadable":{"file":"bill_2025.csv","row":2,"why":"the row has 2 cells, its header 4"}}"#]
        );
        for column in ["name", "id"] {
            let said = Mapping::parse(&never(column)).unwrap_err().to_string();
            assert!(said.contains(&format!("the column {column:?} is taken over, and listed under columns.never")), "{said}");
            assert!(said.contains("line "), "{said}");
        }
    }

    #[test]
    fn two_columns_of_one_name_agree_or_the_row_cannot_be_read() {
        let both = rows(0, "id,day,port,day\n7,x,p,x\n8,x,p,y\n9,x,p,\n", 5);
        assert_eq!(both[0], r#"7 {"day":"x","port":"p"}"#);
        for (row, shown) in [(2, "8,x,p,y"), (3, "9,x,p,")] {
            let wanted =
                format!(r#""row":{row},"why":"day: the column stands there twice, with different values","text":"{shown}""#);
            assert!(both[row - 1].starts_with("! ") && both[row - 1].contains(&wanted), "{both:?}");
        }
        // Of no concern where they are not taken over, or may not be read.
        assert_eq!(rows(1, "id,name,x,x\n7,A,1,2\n", 5), [r#"7 {"name":"A"}"#]);
        let twice = rows(0, "id,day,id\n7,x,8\n", 5);
        assert!(twice[0].contains("id: the column stands there twice"), "{twice:?}");
    }

    #[test]
    fn of_a_part_without_a_header_no_row_is_shown_where_columns_are_private() {
        let text = MAPPING.replacen("[fields]", "[columns]\nnever = [\"phone\"]\n[fields]", 1);
        let mapping = Mapping::parse(&text).unwrap();
        for file in ["7,SECRET\n8,SECRET\n", "id,\"phone\n7,SECRET\n"] {
            let mut found = Vec::new();
            let mut rows = mapping.join().unwrap().rows(0, "bill_2025.csv");
            let mut give = |row: PartRow<'_>| match row {
                PartRow::Keyed(_, row) | PartRow::Alone(row) => found.push(String::from_utf8(row).unwrap()),
            };
            rows.push(file.as_bytes(), &mut give);
            rows.finish(&mut give);
            assert!(found.len() == 1 && !found[0].contains("SECRET") && found[0].contains("header"), "{found:?}");
        }
    }

    #[test]
    fn a_release_lacks_what_is_not_optional() {
        assert_eq!(join().join().unwrap().missing(&[0]), ["party"]);
        let mapping = Mapping::parse(&MAPPING.replacen("rows = \"many\"", "rows = \"many\"\noptional = true", 1)).unwrap();
        assert_eq!(mapping.join().unwrap().missing(&[0]), [""; 0]);
        assert_eq!(mapping.join().unwrap().missing(&[1]), ["bill"]);
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
