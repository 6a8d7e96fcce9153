//! The mapping language on feeds that no shipped mapping reads, and its errors as golden texts.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "a test that panics has failed, which is its way to say so"
)]

use std::path::PathBuf;

use entrepot::decode::canonical_record;
use entrepot::decode::{Decoded, Decoder, Mapping, Row, Surroundings};
use entrepot::domain::{Degrade, Message, Position};
use entrepot::reference::Reference;
use expect_test::{Expect, expect};

fn around(file_name: Option<&str>) -> Surroundings<'_> {
    Surroundings { reference: Reference::built_in(), default_lag_days: 30, file_name }
}

fn shown(decoded: &Decoded) -> String {
    let row = |row: &Row| match row {
        Row::Claim(claim) => {
            let quality: Vec<_> = claim.quality.iter().map(Degrade::code).collect();
            format!("{} {}", String::from_utf8_lossy(&canonical_record(claim)), quality.join(" ")).trim_end().to_owned()
        }
        Row::Excluded(reason) => format!("excluded {}", reason.code()),
        Row::Failed(error) => error.to_string(),
    };
    match decoded {
        Decoded::Rows(rows) => rows.iter().map(row).collect::<Vec<_>>().join("\n"),
        Decoded::Unreadable(error) => format!("unreadable {error}"),
    }
}

/// Decodes a file whole and in pieces, which must agree, and compares.
#[track_caller]
fn check(mapping: &str, (file, bytes): (&str, &[u8]), expected: Expect) {
    let mapping = Mapping::parse(mapping).unwrap_or_else(|error| panic!("{error}"));
    let decoder = Decoder::mapped(mapping, false);
    let position = Position { topic: "t".into(), partition: 0, offset: 1 };
    let decode = |bytes: Vec<u8>| {
        let message = Message { position: position.clone(), timestamp: None, key: None, value: Some(bytes), headers: Vec::new() };
        shown(&decoder.decode(&message, &around(Some(file))))
    };
    let whole = decode(bytes.to_vec());
    let apart: Vec<String> = decoder.split_file(bytes).map(|piece| decode(piece.bytes)).collect();
    assert_eq!(apart.join("\n"), whole);
    expected.assert_eq(&whole);
}

