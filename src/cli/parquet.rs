//! Parquet files → rows, for `feed` and whatever else reads files. Knows one by its first bytes, or its last where the first are damaged,
//! and lets no reading have it that is not made for it: its bytes would be a million dead letters.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};

use super::exit::{Exit, Exits, Failure};
use super::input::Rows;
use super::reading::Reading;
use crate::decode::{PARQUET_MAGIC, ParquetRows, UnreadableParquet};
use crate::stream::nameless_file;

/// Whether a file is Parquet. What cannot be read is found out by whoever reads it.
pub(super) fn is_parquet(file: &mut File) -> bool {
    let mut is_there = |from| {
        let mut found = [0; PARQUET_MAGIC.len()];
        file.seek(from).is_ok() && file.read_exact(&mut found).is_ok() && found == PARQUET_MAGIC
    };
    let back = -i64::try_from(PARQUET_MAGIC.len()).unwrap_or(0);
    let found = is_there(SeekFrom::Start(0)) || is_there(SeekFrom::End(back));
    // A pipe under a name cannot go back, and was not moved either.
    drop(file.seek(SeekFrom::Start(0)));
    found
}

/// Whether a reading takes it.
pub(super) fn suits(shown: &str, reading: &Reading) -> Result<(), Failure> {
    if reading.is_parquet() {
        return Ok(());
    }
    let next = "name a mapping with envelope.format = \"parquet\"; `entrepot check FILE --sample 100` drafts one";
    let message = format!("{shown} is a Parquet file, and its mapping reads {}; {next}", reading.form());
    Err(Failure::new(Exit::NothingDecoded, message))
}

/// Gives the rows of a file with their numbers, from 1.
pub(super) fn each(file: File, shown: &str, reading: &Reading, take: &mut Rows<'_>) -> Result<(), Failure> {
    suits(shown, reading)?;
    let decoder = reading.decoder();
    first_rows(file, shown, (&|column| decoder.leaves_out(column), usize::MAX), take)
}

/// Gives so many rows of a file whatever the reading, without the columns that are left out.
pub(super) fn first_rows(
    file: File,
    shown: &str,
    (is_left_out, rows): (&dyn Fn(&str) -> bool, usize),
    take: &mut Rows<'_>,
) -> Result<(), Failure> {
    let stopped = |why: UnreadableParquet| Failure::new(Exit::NotThere, format!("{shown}: {why}"));
    let mut number = 0;
    ParquetRows::open(file, is_left_out).map_err(stopped)?.first(rows, &stopped, &mut |row| {
        number += 1;
        take(number, row)
    })
}

/// What comes in is either the bytes of a file that has to be read from its end, put aside until it is there, or any others.
pub(super) enum Incoming {
    File(File),
    Bytes(Box<dyn Read>),
}

/// Looks at what comes in.
pub(super) fn incoming(mut bytes: impl Read + 'static) -> Result<Incoming, Failure> {
    let stopped = |what: std::io::Result<u64>| what.exits(Exit::NotThere).map_err(|failure| failure.context("reading -"));
    let mut head = Vec::new();
    stopped(bytes.by_ref().take(PARQUET_MAGIC.len() as u64).read_to_end(&mut head).map(|read| read as u64))?;
    if head != PARQUET_MAGIC {
        return Ok(Incoming::Bytes(Box::new(std::io::Cursor::new(head).chain(bytes))));
    }
    let mut file = nameless_file()?;
    stopped(file.write_all(&head).and_then(|()| std::io::copy(&mut bytes, &mut file)))?;
    Ok(Incoming::File(file))
}
