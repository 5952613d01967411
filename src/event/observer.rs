//! What receives the events of a run.

use super::Event;

/// A receiver of the events of a run, called while the run is polled.
///
/// An observer runs on the run's thread: whatever it takes, the run waits for.
///
/// ```
/// use core::convert::Infallible;
/// use fourfold::{MemorySource, Run, Task, event::{EventKind, observer_fn}};
/// use futures_lite::future::block_on;
///
/// let source = MemorySource::new(0..3_u8);
/// let mut started = Vec::new();
/// let observer = observer_fn(|event| {
///     if let EventKind::Started { task, .. } = event.kind {
///         started.push(task.0);
///     }
/// });
/// let run = Run::new(&source, async |_: &Task<u8>| Ok::<_, Infallible>(())).observer(observer);
/// block_on(run.into_future()).unwrap();
/// assert_eq!(started, [0, 1, 2]);
/// ```
pub trait Observer {
    /// Whether the observer looks at events at all. A run makes no events for an observer that does
    /// not.
    const ACTIVE: bool = true;

    /// Receives an event of the run.
    fn event(&mut self, event: &Event<&str>);
}

/// Ignores all events, at no cost.
impl Observer for () {
    const ACTIVE: bool = false;

    fn event(&mut self, _: &Event<&str>) {}
}

impl<O: Observer + ?Sized> Observer for &mut O {
    const ACTIVE: bool = O::ACTIVE;

    fn event(&mut self, event: &Event<&str>) {
        (**self).event(event);
    }
}

/// Hands every event to both observers, to the first one first.
impl<A: Observer, B: Observer> Observer for (A, B) {
    const ACTIVE: bool = A::ACTIVE || B::ACTIVE;

    fn event(&mut self, event: &Event<&str>) {
        self.0.event(event);
        self.1.event(event);
    }
}

/// Makes an observer that calls `f` with every event.
pub fn observer_fn<F: FnMut(&Event<&str>)>(f: F) -> ObserverFn<F> {
    ObserverFn { f }
}

/// A closure as an observer, made by [`observer_fn`].
#[derive(Clone, Copy)]
pub struct ObserverFn<F> {
    f: F,
}

impl<F: FnMut(&Event<&str>)> Observer for ObserverFn<F> {
    fn event(&mut self, event: &Event<&str>) {
        (self.f)(event);
    }
}

impl<F> core::fmt::Debug for ObserverFn<F> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ObserverFn").finish_non_exhaustive()
    }
}
