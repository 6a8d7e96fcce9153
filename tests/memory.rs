//! What reading a file holds does not grow with the file, nor what is assessed of it: four times as much takes the same memory.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds something else than it expects stops there")]

#[path = "support/house.rs"]
mod house;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use house::{House, messages};
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::Value;

const MIB: usize = 1 << 20;
/// Megabytes of the smaller file, whose memory is all that the larger one may take.
const SMALL: usize = 32;

/// Feeds a file, and gives the most memory that it took, in MiB.
fn peak(file: &dyn Fn(&House, usize) -> PathBuf, mapping: &str, megabytes: usize) -> usize {
    let house = House::new(&[("wide", "./wide.toml")]);
    house.write("wide.toml", mapping.as_bytes());
    let path = file(&house, megabytes);
    let peak = peak_of(&mut house.command(&["-q", "feed", path.to_str().unwrap(), "--feed", "wide"]));
    let fed: usize = messages(&mut house.log(), "wide").iter().map(|message| message.value.as_ref().unwrap().len()).sum();
    assert!(fed >= megabytes * MIB, "{fed} bytes were fed");
    peak
}

/// The most memory that a run took, in MiB. The mark only rises, so the last look counts.
fn peak_of(command: &mut Command) -> usize {
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let ended = loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let mark = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = mark.and_then(|mark| mark.split_whitespace().next()?.parse().ok()).unwrap_or(0).max(peak);
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
    };
    assert!(ended.success(), "{ended}");
    peak / 1024
}

/// A kilobyte that no codec makes small.
fn text(row: usize) -> String {
    (0..128).map(|at| format!("{:08x}", (row * 128 + at).wrapping_mul(0x9e37_79b1) as u32)).collect()
}

fn csv(house: &House, megabytes: usize) -> PathBuf {
    let rows = (0..megabytes * 1024).map(|row| format!("{row},{}\n", text(row)));
    house.write("wide.csv", std::iter::once("hs,text\n".to_owned()).chain(rows).collect::<String>().as_bytes())
}

