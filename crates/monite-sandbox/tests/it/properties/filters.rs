//! A filtered list is what brute force over the whole list leaves, in the same order, on however many pages.

use jiff::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};

use super::lists::{Kind, Lists};
use crate::support::chance::{runner, runtime};

/// A filter, and numbers that pick its values among those that rows have.
type Filter = (&'static str, Vec<u8>);

#[derive(Debug, Clone)]
struct Query {
    filters: Vec<Filter>,
    sort: Option<&'static str>,
    descends: bool,
    limit: usize,
}

const CREATED: [&str; 4] = ["created_at__gt", "created_at__lt", "created_at__gte", "created_at__lte"];

fn filters(kind: Kind) -> Vec<&'static str> {
    let own: &[&str] = match kind {
        Kind::Subscriptions | Kind::Events => &["object_type"],
        Kind::Deliveries => &["object_type", "event_id", "event_action"],
        Kind::Entities => &["type", "status", "email", "email__in", "id__in", "id__not_in"],
        Kind::Roles => &["id__in", "name", "created_at"],
        Kind::EntityUsers => {
            &["id__in", "id__not_in", "role_id", "role_id__in", "login", "status", "first_name", "name__istartswith"]
        }
    };
    own.iter().chain(&CREATED).copied().collect()
}

fn queries(kind: Kind) -> impl Strategy<Value = Vec<Query>> {
    let filter = (select(filters(kind)), vec(any::<u8>(), 1..4));
    let query = (vec(filter, 0..4), select(kind.sorts().to_vec()), any::<bool>(), 1..8_usize)
        .prop_map(|(filters, sort, descends, limit)| Query { filters, sort, descends, limit });
    vec(query, 1..8)
}

