//! Releases that tell one record in several files: joined by key on disk, whatever the order of their rows; what has no whole is named.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds something else than it expects stops there")]

#[path = "support/house.rs"]
mod house;

use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;

use house::{House, messages};
use serde_json::Value;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/mappings/samples/us-ams");

/// The parts, by name.
fn parts() -> Vec<(String, String)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(SAMPLE).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    files.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
}

/// A house with these parts in the folder `release`.
fn house(parts: &[(String, String)]) -> House {
    let house = House::new(&[("ams", "us-ams")]);
    std::fs::create_dir(house.path("release")).unwrap();
    parts.iter().for_each(|(name, text)| drop(house.write(&format!("release/{name}"), text.as_bytes())));
    house
}

/// What `feed` puts onto the topic of the folder, a message a line.
fn fed(house: &House) -> String {
    house.done(&["-q", "feed", "release", "--feed", "ams"]);
    let mut found = messages(&mut house.log(), "ams");
    found.sort_by_key(|message| (message.position.partition, message.position.offset));
    let mut lines: Vec<String> = found.into_iter().map(|message| String::from_utf8(message.value.unwrap()).unwrap()).collect();
    lines.sort();
    lines.join("\n") + "\n"
}

#[test]
fn parts_are_joined_by_their_key_whatever_the_order_of_their_rows() {
    let parts = parts();
    let house = house(&parts);
    let joined = fed(&house);
    expect_test::expect_file!["../config/mappings/samples/us-ams.ndjson"].assert_eq(&joined);
    assert_eq!(fed(&house), joined, "what was fed before is fed once");

    // Bills in another order in every part, and a file that the mapping leaves aside.
    let turned: Vec<(String, String)> = parts
        .iter()
        .enumerate()
        .map(|(turn, (name, text))| {
            let (head, rows) = text.split_once('\n').unwrap();
            let mut rows: Vec<&str> = rows.lines().collect();
            rows.sort_by_key(|row| {
                row.split(',').next().unwrap().bytes().rev().map(|byte| byte ^ turn as u8).collect::<Vec<_>>()
            });
            (name.clone(), format!("{head}\n{}", rows.join("\n")))
        })
        .chain([("ams__hazmat_2025__1.csv".to_owned(), "identifier,hazmat_code\n202503101,UN1\n".to_owned())])
        .collect();
    assert_ne!(turned[..parts.len()], parts);
    assert_eq!(fed(&self::house(&turned)), joined);
}

#[test]
fn every_bill_is_in_the_books_and_what_has_none_is_named() {
    let house = house(&parts());
    house.done(&["-q", "assess", "release", "--as", "us-ams", "--feed", "ams", "--summary", "s.json"]);
    let summary: Value = serde_json::from_slice(&std::fs::read(house.path("s.json")).unwrap()).unwrap();
    let counts = ["consumed", "accepted", "excluded", "dead_letter", "cancelled"].map(|key| summary[key].as_u64().unwrap());
    // What is deleted was never told here: it withdraws nothing.
    assert_eq!(counts, [8, 4, 4, 0, 0]);
    for (reason, count) in [("orphan", 1), ("master_bill", 1), ("no_hs", 1), ("hs_too_short", 1), ("mass_shared", 2)] {
        assert_eq!(summary["by_reason"][reason], count, "{reason}: {summary}");
    }
    // Why rows were left out stands apart from the marks of those that were taken.
    let sum = |counts: &str| summary[counts].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("excluded_by_reason"), sum("dead_letter_by_reason")), (4, 0), "{summary}");
    assert_eq!((&summary["marks"]["mass_shared"], &summary["marks"]["orphan"]), (&2.into(), &Value::Null), "{summary}");
    // What is joined already reads as its parts do.
    let joined = concat!(env!("CARGO_MANIFEST_DIR"), "/config/mappings/samples/us-ams.ndjson");
    house.done(&["-q", "assess", joined, "--as", "us-ams", "--feed", "ams", "--summary", "t.json"]);
    let again: Value = serde_json::from_slice(&std::fs::read(house.path("t.json")).unwrap()).unwrap();
    assert_eq!(again["by_reason"], summary["by_reason"]);
    assert!(house.done(&["check", "release", "--as", "us-ams", "--sample", "3"]).contains("excluded no_hs"));
}

