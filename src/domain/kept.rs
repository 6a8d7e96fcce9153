//! How types without an encoding of their own are kept in a snapshot of state: dates, shared texts, names of a closed set. Knows no
//! format.

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

/// Names that stand in state as text known at compile time: figures of evidence, codes of signals, labels of counts.
pub(crate) const NAMES: &[&str] = &[
    "C1_MASS_BALANCE",
    "E1_FIRM_MINFLOW",
    "INCENTIVE",
    "R1_ROUTE_CN_LADING",
    "T1_EVENT_SURGE",
    "assessment",
    "chinese_imports_growth_t",
    "chinese_imports_t",
    "closed",
    "corridor",
    "demand_growth_log",
    "exports_growth_t",
    "exports_t",
    "first_leg_after_t_a_month",
    "first_leg_before_t_a_month",
    "first_leg_growth_log",
    "grade",
    "lowered",
    "non_chinese_supply_growth_t",
    "none",
    "opened",
    "priority",
    "raised",
    "review",
    "second_leg_after_t_a_month",
    "second_leg_before_t_a_month",
    "second_leg_growth_log",
    "unexplained_share",
    "watch",
];

/// A text known at compile time; serde would take the bare reference for one that borrows from what is read.
pub(crate) type Name = &'static str;

/// A name of [`NAMES`], as its text: an index would mean another name after the next release.
pub(crate) mod name {
    use super::{Deserialize, Deserializer, NAMES, Serializer};
    use serde::{de::Error as _, ser::Error as _};

    pub(crate) fn serialize<S: Serializer>(name: &&'static str, to: S) -> Result<S::Ok, S::Error> {
        NAMES.binary_search(name).map_err(|_| S::Error::custom("a name that is not listed"))?;
        to.serialize_str(name)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<&'static str, D::Error> {
        let text = <&str>::deserialize(from)?;
        let found = NAMES.binary_search(&text).ok().and_then(|at| NAMES.get(at));
        found.copied().ok_or_else(|| D::Error::custom("a name that is not listed"))
    }
}

/// What is held by a counted pointer. Each holder keeps it whole.
pub(crate) mod shared {
    use std::rc::Rc;

    use super::{Deserialize, Deserializer, Serialize, Serializer};

    /// What the pointer is made from.
    pub(crate) trait Shared {
        type Owned: Into<Rc<Self>>;
    }

    impl Shared for str {
        type Owned = Box<str>;
    }

    impl Shared for [String] {
        type Owned = Box<[String]>;
    }

    pub(crate) fn serialize<T: Serialize + ?Sized, S: Serializer>(held: &Rc<T>, to: S) -> Result<S::Ok, S::Error> {
        (**held).serialize(to)
    }

    pub(crate) fn deserialize<'de, T: Shared + ?Sized, D: Deserializer<'de>>(from: D) -> Result<Rc<T>, D::Error>
    where
        T::Owned: Deserialize<'de>,
    {
        T::Owned::deserialize(from).map(Into::into)
    }
}

/// Texts held by counted pointers.
pub(crate) mod texts {
    use std::sync::Arc;

    use super::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(texts: &[Arc<str>], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(texts.iter().map(|text| &**text))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Arc<str>>, D::Error> {
        Ok(Vec::<String>::deserialize(from)?.into_iter().map(Into::into).collect())
    }
}

/// Dates as one number, or none.
pub(crate) mod date {
    use super::{Deserialize, Deserializer, Serialize, Serializer};
    use crate::domain::Date;
    use serde::de::Error as _;

    /// A date, or maybe one.
    pub(crate) trait Dated: Sized {
        fn number(&self) -> i32;
        fn numbered(number: i32) -> Option<Self>;
    }

    impl Dated for Date {
        fn number(&self) -> i32 {
            i32::from(self.year()) * 512 + i32::from(self.month()) * 32 + i32::from(self.day())
        }

        fn numbered(number: i32) -> Option<Date> {
            let year = i16::try_from(number.div_euclid(512)).ok()?;
            let (month, day) = (number.rem_euclid(512) / 32, number.rem_euclid(32));
            Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
        }
    }

    impl Dated for Option<Date> {
        fn number(&self) -> i32 {
            self.as_ref().map_or(0, Dated::number)
        }

        // 0 would be a month 0.
        fn numbered(number: i32) -> Option<Option<Date>> {
            if number == 0 { Some(None) } else { Date::numbered(number).map(Some) }
        }
    }

    pub(crate) fn serialize<T: Dated, S: Serializer>(date: &T, to: S) -> Result<S::Ok, S::Error> {
        date.number().serialize(to)
    }

    pub(crate) fn deserialize<'de, T: Dated, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        T::numbered(i32::deserialize(from)?).ok_or_else(|| D::Error::custom("no such date"))
    }
}

#[cfg(test)]
mod tests {
    use super::NAMES;
    use super::date::Dated;
    use crate::domain::Date;

    #[test]
    fn names_are_found_by_halving() {
        assert!(NAMES.is_sorted());
    }

    #[test]
    fn every_date_is_a_number_and_back() {
        for date in [Date::MIN, Date::MAX, Date::ZERO, jiff::civil::date(2024, 2, 29), jiff::civil::date(-1, 12, 31)] {
            assert_eq!(Date::numbered(date.number()), Some(date));
            assert_eq!(Option::<Date>::numbered(Some(date).number()), Some(Some(date)));
        }
        assert_eq!(Option::<Date>::numbered(None.number()), Some(None));
        assert_eq!(Date::numbered(jiff::civil::date(2023, 2, 28).number() + 1), None);
    }
}
