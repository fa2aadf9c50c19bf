//! Formats of single texts, as strict as Monite's own validation (pydantic's `EmailStr`, `AnyHttpUrl`, `date`).

use url::Url;

/// `local@domain` with a dotted domain. Unicode is allowed on both sides; quoted local parts, comments and address literals are not.
pub(super) fn is_email(text: &str) -> bool {
    // RFC 5321 section 4.5.3.1.3: a path holds 256 octets including its two brackets.
    const LONGEST: usize = 254;
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    text.chars().count() <= LONGEST && is_local_part(local) && is_domain(domain)
}

/// Dot-separated atoms of RFC 5322 section 3.2.3, widened to Unicode by RFC 6531; at most 64 characters.
fn is_local_part(local: &str) -> bool {
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || is_visible(c))
    };
    local.chars().count() <= 64 && local.split('.').all(is_atom)
}

/// At least two labels, none of them starting or ending in a hyphen, the last one no number.
fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.chars().count() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || is_visible(c))
    };
    let last_is_a_name =
        domain.rsplit('.').next().and_then(|label| label.chars().next_back()).is_some_and(|c| !c.is_ascii_digit());
    domain.contains('.') && domain.chars().count() <= 253 && domain.split('.').all(is_label) && last_is_a_name
}

/// Beyond ASCII: letters, digits and marks, but no white space, no control and no invisible formatting characters.
fn is_visible(c: char) -> bool {
    let is_invisible =
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !c.is_ascii() && !c.is_whitespace() && !c.is_control() && !is_invisible
}

/// An absolute http or https address with a host.
pub(super) fn is_http_url(text: &str) -> bool {
    // `Url` forgives what a server does not: blanks around, missing slashes, tabs inside.
    let scheme_end = text.find("://").unwrap_or(0);
    let strict = matches!(text[..scheme_end].to_ascii_lowercase().as_str(), "http" | "https")
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\')
        && !text[scheme_end..].starts_with(":///");
    strict && Url::parse(text).is_ok_and(|url| url.has_host())
}

/// A day that exists, as `YYYY-MM-DD`.
pub(super) fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn email_addresses() {
        let good = [
            "a@b.co",
            "first.last+tag@mail.example.com",
            "o'brien_%x@example.org",
            "λογιστήριο@παράδειγμα.gr",
            "ünïcode@exämple.com",
            "用户@例子.公司",
            "x@xn--bcher-kva.example",
            "1@2.example",
        ];
        let long = format!("{}@{}.example", "a".repeat(65), "b".repeat(10));
        let bad = [
            "",
            "info",
            "info@",
            "@example.com",
            "info@localhost",
            "info@@example.com",
            "in fo@example.com",
            "info@exa mple.com",
            " info@example.com",
            "info@example.com\n",
            "info@.example.com",
            "info@example..com",
            "info@example.com.",
            "info@-example.com",
            "info@example-.com",
            ".info@example.com",
            "in..fo@example.com",
            "info.@example.com",
            "info@127.0.0.1",
            "info@[127.0.0.1]",
            "\"in fo\"@example.com",
            "Ana <ana@example.com>",
            "a@example.com,b@example.com",
            "in\u{200b}fo@example.com",
            long.as_str(),
        ];
        for text in good {
            assert!(is_email(text), "{text}");
        }
        for text in bad {
            assert!(!is_email(text), "{text}");
        }
    }

    #[test]
    fn web_addresses() {
        let good = [
            "https://example.com",
            "http://example.com:8080/a/b?c=d#e",
            "HTTPS://EXAMPLE.COM/",
            "https://παράδειγμα.gr/σελίδα",
        ];
        let bad = [
            "example.com",
            "www.example.com",
            "ftp://example.com",
            "https://",
            "https:///path",
            "https:example.com",
            "https://exa mple.com",
            " https://example.com",
            "javascript://example.com",
            "//example.com",
        ];
        for text in good {
            assert!(is_http_url(text), "{text}");
        }
        for text in bad {
            assert!(!is_http_url(text), "{text}");
        }
    }

    #[test]
    fn dates() {
        for text in ["1990-05-21", "2000-02-29"] {
            assert!(is_date(text), "{text}");
        }
        for text in ["1990-5-21", "2001-02-29", "21.05.1990", "1990-05-21T00:00:00", "19900521", "", "1990-W01-1"] {
            assert!(!is_date(text), "{text}");
        }
    }
}
