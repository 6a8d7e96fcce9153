//! A third home of `Log`, in memory, that fails by a seed: lost and unheard commits, late ones, revokes, takeovers without a word.
//!
//! It keeps the promise of every home (a transaction is there whole or not at all; a commit by who has lost a partition is refused;
//! `Assigned` tells the truth) and nothing beyond it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use entrepot::domain::{Message, Offset, Partition, Position, Timestamp};
use entrepot::stream::{
    Commit, Event, Log, LogError, Messages, NextOffsets, Outgoing, Range, Recycle, TopicDescription, partition_of,
};

use super::Chance;

type Place = (String, Partition);

/// What all handles share.
#[derive(Default)]
pub(crate) struct Broker {
    pub(crate) topics: BTreeMap<String, Vec<Vec<Message>>>,
    pub(crate) positions: BTreeMap<Place, Offset>,
    /// When the log was made: no two logs have messages of the same times.
    pub(crate) began_ms: i64,
    /// Who owns each partition of the input now, and for the how manieth time it was given away: who has lost it and got it back has
    /// missed what happened meanwhile.
    owners: BTreeMap<Place, (usize, u64)>,
    /// How often each kind of fault struck, so that a test can say that it did.
    pub(crate) struck: BTreeMap<&'static str, u64>,
}

impl Broker {
    pub(crate) fn topic(&mut self, name: &str, partitions: usize) {
        self.topics.insert(name.to_owned(), vec![Vec::new(); partitions]);
    }

    /// Gives a partition of the input to a member.
    pub(crate) fn give(&mut self, place: Place, member: usize) {
        let owner = self.owners.entry(place).or_default();
        *owner = (member, owner.1 + 1);
    }

    pub(crate) fn append(&mut self, outgoing: Outgoing) {
        let parts = self.topics.get_mut(&*outgoing.topic).expect("the test made this topic");
        let count = Partition::try_from(parts.len()).unwrap();
        let partition = outgoing.partition.unwrap_or_else(|| outgoing.key.as_deref().map_or(0, |key| partition_of(key, count)));
        let part = &mut parts[usize::try_from(partition).unwrap()];
        part.push(Message {
            position: Position { topic: outgoing.topic, partition, offset: part.len() as Offset },
            timestamp: Timestamp::from_millisecond(self.began_ms + part.len() as i64).ok(),
            key: outgoing.key,
            value: outgoing.value,
            headers: outgoing.headers,
        });
    }

    /// Keys and values of a topic, by partition: what equality compares.
    pub(crate) fn contents(&self, topic: &str) -> Vec<Vec<(Vec<u8>, Vec<u8>)>> {
        let pair = |message: &Message| (message.key.clone().unwrap_or_default(), message.value.clone().unwrap_or_default());
        self.topics[topic].iter().map(|part| part.iter().map(pair).collect()).collect()
    }

    fn end(&self, (topic, partition): &Place) -> Offset {
        self.topics[topic][usize::try_from(*partition).unwrap()].len() as Offset
    }
}

/// A member of the group.
pub(crate) struct FaultyLog {
    pub(crate) broker: Arc<Mutex<Broker>>,
    pub(crate) chance: Chance,
    /// Faults in a hundred commits and polls; 0 for a log that works.
    pub(crate) faults: u64,
    /// What a transaction that comes to nothing is said to have been lost by.
    pub(crate) why: Recycle,
    member: usize,
    /// Partitions that the loop knows of; `None` until it has said from where.
    known: BTreeMap<Place, Option<Offset>>,
    /// By which gift each partition is ours.
    gifts: BTreeMap<Place, u64>,
    /// Partitions whose revocation was said, to be let go at the next poll, and to whom.
    leaving: Vec<(Place, usize)>,
    open: Vec<Outgoing>,
    late: Option<(Vec<Outgoing>, NextOffsets)>,
    news: VecDeque<Event>,
    announced: BTreeMap<Place, Offset>,
    members: usize,
}

impl FaultyLog {
    pub(crate) fn new(broker: &Arc<Mutex<Broker>>, (member, members): (usize, usize), chance: Chance, faults: u64) -> FaultyLog {
        FaultyLog {
            broker: Arc::clone(broker),
            chance,
            faults,
            why: Recycle::Trouble,
            member,
            known: BTreeMap::new(),
            gifts: BTreeMap::new(),
            leaving: Vec::new(),
            open: Vec::new(),
            late: None,
            news: VecDeque::new(),
            announced: BTreeMap::new(),
            members,
        }
    }

