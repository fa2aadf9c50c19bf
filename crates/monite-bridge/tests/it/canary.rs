//! Canaries: secrets that nothing else looks like are planted everywhere, everything is run with every target at TRACE while Monite misbehaves
//! and repeats what it was sent, and then each of them is searched for wherever something was written or answered: as it is, in base64
//! and in hex.

mod echo;
mod hunt;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jsonwebtoken::{EncodingKey, Header};
use monite::{Clock as _, SystemClock};
use monite_bridge::store;
use monite_sandbox::{RateLimit, Sandbox};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use self::echo::{Echo, Mood};
use self::hunt::{Evidence, Secret};
use crate::support::{Cluster, Database, Place, on_every_database};

on_every_database! {
    ;
    on_threads: no_secret_leaves_the_process_but_to_whom_it_is_for,
}

const CLIENT_ID: &str = "2f1c9e6e-3c55-4f6f-9d35-0e8e7c1d2b3a";
const CLIENT_SECRET: &str = "canary-CLIENT-secret-9f27c1";
const WRONG_SECRET: &str = "canary-WRONG-client-secret-5d0e";
const API_KEY: &str = "canary-BOOTSTRAP-key-77b1e0";
const WRONG_KEY: &str = "canary-WRONG-api-key-1c4f9a";
const SESSION_SECRET: &str = "canary-SESSION-secret-of-more-than-32-bytes";
const OLD_KEY: &str = "Q2FuYXJ5T2xkTWFzdGVyS2V5T2YzMkJ5dGVzMDAwMSE=";
const NEW_KEY: &str = "Q2FuYXJ5TmV3TWFzdGVyS2V5T2YzMkJ5dGVzMDAwMiE=";

/// No secret, but as easy to find: it must be found wherever a secret would have been.
const CONTROL: &str = "canary-control-c0ffee";

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

