//! The parameters of a run in words, for the page's form and for the types of the npm package: see [`crate::generate`].
//!
//! Nothing in here is part of the module that a browser loads.

use fourfold::{Config, Retry, sim::WorkloadSpec};

use super::bounds::{self, Kind, Parameter};

/// A value that a parameter has when it is left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DefaultValue {
    /// A number, in the unit of the parameter.
    Number(u64),
    /// A description in words, where the default is not one number.
    Words(&'static str),
    /// A switch: true or false.
    Flag(bool),
    /// The shortest and the longest duration, in milliseconds.
    Pair(u64, u64),
}

/// The group of fields that a parameter stands in.
#[derive(Clone, Copy, Debug)]
pub enum Group {
    /// The settings of the run.
    Run,
    /// The distribution of the tasks.
    Work,
    /// The settings of failures and retries.
    Failure,
}

/// A parameter's field in the page's form.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The group that the field stands in.
    pub group: Group,
    /// The smallest value that the field takes.
    pub min: u64,
    /// The largest value that the field takes; the module may allow more.
    pub max: u64,
    /// The only pattern that uses the parameter, or none where all do.
    pub pattern: Option<&'static str>,
}

/// A parameter in words.
#[derive(Clone, Copy, Debug)]
pub struct Described {
    parameter: Parameter,
    /// A phrase that stands alone, with its unit, and what a larger value does where that is not plain.
    pub doc: &'static str,
    /// The value when it is left out.
    pub default: DefaultValue,
    /// The field in the page's form, if the parameter has one.
    pub field: Option<Field>,
}

impl Described {
    /// Returns the key in JSON.
    pub fn name(&self) -> &'static str {
        self.parameter.name
    }

    /// Returns the name of its kind in the page's form.
    pub fn kind(&self) -> &'static str {
        match self.parameter.kind {
            Kind::Count | Kind::Rate => "count",
            Kind::Ms => "ms",
            Kind::Permille => "permille",
            Kind::Range => "range",
            Kind::Flag => "switch",
            Kind::Pattern => "pattern",
        }
    }

    /// Returns the type of its values in TypeScript.
    pub fn typescript(&self) -> &'static str {
        match self.parameter.kind {
            Kind::Count | Kind::Rate | Kind::Ms | Kind::Permille => "number",
            Kind::Range => "[number, number]",
            Kind::Flag => "boolean",
            Kind::Pattern => "Pattern",
        }
    }

    /// Returns the smallest and the largest number that the module accepts.
    pub fn bounds(&self) -> (u64, u64) {
        (self.parameter.min, self.parameter.max)
    }

    const fn field(mut self, group: Group, min: u64, max: u64, pattern: Option<&'static str>) -> Self {
        self.field = Some(Field { group, min, max, pattern });
        self
    }
}

const fn described(parameter: Parameter, doc: &'static str, default: DefaultValue) -> Described {
    Described { parameter, doc, default, field: None }
}

