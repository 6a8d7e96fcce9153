//! The fields of a canonical record as a mapping fills them: from a text to a type that cannot be wrong.

use super::countries::Countries;
use super::evaluate::Place;
use super::figures::Figures;
use super::reader::{Item, MappingError, Section, nearest};
use super::value::{self, Columns, Source, Value};
use crate::decode::draft::{Draft, Goods, Kind, malformed, missing};
use crate::decode::time::{self, Format};
use crate::decode::{DecodeError, Row};
use crate::domain::{Country, Degrade, ExcludedReason, FlowKind, Grams, HsVersion, Money, Port, Valuation};
use crate::reference::{Codes, PortSystem};

/// A field that one text fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    Id,
    Revision,
    EventDate,
    Period,
    KnownFrom,
    Flow,
    Reporter,
    Partner,
    ConsignmentPartner,
    Hs,
    HsVersion,
    Description,
    Marks,
    CountryOfOrigin,
    CountryOfConsignment,
    Destination,
    PlaceOfReceipt,
    PortOfLading,
    CountryOfLading,
    PortOfUnlading,
    NetMass,
    GrossMass,
    CustomsValue,
    Valuation,
}

/// The fields by their names in canonical JSON.
pub(super) const FIELDS: [(&str, Field); 24] = [
    ("id", Field::Id),
    ("revision", Field::Revision),
    ("event_date", Field::EventDate),
    ("period", Field::Period),
    ("known_from", Field::KnownFrom),
    ("flow", Field::Flow),
    ("reporter", Field::Reporter),
    ("partner", Field::Partner),
    ("consignment_partner", Field::ConsignmentPartner),
    ("hs", Field::Hs),
    ("hs_version", Field::HsVersion),
    ("description", Field::Description),
    ("marks", Field::Marks),
    ("country_of_origin", Field::CountryOfOrigin),
    ("country_of_consignment", Field::CountryOfConsignment),
    ("destination", Field::Destination),
    ("place_of_receipt", Field::PlaceOfReceipt),
    ("port_of_lading", Field::PortOfLading),
    ("country_of_lading", Field::CountryOfLading),
    ("port_of_unlading", Field::PortOfUnlading),
    ("net_mass_kg", Field::NetMass),
    ("gross_mass_kg", Field::GrossMass),
    ("customs_value", Field::CustomsValue),
    ("valuation", Field::Valuation),
];

impl Field {
    /// Its name in canonical JSON.
    pub(super) fn name(self) -> &'static str {
        FIELDS.iter().find(|(_, field)| *field == self).map_or("field", |(name, _)| name)
    }

    /// Whether records of a kind have it.
    fn is_of(self, kind: Kind) -> bool {
        match self {
            Field::KnownFrom | Field::Flow | Field::Reporter | Field::Hs | Field::HsVersion => true,
            Field::NetMass | Field::CustomsValue | Field::Valuation => true,
            Field::Period | Field::Partner | Field::ConsignmentPartner => kind == Kind::TradeFlow,
            Field::Id | Field::Revision | Field::EventDate | Field::Description | Field::Marks => kind == Kind::Shipment,
            Field::CountryOfOrigin | Field::CountryOfConsignment | Field::Destination => kind == Kind::Shipment,
            Field::PlaceOfReceipt | Field::PortOfLading | Field::CountryOfLading => kind == Kind::Shipment,
            Field::PortOfUnlading | Field::GrossMass => kind == Kind::Shipment,
        }
    }
}

/// How a text becomes the field's value.
#[derive(Clone, Debug)]
pub(super) enum Convert {
    Text,
    Whole,
    Date(Vec<Format>),
    Period(Vec<Format>),
    Instant(Vec<Format>),
    Flow,
    Valuation,
    Version,
    Country(Countries),
    Port(PortSystem),
    Goods { masks: String, none: Vec<String> },
    Mass(Figures),
    Money(Figures, Box<Value>),
}

/// A field, where its text comes from, and what it becomes.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) field: Field,
    pub(super) value: Value,
    pub(super) convert: Convert,
    /// Where the mapping says it.
    pub(super) origin: MappingError,
}

