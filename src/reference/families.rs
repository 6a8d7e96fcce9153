//! Which family a code belongs to, and what a code contains. Part of the key of `movements`: not a matter of dates.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Country, FamilyId, HsCode, HsSubheading};

use super::table::{KnownFamilies, Problems, Row, rows};
use super::{Content, FamilyClass, MaterialStage};

/// The families: home and context of every code.
#[derive(Debug, Default)]
pub struct Families {
    classes: BTreeMap<FamilyId, FamilyClass>,
    contents: BTreeMap<(FamilyId, HsSubheading), Option<Content>>,
    listed: BTreeMap<HsSubheading, Vec<FamilyId>>,
    codes: BTreeMap<FamilyId, Vec<HsSubheading>>,
    unshared: BTreeMap<HsSubheading, FamilyId>,
    shared: BTreeSet<HsSubheading>,
    /// Codes of older editions that were divided within one family and stage, and what they became.
    divided: BTreeMap<HsSubheading, (FamilyId, Vec<HsSubheading>)>,
    lines: BTreeMap<String, Vec<(Country, FamilyId)>>,
    rules: Vec<DescriptionRule>,
    text_codes: Vec<(Vec<String>, HsSubheading)>,
}

#[derive(Debug)]
struct DescriptionRule {
    family: FamilyId,
    codes: BTreeSet<HsSubheading>,
    any: Vec<Vec<String>>,
    none: Vec<Vec<String>>,
}

impl Families {
    /// The home of a code: by tariff line, else by description, else by an unshared subheading, else basket, else heading.
    ///
    /// A line that two customs territories use for different families decides nothing here; see `home_issued`.
    pub fn home(&self, hs6_2022: HsSubheading, line: Option<HsCode>, description: Option<&str>) -> FamilyId {
        self.home_issued(hs6_2022, line.map(|line| (line, None)), description)
    }

    /// As `home`, where the customs territory that issued the tariff line is known: 8112.92.10 is germanium in China's
    /// tariff and gallium in that of the United States.
    pub fn home_issued(
        &self,
        hs6_2022: HsSubheading,
        line: Option<(HsCode, Option<Country>)>,
        description: Option<&str>,
    ) -> FamilyId {
        line.and_then(|(line, issuer)| self.by_line(hs6_2022, line, issuer))
            .or_else(|| description.and_then(|text| self.by_description(hs6_2022, text)))
            .or_else(|| self.unshared.get(&hs6_2022).copied())
            .unwrap_or_else(|| {
                let shared = self.shared.contains(&hs6_2022);
                if shared { FamilyId::basket(hs6_2022) } else { FamilyId::heading(hs6_2022) }
            })
    }

    /// The home of a code of an older edition that was divided: 8106.00 of 2017 became 8106.10 and 8106.90, both bismuth metal, so
    /// that its family is certain though its code is not; else a basket.
    pub fn home_divided(&self, code: HsSubheading) -> FamilyId {
        self.divided.get(&code).map_or_else(|| FamilyId::basket(code), |(family, _)| *family)
    }

    /// What such a code became, where it has a family.
    pub(super) fn successors(&self, code: HsSubheading) -> &[HsSubheading] {
        self.divided.get(&code).map(|(_, into)| into.as_slice()).unwrap_or_default()
    }

    /// Such codes of a family.
    pub(super) fn divided_of(&self, family: FamilyId) -> impl Iterator<Item = (HsSubheading, &[HsSubheading])> {
        let of_family = self.divided.iter().filter(move |(_, (of, _))| *of == family);
        of_family.map(|(code, (_, into))| (*code, into.as_slice()))
    }

    /// Every family that lists the code, the home among them.
    pub fn context(&self, hs6: HsSubheading) -> &[FamilyId] {
        self.listed.get(&hs6).map(Vec::as_slice).unwrap_or_default()
    }

    /// The class of the family; baskets and headings are bulk.
    pub fn class(&self, family: FamilyId) -> FamilyClass {
        self.classes.get(&family).copied().unwrap_or(FamilyClass::Bulk)
    }

