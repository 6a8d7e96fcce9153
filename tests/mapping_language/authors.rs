//! What authors of mappings overlook, and are told: rows that speak of the same, units that nobody knows, fields of another kind, columns that
//! are not there.

use entrepot::decode::{Decoder, Mapping};

use crate::rows;

const TABLE: &str = r#"
version = 1
name = "table"
kind = "trade_flow"
[envelope]
format = "csv"
[fields]
reporter = { const = "KR" }
flow = { const = "import" }
period = { column = "Month", formats = ["%Y-%m"] }
partner = "Country"
hs = "HS"
[[quantities]]
value = "Amount"
unit = "Unit"
[meaning]
known_after_days = 30
"#;
const HEAD: &str = "Month,HS,Country,Amount,Unit\n";

fn sampled(mapping: &str, rows: &str) -> String {
    shown(mapping, &format!("{HEAD}{rows}"))
}

fn shown(mapping: &str, table: &str) -> String {
    let decoder = Decoder::mapped(Mapping::parse(mapping).unwrap_or_else(|error| panic!("{error}")), false);
    decoder.sample(table.as_bytes(), 20, &crate::around(None)).to_string()
}

#[track_caller]
fn changed(mapping: &str, from: &str, to: &str) -> String {
    assert!(mapping.contains(from), "{from}");
    mapping.replacen(from, to, 1)
}

#[track_caller]
fn refused(from: &str, to: &str) -> String {
    Mapping::parse(&changed(TABLE, from, to)).unwrap_err().to_string()
}

#[test]
fn rows_that_speak_of_the_same_flow_are_told() {
    let sample = sampled(
        TABLE,
        "2025-01,282580,CN,5,KG\n2025-01,282580,CN,3,NO\n2025-02,282580,CN,5,KG\n2025-02,282580,CN,5,KG\n2025-01,282580,CN,9,KG\n",
    );
    let told = "2 rows say something else of a shipment or flow than another row, known at the same time: neither the earlier nor \
                the later counts, but what a hash of their content decides; known_from or revision settles it: \
                row 2 as row 1 (KR/import/CN/282580/2025-01), row 5 as row 1 (KR/import/CN/282580/2025-01)\n";
    assert!(sample.contains(told), "{sample}");
    assert!(
        sample.contains("\n1 row says again what another row says: row 4 as row 3 (KR/import/CN/282580/2025-02)\n"),
        "{sample}"
    );
    let alone = sampled(TABLE, "2025-01,282580,CN,5,KG\n2025-02,282580,CN,3,KG\n2025-02,282580,TH,3,KG\n");
    assert!(!alone.contains("another row"), "{alone}");
}

#[test]
fn of_rows_that_speak_of_the_same_the_one_that_became_known_later_counts() {
    let dated = changed(TABLE, "hs = \"HS\"", "hs = \"HS\"\nknown_from = { column = \"Known\", formats = [\"%Y-%m-%d\"] }");
    let rows = "2025-01,282580,CN,5,KG,2025-03-02\n2025-01,282580,CN,6,KG,2025-03-01\n2025-01,282580,CN,7,KG,2025-03-03\n";
    let sample = shown(&dated, &format!("{},Known\n{rows}", HEAD.trim_end()));
    let told = "\n2 rows say something else of a shipment or flow than another row; what became known later replaces the other: \
                row 1 that of row 2 (KR/import/CN/282580/2025-01), row 3 that of row 1 (KR/import/CN/282580/2025-01)\n";
    assert!(sample.contains(told), "{sample}");
}

#[test]
fn versions_of_a_shipment_are_meant_to_speak_of_the_same() {
    let mapping = r#"
version = 1
name = "bills"
kind = "shipment"
[envelope]
format = "csv"
[fields]
id = "HS"
revision = "Amount"
event_date = { column = "Month", formats = ["%Y-%m-%d"] }
destination = { const = "US" }
country_of_origin = "Country"
hs = { const = "282580" }
"#;
    let sample = sampled(mapping, "2025-01-02,A,TH,1,\n2025-01-02,A,TH,2,\n2025-01-03,B,TH,1,\n2025-01-04,B,TH,1,\n");
    let told = "\n1 row says something else of a shipment or flow than another row; what became known later replaces the other: \
                row 4 that of row 3 (B)\n";
    assert!(sample.contains(told), "{sample}");
}