/// One row group, whatever the size.
fn columns(house: &House, megabytes: usize) -> PathBuf {
    let schema = Arc::new(parse_message_type("message wide { required binary text (UTF8); }").unwrap());
    let properties = Arc::new(WriterProperties::builder().set_dictionary_enabled(false).build());
    let path = house.path("wide.parquet");
    let mut writer = SerializedFileWriter::new(std::fs::File::create(&path).unwrap(), schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let rows: Vec<ByteArray> = (0..megabytes * 1024).map(|row| ByteArray::from(text(row).into_bytes())).collect();
    column.typed::<ByteArrayType>().write_batch(&rows, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    path
}

#[track_caller]
fn is_flat(file: &dyn Fn(&House, usize) -> PathBuf, format: &str) {
    let mapping = format!(
        "version = 1\nname = \"wide\"\nkind = \"trade_flow\"\n[envelope]\nformat = \"{format}\"\n[fields]\n\
         reporter = {{ const = \"US\" }}\npartner = {{ const = \"TH\" }}\nflow = {{ const = \"import\" }}\n\
         period = {{ const = \"2025-01\" }}\nhs = \"text\"\nnet_mass_kg = \"text\"\n"
    );
    let (small, large) = (peak(file, &mapping, SMALL), peak(file, &mapping, 4 * SMALL));
    assert!(large < small + SMALL, "{format}: {small} MiB for {SMALL} MB, {large} for {} MB", 4 * SMALL);
}

#[test]
fn delimited_files_are_fed_in_the_same_memory_whatever_their_size() {
    is_flat(&csv, "csv");
}

#[test]
fn one_row_group_of_parquet_is_fed_in_the_same_memory_whatever_its_size() {
    is_flat(&columns, "parquet");
}

/// A month of Eurostat's bulk file, each row a corridor-month of its own, spread over twelve hundred headings.
fn month(house: &House, rows: usize) -> PathBuf {
    const REPORTERS: [&str; 8] = ["AT", "BE", "DE", "ES", "FR", "IT", "NL", "PL"];
    const PARTNERS: [&str; 8] = ["KR", "MY", "TH", "TR", "TW", "US", "VN", "ZA"];
    let header = "REPORTER,PARTNER,TRADE_TYPE,PRODUCT_NC,PRODUCT_SITC,FLOW,STAT_PROCEDURE,SUPPL_UNIT,PERIOD,VALUE_EUR,VALUE_NAC,\
                  QUANTITY_KG,QUANTITY_SUPPL_UNIT\n";
    // Heading after heading: as many of them however many rows.
    let row = |row: usize| {
        let (heading, pair) = (row % 1_200, row / 1_200);
        let (reporter, partner) = (REPORTERS[pair % 8], PARTNERS[pair / 8]);
        let (chapter, heading) = (1 + heading / 16, 1 + heading % 16);
        format!("{reporter},{partner},E,{chapter:02}{heading:02}1000,52257,1,1,NO_SU,202502,9000000,9000000,900000,0\n")
    };
    let text: String = std::iter::once(header.to_owned()).chain((0..rows).map(row)).collect();
    house.write("full_v2_202502.dat", text.as_bytes())
}

#[test]
fn corridor_months_of_many_families_are_assessed_in_the_same_memory_however_many() {
    let peak = |rows: usize| {
        let house = House::new(&[]);
        let path = month(&house, rows);
        let read = ["-q", "assess", path.to_str().unwrap(), "--as", "eurostat-bulk", "--feed", "wide"];
        let peak = peak_of(&mut house.command(&[&read[..], &["--summary", "summary.json"]].concat()));
        let summary: Value = serde_json::from_slice(&std::fs::read(house.path("summary.json")).unwrap()).unwrap();
        assert_eq!(summary["corridors"], rows);
        peak
    };
    let (small, large) = (peak(15_000), peak(60_000));
    assert!(large < small + SMALL, "{small} MiB for 15,000 corridor-months, {large} for 60,000");
}

/// Rows of a kilobyte that no mapping takes, and one that it does, without which there would be no answer.
fn bad(house: &House, megabytes: usize) -> PathBuf {
    house.write("bad.toml", BAD.as_bytes());
    let rows = (0..megabytes * 1024).map(|row| format!("{row},XX{}\n", text(row)));
    let whole: String = ["id,from\n".to_owned(), "A,TH\n".to_owned()].into_iter().chain(rows).collect();
    house.write("bad.csv", whole.as_bytes())
}

const BAD: &str = "version = 1\nname = \"bad\"\nkind = \"shipment\"\n[envelope]\nformat = \"csv\"\n[fields]\nid = \"id\"\n\
                   event_date = { const = \"2025-03-14\" }\nhs = { const = \"282580\" }\ndestination = { const = \"US\" }\n\
                   country_of_origin = \"from\"\n";

#[test]
fn dead_letters_are_printed_in_the_same_memory_however_many() {
    let peak = |megabytes: usize| {
        let house = House::new(&[]);
        let path = bad(&house, megabytes);
        let read = ["-q", "assess", path.to_str().unwrap(), "--as", "bad.toml", "--only", "dead-letters"];
        peak_of(&mut house.command(&read))
    };
    let (small, large) = (peak(SMALL), peak(4 * SMALL));
    assert!(large < small + SMALL, "{small} MiB for {SMALL} MB of dead letters, {large} for {}", 4 * SMALL);
}

#[test]
fn dead_letters_of_the_log_are_listed_replayed_and_redriven_in_the_same_memory_however_many() {
    let peaks = |megabytes: usize| {
        let house = House::new(&[("bad", "./bad.toml")]);
        house.feed(&bad(&house, megabytes), "bad");
        house.serve_to_the_end((&[], &[]), "2025-06-01");
        [
            &["-q", "dead-letters", "ls"][..],
            &["-q", "dead-letters", "show", "bad/0/2"],
            &["-q", "dead-letters", "redrive", "--limit", "0"],
            &["-q", "replay", "--from", "start", "--stage", "ingest", "--out", "out"],
        ]
        .map(|arguments| peak_of(&mut house.command(arguments)))
    };
    let half = SMALL / 2;
    for (small, large) in peaks(half).into_iter().zip(peaks(4 * half)) {
        assert!(large < small + SMALL, "{small} MiB for {half} MB of dead letters, {large} for {}", 4 * half);
    }
}
