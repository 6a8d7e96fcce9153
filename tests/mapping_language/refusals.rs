//! What a mapping can never give, and what contradicts itself: errors when it is read, with line, key and what was meant.

use entrepot::decode::Mapping;

const FLOW: &str = r#"version = 1
name = "refusals"
kind = "trade_flow"
[envelope]
format = "csv"
[fields]
reporter = { const = "US" }
partner = "P"
flow = { const = "import" }
period = "M"
hs = "HS"
net_mass_kg = "KG"
"#;

const SHIPMENT: &str = r#"version = 1
name = "refusals"
kind = "shipment"
[envelope]
format = "json"
[fields]
id = "id"
event_date = "day"
destination = { const = "US" }
country_of_origin = "from"
hs = "hs"
"#;

#[track_caller]
fn refused(base: &str, (from, to): (&str, &str), expected: &str) {
    assert!(Mapping::parse(base).is_ok());
    assert!(base.contains(from), "{from}");
    let error = Mapping::parse(&base.replacen(from, to, 1)).expect_err(to);
    assert_eq!(error.to_string(), expected);
}

/// With something behind it.
#[track_caller]
fn refused_with(base: &str, more: &str, expected: &str) {
    refused(base, ("version = 1\n", &format!("version = 1\n{more}\n")), expected);
}

#[test]
fn nothing_reads_what_stands_under_never() {
    let never = |name: &str| format!("[columns]\nnever = [\"{name}\"]");
    // By pointers, wherever they stand, however deep they go, and whatever they start at.
    for (more, named) in [
        ("description = { pointer = \"/who\" }", "line 14, fields.description.pointer: /who reads \"who\""),
        ("description = { pointer = \"/who/home/0\" }", "line 14, fields.description.pointer: /who/home/0 reads \"who\""),
        ("description = { pointer = \"/bill/who\" }", "line 14, fields.description.pointer: /bill/who reads \"who\""),
        ("description = { pointer = \"/all/[who=x]/text\" }", "fields.description.pointer: /all/[who=x]/text reads \"who\""),
        ("description = { parent = \"/who\" }", "line 14, fields.description.parent: /who reads \"who\""),
        ("description = { envelope = \"/who\" }", "line 14, fields.description.envelope: /who reads \"who\""),
        ("description = { texts = \"/who\", at = [\"/x\"] }", "line 14, fields.description.texts: /who reads \"who\""),
        ("description = { texts = \"/x\", at = [\"/who\"] }", "line 14, fields.description.at: /who reads \"who\""),
        ("description = { first = [\"x\", { pointer = \"/who\" }] }", "/who reads \"who\""),
        (
            "[[parties]]\nrole = \"shipper\"\nof = \"/x\"\nname = { pointer = \"/who\" }",
            "parties.name.pointer: /who reads \"who\"",
        ),
        ("[[parties]]\nrole = \"shipper\"\nof = \"/who\"\nname = \"x\"", "parties.of: /who reads \"who\""),
        ("[[explode]]\nelements = \"/who\"", "explode.elements: /who reads \"who\""),
        ("[[select]]\nreason = \"x\"\ndrop = { pointer = \"/who\", present = true }", "/who reads \"who\""),
    ] {
        let text = SHIPMENT.replacen("[fields]", &format!("{}\n[fields]", never("who")), 1) + more;
        let error = Mapping::parse(&text).expect_err(more).to_string();
        assert!(error.contains(&format!("{named}, which is listed under columns.never")), "{more}: {error}");
    }
    for key in ["records", "error"] {
        let text = SHIPMENT.replacen("[fields]", &format!("{key} = \"/data/who\"\n{}\n[fields]", never("who")), 1);
        let error = Mapping::parse(&text).expect_err(key).to_string();
        assert!(error.contains("envelope: /data/who reads \"who\""), "{error}");
    }
    // A column under another of its names is the same column.
    for name in ["Tel", "Phone", "Tel No", "Mobile"] {
        let aliases = "[columns.aliases]\n\"Phone\" = [\"Tel No\", \"Tel\"]\n\"Tel\" = [\"Mobile\"]";
        for read in ["Tel", "Phone", "Tel No", "Mobile"] {
            let text = SHIPMENT.replacen("[fields]", &format!("{}\n{aliases}\n[fields]", never(name)), 1);
            let error = Mapping::parse(&format!("{text}description = \"{read}\"\n")).expect_err(read).to_string();
            assert!(error.contains("columns: the column ") && error.contains("is read, and listed under never"), "{error}");
            assert!(Mapping::parse(&format!("{text}description = \"Text\"\n")).is_ok());
        }
    }
}

