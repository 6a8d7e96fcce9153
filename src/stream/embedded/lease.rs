//! The lease of the one `run`: a row with a heartbeat. Its token fences: who has lost it cannot commit.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::{EmbeddedLog, LogError, counted, failed, now_ms};

/// A heartbeat older than this is a dead holder's, whatever its process id says (it may be on another machine, or another's now).
const DEAD_AFTER_MS: i64 = 30_000;

/// Tokens held by this very process. A holder with our process id that is not among them died before we got its number.
static HELD_HERE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
static COUNTER: AtomicU64 = AtomicU64::new(0);

/// A held lease. Dropping it gives it back.
pub struct Lease {
    connection: Connection,
    token: String,
    path: PathBuf,
    /// Which file it is that is held.
    file: Option<(u64, u64)>,
}

/// Who holds a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseHolder {
    /// The token that fences.
    pub token: String,
    /// The instance's name.
    pub instance: String,
    /// Its process.
    pub pid: u32,
    /// When that process started, as the system counts.
    pub process_start: String,
    /// Its machine.
    pub host: String,
    /// Its last heartbeat, in milliseconds since 1970.
    pub heartbeat_ms: i64,
}

impl EmbeddedLog {
    /// Takes a lease, or says who holds it. From then on this handle, and those made from it, commit only while it is held.
    pub fn lease(&mut self, name: &str, instance: &str) -> Result<Lease, LogError> {
        let mut connection = super::schema::open(&self.path)?;
        let doing = failed("taking the lease");
        let token = format!("{}-{}-{}", std::process::id(), now_ms(), COUNTER.fetch_add(1, Ordering::Relaxed));
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&doing)?;
        refuse_held(&transaction, name)?;
        let query = "INSERT OR REPLACE INTO lease (name, token, instance, pid, process_start, host, acquired_ms, heartbeat_ms) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)";
        let pid = std::process::id();
        let start = process_start(pid).unwrap_or_default();
        transaction.execute(query, params![name, token, instance, pid, start, host(), now_ms()]).map_err(&doing)?;
        counted::commit(transaction).map_err(&doing)?;
        held_here().insert(token.clone());
        self.fence = Some(token.clone());
        Ok(Lease { connection, token, file: file_at(&self.path), path: self.path.clone() })
    }

    /// Whether a lease could be taken; else who holds it.
    pub fn refuse_held(&self, name: &str) -> Result<(), LogError> {
        refuse_held(&self.connection, name)
    }

    /// Who holds a lease, dead or alive.
    pub fn lease_holder(&self, name: &str) -> Result<Option<LeaseHolder>, LogError> {
        holder(&self.connection, name)
    }
}

impl Lease {
    /// Says that we live. To be called every few seconds; [`LogError::LeaseLost`] where another has taken over, [`LogError::Replaced`] where
    /// the file is no longer the one at its path.
    pub fn beat(&self) -> Result<(), LogError> {
        if file_at(&self.path) != self.file {
            return Err(LogError::Replaced { path: self.path.display().to_string() });
        }
        let query = "UPDATE lease SET heartbeat_ms = ?2 WHERE token = ?1";
        let values = params![self.token, now_ms()];
        let beaten = counted::write(&self.connection, "renewing the lease", |write| write.execute(query, values))?;
        if beaten == 1 { Ok(()) } else { require(&self.connection, &self.token) }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        held_here().remove(&self.token);
        // Where this fails, the next one finds our process dead.
        let query = "DELETE FROM lease WHERE token = ?1";
        drop(counted::write(&self.connection, "giving the lease back", |write| write.execute(query, [&self.token])));
    }
}

impl LeaseHolder {
    /// Whether it can still be at work.
    pub fn is_alive(&self) -> bool {
        if now_ms() - self.heartbeat_ms > DEAD_AFTER_MS {
            return false;
        }
        if self.host != host() || !Path::new("/proc/self/stat").exists() {
            return true;
        }
        if self.pid == std::process::id() {
            return held_here().contains(&self.token);
        }
        process_start(self.pid).is_some_and(|start| start == self.process_start)
    }
}

/// Fails where the lease with this token is held no more.
pub(super) fn require(connection: &Connection, token: &str) -> Result<(), LogError> {
    let doing = failed("checking the lease");
    let query = "SELECT count(*) FROM lease WHERE token = ?1";
    let mut statement = connection.prepare_cached(query).map_err(&doing)?;
    if statement.query_row([token], |row| row.get::<_, i64>(0)).map_err(&doing)? == 1 {
        return Ok(());
    }
    let lease = "run".to_owned();
    Err(match holder(connection, &lease)? {
        Some(LeaseHolder { instance, pid, .. }) => LogError::LeaseLost { lease, instance, pid },
        None => LogError::LeaseGone { lease },
    })
}

fn refuse_held(connection: &Connection, name: &str) -> Result<(), LogError> {
    match holder(connection, name)?.filter(LeaseHolder::is_alive) {
        None => Ok(()),
        Some(LeaseHolder { instance, pid, host, heartbeat_ms, .. }) => {
            let age_seconds = (now_ms() - heartbeat_ms).max(0) / 1_000;
            Err(LogError::LeaseHeld { lease: name.to_owned(), age_seconds, instance, pid, host })
        }
    }
}

/// The device and number of the file at a path; others have others, whatever they are called.
fn file_at(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

fn holder(connection: &Connection, name: &str) -> Result<Option<LeaseHolder>, LogError> {
    let query = "SELECT token, instance, pid, process_start, host, heartbeat_ms FROM lease WHERE name = ?1";
    let read = |row: &rusqlite::Row<'_>| {
        Ok(LeaseHolder {
            token: row.get(0)?,
            instance: row.get(1)?,
            pid: row.get(2)?,
            process_start: row.get(3)?,
            host: row.get(4)?,
            heartbeat_ms: row.get(5)?,
        })
    };
    connection.query_row(query, [name], read).optional().map_err(failed("reading the lease"))
}

fn held_here() -> std::sync::MutexGuard<'static, BTreeSet<String>> {
    HELD_HERE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The 22nd field of `/proc/<pid>/stat`, counted after the name in brackets: two processes with one number differ in it.
/// A zombie (state Z) has ended, and counts as gone.
fn process_start(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18).map(str::to_owned)
}

fn host() -> String {
    let read = std::fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| std::fs::read_to_string("/etc/hostname"));
    read.map(|name| name.trim().to_owned()).unwrap_or_default()
}
