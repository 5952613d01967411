//! What a task that yields once costs, in instructions: QEMU is told that each of them takes a nanosecond.
#![no_std]
#![no_main]

use core::convert::Infallible;

use cortex_m::peripheral::{SYST, syst::SystClkSource};
use cortex_m_semihosting::hprintln;
use fourfold::{MemorySource, Pattern, Run, Task, TaskSet, batch};
use fourfold_bare_metal::{heap, succeed, wait::block_on};
use futures_lite::future::yield_now;
use panic_semihosting as _;

const LIMIT: usize = 16;
const TASKS: u32 = 10_000;

/// Instructions that a task of a set and of a run may take.
const SET: u32 = 260;
const RUN: u32 = 1000;

/// Instructions in a tick of the processor's clock, which has 25 MHz.
const INSTRUCTIONS_PER_TICK: u32 = 40;

#[cortex_m_rt::entry]
fn main() -> ! {
    heap::init();
    let mut timer = cortex_m::Peripherals::take().expect("nobody has taken them").SYST;
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(0x00ff_ffff);
    timer.clear_current();
    timer.enable_counter();

    let set = instructions(|| {
        block_on(async {
            let mut running = TaskSet::new(LIMIT).expect("the limit is not 0");
            let mut finished = 0;
            for _ in 0..TASKS {
                running.spawn(yield_now()).await;
                finished += running.prune().count();
            }
            assert_eq!(finished + running.join().await.len(), TASKS as usize);
        });
    });
    hprintln!("set: {} instructions a task", set);
    assert!(set <= SET);

    let batch = instructions(|| {
        let results = block_on(batch(LIMIT, 0..TASKS, async |_| yield_now().await)).expect("the limit is not 0");
        assert_eq!(results.len(), TASKS as usize);
    });
    hprintln!("batch: {} instructions a task", batch);

    for pattern in Pattern::ALL {
        let count = instructions(|| {
            let source = MemorySource::new(0..TASKS);
            let handler = async |_: &Task<u32>| {
                yield_now().await;
                Ok::<_, Infallible>(())
            };
            let report = block_on(Run::new(&source, handler).pattern(pattern).limit(LIMIT).into_future());
            assert!(report.is_ok_and(|report| report.counters.done == u64::from(TASKS)));
        });
        hprintln!("run as {}: {} instructions a task", pattern, count);
        assert!(count <= RUN);
    }
    succeed()
}

/// Instructions of a function, shared out among its tasks.
fn instructions(function: impl FnOnce()) -> u32 {
    let before = SYST::get_current();
    function();
    // It counts down, in 24 bits.
    let ticks = before.wrapping_sub(SYST::get_current()) & 0x00ff_ffff;
    ticks * INSTRUCTIONS_PER_TICK / TASKS
}
