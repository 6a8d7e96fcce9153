//! The difference as a page for people who have to decide whether the candidate may go live.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::words::{counted, limits};
use super::{BandCount, Cell, Change, Compared, Contribution, Corridor, Diff, Moved, Party, Reason, Verdict, Volume};
use crate::domain::Band;
use crate::replay::page::{Dot, Section, against, list, page, signed, table, text, tile};

/// Changes told one by one at most; the others stand in a table.
const TOLD: usize = 50;
/// Corridors in sight at most; the others are folded away.
const CORRIDORS: usize = 20;
/// The width of a group of probabilities.
const GROUP: f64 = 0.05;

/// The page. The same difference gives the same bytes.
pub fn html(diff: &Diff) -> String {
    let kinds = [Subjects::of("corridor-months", &diff.corridor_months), Subjects::of("shipments", &diff.shipments)];
    let sections = [
        Section { id: "compared", title: "What was compared", body: compared(diff, &kinds) },
        Section { id: "bands", title: "From band to band", body: of_each(&kinds, Subjects::bands) },
        Section { id: "shifts", title: "How probabilities moved", body: of_each(&kinds, Subjects::shifts) },
        Section { id: "signals", title: "What signals count", body: of_each(&kinds, Subjects::signals) },
        Section { id: "corridors", title: "Corridors", body: corridors(diff) },
        Section { id: "flipped", title: "Verdicts with another band, and why", body: of_each(&kinds, Subjects::flipped) },
        Section { id: "shifted", title: "Largest moves within a band", body: of_each(&kinds, Subjects::shifted) },
        Section { id: "alerts", title: "Alerts", body: alerts(diff) },
    ];
    let title = format!("What would change: {} → {}", diff.base.name, diff.candidate.name);
    page(&title, &summary(diff), &sections)
}

fn of_each<'a>(kinds: &[Subjects<'a>], show: fn(&Subjects<'a>) -> Markup) -> Markup {
    html! { @for subjects in kinds { (show(subjects)) } }
}

fn summary(diff: &Diff) -> Markup {
    let (months, shipments) = (&diff.corridor_months, &diff.shipments);
    let of = |of: &Compared| format!("of {} that both judge", of.compared);
    let Volume { volume: before, .. } = diff.alerts.base;
    html! {
        p {
            "Two that judged the same input, verdict beside verdict, and where they part. Which of the two is right it does not say: a "
            "backtest does."
        }
        dl.tiles {
            (tile("Corridor-months, another band", &months.flips.to_string(), &of(months)))
            (tile("Shipments, another band", &shipments.flips.to_string(), &of(shipments)))
            (tile("Corridor-months, any difference", &months.changed.to_string(), &format!("in {} the share too", months.shares)))
            (tile("Corridors that differ", &(diff.corridors.len() as u64 + diff.corridors_left_out).to_string(), "in some month"))
            (tile("Alerts opened or raised", &format!("{before} → {}", diff.alerts.candidate.volume), &percent(diff)))
        }
        @if !diff.exceeded.is_empty() {
            article.yes {
                p { strong { "Too different" } ", by what was asked for:" }
                ul { @for exceeded in &diff.exceeded { li { (exceeded) } } }
            }
        }
    }
}

fn percent(diff: &Diff) -> String {
    diff.alerts.change_percent.map_or_else(|| "from none".to_owned(), |percent| format!("{percent:+.1} %"))
}

fn compared(diff: &Diff, kinds: &[Subjects<'_>]) -> Markup {
    let party = |(role, Party { name, what, folds, models, references }): (&str, &Party)| {
        let hashes =
            |all: Vec<String>| html! { @for (index, one) in all.iter().enumerate() { @if index > 0 { ", " } code { (one) } } };
        vec![
            text(role),
            html! { code { (name) } },
            text(what.words()),
            hashes(models.iter().map(|hash| short(hash)).collect()),
            hashes(references.iter().map(|hash| short(hash)).collect()),
            hashes(folds.iter().map(u32::to_string).collect()),
        ]
    };
    let count = |subjects: &Subjects<'_>| {
        let Compared { compared, only_base, only_candidate, changed, shares, flips, .. } = subjects.compared;
        let counts = [compared, only_base, only_candidate, changed, shares, flips].map(|count| text(count.to_string()));
        [text(subjects.name)].into_iter().chain(counts).collect()
    };
    let in_full = |of: fn(&Party) -> &BTreeSet<String>| -> Vec<String> {
        let (base, candidate) = (of(&diff.base), of(&diff.candidate));
        base.union(candidate).cloned().collect()
    };
    let who = ["Side", "Named", "What it is", "Model", "Reference bundle", "Fold"];
    let columns =
        ["Verdicts on", "Both judge", "Base alone", "Candidate alone", "Anything differs", "Share differs", "Another band"];
    html! {
        p { "Both read " (diff.input.words()) ". The last verdict on each subject counts; one that was withdrawn is none." }
        (table("Base and candidate", &who, [("base", &diff.base), ("candidate", &diff.candidate)].into_iter().map(party)))
        (table("Verdicts compared", &columns, kinds.iter().map(count)))
        (list("Models in full", &in_full(|party| &party.models)))
        (list("Reference bundles in full", &in_full(|party| &party.references)))
    }
}

