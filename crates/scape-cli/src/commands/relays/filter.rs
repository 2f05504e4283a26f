//! The options that select relays.

use clap::Args;
use scape::netdoc::{Directory, Relay, RouterFlags};
use scape::word::CountryCode;

use super::address::AddressFilter;
use super::version::VersionFilter;
use crate::base::failure::Failure;
use crate::commands::shared::relay::flags;
use crate::commands::shared::words::{self, contains};

/// The conditions that a relay must fulfil to be printed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Filters")]
pub(super) struct Filter {
    /// Relays with this flag, such as Exit. With ! in front, such as !Exit,
    /// relays without this flag. Can be repeated
    #[arg(long, value_name = "FLAG")]
    flag: Vec<String>,

    /// Relays without this flag. Can be repeated
    #[arg(long, value_name = "FLAG")]
    without_flag: Vec<String>,

    /// Relays in this country, such as de. Can be repeated to select several
    /// countries
    #[arg(long, value_name = "COUNTRY")]
    country: Vec<CountryCode>,

    /// Relays whose nickname contains this text. Can be repeated to select
    /// several relays
    #[arg(long, value_name = "TEXT")]
    name: Vec<String>,

    /// Relays in this network, such as 192.0.2.0/24, or relays whose address
    /// begins with this text, such as 192.0.2
    #[arg(long, value_name = "NETWORK")]
    address: Option<AddressFilter>,

    /// Relays with this version of tor, such as 0.4.8, or in a range, such as
    /// "<0.4.8.12"
    #[arg(long, value_name = "VERSION")]
    version: Option<VersionFilter>,

    /// Relays whose exit policy allows this port for most addresses
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
}

impl Filter {
    /// Returns the names of the flags that relays must have, and then the names
    /// of those that they must not have.
    fn flag_names(&self) -> (Vec<&str>, Vec<&str>) {
        let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
        for flag in &self.flag {
            match flag.strip_prefix('!') {
                Some(flag) => unwanted.push(flag),
                None => wanted.push(flag.as_str()),
            }
        }
        unwanted.extend(self.without_flag.iter().map(String::as_str));
        (wanted, unwanted)
    }

    /// Returns a failure if the user named a flag that the library doesn't
    /// know. Used if tor has no consensus yet. Otherwise,
    /// [`check`](Self::check) is used.
    pub(super) fn check_names(&self) -> Result<(), Failure> {
        self.check_against(|_| false)
    }

    /// Returns a failure if the user named a flag that the library doesn't know
    /// and no relay in the consensus has.
    pub(super) fn check(&self, directory: &Directory) -> Result<(), Failure> {
        self.check_against(|name| {
            let mut unknown = directory.relays().iter().flat_map(Relay::unknown_flags);
            unknown.any(|flag| flag.eq_ignore_ascii_case(name))
        })
    }

    fn check_against(&self, is_listed: impl Fn(&str) -> bool) -> Result<(), Failure> {
        let (wanted, unwanted) = self.flag_names();
        let known: Vec<_> = RouterFlags::all().iter().collect();
        words::check("flag", "flags", wanted.into_iter().chain(unwanted), &known, is_listed)
    }

    /// Returns true if the relay fulfils all conditions except the one on its
    /// country.
    pub(super) fn fits(&self, relay: &Relay) -> bool {
        let flags = flags(relay);
        let has = |name: &str| flags.iter().any(|flag| flag.eq_ignore_ascii_case(name));
        let (wanted, unwanted) = self.flag_names();
        let allows = |port: u16| {
            [relay.policy(), relay.policy_v6()].iter().flatten().any(|policy| policy.allows(port))
        };
        wanted.iter().all(|name| has(name))
            && !unwanted.iter().any(|name| has(name))
            && (self.name.is_empty()
                || self.name.iter().any(|text| contains(relay.nickname(), text)))
            && self.address.as_ref().is_none_or(|filter| {
                filter.fits((*relay.or_address().ip()).into())
                    || relay.ipv6().is_some_and(|address| filter.fits((*address.ip()).into()))
            })
            && self
                .version
                .as_ref()
                .is_none_or(|filter| relay.version().is_some_and(|version| filter.fits(version)))
            && self.port.is_none_or(allows)
    }

    pub(super) fn needs_countries(&self) -> bool {
        !self.country.is_empty()
    }

    pub(super) fn fits_country(&self, country: Option<CountryCode>) -> bool {
        self.country.is_empty() || country.is_some_and(|country| self.country.contains(&country))
    }
}
