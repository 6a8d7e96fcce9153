//! Episodes: measures on one item that were announced close together, with the time before and after them. Reads no trade.

use crate::domain::{HsSubheading, Month};
use crate::reference::{Measure, MeasureKind};

use super::mass::Window;
use super::subject::{Subject, World};

/// Measures that are one event.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Episode<'a> {
    /// The months before the first announcement.
    pub(super) before: Window,
    /// The months since which its measures bind in the corridor's month, newest first: when they became effective, or when their
    /// suspension was over.
    pub(super) starts: Vec<Month>,
    /// All of them were suspended: what grew meanwhile grew openly.
    rebound: bool,
    /// A control on exports from China; else a tariff.
    pub(super) control: bool,
    /// The binding measures.
    binding: Vec<&'a Measure>,
}

/// The episodes that bind one of the lines in the corridor's month and are near enough to be tested, newest first.
///
/// Controls and tariffs are apart: they give opposite reasons to misreport, and a new tariff must not hide what a control did, nor an
/// earlier one date it: what rose between the two would pass for the work of the later. A corridor under both is tested against each.
pub(super) fn episodes<'a>(subject: &Subject<'a>, codes: &[HsSubheading]) -> Vec<Episode<'a>> {
    let mut found = Vec::new();
    for control in [true, false] {
        let of_kind = |measure: &&Measure| (measure.kind != MeasureKind::Duty) == control && !measure.weightless;
        let on_lines = |measure: &&Measure| codes.iter().any(|code| measure.names(*code));
        let world: &'a World = subject.world;
        let mut measures: Vec<&'a Measure> = world.measures.iter().filter(of_kind).filter(on_lines).collect();
        measures.sort_by_key(|measure| measure.announced);
        while let Some(first) = measures.first().copied() {
            let announced = Month::of(first.announced);
            let together =
                |measure: &&Measure| Month::of(measure.announced).since(announced) <= subject.parameters.episodes.together_months;
            let (episode, rest): (Vec<&'a Measure>, Vec<&'a Measure>) = measures.into_iter().partition(together);
            measures = rest;
            found.extend(episode_of(subject, codes, (announced, &episode), control));
        }
    }
    found.sort_by_key(|episode| std::cmp::Reverse(episode.starts.first().copied()));
    found
}

fn episode_of<'a>(
    subject: &Subject<'a>,
    codes: &[HsSubheading],
    (announced, measures): (Month, &[&'a Measure]),
    control: bool,
) -> Option<Episode<'a>> {
    let numbers = &subject.parameters.episodes;
    let world = subject.world;
    let binds = |measure: &&Measure| !world.is_suspended(measure) && codes.iter().any(|code| world.in_force(measure, *code));
    let binding: Vec<&'a Measure> = measures.iter().copied().filter(binds).collect();
    let over = |measure: &Measure| {
        let until = measure.suspended.and_then(|(_, until)| until);
        until.filter(|until| measure.effective < *until && *until <= world.on)
    };
    let since = |measure: &&Measure| Month::of(over(measure).unwrap_or(measure.effective));
    let mut starts: Vec<Month> = binding.iter().map(since).collect();
    let rebound = binding.iter().all(|measure| over(measure).is_some());
    starts.sort_unstable();
    starts.dedup();
    starts.reverse();
    let near = starts.first().is_some_and(|start| subject.month().since(*start) < numbers.reach_months);
    near.then(|| Episode {
        before: Window { first: announced.plus(-numbers.before_months), last: announced.plus(-1) },
        starts,
        rebound,
        control,
        binding,
    })
}

impl Episode<'_> {
    /// The rows of the binding measures.
    pub(super) fn rows(&self) -> Vec<String> {
        self.binding.iter().map(|measure| measure.row.clone()).collect()
    }

    /// Whether a window of a balance lies in the time of its measures: where they bind again after a suspension, it does so whole.
    pub(super) fn covers(&self, window: Window) -> bool {
        !self.rebound || self.starts.last().is_some_and(|start| *start <= window.first)
    }

    /// The months after its start: at most the last few, none before it, ending with the corridor's month.
    ///
    /// The start is the newest from which enough months have passed: a measure on top of another does not make the first
    /// forgotten.
    pub(super) fn after(&self, subject: &Subject<'_>) -> Window {
        let numbers = &subject.parameters.episodes;
        let recent = Window::ending(subject.month(), numbers.after_months);
        let window = |start: &Month| Window { first: recent.first.max(*start), last: recent.last };
        let long_enough = |start: &&Month| window(start).months() >= numbers.after_months_min;
        let start = self.starts.iter().find(long_enough).or(self.starts.first());
        start.map_or(Window { first: recent.last.plus(1), last: recent.last }, window)
    }
}
