//! Every scheme leaves the trace that an expert would look for.

use std::collections::BTreeMap;
use std::ops::Range;

use super::super::goods::related;
use super::super::lane::{Lane, Market};
use super::wide::{Traces, all, check_rises, check_steady, plain_to_see, traces, world};
use super::*;
use crate::domain::Shipment;

fn planted(scheme: Scheme) -> Traces {
    traces(&world(2, 30_000, &[scheme], plain_to_see()))
}

#[test]
fn relabelled_goods_come_and_leave_under_one_code() {
    let traces = planted(Scheme::Relabel);
    for (lane, market, event) in traces.lanes(Kind::Planted(Scheme::Relabel)) {
        check_rises(traces.out(lane, 0..event - 1), traces.out(lane, event + 4..36), 300);
        check_rises(
            traces.first_leg(lane, market.good.hs, 0..event - 2),
            traces.first_leg(lane, market.good.hs, event + 4..35),
            200,
        );
        // What leaves next month comes in this month.
        let eve = event + lane.delay - 1..event + lane.delay;
        check_steady(traces.out(lane, 0..event - 1), traces.out(lane, eve.clone()));
        check_rises(traces.first_leg(lane, market.good.hs, 0..event - 2), traces.first_leg(lane, market.good.hs, eve), 150);
    }
}

/// Whatever the scheme, the first leg rises under another code alone.
#[track_caller]
fn check_other_code(scheme: Scheme, told: &str) {
    let traces = planted(scheme);
    for (lane, market, event) in traces.lanes(Kind::Planted(scheme)) {
        let other = lane.story.as_ref().unwrap().input.unwrap().good;
        assert_ne!(other.hs, market.good.hs);
        check_rises(traces.out(lane, 0..event - 1), traces.out(lane, event + 4..36), 300);
        check_steady(traces.first_leg(lane, market.good.hs, 0..event - 2), traces.first_leg(lane, market.good.hs, event + 3..36));
        assert_eq!(traces.first_leg(lane, other.hs, 0..event - 2), 0);
        check_rises(traces.out(lane, event + 4..36) / 2, traces.first_leg(lane, other.hs, event + 3..35), 100);
        // A tonne that leaves takes so much of what comes in: a neighbour of its own mass, with a little lost.
        let step = if scheme == Scheme::MinorProcessing { related(market.good).unwrap().permille } else { 1030 };
        let passed_on = traces.out(lane, event + 4..36) - traces.out(lane, 0..event - 1);
        let taken_in = traces.first_leg(lane, other.hs, event + 3..35) * 1000 / passed_on;
        assert!((step * 88 / 100..=step * 112 / 100).contains(&taken_in), "{step} {taken_in}");
        let codes = |market: &Market| format!("{}<{}", market.good.hs, other.hs);
        assert!(told.contains(&codes(market)), "{}", codes(market));
    }
}

#[test]
fn minor_processing_takes_in_the_stage_before() {
    check_other_code(
        Scheme::MinorProcessing,
        "282580<811010 811010<282580 250410<250490 380110<380190 811292<282590 \
         810194<810110 810690<282590 810210<282570 850511<720299",
    );
}

#[test]
fn changed_codes_take_in_a_neighbour_in_the_nomenclature() {
    check_other_code(
        Scheme::CodeChange,
        "282580<382499 811010<811090 250410<380190 380110<854590 811292<811299 \
         810194<810199 810690<810610 810210<810294 850511<850519",
    );
}

/// The goods, by master bill, of every box.
fn boxes(traces: &Traces) -> BTreeMap<String, BTreeMap<String, BTreeSet<String>>> {
    let mut boxes: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for (_, shipment, _) in &traces.shipments {
        let master = shipment.bill_of_lading.as_ref().and_then(|bill| bill.master.clone()).unwrap();
        for container in &shipment.containers {
            let goods = boxes.entry(container.number.to_string()).or_default().entry(master.clone()).or_default();
            goods.insert(shipment.description.clone().unwrap());
        }
    }
    boxes
}

/// Boxes that stand on two master bills with two goods.
fn stuffed(traces: &Traces) -> usize {
    let two = |masters: &&BTreeMap<String, BTreeSet<String>>| {
        masters.len() == 2 && masters.values().flatten().collect::<BTreeSet<_>>().len() >= 2
    };
    boxes(traces).values().filter(two).count()
}

#[test]
fn cross_stuffed_boxes_stand_on_two_bills_with_two_goods() {
    let traces = planted(Scheme::CrossStuffing);
    let shipments = traces.planted(Scheme::CrossStuffing).count();
    assert!(shipments > 100);
    // Some companions find no room at a month's end.
    assert!(stuffed(&traces) * 10 >= shipments * 9, "{} of {shipments}", stuffed(&traces));
    // Numbers are drawn at random, so two boxes may have one by chance.
    assert!(stuffed(&planted(Scheme::Relabel)) * 10 < stuffed(&traces));
}

#[test]
fn house_bills_stand_under_one_master_and_in_one_box() {
    let traces = traces(&all(3, 9_000));
    let mut houses: BTreeMap<String, BTreeMap<String, &Shipment>> = BTreeMap::new();
    for (_, shipment, _) in &traces.shipments {
        let bill = shipment.bill_of_lading.as_ref().unwrap();
        if let (Some(master), Some(house)) = (&bill.master, &bill.house) {
            houses.entry(master.clone()).or_default().insert(house.clone(), shipment);
        }
    }
    let shared = houses.values().filter(|houses| houses.len() >= 2);
    assert!(shared.clone().count() > 100);
    for houses in shared {
        let box_of = |shipment: &&Shipment| shipment.containers.first().unwrap().number.to_string();
        assert_eq!(houses.values().map(box_of).collect::<BTreeSet<_>>().len(), 1);
    }
}

