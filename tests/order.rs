//! Neither the order of arrival nor the future changes a verdict.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "a test that panics has failed, which is its way to say so"
)]

#[path = "support/pipeline.rs"]
mod pipeline;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use entrepot::assess::Knowledge;
use entrepot::decode::{Decoder, Mapping};
use entrepot::domain::{Date, Header, Message, Timestamp};
use entrepot::encode::{Output, Topic};
use entrepot::ingest::{Feed, Ingest, IngestLimits};
use entrepot::reference::Reference;
use entrepot::scoring::Model;
use proptest::prelude::*;
use serde_json::Value;

/// What invariant 10 names, by key.
fn decided(outputs: &[Output]) -> BTreeMap<String, Vec<Value>> {
    let fields = ["id", "status", "score", "prior", "probability", "band", "chinese_share", "coverage"];
    let mut decided = BTreeMap::new();
    for topic in [Topic::Assessments, Topic::Corridors] {
        for (key, value) in pipeline::last(outputs, topic) {
            let picked = fields.iter().map(|field| value.get(field).cloned().unwrap_or(Value::Null)).collect();
            decided.insert(format!("{topic:?} {key}"), picked);
        }
    }
    decided
}

/// A small world: two legs of antimony oxide and metal, other sources, shipments with amendments, duplicates, a basket and a year.
fn world() -> Vec<String> {
    let mut lines = Vec::new();
    let flow = |reporter: &str, partner: &str, flow: &str, period: &str, hs: &str, kilograms: u64, known: &str| {
        format!(
            r#"{{"kind":"trade_flow","reporter":"{reporter}","partner":"{partner}","flow":"{flow}","period":"{period}","hs":"{hs}","hs_version":"2022","net_mass_kg":{kilograms},"customs_value":{{"amount":"{}","currency":"USD"}},"known_from":"{known}T00:00:00Z"}}"#,
            kilograms * 12
        )
    };
    for index in 0..30u64 {
        let (year, month) = (2023 + index / 12, index % 12 + 1);
        let period = format!("{year}-{month:02}");
        let on = |day: u64| format!("{}-{:02}-{day:02}", 2023 + (index + 2) / 12, (index + 2) % 12 + 1);
        let known = on(3 + index % 20);
        let surge = if index >= 24 { 20 } else { 1 };
        lines.push(flow("US", "TH", "import", &period, "282580", 20_000 * surge, &known));
        lines.push(flow("US", "VN", "import", &period, "282580", 30_000, &known));
        lines.push(flow("TH", "CN", "import", &period, "282580", 21_000 * surge, &known));
        lines.push(flow("CN", "TH", "export", &period, "282580", 20_500 * surge, &known));
        lines.push(flow("TH", "MM", "import", &period, "261710", 9_000, &known));
        lines.push(flow("US", "BE", "import", &period, "282580", 40_000, &known).replace("USD", "EUR"));
        lines.push(flow("US", "KR", "import", &period, "811292", 100 + index, &known));
        if index % 7 == 0 {
            lines.push(flow("US", "TH", "import", &period, "282580", 20_000 * surge + 500, &on(8 + index % 20)));
        }
    }
    lines.push(flow("US", "MX", "import", "2024", "282580", 600_000, "2025-03-07"));
    // A heading exists above the sample minimum alone: once by a version that was corrected since, once by a year whose month was told
    // as well, once never.
    lines.push(flow("US", "TH", "import", "2025-02", "847130", 231_600, "2025-04-01"));
    lines.push(flow("US", "TH", "import", "2025-02", "847130", 1_000, "2025-05-01"));
    lines.push(flow("TH", "US", "import", "2024", "847130", 161_495, "2025-03-02"));
    lines.push(flow("TH", "US", "import", "2024-02", "847130", 900_000, "2024-05-02"));
    lines.push(flow("US", "MY", "import", "2025-02", "847130", 1, "2025-06-01"));
    for index in 0..12u32 {
        let origin = if index % 5 == 4 { "CN" } else { "TH" };
        let day = 3 + index;
        let shipment = |revision: u32, kilograms: u32, status: &str| {
            format!(
                r#"{{"kind":"shipment","id":"B{index}/1","revision":{revision},"status":"{status}","event_date":"2025-03-{day:02}","known_from":"2025-04-{:02}T00:00:00Z","hs":"2825800000","country_of_origin":"{origin}","destination":"US","place_of_receipt":"CNNGB","port_of_lading":"THLCH","net_mass_kg":{kilograms}}}"#,
                day + revision
            )
        };
        lines.push(shipment(1, 20_000, "active"));
        if index % 3 == 0 {
            lines.push(shipment(2, 21_000, if index % 2 == 0 { "active" } else { "cancelled" }));
        }
        if index % 4 == 0 {
            lines.push(shipment(1, 20_000, "active"));
        }
    }
    // Under the minimum told once, above it were it counted as often as it is told.
    lines.push(flow("US", "LA", "import", "2025-02", "847130", 6_000, "2025-04-01"));
    // Two that were known at one instant.
    lines.push(flow("US", "TH", "import", "2025-01", "282580", 90_000, "2025-03-07"));
    // A year of which the last month was told as well.
    lines.push(flow("US", "MX", "import", "2024-12", "282580", 60_000, "2025-02-10"));
    // Silence that becomes a zero when all else is known: an importer speaks of a month for the first time, and of a way.
    for index in 0..30u64 {
        let period = format!("{}-{:02}", 2023 + index / 12, index % 12 + 1);
        let known = format!("{}-{:02}-20", 2023 + (index + 2) / 12, (index + 2) % 12 + 1);
        let surge = if index >= 24 { 20 } else { 1 };
        lines.push(flow("TH", "IT", "export", &period, "282580", 20_000 * surge, &known));
        lines.push(flow("GB", "VN", "import", &period, "282580", 30_000, &known));
    }
    lines.push(flow("IT", "CN", "import", "2025-03", "282580", 1_000, "2025-09-15"));
    lines.push(flow("GB", "LA", "import", "2025-06", "282580", 1_000, "2025-09-20"));
    // Known while its month lasts, in which duties change, and what moves the clock past them.
    lines.push(flow("US", "IN", "import", "2025-08", "940360", 400_000, "2025-08-03"));
    lines.push(flow("US", "MY", "import", "2025-10", "940360", 400_000, "2025-10-01"));
    lines.extend(moved());
    lines.extend(contested());
    lines.extend(declared());
    lines
}