/// What each row is to be like; the numbers pick a few of few values.
fn fields(kind: Kind, number: u8, role: &str) -> Value {
    let pick = |values: &[&'static str]| values[usize::from(number) % values.len()];
    match kind {
        Kind::Entities if number.is_multiple_of(3) => json!({
            "type": "individual", "organization": null, "individual": {"first_name": "A", "last_name": "B"},
            "email": pick(&["a@example.com", "A@example.com"]),
        }),
        Kind::Entities => json!({"email": pick(&["a@example.com", "b@example.com", "A@example.com", "c@example.com"])}),
        Kind::Subscriptions => json!({"object_type": pick(&["tag", "role", "entity", "payable"])}),
        Kind::Roles | Kind::Events | Kind::Deliveries => json!({}),
        Kind::EntityUsers => json!({
            "first_name": pick(&["Ana", "ana", "Äna", "Bob", ""]), "last_name": pick(&["ANALOG", "Ärger", "Bo"]), "role_id": role,
        }),
    }
}

async fn build(kind: Kind, rows: &[(u8, u8)]) -> Lists {
    let mut lists = Lists::new().await;
    if kind.is_a_record() {
        lists.subscribe().await;
    }
    let other = lists.insert(Kind::Roles, json!({"name": "other"})).await;
    for (number, fate) in rows {
        let role = if number.is_multiple_of(2) { lists.role.clone() } else { other.clone() };
        let id = lists.insert(kind, fields(kind, *number, &role)).await;
        match fate % 5 {
            0 => drop(lists.delete(kind, &id).await),
            1 => lists.touch(kind, &id).await,
            2 if kind == Kind::Entities => {
                lists.call(&format!("POST /entities/{id}/deactivate"), Value::Null).await;
            }
            _ => {}
        }
        lists.direct.sandbox.advance(std::time::Duration::from_micros(u64::from(*fate) % 3));
    }
    lists
}

/// The values a filter gets: mostly what some row has, sometimes what none has.
fn values(kind: Kind, (name, picks): &Filter, all: &[Value]) -> Vec<String> {
    let (field, operator) = name.split_once("__").unwrap_or((name, ""));
    let field = if operator == "istartswith" { "first_name" } else { field };
    let from_row = |pick: &u8| {
        let row = (!all.is_empty()).then(|| &all[usize::from(*pick) % all.len()]);
        let text = row.and_then(|row| row[field].as_str()).map(str::to_owned);
        match (field, operator) {
            ("id" | "role_id" | "event_id", _) if pick.is_multiple_of(7) => {
                uuid::Uuid::from_u128(u128::from(*pick)).to_string()
            }
            ("created_at", _) => text.unwrap_or_else(|| "2026-01-01T00:00:00+01:00".to_owned()),
            ("object_type", _) => text.unwrap_or_else(|| "receivable".to_owned()),
            ("type", _) => text.unwrap_or_else(|| "individual".to_owned()),
            ("status", _) if kind == Kind::Entities => text.unwrap_or_else(|| "deleted".to_owned()),
            (_, "istartswith") => text.unwrap_or_default().to_uppercase().chars().take(2).collect(),
            _ if pick.is_multiple_of(7) => "nothing has this".to_owned(),
            _ => text.unwrap_or_else(|| uuid::Uuid::nil().to_string()),
        }
    };
    let count = if operator.ends_with("in") { picks.len() } else { 1 };
    picks.iter().take(count).map(from_row).collect()
}

/// Rows of webhooks are sorted and filtered by fields that they do not show.
fn with_hidden_fields(kind: Kind, lists: &Lists, mut rows: Vec<Value>) -> Vec<Value> {
    let Some(place) = kind.hidden_in() else {
        return rows;
    };
    let dump: Value = serde_json::from_str(&lists.direct.sandbox.dump()).unwrap();
    for row in &mut rows {
        let kept = &dump["rows"][place][row["id"].as_str().unwrap()];
        row["created_at"] = kept["created_at"].clone();
        row["updated_at"] = kept["updated_at"].clone();
        let events = lists.direct.sandbox.events();
        if let Some(event) = events.into_iter().find(|event| event["id"] == row["event_id"]) {
            row["object_type"] = event["object_type"].clone();
            row["event_action"] = event["action"].clone();
        }
    }
    rows
}

fn keeps(row: &Value, name: &str, values: &[String]) -> bool {
    let (field, operator) = name.split_once("__").unwrap_or((name, ""));
    let text = row[field].as_str().unwrap_or_default();
    let time = |text: &str| text.parse::<Timestamp>().unwrap();
    let value = &values[0];
    match operator {
        "in" => values.iter().any(|value| value == text),
        "not_in" => !values.iter().any(|value| value == text),
        "gt" => time(text) > time(value),
        "lt" => time(text) < time(value),
        "gte" => time(text) >= time(value),
        "lte" => time(text) <= time(value),
        "istartswith" => ["first_name", "last_name"]
            .iter()
            .any(|name| row[*name].as_str().is_some_and(|text| text.to_lowercase().starts_with(&value.to_lowercase()))),
        _ if field == "created_at" => time(text) == time(value),
        _ => text == value,
    }
}

async fn check(kind: Kind, lists: &Lists, query: &Query, all: &[Value]) -> Result<(), TestCaseError> {
    let mut expected = all.to_vec();
    let order = if query.descends { "desc" } else { "asc" };
    let mut text = url::form_urlencoded::Serializer::new(format!("limit={}&order={order}", query.limit));
    let mut names: Vec<&str> = Vec::new();
    for filter in &query.filters {
        // Of a key that is given twice and takes one value the last one counts; that is not the point here.
        if names.contains(&filter.0) {
            continue;
        }
        names.push(filter.0);
        let values = values(kind, filter, all);
        for value in &values {
            text.append_pair(filter.0, value);
        }
        expected.retain(|row| keeps(row, filter.0, &values));
    }
    if let Some(sort) = query.sort {
        text.append_pair("sort", sort);
    }
    let field = query.sort.unwrap_or("created_at");
    expected.sort_by(|a, b| a[field].as_str().cmp(&b[field].as_str()));
    if query.descends {
        expected.reverse();
    }
    let text = text.finish();
    let mut page = lists.page(kind, &text).await;
    let mut found = page.rows;
    while let Some(next) = page.next {
        prop_assert!(found.len() <= all.len(), "the walk does not end: {text}");
        page = lists.page(kind, &next).await;
        found.append(&mut page.rows);
    }
    let ids = |rows: &[Value]| rows.iter().map(|row| row["id"].clone()).collect::<Vec<_>>();
    prop_assert_eq!(ids(&found), ids(&expected), "{}", text);
    Ok(())
}

fn agrees_with_brute_force(kind: Kind) {
    let runtime = runtime();
    let rows = vec((any::<u8>(), any::<u8>()), 0..16);
    let outcome = runner(64).run(&(rows, queries(kind)), |(rows, queries)| {
        runtime.block_on(async {
            let lists = build(kind, &rows).await;
            let all = with_hidden_fields(kind, &lists, lists.page(kind, "").await.rows);
            for query in &queries {
                check(kind, &lists, query, &all).await?;
            }
            Ok(())
        })
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn filtered_entities_are_what_brute_force_finds() {
    agrees_with_brute_force(Kind::Entities);
}

#[test]
fn filtered_roles_are_what_brute_force_finds() {
    agrees_with_brute_force(Kind::Roles);
}

#[test]
fn filtered_entity_users_are_what_brute_force_finds() {
    agrees_with_brute_force(Kind::EntityUsers);
}

#[test]
fn filtered_webhook_subscriptions_are_what_brute_force_finds() {
    agrees_with_brute_force(Kind::Subscriptions);
}

#[test]
fn filtered_events_are_what_brute_force_finds() {
    agrees_with_brute_force(Kind::Events);
}

#[test]
fn filtered_webhook_deliveries_are_what_brute_force_finds() {
    agrees_with_brute_force(Kind::Deliveries);
}
