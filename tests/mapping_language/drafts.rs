//! First drafts of mappings: golden files of fictional feeds, a draft completed as its comments say, and what no draft may do.

use entrepot::decode::{Excerpt, built_in_mappings, is_canonical, propose};
use expect_test::expect_file;
use proptest::prelude::*;

use crate::{around, decoded};

const FLOWS: &[u8] = include_bytes!("../drafts/flows.csv");
const ARRIVALS: &[u8] = include_bytes!("../drafts/arrivals-import.csv");
const STATISTICS: &[u8] = include_bytes!("../drafts/statistics.json");
const ENTRIES: &[u8] = include_bytes!("../drafts/entries.xml");
const LINES: &[u8] = include_bytes!("../drafts/lines.ndjson");

fn drafted(file: &str, bytes: &[u8]) -> Result<String, String> {
    propose(Excerpt { bytes, whole: true }, 100, &around(Some(file))).map_err(|why| why.to_string())
}

#[track_caller]
fn draft(file: &str, bytes: &[u8]) -> String {
    drafted(file, bytes).unwrap_or_else(|why| panic!("{file}: {why}"))
}

/// The draft with its placeholders replaced, one after another.
#[track_caller]
fn completed(draft: &str, answers: &[&str]) -> String {
    assert_eq!(draft.matches("\"TODO\"").count(), answers.len(), "{draft}");
    answers.iter().fold(draft.to_owned(), |text, answer| text.replacen("\"TODO\"", answer, 1))
}

#[test]
fn drafts_of_five_forms_are_as_they_were() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
    for (file, bytes) in [
        ("flows.csv", FLOWS),
        ("arrivals-import.csv", ARRIVALS),
        ("statistics.json", STATISTICS),
        ("entries.xml", ENTRIES),
        ("lines.ndjson", LINES),
    ] {
        let stem = file.split('.').next().unwrap();
        expect_file![format!("{root}/draft-{stem}.toml")].assert_eq(&draft(file, bytes));
    }
}

