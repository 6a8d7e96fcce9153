//! What the policies of topics let go: messages of a certain age, and in compacted topics those that a later one of their key replaced.
//!
//! A little at a time, so that nobody who writes waits for long. The file does not shrink; the room is used again.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{TransactionBehavior, params};

use super::super::{Policy, TopicPlan};
use super::{EmbeddedLog, LogError, failed};
use crate::domain::{Offset, Partition, Timestamp};

/// Messages looked at, or removed in one transaction, at most.
const STEP: i64 = 1_000;
const DAY_MS: i64 = 86_400_000;

impl EmbeddedLog {
    /// Removes what the policy of a topic lets go at this instant, until it is done or the flag is up. Returns how many messages.
    ///
    /// Offsets stay what they are, and what is appended next goes on behind the end.
    pub fn let_go(&mut self, topic: &TopicPlan, now: Timestamp, stop: &AtomicBool) -> Result<u64, LogError> {
        let before = |days: u32| now.as_millisecond().saturating_sub(i64::from(days) * DAY_MS);
        let mut removed = 0;
        for partition in 0..self.topic(&topic.name)?.partitions {
            removed += match topic.policy {
                Policy::Days(days) => self.remove_old(&topic.name, partition, (before(days), stop))?,
                Policy::Compacted(days) => self.remove_replaced(&topic.name, partition, (before(days), stop))?,
                Policy::Forever | Policy::Theirs => 0,
            };
        }
        Ok(removed)
    }

    fn remove_old(&mut self, topic: &str, partition: Partition, (before_ms, stop): (i64, &AtomicBool)) -> Result<u64, LogError> {
        let topic_id = self.topic_with(topic, partition)?;
        let query =
            "SELECT offset FROM messages WHERE topic_id = ?1 AND partition = ?2 AND timestamp_ms < ?3 ORDER BY offset LIMIT ?4";
        let mut removed = 0;
        while !stop.load(Ordering::Acquire) {
            let doing = failed("looking for old messages");
            let mut statement = self.connection.prepare_cached(query).map_err(&doing)?;
            // Append times never go back: the old ones stand at the front. Without one the walk would go to the end.
            let first = super::read::first(&self.connection, (topic_id, partition), 0)?;
            if first.is_none_or(|(_, appended)| appended >= before_ms) {
                break;
            }
            let rows = statement.query_map(params![topic_id, partition, before_ms, STEP], |row| row.get(0)).map_err(&doing)?;
            let old = rows.collect::<Result<Vec<Offset>, _>>().map_err(&doing)?;
            drop(statement);
            removed += self.remove((topic_id, partition), &old)?;
        }
        Ok(removed)
    }

    fn remove_replaced(
        &mut self,
        topic: &str,
        partition: Partition,
        (before_ms, stop): (i64, &AtomicBool),
    ) -> Result<u64, LogError> {
        let place = (self.topic_with(topic, partition)?, partition);
        if super::read::first(&self.connection, place, 0)?.is_none_or(|(_, appended)| appended >= before_ms) {
            return Ok(0);
        }
        let replaced = self.replaced(place, before_ms)?;
        let mut removed = 0;
        for step in replaced.chunks(usize::try_from(STEP).unwrap_or(1)) {
            if stop.load(Ordering::Acquire) {
                break;
            }
            removed += self.remove(place, step)?;
        }
        Ok(removed)
    }

    /// Offsets of messages before an instant with a later one of the same key. Holds the keys of one partition.
    fn replaced(&self, (topic_id, partition): (i64, Partition), before_ms: i64) -> Result<Vec<Offset>, LogError> {
        let doing = failed("looking for replaced messages");
        let query = "SELECT offset, timestamp_ms, key FROM messages WHERE topic_id = ?1 AND partition = ?2 AND offset < ?3 \
                     ORDER BY offset DESC LIMIT ?4";
        let mut statement = self.connection.prepare_cached(query).map_err(&doing)?;
        let (mut later, mut replaced) = (HashSet::new(), Vec::new());
        // In steps: a long read would keep the WAL from being emptied.
        let (mut before, mut found) = (Offset::MAX, STEP);
        while found == STEP {
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
        transaction.commit().map_err(&doing)?;
        Ok(offsets.len() as u64)
    }
}
