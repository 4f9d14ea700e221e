//! From any type to a [`Node`].

use super::{Node, Scalar, SerdeError};
use serde::ser::{
    Error, Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple, SerializeTupleStruct,
    Serializer,
};

/// Makes a node of what is serialised to it.
pub(super) struct Writer;

/// The nodes of a sequence so far.
pub(super) struct Sequence(Vec<Node>);

/// The entries of a map so far, and the key of the next.
pub(super) struct Map(Vec<(String, Node)>, Option<String>);

fn variant<T>(name: &str) -> Result<T, SerdeError> {
    Err(SerdeError::custom(format_args!("{name}: a record has no enums with content")))
}

/// Methods for numbers of all widths.
macro_rules! integers {
    ($($method:ident: $type:ty),*) => { $(
        fn $method(self, value: $type) -> Result<Node, SerdeError> {
            Ok(Scalar::Integer(value.into()).into())
        }
    )* };
}

impl Serializer for Writer {
    type Ok = Node;
    type Error = SerdeError;
    type SerializeSeq = Sequence;
    type SerializeTuple = Sequence;
    type SerializeTupleStruct = Sequence;
    type SerializeTupleVariant = Impossible<Node, SerdeError>;
    type SerializeMap = Map;
    type SerializeStruct = Map;
    type SerializeStructVariant = Impossible<Node, SerdeError>;

    integers! { serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_u8: u8,
    serialize_u16: u16, serialize_u32: u32 }

    fn serialize_u64(self, value: u64) -> Result<Node, SerdeError> {
        Ok(value.into())
    }

    fn serialize_bool(self, value: bool) -> Result<Node, SerdeError> {
        Ok(Scalar::Boolean(value).into())
    }

    fn serialize_f32(self, value: f32) -> Result<Node, SerdeError> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<Node, SerdeError> {
        Ok(Scalar::Real(value).into())
    }

    fn serialize_char(self, value: char) -> Result<Node, SerdeError> {
        Ok(Scalar::String(value.into()).into())
    }

    fn serialize_str(self, value: &str) -> Result<Node, SerdeError> {
        Ok(Scalar::String(value.to_owned()).into())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Node, SerdeError> {
        Ok(Scalar::Binary(value.to_owned()).into())
    }

    fn serialize_none(self) -> Result<Node, SerdeError> {
        Ok(Node::Nothing)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Node, SerdeError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Node, SerdeError> {
        Ok(Node::Nothing)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Node, SerdeError> {
        Ok(Node::Nothing)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Result<Node, SerdeError> {
        self.serialize_str(name)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Node, SerdeError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: &T,
    ) -> Result<Node, SerdeError> {
        variant(name)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Sequence, SerdeError> {
        Ok(Sequence(Vec::new()))
    }

    fn serialize_tuple(self, _: usize) -> Result<Sequence, SerdeError> {
        Ok(Sequence(Vec::new()))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Sequence, SerdeError> {
        Ok(Sequence(Vec::new()))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, SerdeError> {
        variant(name)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Map, SerdeError> {
        Ok(Map(Vec::new(), None))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Map, SerdeError> {
        Ok(Map(Vec::new(), None))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, SerdeError> {
        variant(name)
    }
}

/// The three kinds of sequences.
macro_rules! sequences {
    ($($kind:ident: $method:ident),*) => { $(
        impl $kind for Sequence {
            type Ok = Node;
            type Error = SerdeError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerdeError> {
                self.0.push(value.serialize(Writer)?);
                Ok(())
            }

            fn end(self) -> Result<Node, SerdeError> {
                Ok(Node::Sequence(self.0))
            }
        }
    )* };
}
sequences! { SerializeSeq: serialize_element, SerializeTuple: serialize_element, SerializeTupleStruct: serialize_field }

impl SerializeMap for Map {
    type Ok = Node;
    type Error = SerdeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), SerdeError> {
        let Node::Scalar(Scalar::String(key)) = key.serialize(Writer)? else {
            return Err(SerdeError::custom("a key that is no text"));
        };
        self.1 = Some(key);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerdeError> {
        let key = self.1.take().ok_or_else(|| SerdeError::custom("a value without a key"))?;
        self.0.push((key, value.serialize(Writer)?));
        Ok(())
    }

    fn end(self) -> Result<Node, SerdeError> {
        Ok(Node::Map(self.0))
    }
}

impl SerializeStruct for Map {
    type Ok = Node;
    type Error = SerdeError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), SerdeError> {
        self.0.push((key.to_owned(), value.serialize(Writer)?));
        Ok(())
    }

    fn end(self) -> Result<Node, SerdeError> {
        Ok(Node::Map(self.0))
    }
}
