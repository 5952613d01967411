//! The parameters of a run, each with its key and its bounds. The bounds keep a run within the time and the memory of a browser.

use std::time::Duration;

const TASKS_MAX: u64 = 1_000_000;
const LIMIT_MAX: u64 = 100_000;
const QUEUE_MAX: u64 = 1_000_000;
const RETRIES_MAX: u64 = 1000;
/// The longest duration: 30 days.
const MS_MAX: u64 = 30 * 24 * 60 * 60 * 1000;
/// The largest number up to which JavaScript's numbers are exact.
pub(super) const EXACT_MAX: u64 = 1 << 53;

/// The maximum number of attempts of a whole run.
pub(super) const ATTEMPTS_MAX: u64 = 8_000_000;
pub(super) const INTERVENTIONS_MAX: usize = 1000;

pub(super) const TASKS_DEFAULT: u64 = 500;
pub(super) const SEED_DEFAULT: u64 = 42;
pub(super) const GRACE_DEFAULT: Duration = Duration::from_secs(30);

/// The form of a parameter's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The value is a whole number.
    Count,
    /// Milliseconds, with or without a fraction. Where the minimum is not 0, every value above 0 is allowed.
    Ms,
    /// A whole number of thousandths.
    Permille,
    /// A shortest and a longest duration, in whole milliseconds.
    Range,
    /// The value is true or false.
    Flag,
    /// A number per second, above 0.
    Rate,
    /// The name of a pattern.
    Pattern,
}

/// A parameter: its key in JSON, its kind and its bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) min: u64,
    pub(super) max: u64,
}

impl Parameter {
    const fn new(name: &'static str, kind: Kind, min: u64, max: u64) -> Self {
        Self { name, kind, min, max }
    }

    pub(super) const fn count(name: &'static str, min: u64, max: u64) -> Self {
        Self::new(name, Kind::Count, min, max)
    }

    const fn ms(name: &'static str, min: u64) -> Self {
        Self::new(name, Kind::Ms, min, MS_MAX)
    }

    const fn permille(name: &'static str) -> Self {
        Self::new(name, Kind::Permille, 0, 1000)
    }

    const fn range(name: &'static str) -> Self {
        Self::new(name, Kind::Range, 0, MS_MAX)
    }

    const fn flag(name: &'static str) -> Self {
        Self::new(name, Kind::Flag, 0, 1)
    }
}

pub(super) const PATTERN: Parameter = Parameter::new("pattern", Kind::Pattern, 0, 3);
pub(super) const LIMIT: Parameter = Parameter::count("limit", 1, LIMIT_MAX);
pub(super) const TASKS: Parameter = Parameter::count("tasks", 1, TASKS_MAX);
pub(super) const MAX_TASKS: Parameter = Parameter::count("max_tasks", 1, TASKS_MAX);
pub(super) const QUEUE_CAPACITY: Parameter = Parameter::count("queue_capacity", 1, QUEUE_MAX);
pub(super) const WORKERS: Parameter = Parameter::count("workers", 1, LIMIT_MAX);
pub(super) const BATCH_SIZE: Parameter = Parameter::count("batch_size", 1, QUEUE_MAX);
pub(super) const RATE: Parameter = Parameter::new("rate", Kind::Rate, 0, 1_000_000_000);
pub(super) const SEED: Parameter = Parameter::count("seed", 0, EXACT_MAX);
pub(super) const RETRIES: Parameter = Parameter::count("retries", 0, RETRIES_MAX);
pub(super) const BACKOFF: Parameter = Parameter::ms("backoff_ms", 0);
pub(super) const BACKOFF_MAX: Parameter = Parameter::ms("backoff_max_ms", 0);
pub(super) const JITTER: Parameter = Parameter::flag("jitter");
pub(super) const TIMEOUT: Parameter = Parameter::ms("timeout_ms", 1);
pub(super) const ABANDON_AFTER: Parameter = Parameter::ms("abandon_after_ms", 0);
pub(super) const GRACE: Parameter = Parameter::ms("grace_ms", 0);

// The distribution of synthetic tasks.
pub(super) const WORK_MS: Parameter = Parameter::range("ms");
pub(super) const TAIL_PERMILLE: Parameter = Parameter::permille("tail_permille");
pub(super) const TAIL_MS: Parameter = Parameter::range("tail_ms");
pub(super) const FAIL_PERMILLE: Parameter = Parameter::permille("fail_permille");
pub(super) const FAIL_ATTEMPTS: Parameter = Parameter::count("fail_attempts", 1, RETRIES_MAX + 1);
pub(super) const PANIC_PERMILLE: Parameter = Parameter::permille("panic_permille");

// The keys of one synthetic task.
pub(super) const MS: Parameter = Parameter::count("ms", 0, MS_MAX);
pub(super) const FAIL: Parameter = Parameter::count("fail", 0, RETRIES_MAX + 1);
pub(super) const PANIC: Parameter = Parameter::flag("panic");

// The values of interventions.
pub(super) const BY: Parameter = Parameter::ms("by_ms", 0);
pub(super) const BURST: Parameter = Parameter::count("burst", 1, TASKS_MAX);
