//! Bytes of `movements` → movements. Written by `encode::movement`; anything else there is a broken log, and said to be so.

use std::borrow::Cow;
use std::str::FromStr;

use serde::Deserialize;

use super::DecodeError;
use crate::domain::{
    Country, Date, DeadLetterReason, Degrade, FeedName, FlowFacts, Grams, Movement, MovementBody, Port, Position, QualitySet,
    ShipmentFacts, Standing, Status,
};

/// What stands at an offset of `movements`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnMovements {
    /// A record as one family sees it.
    Movement(Box<Movement>),
    /// A day has come.
    Tick(Date),
}

#[derive(Deserialize)]
struct MovementRead<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    date: Option<&'a str>,
    family: Option<&'a str>,
    standing: Option<&'a str>,
    feed: Option<&'a str>,
    known_from: Option<&'a str>,
    content: Option<&'a str>,
    #[serde(borrow)]
    source: Option<Cow<'a, str>>,
    hs6: Option<&'a str>,
    mass_g: Option<u64>,
    value_cents: Option<u64>,
    lading: Option<&'a str>,
    #[serde(default)]
    quality: Vec<&'a str>,
    #[serde(default)]
    complete: bool,
    #[serde(borrow)]
    record: Option<RecordRead<'a>>,
}

#[derive(Deserialize)]
struct RecordRead<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    revision: Option<u32>,
    status: Option<&'a str>,
    event_date: Option<&'a str>,
    country_of_origin: Option<&'a str>,
    country_of_consignment: Option<&'a str>,
    destination: Option<&'a str>,
    place_of_receipt: Option<&'a str>,
    port_of_lading: Option<&'a str>,
    #[serde(default)]
    transit_ports: Vec<&'a str>,
    reporter: Option<&'a str>,
    partner: Option<&'a str>,
    flow: Option<&'a str>,
    period: Option<&'a str>,
    hs: Option<&'a str>,
}

/// Reads what stands on `movements`.
pub fn read(bytes: &[u8]) -> Result<OnMovements, DecodeError> {
    let wire: MovementRead<'_> = serde_json::from_slice(bytes).map_err(|error| broken(&error.to_string()))?;
    if wire.kind == "tick" {
        return need(wire.date, "date").map(OnMovements::Tick);
    }
    let record = wire.record.as_ref().ok_or_else(|| broken("record is missing"))?;
    let feed: FeedName = need(wire.feed, "feed")?;
    let body = match wire.kind.as_ref() {
        "shipment" => MovementBody::Shipment(shipment(record, &wire, &feed)?),
        "trade_flow" => MovementBody::TradeFlow(flow(record)?),
        other => return Err(broken(&format!("kind {other:?} is none of shipment, trade_flow, tick"))),
    };
    let reasons = wire.quality.iter().map(|code| Degrade::from_str(code).map_err(|()| broken(&format!("quality {code:?}"))));
    let content = wire.content.and_then(|hex| u64::from_str_radix(hex, 16).ok());
    Ok(OnMovements::Movement(Box::new(Movement {
        family: need(wire.family, "family")?,
        standing: if wire.standing == Some(Standing::Context.word()) { Standing::Context } else { Standing::Home },
        feed,
        known_from: need(wire.known_from, "known_from")?,
        content: content.ok_or_else(|| broken("content is missing"))?,
        source: position(wire.source.as_deref().unwrap_or_default()).ok_or_else(|| broken("source is no position"))?,
        hs6: need(wire.hs6, "hs6")?,
        mass: wire.mass_g.map(Grams),
        value_cents: wire.value_cents,
        quality: reasons.collect::<Result<QualitySet, DecodeError>>()?,
        complete: wire.complete,
        body,
    })))
}

fn shipment(record: &RecordRead<'_>, wire: &MovementRead<'_>, feed: &FeedName) -> Result<ShipmentFacts, DecodeError> {
    let ports = record.transit_ports.iter().map(|port| need::<Port>(Some(port), "transit_ports"));
    Ok(ShipmentFacts {
        id: format!("{feed}:{}", record.id.as_deref().ok_or_else(|| broken("id is missing"))?),
        revision: record.revision.unwrap_or(1),
        status: if record.status == Some("cancelled") { Status::Cancelled } else { Status::Active },
        event_date: need(record.event_date, "event_date")?,
        country_of_origin: may(record.country_of_origin, "country_of_origin")?,
        country_of_consignment: may(record.country_of_consignment, "country_of_consignment")?,
        country_of_lading: may::<Country>(wire.lading, "lading")?,
        destination: need(record.destination, "destination")?,
        place_of_receipt: may(record.place_of_receipt, "place_of_receipt")?,
        port_of_lading: may(record.port_of_lading, "port_of_lading")?,
        transit_ports: ports.collect::<Result<Vec<Port>, DecodeError>>()?,
    })
}

fn flow(record: &RecordRead<'_>) -> Result<FlowFacts, DecodeError> {
    Ok(FlowFacts {
        reporter: need(record.reporter, "reporter")?,
        partner: need(record.partner, "partner")?,
        flow: need(record.flow, "flow")?,
        period: need(record.period, "period")?,
        hs: need(record.hs, "hs")?,
    })
}

fn need<T: FromStr>(text: Option<&str>, field: &str) -> Result<T, DecodeError> {
    let text = text.ok_or_else(|| broken(&format!("{field} is missing")))?;
    text.parse().map_err(|_| broken(&format!("{field} {text:?} does not parse")))
}

fn may<T: FromStr>(text: Option<&str>, field: &str) -> Result<Option<T>, DecodeError> {
    text.map(|text| need(Some(text), field)).transpose()
}

/// `TOPIC/PARTITION/OFFSET`; a topic may hold slashes, where it is the name of a file.
fn position(text: &str) -> Option<Position> {
    let (rest, offset) = text.rsplit_once('/')?;
    let (topic, partition) = rest.rsplit_once('/')?;
    Some(Position { topic: topic.into(), partition: partition.parse().ok()?, offset: offset.parse().ok()? })
}

fn broken(what: &str) -> DecodeError {
    DecodeError { reason: DeadLetterReason::Malformed, detail: format!("not written by this service: {what}") }
}