/// Why a row gives no record.
#[derive(Debug)]
pub(super) enum Stop {
    Excluded(String),
    Failed(DecodeError),
}

impl From<Stop> for Row {
    fn from(stop: Stop) -> Row {
        match stop {
            Stop::Excluded(reason) => Row::Excluded(ExcludedReason::new(&reason)),
            Stop::Failed(error) => Row::Failed(error),
        }
    }
}

impl From<DecodeError> for Stop {
    fn from(error: DecodeError) -> Stop {
        Stop::Failed(error)
    }
}

impl Rule {
    /// A field of records of these kinds: a column's name, or a table with a source and the keys of the field's type.
    pub(super) fn read((name, item): (&str, &Item<'_>), kinds: &[Kind], columns: &mut Columns) -> Result<Rule, MappingError> {
        let Some((_, field)) = FIELDS.iter().find(|(known, _)| *known == name) else {
            let names: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
            // What several texts fill has a key of its own.
            let top = [("transit_ports", "transit_ports = [ … ]"), ("bill_of_lading", "[bill_of_lading]")];
            let top = top.into_iter().chain([
                ("containers", "[[containers]]"),
                ("parties", "[[parties]]"),
                ("quantity", "[[quantities]]"),
            ]);
            return Err(item.error(match top.into_iter().find(|(known, _)| *known == name) {
                Some((_, key)) => {
                    format!("is no key of fields: {key} stands at the top of the file, before the first section or as one")
                }
                None => format!("unknown field; {}", nearest(name, &names)),
            }));
        };
        if let [kind, ..] = kinds
            && !kinds.iter().any(|kind| field.is_of(*kind))
        {
            let has: Vec<&str> = FIELDS.iter().filter(|(_, field)| field.is_of(*kind)).map(|(name, _)| *name).collect();
            return Err(item.error(format!("a {} has no such field; it has {}", kind.word(), has.join(", "))));
        }
        if item.as_text().is_some() || item.is_list() {
            let value = value::read_item(item, columns)?;
            let convert = convert(*field, None, columns).map_err(|problem| item.error(problem.problem))?;
            return Ok(Rule { field: *field, value, convert, origin: item.error("") });
        }
        let section = item.source()?;
        let value = value::read(&section, columns)?;
        let convert = convert(*field, Some(&section), columns)?;
        section.finish()?;
        Ok(Rule { field: *field, value, convert, origin: item.error("") })
    }
}

fn convert(field: Field, section: Option<&Section<'_>>, columns: &mut Columns) -> Result<Convert, MappingError> {
    let formats = |default: &str| {
        let texts = section.map(|section| section.texts("formats")).transpose()?.flatten();
        let texts = texts.unwrap_or_else(|| vec![default.to_owned()]);
        if let (Some(section), []) = (section, texts.as_slice()) {
            return Err(section.error("formats", "must name at least one"));
        }
        let read = |text: &String| {
            Format::parse(text).map_err(|problem| match section {
                Some(section) => section.error("formats", problem),
                None => MappingError { line: 0, key: field.name().to_owned(), problem },
            })
        };
        texts.iter().map(read).collect::<Result<Vec<_>, _>>()
    };
    let figures = || match section {
        None => Ok(Figures::plain()),
        // How its parts are printed is the sum's own affair.
        Some(section) if section.has("sum") => Figures::of_sum(section),
        Some(section) => Figures::read(section),
    };
    Ok(match field {
        Field::Id | Field::Description | Field::Marks => Convert::Text,
        Field::Revision => Convert::Whole,
        Field::EventDate => {
            let formats = formats("%Y-%m-%d")?;
            if let (Some(format), Some(section)) = (formats.iter().find(|format| !format.is_day()), section) {
                return Err(section.error("formats", format!("{:?} tells no day", format.as_str())));
            }
            Convert::Date(formats)
        }
        Field::Period => Convert::Period(formats("period")?),
        Field::KnownFrom => Convert::Instant(formats("rfc3339")?),
        Field::Flow => Convert::Flow,
        Field::Valuation => Convert::Valuation,
        Field::HsVersion => Convert::Version,
        Field::Hs => Convert::Goods {
            masks: section.map(|section| section.text("masks")).transpose()?.flatten().unwrap_or_default(),
            none: section.map(|section| section.texts("none")).transpose()?.flatten().unwrap_or_default(),
        },
        Field::Reporter
        | Field::Partner
        | Field::ConsignmentPartner
        | Field::CountryOfOrigin
        | Field::CountryOfConsignment
        | Field::Destination
        | Field::CountryOfLading => Convert::Country(Countries::read(section)?),
        Field::PlaceOfReceipt | Field::PortOfLading | Field::PortOfUnlading => Convert::Port(match section {
            Some(section) => named(section, &PortSystem::ALL, PortSystem::Unlocode)?,
            None => PortSystem::Unlocode,
        }),
        Field::NetMass | Field::GrossMass => Convert::Mass(figures()?),
        Field::CustomsValue => {
            let figures = figures()?;
            let currency = section.and_then(|section| section.item("currency"));
            let absent = || MappingError {
                line: 0,
                key: "customs_value".to_owned(),
                problem: "currency is missing, such as { const = \"USD\" }".to_owned(),
            };
            let currency = currency
                .ok_or_else(|| section.map_or_else(absent, |s| s.error("currency", "is missing, such as { const = \"USD\" }")))?;
            Convert::Money(figures, Box::new(value::read_item(&currency, columns)?))
        }
    })
}

/// A system of codes by its name.
pub(super) fn named<T: Copy>(section: &Section<'_>, all: &[(&'static str, T)], default: T) -> Result<T, MappingError> {
    let Some(text) = section.text("codes")? else { return Ok(default) };
    let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
    let found = all.iter().find(|(name, _)| *name == text);
    found
        .map(|(_, system)| *system)
        .ok_or_else(|| section.error("codes", format!("{text:?} is no system of codes; {}", nearest(&text, &names))))
}

