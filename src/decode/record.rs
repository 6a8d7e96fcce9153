//! A claim → canonical JSON (contract 3), keys in the contract's order, absent fields left out. What decodes it stands in `decode`.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::ROLES;
use crate::domain::{Claim, Container, Grams, Money, Party, Quantity, Record, Shipment, Status, TradeFlow};

/// The canonical JSON of a claim, one line without its line end. Quality is not part of it: decoding finds it again.
pub fn canonical_record(claim: &Claim) -> Vec<u8> {
    json(claim, Some(&claim.known_from.to_string()))
}

/// The same without `known_from`, which is no part of a record's content: equal bytes are a duplicate.
pub fn canonical_content(claim: &Claim) -> Vec<u8> {
    json(claim, None)
}

fn json(claim: &Claim, known_from: Option<&str>) -> Vec<u8> {
    let json = match &claim.record {
        Record::Shipment(shipment) => serde_json::to_vec(&wire_shipment(&claim.id, known_from, shipment)),
        Record::TradeFlow(flow) => serde_json::to_vec(&wire_flow(known_from, flow)),
    };
    json.expect("text, numbers and lists always make JSON")
}

/// A value printed as its own text.
struct Shown<T>(T);

impl<T: std::fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A number printed exactly, never through a float.
fn number(value: impl std::fmt::Display) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).expect("a decimal prints as a JSON number")
}

fn mass(grams: Option<Grams>) -> Option<Box<RawValue>> {
    grams.map(|grams| number(grams.kilograms()))
}

#[derive(Serialize)]
struct WireShipment<'a> {
    kind: &'static str,
    id: &'a str,
    revision: u32,
    status: &'static str,
    event_date: Shown<crate::domain::Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    known_from: Option<&'a str>,
    flow: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reporter: Option<&'a str>,
    hs: &'a str,
    hs_version: Shown<crate::domain::HsVersion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    marks: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country_of_origin: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country_of_consignment: Option<&'a str>,
    destination: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    place_of_receipt: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port_of_lading: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country_of_lading: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transit_ports: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port_of_unlading: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    net_mass_kg: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gross_mass_kg: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<WireQuantity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customs_value: Option<WireMoney>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valuation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bill_of_lading: Option<WireBill<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    containers: Vec<WireContainer<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parties: Vec<WireParty<'a>>,
}

#[derive(Serialize)]
struct WireFlow<'a> {
    kind: &'static str,
    reporter: &'a str,
    partner: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    consignment_partner: Option<&'a str>,
    flow: &'static str,
    period: Shown<crate::domain::Period>,
    hs: &'a str,
    hs_version: Shown<crate::domain::HsVersion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    net_mass_kg: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<WireQuantity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customs_value: Option<WireMoney>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valuation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    known_from: Option<&'a str>,
}

#[derive(Serialize)]
struct WireQuantity {
    value: Box<RawValue>,
    unit: String,
}

#[derive(Serialize)]
struct WireMoney {
    amount: String,
    currency: String,
}

#[derive(Serialize)]
struct WireBill<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    master: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    house: Option<&'a str>,
}

#[derive(Serialize)]
struct WireContainer<'a> {
    number: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    packages: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    empty: Option<bool>,
}

#[derive(Serialize)]
struct WireParty<'a> {
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identifier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
}

fn wire_shipment<'a>(id: &'a str, known_from: Option<&'a str>, shipment: &'a Shipment) -> WireShipment<'a> {
    let bill = shipment.bill_of_lading.as_ref();
    WireShipment {
        kind: "shipment",
        id,
        revision: shipment.revision,
        status: if shipment.status == Status::Cancelled { "cancelled" } else { "active" },
        event_date: Shown(shipment.event_date),
        known_from,
        flow: shipment.flow.word(),
        reporter: shipment.reporter.as_ref().map(|country| country.code()),
        hs: shipment.hs.digits(),
        hs_version: Shown(shipment.hs_version),
        description: shipment.description.as_deref(),
        marks: shipment.marks.as_deref(),
        country_of_origin: shipment.country_of_origin.as_ref().map(|country| country.code()),
        country_of_consignment: shipment.country_of_consignment.as_ref().map(|country| country.code()),
        destination: shipment.destination.code(),
        place_of_receipt: shipment.place_of_receipt.as_ref().map(|port| port.code()),
        port_of_lading: shipment.port_of_lading.as_ref().map(|port| port.code()),
        country_of_lading: shipment.country_of_lading.as_ref().map(|country| country.code()),
        transit_ports: shipment.transit_ports.iter().map(|port| port.code()).collect(),
        port_of_unlading: shipment.port_of_unlading.as_ref().map(|port| port.code()),
        net_mass_kg: mass(shipment.net_mass),
        gross_mass_kg: mass(shipment.gross_mass),
        quantity: shipment.quantity.map(wire_quantity),
        customs_value: shipment.customs_value.map(wire_money),
        valuation: shipment.valuation.map(|valuation| valuation.word()),
        bill_of_lading: bill.map(|bill| WireBill { master: bill.master.as_deref(), house: bill.house.as_deref() }),
        containers: shipment.containers.iter().map(wire_container).collect(),
        parties: shipment.parties.iter().map(wire_party).collect(),
    }
}

fn wire_flow<'a>(known_from: Option<&'a str>, flow: &'a TradeFlow) -> WireFlow<'a> {
    WireFlow {
        kind: "trade_flow",
        reporter: flow.reporter.code(),
        partner: flow.partner.code(),
        consignment_partner: flow.consignment_partner.as_ref().map(|country| country.code()),
        flow: flow.flow.word(),
        period: Shown(flow.period),
        hs: flow.hs.digits(),
        hs_version: Shown(flow.hs_version),
        net_mass_kg: mass(flow.net_mass),
        quantity: flow.quantity.map(wire_quantity),
        customs_value: flow.customs_value.map(wire_money),
        valuation: flow.valuation.map(|valuation| valuation.word()),
        known_from,
    }
}

fn wire_quantity(quantity: Quantity) -> WireQuantity {
    WireQuantity { value: number(quantity.value), unit: quantity.unit.code().to_owned() }
}

fn wire_money(money: Money) -> WireMoney {
    WireMoney { amount: money.amount.to_string(), currency: money.currency.code().to_owned() }
}

fn wire_container(container: &Container) -> WireContainer<'_> {
    WireContainer {
        number: container.number.as_str().into(),
        seal: container.seal.as_deref(),
        packages: container.packages,
        empty: container.empty,
    }
}

fn wire_party(party: &Party) -> WireParty<'_> {
    let role = ROLES.iter().find(|(_, role)| *role == party.role).map_or("shipper", |(word, _)| *word);
    WireParty {
        role,
        name: party.name.as_deref(),
        identifier: party.identifier.as_deref(),
        country: party.country.as_ref().map(|country| country.code()),
    }
}
