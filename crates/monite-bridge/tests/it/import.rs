//! `POST /v1/import`: any number of lines, a result for each, none lost and none in the way of another.

use std::fmt::Write as _;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::channel::mpsc;
use serde_json::{Value, json};

use crate::support::{TestBridge, customer_document, user_document};

fn line(id: &str, users: &[&str]) -> String {
    let mut record = customer_document(id);
    record["id"] = json!(id);
    record["users"] = users.iter().map(|user| with_id(user)).collect();
    record.to_string()
}

fn with_id(user: &str) -> Value {
    let mut document = user_document(user, "viewer");
    document["id"] = json!(user);
    document
}

#[tokio::test]
async fn every_line_gets_its_own_result() {
    let bridge = TestBridge::start().await;
    bridge.put_customer("old").await;
    let mut wrong = customer_document("wrong");
    wrong["id"] = json!("wrong");
    wrong["address"]["country"] = json!("Germany");
    let lines = [
        line("new", &["ana", "ben"]),
        String::new(),
        line("old", &["ana"]),
        line("old", &["ana"]),
        wrong.to_string(),
        "{not json".to_owned(),
        line("last", &[]),
    ];
    let results = bridge.import(&lines.join("\n")).await;
    insta::assert_snapshot!(results.iter().map(Value::to_string).collect::<Vec<_>>().join("\n"));
    bridge.settle().await;
    assert_eq!(bridge.logins("new").await, ["ana", "ben"]);
    assert_eq!(bridge.get("/v1/customers/wrong").await.status, 404);
}

#[tokio::test]
async fn a_thousand_lines_and_the_same_again_for_nothing() {
    let bridge = TestBridge::start().await;
    let mut lines = String::new();
    for n in 0..1000 {
        writeln!(lines, "{}", line(&format!("c{n:04}"), &["ana"])).unwrap();
    }
    let results = bridge.import(&lines).await;
    assert_eq!(results.len(), 1000);
    for (n, result) in results.iter().enumerate() {
        assert_eq!(
            (result["line"].clone(), result["status"].clone(), result["created"].clone()),
            (json!(n + 1), json!("created"), json!(2))
        );
    }
    let stats = bridge.get("/v1/stats").await.json();
    assert_eq!((stats["customers"]["pending"].clone(), stats["users"]["pending"].clone()), (json!(1000), json!(1000)));
    let again = bridge.import(&lines).await;
    assert!(again.iter().all(|result| result["status"] == "unchanged" && result["unchanged"] == 2), "{:?}", again[0]);
}

/// A body that the test writes bit by bit, and the answer as it comes.
struct Live {
    send: mpsc::UnboundedSender<Result<Bytes, std::io::Error>>,
    answer: axum::body::BodyDataStream,
}

impl Live {
    async fn open(bridge: &TestBridge) -> Self {
        let (send, receive) = mpsc::unbounded();
        let call = bridge.call("POST", "/v1/import").body("application/x-ndjson", Body::from_stream(receive));
        let response = call.open().await;
        assert_eq!(response.status(), 200);
        Self { send, answer: response.into_body().into_data_stream() }
    }

    fn send(&self, text: String) {
        self.send.unbounded_send(Ok(Bytes::from(text))).unwrap();
    }

    async fn next(&mut self) -> Option<String> {
        let next = tokio::time::timeout(Duration::from_secs(10), self.answer.next());
        let bytes = next.await.expect("waited 10 s for the next result line")?;
        Some(String::from_utf8(bytes.unwrap().to_vec()).unwrap())
    }
}

#[tokio::test]
async fn results_come_while_lines_are_still_being_sent() {
    let bridge = TestBridge::start().await;
    let mut live = Live::open(&bridge).await;
    for id in ["first", "second"] {
        live.send(line(id, &[]) + "\n");
        // A batch that is not full is stored after a moment; and what comes next is waited for.
        bridge.clock.wait_for_sleepers(2).await;
        bridge.clock.advance(Duration::from_millis(100));
        let result = live.next().await.unwrap();
        assert_eq!(result.lines().count(), 1, "{result}");
        assert!(result.contains(id), "{result}");
        assert_eq!(bridge.get(&format!("/v1/customers/{id}")).await.status, 200, "told only once it is durable");
    }
    drop(live.send);
    let end = tokio::time::timeout(Duration::from_secs(10), live.answer.next()).await.expect("waited 10 s for the end");
    assert!(end.is_none());
}

