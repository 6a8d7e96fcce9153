//! `diff` from outside: what it counts is counted again from what `assess` prints, from files and from the log, for models, bundles
//! and builds; and it fails exactly where it is told to.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds something else than it expects stops there")]

#[path = "support/house.rs"]
mod house;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use house::House;
use serde_json::Value;

/// The day after the last record of the world became known.
const CLOSING: &str = "2026-01-01";
const FILE: [&str; 3] = ["w/records.ndjson", "--feed", "world"];
const LOG: [&str; 2] = ["--from", "start"];
const KINDS: [(&str, &str); 2] = [("corridor", "corridor_months"), ("assessment", "shipments")];
const BANDS: [&str; 4] = ["none", "watch", "review", "priority"];

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}

/// A simulated world in a file, and a story in which analysts are to look.
fn world() -> House {
    let house = House::new(&[("world", "canonical")]);
    let simulate = ["-q", "simulate", "--seed", "7", "--records", "2400", "--scheme", "relabel", "--out", "w"];
    house.done(&[&simulate[..], &["--from", "2023-01", "--until", "2025-06"]].concat());
    let simulated = std::fs::read_to_string(house.path("w/records.ndjson")).unwrap();
    let story = std::fs::read_to_string(shipped("sample/antimony.ndjson")).unwrap();
    house.write("w/records.ndjson", (simulated + &story).as_bytes());
    house
}

/// The same in the log, too.
fn served() -> House {
    let house = world();
    house.feed(&house.path("w/records.ndjson"), "world");
    house.serve_to_the_end((&[], &[]), CLOSING);
    house
}

/// The shipped model with these replaced, as a file of that name.
fn model(house: &House, name: &str, replaced: &[(&str, &str)]) {
    let mut text = std::fs::read_to_string(shipped("model.toml")).unwrap();
    for (from, to) in replaced {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        text = text.replace(from, to);
    }
    house.write(name, text.as_bytes());
}

/// The shipped bundle without the row of that id.
fn bundle(house: &House, name: &str, (table, id): (&str, &str)) {
    std::fs::create_dir(house.path(name)).unwrap();
    for entry in std::fs::read_dir(shipped("reference")).unwrap().map(Result::unwrap) {
        std::fs::copy(entry.path(), house.path(name).join(entry.file_name())).unwrap();
    }
    let text = std::fs::read_to_string(shipped("reference").join(table)).unwrap();
    let kept: String = text.split_inclusive('\n').filter(|line| !line.starts_with(&format!("{id},"))).collect();
    assert_eq!(text.lines().count(), kept.lines().count() + 1, "{id}");
    house.write(&format!("{name}/{table}"), kept.as_bytes());
}

/// A weaker surge: what rests on it alone falls.
fn weak_surge(house: &House) {
    model(
        house,
        "weak.toml",
        &[("\nboth_legs_cap = 2500", "\nboth_legs_cap = 500"), ("\none_leg_cap = 1200", "\none_leg_cap = 300")],
    );
}

/// Bands that begin higher: less is to be looked at.
fn high_bands(house: &House) {
    model(house, "bands.toml", &[("\nreview = 500 ", "\nreview = 850 "), ("\npriority = 800 ", "\npriority = 900 ")]);
}

/// What `diff` says, as JSON; it must have gone well.
#[track_caller]
fn diff(house: &House, pair: [&str; 2], source: &[&str]) -> Value {
    serde_json::from_str(&house.done(&[&["-q", "diff", "--format", "json"], &pair[..], source].concat())).unwrap()
}

/// What `assess` prints last of each subject under these settings, by kind and id.
fn assessed(house: &House, set: &[&str]) -> BTreeMap<(String, String), Value> {
    let printed = house.done(&[&["-q"], set, &["assess", "--format", "ndjson"], &FILE[..]].concat());
    let verdicts = printed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let standing = verdicts.filter(|verdict| verdict["status"] != "withdrawn" && verdict["band"].is_string());
    standing.map(|verdict| ((text(&verdict["kind"]), text(&verdict["id"])), verdict)).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no count"))
}

/// What a signal counts in a verdict.
fn counted(verdict: &Value, signal: &str) -> Option<i64> {
    verdict["evidence"].as_array().unwrap().iter().find(|one| one["signal"] == signal)?["counted"].as_i64()
}

