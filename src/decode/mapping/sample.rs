//! What a mapping makes of a file, row by row and field by field, for `entrepot check --sample`.

use std::collections::BTreeMap;
use std::fmt;

use super::again::{self, Again, Told};
use super::evaluate::Place;
use super::examples::outcome;
use super::explode::Missed;
use super::layout::Layout;
use super::value::{Source, Value};
use super::{Branch, Format, Mapping, Unit};
use crate::decode::draft::Kind;
use crate::decode::mapping::field::Field;
use crate::decode::{Decoder, Piece, Row, Surroundings, canonical_sample};
use crate::domain::{Message, Position};

/// What became of the first rows of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Row by row.
    pub rows: Vec<SampleRow>,
    /// Columns of the header that the mapping reads into nothing; those listed under `never` are not among them.
    pub unread: Vec<String>,
    /// Columns that the mapping names, under `never` too, and the header does not have.
    pub absent: Vec<String>,
    /// Taken, excluded and dead letters, by outcome or reason.
    pub counts: BTreeMap<String, u64>,
    /// How many of those taken are marked so.
    pub marks: BTreeMap<&'static str, u64>,
    /// Rows that speak of what another row speaks of.
    pub again: Vec<Again>,
    told: Told,
    /// Which evidence the feed can support.
    pub layers: Layers,
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleRow {
    /// The row, line or element, from 1.
    pub row: u64,
    /// Canonical JSON with its quality, `excluded REASON`, or the error with field and value.
    pub outcome: String,
    /// The fields with a text: of a mapping in the order of the contract, of canonical JSON by name.
    pub fields: Vec<SampleField>,
}

/// A field of a row, before it is converted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleField {
    /// Its name in canonical JSON.
    pub field: String,
    /// The column or other source.
    pub from: String,
    /// The text after its steps; `None` is null.
    pub text: Option<String>,
}

/// Which layers of evidence a feed can support, each with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layers {
    /// Evidence of the record itself.
    pub record: Result<&'static str, &'static str>,
    /// Evidence of the firms.
    pub entity: Result<&'static str, &'static str>,
    /// Evidence of the corridor's sums.
    pub corridor: Result<&'static str, &'static str>,
    /// Evidence of changes over time.
    pub time: Result<&'static str, &'static str>,
}

/// What the records of a feed hold, as far as evidence needs it.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::decode) struct Evidenced {
    /// Shipments.
    shipments: bool,
    /// Flows, or shipments that are declared complete.
    sums: bool,
    /// A declared origin.
    origin: bool,
    /// A dispatch, a receipt or a lading.
    route: bool,
    /// Parties.
    parties: bool,
    /// Masses of what sums are made of, or quantities that may be.
    mass: bool,
}

