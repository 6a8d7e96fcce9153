//! `diff`: two that judge the same input, side by side. What is read once is read once for both; a build is a child and reads for itself.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::args::Arguments;
use super::args_diff::DiffArgs;
use super::args_source::{ResultFormat, SourceArgs};
use super::diff_table::table;
use super::exit::{Exit, Failure, Outcome};
use super::known::{Decoded, Known};
use super::log;
use super::other_build::OtherBuild;
use super::print::line;
use super::progress::Progress;
use super::reading::MOVEMENTS;
use super::replay::ingest;
use super::report;
use super::wiring::{Knowledge, feeds};
use crate::config::Config;
use crate::domain::Date;
use crate::encode::Topic;
use crate::replay::diff::{Diff, Heard, Input, Kind, compare, fold_both, html};
use crate::replay::{Between, Gathered, KnownMovements, Lost, MovementOrder, ReplayError, Rerun, When, ends};

/// What is judged comes as the world learned it, each family for itself: no subject is of two families.
const FAMILIES: MovementOrder = MovementOrder::Families;

/// Runs it.
pub(super) fn run((config, arguments): (&Config, &Arguments), args: &DiffArgs) -> Outcome {
    report::refuse_present(args.report.as_ref())?;
    let ((base, of_base), (candidate, of_candidate)) = (named(config, &args.base)?, named(config, &args.candidate)?);
    let source = &args.source;
    let mut both = Both { config, arguments, source, sides: [base, candidate], heard: [of_base, of_candidate] };
    let input = match source.from {
        Some(from) => both.read_log(from)?,
        None => both.read_files()?,
    };
    let mut diff = compare(both.heard, input)?;
    if is_empty(&diff) {
        let message = "no verdict comes of the input, by neither of the two: there is nothing to compare";
        return Err(Failure::new(Exit::NotThere, message));
    }
    diff.exceeded = args.fail_on.map(|bounds| bounds.exceeded(&diff)).unwrap_or_default();
    if let Some(path) = &args.report {
        report::write(path, &html(&diff))?;
    }
    match args.format {
        ResultFormat::Json => line(&serde_json::to_string(&diff).expect("text and numbers are JSON"))?,
        ResultFormat::Table => table(&diff).iter().try_for_each(|text| line(text))?,
    }
    diff.exceeded.iter().for_each(|exceeded| tracing::error!("--fail-on {exceeded}"));
    Ok(if diff.exceeded.is_empty() { Exit::Done } else { Exit::No })
}

/// Whether neither said anything: where nothing is compared, nothing can differ, and a gate would let everything pass.
fn is_empty(diff: &Diff) -> bool {
    [&diff.corridor_months, &diff.shipments].iter().all(|of| of.compared + of.only_base + of.only_candidate == 0)
}

/// One of the two.
enum Side {
    /// A model and a bundle: this program judges by them.
    Knowledge(Knowledge),
    /// Another program.
    Build(OtherBuild),
}

impl Side {
    fn knowledge(&self) -> Option<&Knowledge> {
        match self {
            Side::Knowledge(knowledge) => Some(knowledge),
            Side::Build(_) => None,
        }
    }
}

/// What an argument names.
fn named(config: &Config, name: &Path) -> Result<(Side, Heard), Failure> {
    let shown = name.display().to_string();
    let (what, model, reference) = if shown == "current" {
        (Kind::Current, None, None)
    } else if !name.exists() {
        let message = format!("{shown}: there is no such file; name a model, a bundle's folder, a build, or current");
        return Err(Failure::new(Exit::NotThere, message));
    } else if name.is_dir() {
        (Kind::Bundle, None, Some(name))
    } else if name.extension().is_some_and(|extension| extension == "toml") {
        (Kind::Model, Some(name), None)
    } else if is_executable(name) {
        return Ok((Side::Build(OtherBuild::new(name)?), Heard::new(shown, Kind::Build)));
    } else {
        let message = format!("{shown}: is no model (.toml), bundle (a folder), build (an executable file) or current");
        return Err(Failure::new(Exit::Usage, message));
    };
    Ok((Side::Knowledge(Knowledge::chosen(config, model, reference)?), Heard::new(shown, what)))
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

/// The two, what they read, and what they said.
struct Both<'a> {
    config: &'a Config,
    arguments: &'a Arguments,
    source: &'a SourceArgs,
    sides: [Side; 2],
    heard: [Heard; 2],
}

