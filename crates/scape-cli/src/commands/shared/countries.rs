//! Looks up the countries of IP addresses.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use scape::State;
use scape::geoip::{GeoIp, GeoIpError};
use scape::word::CountryCode;

use crate::base::failure::{Exit, Failure};

/// The options about the source of the countries of addresses.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct CountryOptions {
    /// A database of countries in MaxMind's format (.mmdb)
    ///
    /// Without this option, and for addresses that the database doesn't
    /// contain, tor's own data is used.
    #[arg(long, value_name = "FILE")]
    pub(crate) geoip: Option<PathBuf>,
}

impl CountryOptions {
    /// Opens the database of `--geoip`. Without this option, returns a value
    /// that contains no database.
    pub(crate) fn database(&self) -> Result<GeoIp, Failure> {
        match &self.geoip {
            // The failure counts as wrong usage, because other exit codes would
            // mean that tor has failed.
            Some(path) => GeoIp::new()
                .country_database(path)
                .map_err(|error| Failure::new(Exit::Usage, error).while_doing("--geoip")),
            None => Ok(GeoIp::new()),
        }
    }
}

/// The countries of IP addresses. Each address is looked up only once.
#[derive(Debug)]
pub(crate) struct Countries {
    geoip: GeoIp,
    known: HashMap<IpAddr, Option<CountryCode>>,
    /// True if countries are missing, because tor hasn't loaded its data about
    /// them.
    is_incomplete: bool,
}

impl Countries {
    pub(crate) fn new(options: &CountryOptions, state: &State) -> Result<Self, Failure> {
        let geoip = options.database()?.tor(state.controller());
        Ok(Countries { geoip, known: HashMap::new(), is_incomplete: false })
    }

    /// Looks up the countries of the addresses, except those that are already
    /// known. If tor is asked, each request contains hundreds of addresses.
    pub(crate) fn learn(
        &mut self,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Result<(), Failure> {
        let mut missing: Vec<IpAddr> = addresses.into_iter().collect();
        missing.retain(|ip| !self.known.contains_key(ip));
        missing.sort();
        missing.dedup();
        if missing.is_empty() {
            return Ok(());
        }
        for (ip, found) in missing.iter().zip(self.geoip.lookup_all(missing.iter().copied())?) {
            match found {
                Ok(location) => {
                    self.known.insert(*ip, location.country);
                }
                // This failure isn't stored, because tor may load its data
                // later.
                Err(error) if matches!(error.get(), Some(GeoIpError::NotLoaded { .. })) => {
                    self.is_incomplete = true;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Returns the country of an address. Returns `None` if the country is
    /// unknown, or if [`learn`](Self::learn) hasn't looked it up.
    pub(crate) fn of(&self, ip: IpAddr) -> Option<CountryCode> {
        self.known.get(&ip).copied().flatten()
    }

    /// Returns a failure if tor has no data about countries, so that filters by
    /// country would miss entries.
    pub(crate) fn must_be_complete(&self) -> Result<(), Failure> {
        if !self.is_incomplete {
            return Ok(());
        }
        let message = "tor has no data about countries; use a database with --geoip, or set \
                       GeoIPFile in tor's configuration";
        Err(Failure::failed(message))
    }
}
