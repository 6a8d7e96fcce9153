//! Score → probability and band. The only place where a probability is made; the same bits on every machine.

use crate::domain::Band;

use super::Limit;
use super::combine::Weighed;
use super::model::Model;

/// What the limits need to know beside the score.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// Two layers rest on disjoint records, one of them physical.
    pub(super) disjoint_layers: bool,
    /// Several materials share the code.
    pub(super) basket: bool,
    /// The record layer or both legs were observed.
    pub(super) sufficient: bool,
    /// The lower bound of the stage's own balance, thousandths.
    pub(super) stage_floor: Option<u16>,
}

/// Probability in thousandths, band, and the limits that bound them: clip, guards, floor, then the bands' own.
pub(super) fn calibrate(score: i32, counted: &[Weighed], standing: Standing, model: &Model) -> (u16, Band, Vec<Limit>) {
    let mut limits = Vec::new();
    let mut probability = probability(score, model);
    let mut at_most = |bound: u16, applies: bool, limit: Limit| {
        if applies && probability > bound {
            probability = bound;
            limits.push(limit);
        }
    };
    let numbers = &model.limits;
    let bound = numbers.disjoint_layers_at_most;
    at_most(bound, !standing.disjoint_layers, Limit::DisjointLayers { at_most: bound });
    let bound = numbers.basket_at_most;
    at_most(bound, standing.basket, Limit::Basket { at_most: bound });
    let floor = standing.stage_floor.map(|floor| floor.min(numbers.stage_floor_at_most));
    if let Some(at_least) = floor.filter(|floor| *floor > probability) {
        probability = at_least;
        limits.push(Limit::StageFloor { at_least });
    }
    let mut band = model.band(probability);
    let mut stop = |highest: Band, applies: bool, limit: Limit| {
        if applies && band > highest {
            band = highest;
            limits.push(limit);
        }
    };
    stop(Band::Watch, !standing.sufficient, Limit::Insufficient { band: Band::Watch });
    let fired = counted.iter().any(|one| one.counted > 0);
    stop(Band::None, !fired, Limit::NoSignal { band: Band::None });
    (probability, band, limits)
}

/// σ(slope · score + intercept), the score clipped; thousandths, half to even.
pub fn probability(score: i32, model: &Model) -> u16 {
    let clipped = score.clamp(model.combination.log_odds_low, model.combination.log_odds_high);
    let slope = f64::from(model.calibration.slope) / 1000.0;
    let log_odds = slope * f64::from(clipped) / 1000.0 + f64::from(model.calibration.intercept) / 1000.0;
    // Between 0 and 1000, so the cast is exact.
    libm::rint(1000.0 / (1.0 + libm::exp(-log_odds))) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Standing = Standing { disjoint_layers: true, basket: false, sufficient: true, stage_floor: None };

    fn check(score: i32, standing: Standing, expected: (u16, &str, &[Limit])) {
        let model = Model::built_in();
        let fired = [Weighed { signal: crate::signals::Signal::RouteCnLading, weight: 1000, counted: 1000 }];
        let (probability, band, limits) = calibrate(score, &fired, standing, &model);
        assert_eq!((probability, band.word(), limits.as_slice()), expected);
    }

    #[test]
    fn the_logistic_of_the_score() {
        check(0, FREE, (500, "review", &[]));
        check(-3892, FREE, (20, "none", &[]));
        check(1386, FREE, (800, "priority", &[]));
    }

    #[test]
    fn the_score_is_clipped_only_on_its_way_to_a_probability() {
        check(90_000, FREE, (993, "priority", &[]));
        check(-90_000, FREE, (2, "none", &[]));
    }

    #[test]
    fn limits_bind_in_their_order_and_only_where_they_bind() {
        let alone = Standing { disjoint_layers: false, ..FREE };
        check(2000, alone, (799, "review", &[Limit::DisjointLayers { at_most: 799 }]));
        check(1300, alone, (786, "review", &[]));
        let basket = Standing { basket: true, ..alone };
        check(2000, basket, (600, "review", &[Limit::DisjointLayers { at_most: 799 }, Limit::Basket { at_most: 600 }]));
        let floor = Standing { stage_floor: Some(950), ..FREE };
        check(-2000, floor, (800, "priority", &[Limit::StageFloor { at_least: 800 }]));
        let insufficient = Standing { sufficient: false, ..FREE };
        check(1000, insufficient, (731, "watch", &[Limit::Insufficient { band: Band::Watch }]));
        check(-1000, insufficient, (269, "watch", &[]));
    }

    #[test]
    fn the_prior_alone_never_reaches_a_band() {
        let (probability, band, limits) = calibrate(0, &[], FREE, &Model::built_in());
        assert_eq!((probability, band, limits), (500, Band::None, vec![Limit::NoSignal { band: Band::None }]));
    }
}
