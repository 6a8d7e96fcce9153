//! Writing: one transaction for a batch's messages, positions and the progress of `feed`. Nothing is written outside one.

use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::Recycle;
use super::{Commit, EmbeddedLog, FeedProgress, LogError, NextOffsets, Open, Outgoing, Placed, counted, failed, now_ms, read};
use crate::domain::{Offset, Partition};

/// A write that does not come to pass: the log's own error, or somebody else has moved a position of ours.
enum Refusal {
    Error(LogError),
    Moved,
}

impl From<LogError> for Refusal {
    fn from(error: LogError) -> Refusal {
        Refusal::Error(error)
    }
}

impl EmbeddedLog {
    /// [`Log::commit`](super::Log::commit), with the progress of a feed's file in the same transaction.
    ///
    /// Recycled where the write lock was not to be had, or a position has moved under us.
    pub fn commit_with(&mut self, next: &NextOffsets, progress: Option<&FeedProgress>) -> Result<Commit, LogError> {
        let mut open = std::mem::take(&mut self.open);
        match self.write(&open, next, progress) {
            Ok(()) => {
                open.clear();
                self.open = open;
                if let Some(subscription) = &mut self.subscription {
                    subscription.committed(next);
                }
                self.shared.announce();
                Ok(Commit::Committed)
            }
            Err(Refusal::Moved | Refusal::Error(LogError::Busy { .. })) => {
                if let Some(subscription) = &mut self.subscription {
                    subscription.recycle(&self.connection, next)?;
                }
                Ok(Commit::Recycled(self.taken_back(open)?, Recycle::Trouble))
            }
            Err(Refusal::Error(error)) => Err(error),
        }
    }

    fn write(&mut self, open: &Open, next: &NextOffsets, progress: Option<&FeedProgress>) -> Result<(), Refusal> {
        let _turn = self.shared.turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let doing = failed("committing");
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&doing)?;
        if let Some(token) = &self.fence {
            super::lease::require(&transaction, token)?;
        }
        if let Some(subscription) = &self.subscription {
            for ((topic, partition), offset) in next {
                let expected = subscription.committed_offset(topic, *partition);
                set_position(&transaction, (subscription.group(), topic, *partition), (expected, *offset))?;
            }
        }
        append(&transaction, open)?;
        if let Some(progress) = progress {
            super::beside::set_progress(&transaction, progress)?;
        }
        counted::commit(transaction).map_err(&doing)?;
        Ok(())
    }

    /// What was to be written, as it was sent; each partition's in its order.
    fn taken_back(&mut self, open: Open) -> Result<Vec<Outgoing>, LogError> {
        let Open { placed, headers, .. } = open;
        let names: BTreeMap<i64, Arc<str>> = self.topics.iter().map(|(name, row)| (row.id, name.as_str().into())).collect();
        let mut sent = Vec::new();
        for ((topic_id, partition), placed) in placed {
            let Some(topic) = names.get(&topic_id) else { continue };
            for Placed { key, value, headers: range, number } in placed {
                let headers = super::headers::decode(headers.get(range))?;
                sent.push((number, Outgoing { topic: Arc::clone(topic), partition: Some(partition), key, value, headers }));
            }
        }
        sent.sort_by_key(|(number, _)| *number);
        Ok(sent.into_iter().map(|(_, outgoing)| outgoing).collect())
    }

    pub(super) fn insert_topic(&mut self, name: &str, partitions: Partition) -> Result<(), LogError> {
        let _turn = self.shared.turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let query = "INSERT OR IGNORE INTO topics (name, partitions, created_ms) VALUES (?1, ?2, ?3)";
        let values = params![name, partitions, now_ms()];
        counted::write(&self.connection, "making a topic", |write| write.execute(query, values)).map(drop)
    }
}

impl Open {
    /// Empties it, and keeps its room.
    fn clear(&mut self) {
        self.placed.values_mut().for_each(Vec::clear);
        self.headers.clear();
        self.sent = 0;
    }
}

fn append(transaction: &Transaction<'_>, open: &Open) -> Result<(), LogError> {
    let doing = failed("appending messages");
    let query = "INSERT INTO messages (topic_id, partition, offset, timestamp_ms, key, value, headers) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let mut insert = transaction.prepare_cached(query).map_err(&doing)?;
    let query = "INSERT INTO ends (topic_id, partition, end_offset) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (topic_id, partition) DO UPDATE SET end_offset = excluded.end_offset";
    let mut set_end = transaction.prepare_cached(query).map_err(&doing)?;
    let wall_ms = now_ms();
    for ((topic_id, partition), placed) in open.placed.iter().filter(|(_, placed)| !placed.is_empty()) {
        let mut end = read::end_offset(transaction, *topic_id, *partition)?;
        // Append times never go back in a partition, whatever the wall clock does: so an instant is found by halving.
        let last = read::first(transaction, (*topic_id, *partition), end - 1)?;
        let timestamp_ms = last.map_or(wall_ms, |(_, appended)| appended.max(wall_ms));
        insert.raw_bind_parameter(1, topic_id).map_err(&doing)?;
        insert.raw_bind_parameter(2, partition).map_err(&doing)?;
        insert.raw_bind_parameter(4, timestamp_ms).map_err(&doing)?;
        for message in placed {
            let headers = open.headers.get(message.headers.clone()).filter(|headers| !headers.is_empty());
            insert.raw_bind_parameter(3, end).map_err(&doing)?;
            insert.raw_bind_parameter(5, message.key.as_deref()).map_err(&doing)?;
            insert.raw_bind_parameter(6, message.value.as_deref()).map_err(&doing)?;
            insert.raw_bind_parameter(7, headers).map_err(&doing)?;
            insert.raw_execute().map_err(&doing)?;
            end += 1;
        }
        set_end.execute(params![topic_id, partition, end]).map_err(&doing)?;
    }
    Ok(())
}

/// Moves a position, if it is where we left it. So even two handles with one share can never do the same work twice.
fn set_position(
    transaction: &Transaction<'_>,
    (group, topic, partition): (&str, &str, Partition),
    (expected, next): (Offset, Offset),
) -> Result<(), Refusal> {
    let doing = failed("committing a position");
    let query = "SELECT next_offset FROM positions WHERE group_name = ?1 AND topic = ?2 AND partition = ?3";
    let mut select = transaction.prepare_cached(query).map_err(&doing)?;
    let found: Option<Offset> =
        select.query_row(params![group, topic, partition], |row| row.get(0)).optional().map_err(&doing)?;
    if found.unwrap_or(0) != expected {
        return Err(Refusal::Moved);
    }
    let query = "INSERT INTO positions (group_name, topic, partition, next_offset, updated_ms) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT (group_name, topic, partition) DO UPDATE SET next_offset = excluded.next_offset, \
                 updated_ms = excluded.updated_ms";
    let mut upsert = transaction.prepare_cached(query).map_err(&doing)?;
    upsert.execute(params![group, topic, partition, next, now_ms()]).map_err(&doing)?;
    Ok(())
}
