//! Spans of `tracing` around runs and attempts. Without that feature the same types are empty.

pub(crate) use self::kind::{RunSpan, TaskSpan};

#[cfg(feature = "tracing")]
mod kind {
    use core::time::Duration;

    use tracing::{Level, Span, event, field::Empty, span};

    use crate::{
        event::Outcome,
        metrics::Report,
        pattern::Pattern,
        task::{Attempt, TaskId},
    };

    /// The span of a run.
    pub(crate) struct RunSpan(Span);

    impl RunSpan {
        pub(crate) fn new(pattern: Pattern, limit: usize) -> Self {
            let pattern = pattern.name();
            Self(span!(target: "fourfold::run", Level::INFO, "run", pattern, limit, done = Empty, dead = Empty))
        }

        /// Runs `code` within the span.
        #[inline]
        pub(crate) fn within<T>(&self, code: impl FnOnce() -> T) -> T {
            self.0.in_scope(code)
        }

        pub(crate) fn ended(&self, report: &Report) {
            self.0.record("done", report.counters.done).record("dead", report.counters.dead);
        }
    }

    /// The span of one attempt at a task.
    pub(crate) struct TaskSpan(Span);

    impl TaskSpan {
        /// Makes a span within that of the run.
        #[inline]
        pub(crate) fn new(
            task: TaskId,
            attempt: Attempt,
            pattern: Pattern,
            permit: usize,
            worker: Option<usize>,
        ) -> Self {
            Self(span!(
                target: "fourfold::task",
                Level::INFO,
                "task",
                task = task.0,
                attempt = attempt.get(),
                pattern = pattern.name(),
                permit,
                worker,
                outcome = Empty,
            ))
        }

        /// Runs `code` within the span.
        #[inline]
        pub(crate) fn within<T>(&self, code: impl FnOnce() -> T) -> T {
            self.0.in_scope(code)
        }

        #[inline]
        pub(crate) fn ended(&self, outcome: Outcome) {
            self.0.record("outcome", outcome.name());
        }

        /// Tells that the attempt has failed and the task will be tried again.
        pub(crate) fn retried(&self, outcome: Outcome, reason: &str, after: Duration) {
            let outcome = outcome.name();
            event!(target: "fourfold::task", parent: &self.0, Level::INFO, outcome, reason, ?after, "tried again");
        }

        /// Tells that the attempt has failed and was the last one.
        pub(crate) fn dead(&self, outcome: Outcome, reason: &str) {
            let outcome = outcome.name();
            event!(target: "fourfold::task", parent: &self.0, Level::WARN, outcome, reason, "dead");
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod kind {
    use core::time::Duration;

    use crate::{
        event::Outcome,
        metrics::Report,
        pattern::Pattern,
        task::{Attempt, TaskId},
    };

    pub(crate) struct RunSpan;

    impl RunSpan {
        pub(crate) fn new(_: Pattern, _: usize) -> Self {
            Self
        }

        #[inline]
        pub(crate) fn within<T>(&self, code: impl FnOnce() -> T) -> T {
            code()
        }

        pub(crate) fn ended(&self, _: &Report) {}
    }

    pub(crate) struct TaskSpan;

    impl TaskSpan {
        #[inline]
        pub(crate) fn new(_: TaskId, _: Attempt, _: Pattern, _: usize, _: Option<usize>) -> Self {
            Self
        }

        #[inline]
        pub(crate) fn within<T>(&self, code: impl FnOnce() -> T) -> T {
            code()
        }

        #[inline]
        pub(crate) fn ended(&self, _: Outcome) {}

        pub(crate) fn retried(&self, _: Outcome, _: &str, _: Duration) {}

        pub(crate) fn dead(&self, _: Outcome, _: &str) {}
    }
}
