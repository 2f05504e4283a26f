//! Countries, cities and networks of IP addresses.
//!
//! [`GeoIp`] looks up addresses without contacting any other machine. It has
//! two kinds of sources:
//!
//! * **Databases in MaxMind's format** (`.mmdb`), with the feature `geoip`:
//!   those of MaxMind, DB-IP, IPinfo, IPLocate and others that use the same
//!   field names. They contain countries, cities and autonomous systems. This
//!   library doesn't come with a database.
//! * **tor's own GeoIP data** (`GeoIPFile`, `GeoIPv6File`), which contains only
//!   countries. This library queries it over the control connection, with many
//!   addresses in one round trip. It remembers the answers, so it asks for each
//!   address only once. Not every tor has these files.
//!
//! ```
//! # use scape::testing::ScriptedTor;
//! # let tor = ScriptedTor::builder().info("ip-to-country/192.0.2.1", "us").start()?;
//! # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
//! use scape::geoip::{GeoIp, Source};
//!
//! let geoip = GeoIp::new().tor(&controller);
//! let location = geoip.lookup("192.0.2.1".parse()?)?;
//! assert_eq!(location.to_string(), "192.0.2.1 us");
//! assert_eq!(location.country_from, Some(Source::Tor));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The databases are searched first, in the order in which they were added. tor
//! is asked only for countries that no database contains. Each field comes from
//! the first source that contains it. [`Location`] names the source of each
//! field, because sources may contradict each other.
//!
#![cfg_attr(feature = "geoip", doc = "```no_run")]
#![cfg_attr(not(feature = "geoip"), doc = "```text")]
//! use scape::geoip::GeoIp;
//!
//! let geoip = GeoIp::new()
//!     .country_database("/var/lib/GeoIP/GeoLite2-Country.mmdb")?
//!     .asn_database("/var/lib/GeoIP/GeoLite2-ASN.mmdb")?
//!     .tor(&scape::connect()?);
//! println!("{}", geoip.lookup("2001:db8::1".parse()?)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The location of an address is an estimate: a server's network may be
//! registered in one country while the server stands in another. Don't choose
//! relays by country to become more anonymous. A circuit of relays that few
//! other users would choose can identify its user.

mod coordinates;
mod countries;
#[cfg(feature = "geoip")]
mod database;
mod error;
#[cfg(feature = "geoip")]
mod kind;
mod location;
mod network;
#[cfg(feature = "geoip")]
mod record;

use std::net::IpAddr;
#[cfg(feature = "geoip")]
use std::path::Path;

pub use coordinates::Coordinates;
use countries::Countries;
#[cfg(feature = "geoip")]
pub use database::Database;
pub use error::GeoIpError;
#[cfg(feature = "geoip")]
pub use kind::Contents;
pub use location::{Location, Source};
pub use network::Network;

use crate::control::Controller;
use crate::error::{Error, Result};
use scape_proto::torrc::value::CountryOf;
use scape_proto::word::CountryCode;

