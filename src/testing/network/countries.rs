//! The countries of relays.
//!
//! tor looks up the country of an address, and every address of the test
//! network is a loopback address. So each country has an address range within
//! 127.0.0.0/8. A file in the format of tor's `geoip` assigns the ranges to
//! countries.

use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use super::addresses::ADDRESS;
use crate::error::{Error, Result};

/// The name of the file with the countries of IPv4 addresses.
pub(super) const GEOIP: &str = "geoip";

/// The name of the file with the countries of IPv6 addresses. It contains no
/// countries, but tor warns if the file is missing.
pub(super) const GEOIP6: &str = "geoip6";

const NO_IPV6: &str = "# No IPv6 address is in a country.\n";

/// The highest number of countries in a network.
pub(super) const MOST: usize = 254;

/// The countries of a network. The address range of the one with index 0 is
/// 127.1.0.0/16, that of the next one 127.2.0.0/16, and so on.
#[derive(Debug, Clone, Default)]
pub(super) struct Countries {
    /// The country codes, in upper case.
    codes: Vec<String>,
}

impl Countries {
    /// Creates the list of the given country codes, in the order in which they
    /// first occur. Upper and lower case are the same.
    pub(super) fn of<C: AsRef<str>>(countries: impl IntoIterator<Item = C>) -> Self {
        let mut codes = Vec::new();
        for country in countries {
            let code = country.as_ref().to_ascii_uppercase();
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
        Countries { codes }
    }

    /// Returns true if there are more countries than address ranges for them.
    pub(super) fn are_too_many(&self) -> bool {
        self.codes.len() > MOST
    }

    /// Returns the address of relays in a country, or the common address of all
    /// nodes without a country.
    pub(super) fn address(&self, country: Option<&str>) -> Ipv4Addr {
        let is_it = |code: &String| country.is_some_and(|it| code.eq_ignore_ascii_case(it));
        let number = self.codes.iter().position(is_it).map(|index| u8::try_from(index + 1));
        match number {
            Some(Ok(number)) => Ipv4Addr::new(127, number, 0, 1),
            _ => ADDRESS,
        }
    }

    /// Writes the files for the options `GeoIPFile` and `GeoIPv6File` into a
    /// directory. Returns the directory, or `None` if there are no countries.
    pub(super) fn write_files(&self, directory: &Path) -> Result<Option<PathBuf>> {
        let Some(countries) = self.geoip_file() else { return Ok(None) };
        for (name, content) in [(GEOIP, countries.as_str()), (GEOIP6, NO_IPV6)] {
            let path = directory.join(name);
            let written = fs::write(&path, content);
            written.map_err(|error| Error::io(format!("write {}", path.display()), error))?;
        }
        Ok(Some(directory.to_owned()))
    }

    /// Returns the content of a `GeoIPFile`: the lowest and the highest address
    /// of each country as numbers, and its code. Returns `None` if there are no
    /// countries.
    fn geoip_file(&self) -> Option<String> {
        let mut text = String::new();
        for code in &self.codes {
            let [a, b, ..] = self.address(Some(code)).octets();
            let lowest = u32::from(Ipv4Addr::new(a, b, 0, 0));
            let highest = u32::from(Ipv4Addr::new(a, b, 255, 255));
            let _ = writeln!(text, "{lowest},{highest},{code}");
        }
        (!text.is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_numbered_in_the_order_of_relays() {
        let countries = Countries::of(["de", "FR", "De", "se"]);
        let address = |country| countries.address(Some(country)).to_string();
        assert_eq!(
            [address("DE"), address("fr"), address("Se"), address("us")],
            ["127.1.0.1", "127.2.0.1", "127.3.0.1", "127.0.0.1"]
        );
        assert_eq!(countries.address(None), ADDRESS);
        let file = countries.geoip_file().unwrap();
        assert_eq!(file.lines().next(), Some("2130771968,2130837503,DE"));
        assert_eq!(file.lines().count(), 3);
    }

    #[test]
    fn network_without_countries_has_no_file() {
        assert_eq!(Countries::default().geoip_file(), None);
    }

    #[test]
    fn number_of_countries_is_limited_by_the_networks() {
        let code = |number: usize| {
            let letter = |number: usize| char::from(b'A' + (number % 26) as u8);
            format!("{}{}", letter(number / 26), letter(number))
        };
        let codes: Vec<String> = (0..=MOST).map(code).collect();
        let countries = |count: usize| Countries::of(codes.iter().take(count).map(String::as_str));
        assert!(!countries(MOST).are_too_many());
        assert_eq!(countries(MOST).address(Some(&codes[MOST - 1])).octets()[1], 254);
        assert!(countries(MOST + 1).are_too_many());
    }
}