    /// Puts a transaction in, if every partition in it is still ours.
    fn apply(&mut self, open: Vec<Outgoing>, next: &NextOffsets) -> bool {
        let mut broker = self.broker.lock().unwrap();
        let is_ours = |place| self.gifts.get(place).is_some_and(|gift| broker.owners.get(place) == Some(&(self.member, *gift)));
        if !next.keys().all(is_ours) {
            *broker.struck.entry("refused").or_default() += 1;
            return false;
        }
        open.into_iter().for_each(|outgoing| broker.append(outgoing));
        broker.positions.extend(next.iter().map(|(place, offset)| (place.clone(), *offset)));
        true
    }

    fn strike(&self, fault: &'static str) {
        *self.broker.lock().unwrap().struck.entry(fault).or_default() += 1;
    }

    /// A late transaction comes to its end one way or the other before anything else is said: the next owner waits for it.
    fn settle(&mut self) {
        if let Some((open, next)) = self.late.take()
            && self.chance.percent(50)
            && self.apply(open, &next)
        {
            self.strike("late but there");
        }
        for (place, heir) in std::mem::take(&mut self.leaving) {
            self.known.remove(&place);
            self.broker.lock().unwrap().give(place, heir);
        }
    }

    /// Partitions that came to us or went without a word.
    fn rebalance(&mut self) {
        let broker = self.broker.lock().unwrap();
        let gifts = broker.owners.iter().filter(|(_, (member, _))| *member == self.member);
        let gifts: BTreeMap<Place, u64> = gifts.map(|(place, (_, gift))| (place.clone(), *gift)).collect();
        let lost: Vec<Place> =
            self.gifts.iter().filter(|(place, gift)| gifts.get(place) != Some(gift)).map(|(place, _)| place.clone()).collect();
        if !lost.is_empty() {
            // Who has lost something hears of it before it is given anything, that very partition perhaps.
            for place in lost {
                self.known.remove(&place);
                self.gifts.remove(&place);
                self.news.push_back(Event::Revoked { topic: place.0.as_str().into(), partition: place.1 });
            }
            return;
        }
        self.gifts = gifts;
        for place in self.gifts.keys() {
            if !self.known.contains_key(place) {
                self.known.insert(place.clone(), None);
                self.announced.remove(place);
                let committed = broker.positions.get(place).copied().unwrap_or(0);
                let topic = place.0.as_str().into();
                self.news.push_back(Event::Assigned { topic, partition: place.1, committed, end: broker.end(place) });
            }
        }
    }

    /// Sometimes a partition moves to another member: asked first, or taken.
    fn stir(&mut self) {
        if self.members < 2 || !self.chance.percent(self.faults / 4) {
            return;
        }
        let places: Vec<Place> = self.known.keys().cloned().collect();
        let Some(place) = places.get(self.chance.below(places.len() as u64) as usize).cloned() else { return };
        let heir = (self.member + 1) % self.members;
        if self.chance.percent(50) {
            self.strike("revoked");
            self.news.push_back(Event::Revoked { topic: place.0.as_str().into(), partition: place.1 });
            // Nothing more of it is handed over from here on.
            self.known.insert(place.clone(), None);
            self.leaving.push((place, heir));
        } else {
            self.strike("taken");
            self.broker.lock().unwrap().give(place, heir);
        }
    }
}

impl Log for FaultyLog {
    fn poll(&mut self, _: Duration) -> Result<Event, LogError> {
        if let Some(event) = self.news.pop_front() {
            return Ok(event);
        }
        self.settle();
        self.rebalance();
        if self.news.is_empty() {
            self.stir();
        }
        if let Some(event) = self.news.pop_front() {
            return Ok(event);
        }
        if self.chance.percent(self.faults / 3) {
            return Ok(Event::Idle);
        }
        let ready: Vec<(Place, Offset)> =
            self.known.iter().filter_map(|(place, from)| from.map(|from| (place.clone(), from))).collect();
        let broker = self.broker.lock().unwrap();
        let first = self.chance.below(ready.len() as u64) as usize;
        for (place, from) in ready.iter().cycle().skip(first).take(ready.len()) {
            let part = &broker.topics[&place.0][usize::try_from(place.1).unwrap()];
            if let Some(message) = part.get(usize::try_from(*from).unwrap()) {
                self.known.insert(place.clone(), Some(from + 1));
                return Ok(Event::Message(message.clone()));
            }
            if self.announced.insert(place.clone(), *from) != Some(*from) {
                let topic = place.0.as_str().into();
                return Ok(Event::EndOfPartition { topic, partition: place.1, end: *from });
            }
        }
        Ok(Event::Idle)
    }

