//! What a simulated world trades, between whom and through which ports. Public facts and plain scales; nothing that judges anyone.
//!
//! Control dates: facts on announcements 23/2023 (gallium, germanium), 39/2023 (graphite), 33/2024 and 46/2024 (antimony), 10/2025
//! (tungsten, bismuth, molybdenum), 18/2025 (rare-earth magnets) of China's commerce ministry. Prices are orders of magnitude.

use crate::domain::Country;

/// A traded good.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Good {
    /// Its HS 2022 subheading.
    pub(super) hs: &'static str,
    /// The subheading of the ore it is made from, where one is traded.
    pub(super) ore: Option<&'static str>,
    pub(super) description: &'static str,
    /// The family that its description names, where its subheading holds several.
    pub(super) family: Option<&'static str>,
    /// From when China controls its export, year and month; none for goods that are free.
    pub(super) control: Option<(i16, i8)>,
    /// An earlier or later month for one destination.
    pub(super) control_into: Option<(&'static str, (i16, i8))>,
    /// US cents a kilogram before any control.
    pub(super) cents_per_kg: u64,
    /// Usual monthly trade of a lane, in kg.
    pub(super) month_kg: u64,
    /// Usual mass of one shipment, in kg.
    pub(super) lot_kg: u64,
}

const PLAIN: Good = Good {
    hs: "",
    ore: None,
    description: "",
    family: None,
    control: None,
    control_into: None,
    cents_per_kg: 0,
    month_kg: 0,
    lot_kg: 20_000,
};

/// Goods of the materials families.
pub(super) const GOODS: &[Good] = &[
    Good {
        hs: "282580",
        ore: Some("261710"),
        description: "ANTIMONY TRIOXIDE 99.5 PCT",
        control: Some((2024, 9)),
        control_into: Some(("US", (2024, 12))),
        cents_per_kg: 1100,
        month_kg: 40_000,
        ..PLAIN
    },
    Good {
        hs: "811010",
        ore: Some("261710"),
        description: "ANTIMONY INGOT 99.65 PCT",
        control: Some((2024, 9)),
        cents_per_kg: 1250,
        month_kg: 35_000,
        ..PLAIN
    },
    Good {
        hs: "250410",
        description: "NATURAL FLAKE GRAPHITE",
        control: Some((2023, 12)),
        cents_per_kg: 120,
        month_kg: 250_000,
        ..PLAIN
    },
    Good {
        hs: "380110",
        description: "ARTIFICIAL GRAPHITE POWDER",
        control: Some((2023, 12)),
        cents_per_kg: 300,
        month_kg: 180_000,
        ..PLAIN
    },
    Good {
        hs: "811292",
        description: "GALLIUM METAL 99.99 PCT",
        family: Some("GA"),
        control: Some((2023, 8)),
        cents_per_kg: 30_000,
        month_kg: 700,
        lot_kg: 120,
        ..PLAIN
    },
    Good {
        hs: "810194",
        ore: Some("261100"),
        description: "TUNGSTEN BARS SINTERED",
        control: Some((2025, 2)),
        cents_per_kg: 4200,
        month_kg: 12_000,
        lot_kg: 4_000,
        ..PLAIN
    },
    Good {
        hs: "810110",
        ore: Some("261100"),
        description: "TUNGSTEN POWDER",
        control: None,
        cents_per_kg: 4000,
        month_kg: 14_000,
        lot_kg: 4_000,
        ..PLAIN
    },
    Good {
        hs: "810690",
        description: "BISMUTH INGOT 99.99 PCT",
        control: Some((2025, 2)),
        cents_per_kg: 1000,
        month_kg: 15_000,
        lot_kg: 6_000,
        ..PLAIN
    },
    Good {
        hs: "810210",
        ore: Some("261310"),
        description: "MOLYBDENUM POWDER",
        control: Some((2025, 2)),
        cents_per_kg: 5000,
        month_kg: 10_000,
        lot_kg: 4_000,
        ..PLAIN
    },
    Good {
        hs: "850511",
        description: "SINTERED PERMANENT MAGNETS",
        control: Some((2025, 4)),
        cents_per_kg: 4500,
        month_kg: 20_000,
        lot_kg: 3_000,
        ..PLAIN
    },
    Good { hs: "810411", description: "MAGNESIUM INGOT 99.9 PCT", cents_per_kg: 300, month_kg: 120_000, ..PLAIN },
    Good { hs: "280469", description: "SILICON METAL 441", cents_per_kg: 250, month_kg: 200_000, ..PLAIN },
    Good {
        hs: "811100",
        ore: Some("260200"),
        description: "ELECTROLYTIC MANGANESE FLAKES",
        cents_per_kg: 220,
        month_kg: 150_000,
        ..PLAIN
    },
];