/// Counts again what a report counts, and finds the same flips.
#[track_caller]
fn check_against(report: &Value, base: &BTreeMap<(String, String), Value>, candidate: &BTreeMap<(String, String), Value>) {
    for (kind, name) in KINDS {
        let of = |all: &BTreeMap<(String, String), Value>| -> BTreeMap<String, Value> {
            all.iter().filter(|((of, _), _)| of == kind).map(|((_, id), verdict)| (id.clone(), verdict.clone())).collect()
        };
        let (base, candidate) = (of(base), of(candidate));
        let both: Vec<&String> = base.keys().filter(|id| candidate.contains_key(*id)).collect();
        let found = &report[name];
        assert_eq!(count(&found["compared"]), both.len() as u64, "{name}");
        assert_eq!(count(&found["only_base"]), (base.len() - both.len()) as u64, "{name}");
        assert_eq!(count(&found["only_candidate"]), (candidate.len() - both.len()) as u64, "{name}");
        let none = Value::from("none");
        let band =
            |all: &BTreeMap<String, Value>, id: &String| all.get(id).map_or(none.clone(), |verdict| verdict["band"].clone());
        let all = base.keys().chain(candidate.keys().filter(|id| !base.contains_key(*id)));
        let mut flips: Vec<String> = all.filter(|id| band(&base, id) != band(&candidate, id)).cloned().collect();
        flips.sort();
        assert_eq!(count(&found["flips"]), flips.len() as u64, "{name}");
        let mut listed: Vec<String> = found["flipped"].as_array().unwrap().iter().map(|change| text(&change["id"])).collect();
        listed.sort();
        assert_eq!(listed, flips, "{name}");
        for (row, band) in found["bands"].as_array().unwrap().iter().zip(BANDS) {
            let many = |all: &BTreeMap<String, Value>| all.values().filter(|verdict| verdict["band"] == band).count() as u64;
            assert_eq!((&row["band"], count(&row["base"])), (&Value::from(band), many(&base)), "{name}");
            assert_eq!(count(&row["candidate"]), many(&candidate), "{name} {band}");
        }
        let moved = |id: &&&String, signal: &str| {
            let weight = |all: &BTreeMap<String, Value>| counted(&all[**id], signal).unwrap_or_default();
            weight(&base) != weight(&candidate)
        };
        for row in found["contributions"].as_array().unwrap().iter().filter(|row| row["signal"] != "prior") {
            let signal = text(&row["signal"]);
            assert_eq!(count(&row["changed"]), both.iter().filter(|id| moved(id, &signal)).count() as u64, "{name} {signal}");
        }
    }
}

/// Asserts that nothing differs, and that there was something to compare.
#[track_caller]
fn check_same(report: &Value) {
    for (_, name) in KINDS {
        let found = &report[name];
        assert!(count(&found["compared"]) > 100, "{found}");
        for key in ["only_base", "only_candidate", "changed", "shares", "flips"] {
            assert_eq!(found[key], 0, "{name} {key}");
        }
        for key in ["flips_by", "flipped", "shifted"] {
            assert_eq!(found[key].as_array().map(Vec::len), Some(0), "{name} {key}");
        }
    }
    assert_eq!(report["corridors"].as_array().map(Vec::len), Some(0));
    let alerts = &report["alerts"];
    assert!(count(&alerts["base"]["volume"]) > 0 && alerts["base"] == alerts["candidate"], "{alerts}");
    assert_eq!(alerts["change_percent"], 0.0);
}

#[test]
fn a_model_and_a_bundle_against_themselves_say_the_same() {
    let house = world();
    let model = shipped("model.toml").display().to_string();
    let arguments = [&["-q", "diff", "current", &model, "--fail-on", "flips=0,alerts=0"], &FILE[..]].concat();
    let json = house.done(&[&arguments[..], &["--format", "json"]].concat());
    assert_eq!(json, house.done(&[&arguments[..], &["--format", "json"]].concat()), "the same bytes");
    assert_eq!(json.lines().count(), 1);
    let report: Value = serde_json::from_str(&json).unwrap();
    check_same(&report);
    assert_eq!((&report["kind"], &report["input"]), (&Value::from("diff"), &Value::from("records")));
    assert_eq!((&report["base"]["what"], &report["candidate"]["what"]), (&Value::from("current"), &Value::from("model")));
    assert_eq!(report["base"]["models"], report["candidate"]["models"]);
    check_same(&diff(&house, ["current", &shipped("reference").display().to_string()], &FILE));
    let table = house.done(&arguments);
    assert!(table.contains("corridor-months") && !table.contains("flips of") && !table.contains("corridors:"), "{table}");
}

