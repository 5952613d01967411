//! Faults that are injected into single tasks of a simulation.

use alloc::vec::Vec;
use core::{
    cell::RefCell,
    future::poll_fn,
    pin::pin,
    task::{Poll, Waker},
    time::Duration,
};

use crate::{
    clock::Clock,
    failure::Failure,
    sim::SyntheticTask,
    task::{Task, TaskId},
};

/// A fault of one attempt.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    Fail,
    Panic,
    Cancel,
    Slow(Duration),
}

/// The faults to come, and the wakers of the attempts that wait for them.
#[derive(Default)]
pub(super) struct Faults {
    /// In the order in which they were injected: they are few.
    faults: RefCell<Vec<(TaskId, Fault)>>,
    running: RefCell<Running>,
}

/// The running attempts, in places that are reused.
#[derive(Default)]
struct Running {
    places: Vec<Option<(TaskId, Waker)>>,
    free: Vec<usize>,
}

/// The place of a running attempt, given up when the attempt ends or is dropped.
struct Held<'a> {
    faults: &'a Faults,
    place: Option<usize>,
}

impl Faults {
    pub(super) fn inject(&self, task: TaskId, fault: Fault) {
        self.faults.borrow_mut().push((task, fault));
        let waker = {
            let running = self.running.borrow();
            let mut holders = running.places.iter().flatten().filter(|(running, _)| *running == task);
            holders.next().map(|(_, waker)| waker.clone())
        };
        // Woken when nothing is borrowed any more.
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Takes the next fault of a task.
    fn take(&self, task: TaskId) -> Option<Fault> {
        let mut faults = self.faults.borrow_mut();
        let place = faults.iter().position(|(injected, _)| *injected == task)?;
        Some(faults.remove(place).1)
    }

    /// Performs a task with its faults.
    pub(super) async fn perform<C: Clock>(&self, clock: &C, task: &Task<SyntheticTask>) -> Result<(), Failure> {
        let mut delay = Duration::ZERO;
        let mut held = Held { faults: self, place: None };
        let mut work = pin!(task.payload.perform(clock, task.attempt));
        let mut done = false;
        let mut longer = pin!(None::<C::Sleep>);
        poll_fn(|cx| {
            while let Some(fault) = self.take(task.id) {
                match fault {
                    Fault::Fail => return Poll::Ready(Err(Failure::transient("injected failure"))),
                    Fault::Panic => return Poll::Ready(Err(Failure::panicked("injected panic"))),
                    Fault::Cancel => return Poll::Ready(Err(Failure::cancelled("cancelled"))),
                    Fault::Slow(by) => delay += by,
                }
            }
            loop {
                let poll = match longer.as_mut().as_pin_mut() {
                    Some(longer) => longer.poll(cx).map(Ok),
                    None if done => Poll::Ready(Ok(())),
                    None => work.as_mut().poll(cx),
                };
                match poll {
                    Poll::Ready(Ok(())) if delay > Duration::ZERO => {
                        done = true;
                        longer.set(Some(clock.sleep(core::mem::take(&mut delay))));
                    }
                    Poll::Pending => {
                        held.hold(task.id, cx.waker());
                        return Poll::Pending;
                    }
                    ready => return ready,
                }
            }
        })
        .await
    }
}

impl Held<'_> {
    fn hold(&mut self, task: TaskId, waker: &Waker) {
        let mut running = self.faults.running.borrow_mut();
        let running = &mut *running;
        let place = *self.place.get_or_insert_with(|| {
            running.free.pop().unwrap_or_else(|| {
                running.places.push(None);
                running.places.len() - 1
            })
        });
        match &mut running.places[place] {
            Some((_, held)) => held.clone_from(waker),
            free => *free = Some((task, waker.clone())),
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let Some(place) = self.place else { return };
        let waker = {
            let mut running = self.faults.running.borrow_mut();
            running.free.push(place);
            running.places[place].take()
        };
        // Dropped when nothing is borrowed any more.
        drop(waker);
    }
}
