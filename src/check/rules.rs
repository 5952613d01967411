//! The rules themselves, by the events that can break them.

use alloc::{format, string::String, vec::Vec};

use super::{Batch, Delivered, Held, Invariants, Life, Rules, Stop};
use crate::{
    event::{Disposition, Event, EventKind, Outcome},
    metrics::permits_shown,
    pattern::Pattern,
    task::{Attempt, TaskId},
};

type Checked = Result<(), String>;

/// Returns the message as an error unless the condition holds.
macro_rules! hold {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+));
        }
    };
}

impl Held {
    fn find(&mut self, attempt: Attempt) -> Option<&mut Delivered> {
        let all = core::iter::once(&mut self.latest).chain(&mut self.older);
        all.into_iter().find(|delivered| delivered.attempt == attempt)
    }

    /// Marks earlier attempts as superseded, if the new one is a later one.
    fn supersede(&mut self, new: Delivered) {
        let all = core::iter::once(&mut self.latest).chain(&mut self.older);
        for delivered in all.filter(|delivered| delivered.attempt < new.attempt) {
            delivered.superseded = true;
        }
        self.older.push(core::mem::replace(&mut self.latest, new));
    }
}

impl Invariants {
    pub(super) fn event(&mut self, event: &Event<&str>) -> Checked {
        let (next, sequence, at, before) = (self.next, event.sequence, event.at, self.at);
        hold!(sequence >= next, "it comes after event {}", next.saturating_sub(1));
        hold!(sequence == next, "{} events before it are missing", sequence - next);
        hold!(at >= before, "its time, {at}, is before that of the last one, {before}");
        hold!(!self.stop.ended, "the run had ended");
        let begins = matches!(event.kind, EventKind::RunStarted { .. });
        hold!(begins != self.stop.started, "a run starts once, with its first event");
        (self.next, self.at) = (next.saturating_add(1), at);
        match event.kind {
            EventKind::RunStarted { pattern, limit, workers, queue_capacity } => {
                self.stop.started = true;
                self.rules.pattern = pattern;
                self.bound(limit, workers, queue_capacity)
            }
            EventKind::LimitChanged { limit, workers, queue_capacity } => self.bound(limit, workers, queue_capacity),
            EventKind::HeldBack { task, attempt, per_key, held_back } => {
                self.held_back((task, attempt), per_key, held_back)
            }
            EventKind::LeaseLost { task, attempt } => self.lease_lost((task, attempt)),
            EventKind::Claimed { task, attempt } => self.claimed(sequence, (task, attempt)),
            EventKind::Started { task, attempt, permit, worker } => self.started((task, attempt), permit, worker),
            EventKind::Ended { task, attempt, permit, outcome, reason, .. } => {
                let failed = matches!(outcome, Outcome::Failed | Outcome::TimedOut | Outcome::Panicked);
                hold!(failed == reason.is_some(), "a failure has a reason, and nothing else has");
                self.ended((task, attempt), permit, outcome)
            }
            EventKind::RetryScheduled { task, attempt, .. } => {
                let life = self.life((task, attempt));
                match life {
                    Some(life @ Life::Ended(Outcome::Failed | Outcome::TimedOut | Outcome::Panicked)) => {
                        let Life::Ended(outcome) = *life else { return Ok(()) };
                        *life = Life::RetryDue(outcome);
                        Ok(())
                    }
                    _ => Err(format!("task {task} is to be tried again and has not failed")),
                }
            }
            EventKind::Settled { task, attempt, outcome, disposition } => {
                self.settled((task, attempt), outcome, disposition)
            }
            EventKind::Abandoned { task, attempt, outcome, permit } => self.abandoned((task, attempt), outcome, permit),
            EventKind::BatchOpened { batch, size } => self.batch_opened(batch, size),
            EventKind::BatchClosed { batch } => self.batch_closed(batch),
            EventKind::GroupCancelled { .. } => {
                hold!(self.rules.pattern == Pattern::TaskGroup, "only a group is cancelled");
                once(&mut self.stop.cancelled, "the group is cancelled")
            }
            EventKind::DrainStarted => once(&mut self.stop.drained, "the run drains"),
            EventKind::AbortStarted => {
                hold!(self.stop.drained, "an abort begins with a drain");
                once(&mut self.stop.aborted, "the run aborts")
            }
            EventKind::RunEnded => self.run_ended(),
            EventKind::Malformed { .. }
            | EventKind::SourceWaiting
            | EventKind::SourceBlocked { .. }
            | EventKind::SourceExhausted => Ok(()),
        }
    }

    fn bound(&mut self, limit: usize, workers: Option<usize>, queue_capacity: Option<usize>) -> Checked {
        hold!(limit > 0, "the limit is 0");
        let rules = &mut self.rules;
        rules.limit = limit;
        rules.limit_max = rules.limit_max.max(limit);
        rules.queue_capacity_max = rules.queue_capacity_max.max(queue_capacity);
        rules.workers_max = rules.workers_max.max(workers);
        Ok(())
    }

