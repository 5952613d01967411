//! How many attempts may run at a time, and when the next may start: lowered where the system is
//! short of something, and where a server or program that all tasks need seems to be down.

use std::{
    cell::{Cell, RefCell},
    time::{Duration, Instant},
};

use fourfold::{Config, Control, Failure};
use futures_lite::future::or;
use smol::{
    Timer,
    channel::{Receiver, Sender, bounded},
};

use crate::terminal;

/// At least this many attempts in a row must fail before the brake is put on.
const ROW_MIN: usize = 20;
/// The first pause and the longest between two starts under the brake.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// A limit that was lowered after a shortage is raised again when none has been seen for this time.
const RAISE: Duration = Duration::from_secs(2);
/// The longest part of a reason by which failures are told apart.
const CLASS_MAX: usize = 80;

/// How an attempt ended, as a number: of a process or of an HTTP response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Exit(i32),
    Signal(i32),
    Status(u16),
}

/// What failures have in common when something else than their tasks is to blame.
#[derive(Debug, PartialEq, Eq)]
enum Class {
    Code(Code),
    TimedOut,
    /// The beginning of the reason, without the numbers in it.
    Reason(String),
}

impl Class {
    fn new(code: Option<Code>, failure: &Failure) -> Self {
        match code {
            _ if failure.is_timeout() => Self::TimedOut,
            Some(code) => Self::Code(code),
            None => Self::Reason(failure.reason().chars().take(CLASS_MAX).filter(|c| !c.is_numeric()).collect()),
        }
    }
}

/// The one place that changes the limit of a run.
#[derive(Debug)]
pub(crate) struct Throttle {
    control: Control,
    has_brake: bool,
    /// The limit that was asked for.
    limit: Cell<usize>,
    /// The number of processes that the system has room for, once it has refused one.
    room: Cell<Option<usize>>,
    row: RefCell<Row>,
    /// The pause between two starts, while the brake is on.
    pause: Cell<Option<Duration>>,
    /// When the next start is allowed, and when the limit is raised.
    next_start: Cell<Option<Instant>>,
    next_raise: Cell<Option<Instant>>,
    changed: (Sender<()>, Receiver<()>),
}

/// Attempts that failed one after another for the same reason.
#[derive(Debug, Default)]
struct Row {
    class: Option<Class>,
    length: usize,
}

/// An attempt that has started. Dropped, it has timed out.
#[derive(Debug)]
pub(crate) struct Started<'a> {
    throttle: &'a Throttle,
    is_under_brake: bool,
    has_ended: bool,
}

impl Started<'_> {
    /// Notes what came of the attempt.
    pub(crate) fn ended(mut self, code: Option<Code>, result: &Result<(), Failure>) {
        self.has_ended = true;
        match result {
            Ok(()) => self.throttle.succeeded(),
            Err(failure) => self.throttle.failed(self.is_under_brake, Class::new(code, failure), failure.reason()),
        }
    }
}

impl Drop for Started<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.throttle.failed(self.is_under_brake, Class::TimedOut, "timed out");
        }
    }
}

impl Throttle {
    /// Creates the throttle of the runs that this handle controls.
    pub(crate) fn new(control: &Control, has_brake: bool) -> Self {
        Self {
            control: control.clone(),
            has_brake,
            limit: Cell::new(1),
            room: Cell::new(None),
            row: RefCell::default(),
            pause: Cell::new(None),
            next_start: Cell::new(None),
            next_raise: Cell::new(None),
            changed: bounded(1),
        }
    }

    /// Notes what a run begins with.
    pub(crate) fn begin(&self, config: &Config) {
        self.limit.set(config.limit);
        self.release();
    }

