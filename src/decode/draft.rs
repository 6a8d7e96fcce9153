//! What every decoder fills, field by field, and the rules of the contract that turn it into a claim, an exclusion or a dead letter.

use super::{DecodeError, Row, known_from_default, midnight_after, period_end};
use crate::domain::{
    BillOfLading, Claim, Container, Country, Date, DeadLetterReason, Degrade, ExcludedReason, FlowKind, Grams, HsCode, HsVersion,
    Money, Party, Period, Port, QualitySet, Quantity, Record, Shipment, Status, Timestamp, TradeFlow, Valuation,
};
use crate::reference::Families;

/// No record of trade is older: the Harmonized System came into force in 1988.
const FIRST_YEAR: i16 = 1988;
/// No record is later: in files there is no timestamp to hold a date against, and each day until it is a tick.
const LAST_YEAR: i16 = 2200;
/// A record may speak of what comes this many days after it became known, not more.
const DAYS_AHEAD_MAX: i32 = 400;
/// A record may be known this many hours after its message was written, not more: clocks differ.
const HOURS_IN_FUTURE_MAX: i64 = 24;

/// The longest id in bytes: a verdict may name dozens of them, and has to fit into one message.
const ID_BYTES_MAX: usize = 1_000;

/// Which kind of record a draft becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Shipment,
    TradeFlow,
}

impl Kind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Kind::Shipment => "shipment",
            Kind::TradeFlow => "trade_flow",
        }
    }
}

/// The code of the goods as far as it was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Goods {
    #[default]
    Absent,
    TooShort,
    Code(HsCode),
}

impl Goods {
    /// Reads a code: two or four digits are too short, six to twelve are a code, all else is malformed.
    ///
    /// So is a code that went through a number: dots part the digits of codes, and of `10129.0` nobody knows which code it was.
    pub(super) fn read(text: &str) -> Result<Goods, DecodeError> {
        if text.strip_suffix(".0").is_some_and(|whole| whole.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(malformed("hs", format_args!("{text:?} is a number of floating point, and no code: keep codes as text")));
        }
        match text.parse::<HsCode>() {
            Ok(code) => Ok(Goods::Code(code)),
            Err(error) => {
                let digits = text.bytes().filter(|b| *b != b'.').count();
                let numeric = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
                if numeric && matches!(digits, 2 | 4) { Ok(Goods::TooShort) } else { Err(malformed("hs", error)) }
            }
        }
    }
}

/// When the message was written, and the lag where neither it nor the record says when the record became known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times<'a> {
    pub(super) timestamp: Option<Timestamp>,
    pub(super) default_lag_days: u16,
    /// The rules by which a description without a code names one.
    pub(super) families: &'a Families,
}

/// A record while it is read: what is absent is `None`.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub(super) id: Option<String>,
    pub(super) revision: Option<u32>,
    pub(super) cancelled: bool,
    pub(super) event_date: Option<Date>,
    pub(super) period: Option<Period>,
    pub(super) known_from: Option<Timestamp>,
    /// Days after the event date or period end at which the mapping says that the record became known.
    pub(super) known_after_days: Option<u16>,
    pub(super) flow: Option<FlowKind>,
    pub(super) reporter: Option<Country>,
    pub(super) partner: Option<Country>,
    pub(super) consignment_partner: Option<Country>,
    pub(super) hs: Goods,
    pub(super) hs_version: Option<HsVersion>,
    pub(super) description: Option<String>,
    pub(super) marks: Option<String>,
    pub(super) country_of_origin: Option<Country>,
    /// The record says itself that nobody knows where the goods come from (`XX`).
    pub(super) origin_unknown: bool,
    pub(super) country_of_consignment: Option<Country>,
    pub(super) destination: Option<Country>,
    pub(super) place_of_receipt: Option<Port>,
    pub(super) port_of_lading: Option<Port>,
    pub(super) country_of_lading: Option<Country>,
    pub(super) transit_ports: Vec<Port>,
    pub(super) port_of_unlading: Option<Port>,
    pub(super) net_mass: Option<Grams>,
    pub(super) gross_mass: Option<Grams>,
    pub(super) quantity: Option<Quantity>,
    /// Of the first unit that nobody knows, what is wrong with it.
    pub(super) unknown_unit: Option<String>,
    pub(super) customs_value: Option<Money>,
    pub(super) valuation: Option<Valuation>,
    pub(super) bill_of_lading: Option<BillOfLading>,
    pub(super) containers: Vec<Container>,
    pub(super) parties: Vec<Party>,
    pub(super) quality: QualitySet,
    pub(super) complete: bool,
}

