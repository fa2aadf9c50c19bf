//! What list filters have in common.

use crate::page::Order;

/// The sort key of a list. Entity users can only be sorted by `updated_at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SortBy {
    /// By creation; Monite's default order.
    CreatedAt,
    /// By last change.
    UpdatedAt,
}

/// Most rows a page may have; Monite answers 422 (or 416) above.
const MAX_LIMIT: u32 = 100;

/// Query parameters, in the order in which they are added.
#[derive(Debug, Default)]
pub(super) struct Query {
    pairs: Vec<(&'static str, String)>,
}

impl Query {
    pub(super) fn one(mut self, key: &'static str, value: &Option<impl ToString>) -> Self {
        self.pairs.extend(value.as_ref().map(|value| (key, value.to_string())));
        self
    }

    /// Lists repeat their key.
    pub(super) fn many(mut self, key: &'static str, values: &[impl ToString]) -> Self {
        self.pairs.extend(values.iter().map(|value| (key, value.to_string())));
        self
    }

    pub(super) fn paging(self, sort: Option<SortBy>, order: Option<Order>, limit: Option<u32>) -> Self {
        let sort = sort.map(|sort| match sort {
            SortBy::CreatedAt => "created_at",
            SortBy::UpdatedAt => "updated_at",
        });
        self.one("sort", &sort)
            .one("order", &order.map(Order::as_str))
            .one("limit", &limit.map(|limit| limit.clamp(1, MAX_LIMIT)))
    }

    pub(super) fn pairs(self) -> Vec<(&'static str, String)> {
        self.pairs
    }
}
