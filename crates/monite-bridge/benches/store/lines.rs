//! Customers as a product would export them.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

/// Writes a file of so many lines.
pub(crate) fn write(file: &Path, lines: usize) {
    std::fs::write(file, text(0..lines)).unwrap();
}

/// Lines of about 400 bytes, each a customer with one or two users.
pub(crate) fn text(numbers: Range<usize>) -> String {
    let mut text = String::with_capacity(numbers.len() * 450);
    for number in numbers {
        let user = |index: usize, role: &str| {
            format!(
                r#"{{"id":"user-{index}","login":"user-{index}@customer-{number}.example.com","first_name":"Ana","role":"{role}"}}"#
            )
        };
        let users = match number % 2 {
            0 => user(0, "admin"),
            _ => format!("{},{}", user(0, "admin"), user(1, "viewer")),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            r#"{{"id":"customer-{number:07}","type":"organization","email":"accounts@customer-{number}.example.com","phone":"+49 30 1234567","address":{{"country":"DE","city":"Berlin","line1":"Musterweg {}","postal_code":"10115"}},"organization":{{"legal_name":"Muster {number} GmbH"}},"users":[{users}]}}"#,
            number % 400
        );
    }
    text
}
