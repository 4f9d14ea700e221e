//! From records to any format.

use super::{Record, Scalar, Value};
use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter())
    }
}

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Scalar::Integer(value) => to.serialize_i64(*value),
            Scalar::Boolean(value) => to.serialize_bool(*value),
            Scalar::Real(value) => to.serialize_f64(*value),
            Scalar::String(text) => to.serialize_str(text),
            Scalar::Binary(octets) => to.serialize_bytes(octets),
        }
    }
}

struct Octets<'a>(&'a [u8]);

impl Serialize for Octets<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(self.0)
    }
}

struct Parameters<'a>(&'a [(String, Scalar)]);

impl Serialize for Parameters<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (key, value) in self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Integer(value) => to.serialize_i64(*value),
            Value::Boolean(value) => to.serialize_bool(*value),
            Value::Real(value) => to.serialize_f64(*value),
            Value::String(text) => to.serialize_str(text),
            Value::Binary(octets) => to.serialize_bytes(octets),
            Value::Event(event) => {
                let mut fields = to.serialize_struct("Event", 2)?;
                fields.serialize_field("event", &event.name)?;
                fields.serialize_field("parameters", &Parameters(&event.parameters))?;
                fields.end()
            }
            Value::FunctionCall(call) => {
                let mut fields = to.serialize_struct("FunctionCall", 3)?;
                fields.serialize_field("function", &call.name)?;
                fields.serialize_field("return", &call.result)?;
                fields.serialize_field("arguments", &call.arguments)?;
                fields.end()
            }
            Value::ImageFrame(image) => {
                let mut fields = to.serialize_struct("ImageFrame", 5)?;
                fields.serialize_field("width", &image.width)?;
                fields.serialize_field("height", &image.height)?;
                fields.serialize_field("channels", &image.channels)?;
                fields.serialize_field("timestamp_ns", &image.timestamp_ns)?;
                fields.serialize_field("data", &Octets(&image.data))?;
                fields.end()
            }
        }
    }
}
