//! Whatever is written, and however long each write lags: every read shows exactly the looks that a plain history of
//! versions says, and the truth is what it would be if nothing lagged.

use std::time::Duration;

use monite_sandbox::Fault;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};

use crate::support::builder;
use crate::support::chance::{runner, runtime};
use crate::support::direct::Direct;

/// Numbers pick among what is there; logins and addresses come from a few, so that they collide.
#[derive(Debug, Clone)]
enum Step {
    CreateEntity { address: u8 },
    PatchEntity { entity: usize, address: u8 },
    CreateUser { login: u8 },
    RenameUser { user: usize, login: u8 },
    DeleteUser { user: usize },
    Wait { ms: u64 },
}

/// A step, and for how many milliseconds its write lags.
type Lagging = (Step, u64);

fn steps() -> impl Strategy<Value = Vec<Lagging>> {
    let step = prop_oneof![
        (0..3_u8).prop_map(|address| Step::CreateEntity { address }),
        (any::<usize>(), 0..3_u8).prop_map(|(entity, address)| Step::PatchEntity { entity, address }),
        (0..4_u8).prop_map(|login| Step::CreateUser { login }),
        (any::<usize>(), 0..4_u8).prop_map(|(user, login)| Step::RenameUser { user, login }),
        any::<usize>().prop_map(|user| Step::DeleteUser { user }),
        (1..200_u64).prop_map(|ms| Step::Wait { ms }),
    ];
    vec((step, prop_oneof![Just(0), 1..400_u64]), 1..40)
}

/// What was written of one object, and from when on each version can be seen.
struct History {
    id: String,
    versions: Vec<(u64, Option<Value>)>,
}

impl History {
    fn write(&mut self, visible_at: u64, version: Option<Value>) {
        for (earlier, _) in &mut self.versions {
            *earlier = (*earlier).min(visible_at);
        }
        self.versions.push((visible_at, version));
    }

    fn seen(&self, now: u64) -> Option<&Value> {
        let (_, version) = self.versions.iter().rfind(|(visible_at, _)| *visible_at <= now)?;
        version.as_ref()
    }
}

struct Play {
    direct: Direct,
    /// Milliseconds since the start.
    now: u64,
    home: String,
    role: String,
    entities: Vec<History>,
    users: Vec<History>,
}

impl Play {
    async fn start() -> Self {
        let direct = Direct::with(builder()).await;
        let home = direct.call("POST /entities", crate::support::organization("Home")).await.body;
        let id = home["id"].as_str().unwrap().to_owned();
        let role = json!({"name": "clerk", "permissions": {"objects": []}});
        let role = direct.call_inside(&id, "POST /roles", role).await.body["id"].as_str().unwrap().to_owned();
        let entities = vec![History { id: id.clone(), versions: vec![(0, Some(home))] }];
        Self { direct, now: 0, home: id, role, entities, users: Vec::new() }
    }

    /// Takes a step. With `lags`, its write lags by so many milliseconds.
    async fn take(&mut self, (step, lag): &Lagging, lags: bool) {
        let visible_at = self.now + lag;
        self.direct.sandbox.clear_faults();
        if lags && *lag > 0 {
            self.direct.sandbox.once("*", Fault::Stale(Duration::from_millis(*lag)));
        }
        match step {
            Step::Wait { ms } => {
                self.now += ms;
                self.direct.sandbox.advance(Duration::from_millis(*ms));
            }
            Step::CreateEntity { address } => {
                let mut body = crate::support::organization("E");
                body["email"] = json!(email(*address));
                let made = self.direct.call("POST /entities", body).await.body;
                self.entities.push(history(made, visible_at));
            }
            Step::PatchEntity { entity, address } => {
                let history = pick(&mut self.entities, *entity);
                let call = format!("PATCH /entities/{}", history.id);
                let body = self.direct.call(&call, json!({"email": email(*address)})).await.body;
                changed(history, visible_at, body);
            }
            Step::CreateUser { login } => {
                let body = json!({"login": name(*login), "first_name": "A", "role_id": self.role});
                let made = self.direct.call_inside(&self.home, "POST /entity_users", body).await;
                if made.status == 200 {
                    self.users.push(history(made.body, visible_at));
                }
            }
            Step::RenameUser { user, login } if !self.users.is_empty() => {
                let history = pick(&mut self.users, *user);
                let call = format!("PATCH /entity_users/{}", history.id);
                let answer = self.direct.call_inside(&self.home, &call, json!({"login": name(*login)})).await;
                if answer.status == 200 {
                    changed(history, visible_at, answer.body);
                }
            }
            Step::DeleteUser { user } if !self.users.is_empty() => {
                let history = pick(&mut self.users, *user);
                let call = format!("DELETE /entity_users/{}", history.id);
                if self.direct.call_inside(&self.home, &call, Value::Null).await.status == 204 {
                    history.write(visible_at, None);
                }
            }
            Step::RenameUser { .. } | Step::DeleteUser { .. } => {}
        }
        self.direct.sandbox.clear_faults();
    }

