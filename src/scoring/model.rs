//! The model file: every number that can change a verdict and is not a fact of trade. Reads text, never a file.

mod ranges;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::domain::{Band, Date};
use crate::signals::{
    BalanceNumbers, EpisodeNumbers, Layer, Parameters, PriorNumbers, RouteNumbers, ShareNumbers, SurgeNumbers, draws, numbers,
};

const BUILT_IN: &str = include_str!("../../config/model.toml");

/// The one key that the built-in model lacks, since it was fitted to nothing.
const FITTED_UNTIL: &str = "fitted_until";

/// A model, parsed and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The text it was parsed from, which its fingerprint names.
    pub text: String,
    /// What signals need.
    pub parameters: Parameters,
    /// Damping, caps, clip, step.
    pub combination: Combination,
    /// Slope and intercept.
    pub calibration: Calibration,
    /// From which probability a band holds.
    pub bands: Bands,
    /// What a probability may not pass.
    pub limits: Limits,
    /// From which size a corridor counts.
    pub sample: Sample,
    /// When an alert clears.
    pub alerts: Alerts,
    /// How far back, how late, how many.
    pub horizons: Horizons,
    /// The last day of what it was fitted to (`calibration.fitted_until`); absent where it was fitted to nothing. A backtest may not begin
    /// before it.
    pub fitted_until: Option<Date>,
}

numbers! {
    /// How weights become a score; thousandths of log-odds.
    Combination {
        damping: i32 = "What the next heaviest in a layer counts, in thousandths.",
        record_low: i32 = "Cap.",
        record_high: i32 = "Cap.",
        entity_low: i32 = "Cap.",
        entity_high: i32 = "Cap.",
        corridor_low: i32 = "Cap.",
        corridor_high: i32 = "Cap.",
        time_low: i32 = "Cap.",
        time_high: i32 = "Cap.",
        log_odds_low: i32 = "Least that enters a probability.",
        log_odds_high: i32 = "Most that enters a probability.",
        step: i32 = "A shipment carries its corridor's layers in multiples of this.",
    }
}

numbers! {
    /// `p = σ(slope · score + intercept)`; thousandths.
    Calibration {
        slope: i32 = "Thousandths.",
        intercept: i32 = "Thousandths of log-odds.",
    }
}

numbers! {
    /// Probability, in thousandths, from which a band holds.
    Bands {
        watch: u16 = "Thousandths.",
        review: u16 = "Thousandths.",
        priority: u16 = "Thousandths.",
    }
}

numbers! {
    /// What a probability may not pass; thousandths.
    Limits {
        disjoint_layers_at_most: u16 = "Without two layers on disjoint records, one of them physical.",
        ownership_alone_at_most: u16 = "Ownership alone.",
        basket_at_most: u16 = "Several materials share the code.",
        stage_floor_at_most: u16 = "How high the floor of a stage may lift.",
    }
}

numbers! {
    /// From which size a corridor counts.
    Sample {
        heading_kilograms: u64 = "A corridor-month of a heading family exists from this mass ...",
        heading_dollars: u64 = "... or this value on.",
    }
}

numbers! {
    /// When an alert clears.
    Alerts {
        clear_below: u16 = "Thousandths below the threshold.",
        clear_above_prior: u16 = "Thousandths above the prior's probability.",
        clear_months: u8 = "Consecutive event months.",
        open_months: u8 = "Event months whose highest band is the case's.",
    }
}

numbers! {
    /// How far back, how late, how many.
    Horizons {
        record_lookback_days: u16 = "What becomes known longer after its goods moved is marked, and no evidence by itself.",
        default_lag_days: u16 = "A file's record without known_from counts as known so long after its event or period.",
        outputs_per_input_max: u32 = "Outputs of one movement or tick.",
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    bands: Bands,
    combination: Combination,
    calibration: Calibration,
    limits: Limits,
    prior: PriorNumbers,
    episodes: EpisodeNumbers,
    route_cn_lading: RouteNumbers,
    event_surge: SurgeNumbers,
    mass_balance: BalanceNumbers,
    share: ShareNumbers,
    sample: Sample,
    alerts: Alerts,
    horizons: Horizons,
}

/// Why a text is no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidModel {
    /// No TOML, or a number missing or of the wrong kind.
    #[error("the model is not readable: {0}")]
    Unreadable(String),
    /// A key that no model has.
    #[error("the model has no key {key:?}; did you mean {nearest:?}?")]
    UnknownKey {
        /// The key, with its table.
        key: String,
        /// The nearest that exists.
        nearest: String,
    },
    /// A number outside of what makes sense.
    #[error("{key} is {value}; allowed is {allowed}")]
    OutOfRange {
        /// The key, with its table.
        key: &'static str,
        /// Its value.
        value: i64,
        /// What is allowed.
        allowed: &'static str,
    },
    /// What is wrong in a line.
    #[error("line {line}: {what}")]
    InLine {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        what: Box<InvalidModel>,
    },
}

