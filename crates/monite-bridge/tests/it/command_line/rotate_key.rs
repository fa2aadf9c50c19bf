//! `credentials rotate-key`: beside a running service, killed and run again, and with keys that are not enough.

use std::time::{Duration, Instant};

use monite_bridge::store;
use monite_bridge::store::seal::{MasterKey, Sealer, sealed_under};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::support::{CLIENT_ID, CLIENT_SECRET, MASTER_KEY, Place, sandbox};

const NEW_KEY: &str = "Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";
const MASTER: &str = "MONITE_BRIDGE_MASTER_KEY";
const ROTATE: [&str; 2] = ["credentials", "rotate-key"];

fn id(key: &str) -> String {
    MasterKey::from_base64(key).unwrap().id().to_string()
}

fn both() -> String {
    format!("{NEW_KEY},{MASTER_KEY}")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_changed_beside_a_running_service() {
    let sandbox = sandbox().await;
    let place = Place::against(&sandbox.base_url()).without("MONITE_CLIENT_ID").without("MONITE_CLIENT_SECRET");
    let place = place.with(MASTER, MASTER_KEY);
    place.run_with(&["credentials", "set", "--client-id", CLIENT_ID], CLIENT_SECRET).code(0);
    let shown = place.run(&["credentials", "show"]).code(0).stdout;
    assert!(shown.contains(&id(MASTER_KEY)), "{shown}");

    let place = place.with(MASTER, &both());
    let service = place.start(&["serve"]);
    let text = place.run(&ROTATE).code(0).stdout;
    let (new, old) = (id(NEW_KEY), id(MASTER_KEY));
    // The service may have sealed a token under the new key by now.
    assert!(text.starts_with(&format!("sealed 1 secret anew under key {new}")), "{text}");
    let may_go = format!(
        "no secret needs key {old} any more: take it out once every process of this database was started with key {new} first\n"
    );
    assert!(text.ends_with(&may_go), "{text}");
    let again = place.run(&[&ROTATE[..], &["--json"]].concat()).code(0).json();
    assert_eq!((&again["key_id"], &again["resealed"]), (&json!(new), &json!(0)), "{again}");
    assert_eq!(again["no_longer_needed"], json!([old]), "{again}");
    for list in ["not_opened", "not_at_rest"] {
        assert_eq!(again[list], json!([]), "{again}");
    }
    assert_eq!(service.terminate().0, 0);

    let place = place.with(MASTER, NEW_KEY);
    let shown = place.run(&["credentials", "show", "--json"]).code(0).json();
    assert_eq!((&shown["client_id"], &shown["key_id"]), (&json!(CLIENT_ID), &json!(id(NEW_KEY))));
    let entries = place.run(&["audit"]).code(0).stdout;
    assert!(entries.contains(&format!("credentials rotate-key {}", id(NEW_KEY))), "{entries}");
}

#[test]
fn what_cannot_be_opened_is_named_and_ends_with_one() {
    let place = Place::empty(&[(MASTER, MASTER_KEY)]);
    place.run_with(&["credentials", "set", "--client-id", CLIENT_ID], CLIENT_SECRET).code(0);
    let place = place.with(MASTER, NEW_KEY);
    let ran = place.run(&ROTATE).code(1);
    let needs =
        format!("\"monite.credentials\" is sealed under key {}, this process holds {}:", id(MASTER_KEY), id(NEW_KEY));
    assert!(ran.stdout.contains(&needs), "{ran:#?}");
    assert!(!ran.stdout.contains("any more"), "{ran:#?}");
    let ran = place.run(&[&ROTATE[..], &["--json"]].concat()).code(1).json();
    assert_eq!(ran["not_opened"][0]["name"], "monite.credentials");
    assert_eq!(ran["not_opened"][0]["sealed_under"], id(MASTER_KEY));
    assert_eq!(ran["no_longer_needed"], json!([]));
    let ran = place.without(MASTER).run(&ROTATE).code(2);
    assert!(ran.stderr.contains("NEW,OLD"), "{ran:#?}");
}

/// Killed at any moment, each row opens with one of the keys, and the next run goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_is_killed_is_run_again() {
    const ROWS: usize = 4000;
    let place = Place::empty(&[(MASTER, both().as_str())]);
    let url = format!("sqlite://{}", place.path("monite-bridge.db").display());
    let store = store::open(&url).await.unwrap();
    let old = Sealer::parse(MASTER_KEY).unwrap();
    let (both, new) = (Sealer::parse(&both()).unwrap(), Sealer::parse(NEW_KEY).unwrap());
    let names: Vec<String> = (0..ROWS).map(|number| format!("secret {number:04}")).collect();
    let sealed = names.iter().map(|name| {
        let sealed = old.seal(name, &SecretString::from(name.as_str()));
        let store = &store;
        async move { store.put_secret(name, &sealed, jiff::Timestamp::UNIX_EPOCH).await.unwrap() }
    });
    futures::future::join_all(sealed).await;
    let mut done = 0;
    for _ in 0..3 {
        let mut rotation = place.spawn(&ROTATE);
        // Once the first one that was left is done, it is in the middle.
        let until = Instant::now() + Duration::from_secs(60);
        while sealed_under(&store.secret(&names[done]).await.unwrap().unwrap()) != Some(new.key_id()) {
            assert!(Instant::now() < until, "row {done} is not sealed anew within a minute");
            tokio::task::yield_now().await;
        }
        rotation.kill().unwrap();
        rotation.wait().unwrap();
        let rows = store.sealed(None, 10_000).await.unwrap();
        assert_eq!(rows.len(), ROWS);
        for row in &rows {
            assert_eq!(both.open(&row.name.name, &row.sealed).unwrap().expose_secret(), row.name.name);
        }
        done = rows.iter().filter(|row| sealed_under(&row.sealed) == Some(new.key_id())).count();
        assert!(done < ROWS, "it was not killed in the middle");
    }
    let last = place.run(&[&ROTATE[..], &["--json"]].concat()).code(0).json();
    assert_eq!(last["resealed"].as_u64().unwrap() + last["already"].as_u64().unwrap(), ROWS as u64, "{last}");
    assert_eq!(last["already"], done, "what was done stays done");
    for row in store.sealed(None, 10_000).await.unwrap() {
        assert_eq!(new.open(&row.name.name, &row.sealed).unwrap().expose_secret(), row.name.name);
    }
}
