//! The loop of every stage: messages to folds, outputs and offsets to one transaction. Committed, or back to what is committed.

mod error;
mod go_on;
mod mind;
mod settle;
mod wait;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::batch::{Batch, Redo};
use super::clock::{now, wall_ms};
use super::envelope::Envelopes;
use super::part::Part;
use super::pause::Pauses;
use super::snapshots::{Of, Restored};
use super::{Beacon, Commit, Event, Log, LogError, Observer, Recycle, Report, Stage, WorkerSettings, envelope};
use crate::domain::{Message, Offset, Partition};
use crate::encode::Effects;

pub use error::WorkerError;
pub(super) use go_on::GoingOn;
use wait::Waits;

/// Topic and partition.
type Place = (Arc<str>, Partition);

/// How long a poll waits at most, so that a stop is heard and the beacon shines.
const POLL: Duration = Duration::from_millis(400);
/// How often lags and limits are looked at.
const LOOK_AROUND: Duration = Duration::from_secs(1);

/// One thread's share of a stage: a handle on the log, and the folds of its partitions, which nobody else touches.
pub struct Worker<L> {
    log: L,
    stage: Stage,
    settings: WorkerSettings,
    observer: Observer,
    beacon: Arc<Beacon>,
    parts: BTreeMap<Place, Part>,
    batch: Batch,
    envelopes: Envelopes,
    /// The clock, as read after the last event.
    now: Instant,
    /// What partitions were at when their transaction was recycled. It may have been committed without our hearing of it, or has to
    /// be sent again; `Assigned` tells. Their state stays: it has seen the messages either way.
    redo: Vec<Redo>,
    pauses: Pauses,
    waits: Waits,
    recycles: VecDeque<Instant>,
    looked_around: Option<Instant>,
    /// No messages come: a partition is not ready for them.
    is_resting: bool,
}

impl<L: Log> Worker<L> {
    /// A worker over a subscribed handle.
    pub fn new(log: L, (stage, settings): (Stage, WorkerSettings), observer: Observer, beacon: Arc<Beacon>) -> Worker<L> {
        let envelopes = Envelopes::new(&settings);
        Worker {
            log,
            stage,
            settings,
            observer,
            beacon,
            parts: BTreeMap::new(),
            batch: Batch::default(),
            envelopes,
            now: now(),
            redo: Vec::new(),
            pauses: Pauses::default(),
            waits: Waits::default(),
            recycles: VecDeque::new(),
            looked_around: None,
            is_resting: false,
        }
    }

    /// Works until the flag is up, then commits what is open. A fold's panic is not caught: its state is half changed.
    pub fn run(&mut self, stop: &AtomicBool) -> Result<(), WorkerError> {
        while !stop.load(Ordering::Acquire) {
            self.step()?;
        }
        self.drain()
    }

    /// Commits what is open. Where that comes to nothing, the next start does it again.
    pub fn drain(&mut self) -> Result<(), WorkerError> {
        self.commit()?;
        // Half of the time may go by for all of it: it only makes the next start quicker.
        let until = now() + self.settings.drain_timeout / 2;
        let left = || until.saturating_duration_since(now());
        let places: Vec<Place> = self.parts.keys().cloned().collect();
        places.iter().for_each(|place| self.keep(place, Some(left())));
        self.stage.snapshots.iter().for_each(|snapshots| snapshots.wait(left()));
        Ok(())
    }

    /// Keeps the state of a partition where it is due, or, at its last chance, where there is anything to keep.
    fn keep(&mut self, place: &Place, last_chance: Option<Duration>) {
        let (Some(snapshots), Some(part)) = (&self.stage.snapshots, self.parts.get_mut(place)) else { return };
        if last_chance.is_some() || snapshots.is_due(part, place.1) {
            let of = Of { stage: self.stage.name, topic: &place.0, partition: place.1, observer: &self.observer };
            snapshots.keep(of, part, last_chance);
        }
    }

