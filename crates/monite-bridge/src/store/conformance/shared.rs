//! Tokens and several processes: the partner's is shared, and each learns whose tokens end through others.

use super::super::TokenEnd;
use super::super::ends::AT_ONCE;
use super::*;
use crate::domain::ObjectId;
use crate::domain::document::ImportRecord;

pub(crate) async fn one_at_a_time_has_the_duty_to_fetch_the_shared_token(database: &impl Database) {
    let (desk, other) = (Desk::of(database).await, Desk::of(database).await);
    let nothing = desk.shared_token("t").await.unwrap();
    assert_eq!((nothing.version, nothing.sealed), (0, None));
    let (one, two) =
        tokio::join!(desk.begin_mint("t", 0, false, at(0), at(5)), other.begin_mint("t", 0, false, at(0), at(5)));
    let duties: Vec<i64> = [one.unwrap(), two.unwrap()].into_iter().flatten().collect();
    assert_eq!(duties.len(), 1, "{duties:?}");
    let seen = other.shared_token("t").await.unwrap().version;
    assert_eq!(other.begin_mint("t", seen, false, at(4), at(9)).await.unwrap(), None, "somebody has it");
    assert!(
        other.begin_mint("u", 0, false, at(4), at(9)).await.unwrap().is_some(),
        "under another name it is another one"
    );
    assert!(desk.end_mint("t", duties[0], Some((vec![1], at(1800)))).await.unwrap());
    assert_eq!(other.shared_token("t").await.unwrap().sealed, Some(vec![1]));
    // Whoever looked before that must look again.
    assert_eq!(other.begin_mint("t", seen, false, at(9), at(14)).await.unwrap(), None);
}

pub(crate) async fn a_token_that_was_refused_goes_away_before_the_next_one_comes(database: &impl Database) {
    let desk = Desk::of(database).await;
    let duty = desk.begin_mint("t", 0, false, at(0), at(5)).await.unwrap().unwrap();
    assert!(desk.end_mint("t", duty, Some((vec![1], at(1800)))).await.unwrap());
    let seen = desk.shared_token("t").await.unwrap().version;
    let duty = desk.begin_mint("t", seen, false, at(1500), at(1505)).await.unwrap().unwrap();
    assert_eq!(desk.shared_token("t").await.unwrap().sealed, Some(vec![1]), "it is good until the next one comes");
    assert!(desk.end_mint("t", duty, None).await.unwrap());
    let seen = desk.shared_token("t").await.unwrap().version;
    let duty = desk.begin_mint("t", seen, true, at(1500), at(1505)).await.unwrap().unwrap();
    assert_eq!(desk.shared_token("t").await.unwrap().sealed, None);
    assert!(desk.end_mint("t", duty, None).await.unwrap());
    assert_eq!(desk.shared_token("t").await.unwrap().sealed, None);
}

pub(crate) async fn a_duty_that_lapsed_or_was_given_up_is_anybodys(database: &impl Database) {
    let desk = Desk::of(database).await;
    let lapsed = desk.begin_mint("t", 0, false, at(0), at(5)).await.unwrap().unwrap();
    let next = desk.begin_mint("t", lapsed, false, at(5), at(10)).await.unwrap().unwrap();
    assert!(!desk.end_mint("t", lapsed, Some((vec![1], at(1800)))).await.unwrap(), "too late");
    assert_eq!(desk.shared_token("t").await.unwrap().sealed, None);
    assert!(desk.end_mint("t", next, None).await.unwrap());
    assert!(!desk.end_mint("t", next, Some((vec![2], at(1800)))).await.unwrap(), "given up already");
    let seen = desk.shared_token("t").await.unwrap().version;
    let last = desk.begin_mint("t", seen, false, at(6), at(11)).await.unwrap().unwrap();
    assert!(desk.end_mint("t", last, Some((vec![3], at(1800)))).await.unwrap());
    assert_eq!(desk.shared_token("t").await.unwrap().sealed, Some(vec![3]));
}

pub(crate) async fn a_duty_by_a_clock_that_is_far_ahead_keeps_nobody_waiting(database: &impl Database) {
    let desk = Desk::of(database).await;
    let seen = desk.begin_mint("t", 0, false, at(3600), at(3605)).await.unwrap().unwrap();
    assert!(desk.begin_mint("t", seen, false, at(0), at(5)).await.unwrap().is_some());
    let seen = desk.begin_mint("u", 0, false, at(4), at(9)).await.unwrap().unwrap();
    assert_eq!(
        desk.begin_mint("u", seen, false, at(0), at(5)).await.unwrap(),
        None,
        "somewhat ahead is nothing special"
    );
}

