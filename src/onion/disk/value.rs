//! One service, as the configuration says it.

use std::path::{Path, PathBuf};

use super::port::{DiskPort, DiskTarget};
use super::settings::DiskOnionSettings;
use crate::config::is_of_a_service;
use crate::error::Result;
use crate::protocol::{ArgumentError, ConfLine};

pub(super) const DIRECTORY: &str = "HiddenServiceDir";
const PORT: &str = "HiddenServicePort";

/// One onion service, as tor's configuration says it: its directory, and every
/// line that belongs to it, in order, also those that this library does not
/// know. tor's manual, "HIDDEN SERVICE OPTIONS".
///
/// What is read and written back is what was there, line by line.
///
/// ```
/// use scape::onion::disk::DiskOnion;
/// use std::path::Path;
///
/// let service = DiskOnion::new("/var/lib/tor/blog")
///     .port(80, ([127, 0, 0, 1], 8080))
///     .port(8000, Path::new("/run/my blog.sock")) // a Unix socket
///     .introduction_points(5)
///     .option("HiddenServiceNewOption", "1"); // whatever a later tor has
/// let lines: Vec<String> = service.lines().iter().map(ToString::to_string).collect();
/// assert_eq!(lines, [
///     "HiddenServiceDir /var/lib/tor/blog",
///     "HiddenServicePort 80 127.0.0.1:8080",
///     r#"HiddenServicePort 8000 unix:"/run/my blog.sock""#,
///     "HiddenServiceNumIntroductionPoints 5",
///     "HiddenServiceNewOption 1",
/// ]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DiskOnion {
    directory: PathBuf,
    /// What follows `HiddenServiceDir`.
    lines: Vec<ConfLine>,
}

