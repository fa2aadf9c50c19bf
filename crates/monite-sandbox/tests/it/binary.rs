//! The binary: what it prints, that it keeps its data through a kill, and that it stops when told.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::support::receiver::{Behaviour, Receiver};
use crate::support::{organization, send, wait_for};

const CLIENT: [(&str, &str); 2] =
    [("MONITE_CLIENT_ID", "9d2b4c8f-2087-4738-ba91-7359683c49a4"), ("MONITE_CLIENT_SECRET", "a-secret")];

/// A running binary, killed when the test ends.
struct Running {
    child: Child,
    lines: Vec<String>,
    url: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(args: &[&str], env: &[(&str, &str)]) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_monite-sandbox"));
    command.args(["--listen", "127.0.0.1:0"]).args(args).env_clear().envs(env.iter().copied());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = Vec::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let url = loop {
        let mut line = String::new();
        // Standard output ends with the process, so this cannot wait for ever.
        assert!(out.read_line(&mut line).unwrap() > 0, "ended after {lines:?}");
        lines.push(line.trim_end().to_owned());
        if let Some(url) = line.trim_end().strip_prefix("listening on ") {
            break url.to_owned();
        }
    };
    child.stdout = Some(out.into_inner());
    Running { child, lines, url }
}

async fn token(running: &Running, id: &str, secret: &str) -> String {
    let body = json!({"client_id": id, "client_secret": secret, "grant_type": "client_credentials"});
    let http = reqwest::Client::builder().build().unwrap();
    let answer = send(http.post(format!("{}/auth/token", running.url)).body(body.to_string())).await;
    answer.body["access_token"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

#[tokio::test]
async fn it_prints_generated_credentials_and_then_where_it_listens() {
    let running = run(&[], &[]);
    let [id, secret, listening] = &running.lines[..] else { panic!("{:?}", running.lines) };
    assert!(listening.starts_with("listening on http://127.0.0.1:") && listening.ends_with("/v1"));
    let id = id.strip_prefix("MONITE_CLIENT_ID=").unwrap();
    let secret = secret.strip_prefix("MONITE_CLIENT_SECRET=").unwrap();
    token(&running, id, secret).await;
}

#[tokio::test]
async fn given_credentials_are_not_printed() {
    let running = run(&[], &CLIENT);
    assert_eq!(running.lines.len(), 1, "{:?}", running.lines);
    token(&running, CLIENT[0].1, CLIENT[1].1).await;
}

#[tokio::test]
async fn a_kill_loses_nothing_that_was_answered() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sandbox.db");
    let data = ["--data", path.to_str().unwrap(), "--rate-limit", "off"];
    let http = reqwest::Client::builder().build().unwrap();
    let mut running = run(&data, &CLIENT);
    let token = token(&running, CLIENT[0].1, CLIENT[1].1).await;
    let entities = |url: &str, method: reqwest::Method| {
        http.request(method, format!("{url}/entities")).bearer_auth(&token).header("x-monite-version", "2024-05-25")
    };
    let mut created = Vec::new();
    for number in 0..20 {
        let body = organization(&format!("E{number}")).to_string();
        created.push(send(entities(&running.url, reqwest::Method::POST).body(body)).await.id());
    }
    running.child.kill().unwrap();
    running.child.wait().unwrap();

    let running = run(&data, &CLIENT);
    assert_eq!(send(entities(&running.url, reqwest::Method::GET)).await.column("id"), created);
}

#[tokio::test]
async fn a_kill_loses_no_webhook() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sandbox.db");
    let args = ["--data", path.to_str().unwrap(), "--rate-limit", "off", "--webhook-retry-scale", "0.0001"];
    let receiver = Receiver::start().await;
    receiver.next(&[Behaviour::Silence, Behaviour::Answer(500)]);
    let http = reqwest::Client::builder().build().unwrap();
    let mut running = run(&args, &CLIENT);
    let token = token(&running, CLIENT[0].1, CLIENT[1].1).await;
    let call = |method: reqwest::Method, url: &str, path: &str| {
        http.request(method, format!("{url}{path}")).bearer_auth(&token).header("x-monite-version", "2024-05-25")
    };
    let subscription = json!({"object_type": "entity", "url": receiver.url}).to_string();
    let created = send(call(reqwest::Method::POST, &running.url, "/webhook_subscriptions").body(subscription)).await;
    let entity = organization("E").to_string();
    let entity = send(call(reqwest::Method::POST, &running.url, "/entities").body(entity)).await.id();
    wait_for("the first attempt", || receiver.received().len() == 1).await;
    running.child.kill().unwrap();
    running.child.wait().unwrap();

    let running = run(&args, &CLIENT);
    wait_for("two more attempts, the second one after 6 ms", || receiver.received().len() == 3).await;
    let received = receiver.received();
    for one in &received {
        assert_eq!(one.raw, received[0].raw);
        assert!(one.is_signed_with(created.body["secret"].as_str().unwrap()));
    }
    let mut record = json!(null);
    for _ in 0..1000 {
        // Written down right after the receiver has answered.
        let list =
            call(reqwest::Method::GET, &running.url, "/webhook_deliveries").header("x-monite-entity-id", &entity);
        record = send(list).await.body["data"][0].take();
        if record["was_successful"] == json!(true) {
            break;
        }
    }
    assert_eq!((&record["was_successful"], &record["requests_made_count"]), (&json!(true), &json!(2)), "{record}");
}

