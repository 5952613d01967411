//! A value that is replaced as a whole and copied out, from any thread.

/// The value that was set last, if one was.
#[derive(Debug)]
pub(crate) struct Latest<T>(Place<T>);

#[cfg(target_has_atomic = "ptr")]
type Place<T> = async_lock::Mutex<Option<T>>;

/// Without compare-and-swap there is no async-lock. A queue with room for one is a lock, too: it is empty while
/// the value is in use.
#[cfg(not(target_has_atomic = "ptr"))]
type Place<T> = concurrent_queue::ConcurrentQueue<Option<T>>;

#[cfg(target_has_atomic = "ptr")]
impl<T: Copy> Latest<T> {
    pub(crate) fn new() -> Self {
        Self(async_lock::Mutex::new(None))
    }

    /// Replaces the value. Others who do so, or copy it, are waited for: each takes as long as a copy does.
    pub(crate) fn set(&self, value: T) {
        let mut place = loop {
            match self.0.try_lock() {
                Some(place) => break place,
                None => core::hint::spin_loop(),
            }
        };
        *place = Some(value);
    }

    /// Copies the value; none while it is being replaced.
    pub(crate) fn get(&self) -> Option<T> {
        *self.0.try_lock()?
    }
}

#[cfg(not(target_has_atomic = "ptr"))]
impl<T: Copy> Latest<T> {
    pub(crate) fn new() -> Self {
        let place = Place::bounded(1);
        // There is room: nobody else has it yet.
        let _ = place.push(None);
        Self(place)
    }

    /// Replaces the value. Others who do so, or copy it, are waited for: each takes as long as a copy does.
    pub(crate) fn set(&self, value: T) {
        while self.0.pop().is_err() {
            core::hint::spin_loop();
        }
        // There is room: whoever took the value puts one back.
        let _ = self.0.push(Some(value));
    }

    /// Copies the value; none while it is being replaced.
    pub(crate) fn get(&self) -> Option<T> {
        let value = self.0.pop().ok()?;
        let _ = self.0.push(value);
        value
    }
}

impl<T: Copy> Default for Latest<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;

    #[test]
    fn the_value_that_was_set_last_is_copied_whole() {
        let latest = Latest::<[usize; 8]>::new();
        assert_eq!(latest.get(), None);
        std::thread::scope(|scope| {
            for writer in 0..2 {
                let latest = &latest;
                scope.spawn(move || (0..1000).for_each(|round| latest.set([writer * 1000 + round; 8])));
            }
            for _ in 0..1000 {
                let copy = latest.get();
                assert!(copy.is_none_or(|[first, rest @ ..]| rest == [first; 7]), "{copy:?}");
            }
        });
        let last = latest.get().unwrap();
        assert!(last == [999; 8] || last == [1999; 8], "{last:?}");
    }
}
