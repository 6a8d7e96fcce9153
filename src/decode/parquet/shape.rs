//! A schema as it is written: which member holds which column, and from which level on something is there.

use parquet::basic::{ConvertedType, LogicalType, Repetition};
use parquet::schema::types::Type;

use super::Unreadable;
use super::column::Column;
use super::text::Kind;

/// How deep a schema may nest; what is deeper no message may be.
const NESTING_MAX: usize = crate::decode::json::NESTING_MAX;

/// A member of an object.
#[derive(Debug)]
pub(super) struct Member {
    /// Its name in quotes, with the colon.
    name: Vec<u8>,
    shape: Shape,
}

/// A value: the columns that it is read from, and the level of definition from which on it is there.
#[derive(Debug)]
pub(super) enum Shape {
    Leaf { column: usize, kind: Kind },
    Group { first: usize, count: usize, present: i16, members: Vec<Member> },
    List { first: usize, count: usize, present: i16, filled: i16, repeated: i16, element: Box<Shape> },
}

/// Where in a schema one is.
#[derive(Clone, Copy)]
struct Level {
    definition: i16,
    repetition: i16,
    depth: usize,
}

struct Builder {
    /// Leaves of the file that were passed.
    passed: usize,
    /// Those that are read.
    columns: Vec<usize>,
    path: Vec<String>,
}

/// The members of a row, and the columns that they are read from; without the columns of the names that are left out.
pub(super) fn of(schema: &Type, is_left_out: &dyn Fn(&str) -> bool) -> Result<(Vec<Member>, Vec<usize>), Unreadable> {
    let mut builder = Builder { passed: 0, columns: Vec::new(), path: Vec::new() };
    let mut members = Vec::new();
    for field in schema.get_fields() {
        if is_left_out(field.name()) {
            builder.passed += leaves(field, 0);
            continue;
        }
        members.push(builder.member(field, Level { definition: 0, repetition: 0, depth: 0 })?);
    }
    Ok((members, builder.columns))
}

fn leaves(field: &Type, depth: usize) -> usize {
    match field {
        Type::PrimitiveType { .. } => 1,
        Type::GroupType { fields, .. } if depth < 4 * NESTING_MAX => fields.iter().map(|field| leaves(field, depth + 1)).sum(),
        Type::GroupType { .. } => 0,
    }
}

impl Builder {
    fn member(&mut self, field: &Type, level: Level) -> Result<Member, Unreadable> {
        let mut name = serde_json::to_vec(field.name()).expect("a text is JSON");
        name.push(b':');
        Ok(Member { name, shape: self.field(field, level)? })
    }

    /// A field as its repetition has it: there, maybe there, or any number of times.
    fn field(&mut self, field: &Type, level: Level) -> Result<Shape, Unreadable> {
        let about = field.get_basic_info();
        let repetition = if about.has_repetition() { about.repetition() } else { Repetition::REQUIRED };
        match repetition {
            Repetition::REQUIRED => self.value(field, level),
            Repetition::OPTIONAL => self.value(field, Level { definition: level.definition + 1, ..level }),
            Repetition::REPEATED => self.list(level, |builder, inner| builder.value(field, inner)),
        }
    }

    /// A list that is there from this level on.
    fn list(
        &mut self,
        level: Level,
        element: impl FnOnce(&mut Builder, Level) -> Result<Shape, Unreadable>,
    ) -> Result<Shape, Unreadable> {
        let first = self.columns.len();
        let (filled, repeated) = (level.definition + 1, level.repetition + 1);
        let element = element(self, Level { definition: filled, repetition: repeated, depth: level.depth + 1 })?;
        let count = self.columns.len() - first;
        Ok(Shape::List { first, count, present: level.definition, filled, repeated, element: Box::new(element) })
    }

    /// A value that is there from this level on.
    fn value(&mut self, field: &Type, level: Level) -> Result<Shape, Unreadable> {
        self.path.push(field.name().to_owned());
        let shape = if level.depth > NESTING_MAX { Err(self.unfit("nested too deep")) } else { self.inside(field, level) };
        self.path.pop();
        shape
    }

