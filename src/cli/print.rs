//! What commands print on stdout: values one a line, or the table for people. Decides nothing; filters by band and kind.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};

use serde::Deserialize;

use super::args::OnlyKind;
use super::exit::{Exit, Exits, Failure};
use super::lost::Lost;
use crate::domain::Band;
use crate::encode::Topic;
use crate::replay::{Gathered, Glance, ReplayError};

/// Whether stdout is a terminal.
pub(super) fn stdout_is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Whether to colour what goes to stdout.
fn in_colour() -> bool {
    stdout_is_terminal() && !crate::config::no_color()
}

/// Prints a line on stdout. That its reader has gone, as with `head`, is no answer to what was asked: the command goes on.
pub(super) fn line(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    let written = writeln!(stdout, "{text}").and_then(|()| stdout.flush()).exits(Exit::CannotCreate);
    unless_gone(written)
}

fn unless_gone(written: Result<(), Failure>) -> Result<(), Failure> {
    written.or_else(|failure| if failure.is_closed_pipe() { Ok(()) } else { Err(failure) })
}

struct Out(std::io::BufWriter<std::io::StdoutLock<'static>>);

enum Stop {
    Scratch(ReplayError),
    Write(std::io::Error),
}

impl From<ReplayError> for Stop {
    fn from(error: ReplayError) -> Stop {
        Stop::Scratch(error)
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Failure {
        match stop {
            Stop::Scratch(error) => error.into(),
            Stop::Write(error) => Failure { exit: Exit::CannotCreate, error: error.into() },
        }
    }
}

/// Prints alerts, assessments, corridors, then dead letters, each by key and revision, as long as somebody reads.
pub(super) fn ndjson(gathered: &Gathered, min_band: Option<Band>, only: Option<OnlyKind>, lost: &Lost) -> Result<(), Failure> {
    unless_gone(write_all(gathered, (min_band, only), lost))
}

fn write_all(gathered: &Gathered, (min_band, only): (Option<Band>, Option<OnlyKind>), lost: &Lost) -> Result<(), Failure> {
    let mut out = Out(std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock()));
    let kinds =
        [(OnlyKind::Alerts, Topic::Alerts), (OnlyKind::Assessments, Topic::Assessments), (OnlyKind::Corridors, Topic::Corridors)];
    for (kind, topic) in kinds {
        if only.is_some_and(|only| only != kind) {
            continue;
        }
        gathered.each::<Stop>(topic, &mut |_, value| {
            let passes = min_band.is_none_or(|least| Glance::of(value).band() >= Some(least));
            if !passes {
                return Ok(());
            }
            out.0.write_all(value).and_then(|()| out.0.write_all(b"\n")).map_err(Stop::Write)
        })?;
    }
    if only.is_none_or(|only| only == OnlyKind::DeadLetters) {
        lost.each(&mut |line| out.0.write_all(line).exits(Exit::CannotCreate))?;
    }
    out.0.flush().exits(Exit::CannotCreate)
}

/// What the table reads of a verdict.
#[derive(Debug, Deserialize)]
struct Verdict {
    id: String,
    #[serde(default)]
    status: Option<String>,
    family: String,
    intermediary: String,
    destination: String,
    #[serde(default)]
    month: Option<String>,
    #[serde(default)]
    event_date: Option<String>,
    probability: f64,
    band: String,
    chinese_share: Share,
    #[serde(default)]
    evidence: Vec<Evidence>,
}

#[derive(Debug, Deserialize)]
struct Share {
    low: f64,
    mid: Option<f64>,
    high: f64,
}

#[derive(Debug, Deserialize)]
struct Evidence {
    counted: i64,
    statement: String,
}

struct Row {
    order: (std::cmp::Reverse<Band>, std::cmp::Reverse<i64>, String),
    cells: [String; 7],
    band: Band,
    /// How many months of the corridor it stands for.
    months: usize,
}

const COLUMNS: [&str; 7] = ["FAMILY", "CORRIDOR", "MONTH", "P", "BAND", "SHARE(low–mid–high)", "WHY"];

impl Row {
    fn new(verdict: Verdict, is_shipment: bool) -> Row {
        let band: Band = verdict.band.parse().unwrap_or_default();
        let share = match verdict.chinese_share {
            Share { low, mid: Some(mid), high } => format!("{low:.2}–{mid:.2}–{high:.2}"),
            Share { low, mid: None, high } => format!("{low:.2}–?–{high:.2}"),
        };
        let month = verdict.month.or_else(|| verdict.event_date.map(|date| date.chars().take(7).collect()));
        let heaviest = verdict.evidence.iter().max_by_key(|evidence| evidence.counted.abs());
        let why = heaviest.map_or_else(|| "no evidence".to_owned(), |evidence| evidence.statement.clone());
        let why = if is_shipment { format!("{}: {why}", verdict.id) } else { why };
        let corridor = format!("{}/{}", verdict.intermediary, verdict.destination);
        let probability = (verdict.probability * 1_000.0).round() as i64;
        let order = (std::cmp::Reverse(band), std::cmp::Reverse(probability), verdict.id);
        let cells = [
            verdict.family,
            corridor,
            month.unwrap_or_default(),
            format!("{:.3}", verdict.probability),
            band.to_string(),
            share,
            why,
        ];
        Row { order, cells, band, months: 1 }
    }

    /// Family and corridor.
    fn lane(&self) -> (String, String) {
        let [family, corridor, ..] = &self.cells;
        (family.clone(), corridor.clone())
    }
}

/// One row a corridor, highest first: its highest month, the latest of several, which says how many others it stands for.
fn one_a_corridor(sorted: Vec<Row>) -> Vec<Row> {
    let mut kept: Vec<Row> = Vec::new();
    // A file may hold hundreds of thousands of corridors: looked for one by one they would take longer than to be assessed.
    let mut places: BTreeMap<(String, String), usize> = BTreeMap::new();
    for row in sorted {
        let next = kept.len();
        match kept.get_mut(*places.entry(row.lane()).or_insert(next)) {
            // Of several that are equally high, the latest.
            Some(one) if (one.order.0, one.order.1) == (row.order.0, row.order.1) => {
                *one = Row { months: one.months + 1, ..row };
            }
            Some(one) => one.months += 1,
            None => kept.push(row),
        }
    }
    for row in kept.iter_mut().filter(|row| row.months > 1) {
        let [.., why] = &mut row.cells;
        *why = format!("highest of {} months: {why}", row.months);
    }
    kept
}

/// Prints the table: corridors, each by its highest month, then shipments, highest first, at most that many of each. Without a
/// minimum, from `watch` on.
pub(super) fn table(gathered: &Gathered, min_band: Option<Band>, only: Option<OnlyKind>, rows_max: usize) -> Result<(), Failure> {
    let least = min_band.unwrap_or(Band::Watch);
    let mut rows = Vec::new();
    let (mut left_out, mut below) = (0, 0_u64);
    for (kind, topic) in [(OnlyKind::Corridors, Topic::Corridors), (OnlyKind::Assessments, Topic::Assessments)] {
        if only.is_some_and(|only| only != kind) {
            continue;
        }
        let mut of_kind = Vec::new();
        gathered.each::<ReplayError>(topic, &mut |_, value| {
            if Glance::of(value).band() < Some(least) {
                below += 1;
                return Ok(());
            }
            if let Ok(verdict) = serde_json::from_slice::<Verdict>(value)
                && verdict.status.as_deref() != Some("withdrawn")
            {
                of_kind.push(Row::new(verdict, kind == OnlyKind::Assessments));
            }
            Ok(())
        })?;
        of_kind.sort_by(|one, other| one.order.cmp(&other.order));
        if kind == OnlyKind::Corridors {
            of_kind = one_a_corridor(of_kind);
        }
        left_out += of_kind.len().saturating_sub(rows_max);
        of_kind.truncate(rows_max);
        rows.extend(of_kind);
    }
    write_rows(&rows)?;
    if left_out > 0 {
        line(&format!("… and {left_out} more of band {least} or above"))?;
    }
    if rows.is_empty() {
        line(&nothing_shown(below, least))
    } else if below > 0 {
        // Who shows some rows alone, as `run --sample` does, has no such option.
        let how = if rows_max == usize::MAX { "; --min-band none shows them" } else { "" };
        tracing::info!("{below} verdicts lie below {least} and are not shown{how}");
        Ok(())
    } else {
        Ok(())
    }
}

/// What stands under a header without rows.
fn nothing_shown(below: u64, least: Band) -> String {
    match below {
        0 => "nothing to show: no corridor and no shipment from one country to another came out".to_owned(),
        1 => format!("nothing of band {least} or above; 1 verdict lies below and is left out: --min-band none shows it"),
        many => {
            format!("nothing of band {least} or above; {many} verdicts lie below and are left out: --min-band none shows them")
        }
    }
}

fn write_rows(rows: &[Row]) -> Result<(), Failure> {
    let mut widths = COLUMNS.map(|name| name.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(&row.cells) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let columns = terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0));
    let [before @ .., _] = widths;
    let indent = before.iter().sum::<usize>() + 2 * before.len();
    let mut text = padded(&COLUMNS.map(str::to_owned), &widths, None);
    for row in rows {
        let mut cells = row.cells.clone();
        let [.., why] = &mut cells;
        *why = within(why, indent, columns);
        text.push('\n');
        text.push_str(&padded(&cells, &widths, in_colour().then_some(row.band)));
    }
    line(&text)
}

