//! What the policies of topics let go: messages of a certain age, and in compacted topics those that a later one of their key replaced.
//!
//! A little at a time, so that nobody who writes waits for long. The file does not shrink; the room is used again.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{TransactionBehavior, params};

use super::super::{Policy, TopicPlan};
use super::{EmbeddedLog, LogError, TopicRow, counted, failed, read};
use crate::domain::{Offset, Partition, Timestamp};

/// Messages looked at, or removed in one transaction, at most.
const STEP: i64 = 1_000;
const DAY_MS: i64 = 86_400_000;

impl EmbeddedLog {
    /// Removes what the policy of a topic lets go at this instant, until it is done or the flag is up. Returns how many messages.
    ///
    /// Offsets stay what they are, and what is appended next goes on behind the end.
    pub fn let_go(&mut self, topic: &TopicPlan, now: Timestamp, stop: &AtomicBool) -> Result<u64, LogError> {
        let (Policy::Days(days) | Policy::Compacted(days)) = topic.policy else { return Ok(0) };
        let before_ms = now.as_millisecond().saturating_sub(i64::from(days) * DAY_MS);
        let TopicRow { id, partitions } = self.topic(&topic.name)?;
        let mut removed = 0;
        for place in (0..partitions).map(|partition| (id, partition)) {
            // Append times never go back: where the first message is young, all are.
            if read::first(&self.connection, place, 0)?.is_none_or(|(_, appended)| appended >= before_ms) {
                continue;
            }
            let gone = match topic.policy {
                Policy::Days(_) => self.old(place, before_ms)?,
                _ => self.replaced(place, before_ms, stop)?,
            };
            for step in gone.chunks(usize::try_from(STEP).unwrap_or(1)) {
                if stop.load(Ordering::Acquire) {
                    return Ok(removed);
                }
                removed += self.remove(place, step)?;
            }
        }
        Ok(removed)
    }

    /// Offsets of messages before an instant.
    fn old(&self, place: (i64, Partition), before_ms: i64) -> Result<Vec<Offset>, LogError> {
        let doing = failed("looking for old messages");
        let query = "SELECT offset FROM messages WHERE topic_id = ?1 AND partition = ?2 AND offset < ?3 ORDER BY offset";
        let until = read::since(&self.connection, place, before_ms)?;
        let mut statement = self.connection.prepare_cached(query).map_err(&doing)?;
        let rows = statement.query_map(params![place.0, place.1, until], |row| row.get(0)).map_err(&doing)?;
        rows.collect::<Result<_, _>>().map_err(&doing)
    }

    /// Offsets of messages before an instant with a later one of the same key, as far as it came. Holds the keys of one partition.
    fn replaced(
        &self,
        (topic_id, partition): (i64, Partition),
        before_ms: i64,
        stop: &AtomicBool,
    ) -> Result<Vec<Offset>, LogError> {
        let doing = failed("looking for replaced messages");
        let query = "SELECT offset, timestamp_ms, key FROM messages WHERE topic_id = ?1 AND partition = ?2 AND offset < ?3 \
                     ORDER BY offset DESC LIMIT ?4";
        let mut statement = self.connection.prepare_cached(query).map_err(&doing)?;
        let (mut later, mut replaced) = (HashSet::new(), Vec::new());
        // In steps: a long read would keep the WAL from being emptied.
        let (mut before, mut found) = (Offset::MAX, STEP);
        while found == STEP && !stop.load(Ordering::Acquire) {
            found = 0;
            let mut rows = statement.query(params![topic_id, partition, before, STEP]).map_err(&doing)?;
            while let Some(row) = rows.next().map_err(&doing)? {
                (before, found) = (row.get(0).map_err(&doing)?, found + 1);
                let Some(key) = row.get::<_, Option<Vec<u8>>>(2).map_err(&doing)? else { continue };
                if !later.insert(key) && row.get::<_, i64>(1).map_err(&doing)? < before_ms {
                    replaced.push(before);
                }
            }
        }
        Ok(replaced)
    }

    fn remove(&mut self, (topic_id, partition): (i64, Partition), offsets: &[Offset]) -> Result<u64, LogError> {
        let _turn = self.shared.turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let doing = failed("removing messages");
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&doing)?;
        if let Some(token) = &self.fence {
            super::lease::require(&transaction, token)?;
        }
        let query = "DELETE FROM messages WHERE topic_id = ?1 AND partition = ?2 AND offset = ?3";
        let mut statement = transaction.prepare_cached(query).map_err(&doing)?;
        for offset in offsets {
            statement.execute(params![topic_id, partition, offset]).map_err(&doing)?;
        }
        drop(statement);
        counted::commit(transaction).map_err(&doing)?;
        Ok(offsets.len() as u64)
    }
}
