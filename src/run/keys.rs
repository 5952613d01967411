//! The limit per key of a run: which claimed tasks wait until fewer of their key are in flight.
//!
//! ```text
//! queue ─advance─▶ front of the queue ─begin─▶ in flight ─end─▶ the next of the key is ready
//!            └───▶ those of its key ──advance──▶ front of the queue
//! ```

use alloc::{
    boxed::Box,
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};
use core::fmt;

use crate::{
    config::{ConfigError, at_least_one},
    source::Delivery,
    task::Task,
};

/// The keys of tasks as numbers, which are small and used again.
pub(super) trait KeyTable<P> {
    /// Returns the number of a task's key, which is in use once more from now on.
    fn acquire(&mut self, task: &Task<P>) -> usize;

    /// Ends one use of a number.
    fn release(&mut self, number: usize);
}

/// The numbers of keys of one type.
struct Numbers<F, K> {
    key: F,
    numbers: BTreeMap<K, usize>,
    /// The keys by their numbers, and how often each is in use.
    keys: Vec<Option<(K, usize)>>,
    free: Vec<usize>,
}

impl<P, K: Ord + Clone, F: Fn(&Task<P>) -> K> KeyTable<P> for Numbers<F, K> {
    fn acquire(&mut self, task: &Task<P>) -> usize {
        let key = (self.key)(task);
        let number = match self.numbers.get(&key) {
            Some(number) => *number,
            None => {
                let number = self.free.pop().unwrap_or(self.keys.len());
                if number == self.keys.len() {
                    self.keys.push(None);
                }
                self.keys[number] = Some((key.clone(), 0));
                self.numbers.insert(key, number);
                number
            }
        };
        if let Some((_, uses)) = &mut self.keys[number] {
            *uses += 1;
        }
        number
    }

    fn release(&mut self, number: usize) {
        let Some((_, uses)) = &mut self.keys[number] else { return };
        *uses -= 1;
        if *uses == 0
            && let Some((key, _)) = self.keys[number].take()
        {
            self.numbers.remove(&key);
            self.free.push(number);
        }
    }
}

/// A limit per key that was asked for.
pub(super) struct KeyLimit<'a, P> {
    table: Box<dyn KeyTable<P> + 'a>,
    pub(super) per_key: usize,
    pub(super) held_back: Option<usize>,
}

impl<'a, P> KeyLimit<'a, P> {
    pub(super) fn new<K: Ord + Clone + 'a>(key: impl Fn(&Task<P>) -> K + 'a, per_key: usize) -> Self {
        let table = Numbers { key, numbers: BTreeMap::new(), keys: Vec::new(), free: Vec::new() };
        Self { table: Box::new(table), per_key, held_back: None }
    }

    /// Checks that no number is 0.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        at_least_one(self.per_key, ConfigError::ZeroPerKey)?;
        at_least_one(self.held_back.unwrap_or(1), ConfigError::ZeroHeldBack).map(drop)
    }
}

impl<P> fmt::Debug for KeyLimit<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyLimit").field("per_key", &self.per_key).finish_non_exhaustive()
    }
}

/// The tasks of one key.
struct KeyState<P, R> {
    in_flight: usize,
    /// Those that wait, with numbers that rise in the order of their claims.
    waiting: VecDeque<(u64, Delivery<P, R>)>,
}

/// The tasks that wait for others of their key, and how many of each key are in flight.
pub(super) struct Keys<'a, P, R> {
    table: Box<dyn KeyTable<P> + 'a>,
    pub(super) per_key: usize,
    pub(super) held_back: usize,
    /// By the number of the key.
    states: Vec<KeyState<P, R>>,
    /// Numbers of keys of which one more may start, if one waits.
    ready: VecDeque<usize>,
    held: usize,
    next: u64,
    /// The first delivery of the queue is the next to start.
    is_front_next: bool,
    /// The numbers of the keys of tasks in flight, by permit.
    permits: Vec<usize>,
}

