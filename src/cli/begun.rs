//! What a replay was begun with: noted before its first output, so that `--resume` takes up the same replay or none.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::args::ReplayArgs;
use super::exit::{Exit, Failure};
use super::log;
use super::wiring::{Knowledge, feeds};
use crate::config::Config;
use crate::domain::Partition;
use crate::encode::Topic;
use crate::replay::{ends, hash_of_file};
use crate::stream::{Home, NextOffsets};

/// The file of a folder that holds the note. It is no output: a folder that holds nothing else is as good as empty.
pub(super) const NOTE: &str = "replay-begun.json";

/// The note of a replay.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Note {
    /// What must be the same again.
    #[serde(flatten)]
    same: Same,
    /// Where the log ended, as topic, partition and offset.
    ends: Vec<(String, Partition, i64)>,
    /// Of a folder that is whole: the hash of each of its files.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    files: BTreeMap<String, String>,
    /// And its last line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    report: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Same {
    stage: String,
    order: String,
    from: String,
    until: String,
    model: String,
    reference: String,
    fold: String,
    /// Which log a folder is of; topics of a replay stand in theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log: Option<String>,
}

impl Same {
    fn of(args: &ReplayArgs, knowledge: &Knowledge, log: Option<String>) -> Same {
        let built = knowledge.build();
        Same {
            stage: format!("{:?}", args.stage).to_lowercase(),
            order: format!("{:?}", args.order).to_lowercase(),
            from: args.from.to_string(),
            until: args.until.to_string(),
            model: built.model,
            reference: built.reference,
            fold: built.fold,
            log,
        }
    }

    fn named(&self) -> [(&'static str, &str); 8] {
        [
            ("--stage", &self.stage),
            ("--order", &self.order),
            ("--from", &self.from),
            ("--until", &self.until),
            ("model", &self.model),
            ("reference bundle", &self.reference),
            ("fold", &self.fold),
            ("log", self.log.as_deref().unwrap_or_default()),
        ]
    }
}

impl Note {
    /// Of a replay that begins now: of a folder, or of topics in the log itself.
    pub(super) fn new(
        (config, args): (&Config, &ReplayArgs),
        knowledge: &Knowledge,
        home: &mut dyn Home,
    ) -> Result<Note, Failure> {
        let mut topics: Vec<String> = feeds(config, false)?.into_iter().map(|feed| feed.topic).collect();
        topics.push(log::full(config, Topic::Movements));
        let ends = ends(home, &topics)?.into_iter().map(|((topic, partition), end)| (topic, partition, end)).collect();
        let log = args.out.as_ref().map(|_| home.location());
        Ok(Note { same: Same::of(args, knowledge, log), ends, files: BTreeMap::new(), report: None })
    }

    /// Refuses to take up what was begun with something else, and names that. `place`: what holds the note.
    pub(super) fn refuse_other(&self, now: &Note, place: &str) -> Result<(), Failure> {
        let pairs = self.same.named().into_iter().zip(now.same.named());
        let differ: Vec<String> = pairs
            .filter(|((_, then), (_, now))| then != now)
            .map(|((name, then), (_, now))| format!("{name} {then}, not {now}"))
            .collect();
        if differ.is_empty() {
            return Ok(());
        }
        let differ = differ.join("; ");
        let message = format!("--resume: {place} was begun with {differ}: take it up with the same, or choose another place");
        Err(Failure::new(Exit::CannotCreate, message))
    }

    /// Reads one.
    pub(super) fn parse(bytes: &[u8], place: &str) -> Result<Note, Failure> {
        serde_json::from_slice(bytes).map_err(|error| {
            let message = format!("{place} does not say what a replay was begun with ({error}): choose another place");
            Failure::new(Exit::CannotCreate, message)
        })
    }

    /// As it is written.
    pub(super) fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("text and numbers are JSON")
    }

    /// Where the log ended when the replay was begun.
    pub(super) fn ends(&self) -> NextOffsets {
        self.ends.iter().map(|(topic, partition, end)| ((topic.clone(), *partition), *end)).collect()
    }

    /// The note of a folder, as it stands there; this one is written where there is none and nothing else.
    pub(super) fn in_folder(self, folder: &Path, resume: bool) -> Result<Note, Failure> {
        let path = folder.join(NOTE);
        if resume && folder.exists() {
            let place = path.display().to_string();
            match std::fs::read(&path) {
                Ok(bytes) => {
                    let note = Note::parse(&bytes, &place)?;
                    note.refuse_other(&self, &folder.display().to_string())?;
                    return Ok(note);
                }
                Err(_) if is_empty(folder) => {}
                Err(error) => {
                    let message = format!(
                        "--resume: {place}: {error}; so nothing says what {} was begun with: choose another place",
                        folder.display()
                    );
                    return Err(Failure::new(Exit::CannotCreate, message));
                }
            }
        }
        std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, error))?;
        self.write(folder)?;
        Ok(self)
    }

    /// Notes the files of a folder that is whole but for the one that says so.
    pub(super) fn finish(mut self, folder: &Path, names: &[String], report: &str) -> Result<(), Failure> {
        self.report = Some(report.to_owned());
        for name in names {
            let hash = hash_of_file(&folder.join(name)).map_err(|error| unwritable(folder, error))?;
            self.files.insert(name.clone(), hash);
        }
        self.write(folder)
    }

    /// Refuses a folder of which a file is not what was written; `whole` says that it is whole, and with what last line.
    pub(super) fn check_files(&self, folder: &Path, (whole, report): (&str, &str)) -> Result<(), Failure> {
        if self.report.as_deref() != Some(report) {
            let path = folder.join(whole);
            let message =
                format!("--resume: {} is not what was written: choose another place, or remove the folder", path.display());
            return Err(Failure::new(Exit::CannotCreate, message));
        }
        for (name, noted) in &self.files {
            let path = folder.join(name);
            let wrong = match hash_of_file(&path) {
                Ok(hash) if hash == *noted => continue,
                Ok(hash) => format!("has the SHA-256 {hash}, and {noted} was written"),
                Err(error) => format!("cannot be read: {error}"),
            };
            let message = format!("--resume: {} {wrong}: choose another place, or remove the folder", path.display());
            return Err(Failure::new(Exit::CannotCreate, message));
        }
        Ok(())
    }

    /// In one step: a kill leaves the old note or the new one.
    fn write(&self, folder: &Path) -> Result<(), Failure> {
        let (next, path) = (folder.join(format!("{NOTE}.next")), folder.join(NOTE));
        let written = std::fs::write(&next, self.bytes()).and_then(|()| std::fs::rename(&next, &path));
        written.map_err(|error| unwritable(&path, error))
    }
}

/// Whether a folder holds no output.
pub(super) fn is_empty(folder: &Path) -> bool {
    let Ok(mut entries) = std::fs::read_dir(folder) else { return true };
    entries.all(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with(NOTE)))
}

fn unwritable(path: &Path, error: std::io::Error) -> Failure {
    Failure { exit: Exit::CannotCreate, error: error.into() }.context(format!("writing to {}", path.display()))
}
