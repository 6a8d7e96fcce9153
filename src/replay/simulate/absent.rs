//! What a world was to have and has not: schemes without a lane, and a prevalence that its lanes cannot bear. Says why.

use super::lane::Plan;
use super::{Scheme, World};

/// A scheme without a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent {
    /// Which.
    pub scheme: Scheme,
    /// Why, and what would help.
    pub why: String,
}

/// The schemes of a world that none of its lanes bears; none where its prevalence is 0.
pub fn absent(world: &World) -> Vec<Absent> {
    if world.mix.is_some_and(|mix| mix.prevalence.permille() == 0) {
        return Vec::new();
    }
    let plan = Plan::new(world);
    let is_borne = |scheme: &Scheme| plan.lanes.iter().any(|lane| lane.scheme() == Some(*scheme));
    let missing = world.schemes.iter().filter(|scheme| !is_borne(scheme));
    missing.map(|scheme| Absent { scheme: *scheme, why: why(&plan, *scheme) }).collect()
}

/// A prevalence that was asked for and is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Lanes that bear a scheme.
    pub planted: usize,
    /// Those that were to bear one.
    pub wanted: usize,
    /// All there are.
    pub lanes: usize,
    /// Those whose good China begins to control well within the world's months.
    pub bearing: usize,
}

/// How far a wide world with schemes misses its prevalence, where it does.
pub fn missed(world: &World) -> Option<Missed> {
    let mix = world.mix.filter(|_| !world.schemes.is_empty())?;
    let plan = Plan::new(world);
    let (lanes, wanted) = (plan.lanes.len(), mix.wanted(plan.lanes.len()));
    let planted = plan.lanes.iter().filter(|lane| lane.scheme().is_some()).count();
    let bearing = plan.lanes.iter().filter(|lane| plan.market(lane).event.is_some()).count();
    (planted != wanted).then_some(Missed { planted, wanted, lanes, bearing })
}

fn why(plan: &Plan, scheme: Scheme) -> String {
    let of_lanes = match plan.lanes.len() {
        1 => "its one lane".to_owned(),
        lanes => format!("its {lanes} lanes"),
    };
    let bearing: Vec<usize> =
        plan.lanes.iter().filter(|lane| plan.market(lane).event.is_some()).map(|lane| lane.market).collect();
    let has_two = bearing.iter().any(|market| bearing.iter().filter(|other| *other == market).count() > 1);
    if bearing.is_empty() {
        format!("China begins to control no good of {of_lanes} well within its months: name others, or more records")
    } else if scheme == Scheme::Hopping && !has_two {
        "it takes two lanes of one controlled good into one destination, and there are no two: name more records".to_owned()
    } else {
        format!("of {of_lanes} others, or honest trade, have all that could bear it: name a higher prevalence, or more records")
    }
}
