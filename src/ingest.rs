//! The first stage: a raw message → movements in every family it concerns. Keeps no state; rejects with a reason, never in silence.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::decode::framed::{Schemas, Unopened, schema_id};
use crate::decode::{DecodeError, Decoded, Decoder, Row, Surroundings};
use crate::domain::{
    Claim, Country, Currency, Date, DeadLetterReason, Decimal, Degrade, FamilyId, FeedName, Grams, HsCode, HsSubheading,
    HsVersion, Message, Money, Month, Record, Standing, Status, Timestamp,
};
use crate::encode::{DeadLetter, Effects, Normalised, Output, Tally, Topic, movements};
use crate::reference::{Families, HsConversion, Reference};

/// A feed: its name, the raw topic (or file) it is read from, and how.
#[derive(Debug)]
pub struct Feed {
    /// Its name.
    pub name: FeedName,
    /// Its raw topic, or the name of a file.
    pub topic: String,
    /// How its bytes are read.
    pub decoder: Arc<Decoder>,
}

/// The stage.
#[derive(Debug)]
pub struct Ingest {
    feeds: BTreeMap<String, Feed>,
    reference: Arc<Reference>,
    limits: IngestLimits,
}

/// What bounds ingest beside the mappings.
#[derive(Clone, Copy, Debug)]
pub struct IngestLimits {
    /// Longest payload taken.
    pub payload_bytes_max: usize,
    /// Days after which a record of a file without `known_from` counts as known.
    pub default_lag_days: u16,
}

/// How much larger than the largest payload a movement may be: it says some fields twice, and bytes may be longer as JSON. Half of the
/// room that the largest message of ours has beside its payload; the rest is for key and headers.
const MOVEMENT_ROOM: usize = 128 * 1024;
/// A record may be known this many hours after it is read, not more: clocks differ.
const HOURS_IN_FUTURE_MAX: i64 = 24;
/// What is kept of a dead letter's detail, in characters: it may quote a value as long as the message.
const DETAIL_MAX: usize = 1_000;

/// What says in which family a record is counted.
#[derive(Clone, Copy, Debug)]
pub struct Goods<'a> {
    /// The subheading of HS 2022; of a code with several successors the code as declared.
    pub hs6: HsSubheading,
    /// Whether it has several successors.
    pub is_split: bool,
    /// The code as declared.
    pub hs: HsCode,
    /// The customs territory that issued its national digits, where it is known.
    pub issuer: Option<Country>,
    /// The goods in words.
    pub description: Option<&'a str>,
}

impl Goods<'_> {
    /// The home. National digits of a code that another nomenclature has replaced say nothing.
    pub fn home(&self, families: &Families) -> FamilyId {
        if self.is_split {
            return families.home_divided(self.hs6);
        }
        let line = (self.hs.length() > 6 && self.hs6 == self.hs.subheading()).then_some((self.hs, self.issuer));
        families.home_issued(self.hs6, line, self.description)
    }
}

/// The families in which a shipment of a code may be at home, each with the subheading that it has there: by the edition that the code
/// is of, by its national digits or by words. What withdraws it need not say them again.
pub fn homes_of(code: HsSubheading, reference: &Reference) -> BTreeMap<FamilyId, HsSubheading> {
    let families = reference.families();
    let mut homes = BTreeMap::new();
    // The newest last: where two editions lead to one family, its digits count.
    for version in HsVersion::ALL {
        match reference.to_hs2022(code, version) {
            HsConversion::Split => drop(homes.insert(families.home_divided(code), code)),
            HsConversion::Same(code) => {
                let listed = families.context(code).iter().copied();
                homes.extend(listed.chain([families.home(code, None, None)]).map(|family| (family, code)));
            }
        }
    }
    homes
}

impl Ingest {
    /// The stage for these feeds.
    pub fn new(feeds: Vec<Feed>, reference: Arc<Reference>, limits: IngestLimits) -> Ingest {
        let feeds = feeds.into_iter().map(|feed| (feed.topic.clone(), feed)).collect();
        Ingest { feeds, reference, limits }
    }

    /// Takes one raw message of a file, or of whatever nobody reads at a time of its own, of a feed in no registry's frame.
    pub fn apply(&self, message: &Message) -> Effects {
        self.apply_with(message, &Schemas::default(), None)
    }

