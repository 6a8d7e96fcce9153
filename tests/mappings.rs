//! The shipped mappings: their own examples, the samples of the feeds, the large data sets, and bytes of any kind.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "a test that panics has failed, which is its way to say so"
)]

use std::collections::BTreeMap;

use entrepot::decode::canonical_record;
use entrepot::decode::{Decoded, Decoder, Mapping, Piece, Row, Split, Splitter, Surroundings, built_in_mappings};
use entrepot::domain::{Claim, Degrade, Message, Position, Record};
use entrepot::reference::Reference;
use proptest::prelude::*;

#[path = "support/data.rs"]
mod data;

use data::shared;

fn mapping(name: &str) -> Mapping {
    let (_, text) = built_in_mappings().iter().find(|(known, _)| *known == name).expect("a shipped mapping");
    Mapping::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn decoder(name: &str) -> Decoder {
    Decoder::mapped(mapping(name), false)
}

fn message(bytes: &[u8]) -> Message {
    let position = Position { topic: "sample".into(), partition: 0, offset: 1 };
    Message { position, timestamp: None, key: None, value: Some(bytes.to_vec()), headers: Vec::new() }
}

fn around() -> Surroundings<'static> {
    Surroundings { reference: Reference::built_in(), default_lag_days: 30, file_name: None }
}

fn rows(decoder: &Decoder, bytes: &[u8]) -> Vec<Row> {
    match decoder.decode(&message(bytes), &around()) {
        Decoded::Rows(rows) => rows,
        Decoded::Unreadable(error) => vec![Row::Failed(error)],
    }
}

fn shown(row: &Row) -> String {
    match row {
        Row::Claim(claim) => {
            let quality: Vec<_> = claim.quality.iter().map(Degrade::code).collect();
            format!("{} {}", String::from_utf8_lossy(&canonical_record(claim)), quality.join(" "))
        }
        Row::Excluded(reason) => format!("excluded {}", reason.code()),
        Row::Failed(error) => error.to_string(),
    }
}

fn counts(rows: &[Row]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for row in rows {
        let key = if matches!(row, Row::Claim(_)) { "taken".to_owned() } else { shown(row) };
        *counts.entry(key).or_default() += 1;
    }
    counts
}

fn claim<'r>(rows: &'r [Row], id: &str) -> &'r Claim {
    let claims = rows.iter().filter_map(|row| if let Row::Claim(claim) = row { Some(claim) } else { None });
    claims.into_iter().find(|claim| claim.id == id).unwrap_or_else(|| panic!("no {id}"))
}

/// Every piece of a file, decoded one by one as `feed` sends them.
fn fed(decoder: &Decoder, bytes: &[u8]) -> Vec<Row> {
    decoder.split_file(bytes).flat_map(|piece| rows(decoder, &piece.bytes)).collect()
}

#[test]
fn every_example_inside_a_mapping_comes_out_exactly() {
    for (name, _) in built_in_mappings() {
        let mapping = mapping(name);
        assert_eq!(mapping.name(), *name);
        assert!(mapping.examples_total() > 0, "{name}");
        let failures: Vec<String> = mapping.run_examples(Reference::built_in()).iter().map(ToString::to_string).collect();
        assert!(failures.is_empty(), "{name}\n{}", failures.join("\n"));
    }
}