#[test]
fn a_weaker_signal_flips_what_rests_on_it_and_is_named_as_the_reason() {
    let house = world();
    weak_surge(&house);
    let report = diff(&house, ["current", "weak.toml"], &FILE);
    let (base, candidate) = (assessed(&house, &[]), assessed(&house, &["--set", "model.path=weak.toml"]));
    check_against(&report, &base, &candidate);
    let flipped = report["corridor_months"]["flipped"].as_array().unwrap();
    assert!(flipped.len() >= 3, "{}", flipped.len());
    for change in flipped {
        let key = ("corridor".to_owned(), text(&change["id"]));
        let (was, is) = (&base[&key], &candidate[&key]);
        let reason = &change["reasons"][0];
        assert_eq!(
            (&reason["what"], &reason["signal"]),
            (&Value::from("contribution"), &Value::from("T1_EVENT_SURGE")),
            "{change}"
        );
        assert_eq!(reason["base"].as_i64(), counted(was, "T1_EVENT_SURGE"), "{change}");
        assert_eq!(reason["candidate"].as_i64(), counted(is, "T1_EVENT_SURGE"), "{change}");
        assert_eq!((&change["base"]["band"], &change["candidate"]["band"]), (&was["band"], &is["band"]), "{change}");
        assert_eq!(change["base"]["probability"], was["probability"], "{change}");
    }
    // The other way round all turns; and what people read names the same.
    let back = diff(&house, ["weak.toml", "current"], &FILE);
    assert_eq!(back["corridor_months"]["flips"], report["corridor_months"]["flips"]);
    assert_eq!(back["alerts"]["base"], report["alerts"]["candidate"]);
    let table = house.done(&[&["-q", "diff", "current", "weak.toml"], &FILE[..]].concat());
    let line = table.lines().find(|line| line.contains(flipped[0]["id"].as_str().unwrap())).unwrap();
    assert!(line.contains(": T1_EVENT_SURGE +"), "{line}");
}

#[test]
fn what_shipments_alone_show_is_found_too() {
    let house = world();
    model(&house, "route.toml", &[("\nincentive = 1000", "\nincentive = 3500")]);
    let report = diff(&house, ["current", "route.toml"], &FILE);
    check_against(&report, &assessed(&house, &[]), &assessed(&house, &["--set", "model.path=route.toml"]));
    assert_eq!((count(&report["corridor_months"]["changed"]), &report["alerts"]["change_percent"]), (0, &Value::from(0.0)));
    assert!(count(&report["shipments"]["flips"]) > 0);
    let reasons = report["shipments"]["flipped"][0]["reasons"].as_array().unwrap();
    assert_eq!(reasons[0]["signal"], "R1_ROUTE_CN_LADING", "{reasons:?}");
    // Bands that begin elsewhere move no figure.
    high_bands(&house);
    let report = diff(&house, ["current", "bands.toml"], &FILE);
    check_against(&report, &assessed(&house, &[]), &assessed(&house, &["--set", "model.path=bands.toml"]));
    let flipped = report["corridor_months"]["flipped"].as_array().unwrap();
    assert!(!flipped.is_empty());
    flipped.iter().for_each(|change| assert_eq!(change["reasons"], serde_json::json!([{"what": "bands"}]), "{change}"));
}

