//! Properties of every shipped mapping on its sample: the order of rows and their cut into messages change no movement, and nothing that
//! stands in a private column comes out.

use std::process::Command;
use std::sync::Arc;

use entrepot::decode::{Decoder, Mapping, Split, built_in_mappings};
use entrepot::domain::{Header, Message, Position};
use entrepot::ingest::{Feed, Ingest, IngestLimits};
use entrepot::reference::Reference;
use proptest::prelude::*;
use serde_json::Value;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/mappings/samples");
/// What no output may hold.
const SECRET: &str = "ZQX-7731-PRIVATE";
/// What no field can be.
const BROKEN: &str = "?!";
/// A column that no mapping reads.
const UNREAD: &str = "Telephone of the clerk";

/// A sample whose rows can be put together anew.
struct Sheet {
    mapping: &'static str,
    text: &'static str,
    /// As the file is called where its name says something.
    file: String,
    form: Form,
}

enum Form {
    /// Lines of csv: what stands before the rows, and the rows.
    Lines(Vec<u8>, Vec<Vec<u8>>),
    /// A document, where its rows are, and how many of them are a header.
    Document(Value, &'static str, usize),
}

fn sheets() -> Vec<Sheet> {
    // What is joined of several files is looked at in tests/joins.rs.
    let alone = built_in_mappings().iter().filter(|(mapping, _)| *mapping != "us-ams");
    alone.map(|(mapping, text)| sheet(mapping, text)).collect()
}

fn sheet(mapping: &'static str, text: &'static str) -> Sheet {
    let file = match mapping {
        "china-gacc" => "export_202503.csv".to_owned(),
        "japan-estat" => "japan_2025_until-Mar.csv".to_owned(),
        other => format!("{other}.txt"),
    };
    let form = match std::fs::read(format!("{SAMPLES}/{mapping}.csv")) {
        Ok(bytes) => {
            let ended = |line: &[u8]| [line.strip_suffix(b"\n").unwrap_or(line), b"\n"].concat();
            let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|byte| *byte == b'\n').map(ended).collect();
            let head = if ["india-declarations", "usa-trade-online"].contains(&mapping) { 3 } else { 1 };
            let rows = lines.split_off(head);
            Form::Lines(lines.concat(), rows)
        }
        Err(_) => {
            let document = serde_json::from_slice(&std::fs::read(format!("{SAMPLES}/{mapping}.json")).unwrap()).unwrap();
            let (pointer, header) = match mapping {
                "census" => ("", 1),
                "comtrade" => ("/data", 0),
                "korea-statistics" => ("/response/body/items/item", 0),
                "wco-declaration" => ("/MetaData/Declaration/GoodsShipment/GovernmentAgencyGoodsItem", 0),
                other => panic!("{other}: where are its rows?"),
            };
            Form::Document(document, pointer, header)
        }
    };
    Sheet { mapping, text, file, form }
}

impl Sheet {
    fn rows(&self) -> usize {
        match &self.form {
            Form::Lines(_, rows) => rows.len(),
            Form::Document(document, pointer, header) => document.pointer(pointer).unwrap().as_array().unwrap().len() - header,
        }
    }

    /// A file or a message with these rows.
    fn with(&self, rows: &[usize]) -> Vec<u8> {
        match &self.form {
            Form::Lines(head, all) => rows.iter().fold(head.clone(), |bytes, row| [bytes, all[*row].clone()].concat()),
            Form::Document(document, pointer, header) => {
                let mut document = document.clone();
                let list = document.pointer_mut(pointer).unwrap().as_array_mut().unwrap();
                let kept = rows.iter().map(|row| list[*row + header].clone());
                *list = list[..*header].iter().cloned().chain(kept).collect();
                document.to_string().into_bytes()
            }
        }
    }

    fn decoder(&self) -> Decoder {
        Decoder::mapped(Mapping::parse(self.text).unwrap(), false)
    }

