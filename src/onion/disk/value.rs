//! One service as tor's configuration describes it.

use std::path::{Path, PathBuf};

use super::port::{DiskPort, DiskTarget};
use super::settings::DiskOnionSettings;
use crate::error::Result;
use crate::live::config::is_of_a_service;
use scape_proto::control::{ArgumentError, ConfLine};

pub(super) const DIRECTORY: &str = "HiddenServiceDir";
const PORT: &str = "HiddenServicePort";

/// An onion service as tor's configuration describes it: its directory and all
/// of its lines in order, including options that this library doesn't know. See
/// tor's manual, "HIDDEN SERVICE OPTIONS".
///
/// A service that is read from tor and sent back keeps all of its lines
/// unchanged.
///
/// ```
/// use scape::onion::disk::DiskOnion;
/// use std::path::Path;
///
/// let service = DiskOnion::new("/var/lib/tor/blog")
///     .port(80, ([127, 0, 0, 1], 8080))
///     .port(8000, Path::new("/run/my blog.sock")) // a Unix socket
///     .introduction_points(5)
///     .option("HiddenServiceNewOption", "1"); // an option of a later tor
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
    /// The lines after `HiddenServiceDir`.
    lines: Vec<ConfLine>,
}

impl DiskOnion {
    /// Creates a description of a service whose keys are in this directory. Add
    /// at least one [`port`](Self::port): tor accepts no service without ports.
    ///
    /// The directory must be absolute, because tor's working directory differs
    /// from this program's. The directory need not exist, but its parent must.
    ///
    /// ```
    /// use scape::onion::disk::DiskOnion;
    ///
    /// let service = DiskOnion::new("/var/lib/tor/blog").local_port(80);
    /// assert!(service.check().is_ok());
    /// ```
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        // Remove a `/` at the end, because tor would take a path with it for
        // another directory.
        let directory: PathBuf = directory.into().components().collect();
        DiskOnion { directory, lines: Vec::new() }
    }

    pub(super) fn from_lines(directory: PathBuf, lines: Vec<ConfLine>) -> Self {
        DiskOnion { directory, lines }
    }

    pub(super) fn push(&mut self, line: ConfLine) {
        self.lines.push(line);
    }

    /// Returns the service's directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns all lines in order. The first line is `HiddenServiceDir`.
    ///
    /// ```
    /// use scape::onion::disk::DiskOnion;
    ///
    /// let lines = DiskOnion::new("/srv/tor/blog").local_port(80).lines();
    /// assert_eq!(lines[0].to_string(), "HiddenServiceDir /srv/tor/blog");
    /// assert_eq!(lines[1].to_string(), "HiddenServicePort 80");
    /// ```
    pub fn lines(&self) -> Vec<ConfLine> {
        let directory = self.directory.to_string_lossy().into_owned();
        let mut lines = vec![ConfLine::new(DIRECTORY, Some(directory))];
        lines.extend(self.lines.iter().cloned());
        lines
    }

    /// Returns the value of an option, or `None` if the option isn't set. The
    /// case of the name doesn't matter. If the option has several values,
    /// returns the last one, which is the value that tor uses. (tor uses all
    /// values of `HiddenServicePort`: see [`values`](Self::values).) For the
    /// directory, see [`directory`](Self::directory).
    ///
    /// ```
    /// use scape::onion::disk::DiskOnion;
    ///
    /// let service = DiskOnion::new("/srv/tor/blog").max_streams(100);
    /// assert_eq!(service.get("hiddenservicemaxstreams"), Some("100"));
    /// assert_eq!(service.get("HiddenServiceVersion"), None);
    /// ```
    pub fn get(&self, name: &str) -> Option<&str> {
        let named = |line: &&ConfLine| line.name.eq_ignore_ascii_case(name);
        self.lines.iter().rev().find(named)?.value.as_deref()
    }

    /// Returns all values of an option in order. The case of the name doesn't
    /// matter.
    ///
    /// ```
    /// use scape::onion::disk::DiskOnion;
    ///
    /// let service = DiskOnion::new("/srv/tor/blog").local_port(80).local_port(22);
    /// assert_eq!(service.values("HiddenServicePort").collect::<Vec<_>>(), ["80", "22"]);
    /// ```
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = move |line: &&ConfLine| line.name.eq_ignore_ascii_case(name);
        self.lines.iter().filter(named).filter_map(|line| line.value.as_deref())
    }

    /// Returns the ports in order. A `HiddenServicePort` that can't be parsed
    /// is missing from this list, but not from [`lines`](Self::lines).
    ///
    /// ```
    /// use scape::onion::disk::{DiskOnion, DiskTarget};
    ///
    /// let ports = DiskOnion::new("/srv/tor/blog").port(80, ([127, 0, 0, 1], 8080)).ports();
    /// assert_eq!(ports[0].port, 80);
    /// assert_eq!(ports[0].target, DiskTarget::from(([127, 0, 0, 1], 8080)));
    /// ```
    pub fn ports(&self) -> Vec<DiskPort> {
        self.values(PORT).filter_map(|value| value.parse().ok()).collect()
    }

    /// Returns the options that this library knows, as typed values.
    ///
    /// ```
    /// use scape::onion::disk::DiskOnion;
    ///
    /// let service = DiskOnion::new("/srv/tor/blog").max_streams(100);
    /// assert_eq!(service.settings().max_streams, Some(100));
    /// assert_eq!(service.settings().proof_of_work, None); // tor's default
    /// ```
    pub fn settings(&self) -> DiskOnionSettings {
        DiskOnionSettings::of(|name| self.get(name))
    }

    /// Adds a virtual port (a port of the onion address) whose connections go
    /// to a local target: a socket address, or the path of a Unix socket.
    /// (Unlike with `ADD_ONION`, the path may contain spaces and quotes.) Call
    /// this again for more ports. If a port is added again with another target,
    /// tor chooses one of the port's targets at random for each connection.
    ///
    /// [`OnionBuilder::port`](crate::OnionBuilder::port) and
    /// [`AddOnion::port`](crate::control::AddOnion::port) do the same for
    /// ephemeral services.
    ///
    /// ```
    /// use scape::onion::disk::DiskOnion;
    ///
    /// let service = DiskOnion::new("/srv/tor/blog").port(80, ([127, 0, 0, 1], 8080));
    /// assert_eq!(service.get("HiddenServicePort"), Some("80 127.0.0.1:8080"));
    /// ```
    #[must_use]
    pub fn port(mut self, port: u16, target: impl Into<DiskTarget>) -> Self {
        self.lines.push(ConfLine::new(PORT, Some(DiskPort::new(port, target).to_string())));
        self
    }

    /// Adds a virtual port whose connections go to the same port of 127.0.0.1.
    ///
    /// ```
    /// use scape::onion::disk::DiskOnion;
    ///
    /// let service = DiskOnion::new("/srv/tor/blog").local_port(80);
    /// assert_eq!(service.get("HiddenServicePort"), Some("80"));
    /// ```
    #[must_use]
    pub fn local_port(self, port: u16) -> Self {
        self.port(port, DiskTarget::SamePort)
    }

    /// Sets an option of the service to one value. The option may be one that
    /// this library doesn't know. The value replaces all existing values, at
    /// the position of the first one.
    ///
    /// ```
    /// use scape::onion::disk::DiskOnion;
    ///
    /// let service = DiskOnion::new("/srv/tor/blog")
    ///     .option("HiddenServiceMaxStreams", "10")
    ///     .option("hiddenservicemaxstreams", "20");
    /// assert_eq!(service.values("HiddenServiceMaxStreams").collect::<Vec<_>>(), ["20"]);
    /// ```
    #[must_use]
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let line = ConfLine::new(name, Some(value.into()));
        let first = self.lines.iter().position(|known| known.name.eq_ignore_ascii_case(&line.name));
        let at = first.unwrap_or(self.lines.len());
        self.lines.retain(|known| !known.name.eq_ignore_ascii_case(&line.name));
        self.lines.insert(at, line);
        self
    }

    /// Removes an option with all of its values, so that tor's default applies.
    ///
    /// ```
    /// use scape::onion::disk::DiskOnion;
    ///
    /// let service = DiskOnion::new("/srv/tor/blog").max_streams(100);
    /// assert_eq!(service.without("HiddenServiceMaxStreams").get("HiddenServiceMaxStreams"), None);
    /// ```
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.lines.retain(|line| !line.name.eq_ignore_ascii_case(name));
        self
    }

    fn flag(self, name: &str, set: bool) -> Self {
        self.option(name, if set { "1" } else { "0" })
    }

    /// Limits the number of simultaneous streams on one circuit. Further
    /// streams are refused. 0 means no limit, which is tor's default.
    ///
    /// ```
    /// use scape::onion::disk::DiskOnion;
    ///
    /// let service = DiskOnion::new("/srv/tor/blog").max_streams(100);
    /// assert_eq!(service.get("HiddenServiceMaxStreams"), Some("100"));
    /// ```
    #[must_use]
    pub fn max_streams(self, streams: u16) -> Self {
        self.option("HiddenServiceMaxStreams", streams.to_string())
    }

    /// Sets whether tor closes a circuit that exceeds
    /// [`max_streams`](Self::max_streams). By default, tor only refuses the
    /// further streams.
    ///
    /// ```
    /// use scape::onion::disk::DiskOnion;
    ///
    /// let service = DiskOnion::new("/srv/tor/blog")
    ///     .max_streams(100)
    ///     .max_streams_close_circuit(true);
    /// assert_eq!(service.get("HiddenServiceMaxStreamsCloseCircuit"), Some("1"));
    /// ```
    #[must_use]
    pub fn max_streams_close_circuit(self, close: bool) -> Self {
        self.flag("HiddenServiceMaxStreamsCloseCircuit", close)
    }

    /// Sets whether the circuit stays open when a client connects to a port
    /// that the service doesn't have. By default, tor closes the circuit.
    ///
    /// ```
    /// use scape::onion::disk::DiskOnion;
    ///
    /// let service = DiskOnion::new("/srv/tor/blog").allow_unknown_ports(true);
    /// assert_eq!(service.get("HiddenServiceAllowUnknownPorts"), Some("1"));
    /// ```
    #[must_use]
    pub fn allow_unknown_ports(self, allow: bool) -> Self {
        self.flag("HiddenServiceAllowUnknownPorts", allow)
    }

    /// Sets whether tor begins each connection to a target with a header of the
    /// HAProxy protocol that contains the circuit's number. Default: no.
    ///
    /// ```
    /// use scape::onion::disk::DiskOnion;
    ///
    /// let service = DiskOnion::new("/srv/tor/blog").export_circuit_id(true);
    /// assert_eq!(service.get("HiddenServiceExportCircuitID"), Some("haproxy"));
    /// ```
    #[must_use]
    pub fn export_circuit_id(self, export: bool) -> Self {
        self.option("HiddenServiceExportCircuitID", if export { "haproxy" } else { "none" })
    }

    /// Sets whether the group of tor's user may read the directory and the file
    /// `hostname`. Default: no.
    ///
    /// ```
    /// use scape::onion::disk::DiskOnion;
    ///
    /// let service = DiskOnion::new("/srv/tor/blog").dir_group_readable(true);
    /// assert_eq!(service.get("HiddenServiceDirGroupReadable"), Some("1"));
    /// ```
    #[must_use]
    pub fn dir_group_readable(self, readable: bool) -> Self {
        self.flag("HiddenServiceDirGroupReadable", readable)
    }

    /// Sets the number of introduction points. tor allows 3 to 20, and its
    /// default is 3.
    ///
    /// ```
    /// use scape::onion::disk::DiskOnion;
    ///
    /// let service = DiskOnion::new("/srv/tor/blog").introduction_points(5);
    /// assert_eq!(service.get("HiddenServiceNumIntroductionPoints"), Some("5"));
    /// ```
    #[must_use]
    pub fn introduction_points(self, count: u8) -> Self {
        self.option("HiddenServiceNumIntroductionPoints", count.to_string())
    }

    /// Makes introduction points limit the rate of introductions. Each
    /// introduction point passes on up to `rate` introductions per second, and
    /// up to `burst` at once. `None` means tor's default: a rate of 25 and a
    /// burst of 200.
    ///
    /// ```
    /// use scape::onion::disk::DiskOnion;
    ///
    /// let service = DiskOnion::new("/srv/tor/blog").intro_dos_defense(Some(10), None);
    /// assert_eq!(service.get("HiddenServiceEnableIntroDoSDefense"), Some("1"));
    /// assert_eq!(service.get("HiddenServiceEnableIntroDoSRatePerSec"), Some("10"));
    /// ```
    #[must_use]
    pub fn intro_dos_defense(self, rate: Option<u32>, burst: Option<u32>) -> Self {
        self.flag("HiddenServiceEnableIntroDoSDefense", true)
            .optional("HiddenServiceEnableIntroDoSRatePerSec", rate)
            .optional("HiddenServiceEnableIntroDoSBurstPerSec", burst)
    }

    /// Makes clients solve a proof-of-work puzzle when the service is under
    /// load. The service handles up to `rate` introductions per second, and up
    /// to `burst` at once, before it demands the puzzle. `None` means tor's
    /// default: a rate of 250 and a burst of 2500.
    ///
    /// ```
    /// use scape::onion::disk::DiskOnion;
    ///
    /// let service = DiskOnion::new("/srv/tor/blog").proof_of_work(Some(50), None);
    /// assert_eq!(service.get("HiddenServicePoWDefensesEnabled"), Some("1"));
    /// assert_eq!(service.get("HiddenServicePoWQueueRate"), Some("50"));
    /// ```
    #[must_use]
    pub fn proof_of_work(self, rate: Option<u32>, burst: Option<u32>) -> Self {
        self.flag("HiddenServicePoWDefensesEnabled", true)
            .optional("HiddenServicePoWQueueRate", rate)
            .optional("HiddenServicePoWQueueBurst", burst)
    }

    /// Sets whether the service is a backend of OnionBalance. If it is, tor
    /// requires a file `ob_config` in the directory, which
    /// [`DiskOnionFiles::onion_balance`](super::DiskOnionFiles::onion_balance)
    /// writes. Default: no.
    ///
    /// ```
    /// use scape::onion::disk::DiskOnion;
    ///
    /// let service = DiskOnion::new("/srv/tor/blog").onion_balance_instance(true);
    /// assert_eq!(service.get("HiddenServiceOnionBalanceInstance"), Some("1"));
    /// ```
    #[must_use]
    pub fn onion_balance_instance(self, instance: bool) -> Self {
        self.flag("HiddenServiceOnionBalanceInstance", instance)
    }

    fn optional(self, name: &str, value: Option<u32>) -> Self {
        match value {
            Some(value) => self.option(name, value.to_string()),
            None => self.without(name),
        }
    }

    /// Checks that tor would accept the service, and that tor could read it
    /// again after SAVECONF. This method needs no tor and reads no files.
    ///
    /// ```
    /// use scape::onion::disk::DiskOnion;
    ///
    /// assert!(DiskOnion::new("/srv/tor/blog").local_port(80).check().is_ok());
    /// assert!(DiskOnion::new("/srv/tor/blog").check().is_err()); // no port
    /// assert!(DiskOnion::new("blog").local_port(80).check().is_err()); // not absolute
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument):
    ///
    /// * if the directory isn't absolute or can't be sent and saved;
    /// * if there are no ports, a port is given twice with the same target, or
    ///   tor doesn't accept a port;
    /// * if an option doesn't belong to a single service, or its value can't be
    ///   sent and saved;
    /// * if tor doesn't accept an option's value, for example
    ///   `HiddenServiceVersion 2`.
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
            None => "is not UTF-8, which can't be sent",
            Some(path) if path.contains('\u{fffd}') => "is not UTF-8, which can't be sent",
            Some(_) if !self.directory.is_absolute() => {
                "must be absolute: tor has another working directory than this program"
            }
            Some(path) if path.contains(['\r', '\n', '\0']) => "contains a line end or NUL",
            Some(path) if path.ends_with('\\') || path.ends_with(char::is_whitespace) => {
                "ends with a space or a backslash: tor saves such a value in a way that it reads back differently"
            }
            Some(_) => return Ok(()),
        };
        Err(refuse("directory", format!("{} {why}", self.directory.display())))
    }

    fn check_ports(&self) -> Result<()> {
        let mut ports: Vec<DiskPort> = Vec::new();
        for value in self.values(PORT) {
            let port: DiskPort =
                value.parse().map_err(|error| refuse("port", format!("is malformed: {error}")))?;
            if let Some(why) = port.problem() {
                return Err(refuse("port", why));
            }
            if ports.contains(&port) {
                return Err(refuse("port", format!("{port} is given twice")));
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
        let why = "is not an option of one service: these begin with HiddenService (set the directory with DiskOnion::new)";
        return Err(refuse(name, why));
    }
    let value = line.value.as_deref().unwrap_or_default();
    let why = if value.contains(['\r', '\n', '\0']) {
        "contains a line end or NUL in its value"
    } else if value.contains('\u{fffd}') {
        "is not UTF-8, which can't be sent"
    } else if value.ends_with('\\') {
        "ends with a backslash: tor saves such a value in a way that it can't read back"
    } else {
        return Ok(());
    };
    Err(refuse(name, why))
}

fn refuse(argument: &str, why: impl Into<String>) -> crate::error::Error {
    ArgumentError::invalid("DiskOnion", argument, why).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> DiskOnion {
        DiskOnion::new("/srv/a").local_port(80)
    }

    #[test]
    fn option_setters_are_lines_and_settings() {
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
    fn option_is_replaced_at_its_position() {
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
    fn services_that_tor_would_not_accept_are_refused() {
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
            (service().option("HiddenServicePort", "x"), "is malformed"),
            (service().option("HiddenServiceVersion", "2"), "3"),
            (service().introduction_points(2), "3 to 20"),
            (service().introduction_points(21), "3 to 20"),
            (service().intro_dos_defense(Some(300), None), "less than the rate"),
            (service().proof_of_work(Some(10), Some(9)), "less than the rate"),
            (service().option("SocksPort", "9050"), "SocksPort"),
            (service().option("HiddenServiceDir", "/b"), "DiskOnion::new"),
            (service().option("HiddenServiceSingleHopMode", "1"), "SingleHop"),
            (service().option("HiddenServiceNew", "a\r\nSIGNAL HALT"), "line end"),
            (service().option("HiddenServiceNew", "a\\"), "backslash"),
        ] {
            let error = bad.check().unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
            assert!(!error.contains("nothing was sent"), "{error}");
        }
        // tor accepts two targets for one port and chooses one of them for each
        // connection.
        service().port(80, local).check().unwrap();
    }

    #[test]
    fn trailing_slash_of_directory_is_removed() {
        assert_eq!(DiskOnion::new("/srv//a/./b/").directory().to_str(), Some("/srv/a/b"));
    }
}
