//! Tasks that succeed or fail together.

mod outcome;

use alloc::{boxed::Box, collections::VecDeque, vec::Vec};
use core::{
    cell::RefCell,
    fmt,
    future::{Future, poll_fn},
    mem,
    pin::Pin,
    task::{Context, Poll},
};

pub use self::outcome::{GroupError, GroupFailure, GroupOutput, TaskName};
use super::Full;
use crate::{
    config::Limit,
    executor::{Budget, Executor, Start},
    scope::{Acquire, Permit, Permits},
};

/// Tasks that succeed or fail together, at most `limit` at a time: `body` spawns them, and the group ends when all of them
/// and the body have.
///
/// The first failure, the body's included, cancels everything else: siblings and body are dropped once all that was ready in the same turn
/// has been polled, and every failure is kept. A panic in a task or in the body passes through and drops the rest; so does
/// dropping the group. Nothing outlives it.
///
/// ```
/// use fourfold::task_group;
/// use futures_lite::future::{block_on, yield_now};
///
/// let prices = [("apple", 3), ("pear", 4)];
/// let output = block_on(task_group(2, async |group| {
///     for (name, price) in &prices {
///         group.spawn(*name, async move { Ok(price * 2) }).await; // waits while two are running
///     }
///     group.spawn("tax", async { yield_now().await; Ok(1) }).await; // another type of future
///     Ok::<_, String>("shop")
/// }))
/// .unwrap();
/// assert_eq!(output.value, "shop");
/// assert_eq!(output.results, [("apple".into(), 6), ("pear".into(), 8), ("tax".into(), 1)]);
///
/// let error = block_on(task_group(2, async |group| {
///     group.spawn("quick", async { Ok(1) }).await;
///     group.spawn("stuck", core::future::pending()).await;
///     group.spawn("broken", async { Err("no such fruit") }).await;
///     Ok(())
/// }))
/// .unwrap_err();
/// assert_eq!(error.to_string(), "the group failed (1 failure): broken: no such fruit");
/// assert_eq!(error.results, [("quick".into(), 1)]);
/// assert_eq!(error.cancelled, ["stuck"]);
/// ```
///
/// # Errors
/// [`GroupError`] with every failure, what had finished by then, and what was cancelled; with none of these when the limit is 0.
pub async fn task_group<'env, T, E, R>(
    limit: impl Limit,
    body: impl AsyncFnOnce(&Group<'env, T, E>) -> Result<R, E>,
) -> Result<GroupOutput<T, R>, GroupError<T, E>> {
    if limit.get() == 0 {
        return Err(GroupError::zero_limit());
    }
    task_group_with(&Permits::new(limit), body).await
}

/// [`task_group`] with permits that are shared with others, or whose limit changes on the way.
///
/// ```
/// use fourfold::{Permits, scope::task_group_with};
/// use futures_lite::future::block_on;
///
/// let permits = Permits::new(2);
/// let held = permits.try_acquire();
/// let output = block_on(task_group_with(&permits, async |group| {
///     group.spawn("task", async { Ok(permits.held()) }).await;
///     Ok::<_, String>(())
/// }));
/// assert_eq!(output.unwrap().get("task"), Some(&2));
/// # drop(held);
/// ```
///
/// # Errors
/// As [`task_group`].
pub async fn task_group_with<'env, T, E, R>(
    permits: &Permits,
    body: impl AsyncFnOnce(&Group<'env, T, E>) -> Result<R, E>,
) -> Result<GroupOutput<T, R>, GroupError<T, E>> {
    let group = Group { permits: permits.clone(), spawned: RefCell::default() };
    let mut engine = Engine::new(&group);
    engine.body.spawn(body(&group));
    poll_fn(|cx| engine.poll(cx)).await
}

/// What the body of a [`task_group`] spawns tasks into.
pub struct Group<'env, T, E> {
    permits: Permits,
    /// Spawned, with their permits, and not polled yet.
    spawned: RefCell<VecDeque<Child<'env, T, E>>>,
}

type Task<'env, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + 'env>>;

struct Child<'env, T, E> {
    name: TaskName,
    task: Task<'env, T, E>,
    permit: Permit,
}

impl<'env, T, E> Group<'env, T, E> {
    /// Waits for a permit, then spawns a task under this name, which need not be the only one of that name. Permits go to those who
    /// spawn in the order in which they were first polled.
    ///
    /// The task may borrow what lives longer than the group, and is first polled when the body waits or ends. Dropping
    /// the future while it waits drops the task that was to be spawned.
    pub fn spawn<F>(&self, name: impl Into<TaskName>, task: F) -> SpawnNamed<'_, 'env, T, E>
    where
        F: Future<Output = Result<T, E>> + 'env,
    {
        let task: Task<'env, T, E> = Box::pin(task);
        SpawnNamed { group: self, child: Some((name.into(), task)), permit: self.permits.acquire() }
    }

    /// Spawns a task if there is a permit now.
    ///
    /// # Errors
    /// [`Full`] gives the future back.
    ///
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
    pub fn try_spawn<F>(&self, name: impl Into<TaskName>, task: F) -> Result<(), Full<F>>
    where
        F: Future<Output = Result<T, E>> + 'env,
    {
        match self.permits.try_acquire() {
            Some(permit) => {
                self.add(Child { name: name.into(), task: Box::pin(task), permit });
                Ok(())
            }
            None => Err(Full(task)),
        }
    }

