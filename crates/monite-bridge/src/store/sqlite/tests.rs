//! The store's promise on SQLite, and what only a file can promise.

use std::sync::Arc;

use async_trait::async_trait;

use super::super::conformance::{Database, conformance_tests};
use super::super::{Store, StoreError};
use super::SqliteStore;

struct SqliteFile {
    directory: tempfile::TempDir,
}

impl SqliteFile {
    fn url(&self) -> String {
        format!("sqlite://{}", self.path().display())
    }

    fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("bridge.db")
    }
}

#[async_trait]
impl Database for SqliteFile {
    async fn create() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(&self.url()).await.unwrap())
    }
}

conformance_tests! { SqliteFile:
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
        users_of_a_deleted_customer_can_still_be_deleted,
        a_user_that_never_reached_monite_goes_away_at_once,
        a_user_at_monite_is_deleted_there_first,
        a_user_written_again_during_its_deletion_is_created_anew,
        a_user_to_be_kept_at_monite_is_only_forgotten,
        a_user_deleted_while_a_visit_creates_it_is_deleted_afterwards,
        a_user_to_be_kept_goes_when_the_visit_under_way_ends,
        an_entity_that_appears_under_a_deleted_customer_is_due,
    }
    doubt {
        an_unanswered_change_is_in_doubt_once_something_else_is_desired,
        a_success_ends_a_doubt,
        what_is_written_while_a_visit_has_it_in_hand_is_in_doubt_until_the_visit_tells,
        what_was_not_in_the_visits_hands_is_in_no_doubt,
        deletions_are_writes_too,
        a_customer_taken_over_from_the_dead_is_in_doubt,
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
    model {
        random_histories_agree_with_a_model,
    }
    process {
        nothing_answered_is_lost_when_the_process_dies,
        two_processes_use_one_database_at_the_same_time,
        one_object_written_from_all_sides_counts_every_change,
        a_failing_write_takes_no_other_down,
        closing_finishes_what_was_asked_for,
    }
}

async fn refusal(url: &str) -> String {
    match SqliteStore::open(url).await {
        Err(error @ StoreError::Open { .. }) => error.to_string(),
        other => panic!("{url} should have been refused: {other:?}"),
    }
}

#[tokio::test]
#[cfg(unix)]
async fn only_the_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let file = SqliteFile::create().await;
    let store = file.open().await;
    store.put_secret("a", b"a", jiff::Timestamp::UNIX_EPOCH).await.unwrap();
    for name in ["bridge.db", "bridge.db-wal", "bridge.db-shm"] {
        let mode = std::fs::metadata(file.directory.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn what_cannot_be_opened_says_what_to_do() {
    let file = SqliteFile::create().await;
    let missing = format!("sqlite://{}/no/bridge.db", file.directory.path().display());
    assert!(refusal(&missing).await.contains("does not exist: create it"));
    let directory = format!("sqlite://{}", file.directory.path().display());
    assert!(refusal(&directory).await.contains("it is not a file"));
    std::fs::write(file.path(), "id,type,email\n".repeat(100)).unwrap();
    assert!(refusal(&file.url()).await.contains("no SQLite database"));
    assert!(refusal("postgres://localhost/x").await.contains("sqlite://FILE"));
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let file = SqliteFile::create().await;
    file.open().await.close().await;
    let mut connection =
        sqlx::ConnectOptions::connect(&sqlx::sqlite::SqliteConnectOptions::new().filename(file.path())).await.unwrap();
    sqlx::query("INSERT INTO _sqlx_migrations VALUES (99, 'tomorrow', '', 1, x'00', 0)")
        .execute(&mut connection)
        .await
        .unwrap();
    let said = refusal(&file.url()).await;
    assert!(said.contains("a newer version of monite-bridge wrote it (its tables are at version 99"), "{said}");
}

/// Without it a claim walks all customers: at a million rows a tenth of a second instead of a millisecond.
#[tokio::test]
async fn the_queue_is_read_from_its_index() {
    let store = SqliteStore::open("sqlite::memory:").await.unwrap();
    for sql in [super::work::DUE_CUSTOMERS, super::listing::NEXT_DUE] {
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", sql.split_once('\n').unwrap().1));
        let plan = sqlx::query(explain).bind(0).bind(64).fetch_all(&store.readers).await.unwrap();
        let steps: Vec<String> = plan.iter().map(|row| sqlx::Row::get(row, "detail")).collect();
        assert_eq!(steps.len(), 1, "no sorting: {steps:?}");
        assert!(steps[0].contains("USING COVERING INDEX customer_work_wake"), "{steps:?}");
    }
}

#[tokio::test]
async fn two_processes_may_start_on_an_empty_file_together() {
    let file = SqliteFile::create().await;
    let opened = futures::future::join_all((0..4).map(|_| async { SqliteStore::open(&file.url()).await })).await;
    for store in opened {
        store.unwrap().ping().await.unwrap();
    }
}

#[tokio::test]
async fn a_store_in_memory_is_forgotten_with_its_value() {
    let store = SqliteStore::open("sqlite::memory:").await.unwrap();
    store.put_secret("a", b"a", jiff::Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!(store.secret("a").await.unwrap(), Some(b"a".to_vec()));
    let scratch = store._scratch.as_ref().unwrap().path().to_owned();
    assert!(scratch.exists());
    store.close().await;
    drop(store);
    assert!(!scratch.exists());
}
