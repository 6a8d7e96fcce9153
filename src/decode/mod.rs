//! Bytes → claims: canonical JSON, and every other feed through a mapping. Reads code tables, never facts.

mod canonical;
mod canonical_sample;
mod delimited;
mod draft;
mod encoding;
pub mod framed;
mod json;
mod mapping;
pub mod movement;
mod number;
mod parquet;
mod proposal;
mod record;
mod scan;
mod schema;
mod shipped;
mod split;
mod time;
mod units;
mod wire;
pub(crate) mod writer;
mod xml;

use crate::domain::{Claim, Date, DeadLetterReason, ExcludedReason, Message, Period, Timestamp};

pub use self::parquet::{MAGIC as PARQUET_MAGIC, ParquetRows, Take as TakeRow, Unreadable as UnreadableParquet};
use canonical::ROLES;
pub use mapping::{
    Again, Counts, ExampleFailure, FileOf, Join, Layers, Mapping, MappingError, PartRow, PartRows, Sample, SampleField,
    SampleRow, TakePartRow,
};
pub use proposal::{Excerpt, NoTable, is_canonical, propose};
pub use record::canonical_record;
pub(crate) use record::write_content;
pub use schema::record_schemas;
pub use shipped::built_in_mappings;
pub use split::{Piece, Split, Splitter, TakePiece};

use draft::{Times, error};
use framed::Framed;

/// The header that carries the name of the file a message was read from.
pub const FILE_HEADER: &str = "entrepot-file";

/// Reads the messages of one feed.
#[derive(Debug)]
pub struct Decoder {
    form: Form,
    corrections: bool,
    framed: Option<Framed>,
}

#[derive(Debug)]
enum Form {
    Canonical,
    Mapped(Box<Mapping>),
}

impl Decoder {
    /// Reads canonical JSON. With `corrections` a null value withdraws the record that the key names.
    pub fn canonical(corrections: bool) -> Decoder {
        Decoder { form: Form::Canonical, corrections, framed: None }
    }

    /// Reads what a mapping describes.
    pub fn mapped(mapping: Mapping, corrections: bool) -> Decoder {
        Decoder { form: Form::Mapped(Box::new(mapping)), corrections, framed: None }
    }

    /// The same, of messages in a registry's frame: who reads them opens them first, and decodes the JSON that is in them.
    pub fn in_frame(self, framed: Option<Framed>) -> Decoder {
        Decoder { framed, ..self }
    }

    /// In what its messages are written, where they stand in a registry's frame.
    pub fn framed(&self) -> Option<Framed> {
        self.framed
    }

    /// Whether it reads what comes out of a registry's frame: a JSON document.
    pub fn reads_documents(&self) -> bool {
        let is_utf8 = self.mapping().is_none_or(|mapping| mapping.envelope().encoding == encoding::TextEncoding::UTF_8);
        is_utf8 && matches!(self.format(), "json" | "ndjson")
    }

    /// The mapping, where the feed has one.
    pub fn mapping(&self) -> Option<&Mapping> {
        match &self.form {
            Form::Canonical => None,
            Form::Mapped(mapping) => Some(mapping),
        }
    }

    /// How the files of a release are joined, where they are.
    pub fn join(&self) -> Option<&Join> {
        self.mapping().and_then(Mapping::join)
    }

    /// Whether files of the feed are Parquet; a message is a row of one, as a JSON object.
    pub fn is_parquet(&self) -> bool {
        self.mapping().is_some_and(|mapping| mapping.envelope().format == mapping::Format::Parquet)
    }

    /// Whether a column may not be read, nor get onto the topic.
    pub fn leaves_out(&self, column: &str) -> bool {
        self.mapping().is_some_and(|mapping| mapping.leaves_out(column))
    }

