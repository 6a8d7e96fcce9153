//! What a user is told when something is wrong: each text names it and what to do next. Ten of them are golden files.

use std::path::Path;
use std::process::Output;

use crate::{FLOWS, Place, code, stderr, stdout};

/// Compares with `tests/golden/<name>.txt`; `UPDATE_EXPECT=1` writes it.
#[track_caller]
fn check_golden(name: &str, (output, expected_code): (&Output, i32)) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.txt"));
    let found = stderr(output);
    assert_eq!(code(output), expected_code, "{found}");
    assert_eq!(stdout(output), "", "errors belong on stderr");
    expect_test::expect_file![golden].assert_eq(&found);
}

#[test]
fn an_unknown_key_of_the_configuration_names_line_and_neighbour() {
    let place = Place::new();
    place.file("entrepot.toml", "[service]\nworker = 2\n");
    check_golden("unknown-key", (&place.run(&["check"]), 78));
}

#[test]
fn a_value_of_the_configuration_out_of_range_says_what_is_allowed() {
    let place = Place::new();
    check_golden("value-out-of-range", (&place.run(&["--set", "topics.partitions=0", "check"]), 78));
}

#[test]
fn a_model_or_bundle_that_is_not_there_names_its_key() {
    for key in ["model.path", "reference.path"] {
        let output = Place::new().run(&["--set", &format!("{key}=nowhere"), "check"]);
        assert_eq!(code(&output), 78);
        assert!(stderr(&output).starts_with(&format!("error: {key}: ")), "{}", stderr(&output));
    }
}

