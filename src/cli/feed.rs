//! `feed`: rows of files onto a feed's raw topic. A batch and how far its file was read commit together, so a kill at any moment
//! neither loses nor doubles a row.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Deserialize;

use super::args::FeedArgs;
use super::exit::{Exit, Exits, Failure, Outcome};
use super::fed::{Known, Stamp, may_go_on, rows_estimated, size_of, stamp_of};
use super::input::{FILE_HEADER, Input, Rows, each_piece, files_of, inputs};
use super::log;
use super::pace::Pace;
use super::progress::Progress;
use super::reading::Reading;
use super::run::listen_for_signals;
use super::sending::{Row, Sending, Upto};
use super::wiring::feed_named;
use crate::config::{Config, Feed};
use crate::domain::Header;
use crate::stream::{Commit, FeedProgress, Home, Log, LogError, NextOffsets, Outgoing};

/// How often a batch is tried while others hold the log.
const ATTEMPTS: u32 = 10;
/// How much of a file's beginning tells it from another of the same name.
const HEAD_BYTES: usize = 256;
/// What is said of a file of which another text was fed.
const CHANGED: &str = "what was fed of this file has changed since: it is fed again whole";
/// What is said of a row that was fed before its line had its end.
const HALF: &str = "the last row that was fed of this file was but a part of this one: both are on the topic";
/// What is said of a row that goes on to the end of its file.
const OPEN: &str = "a quoted cell that begins in this row never ends: all that stands behind it is part of it";
/// What is said of messages that are not fed.
const LEFT_OUT: &str = "were left out, since the log takes no message so large (above): feed them by themselves once it does";
/// What is said of messages that are fed in vain.
const LARGE: &str =
    "messages are above ingest.payload_bytes_max and will be dead letters too_large: raise it, or feed smaller files";
/// Reads a file, and gives each of its rows to what takes them.
type Each<'a> = dyn FnMut(&mut Rows<'_>) -> Result<u64, Failure> + 'a;

/// How often a watched folder is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How many looks a file has to stay as it is whose last line has no end: it may be half a line.
const OPEN_LOOKS: u32 = 30;
/// How often in that time it is asked whether it is told to end.
const LOOKS_BETWEEN: u32 = 20;

/// Runs it.
pub(super) fn run(config: &Config, args: &FeedArgs) -> Outcome {
    let feed = feed_named(config, args.feed.as_str())?;
    if args.watch && args.paths.iter().any(|path| !path.is_dir()) {
        return Err(Failure::new(Exit::Usage, "--watch takes folders alone"));
    }
    let mut log = log::create(config)?;
    log::create_topics(&mut *log, &log::planned(config, std::slice::from_ref(&feed)))?;
    let mut feeder = Feeder::new(log, config, (&feed, args.rate))?;
    if args.watch {
        if feeder.reading.decoder().join().is_some() {
            let message = "--watch: the mapping joins several files; feed a release when all its files are there";
            return Err(Failure::new(Exit::Usage, message));
        }
        // A watch has no end of its own: to be told to is how it ends well.
        feeder.stop = listen_for_signals()?;
        return feeder.watch(&args.paths);
    }
    // A release without a part would be fed again as another version of the same records, once the part is there.
    let found = inputs(&args.paths, &feeder.reading)?;
    if found.is_empty() {
        tracing::warn!("nothing was fed: no file stands in what was named");
    }
    let (whole, incomplete): (Vec<_>, Vec<_>) = found.iter().partition(|input| input.incomplete().is_none());
    let mut refused = None;
    for input in &whole {
        match feeder.file(input) {
            // What is wrong with one file keeps no other away.
            Err(failure) if is_of_file(&failure) => {
                tracing::error!(file = input.shown(), "{:#}", failure.error);
                refused.get_or_insert(failure);
            }
            outcome => outcome?,
        }
    }
    if let Some(failure) = refused {
        return Err(failure);
    }
    for lacking in incomplete.iter().filter_map(|input| input.incomplete()) {
        if whole.is_empty() {
            return Err(Failure::new(Exit::NotThere, format!("the release was not fed: {lacking}")));
        }
        tracing::warn!("the release was not fed: {lacking}");
    }
    Ok(Exit::Done)
}

/// Puts files onto one feed's raw topic.
pub(super) struct Feeder {
    log: Box<dyn Home>,
    feed: String,
    topic: Arc<str>,
    reading: Reading,
    pace: Pace,
    /// A message above it becomes a dead letter.
    payload_bytes_max: usize,
    /// It is told to end.
    stop: Arc<AtomicBool>,
}

