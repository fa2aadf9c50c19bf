//! Changes that went out and that nobody saw answered count once something else is desired, and until somebody has looked.

use super::*;

/// A failure without an answer: the change may land until `until`.
fn unanswered(generation: i64, now: Timestamp, until: Timestamp) -> Progress {
    Progress { attempts: 1, unanswered_until: Some(until), ..retrying(generation, now, 5) }
}

fn failed(generation: i64, now: Timestamp, attempts: u32) -> Progress {
    Progress { attempts, ..rejected(generation, now) }
}

impl Desk {
    async fn doubts(&self) -> [Option<Timestamp>; 2] {
        [self.see("acme").await.doubt, self.see_person("acme", "ana").await.unwrap().doubt]
    }

    /// `acme` with `ana`, both at Monite, both written once more.
    async fn changed(&self) {
        self.settled("acme", 1, at(0)).await;
        self.settled_person("acme", "ana", 1, at(0)).await;
        self.write("2", at(1)).await;
    }

    async fn write(&self, version: &str, now: Timestamp) {
        self.put("acme", &document(version), now).await;
        self.put_person("acme", "ana", &person_named("ana", version), now).await;
    }
}

pub(crate) async fn an_unanswered_change_is_in_doubt_once_something_else_is_desired(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.changed().await;
    let lease = desk.claim_one(at(1)).await;
    let progress = unanswered(2, at(1), at(9));
    let changes = vec![Change::CustomerDone(progress.clone()), Change::UserDone(user_id("ana"), progress)];
    desk.finished(&lease, changes).await;
    assert_eq!(desk.doubts().await, [None, None], "the same change may be repeated");
    desk.write("3", at(7)).await;
    assert_eq!(desk.doubts().await, [Some(at(9)), Some(at(9))]);

    // Trying and failing does not end it, an answered look does, unless it was for what is not desired any more.
    let lease = desk.claim_one(at(7)).await;
    let waits = retrying(3, at(7), 1);
    let changes = vec![Change::CustomerDone(waits.clone()), Change::UserDone(user_id("ana"), waits)];
    desk.recorded(&lease, changes).await;
    let looked = |generation| {
        vec![Change::Looked(None, Generation(generation)), Change::Looked(Some(user_id("ana")), Generation(generation))]
    };
    desk.recorded(&lease, looked(2)).await;
    assert_eq!(desk.doubts().await, [Some(at(9)), Some(at(9))]);
    desk.finished(&lease, looked(3)).await;
    assert_eq!(desk.doubts().await, [None, None]);
    desk.write("4", at(8)).await;
    assert_eq!(desk.doubts().await, [None, None]);
}

pub(crate) async fn a_success_ends_a_doubt(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.changed().await;
    let lease = desk.claim_one(at(1)).await;
    let progress = unanswered(2, at(1), at(9));
    let changes = vec![Change::CustomerDone(progress.clone()), Change::UserDone(user_id("ana"), progress)];
    desk.finished(&lease, changes).await;
    let lease = desk.claim_one(at(7)).await;
    let changes = vec![Change::CustomerDone(done(2, at(7))), Change::UserDone(user_id("ana"), done(2, at(7)))];
    desk.finished(&lease, changes).await;
    desk.write("3", at(8)).await;
    assert_eq!(desk.doubts().await, [None, None]);
}

/// The client repeated the change itself: the second one was answered, the first one may be anywhere.
pub(crate) async fn a_success_keeps_what_may_still_land(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.changed().await;
    let lease = desk.claim_one(at(1)).await;
    let progress = Progress { unanswered_until: Some(at(9)), ..done(2, at(2)) };
    let changes = vec![Change::CustomerDone(progress.clone()), Change::UserDone(user_id("ana"), progress)];
    desk.finished(&lease, changes).await;
    assert_eq!(desk.doubts().await, [None, None], "what is desired may land a second time");
    let late = [desk.see("acme").await.late, desk.see_person("acme", "ana").await.unwrap().late];
    assert_eq!(late, [Some(at(9)), Some(at(9))]);
    desk.write("3", at(7)).await;
    assert_eq!(desk.doubts().await, [Some(at(9)), Some(at(9))]);
}

/// It may have waited for its turn until its lease was over.
pub(crate) async fn a_create_of_the_dead_may_land_as_late_as_one_that_goes_out_now(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.put("acme", &document("1"), at(0)).await;
    let lease = desk.claim_one(at(0)).await;
    let sent = document("1").as_entity().clone();
    let attempt = Attempt { at: at(0), lands_by: at(5), sent };
    desk.recorded(&lease, vec![Change::Entity(Seen::Unknown(attempt))]).await;
    let later = at(1) + LEASE;
    desk.claim_one(later).await;
    let Seen::Unknown(attempt) = desk.see("acme").await.entity else { panic!("it was not looked for") };
    assert_eq!(attempt.lands_by, later + crate::domain::LANDS_WITHIN_UNSEEN);
}

