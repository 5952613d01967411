//! Small programs for the page's Learn mode: mistakes that fourfold does not let its users make, and the same done right.
//!
//! They are written over public primitives and run by the crate's executor on its simulated clock. What happens in them is told as
//! the events of a run, so that whatever shows a run shows them. Each has a file of its own, which the page shows: a comment
//! `// page: started` at the end of a line says that this event is told there.
//!
//! ```
//! use core::{num::NonZeroUsize, time::Duration};
//! use fourfold::metrics::State;
//! use fourfold_web::programs::{self, ProgramParams};
//!
//! let params = ProgramParams::seeded(NonZeroUsize::new(4).unwrap(), 200, 7);
//! let [mut lost, mut kept] = [State::new(), State::new()];
//! programs::run("lost_permit", &params, &mut lost).unwrap();
//! programs::run("guarded", &params, &mut kept).unwrap();
//!
//! // After four failures nothing starts any more.
//! assert_eq!((lost.leaked(), lost.counters().failed), (4, 4));
//! assert!(lost.counters().tasks() < 200);
//! assert_eq!((kept.leaked(), kept.counters().tasks()), (0, 200));
//! ```

mod background;
mod bounded;
mod forgotten;
mod guarded;
mod host;
mod lost_permit;
mod unbounded;

use core::{fmt, num::NonZeroUsize, time::Duration};

use fourfold::{
    Event, Observer, Pattern,
    event::EventKind,
    sim::{SyntheticTask, Workload},
};

use self::host::Host;

/// A program that can be run and shown.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// What it is called, as in its file's name.
    pub name: &'static str,
    /// What to show beside it; `None` where it makes no mistake itself.
    pub right: Option<Right>,
}

impl Program {
    /// The text of its file.
    pub fn source(&self) -> &'static str {
        match self.name {
            "forgotten" => include_str!("programs/forgotten.rs"),
            "unbounded" => include_str!("programs/unbounded.rs"),
            "bounded" => include_str!("programs/bounded.rs"),
            "lost_permit" => include_str!("programs/lost_permit.rs"),
            "guarded" => include_str!("programs/guarded.rs"),
            _ => "",
        }
    }
}

/// How a mistake is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// The crate's own pattern on the same tasks, without retries.
    Pattern(Pattern),
    /// Another program.
    Program(&'static str),
}

/// All of them, each mistake before what does it right.
pub const PROGRAMS: &[Program] = &[
    Program { name: "forgotten", right: Some(Right::Pattern(Pattern::TaskGroup)) },
    Program { name: "unbounded", right: Some(Right::Program("bounded")) },
    Program { name: "bounded", right: None },
    Program { name: "lost_permit", right: Some(Right::Program("guarded")) },
    Program { name: "guarded", right: None },
];

/// What a program is run with.
#[derive(Clone, Debug)]
pub struct ProgramParams {
    /// How many tasks may be in flight; how many workers there are.
    pub limit: NonZeroUsize,
    /// The tasks. Each is tried once.
    pub work: Vec<SyntheticTask>,
    /// When the program is ended, should it go on for so long. Without it a program that gets stuck ends at that moment.
    pub duration_max: Option<Duration>,
}

impl ProgramParams {
    /// So many tasks of the [`Workload`] with this seed, the same that a [`Simulation`](fourfold::sim::Simulation) has.
    pub fn seeded(limit: NonZeroUsize, tasks: u64, seed: u64) -> Self {
        Self { limit, work: Workload::new(tasks, seed).collect(), duration_max: None }
    }
}

/// There is no program of this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownProgram(pub String);

impl fmt::Display for UnknownProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = PROGRAMS.iter().map(|program| program.name).collect();
        write!(f, "there is no program `{}`; there are {}", self.0, names.join(", "))
    }
}

impl core::error::Error for UnknownProgram {}

/// Runs a program to its end and tells what happens in it. The same parameters give the same events on every platform.
///
/// # Errors
/// [`UnknownProgram`].
pub fn run(name: &str, params: &ProgramParams, observer: &mut impl Observer) -> Result<(), UnknownProgram> {
    let mut tell = |event: &Event<&str>| observer.event(event);
    let host = &Host::new(params, &mut tell);
    let limit = params.limit.get();
    let set = EventKind::RunStarted { pattern: Pattern::TaskSet, limit, workers: None, queue_capacity: None };
    let pool = |queue_capacity| EventKind::RunStarted {
        pattern: Pattern::WorkerPool,
        limit,
        workers: Some(limit),
        queue_capacity,
    };
    match name {
        "forgotten" => host.run(set, Box::pin(forgotten::program(host))),
        "unbounded" => host.run(pool(None), Box::pin(unbounded::program(host))),
        "bounded" => host.run(pool(Some(limit)), Box::pin(bounded::program(host))),
        "lost_permit" => host.run(set, Box::pin(lost_permit::program(host))),
        "guarded" => host.run(set, Box::pin(guarded::program(host))),
        unknown => return Err(UnknownProgram(unknown.into())),
    }
    Ok(())
}
