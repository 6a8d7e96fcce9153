//! `replay`: a bounded range of the log again, to files or to topics of its own. The live group and its offsets are never touched.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde::Serialize;

use super::args::{ReplayArgs, ReplayOrder, ReplayStage};
use super::begun::{Note, is_empty};
use super::exit::{Exit, Failure, Outcome};
use super::log;
use super::lost::Lost;
use super::pace::Pace;
use super::prefixed;
use super::print::line;
use super::progress::Progress;
use super::reading::Reading;
use super::registry;
use super::wiring::{FeedIn, Knowledge, feeds};
use crate::config::{Config, Feed};
use crate::encode::Topic;
use crate::replay::{Between, Gathered, KnownMovements, MovementOrder, ReplayError, Rerun, Sums, movement_output};
use crate::stream::{Commit, Fold, Home, NextOffsets, Outgoing};

/// The name of the file that says a folder is whole.
const WHOLE: &str = "replay.json";

/// The file of the dead letters.
const LOST: &str = "dead-letters.ndjson";

/// The last line.
#[derive(Serialize)]
struct Report {
    kind: &'static str,
    read: u64,
    written: BTreeMap<String, u64>,
    sha256: BTreeMap<String, String>,
}

/// Runs it.
pub(super) fn run(config: &Config, args: &ReplayArgs) -> Outcome {
    let mut log = log::open(config)?;
    refuse_present(args, config, &mut *log)?;
    let knowledge = Knowledge::chosen(config, args.model.as_deref(), args.reference.as_deref())?;
    // The order of the log is that of its movements: under another map records have no place in it.
    if args.stage == ReplayStage::Assess || args.order == ReplayOrder::Log {
        log.check_family_map(knowledge.reference().family_map_fingerprint())?;
    }
    let (ends, note) = match (&args.out, &args.out_prefix) {
        (Some(folder), _) => {
            let note = Note::new((config, args), &knowledge, &mut *log)?.in_folder(folder, args.resume)?;
            if let Some(done) = whole(folder, &note)? {
                line(&done)?;
                return Ok(Exit::Done);
            }
            (note.ends(), Some((folder, note)))
        }
        (None, Some(prefix)) => (prefixed::begin((config, args), &knowledge, (&mut *log, prefix))?, None),
        (None, None) => return Err(Failure::new(Exit::Usage, "--out or --out-prefix says where the outputs go")),
    };
    let mut gathered = Gathered::new(true);
    let mut lost = Lost::new();
    let between = Between { from: args.from, until: args.until, ends: Some(&ends) };
    let read = rerun((config, args), between, &knowledge, (&mut *log, &mut gathered, &mut lost))?;
    gathered.settle()?;
    lost.settle()?;
    let topics: &[Topic] = match args.stage {
        ReplayStage::Ingest => &[Topic::Movements],
        ReplayStage::Assess => &[Topic::Assessments, Topic::Corridors, Topic::Alerts],
        ReplayStage::All => &[Topic::Movements, Topic::Assessments, Topic::Corridors, Topic::Alerts],
    };
    let Sums { mut written, mut sha256 } = gathered.sums(topics)?;
    written.insert("dead-letters".to_owned(), lost.count());
    sha256.insert("dead-letters".to_owned(), lost.sha256());
    let report = Report { kind: "replay", read, written, sha256 };
    let report = serde_json::to_string(&report).expect("text and numbers are JSON");
    if let Some((folder, note)) = note {
        write_files((folder, note), topics, (&gathered, &lost), &report)?;
    } else if let Some(prefix) = &args.out_prefix {
        prefixed::write(config, prefix, topics, (&mut *log, &gathered))?;
    }
    line(&report)?;
    Ok(Exit::Done)
}

type Ends<'a> = (&'a mut dyn Home, &'a mut Gathered, &'a mut Lost);

fn rerun(
    (config, args): (&Config, &ReplayArgs),
    between: Between<'_>,
    knowledge: &Knowledge,
    (log, gathered, lost): Ends<'_>,
) -> Result<u64, Failure> {
    let mut progress = Progress::new("replaying", None);
    let mut pace = Pace::new(args.rate);
    let mut read = 0;
    let mut on_read = |count| {
        read += count;
        progress.add(count);
        pace.add(count);
        if pace.is_due() {
            pace.wait();
        }
    };
    let mut on_lost = |(message, letter)| lost.push(&message, &letter);
    let movements = log::full(config, Topic::Movements);
    let mut rerun = Rerun { log, movements, gathered, read: &mut on_read, lost: &mut on_lost };
    match (args.stage, args.order) {
        (ReplayStage::Assess, ReplayOrder::Log) => rerun.assess_as_logged(between, &|| knowledge.assess())?,
        (ReplayStage::Assess, ReplayOrder::Known) => rerun.assess_as_known(between, &mut *knowledge.assess())?,
        (stage, order) => {
            let (raw, mut ingest) = ingest(config, knowledge)?;
            let taken = match order {
                ReplayOrder::Log => rerun.ingest(&raw, between, &mut *ingest)?,
                ReplayOrder::Known => rerun.ingest_as_known(&raw, between, &mut *ingest)?,
            };
            let assess = (stage == ReplayStage::All).then(|| knowledge.assess());
            take_movements(taken, order, assess, rerun.gathered)?;
        }
    }
    Ok(read)
}

