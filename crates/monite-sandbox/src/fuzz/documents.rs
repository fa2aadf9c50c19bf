//! Documents for `/_sandbox`.

use serde_json::{Map, Value};

use super::request::Stage;
use crate::fault::{FaultRule, Faults};
use crate::quirks::Quirks;

/// Rules that are taken are shown as they were given, and can be asked about any call.
pub(super) fn fault_rules(data: &[u8]) {
    let Ok(rules) = serde_json::from_slice::<Vec<FaultRule>>(data) else {
        return;
    };
    let mut faults = Faults::default();
    if faults.replace(rules.clone()).is_err() {
        return;
    }
    assert_eq!(faults.rules(), rules);
    let shown = serde_json::to_string(&rules).expect("rules are plain data");
    assert_eq!(serde_json::from_str::<Vec<FaultRule>>(&shown).ok(), Some(rules));
    for path in ["/entities", "/entities/1/activate", ""] {
        faults.pick("POST", path);
    }
}

/// A document is applied as a whole or not at all, and what is shown can be applied again.
pub(super) fn quirks(data: &[u8]) {
    let Ok(document) = serde_json::from_slice::<Map<String, Value>>(data) else {
        return;
    };
    let mut quirks = Quirks::default();
    if quirks.apply(&document).is_err() {
        assert_eq!(quirks, Quirks::default());
    }
    let shown = quirks.to_json();
    let mut again = Quirks::default();
    assert_eq!(again.apply(shown.as_object().expect("the table is an object")), Ok(()));
    assert_eq!(again, quirks);
}

/// A dump is taken as a whole or not at all; what was taken is dumped the same again, and can be worked with.
pub(super) fn dump(data: &[u8]) {
    let Ok(document) = std::str::from_utf8(data) else {
        return;
    };
    Stage::run(async |stage| {
        let (state, offset) = (stage.sandbox.state(), stage.sandbox.now());
        if stage.sandbox.load(document).is_err() {
            assert_eq!(stage.sandbox.state(), state, "what was refused changed something");
            assert_eq!(stage.sandbox.now(), offset);
            return;
        }
        let first = contents(&stage.sandbox.dump());
        let taken = stage.sandbox.load(&stage.sandbox.dump());
        assert!(taken.is_ok(), "the sandbox refuses its own dump: {taken:?}");
        assert_eq!(contents(&stage.sandbox.dump()), first);
        stage.work().await;
    });
}

/// A dump without what differs from one time to the next: when it was taken, and how often it was loaded.
fn contents(dump: &str) -> Value {
    let mut dump: Value = serde_json::from_str(dump).expect("a dump is JSON");
    dump["taken_at"].take();
    dump["rows"]["setting"]["starts"].take();
    dump
}
