//! A feed whose next message waits for something, the schema it was written by for one, waits alone: its topic gives no messages, all
//! others do, and the loop goes round. The message is put back, not held: after a recycle or a rebalance it comes again by itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Worker, WorkerError};
use crate::domain::Message;
use crate::stream::clock::now;
use crate::stream::{Log, Report};

/// How often a fold is asked again.
pub(super) const ASK_AGAIN: Duration = Duration::from_millis(20);
/// A wait that is over sooner is worth no word: each schema is waited for once.
const SAY_AFTER: Duration = Duration::from_secs(1);
/// And it is said again so often.
const SAY_AGAIN: Duration = Duration::from_secs(60);

/// The topics that wait, each with the first message that had to.
#[derive(Default)]
pub(super) struct Waits {
    topics: BTreeMap<Arc<str>, Wait>,
}

struct Wait {
    message: Message,
    since: Instant,
    say_at: Instant,
    is_said: bool,
}

impl<L: Log> Worker<L> {
    /// Puts a message back, and keeps its topic away.
    pub(super) fn wait_with(&mut self, message: Message) -> Result<(), WorkerError> {
        let topic = Arc::clone(&message.position.topic);
        self.log.pause(&topic, true)?;
        self.log.seek(&topic, message.position.partition, message.position.offset)?;
        if let Some(part) = self.parts.get_mut(&(Arc::clone(&topic), message.position.partition)) {
            // Else a feed that waits with its first message since the start would not seem to be behind.
            part.met(&message);
        }
        let since = now();
        self.waits.topics.entry(topic).or_insert(Wait { message, since, say_at: since + SAY_AFTER, is_said: false });
        Ok(())
    }

    /// Asks the folds again; topics go on whose message can be folded in, or was another's meanwhile. Whether any still waits.
    pub(super) fn end_waits(&mut self) -> Result<bool, WorkerError> {
        if self.waits.topics.is_empty() {
            return Ok(false);
        }
        let mut over = Vec::new();
        for (topic, wait) in &mut self.waits.topics {
            let part = self.parts.get_mut(&(Arc::clone(topic), wait.message.position.partition));
            match part.and_then(|part| part.fold.waits_for(&wait.message)) {
                None => over.push(Arc::clone(topic)),
                Some(what) if self.now >= wait.say_at => {
                    let seconds = self.now.saturating_duration_since(wait.since).as_secs();
                    let (stage, position) = (self.stage.name, &wait.message.position);
                    tracing::warn!(stage, %position, seconds, "feed waits, nothing of it is lost: {what}");
                    if let Some(feed) = self.stage.feeds.get(&**topic).filter(|_| !wait.is_said) {
                        (self.observer)(&Report::Waiting { feed, waits: true });
                    }
                    (wait.say_at, wait.is_said) = (self.now + SAY_AGAIN, true);
                }
                Some(_) => {}
            }
        }
        for topic in over {
            let Some(wait) = self.waits.topics.remove(&topic) else { continue };
            self.log.pause(&topic, false)?;
            if let Some(feed) = self.stage.feeds.get(&*topic).filter(|_| wait.is_said) {
                tracing::info!(%feed, %topic, "feed goes on");
                (self.observer)(&Report::Waiting { feed, waits: false });
            }
        }
        Ok(!self.waits.topics.is_empty())
    }
}
