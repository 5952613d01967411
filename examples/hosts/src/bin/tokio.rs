//! tokio, in its three ways to run what is not `Send`: on a runtime of one thread, in a `LocalSet`, and on the pinned
//! threads of a pool beside a multi-threaded runtime. A clock is made of tokio's own timers.

use std::time::Duration;

use fourfold::clock::{RunningClock, clock_fn};
use fourfold_hosts::{check, drain};
use tokio::{runtime, task::LocalSet, time};
use tokio_util::task::LocalPoolHandle;

fn clock() -> impl RunningClock {
    let start = time::Instant::now();
    clock_fn(move || start.elapsed(), time::sleep)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tokio = runtime::Builder::new_current_thread().enable_time().build()?;
    check("tokio, one thread", &tokio.block_on(async { drain(clock()).await }));

    let local = LocalSet::new();
    let outcome = tokio.block_on(local.run_until(async {
        let run = tokio::task::spawn_local(async { drain(clock()).await });
        // Other tasks of the program run meanwhile.
        time::sleep(Duration::from_millis(1)).await;
        run.await
    }))?;
    check("tokio, LocalSet", &outcome);

    // The future is made on the thread that polls it; only what it is made of has to be `Send`.
    let pool = LocalPoolHandle::new(2);
    let runs = [0, 1].map(|_| pool.spawn_pinned(|| async { drain(clock()).await }));
    for run in runs {
        check("tokio, spawn_pinned", &tokio.block_on(run)?);
    }
    Ok(())
}
