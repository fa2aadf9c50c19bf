//! Keys from a file: read again when it changes, and kept when it cannot be used.

use std::path::Path;

use super::*;

struct Shelf {
    directory: tempfile::TempDir,
    bridge: TestBridge,
}

impl Shelf {
    async fn with(keys: &[&IssuerKey]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("jwks.json");
        std::fs::write(&file, key_set(keys).to_string()).unwrap();
        let bridge = bridge(SessionConfig { jwks_file: Some(file), ..strict() }).await;
        Self { directory, bridge }
    }

    /// Replaces the file as a careful program does. Another length or another time tells that it changed.
    fn put(&self, text: &str) {
        let (new, file) = (self.directory.path().join("new"), self.file());
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, file).unwrap();
    }

    fn file(&self) -> std::path::PathBuf {
        self.directory.path().join("jwks.json")
    }

    async fn accepted(&self, token: &str) {
        let answer = get(&self.bridge, token).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[tokio::test]
async fn a_changed_file_counts_within_two_seconds() {
    let (old, new) = (IssuerKey::ed("old"), IssuerKey::ec("new"));
    let shelf = Shelf::with(&[&old]).await;
    let (before, after) = (old.token(&claims(&shelf.bridge)), new.token(&claims(&shelf.bridge)));
    shelf.accepted(&before).await;
    refused(&shelf.bridge, &after, "its key (kid) is not among those").await;
    shelf.put(&key_set(&[&new]).to_string());
    shelf.accepted(&before).await;
    shelf.bridge.advance(2);
    shelf.accepted(&after).await;
    refused(&shelf.bridge, &before, "its key (kid) is not among those").await;
}

#[tokio::test]
async fn a_file_that_cannot_be_used_changes_nothing() {
    let (old, new) = (IssuerKey::ed("old"), IssuerKey::ec("new"));
    let shelf = Shelf::with(&[&old]).await;
    let token = old.token(&claims(&shelf.bridge));
    let path = shelf.file().display().to_string();
    let half = key_set(&[&old, &new]).to_string();
    let long = format!("{}{half}", " ".repeat(256 * 1024));
    for (times, bad) in ["", &half[..half.len() / 2], "{}", &long].into_iter().enumerate() {
        shelf.put(bad);
        for _ in 0..3 {
            shelf.bridge.advance(2);
            shelf.accepted(&token).await;
        }
        let complaints = shelf.bridge.logged(&["ERROR", "the keys it held before stay", &path]);
        assert_eq!(complaints, times + 1, "one complaint for each change: {bad:.20}");
    }
    std::fs::remove_file(shelf.file()).unwrap();
    shelf.bridge.advance(2);
    shelf.accepted(&token).await;
    shelf.put(&key_set(&[&new]).to_string());
    shelf.bridge.advance(2);
    shelf.accepted(&new.token(&claims(&shelf.bridge))).await;
}

#[tokio::test]
async fn a_start_without_a_good_file_says_why() {
    use monite_bridge::session::{SessionSecrets, Sessions};
    let directory = tempfile::tempdir().unwrap();
    let open = |path: &Path| {
        let config = SessionConfig { jwks_file: Some(path.to_owned()), ..SessionConfig::default() };
        let clock = std::sync::Arc::new(monite::SystemClock);
        Sessions::new(&config, SessionSecrets::default(), clock).unwrap_err().to_string()
    };
    let missing = directory.path().join("missing.json");
    assert_eq!(open(&missing), format!("{} cannot be read", missing.display()));
    let bad = directory.path().join("bad.json");
    std::fs::write(&bad, "-----BEGIN PUBLIC KEY-----").unwrap();
    let expected = "cannot be used: it is not JSON with a list of `keys` (RFC 7517)";
    assert_eq!(open(&bad), format!("{} {expected}", bad.display()));
}
