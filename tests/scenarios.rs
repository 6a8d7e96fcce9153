//! Scenarios as data: `tests/scenarios/*.ndjson` in, the bounds of `*.expected.toml` held. A new scenario needs no code.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "a test that panics has failed, which is its way to say so"
)]

#[path = "support/pipeline.rs"]
mod pipeline;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use entrepot::domain::{Band, Date, Month};
use entrepot::encode::{Output, Topic};
use entrepot::reference::Reference;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    records: Option<String>,
    until: String,
    #[serde(default)]
    corridor: Vec<Corridor>,
    #[serde(default)]
    throughout: Vec<Corridor>,
    #[serde(default)]
    reaches: Vec<Corridor>,
    #[serde(default)]
    compare: Vec<Compare>,
    #[serde(default)]
    assessment: Vec<Assessment>,
    #[serde(default)]
    not_assessed: Vec<String>,
    rests_on: Option<RestsOn>,
    generate: Option<Generate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Corridor {
    family: String,
    intermediary: String,
    destination: String,
    month: Option<String>,
    band_at_least: Option<String>,
    band_at_most: Option<String>,
    share_low_at_least: Option<f64>,
    share_low_at_most: Option<f64>,
    share_high_at_least: Option<f64>,
    #[serde(default)]
    names_first_leg: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Assessment {
    ids: Vec<String>,
    #[serde(default)]
    counted: BTreeMap<String, [i64; 2]>,
    #[serde(default)]
    silent: Vec<String>,
    #[serde(default)]
    coverage: BTreeMap<String, String>,
    band_at_least: Option<String>,
    band_at_most: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Compare {
    scenario: String,
    lower_by_at_least: Option<f64>,
    lower_by_at_most: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RestsOn {
    known_until: String,
    no_reference_starting: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Generate {
    first_leg: FirstLeg,
    from: String,
    to: String,
    destination: String,
    second_leg_kg: BTreeMap<String, u64>,
    other_sources_kg: BTreeMap<String, u64>,
    factor: u64,
    factor_from: String,
    #[serde(rename = "basis")]
    _basis: String,
    lag_days: BTreeMap<String, i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FirstLeg {
    file: String,
    hs: String,
    #[serde(rename = "basis")]
    _basis: String,
    partners: BTreeMap<String, String>,
    direct: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

fn expected(name: &str) -> Expected {
    let path = folder().join(format!("{name}.expected.toml"));
    toml::from_str(&fs::read_to_string(&path).unwrap()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All that was published until the scenario's date; `None` where its data set is absent.
fn outputs(name: &str, expected: &Expected) -> Option<Vec<Output>> {
    let lines = match (&expected.records, &expected.generate) {
        (Some(file), None) => fs::read_to_string(folder().join(file)).unwrap(),
        (None, Some(recipe)) => generate(recipe)?,
        _ => panic!("{name}: either records or [generate]"),
    };
    let until: Date = expected.until.parse().unwrap();
    Some(pipeline::as_known_until(&pipeline::knowledge(), &lines, Some(until)))
}

fn generate(recipe: &Generate) -> Option<String> {
    let table = fs::read_to_string(pipeline::shared()?.join(&recipe.first_leg.file)).unwrap();
    let (from, to): (Month, Month) = (recipe.from.parse().unwrap(), recipe.to.parse().unwrap());
    let factor_from: Month = recipe.factor_from.parse().unwrap();
    let factor = |month: Month| if month >= factor_from { recipe.factor } else { 1 };
    let mut lines = String::new();
    let mut flow = |reporter: &str, partner: &str, flow: &str, month: Month, kilograms: f64| {
        let lag = recipe.lag_days[reporter];
        let known = month.last_day().saturating_add(jiff::Span::new().days(lag));
        lines += &format!(
            r#"{{"kind":"trade_flow","reporter":"{reporter}","partner":"{partner}","flow":"{flow}","period":"{month}","hs":"{}","net_mass_kg":{},"known_from":"{known}T00:00:00Z"}}"#,
            recipe.first_leg.hs,
            kilograms.round()
        );
        lines += "\n";
    };
    let direct = [(recipe.destination.clone(), recipe.first_leg.direct.clone())];
    let partners: BTreeMap<String, String> = recipe.first_leg.partners.clone().into_iter().chain(direct).collect();
    for row in csv::Reader::from_reader(table.as_bytes()).into_records().map(Result::unwrap) {
        let month: Month = row[0][..7].parse().unwrap();
        let partner = partners.iter().find(|(_, name)| **name == row[1]).map(|(code, _)| code);
        if let (Some(partner), true, Ok(kilograms)) = (partner, row[2] == recipe.first_leg.hs, row[4].parse::<f64>())
            && (from..=to).contains(&month)
        {
            let is_direct = *partner == recipe.destination;
            flow("CN", partner, "export", month, kilograms * if is_direct { 1.0 } else { factor(month) as f64 });
        }
    }
    for ordinal in from.ordinal()..=to.ordinal() {
        let month = Month::from_ordinal(ordinal);
        for (intermediary, kilograms) in &recipe.second_leg_kg {
            flow(&recipe.destination, intermediary, "import", month, (kilograms * factor(month)) as f64);
        }
        for (source, kilograms) in &recipe.other_sources_kg {
            flow(&recipe.destination, source, "import", month, *kilograms as f64);
        }
    }
    Some(lines)
}

/// Months of a corridor, ascending; the last published one alone where `throughout` is false.
fn months<'a>(corridors: &'a BTreeMap<String, Value>, wanted: &Corridor, throughout: bool) -> Vec<&'a Value> {
    let prefix =
        format!("{}/{}/{}/{}", wanted.family, wanted.intermediary, wanted.destination, wanted.month.as_deref().unwrap_or(""));
    let mut found: Vec<&Value> = corridors.iter().filter(|(key, _)| key.starts_with(&prefix)).map(|(_, value)| value).collect();
    assert!(!found.is_empty(), "{prefix} was not published");
    if throughout { found } else { found.split_off(found.len() - 1) }
}

fn rank(corridor: &Value) -> u64 {
    (corridor["probability"].as_f64().unwrap() * 1000.0).round() as u64
}

#[track_caller]
fn holds(name: &str, wanted: &Corridor, corridor: &Value) {
    let says = || format!("{name}: {corridor:#}");
    let share = |part: &str| corridor["chinese_share"][part].as_f64().unwrap();
    in_band(name, (&wanted.band_at_least, &wanted.band_at_most), corridor);
    assert!(wanted.share_low_at_least.is_none_or(|least| share("low") >= least), "{}", says());
    assert!(wanted.share_low_at_most.is_none_or(|most| share("low") <= most), "{}", says());
    assert!(wanted.share_high_at_least.is_none_or(|least| share("high") >= least), "{}", says());
    let changes = corridor.get("would_change_most").and_then(Value::as_array).cloned().unwrap_or_default();
    let names = changes.iter().any(|change| change["because"].as_str().unwrap().contains("first leg"));
    assert!(!wanted.names_first_leg || names, "{}", says());
}

#[track_caller]
fn in_band(name: &str, (least, most): (&Option<String>, &Option<String>), verdict: &Value) {
    let band: Band = verdict["band"].as_str().unwrap().parse().unwrap();
    let bound = |text: &Option<String>| text.as_deref().map(|band| band.parse::<Band>().unwrap());
    assert!(bound(least).is_none_or(|least| band >= least), "{name}: {verdict:#}");
    assert!(bound(most).is_none_or(|most| band <= most), "{name}: {verdict:#}");
}

#[track_caller]
fn assessed(name: &str, wanted: &Assessment, assessment: &Value) {
    in_band(name, (&wanted.band_at_least, &wanted.band_at_most), assessment);
    let evidence = assessment["evidence"].as_array().unwrap();
    let counted = |signal: &str| evidence.iter().find(|one| one["signal"] == signal).map(|one| one["counted"].as_i64().unwrap());
    for (signal, [least, most]) in &wanted.counted {
        let found = counted(signal);
        assert!(
            found.is_some_and(|found| (*least..=*most).contains(&found)),
            "{name}: {signal} counts {found:?}: {assessment:#}"
        );
    }
    for signal in &wanted.silent {
        assert_eq!(counted(signal), None, "{name}: {assessment:#}");
    }
    for (layer, coverage) in &wanted.coverage {
        assert_eq!(assessment["coverage"][layer], **coverage, "{name}: {assessment:#}");
    }
}

/// The probability of a scenario's first corridor.
fn probability(name: &str) -> Option<f64> {
    let expected = expected(name);
    let corridors = pipeline::last(&outputs(name, &expected)?, Topic::Corridors);
    months(&corridors, &expected.corridor[0], false)[0]["probability"].as_f64()
}

#[track_caller]
fn check(name: &str) {
    let expected = expected(name);
    let Some(outputs) = outputs(name, &expected) else { return };
    let corridors = pipeline::last(&outputs, Topic::Corridors);
    let assessments = pipeline::last(&outputs, Topic::Assessments);
    for wanted in &expected.assessment {
        wanted.ids.iter().for_each(|id| assessed(name, wanted, &assessments[&format!("test:{id}")]));
    }
    for id in &expected.not_assessed {
        assert!(!assessments.contains_key(&format!("test:{id}")), "{name}: {id} is assessed");
    }
    for wanted in &expected.corridor {
        months(&corridors, wanted, false).into_iter().for_each(|corridor| holds(name, wanted, corridor));
    }
    for wanted in &expected.throughout {
        months(&corridors, wanted, true).into_iter().for_each(|corridor| holds(name, wanted, corridor));
    }
    for wanted in &expected.reaches {
        let highest = months(&corridors, wanted, true).into_iter().max_by_key(|corridor| rank(corridor));
        holds(name, wanted, highest.unwrap());
    }
    for compare in &expected.compare {
        let lower = probability(&compare.scenario).unwrap() - probability(name).unwrap();
        assert!(compare.lower_by_at_least.is_none_or(|least| lower >= least), "{name} stands {lower} below {}", compare.scenario);
        assert!(compare.lower_by_at_most.is_none_or(|most| lower <= most), "{name} stands {lower} below {}", compare.scenario);
    }
    if let Some(rests_on) = &expected.rests_on {
        let until: Date = rests_on.known_until.parse().unwrap();
        for row in corridors.values().flat_map(rows) {
            assert!(!rests_on.no_reference_starting.iter().any(|start| row.starts_with(start)), "{name} rests on {row}");
            let known = known_from(&row);
            assert!(known <= until, "{name} rests on {row}, known on {known}");
        }
    }
}

/// When the world knew a row of the bundle, by its own table.
fn known_from(row: &str) -> Date {
    let (table, id) = row.split_once('/').unwrap();
    let text = &Reference::built_in_files()[&format!("{table}.csv")];
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let column = |name: &str, headers: &csv::StringRecord| headers.iter().position(|header| header == name).unwrap();
    let headers = reader.headers().unwrap().clone();
    let found = reader.into_records().map(Result::unwrap).find(|record| record[column("id", &headers)] == *id);
    found.unwrap_or_else(|| panic!("no row {row}"))[column("known_from", &headers)].parse().unwrap()
}

/// Every reference row that a verdict names.
fn rows(corridor: &Value) -> Vec<String> {
    let of = |value: Option<&Value>| -> Vec<String> {
        let rows = value.and_then(Value::as_array).into_iter().flatten();
        rows.map(|row| row.as_str().unwrap().to_owned()).collect()
    };
    let evidence = corridor["evidence"].as_array().unwrap().iter();
    of(corridor.get("prior_reference")).into_iter().chain(evidence.flat_map(|evidence| of(evidence.get("reference")))).collect()
}

macro_rules! scenarios {
    ($($test:ident = $name:literal,)*) => {
        $(#[test] fn $test() { check($name); })*

        #[test]
        fn every_scenario_is_checked() {
            let named = [$($name,)*];
            for entry in fs::read_dir(folder()).unwrap() {
                let file = entry.unwrap().file_name().into_string().unwrap();
                if let Some(name) = file.strip_suffix(".expected.toml") {
                    assert!(named.contains(&name), "{file} is checked by no test");
                }
            }
        }
    };
}

scenarios! {
    antimony_chinese_oxide = "antimony-chinese-oxide",
    antimony_burmese_ore = "antimony-burmese-ore",
    antimony_no_first_leg = "antimony-no-first-leg",
    antimony_china_reports_zero = "antimony-china-reports-zero",
    antimony_two_years_earlier = "antimony-two-years-earlier",
    japan_dollars_only = "japan-dollars-only",
    bismuth_chinese_metal = "bismuth-chinese-metal",
    bismuth_laotian_metal = "bismuth-laotian-metal",
    bismuth_no_first_leg = "bismuth-no-first-leg",
    graphite_flat = "graphite-flat",
    graphite_sixfold = "graphite-sixfold",
    route_fittings_sri_lanka = "route-fittings-sri-lanka",
    route_korean_declarations = "route-korean-declarations",
}
