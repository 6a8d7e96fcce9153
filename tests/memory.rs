//! What reading a file holds does not grow with the file: four times as much takes the same memory.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds something else than it expects stops there")]

#[path = "support/house.rs"]
mod house;

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use house::{House, messages};
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

const MIB: usize = 1 << 20;
/// Megabytes of the smaller file, whose memory is all that the larger one may take.
const SMALL: usize = 32;

/// Feeds a file, and gives the most memory that it took, in MiB. The mark only rises, so the last look counts.
fn peak(file: &dyn Fn(&House, usize) -> PathBuf, mapping: &str, megabytes: usize) -> usize {
    let house = House::new(&[("wide", "./wide.toml")]);
    house.write("wide.toml", mapping.as_bytes());
    let path = file(&house, megabytes);
    let mut command = house.command(&["-q", "feed", path.to_str().unwrap(), "--feed", "wide"]);
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
    assert!(ended.success());
    let fed: usize = messages(&mut house.log(), "wide").iter().map(|message| message.value.as_ref().unwrap().len()).sum();
    assert!(fed >= megabytes * MIB, "{fed} bytes were fed");
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
