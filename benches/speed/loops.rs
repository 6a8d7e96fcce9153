//! The loops of the core beside bare loops on the same bytes: decode and ingest, remember, assess.

use std::time::Duration;

use entrepot::decode::movement::{OnMovements, read};
use entrepot::decode::{Decoder, Mapping, built_in_mappings};
use entrepot::domain::{Message, Movement, Standing};
use entrepot::ledger::FamilyLedger;
use serde::Deserialize;

use crate::table::{Table, Target, in_turns, worked};
use crate::world;

/// What the bare JSON loop reads: every member of a canonical record that the service reads, borrowed from the bytes.
#[derive(Deserialize)]
#[expect(dead_code, reason = "the loop reads it; nobody else does")]
struct BareRecord<'a> {
    kind: &'a str,
    id: Option<&'a str>,
    revision: Option<u32>,
    status: Option<&'a str>,
    event_date: Option<&'a str>,
    known_from: Option<&'a str>,
    flow: Option<&'a str>,
    reporter: Option<&'a str>,
    partner: Option<&'a str>,
    period: Option<&'a str>,
    hs: Option<&'a str>,
    hs_version: Option<&'a str>,
    description: Option<&'a str>,
    country_of_origin: Option<&'a str>,
    country_of_consignment: Option<&'a str>,
    destination: Option<&'a str>,
    place_of_receipt: Option<&'a str>,
    port_of_lading: Option<&'a str>,
    port_of_unlading: Option<&'a str>,
    net_mass_kg: Option<f64>,
    gross_mass_kg: Option<f64>,
    #[serde(borrow)]
    customs_value: Option<BareMoney<'a>>,
    #[serde(borrow, default)]
    containers: Vec<BareContainer<'a>>,
    #[serde(borrow, default)]
    parties: Vec<BareParty<'a>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "as above")]
struct BareMoney<'a> {
    amount: &'a str,
    currency: &'a str,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "as above")]
struct BareContainer<'a> {
    number: Option<&'a str>,
    seal: Option<&'a str>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "as above")]
struct BareParty<'a> {
    role: &'a str,
    name: Option<&'a str>,
    country: Option<&'a str>,
}

/// `serde_json` into a borrowed struct, message by message.
pub(crate) fn bare_json(raw: &[Message]) {
    for message in raw {
        let record: BareRecord<'_> = serde_json::from_slice(bytes(message)).expect("the simulator writes canonical JSON");
        divan::black_box(record);
    }
}

fn bytes(message: &Message) -> &[u8] {
    message.value.as_deref().unwrap_or_default()
}

/// Measures the loops over JSON. Gives the bare loop's time.
pub(crate) fn json(raw: &[Message], movements: &[Message], table: &mut Table) -> Duration {
    let records = raw.len();
    let stage = world::ingest("sim", Decoder::canonical(false));
    let mut ingest = || raw.iter().for_each(|message| drop(divan::black_box(stage.apply(message))));
    let (ours, mut best) = in_turns(5, &mut ingest, &mut || bare_json(raw));
    table.ratio("decode + ingest canonical JSON / bare JSON", (ours, records), (best, records), Target::AtLeast(0.5));

    let mut remembered = (Duration::MAX, Duration::MAX);
    let mut count = 0;
    for _ in 0..3 {
        let decoded: Vec<Movement> = movements.iter().filter_map(context).collect();
        count = decoded.len();
        remembered.0 = remembered.0.min(worked(|| remember(decoded)).0);
        remembered.1 = remembered.1.min(worked(|| remember(movements.iter().filter_map(context))).0);
        best = best.min(worked(|| bare_json(raw)).0);
    }
    let bare = (best, records);
    table.ratio("remember a context movement / bare JSON", (remembered.0, count), bare, Target::AtLeast(1.0));
    table.ratio("read + remember it from bytes / bare JSON", (remembered.1, count), bare, Target::None);

    // What an earlier state held is given back before the clock starts again.
    let (ours, outputs) = worked(|| {
        let mut stage = world::assess();
        movements.iter().map(|message| divan::black_box(stage.apply(message)).outputs.len()).sum::<usize>()
    });
    table.ratio("assess with encoding / bare JSON, per record", (ours, records), bare, Target::AtLeast(0.3));
    table.add("outputs a record", outputs as f64 / records as f64, Target::None, "");
    best
}

