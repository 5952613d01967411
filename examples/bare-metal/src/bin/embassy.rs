//! A run as one of embassy's tasks, on embassy's time: a timeout, a rate and handlers that sleep share one timer.
#![no_std]
#![no_main]

use core::cell::{Cell, RefCell};
use core::task::Waker;
use core::time::Duration;

use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::exception;
use cortex_m_semihosting::hprintln;
use critical_section::Mutex;
use embassy_executor::Spawner;
use embassy_time::{Instant, Timer};
use embassy_time_driver::{Driver, time_driver_impl};
use embassy_time_queue_utils::Queue;
use fourfold::{Clock, Failure, MemorySource, Rate, Retry, Run, Task, clock::clock_fn};
use fourfold_bare_metal::{heap, succeed};
use panic_semihosting as _;

/// Milliseconds since the start, counted by an interrupt, and embassy's tasks that wait for one of them.
struct Milliseconds {
    now: Mutex<Cell<u64>>,
    queue: Mutex<RefCell<Queue>>,
}

time_driver_impl!(static TIME: Milliseconds = Milliseconds {
    now: Mutex::new(Cell::new(0)),
    queue: Mutex::new(RefCell::new(Queue::new())),
});

impl Driver for Milliseconds {
    fn now(&self) -> u64 {
        critical_section::with(|section| self.now.borrow(section).get())
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|section| self.queue.borrow_ref_mut(section).schedule_wake(at, waker));
    }
}

#[exception]
fn SysTick() {
    critical_section::with(|section| {
        let now = TIME.now.borrow(section).get() + 1;
        TIME.now.borrow(section).set(now);
        TIME.queue.borrow_ref_mut(section).next_expiration(now);
    });
}

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    heap::init();
    let mut timer = cortex_m::Peripherals::take().expect("nobody has taken them").SYST;
    timer.set_clock_source(SystClkSource::Core);
    // A millisecond at 16 MHz.
    timer.set_reload(15_999);
    timer.clear_current();
    timer.enable_counter();
    timer.enable_interrupt();
    spawner.spawn(blink().expect("the first task of its kind has its place"));

    let clock = clock_fn(
        || Duration::from_millis(Instant::now().as_millis()),
        |pause: Duration| Timer::after_micros(pause.as_micros().try_into().unwrap_or(u64::MAX)),
    );
    let source = MemorySource::new([5, 30, 10_000, 5, 5, 5]);
    let handler = async |task: &Task<u64>| {
        clock.sleep(Duration::from_millis(task.payload)).await;
        Ok::<_, Failure>(())
    };
    let run = Run::new(&source, handler).limit(3).clock(&clock).retry(Retry::NEVER);
    let rate = Rate::per_second(100.0).expect("the rate is more than 0");
    let run = run.timeout(Duration::from_millis(100)).rate(rate);
    let report = run.into_future().await.expect("memory does not fail");
    assert_eq!((report.counters.done, report.counters.timed_out, report.counters.dead), (5, 1, 1));
    let elapsed = report.elapsed.as_millis();
    assert!((100..200).contains(&elapsed), "{elapsed} ms");
    hprintln!(
        "{} done and {} timed out, in {} ms of embassy's time",
        report.counters.done,
        report.counters.timed_out,
        elapsed
    );
    succeed()
}

/// Another task beside the run, with a timer of its own.
#[embassy_executor::task]
async fn blink() {
    loop {
        Timer::after_millis(7).await;
    }
}