impl InvalidModel {
    /// With the line of its key, or of the table in which one is missing.
    fn in_line_of(self, text: &str) -> InvalidModel {
        let key = match &self {
            InvalidModel::UnknownKey { key, .. } => key.as_str(),
            InvalidModel::OutOfRange { key, .. } => key,
            // As the parser of TOML says where it was.
            InvalidModel::Unreadable(why) => why.rsplit_once("in `").map_or("", |(_, place)| place.trim_end_matches('`')),
            InvalidModel::InLine { .. } => "",
        };
        match line_of(text, key) {
            Some(line) => InvalidModel::InLine { line, what: Box::new(self) },
            None => self,
        }
    }
}

/// The line in which a key stands, `bands.watch`, else that of its table.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let mut table = String::new();
    let mut found = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            table = name.trim().to_owned();
            if table == key || key.rsplit_once('.').is_some_and(|(of, _)| of == table) {
                found = Some(index + 1);
            }
        } else if let Some((name, _)) = line.split_once('=')
            && key.strip_prefix(table.as_str()).is_some_and(|rest| rest.trim_start_matches('.') == name.trim())
        {
            return Some(index + 1);
        }
    }
    found
}

impl Model {
    /// Parses and checks a model file.
    pub fn parse(text: &str) -> Result<Model, InvalidModel> {
        Model::read(text).map_err(|error| error.in_line_of(text))
    }

    fn read(text: &str) -> Result<Model, InvalidModel> {
        let unreadable = |error: toml::de::Error| InvalidModel::Unreadable(error.to_string().trim_end().to_owned());
        let mut table: toml::Table = text.parse().map_err(unreadable)?;
        let fitted_until = table.get_mut("calibration").and_then(|value| value.as_table_mut()?.remove(FITTED_UNTIL));
        let fitted_until = fitted_until.as_ref().map(day).transpose()?;
        if text != BUILT_IN {
            let known: toml::Table = BUILT_IN.parse().map_err(unreadable)?;
            check_keys("", &table, &known)?;
        }
        let document: Document = table.clone().try_into().map_err(unreadable)?;
        ranges::check(&table)?;
        Ok(Model {
            text: text.to_owned(),
            parameters: Parameters {
                prior: document.prior,
                episodes: document.episodes,
                route: document.route_cn_lading,
                surge: document.event_surge,
                balance: document.mass_balance,
                draws: draws(&document.share),
                share: document.share,
            },
            combination: document.combination,
            calibration: document.calibration,
            bands: document.bands,
            limits: document.limits,
            sample: document.sample,
            alerts: document.alerts,
            horizons: document.horizons,
            fitted_until,
        })
    }

    /// The model of the build.
    pub fn built_in() -> Model {
        Model::parse(BUILT_IN).expect("the model in the repository is valid, which a test proves")
    }

    /// `sha256:` and the hash of its text, by which it is kept beside the log.
    pub fn fingerprint(&self) -> String {
        let hash = Sha256::digest(self.text.as_bytes());
        hash.iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
    }

    /// The band in which a probability of so many thousandths lies.
    pub fn band(&self, probability: u16) -> Band {
        match probability {
            p if p >= self.bands.priority => Band::Priority,
            p if p >= self.bands.review => Band::Review,
            p if p >= self.bands.watch => Band::Watch,
            _ => Band::None,
        }
    }

    /// Probability in thousandths below which an alert of this band clears, for a corridor with this prior.
    pub fn clears_below(&self, band: Band, prior: i32) -> u16 {
        let threshold = match band {
            Band::None => 0,
            Band::Watch => self.bands.watch,
            Band::Review => self.bands.review,
            Band::Priority => self.bands.priority,
        };
        let above_prior = super::calibrate::probability(prior, self).saturating_add(self.alerts.clear_above_prior);
        threshold.saturating_sub(self.alerts.clear_below).max(above_prior)
    }
}

impl Combination {
    /// The least and most that a layer may count.
    pub fn caps(&self, layer: Layer) -> (i32, i32) {
        match layer {
            Layer::Record => (self.record_low, self.record_high),
            Layer::Entity => (self.entity_low, self.entity_high),
            Layer::Corridor => (self.corridor_low, self.corridor_high),
            Layer::Time => (self.time_low, self.time_high),
        }
    }
}