#[test]
fn a_column_that_a_part_is_to_take_over_and_has_not_is_named() {
    let mut parts = parts();
    let header = parts.iter_mut().find(|(name, _)| name.contains("header")).unwrap();
    header.1 = header.1.replacen("place_of_receipt", "place_received", 1);
    let house = house(&parts);
    for arguments in [
        &["feed", "release", "--feed", "ams"][..],
        &["assess", "release", "--as", "us-ams", "--feed", "ams"],
        &["check", "release", "--as", "us-ams", "--sample", "3"],
    ] {
        let (code, _, said) = house.run(arguments);
        let named =
            said.matches("part header is to take over the column place_of_receipt, which the file's header has not").count();
        assert!(code == 0 && named == 1 && said.matches("is to take over").count() == 1, "{arguments:?}: {code} {said}");
    }
}

#[test]
fn no_address_and_no_telephone_gets_onto_the_topic() {
    let parts = parts();
    assert!(parts.iter().any(|(_, text)| text.contains("EXAMPLE ROAD") && text.contains("0000000")));
    let joined = fed(&house(&parts));
    for private in ["ROAD", "STREET", "0000000", "HOUSTON", "BANGKOK", "comm_number"] {
        assert!(!joined.contains(private), "{private}: {joined}");
    }
    assert!(joined.contains("EXAMPLE OXIDE CO LTD"));
}

