//! Records as one row of fields, as C and C++ take them: an event, function call or image frame is followed by its children.
//!
//! - event: its name, then the parameters;
//! - function call: its name, then the return value or nothing, then the arguments;
//! - image frame: then width, height, channels, timestamp_ns (INTEGER) and data (BINARY).

use super::decode::Items;
use super::error::{Error, Reason};
use super::view::{ScalarRef, Type, ValueRef};
use super::wire::Writer;

/// One field.
#[derive(Clone, Copy)]
pub(crate) struct Flat<'a> {
    /// `None`: a function call has not returned.
    pub(crate) kind: Option<Type>,
    /// Fields after this one that belong to it.
    pub(crate) children: usize,
    pub(crate) key: &'a str,
    /// The value of a scalar; the name of an event or function call.
    pub(crate) value: ScalarRef<'a>,
}

/// What of a field is looked at: texts are checked, and each pass needs one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// Neither key nor value.
    Kind,
    Key,
    Value,
    /// Both.
    All,
}

/// Where fields come from.
type Fields<'a, 'b> = &'b dyn Fn(usize, Want) -> Result<Flat<'a>, Error>;

/// Fields of an image frame.
const IMAGE_FIELDS: usize = 5;

/// Writes a record of `count` fields, its items' children included.
pub(crate) fn encode_flat<'a>(count: usize, out: &mut [u8], field: Fields<'a, '_>) -> Result<usize, Error> {
    let mut writer = Writer::new(out);
    let record = writer.open();
    for want in [Want::Kind, Want::Key, Want::Value] {
        let parts = writer.open();
        let mut at = 0;
        while at < count {
            let item = field(at, want)?;
            let bad = Error::at(at, Reason::BadFields);
            let end = at.checked_add(1 + item.children).filter(|&end| end <= count).ok_or(bad)?;
            match want {
                Want::Kind => writer.integer(item.kind.ok_or(bad)? as i64),
                Want::Key => writer.text(item.key),
                _ => writer.fields(at, end, item, field)?,
            }
            at = end;
        }
        writer.close(parts);
    }
    writer.close(record);
    writer.finish()
}

impl Writer<'_> {
    fn fields<'a>(&mut self, at: usize, end: usize, item: Flat<'a>, field: Fields<'a, '_>) -> Result<(), Error> {
        let bad = Error::at(at, Reason::BadFields);
        let scalar = |at: usize| -> Result<Flat<'a>, Error> {
            let child = field(at, Want::All)?;
            let fits = child.children == 0 && child.kind.is_none_or(|kind| kind as u8 <= Type::Binary as u8);
            if fits { Ok(child) } else { Err(Error::at(at, Reason::BadFields)) }
        };
        let value = |at: usize| {
            scalar(at)?.kind.map(|_| scalar(at).map(|child| child.value)).unwrap_or(Err(Error::at(at, Reason::BadFields)))
        };
        let mut next = at + 1;
        match item.kind {
            Some(Type::Event) => {
                let whole = self.open();
                self.scalar(item.value);
                let parameters = self.open();
                while next < end {
                    let pair = self.open();
                    self.text(scalar(next)?.key);
                    self.scalar(value(next)?);
                    self.close(pair);
                    next += 1;
                }
                self.close(parameters);
                self.close(whole);
            }
            Some(Type::FunctionCall) => {
                if next == end {
                    return Err(bad);
                }
                let whole = self.open();
                self.scalar(item.value);
                let result = scalar(next)?;
                if result.kind.is_some() {
                    self.scalar(result.value)
                } else {
                    self.null()
                }
                let arguments = self.open();
                for argument in next + 1..end {
                    self.scalar(value(argument)?);
                }
                self.close(arguments);
                self.close(whole);
            }
            Some(Type::ImageFrame) => {
                if item.children != IMAGE_FIELDS {
                    return Err(bad);
                }
                let whole = self.open();
                while next < end {
                    let value = value(next)?;
                    match (next - at, value) {
                        (1..=3, ScalarRef::Integer(number)) if u32::try_from(number).is_err() => {
                            return Err(Error::at(next, Reason::OutOfRange));
                        }
                        (1..IMAGE_FIELDS, ScalarRef::Integer(_)) | (IMAGE_FIELDS, ScalarRef::Binary(_)) => {}
                        _ => return Err(bad),
                    }
                    self.scalar(value);
                    next += 1;
                }
                self.close(whole);
            }
            _ if next == end => self.scalar(item.value),
            _ => return Err(bad),
        }
        Ok(())
    }
}

/// Gives the fields of a record one after the other.
pub(crate) fn decode_flat<'a>(message: &'a [u8], give: &mut dyn FnMut(Flat<'a>)) -> Result<(), Error> {
    let scalar = |key, value: ScalarRef<'a>| Flat { kind: Some(value.kind()), children: 0, key, value };
    for item in Items::new(message)? {
        let item = item?;
        let mut head = |children, name| {
            give(Flat { kind: Some(item.value.kind()), children, key: item.key, value: ScalarRef::String(name) })
        };
        match &item.value {
            ValueRef::Event(event) => {
                head(event.parameters.clone().count(), event.name);
                event.parameters.clone().for_each(|(key, value)| give(scalar(key, value)));
            }
            ValueRef::FunctionCall(call) => {
                head(1 + call.arguments.clone().count(), call.name);
                let none = Flat { kind: None, children: 0, key: "", value: ScalarRef::Integer(0) };
                give(call.result.map_or(none, |result| scalar("", result)));
                call.arguments.clone().for_each(|argument| give(scalar("", argument)));
            }
            ValueRef::ImageFrame(image) => {
                head(IMAGE_FIELDS, "");
                let numbers = [image.width.into(), image.height.into(), image.channels.into(), image.timestamp_ns as i64];
                numbers.into_iter().for_each(|number| give(scalar("", ScalarRef::Integer(number))));
                give(scalar("", ScalarRef::Binary(image.data)));
            }
            value => {
                if let Some(value) = value.scalar() {
                    give(scalar(item.key, value));
                }
            }
        }
    }
    Ok(())
}
