//! The C library: one file per header. Nothing but argument checks and the panic guard happens here.
//!
//! C enums and bools arrive as integers, since any bit pattern may; out of their range they are refused.

pub mod data_handler_c_api;
pub mod eshm;
pub mod eshm_data;
pub mod eshm_data_api;
pub mod eshm_record;
#[cfg(not(loom))]
pub mod eshm_rpc;
mod given;
mod guard;
mod last_error;
mod options;
mod wanted;
