//! Kinds of evidence, one a file. A signal reads a subject and is silent or gives one piece of evidence; it never reads another
//! signal.

mod balance;
mod divided;
mod episode;
mod event_surge;
mod facts;
mod first_leg;
mod imports;
mod incentive;
mod legs;
mod mass;
mod mass_balance;
mod parameters;
mod route_cn_lading;
mod share;
mod sheet;
mod subject;
#[cfg(test)]
pub(crate) mod trade;
mod union;
mod words;

pub(crate) use event_surge::event_surge;
pub(crate) use facts::Asked;
#[cfg(test)]
pub(crate) use facts::Contents;
use facts::Facts;
use imports::Imports;
pub(crate) use incentive::{
    missing as incentive_missing, of_corridor as incentive_of_corridor, of_record as incentive_of_record, rows as incentive_rows,
};
use legs::Legs;
pub(crate) use mass_balance::mass_balance;
pub(crate) use parameters::numbers;
pub(crate) use parameters::{BalanceNumbers, EpisodeNumbers, Parameters, PriorNumbers, RouteNumbers, ShareNumbers, SurgeNumbers};
pub(crate) use route_cn_lading::route_cn_lading;
pub(crate) use share::table as draws;
pub(crate) use subject::{Subject, World};

use crate::domain::FamilyId;
use crate::ledger::{CellRef, Touched};
use crate::reference::AsOf;

/// What has been looked up for a family and is kept between evaluations.
#[derive(Debug)]
pub(crate) struct Lookups {
    /// What the world has published.
    pub(crate) facts: Facts,
    /// What ways told, until that changes.
    legs: Legs,
    /// What every M imports, until that changes.
    imports: Imports,
}

impl Lookups {
    /// Nothing yet.
    pub(crate) fn new(reference: &AsOf<'_>, family: FamilyId) -> Lookups {
        Lookups { facts: Facts::new(reference, family), legs: Legs::default(), imports: Imports::default() }
    }

    /// Bytes of memory, but for the few of each M.
    pub(crate) fn bytes(&self) -> u64 {
        self.legs.bytes()
    }

    /// Trade has changed.
    pub(crate) fn change(&self, touched: &Touched) {
        for ((to, from, account), since) in &touched.ways {
            self.legs.change((*to, *from), *account, *since);
            self.imports.change(*to, *from);
        }
        for (to, since) in &touched.importers {
            self.legs.change_into(*to, *since);
            self.imports.forget(*to);
        }
        if let Some(since) = touched.from_china {
            self.legs.change_from_china(since);
            self.imports.change_from_china();
        }
    }
}

/// Whether what a signal reads could be observed. No weight: missing data is never evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Coverage {
    /// It could.
    Observed,
    /// No source tells it.
    NotObservable,
    /// A source tells it, and has not yet.
    Pending,
}

impl Coverage {
    /// The word on the outside.
    pub fn word(self) -> &'static str {
        match self {
            Coverage::Observed => "observed",
            Coverage::NotObservable => "not_observable",
            Coverage::Pending => "pending",
        }
    }
}

/// What a signal would need to speak, and how much it could say at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The signal's code on the outside; also of signals that are not built.
    pub signal: &'static str,
    /// The largest weight it could have, thousandths, without sign.
    pub weight: i32,
    /// What is missing.
    pub because: String,
}

/// The layer in which evidence counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Layer {
    /// The consignment itself.
    Record,
    /// The firms.
    Entity,
    /// The trade of the corridor.
    Corridor,
    /// Before and after an event.
    Time,
}

impl Layer {
    /// In the order of the contract.
    pub const ALL: [Layer; 4] = [Layer::Record, Layer::Entity, Layer::Corridor, Layer::Time];

    /// The word on the outside.
    pub fn word(self) -> &'static str {
        match self {
            Layer::Record => "record",
            Layer::Entity => "entity",
            Layer::Corridor => "corridor",
            Layer::Time => "time",
        }
    }
}

/// A kind of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Signal {
    /// The route begins in China though the goods are declared as made elsewhere.
    RouteCnLading,
    /// More left M for D than non-Chinese supply explains.
    MassBalance,
    /// Both legs rose after a measure.
    EventSurge,
}

impl Signal {
    /// Every one, in the order of layers.
    pub const ALL: &[Signal] = &[Signal::RouteCnLading, Signal::MassBalance, Signal::EventSurge];

