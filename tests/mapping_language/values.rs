//! Values that are there and are no text, sums of which a row cannot be read, and units.

use entrepot::decode::Mapping;
use expect_test::{Expect, expect};

use crate::{check, rows};

const JSON: &str = r#"version = 1
name = "values"
kind = "shipment"
[envelope]
format = "ndjson"
[fields]
id = "id"
event_date = "day"
destination = { const = "US" }
country_of_origin = "from"
hs = "hs"
net_mass_kg = { first = [{ pointer = "/kg/#text" }, "kg"] }
description = { column = "text", null_when = { column = "kind", equals = "list" } }
[[containers]]
of = "/boxes"
number = "no"
"#;

const ROW: &str = r#"{"id":"a","day":"2025-03-14","from":"TH","hs":"282580","kg":5}"#;

#[track_caller]
fn becomes(from: &str, to: &str, expected: Expect) {
    assert!(ROW.contains(from), "{from}");
    let line = ROW.replacen(from, to, 1);
    check(JSON, ("rows.json", line.as_bytes()), expected);
}

#[test]
fn what_is_there_and_no_text_is_never_taken_for_nothing() {
    becomes(
        "5}",
        "[5]}",
        expect!["malformed_field: net_mass_kg (from /kg/#text else kg): a list stands there, where a text or a number is meant"],
    );
    becomes(
        "5}",
        r##"{"#value":5}}"##,
        expect![
            "malformed_field: net_mass_kg (from /kg/#text else kg): an object stands there, where a text or a number is meant"
        ],
    );
    becomes(
        "5}",
        r#""\ud800"}"#,
        expect![
            "malformed_field: net_mass_kg (from /kg/#text else kg): a text with a broken escape stands there, where a text or a number is meant"
        ],
    );
    becomes(
        r#""a""#,
        r#"["a"]"#,
        expect!["malformed_field: id (from id): a list stands there, where a text or a number is meant"],
    );
    becomes(r#""id":"a","#, "", expect!["missing_field: id is missing: a shipment needs the id its source gives it"]);
    becomes(
        "5}",
        r#"5,"boxes":["CSQU3054383"]}"#,
        expect!["malformed_field: /boxes: an element of the list under `of` is no object"],
    );
    // An alternative that is there, nothing in a list, and what the mapping says is null.
    let taken = r#"{"kind":"shipment","id":"a","revision":1,"status":"active","event_date":"2025-03-14","known_from":"2025-04-13T00:00:00Z","flow":"import","hs":"282580","hs_version":"2022","country_of_origin":"TH","destination":"US"#;
    for kg in [r##"{"#text":"5","@unit":"KGM"}"##, r#"5,"text":["x"],"kind":"list""#, r#"5,"boxes":[null,""]"#] {
        let line = ROW.replacen("5}", &format!("{kg}}}"), 1);
        assert_eq!(rows(JSON, &line), [format!(r#"{taken}","net_mass_kg":5}}"#)]);
    }
    for kg in ["[]", "{}", "null"] {
        assert_eq!(rows(JSON, &ROW.replacen("5}", &format!("{kg}}}"), 1)), [format!(r#"{taken}"}} no_mass"#)]);
    }
}

#[test]
fn what_stands_around_a_row_or_is_a_part_of_a_value_is_never_taken_for_nothing() {
    let told = |mapping: &str, bytes: &str, from: &str| {
        let said = rows(mapping, bytes).join("\n");
        assert!(said.ends_with(&format!(" (from {from}): a list stands there, where a text or a number is meant")), "{said}");
    };
    let description = "description = { column = \"text\", null_when = { column = \"kind\", equals = \"list\" } }";
    assert!(JSON.contains(description));
    let with = |value: &str| JSON.replace(description, &format!("description = {value}"));
    let row = ROW.replacen("5}", "5,\"text\":[\"x\"]}", 1);
    let parent = with("{ parent = \"/text\" }") + "[[explode]]\nelements = \"/items\"\n";
    told(&parent, &format!("{{\"text\":[\"x\"],\"items\":[{ROW}]}}"), "parent /text");
    let envelope = with("{ envelope = \"/text\" }").replace("\"ndjson\"", "\"json\"\nrecords = \"/rows\"");
    told(&envelope, &format!("{{\"text\":[\"x\"],\"rows\":[{ROW}]}}"), "envelope /text");
    told(&with("{ concat = [\"id\", \"text\"] }"), &row, "id + text");
    let pivot = with("{ pivot = \"text\" }") + "[[explode]]\npivot = { text = \"te{}\" }\nover = [\"xt\"]\n";
    told(&pivot, &row, "text");
    let sum = with("\"hs\"").replace("{ first = [{ pointer = \"/kg/#text\" }, \"kg\"] }", "{ sum = [\"kg\", \"text\"] }");
    told(&sum, &row, "kg + text");
}

#[test]
fn parts_of_a_list_are_no_parts_of_a_text() {
    let mapping = JSON.replace("hs = \"hs\"", "hs = { part = true }") + "[[explode]]\nparts = \"hs\"\nseparator = \";\"\n";
    check(
        &mapping,
        ("rows.json", ROW.replace(r#""282580""#, r#"["282580"]"#).as_bytes()),
        expect!["malformed_field: explode.parts (from hs): a list stands there, where a text or a number is meant"],
    );
}

#[test]
fn one_object_where_several_may_stand_is_a_list_of_one() {
    let items = JSON.to_owned() + "[[explode]]\nelements = \"/items\"\n";
    let taken = rows(JSON, ROW);
    assert!(taken.len() == 1 && taken[0].starts_with('{'), "{taken:?}");
    for list in [ROW.to_owned(), format!("[{ROW}]")] {
        assert_eq!(rows(&items, &format!("{{\"items\":{list}}}")), taken);
    }
    assert_eq!(
        rows(&items, "{\"items\":\"a\"}"),
        ["malformed_field: explode.elements: it points to neither a list nor an object"]
    );
}

const QUANTITIES: &str = r#"version = 1
name = "quantities"
kind = "trade_flow"
[envelope]
format = "csv"
[fields]
reporter = { const = "US" }
partner = "P"
flow = { const = "import" }
period = { const = "2025-01" }
hs = { const = "282580" }
[[quantities]]
value = "Q"
unit = "U"
[[quantities]]
value = "R"
unit = "V"
[units]
T = "HGM"
[meaning]
mass_estimated = { column = "E", equals = "Y" }
"#;

#[test]
fn of_several_quantities_the_first_mass_counts_whatever_else_is_told() {
    let mark = |row: &String| row.rsplit_once('}').map_or(row.clone(), |(_, mark)| mark.trim().to_owned());
    let head = "P,Q,U,R,V,E\n";
    let table = format!("{head}TH,5,KG,7,KG,\nTH,3,NO,7,KG,Y\nTH,3,NO,,,Y\nTH,2,T,,,\nTH,5,KG,-7,KG,\n");
    let negative = "malformed_field: quantity (from R): \"-7\" is no number from 0";
    // What the mapping calls a unit counts before what others call so, and nothing is said of a mass that is not there.
    assert_eq!(masses(QUANTITIES, &table), ["5", "7", "no mass", "0.2", negative]);
    let marks: Vec<String> = rows(QUANTITIES, &table).iter().map(mark).collect();
    assert_eq!(marks, ["", "mass_estimated", "no_mass", "", negative]);
}

const TABLE: &str = r#"version = 1
name = "values"
kind = "trade_flow"
[envelope]
format = "csv"
message = "file"
[gather]
by = ["P", "M", "HS"]
[[gather.columns]]
name = "KG"
value = "Q"
sum = true
[fields]
reporter = { const = "US" }
partner = "P"
flow = { const = "import" }
period = "M"
hs = "HS"
net_mass_kg = "KG"
customs_value = { const = "1", currency = { const = "USD" } }
"#;

/// The mass of each flow, or the error.
fn masses(mapping: &str, table: &str) -> Vec<String> {
    let mass = |row: &String| match row.split_once("\"net_mass_kg\":") {
        Some((_, rest)) => rest.split(',').next().unwrap_or_default().to_owned(),
        None if row.starts_with('{') => "no mass".to_owned(),
        None => row.clone(),
    };
    rows(mapping, table).iter().map(mass).collect()
}

#[test]
fn a_sum_of_which_a_row_cannot_be_read_is_not_told() {
    let (head, wide) = ("P,M,HS,Q\n", "TH,2025-01,282580,4,9\n");
    let good = "TH,2025-01,282580,1\nVN,2025-01,282580,2\n";
    let dead = "malformed: row 1: the row has 5 cells, its header 4";
    for unit in ["file", "group"] {
        let mapping = TABLE.replace("message = \"file\"", &format!("message = \"{unit}\""));
        assert_eq!(masses(&mapping, &format!("{head}{good}")), ["1", "2"]);
        let found = masses(&mapping, &format!("{head}{wide}{good}"));
        let dead = if unit == "file" { dead } else { "malformed: the row has 5 cells, its header 4" };
        assert_eq!(found, [dead, "no mass", "2"]);
    }
    // What is left out on purpose takes nothing from a sum.
    let notes = TABLE.replace("[gather]", "[columns]\nnotes = \"note\"\n[gather]");
    assert_eq!(masses(&notes, &format!("{head}{good}TH\n")), ["excluded note", "1", "2"]);
    // A row that names no record may be part of any.
    let json = TABLE.replace("\"csv\"", "\"json\"");
    let list = r#"[{"P":"TH","M":"2025-01","HS":"282580","Q":1},7]"#;
    assert_eq!(masses(&json, list), ["malformed: row 2: the row is no JSON object", "no mass"]);
    let two = r#"[{"P":"TH","M":"2025-01","HS":"282580","Q":1},{"P":"TH","M":"2025-01","HS":"282580","Q":2}]"#;
    let limited = |most: u32| masses(&format!("{json}[limits]\nrows_max = {most}\n"), two);
    assert_eq!(limited(2), ["3"]);
    assert_eq!(limited(1), ["unreadable too_large: more than 1 rows in one message (limits.rows_max)"]);
    let list = r#"[{"P":"TH","M":"2025-01","HS":"282580","Q":1},{"P":"TH","M":"2025-01","HS":"282580","Q":[1]}]"#;
    assert_eq!(masses(&json, list), ["malformed_field: row 1: gather.KG: a list stands there"]);
}

#[test]
fn units_are_codes_of_rec_20_and_masses_fill_the_mass() {
    let units = |code: &str| {
        let plain = TABLE.replace("net_mass_kg = \"KG\"\n", "").replace("message = \"file\"\n", "");
        let plain =
            plain.split("[gather]").next().unwrap_or_default().to_owned() + "[fields]" + plain.split("[fields]").nth(1).unwrap();
        plain + &format!("[[quantities]]\nvalue = \"Q\"\nunit = \"U\"\n[units]\n\"own\" = \"{code}\"\n")
    };
    let mass = |code: &str| masses(&units(code), "P,M,HS,Q,U\nTH,2025-01,282580,5,own\n").join(" ");
    for (code, kilograms) in [
        ("CTM", "0.001"),
        ("APZ", "0.156"),
        ("KTN", "5000000"),
        ("HGM", "0.5"),
        ("CWA", "226.796"),
        ("CWI", "254.012"),
        ("NMB", "no mass"),
    ] {
        assert_eq!(mass(code), kilograms, "{code}");
    }
    for (code, said) in [
        ("KG", "\"KG\" is no unit of Rec 20; did you mean \"KGM\"?"),
        ("LBS", "\"LBS\" is no unit of Rec 20; did you mean \"LBR\"?"),
        ("TON", "\"TON\" is no unit of Rec 20; it is three masses: TNE, STN or LTN"),
        ("12", "\"12\" is no unit of Rec 20, such as KGM"),
    ] {
        let error = Mapping::parse(&units(code)).unwrap_err();
        assert_eq!((error.key.as_str(), error.problem.as_str()), ("units.own", said));
    }
}

const FLOWS: &str = r#"
version = 1
name = "flows"
kind = "trade_flow"
[envelope]
format = "csv"
[fields]
reporter = { const = "KR" }
flow = { const = "import" }
period = { column = "Month", formats = ["%Y-%m"] }
partner = "Country"
hs = "HS"
net_mass_kg = "Kg"
"#;

#[test]
fn a_code_that_went_through_a_number_is_refused_and_no_other_code_read() {
    let rows = crate::rows(FLOWS, "Month,Country,HS,Kg\n2025-01,TH,28258000.0,5\n2025-01,TH,10129.0,5\n2025-01,TH,2825.80,5\n");
    for row in &rows[..2] {
        assert!(row.contains("malformed_field: hs (from HS): ") && row.contains("a number of floating point"), "{row}");
    }
    assert!(rows[2].contains(r#""hs":"282580""#), "{}", rows[2]);
}

#[test]
fn numbers_without_digits_on_one_side_of_the_point_and_with_a_plus_are_numbers() {
    let rows = crate::rows(FLOWS, "Month,Country,HS,Kg\n2025-01,TH,282580,.5\n2025-02,TH,282580,5.\n2025-03,TH,282580,+5\n");
    let masses: Vec<&str> =
        rows.iter().map(|row| row.split("net_mass_kg\":").nth(1).unwrap().split(',').next().unwrap()).collect();
    assert_eq!(masses, ["0.5", "5", "5"]);
}

#[test]
fn empty_lines_before_a_header_and_behind_titles_are_no_header() {
    let row = "2025-01,TH,282580,5\n";
    let plain = crate::rows(FLOWS, &format!("\n\r\n \nMonth,Country,HS,Kg\n{row}"));
    assert!(plain.len() == 1 && plain[0].contains("282580"), "{plain:?}");
    let titled = FLOWS.replace("format = \"csv\"", "format = \"csv\"\npreamble = 1");
    assert_eq!(crate::rows(&titled, &format!("\nTitle\n\nMonth,Country,HS,Kg\n{row}")), plain);
}

#[test]
fn a_quoted_cell_that_never_ends_is_named_by_its_column() {
    let rows = crate::rows(FLOWS, "Month,Country,HS,Kg\n2025-01,TH,282580,5\n2025-01,\"TH,282580,5\n");
    assert_eq!(rows[1], "malformed: the quoted cell that begins under Country never ends");
    // Where it makes a message too large, that is said beside its size.
    let decoder = entrepot::decode::Decoder::mapped(entrepot::decode::Mapping::parse(FLOWS).unwrap(), false);
    let too_large = |text: &str| decoder.too_large(text.as_bytes(), 10).to_string();
    let open = "Month,Country,HS,Kg\n2025-01,\"TH,282580,5\n";
    assert_eq!(
        too_large(open),
        "too_large: 41 bytes; at most 10 are taken (ingest.payload_bytes_max); a quoted cell in it never ends"
    );
    assert!(!too_large("Month,Country,HS,Kg\n2025-01,\"TH\",282580,5\n").contains("never ends"));
}

#[test]
fn xml_is_read_in_the_encoding_that_it_says_and_what_is_wrong_with_it_is_told_apart() {
    let mapping = FLOWS.replace("format = \"csv\"", "format = \"json\"\nrecords = \"/r/i\"")
        + "consignment_partner = { pointer = \"/o\", words = { \"é\" = \"CN\" } }\n";
    let item = "<i><Month>2025-01</Month><Country>TH</Country><HS>282580</HS><Kg>5</Kg><o>é</o></i>";
    let outcome = |bytes: &[u8]| {
        let (whole, apart) = crate::decoded(&mapping, ("table.xml", bytes));
        assert_eq!(apart, whole);
        whole
    };
    let plain = outcome(format!("<r>{item}</r>").as_bytes());
    assert!(plain.contains(r#""consignment_partner":"CN""#), "{plain}");
    let text = format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><r>{item}</r>");
    let latin: Vec<u8> = text.chars().map(|sign| u8::try_from(u32::from(sign)).unwrap()).collect();
    assert_eq!(outcome(&latin), plain);
    let wide: Vec<u8> = format!("\u{feff}<r>{item}</r>").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(outcome(&wide), plain);
    assert!(
        outcome(b"<r>\xe9</r>").contains("not_text: the bytes are no utf-8; JSON is UTF-8, and XML what its first line says")
    );
    assert!(
        outcome(format!("<r>{item}</r><r/>").as_bytes()).contains("malformed: no XML: a second element stands beside the root")
    );
    assert!(outcome("<r>".repeat(40).as_bytes()).contains("too_large: nested more than 32 deep"));
}
