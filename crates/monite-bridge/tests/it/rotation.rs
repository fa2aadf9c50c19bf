//! The master key is changed beside running processes: whatever is sealed goes over to the new key, nothing written meanwhile is lost,
//! and a process without a key says which one it needs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use monite::{AccessToken, ClientId, ManualClock, TokenVault as _, WebhookSubscriptionId};
use monite_bridge::credentials;
use monite_bridge::rotation::rotate;
use monite_bridge::shared_token::PartnerTokenVault;
use monite_bridge::store::seal::{MasterKey, Sealer, sealed_under};
use monite_bridge::store::{self, Store};
use monite_bridge::webhook::secrets::{self, Signer, WATCHED};
use secrecy::{ExposeSecret as _, SecretString};

use crate::support::{Database, Log, Place, on_every_database};

on_every_database! {
    everything_the_bridge_seals_goes_over_to_the_new_key,
    a_process_without_the_new_key_says_so_and_fetches_a_token_of_its_own;
    on_threads: nothing_written_during_a_rotation_is_lost,
}

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
const MONITE: &str = "https://monite.example/v1";
const CLIENT: &str = "8e05bbf9-0000-4000-8000-000000000001";

async fn open(place: &Place) -> Arc<dyn Store> {
    store::open(&place.url()).await.unwrap()
}

/// The old key alone, the new one before it, and the new one alone.
fn three() -> (Sealer, Sealer, Sealer) {
    let (old, new) = (MasterKey::generate(), MasterKey::generate());
    (Sealer::new(old.clone()), Sealer::new(new.clone()).and_opens(old), Sealer::new(new))
}

fn vault(store: &Arc<dyn Store>, sealer: &Sealer) -> PartnerTokenVault {
    let client: ClientId = CLIENT.parse().unwrap();
    PartnerTokenVault::new(Arc::clone(store), sealer.clone(), Arc::new(ManualClock::at(NOW)), client, MONITE)
}

/// A process fetches the next partner token for all.
async fn mint(vault: &PartnerTokenVault, text: &str) {
    let seen = vault.load().await.unwrap().version;
    let duty = vault.begin_mint(seen, false).await.unwrap().expect("nobody else fetches one");
    let token = AccessToken::new(SecretString::from(text), "Bearer", NOW, NOW + Duration::from_secs(1800));
    vault.store(duty, &token).await.unwrap();
}

async fn shared(vault: &PartnerTokenVault) -> Option<String> {
    vault.load().await.unwrap().token.map(|token| token.expose().to_owned())
}

async fn everything_the_bridge_seals_goes_over_to_the_new_key(database: Database) {
    let place = Place::create(database).await;
    let store = open(&place).await;
    let (old, both, new) = three();
    credentials::save(store.as_ref(), CLIENT, &SecretString::from("s3cr3t"), Some(&old), NOW).await.unwrap();
    for object_type in WATCHED {
        let signer = Signer {
            subscription: WebhookSubscriptionId::from_uuid(uuid::Uuid::from_u128(1)),
            secret: SecretString::from(format!("hook {object_type}")),
            until: None,
        };
        secrets::save(store.as_ref(), &old, &object_type, &[signer], NOW).await.unwrap();
    }
    mint(&vault(&store, &old), "t0ken").await;

    let done = rotate(store.as_ref(), &both, NOW).await.unwrap();
    assert!(done.is_complete() && done.resealed == 2 + WATCHED.len(), "{done:?}");
    let loaded = credentials::load(store.as_ref(), None, Some(&new)).await.unwrap();
    assert_eq!(loaded.source, credentials::Source::Database(new.key_id()));
    for object_type in WATCHED {
        let signers = secrets::load(store.as_ref(), Some(&new), &object_type).await.unwrap();
        assert_eq!(signers[0].secret.expose_secret(), format!("hook {object_type}"));
    }
    assert_eq!(shared(&vault(&store, &new)).await.as_deref(), Some("t0ken"));
    let left = store.sealed(None, 100).await.unwrap();
    assert!(left.iter().all(|row| sealed_under(&row.sealed) == Some(new.key_id())), "the old key is not needed");
}

async fn a_process_without_the_new_key_says_so_and_fetches_a_token_of_its_own(database: Database) {
    let log = Log::begin();
    let place = Place::create(database).await;
    let store = open(&place).await;
    let (old, both, new) = three();
    let (behind, ahead) = (vault(&store, &old), vault(&store, &both));
    mint(&behind, "one").await;
    assert_eq!(shared(&ahead).await.as_deref(), Some("one"));
    rotate(store.as_ref(), &both, NOW).await.unwrap();
    assert_eq!(shared(&ahead).await.as_deref(), Some("one"));
    assert_eq!(shared(&behind).await, None);
    let needs = format!("is sealed under key {}, this process holds {}:", new.key_id(), old.key_id());
    assert!(log.text().contains(&needs), "{}", log.text());
    mint(&behind, "two").await;
    assert_eq!(shared(&ahead).await.as_deref(), Some("two"), "who holds both keys reads what either seals");
    // It is behind the rotation now, so that the old key may not go yet: another rotation says so and mends it.
    assert_eq!(rotate(store.as_ref(), &both, NOW).await.unwrap().resealed, 1);
}

/// Writers that know what they wrote last, and find exactly that each time they look.
async fn nothing_written_during_a_rotation_is_lost(database: Database) {
    const WRITERS: usize = 4;
    const SECRETS: usize = 6;
    const ROUNDS: usize = 40;
    let place = Place::create(database).await;
    let (old, both, new) = three();
    let working = Arc::new(AtomicUsize::new(WRITERS));
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let (store, working) = (open(&place).await, Arc::clone(&working));
        // They seal with the old key still.
        let (seals, opens) = (old.clone(), both.clone());
        writers.spawn(async move {
            for round in 0..ROUNDS {
                for secret in 0..SECRETS {
                    let name = format!("secret {writer} {secret}");
                    if round > 0 {
                        let there = store.secret(&name).await.unwrap().unwrap();
                        let text = opens.open(&name, &there).unwrap();
                        assert_eq!(text.expose_secret(), (round - 1).to_string(), "of {name}");
                    }
                    let sealed = seals.seal(&name, &SecretString::from(round.to_string()));
                    store.put_secret(&name, &sealed, NOW).await.unwrap();
                }
            }
            working.fetch_sub(1, Ordering::Relaxed);
        });
    }
    let rotating = open(&place).await;
    let (mut resealed, mut unrest) = (0, 0);
    while working.load(Ordering::Relaxed) > 0 && writers.len() == WRITERS {
        let done = rotate(rotating.as_ref(), &both, NOW).await.unwrap();
        resealed += done.resealed;
        unrest += usize::from(!done.is_complete());
        if let Some(ended) = writers.try_join_next() {
            ended.unwrap();
            break;
        }
    }
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    assert!(resealed > 0, "nothing was rotated while they wrote");
    assert!(unrest > 0, "they went on sealing under the old key, and nobody said so");
    let last = rotate(rotating.as_ref(), &both, NOW).await.unwrap();
    assert!(last.is_complete(), "{last:?}");
    let rows = rotating.sealed(None, 1000).await.unwrap();
    let said: BTreeMap<String, String> = rows
        .iter()
        .map(|row| {
            let text = new.open(&row.name.name, &row.sealed).unwrap();
            (row.name.name.clone(), text.expose_secret().to_owned())
        })
        .collect();
    assert_eq!(said.len(), WRITERS * SECRETS);
    assert!(said.values().all(|text| *text == (ROUNDS - 1).to_string()), "{said:?}");
}
