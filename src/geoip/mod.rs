//! Where addresses are, and whose: countries, cities and networks.
//!
//! [`GeoIp`] looks addresses up, without asking anybody outside of this
//! machine. It has two kinds of sources:
//!
//! * **Databases in MaxMind's format** (`.mmdb`), with the feature `geoip`:
//!   those of MaxMind, DB-IP, IPinfo, IPLocate and others that use their words
//!   for things, with countries, cities, and autonomous systems. This library
//!   brings none.
//! * **tor's own GeoIP data** (`GeoIPFile`, `GeoIPv6File`), which has countries
//!   only. It is asked over the control connection, about each address once,
//!   about many at a time. Not every tor has it.
//!
//! ```
//! # use scape::testing::ScriptedTor;
//! # let tor = ScriptedTor::builder().info("ip-to-country/8.8.8.8", "us").start()?;
//! # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
//! use scape::geoip::{GeoIp, Source};
//!
//! let geoip = GeoIp::new().tor(&controller);
//! let location = geoip.lookup("8.8.8.8".parse()?)?;
//! assert_eq!(location.to_string(), "8.8.8.8 us");
//! assert_eq!(location.country_from, Some(Source::Tor));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Databases are asked first, in the order in which they were added, tor last.
//! Each thing is told by the first that knows it, and [`Location`] says who
//! that was: they may well contradict each other.
//!
#![cfg_attr(feature = "geoip", doc = "```no_run")]
#![cfg_attr(not(feature = "geoip"), doc = "```text")]
//! use scape::geoip::GeoIp;
//!
//! let geoip = GeoIp::new()
//!     .country_database("/var/lib/GeoIP/GeoLite2-Country.mmdb")?
//!     .asn_database("/var/lib/GeoIP/GeoLite2-ASN.mmdb")?
//!     .tor(&scape::connect()?);
//! println!("{}", geoip.lookup("2001:4860:4860::8888".parse().unwrap())?);
//! # Ok::<(), scape::Error>(())
//! ```
//!
//! Where an address is is a guess: a server's network may be registered in one
//! country and stand in another. Do not choose relays by country for the sake
//! of anonymity; a circuit with relays that few others would choose can
//! identify its user.

mod countries;
#[cfg(feature = "geoip")]
mod database;
mod error;
#[cfg(feature = "geoip")]
mod kind;
mod location;
#[cfg(feature = "geoip")]
mod record;

use std::net::IpAddr;
#[cfg(feature = "geoip")]
use std::path::Path;

use countries::Countries;
#[cfg(feature = "geoip")]
pub use database::Database;
pub use error::GeoIpError;
#[cfg(feature = "geoip")]
pub use kind::Contents;
pub use location::{Coordinates, Location, Network, Source};

use crate::config::value::CountryOf;
use crate::controller::Controller;
use crate::error::{Error, Result};
use crate::word::CountryCode;

/// Looks up where addresses are, and whose: see the [module](self).
///
/// It is cheap to clone, and any number of threads may use it at once.
#[derive(Debug, Clone, Default)]
pub struct GeoIp {
    #[cfg(feature = "geoip")]
    databases: Vec<Database>,
    tor: Option<Controller>,
    countries: Countries,
}

impl CountryOf for GeoIp {
    type Error = Error;

    fn country_of(&self, ip: IpAddr) -> Result<Option<CountryCode>> {
        Ok(self.lookup(ip)?.country)
    }
}

impl GeoIp {
    /// Without any source: add some.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks tor about the country of what the databases do not know
    /// (`GETINFO ip-to-country/…`). The connection is kept open as long as this
    /// lives, and each question has the controller's timeout.
    pub fn tor(mut self, controller: &Controller) -> Self {
        self.tor = Some(controller.clone());
        self.countries = Countries::default();
        self
    }

    /// The same, which asks this tor unless it asks one already.
    pub(crate) fn or_tor(self, controller: &Controller) -> Self {
        if self.tor.is_some() { self } else { self.tor(controller) }
    }

    /// Adds a database, whatever it holds.
    ///
    /// # Errors
    ///
    /// Those of [`Database::open`]; [`GeoIpError::WrongKind`] for one that, by
    /// its name, is about none of countries, cities and autonomous systems.
    #[cfg(feature = "geoip")]
    pub fn database(self, path: impl AsRef<Path>) -> Result<Self> {
        self.add(path.as_ref(), "countries, cities or autonomous systems", |_| true)
    }

    /// Adds a database that has countries. (One of cities has them, too.)
    ///
    /// # Errors
    ///
    /// Those of [`Database::open`]; [`GeoIpError::WrongKind`] for one that has
    /// something else, by its name.
    #[cfg(feature = "geoip")]
    pub fn country_database(self, path: impl AsRef<Path>) -> Result<Self> {
        self.add(path.as_ref(), "countries", |contents| contents.countries)
    }