/// What a good is made from with little work, and what it can be called instead.
pub(super) struct Related {
    hs: &'static str,
    /// One small step before it.
    pub(super) before: Good,
    /// Of `before`, for a thousand of the good.
    pub(super) permille: u64,
    /// A neighbour in the nomenclature.
    pub(super) beside: Good,
}

const fn as_code(hs: &'static str, description: &'static str, cents_per_kg: u64, lot_kg: u64) -> Good {
    Good { hs, description, cents_per_kg, lot_kg, ..PLAIN }
}

/// Of every good that is controlled. Oxide from metal and the reverse by stoichiometry, the rest with a plain loss.
const RELATED: &[Related] = &[
    Related {
        hs: "282580",
        before: as_code("811010", "ANTIMONY METAL UNWROUGHT", 1250, 20_000),
        permille: 850,
        beside: as_code("382499", "CHEMICAL PREPARATION N.E.S.", 900, 20_000),
    },
    Related {
        hs: "811010",
        before: as_code("282580", "ANTIMONY OXIDE CRUDE", 1000, 20_000),
        permille: 1220,
        beside: as_code("811090", "ANTIMONY ARTICLES", 1200, 20_000),
    },
    Related {
        hs: "250410",
        before: as_code("250490", "NATURAL GRAPHITE LUMP", 70, 20_000),
        permille: 1100,
        beside: as_code("380190", "GRAPHITE PREPARATIONS", 110, 20_000),
    },
    Related {
        hs: "380110",
        before: as_code("380190", "GRAPHITE BLOCKS SEMI FINISHED", 220, 20_000),
        permille: 1050,
        beside: as_code("854590", "CARBON ARTICLES", 290, 20_000),
    },
    Related {
        hs: "811292",
        before: as_code("282590", "GALLIUM OXIDE", 20_000, 160),
        permille: 1380,
        beside: as_code("811299", "GALLIUM ARTICLES", 29_000, 120),
    },
    Related {
        hs: "810194",
        before: as_code("810110", "TUNGSTEN POWDER", 4000, 4000),
        permille: 1020,
        beside: as_code("810199", "TUNGSTEN ARTICLES", 4100, 4000),
    },
    Related {
        hs: "810690",
        before: as_code("282590", "BISMUTH OXIDE", 850, 6000),
        permille: 1130,
        beside: as_code("810610", "BISMUTH ABOVE 99.99 PCT", 1000, 6000),
    },
    Related {
        hs: "810210",
        before: as_code("282570", "MOLYBDENUM OXIDE", 3000, 6000),
        permille: 1530,
        beside: as_code("810294", "MOLYBDENUM UNWROUGHT", 4800, 4000),
    },
    Related {
        hs: "850511",
        before: as_code("720299", "MAGNET ALLOY BLANKS", 3500, 3000),
        permille: 1150,
        beside: as_code("850519", "PERMANENT MAGNETS OTHER", 4300, 3000),
    },
];

/// A good's neighbours, where it has some.
pub(super) fn related(good: &Good) -> Option<&'static Related> {
    RELATED.iter().find(|related| related.hs == good.hs)
}

/// Every code under which a good or what it is made from may travel.
pub(super) fn codes(good: &Good) -> Vec<&'static str> {
    let related = related(good).into_iter().flat_map(|related| [related.before.hs, related.beside.hs]);
    [good.hs].into_iter().chain(good.ore).chain(related).collect()
}

/// What a plant that moves in needs first.
pub(super) static MACHINES: Good = as_code("847989", "MACHINES FOR METAL AND CHEMICAL PLANTS", 1600, 11_000);

/// The ore of a host metal, of which a by-product refiner has its material.
pub(super) static HOST_ORE: Good = as_code("260800", "ZINC CONCENTRATE", 110, 22_000);

/// Everyday goods of headings without a material.
pub(super) const ORDINARY: &[Good] = &[
    Good { hs: "847130", description: "PORTABLE COMPUTERS", cents_per_kg: 18_000, lot_kg: 6_000, ..PLAIN },
    Good { hs: "940360", description: "WOODEN FURNITURE", cents_per_kg: 350, lot_kg: 9_000, ..PLAIN },
    Good { hs: "610910", description: "COTTON T-SHIRTS", cents_per_kg: 1400, lot_kg: 7_000, ..PLAIN },
    Good { hs: "870899", description: "MOTOR VEHICLE PARTS", cents_per_kg: 800, lot_kg: 12_000, ..PLAIN },
    Good { hs: "847989", description: "INDUSTRIAL MACHINES", cents_per_kg: 1600, lot_kg: 11_000, ..PLAIN },
    Good { hs: "392690", description: "PLASTIC ARTICLES", cents_per_kg: 600, lot_kg: 8_000, ..PLAIN },
];

