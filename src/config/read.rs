//! From the tree to settings: a `serde` deserializer whose faults know their place and key.
//!
//! It is stricter than YAML where a slip would go unnoticed (a number in quotes is not a number, a
//! key stands once), and milder where the meaning is plain: a map or a list of settings with nothing
//! behind its key, or a layer that is only named (`- console`), has its defaults.

use std::collections::{HashMap, hash_map::Entry};

use serde::{Deserializer, de, forward_to_deserialize_any};

use super::{
    fault::{Fault, one_of, quoted},
    tree::{Key, Kind, Node},
};

impl<'de> Deserializer<'de> for &Node {
    type Error = Fault;

    fn deserialize_any<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.kind {
            Kind::Nothing | Kind::Cut => visitor.visit_unit(),
            Kind::Bool(value) => visitor.visit_bool(*value),
            Kind::Unsigned(value) => visitor.visit_u64(*value),
            Kind::Signed(value) => visitor.visit_i64(*value),
            Kind::Float(value) => visitor.visit_f64(*value),
            Kind::Text(text) => visitor.visit_str(text),
            Kind::List(items) => visitor.visit_seq(Items { items, next: 0 }),
            Kind::Map(entries) => visitor.visit_map(Entries::of(entries)),
        }
        .map_err(|fault| fault.at(self))
    }

    fn deserialize_u64<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.kind {
            Kind::Unsigned(value) => {
                visitor.visit_u64(value).map_err(|fault: Fault| fault.at(self))
            }
            Kind::Signed(_) => Err(Fault::expected("a whole number, 0 or more").at(self)),
            _ => Err(Fault::expected("a whole number").at(self)),
        }
    }

    fn deserialize_bool<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.kind {
            Kind::Bool(value) => visitor.visit_bool(value),
            _ => Err(Fault::expected("`true` or `false`").at(self)),
        }
    }

    fn deserialize_str<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        // A version `1.10` is a text, though it looks like a number.
        match self.text() {
            Some(text) => visitor.visit_str(text).map_err(|fault: Fault| fault.at(self)),
            None => Err(Fault::expected("a text").at(self)),
        }
    }

    fn deserialize_option<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.kind {
            Kind::Nothing => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
        .map_err(|fault| fault.at(self))
    }

    fn deserialize_seq<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.kind {
            Kind::List(_) => self.deserialize_any(visitor),
            Kind::Nothing => visitor.visit_seq(Items { items: &[], next: 0 }),
            _ => Err(Fault::expected("a list, each item after a `-`").at(self)),
        }
    }

    fn deserialize_map<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.kind {
            Kind::Map(_) => self.deserialize_any(visitor),
            Kind::Nothing => visitor.visit_map(Entries::of(&[])),
            _ => Err(Fault::expected("keys with values")),
        }
        .map_err(|fault| fault.at(self))
    }

    fn deserialize_struct<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    fn deserialize_newtype_struct<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self).map_err(|fault| fault.at(self))
    }

    fn deserialize_enum<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let choice = Choice::of(self, known)?;
        visitor.visit_enum(choice).map_err(|fault| fault.at(self))
    }

    fn deserialize_string<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_u8<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u16<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u32<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_u64(visitor)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
        identifier ignored_any
    }
}

/// The items of a list.
struct Items<'a> {
    items: &'a [Node],
    next: usize,
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = Fault;

    fn next_element_seed<T: de::DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let rest = self.items.iter().enumerate().skip(self.next);
        let Some((index, node)) = rest.into_iter().find(|(_, node)| !node.is_cut()) else {
            return Ok(None);
        };
        self.next = index + 1;
        seed.deserialize(node).map(Some).map_err(|fault| fault.at(node).within(index))
    }
}

/// The entries of a map.
struct Entries<'a> {
    entries: &'a [(Key, Node)],
    next: usize,
    /// The keys before the next one, also those that were cut out, and their lines.
    before: HashMap<&'a str, u64>,
}

impl<'a> Entries<'a> {
    fn of(entries: &'a [(Key, Node)]) -> Self {
        Self { entries, next: 0, before: HashMap::with_capacity(entries.len()) }
    }
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = Fault;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        while let Some((key, node)) = self.entries.get(self.next) {
            let first = match self.before.entry(&key.name) {
                Entry::Occupied(first) => Some(*first.get()),
                Entry::Vacant(place) => {
                    place.insert(key.place.line);
                    None
                }
            };
            if node.is_cut() {
                self.next += 1;
                continue;
            }
            if let Some(line) = first {
                let message =
                    format!("the key `{}` is there twice, first in line {line}", key.name);
                return Err(Fault::new(message).at_key(key.place));
            }
            let name = de::value::StrDeserializer::new(&key.name);
            let named = seed.deserialize(name).map_err(|fault: Fault| fault.at_key(key.place));
            return named.map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<T: de::DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Fault> {
        let (key, node) = self.entries.get(self.next).expect("`serde` asks for the key before");
        self.next += 1;
        let named = |fault: Fault| fault.at(node).within(key.name.as_str());
        seed.deserialize(node).map_err(named)
    }
}

/// A variant: a word, or a map with one key.
struct Choice<'a> {
    name: &'a str,
    /// What stands behind the key; nothing, after a word.
    content: Node,
}

impl<'a> Choice<'a> {
    fn of(node: &'a Node, known: &[&str]) -> Result<Self, Fault> {
        let Kind::Map(entries) = &node.kind else { return Self::of_word(node, known) };
        let is_known = |key: &Key| known.contains(&key.name.as_str());
        let entries: Vec<_> = entries.iter().filter(|(_, node)| !node.is_cut()).collect();
        match entries[..] {
            [(key, content)] if is_known(key) => {
                Ok(Self { name: &key.name, content: content.clone() })
            }
            [(key, _)] => Err(Fault::unknown("key", &key.name, known).at_key(key.place)),
            [(key, content), (second, _), ..] if is_known(key) => {
                let (key, beside) = (quoted(&key.name), quoted(&second.name));
                let hint = match content.kind {
                    Kind::Nothing => format!(": indent what belongs to {key}"),
                    _ => String::new(),
                };
                let message = format!("found {beside} beside {key}, expected one key{hint}");
                Err(Fault::new(message).at_key(second.place))
            }
            _ => Err(Fault::expected(format!("one key: {}", one_of(known))).at(node)),
        }
    }

    fn of_word(node: &'a Node, known: &[&str]) -> Result<Self, Fault> {
        match node.text() {
            Some(name) if known.contains(&name) => {
                Ok(Self { name, content: Node::nothing(node.place) })
            }
            Some(name) => Err(Fault::unknown("value", name, known).at(node)),
            None => Err(Fault::expected(one_of(known)).at(node)),
        }
    }
}

impl<'de, 'a> de::EnumAccess<'de> for Choice<'a> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<V: de::DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        let name = seed.deserialize(de::value::StrDeserializer::<Fault>::new(self.name))?;
        Ok((name, self))
    }
}

impl<'de> de::VariantAccess<'de> for Choice<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        let step = self.name;
        match self.content.kind {
            Kind::Nothing => Ok(()),
            _ => {
                let expected = format!("nothing behind `{}`", self.name);
                Err(Fault::expected(expected).at(&self.content).within(step))
            }
        }
    }

    fn newtype_variant_seed<T: de::DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        let named = |fault: Fault| fault.at(&self.content).within(self.name);
        seed.deserialize(&self.content).map_err(named)
    }

    fn tuple_variant<V: de::Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.content.deserialize_seq(visitor)
    }

    fn struct_variant<V: de::Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.content.deserialize_map(visitor)
    }
}
