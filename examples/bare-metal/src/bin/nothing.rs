//! What every program has, for the others to be compared with: a heap, and a future that is waited for.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::boxed::Box;

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
    block_on(Box::pin(yield_now()));
    succeed()
}
