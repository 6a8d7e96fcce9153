//! Charts as SVG inside the page. Each says in words what it shows; its figures stand in a table beside it.

use maud::{Markup, html};

use super::tonnes;
use crate::domain::{Date, Month};

/// A straight scale from one range to another.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    pub(super) from: (f64, f64),
    pub(super) to: (f64, f64),
}

impl Scale {
    pub(super) fn at(self, value: f64) -> f64 {
        let (low, high) = self.from;
        self.to.0 + (value - low) / (high - low) * (self.to.1 - self.to.0)
    }
}

/// A coordinate: a tenth of a pixel is enough.
pub(super) fn px(value: f64) -> String {
    format!("{value:.1}")
}

pub(super) fn points(points: impl Iterator<Item = (f64, f64)>) -> String {
    points.map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
}

/// Round numbers from 0 to at least `max`, three to six of them.
fn marks(max: f64) -> Vec<f64> {
    let max = if max > 0.0 { max } else { 1.0 };
    let power = libm::pow(10.0, libm::floor(libm::log10(max / 2.0)));
    let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(|step| max / step <= 5.0).unwrap_or(max);
    let count = libm::ceil(max / step) as u32;
    (0..=count).map(|mark| f64::from(mark) * step).collect()
}

/// A day that is marked through the chart.
pub(in crate::replay) struct Mark {
    pub(in crate::replay) day: Date,
    /// A number that the list below explains.
    pub(in crate::replay) name: String,
    /// In a tooltip.
    pub(in crate::replay) says: String,
    /// Announced, and not in force yet.
    pub(in crate::replay) early: bool,
}

/// A month: a bar and a point of the line in tonnes, and a probability, each where it is known.
pub(in crate::replay) struct ChartMonth {
    pub(in crate::replay) month: Month,
    pub(in crate::replay) bar: Option<f64>,
    pub(in crate::replay) line: Option<f64>,
    pub(in crate::replay) probability: Option<f64>,
}

