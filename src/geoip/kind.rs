//! The content of a database, derived from its type name.

/// The content of a database, as its type name suggests it. Returned by
/// [`Database::contents`](super::Database::contents).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Contents {
    /// True if the database contains countries.
    pub countries: bool,
    /// True if the database contains cities, most often with coordinates. Then
    /// it also contains countries.
    pub cities: bool,
    /// True if the database contains autonomous systems: their numbers and
    /// organizations.
    pub autonomous_systems: bool,
}

impl Contents {
    /// Derives the content from the type in the metadata, such as
    /// `GeoLite2-City` or `DBIP-ASN-Lite (compat=GeoLite2-ASN)`. There is no
    /// official list of type names, so this function looks for known words.
    /// Returns `None` for a name without a known word.
    pub(super) fn of(type_name: &str) -> Option<Self> {
        let name = type_name.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        let everything = has(&["enterprise"]);
        let ipinfo_lite = name.contains("ipinfo") && name.contains("lite");
        let contents = Contents {
            cities: everything || has(&["city", "location"]),
            countries: everything || ipinfo_lite || has(&["city", "location", "country"]),
            autonomous_systems: everything || ipinfo_lite || has(&["asn", "isp"]),
        };
        let known = contents != Contents::default()
            || has(&["anonymous", "connection-type", "domain", "privacy"]);
        known.then_some(contents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(type_name: &str) -> Option<String> {
        let contents = Contents::of(type_name)?;
        let mut text = String::new();
        for (has, word) in [
            (contents.countries, "country "),
            (contents.cities, "city "),
            (contents.autonomous_systems, "asn "),
        ] {
            text.push_str(if has { word } else { "" });
        }
        Some(text.trim().to_owned())
    }

    #[test]
    fn contents_of_type_names_in_use() {
        for (type_name, expected) in [
            ("GeoLite2-Country", Some("country")),
            ("GeoIP2-City-Africa", Some("country city")),
            ("GeoLite2-ASN", Some("asn")),
            ("GeoIP2-ISP", Some("asn")),
            ("GeoIP2-Enterprise", Some("country city asn")),
            ("GeoIP2-Anonymous-IP", Some("")),
            ("DBIP-Country-Lite", Some("country")),
            ("DBIP-ASN-Lite (compat=GeoLite2-ASN)", Some("asn")),
            ("DBIP-Location-ISP (compat=Enterprise)", Some("country city asn")),
            ("ipinfo generic_country_asn_free.mmdb", Some("country asn")),
            ("ipinfo bundle_location_lite.mmdb", Some("country city asn")),
            ("ipinfo standard_location.mmdb", Some("country city")),
            ("MyOwn", None),
            ("", None),
        ] {
            assert_eq!(contents(type_name).as_deref(), expected, "{type_name}");
        }
    }
}
