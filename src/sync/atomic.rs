//! What threads share, or a program and its interrupts: atomics, `Arc`, and wakers made of it. The feature
//! `portable-atomic` has them on targets without compare-and-swap, too.

use core::task::Waker;

pub(crate) use self::platform::{Arc, AtomicBool, AtomicUsize, Ordering};

/// What a waker does when it is woken.
pub(crate) trait Signal: Send + Sync + 'static {
    fn signal(&self);
}

/// Wraps a signal, since the trait of wakers is not the same one on every platform.
pub(crate) struct Signaller<S>(pub(crate) S);

/// Makes a waker that signals.
#[inline]
pub(crate) fn waker<S: Signal>(signaller: &Arc<Signaller<S>>) -> Waker {
    Waker::from(signaller.clone())
}

#[cfg(not(feature = "portable-atomic"))]
mod platform {
    use alloc::task::Wake;

    pub(crate) use alloc::sync::Arc;
    pub(crate) use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::{Signal, Signaller};

    impl<S: Signal> Wake for Signaller<S> {
        #[inline]
        fn wake(self: Arc<Self>) {
            self.0.signal();
        }

        #[inline]
        fn wake_by_ref(self: &Arc<Self>) {
            self.0.signal();
        }
    }
}

#[cfg(feature = "portable-atomic")]
mod platform {
    use portable_atomic_util::task::Wake;

    pub(crate) use portable_atomic::{AtomicBool, AtomicUsize, Ordering};
    pub(crate) use portable_atomic_util::Arc;

    use super::{Signal, Signaller};

    impl<S: Signal> Wake for Signaller<S> {
        #[inline]
        fn wake(this: Arc<Self>) {
            this.0.signal();
        }

        #[inline]
        fn wake_by_ref(this: &Arc<Self>) {
            this.0.signal();
        }
    }
}