pub(crate) async fn what_is_written_while_a_visit_has_it_in_hand_is_in_doubt_until_the_visit_tells<D: Database>(_: &D) {
    let until = Some(at(2) + crate::domain::LANDS_WITHIN_UNSEEN);
    for (told, left) in [
        (Some(done(2, at(3))), None),
        (Some(failed(2, at(3), 1)), None),
        // An earlier attempt at it may be the one that is still on its way.
        (Some(failed(2, at(3), 2)), until),
        (Some(unanswered(2, at(3), at(90))), Some(at(90))),
        (None, until),
    ] {
        let database = D::create().await;
        let desk = Desk::of(&database).await;
        desk.changed().await;
        let lease = desk.claim_one(at(1)).await;
        desk.write("3", at(2)).await;
        assert_eq!(desk.doubts().await, [until, until]);
        let tells = |progress: Progress| {
            vec![Change::CustomerDone(progress.clone()), Change::UserDone(user_id("ana"), progress)]
        };
        desk.finished(&lease, told.clone().map_or(Vec::new(), tells)).await;
        assert_eq!(desk.doubts().await, [left, left], "told {told:?}");
    }
}

pub(crate) async fn what_was_not_in_the_visits_hands_is_in_no_doubt(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.settled("acme", 1, at(0)).await;
    desk.settled_person("acme", "ana", 1, at(0)).await;
    desk.write("2", at(1)).await;
    assert_eq!(desk.doubts().await, [None, None], "nobody works on it");
    let lease = desk.claim_one(at(1)).await;
    desk.recorded(&lease, vec![Change::CustomerDone(done(2, at(1)))]).await;
    desk.put("acme", &document("3"), at(2)).await;
    assert_eq!(desk.see("acme").await.doubt, None, "its change was answered");
}

/// What is not known to be there may be found in the same visit, and changed at once.
pub(crate) async fn what_a_visit_may_find_and_change_is_in_doubt(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.settled("acme", 1, at(0)).await;
    desk.put_person("acme", "new", &person("new"), at(1)).await;
    desk.claim_one(at(1)).await;
    desk.put_person("acme", "new", &person_named("new", "N"), at(2)).await;
    let until = Some(at(2) + crate::domain::LANDS_WITHIN_UNSEEN);
    assert_eq!(desk.see_person("acme", "new").await.unwrap().doubt, until);
}

pub(crate) async fn deletions_are_writes_too(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.changed().await;
    desk.claim_one(at(1)).await;
    desk.drop_person("acme", "ana", false, at(2)).await;
    desk.drop_customer("acme", at(2)).await;
    let until = Some(at(2) + crate::domain::LANDS_WITHIN_UNSEEN);
    assert_eq!(desk.doubts().await, [until, until]);
}

/// Users of a deleted customer rest, and a visit that dies then has left what it was doing to them.
pub(crate) async fn users_of_a_customer_deleted_during_a_visit_are_in_doubt_when_they_come_back(
    database: &impl Database,
) {
    let desk = Desk::of(database).await;
    desk.changed().await;
    desk.claim_one(at(1)).await;
    desk.drop_customer("acme", at(2)).await;
    // It dies there. The next one switches the entity off, and has no eye for users.
    let later = at(1) + LEASE;
    let lease = desk.claim_one(later).await;
    desk.finished(&lease, vec![Change::CustomerDone(Progress { state: SyncState::Deactivated, ..done(3, later) })])
        .await;
    desk.put("acme", &document("2"), later).await;
    let ana = desk.see_person("acme", "ana").await.unwrap();
    assert_eq!(
        (ana.doubt, ana.sync.attempts),
        (None, 1),
        "the same change may be repeated, and its answer does not end this"
    );
    desk.put_person("acme", "ana", &person_named("ana", "3"), later).await;
    let until = Some(later + crate::domain::LANDS_WITHIN_UNSEEN);
    assert_eq!(desk.see_person("acme", "ana").await.unwrap().doubt, until);
}

pub(crate) async fn a_customer_taken_over_from_the_dead_is_in_doubt(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.changed().await;
    desk.claim_one(at(1)).await;
    let later = at(1) + LEASE;
    let lease = desk.claim_one(later).await;
    let visit = desk.visit(&lease, later).await;
    assert_eq!((visit.customer.sync.attempts, visit.users[0].sync.attempts), (1, 1), "somebody tried");
    assert_eq!(desk.doubts().await, [None, None], "the same change may be repeated");
    let refused = failed(2, later, 2);
    let changes = vec![Change::CustomerDone(refused.clone()), Change::UserDone(user_id("ana"), refused)];
    desk.finished(&lease, changes).await;
    desk.write("3", later).await;
    let until = Some(later + crate::domain::LANDS_WITHIN_UNSEEN);
    assert_eq!(desk.doubts().await, [until, until]);
}
