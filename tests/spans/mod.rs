//! Spans, as a program's own subscriber sees them.
#![cfg(feature = "tracing")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod recorder;

use std::{
    convert::Infallible,
    future::poll_fn,
    num::NonZeroUsize,
    task::{Context, Poll, Waker},
    time::Duration,
};

use fourfold::{Clock, Config, Control, Failure, MemorySource, Pattern, Retry, Run, Task, clock::SimulatedClock};
use futures_lite::future::yield_now;
use recorder::{Recorder, watch};

fn limit(limit: usize) -> NonZeroUsize {
    NonZeroUsize::new(limit).unwrap()
}

/// Without pauses between attempts, and so many of them.
fn config(pattern: Pattern, permits: usize, retries: u32) -> Config {
    let retry = Retry::new(retries).base(Duration::from_millis(10)).max(Duration::from_millis(10));
    Config::new(pattern, limit(permits)).retry(retry)
}

/// A run over tasks 0, 1 and so on, on a simulated clock.
fn run(tasks: u64, config: Config, handler: impl AsyncFn(&SimulatedClock, u64, u32) -> Result<(), Failure>) {
    let clock = SimulatedClock::new();
    let source = MemorySource::new(0..tasks);
    let handler = async |task: &Task<u64>| handler(&clock, task.payload, task.attempt.get()).await;
    let _ = clock.run(Run::new(&source, handler).config(config).clock(&clock).into_future()).unwrap();
}

#[test]
fn a_span_is_entered_exactly_while_its_handler_is_polled() {
    let seen = watch(|recorder| {
        run(2, config(Pattern::TaskSet, 2, 0), async |_, task, _| {
            for poll in 0..3 {
                recorder.note(&format!("poll {poll} of {task}"));
                if poll < 2 {
                    yield_now().await;
                }
            }
            Ok(())
        });
    });
    let tasks = |line: &&String| !line.contains(" run");
    let log: Vec<&str> = seen.log.iter().filter(tasks).map(String::as_str).collect();
    let mut expected = Vec::new();
    let polls = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)];
    for (poll, task) in polls {
        let mut lines =
            vec![format!("enter task {task}"), format!("poll {poll} of {task}"), format!("exit task {task}")];
        if poll == 0 {
            lines.insert(0, format!("new task {task}"));
        }
        if poll == 2 {
            lines.push(format!("close task {task}"));
        }
        expected.extend(lines);
    }
    assert_eq!(log, expected);
}

#[test]
fn runs_and_attempts_have_their_fields() {
    for pattern in Pattern::ALL {
        let seen = watch(|_| {
            run(3, config(pattern, 2, 0), async |clock, _, _| {
                clock.sleep(Duration::from_millis(1)).await;
                Ok(())
            });
        });
        let name = format!("{pattern}");
        let [run] = &seen.spans("run")[..] else { panic!("one run") };
        assert_eq!((run.target.as_str(), &run.parent), ("fourfold::run", &None));
        assert_eq!(run.fields_except(&[]), [("dead", "0"), ("done", "3"), ("limit", "2"), ("pattern", &name)]);
        let tasks = seen.spans("task");
        assert_eq!(tasks.len(), 3, "{name}");
        for (n, task) in tasks.iter().enumerate() {
            assert_eq!((task.target.as_str(), task.parent.as_deref()), ("fourfold::task", Some("run")));
            assert!(task.closed);
            let n = n.to_string();
            let fields = [("attempt", "1"), ("outcome", "succeeded"), ("pattern", &name), ("task", &n)];
            assert_eq!(task.fields_except(&["permit", "worker"]), fields, "{name}");
            let permit = task.field("permit").unwrap();
            assert!(permit == "0" || permit == "1");
            assert_eq!(task.field("worker"), (pattern == Pattern::WorkerPool).then_some(permit));
        }
        assert_eq!(seen.events, Vec::<(String, String, String)>::new(), "all went well");
    }
}

#[test]
fn what_a_handler_says_is_within_its_attempt() {
    let seen = watch(|_| {
        run(2, config(Pattern::WorkerPool, 2, 0), async |_, task, _| {
            let span = tracing::info_span!("inner", of = task);
            span.in_scope(|| {});
            yield_now().await;
            tracing::info!(task, "said");
            tracing::info_span!("later", of = task);
            Ok(())
        });
    });
    for name in ["inner", "later"] {
        let parents: Vec<_> = seen.spans(name).iter().map(|span| (span.field("of"), span.parent.as_deref())).collect();
        assert_eq!(parents, [(Some("0"), Some("task 0")), (Some("1"), Some("task 1"))]);
    }
    let said: Vec<&str> = seen.events.iter().map(|(span, ..)| span.as_str()).collect();
    assert_eq!(said, ["task 0", "task 1"]);
}

