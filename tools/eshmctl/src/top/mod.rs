//! The live table: `board` knows what is measured, `app` what the keys have asked for, `view` draws both.

mod app;
mod board;
mod columns;
mod picture;
mod view;

pub use app::{App, Key};
pub use board::Board;
pub use columns::{cut, kept, width};
pub use picture::svg;
pub use view::draw;
