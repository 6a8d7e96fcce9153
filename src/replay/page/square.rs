//! Charts of one probability against another, on which the diagonal says that both are the same.

use maud::{Markup, html};

use super::chart::{Scale, points, px};

const SIDE: f64 = 320.0;
const EDGE: f64 = 56.0;
const X: Scale = Scale { from: (0.0, 1.0), to: (EDGE, SIDE - 10.0) };
const Y: Scale = Scale { from: (0.0, 1.0), to: (SIDE - EDGE, 10.0) };

/// The square with its axes and the diagonal; `says` names it for who cannot see it.
fn square(id: &str, says: &str, (across, up): (&str, &str), drawn: &Markup) -> Markup {
    let title = format!("{id}-title");
    html! {
        svg.square viewBox={ "0 0 " (SIDE) " " (SIDE) } role="img" aria-labelledby=(title) {
            title id=(title) { (says) }
            @for mark in [0.0, 0.25, 0.5, 0.75, 1.0] {
                line.mark x1=(px(X.at(mark))) x2=(px(X.at(mark))) y1=(px(Y.at(0.0))) y2=(px(Y.at(1.0))) {}
                line.mark x1=(px(X.at(0.0))) x2=(px(X.at(1.0))) y1=(px(Y.at(mark))) y2=(px(Y.at(mark))) {}
                text x=(px(X.at(mark))) y=(px(Y.at(0.0) + 15.0)) text-anchor="middle" { (mark) }
                text x=(px(X.at(0.0) - 6.0)) y=(px(Y.at(mark) + 4.0)) text-anchor="end" { (mark) }
            }
            line.even x1=(px(X.at(0.0))) x2=(px(X.at(1.0))) y1=(px(Y.at(0.0))) y2=(px(Y.at(1.0))) {}
            text x=(px(X.at(0.5))) y=(SIDE - 6.0) text-anchor="middle" { (across) }
            text transform={ "translate(11 " (px(Y.at(0.5))) ") rotate(-90)" } text-anchor="middle" { (up) }
            (drawn)
        }
    }
}

/// A curve of a reliability chart: what was said and what was found, group by group.
pub(in crate::replay) struct Line {
    pub(in crate::replay) name: &'static str,
    /// Said, found, how many.
    pub(in crate::replay) groups: Vec<(f64, f64, usize)>,
}

/// What was found against what was said. The second curve is drawn beside the first.
pub(in crate::replay) fn reliability(id: &str, says: &str, lines: &[Line]) -> Markup {
    let most = lines.iter().flat_map(|line| line.groups.iter().map(|(.., n)| *n)).max().unwrap_or(1) as f64;
    let drawn = html! {
        @for (index, line) in lines.iter().enumerate().rev() {
            @let class = if index == 0 { "curve" } else { "curve beside" };
            polyline class=(class) points=(points(line.groups.iter().map(|(said, found, _)| (X.at(*said), Y.at(*found))))) {}
            @for (said, found, n) in &line.groups {
                @let class = if index == 0 { "told" } else { "ring" };
                circle class=(class) cx=(px(X.at(*said))) cy=(px(Y.at(*found))) r=(px(2.5 + 3.5 * libm::sqrt(*n as f64 / most))) {
                    title { (line.name) ": said " (format!("{said:.2}")) ", found " (format!("{found:.2}")) ", " (n) " cases" }
                }
            }
        }
    };
    square(id, says, ("probability that was said", "share found to be rerouting"), &drawn)
}

/// Some that lie together: where, how many, and which way they moved.
pub(in crate::replay) struct Dot {
    pub(in crate::replay) across: f64,
    pub(in crate::replay) up: f64,
    pub(in crate::replay) count: u64,
    /// In a tooltip.
    pub(in crate::replay) says: String,
}

/// What one says against what the other does. A dot's area grows with how many it stands for, down to where it could not be seen.
pub(in crate::replay) fn against(id: &str, says: &str, axes: (&str, &str), dots: &[Dot]) -> Markup {
    let most = dots.iter().map(|dot| dot.count).max().unwrap_or(1) as f64;
    let drawn = html! {
        @for dot in dots {
            @let class = if dot.up > dot.across { "higher" } else if dot.up < dot.across { "lower" } else { "same" };
            circle class=(class) cx=(px(X.at(dot.across))) cy=(px(Y.at(dot.up))) r=(px((6.0 * libm::sqrt(dot.count as f64 / most)).max(1.8))) {
                title { (dot.says) }
            }
        }
    };
    square(id, says, axes, &drawn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_lie_above_the_diagonal_where_the_probability_rose_and_the_fewest_can_be_seen() {
        let dot = |across, up, count| Dot { across, up, count, says: format!("{count} verdicts") };
        let dots = [dot(0.25, 0.75, 1), dot(0.75, 0.25, 100), dot(0.5, 0.5, 10_000)];
        let drawn = against("a", "s", ("across", "up"), &dots).into_string();
        for wanted in [
            r#"<circle class="higher" cx="119.5" cy="73.5" r="1.8"><title>1 verdicts</title>"#,
            r#"<circle class="lower" cx="246.5" cy="200.5" r="1.8"><title>100 verdicts</title>"#,
            r#"<circle class="same" cx="183.0" cy="137.0" r="6.0"><title>10000 verdicts</title>"#,
        ] {
            assert!(drawn.contains(wanted), "{wanted}: {drawn}");
        }
    }
}
