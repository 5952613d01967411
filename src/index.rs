//! An ordered map from numbers to values of any type.

use alloc::{collections::BTreeMap, vec::Vec};

/// An ordered map whose code exists once for all types of values.
///
/// Values lie in places that are reused, and one `BTreeMap` from keys to places finds them. Removal
/// from a `BTreeMap` is much code, and each type of value would bring its own copy into the page's
/// module.
#[derive(Clone, Debug)]
pub(crate) struct Index<T> {
    places: BTreeMap<u64, usize>,
    values: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Default for Index<T> {
    fn default() -> Self {
        Self { places: BTreeMap::new(), values: Vec::new(), free: Vec::new() }
    }
}

impl<T> Index<T> {
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    #[cfg(any(test, feature = "trace"))]
    #[cfg(any(test, feature = "trace"))]
    pub(crate) fn first(&self) -> Option<u64> {
        self.places.first_key_value().map(|(key, _)| *key)
    }

    #[cfg(any(test, feature = "trace"))]
    #[cfg(any(test, feature = "trace"))]
    pub(crate) fn get(&self, key: u64) -> Option<&T> {
        self.values[*self.places.get(&key)?].as_ref()
    }

    pub(crate) fn get_mut(&mut self, key: u64) -> Option<&mut T> {
        self.values[*self.places.get(&key)?].as_mut()
    }

    /// Sets the value of a key and returns the previous one.
    pub(crate) fn insert(&mut self, key: u64, value: T) -> Option<T> {
        if let Some(place) = self.places.get(&key) {
            return self.values[*place].replace(value);
        }
        let place = self.free.pop().unwrap_or_else(|| {
            self.values.push(None);
            self.values.len() - 1
        });
        self.values[place] = Some(value);
        self.places.insert(key, place);
        None
    }

    pub(crate) fn remove(&mut self, key: u64) -> Option<T> {
        let place = self.places.remove(&key)?;
        self.free.push(place);
        self.values[place].take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_an_ordered_map() {
        let (mut index, mut expected) = (Index::default(), BTreeMap::new());
        let mut random = 7_u64;
        for value in 0..20_000_u64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (key, what) = ((random >> 40) % 300, (random >> 33) % 4);
            match what {
                0 | 1 => assert_eq!(index.insert(key, value), expected.insert(key, value)),
                2 => assert_eq!(index.remove(key), expected.remove(&key)),
                _ => {
                    assert_eq!(index.get(key), expected.get(&key));
                    assert_eq!(index.get_mut(key), expected.get_mut(&key));
                }
            }
            assert_eq!((index.len(), index.is_empty()), (expected.len(), expected.is_empty()));
            assert_eq!(index.first(), expected.keys().next().copied());
        }
        assert!(index.values.len() <= 300, "places are used again");
    }
}
