//! What a run does with a clock, and what it refuses without one.

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    future::{Future, poll_fn},
    num::NonZeroUsize,
    pin::{Pin, pin},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use fourfold::{
    Clock, Config, Control, Failure, MemorySource, Pattern, Rate, Retry, Run, RunError, Source, Task, batch,
    clock::{SimulatedClock, Time, clock_fn},
    config::TimedSetting,
    event::{EventKind, observer_fn},
    source::{ClaimStatus, Claims, Delivery, Settlement},
};
use futures_lite::future::block_on;

use crate::common::*;

/// Every setting that needs a clock, by itself.
fn timed() -> [(Config, TimedSetting); 5] {
    let config = Config::default();
    [
        (config.timeout(ms(30_000)), TimedSetting::Timeout),
        (config.rate(Rate::per_second(5.0).unwrap()), TimedSetting::Rate),
        (config.grace(ms(1)), TimedSetting::Grace),
        (config.retry(Retry::new(1).base(ms(1))), TimedSetting::RetryPause),
        (config.retry(Retry::new(1).max(ms(1))), TimedSetting::RetryPause),
    ]
}

#[test]
fn a_setting_that_needs_a_clock_is_refused_before_the_first_claim_where_there_is_none() {
    for (config, expected) in timed() {
        for pattern in Pattern::ALL {
            let source = MemorySource::new(0..10_u64);
            let run = Run::new(&source, async |_: &Task<u64>| Ok::<_, Infallible>(())).config(config.pattern(pattern));
            match block_on(run.into_future()) {
                Err(RunError::NeedsClock { setting, report }) => {
                    assert_eq!((setting, report.counters.claimed), (expected, 0));
                }
                other => panic!("{expected}: {other:?}"),
            }
            assert_eq!(source.take_rest().len(), 10, "nothing was claimed");

            let clock = SimulatedClock::new();
            let source = MemorySource::new(0..10_u64);
            let run = Run::new(&source, async |_: &Task<u64>| Ok::<_, Infallible>(())).config(config.pattern(pattern));
            assert_eq!(clock.run(run.clock(&clock).into_future()).unwrap().unwrap().counters.done, 10);
        }
    }
}

#[test]
fn a_setting_that_needs_a_clock_and_comes_later_drains_a_run_that_has_none() {
    for (config, expected) in timed() {
        for pattern in Pattern::ALL {
            let (source, control) = (MemorySource::new(0..100_u64), Control::new());
            let run = Run::new(&source, async |task: &Task<u64>| {
                if task.payload == 4 {
                    control.set_config(&config).unwrap();
                }
                futures_lite::future::yield_now().await;
                Ok::<_, Infallible>(())
            });
            match block_on(run.pattern(pattern).control(&control).into_future()) {
                Err(RunError::NeedsClock { setting, report }) => {
                    assert_eq!(setting, expected);
                    let done = report.counters.done;
                    assert!((5..20).contains(&done), "{done} were done: those in flight, and no more");
                    assert_eq!(source.take_rest().len() as u64, 100 - done);
                }
                other => panic!("{expected}: {other:?}"),
            }
        }
    }
}

#[test]
fn without_a_clock_the_defaults_retry_without_a_pause() {
    for pattern in Pattern::ALL {
        let source = MemorySource::new(0..20_u64);
        let run = Run::new(&source, async |task: &Task<u64>| match task.attempt.get() {
            4 => Ok(()),
            1 => Err(Failure::retry_after("at once", Duration::ZERO)),
            _ => Err(Failure::transient("again")),
        });
        let observer = observer_fn(|event| {
            if let EventKind::RetryScheduled { after, .. } = event.kind {
                assert_eq!(after, Duration::ZERO);
            }
        });
        let counters = block_on(run.pattern(pattern).observer(observer).into_future()).unwrap().counters;
        assert_eq!((counters.done, counters.retried, counters.timed_out), (20, 60, 0));
    }
}

#[test]
fn without_a_clock_a_handler_that_asks_for_a_pause_ends_its_task_and_is_told_why() {
    let source = MemorySource::new(0..2_u64);
    let run = Run::new(&source, async |task: &Task<u64>| match task.payload {
        0 => Err(Failure::retry_after("busy", ms(70))),
        _ => Ok(()),
    });
    let counters = block_on(run.into_future()).unwrap().counters;
    assert_eq!((counters.done, counters.failed, counters.dead), (1, 1, 1));
    assert_eq!(source.take_dead()[0].reason, "busy (not tried again after 70ms: the run has no clock)");
}