    /// Hears one event and acts on it.
    pub fn step(&mut self) -> Result<(), WorkerError> {
        self.beacon.beat(self.now);
        self.look_around(self.now)?;
        let most = if self.end_waits()? { wait::ASK_AGAIN } else { POLL };
        let most = if self.go_on()? { Duration::ZERO } else { most };
        let timeout = self.batch.time_left(self.now, &self.settings).unwrap_or(most).min(most);
        let event = self.log.poll(timeout)?;
        // Partitions that come together are announced one by one.
        let is_whole = !matches!(event, Event::Assigned { .. });
        match event {
            Event::Message(message) => self.take(message)?,
            Event::Assigned { topic, partition, committed, end } => self.begin(topic, partition, (committed, end))?,
            Event::Revoked { topic, partition } => {
                self.commit()?;
                let place = (Arc::clone(&topic), partition);
                self.keep(&place, Some(Duration::ZERO));
                self.parts.remove(&place);
                if self.parts.is_empty() {
                    // Whether others have them, or the brokers are away, is told by what comes next.
                    self.beacon.started.store(false, Ordering::Release);
                }
                self.redo_of(&topic, partition);
                self.forget_pause(&topic)?;
                (self.observer)(&Report::Revoked { stage: self.stage.name, topic: &topic, partition });
                self.count_parts();
            }
            Event::EndOfPartition { topic, partition, end } => {
                if let Some(part) = self.parts.get_mut(&(Arc::clone(&topic), partition)) {
                    part.end = part.end.max(end);
                    // Offsets may be missing at the end (marks of transactions): what was committed lies before it.
                    part.next = part.next.max(end);
                    part.ended = Some(self.now);
                }
                self.count_parts();
                self.tell_progress(&topic, partition);
            }
            Event::Standby => self.beacon.started.store(true, Ordering::Release),
            Event::Idle => {}
        }
        if is_whole && !self.parts.is_empty() {
            self.beacon.started.store(true, Ordering::Release);
        }
        // Read once an event, and after it: an event may have taken its time, or have been waited for.
        self.now = now();
        if self.batch.is_due(self.now, &self.settings) {
            self.commit()?;
            self.now = now();
        }
        Ok(())
    }

    /// Where all partitions in hand stand: (topic, partition) → (next, committed). For tests and health.
    pub fn standing(&self) -> BTreeMap<(Arc<str>, Partition), (Offset, Offset)> {
        self.parts.iter().map(|(place, part)| (place.clone(), (part.next, part.committed))).collect()
    }

    /// The handle on the log.
    pub fn log(&mut self) -> &mut L {
        &mut self.log
    }

    fn begin(&mut self, topic: Arc<str>, partition: Partition, (committed, end): (Offset, Offset)) -> Result<(), WorkerError> {
        let place = (Arc::clone(&topic), partition);
        let from = match self.resume(&place, committed)? {
            Some(from) => from,
            None => self.make(&place, (committed, end))?,
        };
        tracing::info!(stage = self.stage.name, %topic, partition, from, committed, end, "assigned");
        self.log.seek(&topic, partition, from)?;
        self.count_parts();
        self.tell_progress(&topic, partition);
        Ok(())
    }

    /// A partition as it begins: with an empty state, or what is committed behind it.
    fn make(&mut self, place: &Place, (committed, end): (Offset, Offset)) -> Result<Offset, LogError> {
        let fresh = || (self.stage.folds)(&place.0, place.1);
        let mut fold = fresh();
        let of = Of { stage: self.stage.name, topic: &place.0, partition: place.1, observer: &self.observer };
        let snapshots = self.stage.snapshots.as_ref();
        let mut restored = snapshots.and_then(|snapshots| snapshots.restore(of, &mut self.log, (&mut *fold, committed)));
        let mut going_on = None;
        if let Some(predecessors) = self.stage.predecessors.as_ref().filter(|_| committed > 0)
            && predecessors.must_be_heard(place, restored.as_ref())?
        {
            (fold, restored) = (fresh(), None);
            going_on = Some(GoingOn::begin(predecessors, place));
        }
        let (next, last) = match restored {
            Some(Restored { next, last, .. }) => (next, last),
            None => (if self.stage.stateful { 0 } else { committed }, 0),
        };
        let topic = self.stage.topics.iter().position(|name| **name == *place.0).unwrap_or(usize::MAX);
        let part = Part { fold, topic, next, committed, end, read_ms: 0, folded: next, last, since: 0, ended: None, going_on };
        self.parts.insert(place.clone(), part);
        Ok(next)
    }