#[test]
fn failures_say_why_and_what_comes_of_them() {
    let seen = watch(|_| {
        run(2, config(Pattern::TaskSet, 1, 1), async |_, task, attempt| match (task, attempt) {
            (0, 1) => Err(Failure::transient("busy")),
            (0, _) => Ok(()),
            _ => Err(Failure::permanent("no such file")),
        });
    });
    let mut outcomes: Vec<_> = seen
        .spans("task")
        .iter()
        .map(|span| [span.field("task"), span.field("attempt"), span.field("outcome")])
        .collect();
    outcomes.sort();
    let row = |task, attempt, outcome| [Some(task), Some(attempt), Some(outcome)];
    assert_eq!(outcomes, [row("0", "1", "failed"), row("0", "2", "succeeded"), row("1", "1", "failed")]);
    let expected = [
        ("task 0", "INFO", "tried again outcome=failed reason=busy after="),
        ("task 1", "WARN", "dead outcome=failed reason=no such file"),
    ];
    assert_eq!(seen.events.len(), 2);
    for ((span, level, text), event) in expected.iter().zip(&seen.events) {
        assert_eq!((span, level), (&event.0.as_str(), &event.1.as_str()));
        assert!(event.2.starts_with(text), "{}", event.2);
    }
}

#[test]
fn timeouts_and_panics_close_their_spans() {
    let seen = watch(|_| {
        let config = config(Pattern::WorkerPool, 2, 0).timeout(Duration::from_millis(5));
        run(2, config, async |clock, task, _| {
            yield_now().await;
            clock.sleep(Duration::from_millis(1)).await;
            assert!(task == 0, "not this one");
            clock.sleep(Duration::from_secs(1)).await;
            Ok(())
        });
        // After a panic within a span nobody is within it any more.
        assert!(tracing::Span::current().is_none());
    });
    let outcomes: Vec<_> = seen.spans("task").iter().map(|span| (span.field("outcome"), span.closed)).collect();
    assert_eq!(outcomes, [(Some("timed_out"), true), (Some("panicked"), true)]);
    let enters = |what: &str| seen.log.iter().filter(|line| line.starts_with(what)).count();
    assert_eq!(enters("enter task"), enters("exit task"));
    assert!(seen.events.iter().any(|(span, _, text)| span == "task 1" && text.contains("reason=not this one")));
}

#[test]
fn what_is_aborted_is_cancelled_and_closed() {
    let seen = watch(|_| {
        let clock = SimulatedClock::new();
        let source = MemorySource::new(0..5);
        let control = Control::new();
        let handler = async |task: &Task<u64>| {
            clock.sleep(Duration::from_millis(task.payload)).await;
            if task.payload == 1 {
                control.abort();
            }
            clock.sleep(Duration::from_secs(1)).await;
            Ok::<_, Infallible>(())
        };
        let run = Run::new(&source, handler).pattern(Pattern::TaskSet).limit(limit(2)).clock(&clock).control(&control);
        clock.run(run.into_future()).unwrap().unwrap();
    });
    let outcomes: Vec<_> = seen.spans("task").iter().map(|span| (span.field("outcome"), span.closed)).collect();
    assert_eq!(outcomes, [(Some("cancelled"), true); 2]);
    assert!(seen.spans("run")[0].closed);
}

#[test]
fn a_run_that_is_dropped_in_the_middle_closes_all_of_them() {
    let seen = watch(|_| {
        let source = MemorySource::new(0..3_u8);
        let handler = async |_: &Task<u8>| poll_fn(|_| Poll::<Result<(), Infallible>>::Pending).await;
        let mut run = Run::new(&source, handler).limit(limit(2)).into_future();
        assert!(run.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(run);
    });
    let outcomes: Vec<_> = seen.spans("task").iter().map(|span| (span.field("outcome"), span.closed)).collect();
    assert_eq!(outcomes, [(Some("cancelled"), true); 2]);
    assert!(seen.spans("run")[0].closed);
}

#[test]
fn a_run_is_within_the_span_around_it() {
    let seen = watch(|_| {
        tracing::info_span!("outer").in_scope(|| run(1, config(Pattern::TaskSet, 1, 0), async |_, _, _| Ok(())));
    });
    assert_eq!(seen.spans("run")[0].parent.as_deref(), Some("outer"));
}

#[test]
fn a_subscriber_that_does_not_want_them_is_not_asked_for_each() {
    let recorder = Recorder::default();
    let seen = recorder.quiet(|| run(100, config(Pattern::TaskSet, 4, 0), async |_, _, _| Ok(())));
    assert_eq!(seen.log, Vec::<String>::new());
}
