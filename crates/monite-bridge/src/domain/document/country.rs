/// Whether `code` is a country Monite knows: ISO 3166-1 alpha-2 in upper case, or `AN`, `EA` (Ceuta, Melilla), `IC` (Canary Islands).
pub(super) fn is_code(code: &str) -> bool {
    COUNTRIES.binary_search_by_key(&code, |(alpha2, _, _)| alpha2).is_ok()
}

/// The code that somebody who wrote `text` most likely meant: a name, a three-letter code, or the right code in lower case.
/// For the message only: a guess is never used as the value.
pub(super) fn meant_by(text: &str) -> Option<&'static str> {
    let folded = fold(text);
    COUNTRIES
        .iter()
        .find(|(alpha2, alpha3, name)| {
            folded == alpha2.to_lowercase()
                || (!alpha3.is_empty() && folded == alpha3.to_lowercase())
                || folded == fold(name)
        })
        .map(|(alpha2, _, _)| *alpha2)
        .or_else(|| ALSO_CALLED.iter().find(|(name, _)| fold(name) == folded).map(|(_, alpha2)| *alpha2))
}

fn fold(text: &str) -> String {
    text.trim().trim_start_matches("The ").trim_start_matches("the ").replace('&', "and").to_lowercase()
}

/// What product databases call countries besides their English names. Nothing ambiguous: no "Korea", no "Congo".
#[rustfmt::skip]
const ALSO_CALLED: &[(&str, &str)] = &[
    ("UK", "GB"), ("Great Britain", "GB"), ("Britain", "GB"), ("England", "GB"), ("Scotland", "GB"), ("Wales", "GB"),
    ("Northern Ireland", "GB"), ("USA", "US"), ("U.S.A.", "US"), ("U.S.", "US"), ("United States of America", "US"),
    ("America", "US"), ("Deutschland", "DE"), ("Allemagne", "DE"), ("Alemania", "DE"), ("Österreich", "AT"),
    ("Schweiz", "CH"), ("Suisse", "CH"), ("Svizzera", "CH"), ("Holland", "NL"), ("Nederland", "NL"), ("België", "BE"),
    ("Belgique", "BE"), ("España", "ES"), ("Espana", "ES"), ("Italia", "IT"), ("Polska", "PL"), ("Česko", "CZ"),
    ("Czech Republic", "CZ"), ("Česká republika", "CZ"), ("Slovensko", "SK"), ("Magyarország", "HU"), ("România", "RO"),
    ("България", "BG"), ("Ελλάδα", "GR"), ("Ελλάς", "GR"), ("EL", "GR"), ("Sverige", "SE"), ("Norge", "NO"),
    ("Danmark", "DK"), ("Suomi", "FI"), ("Ísland", "IS"), ("Éire", "IE"), ("Eesti", "EE"), ("Latvija", "LV"),
    ("Lietuva", "LT"), ("Hrvatska", "HR"), ("Slovenija", "SI"), ("Srbija", "RS"), ("Україна", "UA"), ("Россия", "RU"),
    ("Russian Federation", "RU"), ("Turkey", "TR"), ("Brasil", "BR"), ("México", "MX"), ("Perú", "PE"),
    ("日本", "JP"), ("中国", "CN"), ("中國", "CN"), ("台灣", "TW"), ("臺灣", "TW"), ("香港", "HK"), ("대한민국", "KR"),
    ("한국", "KR"), ("Republic of Korea", "KR"), ("भारत", "IN"), ("ไทย", "TH"), ("Việt Nam", "VN"), ("Viet Nam", "VN"),
    ("مصر", "EG"), ("السعودية", "SA"), ("الإمارات", "AE"), ("UAE", "AE"), ("ישראל", "IL"), ("საქართველო", "GE"),
    ("Հայաստան", "AM"), ("Ivory Coast", "CI"), ("Cape Verde", "CV"), ("Swaziland", "SZ"), ("Burma", "MM"),
    ("East Timor", "TL"), ("Macau", "MO"), ("Holy See", "VA"), ("Macedonia", "MK"),
];