#[test]
fn a_log_says_what_files_say() {
    let house = served();
    weak_surge(&house);
    bundle(&house, "no-ban", ("controls.csv", "CN-2024-46"));
    for (candidate, key) in [("weak.toml", "model.path=weak.toml"), ("no-ban", "reference.path=no-ban")] {
        let mut of_files = diff(&house, ["current", candidate], &FILE);
        check_against(&of_files, &assessed(&house, &[]), &assessed(&house, &["--set", key]));
        assert!(count(&of_files["corridor_months"]["changed"]) > 0, "{candidate}");
        let mut of_log = diff(&house, ["current", candidate], &LOG);
        let inputs = (of_files["input"].take(), of_log["input"].take());
        assert_eq!(inputs, (Value::from("records"), Value::from("movements")));
        assert_eq!(of_files, of_log, "{candidate}");
    }
    // Without the ban there is less of a motive: the prior is among the reasons.
    let report = diff(&house, ["current", "no-ban"], &LOG);
    let prior =
        report["corridor_months"]["contributions"].as_array().unwrap().iter().find(|row| row["signal"] == "prior").unwrap();
    assert!(count(&prior["changed"]) > 0 && prior["max_shift"].as_i64().unwrap() < 0, "{prior}");
    assert_ne!(report["base"]["references"], report["candidate"]["references"]);
    // A part of the log.
    let part = diff(&house, ["current", "weak.toml"], &["--from", "start", "--until", "offset:100"]);
    assert!(count(&part["corridor_months"]["compared"]) < count(&report["corridor_months"]["compared"]));
    let (code, _, stderr) = house.run(&["-q", "diff", "current", "weak.toml", "--from", "offset:1000000"]);
    assert_eq!(code, 66, "{stderr}");
}

#[test]
fn bundles_that_home_records_differently_ingest_them_each_for_itself() {
    let house = served();
    bundle(&house, "no-oxide", ("materials.csv", "SB.282580"));
    let mut of_files = diff(&house, ["current", "no-oxide"], &FILE);
    check_against(&of_files, &assessed(&house, &[]), &assessed(&house, &["--set", "reference.path=no-oxide"]));
    let months = &of_files["corridor_months"];
    assert!(count(&months["only_base"]) > 0, "{months}");
    let mut of_log = diff(&house, ["current", "no-oxide"], &LOG);
    let inputs = (of_files["input"].take(), of_log["input"].take());
    assert_eq!(inputs, (Value::from("records"), Value::from("raw_topics")));
    assert_eq!(of_files, of_log);
    // Movements stand as one of the two has homed them; a model can fold them as well as another.
    house.done(&["-q", "replay", "--from", "start", "--stage", "ingest", "--out", "dump"]);
    let dumped = ["dump/movements.ndjson", "--as", "movements"];
    let (code, stdout, stderr) = house.run(&[&["-q", "diff", "current", "no-oxide"], &dumped[..]].concat());
    assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
    assert!(stderr.contains("home records differently"), "{stderr}");
    weak_surge(&house);
    let mut of_dump = diff(&house, ["current", "weak.toml"], &dumped);
    assert_eq!(of_dump["input"], "movements");
    of_dump["input"] = Value::from("records");
    assert_eq!(of_dump, diff(&house, ["current", "weak.toml"], &FILE));
}

