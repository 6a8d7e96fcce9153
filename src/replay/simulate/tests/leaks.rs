//! What things are called, and where they stand, tells nothing of what is true of them: who learns from names, ids and order alone in some worlds
//! does no better than chance in others.

use std::collections::BTreeMap;

use super::wide::{Traces, traces};
use super::*;
use crate::domain::Shipment;

/// A shipment with its id, and whether a scheme sent it.
type Told<'a> = (&'a str, &'a Shipment, bool);

/// The worlds of a seed: a plain one, and one with every scheme.
fn worlds(seed: u64) -> [World; 2] {
    [world(seed, 9_000), wide::world(seed, 9_000, Scheme::ALL, wide::plain_to_see())]
}

/// Shipments over second legs once a control binds: any of them may have been passed on.
fn candidates(traces: &Traces) -> Vec<Told<'_>> {
    let over = |shipment: &Shipment| {
        traces.plan.lanes.iter().any(|lane| {
            let market = traces.plan.market(lane);
            let controlled = market.event.is_some_and(|event| shipment.event_date >= traces.plan.month(event).first_day());
            controlled
                && shipment.country_of_consignment == Some(lane.intermediary)
                && shipment.destination == market.destination
                && shipment.hs.to_string().starts_with(market.good.hs)
                && shipment.country_of_origin.is_none_or(|origin| !origin.is_china())
        })
    };
    let told = traces.shipments.iter().filter_map(|(id, shipment, truth)| Some((id.as_str(), shipment, truth.as_ref()?)));
    told.filter(|(_, shipment, _)| over(shipment)).map(|(id, shipment, truth)| (id, shipment, truth.scheme.is_some())).collect()
}

/// What a classifier sees that looks at names, ids and digits alone. Legal forms are the country's.
fn tokens((id, shipment, _): &Told<'_>) -> Vec<String> {
    let mut tokens = Vec::new();
    for party in &shipment.parties {
        let name = party.name.clone().unwrap();
        let words: Vec<&str> = name.split(' ').take(3).collect();
        let number: u64 = words[2].parse().unwrap();
        let role = format!("{:?}", party.role);
        tokens.push(format!("{role} {} {}", words[0], words[1]));
        tokens.push(format!("{role} long {}", words[2].len()));
        tokens.push(format!("{role} high {}", number / 1_000));
        tokens.push(format!("{role} odd {}", number % 2));
    }
    let numbers = id.chars().filter(char::is_ascii_digit).collect::<String>();
    tokens.push(format!("id {} {}", &id[..4], &numbers[..1]));
    tokens.push(format!("place {:?}", id.split('/').nth(1)));
    let number = shipment.containers[0].number.to_string();
    tokens.push(format!("box {} {:?}", &number[..4], number.chars().last()));
    tokens.push(format!("seal {:?}", shipment.containers[0].seal.as_ref().and_then(|seal| seal.chars().nth(1))));
    tokens.push(format!("mass {:?}", shipment.net_mass.map(|mass| (mass.0 % 1_000, mass.0 / 1_000 % 2))));
    tokens
}

/// How often what was passed on has the higher score, of two of which one was: a half by chance.
fn area(mut scored: Vec<(f64, bool)>) -> f64 {
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut area, mut pairs) = (0.0, 0.0, [0.0, 0.0]);
    for equal in scored.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        let planted = equal.iter().filter(|(_, is)| *is).count() as f64;
        let honest = equal.len() as f64 - planted;
        area += planted * (below + honest / 2.0);
        below += honest;
        pairs = [pairs[0] + planted, pairs[1] + honest];
    }
    assert!(pairs[0] > 200.0 && pairs[1] > 200.0, "{pairs:?}");
    area / pairs[0] / pairs[1]
}

#[track_caller]
fn check_chance(area: f64) {
    assert!((0.4..0.6).contains(&area), "by chance a half: {area}");
}

#[test]
fn names_and_ids_tell_nothing_of_what_a_shipment_is() {
    for kind in 0..2 {
        let mut seen: BTreeMap<String, [f64; 2]> = BTreeMap::new();
        for seed in 1..=8 {
            let traces = traces(&worlds(seed)[kind]);
            for told in candidates(&traces) {
                for token in tokens(&told) {
                    seen.entry(token).or_insert([1.0, 1.0])[usize::from(told.2)] += 1.0;
                }
            }
        }
        let score = |told: &Told<'_>| {
            let of = |token: &String| seen.get(token).map_or(0.0, |[honest, planted]| libm::log(planted / honest));
            tokens(told).iter().map(of).sum::<f64>()
        };
        let mut scored = Vec::new();
        for seed in 11..=18 {
            let traces = traces(&worlds(seed)[kind]);
            scored.extend(candidates(&traces).iter().map(|told| (score(told), told.2)));
        }
        check_chance(area(scored));
    }
}

#[test]
fn goods_that_are_passed_on_go_through_the_firms_of_honest_trade() {
    for world in worlds(3) {
        let traces = traces(&World { schemes: vec![Scheme::Relabel], ..world });
        let parties = |shipment: &Shipment| {
            let name = |party: &crate::domain::Party| format!("{:?} {}", party.role, party.name.as_deref().unwrap());
            shipment.parties.iter().map(name).collect::<Vec<_>>()
        };
        let honest = traces.shipments.iter().filter(|(_, _, truth)| truth.is_some_and(|truth| truth.scheme.is_none()));
        let honest: BTreeSet<String> = honest.flat_map(|(_, shipment, _)| parties(shipment)).collect();
        let planted: Vec<String> = traces.planted(Scheme::Relabel).flat_map(|(_, shipment, _)| parties(shipment)).collect();
        let known = planted.iter().filter(|name| honest.contains(*name)).count();
        assert!(planted.len() > 200 && known * 100 > planted.len() * 95, "{known} of {}", planted.len());
        // No buyer stands out.
        let buyers: BTreeSet<&String> = planted.iter().filter(|name| name.starts_with("Consignee")).collect();
        let lanes = traces.plan.lanes.iter().filter(|lane| lane.scheme().is_some()).count();
        assert!(buyers.len() > 3 * lanes, "{} buyers over {lanes} lanes", buyers.len());
    }
}

#[test]
fn the_place_among_what_is_published_on_a_day_tells_nothing() {
    let mut scored = Vec::new();
    for seed in 1..=4 {
        let mut days: BTreeMap<String, Vec<bool>> = BTreeMap::new();
        for one in simulate(&world(seed, 40_000)) {
            let (record, truth) = (text(&one).to_owned(), one.truth.unwrap_or_default());
            let is_export = record.contains(r#""flow":"export""#) && !record.contains(r#""reporter":"CN""#);
            if is_export && !truth.is_empty() {
                let day = record.split(r#""known_from":""#).nth(1).unwrap()[..10].to_owned();
                days.entry(day).or_default().push(!truth.contains(r#""scheme":"none""#));
            }
        }
        for day in days.into_values().filter(|day| day.len() > 1) {
            let last = day.len() as f64 - 1.0;
            scored.extend(day.iter().enumerate().map(|(place, is)| (place as f64 / last, *is)));
        }
    }
    check_chance(area(scored));
}

#[test]
fn a_bill_has_a_number_of_its_own() {
    let numbers: BTreeSet<u64> =
        (0..50_000).flat_map(|consignment| [false, true].map(|second| firms::bill(7, consignment, second))).collect();
    assert_eq!(numbers.len(), 100_000);
    assert!(numbers.iter().all(|number| *number < 1_000_000_000));
}