/// The raw topics of all feeds, and the stage that reads them.
pub(super) fn ingest(config: &Config, knowledge: &Knowledge) -> Result<(Vec<String>, Box<dyn Fold>), Failure> {
    let feeds = feeds(config, false)?;
    let raw = feeds.iter().map(|feed| feed.topic.clone()).collect();
    let read = feeds_in(&feeds)?;
    let registry = registry::answering(config, &feeds)?;
    Ok((raw, knowledge.ingest(read, config.ingest.payload_bytes_max, registry)))
}

/// Feeds as ingest reads them.
pub(super) fn feeds_in(feeds: &[Feed]) -> Result<Vec<FeedIn>, Failure> {
    let mut read = Vec::new();
    for feed in feeds {
        let reading = Reading::of_feed(feed)?;
        read.push(FeedIn { name: feed.name.clone(), topic: feed.topic.clone(), reading });
    }
    Ok(read)
}

/// Gathers movements, and what a fold makes of them.
fn take_movements(
    movements: KnownMovements,
    order: ReplayOrder,
    mut assess: Option<Box<dyn Fold>>,
    gathered: &mut Gathered,
) -> Result<(), Failure> {
    let mut again = KnownMovements::new(match order {
        ReplayOrder::Log => MovementOrder::Given,
        ReplayOrder::Known => MovementOrder::Known,
    });
    movements.drain(&mut |known_from, key, value| {
        if assess.is_some() {
            again.push(known_from, &key, &value)?;
        }
        gathered.push(&movement_output(key, value))
    })?;
    let Some(fold) = &mut assess else { return Ok(()) };
    let mut sink = |effects: crate::encode::Effects| effects.outputs.iter().try_for_each(|output| gathered.push(output));
    let mut bounded = crate::replay::Bounded::new(&mut **fold, &mut sink);
    match order {
        ReplayOrder::Log => again.drain(&mut |_, key, value| bounded.as_given(key, value))?,
        ReplayOrder::Known => bounded.all(again, None)?,
    }
    Ok(())
}

/// Refuses outputs that exist, unless they are to be taken up.
fn refuse_present(args: &ReplayArgs, config: &Config, log: &mut dyn Home) -> Result<(), Failure> {
    if let Some(folder) = &args.out {
        let is_taken_up = args.resume || is_empty(folder);
        let present = || ReplayError::Exists { what: folder.display().to_string() }.into();
        return if is_taken_up { Ok(()) } else { Err(present()) };
    }
    let prefix = args.out_prefix.as_deref().unwrap_or_default();
    if prefix == config.topics.prefix {
        let message = format!("--out-prefix {prefix}: these are the topics of the service; choose another prefix");
        return Err(Failure::new(Exit::CannotCreate, message));
    }
    let found = log.topics()?.into_iter().find(|topic| topic.name.starts_with(prefix) && !topic.name.is_empty());
    match found {
        Some(topic) if !args.resume => Err(ReplayError::Exists { what: format!("topic {}", topic.name) }.into()),
        _ => Ok(()),
    }
}

/// The last line of a folder that is whole and holds what was written.
fn whole(folder: &Path, note: &Note) -> Result<Option<String>, Failure> {
    match std::fs::read_to_string(folder.join(WHOLE)) {
        Ok(report) => {
            let report = report.trim_end();
            note.check_files(folder, (WHOLE, report))?;
            Ok(Some(report.to_owned()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(Failure { exit: Exit::CannotCreate, error: error.into() }.context(folder.join(WHOLE).display().to_string()))
        }
    }
}

fn write_files(
    (folder, note): (&Path, Note),
    topics: &[Topic],
    (gathered, lost): (&Gathered, &Lost),
    report: &str,
) -> Result<(), Failure> {
    let doing = || format!("writing to {}", folder.display());
    let failed = |error: std::io::Error| Failure { exit: Exit::CannotCreate, error: error.into() }.context(doing());
    let mut names: Vec<String> = topics.iter().map(|topic| format!("{}.ndjson", crate::replay::wire_topic(*topic))).collect();
    for (topic, name) in topics.iter().zip(&names) {
        let mut file = std::io::BufWriter::new(std::fs::File::create(folder.join(name)).map_err(failed)?);
        let mut write = |value: &[u8]| file.write_all(value).and_then(|()| file.write_all(b"\n")).map_err(failed);
        if *topic == Topic::Movements {
            // As they follow each other: that is what `assess --as movements --order given` repeats.
            gathered.each_in_turn(*topic, &mut |output| write(&output.value))?;
        } else {
            gathered.each(*topic, &mut |_, value| write(value))?;
        }
        file.flush().map_err(failed)?;
    }
    let mut file = std::io::BufWriter::new(std::fs::File::create(folder.join(LOST)).map_err(failed)?);
    lost.each(&mut |line| file.write_all(line).map_err(failed))?;
    file.flush().map_err(failed)?;
    names.push(LOST.to_owned());
    note.finish(folder, &names, report)?;
    // Last: where it stands, the folder is whole.
    std::fs::write(folder.join(WHOLE), format!("{report}\n")).map_err(failed)
}

/// Sends a batch in one transaction, again where others held the log.
pub(super) fn send(log: &mut dyn Home, open: &mut Vec<Outgoing>) -> Result<(), Failure> {
    for attempt in 0..10_u32 {
        for outgoing in open.iter() {
            log.send(outgoing.clone())?;
        }
        if log.commit(&NextOffsets::new())? == Commit::Committed {
            open.clear();
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(50 << attempt.min(5)));
    }
    Err(Failure::new(Exit::Restart, "the log stayed busy; run the same command again"))
}