    async fn compare(&self) -> Result<(), TestCaseError> {
        let entities = self.seen(&self.entities);
        prop_assert_eq!(self.list(false, "/entities").await, entities.clone());
        for address in 0..3 {
            let wanted = filtered(&entities, "email", &email(address));
            prop_assert_eq!(self.list(false, &format!("/entities?email={}", email(address))).await, wanted);
        }
        let mut by_change = entities;
        by_change.sort_by_key(|entity| entity["updated_at"].as_str().unwrap().to_owned());
        prop_assert_eq!(self.list(false, "/entities?sort=updated_at").await, by_change);
        let users = self.seen(&self.users);
        prop_assert_eq!(self.list(true, "/entity_users").await, users.clone());
        for login in 0..4 {
            let wanted = filtered(&users, "login", &name(login));
            prop_assert_eq!(self.list(true, &format!("/entity_users?login={}", name(login))).await, wanted);
        }
        for history in &self.users {
            let path = format!("GET /entity_users/{}", history.id);
            let answer = self.direct.call_inside(&self.home, &path, Value::Null).await;
            let found = (answer.status == 200).then_some(&answer.body);
            prop_assert_eq!(found, history.seen(self.now), "{}", path);
        }
        Ok(())
    }

    fn seen(&self, histories: &[History]) -> Vec<Value> {
        histories.iter().filter_map(|history| history.seen(self.now)).cloned().collect()
    }

    async fn list(&self, inside: bool, path: &str) -> Vec<Value> {
        let call = format!("GET {path}");
        let answer = if inside {
            self.direct.call_inside(&self.home, &call, Value::Null).await
        } else {
            self.direct.call(&call, Value::Null).await
        };
        answer.body["data"].as_array().unwrap_or_else(|| panic!("{answer:?}")).clone()
    }
}

fn email(address: u8) -> String {
    format!("a{address}@example.com")
}

fn name(login: u8) -> String {
    format!("login-{login}")
}

fn pick(histories: &mut [History], number: usize) -> &mut History {
    let count = histories.len();
    &mut histories[number % count]
}

fn history(made: Value, visible_at: u64) -> History {
    let id = made["id"].as_str().unwrap_or_else(|| panic!("no id: {made}")).to_owned();
    History { id, versions: vec![(visible_at, Some(made))] }
}

/// A write that changed nothing is none.
fn changed(history: &mut History, visible_at: u64, body: Value) {
    if history.versions.last().is_none_or(|(_, last)| last.as_ref() != Some(&body)) {
        history.write(visible_at, Some(body));
    }
}

fn filtered(rows: &[Value], field: &str, value: &str) -> Vec<Value> {
    rows.iter().filter(|row| row[field] == value).cloned().collect()
}

/// The rows of a dump.
fn truth(play: &Play) -> Value {
    let dump: Value = serde_json::from_str(&play.direct.sandbox.dump()).unwrap();
    dump["rows"].clone()
}

#[test]
fn reads_show_the_looks_of_a_history_and_the_truth_is_untouched() {
    let runtime = runtime();
    let outcome = runner(24).run(&steps(), |steps| {
        runtime.block_on(async {
            let (mut lagging, mut prompt) = (Play::start().await, Play::start().await);
            for step in &steps {
                lagging.take(step, true).await;
                lagging.compare().await?;
                prompt.take(step, false).await;
            }
            prop_assert_eq!(truth(&lagging), truth(&prompt));
            lagging.take(&(Step::Wait { ms: 1000 }, 0), false).await;
            lagging.compare().await
        })
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