    /// Takes one raw message. One that was redriven keeps the time of its first writing. `schemas` says what [`Ingest::schema_of`] asks.
    ///
    /// `read_at` says when it is read, of a message of a log: whoever wrote it has set its timestamp as they liked, and what is not known
    /// yet may not move a clock. What a file holds is as old as the file says.
    pub fn apply_with(&self, message: &Message, schemas: &Schemas, read_at: Option<Timestamp>) -> Effects {
        match message.first_timestamp() {
            first if first != message.timestamp => self.open(&Message { timestamp: first, ..message.clone() }, schemas, read_at),
            _ => self.open(message, schemas, read_at),
        }
    }

    /// The id of the schema that has to be known before a message can be taken, where there is one.
    pub fn schema_of(&self, message: &Message) -> Option<u32> {
        self.feed(message).decoder.framed()?;
        schema_id(message.value.as_deref()?)
    }

    fn feed(&self, message: &Message) -> &Feed {
        let topic = message.position.topic.as_ref();
        self.feeds.get(topic).expect("a worker reads the raw topics of its feeds alone")
    }

    fn open(&self, message: &Message, schemas: &Schemas, read_at: Option<Timestamp>) -> Effects {
        let feed = self.feed(message);
        let length = message.value.as_ref().map_or(0, Vec::len);
        if length > self.limits.payload_bytes_max {
            let value = message.value.as_deref().unwrap_or_default();
            let error = feed.decoder.too_large(value, self.limits.payload_bytes_max);
            return unreadable(feed, error.reason, error.detail);
        }
        let (Some(framed), Some(value)) = (feed.decoder.framed(), &message.value) else {
            return self.read(feed, message, read_at);
        };
        match schemas.open(framed, value) {
            Ok(json) => self.read(feed, &Message { value: Some(json.into_bytes()), ..without_value(message) }, read_at),
            Err(Unopened::Never(error)) => unreadable(feed, error.reason, error.detail),
            Err(Unopened::Unasked(id)) => panic!("a message is folded in once its schema is known, not so {id}"),
        }
    }

    fn read(&self, feed: &Feed, message: &Message, read_at: Option<Timestamp>) -> Effects {
        let around = Surroundings {
            reference: &self.reference,
            default_lag_days: self.limits.default_lag_days,
            file_name: message.header("entrepot-file"),
        };
        match feed.decoder.decode(message, &around) {
            Decoded::Unreadable(error) => unreadable(feed, error.reason, error.detail),
            Decoded::Rows(rows) => self.take(feed, message, rows, read_at),
        }
    }

    fn take(&self, feed: &Feed, message: &Message, rows: Vec<Row>, read_at: Option<Timestamp>) -> Effects {
        let mut effects = Effects::default();
        let (mut accepted, mut excluded) = (0, 0);
        let mut failures = Vec::new();
        for (index, row) in rows.into_iter().enumerate() {
            match row {
                Row::Claim(claim) => {
                    let in_time = known_by(&claim, message, read_at);
                    match in_time.and_then(|()| self.accept(feed, message, &claim, &mut effects)) {
                        Ok(()) => accepted += 1,
                        Err(error) => failures.push((u32::try_from(index).unwrap_or(u32::MAX), error)),
                    }
                }
                Row::Excluded(reason) => {
                    excluded += 1;
                    effects.tallies.push(Tally::Reason(reason.code().to_owned()));
                }
                Row::Failed(error) => failures.push((u32::try_from(index).unwrap_or(u32::MAX), error)),
            }
        }
        effects.dead_letter = failures.first().map(|(_, first)| DeadLetter {
            feed: feed.name.to_string(),
            reason: first.reason.code(),
            detail: short(&first.detail),
            records: failures.iter().map(|(index, _)| *index).collect(),
            count: failures.len() as u64,
        });
        let counts = [("accepted", accepted), ("excluded", excluded), ("dead_letter", failures.len() as u64)];
        effects.outcomes.extend(counts.into_iter().filter(|(_, count)| *count > 0));
        effects
    }

