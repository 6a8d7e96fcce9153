//! The antimony story as twins, at the level of books: one second leg, several first legs; and what must not matter.

use crate::ledger::Account;
use crate::reference::{Content, MaterialStage, MeasureKind};
use crate::scoring::{ChineseShare, CorridorVerdict, Coverage, Limit, Model};
use crate::signals::trade::{Trade, Way, antimony_story, measure, shipment, with_burmese_ore, with_chinese_oxide};
use crate::signals::{Contents, Layer, Lookups};

use super::{assess_in, *};

/// What was known on 2025-05-01: US months to March.
const LAST: &str = "2025-03";

fn assess(trade: &Trade) -> CorridorVerdict {
    let model = Model::built_in();
    trade.see(&model.parameters, |subject| assess_in(subject, &model, None).unwrap())
}

/// Probability, band, share.
#[track_caller]
fn check(trade: &Trade, probability: std::ops::RangeInclusive<u16>, bands: &[&str]) -> CorridorVerdict {
    let assessed = assess(trade);
    let verdict = &assessed.verdict;
    assert!(probability.contains(&verdict.probability) && bands.contains(&verdict.band.word()), "{assessed:#?}");
    let sum: i32 = verdict.evidence.iter().map(|one| one.counted).sum();
    assert_eq!(verdict.score, verdict.prior + sum, "the score is the prior and what counts");
    assessed
}

fn oxide() -> Trade {
    with_chinese_oxide(antimony_story("TH", "US", LAST), LAST)
}

fn ore() -> Trade {
    with_burmese_ore(antimony_story("TH", "US", LAST), LAST)
}

#[test]
fn chinese_oxide_into_thailand_is_reviewed() {
    let assessed = check(&oxide(), 500..=799, &["review"]);
    let share = assessed.verdict.share;
    assert!(share.low >= 60 && share.mid.is_some_and(|mid| mid >= 60), "{share:?}");
    assert_eq!(assessed.verdict.limits, [Limit::DisjointLayers { at_most: 799 }]);
    assert_eq!(assessed.complete_fraction, Some(1.0));
}

#[test]
fn burmese_ore_instead_is_at_most_watched() {
    let assessed = check(&ore(), 0..=150, &["none", "watch"]);
    assert!(assessed.verdict.share.low <= 5, "{:?}", assessed.verdict.share);
    let oxide = assess(&oxide()).verdict.probability;
    assert!(oxide >= assessed.verdict.probability + 300);
}

#[test]
fn an_unknown_first_leg_is_watched_and_named() {
    let assessed = check(&antimony_story("TH", "US", LAST), 200..=499, &["watch"]);
    assert_eq!(assessed.verdict.share, ChineseShare::UNKNOWN);
    assert_eq!(assessed.complete_fraction, None);
    let named = &assessed.verdict.would_change_most;
    assert_eq!(named.len(), 3);
    assert!(named.iter().any(|one| one.signal == "C1_MASS_BALANCE" && one.because.contains("first leg")), "{named:?}");
}

#[test]
fn a_duty_says_the_same_of_the_trade_whether_its_rate_is_told_or_not() {
    let mut told = oxide().wedge("282580", 0.25);
    *told.measures() = vec![measure("controls/AD", MeasureKind::Duty, ("2024-12-03", "2024-12-03"))];
    let mut untold = told.clone();
    untold.world.wedges.clear();
    let [told, untold, banned] = [told, untold, oxide()].map(|trade| assess(&trade));
    let says = |of: &CorridorVerdict| {
        let evidence = of.verdict.evidence.iter().map(|one| (one.counted, one.evidence.statement.clone()));
        (of.verdict.share, of.verdict.coverage.clone(), of.incentive, evidence.collect::<Vec<_>>())
    };
    assert_eq!(says(&untold), says(&told));
    assert!(untold.verdict.evidence.len() == 2 && untold.incentive, "{untold:#?}");
    assert_eq!((untold.verdict.prior, told.verdict.prior), (-3892, -3642));
    assert_eq!(*untold.verdict.prior_rows, ["controls/AD"]);
    // Only under an export control may more of the first leg be hidden.
    assert_ne!(says(&untold).0, says(&banned).0);
    let named = &untold.verdict.would_change_most;
    assert!(named.iter().any(|one| one.signal == "INCENTIVE" && one.because.contains("controls/AD")), "{named:?}");
}

#[test]
fn china_reporting_zero_lowers_nothing() {
    let booked = assess(&oxide()).verdict.probability;
    let denied = oxide().exports(Way::First, ("282580", 0.0), ("2022-06", LAST));
    let assessed = check(&denied, booked - 100..=1000, &["review"]);
    assert!(assessed.verdict.share.low >= 60);
    // And where Thailand tells nothing, China's report of nothing is no report.
    let alone = antimony_story("TH", "US", LAST).exports(Way::First, ("282580", 0.0), ("2022-06", LAST));
    let unknown = assess(&antimony_story("TH", "US", LAST));
    assert_eq!(assess(&alone).verdict.probability, unknown.verdict.probability);
}