impl DiskOnion {
    /// A service whose keys are in this directory, without a port yet: it needs
    /// at least one. The directory must be absolute, since a relative one would
    /// mean another for tor than for this program; it need not exist, but the
    /// one above it must.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        // Without a `/` at its end: tor would take that for another directory.
        let directory: PathBuf = directory.into().components().collect();
        DiskOnion { directory, lines: Vec::new() }
    }

    pub(super) fn from_lines(directory: PathBuf, lines: Vec<ConfLine>) -> Self {
        DiskOnion { directory, lines }
    }

    pub(super) fn push(&mut self, line: ConfLine) {
        self.lines.push(line);
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Its lines, in order; the first is its `HiddenServiceDir`.
    pub fn lines(&self) -> Vec<ConfLine> {
        let directory = self.directory.to_string_lossy().into_owned();
        let mut lines = vec![ConfLine::new(DIRECTORY, Some(directory))];
        lines.extend(self.lines.iter().cloned());
        lines
    }

    /// The value of an option, whatever the case of its name; where it is there
    /// several times, the last, which is the one that counts for tor (except
    /// for `HiddenServicePort`).
    pub fn get(&self, name: &str) -> Option<&str> {
        let named = |line: &&ConfLine| line.name.eq_ignore_ascii_case(name);
        self.lines.iter().rev().find(named)?.value.as_deref()
    }

    /// All values of an option, in order.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = move |line: &&ConfLine| line.name.eq_ignore_ascii_case(name);
        self.lines.iter().filter(named).filter_map(|line| line.value.as_deref())
    }

    /// Its ports, in order. (What is no `HiddenServicePort` as tor takes it is
    /// left out here, and in [`lines`](Self::lines).)
    pub fn ports(&self) -> Vec<DiskPort> {
        self.values(PORT).filter_map(|value| value.parse().ok()).collect()
    }

    /// The usual options, as values.
    pub fn settings(&self) -> DiskOnionSettings {
        DiskOnionSettings::of(self)
    }

    /// Adds a virtual port (a port of the onion address) whose connections go
    /// to a local target: a port of 127.0.0.1, a socket address, or the path of
    /// a Unix socket, which may have spaces and quotes here. Repeat it for
    /// several ports. If the same port is added again with another target, tor
    /// chooses one of them for each connection.
    ///
    /// [`OnionBuilder::port`](crate::OnionBuilder::port) and
    /// [`AddOnion::port`](crate::AddOnion::port) mean the same.
    pub fn port(mut self, port: u16, target: impl Into<DiskTarget>) -> Self {
        self.lines.push(ConfLine::new(PORT, Some(DiskPort::new(port, target).to_string())));
        self
    }

    /// Adds a virtual port whose connections go to the same port of 127.0.0.1.
    pub fn local_port(self, port: u16) -> Self {
        self.port(port, DiskTarget::SamePort)
    }

    /// Sets an option: any that belongs to a service, also one that this
    /// library does not know. It replaces the values that are there, at the
    /// place of the first.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let line = ConfLine::new(name, Some(value.into()));
        let first = self.lines.iter().position(|known| known.name.eq_ignore_ascii_case(&line.name));
        let at = first.unwrap_or(self.lines.len());
        self.lines.retain(|known| !known.name.eq_ignore_ascii_case(&line.name));
        self.lines.insert(at, line);
        self
    }

    /// Takes an option away, with all of its values, so that tor's default
    /// holds.
    pub fn without(mut self, name: &str) -> Self {
        self.lines.retain(|line| !line.name.eq_ignore_ascii_case(name));
        self
    }

    fn flag(self, name: &str, set: bool) -> Self {
        self.option(name, if set { "1" } else { "0" })
    }

    /// At most this many streams at once on one circuit; more are refused. 0 is
    /// no limit, tor's default.
    pub fn max_streams(self, streams: u16) -> Self {
        self.option("HiddenServiceMaxStreams", streams.to_string())
    }

    /// Whether more streams than [`max_streams`](Self::max_streams) close the
    /// circuit.
    pub fn max_streams_close_circuit(self, close: bool) -> Self {
        self.flag("HiddenServiceMaxStreamsCloseCircuit", close)
    }

    /// Whether a connection to a port that the service has not is just refused,
    /// and does not close the circuit.
    pub fn allow_unknown_ports(self, allow: bool) -> Self {
        self.flag("HiddenServiceAllowUnknownPorts", allow)
    }

    /// Whether targets are told the number of the circuit, in the form of the
    /// HAProxy protocol, before anything else.
    pub fn export_circuit_id(self, export: bool) -> Self {
        self.option("HiddenServiceExportCircuitID", if export { "haproxy" } else { "none" })
    }

    /// Whether the group of tor's user may read the directory and `hostname`.
    pub fn dir_group_readable(self, readable: bool) -> Self {
        self.flag("HiddenServiceDirGroupReadable", readable)
    }

    /// How many introduction points it has: 3 (tor's default) to 20.
    pub fn introduction_points(self, count: u8) -> Self {
        self.option("HiddenServiceNumIntroductionPoints", count.to_string())
    }

    /// Has introduction points limit the rate of introductions: so many a
    /// second, and so many in a burst; `None` leaves tor's defaults (25 and
    /// 200).
    pub fn intro_dos_defense(self, rate: Option<u32>, burst: Option<u32>) -> Self {
        self.flag("HiddenServiceEnableIntroDoSDefense", true)
            .optional("HiddenServiceEnableIntroDoSRatePerSec", rate)
            .optional("HiddenServiceEnableIntroDoSBurstPerSec", burst)
    }

    /// Demands proof of work from clients when the service is under load: how
    /// many introductions a second it serves before, and in a burst; `None`
    /// leaves tor's defaults (250 and 2500).
    pub fn proof_of_work(self, rate: Option<u32>, burst: Option<u32>) -> Self {
        self.flag("HiddenServicePoWDefensesEnabled", true)
            .optional("HiddenServicePoWQueueRate", rate)
            .optional("HiddenServicePoWQueueBurst", burst)
    }

    /// Whether it is behind an OnionBalance; tor then wants a file `ob_config`
    /// in the directory.
    pub fn onion_balance_instance(self, instance: bool) -> Self {
        self.flag("HiddenServiceOnionBalanceInstance", instance)
    }

    fn optional(self, name: &str, value: Option<u32>) -> Self {
        match value {
            Some(value) => self.option(name, value.to_string()),
            None => self.without(name),
        }
    }

    /// Checks the service without a tor and without looking at files: tor would
    /// take it, and would still have it after SAVECONF.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the directory is
    /// not absolute, there is no port, the same port is there twice with the
    /// same target, tor doesn't take a port, the version is 2, or an option is
    /// not one of a service.
    pub fn check(&self) -> Result<()> {
        self.check_directory()?;
        for line in &self.lines {
            check_line(line)?;
        }
        self.check_ports()?;
        match self.settings().problem() {
            Some((option, why)) => Err(refuse(option, why)),
            None => Ok(()),
        }
    }

    fn check_directory(&self) -> Result<()> {
        let why = match self.directory.to_str() {
            None => "is no UTF-8, which cannot be sent",
            Some(path) if path.contains('\u{fffd}') => "is no UTF-8, which cannot be sent",
            Some(_) if !self.directory.is_absolute() => {
                "must be absolute: a relative one would be another for tor than for this program"
            }
            Some(path) if path.contains(['\r', '\n', '\0']) => "has a line end or NUL in it",
            Some(path) if path.ends_with('\\') || path.ends_with(char::is_whitespace) => {
                "ends with a space or a backslash: tor saves such a value so that it reads another one afterwards"
            }
            Some(_) => return Ok(()),
        };
        Err(refuse("directory", format!("{} {why}", self.directory.display())))
    }

    fn check_ports(&self) -> Result<()> {
        let mut ports: Vec<DiskPort> = Vec::new();
        for value in self.values(PORT) {
            let port: DiskPort =
                value.parse().map_err(|error| refuse("port", format!("is none: {error}")))?;
            if let Some(why) = port.problem() {
                return Err(refuse("port", why));
            }
            if ports.contains(&port) {
                return Err(refuse("port", format!("{port} is there twice")));
            }
            ports.push(port);
        }
        if ports.is_empty() {
            Err(refuse("port", "is missing: a service needs at least one"))
        } else {
            Ok(())
        }
    }
}

