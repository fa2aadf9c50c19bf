//! The promise of [`Store`], as tests that any implementation must pass.
//!
//! A database brings itself as a [`Database`] and runs all of them with [`conformance_tests!`]: one `#[tokio::test]` for each function
//! that its list names, the same for every database. A function that is missing there is dead code, and the compiler says so.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use monite::{EntityId, EntityUserId, NewEntity, NewEntityUser};
use serde_json::json;

use super::{
    Change, Customer, Fenced, Lease, Precondition, Progress, Store, StoreError, User, Visit, WorkerId, Written,
};
use crate::domain::document::{CustomerDocument, UserDocument};
use crate::domain::{Attempt, CustomerId, EntityLink, Generation, LastError, Seen, SyncState, UserId, UserLink};

pub(super) mod adopt;
pub(super) mod api_keys;
pub(super) mod audit;
pub(super) mod budget;
pub(super) mod deletion;
pub(super) mod doubt;
pub(super) mod erase;
pub(super) mod import;
pub(super) mod lease;
pub(super) mod listing;

pub(super) mod model;
pub(super) mod process;
pub(super) mod sealed;
pub(super) mod shared;
pub(super) mod stamps;
pub(super) mod sweep;
pub(super) mod visit;
pub(super) mod write;

/// A database that tests can open any number of times.
#[async_trait]
pub(super) trait Database: Send + Sync + 'static {
    /// How many random histories are tried on it.
    const HISTORIES: u32;
    /// An empty one.
    async fn create() -> Self;
    /// One more handle on it, as another process would have.
    async fn open(&self) -> Arc<dyn Store>;
    /// What the database itself says to a statement that is none of ours.
    async fn run_sql(&self, statement: &'static str) -> Result<(), String>;
}