    /// The movements of a record; none where one of them would be larger than any log is asked to take.
    fn accept(&self, feed: &Feed, message: &Message, claim: &Claim, effects: &mut Effects) -> Result<(), DecodeError> {
        let families = self.reference.families();
        let (hs, version, issuer) = match &claim.record {
            Record::Shipment(shipment) => (shipment.hs, shipment.hs_version, shipment.reporter),
            Record::TradeFlow(flow) => (flow.hs, flow.hs_version, Some(flow.reporter)),
        };
        let description = match &claim.record {
            Record::Shipment(shipment) => shipment.description.as_deref(),
            Record::TradeFlow(_) => None,
        };
        let mut quality = claim.quality;
        let (hs6, is_split) = match self.reference.to_hs2022(hs.subheading(), version) {
            HsConversion::Same(code) => (code, false),
            HsConversion::Split => (hs.subheading(), true),
        };
        if is_split {
            quality.insert(Degrade::HsSplit);
        }
        let home = Goods { hs6, is_split, hs, issuer, description }.home(families);
        let known_on = date_of(claim);
        let value_cents = match money_of(claim).map(|(money, month)| (self.cents(money, month, known_on), money)) {
            Some((None, money)) if !money.amount.is_zero() => {
                quality.insert(Degrade::NoExchangeRate);
                None
            }
            Some((None, _)) => Some(0),
            Some((cents, _)) => cents,
            None => None,
        };
        let told = mass_of(claim).filter(|mass| mass.0 > 0 || self.can_weigh_nothing(hs6, value_cents, known_on));
        if told.is_none() && !is_cancelled(claim) {
            quality.insert(Degrade::NoMass);
        }
        if self.is_unit_suspect(hs6, told, value_cents, known_on) {
            quality.insert(Degrade::UnitSuspect);
        }
        // Of an answer that was cut off each row may be true, and still no sum is made of it.
        let withheld = [Degrade::MassEstimated, Degrade::MassShared, Degrade::UnitSuspect, Degrade::IncompleteAnswer];
        let is_withheld = withheld.into_iter().any(|mark| quality.contains(mark));
        let mass = told.filter(|_| !is_withheld);
        let source = &message.position;
        let normalised = |hs6| Normalised { claim, feed: &feed.name, source, hs6, mass, value_cents, quality };
        let (before, limit) = (effects.outputs.len(), self.limits.payload_bytes_max.saturating_add(MOVEMENT_ROOM));
        let places = self.places(claim, (home, hs6), hs);
        for (family, value) in places.into_iter().flat_map(|(hs6, places)| movements(&normalised(hs6), places.into_iter())) {
            if value.len() > limit {
                effects.outputs.truncate(before);
                let detail = format!("{} bytes as a movement; at most {limit} are taken (ingest.payload_bytes_max)", value.len());
                return Err(DecodeError { reason: DeadLetterReason::TooLarge, detail });
            }
            let key = family.letters().to_vec();
            effects.outputs.push(Output { topic: Topic::Movements, partition: None, key, value, headers: Vec::new() });
        }
        effects.tallies.extend(quality.iter().map(|mark| Tally::Mark(mark.code())));
        Ok(())
    }

    /// Where a record stands, by the subheading that it has there: at home, and as context in the other families that list its code. What
    /// withdraws a shipment stands wherever that may be at home; where it is not, nothing is withdrawn.
    fn places(
        &self,
        claim: &Claim,
        (home, hs6): (FamilyId, HsSubheading),
        hs: HsCode,
    ) -> BTreeMap<HsSubheading, Vec<(FamilyId, Standing)>> {
        let mut places = BTreeMap::from([(hs6, vec![(home, Standing::Home)])]);
        let mut add = |code, family, standing| {
            if family != home {
                places.entry(code).or_insert_with(Vec::new).push((family, standing));
            }
        };
        if is_cancelled(claim) {
            homes_of(hs.subheading(), &self.reference).into_iter().for_each(|(family, code)| add(code, family, Standing::Home));
        } else {
            self.reference.families().context(hs6).iter().for_each(|family| add(hs6, *family, Standing::Context));
        }
        places
    }

    fn cents(&self, money: Money, month: Month, known_on: Date) -> Option<u64> {
        let rate = if money.currency == Currency::USD {
            Decimal::ONE
        } else {
            self.reference.as_of(known_on).rate(money.currency, month)?
        };
        if let Some(cents) = small_cents(money.amount, rate) {
            return Some(cents);
        }
        let cents = money.amount.checked_mul(rate)?.checked_mul(Decimal::ONE_HUNDRED)?;
        u64::try_from(cents.round()).ok()
    }

