//! `backtest`: history as the world learned it, folded and watched, scored against what was found later.

use std::path::Path;

use super::args_backtest::BacktestArgs;
use super::args_source::ResultFormat;
use super::exit::{Exit, Exits, Failure, Outcome};
use super::known::{Decoded, Known};
use super::log;
use super::print::line;
use super::progress::Progress;
use super::report;
use super::wiring::Knowledge;
use crate::config::{Config, SourceOf};
use crate::domain::Date;
use crate::encode::Topic;
use crate::replay::backtest::{
    Backtest, Bin, FalsePositives, Labels, LookAhead, Measured, Report, Settings, Witness, look_ahead, score,
};
use crate::replay::{Between, Bounded, Gathered, KnownMovements, MovementOrder, ReplayError, Rerun, When};

/// Runs it.
pub(super) fn run(config: &Config, args: &BacktestArgs) -> Outcome {
    report::refuse_present(args.report.as_ref())?;
    let knowledge = Knowledge::chosen(config, args.model.as_deref(), args.reference.as_deref())?;
    let families = knowledge.reference().families();
    let home = |code| families.home(code, None, None);
    let labels = Labels::read(&text_of(&args.labels)?, (&home, &|family| families.all().any(|known| known == family)));
    let labels = labels.exits(Exit::Invalid).map_err(|failure| failure.context(args.labels.display().to_string()))?;

    let (movements, until) = match args.source.from {
        Some(from) => {
            let end = args.source.end()?;
            (of_log(config, &knowledge, (from, end))?, end.day())
        }
        None => of_files((config, args), &knowledge)?,
    };
    let mut witness = Witness::new(knowledge.assess()).keeping_grounds(args.report.is_some());
    Bounded::new(&mut witness, &mut |_| Ok(())).all(movements, until)?;
    let (history, flows) = witness.end()?;
    let Some(decided) = history.last_day else {
        return Err(Failure::new(Exit::NotThere, "no movement lies in the input: there is nothing to score"));
    };
    look_ahead(&history, &knowledge.known_from(), knowledge.fitted_until())
        .map_err(|error| named((config, args), &knowledge, error))?;
    let (told_from, found_from) = knowledge.told_and_found_from();
    let per_week = usize::try_from(args.budget).unwrap_or(usize::MAX);
    let settings = Settings { decided, per_week, told_from, found_from };
    let tonnes = history.steps.keys().filter_map(|id| Some((*id, flows.tonnes(*id)?))).collect();
    let backtest = score(&labels, (&history, &tonnes), &settings);
    let backtest = backtest.exits(Exit::Invalid).map_err(|failure| failure.context(args.labels.display().to_string()))?;
    if backtest.positives + backtest.negatives == 0 {
        return Err(nothing_scored(&args.labels, &backtest));
    }
    if let Some(path) = &args.report {
        let reference = knowledge.reference();
        let page = Report { backtest: &backtest, history: &history, flows: &flows, reference, settings: &settings };
        report::write(path, &page.html())?;
    }
    match args.format {
        ResultFormat::Json => line(&serde_json::to_string(&backtest).expect("text and numbers are JSON"))?,
        ResultFormat::Table => table(&backtest).iter().try_for_each(|text| line(text))?,
    }
    Ok(Exit::Done)
}

/// The text of a table of labels.
fn text_of(path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    let bytes = std::fs::read(path).map_err(|error| {
        Failure::new(Exit::NotThere, format!("{shown}: {error}; --labels names a table of cases, which --help describes"))
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(good).filter(|byte| **byte == b'\n').count() + 1;
        Failure::new(Exit::Invalid, format!("{shown}, line {line}: is not UTF-8; save the table as CSV in UTF-8"))
    })
}