#[test]
fn two_years_earlier_no_later_control_counts() {
    let assessed = check(&oxide().earlier(24), 0..=30, &["none"]);
    assert_eq!(assessed.verdict.prior, -3892);
    assert!(assessed.verdict.evidence.iter().all(|one| one.counted <= 0));
    // The flows are the same, and so is what they contain.
    assert!(assessed.verdict.share.low >= 60);
}

#[test]
fn japan_in_dollars_stays_none() {
    let dollars = |trade: Trade, span| trade.tell((Way::Out, Account::ImporterFlow), ("282580", None), span);
    let trade = dollars(Trade::antimony("JP", "US", LAST).controlled(), ("2022-06", LAST));
    let assessed = check(&trade, 0..=150, &["none"]);
    assert!(assessed.verdict.evidence.is_empty() && assessed.balance.is_none());
    let coverage = &assessed.verdict.coverage;
    assert_eq!(coverage, &[(Layer::Corridor, Coverage::NotObservable), (Layer::Time, Coverage::NotObservable)]);
}

#[test]
fn another_intermediary_and_another_family_behave_alike() {
    for (m, family) in [("VN", "SB"), ("MX", "SB"), ("TH", "WO"), ("MY", "BI")] {
        let alike = |with: fn(Trade, &str) -> Trade, thai: Trade| {
            let other = with(antimony_story(m, "US", LAST), LAST).family(family);
            let (other, thai) = (assess(&other), assess(&thai));
            assert_eq!(other.verdict.probability, thai.verdict.probability);
            assert_eq!(other.verdict.share, thai.verdict.share);
        };
        alike(with_chinese_oxide, oxide());
        alike(with_burmese_ore, ore());
    }
}

#[test]
fn hong_kong_and_macao_are_no_other_supply() {
    let trade = ore().imports(Way::Supply("HK"), ("282580", 900.0), ("2022-06", LAST));
    assert_eq!(assess(&trade).verdict.score, assess(&ore()).verdict.score);
}

/// China's natural graphite for M and M's for the US, from January 2024 on so many times as large.
fn graphite(m: &str, factor: f64) -> Trade {
    let mut trade = Trade::antimony(m, "US", "2024-06");
    // 250410 holds 95 % carbon; one stage and one code are all that this needs.
    let content = Content { low: 0.9, mid: 0.95, high: 0.98, stage: MaterialStage::Metal, shared: false, row: String::new() };
    trade.world.contents = std::rc::Rc::new(Contents::new(std::iter::once(("250410".parse().unwrap(), content))));
    *trade.measures() = vec![measure("controls/CN-2023-39", MeasureKind::ExportLicence, ("2023-10-20", "2023-12-01"))];
    // Korea took about 3,000 t a month, and 13,885 t in November 2023 before the control bound.
    trade
        .family("C_NAT")
        .exports(Way::First, ("250410", 3000.0), ("2021-10", "2023-10"))
        .exports(Way::First, ("250410", 13_885.0), ("2023-11", "2023-11"))
        .exports(Way::First, ("250410", 3000.0), ("2023-12", "2023-12"))
        .exports(Way::First, ("250410", 3000.0 * factor), ("2024-01", "2024-06"))
        .imports(Way::Out, ("250410", 200.0), ("2021-10", "2023-12"))
        .imports(Way::Out, ("250410", 200.0 * factor), ("2024-01", "2024-06"))
}

#[test]
fn stock_building_before_a_control_alarms_nobody() {
    for m in ["KR", "JP", "IN", "VN"] {
        check(&graphite(m, 1.0), 0..=100, &["none"]);
    }
}

#[test]
fn both_legs_six_times_as_large_are_watched() {
    check(&graphite("KR", 6.0), 200..=799, &["watch", "review"]);
}

#[test]
fn what_is_told_in_dollars_alone_is_nothing_where_it_is_little_and_unknown_where_it_is_much() {
    let before = assess(&oxide());
    let massless =
        |first| assess(&oxide().tell((Way::Supply("VN"), Account::ImporterFlow), ("811010", None), (first, LAST))).verdict;
    let little = massless(LAST);
    assert_eq!((before.verdict.score, before.verdict.share), (little.score, little.share));
    let much = massless("2024-10");
    assert_eq!(much.share, ChineseShare::UNKNOWN);
    assert!(much.probability < before.verdict.probability, "{much:?}");
}

#[test]
fn baskets_stop_at_their_guard() {
    let assessed = check(&oxide().family("H811292"), 500..=600, &["review"]);
    assert_eq!(assessed.verdict.share, ChineseShare::UNKNOWN);
}

