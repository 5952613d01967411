//! calloop, the event loop of Wayland's programs: it polls the run when it is woken, and has a timer for it.

use std::time::{Duration, Instant};

use calloop::{EventLoop, timer::TimeoutFuture};
use fourfold::clock::clock_fn;
use fourfold_hosts::{check, drain};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut event_loop = EventLoop::<u32>::try_new()?;
    let (start, handle) = (Instant::now(), event_loop.handle());
    let clock = clock_fn(move || start.elapsed(), move |pause: Duration| TimeoutFuture::from_duration(&handle, pause));
    let mut turns = 0;
    let outcome = event_loop.block_on(drain(clock), &mut turns, |turns| *turns += 1)?;
    check("calloop", &outcome.ok_or("the loop was stopped before the run ended")?);
    assert!(turns > 0, "the loop went round with the run");
    Ok(())
}
