//! The two stages as folds of the worker loop. Nothing but the fitting.

use super::Fold;
use crate::assess::Assess;
use crate::domain::Message;
use crate::encode::Effects;
use crate::ingest::Ingest;

/// Ingest keeps no state, so its partitions share one.
impl Fold for std::sync::Arc<Ingest> {
    fn apply(&mut self, message: &Message) -> Effects {
        Ingest::apply(self, message)
    }

    fn state_bytes(&self) -> u64 {
        0
    }
}

impl Fold for Assess {
    fn apply(&mut self, message: &Message) -> Effects {
        Assess::apply(self, message)
    }

    fn state_bytes(&self) -> u64 {
        Assess::state_bytes(self)
    }

    fn made_by(&self) -> String {
        Assess::made_by(self)
    }

    fn snapshot(&self) -> Option<Vec<u8>> {
        Assess::snapshot(self)
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), String> {
        Assess::restore(self, bytes)
    }
}