/// Bills of both legs in months of which no statistics tell, before the first ones and after the last; some lack a mass.
fn declared() -> Vec<String> {
    let bill = |lane: (&str, &str), month: &str, day: u32| {
        let (origin, destination) = lane;
        let mass = if day == 9 { "" } else { r#","net_mass_kg":90000"# };
        format!(
            r#"{{"kind":"shipment","id":"D{origin}{month}{day}/1","event_date":"{month}-{day:02}","known_from":"{month}-2{day}T00:00:00Z","hs":"2825800000","country_of_origin":"{origin}","destination":"{destination}","port_of_lading":"CNSHG"{mass}}}"#
        )
    };
    let months = ["2022-10", "2022-11", "2022-12", "2025-07", "2025-08"].into_iter();
    let days = months.flat_map(|month| [3, 6, 9].map(|day| (month, day)));
    days.flat_map(|(month, day)| [("CN", "TH"), ("TH", "US")].map(|lane| bill(lane, month, day))).collect()
}

/// Bills of which the revision does not tell which version holds, and one that is withdrawn after two that were assessed.
fn contested() -> Vec<String> {
    let bill = |id: &str, revision: u32, lane: &str, (hs, kilograms): (&str, u32), day: u32| {
        let (origin, destination) = lane.split_once('-').unwrap();
        let lading = if origin == "CN" { "CNSHG" } else { "THLCH" };
        format!(
            r#"{{"kind":"shipment","id":"{id}/1","revision":{revision},"status":"active","event_date":"2025-03-05","known_from":"2025-06-{day:02}T00:00:00Z","hs":"{hs}","country_of_origin":"{origin}","destination":"{destination}","place_of_receipt":"CNNGB","port_of_lading":"{lading}","net_mass_kg":{kilograms}}}"#
        )
    };
    let oxide = |id: &str, revision: u32, lane: &str, day: u32| bill(id, revision, lane, ("2825800000", 400_000), day);
    vec![
        oxide("CA", 1, "PH-DE", 10),
        oxide("CA", 1, "VN-DE", 10),
        oxide("CB", 1, "VN-DE", 10),
        oxide("CB", 1, "PH-DE", 20),
        // What is told again was known when it was first told.
        oxide("CC", 1, "VN-DE", 10),
        oxide("CC", 1, "PH-DE", 15),
        oxide("CC", 1, "VN-DE", 20),
        oxide("CD", 1, "VN-DE", 10),
        oxide("CD", 2, "PH-DE", 15),
        oxide("CD", 3, "CN-DE", 20),
        bill("CE", 1, "LA-DE", ("8471300000", 6_000), 10),
        oxide("CF", 1, "LA-GB", 10),
    ]
}

/// Bills for a country that has no statistics: a trickle, then much, and of that much most is told anew, weeks after everything
/// else, as of another intermediary, destination or month, there and back, or as cancelled elsewhere.
fn moved() -> Vec<String> {
    let mut lines = Vec::new();
    let mut tell = |id: &str, kilograms: u32, versions: &[(&str, &str, &str, &str)]| {
        for (index, (lane, event_date, known_from, status)) in versions.iter().enumerate() {
            let (origin, destination) = lane.split_once('-').unwrap();
            lines.push(format!(
                r#"{{"kind":"shipment","id":"{id}/1","revision":{},"status":"{status}","event_date":"{event_date}","known_from":"{known_from}T00:00:00Z","hs":"2825800000","country_of_origin":"{origin}","destination":"{destination}","place_of_receipt":"CNNGB","port_of_lading":"THLCH","net_mass_kg":{kilograms}}}"#,
                index + 1
            ));
        }
    };
    for month in 0..28u32 {
        let (year, month) = (2022 + (9 + month) / 12, (9 + month) % 12 + 1);
        let day = format!("{year}-{month:02}-05");
        tell(&format!("M{day}"), 20_000, &[("PH-DE", &day, &day, "active")]);
    }
    let (active, cancelled) = ("active", "cancelled");
    let first = ("PH-DE", "2025-03-05", "2025-06-10", active);
    tell("MA", 400_000, &[first, ("VN-DE", "2025-03-05", "2025-08-01", active)]);
    tell("MB", 400_000, &[first, ("VN-DE", "2025-03-05", "2025-08-05", cancelled)]);
    tell("MC", 400_000, &[first, ("PH-FR", "2025-03-05", "2025-07-10", active), ("PH-DE", "2025-03-05", "2025-07-20", active)]);
    tell("MD", 400_000, &[first, ("PH-DE", "2025-02-05", "2025-07-25", active)]);
    tell("ME", 400_000, &[("VN-DE", "2025-02-05", "2025-06-10", active), ("PH-DE", "2025-02-05", "2025-07-30", active)]);
    lines
}

/// A feed of bills by a mapping; where it tells all of them, they are an account of their corridors.
const BILLS: &str = r#"
version = 1
name = "bills"
kind = "shipment"
[envelope]
format = "ndjson"
[fields]
id = "id"
revision = "revision"
event_date = "event_date"
known_from = "known_from"
hs = "hs"
country_of_origin = "country_of_origin"
destination = "destination"
place_of_receipt = "place_of_receipt"
port_of_lading = "port_of_lading"
net_mass_kg = "net_mass_kg"
[meaning]
cancelled = { column = "status", equals = "cancelled" }
"#;

fn movements(knowledge: &Knowledge, lines: &[String], bills_are_complete: bool) -> Vec<(Timestamp, Vec<u8>)> {
    let bills = Mapping::parse(&format!("{BILLS}complete = {bills_are_complete}")).unwrap();
    let feeds = [("flows", Decoder::canonical(false)), ("bills", Decoder::mapped(bills, false))];
    let feeds = feeds.map(|(name, decoder)| (name, Arc::new(decoder)));
    let feed = |line: &str| if line.contains(r#""kind":"shipment""#) { "bills" } else { "flows" };
    pipeline::movements_from(knowledge, &feeds, lines.iter().map(|line| (feed(line), line.as_str())))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_order_of_arrival_does_not_change_what_is_decided(
        order in Just((0..world().len()).collect::<Vec<_>>()).prop_shuffle(),
        bills_are_complete in any::<bool>(),
    ) {
        let knowledge = pipeline::knowledge();
        let lines = world();
        let mut as_learned = movements(&knowledge, &lines, bills_are_complete);
        as_learned.sort_by_key(|(known_from, _)| *known_from);
        let shuffled: Vec<String> = order.iter().map(|index| lines[*index].clone()).collect();
        let shuffled = movements(&knowledge, &shuffled, bills_are_complete);
        let expected = decided(&pipeline::fold(&knowledge, &as_learned));
        prop_assert!(expected.values().any(|fields| fields.iter().any(|field| field == "watch" || field == "review")));
        prop_assert_eq!(decided(&pipeline::fold(&knowledge, &shuffled)), expected);
    }

    #[test]
    fn a_record_known_later_changes_nothing_published_before(pick in any::<prop::sample::Index>(), days in 0i64..400) {
        let knowledge = pipeline::knowledge();
        let lines = world();
        let until = jiff::civil::date(2024, 6, 1).saturating_add(jiff::Span::new().days(days));
        let moved = pick.index(lines.len());
        let without: Vec<String> = lines.iter().enumerate().filter(|(at, _)| *at != moved).map(|(_, line)| line.clone()).collect();
        let mut late = without.clone();
        let mut record: Value = serde_json::from_str(&lines[moved]).unwrap();
        record["known_from"] = format!("{until}T00:00:00Z").into();
        late.push(record.to_string());
        let (late, without) = (published(&knowledge, &late, until), published(&knowledge, &without, until));
        prop_assert_eq!(first_difference(&late, &without), None);
    }

    #[test]
    fn a_reference_row_known_later_changes_nothing_published_before(
        table in 0..BITEMPORAL.len(),
        is_named in any::<bool>(),
        pick in any::<prop::sample::Index>(),
        days in 0i64..400,
    ) {
        let (lines, table) = (world(), BITEMPORAL[table]);
        let until = jiff::civil::date(2024, 6, 1).saturating_add(jiff::Span::new().days(days));
        // Half of the cases take a row that a verdict of this world rests on, where the table has one.
        let named = named_rows().get(table).filter(|_| is_named);
        let row = match named {
            Some(rows) => rows[pick.index(rows.len())].clone(),
            None => { let rows = ids(table); rows[pick.index(rows.len())].clone() }
        };
        let late = published(&knowing(table, &row, Some(until)), &lines, until);
        let without = published(&knowing(table, &row, None), &lines, until);
        prop_assert_eq!(first_difference(&late, &without), None, "{}/{}", table, row);
    }
}

/// The tables whose rows the world learned on a day.
const BITEMPORAL: [&str; 7] = ["capacity", "controls", "duties", "duty_exemptions", "exchange_rates", "hubs", "production"];

fn ids(table: &str) -> Vec<String> {
    let files = Reference::built_in_files();
    let mut reader = csv::Reader::from_reader(files[&format!("{table}.csv")].as_bytes());
    reader.records().map(|row| row.unwrap()[0].to_owned()).collect()
}

/// By table, the rows that verdicts of the world name.
fn named_rows() -> &'static BTreeMap<String, Vec<String>> {
    static NAMED: OnceLock<BTreeMap<String, Vec<String>>> = OnceLock::new();
    NAMED.get_or_init(|| {
        let knowledge = pipeline::knowledge();
        let outputs = pipeline::fold(&knowledge, &movements(&knowledge, &world(), true));
        let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut take = |rows: &Value| {
            for row in rows.as_array().into_iter().flatten() {
                let (table, id) = row.as_str().unwrap().split_once('/').unwrap();
                named.entry(table.to_owned()).or_default().insert(id.to_owned());
            }
        };
        for value in outputs.iter().map(|output| serde_json::from_slice::<Value>(&output.value).unwrap()) {
            take(&value["prior_reference"]);
            value["evidence"].as_array().into_iter().flatten().for_each(|evidence| take(&evidence["reference"]));
        }
        named.into_iter().map(|(table, rows)| (table, rows.into_iter().collect())).collect()
    })
}

#[test]
fn the_world_rests_on_controls_duties_and_production() {
    assert!(["controls", "duties", "production"].iter().all(|table| named_rows().contains_key(*table)), "{:?}", named_rows());
}

/// The bundle with a row that the world learned on a later day, or never; with it the rest of its table where they appeared together.
fn knowing(table: &str, id: &str, known_from: Option<Date>) -> Knowledge {
    let mut files = Reference::built_in_files();
    let file = files.get_mut(&format!("{table}.csv")).unwrap();
    let mut reader = csv::Reader::from_reader(file.as_bytes());
    let headers = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let issue = headers.iter().position(|header| header == "table");
    let issued = |row: &csv::StringRecord| issue.map_or(row[0].to_owned(), |column| row[column].to_owned());
    let moved = issued(rows.iter().find(|row| row[0] == *id).unwrap());
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&headers).unwrap();
    for row in rows {
        if issued(&row) != moved {
            writer.write_record(&row).unwrap();
        } else if let Some(known_from) = known_from {
            // What became known of the row itself, its end and its suspension.
            let later = |(header, value): (&str, &str)| match header.ends_with("known_from") && !value.is_empty() {
                true => value.parse::<Date>().unwrap().max(known_from).to_string(),
                false => value.to_owned(),
            };
            writer.write_record(headers.iter().zip(&row).map(later)).unwrap();
        }
    }
    *file = String::from_utf8(writer.into_inner().unwrap()).unwrap();
    let reference = Reference::parse(&files).unwrap_or_else(|problems| panic!("{problems:?}"));
    Knowledge::new(Arc::new(reference), Arc::new(Model::built_in()))
}

