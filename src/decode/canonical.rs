//! Canonical JSON (contract 3) → claims. One object, or an array of them; a bad one fails alone. No feed's format is known here.

use std::borrow::Cow;
use std::str::FromStr;

use serde_json::value::RawValue;

use super::draft::{Draft, Goods, Kind, Times, error, malformed, missing};
use super::json::{self, NESTING_MAX, nesting};
use super::scan::Scan;
use super::wire::{Number, Text, WireBill, WireContainer, WireMoney, WireParty, WireQuantity, WireRecord};
use super::{DecodeError, Decoded, Row, number, time};
use crate::domain::{
    BillOfLading, Container, Country, DeadLetterReason, Degrade, Grams, InvalidMass, Money, Party, Port, QualitySet, Quantity,
    Role, Unit,
};

/// Records that one message may hold at most.
const ROWS_MAX: usize = 100_000;

/// Every record of a message.
pub(super) fn decode(bytes: &[u8], times: Times<'_>) -> Decoded {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Decoded::Unreadable(error(DeadLetterReason::NotText, not_text(bytes)));
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.trim_start().starts_with('[') {
        return match record(text, times) {
            Ok(row) => Decoded::Rows(vec![row]),
            Err(unreadable) => Decoded::Unreadable(unreadable),
        };
    }
    match serde_json::from_str::<Vec<&RawValue>>(text) {
        Ok(rows) if rows.len() > ROWS_MAX => {
            let detail = format!("{} records in one message; at most {ROWS_MAX} are taken", rows.len());
            Decoded::Unreadable(error(DeadLetterReason::TooLarge, detail))
        }
        Ok(rows) => Decoded::Rows(rows.iter().map(|raw| record(raw.get(), times).unwrap_or_else(Row::Failed)).collect()),
        Err(cause) => Decoded::Unreadable(not_json(text, &cause)),
    }
}

/// Where the bytes stop being UTF-8.
pub(super) fn not_text(bytes: &[u8]) -> String {
    let at = std::str::from_utf8(bytes).err().map_or(0, |error| error.valid_up_to());
    format!("byte {at} is no UTF-8; a feed in another encoding needs a mapping that names it")
}

/// One record; an error where the text is no JSON object at all.
fn record(text: &str, times: Times<'_>) -> Result<Row, DecodeError> {
    if let Some(wire) = Scan::whole(text) {
        return Ok(shallow(text, &wire).and_then(|()| read(wire, times)).unwrap_or_else(Row::Failed));
    }
    match serde_json::from_str::<WireRecord<'_>>(text) {
        Ok(wire) => Ok(shallow(text, &wire).and_then(|()| read(wire, times)).unwrap_or_else(Row::Failed)),
        Err(cause) => match json::members(text) {
            Some(members) => Ok(Row::Failed(match WireRecord::fault(&members) {
                Some(fault) => malformed(fault.field, fault.cause),
                None => not_json(text, &cause),
            })),
            None => Err(not_json(text, &cause)),
        },
    }
}

/// Members that nothing reads are passed over, however deep: where there are any, the whole is measured.
fn shallow(text: &str, wire: &WireRecord<'_>) -> Result<(), DecodeError> {
    let is_deep = has_unknown(wire) && nesting(text) > NESTING_MAX;
    if is_deep { Err(too_deep()) } else { Ok(()) }
}

fn too_deep() -> DecodeError {
    error(DeadLetterReason::TooLarge, format!("nested more than {NESTING_MAX} deep"))
}

fn not_json(text: &str, cause: &serde_json::Error) -> DecodeError {
    if nesting(text) > NESTING_MAX {
        return too_deep();
    }
    error(DeadLetterReason::Malformed, format!("no canonical record: {cause}"))
}

fn read(wire: WireRecord<'_>, times: Times<'_>) -> Result<Row, DecodeError> {
    let kind = match wire.kind.as_ref().map(|kind| kind.0.as_ref()) {
        None => return Err(missing("kind", "shipment or trade_flow")),
        Some("shipment") => Kind::Shipment,
        Some("trade_flow") => Kind::TradeFlow,
        Some(kind @ ("sighting" | "firm_link")) => {
            let detail = format!("kind {kind:?} is reserved for a later release; shipment and trade_flow are taken");
            return Err(error(DeadLetterReason::UnknownSchema, detail));
        }
        Some(kind) => {
            let detail = format!("kind {kind:?} is none that a feed may send (shipment, trade_flow)");
            return Err(error(DeadLetterReason::UnknownSchema, detail));
        }
    };
    let mut draft = Draft { quality: notes(&wire, kind), ..Draft::default() };
    read_head(&wire, kind, &mut draft)?;
    read_places(&wire, &mut draft)?;
    read_amounts(&wire, &mut draft)?;
    if kind == Kind::Shipment {
        read_document(wire, &mut draft)?;
    }
    Ok(draft.finish(kind, times))
}

