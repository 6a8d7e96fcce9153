//! The mapping language on feeds that no shipped mapping reads, and its errors as golden texts.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "a test that panics has failed, which is its way to say so"
)]

use entrepot::decode::canonical_record;
use entrepot::decode::{Decoded, Decoder, Mapping, Row, Surroundings};
use entrepot::domain::{Degrade, Message, Position};
use entrepot::reference::Reference;
use expect_test::Expect;

#[path = "mapping_language/authors.rs"]
mod authors;
#[path = "support/data.rs"]
mod data;
#[path = "mapping_language/drafts.rs"]
mod drafts;
#[path = "mapping_language/feeds.rs"]
mod feeds;
#[path = "mapping_language/language.rs"]
mod language;
#[path = "mapping_language/properties.rs"]
mod properties;
#[path = "mapping_language/refusals.rs"]
mod refusals;
#[path = "mapping_language/shapes.rs"]
mod shapes;
#[path = "mapping_language/tables.rs"]
mod tables;
#[path = "mapping_language/values.rs"]
mod values;

fn around(file_name: Option<&str>) -> Surroundings<'_> {
    Surroundings { reference: Reference::built_in(), default_lag_days: 30, file_name }
}

fn shown(decoded: &Decoded) -> String {
    let row = |row: &Row| match row {
        Row::Claim(claim) => {
            let quality: Vec<_> = claim.quality.iter().map(Degrade::code).collect();
            format!("{} {}", String::from_utf8_lossy(&canonical_record(claim)), quality.join(" ")).trim_end().to_owned()
        }
        Row::Excluded(reason) => format!("excluded {}", reason.code()),
        Row::Failed(error) => error.to_string(),
    };
    match decoded {
        Decoded::Rows(rows) => rows.iter().map(row).collect::<Vec<_>>().join("\n"),
        Decoded::Unreadable(error) => format!("unreadable {error}"),
    }
}

/// A file decoded whole, and in pieces.
#[track_caller]
fn decoded(mapping: &str, (file, bytes): (&str, &[u8])) -> (String, String) {
    let mapping = Mapping::parse(mapping).unwrap_or_else(|error| panic!("{error}"));
    let decoder = Decoder::mapped(mapping, false);
    let position = Position { topic: "t".into(), partition: 0, offset: 1 };
    let decode = |bytes: Vec<u8>| {
        let message = Message { position: position.clone(), timestamp: None, key: None, value: Some(bytes), headers: Vec::new() };
        shown(&decoder.decode(&message, &around(Some(file))))
    };
    let apart: Vec<String> = decoder.split_file(bytes).map(|piece| decode(piece.bytes.into_owned())).collect();
    (decode(bytes.to_vec()), apart.join("\n"))
}

/// Decodes a file whole and in pieces, which must agree, and compares.
#[track_caller]
fn check(mapping: &str, file: (&str, &[u8]), expected: Expect) {
    let (whole, apart) = decoded(mapping, file);
    assert_eq!(apart, whole);
    expected.assert_eq(&whole);
}

/// What becomes of a table's rows, a line each: whole and in pieces, which must agree.
#[track_caller]
fn rows<T: AsRef<[u8]> + ?Sized>(mapping: &str, table: &T) -> Vec<String> {
    let (whole, apart) = decoded(mapping, ("table.csv", table.as_ref()));
    assert_eq!(apart, whole);
    whole.lines().map(str::to_owned).collect()
}
