//! The tables of the log, and how a connection to them is set. Any `sqlite3` can read them.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::{LogError, counted, failed};

/// The format this build writes and reads.
const FORMAT: u32 = 1;

/// `messages` has no rowid: its primary key is where a message stands, and reading a partition is one walk through the tree.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS topics (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, partitions INTEGER NOT NULL, created_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS ends (
  topic_id INTEGER NOT NULL, partition INTEGER NOT NULL, end_offset INTEGER NOT NULL,
  PRIMARY KEY (topic_id, partition)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
  topic_id INTEGER NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL, timestamp_ms INTEGER NOT NULL,
  key BLOB, value BLOB, headers BLOB, PRIMARY KEY (topic_id, partition, offset)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS positions (
  group_name TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, next_offset INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL, PRIMARY KEY (group_name, topic, partition)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lease (
  name TEXT PRIMARY KEY, token TEXT NOT NULL, instance TEXT NOT NULL, pid INTEGER NOT NULL, process_start TEXT NOT NULL,
  host TEXT NOT NULL, acquired_ms INTEGER NOT NULL, heartbeat_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS artifacts (
  hash TEXT PRIMARY KEY, kind TEXT NOT NULL, content BLOB NOT NULL, stored_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS feed_progress (
  feed TEXT NOT NULL, file TEXT NOT NULL, bytes INTEGER NOT NULL, rows INTEGER NOT NULL, done INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL, digest TEXT, PRIMARY KEY (feed, file)) WITHOUT ROWID;
";

/// Opens a connection, makes the tables where they are missing, refuses another format.
pub(super) fn open(path: &Path) -> Result<Connection, LogError> {
    let cannot = |error: rusqlite::Error| {
        let is_refused = error.sqlite_error_code() == Some(rusqlite::ErrorCode::CannotOpen);
        // SQLite keeps to itself what the system says.
        let said = std::fs::File::open(path).err().filter(|said| said.kind() != std::io::ErrorKind::NotFound);
        let why = match said {
            Some(said) if is_refused => format!(": {said}"),
            None if is_refused => ": its folder has to be there and to be writable, for reading as well".to_owned(),
            _ => String::new(),
        };
        LogError::CannotOpen { path: path.display().to_string(), detail: format!("{error}{why}") }
    };
    let mut connection = Connection::open(path).map_err(cannot)?;
    connection.busy_handler(Some(wait_for_turn)).map_err(cannot)?;
    // Counts only before the first table is made. A row of a table without rowid goes to overflow pages, which hold nothing else,
    // where it is above a quarter of a page: verdicts have some two kilobytes, so that smaller pages double what is written.
    connection.pragma_update(None, "page_size", 16_384).map_err(cannot)?;
    set_wal(&connection).map_err(cannot)?;
    connection.pragma_update(None, "synchronous", "NORMAL").map_err(cannot)?;
    connection.pragma_update(None, "wal_autocheckpoint", 1_000).map_err(cannot)?;
    connection.pragma_update(None, "journal_size_limit", 67_108_864).map_err(cannot)?;
    connection.pragma_update(None, "cache_size", -16_000).map_err(cannot)?;
    connection.set_prepared_statement_cache_capacity(64);
    match format(&connection).map_err(cannot)? {
        Some(found) if found == FORMAT.to_string() => add_digest(&mut connection)?,
        Some(found) => return Err(LogError::Format { found, supported: FORMAT }),
        None => make(&mut connection)?,
    }
    Ok(connection)
}

/// Two processes that open a new file at once may meet in this switch, which SQLite does not wait for.
fn set_wal(connection: &Connection) -> rusqlite::Result<()> {
    let mut attempt = 0;
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0)) {
            Ok(_) => return Ok(()),
            Err(error) if attempt < 200 && error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {
                attempt += 1;
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(error),
        }
    }
}

fn format(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let known = "SELECT count(*) FROM sqlite_master WHERE name = 'meta'";
    if connection.query_row(known, [], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(None);
    }
    connection.query_row("SELECT value FROM meta WHERE key = 'format'", [], |row| row.get(0)).optional()
}

fn make(connection: &mut Connection) -> Result<(), LogError> {
    let doing = failed("making its tables");
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&doing)?;
    transaction.execute_batch(TABLES).map_err(&doing)?;
    transaction.execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('format', ?1)", [FORMAT.to_string()]).map_err(&doing)?;
    counted::commit(transaction).map_err(&doing)
}

/// A log that an earlier build made has no column for digests. Builds that do not know it leave it empty.
fn add_digest(connection: &mut Connection) -> Result<(), LogError> {
    let doing = failed("adding a column to its tables");
    let is_there = |connection: &Connection| {
        let known = "SELECT count(*) FROM pragma_table_info('feed_progress') WHERE name = 'digest'";
        connection.query_row(known, [], |row| row.get::<_, i64>(0)).map(|found| found > 0)
    };
    if is_there(connection).map_err(&doing)? {
        return Ok(());
    }
    // Looked at again in its turn: another process may have been here.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&doing)?;
    if !is_there(&transaction).map_err(&doing)? {
        transaction.execute_batch("ALTER TABLE feed_progress ADD COLUMN digest TEXT").map_err(&doing)?;
    }
    counted::commit(transaction).map_err(&doing)
}

/// Waits for another process's write: some 10 s in all, in steps short enough not to starve.
fn wait_for_turn(attempts: i32) -> bool {
    std::thread::sleep(Duration::from_millis(if attempts < 50 { 1 } else { 5 }));
    attempts < 2_000
}
