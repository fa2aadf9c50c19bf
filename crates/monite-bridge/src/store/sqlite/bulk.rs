//! Many rows in one statement, as values and not as JSON: SQLite then parses nothing but the statement, once.

use futures::future::join;
use sqlx::SqliteConnection;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;

use super::super::StoreError;
use super::database;

/// Rows in one statement. A few fixed sizes, so that the statements prepared once serve for ever; the largest times the values of
/// a row stays far below the 32,766 that SQLite takes.
const SIZES: [usize; 5] = [256, 64, 16, 4, 1];

/// A query with its values.
pub(super) type Bound<'q> = Query<'q, sqlx::Sqlite, SqliteArguments>;

/// An `INSERT` of any number of rows: `head VALUES row, row, row tail`.
pub(super) struct Insert {
    /// The query's name.
    pub(super) name: &'static str,
    /// `INSERT INTO table (columns)`.
    pub(super) head: &'static str,
    /// One row in parentheses, a `?` for each value.
    pub(super) row: &'static str,
    /// `ON CONFLICT ...`.
    pub(super) tail: &'static str,
}

impl Insert {
    /// Writes all rows; `bind` adds the values of one, in the order of their `?`. The values of the next statement are gathered
    /// while SQLite, on a thread of its own, works on the one before.
    pub(super) async fn run<T>(
        &self, tx: &mut SqliteConnection, rows: &[T], bind: impl for<'q> Fn(Bound<'q>, &T) -> Bound<'q>,
    ) -> Result<(), StoreError> {
        // Safe: put together from constants.
        let query = |rows: &[T]| rows.iter().fold(sqlx::query(sqlx::AssertSqlSafe(self.sql(rows.len()))), &bind);
        let mut parts = parts(rows);
        let mut next = parts.next().map(&query);
        while let Some(now) = next {
            let (outcome, later) = join(now.execute(&mut *tx), async { parts.next().map(&query) }).await;
            outcome.map_err(database(self.name))?;
            next = later;
        }
        Ok(())
    }

    fn sql(&self, rows: usize) -> String {
        let Self { name, head, row, tail } = self;
        let values = vec![*row; rows].join(", ");
        format!("-- {name}\n{head} VALUES {values} {tail}")
    }
}

/// Cuts rows into as few parts of the fixed sizes as there can be.
fn parts<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|size| *size <= rows.len())?;
        let (now, later) = rows.split_at(size);
        rows = later;
        Some(now)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_one_part() {
        for (rows, expected) in
            [(0, vec![]), (1, vec![1]), (6, vec![4, 1, 1]), (256, vec![256]), (600, vec![256, 256, 64, 16, 4, 4])]
        {
            let rows: Vec<usize> = (0..rows).collect();
            assert_eq!(parts(&rows).map(<[_]>::len).collect::<Vec<_>>(), expected);
            assert_eq!(parts(&rows).flatten().copied().collect::<Vec<_>>(), rows);
        }
    }
}
