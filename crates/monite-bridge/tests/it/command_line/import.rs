//! `import`: what is right is stored, what is wrong is named, and the same file again changes nothing.

use serde_json::{Value, json};

use super::support::{Place, TWO, example};

#[test]
fn the_sample_is_stored_but_for_six_lines_that_are_named() {
    let place = Place::empty(&[]);
    place.write("customers.ndjson", &example("customers.ndjson"));
    let ran = place.run(&["import", "customers.ndjson"]).code(1);
    insta::assert_snapshot!(ran.stdout);
    let again = place.run(&["import", "customers.ndjson", "--json"]).code(1).json();
    assert_eq!(again["stored"], 54);
    assert_eq!((&again["created"], &again["changed"]), (&json!(0), &json!(0)), "the same file again changes nothing");
    assert_eq!(again["unchanged"], 54 + 165, "54 customers and their users");
    let refused: Vec<String> = again["refused"].as_array().unwrap().iter().map(fields).collect();
    assert_eq!(
        refused,
        [
            "9 claddagh-kelp address.postal_code",
            "18 fahrradhaus-ilm address.country",
            "27 moravska-knihovna email",
            "36 levante-ceramica users[1].role",
            "45 smorrebrod-husk vat_number",
            "54 brasserie-meuse users[2].login",
        ]
    );
}

fn fields(refusal: &Value) -> String {
    let fields: Vec<&str> =
        refusal["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
    format!("{} {} {}", refusal["line"], refusal["id"].as_str().unwrap(), fields.join(" "))
}

#[test]
fn stdin_and_csv_go_the_same_way() {
    let place = Place::empty(&[]);
    let from_stdin = place.run_with(&["import", "-", "--json"], TWO).code(0).json();
    assert_eq!(
        from_stdin,
        json!({
            "refused": [], "lines": 2, "stored": 2, "created": 4, "changed": 0, "unchanged": 0, "lines_refused": 0,
        })
    );
    place.write("customers.csv", &example("customers.csv"));
    let ran = place.run(&["import", "customers.csv"]).code(0);
    assert_eq!(ran.stdout, "12 lines: 12 stored, 0 refused; customers and users: 12 created, 0 changed, 0 unchanged\n");
    let sniffed = place.run_with(&["import", "-", "--json"], &example("customers.csv")).code(0).json();
    assert_eq!(sniffed["unchanged"], 12, "{sniffed}");
    let status = place.run(&["status"]).code(0);
    assert_eq!(status.stdout, "customers 14 pending   users 2 pending   failing 0\n");
}

#[test]
fn what_is_no_file_of_customers_is_refused_as_a_whole() {
    let place = Place::empty(&[]);
    place.run(&["import", "nowhere.ndjson"]).code(2);
    place.write("wrong.csv", "id,nonsense\n1,2\n");
    let ran = place.run(&["import", "wrong.csv"]).code(2);
    assert!(ran.stderr.contains("nonsense"), "{ran:#?}");
    place.write("wrong.ndjson", "{\"id\":\n");
    let ran = place.run(&["import", "wrong.ndjson"]).code(1);
    assert!(ran.stdout.starts_with("line 1: "), "{ran:#?}");
}

#[test]
fn a_country_that_cannot_change_any_more_is_refused_with_its_line() {
    let place = Place::empty(&[]);
    place.run_with(&["import", "-"], TWO).code(0);
    let moved = TWO.replace("Berlin", "Bonn");
    let changed = place.run_with(&["import", "-", "--json"], &moved).code(0).json();
    assert_eq!((&changed["changed"], &changed["unchanged"]), (&json!(1), &json!(3)));
}