    /// Whether goods of this value can round to no kilogram. Many sources write 0 where they do not tell a mass.
    fn can_weigh_nothing(&self, hs6: HsSubheading, cents: Option<u64>, known_on: Date) -> bool {
        let Some(cents) = cents.filter(|cents| *cents > 0) else { return true };
        self.reference.as_of(known_on).unit_values(hs6).is_some_and(|(_, high)| cents as f64 / 100.0 <= high)
    }

    /// Whether the unit value lies outside its band, and inside once the mass is multiplied or divided by a factor that betrays a wrong
    /// unit: 1000 (kg for t, g for kg), 2204.62 (lb for t), 0.4536 (lb for kg).
    fn is_unit_suspect(&self, hs6: HsSubheading, mass: Option<Grams>, cents: Option<u64>, known_on: Date) -> bool {
        let (Some(mass), Some(cents)) = (mass.filter(|mass| mass.0 > 0), cents.filter(|cents| *cents > 0)) else { return false };
        let Some((low, high)) = self.reference.as_of(known_on).unit_values(hs6) else { return false };
        let dollars_per_kilogram = cents as f64 * 10.0 / mass.0 as f64;
        let fits = |value: f64| (low..=high).contains(&value);
        let slips = [1000.0, 2204.62, 0.4536, 1.0 / 1000.0, 1.0 / 2204.62, 1.0 / 0.4536];
        !fits(dollars_per_kilogram) && slips.into_iter().any(|factor| fits(dollars_per_kilogram * factor))
    }
}

/// The common case of the product, in whole numbers and rounded half to even as the general one: at most 19 digits in all.
fn small_cents(amount: Decimal, rate: Decimal) -> Option<u64> {
    let digits = |number: Decimal| u64::try_from(number.mantissa()).ok();
    let hundredths = digits(amount)?.checked_mul(digits(rate)?)?.checked_mul(100)?;
    let unit = 10u64.checked_pow(amount.scale() + rate.scale())?;
    let (whole, rest) = (hundredths / unit, hundredths % unit);
    let up = match rest.cmp(&(unit - rest)) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Equal => whole & 1,
        std::cmp::Ordering::Greater => 1,
    };
    Some(whole + up)
}

/// Refuses what becomes known more than a day after it is read. The instant of reading is not told: a dead letter is the same whenever
/// it is read again.
fn known_by(claim: &Claim, message: &Message, read_at: Option<Timestamp>) -> Result<(), DecodeError> {
    let known_from = claim.known_from;
    if read_at.is_none_or(|read_at| known_from.duration_since(read_at).as_secs() <= HOURS_IN_FUTURE_MAX * 3600) {
        return Ok(());
    }
    let written = message.timestamp.map_or_else(|| "which tells no time".to_owned(), |written| format!("written at {written}"));
    let detail = format!("known_from: {known_from} is more than a day after the message was read, {written}");
    Err(DecodeError { reason: DeadLetterReason::KnownFromInFuture, detail })
}

fn without_value(message: &Message) -> Message {
    let Message { position, timestamp, key, value: _, headers } = message;
    Message { position: position.clone(), timestamp: *timestamp, key: key.clone(), value: None, headers: headers.clone() }
}

fn unreadable(feed: &Feed, reason: DeadLetterReason, detail: String) -> Effects {
    let detail = short(&detail);
    let dead_letter = DeadLetter { feed: feed.name.to_string(), reason: reason.code(), detail, records: Vec::new(), count: 1 };
    Effects { dead_letter: Some(dead_letter), outcomes: vec![("dead_letter", 1)], ..Effects::default() }
}

/// A detail as it is told: long ones are cut.
fn short(detail: &str) -> String {
    match detail.char_indices().nth(DETAIL_MAX) {
        Some((end, _)) => format!("{}…", detail.get(..end).unwrap_or_default()),
        None => detail.to_owned(),
    }
}

fn date_of(claim: &Claim) -> Date {
    jiff::tz::Offset::UTC.to_datetime(claim.known_from).date()
}

/// What withdraws a shipment needs no mass.
fn is_cancelled(claim: &Claim) -> bool {
    matches!(&claim.record, Record::Shipment(shipment) if shipment.status == Status::Cancelled)
}

fn mass_of(claim: &Claim) -> Option<Grams> {
    match &claim.record {
        Record::Shipment(shipment) => shipment.mass(),
        Record::TradeFlow(flow) => flow.net_mass,
    }
}