    /// Every movement, reason and loss of these messages, sorted: as a set that counts.
    fn comes_to(&self, messages: &[Vec<u8>]) -> Vec<String> {
        let feed = Feed { name: "feed".parse().unwrap(), topic: "raw".to_owned(), decoder: Arc::new(self.decoder()) };
        let limits = IngestLimits { payload_bytes_max: 1_000_000, default_lag_days: 45 };
        let ingest = Ingest::new(vec![feed], Arc::clone(Reference::built_in()), limits);
        let mut found = Vec::new();
        for bytes in messages {
            // One position for all: where a row stood is the one thing that may differ.
            let position = Position { topic: "raw".into(), partition: 0, offset: 1 };
            let headers = vec![Header { key: entrepot::decode::FILE_HEADER.to_owned(), value: self.file.as_bytes().to_vec() }];
            let message = Message { position, timestamp: None, key: None, value: Some(bytes.clone()), headers };
            let effects = ingest.apply(&message);
            assert_eq!(effects.dead_letter, None, "{}", self.mapping);
            found.extend(
                effects
                    .outputs
                    .iter()
                    .map(|output| format!("{} {}", String::from_utf8_lossy(&output.key), String::from_utf8_lossy(&output.value))),
            );
            for (outcome, count) in effects.outcomes {
                found.extend((0..count).map(|_| outcome.to_owned()));
            }
        }
        found.sort();
        found
    }
}