proptest::proptest! {
    /// A layer that could not be observed holds no evidence, for or against, the share is unknown, and the motive stays.
    #[test]
    fn missing_evidence_never_moves_a_verdict(tonnes in 1.0f64..2000.0, first in 0.0f64..2000.0, drop in 0usize..5) {
        let trade = Trade::antimony("TH", "US", LAST)
            .controlled()
            .imports(Way::Out, ("282580", 50.0), ("2022-06", "2024-11"))
            .imports(Way::Out, ("282580", tonnes), ("2024-12", LAST))
            .imports(Way::First, ("282580", 50.0), ("2022-06", "2024-11"))
            .imports(Way::First, ("282580", first), ("2024-12", LAST));
        let mut lacking = trade.clone();
        match drop {
            0 => lacking = lacking.without(Way::First),
            1 => {
                for span in [("2022-06", "2024-11"), ("2024-12", LAST)] {
                    lacking = lacking.tell((Way::Out, Account::ImporterFlow), ("282580", None), span);
                }
            }
            2 => {
                lacking = lacking.without(Way::Out);
                lacking.bills = vec![("282580".parse().unwrap(), None)];
            }
            3 => lacking.made().production = crate::reference::Production::Unknown,
            _ => lacking.made().secondary = crate::reference::Production::Unknown,
        }
        let (assessed, whole) = (assess(&lacking), assess(&trade));
        let spoken = |layer| assessed.verdict.evidence.iter().any(|one| one.evidence.signal.layer() == layer);
        for (layer, coverage) in &assessed.verdict.coverage {
            proptest::prop_assert!(*coverage == Coverage::Observed || !spoken(*layer), "{:?}", assessed);
        }
        let sum: i32 = assessed.verdict.evidence.iter().map(|one| one.counted).sum();
        proptest::prop_assert_eq!(assessed.verdict.score, assessed.verdict.prior + sum);
        proptest::prop_assert_eq!(assessed.verdict.prior, whole.verdict.prior, "a motive is none of the observations");
        if drop < 4 {
            proptest::prop_assert_eq!(assessed.verdict.share, ChineseShare::UNKNOWN);
        }
        if drop == 1 || drop == 2 {
            proptest::prop_assert!(assessed.verdict.evidence.is_empty());
        }
    }
}

#[test]
fn a_shipment_carries_its_corridor_in_steps() {
    let bundle = crate::reference::Reference::default();
    let reference = bundle.as_of("2025-05-06".parse().unwrap());
    let model = Model::built_in();
    let lookups = Lookups::new(&reference, "SB".parse().unwrap());
    let context = Context { reference: &reference, lookups: &lookups, model: &model };
    let corridor = assess(&oxide());
    let facts = RecordFacts { place_of_receipt: Some("CNNGB".parse().unwrap()), ..shipment() };
    let (_, verdict) = assess_shipment(&facts, Some(&corridor), context);
    assert_eq!(verdict.prior, corridor.verdict.prior);
    assert_eq!(verdict.score, verdict.prior + verdict.evidence.iter().map(|one| one.counted).sum::<i32>());
    assert!(verdict.evidence.iter().skip(1).all(|one| one.counted % 250 == 0));
    // The record and the corridor's cells have nothing in common: priority is within reach.
    assert!(verdict.probability >= 800 && verdict.band.word() == "priority", "{verdict:#?}");
    let (_, alone) = assess_shipment(&facts, None, context);
    assert_eq!(alone.coverage.first(), Some(&(Layer::Record, Coverage::Observed)));
    assert_eq!(alone.coverage.last(), Some(&(Layer::Time, Coverage::Pending)));
    assert_eq!(alone.evidence.first().map(|one| one.counted), Some(300), "no motive is known");
}

#[test]
fn a_shipment_that_its_corridor_sums_up_is_no_second_record() {
    let told = |trade: Trade, tonnes, span| trade.tell((Way::Out, Account::ImporterShipments), ("282580", Some(tonnes)), span);
    let trade = Trade::antimony("TH", "US", LAST).controlled();
    let trade = told(told(trade, 20.8, ("2022-06", "2024-11")), 561.0, ("2024-12", LAST));
    // American statistics would tell of the way from Thailand too.
    let trade = trade.exports(Way::Direct, ("282580", 150.0), ("2022-06", "2024-11"));
    let corridor = assess(&with_chinese_oxide(trade.exports(Way::Direct, ("282580", 0.0), ("2024-12", LAST)), LAST));
    let bundle = crate::reference::Reference::default();
    let reference = bundle.as_of("2025-05-06".parse().unwrap());
    let model = Model::built_in();
    let lookups = Lookups::new(&reference, "SB".parse().unwrap());
    let context = Context { reference: &reference, lookups: &lookups, model: &model };
    let facts = RecordFacts { place_of_receipt: Some("CNNGB".parse().unwrap()), ..shipment() };
    let (_, verdict) = assess_shipment(&facts, Some(&corridor), context);
    assert_eq!((verdict.probability, verdict.band.word()), (799, "review"));
}
