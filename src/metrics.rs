//! What follows from the events of a run: counters, histograms, a report, its state at any time.
//!
//! Integers and ordered maps only, so that the same events come to the same bytes on every platform.

mod counters;
mod histogram;
mod report;
mod series;
mod state;
mod task_state;
mod timeline;
mod utilization;
#[cfg(feature = "serde")]
mod wide;

pub(crate) use self::state::PERMITS_MAX;
pub use self::{
    counters::Counters,
    histogram::Histogram,
    report::{Percentiles, Report},
    series::TimeBucket,
    state::State,
    task_state::{OpenBatch, RecentFailure, RunPhase, SourceState, TaskPhase, TaskState},
    timeline::Timeline,
    utilization::Utilization,
};
