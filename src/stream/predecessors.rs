//! What another model, bundle or fold has published on the same log before us, or beside us: the last output under each key of a
//! partition. Reads; what follows from it is the worker's and the fold's affair.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::snapshots::Restored;
use super::{Artifact, Home, LogError, Range};
use crate::domain::{FamilyId, Message, Offset, Partition, Position, Timestamp};
use crate::encode::{Standing, Topic};

/// The kind of artifact that names what has ever published on a log.
const RUN: &str = "run";
/// How long others may join a reading of all outputs: partitions come together, and one reading serves all of them.
const GATHER: Duration = Duration::from_millis(300);
/// A log that is away is asked so often again, after a second each.
const ATTEMPTS: u32 = 60;
/// Clocks of brokers may differ by so much.
const CLOCKS: Duration = Duration::from_secs(600);

/// Whether anything else than `us` has ever published on a log; `us` as in [`Predecessors::new`].
///
/// # Errors
///
/// Where the log fails.
pub fn others_published(log: &mut dyn Home, us: &str) -> Result<bool, LogError> {
    Ok(log.kept_hashes(RUN)?.iter().any(|run| run != us))
}

/// Where an output stands: its key, and the family it is of, since a record that was amended into another family has one of each.
pub(super) type Place = (Topic, FamilyId, String);

/// The last output in each place.
pub(super) type Standings = BTreeMap<Place, Standing>;

/// Those who published before us, as one stage of a process sees them.
#[derive(Clone)]
pub struct Predecessors {
    shared: Arc<Shared>,
}

struct Shared {
    log: Mutex<Box<dyn Home>>,
    /// What we are ourselves.
    us: String,
    outputs: Vec<(Topic, String)>,
    waiting: Mutex<Vec<Asked>>,
}

/// A partition of which all outputs are wanted.
struct Asked {
    topic: Arc<str>,
    partition: Partition,
    reply: Sender<Result<Standings, LogError>>,
}

impl Predecessors {
    /// Notes that we publish on this log: `us` is what makes our outputs, as [`Standing`] reads it from one. `outputs` are the full
    /// names of the topics that the stage writes.
    ///
    /// # Errors
    ///
    /// Where the log fails.
    pub fn new(mut log: Box<dyn Home>, us: String, outputs: Vec<(Topic, String)>) -> Result<Predecessors, LogError> {
        log.keep(&Artifact { hash: us.clone(), kind: RUN.to_owned(), content: Vec::new() })?;
        // Nobody polls it from here on: its clients would keep all that they have to say while brokers are away.
        log.rest();
        Ok(Predecessors { shared: Arc::new(Shared { log: Mutex::new(log), us, outputs, waiting: Mutex::default() }) })
    }

    /// Whether a partition's state has to be compared with what others have published. One that comes from a snapshot has to only where
    /// others spoke after it.
    pub(super) fn must_be_heard(
        &self,
        (topic, partition): &(Arc<str>, Partition),
        restored: Option<&Restored>,
    ) -> Result<bool, LogError> {
        match restored {
            _ if !self.exist()? => Ok(false),
            Some(Restored { next, appended, .. }) => self.spoke((topic, *partition), *next, *appended),
            None => Ok(true),
        }
    }

    /// Whether anybody but us has ever published here. Asked anew each time: another may have come since.
    fn exist(&self) -> Result<bool, LogError> {
        others_published(&mut *self.shared.another()?, &self.shared.us)
    }

    /// Whether another spoke after the message before an offset: what it publishes at its start bears that message's place. `since`: when
    /// that message was appended.
    fn spoke(&self, (topic, partition): (&str, Partition), from: Offset, since: Option<Timestamp>) -> Result<bool, LogError> {
        let mut log = self.shared.another()?;
        let since = since.and_then(|since| since.checked_sub(CLOCKS).ok());
        let mut found = false;
        self.shared.read(&mut *log, since, &mut |_, input, message| {
            if *input.topic == *topic && input.partition == partition && input.offset >= from - 1 && !found {
                let standing = message.value.as_deref().and_then(Standing::of);
                found = standing.is_some_and(|standing| standing.made_by != self.shared.us);
            }
        })?;
        Ok(found)
    }

    /// The last output under each key that messages of a partition have caused, in time.
    pub(super) fn standings(&self, topic: &Arc<str>, partition: Partition) -> Receiver<Result<Standings, LogError>> {
        let (reply, told) = channel();
        let mut waiting = held(&self.shared.waiting);
        waiting.push(Asked { topic: Arc::clone(topic), partition, reply });
        if waiting.len() == 1 {
            let shared = Arc::clone(&self.shared);
            let started = std::thread::Builder::new().name("standings".to_owned()).spawn(move || shared.answer());
            if let Err(error) = started {
                let failed = || LogError::Store { doing: "starting a thread", detail: error.to_string() };
                waiting.drain(..).for_each(|asked| drop(asked.reply.send(Err(failed()))));
            }
        }
        told
    }
}

impl Shared {
    fn another(&self) -> Result<Box<dyn Home>, LogError> {
        held(&self.log).another()
    }

    /// Reads all outputs once for all that wait.
    fn answer(&self) {
        std::thread::sleep(GATHER);
        let asked = std::mem::take(&mut *held(&self.waiting));
        let mut attempt = 0;
        let found = loop {
            attempt += 1;
            match self.all(&asked) {
                Err(error) if matches!(error.exit_code(), 69 | 75) && attempt < ATTEMPTS => {
                    tracing::warn!(%error, "what others have published cannot be read yet");
                    std::thread::sleep(Duration::from_secs(1));
                }
                found => break found,
            }
        };
        match found {
            // Who has lost the partition meanwhile does not listen any more.
            Ok(found) => asked.into_iter().zip(found).for_each(|(asked, found)| drop(asked.reply.send(Ok(found)))),
            Err(error) => asked.into_iter().for_each(|asked| drop(asked.reply.send(Err(error.clone())))),
        }
    }

    fn all(&self, asked: &[Asked]) -> Result<Vec<Standings>, LogError> {
        let mut found = vec![Standings::new(); asked.len()];
        let mut log = self.another()?;
        self.read(&mut *log, None, &mut |topic, input, message| {
            let is_asked = |asked: &Asked| *asked.topic == *input.topic && asked.partition == input.partition;
            let Some(found) = asked.iter().position(is_asked).and_then(|index| found.get_mut(index)) else { return };
            let key = message.key.and_then(|key| String::from_utf8(key).ok());
            let Some((key, standing)) = key.zip(message.value.as_deref().and_then(Standing::of)) else { return };
            let known = found.entry((topic, standing.family, key)).or_insert_with(|| standing.clone());
            if standing.number >= known.number {
                *known = standing;
            }
        })?;
        Ok(found)
    }

    /// Hands over every output, with the message that caused it.
    fn read(
        &self,
        log: &mut dyn Home,
        since: Option<Timestamp>,
        each: &mut dyn FnMut(Topic, Position, Message),
    ) -> Result<(), LogError> {
        let topics = log.topics()?;
        for (topic, name) in &self.outputs {
            let partitions = topics.iter().find(|described| described.name == *name).map_or(0, |found| found.partitions);
            for partition in 0..partitions {
                log.wait_until_settled(name, partition)?;
                let from = since.map_or(Ok(0), |since| log.offset_at(name, partition, since))?;
                for message in log.range(&Range { topic: name.clone(), partition, from, until: None })? {
                    let message = message?;
                    if let Some(input) = message.header("entrepot-input").and_then(|input| input.parse().ok()) {
                        each(*topic, input, message);
                    }
                }
            }
        }
        Ok(())
    }
}

fn held<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
