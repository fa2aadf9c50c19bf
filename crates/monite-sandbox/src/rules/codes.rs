//! Codes and names that settings choose from: currencies, languages, colors.

use serde_json::Value;

use super::form::Wrong;
use super::text::string;

/// An ISO 4217 code that Monite knows. Case matters.
pub(super) fn currency(value: Value) -> Result<String, Wrong> {
    known(value, &CURRENCIES, "an ISO 4217 currency code, such as 'EUR' or 'USD'")
}

/// An ISO 639-1 code, and Monite's own `kr`. Case matters.
pub(super) fn language(value: Value) -> Result<String, Wrong> {
    known(value, &LANGUAGES, "an ISO 639-1 language code, such as 'de' or 'en'")
}

fn known(value: Value, codes: &[&str], what: &str) -> Result<String, Wrong> {
    match value {
        Value::String(code) if codes.binary_search(&code.as_str()).is_ok() => Ok(code),
        _ => Err(Wrong::here(format!("Input should be {what}"), "enum")),
    }
}

/// A CSS color as Pydantic takes it: a name, 3, 4, 6 or 8 hex digits, or `rgb()`, `rgba()`, `hsl()` with numbers.
pub(super) fn color(value: Value) -> Result<String, Wrong> {
    let text = string(value)?;
    let plain = text.trim().to_ascii_lowercase();
    let is_color = COLORS.binary_search(&plain.as_str()).is_ok() || is_hex(&plain) || is_function(&plain);
    if is_color { Ok(text) } else { Err(Wrong::here("value is not a valid color", "color_error")) }
}