#[test]
fn movements_are_folded_by_no_other_family_map_than_theirs() {
    let house = served();
    house.write(
        "labels.csv",
        b"case_id,hs6,intermediary,destination,period_start,period_end,label,known_from\nA,282580,TH,US,2024,2025,1,2025-07-01\n",
    );
    bundle(&house, "no-oxide", ("materials.csv", "SB.282580"));
    bundle(&house, "no-ban", ("controls.csv", "CN-2024-46"));
    let replay = ["replay", "--from", "start", "--out"];
    let of_log: [(&[&str], &[&str]); 4] = [
        (&["backtest", "--from", "start", "--labels=labels.csv"], &[]),
        (&replay, &["a"]),
        (&replay, &["b", "--order=known"]),
        (&replay, &["c", "--stage=all"]),
    ];
    let with = |(command, more): (&[&str], &[&str]), bundle: &str| {
        house.run(&[&["-q"][..], command, more, &["--reference", bundle]].concat())
    };
    for run in of_log {
        let (code, stdout, stderr) = with(run, "no-oxide");
        assert_eq!((code, stdout.as_str()), (76, ""), "{run:?}: {stderr}");
        assert!(stderr.contains("movements of this log are keyed by family map sha256:"), "{stderr}");
    }
    assert!(!house.path("a").exists(), "a replay that is refused begins nothing");
    // Other facts are no other map, and the records themselves can be homed anew.
    let (code, _, stderr) = with((&replay, &["d"]), "no-ban");
    assert_eq!(code, 0, "{stderr}");
    let (code, _, stderr) = with((&replay, &["whole", "--stage=all", "--order=known"]), "no-oxide");
    assert_eq!(code, 0, "{stderr}");
    // Two that agree with each other, and not with the log, read the raw topics too.
    bundle(&house, "neither", ("materials.csv", "SB.282580"));
    let of_log = diff(&house, ["no-oxide", "neither"], &LOG);
    assert_eq!((&of_log["input"], count(&of_log["corridor_months"]["flips"])), (&Value::from("raw_topics"), 0));

    // A dump names no map, and does say where its goods stand: one code less, and one more beside others of its family.
    house.done(&["-q", "replay", "--from", "start", "--stage", "ingest", "--out", "dump"]);
    let materials = std::fs::read_to_string(house.path("no-ban/materials.csv")).unwrap();
    let metal = materials.lines().find(|line| line.starts_with("SB.811010,")).unwrap();
    let more = metal.replace("SB.811010,SB,", "C_ART.811010,C_ART,").replace(",N,material,", ",N,placebo,");
    std::fs::create_dir(house.path("more")).unwrap();
    for entry in std::fs::read_dir(house.path("no-ban")).unwrap().map(Result::unwrap) {
        std::fs::copy(entry.path(), house.path("more").join(entry.file_name())).unwrap();
    }
    house.write("more/materials.csv", format!("{}\n{more}\n", materials.trim_end()).as_bytes());
    let dump: [&[&str]; 3] = [
        &["backtest", "dump/movements.ndjson", "--as=movements", "--labels=labels.csv"],
        &["assess", "dump/movements.ndjson", "--as=movements"],
        &["assess", "dump/movements.ndjson", "--as=movements", "--order=given"],
    ];
    for command in dump {
        for (bundle, named) in [
            ("no-oxide", "282580 stands in family SB (home), and this bundle counts it in H2825"),
            ("more", "811010 stands nowhere in family C_ART, where this bundle lists it"),
        ] {
            let set = format!("reference.path={bundle}");
            let (code, stdout, stderr) = house.run(&[&["-q", "--set", &set][..], command].concat());
            assert_eq!((code, stdout.as_str()), (76, ""), "{bundle} {command:?}: {stderr}");
            assert!(stderr.contains("movements.ndjson/0/") && stderr.contains(named), "{stderr}");
        }
        house.done(&[&["-q", "--set", "reference.path=no-ban"][..], command].concat());
    }
}

#[test]
fn it_fails_exactly_where_a_bound_is_exceeded() {
    let house = world();
    high_bands(&house);
    let report = diff(&house, ["current", "bands.toml"], &FILE);
    let flips = count(&report["corridor_months"]["flips"]) + count(&report["shipments"]["flips"]);
    let volume = |of: &str| count(&report["alerts"][of]["volume"]);
    let percent = volume("base").abs_diff(volume("candidate")) as f64 * 100.0 / volume("base") as f64;
    assert!(flips > 1 && percent > 1.0, "{flips} {percent}");
    for (bounds, exit) in [
        (format!("flips={flips}"), 0),
        (format!("flips={}", flips - 1), 1),
        (format!("alerts={}", percent + 0.01), 0),
        (format!("alerts={}", percent - 0.01), 1),
        (format!("flips={flips},alerts=0"), 1),
        ("flips=some".to_owned(), 2),
        ("verdicts=3".to_owned(), 2),
    ] {
        let arguments = ["-q", "diff", "current", "bands.toml", "--format", "json", "--fail-on", &bounds];
        let (code, stdout, stderr) = house.run(&[&arguments[..], &FILE[..]].concat());
        assert_eq!(code, exit, "{bounds}: {stderr}");
        if exit < 2 {
            // What differs is told in either case.
            let told: Value = serde_json::from_str(&stdout).unwrap();
            assert_eq!(told["exceeded"].as_array().unwrap().len(), usize::from(exit == 1), "{bounds}");
            assert_eq!(stderr.contains("--fail-on"), exit == 1, "{bounds}: {stderr}");
        }
    }
}

