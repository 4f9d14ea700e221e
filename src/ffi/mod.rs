//! The C library: one file per header. Nothing but argument checks and the panic guard happens here.
//!
//! C enums and bools arrive as integers, since any bit pattern may; out of their range they are refused.

pub mod eshm;
pub mod eshm_data;
mod guard;
