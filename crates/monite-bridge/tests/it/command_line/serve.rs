//! `serve` beside a separate `sandbox` process: it starts, works, sees what other commands do, and ends in good order.

use std::time::{Duration, Instant};

use monite_sandbox::{Fault, FaultRule, Sandbox};
use serde_json::Value;

use super::support::{API_KEY, CLIENT_ID, CLIENT_SECRET, Place, TWO, example, sandbox};
use crate::tls::{answers_https, pair};

/// The contract: a service that is told to stop is gone within ten seconds.
const STOPS_WITHIN: Duration = Duration::from_secs(10);

/// Longer than the service may take to end, shorter than the client waits for an answer (15 s).
const TOO_LONG: Duration = Duration::from_secs(14);

/// Looks of [`becomes`], one each tenth of a second.
const LOOKS: u32 = 900;

#[tokio::test(flavor = "multi_thread")]
async fn serve_works_off_what_other_commands_bring_and_ends_with_0_on_sigterm() {
    let monite = Place::empty(&[("MONITE_CLIENT_ID", CLIENT_ID), ("MONITE_CLIENT_SECRET", CLIENT_SECRET)]);
    let sandbox = monite.start(&["sandbox", "--listen", "127.0.0.1:0", "--rate-limit", "off"]);
    let place = Place::against(&sandbox.url);
    let bridge = place.start(&["serve"]);
    place.run_with(&["import", "-"], TWO).code(0);
    converged(&bridge.url, 2, 2).await;

    let started = Instant::now();
    let (code, log) = bridge.terminate();
    assert_eq!(code, 0, "{log}");
    assert!(started.elapsed() < STOPS_WITHIN, "it took {:?}", started.elapsed());
    assert!(!log.contains(CLIENT_SECRET) && !log.contains(API_KEY), "a secret in the log");

    // Started again it has nothing to do: nothing was lost.
    let bridge = place.start(&["serve"]);
    converged(&bridge.url, 2, 2).await;
    assert_eq!(place.run(&["plan"]).code(0).stdout, "nothing to do: Monite holds what is desired\n");
    bridge.kill();
    assert_eq!(place.run(&["plan"]).code(0).stdout, "nothing to do: Monite holds what is desired\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_looks_again_every_sweep_interval_and_tells_what_it_saw() {
    let sandbox = sandbox().await;
    let place = Place::against(&sandbox.base_url());
    place.write("monite-bridge.toml", "[sync]\nsweep_interval = \"1s\"\n");
    place.run_with(&["import", "-"], TWO).code(0);
    let bridge = place.start(&["serve"]);
    let saw_both = |stats: &Value| stats["last_sweep"]["tally"]["entities"] == 2;
    stats_become("a sweep that saw both entities", &bridge.url, saw_both).await;
    let status = place.run(&["status", "--json"]).code(0).json();
    assert_eq!(status["last_sweep"]["tally"]["entities"], 2, "{status}");
    let shown = place.run(&["status"]).code(0).stdout;
    assert!(shown.contains("last sweep 20") && shown.contains("entities 2   roles "), "{shown}");
    let first = stats(&bridge.url).await["last_sweep"]["finished_at"].clone();
    stats_become("another sweep", &bridge.url, |stats| stats["last_sweep"]["finished_at"] != first).await;
    let (code, log) = bridge.terminate();
    assert_eq!(code, 0, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_starts_and_stops_while_monite_cannot_be_reached() {
    // Nothing listens on port 1.
    let place = Place::against("http://127.0.0.1:1/v1");
    let bridge = place.start(&["serve"]);
    place.run_with(&["import", "-"], TWO).code(0);
    let status = async || place.run(&["status", "--json"]).code(0).json();
    becomes("the outage in the status", status, |status| status["monite_down_since"].is_string()).await;
    let shown = place.run(&["status"]).code(0).stdout;
    assert!(shown.contains("Monite does not answer since"), "{shown}");
    let (code, log) = bridge.terminate();
    assert_eq!(code, 0, "{log}");
    let once = place.run(&["sync", "--once", "--json"]).code(1).json();
    assert_eq!(once["customers"]["in_sync"], 0, "{once}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_monite_is_slow_to_answer_is_finished_before_the_end() {
    let sandbox = sandbox().await;
    sandbox.fault(FaultRule::new("POST /entities", Fault::Delay(Duration::from_secs(2))));
    let place = Place::against(&sandbox.base_url());
    place.run_with(&["import", "-"], TWO).code(0);
    let bridge = place.start(&["serve"]);
    under_way(&sandbox, 2).await;
    let (code, log) = bridge.terminate();
    assert_eq!(code, 0, "{log}");
    let status = place.run(&["why", "acme", "--json"]).code(0).json();
    assert!(status["entity_id"].is_string(), "the answer was waited for: {status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_is_cut_off_and_not_done_twice_by_the_next_start() {
    let sandbox = sandbox().await;
    sandbox.fault(FaultRule::new("POST /entities", Fault::Delay(TOO_LONG)));
    let place = Place::against(&sandbox.base_url());
    place.run_with(&["import", "-"], TWO).code(0);
    let bridge = place.start(&["serve"]);
    under_way(&sandbox, 2).await;
    let started = Instant::now();
    let (code, log) = bridge.terminate();
    assert_eq!(code, 0, "{log}");
    assert!(started.elapsed() < STOPS_WITHIN, "it took {:?}", started.elapsed());
    sandbox.clear_faults();
    let bridge = place.start(&["serve"]);
    converged(&bridge.url, 2, 2).await;
    assert_eq!(sandbox.entities().len(), 2, "one entity for each customer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_loses_nothing_and_doubles_nothing() {
    let sandbox = sandbox().await;
    sandbox.fault(FaultRule::new("POST", Fault::Delay(Duration::from_millis(30))));
    let place = Place::against(&sandbox.base_url());
    place.run_with(&["import", "-"], &example("customers.ndjson")).code(1);
    let bridge = place.start(&["serve"]);
    under_way(&sandbox, 30).await;
    bridge.kill();
    let bridge = place.start(&["serve"]);
    converged(&bridge.url, 54, 165).await;
    assert_eq!(sandbox.entities().len(), 54);
    let users: usize =
        sandbox.entities().iter().map(|entity| sandbox.logins(entity["id"].as_str().unwrap()).len()).sum();
    assert_eq!(users, 165);
}

#[test]
fn services_announce_themselves_to_programs_in_one_line() {
    let place = Place::empty(&[("MONITE_BRIDGE__SERVER__LISTEN", "127.0.0.1:0")]);
    let (_sandbox, announced) = place.start_json(&["sandbox", "--listen", "127.0.0.1:0"]);
    assert!(announced["listening"].as_str().unwrap().ends_with("/v1"), "{announced}");
    assert!(announced["client_id"].is_string() && announced["client_secret"].is_string(), "{announced}");
    let place = Place::against(announced["listening"].as_str().unwrap());
    let (bridge, announced) = place.start_json(&["serve"]);
    assert!(announced["listening"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{announced}");
    assert_eq!(bridge.terminate().0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_refused() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let place = Place::empty(&[
        ("MONITE_BRIDGE__SERVER__LISTEN", address.as_str()),
        ("MONITE_CLIENT_ID", CLIENT_ID),
        ("MONITE_CLIENT_SECRET", CLIENT_SECRET),
    ]);
    let ran = place.run(&["serve"]).code(2);
    assert!(ran.stderr.contains(&address) && ran.stderr.contains("server.listen"), "{ran:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_speaks_https_with_the_files_it_is_told_and_refuses_others_by_name() {
    // Nothing listens on port 1.
    let place = Place::against("http://127.0.0.1:1/v1");
    place.write("monite-bridge.toml", "[server]\ntls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\n");
    let (one, other) = (pair(), pair());
    place.write("cert.pem", &one.cert);
    let refuses = |expected: &[&str]| {
        let ran = place.run(&["serve"]).code(2);
        for text in expected {
            assert!(ran.stderr.contains(text), "{text}: {ran:#?}");
        }
        assert!(!ran.stdout.contains("listening"), "{ran:#?}");
    };
    refuses(&["server.tls_key", "key.pem cannot be read", "No such file"]);
    place.write("key.pem", "no key");
    refuses(&["server.tls_key", "key.pem cannot be used", "there is no private key"]);
    place.write("key.pem", &other.key);
    refuses(&["server.tls_key", "the key in key.pem is not the key of the certificate in cert.pem"]);
    place.write("key.pem", &one.key);
    place.write("cert.pem", "no certificate");
    refuses(&["server.tls_cert", "cert.pem cannot be used", "there is no certificate"]);
    place.write("cert.pem", &one.cert);
    let bridge = place.start(&["serve"]);
    assert!(bridge.url.starts_with("https://127.0.0.1:"), "{}", bridge.url);
    answers_https(bridge.url.strip_prefix("https://").unwrap(), &one).await;
    let (code, log) = bridge.terminate();
    assert_eq!(code, 0, "{log}");
}

/// Waits until this many calls that the sandbox is to delay have arrived there.
async fn under_way(sandbox: &Sandbox, creates: usize) {
    let arrived = async || sandbox.faults().iter().map(|rule| rule.hits as usize).sum::<usize>();
    becomes(&format!("{creates} calls under way"), arrived, |arrived| *arrived >= creates).await;
}

async fn converged(url: &str, customers: u64, users: u64) {
    let in_sync = |stats: &Value| stats["customers"]["in_sync"] == customers && stats["users"]["in_sync"] == users;
    stats_become(&format!("{customers} customers and {users} users in sync"), url, in_sync).await;
}

async fn stats_become(what: &str, url: &str, done: impl Fn(&Value) -> bool) {
    becomes(what, async || stats(url).await, done).await;
}

/// Looks at other processes again and again, for a minute and a half at most; says what it waited for and what it saw last.
pub(super) async fn becomes<T: std::fmt::Debug>(what: &str, look: impl AsyncFn() -> T, done: impl Fn(&T) -> bool) {
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..LOOKS {
        ticks.tick().await;
        if done(&look().await) {
            return;
        }
    }
    panic!("waited for {what}, saw {:?}", look().await);
}

async fn stats(url: &str) -> Value {
    let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).no_proxy().build().unwrap();
    let answer = http.get(format!("{url}/v1/stats")).bearer_auth(API_KEY).send().await.unwrap();
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

/// Whatever else a unit or a container takes from it, it does not miss: no folder for temporary files, no home, one folder to write to.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_service_writes_to_no_file_but_its_database() {
    let sandbox = sandbox().await;
    let place = Place::against(&sandbox.base_url()).with("TMPDIR", "/nowhere").with("HOME", "/nowhere");
    let bridge = place.start(&["serve"]);
    place.run_with(&["import", "-"], TWO).code(0);
    converged(&bridge.url, 2, 2).await;
    let place = place.path("").canonicalize().unwrap();
    let of_process = format!("/proc/{}", bridge.id());
    let mut written = Vec::new();
    for open in std::fs::read_dir(format!("{of_process}/fd")).unwrap() {
        let number = open.unwrap().file_name().into_string().unwrap();
        // A connection may have ended since the folder was read.
        let Ok(file) = std::fs::read_link(format!("{of_process}/fd/{number}")) else { continue };
        let Ok(about) = std::fs::read_to_string(format!("{of_process}/fdinfo/{number}")) else { continue };
        let flags = about.lines().find_map(|line| line.strip_prefix("flags:")).unwrap().trim();
        let is_for_writing = i64::from_str_radix(flags, 8).unwrap() & 0o3 != 0;
        if is_for_writing && file.is_absolute() && !file.starts_with("/dev") {
            written.push(file);
        }
    }
    assert!(!written.is_empty(), "not even its database is open");
    let others: Vec<_> = written.iter().filter(|file| !is_of_the_database(&place, file)).collect();
    assert!(others.is_empty(), "{others:?}");
    let files = std::fs::read_dir(&place).unwrap().map(|file| file.unwrap().path());
    let others: Vec<_> = files.filter(|file| !is_of_the_database(&place, file)).collect();
    assert!(others.is_empty(), "{others:?}");
    assert_eq!(bridge.terminate().0, 0);
}

#[cfg(target_os = "linux")]
fn is_of_the_database(place: &std::path::Path, file: &std::path::Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    file.parent() == Some(place) && ["", "-wal", "-shm"].iter().any(|end| name == format!("monite-bridge.db{end}"))
}
