//! What tasks are spawned into: the group itself, for its body, and handles to it, for everybody else.

use alloc::{boxed::Box, collections::VecDeque, rc::Rc, rc::Weak};
use core::{
    cell::{Cell, RefCell},
    fmt,
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use super::{
    child::{Child, Children},
    outcome::TaskName,
};
use crate::{
    scope::{Full, Permit, Permits},
    sync::Ticket,
};

/// The number of tasks spawned by handles that may wait for a permit.
const OVERFLOW: usize = 1_000_000;

pub(super) type Task<'env, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + 'env>>;

/// A task that was spawned and is not started.
pub(super) struct Spawned<'env, T, E> {
    pub(super) name: TaskName,
    pub(super) task: Task<'env, T, E>,
    pub(super) place: usize,
}

/// What a group has in common with its handles.
pub(super) struct Shared<'env, T, E> {
    /// With their permits.
    pub(super) permitted: RefCell<VecDeque<(Spawned<'env, T, E>, Permit)>>,
    /// Without: spawned by handles.
    pub(super) waiting: RefCell<VecDeque<Spawned<'env, T, E>>>,
    pub(super) children: Rc<Children>,
    pub(super) keeps_results: Cell<bool>,
    pub(super) is_cancelled: Cell<bool>,
}

impl<'env, T, E> Shared<'env, T, E> {
    fn spawned(&self, name: TaskName, task: Task<'env, T, E>) -> (Spawned<'env, T, E>, Child) {
        let child = self.children.add();
        (Spawned { name, task, place: child.place() }, child)
    }

    fn add_permitted(&self, name: TaskName, task: Task<'env, T, E>, permit: Permit) -> Child {
        let (spawned, child) = self.spawned(name, task);
        self.permitted.borrow_mut().push_back((spawned, permit));
        self.children.wake();
        child
    }

    /// Adds a task that is going to wait for its permit, or be listed as cancelled if there will be none.
    fn add_waiting(&self, name: TaskName, task: Task<'env, T, E>) -> Child {
        let (spawned, child) = self.spawned(name, task);
        self.waiting.borrow_mut().push_back(spawned);
        self.children.wake();
        child
    }

    fn cancel(&self) {
        self.is_cancelled.set(true);
        self.children.wake();
    }
}

/// The group that the body of a [`task_group`](crate::task_group) spawns tasks into.
pub struct Group<'env, T, E> {
    permits: Permits,
    pub(super) shared: Rc<Shared<'env, T, E>>,
}

impl<'env, T, E> Group<'env, T, E> {
    pub(super) fn new(permits: Permits) -> Self {
        let shared = Shared {
            permitted: RefCell::default(),
            waiting: RefCell::default(),
            children: Rc::default(),
            keeps_results: Cell::new(true),
            is_cancelled: Cell::new(false),
        };
        Self { permits, shared: Rc::new(shared) }
    }

    /// Waits for a permit, then spawns a task under this name, which need not be the only one of that name. Permits go to those who
    /// spawn in the order in which they were first polled.
    ///
    /// The task may borrow what lives longer than the group, and is first polled when the body waits or ends; if the
    /// body fails before, it is never polled. When the group was [cancelled](Self::cancel) or its permits are closed, the task is not
    /// started and counts as cancelled.
    ///
    /// # Cancel safety
    /// Dropping the future while it waits drops the task that was to be spawned.
    pub fn spawn<F>(&self, name: impl Into<TaskName>, task: F) -> SpawnNamed<'_, 'env, T, E>
    where
        F: Future<Output = Result<T, E>> + 'env,
    {
        let task: Task<'env, T, E> = Box::pin(task);
        SpawnNamed { group: self, child: Some((name.into(), task)), ticket: None }
    }

