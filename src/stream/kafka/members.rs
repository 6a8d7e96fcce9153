//! Who is in a group, and which partitions are whose, as the broker that leads the group says it.

/// How a group stands: nothing of it where the brokers do not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Members {
    /// Nobody joins or leaves at this moment.
    pub(super) is_stable: bool,
    /// Each member by the name that it keeps over restarts, and the partitions that are its own.
    pub(super) shares: Vec<(String, Vec<(String, i32)>)>,
}

impl Members {
    /// Whether every partition of these topics, each with how many it has, is somebody's.
    pub(super) fn have_all<'a>(&self, mut topics: impl Iterator<Item = (&'a str, i32)>) -> bool {
        let is_owned = |topic: &str, partition| {
            let mut owned = self.shares.iter().flat_map(|(_, share)| share);
            owned.any(|(name, number)| name == topic && *number == partition)
        };
        topics.all(|(topic, partitions)| (0..partitions).all(|partition| is_owned(topic, partition)))
    }

    /// Whether who comes back under this name, and asks for these topics, would be handed something else than what it should have: it is
    /// handed what it had, without a rebalance, whatever it asks for. So it is where a topic was taken out of the configuration since, or
    /// one was added that nobody has.
    pub(super) fn is_outdated<'a>(&self, name: &str, topics: impl Iterator<Item = (&'a str, i32)> + Clone) -> bool {
        let Some((_, share)) = self.shares.iter().find(|(known, _)| known == name).filter(|_| self.is_stable) else {
            return false;
        };
        share.iter().any(|(topic, _)| !topics.clone().any(|(ours, _)| ours == topic)) || !self.have_all(topics)
    }
}

/// What a broker appends to the name that a member keeps: `-` and a UUID.
const SUFFIX: usize = 37;

/// The name that a member keeps over restarts; of one that keeps none, what the broker calls it.
pub(super) fn kept_name(id: &str) -> &str {
    let at = id.len().saturating_sub(SUFFIX);
    match id.split_at_checked(at) {
        Some((name, suffix)) if !name.is_empty() && suffix.starts_with('-') => name,
        _ => id,
    }
}

/// The partitions of an assignment of the classic protocol (`ConsumerProtocolAssignment`: version, then topics with their partitions);
/// as many as can be read.
pub(super) fn assigned(bytes: &[u8]) -> Vec<(String, i32)> {
    let mut rest = bytes.get(2..).unwrap_or_default();
    let mut parts = Vec::new();
    for _ in 0..number(&mut rest).unwrap_or(0) {
        let Some((topic, partitions)) = text(&mut rest).zip(number(&mut rest)) else { break };
        for _ in 0..partitions {
            let Some(partition) = number(&mut rest) else { break };
            parts.push((topic.clone(), partition));
        }
    }
    parts
}

fn number(rest: &mut &[u8]) -> Option<i32> {
    let (bytes, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(i32::from_be_bytes(*bytes))
}

fn text(rest: &mut &[u8]) -> Option<String> {
    let (length, after) = rest.split_first_chunk()?;
    let length = usize::try_from(i16::from_be_bytes(*length)).ok()?;
    let (text, after) = after.split_at_checked(length)?;
    *rest = after;
    Some(String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_stands_before_the_brokers_suffix() {
        assert_eq!(kept_name("ingest.a-0-1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"), "ingest.a-0");
        for id in ["-1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed", "short", "", "ä1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"] {
            assert_eq!(kept_name(id), id);
        }
    }

    #[test]
    fn who_comes_back_to_another_share_than_is_due_is_told() {
        let check = |is_stable, shares: &[(&str, &[(&str, i32)])], wanted| {
            let part = |(topic, number): &(&str, i32)| ((*topic).to_owned(), *number);
            let share = |(name, parts): &(&str, &[(&str, i32)])| ((*name).to_owned(), parts.iter().map(part).collect());
            let members = Members { is_stable, shares: shares.iter().map(share).collect() };
            assert_eq!(members.is_outdated("a", [("x", 2), ("y", 1)].into_iter()), wanted, "{shares:?}");
        };
        check(true, &[("a", &[("x", 0), ("x", 1), ("y", 0)])], false);
        check(true, &[("a", &[("x", 0)]), ("b", &[("x", 1), ("y", 0)])], false);
        // Another one's is no concern: its topics may be others during a change of all.
        check(true, &[("a", &[("x", 0)]), ("b", &[("x", 1), ("y", 0), ("z", 0)])], false);
        // One was taken out, one added.
        check(true, &[("a", &[("x", 0), ("x", 1), ("y", 0), ("z", 0)])], true);
        check(true, &[("a", &[("x", 0), ("x", 1)])], true);
        check(true, &[("a", &[]), ("b", &[("x", 0), ("x", 1)])], true);
        // Who is new to the group, or comes while it shares anew, gets its due anyway.
        check(true, &[("b", &[("z", 0)])], false);
        check(false, &[("a", &[("z", 0)])], false);
    }

    #[test]
    fn an_assignment_is_read_as_far_as_it_goes() {
        let part = |topic: &str, number| (topic.to_owned(), number);
        let whole = [
            &[0, 3, 0, 0, 0, 2][..],
            &[0, 2, b'i', b'n', 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1, 4],
            &[0, 3, b'o', b'u', b't', 0, 0, 0, 1, 0, 0, 0, 7],
            &[0, 0, 0, 0],
        ]
        .concat();
        assert_eq!(assigned(&whole), [part("in", 0), part("in", 260), part("out", 7)]);
        // Cut anywhere it gives no more than what is there, and does not panic.
        for length in 0..whole.len() {
            assert!(assigned(&whole[..length]).len() <= 3, "{length}");
        }
        assert_eq!(assigned(&whole[..18]), [part("in", 0)]);
        assert_eq!(assigned(&[0, 0, 0xff, 0xff, 0xff, 0xff]), []);
    }
}