impl Mapping {
    /// What becomes of the first `rows_max` messages of a file.
    fn sample(&self, (bytes, pieces): (&[u8], &[Piece<'_>]), around: &Surroundings<'_>) -> Sample {
        let mut sample = Sample::of(self.layers());
        if let Some(layout) = self.layout_of(bytes) {
            (sample.unread, sample.absent) = (self.unread(&layout), self.absent(&layout));
            // What is no header of the feed may be a row, with cells that nobody may see.
            if !self.never.is_empty() && layout.require(&self.required, self.head_columns()).is_err() {
                sample.unread.clear();
            }
        }
        for piece in pieces {
            let position =
                Position { topic: self.name.as_str().into(), partition: 0, offset: i64::try_from(piece.row).unwrap_or(0) };
            let message = Message { position, timestamp: None, key: None, value: None, headers: Vec::new() };
            // Of a message that is the file the rows within it are told, else the message is the row.
            let number = |row: usize| if self.envelope.unit == Unit::File { row as u64 } else { piece.row };
            let mut rows = Vec::new();
            let mut take = |place: Result<&Place<'_>, Missed>| match place {
                Ok(place) => self.records(place, around, &mut |row, branch| {
                    let fields = branch.map(|branch| self.fields(place, branch)).unwrap_or_default();
                    rows.push((number(place.row), row, fields));
                }),
                Err(missed) => rows.push((number(missed.row), missed.stop.into(), Vec::new())),
            };
            // A message that cannot be read to its end gives none of its rows.
            match self.each_row((&piece.bytes, &message), around, &mut take) {
                Ok(()) => rows.into_iter().for_each(|(number, row, fields)| sample.note(number, &row, fields)),
                Err(error) => sample.note(piece.row, &Row::Failed(error), Vec::new()),
            }
        }
        sample
    }

    fn fields(&self, place: &Place<'_>, branch: &Branch) -> Vec<SampleField> {
        let field = |name: &str, value: &Value| SampleField {
            field: String::from(name),
            from: place.shown(used(value, place)),
            text: place.value(value).map(|text| text.into_owned()),
        };
        let mut fields: Vec<SampleField> = branch.rules.iter().map(|rule| field(rule.field.name(), &rule.value)).collect();
        fields.extend(
            self.quantities.iter().flat_map(|rule| [field("quantity.value", &rule.value), field("quantity.unit", &rule.unit)]),
        );
        fields
    }

    /// The header of a file; `None` where it has none.
    fn layout_of(&self, bytes: &[u8]) -> Option<Layout> {
        let Format::Csv(dialect, _) = self.envelope.format else { return None };
        let text = self.envelope.encoding.decode(bytes)?;
        self.find_header(&text, dialect).ok().map(|(_, layout)| layout)
    }

    /// Names that the mapping has and the header has not.
    fn absent(&self, layout: &Layout) -> Vec<String> {
        let read = self.head_columns().iter().enumerate().filter(|(slot, _)| layout.position(*slot).is_none());
        let read = read.map(|(_, column)| column.names.join(" or "));
        let there: Vec<String> = layout.names.iter().map(|name| self.names.key(name)).collect();
        read.chain(self.never.absent(&there)).collect()
    }

    /// Names of the header that nothing reads.
    fn unread(&self, layout: &Layout) -> Vec<String> {
        let read: Vec<usize> = (0..self.head_columns().len()).filter_map(|slot| layout.position(slot)).collect();
        let names = layout.names.iter().enumerate().filter(|(at, _)| !read.contains(at)).map(|(_, name)| name.clone());
        names.filter(|name| !self.leaves_out(name)).collect()
    }

    /// Which evidence the feed can support: what is mapped, and what it means.
    pub fn layers(&self) -> Layers {
        let shipments = self.branches.iter().any(|branch| branch.kind == Kind::Shipment);
        let flows = self.branches.iter().any(|branch| branch.kind == Kind::TradeFlow);
        let mapped = |field: Field| self.branches.iter().any(|branch| branch.rules.iter().any(|rule| rule.field == field));
        let weighs = |branch: &Branch| branch.rules.iter().any(|rule| matches!(rule.field, Field::NetMass | Field::GrossMass));
        let mut summed = self.branches.iter().filter(|branch| branch.kind == Kind::TradeFlow || self.meaning.complete);
        let mass = summed.any(weighs) || !self.quantities.is_empty();
        let route = [Field::CountryOfConsignment, Field::PlaceOfReceipt, Field::PortOfLading, Field::CountryOfLading];
        Layers::of(Evidenced {
            shipments,
            sums: flows || self.meaning.complete,
            origin: mapped(Field::CountryOfOrigin),
            route: route.into_iter().any(mapped),
            parties: !self.lists.parties.is_empty(),
            mass,
        })
    }

    /// What the mapping says, in a few lines.
    pub fn describe(&self) -> String {
        let mut kinds: Vec<&str> = self.branches.iter().map(|branch| branch.kind.word()).collect();
        kinds.dedup();
        let format = match self.envelope.format {
            Format::Csv(..) => "csv",
            Format::Json => "json",
            Format::JsonTable => "json-table",
            Format::Ndjson => "ndjson",
            Format::Parquet => "parquet",
            Format::Fixed => "fixed",
        };
        let encoding = self.envelope.encoding.name();
        let mut text = format!("{}: {}\n  gives {} from {format} in {encoding}", self.name, self.title, kinds.join(" and "));
        if let Some(partner) = &self.meaning.partner {
            text.push_str(&format!(", partner means {partner}"));
        }
        for rule in self.branches.iter().flat_map(|branch| &branch.rules) {
            if let Source::Constant(constant) = &rule.value.source {
                text.push_str(&format!(", {} {constant}", rule.field.name()));
            }
        }
        text + &format!("\n{}", self.layers())
    }
}

/// Of several sources the one that a row was read from.
fn used<'v>(value: &'v Value, place: &Place<'_>) -> &'v Value {
    match &value.source {
        Source::First(parts, _) => parts.iter().find(|part| place.value(part).is_some()).unwrap_or(value),
        _ => value,
    }
}

impl Layers {
    /// What such contents can support.
    pub(in crate::decode) fn of(has: Evidenced) -> Layers {
        Layers {
            record: match (has.shipments, has.origin, has.route) {
                (true, true, true) => Ok("shipments with a declared origin and a route"),
                (true, false, _) => Err("no declared origin"),
                (true, true, false) => Err("no route: neither dispatch, receipt nor lading"),
                (false, ..) => Err("no shipments"),
            },
            entity: match (has.shipments, !has.parties) {
                (true, false) => Ok("shipments with parties"),
                (true, true) => Err("no parties"),
                (false, _) => Err("no shipments"),
            },
            corridor: match (has.sums, has.mass) {
                (true, true) => Ok("sums of trade with mass"),
                (true, false) => Err("sums of trade in value alone: no mass balance"),
                (false, _) => Err("shipments that are not declared complete"),
            },
            time: match (has.sums, has.mass) {
                (true, true) => Ok("sums of trade by period"),
                (true, false) => Err("sums of trade in value alone: prices move them"),
                (false, _) => Err("shipments that are not declared complete"),
            },
        }
    }
}

impl Evidenced {
    /// Adds what a record has, by the names of canonical JSON.
    pub(in crate::decode) fn add(&mut self, has: impl Fn(&str) -> bool) {
        let any = |names: &[&str]| names.iter().any(|name| has(name));
        self.shipments |= has("destination");
        self.sums |= has("period");
        self.mass |= has("period") && has("net_mass_kg");
        self.origin |= has("country_of_origin");
        self.route |= any(&["country_of_consignment", "place_of_receipt", "port_of_lading", "country_of_lading"]);
        self.parties |= has("parties");
    }
}

impl Sample {
    /// Of no row yet.
    pub(in crate::decode) fn of(layers: Layers) -> Sample {
        let (counts, marks, told) = (BTreeMap::new(), BTreeMap::new(), Told::default());
        Sample { rows: Vec::new(), unread: Vec::new(), absent: Vec::new(), counts, marks, again: Vec::new(), told, layers }
    }

