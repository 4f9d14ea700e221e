//! From bytes to values, one after the other. Strings and octets point into the bytes.

use super::error::{Error, Reason};
use super::value::Scalar;
use super::view::{CallRef, EventRef, ImageRef, Loose, ScalarRef, Type, ValueRef};
use super::wire::{self, Reader};
use std::slice;

/// One named value of a record.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    /// Its name. The format does not ask that it be unique.
    pub key: &'a str,
    /// Its value.
    pub value: ValueRef<'a>,
}

/// The items of an encoded record, in order. An error is the last thing it gives.
#[derive(Clone, Debug)]
pub struct Items<'a> {
    types: Reader<'a>,
    keys: Reader<'a>,
    values: Reader<'a>,
    failed: bool,
}

impl<'a> Items<'a> {
    /// Looks at the frame around the items; they themselves are looked at as they come.
    ///
    /// # Errors
    /// Bytes that are not one SEQUENCE of three, and nothing else.
    pub fn new(message: &'a [u8]) -> Result<Self, Error> {
        let mut message = Reader::new(message);
        let items = Items::of(&mut message)?;
        message.finish()?;
        Ok(items)
    }

    /// The same for functions that take bytes after the record, which are not looked at.
    pub(crate) fn loose(message: &'a [u8]) -> Result<Self, Error> {
        Items::of(&mut Reader::new(message))
    }

    fn of(message: &mut Reader<'a>) -> Result<Self, Error> {
        let mut record = message.element(wire::SEQUENCE)?;
        let types = record.element(wire::SEQUENCE)?;
        let keys = record.element(wire::SEQUENCE)?;
        let values = record.element(wire::SEQUENCE)?;
        record.finish()?;
        Ok(Items { types, keys, values, failed: false })
    }

    /// Goes through all items; how many there are.
    ///
    /// # Errors
    /// Whatever is wrong with any of them.
    pub fn check(self) -> Result<usize, Error> {
        let mut count = 0;
        for item in self {
            item?;
            count += 1;
        }
        Ok(count)
    }

    /// Whether nothing is left, in each of the three.
    fn is_at_end(&self) -> bool {
        self.types.is_empty() && self.keys.is_empty() && self.values.is_empty()
    }

    fn kind(&mut self) -> Result<Type, Error> {
        if self.types.is_empty() || self.keys.is_empty() || self.values.is_empty() {
            return Err(self.types.error(Reason::CountsDiffer));
        }
        let at = self.types.position();
        Type::of(self.types.integer()?).ok_or(Error::at(at, Reason::UnknownType))
    }

    /// The next item, whose key and text are any bytes. Without a value if it is no scalar.
    #[expect(clippy::type_complexity, reason = "for one caller")]
    pub(crate) fn next_loose(&mut self) -> Result<Option<(&'a [u8], Option<Loose<'a>>)>, Error> {
        if self.is_at_end() {
            return Ok(None);
        }
        let kind = self.kind()?;
        let key = self.keys.loose_text()?;
        let value = match kind {
            Type::Integer => Loose::Integer(self.values.integer()?),
            Type::Boolean => Loose::Boolean(self.values.boolean()?),
            Type::Real => Loose::Real(self.values.real()?),
            Type::String => Loose::String(self.values.loose_text()?),
            Type::Binary => Loose::Binary(self.values.octets()?),
            _ => {
                self.values.element(wire::SEQUENCE)?;
                return Ok(Some((key, None)));
            }
        };
        Ok(Some((key, Some(value))))
    }

    fn item(&mut self) -> Result<Item<'a>, Error> {
        let kind = self.kind()?;
        let key = self.keys.text()?;
        let value = match kind {
            Type::Event => ValueRef::Event(event(&mut self.values)?),
            Type::FunctionCall => ValueRef::FunctionCall(call(&mut self.values)?),
            Type::ImageFrame => ValueRef::ImageFrame(image(&mut self.values)?),
            Type::Integer => ValueRef::Integer(self.values.integer()?),
            Type::Boolean => ValueRef::Boolean(self.values.boolean()?),
            Type::Real => ValueRef::Real(self.values.real()?),
            Type::String => ValueRef::String(self.values.text()?),
            Type::Binary => ValueRef::Binary(self.values.octets()?),
        };
        Ok(Item { key, value })
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Result<Item<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.is_at_end() {
            return None;
        }
        let item = self.item();
        self.failed = item.is_err();
        Some(item)
    }

    /// An item takes at least seven bytes, so hostile bytes cannot make this more than a fraction of their own number.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let most = (self.types.len() / 3).min(self.keys.len() / 2).min(self.values.len() / 2);
        (0, Some(most + 1))
    }
}

