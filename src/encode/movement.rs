//! Movements → bytes: what stands on `movements`, internal to the service. The record stands whole inside, so that a later fold may read more.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::domain::{Claim, Country, Date, FamilyId, FeedName, Grams, HsSubheading, Position, QualitySet, Record, Standing};

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

#[derive(Serialize)]
struct MovementWire<'a> {
    kind: &'static str,
    family: &'a str,
    standing: &'static str,
    feed: &'a str,
    known_from: String,
    content: String,
    source: &'a str,
    hs6: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mass_g: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_cents: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lading: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    quality: Vec<&'static str>,
    complete: bool,
    record: &'a RawValue,
}

/// The bytes of a claim as each of the families sees it: home first, then context.
pub fn movements(normalised: &Normalised<'_>, home: FamilyId, context: &[FamilyId]) -> Vec<(FamilyId, Vec<u8>)> {
    let claim = normalised.claim;
    let record = crate::decode::canonical_content(claim);
    let content = xxhash_rust::xxh3::xxh3_64(&record);
    let record: Box<RawValue> = serde_json::from_slice(&record).expect("the canonical encoder writes JSON");
    let (kind, lading) = match &claim.record {
        Record::Shipment(shipment) => {
            let lading = shipment.port_of_lading.map(|port| port.country()).or(shipment.country_of_lading);
            ("shipment", lading)
        }
        Record::TradeFlow(_) => ("trade_flow", None),
    };
    let source = normalised.source.to_string();
    let wire = |family: FamilyId, standing: Standing| {
        let wire = MovementWire {
            kind,
            family: family.as_str(),
            standing: standing.word(),
            feed: normalised.feed.as_str(),
            known_from: claim.known_from.to_string(),
            content: format!("{content:016x}"),
            source: &source,
            hs6: normalised.hs6.to_string(),
            mass_g: normalised.mass.map(|mass| mass.0),
            value_cents: normalised.value_cents,
            lading: lading.as_ref().map(Country::code),
            quality: normalised.quality.iter().map(|reason| reason.code()).collect(),
            complete: claim.complete,
            record: &record,
        };
        (family, super::verdict::bytes(&wire))
    };
    let context = context.iter().filter(|family| **family != home).map(|family| wire(*family, Standing::Context));
    std::iter::once(wire(home, Standing::Home)).chain(context).collect()
}

/// The bytes of a tick: a day has come.
pub fn tick(date: Date) -> Vec<u8> {
    format!("{{\"kind\":\"tick\",\"date\":\"{date}\"}}").into_bytes()
}

/// The key under which ticks stand; it names no family.
pub const TICK_KEY: &[u8] = b"tick";
