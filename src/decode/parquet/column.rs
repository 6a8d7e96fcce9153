//! A column of a row group: levels and values of some rows at a time, one after the other.

use parquet::column::reader::ColumnReader;
use parquet::data_type::{ByteArray, FixedLenByteArray, Int96};
use parquet::schema::types::ColumnDescriptor;

use super::in_column;
use super::text::{Kind, Value};

/// A column that is being read.
pub(super) struct Column {
    path: String,
    reader: ColumnReader,
    /// The levels of a value that is there, and whose column may repeat.
    definition_max: i16,
    repetition_max: i16,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
    values: Values,
    /// Levels of these rows, those that were taken, and the values that were.
    levels: usize,
    at: usize,
    value: usize,
}

/// Values as the file stores them.
enum Values {
    Bools(Vec<bool>),
    Int32s(Vec<i32>),
    Int64s(Vec<i64>),
    Int96s(Vec<Int96>),
    Floats(Vec<f32>),
    Doubles(Vec<f64>),
    Bytes(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
}

impl Column {
    pub(super) fn new(path: String, reader: ColumnReader, about: &ColumnDescriptor) -> Column {
        let values = match &reader {
            ColumnReader::BoolColumnReader(_) => Values::Bools(Vec::new()),
            ColumnReader::Int32ColumnReader(_) => Values::Int32s(Vec::new()),
            ColumnReader::Int64ColumnReader(_) => Values::Int64s(Vec::new()),
            ColumnReader::Int96ColumnReader(_) => Values::Int96s(Vec::new()),
            ColumnReader::FloatColumnReader(_) => Values::Floats(Vec::new()),
            ColumnReader::DoubleColumnReader(_) => Values::Doubles(Vec::new()),
            ColumnReader::ByteArrayColumnReader(_) => Values::Bytes(Vec::new()),
            ColumnReader::FixedLenByteArrayColumnReader(_) => Values::Fixed(Vec::new()),
        };
        let (definition_max, repetition_max) = (about.max_def_level(), about.max_rep_level());
        let (definitions, repetitions) = (Vec::new(), Vec::new());
        Column { path, reader, definition_max, repetition_max, definitions, repetitions, values, levels: 0, at: 0, value: 0 }
    }

    /// Reads the next rows in place of the last.
    pub(super) fn fill(&mut self, rows: usize) -> Result<(), String> {
        self.definitions.clear();
        self.repetitions.clear();
        (self.at, self.value) = (0, 0);
        let (definitions, repetitions) = (Some(&mut self.definitions), Some(&mut self.repetitions));
        macro_rules! read {
            ($reader:ident, $values:ident) => {{
                $values.clear();
                $reader.read_records(rows, definitions, repetitions, $values)
            }};
        }
        let read = match (&mut self.reader, &mut self.values) {
            (ColumnReader::BoolColumnReader(reader), Values::Bools(values)) => read!(reader, values),
            (ColumnReader::Int32ColumnReader(reader), Values::Int32s(values)) => read!(reader, values),
            (ColumnReader::Int64ColumnReader(reader), Values::Int64s(values)) => read!(reader, values),
            (ColumnReader::Int96ColumnReader(reader), Values::Int96s(values)) => read!(reader, values),
            (ColumnReader::FloatColumnReader(reader), Values::Floats(values)) => read!(reader, values),
            (ColumnReader::DoubleColumnReader(reader), Values::Doubles(values)) => read!(reader, values),
            (ColumnReader::ByteArrayColumnReader(reader), Values::Bytes(values)) => read!(reader, values),
            (ColumnReader::FixedLenByteArrayColumnReader(reader), Values::Fixed(values)) => read!(reader, values),
            _ => return Err(self.disagrees()),
        };
        let (found, _, levels) = read.map_err(|cause| in_column(&self.path, &cause))?;
        if found != rows {
            return Err(format!("column {} ends {} rows before the others", self.path, rows - found.min(rows)));
        }
        self.levels = levels;
        Ok(())
    }

    /// The definition of the next value.
    pub(super) fn definition(&self) -> Result<i16, String> {
        if self.at >= self.levels {
            return Err(self.disagrees());
        }
        Ok(if self.definition_max == 0 { 0 } else { self.definitions.get(self.at).copied().unwrap_or_default() })
    }

    /// The repetition of the next value; of none where a row begins, or none is left.
    pub(super) fn repeats(&self) -> i16 {
        if self.repetition_max == 0 || self.at >= self.levels {
            return 0;
        }
        self.repetitions.get(self.at).copied().unwrap_or(0)
    }

    /// Whether the next value is the first of a row, or there is none.
    pub(super) fn is_between_rows(&self) -> bool {
        self.repeats() == 0
    }

    /// Passes over a value that is null.
    pub(super) fn pass(&mut self) -> Result<(), String> {
        let definition = self.definition()?;
        self.at += 1;
        self.value += usize::from(definition >= self.definition_max);
        Ok(())
    }

    /// Writes the next value; false, and nothing, where it is null.
    pub(super) fn next(&mut self, kind: Kind, out: &mut Vec<u8>) -> Result<bool, String> {
        let definition = self.definition()?;
        self.at += 1;
        if definition < self.definition_max {
            return Ok(false);
        }
        let at = self.value;
        self.value += 1;
        let value = match &self.values {
            Values::Bools(values) => values.get(at).map(|value| Value::Bool(*value)),
            Values::Int32s(values) => values.get(at).map(|value| Value::Int(i64::from(*value))),
            Values::Int64s(values) => values.get(at).map(|value| Value::Int(*value)),
            Values::Int96s(values) => values.get(at).map(|value| Value::Int96(value.data())),
            Values::Floats(values) => values.get(at).map(|value| Value::Float(*value)),
            Values::Doubles(values) => values.get(at).map(|value| Value::Double(*value)),
            Values::Bytes(values) => values.get(at).map(|value| Value::Bytes(value.data())),
            Values::Fixed(values) => values.get(at).map(|value| Value::Bytes(value.data())),
        };
        let value = value.ok_or_else(|| self.disagrees())?;
        Ok(kind.write(value, out))
    }

    /// What is said where levels and values do not fit.
    pub(super) fn disagrees(&self) -> String {
        format!("column {}: its levels and its values disagree", self.path)
    }
}
