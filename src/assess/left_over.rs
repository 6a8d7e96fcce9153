//! What waits for the next inputs, in the order in which it goes out: outputs beyond the limit of their input, and days of families that
//! ended before there was room for what they say. A day is evaluated when its turn comes, or before its family's next movement is
//! applied, so that its values never depend on when; a day on which all families speak is never held whole.

use std::collections::VecDeque;

use super::Assess;
use super::evaluate::Outbox;
use crate::domain::{Date, FamilyId};
use crate::encode::{Output, Tally};

/// One of those that wait.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(super) enum Waiting {
    /// An output, with what is counted when it leaves.
    Output(Output, Vec<Tally>),
    /// The clock of a family moves on to a date.
    Day(FamilyId, #[serde(with = "crate::domain::kept::date")] Date),
}

/// What waits, first come first.
pub(super) type LeftOver = VecDeque<Waiting>;

impl Waiting {
    /// Bytes of state held.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Waiting::Output(output, _) => output.value.len() as u64 + 64,
            Waiting::Day(..) => size_of::<Waiting>() as u64,
        }
    }
}

/// The outputs as they wait.
pub(super) fn waiting(outbox: Outbox) -> impl DoubleEndedIterator<Item = Waiting> {
    outbox.into_iter().map(|(output, tallies)| Waiting::Output(output, tallies))
}

impl Assess {
    /// Notes that a day ends for all families: their dirty corridors are evaluated one family after the other, as there is room.
    pub(super) fn tick(&mut self, date: Date) {
        for (id, family) in &mut self.families {
            if family.due.or(family.ledger.clock).is_none_or(|clock| clock < date) {
                family.due = Some(date);
                self.left_over.push_back(Waiting::Day(*id, date));
            }
        }
    }

    /// The next output that waits.
    pub(super) fn next_left_over(&mut self) -> Option<(Output, Vec<Tally>)> {
        loop {
            match self.left_over.pop_front()? {
                Waiting::Output(output, tallies) => return Some((output, tallies)),
                Waiting::Day(family, date) => {
                    let outbox = self.end_days(family, date);
                    waiting(outbox).rev().for_each(|waiting| self.left_over.push_front(waiting));
                }
            }
        }
    }

    /// Evaluates the days that wait of a family, or of all; what they say keeps their place.
    pub(super) fn settle(&mut self, only: Option<FamilyId>) {
        let is_due = |waiting: &Waiting| match waiting {
            Waiting::Day(family, _) => only.is_none_or(|only| only == *family),
            Waiting::Output(..) => false,
        };
        if !self.left_over.iter().any(is_due) {
            return;
        }
        for one in std::mem::take(&mut self.left_over) {
            match one {
                Waiting::Day(family, date) if only.is_none_or(|only| only == family) => {
                    let outbox = self.end_days(family, date);
                    self.left_over.extend(waiting(outbox));
                }
                other => self.left_over.push_back(other),
            }
        }
    }

    fn end_days(&mut self, family: FamilyId, date: Date) -> Outbox {
        let mut outbox = Outbox::new();
        if let Some(family) = self.families.get_mut(&family) {
            family.advance(date, &self.knowledge, &mut outbox);
            family.due = family.due.filter(|due| *due > date);
        }
        outbox
    }