/// Words that are too many for the rest of a terminal's line, below each other; elsewhere a row is one line.
fn within(words: &str, indent: usize, columns: Option<usize>) -> String {
    /// In less room than this nobody reads better.
    const ROOM: usize = 30;
    let Some(room) = columns.map(|columns| columns.saturating_sub(indent)).filter(|room| *room >= ROOM) else {
        return words.to_owned();
    };
    let mut text = String::with_capacity(words.len());
    let mut used = 0;
    for word in words.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > room {
            text.push('\n');
            text.extend(std::iter::repeat_n(' ', indent));
            used = 0;
        } else if used > 0 {
            text.push(' ');
            used += 1;
        }
        text.push_str(word);
        used += length;
    }
    text
}

fn padded(cells: &[String; 7], widths: &[usize; 7], band: Option<Band>) -> String {
    let mut text = String::new();
    for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let is_last = index == COLUMNS.len() - 1;
        let padding = if is_last { 0 } else { width - cell.chars().count() + 2 };
        let colour = match (index, band) {
            (4, Some(Band::Priority)) => "\x1b[1;31m",
            (4, Some(Band::Review)) => "\x1b[33m",
            (4, Some(Band::Watch)) => "\x1b[36m",
            _ => "",
        };
        let plain = if colour.is_empty() { "" } else { "\x1b[0m" };
        text.push_str(colour);
        text.push_str(cell);
        text.push_str(plain);
        text.extend(std::iter::repeat_n(' ', padding));
    }
    text
}

