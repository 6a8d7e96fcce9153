//! What is true of the lanes of a world, in the form that `backtest` reads: a case for each lane, of which goods were passed on or not.

use crate::domain::{Date, Month, Timestamp};

use super::lane::{Lane, Plan};

/// The columns of `backtest`, and what kind of trade it is.
const HEADER: &str = "case_id,family_id,hs6,intermediary,destination,period_start,period_end,label,known_from,kind\n";

/// A row for each lane. All is found out on the day on which the last record became known: `backtest` decides on the day after.
pub(super) fn table(plan: &Plan, known_last: Option<Timestamp>) -> String {
    let Some(known_from) = known_last.map(day) else { return HEADER.to_owned() };
    HEADER.to_owned() + &plan.lanes.iter().map(|lane| row(plan, lane, known_from)).collect::<String>()
}

fn row(plan: &Plan, lane: &Lane, known_from: Date) -> String {
    let market = plan.market(lane);
    let (hs, family) = (market.good.hs, market.good.family.unwrap_or_default());
    let (m, d) = (lane.intermediary, market.destination);
    let passed_on = passed_on(plan, lane);
    // Of honest trade every month counts: who is alarmed in any of them is wrong.
    let (first, last) = passed_on.unwrap_or((plan.month(0), plan.month(plan.months - 1)));
    let (label, kind) = (u8::from(passed_on.is_some()), lane.kind.word());
    format!("{hs}/{m}/{d},{family},{hs},{m},{d},{first},{last},{label},{known_from},{kind}\n")
}

/// The first and the last month in which goods were passed on.
fn passed_on(plan: &Plan, lane: &Lane) -> Option<(Month, Month)> {
    let market = plan.market(lane);
    let mut months = (0..plan.months).filter(|month| lane.levels(market, *month, plan.months).relabelled > 0);
    let first = months.next()?;
    Some((plan.month(first), plan.month(months.next_back().unwrap_or(first))))
}

fn day(known_from: Timestamp) -> Date {
    known_from.to_zoned(jiff::tz::TimeZone::UTC).date()
}
