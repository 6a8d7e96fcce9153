//! The bundle that comes with the program: every table of `config/reference`, compiled in.

macro_rules! tables {
    ($($name:literal),* $(,)?) => {
        /// File name and content of every table, by name.
        pub(super) const TABLES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../config/reference/", $name)))),*];
    };
}

tables!(
    "capacity.csv",
    "controls.csv",
    "countries.csv",
    "country_codes.csv",
    "description_rules.csv",
    "duties.csv",
    "duty_exemptions.csv",
    "exchange_rates.csv",
    "families.csv",
    "hs_correlation.csv",
    "hubs.csv",
    "lags.csv",
    "materials.csv",
    "ports.csv",
    "production.csv",
    "tariff_lines.csv",
    "text_codes.csv",
    "unit_values.csv",
);