/// Says beside a table what it cannot show.
pub(super) fn balance_on_stderr(dead_letters: u64) {
    if dead_letters > 0 {
        tracing::warn!("{dead_letters} messages are dead letters; --only dead-letters shows them");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(corridor: &str, month: &str, probability: f64) -> Row {
        let id = format!("{corridor}/{month}");
        let share = Share { low: 0.0, mid: None, high: 1.0 };
        let mut parts = corridor.split('/').map(str::to_owned);
        let mut part = || parts.next().unwrap();
        Row::new(
            Verdict {
                id,
                status: None,
                family: part(),
                intermediary: part(),
                destination: part(),
                month: Some(month.to_owned()),
                event_date: None,
                probability,
                band: "watch".to_owned(),
                chinese_share: share,
                evidence: vec![Evidence { counted: 1, statement: "why".to_owned() }],
            },
            false,
        )
    }

    #[test]
    fn what_is_longer_than_the_terminal_is_wide_stands_in_its_column() {
        let words = "SB (oxide) from TH to US went from 17.4 to 468.7 t a month";
        assert_eq!(within(words, 10, Some(45)), "SB (oxide) from TH to US went from\n          17.4 to 468.7 t a month");
        assert_eq!(within(words, 10, Some(39)), words);
        assert_eq!(within(words, 10, None), words);
        let long = "x".repeat(40);
        assert_eq!(within(&format!("a {long} b"), 0, Some(30)), format!("a\n{long}\nb"));
    }

    #[test]
    fn a_corridor_has_one_row_its_highest_month_that_says_for_how_many_it_stands() {
        let mut rows = vec![
            row("SB/TH/US", "2025-01", 0.5),
            row("SB/TH/US", "2025-03", 0.7),
            row("SB/TH/US", "2025-04", 0.7),
            row("SB/MX/US", "2025-02", 0.6),
            row("SB/TH/US", "2025-02", 0.6),
            row("GA/TH/US", "2025-01", 0.2),
        ];
        rows.sort_by(|one, other| one.order.cmp(&other.order));
        let shown: Vec<String> =
            one_a_corridor(rows).iter().map(|row| [0, 1, 2, 6].map(|cell| row.cells[cell].clone()).join(" ")).collect();
        assert_eq!(shown, ["SB TH/US 2025-04 highest of 4 months: why", "SB MX/US 2025-02 why", "GA TH/US 2025-01 why"]);
    }

    #[test]
    fn a_hundred_thousand_corridors_are_told_apart_in_no_time() {
        let rows: Vec<Row> = (0..200_000).map(|index| row(&format!("F{}/TH/US", index % 100_000), "2025-01", 0.5)).collect();
        let shown = one_a_corridor(rows);
        assert!(shown.len() == 100_000 && shown.iter().all(|row| row.months == 2));
    }
}