    /// Spawns a task if there is a permit now.
    ///
    /// # Errors
    /// [`Full`] gives the future back.
    ///
    /// # Examples
    /// ```
    /// # use core::future::ready;
    /// # use futures_lite::future::block_on;
    /// let output = block_on(fourfold::task_group(1, async |group| {
    ///     let first = group.try_spawn("first", ready(Ok(1)));
    ///     let second = group.try_spawn("second", ready(Ok(2)));
    ///     assert!(first.is_ok() && second.is_err());
    ///     Ok::<_, String>(())
    /// }));
    /// assert_eq!(output.unwrap().results.len(), 1);
    /// ```
    pub fn try_spawn<F>(&self, name: impl Into<TaskName>, task: F) -> Result<Child, Full<F>>
    where
        F: Future<Output = Result<T, E>> + 'env,
    {
        match self.permits.try_acquire() {
            Some(permit) => Ok(self.spawn_with(permit, name, task)),
            None => Err(Full(task)),
        }
    }

    /// Spawns a task with a permit that was taken before, and that is released when the task has ended.
    ///
    /// # Examples
    /// ```
    /// # use futures_lite::future::block_on;
    /// let output = block_on(fourfold::task_group(1, async |group| {
    ///     let permit = group.permits().acquire().await.unwrap();
    ///     let what = "what is to be done is decided only when there is room for it";
    ///     group.spawn_with(permit, "task", async move { Ok(what.len()) });
    ///     Ok::<_, String>(())
    /// }));
    /// assert_eq!(output.unwrap().get("task"), Some(&60));
    /// ```
    pub fn spawn_with<F>(&self, permit: Permit, name: impl Into<TaskName>, task: F) -> Child
    where
        F: Future<Output = Result<T, E>> + 'env,
    {
        self.shared.add_permitted(name.into(), Box::pin(task), permit)
    }

    /// Makes a handle that tasks of the group can spawn more tasks by.
    pub fn handle(&self) -> GroupHandle<'env, T, E> {
        GroupHandle { shared: Rc::downgrade(&self.shared) }
    }

    /// Ends the group early, with success: all tasks are dropped, no more are started, and the group ends when its body has
    /// returned.
    ///
    /// # Examples
    /// ```
    /// # use core::future::pending;
    /// # use futures_lite::future::block_on;
    /// let output = block_on(fourfold::task_group(2, async |group| {
    ///     group.spawn("slow", pending()).await;
    ///     let fast = group.spawn("fast", async { Ok("the answer") }).await;
    ///     fast.join().await; // one answer is enough
    ///     group.cancel();
    ///     Ok::<_, String>(())
    /// }))
    /// .unwrap();
    /// assert_eq!(output.get("fast"), Some(&"the answer"));
    /// assert_eq!(output.cancelled, ["slow"]);
    /// ```
    pub fn cancel(&self) {
        self.shared.cancel();
    }

    /// Sets whether the results of tasks that end from now on are kept for the end of the group. The default is that they
    /// are, with their names, which takes memory for each task that ends; a group that runs for long keeps none.
    ///
    /// # Examples
    /// ```
    /// # use futures_lite::future::block_on;
    /// let output = block_on(fourfold::task_group(2, async |group| {
    ///     group.keep_results(false);
    ///     for _ in 0..1000 {
    ///         group.spawn("request", async { Ok(()) }).await;
    ///     }
    ///     Ok::<_, String>(())
    /// }));
    /// assert!(output.unwrap().results.is_empty());
    /// ```
    pub fn keep_results(&self, keep: bool) {
        self.shared.keeps_results.set(keep);
    }

    /// Returns the permits that tasks are spawned with.
    pub fn permits(&self) -> &Permits {
        &self.permits
    }
}

impl<T, E> Drop for Group<'_, T, E> {
    /// The group has ended. Nobody waits for a task of it any more.
    fn drop(&mut self) {
        self.shared.children.end_all();
    }
}

impl<T, E> fmt::Debug for Group<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("permits", &self.permits).finish_non_exhaustive()
    }
}