#[test]
fn a_new_firm_is_unseen_before_the_control_and_then_sends_and_buys_all() {
    let traces = planted(Scheme::NewFirm);
    for (lane, market, event) in traces.lanes(Kind::Planted(Scheme::NewFirm)) {
        let number = traces.plan.names.number(lane.story.as_ref().unwrap().firm.unwrap());
        let named = |shipment: &Shipment| {
            let ours = |name: &str| name.contains(&format!(" {number:04} "));
            shipment
                .parties
                .iter()
                .any(|party| party.country == Some(lane.intermediary) && party.name.as_deref().is_some_and(ours))
        };
        let first =
            traces.shipments.iter().filter(|(_, shipment, _)| named(shipment)).map(|(_, shipment, _)| shipment.event_date);
        // The goods come in a month before they leave.
        assert!(first.min().unwrap() >= traces.plan.month(event - 1).first_day());
        let of_lane = |shipment: &Shipment| shipment.country_of_consignment == Some(lane.intermediary);
        let of_good = |shipment: &Shipment| shipment.hs.to_string().starts_with(market.good.hs);
        let mut sent = traces.planted(Scheme::NewFirm).filter(|(_, shipment, _)| of_lane(shipment) && of_good(shipment));
        assert!(sent.all(|(_, shipment, _)| named(shipment)));
        let bought =
            traces.shipments.iter().filter(|(_, shipment, _)| named(shipment) && shipment.destination == lane.intermediary);
        assert!(bought.count() > 0);
    }
}

/// The numbers of the firms that send what a scheme passes on over a lane.
fn shippers(traces: &Traces, lane: &Lane, scheme: Scheme) -> BTreeSet<String> {
    let market = traces.plan.market(lane);
    let of_lane = |shipment: &Shipment| {
        shipment.country_of_consignment == Some(lane.intermediary)
            && shipment.destination == market.destination
            && shipment.hs.to_string().starts_with(market.good.hs)
    };
    let sent = traces.planted(scheme).filter(|(_, shipment, _)| of_lane(shipment));
    sent.filter_map(|(_, shipment, _)| Some(shipment.parties.first()?.name.as_ref()?.split(' ').nth(2)?.to_owned())).collect()
}

#[test]
fn hopping_falls_in_one_intermediary_as_it_rises_in_another() {
    let traces = planted(Scheme::Hopping);
    let lanes = traces.lanes(Kind::Planted(Scheme::Hopping));
    let mut pairs = 0;
    for (place, (first, _, event)) in lanes.iter().enumerate() {
        let Some((second, ..)) = lanes.iter().skip(place + 1).find(|(other, ..)| other.market == first.market) else { continue };
        pairs += 1;
        let (early, late) = (event + first.delay + 1..event + first.delay + 2, 33..36);
        let (a, b) = (traces.out(first, early.clone()), traces.out(second, early.clone()));
        let (c, d) = (traces.out(first, late.clone()), traces.out(second, late.clone()));
        // Either may be the one that is left.
        let (fell, rose) = if a > c { ((a, c), (b, d)) } else { ((b, d), (a, c)) };
        assert!(fell.1 * 2 < fell.0, "{fell:?}");
        check_rises(rose.0, rose.1, 150);
        check_steady(a + b, c + d);
        assert_ne!(first.intermediary, second.intermediary);
        // The firm goes along.
        let firms = [first, second].map(|lane| shippers(&traces, lane, Scheme::Hopping));
        assert!(firms[0].len() == 1 && firms[0] == firms[1], "{firms:?}");
    }
    assert!(pairs > 0);
}

#[test]
fn co_mingled_goods_are_chinese_at_a_share() {
    let traces = planted(Scheme::CoMingling);
    for (lane, market, event) in traces.lanes(Kind::Planted(Scheme::CoMingling)) {
        let asked = lane.story.as_ref().unwrap().chinese_permille;
        assert!((250..=700).contains(&asked));
        let risen = |kg: &dyn Fn(Range<i32>) -> u64| kg(event + 4..35).saturating_sub(kg(0..event - 2));
        let out = risen(&|months| traces.out(lane, months));
        let china = risen(&|months| traces.first_leg(lane, market.good.hs, months));
        let found = china * 1000 / out.max(1);
        assert!((asked * 70 / 100..=asked * 135 / 100).contains(&found), "{asked} {found}");
        // The rest is bought elsewhere, and what leaves is told as Chinese at no higher share.
        let of = |from: Country, months| traces.kg((lane.intermediary, "import", from), market.good.hs, months);
        let elsewhere = risen(&|months| lane.suppliers.iter().map(|from| of(*from, months.clone())).sum());
        let bought = (china + elsewhere) * 1000 / out.max(1);
        assert!((850..=1200).contains(&bought), "{asked} {bought}");
        let (m, d, hs) = (lane.intermediary, market.destination, market.good.hs);
        let told = (event + 4..36).map(|month| traces.flows[&format!("{m}/export/{d}/{hs}/{}", traces.plan.month(month))].1);
        assert!(told.map(|truth| truth.chinese_permille).all(|share| share <= asked && share * 10 > asked * 8));
    }
    assert!(traces.planted(Scheme::CoMingling).all(|(_, _, truth)| (250..=700).contains(&truth.chinese_permille)));
}
