//! A partition whose outputs were another's before: its state is made from all messages, then compared with what stands in the log.
//! What differs is published in transactions of their own, and until then no message of the partition is folded in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, TryRecvError};

use super::{Place, Worker, WorkerError};
use crate::domain::{FamilyId, Message, Position};
use crate::encode::{Effects, Output, Standing, Topic};
use crate::stream::clock::wall_ms;
use crate::stream::part::Part;
use crate::stream::predecessors::{Place as KeyOf, Predecessors, Standings};
use crate::stream::{Commit, Log, LogError, Report, Span, Spill};

/// Bytes of one partition's outputs that wait in memory; what comes after waits in a file.
const SPILL_BYTES: usize = 1 << 20;
/// Keys compared at once; then the log is heard.
const KEYS: usize = 10_000;

#[derive(serde::Deserialize)]
struct Of {
    family: FamilyId,
}

/// What a partition has to settle before it goes on.
pub(in crate::stream) struct GoingOn {
    /// The last output under each key, as this state has it.
    said: BTreeMap<KeyOf, Span>,
    values: Spill,
    told: Receiver<Result<Standings, LogError>>,
    /// Once it is known what stands: that, and the keys still to be compared, the last one first.
    stands: Option<(Standings, Vec<KeyOf>)>,
    published: u64,
}

impl GoingOn {
    /// Of a partition that is made from its first message on.
    pub(super) fn begin(predecessors: &Predecessors, place: &Place) -> GoingOn {
        tracing::info!(topic = %place.0, partition = place.1, "another model, bundle or build has published here: going on from it");
        GoingOn {
            said: BTreeMap::new(),
            values: Spill::new(SPILL_BYTES),
            told: predecessors.standings(&place.0, place.1),
            stands: None,
            published: 0,
        }
    }

    /// Takes note of what the state says while it is made. Cases are gone on from as they stand, whatever it says of them.
    pub(super) fn note(&mut self, outputs: &[Output]) -> Result<(), LogError> {
        for output in outputs.iter().filter(|output| output.topic != Topic::Alerts) {
            let key = String::from_utf8_lossy(&output.key).into_owned();
            let span = self.values.push(&output.value)?;
            let Ok(Of { family }) = serde_json::from_slice(&output.value) else { continue };
            self.said.insert((output.topic, family, key), span);
        }
        Ok(())
    }

    /// Whether it is known what stands.
    fn is_told(&mut self) -> Result<bool, LogError> {
        if self.stands.is_some() {
            return Ok(true);
        }
        let standings = match self.told.try_recv() {
            Ok(told) => told?,
            Err(TryRecvError::Empty) => return Ok(false),
            Err(TryRecvError::Disconnected) => {
                let detail = "its reader has ended".to_owned();
                return Err(LogError::Store { doing: "reading what others have published", detail });
            }
        };
        self.values.settle()?;
        // Corridor-months before the shipments that name them; taken from the end.
        let keys: BTreeSet<KeyOf> = self.said.keys().chain(standings.keys()).cloned().collect();
        let mut keys: Vec<KeyOf> = keys.into_iter().filter(|(topic, ..)| *topic != Topic::Alerts).collect();
        keys.sort_by_key(|(topic, ..)| *topic == Topic::Corridors);
        self.stands = Some((standings, keys));
        Ok(true)
    }
}

impl Part {
    /// Whether its state is made, and what it publishes next is to be compared with what stands.
    fn is_to_go_on(&self) -> bool {
        self.going_on.is_some() && self.next >= self.committed
    }

