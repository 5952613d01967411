//! Four ways to run asynchronous tasks with bounded concurrency, on one single-threaded core.
//!
//! A [`Source`] hands out tasks, a [`Pattern`] decides when they start, a handler runs them, and a
//! [`Verdict`](source::Verdict) on each goes back to the source; an [`Observer`] may watch. The
//! crate needs neither tokio nor threads, and without the feature `std` no operating system: a run
//! is a future, and anything that polls futures can host it.
//!
//! ```
//! use fourfold::{Failure, MemorySource, Pattern, Run, Task};
//! use futures_lite::future::block_on;
//!
//! let source = MemorySource::new(["1", "2", "three", "4"]);
//! let parse = async |task: &Task<&str>| match task.payload.parse::<u32>() {
//!     Ok(_) => Ok(()),
//!     Err(error) => Err(Failure::permanent(error.to_string())),
//! };
//! let report = block_on(Run::new(&source, parse).pattern(Pattern::TaskSet).limit(2).into_future())?;
//! assert_eq!((report.counters.done, report.counters.dead), (3, 1));
//! assert_eq!(source.take_dead()[0].reason, "invalid digit found in string");
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Tasks without a source
//!
//! Tasks that live in a program need no source. Each pattern is also a scope, which returns results
//! instead of a report. A scope is polled together with the tasks that it starts, so that no task
//! outlives it.
//!
//! | for | use | instead of asyncio's |
//! |---|---|---|
//! | a simple script: the next task starts as soon as one ends | [`TaskSet`] | `create_task` and `wait` |
//! | results in the order of the inputs, failures among them | [`batch`] | `Semaphore` and `gather` |
//! | a service: producers wait when the workers are behind | [`worker_pool`] | `Queue`, workers, `join`, sentinels |
//! | all or nothing: the first failure cancels the others | [`task_group`] | `TaskGroup` and `Semaphore` |
//!
//! [`Permits`] can be shared: [`batch_with`](scope::batch_with),
//! [`worker_pool_with`](scope::worker_pool_with) and [`task_group_with`](scope::task_group_with)
//! put several scopes under one limit, which can change while they run. Retries, timeouts, rates,
//! drains and events belong to a [`Run`], whose source may be in memory.
//!
//! ```
//! use fourfold::{Permits, scope::{batch_with, task_group_with}};
//! use futures_lite::future::{block_on, yield_now};
//!
//! let permits = Permits::new(4);
//! let length = async |word: &str| {
//!     yield_now().await;
//!     word.len()
//! };
//! let output = block_on(task_group_with(&permits, async |group| {
//!     group.spawn("title", async { Ok(length("Four").await) }).await;
//!     // Runs beside the title; together they hold at most four permits.
//!     let lengths = batch_with(&permits, ["ways", "to", "run", "tasks"], length).await;
//!     if lengths.contains(&0) { Err("an empty word") } else { Ok(lengths) }
//! }));
//! let output = output.unwrap();
//! assert_eq!((output.value, output.results), (vec![4, 2, 3, 5], vec![("title".into(), 4)]));
//! ```
//!
//! # Features
//!
//! | feature | brings | crates, in all |
//! |---|---|--:|
//! | none | the core: `no_std` with `alloc` | 10 |
//! | `std` (default) | contained panics of handlers; [`MemorySource`]s that are fed from other threads | 13 |
//! | `smol` | [`NativeClock`](clock), the wall clock on smol's timers | 33 |
//! | `serde` | `Serialize` and `Deserialize` on reports, events, states and workloads | 20 |
//! | `trace` | the module `trace`: events as JSON lines, there and back, and for Perfetto | 24 |
//! | `jsonl` | `source::JsonLines`: tasks from JSON lines in anything that can be read | 24 |
//! | `redis` | `source::redis`: tasks from Redis lists, at least once | 104 |
//! | `listen` | the module `listen`: runs that can be watched over HTTP | 54 |
//! | `tracing` | a span for each run and each attempt in the program's subscriber | 16 |
//! | `portable-atomic` | the core on targets without compare-and-swap: Cortex-M0, RISC-V without atomics | 15 |
//!
//! # Modules
//!
//! The root has the names that most programs use. The rest is in modules: [`source`] for sources of
//! your own, [`event`] and [`metrics`] for what can be seen of a run, [`scope`] for the types of
//! the scopes, [`sim`] for simulated workloads.
//!
//! The chapter on [embedding](docs::embedding) has hosts from tokio to a microcontroller, threads, and
//! what `Send` has to do with it.
#![cfg_attr(feature = "tracing", doc = "", doc = include_str!("spans.md"))]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

extern crate alloc;

// From the bottom to the top, a row to a paragraph: a module imports from those above it in this
// list, and from no other.
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

#[cfg(any(doc, doctest))]
pub mod docs;

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

/// The README, whose programs are tests.
#[cfg(all(doctest, feature = "smol"))]
#[doc = include_str!("../README.md")]
struct Readme;