/// A member that no record has, anywhere in this one.
fn has_unknown(wire: &WireRecord<'_>) -> bool {
    let nested = wire.quantity.as_ref().is_some_and(|q| q.unknown)
        || wire.customs_value.as_ref().is_some_and(|v| v.unknown)
        || wire.bill_of_lading.as_ref().is_some_and(|b| b.unknown)
        || wire.containers.iter().flatten().any(|c| c.unknown)
        || wire.parties.iter().flatten().any(|p| p.unknown);
    wire.unknown || nested
}

/// A member that nothing reads, anywhere in the record.
fn notes(wire: &WireRecord<'_>, kind: Kind) -> QualitySet {
    let foreign = match kind {
        Kind::Shipment => wire.partner.is_some() || wire.consignment_partner.is_some() || wire.period.is_some(),
        Kind::TradeFlow => {
            wire.revision.is_some()
                || wire.event_date.is_some()
                || wire.country_of_origin.is_some()
                || wire.country_of_consignment.is_some()
                || wire.destination.is_some()
                || wire.port_of_lading.is_some()
                || wire.gross_mass_kg.is_some()
        }
    };
    (has_unknown(wire) || foreign).then_some(Degrade::UnknownField).into_iter().collect()
}

fn read_head(wire: &WireRecord<'_>, kind: Kind, draft: &mut Draft) -> Result<(), DecodeError> {
    draft.cancelled = match wire.status.as_ref().map(|status| status.0.as_ref()) {
        None | Some("active") => false,
        Some("cancelled") => true,
        Some(other) => return Err(malformed("status", format_args!("{other:?} is no status (active, cancelled)"))),
    };
    if kind == Kind::Shipment {
        draft.id = match owned(wire.id.as_ref()) {
            Some(id) if id.trim().is_empty() => return Err(malformed("id", format_args!("{id:?} names nothing"))),
            id => id,
        };
    }
    draft.revision = match wire.revision {
        None => None,
        Some(Number(text)) => {
            let revision = text.parse::<u32>().ok().filter(|revision| *revision >= 1);
            Some(revision.ok_or_else(|| malformed("revision", format_args!("{text} is no whole number from 1")))?)
        }
    };
    draft.event_date = match &wire.event_date {
        None => None,
        Some(text) => Some(time::iso_date(&text.0).ok_or_else(|| malformed("event_date", time::no_date(&text.0)))?),
    };
    draft.known_from = match &wire.known_from {
        None => None,
        Some(text) => Some(time::instant(&text.0).ok_or_else(|| malformed("known_from", time::no_instant(&text.0)))?),
    };
    draft.period = parsed("period", wire.period.as_ref())?;
    draft.flow = parsed("flow", wire.flow.as_ref())?;
    draft.hs = match &wire.hs {
        None => Goods::Absent,
        Some(text) => Goods::read(&text.0)?,
    };
    draft.hs_version = match &wire.hs_version {
        None => None,
        Some(text) => {
            let cause =
                || malformed("hs_version", format_args!("{:?} is no edition (1988, 1996, 2002, 2007, 2012, 2017, 2022)", text.0));
            Some(text.0.parse().map_err(|_| cause())?)
        }
    };
    draft.valuation = parsed("valuation", wire.valuation.as_ref())?;
    draft.description = owned(wire.description.as_ref());
    draft.marks = owned(wire.marks.as_ref());
    Ok(())
}

