//! Files, folders and stdin → messages: a row of a file becomes what a producer would have sent. Reads no record.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::begun::NOTE;
use super::exit::{Exit, Exits, Failure};
use super::joined::{self, Parts};
use super::parquet::{self, Incoming};
use super::reading::Reading;
use crate::decode::Piece;
use crate::domain::{FeedName, Header, Message, Position};
use crate::stream::{Group, Sorter};

/// The header that carries the name of the file a message was read from.
pub(super) const FILE_HEADER: &str = crate::decode::FILE_HEADER;

/// How a file begins that holds Avro with its schema. No text does.
const AVRO_CONTAINER: &[u8] = b"Obj\x01";

/// How packed files begin, what they are, and what to do with them. No text begins so.
const PACKED: [(&[u8], &str, &str); 12] = [
    (b"\x1f\x8b", "a gzip file", "unpack it before: `zcat FILE | entrepot … -`"),
    (b"PK\x03\x04", "a zip archive or an .xlsx workbook", "unpack it before, or save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an .xls workbook", "save the sheet as CSV"),
    (b"\x28\xb5\x2f\xfd", "a zstd file", "unpack it before: `zstdcat FILE | entrepot … -`"),
    (b"\xfd7zXZ\0", "an xz file", "unpack it before: `xzcat FILE | entrepot … -`"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it before: `7z x FILE`"),
    (b"Rar!\x1a\x07", "a rar archive", "unpack it before"),
    (b"\x1f\x9d", "a .Z file", "unpack it before: `zcat FILE | entrepot … -`"),
    (b"\x1f\xa0", "a .Z file", "unpack it before: `zcat FILE | entrepot … -`"),
    (b"\x04\x22\x4d\x18", "an lz4 file", "unpack it before: `lz4cat FILE | entrepot … -`"),
    (b"ARROW1\0\0", "a Feather or Arrow file", "write it as Parquet"),
    (b"FEA1", "a Feather file", "write it as Parquet"),
];

/// What takes the rows of an input: each with its number, from 1.
pub(super) type Rows<'t> = dyn FnMut(i64, Vec<u8>) -> Result<(), Failure> + 't;

/// One input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Input {
    source: Source,
    /// The name in positions: of the file, without its folder, so that a verdict does not depend on where it lies.
    pub(super) name: Arc<str>,
}

/// Where its bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Stdin,
    File(PathBuf),
    /// Files that are joined, in the order of parts, and what is said of the parts that are not there.
    Joined(Parts, Option<String>),
}

impl Input {
    /// The parts of a release, called by the first file.
    pub(super) fn joined(parts: Parts) -> Input {
        let name = parts.first().map(|(_, path)| input(path.clone()).name).unwrap_or_default();
        Input { source: Source::Joined(parts, None), name }
    }

    /// The same release, which lacks parts.
    pub(super) fn without(mut self, lack: String) -> Input {
        if let Source::Joined(_, without) = &mut self.source {
            *without = Some(lack);
        }
        self
    }

    /// What it lacks, where it is a release without all its parts.
    pub(super) fn incomplete(&self) -> Option<&str> {
        if let Source::Joined(_, lack) = &self.source { lack.as_deref() } else { None }
    }

    /// The feed that the file's stem names.
    pub(super) fn feed(&self) -> FeedName {
        let stem = Path::new(self.name.as_ref()).file_stem().map(|stem| stem.to_string_lossy().into_owned());
        FeedName::from_stem(&stem.unwrap_or_default())
    }

    /// As the user named it.
    pub(super) fn shown(&self) -> String {
        match &self.source {
            Source::Stdin => "-".to_owned(),
            Source::File(path) => path.display().to_string(),
            Source::Joined(parts, _) => parts.iter().map(|(_, path)| path.display().to_string()).collect::<Vec<_>>().join(" + "),
        }
    }

    /// The path, where it is one file.
    pub(super) fn path(&self) -> Option<&Path> {
        if let Source::File(path) = &self.source { Some(path) } else { None }
    }

