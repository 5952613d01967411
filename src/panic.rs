//! Panics of the user's code, caught where the platform can stop them.

use alloc::string::{String, ToString};

use crate::failure::Failure;

/// Runs a piece of the user's code, and returns a panic in it as a failure.
#[inline]
pub(crate) fn contain<T>(code: impl FnOnce() -> T) -> Result<T, Failure> {
    catch(code).map_err(|panic| {
        let message = panic.message();
        panic.discard();
        Failure::panicked(message)
    })
}

#[cfg(feature = "std")]
mod platform {
    use alloc::boxed::Box;
    use core::any::Any;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    /// The payload of a panic.
    pub(crate) struct Panic(Box<dyn Any + Send>);

    impl Panic {
        pub(super) fn text(&self) -> Option<&str> {
            let text = self.0.downcast_ref::<&str>().copied();
            text.or_else(|| self.0.downcast_ref::<alloc::string::String>().map(|text| text.as_str()))
        }

        /// Drops the payload. That may panic once more, and so may dropping the new payload, which is leaked then.
        pub(super) fn discard(self) {
            if let Err(Panic(payload)) = catch(|| drop(self)) {
                core::mem::forget(payload);
            }
        }

        /// Goes on with the panic. The panic hook was called for it already and is not called again.
        pub(crate) fn resume(self) -> ! {
            resume_unwind(self.0)
        }
    }

    /// Runs a piece of the user's code, and returns a panic in it.
    #[inline]
    pub(crate) fn catch<T>(code: impl FnOnce() -> T) -> Result<T, Panic> {
        // Unwind safety: what the code has left half done is dropped by the caller and never looked at again.
        catch_unwind(AssertUnwindSafe(code)).map_err(Panic)
    }
}

#[cfg(not(feature = "std"))]
mod platform {
    /// The payload of a panic, of which there is none: without `std` a panic ends the program.
    pub(crate) enum Panic {}

    impl Panic {
        pub(super) fn text(&self) -> Option<&str> {
            match *self {}
        }

        pub(super) fn discard(self) {
            match self {}
        }

        pub(crate) fn resume(self) -> ! {
            match self {}
        }
    }

    /// Runs a piece of the user's code.
    #[inline]
    pub(crate) fn catch<T>(code: impl FnOnce() -> T) -> Result<T, Panic> {
        Ok(code())
    }
}

pub(crate) use platform::{Panic, catch};

impl Panic {
    fn message(&self) -> String {
        self.text().unwrap_or("a panic without a message").to_string()
    }
}
