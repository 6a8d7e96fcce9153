//! Large files with invented values in the layouts of two publishers, seeded: what the measures of `shapes` read. Measures nothing.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Result, Write};
use std::path::{Path, PathBuf};

/// The files of a shape.
pub(crate) struct Parts {
    folder: PathBuf,
    files: BTreeMap<&'static str, BufWriter<File>>,
    chance: u64,
    bytes: u64,
    rows: u64,
}

impl Parts {
    pub(crate) fn new(folder: &Path) -> Parts {
        Parts { folder: folder.to_owned(), files: BTreeMap::new(), chance: 1, bytes: 0, rows: 0 }
    }

    pub(crate) fn finish(self) -> Result<()> {
        self.files.into_values().try_for_each(|mut file| file.flush())
    }

    fn open(&mut self, name: &'static str, file: &str, header: &str) -> Result<()> {
        let mut opened = BufWriter::with_capacity(1 << 18, File::create(self.folder.join(file))?);
        writeln!(opened, "{header}")?;
        self.files.insert(name, opened);
        Ok(())
    }

    fn row(&mut self, name: &str, row: std::fmt::Arguments<'_>) -> Result<()> {
        let text = row.to_string();
        self.bytes += text.len() as u64 + 1;
        self.rows += 1;
        let file = self.files.get_mut(name).expect("a part is opened before it is written");
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")
    }

