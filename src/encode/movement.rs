//! Movements → bytes: what stands on `movements`, internal to the service. What the fold reads stands first, so that reading stops
//! there; the record stands whole behind it, so that a later fold may read more.

use crate::decode::writer::Json;
use crate::domain::{
    Claim, Country, Date, FamilyId, FeedName, FlowKind, Grams, HsSubheading, Port, Position, QualitySet, Record, Shipment,
    Standing, Status, TradeFlow,
};

/// What ingest found out about a claim, beside the claim itself.
#[derive(Clone, Debug)]
pub struct Normalised<'a> {
    /// The claim.
    pub claim: &'a Claim,
    /// The feed it came from.
    pub feed: &'a FeedName,
    /// The raw message.
    pub source: &'a Position,
    /// The subheading of HS 2022.
    pub hs6: HsSubheading,
    /// Mass for the books.
    pub mass: Option<Grams>,
    /// US cents.
    pub value_cents: Option<u64>,
    /// What is wrong with it.
    pub quality: QualitySet,
}

/// The bytes of a claim as each of these families sees it.
///
/// `{"shipment":[[FAMILY,STANDING,…],[…]],"kind":"shipment","known_from":"…","record":{…}}`, or the same with `trade_flow`. The two
/// lists are read by `decode::movement`, place by place.
pub fn movements<P: Iterator<Item = (FamilyId, Standing)>>(
    normalised: &Normalised<'_>,
    places: P,
) -> impl Iterator<Item = (FamilyId, Vec<u8>)> + use<P> {
    let (opening, kind) = match &normalised.claim.record {
        Record::Shipment(_) => (br#"{"shipment":[[""#.as_slice(), br#","kind":"shipment","known_from":"#.as_slice()),
        Record::TradeFlow(_) => (br#"{"trade_flow":[[""#.as_slice(), br#","kind":"trade_flow","known_from":"#.as_slice()),
    };
    // The record first: its hash is one of the facts, which stand before it in the message.
    let mut json = Json::with_capacity(ROOM);
    crate::decode::write_content(&mut json, normalised.claim);
    let (length, content) = (json.as_bytes().len(), xxhash_rust::xxh3::xxh3_64(json.as_bytes()));
    facts(&mut json, normalised, content);
    json.raw(kind).instant(normalised.claim.known_from).raw(br#","record":"#);
    let bytes = json.into_bytes();
    let write = move |(family, standing): (FamilyId, Standing)| {
        let (record, facts) = bytes.split_at_checked(length).unwrap_or_default();
        let mut whole = Vec::with_capacity(bytes.len() + 48);
        let parts = [opening, family.letters(), br#"",""#, standing.word().as_bytes(), br#"","#, facts, record, b"}"];
        parts.iter().for_each(|part| whole.extend_from_slice(part));
        (family, whole)
    };
    places.map(write)
}

/// Bytes that a record and its facts have at most in most cases.
const ROOM: usize = 1000;

/// What the fold reads, behind family and standing.
fn facts(json: &mut Json, normalised: &Normalised<'_>, content: u64) {
    let (claim, source) = (normalised.claim, normalised.source);
    json.quoted(normalised.feed.as_str().as_bytes());
    json.raw(b",").signed(claim.known_from.as_second()).raw(b",").signed(i64::from(claim.known_from.subsec_nanosecond()));
    json.raw(b",").quoted(&hexadecimal(content)).raw(b",").text(&source.topic);
    json.raw(b",").signed(i64::from(source.partition)).raw(b",").signed(source.offset);
    json.raw(b",").whole(u64::from(normalised.hs6.number()), 1);
    number(json, normalised.mass.map(|mass| mass.0));
    number(json, normalised.value_cents);
    json.raw(b",[");
    normalised.quality.iter().for_each(|reason| {
        json.comma().quoted(reason.code().as_bytes());
    });
    json.raw(if claim.complete { b"],true],[".as_slice() } else { b"],false],[" });
    match &claim.record {
        Record::Shipment(shipment) => shipment_facts(json, &claim.id, shipment),
        Record::TradeFlow(flow) => flow_facts(json, flow),
    }
    json.raw(b"]]");
}

fn shipment_facts(json: &mut Json, id: &str, shipment: &Shipment) {
    let lading = shipment.port_of_lading.map(Port::country).or(shipment.country_of_lading);
    json.text(id).raw(b",").whole(u64::from(shipment.revision), 1);
    json.raw(if shipment.status == Status::Cancelled { b",true,".as_slice() } else { b",false," }).date(shipment.event_date);
    for country in [shipment.country_of_origin, shipment.country_of_consignment, lading, Some(shipment.destination)] {
        letters(json, country.as_ref().map(Country::letters));
    }
    for port in [shipment.place_of_receipt, shipment.port_of_lading] {
        letters(json, port.as_ref().map(Port::letters));
    }
    json.raw(b",[");
    shipment.transit_ports.iter().for_each(|port| {
        json.comma().quoted(port.letters());
    });
    json.raw(b"]");
    // Most feeds tell general imports, and what older versions wrote says no more.
    if shipment.flow != FlowKind::Import {
        json.raw(b",").quoted(shipment.flow.word().as_bytes());
    }
}

fn flow_facts(json: &mut Json, flow: &TradeFlow) {
    json.quoted(flow.reporter.letters()).raw(b",").quoted(flow.partner.letters());
    json.raw(b",").quoted(flow.flow.word().as_bytes()).raw(b",");
    flow.period.with_text(|period| {
        json.quoted(period.as_bytes());
    });
    json.raw(b",").quoted(flow.hs.letters());
}

fn hexadecimal(number: u64) -> [u8; 16] {
    let mut digits = [0; 16];
    for (place, digit) in digits.iter_mut().rev().enumerate() {
        let value = (number >> (4 * place)) as u8 & 15;
        *digit = if value < 10 { b'0' + value } else { b'a' - 10 + value };
    }
    digits
}

fn number(json: &mut Json, number: Option<u64>) {
    match number {
        Some(number) => json.raw(b",").whole(number, 1),
        None => json.raw(b",null"),
    };
}

fn letters(json: &mut Json, letters: Option<&[u8]>) {
    match letters {
        Some(letters) => json.raw(b",").quoted(letters),
        None => json.raw(b",null"),
    };
}

/// The bytes of a tick: a day has come.
pub fn tick(date: Date) -> Vec<u8> {
    format!("{{\"kind\":\"tick\",\"date\":\"{date}\"}}").into_bytes()
}

/// The key under which ticks stand; it names no family.
pub const TICK_KEY: &[u8] = b"tick";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::movement::{OnMovements, read};
    use crate::decode::{Decoded, Decoder, Row, Surroundings};
    use crate::domain::{Degrade, Message, Movement};
    use crate::reference::Reference;

    const SHIPMENT: &str = r#"{"kind":"shipment","id":"a \"b\" \\ ö","revision":2,"status":"cancelled","event_date":"2025-03-01","known_from":"2025-03-04T05:06:07.89Z","hs":"2825800000","country_of_origin":"TH","destination":"US","port_of_lading":"CNNGB","transit_ports":["SGSIN","KRPUS"],"net_mass_kg":20000}"#;
    const FLOW: &str = r#"{"kind":"trade_flow","reporter":"US","partner":"TH","flow":"import","period":"2025-Q1","hs":"282580","net_mass_kg":1,"known_from":"2025-05-01T00:00:00Z"}"#;

    /// Written and read again, in both families, the JSON being whole.
    fn written(record: &str) -> Vec<Movement> {
        let source = Position { topic: "a/b \"c\".csv".into(), partition: 3, offset: -1 };
        let (position, value) = (source.clone(), Some(record.as_bytes().to_vec()));
        let message = Message { position, timestamp: None, key: None, value, headers: Vec::new() };
        let around = Surroundings { reference: Reference::built_in(), default_lag_days: 45, file_name: None };
        let Decoded::Rows(rows) = Decoder::canonical(false).decode(&message, &around) else { panic!("no rows") };
        let [Row::Claim(claim)] = rows.as_slice() else { panic!("no claim") };
        let (feed, quality) = ("some-feed".parse().unwrap(), [Degrade::NoMass, Degrade::HsSplit].into_iter().collect());
        let (mass, hs6) = (Some(Grams(20_000_000)), "282580".parse().unwrap());
        let normalised = Normalised { claim, feed: &feed, source: &source, hs6, mass, value_cents: None, quality };
        let places = [("SB", Standing::Home), ("H2825", Standing::Context)].map(|(of, standing)| (of.parse().unwrap(), standing));
        let families = movements(&normalised, places.into_iter());
        let read_again = |(family, bytes): (FamilyId, Vec<u8>)| {
            let whole: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(whole["known_from"], claim.known_from.to_string());
            assert_eq!(whole["record"]["hs"], serde_json::from_str::<serde_json::Value>(record).unwrap()["hs"]);
            let Ok(OnMovements::Movement(movement)) = read(&bytes) else { panic!("{whole}") };
            assert_eq!((movement.family, &movement.source, movement.quality), (family, &source, quality));
            assert_eq!((movement.known_from, movement.mass, movement.value_cents), (claim.known_from, mass, None));
            assert!(read(&bytes[..bytes.len() - 3]).is_err());
            *movement
        };
        families.map(read_again).collect()
    }

    #[test]
    fn a_movement_is_read_as_it_was_written() {
        for record in [SHIPMENT, FLOW] {
            let [home, context] = written(record).try_into().unwrap();
            assert_eq!((home.standing, context.standing), (Standing::Home, Standing::Context));
            assert_eq!((home.content, &home.body), (context.content, &context.body));
        }
    }

    #[test]
    fn facts_stand_in_their_places() {
        let shown = format!("{:?}", written(SHIPMENT)[0].body);
        for fact in ["some-feed:a \\\"b\\\" \\\\ ö", "revision: 2", "Cancelled", "2025-03-01", "Some(CNNGB)", "[SGSIN, KRPUS]"] {
            assert!(shown.contains(fact), "{fact} in {shown}");
        }
        assert!(
            shown.contains(
                "country_of_origin: Some(TH), country_of_consignment: None, country_of_lading: Some(CN), destination: US"
            )
        );
        assert!(format!("{:?}", written(FLOW)[0].body).contains("reporter: US, partner: TH, flow: Import"));
        for (told, flow) in [("", "Import"), (r#","flow":"import""#, "Import"), (r#","flow":"re_export""#, "ReExport")] {
            let told = SHIPMENT.replace(r#","hs""#, &format!(r#"{told},"hs""#));
            assert!(format!("{:?}", written(&told)[0].body).contains(&format!("flow: {flow},")), "{told}");
        }
    }
}
