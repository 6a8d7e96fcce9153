//! The offset of a quiet partition goes on to its end. Behind the last message of a transaction stands its mark, which nobody hands over:
//! were the offset left before it, what retention deletes would look like messages that were never read.

use std::time::Duration;

use super::Worker;
use crate::domain::Position;
use crate::encode::Effects;
use crate::stream::Log;

/// How long nothing has to come; offsets cost a transaction of their own.
const QUIET: Duration = Duration::from_secs(10);

impl<L: Log> Worker<L> {
    /// Of stages without state: what others are made of is never deleted.
    pub(super) fn settle(&mut self) {
        if self.stage.stateful || !self.batch.is_empty() || !self.redo.is_empty() {
            return;
        }
        for ((topic, partition), part) in &mut self.parts {
            let is_quiet = part.ended.is_some_and(|ended| self.now.saturating_duration_since(ended) >= QUIET);
            if is_quiet && part.next > part.committed {
                let last = Position { topic: topic.clone(), partition: *partition, offset: part.next - 1 };
                self.batch.stand(&last, part.next, &mut Effects::default(), self.now);
                part.ended = None;
            }
        }
    }
}
