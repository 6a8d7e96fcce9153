//! What a column is likely to mean: what its name says and its values look like. What one of the two says alone stays a question.

use super::looks::Looks;
use super::private::{folded, is_accent, reason};
use super::table::{Source, Table};

/// What a column may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// May not be read: who somebody is, where to reach them, what an inspection found.
    Private,
    /// The name or number of a firm or a person.
    Party(&'static str),
    /// A figure that is no value of goods: a price of one unit, a duty, a rate.
    OtherFigure,
    Goods,
    Description,
    Reporter,
    Partner,
    Origin,
    Consignment,
    Destination,
    Lading,
    Day,
    Period,
    Year,
    MonthPart,
    Quarter,
    KnownFrom,
    Flow,
    NetMass,
    GrossMass,
    /// A mass, net or gross.
    Mass,
    Quantity,
    Unit,
    MassUnit,
    Value,
    Currency,
    Container,
    MasterBill,
    HouseBill,
    PortOfLading,
    PortOfUnlading,
    PlaceOfReceipt,
    Id,
    Item,
    /// Nothing speaks for anything.
    Nothing,
}

impl Role {
    /// As the draft calls it.
    pub(super) fn shown(self) -> &'static str {
        match self {
            Role::Private => "never (private)",
            Role::Party(_) => "never (a party)",
            Role::OtherFigure => "a figure that is no value of goods",
            Role::Goods => "hs",
            Role::Description => "description",
            Role::Reporter => "reporter",
            Role::Partner => "partner",
            Role::Origin => "country_of_origin",
            Role::Consignment => "country_of_consignment",
            Role::Destination => "destination",
            Role::Lading => "country_of_lading",
            Role::Day => "event_date",
            Role::Period | Role::Year | Role::MonthPart | Role::Quarter => "period",
            Role::KnownFrom => "known_from",
            Role::Flow => "flow",
            Role::NetMass => "net_mass_kg",
            Role::GrossMass => "gross_mass_kg",
            Role::Mass => "a mass",
            Role::Quantity => "a quantity",
            Role::Unit | Role::MassUnit => "a unit",
            Role::Value => "customs_value",
            Role::Currency => "a currency",
            Role::Container => "containers",
            Role::MasterBill => "bill_of_lading.master",
            Role::HouseBill => "bill_of_lading.house",
            Role::PortOfLading => "port_of_lading",
            Role::PortOfUnlading => "port_of_unlading",
            Role::PlaceOfReceipt => "place_of_receipt",
            Role::Id => "id",
            Role::Item => "a line of the record",
            Role::Nothing => "not read",
        }
    }
}

/// What a column is taken for, and why.
#[derive(Clone, Debug)]
pub(super) struct Meaning {
    pub(super) role: Role,
    /// Name and values agree.
    pub(super) sure: bool,
    pub(super) why: String,
}

impl Meaning {
    /// A column that stands there for each of several months or years is no field: a pivot reads them all.
    pub(super) fn is_one_of_many(&mut self) {
        if !matches!(self.role, Role::Private | Role::Party(_)) {
            let why = "its name differs from those of other columns in a time alone: see the note on a pivot".to_owned();
            *self = Meaning { role: Role::Nothing, sure: true, why };
        }
    }
}

/// What the values have to look like.
#[derive(Clone, Copy)]
enum Needs {
    Anything,
    Figures,
    Goods,
    Countries,
    Days,
    Periods,
    Years,
    Months,
    Quarters,
    Units,
    Currencies,
    Directions,
    Containers,
    Words,
}

/// Words of a name (`|` between them), of which one is enough; words that speak against it; what the values must look like. The first rule
/// that fits is taken.
type Rule = (Role, &'static str, &'static str, Needs);

const PLACES: &str = "country|port|pais|pays|land|cty|value|valor|quantity|weight";
const VALUES: &str =
    "value|val|amount|fob|cif|usd|eur|price|valor|$|us$|hk$|nt$|a$|au$|c$|ca$|can$|nz$|s$|sg$|r$|mx$|mex$|美元|人民币|金额|금액";
