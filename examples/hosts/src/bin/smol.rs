//! smol: the run is a task of a local executor, on the clock that the feature `smol` brings.

use fourfold::NativeClock;
use fourfold_hosts::{check, drain};
use smol::LocalExecutor;

fn main() {
    let executor = LocalExecutor::new();
    let run = executor.spawn(drain(NativeClock::new()));
    check("smol", &smol::block_on(executor.run(run)));
}
