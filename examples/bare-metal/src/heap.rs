//! The heap, which knows how much of it was in use at the most, and how often it was asked.
#![expect(unsafe_code, reason = "an allocator is unsafe to implement")]

use core::{
    alloc::{GlobalAlloc, Layout},
    cell::Cell,
};

use critical_section::Mutex;
use embedded_alloc::LlffHeap;

/// Ten of the microbit's sixteen kilobytes, or as much as the larger machine can well spare.
pub const SIZE: usize = if cfg!(target_has_atomic = "ptr") { 256 * 1024 } else { 10 * 1024 };

#[global_allocator]
static HEAP: Counting =
    Counting { heap: LlffHeap::empty(), counts: Mutex::new(Cell::new(Counts { used: 0, peak: 0, allocations: 0 })) };

struct Counting {
    heap: LlffHeap,
    counts: Mutex<Cell<Counts>>,
}

/// What was asked of the heap so far.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    /// Bytes in use now.
    pub used: usize,
    /// Bytes that were in use at the most, since the last call of [`measure`].
    pub peak: usize,
    /// The number of allocations so far.
    pub allocations: usize,
}

/// Gives the heap its memory. A second call does nothing.
pub fn init() {
    if let Some(memory) = cortex_m::singleton!(: [u8; SIZE] = [0; SIZE]) {
        // Safety: the memory is nobody else's, since a singleton is given out once.
        unsafe { HEAP.heap.init(memory.as_mut_ptr() as usize, SIZE) }
    }
}

/// Returns what was asked of the heap so far.
pub fn counts() -> Counts {
    critical_section::with(|section| HEAP.counts.borrow(section).get())
}

/// Calls a function; returns how many bytes it had in use at the most, beyond those in use before.
pub fn measure(function: impl FnOnce()) -> usize {
    let before = counts().used;
    change(|counts| counts.peak = counts.used);
    function();
    counts().peak - before
}

fn change(change: impl FnOnce(&mut Counts)) {
    critical_section::with(|section| {
        let counts = HEAP.counts.borrow(section);
        let mut new = counts.get();
        change(&mut new);
        counts.set(new);
    });
}

// Safety: everything is handed on to an allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        change(|counts| {
            counts.used += layout.size();
            counts.peak = counts.peak.max(counts.used);
            counts.allocations += 1;
        });
        // Safety: the caller keeps the contract, which is the same one.
        unsafe { self.heap.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        change(|counts| counts.used -= layout.size());
        // Safety: as above.
        unsafe { self.heap.dealloc(pointer, layout) }
    }
}
