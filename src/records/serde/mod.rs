//! Records in the data model of `serde`, with the feature `serde`.
//!
//! [`Record`], [`Value`] and [`Scalar`] can be serialised to any format and read from any that describes itself: a record is a
//! map, a scalar is itself (octets are bytes, or a sequence of small numbers where a format has no bytes), and the others are
//! maps as in [`to_json`](super::to_json) but for octets. Any type of yours becomes a record and back by [`to_record`] and
//! [`from_record`]: a struct's fields or a map's entries are the items.
//!
//! ```
//! use eshm::records::{Record, from_record, to_record};
//! use std::collections::BTreeMap;
//!
//! let limits = BTreeMap::from([("left", 12), ("right", 17)]);
//! let record = to_record(&limits)?;
//! assert_eq!(record, Record::from_iter([("left", 12.into()), ("right", 17.into())]));
//! let again: BTreeMap<String, i32> = from_record(record)?;
//! assert_eq!(again["right"], 17);
//! # Ok::<(), eshm::records::SerdeError>(())
//! ```

mod from_value;
mod node;
mod read;
mod to_value;
mod write;

use super::{Record, Scalar, Value};
use node::Node;
use serde::{
    de::DeserializeOwned,
    ser::{Error as _, Serialize},
};
use std::{error, fmt};

/// Why a type and a record do not go into each other; says what does not fit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SerdeError(String);

impl fmt::Display for SerdeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl error::Error for SerdeError {}

impl serde::ser::Error for SerdeError {
    fn custom<T: fmt::Display>(text: T) -> Self {
        SerdeError(text.to_string())
    }
}

impl serde::de::Error for SerdeError {
    fn custom<T: fmt::Display>(text: T) -> Self {
        SerdeError(text.to_string())
    }
}

/// Makes a record of a struct or a map. A field that is `None` is left out.
///
/// # Errors
/// What is neither, or has a field that no value of a record can hold.
pub fn to_record<T: Serialize + ?Sized>(from: &T) -> Result<Record, SerdeError> {
    from.serialize(write::Writer)?.record().map_err(SerdeError::custom)
}

/// Makes anything of a record that can be made of a struct or a map.
///
/// # Errors
/// A record without what is needed, or with something else.
pub fn from_record<T: DeserializeOwned>(record: Record) -> Result<T, SerdeError> {
    T::deserialize(Node::of(record))
}
