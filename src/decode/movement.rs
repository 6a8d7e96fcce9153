//! Bytes of `movements` → movements. Written by `encode::movement`; anything else there is a broken log, and said to be so. Reads the
//! facts, which stand first, and never the record behind them.

use std::str::FromStr;

use serde::Deserialize;

use super::scan::{Scan, Scanned};
use super::wire::Text;
use super::{DecodeError, time};
use crate::domain::{
    Date, DeadLetterReason, Degrade, FlowFacts, FlowKind, Grams, HsSubheading, Movement, MovementBody, Position, QualitySet,
    ShipmentFacts, Standing, Status, Timestamp,
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
struct TickRead<'a> {
    kind: Option<&'a str>,
    date: Option<&'a str>,
}

/// Reads what stands on `movements`.
pub fn read(bytes: &[u8]) -> Result<OnMovements, DecodeError> {
    let text = std::str::from_utf8(bytes).map_err(|_| broken("the bytes are no UTF-8"))?;
    if !text.trim_end().ends_with('}') {
        return Err(broken("the message is cut off"));
    }
    if let Some(facts) = text.strip_prefix(r#"{"shipment":[["#) {
        return movement(&mut Scan::new(facts), shipment);
    }
    if let Some(facts) = text.strip_prefix(r#"{"trade_flow":[["#) {
        return movement(&mut Scan::new(facts), flow);
    }
    let tick: TickRead<'_> = serde_json::from_str(text).map_err(|error| broken(&error.to_string()))?;
    match (tick.kind, tick.date) {
        (Some("tick"), Some(date)) => {
            date.parse().map(OnMovements::Tick).map_err(|_| broken(&format!("date {date:?} does not parse")))
        }
        _ => Err(broken("it begins as no shipment, trade_flow or tick")),
    }
}

/// When a record became known, of a movement as `encode::movement` writes it; nothing else of it is read.
pub fn known_from(bytes: &[u8]) -> Option<Timestamp> {
    let mut scan = Scan::new(facts_of(bytes)?);
    for _ in 0..3 {
        scan.item(Scan::plain)?;
    }
    let mut number = || scan.item(Scan::number);
    Timestamp::new(number()?.parse().ok()?, number()?.parse().ok()?).ok()
}

/// The family of such a movement, as it is written.
pub fn family(bytes: &[u8]) -> Option<&str> {
    Scan::new(facts_of(bytes)?).item(Scan::plain)
}

