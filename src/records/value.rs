//! Owned values.

use super::decode::{Item, Items};
use super::encode::encode;
use super::error::{Error, Reason};
use super::view::{CallRef, EventRef, ImageRef, ScalarRef, ValueRef};

/// Named values, in order. A key may come twice; [`Record::get`] finds the first.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Record {
    items: Vec<(String, Value)>,
}

/// A value that stands for itself.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub enum Scalar {
    Integer(i64),
    Boolean(bool),
    Real(f64),
    String(String),
    Binary(Vec<u8>),
}

/// The value of an item.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub enum Value {
    Integer(i64),
    Boolean(bool),
    Real(f64),
    String(String),
    Binary(Vec<u8>),
    Event(Event),
    FunctionCall(Call),
    ImageFrame(Image),
}

/// Something that happened.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Event {
    /// What.
    pub name: String,
    /// More about it.
    pub parameters: Vec<(String, Scalar)>,
}

/// A function to be run, or its result.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Call {
    /// Which.
    pub name: String,
    /// What it returned, if it ran.
    pub result: Option<Scalar>,
    /// What it is given.
    pub arguments: Vec<Scalar>,
}

/// A picture.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs)]
pub struct Image {
    pub width: u32,
    pub height: u32,
    pub channels: u32,
    pub timestamp_ns: u64,
    pub data: Vec<u8>,
}

impl Record {
    /// Without items.
    pub fn new() -> Record {
        Record::default()
    }

    /// Reads a record.
    ///
    /// # Errors
    /// Bytes that are no record: where, and why.
    pub fn decode(message: &[u8]) -> Result<Record, Error> {
        let items = Items::new(message)?.map(|item| item.map(|Item { key, value }| (key.to_owned(), value.to_value())));
        Ok(Record { items: items.collect::<Result<_, _>>()? })
    }

    /// Writes the record to `out`; its size. Does not allocate.
    ///
    /// # Errors
    /// [`Reason::TooLarge`] with the size needed.
    pub fn encode_into(&self, out: &mut [u8]) -> Result<usize, Error> {
        encode(self.iter().map(|(key, value)| (key, value.as_ref())), out)
    }

    /// The record's bytes.
    ///
    /// # Errors
    /// A record of 4 GiB or more has no form.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; 256];
        loop {
            match self.encode_into(&mut bytes) {
                Ok(size) => {
                    bytes.truncate(size);
                    return Ok(bytes);
                }
                Err(Error { reason: Reason::TooLarge { needed }, .. }) if needed > bytes.len() => bytes.resize(needed, 0),
                Err(error) => return Err(error),
            }
        }
    }

    /// Adds an item at the end.
    pub fn push(&mut self, key: impl Into<String>, value: impl Into<Value>) {
        self.items.push((key.into(), value.into()));
    }

    /// The first value of this key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.iter().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    /// The items in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> + Clone {
        self.items.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// How many items it has.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

impl IntoIterator for Record {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<K: Into<String>> FromIterator<(K, Value)> for Record {
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(items: I) -> Self {
        Record { items: items.into_iter().map(|(key, value)| (key.into(), value)).collect() }
    }
}

impl Scalar {
    /// The same, borrowed.
    pub fn as_ref(&self) -> ScalarRef<'_> {
        match self {
            Scalar::Integer(value) => ScalarRef::Integer(*value),
            Scalar::Boolean(value) => ScalarRef::Boolean(*value),
            Scalar::Real(value) => ScalarRef::Real(*value),
            Scalar::String(text) => ScalarRef::String(text),
            Scalar::Binary(octets) => ScalarRef::Binary(octets),
        }
    }
}

impl Value {
    /// The same, borrowed.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Integer(value) => ValueRef::Integer(*value),
            Value::Boolean(value) => ValueRef::Boolean(*value),
            Value::Real(value) => ValueRef::Real(*value),
            Value::String(text) => ValueRef::String(text),
            Value::Binary(octets) => ValueRef::Binary(octets),
            Value::Event(event) => {
                ValueRef::Event(EventRef { name: &event.name, parameters: event.parameters.as_slice().into() })
            }
            Value::FunctionCall(call) => ValueRef::FunctionCall(CallRef {
                name: &call.name,
                result: call.result.as_ref().map(Scalar::as_ref),
                arguments: call.arguments.as_slice().into(),
            }),
            Value::ImageFrame(image) => ValueRef::ImageFrame(ImageRef {
                width: image.width,
                height: image.height,
                channels: image.channels,
                timestamp_ns: image.timestamp_ns,
                data: &image.data,
            }),
        }
    }
}

impl ScalarRef<'_> {
    /// The same, owned.
    pub fn to_scalar(self) -> Scalar {
        match self {
            ScalarRef::Integer(value) => Scalar::Integer(value),
            ScalarRef::Boolean(value) => Scalar::Boolean(value),
            ScalarRef::Real(value) => Scalar::Real(value),
            ScalarRef::String(text) => Scalar::String(text.to_owned()),
            ScalarRef::Binary(octets) => Scalar::Binary(octets.to_owned()),
        }
    }
}

impl ValueRef<'_> {
    /// The same, owned.
    pub fn to_value(self) -> Value {
        match self {
            ValueRef::Integer(value) => Value::Integer(value),
            ValueRef::Boolean(value) => Value::Boolean(value),
            ValueRef::Real(value) => Value::Real(value),
            ValueRef::String(text) => Value::String(text.to_owned()),
            ValueRef::Binary(octets) => Value::Binary(octets.to_owned()),
            ValueRef::Event(event) => Value::Event(Event {
                name: event.name.to_owned(),
                parameters: event.parameters.map(|(key, value)| (key.to_owned(), value.to_scalar())).collect(),
            }),
            ValueRef::FunctionCall(call) => Value::FunctionCall(Call {
                name: call.name.to_owned(),
                result: call.result.map(ScalarRef::to_scalar),
                arguments: call.arguments.map(ScalarRef::to_scalar).collect(),
            }),
            ValueRef::ImageFrame(image) => Value::ImageFrame(Image {
                width: image.width,
                height: image.height,
                channels: image.channels,
                timestamp_ns: image.timestamp_ns,
                data: image.data.to_owned(),
            }),
        }
    }
}

/// What turns into a scalar and into a value.
macro_rules! from {
    ($($source:ty => $variant:ident),* $(,)?) => { $(
        impl From<$source> for Scalar {
            fn from(value: $source) -> Self {
                Scalar::$variant(value.into())
            }
        }
        impl From<$source> for Value {
            fn from(value: $source) -> Self {
                Value::$variant(value.into())
            }
        }
    )* };
}
from! { i64 => Integer, i32 => Integer, u32 => Integer, bool => Boolean, f64 => Real, &str => String, String => String,
&[u8] => Binary, Vec<u8> => Binary }

impl From<Scalar> for Value {
    fn from(scalar: Scalar) -> Self {
        match scalar {
            Scalar::Integer(value) => Value::Integer(value),
            Scalar::Boolean(value) => Value::Boolean(value),
            Scalar::Real(value) => Value::Real(value),
            Scalar::String(text) => Value::String(text),
            Scalar::Binary(octets) => Value::Binary(octets),
        }
    }
}
