//! What the language says in the small: errors of a mapping and of a row, samples, encodings, branches.

use entrepot::decode::{Decoder, Mapping};
use entrepot::domain::{Message, Position};
use expect_test::{Expect, expect};

use crate::{around, check};

/// A small, valid mapping in which one text is replaced.
const SMALL: &str = r#"version = 1
name = "small"
kind = "trade_flow"

[envelope]
format = "csv"
encoding = "utf-8"

[fields]
reporter = { const = "US" }
flow = { const = "import" }
partner = { column = "country", codes = "iso2" }
period = { column = "month", formats = ["%Y-%m"] }
hs = { column = "code", masks = "X", none = ["TOTAL"] }
net_mass_kg = { column = "kg", decimal_comma = true }
"#;

#[track_caller]
fn refused(from: &str, to: &str, expected: Expect) {
    assert!(SMALL.contains(from), "{from}");
    let error = Mapping::parse(&SMALL.replacen(from, to, 1)).expect_err("the mapping is refused");
    expected.assert_eq(&error.to_string());
}

#[test]
fn errors_of_a_mapping_name_line_key_and_what_was_meant() {
    assert!(Mapping::parse(SMALL).is_ok());
    refused(
        "codes = \"iso2\"",
        "code = \"iso2\"",
        expect![[r#"line 12, fields.partner.code: unknown key; did you mean "codes"?"#]],
    );
    refused(
        "\"iso2\"",
        "\"iso-2\"",
        expect![[r#"line 12, fields.partner.codes: "iso-2" is no system of codes; did you mean "iso2"?"#]],
    );
    refused(
        "{ column = \"country\"",
        "{ colum = \"country\"",
        expect![[r#"line 12, fields.partner.colum: unknown key; did you mean "column"?"#]],
    );
    refused("partner =", "partnr =", expect![[r#"line 12, fields.partnr: unknown field; did you mean "partner"?"#]]);
    refused("[envelope]", "[envelop]", expect![[r#"line 5, envelop: unknown key; did you mean "envelope"?"#]]);
    refused(
        "\"csv\"",
        "\"xml\"",
        expect![[
            r#"line 6, envelope.format: "xml" is no form of a message; allowed are csv, fixed, json, json-table, ndjson, parquet"#
        ]],
    );
    refused("\"utf-8\"", "\"utf8\"", expect![[r#"line 7, envelope.encoding: "utf8" is no encoding; did you mean "utf-8"?"#]]);
    refused(
        "%Y-%m",
        "%m-%d",
        expect![[
            r#"line 13, fields.period.formats: "%m-%d" is no format: it needs a year (such as %Y-%m-%d, %Y%m, %B %Y, %Y, period, rfc3339)"#
        ]],
    );
    refused(
        "column = \"kg\", ",
        "",
        expect![
            "line 15, fields.net_mass_kg.column: has no source: give one of column, pointer, parent, texts, part, pivot, envelope, const, column_name, file, topic, written, header, first, concat, sum"
        ],
    );
    refused("flow = { const = \"import\" }\n", "", expect!["line 9, fields: a trade_flow needs the field flow"]);
    refused(
        "version = 1",
        "version = 2",
        expect!["line 1, version: 2 is no version of the mapping language; this release reads 1"],
    );
    refused(
        "[fields]",
        "[join]\n[fields]",
        expect!["line 9, join.key: is missing: the column that is the same in all parts of a record"],
    );
    refused(
        "kind = \"trade_flow\"",
        "kind = \"trade-flow\"",
        expect![[r#"line 3, kind: "trade-flow" is no kind; did you mean "trade_flow"?"#]],
    );
    refused(
        "name = \"small\"",
        "name = small",
        expect!["line 2, mapping: is no TOML: string values must be quoted, expected literal string"],
    );
}

#[test]
fn errors_of_a_row_name_field_column_value_and_what_is_allowed() {
    let file = "country,month,code,kg\nTH,2025-02,2825XX,1\nTH,2025-02,282580XX,\"1,5\"\nTH,2025-02,TOTAL,1\nTJ,2025-13,282580,1\nQQ,2025-02,282580,1\nTH,2025-02,28258,1\nTH,2025-02,282580,1.5\nTH,2025-02\nTH,2025-02,282580,\nXX,2025-02,282580,1\n";
    check(
        SMALL,
        ("a.csv", file.as_bytes()),
        expect![[r#"
            excluded hs_too_short
            {"kind":"trade_flow","reporter":"US","partner":"TH","flow":"import","period":"2025-02","hs":"282580","hs_version":"2022","net_mass_kg":1.5,"known_from":"2025-03-30T00:00:00Z"} hs_masked
            excluded no_hs
            malformed_field: period (from month): "2025-13" is no period of the form %Y-%m
            unknown_country: partner (from country): "QQ" is no country in the code system iso2; if it is one, add it under words
            malformed_field: hs (from code): "28258" is no HS code (6 to 12 digits)
            malformed_field: net_mass_kg (from kg): "1.5" is no mass in kg (0 to 10^15)
            malformed: the row has 2 cells, its header 4
            missing_field: net_mass_kg is missing: one of net_mass_kg, quantity and customs_value is required
            excluded no_partner"#]],
    );
    check(
        SMALL,
        ("a.csv", b"country,month,kg\nTH,2025-02,1\n"),
        expect!["unreadable unknown_schema: the header lacks code; of its 3 columns the mapping knows country, month, kg"],
    );
}

#[test]
fn masked_codes_of_fewer_than_six_digits_are_too_short_however_many_there_are() {
    let of = |code: &str| crate::rows(SMALL, &format!("country,month,code,kg\nTH,2025-02,{code},1\n")).join("");
    for code in ["2825XX", "28258X", "282XXX", "XXXXXX"] {
        assert_eq!(of(code), "excluded hs_too_short", "{code}");
    }
    assert!(of("282580XX").ends_with(" hs_masked"));
}

#[test]
fn what_was_written_before_the_rule_has_it_known_was_known_when_it_was_written() {
    let mapping = Mapping::parse(&format!("{SMALL}[meaning]\nknown_after_days = 30\n")).unwrap();
    let decoder = Decoder::mapped(mapping, false);
    let known = |written: Option<&str>| {
        let value = Some(b"country,month,code,kg\nTH,2025-02,282580,1\n".to_vec());
        let timestamp = written.map(|written| written.parse().unwrap());
        let message = Message {
            position: Position { topic: "t".into(), partition: 0, offset: 1 },
            timestamp,
            key: None,
            value,
            headers: Vec::new(),
        };
        let said = crate::shown(&decoder.decode(&message, &around(None)));
        said.split("\"known_from\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let written = [None, Some("2025-05-01T00:00:00Z"), Some("2025-03-10T07:00:00Z")];
    assert_eq!(written.map(known), ["2025-03-30T00:00:00Z", "2025-03-30T00:00:00Z", "2025-03-10T07:00:00Z"]);
}

#[test]
fn of_a_port_that_nobody_knows_its_country_is_kept_and_the_record_says_so() {
    let mapping = r#"
version = 1
name = "ports"
kind = "shipment"
transit_ports = ["via"]
[envelope]
format = "csv"
[fields]
id = "id"
event_date = { const = "2025-03-14" }
destination = { const = "US" }
hs = { const = "282580" }
net_mass_kg = { const = "1" }
port_of_lading = { column = "pol", codes = "name" }
"#;
    let found = crate::rows(
        mapping,
        "id,pol,via\na,\"Laem Chabang, Thailand\",\nb,\"Nowhere, Thailand\",\nc,\"Laem Chabang, Thailand\",NOWHERE\n",
    );
    assert!(found[0].contains("\"port_of_lading\":\"THLCH\"") && found[0].ends_with('}'), "{}", found[0]);
    assert!(found[1].contains("\"country_of_lading\":\"TH\"") && found[1].ends_with(" port_unknown"), "{}", found[1]);
    // The country of a party that is none costs the country alone.
    let parties = format!("{mapping}[[parties]]\nrole = \"shipper\"\nname = \"via\"\ncountry = \"id\"\n");
    let party = |country: &str| {
        crate::rows(&parties, &format!("id,pol,via\n{country},\"Laem Chabang, Thailand\",Example Ltd\n")).join("")
    };
    assert!(party("TH").contains(r#""parties":[{"role":"shipper","name":"Example Ltd","country":"TH"}]"#), "{}", party("TH"));
    for nobody in ["XX", "QQ"] {
        assert!(party(nobody).contains(r#""parties":[{"role":"shipper","name":"Example Ltd"}]"#), "{}", party(nobody));
    }
    assert!(!found[2].contains("transit") && found[2].ends_with(" port_unknown"), "{}", found[2]);
}

#[test]
fn a_sample_tells_what_becomes_of_each_field_and_which_layers_are_left() {
    let decoder = Decoder::mapped(Mapping::parse(SMALL).expect("a valid mapping"), false);
    let sample =
        decoder.sample(b"country,month,code,kg,note\nTH,2025-02,282580,\"1,5\",x\nTH,2025-02,2825,1,\n", 10, &around(None));
    expect![[r#"
        row 1: {"kind":"trade_flow","reporter":"US","partner":"TH","flow":"import","period":"2025-02","hs":"282580","hs_version":"2022","net_mass_kg":1.5,"known_from":"2025-03-30T00:00:00Z"}
          period                 month                        2025-02
          flow                   "import"                     import
          reporter               "US"                         US
          partner                country                      TH
          hs                     code                         282580
          net_mass_kg            kg                           1,5
        row 2: excluded hs_too_short
          period                 month                        2025-02
          flow                   "import"                     import
          reporter               "US"                         US
          partner                country                      TH
          hs                     code                         2825
          net_mass_kg            kg                           1
        not read: note
               1 excluded hs_too_short
               1 taken
          record    not_observable: no shipments
          entity    not_observable: no shipments
          corridor  can be observed: sums of trade with mass
          time      can be observed: sums of trade by period
    "#]].assert_eq(&sample.to_string());
}

#[test]
fn utf_16_with_title_lines_quoted_line_breaks_and_a_mark_splits_as_it_reads() {
    let mapping =
        SMALL.replace("encoding = \"utf-8\"", "encoding = \"utf-16le\"\npreamble = \"until-header\"\ndelimiter = \";\"");
    let text = "\u{feff}Report; of \"TH\"\r\n;;;\r\n\r\ncountry;month;code;kg;\r\n\"TH\";2025-02;\"28\n2580\";1;\r\n\r\nVN;2025-02;282580;\"2,5\";";
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    check(
        &mapping,
        ("a.csv", &bytes),
        expect![[r#"
        malformed_field: hs (from code): "28\n2580" is no HS code (6 to 12 digits)
        {"kind":"trade_flow","reporter":"US","partner":"VN","flow":"import","period":"2025-02","hs":"282580","hs_version":"2022","net_mass_kg":2.5,"known_from":"2025-03-30T00:00:00Z"}"#]],
    );
    check(
        &mapping,
        ("a.csv", b"odd"),
        expect!["unreadable not_text: the bytes are no utf-16le; the mapping's envelope.encoding names it"],
    );
}

#[test]
fn branches_selections_and_records_in_ndjson() {
    let mapping = r#"
version = 1
name = "events"
kind = "shipment"
otherwise = "not_a_bill"
[envelope]
format = "ndjson"
[[select]]
reason = "planned_event"
keep = { column = "class", equals = "ACT" }
[[select]]
reason = "too_small"
drop = { column = "kg", below = "10" }
[fields]
id = { concat = [{ column = "carrier", text = ["upper"] }, "bill"] }
revision = "n"
event_date = { first = ["actual", "estimated"], formats = ["rfc3339", "%Y-%m-%d"] }
destination = { const = "US" }
hs = { column = "goods", text = [{ regex = "HS CODE ([0-9.]+)" }] }
port_of_lading = { column = "pol", codes = "schedule-k", text = [{ split = ",", take = 0 }] }
gross_mass_kg = "kg"
known_from = { header = "published" }
[[containers]]
number = { column = "box", nulls = ["NC"] }
[[parties]]
role = "shipper"
name = "from"
country = { column = "from_country", codes = "name-en" }
[meaning]
cancelled = { column = "status", equals = "Deleted" }
known_after_days = 3
mass_shared = { column = "lines", above = "1" }
[[branches]]
when = { column = "type", matches = "^(House|Regular) Bill$" }
"#;
    let lines = [
        r#"{"type":"House Bill","class":"ACT","carrier":"maeu","bill":1,"n":2,"actual":"2025-03-14T23:30:00-05:00","goods":"X HS CODE 4011.10 Y","pol":"57078, YANTIAN","kg":5200.5,"box":"NC","lines":2,"from":"Example Ltd","from_country":"Viet Nam"}"#,
        r#"{"type":"Master Bill","class":"ACT","kg":50}"#,
        r#"{"type":"House Bill","class":"EST"}"#,
        r#"{"type":"House Bill","class":"ACT","kg":"9.99"}"#,
        r#"{"type":"House Bill","class":"ACT","carrier":"m","bill":2,"estimated":"2025-03-14","goods":"nothing","pol":"57078","kg":20,"box":"CSQU3054384"}"#,
        r#"{"type":"House Bill","class":"ACT","carrier":"m","bill":3,"estimated":"2025-03-14","goods":"HS CODE 282580","pol":"99999","kg":20}"#,
        "[1]",
        "",
        r#"{"type":"#,
    ];
    check(
        mapping,
        ("a.ndjson", lines.join("\n").as_bytes()),
        expect![[r#"
        {"kind":"shipment","id":"MAEU1","revision":2,"status":"active","event_date":"2025-03-14","known_from":"2025-03-17T00:00:00Z","flow":"import","hs":"401110","hs_version":"2022","destination":"US","port_of_lading":"CNYTN","gross_mass_kg":5200.5,"parties":[{"role":"shipper","name":"Example Ltd","country":"VN"}]} mass_shared
        excluded not_a_bill
        excluded planned_event
        excluded too_small
        excluded no_hs
        missing_field: country_of_origin is missing: one of country_of_origin, country_of_consignment and port_of_lading is required
        malformed: the row is no JSON object
        malformed: no JSON: EOF while parsing a value at line 1 column 8"#]],
    );
}