/// A set of sources for the locations and networks of IP addresses. See the
/// [module](self) for an introduction.
///
/// A `GeoIp` is cheap to clone, and any number of threads may use it at once.
/// Clones share the remembered answers of tor.
///
/// ```
/// # use scape::testing::ScriptedTor;
/// # let tor = ScriptedTor::builder().info("ip-to-country/128.31.0.39", "us").start()?;
/// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// let geoip = scape::geoip::GeoIp::new().tor(&controller);
/// let location = geoip.lookup("128.31.0.39".parse()?)?;
/// assert_eq!(location.country.as_ref().map(|country| country.as_str()), Some("us"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    /// Creates a `GeoIp` without any source. Add at least one source before a
    /// lookup.
    ///
    /// ```
    /// use scape::geoip::GeoIp;
    ///
    /// assert!(GeoIp::new().lookup("192.0.2.1".parse()?).is_err()); // no source yet
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the tor that is asked for the countries of addresses that the
    /// databases don't know (`GETINFO ip-to-country/…`).
    ///
    /// The connection stays open as long as this `GeoIp` lives. Asking tor
    /// takes at most the controller's timeout for each lookup. Only one tor is
    /// asked: a tor that was set before is replaced.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("ip-to-country/192.0.2.1", "us").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::geoip::GeoIp;
    ///
    /// let geoip = GeoIp::new().tor(&controller);
    /// assert_eq!(geoip.lookup("192.0.2.1".parse()?)?.to_string(), "192.0.2.1 us");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn tor(mut self, controller: &Controller) -> Self {
        self.tor = Some(controller.clone());
        self.countries = Countries::default();
        self
    }

    /// Sets the tor that is asked, as [`tor`](Self::tor) does, unless a tor is
    /// already set.
    pub(crate) fn or_tor(self, controller: &Controller) -> Self {
        if self.tor.is_some() { self } else { self.tor(controller) }
    }

    /// Adds a database of countries, cities or autonomous systems. A database
    /// with an unknown [type name](Database::type_name) is accepted, too.
    ///
    /// ```no_run
    /// use scape::geoip::GeoIp;
    ///
    /// let geoip = GeoIp::new().database("/var/lib/GeoIP/GeoLite2-City.mmdb")?;
    /// println!("{}", geoip.lookup("192.0.2.1".parse()?)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`Database::open`], most often a file that doesn't exist.
    /// Also returns [`GeoIpError::WrongKind`] if the database's type name says
    /// that it contains no countries, cities or autonomous systems.
    #[cfg(feature = "geoip")]
    pub fn database(self, path: impl AsRef<Path>) -> Result<Self> {
        self.add(path.as_ref(), "countries, cities or autonomous systems", |_| true)
    }

    /// Adds a database that must contain countries. A database of cities also
    /// contains countries. A database with an unknown [type
    /// name](Database::type_name) is accepted.
    ///
    /// ```no_run
    /// use scape::geoip::GeoIp;
    ///
    /// let geoip = GeoIp::new().country_database("/var/lib/GeoIP/GeoLite2-Country.mmdb")?;
    /// println!("{}", geoip.lookup("192.0.2.1".parse()?)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`Database::open`], most often a file that doesn't exist.
    /// Also returns [`GeoIpError::WrongKind`] if the database's type name says
    /// that it contains something else.
    #[cfg(feature = "geoip")]
    pub fn country_database(self, path: impl AsRef<Path>) -> Result<Self> {
        self.add(path.as_ref(), "countries", |contents| contents.countries)
    }

    /// Adds a database that must contain cities. A database with an unknown
    /// [type name](Database::type_name) is accepted.
    ///
    /// ```no_run
    /// use scape::geoip::GeoIp;
    ///
    /// let geoip = GeoIp::new().city_database("/var/lib/GeoIP/GeoLite2-City.mmdb")?;
    /// println!("{}", geoip.lookup("192.0.2.1".parse()?)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`Database::open`], most often a file that doesn't exist.
    /// Also returns [`GeoIpError::WrongKind`] if the database's type name says
    /// that it contains something else.
    #[cfg(feature = "geoip")]
    pub fn city_database(self, path: impl AsRef<Path>) -> Result<Self> {
        self.add(path.as_ref(), "cities", |contents| contents.cities)
    }

    /// Adds a database that must contain autonomous systems. A database with an
    /// unknown [type name](Database::type_name) is accepted.
    ///
    /// ```no_run
    /// use scape::geoip::GeoIp;
    ///
    /// let geoip = GeoIp::new().asn_database("/var/lib/GeoIP/GeoLite2-ASN.mmdb")?;
    /// println!("{}", geoip.lookup("192.0.2.1".parse()?)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`Database::open`], most often a file that doesn't exist.
    /// Also returns [`GeoIpError::WrongKind`] if the database's type name says
    /// that it contains something else.
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

    /// Adds a database that is already open, without a check of its content.
    ///
    /// ```no_run
    /// use scape::geoip::{Database, GeoIp};
    ///
    /// let database = Database::open("/var/lib/GeoIP/GeoLite2-City.mmdb")?;
    /// let geoip = GeoIp::new().with(database.clone());
    /// assert_eq!(geoip.databases(), [database]);
    /// # Ok::<(), scape::Error>(())
    /// ```
    #[cfg(feature = "geoip")]
    #[must_use]
    pub fn with(mut self, database: Database) -> Self {
        self.databases.push(database);
        self
    }

    /// Returns the databases in the order in which they are searched.
    #[cfg(feature = "geoip")]
    pub fn databases(&self) -> &[Database] {
        &self.databases
    }

    /// Looks up an address. If no source knows the address, returns a location
    /// without fields: see [`Location::is_known`].
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("ip-to-country/192.0.2.1", "us").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::geoip::GeoIp;
    ///
    /// let location = GeoIp::new().tor(&controller).lookup("192.0.2.1".parse()?)?;
    /// assert_eq!(location.country, Some("us".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`GeoIpError`] in these cases:
    ///
    /// * there is no source
    ///   ([`ErrorKind::NotFound`](crate::ErrorKind::NotFound));
    /// * no database contains the address, and tor has no GeoIP data
    ///   ([`ErrorKind::NotFound`](crate::ErrorKind::NotFound));
    /// * a database is damaged
    ///   ([`ErrorKind::Malformed`](crate::ErrorKind::Malformed)).
    ///
    /// If tor has to be asked, errors of the control connection are also
    /// possible.
    pub fn lookup(&self, ip: IpAddr) -> Result<Location> {
        let mut found = self.lookup_all([ip])?;
        found.pop().unwrap_or_else(|| Err(GeoIpError::NoSource.into()))
    }

    /// Looks up several addresses. Returns one result for each address, in
    /// order.
    ///
    /// If tor has to be asked, the lookup takes one round trip for each 512
    /// addresses.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("ip-to-country/192.0.2.1", "us").info("ip-to-country/127.0.0.1", "??").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::geoip::GeoIp;
    ///
    /// let geoip = GeoIp::new().tor(&controller);
    /// let found = geoip.lookup_all(["192.0.2.1".parse()?, "127.0.0.1".parse()?])?;
    /// // `flatten` skips the addresses whose lookup failed.
    /// let shown: Vec<String> = found.iter().flatten().map(ToString::to_string).collect();
    /// assert_eq!(shown, ["192.0.2.1 us", "127.0.0.1"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if there is no source ([`GeoIpError::NoSource`]) or if
    /// the control connection fails. Errors that concern one address are in
    /// that address's result.
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

    /// Forgets tor's answers, so that later lookups ask tor again. Call this
    /// after tor has loaded other GeoIP files, or after the controller has
    /// reconnected to another tor.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("ip-to-country/192.0.2.1", "us").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::geoip::GeoIp;
    ///
    /// let geoip = GeoIp::new().tor(&controller);
    /// geoip.lookup("192.0.2.1".parse()?)?;
    /// geoip.forget();
    /// geoip.lookup("192.0.2.1".parse()?)?; // asks tor again
    /// # assert_eq!(tor.sent().iter().filter(|line| line.starts_with("GETINFO ip-to-country/")).count(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
            location.complete_from(database)?;
        }
        Ok(location)
    }

    #[cfg(not(feature = "geoip"))]
    #[expect(clippy::unnecessary_wraps, reason = "databases may be damaged")]
    fn in_databases(&self, ip: IpAddr) -> Result<Location> {
        Ok(Location::unknown(ip))
    }

    /// Asks tor for the countries that no database contains, and adds the
    /// answers to `found`.
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
                // tor has no GeoIP data at all. The fields from the databases
                // are still worth returning.
                Some(Err(error)) if error.is::<GeoIpError>() && location.is_known() => {}
                Some(Err(error)) => *slot = Err(error),
                None => {}
            }
        }
        Ok(())
    }
}