fn money_of(claim: &Claim) -> Option<(Money, Month)> {
    match &claim.record {
        Record::Shipment(shipment) => shipment.customs_value.map(|money| (money, Month::of(shipment.event_date))),
        Record::TradeFlow(flow) => flow.customs_value.map(|money| (money, flow.period.last())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Position;

    #[test]
    fn what_is_known_after_it_is_read_is_a_dead_letter_of_a_log_and_none_of_a_file() {
        let feed = FeedName::from_stem("feed");
        let feed = Feed { name: feed, topic: "raw".to_owned(), decoder: Arc::new(Decoder::canonical(false)) };
        let limits = IngestLimits { payload_bytes_max: 1_000_000, default_lag_days: 30 };
        let ingest = Ingest::new(vec![feed], Arc::clone(Reference::built_in()), limits);
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let check = |written: Option<&str>,
                     (event_date, known_from): (&str, &str),
                     read_at: Option<&str>,
                     refused: Option<&str>| {
            let record = format!(
                r#"{{"kind":"shipment","id":"A","event_date":"{event_date}",{known_from}"hs":"282580","country_of_origin":"TH","destination":"US"}}"#
            );
            let message = Message {
                position: Position { topic: "raw".into(), partition: 0, offset: 0 },
                timestamp: written.map(time),
                key: None,
                value: Some(record.into_bytes()),
                headers: Vec::new(),
            };
            let effects = ingest.apply_with(&message, &Schemas::default(), read_at.map(time));
            let told = effects.dead_letter.map(|letter| (letter.reason, letter.detail));
            let wanted = refused.map(|detail| ("known_from_in_future", detail.to_owned()));
            assert_eq!((told, effects.outputs.is_empty()), (wanted, refused.is_some()), "{written:?} {event_date} {known_from}");
        };
        const FAR: Option<&str> = Some("2099-01-01T00:00:00Z");
        const READ: Option<&str> = Some("2025-06-01T00:00:00Z");
        let of_2025 = ("2025-05-01", r#""known_from":"2025-05-20T00:00:00Z","#);
        let of_2099 = ("2098-12-20", r#""known_from":"2099-01-01T00:00:00Z","#);
        let written =
            "known_from: 2099-01-01T00:00:00Z is more than a day after the message was read, written at 2099-01-01T00:00:00Z";
        check(FAR, ("2098-12-20", ""), READ, Some(written));
        check(FAR, of_2099, READ, Some(written));
        // What the record says itself needs no timestamp.
        check(FAR, of_2025, READ, None);
        // Clocks differ, by a day at most.
        check(Some("2025-06-02T00:00:00Z"), ("2025-05-01", ""), READ, None);
        let later =
            "known_from: 2025-06-02T00:00:01Z is more than a day after the message was read, written at 2025-06-02T00:00:01Z";
        check(Some("2025-06-02T00:00:01Z"), ("2025-05-01", ""), READ, Some(later));
        // A timestamp that is none.
        let none = "known_from: 2099-01-01T00:00:00Z is more than a day after the message was read, which tells no time";
        check(None, of_2099, READ, Some(none));
        // Read again later: nothing else than at first.
        check(READ, ("2025-05-01", ""), FAR, None);
        // A file is as old as it says.
        check(None, of_2099, None, None);
    }

    proptest! {
        #[test]
        fn small_products_round_as_decimals_do(amount in 0u64..1 << 40, rate in 0u64..1 << 20, scales in (0u32..6, 0u32..9)) {
            let (amount, rate) = (Decimal::from(amount), Decimal::from(rate));
            for divisor in [1u64, 2, 5] {
                let (mut amount, mut rate) = (amount * Decimal::from(divisor), rate);
                prop_assert!(amount.set_scale(scales.0).is_ok() && rate.set_scale(scales.1).is_ok());
                let general = u64::try_from((amount * rate * Decimal::ONE_HUNDRED).round()).ok();
                if let Some(cents) = small_cents(amount, rate) {
                    prop_assert_eq!(Some(cents), general);
                }
            }
        }

        #[test]
        fn halves_round_to_even(whole in 0u64..1 << 40) {
            let amount = Decimal::from_i128_with_scale(i128::from(whole) * 10 + 5, 3);
            let general = u64::try_from((amount * Decimal::ONE_HUNDRED).round()).ok();
            prop_assert_eq!(small_cents(amount, Decimal::ONE), general);
        }
    }
}
