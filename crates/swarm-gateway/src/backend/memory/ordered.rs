//! Map that keeps the order of insertion, as the base of hashes and sets.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

/// Entries in the order in which their keys were inserted. Replacing a value keeps its place.
///
/// Each entry has a creation number. A scan that continues at a creation number returns each entry
/// that persists exactly once, whatever else changes.
#[derive(Debug, Clone)]
pub(super) struct Ordered<V> {
    entries: HashMap<Bytes, (u64, V)>,
    order: BTreeMap<u64, Bytes>,
    births: u64,
}

impl<V> Default for Ordered<V> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            order: BTreeMap::new(),
            births: 0,
        }
    }
}

impl<V> Ordered<V> {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    pub(super) fn contains(&self, key: &[u8]) -> bool {
        self.entries.contains_key(key)
    }

    /// Writes a value and returns the one that it replaces. A new key is copied, because arguments
    /// share the buffer of their command.
    pub(super) fn insert(&mut self, key: &[u8], value: V) -> Option<V> {
        if let Some((_, before)) = self.entries.get_mut(key) {
            return Some(std::mem::replace(before, value));
        }
        let key = Bytes::copy_from_slice(key);
        self.order.insert(self.births, key.clone());
        self.entries.insert(key, (self.births, value));
        self.births += 1;
        None
    }

    pub(super) fn remove(&mut self, key: &[u8]) -> Option<V> {
        let (born, value) = self.entries.remove(key)?;
        self.order.remove(&born);
        Some(value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Bytes, &V)> {
        self.from(0).map(|(_, key, value)| (key, value))
    }

    /// Iterates from a creation number on.
    pub(super) fn from(&self, place: u64) -> impl Iterator<Item = (u64, &Bytes, &V)> {
        (self.order.range(place..)).filter_map(|(place, key)| Some((*place, key, self.get(key)?)))
    }

    /// Returns a random entry, each with the same probability.
    pub(super) fn random(&self) -> Option<(&Bytes, &V)> {
        if self.order.is_empty() {
            return None;
        }
        // Unless most entries have been removed, a random creation number soon belongs to one.
        let chance = || self.order.get(&fastrand::u64(..self.births));
        let key = (0..32).find_map(|_| chance());
        let key = key.or_else(|| self.order.values().nth(fastrand::usize(..self.order.len())))?;
        Some((key, self.get(key)?))
    }
}

#[cfg(test)]
mod tests {
    use super::Ordered;

    #[test]
    fn replacing_a_value_keeps_its_place() {
        let mut ordered = Ordered::default();
        for (key, value) in [("b", 1), ("a", 2), ("c", 3), ("b", 4)] {
            ordered.insert(key.as_bytes(), value);
        }
        ordered.remove(b"a");
        ordered.insert(b"a", 5);
        let values: Vec<_> = ordered.iter().map(|(_, value)| *value).collect();
        assert_eq!(values, [4, 3, 5]);
        assert_eq!(ordered.len(), 3);
    }

    #[test]
    fn every_entry_is_random() {
        let mut ordered = Ordered::default();
        for number in 0..300_u32 {
            ordered.insert(&number.to_be_bytes(), number);
        }
        for number in 2..300_u32 {
            ordered.remove(&number.to_be_bytes());
        }
        let mut seen = [0; 2];
        for _ in 0..200 {
            seen[*ordered.random().unwrap().1 as usize] += 1;
        }
        assert!(seen.iter().all(|times| *times > 50), "{seen:?}");
        assert!(Ordered::<()>::default().random().is_none());
    }
}