/// Code, three-letter code, name; in order of the code.
#[rustfmt::skip]
const COUNTRIES: &[(&str, &str, &str)] = &[
    ("AD", "AND", "Andorra"), ("AE", "ARE", "United Arab Emirates"), ("AF", "AFG", "Afghanistan"),
    ("AG", "ATG", "Antigua and Barbuda"), ("AI", "AIA", "Anguilla"), ("AL", "ALB", "Albania"), ("AM", "ARM", "Armenia"),
    ("AN", "ANT", "Netherlands Antilles"), ("AO", "AGO", "Angola"), ("AQ", "ATA", "Antarctica"), ("AR", "ARG", "Argentina"),
    ("AS", "ASM", "American Samoa"), ("AT", "AUT", "Austria"), ("AU", "AUS", "Australia"), ("AW", "ABW", "Aruba"),
    ("AX", "ALA", "Åland Islands"), ("AZ", "AZE", "Azerbaijan"), ("BA", "BIH", "Bosnia and Herzegovina"),
    ("BB", "BRB", "Barbados"), ("BD", "BGD", "Bangladesh"), ("BE", "BEL", "Belgium"), ("BF", "BFA", "Burkina Faso"),
    ("BG", "BGR", "Bulgaria"), ("BH", "BHR", "Bahrain"), ("BI", "BDI", "Burundi"), ("BJ", "BEN", "Benin"),
    ("BL", "BLM", "Saint Barthélemy"), ("BM", "BMU", "Bermuda"), ("BN", "BRN", "Brunei"), ("BO", "BOL", "Bolivia"),
    ("BQ", "BES", "Bonaire"), ("BR", "BRA", "Brazil"), ("BS", "BHS", "Bahamas"), ("BT", "BTN", "Bhutan"),
    ("BV", "BVT", "Bouvet Island"), ("BW", "BWA", "Botswana"), ("BY", "BLR", "Belarus"), ("BZ", "BLZ", "Belize"),
    ("CA", "CAN", "Canada"), ("CC", "CCK", "Cocos (Keeling) Islands"), ("CD", "COD", "Democratic Republic of the Congo"),
    ("CF", "CAF", "Central African Republic"), ("CG", "COG", "Republic of the Congo"), ("CH", "CHE", "Switzerland"),
    ("CI", "CIV", "Côte d'Ivoire"), ("CK", "COK", "Cook Islands"), ("CL", "CHL", "Chile"), ("CM", "CMR", "Cameroon"),
    ("CN", "CHN", "China"), ("CO", "COL", "Colombia"), ("CR", "CRI", "Costa Rica"), ("CU", "CUB", "Cuba"),
    ("CV", "CPV", "Cabo Verde"), ("CW", "CUW", "Curaçao"), ("CX", "CXR", "Christmas Island"), ("CY", "CYP", "Cyprus"),
    ("CZ", "CZE", "Czechia"), ("DE", "DEU", "Germany"), ("DJ", "DJI", "Djibouti"), ("DK", "DNK", "Denmark"),
    ("DM", "DMA", "Dominica"), ("DO", "DOM", "Dominican Republic"), ("DZ", "DZA", "Algeria"), ("EA", "", "Ceuta and Melilla"),
    ("EC", "ECU", "Ecuador"), ("EE", "EST", "Estonia"), ("EG", "EGY", "Egypt"), ("EH", "ESH", "Western Sahara"),
    ("ER", "ERI", "Eritrea"), ("ES", "ESP", "Spain"), ("ET", "ETH", "Ethiopia"), ("FI", "FIN", "Finland"),
    ("FJ", "FJI", "Fiji"), ("FK", "FLK", "Falkland Islands"), ("FM", "FSM", "Micronesia"), ("FO", "FRO", "Faroe Islands"),
    ("FR", "FRA", "France"), ("GA", "GAB", "Gabon"), ("GB", "GBR", "United Kingdom"), ("GD", "GRD", "Grenada"),
    ("GE", "GEO", "Georgia"), ("GF", "GUF", "French Guiana"), ("GG", "GGY", "Guernsey"), ("GH", "GHA", "Ghana"),
    ("GI", "GIB", "Gibraltar"), ("GL", "GRL", "Greenland"), ("GM", "GMB", "Gambia"), ("GN", "GIN", "Guinea"),
    ("GP", "GLP", "Guadeloupe"), ("GQ", "GNQ", "Equatorial Guinea"), ("GR", "GRC", "Greece"),
    ("GS", "SGS", "South Georgia and the South Sandwich Islands"), ("GT", "GTM", "Guatemala"), ("GU", "GUM", "Guam"),
    ("GW", "GNB", "Guinea-Bissau"), ("GY", "GUY", "Guyana"), ("HK", "HKG", "Hong Kong"),
    ("HM", "HMD", "Heard Island and McDonald Islands"), ("HN", "HND", "Honduras"), ("HR", "HRV", "Croatia"),
    ("HT", "HTI", "Haiti"), ("HU", "HUN", "Hungary"), ("IC", "", "Canary Islands"), ("ID", "IDN", "Indonesia"),
    ("IE", "IRL", "Ireland"), ("IL", "ISR", "Israel"), ("IM", "IMN", "Isle of Man"), ("IN", "IND", "India"),
    ("IO", "IOT", "British Indian Ocean Territory"), ("IQ", "IRQ", "Iraq"), ("IR", "IRN", "Iran"), ("IS", "ISL", "Iceland"),
    ("IT", "ITA", "Italy"), ("JE", "JEY", "Jersey"), ("JM", "JAM", "Jamaica"), ("JO", "JOR", "Jordan"), ("JP", "JPN", "Japan"),
    ("KE", "KEN", "Kenya"), ("KG", "KGZ", "Kyrgyzstan"), ("KH", "KHM", "Cambodia"), ("KI", "KIR", "Kiribati"),
    ("KM", "COM", "Comoros"), ("KN", "KNA", "Saint Kitts and Nevis"), ("KP", "PRK", "North Korea"),
    ("KR", "KOR", "South Korea"), ("KW", "KWT", "Kuwait"), ("KY", "CYM", "Cayman Islands"), ("KZ", "KAZ", "Kazakhstan"),
    ("LA", "LAO", "Laos"), ("LB", "LBN", "Lebanon"), ("LC", "LCA", "Saint Lucia"), ("LI", "LIE", "Liechtenstein"),
    ("LK", "LKA", "Sri Lanka"), ("LR", "LBR", "Liberia"), ("LS", "LSO", "Lesotho"), ("LT", "LTU", "Lithuania"),
    ("LU", "LUX", "Luxembourg"), ("LV", "LVA", "Latvia"), ("LY", "LBY", "Libya"), ("MA", "MAR", "Morocco"),
    ("MC", "MCO", "Monaco"), ("MD", "MDA", "Moldova"), ("ME", "MNE", "Montenegro"), ("MF", "MAF", "Saint Martin"),
    ("MG", "MDG", "Madagascar"), ("MH", "MHL", "Marshall Islands"), ("MK", "MKD", "North Macedonia"), ("ML", "MLI", "Mali"),
    ("MM", "MMR", "Myanmar"), ("MN", "MNG", "Mongolia"), ("MO", "MAC", "Macao"), ("MP", "MNP", "Northern Mariana Islands"),
    ("MQ", "MTQ", "Martinique"), ("MR", "MRT", "Mauritania"), ("MS", "MSR", "Montserrat"), ("MT", "MLT", "Malta"),
    ("MU", "MUS", "Mauritius"), ("MV", "MDV", "Maldives"), ("MW", "MWI", "Malawi"), ("MX", "MEX", "Mexico"),
    ("MY", "MYS", "Malaysia"), ("MZ", "MOZ", "Mozambique"), ("NA", "NAM", "Namibia"), ("NC", "NCL", "New Caledonia"),
    ("NE", "NER", "Niger"), ("NF", "NFK", "Norfolk Island"), ("NG", "NGA", "Nigeria"), ("NI", "NIC", "Nicaragua"),
    ("NL", "NLD", "Netherlands"), ("NO", "NOR", "Norway"), ("NP", "NPL", "Nepal"), ("NR", "NRU", "Nauru"),
    ("NU", "NIU", "Niue"), ("NZ", "NZL", "New Zealand"), ("OM", "OMN", "Oman"), ("PA", "PAN", "Panama"), ("PE", "PER", "Peru"),
    ("PF", "PYF", "French Polynesia"), ("PG", "PNG", "Papua New Guinea"), ("PH", "PHL", "Philippines"),
    ("PK", "PAK", "Pakistan"), ("PL", "POL", "Poland"), ("PM", "SPM", "Saint Pierre and Miquelon"), ("PN", "PCN", "Pitcairn"),
    ("PR", "PRI", "Puerto Rico"), ("PS", "PSE", "Palestine"), ("PT", "PRT", "Portugal"), ("PW", "PLW", "Palau"),
    ("PY", "PRY", "Paraguay"), ("QA", "QAT", "Qatar"), ("RE", "REU", "Réunion"), ("RO", "ROU", "Romania"),
    ("RS", "SRB", "Serbia"), ("RU", "RUS", "Russia"), ("RW", "RWA", "Rwanda"), ("SA", "SAU", "Saudi Arabia"),
    ("SB", "SLB", "Solomon Islands"), ("SC", "SYC", "Seychelles"), ("SD", "SDN", "Sudan"), ("SE", "SWE", "Sweden"),
    ("SG", "SGP", "Singapore"), ("SH", "SHN", "Saint Helena"), ("SI", "SVN", "Slovenia"),
    ("SJ", "SJM", "Svalbard and Jan Mayen"), ("SK", "SVK", "Slovakia"), ("SL", "SLE", "Sierra Leone"),
    ("SM", "SMR", "San Marino"), ("SN", "SEN", "Senegal"), ("SO", "SOM", "Somalia"), ("SR", "SUR", "Suriname"),
    ("SS", "SSD", "South Sudan"), ("ST", "STP", "Sao Tome and Principe"), ("SV", "SLV", "El Salvador"),
    ("SX", "SXM", "Sint Maarten"), ("SY", "SYR", "Syria"), ("SZ", "SWZ", "Eswatini"), ("TC", "TCA", "Turks and Caicos Islands"),
    ("TD", "TCD", "Chad"), ("TF", "ATF", "French Southern Territories"), ("TG", "TGO", "Togo"), ("TH", "THA", "Thailand"),
    ("TJ", "TJK", "Tajikistan"), ("TK", "TKL", "Tokelau"), ("TL", "TLS", "Timor-Leste"), ("TM", "TKM", "Turkmenistan"),
    ("TN", "TUN", "Tunisia"), ("TO", "TON", "Tonga"), ("TR", "TUR", "Türkiye"), ("TT", "TTO", "Trinidad and Tobago"),
    ("TV", "TUV", "Tuvalu"), ("TW", "TWN", "Taiwan"), ("TZ", "TZA", "Tanzania"), ("UA", "UKR", "Ukraine"),
    ("UG", "UGA", "Uganda"), ("UM", "UMI", "US Minor Outlying Islands"), ("US", "USA", "United States"),
    ("UY", "URY", "Uruguay"), ("UZ", "UZB", "Uzbekistan"), ("VA", "VAT", "Vatican City"),
    ("VC", "VCT", "Saint Vincent and the Grenadines"), ("VE", "VEN", "Venezuela"), ("VG", "VGB", "British Virgin Islands"),
    ("VI", "VIR", "US Virgin Islands"), ("VN", "VNM", "Vietnam"), ("VU", "VUT", "Vanuatu"), ("WF", "WLF", "Wallis and Futuna"),
    ("WS", "WSM", "Samoa"), ("YE", "YEM", "Yemen"), ("YT", "MYT", "Mayotte"), ("ZA", "ZAF", "South Africa"),
    ("ZM", "ZMB", "Zambia"), ("ZW", "ZWE", "Zimbabwe"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_complete() {
        assert!(COUNTRIES.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(COUNTRIES.len(), 249 + 3, "ISO 3166-1 and AN, EA, IC");
        let aliases_lead_somewhere = ALSO_CALLED.iter().all(|(_, code)| is_code(code));
        assert!(aliases_lead_somewhere);
    }

    #[test]
    fn only_the_exact_code_is_accepted_and_the_rest_is_guessed_at() {
        let table = [
            ("DE", true, Some("DE")),
            ("IC", true, Some("IC")),
            ("de", false, Some("DE")),
            ("Germany", false, Some("DE")),
            ("DEU", false, Some("DE")),
            (" deutschland ", false, Some("DE")),
            ("UK", false, Some("GB")),
            ("The Netherlands", false, Some("NL")),
            ("Trinidad & Tobago", false, Some("TT")),
            ("日本", false, Some("JP")),
            ("XX", false, None),
            ("Korea", false, None),
            ("", false, None),
        ];
        for (text, accepted, meant) in table {
            assert_eq!(is_code(text), accepted, "{text}");
            assert_eq!(meant_by(text), meant, "{text}");
        }
    }
}