/// Who buys.
pub(super) const DESTINATIONS: &[&str] = &["US", "DE", "JP", "KR", "GB", "FR", "IT", "ES"];

/// Through whom, and who else sells: one list, from which the seed draws both.
pub(super) const TRADERS: &[&str] = &[
    "AE", "AR", "AT", "AU", "BE", "BG", "BO", "BR", "CA", "CH", "CL", "CO", "CZ", "EG", "FI", "GR", "HU", "ID", "IN", "KH", "KZ",
    "LA", "LK", "MA", "MX", "MY", "NL", "NO", "PE", "PH", "PK", "PL", "PT", "RO", "RS", "SE", "SG", "TH", "TR", "TW", "UZ", "VN",
    "ZA",
];

/// Ports by country: UN/LOCODE. A country without a row has its trade by land.
const PORTS: &[(&str, &[&str])] = &[
    ("AE", &["AEJEA"]),
    ("AR", &["ARBUE"]),
    ("AU", &["AUBNE", "AUFRE"]),
    ("BE", &["BEANR"]),
    ("BG", &["BGVAR"]),
    ("BR", &["BRSSZ"]),
    ("CA", &["CAVAN", "CAMTR"]),
    ("CL", &["CLSAI"]),
    ("CN", &["CNSHG", "CNNGB", "CNYTN", "CNTAO", "CNTXG", "CNXMN"]),
    ("CO", &["COCTG"]),
    ("DE", &["DEHAM", "DEBRV"]),
    ("EG", &["EGALY"]),
    ("ES", &["ESVLC", "ESALG"]),
    ("FI", &["FIHEL"]),
    ("FR", &["FRLEH"]),
    ("GB", &["GBFXT", "GBSOU"]),
    ("GR", &["GRPIR"]),
    ("HK", &["HKHKG"]),
    ("ID", &["IDJKT", "IDSUB"]),
    ("IN", &["INNSA", "INMUN", "INMAA"]),
    ("IT", &["ITGOA"]),
    ("JP", &["JPTYO", "JPYOK", "JPUKB"]),
    ("KH", &["KHKOS"]),
    ("KR", &["KRPUS", "KRINC"]),
    ("LK", &["LKCMB"]),
    ("MX", &["MXZLO", "MXVER"]),
    ("MY", &["MYPKG", "MYPEN"]),
    ("NL", &["NLRTM"]),
    ("NO", &["NOOSL"]),
    ("PE", &["PECLL"]),
    ("PH", &["PHMNL"]),
    ("PK", &["PKKHI"]),
    ("PL", &["PLGDN"]),
    ("PT", &["PTLIS"]),
    ("RO", &["ROCND"]),
    ("SE", &["SEGOT"]),
    ("SG", &["SGSIN"]),
    ("TH", &["THLCH", "THBKK"]),
    ("TR", &["TRIST", "TRMER"]),
    ("TW", &["TWKHH", "TWKEL"]),
    ("US", &["USHOU", "USLAX", "USNYC", "USSAV"]),
    ("VN", &["VNHPH", "VNSGN"]),
    ("ZA", &["ZADUR"]),
];

/// A country's ports.
pub(super) fn ports(country: Country) -> &'static [&'static str] {
    PORTS.iter().find(|(code, _)| *code == country.code()).map_or(&[], |(_, ports)| ports)
}

/// Days between the end of a month and its publication: around 20 in China, 35 in the US, 15 in Korea, 30 in Japan, 50 in Europe,
/// 25 to 50 elsewhere, ever the same for a country.
pub(super) fn publication_lag_days(country: Country) -> u64 {
    match country.code() {
        "CN" => 20,
        "US" => 35,
        "KR" => 15,
        "JP" => 30,
        "DE" | "GB" | "FR" | "IT" | "ES" | "BE" | "NL" | "PL" | "AT" | "CZ" | "HU" | "SE" | "FI" | "GR" | "PT" | "RO" | "BG" => {
            50
        }
        other => 25 + other.bytes().map(u64::from).sum::<u64>() % 26,
    }
}

/// Firms' legal forms by country.
pub(super) fn legal_form(country: Country) -> &'static str {
    match country.code() {
        "MY" => "Sdn Bhd",
        "DE" | "AT" => "GmbH",
        "US" => "Inc",
        "JP" => "KK",
        "FR" | "BE" | "CH" => "SA",
        "IT" => "SpA",
        "NL" => "BV",
        "VN" | "CN" => "Co Ltd",
        "SG" => "Pte Ltd",
        _ => "Ltd",
    }
}
