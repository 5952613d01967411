//! The settings that need a clock.

use core::fmt;

/// A setting that needs a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimedSetting {
    /// The maximum time for one attempt: [`Config::timeout`](super::Config#structfield.timeout).
    Timeout,
    /// The maximum number of starts per second: [`Config::rate`](super::Config#structfield.rate).
    Rate,
    /// The maximum time for a drain: [`Config::grace`](super::Config#structfield.grace).
    Grace,
    /// The pauses before retries: [`Retry::base`](super::Retry#structfield.base) or
    /// [`Retry::max`](super::Retry#structfield.max).
    RetryPause,
}

impl fmt::Display for TimedSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout => "timeout",
            Self::Rate => "rate",
            Self::Grace => "grace",
            Self::RetryPause => "pause between retries",
        })
    }
}