/// A day, of TOML's own or as text.
fn day(value: &toml::Value) -> Result<Date, InvalidModel> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.parse().map_err(|_| InvalidModel::Unreadable(format!("calibration.{FITTED_UNTIL} is {text}; a day is 2024-12-31")))
}

/// Every key must stand in the built-in model too.
fn check_keys(prefix: &str, table: &toml::Table, known: &toml::Table) -> Result<(), InvalidModel> {
    for (key, value) in table {
        let Some(of_built_in) = known.get(key) else {
            let nearest = known.keys().max_by(|left, right| {
                let likeness = |name: &str| strsim::jaro_winkler(name, key);
                likeness(left).total_cmp(&likeness(right))
            });
            let nearest = format!("{prefix}{}", nearest.map_or("", String::as_str));
            return Err(InvalidModel::UnknownKey { key: format!("{prefix}{key}"), nearest });
        };
        if let (Some(table), Some(known)) = (value.as_table(), of_built_in.as_table()) {
            check_keys(&format!("{prefix}{key}."), table, known)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_model_is_valid_and_has_a_fingerprint() {
        let model = Model::built_in();
        assert_eq!(model.fingerprint().len(), "sha256:".len() + 64);
        assert_eq!((model.horizons.record_lookback_days, model.parameters.draws.len()), (1100, 200));
        assert_eq!(Model::parse(&model.text), Ok(model));
    }

    #[test]
    fn every_number_of_the_file_has_a_comment() {
        let section = |line: &str| line.is_empty() || line.starts_with('[') || line.starts_with('#');
        let mut of_a_list = false;
        for line in BUILT_IN.lines().map(str::trim).filter(|line| !section(line)) {
            let told = line.contains('#');
            // Caps and thresholds share the comment above them.
            of_a_list = told || of_a_list || line.starts_with("bulk_") || line.starts_with("both_legs_cap");
            assert!(told || of_a_list, "{line}");
        }
    }

    #[test]
    fn a_fitted_model_says_until_when() {
        let with = |value: &str| BUILT_IN.replace("[calibration]", &format!("[calibration]\nfitted_until = {value}"));
        assert_eq!(Model::built_in().fitted_until, None);
        for value in ["2024-12-31", "\"2024-12-31\""] {
            assert_eq!(Model::parse(&with(value)).unwrap().fitted_until, Some("2024-12-31".parse().unwrap()));
        }
        let error = Model::parse(&with("\"lately\"")).unwrap_err().to_string();
        assert_eq!(error, "the model is not readable: calibration.fitted_until is lately; a day is 2024-12-31");
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        let text = BUILT_IN.replace("one_leg_cap", "one_leg_kap");
        let error = Model::parse(&text).unwrap_err().to_string();
        assert_eq!(error, "line 68: the model has no key \"event_surge.one_leg_kap\"; did you mean \"event_surge.one_leg_cap\"?");
    }

    #[test]
    fn a_missing_number_and_one_out_of_range_are_named() {
        let error = Model::parse(&BUILT_IN.replace("still = 200", "")).unwrap_err().to_string();
        assert!(error.starts_with("line 62: ") && error.contains("missing field `still`"), "{error}");
        let error = Model::parse(&BUILT_IN.replace("still = 200", "still = \"x\"")).unwrap_err().to_string();
        assert!(error.starts_with("line 66: ") && error.contains("in `event_surge.still`"), "{error}");
        let error = Model::parse(&BUILT_IN.replace("damping = 500", "damping = 5000")).unwrap_err().to_string();
        assert_eq!(error, "line 13: combination.damping is 5000; allowed is 0 to 1000");
    }

    #[test]
    fn numbers_that_would_keep_a_signal_or_an_alert_silent_for_ever_are_refused() {
        for (from, to, said) in [
            ("slope = 1000", "slope = 0", "calibration.slope is 0; allowed is 1 to 100000"),
            ("slope = 1000", "slope = -1000", "calibration.slope is -1000; allowed is 1 to 100000"),
            ("yield_low = 900", "yield_low = 990", "mass_balance.yield_low is 990; allowed is 1 to mass_balance.yield_high"),
            (
                "yield = 950",
                "yield = 890",
                "mass_balance.yield is 890; allowed is mass_balance.yield_low to mass_balance.yield_high",
            ),
            (
                "sample_bulk_kilograms = 20000",
                "sample_bulk_kilograms = 0",
                "mass_balance.sample_bulk_kilograms is 0; allowed is 1 to",
            ),
            (
                "sample_minor_kilograms = 100",
                "sample_minor_kilograms = -1",
                "mass_balance.sample_minor_kilograms is -1; allowed is 1 to",
            ),
            ("heading_kilograms = 10000", "heading_kilograms = 0", "sample.heading_kilograms is 0; allowed is 1 to"),
            ("heading_dollars = 100000", "heading_dollars = 0", "sample.heading_dollars is 0; allowed is 1 to"),
            ("stock_months_low = 500", "stock_months_low = 3001", "share.stock_months_low is 3001; allowed is 0 to share"),
            ("\nbefore_months_min = 6", "\nbefore_months_min = 0", "episodes.before_months_min is 0; allowed is 1 to episodes"),
            ("\nbefore_months_min = 6", "\nbefore_months_min = 25", "episodes.before_months_min is 25; allowed is 1 to episodes"),
            ("after_months_min = 3", "after_months_min = 7", "episodes.after_months_min is 7; allowed is 1 to episodes"),
            ("direct_before_months_min = 6", "direct_before_months_min = 0", "prior.direct_before_months_min is 0; allowed is"),
            ("open_months = 6", "open_months = 0", "alerts.open_months is 0; allowed is 1 to 120"),
            ("clear_months = 2", "clear_months = 0", "alerts.clear_months is 0; allowed is 1 to alerts.open_months"),
            ("clear_months = 2", "clear_months = 7", "alerts.clear_months is 7; allowed is 1 to alerts.open_months"),
        ] {
            assert_eq!(BUILT_IN.matches(from).count(), 1, "{from}");
            let error = Model::parse(&BUILT_IN.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(&format!(": {said}")), "{to}: {error}");
        }
    }

    #[test]
    fn every_number_has_a_range() {
        for line in BUILT_IN.lines() {
            let Some((key, _)) = line.split('#').next().unwrap_or_default().split_once(" = ") else { continue };
            // The least size of a heading has 64 bits.
            for value in [i32::MIN, i32::MAX].into_iter().filter(|value| *value < 0 || !key.starts_with("heading_")) {
                let text = BUILT_IN.replace(line, &format!("{key} = {value}"));
                assert!(Model::parse(&text).is_err(), "{key} = {value}");
            }
        }
    }

    #[test]
    fn shares_factors_and_probabilities_are_thousandths() {
        for (from, to, said) in [
            ("reported_min = 800", "reported_min = 1200", "mass_balance.reported_min is 1200; allowed is 0 to 1000"),
            ("stage_share_min = 200", "stage_share_min = 2000", "event_surge.stage_share_min is 2000; allowed is 0 to 1000"),
            ("reach_months = 36", "reach_months = 0", "episodes.reach_months is 0; allowed is 1 to 1200"),
            (
                "disjoint_layers_at_most = 799",
                "disjoint_layers_at_most = 1001",
                "limits.disjoint_layers_at_most is 1001; allowed is 0 to 1000",
            ),
            ("proportional = 700", "proportional = 1500", "share.proportional is 1500; allowed is 0 to 1000"),
            ("trade_and_content = 120", "trade_and_content = 60000", "share.trade_and_content is 60000; allowed is 0 to 990"),
            ("partial = 500", "partial = -1500", "prior.partial is -1500; allowed is 0 to 1000"),
            ("clear_below = 100", "clear_below = 900", "alerts.clear_below is 900; allowed is 0 to bands.review"),
            ("demand_sources_min = 3", "demand_sources_min = 0", "event_surge.demand_sources_min is 0; allowed is 1 to 1000"),
        ] {
            assert_eq!(BUILT_IN.matches(from).count(), 1, "{from}");
            let error = Model::parse(&BUILT_IN.replace(from, to)).unwrap_err().to_string();
            assert!(error.ends_with(said), "{to}: {error}");
        }
    }

    #[test]
    fn an_alert_clears_below_its_threshold_and_never_below_its_prior() {
        let model = Model::built_in();
        assert_eq!(model.clears_below(Band::Review, -3892), 400);
        assert_eq!(model.clears_below(Band::Watch, -1892), 151);
    }

    #[test]
    fn a_band_begins_at_its_threshold() {
        let model = Model::built_in();
        let bands = [199, 200, 499, 500, 799, 800].map(|p| model.band(p).word());
        assert_eq!(bands, ["none", "watch", "watch", "review", "review", "priority"]);
    }
}