    /// Sets of each family the last of its days that wait, as they were read.
    pub(super) fn note_due(&mut self) {
        for one in &self.left_over {
            if let Waiting::Day(family, date) = one
                && let Some(family) = self.families.get_mut(family)
            {
                family.due = Some(*date);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::assess::Knowledge;
    use crate::domain::{Message, Position};
    use crate::encode::tick;
    use crate::reference::Reference;
    use crate::scoring::Model;

    /// The shipped model, where so many outputs go out with an input.
    fn assess(outputs_max: &str) -> Assess {
        let shipped = include_str!("../../config/model.toml");
        let line = shipped.lines().find(|line| line.starts_with("outputs_per_input_max")).unwrap();
        let model = Model::parse(&shipped.replace(line, &format!("outputs_per_input_max = {outputs_max}"))).unwrap();
        Assess::new(Knowledge::new(Arc::clone(Reference::built_in()), Arc::new(model)))
    }

    /// A month of imports of a heading, known from noon of a day.
    fn flow(heading: usize, (month, known): (&str, &str)) -> Vec<u8> {
        let seconds = format!("{known}T12:00:00Z").parse::<crate::domain::Timestamp>().unwrap().as_second();
        format!(
            r#"{{"trade_flow":[["H{heading}","home","a",{seconds},0,"{heading:016x}","a",0,0,{heading}10,412000000,910000000,[],false],["US","TH","import","{month}","{heading}10"]],"kind":"trade_flow","known_from":"{known}T12:00:00Z","record":{{}}}}"#
        )
        .into_bytes()
    }

    fn outputs(assess: &mut Assess, value: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let position = Position { topic: "movements".into(), partition: 0, offset: 0 };
        let value = Some(value.to_vec());
        let effects = assess.apply(&Message { position, timestamp: None, key: None, value, headers: Vec::new() });
        assert_eq!(effects.dead_letter, None);
        effects.outputs.into_iter().map(|output| (output.key, output.value)).collect()
    }

    const FAMILIES: usize = 20;

    /// A day on which all families speak; then one of the last of them sees another month, and later days end.
    fn all(assess: &mut Assess) -> Vec<(Vec<u8>, String)> {
        let mut said = Vec::new();
        for heading in 6001..6001 + FAMILIES {
            said.extend(outputs(assess, &flow(heading, ("2025-02", "2025-03-20"))));
        }
        for value in [tick("2025-03-21".parse().unwrap()), flow(6015, ("2025-03", "2025-03-23"))] {
            said.extend(outputs(assess, &value));
        }
        for date in ["2025-03-24", "2025-03-24", "2025-03-25"] {
            said.extend(outputs(assess, &tick(date.parse().unwrap())));
        }
        while assess.has_left_over() {
            said.extend(outputs(assess, &tick("2025-03-25".parse().unwrap())));
        }
        // Which model spoke stands in each value; these differ in what is compared alone.
        let model = assess.knowledge.model_fingerprint.to_string();
        said.into_iter().map(|(key, value)| (key, String::from_utf8(value).unwrap().replace(&model, ""))).collect()
    }

    #[test]
    fn as_many_or_as_few_as_go_out_at_a_time_they_are_the_same_in_the_same_order() {
        let whole = all(&mut assess("10000"));
        assert!(whole.len() > FAMILIES, "{} outputs", whole.len());
        for few in ["1", "2", "7"] {
            assert!(all(&mut assess(few)) == whole, "at most {few} at a time");
        }
    }

    #[test]
    fn a_day_on_which_all_families_speak_is_not_held_whole() {
        let mut assess = assess("2");
        for heading in 6001..6001 + FAMILIES {
            outputs(&mut assess, &flow(heading, ("2025-02", "2025-03-20")));
        }
        let closing = tick("2025-03-21".parse().unwrap());
        let mut most = 0;
        loop {
            outputs(&mut assess, &closing);
            let held = |waiting: &&Waiting| matches!(waiting, Waiting::Output(..));
            most = most.max(assess.left_over.iter().filter(held).count());
            if !assess.has_left_over() {
                break;
            }
        }
        assert!(most <= 2, "{most} outputs wait, where a family has one corridor-month and its case");
    }

    #[test]
    fn a_family_whose_day_waits_ends_it_before_its_next_movement_also_from_a_snapshot() {
        let (mut undisturbed, mut first) = (assess("1"), assess("1"));
        let begin = |assess: &mut Assess| {
            for heading in 6001..6001 + FAMILIES {
                outputs(assess, &flow(heading, ("2025-02", "2025-03-20")));
            }
            outputs(assess, &tick("2025-03-21".parse().unwrap()));
        };
        begin(&mut undisturbed);
        begin(&mut first);
        let mut restored = assess("1");
        restored.restore(&first.snapshot().unwrap()).unwrap();
        let family = "H6015".parse().unwrap();
        for assess in [&undisturbed, &restored] {
            assert_eq!(assess.families[&family].due, Some("2025-03-21".parse().unwrap()));
        }
        // A month more of the same pair: were its day still open, one evaluation would tell of both.
        let next = flow(6015, ("2025-03", "2025-03-23"));
        assert_eq!(outputs(&mut undisturbed, &next), outputs(&mut restored, &next));
        assert_eq!(restored.families[&family].due, None);
        let told = |assess: &mut Assess| {
            let said = std::iter::from_fn(|| assess.next_left_over()).map(|(output, _)| (output.key, output.value));
            said.filter(|(key, _)| key.starts_with(b"H6015")).collect::<Vec<_>>()
        };
        let (one, other) = (told(&mut undisturbed), told(&mut restored));
        assert_eq!(one, other);
        assert!(one.iter().any(|(_, value)| String::from_utf8_lossy(value).contains("\"as_of\":\"2025-03-20\"")));
    }
}