/// What looks ahead, with its file and its fingerprint.
fn named((config, args): (&Config, &BacktestArgs), knowledge: &Knowledge, error: LookAhead) -> Failure {
    let (path, set, hash) = match error {
        LookAhead::Model { .. } => (&args.model, &config.model, knowledge.model_hash()),
        LookAhead::Reference { .. } => (&args.reference, &config.reference, knowledge.reference().fingerprint().to_owned()),
    };
    let file = match (path, set) {
        (Some(path), _) | (None, SourceOf::Path(path)) => path.display().to_string(),
        (None, SourceOf::BuiltIn) => "compiled in".to_owned(),
    };
    Failure { exit: Exit::Invalid, error: error.into() }.context(format!("{file} ({hash})"))
}

/// Figures of nothing would let every gate pass.
fn nothing_scored(labels: &Path, backtest: &Backtest) -> Failure {
    let what = if backtest.undefined > 0 {
        "no case of it that lies in the input has a finding"
    } else {
        "no case of it lies in the input"
    };
    let undefined = (backtest.undefined > 0).then(|| format!("undefined, and in the input: {}", backtest.undefined));
    let why: Vec<String> = undefined.into_iter().chain(lists(backtest, 3)).collect();
    let why = if why.is_empty() { "it holds no row".to_owned() } else { why.join("\n") };
    let message = format!("{}: {what}: there is nothing to score\n{why}", labels.display());
    Failure::new(Exit::NotThere, message)
}

/// What of the labels is not scored as it stands, so many of each kind; each in a line of its own.
fn lists(backtest: &Backtest, most: usize) -> Vec<String> {
    let kinds =
        [("not in the input", &backtest.unseen), ("names no corridor", &backtest.unusable), ("replaced", &backtest.replaced)];
    let listed = |(kind, items): (&str, &Vec<String>)| {
        let shown: String = items.iter().take(most).map(|item| format!("\n  {item}")).collect();
        let more = items.len().saturating_sub(most);
        let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
        format!("{kind}:{shown}{more}")
    };
    kinds.into_iter().filter(|(_, items)| !items.is_empty()).map(listed).collect()
}

/// What stands in files, and the day of the decision where one is given.
fn of_files((config, args): (&Config, &BacktestArgs), knowledge: &Knowledge) -> Result<(KnownMovements, Option<Date>), Failure> {
    let source = &args.source;
    let until = source.day()?;
    let mut progress = Progress::new("reading", None);
    let known = Known { config, mapping: &source.mapping, feed: source.feed.as_ref(), until };
    let mut decoded = Decoded::default();
    let mut by = [(knowledge, KnownMovements::new(MovementOrder::Families))];
    let rows = known.read(&source.inputs()?, &mut by, &mut |_, _, effects| {
        progress.add(1);
        decoded.count(&effects);
        Ok(())
    })?;
    let dead_letters = decoded.lost_of(rows)?;
    if dead_letters > 0 {
        tracing::warn!("{dead_letters} of {rows} rows cannot be taken and are left out; `entrepot assess` says why");
    }
    let [(_, movements)] = by;
    Ok((movements, until))
}

/// What stands in a range of the log.
fn of_log(config: &Config, knowledge: &Knowledge, (from, until): (When, When)) -> Result<KnownMovements, Failure> {
    let mut log = log::open(config)?;
    log.check_family_map(knowledge.reference().family_map_fingerprint())?;
    let mut progress = Progress::new("replaying", None);
    let mut read = |count| progress.add(count);
    let mut lost = |_| Ok::<(), ReplayError>(());
    let mut gathered = Gathered::new(false);
    let movements = log::full(config, Topic::Movements);
    let mut rerun = Rerun { log: &mut *log, movements, gathered: &mut gathered, read: &mut read, lost: &mut lost };
    Ok(rerun.known(Between { from, until, ends: None }, MovementOrder::Families)?)
}

/// Labels of a kind that are listed in the table at most.
const LISTED: usize = 20;

