//! The live table: `board` knows what is measured, `app` what the keys have asked for; `view` draws
//! both, `page` one segment of it.

mod app;
mod board;
mod columns;
mod page;
mod picture;
mod screen;
mod view;

pub use app::{App, Key};
pub use board::Board;
pub use columns::{cut, kept, width};
pub use picture::svg;
pub use screen::{Screen, leave as leave_the_screen};
pub use view::draw;
