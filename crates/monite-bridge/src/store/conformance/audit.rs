//! The audit log: rows are added, and never changed.

use super::*;
use crate::audit::AuditEntry;

fn entry(second: i64, customer: Option<&str>) -> AuditEntry {
    AuditEntry {
        at: at(second),
        who: "mbk_AAAAAAAAAAAA".to_owned(),
        what: "PUT /v1/customers/{customer}".to_owned(),
        customer: customer.map(str::to_owned),
        user: None,
        address: Some("192.0.2.1".to_owned()),
        outcome: "201".to_owned(),
        request_id: Some("1-2".to_owned()),
    }
}

pub(crate) async fn what_was_done_is_read_back_in_its_order(database: &impl Database) {
    let desk = Desk::of(database).await;
    let all = [entry(10, Some("acme")), entry(20, Some("beta")), entry(30, None), entry(40, Some("acme"))];
    desk.append_audit(&all[..1]).await.unwrap();
    desk.append_audit(&all[1..]).await.unwrap();
    let other = Desk::of(database).await;
    let read = async |after, since, customer, limit| {
        let page = other.audit(after, since, customer, limit).await.unwrap();
        page.into_iter().map(|record| record.entry).collect::<Vec<_>>()
    };
    assert_eq!(read(0, None, None, 100).await, all);
    assert_eq!(read(0, Some(at(20)), None, 100).await, all[1..]);
    assert_eq!(read(0, None, Some("acme"), 100).await, [all[0].clone(), all[3].clone()]);
    let first = desk.audit(0, None, None, 2).await.unwrap();
    assert_eq!(first.len(), 2);
    assert_eq!(read(first[1].number, None, None, 100).await, all[2..], "page by page");
}

pub(crate) async fn what_was_done_cannot_be_changed_or_taken_away(database: &impl Database) {
    let desk = Desk::of(database).await;
    desk.append_audit(&[entry(10, Some("acme"))]).await.unwrap();
    for statement in ["UPDATE audit SET who = 'nobody'", "DELETE FROM audit", "TRUNCATE TABLE audit"] {
        let refused = database.run_sql(statement).await.unwrap_err();
        // SQLite does not know the last one.
        let is_unknown = refused.contains("near \"TRUNCATE\": syntax error");
        assert!(refused.contains("append-only") || is_unknown, "{statement}: {refused}");
    }
    assert_eq!(desk.audit(0, None, None, 100).await.unwrap()[0].entry, entry(10, Some("acme")));
}
