//! R1_ROUTE_CN_LADING: the route begins in China, the goods are declared as made elsewhere.
//!
//! **Sees** the declared origin of a shipment beside its places: where the carrier took it over, where it was loaded, whence it
//! was consigned, the ports on the way. Goods received or loaded in China, Hong Kong or Macao (grade 1.0), consigned from there
//! with another origin (0.5), or only transshipped there (0.3); the highest grade counts. Goods that the carrier took over in their
//! declared origin can only have been transshipped.
//!
//! **Why it hints at rerouting**: goods made in M seldom begin their voyage in China. It is weak alone: in a sample of Korean
//! import declarations departure differs from origin in a fifth of the rows, mostly ordinary trade. So the weight is 1.0 times
//! the grade where a control or a tariff on Chinese goods gives a motive, and 0.3 times the grade elsewhere.
//!
//! **Silent** where no origin is declared, where the declared origin is China, or where no place is Chinese. The record layer
//! counts as observed where an origin is declared and the place of receipt or of lading is known, or the signal fires.
//!
//! **Ordinary explanations**: carriers name the port of the mother vessel; feeder lanes through Chinese ports; goods returned.
//! **Falsified by** a receipt in M on the same bill; where there is one, by the records of a maker in M.

use crate::domain::{Country, Port};
use crate::ledger::RecordFacts;
use crate::reference::Codes;

use super::parameters::{RouteNumbers, part};
use super::{Coverage, Evidence, Figure, RestsOn, Signal};

/// What the route of a shipment says, and whether it could be seen.
pub(crate) fn route_cn_lading(
    facts: &RecordFacts<'_>,
    incentive: bool,
    (numbers, codes): (&RouteNumbers, &Codes),
) -> (Option<Evidence>, Coverage) {
    let Some(origin) = facts.country_of_origin.filter(|origin| origin.is_known() && !origin.is_china()) else {
        return (None, Coverage::NotObservable);
    };
    let route_known =
        [facts.place_of_receipt, facts.port_of_lading].iter().any(Option::is_some) || facts.country_of_lading.is_some();
    let received_there = facts.place_of_receipt.is_some_and(|port| port.country() == origin);
    let Some((grade, how, rows)) = grade((facts, received_there), numbers, codes) else {
        return (None, if route_known { Coverage::Observed } else { Coverage::NotObservable });
    };
    let whole = if incentive { numbers.incentive } else { numbers.no_incentive };
    let evidence = Evidence {
        signal: Signal::RouteCnLading,
        weight: super::parameters::thousandths(part(whole) * part(grade)),
        statement: format!("{how}, declared as made in {origin}"),
        figures: vec![Figure { name: "grade", value: part(grade), decimals: 1 }],
        rests_on: vec![RestsOn::Record(facts.id.to_owned())],
        reference: rows,
        falsified_by: match codes.name_of_country(&origin) {
            country if received_there => format!("records of a maker in {country}"),
            country => format!("a receipt in {country} on the same bill"),
        },
    };
    (Some(evidence), Coverage::Observed)
}