    /// Adds a database that has cities.
    ///
    /// # Errors
    ///
    /// Those of [`Database::open`]; [`GeoIpError::WrongKind`] for one that has
    /// something else, by its name.
    #[cfg(feature = "geoip")]
    pub fn city_database(self, path: impl AsRef<Path>) -> Result<Self> {
        self.add(path.as_ref(), "cities", |contents| contents.cities)
    }

    /// Adds a database that has autonomous systems.
    ///
    /// # Errors
    ///
    /// Those of [`Database::open`]; [`GeoIpError::WrongKind`] for one that has
    /// something else, by its name.
    #[cfg(feature = "geoip")]
    pub fn asn_database(self, path: impl AsRef<Path>) -> Result<Self> {
        self.add(path.as_ref(), "autonomous systems", |contents| contents.autonomous_systems)
    }

    #[cfg(feature = "geoip")]
    fn add(
        mut self,
        path: &Path,
        wanted: &'static str,
        has: impl Fn(Contents) -> bool,
    ) -> Result<Self> {
        let database = Database::open(path)?;
        if let Some(contents) = database.contents()
            && (contents == Contents::default() || !has(contents))
        {
            let (path, type_name) = (path.to_path_buf(), database.type_name().into());
            return Err(GeoIpError::WrongKind { path, wanted, type_name }.into());
        }
        self.databases.push(database);
        Ok(self)
    }

    /// Adds a database that was opened already, whatever it holds.
    #[cfg(feature = "geoip")]
    pub fn with(mut self, database: Database) -> Self {
        self.databases.push(database);
        self
    }

    /// The databases, in the order in which they are asked.
    #[cfg(feature = "geoip")]
    pub fn databases(&self) -> &[Database] {
        &self.databases
    }

    /// Looks up an address. If nothing is known of it, that is no error: see
    /// [`Location::is_known`].
    ///
    /// # Errors
    ///
    /// Returns an error with a [`GeoIpError`] (kind
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound)) if there is no
    /// source, if a database is damaged, or if no database knows the address
    /// and tor has no GeoIP data. Errors of the control connection are also
    /// possible if tor has to be asked.
    pub fn lookup(&self, ip: IpAddr) -> Result<Location> {
        let mut found = self.lookup_all([ip])?;
        found.pop().unwrap_or_else(|| Err(GeoIpError::NoSource.into()))
    }

    /// What is known of each address, in their order. Where tor has to be
    /// asked, that takes a round trip for some hundred addresses, not one for
    /// each.
    ///
    /// # Errors
    ///
    /// Only where nothing can be looked up; what concerns one address is in its
    /// own result.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("ip-to-country/8.8.8.8", "us").info("ip-to-country/127.0.0.1", "??").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::geoip::GeoIp;
    ///
    /// let geoip = GeoIp::new().tor(&controller);
    /// let found = geoip.lookup_all(["8.8.8.8".parse()?, "127.0.0.1".parse()?])?;
    /// assert!(found[0].as_ref().unwrap().is_known() && !found[1].as_ref().unwrap().is_known());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn lookup_all(
        &self,
        ips: impl IntoIterator<Item = IpAddr>,
    ) -> Result<Vec<Result<Location>>> {
        if !self.has_source() {
            return Err(GeoIpError::NoSource.into());
        }
        let mut found: Vec<_> = ips.into_iter().map(|ip| self.in_databases(ip)).collect();
        if let Some(controller) = &self.tor {
            self.complete(&mut found, controller)?;
        }
        Ok(found)
    }

    /// Forgets what tor has said, as when it was given other GeoIP files, or is
    /// another tor now.
    pub fn forget(&self) {
        self.countries.forget();
    }

    fn has_source(&self) -> bool {
        #[cfg(feature = "geoip")]
        if !self.databases.is_empty() {
            return true;
        }
        self.tor.is_some()
    }

    #[cfg(feature = "geoip")]
    fn in_databases(&self, ip: IpAddr) -> Result<Location> {
        let mut location = Location::unknown(ip);
        for database in &self.databases {
            database.complete(&mut location)?;
        }
        Ok(location)
    }

    #[cfg(not(feature = "geoip"))]
    #[expect(clippy::unnecessary_wraps, reason = "databases may be damaged")]
    fn in_databases(&self, ip: IpAddr) -> Result<Location> {
        Ok(Location::unknown(ip))
    }

    /// Asks tor for the countries that are missing.
    fn complete(&self, found: &mut [Result<Location>], controller: &Controller) -> Result<()> {
        let lacks_country = |location: &Location| location.country.is_none();
        let missing: Vec<IpAddr> = found
            .iter()
            .flatten()
            .filter(|location| lacks_country(location))
            .map(|found| found.ip)
            .collect();
        let mut answers = self.countries.of(controller, &missing)?.into_iter();
        for slot in found {
            let Ok(location) = slot else { continue };
            if !lacks_country(location) {
                continue;
            }
            match answers.next() {
                Some(Ok(country)) => location.take_country(country),
                // What a database knows is worth more than that tor knows
                // nothing.
                Some(Err(error)) if error.is::<GeoIpError>() && location.is_known() => {}
                Some(Err(error)) => *slot = Err(error),
                None => {}
            }
        }
        Ok(())
    }
}
