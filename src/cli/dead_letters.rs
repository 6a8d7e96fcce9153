//! `dead-letters`: what could not be taken, whole, and the way back once it can. Original bytes and headers are never changed.

use std::collections::BTreeSet;

use super::args_dead_letters::{DeadLettersAction, DeadLettersArgs, RedriveArgs};
use super::exit::{Exit, Failure, Outcome};
use super::letters::{Letter, Letters, letter_with};
use super::log;
use super::print::line;
use super::replay::{ingest, send};
use super::wiring::Knowledge;
use crate::config::Config;
use crate::domain::{FIRST_TIMESTAMP, Header, Message};
use crate::stream::{Home, Outgoing};

/// Messages of a redriven transaction.
const BATCH_MESSAGES_MAX: usize = 1_000;
/// Bytes after which one is sent, however few its messages.
const BATCH_BYTES_MAX: usize = 8_000_000;

/// Runs it.
pub(super) fn run(config: &Config, args: &DeadLettersArgs) -> Outcome {
    let mut log = log::open(config)?;
    match &args.action {
        DeadLettersAction::Ls(filter) => {
            Letters::read(config, &mut *log, filter)?.each(&mut |letter| line(&letter.listed()))?;
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

/// What the mapping says today of a message that it refused before.
enum Verdict {
    Takes(Box<Outgoing>),
    Refuses(String),
}

fn redrive(config: &Config, log: &mut dyn Home, args: &RedriveArgs) -> Outcome {
    let letters = Letters::read(config, log, &args.filter)?;
    let knowledge = Knowledge::load(&config.model, &config.reference)?;
    let (raw, mut ingest) = ingest(config, &knowledge)?;
    let raw: BTreeSet<String> = raw.into_iter().collect();
    let (mut back, mut refused) = (0_u64, 0_u64);
    let (mut open, mut bytes) = (Vec::new(), 0);
    letters.each(&mut |letter| {
        let (id, source) = (letter.id(), letter.source().map(|source| source.to_string()).unwrap_or_default());
        let verdict = match original(log, &letter)? {
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
                bytes += outgoing.value.as_ref().map_or(0, Vec::len);
                open.push(*outgoing);
                if open.len() >= BATCH_MESSAGES_MAX || bytes >= BATCH_BYTES_MAX {
                    send(log, &mut open)?;
                    bytes = 0;
                }
            }
            Verdict::Refuses(why) => {
                refused += 1;
                line(&format!("refused {id} ({source}): {why}"))?;
            }
        }
        Ok(())
    })?;
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