#[test]
fn the_page_says_what_the_figures_say_and_every_reader_can_read_it() {
    let house = world();
    weak_surge(&house);
    house.write("<b>weak.toml", &std::fs::read(house.path("weak.toml")).unwrap());
    let page = |name: &str| {
        let arguments = ["-q", "diff", "current", "<b>weak.toml", "--format=json", "--fail-on=flips=0", "--report", name];
        house.run(&[&arguments[..], &FILE[..]].concat())
    };
    // It is written where a bound is exceeded, too.
    let (code, stdout, stderr) = page("page.html");
    assert_eq!(code, 1, "{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    let html = std::fs::read_to_string(house.path("page.html")).unwrap();
    assert!(html.contains("current → &lt;b&gt;weak.toml") && html.contains(report["exceeded"][0].as_str().unwrap()));
    for (_, name) in KINDS {
        let told = &report[name];
        let flipped = told["flipped"].as_array().unwrap();
        assert!(!flipped.is_empty(), "{name}: nothing to look at");
        for change in flipped.iter().take(50) {
            let id = text(&change["id"]);
            assert_eq!(html.matches(&format!("<summary>{id}: ")).count(), 1, "{id}");
        }
        // Every verdict that both judge is one dot's, and one step's.
        for list in ["probabilities", "shifts"] {
            let counts = told[list].as_array().unwrap().iter().map(|one| count(&one["count"]));
            assert_eq!(counts.sum::<u64>(), count(&told["compared"]), "{name}: {list}");
        }
        for cell in told["probabilities"].as_array().unwrap() {
            let group = |side: &str| format!("{:.2}–{:.2}", cell[side].as_f64().unwrap(), cell[side].as_f64().unwrap() + 0.05);
            let dot = format!("<title>{} to {}: {}</title>", group("base"), group("candidate"), cell["count"]);
            assert!(html.contains(&dot), "{dot}");
        }
    }
    assert!(
        html.contains("<circle class=\"lower\"") && !html.contains("<circle class=\"higher\""),
        "a weaker signal only lowers"
    );
    for corridor in report["corridors"].as_array().unwrap() {
        assert!(html.contains(&format!(">{}</th>", text(&corridor["corridor"]))), "{corridor}");
    }
    house.look_at("page.html");
    // The same again gives the same bytes; what is there already is left alone, before anything is read.
    assert_eq!(page("again.html").0, 1);
    assert!(std::fs::read_to_string(house.path("again.html")).unwrap() == html, "the page depends on something else");
    house.write("w/records.ndjson", b"");
    let (code, stdout, stderr) = page("again.html");
    assert_eq!((code, stdout.as_str()), (73, ""), "{stderr}");
    assert!(std::fs::read_to_string(house.path("again.html")).unwrap() == html);
}

/// What `diff` says where the script of that name stands for a build.
fn with_build(house: &House, script: &str, says: (&str, &str), source: &[&str]) -> (i32, String, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diff").join(script).display().to_string();
    let mut command = house.command(&[&["-q", "diff", "current", &script, "--format", "json"], source].concat());
    command.envs([("REAL_BUILD", env!("CARGO_BIN_EXE_entrepot")), ("REAL_BUILD_SAYS", says.0), ("REAL_BUILD_ENDS", says.1)]);
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn another_build_is_heard_as_this_one_is() {
    let house = served();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_entrepot"), house.path("another")).unwrap();
    for source in [&FILE[..], &[&FILE[..], &["--until", "2025-03-01"]].concat(), &LOG] {
        let report = diff(&house, ["another", "current"], source);
        check_same(&report);
        assert_eq!(report["base"]["what"], "build");
    }
    check_same(&diff(&house, ["another", "another"], &FILE));
    // A model against a build is that model against what the build is told by the same configuration.
    weak_surge(&house);
    bundle(&house, "no-oxide", ("materials.csv", "SB.282580"));
    for (candidate, source) in [("weak.toml", &FILE[..]), ("weak.toml", &LOG), ("no-oxide", &LOG)] {
        let (mut built, mut known) = (diff(&house, ["another", candidate], source), diff(&house, ["current", candidate], source));
        for base in [&mut built["base"], &mut known["base"]] {
            (base["name"], base["what"]) = (Value::Null, Value::Null);
        }
        assert_eq!(built, known, "{candidate} {source:?}");
    }
    // One whose replay writes nothing.
    let (code, _, stderr) = with_build(&house, "broken.sh", ("", "0"), &LOG);
    assert!(code == 70 && stderr.contains("reading alerts.ndjson, which its replay should have written"), "{code} {stderr}");
    let settings = ["-q", "--set", "model.path=weak.toml", "diff", "--format", "json", "another", "current"];
    check_same(&serde_json::from_str(&house.done(&[&settings[..], &FILE[..]].concat())).unwrap());
}

#[test]
fn a_build_that_says_otherwise_is_found_out_and_one_that_fails_is_told_of() {
    let house = world();
    let (code, stdout, stderr) = with_build(&house, "doctored.sh", ("", ""), &FILE);
    assert_eq!(code, 0, "{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    let months = &report["corridor_months"];
    let review = count(&months["bands"][2]["base"]);
    assert!(review > 0, "{months}");
    let flips = serde_json::json!([{"from": "review", "to": "watch", "count": review}]);
    assert_eq!(
        (&months["flips_by"], &months["flips"], &report["shipments"]["flips"]),
        (&flips, &Value::from(review), &Value::from(0))
    );
    assert_eq!(months["flipped"][0]["reasons"], serde_json::json!([{"what": "bands"}]));
    // Its exit is passed on where it tells more than that it failed; 1 and 2 are this command's own.
    for (ends, exit) in [("78", 78), ("65", 65), ("1", 70), ("2", 70), ("3", 70)] {
        let (code, stdout, stderr) = with_build(&house, "broken.sh", ("", ends), &FILE);
        assert_eq!((code, stdout.as_str()), (exit, ""), "{stderr}");
        assert!(stderr.contains("the ink has run out") && stderr.contains("broken.sh: its assess ended with"), "{stderr}");
    }
    for says in ["all is well", r#"{"kind":"corridor","id":"SB/TH/US/2025-03"}"#] {
        let (code, stdout, stderr) = with_build(&house, "broken.sh", (says, "0"), &FILE);
        assert_eq!((code, stdout.as_str()), (70, ""), "{stderr}");
        assert!(stderr.contains("broken.sh: ") && stderr.contains(" is no verdict: "), "{stderr}");
    }
    // What says nothing and balances no books is no build; a build that says nothing is heard as such.
    let (code, stdout, stderr) = with_build(&house, "broken.sh", ("", "0"), &FILE);
    assert_eq!((code, stdout.as_str()), (70, ""), "{stderr}");
    assert!(stderr.contains("broken.sh: wrote no --summary, as every build does: it did not assess"), "{stderr}");
    let (code, stdout, stderr) = with_build(&house, "silent.sh", ("", ""), &FILE);
    assert_eq!(code, 0, "{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert!(count(&report["corridor_months"]["flips"]) > 0 && report["alerts"]["candidate"]["volume"] == 0, "{stdout}");
}

#[test]
fn what_cannot_be_compared_is_refused_with_its_exit() {
    let house = world();
    house.write("odd.toml", b"[bands]\nwatch = 200\n");
    house.write("notes.txt", b"not much");
    house.write("empty.ndjson", b"");
    house.write("bad.ndjson", b"{}\n");
    std::fs::create_dir(house.path("hollow")).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_entrepot"), house.path("another")).unwrap();
    let refused = |arguments: &[&str], exit: i32, named: &str| {
        let (code, stdout, stderr) = house.run(&[&["-q", "diff"], arguments].concat());
        assert_eq!((code, stdout.as_str()), (exit, ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(named), "{arguments:?}: {stderr}");
    };
    let records = "w/records.ndjson";
    refused(&["current", "nowhere.toml", records], 66, "nowhere.toml: there is no such file");
    refused(&["notes.txt", "current", records], 2, "notes.txt: is no model (.toml), bundle (a folder)");
    refused(&["current", "odd.toml", records], 78, "odd.toml");
    refused(&["current", "hollow", records], 78, "hollow: holds no table");
    refused(&["current", "current", "nowhere.ndjson"], 66, "nowhere.ndjson: there is no such file");
    refused(&["current", "current", "empty.ndjson"], 65, "none of 0 rows");
    refused(&["current", "current", "bad.ndjson"], 65, "none of 1 rows");
    refused(&["current", "current", records, "--until", "2000-01-01"], 66, "there is nothing to compare");
    refused(&["current", "current", records, "--until", "soon"], 2, "of files it is a day");
    refused(&["another", "current", "-"], 2, "stdin can be read once");
    refused(&["current", "current", "--from", "start"], 69, "");
    refused(&["current", "current"], 2, "");
    refused(&["current", "current", records, "--from", "start"], 2, "");
}