#[test]
fn check_refuses_whatever_a_start_would_refuse_before_it_asks_anybody() {
    let place = Place::new();
    let refused = [
        (r#"log.kafka.properties.acks="1""#, "log.kafka.properties: acks: entrepot owns it"),
        (r#"log.kafka.properties.group.id="x""#, "log.kafka.properties: group.id: entrepot owns it"),
        (r#"log.kafka.properties.no.such="x""#, "log.kafka.properties: no.such: "),
        (r#"log.kafka.properties.linger.ms="abc""#, "log.kafka.properties: linger.ms: "),
        ("snapshots.url=s3://x", "snapshots.url"),
        ("schema_registry.url=foo", "[schema_registry] url: is no http"),
        ("service=1", "--set: service = 1: allowed is a table of keys, [service]"),
    ];
    for (set, wanted) in refused {
        let output = place.run(&["--set", "log.kind=kafka", "--set", set, "check"]);
        assert_eq!(code(&output), 78, "{set}: {}", stderr(&output));
        assert!(stderr(&output).contains(wanted), "{set}: {}", stderr(&output));
    }
    // What a client says no to when it is made.
    let tls = r#"log.kafka.properties.security.protocol="SSL""#;
    let sasl = r#"log.kafka.properties.security.protocol="SASL_PLAINTEXT""#;
    let mechanism = r#"log.kafka.properties.sasl.mechanism="PLAIN""#;
    for (set, wanted) in [
        (&[tls, r#"log.kafka.properties.ssl.ca.location="/nowhere""#][..], "properties: ssl.ca.location: ssl.ca.location failed"),
        (&[tls, r#"log.kafka.properties.ssl.certificate.location="/nowhere""#], "properties: ssl.certificate.location: "),
        (&[sasl, r#"log.kafka.properties.sasl.mechanism="FOO""#], "Unsupported SASL mechanism: FOO"),
        (&[sasl, mechanism], "sasl.username and sasl.password must be set"),
        (&[r#"log.kafka.properties.max.in.flight="10""#], "properties: max.in.flight: `max.in.flight` must be set <= 5"),
    ] {
        let set: Vec<&str> = ["log.kind=kafka"].iter().chain(set).flat_map(|set| ["--set", set]).collect();
        for command in [&["check"][..], &["topics", "create"]] {
            let output = place.run(&[&set[..], command].concat());
            assert_eq!(code(&output), 78, "{set:?}: {}", stderr(&output));
            assert!(stderr(&output).contains(wanted) && stderr(&output).lines().count() == 1, "{set:?}: {}", stderr(&output));
        }
    }
    let output = place.run(&["--set", "log.kind=kafka", "check"]);
    assert_eq!((code(&output), stderr(&output).as_str()), (0, ""));
    // An empty variable names no configuration.
    assert_eq!(code(&place.command(&["check"]).env("ENTREPOT_CONFIG", "").output().unwrap()), 0);
}

#[test]
fn with_a_log_of_json_the_last_word_is_json_as_well() {
    let output = Place::new().run(&["--log", "json", "assess", "nowhere.csv"]);
    assert_eq!(code(&output), 66);
    let lines: Vec<serde_json::Value> = stderr(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = lines.last().unwrap();
    assert_eq!((last["level"].as_str(), last["exit"].as_u64()), (Some("ERROR"), Some(66)), "{last}");
    assert!(last["message"].as_str().unwrap().starts_with("nowhere.csv: there is no such file"), "{last}");
}

#[test]
fn a_configuration_that_is_not_there_says_how_to_name_one() {
    check_golden("no-configuration", (&Place::new().run(&["--config", "nowhere.toml", "check"]), 78));
}

#[test]
fn an_unknown_mapping_names_its_neighbour_and_all_others() {
    let place = Place::new();
    place.file("my.csv", "a,b\n1,2\n");
    check_golden("unknown-mapping", (&place.run(&["assess", "my.csv", "--as", "censis"]), 78));
}

#[test]
fn an_unknown_key_of_a_mapping_names_file_line_and_neighbour() {
    let place = Place::new();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/mappings/census.toml");
    place.file("my.toml", &std::fs::read_to_string(shipped).unwrap().replacen("\ntitle", "\ntitel", 1));
    check_golden("mapping-unknown-key", (&place.run(&["check", "my.toml"]), 78));
}

#[test]
fn a_file_that_is_not_there_says_what_may_be_named() {
    check_golden("no-file", (&Place::new().run(&["assess", "nowhere.csv"]), 66));
}

#[test]
fn an_unknown_feed_names_its_neighbour() {
    let place = Place::new();
    place.file("entrepot.toml", "[[feeds]]\nname = \"korea\"\n");
    place.file("my.ndjson", FLOWS);
    check_golden("unknown-feed", (&place.run(&["feed", "my.ndjson", "--feed", "corea"]), 78));
}

#[test]
fn no_log_says_where_it_was_looked_for_and_how_to_make_one() {
    check_golden("no-log", (&Place::new().run(&["replay", "--from", "start", "--out", "out"]), 69));
}

#[test]
fn an_unknown_reason_lists_the_known_ones() {
    let place = Place::new();
    assert_eq!(code(&place.run(&["topics", "create"])), 0);
    check_golden("unknown-reason", (&place.run(&["dead-letters", "ls", "--reason", "malformd"]), 2));
}

#[test]
fn an_id_that_is_none_says_what_an_id_looks_like() {
    check_golden("no-id", (&Place::new().run(&["explain", "antimony"]), 2));
}

#[test]
fn a_place_in_the_log_has_no_other_revision() {
    for option in [["--revision", "3"], ["--as-of", "2025-01-01"]] {
        let output = Place::new().run(&[&["explain", "entrepot.corridors/0/1"], &option[..]].concat());
        assert_eq!(code(&output), 2);
        assert!(stderr(&output).contains("entrepot.corridors/0/1 is one message"), "{}", stderr(&output));
    }
}

#[test]
fn a_range_that_is_not_there_says_what_is() {
    let place = Place::new();
    assert_eq!(code(&place.run(&["-q", "topics", "create"])), 0);
    check_golden("no-range", (&place.run(&["replay", "--from", "offset:7", "--out", "out"]), 66));
}

#[test]
fn a_broken_bundle_names_file_row_and_rule() {
    let place = Place::new();
    let bundle = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/reference");
    std::fs::create_dir(place.0.path().join("bundle")).unwrap();
    for entry in std::fs::read_dir(bundle).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
        std::fs::copy(entry.path(), place.0.path().join("bundle").join(entry.file_name())).unwrap();
    }
    let controls = place.0.path().join("bundle/controls.csv");
    let text = std::fs::read_to_string(&controls).unwrap();
    std::fs::write(&controls, text.replacen(",2024-", ",20x4-", 1)).unwrap();
    let output = place.run(&["check", "bundle"]);
    assert_eq!(code(&output), 78);
    assert!(stderr(&output).contains("controls.csv") && stderr(&output).contains("20x4"), "{}", stderr(&output));
}

#[test]
fn a_broken_model_names_file_line_and_key() {
    let place = Place::new();
    let shipped = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/model.toml")).unwrap();
    let line = |start: &str| shipped.lines().position(|line| line.starts_with(start)).unwrap() + 1;
    for (from, to, said) in [
        ("partial = 500", "partial = -1500", format!("line {}: prior.partial is -1500; allowed is 0 to 1000", line("partial"))),
        ("still = 200", "still = \"x\"", format!("line {}: the model is not readable", line("still = "))),
        // No mapping, though it is no TOML either.
        ("still = 200", "both_legs = 200", format!("TOML parse error at line {}", line("still = "))),
    ] {
        place.file("m.toml", &shipped.replacen(from, to, 1));
        let output = place.run(&["check", "m.toml"]);
        let wanted = ["m.toml", said.as_str()].iter().all(|words| stderr(&output).contains(words));
        assert!(code(&output) == 78 && wanted && !stderr(&output).contains("mapping"), "{}", stderr(&output));
    }
}

#[test]
fn labels_that_cannot_be_used_name_file_row_and_column() {
    let place = Place::new();
    place.file("flows.ndjson", FLOWS);
    let header = "case_id,family_id,hs6,intermediary,destination,period_start,period_end,label,known_from\n";
    let good = "A,SB,,TH,US,2025-01,2025-01,1,2025-03-01\n";
    let refused = |labels: &[u8], exit: i32, wanted: &str| {
        std::fs::write(place.0.path().join("l.csv"), labels).unwrap();
        let output = place.run(&["-q", "backtest", "flows.ndjson", "--labels", "l.csv"]);
        assert_eq!((code(&output), stdout(&output).as_str()), (exit, ""), "{}", stderr(&output));
        assert!(stderr(&output).starts_with(&format!("error: {wanted}")), "{}", stderr(&output));
    };
    refused(b"", 78, "l.csv: row 1: the table is empty; a table of labels begins with a header");
    refused(good.as_bytes(), 78, "l.csv: row 1: holds \"A\", ");
    refused(format!("{header}{good}").replace(",1,", ",yes,").as_bytes(), 78, "l.csv: row 2 (A), label: \"yes\"");
    let contradiction = good.replace(",1,", ",0,");
    refused(format!("{header}{good}{contradiction}").as_bytes(), 78, "l.csv: rows 2 and 3 (A), label: one says 1, the other 0");
    refused(format!("{header}{}", good.replace("2025-03-01", "2026")).as_bytes(), 78, "l.csv: row 2 (A), known_from: 2026-12-31");
    refused(&[header.as_bytes(), b"A,SB,,TH,US,2025-01,2025-01,1,2025-03-01,\xff\n"].concat(), 78, "l.csv, line 2: is not UTF-8");
    // Nothing of them lies in the input: no figures, which any gate would let pass.
    let nothing = "l.csv: no case of it lies in the input: there is nothing to score\n";
    refused(header.as_bytes(), 66, &format!("{nothing}it holds no row"));
    let absent = good.replace("TH", "JM").replace('A', "Absent") + &good.replace("TH", "everywhere");
    let why = "not in the input:\n  Absent\nnames no corridor:\n  row 3 (A): intermediary \"everywhere\" is no country\n";
    refused(format!("{header}{absent}").as_bytes(), 66, &format!("{nothing}{why}"));
    // What is undefined has no score.
    let undefined = good.replace(",1,", ",,");
    let why =
        "l.csv: no case of it that lies in the input has a finding: there is nothing to score\nundefined, and in the input: 1\n";
    refused(format!("{header}{undefined}").as_bytes(), 66, why);
    let unseen = good.replace("TH", "JM").replace('A', "Absent");
    refused(format!("{header}{undefined}{unseen}").as_bytes(), 66, &format!("{why}not in the input:\n  Absent\n"));
    // What of them is scored is scored, and the rest is told.
    place.file("l.csv", &format!("{header}{}", good.replace("TH", "TH;ZZ")));
    let output = place.run(&["-q", "backtest", "flows.ndjson", "--labels", "l.csv"]);
    let listed = "names no corridor:\n  row 2 (A): intermediary \"ZZ\" is no country; the row is scored without it\n";
    assert!(code(&output) == 0 && stdout(&output).contains(listed), "{}{}", stdout(&output), stderr(&output));
    // None at all.
    let output = place.run(&["-q", "backtest", "flows.ndjson", "--labels", "none.csv"]);
    assert!(code(&output) == 66 && stderr(&output).starts_with("error: none.csv: "), "{}", stderr(&output));
}

#[test]
fn a_command_that_reads_files_or_the_log_names_both() {
    let place = Place::new();
    for command in [&["backtest", "--labels", "l.csv"][..], &["diff", "current", "current"]] {
        let said = stderr(&place.run(command));
        assert!(said.contains("PATH") && said.contains("--from <WHEN>"), "{said}");
        let usage = "Usage: entrepot diff [OPTIONS] <BASE> <CANDIDATE> <PATH|--from <WHEN>>";
        assert_eq!(said.contains(usage), command.contains(&"diff"), "{said}");
        let both = place.run(&[command, &["records.ndjson", "--from", "start"]].concat());
        assert!(code(&both) == 2 && stderr(&both).contains("cannot be used with"), "{}", stderr(&both));
    }
}

#[test]
fn usage_errors_exit_2() {
    let place = Place::new();
    for arguments in [
        &["assess"][..],
        &["frob"],
        &["replay", "--from", "start"],
        &["replay", "--from", "now", "--out", "x"],
        &["diff", "a", "b"],
        &["simulate", "--seed", "1", "--records", "10000001", "--out", "x"],
        &[],
    ] {
        assert_eq!(code(&place.run(arguments)), 2, "{arguments:?}");
    }
}

#[test]
fn every_help_shows_an_example() {
    let place = Place::new();
    let commands =
        ["run", "feed", "assess", "replay", "backtest", "diff", "explain", "simulate", "dead-letters", "topics", "check"];
    for command in commands {
        let output = place.run(&[command, "--help"]);
        assert_eq!(code(&output), 0, "{command}");
        let help = stdout(&output);
        assert!(help.contains("Example") && help.contains(&format!("entrepot {command}")), "{help}");
    }
    let help = stdout(&place.run(&["--help"]));
    commands.iter().for_each(|command| assert!(help.contains(command), "{command}"));
}

#[test]
fn a_feed_whose_format_its_mapping_does_not_read_is_refused_at_start() {
    let place = Place::new();
    assert_eq!(
        code(&place.run(&["-q", "feed", &place.file("some.ndjson", FLOWS).display().to_string(), "--feed", "sample-bad"])),
        0
    );
    let feed = |format: &str, mapping: &str| {
        place.file("entrepot.toml", &format!("[[feeds]]\nname = \"korea\"\nformat = \"{format}\"\nmapping = \"{mapping}\"\n"));
        place.run(&["check"])
    };
    assert_eq!(code(&feed("json", "korea-declarations")), 78);
    check_golden("feed-format", (&place.run(&["run"]), 78));
    for command in
        [&["replay", "--from", "start", "--stage", "all", "--out", "x"][..], &["feed", "entrepot.toml", "--feed", "korea"]]
    {
        let output = place.run(command);
        assert_eq!(code(&output), 78, "{command:?}: {}", stderr(&output));
    }
    for (format, mapping) in
        [("csv", "korea-declarations"), ("json-table", "census"), ("ndjson", "canonical"), ("json", "canonical")]
    {
        let output = feed(format, mapping);
        assert_eq!(code(&output), 0, "{format} {mapping}: {}", stderr(&output));
    }
}

#[test]
fn an_input_without_a_row_exits_65_and_says_so() {
    let place = Place::new();
    place.file("empty.ndjson", "");
    place.file("blank.ndjson", "\n\n");
    place.file("header.csv", "partner,month,kg\n");
    place.file("no-data.json", r#"[["CTY_CODE","GEN_VAL_MO"]]"#);
    std::fs::create_dir(place.0.path().join("nothing")).unwrap();
    for (file, mapping) in [
        ("empty.ndjson", "canonical"),
        ("blank.ndjson", "canonical"),
        ("empty.ndjson", "movements"),
        ("empty.ndjson", "census-2024"),
        ("nothing", "canonical"),
    ] {
        let output = place.run(&["assess", file, "--as", mapping, "--summary", "books.json"]);
        assert_eq!((code(&output), stdout(&output)), (65, String::new()), "{file} as {mapping}: {}", stderr(&output));
        let said = if file == "nothing" { "there is no file to read" } else { "no row in empty.ndjson" };
        assert!(stderr(&output).contains(&said.replace("empty", file.split('.').next().unwrap())), "{}", stderr(&output));
        let books: serde_json::Value =
            serde_json::from_slice(&std::fs::read(place.0.path().join("books.json")).unwrap()).unwrap();
        assert_eq!(books["consumed"], 0);
    }
    // What scores or compares them says the same, also where there are rows and none is one.
    place.file("garbage.ndjson", "garbage\n");
    place.file("l.csv", "case_id,hs6,intermediary,destination,period_start,period_end,label,known_from\n");
    for (file, rows) in [("empty.ndjson", 0), ("garbage.ndjson", 1)] {
        for command in [&["backtest", "--labels", "l.csv"][..], &["diff", "current", "current"]] {
            let output = place.run(&[command, &[file]].concat());
            assert_eq!((code(&output), stdout(&output)), (65, String::new()), "{command:?} {file}: {}", stderr(&output));
            assert!(stderr(&output).contains(&format!("none of {rows} rows could be decoded")), "{}", stderr(&output));
        }
    }
    // Beside a file with rows an empty one is no failure; neither is a date before all of them.
    place.file("flows.ndjson", FLOWS);
    assert_eq!(code(&place.run(&["assess", "empty.ndjson", "flows.ndjson"])), 0);
    assert_eq!(code(&place.run(&["assess", "flows.ndjson", "--until", "2000-01-01"])), 0);
}

#[test]
fn a_bad_configuration_stops_every_command() {
    let place = Place::new();
    place.file("entrepot.toml", "[log]\nkind = \"paper\"\n");
    place.file("flows.ndjson", FLOWS);
    assert_eq!(code(&place.run(&["assess", "flows.ndjson"])), 78);
    let mut other = place.command(&["assess", "flows.ndjson"]);
    assert_eq!(code(&other.env("ENTREPOT_CONFIG", place.file("good.toml", "")).output().unwrap()), 0);
    let mut spoiled = place.command(&["--config", "good.toml", "check"]);
    assert_eq!(code(&spoiled.env("ENTREPOT__TOPICS__PARTITION", "3").output().unwrap()), 78);
}