/// The numbers of rows, ordered by keys.
fn permuted(rows: usize, keys: &[u32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by_key(|row| keys[*row % keys.len()]);
    order
}

/// The rows in runs that end where a cut is.
fn cut(order: &[usize], cuts: &[bool]) -> Vec<Vec<usize>> {
    let mut runs = vec![Vec::new()];
    for (at, row) in order.iter().enumerate() {
        runs.last_mut().unwrap().push(*row);
        if cuts[at % cuts.len()] {
            runs.push(Vec::new());
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn neither_the_order_of_rows_nor_their_cut_into_messages_changes_a_movement(
        keys in prop::collection::vec(any::<u32>(), 16),
        cuts in prop::collection::vec(any::<bool>(), 16),
    ) {
        for sheet in sheets() {
            let as_given: Vec<usize> = (0..sheet.rows()).collect();
            let expected = sheet.comes_to(&[sheet.with(&as_given)]);
            let order = permuted(sheet.rows(), &keys);
            let whole = sheet.with(&order);
            let decoder = sheet.decoder();
            let pieces: Vec<Vec<u8>> = decoder.split_file(&whole).map(|piece| piece.bytes.into_owned()).collect();
            prop_assert_eq!(&sheet.comes_to(&[whole]), &expected, "{}: {:?}", sheet.mapping, order);
            prop_assert_eq!(&sheet.comes_to(&pieces), &expected, "{}: {:?}", sheet.mapping, order);
            // Rows that are gathered stay in one message.
            if matches!(decoder.split(), Split::HeaderAndRow | Split::Elements) {
                let messages: Vec<Vec<u8>> = cut(&order, &cuts).iter().map(|run| sheet.with(run)).collect();
                prop_assert_eq!(&sheet.comes_to(&messages), &expected, "{}: {:?} {:?}", sheet.mapping, order, cuts);
            }
        }
    }
}

/// The shipped mapping, or a like one that is damaged, on a table of rows.
fn read(mapping: &str, (file, head): (&str, &str), rows: &[String]) -> (String, String) {
    let text = rows.iter().fold(format!("{head}\n"), |text, row| text + row + "\n");
    super::decoded(mapping, (file, text.as_bytes()))
}

/// Thousandths as a source prints them that groups by thousands.
fn printed(thousandths: u64) -> String {
    let digits = (thousandths / 1000).to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    format!("{}.{:03}", groups.join(","), thousandths % 1000)
}

proptest! {
    #[test]
    fn parts_come_to_what_their_total_row_says(
        parts in prop::collection::vec((0u64..1_000_000_000_000, 0u64..1_000_000_000_000), 1..9),
    ) {
        let (kg, money) = parts.iter().fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
        let shipped = |name: &str| built_in_mappings().iter().find(|(mapping, _)| *mapping == name).unwrap().1;

        let head = "REPORTER,PARTNER,PRODUCT_NC,FLOW,STAT_PROCEDURE,PERIOD,VALUE_EUR,QUANTITY_KG";
        let row = |procedure: usize, (kg, eur): (u64, u64)| format!("DE,TH,28258000,2,{procedure},202502,{eur},{kg}");
        let rows: Vec<String> = parts.iter().enumerate().map(|(procedure, part)| row(procedure + 1, *part)).collect();
        let read_bulk = |rows: &[String]| read(shipped("eurostat-bulk"), ("full_v2_202502.dat", head), rows);
        let (whole, apart) = read_bulk(&rows);
        prop_assert!(whole.contains(&format!(r#""net_mass_kg":{kg}"#)), "{}", whole);
        prop_assert_eq!(&whole, &apart);
        prop_assert_eq!(&whole, &read_bulk(&[row(4, (kg, money))]).0);

        let head = "商品编码,贸易伙伴编码,贸易方式编码,第一数量,第一计量单位,美元";
        // A quantity of 0 means that none is told.
        let row = |mode: usize, (kg, usd): (u64, u64)| format!(r#"28258000,136,{mode},"{}",千克,"{}""#, printed(kg + 1), printed(usd));
        let rows: Vec<String> = parts.iter().enumerate().map(|(mode, part)| row(mode + 10, *part)).collect();
        let gacc = shipped("china-gacc").replace(r#"encoding = "gb18030""#, "");
        let read_gacc = |rows: &[String]| read(&gacc, ("export_202502.csv", head), rows).0;
        let whole = read_gacc(&rows);
        prop_assert!(whole.contains(r#""customs_value""#), "{}", whole);
        prop_assert_eq!(whole, read_gacc(&[row(99, (kg + rows.len() as u64 - 1, money))]));
    }
}

#[test]
fn the_samples_have_rows_to_permute() {
    let sheets = sheets();
    let several = sheets.iter().filter(|sheet| sheet.rows() > 1).count();
    assert!(several >= 14, "{several}");
    assert!(sheets.iter().all(|sheet| sheet.comes_to(&[sheet.with(&(0..sheet.rows()).collect::<Vec<_>>())]).len() > 1));
}

/// The names that a mapping lists under `never`.
fn never(mapping: &str) -> Vec<String> {
    let table: toml::Table = mapping.parse().unwrap();
    let names = table.get("columns").and_then(|columns| columns.get("never")).and_then(toml::Value::as_array);
    names.into_iter().flatten().map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// The sample with the secret in every private column of every row, and in one that nobody reads; then each row again, broken in one cell
/// that is not private after another, so that dead letters are written of it. Of rows that are gathered a broken one would take its whole
/// group along: those are broken in all cells at once.
fn with_secrets(sheet: &Sheet, never: &[String]) -> Vec<u8> {
    let gathers = matches!(sheet.decoder().split(), Split::Whole | Split::Groups);
    match &sheet.form {
        Form::Lines(head, rows) => {
            let text = |bytes: &[u8]| bytes.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect::<Vec<u8>>();
            let lines: Vec<&[u8]> = head.split_inclusive(|byte| *byte == b'\n').collect();
            let (header, before) = lines.split_last().unwrap();
            let names = split(&text(header));
            let mut more: Vec<String> = never.iter().filter(|name| !names.contains(name)).cloned().collect();
            more.push(UNREAD.to_owned());
            let secrets = vec![SECRET.to_owned(); more.len()];
            let mut table = vec![[names.clone(), more].concat()];
            for row in rows {
                let mut cells = split(&text(row));
                for (cell, name) in cells.iter_mut().zip(&names).filter(|(_, name)| never.contains(name)) {
                    *cell = format!("{SECRET} {name}");
                }
                cells.resize(names.len(), String::new());
                table.push([cells.clone(), secrets.clone()].concat());
                let breakable: Vec<usize> = (0..names.len()).filter(|at| !never.contains(&names[*at])).collect();
                let sets = if gathers { vec![breakable] } else { breakable.into_iter().map(|at| vec![at]).collect() };
                for set in sets {
                    let mut cells = cells.clone();
                    set.iter().for_each(|at| cells[*at] = BROKEN.to_owned());
                    table.push([cells, secrets.clone()].concat());
                }
            }
            let lines: Vec<String> = table.iter().map(|row| row.join(",") + "\n").collect();
            [before.concat(), latin(&lines.concat())].concat()
        }
        Form::Document(document, pointer, header) => {
            let mut document = document.clone();
            let list = document.pointer_mut(pointer).unwrap().as_array_mut().unwrap();
            if *header == 1 {
                list[0].as_array_mut().unwrap().push(UNREAD.into());
            }
            let mut broken = Vec::new();
            for row in list.iter_mut().skip(*header) {
                match row {
                    Value::Array(cells) => {
                        broken.extend((0..cells.len()).map(|at| {
                            let mut cells = cells.clone();
                            cells[at] = BROKEN.into();
                            cells.push(SECRET.into());
                            Value::from(cells)
                        }));
                        cells.push(SECRET.into());
                    }
                    row => {
                        row[UNREAD] = SECRET.into();
                        let names = row.as_object().unwrap().keys().filter(|name| *name != UNREAD);
                        broken.extend(names.map(|name| {
                            let mut row = row.clone();
                            row[name] = blanked(&row[name]);
                            row
                        }));
                    }
                }
            }
            list.extend(broken);
            document.to_string().into_bytes()
        }
    }
}

/// The value with every text and number in it broken.
fn blanked(value: &Value) -> Value {
    match value {
        Value::Array(cells) => cells.iter().map(blanked).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), blanked(value))).collect(),
        _ => BROKEN.into(),
    }
}

/// The bytes of which `split` made a character each.
fn latin(text: &str) -> Vec<u8> {
    text.chars().map(|sign| u8::try_from(u32::from(sign)).expect("a byte became a character")).collect()
}

/// Cells as they stand between commas, in quotes where there is one inside. Bytes that are no UTF-8 stay in one piece each.
fn split(line: &[u8]) -> Vec<String> {
    let text: String = line.iter().map(|byte| char::from(*byte)).collect();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let record = reader.records().next().unwrap().unwrap();
    record.iter().map(|cell| if cell.contains(',') { format!("\"{cell}\"") } else { cell.to_owned() }).collect()
}

/// Everything that `assess` and `check` write of the file, and how many rows were taken and lost. The bytes of dead letters are left out,
/// which are the message by contract.
fn written(mapping: &str, (file, bytes): (&str, &[u8])) -> (String, u64, u64) {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join(file), bytes).unwrap();
    std::fs::write(place.path().join("mapping.toml"), mapping).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_entrepot"));
        let output = command.args(arguments).current_dir(place.path()).env_clear().output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (found, said) =
        run(&["-v", "assess", file, "--as", "./mapping.toml", "--history", "--format", "ndjson", "--summary", "books.json"]);
    let mut all = said;
    for line in found.lines() {
        let mut value: Value = serde_json::from_str(line).unwrap();
        value.as_object_mut().unwrap().remove("value_base64");
        all.push_str(&value.to_string());
    }
    let books = std::fs::read_to_string(place.path().join("books.json")).unwrap();
    let counts: Value = serde_json::from_str(&books).unwrap();
    all.push_str(&books);
    for arguments in [
        &["-v", "assess", file, "--as", "./mapping.toml", "--format", "table", "--min-band", "none"][..],
        &["-v", "check", file, "--as", "./mapping.toml", "--sample", "100"],
        &["check", file, "--sample", "1"],
    ] {
        let (found, said) = run(arguments);
        all.push_str(&(found + &said));
    }
    (all, counts["accepted"].as_u64().unwrap(), counts["dead_letter"].as_u64().unwrap())
}

#[test]
fn nothing_of_a_private_column_comes_out() {
    let mut with_private = 0;
    for sheet in sheets() {
        let never = never(sheet.text);
        with_private += usize::from(!never.is_empty());
        let bytes = with_secrets(&sheet, &never);
        let (all, accepted, lost) = written(sheet.text, (&sheet.file, &bytes));
        let may_lose_none = matches!(sheet.decoder().split(), Split::Whole | Split::Groups);
        assert!(accepted > 0 && (lost > 0 || may_lose_none), "{}: {accepted} taken, {lost} lost", sheet.mapping);
        assert!(!all.contains(SECRET), "{}: {}", sheet.mapping, around_secret(&all));
    }
    assert_eq!(with_private, 4);
}

#[test]
fn a_mapping_that_reads_a_private_column_is_found_out() {
    let sheet = sheets().into_iter().find(|sheet| sheet.mapping == "india-declarations").unwrap();
    let leaking =
        sheet.text.replace("\"ADDRESS\", ", "").replace("description = \"GOODS DESCRIPTION\"", "description = \"ADDRESS\"");
    assert_ne!(leaking, sheet.text);
    let bytes = with_secrets(&sheet, &never(sheet.text));
    assert!(written(&leaking, (&sheet.file, &bytes)).0.contains(SECRET));
    let refused = sheet.text.replace("description = \"GOODS DESCRIPTION\"", "description = \"ADDRESS\"");
    assert!(Mapping::parse(&refused).unwrap_err().to_string().contains("listed under never"));
}

fn around_secret(all: &str) -> String {
    let at = all.find(SECRET).unwrap_or(0);
    let from = (0..=at.saturating_sub(200)).rev().find(|from| all.is_char_boundary(*from)).unwrap_or(0);
    all[from..at + SECRET.len()].to_owned()
}