fn read_places(wire: &WireRecord<'_>, draft: &mut Draft) -> Result<(), DecodeError> {
    draft.reporter = country("reporter", wire.reporter.as_ref())?;
    draft.partner = country("partner", wire.partner.as_ref())?;
    draft.consignment_partner = country("consignment_partner", wire.consignment_partner.as_ref())?;
    let origin = country("country_of_origin", wire.country_of_origin.as_ref())?;
    let consignment = country("country_of_consignment", wire.country_of_consignment.as_ref())?;
    draft.origin_unknown = [origin, consignment].into_iter().flatten().any(|country| !country.is_known());
    draft.country_of_origin = origin.filter(|country| country.is_known());
    draft.country_of_consignment = consignment.filter(|country| country.is_known());
    draft.destination = country("destination", wire.destination.as_ref())?;
    draft.country_of_lading = country("country_of_lading", wire.country_of_lading.as_ref())?.filter(|c| c.is_known());
    let quality = &mut draft.quality;
    let mut port = |text: Option<&Text<'_>>| {
        let port = text.map(|text| text.0.parse::<Port>());
        if let Some(Err(_)) = port {
            quality.insert(Degrade::PortUnknown);
        }
        port.and_then(Result::ok)
    };
    draft.place_of_receipt = port(wire.place_of_receipt.as_ref());
    draft.port_of_lading = port(wire.port_of_lading.as_ref());
    draft.port_of_unlading = port(wire.port_of_unlading.as_ref());
    draft.transit_ports = wire.transit_ports.iter().flatten().filter_map(|text| port(Some(text))).collect();
    Ok(())
}

fn read_amounts(wire: &WireRecord<'_>, draft: &mut Draft) -> Result<(), DecodeError> {
    draft.net_mass = mass("net_mass_kg", wire.net_mass_kg)?;
    draft.gross_mass = mass("gross_mass_kg", wire.gross_mass_kg)?;
    draft.quantity = wire.quantity.as_ref().map(quantity).transpose()?;
    // No harm comes of a unit that nobody knows, since none is guessed: the quantity stays, and the record says so.
    if draft.quantity.is_some_and(|quantity| Unit::listed(quantity.unit.code()).is_none()) {
        draft.quality.insert(Degrade::UnitUnknown);
    }
    draft.customs_value = wire.customs_value.as_ref().map(money).transpose()?;
    Ok(())
}

fn read_document(wire: WireRecord<'_>, draft: &mut Draft) -> Result<(), DecodeError> {
    draft.bill_of_lading = wire.bill_of_lading.and_then(bill);
    draft.containers = wire.containers.into_iter().flatten().map(container).collect::<Result<_, _>>()?;
    draft.parties = wire.parties.into_iter().flatten().map(party).collect::<Result<_, _>>()?;
    Ok(())
}

fn owned(text: Option<&Text<'_>>) -> Option<String> {
    text.map(|text| text.0.as_ref().to_owned())
}

