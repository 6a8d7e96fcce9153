//! Tests of the bundle that comes with the program: its facts as of dates, its family map.

mod codes;
mod rules;

use super::*;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn family(text: &str) -> FamilyId {
    text.parse().unwrap()
}

fn country(text: &str) -> Country {
    text.parse().unwrap()
}

fn code(text: &str) -> HsSubheading {
    text.parse().unwrap()
}

fn bundle() -> &'static Reference {
    Reference::built_in()
}

/// What binds Chinese goods of the family bound for the destination, one line a measure.
fn measures(of: &str, destination: &str, date: &str) -> Vec<String> {
    let measures = bundle().as_of(day(date)).measures(family(of), country(destination));
    let line = |measure: &Measure| {
        let suspended = measure.suspended.map(|(from, until)| format!(" suspended {from}..{}", until.unwrap_or(Date::MAX)));
        let part = if measure.partial { " in part" } else { "" };
        format!("{} {:?}{part}{}", measure.row, measure.kind, suspended.unwrap_or_default())
    };
    measures.iter().filter(|measure| !measure.weightless).map(line).collect()
}

#[test]
fn the_ban_on_antimony_is_seen_from_its_announcement_and_its_suspension_from_its_own() {
    let ban = |date: &str| -> Vec<String> {
        measures("SB", "US", date).into_iter().filter(|line| line.starts_with("controls/CN-2024-46")).collect()
    };
    assert_eq!(ban("2024-12-02"), Vec::<String>::new());
    let whole = ["controls/CN-2024-46 ExportBan", "controls/CN-2024-46 ExportBan in part"];
    assert_eq!(ban("2024-12-03"), whole);
    assert_eq!(ban("2025-11-08"), whole);
    assert_eq!(ban("2025-11-09").first().unwrap(), "controls/CN-2024-46 ExportBan suspended 2025-11-09..2026-11-27");
    assert!(measures("SB", "DE", "2024-12-31").iter().all(|line| !line.contains("CN-2024-46")));
}

#[test]
fn oxide_is_licensed_in_part_and_metal_as_a_whole() {
    let measures = bundle().as_of(day("2024-10-01")).measures(family("SB"), country("TH"));
    let codes = |partial: bool| -> Vec<String> {
        let measure = measures.iter().find(|measure| measure.partial == partial).unwrap();
        assert_eq!((measure.row.as_str(), measure.effective), ("controls/CN-2024-33", day("2024-09-15")));
        measure.subheadings.iter().map(ToString::to_string).collect()
    };
    assert_eq!(codes(false), ["261710", "283090", "811010", "811020", "811090"]);
    assert_eq!(codes(true), ["282580"]);
}

#[test]
fn a_basket_is_bound_by_what_names_its_code_and_a_heading_by_what_binds_all_goods() {
    assert_eq!(measures("H811292", "KR", "2024-01-01"), ["controls/CN-2023-23 ExportLicence in part"]);
    assert_eq!(measures("H8471", "US", "2025-03-01"), ["controls/US-IEEPA-FENT Duty"]);
    assert_eq!(measures("H8471", "DE", "2025-03-01"), Vec::<String>::new());
}

#[test]
fn a_shared_code_is_named_for_one_of_its_materials() {
    let named = |of: &str, row: &str| -> Vec<String> {
        let measures = bundle().as_of(day("2025-03-01")).measures(family(of), country("KR"));
        let of_row = measures.iter().filter(|measure| measure.row == row && !measure.partial);
        of_row.flat_map(|measure| &measure.subheadings).map(ToString::to_string).collect()
    };
    // Indium phosphide is on the list of 10/2025; indium metal and oxide stand under codes it names for others.
    assert_eq!(named("IN", "controls/CN-2025-10"), ["285390"]);
    assert!(named("GA", "controls/CN-2023-23").contains(&"811292".to_owned()));
}

#[test]
fn what_is_only_recalled_is_shown_and_weighs_nothing() {
    let measures = bundle().as_of(day("2020-01-01")).measures(family("W"), country("US"));
    assert!(measures.iter().any(|measure| measure.row == "controls/US-S301-L3" && measure.weightless));
}