#[test]
fn what_tells_records_apart_is_the_text_of_a_column() {
    let gather = |by: &str| {
        let message = FLOW.replacen("\"csv\"", "\"csv\"\nmessage = \"group\"", 1);
        let columns = "[[gather.columns]]\nname = \"KG\"\nvalue = \"Kilograms\"\nsum = true";
        Mapping::parse(&message.replacen("[fields]", &format!("[gather]\nby = {by}\n{columns}\n[fields]"), 1))
    };
    assert!(gather("[{ column = \"P\", words = { XI = \"GB\" } }, \"M\", { column = \"HS\", text = { cut = [0, 6] } }]").is_ok());
    let told = "gather.by: tells records apart by the cells of a column: a column, with text, nulls and words at most";
    for by in ["[\"P\", \"M\", { const = \"x\" }]", "[\"P\", { column = \"M\", null_when = { column = \"HS\", equals = \"\" } }]"]
    {
        let error = gather(by).expect_err(by).to_string();
        assert!(error.ends_with(told), "{error}");
    }
}

#[test]
fn a_constant_is_run_through_its_field() {
    let reporter = "{ const = \"US\" }";
    refused(
        FLOW,
        (reporter, "{ const = \"USA\" }"),
        "line 7, fields.reporter: \"USA\" is no country in the code system iso2; if it is one, add it under words",
    );
    refused(
        FLOW,
        (reporter, "{ const = \"QQ\" }"),
        "line 7, fields.reporter: \"QQ\" is no country in the code system iso2; if it is one, add it under words",
    );
    for flow in [
        "{ const = \"imports\" }",
        "{ column = \"F\", words = { 1 = \"imports\" } }",
        "{ first = [\"F\", { const = \"imports\" }] }",
    ] {
        let error = Mapping::parse(&FLOW.replacen("{ const = \"import\" }", flow, 1)).unwrap_err();
        assert_eq!((error.line, error.key.as_str()), (9, "fields.flow"), "{error}");
        assert!(error.problem.contains("\"imports\""), "{error}");
    }
    // What `words` makes of a constant is what counts, and a country's other names are none of ours.
    let words = "{ const = \"America\", words = { America = \"US\" } }";
    assert!(Mapping::parse(&FLOW.replacen(reporter, words, 1)).is_ok());
    let money = |value: &str| Mapping::parse(&(FLOW.to_owned() + value)).map(drop).map_err(|error| error.to_string());
    let currency = |code: &str| money(&format!("customs_value = {{ column = \"V\", currency = {{ const = \"{code}\" }} }}"));
    assert_eq!(currency("USD"), Ok(()));
    assert!(currency("US").unwrap_err().starts_with("line 13, fields.customs_value: currency: \"US\""));
    let amount = |text: &str| money(&format!("customs_value = {{ const = \"{text}\", currency = {{ const = \"USD\" }} }}"));
    assert_eq!(amount("7"), Ok(()));
    assert_eq!(amount("seven"), Err("line 13, fields.customs_value: \"seven\" is no number".to_owned()));
    assert!(money("valuation = { const = \"CIF\" }").unwrap_err().starts_with("line 13, fields.valuation: "));
    let unit = |text: &str| money(&format!("[[quantities]]\nvalue = \"Q\"\nunit = {{ const = \"{text}\" }}"));
    assert_eq!([unit("KG"), unit("KGM")], [Ok(()), Ok(())]);
    let said = "line 15, quantities.unit: \"FURLONG\" is no unit of Rec 20, such as KGM";
    assert_eq!(unit("FURLONG"), Err(said.to_owned()));
}