impl Rule {
    /// Reads the field of one row into the draft.
    pub(super) fn apply(&self, place: &Place<'_>, codes: &Codes, draft: &mut Draft) -> Result<(), Stop> {
        let Some(text) = place.told(&self.value, self.field.name())? else { return Ok(()) };
        let text = text.as_ref();
        if let Source::First(parts, true) = &self.value.source
            && parts.first().is_some_and(|first| place.value(first).is_none())
        {
            draft.quality.insert(Degrade::Fallback);
        }
        let wrong = |allowed: &str| malformed(&self.told(place), format_args!("{text:?} {allowed}"));
        match (&self.convert, self.field) {
            (Convert::Text, Field::Id) => draft.id = Some(text.to_owned()),
            (Convert::Text, Field::Description) => draft.description = Some(text.to_owned()),
            (Convert::Text, _) => draft.marks = Some(text.to_owned()),
            (Convert::Whole, _) => {
                let revision = text.parse().ok().filter(|revision| *revision >= 1);
                draft.revision = Some(revision.ok_or_else(|| wrong("is no whole number from 1"))?);
            }
            (Convert::Date(formats), _) => {
                let date = time::read_date(text, formats);
                draft.event_date = Some(date.ok_or_else(|| wrong(&format!("is no date of the form {}", listed(formats))))?);
            }
            (Convert::Period(formats), _) => {
                let period = time::read_period(text, formats);
                draft.period = Some(period.ok_or_else(|| wrong(&format!("is no period of the form {}", listed(formats))))?);
            }
            (Convert::Instant(formats), _) => {
                let instant = time::read_instant(text, formats);
                draft.known_from = Some(instant.ok_or_else(|| wrong(&format!("is no time of the form {}", listed(formats))))?);
            }
            (Convert::Flow, _) => {
                draft.flow = Some(text.parse::<FlowKind>().map_err(|cause| malformed(&self.told(place), cause))?);
            }
            (Convert::Valuation, _) => {
                draft.valuation = Some(text.parse::<Valuation>().map_err(|cause| malformed(&self.told(place), cause))?);
            }
            (Convert::Version, _) => {
                let version = text.parse::<HsVersion>().ok();
                draft.hs_version =
                    Some(version.ok_or_else(|| wrong("is no edition (1988, 1996, 2002, 2007, 2012, 2017, 2022)"))?);
            }
            (Convert::Country(countries), field) => {
                let country = countries.country(|| self.told(place), text, codes)?;
                set_country(field, country, draft);
            }
            (Convert::Port(system), field) => self.port(field, codes.port(*system, text), draft),
            (Convert::Goods { masks, none }, _) => {
                self.goods(text, (masks, none), draft).map_err(|cause| cause.in_field(&self.told(place)))?
            }
            (Convert::Mass(figures), field) => {
                let grams = figures.number(text).and_then(|kilograms| Grams::from_kilograms(kilograms).ok());
                let grams = grams.ok_or_else(|| wrong("is no mass in kg (0 to 10^15)"))?;
                if field == Field::NetMass { draft.net_mass = Some(grams) } else { draft.gross_mass = Some(grams) }
            }
            (Convert::Money(figures, currency), _) => {
                let amount = figures.number(text).filter(|amount| !amount.is_sign_negative() || amount.is_zero());
                let amount = amount.ok_or_else(|| wrong("is no amount from 0 of at most 28 digits"))?;
                let currency = place.told(currency, "customs_value.currency")?;
                let currency = currency.ok_or_else(|| missing("customs_value.currency", "the row names none"))?;
                let currency = currency.parse().map_err(|cause| malformed("customs_value.currency", cause))?;
                draft.customs_value = Some(Money { amount, currency });
            }
        }
        Ok(())
    }

