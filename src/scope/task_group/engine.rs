//! The turns of a group.

use alloc::vec::Vec;
use core::{
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use super::{
    child::Stage,
    group::{Group, Spawned, Task},
    outcome::{GroupError, GroupFailure, GroupOutput, TaskName},
};
use crate::{
    executor::{Budget, Executor, Start},
    scope::{Permit, line::Line},
};

/// A task and its permit. The permit is the last to go.
struct Permitted<'env, T, E> {
    task: Task<'env, T, E>,
    _permit: Permit,
}

impl<T, E> Future for Permitted<'_, T, E> {
    type Output = Result<T, E>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.task.as_mut().poll(cx)
    }
}

/// The slot of the body.
const BODY: usize = 0;

pub(super) struct Engine<'g, 'env, T, E, R, B: Future> {
    group: &'g Group<'env, T, E>,
    tasks: Executor<Permitted<'env, T, E>>,
    body: Executor<B>,
    /// For the tasks that handles have spawned.
    line: Line,
    value: Option<R>,
    /// The name of the task in each slot, and its place among the children.
    slots: Vec<(TaskName, usize)>,
    results: Vec<(TaskName, T)>,
    failures: Vec<GroupFailure<E>>,
    cancelled: Vec<TaskName>,
    /// The body knows that the group was cancelled.
    body_knows: bool,
    budget: Budget,
}