#[test]
fn the_census_answer_of_june_2026_gives_fifteen_flows_and_six_groups() {
    let Some(bytes) = shared("feed-samples/us-census-api/imports_hs10_2026-06.json") else { return };
    let rows = rows(&decoder("census"), &bytes);
    let expected = [("excluded country_group".to_owned(), 6), ("taken".to_owned(), 15)];
    assert_eq!(counts(&rows), expected.into_iter().collect());
    let switzerland = shown(&Row::Claim(Box::new(claim(&rows, "US/import/CH/8483408000/2026-06").clone())));
    assert!(
        switzerland.contains(r#""quantity":{"value":187413,"unit":"NMB"},"customs_value":{"amount":"2753507","currency":"USD"}"#)
    );
    assert!(switzerland.ends_with(" no_mass"));
    let thailand = shown(&Row::Claim(Box::new(claim(&rows, "US/import/TH/8483408000/2026-06").clone())));
    assert!(thailand.contains(r#""amount":"0""#), "an observed zero: {thailand}");
}

#[test]
fn the_census_units_sample_gives_masses_only_where_the_unit_is_one() {
    let Some(bytes) = shared("feed-samples/us-census-api/SYNTHETIC_units_and_duplicate_header.json") else { return };
    let rows = rows(&decoder("census"), &bytes);
    let text: Vec<String> = rows.iter().map(shown).collect();
    assert!(text[0].contains(r#""net_mass_kg":61728"#) && text[0].contains(r#""partner":"TH""#));
    assert!(text[1].contains(r#""amount":"9000""#) && !text[1].contains("net_mass_kg") && text[1].ends_with("no_mass"));
    assert!(text[2].contains(r#""quantity":{"value":2500,"unit":"NMB"}"#) && text[2].ends_with("no_mass"));
    assert_eq!(text[3..], ["excluded hs_too_short", "excluded country_group"]);
}

#[test]
fn the_comtrade_answer_of_india_is_all_headings_and_totals() {
    let Some(bytes) = shared("feed-samples/un-comtrade/api_india_2022.json") else { return };
    let rows = rows(&decoder("comtrade"), &bytes);
    let text: Vec<String> = rows.iter().map(shown).collect();
    // The monthly rows are of heading 7113, the annual one is the total over all goods.
    let short = "excluded hs_too_short";
    assert_eq!(text, ["excluded no_partner", short, short, short, "excluded total_over_goods"]);
    // The same rows at six digits.
    let finer = String::from_utf8(bytes).unwrap().replace("\"cmdCode\": \"7113\"", "\"cmdCode\": \"711319\"");
    let rows = fed(&decoder("comtrade"), finer.as_bytes());
    let text: Vec<String> = rows.iter().map(shown).collect();
    assert!(text[1].contains(r#""reporter":"IN","partner":"AU","flow":"export","period":"2022-01""#), "{}", text[1]);
    assert!(text[1].contains(r#""net_mass_kg":627.168"#) && text[1].ends_with("mass_estimated"));
    assert!(text[2].contains(r#""partner":"BD""#) && text[2].ends_with("mass_estimated"));
    assert!(
        text[3].contains(r#""partner":"BT""#) && text[3].contains(r#""net_mass_kg":30,"#) && !text[3].contains("mass_estimated"),
        "{}",
        text[3]
    );
}

#[test]
fn korean_declarations_decode_to_the_last_row() {
    let decoder = decoder("korea-declarations");
    let (mut total, mut taken, mut excluded, mut without_mass) = (0, 0, 0, 0);
    for (name, expected) in [("train", 37_385), ("valid", 8_134), ("test", 8_481)] {
        let Some(bytes) = shared(&format!("korea-customs-declarations-synthetic/df_syn_{name}_eng.csv")) else { return };
        let rows = fed(&decoder, &bytes);
        let counts = counts(&rows);
        assert_eq!(rows.len(), expected);
        excluded += counts.get("excluded no_country").copied().unwrap_or_default();
        taken += counts.get("taken").copied().unwrap_or_default();
        total += rows.len();
        let claims = rows.iter().filter_map(|row| if let Row::Claim(claim) = row { Some(claim) } else { None });
        without_mass += claims.filter(|claim| claim.quality.contains(Degrade::NoMass)).count();
    }
    assert_eq!((total, taken + excluded, excluded, without_mass), (54_000, 54_000, 17, 285 + 55 + 56));
}

#[test]
fn chinas_months_decode_to_the_last_row() {
    let Some(bytes) = shared("china-exports-comtrade-monthly/deep_dive_hs6_monthly.csv") else { return };
    let rows = fed(&decoder("china-months"), &bytes);
    assert_eq!(counts(&rows), [("taken".to_owned(), 6_442)].into_iter().collect());
    let without_mass = |row: &&Row| matches!(row, Row::Claim(claim) if claim.quality.contains(Degrade::NoMass));
    assert_eq!(rows.iter().filter(without_mass).count(), 146);
}

#[test]
fn the_census_files_of_2024_decode_to_the_last_row() {
    for (name, expected) in [("us_imports_2024_hs10_target_codes", 7_337), ("us_imports_2024_hs6_asia_mexico", 33_036)] {
        let Some(bytes) = shared(&format!("us-census-2024-hs10/{name}.csv")) else { return };
        let rows = fed(&decoder("census-2024"), &bytes);
        assert_eq!(counts(&rows), [("taken".to_owned(), expected)].into_iter().collect(), "{name}");
        let yearly = |row: &Row| matches!(row, Row::Claim(claim) if matches!(&claim.record, Record::TradeFlow(flow) if flow.period.months() == 12));
        assert!(rows.iter().all(yearly));
    }
}

/// The sample of each shipped mapping.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/config/mappings/samples"));
    let sample =
        |name: &str| ["csv", "json", "ndjson"].iter().find_map(|kind| std::fs::read(folder.join(format!("{name}.{kind}"))).ok());
    built_in_mappings().iter().map(|(name, _)| (*name, sample(name).expect("a shipped mapping has a sample"))).collect()
}

#[test]
fn pieces_decode_to_the_rows_of_the_whole_file_at_any_chunk_size() {
    // Groups of rows come in an order of their own.
    let sorted = |rows: Vec<Row>| {
        let mut texts: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
        texts.sort_unstable();
        texts
    };
    for (name, bytes) in files() {
        let decoder = decoder(name);
        let whole = sorted(rows(&decoder, &bytes));
        for size in [1, 2, 7, 64, 100_000] {
            let mut splitter = Splitter::new(&decoder);
            let mut pieces: Vec<Piece<'_>> = Vec::new();
            let mut keep = |piece: Piece<'_>| pieces.push(piece.into_owned());
            bytes.chunks(size).for_each(|chunk| splitter.push(chunk, &mut keep));
            splitter.finish(&mut keep);
            let numbers: Vec<u64> = pieces.iter().map(|piece| piece.row).collect();
            assert_eq!(numbers, (1..=pieces.len() as u64).collect::<Vec<_>>(), "{name} {size}");
            if decoder.split() == Split::Groups {
                assert!(pieces.iter().all(|piece| piece.key.is_some()), "{name} {size}");
                pieces = decoder.split_file(&bytes).collect();
            }
            let apart: Vec<Row> = pieces.iter().flat_map(|piece| rows(&decoder, &piece.bytes)).collect();
            assert_eq!(sorted(apart), whole, "{name} {size}");
        }
    }
}

/// Codes of the geonomenclature that mean one country are one flow, as reporter and as partner. The EU as a whole is no partner there.
#[test]
fn the_parts_of_a_country_are_one_flow_of_it() {
    let table = include_str!("../config/reference/country_codes.csv").lines().filter(|row| row.starts_with("geonom."));
    let cells = |row: &'static str| row.split(',').collect::<Vec<_>>();
    let meaning = |cells: Vec<&'static str>| (cells[2], cells[3]);
    let is_country = |(_, country): &(&str, &str)| !["group", "none", "EU"].contains(country);
    let parts: Vec<(&str, &str)> = table.map(cells).map(meaning).filter(is_country).collect();
    assert!(parts.contains(&("XU", "GB")), "{parts:?}");
    for (code, country) in parts {
        for (reporter, partner, other, told) in
            [("DE", code, ("DE", country), ("DE", country)), (code, "CN", (country, "CN"), (country, "CN"))]
        {
            let bulk = format!(
                "REPORTER,PARTNER,PRODUCT_NC,FLOW,PERIOD,VALUE_EUR,QUANTITY_KG\n{reporter},{partner},28258000,1,202502,10,500\n\
                 {},{},28258000,1,202502,1,7\n",
                other.0, other.1
            );
            let rows_of = |(reporter, partner): (&str, &str), [eur, mass]: [&str; 2]| {
                let row = |what, figure| format!("15/04/25,M,{reporter},{partner},28258000,1,{what},2025-02,{figure}\n");
                row("VALUE_EUR", eur) + &row("QUANTITY_IN_100KG", mass)
            };
            let sdmx = "LAST UPDATE,freq,reporter,partner,product,flow,indicators,TIME_PERIOD,OBS_VALUE\n".to_owned()
                + &rows_of((reporter, partner), ["10", "5"])
                + &rows_of(other, ["1", "0.07"]);
            for (name, file) in [("eurostat-bulk", bulk), ("eurostat-sdmx", sdmx)] {
                let rows = fed(&decoder(name), file.as_bytes());
                let (reporter, partner) = told;
                let expected = format!(
                    r#""reporter":"{reporter}","partner":"{partner}","flow":"import","period":"2025-02","hs":"28258000","hs_version":"2022","net_mass_kg":507,"customs_value":{{"amount":"11","currency":"EUR"}}"#
                );
                assert!(matches!(rows.as_slice(), [row] if shown(row).contains(&expected)), "{name} {code}: {rows:?}");
            }
        }
    }
}

#[test]
fn a_row_that_is_no_text_costs_no_group_and_is_not_lost() {
    let decoder = decoder("eurostat-bulk");
    let sample = include_bytes!("../config/mappings/samples/eurostat-bulk.csv").as_slice();
    let clean: Vec<String> = fed(&decoder, sample).iter().map(shown).collect();
    let broken = [sample, b"\nDE,\xff,E,28258000\n"].concat();
    let (failed, others): (Vec<Row>, Vec<Row>) =
        fed(&decoder, &broken).into_iter().partition(|row| matches!(row, Row::Failed(_)));
    assert!(matches!(failed.as_slice(), [Row::Failed(error)] if error.reason.code() == "not_text"), "{failed:?}");
    assert_eq!(others.iter().map(shown).collect::<Vec<_>>(), clean);
}

#[test]
fn a_header_without_rows_is_a_message_only_where_it_is_of_another_feed() {
    let decoder = decoder("korea-declarations");
    let right = include_str!("../config/mappings/samples/korea-declarations.csv").lines().next().unwrap();
    for end in ["", "\n", "\r\n", "\n\n"] {
        for (header, wanted) in [(right, None), ("Country,Value", Some("unknown_schema"))] {
            let mut splitter = Splitter::new(&decoder);
            let mut pieces: Vec<Piece<'_>> = Vec::new();
            let mut keep = |piece: Piece<'_>| pieces.push(piece.into_owned());
            splitter.push(format!("{header}{end}").as_bytes(), &mut keep);
            splitter.finish(&mut keep);
            assert_eq!(pieces.len(), usize::from(wanted.is_some()), "{header:?} {end:?}");
            let refused = pieces.first().map(|piece| rows(&decoder, &piece.bytes));
            let reasons = refused.map(|rows| rows.iter().map(shown).collect::<Vec<_>>().concat());
            assert!(reasons.as_deref().unwrap_or("").starts_with(wanted.unwrap_or("")), "{header:?} {end:?}: {reasons:?}");
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for (name, _) in built_in_mappings() {
            let decoder = decoder(name);
            fed(&decoder, &bytes);
            rows(&decoder, &bytes);
        }
    }

    #[test]
    fn damaged_files_never_panic(at in any::<prop::sample::Index>(), with in prop::collection::vec(any::<u8>(), 0..4), length in 0usize..5) {
        for (name, mut bytes) in files() {
            let decoder = decoder(name);
            let from = at.index(bytes.len());
            let until = (from + length).min(bytes.len());
            bytes.splice(from..until, with.iter().copied());
            rows(&decoder, &bytes);
            fed(&decoder, &bytes);
        }
    }
}

#[test]
fn every_shipped_sample_gives_records_and_no_dead_letter() {
    let samples: [(&str, &str, &[u8], usize, usize); 17] = [
        ("census", "census.json", include_bytes!("../config/mappings/samples/census.json"), 9, 1),
        ("census-2024", "census-2024.csv", include_bytes!("../config/mappings/samples/census-2024.csv"), 9, 0),
        ("china-gacc", "export_202503.csv", include_bytes!("../config/mappings/samples/china-gacc.csv"), 2, 0),
        ("china-months", "china-months.csv", include_bytes!("../config/mappings/samples/china-months.csv"), 4, 0),
        ("comtrade", "comtrade.json", include_bytes!("../config/mappings/samples/comtrade.json"), 3, 3),
        ("comtrade-legacy", "comtrade-legacy.csv", include_bytes!("../config/mappings/samples/comtrade-legacy.csv"), 2, 3),
        ("eurostat-bulk", "eurostat-bulk.csv", include_bytes!("../config/mappings/samples/eurostat-bulk.csv"), 2, 3),
        ("eurostat-sdmx", "eurostat-sdmx.csv", include_bytes!("../config/mappings/samples/eurostat-sdmx.csv"), 2, 2),
        (
            "india-declarations",
            "india-declarations.csv",
            include_bytes!("../config/mappings/samples/india-declarations.csv"),
            2,
            0,
        ),
        ("japan-estat", "japan_2025_until-Mar.csv", include_bytes!("../config/mappings/samples/japan-estat.csv"), 3, 6),
        (
            "korea-declarations",
            "korea-declarations.csv",
            include_bytes!("../config/mappings/samples/korea-declarations.csv"),
            8,
            0,
        ),
        ("korea-statistics", "korea-statistics.json", include_bytes!("../config/mappings/samples/korea-statistics.json"), 3, 1),
        (
            "malaysia-declarations",
            "malaysia-declarations.csv",
            include_bytes!("../config/mappings/samples/malaysia-declarations.csv"),
            2,
            0,
        ),
        ("us-ams", "us-ams.ndjson", include_bytes!("../config/mappings/samples/us-ams.ndjson"), 4, 4),
        ("usa-trade-online", "usa-trade-online.csv", include_bytes!("../config/mappings/samples/usa-trade-online.csv"), 1, 3),
        (
            "vietnam-declarations",
            "vietnam-declarations.csv",
            include_bytes!("../config/mappings/samples/vietnam-declarations.csv"),
            1,
            0,
        ),
        ("wco-declaration", "wco-declaration.json", include_bytes!("../config/mappings/samples/wco-declaration.json"), 1, 0),
    ];
    assert_eq!(samples.map(|(name, ..)| name), built_in_mappings().iter().map(|(name, _)| *name).collect::<Vec<_>>()[..]);
    for (name, file, bytes, taken, excluded) in samples {
        let decoder = decoder(name);
        let around = Surroundings { file_name: Some(file), ..around() };
        let decoded = |piece: Piece<'_>| match decoder.decode(&message(&piece.bytes), &around) {
            Decoded::Rows(rows) => rows,
            Decoded::Unreadable(error) => panic!("{name}: {error}"),
        };
        let rows: Vec<Row> = decoder.split_file(bytes).flat_map(decoded).collect();
        let count = |wanted: fn(&Row) -> bool| rows.iter().filter(|row| wanted(row)).count();
        let found = (count(|row| matches!(row, Row::Claim(_))), count(|row| matches!(row, Row::Excluded(_))));
        assert_eq!(found, (taken, excluded), "{name}");
        assert_eq!(rows.len(), taken + excluded, "{name}");
    }
}