    /// Field and column, for errors.
    fn told(&self, place: &Place<'_>) -> String {
        format!("{} (from {})", self.field.name(), place.shown(&self.value))
    }

    fn goods(&self, text: &str, (masks, none): (&str, &[String]), draft: &mut Draft) -> Result<(), Misfit> {
        if none.iter().any(|code| code == text) {
            return Err(Misfit::NoGoods);
        }
        let known = text.find(|sign| masks.contains(sign)).and_then(|at| text.get(..at));
        let Some(known) = known else {
            draft.hs = Goods::read(text).map_err(Misfit::Wrong)?;
            return Ok(());
        };
        // Only the leading digits hold; fewer than six name a heading or chapter, which is too short for a record.
        draft.quality.insert(Degrade::HsMasked);
        draft.hs = if known.len() < 6 { Goods::TooShort } else { Goods::read(known).map_err(Misfit::Wrong)? };
        Ok(())
    }

    fn port(&self, field: Field, found: Option<(Country, Option<Port>)>, draft: &mut Draft) {
        let (country, port) = found.map_or((None, None), |(country, port)| (Some(country), port));
        if port.is_none() {
            draft.quality.insert(Degrade::PortUnknown);
        }
        match field {
            Field::PlaceOfReceipt => draft.place_of_receipt = port,
            Field::PortOfUnlading => draft.port_of_unlading = port,
            _ => {
                draft.port_of_lading = port;
                if port.is_none() {
                    draft.country_of_lading = country.filter(|country| country.is_known()).or(draft.country_of_lading);
                }
            }
        }
    }
}

/// Why a code of goods gives none.
enum Misfit {
    NoGoods,
    Wrong(DecodeError),
}

impl Misfit {
    fn in_field(self, told: &str) -> Stop {
        match self {
            Misfit::NoGoods => Stop::Excluded(ExcludedReason::NO_HS.to_owned()),
            Misfit::Wrong(error) => {
                let cause = error.detail.strip_prefix("hs: ").unwrap_or(&error.detail);
                malformed(told, cause).into()
            }
        }
    }
}

fn listed(formats: &[Format]) -> String {
    formats.iter().map(Format::as_str).collect::<Vec<_>>().join(" or ")
}

fn set_country(field: Field, country: Country, draft: &mut Draft) {
    let known = Some(country).filter(|country| country.is_known());
    draft.origin_unknown |= known.is_none() && matches!(field, Field::CountryOfOrigin | Field::CountryOfConsignment);
    match field {
        Field::Reporter => draft.reporter = known,
        Field::Partner => draft.partner = Some(country),
        Field::ConsignmentPartner => draft.consignment_partner = known,
        Field::CountryOfOrigin => draft.country_of_origin = known,
        Field::CountryOfConsignment => draft.country_of_consignment = known,
        Field::CountryOfLading => draft.country_of_lading = known,
        _ => draft.destination = Some(country),
    }
}