    fn inside(&mut self, field: &Type, level: Level) -> Result<Shape, Unreadable> {
        let Type::GroupType { fields, .. } = field else {
            let kind = Kind::of(field).map_err(|what| self.unfit(&what))?;
            self.columns.push(self.passed);
            self.passed += 1;
            return Ok(Shape::Leaf { column: self.columns.len() - 1, kind });
        };
        let about = field.get_basic_info();
        let is = |logical: LogicalType, converted: [ConvertedType; 2]| {
            about.logical_type_ref() == Some(&logical) || converted.contains(&about.converted_type())
        };
        let one = if let [one] = fields.as_slice() { Some(one) } else { None };
        let repeated = one.filter(|one| one.get_basic_info().has_repetition());
        let repeated = repeated.filter(|one| one.get_basic_info().repetition() == Repetition::REPEATED);
        match repeated {
            Some(entry) if is(LogicalType::Map, [ConvertedType::MAP, ConvertedType::MAP_KEY_VALUE]) => {
                self.list(level, |builder, inner| builder.value(entry, inner))
            }
            Some(entry) if is(LogicalType::List, [ConvertedType::LIST, ConvertedType::LIST]) => match wrapped(entry) {
                Some(element) => self.list(level, |builder, inner| builder.field(element, inner)),
                None => self.list(level, |builder, inner| builder.value(entry, inner)),
            },
            _ => {
                if matches!(about.logical_type_ref(), Some(LogicalType::Variant(_))) {
                    return Err(self.unfit("a VARIANT"));
                }
                let first = self.columns.len();
                let level = Level { depth: level.depth + 1, ..level };
                let members = fields.iter().map(|field| self.member(field, level)).collect::<Result<_, _>>()?;
                let count = self.columns.len() - first;
                Ok(Shape::Group { first, count, present: level.definition, members })
            }
        }
    }

    fn unfit(&self, what: &str) -> Unreadable {
        Unreadable::Unfit { column: self.path.join("."), what: what.to_owned() }
    }
}

/// The element inside the group that repeats; `None` where what repeats is the element itself, as old writers had it (the format's rules
/// of backward compatibility).
fn wrapped(entry: &Type) -> Option<&Type> {
    let Type::GroupType { fields, .. } = entry else { return None };
    let [element] = fields.as_slice() else { return None };
    let about = element.get_basic_info();
    let repeats = about.has_repetition() && about.repetition() == Repetition::REPEATED;
    let is_old = entry.name() == "array" || entry.name().ends_with("_tuple");
    (!repeats && !is_old).then_some(element)
}

/// Writes those members that are there.
pub(super) fn write_members(members: &[Member], columns: &mut [Column], out: &mut Vec<u8>) -> Result<(), String> {
    let mut is_first = true;
    for Member { name, shape } in members {
        let before = out.len();
        if !is_first {
            out.push(b',');
        }
        out.extend_from_slice(name);
        if shape.write(columns, out)? {
            is_first = false;
        } else {
            out.truncate(before);
        }
    }
    Ok(())
}

impl Shape {
    /// Writes the next value; false, and nothing, where it is null.
    fn write(&self, columns: &mut [Column], out: &mut Vec<u8>) -> Result<bool, String> {
        match self {
            Shape::Leaf { column, kind } => columns.get_mut(*column).ok_or("a column is not there")?.next(*kind, out),
            Shape::Group { first, count, present, members } => {
                if skip((*first, *count), *present, columns)? {
                    return Ok(false);
                }
                out.push(b'{');
                write_members(members, columns, out)?;
                out.push(b'}');
                Ok(true)
            }
            Shape::List { first, count, present, filled, repeated, element } => {
                if skip((*first, *count), *present, columns)? {
                    return Ok(false);
                }
                out.push(b'[');
                if !skip((*first, *count), *filled, columns)? {
                    loop {
                        if !element.write(columns, out)? {
                            out.extend_from_slice(b"null");
                        }
                        let goes_on = columns.get(*first).is_some_and(|column| column.repeats() >= *repeated);
                        if !goes_on {
                            break;
                        }
                        out.push(b',');
                    }
                }
                out.push(b']');
                Ok(true)
            }
        }
    }
}

/// Passes over what is null below this level; whether it was.
fn skip((first, count): (usize, usize), level: i16, columns: &mut [Column]) -> Result<bool, String> {
    // A group without a column tells nothing.
    let Some(of) = columns.get_mut(first..first + count).filter(|of| !of.is_empty()) else { return Ok(true) };
    if of.first().map_or(Ok(level), Column::definition)? >= level {
        return Ok(false);
    }
    of.iter_mut().try_for_each(Column::pass)?;
    Ok(true)
}