fn shared(path: &str) -> Option<Vec<u8>> {
    #[expect(clippy::disallowed_methods, reason = "a test finds its data by the environment")]
    let root = std::env::var("ENTREPOT_SHARED")
        .map_or_else(|_| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared")), PathBuf::from);
    let found = std::fs::read(root.join("data/feed-samples").join(path));
    if found.is_err() {
        eprintln!("NOT TESTED: {path} is not there; set ENTREPOT_SHARED to the folder that holds data/");
    }
    found.ok()
}

#[test]
fn chinas_customs_query_in_gb18030_with_the_period_in_the_file_name() {
    let Some(bytes) = shared("china-gacc/SYNTHETIC_export_by_partner_2025.csv") else { return };
    let mapping = r#"
version = 1
name = "gacc"
kind = "trade_flow"
[envelope]
format = "csv"
encoding = "gb18030"
[columns]
nulls = ["-"]
[fields]
reporter = { const = "CN" }
flow = { const = "export" }
valuation = { const = "fob" }
partner = { column = "贸易伙伴编码", codes = "gacc" }
period = { file = "_([0-9]{4})[.]csv$", formats = ["%Y"] }
hs = "商品编码"
customs_value = { column = ["美元", "人民币"], grouping = ",", currency = { column_name = ["美元", "人民币"], words = { "美元" = "USD", "人民币" = "CNY" } } }
[[quantities]]
value = { column = "第一数量", null_when = { all = [{ column = "第一数量", equals = "0" }, { not = { column = "美元", equals = "0" } }] } }
unit = "第一计量单位"
grouping = ","
"#;
    check(
        mapping,
        ("SYNTHETIC_export_by_partner_2025.csv", &bytes),
        expect![[r#"
            {"kind":"trade_flow","reporter":"CN","partner":"TH","flow":"export","period":"2025","hs":"28258000","hs_version":"2022","net_mass_kg":20000,"customs_value":{"amount":"412000","currency":"USD"},"valuation":"fob","known_from":"2026-01-30T00:00:00Z"}
            {"kind":"trade_flow","reporter":"CN","partner":"US","flow":"export","period":"2025","hs":"28258000","hs_version":"2022","net_mass_kg":0,"customs_value":{"amount":"0","currency":"USD"},"valuation":"fob","known_from":"2026-01-30T00:00:00Z"}
            {"kind":"trade_flow","reporter":"CN","partner":"TW","flow":"export","period":"2025","hs":"81101010","hs_version":"2022","net_mass_kg":1500,"customs_value":{"amount":"33750","currency":"USD"},"valuation":"fob","known_from":"2026-01-30T00:00:00Z"}"#]],
    );
}

#[test]
fn a_usa_trade_online_report_names_countries_and_no_goods() {
    let Some(bytes) = shared("usa-trade-online/monthly_quoted.csv") else { return };
    let mapping = r#"
version = 1
name = "usa-trade-online"
kind = "trade_flow"
[envelope]
format = "csv"
preamble = "until-header"
[columns]
names = "normalised"
required = ["time", "COUNTRY"]
[fields]
reporter = { const = "US" }
flow = { const = "import" }
partner = { column = "Country", codes = "name-en" }
period = { column = "Time", formats = ["%B %Y", "%Y"] }
hs = { const = "282580" }
customs_value = { column = ["Customs Value (Gen) ($US)", "export_value"], grouping = ",", currency = { const = "USD" } }
"#;
    check(
        mapping,
        ("monthly_quoted.csv", &bytes),
        expect![[r#"
        {"kind":"trade_flow","reporter":"US","partner":"AU","flow":"import","period":"2002-03","hs":"282580","hs_version":"2002","customs_value":{"amount":"1067101","currency":"USD"},"known_from":"2002-04-30T00:00:00Z"} no_mass
        {"kind":"trade_flow","reporter":"US","partner":"AT","flow":"import","period":"2002-03","hs":"282580","hs_version":"2002","customs_value":{"amount":"4272","currency":"USD"},"known_from":"2002-04-30T00:00:00Z"} no_mass
        {"kind":"trade_flow","reporter":"US","partner":"BE","flow":"import","period":"2002-03","hs":"282580","hs_version":"2002","customs_value":{"amount":"18380","currency":"USD"},"known_from":"2002-04-30T00:00:00Z"} no_mass
        {"kind":"trade_flow","reporter":"US","partner":"CA","flow":"import","period":"2002-03","hs":"282580","hs_version":"2002","customs_value":{"amount":"3721789","currency":"USD"},"known_from":"2002-04-30T00:00:00Z"} no_mass
        {"kind":"trade_flow","reporter":"US","partner":"CN","flow":"import","period":"2002-03","hs":"282580","hs_version":"2002","customs_value":{"amount":"6211793","currency":"USD"},"known_from":"2002-04-30T00:00:00Z"} no_mass
        {"kind":"trade_flow","reporter":"US","partner":"CZ","flow":"import","period":"2002-03","hs":"282580","hs_version":"2002","customs_value":{"amount":"75893","currency":"USD"},"known_from":"2002-04-30T00:00:00Z"} no_mass
        {"kind":"trade_flow","reporter":"US","partner":"KR","flow":"import","period":"2002-03","hs":"282580","hs_version":"2002","customs_value":{"amount":"549311","currency":"USD"},"known_from":"2002-04-30T00:00:00Z"} no_mass
        {"kind":"trade_flow","reporter":"US","partner":"MY","flow":"import","period":"2002-03","hs":"282580","hs_version":"2002","customs_value":{"amount":"11270404","currency":"USD"},"known_from":"2002-04-30T00:00:00Z"} no_mass
        {"kind":"trade_flow","reporter":"US","partner":"MX","flow":"import","period":"2002-03","hs":"282580","hs_version":"2002","customs_value":{"amount":"7925880","currency":"USD"},"known_from":"2002-04-30T00:00:00Z"} no_mass
        {"kind":"trade_flow","reporter":"US","partner":"TW","flow":"import","period":"2002-03","hs":"282580","hs_version":"2002","customs_value":{"amount":"3163719","currency":"USD"},"known_from":"2002-04-30T00:00:00Z"} no_mass
        {"kind":"trade_flow","reporter":"US","partner":"TH","flow":"import","period":"2002-03","hs":"282580","hs_version":"2002","customs_value":{"amount":"2732550","currency":"USD"},"known_from":"2002-04-30T00:00:00Z"} no_mass
        {"kind":"trade_flow","reporter":"US","partner":"GB","flow":"import","period":"2002-03","hs":"282580","hs_version":"2002","customs_value":{"amount":"2156392","currency":"USD"},"known_from":"2002-04-30T00:00:00Z"} no_mass
        excluded country_group
        excluded country_group
        unknown_country: partner (from Country): "ASEAN - Association of Southeast Asian Nations" is no country in the code system name-en; if it is one, add it under words
        {"kind":"trade_flow","reporter":"US","partner":"EU","flow":"import","period":"2002-03","hs":"282580","hs_version":"2002","customs_value":{"amount":"5817314","currency":"USD"},"known_from":"2002-04-30T00:00:00Z"} no_mass
        excluded country_group
        unknown_country: partner (from Country): "US Trade Agreements Partners" is no country in the code system name-en; if it is one, add it under words"#]],
    );
}

#[test]
fn an_indian_vendor_file_with_title_lines_and_indian_grouping() {
    let Some(bytes) = shared("commercial-exports/SYNTHETIC_india_import_full.csv") else { return };
    let mapping = r#"
version = 1
name = "india-vendor"
kind = "shipment"
[envelope]
format = "csv"
preamble = "until-header"
[columns]
names = "normalised"
required = ["DECLARATION NO", "HS CODE"]
[fields]
id = { concat = ["DECLARATION NO", { column = "HS CODE", text = [{ cut = [0, 4] }] }], separator = "/" }
event_date = { column = "DATE", formats = ["%d-%b-%y"] }
reporter = { const = "IN" }
destination = { const = "IN" }
hs = "HS CODE"
description = "GOODS DESCRIPTION"
country_of_origin = { column = "country of origin", codes = "name-en" }
customs_value = { column = "TOTAL VALUE_USD", grouping = ",", currency = { const = "USD" } }
[[quantities]]
value = "QUANTITY"
unit = "UNIT"
grouping = ","
[[parties]]
role = "shipper"
name = "SUPPLIER"
"#;
    check(
        mapping,
        ("india.csv", &bytes),
        expect![[r#"
            {"kind":"shipment","id":"1234567/2825","revision":1,"status":"active","event_date":"2025-03-14","known_from":"2025-04-13T00:00:00Z","flow":"import","reporter":"IN","hs":"28258000","hs_version":"2022","description":"ANTIMONY TRIOXIDE 99.8 PCT","country_of_origin":"TH","destination":"IN","net_mass_kg":20000,"customs_value":{"amount":"412500.00","currency":"USD"},"parties":[{"role":"shipper","name":"FIRM-00000000B2 CO., LTD"}]}
            {"kind":"shipment","id":"1234999/2825","revision":1,"status":"active","event_date":"2025-03-02","known_from":"2025-04-01T00:00:00Z","flow":"import","reporter":"IN","hs":"28258000","hs_version":"2022","description":"ANTIMONY OXIDE","country_of_origin":"CN","destination":"IN","net_mass_kg":5000,"customs_value":{"amount":"98000.00","currency":"USD"},"parties":[{"role":"shipper","name":"FIRM-00000000D4"}]}"#]],
    );
}

#[test]
fn a_declaration_of_the_wco_data_model_as_json() {
    let Some(bytes) = shared("wco-declaration/hmrc_TT_IM001a.json") else { return };
    let mapping = r##"
version = 1
name = "wco"
kind = "shipment"
[envelope]
format = "json"
records = "/MetaData/Declaration/GoodsShipment/GovernmentAgencyGoodsItem"
[fields]
id = { concat = [{ envelope = "/MetaData/Declaration/FunctionalReferenceID" }, "SequenceNumeric"], separator = "/" }
event_date = { first = [{ envelope = "/MetaData/Declaration/AcceptanceDateTime" }, { const = "2024-01-19" }] }
reporter = { const = "GB" }
destination = { envelope = "/MetaData/Declaration/GoodsShipment/Destination/CountryCode" }
hs = { concat = [{ pointer = "/Commodity/Classification/[IdentificationTypeCode=TSP]/ID" }, { pointer = "/Commodity/Classification/[IdentificationTypeCode=TRC]/ID" }] }
country_of_origin = { first = [{ pointer = "/Origin/[TypeCode=1]/CountryCode" }, { pointer = "/Origin/0/CountryCode" }] }
country_of_consignment = { envelope = "/MetaData/Declaration/GoodsShipment/ExportCountry/ID" }
net_mass_kg = { pointer = "/Commodity/GoodsMeasure/NetNetWeightMeasure" }
gross_mass_kg = { pointer = "/Commodity/GoodsMeasure/GrossMassMeasure" }
customs_value = { pointer = "/Commodity/InvoiceLine/ItemChargeAmount/#text", currency = { pointer = "/Commodity/InvoiceLine/ItemChargeAmount/@currencyID" } }
[meaning]
partial_amendment = { all = [{ envelope = "/MetaData/Declaration/FunctionCode", equals = "13" }, { envelope = "/MetaData/Declaration/TypeCode", equals = "COR" }] }
cancelled = { envelope = "/MetaData/Declaration/TypeCode", equals = "INV" }
"##;
    check(
        mapping,
        ("a.json", &bytes),
        expect![[
            r#"{"kind":"shipment","id":"7847767E1WB6/1","revision":1,"status":"active","event_date":"2024-01-19","known_from":"2024-02-18T00:00:00Z","flow":"import","reporter":"GB","hs":"8510900000","hs_version":"2022","country_of_origin":"US","country_of_consignment":"US","destination":"GB","net_mass_kg":100,"gross_mass_kg":150,"customs_value":{"amount":"1000","currency":"GBP"}}"#
        ]],
    );
}

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
    refused("partner =", "partnr =", expect![[r#"line 12, fields.partnr: unknown field; did you mean "partner"?"#]]);
    refused("[envelope]", "[envelop]", expect![[r#"line 5, envelop: unknown key; did you mean "envelope"?"#]]);
    refused(
        "\"csv\"",
        "\"xml\"",
        expect![[r#"line 6, envelope.format: "xml" is no form of a message; allowed are csv, json, json-table, ndjson"#]],
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
            "line 15, fields.net_mass_kg.column: has no source: give one of column, pointer, envelope, const, column_name, file, topic, header, first, concat"
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
        "[explode]\n[fields]",
        expect!["line 9, explode: is a key of the mapping language that is not supported in this release"],
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
        expect!["unreadable unknown_schema: the header lacks code; it has country, month, kg"],
    );
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
    "#]].assert_eq(&sample.expect("the decoder has a mapping").to_string());
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
        r#"{"type":"House Bill","class":"ACT","carrier":"m","bill":2,"estimated":"2025-03-14","goods":"nothing","pol":"99999","kg":20,"box":"CSQU3054384"}"#,
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
