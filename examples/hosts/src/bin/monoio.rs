//! monoio, a runtime of one thread per core, whose tasks are not `Send`: the run is one of them.

use std::time::Instant;

use fourfold::clock::clock_fn;
use fourfold_hosts::{check, drain};
use monoio::{LegacyDriver, RuntimeBuilder, time};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut runtime = RuntimeBuilder::<LegacyDriver>::new().enable_timer().build()?;
    let outcome = runtime.block_on(async {
        let start = Instant::now();
        monoio::spawn(drain(clock_fn(move || start.elapsed(), time::sleep))).await
    });
    check("monoio", &outcome);
    Ok(())
}
