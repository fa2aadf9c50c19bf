//! Whatever is added, changed and deleted meanwhile: who walks a list meets every row that was there all the time
//! exactly once, in order, forwards and backwards.

use std::collections::{HashMap, HashSet};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseError;
use serde_json::Value;

use super::lists::{Kind, Lists, Page};
use crate::support::chance::{runner, runtime};

#[derive(Debug, Clone)]
struct Walk {
    kind: Kind,
    sort: Option<&'static str>,
    descends: bool,
    limit: usize,
    rows: u8,
    /// What happens before each further page; numbers pick a row.
    meanwhile: Vec<Vec<(Meddling, u8)>>,
}

#[derive(Debug, Clone, Copy)]
enum Meddling {
    Insert,
    Delete,
    Touch,
}

fn walks() -> impl Strategy<Value = Walk> {
    let kinds = select(Kind::ALL.to_vec()).prop_flat_map(|kind| (Just(kind), select(kind.sorts().to_vec())));
    let meddling = (select(vec![Meddling::Insert, Meddling::Delete, Meddling::Touch]), any::<u8>());
    let meanwhile = vec(vec(meddling, 0..4), 0..12);
    (kinds, any::<bool>(), 1..6_usize, 0..14_u8, meanwhile).prop_map(
        |((kind, sort), descends, limit, rows, meanwhile)| Walk { kind, sort, descends, limit, rows, meanwhile },
    )
}

/// The list under way.
struct Walker {
    lists: Lists,
    walk: Walk,
    /// Every row there is now.
    living: Vec<String>,
    /// Rows that may be missed or met again: deleted, or moved by a change of the field that sorts.
    moved: HashSet<String>,
    /// In which order the rows that did not move were made.
    made: HashMap<String, usize>,
}

impl Walker {
    async fn new(walk: Walk) -> Self {
        let (living, moved, made) = (Vec::new(), HashSet::new(), HashMap::new());
        let mut walker = Self { lists: Lists::new().await, walk, living, moved, made };
        if walker.walk.kind == Kind::Roles {
            walker.add(walker.lists.role.clone());
        }
        if walker.walk.kind.is_a_record() {
            walker.lists.subscribe().await;
        }
        for _ in 0..walker.walk.rows {
            walker.meddle(Meddling::Insert, 0).await;
        }
        walker
    }

    fn add(&mut self, id: String) {
        self.made.insert(id.clone(), self.made.len());
        self.living.push(id);
    }

    async fn meddle(&mut self, meddling: Meddling, number: u8) {
        let kind = self.walk.kind;
        let picked = (!self.living.is_empty()).then(|| usize::from(number) % self.living.len());
        match (meddling, picked) {
            (Meddling::Insert, _) => {
                let id = self.lists.insert(kind, Value::Null).await;
                self.add(id);
            }
            (Meddling::Delete, Some(index)) => {
                if self.lists.delete(kind, &self.living[index]).await {
                    let gone = self.living.remove(index);
                    self.moved.insert(gone);
                }
            }
            (Meddling::Touch, Some(index)) => {
                self.lists.touch(kind, &self.living[index]).await;
                if self.walk.sort == Some("updated_at") {
                    self.moved.insert(self.living[index].clone());
                }
            }
            (_, None) => {}
        }
    }

    async fn meanwhile(&mut self, page: usize) {
        for (meddling, number) in self.walk.meanwhile.get(page).cloned().unwrap_or_default() {
            self.meddle(meddling, number).await;
        }
    }

    async fn first(&self) -> Page {
        let order = if self.walk.descends { "desc" } else { "asc" };
        let sort = self.walk.sort.map(|sort| format!("&sort={sort}")).unwrap_or_default();
        self.lists.page(self.walk.kind, &format!("limit={}&order={order}{sort}", self.walk.limit)).await
    }

    /// Rows follow each other strictly in the order asked for.
    fn check_order(&self, rows: &[Value]) -> Result<(), TestCaseError> {
        let still = rows.iter().filter_map(|row| row["id"].as_str()).filter(|id| !self.moved.contains(*id));
        let made: Vec<usize> = still.map(|id| self.made[id]).collect();
        prop_assert!(made.windows(2).all(|pair| self.follows(&pair[0], &pair[1])), "not in order: {made:?}");
        let field = self.walk.sort.unwrap_or("created_at");
        let keys: Vec<&str> = rows.iter().filter_map(|row| row[field].as_str()).collect();
        prop_assert!(keys.windows(2).all(|pair| self.follows(&pair[0], &pair[1])), "not in order: {keys:?}");
        Ok(())
    }

    fn follows<T: Ord>(&self, one: &T, next: &T) -> bool {
        if self.walk.descends { one > next } else { one < next }
    }

    fn check_once(&self, rows: &[Value], expected: &[String]) -> Result<(), TestCaseError> {
        let ids: Vec<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
        for id in expected.iter().filter(|id| !self.moved.contains(*id)) {
            let times = ids.iter().filter(|seen| *seen == id).count();
            prop_assert_eq!(times, 1, "{} among {:?}", id, ids);
        }
        let met_again = |id: &&str| !self.moved.contains(*id) && ids.iter().filter(|seen| *seen == id).count() > 1;
        prop_assert_eq!(ids.iter().find(|id| met_again(id)), None);
        Ok(())
    }

    async fn run(&mut self) -> Result<(), TestCaseError> {
        let there_from_the_start = self.living.clone();
        let mut page = self.first().await;
        prop_assert!(page.prev.is_none(), "nothing is before the first page");
        let (mut seen, mut pages) = (Vec::new(), 0);
        let mut before_last = Vec::new();
        loop {
            prop_assert!(page.rows.len() <= self.walk.limit);
            before_last.clone_from(&seen);
            seen.append(&mut page.rows);
            let Some(next) = page.next else { break };
            prop_assert_eq!(seen.len() - before_last.len(), self.walk.limit, "only the last page may be short");
            self.meanwhile(pages).await;
            pages += 1;
            prop_assert!(pages < 60, "the walk does not end");
            page = self.lists.page(self.walk.kind, &next).await;
        }
        self.check_order(&seen)?;
        self.check_once(&seen, &there_from_the_start)?;
        self.back(page.prev, pages, &before_last).await
    }

    /// From the last page to the first: everything that was on the pages between.
    async fn back(&mut self, mut prev: Option<String>, pages: usize, seen: &[Value]) -> Result<(), TestCaseError> {
        let expected: Vec<String> = seen.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
        let mut again = Vec::new();
        for page in pages.. {
            let Some(query) = prev else { break };
            self.meanwhile(page).await;
            prop_assert!(page < 60 + pages, "the walk back does not end");
            let mut found = self.lists.page(self.walk.kind, &query).await;
            prop_assert!(found.rows.len() <= self.walk.limit);
            prop_assert!(
                found.prev.is_none() || found.rows.len() == self.walk.limit,
                "only the first page may be short"
            );
            found.rows.append(&mut again);
            again = found.rows;
            prev = found.prev;
        }
        self.check_order(&again)?;
        self.check_once(&again, &expected)
    }
}

#[test]
fn a_walk_meets_every_row_exactly_once_in_order_forwards_and_backwards() {
    let runtime = runtime();
    let outcome = runner(256).run(&walks(), |walk| runtime.block_on(async { Walker::new(walk).await.run().await }));
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