#[test]
fn a_record_needs_what_its_kind_needs_one_of() {
    refused(
        FLOW,
        ("net_mass_kg = \"KG\"\n", ""),
        "line 6, fields: a trade_flow needs one of net_mass_kg, customs_value and [[quantities]]",
    );
    refused(
        SHIPMENT,
        ("country_of_origin = \"from\"\n", ""),
        "line 6, fields: a shipment needs one of country_of_origin, country_of_consignment, port_of_lading and country_of_lading",
    );
    // A cancellation does without.
    let cancelled =
        SHIPMENT.replace("country_of_origin = \"from\"\n", "") + "[meaning]\ncancelled = { column = \"Z\", equals = \"1\" }\n";
    assert!(Mapping::parse(&cancelled).is_ok());
    refused(SHIPMENT, ("hs = \"hs\"\n", ""), "line 6, fields: a shipment needs one of hs and description");
    for (key, value) in [("complete", "true"), ("cancelled", "{ column = \"Z\", equals = \"1\" }")] {
        let error = Mapping::parse(&format!("{FLOW}[meaning]\n{key} = {value}\n")).unwrap_err();
        let said = format!("line 13, meaning: {key} is of shipments: a trade_flow is corrected by a later one");
        assert_eq!(error.to_string(), said);
    }
}

#[test]
fn cells_hold_no_json_and_parts_come_of_explode() {
    let json = "reads JSON, and the rows here are cells under the names of columns";
    refused(FLOW, ("\"KG\"", "{ pointer = \"/KG\" }"), &format!("line 12, fields.net_mass_kg.pointer: {json}"));
    refused_with(FLOW, "explode = [{ elements = \"/b\" }]", &format!("line 2, explode.elements: {json}"));
    refused(
        FLOW,
        ("\"KG\"", "{ envelope = \"/KG\" }"),
        "line 12, fields.net_mass_kg.envelope: reads the JSON around the rows, and here is none",
    );
    refused(
        FLOW,
        ("\"KG\"", "{ part = true }"),
        "line 12, fields.net_mass_kg.part: is what [[explode]] makes with parts or pivot, and it makes none",
    );
    refused(
        FLOW,
        ("\"KG\"", "{ pivot = \"mass\" }"),
        "line 12, fields.net_mass_kg.pivot: \"mass\" is no name of explode.pivot; no [[explode]] has a pivot",
    );
    let of = Mapping::parse(
        &SHIPMENT.replace("\"json\"", "\"csv\"").replace("[fields]", "[[containers]]\nof = \"/x\"\nnumber = \"n\"\n[fields]"),
    );
    assert_eq!(of.unwrap_err().to_string(), format!("line 7, containers.of: {json}"));
    // A table of JSON has cells, and JSON around them.
    let table = FLOW.replace("\"csv\"", "\"json-table\"");
    assert!(Mapping::parse(&table.replace("\"KG\"", "{ envelope = \"/KG\" }")).is_ok());
    assert!(Mapping::parse(&table.replace("\"KG\"", "{ pointer = \"/KG\" }")).is_err());
}

#[test]
fn lists_hold_something_and_nothing_twice() {
    for (value, key) in [("sum", ".sum"), ("first", ".first"), ("concat", ".concat"), ("column", ".column")] {
        let said = format!("line 12, fields.net_mass_kg{key}: must name at least one");
        refused(FLOW, ("\"KG\"", &format!("{{ {value} = [] }}")), &said);
    }
    refused(FLOW, ("\"KG\"", "[]"), "line 12, fields.net_mass_kg: names no column");
    let said = "line 12, fields.net_mass_kg.words_only: leaves only what words has, and there are none: it would always be null";
    refused(FLOW, ("\"KG\"", "{ column = \"KG\", words_only = true }"), said);
    refused(FLOW, ("\"M\"", "{ column = \"M\", formats = [] }"), "line 10, fields.period.formats: must name at least one");
    let explode = |text: &str| format!("explode = [{{ {text} }}]");
    refused_with(
        FLOW,
        &explode("pivot = { m = \"Q-{}\" }, over = [\"a\", \"b\", \"a\"]"),
        "line 2, explode.over: has \"a\" twice: its rows would count twice",
    );
    refused_with(
        FLOW,
        &explode("parts = \"A\", separator = \";\", none = \"x\", keep_empty = true"),
        "line 2, explode.none: leaves out the rows that keep_empty = true keeps: give one",
    );
    refused_with(
        FLOW,
        &explode("elements = \"/b\", parts = \"A\", separator = \";\""),
        "line 2, explode.parts: has several ways to hold rows (elements, parts): give one",
    );
}

