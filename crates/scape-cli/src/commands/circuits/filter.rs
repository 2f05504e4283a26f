//! The options that select circuits.

use std::str::FromStr;

use clap::Args;
use scape::State;
use scape::event::{CircuitInfo, CircuitPurpose, CircuitStatus};
use scape::state::Circuit;
use scape::word::{CountryCode, Fingerprint, RelayName};

use crate::base::failure::Failure;
use crate::commands::shared::words::{self, contains};

/// The conditions that a circuit must fulfil to be printed.
#[derive(Debug, Clone, PartialEq, Default, Args)]
#[command(next_help_heading = "Filters")]
pub(super) struct Filter {
    /// Circuits with this status, such as BUILT. Can be repeated to select
    /// several statuses
    #[arg(
        long,
        value_name = "STATUS",
        value_parser = words::parser(CircuitStatus::KNOWN, CircuitStatus::as_str),
    )]
    status: Vec<String>,

    /// Circuits with this purpose, such as GENERAL. Can be repeated to select
    /// several purposes
    #[arg(
        long,
        value_name = "PURPOSE",
        value_parser = words::parser(CircuitPurpose::KNOWN, CircuitPurpose::as_str),
    )]
    purpose: Vec<String>,

    /// Circuits through this relay: a fingerprint, or a text that the nickname
    /// contains. Can be repeated to select several relays
    #[arg(long, value_name = "RELAY")]
    relay: Vec<RelayFilter>,

    /// Circuits through a relay in this country, such as de. Can be repeated to
    /// select several countries
    #[arg(long, value_name = "COUNTRY")]
    country: Vec<CountryCode>,

    /// Circuits whose last relay is in this country. Can be repeated to select
    /// several countries
    #[arg(long, value_name = "COUNTRY")]
    exit_country: Vec<CountryCode>,
}

impl Filter {
    /// Returns a failure if the user asked for a status or a purpose that the
    /// library doesn't know and no circuit has.
    pub(super) fn check(&self, state: &State) -> Result<(), Failure> {
        let circuits: Vec<_> = state.circuits().iter().map(Circuit::info).collect();
        let known: Vec<_> = CircuitStatus::KNOWN.iter().map(CircuitStatus::as_str).collect();
        words::check("status", "statuses", &self.status, &known, |word| {
            circuits.iter().any(|circuit| circuit.status.as_str().eq_ignore_ascii_case(word))
        })?;
        let known: Vec<_> = CircuitPurpose::KNOWN.iter().map(CircuitPurpose::as_str).collect();
        words::check("purpose", "purposes", &self.purpose, &known, |word| {
            let mut purposes = circuits.iter().filter_map(|circuit| circuit.purpose.as_ref());
            purposes.any(|purpose| purpose.as_str().eq_ignore_ascii_case(word))
        })
    }

    /// Returns true if the circuit fulfils all conditions except those on
    /// countries.
    pub(super) fn fits(&self, circuit: &CircuitInfo) -> bool {
        let purpose = circuit.purpose.as_ref().map(CircuitPurpose::as_str);
        let is_wanted = |name: &RelayName| self.relay.iter().any(|relay| relay.fits(name));
        words::fits(&self.status, Some(circuit.status.as_str()))
            && words::fits(&self.purpose, purpose)
            && (self.relay.is_empty() || circuit.path.iter().any(is_wanted))
    }

    pub(super) fn needs_countries(&self) -> bool {
        !self.country.is_empty() || !self.exit_country.is_empty()
    }

    /// Returns true if a circuit over relays in these countries fulfils the
    /// conditions on countries.
    pub(super) fn fits_countries(&self, path: &[Option<CountryCode>]) -> bool {
        let fits = |wanted: &[CountryCode], relays: &[Option<CountryCode>]| {
            wanted.is_empty() || relays.iter().flatten().any(|country| wanted.contains(country))
        };
        let last = path.last().map(std::slice::from_ref).unwrap_or_default();
        fits(&self.country, path) && fits(&self.exit_country, last)
    }
}