fn context(message: &Message) -> Option<Movement> {
    match read(bytes(message)) {
        Ok(OnMovements::Movement(movement)) => Some(Movement { standing: Standing::Context, ..*movement }),
        _ => None,
    }
}

fn remember(movements: impl IntoIterator<Item = Movement>) -> Vec<FamilyLedger> {
    let mut ledgers = std::collections::BTreeMap::new();
    for movement in movements {
        let family = movement.family;
        ledgers.entry(family).or_insert_with(|| FamilyLedger::new(family)).remember(&movement);
    }
    ledgers.into_values().collect()
}

/// The header of the Korean declarations.
const HEADER: &str = "Declaration ID,Date,Office ID,Process Type,Import Type,Import Use,Payment Type,Mode of Transport,Declarant ID,\
Importer ID,Seller ID,Courier ID,HS6 Code,Country of Departure,Country of Origin,Tax Rate,Tax Type,Country of Origin Indicator,\
Net Mass,Item Price,Fraud,Critical Fraud";

/// Measures CSV through the mapping of the Korean declarations, on rows of its layout with invented values.
pub(crate) fn csv(records: usize, table: &mut Table) {
    let Some((_, text)) = built_in_mappings().iter().find(|(name, _)| *name == "korea-declarations") else { return };
    let Ok(mapping) = Mapping::parse(text) else { return };
    let topic = world::RAW.into();
    let row = |index: usize| {
        let (day, hs) = (index % 28 + 1, ["282580", "811010", "440890", "690722", "847130"].get(index % 5).unwrap_or(&"847130"));
        let (origin, departure) =
            (["TH", "VN", "DE", "US"].get(index % 4).unwrap_or(&"TH"), ["TH", "CN"].get(index % 2).unwrap_or(&"CN"));
        format!(
            "{HEADER}\n{index},2020-{:02}-{day:02},30,B,11,21,11,10,ZZR1LT6,QLRUBN9,0VKY2BR,,{hs},{departure},{origin},8.0,A,Y,{}.5,{}.4,0,0\n",
            index / 28 % 12 + 1,
            index % 9000 + 1,
            index % 77_000 + 1
        )
    };
    let raw: Vec<Message> = (0..records).map(|index| world::message(&topic, index, row(index).into_bytes())).collect();
    let stage = world::ingest("korea", Decoder::mapped(mapping, false));
    let refused = raw.iter().take(1000).filter(|message| stage.apply(message).dead_letter.is_some()).count();
    assert_eq!(refused, 0, "the bench's rows keep the rules of their mapping");
    let whole: Vec<u8> = raw.iter().flat_map(bytes).copied().collect();
    let mut ingest = || raw.iter().for_each(|message| drop(divan::black_box(stage.apply(message))));
    let (ours, bare) = in_turns(3, &mut ingest, &mut || bare_csv_file(&whole));
    let ours = (ours, records);
    table.ratio("decode + ingest CSV through a mapping / bare CSV", ours, (bare, records), Target::AtLeast(0.3));
    let (each, ()) = worked(|| bare_csv(&raw));
    table.ratio("the same / bare CSV with a reader for each message", ours, (each, records), Target::None);
}

/// `csv` byte records, message by message: a header and a row each, as they stand on a raw topic.
fn bare_csv(raw: &[Message]) {
    let mut record = csv::ByteRecord::new();
    for message in raw {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes(message));
        while reader.read_byte_record(&mut record).is_ok_and(|more| more) {
            divan::black_box(&record);
        }
    }
}

/// The same bytes end to end through one reader.
fn bare_csv_file(bytes: &[u8]) {
    let mut record = csv::ByteRecord::new();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
    while reader.read_byte_record(&mut record).is_ok_and(|more| more) {
        divan::black_box(&record);
    }
}
