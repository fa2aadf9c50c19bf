use std::fmt::Write as _;

use insta::assert_snapshot;
use tokio::io::BufReader;

use super::*;

const NDJSON: &str = include_str!("../../../../examples/customers.ndjson");
const CSV: &str = include_str!("../../../../examples/customers.csv");

/// Reads everything through a buffer of `chunk` bytes, so that lines arrive in pieces.
async fn read_all(text: &[u8], format: Format, chunk: usize) -> Result<Vec<Line>, IntakeError> {
    let reader = BufReader::with_capacity(chunk, text);
    let mut intake = Intake::open(reader, format, RoleTemplates::presets()).await?;
    let mut lines = Vec::new();
    while let Some(line) = intake.next().await? {
        lines.push(line);
    }
    Ok(lines)
}

/// `number id` for a good line, `number id: errors` for another.
fn told(lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines {
        match &line.result {
            Ok(record) => writeln!(text, "{} {}", line.number, record.id).unwrap(),
            Err(error) => {
                let reasons: Vec<String> = error.errors.iter().map(FieldError::to_string).collect();
                let id = error.id.as_deref().unwrap_or("?");
                writeln!(text, "{} {id}: {}", line.number, reasons.join("; ")).unwrap();
            }
        }
    }
    text
}

async fn ndjson(text: impl AsRef<[u8]>) -> String {
    told(&read_all(text.as_ref(), Format::Ndjson, 7).await.unwrap())
}

async fn csv(text: impl AsRef<[u8]>) -> String {
    match read_all(text.as_ref(), Format::Csv, 7).await {
        Ok(lines) => told(&lines),
        Err(error) => error.to_string(),
    }
}

fn customer(id: &str) -> String {
    format!(
        r#"{{"id":"{id}","type":"individual","email":"a@b.co","address":{{"country":"FR","city":"Lyon","line1":"x","postal_code":"1"}},"individual":{{"first_name":"A","last_name":"B"}}}}"#
    )
}

#[tokio::test]
async fn exactly_the_six_bad_lines_of_the_examples_are_refused_each_for_its_one_mistake() {
    let lines = read_all(NDJSON.as_bytes(), Format::Ndjson, 4096).await.unwrap();
    assert_eq!(lines.len(), 60);
    let bad: Vec<Line> = lines.into_iter().filter(|line| line.result.is_err()).collect();
    assert!(bad.iter().all(|line| line.result.as_ref().is_err_and(|error| error.errors.len() == 1)));
    assert_snapshot!(told(&bad));
}

