//! Rows that come and go, found by number or id.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

/// Numbers ascend in the order of insertion and are never used twice.
#[derive(Debug, Clone)]
pub(super) struct Shelf<T> {
    rows: BTreeMap<u32, T>,
    numbers: HashMap<Uuid, u32>,
    next: u32,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), numbers: HashMap::new(), next: 0 }
    }
}

impl<T> Shelf<T> {
    pub(super) fn insert(&mut self, id: Uuid, row: T) -> u32 {
        let number = self.next;
        self.next = number.checked_add(1).expect("four thousand million rows take years to make");
        self.numbers.insert(id, number);
        self.rows.insert(number, row);
        number
    }

    /// Where it stood before it was removed.
    pub(super) fn put(&mut self, number: u32, id: Uuid, row: T) {
        self.numbers.insert(id, number);
        self.rows.insert(number, row);
    }

    pub(super) fn remove(&mut self, id: Uuid) -> Option<(u32, T)> {
        let number = self.numbers.remove(&id)?;
        Some((number, self.rows.remove(&number)?))
    }

    pub(super) fn number(&self, id: Uuid) -> Option<u32> {
        self.numbers.get(&id).copied()
    }

    pub(super) fn at(&self, number: u32) -> Option<&T> {
        self.rows.get(&number)
    }

    pub(super) fn at_mut(&mut self, number: u32) -> Option<&mut T> {
        self.rows.get_mut(&number)
    }

    pub(super) fn get(&self, id: Uuid) -> Option<&T> {
        self.at(self.number(id)?)
    }

    /// In the order of insertion.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (u32, &T)> {
        self.rows.iter().map(|(number, row)| (*number, row))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}
