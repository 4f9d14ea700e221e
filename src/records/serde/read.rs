//! From a [`Node`] to any type.

use super::{Node, Scalar, SerdeError};
use serde::de::{
    Deserializer, IntoDeserializer, Visitor,
    value::{MapDeserializer, SeqDeserializer},
};

impl IntoDeserializer<'_, SerdeError> for Node {
    type Deserializer = Node;

    fn into_deserializer(self) -> Node {
        self
    }
}

impl<'de> Deserializer<'de> for Node {
    type Error = SerdeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SerdeError> {
        match self {
            Node::Scalar(Scalar::Integer(value)) => visitor.visit_i64(value),
            Node::Scalar(Scalar::Boolean(value)) => visitor.visit_bool(value),
            Node::Scalar(Scalar::Real(value)) => visitor.visit_f64(value),
            Node::Scalar(Scalar::String(text)) => visitor.visit_string(text),
            Node::Scalar(Scalar::Binary(octets)) => visitor.visit_byte_buf(octets),
            Node::Large(value) => visitor.visit_u64(value),
            Node::Nothing => visitor.visit_unit(),
            Node::Sequence(nodes) => {
                let mut rest = SeqDeserializer::new(nodes.into_iter());
                let value = visitor.visit_seq(&mut rest)?;
                rest.end().map(|()| value)
            }
            Node::Map(entries) => {
                let mut rest = MapDeserializer::new(entries.into_iter());
                let value = visitor.visit_map(&mut rest)?;
                rest.end().map(|()| value)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SerdeError> {
        if self == Node::Nothing { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, SerdeError> {
        visitor.visit_newtype_struct(self)
    }

    /// Octets are a sequence for who wants one.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SerdeError> {
        match self {
            Node::Scalar(Scalar::Binary(octets)) => {
                let mut rest = SeqDeserializer::new(octets.into_iter());
                let value = visitor.visit_seq(&mut rest)?;
                rest.end().map(|()| value)
            }
            node => node.deserialize_any(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, SerdeError> {
        self.deserialize_seq(visitor)
    }

    /// An enum of names is a text.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, SerdeError> {
        match self {
            Node::Scalar(Scalar::String(name)) => visitor.visit_enum(name.into_deserializer()),
            node => node.deserialize_any(visitor),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple_struct map
        struct identifier ignored_any
    }
}
