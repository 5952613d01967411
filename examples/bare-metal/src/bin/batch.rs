//! A batch and nothing else, to see how much flash it takes.
#![no_std]
#![no_main]

use fourfold::batch;
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
    let squares = block_on(batch(8, 0..100_u32, async |n| {
        yield_now().await;
        n * n
    }));
    let Ok(squares) = squares else { panic!("a limit of 8 is no error") };
    assert!(squares[99] == 9801);
    succeed()
}