fn check_line(line: &ConfLine) -> Result<()> {
    let name = line.name.as_str();
    if !is_of_a_service(name) || name.eq_ignore_ascii_case(DIRECTORY) {
        let why = "is no option of one service: these begin with HiddenService (and the directory is given apart)";
        return Err(refuse(name, why));
    }
    let value = line.value.as_deref().unwrap_or_default();
    let why = if value.contains(['\r', '\n', '\0']) {
        "has a line end or NUL in its value"
    } else if value.contains('\u{fffd}') {
        "is no UTF-8, which cannot be sent"
    } else if value.ends_with('\\') {
        "ends with a backslash: tor saves such a value so that it cannot read it afterwards"
    } else {
        return Ok(());
    };
    Err(refuse(name, why))
}

fn refuse(argument: &str, why: impl Into<String>) -> crate::Error {
    ArgumentError::invalid("DiskOnion", argument, why).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> DiskOnion {
        DiskOnion::new("/srv/a").local_port(80)
    }

    #[test]
    fn every_option_is_a_value_and_a_line() {
        let service = service()
            .option("HiddenServiceVersion", "3")
            .max_streams(7)
            .max_streams_close_circuit(true)
            .allow_unknown_ports(false)
            .export_circuit_id(true)
            .dir_group_readable(true)
            .introduction_points(20)
            .intro_dos_defense(Some(5), Some(6))
            .proof_of_work(Some(7), None)
            .onion_balance_instance(false);
        service.check().unwrap();
        let settings = service.settings();
        let expected = DiskOnionSettings {
            version: Some(3),
            max_streams: Some(7),
            max_streams_close_circuit: Some(true),
            allow_unknown_ports: Some(false),
            export_circuit_id: Some(true),
            dir_group_readable: Some(true),
            introduction_points: Some(20),
            intro_dos_defense: Some(true),
            intro_dos_rate: Some(5),
            intro_dos_burst: Some(6),
            proof_of_work: Some(true),
            proof_of_work_rate: Some(7),
            proof_of_work_burst: None,
            onion_balance_instance: Some(false),
        };
        assert_eq!(settings, expected);
        assert_eq!(service.lines().len(), 15);
        assert_eq!(DiskOnion::new("/srv/a").settings(), DiskOnionSettings::default());
    }

    #[test]
    fn an_option_is_replaced_where_it_was() {
        let service = service()
            .max_streams(1)
            .option("hiddenservicemaxstreams", "2")
            .allow_unknown_ports(true);
        assert_eq!(service.get("HIDDENSERVICEMAXSTREAMS"), Some("2"));
        let service = service.max_streams(3);
        let lines: Vec<String> = service.lines()[1..].iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "HiddenServicePort 80",
                "HiddenServiceMaxStreams 3",
                "HiddenServiceAllowUnknownPorts 1"
            ]
        );
        assert_eq!(service.without("HiddenServicePort").ports(), []);
    }

    #[test]
    fn what_tor_would_not_take_is_refused() {
        let local = std::net::SocketAddr::from(([127, 0, 0, 1], 80));
        for (bad, named) in [
            (DiskOnion::new("/srv/a"), "port"),
            (DiskOnion::new("srv/a").local_port(80), "absolute"),
            (DiskOnion::new("~/a").local_port(80), "absolute"),
            (DiskOnion::new("").local_port(80), "absolute"),
            (DiskOnion::new("/srv/a ").local_port(80), "ends with"),
            (DiskOnion::new("/srv/a\\").local_port(80), "ends with"),
            (DiskOnion::new("/srv/a\nLog debug").local_port(80), "line end"),
            (DiskOnion::new("/srv/\u{fffd}").local_port(80), "UTF-8"),
            (service().local_port(80), "twice"),
            (service().port(80, local).port(80, local), "twice"),
            (service().local_port(0), "port"),
            (service().option("HiddenServicePort", "x"), "is none"),
            (service().option("HiddenServiceVersion", "2"), "3"),
            (service().introduction_points(2), "3 to 20"),
            (service().introduction_points(21), "3 to 20"),
            (service().intro_dos_defense(Some(300), None), "less than the rate"),
            (service().proof_of_work(Some(10), Some(9)), "less than the rate"),
            (service().option("SocksPort", "9050"), "SocksPort"),
            (service().option("HiddenServiceDir", "/b"), "apart"),
            (service().option("HiddenServiceSingleHopMode", "1"), "SingleHop"),
            (service().option("HiddenServiceNew", "a\r\nSIGNAL HALT"), "line end"),
            (service().option("HiddenServiceNew", "a\\"), "backslash"),
        ] {
            let error = bad.check().unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
            assert!(error.ends_with("nothing was sent"), "{error}");
        }
        // For tor, this is one of two targets for each connection.
        service().port(80, local).check().unwrap();
    }

    #[test]
    fn a_directory_has_no_slash_at_its_end() {
        assert_eq!(DiskOnion::new("/srv//a/./b/").directory().to_str(), Some("/srv/a/b"));
    }
}