    /// After a recycle: where the state of a partition still stands for what is committed, goes on from it. What was not committed is
    /// sent again as it was, since the same messages and the same state would only cause the same again.
    fn resume(&mut self, place: &Place, committed: Offset) -> Result<Option<Offset>, WorkerError> {
        let redo = self.redo_of(&place.0, place.1);
        let Some((redo, part)) = redo.zip(self.parts.get_mut(place)) else { return Ok(None) };
        let (.., next) = redo.share.stands();
        if committed == next {
            part.committed = committed;
            let report = redo.share.close(self.stage.name, wall_ms());
            (self.observer)(&Report::Committed(&report));
            return Ok(Some(next));
        }
        if committed != part.committed {
            tracing::warn!(topic = %place.0, partition = place.1, committed, expected = part.committed, "somebody else moved the offset");
            return Ok(None);
        }
        self.batch.put_back(redo.share, redo.outgoing.len(), now());
        for outgoing in redo.outgoing {
            self.log.send(outgoing)?;
        }
        Ok(Some(next))
    }

    /// What a partition would have to do again.
    fn redo_of(&mut self, topic: &str, partition: Partition) -> Option<Redo> {
        let is_here = |redo: &Redo| {
            let (here, number, _) = redo.share.stands();
            **here == *topic && number == partition
        };
        let index = self.redo.iter().position(is_here)?;
        Some(self.redo.swap_remove(index))
    }

    /// Folds a message in. Below the committed offset it only rebuilds state: what it causes went out long ago.
    fn take(&mut self, message: Message) -> Result<(), WorkerError> {
        let place = (Arc::clone(&message.position.topic), message.position.partition);
        let offset = message.position.offset;
        let out_of_turn = |expected: String| WorkerError::OutOfTurn { position: message.position.to_string(), expected };
        let part = self.parts.get_mut(&place).ok_or_else(|| out_of_turn("nothing of this partition".to_owned()))?;
        if offset < part.next {
            return Err(out_of_turn(format!("offset {} or later", part.next)));
        }
        if offset >= part.committed && part.going_on.is_some() {
            // It has to wait until all before it is settled.
            self.rest(&place.0)?;
            return Ok(self.log.seek(&place.0, place.1, offset)?);
        }
        self.beacon.at(part.topic, place.1, offset);
        let mut effects = match envelope::too_large(&message, &self.stage, &self.settings) {
            Some(effects) => effects,
            None if part.fold.waits_for(&message).is_some() => return self.wait_with(message),
            None => part.fold.apply(&message),
        };
        part.took(&message, self.stage.snapshots.is_some());
        if offset < part.committed {
            if let Some(going_on) = &mut part.going_on {
                going_on.note(&effects.outputs)?;
            }
            if !part.is_restoring() {
                self.count_parts();
                self.tell_progress(&place.0, place.1);
            }
            self.keep(&place, None);
            return Ok(());
        }
        // A transaction opens when its first message comes, which may have been waited for.
        let now = if self.batch.is_empty() { now() } else { self.now };
        self.batch.add(&message, &mut effects, (now, self.stage.stateful));
        self.mind_pause(&place.0, &effects, now)?;
        self.send(message, effects)
    }