    /// splitmix64.
    fn below(&mut self, limit: u64) -> u64 {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.chance;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    fn one(&mut self, of: &[&'static str]) -> &'static str {
        let at = usize::try_from(self.below(of.len() as u64)).unwrap_or(0);
        of[at]
    }

    /// Mostly little and seldom much, as trade is.
    fn amount(&mut self) -> u64 {
        let most = 10u64.pow(u32::try_from(1 + self.below(7)).unwrap_or(1));
        1 + self.below(most)
    }
}

const REPORTERS: [&str; 27] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV", "MT", "NL",
    "PL", "PT", "RO", "SE", "SI", "SK",
];

const PARTNERS: [&str; 36] = [
    "AE", "AR", "AU", "BD", "BR", "CA", "CH", "CL", "CN", "EG", "GB", "HK", "ID", "IL", "IN", "JP", "KH", "KR", "KZ", "LK", "MA",
    "MM", "MX", "MY", "NO", "PH", "PK", "RU", "SG", "TH", "TR", "TW", "UA", "US", "VN", "ZA",
];

/// A month of the bulk file: a row for each procedure, those of one flow mostly one, in no order.
pub(crate) fn eurostat(parts: &mut Parts, bytes: u64) -> Result<u64> {
    let header = "REPORTER,PARTNER,TRADE_TYPE,PRODUCT_NC,PRODUCT_SITC,FLOW,STAT_PROCEDURE,SUPPL_UNIT,PERIOD,VALUE_EUR,VALUE_NAC,\
                  QUANTITY_KG,QUANTITY_SUPPL_UNIT";
    parts.open("month", "full_v2_202502.dat", header)?;
    while parts.bytes < bytes {
        let (reporter, partner) = (parts.one(&REPORTERS), parts.one(&PARTNERS));
        let (chapter, heading, rest, flow) =
            (1 + parts.below(76), 1 + parts.below(16), parts.below(400) * 25, 1 + parts.below(2));
        for procedure in 1..=1 + parts.below(7) / 4 {
            let (value, mass) = (parts.amount(), parts.amount());
            parts.row(
                "month",
                format_args!(
                    "{reporter},{partner},E,{chapter:02}{heading:02}{rest:04},52257,{flow},{procedure},NO_SU,202502,{value},{value},{mass},0"
                ),
            )?;
        }
    }
    Ok(parts.rows)
}

/// The parts of a release and their columns.
const MANIFESTS: [(&str, &str); 9] = [
    (
        "header",
        "identifier,carrier_code,vessel_country_code,vessel_name,port_of_unlading,estimated_arrival_date,foreign_port_of_lading_qualifier,\
         foreign_port_of_lading,manifest_quantity,manifest_unit,weight,weight_unit,measurement,measurement_unit,record_status_indicator,\
         place_of_receipt,port_of_destination,conveyance_id_qualifier,conveyance_id,in_bond_entry_type,mode_of_transportation,\
         actual_arrival_date",
    ),
    (
        "billgen",
        "identifier,master_bol_number,house_bol_number,sub_house_bol_number,voyage_number,bill_type_code,manifest_number,\
         trade_update_date,run_date",
    ),
    ("cargodesc", "identifier,container_number,description_sequence_number,piece_count,description_text"),
    ("consignee", "identifier,consignee_name,consignee_address_1,city,country_code,comm_number"),
    (
        "container",
        "identifier,container_number,seal_number_1,seal_number_2,equipment_description_code,container_length,container_height,\
         container_width,container_type,load_status,type_of_service",
    ),
    ("marksnumbers", "identifier,container_number,marks_and_numbers_1,marks_and_numbers_2"),
    ("notifyparty", "identifier,notify_party_name,notify_party_address_1,country_code"),
    (
        "shipper",
        "identifier,shipper_party_name,shipper_party_address_1,city,country_code,contact_name,comm_number_qualifier,comm_number",
    ),
    (
        "tariff",
        "identifier,container_number,description_sequence_number,harmonized_number,harmonized_value,harmonized_weight,\
         harmonized_weight_unit",
    ),
];

const LADEN: [&str; 6] = [
    "\"Laem Chabang,Thailand\"",
    "\"Shanghai ,China (Mainland)\"",
    "\"Busan,South Korea\"",
    "\"Haiphong,Vietnam\"",
    "\"Port Klang,Malaysia\"",
    "\"Rotterdam,Netherlands\"",
];

const GOODS: [(&str, &str); 8] = [
    ("ANTIMONY TRIOXIDE 99.5 PCT", "282580"),
    ("GALLIUM METAL", "81129250"),
    ("TRANSMISSION SHAFTS", "848310"),
    ("WOODEN FURNITURE PARTS", "940391"),
    ("PLASTIC HOUSEWARES", "392410"),
    ("CERAMIC TILES", "690721"),
    ("PLYWOOD PANELS", "441233"),
    ("PHOTOVOLTAIC MODULES", "854143"),
];

/// A year of bills in the order of their arrival, each part of a bill in the file of its part: one bill in two has a code, one in twenty is
/// a master of house bills.
pub(crate) fn manifests(parts: &mut Parts, bytes: u64) -> Result<u64> {
    for (name, header) in MANIFESTS {
        parts.open(name, &format!("ams__{name}_2025__202601010600.csv"), header)?;
    }
    let total = bytes / 640;
    let mut bill = 0u64;
    while parts.bytes < bytes {
        bill += 1;
        // Keys are no order of arrival.
        let key = format!("2025{:010}", bill.wrapping_mul(7_919_000_077) % 10_000_000_000);
        let day = (bill * 365 / total.max(1)).min(364);
        let day = format!("2025-{:02}-{:02}", 1 + day / 31, 1 + day % 28);
        let container = format!("CSQU{:07}", parts.below(10_000_000));
        let (laden, weight) = (parts.one(&LADEN), 100 + parts.below(28_000));
        let receipt = parts.one(&["LAEM CHABANG", "\"NINGBO, CHINA\"", "BUSAN", ""]);
        parts.row(
            "header",
            format_args!(
                "{key},EXLU,LR,EXAMPLE PIONEER,\"Houston, Texas\",{day},Schedule K Foreign Port,{laden},20,BAG,{weight},Kilograms,,,New,\
                 {receipt},,IMO,9000001,,10,{day}"
            ),
        )?;
        let kind = if bill.is_multiple_of(20) { "Master Bill" } else { "House Bill" };
        parts.row("billgen", format_args!("{key},MB{:07},HB{bill:07},,001E,{kind},1,{day},{day}", bill / 2))?;
        let (text, code) = GOODS[usize::try_from(parts.below(GOODS.len() as u64)).unwrap_or(0)];
        for line in 1..=1 + parts.below(3) / 2 {
            parts.row("cargodesc", format_args!("{key},{container},{line},20,{text} LOT {bill}"))?;
        }
        parts.row("container", format_args!("{key},{container},A{bill},,CN,4000,806,0,4310,Loaded,"))?;
        let (buyer, seller) = (parts.below(9_000), parts.below(12_000));
        parts.row("consignee", format_args!("{key},EXAMPLE IMPORTS {buyer} INC,3 EXAMPLE STREET,HOUSTON,US,0000000"))?;
        let country = parts.one(&["TH", "CN", "VN", "MY", "KR"]);
        parts.row("shipper", format_args!("{key},EXAMPLE TRADE {seller} CO LTD,1 EXAMPLE ROAD,BANGKOK,{country},,TE,0000000"))?;
        if !bill.is_multiple_of(3) {
            parts.row("notifyparty", format_args!("{key},EXAMPLE BROKERS INC,4 EXAMPLE STREET,US"))?;
        }
        let (mark, origin) = (parts.one(&["MADE IN", "N/M", "NO. 1-20"]), parts.one(&["THAILAND", "VIETNAM", ""]));
        parts.row("marksnumbers", format_args!("{key},{container},{mark},{origin}"))?;
        if bill.is_multiple_of(2) {
            parts.row("tariff", format_args!("{key},{container},1,{code},0,0,"))?;
        }
    }
    Ok(parts.rows)
}
