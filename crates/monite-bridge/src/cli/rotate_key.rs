//! `credentials rotate-key`: everything sealed in the database, sealed anew under the first master key.

use serde_json::{Value, json};

use super::failure::{Exit, Failure};
use super::output::Output;
use crate::assemble::Setup;
use crate::audit::AuditEntry;
use crate::rotation::{Rotation, rotate};
use crate::store::seal::{KeyId, SealError};

pub(super) async fn run(setup: &Setup, output: &Output) -> Result<Exit, Failure> {
    let sealer = setup.secrets.sealer.as_ref().ok_or_else(no_key)?;
    let store = setup.open_store().await?;
    let rotation = rotate(store.as_ref(), sealer, setup.now()).await?;
    if rotation.resealed + rotation.ended > 0 {
        let what = format!("credentials rotate-key {}", rotation.key);
        store.append_audit(&[AuditEntry::of_command(&what, setup.now())]).await?;
    }
    store.close().await;
    output.result(&told(&rotation), &described(&rotation));
    Ok(Exit::failed_if(!rotation.is_complete()))
}

fn no_key() -> Failure {
    Failure::usage(
        "there is no master key to seal anything with",
        "Set MONITE_BRIDGE_MASTER_KEY (or MONITE_BRIDGE_MASTER_KEY_FILE) to the new key and, behind it, the old one: NEW,OLD.",
    )
}

fn told(done: &Rotation) -> String {
    let key = done.key;
    let mut lines = vec![match (done.resealed, done.already) {
        (0, 0) => format!("nothing here was sealed anew; what comes is sealed under key {key}"),
        (0, already) => format!("{} under key {key} already", secrets(already)),
        (anew, 0) => format!("sealed {} anew under key {key}", counted(anew)),
        (anew, already) => format!("sealed {} anew under key {key}; {} already", counted(anew), secrets(already)),
    }];
    if done.ended > 0 {
        lines.push(format!("took {} away that had ended and that no key here opens", tokens(done.ended)));
    }
    lines.extend(done.unopened.iter().map(|error| format!("not opened: {error}")));
    lines.extend(done.restless.iter().map(|name| {
        format!(
            "not at rest: {name:?} is sealed under another key again and again: start every process of this database with key {key} \
             first, then run this again"
        )
    }));
    if done.is_complete() {
        lines.extend(done.others.iter().map(|other| {
            format!(
                "no secret needs key {other} any more: take it out once every process of this database was started with key {key} first"
            )
        }));
    } else if !done.others.is_empty() {
        lines.push("keep all keys for now".to_owned());
    }
    lines.join("\n")
}

fn counted(count: usize) -> String {
    format!("{count} secret{}", if count == 1 { "" } else { "s" })
}

fn secrets(count: usize) -> String {
    format!("{} {}", counted(count), if count == 1 { "is" } else { "are" })
}

fn tokens(count: usize) -> String {
    format!("{count} shared token{}", if count == 1 { "" } else { "s" })
}

fn described(done: &Rotation) -> Value {
    let ids = |ids: &[KeyId]| ids.iter().map(KeyId::to_string).collect::<Vec<_>>();
    let unopened: Vec<Value> = done
        .unopened
        .iter()
        .map(|error| {
            let key = match error {
                SealError::OtherKey { sealed_under, .. } => Some(sealed_under.to_string()),
                SealError::Altered { .. } | SealError::Unreadable { .. } => None,
            };
            json!({ "name": error.name(), "sealed_under": key, "message": error.to_string() })
        })
        .collect();
    json!({
        "key_id": done.key.to_string(),
        "resealed": done.resealed,
        "already": done.already,
        "ended": done.ended,
        "not_opened": unopened,
        "not_at_rest": done.restless,
        "no_longer_needed": if done.is_complete() { ids(&done.others) } else { Vec::new() },
    })
}