    fn send(&mut self, message: Message, effects: Effects) -> Result<(), WorkerError> {
        let batch = &mut self.batch;
        let mut sent = |topic: &Arc<str>, bytes| batch.sent(topic, bytes);
        let is_raw = self.stage.feeds.contains_key(&*message.position.topic);
        self.envelopes.send((effects.outputs, &message, is_raw), &self.settings, &mut self.log, &mut sent)?;
        if let Some(letter) = effects.dead_letter {
            let outgoing = envelope::dead_letter(&letter, message, self.stage.name, &self.settings);
            self.batch.sent(&outgoing.topic, outgoing.value.as_ref().map_or(0, Vec::len));
            self.log.send(outgoing)?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), WorkerError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let next = self.batch.next();
        match self.log.commit(&next)? {
            Commit::Committed => {
                let report = self.batch.close(self.stage.name, wall_ms());
                for ((topic, partition), offset) in &next {
                    let topic: Arc<str> = topic.as_str().into();
                    let place = (topic, *partition);
                    if let Some(part) = self.parts.get_mut(&place) {
                        part.committed = *offset;
                    }
                    self.keep(&place, None);
                    self.tell_progress(&place.0, place.1);
                }
                (self.observer)(&Report::Committed(&report));
                Ok(())
            }
            Commit::Recycled(sent, why) => {
                self.redo.extend(self.batch.take_apart(sent));
                (self.observer)(&Report::Recycled { stage: self.stage.name });
                self.spend_recycle(why)
            }
        }
    }

    /// Those of rebalances are no sign that anything is wrong, however many come: whoever is asked to start again would cause more.
    fn spend_recycle(&mut self, why: Recycle) -> Result<(), WorkerError> {
        let now = now();
        let window = self.settings.recycle_window;
        tracing::warn!(stage = self.stage.name, ?why, "transaction recycled: back to the committed offsets");
        if why == Recycle::Rebalance {
            return Ok(());
        }
        self.recycles.push_back(now);
        while self.recycles.front().is_some_and(|first| now.saturating_duration_since(*first) > window) {
            self.recycles.pop_front();
        }
        if self.recycles.len() > usize::try_from(self.settings.recycles_max).unwrap_or(usize::MAX) {
            return Err(WorkerError::RecycleBudget { recycles: self.recycles.len(), seconds: window.as_secs() });
        }
        Ok(())
    }

    /// Once a second: ends, lags, limits, probes.
    fn look_around(&mut self, now: Instant) -> Result<(), WorkerError> {
        if self.looked_around.is_some_and(|last| now.saturating_duration_since(last) < LOOK_AROUND) {
            return Ok(());
        }
        self.looked_around = Some(now);
        self.settle();
        for topic in self.pauses.due(now) {
            self.log.pause(&topic, false)?;
        }
        let places: Vec<_> = self.parts.keys().cloned().collect();
        for (topic, partition) in places {
            let end = self.log.end_offset(&topic, partition)?;
            if let Some(part) = self.parts.get_mut(&(Arc::clone(&topic), partition)) {
                part.end = part.end.max(end);
            }
            self.tell_progress(&topic, partition);
        }
        for vitals in self.log.vitals() {
            (self.observer)(&Report::Client { stage: self.stage.name, vitals });
        }
        // Whether that is too much is seen by who sees all workers: partitions are not alike.
        let bytes = self.parts.values().map(|part| part.fold.state_bytes()).sum();
        self.beacon.state_bytes.store(bytes, Ordering::Release);
        Ok(())
    }

    fn tell_progress(&self, topic: &Arc<str>, partition: Partition) {
        let Some(part) = self.parts.get(&(Arc::clone(topic), partition)) else { return };
        let is_behind = part.next < part.end;
        (self.observer)(&Report::Progress {
            stage: self.stage.name,
            topic,
            partition,
            next: part.next,
            end: part.end,
            lag_ms: if is_behind && part.read_ms > 0 { (wall_ms() - part.read_ms).max(0) } else { 0 },
            state_bytes: part.fold.state_bytes(),
            restoring: part.is_restoring(),
            unkept: part.since,
        });
    }

    fn count_parts(&self) {
        let restoring = self.parts.values().filter(|part| part.is_restoring()).count();
        self.beacon.assigned.store(self.parts.len(), Ordering::Relaxed);
        self.beacon.holds_first.store(self.parts.keys().any(|(_, partition)| *partition == 0), Ordering::Relaxed);
        self.beacon.restoring.store(restoring, Ordering::Release);
    }
}