#[test]
fn fields_that_the_kind_does_not_have_are_refused_with_those_it_has() {
    let refusal = refused("hs = \"HS\"", "hs = \"HS\"\ndescription = \"Text\"");
    assert_eq!(
        refusal,
        "line 13, fields.description: a trade_flow has no such field; it has period, known_from, flow, reporter, partner, \
         consignment_partner, hs, hs_version, net_mass_kg, customs_value, valuation"
    );
    for field in ["id", "marks", "destination", "country_of_origin", "port_of_lading", "gross_mass_kg", "revision"] {
        let refusal = refused("hs = \"HS\"", &format!("hs = \"HS\"\n{field} = \"Text\""));
        assert!(refusal.starts_with(&format!("line 13, fields.{field}: a trade_flow has no such field")), "{refusal}");
    }
    let refusal = refused("[meaning]", "[[parties]]\nrole = \"shipper\"\nname = \"Text\"\n[meaning]");
    assert_eq!(refusal, "line 16, parties: a trade_flow has none, a shipment has");
    let refusal = refused("unit = \"Unit\"", "unit = \"Unit\"\nmass = \"gross\"");
    assert_eq!(refusal, "line 16, quantities.mass: a trade_flow has no gross mass, a shipment has");
    // In a branch its own kind counts; what stands for all branches is a field of some.
    let both = changed(
        TABLE,
        "hs = \"HS\"",
        "hs = \"HS\"\nid = \"HS\"\nevent_date = \"Month\"\ndestination = \"Country\"\ncountry_of_origin = \"Country\"",
    ) + "[[branches]]\nwhen = { column = \"Unit\", equals = \"KG\" }\n[[branches]]\nkind = \"shipment\"\n\
           when = { column = \"Unit\", equals = \"NO\" }\n";
    assert!(Mapping::parse(&both).is_ok());
    let refusal = Mapping::parse(&(both + "fields = { partner = \"Country\" }\n")).unwrap_err().to_string();
    assert!(refusal.contains("branches.fields.partner: a shipment has no such field; it has id, "), "{refusal}");
}

#[test]
fn a_unit_that_nobody_knows_marks_the_record_and_is_named_where_nothing_else_is_told() {
    let with_value =
        changed(TABLE, "hs = \"HS\"", "hs = \"HS\"\ncustoms_value = { const = \"7\", currency = { const = \"USD\" } }");
    let text = "2025-01,282580,CN,5,03\n2025-02,282580,CN,5,KG\n2025-03,282580,CN,5,\n2025-04,282580,CN,,03\n";
    let found = rows(&with_value, &format!("{HEAD}{text}"));
    let marks: Vec<&str> = found.iter().map(|row| row.rsplit_once('}').unwrap().1.trim()).collect();
    // An empty unit, or a unit of nothing, drops nothing that was told.
    assert_eq!(marks, ["no_mass unit_unknown", "", "no_mass", "no_mass"]);
    let sample = sampled(&with_value, text);
    assert!(sample.contains("       1 of those taken marked unit_unknown\n"), "{sample}");
    assert!(sample.contains("       3 of those taken marked no_mass\n"), "{sample}");
    let alone = rows(TABLE, &format!("{HEAD}2025-01,282580,CN,5,ZZ\n"));
    assert!(alone[0].ends_with("is required; nobody knows the unit \"ZZ\": add it under [units]"), "{}", alone[0]);
    let known = changed(TABLE, "[meaning]", "[units]\n\"ZZ\" = \"TNE\"\n[meaning]");
    assert!(rows(&known, &format!("{HEAD}2025-01,282580,CN,5,ZZ\n"))[0].contains("\"net_mass_kg\":5000,"));
}

