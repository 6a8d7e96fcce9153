//! The command line from outside: exit codes, forms of output, and error texts, each of which names what is wrong and what to do next.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds something else than it expects stops there")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder of its own for each test, and the binary run inside it without any environment of the tester's.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_entrepot"));
        command.args(arguments).current_dir(self.0.path()).env_clear().stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it ended by itself")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

const FLOWS: &str = concat!(
    r#"{"kind":"trade_flow","reporter":"US","partner":"TH","flow":"import","period":"2025-01","hs":"282580","net_mass_kg":200000,"#,
    r#""customs_value":{"amount":"4000000","currency":"USD"},"known_from":"2025-03-05T00:00:00Z"}"#,
    "\n",
    r#"{"kind":"trade_flow","reporter":"US","partner":"JP","flow":"import","period":"2025-01","hs":"282580","net_mass_kg":90000,"#,
    r#""customs_value":{"amount":"1800000","currency":"USD"},"known_from":"2025-03-05T00:00:00Z"}"#,
    "\n",
);

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
fn usage_errors_exit_2_and_later_commands_say_so() {
    let place = Place::new();
    for arguments in [&["assess"][..], &["frob"], &["replay", "--from", "start"], &["replay", "--from", "now", "--out", "x"], &[]]
    {
        assert_eq!(code(&place.run(arguments)), 2, "{arguments:?}");
    }
    for later in ["backtest", "diff"] {
        let output = place.run(&[later, "--labels", "x"]);
        assert_eq!(code(&output), 2);
        assert!(stderr(&output).contains("comes with a later release"), "{}", stderr(&output));
    }
}

#[test]
fn every_help_shows_an_example() {
    let place = Place::new();
    let commands = ["run", "feed", "assess", "replay", "explain", "simulate", "dead-letters", "topics", "check"];
    for command in commands {
        let output = place.run(&[command, "--help"]);
        assert_eq!(code(&output), 0, "{command}");
        let help = stdout(&output);
        assert!(help.contains("Example") && help.contains(&format!("entrepot {command}")), "{help}");
    }
    let help = stdout(&place.run(&["--help"]));
    commands.iter().for_each(|command| assert!(help.contains(command), "{command}"));
    assert!(!help.contains("backtest"), "commands of later releases are not offered");
}

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
fn until_leaves_out_what_became_known_on_that_day() {
    let place = Place::new();
    place.file("flows.ndjson", FLOWS);
    assert_eq!(stdout(&place.run(&["assess", "flows.ndjson", "--until", "2025-03-05"])), "");
    let output = stdout(&place.run(&["assess", "flows.ndjson", "--until", "2025-03-06", "--only", "corridors"]));
    assert_eq!(output.lines().count(), 2);
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
    assert_eq!(code(&place.run(&["explain", id, "--revision", "99"])), 66);
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
