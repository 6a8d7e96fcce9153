//! Parquet files through the real binary: a row is a message as a JSON object, whatever the codec; what is damaged, cut off or of another
//! mapping is named and costs nothing that was fed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds something else than it expects stops there")]

#[path = "support/house.rs"]
mod house;

use std::io::Write;
use std::process::Stdio;

use house::{House, messages};
use serde_json::Value;

const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parquet");

const MAPPING: &str = r#"
version = 1
name = "flows"
kind = "trade_flow"
[envelope]
format = "parquet"
[columns]
never = ["collector"]
[fields]
reporter = "reporter"
partner = "partner"
flow = "flow"
period = { column = "month", text = { cut = [0, 7] }, formats = ["%Y-%m"] }
hs = "hs"
net_mass_kg = "kg"
customs_value = { column = "usd", currency = { const = "USD" } }
"#;

fn house() -> House {
    let house = House::new(&[("flows", "./flows.toml"), ("canonical", "canonical")]);
    house.write("flows.toml", MAPPING.as_bytes());
    house
}

fn sample(name: &str) -> String {
    format!("{FILES}/{name}")
}

fn raw(house: &House, topic: &str) -> Vec<String> {
    let mut found = messages(&mut house.log(), topic);
    found.sort_by_key(|message| (message.position.partition, message.position.offset));
    found.into_iter().map(|message| String::from_utf8(message.value.unwrap()).unwrap()).collect()
}

/// What pyarrow tells of the rows, without the column that the mapping leaves out.
fn told() -> Vec<Value> {
    let without = |line: &str| {
        let mut row: Value = serde_json::from_str(line).unwrap();
        row.as_object_mut().unwrap().remove("collector").unwrap();
        row
    };
    std::fs::read_to_string(sample("flows-none.ndjson")).unwrap().lines().map(without).collect()
}

#[track_caller]
fn refused(house: &House, arguments: &[&str], (wanted, named): (i32, &[&str])) {
    let (code, _, stderr) = house.run(arguments);
    assert!(code == wanted && named.iter().all(|named| stderr.contains(named)), "{code}: {stderr}");
}

#[test]
fn a_row_is_a_message_once_whatever_the_codec() {
    for codec in ["none", "snappy", "gzip", "zstd", "lz4", "brotli"] {
        let house = house();
        let file = sample(&format!("flows-{codec}.parquet"));
        house.done(&["-q", "feed", &file, "--feed", "flows"]);
        let rows = raw(&house, "flows");
        let read: Vec<Value> = rows.iter().map(|row| serde_json::from_str(row).unwrap()).collect();
        assert_eq!(read, told(), "{codec}");
        house.done(&["-q", "feed", &file, "--feed", "flows"]);
        assert_eq!(raw(&house, "flows"), rows, "{codec}: fed before");
        assert!(!rows.concat().contains("person"), "{codec}: a column under never is not read");
    }
}

fn summary(house: &House, arguments: &[&str], input: Option<&[u8]>) -> Value {
    let mut command = house.command(&[&["-q", "assess"], arguments, &["--feed", "flows", "--summary", "s.json"]].concat());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.unwrap_or_default()).unwrap();
    assert!(child.wait().unwrap().success());
    let mut summary: Value = serde_json::from_slice(&std::fs::read(house.path("s.json")).unwrap()).unwrap();
    summary.as_object_mut().unwrap().remove("seconds");
    summary
}

#[test]
fn files_rows_and_what_comes_through_a_pipe_are_read_alike() {
    let house = house();
    let file = sample("flows-zstd.parquet");
    let from_file = summary(&house, &[&file, "--as", "./flows.toml"], None);
    // A third has no partner.
    assert_eq!((&from_file["consumed"], &from_file["accepted"]), (&30.into(), &20.into()), "{from_file}");
    assert_eq!(summary(&house, &["-", "--as", "./flows.toml"], Some(&std::fs::read(&file).unwrap())), from_file);
    house.done(&["-q", "feed", &file, "--feed", "flows"]);
    house.write("rows.ndjson", raw(&house, "flows").join("\n").as_bytes());
    assert_eq!(summary(&house, &["rows.ndjson", "--as", "./flows.toml"], None), from_file);
}