#[test]
fn what_the_author_requires_comes_to_what_no_record_can_do_without() {
    let with = changed(TABLE, "[fields]", "[columns]\nrequired = [\"Amount\"]\n[fields]");
    for (without, named) in [("Country", "Country"), ("HS", "HS"), ("Month", "Month"), ("Amount", "Amount")] {
        let found = rows(&with, &format!("{}2025-01,282580,CN,5,KG\n", HEAD.replacen(without, "Other", 1)));
        assert!(found[0].starts_with(&format!("unreadable unknown_schema: the header lacks {named};")), "{}", found[0]);
    }
    // So is the header behind lines of title known by all of them.
    let titled = changed(&with, "format = \"csv\"", "format = \"csv\"\npreamble = \"until-header\"");
    let text = format!("Amount of trade,Amount\n\n{HEAD}2025-01,282580,CN,5,KG\n");
    assert!(rows(&titled, &text)[0].contains("\"net_mass_kg\":5,"));
    // Of what is gathered likewise, whatever the gathered column is called.
    let gathered = changed(&with, "format = \"csv\"", "format = \"csv\"\nmessage = \"file\"") + GATHER;
    let gathered = changed(&gathered, "partner = \"Country\"", "partner = \"Whom\"").replace("\"Country\", ", "")
        + "[[gather.columns]]\nname = \"Whom\"\nvalue = \"Country\"\n";
    for (without, named) in [("Country", "Country"), ("HS", "HS"), ("Amount", "Amount")] {
        let found = rows(&gathered, &format!("{}2025-01,282580,CN,5,KG\n", HEAD.replacen(without, "Other", 1)));
        assert!(found[0].starts_with(&format!("unreadable unknown_schema: the header lacks {named};")), "{}", found[0]);
    }
    // A column beside them may be missing, unless nothing is said: then all that is gathered is required.
    let text = format!("{}2025-01,282580,CN,5,KG\n", HEAD.replacen("Unit", "Other", 1));
    assert!(rows(&gathered, &text)[0].starts_with("missing_field: row 1: "));
    let unsaid = changed(&gathered, "[columns]\nrequired = [\"Amount\"]\n", "");
    assert!(rows(&unsaid, &text)[0].starts_with("unreadable unknown_schema: the header lacks Unit;"));
}

/// The value with insurance and freight.
fn cif(keys: &str) -> String {
    let sum =
        format!("customs_value = {{ sum = [\"FOB\", \"Freight\", \"Insurance\"], {keys}currency = {{ const = \"USD\" }} }}");
    changed(TABLE, "hs = \"HS\"", &format!("hs = \"HS\"\n{sum}"))
}

#[test]
fn columns_of_a_row_are_added_up_and_a_sum_is_told_where_all_its_parts_are() {
    let amounts = |mapping: &str, cells: &[&str]| -> Vec<String> {
        let head = "Month;HS;Country;Amount;Unit;FOB;Freight;Insurance\n";
        let lines = cells.iter().enumerate().map(|(n, cells)| format!("2025-{:02};282580;CN;5;KG;{cells}\n", n + 1));
        let found = rows(
            &changed(mapping, "format = \"csv\"", "format = \"csv\"\ndelimiter = \";\""),
            &(head.to_owned() + &lines.collect::<String>()),
        );
        let amount = |row: &String| match row.split_once("\"amount\":\"") {
            Some((_, rest)) => rest.split('"').next().unwrap().to_owned(),
            None if row.starts_with('{') => "untold".to_owned(),
            None => row.clone(),
        };
        found.iter().map(amount).collect()
    };
    assert_eq!(
        amounts(&cif(""), &["100.5;10;0.25", "1;2;", "1;;3", ";;", "0;0;0"]),
        ["110.75", "untold", "untold", "untold", "0"]
    );
    // How the columns print numbers is said beside the sum; the scale comes after it.
    let printed = cif("grouping = \".\", decimal_comma = true, scale = \"1000\", ");
    assert_eq!(amounts(&printed, &["1.234,5;10;0,25", "1.000;2.000;3.000"]), ["1244750.00", "6000000"]);
    let wrong = "malformed_field: customs_value (from FOB + Freight + Insurance): \"1,000 in a sum\" is no amount from 0 of at most 28 digits";
    assert_eq!(amounts(&cif(""), &["1,000;10;1"]), [wrong]);
    // One more than the largest number that is held exactly.
    assert!(amounts(&cif(""), &["79228162514264337593543950335;1;0"])[0].ends_with("is no amount from 0 of at most 28 digits"));
    // A sum of quantities; beside a sum that has a table of its own no key of its columns may stand.
    let sum = "value = { sum = [\"Amount\", \"More\"], grouping = \",\" }";
    let quantities = changed(TABLE, "value = \"Amount\"", sum);
    let found = rows(&quantities, "Month,HS,Country,Amount,Unit,More\n2025-01,282580,CN,\"1,000\",KG,5\n");
    assert!(found[0].contains("\"net_mass_kg\":1005,"), "{}", found[0]);
    let refusal =
        Mapping::parse(&changed(&quantities, "unit = \"Unit\"", "unit = \"Unit\"\ngrouping = \",\"")).unwrap_err().to_string();
    assert!(refusal.contains("quantities.grouping: belongs beside sum"), "{refusal}");
}

