//! The handle that drains, aborts or reconfigures runs.

use core::num::NonZeroUsize;

use event_listener::{Event, EventListener};

use crate::{
    config::{Config, ConfigError, Limit, at_least_one},
    sync::{
        Latest,
        atomic::{Arc, AtomicUsize, Ordering},
    },
};

const DRAIN: usize = 1;
const ABORT: usize = 2;
const PAUSE: usize = 4;

/// A handle that drains or aborts runs, or changes their settings, from anywhere: a handler, a signal, another thread.
///
/// Clones control the same runs.
///
/// ```
/// use core::convert::Infallible;
/// use fourfold::{Control, MemorySource, Run, Task};
/// use futures_lite::future::block_on;
///
/// let control = Control::new();
/// let source = MemorySource::new(0..1000);
/// let handler = async |task: &Task<i32>| {
///     if task.payload == 10 {
///         control.drain();
///     }
///     Ok::<_, Infallible>(())
/// };
/// let report = block_on(Run::new(&source, handler).control(&control).into_future()).unwrap();
/// assert_eq!(report.counters.done + source.take_rest().len() as u64, 1000);
/// assert!(report.counters.done < 1000);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Control {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicUsize,
    /// The limit that was set last; 0 while none was.
    limit: AtomicUsize,
    /// The number of changes of the configuration.
    config_version: AtomicUsize,
    config: Latest<Config>,
    /// The number of changes of any kind.
    changes: AtomicUsize,
    changed: Event,
}

/// The way in which a run is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    No,
    Drain,
    Abort,
}

impl Control {
    /// Makes a handle that controls no run yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets runs finish the tasks in flight and end. Nothing more is claimed, and claimed tasks that have not started are given
    /// back to their source.
    ///
    /// A drain that takes longer than [`Config::grace`] becomes an abort.
    pub fn drain(&self) {
        self.stop(DRAIN);
    }

    /// Ends runs at once: their handlers are dropped, and the tasks are given back to their source.
    pub fn abort(&self) {
        self.stop(DRAIN | ABORT);
    }

    /// Keeps runs from starting tasks, until [`resume`](Self::resume). Running tasks go on, and as much is claimed as may wait.
    ///
    /// ```
    /// use core::convert::Infallible;
    /// use fourfold::{Control, MemorySource, Run, Task};
    /// use futures_lite::future::{block_on, poll_once};
    ///
    /// let control = Control::new();
    /// let source = MemorySource::new(0..10);
    /// let mut run = Run::new(&source, async |_: &Task<i32>| Ok::<_, Infallible>(())).control(&control).into_future();
    /// control.pause();
    /// assert!(block_on(poll_once(&mut run)).is_none());
    /// control.resume();
    /// assert_eq!(block_on(run).unwrap().counters.done, 10);
    /// ```
    pub fn pause(&self) {
        self.stop(PAUSE);
    }

    /// Lets runs start tasks again.
    pub fn resume(&self) {
        self.shared.stop.fetch_and(!PAUSE, Ordering::AcqRel);
        self.announce();
    }

    /// Returns whether runs are kept from starting tasks.
    pub fn is_paused(&self) -> bool {
        self.shared.stop.load(Ordering::Acquire) & PAUSE != 0
    }

    fn stop(&self, bits: usize) {
        self.shared.stop.fetch_or(bits, Ordering::AcqRel);
        self.announce();
    }

    /// Sets the maximum number of tasks in flight, from now on. A smaller limit interrupts no task: none starts until fewer are
    /// in flight.
    ///
    /// # Errors
    /// [`ConfigError::ZeroLimit`] for 0; the limit stays what it was.
    pub fn set_limit(&self, limit: impl Limit) -> Result<(), ConfigError> {
        let limit = at_least_one(limit, ConfigError::ZeroLimit)?;
        self.shared.limit.store(limit.get(), Ordering::Release);
        self.announce();
        Ok(())
    }

    /// Replaces the configuration, except for the pattern and the seed. What has begun goes on as it began: a timeout that is
    /// running, a retry that waits, a batch that is open.
    ///
    /// Other callers of this are waited for, for as long as it takes to copy a configuration: not for interrupt handlers,
    /// which may set the limit.
    ///
    /// # Errors
    /// [`ConfigError`] when a limit in it is 0; the configuration stays what it was.
    pub fn set_config(&self, config: &Config) -> Result<(), ConfigError> {
        config.check()?;
        self.shared.config.set(*config);
        self.shared.limit.store(config.limit, Ordering::Release);
        self.shared.config_version.fetch_add(1, Ordering::AcqRel);
        self.announce();
        Ok(())
    }

    fn announce(&self) {
        self.shared.changes.fetch_add(1, Ordering::AcqRel);
        self.shared.changed.notify(usize::MAX);
    }

    /// Returns the number of changes of any kind. A run that has seen the same number before need not look further.
    #[inline]
    pub(crate) fn changes(&self) -> usize {
        self.shared.changes.load(Ordering::Acquire)
    }

    /// Whether the limit or the configuration is not the one that a run knows.
    pub(crate) fn has_changed(&self, version: usize, limit: NonZeroUsize) -> bool {
        self.limit().is_some_and(|wanted| wanted != limit)
            || self.shared.config_version.load(Ordering::Acquire) != version
    }

    /// Returns the configuration and its version, if it is later than `version`. One that is being replaced at this moment is
    /// announced afterwards.
    pub(crate) fn config_after(&self, version: usize) -> Option<(usize, Config)> {
        let config = self.shared.config.get()?;
        let latest = self.shared.config_version.load(Ordering::Acquire);
        (latest != version).then_some((latest, config))
    }

    /// Returns whether a drain or an abort was asked for.
    pub fn is_draining(&self) -> bool {
        self.wanted() != Stop::No
    }

    pub(crate) fn wanted(&self) -> Stop {
        match self.shared.stop.load(Ordering::Acquire) & !PAUSE {
            0 => Stop::No,
            DRAIN => Stop::Drain,
            _ => Stop::Abort,
        }
    }

    pub(crate) fn limit(&self) -> Option<NonZeroUsize> {
        NonZeroUsize::new(self.shared.limit.load(Ordering::Acquire))
    }

    pub(crate) fn listen(&self) -> EventListener {
        self.shared.changed.listen()
    }
}
