//! The draft itself: the sections of a mapping in their order, each guess with its reason above it.

use std::fmt::Write;

use super::looks::is_total;
use super::meaning::{Role, says, words};
use super::table::Source;
use super::text::{list, quoted, shortened};
use super::{Found, fields, months};
use crate::decode::draft::Kind;
use crate::domain::FeedName;
use crate::reference::CountryCode;

/// How much of a value is shown.
const SHOWN: usize = 24;
/// Values of a column that are shown.
const EXAMPLES: usize = 3;
/// The text that its author replaces.
pub(super) const TODO: &str = "TODO";

/// Lines of TOML, each below its reason.
#[derive(Default)]
pub(super) struct Lines {
    text: String,
    /// Columns that a line reads.
    pub(super) read: Vec<usize>,
    /// What was not found.
    pub(super) missing: Vec<String>,
}

impl Lines {
    /// A line and why it stands there.
    pub(super) fn say(&mut self, line: &str, why: &str) {
        self.comment(why);
        self.line(line);
    }

    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// What was written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// A comment: of what stands in the file nothing can end it.
    pub(super) fn comment(&mut self, text: &str) {
        self.line(format!("# {}", shortened(text, 1_000)).trim_end());
    }
}

impl Found<'_> {
    /// The first column that is surely this.
    pub(super) fn sure(&self, role: Role) -> Option<usize> {
        self.meanings.iter().position(|meaning| meaning.role == role && meaning.sure)
    }

    /// A column that may be this.
    pub(super) fn maybe(&self, role: Role) -> Option<usize> {
        self.meanings.iter().position(|meaning| meaning.role == role && !meaning.sure)
    }

    pub(super) fn all(&self, role: Role) -> Vec<usize> {
        let is = |at: &usize| self.meanings.get(*at).is_some_and(|meaning| meaning.role == role && meaning.sure);
        (0..self.meanings.len()).filter(is).collect()
    }

    pub(super) fn name(&self, at: usize) -> &str {
        self.table.columns.get(at).map_or("", Source::shown)
    }

    pub(super) fn words(&self, at: usize) -> String {
        words(self.name(at))
    }

    /// Whether the name of a column has one of these words.
    pub(super) fn named(&self, at: usize, said: &[&str]) -> bool {
        let words = self.words(at);
        said.iter().any(|word| says(&words, word))
    }

    /// Whether what the file is called has the word.
    pub(super) fn file_says(&self, word: &str) -> bool {
        self.around.file_name.is_some_and(|name| name.to_lowercase().contains(word))
    }

    /// `column` or `pointer`, and further keys, as a table.
    pub(super) fn table_of(&self, at: usize, keys: &str) -> String {
        let source = match self.table.columns.get(at) {
            Some(Source::Pointer(pointer)) => format!("pointer = {}", quoted(pointer)),
            column => format!("column = {}", quoted(column.map_or("", Source::shown))),
        };
        if keys.is_empty() { format!("{{ {source} }}") } else { format!("{{ {source}, {keys} }}") }
    }

    /// The shortest form of a value.
    pub(super) fn value_of(&self, at: usize, keys: &str) -> String {
        match self.table.columns.get(at) {
            Some(Source::Name(name)) if keys.is_empty() => quoted(name),
            _ => self.table_of(at, keys),
        }
    }

    /// Why a column is taken for what it is.
    pub(super) fn why(&self, at: usize) -> String {
        self.meanings.get(at).map_or_else(String::new, |meaning| format!("{}: {}", self.name(at), meaning.why))
    }

    fn is_private(&self, at: usize) -> bool {
        self.meanings.get(at).is_some_and(|meaning| matches!(meaning.role, Role::Private | Role::Party(_)))
    }

    /// Shipments are told by lines with a day and something that names a consignment; all else is a flow.
    fn kind(&self) -> (Kind, String) {
        let of_shipment = [Role::Container, Role::MasterBill, Role::HouseBill, Role::Id];
        let mark = of_shipment.into_iter().find_map(|role| self.sure(role));
        let party = self.meanings.iter().position(|meaning| matches!(meaning.role, Role::Party(_)));
        match (self.sure(Role::Day), mark.or(party)) {
            (Some(day), Some(mark)) => {
                let why = format!("{:?} tells a day and {:?} a single consignment or firm", self.name(day), self.name(mark));
                (Kind::Shipment, why)
            }
            _ => (Kind::TradeFlow, "no day stands beside a number, a firm or a container of a consignment".to_owned()),
        }
    }
}

