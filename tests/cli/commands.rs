//! What each command does and prints, and with which code it ends.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::{FLOWS, Place, code, stderr, stdout};

#[test]
fn assess_prints_corridors_one_a_line_and_balances_its_books() {
    let place = Place::new();
    place.file("Flows 1.ndjson", FLOWS);
    let output = place.run(&["assess", "Flows 1.ndjson", "--summary", "books.json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let values: Vec<serde_json::Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<&str> = values.iter().map(|value| value["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["SB/JP/US/2025-01", "SB/TH/US/2025-01"]);
    assert_eq!(values[1]["as_of"], "2025-03-05");
    let books: serde_json::Value = serde_json::from_slice(&std::fs::read(place.0.path().join("books.json")).unwrap()).unwrap();
    let sum = |names: &[&str]| names.iter().map(|name| books[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!(books["consumed"], 2);
    assert_eq!(sum(&["accepted", "excluded", "dead_letter"]), 2);
    assert_eq!(sum(&["movements"]), sum(&["assessed", "context", "duplicate", "superseded", "cancelled", "tick"]));
}

#[test]
fn a_shipment_is_assessed_at_home_alone_however_often_it_is_amended_or_cancelled() {
    let place = Place::new();
    // Magnets are context of rare earths, whose own trade on the same way makes a corridor there.
    let bill = |id: &str, hs: &str, (revision, status): (u32, &str), day: &str| {
        format!(
            r#"{{"kind":"shipment","id":"{id}","revision":{revision},"status":"{status}","event_date":"2025-01-07","known_from":"{day}T00:00:00Z","hs":"{hs}","country_of_origin":"TH","destination":"JP","net_mass_kg":3067}}"#
        ) + "\n"
    };
    let bills = [
        bill("A", "850511", (2, "active"), "2025-01-15"),
        bill("A", "850511", (1, "active"), "2025-02-02"),
        bill("B", "850511", (1, "active"), "2025-01-15"),
        bill("B", "850511", (2, "cancelled"), "2025-02-03"),
        bill("C", "284690", (1, "active"), "2025-01-16"),
        bill("D", "284690", (1, "active"), "2025-02-20"),
        // A cancellation of what was never heard of says nothing, and is no trade.
        bill("E", "850511", (1, "cancelled"), "2025-01-17").replace("JP", "KR"),
    ];
    for order in [[0, 1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1, 0]] {
        place.file("bills.ndjson", &order.map(|at| bills[at].as_str()).concat());
        for more in [&[][..], &["--order", "given"]] {
            let corridors = place.run(&[&["assess", "bills.ndjson", "--only", "corridors"], more].concat());
            assert!(!stdout(&corridors).contains("KR") && stdout(&corridors).contains("REE/TH/JP"), "{}", stdout(&corridors));
            let output = place.run(&[&["assess", "bills.ndjson", "--history", "--only", "assessments"], more].concat());
            let mut said = std::collections::BTreeMap::<String, Vec<(u64, String, String)>>::new();
            for line in stdout(&output).lines() {
                let value: serde_json::Value = serde_json::from_str(line).unwrap();
                let text = |name: &str| value[name].as_str().unwrap().to_owned();
                said.entry(text("id")).or_default().push((value["revision"].as_u64().unwrap(), text("family"), text("status")));
            }
            assert_eq!(said.keys().collect::<Vec<_>>(), ["bills:A", "bills:B", "bills:C", "bills:D"]);
            for (id, said) in &said {
                let home = if id <= &"bills:B".to_owned() { "H850511" } else { "REE" };
                let numbers: Vec<u64> = said.iter().map(|(number, ..)| *number).collect();
                assert_eq!(numbers, (1..=said.len() as u64).collect::<Vec<_>>(), "{id}: {said:?}");
                assert!(said.iter().all(|(_, family, _)| family == home), "{id}: {said:?}");
                let status = if id == "bills:B" { "withdrawn" } else { "active" };
                assert_eq!(said.last().unwrap().2, status, "{id}: {said:?}");
            }
        }
    }
}

#[test]
fn a_record_that_no_log_could_take_is_a_dead_letter_and_the_others_pass() {
    let place = Place::new();
    let bill = |id: &str, ports: usize| {
        let ports = vec!["\"CNSHA\""; ports].join(",");
        format!(
            r#"{{"kind":"shipment","id":"{id}","event_date":"2025-01-07","hs":"282580","country_of_origin":"TH","destination":"US","transit_ports":[{ports}]}}"#
        ) + "\n"
    };
    let bills = [bill("A", 60_000), bill("B", 90_000), bill(&"C".repeat(1_000), 1), bill(&"D".repeat(1_001), 1)];
    place.file("bills.ndjson", &bills.concat());
    let output = place.run(&["-q", "assess", "bills.ndjson"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let values: Vec<serde_json::Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let assessed = values.iter().filter(|value| value["kind"] == "assessment").count();
    assert_eq!(assessed, 2);
    let letters = values.iter().filter(|value| value["kind"] == "dead_letter");
    let letters: Vec<String> =
        letters.map(|letter| format!("{} {} {}", letter["source"], letter["reason"], letter["detail"])).collect();
    assert_eq!(letters.len(), 2, "{letters:?}");
    assert!(letters[0].starts_with(r#""bills.ndjson/0/2" "too_large""#) && letters[0].contains("at most 1131072"), "{letters:?}");
    assert_eq!(letters[1], r#""bills.ndjson/0/4" "too_large" "id: 1001 bytes; at most 1000 are taken""#);
}

#[test]
fn what_cannot_be_told_on_stderr_ends_nothing() {
    let place = Place::new();
    place.file("flows.ndjson", FLOWS);
    place.file("entrepot.toml", "[[feeds]]\nname = \"f\"\n");
    for (arguments, expected) in [(&["feed", "flows.ndjson", "--feed", "f"][..], 0), (&["assess", "not-there.ndjson"], 66)] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let status = place.command(arguments).stderr(full).status().unwrap();
        assert_eq!(status.code(), Some(expected), "{arguments:?}");
    }
}

#[test]
fn help_and_version_end_as_every_command_does_where_nobody_can_read_them() {
    let place = Place::new();
    for arguments in [&["--version"][..], &["--help"], &["assess", "--help"], &["topics", "plan"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = place.command(arguments).stdout(full).stderr(Stdio::piped()).output().unwrap();
        assert_eq!((code(&output), stderr(&output).starts_with("error: No space left")), (73, true), "{arguments:?}");
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = place.command(arguments).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!((code(&output), stderr(&output).as_str()), (0, ""), "{arguments:?}");
    }
    for refused in [&["--no-such"][..], &["--set", "service.workers", "check"]] {
        assert_eq!(code(&place.run(refused)), 2, "{refused:?}");
    }
}

#[test]
fn a_reader_that_goes_away_changes_no_answer() {
    let place = Place::new();
    place.file("mixed.ndjson", &format!("{FLOWS}nonsense\n"));
    assert_eq!(code(&place.run(&["-q", "topics", "create"])), 0);
    let more = ["--set", "topics.partitions=3"];
    for (arguments, expected) in [
        (&[&more[..], &["topics", "verify"]].concat()[..], 1),
        (&["topics", "verify"], 0),
        (&["assess", "mixed.ndjson", "--strict"], 1),
        (&["assess", "mixed.ndjson"], 0),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = place.command(arguments).stdout(writer).stderr(Stdio::null()).status().unwrap();
        assert_eq!(status.code(), Some(expected), "{arguments:?}");
    }
}

#[test]
fn a_folder_without_a_file_is_said_to_feed_nothing() {
    let place = Place::new();
    place.file("entrepot.toml", "[[feeds]]\nname = \"f\"\n");
    std::fs::create_dir(place.0.path().join("empty")).unwrap();
    let output = place.run(&["feed", "empty", "--feed", "f"]);
    assert_eq!(code(&output), 0);
    assert!(stderr(&output).contains("nothing was fed: no file stands in what was named"), "{}", stderr(&output));
}

#[test]
fn what_is_left_out_or_has_no_table_is_said() {
    let place = Place::new();
    place.file("in/flows.ndjson", FLOWS);
    place.file("in/below/flows.ndjson", FLOWS);
    place.file("in/.hidden/flows.ndjson", FLOWS);
    let output = place.run(&["assess", "in", "--only", "alerts", "--format", "table"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let said = stderr(&output);
    assert!(
        said.contains("in: folders inside are not looked into")
            && said.contains("below=1")
            && said.contains("only verdicts have a table"),
        "{said}"
    );
}

#[test]
fn until_leaves_out_what_became_known_on_that_day() {
    let place = Place::new();
    place.file("flows.ndjson", FLOWS);
    assert_eq!(stdout(&place.run(&["assess", "flows.ndjson", "--until", "2025-03-05"])), "");
    let output = stdout(&place.run(&["assess", "flows.ndjson", "--until", "2025-03-06", "--only", "corridors"]));
    assert_eq!(output.lines().count(), 2);
}

#[test]
fn until_leaves_out_the_ticks_of_later_days_where_movements_come_as_given() {
    let place = Place::new();
    place.file("entrepot.toml", "[[feeds]]\nname = \"flows\"\nmapping = \"canonical\"\n");
    place.file("flows.ndjson", FLOWS);
    stdout(&place.run(&["-q", "feed", "flows.ndjson", "--feed", "flows"]));
    stdout(&place.run(&["-q", "replay", "--from", "start", "--stage", "ingest", "--out", "out"]));
    let movements = std::fs::read_to_string(place.0.path().join("out/movements.ndjson")).unwrap();
    let ticks = ["2025-03-06", "2025-03-07", "2026-01-01"].map(|day| format!("{{\"kind\":\"tick\",\"date\":\"{day}\"}}\n"));
    place.file("movements.ndjson", &(movements + &ticks.concat()));
    let given = ["-q", "assess", "movements.ndjson", "--as", "movements", "--order", "given", "--summary", "s.json"];
    for (until, ticks) in [(&[][..], 3), (&["--until", "2025-03-07"], 2), (&["--until", "2025-03-06"], 1)] {
        let verdicts = stdout(&place.run(&[&given[..], until].concat()));
        assert!(verdicts.contains("\"as_of\":\"2025-03-05\""), "{verdicts}");
        let summary = std::fs::read_to_string(place.0.path().join("s.json")).unwrap();
        assert!(summary.contains(&format!("\"tick\":{ticks},")), "{until:?}: {summary}");
    }
}

#[test]
fn the_table_has_the_columns_of_the_contract() {
    let place = Place::new();
    place.file("flows.ndjson", FLOWS);
    let output = place.run(&["assess", "flows.ndjson", "--format", "table", "--min-band", "none"]);
    let table = stdout(&output);
    let mut lines = table.lines();
    let header: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(header, ["FAMILY", "CORRIDOR", "MONTH", "P", "BAND", "SHARE(low–mid–high)", "WHY"]);
    assert!(lines.all(|line| line.starts_with("SB ")), "{table}");
    assert!(!table.contains('\x1b'), "no colour where stdout is no terminal");
    // Two months of each corridor are still one row of each.
    place.file("flows.ndjson", &format!("{FLOWS}{}", FLOWS.replace("2025-01", "2025-02")));
    let table = stdout(&place.run(&["-q", "assess", "flows.ndjson", "--format", "table", "--min-band", "none"]));
    assert_eq!(table.lines().count(), 3, "{table}");
    assert_eq!(table.matches("highest of 2 months: ").count(), 2, "{table}");
}

#[test]
fn a_table_without_rows_says_how_many_were_left_out_and_why() {
    let place = Place::new();
    place.file("flows.ndjson", FLOWS);
    let table = stdout(&place.run(&["-q", "assess", "flows.ndjson", "--format", "table", "--min-band", "priority"]));
    let said = "nothing of band priority or above; 2 verdicts lie below and are left out: --min-band none shows them";
    assert_eq!(table.lines().skip(1).collect::<Vec<_>>(), [said]);
    let none = stdout(&place.run(&["-q", "assess", "flows.ndjson", "--until", "2000-01-01", "--format", "table"]));
    assert!(none.lines().nth(1).unwrap().starts_with("nothing to show"), "{none}");
}

#[test]
fn dead_letters_hold_the_bytes_and_strict_says_no() {
    let place = Place::new();
    place.file("mixed.ndjson", &format!("{FLOWS}nonsense\n"));
    let output = place.run(&["-q", "assess", "mixed.ndjson", "--only", "dead-letters"]);
    assert_eq!(code(&output), 0);
    let letter: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!((letter["source"].as_str(), letter["reason"].as_str()), (Some("mixed.ndjson/0/3"), Some("malformed")));
    assert_eq!(letter["value_base64"], "bm9uc2Vuc2U=");
    assert_eq!(code(&place.run(&["assess", "mixed.ndjson", "--strict"])), 1);
    place.file("bad.ndjson", "nonsense\n");
    assert_eq!(code(&place.run(&["assess", "bad.ndjson"])), 65);
}

#[test]
fn messages_without_a_row_are_no_input() {
    let place = Place::new();
    for (text, expected) in [("", 65), ("[]", 65), ("[]\n[]\n", 65), (FLOWS, 0)] {
        place.file("flows.ndjson", text);
        let output = place.run(&["assess", "flows.ndjson"]);
        assert_eq!(code(&output), expected, "{text:?}: {}", stderr(&output));
        assert_eq!(stderr(&output).contains("no row in flows.ndjson"), expected == 65, "{text:?}: {}", stderr(&output));
    }
}

#[test]
fn the_log_never_shows_what_a_record_holds_nor_any_output_the_name_of_a_party() {
    let place = Place::new();
    let bill = |parties: &str, number: &str| {
        format!(
            r#"{{"kind":"shipment","id":"A","event_date":"2025-01-07","hs":"282580","country_of_origin":"TH","destination":"US","parties":{parties},"containers":[{{"number":"{number}"}}]}}"#
        ) + "\n"
    };
    for parties in [
        r#"[{"role":"shipper","name":"Secret Trading","country":5}]"#,
        r#""Secret Trading""#,
        r#"[{"role":"shipper","name":["Secret Trading"]}]"#,
    ] {
        place.file("bills.ndjson", &bill(parties, "CSQU3054383"));
        let output = place.run(&["assess", "bills.ndjson", "--only", "dead-letters"]);
        assert_eq!(code(&output), 65);
        let letter: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert!(letter["detail"].as_str().unwrap().starts_with("parties: they do not fit"), "{letter}");
        let whole = format!("{}{}", stderr(&output), letter["detail"]);
        assert!(!whole.contains("Secret") && stderr(&output).contains("bills.ndjson/0/1, is malformed_field"), "{whole}");
    }
    place.file("bills.ndjson", &bill("[]", "SECRET HOUSE"));
    let output = place.run(&["assess", "bills.ndjson"]);
    assert!(stdout(&output).contains("SECRET HOUSE") && !stderr(&output).contains("SECRET"), "{}", stderr(&output));
}

#[test]
fn a_fed_file_is_not_fed_twice_and_grows() {
    let place = Place::new();
    place.file("entrepot.toml", "[[feeds]]\nname = \"flows\"\n");
    place.file("flows.ndjson", FLOWS);
    let rows = |place: &Place| {
        let output = place.run(&["-q", "replay", "--from", "start", "--stage", "ingest", "--out", "out"]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        std::fs::remove_dir_all(place.0.path().join("out")).unwrap();
        let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
        report["read"].as_u64().unwrap()
    };
    for _ in 0..2 {
        assert_eq!(code(&place.run(&["feed", "flows.ndjson", "--feed", "flows"])), 0);
        assert_eq!(rows(&place), 2);
    }
    place.file("flows.ndjson", &format!("{FLOWS}{}", FLOWS.replace("2025-01", "2025-02")));
    assert_eq!(code(&place.run(&["feed", "flows.ndjson", "--feed", "flows"])), 0);
    assert_eq!(rows(&place), 4);
}

#[test]
fn a_replay_does_not_write_over_what_is_there() {
    let place = Place::new();
    place.file("entrepot.toml", "[[feeds]]\nname = \"flows\"\n");
    place.file("flows.ndjson", FLOWS);
    assert_eq!(code(&place.run(&["feed", "flows.ndjson", "--feed", "flows"])), 0);
    let replay = ["-q", "replay", "--from", "start", "--stage", "all", "--order", "known", "--out", "out"];
    let first = place.run(&replay);
    assert_eq!(code(&first), 0, "{}", stderr(&first));
    assert_eq!(code(&place.run(&replay)), 73);
    let resumed: Vec<&str> = replay.into_iter().chain(["--resume"]).collect();
    assert_eq!(stdout(&place.run(&resumed)), stdout(&first));
    let values = std::fs::read_to_string(place.0.path().join("out/corridors.ndjson")).unwrap();
    assert_eq!(stdout(&place.run(&["assess", "flows.ndjson", "--history"])), values.replace("sample/0/", "flows.ndjson/0/"));
}

#[test]
fn a_replay_is_taken_up_with_what_it_was_begun_with_or_not_at_all() {
    let place = Place::new();
    place.file("entrepot.toml", "[[feeds]]\nname = \"flows\"\n");
    place.file("flows.ndjson", FLOWS);
    let model = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/model.toml")).unwrap();
    place.file("other.toml", &model.replacen("default_lag_days = ", "default_lag_days = 1", 1));
    assert_eq!(code(&place.run(&["feed", "flows.ndjson", "--feed", "flows"])), 0);
    let other_log = ["--set", "log.embedded.path=else.db"];
    assert_eq!(code(&place.run(&[&other_log[..], &["feed", "flows.ndjson", "--feed", "flows"]].concat())), 0);
    let replay = |more: &[&str]| {
        let common = ["-q", "replay", "--stage", "all", "--out", "out", "--resume"];
        let output = place.run(&[&common[..], more].concat());
        (code(&output), stdout(&output), stderr(&output))
    };
    let refused = |more: &[&str], named: &str| {
        let (code, stdout, stderr) = replay(more);
        assert_eq!((code, stdout.as_str()), (73, ""), "{more:?}: {stderr}");
        assert!(stderr.contains(named), "{more:?}: {stderr}");
    };
    let (first, written, said) = replay(&["--from", "start"]);
    assert_eq!(first, 0, "{said}");
    let out = place.0.path().join("out");
    // Whole, and half finished: of which nothing says so.
    for is_whole in [true, false] {
        if !is_whole {
            std::fs::remove_file(out.join("replay.json")).unwrap();
        }
        refused(&["--from", "offset:1"], "out was begun with --from start, not offset:1: take it up with the same");
        refused(&["--from", "start", "--until", "offset:1"], "--until end, not offset:1");
        refused(&["--from", "start", "--order", "known"], "--order log, not known");
        refused(&["--from", "start", "--model", "other.toml"], "model sha256:");
        refused(&[&["--from", "start"], &other_log[..]].concat(), "log ");
        assert_eq!(replay(&["--from", "start"]), (0, written.clone(), String::new()), "whole: {is_whole}");
    }
    let corridors = std::fs::read(out.join("corridors.ndjson")).unwrap();
    std::fs::write(out.join("corridors.ndjson"), [&corridors[..], b"garbage\n"].concat()).unwrap();
    refused(&["--from", "start"], "corridors.ndjson has the SHA-256 ");
    std::fs::remove_file(out.join("corridors.ndjson")).unwrap();
    refused(&["--from", "start"], "corridors.ndjson cannot be read");
    std::fs::write(out.join("corridors.ndjson"), corridors).unwrap();
    assert_eq!(replay(&["--from", "start"]).1, written);
    std::fs::write(out.join("replay.json"), written.replace("\"read\":2", "\"read\":3")).unwrap();
    refused(&["--from", "start"], "replay.json is not what was written");
    std::fs::remove_file(out.join("replay-begun.json")).unwrap();
    refused(&["--from", "start"], "nothing says what out was begun with");
}

#[test]
fn a_world_lies_within_what_can_be_read_and_says_what_it_lacks() {
    let place = Place::new();
    let simulate = |more: &[&str]| place.run(&[&["-q", "simulate", "--seed", "1", "--out", "w"], more].concat());
    let refused = |more: &[&str], exit: i32, named: &str| {
        let output = simulate(&[&["--records", "300"], more].concat());
        assert_eq!(code(&output), exit, "{more:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(named), "{more:?}: {}", stderr(&output));
        assert!(!place.0.path().join("w").exists(), "{more:?}");
    };
    let bounds = "a world lies between 1988-01 and 2199-12";
    refused(&["--from", "9999-11", "--until", "9999-12"], 2, bounds);
    refused(&["--from", "1950-01", "--until", "1950-12"], 2, bounds);
    let default = "--until 2025-06 (as it is where none is named) lies before --from 2026-01; the last";
    refused(&["--from", "2026-01"], 2, default);
    refused(&["--until", "2022-01"], 2, "lies before --from 2023-01 (as it is where none is named)");
    refused(&["--from", "2025"], 2, "\"2025\" is no month (YYYY-MM");
    refused(&["--difficulty", "extreme"], 2, "easy (0.2), medium (0.5), hard (0.8)");
    // At both ends every record is taken.
    for months in [["1988-01", "1988-06"], ["2199-07", "2199-12"]] {
        let output = simulate(&["--records", "300", "--scheme", "none", "--from", months[0], "--until", months[1]]);
        assert_eq!((code(&output), stderr(&output)), (0, String::new()), "{months:?}");
        let output = place.run(&["-q", "assess", "w/records.ndjson", "--strict", "--only", "dead-letters"]);
        assert_eq!((code(&output), stdout(&output)), (0, String::new()), "{months:?}: {}", stderr(&output));
        std::fs::remove_dir_all(place.0.path().join("w")).unwrap();
    }
    // A scheme that was asked for and is not there is told of; one that is there is not.
    let lacking: [(&[&str], &str); 5] = [
        (&["--records", "500", "--scheme", "hopping"], "no lane with the scheme hopping: it takes two lanes"),
        (&["--records", "500", "--scheme", "relabel", "--from", "2010-01", "--until", "2011-12"], "begins to control"),
        (&["--records", "9000", "--scheme", "new_firm", "--scheme", "relabel", "--prevalence", "0.01"], "a higher prevalence"),
        (&["--records", "9000", "--scheme", "new_firm"], ""),
        (&["--records", "9000", "--scheme", "all", "--prevalence", "1"], "the prevalence asks for"),
    ];
    for (asked, told) in lacking {
        let output = simulate(asked);
        assert_eq!(code(&output), 0, "{asked:?}: {}", stderr(&output));
        assert!(
            stderr(&output).contains(told) && (told.is_empty() == stderr(&output).is_empty()),
            "{asked:?}: {}",
            stderr(&output)
        );
        std::fs::remove_dir_all(place.0.path().join("w")).unwrap();
    }
    // A folder that is refused is left as it was.
    place.file("w/labels.csv", "mine\n");
    let output = simulate(&["--records", "10"]);
    assert_eq!(code(&output), 73, "{}", stderr(&output));
    assert_eq!(std::fs::read_dir(place.0.path().join("w")).unwrap().count(), 1);
}

#[test]
fn a_sample_has_one_form_for_canonical_json_and_for_mappings() {
    let place = Place::new();
    place.file("flows.ndjson", FLOWS);
    place.file("bad.ndjson", "nonsense\n");
    let shipped =
        |path: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("config/mappings/samples").join(path).display().to_string();
    let sample = |file: &str, mapping: &str| stdout(&place.run(&["check", file, "--as", mapping, "--sample", "2"]));
    for shown in [sample("flows.ndjson", "canonical"), sample(&shipped("census-2024.csv"), "census-2024")] {
        let starts: Vec<&str> = shown.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
        for start in ["row", "hs", "partner", "record", "entity", "corridor", "time"] {
            assert!(starts.contains(&start), "{start}: {shown}");
        }
        assert!(shown.contains("2 taken"), "{shown}");
    }
    assert_eq!(code(&place.run(&["check", "bad.ndjson", "--sample", "2"])), 65);
    assert_eq!(code(&place.run(&["check", "bad.ndjson", "--sample", "0"])), 2);
}

#[test]
fn examples_of_a_mapping_are_counted_in_words_that_fit() {
    let place = Place::new();
    let mapping = "version = 1\nname = \"one\"\ntitle = \"One\"\nkind = \"trade_flow\"\n[envelope]\nformat = \"csv\"\n[fields]\n\
                   reporter = { const = \"US\" }\nflow = { const = \"import\" }\npartner = \"from\"\nperiod = \"month\"\nhs = \"code\"\n\
                   net_mass_kg = \"kg\"\n";
    let example = "[[examples]]\nname = \"a\"\ninput = \"from,month,code,kg\\nTH,2025-01,2825,1\\n\"\nexpect = [\"excluded hs_too_short\"]\n";
    for (count, said) in [(0, "no example inside"), (1, "1 example comes out"), (2, "2 examples come out")] {
        place.file("one.toml", &format!("{mapping}{}", example.repeat(count)));
        let output = place.run(&["check", "one.toml"]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert!(stdout(&output).trim_end().ends_with(said), "{}", stdout(&output));
    }
}

#[test]
fn topics_are_planned_created_and_verified() {
    let place = Place::new();
    assert_eq!(code(&place.run(&["topics", "verify"])), 69);
    assert!(stdout(&place.run(&["topics", "plan"])).contains("entrepot.movements"));
    assert_eq!(code(&place.run(&["topics", "create"])), 0);
    assert_eq!(code(&place.run(&["topics", "verify"])), 0);
    assert_eq!(code(&place.run(&["--set", "topics.partitions=5", "topics", "verify"])), 1);
    assert_eq!(code(&place.run(&["--set", "topics.partitions=5", "topics", "create"])), 76);
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let place = Place::new();
    place.file("flows.ndjson", FLOWS);
    let mut child = place.command(&["-q", "assess", "flows.ndjson"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// Runs the service on two flows until it has published a corridor, then ends it as Ctrl-C does.
fn serve_until_published(place: &Place, id: &str) {
    place.file("entrepot.toml", "[service]\nhttp_listen = \"127.0.0.1:0\"\n[[feeds]]\nname = \"flows\"\n");
    // A later flow moves the family's clock, so that the first month is published whether or not a tick comes after it.
    let later = FLOWS.replace("2025-01", "2025-02").replace("2025-03-05", "2025-04-05");
    place.file("flows.ndjson", &format!("{FLOWS}{later}"));
    assert_eq!(code(&place.run(&["-q", "feed", "flows.ndjson", "--feed", "flows"])), 0);
    let mut service = place.command(&["-q", "run"]).spawn().unwrap();
    while code(&place.run(&["-q", "explain", id])) == 66 {
        assert!(service.try_wait().unwrap().is_none(), "the service ended before it published {id}");
    }
    let other = place.command(&["-q", "run"]).output().unwrap();
    assert_eq!(code(&other), 75, "a second run: {}", stderr(&other));
    let interrupted = Command::new("kill").args(["-INT", &service.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert_eq!(service.wait().unwrap().code(), Some(0), "an interrupted service drains and exits 0");
}

#[test]
fn a_verdict_is_derived_again_byte_for_byte_and_an_altered_byte_is_found() {
    let (place, id) = (Place::new(), "SB/TH/US/2025-01");
    serve_until_published(&place, id);
    for format in ["text", "json", "markdown", "html"] {
        let output = place.run(&["explain", id, "--format", format]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert!(stdout(&output).contains("the same, byte for byte"), "{format}: {}", stdout(&output));
    }
    // The page is read on a telephone, in the dark, and by those who hear it.
    let page = stdout(&place.run(&["explain", id, "--format", "html"]));
    for part in [
        "<main ",
        "name=\"viewport\"",
        "prefers-color-scheme: dark",
        "<title>Corridor SB/TH/US/2025-01",
        "overflow-wrap: anywhere",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(code(&place.run(&["explain", id, "--revision", "99"])), 66);
    let early = place.run(&["explain", id, "--revision", "1", "--as-of", "2025-01-01"]);
    assert_eq!(code(&early), 66);
    let said = stderr(&early);
    assert!(said.contains("revision 1 of SB/TH/US/2025-01 as of 2025-01-01 or before is not there"), "{said}");
    assert!(said.contains("holds its revisions 1 (as of 2025-03-05)"), "{said}");
    let log = rusqlite::Connection::open(place.0.path().join("var/entrepot.db")).unwrap();
    let alter = "UPDATE messages SET value = CAST(replace(CAST(value AS TEXT), '\"intermediary\":\"TH\"', '\"intermediary\":\"TJ\"') AS BLOB) \
                 WHERE CAST(key AS TEXT) = ?1";
    assert!(log.execute(alter, [id]).unwrap() > 0);
    drop(log);
    let output = place.run(&["explain", id, "--format", "json"]);
    assert_eq!(code(&output), 1, "{}", stdout(&output));
    assert!(stdout(&output).contains("differs from byte"), "{}", stdout(&output));
}

#[test]
fn a_dead_letter_keeps_its_bytes_and_is_refused_while_its_reason_holds() {
    let place = Place::new();
    let (id, line) = ("SB/TH/US/2025-01", "not canonical\n");
    serve_until_published(&place, id);
    place.file("bad.ndjson", line);
    assert_eq!(code(&place.run(&["-q", "feed", "bad.ndjson", "--feed", "flows"])), 0);
    let mut service = place.command(&["-q", "run", "--stage", "ingest"]).spawn().unwrap();
    while stdout(&place.run(&["-q", "dead-letters", "ls"])).is_empty() {
        assert!(service.try_wait().unwrap().is_none(), "the service ended before the dead letter was there");
    }
    Command::new("kill").args(["-TERM", &service.id().to_string()]).status().unwrap();
    assert_eq!(service.wait().unwrap().code(), Some(0));
    let listed: serde_json::Value = serde_json::from_str(&stdout(&place.run(&["dead-letters", "ls"]))).unwrap();
    assert_eq!((listed["feed"].as_str(), listed["reason"].as_str()), (Some("flows"), Some("malformed")));
    let shown = stdout(&place.run(&["dead-letters", "show", listed["source"].as_str().unwrap()]));
    assert!(shown.trim_end().ends_with("not canonical"), "{shown}");
    let refused = place.run(&["dead-letters", "redrive"]);
    assert_eq!(code(&refused), 1);
    assert!(stdout(&refused).contains("refused"), "{}", stdout(&refused));
    assert_eq!(code(&place.run(&["dead-letters", "show", "0/99"])), 66);
}