#[cfg(unix)]
#[tokio::test]
async fn it_stops_with_success_when_told_to() {
    let mut running = run(&[], &CLIENT);
    let pid = running.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let mut ended = None;
    wait_for("the end after SIGTERM", || {
        ended = running.child.try_wait().unwrap();
        ended.is_some()
    })
    .await;
    let status = ended.unwrap();
    assert!(status.success(), "{status}");
    let mut rest = String::new();
    running.child.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "nothing more is printed");
}

#[test]
fn mistakes_end_with_2_and_a_sentence() {
    for args in [
        ["--rate-limit", "0"],
        ["--client-id", "me"],
        ["--token-ttl", "0"],
        ["--data", "/"],
        ["--webhook-retry-scale", "0"],
        ["--webhook-retry-scale", "inf"],
        ["--webhook-urls", "all"],
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_monite-sandbox"));
        let output = command.args(["--listen", "127.0.0.1:0"]).args(args).env_clear().output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && String::from_utf8_lossy(&output.stderr).starts_with("error: "), "{args:?}");
    }
}

#[tokio::test]
async fn quirks_are_chosen_by_flags() {
    let (id, secret) = (CLIENT[0].1, CLIENT[1].1);
    let running = run(&["--quirk", "bad_credentials=403", "--quirk", "us_state=422"], &CLIENT);
    let body = json!({"client_id": id, "client_secret": "wrong", "grant_type": "client_credentials"});
    let http = reqwest::Client::builder().build().unwrap();
    let answer = send(http.post(format!("{}/auth/token", running.url)).body(body.to_string())).await;
    assert_eq!(answer.status, 403);
    token(&running, id, secret).await;

    let command = Command::new(env!("CARGO_BIN_EXE_monite-sandbox")).args(["--quirk", "us_stat=422"]).output().unwrap();
    assert_eq!(command.status.code(), Some(2));
    let said = String::from_utf8(command.stderr).unwrap();
    assert!(said.contains("the nearest name is \"us_state\""), "{said}");
}

#[tokio::test]
async fn one_seed_is_one_history_of_ids_tokens_and_credentials() {
    let history = async || {
        let running = run(&["--seed", "42"], &[]);
        let [id, secret, _] = &running.lines[..] else { panic!("{:?}", running.lines) };
        let client =
            (id.strip_prefix("MONITE_CLIENT_ID=").unwrap(), secret.strip_prefix("MONITE_CLIENT_SECRET=").unwrap());
        let token = token(&running, client.0, client.1).await;
        let http = reqwest::Client::builder().build().unwrap();
        let create = http.post(format!("{}/entities", running.url)).bearer_auth(&token);
        let created = send(create.header("x-monite-version", "2024-05-25").body(organization("A").to_string())).await;
        let request_id = created.header("x-request-id").unwrap().to_owned();
        (id.clone(), secret.clone(), token, created.id(), request_id)
    };
    assert_eq!(history().await, history().await);
}

#[tokio::test]
async fn a_kill_after_a_restore_leaves_the_restored_world() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sandbox.db");
    let data = ["--data", path.to_str().unwrap(), "--rate-limit", "off"];
    let http = reqwest::Client::builder().build().unwrap();
    let mut running = run(&data, &CLIENT);
    let token = token(&running, CLIENT[0].1, CLIENT[1].1).await;
    let create = async |url: &str| {
        let create = http.post(format!("{url}/entities")).bearer_auth(&token).header("x-monite-version", "2024-05-25");
        send(create.body(organization("A").to_string())).await.id()
    };
    let snapshot =
        |url: &str, method: reqwest::Method| http.request(method, url.replace("/v1", "/_sandbox/snapshots/full"));
    let mut kept = Vec::new();
    for _ in 0..200 {
        kept.push(create(&running.url).await);
    }
    assert_eq!(send(snapshot(&running.url, reqwest::Method::PUT)).await.status, 201);
    for _ in 0..50 {
        create(&running.url).await;
    }
    assert_eq!(send(snapshot(&running.url, reqwest::Method::POST)).await.status, 204);
    running.child.kill().unwrap();
    running.child.wait().unwrap();

    let running = run(&data, &CLIENT);
    let state = send(http.get(running.url.replace("/v1", "/_sandbox/state"))).await.body;
    let found: Vec<_> = state["entities"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(found, kept);
    assert!(create(&running.url).await.len() == 36, "and the token of that world is still good");
}
