//! A bound on what a source hands out before earlier tasks are through.

use alloc::rc::Rc;
use core::{cell::Cell, num::NonZeroUsize, task::Context};

use crate::sync::MultiWakerRegistration;

/// A bound on the tasks that a source has handed out and that are not through. What "through" means is
/// for the program to say: it calls [`advance`](Self::advance) for each task. Tasks that come back to
/// the source are handed out whatever the bound is: they have their places.
///
/// A program that writes results in the order of the input bounds with it how many of them wait for
/// their turn. Clones are the same window.
///
/// ```
/// use core::{convert::Infallible, num::NonZeroUsize};
/// use fourfold::{Run, Task, source::{Json, JsonLines, Window}};
/// use futures_lite::future::block_on;
///
/// let window = Window::new(NonZeroUsize::MIN);
/// let source = JsonLines::new(&b"1\n2\n3"[..], std::io::sink()).window(&window);
/// let one_at_a_time = async |_: &Task<Json>| {
///     window.advance();
///     Ok::<_, Infallible>(())
/// };
/// assert_eq!(block_on(Run::new(&source, one_at_a_time).into_future()).unwrap().counters.done, 3);
/// ```
#[derive(Clone, Debug)]
pub struct Window(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    room: Cell<usize>,
    is_held: Cell<bool>,
    changed: MultiWakerRegistration,
}

impl Window {
    /// Makes a window of at most `size` tasks.
    pub fn new(size: NonZeroUsize) -> Self {
        let (room, is_held) = (Cell::new(size.get()), Cell::new(false));
        Self(Rc::new(Inner { room, is_held, changed: MultiWakerRegistration::default() }))
    }

    /// Notes that a task is through: the source may hand out one more.
    pub fn advance(&self) {
        self.0.room.set(self.0.room.get().saturating_add(1));
        self.0.changed.notify();
    }

    /// Keeps the source from handing out new tasks, however much room there is, or no longer does.
    pub fn hold(&self, is_held: bool) {
        if self.0.is_held.replace(is_held) != is_held {
            self.0.changed.notify();
        }
    }

    /// Returns whether the source may hand out a new task.
    pub(super) fn is_open(&self) -> bool {
        self.0.room.get() > 0 && !self.0.is_held.get()
    }

    /// Takes the room of a task.
    pub(super) fn take(&self) {
        self.0.room.set(self.0.room.get().saturating_sub(1));
    }

    /// Registers the waker of `cx` for the next change.
    pub(super) fn wait(&self, cx: &Context<'_>) {
        self.0.changed.wait(cx);
    }
}
