//! Records: messages of named, typed values, byte for byte those of the released libraries.
//!
//! A record is a tag-length-value form close to ASN.1 DER: one SEQUENCE of three, the types, the keys and the values.
//!
//! - [`Record`], [`Value`], [`Scalar`]: owned, to build and to keep.
//! - [`Items`]: decodes borrowed bytes as it goes, without allocation; strings and octets point into them.
//! - [`encode_into`]: writes items to a buffer, without allocation.
//! - [`to_json`]: shows any record as JSON.
//! - With the feature `serde`: `to_record` and `from_record` for your own types, and records in any of serde's formats.
//!
//! The decoder takes hostile bytes: every length is checked against what remains, nothing is allocated by a length that was
//! read, and the nesting is fixed by the format.
//!
//! ```
//! use eshm::records::{Items, Record, ValueRef, encode_into};
//!
//! let record = Record::from_iter([("temperature", 23.5.into()), ("status", "OK".into())]);
//! let mut message = [0; 256];
//! let size = record.encode_into(&mut message)?;
//! assert_eq!(Record::decode(&message[..size])?, record);
//!
//! // The same without allocation.
//! let size = encode_into(&[("temperature", ValueRef::Real(23.5)), ("status", ValueRef::String("OK"))], &mut message)?;
//! for item in Items::new(&message[..size])? {
//!     let item = item?;
//!     println!("{}: {:?}", item.key, item.value);
//! }
//! # Ok::<(), eshm::records::Error>(())
//! ```

#![forbid(unsafe_code)]

mod decode;
mod encode;
mod error;
mod flat;
mod json;
mod real;
#[cfg(feature = "serde")]
mod serde;
mod value;
mod view;
pub(crate) mod wire;

pub use decode::{Arguments, Item, Items, Parameters};
pub use encode::encode_into;
pub(crate) use encode::encode_parts;
pub use error::{Error, Reason};
pub(crate) use flat::{Flat, Want, decode_flat, encode_flat};
pub use json::to_json;
pub(crate) use json::to_json_into;
#[cfg(feature = "serde")]
pub use serde::{SerdeError, from_record, to_record};
pub use value::{Call, Event, Image, Record, Scalar, Value};
pub(crate) use view::Loose;
pub use view::{CallRef, EventRef, ImageRef, ScalarRef, Type, ValueRef};

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod vectors;
