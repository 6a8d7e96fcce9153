//! `assess`: the identical core on files. No log, no service; sorts as the world learned it, folds, prints.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::args::{AssessArgs, AssessFormat, AssessOrder, OnlyKind};
use super::exit::{Exit, Exits, Failure, Outcome};
use super::input::{Input, inputs};
use super::known::{Known, each_movement};
use super::lost::Lost;
use super::print;
use super::progress::Progress;
use super::reading::{MOVEMENTS, Reading};
use super::wiring::Knowledge;
use crate::config::Config;
use crate::encode::{Effects, Tally, Topic};
use crate::replay::{Bounded, Gathered, KnownMovements, MovementOrder, ReplayError};

/// Runs it.
pub(super) fn run(config: &Config, args: &AssessArgs) -> Outcome {
    let progress = Progress::new("assessing", None);
    let inputs = inputs(&args.paths, &Reading::said(&args.mapping)?)?;
    let knowledge = Knowledge::load(&config.model, &config.reference)?;
    let mut run = Run::new(config, args, knowledge, progress);
    let is_given = args.mapping == MOVEMENTS && args.order == AssessOrder::Given;
    let rows = if is_given { run.as_given(&inputs) } else { run.records(&inputs) }?;
    // A message may hold no row, as an empty list does.
    let is_empty = rows == 0 || args.mapping != MOVEMENTS && run.summary.consumed == 0;
    if is_empty {
        let names: Vec<String> = inputs.iter().map(Input::shown).collect();
        let held =
            if names.is_empty() { "there is no file to read".to_owned() } else { format!("no row in {}", names.join(", ")) };
        let next = "where that can be right, let the caller pass over exit 65";
        tracing::error!("{held}: nothing was decoded; {next}");
    }
    run.gathered.settle()?;
    run.lost.settle()?;
    run.print()?;
    if let Some(path) = &args.summary {
        run.write_summary(path)?;
    }
    Ok(if is_empty { Exit::NothingDecoded } else { run.exit() })
}

/// The balance of the books, in the order of the contract.
#[derive(Debug, Default, Serialize)]
struct Summary {
    consumed: u64,
    accepted: u64,
    excluded: u64,
    dead_letter: u64,
    movements: u64,
    assessed: u64,
    context: u64,
    duplicate: u64,
    superseded: u64,
    cancelled: u64,
    tick: u64,
    corridors: u64,
    alerts: u64,
    /// All three below together.
    by_reason: BTreeMap<String, u64>,
    excluded_by_reason: BTreeMap<String, u64>,
    dead_letter_by_reason: BTreeMap<String, u64>,
    /// Marks of what was accepted; a record may bear several.
    marks: BTreeMap<String, u64>,
    seconds: f64,
}

impl Summary {
    /// Adds what became of records, from either stage.
    fn count(&mut self, effects: &Effects) {
        for (outcome, count) in &effects.outcomes {
            let slot = match *outcome {
                "accepted" => &mut self.accepted,
                "excluded" => &mut self.excluded,
                "dead_letter" => &mut self.dead_letter,
                "assessed" => &mut self.assessed,
                "context" => &mut self.context,
                "duplicate" => &mut self.duplicate,
                "superseded" => &mut self.superseded,
                "cancelled" => &mut self.cancelled,
                "tick" => &mut self.tick,
                _ => continue,
            };
            *slot += count;
            match *outcome {
                "accepted" | "excluded" | "dead_letter" => self.consumed += count,
                _ => self.movements += count,
            }
        }
        for tally in &effects.tallies {
            let (reason, counts) = match tally {
                Tally::Reason(reason) => (reason.as_str(), &mut self.excluded_by_reason),
                Tally::Mark(mark) => (*mark, &mut self.marks),
                _ => continue,
            };
            [counts, &mut self.by_reason].into_iter().for_each(|counts| add(counts, reason, 1));
        }
        if let Some(letter) = &effects.dead_letter {
            let by = [&mut self.dead_letter_by_reason, &mut self.by_reason];
            by.into_iter().for_each(|counts| add(counts, letter.reason, letter.count));
        }
    }
}

/// Adds to what is counted under a name. There are few names, and millions of records.
fn add(counts: &mut BTreeMap<String, u64>, name: &str, count: u64) {
    match counts.get_mut(name) {
        Some(counted) => *counted += count,
        None => drop(counts.insert(name.to_owned(), count)),
    }
}

struct Run<'a> {
    config: &'a Config,
    args: &'a AssessArgs,
    knowledge: Knowledge,
    progress: Progress,
    summary: Summary,
    gathered: Gathered,
    lost: Lost,
}