/// Whoever was ready for a token and is not any more, or not as the same entity user.
pub(crate) async fn whose_tokens_end_is_told_to_every_process_whichever_way_it_comes(database: &impl Database) {
    let (desk, other) = (Desk::of(database).await, Desk::of(database).await);
    let begin = other.token_ends(None).await.unwrap();
    assert_eq!(begin.ended, None, "nobody knows what was before");
    let mut reader = Reader { desk: other, seen: begin.upto };
    let (ana, acme) = (person("ana"), document("1"));
    desk.put("acme", &acme, at(0)).await;
    desk.put_person("acme", "ana", &ana, at(0)).await;
    let lease = desk.claim_one(at(0)).await;
    let linked = |entity_number, user_number| {
        vec![Change::Entity(entity(entity_number, &acme)), Change::User(user_id("ana"), entity_user(user_number, &ana))]
    };
    desk.recorded(&lease, linked(1, 1)).await;
    desk.recorded(&lease, linked(1, 1)).await;
    desk.put("acme", &document("2"), at(1)).await;
    assert_eq!(reader.told().await, [], "nothing ended: they were created, seen again, written again");

    let (of_ana, of_acme) =
        (ObjectId::User(customer_id("acme"), user_id("ana")), ObjectId::Customer(customer_id("acme")));
    let moved = |object: &ObjectId| TokenEnd { object: object.clone(), gone: false };
    let gone = |object: &ObjectId| TokenEnd { object: object.clone(), gone: true };
    desk.recorded(&lease, vec![Change::User(user_id("ana"), entity_user(2, &ana))]).await;
    assert_eq!(reader.told().await, [moved(&of_ana)], "a visit found that she is another entity user now");
    desk.recorded(&lease, vec![Change::User(user_id("ana"), Seen::Absent)]).await;
    assert_eq!(reader.told().await, [moved(&of_ana)], "or none");
    desk.recorded(&lease, linked(1, 3)).await;
    assert_eq!(reader.told().await, []);
    desk.recorded(&lease, vec![Change::Entity(inactive(entity(1, &acme)))]).await;
    assert_eq!(reader.told().await, [moved(&of_acme)], "deactivated by somebody else");
    desk.recorded(&lease, vec![Change::Entity(entity(1, &acme))]).await;
    desk.recorded(&lease, vec![Change::Entity(entity(2, &acme))]).await;
    let mut told = reader.told().await;
    told.sort();
    assert_eq!(told, [moved(&of_acme), moved(&of_ana)], "another entity has none of the users of the first");
    desk.finished(&lease, linked(2, 4)).await;
    assert_eq!(reader.told().await, []);

    desk.drop_person("acme", "ana", false, at(2)).await;
    assert_eq!(reader.told().await, [gone(&of_ana)]);
    desk.put_person("acme", "ana", &ana, at(3)).await;
    desk.drop_person("acme", "ana", true, at(4)).await;
    assert_eq!(reader.told().await, [gone(&of_ana)], "kept at Monite, gone here");
    desk.drop_customer("acme", at(5)).await;
    assert_eq!(reader.told().await, [gone(&of_acme)]);
}

pub(crate) async fn who_missed_more_than_is_told_at_once_is_told_that_it_may_be_anybody(database: &impl Database) {
    let desk = Desk::of(database).await;
    let users: Vec<u32> = (1..=u32::try_from(AT_ONCE).unwrap()).collect();
    let name = |user: &u32| format!("u{user}");
    let users_of_acme = users.iter().map(|user| (user_id(&name(user)), person(&name(user)))).collect();
    desk.import(&[ImportRecord { id: customer_id("acme"), customer: document("1"), users: users_of_acme }], at(0))
        .await
        .unwrap();
    let lease = desk.claim_one(at(0)).await;
    let there = |user: &u32| Change::User(user_id(&name(user)), entity_user(*user, &person(&name(user))));
    let mut changes = vec![Change::Entity(entity(1, &document("1")))];
    changes.extend(users.iter().map(there));
    desk.recorded(&lease, changes).await;
    let begin = desk.token_ends(None).await.unwrap().upto;
    desk.recorded(&lease, vec![Change::Entity(entity(2, &document("1")))]).await;
    let ends = desk.token_ends(Some(begin)).await.unwrap();
    assert_eq!((ends.upto, ends.ended), (begin + AT_ONCE + 1, None), "the customer and all of its users");
    let all_but_one = desk.token_ends(Some(begin + 1)).await.unwrap().ended.expect("nothing is missing");
    assert_eq!(all_but_one.len(), users.len());
    // A database restored from a backup is behind what its processes have seen.
    assert_eq!(desk.token_ends(Some(begin + 10 * AT_ONCE)).await.unwrap().ended, None);
}

/// Another process, which looks now and then.
struct Reader {
    desk: Desk,
    seen: i64,
}

impl Reader {
    async fn told(&mut self) -> Vec<TokenEnd> {
        let ends = self.desk.token_ends(Some(self.seen)).await.unwrap();
        self.seen = ends.upto;
        ends.ended.expect("nothing is missing")
    }
}

fn inactive(entity: Seen<EntityLink, NewEntity>) -> Seen<EntityLink, NewEntity> {
    match entity {
        Seen::Present(link) => Seen::Present(EntityLink { active: false, ..link }),
        other => other,
    }
}
