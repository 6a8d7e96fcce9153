//! A feed that is all bad rests, as `Pauses` say; who has nothing of it any more says nothing of it.

use std::time::Instant;

use super::{Worker, WorkerError};
use crate::encode::Effects;
use crate::stream::pause::Verdict;
use crate::stream::{Log, Report};

impl<L: Log> Worker<L> {
    /// Takes note of what became of a message.
    pub(super) fn mind_pause(&mut self, topic: &str, effects: &Effects, now: Instant) -> Result<(), WorkerError> {
        let Some(feed) = self.stage.feeds.get(topic) else { return Ok(()) };
        let verdict = self.pauses.note(topic, effects, (now, &self.settings));
        match verdict {
            Verdict::Unchanged => return Ok(()),
            Verdict::RestAgain => return Ok(self.log.pause(topic, true)?),
            Verdict::Pause => {
                tracing::error!(%feed, topic, "feed paused: too many dead letters; mend its mapping, it is probed meanwhile");
                self.log.pause(topic, true)?;
            }
            Verdict::Resume => tracing::info!(%feed, topic, "feed resumed"),
        }
        (self.observer)(&Report::Paused { feed, paused: verdict == Verdict::Pause });
        Ok(())
    }

    /// Once no partition of a topic is here, its feed no longer rests here: whoever has it now sees for himself how it does.
    pub(super) fn forget_pause(&mut self, topic: &str) -> Result<(), WorkerError> {
        if self.parts.keys().any(|(here, _)| **here == *topic) || !self.pauses.forget(topic) {
            return Ok(());
        }
        // The log would keep it away where it comes back.
        self.log.pause(topic, false)?;
        if let Some(feed) = self.stage.feeds.get(topic) {
            (self.observer)(&Report::Paused { feed, paused: false });
        }
        Ok(())
    }
}