    fn add(&self, child: Child<'env, T, E>) {
        self.spawned.borrow_mut().push_back(child);
    }

    /// The permits that tasks are spawned with.
    pub fn permits(&self) -> &Permits {
        &self.permits
    }
}

impl<T, E> fmt::Debug for Group<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("permits", &self.permits).finish_non_exhaustive()
    }
}

/// The future of [`Group::spawn`].
#[must_use = "futures do nothing unless polled"]
pub struct SpawnNamed<'g, 'env, T, E> {
    group: &'g Group<'env, T, E>,
    child: Option<(TaskName, Task<'env, T, E>)>,
    permit: Acquire,
}

impl<T, E> Future for SpawnNamed<'_, '_, T, E> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.permit).poll(cx).map(|permit| {
            if let (Ok(permit), Some((name, task))) = (permit, self.child.take()) {
                self.group.add(Child { name, task, permit });
            }
        })
    }
}

impl<T, E> fmt::Debug for SpawnNamed<'_, '_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.child.as_ref().map(|(name, _)| name);
        f.debug_struct("SpawnNamed").field("name", &name).finish_non_exhaustive()
    }
}

/// A task and its permit. The permit is the last to go.
struct Permitted<'env, T, E> {
    task: Task<'env, T, E>,
    _permit: Permit,
}

impl<T, E> Future for Permitted<'_, T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.task.as_mut().poll(cx)
    }
}

struct Engine<'g, 'env, T, E, R, B: Future> {
    group: &'g Group<'env, T, E>,
    tasks: Executor<Permitted<'env, T, E>>,
    body: Executor<B>,
    value: Option<R>,
    /// Of the task in each slot.
    names: Vec<TaskName>,
    results: Vec<(TaskName, T)>,
    failures: Vec<GroupFailure<E>>,
    budget: Budget,
}

impl<'g, 'env, T, E, R, B: Future<Output = Result<R, E>>> Engine<'g, 'env, T, E, R, B> {
    fn new(group: &'g Group<'env, T, E>) -> Self {
        let tasks = Executor::new();
        let body = tasks.sibling();
        let (names, results, failures) = (Vec::new(), Vec::new(), Vec::new());
        Self { group, tasks, body, value: None, names, results, failures, budget: Budget::default() }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<GroupOutput<T, R>, GroupError<T, E>>> {
        let inside = self.tasks.gate().enter(cx);
        self.budget.renew(&inside);
        loop {
            let went_on = self.turn();
            if !self.failures.is_empty() {
                return Poll::Ready(Err(self.cancel()));
            }
            if self.tasks.is_empty()
                && let Some(value) = self.value.take()
            {
                return Poll::Ready(Ok(GroupOutput { value, results: mem::take(&mut self.results) }));
            }
            if !went_on || self.budget.is_spent() {
                // Nothing can be started but by the body, so the gate knows of all there is to do.
                return Poll::Pending;
            }
        }
    }

    fn turn(&mut self) -> bool {
        let mut went_on = false;
        if self.body.begin_tick() {
            went_on = true;
            match self.body.next_in_tick(&mut self.budget) {
                Some((_, Ok(value))) => self.value = Some(value),
                Some((_, Err(error))) => self.failures.push(GroupFailure { name: None, error }),
                None => {}
            }
            self.start();
        }
        if self.tasks.begin_tick() {
            went_on = true;
            while let Some((slot, result)) = self.tasks.next_in_tick(&mut self.budget) {
                self.ended(slot, result);
            }
            if !self.failures.is_empty() {
                // Those that were ready beside it have a failure of their own to tell, however many they are.
                while let Some((slot, result)) = self.tasks.next_in_tick(&mut Budget::new(usize::MAX)) {
                    self.ended(slot, result);
                }
            }
        }
        went_on
    }

    /// Starts what the body has spawned. All have their permits, so they are no more than the limit.
    fn start(&mut self) {
        loop {
            let next = self.group.spawned.borrow_mut().pop_front();
            let Some(Child { name, task, permit }) = next else { return };
            let slot = self.tasks.next_slot();
            if slot == self.names.len() {
                self.names.push(name);
            } else {
                self.names[slot] = name;
            }
            self.budget.spend();
            if let Start::Finished(result) = self.tasks.start(Permitted { task, _permit: permit }) {
                self.ended(slot, result);
            }
        }
    }

    fn ended(&mut self, slot: usize, result: Result<T, E>) {
        let name = mem::take(&mut self.names[slot]);
        match result {
            Ok(result) => self.results.push((name, result)),
            Err(error) => self.failures.push(GroupFailure { name: Some(name), error }),
        }
    }

    /// Drops what is left: the body first, then whatever it may have spawned while it was dropped, too.
    fn cancel(&mut self) -> GroupError<T, E> {
        self.body.clear();
        let mut cancelled = Vec::new();
        for (slot, name) in self.names.iter_mut().enumerate() {
            if self.tasks.cancel(slot) {
                cancelled.push(mem::take(name));
            }
        }
        cancelled.extend(self.group.spawned.take().into_iter().map(|child| child.name));
        let (failures, results) = (mem::take(&mut self.failures), mem::take(&mut self.results));
        GroupError { failures, results, cancelled }
    }
}
