//! Every kind of verdict is derived again byte for byte, one altered byte is found; dead letters go back only once their mapping is mended.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds something else than it expects stops there")]

#[path = "support/house.rs"]
mod house;

use std::path::Path;

use house::{DEAD_LETTERS, House, VERDICTS, by_key, messages};

/// The antimony story of the sample, served to its end.
fn served() -> House {
    let house = House::new(&[("story", "canonical")]);
    house.feed(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config/sample/antimony.ndjson"), "story");
    house.serve_to_the_end((&[], &[]), "2026-01-01");
    house
}

/// Ids to explain: of each topic the first and the last key, one early revision, and one by its position.
fn ids(house: &House) -> Vec<Vec<String>> {
    let mut log = house.log();
    let mut ids = Vec::new();
    for topic in VERDICTS {
        let keyed = by_key(&mut log, topic);
        let keys: Vec<String> = keyed.keys().map(|key| String::from_utf8(key.clone()).unwrap()).collect();
        ids.extend([keys.first(), keys.last()].map(|key| vec![key.unwrap().clone()]));
        // A verdict says of which day it is as `as_of`, an alert as `at`.
        ids.push(vec![keys[0].clone(), "--as-of".to_owned(), "2026-01-01".to_owned()]);
        let position = messages(&mut log, topic)[0].position.to_string();
        ids.push(vec![position]);
    }
    let revised = by_key(&mut log, VERDICTS[2]).into_iter().find(|(_, values)| values.len() > 1).unwrap().0;
    ids.push(vec![String::from_utf8(revised).unwrap(), "--revision".to_owned(), "1".to_owned()]);
    ids
}

#[test]
fn every_kind_of_verdict_is_derived_again_and_one_altered_byte_is_found() {
    let house = served();
    let ids = ids(&house);
    let explain = |id: &[String]| {
        let arguments: Vec<&str> = ["-q", "explain"].into_iter().chain(id.iter().map(String::as_str)).collect();
        house.run(&arguments)
    };
    for id in &ids {
        let (code, stdout, stderr) = explain(id);
        assert_eq!(code, 0, "{id:?}: {stdout}{stderr}");
        assert!(stdout.contains("the same, byte for byte"), "{id:?}: {stdout}");
    }
    // One bit of one byte of each verdict, wherever it falls: a figure, a name, a hash, a brace.
    let alter = |topic: &str| {
        let log = rusqlite::Connection::open(house.path("log.db")).unwrap();
        let of_topic = "topic_id = (SELECT id FROM topics WHERE name = ?1)";
        let query = format!("SELECT partition, offset, value FROM messages WHERE {of_topic}");
        let mut statement = log.prepare(&query).unwrap();
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, Vec<u8>>(2)?));
        let rows: Vec<_> = statement.query_map([topic], read).unwrap().map(Result::unwrap).collect();
        for (index, (partition, offset, mut value)) in rows.into_iter().enumerate() {
            let place = (index + 1) * 7_919 % value.len();
            value[place] ^= 1;
            let query = format!("UPDATE messages SET value = ?4 WHERE {of_topic} AND partition = ?2 AND offset = ?3");
            assert_eq!(log.execute(&query, rusqlite::params![topic, partition, offset, value]).unwrap(), 1);
        }
    };
    VERDICTS.iter().for_each(|topic| alter(topic));
    for id in ids.iter().filter(|id| id.len() == 1) {
        let (code, stdout, stderr) = explain(id);
        assert_eq!(code, 1, "{id:?}: {stdout}{stderr}");
        assert!(stdout.contains("derived again") && !stdout.contains("the same, byte for byte"), "{id:?}: {stdout}");
    }
}

/// What names a model and a bundle for a run.
fn set(model: &str, reference: &str) -> [String; 2] {
    [format!("model.path={model}"), format!("reference.path={reference}")]
}

