//! Counters, histograms, reports and states: what follows from the events of a run.
//!
//! Everything here is made of integers and ordered maps, so that the same events lead to the same
//! bytes on every platform.

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

pub(crate) use self::state::permits_shown;
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
