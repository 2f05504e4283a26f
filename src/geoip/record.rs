//! A database's record about an address. Makers of databases use different
//! names for the same fields, so this module tries all known names.

use std::net::IpAddr;

use maxminddb::PathElement::{self, Key};
use maxminddb::{LookupResult, MaxMindDbError};

use super::coordinates::Coordinates;
use super::network::Network;
use scape_proto::word::CountryCode;

type Found<'a> = LookupResult<'a, Vec<u8>>;
type Path = &'static [PathElement<'static>];

// The names that MaxMind and DB-IP use come first, then those of IPinfo,
// IPLocate and others.
const COUNTRY: &[Path] = &[
    &[Key("country"), Key("iso_code")],
    &[Key("country_code")],
    &[Key("country")],
    &[Key("geo"), Key("country_code")],
];
const COUNTRY_NAME: &[Path] = &[
    &[Key("country"), Key("names"), Key("en")],
    &[Key("country_name")],
    &[Key("country"), Key("name")],
    &[Key("country")],
    &[Key("geo"), Key("country")],
];
const CITY: &[Path] = &[
    &[Key("city"), Key("names"), Key("en")],
    &[Key("city")],
    &[Key("city_name")],
    &[Key("city"), Key("name")],
    &[Key("geo"), Key("city")],
];
const LATITUDE: &[Path] = &[
    &[Key("location"), Key("latitude")],
    &[Key("latitude")],
    &[Key("lat")],
    &[Key("geo"), Key("latitude")],
];
const LONGITUDE: &[Path] = &[
    &[Key("location"), Key("longitude")],
    &[Key("longitude")],
    &[Key("lng")],
    &[Key("lon")],
    &[Key("geo"), Key("longitude")],
];
const RADIUS: &[Path] = &[&[Key("location"), Key("accuracy_radius")], &[Key("radius")]];
const ASN: &[Path] = &[
    &[Key("autonomous_system_number")],
    &[Key("asn")],
    &[Key("as_number")],
    &[Key("traits"), Key("autonomous_system_number")],
    &[Key("as"), Key("asn")],
];
const ORGANIZATION: &[Path] = &[
    &[Key("autonomous_system_organization")],
    &[Key("as_name")],
    &[Key("org")],
    &[Key("as_organization")],
    &[Key("organization")],
    &[Key("traits"), Key("autonomous_system_organization")],
    &[Key("as"), Key("name")],
    &[Key("isp")],
    &[Key("name")],
];

/// The fields that a database contains for an address.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) country: Option<CountryCode>,
    pub(super) country_name: Option<Box<str>>,
    pub(super) city: Option<Box<str>>,
    pub(super) coordinates: Option<Coordinates>,
    pub(super) asn: Option<u32>,
    pub(super) organization: Option<Box<str>>,
    pub(super) network: Option<Network>,
}

impl Record {
    /// Reads the record that was found for `ip`. If the database doesn't
    /// contain the address, all fields are `None`.
    pub(super) fn read(found: &Found<'_>, ip: IpAddr) -> Result<Self, MaxMindDbError> {
        if !found.has_data() {
            return Ok(Record::default());
        }
        let country = text(found, COUNTRY, |text| text.parse().ok())?;
        let asn = first(ASN, |path| asn(found, path))?;
        Ok(Record {
            country,
            country_name: match country {
                // A text of two letters is a country code, not a name.
                Some(_) => text(found, COUNTRY_NAME, |text| (text.len() > 2).then(|| text.into()))?,
                None => None,
            },
            city: text(found, CITY, |text| Some(text.into()))?,
            coordinates: coordinates(found)?,
            asn,
            organization: match asn {
                Some(_) => text(found, ORGANIZATION, |text| Some(text.into()))?,
                None => None,
            },
            network: network(found, ip)?,
        })
    }
}