/// A model and a bundle of other content, each with one figure changed, in the folder of the house.
fn write_others(house: &House) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let model = std::fs::read_to_string(root.join("model.toml")).unwrap();
    let (before, line) = model.lines().find_map(|line| Some((line, line.strip_prefix("damping = ")?))).unwrap();
    let figure = line.split_whitespace().next().unwrap();
    let other = before.replacen(figure, &(figure.parse::<i32>().unwrap() - 100).to_string(), 1);
    house.write("other-model.toml", model.replacen(before, &other, 1).as_bytes());
    std::fs::create_dir(house.path("other-reference")).unwrap();
    for entry in std::fs::read_dir(root.join("reference")).unwrap().map(Result::unwrap) {
        let mut text = std::fs::read_to_string(entry.path()).unwrap();
        if entry.file_name() == "lags.csv" {
            // Other words in a source: nothing else changes, and yet it is another bundle.
            assert!(text.contains("no figure found"));
            text = text.replacen("no figure found", "no figure found yet", 1);
        }
        house.write(&format!("other-reference/{}", entry.file_name().to_str().unwrap()), text.as_bytes());
    }
}

#[test]
fn a_verdict_of_an_older_model_and_bundle_is_derived_again_with_those_kept_beside_the_log() {
    let house = served();
    write_others(&house);
    let row = |month: &str, known: &str, kilograms: u32| {
        format!(
            r#"{{"kind":"trade_flow","reporter":"US","partner":"TH","flow":"import","period":"{month}","hs":"282580","net_mass_kg":{kilograms},"known_from":"{known}T00:00:00Z"}}"#
        )
    };
    let later = format!("{}\n{}\n", row("2025-11", "2026-01-05", 400_000), row("2025-12", "2026-02-05", 410_000));
    let later = house.write("later.ndjson", later.as_bytes());
    house.feed(&later, "story");
    let other = set("other-model.toml", "other-reference");
    house.serve_to_the_end((&[&other[0], &other[1]], &[]), "2026-03-01");

    let keyed = by_key(&mut house.log(), VERDICTS[2]);
    let knowledge = |value: &[u8]| {
        let value: serde_json::Value = serde_json::from_slice(value).unwrap();
        ["model", "reference"].map(|name| value["provenance"][name].as_str().unwrap().to_owned())
    };
    let old = "SB/TH/US/2025-03".to_owned();
    let new = "SB/TH/US/2025-12".to_owned();
    let (old_hashes, new_hashes) = (knowledge(&keyed[old.as_bytes()][0]), knowledge(keyed[new.as_bytes()].last().unwrap()));
    assert!(old_hashes.iter().zip(&new_hashes).all(|(old, new)| old != new), "{old_hashes:?} {new_hashes:?}");
    // Whatever runs now: the shipped pair, the other one, or a mixture of both.
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/model.toml").display().to_string();
    let mixed = set(&shipped, "other-reference");
    for now in [None, Some(&other), Some(&mixed)] {
        for id in [&[old.as_str(), "--revision", "1"][..], &[new.as_str()]] {
            let set: Vec<&str> = now.into_iter().flatten().flat_map(|set| ["--set", set.as_str()]).collect();
            let (code, stdout, stderr) = house.run(&[&["-q"], &set[..], &["explain"], id].concat());
            assert_eq!(code, 0, "{id:?} with {now:?}: {stdout}{stderr}");
            assert!(stdout.contains("the same, byte for byte"), "{stdout}");
        }
    }
    // Where one of the two is kept no more, that is said, and nothing is claimed.
    let log = rusqlite::Connection::open(house.path("log.db")).unwrap();
    assert_eq!(log.execute("DELETE FROM artifacts WHERE hash = ?1", [&old_hashes[0]]).unwrap(), 1);
    let (code, stdout, _) = house.run(&["-q", "--set", &other[0], "explain", &old, "--revision", "1"]);
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains(&format!("not derived again: model {} is not kept beside this log", old_hashes[0])), "{stdout}");
}

