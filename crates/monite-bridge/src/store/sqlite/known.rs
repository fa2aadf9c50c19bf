//! What an import must know of the rows that are there. Most are the same as what comes, so SQLite compares the hashes itself and
//! answers with one text, a number for each row that is the same; a row of its own for each would cost more than all the rest.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sqlx::SqliteConnection;

use super::super::StoreError;
use super::super::decide::{StoredCustomer, StoredUser};
use super::super::import::There;
use super::database;
use super::desired::{DesiredCustomer, DesiredUser, Hash};
use super::rows::{self, Unread};
use crate::domain::Generation;

/// What is stored of these customers, in their order.
pub(super) async fn customers(
    tx: &mut SqliteConnection, desired: &[&DesiredCustomer],
) -> Result<Vec<There<StoredCustomer>>, StoreError> {
    let asked: Vec<_> = desired.iter().map(|c| (&c.id, hex(&c.hash))).collect();
    let found = sqlx::query_scalar(
        "-- known_customers
         SELECT json_group_array(json(iif(
             w.document_hash = unhex(j.value ->> 1) AND w.wish = 'present', j.key,
             json_array(j.key, json_array(hex(w.document_hash), w.wish, w.generation, w.seen <> 'absent'))
         )))
         FROM json_each(?1) j JOIN customer_work w ON w.customer_id = j.value ->> 0",
    )
    .bind(rows::to_json(&asked))
    .fetch_one(tx)
    .await
    .map_err(database("known_customers"))?;
    type Columns = (String, String, i64, u8);
    in_order(desired.len(), found, |(hash, wish, generation, may_exist): Columns| {
        Ok(StoredCustomer {
            hash: unhex(&hash)?,
            wish: rows::wish(&wish)?,
            generation: Generation(generation),
            may_exist: may_exist != 0,
        })
    })
    .map_err(Into::into)
}

/// What is stored of these users, in their order; deleted ones too.
pub(super) async fn users(
    tx: &mut SqliteConnection, desired: &[&DesiredUser],
) -> Result<Vec<There<StoredUser>>, StoreError> {
    if desired.is_empty() {
        return Ok(Vec::new());
    }
    let asked: Vec<_> = desired.iter().map(|u| (&u.customer, &u.id, hex(&u.hash))).collect();
    let found = sqlx::query_scalar(
        "-- known_users
         SELECT json_group_array(json(iif(
             w.document_hash = unhex(j.value ->> 2) AND w.wish = 'present', j.key,
             json_array(j.key, json_array(hex(w.document_hash), w.wish, w.generation, w.login))
         )))
         FROM json_each(?1) j
         JOIN user_work w ON w.customer_id = j.value ->> 0 AND w.user_id = j.value ->> 1",
    )
    .bind(rows::to_json(&asked))
    .fetch_one(tx)
    .await
    .map_err(database("known_users"))?;
    type Columns = (String, String, i64, String);
    in_order(desired.len(), found, |(hash, wish, generation, login): Columns| {
        Ok(StoredUser { hash: unhex(&hash)?, wish: rows::wish(&wish)?, generation: Generation(generation), login })
    })
    .map_err(Into::into)
}

/// One row of an answer: its place among what was asked, and its columns if it is not the same.
#[derive(Deserialize)]
#[serde(untagged)]
enum Found<C> {
    Same(usize),
    Other(usize, C),
}

fn in_order<C: DeserializeOwned, T>(
    asked: usize, found: String, read: impl Fn(C) -> Result<T, Unread>,
) -> Result<Vec<There<T>>, Unread> {
    let mut there: Vec<There<T>> = std::iter::repeat_with(|| There::Nothing).take(asked).collect();
    for row in rows::json::<Vec<Found<C>>>(&found)? {
        let (place, row) = match row {
            Found::Same(place) => (place, There::Same),
            Found::Other(place, columns) => (place, There::Other(read(columns)?)),
        };
        if let Some(slot) = there.get_mut(place) {
            *slot = row;
        }
    }
    Ok(there)
}

fn hex(hash: &Hash) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    hash.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unhex(text: &str) -> Result<Hash, Unread> {
    let bytes: Option<Vec<u8>> = (0..text.len() / 2)
        .map(|at| text.get(at * 2..at * 2 + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok()))
        .collect();
    Ok(bytes.unwrap_or_default().as_slice().try_into()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_survive_the_trip() {
        let hash: Hash = std::array::from_fn(|byte| byte as u8 * 7);
        assert!(hex(&hash).starts_with("00070E15"));
        assert_eq!(unhex(&hex(&hash)).unwrap(), hash);
        for bad in ["", "00", "zz", "ä"] {
            assert!(unhex(bad).is_err(), "{bad:?}");
        }
    }
}
