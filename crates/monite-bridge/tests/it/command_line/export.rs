//! `export` and `import-state`: from one folder to another.

use super::support::{Place, TWO, sandbox};

#[tokio::test(flavor = "multi_thread")]
async fn a_state_moves_to_another_database_and_costs_no_call_there() {
    let sandbox = sandbox().await;
    let (old, new) = (Place::against(&sandbox.base_url()), Place::against(&sandbox.base_url()));
    old.run_with(&["import", "-"], TWO).code(0);
    old.run(&["sync"]).code(0);
    old.run(&["keys", "create", "--name", "billing", "--scopes", "read"]).code(0);
    let state = old.run(&["export", "-"]).code(0).stdout;
    let ran = old.run(&["export", "state.ndjson", "--json"]).code(0).json();
    assert_eq!((&ran["customers"], &ran["users"], &ran["roles"]), (&2.into(), &2.into(), &2.into()));
    assert_eq!(std::fs::read_to_string(old.path("state.ndjson")).unwrap(), state);

    let cut = new.run_with(&["import-state", "-"], &state[..state.len() - 20]).code(2);
    assert!(cut.stderr.contains("the text breaks off here") && cut.stderr.contains("Nothing was stored"), "{cut:#?}");
    let from = old.path("state.ndjson");
    let ran = new.run(&["import-state", from.to_str().unwrap()]).code(0);
    assert_eq!(ran.stdout, "2 customers, 2 users, 2 roles, 0 secrets, 1 API key stored\n");
    assert_eq!(new.run(&["export", "-"]).code(0).stdout, state);
    sandbox.clear_journal();
    let synced = new.run(&["sync", "--json"]).code(0).json();
    assert_eq!((&synced["calls"], &synced["stamps"]["stamped"]), (&0.into(), &2.into()));

    let full = new.run_with(&["import-state", "-"], &state).code(2);
    assert!(full.stderr.contains("holds customers, secrets or API keys already"), "{full:#?}");
    new.run(&["import-state", "nowhere.ndjson"]).code(2);
    old.run(&["export", "no/such/folder/state.ndjson"]).code(2);
    assert_eq!(new.run(&["status"]).code(0).stdout, old.run(&["status"]).code(0).stdout);
}