const MAPPING: &str = r#"version = 1
name = "mine"
title = "Mine"
kind = "trade_flow"
[envelope]
format = "csv"
[fields]
reporter = { const = "US" }
flow = { const = "import" }
partner = { column = "from", codes = "iso2" WORDS }
period = { column = "month", formats = ["%Y-%m"] }
hs = "code"
net_mass_kg = "kg"
[meaning]
partner = "origin"
known_after_days = 35
"#;

const ROWS: &str =
    "from,month,code,kg\nTH,2025-01,282580,200000\nSiam,2025-02,282580,250000\nJP,2025-01,282580,90000\nSiam,2025-03,282580,1\n";

fn mapped(words: &str) -> House {
    let house = House::new(&[("mine", "mine.toml")]);
    house.write("mine.toml", MAPPING.replace("WORDS", words).as_bytes());
    let rows = house.write("rows.csv", ROWS.as_bytes());
    house.feed(&rows, "mine");
    house.serve_to_the_end((&[], &[]), "2026-01-01");
    house
}

#[test]
fn dead_letters_are_put_back_once_the_mapping_is_mended_and_count_as_if_they_had_been_good() {
    let words = r#", words = { "Siam" = "TH" }"#;
    let house = mapped("");
    let listed = house.done(&["-q", "dead-letters", "ls"]);
    let listed: Vec<serde_json::Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert!(listed.iter().all(|letter| letter["reason"] == "unknown_country" && letter["feed"] == "mine"), "{listed:?}");
    // Which records of the message: a list, as `assess` gives it.
    assert!(listed.iter().all(|letter| letter["records"] == serde_json::json!([0])), "{listed:?}");
    let assessed = house.done(&["-q", "assess", "rows.csv", "--as", "mine.toml", "--only", "dead-letters"]);
    let assessed: Vec<serde_json::Value> = assessed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(assessed.len(), 2);
    assert!(assessed.iter().all(|letter| letter["records"] == serde_json::json!([0])), "{assessed:?}");
    let shown = house.done(&["-q", "dead-letters", "show", listed[0]["id"].as_str().unwrap()]);
    assert!(shown.contains("Siam,2025-02,282580,250000"), "{shown}");
    assert!(house.done(&["-q", "dead-letters", "ls", "--reason", "malformed"]).is_empty());

    let (code, stdout, _) = house.run(&["-q", "dead-letters", "redrive"]);
    assert_eq!(code, 1, "{stdout}");
    assert_eq!(stdout.matches("refused").count(), 2, "{stdout}");
    assert_eq!(messages(&mut house.log(), "mine").len(), 4, "nothing was put back while the reason holds");

    house.write("mine.toml", MAPPING.replace("WORDS", words).as_bytes());
    assert!(house.done(&["-q", "dead-letters", "redrive", "--dry-run"]).contains("would redrive"));
    assert_eq!(messages(&mut house.log(), "mine").len(), 4, "a dry run puts nothing back");
    assert_eq!(house.done(&["-q", "dead-letters", "redrive"]).matches("redriven").count(), 2);
    let mut log = house.log();
    let raw = messages(&mut log, "mine");
    assert_eq!(raw.len(), 6);
    assert_eq!(raw[4].value, raw[1].value, "the bytes come back as they were");
    house.serve_to_the_end((&[], &[]), "2026-01-02");
    assert_eq!(messages(&mut log, DEAD_LETTERS).len(), 2, "no letter is written twice");

    let from_the_start = mapped(words);
    let last = |house: &House| {
        let keyed = by_key(&mut house.log(), VERDICTS[2]);
        let verdict = |(key, values): (Vec<u8>, Vec<Vec<u8>>)| {
            let value: serde_json::Value = serde_json::from_slice(values.last().unwrap()).unwrap();
            let fields = ["probability", "band", "chinese_share"].map(|field| value[field].to_string());
            (String::from_utf8(key).unwrap(), fields)
        };
        keyed.into_iter().map(verdict).collect::<Vec<_>>()
    };
    assert_eq!(last(&house), last(&from_the_start));
    assert_eq!(last(&house).len(), 4, "three months of one corridor and one of another");
}
