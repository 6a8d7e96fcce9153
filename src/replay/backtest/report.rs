//! The backtest as a page for people who have to decide whether to trust it.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use maud::{Markup, html};

use super::budget::Budget;
use super::case::Case;
use super::course::{Course, CourseMonth, turns};
use super::flows::Flows;
use super::measures::{Bin, Measured};
use super::score::{Backtest, FalsePositives, Method, Scores, Settings};
use super::witness::{Ground, History, Judged};
use crate::domain::{CorridorId, Country, FamilyId};
use crate::reference::Reference;
use crate::replay::page::{
    ChartMonth, Line, Mark, Months, Section, list, months, page, reliability, share, table, text, tile, tonnes,
};

/// Corridors drawn at most.
const CORRIDORS: usize = 12;
/// Cases told with their grounds at most.
const TOLD: usize = 20;
/// Cases in the table at most.
const LISTED: usize = 1_000;
/// Corridors with more cases than this have no days of single cases marked.
const MARKED: usize = 3;

/// What a page is made of.
pub struct Report<'a> {
    /// The figures.
    pub backtest: &'a Backtest,
    /// What was said, with its grounds.
    pub history: &'a History,
    /// What was told.
    pub flows: &'a Flows,
    /// The bundle.
    pub reference: &'a Reference,
    /// How it was scored.
    pub settings: &'a Settings,
}

type Corridor = (FamilyId, Country, Country);