/// What was published before a date, each key's values in their order, from lines in the order in which the world learned them.
fn published(knowledge: &Knowledge, lines: &[String], until: Date) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut movements = movements(knowledge, lines, true);
    movements.sort_by_key(|(known_from, _)| *known_from);
    let stood = |output: &Output| {
        let value: Value = serde_json::from_slice(&output.value).unwrap();
        value.get("as_of").or(value.get("at")).unwrap().as_str().unwrap().parse::<Date>().unwrap() < until
    };
    // Families advance apart, so how their outputs interleave says nothing: by key, then in the order of revisions.
    let outputs = pipeline::fold(knowledge, &movements).into_iter().filter(stood);
    let mut stood: Vec<_> = outputs.map(|output| (output.key, strip(&output.value))).collect();
    stood.sort_by(|left, right| left.0.cmp(&right.0));
    stood
}

fn first_difference(left: &[(Vec<u8>, Vec<u8>)], right: &[(Vec<u8>, Vec<u8>)]) -> Option<[String; 2]> {
    let length = left.len().max(right.len());
    let at = (0..length).find(|at| left.get(*at) != right.get(*at))?;
    Some([left, right].map(|side| side.get(at).map_or("nothing".to_owned(), text)))
}

fn text((key, value): &(Vec<u8>, Vec<u8>)) -> String {
    format!("{} {}", String::from_utf8_lossy(key), String::from_utf8_lossy(value))
}

