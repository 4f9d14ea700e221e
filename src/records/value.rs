//! Owned values.

use super::decode::{Item, Items};
use super::encode::encode;
use super::error::{Error, Reason};
use super::view::{CallRef, EventRef, ImageRef, ScalarRef, ValueRef};
use std::collections::TryReserveError;

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
    /// Bytes that are no record: where, and why. [`Reason::NoMemory`] if the values do not fit into memory.
    pub fn decode(message: &[u8]) -> Result<Record, Error> {
        let no_memory = |_| Error::at(message.len(), Reason::NoMemory);
        let mut items = Vec::new();
        for item in Items::new(message)? {
            let Item { key, value } = item?;
            items.try_reserve(1).map_err(no_memory)?;
            items.push((text(key).map_err(no_memory)?, value.try_to_value().map_err(no_memory)?));
        }
        Ok(Record { items })
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

/// A copy, if there is memory for one.
fn octets(octets: &[u8]) -> Result<Vec<u8>, TryReserveError> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(octets.len())?;
    copy.extend_from_slice(octets);
    Ok(copy)
}

fn text(text: &str) -> Result<String, TryReserveError> {
    let mut copy = String::new();
    copy.try_reserve_exact(text.len())?;
    copy.push_str(text);
    Ok(copy)
}

/// All of them, if there is memory.
fn all<T>(items: impl Iterator<Item = Result<T, TryReserveError>>) -> Result<Vec<T>, TryReserveError> {
    let mut all = Vec::new();
    for item in items {
        all.try_reserve(1)?;
        all.push(item?);
    }
    Ok(all)
}

impl ScalarRef<'_> {
    /// The same, owned.
    ///
    /// # Panics
    /// Without memory for it.
    pub fn to_scalar(self) -> Scalar {
        self.try_to_scalar().expect("memory")
    }

    fn try_to_scalar(self) -> Result<Scalar, TryReserveError> {
        Ok(match self {
            ScalarRef::Integer(value) => Scalar::Integer(value),
            ScalarRef::Boolean(value) => Scalar::Boolean(value),
            ScalarRef::Real(value) => Scalar::Real(value),
            ScalarRef::String(value) => Scalar::String(text(value)?),
            ScalarRef::Binary(value) => Scalar::Binary(octets(value)?),
        })
    }
}

impl ValueRef<'_> {
    /// The same, owned.
    ///
    /// # Panics
    /// Without memory for it.
    pub fn to_value(self) -> Value {
        self.try_to_value().expect("memory")
    }

    fn try_to_value(self) -> Result<Value, TryReserveError> {
        Ok(match self {
            ValueRef::Integer(value) => Value::Integer(value),
            ValueRef::Boolean(value) => Value::Boolean(value),
            ValueRef::Real(value) => Value::Real(value),
            ValueRef::String(value) => Value::String(text(value)?),
            ValueRef::Binary(value) => Value::Binary(octets(value)?),
            ValueRef::Event(event) => Value::Event(Event {
                name: text(event.name)?,
                parameters: all(event.parameters.map(|(key, value)| Ok((text(key)?, value.try_to_scalar()?))))?,
            }),
            ValueRef::FunctionCall(call) => Value::FunctionCall(Call {
                name: text(call.name)?,
                result: call.result.map(ScalarRef::try_to_scalar).transpose()?,
                arguments: all(call.arguments.map(ScalarRef::try_to_scalar))?,
            }),
            ValueRef::ImageFrame(image) => Value::ImageFrame(Image {
                width: image.width,
                height: image.height,
                channels: image.channels,
                timestamp_ns: image.timestamp_ns,
                data: octets(image.data)?,
            }),
        })
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
