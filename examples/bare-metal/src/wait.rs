//! Waiting for a future on a processor that has nothing else to do.

use core::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use portable_atomic::{AtomicBool, Ordering};
use portable_atomic_util::{Arc, task::Wake};

struct Signal(AtomicBool);

impl Wake for Signal {
    fn wake(this: Arc<Self>) {
        this.0.store(true, Ordering::Release);
        // A processor that was just about to sleep does not.
        cortex_m::asm::sev();
    }
}

/// Polls a future to its end. While it waits, the processor sleeps until an interrupt comes.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let signal = Arc::new(Signal(AtomicBool::new(true)));
    let waker = Waker::from(signal.clone());
    let mut future = pin!(future);
    loop {
        if !signal.0.swap(false, Ordering::AcqRel) {
            cortex_m::asm::wfe();
        } else if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
    }
}
