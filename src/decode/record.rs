//! A claim → canonical JSON (contract 3), keys in the contract's order, absent fields left out. What decodes it stands in `decode`.

use super::ROLES;
use super::writer::Json;
use crate::domain::{
    BillOfLading, Claim, Container, Country, HsVersion, Money, Party, Port, Quantity, Record, Shipment, Status, Timestamp,
    TradeFlow,
};

/// Bytes that most records have at most.
const ROOM: usize = 960;

/// The canonical JSON of a claim, one line without its line end. Quality is not part of it: decoding finds it again.
pub fn canonical_record(claim: &Claim) -> Vec<u8> {
    let mut json = Json::with_capacity(ROOM);
    write(&mut json, claim, Some(claim.known_from));
    json.into_bytes()
}

/// The same without `known_from`, which is no part of a record's content: equal bytes are a duplicate.
pub(crate) fn write_content(json: &mut Json, claim: &Claim) {
    write(json, claim, None);
}

fn write(json: &mut Json, claim: &Claim, known_from: Option<Timestamp>) {
    match &claim.record {
        Record::Shipment(shipment) => {
            head(json, &claim.id, known_from, shipment);
            places(json, shipment);
            if let Some(mass) = shipment.net_mass {
                json.raw(br#","net_mass_kg":"#).kilograms(mass);
            }
            if let Some(mass) = shipment.gross_mass {
                json.raw(br#","gross_mass_kg":"#).kilograms(mass);
            }
            amounts(json, shipment.quantity, shipment.customs_value);
            word(json, br#","valuation":"#, shipment.valuation.map(|valuation| valuation.word()));
            document(json, shipment);
        }
        Record::TradeFlow(flow) => trade_flow(json, known_from, flow),
    }
    json.raw(b"}");
}

/// A member that is one of our own words, which need no escapes, where there is one.
fn word(json: &mut Json, name: &[u8], word: Option<&str>) {
    if let Some(word) = word {
        json.raw(name).quoted(word.as_bytes());
    }
}

fn country(json: &mut Json, name: &[u8], country: Option<Country>) {
    if let Some(country) = country {
        json.raw(name).quoted(country.letters());
    }
}

fn port(json: &mut Json, name: &[u8], port: Option<Port>) {
    if let Some(port) = port {
        json.raw(name).quoted(port.letters());
    }
}

/// A member in the words of a document, where there is one.
fn text(json: &mut Json, name: &[u8], text: Option<&str>) {
    if let Some(text) = text {
        json.raw(name).text(text);
    }
}

fn goods(json: &mut Json, digits: &[u8], version: HsVersion) {
    json.raw(br#","hs":"#).quoted(digits);
    json.raw(br#","hs_version":""#).whole(u64::from(version.year().unsigned_abs()), 4).raw(b"\"");
}

fn head(json: &mut Json, id: &str, known_from: Option<Timestamp>, shipment: &Shipment) {
    json.raw(br#"{"kind":"shipment","id":"#).text(id).raw(br#","revision":"#).whole(u64::from(shipment.revision), 1);
    json.raw(match shipment.status {
        Status::Cancelled => br#","status":"cancelled","event_date":"#.as_slice(),
        Status::Active => br#","status":"active","event_date":"#,
    });
    json.date(shipment.event_date);
    if let Some(known_from) = known_from {
        json.raw(br#","known_from":"#).instant(known_from);
    }
    json.raw(br#","flow":"#).quoted(shipment.flow.word().as_bytes());
    country(json, br#","reporter":"#, shipment.reporter);
    goods(json, shipment.hs.letters(), shipment.hs_version);
    text(json, br#","description":"#, shipment.description.as_deref());
    text(json, br#","marks":"#, shipment.marks.as_deref());
}

fn places(json: &mut Json, shipment: &Shipment) {
    let Shipment { country_of_origin, country_of_consignment, country_of_lading, port_of_lading, status, .. } = shipment;
    let is_told = country_of_origin.is_some() || country_of_consignment.is_some() || country_of_lading.is_some();
    // A shipment that nobody knows the origin of says so: without a word it would be no shipment.
    let unknown = !is_told && port_of_lading.is_none() && *status == Status::Active;
    country(json, br#","country_of_origin":"#, country_of_origin.or(unknown.then_some(Country::UNKNOWN)));
    country(json, br#","country_of_consignment":"#, shipment.country_of_consignment);
    country(json, br#","destination":"#, Some(shipment.destination));
    port(json, br#","place_of_receipt":"#, shipment.place_of_receipt);
    port(json, br#","port_of_lading":"#, shipment.port_of_lading);
    country(json, br#","country_of_lading":"#, shipment.country_of_lading);
    list(json, br#","transit_ports":["#, &shipment.transit_ports, |json, port| {
        json.quoted(port.letters());
    });
    port(json, br#","port_of_unlading":"#, shipment.port_of_unlading);
}

fn amounts(json: &mut Json, quantity: Option<Quantity>, value: Option<Money>) {
    if let Some(Quantity { value, unit }) = quantity {
        json.raw(br#","quantity":{"value":"#).decimal(value).raw(br#","unit":"#).quoted(unit.code().as_bytes()).raw(b"}");
    }
    if let Some(Money { amount, currency }) = value {
        json.raw(br#","customs_value":{"amount":""#).decimal(amount).raw(br#"","currency":"#);
        json.quoted(currency.letters()).raw(b"}");
    }
}

fn document(json: &mut Json, shipment: &Shipment) {
    if let Some(BillOfLading { master, house }) = &shipment.bill_of_lading {
        json.raw(br#","bill_of_lading":{"#).optional("master", master.as_deref()).optional("house", house.as_deref()).raw(b"}");
    }
    list(json, br#","containers":["#, &shipment.containers, container);
    list(json, br#","parties":["#, &shipment.parties, party);
}

/// A member that is an array, unless it is empty.
fn list<T>(json: &mut Json, opening: &[u8], items: &[T], write: impl Fn(&mut Json, &T)) {
    if items.is_empty() {
        return;
    }
    json.raw(opening);
    items.iter().for_each(|item| write(json.comma(), item));
    json.raw(b"]");
}

fn container(json: &mut Json, container: &Container) {
    json.raw(br#"{"number":"#).quoted(container.number.letters());
    text(json, br#","seal":"#, container.seal.as_deref());
    if let Some(packages) = container.packages {
        json.raw(br#","packages":"#).whole(u64::from(packages), 1);
    }
    if let Some(empty) = container.empty {
        json.raw(if empty { br#","empty":true"#.as_slice() } else { br#","empty":false"# });
    }
    json.raw(b"}");
}

fn party(json: &mut Json, party: &Party) {
    let role = ROLES.iter().find(|(_, role)| *role == party.role).map_or("shipper", |(word, _)| *word);
    json.raw(br#"{"role":"#).quoted(role.as_bytes());
    text(json, br#","name":"#, party.name.as_deref());
    text(json, br#","identifier":"#, party.identifier.as_deref());
    country(json, br#","country":"#, party.country);
    json.raw(b"}");
}

fn trade_flow(json: &mut Json, known_from: Option<Timestamp>, flow: &TradeFlow) {
    json.raw(br#"{"kind":"trade_flow","reporter":"#).quoted(flow.reporter.letters());
    country(json, br#","partner":"#, Some(flow.partner));
    country(json, br#","consignment_partner":"#, flow.consignment_partner);
    json.raw(br#","flow":"#).quoted(flow.flow.word().as_bytes());
    json.raw(br#","period":"#);
    flow.period.with_text(|period| {
        json.quoted(period.as_bytes());
    });
    goods(json, flow.hs.letters(), flow.hs_version);
    if let Some(mass) = flow.net_mass {
        json.raw(br#","net_mass_kg":"#).kilograms(mass);
    }
    amounts(json, flow.quantity, flow.customs_value);
    word(json, br#","valuation":"#, flow.valuation.map(|valuation| valuation.word()));
    if let Some(known_from) = known_from {
        json.raw(br#","known_from":"#).instant(known_from);
    }
}