    /// All its paths.
    pub(super) fn paths(&self) -> Vec<&Path> {
        match &self.source {
            Source::Stdin => Vec::new(),
            Source::File(path) => vec![path],
            Source::Joined(parts, _) => parts.iter().map(|(_, path)| path.as_path()).collect(),
        }
    }

    /// Reads it to its end, row by row. Gives how many of the last rows have no line end, so that they may go on.
    pub(super) fn each_row(&self, reading: &Reading, take: &mut Rows<'_>) -> Result<u64, Failure> {
        match (&self.source, reading.decoder().join()) {
            (Source::Stdin | Source::File(_), _) => match self.incoming()? {
                Incoming::File(file) => parquet::each(file, &self.shown(), reading, take).map(|()| 0),
                Incoming::Bytes(bytes) => each_piece(bytes, &self.shown(), reading, take),
            },
            (Source::Joined(parts, _), Some(join)) => joined::each(parts, join, take).map(|()| 0),
            (Source::Joined(..), None) => Ok(0),
        }
    }

    /// Whether it is a Parquet file.
    pub(super) fn is_parquet(&self) -> bool {
        self.path().and_then(|path| File::open(path).ok()).is_some_and(|mut file| parquet::is_parquet(&mut file))
    }

    /// Whether the reading is made for it.
    pub(super) fn suits(&self, reading: &Reading) -> Result<(), Failure> {
        if self.is_parquet() { parquet::suits(&self.shown(), reading) } else { Ok(()) }
    }

    fn incoming(&self) -> Result<Incoming, Failure> {
        let Source::File(path) = &self.source else { return parquet::incoming(std::io::stdin().lock()) };
        let mut file = open(path)?;
        Ok(if parquet::is_parquet(&mut file) { Incoming::File(file) } else { Incoming::Bytes(Box::new(file)) })
    }

    /// Its bytes as far as somebody wants to look at them: of what is joined, and of Parquet, a line for each of the first rows.
    pub(super) fn glance(&self, reading: &Reading, rows: usize, bytes_max: u64) -> Result<Vec<u8>, Failure> {
        let (mut bytes, mut left) = (Vec::new(), rows);
        // All that is joined is read in any case; of a large file no more is wanted than this.
        let mut line = |_: i64, row: Vec<u8>| {
            if left > 0 {
                left -= 1;
                bytes.extend(row);
                bytes.push(b'\n');
            }
            Ok(())
        };
        let file = match &self.source {
            Source::Joined(..) => {
                self.each_row(reading, &mut line)?;
                return Ok(bytes);
            }
            Source::Stdin | Source::File(_) => match self.incoming()? {
                Incoming::Bytes(file) => file,
                Incoming::File(file) => {
                    let decoder = reading.decoder();
                    parquet::first_rows(file, &self.shown(), (&|column| decoder.leaves_out(column), rows), &mut line)?;
                    return Ok(bytes);
                }
            },
        };
        let read = file.take(bytes_max).read_to_end(&mut bytes).exits(Exit::NotThere);
        read.map_err(|failure| failure.context(format!("reading {}", self.shown())))?;
        refuse_packed(&bytes, &self.shown())?;
        refuse_without_lines(&bytes, &self.shown(), reading)?;
        refuse_stray(&bytes, &self.shown(), reading)?;
        Ok(bytes)
    }
}

/// Opens a file.
pub(super) fn open(path: &Path) -> Result<File, Failure> {
    let file = File::open(path).exits(Exit::NotThere);
    file.map_err(|failure| failure.context(format!("opening {}", path.display())))
}

/// The inputs that these paths name: files, the files of folders by name, and `-`; the parts of a release together, where the reading joins
/// them.
pub(super) fn inputs(paths: &[PathBuf], reading: &Reading) -> Result<Vec<Input>, Failure> {
    joined::releases(named(paths)?, reading.decoder().join())
}

