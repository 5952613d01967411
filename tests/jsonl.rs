//! JSON lines as a source.
#![cfg(feature = "jsonl")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    io::{self, Write},
    num::NonZeroUsize,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use fourfold::{
    Clock, Control, Failure, Pattern, Report, Retry, Run, RunError, Source, Task,
    clock::SimulatedClock,
    source::{ClaimStatus, Claims, Json, JsonLines, JsonLinesError},
};
use futures_lite::AsyncRead;

/// A writer whose text can be read meanwhile.
#[derive(Clone, Default)]
struct Page(Rc<RefCell<Vec<u8>>>);

impl Page {
    fn lines(&self) -> Vec<serde_json::Value> {
        let text = String::from_utf8(self.0.borrow().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn limit(limit: usize) -> NonZeroUsize {
    NonZeroUsize::new(limit).unwrap()
}

/// Runs every line through a handler that does nothing, and gives the payloads in order.
fn drain(input: &[u8], pattern: Pattern) -> (Report, Vec<(u64, String)>, Page) {
    let dead = Page::default();
    let source = JsonLines::new(input, dead.clone());
    let seen = RefCell::new(Vec::new());
    let handler = async |task: &Task<Json>| {
        seen.borrow_mut().push((task.id.0, task.payload.to_string()));
        Ok::<_, Infallible>(())
    };
    let run = Run::new(&source, handler).pattern(pattern).limit(limit(3));
    let report = futures_lite::future::block_on(run.into_future()).unwrap();
    let mut seen = seen.into_inner();
    seen.sort();
    (report, seen, dead)
}

#[test]
fn every_line_is_a_task_with_its_number() {
    for pattern in Pattern::ALL {
        let (report, seen, dead) = drain(b"{\"a\":1}\n\n  \t\r\n [2] \r\n\"three\"", pattern);
        let expected = [(1, "{\"a\":1}"), (4, "[2]"), (5, "\"three\"")];
        assert_eq!(seen, expected.map(|(id, text)| (id, text.to_owned())));
        assert_eq!((report.counters.done, report.counters.malformed), (3, 0));
        assert!(dead.lines().is_empty());
    }
}

#[test]
fn an_empty_file_is_no_work() {
    for input in [&b""[..], b"\n\n", b"   "] {
        let (report, seen, _) = drain(input, Pattern::WorkerPool);
        assert_eq!((report.counters.tasks(), seen.len()), (0, 0));
    }
}

#[test]
fn equal_payloads_each_run_once() {
    let (report, seen, _) = drain(&b"{}\n".repeat(1000), Pattern::TaskSet);
    assert_eq!((report.counters.done, seen.len()), (1000, 1000));
}

#[test]
fn what_is_no_json_is_kept_and_the_run_goes_on() {
    let (report, seen, dead) = drain(b"1\n{bad\n\"a\xFF\"\n\"\0\"\n\0\n2\n", Pattern::WorkerPool);
    assert_eq!((seen.len(), report.counters.done, report.counters.malformed), (2, 2, 4));
    let letters = dead.lines();
    let field = |name: &str| letters.iter().map(|letter| letter[name].clone()).collect::<Vec<_>>();
    assert_eq!(field("task"), [2, 3, 4, 5]);
    assert_eq!(field("raw"), [Some("{bad"), None, Some("\"\0\""), Some("\0")].map(serde_json::Value::from));
    assert_eq!(letters[1]["raw_hex"], "2261ff22");
    assert_eq!(letters[0]["reason"], "line 2: no valid JSON: key must be a string at column 2");
}

#[test]
fn garbage_only_is_counted_line_by_line() {
    let (report, _, dead) = drain(&b"?\n".repeat(100_000), Pattern::SemaphoreBatch);
    assert_eq!((report.counters.malformed, report.counters.done), (100_000, 0));
    assert_eq!(dead.lines().len(), 100_000);
}

#[test]
fn a_line_that_is_too_long_is_malformed() {
    let mut input = b"1\n\"".to_vec();
    input.extend_from_slice(&[b'x'; 9 << 20]);
    input.extend_from_slice(b"\"\n2\n");
    let (report, seen, dead) = drain(&input, Pattern::WorkerPool);
    assert_eq!((report.counters.done, report.counters.malformed, seen[1].0), (2, 1, 3));
    let letter = &dead.lines()[0];
    assert_eq!((letter["task"].as_u64(), letter["raw_bytes"].as_u64()), (Some(2), Some((9 << 20) + 2)));
    assert_eq!(letter["raw"].as_str().unwrap().len(), 256);
}

#[test]
fn retries_wait_their_time_and_the_dead_keep_their_reason() {
    let clock = SimulatedClock::new();
    let dead = Page::default();
    let source = JsonLines::new(&b"1\n2\n3\n"[..], dead.clone());
    let handler = async |task: &Task<Json>| match (task.id.0, task.attempt.get()) {
        (2, 1) => Err(Failure::retry_after("busy", Duration::from_secs(60))),
        (3, _) => Err(Failure::permanent("no such user")),
        _ => Ok(()),
    };
    let report = clock.run(Run::new(&source, handler).clock(&clock).into_future()).unwrap().unwrap();
    assert_eq!((report.counters.done, report.counters.dead, report.counters.retried), (2, 1, 1));
    assert_eq!(clock.now().as_nanos(), 60_000_000_000);
    let expected = serde_json::json!({"task": 3, "attempts": 1, "reason": "no such user", "payload": 3});
    assert_eq!(dead.lines(), [expected]);
}

#[test]
fn done_and_the_rest_are_all_there_was() {
    for pattern in Pattern::ALL {
        let input: String = (1..=2000).map(|n| format!("{n}\n")).collect();
        let source = JsonLines::new(input.as_bytes(), io::sink());
        let control = Control::new();
        let done = RefCell::new(Vec::new());
        let handler = async |task: &Task<Json>| {
            done.borrow_mut().push(task.payload.to_string());
            if task.id.0 == 100 {
                control.drain();
            }
            Ok::<_, Infallible>(())
        };
        let run = Run::new(&source, handler).pattern(pattern).control(&control);
        let report = futures_lite::future::block_on(run.into_future()).unwrap();
        let mut rest = Vec::new();
        let keep = |line: &[u8]| {
            rest.push(String::from_utf8(line.to_vec()).unwrap());
            Ok(())
        };
        let left = futures_lite::future::block_on(source.rest(keep)).unwrap();
        assert_eq!(left, rest.len() as u64);
        assert_eq!(report.counters.done + left, 2000, "{pattern}");
        assert!(report.counters.done >= 100 && left > 0);
        assert!(rest.is_sorted_by_key(|line| line.parse::<u32>().unwrap()), "in the order of the file");
        let mut all: Vec<u32> = done.into_inner().iter().chain(&rest).map(|line| line.parse().unwrap()).collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(1..=2000), "each once");
    }
}

/// Has nothing to read until it is told.
struct Slow<'a> {
    ready: &'a Cell<bool>,
    rest: &'a [u8],
}

impl AsyncRead for Slow<'_> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if !self.ready.get() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(&mut self.rest).poll_read(cx, buf)
    }
}

