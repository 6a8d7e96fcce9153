//! What is wrong with a record, in three severities: dead letter, degrade, excluded. Closed sets, fit for labels.

use std::fmt;
use std::str::FromStr;

macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $code:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every one, in the order of the contract.
            pub const ALL: &[$name] = &[$($name::$variant,)*];

            /// The code on the outside.
            pub fn code(self) -> &'static str {
                match self {
                    $($name::$variant => $code,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.code())
            }
        }

        impl FromStr for $name {
            type Err = ();

            fn from_str(text: &str) -> Result<$name, ()> {
                $name::ALL.iter().copied().find(|reason| reason.code() == text).ok_or(())
            }
        }
    };
}

reasons! {
    /// Why a message, or some of its records, could not be taken.
    DeadLetterReason {
        /// The bytes are no text of the declared encoding.
        NotText = "not_text",
        /// The text is not of the declared format.
        Malformed = "malformed",
        /// A required field is absent.
        MissingField = "missing_field",
        /// A field does not parse.
        MalformedField = "malformed_field",
        /// A country code that its system does not know.
        UnknownCountry = "unknown_country",
        /// The shape is not the one the mapping declares.
        UnknownSchema = "unknown_schema",
        /// Before 1988, or more than 400 days after it became known.
        DateOutOfRange = "date_out_of_range",
        /// Said to be known more than a day after its message was written.
        KnownFromInFuture = "known_from_in_future",
        /// Above a limit.
        TooLarge = "too_large",
        /// Needs the link stage.
        NeedsLink = "needs_link",
        /// An amendment that carries only what changed.
        PartialAmendment = "partial_amendment",
    }
}

reasons! {
    /// What is taken, with its evidence withheld or marked; and the notes `unknown_field`, `check_failed`, `fallback` and
    /// `unit_unknown`, which withhold nothing.
    Degrade {
        /// No mass.
        NoMass = "no_mass",
        /// The source estimated the mass.
        MassEstimated = "mass_estimated",
        /// The mass belongs to more than this record.
        MassShared = "mass_shared",
        /// The unit value lies outside its band by a factor that betrays a wrong unit.
        UnitSuspect = "unit_suspect",
        /// No exchange rate for currency and month.
        NoExchangeRate = "no_exchange_rate",
        /// The code has several successors in HS 2022.
        HsSplit = "hs_split",
        /// Digits of the code are masked.
        HsMasked = "hs_masked",
        /// The code was read from the description.
        HsFromText = "hs_from_text",
        /// A port that its table does not know.
        PortUnknown = "port_unknown",
        /// A container number with a wrong check digit.
        ContainerCheckDigit = "container_check_digit",
        /// The source cut its answer.
        IncompleteAnswer = "incomplete_answer",
        /// It became known longer after its goods moved than the model looks back.
        BeyondLookback = "beyond_lookback",
        /// A field that nothing reads.
        UnknownField = "unknown_field",
        /// A check that the feed carries within itself does not hold.
        CheckFailed = "check_failed",
        /// A field was taken from another source than its first.
        Fallback = "fallback",
        /// A quantity was left out, since nobody knows its unit.
        UnitUnknown = "unit_unknown",
    }
}

/// Why a row was left out on purpose: a reason of the contract, or one that a mapping names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExcludedReason(String);

impl ExcludedReason {
    /// No HS code, and none from the text.
    pub const NO_HS: &str = "no_hs";
    /// A code of 2 or 4 digits.
    pub const HS_TOO_SHORT: &str = "hs_too_short";
    /// A flow without a partner.
    pub const NO_PARTNER: &str = "no_partner";
    /// A part without its whole.
    pub const ORPHAN: &str = "orphan";

    /// The reason with this code: letters, digits and `_`, as a mapping is checked to write it.
    pub fn new(code: &str) -> ExcludedReason {
        ExcludedReason(code.to_owned())
    }

    /// The code on the outside.
    pub fn code(&self) -> &str {
        &self.0
    }
}

/// A set of degrade reasons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct QualitySet(u16);

/// A reason without a bit of its own would stand for another.
const _: () = assert!(Degrade::ALL.len() <= u16::BITS as usize, "QualitySet needs more bits");

impl QualitySet {
    /// Adds one.
    pub fn insert(&mut self, reason: Degrade) {
        self.0 |= 1 << reason as u16;
    }

    /// Whether it is there.
    pub fn contains(self, reason: Degrade) -> bool {
        self.0 & (1 << reason as u16) != 0
    }

    /// In the order of the contract.
    pub fn iter(self) -> impl Iterator<Item = Degrade> {
        Degrade::ALL.iter().copied().filter(move |reason| self.contains(*reason))
    }

    /// Both together.
    pub fn union(self, other: QualitySet) -> QualitySet {
        QualitySet(self.0 | other.0)
    }

    /// Nothing is wrong.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Degrade> for QualitySet {
    fn from_iter<I: IntoIterator<Item = Degrade>>(reasons: I) -> QualitySet {
        let mut set = QualitySet::default();
        reasons.into_iter().for_each(|reason| set.insert(reason));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_lists_in_the_order_of_the_contract() {
        let set: QualitySet = [Degrade::UnknownField, Degrade::NoMass].into_iter().collect();
        assert_eq!(set.iter().map(Degrade::code).collect::<Vec<_>>(), ["no_mass", "unknown_field"]);
        assert_eq!("hs_split".parse(), Ok(Degrade::HsSplit));
    }
}