    fn claimed(&mut self, sequence: u64, (task, attempt): (TaskId, Attempt)) -> Checked {
        let latest = Delivered { attempt, life: Life::Claimed(sequence), superseded: false };
        match self.lives.get_mut(task.0) {
            None => drop(self.lives.insert(task.0, Held { latest, older: Vec::new() })),
            Some(held) => {
                hold!(held.find(attempt).is_none(), "task {task} is claimed, and it is held already");
                held.supersede(latest);
            }
        }
        self.queue.push_back(sequence);
        let queued = self.queue.len();
        match self.rules.queue_capacity_max {
            Some(capacity) => hold!(queued <= capacity, "{queued} are queued, and {capacity} may be"),
            None => {
                let (all, limit) = (queued + self.in_flight, self.rules.limit_max);
                hold!(all <= limit, "{all} are claimed or in flight, and {limit} may be");
            }
        }
        if self.rules.pattern == Pattern::SemaphoreBatch {
            let Some(batch) = &mut self.batch else { return Err("a task is claimed outside a batch".into()) };
            hold!(batch.coming > 0, "batch {} is larger than it was said to be", batch.number);
            batch.coming -= 1;
        }
        Ok(())
    }

    fn started(&mut self, key: (TaskId, Attempt), permit: usize, worker: Option<usize>) -> Checked {
        let task = key.0;
        let Stop { drained, cancelled, given_back, .. } = self.stop;
        hold!(!drained && !cancelled && !given_back, "task {task} is started after the end was called for");
        let life = self.life(key);
        let Some(life @ (Life::Claimed(_) | Life::HeldBack)) = life else {
            return Err(format!("task {task} is started and was not claimed"));
        };
        match core::mem::replace(life, Life::Started(permit)) {
            Life::Claimed(place) => self.leave_front(task, place)?,
            _ => self.held_back = self.held_back.saturating_sub(1),
        }
        if permit >= self.permits.len() && permit < permits_shown(self.next) {
            self.permits.resize(permit + 1, None);
        }
        if let Some(holder) = self.permits.get_mut(permit).and_then(|held| held.replace(task)) {
            return Err(format!("task {task} gets permit {permit}, which task {holder} holds"));
        }
        self.in_flight += 1;
        let (in_flight, Rules { limit, limit_max, workers_max, .. }) = (self.in_flight, self.rules);
        hold!(in_flight <= limit, "{in_flight} are in flight, and the limit is {limit}");
        hold!(permit < limit_max, "task {task} gets permit {permit} of {limit_max}");
        hold!(worker.is_some() == workers_max.is_some(), "a pool has workers, and nothing else has");
        let workers = workers_max.unwrap_or(usize::MAX);
        hold!(worker.unwrap_or(0) < workers, "task {task} is with worker {} of {workers}", worker.unwrap_or(0));
        Ok(())
    }

    /// Takes the first task out of the queue.
    fn leave_front(&mut self, task: TaskId, place: u64) -> Checked {
        hold!(self.queue.front() == Some(&place), "task {task} overtakes others");
        self.queue.pop_front();
        Ok(())
    }

    fn held_back(&mut self, key: (TaskId, Attempt), per_key: usize, most: usize) -> Checked {
        let task = key.0;
        let in_flight = self.in_flight;
        hold!(per_key > 0, "the limit per key is 0");
        let others = in_flight + self.held_back;
        hold!(
            others >= per_key,
            "task {task} is held back for {per_key} of its key, and {others} are in flight or held back"
        );
        let Some(life @ Life::Claimed(_)) = self.life(key) else {
            return Err(format!("task {task} is held back and was not queued"));
        };
        let Life::Claimed(place) = core::mem::replace(life, Life::HeldBack) else { return Ok(()) };
        self.leave_front(task, place)?;
        self.held_back += 1;
        hold!(self.held_back <= most, "{} are held back, and {most} may be", self.held_back);
        Ok(())
    }

    fn lease_lost(&mut self, key: (TaskId, Attempt)) -> Checked {
        let life = self.life(key).map(|life| core::mem::replace(life, Life::Lost));
        let waited = matches!(life, Some(Life::Claimed(_) | Life::HeldBack));
        self.leave_queue(life);
        hold!(waited, "task {} is lost before its start while it is {life:?}", key.0);
        Ok(())
    }

    fn ended(&mut self, key: (TaskId, Attempt), permit: usize, outcome: Outcome) -> Checked {
        let task = key.0;
        let life = self.life(key);
        let ran = life.is_some_and(|life| core::mem::replace(life, Life::Ended(outcome)) == Life::Started(permit));
        hold!(ran, "task {task} ends with permit {permit} and did not run with it");
        if let Some(held) = self.permits.get_mut(permit) {
            *held = None;
        }
        self.in_flight = self.in_flight.saturating_sub(1);
        self.leave_batch();
        Ok(())
    }

    fn life(&mut self, (task, attempt): (TaskId, Attempt)) -> Option<&mut Life> {
        self.lives.get_mut(task.0)?.find(attempt).map(|delivered| &mut delivered.life)
    }