#[tokio::test]
async fn the_examples_are_what_their_readme_says() {
    let lines = read_all(NDJSON.as_bytes(), Format::Ndjson, 4096).await.unwrap();
    let users = |role: &str| NDJSON.matches(&format!(r#""role":"{role}""#)).count();
    let all = ["admin", "bookkeeper", "approver", "payer", "sales", "viewer", "accountant"].map(users);
    assert_eq!(all.iter().sum::<usize>(), 180, "{all:?}");
    assert!(all.iter().all(|count| *count > 0), "{all:?}");
    let good: Vec<&ImportRecord> = lines.iter().filter_map(|line| line.result.as_ref().ok()).collect();
    let country = |record: &&ImportRecord| record.customer.as_entity().address.country.clone();
    let countries: std::collections::BTreeSet<String> = good.iter().map(country).collect();
    assert!(countries.len() >= 15, "{countries:?}");
    let emails: std::collections::BTreeSet<&str> =
        good.iter().map(|record| record.customer.as_entity().email.as_str()).collect();
    assert_eq!(emails.len(), good.len() - 1, "two customers share one address");
}

#[tokio::test]
async fn every_good_example_reads_back_from_its_canonical_form() {
    use crate::domain::document::{CustomerDocument, UserDocument};
    let roles = RoleTemplates::presets();
    for line in read_all(NDJSON.as_bytes(), Format::Ndjson, 4096).await.unwrap() {
        let Ok(record) = line.result else { continue };
        let json = record.customer.to_json();
        assert_eq!(CustomerDocument::parse(&json).unwrap(), record.customer);
        assert_eq!(CustomerDocument::from_stored(&json.to_string()).unwrap(), record.customer);
        for (_, user) in record.users {
            assert_eq!(UserDocument::parse(&user.to_json(), &roles).unwrap(), user);
            assert_eq!(UserDocument::from_stored(&user.to_text()).unwrap(), user);
        }
    }
}

#[tokio::test]
async fn the_csv_example_reads_in_pieces_of_any_size() {
    let whole = told(&read_all(CSV.as_bytes(), Format::Csv, 1 << 20).await.unwrap());
    assert_eq!(whole.lines().count(), 12);
    assert!(!whole.contains(':'), "{whole}");
    for chunk in [1, 2, 3, 64, 1000] {
        assert_eq!(told(&read_all(CSV.as_bytes(), Format::Csv, chunk).await.unwrap()), whole, "chunk {chunk}");
    }
}

#[tokio::test]
async fn blank_lines_a_byte_order_mark_and_windows_line_ends_are_tolerated() {
    let (a, b) = (customer("a"), customer("b"));
    assert_eq!(ndjson(format!("\u{feff}{a}\r\n\r\n  \n\n{b}")).await, "1 a\n5 b\n");
    assert_eq!(ndjson("").await, "");
    assert_eq!(ndjson("\n\n").await, "");
}

#[tokio::test]
async fn a_line_that_is_not_json_is_named_by_line_and_column_and_disturbs_no_other() {
    let (a, b) = (customer("a"), customer("b"));
    let text = format!("{a}\n{{\"id\": oops}}\n[1]\n{{\"id\":\"c\"\n{b}\n");
    assert_snapshot!(ndjson(text).await, @r#"
    1 a
    2 ?: not JSON: expected value at line 2, column 8
    3 ?: must be a JSON object, not a list
    4 ?: not JSON: EOF while parsing an object at line 4, column 9
    5 b
    "#);
    assert_snapshot!(ndjson(b"{\"id\":\"\xff\"}").await, @"1 ?: not JSON: invalid unicode code point at line 1, column 8");
}

#[tokio::test]
async fn only_the_line_that_is_too_long_is_refused() {
    let padded = |length: usize| format!("{}{}", customer("p"), " ".repeat(length - customer("p").len()));
    let text = format!("{}\n{}\n{}", padded(LONGEST_LINE), padded(LONGEST_LINE + 1), customer("c"));
    let lines = read_all(text.as_bytes(), Format::Ndjson, 8192).await.unwrap();
    assert_snapshot!(told(&lines), @r"
    1 p
    2 ?: the line is longer than 1048576 bytes
    3 c
    ");
}

const HEADER: &str =
    "id,type,email,address.country,address.city,address.line1,address.postal_code,organization.legal_name";

#[tokio::test]
async fn csv_rows_are_numbered_by_the_lines_of_the_file() {
    let row = |id: &str, line1: &str| format!("{id},organization,a@b.co,FR,Lyon,{line1},69001,\"X, \"\"Y\"\" Z\"\n");
    let text = format!(
        "\u{feff}{HEADER}\r\n{}\n\n{}{}{}{}",
        row("a", "\"two\nlines\""),
        row("b", "x").replace('\n', "\r\n"),
        ",,,,,,,\n",
        row("c", "x").replace("FR", "France"),
        row("d", "x,one too many"),
    );
    assert_snapshot!(csv(text).await, @r#"
    2 a
    6 b
    8 c: address.country: "France" is not a country code; use "FR"
    9 ?: the row has 9 cells, the header has 8; is a quote missing?
    "#);
}

#[tokio::test]
async fn a_semicolon_separates_when_the_header_says_so() {
    let text = format!("{}\na;organization;a@b.co;FR;Lyon;1, rue X;69001;X", HEADER.replace(',', ";"));
    assert_eq!(csv(text).await, "2 a\n");
}

#[tokio::test]
async fn a_header_that_cannot_be_used_stops_everything_before_anything_is_read() {
    let table = [
        (format!("{HEADER},adress.state\n1,2,3"), "unknown column \"adress.state\"; did you mean \"address.state\"?"),
        (String::new(), "the first line must name the fields: id, type, email, address.country, ..."),
        ("\"id\n".to_owned(), "the first line must name the fields: id, type, email, address.country, ..."),
    ];
    for (text, expected) in table {
        assert_eq!(csv(&text).await, format!("the header of the CSV file cannot be used: {expected}"), "{text}");
    }
    let latin1 = csv(b"id,str\xe9et\n").await;
    assert!(latin1.contains("not UTF-8"), "{latin1}");
}

#[tokio::test]
async fn a_runaway_quote_costs_one_row_and_bounded_memory() {
    let text = format!("{HEADER}\na,\"{}\n", "x\n".repeat(LONGEST_LINE));
    let lines = read_all(text.as_bytes(), Format::Csv, 8192).await.unwrap();
    assert_eq!(told(&lines), "2 ?: the row is longer than 1048576 bytes; is a closing quote missing?\n");
}

#[tokio::test]
async fn a_caller_that_stops_waiting_loses_nothing() {
    use futures::FutureExt as _;
    use tokio::io::AsyncWriteExt as _;
    let ndjson = format!("{}\n{}\n", customer("a"), customer("b"));
    let csv =
        format!("{HEADER}\na,organization,a@b.co,FR,Lyon,\"x\ny\",69001,X\nb,organization,a@b.co,FR,Lyon,x,69001,X\n");
    for (format, text, expected) in [(Format::Ndjson, ndjson, "1 a\n2 b\n"), (Format::Csv, csv, "2 a\n4 b\n")] {
        let (mut writer, reader) = tokio::io::duplex(1 << 16);
        let header = if format == Format::Csv { HEADER.len() + 1 } else { 0 };
        writer.write_all(&text.as_bytes()[..header]).await.unwrap();
        let mut intake = Intake::open(BufReader::new(reader), format, RoleTemplates::presets()).await.unwrap();
        let mut lines = Vec::new();
        for byte in &text.as_bytes()[header..] {
            // Each byte arrives alone, and whoever waits for the line gives up before the next one.
            writer.write_all(&[*byte]).await.unwrap();
            if let Some(line) = intake.next().now_or_never() {
                lines.extend(line.unwrap());
            }
        }
        drop(writer);
        assert!(intake.next().await.unwrap().is_none());
        assert_eq!(told(&lines), expected, "{format:?}");
    }
}
