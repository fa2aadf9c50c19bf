//! Everything sealed: listed, and sealed anew by who saw it last.

use super::super::{SealedName, SealedRow, Shelf};
use super::*;

fn name(shelf: Shelf, name: &str) -> SealedName {
    SealedName { shelf, name: name.to_owned() }
}

/// A shared token as a process leaves it.
async fn minted(desk: &Desk, name: &str, sealed: &[u8], expires: i64) {
    let seen = desk.shared_token(name).await.unwrap().version;
    let duty = desk.begin_mint(name, seen, false, at(0), at(5)).await.unwrap().unwrap();
    assert!(desk.end_mint(name, duty, Some((sealed.to_vec(), at(expires)))).await.unwrap());
}

pub(crate) async fn everything_sealed_is_listed_in_pages(database: &impl Database) {
    let desk = Desk::of(database).await;
    assert_eq!(desk.sealed(None, 10).await.unwrap(), []);
    for secret in ["b", "a", "B", "\u{e4}"] {
        desk.put_secret(secret, secret.as_bytes(), at(0)).await.unwrap();
    }
    minted(&desk, "a", &[0, 255], 1800).await;
    minted(&desk, "b", &[1], 900).await;
    // Somebody is fetching one: nothing lies there yet.
    desk.begin_mint("c", 0, false, at(0), at(5)).await.unwrap().unwrap();
    let mut expected: Vec<SealedRow> = ["B", "a", "b", "\u{e4}"]
        .into_iter()
        .map(|secret| SealedRow {
            name: name(Shelf::Secrets, secret),
            sealed: secret.as_bytes().to_vec(),
            expires_at: None,
        })
        .collect();
    for (token, sealed, expires) in [("a", vec![0, 255], 1800), ("b", vec![1], 900)] {
        expected.push(SealedRow { name: name(Shelf::SharedTokens, token), sealed, expires_at: Some(at(expires)) });
    }
    for limit in [1, 2, 3, 6, 7] {
        let mut found: Vec<SealedRow> = Vec::new();
        loop {
            let page = desk.sealed(found.last().map(|row| &row.name), limit).await.unwrap();
            assert!(page.len() <= usize::try_from(limit).unwrap());
            if page.is_empty() {
                break;
            }
            found.extend(page);
        }
        assert_eq!(found, expected, "in pages of {limit}");
    }
}

pub(crate) async fn what_was_written_meanwhile_is_not_sealed_over(database: &impl Database) {
    let (desk, other) = (Desk::of(database).await, Desk::of(database).await);
    desk.put_secret("s", b"old", at(0)).await.unwrap();
    minted(&desk, "s", b"old", 1800).await;
    minted(&desk, "other", b"old", 1800).await;
    let version = desk.shared_token("s").await.unwrap().version;
    let (secret, token) = (name(Shelf::Secrets, "s"), name(Shelf::SharedTokens, "s"));
    for row in [&secret, &token] {
        assert!(!other.reseal(row, b"older", b"new").await.unwrap(), "{row:?} is not what was seen");
        assert!(other.reseal(row, b"old", b"new").await.unwrap());
        assert!(!desk.reseal(row, b"old", b"late").await.unwrap(), "{row:?} was sealed anew by another");
        assert!(!desk.reseal(&SealedName { name: "nothing".to_owned(), ..row.clone() }, b"old", b"new").await.unwrap());
    }
    assert_eq!(desk.secret("s").await.unwrap(), Some(b"new".to_vec()));
    let shared = desk.shared_token("s").await.unwrap();
    assert_eq!((shared.sealed, shared.version), (Some(b"new".to_vec()), version), "it is the same token to who has it");
    assert_eq!(desk.sealed(Some(&secret), 10).await.unwrap()[1].expires_at, Some(at(1800)));
    assert_eq!(desk.shared_token("other").await.unwrap().sealed, Some(b"old".to_vec()));

    assert!(!desk.drop_shared_token("s", b"old").await.unwrap(), "it is another one by now");
    assert!(desk.drop_shared_token("s", b"new").await.unwrap());
    assert_eq!(other.shared_token("s").await.unwrap().sealed, None);
    assert!(other.begin_mint("s", version, false, at(10), at(15)).await.unwrap().is_some(), "the next can be fetched");
    assert_eq!(desk.shared_token("other").await.unwrap().sealed, Some(b"old".to_vec()));
    assert_eq!(desk.secret("s").await.unwrap(), Some(b"new".to_vec()), "of secrets nothing is dropped");
}