/// A handle by which tasks of a group spawn more tasks. A clone spawns into the same group; once that has ended, it gives futures
/// back.
///
/// A spawn by a handle never waits. If it did, tasks that all wait to spawn would wait for ever, each with the permit that
/// another one needs. The spawned task waits for its permit instead.
///
/// ```
/// use fourfold::{scope::GroupHandle, task_group};
/// use futures_lite::future::{block_on, yield_now};
///
/// async fn count_down(group: GroupHandle<'_, u32, String>, n: u32) -> Result<u32, String> {
///     yield_now().await;
///     if n > 0 {
///         group.spawn("next", count_down(group.clone(), n - 1)).map_err(|error| error.to_string())?;
///     }
///     Ok(n)
/// }
///
/// let output = block_on(task_group(1, async |group| {
///     group.spawn("first", count_down(group.handle(), 9)).await;
///     Ok(())
/// }));
/// assert_eq!(output.unwrap().results.iter().map(|(_, n)| n).sum::<u32>(), 45);
/// ```
pub struct GroupHandle<'env, T, E> {
    shared: Weak<Shared<'env, T, E>>,
}

impl<T, E> Clone for GroupHandle<'_, T, E> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<'env, T, E> GroupHandle<'env, T, E> {
    /// Spawns a task, which starts when it has its permit.
    ///
    /// # Errors
    /// [`SpawnError::Full`] gives the future back when 1,000,000 tasks wait already, [`SpawnError::Ended`] when the group has
    /// ended or was cancelled.
    pub fn spawn<F>(&self, name: impl Into<TaskName>, task: F) -> Result<Child, SpawnError<F>>
    where
        F: Future<Output = Result<T, E>> + 'env,
    {
        let Some(shared) = self.shared.upgrade().filter(|shared| !shared.is_cancelled.get()) else {
            return Err(SpawnError::Ended(task));
        };
        if shared.waiting.borrow().len() >= OVERFLOW {
            return Err(SpawnError::Full(task));
        }
        Ok(shared.add_waiting(name.into(), Box::pin(task)))
    }

    /// Ends the group early, as [`Group::cancel`] does. The task that calls this is dropped when it waits next.
    pub fn cancel(&self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.cancel();
        }
    }
}

impl<T, E> fmt::Debug for GroupHandle<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupHandle").finish_non_exhaustive()
    }
}

/// The future of [`Group::spawn`].
#[must_use = "futures do nothing unless polled"]
pub struct SpawnNamed<'g, 'env, T, E> {
    group: &'g Group<'env, T, E>,
    child: Option<(TaskName, Task<'env, T, E>)>,
    ticket: Ticket,
}

impl<T, E> Future for SpawnNamed<'_, '_, T, E> {
    type Output = Child;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Child> {
        let SpawnNamed { group, child, ticket } = &mut *self;
        let permit =
            if group.shared.is_cancelled.get() { Poll::Ready(None) } else { group.permits.poll_acquire(ticket, cx) };
        let Poll::Ready(permit) = permit else { return Poll::Pending };
        let (name, task) = mem::take(child).expect("a future is not polled after it was ready");
        Poll::Ready(match permit {
            Some(permit) => group.shared.add_permitted(name, task, permit),
            None => group.shared.add_waiting(name, task),
        })
    }
}

impl<T, E> Drop for SpawnNamed<'_, '_, T, E> {
    #[inline]
    fn drop(&mut self) {
        self.group.permits.give_up(&mut self.ticket);
    }
}

impl<T, E> fmt::Debug for SpawnNamed<'_, '_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.child.as_ref().map(|(name, _)| name);
        f.debug_struct("SpawnNamed").field("name", &name).finish_non_exhaustive()
    }
}

/// A task was not spawned; here is its future, not polled yet.
pub enum SpawnError<F> {
    /// Too many tasks wait already.
    Full(F),
    /// The group has ended, or was cancelled.
    Ended(F),
}

impl<F> SpawnError<F> {
    /// Gives the future back.
    pub fn into_inner(self) -> F {
        match self {
            Self::Full(future) | Self::Ended(future) => future,
        }
    }
}

impl<F> fmt::Debug for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Ended(_) => "Ended(..)",
        })
    }
}

impl<F> fmt::Display for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "too many tasks of the group wait already",
            Self::Ended(_) => "the group has ended",
        })
    }
}

impl<F> core::error::Error for SpawnError<F> {}