fn parsed<T: FromStr>(field: &str, text: Option<&Text<'_>>) -> Result<Option<T>, DecodeError>
where
    T::Err: std::fmt::Display,
{
    text.map(|text| text.0.parse()).transpose().map_err(|cause| malformed(field, cause))
}

fn country(field: &str, text: Option<&Text<'_>>) -> Result<Option<Country>, DecodeError> {
    let unknown = |cause| error(DeadLetterReason::UnknownCountry, format!("{field}: {cause}"));
    text.map(|text| text.0.parse::<Country>()).transpose().map_err(unknown)
}

fn mass(field: &str, number: Option<Number<'_>>) -> Result<Option<Grams>, DecodeError> {
    let Some(Number(text)) = number else { return Ok(None) };
    let grams = number::grams(text).ok_or_else(|| malformed(field, InvalidMass(text.chars().take(60).collect())))?;
    Ok(Some(grams))
}

fn quantity(wire: &WireQuantity<'_>) -> Result<Quantity, DecodeError> {
    let Number(value) = wire.value.ok_or_else(|| missing("quantity.value", "a number"))?;
    let unit = wire.unit.as_ref().ok_or_else(|| missing("quantity.unit", "a unit of Rec 20 such as KGM"))?;
    let number = number::exact(value).filter(|number| !number.is_sign_negative() || number.is_zero());
    let short = || value.chars().take(60).collect::<String>();
    let value = number.ok_or_else(|| malformed("quantity.value", format_args!("{} is no number from 0", short())))?;
    let unit = Unit::new(&unit.0).ok_or_else(|| malformed("quantity.unit", format_args!("{:?} is no unit of Rec 20", unit.0)))?;
    Ok(Quantity { value, unit })
}

fn money(wire: &WireMoney<'_>) -> Result<Money, DecodeError> {
    let amount = wire.amount.as_ref().ok_or_else(|| missing("customs_value.amount", "a decimal string"))?;
    let currency = wire.currency.as_ref().ok_or_else(|| missing("customs_value.currency", "an ISO 4217 code such as USD"))?;
    let number = number::exact(&amount.0).filter(|number| !number.is_sign_negative() || number.is_zero());
    let allowed = || malformed("customs_value.amount", format_args!("{:?} is no decimal from 0 of at most 28 digits", amount.0));
    let currency = currency.0.parse().map_err(|cause| malformed("customs_value.currency", cause))?;
    Ok(Money { amount: number.ok_or_else(allowed)?, currency })
}

fn bill(wire: WireBill<'_>) -> Option<BillOfLading> {
    let bill = BillOfLading { master: wire.master.map(|t| t.0.into_owned()), house: wire.house.map(|t| t.0.into_owned()) };
    (bill != BillOfLading::default()).then_some(bill)
}

fn container(wire: WireContainer<'_>) -> Result<Container, DecodeError> {
    let number = wire.number.ok_or_else(|| missing("containers.number", "four capitals and seven digits"))?;
    let packages = match wire.packages {
        None => None,
        Some(Number(text)) => {
            let count = text.parse::<u32>();
            Some(count.map_err(|_| malformed("containers.packages", format_args!("{text} is no whole number from 0")))?)
        }
    };
    let number = number.0.parse().map_err(|cause| malformed("containers.number", cause))?;
    Ok(Container { number, seal: wire.seal.map(|t| t.0.into_owned()), packages, empty: wire.empty })
}

/// The word of a role on the outside.
pub(crate) const ROLES: [(&str, Role); 5] = [
    ("shipper", Role::Shipper),
    ("consignee", Role::Consignee),
    ("notify_party", Role::NotifyParty),
    ("importer_of_record", Role::ImporterOfRecord),
    ("manufacturer", Role::Manufacturer),
];

/// The role with this word.
pub(super) fn role(word: &str) -> Option<Role> {
    ROLES.iter().find(|(name, _)| *name == word).map(|(_, role)| *role)
}

fn party(wire: WireParty<'_>) -> Result<Party, DecodeError> {
    let word = wire
        .role
        .ok_or_else(|| missing("parties.role", "shipper, consignee, notify_party, importer_of_record or manufacturer"))?;
    let allowed = "is no role (shipper, consignee, notify_party, importer_of_record, manufacturer)";
    let role = role(&word.0).ok_or_else(|| malformed("parties.role", format_args!("{:?} {allowed}", word.0)))?;
    let country = country("parties.country", wire.country.as_ref())?.filter(|country| country.is_known());
    let owned = |text: Option<Text<'_>>| text.map(|text| Cow::into_owned(text.0));
    Ok(Party { role, name: owned(wire.name), identifier: owned(wire.identifier), country })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;
    use crate::decode::canonical_record;
    use crate::domain::{Claim, FlowKind, Record, Valuation};

    const SHIPMENT: &str = r#"{"kind":"shipment","id":"MAEU123456789/1","revision":1,"status":"active","event_date":"2025-03-14","known_from":"2025-03-21T04:00:00Z","flow":"import","reporter":"US","hs":"2825800000","hs_version":"2022","description":"ANTIMONY TRIOXIDE 99.5 PCT","marks":"N/M","country_of_origin":"TH","country_of_consignment":"TH","destination":"US","place_of_receipt":"CNNGB","port_of_lading":"THLCH","transit_ports":["SGSIN"],"port_of_unlading":"USHOU","net_mass_kg":20455,"gross_mass_kg":20480,"quantity":{"value":20,"unit":"TNE"},"customs_value":{"amount":"512300.00","currency":"USD"},"valuation":"fob","bill_of_lading":{"master":"MAEU123456789","house":"NGB778812"},"containers":[{"number":"CSQU3054383","seal":"A118","packages":20,"empty":false}],"parties":[{"role":"shipper","name":"Example Oxide Co Ltd","country":"TH"},{"role":"consignee","name":"Example Retardants Inc","identifier":"duns:000000000","country":"US"}]}"#;
    const FLOW: &str = r#"{"kind":"trade_flow","reporter":"CN","partner":"TH","flow":"export","period":"2025-02","hs":"282580","hs_version":"2022","net_mass_kg":412000,"customs_value":{"amount":"9100000","currency":"USD"},"valuation":"fob","known_from":"2025-03-20T00:00:00Z"}"#;

    fn times(timestamp: Option<crate::domain::Timestamp>) -> Times<'static> {
        Times { timestamp, default_lag_days: 30, families: crate::reference::Reference::built_in().families() }
    }

    fn rows(text: &str) -> Decoded {
        let timestamp = "2025-06-01T00:00:00Z".parse().ok();
        decode(text.as_bytes(), times(timestamp))
    }

    fn described(decoded: &Decoded) -> String {
        let row = |row: &Row| match row {
            Row::Claim(claim) => {
                let quality: Vec<_> = claim.quality.iter().map(Degrade::code).collect();
                format!("{} {:?}", claim.id, quality)
            }
            Row::Excluded(reason) => format!("excluded {}", reason.code()),
            Row::Failed(error) => error.to_string(),
        };
        match decoded {
            Decoded::Rows(rows) => rows.iter().map(row).collect::<Vec<_>>().join("\n"),
            Decoded::Unreadable(error) => format!("unreadable {error}"),
        }
    }

    /// The shipment (or flow) of the contract with one text replaced.
    #[track_caller]
    fn check(of: &str, from: &str, to: &str, expected: Expect) {
        assert!(of.contains(from), "{from}");
        expected.assert_eq(&described(&rows(&of.replacen(from, to, 1))));
    }

    fn claim(text: &str) -> Claim {
        match rows(text) {
            Decoded::Rows(rows) => match rows.into_iter().next() {
                Some(Row::Claim(claim)) => *claim,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_examples_of_the_contract_decode_and_encode_to_themselves() {
        for text in [SHIPMENT, FLOW] {
            assert_eq!(String::from_utf8(canonical_record(&claim(text))).unwrap(), text);
        }
        assert_eq!(claim(FLOW).id, "CN/export/TH/282580/2025-02");
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        let least = r#"{"kind":"shipment","id":"a","event_date":"2018-03-14","hs":"2825.80","destination":"US","country_of_origin":"TH"}"#;
        let claim = claim(least);
        assert_eq!(claim.known_from.to_string(), "2025-06-01T00:00:00Z");
        let Record::Shipment(shipment) = claim.record else { panic!("no shipment") };
        assert_eq!((shipment.revision, shipment.hs_version.year(), shipment.flow.word()), (1, 2017, "import"));
        assert_eq!(claim.quality.iter().collect::<Vec<_>>(), [Degrade::NoMass]);
    }

    #[test]
    fn a_file_without_known_from_counts_the_default_lag_from_the_period_end() {
        let text = FLOW.replace(r#","known_from":"2025-03-20T00:00:00Z""#, "");
        let Decoded::Rows(rows) = decode(text.as_bytes(), times(None)) else { panic!("unreadable") };
        let Row::Claim(claim) = &rows[0] else { panic!("no claim") };
        assert_eq!(claim.known_from.to_string(), "2025-03-30T00:00:00Z");
    }

    #[test]
    fn wrong_values_name_field_and_what_is_allowed() {
        check(
            SHIPMENT,
            r#""hs":"2825800000""#,
            r#""hs":"28258""#,
            expect![[r#"malformed_field: hs: "28258" is no HS code (6 to 12 digits)"#]],
        );
        check(
            SHIPMENT,
            r#""hs":"2825800000""#,
            r#""hs":2825800000"#,
            expect!["malformed_field: hs: 2825800000 does not fit: invalid type: integer `2825800000`, expected a string"],
        );
        check(
            SHIPMENT,
            "20455",
            "\"20455\"",
            expect![[r#"malformed_field: net_mass_kg: "\"20455\"" is no mass in kg (0 to 10^15)"#]],
        );
        check(SHIPMENT, "20455", "-1", expect![[r#"malformed_field: net_mass_kg: "-1" is no mass in kg (0 to 10^15)"#]]);
        check(
            SHIPMENT,
            "2025-03-14",
            "2025-02-30",
            expect![[r#"malformed_field: event_date: "2025-02-30" is no date (YYYY-MM-DD)"#]],
        );
        check(
            SHIPMENT,
            "512300.00",
            "512,300",
            expect![[r#"malformed_field: customs_value.amount: "512,300" is no decimal from 0 of at most 28 digits"#]],
        );
        check(
            SHIPMENT,
            "MAEU123456789/1",
            r"MAEU\u00071",
            expect![[r#"malformed_field: id: "MAEU\u{7}1" holds a control character: it could not be shown, nor be a key"#]],
        );
        check(SHIPMENT, r#""revision":1"#, r#""revision":0"#, expect!["malformed_field: revision: 0 is no whole number from 1"]);
        check(SHIPMENT, "active", "gone", expect![[r#"malformed_field: status: "gone" is no status (active, cancelled)"#]]);
        check(
            SHIPMENT,
            r#""role":"shipper""#,
            r#""role":"seller""#,
            expect![[
                r#"malformed_field: parties.role: "seller" is no role (shipper, consignee, notify_party, importer_of_record, manufacturer)"#
            ]],
        );
        check(
            FLOW,
            "export",
            "exports",
            expect![[
                r#"malformed_field: flow: "exports" is no flow (import, import_for_consumption, export, domestic_export, re_export)"#
            ]],
        );
        check(
            FLOW,
            "2025-02",
            "2025-Q9",
            expect![[r#"malformed_field: period: "2025-Q9" is no period (a period is 2025, 2025-H1, 2025-Q1 or 2025-02)"#]],
        );
        check(
            SHIPMENT,
            r#""country_of_origin":"TH""#,
            r#""country_of_origin":"TJX""#,
            expect![[r#"unknown_country: country_of_origin: "TJX" is no country (ISO 3166-1 alpha-2 in capitals, EU or XX)"#]],
        );
    }

    #[test]
    fn an_origin_that_nobody_knows_is_said_and_is_no_missing_one() {
        let without =
            r#"{"kind":"shipment","id":"A","event_date":"2025-03-14","hs":"2825800000","destination":"US","net_mass_kg":1"#;
        for told in [r#","country_of_origin":"XX""#, r#","country_of_consignment":"XX""#] {
            let Decoded::Rows(rows) = decode(format!("{without}{told}}}").as_bytes(), times(None)) else { panic!("unreadable") };
            let [Row::Claim(claim)] = rows.as_slice() else { panic!("{rows:?}") };
            let canonical = super::super::canonical_record(claim);
            assert!(String::from_utf8_lossy(&canonical).contains(r#""country_of_origin":"XX","destination""#));
            assert_eq!(decode(&canonical, times(None)), Decoded::Rows(rows));
        }
        let Decoded::Rows(rows) = decode(format!("{without}}}").as_bytes(), times(None)) else { panic!("unreadable") };
        assert!(matches!(rows.as_slice(), [Row::Failed(error)] if error.detail.starts_with("country_of_origin is missing")));
    }

    #[test]
    fn absent_fields_are_missing_or_excluded() {
        check(
            SHIPMENT,
            r#""id":"MAEU123456789/1","#,
            "",
            expect!["missing_field: id is missing: a shipment needs the id its source gives it"],
        );
        check(
            SHIPMENT,
            r#""destination":"US","#,
            r#""destination":null,"#,
            expect!["missing_field: destination is missing: the country the goods go to"],
        );
        check(SHIPMENT, r#""hs":"2825800000","#, "", expect![[r#"MAEU123456789/1 ["hs_from_text"]"#]]);
        let unnamed = SHIPMENT.replace("ANTIMONY TRIOXIDE 99.5 PCT", "GOODS");
        check(&unnamed, r#""hs":"2825800000","#, "", expect!["excluded no_hs"]);
        // What lacks more than its code is no shipment, and is not passed over.
        check(
            &unnamed.replace(r#""destination":"US","#, ""),
            r#""hs":"2825800000","#,
            "",
            expect!["missing_field: destination is missing: the country the goods go to"],
        );
        check(SHIPMENT, "2825800000", "2825", expect!["excluded hs_too_short"]);
        check(FLOW, r#""partner":"TH","#, "", expect!["excluded no_partner"]);
        check(FLOW, r#""partner":"TH""#, r#""partner":"XX""#, expect!["excluded no_partner"]);
        check(
            FLOW,
            r#""hs":"282580","#,
            "",
            expect!["missing_field: hs is missing: a trade flow needs its HS code of 6 to 12 digits"],
        );
        check(FLOW, r#""kind":"trade_flow","#, "", expect!["missing_field: kind is missing: shipment or trade_flow"]);
    }

    #[test]
    fn times_out_of_reach_are_dead_letters() {
        check(
            SHIPMENT,
            "2025-03-21T04",
            "2099-03-21T04",
            expect![
                "known_from_in_future: known_from: 2099-03-21T04:00:00Z is more than a day after the message was written, 2025-06-01T00:00:00Z"
            ],
        );
        check(
            SHIPMENT,
            "2025-03-14",
            "1987-12-31",
            expect!["date_out_of_range: 1987-12-31 is before 1988, the first year of the Harmonized System"],
        );
        check(
            SHIPMENT,
            "2025-03-14",
            "2026-06-14",
            expect!["date_out_of_range: 2026-06-14 is more than 400 days after the record became known, 2025-03-21"],
        );
        check(SHIPMENT, "2025-03-14", "2026-04-25", expect![[r#"MAEU123456789/1 []"#]]);
    }

    #[test]
    fn files_have_no_timestamp_and_end_in_the_year_2200() {
        let of = |period: &str| {
            let flow = FLOW.replace("2025-02", period).replace(r#","known_from":"2025-03-20T00:00:00Z""#, "");
            described(&decode(flow.as_bytes(), times(None)))
        };
        assert_eq!(of("2200-11"), "CN/export/TH/282580/2200-11 []");
        let late = |year| format!("date_out_of_range: the year {year} is after 2200, the last that is taken");
        // Known in 2201, and of 9999.
        assert_eq!([of("2200-12"), of("9999-12")], [late(2201), late(9999)]);
    }

    #[test]
    fn what_can_be_taken_is_taken_and_marked() {
        check(SHIPMENT, "CSQU3054383", "CSQU3054384", expect![[r#"MAEU123456789/1 ["container_check_digit"]"#]]);
        check(SHIPMENT, "THLCH", "Laem Chabang", expect![[r#"MAEU123456789/1 ["port_unknown"]"#]]);
        check(SHIPMENT, r#""marks""#, r#""remarks""#, expect![[r#"MAEU123456789/1 ["unknown_field"]"#]]);
        check(FLOW, r#""net_mass_kg":412000,"#, "", expect![[r#"CN/export/TH/282580/2025-02 ["no_mass"]"#]]);
        let (mass, count) = (r#""quantity":{"value":412,"unit":"TNE"},"#, r#""quantity":{"value":412,"unit":"NMB"},"#);
        check(FLOW, r#""net_mass_kg":412000,"#, mass, expect![[r#"CN/export/TH/282580/2025-02 []"#]]);
        check(FLOW, r#""net_mass_kg":412000,"#, count, expect![[r#"CN/export/TH/282580/2025-02 ["no_mass"]"#]]);
        // A unit that Recommendation 20 does not have stays, and is said.
        let kilos = r#""quantity":{"value":412,"unit":"KGS"},"#;
        check(FLOW, r#""net_mass_kg":412000,"#, kilos, expect![[r#"CN/export/TH/282580/2025-02 ["no_mass", "unit_unknown"]"#]]);
        check(FLOW, r#""amount":"9100000""#, r#""amount":"-0""#, expect![[r#"CN/export/TH/282580/2025-02 []"#]]);
    }

    #[test]
    fn cancellations_need_their_code() {
        let cancelled = SHIPMENT.replace("active", "cancelled");
        check(&cancelled, "N/M", "-", expect![[r#"MAEU123456789/1 []"#]]);
        check(
            &cancelled,
            r#""hs":"2825800000","#,
            "",
            expect!["needs_link: a cancellation without hs names no family: it waits for the link stage; send it with its hs"],
        );
        // With it, it lacks what any shipment lacks, but a country of origin.
        let bare = |more: &str| format!(r#"{{"kind":"shipment","id":"A/1","status":"cancelled","hs":"282580"{more}}}"#);
        let date = expect!["missing_field: event_date is missing: the day the goods moved, YYYY-MM-DD"];
        date.assert_eq(&described(&rows(&bare(""))));
        let destination = expect!["missing_field: destination is missing: the country the goods go to"];
        destination.assert_eq(&described(&rows(&bare(r#","event_date":"2025-03-14""#))));
        let whole = bare(r#","event_date":"2025-03-14","destination":"US""#);
        assert!(described(&rows(&whole)).starts_with("A/1"), "{}", described(&rows(&whole)));
    }

    #[test]
    fn other_shapes_are_unreadable_or_unknown() {
        let shown = |text: &str| described(&rows(text));
        expect!["unreadable malformed: no canonical record: expected value at line 1 column 1"].assert_eq(&shown("<html>"));
        expect!["unreadable malformed: no canonical record: EOF while parsing a value at line 1 column 0"].assert_eq(&shown(""));
        expect![[r#"unknown_schema: kind "sighting" is reserved for a later release; shipment and trade_flow are taken"#]]
            .assert_eq(&shown(r#"{"kind":"sighting"}"#));
        expect![[r#"unknown_schema: kind "tick" is none that a feed may send (shipment, trade_flow)"#]]
            .assert_eq(&shown(r#"{"kind":"tick","date":"2025-01-01"}"#));
        expect!["malformed_field: kind: it stands there twice"].assert_eq(&shown(r#"{"kind":"tick","kind":"tick"}"#));
        let deep = "[".repeat(60) + &"]".repeat(60);
        expect!["too_large: nested more than 32 deep"].assert_eq(&shown(&deep));
        let unread = FLOW.replacen('{', &format!("{{\"note\":{deep},"), 1);
        expect!["too_large: nested more than 32 deep"].assert_eq(&shown(&unread));
        let two = shown(&format!("[{FLOW},7]"));
        expect![[r#"
            CN/export/TH/282580/2025-02 []
            malformed: no canonical record: invalid type: integer `7`, expected an object at line 1 column 1"#]]
        .assert_eq(&two);
        assert!(matches!(decode(b"\xff{}", times(None)), Decoded::Unreadable(e) if e.reason == DeadLetterReason::NotText));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            decode(&bytes, times(None));
        }

        #[test]
        fn damaged_records_never_panic(at in 0usize..900, byte in any::<u8>(), of in prop::sample::select(vec![SHIPMENT, FLOW])) {
            let mut bytes = of.as_bytes().to_vec();
            let at = at % bytes.len();
            bytes[at] = byte;
            decode(&bytes, times(None));
        }

        #[test]
        fn what_is_encoded_decodes_to_itself(
            id in "[A-Z0-9/\"\\\\é]{1,12}", hs in "[0-9]{6,12}", grams in prop::option::of(0u64..1_000_000_000_000_000_000), cents in 0i64..i64::MAX,
            day in 1i8..29, name in prop::option::of("\\PC{0,20}"), cancelled in any::<bool>(), lading in prop::option::of("(CN|TH)[A-Z2-9]{3}"),
        ) {
            let mut base = claim(SHIPMENT);
            base.id = id;
            let Record::Shipment(shipment) = &mut base.record else { panic!("no shipment") };
            shipment.hs = hs.parse().unwrap();
            shipment.net_mass = grams.map(Grams);
            shipment.gross_mass = None;
            shipment.quantity = None;
            shipment.customs_value = Some(Money { amount: crate::domain::Decimal::new(cents, 2), currency: "EUR".parse().unwrap() });
            shipment.event_date = jiff::civil::date(2025, 3, day);
            shipment.description = name.clone();
            shipment.status = if cancelled { crate::domain::Status::Cancelled } else { crate::domain::Status::Active };
            shipment.port_of_lading = lading.as_deref().map(|code| code.parse().unwrap());
            shipment.country_of_lading = lading.is_none().then_some(Country::CHINA);
            base.quality = (grams.is_none() && !cancelled).then_some(Degrade::NoMass).into_iter().collect();
            let bytes = canonical_record(&base);
            prop_assert_eq!(claim(std::str::from_utf8(&bytes).unwrap()), base);
        }

        #[test]
        fn a_flow_that_is_written_and_encoded_is_the_same_bytes(
            reporter in prop::sample::select(vec!["CN", "US", "KR", "EU"]), partner in prop::sample::select(vec!["TH", "MX", "EU"]),
            flow in prop::sample::select(FlowKind::ALL.to_vec()), hs in "[0-9]{6,12}",
            period in "201[0-9]|2022-Q[1-4]|2023-H[12]|202[0-4]-(0[1-9]|1[0-2])",
            mass in prop::option::of(0u64..1_000_000_000_000), amount in prop::option::of("[1-9][0-9]{0,14}(\\.[0-9]{2})?"),
            valuation in prop::option::of(prop::sample::select(Valuation::ALL.to_vec())),
        ) {
            prop_assume!(mass.is_some() || amount.is_some());
            let mass = mass.map_or(String::new(), |mass| format!(r#""net_mass_kg":{mass},"#));
            let value = amount.map_or(String::new(), |amount| format!(r#""customs_value":{{"amount":"{amount}","currency":"USD"}},"#));
            let valuation = valuation.map_or(String::new(), |valuation| format!(r#""valuation":"{}","#, valuation.word()));
            let flow = flow.word();
            let text = format!(
                r#"{{"kind":"trade_flow","reporter":"{reporter}","partner":"{partner}","flow":"{flow}","period":"{period}","hs":"{hs}","hs_version":"2022",{mass}{value}{valuation}"known_from":"2025-03-20T00:00:00Z"}}"#
            );
            prop_assert_eq!(String::from_utf8(canonical_record(&claim(&text))).unwrap(), text);
        }
    }
}