    /// What is to be published for the next keys, about so many bytes of it, and whether that was all.
    fn compare(&mut self, bytes_max: u64) -> Result<Option<(Effects, bool)>, LogError> {
        let Part { fold, going_on: Some(going_on), .. } = self else { return Ok(None) };
        let waiting = fold.take_left_over();
        going_on.note(&waiting)?;
        if !going_on.is_told()? {
            return Ok(None);
        }
        let GoingOn { said, values, stands: Some((standings, keys)), .. } = going_on else { return Ok(None) };
        let (mut effects, mut bytes, mut buffer) = (Effects::default(), 0, Vec::new());
        for _ in 0..KEYS {
            if bytes >= bytes_max {
                break;
            }
            let Some(key) = keys.pop() else {
                let of_cases = |((topic, _, key), standing): (&KeyOf, &Standing)| {
                    (*topic == Topic::Alerts).then(|| (key.clone(), standing.clone()))
                };
                let cases: BTreeMap<String, Standing> = standings.iter().filter_map(of_cases).collect();
                absorb(&mut effects, fold.go_on_cases(&cases));
                return Ok(Some((effects, true)));
            };
            let said = said.get(&key).map(|span| values.get(*span, &mut buffer)).transpose()?;
            let caused = fold.go_on((key.0, &key.2), said, standings.get(&key));
            bytes += caused.outputs.iter().map(|output| output.value.len() as u64).sum::<u64>();
            absorb(&mut effects, caused);
        }
        Ok(Some((effects, false)))
    }
}

fn absorb(effects: &mut Effects, more: Effects) {
    effects.outputs.extend(more.outputs);
    effects.tallies.extend(more.tallies);
}

impl<L: Log> Worker<L> {
    /// One step of every partition that is to go on from what others have published. Whether any did.
    pub(super) fn go_on(&mut self) -> Result<bool, WorkerError> {
        let due: Vec<Place> = self.parts.iter().filter(|(_, part)| part.is_to_go_on()).map(|(place, _)| place.clone()).collect();
        let mut moved = false;
        for place in due {
            self.rest(&place.0)?;
            let compared = match self.parts.get_mut(&place) {
                Some(part) => part.compare(self.settings.bytes_max)?,
                None => None,
            };
            if let Some((effects, is_all)) = compared {
                moved = true;
                self.publish(&place, effects, is_all)?;
            }
        }
        self.wake()?;
        Ok(moved)
    }

    /// Publishes what differs, in a transaction that leaves the offset where it is.
    fn publish(&mut self, place: &Place, mut effects: Effects, is_all: bool) -> Result<(), WorkerError> {
        self.commit()?;
        let Some(part) = self.parts.get_mut(place) else { return Ok(()) };
        let Some(going_on) = &mut part.going_on else { return Ok(()) };
        going_on.published += effects.outputs.len() as u64;
        if is_all {
            let published = going_on.published;
            tracing::info!(topic = %place.0, partition = place.1, published, "gone on from what stood: what differs is published");
            part.going_on = None;
        }
        if effects.outputs.is_empty() {
            return Ok(());
        }
        // As if caused by the last message of the state: up to there it can be derived again.
        let position = Position { topic: place.0.clone(), partition: place.1, offset: part.folded - 1 };
        let cause = Message { position, timestamp: None, key: None, value: None, headers: Vec::new() };
        self.batch.stand(&cause.position, part.committed, &mut effects, self.now);
        self.send(cause, effects)?;
        let next = self.batch.next();
        if let Commit::Recycled(_, why) = self.log.commit(&next)? {
            // Whether it is there is not known, and the numbers have moved on: the state is made again and compared again.
            drop(self.batch.take_apart(Vec::new()));
            self.parts.remove(place);
            (self.observer)(&Report::Recycled { stage: self.stage.name });
            return self.spend_recycle(why);
        }
        let report = self.batch.close(self.stage.name, wall_ms());
        (self.observer)(&Report::Committed(&report));
        self.count_parts();
        Ok(())
    }

    /// Keeps the messages of a topic away while one of its partitions is not ready for them.
    pub(super) fn rest(&mut self, topic: &str) -> Result<(), LogError> {
        if !self.is_resting {
            self.log.pause(topic, true)?;
            self.is_resting = true;
        }
        Ok(())
    }

    /// Lets messages come again, where no partition rests any more.
    pub(super) fn wake(&mut self) -> Result<(), LogError> {
        if !self.is_resting || self.parts.values().any(Part::is_to_go_on) {
            return Ok(());
        }
        self.is_resting = false;
        for topic in self.stage.topics.clone() {
            self.log.pause(&topic, false)?;
        }
        Ok(())
    }
}