/// Months of two flows, and a probability of each.
pub(in crate::replay) struct Months<'a> {
    pub(in crate::replay) id: &'a str,
    pub(in crate::replay) says: &'a str,
    /// Without a gap.
    pub(in crate::replay) rows: Vec<ChartMonth>,
    pub(in crate::replay) marks: Vec<Mark>,
    /// Shaded, both ends included.
    pub(in crate::replay) shaded: Vec<(Month, Month)>,
    /// Probabilities from which a band holds, with its name.
    pub(in crate::replay) bands: [(f64, &'static str); 2],
}

const WIDTH: f64 = 800.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 54.0;
/// Top and foot of the flows, then of the probabilities.
const ROWS: [f64; 4] = [34.0, 184.0, 202.0, 262.0];
const HEIGHT: f64 = 284.0;

/// Flows above, probabilities below, marked days through both.
pub(in crate::replay) fn months(chart: &Months<'_>) -> Markup {
    let Some(ChartMonth { month: first, .. }) = chart.rows.first() else { return html! { p.muted { "No month is known." } } };
    let [top, foot, low_top, low_foot] = ROWS;
    let x = Scale { from: (0.0, chart.rows.len() as f64), to: (LEFT, WIDTH - RIGHT) };
    let scale = marks(chart.rows.iter().flat_map(|row| [row.bar, row.line]).flatten().fold(0.0, f64::max));
    let flow = Scale { from: (0.0, scale.last().copied().unwrap_or(1.0)), to: (foot, top) };
    let said = Scale { from: (0.0, 1.0), to: (low_foot, low_top) };
    let step = x.at(1.0) - x.at(0.0);
    let place = |month: &Month| f64::from(month.since(*first));
    let (title, into) = (format!("{}-title", chart.id), |row: usize, tonnes: f64| (x.at(row as f64 + 0.5), flow.at(tonnes)));
    html! {
        div.wide role="group" aria-label="Chart" tabindex="0" { svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-labelledby=(title) {
            title id=(title) { (chart.says) }
            @for (from, to) in &chart.shaded {
                @let (from, to) = (x.at(place(from).max(0.0)), x.at((place(to) + 1.0).min(chart.rows.len() as f64)));
                @if to > from { rect.case x=(px(from)) width=(px(to - from)) y=(px(top)) height=(px(low_foot - top)) {} }
            }
            @for mark in &scale {
                line.mark x1=(px(LEFT)) x2=(px(WIDTH - RIGHT)) y1=(px(flow.at(*mark))) y2=(px(flow.at(*mark))) {}
                text x=(px(LEFT - 6.0)) y=(px(flow.at(*mark) + 4.0)) text-anchor="end" { (tonnes(*mark)) }
            }
            text x=(px(LEFT - 6.0)) y=(px(top - 14.0)) text-anchor="end" { "tonnes" }
            text x=(px(LEFT - 6.0)) y=(px(said.at(0.5) + 4.0)) text-anchor="end" { "probability" }
            @for (index, ChartMonth { month, bar, probability, .. }) in chart.rows.iter().enumerate() {
                @let left = px(x.at(index as f64) + 0.15 * step);
                @if let Some(tonnes_out) = bar {
                    rect.out x=(left) width=(px(0.7 * step)) y=(px(flow.at(*tonnes_out))) height=(px(foot - flow.at(*tonnes_out))) {
                        title { (month) ": " (tonnes(*tonnes_out)) " t" }
                    }
                }
                @if let Some(probability) = probability {
                    @let class = if *probability >= chart.bands[1].0 { "told" } else { "told low" };
                    rect class=(class) x=(left) width=(px(0.7 * step)) y=(px(said.at(*probability))) height=(px(low_foot - said.at(*probability))) {
                        title { (month) ": " (format!("{probability:.2}")) }
                    }
                }
            }
            @for run in runs(&chart.rows) {
                polyline.into points=(points(run.iter().map(|(row, tonnes)| into(*row, *tonnes)))) {}
                @for (row, tonnes) in &run {
                    @let (x, y) = into(*row, *tonnes);
                    circle.dot cx=(px(x)) cy=(px(y)) r="2" {}
                }
            }
            line.axis x1=(px(LEFT)) x2=(px(WIDTH - RIGHT)) y1=(px(low_foot)) y2=(px(low_foot)) {}
            @for (probability, band) in chart.bands {
                line.even x1=(px(LEFT)) x2=(px(WIDTH - RIGHT)) y1=(px(said.at(probability))) y2=(px(said.at(probability))) {}
                text x=(px(WIDTH - RIGHT + 5.0)) y=(px(said.at(probability) + 4.0)) { (band) }
            }
            @for (row, label) in labels(&chart.rows, step) {
                text x=(px(x.at(row as f64))) y=(px(low_foot + 16.0)) { (label) }
                line.axis x1=(px(x.at(row as f64))) x2=(px(x.at(row as f64))) y1=(px(low_foot)) y2=(px(low_foot + 5.0)) {}
            }
            (events(chart, x, *first))
        } }
    }
}

/// The marked days, each with its number; those that lie close together share a label.
fn events(chart: &Months<'_>, x: Scale, first: Month) -> Markup {
    let [top, .., low_foot] = ROWS;
    let at = |day: Date| x.at(f64::from(Month::of(day).since(first)) + (f64::from(day.day()) - 1.0) / 31.0);
    let mut drawn: Vec<(f64, &Mark)> = chart.marks.iter().map(|mark| (at(mark.day), mark)).collect();
    drawn.retain(|(at, _)| (x.to.0..=x.to.1).contains(at));
    drawn.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let mut names: Vec<(f64, Vec<&str>)> = Vec::new();
    for (at, mark) in drawn.iter().filter(|(_, mark)| !mark.early) {
        match names.last_mut().filter(|(last, _)| at - *last < 16.0) {
            Some((_, together)) if together.contains(&mark.name.as_str()) => {}
            Some((_, together)) => together.push(&mark.name),
            None => names.push((*at, vec![&mark.name])),
        }
    }
    html! {
        @for (at, mark) in &drawn {
            @let class = if mark.early { "event early" } else { "event" };
            line class=(class) x1=(px(*at)) x2=(px(*at)) y1=(px(top - 6.0)) y2=(px(low_foot)) { title { (mark.says) } }
        }
        @for (at, names) in &names { text.event-name x=(px(*at)) y=(px(top - 12.0)) { (names.join(", ")) } }
    }
}

/// The line, where it has no gap.
fn runs(rows: &[ChartMonth]) -> Vec<Vec<(usize, f64)>> {
    let mut runs: Vec<Vec<(usize, f64)>> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let Some(tonnes) = row.line else { continue };
        match runs.last_mut().filter(|run| run.last().is_some_and(|(last, _)| last + 1 == index)) {
            Some(run) => run.push((index, tonnes)),
            None => runs.push(vec![(index, tonnes)]),
        }
    }
    runs
}

