//! Outputs of a replay in topics of their own: begun with a note of its range, written in small transactions, taken up where a kill
//! left it. Nothing is written twice, and nothing into topics that hold something else.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::args::ReplayArgs;
use super::begun::Note;
use super::exit::{Exit, Failure};
use super::replay::send;
use super::wiring::Knowledge;
use crate::config::Config;
use crate::domain::Partition;
use crate::encode::Topic;
use crate::replay::{Gathered, wire_topic};
use crate::stream::{Home, NextOffsets, Outgoing, Policy, Range, TopicPlan, partition_of};

/// The key of the note.
const NOTE: &[u8] = b"replay";

/// Notes where the log ends, or reads where it ended when this replay was begun.
pub(super) fn begin(
    (config, args): (&Config, &ReplayArgs),
    knowledge: &Knowledge,
    (home, prefix): (&mut dyn Home, &str),
) -> Result<NextOffsets, Failure> {
    let topic = format!("{prefix}{}", wire_topic(Topic::Progress));
    home.create_topic(&TopicPlan {
        name: topic.clone(),
        partitions: 1,
        policy: Policy::Forever,
        holds: "what a replay began with",
    })?;
    let first = home.range(&Range { topic: topic.clone(), partition: 0, from: 0, until: Some(1) })?.next().transpose()?;
    let now = Note::new((config, args), knowledge, home)?;
    if let Some(first) = first {
        let note = Note::parse(&first.value.unwrap_or_default(), &topic)?;
        note.refuse_other(&now, &topic)?;
        return Ok(note.ends());
    }
    let (key, value) = (Some(NOTE.to_vec()), Some(now.bytes()));
    let note = Outgoing { topic: topic.into(), partition: Some(0), key, value, headers: Vec::new() };
    send(home, &mut vec![note])?;
    Ok(now.ends())
}

/// Writes what is not there yet.
pub(super) fn write(
    config: &Config,
    prefix: &str,
    topics: &[Topic],
    (home, gathered): (&mut dyn Home, &Gathered),
) -> Result<(), Failure> {
    let partitions = config.topics.partitions;
    for topic in topics {
        let name: Arc<str> = format!("{prefix}{}", wire_topic(*topic)).into();
        let holds = "what a replay gives";
        home.create_topic(&TopicPlan { name: name.to_string(), partitions, policy: Policy::Forever, holds })?;
        let mut there = there(home, &name, partitions)?;
        let mut open = Vec::new();
        gathered.each_in_turn::<Failure>(*topic, &mut |output| {
            let partition = output.partition.unwrap_or_else(|| partition_of(&output.key, partitions));
            let hash = hashed(&output.key, &output.value);
            match there.get_mut(&partition).and_then(VecDeque::pop_front) {
                Some(known) if known == hash => return Ok(()),
                Some(_) => {
                    let message = format!("{name}/{partition} holds what this replay does not give; choose another prefix");
                    return Err(Failure::new(Exit::CannotCreate, message));
                }
                None => {}
            }
            let (key, value, partition) = (Some(output.key), Some(output.value), Some(partition));
            open.push(Outgoing { topic: Arc::clone(&name), partition, key, value, headers: output.headers });
            if open.len() >= config.transactions.records_max { send(home, &mut open) } else { Ok(()) }
        })?;
        send(home, &mut open)?;
    }
    Ok(())
}

/// What an interrupted replay has written: the hash of each message, by partition.
fn there(home: &mut dyn Home, topic: &str, partitions: Partition) -> Result<BTreeMap<Partition, VecDeque<u64>>, Failure> {
    let mut there: BTreeMap<Partition, VecDeque<u64>> = BTreeMap::new();
    for partition in 0..partitions {
        for message in home.range(&Range { topic: topic.to_owned(), partition, from: 0, until: None })? {
            let message = message?;
            let hash = hashed(&message.key.unwrap_or_default(), &message.value.unwrap_or_default());
            there.entry(partition).or_default().push_back(hash);
        }
    }
    Ok(there)
}

fn hashed(key: &[u8], value: &[u8]) -> u64 {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    hash.update(&(key.len() as u64).to_be_bytes());
    hash.update(key);
    hash.update(value);
    hash.digest()
}