/// Returns the value at the first of these paths for which `read` finds a
/// value, or `None` if it finds none.
fn first<T>(
    paths: &[Path],
    read: impl Fn(Path) -> Result<Option<T>, MaxMindDbError>,
) -> Result<Option<T>, MaxMindDbError> {
    for path in paths {
        if let Some(value) = read(path)? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// Returns the first text at one of these paths that `accept` converts to a
/// value. Returns `None` if there is no such text.
fn text<T>(
    found: &Found<'_>,
    paths: &[Path],
    accept: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, MaxMindDbError> {
    first(paths, |path| Ok(text_at(found, path)?.and_then(|text| accept(&text))))
}

/// Returns the text at a path without surrounding spaces. Returns `None` if
/// there is no text or it is empty.
fn text_at(found: &Found<'_>, path: Path) -> Result<Option<String>, MaxMindDbError> {
    let text: Option<String> = if_of_this_kind(found.decode_path(path))?;
    Ok(text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
}

/// Returns the number at a path. The value may have any numeric type, or be
/// text. Returns `None` if there is no number.
fn number(found: &Found<'_>, path: Path) -> Result<Option<f64>, MaxMindDbError> {
    if let Some(number) = if_of_this_kind(found.decode_path::<f64>(path))? {
        return Ok(Some(number));
    }
    if let Some(number) = if_of_this_kind(found.decode_path::<f32>(path))? {
        return Ok(Some(number.into()));
    }
    if let Some(number) = if_of_this_kind(found.decode_path::<i64>(path))? {
        return Ok(i32::try_from(number).ok().map(f64::from));
    }
    Ok(text_at(found, path)?.and_then(|text| text.parse().ok()))
}

/// Returns the number of an autonomous system, which may be stored as 64496,
/// "64496" or "AS64496". Returns `None` for 0, which some databases use for a
/// missing number.
fn asn(found: &Found<'_>, path: Path) -> Result<Option<u32>, MaxMindDbError> {
    let asn = match if_of_this_kind(found.decode_path::<i64>(path))? {
        Some(number) => u32::try_from(number).ok(),
        None => text_at(found, path)?.and_then(|text| asn_of(&text)),
    };
    Ok(asn.filter(|asn| *asn != 0))
}

fn asn_of(text: &str) -> Option<u32> {
    let digits = match text.get(..2) {
        Some(letters) if letters.eq_ignore_ascii_case("as") => text.get(2..)?,
        _ => text,
    };
    digits.parse().ok()
}

fn coordinates(found: &Found<'_>) -> Result<Option<Coordinates>, MaxMindDbError> {
    let latitude = first(LATITUDE, |path| number(found, path))?;
    let longitude = first(LONGITUDE, |path| number(found, path))?;
    let (Some(latitude), Some(longitude)) = (latitude, longitude) else { return Ok(None) };
    let radius = first(RADIUS, |path| if_of_this_kind(found.decode_path::<i64>(path)))?;
    Ok(Coordinates::new(latitude, longitude, radius.and_then(|radius| u32::try_from(radius).ok())))
}

/// Returns the network of the record. Returns `None` for an IPv4 address if the
/// record's network is an IPv6 network. This happens in databases that have a
/// single record for all IPv4 addresses.
fn network(found: &Found<'_>, ip: IpAddr) -> Result<Option<Network>, MaxMindDbError> {
    let network = found.network()?;
    let same_kind = network.is_ipv4() == ip.is_ipv4();
    Ok(same_kind.then(|| Network::new(network.network(), network.prefix())))
}

/// Replaces the error for a value of an unexpected type by `None`. The reason
/// is that another maker may use the same name for a different field.
fn if_of_this_kind<T>(
    value: Result<Option<T>, MaxMindDbError>,
) -> Result<Option<T>, MaxMindDbError> {
    match value {
        Err(MaxMindDbError::Decoding { .. }) => Ok(None),
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn autonomous_system_number_is_read_with_and_without_as() {
        for (text, asn) in [
            ("AS64496", Some(64496)),
            ("as4294967295", Some(u32::MAX)),
            ("64496", Some(64496)),
            ("AS", None),
            ("AS-64496", None),
            ("ÄS1", None),
            ("AS4294967296", None),
            ("", None),
        ] {
            assert_eq!(asn_of(text), asn, "{text}");
        }
    }
}