    pub(in crate::decode) fn note(&mut self, number: u64, row: &Row, fields: Vec<SampleField>) {
        let (count, outcome) = match row {
            Row::Claim(_) => ("taken".to_owned(), outcome(row)),
            Row::Excluded(_) => (outcome(row), outcome(row)),
            Row::Failed(error) => (outcome(row), format!("dead_letter {error}")),
        };
        *self.counts.entry(count).or_default() += 1;
        if let Row::Claim(claim) = row {
            for mark in claim.quality.iter() {
                *self.marks.entry(mark.code()).or_default() += 1;
            }
            self.again.extend(self.told.take(number, claim));
        }
        self.rows.push(SampleRow { row: number, outcome, fields });
    }
}

impl Decoder {
    /// What became of the first rows of a file, whatever the size of their messages.
    pub fn sample(&self, bytes: &[u8], rows_max: usize, around: &Surroundings<'_>) -> Sample {
        self.sample_within(bytes, (rows_max, usize::MAX), around)
    }

    /// The same, where messages of more bytes than these are dead letters.
    pub fn sample_within(&self, bytes: &[u8], (rows_max, bytes_max): (usize, usize), around: &Surroundings<'_>) -> Sample {
        let pieces = self.split_file(bytes).take(rows_max);
        let (large, pieces): (Vec<_>, Vec<_>) = pieces.partition(|piece| piece.bytes.len() > bytes_max);
        let mut sample = match self.mapping() {
            Some(mapping) => mapping.sample((bytes, &pieces), around),
            None => canonical_sample::sample(self, &pieces, around),
        };
        for piece in large {
            sample.note(piece.row, &Row::Failed(self.too_large(&piece.bytes, bytes_max)), Vec::new());
        }
        sample
    }
}

impl fmt::Display for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layers = [("record", &self.record), ("entity", &self.entity), ("corridor", &self.corridor), ("time", &self.time)];
        layers.iter().try_for_each(|(name, layer)| match layer {
            Ok(why) => writeln!(f, "  {name:9} can be observed: {why}"),
            Err(why) => writeln!(f, "  {name:9} not_observable: {why}"),
        })
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            writeln!(f, "row {}: {}", row.row, row.outcome)?;
            for field in &row.fields {
                writeln!(f, "  {:22} {:28} {}", field.field, field.from, field.text.as_deref().unwrap_or("(null)"))?;
            }
        }
        if !self.unread.is_empty() {
            writeln!(f, "not read: {}", self.unread.join(", "))?;
        }
        if !self.absent.is_empty() {
            writeln!(f, "not there: {}", self.absent.join(", "))?;
        }
        again::lines(&self.again).try_for_each(|line| writeln!(f, "{line}"))?;
        self.counts.iter().try_for_each(|(what, count)| writeln!(f, "{count:>8} {what}"))?;
        self.marks.iter().try_for_each(|(mark, count)| writeln!(f, "{count:>8} of those taken marked {mark}"))?;
        write!(f, "{}", self.layers)
    }
}
