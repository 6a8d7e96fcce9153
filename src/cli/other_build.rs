//! Another build of the program, run as a child over the same input under the same configuration; what it publishes is heard.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use super::args::Arguments;
use super::args_source::SourceArgs;
use super::exit::{Exit, Exits, Failure};
use crate::replay::diff::Heard;

/// The files of a replay in which verdicts and alerts stand.
const SAID: [&str; 3] = ["alerts.ndjson", "assessments.ndjson", "corridors.ndjson"];

/// Another build.
pub(super) struct OtherBuild {
    /// Whole: a bare name would be looked for elsewhere.
    path: PathBuf,
}

impl OtherBuild {
    /// The one in this file.
    pub(super) fn new(path: &Path) -> Result<OtherBuild, Failure> {
        Ok(OtherBuild { path: std::path::absolute(path).exits(Exit::NotThere)? })
    }

    /// Lets it assess files, and hears what it prints. One that has nothing to say still balances its books: else it is no build.
    pub(super) fn assess(&self, arguments: &Arguments, source: &SourceArgs, heard: &mut Heard) -> Result<(), Failure> {
        let scratch = Scratch::new()?;
        let books = scratch.0.join("books.json");
        let mut command = self.command(arguments, "assess");
        command.args(["--history", "--format", "ndjson", "--as", &source.mapping]);
        command.args(source.feed.iter().flat_map(|feed| ["--feed", feed.as_str()]));
        command.args(source.until.iter().flat_map(|until| ["--until", until.as_str()]));
        command.arg("--summary").arg(&books);
        command.arg("--").args(&source.paths).stdout(Stdio::piped());
        let mut child = self.spawn(&mut command)?;
        let mut lines = BufReader::new(child.stdout.take().expect("its stdout is a pipe"));
        let listened = hear_all(&mut lines, heard);
        // It ends by itself: one that is cut off would fail for that alone.
        let drained = std::io::copy(&mut lines, &mut std::io::sink()).exits(Exit::Broken);
        self.is_done("assess", child.wait())?;
        drained.and(listened)?;
        if !books.is_file() {
            let message = format!("{}: wrote no --summary, as every build does: it did not assess", self.path.display());
            return Err(Failure::new(Exit::Broken, message));
        }
        Ok(())
    }

    /// Lets it fold a range of the log by `known_from`, and hears what it writes.
    pub(super) fn replay(
        &self,
        arguments: &Arguments,
        (stage, source): (&str, &SourceArgs),
        heard: &mut Heard,
    ) -> Result<(), Failure> {
        let scratch = Scratch::new()?;
        let mut command = self.command(arguments, "replay");
        command.args(["--order", "known", "--stage", stage]);
        command.args(source.from.iter().flat_map(|from| ["--from".to_owned(), from.to_string()]));
        command.args(source.until.iter().flat_map(|until| ["--until", until.as_str()]));
        command.arg("--out").arg(&scratch.0).stdout(Stdio::null());
        let mut child = self.spawn(&mut command)?;
        self.is_done("replay", child.wait())?;
        for name in SAID {
            let doing = || format!("{}: reading {name}, which its replay should have written", self.path.display());
            let failed = |failure: Failure| failure.context(doing());
            let file = std::fs::File::open(scratch.0.join(name)).exits(Exit::Broken).map_err(failed)?;
            hear_all(&mut BufReader::new(file), heard).map_err(failed)?;
        }
        Ok(())
    }

    /// Warnings and errors go where ours go.
    fn command(&self, arguments: &Arguments, name: &str) -> Command {
        let mut command = Command::new(&self.path);
        command.arg("--quiet").stdin(Stdio::null());
        if let Some(file) = &arguments.config {
            command.arg("--config").arg(file);
        }
        command.args(arguments.set.iter().flat_map(|set| ["--set", set.as_str()])).arg(name);
        command
    }

    fn spawn(&self, command: &mut Command) -> Result<Child, Failure> {
        let started = command.spawn().exits(Exit::Broken);
        started.map_err(|failure| failure.context(format!("{}: the build cannot be started", self.path.display())))
    }

    fn is_done(&self, name: &str, ended: std::io::Result<ExitStatus>) -> Result<(), Failure> {
        let ended = ended.exits(Exit::Broken)?;
        if ended.success() {
            return Ok(());
        }
        // Its 1 or 2 would be read as ours: differs too much, or called wrongly.
        let code = ended.code().and_then(|code| u8::try_from(code).ok()).filter(|code| *code > Exit::Usage as u8);
        let message = format!("{}: its {name} ended with {ended}; what it said of that stands above", self.path.display());
        Err(Failure::new(code.map_or(Exit::Broken, Exit::from_code), message))
    }
}

/// Hears every line.
fn hear_all(lines: &mut BufReader<impl Read>, heard: &mut Heard) -> Result<(), Failure> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line).exits(Exit::Broken)? == 0 {
            return Ok(());
        }
        if let text @ [_, ..] = line.trim_ascii() {
            heard.hear_line(text)?;
        }
    }
}

/// A folder that is gone when it is done with.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Scratch, Failure> {
        let folder = std::env::temp_dir();
        let mut attempt = 0;
        loop {
            let path = folder.join(format!("entrepot-diff-{}-{attempt}", std::process::id()));
            match std::fs::create_dir(&path) {
                Ok(()) => return Ok(Scratch(path)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && attempt < 1000 => attempt += 1,
                Err(error) => {
                    let message = format!("making a folder in {}: {error}", folder.display());
                    return Err(Failure::new(Exit::CannotCreate, message));
                }
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!("{} is left behind: {error}", self.0.display());
        }
    }
}
