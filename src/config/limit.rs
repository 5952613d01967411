//! Limits as they are written, and what is wrong with one of 0.

use core::{fmt, num::NonZeroUsize};

/// A number that is taken as a limit: a `usize`, so that it can be written `8`, or a
/// [`NonZeroUsize`].
///
/// Whatever takes a limit says what a limit of 0 means; most often it is a [`ConfigError`], never a
/// panic and never a wait without end. The trait is sealed: a third type would leave the type of
/// `8` open.
///
/// ```
/// use core::num::NonZeroUsize;
/// use fourfold::{Config, Pattern};
/// let config = Config::new(Pattern::TaskSet, 8);
/// assert_eq!(config, Config::new(Pattern::TaskSet, NonZeroUsize::new(8).unwrap()));
/// ```
pub trait Limit: sealed::Sealed {
    /// Returns the limit as a plain number.
    fn get(self) -> usize;
}

impl Limit for usize {
    fn get(self) -> usize {
        self
    }
}

impl Limit for NonZeroUsize {
    fn get(self) -> usize {
        NonZeroUsize::get(self)
    }
}

mod sealed {
    pub trait Sealed: Copy {}

    impl Sealed for usize {}

    impl Sealed for core::num::NonZeroUsize {}
}

/// The reason why a configuration cannot be used: a limit of 0, with which nothing could ever
/// start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The limit is 0.
    ZeroLimit,
    /// The number of workers is 0.
    ZeroWorkers,
    /// The capacity of the queue is 0.
    ZeroQueueCapacity,
    /// The size of a batch is 0.
    ZeroBatchSize,
    /// The limit per key is 0.
    ZeroPerKey,
    /// The maximum number of tasks that wait for others of their key is 0.
    ZeroHeldBack,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::ZeroLimit => "limit",
            Self::ZeroWorkers => "number of workers",
            Self::ZeroQueueCapacity => "queue capacity",
            Self::ZeroBatchSize => "batch size",
            Self::ZeroPerKey => "limit per key",
            Self::ZeroHeldBack => "maximum number of tasks that are held back",
        };
        write!(f, "the {what} is 0, and no task could start: use at least 1")
    }
}

impl core::error::Error for ConfigError {}

/// Returns the limit as a number that cannot be 0, or `error` if it is.
pub(crate) fn at_least_one(limit: impl Limit, error: ConfigError) -> Result<NonZeroUsize, ConfigError> {
    NonZeroUsize::new(limit.get()).ok_or(error)
}