#[tokio::test]
async fn nobody_runs_ahead_of_a_caller_that_does_not_read() {
    let bridge = TestBridge::start().await;
    let mut live = Live::open(&bridge).await;
    let mut lines = String::new();
    for n in 0..5000 {
        writeln!(lines, "{}", line(&format!("c{n:04}"), &[])).unwrap();
    }
    live.send(lines);
    let first = live.next().await.unwrap();
    assert_eq!(first.lines().count(), 500);
    // The second batch has been read and waits; it is stored when its results are asked for.
    let stored = bridge.store.stats().await.unwrap().customers.values().sum::<u64>();
    assert_eq!(stored, 500);
    drop(live);
    let stored = bridge.store.stats().await.unwrap().customers.values().sum::<u64>();
    assert_eq!(stored, 500, "a caller that left gets nothing more stored");
}

#[tokio::test]
async fn a_body_that_breaks_off_keeps_the_lines_that_came() {
    let bridge = TestBridge::start().await;
    let mut live = Live::open(&bridge).await;
    live.send(line("whole", &[]) + "\n" + &line("torn", &[])[..40]);
    live.send.unbounded_send(Err(std::io::Error::other("cut"))).unwrap();
    let result = live.next().await.unwrap();
    assert!(result.contains("whole") && result.lines().count() == 1, "{result}");
    assert!(live.next().await.is_none());
    assert_eq!(bridge.get("/v1/customers/torn").await.status, 404);
}

#[tokio::test]
async fn when_the_store_fails_the_lines_say_so() {
    let bridge = TestBridge::start().await;
    bridge.store.close().await;
    let results = bridge.import(&[line("a", &[]), "{}".to_owned(), line("b", &[])].join("\n")).await;
    let told: Vec<(&str, &str)> = results
        .iter()
        .map(|result| (result["id"].as_str().unwrap_or("-"), result["status"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("a", "failed"), ("-", "refused"), ("b", "failed")]);
    assert_eq!(results[0]["errors"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn only_ndjson_is_read() {
    let bridge = TestBridge::start().await;
    let refused = bridge.call("POST", "/v1/import").body("text/csv", "id,type\n").send().await;
    assert_eq!((refused.status, refused.problem()), (415, "unsupported-media-type".to_owned()));
    assert_eq!(refused.header("accept"), Some("application/x-ndjson, application/ndjson, application/jsonl"));
}

#[tokio::test]
async fn an_import_of_which_nothing_comes_any_more_ends_however_long_it_took_before() {
    let bridge = TestBridge::start().await;
    let (send, receive) = tokio::sync::mpsc::channel::<Result<Bytes, std::convert::Infallible>>(1);
    let body = futures::stream::unfold(receive, |mut body| async { Some((body.recv().await?, body)) });
    let call = bridge.call("POST", "/v1/import").body("application/x-ndjson", Body::from_stream(body));
    let mut results = call.open().await.into_body().into_data_stream();
    // Piece by piece, each in time, and all of them taking ten times as long as nothing may come.
    let line = format!("{}\n", line("acme", &["ana"]));
    let pieces: Vec<_> = line.as_bytes().chunks(line.len().div_ceil(15)).map(Bytes::copy_from_slice).collect();
    for piece in &pieces {
        send.send(Ok(piece.clone())).await.unwrap();
        // There is room again once it was taken.
        drop(send.reserve().await.unwrap());
        bridge.clock.wait_for_sleepers(1).await;
        bridge.advance(20);
    }
    let result = results.next().await.unwrap().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&result).unwrap()["status"], "created");
    send.send(Ok(pieces[0].clone())).await.unwrap();
    drop(send.reserve().await.unwrap());
    bridge.clock.wait_for_sleepers(1).await;
    bridge.advance(31);
    let rest = tokio::time::timeout(Duration::from_secs(20), results.next()).await;
    assert!(rest.expect("waited 20 s for the end of an import of which nothing comes").is_none());
    assert!(bridge.logged(&["an import broke off", "nothing came for 30 s"]) > 0);
    drop(send);
}