#[test]
fn a_vintage_is_invisible_before_it_is_published() {
    let made = |at: &str, date: &str, year| bundle().as_of(day(date)).production(family("SB"), country(at), year);
    assert_eq!(made("TJ", "2025-01-30", 2024), Production::Unknown);
    let row = "production/MCS2025.SB.mine.TJ.2024".to_owned();
    assert_eq!(made("TJ", "2026-02-27", 2024), Production::Listed { tonnes: 17_000.0, row });
    let row = "production/MCS2026.SB.mine.TJ.2024".to_owned();
    assert_eq!(made("TJ", "2026-02-28", 2024), Production::Listed { tonnes: 22_000.0, row });
    // The year nearest to one that no table has.
    let row = "production/MCS2026.SB.mine.TJ.2025".to_owned();
    assert_eq!(made("TJ", "2026-02-28", 2030), Production::Listed { tonnes: 22_000.0, row });
}

#[test]
fn a_country_that_a_world_table_leaves_out_makes_at_most_what_the_smallest_listed_one_makes() {
    let made = |of: &str, at: &str, date: &str| bundle().as_of(day(date)).production(family(of), country(at), 2025);
    let row = "production/MCS2025.SB.mine.KG.2024".to_owned();
    assert_eq!(made("SB", "TH", "2025-06-01"), Production::Unlisted { at_most: 20.0, row });
    // Its members are listed, or not: the whole is not a country that the table passes over.
    assert_eq!(made("SI", "EU", "2025-06-01"), Production::Unknown);
    assert_eq!(made("FE", "TH", "2025-06-01"), Production::Unknown);
    // Listed, but withheld or without a figure.
    assert_eq!(made("LI", "US", "2025-06-01"), Production::Unknown);
}

#[test]
fn a_documented_smelter_counts_beside_the_mine_table() {
    let at = |date: &str| bundle().as_of(day(date));
    let korea = |date: &str| at(date).production(family("SB"), country("KR"), 2025);
    assert!(matches!(korea("2025-06-29"), Production::Unlisted { .. }));
    assert!(matches!(korea("2025-06-30"), Production::Listed { tonnes: 3_500.0, .. }));
    assert_eq!(at("2025-06-29").capacity(family("SB"), country("KR")), None);
    let capacity = at("2025-06-30").capacity(family("SB"), country("KR"));
    assert_eq!(capacity, Some((3_500.0, "capacity/SB.KR.2025".to_owned())));
}

#[test]
fn tables_of_one_kind_add_up() {
    let as_of = bundle().as_of(day("2026-03-01"));
    // Ferrosilicon 160,000 t and silicon metal 140,000 t of contained silicon.
    assert!(matches!(as_of.production(family("SI"), country("NO"), 2024), Production::Listed { tonnes: 300_000.0, .. }));
    assert!(matches!(as_of.secondary(family("SB"), country("US"), 2024), Production::Listed { tonnes: 3_330.0, .. }));
    assert_eq!(as_of.secondary(family("SB"), country("TH"), 2024), Production::Unknown);
}

#[test]
fn duties_step_with_time_and_unknown_origins_stay_unknown() {
    let duty = |origin: &str, hs: &str, on: &str| {
        let as_of = bundle().as_of(day(on));
        as_of.duty(country(origin), country("US"), code(hs), day(on)).map(|duty| (duty.rate * 1000.0).round() / 1000.0)
    };
    assert_eq!(duty("CN", "820900", "2018-09-23"), Some(0.0));
    assert_eq!(duty("CN", "820900", "2018-09-24"), Some(0.1));
    assert_eq!(duty("CN", "820900", "2019-05-10"), Some(0.25));
    // Antimony oxide is on no list of section 301 and exempt from the general rates, but not from the one on China.
    assert_eq!(duty("CN", "282580", "2025-04-20"), Some(0.2));
    assert_eq!(duty("TH", "282580", "2025-04-20"), Some(0.0));
    assert_eq!(duty("KZ", "282580", "2025-04-20"), Some(0.0));
    assert_eq!(duty("DE", "847130", "2025-08-20"), duty("FR", "847130", "2025-08-20"));
    assert_eq!(duty("KZ", "847130", "2025-08-20"), None);
    let elsewhere = bundle().as_of(day("2025-01-01")).duty(country("CN"), country("JP"), code("282580"), day("2025-01-01"));
    assert_eq!(elsewhere, None);
}

