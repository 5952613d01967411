//! embassy on an operating system: the run is a task of its executor, on its time. examples/bare-metal has the same on
//! a microcontroller.

use std::time::Duration;

use embassy_executor::Spawner;
use embassy_time::{Instant, Timer};
use fourfold::clock::clock_fn;
use fourfold_hosts::{check, drain};

#[embassy_executor::main]
async fn main(_spawner: Spawner) {
    let clock = clock_fn(
        || Duration::from_micros(Instant::now().as_micros()),
        |pause: Duration| Timer::after_micros(u64::try_from(pause.as_micros()).unwrap_or(u64::MAX)),
    );
    check("embassy", &drain(clock).await);
    // Its executor never returns.
    std::process::exit(0);
}
