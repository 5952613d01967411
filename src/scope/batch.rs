//! Batch after batch, each under a semaphore.

use alloc::{vec, vec::Vec};
use core::{
    future::{Future, poll_fn},
    iter::Peekable,
    mem,
    task::{Context, Poll},
};

use super::line::Room;
use crate::{
    config::{ConfigError, Limit, at_least_one},
    executor::{Budget, Executor, Start},
    scope::{Permit, Permits},
};

/// Maps inputs to results, in the order of the inputs, at most `limit` at a time.
///
/// A failure is a result like any other and stops nothing. Inputs are taken from their iterator one at a time, as there are
/// permits, and no more than one ahead. A panic in the handler passes through and drops the rest of the batch; so does dropping the batch.
///
/// ```
/// use futures_lite::future::block_on;
///
/// let results = block_on(fourfold::batch(2, ["1", "2", "three"], async |text| text.parse::<u32>()))?;
/// assert_eq!(results[..2], [Ok(1), Ok(2)]);
/// assert!(results[2].is_err());
/// # Ok::<_, fourfold::config::ConfigError>(())
/// ```
///
/// # Errors
/// [`ConfigError::ZeroLimit`] when the limit is 0.
pub async fn batch<I, O>(
    limit: impl Limit,
    inputs: I,
    handler: impl AsyncFn(I::Item) -> O,
) -> Result<Vec<O>, ConfigError>
where
    I: IntoIterator,
{
    let limit = at_least_one(limit, ConfigError::ZeroLimit)?;
    let mut batch = Batch::new(limit.get(), None, inputs, |input, _| handler(input));
    Ok(batch.outputs().await)
}

/// Maps inputs to results as [`batch`] does, with permits that are shared with others, or whose limit changes on the way.
///
/// When the permits are closed, no more inputs are taken: the results are those of the inputs that were started.
///
/// ```
/// use fourfold::{Permits, scope::batch_with};
/// use futures_lite::future::{block_on, yield_now, zip};
///
/// let permits = Permits::new(3);
/// let work = async |n: u32| {
///     yield_now().await;
///     assert!(permits.held() <= 3, "in both batches together");
///     n * n
/// };
/// let (low, high) = block_on(zip(batch_with(&permits, 0..5, work), batch_with(&permits, 5..9, work)));
/// assert_eq!((low, high), (vec![0, 1, 4, 9, 16], vec![25, 36, 49, 64]));
/// ```
pub async fn batch_with<I, O>(permits: &Permits, inputs: I, handler: impl AsyncFn(I::Item) -> O) -> Vec<O>
where
    I: IntoIterator,
{
    let handler = &handler;
    let make = |input, permit| async move {
        let output = handler(input).await;
        drop::<Option<Permit>>(permit);
        output
    };
    Batch::new(usize::MAX, Some(permits), inputs, make).outputs().await
}

struct Batch<I: Iterator, M, F: Future> {
    inputs: Peekable<I>,
    make: M,
    tasks: Executor<F>,
    room: Room,
    /// Which output the task in each slot is to give.
    places: Vec<usize>,
    outputs: Vec<Option<F::Output>>,
    budget: Budget,
}

impl<I, M, F> Batch<I, M, F>
where
    I: Iterator,
    M: Fn(I::Item, Option<Permit>) -> F,
    F: Future,
{
    fn new(limit: usize, permits: Option<&Permits>, inputs: impl IntoIterator<IntoIter = I>, make: M) -> Self {
        let tasks = Executor::new();
        let room = Room::new(limit, permits, &tasks);
        Self {
            inputs: inputs.into_iter().peekable(),
            make,
            tasks,
            room,
            places: vec![],
            outputs: vec![],
            budget: Budget::default(),
        }
    }

    async fn outputs(&mut self) -> Vec<F::Output> {
        poll_fn(|cx| self.poll(cx)).await;
        mem::take(&mut self.outputs).into_iter().flatten().collect()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let inside = self.tasks.gate().enter(cx);
        self.budget.renew(&inside);
        loop {
            let mut went_on = self.start();
            self.room.keep_up();
            if self.tasks.begin_tick() {
                went_on = true;
                let (outputs, places) = (&mut self.outputs, &self.places);
                self.tasks.tick(&mut self.budget, |slot, output| outputs[places[slot]] = Some(output));
            }
            if self.tasks.is_empty() && (self.room.is_closed() || self.inputs.peek().is_none()) {
                return Poll::Ready(());
            }
            if self.budget.is_spent() {
                // The gate wakes for what is ready; what could start is known only here.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !went_on {
                return Poll::Pending;
            }
        }
    }

    /// Starts what there are permits for.
    fn start(&mut self) -> bool {
        let mut started = false;
        self.room.look();
        // Looks ahead, so as not to wait for a permit with nothing to spend it on.
        while !self.budget.is_spent()
            && self.inputs.peek().is_some()
            && let Some(permit) = self.room.permit(self.tasks.len())
            && let Some(input) = self.inputs.next()
        {
            let (slot, place) = (self.tasks.next_slot(), self.outputs.len());
            self.outputs.push(None);
            if slot == self.places.len() {
                self.places.push(place);
            }
            self.places[slot] = place;
            if let Start::Finished(output) = self.tasks.start((self.make)(input, permit)) {
                self.outputs[place] = Some(output);
            }
            self.budget.spend();
            started = true;
        }
        started
    }
}
