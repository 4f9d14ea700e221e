//! Models of the lock-free parts: loom runs the real code through `sync`, in every interleaving and with every value that the
//! memory model allows, up to a number of preemptions. `scripts/check_models.sh` runs them.
//!
//! Each model has twins: the same code with one line broken ([`sync::model`](crate::sync::model)), in which the model must find
//! a violation. A line that can be broken unnoticed is either not needed or not modelled.
//!
//! What a model cannot show: loads that return values stored later in program order (loom makes none of them), more threads or
//! preemptions than it was given, and the compiler's half of the copy in assembly, for which the word loop stands.

mod breaking;
mod closing;
mod death;
mod doubt;
mod ending;
mod handle;
mod moving;
mod park;
mod sequence_lock;

use crate::liveness::service;
use crate::sync::model::{self, Action, Barriers, Twin};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// A scenario, and how far it is explored.
pub(crate) struct Model {
    name: &'static str,
    preemptions: Option<usize>,
    barriers: Barriers,
    body: Arc<dyn Fn() + Send + Sync>,
}

impl Model {
    /// A scenario: `body` is run once for each execution.
    pub(crate) fn new(name: &'static str, body: impl Fn() + Send + Sync + 'static) -> Model {
        Model { name, preemptions: None, barriers: Barriers::default(), body: Arc::new(body) }
    }

    /// At most so many preemptions in an execution; switches where a thread waits or ends are free.
    pub(crate) fn preemptions(mut self, most: usize) -> Model {
        self.preemptions = Some(most);
        self
    }

    /// With the barrier between the threads of a process, of [`sync::heavy_barrier`](crate::sync::heavy_barrier).
    pub(crate) fn barrier_in_process(mut self) -> Model {
        self.barriers.in_process = true;
        self
    }

    /// With the barrier between processes, of [`sync::heavy_barrier_between`](crate::sync::heavy_barrier_between).
    pub(crate) fn barrier_between(mut self) -> Model {
        self.barriers.between = true;
        self
    }

    /// All executions, or those up to the first violation: how many, and whether there was one.
    fn explore(&self, twin: Option<Twin>) -> (u64, std::thread::Result<()>) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = builder.preemption_bound.or(self.preemptions);
        builder.max_branches = 10_000;
        let executions = Arc::new(AtomicU64::new(0));
        let (count, body) = (executions.clone(), self.body.clone());
        model::choose(twin);
        model::choose_barriers(self.barriers);
        let result = catch_unwind(AssertUnwindSafe(|| {
            builder.check(move || {
                count.fetch_add(1, Relaxed);
                model::begin();
                service::forget_after_fork(); // its atomics were of the last execution
                body();
            });
        }));
        (executions.load(Relaxed), result)
    }

    /// No execution of the code as it is violates anything.
    pub(crate) fn holds(&self) {
        let (executions, result) = self.explore(None);
        println!("MODEL {}: {executions} executions{}", self.name, if result.is_ok() { "" } else { ", VIOLATED" });
        if let Err(violation) = result {
            resume_unwind(violation);
        }
    }

    /// With the one line of `file` that contains `text` broken by `action`, some execution does.
    pub(crate) fn fails(&self, file: &'static str, text: &str, action: Action) {
        let twin = find(file, text, action);
        let (executions, result) = quietly(|| self.explore(Some(twin)));
        let found = if result.is_err() { "found" } else { "NOT FOUND" };
        let why = result.as_ref().err().map_or_else(String::new, reason);
        println!("TWIN {}: {file}:{} {action:?}: {found} in {executions} executions: {why}", self.name, twin.line);
        let hits = model::hits();
        model::choose(None);
        assert!(hits > 0, "{file}: {text:?} does no {action:?}");
        assert!(result.is_err(), "{}: {action:?} of {file}: {text:?} goes unnoticed", self.name);
    }
}

/// The line that contains `text`.
fn find(file: &'static str, text: &str, action: Action) -> Twin {
    let source = std::fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).expect("the source");
    let mut lines = source.lines().zip(1..).filter(|(line, _)| line.contains(text)).map(|(_, number)| number);
    match (lines.next(), lines.next()) {
        (Some(line), None) => Twin { file, line, action },
        (None, _) => panic!("{file} has no {text:?}"),
        _ => panic!("{file} has {text:?} more than once"),
    }
}

/// The first line of what a violation says.
fn reason(violation: &Box<dyn Any + Send>) -> String {
    let text = violation.downcast_ref::<String>().map(String::as_str).or(violation.downcast_ref::<&str>().copied());
    text.and_then(|text| text.lines().next()).unwrap_or("?").chars().take(100).collect()
}

/// Runs `action` without the messages of its panics, which a twin is expected to have.
fn quietly<R>(action: impl FnOnce() -> R) -> R {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = action();
    std::panic::set_hook(hook);
    result
}