impl Report<'_> {
    /// The page. The same input gives the same bytes.
    pub fn html(&self) -> String {
        let mut cases: Vec<&Case> = self.backtest.cases.iter().collect();
        let said = |case: &Case| case.scores.get(&Method::Service).copied().unwrap_or_default();
        cases.sort_by(|a, b| said(b).total_cmp(&said(a)).then(a.row.cmp(&b.row)));
        let sections = [
            Section { id: "methods", title: "Found at a weekly budget", body: self.methods() },
            Section { id: "reliability", title: "Reliability", body: self.reliability() },
            Section { id: "corridors", title: "Corridors over time", body: self.corridors(&cases) },
            Section { id: "cases", title: "Cases with the highest probability", body: self.told(&cases) },
            Section { id: "all", title: "Every case", body: self.every(&cases) },
            Section { id: "made", title: "What it was made of", body: self.made() },
        ];
        page("What would have been said, and what was found", &self.summary(), &sections)
    }

    fn summary(&self) -> Markup {
        let Backtest { decided, from, positives, negatives, undefined, lead, .. } = self.backtest;
        let service = self.backtest.methods.first();
        let precision = service.and_then(|scores| scores.average_precision);
        let (at_budget, recall) =
            (service.and_then(|scores| scores.budget.precision), service.and_then(|scores| scores.budget.recall));
        let (found, none) = self.false_positives();
        html! {
            p {
                "Probabilities of Chinese origin, as they would have been published from " (from.as_deref().unwrap_or("no day")) " to the decision of "
                (decided) ", beside what was found to be rerouting. Probable is not proven: a probability is a reason to look, never a finding."
            }
            dl.tiles {
                (tile("Cases that were judged", &(positives + negatives).to_string(),
                    &format!("{positives} rerouting, {negatives} not; {undefined} undefined")))
                (tile("Average precision", &figure(precision.map(|of| of.value)),
                    &format!("{}; by chance {}", interval(precision), figure(self.backtest.prevalence))))
                (tile("Precision at the budget", &figure(at_budget.map(|of| of.value)),
                    &format!("{}; recall {}", interval(at_budget), figure(recall.map(|of| of.value)))))
                (tile("Days before the finding", &lead.median_days.map_or("–".to_owned(), |days| format!("{:.0}", days.value)),
                    &format!("median of {} found, of {}", lead.found, lead.n)))
                (tile("Found, and were none", &found.to_string(), &format!("of {none}, by intermediary")))
            }
        }
    }

    /// Cases found that were none, and all that were none.
    fn false_positives(&self) -> (usize, usize) {
        self.backtest.false_positives.iter().fold((0, 0), |(found, n), of| (found + of.found, n + of.n))
    }

    fn methods(&self) -> Markup {
        let name = |scores: &Scores| {
            html! { @if scores.method == Method::Service { strong { (scores.method.words()) } } @else { (scores.method.words()) } }
        };
        let found = |scores: &Scores| {
            let Budget { looked_at, right, wrong, precision, recall, value_found, .. } = &scores.budget;
            [name(scores)]
                .into_iter()
                .chain([looked_at, right, wrong].map(|count| text(count.to_string())))
                .chain([precision, recall, value_found].map(|of| with_interval(share(of.map(|of| of.value)), *of)))
                .collect()
        };
        let told = |scores: &Scores| {
            let brier = text(scores.brier.map_or("–".to_owned(), |of| format!("{:.3}", of.value)));
            let plain = |of: Option<Measured>| with_interval(text(figure(of.map(|of| of.value))), of);
            let (precision, error) = (plain(scores.average_precision), plain(scores.calibration_error));
            vec![name(scores), text(scores.told.to_string()), precision, with_interval(brier, scores.brier), error]
        };
        let mut by_intermediary: Vec<&FalsePositives> = self.backtest.false_positives.iter().collect();
        by_intermediary.sort_by_key(|of| (Reverse(of.found), Reverse(of.n)));
        let (wrong, none) = self.false_positives();
        let cells = |of: &&FalsePositives| {
            let share = with_interval(text(figure(of.share.map(|of| of.value))), of.share);
            vec![text(&of.intermediary), text(of.n.to_string()), text(of.found.to_string()), share]
        };
        let methods = &self.backtest.methods;
        let of_budget = ["Method", "Looked at", "Right", "Wrong", "Precision", "Recall", "Recall by tonnes"];
        let of_scores = ["Method", "Cases with figures", "Average precision", "Brier score", "Calibration error"];
        html! {
            @if let Some(budget) = methods.first().map(|scores| &scores.budget) {
                p {
                    "Each week the " (budget.per_week) " highest corridor-months that nobody had looked at yet, for " (budget.weeks)
                    " weeks; beside it rules that need no service. Precision is of what was right or wrong, recall of " (self.backtest.positives)
                    " cases of rerouting. Below each figure stands its 90 % interval."
                }
            }
            (table("Found by each method at the budget", &of_budget, methods.iter().map(found)))
            p {
                "All " (self.backtest.positives + self.backtest.negatives) " cases with a finding. By chance, average precision is the prevalence, "
                (figure(self.backtest.prevalence)) ", and the Brier score of always saying the prevalence is "
                (self.backtest.brier_of_prevalence.map_or("–".to_owned(), |of| format!("{of:.3}"))) "."
            }
            (table("How well the scores of each method tell cases apart", &of_scores, methods.iter().map(told)))
            details {
                summary { (wrong) " cases that were no rerouting were found all the same, of " (none) "; by intermediary" }
                (table("Cases that were no rerouting", &["Intermediary", "Cases", "Found all the same", "Share"], by_intermediary.iter().map(cells)))
            }
        }
    }

    fn reliability(&self) -> Markup {
        let of = |method: Method| self.backtest.methods.iter().find(move |scores| scores.method == method);
        let line = |method: Method| {
            let groups = of(method)?.reliability.iter().map(|bin| (bin.said, bin.found, bin.n)).collect::<Vec<_>>();
            if groups.is_empty() { None } else { Some(Line { name: method.words(), groups }) }
        };
        let lines: Vec<Line> = [Method::Service, Method::Prior].into_iter().filter_map(line).collect();
        let rows = self.backtest.methods.iter().flat_map(|scores| scores.reliability.iter().map(|bin| (scores.method, bin)));
        let cells = |(method, bin): (Method, &Bin)| {
            let found = with_interval(text(format!("{:.3}", bin.found)), Some(bin.share()));
            vec![text(method.words()), text(format!("{:.3}", bin.said)), found, text(bin.n.to_string())]
        };
        html! {
            @if lines.is_empty() { p.muted { "No case has a finding." } } @else {
                p { "Cases in groups of equal size by what was said; those of which the same was said stay in one. On the diagonal, what was said is what was found; below it, too much was said." }
                figure {
                    (reliability("reliability-chart", "Share found to be rerouting against the probability that was said; the table below holds the figures", &lines))
                    figcaption.key { span.told { "entrepot" } span.beside { "prior alone" } }
                }
                details { summary { "Figures of the curves" } (table("Groups", &["Method", "Said", "Found", "Cases"], rows.map(cells))) }
            }
        }
    }

    fn corridors(&self, cases: &[&Case]) -> Markup {
        let of = |case: &&Case| case.highest.map(|id| (id.family, id.intermediary, id.destination));
        let (mut seen, mut order) = (BTreeSet::new(), Vec::new());
        for corridor in cases.iter().filter_map(of) {
            if seen.insert(corridor) {
                order.push(corridor);
            }
        }
        html! {
            p.key {
                span.out { "intermediary to destination" } span.into { "China to intermediary" } span.told { "probability" }
                span.case { "months in which rerouting was found" } span.event { "a day that changed something" }
                span.early { "a measure announced, not yet in force" }
            }
            p.muted {
                "Upright lines bear the number of a measure in the list below the chart. Of a corridor with few cases, \"said\" is the first day of "
                "review or more, and \"known\" the day on which the finding became known."
            }
            @for (index, corridor) in order.iter().take(CORRIDORS).enumerate() {
                (self.corridor(index, *corridor, cases.iter().copied().filter(|case| of(case) == Some(*corridor)).collect()))
            }
            @if order.len() > CORRIDORS { p.muted { (order.len() - CORRIDORS) " more corridors with cases are not drawn." } }
            @if order.is_empty() { p.muted { "No case was spoken of." } }
        }
    }

    fn corridor(&self, index: usize, corridor: Corridor, cases: Vec<&Case>) -> Markup {
        let (family, m, d) = corridor;
        let course = Course::new(corridor, (self.history, self.flows), &self.reference.as_of(self.settings.decided));
        let name = format!("{family}: {} to {}", m.code(), d.code());
        let says = format!(
            "{name}, by month: tonnes, probability, and {} measures on Chinese goods; figures and measures are listed below",
            course.measures.len()
        );
        let is_found = |case: &&&Case| case.is_rerouting == Some(true);
        let shaded = cases.iter().filter(is_found).flat_map(|case| case.periods.iter().copied()).collect();
        let chart = Months {
            id: &format!("corridor-{index}"),
            says: &says,
            rows: course.months.iter().map(chart_month).collect(),
            marks: marks(&course, &cases),
            shaded,
            bands: [(self.settings.told_from, "watch"), (self.settings.found_from, "review")],
        };
        let cell = |value: Option<f64>| text(value.map_or("–".to_owned(), tonnes));
        let rows = course
            .months
            .iter()
            .map(|of| vec![text(of.month.to_string()), cell(of.out), cell(of.into), text(figure(of.probability))]);
        html! {
            h3 { (name) }
            figure {
                (months(&chart))
                ol.measures {
                    @for measure in &course.measures {
                        li {
                            (self.reference.title(&measure.row).unwrap_or_default()) " (" code { (measure.row) } "): "
                            (turns(measure).iter().map(|(day, what)| format!("{what} {day}")).collect::<Vec<_>>().join(", "))
                            @if measure.weightless { "; of low certainty, carries no weight" }
                            @if !course.shows(measure) { "; outside the months drawn" }
                        }
                    }
                }
            }
            details {
                summary { "Figures of " (name) }
                (table(&format!("{name}, tonnes and probability"), &["Month", "To destination, t", "From China, t", "Probability"], rows))
            }
        }
    }

    fn told(&self, cases: &[&Case]) -> Markup {
        html! {
            @for case in cases.iter().take(TOLD) {
                article class=[case.is_rerouting.filter(|is| *is).map(|_| "yes")] {
                    h3 { (case.case) ": " (figure(case.scores.get(&Method::Service).copied())) }
                    p {
                        (case.intermediaries.join(", ")) " to " (case.destinations.join(", ")) ", " (span_of(case))
                        @if let Some(of) = case.tonnes { ", " (tonnes(of)) " t" }
                        ". "
                        (found_of(case)) " "
                        @match (&case.found, case.lead_days) {
                            (Some(day), Some(days)) if days >= 0 => { "entrepot said review or more on " (day) ", " (days) " days before." }
                            (Some(day), Some(days)) => { "entrepot said review or more on " (day) ", " (-days) " days after." }
                            _ => { "entrepot never said review." }
                        }
                    }
                    @if let Some((id, judged)) = self.judged(case) { (grounds(id, judged)) }
                }
            }
            @if cases.len() > TOLD { p.muted { (cases.len() - TOLD) " more cases stand in the table of every case." } }
        }
    }

    fn judged(&self, case: &Case) -> Option<(CorridorId, &Judged)> {
        let id = case.highest?;
        Some((id, self.history.judged.get(&id)?))
    }

    fn every(&self, cases: &[&Case]) -> Markup {
        let columns: Vec<&str> = ["Case", "Corridor", "Months", "Finding", "Known from"]
            .into_iter()
            .chain(Method::ALL.map(Method::words))
            .chain(["Lead, days"])
            .collect();
        let row = |case: &&Case| {
            let score = |method| text(figure(case.scores.get(&method).copied()));
            let finding = match case.is_rerouting {
                Some(true) => "rerouting",
                Some(false) => "none",
                None => "undefined",
            };
            let corridor = format!("{} to {}", case.intermediaries.join(", "), case.destinations.join(", "));
            [text(&case.case), text(corridor), text(span_of(case)), text(finding), text(&case.known_from)]
                .into_iter()
                .chain(Method::ALL.map(score))
                .chain([text(case.lead_days.map_or("–".to_owned(), |days| days.to_string()))])
                .collect()
        };
        html! {
            details { summary { (cases.len()) " cases" } (table("Every case, by probability", &columns, cases.iter().take(LISTED).map(row))) }
            @if cases.len() > LISTED { p.muted { "The first " (LISTED) " are listed; the JSON form holds all." } }
            (list("Not in the input, so not scored", &self.backtest.unseen))
            (list("Rows and parts of rows that name no corridor", &self.backtest.unusable))
            (list("Rows that a later finding of their case replaces", &self.backtest.replaced))
        }
    }

    fn made(&self) -> Markup {
        let hashes = |all: &BTreeSet<String>| all.iter().cloned().collect::<Vec<_>>().join(", ");
        html! {
            p { (self.backtest.corridor_months) " corridor-months had a verdict. Model " code { (hashes(&self.backtest.models)) } ", reference bundle "
                code { (hashes(&self.backtest.references)) } "." }
            p { "No label, no reference row and no model is younger than what rests on it; a history in which one is, is refused. "
                "Intervals hold 90 % of a thousand draws of whole cases." }
        }
    }
}