fn named(paths: &[PathBuf]) -> Result<Vec<Input>, Failure> {
    let mut inputs = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            inputs.push(Input { source: Source::Stdin, name: "stdin".into() });
        } else if path.is_dir() {
            inputs.extend(files_of(path)?.into_iter().map(input));
            let below = folders_in(path);
            if below > 0 {
                tracing::warn!(below, "{}: folders inside are not looked into; name them too", path.display());
            }
        } else if path.exists() {
            inputs.push(input(path.clone()));
        } else {
            let shown = path.display();
            let message = format!("{shown}: there is no such file; name existing files, or - for stdin");
            return Err(Failure::new(Exit::NotThere, message));
        }
    }
    Ok(inputs)
}

fn input(path: PathBuf) -> Input {
    let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    // A slash would end the name early where a position is read back.
    Input { name: name.replace('/', "-").into(), source: Source::File(path) }
}

/// The file of a replay that holds movements.
const REPLAYED: &str = "movements.ndjson";

/// How names end of files that are still being written: by browsers, copying programs and partners with manners.
const UNFINISHED: [&str; 6] = [".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload"];

/// The files of a folder by name, without those that are hidden or still being written. Of what a replay wrote, as its note tells, the
/// movements: nothing else of it can be read again.
pub(super) fn files_of(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let shown = folder.display().to_string();
    let entries = std::fs::read_dir(folder).exits(Exit::NotThere).map_err(|failure| failure.context(shown))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file() && !path.file_name().is_some_and(|name| is_passed_over(&name.to_string_lossy())))
        .collect();
    files.sort();
    let is_called = |path: &PathBuf, called: &str| path.file_name().is_some_and(|name| name == called);
    if files.iter().any(|path| is_called(path, NOTE)) {
        files.retain(|path| is_called(path, REPLAYED));
    }
    Ok(files)
}

/// How many folders there are in one, hidden ones left out.
fn folders_in(folder: &Path) -> usize {
    let is_hidden = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let paths = std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(|path| path.is_dir() && !is_hidden(path)).count()
}

fn is_passed_over(name: &str) -> bool {
    name.starts_with('.') || UNFINISHED.iter().any(|end| name.to_ascii_lowercase().ends_with(end))
}

/// Reads an input to its end, a message a row.
pub(super) fn each_message(
    input: &Input,
    reading: &Reading,
    take: &mut dyn FnMut(&mut Message) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let headers = vec![Header { key: FILE_HEADER.to_owned(), value: input.name.as_bytes().to_vec() }];
    let position = Position { topic: input.name.clone(), partition: 0, offset: 0 };
    let mut message = Message { position, timestamp: None, key: None, value: None, headers };
    input.each_row(reading, &mut |row, bytes| {
        message.position.offset = row;
        message.value = Some(bytes);
        take(&mut message)
    })?;
    Ok(())
}

/// Cuts bytes into rows with their numbers, from 1. Rows of groups come together, in the order of what tells the groups apart; a group has
/// the number of its first row. Gives how many rows have no line end.
pub(super) fn each_piece(bytes: Box<dyn Read>, shown: &str, reading: &Reading, take: &mut Rows<'_>) -> Result<u64, Failure> {
    let (mut cutter, mut groups) = (reading.cutter(), Sorter::default());
    let mut give = |piece: Piece<'_>| match piece.key {
        Some(key) => Ok(groups.push(&key, (&piece.row.to_be_bytes(), &piece.bytes))?),
        None => take(i64::try_from(piece.row).unwrap_or(i64::MAX), piece.bytes.into_owned()),
    };
    let mut is_first = true;
    each_chunk(bytes, shown, &mut |chunk| {
        if std::mem::take(&mut is_first) {
            refuse_without_lines(chunk, shown, reading)?;
            refuse_stray(chunk, shown, reading)?;
        }
        let mut outcome = Ok(());
        cutter.push(chunk, &mut |piece| and_then(&mut outcome, || give(piece)));
        outcome
    })?;
    let (mut outcome, mut open) = (Ok(()), 0);
    cutter.finish(&mut |piece| {
        open += u64::from(reading.keeps_rows());
        and_then(&mut outcome, || give(piece));
    });
    outcome?;
    let sorted = groups.sorted()?;
    let (mut walk, mut group) = (sorted.walk()?, Group::default());
    while walk.take_group(&mut group)? {
        let length = group.values().map(<[u8]>::len).sum::<usize>() + cutter.head().len();
        let (mut message, mut first) = (Vec::with_capacity(length), i64::MAX);
        message.extend_from_slice(cutter.head());
        for (number, row) in group.values().filter_map(<[u8]>::split_first_chunk) {
            first = first.min(i64::try_from(u64::from_be_bytes(*number)).unwrap_or(i64::MAX));
            message.extend_from_slice(row);
        }
        take(first, message)?;
    }
    Ok(open)
}