impl Both<'_> {
    /// Files: each ingests them for itself, unless both would make the same of them.
    fn read_files(&mut self) -> Result<Input, Failure> {
        let until = self.source.day()?;
        let is_movements = self.source.mapping == MOVEMENTS;
        if is_movements && !self.home_alike()? {
            let message = "--as movements: base and candidate home records differently, and movements stand as one of them homed \
                           them; name files of records";
            return Err(Failure::new(Exit::Usage, message));
        }
        if self.builds().next().is_some() && self.source.paths.iter().any(|path| path.as_os_str() == "-") {
            return Err(Failure::new(Exit::Usage, "-: a build reads for itself, and stdin can be read once; name a file"));
        }
        let is_one_for_both = matches!(self.here().as_slice(), [base, candidate] if is_movements || base.reads_as(candidate));
        let movements = self.movements(is_one_for_both, until)?;
        self.fold(movements, until)?;
        let (arguments, source) = (self.arguments, self.source);
        self.each_build(&mut |build, heard| build.assess(arguments, source, heard))?;
        Ok(if is_movements { Input::Movements } else { Input::Records })
    }

    /// A range of the log: `movements` as they stand, or where the two home records differently the raw topics, by each for itself.
    fn read_log(&mut self, from: When) -> Result<Input, Failure> {
        let config = self.config;
        let until = self.source.end()?;
        let mut log = log::open(config)?;
        let is_alike = self.home_alike()? && self.home_as(log.family_map()?);
        let movements = log::full(config, Topic::Movements);
        let raw: Vec<String> = feeds(config, false)?.into_iter().map(|feed| feed.topic).collect();
        let read = if is_alike { vec![movements.clone()] } else { raw };
        // What comes in while this runs is no part of it.
        let noted = ends(&mut *log, &read)?;
        let between = Between { from, until, ends: Some(&noted) };
        let mut progress = Progress::new("replaying", None);
        let (mut on_read, mut lost) = (|count| progress.add(count), 0u64);
        let mut on_lost = |(_, letter): Lost| {
            lost += letter.count;
            Ok::<(), ReplayError>(())
        };
        let mut gathered = Gathered::new(false);
        let mut rerun = Rerun { log: &mut *log, movements, gathered: &mut gathered, read: &mut on_read, lost: &mut on_lost };
        let taken = match self.here().as_slice() {
            [] => Vec::new(),
            [_, ..] if is_alike => vec![rerun.known(between, FAMILIES)?],
            [one] => rerun.ingest_by(&read, (between, FAMILIES), [&mut *ingest(config, one)?.1])?.into(),
            [base, candidate, ..] => {
                let (mut base, mut candidate) = (ingest(config, base)?.1, ingest(config, candidate)?.1);
                rerun.ingest_by(&read, (between, FAMILIES), [&mut *base, &mut *candidate])?.into()
            }
        };
        drop(log);
        warn_of_dead_letters(lost);
        self.fold(taken, None)?;
        let stage = if is_alike { "assess" } else { "all" };
        let (arguments, source) = (self.arguments, self.source);
        self.each_build(&mut |build, heard| build.replay(arguments, (stage, source), heard))?;
        if until == When::End && self.builds().next().is_some() && ends(&mut *log::open(config)?, &read)? != noted {
            tracing::warn!(
                "the log grew meanwhile, and the build may have read more of it than was read here: --until ends it for both"
            );
        }
        Ok(if is_alike { Input::Movements } else { Input::RawTopics })
    }

    /// Models and bundles, base first.
    fn here(&self) -> Vec<&Knowledge> {
        self.sides.iter().filter_map(Side::knowledge).collect()
    }

    fn builds(&self) -> impl Iterator<Item = &OtherBuild> {
        self.sides.iter().filter_map(|side| if let Side::Build(build) = side { Some(build) } else { None })
    }

    /// Whether movements of the one can be folded by the other. A build homes by the bundle of the configuration.
    fn home_alike(&self) -> Result<bool, Failure> {
        Ok(match self.here().as_slice() {
            [base, candidate] => base.homes_as(candidate),
            [one] => one.homes_as(&Knowledge::load(&self.config.model, &self.config.reference)?),
            _ => true,
        })
    }

    /// Whether the movements of a log that is bound to this family map can be folded by them. A build refuses others by itself.
    fn home_as(&self, map: Option<String>) -> bool {
        self.here().iter().all(|here| map.as_ref().is_none_or(|map| map == here.reference().family_map_fingerprint()))
    }

    /// What is ingested of files: movements for both, or for each model or bundle.
    fn movements(&self, is_one_for_both: bool, until: Option<Date>) -> Result<Vec<KnownMovements>, Failure> {
        let here = self.here();
        let many = if is_one_for_both { 1 } else { here.len() };
        if many == 0 {
            return Ok(Vec::new());
        }
        let inputs = self.source.inputs()?;
        let mut progress = Progress::new("reading", None);
        let known = Known { config: self.config, mapping: &self.source.mapping, feed: self.source.feed.as_ref(), until };
        let mut by: Vec<_> = here.into_iter().take(many).map(|knowledge| (knowledge, KnownMovements::new(FAMILIES))).collect();
        let mut decoded = Decoded::default();
        let rows = known.read(&inputs, &mut by, &mut |_, _, effects| {
            progress.add(1);
            decoded.count(&effects);
            Ok(())
        })?;
        warn_of_dead_letters(decoded.lost_of(rows)?);
        Ok(by.into_iter().map(|(_, movements)| movements).collect())
    }

    /// Judges: both side by side where there are movements for both, else each its own.
    fn fold(&mut self, movements: Vec<KnownMovements>, until: Option<Date>) -> Result<(), Failure> {
        let is_one_for_both = movements.len() == 1;
        let mut movements = movements.into_iter();
        if is_one_for_both
            && let [Side::Knowledge(base), Side::Knowledge(candidate)] = &self.sides
            && let Some(movements) = movements.next()
        {
            let (mut base, mut candidate) = (base.assess(), candidate.assess());
            return Ok(fold_both(movements, &mut self.heard, [&mut *base, &mut *candidate], until)?);
        }
        for (side, heard) in self.sides.iter().zip(&mut self.heard) {
            if let Some(knowledge) = side.knowledge()
                && let Some(movements) = movements.next()
            {
                heard.fold(movements, &mut *knowledge.assess(), until)?;
            }
        }
        Ok(())
    }

    /// Lets each build speak.
    fn each_build(&mut self, speak: &mut dyn FnMut(&OtherBuild, &mut Heard) -> Result<(), Failure>) -> Result<(), Failure> {
        for (side, heard) in self.sides.iter().zip(&mut self.heard) {
            if let Side::Build(build) = side {
                speak(build, heard)?;
            }
        }
        Ok(())
    }
}

fn warn_of_dead_letters(lost: u64) {
    if lost > 0 {
        tracing::warn!(
            "{lost} times a record could not be taken, by base or candidate, and is left out there; `entrepot assess` says why"
        );
    }
}