#[test]
fn changes_are_the_dates_on_which_something_is_published_or_steps() {
    let changes = bundle().changes(family("SB"), day("2024-08-01"), day("2026-03-01"));
    let expected = ["2024-08-15", "2024-09-15", "2024-12-03", "2025-01-31", "2025-06-30", "2025-11-09", "2026-02-28"];
    for date in expected {
        assert!(changes.contains(&day(date)), "{date} is missing in {changes:?}");
    }
    assert!(changes.is_sorted() && changes.windows(2).all(|pair| pair.first() != pair.last()));
    assert_eq!(bundle().changes(family("SB"), day("2024-08-15"), day("2024-09-15")), [day("2024-09-15")]);
    assert_eq!(bundle().changes(family("H2515"), day("2016-01-01"), day("2018-01-01")), []);
}

#[test]
fn between_two_changes_nothing_that_is_said_of_a_family_changes() {
    let of = family("SB");
    let says = |date: Date| {
        let as_of = bundle().as_of(date);
        let codes = bundle().families().hs6_of(of);
        let duties: Vec<_> = codes.iter().map(|hs| as_of.duty(Country::CHINA, country("US"), *hs, date)).collect();
        let made: Vec<_> = ["TH", "KR", "CN"].iter().map(|at| as_of.production(of, country(at), 2025)).collect();
        (as_of.measures(of, country("US")), duties, made, as_of.capacity(of, country("KR")))
    };
    let mut date = day("2024-07-01");
    while date < day("2026-03-10") {
        let next = date.tomorrow().unwrap();
        if bundle().changes(of, date, next).is_empty() {
            assert_eq!(says(date), says(next), "{next}");
        }
        date = next;
    }
}

#[test]
fn home_is_line_then_words_then_code_then_basket_then_heading() {
    let home = |hs: &str, line: Option<&str>, text: Option<&str>| {
        let line = line.map(|line| line.parse().unwrap());
        bundle().families().home(code(hs), line, text).to_string()
    };
    let cases = [
        ("282580", None, None, "SB"),
        ("284690", None, None, "REE"),
        ("250410", None, None, "C_NAT"),
        ("811292", None, None, "H811292"),
        ("811292", None, Some("GALLIUM METAL 4N"), "GA"),
        ("811292", None, Some("gallium and indium scrap"), "H811292"),
        ("811292", None, Some("metal powder"), "H811292"),
        ("811292", Some("8112921000"), None, "GA"),
        ("811292", Some("8112929010"), None, "GA"),
        ("811292", Some("8112921090"), Some("gallium"), "GE"),
        // Germanium in one tariff, gallium in another.
        ("811292", Some("81129210"), None, "H811292"),
        ("811292", Some("8112929999"), None, "H811292"),
        ("282590", None, Some("indium oxide"), "IN"),
        ("285390", None, Some("zinc germanium phosphide"), "GE"),
        ("280530", None, Some("dysprosium metal"), "REE"),
        ("847130", None, None, "H8471"),
        // Ferrite magnets are a placebo of the rare earths: context, never home.
        ("850519", None, None, "H8505"),
        ("854142", None, None, "SI_PV"),
    ];
    for (hs, line, text, expected) in cases {
        assert_eq!(home(hs, line, text), expected, "{hs} {line:?} {text:?}");
    }
    let issued = |issuer: &str| {
        let line = Some(("81129210".parse().unwrap(), Some(country(issuer))));
        bundle().families().home_issued(code("811292"), line, None).to_string()
    };
    assert_eq!((issued("CN").as_str(), issued("US").as_str()), ("GE", "GA"));
}

#[test]
fn a_code_is_context_for_every_family_that_lists_it() {
    let context = |hs: &str| -> Vec<String> { bundle().families().context(code(hs)).iter().map(ToString::to_string).collect() };
    assert_eq!(context("811292"), ["GA", "GE", "IN", "NB", "V"]);
    assert_eq!(context("850519"), ["REE"]);
    assert_eq!(context("847130"), Vec::<String>::new());
    let of_day = bundle().as_of(day("2025-01-01"));
    let (_, content) = of_day.contents(family("REE")).find(|(of, _)| *of == code("850519")).unwrap();
    assert_eq!((content.low, content.mid, content.high), (0.0, 0.0, 0.0));
    assert_eq!(bundle().families().all().filter(|f| bundle().families().class(*f) == FamilyClass::Minor).count(), 4);
}

#[test]
fn a_description_names_a_code_only_where_the_rules_agree() {
    let named = |text: &str| bundle().families().code_from_text(text).map(|code| code.to_string());
    assert_eq!(named("ANTIMONY TRIOXIDE 99.5 PCT").as_deref(), Some("282580"));
    assert_eq!(named("antimony metal and antimony oxide"), None);
    assert_eq!(named("toys"), None);
}