    /// The word of the form that its messages have, as `envelope.format` says it.
    pub fn format(&self) -> &'static str {
        match self.mapping().map(|mapping| mapping.envelope().format) {
            None | Some(mapping::Format::Ndjson | mapping::Format::Parquet) => "ndjson",
            Some(mapping::Format::Csv(..)) => "csv",
            Some(mapping::Format::Json) => "json",
            Some(mapping::Format::JsonTable) => "json-table",
            Some(mapping::Format::Fixed) => "fixed",
        }
    }

    /// What decides which messages a file of the feed becomes, as a text: with another one its rows have other places.
    pub fn shape(&self) -> String {
        let form = self.mapping().map_or("canonical", Mapping::shape);
        format!("{} {form}", self.framed.map_or("", Framed::word))
    }

    /// How a file of the feed is cut into messages.
    pub fn split(&self) -> Split {
        match self.mapping().map(Mapping::envelope) {
            _ if self.framed.is_some() => Split::Whole,
            None => Split::Lines,
            Some(envelope) if envelope.unit == mapping::Unit::File => Split::Whole,
            Some(envelope) if envelope.unit == mapping::Unit::Group => Split::Groups,
            Some(envelope) => match envelope.format {
                mapping::Format::Csv(..) if envelope.header.is_some() => Split::Lines,
                mapping::Format::Csv(..) => Split::HeaderAndRow,
                mapping::Format::Ndjson | mapping::Format::Parquet | mapping::Format::Fixed => Split::Lines,
                mapping::Format::Json | mapping::Format::JsonTable => Split::Elements,
            },
        }
    }

    /// The messages of a file that is in memory.
    pub fn split_file(&self, bytes: &[u8]) -> impl Iterator<Item = Piece<'static>> {
        let (mut splitter, mut pieces) = (Splitter::new(self), Vec::new());
        splitter.push(bytes, &mut |piece| pieces.push(piece.into_owned()));
        splitter.finish(&mut |piece| pieces.push(piece.into_owned()));
        split::together(pieces, splitter.head()).into_iter()
    }

    /// Why a message of more bytes than these is not taken.
    pub fn too_large(&self, bytes: &[u8], bytes_max: usize) -> DecodeError {
        let open = if self.ends_quoted(bytes) { "; a quoted cell in it never ends" } else { "" };
        let detail = format!("{} bytes; at most {bytes_max} are taken (ingest.payload_bytes_max){open}", bytes.len());
        error(DeadLetterReason::TooLarge, detail)
    }

    /// Whether a message of delimited text ends within a quoted cell.
    pub fn ends_quoted(&self, bytes: &[u8]) -> bool {
        let Some(envelope) = self.mapping().map(Mapping::envelope) else { return false };
        let mapping::Format::Csv(dialect, _) = envelope.format else { return false };
        let mut records = delimited::Records::new(dialect, envelope.encoding);
        records.push(bytes, &mut |_| {});
        records.is_open()
    }

    /// Reads a message. Pure and total: any bytes give rows or an error.
    pub fn decode(&self, message: &Message, around: &Surroundings<'_>) -> Decoded {
        let Some(value) = &message.value else { return Decoded::Unreadable(self.null_value(message)) };
        let families = around.reference.families();
        let times = Times { timestamp: message.timestamp, default_lag_days: around.default_lag_days, families };
        match &self.form {
            Form::Canonical => canonical::decode(value, times),
            Form::Mapped(mapping) => mapping.decode(value, message, around),
        }
    }

    /// A deletion mark: a withdrawal by id alone where the feed has corrections, else no record at all.
    fn null_value(&self, message: &Message) -> DecodeError {
        let key = message.key.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        if self.corrections {
            let detail =
                format!("the withdrawal of {key:?} by a null value waits for the link stage; send status cancelled with its hs");
            return error(DeadLetterReason::NeedsLink, detail);
        }
        error(DeadLetterReason::Malformed, "the message has no value, and the feed is not declared with corrections = true")
    }
}

/// What became of one row of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// A record.
    Claim(Box<Claim>),
    /// Left out on purpose.
    Excluded(ExcludedReason),
    /// Could not be taken.
    Failed(DecodeError),
}

/// What a message held.
#[derive(Clone, Debug, PartialEq)]
pub enum Decoded {
    /// Its rows, in order; an index in `dlq.records` counts them from 0.
    Rows(Vec<Row>),
    /// It could not be opened: one dead letter, whatever its rows.
    Unreadable(DecodeError),
}

/// Why a message or a row could not be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct DecodeError {
    /// The reason.
    pub reason: DeadLetterReason,
    /// Field, value, what is allowed.
    pub detail: String,
}

/// What decoding takes from outside the message and the mapping.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The code tables.
    pub reference: &'a crate::reference::Reference,
    /// Days after the event date or period end at which a record of a file without `known_from` counts as known.
    pub default_lag_days: u16,
    /// The name of the file, where the message is a row of one.
    pub file_name: Option<&'a str>,
}

/// The rule of `contract.md` 1 where a record carries no `known_from`: the raw message's timestamp, else the default lag.
pub fn known_from_default(event_end: Date, timestamp: Option<Timestamp>, default_lag_days: u16) -> Timestamp {
    timestamp.unwrap_or_else(|| midnight_after(event_end, default_lag_days))
}

/// Midnight UTC that many days after a date.
pub fn midnight_after(date: Date, days: u16) -> Timestamp {
    let midnight = jiff::tz::Offset::UTC.to_timestamp(date.to_datetime(jiff::civil::Time::midnight())).unwrap_or(Timestamp::MAX);
    let later = midnight.checked_add(jiff::SignedDuration::from_hours(24 * i64::from(days)));
    later.unwrap_or(Timestamp::MAX)
}

/// The last day of a period.
pub fn period_end(period: Period) -> Date {
    period.last().last_day()
}
