//! Files that pyarrow wrote, beside the rows that it tells of them; files that are damaged.

use bytes::Bytes;
use serde_json::Value;

use super::*;

/// Each file by its name.
macro_rules! files {
    ($($name:literal),* $(,)?) => { [$(($name, include_bytes!(concat!("../../../tests/parquet/", $name)).as_slice())),*] };
}

const FILES: [(&str, &[u8]); 19] = files![
    "empty.ndjson",
    "empty.parquet",
    "flows-brotli.parquet",
    "flows-gzip.parquet",
    "flows-lz4.parquet",
    "flows-none.ndjson",
    "flows-none.parquet",
    "flows-snappy.parquet",
    "flows-zstd.parquet",
    "int96.ndjson",
    "int96.parquet",
    "many.parquet",
    "nested.ndjson",
    "nested.parquet",
    "not-text.parquet",
    "types-v2.parquet",
    "types.ndjson",
    "types.parquet",
    "unfit.parquet",
];

fn file(name: &str) -> Vec<u8> {
    let found = FILES.into_iter().find(|(known, _)| *known == name);
    found.map(|(_, bytes)| bytes.to_vec()).unwrap_or_else(|| panic!("no file {name}"))
}

fn rows_of(bytes: Vec<u8>) -> Result<Vec<Vec<u8>>, Unreadable> {
    let mut rows = Vec::new();
    ParquetRows::open(Bytes::from(bytes), &|name| name == "collector")?.first(usize::MAX, &|why| why, &mut |row| {
        rows.push(row);
        Ok(())
    })?;
    Ok(rows)
}

/// Rows as JSON, member by member.
#[track_caller]
fn read(name: &str) -> Vec<Value> {
    let rows = rows_of(file(&format!("{name}.parquet"))).unwrap();
    rows.iter().map(|row| serde_json::from_slice(row).unwrap_or_else(|why| panic!("{why}: {}", row.escape_ascii()))).collect()
}

fn told(name: &str) -> Vec<Value> {
    let text = String::from_utf8(file(&format!("{name}.ndjson"))).unwrap();
    let row = |line: &str| {
        let mut row: Value = serde_json::from_str(line).unwrap();
        row.as_object_mut().unwrap().remove("collector");
        row
    };
    text.lines().map(row).collect()
}

#[test]
fn every_codec_gives_the_rows_that_its_writer_tells() {
    let told = told("flows-none");
    assert_eq!(told.len(), 30);
    for codec in ["none", "snappy", "gzip", "zstd", "lz4", "brotli"] {
        assert_eq!(read(&format!("flows-{codec}")), told, "{codec}");
    }
    assert_eq!(read("empty"), told_nothing());
}

fn told_nothing() -> Vec<Value> {
    let none = told("empty");
    assert!(none.is_empty());
    none
}

#[test]
fn every_type_is_exact_whatever_the_pages() {
    assert_eq!(read("types"), told("types"));
    assert_eq!(read("types-v2"), told("types"));
    assert_eq!(read("int96"), told("int96"));
    // Decimals are no numbers, which a reader of JSON may round.
    let first = String::from_utf8(rows_of(file("types.parquet")).unwrap().swap_remove(0)).unwrap();
    assert!(first.contains(r#""decimal128":"-99999999999999999999.999999999999999999""#), "{first}");
    assert!(first.contains(r#""float":0.1,"double":0.1,"#), "{first}");
}

#[test]
fn lists_and_groups_stay_what_they_are_across_pages_and_goes() {
    assert_eq!(read("nested"), told("nested"));
    let many = read("many");
    assert_eq!(many.len(), 1300);
    for (at, row) in many.iter().enumerate() {
        assert_eq!(*row, serde_json::json!({"n": at, "l": vec![at; at % 4]}));
    }
}

#[test]
fn a_column_of_which_no_text_is_made_is_named_unless_it_is_left_out() {
    let unfit = rows_of(file("unfit.parquet")).unwrap_err();
    let what = "FIXED_LEN_BYTE_ARRAY without a meaning".to_owned();
    assert_eq!(unfit, Unreadable::Unfit { column: "raw".to_owned(), what });
    let rows = ParquetRows::open(Bytes::from(file("unfit.parquet")), &|name| name == "raw").unwrap();
    let mut found = Vec::new();
    rows.first(1, &|why| why, &mut |row| {
        found.push(row);
        Ok(())
    })
    .unwrap();
    assert_eq!(found, [br#"{"id":"a"}"#.to_vec()]);
    let nothing = ParquetRows::open(Bytes::from(file("unfit.parquet")), &|_| true).err();
    assert_eq!(nothing, Some(Unreadable::NoColumn));
}

#[test]
fn bytes_that_are_no_text_keep_their_row_whole() {
    let rows = rows_of(file("not-text.parquet")).unwrap();
    assert_eq!(rows, [br#"{"id":"a"}"#.to_vec(), b"{\"id\":\"\xff\xfe\"}".to_vec()]);
}

#[test]
fn a_file_that_is_cut_off_is_said_to_be_so() {
    let whole = file("flows-zstd.parquet");
    for cut in [4, 5, 100, whole.len() / 2, whole.len() - 1] {
        assert!(matches!(rows_of(whole[..cut].to_vec()), Err(Unreadable::Footer(_))), "cut at {cut}");
    }
}

#[test]
fn damage_names_its_row_group_and_costs_no_row_before_it() {
    let mut whole = file("flows-zstd.parquet");
    let text = rows_of(whole.clone()).unwrap();
    // Pages carry checksums: a bit in the middle of the second group's bytes.
    let rows = ParquetRows::open(Bytes::from(whole.clone()), &|_| false).unwrap();
    let (offset, length) = rows.file.metadata().row_group(1).column(0).byte_range();
    whole[usize::try_from(offset + length).unwrap() - 1] ^= 1;
    let mut found = Vec::new();
    let why =
        ParquetRows::open(Bytes::from(whole), &|name| name == "collector").unwrap().first(usize::MAX, &|why| why, &mut |row| {
            found.push(row);
            Ok(())
        });
    assert_eq!(found, text[..10]);
    let Err(Unreadable::RowGroup { group: 2, groups: 3, detail }) = why else { panic!("{why:?}") };
    assert!(detail.contains("reporter"), "{detail}");
}

/// Without checksums some damage gives other rows; none may end the process, nor take more memory than the file explains.
#[test]
fn no_bit_of_a_file_can_do_harm() {
    for name in ["flows-none", "types-v2", "nested", "int96"] {
        let whole = file(&format!("{name}.parquet"));
        for at in (0..whole.len()).step_by(5) {
            for bit in [1, 0x80] {
                let mut flipped = whole.clone();
                flipped[at] ^= bit;
                drop(rows_of(flipped));
            }
        }
    }
}
