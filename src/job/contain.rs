//! Panics become failures, where the platform can stop them.

use crate::Failure;

/// Runs a piece of the user's code; a panic in it comes back as a failure.
#[cfg(feature = "std")]
#[inline]
pub(crate) fn contain<T>(code: impl FnOnce() -> T) -> Result<T, Failure> {
    // Unwind safety: what the code has left half done is dropped by the caller and never looked at again.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(code)).map_err(|payload| {
        let reason = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).into())
            .or_else(|| payload.downcast_ref::<alloc::string::String>().cloned())
            .unwrap_or_else(|| "a panic without a message".into());
        Failure::panicked(reason)
    })
}

/// Without `std` a panic ends the program, or is the platform's business.
#[cfg(not(feature = "std"))]
#[inline]
pub(crate) fn contain<T>(code: impl FnOnce() -> T) -> Result<T, Failure> {
    Ok(code())
}