    /// Notes that an attempt starts.
    pub(crate) fn start(&self) -> Started<'_> {
        let is_under_brake = self.pause.get().is_some();
        if is_under_brake {
            // The next one starts when it is known what became of this one.
            self.control.pause();
        }
        Started { throttle: self, is_under_brake, has_ended: false }
    }

    fn succeeded(&self) {
        self.row.borrow_mut().length = 0;
        if self.pause.get().is_some() {
            terminal::say("an attempt has succeeded: going on at full speed");
            self.release();
        }
    }

    fn failed(&self, is_under_brake: bool, class: Class, reason: &str) {
        match self.pause.get() {
            _ if !self.has_brake => {}
            Some(pause) if is_under_brake => self.hold((pause * 2).min(PAUSE_MAX)),
            // It had started before.
            Some(_) => {}
            None => self.count(class, reason),
        }
    }

    fn count(&self, class: Class, reason: &str) {
        let mut row = self.row.borrow_mut();
        if row.class.as_ref() != Some(&class) {
            *row = Row { class: Some(class), length: 0 };
        }
        row.length += 1;
        if row.length >= ROW_MIN.max(self.wanted().saturating_mul(2)) {
            let reason = reason.lines().next().unwrap_or_default();
            terminal::say(&format!(
                "warning: {} attempts in a row have failed, the last with `{reason}`: starting one at a time until one \
                 succeeds (--no-brake goes on at full speed)",
                row.length
            ));
            *row = Row::default();
            self.hold(PAUSE_MIN);
        }
    }

    /// Puts the brake on, or leaves it on.
    fn hold(&self, pause: Duration) {
        self.control.pause();
        self.pause.set(Some(pause));
        self.next_start.set(Some(Instant::now() + pause));
        self.apply();
    }

    /// Takes the brake off.
    fn release(&self) {
        self.pause.set(None);
        self.next_start.set(None);
        self.control.resume();
        self.apply();
    }

    /// Lowers the limit to the number of processes that the system has room for. Returns whether it
    /// is the first time.
    pub(crate) fn shortage(&self, alive: usize) -> bool {
        let room = self.room.get();
        self.room.set(Some(room.map_or(alive, |room| room.min(alive)).max(1)));
        self.next_raise.set(Some(Instant::now() + RAISE));
        self.apply();
        room.is_none()
    }

    /// Returns the number of processes that the system has room for, once it has refused one.
    pub(crate) fn room(&self) -> Option<usize> {
        self.room.get()
    }

    /// Raises the limit by a quarter: what was short may be there again.
    fn raise(&self) {
        let Some(room) = self.room.get() else { return };
        let room = (room + (room / 4).max(1)).min(self.limit.get());
        self.room.set(Some(room));
        self.next_raise.set((room < self.limit.get()).then(|| Instant::now() + RAISE));
        self.apply();
    }

    /// The limit without the brake.
    fn wanted(&self) -> usize {
        self.room.get().map_or(self.limit.get(), |room| room.min(self.limit.get()))
    }

    fn apply(&self) {
        let limit = if self.pause.get().is_some() { 1 } else { self.wanted() };
        self.control.set_limit(limit.max(1)).expect("a limit that is not 0 is always taken");
        let _ = self.changed.0.try_send(());
    }

    /// Does at its time what has been put off; never returns.
    pub(crate) async fn drive(&self) -> std::convert::Infallible {
        loop {
            let next = [self.next_start.get(), self.next_raise.get()].into_iter().flatten().min();
            let due = async {
                match next {
                    Some(next) => drop(Timer::at(next).await),
                    None => std::future::pending().await,
                }
            };
            let changed = async {
                // It is never closed: this owns both of its ends.
                let _ = self.changed.1.recv().await;
            };
            or(changed, due).await;
            let now = Instant::now();
            if self.next_start.get().is_some_and(|at| at <= now) {
                self.next_start.set(None);
                self.control.resume();
            }
            if self.next_raise.get().is_some_and(|at| at <= now) {
                self.raise();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use fourfold::Pattern;

    use super::*;

    fn throttle(limit: usize, has_brake: bool) -> Throttle {
        let throttle = Throttle::new(&Control::new(), has_brake);
        throttle.begin(&Config::new(Pattern::WorkerPool, limit));
        throttle
    }

    fn fail(throttle: &Throttle, code: i32) {
        throttle.start().ended(Some(Code::Exit(code)), &Err(Failure::transient("down")));
    }

    fn pause(throttle: &Throttle) -> Option<u128> {
        throttle.pause.get().map(|pause| pause.as_millis())
    }

    #[test]
    fn the_brake_needs_a_row_of_failures_of_one_class() {
        for (limit, row) in [(1, 20), (10, 20), (16, 32)] {
            let throttle = throttle(limit, true);
            (1..row).for_each(|_| fail(&throttle, 1));
            fail(&throttle, 2);
            (1..row).for_each(|_| fail(&throttle, 1));
            throttle.start().ended(None, &Ok(()));
            (1..row).for_each(|_| fail(&throttle, 1));
            assert_eq!(pause(&throttle), None, "{limit}");
            fail(&throttle, 1);
            assert_eq!(pause(&throttle), Some(100), "{limit}");
            assert!(throttle.control.is_paused());
        }
        let without = throttle(1, false);
        (0..100).for_each(|_| fail(&without, 1));
        assert_eq!(pause(&without), None);
    }

    #[test]
    fn the_pause_doubles_up_to_five_seconds_and_a_success_ends_it() {
        let throttle = throttle(1, true);
        let earlier = throttle.start();
        (0..20).for_each(|_| fail(&throttle, 1));
        // What had started before the brake says nothing new.
        earlier.ended(Some(Code::Exit(1)), &Err(Failure::transient("down")));
        let mut pauses = vec![pause(&throttle).unwrap()];
        for code in 0..7 {
            fail(&throttle, code);
            pauses.push(pause(&throttle).unwrap());
        }
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        // One that is dropped has failed, too: nothing would start any more otherwise.
        drop(throttle.start());
        assert!(throttle.next_start.get().is_some());
        throttle.start().ended(None, &Ok(()));
        assert_eq!((pause(&throttle), throttle.control.is_paused()), (None, false));
    }

    #[test]
    fn what_a_shortage_lowered_is_raised_again() {
        let throttle = throttle(10, true);
        assert!(throttle.shortage(4) && !throttle.shortage(7));
        let rooms = std::iter::from_fn(|| {
            throttle.raise();
            throttle.room()
        });
        assert_eq!(rooms.take(6).collect::<Vec<_>>(), [5, 6, 7, 8, 10, 10]);
        assert_eq!(throttle.next_raise.get(), None);
    }
}
