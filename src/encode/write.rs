//! Verdicts → bytes by hand, since there is one for every record: the same bytes as `serde_json` makes of the wire structs, which a
//! property test holds. What a corridor's evidence says is written once for all its shipments. Decides nothing.

use std::borrow::Cow;

use super::corridor::{BalanceWire, ShipmentsWire};
use super::verdict::{
    AssessmentWire, BoundWire, CorridorWire, CoverageWire, LimitWire, ProvenanceWire, Records, ShareWire, VerdictWire,
    WouldChangeWire, rounded,
};
use crate::decode::writer::Json;
use crate::signals::{Evidence, Signal};

/// Bytes that most verdicts stay below, so that none is moved as it grows.
const ROOM: usize = 2048;

/// A signal that spoke: an `EvidenceWire` whose words are bytes already.
#[derive(Clone, Debug)]
pub struct Spoken<'a> {
    /// Which.
    pub signal: Signal,
    /// Thousandths of log-odds before damping and caps.
    pub weight: i32,
    /// What is left of it.
    pub counted: i32,
    /// What `words` gave.
    pub words: Cow<'a, [u8]>,
}

/// What evidence says and rests on: the members of an `EvidenceWire` from `statement` on.
pub fn words(evidence: &Evidence, records: &Records) -> Box<[u8]> {
    let mut json = Json::with_capacity(ROOM / 2);
    json.member("statement", &evidence.statement);
    json.key("figures").raw(b"{");
    let mut figures: Vec<_> = evidence.figures.iter().collect();
    figures.sort_by_key(|figure| figure.name);
    for figure in figures {
        json.key(figure.name).number(rounded(figure.value, figure.decimals));
    }
    json.raw(b"}");
    texts(&mut json, "records", records.ids.iter().map(String::as_str));
    json.key("records_total").whole(records.total, 1);
    texts(&mut json, "reference", evidence.reference.iter().map(String::as_str));
    json.member("falsified_by", &evidence.falsified_by);
    json.into_bytes().into()
}

impl AssessmentWire<'_, Spoken<'_>> {
    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut json = Json::with_capacity(ROOM);
        json.raw(b"{").member("kind", self.kind).member("id", self.id);
        json.key("record_revision").whole(self.record_revision.into(), 1).key("revision").whole(self.revision.into(), 1);
        json.member("status", self.status);
        json.key("as_of").date(self.as_of.0).key("event_date").date(self.event_date.0);
        json.member("family", self.family).key("hs6").raw(b"\"").whole(self.hs6.0.number().into(), 6).raw(b"\"");
        json.member("intermediary", self.intermediary).member("destination", self.destination);
        if let Some(corridor) = &self.corridor {
            json.key("corridor").raw(b"{").key("id").corridor(corridor.id.0);
            json.key("revision").whole(corridor.revision.into(), 1).raw(b"}");
        }
        verdict(&mut json, &self.verdict);
        evidence(&mut json, &self.evidence);
        would_change(&mut json, &self.would_change_most);
        if !self.quality.is_empty() {
            texts(&mut json, "quality", self.quality.iter().copied());
        }
        provenance(&mut json, self.provenance);
        json.raw(b"}");
        json.into_bytes()
    }
}

impl CorridorWire<'_, Spoken<'_>> {
    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut json = Json::with_capacity(ROOM);
        json.raw(b"{").member("kind", self.kind).key("id").corridor(self.id.0);
        json.key("revision").whole(self.revision.into(), 1).member("family", self.family);
        json.member("intermediary", self.intermediary).member("destination", self.destination);
        json.key("month").raw(b"\"").month(self.month.0).raw(b"\"").key("as_of").date(self.as_of.0);
        optional(&mut json, "complete_fraction", self.complete_fraction);
        verdict(&mut json, &self.verdict);
        if let Some(of) = &self.balance {
            balance(&mut json, of);
        }
        shipments(&mut json, &self.shipments);
        evidence(&mut json, &self.evidence);
        would_change(&mut json, &self.would_change_most);
        provenance(&mut json, self.provenance);
        json.raw(b"}");
        json.into_bytes()
    }
}

