//! Tables as they are found: without a header, with titles and footnotes, with columns that are not there, in alphabets of the neighbourhood.

use entrepot::decode::{Decoder, Mapping};

use crate::rows;

const TABLE: &str = r#"
version = 1
name = "table"
kind = "trade_flow"
[envelope]
format = "csv"
delimiter = ";"
[columns]
header = ["Month", "HS", "Country", "Kg"]
notes = "footnote"
[fields]
reporter = { const = "KR" }
flow = { const = "import" }
period = { column = "Month", formats = ["%Y-%m"] }
partner = "Country"
hs = { column = "HS", text = { pad_left = [6, "0"] } }
net_mass_kg = "Kg"
[meaning]
known_after_days = 30
"#;

fn refused(from: &str, to: &str) -> String {
    assert!(TABLE.contains(from), "{from}");
    Mapping::parse(&TABLE.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn a_table_without_a_header_has_the_names_that_the_mapping_gives() {
    let found =
        rows(TABLE, b"2025-01;282580;CN;\"1000\"\n2025-01;282580;TH\nSource: customs;;;\n2025-02;;CN;5\n2025-02;28258;CN;5");
    assert!(found[0].contains("\"partner\":\"CN\"") && found[0].contains("\"net_mass_kg\":1000"), "{}", found[0]);
    assert_eq!(found[1], "malformed: the row has 3 cells, its header 4");
    assert_eq!(found[2], "excluded footnote");
    // Nothing is no short code; a short one is filled up.
    assert!(found[3].starts_with("missing_field: hs is missing"), "{}", found[3]);
    assert!(found[4].contains("\"hs\":\"028258\""), "{}", found[4]);
    // Rows of groups come without a header too.
    let grouped = TABLE.replacen("format = \"csv\"", "format = \"csv\"\nmessage = \"group\"", 1)
        + "[gather]\nby = [\"Month\", \"HS\", \"Country\"]\n[[gather.columns]]\nname = \"Kg\"\nvalue = \"Kg\"\nsum = true\n";
    let found = rows(&grouped, b"2025-02;282580;CN;5\n2025-01;282580;CN;1\n2025-02;282580;CN;6\n");
    let masses: Vec<bool> = found.iter().zip(["1}", "11}"]).map(|(row, mass)| row.contains(&mass.replace('}', ","))).collect();
    assert_eq!((found.len(), masses), (2, vec![true, true]), "{found:?}");
}

#[test]
fn names_that_are_nowhere_are_told() {
    let with_header = TABLE.replacen("header = [\"Month\", \"HS\", \"Country\", \"Kg\"]\n", "never = [\"Adress\"]\n", 1);
    let decoder = Decoder::mapped(Mapping::parse(&with_header).unwrap(), false);
    let sample = decoder.sample(b"Month;HS;Country;Mass\n2025-01;282580;CN;7\n", 5, &crate::around(None));
    assert_eq!(
        (sample.absent.as_slice(), sample.unread.as_slice()),
        (["Kg".to_owned(), "Adress".to_owned()].as_slice(), ["Mass".to_owned()].as_slice())
    );
    assert!(sample.to_string().contains("not there: Kg, Adress\n"), "{sample}");
}

#[test]
fn of_a_file_without_a_header_no_private_cell_is_told() {
    let with_header = TABLE.replacen("header = [\"Month\", \"HS\", \"Country\", \"Kg\"]\n", "never = [\"Phone\"]\n", 1);
    let decoder = Decoder::mapped(Mapping::parse(&with_header).unwrap(), false);
    // The second half of a file that was split.
    let sample =
        decoder.sample(b"2025-01;282580;Country;7;SECRET\n2025-01;282580;CN;7;SECRET\n", 5, &crate::around(None)).to_string();
    let told = "dead_letter unknown_schema: the header lacks HS, Month; of its 5 columns the mapping knows Country\n";
    assert!(sample.contains(told) && !sample.contains("SECRET"), "{sample}");
    // A name in another spelling is a name that the mapping has.
    let sample = decoder.sample(b"month;HS;Country;Kg;SECRET\n2025-01;282580;CN;7;x\n", 5, &crate::around(None)).to_string();
    let told = "the header lacks Month (there is \"month\"); of its 5 columns the mapping knows HS, Country, Kg\n";
    assert!(sample.contains(told) && !sample.contains("SECRET"), "{sample}");
}

#[test]
fn what_is_still_to_be_filled_in_and_what_sums_nothing_is_refused() {
    assert!(refused("const = \"import\"", "const = \"TODO\"").ends_with("fields.flow.const: is still to be filled in"));
    let gather = "[gather]\nby = [\"Month\"]\n[[gather.columns]]\nname = \"Kg\"\nvalue = \"Kg\"\nsum = true\n[fields]";
    assert!(refused("[fields]", gather).contains("message = \"row\" has one"));
    assert!(refused("delimiter", "preamble = 2\ndelimiter").contains("leave columns.header out"));
    assert!(refused("format = \"csv\"\ndelimiter = \";\"", "format = \"ndjson\"").contains("header and notes are of csv alone"));
    assert!(refused("\"footnote\"", "\"A note\"").contains("columns.notes: \"A note\" must be a reason"));
}

#[test]
fn alphabets_of_the_neighbourhood_are_read() {
    for (name, bytes, text) in [
        ("windows-1254", &b"\xddzmir"[..], "İzmir"),
        ("windows-1251", b"\xcc\xee\xf1\xea\xe2\xe0", "Москва"),
        ("windows-1250", b"\xa3\xf3d\x9f", "Łódź"),
    ] {
        let mapping = TABLE.replacen("format = \"csv\"", &format!("format = \"csv\"\nencoding = \"{name}\""), 1).replacen(
            "partner = \"Country\"",
            &format!("partner = {{ column = \"Country\", words = {{ \"{text}\" = \"CN\" }} }}"),
            1,
        );
        let found = rows(&mapping, &[b"2025-01;282580;", bytes, b";7"].concat());
        assert!(found[0].contains("\"partner\":\"CN\""), "{name}: {}", found[0]);
    }
}
