//! The order of the input: what waits until all before it has ended.

use std::collections::{BTreeMap, VecDeque};

use crate::process::Spool;

/// The most outputs that wait in files, each of which is a descriptor.
const FILES_MAX: usize = 32;
/// The most bytes of outputs that wait in memory.
const BYTES_MAX: usize = 16 << 20;

/// What tasks left, in the order in which they arrived.
#[derive(Debug, Default)]
pub(super) struct Order {
    places: VecDeque<Place>,
    /// The number of the first of these places.
    first: u64,
    numbers: BTreeMap<u64, u64>,
    files: usize,
    bytes: usize,
}

/// What one task left.
#[derive(Debug, Default)]
pub(super) struct Place {
    task: Option<u64>,
    pub(super) outputs: Vec<Spool>,
    pub(super) record: Option<String>,
    has_ended: bool,
}

impl Place {
    /// Creates what has ended by itself.
    pub(super) fn ended(record: Option<String>) -> Self {
        Self { record, has_ended: true, ..Self::default() }
    }
}

impl Order {
    /// Adds a task at the end, unless it has its place: a retry keeps it.
    pub(super) fn arrive(&mut self, task: u64) {
        let next = self.first + self.places.len() as u64;
        if *self.numbers.entry(task).or_insert(next) == next {
            self.places.push_back(Place { task: Some(task), ..Place::default() });
        }
    }

    /// Adds what has ended as it arrived.
    pub(super) fn add_ended(&mut self, record: Option<String>) {
        self.places.push_back(Place::ended(record));
    }

    fn place(&mut self, task: u64) -> Option<&mut Place> {
        let at = self.numbers.get(&task)?.checked_sub(self.first)?;
        self.places.get_mut(usize::try_from(at).ok()?)
    }

    /// Keeps the output of an attempt.
    pub(super) fn keep(&mut self, task: u64, output: Spool) {
        let (bytes, is_file) = (output.in_memory(), output.has_file());
        if let Some(place) = self.place(task) {
            place.outputs.push(output);
            self.bytes += bytes;
            self.files += usize::from(is_file);
        }
    }

    /// Notes that a task has ended.
    pub(super) fn end(&mut self, task: u64, record: Option<String>) {
        if let Some(place) = self.place(task) {
            place.has_ended = true;
            place.record = record;
        }
    }

    /// Takes out the first place, if its task has ended.
    pub(super) fn next(&mut self) -> Option<Place> {
        self.places.front().filter(|place| place.has_ended)?;
        self.pop()
    }

    /// Takes out the first place, whatever became of its task.
    pub(super) fn pop(&mut self) -> Option<Place> {
        let place = self.places.pop_front()?;
        self.first += 1;
        if let Some(task) = place.task {
            self.numbers.remove(&task);
        }
        self.bytes -= place.outputs.iter().map(Spool::in_memory).sum::<usize>();
        self.files -= place.outputs.iter().filter(|output| output.has_file()).count();
        Some(place)
    }

    /// Returns whether so much waits that no new task should start.
    pub(super) fn is_crowded(&self) -> bool {
        self.files >= FILES_MAX || self.bytes >= BYTES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_waits_for_those_before_it_and_keeps_its_place() {
        let mut order = Order::default();
        for task in [3, 1, 2] {
            order.arrive(task);
        }
        order.add_ended(Some("malformed".to_owned()));
        order.end(1, None);
        order.end(2, Some("two".to_owned()));
        assert!(order.next().is_none());
        // A retry.
        order.arrive(3);
        order.end(3, None);
        let ended: Vec<_> = std::iter::from_fn(|| order.next()).map(|place| (place.task, place.record)).collect();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(ended, [(Some(3), None), (Some(1), None), (Some(2), text("two")), (None, text("malformed"))]);
        assert!(order.numbers.is_empty() && order.pop().is_none());
    }

    #[test]
    fn what_waits_is_bounded_in_bytes_and_in_files() {
        let mut order = Order::default();
        let spool = |bytes| {
            let mut spool = Spool::default();
            spool.push(&vec![b'x'; bytes]).unwrap();
            spool
        };
        order.arrive(1);
        (1..FILES_MAX).for_each(|_| order.keep(1, spool(100_000)));
        order.keep(1, spool(10));
        assert!(!order.is_crowded());
        order.keep(1, spool(100_000));
        assert!(order.is_crowded());
        assert_eq!(order.pop().map(|place| place.outputs.len()), Some(FILES_MAX + 1));
        assert!(!order.is_crowded());
        order.arrive(2);
        (0..BYTES_MAX / 60_000).for_each(|_| order.keep(2, spool(60_000)));
        assert!(!order.is_crowded());
        order.keep(2, spool(60_000));
        assert!(order.is_crowded());
    }
}
