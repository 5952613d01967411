//! Hosts a run in a smol program: a producer feeds the run through a channel, and another task runs
//! beside it.

use std::{cell::Cell, convert::Infallible, error::Error, time::Duration};

use fourfold::{Clock, MemorySource, NativeClock, Run, Task, metrics::State};
use smol::LocalExecutor;

fn main() -> Result<(), Box<dyn Error>> {
    let ticks = Cell::new(0_u32);
    let clock = NativeClock::new();
    let executor = LocalExecutor::new();
    let (producer, source) = MemorySource::channel(4)?;

    executor
        .spawn(async move {
            for n in 0..40_u64 {
                if producer.send(n).await.is_err() {
                    return; // the run has ended
                }
            }
        })
        .detach();
    let beside = executor.spawn(async {
        loop {
            clock.sleep(Duration::from_millis(1)).await;
            ticks.set(ticks.get() + 1);
        }
    });

    let mut state = State::new();
    let work = async |task: &Task<u64>| {
        clock.sleep(Duration::from_millis(task.payload % 7)).await;
        Ok::<_, Infallible>(())
    };
    let run = Run::new(&source, work).limit(4).clock(clock).observer(&mut state);
    let report = smol::block_on(executor.run(run.into_future()))?;
    drop(beside);

    assert_eq!((report.counters.done, report.counters.peak_in_flight), (40, 4));
    assert!(ticks.get() > 0, "the rest of the program went on");
    let service = state.report().service.unwrap_or_default();
    println!("{} done, half of them within {:?}, {} ticks beside", report.counters.done, service.p50, ticks.get());
    Ok(())
}