/// Pydantic lets the `#` be left out, or be `0x`.
fn is_hex(text: &str) -> bool {
    let digits = text.strip_prefix('#').or_else(|| text.strip_prefix("0x")).unwrap_or(text);
    matches!(digits.len(), 3 | 4 | 6 | 8) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_function(text: &str) -> bool {
    let Some((name, arguments)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) else {
        return false;
    };
    let is_number = |part: &str| {
        let part = part.trim_end_matches('%').trim_end_matches("deg");
        part.parse::<f64>().is_ok_and(f64::is_finite)
    };
    let parts: Vec<&str> = arguments.split([',', '/', ' ']).filter(|part| !part.is_empty()).collect();
    matches!(name.trim(), "rgb" | "rgba" | "hsl" | "hsla")
        && matches!(parts.len(), 3 | 4)
        && parts.into_iter().all(is_number)
}

/// As in Monite's document.
#[rustfmt::skip]
static CURRENCIES: [&str; 145] = [
    "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN", "BHD", "BIF",
    "BMD", "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CLP", "CNY", "COP", "CRC",
    "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD",
    "GNF", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IQD", "ISK", "JMD", "JOD", "JPY", "KES",
    "KGS", "KHR", "KMF", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "LYD", "MAD", "MDL", "MGA",
    "MKD", "MMK", "MNT", "MOP", "MUR", "MVR", "MWK", "MXN", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD",
    "OMR", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR",
    "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "SVC", "SZL", "THB", "TJS", "TMT", "TND", "TOP", "TRY", "TTD",
    "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS", "VND", "VUV", "WST", "XAF", "XCD", "XOF", "XPF", "YER", "ZAR",
    "ZMW",
];

/// As in Monite's document.
#[rustfmt::skip]
static LANGUAGES: [&str; 180] = [
    "aa", "ab", "ae", "af", "ak", "am", "an", "ar", "av", "ay", "az", "ba", "be", "bg", "bi", "bm", "bn", "bo", "br",
    "bs", "ca", "ce", "ch", "co", "cr", "cs", "cu", "cv", "cy", "da", "de", "dv", "dz", "ee", "el", "en", "eo", "es",
    "et", "eu", "fa", "ff", "fi", "fj", "fo", "fr", "fy", "ga", "gd", "gl", "gn", "gu", "gv", "ha", "he", "hi", "ho",
    "hr", "ht", "hu", "hy", "hz", "ia", "id", "ie", "ig", "ii", "ik", "io", "it", "iu", "ja", "jv", "ka", "kg", "ki",
    "kj", "kk", "kl", "km", "kn", "ko", "kr", "ks", "ku", "kv", "kw", "ky", "la", "lb", "lg", "li", "ln", "lo", "lt",
    "lu", "lv", "mg", "mh", "mi", "mk", "ml", "mn", "mr", "ms", "mt", "my", "na", "nb", "nd", "ne", "ng", "nl", "nn",
    "no", "nr", "nv", "ny", "oc", "oj", "om", "os", "pa", "pi", "pl", "ps", "pt", "qu", "rm", "rn", "ro", "ru", "rw",
    "sa", "sc", "sd", "se", "sg", "si", "sk", "sl", "sm", "sn", "so", "sq", "sr", "ss", "st", "su", "sv", "sw", "ta",
    "te", "tg", "th", "ti", "tk", "tl", "tn", "to", "tr", "ts", "tt", "tw", "ty", "ug", "uk", "ur", "uz", "ve", "vi",
    "vo", "wa", "wo", "xh", "yi", "yo", "za", "zh", "zu",
];

/// The names of CSS.
#[rustfmt::skip]
static COLORS: [&str; 147] = [
    "aliceblue", "antiquewhite", "aqua", "aquamarine", "azure", "beige", "bisque", "black", "blanchedalmond", "blue",
    "blueviolet", "brown", "burlywood", "cadetblue", "chartreuse", "chocolate", "coral", "cornflowerblue", "cornsilk",
    "crimson", "cyan", "darkblue", "darkcyan", "darkgoldenrod", "darkgray", "darkgreen", "darkgrey", "darkkhaki",
    "darkmagenta", "darkolivegreen", "darkorange", "darkorchid", "darkred", "darksalmon", "darkseagreen",
    "darkslateblue", "darkslategray", "darkslategrey", "darkturquoise", "darkviolet", "deeppink", "deepskyblue",
    "dimgray", "dimgrey", "dodgerblue", "firebrick", "floralwhite", "forestgreen", "fuchsia", "gainsboro",
    "ghostwhite", "gold", "goldenrod", "gray", "green", "greenyellow", "grey", "honeydew", "hotpink", "indianred",
    "indigo", "ivory", "khaki", "lavender", "lavenderblush", "lawngreen", "lemonchiffon", "lightblue", "lightcoral",
    "lightcyan", "lightgoldenrodyellow", "lightgray", "lightgreen", "lightgrey", "lightpink", "lightsalmon",
    "lightseagreen", "lightskyblue", "lightslategray", "lightslategrey", "lightsteelblue", "lightyellow", "lime",
    "limegreen", "linen", "magenta", "maroon", "mediumaquamarine", "mediumblue", "mediumorchid", "mediumpurple",
    "mediumseagreen", "mediumslateblue", "mediumspringgreen", "mediumturquoise", "mediumvioletred", "midnightblue",
    "mintcream", "mistyrose", "moccasin", "navajowhite", "navy", "oldlace", "olive", "olivedrab", "orange",
    "orangered", "orchid", "palegoldenrod", "palegreen", "paleturquoise", "palevioletred", "papayawhip", "peachpuff",
    "peru", "pink", "plum", "powderblue", "purple", "red", "rosybrown", "royalblue", "saddlebrown", "salmon",
    "sandybrown", "seagreen", "seashell", "sienna", "silver", "skyblue", "slateblue", "slategray", "slategrey", "snow",
    "springgreen", "steelblue", "tan", "teal", "thistle", "tomato", "turquoise", "violet", "wheat", "white",
    "whitesmoke", "yellow", "yellowgreen",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(CURRENCIES.is_sorted() && LANGUAGES.is_sorted() && COLORS.is_sorted());
        assert!(currency(json!("EUR")).is_ok() && currency(json!("eur")).is_err() && currency(json!(7)).is_err());
        assert!(language(json!("de")).is_ok() && language(json!("DE")).is_err() && language(json!("deu")).is_err());
    }

    #[test]
    fn colors() {
        for good in
            ["#fff", "#FFFF", "#a1b2c3", "a1b2c3d4", "Navy", "rgb(1, 2, 3)", "rgba(1,2,3,0.5)", "hsl(270 60% 50%)"]
        {
            assert!(color(json!(good)).is_ok(), "{good}");
        }
        for bad in ["", "#ff", "#ggg", "dark", "rgb(1,2)", "rgb(a,b,c)", "rgb(1,2,3", "url(x)", "rgb(inf,1,2)"] {
            assert!(color(json!(bad)).is_err(), "{bad}");
        }
        assert!(color(json!(255)).is_err());
    }
}