#[test]
fn columns_that_the_mapping_names_are_all_there_are() {
    let header = |names: &str| format!("columns = {{ header = [{names}] }}");
    refused_with(
        FLOW,
        &header("\"P\", \"M\", \"HS\", \"KGS\""),
        "line 2, columns: the column \"KG\" is read, and header has none; did you mean \"KGS\"?",
    );
    refused_with(FLOW, &header("\"P\", \"M\", \"HS\", \"KG\", \"KG\""), "line 2, columns: header names the column \"KG\" twice");
    let fixed = FLOW.replace("\"csv\"", "\"fixed\"") + "[columns.positions]\nP = [1, 2]\nM = [3, 9]\nHS = [10, 15]\n";
    let said = "line 13, columns: the column \"KG\" is read, and positions has none; did you mean \"HS\"?";
    assert_eq!(Mapping::parse(&fixed).unwrap_err().to_string(), said);
    assert!(Mapping::parse(&(fixed + "KG = [16, 20]\n")).is_ok());
}

#[test]
fn signs_and_numbers_that_contradict_each_other() {
    let csv = "format = \"csv\"";
    let with = |more: &str| format!("{csv}\n{more}");
    refused(FLOW, (csv, &with("delimiter = \"\"")), "line 6, envelope.delimiter: \"\" is not one ASCII sign");
    refused(FLOW, (csv, &with("delimiter = '\"'")), "line 6, envelope.delimiter: is the quote as well; quote = \"\" for none");
    let mass = |more: &str| format!("{{ column = \"KG\", {more} }}");
    for scale in ["0", "-1", "-0.0"] {
        let said = format!(
            "line 12, fields.net_mass_kg.scale: {scale:?} must be above 0: it makes every number nothing, or turns its sign"
        );
        refused(FLOW, ("\"KG\"", &mass(&format!("scale = \"{scale}\""))), &said);
    }
    for (keys, said) in [
        ("grouping = \".\"", "\".\" is the decimal point here: say decimal_comma = true beside it"),
        ("grouping = \",\", decimal_comma = true", "\",\" is the decimal sign here (decimal_comma = true)"),
        ("grouping = \"1\"", "'1' is part of numbers, and groups none"),
    ] {
        refused(FLOW, ("\"KG\"", &mass(keys)), &format!("line 12, fields.net_mass_kg.grouping: {said}"));
    }
}

#[test]
fn columns_of_one_name_must_agree_only_where_they_are_read() {
    let table = "P,M,HS,KG,note,note\nTH,2025-01,282580,1,a,b\n";
    assert!(crate::rows(FLOW, table)[0].contains("\"net_mass_kg\":1"));
    let twice = crate::rows(FLOW, &table.replace("note,note", "note,KG"));
    assert_eq!(twice, ["malformed_field: KG: the column stands there twice, with different values"]);
}

#[test]
fn an_example_that_does_not_come_out_names_its_line() {
    let example = "[[examples]]\nname = \"a\"\ninput = \"P,M,HS,KG\\nTH,2025-01,282580,1\\n\"\nexpect = [\"excluded x\"]\n";
    let mapping = Mapping::parse(&(FLOW.to_owned() + example)).unwrap();
    let failures = mapping.run_examples(entrepot::reference::Reference::built_in());
    assert!(failures[0].to_string().starts_with("line 14, example \"a\" does not come out"), "{}", failures[0]);
}

/// What the refusal says, where this stands in place of that.
#[track_caller]
fn told(base: &str, (from, to): (&str, &str)) -> String {
    assert!(Mapping::parse(base).is_ok(), "{base}");
    assert!(base.contains(from), "{from}");
    Mapping::parse(&base.replacen(from, to, 1)).expect_err(to).to_string()
}

#[test]
fn what_holds_of_every_row_or_of_none_and_steps_of_nothing_are_refused() {
    let select = |test: &str| format!("[[select]]\nreason = \"x\"\ndrop = {test}\n[fields]");
    for (test, key) in [
        ("{ any = [] }", "select.drop.any"),
        ("{ all = [] }", "select.drop.all"),
        ("{ not = { any = [] } }", "select.drop.not.any"),
        ("{ column = \"P\", in = [] }", "select.drop.in"),
    ] {
        let said = told(FLOW, ("[fields]", &select(test)));
        assert!(said.contains(&format!("{key}: must name at least one")), "{said}");
    }
    for step in ["{ remove = \"\" }", "{ strip = \"\" }", "{ split = \"\", take = 0 }"] {
        let said = told(FLOW, ("hs = \"HS\"", &format!("hs = {{ column = \"HS\", text = {step} }}")));
        assert!(said.contains("must be at least one sign"), "{said}");
    }
    let said = told(FLOW, ("hs = \"HS\"", "hs = { column = \"HS\", text = { pad_left = [6, \"00\"] } }"));
    assert!(said.ends_with("must be [width, \"0\"], with one sign"), "{said}");
    let said = told(FLOW, ("hs = \"HS\"", "hs = { column = \"HS\", masks = \"X0\" }"));
    assert!(said.contains("fields.hs: masks: '0' is part of codes"), "{said}");
}