/// For people.
fn table(backtest: &Backtest) -> Vec<String> {
    let Backtest { positives, negatives, undefined, unseen, prevalence, .. } = backtest;
    let from = backtest.from.as_deref().unwrap_or("never");
    let mut lines = vec![
        format!("decided {}; {} corridor-months, the first verdict of {from}", backtest.decided, backtest.corridor_months),
        format!(
            "cases seen: {positives} rerouting, {negatives} none, {undefined} undefined; {} not in the input; prevalence {}",
            unseen.len(),
            figure(*prevalence)
        ),
    ];
    lines.extend(lists(backtest, LISTED));
    if let Some(budget) = backtest.methods.first().map(|scores| &scores.budget) {
        lines.push(format!("budget: {} corridor-months a week, {} weeks", budget.per_week, budget.weeks));
    }
    lines.extend(found_of(backtest));
    lines.extend(scores_of(backtest));
    let lead = &backtest.lead;
    lines.push(format!(
        "lead: {} of {} found, days before the finding became known: {}",
        lead.found,
        lead.n,
        measured(lead.median_days, 0)
    ));
    let of_intermediary = |of: &FalsePositives| {
        let share = measured(of.share, 2);
        format!("{} {} of {}, {share}", of.intermediary, of.found, of.n)
    };
    let negatives: Vec<String> = backtest.false_positives.iter().map(of_intermediary).collect();
    lines.push(format!(
        "found among those that were none: {}",
        if negatives.is_empty() { "-".to_owned() } else { negatives.join("; ") }
    ));
    lines
}

/// What each method finds at the budget.
fn found_of(backtest: &Backtest) -> Vec<String> {
    let row = |[method, looked_at, right, wrong, precision, recall, value]: [&str; 7]| {
        format!("{method:<28} {looked_at:>9} {right:>5} {wrong:>5}  {precision:<20} {recall:<20} {value}")
    };
    let recall = format!("RECALL of {} (90 %)", backtest.positives);
    let mut lines = vec![row(["METHOD", "LOOKED AT", "RIGHT", "WRONG", "PRECISION (90 %)", &recall, "BY TONNES (90 %)"])];
    for scores in &backtest.methods {
        let budget = &scores.budget;
        let [looked_at, right, wrong] = [budget.looked_at, budget.right, budget.wrong].map(|count| count.to_string());
        let [precision, recall, value] = [budget.precision, budget.recall, budget.value_found].map(|figure| measured(figure, 2));
        lines.push(row([scores.method.words(), &looked_at, &right, &wrong, &precision, &recall, &value]));
    }
    lines
}

/// How well the scores of each method tell cases apart, and what chance gives.
fn scores_of(backtest: &Backtest) -> Vec<String> {
    let row = |[method, told, precision, brier, error]: [&str; 5]| {
        format!("{method:<28} {told:>9}  {precision:<20} {brier:<24} {error}")
    };
    let told = format!("CASES {}", backtest.positives + backtest.negatives);
    let mut lines = vec![row(["METHOD", &told, "AP (90 %)", "BRIER (90 %)", "ECE (90 %)"])];
    for scores in &backtest.methods {
        let told = scores.told.to_string();
        let (precision, brier) = (measured(scores.average_precision, 2), measured(scores.brier, 3));
        lines.push(row([scores.method.words(), &told, &precision, &brier, &measured(scores.calibration_error, 2)]));
    }
    let [precision, brier] = [backtest.prevalence, backtest.brier_of_prevalence].map(figure);
    lines.push(row(["always the prevalence", "", &precision, &brier, ""]));
    for scores in backtest.methods.iter().filter(|scores| !scores.reliability.is_empty()) {
        let group = |bin: &Bin| format!("  said {:.3}, found {} of {} cases", bin.said, measured(Some(bin.share()), 2), bin.n);
        lines.push(format!("reliability of {}:", scores.method.words()));
        lines.extend(scores.reliability.iter().map(group));
    }
    lines
}

fn figure(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"))
}

fn measured(measured: Option<Measured>, places: usize) -> String {
    let Some(Measured { value, low, high, .. }) = measured else { return "-".to_owned() };
    match low.zip(high) {
        Some((low, high)) => format!("{value:.places$} ({low:.places$} to {high:.places$})"),
        None => format!("{value:.places$} (no interval)"),
    }
}
