//! What only a corridor-month's verdict has: its mass balance and its shipments, as wire structs. Computes nothing but roundings.

use schemars::JsonSchema;
use serde::Serialize;

use super::verdict::rounded;
use crate::domain::Band;
use crate::scoring::Balance;

/// The mass balance in tonnes of contained element.
#[derive(Serialize, JsonSchema)]
pub struct BalanceWire {
    pub(super) window_months: u8,
    pub(super) account: &'static str,
    pub(super) exports_t: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) production_t: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) secondary_t: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) other_imports_t: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) opening_stock_t: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) chinese_imports_t: Option<f64>,
}

impl BalanceWire {
    /// Lays a balance out, in tonnes with one decimal.
    pub fn new(balance: &Balance) -> BalanceWire {
        let tonnes = |value: Option<f64>| value.map(|value| rounded(value, 1));
        BalanceWire {
            window_months: balance.window_months,
            account: balance.account.word(),
            exports_t: rounded(balance.exports_t, 1),
            production_t: tonnes(balance.production_t),
            secondary_t: tonnes(balance.secondary_t),
            other_imports_t: tonnes(balance.other_imports_t),
            opening_stock_t: tonnes(balance.opening_stock_t),
            chinese_imports_t: tonnes(balance.chinese_imports_t),
        }
    }
}

/// The shipments of a corridor-month.
#[derive(Default, Serialize, JsonSchema)]
pub struct ShipmentsWire {
    /// How many are assessed and hold.
    pub assessed: u64,
    /// By band.
    pub by_band: ByBandWire,
}

/// How many of each band.
#[derive(Clone, Copy, Default, Serialize, JsonSchema)]
pub struct ByBandWire {
    /// `none`.
    pub none: u64,
    /// `watch`.
    pub watch: u64,
    /// `review`.
    pub review: u64,
    /// `priority`.
    pub priority: u64,
}

impl ByBandWire {
    /// Counts one.
    pub fn count(&mut self, band: Band) {
        match band {
            Band::None => self.none += 1,
            Band::Watch => self.watch += 1,
            Band::Review => self.review += 1,
            Band::Priority => self.priority += 1,
        }
    }
}
