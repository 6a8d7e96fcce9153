//! `dead-letters`: what could not be taken, whole, and the way back once it can. Original bytes and headers are never changed.

use std::collections::BTreeSet;

use base64::Engine;
use serde::Serialize;

use super::args_dead_letters::{DeadLetterFilter, DeadLettersAction, DeadLettersArgs, RedriveArgs};
use super::exit::{Exit, Failure, Outcome, unknown};
use super::log;
use super::print::line;
use super::replay::{ingest, send};
use super::wiring::{Knowledge, feed_named};
use crate::config::Config;
use crate::domain::{DeadLetterReason, FIRST_TIMESTAMP, Header, Message, Position};
use crate::encode::Topic;
use crate::replay::{Between, ReplayError, When, ranges};
use crate::stream::{Home, Outgoing};

/// Messages of a redriven transaction.
const BATCH_MESSAGES_MAX: usize = 1_000;

/// Runs it.
pub(super) fn run(config: &Config, args: &DeadLettersArgs) -> Outcome {
    let mut log = log::open(config)?;
    match &args.action {
        DeadLettersAction::Ls(filter) => {
            for letter in letters(config, &mut *log, filter)? {
                line(&letter.listed())?;
            }
            Ok(Exit::Done)
        }
        DeadLettersAction::Show { id } => {
            let letter = letter_with(config, &mut *log, id)?;
            line(&letter.shown())?;
            Ok(Exit::Done)
        }
        DeadLettersAction::Redrive(args) => redrive(config, &mut *log, args),
    }
}

/// A dead letter as it stands.
struct Letter {
    message: Message,
}

#[derive(Serialize)]
struct Listed<'a> {
    id: String,
    feed: &'a str,
    reason: &'a str,
    source: String,
    first_seen: &'a str,
    stage: &'a str,
    records: Vec<u32>,
    bytes: usize,
    detail: &'a str,
}

impl Letter {
    fn header(&self, name: &str) -> &str {
        self.message.header(name).unwrap_or_default()
    }

    /// PARTITION/OFFSET in the dead-letter topic.
    fn id(&self) -> String {
        format!("{}/{}", self.message.position.partition, self.message.position.offset)
    }

    /// Where the message stood.
    fn source(&self) -> Option<Position> {
        let text = format!("{}/{}/{}", self.header("dlq.topic"), self.header("dlq.partition"), self.header("dlq.offset"));
        text.parse().ok()
    }

    fn bytes(&self) -> &[u8] {
        self.message.value.as_deref().unwrap_or_default()
    }

    fn listed(&self) -> String {
        let listed = Listed {
            id: self.id(),
            feed: self.header("dlq.feed"),
            reason: self.header("dlq.reason"),
            source: self.source().map(|source| source.to_string()).unwrap_or_default(),
            first_seen: self.header(FIRST_TIMESTAMP),
            stage: self.header("dlq.stage"),
            records: self.header("dlq.records").split(',').filter_map(|index| index.parse().ok()).collect(),
            bytes: self.bytes().len(),
            detail: self.header("dlq.detail"),
        };
        serde_json::to_string(&listed).expect("text is JSON")
    }

    fn shown(&self) -> String {
        let mut text = format!("dead letter {}\n", self.id());
        for header in &self.message.headers {
            text.push_str(&format!("  {:<16}{}\n", header.key, String::from_utf8_lossy(&header.value)));
        }
        if let Some(key) = &self.message.key {
            text.push_str(&format!("  {:<16}{}\n", "key", String::from_utf8_lossy(key)));
        }
        match std::str::from_utf8(self.bytes()) {
            Ok(bytes) => text.push_str(&format!("\n{bytes}")),
            Err(_) => {
                let encoded = base64::engine::general_purpose::STANDARD.encode(self.bytes());
                text.push_str(&format!("\nnot UTF-8, in base64:\n{encoded}"));
            }
        }
        text
    }
}