fn verdict(json: &mut Json, verdict: &VerdictWire<'_>) {
    json.key("probability").number(verdict.probability).member("band", verdict.band);
    json.key("score").signed(verdict.score.into()).key("prior").signed(verdict.prior.into());
    if !verdict.prior_reference.is_empty() {
        texts(json, "prior_reference", verdict.prior_reference.iter().copied());
    }
    json.key("limits").raw(b"[");
    verdict.limits.iter().for_each(|one| limit(json, one));
    json.raw(b"]");
    let ShareWire { low, mid, high } = verdict.chinese_share;
    json.key("chinese_share").raw(b"{").key("low").number(low);
    optional(json, "mid", mid);
    json.key("high").number(high).raw(b"}");
    let CoverageWire { record, entity, corridor, time } = verdict.coverage;
    json.key("coverage").raw(b"{").optional("record", record).optional("entity", entity);
    json.optional("corridor", corridor).optional("time", time).raw(b"}");
}

fn limit(json: &mut Json, limit: &LimitWire) {
    json.comma().raw(b"{").member("limit", limit.limit);
    match limit.at_most {
        Some(BoundWire::Probability(at_most)) => json.key("at_most").number(at_most),
        Some(BoundWire::Band(band)) => json.member("at_most", band),
        None => json,
    };
    optional(json, "at_least", limit.at_least);
    json.raw(b"}");
}

fn balance(json: &mut Json, balance: &BalanceWire) {
    json.key("balance").raw(b"{").key("window_months").whole(balance.window_months.into(), 1);
    json.member("account", balance.account).key("exports_t").number(balance.exports_t);
    optional(json, "production_t", balance.production_t);
    optional(json, "secondary_t", balance.secondary_t);
    optional(json, "other_imports_t", balance.other_imports_t);
    optional(json, "opening_stock_t", balance.opening_stock_t);
    optional(json, "chinese_imports_t", balance.chinese_imports_t);
    json.raw(b"}");
}

fn shipments(json: &mut Json, shipments: &ShipmentsWire) {
    let bands = &shipments.by_band;
    json.key("shipments").raw(b"{").key("assessed").whole(shipments.assessed, 1).key("by_band").raw(b"{");
    json.key("none").whole(bands.none, 1).key("watch").whole(bands.watch, 1);
    json.key("review").whole(bands.review, 1).key("priority").whole(bands.priority, 1).raw(b"}}");
}

fn evidence(json: &mut Json, evidence: &[Spoken<'_>]) {
    json.key("evidence").raw(b"[");
    for one in evidence {
        json.comma().raw(b"{").member("signal", one.signal.code()).member("layer", one.signal.layer().word());
        json.key("weight").signed(one.weight.into()).key("counted").signed(one.counted.into());
        json.comma().raw(&one.words).raw(b"}");
    }
    json.raw(b"]");
}

fn would_change(json: &mut Json, changes: &[WouldChangeWire<'_>]) {
    if changes.is_empty() {
        return;
    }
    json.key("would_change_most").raw(b"[");
    for change in changes {
        json.comma().raw(b"{").member("signal", change.signal).member("because", change.because).raw(b"}");
    }
    json.raw(b"]");
}

fn provenance(json: &mut Json, ProvenanceWire { source, fold, model, reference }: ProvenanceWire<'_>) {
    json.key("provenance").raw(b"{").optional("source", source).key("fold").whole(fold.into(), 1);
    json.member("model", model).member("reference", reference).raw(b"}");
}

fn optional(json: &mut Json, key: &str, number: Option<f64>) {
    if let Some(number) = number {
        json.key(key).number(number);
    }
}

fn texts<'a>(json: &mut Json, key: &str, texts: impl Iterator<Item = &'a str>) {
    json.key(key).raw(b"[");
    texts.for_each(|text| {
        json.comma().text(text);
    });
    json.raw(b"]");
}

#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;