#[test]
fn keys_that_belong_elsewhere_are_refused_where_they_stand() {
    for key in ["otherwise = \"x\"", "branching = \"every\""] {
        let said = told(FLOW, ("kind =", &format!("{key}\nkind =")));
        assert!(said.contains("is of [[branches]], and there are none"), "{said}");
    }
    for (format, keys) in [
        ("csv", ["records = \"/a\"", "lists = [\"a\"]", "error = \"/e\""]),
        ("parquet", ["records = \"/a\"", "lists = [\"a\"]", "error = \"/e\""]),
    ] {
        let base = FLOW.replace("csv", format);
        for key in keys {
            assert!(told(&base, ("[fields]", &format!("{key}\n[fields]"))).contains("is of JSON documents"), "{format} {key}");
        }
    }
    assert!(told(SHIPMENT, ("[fields]", "[meaning]\npartner = \"origin\"\n[fields]")).contains("partner is of trade flows"));
    for (key, at_top) in [("transit_ports = [\"a\"]", "transit_ports = [ … ]"), ("parties = \"a\"", "[[parties]]")] {
        let said = told(SHIPMENT, ("id = \"id\"", &format!("id = \"id\"\n{key}")));
        assert!(said.contains(&format!("is no key of fields: {at_top} stands at the top")), "{said}");
    }
    for reason in ["malformed", "no_mass"] {
        let said = told(
            FLOW,
            ("[fields]", &format!("[[select]]\nreason = \"{reason}\"\ndrop = {{ column = \"P\", present = true }}\n[fields]")),
        );
        assert!(said.contains("is a reason of dead letters, or a mark"), "{said}");
    }
}

#[test]
fn names_that_stand_for_two_things_and_texts_that_their_field_cannot_read_are_refused() {
    let aliases = "[columns.aliases]\n\"P\" = [\"Land\"]\n\"M\" = [\"Land\"]\n[fields]";
    assert!(told(FLOW, ("[fields]", aliases)).contains("columns.aliases: \"Land\" is another spelling twice"));
    let gathered = FLOW.replace("\"csv\"", "\"csv\"\nmessage = \"group\"\n[gather]\nby = [\"P\", \"M\", \"HS\"]\n[[gather.columns]]\nname = \"KG\"\nvalue = \"Kg\"\nsum = true");
    assert!(told(&gathered, ("\"P\", \"M\"", "\"P\", \"P\", \"M\"")).contains("gather.by: has \"P\" twice"));
    // What is misspelt is said, and not what is unknown for its sake.
    let grouped = gathered.replace("sum = true", "sum = true\ngrouping = \",\"");
    assert!(told(&grouped, ("sum = true", "summ = true")).contains("gather.columns.summ: unknown key; did you mean \"sum\"?"));
    assert!(told(FLOW, ("\"M\"", "{ column = \"M\", formats = [\"%d-%y\"] }")).contains("it has a day, and no month"));
    let pivot = FLOW
        .replace("period = \"M\"", "period = { part = true, formats = [\"%b-%y\"] }")
        .replace("net_mass_kg = \"KG\"", "net_mass_kg = { pivot = \"kg\" }")
        .replace("[fields]", "[[explode]]\npivot = { kg = \"Kg {}\" }\nover = [\"Jan-25\", \"Feb-25\"]\n[fields]");
    let said = told(&pivot, ("\"Jan-25\"", "\"Janvier-25\""));
    assert!(said.contains("fields.period: \"Janvier-25\" is no period of the form %b-%y"), "{said}");
}

#[test]
fn pointers_that_can_give_no_text_are_refused() {
    let hs = "hs = \"hs\"";
    for source in ["pointer", "parent", "envelope"] {
        let said = told(SHIPMENT, (hs, &format!("hs = {{ {source} = \"\" }}")));
        assert!(said.contains(&format!("fields.hs.{source}: points to the whole, which is no text")), "{said}");
    }
    assert!(told(SHIPMENT, (hs, "hs = { pointer = \"/to/[x/code\" }")).contains("\"[x\" is no filter ([Member=value])"));
    assert!(told(SHIPMENT, (hs, "hs = { texts = \"/to\" }")).contains("fields.hs.at: is missing"));
}