impl<'a> Run<'a> {
    fn new(config: &'a Config, args: &'a AssessArgs, knowledge: Knowledge, progress: Progress) -> Run<'a> {
        let gathered = Gathered::new(args.history);
        Run { config, args, knowledge, progress, summary: Summary::default(), gathered, lost: Lost::new() }
    }

    /// Files of records: ingest each, then assess all of their movements. Gives how many rows there were.
    fn records(&mut self, inputs: &[Input]) -> Result<u64, Failure> {
        let Run { config, args, knowledge, progress, summary, gathered, lost } = self;
        let known = Known { config, mapping: &args.mapping, feed: args.feed.as_ref(), until: args.until };
        let order = match args.order {
            AssessOrder::Given => MovementOrder::Given,
            AssessOrder::Known => MovementOrder::Families,
        };
        let mut by = [(&*knowledge, KnownMovements::new(order))];
        let rows = known.read(inputs, &mut by, &mut |_, message, effects| {
            summary.count(&effects);
            progress.add(1);
            effects.dead_letter.map_or(Ok(()), |letter| lost.push(message, &letter))
        })?;
        let [(_, movements)] = by;
        let mut fold = knowledge.assess();
        let mut sink = sink(summary, gathered, progress);
        Bounded::new(&mut *fold, &mut sink).all(movements, args.until)?;
        Ok(rows)
    }

    /// Dumped movements as given: they repeat what stood in the log, ticks as well. Gives how many there were.
    fn as_given(&mut self, inputs: &[Input]) -> Result<u64, Failure> {
        let mut fold = self.knowledge.assess();
        let reference = self.knowledge.reference();
        let mut sink = sink(&mut self.summary, &mut self.gathered, &mut self.progress);
        let mut bounded = Bounded::new(&mut *fold, &mut sink);
        each_movement((inputs, reference), self.args.until, &mut |_, value| bounded.as_given(Vec::new(), value))
    }

    fn print(&mut self) -> Result<(), Failure> {
        self.summary.corridors = self.gathered.keys(Topic::Corridors)?;
        self.summary.alerts = self.gathered.keys(Topic::Alerts)?;
        let default = if print::stdout_is_terminal() { AssessFormat::Table } else { AssessFormat::Ndjson };
        match self.args.format.unwrap_or(default) {
            AssessFormat::Ndjson => print::ndjson(&self.gathered, self.args.min_band, self.args.only, &self.lost),
            AssessFormat::Table => {
                if matches!(self.args.only, Some(OnlyKind::Alerts | OnlyKind::DeadLetters)) {
                    if self.args.format.is_some() {
                        tracing::warn!(
                            "--format table: only verdicts have a table; alerts and dead letters come one a line, as JSON"
                        );
                    }
                    return print::ndjson(&self.gathered, self.args.min_band, self.args.only, &self.lost);
                }
                print::table(&self.gathered, self.args.min_band, self.args.only, usize::MAX)?;
                print::balance_on_stderr(self.lost.count());
                Ok(())
            }
        }
    }

    fn write_summary(&mut self, path: &Path) -> Result<(), Failure> {
        self.summary.seconds = (self.progress.seconds() * 1_000.0).round() / 1_000.0;
        let mut text = serde_json::to_string(&self.summary).expect("counts are JSON");
        text.push('\n');
        let written = std::fs::write(path, text).exits(Exit::CannotCreate);
        written.map_err(|failure| failure.context(format!("writing {}", path.display())))
    }

    fn exit(&self) -> Exit {
        let summary = &self.summary;
        let nothing_decoded = summary.consumed > 0 && summary.accepted + summary.excluded == 0;
        if nothing_decoded {
            let first = self.lost.first().map_or_else(String::new, |first| format!("; the first, {first}"));
            let next = "check --as, and see `entrepot check FILE --as MAPPING --sample 10`";
            tracing::error!("none of {} rows could be decoded{first}; --only dead-letters says why: {next}", summary.consumed);
            return Exit::NothingDecoded;
        }
        if self.args.strict && summary.dead_letter > 0 {
            tracing::error!("--strict: {} rows are dead letters", summary.dead_letter);
            return Exit::No;
        }
        Exit::Done
    }
}

fn sink<'s>(
    summary: &'s mut Summary,
    gathered: &'s mut Gathered,
    progress: &'s mut Progress,
) -> impl FnMut(Effects) -> Result<(), ReplayError> + 's {
    move |effects| {
        summary.count(&effects);
        progress.add(effects.outcomes.iter().map(|(_, count)| count).sum());
        effects.outputs.iter().try_for_each(|output| gathered.push(output))
    }
}
