//! Borrowed values: what decoding gives, and what encoding takes.

use super::decode::{Arguments, Parameters};

/// The type of an item, as the message has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Type {
    Integer = 0,
    Boolean = 1,
    Real = 2,
    String = 3,
    Binary = 4,
    Event = 5,
    FunctionCall = 6,
    ImageFrame = 7,
}

impl Type {
    /// The type of this number.
    pub fn of(number: i64) -> Option<Type> {
        use Type::*;
        let all = [Integer, Boolean, Real, String, Binary, Event, FunctionCall, ImageFrame];
        all.get(usize::try_from(number).ok()?).copied()
    }
}

/// A value that stands for itself.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum ScalarRef<'a> {
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
    /// A double.
    Real(f64),
    /// Text.
    String(&'a str),
    /// Octets.
    Binary(&'a [u8]),
}

/// A scalar as C has it, whose texts are any bytes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Loose<'a> {
    Integer(i64),
    Boolean(bool),
    Real(f64),
    String(&'a [u8]),
    Binary(&'a [u8]),
}

/// The value of an item.
#[derive(Clone, Debug)]
pub enum ValueRef<'a> {
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
    /// A double.
    Real(f64),
    /// Text.
    String(&'a str),
    /// Octets.
    Binary(&'a [u8]),
    /// Something that happened.
    Event(EventRef<'a>),
    /// A function to be run, or its result.
    FunctionCall(CallRef<'a>),
    /// A picture.
    ImageFrame(ImageRef<'a>),
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct EventRef<'a> {
    /// What.
    pub name: &'a str,
    /// More about it.
    pub parameters: Parameters<'a>,
}

/// A function to be run, or its result.
#[derive(Clone, Debug)]
pub struct CallRef<'a> {
    /// Which.
    pub name: &'a str,
    /// What it returned, if it ran.
    pub result: Option<ScalarRef<'a>>,
    /// What it is given.
    pub arguments: Arguments<'a>,
}

/// A picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub struct ImageRef<'a> {
    pub width: u32,
    pub height: u32,
    pub channels: u32,
    pub timestamp_ns: u64,
    pub data: &'a [u8],
}

impl ScalarRef<'_> {
    /// Its type.
    pub fn kind(self) -> Type {
        match self {
            ScalarRef::Integer(_) => Type::Integer,
            ScalarRef::Boolean(_) => Type::Boolean,
            ScalarRef::Real(_) => Type::Real,
            ScalarRef::String(_) => Type::String,
            ScalarRef::Binary(_) => Type::Binary,
        }
    }
}

impl Loose<'_> {
    /// Its type.
    pub(crate) fn kind(self) -> Type {
        match self {
            Loose::Integer(_) => Type::Integer,
            Loose::Boolean(_) => Type::Boolean,
            Loose::Real(_) => Type::Real,
            Loose::String(_) => Type::String,
            Loose::Binary(_) => Type::Binary,
        }
    }
}

impl<'a> ValueRef<'a> {
    /// Its type.
    pub fn kind(&self) -> Type {
        match self {
            ValueRef::Event(_) => Type::Event,
            ValueRef::FunctionCall(_) => Type::FunctionCall,
            ValueRef::ImageFrame(_) => Type::ImageFrame,
            ValueRef::Integer(_) => Type::Integer,
            ValueRef::Boolean(_) => Type::Boolean,
            ValueRef::Real(_) => Type::Real,
            ValueRef::String(_) => Type::String,
            ValueRef::Binary(_) => Type::Binary,
        }
    }

    /// The scalar it is, if it is one.
    pub fn scalar(&self) -> Option<ScalarRef<'a>> {
        Some(match *self {
            ValueRef::Integer(value) => ScalarRef::Integer(value),
            ValueRef::Boolean(value) => ScalarRef::Boolean(value),
            ValueRef::Real(value) => ScalarRef::Real(value),
            ValueRef::String(value) => ScalarRef::String(value),
            ValueRef::Binary(value) => ScalarRef::Binary(value),
            _ => return None,
        })
    }
}

impl<'a> From<ScalarRef<'a>> for ValueRef<'a> {
    fn from(scalar: ScalarRef<'a>) -> Self {
        match scalar {
            ScalarRef::Integer(value) => ValueRef::Integer(value),
            ScalarRef::Boolean(value) => ValueRef::Boolean(value),
            ScalarRef::Real(value) => ValueRef::Real(value),
            ScalarRef::String(value) => ValueRef::String(value),
            ScalarRef::Binary(value) => ValueRef::Binary(value),
        }
    }
}