const RULES: [Rule; 39] = [
    (
        Role::Private,
        // One of them is a source's name for what an inspection found: no word of ours, so it stands here in two pieces.
        concat!(
            "phone|telephone|tel|mobile|mobil|whatsapp|telefonnummer|handynummer|fax|email|e mail|mail|address|addr|street|city|pin|postal|postcode|zip|contact|passport|fr",
            "aud|inspection|inspeccion|inspecao|kontrolle|seized|risk|riesgo|risco|telefono|telefon|telefone|handy|celular|movil|",
            "correo|courriel|direccion|endereco|adresse|indirizzo|strasse|calle|rue|rua|ciudad|ville|stadt|cidade|plz|cep|cnpj|cpf|rut|nit|",
            "cuit|cuil|ruc|rfc|dni|nif|nie|cedula|curp|siren|siret|gstin|steuernummer|pasaporte|passaporte|passeport|reisepass|vat no|vat number|",
            "vat id|tax id|eori|ein|duns|kontakt|contacto|contato|contatto|domicilio|domicile|anschrift|bank account|account no|",
            "account number|iban|bic|cuenta|konto|kontonummer|compte|bank|swift|account holder|postleitzahl|ust id|ustid|pan|abn|",
            "ior number|morada|selectividad|selectivity|aforo|canal|inspector|inspetor|seizure|examination|exam|hold code|website|",
            "truck plate|plate|电话|地址|住所|联系人|주소|전화|사업자등록번호"
        ),
        "",
        Needs::Anything,
    ),
    (
        Role::Private,
        concat!(
            "surname|first name|last name|full name|firstname|lastname|driver|captain|broker|agent|owner|person|signatory|nombre|",
            "apellido|apellidos|nome|sobrenome|prenom|vorname|nachname|fahrer|conductor|chofer|agente|despachante|persona|user|user name|",
            "username|usuario|utilisateur|benutzer|signed|signed by|signature|firmado|firmante|signataire|unterzeichner|representative|",
            "representante|representant|vertreter|apoderado|titular|responsable|responsavel|sachbearbeiter|ansprechpartner|姓名|성명"
        ),
        "country|pais|pays|land|product|producto|produto|commodity|goods|mercancia|mercadoria|port|puerto|porto",
        Needs::Anything,
    ),
    (
        Role::Party("shipper"),
        "shipper|exporter|supplier|seller|vendor|vendeur|vendedor|verkaufer|exportador|exportateur|exporteur|expediteur|embarcador|remitente|\
         proveedor|fornecedor|fournisseur|lieferant|absender|发货人|수출자",
        PLACES,
        Needs::Anything,
    ),
    (
        Role::Party("consignee"),
        "consignee|buyer|purchaser|customer|acheteur|comprador|kaufer|destinatario|destinataire|consignatario|cliente|client|kunde|\
         empfanger|收货人",
        PLACES,
        Needs::Anything,
    ),
    (
        Role::Party("importer_of_record"),
        "importer|iec|declarant|declarante|anmelder|filer|importador|importateur|importeur|company|empresa|razon social|razao social|firma|经营单位|수입자",
        PLACES,
        Needs::Anything,
    ),
    (Role::Party("notify_party"), "notify|notify party", PLACES, Needs::Anything),
    (Role::Party("manufacturer"), "manufacturer|producer|maker|fabricante|fabricant|hersteller", PLACES, Needs::Anything),
    (Role::OtherFigure, "unit price|price per|unit value|uv|duty|dut|tax|rate|freight|insurance|单价", "", Needs::Anything),
    (Role::Currency, "currency|curr|currency code|moneda|币制", "value|amount", Needs::Currencies),
    (Role::MassUnit, "weight unit|mass unit|wgt unit", "", Needs::Units),
    (Role::Unit, "unit|units|uom|unidad|unidade|计量单位|单位", "value", Needs::Units),
    (
        Role::NetMass,
        "net mass|net weight|net wgt|netweight|netwgt|netweightkg|net kg|net|n w|nw|netto|nettomasse|nettogewicht|eigenmasse|neto|liquido|\
         bersih|нетто|净重|순중량",
        NO_MASS,
        Needs::Figures,
    ),
    (
        Role::GrossMass,
        "gross mass|gross weight|gross wgt|gross kg|gross|g w|gw|brutto|bruttomasse|bruttogewicht|bruto|brut|kotor|брутто|毛重|총중량",
        NO_MASS,
        Needs::Figures,
    ),
    (Role::Mass, "mass|weight|wgt|kg|kgs|kilograms|peso|tonnes|tons|重量", OTHER_MASSES, Needs::Figures),
    (Role::Value, VALUES, "unit|kg|kgs|cumulative|cum|ytd", Needs::Figures),
    (Role::Quantity, "quantity|qty|qy1|qty1|cantidad|quantidade|数量|수량", "", Needs::Figures),
    (Role::Flow, "flow|trade type|exp or imp|import export|direction|type|flow code", "", Needs::Directions),
    (
        Role::Goods,
        "hs|hts|hsn|ncm|taric|hs6|hs8|hs10|hs code|cn8|commodity|cmd|product|tariff|nc|商品编码|品目|hscode",
        "desc|description|name",
        Needs::Goods,
    ),
    (
        Role::Description,
        "description|desc|goods|commodity|product|cargo|品名|商品名称",
        "code|value|amount|price|usd|us$|eur|$",
        Needs::Words,
    ),
    (Role::MasterBill, "master bill|mbl|master bl", "type", Needs::Anything),
    (Role::HouseBill, "bill of lading|house bill|hbl|bol|bl|b l|bill", "type", Needs::Anything),
    (Role::KnownFrom, "last update|updated|published|release|publication", "", Needs::Days),
    (Role::Day, "date|day|arrival|fecha|data|日期|일자", "", Needs::Days),
    (Role::Period, "period|month|time|date|year month|yearmonth|年月|기간|mes|ref", "", Needs::Periods),
    (Role::Year, "year|yr|ano|jahr|年|period|time", "duty", Needs::Years),
    (Role::MonthPart, "month|mon|mes|monat|月", "", Needs::Months),
    (Role::Quarter, "quarter|qtr|trimestre|trimester|quartal|季度|분기", "", Needs::Quarters),
    (
        Role::Origin,
        "origin|country of origin|origin country|orig|origen|origem|origine|ursprung|ursprungsland|herkunft|原产国",
        "indicator|port",
        Needs::Countries,
    ),
    (
        Role::Consignment,
        "consignment|departure|dispatch|country of export|export country|exporting|procedencia|provenance",
        "port",
        Needs::Countries,
    ),
    (Role::Lading, "country of lading|lading country|port of lading country|loading country", "", Needs::Countries),
    (Role::Destination, "destination|dest|import country|country of import|destino", "port", Needs::Countries),
    (Role::Reporter, "reporter|reporting|reporter iso|declaring", "", Needs::Countries),
    (
        Role::Partner,
        "partner|country|cty|partner iso|pais|pays|land|贸易伙伴|국가|stat cd|stat",
        "2nd|second|partner2",
        Needs::Countries,
    ),
    (Role::PortOfLading, "port of lading|loading port|lading port|pol|port of loading|foreign port", "country", Needs::Words),
    (
        Role::PortOfUnlading,
        "port of unlading|unloading port|discharge port|port of discharge|pod|port of entry",
        "country",
        Needs::Words,
    ),
    (Role::PlaceOfReceipt, "place of receipt|receipt", "country|date", Needs::Words),
    (Role::Container, "container|containers|container number|container id", "marks|number of", Needs::Containers),
    (Role::Item, "item no|line no|item|line|sequence|项号", "", Needs::Anything),
    (
        Role::Id,
        "declaration no|declaration number|declaration id|record id|entry no|entry number|identifier|shipment id|be no|id|报关单号",
        "container|carrier|vessel|office",
        Needs::Anything,
    ),
];
/// Words of what may be net or gross too, and is no mass.
const NO_MASS: &str = "value|amount|price|invoice|usd|us$|$|eur|quantity|qty|duty|tax|freight|cumulative|cum|ytd";
/// Words of what is no mass of the goods, or not of the period.
const OTHER_MASSES: &str =
    "value|amount|price|usd|us$|$|eur|per|avg|average|volume|volumetric|chargeable|charg|tare|cumulative|cum|ytd";