impl<'a, P, R> Keys<'a, P, R> {
    /// Makes them for a run whose limit is `limit`.
    pub(super) fn new(limit: KeyLimit<'a, P>, tasks: usize) -> Self {
        let KeyLimit { table, per_key, held_back } = limit;
        Self {
            table,
            per_key,
            held_back: held_back.unwrap_or_else(|| tasks.saturating_mul(16)),
            states: Vec::new(),
            ready: VecDeque::new(),
            held: 0,
            next: 0,
            is_front_next: false,
            permits: Vec::new(),
        }
    }

    /// Returns the number of tasks that wait for others of their key.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Returns how many more tasks may be claimed, each of which may have to wait.
    pub(super) fn room(&self, queued: usize) -> usize {
        self.held_back.saturating_sub(self.held + queued)
    }

    /// Returns how many of those that wait may start, at most.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Puts the next delivery that may start in front of the queue, and those that may not aside. `held` is told of each of them.
    pub(super) fn advance(&mut self, queue: &mut VecDeque<Delivery<P, R>>, mut held: impl FnMut(&Delivery<P, R>)) {
        if self.is_front_next {
            return;
        }
        // Those that waited were claimed before those in the queue.
        while let Some(number) = self.ready.pop_front() {
            let state = &mut self.states[number];
            if state.in_flight < self.per_key
                && let Some((_, delivery)) = state.waiting.pop_front()
            {
                self.held -= 1;
                self.table.release(number);
                queue.push_front(delivery);
                self.is_front_next = true;
                return;
            }
        }
        while let Some(first) = queue.front() {
            let number = self.table.acquire(&first.task);
            if number == self.states.len() {
                self.states.push(KeyState { in_flight: 0, waiting: VecDeque::new() });
            }
            let state = &mut self.states[number];
            if state.in_flight < self.per_key && state.waiting.is_empty() {
                self.table.release(number);
                self.is_front_next = true;
                return;
            }
            if let Some(first) = queue.pop_front() {
                held(&first);
                state.waiting.push_back((self.next, first));
                (self.next, self.held) = (self.next + 1, self.held + 1);
            }
        }
    }

    /// Records that the first delivery has left the queue, to start or not.
    pub(super) fn leave_queue(&mut self) {
        self.is_front_next = false;
    }

    /// Records that a task starts.
    pub(super) fn start(&mut self, task: &Task<P>, permit: usize) {
        self.is_front_next = false;
        let number = self.table.acquire(task);
        // Its number may be another one than when it was looked at.
        while number >= self.states.len() {
            self.states.push(KeyState { in_flight: 0, waiting: VecDeque::new() });
        }
        self.states[number].in_flight += 1;
        if permit >= self.permits.len() {
            self.permits.resize(permit + 1, 0);
        }
        self.permits[permit] = number;
    }

    /// Records that the task with a permit has ended.
    pub(super) fn end(&mut self, permit: usize) {
        let number = self.permits[permit];
        let state = &mut self.states[number];
        state.in_flight = state.in_flight.saturating_sub(1);
        if !state.waiting.is_empty() {
            self.ready.push_back(number);
        }
        self.table.release(number);
    }

    /// Takes out those that wait and of which `is_taken` says so, in the order of their claims.
    pub(super) fn take(&mut self, mut is_taken: impl FnMut(&Delivery<P, R>) -> bool) -> Vec<Delivery<P, R>> {
        let mut taken = Vec::new();
        for (number, state) in self.states.iter_mut().enumerate() {
            for _ in 0..state.waiting.len() {
                let Some(next) = state.waiting.pop_front() else { break };
                if is_taken(&next.1) {
                    self.table.release(number);
                    taken.push(next);
                } else {
                    state.waiting.push_back(next);
                }
            }
        }
        self.held -= taken.len();
        taken.sort_unstable_by_key(|(order, _)| *order);
        taken.into_iter().map(|(_, delivery)| delivery).collect()
    }
}
