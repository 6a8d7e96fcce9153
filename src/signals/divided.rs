//! A code of an older edition of the Harmonized System beside what it became: the same trade told twice, of which the finer telling
//! counts.

use std::collections::BTreeSet;

use crate::domain::HsSubheading;
use crate::ledger::Line;

use super::subject::World;

/// Hands on the lines that somebody tells, but those of a divided code where one that it became is told of the same way and time, with
/// mass: whoever reads two feeds of one office has them in both editions.
pub(super) fn once(world: &World, tell: impl Fn(&mut dyn FnMut(Line)), mut each: impl FnMut(Line)) {
    let divided = world.contents.divided();
    let mut finer = BTreeSet::new();
    if !divided.is_empty() {
        tell(&mut |line| {
            let became = |(_, into): &&(HsSubheading, Vec<HsSubheading>)| line.mass.is_some() && into.contains(&line.hs6);
            finer.extend(divided.iter().filter(became).map(|(code, _)| (line.side.from, line.period, *code)));
        });
    }
    tell(&mut |line| {
        if !finer.contains(&(line.side.from, line.period, line.hs6)) {
            each(line);
        }
    });
}