#[test]
fn a_failure_to_read_ends_the_run() {
    struct Broken;
    impl AsyncRead for Broken {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::Error::other("the disk is gone")))
        }
    }
    let source = JsonLines::new(Broken, io::sink());
    let run = Run::new(&source, async |_: &Task<Json>| Ok::<_, Infallible>(()));
    match futures_lite::future::block_on(run.into_future()) {
        Err(RunError::Source { error: JsonLinesError::Read(error), .. }) => {
            assert_eq!(error.to_string(), "the disk is gone");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn dead_letters_that_cannot_be_kept_end_the_run() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let source = JsonLines::new(&b"1\n?\n"[..], Full);
    let run = Run::new(&source, async |_: &Task<Json>| Ok::<_, Infallible>(()));
    let result = futures_lite::future::block_on(run.into_future());
    assert!(matches!(result, Err(RunError::Source { error: JsonLinesError::DeadLetters(_), .. })), "{result:?}");
}

#[test]
fn tasks_in_flight_go_on_while_nothing_can_be_read() {
    let ready = Cell::new(false);
    let clock = SimulatedClock::new();
    let source = JsonLines::new(
        futures_lite::AsyncReadExt::chain(&b"1\n"[..], Slow { ready: &ready, rest: b"2\n" }),
        io::sink(),
    );
    let handler = async |task: &Task<Json>| {
        if task.id.0 == 1 {
            // Without being polled while the source waits, this never lets the reader go on.
            futures_lite::future::yield_now().await;
            ready.set(true);
        }
        Ok::<_, Infallible>(())
    };
    let report = clock.run(Run::new(&source, handler).clock(&clock).into_future()).unwrap().unwrap();
    assert_eq!(report.counters.done, 2);
}

/// A file that grows when the clock says so.
struct Growing<'a> {
    clock: &'a SimulatedClock,
    /// What is there from which second on.
    parts: Vec<(u64, &'static [u8])>,
}

impl AsyncRead for Growing<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        match self.parts.first() {
            Some(&(second, part)) if self.clock.now().as_nanos() >= second * 1_000_000_000 => {
                self.parts.remove(0);
                buf[..part.len()].copy_from_slice(part);
                Poll::Ready(Ok(part.len()))
            }
            _ => Poll::Ready(Ok(0)),
        }
    }
}

