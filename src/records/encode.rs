//! From values to bytes, in a buffer of the caller's. Nothing allocates.

use super::error::Error;
use super::view::{Loose, ScalarRef, ValueRef};
use super::wire::Writer;

/// Writes a record of these items to `out`; its size.
///
/// # Errors
/// [`Reason::TooLarge`](super::Reason::TooLarge) with the size needed; `out` then holds nothing of use.
pub fn encode_into(items: &[(&str, ValueRef<'_>)], out: &mut [u8]) -> Result<usize, Error> {
    encode(items.iter().map(|(key, value)| (*key, value.clone())), out)
}

/// The same for any source of items that can be gone through three times.
pub(crate) fn encode<'a>(
    items: impl Iterator<Item = (&'a str, ValueRef<'a>)> + Clone,
    out: &mut [u8],
) -> Result<usize, Error> {
    let mut writer = Writer::new(out);
    let record = writer.open();
    let types = writer.open();
    items.clone().for_each(|(_, value)| writer.integer(value.kind() as i64));
    writer.close(types);
    let keys = writer.open();
    items.clone().for_each(|(key, _)| writer.text(key));
    writer.close(keys);
    let values = writer.open();
    items.for_each(|(_, value)| writer.value(value));
    writer.close(values);
    writer.close(record);
    writer.finish()
}

/// Writes a record of scalars of which `part(item, 0)` is the type, `part(item, 1)` the key and `part(item, 2)` the value.
pub(crate) fn encode_parts<'a>(
    count: usize,
    out: &mut [u8],
    part: &mut dyn FnMut(usize, u32) -> Result<Loose<'a>, Error>,
) -> Result<usize, Error> {
    let mut writer = Writer::new(out);
    let record = writer.open();
    for which in 0..3 {
        let parts = writer.open();
        for item in 0..count {
            writer.loose(part(item, which)?);
        }
        writer.close(parts);
    }
    writer.close(record);
    writer.finish()
}

impl Writer<'_> {
    pub(super) fn scalar(&mut self, scalar: ScalarRef<'_>) {
        self.loose(match scalar {
            ScalarRef::Integer(value) => Loose::Integer(value),
            ScalarRef::Boolean(value) => Loose::Boolean(value),
            ScalarRef::Real(value) => Loose::Real(value),
            ScalarRef::String(text) => Loose::String(text.as_bytes()),
            ScalarRef::Binary(octets) => Loose::Binary(octets),
        });
    }

    fn loose(&mut self, scalar: Loose<'_>) {
        match scalar {
            Loose::Integer(value) => self.integer(value),
            Loose::Boolean(value) => self.boolean(value),
            Loose::Real(value) => self.real(value),
            Loose::String(text) => self.loose_text(text),
            Loose::Binary(octets) => self.octets(octets),
        }
    }

    fn value(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Integer(value) => self.integer(value),
            ValueRef::Boolean(value) => self.boolean(value),
            ValueRef::Real(value) => self.real(value),
            ValueRef::String(text) => self.text(text),
            ValueRef::Binary(octets) => self.octets(octets),
            ValueRef::Event(event) => {
                let whole = self.open();
                self.text(event.name);
                let parameters = self.open();
                for (key, value) in event.parameters {
                    let pair = self.open();
                    self.text(key);
                    self.scalar(value);
                    self.close(pair);
                }
                self.close(parameters);
                self.close(whole);
            }
            ValueRef::FunctionCall(call) => {
                let whole = self.open();
                self.text(call.name);
                match call.result {
                    Some(result) => self.scalar(result),
                    None => self.null(),
                }
                let arguments = self.open();
                call.arguments.for_each(|argument| self.scalar(argument));
                self.close(arguments);
                self.close(whole);
            }
            ValueRef::ImageFrame(image) => {
                let whole = self.open();
                for number in [image.width, image.height, image.channels] {
                    self.integer(number.into());
                }
                self.integer(image.timestamp_ns as i64); // the same 64 bits
                self.octets(image.data);
                self.close(whole);
            }
        }
    }
}
