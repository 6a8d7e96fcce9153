//! A claim → canonical JSON (contract 3), keys in the contract's order, absent fields left out. What decodes it stands in `decode`.

use super::ROLES;
use super::writer::Json;
use crate::domain::{
    BillOfLading, Claim, Container, Country, HsVersion, Money, Party, Port, Quantity, Record, Shipment, Status, Timestamp,
    TradeFlow,
};

/// Bytes that most records have at most.
const ROOM: usize = 1024;

/// The canonical JSON of a claim, one line without its line end. Quality is not part of it: decoding finds it again.
pub fn canonical_record(claim: &Claim) -> Vec<u8> {
    json(claim, Some(claim.known_from))
}

/// The same without `known_from`, which is no part of a record's content: equal bytes are a duplicate.
pub fn canonical_content(claim: &Claim) -> Vec<u8> {
    json(claim, None)
}

fn json(claim: &Claim, known_from: Option<Timestamp>) -> Vec<u8> {
    let mut json = Json::with_capacity(ROOM);
    json.raw(b"{");
    match &claim.record {
        Record::Shipment(shipment) => {
            head(&mut json, &claim.id, known_from, shipment);
            places(&mut json, shipment);
            if let Some(mass) = shipment.net_mass {
                json.key("net_mass_kg").kilograms(mass);
            }
            if let Some(mass) = shipment.gross_mass {
                json.key("gross_mass_kg").kilograms(mass);
            }
            amounts(&mut json, shipment.quantity, shipment.customs_value);
            json.optional("valuation", shipment.valuation.map(|valuation| valuation.word()));
            document(&mut json, shipment);
        }
        Record::TradeFlow(flow) => trade_flow(&mut json, known_from, flow),
    }
    json.raw(b"}");
    json.into_bytes()
}

fn version(json: &mut Json, version: HsVersion) {
    json.key("hs_version").raw(b"\"").whole(u64::try_from(version.year()).unwrap_or_default(), 4).raw(b"\"");
}

fn head(json: &mut Json, id: &str, known_from: Option<Timestamp>, shipment: &Shipment) {
    json.member("kind", "shipment").member("id", id).key("revision").whole(u64::from(shipment.revision), 1);
    json.member("status", if shipment.status == Status::Cancelled { "cancelled" } else { "active" });
    json.key("event_date").date(shipment.event_date);
    if let Some(known_from) = known_from {
        json.key("known_from").instant(known_from);
    }
    json.member("flow", shipment.flow.word());
    json.optional("reporter", shipment.reporter.as_ref().map(Country::code));
    json.member("hs", shipment.hs.digits());
    version(json, shipment.hs_version);
    json.optional("description", shipment.description.as_deref()).optional("marks", shipment.marks.as_deref());
}

fn places(json: &mut Json, shipment: &Shipment) {
    json.optional("country_of_origin", shipment.country_of_origin.as_ref().map(Country::code));
    json.optional("country_of_consignment", shipment.country_of_consignment.as_ref().map(Country::code));
    json.member("destination", shipment.destination.code());
    json.optional("place_of_receipt", shipment.place_of_receipt.as_ref().map(Port::code));
    json.optional("port_of_lading", shipment.port_of_lading.as_ref().map(Port::code));
    json.optional("country_of_lading", shipment.country_of_lading.as_ref().map(Country::code));
    list(json, "transit_ports", &shipment.transit_ports, |json, port| {
        json.text(port.code());
    });
    json.optional("port_of_unlading", shipment.port_of_unlading.as_ref().map(Port::code));
}

fn amounts(json: &mut Json, quantity: Option<Quantity>, value: Option<Money>) {
    if let Some(Quantity { value, unit }) = quantity {
        json.key("quantity").raw(b"{").key("value").decimal(value).member("unit", unit.code()).raw(b"}");
    }
    if let Some(Money { amount, currency }) = value {
        json.key("customs_value").raw(b"{").key("amount").raw(b"\"").decimal(amount).raw(b"\"");
        json.member("currency", currency.code()).raw(b"}");
    }
}

fn document(json: &mut Json, shipment: &Shipment) {
    if let Some(BillOfLading { master, house }) = &shipment.bill_of_lading {
        json.key("bill_of_lading").raw(b"{").optional("master", master.as_deref()).optional("house", house.as_deref()).raw(b"}");
    }
    list(json, "containers", &shipment.containers, container);
    list(json, "parties", &shipment.parties, party);
}

/// A member that is an array, unless it is empty.
fn list<T>(json: &mut Json, key: &str, items: &[T], write: impl Fn(&mut Json, &T)) {
    if items.is_empty() {
        return;
    }
    json.key(key).raw(b"[");
    items.iter().for_each(|item| write(json.comma(), item));
    json.raw(b"]");
}

fn container(json: &mut Json, container: &Container) {
    json.raw(b"{").member("number", container.number.as_str()).optional("seal", container.seal.as_deref());
    if let Some(packages) = container.packages {
        json.key("packages").whole(u64::from(packages), 1);
    }
    if let Some(empty) = container.empty {
        json.key("empty").raw(if empty { "true" } else { "false" }.as_bytes());
    }
    json.raw(b"}");
}

fn party(json: &mut Json, party: &Party) {
    let role = ROLES.iter().find(|(_, role)| *role == party.role).map_or("shipper", |(word, _)| *word);
    json.raw(b"{").member("role", role).optional("name", party.name.as_deref());
    json.optional("identifier", party.identifier.as_deref());
    json.optional("country", party.country.as_ref().map(Country::code)).raw(b"}");
}

fn trade_flow(json: &mut Json, known_from: Option<Timestamp>, flow: &TradeFlow) {
    json.member("kind", "trade_flow").member("reporter", flow.reporter.code()).member("partner", flow.partner.code());
    json.optional("consignment_partner", flow.consignment_partner.as_ref().map(Country::code));
    json.member("flow", flow.flow.word()).member("period", &flow.period.to_string()).member("hs", flow.hs.digits());
    version(json, flow.hs_version);
    if let Some(mass) = flow.net_mass {
        json.key("net_mass_kg").kilograms(mass);
    }
    amounts(json, flow.quantity, flow.customs_value);
    json.optional("valuation", flow.valuation.map(|valuation| valuation.word()));
    if let Some(known_from) = known_from {
        json.key("known_from").instant(known_from);
    }
}