/// The whole draft.
pub(super) fn draft(found: &Found<'_>) -> String {
    let (kind, why_kind) = found.kind();
    let mut fields = Lines::default();
    fields::write(found, kind, &mut fields);
    let mut draft = Lines::default();
    head(found, &mut draft);
    draft.line("version = 1");
    let stem = found.around.file_name.unwrap_or("new").split('.').next().unwrap_or_default();
    draft.say(&format!("name = {}", quoted(&FeedName::from_stem(stem).to_string())), "from the name of the file");
    draft.say("title = \"TODO\"", "TODO: what the feed is, and who publishes it");
    draft.say(&format!("kind = \"{}\"", kind.word()), &format!("{why_kind}; the other kind is {}", other(kind).word()));
    draft.line("\n[envelope]");
    found.table.envelope.iter().for_each(|(line, why)| draft.say(line, why));
    draft.comment("each row is a message of its own; where several rows tell one record see message and [gather]");
    columns(found, &fields, &mut draft);
    selections(found, &mut draft);
    draft.line("");
    draft.text.push_str(&fields.text);
    draft.line("");
    draft.comment("Not found, and what it costs:");
    let none = fields.missing.is_empty().then(|| "nothing that this kind of record needs".to_owned());
    fields.missing.iter().chain(&none).for_each(|text| draft.comment(&format!("  {text}")));
    draft.text
}

fn other(kind: Kind) -> Kind {
    if kind == Kind::Shipment { Kind::TradeFlow } else { Kind::Shipment }
}

fn head(found: &Found<'_>, draft: &mut Lines) {
    let (rows, columns) = (found.table.rows.len(), found.table.columns.len());
    let name = found.around.file_name.unwrap_or("stdin");
    draft.comment(&format!("A first draft of a mapping for {name}, from its first {rows} rows of {columns} columns."));
    draft.comment("Every line is a guess below its reason; what is unsure stays a comment. Fill in what says TODO, then try it:");
    draft.comment("  entrepot check FILE --as THIS.toml --sample 20");
    let months = months::hint(&found.table.columns);
    found.table.notes.iter().chain(&months).for_each(|note| draft.comment(&format!("Note: {note}.")));
    draft.comment("");
    draft.comment("Columns: values, how many rows have one, what it looks like, what it may be and why.");
    for (at, (looks, meaning)) in found.looks.iter().zip(&found.meanings).enumerate() {
        let example = |text: &&str| quoted(&shortened(text, SHOWN));
        let examples = if found.is_private(at) {
            "(withheld)".to_owned()
        } else {
            looks.distinct.iter().take(EXAMPLES).map(example).collect::<Vec<_>>().join(" ")
        };
        let mut line = format!("{:>3} {}: {examples}", at + 1, quoted(found.name(at)));
        let seen = if found.is_private(at) { "not told".to_owned() } else { looks.describe() };
        let _ = write!(line, "; {} of {}; {seen}", looks.filled, looks.rows);
        let perhaps = if meaning.sure { "" } else { "perhaps " };
        draft.comment(&format!("{line} -> {perhaps}{}: {}", meaning.role.shown(), meaning.why));
    }
    draft.line("");
}

