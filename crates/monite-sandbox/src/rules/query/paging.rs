//! Which rows of a list, and in which order.

use serde::{Deserialize, Serialize};

use crate::world::stamp::Stamp;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paging {
    pub(crate) limit: usize,
    pub(crate) order: Order,
    pub(crate) sort: Sort,
    pub(crate) from: Option<Position>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Asc,
    Desc,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    CreatedAt,
    UpdatedAt,
}

/// A place between two rows: everything before it or after it. The key is the microsecond of the sort field,
/// which no two rows of a world share, so rows added meanwhile never shift a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) key: i64,
    pub(crate) towards: Towards,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Towards {
    Next,
    Prev,
}

impl Paging {
    /// Are rows visited from the smallest key up?
    pub(crate) fn ascends(&self) -> bool {
        let backwards = matches!(self.from, Some(Position { towards: Towards::Prev, .. }));
        (self.order == Order::Asc) != backwards
    }
}

/// Inclusive bounds on `created_at`, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CreatedRange {
    pub(crate) from: i64,
    pub(crate) to: i64,
}

impl CreatedRange {
    /// The part of this range that is not before `oldest`.
    pub(crate) fn since(&self, oldest: Stamp) -> Self {
        Self { from: self.from.max(oldest.micros()), to: self.to }
    }

    pub(crate) fn holds(&self, stamp: Stamp) -> bool {
        (self.from..=self.to).contains(&stamp.micros())
    }
}

impl Default for CreatedRange {
    fn default() -> Self {
        Self { from: i64::MIN, to: i64::MAX }
    }
}