/// As many digits of a hash as tell two apart.
fn short(hash: &str) -> String {
    hash.chars().take("sha256:".len() + 8).collect()
}

/// Verdicts of a kind, and what they are called.
struct Subjects<'a> {
    name: &'static str,
    compared: &'a Compared,
}

impl<'a> Subjects<'a> {
    fn of(name: &'static str, compared: &'a Compared) -> Subjects<'a> {
        Subjects { name, compared }
    }

    fn bands(&self) -> Markup {
        let sides: Vec<Option<Band>> = [None].into_iter().chain(Band::ALL.map(Some)).collect();
        let columns: Vec<String> = sides.iter().map(|band| format!("to {}", word(*band))).collect();
        let columns: Vec<&str> =
            ["In the base"].into_iter().chain(columns.iter().map(String::as_str)).chain(["In all"]).collect();
        let row = |from: &Option<Band>| {
            let counts: Vec<u64> = sides.iter().map(|to| self.turned(*from, *to)).collect();
            let cells = sides.iter().zip(&counts).map(|(to, count)| self.cell(*from, *to, *count));
            let all = text(counts.iter().sum::<u64>().to_string());
            [text(word(*from))].into_iter().chain(cells).chain([all]).collect::<Vec<_>>()
        };
        html! {
            h3 { (sentence(self.name)) }
            p { (self.compared.flips) " have another band. Rows say what the base says, columns what the candidate does; ▲ marks a higher band, ▼ a lower one." }
            (table(&format!("Bands of {}", self.name), &columns, sides.iter().map(row)))
        }
    }

    /// Verdicts that had one band and have the other; nobody's band is that of who does not speak, which is as low as `none`.
    fn turned(&self, from: Option<Band>, to: Option<Band>) -> u64 {
        let Compared { flips_by, bands, only_base, only_candidate, .. } = self.compared;
        let flips = |is: &dyn Fn(Option<Band>, Option<Band>) -> bool| {
            flips_by.iter().filter(|flips| is(flips.from, flips.to)).map(|flips| flips.count).sum::<u64>()
        };
        let gone = || only_base.saturating_sub(flips(&|_, to| to.is_none()));
        match (from, to) {
            (None, None) => 0,
            (Some(Band::None), None) => gone(),
            (None, Some(Band::None)) => only_candidate.saturating_sub(flips(&|from, _| from.is_none())),
            (Some(one), Some(other)) if one == other => {
                let all = bands.iter().find(|count| count.band == one).map_or(0, |BandCount { base, .. }| *base);
                let left = flips(&|from, _| from == Some(one)) + if one == Band::None { gone() } else { 0 };
                all.saturating_sub(left)
            }
            _ => flips(&|one, other| (one, other) == (from, to)),
        }
    }

    fn cell(&self, from: Option<Band>, to: Option<Band>, count: u64) -> Markup {
        let height = |band: Option<Band>| band.unwrap_or(Band::None);
        html! {
            @if count == 0 { span.muted { "–" } }
            @else if height(from) < height(to) { strong.higher { "▲ " (count) } }
            @else if height(from) > height(to) { strong.lower { "▼ " (count) } }
            @else { (count) }
        }
    }

    fn shifts(&self) -> Markup {
        let Compared { compared, probabilities, shifts, .. } = self.compared;
        let group = |from: f64| format!("{from:.2}–{:.2}", from + GROUP);
        let dot = |cell: &Cell| Dot {
            across: cell.base + GROUP / 2.0,
            up: cell.candidate + GROUP / 2.0,
            count: cell.count,
            says: format!("{} to {}: {}", group(cell.base), group(cell.candidate), cell.count),
        };
        let says = format!(
            "Probability that the candidate says against that of the base, for {compared} {} in groups of {GROUP}; the tables below hold the figures",
            self.name
        );
        let cells = probabilities
            .iter()
            .map(|cell| vec![text(group(cell.base)), text(group(cell.candidate)), text(cell.count.to_string())]);
        // Those that stay would leave nothing to see of those that move.
        let is_move = |moved: &&Moved| moved.from > 0.0 || moved.to < 0.0;
        let most = shifts.iter().filter(is_move).map(|moved| moved.count).max().unwrap_or(0).max(1) as f64;
        let step = |moved: &Moved| {
            let figure = moved.count.to_string();
            let shown = if is_move(&moved) { bar(moved.count as f64 / most, &figure) } else { text(figure) };
            vec![text(size(moved)), shown]
        };
        html! {
            h3 { (sentence(self.name)) }
            @if *compared == 0 { p.muted { "None that both judge." } } @else {
                div.abreast {
                    figure {
                        (against(&format!("against-{}", self.name), &says, ("probability of the base", "probability of the candidate"), &probabilities.iter().map(dot).collect::<Vec<_>>()))
                        figcaption.key { span.higher { "candidate says more" } span.lower { "candidate says less" } span.same { "the same group" } }
                    }
                    (table(&format!("Moves of the probability, {}", self.name), &["Candidate less base", "Verdicts"], shifts.iter().map(step)))
                }
                details {
                    summary { "Figures of the chart of " (self.name) }
                    (table(&format!("Groups of {}", self.name), &["Base", "Candidate", "Verdicts"], cells))
                }
            }
        }
    }

    fn signals(&self) -> Markup {
        let of = &self.compared.contributions;
        let means = || of.iter().flat_map(|of| [of.base_mean, of.candidate_mean]);
        let ends = (means().fold(0.0, f64::min), means().fold(0.0, f64::max));
        let columns = ["Signal", "Speaks in", "Counts in the mean", "Counts otherwise in", "Mean move there", "Largest move"];
        let row = |of: &Contribution| {
            vec![
                html! { code { (of.signal) } },
                text(format!("{} → {}", of.base, of.candidate)),
                html! {
                    div.pair { span.side { "base" } (signed(of.base_mean, ends, "before")) }
                    div.pair { span.side { "candidate" } (signed(of.candidate_mean, ends, "after")) }
                },
                text(of.shift.changed.to_string()),
                text(format!("{:+.1}", of.shift.mean_shift)),
                text(format!("{:+}", of.shift.max_shift)),
            ]
        };
        html! {
            h3 { (sentence(self.name)) }
            @if of.is_empty() { p.muted { "None that both judge." } } @else {
                p { "Thousandths of log-odds, in the mean of the verdicts in which the signal speaks in either; silence counts nothing." }
                (table(&format!("Contributions to {}, base and candidate", self.name), &columns, of.iter().map(row)))
            }
        }
    }

    fn flipped(&self) -> Markup {
        let Compared { flipped, flipped_left_out, flips, .. } = self.compared;
        let rest = flipped.get(TOLD..).unwrap_or_default();
        html! {
            h3 { (sentence(self.name)) ": " (flips) }
            @for change in flipped.iter().take(TOLD) {
                details {
                    summary { (change.id) ": " (turn(change)) }
                    (reasons(change))
                }
            }
            @if !rest.is_empty() {
                details {
                    summary { (rest.len()) " more" }
                    (changes(&format!("More {} with another band, largest move first", self.name), rest))
                }
            }
            @if *flipped_left_out > 0 { p.muted { (flipped_left_out) " more, which move less, are counted above and not listed." } }
            @if flipped.is_empty() { p.muted { "None." } }
        }
    }

    fn shifted(&self) -> Markup {
        let shifted = &self.compared.shifted;
        html! {
            h3 { (sentence(self.name)) }
            @if shifted.is_empty() { p.muted { "None." } } @else {
                details {
                    summary { "The " (shifted.len()) " largest" }
                    (changes(&format!("Largest moves of {} within a band", self.name), shifted))
                }
            }
        }
    }
}

