//! Tasks that succeed or fail together.

mod child;
mod engine;
mod group;
mod outcome;

use core::future::poll_fn;

use self::engine::Engine;
pub use self::{
    child::Child,
    group::{Group, GroupHandle, SpawnError, SpawnNamed},
    outcome::{GroupError, GroupFailure, GroupOutput, TaskName},
};
use crate::{config::Limit, scope::Permits};

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

/// Runs a [`task_group`] with permits that are shared with others, or whose limit changes on the way.
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
    let group = Group::new(permits.clone());
    let mut engine = Engine::new(&group, body(&group));
    poll_fn(|cx| engine.poll(cx)).await
}
