//! What a mapping can never give, told when it is read: a constant that its field refuses, a record without what its kind needs.

use super::evaluate::{Cells, Place};
use super::field::{Convert, Field, Rule, Stop};
use super::reader::{MappingError, Section};
use super::value::{Source, Value};
use super::{Branch, Mapping};
use crate::decode::draft::{Draft, Kind};
use crate::decode::units;
use crate::domain::{Currency, Message, Position};
use crate::reference::Reference;

impl Mapping {
    /// Refuses what can never be filled, and what contradicts itself.
    pub(super) fn prove(&self, root: &Section<'_>) -> Result<(), MappingError> {
        self.branches.iter().try_for_each(|branch| self.suffices(branch, root))?;
        if !self.branches.iter().any(|branch| branch.kind == Kind::Shipment) {
            let meaning = &self.meaning;
            let given = [("cancelled", meaning.cancelled.is_some()), ("complete", meaning.complete)];
            if let Some((key, _)) = given.into_iter().find(|(_, is_given)| *is_given) {
                return Err(root.error("meaning", format!("{key} is of shipments: a trade_flow is corrected by a later one")));
            }
        }
        if self.meaning.partner.is_some() && !self.branches.iter().any(|branch| branch.kind == Kind::TradeFlow) {
            return Err(root.error("meaning", "partner is of trade flows: a shipment has none"));
        }
        let message = Message {
            position: Position { topic: self.name.as_str().into(), partition: 0, offset: 0 },
            timestamp: None,
            key: None,
            value: None,
            headers: Vec::new(),
        };
        let columns = &self.columns.slots;
        let (mapping, cells, message) = (self, Cells::Same, &message);
        let place = Place { mapping, columns, cells, envelope: None, message, file_name: None, row: 1, outer: None, part: None };
        self.branches.iter().flat_map(|branch| &branch.rules).try_for_each(|rule| rule.prove(&place))?;
        for quantities in &self.quantities {
            if let Some(text) = quantities.unit.fixed().into_iter().find(|text| units::read(text, &self.units).is_none()) {
                let problem =
                    units::listed(text).map_or_else(|problem| problem, |unit| format!("add {:?} under [units]", unit.code()));
                return Err(MappingError { problem, ..quantities.origin.clone() });
            }
        }
        Ok(())
    }

    /// Whether a branch fills what every record of its kind needs one of.
    fn suffices(&self, branch: &Branch, root: &Section<'_>) -> Result<(), MappingError> {
        let fills = |fields: &[Field]| branch.rules.iter().any(|rule| fields.contains(&rule.field));
        let absent = match branch.kind {
            Kind::TradeFlow if self.quantities.is_empty() && !fills(&[Field::NetMass, Field::CustomsValue]) => {
                "net_mass_kg, customs_value and [[quantities]]"
            }
            // A cancellation does without.
            Kind::Shipment
                if self.meaning.cancelled.is_none()
                    && !fills(&[Field::CountryOfOrigin, Field::CountryOfConsignment])
                    && !fills(&[Field::PortOfLading, Field::CountryOfLading]) =>
            {
                "country_of_origin, country_of_consignment, port_of_lading and country_of_lading"
            }
            Kind::Shipment if !fills(&[Field::Hs, Field::Description]) => "hs and description",
            _ => return Ok(()),
        };
        let key = if root.has("fields") { "fields" } else { "branches" };
        Err(root.error(key, format!("a {} needs one of {absent}", branch.kind.word())))
    }
}

impl Rule {
    /// The texts that the mapping itself gives the field: those of a pivot, where one of them alone is the value.
    fn fixed<'m>(&'m self, mapping: &'m Mapping) -> Vec<&'m str> {
        match &self.value {
            Value { source: Source::Part, steps, words, null_when: None, .. } if steps.is_empty() && words.is_empty() => {
                mapping.explode.last().map(|explode| explode.over().collect()).unwrap_or_default()
            }
            value => value.fixed(),
        }
    }

    /// Runs what the mapping itself says through the parser of the field.
    fn prove(&self, place: &Place<'_>) -> Result<(), MappingError> {
        let refused = |problem: String| Err(MappingError { problem, ..self.origin.clone() });
        if let Convert::Money(figures, currency) = &self.convert {
            if let Some(text) = self.value.fixed().into_iter().find(|text| figures.number(text).is_none()) {
                return refused(format!("{text:?} is no number"));
            }
            let wrong = currency.fixed().into_iter().find_map(|text| text.parse::<Currency>().err());
            return wrong.map_or(Ok(()), |problem| refused(format!("currency: {problem}")));
        }
        if let Convert::Goods { masks, .. } = &self.convert
            && let Some(sign) = masks.chars().find(|sign| sign.is_ascii_digit() || *sign == '.')
        {
            return refused(format!("masks: {sign:?} is part of codes, and hides no digit"));
        }
        for text in self.fixed(place.mapping) {
            let rule = Rule { value: Value::of(Source::Constant(text.to_owned())), ..self.clone() };
            if let Err(Stop::Failed(error)) = rule.apply(place, Reference::built_in().codes(), &mut Draft::default()) {
                let problem = error.detail.split_once("): ").map_or(error.detail.as_str(), |(_, problem)| problem);
                return refused(problem.to_owned());
            }
        }
        Ok(())
    }
}
