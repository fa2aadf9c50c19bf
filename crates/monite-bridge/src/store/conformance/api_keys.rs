//! API keys: kept, taken back.

use super::*;
use crate::api_key::{ApiKey, Scope, Scopes};

fn key(name: &str, made: i64, expires: Option<i64>) -> ApiKey {
    ApiKey::make(name, Scopes::of(&[Scope::Token, Scope::Read]), at(made), expires.map(at)).unwrap().0
}

pub(crate) async fn a_key_is_read_back_as_it_was_made(database: &impl Database) {
    let desk = Desk::of(database).await;
    let (one, mut two) = (key("one", 10, None), key("two – zwei", 5, Some(20)));
    two.last_used_at = Some(at(6));
    assert_eq!(desk.api_keys().await.unwrap(), []);
    for key in [&one, &two] {
        desk.put_api_key(key).await.unwrap();
        assert_eq!(desk.api_key(&key.id).await.unwrap().as_ref(), Some(key));
    }
    assert!(desk.put_api_key(&one).await.is_err(), "an id is given once");
    assert_eq!(desk.api_keys().await.unwrap(), [two.clone(), one.clone()], "the oldest first");
    assert_eq!(Desk::of(database).await.api_keys().await.unwrap(), [two, one], "at every process");
    assert_eq!(desk.api_key(&key("three", 0, None).id).await.unwrap(), None);
}

pub(crate) async fn a_key_is_revoked_once_and_for_good(database: &impl Database) {
    let desk = Desk::of(database).await;
    let (one, other) = (key("one", 0, None), key("other", 1, None));
    desk.put_api_key(&one).await.unwrap();
    desk.put_api_key(&other).await.unwrap();
    let revoked = ApiKey { revoked_at: Some(at(7)), ..one.clone() };
    assert_eq!(desk.revoke_api_key(&one.id, at(7)).await.unwrap().as_ref(), Some(&revoked));
    assert_eq!(
        desk.revoke_api_key(&one.id, at(9)).await.unwrap().as_ref(),
        Some(&revoked),
        "twice is the same as once"
    );
    desk.used_api_key(&one.id, at(8)).await.unwrap();
    let used = ApiKey { last_used_at: Some(at(8)), ..revoked };
    assert_eq!(desk.api_key(&one.id).await.unwrap(), Some(used));
    assert_eq!(desk.api_key(&other.id).await.unwrap(), Some(other));
    assert_eq!(desk.revoke_api_key(&key("nobody", 0, None).id, at(9)).await.unwrap(), None);
}
