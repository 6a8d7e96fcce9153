//! Every write is counted in the first page of the file. So it can be told whether the WAL beside a file goes on from it: after a kill a
//! WAL stays, and under a copy that was put back it would change pages without a word from SQLite.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::{LogError, failed};

/// Where the first page of a file holds SQLite's `user_version`, which SQLite leaves to its users: the count.
const COUNT_AT: u64 = 60;
/// The head of a WAL, and that of each page in it.
const HEAD: u64 = 32;
const PAGE_HEAD: u64 = 24;
/// How often a WAL is looked at that others write meanwhile, and how long in between. One that goes on changing is in use.
const LOOKS: u32 = 20;
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Writes in a transaction of its own.
pub(super) fn write<T>(
    connection: &Connection,
    doing: &'static str,
    body: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> Result<T, LogError> {
    let failed = failed(doing);
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate).map_err(&failed)?;
    let written = body(&transaction).map_err(&failed)?;
    commit(transaction).map_err(&failed)?;
    Ok(written)
}

/// Counts a transaction, and commits it.
pub(super) fn commit(transaction: Transaction<'_>) -> rusqlite::Result<()> {
    let count = counted(&transaction)?;
    // Of 32 bits, which wrap around: only differences count.
    transaction.pragma_update(None, "user_version", count.wrapping_add(1))?;
    transaction.commit()
}

fn counted(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Refuses a file beside which lies the WAL of another state of it. To be asked before anything is opened: the last handle to be closed
/// writes the WAL into the file.
pub(super) fn refuse_other_wal(path: &Path) -> Result<(), LogError> {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    let wal = PathBuf::from(wal);
    // What cannot be read here is told where the log is opened.
    for _ in 0..LOOKS {
        let Ok(Some(holds)) = Wal::read(&wal) else { return Ok(()) };
        let Ok(count) = without_wal(path) else { return Ok(()) };
        if holds.goes_on_from(count) {
            return Ok(());
        }
        // Others may have written between the two looks.
        std::thread::sleep(LOOK_AGAIN);
        if Wal::read(&wal).ok().flatten().is_some_and(|now| now == holds) {
            return Err(LogError::OtherWal { path: path.display().to_string() });
        }
    }
    Ok(())
}

/// The count in the file itself. SQLite is asked, since closing a file of one's own gives up the locks of the whole process on it.
fn without_wal(path: &Path) -> rusqlite::Result<i32> {
    let whole = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut name = "file:".to_owned();
    for byte in whole.as_os_str().as_encoded_bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"/._-".contains(byte);
        if is_plain { name.push(char::from(*byte)) } else { name.push_str(&format!("%{byte:02X}")) }
    }
    name.push_str("?immutable=1");
    counted(&Connection::open_with_flags(name, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)?)
}

/// What a WAL says of the count: of its first transaction and of its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wal {
    /// Anew each time that a WAL begins from its start.
    salt: [u8; 8],
    first: i32,
    last: i32,
}

impl Wal {
    /// Nothing where no transaction in it was counted.
    fn read(path: &Path) -> io::Result<Option<Wal>> {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let length = file.metadata()?.len();
        if length < HEAD {
            return Ok(None);
        }
        let page_bytes = u64::from(u32::from_be_bytes(at(&file, 8)?));
        let salt = at(&file, 16)?;
        let (mut open, mut found): (Vec<i32>, Option<Wal>) = (Vec::new(), None);
        let mut place = HEAD;
        while place + PAGE_HEAD + page_bytes <= length && at::<8>(&file, place + 8)? == salt {
            if u32::from_be_bytes(at(&file, place)?) == 1 {
                open.push(i32::from_be_bytes(at(&file, place + PAGE_HEAD + COUNT_AT)?));
            }
            // The last page of a transaction says how large the file is then; what comes after the last of them was never committed.
            if u32::from_be_bytes(at(&file, place + 4)?) != 0 {
                if let (Some(first), Some(last)) = (open.first(), open.last()) {
                    found = Some(Wal { salt, first: found.map_or(*first, |found| found.first), last: *last });
                }
                open.clear();
            }
            place += PAGE_HEAD + page_bytes;
        }
        Ok(found)
    }

    /// The file holds what was there before the first transaction, or some of them: they may have been brought into it already.
    fn goes_on_from(&self, count: i32) -> bool {
        count.wrapping_sub(self.first) >= -1 && self.last.wrapping_sub(count) >= 0
    }
}

fn at<const N: usize>(file: &File, place: u64) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact_at(&mut bytes, place)?;
    Ok(bytes)
}
