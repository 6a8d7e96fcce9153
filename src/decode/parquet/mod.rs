//! Parquet files → a JSON object for each row, as it stands on a raw topic: columns are members, lists and groups stay what they are,
//! nothing is written of null. Holds the pages of some hundred rows and never a row group.
//!
//! Rows are put together here and not by the library, whose own rows have no nanoseconds, cut old timestamps short, and end the process
//! where a schema is unusual.

mod column;
mod shape;
mod text;

use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader, RowGroupReader, SerializedFileReader};

use column::Column;
use shape::Member;

/// What a Parquet file begins and ends with.
pub const MAGIC: &[u8] = b"PAR1";

/// Rows whose columns are read at a time.
const ROWS: usize = 512;

/// Why a file cannot be read, or not to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Its end does not tell what it holds.
    #[error("the footer does not read, so the file is cut off, damaged or still being written: {0}")]
    Footer(String),
    /// A column of which no text can be made.
    #[error("column {column} is {what}, of which no text is made; leave it out of the file, or name it under columns.never")]
    Unfit {
        /// Its path.
        column: String,
        /// Its type.
        what: String,
    },
    /// All of its columns are left out, so that a row tells nothing.
    #[error("no column of it is left to read; see columns.never")]
    NoColumn,
    /// Rows that do not read.
    #[error("row group {group} of {groups} is damaged: {detail}")]
    RowGroup {
        /// From 1.
        group: usize,
        /// How many there are.
        groups: usize,
        /// Column, and what is wrong.
        detail: String,
    },
}

/// Takes a row.
pub type Take<'t, E> = dyn FnMut(Vec<u8>) -> Result<(), E> + 't;

/// A file with its schema read.
pub struct ParquetRows<R: ChunkReader + 'static> {
    file: SerializedFileReader<R>,
    members: Vec<Member>,
    /// The columns that are read, as the file counts them.
    columns: Vec<usize>,
    bytes: u64,
}

impl<R: ChunkReader + 'static> ParquetRows<R> {
    /// Reads the footer. Columns of these names are not read at all.
    ///
    /// # Errors
    ///
    /// Where the footer is damaged, or a column is of a type of which no text is made.
    pub fn open(file: R, is_left_out: &dyn Fn(&str) -> bool) -> Result<ParquetRows<R>, Unreadable> {
        let bytes = file.len();
        let file = guarded(|| SerializedFileReader::new(file).map_err(|cause| cause.to_string())).map_err(Unreadable::Footer)?;
        let schema = file.metadata().file_metadata().schema();
        let (members, columns) = shape::of(schema, is_left_out)?;
        if columns.is_empty() {
            return Err(Unreadable::NoColumn);
        }
        Ok(ParquetRows { file, members, columns, bytes })
    }

    /// Gives the first rows, at most so many. `stop` makes an error of what is wrong with the file.
    ///
    /// # Errors
    ///
    /// Where a row group is damaged, after the rows before it; or what `take` returns.
    pub fn first<E>(&self, rows: usize, stop: &dyn Fn(Unreadable) -> E, take: &mut Take<'_, E>) -> Result<(), E> {
        let (groups, mut wanted) = (self.file.num_row_groups(), rows);
        for at in 0..groups {
            let damaged = |detail: String| stop(Unreadable::RowGroup { group: at + 1, groups, detail });
            let group = guarded(|| self.file.get_row_group(at).map_err(|cause| cause.to_string())).map_err(&damaged)?;
            let mut columns = guarded(|| self.open_columns(&*group)).map_err(&damaged)?;
            let count = usize::try_from(group.metadata().num_rows()).map_err(|_| damaged("less than no rows".to_owned()))?;
            let mut left = count.min(wanted);
            wanted -= left;
            while left > 0 {
                let some = left.min(ROWS);
                guarded(|| columns.iter_mut().try_for_each(|column| column.fill(some))).map_err(&damaged)?;
                for _ in 0..some {
                    take(self.row(&mut columns).map_err(&damaged)?)?;
                }
                left -= some;
            }
        }
        Ok(())
    }

    fn open_columns(&self, group: &dyn RowGroupReader) -> Result<Vec<Column>, String> {
        let open = |column: &usize| {
            let about = group.metadata().columns().get(*column).ok_or("it has fewer columns than the schema")?;
            let path = about.column_path().string();
            // The library takes these as they are.
            let start = about.dictionary_page_offset().unwrap_or_else(|| about.data_page_offset());
            let ends = u64::try_from(start).ok().zip(u64::try_from(about.compressed_size()).ok());
            if ends.and_then(|(start, length)| start.checked_add(length)).is_none_or(|end| end > self.bytes) {
                return Err(format!("column {path} lies outside of the file"));
            }
            let reader = group.get_column_reader(*column).map_err(|cause| format!("column {path}: {cause}"))?;
            Ok(Column::new(path, reader, about.column_descr()))
        };
        self.columns.iter().map(open).collect()
    }

    fn row(&self, columns: &mut [Column]) -> Result<Vec<u8>, String> {
        let mut row = vec![b'{'];
        shape::write_members(&self.members, columns, &mut row)?;
        row.push(b'}');
        match columns.iter().find(|column| !column.is_between_rows()) {
            None => Ok(row),
            Some(column) => Err(column.disagrees()),
        }
    }
}

/// What the library makes of bytes. Some damage it takes for a mistake of its caller's and panics, where a file is meant to be named and
/// others go on; nothing of what it was working on is used afterwards.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    done.unwrap_or_else(|_| Err("its bytes are such as no writer leaves".to_owned()))
}

/// What the library says of a column.
fn in_column(path: &str, cause: &ParquetError) -> String {
    format!("column {path}: {cause}")
}

#[cfg(test)]
mod tests;