impl<'g, 'env, T, E, R, B: Future<Output = Result<R, E>>> Engine<'g, 'env, T, E, R, B> {
    pub(super) fn new(group: &'g Group<'env, T, E>, body: B) -> Self {
        let tasks = Executor::new();
        let mut engine = Self {
            group,
            body: tasks.sibling(),
            line: Line::new(group.permits().clone(), &tasks),
            tasks,
            value: None,
            slots: Vec::new(),
            results: Vec::new(),
            failures: Vec::new(),
            cancelled: Vec::new(),
            body_knows: false,
            budget: Budget::default(),
        };
        engine.body.spawn(body);
        engine
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<GroupOutput<T, R>, GroupError<T, E>>> {
        let children = &self.group.shared.children;
        children.register(cx);
        children.is_polled.set(true);
        let poll = self.turns(cx);
        self.group.shared.children.is_polled.set(false);
        poll
    }

    fn turns(&mut self, cx: &mut Context<'_>) -> Poll<Result<GroupOutput<T, R>, GroupError<T, E>>> {
        let inside = self.tasks.gate().enter(cx);
        self.budget.renew(&inside);
        loop {
            let went_on = self.turn();
            if !self.failures.is_empty() {
                return Poll::Ready(Err(self.fail()));
            }
            if self.tasks.is_empty()
                && self.nothing_waits()
                && let Some(value) = self.value.take()
            {
                let (results, cancelled) = (mem::take(&mut self.results), mem::take(&mut self.cancelled));
                return Poll::Ready(Ok(GroupOutput { value, results, cancelled }));
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

    fn nothing_waits(&self) -> bool {
        self.group.shared.permitted.borrow().is_empty() && self.group.shared.waiting.borrow().is_empty()
    }

    fn turn(&mut self) -> bool {
        let mut went_on = false;
        if self.body.begin_tick() {
            went_on = true;
            match self.body.next_in_tick(&mut self.budget) {
                Some((_, Ok(value))) => self.value = Some(value),
                Some((_, Err(error))) => {
                    // What was not started by now never is.
                    self.failures.push(GroupFailure { name: None, error });
                    return true;
                }
                None => {}
            }
        }
        went_on |= self.cancel();
        went_on |= self.start();
        if self.tasks.begin_tick() {
            went_on = true;
            while let Some((slot, result)) = self.tasks.next_in_tick(&mut self.budget) {
                self.slot_ended(slot, result);
            }
            if !self.failures.is_empty() {
                // Those that were ready beside it have a failure of their own to tell, however many they are.
                while let Some((slot, result)) = self.tasks.next_in_tick(&mut Budget::new(usize::MAX)) {
                    self.slot_ended(slot, result);
                }
            }
        }
        went_on
    }

    /// Starts what was spawned: what has its permit, and what gets one now.
    fn start(&mut self) -> bool {
        let mut started = false;
        self.line.look();
        while !self.budget.is_spent() && self.failures.is_empty() {
            let next = self.group.shared.permitted.borrow_mut().pop_front();
            let Some((spawned, permit)) = next.or_else(|| self.next_waiting()) else { break };
            self.start_one(spawned, permit);
            started = true;
        }
        if self.group.shared.waiting.borrow().is_empty() {
            self.line.leave();
        }
        self.line.keep_up();
        started
    }

    /// The next task that a handle has spawned, if there is a permit for it.
    fn next_waiting(&mut self) -> Option<(Spawned<'env, T, E>, Permit)> {
        let shared = &self.group.shared;
        if shared.waiting.borrow().is_empty() {
            return None;
        }
        if self.line.is_closed() {
            let rest = shared.waiting.take();
            rest.into_iter().for_each(|spawned| self.drop_spawned(spawned));
            return None;
        }
        let permit = self.line.permit()?;
        let spawned = shared.waiting.borrow_mut().pop_front()?;
        Some((spawned, permit))
    }

    fn start_one(&mut self, spawned: Spawned<'env, T, E>, permit: Permit) {
        let children = &self.group.shared.children;
        if children.stage(spawned.place) == Some(Stage::Cancelled) {
            self.drop_spawned(spawned);
            return;
        }
        let Spawned { name, task, place } = spawned;
        self.budget.spend();
        match self.tasks.start(Permitted { task, _permit: permit }) {
            Start::Finished(result) => self.ended(name, place, result),
            Start::Running(slot) => {
                self.group.shared.children.set_stage(place, Stage::Running(slot));
                if slot == self.slots.len() {
                    self.slots.push((name, place));
                } else {
                    self.slots[slot] = (name, place);
                }
            }
        }
    }

    /// The task in a slot has ended.
    #[inline]
    fn slot_ended(&mut self, slot: usize, result: Result<T, E>) {
        let (name, place) = mem::take(&mut self.slots[slot]);
        self.ended(name, place, result);
    }

    #[inline]
    fn ended(&mut self, name: TaskName, place: usize, result: Result<T, E>) {
        let shared = &self.group.shared;
        match result {
            Ok(result) if shared.keeps_results.get() => self.results.push((name, result)),
            Ok(_) => {}
            Err(error) => self.failures.push(GroupFailure { name: Some(name), error }),
        }
        shared.children.end(place);
    }

    /// Drops what is to be cancelled: single tasks, or all of them. Says whether the body has to look.
    fn cancel(&mut self) -> bool {
        while let Some((place, stage)) = self.group.shared.children.next_cancel() {
            match stage {
                Stage::Running(slot) => self.cancel_slot(slot),
                Stage::Waiting | Stage::Cancelled => self.group.shared.children.set_stage(place, Stage::Cancelled),
            }
        }
        if !self.group.shared.is_cancelled.get() {
            return false;
        }
        self.cancel_all();
        // It may wait for a permit, which it does not need any more.
        let has_to_look = !mem::replace(&mut self.body_knows, true);
        if has_to_look {
            self.body.rouse(BODY);
        }
        has_to_look
    }

    fn cancel_slot(&mut self, slot: usize) {
        if self.tasks.cancel(slot) {
            let (name, place) = mem::take(&mut self.slots[slot]);
            self.cancelled.push(name);
            self.group.shared.children.end(place);
        }
    }

    fn cancel_all(&mut self) {
        for slot in 0..self.slots.len() {
            self.cancel_slot(slot);
        }
        loop {
            // Permits are dropped with nothing borrowed: that wakes others.
            let permitted = self.group.shared.permitted.borrow_mut().pop_front();
            let waiting = || self.group.shared.waiting.borrow_mut().pop_front();
            let Some(spawned) = permitted.map(|(spawned, _permit)| spawned).or_else(waiting) else { return };
            self.drop_spawned(spawned);
        }
    }

    fn drop_spawned(&mut self, Spawned { name, task, place }: Spawned<'env, T, E>) {
        drop(task);
        self.cancelled.push(name);
        self.group.shared.children.end(place);
    }

    /// Drops what is left: the body first, then whatever it may have spawned while it was dropped, too.
    fn fail(&mut self) -> GroupError<T, E> {
        self.body.clear();
        self.group.shared.is_cancelled.set(true);
        self.cancel_all();
        let (failures, results) = (mem::take(&mut self.failures), mem::take(&mut self.results));
        GroupError { failures, results, cancelled: mem::take(&mut self.cancelled) }
    }
}