/// Returns the parameters of every run.
pub fn run() -> Vec<Described> {
    let (config, retry) = (Config::default(), Retry::default());
    let ms = |duration: std::time::Duration| DefaultValue::Number(duration.as_millis() as u64);
    vec![
        described(bounds::PATTERN, "The pattern.", DefaultValue::Words("`pool`")),
        described(bounds::LIMIT, "The maximum number of tasks in flight.", DefaultValue::Number(config.limit as u64))
            .field(Group::Run, 1, 2000, None),
        described(
            bounds::QUEUE_CAPACITY,
            "The number of tasks that can wait in a pool's queue. A larger queue smooths an uneven source.",
            DefaultValue::Words("the limit"),
        )
        .field(Group::Run, 1, 10_000, Some("pool")),
        described(bounds::WORKERS, "The number of workers of a pool.", DefaultValue::Words("the limit")).field(
            Group::Run,
            1,
            2000,
            Some("pool"),
        ),
        described(
            bounds::BATCH_SIZE,
            "The number of tasks in a batch. A larger batch waits less often for its slowest task.",
            DefaultValue::Words("four times the limit"),
        )
        .field(Group::Run, 1, 10_000, Some("batch")),
        described(bounds::RATE, "The maximum number of starts per second.", DefaultValue::Words("no maximum")).field(
            Group::Run,
            1,
            100_000,
            None,
        ),
        described(
            bounds::MAX_TASKS,
            "The number of tasks after whose end the run ends.",
            DefaultValue::Words("all tasks"),
        ),
        described(
            bounds::SEED,
            "The seed of every random draw. The same seed gives the same draws.",
            DefaultValue::Number(bounds::SEED_DEFAULT),
        )
        .field(Group::Run, 0, 4_294_967_295, None),
        described(
            bounds::RETRIES,
            "The maximum number of retries of a task that failed.",
            DefaultValue::Number(u64::from(retry.retries)),
        )
        .field(Group::Failure, 0, 100, None),
        described(
            bounds::BACKOFF,
            "The longest pause before the first retry, in milliseconds; each later pause is twice as long.",
            ms(Retry::BASE),
        )
        .field(Group::Failure, 0, 600_000, None),
        described(bounds::BACKOFF_MAX, "The longest pause before any retry, in milliseconds.", ms(Retry::MAX)),
        described(
            bounds::JITTER,
            "Whether each pause is drawn between half its length and its length, so that retries spread out.",
            DefaultValue::Flag(retry.jitter),
        )
        .field(Group::Failure, 0, 1, None),
        described(
            bounds::TIMEOUT,
            "The time limit of one attempt, in milliseconds.",
            DefaultValue::Words("no time limit"),
        )
        .field(Group::Failure, 1, 600_000, None),
        described(
            bounds::GRACE,
            "The time that a drain may take before it becomes an abort, in milliseconds.",
            ms(bounds::GRACE_DEFAULT),
        ),
    ]
}

/// Returns the parameters that only a run of JavaScript functions has.
pub fn own() -> Vec<Described> {
    vec![described(
        bounds::ABANDON_AFTER,
        "The time after its timeout at which an attempt that has not ended gives its permit back, in milliseconds.",
        DefaultValue::Words("never"),
    )]
}

/// Returns the parameter for the number of tasks, which only a simulation has.
pub fn tasks() -> Described {
    described(bounds::TASKS, "The number of tasks.", DefaultValue::Number(bounds::TASKS_DEFAULT)).field(
        Group::Run,
        1,
        100_000,
        None,
    )
}

/// Returns the parameters of the distribution that synthetic tasks are drawn from.
pub fn workload() -> Vec<Described> {
    let spec = WorkloadSpec::default();
    let number = |value: u32| DefaultValue::Number(u64::from(value));
    vec![
        described(
            bounds::WORK_MS,
            "The shortest and the longest time of an ordinary task, in milliseconds.",
            DefaultValue::Pair(spec.ms.0, spec.ms.1),
        )
        .field(Group::Work, 0, 60_000, None),
        described(bounds::TAIL_PERMILLE, "The share of slow tasks, in thousandths.", number(spec.tail_permille)).field(
            Group::Work,
            0,
            1000,
            None,
        ),
        described(
            bounds::TAIL_MS,
            "The shortest and the longest time of a slow task, in milliseconds.",
            DefaultValue::Pair(spec.tail_ms.0, spec.tail_ms.1),
        )
        .field(Group::Work, 0, 600_000, None),
        described(
            bounds::FAIL_PERMILLE,
            "The share of tasks whose first attempts fail, in thousandths.",
            number(spec.fail_permille),
        )
        .field(Group::Failure, 0, 1000, None),
        described(
            bounds::FAIL_ATTEMPTS,
            "The maximum number of attempts that fail before one succeeds.",
            number(spec.fail_attempts),
        )
        .field(Group::Failure, 1, 100, None),
        described(
            bounds::PANIC_PERMILLE,
            "The share of tasks whose every attempt panics, in thousandths.",
            number(spec.panic_permille),
        )
        .field(Group::Failure, 0, 1000, None),
    ]
}

/// Returns the parameters of one synthetic task.
pub fn task() -> Vec<Described> {
    vec![
        described(bounds::MS, "The time of each attempt, in milliseconds.", DefaultValue::Number(0)),
        described(bounds::FAIL, "The number of attempts that fail before one succeeds.", DefaultValue::Number(0)),
        described(bounds::PANIC, "Whether every attempt panics.", DefaultValue::Flag(false)),
    ]
}
