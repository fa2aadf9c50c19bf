//! "Did you mean ...?": the known word a typing mistake was probably meant to be.

/// The word of `known` closest to `word`, if it is close enough to be worth suggesting.
///
/// Case and the choice of `-`, `_` or nothing between words are ignored, so `LegalName` finds `legal_name`.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A guess for a whole sentence helps nobody, and the distance costs time proportional to both lengths.
    const LONGEST_WORD: usize = 64;
    if word.len() > LONGEST_WORD {
        return None;
    }
    let folded = fold(word);
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&folded, &fold(candidate)), candidate))
        .filter(|(likeness, _)| *likeness >= 0.84)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

fn fold(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    const KNOWN: [&str; 6] = ["listen", "legal_name", "postal_code", "phone", "tax_id", "website"];

    #[test]
    fn typing_mistakes_find_their_word_and_strangers_find_none() {
        let table = [
            ("listn", Some("listen")),
            ("LegalName", Some("legal_name")),
            ("postcode", Some("postal_code")),
            ("postalCode", Some("postal_code")),
            ("phone_number", Some("phone")),
            ("vat_number", None),
            ("zip", None),
            ("", None),
        ];
        for (word, expected) in table {
            assert_eq!(nearest(word, KNOWN), expected, "{word}");
        }
    }
}
