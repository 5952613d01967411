//! A handle on runs that go on.

use alloc::sync::Arc;
use core::{
    num::NonZeroUsize,
    sync::atomic::{AtomicUsize, Ordering},
};

use async_lock::Mutex;
use event_listener::{Event, EventListener};

use crate::config::Config;

const DRAIN: usize = 1;
const ABORT: usize = 2;

/// Drains or aborts a run, or changes its limit, from wherever: a handler, a signal, another thread. Clones control the same runs.
///
/// ```
/// use core::convert::Infallible;
/// use fourfold::{Control, MemorySource, Run, Task};
/// use futures_lite::future::block_on;
///
/// let control = Control::new();
/// let source = MemorySource::new((), 0..1000);
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
    /// 0: as configured.
    limit: AtomicUsize,
    /// How often the configuration was changed.
    config_version: AtomicUsize,
    config: Mutex<Option<Config>>,
    /// How often anything was changed: who has seen this number has nothing to learn.
    changes: AtomicUsize,
    changed: Event,
}

/// How a run was told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    No,
    Drain,
    Abort,
}

impl Control {
    /// A handle on no run yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing new is claimed; what has started is finished; what was only claimed is given back.
    pub fn drain(&self) {
        self.stop(DRAIN);
    }

    /// Handlers are dropped and their deliveries given back.
    pub fn abort(&self) {
        self.stop(DRAIN | ABORT);
    }

    fn stop(&self, bits: usize) {
        self.shared.stop.fetch_or(bits, Ordering::AcqRel);
        self.announce();
    }

    /// From now on so many tasks may be in flight. A smaller limit interrupts nobody: no task is started until fewer are in flight.
    pub fn set_limit(&self, limit: NonZeroUsize) {
        self.shared.limit.store(limit.get(), Ordering::Release);
        self.announce();
    }

    /// From now on the run goes by this configuration; its pattern and its seed stay what they are. What has begun goes on as it
    /// began: a timeout that is running, a retry that waits, a batch that is open.
    ///
    /// Other callers of this are waited for, for as long as it takes to copy a configuration: not for interrupt handlers,
    /// which may set the limit.
    pub fn set_config(&self, config: &Config) {
        let mut place = loop {
            match self.shared.config.try_lock() {
                Some(place) => break place,
                None => core::hint::spin_loop(),
            }
        };
        *place = Some(*config);
        self.shared.limit.store(config.limit.get(), Ordering::Release);
        self.shared.config_version.fetch_add(1, Ordering::AcqRel);
        // Unlocked first: whoever sees the change can read it.
        drop(place);
        self.announce();
    }

    fn announce(&self) {
        self.shared.changes.fetch_add(1, Ordering::AcqRel);
        self.shared.changed.notify(usize::MAX);
    }

    /// Returns how often anything was changed. A run that saw the same number before need not look further.
    #[inline]
    pub(crate) fn changes(&self) -> usize {
        self.shared.changes.load(Ordering::Acquire)
    }

    /// Whether the limit or the configuration is another one than a run knows.
    pub(crate) fn has_changed(&self, version: usize, limit: NonZeroUsize) -> bool {
        self.limit().is_some_and(|wanted| wanted != limit)
            || self.shared.config_version.load(Ordering::Acquire) != version
    }

    /// The configuration and its version, when it is a later one. Should it be changing right now, the change tells of itself.
    pub(crate) fn config_after(&self, version: usize) -> Option<(usize, Config)> {
        let config = (*self.shared.config.try_lock()?)?;
        let latest = self.shared.config_version.load(Ordering::Acquire);
        (latest != version).then_some((latest, config))
    }

    /// Whether a drain or an abort was asked for.
    pub fn is_draining(&self) -> bool {
        self.wanted() != Stop::No
    }

    pub(crate) fn wanted(&self) -> Stop {
        match self.shared.stop.load(Ordering::Acquire) {
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
