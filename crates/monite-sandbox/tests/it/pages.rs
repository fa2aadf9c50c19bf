//! Lists: order, limits, filters, and walking through pages while rows are added.

use serde_json::json;

use crate::support::{Answer, Api, organization, send};

async fn entities(api: &Api, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..count {
        let mut body = organization(&format!("E{number}"));
        body["email"] = json!(format!("e{number}@example.com"));
        ids.push(api.post("/entities", body).await.id());
    }
    ids
}

fn token(page: &Answer, which: &str) -> Option<String> {
    page.body[format!("{which}_pagination_token")].as_str().map(str::to_owned)
}

async fn follow(api: &Api, page: &Answer, which: &str) -> Answer {
    let token = token(page, which).unwrap_or_else(|| panic!("no {which} page after {page:?}"));
    api.get(&format!("/entities?pagination_token={token}")).await
}

#[tokio::test]
async fn a_walk_meets_every_row_once_whatever_is_added_meanwhile() {
    for order in ["asc", "desc"] {
        let api = Api::start().await;
        let ids = entities(&api, 5).await;
        let mut page = api.get(&format!("/entities?limit=2&order={order}")).await;
        let mut seen = page.column("id");
        assert_eq!(token(&page, "prev"), None);
        while token(&page, "next").is_some() {
            if seen.len() == 2 {
                entities(&api, 2).await;
            }
            page = follow(&api, &page, "next").await;
            seen.extend(page.column("id"));
        }
        let mut expected = ids.clone();
        if order == "desc" {
            expected.reverse();
            assert_eq!(seen, expected, "rows added at the front do not appear behind");
        } else {
            assert_eq!(seen[..5], expected, "rows added at the end come last");
            assert_eq!(seen.len(), 7);
        }
    }
}

#[tokio::test]
async fn the_previous_page_is_the_one_that_was_seen() {
    let api = Api::start().await;
    let ids = entities(&api, 5).await;
    let first = api.get("/entities?limit=2").await;
    let second = follow(&api, &first, "next").await;
    let third = follow(&api, &second, "next").await;
    assert_eq!(third.column("id"), ids[4..]);
    assert_eq!(token(&third, "next"), None);
    let back = follow(&api, &third, "prev").await;
    assert_eq!(back.body["data"], second.body["data"]);
    let start = follow(&api, &back, "prev").await;
    assert_eq!(start.body["data"], first.body["data"]);
    assert_eq!(token(&start, "prev"), None);
    assert_eq!(follow(&api, &start, "next").await.body["data"], second.body["data"]);
}

#[tokio::test]
async fn with_a_token_all_other_parameters_are_those_of_the_first_query() {
    let api = Api::start().await;
    let ids = entities(&api, 4).await;
    let first = api.get("/entities?limit=1&order=desc&email__not_in=e2%40example.com").await;
    assert_eq!(first.column("id"), ids[3..]);
    let token = token(&first, "next").unwrap();
    let query = format!("/entities?limit=100&order=asc&email=nobody&limit=xyz&pagination_token={token}");
    assert_eq!(api.get(&query).await.column("id"), [ids[1].as_str()]);
}

#[tokio::test]
async fn a_token_works_only_where_it_came_from() {
    let api = Api::start().await;
    entities(&api, 2).await;
    let (one, two) = (api.entity().await, api.entity().await);
    for entity in [&one, &two] {
        api.role(entity, "a", "").await;
        api.role(entity, "b", "").await;
    }
    let entity_token = token(&api.get("/entities?limit=1").await, "next").unwrap();
    let role_token = token(&send(api.inside(&one, "GET /roles?limit=1")).await, "next").unwrap();
    let list = |entity: &str, token: &str| send(api.inside(entity, &format!("GET /roles?pagination_token={token}")));
    assert_eq!(list(&one, &role_token).await.column("name"), ["b"]);
    for (entity, token) in [(&two, &*role_token), (&one, &*entity_token), (&one, "garbage"), (&one, "")] {
        let refused = list(entity, token).await;
        assert_eq!((refused.status, refused.message()), (400, "Invalid pagination token"));
    }
}

#[tokio::test]
async fn limits_run_from_1_to_100_and_default_to_100() {
    let api = Api::start().await;
    entities(&api, 101).await;
    assert_eq!(api.get("/entities").await.column("id").len(), 100);
    assert_eq!(api.get("/entities?limit=100").await.column("id").len(), 100);
    assert_eq!(api.get("/entities?limit=1").await.column("id").len(), 1);
    for bad in ["0", "-1", "101", "ten", "", "99999999999999999999"] {
        assert_eq!(api.get(&format!("/entities?limit={bad}")).await.wrong_fields(), ["query.limit"], "{bad}");
    }
}

#[tokio::test]
async fn entities_are_found_by_every_filter() {
    let api = Api::start().await;
    let ids = entities(&api, 3).await;
    let individual = json!({
        "type": "individual", "email": "ind@example.com", "individual": {"first_name": "A", "last_name": "B"},
        "address": {"country": "FR", "city": "Paris", "line1": "1 rue", "postal_code": "75001"},
    });
    let person = api.post("/entities", individual).await.id();
    api.patch(&format!("/entities/{}", ids[0]), json!({"phone": "1"})).await;
    send(api.request(&format!("POST /entities/{}/deactivate", ids[1]))).await;
    let created = |index: usize| api.sandbox.entities()[index]["created_at"].as_str().unwrap().replace('+', "%2B");
    let names = |ids: &[&String]| ids.iter().map(|id| (*id).clone()).collect::<Vec<_>>();
    let [a, b, c] = &ids[..] else { panic!("three entities") };
    for (query, expected) in [
        (String::new(), vec![a, b, c, &person]),
        ("order=desc".into(), vec![&person, c, b, a]),
        ("sort=updated_at".into(), vec![c, &person, a, b]),
        ("sort=updated_at&order=desc&limit=2".into(), vec![b, a]),
        ("type=individual".into(), vec![&person]),
        ("type=organization&status=active".into(), vec![a, c]),
        ("status=inactive".into(), vec![b]),
        ("status=deleted".into(), vec![]),
        ("email=e1%40example.com".into(), vec![b]),
        ("email=E1%40example.com".into(), vec![]),
        ("email__in=e2%40example.com&email__in=e0%40example.com".into(), vec![a, c]),
        ("email__not_in=e2%40example.com&type=organization".into(), vec![a, b]),
        (format!("id__in={c}&id__in={a}&order=desc"), vec![c, a]),
        (format!("id__not_in={c}"), vec![a, b, &person]),
        (format!("created_at__gt={}", created(1)), vec![c, &person]),
        (format!("created_at__gte={}&created_at__lt={}", created(1), created(3)), vec![b, c]),
        (format!("created_at__lte={}&sort=updated_at&order=desc", created(0)), vec![a]),
        (format!("created_at__gt={}&created_at__lt={}", created(3), created(0)), vec![]),
    ] {
        let answer = api.get(&format!("/entities?{query}")).await;
        assert_eq!(answer.column("id"), names(&expected), "{query}");
    }
    let bad = "type=robot&status=gone&id__in=x&created_at__gt=2026-01-01&sort=email&order=up";
    let answer = api.get(&format!("/entities?{bad}")).await;
    assert_eq!(
        answer.wrong_fields(),
        ["query.order", "query.sort", "query.type", "query.status", "query.id__in.0", "query.created_at__gt"]
    );
}
