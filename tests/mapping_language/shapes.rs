//! Rows that hold several records, records that stand in several rows, branches that all count, checks inside, fixed places.

use entrepot::decode::Mapping;
use expect_test::{Expect, expect};

/// Decodes and compares.
#[track_caller]
fn check(mapping: &str, input: &str, expected: Expect) {
    crate::check(mapping, ("file.csv", input.as_bytes()), expected);
}

fn rows(mapping: &str, input: &str) -> Vec<String> {
    crate::decoded(mapping, ("file.csv", input.as_bytes())).0.lines().map(str::to_owned).collect()
}

const FLOW: &str = r#"
version = 1
name = "shape"
kind = "trade_flow"
[fields]
reporter = { const = "KR" }
"#;

#[track_caller]
fn flow(more: &str, input: &str, expected: Expect) {
    let (keys, sections) = more.split_once("---").unwrap_or(("", more));
    let mapping = FLOW.replacen("[fields]", &format!("{keys}\n[fields]"), 1) + sections;
    check(&mapping, input, expected);
}

#[track_caller]
fn refused(more: &str, expected: Expect) {
    let (keys, sections) = more.split_once("---").unwrap_or(("", more));
    let mapping = FLOW.replacen("[fields]", &format!("{keys}\n[fields]"), 1) + sections;
    expected.assert_eq(&Mapping::parse(&mapping).expect_err("the mapping is refused").to_string());
}

/// Japan's statistics: one row is a year of months, and the months that have not come yet stand there as 0.
const PIVOT: &str = r#"
partner = "Country"
flow = { column = "Flow", words = { "1" = "export", "2" = "import" }, words_only = true }
hs = { column = "HS", text = { strip = "'" } }
period = { concat = ["Year", { part = true }], separator = "-", formats = ["%Y-%b"] }
net_mass_kg = { pivot = "mass", nulls = ["0"] }
customs_value = { pivot = "value", scale = "1000", currency = { const = "JPY" } }
[envelope]
format = "csv"
[[explode]]
pivot = { mass = "Quantity-{}", value = "Value-{}" }
over = ["Jan", "Feb", "Mar"]
until = { file = "until-([A-Z][a-z]+)" }
"#;

