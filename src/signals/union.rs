//! `EU` beside its members among the sources of one country: the same trade told twice, of which one telling counts. It asks who
//! sells, not what.

use crate::domain::{Country, Date};
use crate::reference::MembersOfEu;

/// Who buys, when, and who is of the Union.
#[derive(Clone, Copy, Debug)]
pub(super) struct Buyer<'a> {
    pub(super) country: Country,
    pub(super) on: Date,
    pub(super) members: &'a MembersOfEu,
}

/// Which of the two does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LeftOut {
    Neither,
    Union,
    Members,
}

impl<'a> Buyer<'a> {
    /// Its sources that count, which stand by country, and how much each is.
    ///
    /// Of the row of `EU` and those of its members the larger counts. Members that are not told make their sum too small, as a row of
    /// `EU` is that lacks months; neither sold more than it did, so that what is missing in one is not missing in the other. What
    /// members tell of the Union itself crosses no border of it.
    pub(super) fn once<T>(self, sources: &'a [(Country, T)], size: impl Fn(&T) -> f64) -> impl Iterator<Item = &'a (Country, T)> {
        let left_out = self.left_out(sources, size);
        sources.iter().filter(move |(country, _)| match left_out {
            LeftOut::Neither => true,
            LeftOut::Union => *country != Country::EU,
            LeftOut::Members => !self.members.contains(*country, self.on),
        })
    }

    /// Its sources beside M that tell how they grew, each of which has one voice: the members, where any is told. M's own goods are
    /// among those of its Union, and theirs among M's where it is the Union.
    pub(super) fn beside<T>(self, m: Country, mut sources: Vec<(Country, T)>) -> Vec<(Country, T)> {
        let is_member = |country: Country| self.members.contains(country, self.on);
        if [m, self.country].contains(&Country::EU) {
            sources.retain(|(country, _)| !is_member(*country));
        } else if is_member(m) || sources.iter().any(|(country, _)| is_member(*country)) {
            sources.retain(|(country, _)| *country != Country::EU);
        }
        sources
    }

    fn left_out<T>(self, sources: &[(Country, T)], size: impl Fn(&T) -> f64) -> LeftOut {
        if self.country == Country::EU {
            return LeftOut::Members;
        }
        let Ok(place) = sources.binary_search_by_key(&Country::EU, |(country, _)| *country) else { return LeftOut::Neither };
        let of_union = sources.get(place).map_or(0.0, |(_, union)| size(union));
        let members = sources.iter().filter(|(country, _)| self.members.contains(*country, self.on));
        let of_members: f64 = members.map(|(_, member)| size(member)).sum();
        if of_union > of_members { LeftOut::Members } else { LeftOut::Union }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::incentive::demand_growth;
    use super::super::mass::{Scope, Window};
    use super::super::mass_balance::mass_balance;
    use super::super::trade::{Trade, Way, antimony_story, country, date, month, with_chinese_oxide};
    use super::*;
    use crate::scoring::Model;

    /// The antimony story in a world that knows Germany and France as members, and the United Kingdom as one until a day.
    fn story(m: &str, d: &str, last: &str) -> Trade {
        let days = |from: &str, until: &str| (date(from), date(until));
        let members = [
            (country("DE"), days("1958-01-01", "9999-12-31")),
            (country("FR"), days("1958-01-01", "9999-12-31")),
            (country("GB"), days("1973-01-01", "2020-02-01")),
        ];
        let mut trade = with_chinese_oxide(antimony_story(m, d, last), last);
        trade.world.members_of_eu = Arc::new(MembersOfEu::new(members.into_iter()));
        trade
    }

    /// M buys so many tonnes of metal a month from each.
    fn buying(trade: Trade, sources: &[(&'static str, f64)]) -> Trade {
        let until = trade.corridor.month.to_string();
        let add = |trade: Trade, (source, tonnes): &(&'static str, f64)| {
            trade.imports(Way::Supply(source), ("811010", *tonnes), ("2015-01", &until))
        };
        sources.iter().fold(trade, add)
    }

    /// Other imports in the window, as tonnes of metal a month; all of the usual sources have told them.
    #[track_caller]
    fn check(trade: &Trade, tonnes: f64) {
        let model = Model::built_in();
        let (other, complete) = trade.see(&model.parameters, |subject| {
            let balanced = mass_balance(subject);
            (balanced.terms.and_then(|terms| terms.other), balanced.complete_fraction)
        });
        let other = other.unwrap() / 6.0 / 0.9965;
        assert!((other - tonnes).abs() < 0.001, "{other} beside {tonnes}");
        assert_eq!(complete, Some(1.0));
    }

    #[test]
    fn the_union_beside_its_members_is_no_further_source() {
        let of = |sources: &[(&'static str, f64)]| buying(story("TH", "US", "2025-03"), sources);
        check(&of(&[("DE", 60.0)]), 60.0);
        check(&of(&[("EU", 60.0)]), 60.0);
        check(&of(&[("DE", 60.0), ("EU", 60.0), ("TJ", 5.0)]), 65.0);
        check(&of(&[("DE", 60.0), ("EU", 90.0), ("FR", 20.0)]), 90.0);
        check(&of(&[("DE", 60.0), ("EU", 70.0), ("FR", 20.0)]), 80.0);
        // Since 2020-02-01 the United Kingdom is a source of its own.
        check(&of(&[("EU", 60.0), ("GB", 10.0)]), 70.0);
        let earlier = of(&[("EU", 60.0), ("GB", 10.0)]).earlier(72);
        check(&earlier, 60.0);
        // The Union does not buy from itself; a member buys from the others.
        check(&buying(story("EU", "US", "2025-03"), &[("DE", 60.0), ("TJ", 5.0)]), 5.0);
        check(&buying(story("FR", "US", "2025-03"), &[("DE", 60.0), ("EU", 70.0)]), 70.0);
    }

    /// How many other sources tell how D's demand grew, and their median.
    #[track_caller]
    fn check_demand(m: &str, sources: &[(&'static str, f64)], expected: (u32, f64)) {
        let model = Model::built_in();
        let mut trade = story(m, "US", "2025-03");
        for (source, times) in sources {
            trade = trade.imports(Way::Source(source), ("282580", 100.0), ("2022-06", "2024-11")).imports(
                Way::Source(source),
                ("282580", 100.0 * times),
                ("2024-12", "2025-03"),
            );
        }
        let before = Window { first: month("2022-08"), last: month("2024-07") };
        let after = Window { first: month("2024-12"), last: month("2025-03") };
        let demand = trade.see(&model.parameters, |subject| demand_growth(subject, (before, after), (Scope::All, false)));
        assert_eq!(demand.sources, expected.0, "{demand:?}");
        assert!((libm::exp(demand.median) - expected.1).abs() < 0.1, "{demand:?}");
    }

    #[test]
    fn the_union_beside_its_members_has_no_voice_in_demand() {
        check_demand("TH", &[("DE", 4.0), ("IN", 1.0), ("BO", 1.0)], (3, 1.0));
        check_demand("TH", &[("DE", 4.0), ("EU", 4.0), ("IN", 1.0), ("BO", 1.0)], (3, 1.0));
        check_demand("TH", &[("EU", 4.0), ("IN", 4.0), ("BO", 1.0)], (3, 4.0));
        // What M sells is a part of what its Union does.
        check_demand("DE", &[("EU", 4.0), ("IN", 1.0), ("BO", 1.0), ("FR", 1.0)], (3, 1.0));
        check_demand("DE", &[("EU", 4.0), ("IN", 1.0), ("BO", 1.0), ("JP", 1.0)], (3, 1.0));
        check_demand("EU", &[("DE", 4.0), ("IN", 1.0), ("BO", 1.0), ("JP", 1.0)], (3, 1.0));
    }
}