#[derive(Deserialize)]
struct IdRead<'a> {
    #[serde(borrow)]
    id: Option<std::borrow::Cow<'a, str>>,
}

impl Feeder {
    /// A feeder of this feed.
    pub(super) fn new(log: Box<dyn Home>, config: &Config, (feed, rate): (&Feed, Option<u32>)) -> Result<Feeder, Failure> {
        let (reading, pace) = (Reading::of_feed(feed)?, Pace::new(rate));
        let payload_bytes_max = config.ingest.payload_bytes_max;
        Ok(Feeder {
            log,
            feed: feed.name.to_string(),
            topic: feed.topic.as_str().into(),
            reading,
            pace,
            payload_bytes_max,
            stop: Arc::default(),
        })
    }

    /// Feeds one file from where it stopped, and files that are joined likewise; stdin and pipes from their beginning.
    fn file(&mut self, input: &Input) -> Result<(), Failure> {
        let full = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned()).display().to_string();
        let known = match (input.path(), input.paths().as_slice()) {
            // Looking at the head of a pipe would take it away, and nothing of it can be read again.
            (Some(path), _) if !path.is_file() => None,
            (Some(path), _) => {
                let opened = std::fs::File::open(path).exits(Exit::NotThere);
                let file = opened.map_err(|failure| failure.context(format!("opening {}", path.display())))?;
                let known = self.known(&full(path), file, size_of(path)?)?;
                Some(known.unless_moved(&self.reading, &input.shown()))
            }
            (None, []) => None,
            (None, paths) => {
                let sizes = paths.iter().map(|path| size_of(path)).collect::<Result<Vec<_>, _>>()?;
                // What is joined is in the order of its keys: files that have grown come out in another order, so they are others.
                let names = paths.iter().zip(&sizes).map(|(path, size)| format!("{} of {size} bytes", full(path)));
                let names = names.collect::<Vec<_>>().join(" + ");
                Some(self.known(&names, std::io::empty(), sizes.iter().sum())?)
            }
        };
        let reading = self.reading.clone();
        self.send((&input.name, &input.shown()), &mut |take| input.each_row(&reading, take), known)
    }

    /// Feeds bytes that are compiled in, once.
    pub(super) fn bytes(&mut self, name: &str, bytes: &'static [u8]) -> Result<(), Failure> {
        let known = self.known(&format!("bundled {name}"), bytes, bytes.len() as u64)?;
        let reading = self.reading.clone();
        self.send((name, name), &mut |take| each_piece(Box::new(bytes), name, &reading, take), Some(known))
    }

    /// Sends the rows that `each` gives: where what was read of the file before is another text by now, all of them.
    fn send(&mut self, (name, shown): (&str, &str), each: &mut Each<'_>, known: Option<Known>) -> Result<(), Failure> {
        let fresh = known.as_ref().map(|known| known.anew());
        if self.send_on((name, shown), each, known)? {
            return Ok(());
        }
        tracing::warn!(file = shown, "{CHANGED}");
        self.send_on((name, shown), each, fresh).map(|_| ())
    }

    /// Sends rows from where the file stopped. `false`: what stands before that has changed, and nothing was sent.
    fn send_on(&mut self, (name, shown): (&str, &str), each: &mut Each<'_>, known: Option<Known>) -> Result<bool, Failure> {
        let before = known.as_ref().map_or(0, |known| known.progress.rows);
        let noted = known.as_ref().and_then(|known| known.progress.digest.clone()).unwrap_or_default();
        let is_done = known.as_ref().is_some_and(|known| known.progress.done && known.progress.bytes == known.bytes);
        if before > 0 && !is_done {
            tracing::info!(file = shown, rows = before, "file is taken up where it stopped");
        }
        let total = known.as_ref().and_then(|known| rows_estimated(known.bytes, &known.progress)).filter(|rows| *rows > 0);
        let mut progress = Progress::new(format!("feeding {shown}"), total);
        let size = known.as_ref().map_or(0, |known| known.bytes);
        let mut sending = Sending { known: known.map(|known| known.progress), ..Sending::default() };
        let headers = vec![Header { key: FILE_HEADER.to_owned(), value: name.as_bytes().to_vec() }];
        let mut has_changed = false;
        let read = each(&mut |row, bytes| {
            sending.read(&bytes);
            if sending.upto.seen == before && !sending.upto.is_behind(&noted) {
                has_changed = true;
                return Err(Failure::new(Exit::Done, CHANGED));
            }
            if sending.upto.seen <= before || is_done {
                return Ok(());
            }
            if sending.upto.seen == before + 1 && sending.upto.was_half(&noted) {
                tracing::warn!(file = shown, row, "{HALF}");
            }
            if bytes.len() > self.payload_bytes_max && self.reading.decoder().ends_quoted(&bytes) {
                tracing::warn!(file = shown, row, bytes = bytes.len(), "{OPEN}");
            }
            sending.push(row, self.outgoing(bytes, &headers));
            self.pace.add(1);
            progress.add(1);
            if sending.is_full() || self.pace.is_due() {
                self.commit(shown, &mut sending, false)?;
                self.pace.wait();
            }
            if self.stop.load(Ordering::Acquire) {
                self.commit(shown, &mut sending, false)?;
                return Err(Failure::new(Exit::Done, "told to end"));
            }
            Ok(())
        });
        if has_changed {
            return Ok(false);
        }
        let open = read?;
        if sending.upto.seen < before || is_done && !sending.upto.is_all(&noted) {
            return Ok(false);
        }
        if is_done {
            tracing::info!(file = shown, rows = before, "file was fed before, nothing to do");
            return Ok(true);
        }
        if let Some(progress) = &mut sending.known {
            progress.bytes = size;
        }
        // A row whose line has no end may be half a row: should the file grow, it is fed again.
        if open > 0 {
            sending.take_back();
        }
        self.commit(shown, &mut sending, true)?;
        self.pace.wait();
        self.tell(shown, &sending).map(|()| true)
    }

    /// Says what became of a file.
    fn tell(&self, shown: &str, sending: &Sending) -> Result<(), Failure> {
        if sending.is_empty() {
            tracing::warn!(file = shown, "nothing was fed: the file holds no row");
        } else {
            tracing::info!(file = shown, rows = sending.sent, topic = self.topic.as_ref(), "file was fed");
        }
        if sending.large > 0 {
            let (messages, bytes_max) = (sending.large, self.payload_bytes_max);
            tracing::warn!(file = shown, messages, bytes_max, "{LARGE}");
        }
        if sending.left_out > 0 {
            let message = format!("{shown}: {} of {} rows {LEFT_OUT}", sending.left_out, sending.sent + sending.left_out);
            return Err(Failure::new(Exit::No, message));
        }
        Ok(())
    }

    fn outgoing(&self, bytes: Vec<u8>, headers: &[Header]) -> Outgoing {
        // A feed with corrections is keyed by record id; where the id is not at hand the key stays empty.
        let key = self.reading.is_canonical().then(|| serde_json::from_slice::<IdRead<'_>>(&bytes).ok()).flatten();
        let key = key.and_then(|read| read.id).map(|id| id.as_bytes().to_vec());
        Outgoing { topic: Arc::clone(&self.topic), partition: None, key, value: Some(bytes), headers: headers.to_vec() }
    }

    fn commit(&mut self, shown: &str, sending: &mut Sending, done: bool) -> Result<(), Failure> {
        let batch = std::mem::take(&mut sending.batch);
        sending.batch_bytes = 0;
        let upto = sending.upto;
        self.commit_part((shown, &batch), sending, (upto, done))
    }

    /// Commits a part of a batch, and that so many rows of the file are seen. Where the log refuses one of its messages as too large, its
    /// halves, down to the one that is left out: a log says of a transaction that it failed, not always which message was to blame.
    fn commit_part(
        &mut self,
        (shown, part): (&str, &[Row]),
        sending: &mut Sending,
        (upto, done): (Upto, bool),
    ) -> Result<(), Failure> {
        if let Some(progress) = &mut sending.known {
            (progress.rows, progress.done, progress.digest) = (upto.seen, done, Some(upto.digest()));
        }
        match (self.try_commit(part, sending.known.as_ref()), part) {
            (Err(error @ LogError::TooLarge { .. }), [row]) => {
                tracing::error!(file = shown, row = row.number, bytes = row.bytes(), "row is left out: {error}");
                sending.left_out += 1;
                self.commit_part((shown, &[]), sending, (upto, done))
            }
            (Err(LogError::TooLarge { .. }), [_, _, ..]) => {
                let (first, rest) = part.split_at(part.len() / 2);
                let upto_first = first.last().map_or(upto, |row| row.upto);
                self.commit_part((shown, first), sending, (upto_first, false))?;
                self.commit_part((shown, rest), sending, (upto, done))
            }
            (Err(error), _) => Err(error.into()),
            (Ok(false), _) => {
                Err(Failure::new(Exit::Restart, "the log stayed busy; run the same command again, it resumes where it stopped"))
            }
            (Ok(true), _) => {
                sending.sent += part.len() as u64;
                sending.large += part.iter().filter(|row| row.bytes() > self.payload_bytes_max).count() as u64;
                Ok(())
            }
        }
    }

    /// Whether it could be committed before others had held the log for too long.
    fn try_commit(&mut self, part: &[Row], known: Option<&FeedProgress>) -> Result<bool, LogError> {
        for attempt in 0..ATTEMPTS {
            for row in part {
                self.log.send(row.outgoing.clone())?;
            }
            if self.log.commit_with(&NextOffsets::new(), known)? == Commit::Committed {
                return Ok(true);
            }
            std::thread::sleep(Duration::from_millis(50 << attempt.min(5)));
        }
        Ok(false)
    }

    /// What is known of a file: it is the same one as long as it begins alike and is cut alike, however much it has grown. Whether what was
    /// read of it is the same is seen as it is read.
    fn known(&mut self, full: &str, bytes: impl Read, size: u64) -> Result<Known, Failure> {
        let mut head = Vec::new();
        bytes.take(HEAD_BYTES as u64).read_to_end(&mut head).exits(Exit::NotThere)?;
        let shape = xxhash_rust::xxh3::xxh3_64(self.reading.decoder().shape().as_bytes());
        let name = |length: usize| {
            let hash = xxhash_rust::xxh3::xxh3_64(head.get(..length).unwrap_or_default());
            format!("{full}#{length}-{hash:016x}-{shape:016x}")
        };
        for length in (0..=head.len()).rev() {
            if let Some(progress) = self.log.progress(&self.feed, &name(length))? {
                // Shorter than what was read of it: another file under an old name.
                if progress.bytes <= size {
                    return Ok(Known { bytes: size, progress });
                }
            }
        }
        let progress =
            FeedProgress { feed: self.feed.clone(), file: name(head.len()), bytes: 0, rows: 0, done: false, digest: None };
        Ok(Known { bytes: size, progress })
    }

    /// Takes new, grown and changed files of folders, once they have not changed between two looks.
    fn watch(&mut self, folders: &[PathBuf]) -> Outcome {
        let mut seen: BTreeMap<PathBuf, (Stamp, u32)> = BTreeMap::new();
        let mut fed: BTreeMap<PathBuf, Stamp> = BTreeMap::new();
        tracing::info!(folders = folders.len(), "watching; Ctrl-C ends it");
        while !self.stop.load(Ordering::Acquire) {
            let mut files = Vec::new();
            for folder in folders {
                files.extend(files_of(folder)?);
            }
            for path in files {
                let Some(stamp) = stamp_of(&path) else { continue };
                let looks = seen.remove(&path).filter(|(known, _)| *known == stamp).map_or(0, |(_, looks)| looks + 1);
                seen.insert(path.clone(), (stamp, looks));
                if looks == 0 || fed.get(&path) == Some(&stamp) || looks < OPEN_LOOKS && may_go_on(&path, &self.reading) {
                    continue;
                }
                match inputs(std::slice::from_ref(&path), &self.reading)
                    .and_then(|found| found.iter().try_for_each(|input| self.file(input)))
                {
                    Ok(()) => drop(fed.insert(path, stamp)),
                    // Whoever put it there may take it away again: that ends no watch.
                    Err(_) if !path.exists() => tracing::warn!(file = %path.display(), "file went away before it was fed"),
                    Err(failure) if is_of_file(&failure) => {
                        tracing::error!(file = %path.display(), "left alone until it changes: {:#}", failure.error);
                        fed.insert(path, stamp);
                    }
                    Err(failure) if failure.exit == Exit::Done => break,
                    Err(failure) => return Err(failure),
                }
            }
            for _ in 0..LOOKS_BETWEEN {
                if !self.stop.load(Ordering::Acquire) {
                    std::thread::sleep(LOOK_EVERY / LOOKS_BETWEEN);
                }
            }
        }
        tracing::info!("watched until told to end");
        Ok(Exit::Done)
    }
}

/// Whether it concerns one file alone: it is no file of rows, or some of its rows were left out.
fn is_of_file(failure: &Failure) -> bool {
    matches!(failure.exit, Exit::NothingDecoded | Exit::No)
}