#[test]
fn a_draft_completed_as_its_comments_say_reads_the_rows() {
    // The title, and the currency, which no column tells.
    let mapping = completed(&draft("flows.csv", FLOWS), &["\"Flows\"", "\"THB\""]);
    let (whole, apart) = decoded(&mapping, ("flows.csv", FLOWS));
    assert_eq!(whole, apart);
    let rows: Vec<&str> = whole.lines().collect();
    assert_eq!(rows[0], "excluded country_group");
    let first = r#"{"kind":"trade_flow","reporter":"TH","partner":"CN","flow":"import","period":"2025-01","hs":"282580""#;
    assert!(rows[1].starts_with(first), "{whole}");
    assert!(rows[2].contains(r#""net_mass_kg":2100.5,"customs_value":{"amount":"32000","currency":"THB"}"#), "{whole}");
    assert!(rows[3].contains(r#""partner":"US","flow":"export","period":"2025-02","hs":"811010","#), "{whole}");
    assert_eq!(rows.len(), 4);
}

#[test]
fn a_draft_of_shipments_asks_for_the_form_of_a_date_and_the_destination() {
    let draft = draft("arrivals-import.csv", ARRIVALS);
    assert!(entrepot::decode::Mapping::parse(&draft).is_err(), "a form of dates is asked, not guessed");
    let mapping = completed(&draft, &["\"Arrivals\"", "\"%d/%m/%Y\"", "\"US\""]);
    let (whole, _) = decoded(&mapping, ("arrivals-import.csv", ARRIVALS));
    let rows: Vec<&str> = whole.lines().collect();
    assert!(rows[0].contains(r#""event_date":"2025-04-03""#), "{whole}");
    assert!(rows[0].contains(r#""port_of_lading":"CNNGB""#) && rows[0].contains(r#""gross_mass_kg":20450"#), "{whole}");
    assert!(rows[0].contains("EXMU1000010") && rows[0].contains("EXMU1000025"), "{whole}");
    assert!(rows[2].starts_with("unknown_country"), "the draft says that Atlantis is not known: {whole}");
    assert!(draft.contains("not known to name-en: [\"Atlantis\"]"), "{draft}");
}

#[test]
fn drafts_of_documents_and_lines_read_their_rows() {
    let mapping = completed(&draft("entries.xml", ENTRIES), &["\"Entries\""]);
    let (whole, _) = decoded(&mapping, ("entries.xml", ENTRIES));
    assert!(whole.contains(r#""id":"900002""#) && whole.contains(r#""country_of_origin":"CN""#), "{whole}");
    let answers = ["\"Statistics\"", "\"IN\"", "\"import\"", "\"export\"", "\"USD\""];
    let mapping = completed(&draft("statistics.json", STATISTICS), &answers);
    let (whole, _) = decoded(&mapping, ("statistics.json", STATISTICS));
    assert!(whole.contains(r#""partner":"CN","flow":"import","period":"2025-01""#), "{whole}");
    assert!(whole.contains("excluded total_over_goods"), "{whole}");
    let mapping = completed(&draft("lines.ndjson", LINES), &["\"Lines\"", "\"VN\"", "\"export\"", "false"]);
    let (whole, _) = decoded(&mapping, ("lines.ndjson", LINES));
    assert!(whole.contains(r#""net_mass_kg":12500,"customs_value":{"amount":"1250000","currency":"USD"}"#), "{whole}");
    assert!(whole.contains("excluded country_group"), "{whole}");
}

#[test]
fn a_point_or_comma_that_may_stand_between_thousands_is_asked_for() {
    let table = |figures: &[&str]| {
        let rows: String = figures.iter().map(|figure| format!("TH;2025-01;282580;{figure}\n")).collect();
        let draft = draft("t.csv", format!("Partner;Month;HS;Value USD\n{rows}").as_bytes());
        let line = draft.lines().find(|line| line.starts_with("customs_value = ")).map(str::to_owned).unwrap();
        let asked = draft.contains("# TODO: do its points") || draft.contains("# TODO: do its commas");
        assert_eq!(asked, line.contains("decimal_comma = \"TODO\""), "{draft}");
        let keys = line.trim_start_matches("customs_value = { column = \"Value USD\", ").to_owned();
        (
            entrepot::decode::Mapping::parse(&draft).is_err() && asked,
            keys.trim_end_matches("currency = { const = \"USD\" } }").to_owned(),
        )
    };
    let check = |figures: &[&str], asked: bool, keys: &str| assert_eq!(table(figures), (asked, keys.to_owned()), "{figures:?}");
    check(&["512.300", "1.250", "7"], true, "decimal_comma = \"TODO\", ");
    check(&["512,300", "1,250", "7"], true, "grouping = \",\", decimal_comma = \"TODO\", ");
    // One figure that can only be one of the two tells it for all.
    check(&["512.300", "1.250", "7.5"], false, "");
    check(&["512.300", "0.125"], false, "");
    check(&["512.300", "1512.300"], false, "");
    check(&["512.300", "1.512.300"], false, "grouping = \".\", decimal_comma = true, ");
    check(&["512,300", "1,512,300"], false, "grouping = \",\", ");
    check(&["512,300", "1,250.5"], false, "grouping = \",\", ");
    check(&["512,300", "0,125"], false, "decimal_comma = true, ");
    check(&["512", "1250"], false, "");
    // A number of JSON says by itself what its point is.
    let lines = draft("t.ndjson", b"{\"hs\":\"282580\",\"kg\":512.300}\n{\"hs\":\"282580\",\"kg\":1.250}\n");
    assert!(lines.contains("net_mass_kg = \"kg\""), "{lines}");
}

/// A monthly table whose last columns hold such masses.
fn weighed(columns: &str, cells: &str) -> String {
    let row = |month: u32| format!("2025-{month:02};282580;TH;{};{cells}\n", 4000 + month);
    let rows: String = (1..=12).map(row).collect();
    draft("weighed.csv", format!("Month;HS;Country;Value (EUR);{columns}\n{rows}").as_bytes())
}

#[test]
fn a_gross_mass_is_no_net_mass_in_any_of_the_languages() {
    for (gross, net) in [
        ("G.W. (KGS)", "N.W.(KGS)"),
        ("GW KG", "NW KG"),
        ("Gross kg", "Net kg"),
        ("Brutto kg", "Netto kg"),
        ("Bruttomasse kg", "Eigenmasse kg"),
        ("Peso Kg Bruto", "Peso Kg Liquido"),
        ("Poids brut kg", "Poids net kg"),
        ("毛重(千克)", "净重(千克)"),
        ("총중량(kg)", "순중량(kg)"),
        ("Berat kotor (kg)", "Berat bersih (kg)"),
    ] {
        let draft = weighed(&format!("{gross};{net}"), "1013.5;980.5");
        assert!(draft.lines().any(|line| line.starts_with("net_mass_kg = ") && line.contains(net)), "{gross}: {draft}");
        let alone = weighed(gross, "1013.5");
        assert!(!alone.lines().any(|line| line.starts_with("net_mass_kg = ")), "{gross}: {alone}");
    }
}

#[test]
fn what_is_no_mass_or_value_of_the_period_is_not_set_as_one() {
    for other in ["Volume weight kg", "Tare weight kg", "Avg kg per piece", "Cumulative KG", "Price EUR/kg", "Cumulative EUR"] {
        let draft = weighed(&format!("{other};Net kg"), "1013.5;980.5");
        let set = |field: &str, column: &str| draft.lines().any(|line| line.starts_with(field) && line.contains(column));
        assert!(set("net_mass_kg = ", "Net kg") && set("customs_value = ", "Value (EUR)"), "{other}: {draft}");
        assert!(!set("net_mass_kg = ", other) && !set("customs_value = ", other), "{other}: {draft}");
    }
}

#[test]
fn a_quarter_beside_a_year_is_part_of_the_period() {
    for (first, second) in [("Q1", "Q2"), ("1", "2")] {
        let text = format!(
            "HS,Reporter,Partner,Flow,Year,Quarter,kg\n282580,DE,TH,Import,2025,{first},5\n282580,DE,TH,Import,2025,{second},7\n"
        );
        let mapping = completed(&draft("q.csv", text.as_bytes()), &["\"Quarters\""]);
        let (whole, _) = decoded(&mapping, ("q.csv", text.as_bytes()));
        assert!(whole.contains(r#""period":"2025-Q1""#) && whole.contains(r#""period":"2025-Q2""#), "{whole}");
    }
}

#[test]
fn where_one_table_tells_both_directions_the_partner_is_asked_for() {
    let table = |flows: [&str; 2]| {
        let [one, other] = flows;
        let rows = format!("{one},CN,ZA,282580,202501,1000\n{other},ZA,US,282580,202501,3000\n");
        draft("za.csv", format!("TradeType,CountryOfOrigin,CountryOfDestination,Tariff,YearMonth,kg\n{rows}").as_bytes())
    };
    let both = table(["Imports", "Exports"]);
    assert!(both.lines().any(|line| line == "partner = { const = \"TODO\" }"), "{both}");
    assert!(both.contains("partner = \"CountryOfOrigin\" }") && both.contains("partner = \"CountryOfDestination\" }"), "{both}");
    assert!(!both.lines().any(|line| line.starts_with("partner = \"origin\"")), "{both}");
    let imports = table(["Imports", "Imports"]);
    assert!(imports.lines().any(|line| line == "partner = \"CountryOfOrigin\""), "{imports}");
}

#[test]
fn a_value_whose_figures_are_none_is_no_description() {
    let text = "Id,Date,Origin,HS,Value of Goods (USD)\nA1,2025-03-14,TH,282580,\"$ 512,300\"\nA2,2025-03-15,TH,282580,\"$ 7\"\n";
    let draft = draft("v.csv", text.as_bytes());
    assert!(!draft.lines().any(|line| line.starts_with("description")), "{draft}");
    assert!(draft.contains("# customs_value = \"Value of Goods (USD)\": perhaps; "), "{draft}");
}

#[test]
fn check_prints_the_draft_and_nothing_else_where_no_mapping_is_named() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("flows.csv"), FLOWS).unwrap();
    std::fs::write(place.path().join("bad.txt"), "nonsense\n").unwrap();
    std::fs::write(place.path().join("flows.ndjson"), "{\"kind\":\"trade_flow\"}\n").unwrap();
    let check = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_entrepot"));
        let output = command.arg("check").args(arguments).current_dir(place.path()).env_clear().output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    assert_eq!(check(&["flows.csv", "--sample", "100"]), (Some(0), draft("flows.csv", FLOWS), String::new()));
    assert!(check(&["flows.csv", "--sample", "1"]).1.contains("from its first 1 rows"));
    // Named, without --sample, or meant as canonical JSON: what becomes of rows, as ever.
    for arguments in
        [&["flows.csv", "--sample", "9", "--as", "canonical"][..], &["flows.csv"], &["flows.ndjson", "--sample", "9"]]
    {
        let (code, shown, _) = check(arguments);
        assert_eq!(code, Some(65), "{shown}");
        assert!(shown.contains("row 1: dead_letter"), "{shown}");
    }
    let (code, shown, said) = check(&["bad.txt", "--sample", "9"]);
    assert_eq!((code, shown.as_str()), (Some(65), ""));
    assert!(said.contains("bad.txt: no draft: no table was found"), "{said}");
}

#[test]
fn no_private_value_stands_in_a_draft() {
    for private in ["555 0100", "EXAMPLE SHIPPER", "Example Road", "BUYER", "Example Exporter"] {
        for (file, bytes) in [("flows.csv", FLOWS), ("arrivals-import.csv", ARRIVALS), ("entries.xml", ENTRIES)] {
            assert!(!draft(file, bytes).contains(private), "{file}: {private}");
        }
    }
    assert!(
        draft("arrivals-import.csv", ARRIVALS).contains("never = [\"Shipper Name\", \"Shipper Address\", \"Consignee Name\"]")
    );
}

#[test]
fn other_signs_and_encodings_are_told_by_the_bytes() {
    let check = |file: &str, bytes: &[u8], wanted: &[&str]| {
        let draft = draft(file, bytes);
        wanted.iter().for_each(|line| assert!(draft.lines().any(|found| found == *line), "{line}\n{draft}"));
    };
    let text = String::from_utf8(FLOWS.to_vec()).unwrap();
    let text = text.trim_start_matches('\u{feff}');
    check("t.csv", text.replace(';', "\t").as_bytes(), &["delimiter = \"\\t\""]);
    check("p.csv", text.replace(';', "|").as_bytes(), &["delimiter = \"|\""]);
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    check("w.csv", &utf16, &["encoding = \"utf-16le\"", "delimiter = \";\""]);
    // The sample of China's customs, in GB18030; a French name in Windows-1252.
    let gacc = include_bytes!("../../config/mappings/samples/china-gacc.csv");
    check("g.csv", gacc, &["encoding = \"gb18030\""]);
    check("l.csv", b"Pays d\xe9clarant,Valeur\nFR,1\nDE,2\n", &["encoding = \"TODO\""]);
}

#[test]
fn names_in_other_languages_and_values_that_are_somebodys_are_withheld() {
    let head = "HS;Origin;Date;Teléfono;Dirección;Telefon;Téléphone;Endereço;Resultado Inspección;Surname;Driver;Info;Ref;Shop";
    let rows: String = (1..9)
        .map(|day| {
            let secrets = (0..8).map(|at| format!("SECRET{at}{day}")).collect::<Vec<_>>().join(";");
            format!("282580;TH;2025-03-{day:02};{secrets};user{day}@example.com;+49 30 555 010{day};Oxide {day} GmbH\n")
        })
        .collect();
    let draft = draft("p.csv", format!("{head}\n{rows}").as_bytes());
    for private in ["SECRET", "example.com", "555 010", "GmbH"] {
        assert!(!draft.contains(private), "{private}: {draft}");
    }
    let never = draft.lines().find(|line| line.starts_with("never = ")).unwrap();
    let names = head.split(';').skip(3).map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    assert_eq!(never, format!("never = [{names}]"));
}

#[test]
fn persons_firms_and_accounts_of_the_languages_that_are_claimed_are_withheld() {
    let named = "Representante legal;Kontakt;Acheteur;Vendeur;Comprador;Domicilio;RUC;RFC importador;Signed by;User;Bank account;Vendedor;Käufer;Verkäufer";
    let further = "Razão Social;Inspetor;Declarante;Morada;Canal de selectividad;Aforo;Expéditeur;Anmelder;Postleitzahl;USt-IdNr;联系人;经营单位;\
                   수입자;수출자;사업자등록번호;Inspector;Filer;IOR number;PAN;ABN;Bank;SWIFT;Account holder;Seizure;Examination result;Hold code";
    let names: Vec<&str> = named.split(';').chain(further.split(';')).collect();
    let named = names.join(";");
    // Under a name that says nothing, an account proves itself.
    let rows: String = (1..9)
        .map(|day| {
            let secrets = names.iter().map(|_| format!("SECRET{day}")).collect::<Vec<_>>().join(";");
            format!("282580;TH;2025-03-{day:02};{secrets};DE89370400440532013000\n")
        })
        .collect();
    let draft = draft("p.csv", format!("HS;Origin;Date;{named};Ref\n{rows}").as_bytes());
    assert!(!draft.contains("SECRET") && !draft.contains("DE8937"), "{draft}");
    let never = draft.lines().find(|line| line.starts_with("never = ")).unwrap();
    let names = names.iter().chain(&["Ref"]).map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    assert_eq!(never, format!("never = [{names}]"));
    // What the same words mean elsewhere is shown: the country of a buyer is a country.
    assert!(self::draft("q.csv", b"HS;Pais comprador\n282580;TH\n282580;VN\n").contains("TH"));
}

#[test]
fn an_origin_in_another_language_stands_beside_the_dispatch() {
    let text = "Id;Fecha;HS;País Origen;País Procedencia\nA1;2025-01-02;282580;TH;VN\nA2;2025-01-03;282580;VN;TH\n";
    let draft = draft("s.csv", text.as_bytes());
    for line in ["country_of_origin = \"País Origen\"", "country_of_consignment = \"País Procedencia\""] {
        assert!(draft.lines().any(|found| found == line), "{line}\n{draft}");
    }
}

#[test]
fn a_document_on_one_line_is_drafted_as_its_indented_form_is() {
    let line = br#"{"status":"ok","payload":{"items":[{"hs":"282580","partner":"TH"},{"hs":"282580","partner":"VN"}]}}"#;
    let indented = serde_json::to_string_pretty(&serde_json::from_slice::<serde_json::Value>(line).unwrap()).unwrap();
    let draft = draft("a.json", line);
    assert!(draft.contains("records = \"/payload/items\""), "{draft}");
    assert_eq!(draft, self::draft("a.json", indented.as_bytes()));
}

#[test]
fn months_in_the_names_of_columns_are_told_as_a_pivot() {
    let sample = include_bytes!("../../config/mappings/samples/japan-estat.csv");
    let draft = draft("japan.csv", sample);
    let note =
        draft.lines().find(|line| line.starts_with("# Note: months, quarters or years stand in the names of columns")).unwrap();
    assert!(note.contains("= \"Value-{}\"") && note.contains("over = [\"Jan\", \"Feb\", "), "{note}");
    assert!(!self::draft("flows.csv", FLOWS).contains("stand in the names"));
}

#[test]
fn a_cut_file_is_read_to_its_last_whole_line() {
    let cut = &ARRIVALS[..ARRIVALS.len() - 30];
    let whole = draft("a.csv", &ARRIVALS[..ARRIVALS[..ARRIVALS.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1]);
    let excerpt = Excerpt { bytes: cut, whole: false };
    assert_eq!(propose(excerpt, 100, &around(Some("a.csv"))).unwrap(), whole);
    assert!(
        propose(Excerpt { bytes: STATISTICS, whole: false }, 9, &around(None)).unwrap_err().to_string().contains("too large")
    );
}

#[test]
fn what_is_no_table_is_refused_with_what_to_do() {
    for (bytes, wanted) in [
        (&b""[..], "no table was found"),
        (b"nonsense\n", "no table was found"),
        (b"1,2,3\n4,5,6\n", "no header was found"),
        (b"1,2,3\n4,5,6\n", "in the mapping name the columns in their order: columns.header = ["),
        (b"a,b\n", "no row"),
        (b"282580,TH,2025-01,10\n282580,TH,2025-02,12\n", "no header was found"),
        (b"\x01\x82,\x03\xff\n\x04\x90,\x07\xa1\n", "none that text has"),
        (b"{\"a\":1", "no table was found"),
        (b"<r><a>", "cut off"),
    ] {
        let why = drafted("x", bytes).unwrap_err();
        assert!(why.contains(wanted), "{why}");
    }
    assert!(is_canonical(b"{\"kind\":\"trade_flow\"}\n") && is_canonical(b"[{\"kind\":\"shipment\"}]"));
    assert!(!is_canonical(LINES) && !is_canonical(FLOWS) && !is_canonical(b"nonsense"));
}

/// A draft is TOML whatever stands in the file: no cell ends a line, and nothing but the keys of a mapping comes out.
#[track_caller]
fn is_a_draft(file: &str, bytes: &[u8]) {
    let Ok(text) = drafted(file, bytes) else { return };
    let table: toml::Table = text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"));
    let keys = ["version", "name", "title", "kind", "envelope", "columns", "select", "fields", "quantities", "bill_of_lading"];
    let known = |key: &String| keys.contains(&key.as_str()) || ["containers", "meaning"].contains(&key.as_str());
    assert!(table.keys().all(known), "{text}");
    assert_eq!(table.get("version").and_then(toml::Value::as_integer), Some(1), "{text}");
}

#[test]
fn every_shipped_sample_gives_a_draft() {
    for (name, _) in built_in_mappings() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/config/mappings/samples");
        let read = |extension: &str| std::fs::read(format!("{folder}/{name}.{extension}"));
        let bytes = ["csv", "json", "ndjson"].into_iter().find_map(|extension| read(extension).ok()).unwrap();
        draft(name, &bytes);
        is_a_draft(name, &bytes);
    }
}

proptest! {
    #[test]
    fn cells_of_any_signs_never_leave_their_line(
        cells in prop::collection::vec("[a-zA-Z0-9\"'#=\\[\\]\\\\\n\r\u{2028}\u{85}\u{1b},;. ]{0,12}", 6..30),
        file in "[a-z\"\n#.]{0,8}",
    ) {
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        cells.chunks(3).for_each(|row| writer.write_record(row).unwrap());
        is_a_draft(&file, &writer.into_inner().unwrap());
        let names = ["HS \"x\"\n[a]", "b\\", "#"];
        let object = |row: &[String]| serde_json::json!(names.iter().zip(row).collect::<std::collections::BTreeMap<_, _>>());
        is_a_draft(&file, serde_json::Value::from(cells.chunks(3).map(object).collect::<Vec<_>>()).to_string().as_bytes());
    }

    #[test]
    fn damaged_files_give_a_draft_or_a_reason(which in 0usize..5, at in any::<prop::sample::Index>(), with in prop::collection::vec(any::<u8>(), 0..4)) {
        let mut bytes = [FLOWS, ARRIVALS, STATISTICS, ENTRIES, LINES][which].to_vec();
        let from = at.index(bytes.len());
        bytes.splice(from..(from + 2).min(bytes.len()), with);
        is_a_draft("damaged.csv", &bytes);
    }
}