#[test]
fn a_value_of_another_type_is_refused_with_what_it_must_be_and_what_it_is() {
    for (from, to, wanted) in [
        ("\"csv\"", "7", "envelope.format: must be a text in quotes, and is 7"),
        ("hs = \"HS\"", "hs = 1.5", "fields.hs: must be the name of a column in quotes, or a table with a source, and is 1.5"),
        ("[\"%Y-%m\"]", "[[\"%Y-%m\"]]", "fields.period.formats: must be a text in quotes, and is a list"),
        ("= 30", "= \"30\"", "meaning.known_after_days: must be a whole number from 0 to 3999, and is a text"),
        ("= 30", "= 4000", "meaning.known_after_days: must be a whole number from 0 to 3999, and is 4000"),
        ("= 30", "= 30\ncomplete = \"yes\"", "meaning.complete: must be true or false, and is a text"),
        ("[[quantities]]", "[quantities]", "quantities: must be a list of tables, each under [[quantities]], and is a table"),
        ("[meaning]", "[[meaning]]", "meaning: must be a table, and is a list"),
        (
            "[meaning]",
            "[[examples]]\nname = \"a\"\ninput = \"\"\nexpect = \"a\"\n[meaning]",
            "examples.expect: must be a list, and is a text",
        ),
        (
            "[meaning]",
            "[gather]\nby = [7]\n[meaning]",
            "gather.by: must be the name of a column in quotes, or a table with a source, and is 7",
        ),
        ("[meaning]", "[[select]]\nreason = \"Too much\"\n[meaning]", "select.reason: \"Too much\" must be a reason"),
    ] {
        let refusal = refused(from, to);
        assert!(refusal.contains(wanted), "{to}: {refusal}");
    }
}

#[test]
fn a_condition_has_one_test_and_says_which_key_is_wrong() {
    let with = |test: &str| {
        refused("[meaning]", &format!("[[select]]\nreason = \"a\"\ndrop = {{ column = \"HS\", {test} }}\n[meaning]"))
    };
    assert!(
        with("equal = \"x\"").ends_with("select.drop.equal: unknown key; did you mean \"equals\"?"),
        "{}",
        with("equal = \"x\"")
    );
    let several = with("equals = \"x\", present = true");
    assert!(several.ends_with("select.drop.present: the condition has several tests (equals, present): give one"), "{several}");
    let none = with("text = \"trim\"");
    assert!(none.contains("the condition has no test: give one of equals, in, "), "{none}");
    let both = "[[select]]\nreason = \"a\"\ndrop = { column = \"Amount\", above = \"1\", below = \"9\" }\n[meaning]";
    assert!(Mapping::parse(&changed(TABLE, "[meaning]", both)).is_ok());
}

/// Amounts of a record stand in several rows, which must agree.
const GATHER: &str =
    "[gather]\nby = [\"Month\", \"HS\", \"Country\", \"Unit\"]\n[[gather.columns]]\nname = \"Amount\"\nvalue = \"Amount\"\n";