#[test]
fn decimals_reach_the_record_as_they_are() {
    let house = house();
    let shown = house.done(&["check", &sample("flows-gzip.parquet"), "--as", "./flows.toml", "--sample", "2"]);
    assert!(shown.contains(r#""net_mass_kg":20455.125"#) || shown.contains(r#""net_mass_kg":120455.125"#), "{shown}");
    assert!(shown.contains(r#""amount":"1000.1""#), "{shown}");
}

#[test]
fn a_draft_of_its_mapping_reads_the_file() {
    let house = house();
    let draft = house.done(&["check", &sample("flows-none.parquet"), "--sample", "30"]);
    assert!(draft.contains("format = \"parquet\"") && draft.contains("[fields]"), "{draft}");
    house.write("draft.toml", draft.as_bytes());
    let (_, _, stderr) = house.run(&["check", &sample("flows-none.parquet"), "--as", "draft.toml", "--sample", "2"]);
    assert!(!stderr.contains("unknown key"), "{stderr}");
}

#[test]
fn what_is_damaged_is_named_and_keeps_what_was_fed() {
    let house = house();
    let whole = std::fs::read(sample("flows-zstd.parquet")).unwrap();
    house.write("cut.parquet", &whole[..whole.len() - 9]);
    refused(&house, &["-q", "feed", "cut.parquet", "--feed", "flows"], (66, &["cut.parquet", "the footer does not read"]));
    refused(&house, &["-q", "assess", "cut.parquet", "--as", "./flows.toml"], (66, &["cut.parquet", "footer"]));

    // The file as it was stands whole on the topic; one whose second row group is damaged under another name adds none of its rows.
    house.done(&["-q", "feed", &sample("flows-zstd.parquet"), "--feed", "flows"]);
    let rows = raw(&house, "flows");
    let mut damaged = whole.clone();
    let at = damaged.windows(4).enumerate().filter(|(_, four)| *four == [0x28, 0xb5, 0x2f, 0xfd]).map(|(at, _)| at).nth(20);
    damaged[at.unwrap() + 8] ^= 0x40;
    house.write("damaged.parquet", &damaged);
    refused(
        &house,
        &["-q", "feed", "damaged.parquet", "--feed", "flows"],
        (66, &["damaged.parquet: row group 2 of 3 is damaged"]),
    );
    assert_eq!(raw(&house, "flows"), rows);
    // Mended, it is fed whole.
    house.write("damaged.parquet", &whole);
    house.done(&["-q", "feed", "damaged.parquet", "--feed", "flows"]);
    assert_eq!(raw(&house, "flows").len(), 2 * rows.len());
}

#[test]
fn what_cannot_be_read_so_is_refused_with_what_to_do() {
    let house = house();
    let file = sample("flows-none.parquet");
    refused(&house, &["-q", "feed", &file, "--feed", "canonical"], (65, &["is a Parquet file, and its mapping reads ndjson"]));
    refused(&house, &["-q", "assess", &file, "--as", "census"], (65, &["is a Parquet file, and its mapping reads json"]));
    refused(&house, &["check", &file, "--as", "census", "--sample", "2"], (65, &["is a Parquet file"]));
    refused(
        &house,
        &["-q", "assess", &sample("unfit.parquet"), "--as", "./flows.toml"],
        (66, &["column raw is", "columns.never"]),
    );
    let config = std::fs::read_to_string(house.path("entrepot.toml")).unwrap();
    let wrong = config.replacen("mapping = \"./flows.toml\"", "mapping = \"./flows.toml\"\nformat = \"parquet\"", 1);
    house.write("wrong.toml", wrong.as_bytes());
    refused(&house, &["--config", "wrong.toml", "check"], (78, &["format", "the form of messages, and none is Parquet"]));
    house.write("whole.toml", MAPPING.replacen("\"parquet\"", "\"parquet\"\nmessage = \"file\"", 1).as_bytes());
    refused(&house, &["check", "whole.toml"], (78, &["envelope.message", "a row of Parquet is a message"]));
}

#[test]
fn a_row_that_is_no_text_is_a_dead_letter_with_its_bytes() {
    let house = house();
    let arguments = ["-q", "assess", &sample("not-text.parquet"), "--as", "./flows.toml", "--only", "dead-letters"];
    let (_, stdout, stderr) = house.run(&arguments);
    let letters: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(letters.iter().any(|letter| letter["reason"] == "not_text"), "{stdout} {stderr}");
}

#[test]
fn a_whole_file_on_the_topic_is_a_dead_letter_that_says_how() {
    let whole = std::fs::read(sample("flows-none.parquet")).unwrap();
    let decoder = {
        let mapping = entrepot::decode::Mapping::parse(MAPPING).unwrap();
        entrepot::decode::Decoder::mapped(mapping, false)
    };
    let position = entrepot::domain::Position { topic: "flows".into(), partition: 0, offset: 0 };
    let message = entrepot::domain::Message { position, timestamp: None, key: None, value: Some(whole), headers: Vec::new() };
    let reference = entrepot::reference::Reference::built_in();
    let around = entrepot::decode::Surroundings { reference, default_lag_days: 45, file_name: None };
    let entrepot::decode::Decoded::Unreadable(error) = decoder.decode(&message, &around) else { panic!("it was read") };
    assert!(error.detail.contains("`entrepot feed` makes a JSON object of each of its rows"), "{error}");
}