/// A source that is handed the clock of its run in each of its methods.
#[test]
fn a_source_is_handed_the_clock_of_its_run() {
    #[derive(Default)]
    struct Told {
        left: Cell<u64>,
        times: RefCell<Vec<(&'static str, Time)>>,
    }

    impl Told {
        async fn tell(&self, method: &'static str, clock: &impl Clock) {
            clock.sleep(ms(5)).await;
            self.times.borrow_mut().push((method, clock.now()));
        }
    }

    impl Source for Told {
        type Payload = ();
        type Receipt = ();
        type Error = Infallible;

        async fn claim(
            &self,
            _: NonZeroUsize,
            claims: &mut Claims<(), ()>,
            clock: &impl Clock,
        ) -> Result<ClaimStatus, Infallible> {
            if self.left.replace(0) == 0 {
                return Ok(ClaimStatus::Exhausted);
            }
            self.tell("claim", clock).await;
            claims.push(Delivery::new(Task::new(0, ()), ()));
            Ok(ClaimStatus::Open)
        }

        async fn settle(&self, _: &mut [Settlement<(), ()>], clock: &impl Clock) -> Result<(), Infallible> {
            self.tell("settle", clock).await;
            Ok(())
        }

        async fn drive(&self, clock: &impl Clock) -> Result<Infallible, Infallible> {
            clock.sleep(ms(1)).await;
            self.tell("drive", clock).await;
            std::future::pending().await
        }

        fn abandon(&self, _: Delivery<(), ()>) {}
    }

    let (clock, source) = (SimulatedClock::new(), Told { left: Cell::new(1), ..Told::default() });
    let run = Run::new(&source, async |_: &Task<()>| Ok::<_, Infallible>(())).clock(&clock);
    clock.run(run.into_future()).unwrap().unwrap();
    let at = |n| Time::ZERO + ms(n);
    assert_eq!(*source.times.borrow(), [("claim", at(5)), ("drive", at(6)), ("settle", at(10))]);
}

/// A host whose timers take the waker of the host itself and no other, like those of an embedded executor, and which has
/// one of them at a time.
#[derive(Default)]
struct Host {
    now: Cell<Duration>,
    timers: Cell<usize>,
    peak: Cell<usize>,
    due: Cell<Option<Duration>>,
    wakes: Arc<HostWaker>,
}

#[derive(Default)]
struct HostWaker(AtomicUsize);

impl Wake for HostWaker {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct HostTimer {
    host: Rc<Host>,
    due: Duration,
}

impl Future for HostTimer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        assert!(cx.waker().will_wake(&Waker::from(self.host.wakes.clone())), "the waker of the host");
        if self.host.now.get() >= self.due {
            return Poll::Ready(());
        }
        self.host.due.set(Some(self.due));
        Poll::Pending
    }
}

impl Drop for HostTimer {
    fn drop(&mut self) {
        self.host.timers.set(self.host.timers.get() - 1);
        self.host.due.set(None);
    }
}

impl Host {
    fn sleep(self: &Rc<Self>, duration: Duration) -> HostTimer {
        self.timers.set(self.timers.get() + 1);
        self.peak.set(self.peak.get().max(self.timers.get()));
        HostTimer { host: self.clone(), due: self.now.get() + duration }
    }

    /// Polls to the end, and lets the time go on to the timer of the host whenever nothing was woken.
    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let waker = Waker::from(self.wakes.clone());
        let mut future = pin!(future);
        loop {
            let wakes = self.wakes.0.load(Ordering::Relaxed);
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            if self.wakes.0.load(Ordering::Relaxed) == wakes {
                let due = self.due.take().expect("something was woken, or a timer is set");
                self.now.set(self.now.get().max(due));
            }
        }
    }
}

#[test]
fn a_host_needs_one_timer_however_many_sleep() {
    for config in grid() {
        let host = Rc::new(Host::default());
        let clock = clock_fn(|| host.now.get(), |duration| host.sleep(duration));
        let source = MemorySource::new(0..40_u64);
        let run = Run::new(&source, async |task: &Task<u64>| {
            clock.sleep(ms(1 + task.payload % 7)).await;
            match (task.payload % 10, task.attempt.get()) {
                (3, 1) => Err(Failure::transient("again")),
                (5, 1) => std::future::pending().await,
                _ => Ok(()),
            }
        });
        let run = run.config(config).clock(&clock).timeout(ms(20)).rate(Rate::per_second(2000.0).unwrap());
        let report = host.run(run.into_future()).unwrap();
        assert_eq!((report.counters.done, report.counters.timed_out, report.counters.failed), (40, 4, 4));
        assert_eq!((host.peak.get(), host.timers.get()), (1, 0));
        assert!(report.elapsed >= ms(20) && report.elapsed == host.now.get(), "{:?}", report.elapsed);
    }
}

#[test]
fn a_host_is_asked_with_its_own_waker_by_runs_in_scopes_and_by_scopes_in_runs() {
    let host = Rc::new(Host::default());
    let clock = clock_fn(|| host.now.get(), |duration| host.sleep(duration));
    let nested = batch(3, 0..6_u64, async |n| {
        let source = MemorySource::new(0..4_u64);
        let run = Run::new(&source, async |task: &Task<u64>| {
            batch(2, 0..3, async |_| clock.sleep(ms(n + task.payload)).await).await.map(drop)
        });
        run.clock(&clock).limit(2).into_future().await.unwrap().counters.done
    });
    assert_eq!(host.run(clock.drive(nested)).unwrap(), [4; 6]);
    assert_eq!((host.peak.get(), host.timers.get()), (1, 0));
}

#[test]
fn a_sleep_that_is_dropped_gives_the_timer_of_the_host_back() {
    let host = Rc::new(Host::default());
    let clock = clock_fn(|| host.now.get(), |duration| host.sleep(duration));
    host.run(clock.drive(async {
        let mut long = Box::pin(clock.sleep(ms(1000)));
        let poll = poll_fn(|cx| Poll::Ready(long.as_mut().poll(cx))).await;
        assert!(poll.is_pending());
        clock.sleep(ms(1)).await;
        drop(long);
        futures_lite::future::yield_now().await;
        assert_eq!(host.now.get(), ms(1));
    }));
    assert_eq!((host.peak.get(), host.timers.get(), host.now.get()), (1, 0, ms(1)));
}