#[test]
fn older_editions_lead_to_2022_unless_the_code_was_divided() {
    let to = |hs: &str, version| bundle().to_hs2022(code(hs), version);
    assert_eq!(to("282580", HsVersion::Hs2017), HsConversion::Same(code("282580")));
    assert_eq!(to("854140", HsVersion::Hs2017), HsConversion::Split);
    assert_eq!(to("854140", HsVersion::Hs2007), HsConversion::Split);
    assert_eq!(to("854140", HsVersion::Hs2022), HsConversion::Same(code("854140")));
    assert_eq!(to("040310", HsVersion::Hs2017), HsConversion::Same(code("040320")));
}

#[test]
fn a_code_that_was_divided_within_one_family_and_stage_is_of_it() {
    let home = |hs: &str| bundle().families().home_divided(code(hs)).to_string();
    assert_eq!(["810600", "441232", "854140", "811292", "810390"].map(home), ["BI", "WOOD", "H854140", "H811292", "H810390"]);
    let of_day = bundle().as_of(day("2025-06-01"));
    assert_eq!(of_day.successors(code("810600")), [code("810610"), code("810690")]);
    assert!(of_day.successors(code("854140")).is_empty() && of_day.successors(code("810610")).is_empty());
    // Refined bismuth of 99.99 % and more, and all other.
    let (_, content) = of_day.contents(family("BI")).find(|(of, _)| *of == code("810600")).unwrap();
    assert_eq!((content.low, content.high, content.stage), (0.4, 1.0, MaterialStage::Metal));
    assert!((content.mid - (0.9999 + 0.97) / 2.0).abs() < 1e-9, "{content:?}");
    // What names both of them names it.
    let measures = of_day.measures(family("BI"), country("US"));
    let licence = measures.iter().find(|measure| measure.row == "controls/CN-2025-10").unwrap();
    assert!(licence.subheadings.contains(&code("810600")) && !licence.partial, "{licence:?}");
}

#[test]
fn a_code_that_was_divided_into_stages_is_none_of_them() {
    let mut files = Reference::built_in_files();
    let rows =
        "2017.700001,2017,700001,261710;282580,x\n2017.700002,2017,700002,261710;847130,x\n2017.700003,2017,700003,282580,x\n";
    files.get_mut("hs_correlation.csv").unwrap().push_str(rows);
    let changed = Reference::parse(&files).unwrap();
    let home = |hs: &str| changed.families().home_divided(code(hs)).to_string();
    assert_eq!(["700001", "700002", "700003"].map(home), ["H700001", "H700002", "H700003"]);
    assert_eq!(changed.family_map_fingerprint(), bundle().family_map_fingerprint());
    files.get_mut("hs_correlation.csv").unwrap().push_str("2017.700004,2017,700004,810610;810690,x\n");
    assert_ne!(Reference::parse(&files).unwrap().family_map_fingerprint(), changed.family_map_fingerprint());
}

#[test]
fn money_is_compared_at_the_newest_rate_known() {
    let rate = |currency: &str, month: &str, date: &str| {
        let found = bundle().as_of(day(date)).dollars(currency.parse().unwrap(), month.parse().unwrap());
        found.map(|(_, row)| row)
    };
    assert_eq!(rate("EUR", "2025-03", "2025-04-01").as_deref(), Some("exchange_rates/EUR.2025-03"));
    assert_eq!(rate("EUR", "2025-03", "2025-03-31").as_deref(), Some("exchange_rates/EUR.2025-02"));
    assert_eq!(rate("USD", "2025-03", "2025-03-31").as_deref(), Some("exchange_rates/USD"));
    assert_eq!(rate("VND", "2025-03", "2025-04-01"), None);
}

#[test]
fn shares_and_bands_come_with_their_rows() {
    let as_of = bundle().as_of(day("2025-01-01"));
    assert_eq!(as_of.reexport_share(country("HK")), Some((0.988, "hubs/HK".to_owned())));
    assert_eq!(as_of.reexport_share(country("SG")), None, "recalled figures weigh nothing");
    assert_eq!(as_of.lag_days(country("US")), Some(35));
    let (low, high, row) = as_of.unit_value_band(code("282580")).unwrap();
    assert!(low < 10.0 && high > 25.0 && row == "unit_values/282580");
}