    /// The code on the outside.
    pub fn code(self) -> &'static str {
        match self {
            Signal::RouteCnLading => "R1_ROUTE_CN_LADING",
            Signal::MassBalance => "C1_MASS_BALANCE",
            Signal::EventSurge => "T1_EVENT_SURGE",
        }
    }

    /// Where it counts.
    pub fn layer(self) -> Layer {
        match self {
            Signal::RouteCnLading => Layer::Record,
            Signal::MassBalance => Layer::Corridor,
            Signal::EventSurge => Layer::Time,
        }
    }
}

/// A figure in evidence, rounded for the outside.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Figure {
    /// Its name, with its unit last.
    #[serde(with = "crate::domain::kept::name")]
    pub name: crate::domain::kept::Name,
    /// Its value.
    pub value: f64,
    /// How many decimals it is printed with.
    pub decimals: u8,
}

/// What evidence rests on among the records.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum RestsOn {
    /// A shipment, by `<feed>:<id>`.
    Record(String),
    /// The records that a cell sums up.
    Cell(CellRef),
}

/// One piece of evidence: a signal that spoke. Negative weight speaks against rerouting.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Evidence {
    /// Which signal.
    pub signal: Signal,
    /// Thousandths of natural log-odds, before damping and caps.
    pub weight: i32,
    /// What it says, figures included, for an analyst.
    pub statement: String,
    /// The figures of the statement.
    pub figures: Vec<Figure>,
    /// The records it rests on.
    pub rests_on: Vec<RestsOn>,
    /// The reference rows it rests on, `<table>/<row id>`.
    pub reference: Vec<String>,
    /// What would prove it wrong.
    pub falsified_by: String,
}

impl crate::domain::kept::shared::Shared for Evidence {
    type Owned = Evidence;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The module documentation of a source file, as Markdown.
    fn documentation(source: &str) -> String {
        let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
        lines.fold(String::new(), |text, line| text + line.strip_prefix(' ').unwrap_or(line) + "\n")
    }

    #[test]
    fn names_of_figures_can_be_kept() {
        let sources = [
            include_str!("incentive.rs"),
            include_str!("route_cn_lading.rs"),
            include_str!("mass_balance.rs"),
            include_str!("event_surge.rs"),
            include_str!("../scoring/verdict.rs"),
        ];
        let named = sources.iter().flat_map(|source| {
            let figures = source.split("Figure { name: \"").skip(1);
            figures.chain(source.split("Missing { signal: \"").skip(1)).filter_map(|rest| rest.split('"').next())
        });
        let named: Vec<&str> = named.chain(Signal::ALL.iter().map(|signal| signal.code())).collect();
        assert!(named.len() > 15, "{named:?}");
        for name in named {
            assert!(crate::domain::kept::NAMES.contains(&name), "{name} is to stand in domain::kept::NAMES");
        }
    }

    #[test]
    fn the_page_for_analysts_is_the_modules_documentation() {
        let mut page = "# What speaks for and against rerouting\n\nEach section is the documentation of its signal in \
                        `src/signals/`; a test holds them equal.\nWeights are natural-log odds. C is China with Hong Kong and Macao, M the intermediary, D \
                        the destination.\nHow well they judge together: [evaluation.md](evaluation.md).\n\n\
                        A verdict is a statement of its day, `as_of`, and a new revision comes only when it changes: probability, band, share, limits, coverage or\n\
                        weights. So `balance` and `shipments` of a corridor are those of its own `as_of`, not of the last record: a shipment that came later and\n\
                        changed nothing is not yet counted in `shipments.assessed`, and one withdrawn since may still be. Who wants today's numbers counts the\n\
                        active assessments that name the corridor.\n"
            .to_owned();
        for source in [
            include_str!("incentive.rs"),
            include_str!("route_cn_lading.rs"),
            include_str!("mass_balance.rs"),
            include_str!("event_surge.rs"),
        ] {
            let text = documentation(source);
            let (title, rest) = text.split_once(": ").unwrap();
            page += &format!("\n## {title}\n\n{}{}", rest.get(..1).unwrap().to_uppercase(), rest.get(1..).unwrap());
        }
        for signal in Signal::ALL {
            assert!(page.contains(&format!("\n## {}\n", signal.code())), "{signal:?}");
        }
        expect_test::expect_file!["../../docs/detection.md"].assert_eq(&page);
    }
}