#[test]
fn columns_that_repeat_a_pattern_are_rows() {
    flow(
        PIVOT,
        "Flow,Year,HS,Country,Quantity-Jan,Value-Jan,Quantity-Feb,Value-Feb,Quantity-Mar,Value-Mar\n1,2025,'282580000,US,5,7,0,2,1,1\n",
        expect![[r#"
            {"kind":"trade_flow","reporter":"KR","partner":"US","flow":"export","period":"2025-01","hs":"282580000","hs_version":"2022","net_mass_kg":5,"customs_value":{"amount":"7000","currency":"JPY"},"known_from":"2025-03-02T00:00:00Z"}
            {"kind":"trade_flow","reporter":"KR","partner":"US","flow":"export","period":"2025-02","hs":"282580000","hs_version":"2022","customs_value":{"amount":"2000","currency":"JPY"},"known_from":"2025-03-30T00:00:00Z"} no_mass
            {"kind":"trade_flow","reporter":"KR","partner":"US","flow":"export","period":"2025-03","hs":"282580000","hs_version":"2022","net_mass_kg":1,"customs_value":{"amount":"1000","currency":"JPY"},"known_from":"2025-04-30T00:00:00Z"}"#]],
    );
    refused(
        &PIVOT.replace("Value-{}", "Value"),
        expect![[r#"line 18, explode.pivot.value: "Value" has no {}, which stands for each text of over"#]],
    );
    refused(
        &PIVOT.replace("pivot = \"mass\"", "pivot = \"masses\""),
        expect![[r#"line 13, fields.net_mass_kg.pivot: "masses" is no name of explode.pivot; did you mean "mass"?"#]],
    );
}

#[test]
fn a_last_month_ends_them() {
    let mapping = PIVOT.replace("{ file = \"until-([A-Z][a-z]+)\" }", "\"Last\"");
    let row = |last: &str| format!("Flow,Year,HS,Country,Value-Jan,Value-Feb,Value-Mar,Last\n1,2025,282580,US,7,2,0,{last}\n");
    flow(
        &mapping,
        &row("Feb"),
        expect![[r#"
            {"kind":"trade_flow","reporter":"KR","partner":"US","flow":"export","period":"2025-01","hs":"282580","hs_version":"2022","customs_value":{"amount":"7000","currency":"JPY"},"known_from":"2025-03-02T00:00:00Z"} no_mass
            {"kind":"trade_flow","reporter":"KR","partner":"US","flow":"export","period":"2025-02","hs":"282580","hs_version":"2022","customs_value":{"amount":"2000","currency":"JPY"},"known_from":"2025-03-30T00:00:00Z"} no_mass"#]],
    );
    flow(&mapping, &row("May"), expect![[r#"malformed_field: explode.until: "May" is none of Jan, Feb, Mar"#]]);
}

/// Korea's statistics: one item tells both directions.
const BOTH: &str = r#"
branching = "every"
otherwise = "no_trade"
---
partner = "statCd"
period = { column = "year", formats = ["%Y.%m"] }
hs = "hsCd"
[envelope]
format = "csv"
[[branches]]
when = { column = "impDlr", present = true }
fields = { flow = { const = "import" }, net_mass_kg = "impWgt", customs_value = { column = "impDlr", currency = { const = "USD" } } }
[[branches]]
when = { column = "expDlr", present = true }
fields = { flow = { const = "export" }, net_mass_kg = "expWgt", customs_value = { column = "expDlr", currency = { const = "USD" } } }
"#;

#[test]
fn every_branch_that_fits_gives_a_record() {
    flow(
        BOTH,
        "year,statCd,hsCd,impDlr,impWgt,expDlr,expWgt\n2025.02,CN,282580,100,9,50,4\n2025.02,VN,282580,,,50,4\n2025.02,TH,282580,,,,\n",
        expect![[r#"
            {"kind":"trade_flow","reporter":"KR","partner":"CN","flow":"import","period":"2025-02","hs":"282580","hs_version":"2022","net_mass_kg":9,"customs_value":{"amount":"100","currency":"USD"},"known_from":"2025-03-30T00:00:00Z"}
            {"kind":"trade_flow","reporter":"KR","partner":"CN","flow":"export","period":"2025-02","hs":"282580","hs_version":"2022","net_mass_kg":4,"customs_value":{"amount":"50","currency":"USD"},"known_from":"2025-03-30T00:00:00Z"}
            {"kind":"trade_flow","reporter":"KR","partner":"VN","flow":"export","period":"2025-02","hs":"282580","hs_version":"2022","net_mass_kg":4,"customs_value":{"amount":"50","currency":"USD"},"known_from":"2025-03-30T00:00:00Z"}
            excluded no_trade"#]],
    );
    refused(&BOTH.replace("\"every\"", "\"all\""), expect![[r#"line 6, branching: "all" is none; allowed are first, every"#]]);
}

/// A declaration with items, each with boxes in one cell.
const ITEMS: &str = r#"
version = 1
name = "items"
kind = "shipment"
[envelope]
format = "json"
[fields]
id = { concat = [{ parent = "/number" }, { pointer = "/line" }, { part = true }], separator = "/" }
event_date = { parent = "/date" }
destination = { parent = "/to" }
country_of_origin = { first = [{ pointer = "/origin" }, { parent = "/origin" }], note = true }
hs = { pointer = "/code" }
net_mass_kg = { pointer = "/kg" }
[[explode]]
elements = "/items"
none = "no_items"
[[explode]]
parts = { pointer = "/boxes" }
separator = ";"
none = "no_boxes"
[[containers]]
number = { part = true }
[limits]
exploded_max = 3
"#;

#[test]
fn elements_and_parts_see_what_stands_around_them() {
    let item = |boxes: &str| format!(r#"{{"line":1,"code":"282580","kg":7,"boxes":"{boxes}"}}"#);
    let document = |items: &str| format!(r#"[{{"number":"A1","date":"2025-02-03","to":"US","origin":"TH","items":{items}}}]"#);
    check(
        ITEMS,
        &document(&format!("[{},{}]", item("CSQU3054383; MSKU0000006"), item(""))),
        expect![[r#"
            {"kind":"shipment","id":"A1/1/CSQU3054383","revision":1,"status":"active","event_date":"2025-02-03","known_from":"2025-03-05T00:00:00Z","flow":"import","hs":"282580","hs_version":"2022","country_of_origin":"TH","destination":"US","net_mass_kg":7,"containers":[{"number":"CSQU3054383"}]} fallback
            {"kind":"shipment","id":"A1/1/MSKU0000006","revision":1,"status":"active","event_date":"2025-02-03","known_from":"2025-03-05T00:00:00Z","flow":"import","hs":"282580","hs_version":"2022","country_of_origin":"TH","destination":"US","net_mass_kg":7,"containers":[{"number":"MSKU0000006"}]} fallback
            excluded no_boxes"#]],
    );
    check(ITEMS, &document("[]"), expect!["excluded no_items"]);
    check(ITEMS, &document("7"), expect!["malformed_field: explode.elements: it points to neither a list nor an object"]);
    check(ITEMS, &document("[7]"), expect!["malformed_field: explode.elements: an element is no object"]);
    let four = document(&format!("[{}]", item("CSQU3054383;CSQU3054383;CSQU3054383;CSQU3054383")));
    let rows = rows(ITEMS, &four);
    assert_eq!(rows.len(), 4, "{rows:?}");
    expect!["too_large: the row holds more than 3 rows (limits.exploded_max)"].assert_eq(&rows[3]);
}

#[test]
fn an_element_of_nothing_is_none() {
    let document = |items: &str| format!(r#"[{{"number":"A1","date":"2025-02-03","to":"US","origin":"TH","items":{items}}}]"#);
    for items in ["null", r#""""#, r#"" ""#, "[null]", r#"["",null]"#] {
        check(ITEMS, &document(items), expect!["excluded no_items"]);
    }
    let item = r#"{"line":1,"code":"282580","kg":7,"boxes":"CSQU3054383"}"#;
    assert_eq!(rows(ITEMS, &document(&format!(r#"["",{item}]"#))), rows(ITEMS, &document(&format!("[{item}]"))));
    // As XML tells it: an empty element, alone or as a list; and the row that has none may stay.
    for lists in ["", "lists = [\"item\"]"] {
        let mapping = ITEMS.replace("format = \"json\"", &format!("format = \"json\"\nrecords = \"/r/row\"\n{lists}"));
        let mapping = mapping.replace("\"/items\"", "\"/items/item\"");
        let row = "<number>A1</number><date>2025-02-03</date><to>US</to><origin>TH</origin>";
        for items in ["<items/>", "<items></items>", "<items><item/></items>", "<items><item/><item></item></items>"] {
            let found = rows(&mapping, &format!("<r><row>{row}{items}</row></r>"));
            assert_eq!(found, ["excluded no_items"], "{lists} {items}");
            let kept = mapping.replace("none = \"no_items\"", "keep_empty = true");
            assert_eq!(rows(&kept, &format!("<r><row>{row}{items}</row></r>")), ["excluded no_boxes"], "{lists} {items}");
        }
    }
}

/// Eurostat's long form: a row for each indicator, in any order.
const LONG: &str = r#"
partner = "partner"
flow = { column = "flow", words = { "1" = "import", "2" = "export" } }
period = { column = "TIME_PERIOD", formats = ["%Y-%m"] }
hs = "product"
net_mass_kg = { column = "mass", scale = "100" }
customs_value = { column = "value", currency = { const = "EUR" } }
[envelope]
format = "csv"
message = "file"
[gather]
by = ["partner", "product", "flow", "TIME_PERIOD"]
otherwise = "other_indicator"
[[gather.select]]
reason = "total"
drop = { column = "partner", equals = "WORLD" }
[[gather.columns]]
name = "mass"
value = "OBS_VALUE"
when = { column = "indicators", equals = "QUANTITY_IN_100KG" }
[[gather.columns]]
name = "value"
value = "OBS_VALUE"
when = { column = "indicators", in = ["VALUE_IN_EUROS", "VALUE_EUR"] }
"#;

#[test]
fn rows_that_tell_one_figure_each_are_one_record() {
    let head = "partner,product,flow,indicators,TIME_PERIOD,OBS_VALUE\n";
    let rows = [
        "JP,84834030,1,QUANTITY_IN_100KG,2025-01,202.34\n",
        "WORLD,84834030,1,VALUE_IN_EUROS,2025-01,9\n",
        "CN,84834030,1,SUPPLEMENTARY_QUANTITY,2025-01,3\n",
        "CN,84834030,1,VALUE_EUR,2025-01,5\n",
        "JP,84834030,1,VALUE_IN_EUROS,2025-01,668914\n",
    ];
    let expected = expect![[r#"
        excluded total
        excluded other_indicator
        {"kind":"trade_flow","reporter":"KR","partner":"CN","flow":"import","period":"2025-01","hs":"84834030","hs_version":"2022","customs_value":{"amount":"5","currency":"EUR"},"known_from":"2025-03-02T00:00:00Z"} no_mass
        {"kind":"trade_flow","reporter":"KR","partner":"JP","flow":"import","period":"2025-01","hs":"84834030","hs_version":"2022","net_mass_kg":20234,"customs_value":{"amount":"668914","currency":"EUR"},"known_from":"2025-03-02T00:00:00Z"}"#]];
    flow(LONG, &(head.to_owned() + &rows.concat()), expected);
    let twice = format!("{head}{}{}", rows[4], rows[4].replace("668914", "668915"));
    flow(LONG, &twice, expect![[r#"malformed_field: row 1: gather.value: two rows of one record say "668914" and "668915""#]]);
    let turned = format!("{head}{}{}", rows[4].replace("668914", "668915"), rows[4]);
    flow(LONG, &turned, expect![[r#"malformed_field: row 1: gather.value: two rows of one record say "668914" and "668915""#]]);
    refused(
        &LONG.replace("column = \"mass\"", "column = \"weight\""),
        expect![
            "line 18, gather: what is gathered has no column weight; it has partner, product, flow, TIME_PERIOD, mass, value"
        ],
    );
}

#[test]
fn parts_of_a_record_add_up_in_any_order() {
    let mapping = LONG
        .replace("when = { column = \"indicators\", equals = \"QUANTITY_IN_100KG\" }", "sum = true\ngrouping = \",\"")
        .replace("value = \"OBS_VALUE\"\nsum", "value = \"kg\"\nsum")
        .replace("when = { column = \"indicators\", in = [\"VALUE_IN_EUROS\", \"VALUE_EUR\"] }", "sum = true")
        .replace(", scale = \"100\"", "");
    let head = "partner,product,flow,TIME_PERIOD,mode,kg,OBS_VALUE\n";
    let parts = [
        "CN,282580,1,2025-01,10,\"1,000\",5\n",
        "CN,282580,1,2025-01,14,0.5,1.25\n",
        "CN,282580,1,2025-01,15,0,2\n",
        "CN,282580,1,2025-01,15,,2\n",
    ];
    let all = |order: [usize; 3]| {
        let (keys, sections) = ("", mapping.as_str());
        rows(
            &(FLOW.replacen("[fields]", &format!("{keys}\n[fields]"), 1) + sections),
            &(head.to_owned() + &order.map(|at| parts[at]).concat()),
        )
    };
    let first = all([0, 1, 2]);
    expect![[r#"{"kind":"trade_flow","reporter":"KR","partner":"CN","flow":"import","period":"2025-01","hs":"282580","hs_version":"2022","net_mass_kg":1000.5,"customs_value":{"amount":"8.25","currency":"EUR"},"known_from":"2025-03-02T00:00:00Z"}"#]]
        .assert_eq(&first.join("\n"));
    assert_eq!(all([2, 0, 1]), first);
    assert_eq!(all([1, 2, 0]), first);
    // A part that is not told leaves the sum untold, whenever it comes; the other sum stands.
    let untold = all([0, 1, 3]);
    assert!(untold.concat().ends_with("no_mass") && untold.concat().contains("\"8.25\""), "{untold:?}");
    assert_eq!(all([3, 0, 1]), untold);
}

/// The bulk form of the US Census: characters 1 to 6 the code, 7 to 10 the country.
const FIXED: &str = r#"
partner = { column = "country", codes = "census" }
flow = { const = "import" }
period = { column = "month", formats = ["%Y%m"] }
hs = "code"
customs_value = { column = "value", currency = { const = "USD" } }
[envelope]
format = "fixed"
[columns.positions]
code = [1, 6]
country = [7, 10]
month = [11, 16]
value = [17, 31]
parts = [32, 40]
[[checks]]
name = "value is the sum of its parts"
holds = { column = "value", sum_of = ["parts"] }
"#;

#[test]
fn columns_may_stand_at_fixed_places() {
    flow(
        FIXED,
        "2825805700202502        9100000  9100000\n2825805700202503             12       13\n2825805490202502\n",
        expect![[r#"
            {"kind":"trade_flow","reporter":"KR","partner":"CN","flow":"import","period":"2025-02","hs":"282580","hs_version":"2022","customs_value":{"amount":"9100000","currency":"USD"},"known_from":"2025-03-30T00:00:00Z"} no_mass
            {"kind":"trade_flow","reporter":"KR","partner":"CN","flow":"import","period":"2025-03","hs":"282580","hs_version":"2022","customs_value":{"amount":"12","currency":"USD"},"known_from":"2025-04-30T00:00:00Z"} no_mass check_failed
            missing_field: net_mass_kg is missing: one of net_mass_kg, quantity and customs_value is required"#]],
    );
    // Parts that are not told come to nothing that could be wrong.
    let untold = rows(&(FLOW.to_owned() + FIXED), "2825805700202503             12\n");
    assert!(untold[0].contains("\"amount\":\"12\"") && !untold[0].contains("check_failed"), "{untold:?}");
    let strict = FIXED.replace("[[checks]]", "[[checks]]\nelse = \"dead_letter\"");
    flow(
        &strict,
        "2825805700202503             12       13\n",
        expect!["malformed_field: checks: value is the sum of its parts does not hold"],
    );
    refused(
        &FIXED.replace("[1, 6]", "[6, 1]"),
        expect!["line 17, columns.positions.code: the column ends at 1, before it begins at 6"],
    );
    refused(
        &FIXED.replace("[columns.positions]", "[columns.place]"),
        expect![
            "line 16, columns.place: unknown key; allowed are aliases, header, names, never, notes, nulls, positions, required"
        ],
    );
}