/// What a name alone says, where no rule above took it by name and values: asked, never set.
const BY_NAME_ALONE: [Rule; 6] = [
    (Role::Value, VALUES, "unit", Needs::Words),
    (Role::Goods, "hs|hts|ncm|hs code", "desc|description", Needs::Anything),
    (Role::Origin, "origin|origen|origem|origine", "indicator|port", Needs::Words),
    (Role::Destination, "destination", "port", Needs::Words),
    (Role::Partner, "partner|country", "2nd|second", Needs::Words),
    (Role::Period, "period|month", "", Needs::Words),
];
/// The words of a name, in lower case without accents and with blanks between: `cmdCode`, `HS_CODE` and `Weight (kg)` alike.
pub(super) fn words(name: &str) -> String {
    let mut out = String::new();
    let mut before = ' ';
    for sign in name.chars() {
        if sign.is_uppercase() && before.is_lowercase() {
            out.push(' ');
        }
        match sign {
            // With the letters before it, which say whose it is.
            '$' => out.push_str("$ "),
            '€' => out.push_str(" eur "),
            sign if is_accent(sign) => {}
            sign if sign.is_alphanumeric() => sign.to_lowercase().for_each(|lower| match folded(lower) {
                "" => out.push(lower),
                plain => out.push_str(plain),
            }),
            _ => out.push(' '),
        }
        before = sign;
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a name has the word; of scripts without blanks a part of it is enough.
pub(super) fn says(words: &str, word: &str) -> bool {
    if word.is_empty() {
        return false;
    }
    if word.is_ascii() || word.chars().count() < 2 {
        format!(" {words} ").contains(&format!(" {word} "))
    } else {
        words.contains(word)
    }
}

fn looks_like(looks: &Looks<'_>, needs: Needs) -> bool {
    match needs {
        Needs::Anything => true,
        Needs::Figures => looks.print.is_some(),
        Needs::Goods => !looks.goods.is_empty(),
        Needs::Countries => !looks.countries.is_empty(),
        Needs::Days => !looks.days.is_empty(),
        Needs::Periods => !looks.months.is_empty(),
        Needs::Years => looks.years,
        Needs::Months => looks.month_part.is_some(),
        Needs::Quarters => looks.quarter().is_some(),
        Needs::Units => looks.unit,
        Needs::Currencies => looks.currency,
        Needs::Directions => looks.flow || (looks.distinct.len() <= 4 && looks.print.is_some()),
        Needs::Containers => looks.containers > 0,
        Needs::Words => looks.filled > 0 && looks.print.is_none(),
    }
}

/// What each column is likely to mean.
pub(super) fn meanings(table: &Table, looks: &[Looks<'_>]) -> Vec<Meaning> {
    table.columns.iter().zip(looks).map(|(column, looks)| meaning(column, looks)).collect()
}

fn meaning(column: &Source, looks: &Looks<'_>) -> Meaning {
    let whole = words(column.shown());
    // Of a place deep in JSON the last name says most, but what is private is private all the way down.
    let last = column.shown().rsplit('/').next().map(words).unwrap_or_default();
    let by_name = match ruled(&whole, looks) {
        Some(found) if matches!(found.role, Role::Private | Role::Party(_)) => Some(found),
        whole => ruled(&last, looks).filter(|_| matches!(column, Source::Pointer(_))).or(whole),
    };
    let found = by_name.unwrap_or_else(|| by_values(looks));
    let is_private = matches!(found.role, Role::Private | Role::Party(_));
    // What proves itself to be something else is nobody's name; where values speak for one, in doubt they are not shown.
    let proven = looks.print.is_some() || looks.containers > 0 || !looks.countries.is_empty() || !looks.days.is_empty();
    match reason(&looks.distinct) {
        Some(why) if !is_private && !proven => Meaning { role: Role::Private, sure: true, why: why.to_owned() },
        _ => found,
    }
}

/// What the first rule says that fits the name and the values.
fn ruled(name: &str, looks: &Looks<'_>) -> Option<Meaning> {
    let rules = RULES.iter().map(|rule| (rule, false)).chain(BY_NAME_ALONE.iter().map(|rule| (rule, true)));
    for ((role, said, against, needs), by_name) in rules {
        let Some(word) = said.split('|').find(|word| says(name, word)) else { continue };
        if against.split('|').any(|word| says(name, word)) || !looks_like(looks, *needs) {
            continue;
        }
        let why = match needs {
            _ if by_name => format!("its name says {word:?}, and its values do not look like it"),
            Needs::Anything => format!("its name says {word:?}"),
            _ => format!("its name says {word:?}, and its values look like it"),
        };
        return Some(Meaning { role: *role, sure: !by_name, why });
    }
    None
}

/// What the values alone say.
fn by_values(looks: &Looks<'_>) -> Meaning {
    let found = |role, sure, why: &str| Meaning { role, sure, why: why.to_owned() };
    let unsure = "its values look like it, and its name says nothing of it";
    match looks {
        _ if looks.containers > 0 => found(Role::Container, true, "every number proves itself by its check digit"),
        _ if looks.flow && looks.distinct.iter().all(|text| text.chars().count() > 1) => {
            found(Role::Flow, true, "its values are words for import and export")
        }
        _ if looks.filled == 0 => found(Role::Nothing, true, "it is empty here"),
        _ if !looks.goods.is_empty() && looks.days.is_empty() && looks.months.is_empty() => found(Role::Goods, false, unsure),
        _ if !looks.countries.is_empty() => found(Role::Partner, false, unsure),
        _ if !looks.days.is_empty() => found(Role::Day, false, unsure),
        _ if !looks.months.is_empty() => found(Role::Period, false, unsure),
        _ if looks.bill => found(Role::HouseBill, false, unsure),
        _ => found(Role::Nothing, true, "neither its name nor its values speak for a field"),
    }
}
