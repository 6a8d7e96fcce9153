//! Every honest look-alike leaves the trace that tells it from a scheme.

use std::ops::Range;

use super::wide::{Traces, check_rises, check_steady, share, traces, world};
use super::*;
use crate::domain::Shipment;

fn honest() -> Traces {
    traces(&world(6, 60_000, &[], Mix { difficulty: share("0"), ..Mix::USUAL }))
}

#[test]
fn relocation_buys_machines_first_then_grows_slowly_and_buys_ever_less_in_china() {
    let traces = honest();
    for (lane, _, _) in traces.lanes(Kind::Relocation) {
        let machines = |months| traces.first_leg(lane, "847989", months);
        let opening = (0..36).rev().find(|month| machines(*month..month + 1) > 0).unwrap() + 1;
        assert!((10..=22).contains(&opening), "{opening}");
        assert!(machines(opening - 8..opening) > 0);
        assert_eq!(machines(opening..36), 0);
        let (before, soon, late) =
            (traces.out(lane, 0..opening), traces.out(lane, opening..opening + 4), traces.out(lane, 33..36));
        check_rises(before, late, 150);
        assert!(soon < late);
        let truth = |month: i32| {
            let market = traces.plan.market(lane);
            let (m, d, hs) = (lane.intermediary, market.destination, market.good.hs);
            traces.flows[&format!("{m}/export/{d}/{hs}/{}", traces.plan.month(month))].1.chinese_permille
        };
        assert!(truth(35) + 150 < truth(opening), "{} {}", truth(opening), truth(35));
    }
}

#[test]
fn by_product_refiners_sell_what_a_host_ore_yields() {
    let traces = honest();
    for (lane, market, event) in traces.lanes(Kind::ByProduct) {
        let host = lane.story.as_ref().unwrap().input.unwrap();
        let ore = |months| traces.kg((lane.intermediary, "import", host.from), host.good.hs, months);
        check_rises(traces.out(lane, 0..event), ore(1..event), 500);
        check_rises(ore(1..event), ore(event + 5..36), 120);
        // China cannot have supplied it.
        let china = traces.first_leg(lane, market.good.hs, event..36);
        assert!(china * 5 < traces.out(lane, event..36));
    }
}

#[test]
fn released_stocks_are_exports_without_imports_after_imports_without_exports() {
    let traces = honest();
    for (lane, market, event) in traces.lanes(Kind::StockReleased) {
        let came = |months: Range<i32>| {
            let suppliers =
                lane.suppliers.iter().map(|from| traces.kg((lane.intermediary, "import", *from), market.good.hs, months.clone()));
            suppliers.sum::<u64>() + traces.kg((lane.intermediary, "import", Country::CHINA), market.good.hs, months.clone())
        };
        assert!(came(event - 9..event) > 10 * traces.out(lane, event - 9..event));
        assert!(came(event + 1..event + 6) * 10 < traces.out(lane, event + 1..event + 6));
        let stock = came(event - 10..event) * 10;
        assert!(stock * 13 / 10 > traces.out(lane, event..36.min(event + 12)) * (36.min(event + 12) - event) as u64);
    }
}

#[test]
fn smelters_hubs_shocks_and_stock_builders_leave_their_own_traces() {
    let traces = honest();
    for (lane, market, event) in traces.lanes(Kind::OreSmelted) {
        if let Some(ore) = market.good.ore {
            let bought = |months| traces.kg((lane.intermediary, "import", lane.suppliers[0]), ore, months);
            check_rises(bought(1..event - 2), bought(event + 4..35), 300);
        }
        let china = |months| traces.first_leg(lane, market.good.hs, months);
        check_steady(china(0..event), china(event..36));
    }
    for (lane, market, event) in traces.lanes(Kind::HonestTransit) {
        let passed = |months| traces.kg((lane.intermediary, "re_export", market.destination), market.good.hs, months);
        check_steady(passed(0..event), passed(event..36));
        check_rises(traces.out(lane, 0..36), passed(0..36), 400);
        // Its papers say whence it comes.
        let of_lane = |shipment: &Shipment| {
            shipment.country_of_consignment == Some(lane.intermediary) && shipment.destination == market.destination
        };
        let is_passed_on = |truth: &Truth| truth.kind == Kind::HonestTransit && truth.chinese_permille == 1000;
        let sent =
            traces.shipments.iter().filter(|(_, shipment, truth)| of_lane(shipment) && truth.as_ref().is_some_and(is_passed_on));
        let origins: Vec<_> = sent.filter_map(|(_, shipment, _)| shipment.country_of_origin).collect();
        assert!(origins.len() > 10 && origins.iter().all(|origin| origin.is_china()), "{origins:?}");
    }
    for (lane, market, event) in traces.lanes(Kind::DemandShock) {
        check_rises(traces.out(lane, 0..event), traces.out(lane, event + 1..36), 180);
        for source in &market.others {
            let sold = |months| traces.kg((market.destination, "import", *source), market.good.hs, months);
            check_rises(sold(0..event), sold(event + 1..36), 180);
        }
    }
    for (lane, market, event) in traces.lanes(Kind::StockBuilding) {
        let china = |months| traces.first_leg(lane, market.good.hs, months);
        check_rises(china(0..event - 2), china(event - 2..event), 300);
        check_rises(china(event..event + 6), china(0..event - 2), 200);
    }
}