    /// Removes a delivery.
    fn leave(&mut self, (task, attempt): (TaskId, Attempt)) -> Option<Delivered> {
        let held = self.lives.get_mut(task.0)?;
        if held.latest.attempt != attempt {
            let place = held.older.iter().position(|delivered| delivered.attempt == attempt)?;
            return Some(held.older.remove(place));
        }
        let left = held.latest;
        match held.older.pop() {
            Some(delivered) => held.latest = delivered,
            None => drop(self.lives.remove(task.0)),
        }
        Some(left)
    }

    fn leave_queue(&mut self, life: Option<Life>) {
        match life {
            Some(Life::Claimed(place)) => {
                if let Ok(index) = self.queue.binary_search(&place) {
                    self.queue.remove(index);
                }
            }
            Some(Life::HeldBack) => self.held_back = self.held_back.saturating_sub(1),
            _ => return,
        }
        self.leave_batch();
    }

    fn leave_batch(&mut self) {
        if let Some(batch) = &mut self.batch {
            batch.left = batch.left.saturating_sub(1);
        }
    }

    fn settled(&mut self, key: (TaskId, Attempt), outcome: Option<Outcome>, disposition: Disposition) -> Checked {
        let task = key.0;
        let delivered = self.leave(key);
        let life = delivered.map(|delivered| delivered.life);
        let lost = delivered.is_some_and(|delivered| delivered.superseded);
        hold!(
            !lost || disposition == Disposition::LeaseLost,
            "task {task} was claimed again, and an earlier attempt counts"
        );
        let fits = match (outcome, disposition, life) {
            (
                None,
                Disposition::Released | Disposition::LeaseLost,
                Some(Life::Claimed(_) | Life::HeldBack | Life::Lost),
            ) => true,
            (Some(Outcome::Succeeded), Disposition::Done, Some(Life::Ended(was))) => was == Outcome::Succeeded,
            (Some(Outcome::Cancelled), Disposition::Released | Disposition::Dead, Some(Life::Ended(was))) => {
                was == Outcome::Cancelled
            }
            (Some(outcome), Disposition::Retried, Some(Life::RetryDue(was))) => was == outcome,
            (
                Some(outcome @ (Outcome::Failed | Outcome::TimedOut | Outcome::Panicked)),
                Disposition::Dead,
                Some(life),
            ) => life == Life::Ended(outcome),
            (Some(outcome), Disposition::LeaseLost, Some(Life::Ended(was) | Life::RetryDue(was))) => was == outcome,
            _ => false,
        };
        self.leave_queue(life);
        hold!(fits, "task {task} is settled as {disposition:?} with {outcome:?} while it is {life:?}");
        Ok(())
    }

    fn abandoned(&mut self, key: (TaskId, Attempt), outcome: Option<Outcome>, permit: Option<usize>) -> Checked {
        let task = key.0;
        let life = self.leave(key).map(|delivered| delivered.life);
        let fits = match life {
            Some(Life::Claimed(_) | Life::HeldBack | Life::Lost) => outcome.is_none() && permit.is_none(),
            Some(Life::Started(held)) => permit == Some(held),
            Some(Life::Ended(was) | Life::RetryDue(was)) => outcome == Some(was) && permit.is_none(),
            None => false,
        };
        self.leave_queue(life);
        hold!(fits, "task {task} is abandoned with {outcome:?} and permit {permit:?} while it is {life:?}");
        if let Some(permit) = permit {
            self.leak.get_or_insert((task, permit));
            self.leaks += 1;
            self.in_flight = self.in_flight.saturating_sub(1);
            self.leave_batch();
        }
        Ok(())
    }

    fn batch_opened(&mut self, batch: u64, size: usize) -> Checked {
        hold!(self.batch.is_none(), "batch {batch} is opened, and another one is open");
        hold!(
            self.queue.is_empty() && self.held_back == 0 && self.in_flight == 0,
            "batch {batch} is opened before all of the last has ended"
        );
        self.batch = Some(Batch { number: batch, coming: size, left: size });
        Ok(())
    }

    fn batch_closed(&mut self, batch: u64) -> Checked {
        let open = self.batch.take().filter(|open| open.number == batch);
        let Some(open) = open else { return Err(format!("batch {batch} is closed and was not open")) };
        hold!(open.coming == 0, "batch {batch} is closed before all of it was claimed");
        // What is still queued is given back.
        hold!(
            open.left == self.queue.len() + self.held_back,
            "batch {batch} is closed while {} of it run",
            self.in_flight
        );
        self.stop.given_back |= open.left > 0;
        Ok(())
    }

    fn run_ended(&mut self) -> Checked {
        hold!(self.lives.is_empty(), "the run ends and holds {} tasks", self.lives.len());
        hold!(self.batch.is_none(), "the run ends with a batch that is open");
        self.stop.ended = true;
        // Said at the end, so that the rest is checked up to there.
        if let Some((task, permit)) = self.leak {
            let leaks = self.leaks;
            return Err(format!("permits that never came back: {leaks}, the first of them {permit}, with task {task}"));
        }
        Ok(())
    }
}

fn once(flag: &mut bool, what: &str) -> Checked {
    hold!(!core::mem::replace(flag, true), "{what} twice");
    Ok(())
}