/// All tests of the promise, for one kind of database. There is no other list.
macro_rules! conformance_tests {
    ($database:ty) => {
        $crate::store::conformance::each_of! { $database:
            write {
                what_was_written_is_read_back_to_the_letter,
                the_same_document_again_writes_nothing,
                another_document_is_a_new_generation_that_is_due_at_once,
                preconditions_guard_against_lost_updates,
                a_user_needs_its_customer,
                a_login_belongs_to_one_user_of_a_customer,
                the_login_of_a_deleted_user_is_free,
                what_monite_can_never_change_is_refused,
            }
            deletion {
                a_customer_that_never_reached_monite_is_deactivated_at_once,
                a_deleted_customer_comes_back_with_the_same_entity,
                a_user_of_a_deleted_customer_waits_for_its_return,
                users_that_were_not_at_monite_rest_with_their_customer,
                a_retry_lets_users_of_a_deleted_customer_rest,
                users_of_a_deleted_customer_can_still_be_deleted,
                a_user_that_never_reached_monite_goes_away_at_once,
                a_user_at_monite_is_deleted_there_first,
                a_user_written_again_during_its_deletion_is_created_anew,
                a_user_to_be_kept_at_monite_is_only_forgotten,
                a_user_deleted_while_a_visit_creates_it_is_deleted_afterwards,
                a_user_to_be_kept_goes_when_the_visit_under_way_ends,
                an_entity_that_appears_under_a_deleted_customer_is_due,
            }
            sweep {
                what_is_to_be_set_right_is_due,
                what_is_reported_waits_for_a_retry_or_a_new_document,
                a_sighting_may_only_tell_what_is_there,
                what_is_newer_than_a_sighting_stays,
                users_are_found_by_what_they_are_linked_to,
                a_setting_changes_only_from_what_it_was,
            }
            doubt {
                an_unanswered_change_is_in_doubt_once_something_else_is_desired,
                a_success_ends_a_doubt,
                a_success_keeps_what_may_still_land,
                a_create_of_the_dead_may_land_as_late_as_one_that_goes_out_now,
                what_is_written_while_a_visit_has_it_in_hand_is_in_doubt_until_the_visit_tells,
                what_was_not_in_the_visits_hands_is_in_no_doubt,
                what_a_visit_may_find_and_change_is_in_doubt,
                deletions_are_writes_too,
                a_customer_taken_over_from_the_dead_is_in_doubt,
                users_of_a_customer_deleted_during_a_visit_are_in_doubt_when_they_come_back,
            }
            import {
                records_are_counted_object_by_object,
                the_same_file_again_changes_and_wakes_nothing,
                new_and_changed_objects_are_due_at_once,
                a_refused_record_leaves_nothing_behind,
                users_of_one_record_may_swap_logins,
                the_last_record_of_a_customer_wins,
                an_import_brings_deleted_objects_back_and_deletes_none,
            }
            lease {
                claims_are_exclusive_among_concurrent_workers,
                the_longest_waiting_come_first,
                one_customer_can_be_claimed_by_name,
                the_customer_of_a_dead_worker_comes_back_and_its_lease_is_worth_nothing,
                a_renewed_lease_lasts_longer,
                a_write_during_a_visit_makes_the_customer_due_again,
                a_failure_of_an_old_document_says_nothing_about_the_new_one,
                an_object_is_not_tried_before_its_time,
                users_wake_their_customer_once_its_entity_exists,
            }
            visit {
                a_visit_shows_what_is_due_deletions_first,
                a_peek_shows_what_is_not_settled_due_or_not,
                an_unknown_outcome_survives_with_what_was_sent,
                links_are_found_by_monites_ids,
                an_entity_belongs_to_one_customer_and_changes_land_together,
                roles_are_known_by_template,
                what_was_inside_another_entity_is_forgotten,
                the_latest_calls_are_kept_newest_first,
                changed_templates_make_every_entity_due_once,
                role_progress_counts_entities_and_users,
            }
            listing {
                listings_come_in_pages_in_the_order_of_ids,
                failing_objects_are_listed_with_their_reason,
                counts_are_by_state,
                a_retry_makes_failing_objects_due_now,
                a_retry_of_all_leaves_the_others_alone,
                a_token_is_for_a_present_user_of_a_present_customer,
                a_sealed_secret_is_kept_under_its_name,
            }
            budget {
                processes_divide_the_rate_and_give_it_back,
                the_ledger_is_read_back_as_it_was_written,
                heartbeats_from_all_sides_never_give_out_more_than_the_rate,
            }
            shared {
                one_at_a_time_has_the_duty_to_fetch_the_shared_token,
                a_token_that_was_refused_goes_away_before_the_next_one_comes,
                a_duty_that_lapsed_or_was_given_up_is_anybodys,
                a_duty_by_a_clock_that_is_far_ahead_keeps_nobody_waiting,
                whose_tokens_end_is_told_to_every_process_whichever_way_it_comes,
                who_missed_more_than_is_told_at_once_is_told_that_it_may_be_anybody,
            }
            sealed {
                everything_sealed_is_listed_in_pages,
                what_was_written_meanwhile_is_not_sealed_over,
            }
            stamps {
                a_database_has_one_name_whoever_gives_it,
                links_are_due_to_be_stamped_from_the_first_on,
                a_customer_is_stamped_or_visited_by_one,
                a_link_that_changes_while_it_is_stamped_stays_due,
                every_way_a_link_comes_or_goes_is_stamped_and_nothing_else,
                a_stamp_that_may_still_land_is_looked_at_again,
                a_stamp_that_failed_waits_and_says_why,
            }
            api_keys {
                a_key_is_read_back_as_it_was_made,
                a_key_is_revoked_once_and_for_good,
            }
            erase {
                an_erasure_goes_on_until_it_is_purged_and_keeps_ids_only,
                a_customer_that_is_being_erased_cannot_be_written,
                whose_tokens_end_is_told_when_an_erasure_begins,
            }
            audit {
                what_was_done_is_read_back_in_its_order,
                what_was_done_cannot_be_changed_or_taken_away,
            }
            adopt {
                what_is_not_known_here_is_as_monite_shows_it,
                what_is_known_keeps_its_document_and_is_made_equal,
                a_link_is_never_stolen,
                an_entity_adopted_from_two_sides_is_linked_once,
                a_user_that_cannot_be_linked_is_left_out_and_stamped_anew,
                a_stamp_of_another_bridge_is_written_anew,
                a_lost_name_is_taken_only_while_nothing_is_linked,
                customers_without_an_entity_come_in_pages,
            }
            model {
                random_histories_agree_with_a_model,
            }
            process {
                nothing_answered_is_lost_when_the_process_dies,
                two_processes_use_one_database_at_the_same_time,
                one_object_written_from_all_sides_counts_every_change,
                of_many_who_saw_the_same_exactly_one_wins,
                a_login_wanted_by_many_at_once_goes_to_one,
                a_failing_write_takes_no_other_down,
                closing_finishes_what_was_asked_for,
            }
        }
    };
}
pub(super) use conformance_tests;

