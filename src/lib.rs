//! Four ways to run asynchronous tasks with bounded concurrency, on one single-threaded core.
//!
//! A [`Source`] gives tasks out, a [`Pattern`] decides when they start, a handler does them, a [`Verdict`](source::Verdict) goes back to the source;
//! an [`Observer`] may watch. Nothing here needs tokio, threads or, without the feature `std`, an operating system: a run is a
//! future, and whatever can poll a future can host it.
//!
//! ```
//! use core::num::NonZeroUsize;
//! use fourfold::{Failure, MemorySource, NativeClock, Pattern, Run, Task};
//! use futures_lite::future::block_on;
//!
//! let clock = NativeClock::new();
//! let source = MemorySource::new(&clock, ["1", "2", "three", "4"]);
//! let parse = async |task: &Task<&str>| match task.payload.parse::<u32>() {
//!     Ok(_) => Ok(()),
//!     Err(error) => Err(Failure::permanent(error.to_string())),
//! };
//! let run = Run::new(&source, parse).pattern(Pattern::TaskSet).limit(NonZeroUsize::new(2).unwrap()).clock(&clock);
//! let report = block_on(run.into_future()).unwrap();
//! assert_eq!((report.counters.done, report.counters.dead), (3, 1));
//! assert_eq!(source.take_dead()[0].reason, "invalid digit found in string");
//! ```
//!
//! # The four as scopes
//!
//! Tasks that live in a program need no source. Each pattern is also a scope of its own, which gives results instead of a
//! report; what it starts is polled together with what starts it, so that nothing is begun and then forgotten.
//!
//! | for | use | instead of asyncio's |
//! |---|---|---|
//! | a simple script: start the next as soon as one ends | [`TaskSet`] | `create_task` and `wait` |
//! | results in the order of the inputs, failures among them | [`batch`] | `Semaphore` and `gather` |
//! | a service: producers are held up when the workers are behind | [`worker_pool`] | `Queue`, workers, `join`, sentinels |
//! | all or nothing: the first failure cancels the others | [`task_group`] | `TaskGroup` and `Semaphore` |
//!
//! [`Permits`] are what they have in common: [`batch_with`](scope::batch_with),
//! [`worker_pool_with`](scope::worker_pool_with) and [`task_group_with`](scope::task_group_with) share one limit between
//! several scopes, or change it on the way. Retries, timeouts, rates, drain and events are a run's, whose source may be in
//! memory.
//!
//! ```
//! use core::num::NonZeroUsize;
//! use fourfold::{Permits, scope::{batch_with, task_group_with}};
//! use futures_lite::future::{block_on, yield_now};
//!
//! let permits = Permits::new(NonZeroUsize::new(4).unwrap());
//! let length = async |word: &str| {
//!     yield_now().await;
//!     word.len()
//! };
//! let output = block_on(task_group_with(&permits, async |group| {
//!     group.spawn("title", async { Ok(length("Four").await) }).await;
//!     // Beside the title, and at most four of all of them at a time.
//!     let lengths = batch_with(&permits, ["ways", "to", "run", "tasks"], length).await;
//!     if lengths.contains(&0) { Err("an empty word") } else { Ok(lengths) }
//! }));
//! let output = output.unwrap();
//! assert_eq!((output.value, output.results), (vec![4, 2, 3, 5], vec![("title".into(), 4)]));
//! ```
#![cfg_attr(feature = "tracing", doc = "", doc = include_str!("spans.md"))]
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

// From the bottom to the top, a row to a paragraph: a module imports from those above it in this list, and from no other.
mod index;
mod sync;

pub mod clock;
pub mod failure;
pub mod task;

mod panic;
mod random;

#[cfg(feature = "serde")]
#[doc(hidden)]
pub mod data;

pub mod pattern;

pub mod config;
pub mod control;

pub mod source;

pub mod event;

pub mod metrics;

pub mod check;

mod spans;

pub mod executor;

pub mod run;
pub mod scope;

pub mod sim;
#[cfg(feature = "trace")]
pub mod trace;

#[cfg(feature = "listen")]
pub mod listen;

pub use clock::Clock;
#[cfg(feature = "smol")]
pub use clock::NativeClock;
pub use config::{Config, Rate, Retry};
pub use control::Control;
pub use event::{Event, Observer};
pub use failure::Failure;
pub use metrics::Report;
pub use pattern::Pattern;
pub use run::{Run, RunError};
pub use scope::{Permits, TaskSet, batch, task_group, worker_pool};
pub use source::{MemorySource, Source};
pub use task::{Attempt, Task, TaskId};

/// The program in the README is one of the tests.
#[cfg(all(doctest, feature = "smol"))]
#[doc = include_str!("../README.md")]
struct Readme;