/// Without the position of the raw message, which differs where a line was taken out, and the bundle, where a row was.
fn strip(value: &[u8]) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(value).unwrap();
    let provenance = value["provenance"].as_object_mut().unwrap();
    provenance.remove("source");
    provenance.remove("reference");
    serde_json::to_vec(&value).unwrap()
}

#[test]
fn what_is_told_again_changes_nothing() {
    let knowledge = pipeline::knowledge();
    let said = |lines: &[String], bills_are_complete| {
        let outputs = pipeline::fold(&knowledge, &movements(&knowledge, lines, bills_are_complete));
        decided(&outputs)
    };
    let lines = world();
    let again = [lines.clone(), lines.clone()].concat();
    for bills_are_complete in [false, true] {
        assert_eq!(said(&again, bills_are_complete), said(&lines, bills_are_complete));
    }
}

#[test]
fn ticks_between_change_nothing() {
    let knowledge = pipeline::knowledge();
    let mut movements = pipeline::movements(&knowledge, &world().join("\n"));
    movements.sort_by_key(|(known_from, _)| *known_from);
    let first = pipeline::date(movements.first().unwrap().0);
    let last = pipeline::date(movements.last().unwrap().0);
    let mut ticked = movements.clone();
    let mut day = first;
    while day < last {
        day = day.tomorrow().unwrap();
        ticked.push((format!("{day}T00:00:00Z").parse().unwrap(), entrepot::encode::tick(day)));
    }
    // A tick of a day stands before that day's movements.
    ticked.sort_by_key(|(known_from, value)| (*known_from, !value.starts_with(br#"{"kind":"tick""#)));
    let bytes =
        |outputs: Vec<Output>| outputs.into_iter().map(|output| (output.topic, output.key, output.value)).collect::<Vec<_>>();
    let sort = |mut outputs: Vec<(Topic, Vec<u8>, Vec<u8>)>| {
        outputs.sort();
        outputs
    };
    assert_eq!(sort(bytes(pipeline::fold(&knowledge, &ticked))), sort(bytes(pipeline::fold(&knowledge, &movements))));
}

#[test]
fn a_header_of_anybodys_moves_no_clock_ahead() {
    let limits = IngestLimits { payload_bytes_max: 1_000_000, default_lag_days: 45 };
    let feed = || Feed { name: "test".parse().unwrap(), topic: "test".to_owned(), decoder: Arc::new(Decoder::canonical(false)) };
    let ingest = Ingest::new(vec![feed()], Arc::clone(&pipeline::knowledge().reference), limits);
    // The day on which a record counts as known, or why it does not.
    let known = |known_from: &str, first: &str| {
        let record = format!(
            r#"{{"kind":"shipment","id":"A","event_date":"2025-03-14","hs":"282580","country_of_origin":"TH","destination":"US","net_mass_kg":1000{known_from}}}"#
        );
        let header = Header { key: "dlq.timestamp".to_owned(), value: first.as_bytes().to_vec() };
        let timestamp = Some("2025-05-06T00:00:00Z".parse().unwrap());
        let effects =
            ingest.apply(&Message { timestamp, headers: vec![header], ..pipeline::message("test", 0, record.as_bytes()) });
        let day = |output: &Output| {
            let value: Value = serde_json::from_slice(&output.value).unwrap();
            value["known_from"].as_str().unwrap()[..10].to_owned()
        };
        effects.dead_letter.map_or_else(|| day(&effects.outputs[0]), |letter| letter.reason.to_owned())
    };
    const FAR: &str = r#","known_from":"2098-12-31T00:00:00Z""#;
    assert_eq!(known("", "2025-04-01T00:00:00Z"), "2025-04-01");
    assert_eq!(known("", "2099-01-01T00:00:00Z"), "2025-05-06");
    assert_eq!(known(FAR, "2099-01-01T00:00:00Z"), "known_from_in_future");
}

/// What is told of a bill of early 2022: one of these, its revision, and the day on which it became known.
#[derive(Clone, Copy, Debug)]
enum Telling {
    Record,
    Heavier,
    Elsewhere,
    Chinese,
    Later,
    Cancelled,
    CancelledWithOrigin,
}

const TELLINGS: [Telling; 7] = [
    Telling::Record,
    Telling::Heavier,
    Telling::Elsewhere,
    Telling::Chinese,
    Telling::Later,
    Telling::Cancelled,
    Telling::CancelledWithOrigin,
];

/// Within the lookback of its month, and beyond it.
const KNOWN: [&str; 6] = ["2022-04-10", "2022-07-01", "2025-01-05", "2025-05-01", "2025-07-01", "2025-09-01"];

fn told(bill: usize, telling: Telling, revision: u32, known: &str) -> String {
    let month = 1 + bill % 2;
    let (origin, event_date, kilograms) = match telling {
        Telling::Record | Telling::Cancelled | Telling::CancelledWithOrigin => ("TH", format!("2022-{month:02}-14"), 20_000),
        Telling::Heavier => ("TH", format!("2022-{month:02}-14"), 900_000),
        Telling::Elsewhere => ("VN", format!("2022-{month:02}-14"), 20_000),
        Telling::Chinese => ("CN", format!("2022-{month:02}-14"), 20_000),
        Telling::Later => ("TH", "2022-09-14".to_owned(), 20_000),
    };
    let more = match telling {
        Telling::Cancelled => r#","status":"cancelled""#.to_owned(),
        Telling::CancelledWithOrigin => format!(r#","status":"cancelled","country_of_origin":"{origin}""#),
        _ => format!(
            r#","country_of_origin":"{origin}","place_of_receipt":"CNNGB","port_of_lading":"THLCH","net_mass_kg":{kilograms}"#
        ),
    };
    format!(
        r#"{{"kind":"shipment","id":"O{bill}/1","revision":{revision},"event_date":"{event_date}","known_from":"{known}T00:00:00Z","hs":"2825800000","destination":"US"{more}}}"#
    )
}

/// The statistics of the same months: most of them in time, some years later.
fn old_flows() -> Vec<String> {
    let flow = |reporter: &str, partner: &str, period: &str, kilograms: u32, known: &str| {
        format!(
            r#"{{"kind":"trade_flow","reporter":"{reporter}","partner":"{partner}","flow":"import","period":"{period}","hs":"282580","hs_version":"2022","net_mass_kg":{kilograms},"known_from":"{known}T00:00:00Z"}}"#
        )
    };
    let mut lines = Vec::new();
    for index in 0..15u32 {
        let period = format!("{}-{:02}", 2021 + index / 12, index % 12 + 1);
        let known = format!("{}-{:02}-03", 2021 + (index + 2) / 12, (index + 2) % 12 + 1);
        lines.push(flow("US", "VN", &period, 30_000, &known));
        lines.push(flow("TH", "CN", &period, 2_000, &known));
        lines.push(flow("TH", "MM", &period, 90_000, &known));
        lines.push(flow("US", "TH", &period, 60_000, &known));
    }
    lines.push(flow("TH", "CN", "2022-01", 400_000, "2025-08-01"));
    lines.push(flow("TH", "MM", "2022-01", 1_000, "2025-08-02"));
    lines.push(flow("US", "KR", "2025-10", 1_000, "2025-12-01"));
    lines
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_older_than_the_lookback_ends_the_same_in_any_order_and_whatever_days_end_between(
        bills in prop::collection::vec(
            prop::collection::vec((prop::sample::select(&TELLINGS[..]), 1u32..4, prop::sample::select(&KNOWN[..])), 1..5), 6),
        keys in prop::collection::vec(any::<u32>(), 100),
        ticks in prop::collection::vec((any::<u32>(), prop::sample::select(&KNOWN[..])), 0..6),
        bills_are_complete in any::<bool>(),
    ) {
        let knowledge = pipeline::knowledge();
        let mut lines = old_flows();
        for (bill, versions) in bills.iter().enumerate() {
            lines.extend(versions.iter().map(|(telling, revision, known)| told(bill, *telling, *revision, known)));
        }
        let mut as_learned = movements(&knowledge, &lines, bills_are_complete);
        let ticks = ticks.into_iter().map(|(key, date)| {
            (key, (format!("{date}T00:00:00Z").parse().unwrap(), entrepot::encode::tick(date.parse().unwrap())))
        });
        let mut shuffled: Vec<_> = keys.into_iter().cycle().zip(as_learned.clone()).chain(ticks).collect();
        shuffled.sort_by_key(|(key, _)| *key);
        let shuffled: Vec<_> = shuffled.into_iter().map(|(_, movement)| movement).collect();
        as_learned.sort_by_key(|(known_from, _)| *known_from);
        let expected = decided(&pipeline::fold(&knowledge, &as_learned));
        prop_assert_eq!(decided(&pipeline::fold(&knowledge, &shuffled)), expected);
    }
}