    /// The subheadings of HS 2022 that the family lists, ascending.
    pub fn hs6_of(&self, family: FamilyId) -> &[HsSubheading] {
        self.codes.get(&family).map(Vec::as_slice).unwrap_or_default()
    }

    /// Several materials share the code.
    pub fn is_shared(&self, hs6: HsSubheading) -> bool {
        self.shared.contains(&hs6)
    }

    /// The families of materials.
    pub fn all(&self) -> impl Iterator<Item = FamilyId> + '_ {
        self.classes.keys().copied()
    }

    /// The subheading that a description without a code names, where the rules agree on one.
    pub fn code_from_text(&self, description: &str) -> Option<HsSubheading> {
        let words = words_of(description);
        let named = self.text_codes.iter().filter(|(all, _)| all.iter().all(|word| words.contains(word)));
        let codes: BTreeSet<HsSubheading> = named.map(|(_, code)| *code).collect();
        if codes.len() == 1 { codes.first().copied() } else { None }
    }

    pub(super) fn contents(&self, family: FamilyId) -> impl Iterator<Item = (HsSubheading, &Content)> {
        let all = self.contents.range((family, HsSubheading::FIRST)..).take_while(move |((of, _), _)| *of == family);
        all.filter_map(|((_, code), content)| Some((*code, content.as_ref()?)))
    }

    /// Takes the codes that were divided. One of which all is of one family and stage contains what any of its successors may.
    pub(super) fn divide(&mut self, divided: BTreeMap<HsSubheading, BTreeSet<HsSubheading>>) {
        for (code, into) in divided {
            let homes: BTreeSet<Option<FamilyId>> = into.iter().map(|part| self.unshared.get(part).copied()).collect();
            let Some(family) = homes.first().copied().flatten().filter(|_| homes.len() == 1) else { continue };
            // Digits that the family lists today mean what they mean today.
            if self.contents.contains_key(&(family, code)) {
                continue;
            }
            let contents = into.iter().map(|part| self.contents.get(&(family, *part)).and_then(Option::as_ref));
            if let Some(content) = range(&contents.collect::<Vec<_>>()) {
                self.contents.insert((family, code), content);
                self.divided.insert(code, (family, into.into_iter().collect()));
            }
        }
    }

    /// All that decides home and context, as text: two maps are the same if and only if their texts are.
    pub(super) fn map(&self) -> String {
        let listed = self.listed.iter().map(|entry| format!("listed {entry:?}"));
        let unshared = self.unshared.iter().map(|entry| format!("home {entry:?}"));
        let shared = self.shared.iter().map(|code| format!("basket {code}"));
        let lines = self.lines.iter().map(|entry| format!("line {entry:?}"));
        let rules = self.rules.iter().map(|rule| format!("words {rule:?}"));
        let text_codes = self.text_codes.iter().map(|entry| format!("text {entry:?}"));
        let divided = self.divided.iter().map(|(code, (family, _))| format!("divided {code} {family}"));
        let parts = listed.chain(unshared).chain(shared).chain(lines).chain(rules).chain(text_codes).chain(divided);
        parts.collect::<Vec<_>>().join("\n")
    }

    fn by_line(&self, code: HsSubheading, line: HsCode, issuer: Option<Country>) -> Option<FamilyId> {
        let digits = line.digits();
        let rows = self.lines.get(digits).or_else(|| digits.get(..10).and_then(|ten| self.lines.get(ten)))?;
        let issued = rows.iter().filter(|(by, _)| issuer.is_none_or(|issuer| issuer == *by));
        let families: BTreeSet<FamilyId> = issued.map(|(_, family)| *family).collect();
        self.only(code, families)
    }

    fn by_description(&self, code: HsSubheading, text: &str) -> Option<FamilyId> {
        let rules: Vec<&DescriptionRule> = self.rules.iter().filter(|rule| rule.codes.contains(&code)).collect();
        if rules.is_empty() {
            return None;
        }
        let words = words_of(text);
        let says = |phrases: &[Vec<String>]| phrases.iter().any(|phrase| holds(&words, phrase));
        let families = rules.iter().filter(|rule| says(&rule.any) && !says(&rule.none)).map(|rule| rule.family).collect();
        self.only(code, families)
    }

    /// The one family, if it lists the code: two families named at once decide nothing.
    fn only(&self, code: HsSubheading, families: BTreeSet<FamilyId>) -> Option<FamilyId> {
        let family = families.first().copied().filter(|_| families.len() == 1)?;
        self.context(code).contains(&family).then_some(family)
    }
}

