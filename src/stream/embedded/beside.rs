//! What is kept beside the messages: positions, progress of feeds, models and bundles by hash, the family map. Knows nothing of content.

use rusqlite::{OptionalExtension, Transaction, params};

use super::super::Home;
use super::{Artifact, EmbeddedLog, FeedProgress, LogError, NextOffsets, counted, failed, now_ms};
use crate::domain::Date;

impl EmbeddedLog {
    /// How far a file of a feed has been sent.
    pub fn progress(&self, feed: &str, file: &str) -> Result<Option<FeedProgress>, LogError> {
        let query = "SELECT bytes, rows, done, digest FROM feed_progress WHERE feed = ?1 AND file = ?2";
        let read = |row: &rusqlite::Row<'_>| {
            Ok(FeedProgress {
                feed: feed.to_owned(),
                file: file.to_owned(),
                bytes: row.get::<_, i64>(0)?.cast_unsigned(),
                rows: row.get::<_, i64>(1)?.cast_unsigned(),
                done: row.get(2)?,
                digest: row.get(3)?,
            })
        };
        self.connection.query_row(query, [feed, file], read).optional().map_err(failed("reading a feed's progress"))
    }

    /// Keeps an artifact; the same hash is kept once.
    pub fn keep(&mut self, artifact: &Artifact) -> Result<(), LogError> {
        let _turn = self.shared.turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let query = "INSERT OR IGNORE INTO artifacts (hash, kind, content, stored_ms) VALUES (?1, ?2, ?3, ?4)";
        let values = params![artifact.hash, artifact.kind, artifact.content, now_ms()];
        counted::write(&self.connection, "keeping an artifact", |write| write.execute(query, values)).map(drop)
    }

    /// The artifact of that hash.
    pub fn artifact(&self, hash: &str) -> Result<Option<Artifact>, LogError> {
        let query = "SELECT kind, content FROM artifacts WHERE hash = ?1";
        let read = |row: &rusqlite::Row<'_>| Ok(Artifact { hash: hash.to_owned(), kind: row.get(0)?, content: row.get(1)? });
        self.connection.query_row(query, [hash], read).optional().map_err(failed("reading an artifact"))
    }

    /// The hashes of what is kept of a kind.
    pub fn kept_hashes(&self, kind: &str) -> Result<Vec<String>, LogError> {
        let doing = failed("reading what is kept");
        let mut statement = self.connection.prepare_cached("SELECT hash FROM artifacts WHERE kind = ?1").map_err(&doing)?;
        let rows = statement.query_map([kind], |row| row.get(0)).map_err(&doing)?;
        rows.collect::<Result<_, _>>().map_err(&doing)
    }

    /// The committed offsets of a group.
    pub fn positions(&self, group: &str) -> Result<NextOffsets, LogError> {
        let doing = failed("reading positions");
        let query = "SELECT topic, partition, next_offset FROM positions WHERE group_name = ?1";
        let mut statement = self.connection.prepare_cached(query).map_err(&doing)?;
        let rows = statement.query_map([group], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?))).map_err(&doing)?;
        rows.collect::<Result<_, _>>().map_err(&doing)
    }

    /// How many messages of these topics a group has not committed yet.
    pub fn lag(&self, group: &str, topics: &[String]) -> Result<u64, LogError> {
        let doing = failed("reading a lag");
        let query = "SELECT coalesce(sum(e.end_offset - coalesce(p.next_offset, 0)), 0) FROM topics t \
                     JOIN ends e ON e.topic_id = t.id \
                     LEFT JOIN positions p ON p.group_name = ?1 AND p.topic = t.name AND p.partition = e.partition \
                     WHERE t.name = ?2";
        let mut statement = self.connection.prepare_cached(query).map_err(&doing)?;
        let mut lag = 0;
        for topic in topics {
            lag += statement.query_row([group, topic], |row| row.get::<_, i64>(0)).map_err(&doing)?.max(0).cast_unsigned();
        }
        Ok(lag)
    }

    /// Binds the log to a family map at first use, and refuses another afterwards: the map is part of the keys of `movements`.
    pub fn bind_family_map(&mut self, fingerprint: &str) -> Result<(), LogError> {
        let turn = self.shared.turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let query = "INSERT OR IGNORE INTO meta (key, value) VALUES ('family_map', ?1)";
        counted::write(&self.connection, "binding the family map", |write| write.execute(query, [fingerprint]))?;
        drop(turn);
        self.check_family_map(fingerprint)
    }

    /// The family map that the log is bound to; none before a service has begun on it.
    pub fn family_map(&self) -> Result<Option<String>, LogError> {
        let query = "SELECT value FROM meta WHERE key = 'family_map'";
        self.connection.query_row(query, [], |row| row.get(0)).optional().map_err(failed("reading the family map"))
    }

    /// The last midnight whose ticks stand in the log; on a log that no service has served yet, today: it has missed none.
    pub fn ticked(&mut self, today: Date) -> Result<Date, LogError> {
        let _turn = self.shared.turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let found: String = counted::write(&self.connection, "reading the last tick", |write| {
            write.execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('ticked', ?1)", [today.to_string()])?;
            write.query_row("SELECT value FROM meta WHERE key = 'ticked'", [], |row| row.get(0))
        })?;
        Ok(found.parse().unwrap_or(today))
    }

    /// Notes that the ticks of this midnight stand in the log. Where that note is lost they are written again, which does no harm.
    pub fn set_ticked(&mut self, date: Date) -> Result<(), LogError> {
        let _turn = self.shared.turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let query = "INSERT OR REPLACE INTO meta (key, value) VALUES ('ticked', ?1)";
        counted::write(&self.connection, "noting a tick", |write| write.execute(query, [date.to_string()])).map(drop)
    }
}

pub(super) fn set_progress(transaction: &Transaction<'_>, progress: &FeedProgress) -> Result<(), LogError> {
    let doing = failed("writing a feed's progress");
    let query = "INSERT OR REPLACE INTO feed_progress (feed, file, bytes, rows, done, digest, updated_ms) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let FeedProgress { feed, file, bytes, rows, done, digest } = progress;
    let mut statement = transaction.prepare_cached(query).map_err(&doing)?;
    statement.execute(params![feed, file, bytes.cast_signed(), rows.cast_signed(), done, digest, now_ms()]).map_err(&doing)?;
    Ok(())
}
