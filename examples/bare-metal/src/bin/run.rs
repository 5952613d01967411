//! A run of a pool and nothing else, to see how much flash it takes.
#![no_std]
#![no_main]

use core::convert::Infallible;

use fourfold::{MemorySource, Run, Task};
use fourfold_bare_metal::{fail, heap, succeed, wait::block_on};
use futures_lite::future::yield_now;

/// A panic says nothing here: formatting would take more flash than what is to be measured.
#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    fail()
}

#[cortex_m_rt::entry]
fn main() -> ! {
    heap::init();
    let source = MemorySource::new(0..100_u32);
    let handler = async |_: &Task<u32>| {
        yield_now().await;
        Ok::<_, Infallible>(())
    };
    let report = block_on(Run::new(&source, handler).limit(8).into_future());
    assert!(report.is_ok_and(|report| report.counters.done == 100));
    succeed()
}