const JOINED: &str = r#"version = 1
name = "refusals"
kind = "shipment"
[envelope]
format = "ndjson"
[join]
key = "NO"
[[join.parts]]
name = "head"
files = "^head"
columns = ["DATE", "FROM"]
[[join.parts]]
name = "line"
files = "^line"
rows = "many"
columns = ["HTS", "KG"]
[[explode]]
elements = "/line"
[fields]
id = { parent = "/NO" }
event_date = { envelope = "/head/DATE" }
destination = { const = "US" }
country_of_origin = { parent = "/head/FROM" }
hs = "HTS"
net_mass_kg = { envelope = "/line/[HTS=282580]/KG" }
description = { texts = "/line", at = ["/HTS"] }
[[containers]]
of = "/line"
number = "KG"
"#;

#[test]
fn what_no_part_of_a_join_has_is_not_read() {
    assert!(Mapping::parse(JOINED).is_ok());
    for (from, to, problem) in [
        ("files = \"^head\"", "files = \"^head\"\noptional = true", "the first part is that which every record has"),
        ("[\"HTS\", \"KG\"]", "[]", "line 16, join.parts.columns: takes nothing over"),
        ("\"/line\"\n[fields]", "\"/lines\"\n[fields]", "explode.elements: /lines: \"lines\" is no part; did you mean \"line\"?"),
        ("\"/line\"\n[fields]", "\"/NO\"\n[fields]", "explode.elements: /NO leads to no rows of a part"),
        (
            "\"/head/DATE\"",
            "\"/header/DATE\"",
            "event_date.envelope: /header/DATE: \"header\" is no part; did you mean \"head\"?",
        ),
        (
            "\"/head/DATE\"",
            "\"/head/DAY\"",
            "/head/DAY: \"DAY\" is not among the columns of the part \"head\"; did you mean \"DATE\"?",
        ),
        ("\"/head/DATE\"", "\"/head/NO\"", "/head/NO: \"NO\", the key, stands once in a message"),
        ("\"/head/DATE\"", "\"/head/DATE/0\"", "/head/DATE/0: leads into a cell, which is a text"),
        ("\"/head/DATE\"", "\"/head/[DATE=1]/FROM\"", "a filter is of a list, and here is none"),
        ("parent = \"/head/FROM\"", "pointer = \"/head/FROM\"", "\"head\" is not among the columns of the part \"line\""),
        ("hs = \"HTS\"", "hs = \"HS\"", "fields.hs: \"HS\" is not among the columns of the part \"line\"; did you mean \"HTS\"?"),
        ("[HTS=282580]/", "", "/line/KG: \"line\" has several rows, and \"KG\" is no number of one: say which, as /line/0/KG"),
        ("[HTS=282580]", "[HTZ=282580]", "\"HTZ\" is not among the columns of the part \"line\"; did you mean \"HTS\"?"),
        ("at = [\"/HTS\"]", "at = [\"/HS\"]", "fields.description.at: /HS: \"HS\" is not among"),
        ("number = \"KG\"", "number = \"KGM\"", "containers.number: \"KGM\" is not among"),
        ("of = \"/line\"", "of = \"/lines\"", "containers.of: /lines: \"lines\" is no part; did you mean \"line\"?"),
        ("of = \"/line\"\nnumber = \"KG\"", "of = \"/head\"\nnumber = \"KG\"", "containers.number: \"KG\" is not among"),
        ("of = \"/line\"\n", "", ""),
        ("number = \"KG\"", "number = \"KG\"\n[bill_of_lading]\nmaster = \"KG\"", ""),
    ] {
        assert!(JOINED.contains(from), "{from}");
        let said = Mapping::parse(&JOINED.replacen(from, to, 1)).map_or_else(|error| error.to_string(), |_| String::new());
        assert!(said.contains(problem) && said.is_empty() == problem.is_empty(), "{to}: {said}");
    }
    let whole = JOINED.replace("[[explode]]\nelements = \"/line\"\n", "");
    let said = Mapping::parse(&whole).unwrap_err().to_string();
    assert!(said.contains("\"HTS\" is no part"), "{said}");
    let said = Mapping::parse(&whole.replace("hs = \"HTS\"", "hs = \"head\"")).unwrap_err().to_string();
    assert!(said.contains("\"head\" is a part, and no cell: { pointer = \"/head/…\" } reads those of its rows"), "{said}");
}