    fn seek(&mut self, topic: &str, partition: Partition, from: Offset) -> Result<(), LogError> {
        if let Some(known) = self.known.get_mut(&(topic.to_owned(), partition)) {
            *known = Some(from);
        }
        Ok(())
    }

    fn pause(&mut self, _: &str, _: bool) -> Result<(), LogError> {
        Ok(())
    }

    fn send(&mut self, outgoing: Outgoing) -> Result<(), LogError> {
        self.open.push(outgoing);
        Ok(())
    }

    fn commit(&mut self, next: &NextOffsets) -> Result<Commit, LogError> {
        let open = std::mem::take(&mut self.open);
        let sent = open.clone();
        let is_faulty = self.chance.percent(self.faults);
        let outcome = match self.chance.below(3) {
            _ if !is_faulty => self.apply(open, next),
            0 => {
                self.strike("lost");
                false
            }
            1 => {
                // There, but nobody told us.
                if self.apply(open, next) {
                    self.strike("unheard");
                }
                false
            }
            _ => {
                self.strike("late");
                self.late = Some((open, next.clone()));
                false
            }
        };
        if outcome {
            return Ok(Commit::Committed);
        }
        // Every partition in it is announced anew at a later poll, where it is still ours and not on its way out.
        for place in next.keys() {
            if !self.leaving.iter().any(|(leaving, _)| leaving == place) {
                self.known.remove(place);
            }
        }
        Ok(Commit::Recycled(sent, self.why))
    }

    fn topics(&mut self) -> Result<Vec<TopicDescription>, LogError> {
        let broker = self.broker.lock().unwrap();
        let describe = |(name, parts): (&String, &Vec<Vec<Message>>)| TopicDescription {
            name: name.clone(),
            partitions: Partition::try_from(parts.len()).unwrap(),
        };
        Ok(broker.topics.iter().map(describe).collect())
    }

    fn end_offset(&mut self, topic: &str, partition: Partition) -> Result<Offset, LogError> {
        Ok(self.broker.lock().unwrap().end(&(topic.to_owned(), partition)))
    }

    fn range<'a>(&'a mut self, range: &Range) -> Result<Messages<'a>, LogError> {
        let part = self.broker.lock().unwrap().topics[&range.topic][usize::try_from(range.partition).unwrap()].clone();
        let (from, until) = (range.from, range.until.unwrap_or(Offset::MAX));
        Ok(Box::new(part.into_iter().filter(move |m| (from..until).contains(&m.position.offset)).map(Ok)))
    }
}

/// Makes of a right loop one that forgets to rewind: it never hears that a transaction came to nothing, and reads on.
pub(crate) struct Forgetful {
    pub(crate) log: FaultyLog,
    pub(crate) forgotten: NextOffsets,
}

impl Log for Forgetful {
    fn poll(&mut self, timeout: Duration) -> Result<Event, LogError> {
        match self.log.poll(timeout)? {
            Event::Assigned { topic, partition, .. } if self.forgotten.contains_key(&(topic.to_string(), partition)) => {
                let from = self.forgotten.remove(&(topic.to_string(), partition)).unwrap();
                self.log.seek(&topic, partition, from)?;
                Ok(Event::Idle)
            }
            event => Ok(event),
        }
    }

    fn seek(&mut self, topic: &str, partition: Partition, from: Offset) -> Result<(), LogError> {
        self.log.seek(topic, partition, from)
    }

    fn pause(&mut self, topic: &str, paused: bool) -> Result<(), LogError> {
        self.log.pause(topic, paused)
    }

    fn send(&mut self, outgoing: Outgoing) -> Result<(), LogError> {
        self.log.send(outgoing)
    }

    fn commit(&mut self, next: &NextOffsets) -> Result<Commit, LogError> {
        if self.log.commit(next)? != Commit::Committed {
            self.forgotten.extend(next.clone());
        }
        Ok(Commit::Committed)
    }

    fn topics(&mut self) -> Result<Vec<TopicDescription>, LogError> {
        self.log.topics()
    }

    fn end_offset(&mut self, topic: &str, partition: Partition) -> Result<Offset, LogError> {
        self.log.end_offset(topic, partition)
    }

    fn range<'a>(&'a mut self, range: &Range) -> Result<Messages<'a>, LogError> {
        self.log.range(range)
    }
}
