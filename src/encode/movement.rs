//! Movements → bytes: what stands on `movements`, internal to the service. The record stands whole inside, so that a later fold may read more.

use crate::decode::writer::Json;
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

/// The bytes of a claim as each of the families sees it: home first, then context.
pub fn movements(normalised: &Normalised<'_>, home: FamilyId, context: &[FamilyId]) -> Vec<(FamilyId, Vec<u8>)> {
    let kind = match &normalised.claim.record {
        Record::Shipment(_) => "shipment",
        Record::TradeFlow(_) => "trade_flow",
    };
    let common = common(normalised);
    let wire = |family: FamilyId, standing: Standing| {
        let mut json = Json::with_capacity(common.len() + 80);
        json.raw(b"{").member("kind", kind).member("family", family.as_str()).member("standing", standing.word());
        json.comma().raw(&common).raw(b"}");
        (family, json.into_bytes())
    };
    let context = context.iter().filter(|family| **family != home).map(|family| wire(*family, Standing::Context));
    std::iter::once(wire(home, Standing::Home)).chain(context).collect()
}

/// The members that are the same in every family.
fn common(normalised: &Normalised<'_>) -> Vec<u8> {
    let claim = normalised.claim;
    let record = crate::decode::canonical_content(claim);
    let content = xxhash_rust::xxh3::xxh3_64(&record);
    let lading = match &claim.record {
        Record::Shipment(shipment) => shipment.port_of_lading.map(|port| port.country()).or(shipment.country_of_lading),
        Record::TradeFlow(_) => None,
    };
    let mut json = Json::with_capacity(record.len() + 320);
    json.member("feed", normalised.feed.as_str()).key("known_from").instant(claim.known_from);
    json.member("content", &format!("{content:016x}")).member("source", &normalised.source.to_string());
    json.key("hs6").raw(b"\"").whole(u64::from(normalised.hs6.number()), 6).raw(b"\"");
    if let Some(mass) = normalised.mass {
        json.key("mass_g").whole(mass.0, 1);
    }
    if let Some(cents) = normalised.value_cents {
        json.key("value_cents").whole(cents, 1);
    }
    json.optional("lading", lading.as_ref().map(Country::code));
    if !normalised.quality.is_empty() {
        json.key("quality").raw(b"[");
        normalised.quality.iter().for_each(|reason| {
            json.comma().text(reason.code());
        });
        json.raw(b"]");
    }
    json.key("complete").raw(if claim.complete { "true" } else { "false" }.as_bytes());
    json.key("record").raw(&record);
    json.into_bytes()
}

/// The bytes of a tick: a day has come.
pub fn tick(date: Date) -> Vec<u8> {
    format!("{{\"kind\":\"tick\",\"date\":\"{date}\"}}").into_bytes()
}

/// The key under which ticks stand; it names no family.
pub const TICK_KEY: &[u8] = b"tick";
