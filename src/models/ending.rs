//! The end of reading, of a slave that gives up: what is written afterwards is told to nobody.

use super::{
    Model,
    handle::{self, SIZE},
    park::write,
};
use crate::channel::HeldLock;
use crate::config::Side;
use crate::endpoint::{self, read::Timeout};
use crate::error::Error;
use crate::sync::model::Action::Skip;
use loom::thread;
use std::mem::MaybeUninit;
use std::sync::Arc;

const LOOK: &str = "src/endpoint/read.rs";
const REMAP: &str = "src/endpoint/remap.rs";

/// A read into so many bytes goes on while another thread ends reading; then a message of [`SIZE`] bytes comes.
fn a_read_of(bytes: usize) -> impl Fn() + Send + Sync + 'static {
    move || {
        let view = handle::view();
        let core = handle::handle(handle::mapped(&view, 1), Side::Slave);
        let reader = thread::spawn({
            let core = core.clone();
            move || {
                let mut buffer = vec![MaybeUninit::uninit(); bytes];
                // SAFETY: the Arc keeps the handle.
                unsafe { endpoint::read(Arc::as_ptr(&core), &mut buffer, Timeout::None) }
            }
        });
        core.end_reading(&handle::mapped(&view, 1));
        write(&view, &HeldLock::default(), 1);
        assert_eq!(reader.join().expect("the reader"), Err(Error::NoData));
    }
}

#[test]
fn a_message_that_comes_after_it_is_not_read() {
    let model = Model::new("end of reading, a message", a_read_of(SIZE)).barrier_between().preemptions(3);
    model.holds();
    model.fails(REMAP, "let cursor = self.cursor.fetch_add(EPOCH, Ordering::SeqCst); // and is not ended", Skip);
}

#[test]
fn a_message_that_comes_after_it_is_not_said_to_be_too_large() {
    let model = Model::new("end of reading, a large message", a_read_of(SIZE / 2)).barrier_between().preemptions(3);
    model.holds();
    model.fails(LOOK, "Taken::TooSmall { needed, sequence } if self.cursor.load(Ordering::Acquire) == cursor", Skip);
}