fn chart_month(of: &CourseMonth) -> ChartMonth {
    ChartMonth { month: of.month, bar: of.out, line: of.into, probability: of.probability }
}

fn grounds(id: CorridorId, judged: &Judged) -> Markup {
    let row = |ground: &Ground| {
        let reference = ground.reference.join(", ");
        vec![
            text(&ground.signal),
            text(format!("{:+.2}", ground.counted)),
            html! { span.says { (ground.statement) @if !reference.is_empty() { " " code { (reference) } } } },
        ]
    };
    let caption = format!("{id} as of {}: log-odds, {:+.2} before evidence", judged.as_of, judged.prior);
    html! {
        @if judged.grounds.is_empty() {
            p { (caption) "; no signal spoke." }
        } @else {
            (table(&caption, &["Signal", "Counted", "What it saw"], judged.grounds.iter().map(row)))
        }
        @if !judged.limits.is_empty() { p.muted { "Bounded by: " (judged.limits.join(", ")) "." } }
    }
}

/// Measures by their number in the list; of a corridor with few cases also when each was found and known.
fn marks(course: &Course, cases: &[&Case]) -> Vec<Mark> {
    let of_measures = course.measures.iter().enumerate().flat_map(|(index, measure)| {
        turns(measure).into_iter().map(move |(day, what)| Mark {
            day,
            name: (index + 1).to_string(),
            says: format!("{what} {day}: {}", measure.row),
            early: what == "announced" && measure.announced < measure.effective,
        })
    });
    let day = |text: &str, name: &str, says: String| {
        text.parse().ok().map(|day| Mark { day, name: name.to_owned(), says, early: false })
    };
    let few = if cases.len() <= MARKED { cases } else { &[] };
    let of_cases = few.iter().flat_map(|case| {
        let found =
            case.found.as_deref().and_then(|text| day(text, "said", format!("{}: review or more from {text}", case.case)));
        let known = day(&case.known_from, "known", format!("{}: the finding became known on {}", case.case, case.known_from));
        [found, known].into_iter().flatten()
    });
    of_measures.chain(of_cases).collect()
}

fn span_of(case: &Case) -> String {
    let (from, until) = &case.months;
    if from == until { from.clone() } else { format!("{from} to {until}") }
}

fn found_of(case: &Case) -> String {
    match case.is_rerouting {
        Some(true) => format!("Found to be rerouting, known from {}.", case.known_from),
        Some(false) => format!("Found to be no rerouting, known from {}.", case.known_from),
        None => format!("Nothing was found, or it is undefined, as of {}.", case.known_from),
    }
}

fn figure(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"))
}

fn interval(measured: Option<Measured>) -> String {
    let ends = measured.and_then(|of| of.low.zip(of.high));
    ends.map_or_else(|| "no interval".to_owned(), |(low, high)| format!("{low:.2} to {high:.2}"))
}

/// A figure over its interval, and of how many it is.
fn with_interval(figure: Markup, measured: Option<Measured>) -> Markup {
    html! { (figure) @if let Some(of) = measured { small.interval { (interval(measured)) ", n " (of.n) } } }
}