/// The letters that a filter lets through, oldest first; with a limit the newest of them.
fn letters(config: &Config, log: &mut dyn Home, filter: &DeadLetterFilter) -> Result<Vec<Letter>, Failure> {
    if let Some(reason) = &filter.reason {
        let known = DeadLetterReason::ALL.iter().map(|reason| reason.code());
        if reason.parse::<DeadLetterReason>().is_err() {
            let message = unknown(&format!("--reason {reason}: there is no such reason"), reason, &known.collect::<Vec<_>>());
            return Err(Failure::new(Exit::Usage, message));
        }
    }
    let topic = log::full(config, Topic::DeadLetters);
    let between = Between { from: filter.from.unwrap_or(When::Start), until: filter.until.unwrap_or(When::End), ends: None };
    let ranges = match ranges(log, &[topic], between) {
        Ok(ranges) => ranges,
        // No dead letters is good news, not a missing range.
        Err(ReplayError::NotThere { .. }) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let mut letters = Vec::new();
    for range in ranges {
        for message in log.range(&range)? {
            let letter = Letter { message: message? };
            let of_feed = filter.feed.as_ref().is_none_or(|feed| feed.as_str() == letter.header("dlq.feed"));
            let of_reason = filter.reason.as_ref().is_none_or(|reason| reason == letter.header("dlq.reason"));
            if of_feed && of_reason {
                letters.push(letter);
            }
        }
    }
    if let Some(feed) = filter.feed.as_ref().filter(|_| letters.is_empty()) {
        // A feed of a former configuration may have left letters; one that has none may be misspelt.
        feed_named(config, feed.as_str())?;
    }
    letters.sort_by(|one, other| {
        (one.message.timestamp, &one.message.position).cmp(&(other.message.timestamp, &other.message.position))
    });
    let surplus = filter.limit.map_or(0, |limit| letters.len().saturating_sub(limit));
    Ok(letters.split_off(surplus))
}

fn letter_with(config: &Config, log: &mut dyn Home, id: &str) -> Result<Letter, Failure> {
    let topic = log::full(config, Topic::DeadLetters);
    if let Some(position) = format!("{topic}/{id}").parse().ok().filter(|_| id.matches('/').count() == 1)
        && let Some(message) = log.message(&position)?
    {
        return Ok(Letter { message });
    }
    let all = letters(config, log, &DeadLetterFilter::default())?;
    let wanted: Option<Position> = id.parse().ok();
    let is_it = |letter: &Letter| {
        wanted.as_ref().is_some_and(|wanted| letter.message.position == *wanted || letter.source().as_ref() == Some(wanted))
    };
    let count = all.len();
    all.into_iter().rev().find(is_it).ok_or_else(|| {
        let message = format!("{id}: no such dead letter; {topic} holds {count}, `entrepot dead-letters ls` lists them");
        Failure::new(Exit::NotThere, message)
    })
}

/// What the mapping says today of a message that it refused before.
enum Verdict {
    Takes(Box<Outgoing>),
    Refuses(String),
}

fn redrive(config: &Config, log: &mut dyn Home, args: &RedriveArgs) -> Outcome {
    let letters = letters(config, log, &args.filter)?;
    let knowledge = Knowledge::load(&config.model, &config.reference)?;
    let (raw, mut ingest) = ingest(config, &knowledge)?;
    let raw: BTreeSet<String> = raw.into_iter().collect();
    let (mut back, mut refused) = (0_u64, 0_u64);
    let mut open = Vec::new();
    for letter in &letters {
        let (id, source) = (letter.id(), letter.source().map(|source| source.to_string()).unwrap_or_default());
        let verdict = match original(log, letter)? {
            Ok(message) if raw.contains(&*message.position.topic) => {
                let effects = ingest.apply(&message);
                match effects.dead_letter {
                    Some(still) => Verdict::Refuses(format!("{}: {}", still.reason, still.detail)),
                    None => Verdict::Takes(Box::new(outgoing(message))),
                }
            }
            Ok(message) => Verdict::Refuses(format!("no feed reads topic {}; add it to [[feeds]]", message.position.topic)),
            Err(why) => Verdict::Refuses(why),
        };
        match verdict {
            Verdict::Takes(_) if args.dry_run => {
                back += 1;
                line(&format!("would redrive {id} to {source}"))?;
            }
            Verdict::Takes(outgoing) => {
                back += 1;
                line(&format!("redriven {id} to {}", outgoing.topic))?;
                open.push(*outgoing);
                if open.len() >= BATCH_MESSAGES_MAX {
                    send(log, &mut open)?;
                }
            }
            Verdict::Refuses(why) => {
                refused += 1;
                line(&format!("refused {id} ({source}): {why}"))?;
            }
        }
    }
    send(log, &mut open)?;
    tracing::info!(redriven = back, refused, dry_run = args.dry_run, "dead letters were gone through");
    Ok(if refused > 0 { Exit::No } else { Exit::Done })
}

/// The message as it first stood: where its letter holds but a part, from its raw topic.
fn original(log: &mut dyn Home, letter: &Letter) -> Result<Result<Message, String>, Failure> {
    let Some(position) = letter.source() else {
        return Ok(Err("the headers dlq.topic, dlq.partition and dlq.offset do not name a place".to_owned()));
    };
    if letter.header("dlq.stage") != "ingest" {
        return Ok(Err(format!("the stage {:?} takes nothing back", letter.header("dlq.stage"))));
    }
    let mut message = Message { position: position.clone(), ..letter.message.clone() };
    if letter.header("dlq.truncated") == "true" {
        match log.message(&position) {
            Ok(Some(whole)) => {
                let told = message.headers.into_iter().filter(|header| header.key.starts_with("dlq."));
                message = Message { headers: whole.headers.into_iter().chain(told).collect(), ..whole };
            }
            _ => return Ok(Err(format!("only its first bytes are left, and {position} is gone"))),
        }
    }
    message.timestamp = letter.header(FIRST_TIMESTAMP).parse().ok();
    Ok(Ok(message))
}

/// On its way back: key, bytes and headers as they were, and the time at which it first came.
fn outgoing(message: Message) -> Outgoing {
    let first = message.header(FIRST_TIMESTAMP).map(str::to_owned);
    let mut headers: Vec<Header> = message.headers.into_iter().filter(|header| !header.key.starts_with("dlq.")).collect();
    headers.extend(first.map(|first| Header { key: FIRST_TIMESTAMP.to_owned(), value: first.into_bytes() }));
    Outgoing { topic: message.position.topic, partition: None, key: message.key, value: message.value, headers }
}
