//! `feed` over time: a watched folder, a rate, kills in between. Every row is there once, in its order.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds something else than it expects stops there")]

#[path = "support/house.rs"]
mod house;

use std::process::{Child, Stdio};

use house::{House, messages, pause};

/// A running `feed`, which a failing test does not leave behind.
struct Feeding(Child);

impl Feeding {
    fn start(house: &House, arguments: &[&str]) -> Feeding {
        let mut command = house.command(&[&["-q", "feed"], arguments].concat());
        Feeding(command.stdout(Stdio::null()).spawn().unwrap())
    }

    #[track_caller]
    fn assert_alive(&mut self) {
        assert!(self.0.try_wait().unwrap().is_none(), "the feed ended by itself");
    }
}

impl Drop for Feeding {
    /// SIGKILL, which nothing can catch.
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Row by row what stands in the raw topic.
fn raw(house: &House) -> Vec<String> {
    messages(&mut house.log(), "inbox").into_iter().map(|message| String::from_utf8(message.value.unwrap()).unwrap()).collect()
}

fn rows(file: &str, count: usize) -> Vec<String> {
    (0..count).map(|row| format!("{{\"file\":\"{file}\",\"row\":{row}}}")).collect()
}

/// Puts a file there as a careful sender does: whole, under its name from the first moment on.
fn arrive(house: &House, file: &str, rows: &[String]) {
    let hidden = house.write(&format!("inbox/.{file}"), (rows.join("\n") + "\n").as_bytes());
    std::fs::rename(hidden, house.path(&format!("inbox/{file}"))).unwrap();
}

/// Waits until at least so many rows are there.
#[track_caller]
fn await_rows(house: &House, feeding: &mut Feeding, count: usize) {
    let mut log = house.log();
    while messages(&mut log, "inbox").len() < count {
        feeding.assert_alive();
        pause(&mut log);
    }
}

fn house() -> House {
    let house = House::new(&[("inbox", "canonical")]);
    std::fs::create_dir(house.path("inbox")).unwrap();
    house.done(&["-q", "topics", "create"]);
    house
}

#[test]
fn a_watched_folder_is_fed_once_whatever_arrives_and_however_often_it_is_killed() {
    let house = house();
    let watch = ["inbox", "--feed", "inbox", "--watch"];
    let (first, second, third) = (rows("b", 3), rows("a", 300), rows("c", 2));
    let mut feeding = Feeding::start(&house, &watch);
    arrive(&house, "b.ndjson", &first);
    await_rows(&house, &mut feeding, 3);
    drop(feeding);

    // Killed in the middle of a file, which it takes row by row at that rate.
    let mut feeding = Feeding::start(&house, &[&watch[..], &["--rate", "3"]].concat());
    arrive(&house, "a.ndjson", &second);
    await_rows(&house, &mut feeding, 3 + 2);
    drop(feeding);
    let there = raw(&house).len();
    assert!((5..303).contains(&there), "{there} rows when it was killed");

    // Files are looked at by name: once the last is there, those before it have had their turn.
    let mut feeding = Feeding::start(&house, &watch);
    arrive(&house, "c.ndjson", &third);
    await_rows(&house, &mut feeding, 3 + 300 + 2);
    assert_eq!(raw(&house), [&first[..], &second, &third].concat());
    // A file that grows is taken up where it ended; one that goes away ends nothing.
    std::fs::remove_file(house.path("inbox/b.ndjson")).unwrap();
    let grown = rows("c", 4);
    arrive(&house, "c.ndjson", &grown);
    await_rows(&house, &mut feeding, 3 + 300 + 4);
    feeding.assert_alive();
    assert_eq!(raw(&house), [&first[..], &second, &grown].concat());
}

#[test]
fn a_watch_that_is_told_to_end_ends_well_and_takes_no_file_that_is_still_being_written() {
    let house = house();
    for signal in ["-INT", "-TERM"] {
        let before = messages(&mut house.log(), "inbox").len();
        let mut feeding = Feeding::start(&house, &["inbox", "--feed", "inbox", "--watch", "--rate", "2"]);
        for unfinished in ["a.ndjson.tmp", "b.part", "c.ndjson.PART"] {
            arrive(&house, unfinished, &rows("no", 1));
        }
        arrive(&house, &format!("d{signal}.ndjson"), &rows("d", 1_000));
        await_rows(&house, &mut feeding, before + 2);
        // In the midst of a file: what went out is noted, and the rest is for the next.
        assert!(std::process::Command::new("kill").args([signal, &feeding.0.id().to_string()]).status().unwrap().success());
        assert_eq!(feeding.0.wait().unwrap().code(), Some(0), "{signal}");
        let there = messages(&mut house.log(), "inbox").len();
        assert!(there < before + 1_000, "{there}");
        std::fs::remove_file(house.path(&format!("inbox/d{signal}.ndjson"))).unwrap();
    }
    assert!(raw(&house).iter().all(|row| row.contains("\"d\"")));
}

#[test]
fn watching_takes_folders_alone() {
    let house = house();
    house.write("file.ndjson", b"{}\n");
    let (code, _, stderr) = house.run(&["feed", "file.ndjson", "--feed", "inbox", "--watch"]);
    assert_eq!((code, stderr.as_str()), (2, "error: --watch takes folders alone\n"));
}

#[test]
fn a_rate_reaches_the_feed_and_a_file_after_another_is_held_to_it_too() {
    let house = house();
    // Without a rate a file of this size goes out as one transaction: there would be all of it or nothing.
    arrive(&house, "a.ndjson", &rows("a", 1));
    arrive(&house, "b.ndjson", &rows("b", 1_000));
    let mut feeding = Feeding::start(&house, &["inbox", "--feed", "inbox", "--rate", "2"]);
    await_rows(&house, &mut feeding, 2);
    let there = raw(&house).len();
    assert!((2..1_001).contains(&there), "{there} rows");
    drop(feeding);
    house.done(&["-q", "feed", "inbox", "--feed", "inbox"]);
    assert_eq!(raw(&house), [rows("a", 1), rows("b", 1_000)].concat());
}

const KG: &str = r#"
version = 1
name = "kg"
kind = "trade_flow"
[envelope]
format = "csv"
message = "MESSAGE"
[fields]
reporter = { const = "US" }
partner = "partner"
flow = { const = "import" }
period = { const = "2025-02", formats = ["%Y-%m"] }
hs = { const = "282580" }
net_mass_kg = "kg"
"#;

const GATHERED: &str = r#"
[gather]
by = ["partner"]
[[gather.columns]]
name = "kg"
value = "kg"
sum = true
"#;

/// A house whose feed reads columns partner and kg, a message as the mapping says.
fn of_kg(message: &str) -> House {
    let house = House::new(&[("inbox", "kg.toml")]);
    let gathered = if message == "row" { "" } else { GATHERED };
    house.write("kg.toml", (KG.replace("MESSAGE", message) + gathered).as_bytes());
    house
}

fn fed(house: &House, file: &str) -> String {
    let (code, _, stderr) = house.run(&["feed", file, "--feed", "inbox"]);
    assert_eq!(code, 0, "{stderr}");
    stderr
}

#[test]
fn a_grown_file_whose_rows_move_among_messages_is_fed_again_whole_with_a_word() {
    let all = ["partner,kg\nAE,3\n", "partner,kg\nKR,1\nKR,4\n", "partner,kg\nVN,2\n", "partner,kg\nZA,5\n"];
    let grown = "partner,kg\nKR,1\nVN,2\nKR,4\nAE,3\nZA,5\n";
    for (message, whole) in [("group", &all[..]), ("file", &[grown])] {
        let house = of_kg(message);
        house.write("g.csv", b"partner,kg\nKR,1\nVN,2\n");
        fed(&house, "g.csv");
        let before = raw(&house).len();
        assert!(fed(&house, "g.csv").contains("nothing to do"), "{message}: nothing has changed");
        house.write("g.csv", grown.as_bytes());
        let said = fed(&house, "g.csv");
        assert!(said.contains("it is fed again whole"), "{message}: {said}");
        assert_eq!(raw(&house)[before..], *whole, "{message}");
        assert!(fed(&house, "g.csv").contains("nothing to do"), "{message}: it is known as it is");
    }
}

#[test]
fn a_file_that_a_mended_mapping_cuts_another_way_is_fed_again_whole() {
    let house = of_kg("row");
    house.write("g.csv", b"A title\npartner,kg\nKR,1\nVN,2\n");
    fed(&house, "g.csv");
    assert_eq!(raw(&house).len(), 3, "the title is taken for the header");
    // What reads a row may change: its place stays.
    let mended = KG.replace("MESSAGE", "row").replacen("[fields]", "[limits]\nrows_max = 9\n[fields]", 1);
    house.write("kg.toml", mended.as_bytes());
    assert!(fed(&house, "g.csv").contains("nothing to do"));
    house.write("kg.toml", mended.replacen("format = \"csv\"", "format = \"csv\"\npreamble = 1", 1).as_bytes());
    fed(&house, "g.csv");
    let head = "A title\npartner,kg\n";
    assert_eq!(raw(&house)[3..], ["KR,1\n", "VN,2\n"].map(|row| format!("{head}{row}")));
    assert!(fed(&house, "g.csv").contains("nothing to do"));
    house.write("g.csv", format!("{head}KR,1\nVN,2\nZA,5\n").as_bytes());
    fed(&house, "g.csv");
    assert_eq!(raw(&house)[5..], [format!("{head}ZA,5\n")], "no row is lost, and none is doubled");
}

#[test]
fn an_answer_without_a_row_that_tells_an_error_is_a_message() {
    let house = of_kg("row");
    let json = KG.replace("MESSAGE", "row").replacen(
        "format = \"csv\"",
        "format = \"json\"\nrecords = \"/data\"\nerror = \"/error\"",
        1,
    );
    house.write("kg.toml", json.as_bytes());
    let refused = r#"{"count":0,"data":[],"error":"quota exceeded"}"#;
    house.write("refused.json", refused.as_bytes());
    fed(&house, "refused.json");
    assert_eq!(raw(&house), [refused]);
    let (code, letters, _) = house.run(&["assess", "refused.json", "--as", "./kg.toml", "--only", "dead-letters"]);
    assert!(code == 65 && letters.contains("the source answers with an error: quota exceeded"), "{code}: {letters}");
    // No row and no error is no message.
    for (file, empty) in
        [("a.json", r#"{"data":[],"error":""}"#), ("b.json", r#"{"data":[],"error":null}"#), ("c.json", r#"{"data":[]}"#)]
    {
        house.write(file, empty.as_bytes());
        assert!(fed(&house, file).contains("the file holds no row"), "{empty}");
    }
}

#[test]
fn a_last_row_without_a_line_end_is_fed_again_when_it_is_completed() {
    let house = of_kg("row");
    house.write("g.csv", b"partner,kg\nKR,1\nVN,12");
    fed(&house, "g.csv");
    assert!(fed(&house, "g.csv").contains("nothing to do"));
    house.write("g.csv", b"partner,kg\nKR,1\nVN,123\nZA,5\n");
    fed(&house, "g.csv");
    house.write("g.csv", b"partner,kg\nKR,1\nVN,123\nZA,5\nAE,3\n");
    fed(&house, "g.csv");
    let rows: Vec<String> = raw(&house).iter().map(|message| message.trim_end().replace("partner,kg\n", "")).collect();
    assert_eq!(rows, ["KR,1", "VN,12", "VN,123", "ZA,5", "AE,3"]);
}

#[test]
fn a_file_is_fed_again_whole_where_what_was_fed_of_it_has_changed() {
    for message in ["row", "group"] {
        let house = of_kg(message);
        let table = |rows: &[String]| format!("partner,kg\n{}\n", rows.join("\n"));
        let mut rows: Vec<String> = (100..400).map(|kg| format!("KR,{kg}")).collect();
        house.write("g.csv", table(&rows).as_bytes());
        fed(&house, "g.csv");
        assert!(fed(&house, "g.csv").contains("nothing to do"), "{message}");
        let count = raw(&house).len();
        // Far from its beginning: a cell of the same length; then a row in the middle; then two that were exchanged.
        rows[250] = "KR,999".to_owned();
        house.write("g.csv", table(&rows).as_bytes());
        assert!(fed(&house, "g.csv").contains("fed again whole"), "{message}");
        assert!(raw(&house).len() == 2 * count && raw(&house)[count..].concat().contains("KR,999"), "{message}");
        rows.insert(150, "VN,7".to_owned());
        house.write("g.csv", table(&rows).as_bytes());
        assert!(fed(&house, "g.csv").contains("fed again whole"), "{message}");
        assert!(raw(&house)[2 * count..].concat().contains("VN,7"), "{message}");
        let before = raw(&house).len();
        rows.swap(200, 201);
        house.write("g.csv", table(&rows).as_bytes());
        fed(&house, "g.csv");
        assert!(raw(&house).len() >= before + count, "{message}");
        assert!(fed(&house, "g.csv").contains("nothing to do"), "{message}");
    }
    // A last row without a line end counts as well, and a file that holds fewer rows by now.
    let house = of_kg("row");
    let rows: String = (100..200).map(|kg| format!("\nKR,{kg}")).collect();
    let fewer = format!("partner,kg{}\nKR,{:0>60}", &rows[..rows.len() - 7 * 7], 5);
    for (text, count) in [
        (format!("partner,kg{rows}"), 100),
        (format!("partner,kg{rows}"), 100),
        (format!("partner,kg{}", rows.replace("KR,199", "KR,198")), 200),
        (fewer, 294),
    ] {
        house.write("g.csv", text.as_bytes());
        fed(&house, "g.csv");
        assert_eq!(raw(&house).len(), count);
    }
}

#[test]
fn a_watch_sees_that_a_file_was_replaced_by_one_of_the_same_size() {
    let house = house();
    arrive(&house, "a.ndjson", &rows("a", 40));
    let mut feeding = Feeding::start(&house, &["inbox", "--feed", "inbox", "--watch"]);
    await_rows(&house, &mut feeding, 40);
    let mut changed = rows("a", 40);
    changed[30] = changed[30].replace("30", "99");
    arrive(&house, "a.ndjson", &changed);
    await_rows(&house, &mut feeding, 80);
    assert_eq!(raw(&house)[40..], changed);
}

#[test]
fn a_line_without_its_end_is_waited_for_and_half_a_row_is_told() {
    let house = house();
    let whole = rows("a", 40);
    let half = whole.join("\n").len() - 5;
    house.write("inbox/a.ndjson", &whole.join("\n").as_bytes()[..half]);
    let mut feeding = Feeding::start(&house, &["inbox", "--feed", "inbox", "--watch"]);
    // Files are looked at by name: once the last is there, the one before it has had its turn.
    arrive(&house, "b.ndjson", &rows("b", 2));
    await_rows(&house, &mut feeding, 2);
    arrive(&house, "a.ndjson", &whole);
    await_rows(&house, &mut feeding, 42);
    assert_eq!(raw(&house), [&rows("b", 2)[..], &whole].concat());
    drop(feeding);
    // Where nobody waits, both are there, and the log says so.
    house.write("c.ndjson", &whole.join("\n").as_bytes()[..half]);
    fed(&house, "c.ndjson");
    house.write("c.ndjson", (whole.join("\n") + "\n").as_bytes());
    assert!(fed(&house, "c.ndjson").contains("was but a part of this one"));
    house.write("d.ndjson", whole.join("\n").as_bytes());
    fed(&house, "d.ndjson");
    house.write("d.ndjson", (whole.join("\n") + "\n").as_bytes());
    assert!(!fed(&house, "d.ndjson").contains("was but a part"));
}

#[test]
fn a_shorter_file_under_an_old_name_is_another_one() {
    let house = house();
    let all = rows("long", 20);
    arrive(&house, "a.ndjson", &all);
    house.done(&["-q", "feed", "inbox", "--feed", "inbox"]);
    // It begins as the other did, as far as is looked.
    arrive(&house, "a.ndjson", &all[..15]);
    assert!(all[..15].join("\n").len() > 256);
    house.done(&["-q", "feed", "inbox", "--feed", "inbox"]);
    assert_eq!(raw(&house), [&all[..], &all[..15]].concat());
}

#[test]
fn a_record_that_has_an_id_is_keyed_by_it() {
    let house = house();
    arrive(&house, "a.ndjson", &[r#"{"id":"B1"}"#.to_owned(), r#"{"row":2}"#.to_owned()]);
    house.done(&["-q", "feed", "inbox", "--feed", "inbox"]);
    let keys: Vec<_> = messages(&mut house.log(), "inbox").into_iter().map(|message| message.key).collect();
    assert_eq!(keys, [Some(b"B1".to_vec()), None]);
}

#[test]
fn a_named_pipe_is_fed_to_its_end() {
    let house = house();
    let pipe = house.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut feeding = Feeding::start(&house, &["pipe", "--feed", "inbox"]);
    std::fs::write(&pipe, rows("p", 3).join("\n") + "\n").unwrap();
    assert!(feeding.0.wait().unwrap().success());
    assert_eq!(raw(&house), rows("p", 3));
}

#[test]
fn messages_that_will_be_dead_letters_for_their_size_are_counted_and_the_key_is_named() {
    let house = of_kg("file");
    let large = "partner,kg\n".to_owned() + &"KR,1\n".repeat(400);
    house.write("large.csv", large.as_bytes());
    let set = ["--set", "ingest.payload_bytes_max=1000"];
    let (code, _, said) = house.run(&[&set[..], &["feed", "large.csv", "--feed", "inbox"]].concat());
    assert!(code == 0 && said.contains("ingest.payload_bytes_max") && said.contains("messages=1"), "{code}: {said}");
    house.write("small.csv", b"partner,kg\nKR,1\n");
    let (_, _, said) = house.run(&[&set[..], &["feed", "small.csv", "--feed", "inbox"]].concat());
    assert!(!said.contains("payload_bytes_max"), "{said}");
    // `check` counts as the run does: of bytes, and of rows.
    let check = ["check", "large.csv", "--as", "./kg.toml", "--sample", "1000"];
    let (code, stdout, _) = house.run(&[&set[..], &check].concat());
    assert!(code == 65 && stdout.contains("(ingest.payload_bytes_max)") && !stdout.contains("taken\n"), "{code}: {stdout}");
    house.write("kg.toml", (KG.replace("MESSAGE", "file") + "[limits]\nrows_max = 3\n").as_bytes());
    let (code, stdout, _) = house.run(&check);
    assert!(code == 65 && stdout.contains("(limits.rows_max)") && !stdout.contains("taken\n"), "{code}: {stdout}");
}

#[test]
fn files_that_hold_no_rows_to_read_are_named() {
    let house = of_kg("row");
    let tar = [&b"rows.csv"[..], &[0; 249], b"ustar\x0000", &[0; 247]].concat();
    let refused: [(&str, &[u8], &str); 10] = [
        ("x.7z", b"7z\xbc\xaf\x27\x1c\0\x04abc\n", "a 7z archive"),
        ("x.rar", b"Rar!\x1a\x07\0abc\n", "a rar archive"),
        ("x.bz2", b"BZh91AY&SYabc\n", "a bzip2 file"),
        ("x.Z", b"\x1f\x9d\x90abc\n", "a .Z file"),
        ("x.lz4", b"\x04\x22\x4d\x18abc\n", "an lz4 file"),
        ("x.tar", &tar, "a tar archive"),
        ("x.csv.gz", b"\x1f\x8b\x08\0abc\n", "a gzip file, which is not unpacked"),
        ("x.xlsx", b"PK\x03\x04abc\n", "an .xlsx workbook"),
        ("x.xls", b"\xd0\xcf\x11\xe0abc\n", "an .xls workbook"),
        ("mac.csv", b"partner,kg\rKR,1\rVN,2\r", "end with a carriage return alone"),
    ];
    for (file, bytes, wanted) in refused {
        house.write(file, bytes);
        for arguments in [
            &["feed", file, "--feed", "inbox"][..],
            &["assess", file, "--as", "./kg.toml"],
            &["check", file, "--as", "./kg.toml"],
        ] {
            let (code, _, said) = house.run(arguments);
            assert!(code == 65 && said.contains(wanted) && said.contains(file), "{arguments:?}: {code} {said}");
        }
    }
    for empty in ["", "partner,kg\n"] {
        house.write("empty.csv", empty.as_bytes());
        assert!(fed(&house, "empty.csv").contains("the file holds no row"), "{empty:?}");
    }
    assert_eq!(raw(&house), [""; 0]);
}

#[test]
fn zero_bytes_at_the_end_of_a_file_are_a_message() {
    let house = of_kg("row");
    house.write("g.csv", &[b"partner,kg\nKR,1\n", &[0; 50][..]].concat());
    fed(&house, "g.csv");
    let zeros = "\0".repeat(50);
    assert_eq!(raw(&house), ["partner,kg\nKR,1\n".to_owned(), format!("partner,kg\n{zeros}")]);
}