#[test]
fn a_growing_file_is_followed() {
    let clock = SimulatedClock::new();
    let parts: Vec<(u64, &'static [u8])> = vec![(0, b"1\n{\"half\":"), (5, b"2}\n"), (9, b"3\n")];
    let source = JsonLines::new(Growing { clock: &clock, parts }, io::sink()).follow(Duration::from_millis(100));
    let control = Control::new();
    let seen = RefCell::new(Vec::new());
    let handler = async |task: &Task<Json>| {
        seen.borrow_mut().push((task.id.0, task.payload.to_string(), clock.now().as_nanos() / 1_000_000_000));
        if task.id.0 == 3 {
            control.drain();
        }
        Ok::<_, Infallible>(())
    };
    let run = Run::new(&source, handler).clock(&clock).control(&control);
    let report = clock.run(run.into_future()).unwrap().unwrap();
    assert_eq!(report.counters.done, 3);
    let expected = [(1, "1", 0), (2, "{\"half\":2}", 5), (3, "3", 9)];
    assert_eq!(seen.into_inner(), expected.map(|(id, text, second)| (id, text.to_owned(), second)));
}

#[test]
fn tasks_that_wait_for_a_retry_are_bounded() {
    let clock = SimulatedClock::new();
    let input: String = (0..500).map(|n| format!("{n}\n")).collect();
    let source = JsonLines::new(input.as_bytes(), io::sink()).retry_max(limit(20));
    let peak = Cell::new(0);
    let handler = async |task: &Task<Json>| {
        peak.set(peak.get().max(source.delayed()));
        if task.attempt.get() < 3 { Err(Failure::transient("not yet")) } else { Ok(()) }
    };
    let run = Run::new(&source, handler).clock(&clock).limit(limit(4)).retry(Retry::new(5)).into_future();
    let report = clock.run(run).unwrap().unwrap();
    assert_eq!((report.counters.done, report.counters.failed), (500, 1000));
    // What is claimed when the bound is reached still fails: a pool's queue and what is in flight.
    assert!((20..=28).contains(&peak.get()), "{}", peak.get());
}

#[test]
fn malformed_lines_count_towards_a_turn_as_tasks_do() {
    let input = b"?\n".repeat(10_000);
    let source = JsonLines::new(&input[..], io::sink());
    let mut claims = Claims::new();
    for n in 1..=100 {
        let claimed = futures_lite::future::block_on(source.claim(limit(7), &mut claims, &()));
        assert!(matches!(claimed, Ok(ClaimStatus::Open)));
        assert_eq!(claims.take_malformed().len(), 7, "claim {n}");
    }
}
