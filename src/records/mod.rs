//! Records: messages of named, typed values, byte for byte those of the released libraries.
//!
//! A record is a tag-length-value form close to ASN.1 DER: one SEQUENCE of three, the types, the keys and the values.
//!
//! - [`Record`], [`Value`], [`Scalar`]: owned, to build and to keep.
//! - [`Items`]: decodes borrowed bytes as it goes, without allocation; strings and octets point into them.
//! - [`encode_into`]: writes items to a buffer, without allocation.
//! - [`to_json`]: shows any record as JSON.
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

mod decode;
mod encode;
mod error;
mod json;
mod real;
mod value;
mod view;
pub(crate) mod wire;

pub use decode::{Arguments, Item, Items, Parameters};
pub use encode::encode_into;
pub use error::{Error, Reason};
pub use json::to_json;
pub use value::{Call, Event, Image, Record, Scalar, Value};
pub use view::{CallRef, EventRef, ImageRef, ScalarRef, Type, ValueRef};

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod vectors;
