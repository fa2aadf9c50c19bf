//! What a call at Monite costs the bridge when it brings many customers there: plan, durable attempt, call, durable outcome.
//!
//! `cargo bench -p monite-bridge --bench sync`
//!
//! Ours is a whole sync of new customers with a user each into a sandbox without a rate limit, on a database in a file. The limit is
//! reqwest alone, 32 requests at once, sending the same entities and reading the answers as JSON. Both are the CPU time of this process
//! without the sandbox's thread, divided by the calls that the sandbox received.

// A benchmark that cannot be set up has nobody to tell but the person who started it.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use futures::stream::{StreamExt as _, iter};
use monite_bridge::assemble::{Bridge, Setup};
use monite_bridge::config::{Config, EnvCredentials, MoniteTarget, Secrets};
use monite_bridge::domain::document::parse_record;
use monite_sandbox::{RateLimit, Sandbox};
use secrecy::SecretString;
use serde_json::{Value, json};
use side_by_side::{Aim, Server, Table, of_process, times};
use tokio_util::sync::CancellationToken;

/// Customers of one sync.
const CUSTOMERS: usize = 1_000;

/// Requests on their way at once, for the limit.
const AT_ONCE: usize = 32;

/// CPU time of one call, all bookkeeping included, that is aimed at.
const AIM: Duration = Duration::from_micros(120);

fn main() {
    let (server, sandbox) = Server::start(|| async {
        let sandbox = Sandbox::builder().rate_limit(RateLimit::Off).start().await.unwrap();
        let url = sandbox.base_url();
        (url.strip_prefix("http://").unwrap().strip_suffix("/v1").unwrap().parse().unwrap(), sandbox)
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (mut ours, mut limit) = (Vec::new(), Vec::new());
    let customers = times(CUSTOMERS);
    for _ in 0..times(5) {
        ours.push(runtime.block_on(sync(&sandbox, &server, customers)));
        limit.push(runtime.block_on(reqwest_alone(&sandbox, &server, customers)));
    }
    let table = Table::begin("sync of 1,000 new customers with a user each, CPU time for one call");
    let best = |runs: &[Run]| runs.iter().map(|run| run.cpu_per_call).min().unwrap();
    table.cost("beside 120 us", best(&ours), AIM, Aim::AtMost(1.0));
    table.cost("beside reqwest alone, 32 at once", best(&ours), best(&limit), Aim::None);
    let wall = ours.iter().map(|run| run.wall).min().unwrap();
    table.note(&format!("{:.0} calls for a sync, {:.2} s", ours[0].calls, wall.as_secs_f64()));
    // Its server's thread goes on until the process ends.
    std::mem::forget(sandbox);
}

/// What a run cost.
struct Run {
    cpu_per_call: Duration,
    calls: f64,
    wall: Duration,
}

/// Does the work; what it cost this process without the sandbox.
async fn measured(sandbox: &Sandbox, server: &Server, work: impl Future<Output = ()>) -> Run {
    let client = || of_process().unwrap_or_default().saturating_sub(server.clock.now());
    let (calls, cpu, began) = (sandbox.total_calls(), client(), Instant::now());
    work.await;
    let (wall, cpu) = (began.elapsed(), client().saturating_sub(cpu));
    let calls = (sandbox.total_calls() - calls) as f64;
    Run { cpu_per_call: cpu.div_f64(calls), calls, wall }
}

async fn sync(sandbox: &Sandbox, server: &Server, customers: usize) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.monite.target = MoniteTarget::BaseUrl(sandbox.base_url());
    config.database.url = format!("sqlite://{}", folder.path().join("bridge.db").display()).into();
    let credentials = EnvCredentials {
        client_id: sandbox.client_id().to_owned(),
        client_secret: SecretString::from(sandbox.client_secret()),
    };
    let mut setup = Setup::new(config, Secrets { credentials: Some(credentials), ..Secrets::default() });
    setup.rate_limit = None;
    let bridge = Bridge::assemble(setup).await.unwrap();
    let records: Vec<_> = (0..customers)
        .map(|number| {
            let mut record = entity(number);
            record["id"] = json!(format!("customer-{number}"));
            record["users"] = json!([{"id": "ana", "login": "ana", "first_name": "Ana", "role": "viewer"}]);
            parse_record(&record, &bridge.setup.templates).unwrap()
        })
        .collect();
    bridge.store.import(&records, bridge.now()).await.unwrap();
    let run = measured(sandbox, server, async {
        while bridge.store.next_due().await.unwrap().is_some() {
            bridge.reconciler.pass(None, &CancellationToken::new()).await.unwrap();
        }
    })
    .await;
    bridge.store.close().await;
    run
}

async fn reqwest_alone(sandbox: &Sandbox, server: &Server, customers: usize) -> Run {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap();
    let post = |path: &str, token: &str, body: &Value| {
        let request = client.post(format!("{}{path}", sandbox.base_url())).header("x-monite-version", "2024-05-25");
        let request =
            request.bearer_auth(token).header("content-type", "application/json").body(body.to_string()).send();
        async { serde_json::from_slice::<Value>(&request.await.unwrap().bytes().await.unwrap()).unwrap() }
    };
    let grant = json!({
        "grant_type": "client_credentials",
        "client_id": sandbox.client_id(), "client_secret": sandbox.client_secret(),
    });
    let token = post("/auth/token", "none", &grant).await;
    let token = token["access_token"].as_str().unwrap();
    measured(sandbox, server, async {
        iter(0..customers)
            .map(|number| post("/entities", token, &entity(number)))
            .buffer_unordered(AT_ONCE)
            .for_each(async |answer| assert!(answer["id"].is_string(), "{answer}"))
            .await;
    })
    .await
}

fn entity(number: usize) -> Value {
    json!({
        "type": "organization",
        "email": format!("accounts-{number}@example.com"),
        "phone": "+49 30 1234567",
        "tax_id": "DE123456789",
        "address": {"country": "DE", "city": "Berlin", "line1": "Musterweg 1", "postal_code": "10115"},
        "organization": {"legal_name": format!("Muster {number} GmbH")},
    })
}