fn columns(found: &Found<'_>, fields: &Lines, draft: &mut Lines) {
    let of = |test: &dyn Fn(usize) -> bool| {
        let named = |at: &usize| matches!(found.table.columns.get(*at), Some(Source::Name(_))) && test(*at);
        (0..found.table.columns.len()).filter(named).map(|at| found.name(at)).collect::<Vec<_>>()
    };
    let never = of(&|at| found.is_private(at));
    let decisive = [Role::Goods, Role::Day, Role::Period, Role::Year, Role::Partner, Role::Id, Role::HouseBill, Role::Value];
    let is_decisive = |at: usize| found.meanings.get(at).is_some_and(|meaning| decisive.contains(&meaning.role));
    let required = if found.table.preamble { of(&|at| is_decisive(at) && fields.read.contains(&at)) } else { Vec::new() };
    let public = found.looks.iter().enumerate().filter(|(at, _)| !found.is_private(*at));
    let mut nulls: Vec<&str> = public.flat_map(|(_, looks)| looks.nulls.iter().copied()).collect();
    nulls.sort_unstable();
    nulls.dedup();
    if never.is_empty() && required.is_empty() && nulls.is_empty() {
        return;
    }
    draft.line("\n[columns]");
    if !never.is_empty() {
        let why = "who somebody is, how to reach them, what an inspection found: not to be read. Whoever may lawfully use the name of a \
                   firm takes it out here and into [[parties]]";
        draft.say(&format!("never = {}", list(never)), why);
    }
    if !nulls.is_empty() {
        draft
            .say(&format!("nulls = {}", list(nulls)), "texts that sources write for nothing; take out what means something here");
    }
    if !required.is_empty() {
        draft.say(&format!("required = {}", list(required)), "by these the header is known, as it does not stand first");
    }
}

/// Rows that are sums of others.
fn selections(found: &Found<'_>, draft: &mut Lines) {
    let places = [Role::Reporter, Role::Partner, Role::Origin, Role::Consignment, Role::Destination];
    for (at, (looks, meaning)) in found.looks.iter().zip(&found.meanings).enumerate().filter(|(_, (_, meaning))| meaning.sure) {
        let reason = match meaning.role {
            Role::Goods => "total_over_goods",
            Role::Period | Role::Year | Role::MonthPart => "total_over_time",
            role if places.contains(&role) => "country_group",
            _ => continue,
        };
        let is_place = reason == "country_group";
        let system = looks.countries.first().filter(|_| is_place && looks.countries.len() == 1);
        let group = |text: &str| {
            system.is_some_and(|(_, system, _)| found.around.reference.codes().country(*system, text) == CountryCode::Group)
        };
        let drop: Vec<&str> = looks.totals.iter().copied().filter(|text| !group(text)).collect();
        if !drop.is_empty() {
            let texts = drop.iter().map(|text| format!("{:?}", shortened(text, SHOWN))).collect::<Vec<_>>().join(", ");
            draft.line("");
            draft.comment(&format!("{}: {texts} stands for all of them; beside its parts it would count twice", found.name(at)));
            draft.line("[[select]]");
            draft.line(&format!("reason = \"{reason}\""));
            draft.line(&format!("drop = {}", found.table_of(at, &format!("in = {}", list(drop)))));
        }
        let doubtful: Vec<&str> = looks.distinct.iter().copied().filter(|text| is_doubtful(text) && !group(text)).collect();
        if !doubtful.is_empty() && (is_place || meaning.role == Role::Goods) {
            let texts = list(doubtful);
            draft.line("");
            draft.comment(&format!(
                "{}: {texts} may be sums too, such as a group of countries; if so, drop them as well",
                found.name(at)
            ));
        }
        let known = looks.distinct.iter().filter(|text| group(text)).count();
        if known > 0 {
            draft.line("");
            draft.comment(&format!(
                "{}: {known} of its values are groups of countries by the code tables, which leave them out",
                found.name(at)
            ));
        }
    }
}

/// Texts that are often a sum, and may be a code.
fn is_doubtful(text: &str) -> bool {
    let lower = text.to_lowercase();
    let of_zeros = text.bytes().all(|byte| byte == b'0') && !text.is_empty();
    let signs = ["union", "asean", "oecd", "opec", "other", "others", "africa", "asia", "europe", "world", "agreement", "region"];
    !is_total(text) && (of_zeros || signs.iter().any(|word| says(&words(&lower), word)))
}