#[test]
fn a_row_that_cannot_be_read_stays_whole_and_costs_no_other() {
    let mut parts = parts();
    let tariff = parts.iter_mut().find(|(name, _)| name.contains("tariff")).unwrap();
    tariff.1.push_str("202503101,CSQU3054383,too few\n");
    let house = house(&parts);
    let joined = fed(&house);
    assert!(joined.contains(r#""text":"202503101,CSQU3054383,too few"}}"#), "{joined}");
    house.done(&["-q", "assess", "release", "--as", "us-ams", "--feed", "ams", "--summary", "s.json"]);
    let summary: Value = serde_json::from_slice(&std::fs::read(house.path("s.json")).unwrap()).unwrap();
    for counts in ["by_reason", "dead_letter_by_reason"] {
        assert_eq!((&summary["accepted"], &summary[counts]["malformed"]), (&4.into(), &1.into()), "{counts}: {summary}");
    }
    // Its own file, its own row and the true reason, on a topic as well.
    let letters = house.done(&["-q", "assess", "release", "--as", "us-ams", "--only", "dead-letters", "--format", "ndjson"]);
    let rows = parts.iter().find(|(name, _)| name.contains("tariff")).unwrap().1.lines().count() - 1;
    let wanted = format!("ams__tariff_2025__202503100600.csv row {rows}: the row has 3 cells, its header ");
    assert!(letters.contains(&wanted), "{wanted}: {letters}");
}

#[test]
fn a_release_that_lacks_a_part_is_left_alone_until_it_is_there() {
    let (there, part): (Vec<_>, Vec<_>) = parts().into_iter().partition(|(name, _)| !name.contains("container"));
    let house = house(&there);
    let refused = house.run(&["-q", "feed", "release", "--feed", "ams"]);
    assert!(refused.0 == 66 && refused.2.contains("no file is part container"), "{refused:?}");
    assert!(messages(&mut house.log(), "ams").is_empty());
    // Beside a release that is whole it is named, and nothing more.
    for (name, text) in parts() {
        house.write(&format!("release/{}", name.replace("_2025_", "_2024_")), text.as_bytes());
    }
    let (code, _, stderr) = house.run(&["feed", "release", "--feed", "ams"]);
    assert!(code == 0 && stderr.contains("the release was not fed") && stderr.contains("part container"), "{code}: {stderr}");
    let once = messages(&mut house.log(), "ams").len();
    assert!(once > 0);
    // `assess` shows what there is, and says what there is not.
    let (code, _, stderr) = house.run(&["assess", "release", "--as", "us-ams"]);
    assert!(code == 0 && stderr.contains("no file is part container"), "{code}: {stderr}");
    house.write(&format!("release/{}", part[0].0), part[0].1.as_bytes());
    house.done(&["-q", "feed", "release", "--feed", "ams"]);
    assert_eq!(messages(&mut house.log(), "ams").len(), 2 * once);
}

#[test]
fn a_release_without_its_first_part_keeps_no_other_away() {
    let parts = parts();
    let (without, header): (Vec<_>, Vec<_>) = parts.iter().cloned().partition(|(name, _)| !name.contains("header"));
    let house = house(&without);
    let said = |arguments: &[&str], wanted: i32, named: &str| {
        let (code, _, stderr) = house.run(arguments);
        assert!(code == wanted && stderr.contains(named), "{code}: {stderr}");
    };
    let lacks = "no file is part header of 2025; every record has the first part";
    said(&["-q", "feed", "release", "--feed", "ams"], 66, lacks);
    said(&["-q", "feed", "release", "--feed", "ams", "--watch"], 2, "--watch: the mapping joins several files");
    // `assess` shows what there is: nothing but orphans.
    said(&["assess", "release", "--as", "us-ams", "--summary", "s.json"], 0, lacks);
    let summary: Value = serde_json::from_slice(&std::fs::read(house.path("s.json")).unwrap()).unwrap();
    assert!(summary["excluded"] == summary["consumed"] && summary["by_reason"]["orphan"].as_u64() > Some(0), "{summary}");
    // Another year is another release, and whole.
    let earlier = |name: &str| format!("release/{}", name.replace("_2025_", "_2024_"));
    parts.iter().for_each(|(name, text)| drop(house.write(&earlier(name), text.as_bytes())));
    said(&["feed", "release", "--feed", "ams"], 0, lacks);
    let once = messages(&mut house.log(), "ams").len();
    assert!(once > 0);
    // An empty file is none of its part's.
    house.write(&format!("release/{}", header[0].0), b"");
    said(&["feed", "release", "--feed", "ams"], 0, lacks);
    said(&["feed", "release", "--feed", "ams"], 0, "the file is empty: it tells nothing of part header");
    assert_eq!(messages(&mut house.log(), "ams").len(), once);
    house.write(&format!("release/{}", header[0].0), header[0].1.as_bytes());
    house.done(&["-q", "feed", "release", "--feed", "ams"]);
    assert_eq!(messages(&mut house.log(), "ams").len(), 2 * once);
}

#[test]
fn a_file_that_fits_no_part_never_gets_onto_the_topic() {
    let stray = "identifier,consignee_name,comm_number\n2025030100,JANE DOE,+1 555 0100\n";
    let joined = fed(&house(&parts()));
    let house = house(&parts());
    house.write("release/consignee_extra.csv", stray.as_bytes());
    for arguments in [
        &["feed", "release", "--feed", "ams"][..],
        &["assess", "release", "--as", "us-ams", "--only", "dead-letters"],
        &["check", "release", "--as", "us-ams", "--sample", "9"],
    ] {
        let (code, stdout, stderr) = house.run(arguments);
        let named = stderr.contains("consignee_extra.csv: not read") && stderr.contains("the parts are header (");
        assert!(code == 0 && named && !stdout.contains("JANE"), "{code}: {stdout} {stderr}");
    }
    assert_eq!(fed(&house), joined);
    // Alone, or through a pipe, there is nothing else to read; a file that is joined already is read under any name.
    let alone = "release/consignee_extra.csv";
    for arguments in [
        &["-q", "feed", alone, "--feed", "ams"][..],
        &["-q", "assess", alone, "--as", "us-ams"],
        &["-q", "check", alone, "--as", "us-ams"],
    ] {
        let (code, stdout, stderr) = house.run(arguments);
        assert!(code == 66 && stderr.contains("fits no part of the join") && !stdout.contains("JANE"), "{code}: {stderr}");
    }
    let mut piped = house.command(&["-q", "feed", "-", "--feed", "ams"]);
    let mut piped = piped.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    piped.stdin.take().unwrap().write_all(stray.as_bytes()).unwrap();
    let output = piped.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(66), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fed(&house), joined);
    house.write("any name", joined.lines().next().unwrap().as_bytes());
    house.done(&["-q", "feed", "any name", "--feed", "ams"]);
    assert_eq!(messages(&mut house.log(), "ams").len(), joined.lines().count() + 1);
}