fn word(band: Option<Band>) -> &'static str {
    band.map_or("nothing", Band::word)
}

/// With a capital, as a heading begins.
fn sentence(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// How much a step moves, in words.
fn size(moved: &Moved) -> String {
    let Moved { from, to, .. } = moved;
    if *to <= -0.2 {
        "down by 0.2 or more".to_owned()
    } else if *from >= 0.2 {
        "up by 0.2 or more".to_owned()
    } else if *to < 0.0 {
        format!("down by {:.3} to {:.3}", -to, -from)
    } else if *from > 0.0 {
        format!("up by {from:.3} to {to:.3}")
    } else {
        "none".to_owned()
    }
}

/// A part of the most as a bar, with its figure.
fn bar(part: f64, figure: &str) -> Markup {
    html! { span.bar style={ "--share:" (format!("{:.1}%", 100.0 * part)) } {} span.figure { (figure) } }
}

fn turn(change: &Change) -> String {
    format!("{} → {} ({:+.3})", Verdict::words(change.base), Verdict::words(change.candidate), change.shift)
}

fn reasons(change: &Change) -> Markup {
    let score = |said: Option<Verdict>| said.map_or_else(|| "–".to_owned(), |said| format!("{:+}", said.score));
    let row = |reason: &Reason| match reason {
        Reason::Contribution { signal, base, candidate, change } => {
            let cells = [counted(*base), counted(*candidate), format!("{change:+}")].map(text);
            [html! { code { (signal) } }].into_iter().chain(cells).collect()
        }
        Reason::Limits { base, candidate } => vec![text("limits"), text(limits(base)), text(limits(candidate)), text("–")],
        Reason::Calibration => words("calibration: the same score gives another probability"),
        Reason::Bands => words("the same probability: bands begin elsewhere"),
    };
    let caption = format!("{}: what moved most first", change.id);
    let columns = ["Reason", "Base", "Candidate", "Move"];
    html! {
        @if change.reasons.is_empty() { p.muted { "Only one of the two speaks of it." } } @else {
            (table(&caption, &columns, change.reasons.iter().map(row)))
            p.muted { "Score " (score(change.base)) " → " (score(change.candidate)) "." }
        }
    }
}

/// A row of which nothing can be counted.
fn words(words: &str) -> Vec<Markup> {
    [text(words)].into_iter().chain(["–"; 3].map(text)).collect()
}

fn changes(caption: &str, changes: &[Change]) -> Markup {
    let row = |change: &Change| {
        let why = change.reasons.first().map_or_else(|| "only one of the two speaks of it".to_owned(), Reason::to_string);
        vec![
            text(&change.id),
            text(Verdict::words(change.base)),
            text(Verdict::words(change.candidate)),
            text(format!("{:+.3}", change.shift)),
            text(why),
        ]
    };
    table(caption, &["Subject", "Base", "Candidate", "Move", "First reason"], changes.iter().map(row))
}

fn corridors(diff: &Diff) -> Markup {
    let columns = ["Corridor", "Months", "That differ", "Another band", "Largest move", "What moved"];
    let row = |corridor: &Corridor| {
        let Corridor { corridor, months, changed, flips, max_shift, contributions } = corridor;
        let moved: Vec<String> = contributions.iter().map(Contribution::moved).collect();
        let cells = [text(corridor), text(months.to_string()), text(changed.to_string()), text(flips.to_string())];
        let moved = if moved.is_empty() { "–".to_owned() } else { moved.join("; ") };
        cells.into_iter().chain([text(format!("{max_shift:+.3}")), html! { span.says { (moved) } }]).collect()
    };
    let (first, rest) = diff.corridors.split_at(diff.corridors.len().min(CORRIDORS));
    html! {
        @if first.is_empty() { p.muted { "Of no corridor is anything said otherwise." } } @else {
            p { "Most months with another band first, then the largest move. What moved: by signal, in how many months, and at most by how much." }
            (table("Corridors that differ", &columns, first.iter().map(row)))
        }
        @if !rest.is_empty() {
            details { summary { (rest.len()) " more corridors" } (table("More corridors that differ", &columns, rest.iter().map(row))) }
        }
        @if diff.corridors_left_out > 0 { p.muted { (diff.corridors_left_out) " more are counted and not listed." } }
    }
}

fn alerts(diff: &Diff) -> Markup {
    let rows = |of: &Volume| [of.opened, of.raised, of.volume, of.lowered, of.closed];
    let names = ["opened", "raised", "opened or raised: work for somebody", "lowered", "closed"];
    let (before, after) = (rows(&diff.alerts.base), rows(&diff.alerts.candidate));
    let most = before.iter().chain(&after).copied().max().unwrap_or(0).max(1) as f64;
    let cell = |count: u64| bar(count as f64 / most, &count.to_string());
    let rows = names.iter().zip(before.iter().zip(&after)).map(|(name, (before, after))| {
        vec![text(name), cell(*before), cell(*after), text(format!("{:+}", i128::from(*after) - i128::from(*before)))]
    });
    html! {
        p {
            "Cases over the whole range. "
            @if diff.alerts.change_percent.is_some() { "The volume of work changes by " (percent(diff)) " of the base." } @else { "The base makes no work." }
        }
        (table("Alerts, base and candidate", &["Cases", "Base", "Candidate", "More or fewer"], rows))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Alerts, Flips, Input, Kind};
    use super::*;

    fn counts(base: [u64; 4], candidate: [u64; 4]) -> Vec<BandCount> {
        let both = base.into_iter().zip(candidate);
        Band::ALL.into_iter().zip(both).map(|(band, (base, candidate))| BandCount { band, base, candidate }).collect()
    }

    /// Ten that both judge, of which two fall and one rises; of the three only in the base one was no more than `none`.
    fn months() -> Compared {
        let flip = |from, to, count| Flips { from, to, count };
        Compared {
            compared: 10,
            only_base: 3,
            only_candidate: 1,
            flips: 5,
            flips_by: vec![
                flip(Some(Band::None), Some(Band::Watch), 1),
                flip(Some(Band::Review), None, 2),
                flip(Some(Band::Review), Some(Band::Watch), 2),
            ],
            bands: counts([5, 1, 7, 0], [4, 4, 3, 0]),
            ..Compared::default()
        }
    }

    #[test]
    fn every_verdict_stands_once_between_bands() {
        let months = months();
        let subjects = Subjects::of("corridor-months", &months);
        let sides: Vec<Option<Band>> = [None].into_iter().chain(Band::ALL.map(Some)).collect();
        let rows = |from: &Option<Band>| sides.iter().map(|to| subjects.turned(*from, *to)).collect::<Vec<_>>();
        let found: Vec<Vec<u64>> = sides.iter().map(rows).collect();
        let wanted = [[0, 1, 0, 0, 0], [1, 3, 1, 0, 0], [0, 0, 1, 0, 0], [2, 0, 2, 3, 0], [0, 0, 0, 0, 0]];
        assert_eq!(found, wanted);
        // Rows add up to what the base says, columns to what the candidate does.
        for (index, count) in months.bands.iter().enumerate() {
            assert_eq!(found[index + 1].iter().sum::<u64>(), count.base, "{}", count.band);
            assert_eq!(found.iter().map(|row| row[index + 1]).sum::<u64>(), count.candidate, "{}", count.band);
        }
    }

    #[test]
    fn what_people_call_their_files_is_text_and_nothing_to_compare_is_said() {
        let party = |name: &str| Party {
            name: name.to_owned(),
            what: Kind::Model,
            folds: [1].into(),
            models: ["sha256:0123456789abcdef".to_owned()].into(),
            references: [].into(),
        };
        let volume = Volume { volume: 2, opened: 2, ..Volume::default() };
        let alerts = Alerts { base: Volume::default(), candidate: volume, change_percent: None };
        let diff = Diff {
            kind: "diff",
            base: party("a"),
            candidate: party("<script>b</script>.toml"),
            input: Input::Records,
            corridor_months: months(),
            shipments: Compared { bands: counts([0; 4], [0; 4]), ..Compared::default() },
            corridors: Vec::new(),
            corridors_left_out: 0,
            alerts,
            exceeded: vec!["flips=4: 5 & more".to_owned()],
        };
        let page = html(&diff);
        assert!(!page.contains("<script") && page.contains("&lt;script&gt;b"), "{page}");
        for wanted in [
            "None that both judge.",
            "from none",
            "flips=4: 5 &amp; more",
            "sha256:01234567<",
            "Of no corridor",
            "The base makes no work.",
        ] {
            assert!(page.contains(wanted), "{wanted}: {page}");
        }
    }

    #[test]
    fn steps_are_read_as_what_they_are() {
        let words = |from, to| size(&Moved { from, to, count: 0 });
        assert_eq!(
            [(-1.0, -0.2), (-0.199, -0.05), (0.0, 0.0), (0.001, 0.049), (0.2, 1.0)].map(|(from, to)| words(from, to)),
            ["down by 0.2 or more", "down by 0.050 to 0.199", "none", "up by 0.001 to 0.049", "up by 0.2 or more"]
        );
    }
}