#[test]
fn rows_of_a_message_that_is_a_file_are_named_in_it() {
    let whole = changed(TABLE, "format = \"csv\"", "format = \"csv\"\nmessage = \"file\"");
    let text = "2025-01,282580,CN,5,KG\n\n2025-01,28258,CN,5,KG\n2025-01,28\n2025-02,,,,\n";
    let found = rows(&whole, &format!("{HEAD}{text}"));
    assert_eq!(found[1], "malformed_field: row 2: hs (from HS): \"28258\" is no HS code (6 to 12 digits)");
    assert_eq!(found[2], "malformed: row 3: the row has 2 cells, its header 5");
    assert!(found[3].starts_with("missing_field: row 4: "), "{}", found[3]);
    let sample = sampled(&whole, text);
    assert!(
        sample.contains("\nrow 2: dead_letter malformed_field: row 2: hs")
            && sample.contains("\nrow 3: dead_letter malformed: row 3: "),
        "{sample}"
    );
    // What is gathered is named by the first of its rows.
    let gathered = whole + GATHER;
    let text =
        "2025-02,282580,CN,5,KG\n2025-01,282580,CN,5,KG\n2025-03,282580,CN,1,KG\n2025-01,282580,CN,6,KG\n2025-02,28,CN,5,KG\n";
    let found = rows(&gathered, &format!("{HEAD}{text}"));
    assert_eq!(found[0], "malformed_field: row 2: gather.Amount: two rows of one record say \"5\" and \"6\"");
    let sample = sampled(&gathered, text);
    assert!(sample.contains("\nrow 3: {") && sample.contains("\nrow 5: excluded hs_too_short"), "{sample}");
}

#[test]
fn a_group_is_named_by_its_first_row_in_the_file() {
    let grouped = changed(TABLE, "format = \"csv\"", "format = \"csv\"\nmessage = \"group\"") + GATHER;
    let text = format!(
        "{HEAD}2025-02,282580,CN,5,KG\n2025-01,282580,CN,5,KG\n2025-03,28258,CN,1,KG\n2025-01,282580,CN,5,KG\n2025-03,28258,CN,1,KG\n"
    );
    let decoder = Decoder::mapped(Mapping::parse(&grouped).unwrap(), false);
    let numbers: Vec<u64> = decoder.split_file(text.as_bytes()).map(|piece| piece.row).collect();
    assert_eq!(numbers, [2, 1, 3]);
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("t.csv"), text).unwrap();
    std::fs::write(place.path().join("m.toml"), grouped).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_entrepot"));
        let output = command.args(arguments).current_dir(place.path()).env_clear().output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let letters = run(&["-q", "assess", "t.csv", "--as", "./m.toml", "--format", "ndjson", "--only", "dead-letters"]);
    assert!(letters.lines().count() == 1 && letters.contains("\"source\":\"t.csv/0/3\""), "{letters}");
    assert!(
        run(&["check", "t.csv", "--as", "./m.toml", "--sample", "9"])
            .contains("\nrow 3: dead_letter malformed_field: hs (from HS)")
    );
}

#[test]
fn what_comes_of_a_pivot_is_named_by_its_text_and_its_column() {
    let pivot = changed(
        TABLE,
        "[[quantities]]\nvalue = \"Amount\"\nunit = \"Unit\"\n",
        "[[explode]]\npivot = { kg = \"Kg-{}\" }\nover = [\"01\", \"02\"]\n",
    );
    let pivot = changed(
        &pivot,
        "{ column = \"Month\", formats = [\"%Y-%m\"] }",
        "{ concat = [\"Year\", { part = true }], separator = \"-\" }\nnet_mass_kg = { pivot = \"kg\" }",
    );
    let found = rows(&pivot, "Year,HS,Country,Kg-01,Kg-02\n2025,282580,CN,5,x\n2025,282580,CN,,5\n");
    assert_eq!(found[1], "malformed_field: 02: net_mass_kg (from Kg-02): \"x\" is no mass in kg (0 to 10^15)");
    assert_eq!(found[2], "missing_field: 01: net_mass_kg is missing: one of net_mass_kg, quantity and customs_value is required");
    assert!(found[3].contains("\"period\":\"2025-02\""), "{}", found[3]);
}
