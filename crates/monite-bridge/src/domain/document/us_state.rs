/// Whether `code` is a two-letter state code of the US Postal Service (Publication 28, appendix B): 50 states, the District of
/// Columbia, five territories and three codes for the armed forces.
pub(super) fn is_code(code: &str) -> bool {
    STATES.binary_search_by_key(&code, |(state, _)| state).is_ok()
}

/// The code that somebody who wrote `text` most likely meant. For the message only.
pub(super) fn meant_by(text: &str) -> Option<&'static str> {
    let text = text.trim();
    STATES
        .iter()
        .find(|(code, name)| text.eq_ignore_ascii_case(code) || text.eq_ignore_ascii_case(name))
        .map(|(code, _)| *code)
}

#[rustfmt::skip]
const STATES: &[(&str, &str)] = &[
    ("AA", "Armed Forces Americas"), ("AE", "Armed Forces Europe"), ("AK", "Alaska"), ("AL", "Alabama"),
    ("AP", "Armed Forces Pacific"), ("AR", "Arkansas"), ("AS", "American Samoa"), ("AZ", "Arizona"), ("CA", "California"),
    ("CO", "Colorado"), ("CT", "Connecticut"), ("DC", "District of Columbia"), ("DE", "Delaware"), ("FL", "Florida"),
    ("GA", "Georgia"), ("GU", "Guam"), ("HI", "Hawaii"), ("IA", "Iowa"), ("ID", "Idaho"), ("IL", "Illinois"),
    ("IN", "Indiana"), ("KS", "Kansas"), ("KY", "Kentucky"), ("LA", "Louisiana"), ("MA", "Massachusetts"),
    ("MD", "Maryland"), ("ME", "Maine"), ("MI", "Michigan"), ("MN", "Minnesota"), ("MO", "Missouri"),
    ("MP", "Northern Mariana Islands"), ("MS", "Mississippi"), ("MT", "Montana"), ("NC", "North Carolina"),
    ("ND", "North Dakota"), ("NE", "Nebraska"), ("NH", "New Hampshire"), ("NJ", "New Jersey"), ("NM", "New Mexico"),
    ("NV", "Nevada"), ("NY", "New York"), ("OH", "Ohio"), ("OK", "Oklahoma"), ("OR", "Oregon"), ("PA", "Pennsylvania"),
    ("PR", "Puerto Rico"), ("RI", "Rhode Island"), ("SC", "South Carolina"), ("SD", "South Dakota"), ("TN", "Tennessee"),
    ("TX", "Texas"), ("UT", "Utah"), ("VA", "Virginia"), ("VI", "Virgin Islands"), ("VT", "Vermont"), ("WA", "Washington"),
    ("WI", "Wisconsin"), ("WV", "West Virginia"), ("WY", "Wyoming"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_complete() {
        assert!(STATES.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(STATES.len(), 50 + 1 + 5 + 3);
    }

    #[test]
    fn names_and_lower_case_are_guessed_at_but_not_accepted() {
        let table = [
            ("CA", true, Some("CA")),
            ("ca", false, Some("CA")),
            ("New York", false, Some("NY")),
            ("Calif.", false, None),
            ("XX", false, None),
        ];
        for (text, accepted, meant) in table {
            assert_eq!(is_code(text), accepted, "{text}");
            assert_eq!(meant_by(text), meant, "{text}");
        }
    }
}
