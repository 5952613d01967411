//! What the programs for microcontrollers share: a heap that counts, a way to wait for a future, and a timer that counts
//! instructions.
#![no_std]

extern crate alloc;

pub mod heap;
pub mod wait;

use cortex_m_semihosting::debug::{self, EXIT_FAILURE, EXIT_SUCCESS};

/// Ends the program, and QEMU with it, well.
pub fn succeed() -> ! {
    end(EXIT_SUCCESS)
}

/// Ends the program, and QEMU with it, with an error.
pub fn fail() -> ! {
    end(EXIT_FAILURE)
}

fn end(status: debug::ExitStatus) -> ! {
    debug::exit(status);
    loop {
        cortex_m::asm::wfi();
    }
}