macro_rules! each_of {
    ($database:ty: $($module:ident { $($test:ident),* $(,)? })*) => {$(
        mod $module {
            $(
                #[tokio::test]
                async fn $test() {
                    use super::*;
                    let database = <$database>::create().await;
                    $crate::store::conformance::$module::$test(&database).await;
                }
            )*
        }
    )*};
}
pub(super) use each_of;

/// How long a lease lasts in these tests.
pub(super) const LEASE: Duration = Duration::from_secs(60);

/// The time at which a test stands, in seconds from its start.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

pub(super) fn customer_id(id: &str) -> CustomerId {
    CustomerId::parse(id).unwrap()
}

pub(super) fn user_id(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

pub(super) fn worker(name: &str) -> WorkerId {
    WorkerId(name.to_owned())
}

/// A customer's document; `phone` tells two of them apart.
pub(super) fn document(phone: &str) -> CustomerDocument {
    document_in("DE", phone)
}

pub(super) fn document_in(country: &str, phone: &str) -> CustomerDocument {
    let value = json!({
        "type": "organization", "email": "ap@example.com", "phone": phone,
        "address": {"country": country, "city": "Köln \"am Rhein\"", "line1": "Straße 1", "postal_code": "50667"},
        "organization": {"legal_name": "山田 & Söhne '; DROP TABLE customers; --"},
    });
    CustomerDocument::parse(&value).unwrap()
}

/// A user's document with this login.
pub(super) fn person(login: &str) -> UserDocument {
    person_named(login, "Ana")
}

pub(super) fn person_named(login: &str, first_name: &str) -> UserDocument {
    let value = json!({"login": login, "first_name": first_name, "role": "viewer"});
    UserDocument::from_stored(&value.to_string()).unwrap()
}

/// The entity id that stands for this number.
pub(super) fn entity_id(number: u32) -> EntityId {
    format!("00000000-0000-4000-8000-{number:012}").parse().unwrap()
}

pub(super) fn entity_user_id(number: u32) -> EntityUserId {
    format!("00000000-0000-4000-9000-{number:012}").parse().unwrap()
}

/// An entity as Monite confirmed it.
pub(super) fn entity(number: u32, document: &CustomerDocument) -> Seen<EntityLink, NewEntity> {
    Seen::Present(EntityLink { id: entity_id(number), confirmed: document.as_entity().clone(), active: true })
}

/// An entity whose create went out.
pub(super) fn attempted(document: &CustomerDocument, at: Timestamp) -> Seen<EntityLink, NewEntity> {
    Seen::Unknown(Attempt { at, lands_by: at + Duration::from_secs(20), sent: document.as_entity().clone() })
}

/// An entity user as Monite confirmed it.
pub(super) fn entity_user(number: u32, document: &UserDocument) -> Seen<UserLink, NewEntityUser> {
    Seen::Present(UserLink { id: entity_user_id(number), confirmed: document.to_entity_user(None) })
}

/// A success at this generation.
pub(super) fn done(generation: i64, at: Timestamp) -> Progress {
    Progress {
        generation: Generation(generation),
        state: SyncState::InSync,
        attempts: 0,
        due_at: None,
        error: None,
        unanswered_until: None,
        at,
    }
}

/// A failure that comes again after `seconds`.
pub(super) fn retrying(generation: i64, at: Timestamp, seconds: u64) -> Progress {
    Progress {
        state: SyncState::Retrying,
        attempts: 3,
        due_at: Some(at + Duration::from_secs(seconds)),
        error: Some(LastError {
            status: Some(503),
            message: "no \u{1F4A5}".to_owned(),
            request_id: Some("r-1".to_owned()),
            at,
        }),
        ..done(generation, at)
    }
}

/// A refusal that waits for somebody.
pub(super) fn rejected(generation: i64, at: Timestamp) -> Progress {
    Progress { state: SyncState::Rejected, due_at: None, ..retrying(generation, at, 0) }
}

/// The store under test, with the words that tests use.
pub(super) struct Desk(pub(super) Arc<dyn Store>);

impl std::ops::Deref for Desk {
    type Target = dyn Store;
    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl Desk {
    pub(super) async fn of(database: &impl Database) -> Self {
        Self(database.open().await)
    }

    /// Writes a customer and expects it to be accepted.
    pub(super) async fn put(&self, id: &str, document: &CustomerDocument, now: Timestamp) -> Customer {
        accepted(self.put_customer(&customer_id(id), document, Precondition::None, now).await)
    }

    pub(super) async fn put_person(&self, customer: &str, id: &str, document: &UserDocument, now: Timestamp) -> User {
        accepted(self.put_user(&customer_id(customer), &user_id(id), document, Precondition::None, now).await)
    }

    /// Deletes a user and expects that there was one.
    pub(super) async fn drop_person(&self, customer: &str, id: &str, keep: bool, now: Timestamp) -> User {
        let dropped = self.delete_user(&customer_id(customer), &user_id(id), Precondition::None, keep, now).await;
        accepted(dropped.map(|dropped| dropped.expect("there was such a user")))
    }

    /// Deletes a customer and expects that there was one.
    pub(super) async fn drop_customer(&self, id: &str, now: Timestamp) -> Customer {
        let dropped = self.delete_customer(&customer_id(id), Precondition::None, now).await;
        accepted(dropped.map(|dropped| dropped.expect("there was such a customer")))
    }

    /// The customer, which must be there.
    pub(super) async fn see(&self, id: &str) -> Customer {
        self.customer(&customer_id(id)).await.unwrap().expect("the customer is there")
    }

    pub(super) async fn see_person(&self, customer: &str, id: &str) -> Option<User> {
        self.user(&customer_id(customer), &user_id(id)).await.unwrap()
    }

    /// Whom a worker named `w` gets now.
    pub(super) async fn claim(&self, now: Timestamp) -> Vec<Lease> {
        self.claim_due(&worker("w"), now, LEASE, 100, None).await.unwrap()
    }

    /// The one customer that is due now.
    pub(super) async fn claim_one(&self, now: Timestamp) -> Lease {
        let mut leases = self.claim(now).await;
        assert_eq!(leases.len(), 1, "exactly one customer is due: {leases:?}");
        leases.remove(0)
    }

    /// Names of the customers that are due now. It takes them, so it ends a test or precedes a jump in time.
    pub(super) async fn due(&self, now: Timestamp) -> Vec<String> {
        self.claim(now).await.into_iter().map(|lease| lease.customer.to_string()).collect()
    }

    pub(super) async fn visit(&self, lease: &Lease, now: Timestamp) -> Visit {
        self.open(lease, now, 100).await.unwrap().expect("the lease is held")
    }

    /// Finishes a visit whose lease must still be held.
    pub(super) async fn finished(&self, lease: &Lease, changes: Vec<Change>) {
        assert_eq!(self.finish(lease, changes).await.unwrap(), Fenced::Recorded);
    }

    /// Writes down the middle of a visit whose lease must still be held.
    pub(super) async fn recorded(&self, lease: &Lease, changes: Vec<Change>) {
        assert_eq!(self.record(lease, changes).await.unwrap(), Fenced::Recorded);
    }

    /// A customer that is in sync, with this entity; nothing is due afterwards that was not before.
    pub(super) async fn settled(&self, id: &str, number: u32, now: Timestamp) -> Customer {
        let document = document("+49 1");
        self.put(id, &document, now).await;
        let lease = self.claim_due(&worker("w"), now, LEASE, 1, Some(&customer_id(id))).await.unwrap().remove(0);
        self.finished(&lease, vec![Change::Entity(entity(number, &document)), Change::CustomerDone(done(1, now))])
            .await;
        self.see(id).await
    }

    /// A user that is in sync, inside a customer that is.
    pub(super) async fn settled_person(&self, customer: &str, id: &str, number: u32, now: Timestamp) -> User {
        let person = person(id);
        self.put_person(customer, id, &person, now).await;
        let lease = self.claim_due(&worker("w"), now, LEASE, 1, Some(&customer_id(customer))).await.unwrap().remove(0);
        let changes =
            vec![Change::User(user_id(id), entity_user(number, &person)), Change::UserDone(user_id(id), done(1, now))];
        self.finished(&lease, changes).await;
        self.see_person(customer, id).await.expect("the user is there")
    }
}

fn accepted<T: std::fmt::Debug>(written: Result<Written<T>, StoreError>) -> T {
    match written.unwrap() {
        Written::Created(object) | Written::Changed(object) | Written::Unchanged(object) => object,
        other => panic!("the write was not accepted: {other:?}"),
    }
}