/// Does the next thing, unless one before it failed.
pub(super) fn and_then(outcome: &mut Result<(), Failure>, next: impl FnOnce() -> Result<(), Failure>) {
    if outcome.is_ok() {
        *outcome = next();
    }
}

/// Reads bytes to their end, a piece at a time.
pub(super) fn each_chunk(
    mut bytes: impl Read,
    shown: &str,
    take: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut chunk = vec![0; 1 << 18];
    let mut is_first = true;
    loop {
        match bytes.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(read) => {
                let chunk = chunk.get(..read).unwrap_or_default();
                if std::mem::take(&mut is_first) {
                    refuse_packed(chunk, shown)?;
                }
                take(chunk)?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Failure::new(Exit::NotThere, format!("{shown}: reading stopped: {error}"))),
        }
    }
}

/// Refuses a file in which lines end as on old Macintoshes: it would be one row, or none.
fn refuse_without_lines(bytes: &[u8], shown: &str, reading: &Reading) -> Result<(), Failure> {
    let within = bytes.iter().rposition(|byte| *byte != b'\r').and_then(|last| bytes.get(..last)).unwrap_or_default();
    if !reading.needs_lines() || bytes.contains(&b'\n') || !within.contains(&b'\r') {
        return Ok(());
    }
    let message =
        format!("{shown}: its lines end with a carriage return alone; make line feeds of them: `tr '\\r' '\\n' < FILE`");
    Err(Failure::new(Exit::NothingDecoded, message))
}

/// Refuses what comes through a pipe and is neither a part nor joined already.
fn refuse_stray(bytes: &[u8], shown: &str, reading: &Reading) -> Result<(), Failure> {
    match reading.decoder().join() {
        Some(join) if joined::begins_otherwise(bytes) => Err(Failure::new(Exit::NotThere, joined::stray(shown, join))),
        _ => Ok(()),
    }
}

/// Refuses a file that is packed, or of Avro with its schema inside: cut into rows it would be as many dead letters.
fn refuse_packed(bytes: &[u8], shown: &str) -> Result<(), Failure> {
    // What follows the first letters of bzip2 tells how large its blocks are; a tar archive begins with the name of a file.
    let is_bzip2 = bytes.starts_with(b"BZh") && bytes.get(4..).is_some_and(|rest| rest.starts_with(b"1AY&SY"));
    let is_tar = bytes.get(257..).is_some_and(|rest| rest.starts_with(b"ustar"));
    let further = [
        (is_bzip2, "a bzip2 file", "unpack it before: `bzcat FILE | entrepot … -`"),
        (is_tar, "a tar archive", "unpack it before: `tar xf FILE`"),
    ];
    let further = further.into_iter().find_map(|(is_it, what, next)| is_it.then_some((what, next)));
    let packed = PACKED.iter().find(|(head, ..)| bytes.starts_with(head)).map(|(_, what, next)| (*what, *next));
    if let Some((what, next)) = packed.or(further) {
        return Err(Failure::new(Exit::NothingDecoded, format!("{shown}: {what}, which is not unpacked; {next}")));
    }
    if !bytes.starts_with(AVRO_CONTAINER) {
        return Ok(());
    }
    let message = format!(
        "{shown}: an Avro container file, which is not read; make lines of JSON of it, with `avro-tools tojson` for one. \
         Of a feed with format = avro a file is one message in the registry's frame"
    );
    Err(Failure::new(Exit::NothingDecoded, message))
}
