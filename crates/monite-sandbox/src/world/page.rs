//! One page out of rows that come in order.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::time::Duration;

use super::World;
use super::stamp::Stamp;
use crate::quirks::Point;
use crate::refusal::Refusal;
use crate::rules::query::{CreatedRange, Listing, Order, Paging, Position, Towards};

/// Rows of one page in the order asked for, and where the neighbouring pages start.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) rows: Vec<u32>,
    pub(crate) next: Option<Position>,
    pub(crate) prev: Option<Position>,
}

impl World {
    /// Refuses the token of a page that cannot be continued here and now.
    pub(crate) fn check_page<F>(&self, listing: &Listing<F>, scope: &str, now: Stamp) -> Result<(), Refusal> {
        listing.check_token(scope)?;
        match self.quirks.value(Point::PageTokenLife).parse().map(Duration::from_secs) {
            Ok(life) => listing.check_age(life, now),
            Err(_) => Ok(()),
        }
    }
}

/// Key (microseconds of the sort field) and number of a row.
pub(crate) type Keyed = (i64, u32);

/// Takes one page. `source` yields rows in the direction of travel ([`Paging::ascends`]), starting beyond the
/// position of the token.
pub(crate) fn page(paging: &Paging, source: impl Iterator<Item = Keyed>, keep: impl Fn(u32) -> bool) -> Page {
    let mut rows: Vec<Keyed> = source.filter(|(_, number)| keep(*number)).take(paging.limit + 1).collect();
    let more = rows.len() > paging.limit;
    rows.truncate(paging.limit);
    let backwards = matches!(paging.from, Some(Position { towards: Towards::Prev, .. }));
    if backwards {
        rows.reverse();
    }
    // Without rows the token's own position is the only edge there is; it lies between two rows, so the row it was
    // taken from must fall on the far side of it.
    let edge = |row: Option<&Keyed>, towards| {
        let key = match (row, paging.from) {
            (Some((key, _)), _) => *key,
            (None, Some(from)) => step_over(from.key, towards, paging.order),
            (None, None) => return None,
        };
        Some(Position { key, towards })
    };
    let has_next = more || backwards;
    let has_prev = if backwards { more } else { paging.from.is_some() };
    let next = if has_next { edge(rows.last(), Towards::Next) } else { None };
    let prev = if has_prev { edge(rows.first(), Towards::Prev) } else { None };
    Page { rows: rows.into_iter().map(|(_, number)| number).collect(), next, prev }
}

fn step_over(key: i64, towards: Towards, order: Order) -> i64 {
    let up = (towards == Towards::Prev) == (order == Order::Asc);
    if up { key.saturating_add(1) } else { key.saturating_sub(1) }
}

/// Rows already sorted by key, in the direction of travel and beyond the token's position.
pub(crate) fn window<'a, T>(
    rows: &'a [T], keyed: impl Fn(&T) -> Keyed + 'a, paging: &Paging,
) -> Box<dyn Iterator<Item = Keyed> + 'a> {
    let ascends = paging.ascends();
    let cut = |beyond: fn(i64, i64) -> bool| {
        paging.from.map(|from| rows.partition_point(|row| beyond(keyed(row).0, from.key)))
    };
    if ascends {
        let start = cut(|key, bound| key <= bound).unwrap_or(0);
        Box::new(rows[start..].iter().map(keyed))
    } else {
        let end = cut(|key, bound| key < bound).unwrap_or(rows.len());
        Box::new(rows[..end].iter().rev().map(keyed))
    }
}

/// As [`window`], for rows in a set. Only keys inside `range` are visited: give it the filter on the sort field, or
/// everything.
pub(crate) fn in_range<'a>(
    rows: &'a BTreeSet<Keyed>, range: &CreatedRange, paging: &Paging,
) -> Box<dyn Iterator<Item = Keyed> + 'a> {
    let Some((from, to)) = keys_ahead(range, paging) else {
        return Box::new(std::iter::empty());
    };
    let range = rows.range((Bound::Included((from, 0)), Bound::Included((to, u32::MAX)))).copied();
    if paging.ascends() { Box::new(range) } else { Box::new(range.rev()) }
}

/// The least and the greatest key that lie inside `range` and beyond the token's position, if any can.
pub(super) fn keys_ahead(range: &CreatedRange, paging: &Paging) -> Option<(i64, i64)> {
    let (mut from, mut to) = (range.from, range.to);
    if let Some(position) = paging.from {
        if paging.ascends() {
            from = from.max(position.key.saturating_add(1));
        } else {
            to = to.min(position.key.saturating_sub(1));
        }
    }
    (from <= to).then_some((from, to))
}

/// As [`window`], for rows that first have to be sorted.
pub(crate) fn sorted_window(mut rows: Vec<Keyed>, paging: &Paging) -> std::vec::IntoIter<Keyed> {
    rows.sort_unstable();
    let ascends = paging.ascends();
    if let Some(from) = paging.from {
        rows.retain(|(key, _)| if ascends { *key > from.key } else { *key < from.key });
    }
    if !ascends {
        rows.reverse();
    }
    rows.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::query::Sort;

    fn paging(limit: usize, order: Order, from: Option<Position>) -> Paging {
        Paging { limit, order, sort: Sort::CreatedAt, from }
    }

    /// Walks forward over keys 10, 20, ... then back again, and returns the pages seen.
    fn walk(count: u32, limit: usize, order: Order) -> (Vec<Vec<u32>>, Vec<Vec<u32>>) {
        let rows: Vec<Keyed> = (0..count).map(|number| (i64::from(number) * 10 + 10, number)).collect();
        let take = |from| {
            let paging = paging(limit, order, from);
            page(&paging, window(&rows, |row| *row, &paging), |_| true)
        };
        let mut forth = vec![take(None)];
        while let Some(next) = forth[forth.len() - 1].next {
            forth.push(take(Some(next)));
        }
        let mut back = vec![];
        let mut prev = forth[forth.len() - 1].prev;
        while let Some(position) = prev {
            let page = take(Some(position));
            prev = page.prev;
            back.push(page.rows);
        }
        (forth.into_iter().map(|page| page.rows).collect(), back)
    }

    #[test]
    fn pages_forward_and_back_are_the_same() {
        let (forth, back) = walk(5, 2, Order::Asc);
        assert_eq!(forth, [vec![0, 1], vec![2, 3], vec![4]]);
        assert_eq!(back, [vec![2, 3], vec![0, 1]]);
        let (forth, back) = walk(5, 2, Order::Desc);
        assert_eq!(forth, [vec![4, 3], vec![2, 1], vec![0]]);
        assert_eq!(back, [vec![2, 1], vec![4, 3]]);
        assert_eq!(walk(4, 2, Order::Asc).0, [vec![0, 1], vec![2, 3]], "no empty page at the end");
        assert_eq!(walk(0, 2, Order::Asc), (vec![vec![]], vec![]));
    }

    #[test]
    fn an_empty_page_still_leads_back_to_the_row_it_came_from() {
        let rows = [(10, 0)];
        for order in [Order::Asc, Order::Desc] {
            let at = paging(1, order, Some(Position { key: 10, towards: Towards::Next }));
            let empty = page(&at, window(&rows, |row| *row, &at), |_| true);
            assert_eq!((empty.rows.len(), empty.next), (0, None));
            let back = paging(1, order, empty.prev);
            assert_eq!(page(&back, window(&rows, |row| *row, &back), |_| true).rows, [0]);
        }
    }
}
