//! The two stages as folds of the worker loop. Nothing but the fitting.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Fold;
use super::clock::{now, read_at};
use super::registry::Registry;
use crate::assess::Assess;
use crate::decode::framed::{Answer, Schemas};
use crate::domain::{Message, Timestamp};
use crate::encode::{Effects, Output, Standing, Topic};
use crate::ingest::Ingest;

/// Ingest of files. It keeps no state, so one is shared.
impl Fold for Arc<Ingest> {
    fn apply(&mut self, message: &Message) -> Effects {
        Ingest::apply(self, message)
    }

    fn state_bytes(&self) -> u64 {
        0
    }
}

/// Ingest of what stands in a log, where a message says itself when it was written: its partitions share one.
pub struct LoggedIngest(pub Arc<Ingest>);

impl Fold for LoggedIngest {
    fn apply(&mut self, message: &Message) -> Effects {
        self.0.apply_with(message, &Schemas::default(), Some(read_at()))
    }

    fn state_bytes(&self) -> u64 {
        0
    }
}

/// Schemas that a fold has at hand; the registry's own cache holds more.
const SCHEMAS_MAX: usize = 1_000;
/// How often a run without a worker asks again, and how often it says what it waits for.
const ASK_AGAIN: Duration = Duration::from_millis(5);
const SAY_AGAIN: Duration = Duration::from_secs(10);

/// Ingest of feeds of which some stand in a registry's frame.
pub struct FramedIngest {
    ingest: Arc<Ingest>,
    registry: Arc<Registry>,
    schemas: Schemas,
    /// An id among them that the registry does not know: after one message it is asked again, who remembers it for a while.
    unknown: Option<u32>,
    /// When a message is read; none of files.
    read_at: fn() -> Option<Timestamp>,
}

impl FramedIngest {
    /// Of messages of a log, with no schema known.
    pub fn of_log(ingest: Arc<Ingest>, registry: Arc<Registry>) -> FramedIngest {
        FramedIngest { ingest, registry, schemas: Schemas::default(), unknown: None, read_at: || Some(read_at()) }
    }

    /// Of files, with no schema known.
    pub fn of_files(ingest: Arc<Ingest>, registry: Arc<Registry>) -> FramedIngest {
        FramedIngest { read_at: || None, ..FramedIngest::of_log(ingest, registry) }
    }

    /// The registry is asked again for what it did not know.
    fn forget_unknown(&mut self) {
        if let Some(id) = self.unknown.take() {
            self.schemas.forget(id);
        }
    }

    /// A worker has asked before and does not wait here; a bounded run does, however long the registry is away.
    fn wait(&mut self, message: &Message) {
        let (begun, mut said) = (now(), 0);
        while let Some(what) = self.waits_for(message) {
            let seconds = now().saturating_duration_since(begun).as_secs();
            if seconds >= (said + 1) * SAY_AGAIN.as_secs() {
                said += 1;
                tracing::warn!(position = %message.position, seconds, "waiting for the schema registry: {what}");
            }
            std::thread::sleep(ASK_AGAIN);
        }
    }
}

impl Fold for FramedIngest {
    fn waits_for(&mut self, message: &Message) -> Option<String> {
        let id = self.ingest.schema_of(message).filter(|id| !self.schemas.knows(*id))?;
        let Some(answer) = self.registry.get(id) else { return Some(self.registry.waiting_for(id)) };
        if self.schemas.count() >= SCHEMAS_MAX {
            self.schemas = Schemas::default();
        }
        self.forget_unknown();
        self.unknown = matches!(answer, Answer::Unknown(_)).then_some(id);
        self.schemas.insert(id, answer);
        None
    }

    fn apply(&mut self, message: &Message) -> Effects {
        self.wait(message);
        let effects = self.ingest.apply_with(message, &self.schemas, (self.read_at)());
        self.forget_unknown();
        effects
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

    fn renew(&mut self) {
        Assess::renew(self);
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