/// What goods contain that may be any of these; the outer `None` where they are of several stages, or counted in pieces in part.
fn range(of: &[Option<&Content>]) -> Option<Option<Content>> {
    let known: Vec<&Content> = of.iter().copied().flatten().collect();
    let Some(first) = known.first() else { return Some(None) };
    let is_alike = known.len() == of.len() && known.iter().all(|content| content.stage == first.stage);
    is_alike.then(|| {
        let low = known.iter().map(|content| content.low).fold(1.0, f64::min);
        let high = known.iter().map(|content| content.high).fold(0.0, f64::max);
        let mid = known.iter().map(|content| content.mid).sum::<f64>() / known.len() as f64;
        Some(Content { low, mid, high, ..(*first).clone() })
    })
}

/// Lower-case words of letters and digits.
fn words_of(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

fn holds(words: &[String], phrase: &[String]) -> bool {
    !phrase.is_empty() && words.windows(phrase.len()).any(|window| window == phrase)
}

/// The families that families.csv names, for the tables that refer to them.
pub(super) fn known(files: &BTreeMap<String, String>, problems: &mut Problems) -> BTreeMap<FamilyId, FamilyClass> {
    let mut classes = BTreeMap::new();
    for row in rows(files, "families.csv", &["id", "name", "class", "source", "confidence"], problems) {
        let family: Option<FamilyId> = row.required("id", "is no family (at most 15 capitals, digits and _)", problems);
        let class = match row.text("class") {
            "bulk" => Some(FamilyClass::Bulk),
            "minor" => Some(FamilyClass::Minor),
            _ => {
                row.wrong("class", "is no class (bulk or minor)", problems);
                None
            }
        };
        if let (Some(family), Some(class)) = (family, class) {
            classes.insert(family, class);
        }
    }
    classes
}

/// Reads the family map.
pub(super) fn read(
    files: &BTreeMap<String, String>,
    classes: BTreeMap<FamilyId, FamilyClass>,
    problems: &mut Problems,
) -> Families {
    let known: KnownFamilies = classes.keys().copied().collect();
    let mut families = Families { classes, ..Families::default() };
    materials(files, &known, &mut families, problems);
    lines(files, &known, &mut families, problems);
    rules(files, &known, &mut families, problems);
    let mut named = BTreeSet::new();
    for row in rows(files, "text_codes.csv", &["id", "all", "hs6", "source", "confidence"], problems) {
        let words: Vec<String> = row.list("all").into_iter().flat_map(words_of).collect();
        if words.is_empty() {
            row.wrong("all", "names no word", problems);
        }
        let mut sorted = words.clone();
        sorted.sort_unstable();
        row.once(named.insert(sorted), "all", "its words", problems);
        if let Some(code) = row.subheading("hs6", problems) {
            families.text_codes.push((words, code));
        }
    }
    families
}

const MATERIALS: &[&str] = &[
    "id",
    "family",
    "hs6",
    "stage",
    "form",
    "element",
    "content_low",
    "content_mid",
    "content_high",
    "shared",
    "role",
    "basis",
    "source",
    "confidence",
    "certainty",
];

fn materials(files: &BTreeMap<String, String>, known: &KnownFamilies, families: &mut Families, problems: &mut Problems) {
    for row in rows(files, "materials.csv", MATERIALS, problems) {
        let family = row.family("family", known, problems);
        let code = row.subheading("hs6", problems);
        let stage = stage(&row, problems);
        let shared = row.flag("shared", problems);
        let is_material = row.text("role") == "material";
        if !is_material && !matches!(row.text("role"), "placebo" | "capital_goods") {
            row.wrong("role", "is no role (material, placebo or capital_goods)", problems);
        }
        let content = content(&row, stage, shared, problems);
        let (Some(family), Some(code)) = (family, code) else { continue };
        if families.contents.insert((family, code), content).is_some() {
            row.wrong("hs6", "stands on an earlier row of the family too", problems);
        }
        families.listed.entry(code).or_default().push(family);
        families.codes.entry(family).or_default().push(code);
        if shared {
            families.shared.insert(code);
        } else if is_material && families.unshared.insert(code, family).is_some() {
            row.wrong("shared", "must be Y where two families list the subheading", problems);
        }
    }
    for code in &families.shared {
        families.unshared.remove(code);
    }
    families.listed.values_mut().for_each(|list| list.sort_unstable());
    families.codes.values_mut().for_each(|list| list.sort_unstable());
}

fn stage(row: &Row, problems: &mut Problems) -> Option<MaterialStage> {
    let stage = match row.text("stage") {
        "ore" => MaterialStage::Ore,
        "intermediate" => MaterialStage::Intermediate,
        "oxide" => MaterialStage::Oxide,
        "compound" => MaterialStage::Compound,
        "metal" => MaterialStage::Metal,
        "alloy" => MaterialStage::Alloy,
        "scrap" => MaterialStage::Scrap,
        "article" => MaterialStage::Article,
        _ => {
            row.wrong("stage", "is no stage (ore, intermediate, oxide, compound, metal, alloy, scrap or article)", problems);
            return None;
        }
    };
    Some(stage)
}

/// `None` also where the table holds no content, such as photovoltaic cells, which are counted in pieces.
fn content(row: &Row, stage: Option<MaterialStage>, shared: bool, problems: &mut Problems) -> Option<Content> {
    let columns = ["content_low", "content_mid", "content_high"];
    row.all_or_none(&columns, "is missing beside the others (all three, or none of goods that are counted in pieces)", problems);
    let low = row.open_amount("content_low", problems)?;
    let mid = row.open_amount("content_mid", problems)?;
    let high = row.open_amount("content_high", problems)?;
    if !(low <= mid && mid <= high && high <= 1.0) {
        row.wrong("content_mid", "does not lie between content_low and content_high, which is at most 1", problems);
        return None;
    }
    Some(Content { low, mid, high, stage: stage?, shared, row: row.name() })
}

fn lines(files: &BTreeMap<String, String>, known: &KnownFamilies, families: &mut Families, problems: &mut Problems) {
    let columns = &["id", "issuer", "line", "family", "source", "confidence", "certainty"];
    for row in rows(files, "tariff_lines.csv", columns, problems) {
        let issuer = row.country("issuer", problems);
        let line: Option<HsCode> = row.required("line", "is no tariff line (8 to 12 digits)", problems);
        let family = row.family("family", known, problems);
        let (Some(issuer), Some(line), Some(family)) = (issuer, line, family) else { continue };
        let issued = families.lines.entry(line.digits().to_owned()).or_default();
        row.once(issued.iter().all(|(by, _)| *by != issuer), "line", "a family", problems);
        issued.push((issuer, family));
    }
}

fn rules(files: &BTreeMap<String, String>, known: &KnownFamilies, families: &mut Families, problems: &mut Problems) {
    let columns = &["id", "family", "hs6", "any", "none", "source", "confidence"];
    for row in rows(files, "description_rules.csv", columns, problems) {
        let phrases = |column: &str| row.list(column).into_iter().map(words_of).collect::<Vec<_>>();
        let (any, none) = (phrases("any"), phrases("none"));
        if any.is_empty() {
            row.wrong("any", "names no word", problems);
        }
        let codes = row.subheadings("hs6", problems).into_iter().collect();
        if let Some(family) = row.family("family", known, problems) {
            families.rules.push(DescriptionRule { family, codes, any, none });
        }
    }
}