async fn no_secret_leaves_the_process_but_to_whom_it_is_for(database: Database) {
    let stage = Stage::set(database).await;
    stage.prepare().await;
    let service = stage.serve().await;
    stage.everything_works(&service).await;
    for mood in [Mood::Refuses, Mood::Fails, Mood::Cuts] {
        stage.monite_misbehaves(&service, mood).await;
    }
    // While it runs: what is in the write-ahead log now may be gone later.
    stage.look_into_the_database().await;
    stage.end(service);
    stage.look_into_the_database().await;
    stage.read_what_was_written();

    let evidence = stage.evidence.lock().unwrap();
    let secrets = stage.secrets();
    for what in ["the partner's token", "a user's token", "the secret of a webhook", "the key that was made"] {
        assert!(secrets.iter().any(|secret| secret.what == what), "there was nothing to find of: {what}");
    }
    let leaks: Vec<String> = secrets.iter().flat_map(|secret| evidence.finds(secret)).collect();
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
    // And they would have been found.
    let control = Secret::text("the control", CONTROL);
    for place in ["log of serve", "log of sync", "stdout of why", "stdout of plan", "answers", "database"] {
        assert!(!evidence.of(place).finds(&control).is_empty(), "nothing would have been found in: {place}");
    }
    for (place, marker) in [
        ("log of serve", r#""target":"hyper"#),
        ("log of serve", r#""target":"sqlx"#),
        ("log of serve", r#""target":"monite"#),
        ("log of serve", r#""level":"TRACE""#),
        ("log of sync", " TRACE connect"),
        ("answers", "application/problem+json"),
        // What Monite repeated came as far as that, but for what was secret in it.
        ("answers", "Bearer [redacted]"),
        ("database", "Bearer [redacted]"),
        ("metrics", "monite_bridge_"),
        ("openapi", "/v1/token"),
    ] {
        assert!(!evidence.of(place).finds(&Secret::text("a marker", marker)).is_empty(), "no {marker} in: {place}");
    }
}

/// Where the play is given.
struct Stage {
    folder: tempfile::TempDir,
    database: Place,
    url: String,
    echo: Echo,
    _sandbox: Sandbox,
    http: Client,
    evidence: std::sync::Mutex<Evidence>,
    learnt: std::sync::Mutex<Vec<Secret>>,
}

struct Service {
    child: Child,
    url: String,
}

impl Drop for Service {
    fn drop(&mut self) {
        // Only a test that failed leaves it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Stage {
    async fn set(database: Database) -> Self {
        let sandbox =
            Sandbox::builder().credentials(CLIENT_ID, CLIENT_SECRET).rate_limit(RateLimit::Off).start().await.unwrap();
        let http = Client::builder().timeout(Duration::from_secs(60)).no_proxy().build().unwrap();
        let echo = Echo::before(&sandbox.base_url(), http.clone()).await;
        let database = Place::create(database).await;
        let url = database.url();
        let folder = tempfile::tempdir().unwrap();
        let config = "[session]\nhs256_secret_env = \"SESSION_SECRET\"\n";
        std::fs::write(folder.path().join("monite-bridge.toml"), config).unwrap();
        let (evidence, learnt) = (std::sync::Mutex::default(), std::sync::Mutex::default());
        Self { folder, database, url, echo, _sandbox: sandbox, http, evidence, learnt }
    }

    fn secrets(&self) -> Vec<Secret> {
        let mut secrets = vec![
            Secret::text("the client secret", CLIENT_SECRET),
            Secret::text("a wrong client secret", WRONG_SECRET),
            Secret::text("the bootstrap key", API_KEY),
            Secret::text("a wrong API key", WRONG_KEY),
            Secret::text("the session secret", SESSION_SECRET),
        ];
        for (what, key) in [("the old master key", OLD_KEY), ("the new master key", NEW_KEY)] {
            secrets.push(Secret::text(what, key.trim_end_matches('=')));
            secrets.push(Secret::of_base64(what, key));
        }
        secrets.extend(self.learnt.lock().unwrap().iter().cloned());
        secrets.extend(self.echo.secrets());
        secrets
    }

    fn learn(&self, what: &str, text: &str) {
        self.learnt.lock().unwrap().push(Secret::text(what, text));
    }

    /// Runs a command to its end. What it printed is evidence, but for what it was asked to print.
    fn run(&self, args: &[&str], stdin: &str, env: &[(&str, &str)], shows_secret: bool) -> (i32, String) {
        let name = args[0];
        let (stdout, stderr) = (self.file("stdout"), self.file("stderr"));
        let input = self.file("stdin");
        std::fs::write(&input, stdin).unwrap();
        let mut child = self
            .command(args, env)
            .stdin(File::open(&input).unwrap())
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap())
            .spawn()
            .unwrap();
        let code = child.wait().unwrap().code().unwrap_or(-1);
        let mut evidence = self.evidence.lock().unwrap();
        evidence.add(&format!("log of {name}"), std::fs::read(&stderr).unwrap());
        let printed = std::fs::read_to_string(&stdout).unwrap();
        if !shows_secret {
            evidence.add(&format!("stdout of {name}"), printed.clone().into_bytes());
        }
        (code, printed)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, args: &[&str], env: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_monite-bridge"));
        let keys = format!("{NEW_KEY},{OLD_KEY}");
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .env("TMPDIR", std::env::temp_dir())
            .env("RUST_LOG", "trace")
            .env("RUST_BACKTRACE", "full")
            .env("MONITE_BRIDGE__DATABASE__URL", &self.url)
            .env("MONITE_BRIDGE__MONITE__BASE_URL", &self.echo.base_url)
            .env("MONITE_BRIDGE__MONITE__RATE_LIMIT", "10000")
            .env("MONITE_BRIDGE__SERVER__LISTEN", "127.0.0.1:0")
            .env("MONITE_BRIDGE_API_KEY", API_KEY)
            .env("MONITE_BRIDGE_MASTER_KEY", keys)
            .env("SESSION_SECRET", SESSION_SECRET)
            .envs(env.iter().copied());
        command
    }

    /// Everything that commands do: all of it at TRACE.
    async fn prepare(&self) {
        let under_the_old_key = [("MONITE_BRIDGE_MASTER_KEY", OLD_KEY)];
        let set = ["credentials", "set", "--client-id", CLIENT_ID];
        assert_eq!(self.run(&set, CLIENT_SECRET, &under_the_old_key, false).0, 0);
        let subscribe = ["webhooks", "subscribe", "--url", "https://bridge.example.com/v1/webhooks/monite"];
        assert_eq!(self.run(&subscribe, "", &under_the_old_key, false).0, 0);
        assert_eq!(self.run(&["credentials", "rotate-key"], "", &[], false).0, 0);
        let (code, made) = self.run(&["keys", "create", "--name", "n", "--scopes", "read", "--json"], "", &[], true);
        assert_eq!(code, 0);
        let made: Value = serde_json::from_str(&made).unwrap();
        let key = made["key"].as_str().unwrap().to_owned();
        self.learn("the key that was made", &key);
        self.learn("the key that was made", key.rsplit('_').next().unwrap());
        assert_eq!(self.run(&["import", "-"], &format!("{}\n", customer()), &[], false).0, 0);
        self.run(&["plan"], "", &[], false);
        assert_eq!(self.run(&["sync", "--once"], "", &[], false).0, 0);
        let (code, token) = self.run(&["token", CONTROL, "ana", "--json"], "", &[], true);
        assert_eq!(code, 0);
        assert!(token.contains("access_token"));
        // Somebody has another client secret, and Monite says no.
        let wrong = [("MONITE_CLIENT_ID", CLIENT_ID), ("MONITE_CLIENT_SECRET", WRONG_SECRET)];
        assert_ne!(self.run(&["token", CONTROL, "ana"], "", &wrong, false).0, 0);
        self.run(&["webhooks", "list"], "", &wrong, false);
        let bad_key = [("MONITE_BRIDGE_MASTER_KEY", "Y2FuYXJ5,canary-WRONG-api-key-1c4f9a")];
        assert_eq!(self.run(&["status"], "", &bad_key, false).0, 2);
        for args in [
            &["status"][..],
            &["why", CONTROL],
            &["why", CONTROL, "--json"],
            &["audit"],
            &["keys", "list"],
            &["credentials", "show"],
        ] {
            assert_eq!(self.run(args, "", &[], false).0, 0, "{args:?}");
        }
    }

    async fn serve(&self) -> Service {
        let (stdout, stderr) = (self.file("serve.stdout"), self.file("serve.stderr"));
        let child = self
            .command(&["serve"], &[("MONITE_BRIDGE_LOG", "json")])
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap())
            .spawn()
            .unwrap();
        let mut service = Service { child, url: String::new() };
        let said = async || std::fs::read_to_string(&stdout).unwrap();
        let line = becomes("serve to listen", said, |said| said.ends_with('\n')).await;
        service.url = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        service
    }

    async fn everything_works(&self, service: &Service) {
        for (place, path) in [("openapi", "/openapi.json"), ("answers", "/readyz"), ("answers", "/healthz")] {
            self.ask(place, service, Method::GET, path, None, None).await;
        }
        self.ask("answers", service, Method::GET, "/v1/stats", Some(API_KEY), None).await;
        let session = self.session(SESSION_SECRET);
        let (status, _) = self.token(service, &session).await;
        assert_eq!(status, 200);
        let path = format!("/v1/customers/{CONTROL}/users/ana/token");
        let (status, _) = self.ask("tokens", service, Method::POST, &path, Some(API_KEY), None).await;
        assert_eq!(status, 200);
        // All that is refused with a secret in hand.
        self.token(service, &self.session("another-secret-of-another-issuer-32-bytes")).await;
        self.token(service, &format!("{session}x")).await;
        self.ask("answers", service, Method::GET, "/v1/stats", Some(WRONG_KEY), None).await;
        self.ask("answers", service, Method::GET, "/v1/stats", Some(&session), None).await;
        let hook = self.http.post(format!("{}/v1/webhooks/monite", service.url));
        let hook = hook.header("monite-signature", "t=1,v1=00").body("{}").send().await.unwrap();
        let answer = format!("{:?}\n{}", hook.headers().clone(), hook.text().await.unwrap());
        self.evidence.lock().unwrap().add("answers", answer.into_bytes());
    }

    /// Monite answers in bad mood, and repeats what it was sent while it does.
    async fn monite_misbehaves(&self, service: &Service, mood: Mood) {
        let before = self.echo.set(mood);
        // A new user's token is asked for, and documents change: calls for a token and calls with one.
        let mut document = customer();
        document["email"] = json!(format!("{mood:?}@example.com"));
        document.as_object_mut().unwrap().retain(|key, _| key != "id" && key != "users");
        let customer = format!("/v1/customers/{CONTROL}");
        self.ask("answers", service, Method::PUT, &customer, Some(API_KEY), Some(&document)).await;
        let user = match mood {
            Mood::Refuses => "ben",
            Mood::Fails => "cid",
            _ => "dan",
        };
        for _ in 0..2 {
            let path = format!("{customer}/users/{user}/token");
            let (status, _) = self.ask("answers", service, Method::POST, &path, Some(API_KEY), None).await;
            assert!(status >= 400, "{user} got a token while Monite {mood:?}: {status}");
        }
        let answered = async || self.echo.answered();
        becomes("calls that Monite misbehaved at", answered, |answered| *answered > before).await;
        if mood == Mood::Refuses {
            let shown = async || self.ask("answers", service, Method::GET, &customer, Some(API_KEY), None).await.1;
            becomes("what Monite repeated to be shown", shown, |shown| shown.contains("Bearer ")).await;
            self.look_into_the_database().await;
        }
        for path in [customer.clone(), "/v1/failing".to_owned(), "/v1/stats".to_owned()] {
            self.ask("answers", service, Method::GET, &path, Some(API_KEY), None).await;
        }
        self.ask("metrics", service, Method::GET, "/metrics", None, None).await;
        for args in [&["why", CONTROL][..], &["status"], &["sync", "--once"]] {
            self.run(args, "", &[], false);
        }
        // Without a shared token to begin with, and with other credentials.
        let own = [("MONITE_CLIENT_ID", CLIENT_ID), ("MONITE_CLIENT_SECRET", CLIENT_SECRET)];
        self.run(&["webhooks", "list"], "", &own, false);
        self.echo.set(Mood::Works);
    }

    fn end(&self, mut service: Service) {
        let killed = Command::new("kill").arg("-TERM").arg(service.child.id().to_string()).status().unwrap();
        assert!(killed.success());
        assert_eq!(service.child.wait().unwrap().code(), Some(0));
    }

    fn read_what_was_written(&self) {
        let mut evidence = self.evidence.lock().unwrap();
        evidence.add("log of serve", std::fs::read(self.file("serve.stderr")).unwrap());
        evidence.add("stdout of serve", std::fs::read(self.file("serve.stdout")).unwrap());
    }

    /// Every file of SQLite; every column of every table of PostgreSQL.
    async fn look_into_the_database(&self) {
        let found = match &self.database {
            Place::File(folder) => files(folder.path()),
            Place::Server(url) => {
                let name = url.split('?').next().and_then(|url| url.rsplit('/').next()).unwrap();
                vec![dump(name).await]
            }
        };
        let mut evidence = self.evidence.lock().unwrap();
        for bytes in found {
            evidence.add("database", bytes);
        }
    }

    fn session(&self, secret: &str) -> String {
        let claims = json!({"org_id": CONTROL, "sub": "ana", "exp": SystemClock.now().as_second() + 3600});
        let key = EncodingKey::from_secret(secret.as_bytes());
        let token = jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap();
        self.learn("a session", &token);
        self.learn("the signature of a session", token.rsplit('.').next().unwrap());
        token
    }

    async fn token(&self, service: &Service, session: &str) -> (u16, String) {
        self.ask("tokens", service, Method::GET, "/v1/token", Some(session), None).await
    }

    /// The answer is evidence, but for that with a token that was asked for.
    async fn ask(
        &self, place: &str, service: &Service, method: Method, path: &str, bearer: Option<&str>, body: Option<&Value>,
    ) -> (u16, String) {
        let mut request = self.http.request(method, format!("{}{path}", service.url));
        if let Some(bearer) = bearer {
            request = request.bearer_auth(bearer);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), format!("{:?}", answer.headers()));
        let text = answer.text().await.unwrap();
        let is_handed_out = place == "tokens" && status == 200;
        let place = if place == "tokens" { "answers" } else { place };
        let whole = if is_handed_out { headers } else { format!("{headers}\n{text}") };
        self.evidence.lock().unwrap().add(place, whole.into_bytes());
        (status, text)
    }
}

fn customer() -> Value {
    let user = |id: &str| json!({"id": id, "login": format!("{id}@{CONTROL}.example.com"), "first_name": id, "role": "viewer"});
    json!({
        "id": CONTROL, "type": "organization", "email": "ap@example.com",
        "address": {"country": "DE", "city": "Berlin", "line1": "Musterweg 1", "postal_code": "10115"},
        "organization": {"legal_name": CONTROL},
        "users": [user("ana"), user("ben"), user("cid"), user("dan")],
    })
}

fn files(folder: &Path) -> Vec<Vec<u8>> {
    std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
}

/// Every row of every table as text, in which bytes are in hex, and those bytes themselves.
async fn dump(database: &str) -> Vec<u8> {
    let mut connection = Cluster::get().connect(database).await;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT tablename::text FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert!(tables.iter().any(|table| table == "secrets"), "{tables:?}");
    let mut all = String::new();
    for table in tables {
        let rows = sqlx::AssertSqlSafe(format!("SELECT one::text FROM \"{table}\" AS one"));
        let rows: Vec<String> = sqlx::query_scalar(rows).fetch_all(&mut connection).await.unwrap();
        all.push_str(&rows.join("\n"));
    }
    let bytes: Vec<u8> = all.split("\\x").skip(1).flat_map(unhex).collect();
    [all.into_bytes(), bytes].concat()
}

/// The bytes whose hex a text begins with.
fn unhex(text: &str) -> Vec<u8> {
    let digits = text.bytes().map_while(|byte| char::from(byte).to_digit(16)).collect::<Vec<u32>>();
    digits.chunks_exact(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

/// Looks each tenth of a second, for as long as somebody has patience.
async fn becomes<T>(what: &str, look: impl AsyncFn() -> T, is_so: impl Fn(&T) -> bool) -> T {
    let began = Instant::now();
    let mut looks = tokio::time::interval(Duration::from_millis(100));
    loop {
        looks.tick().await;
        let seen = look().await;
        if is_so(&seen) {
            return seen;
        }
        assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
    }
}

/// What lies in a database in plain text, or thinly dressed up, is found there.
async fn a_secret_in_a_row_is_found(database: Database) {
    let place = Place::create(database).await;
    let store = store::open(&place.url()).await.unwrap();
    let secret = Secret::text("a secret", CLIENT_SECRET);
    for (row, planted) in hunt::dressed(CLIENT_SECRET).iter().enumerate() {
        let name = format!("row {row}");
        store.put_secret(&name, planted.as_bytes(), jiff::Timestamp::UNIX_EPOCH).await.unwrap();
        let mut evidence = Evidence::default();
        match &place {
            Place::File(folder) => files(folder.path()).into_iter().for_each(|bytes| evidence.add("database", bytes)),
            Place::Server(url) => {
                let name = url.split('?').next().and_then(|url| url.rsplit('/').next()).unwrap();
                evidence.add("database", dump(name).await);
            }
        }
        let found = evidence.finds(&secret);
        assert!(found.len() > row, "{planted}: {found:?}");
    }
}

mod in_a_database {
    crate::support::on_one_database!(Sqlite: ; a_secret_in_a_row_is_found);
}

mod in_a_server {
    crate::support::on_one_database!(Postgres: ; a_secret_in_a_row_is_found);
}

/// A service that crashes leaves no file of what it had in memory, and nobody of the same user looks into that.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_crashes_leaves_no_core() {
    let stage = Stage::set(Database::Sqlite).await;
    let set = ["credentials", "set", "--client-id", CLIENT_ID];
    assert_eq!(stage.run(&set, CLIENT_SECRET, &[], false).0, 0);
    let service = stage.serve().await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", service.child.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let words: Vec<&str> = core.split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{core}");
    // What is not dumpable belongs to root under /proc, and root reads everything.
    let environ = std::fs::read(format!("/proc/{}/environ", service.child.id()));
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
    assert!(is_root || environ.is_err(), "its environment can be read");
    stage.end(service);
}