/// The highest grade, how to say it, and the reference rows it rests on.
fn grade(
    (facts, received_there): (&RecordFacts<'_>, bool),
    numbers: &RouteNumbers,
    codes: &Codes,
) -> Option<(i32, String, Vec<String>)> {
    let chinese = |port: Option<Port>| port.filter(|port| port.country().is_china());
    let at = |verb: &str, port: Port| match codes.name_of_port(port) {
        Some((name, row)) => (format!("{verb} at {name} ({port})"), vec![format!("ports/{row}")]),
        // A well-formed code names its country without a row.
        None => (format!("{verb} at {port} in {}", codes.name_of_country(&port.country())), Vec::new()),
    };
    let in_china = |country: Option<Country>| country.filter(|country| country.is_china());
    if received_there {
        let mut ports = facts.port_of_lading.into_iter().chain(facts.transit_ports.iter().copied());
        let (how, rows) = at("transshipped", ports.find(|port| port.country().is_china())?);
        return Some((numbers.transshipped, how, rows));
    }
    if let Some(port) = chinese(facts.place_of_receipt) {
        let (how, rows) = at("received", port);
        return Some((numbers.received_or_laden, how, rows));
    }
    if let Some(port) = chinese(facts.port_of_lading) {
        let (how, rows) = at("laden", port);
        return Some((numbers.received_or_laden, how, rows));
    }
    if let Some(country) = in_china(facts.country_of_lading) {
        return Some((numbers.received_or_laden, format!("laden in {}", codes.name_of_country(&country)), Vec::new()));
    }
    if let Some(country) = in_china(facts.country_of_consignment) {
        return Some((numbers.consigned, format!("consigned from {}", codes.name_of_country(&country)), Vec::new()));
    }
    let port = facts.transit_ports.iter().copied().find(|port| port.country().is_china())?;
    let (how, rows) = at("transshipped", port);
    Some((numbers.transshipped, how, rows))
}

#[cfg(test)]
mod tests {
    use super::super::trade::{country, shipment};
    use super::*;
    use crate::reference::Reference;
    use crate::scoring::Model;

    /// Weights with and without a motive, and whether the route could be seen.
    #[track_caller]
    fn check(facts: &RecordFacts<'_>, (with, without): (i32, i32), coverage: Coverage) {
        let numbers = Model::built_in().parameters.route;
        for (incentive, expected) in [(true, with), (false, without)] {
            let (evidence, seen) = route_cn_lading(facts, incentive, (&numbers, Reference::built_in().codes()));
            assert_eq!((evidence.as_ref().map_or(0, |one| one.weight), seen), (expected, coverage), "{evidence:?}");
        }
    }

    fn port(code: &str) -> Option<Port> {
        Some(code.parse().unwrap())
    }

    #[test]
    fn fires_by_the_highest_grade() {
        check(&RecordFacts { place_of_receipt: port("CNNGB"), ..shipment() }, (1000, 300), Coverage::Observed);
        check(&RecordFacts { port_of_lading: port("HKHKG"), ..shipment() }, (1000, 300), Coverage::Observed);
        check(&RecordFacts { country_of_lading: Some(country("CN")), ..shipment() }, (1000, 300), Coverage::Observed);
        check(&RecordFacts { country_of_consignment: Some(country("CN")), ..shipment() }, (500, 150), Coverage::Observed);
        let ports = ["SGSIN".parse().unwrap(), "CNSHA".parse().unwrap()];
        let transit = RecordFacts { transit_ports: &ports, ..shipment() };
        check(&transit, (300, 90), Coverage::Observed);
        check(&RecordFacts { place_of_receipt: port("CNNGB"), ..transit }, (1000, 300), Coverage::Observed);
    }

    #[test]
    fn silent_where_no_place_is_chinese() {
        check(&shipment(), (0, 0), Coverage::Observed);
        check(&RecordFacts { port_of_lading: port("TWKHH"), ..shipment() }, (0, 0), Coverage::Observed);
    }

    #[test]
    fn what_was_received_in_its_declared_origin_was_at_most_transshipped() {
        let received = |place| RecordFacts { place_of_receipt: port(place), ..shipment() };
        let laden =
            |place| RecordFacts { port_of_lading: port("HKHKG"), country_of_consignment: Some(country("CN")), ..received(place) };
        check(&laden("THBKK"), (300, 90), Coverage::Observed);
        check(&RecordFacts { country_of_consignment: Some(country("CN")), ..received("THBKK") }, (0, 0), Coverage::Observed);
        said(
            laden("THBKK"),
            ["transshipped at Hong Kong (HKHKG), declared as made in TH", "records of a maker in Thailand", "ports/HKHKG"],
        );
        // A receipt elsewhere says nothing of it.
        check(&laden("VNSGN"), (1000, 300), Coverage::Observed);
    }

    #[test]
    fn silent_without_a_declared_origin_and_when_declared_chinese() {
        let chinese = RecordFacts { place_of_receipt: port("CNNGB"), ..shipment() };
        for origin in [None, Some("CN"), Some("HK"), Some("XX")] {
            let country_of_origin = origin.map(country);
            check(&RecordFacts { country_of_origin, ..chinese }, (0, 0), Coverage::NotObservable);
        }
    }

    #[test]
    fn a_route_that_nobody_tells_is_not_observable() {
        check(&RecordFacts { port_of_lading: None, ..shipment() }, (0, 0), Coverage::NotObservable);
    }

    /// The statement, what would prove it wrong, and the rows of the bundle, of goods declared as Sri Lankan or Thai.
    #[track_caller]
    fn said(facts: RecordFacts, expected: [&str; 3]) {
        let (evidence, _) = route_cn_lading(&facts, true, (&Model::built_in().parameters.route, Reference::built_in().codes()));
        let evidence = evidence.unwrap();
        assert_eq!([evidence.statement, evidence.falsified_by, evidence.reference.join(" ")], expected);
        assert_eq!(evidence.rests_on, [RestsOn::Record("us-ams:MAEU123456789/1".to_owned())]);
    }

    // Steel fittings declared as Sri Lankan that began their voyage in China: EAPA determination of August 2023.
    #[test]
    fn says_where_it_began_and_what_was_declared_by_name() {
        let sri_lankan = RecordFacts { country_of_origin: Some(country("LK")), ..shipment() };
        let wrong = "a receipt in Sri Lanka on the same bill";
        said(
            RecordFacts { place_of_receipt: port("CNTAO"), ..sri_lankan },
            ["received at Qingdao (CNTAO), declared as made in LK", wrong, "ports/CNTAO"],
        );
        said(
            RecordFacts { port_of_lading: port("HKHKG"), ..sri_lankan },
            ["laden at Hong Kong (HKHKG), declared as made in LK", wrong, "ports/HKHKG"],
        );
        said(
            RecordFacts { port_of_lading: port("CNZZ9"), ..sri_lankan },
            ["laden at CNZZ9 in China, declared as made in LK", wrong, ""],
        );
        said(
            RecordFacts { country_of_consignment: Some(country("MO")), ..sri_lankan },
            ["consigned from Macao, declared as made in LK", wrong, ""],
        );
        let thai = RecordFacts { country_of_origin: Some(country("TH")), place_of_receipt: port("CNNGB"), ..shipment() };
        said(
            thai,
            ["received at Ningbo (CNNGB), declared as made in TH", "a receipt in Thailand on the same bill", "ports/CNNGB"],
        );
    }
}