/// Years at their January; the months themselves where there are few.
fn labels(rows: &[ChartMonth], step: f64) -> Vec<(usize, String)> {
    if step >= 50.0 {
        return rows.iter().enumerate().map(|(row, of)| (row, of.month.to_string())).collect();
    }
    let starts = rows.iter().enumerate().filter(|(row, of)| *row == 0 || of.month.number() == 1);
    let mut labels: Vec<(usize, String)> = Vec::new();
    for (row, ChartMonth { month, .. }) in starts {
        // The first month gives way to a January that comes soon after it.
        labels.retain(|(last, _)| (row - last) as f64 * step >= 56.0);
        labels.push((row, if month.number() == 1 { month.year().to_string() } else { month.to_string() }));
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    fn at(month: Month) -> ChartMonth {
        ChartMonth { month, bar: Some(1.0), line: None, probability: None }
    }

    #[test]
    fn scales_begin_at_nothing_and_end_at_round_numbers() {
        assert_eq!(marks(0.0), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
        assert_eq!(marks(7.0), [0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(marks(1000.0), [0.0, 200.0, 400.0, 600.0, 800.0, 1000.0]);
        assert_eq!(marks(2601.0).last(), Some(&3000.0));
        for max in [0.001, 0.3, 1.0, 9.99, 12.0, 49.0, 51.0, 99_999.0] {
            let marks = marks(max);
            assert!((3..=6).contains(&marks.len()) && marks.last() >= Some(&max), "{max}: {marks:?}");
        }
    }

    #[test]
    fn a_month_that_nobody_told_breaks_the_line() {
        let row = |text, line| ChartMonth { month: month(text), bar: None, line, probability: None };
        let rows = [row("2025-01", Some(1.0)), row("2025-02", Some(2.0)), row("2025-03", None), row("2025-04", Some(0.0))];
        assert_eq!(runs(&rows), [vec![(0, 1.0), (1, 2.0)], vec![(3, 0.0)]]);
    }

    #[test]
    fn years_are_named_where_they_begin() {
        let rows: Vec<ChartMonth> = (0..30).map(|n| at(month("2023-11").plus(n))).collect();
        let named = |step| labels(&rows, step).into_iter().map(|(row, label)| format!("{row} {label}")).collect::<Vec<_>>();
        assert_eq!(named(20.0), ["2 2024", "14 2025", "26 2026"]);
        assert_eq!(named(30.0), ["0 2023-11", "2 2024", "14 2025", "26 2026"]);
        assert_eq!(named(50.0).len(), 30);
    }

    #[test]
    fn days_outside_the_months_are_not_drawn_and_near_ones_share_a_label() {
        let mark = |day: &str, name: &str, early| Mark { day: day.parse().unwrap(), name: name.into(), says: day.into(), early };
        let marks = vec![
            mark("2022-12-31", "1", false),
            mark("2023-02-01", "2", false),
            mark("2023-02-05", "3", false),
            mark("2023-01-05", "4", true),
        ];
        let rows = (0..48).map(|n| at(month("2023-01").plus(n))).collect();
        let chart = Months { id: "a", says: "s", rows, marks, shaded: Vec::new(), bands: [(0.2, "watch"), (0.5, "review")] };
        let drawn = months(&chart).into_string();
        assert_eq!((drawn.matches("class=\"event").count(), drawn.contains("2022-12-31")), (3 + 1, false), "{drawn}");
        assert!(drawn.contains(">2, 3</text>"), "{drawn}");
    }
}