/// Why a draft gives no claim.
enum Refusal {
    Excluded(&'static str),
    Failed(DecodeError),
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Refusal {
        Refusal::Failed(error)
    }
}

impl Draft {
    /// Applies the rules of the contract.
    pub(super) fn finish(mut self, kind: Kind, times: Times<'_>) -> Row {
        // `20 TNE` says what 20000 kg says. Mappings make masses of such quantities themselves.
        self.net_mass = self.net_mass.or_else(|| self.quantity.and_then(Quantity::mass));
        let claim = match kind {
            Kind::Shipment => self.shipment(times),
            Kind::TradeFlow => self.trade_flow(times),
        };
        match claim {
            Ok(claim) => Row::Claim(Box::new(claim)),
            Err(Refusal::Excluded(reason)) => Row::Excluded(ExcludedReason::new(reason)),
            Err(Refusal::Failed(error)) => Row::Failed(error),
        }
    }

    fn shipment(mut self, times: Times<'_>) -> Result<Claim, Refusal> {
        let id = self.id.take().ok_or_else(|| missing("id", "a shipment needs the id its source gives it"))?;
        if id.len() > ID_BYTES_MAX {
            let detail = format!("id: {} bytes; at most {ID_BYTES_MAX} are taken", id.len());
            return Err(error(DeadLetterReason::TooLarge, detail).into());
        }
        if id.chars().any(char::is_control) {
            return Err(malformed("id", format!("{id:?} holds a control character: it could not be shown, nor be a key")).into());
        }
        // First: without its code nobody can say where the shipment is that it withdraws, whatever else it lacks.
        if self.cancelled && self.hs == Goods::Absent {
            return Err(needs_link().into());
        }
        let event_date = self.event_date.ok_or_else(|| missing("event_date", "the day the goods moved, YYYY-MM-DD"))?;
        let destination = self.destination.ok_or_else(|| missing("destination", "the country the goods go to"))?;
        let told = self.origin_unknown || self.country_of_origin.is_some() || self.country_of_consignment.is_some();
        if !told && self.port_of_lading.is_none() && self.country_of_lading.is_none() && !self.cancelled {
            let detail = "one of country_of_origin, country_of_consignment and port_of_lading is required";
            return Err(missing("country_of_origin", detail).into());
        }
        let known_from = self.known_from(event_date, event_date, times)?;
        // Last: what is not even a shipment is no shipment of goods that nobody follows.
        let hs = match self.hs {
            Goods::Code(code) => code,
            Goods::TooShort => return Err(Refusal::Excluded(ExcludedReason::HS_TOO_SHORT)),
            Goods::Absent => self.goods_from_text(times.families).ok_or(Refusal::Excluded(ExcludedReason::NO_HS))?,
        };
        if self.containers.iter().any(|container| !container.number.check_digit_holds()) {
            self.quality.insert(Degrade::ContainerCheckDigit);
        }
        let shipment = Shipment {
            revision: self.revision.unwrap_or(1),
            status: if self.cancelled { Status::Cancelled } else { Status::Active },
            event_date,
            flow: self.flow.unwrap_or(FlowKind::Import),
            reporter: self.reporter,
            hs,
            hs_version: self.hs_version.unwrap_or_else(|| HsVersion::in_force(event_date)),
            description: self.description,
            marks: self.marks,
            country_of_origin: self.country_of_origin,
            country_of_consignment: self.country_of_consignment,
            destination,
            place_of_receipt: self.place_of_receipt,
            port_of_lading: self.port_of_lading,
            country_of_lading: self.country_of_lading,
            transit_ports: self.transit_ports,
            port_of_unlading: self.port_of_unlading,
            net_mass: self.net_mass,
            gross_mass: self.gross_mass,
            quantity: self.quantity,
            customs_value: self.customs_value,
            valuation: self.valuation,
            bill_of_lading: self.bill_of_lading,
            containers: self.containers,
            parties: self.parties,
        };
        if shipment.mass().is_none() && !self.cancelled {
            self.quality.insert(Degrade::NoMass);
        }
        let record = Record::Shipment(Box::new(shipment));
        Ok(Claim { id, record, known_from, quality: self.quality, complete: self.complete })
    }

    /// The code that the description names by the bundle's rules, which speak of HS 2022.
    fn goods_from_text(&mut self, families: &Families) -> Option<HsCode> {
        let code = families.code_from_text(self.description.as_deref()?)?;
        self.quality.insert(Degrade::HsFromText);
        self.hs_version = Some(HsVersion::Hs2022);
        code.to_string().parse().ok()
    }