/// A scalar, by its tag.
fn scalar<'a>(reader: &mut Reader<'a>) -> Result<ScalarRef<'a>, Error> {
    Ok(match reader.peek() {
        Some(wire::INTEGER) => ScalarRef::Integer(reader.integer()?),
        Some(wire::BOOLEAN) => ScalarRef::Boolean(reader.boolean()?),
        Some(wire::REAL) => ScalarRef::Real(reader.real()?),
        Some(wire::TEXT) => ScalarRef::String(reader.text()?),
        Some(wire::BINARY) => ScalarRef::Binary(reader.octets()?),
        Some(_) => return Err(reader.error(Reason::UnexpectedTag)),
        None => return Err(reader.error(Reason::Truncated)),
    })
}

fn parameter<'a>(reader: &mut Reader<'a>) -> Result<(&'a str, ScalarRef<'a>), Error> {
    let mut pair = reader.element(wire::SEQUENCE)?;
    let parameter = (pair.text()?, scalar(&mut pair)?);
    pair.finish()?;
    Ok(parameter)
}

fn event<'a>(values: &mut Reader<'a>) -> Result<EventRef<'a>, Error> {
    let mut event = values.element(wire::SEQUENCE)?;
    let name = event.text()?;
    let bytes = event.element(wire::SEQUENCE)?;
    event.finish()?;
    let mut rest = bytes;
    while !rest.is_empty() {
        parameter(&mut rest)?;
    }
    Ok(EventRef { name, parameters: Parameters(Source::Bytes(bytes)) })
}

fn call<'a>(values: &mut Reader<'a>) -> Result<CallRef<'a>, Error> {
    let mut call = values.element(wire::SEQUENCE)?;
    let name = call.text()?;
    let result = if call.peek() == Some(wire::NULL) { call.null().map(|()| None)? } else { Some(scalar(&mut call)?) };
    let bytes = call.element(wire::SEQUENCE)?;
    call.finish()?;
    let mut rest = bytes;
    while !rest.is_empty() {
        scalar(&mut rest)?;
    }
    Ok(CallRef { name, result, arguments: Arguments(Source::Bytes(bytes)) })
}

fn image<'a>(values: &mut Reader<'a>) -> Result<ImageRef<'a>, Error> {
    let mut image = values.element(wire::SEQUENCE)?;
    let (width, height, channels) = (image.unsigned()?, image.unsigned()?, image.unsigned()?);
    let timestamp_ns = image.integer()? as u64; // the same 64 bits
    let data = image.octets()?;
    image.finish()?;
    Ok(ImageRef { width, height, channels, timestamp_ns, data })
}

/// Where parts of a value come from: bytes that were checked, or a slice.
#[derive(Clone, Debug)]
enum Source<'a, T> {
    Bytes(Reader<'a>),
    Slice(slice::Iter<'a, T>),
}

/// The parameters of an event, in order.
#[derive(Clone, Debug)]
pub struct Parameters<'a>(Source<'a, (String, Scalar)>);

impl<'a> From<&'a [(String, Scalar)]> for Parameters<'a> {
    fn from(parameters: &'a [(String, Scalar)]) -> Self {
        Parameters(Source::Slice(parameters.iter()))
    }
}

impl<'a> Iterator for Parameters<'a> {
    type Item = (&'a str, ScalarRef<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Source::Bytes(reader) => parameter(reader).ok(), // fails at the end only, as event() went through it all
            Source::Slice(iter) => iter.next().map(|(key, value)| (key.as_str(), value.as_ref())),
        }
    }
}

/// The arguments of a function call, in order.
#[derive(Clone, Debug)]
pub struct Arguments<'a>(Source<'a, Scalar>);

impl<'a> From<&'a [Scalar]> for Arguments<'a> {
    fn from(arguments: &'a [Scalar]) -> Self {
        Arguments(Source::Slice(arguments.iter()))
    }
}

impl<'a> Iterator for Arguments<'a> {
    type Item = ScalarRef<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Source::Bytes(reader) => scalar(reader).ok(), // as above
            Source::Slice(iter) => iter.next().map(Scalar::as_ref),
        }
    }
}