/// The argument of `--relay`: a fingerprint, or a part of a nickname.
#[derive(Debug, Clone, PartialEq)]
enum RelayFilter {
    Fingerprint(Fingerprint),
    Name(String),
}

impl RelayFilter {
    fn fits(&self, relay: &RelayName) -> bool {
        match self {
            RelayFilter::Fingerprint(fingerprint) => relay.fingerprint() == Some(*fingerprint),
            RelayFilter::Name(text) => {
                relay.nickname().is_some_and(|nickname| contains(nickname, text))
            }
        }
    }
}

impl FromStr for RelayFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // $FINGERPRINT~NICKNAME is the form of `scape circuits --long`.
        let fingerprint = RelayName::from(text).fingerprint().or_else(|| text.parse().ok());
        if let Some(fingerprint) = fingerprint {
            return Ok(RelayFilter::Fingerprint(fingerprint));
        }
        match !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric()) {
            true => Ok(RelayFilter::Name(text.to_owned())),
            false => Err("expected a fingerprint, or a part of a nickname".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MORIA: &str = "9695DFC35FFEB861329B9F1AB04C46397020CE31";

    fn circuit(line: &str) -> CircuitInfo {
        CircuitInfo::parse(line.as_bytes()).unwrap()
    }

    #[test]
    fn options_are_combined_and_values_of_an_option_are_alternatives() {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        let filter = Filter {
            status: words(&["built", "extended"]),
            purpose: words(&["general"]),
            ..Filter::default()
        };
        for (line, expected) in [
            ("1 BUILT PURPOSE=GENERAL", true),
            ("1 EXTENDED PURPOSE=GENERAL", true),
            ("1 LAUNCHED PURPOSE=GENERAL", false),
            ("1 BUILT PURPOSE=TESTING", false),
            ("1 BUILT", false),
        ] {
            assert_eq!(filter.fits(&circuit(line)), expected, "{line}");
        }
    }

    #[test]
    fn relays_are_found_by_fingerprint_and_by_part_of_a_nickname() {
        let line = format!("1 BUILT ${MORIA}~moria1,relay2");
        let circuit = circuit(&line);
        let fits = |text: &str| {
            let filter = Filter { relay: vec![text.parse().unwrap()], ..Filter::default() };
            filter.fits(&circuit)
        };
        let lower = MORIA.to_lowercase();
        for text in [MORIA, &lower, &format!("${MORIA}"), &format!("${MORIA}~x"), "MORIA", "2"] {
            assert!(fits(text), "{text}");
        }
        assert!(!fits("relay3") && !fits(&"0".repeat(40)));
        for wrong in ["", "$96", "a b", "~x"] {
            assert!(wrong.parse::<RelayFilter>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn countries_are_those_of_any_relay_or_of_the_last_one() {
        let country = |text: &str| Some(text.parse::<CountryCode>().unwrap());
        let path = [country("de"), None, country("fr")];
        let fits = |any: &str, last: &str| {
            let codes = |text: &str| country(text).into_iter().collect();
            let filter = match (any, last) {
                (any, "") => Filter { country: codes(any), ..Filter::default() },
                ("", last) => Filter { exit_country: codes(last), ..Filter::default() },
                (any, last) => {
                    Filter { country: codes(any), exit_country: codes(last), ..Filter::default() }
                }
            };
            filter.fits_countries(&path)
        };
        assert!(fits("de", "") && fits("fr", "") && fits("", "fr") && fits("de", "fr"));
        assert!(!fits("se", "") && !fits("", "de") && !fits("se", "fr"));
        let filter =
            Filter { exit_country: country("fr").into_iter().collect(), ..Filter::default() };
        assert!(!filter.fits_countries(&[]) && !filter.fits_countries(&[None]));
    }
}
