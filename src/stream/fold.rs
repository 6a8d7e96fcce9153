//! The two stages as folds of the worker loop. Nothing but the fitting.

use std::collections::BTreeMap;

use super::Fold;
use crate::assess::Assess;
use crate::domain::Message;
use crate::encode::{Effects, Output, Standing, Topic};
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

    fn take_left_over(&mut self) -> Vec<Output> {
        Assess::take_left_over(self)
    }

    fn go_on(&mut self, key: (Topic, &str), said: Option<&[u8]>, standing: Option<&Standing>) -> Effects {
        Assess::go_on(self, key, said, standing)
    }

    fn go_on_cases(&mut self, standing: &BTreeMap<String, Standing>) -> Effects {
        Assess::go_on_cases(self, standing)
    }
}
