//! Small programs for the page's Learn mode: mistakes that fourfold prevents, and the same programs without them.
//!
//! They are written with public primitives and run by the crate's executor on its simulated clock. They report what happens as
//! the events of a run, so the page shows them as it shows a run. Each program has a file of its own, which the page shows. A
//! comment `// page: started` at the end of a line marks the line that reports this event.
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
//! // Four failures have taken the four permits: no further task starts.
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
    /// The name of the program and of its file.
    pub name: &'static str,
    /// The correct counterpart; `None` for a program without a mistake.
    pub right: Option<Right>,
}

impl Program {
    /// Returns the text of its file.
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

/// The correct counterpart of a program with a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// A pattern of the crate on the same tasks, without retries.
    Pattern(Pattern),
    /// Another program, by its name.
    Program(&'static str),
}

/// All programs, each mistake before its correct counterpart.
pub const PROGRAMS: &[Program] = &[
    Program { name: "forgotten", right: Some(Right::Pattern(Pattern::TaskGroup)) },
    Program { name: "unbounded", right: Some(Right::Program("bounded")) },
    Program { name: "bounded", right: None },
    Program { name: "lost_permit", right: Some(Right::Program("guarded")) },
    Program { name: "guarded", right: None },
];

/// The parameters of a program.
#[derive(Clone, Debug)]
pub struct ProgramParams {
    /// The maximum number of tasks in flight, and the number of workers.
    pub limit: NonZeroUsize,
    /// The list of tasks, each of which is tried once.
    pub work: Vec<SyntheticTask>,
    /// The time after which the program is ended. Without it, a program that gets stuck ends at that moment.
    pub duration_max: Option<Duration>,
}

impl ProgramParams {
    /// Draws tasks from the [`Workload`] with this seed: the same tasks as those of a [`Simulation`](fourfold::sim::Simulation).
    pub fn seeded(limit: NonZeroUsize, tasks: u64, seed: u64) -> Self {
        Self { limit, work: Workload::new(tasks, seed).collect(), duration_max: None }
    }
}

/// The error for a name that no program has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownProgram(pub String);

impl fmt::Display for UnknownProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = PROGRAMS.iter().map(|program| program.name).collect();
        write!(f, "there is no program `{}`; there are {}", self.0, names.join(", "))
    }
}

impl core::error::Error for UnknownProgram {}

/// Runs a program to its end and passes its events to `observer`. The same parameters give the same events on every platform.
///
/// # Errors
/// [`UnknownProgram`] when no program has this name.
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