    fn trade_flow(mut self, times: Times<'_>) -> Result<Claim, Refusal> {
        if self.cancelled {
            let detail = "a trade flow cannot be cancelled; publish the corrected flow with a later known_from";
            return Err(error(DeadLetterReason::MalformedField, format!("status: {detail}")).into());
        }
        let hs = match self.hs {
            Goods::Code(code) => code,
            Goods::TooShort => return Err(Refusal::Excluded(ExcludedReason::HS_TOO_SHORT)),
            Goods::Absent => return Err(missing("hs", "a trade flow needs its HS code of 6 to 12 digits").into()),
        };
        let partner = self.partner.filter(|country| country.is_known());
        let partner = partner.ok_or(Refusal::Excluded(ExcludedReason::NO_PARTNER))?;
        let reporter = self.reporter.ok_or_else(|| missing("reporter", "the country whose statistics these are"))?;
        let flow = self
            .flow
            .ok_or_else(|| missing("flow", "one of import, import_for_consumption, export, domestic_export, re_export"))?;
        let period = self.period.ok_or_else(|| missing("period", "such as 2025, 2025-H1, 2025-Q1 or 2025-02"))?;
        if self.net_mass.is_none() && self.quantity.is_none() && self.customs_value.is_none() {
            let told = "one of net_mass_kg, quantity and customs_value is required";
            let unit = self.unknown_unit.map(|why| format!("; {why}"));
            return Err(missing("net_mass_kg", &format!("{told}{}", unit.unwrap_or_default())).into());
        }
        let known_from = self.known_from(period.first().first_day(), period_end(period), times)?;
        let flow = TradeFlow {
            reporter,
            partner,
            consignment_partner: self.consignment_partner,
            flow,
            period,
            hs,
            hs_version: self.hs_version.unwrap_or_else(|| HsVersion::in_force(period_end(period))),
            net_mass: self.net_mass,
            quantity: self.quantity,
            customs_value: self.customs_value,
            valuation: self.valuation,
        };
        if flow.net_mass.is_none() {
            self.quality.insert(Degrade::NoMass);
        }
        let (id, quality, complete) = (flow.id(), self.quality, self.complete);
        Ok(Claim { id, record: Record::TradeFlow(Box::new(flow)), known_from, quality, complete })
    }

    /// When the record became known (contract 1), after a look at whether its dates can be.
    fn known_from(&self, start: Date, end: Date, times: Times<'_>) -> Result<Timestamp, DecodeError> {
        let known_from = match (self.known_from, self.known_after_days) {
            (Some(told), _) => told,
            (None, Some(days)) => {
                let ruled = midnight_after(end, days);
                times.timestamp.map_or(ruled, |written| ruled.min(written))
            }
            (None, None) => known_from_default(end, times.timestamp, times.default_lag_days),
        };
        if let Some(written) = times.timestamp
            && known_from.duration_since(written).as_secs() > HOURS_IN_FUTURE_MAX * 3600
        {
            let detail = format!("known_from: {known_from} is more than a day after the message was written, {written}");
            return Err(error(DeadLetterReason::KnownFromInFuture, detail));
        }
        if start.year() < FIRST_YEAR {
            let detail = format!("{start} is before {FIRST_YEAR}, the first year of the Harmonized System");
            return Err(error(DeadLetterReason::DateOutOfRange, detail));
        }
        if let Some(late) = [end.year(), known_from.to_zoned(jiff::tz::TimeZone::UTC).year()].into_iter().find(|y| *y > LAST_YEAR)
        {
            let detail = format!("the year {late} is after {LAST_YEAR}, the last that is taken");
            return Err(error(DeadLetterReason::DateOutOfRange, detail));
        }
        let known_day = jiff::tz::Offset::UTC.to_datetime(known_from).date();
        if end > known_day && end.duration_since(known_day).as_hours() > i64::from(DAYS_AHEAD_MAX) * 24 {
            let detail = format!("{end} is more than {DAYS_AHEAD_MAX} days after the record became known, {known_day}");
            return Err(error(DeadLetterReason::DateOutOfRange, detail));
        }
        Ok(known_from)
    }
}

/// An error with its reason.
pub(super) fn error(reason: DeadLetterReason, detail: impl Into<String>) -> DecodeError {
    DecodeError { reason, detail: detail.into() }
}

/// A required field is absent.
pub(super) fn missing(field: &str, allowed: &str) -> DecodeError {
    error(DeadLetterReason::MissingField, format!("{field} is missing: {allowed}"))
}

/// A field does not parse; the cause names value and what is allowed.
pub(super) fn malformed(field: &str, cause: impl std::fmt::Display) -> DecodeError {
    error(DeadLetterReason::MalformedField, format!("{field}: {cause}"))
}

fn needs_link() -> DecodeError {
    let detail = "a cancellation without hs names no family: it waits for the link stage; send it with its hs";
    error(DeadLetterReason::NeedsLink, detail)
}