fn facts_of(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.strip_prefix(r#"{"trade_flow":[["#).or_else(|| text.strip_prefix(r#"{"shipment":[["#))
}

/// What reads the second list, which tells the feed's own facts.
type Body = fn(&mut Scan<'_>, &str) -> Result<MovementBody, DecodeError>;

/// Both lists, place by place. What stands behind them is not looked at.
fn movement(scan: &mut Scan<'_>, body: Body) -> Result<OnMovements, DecodeError> {
    let family = text(scan, "family")?;
    let standing = scan.item(Scan::plain).ok_or_else(|| broken_at("standing"))?;
    let feed = scan.item(Scan::plain).ok_or_else(|| broken_at("feed"))?;
    let known_from = Timestamp::new(number(scan, "known_from")?, number(scan, "known_from")?);
    let content = scan.item(Scan::plain).and_then(|hex| u64::from_str_radix(hex, 16).ok());
    let content = content.ok_or_else(|| broken_at("content"))?;
    let topic = scan.item(Scan::string).ok_or_else(|| broken_at("source"))?;
    let source = Position { topic: topic.into(), partition: number(scan, "source")?, offset: number(scan, "source")? };
    let hs6 = HsSubheading::numbered(number(scan, "hs6")?).ok_or_else(|| broken_at("hs6"))?;
    let mass = maybe(scan, number, "mass")?.map(Grams);
    let value_cents = maybe(scan, number, "value")?;
    let reasons = scan.item(Vec::<Text<'_>>::scan).ok_or_else(|| broken_at("quality"))?;
    let quality = reasons.iter().map(|Text(code)| Degrade::from_str(code).map_err(|()| broken_at("quality")));
    let quality = quality.collect::<Result<QualitySet, DecodeError>>()?;
    let complete = scan.item(bool::scan).ok_or_else(|| broken_at("complete"))?;
    let body = scan
        .goes_on(b']')
        .and_then(|_| scan.sign(b'['))
        .ok_or_else(|| broken_at("the second list"))
        .and_then(|()| body(scan, feed))?;
    Ok(OnMovements::Movement(Box::new(Movement {
        family,
        standing: if standing == Standing::Context.word() { Standing::Context } else { Standing::Home },
        feed: feed.parse().map_err(|_| broken_at("feed"))?,
        known_from: known_from.map_err(|_| broken_at("known_from"))?,
        content,
        source,
        hs6,
        mass,
        value_cents,
        quality,
        complete,
        body,
    })))
}

fn shipment(scan: &mut Scan<'_>, feed: &str) -> Result<MovementBody, DecodeError> {
    let own = scan.item(Scan::string).ok_or_else(|| broken_at("id"))?;
    let mut id = String::with_capacity(feed.len() + 1 + own.len());
    [feed, ":", &own].iter().for_each(|part| id.push_str(part));
    Ok(MovementBody::Shipment(ShipmentFacts {
        id,
        revision: number(scan, "revision")?,
        status: match scan.item(bool::scan) {
            Some(true) => Status::Cancelled,
            Some(false) => Status::Active,
            None => return Err(broken_at("status")),
        },
        event_date: scan.item(Scan::plain).and_then(time::iso_date).ok_or_else(|| broken_at("event_date"))?,
        country_of_origin: maybe(scan, text, "country_of_origin")?,
        country_of_consignment: maybe(scan, text, "country_of_consignment")?,
        country_of_lading: maybe(scan, text, "country_of_lading")?,
        destination: text(scan, "destination")?,
        place_of_receipt: maybe(scan, text, "place_of_receipt")?,
        port_of_lading: maybe(scan, text, "port_of_lading")?,
        transit_ports: {
            let ports = Vec::<Text<'_>>::scan(scan).ok_or_else(|| broken_at("transit_ports"))?;
            ports.iter().map(|Text(port)| port.parse().map_err(|_| broken_at("transit_ports"))).collect::<Result<_, _>>()?
        },
        flow: match scan.goes_on(b']') {
            Some(true) => text(scan, "flow")?,
            Some(false) => FlowKind::Import,
            None => return Err(broken_at("transit_ports")),
        },
    }))
}

fn flow(scan: &mut Scan<'_>, _feed: &str) -> Result<MovementBody, DecodeError> {
    Ok(MovementBody::TradeFlow(FlowFacts {
        reporter: text(scan, "reporter")?,
        partner: text(scan, "partner")?,
        flow: text(scan, "flow")?,
        period: text(scan, "period")?,
        hs: text(scan, "hs")?,
    }))
}

fn text<T: FromStr>(scan: &mut Scan<'_>, field: &str) -> Result<T, DecodeError> {
    scan.item(Scan::plain).and_then(|text| text.parse().ok()).ok_or_else(|| broken_at(field))
}

fn number<T: FromStr>(scan: &mut Scan<'_>, field: &str) -> Result<T, DecodeError> {
    scan.item(Scan::number).and_then(|number| number.parse().ok()).ok_or_else(|| broken_at(field))
}

/// What reads one place of a list.
type Read<'a, T> = fn(&mut Scan<'a>, &str) -> Result<T, DecodeError>;

fn maybe<'a, T>(scan: &mut Scan<'a>, read: Read<'a, T>, field: &str) -> Result<Option<T>, DecodeError> {
    if scan.word("null") {
        return scan.goes_on(b']').map(|_| None).ok_or_else(|| broken_at(field));
    }
    read(scan, field).map(Some)
}

fn broken_at(field: &str) -> DecodeError {
    broken(&format!("{field} does not read"))
}

fn broken(what: &str) -> DecodeError {
    DecodeError { reason: DeadLetterReason::Malformed, detail: format!("not written by this service: {what}") }
}
