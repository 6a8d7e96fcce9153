//! Consignments that travel together in a wide world: house bills under one master, and goods of two bills in one box.

use crate::domain::{BillOfLading, Claim, Date, Record, Shipment};

use super::firms::{Firm, bill as bill_number};
use super::goods::ORDINARY;
use super::lane::{Kind, Plan};
use super::rng::Rng;
use super::shipments::{Papers, claim};
use super::{Scheme, Truth};

/// What travels with a consignment; its bill then says so too.
///
/// Forwarders load the goods of several houses into one box under one master bill: that is honest groupage. The scheme has the
/// box under two masters, its goods beside everyday ones of the intermediary.
pub(super) fn companions(
    (plan, papers): (&Plan, &Papers),
    first: &mut Claim,
    (number, date): (u64, Date),
    rng: &mut Rng,
) -> Vec<(Claim, Truth)> {
    let [own, second] = [false, true].map(|is_second| bill_number(plan.seed, number, is_second));
    let stuffed = papers.truth.scheme == Some(Scheme::CrossStuffing);
    let houses = if stuffed { 0 } else { u64::from(rng.permille(120)) * rng.between(1, 2) };
    if houses > 0 {
        bill(first).bill_of_lading = Some(under_master(own, 1));
    }
    let count = if stuffed { 1 } else { houses };
    let containers: Vec<_> = bill(first).containers.first().cloned().into_iter().collect();
    let companion = |place: u64, rng: &mut Rng| {
        let other = beside(papers, rng);
        let mut claim = claim((plan, &other), (if stuffed { second } else { own }, date), rng);
        let shipment = bill(&mut claim);
        shipment.containers.clone_from(&containers);
        if !stuffed {
            shipment.bill_of_lading = Some(under_master(own, place));
            claim.id = format!("EXAM{own:09}/{place}");
        }
        (claim, other.truth)
    };
    (2..2 + count).map(|place| companion(place, rng)).collect()
}

/// Everyday goods on the same way.
fn beside(papers: &Papers, rng: &mut Rng) -> Papers {
    let good = rng.pick(ORDINARY);
    let origin = papers.consignment;
    let chinese_permille = if origin.is_china() { 1000 } else { 200 };
    let truth = Truth { scheme: None, kind: Kind::Ordinary, chinese_permille };
    let cents_per_kg = good.cents_per_kg;
    let shipper = Firm::everyday(papers.consignment, rng.below(900));
    let consignee = Firm::everyday(papers.destination, rng.below(900));
    Papers { good, origin, cents_per_kg, shipper, consignee, truth, ..*papers }
}

fn under_master(number: u64, place: u64) -> BillOfLading {
    BillOfLading { master: Some(format!("EXAM{number:09}")), house: Some(format!("EXHB{number:09}{place}")) }
}

fn bill(claim: &mut Claim) -> &mut Shipment {
    match &mut claim.record {
        Record::Shipment(shipment) => shipment,
        other => panic!("a consignment is a shipment: {other:?}"),
    }
}
