//! Bandwidth files: bandwidth-file-spec.

mod builder;
mod keys;
mod relay;
mod version;

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

pub use builder::{BandwidthFileBuilder, BandwidthValue};
pub use relay::RelayBandwidth;
pub use version::{BandwidthFileVersion, ParseBandwidthFileVersionError};

use super::annotations::skip_annotations;
use super::line::{Lines, number_u64};
use super::rules::Depth;
use super::value::scientific;
use super::{DocumentError, DocumentKind, LineProblem};
use crate::word::{CountryCode, Version};
use keys::{Form, HEADER};

/// A bandwidth file: the bandwidths of relays that a scanner such as sbws or
/// Torflow measured for an authority. See bandwidth-file-spec.
///
/// A `BandwidthFile` borrows its text. [`parse`](Self::parse) skips malformed
/// lines, and [`skipped`](Self::skipped) returns the reasons.
/// [`parse_strict`](Self::parse_strict) checks everything that
/// bandwidth-file-spec demands. Files of all versions up to 1.9.0 are read. A
/// field is `None` if the file doesn't contain the key, or if the value is
/// malformed.
///
/// [`BandwidthFileBuilder`] makes such files.
///
/// ```
/// use scape_proto::netdoc::{BandwidthFile, BandwidthFileVersion};
///
/// let text = b"1523911758\nversion=1.4.0\nsoftware=sbws\nnew_key=1\n=====\n\
///     bw=1 nick=snap269 node_id=$DC4D609F95A52614D1E69C752168AF1FCAE0B05F vote=0\n";
/// let file = BandwidthFile::parse(text)?;
/// assert_eq!((file.version, file.software), (BandwidthFileVersion::new(1, 4, 0), Some("sbws")));
/// assert_eq!(file.header_value("new_key"), Some("1"));
/// assert!(file.relays().all(|relay| relay.bandwidth == 1 && !relay.vote()));
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct BandwidthFile<'a> {
    text: &'a [u8],
    header: &'a [u8],
    body: &'a [u8],
    skipped: Vec<DocumentError>,
    destinations_countries: &'a str,
    /// The time of the last measurement, in whole seconds.
    pub timestamp: SystemTime,
    /// The version of the format. 1.0.0 if the line `version` is missing or
    /// malformed.
    pub version: BandwidthFileVersion,
    /// The program that made the file, such as `sbws`. Torflow doesn't write
    /// this. `None` if the header contains no valid value.
    pub software: Option<&'a str>,
    /// The version of the program that made the file. `None` if the header
    /// contains no valid value.
    pub software_version: Option<&'a str>,
    /// The time when the file was made. `None` if the header contains no valid
    /// value.
    pub file_created: Option<SystemTime>,
    /// The time when the program that made the file was started. `None` if the
    /// header contains no valid value.
    pub generator_started: Option<SystemTime>,
    /// The time of the first measurement. `None` if the header contains no
    /// valid value.
    pub earliest_bandwidth: Option<SystemTime>,
    /// The time of the last measurement, which must be equal to `timestamp`.
    /// `None` if the header contains no valid value.
    pub latest_bandwidth: Option<SystemTime>,
    /// The number of relays with enough measurements. `None` if the header
    /// contains no valid value.
    pub number_eligible_relays: Option<u64>,
    /// The percentage that `percent_eligible_relays` must reach. Otherwise, the
    /// file has no relays, or authorities ignore them. `None` if the header
    /// contains no valid value.
    pub minimum_percent_eligible_relays: Option<u64>,
    /// The number of relays in the consensus. `None` if the header contains no
    /// valid value.
    pub number_consensus_relays: Option<u64>,
    /// The number of relays with enough measurements, in percent of those in
    /// the consensus. `None` if the header contains no valid value.
    pub percent_eligible_relays: Option<u64>,
    /// The number that `number_eligible_relays` must reach. Otherwise, the file
    /// has no relays, or authorities ignore them. `None` if the header contains
    /// no valid value.
    pub minimum_number_eligible_relays: Option<u64>,
    /// The country in which the scanner runs. `None` if the header contains no
    /// valid value.
    pub scanner_country: Option<CountryCode>,
    /// The number of consensuses that the scanner saw in the past `data_period`
    /// days. `data_period` is an option of the scanner, by default 5. `None` if
    /// the header contains no valid value.
    pub recent_consensus_count: Option<u64>,
    /// The number of priority lists that the scanner made in the past
    /// `data_period` days (an option of the scanner, by default 5). A priority
    /// list contains the relays to measure first. `None` if the header contains
    /// no valid value.
    pub recent_priority_list_count: Option<u64>,
    /// The number of entries in all priority lists that the scanner made in the
    /// past `data_period` days (an option of the scanner, by default 5). A
    /// priority list contains the relays to measure first. `None` if the header
    /// contains no valid value.
    pub recent_priority_relay_count: Option<u64>,
    /// The number of attempts to measure a relay in the past `data_period` days
    /// (an option of the scanner, by default 5). Version 1.5.0 removed this
    /// key. `None` if the header contains no valid value.
    pub recent_measurement_attempt_count: Option<u64>,
    /// The number of failed attempts to measure a relay in the past
    /// `data_period` days (an option of the scanner, by default 5). `None` if
    /// the header contains no valid value.
    pub recent_measurement_failure_count: Option<u64>,
    /// The number of relays without a successful measurement in the past
    /// `data_period` days (an option of the scanner, by default 5). `None` if
    /// the header contains no valid value.
    pub recent_measurements_excluded_error_count: Option<u64>,
    /// The number of relays whose measurements don't count because all of them
    /// were made within too short a time. `None` if the header contains no
    /// valid value.
    pub recent_measurements_excluded_near_count: Option<u64>,
    /// The number of relays whose measurements don't count because all of them
    /// are too old. `None` if the header contains no valid value.
    pub recent_measurements_excluded_old_count: Option<u64>,
    /// The number of relays with too few successful measurements in the past
    /// `data_period` days (an option of the scanner, by default 5). `None` if
    /// the header contains no valid value.
    pub recent_measurements_excluded_few_count: Option<u64>,
    /// The time that it would take to measure half of the network at the
    /// scanner's recent speed. `None` if the header contains no valid value.
    pub time_to_report_half_network: Option<Duration>,
    /// The version of the tor that the scanner uses. `None` if the header
    /// contains no valid value.
    pub tor_version: Option<Version>,
    /// The mean of the relays' measured bandwidths, in bytes per second. `None`
    /// if the header contains no valid value.
    pub mu: Option<f64>,
    /// The mean of the relays' filtered bandwidths, in bytes per second. A
    /// relay's filtered bandwidth is the mean of its measurements that aren't
    /// below its average. `None` if the header contains no valid value.
    pub muf: Option<f64>,
    /// The nickname of the authority that the scanner belongs to. `None` if the
    /// header contains no valid value.
    pub dirauth_nickname: Option<&'a str>,
}

impl<'a> BandwidthFile<'a> {
    /// Parses a file. Malformed lines are skipped. Annotations before the file
    /// are left out.
    ///
    /// ```
    /// use scape_proto::netdoc::BandwidthFile;
    ///
    /// let file = BandwidthFile::parse(b"1523911758\nversion=1.4.0\nfile_created=today\n=====\n")?;
    /// assert_eq!(file.file_created, None);
    /// assert_eq!(file.skipped()[0].keyword(), "file_created");
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the first line isn't a time in seconds since 1970.
    pub fn parse(text: &'a [u8]) -> Result<Self, DocumentError> {
        Self::read_text(skip_annotations(text), Depth::Lenient)
    }

    /// Parses a file and checks the order, the number and the form of its
    /// lines. Unknown keys are allowed.
    ///
    /// ```
    /// use scape_proto::netdoc::{BandwidthFile, LineProblem};
    ///
    /// let text = b"1523911758\nsoftware=sbws\nversion=1.4.0\n=====\n";
    /// let error = BandwidthFile::parse_strict(text).expect_err("the version is in line 3");
    /// assert_eq!((error.line(), error.problem()), (Some(3), LineProblem::Order));
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error for the first line that breaks a rule of
    /// bandwidth-file-spec.
    pub fn parse_strict(text: &'a [u8]) -> Result<Self, DocumentError> {
        Self::read_text(skip_annotations(text), Depth::Strict)
    }

    fn read_text(text: &'a [u8], depth: Depth) -> Result<Self, DocumentError> {
        let mut lines = Lines::new(text);
        let first = lines.next().unwrap_or_default();
        let timestamp = number_u64(first).and_then(relay::unix_time);
        let timestamp = timestamp.ok_or_else(|| error(1, first, LineProblem::Start))?;
        let mut file = BandwidthFile::empty(text, timestamp);
        let header = lines.rest();
        let (mut number, mut is_terminated) = (1, false);
        let mut seen = HashSet::new();
        loop {
            let rest = lines.rest();
            file.header = header.get(..header.len() - rest.len()).unwrap_or_default();
            file.body = rest;
            let Some(line) = lines.next() else { break };
            if RelayBandwidth::is_relay_line(line) {
                break;
            }
            number += 1;
            if is_terminator(line) {
                file.body = lines.rest();
                is_terminated = true;
                break;
            }
            if let Err(problem) = file.read_header_line(line, number, depth, &mut seen) {
                let (key, _) = split(line).unwrap_or_default();
                file.skip(depth, error(number, key.as_bytes(), problem))?;
            }
        }
        let needs_terminator = file.version >= BandwidthFileVersion::new(1, 1, 0);
        if depth == Depth::Strict && needs_terminator && !is_terminated {
            let kind = DocumentKind::BandwidthFile;
            return Err(DocumentError::new(kind, None, b"=====", LineProblem::Missing));
        }
        file.read_relays(number, depth)?;
        Ok(file)
    }

    /// Adds `error` to `skipped` if `depth` is lenient, or returns the error if
    /// `depth` is strict.
    fn skip(&mut self, depth: Depth, error: DocumentError) -> Result<(), DocumentError> {
        if depth == Depth::Strict {
            return Err(error);
        }
        self.skipped.push(error);
        Ok(())
    }

    fn read_header_line(
        &mut self,
        line: &'a [u8],
        number: usize,
        depth: Depth,
        seen: &mut HashSet<&'a str>,
    ) -> Result<(), LineProblem> {
        const FORM: &str = "the line must have the form key=value";
        let (key, value) = split(line).ok_or(LineProblem::Value(FORM))?;
        if !seen.insert(key) {
            return Err(LineProblem::Repeated);
        }
        if depth == Depth::Strict {
            if !keys::is_value(value) {
                return Err(LineProblem::Value(Form::Text.description()));
            }
            if key == "version" && number != 2 {
                return Err(LineProblem::Order);
            }
        }
        let form = keys::find(HEADER, key).map_or(Form::Text, |key| key.form);
        if !form.allows(value) {
            return Err(LineProblem::Value(form.description()));
        }
        self.set(key, value);
        Ok(())
    }

    /// Sets the field for a key of the header. The caller has checked that the
    /// value has the form that the key demands.
    fn set(&mut self, key: &str, value: &'a str) {
        let number = || number_u64(value.as_bytes());
        match key {
            "version" => self.version = value.parse().unwrap_or(BandwidthFileVersion::FIRST),
            "software" => self.software = Some(value),
            "software_version" => self.software_version = Some(value),
            "file_created" => self.file_created = keys::time(value),
            "generator_started" => self.generator_started = keys::time(value),
            "earliest_bandwidth" => self.earliest_bandwidth = keys::time(value),
            "latest_bandwidth" => self.latest_bandwidth = keys::time(value),
            "number_eligible_relays" => self.number_eligible_relays = number(),
            "minimum_percent_eligible_relays" => self.minimum_percent_eligible_relays = number(),
            "number_consensus_relays" => self.number_consensus_relays = number(),
            "percent_eligible_relays" => self.percent_eligible_relays = number(),
            "minimum_number_eligible_relays" => self.minimum_number_eligible_relays = number(),
            "scanner_country" => self.scanner_country = keys::country(value),
            "destinations_countries" => self.destinations_countries = value,
            "recent_consensus_count" => self.recent_consensus_count = number(),
            "recent_priority_list_count" => self.recent_priority_list_count = number(),
            "recent_priority_relay_count" => self.recent_priority_relay_count = number(),
            "recent_measurement_attempt_count" => self.recent_measurement_attempt_count = number(),
            "recent_measurement_failure_count" => self.recent_measurement_failure_count = number(),
            "recent_measurements_excluded_error_count" => {
                self.recent_measurements_excluded_error_count = number();
            }
            "recent_measurements_excluded_near_count" => {
                self.recent_measurements_excluded_near_count = number();
            }
            "recent_measurements_excluded_old_count" => {
                self.recent_measurements_excluded_old_count = number();
            }
            "recent_measurements_excluded_few_count" => {
                self.recent_measurements_excluded_few_count = number();
            }
            "time_to_report_half_network" => {
                self.time_to_report_half_network = number().map(Duration::from_secs);
            }
            "tor_version" => self.tor_version = value.parse().ok(),
            "mu" => self.mu = scientific(value),
            "muf" => self.muf = scientific(value),
            "dirauth_nickname" => self.dirauth_nickname = Some(value),
            _ => {}
        }
    }

    /// Checks the lines about relays. `number` is the number of the last line
    /// before these lines.
    fn read_relays(&mut self, mut number: usize, depth: Depth) -> Result<(), DocumentError> {
        let (mut fingerprints, mut keys) = (HashSet::new(), HashSet::new());
        for line in Lines::new(self.body) {
            number += 1;
            if line.is_empty() {
                continue;
            }
            let checked = RelayBandwidth::parse(line).and_then(|relay| {
                if depth == Depth::Lenient {
                    return Ok(());
                }
                relay.check()?;
                let is_new = relay.fingerprint.is_none_or(|id| fingerprints.insert(id));
                if is_new && relay.ed25519.is_none_or(|key| keys.insert(key)) {
                    return Ok(());
                }
                Err(("node_id".into(), LineProblem::Repeated))
            });
            if let Err((key, problem)) = checked {
                self.skip(depth, error(number, key.as_bytes(), problem))?;
            }
        }
        Ok(())
    }

    fn empty(text: &'a [u8], timestamp: SystemTime) -> Self {
        BandwidthFile {
            text,
            header: b"",
            body: b"",
            skipped: Vec::new(),
            destinations_countries: "",
            timestamp,
            version: BandwidthFileVersion::FIRST,
            software: None,
            software_version: None,
            file_created: None,
            generator_started: None,
            earliest_bandwidth: None,
            latest_bandwidth: None,
            number_eligible_relays: None,
            minimum_percent_eligible_relays: None,
            number_consensus_relays: None,
            percent_eligible_relays: None,
            minimum_number_eligible_relays: None,
            scanner_country: None,
            recent_consensus_count: None,
            recent_priority_list_count: None,
            recent_priority_relay_count: None,
            recent_measurement_attempt_count: None,
            recent_measurement_failure_count: None,
            recent_measurements_excluded_error_count: None,
            recent_measurements_excluded_near_count: None,
            recent_measurements_excluded_old_count: None,
            recent_measurements_excluded_few_count: None,
            time_to_report_half_network: None,
            tor_version: None,
            mu: None,
            muf: None,
            dirauth_nickname: None,
        }
    }

    /// Returns the keys of the header with their values, in the order of the
    /// file. Lines without a key are left out.
    ///
    /// ```
    /// use scape_proto::netdoc::BandwidthFile;
    ///
    /// let file = BandwidthFile::parse(b"1523911758\nversion=1.1.0\nnew_key=1\n=====\n")?;
    /// assert_eq!(file.header().collect::<Vec<_>>(), [("version", "1.1.0"), ("new_key", "1")]);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn header(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        Lines::new(self.header).filter(|line| !is_terminator(line)).filter_map(split)
    }

    /// Returns the value of a key of the header, or `None` if the header
    /// doesn't contain the key. If the key is repeated, the first value is
    /// returned.
    ///
    /// ```
    /// use scape_proto::netdoc::BandwidthFile;
    ///
    /// let file = BandwidthFile::parse(b"1523911758\nversion=1.1.0\nnew_key=1\n=====\n")?;
    /// assert_eq!(file.header_value("new_key"), Some("1"));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn header_value(&self, key: &str) -> Option<&'a str> {
        self.header().find(|(other, _)| *other == key).map(|(_, value)| value)
    }

    /// Returns the keys of the header that this version of the library doesn't
    /// know, with their values.
    ///
    /// ```
    /// use scape_proto::netdoc::BandwidthFile;
    ///
    /// let file = BandwidthFile::parse(b"1523911758\nversion=1.1.0\nnew_key=1\n=====\n")?;
    /// assert_eq!(file.unknown_header().collect::<Vec<_>>(), [("new_key", "1")]);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn unknown_header(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.header().filter(|(key, _)| keys::find(HEADER, key).is_none())
    }

    /// Returns the countries of the web servers that the scanner uses. The code
    /// `zz` means that a country is unknown.
    ///
    /// ```
    /// use scape_proto::netdoc::BandwidthFile;
    ///
    /// let text = b"1523911758\nversion=1.2.0\ndestinations_countries=TH,ZZ\n=====\n";
    /// let file = BandwidthFile::parse(text)?;
    /// let countries: Vec<String> =
    ///     file.destinations_countries().map(|country| country.to_string()).collect();
    /// assert_eq!(countries, ["th", "zz"]);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn destinations_countries(&self) -> impl Iterator<Item = CountryCode> + use<'a> {
        self.destinations_countries.split(',').filter_map(keys::country)
    }

    /// Returns the lines about relays, in the order of the file. Malformed
    /// lines are left out. Each call parses the lines again.
    ///
    /// ```
    /// use scape_proto::netdoc::BandwidthFile;
    ///
    /// let text = b"1523911758\nnode_id=$68A483E05A2ABDCA6DA5A3EF8DB5177638A27F80 bw=760\n";
    /// assert_eq!(BandwidthFile::parse(text)?.relays().count(), 1);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn relays(&self) -> impl Iterator<Item = RelayBandwidth<'a>> + use<'a> {
        Lines::new(self.body).filter_map(|line| RelayBandwidth::parse(line).ok())
    }

    /// Returns the SHA-256 digest of the file, as votes contain it in the line
    /// `bandwidth-file-digest`. Each call computes the digest again.
    ///
    /// ```
    /// use scape_proto::netdoc::BandwidthFile;
    ///
    /// let digest = BandwidthFile::parse(b"1523911758\n")?.digest();
    /// assert_eq!(digest[..4], [0x7c, 0xc1, 0x8f, 0x9d]);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.text).into()
    }

    /// Returns the lines that were skipped because they are malformed or
    /// repeated.
    pub fn skipped(&self) -> &[DocumentError] {
        &self.skipped
    }

    /// Returns the text of the whole file.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }
}

fn error(line: usize, key: &[u8], problem: LineProblem) -> DocumentError {
    DocumentError::new(DocumentKind::BandwidthFile, Some(line), key, problem)
}

/// Returns true if the line ends the header: `=====`, or `====`, which sbws
/// 1.0.2 and older wrote.
fn is_terminator(line: &[u8]) -> bool {
    matches!(line, b"=====" | b"====")
}

/// Splits a line of the header into its key and its value. Returns `None` if
/// the line doesn't have the form `key=value`.
fn split(line: &[u8]) -> Option<(&str, &str)> {
    std::str::from_utf8(line).ok()?.split_once('=').filter(|(key, _)| keys::is_key(key))
}

debug_as_text! { BandwidthFile }

#[cfg(feature = "serde")]
use crate::word::serial::Time;

#[cfg(feature = "serde")]
fields! { "BandwidthFile", |file: BandwidthFile<'_>| {
    timestamp: Time::new(file.timestamp),
    version: file.version,
    software: file.software,
    software_version: file.software_version,
    file_created: Time::new(file.file_created),
    generator_started: Time::new(file.generator_started),
    earliest_bandwidth: Time::new(file.earliest_bandwidth),
    latest_bandwidth: Time::new(file.latest_bandwidth),
    number_eligible_relays: file.number_eligible_relays,
    minimum_percent_eligible_relays: file.minimum_percent_eligible_relays,
    number_consensus_relays: file.number_consensus_relays,
    percent_eligible_relays: file.percent_eligible_relays,
    minimum_number_eligible_relays: file.minimum_number_eligible_relays,
    scanner_country: file.scanner_country,
    destinations_countries: file.destinations_countries().collect::<Vec<_>>(),
    recent_consensus_count: file.recent_consensus_count,
    recent_priority_list_count: file.recent_priority_list_count,
    recent_priority_relay_count: file.recent_priority_relay_count,
    recent_measurement_attempt_count: file.recent_measurement_attempt_count,
    recent_measurement_failure_count: file.recent_measurement_failure_count,
    recent_measurements_excluded_error_count: file.recent_measurements_excluded_error_count,
    recent_measurements_excluded_near_count: file.recent_measurements_excluded_near_count,
    recent_measurements_excluded_old_count: file.recent_measurements_excluded_old_count,
    recent_measurements_excluded_few_count: file.recent_measurements_excluded_few_count,
    time_to_report_half_network: file.time_to_report_half_network.map(|time| time.as_secs()),
    tor_version: file.tor_version,
    mu: file.mu,
    muf: file.muf,
    dirauth_nickname: file.dirauth_nickname,
    relays: file.relays().collect::<Vec<_>>(),
} }

#[cfg(test)]
mod tests {
    use super::*;

    const RELAY: &str = "bw=1 node_id=$68A483E05A2ABDCA6DA5A3EF8DB5177638A27F80";
    const OTHER: &str = "bw=2 node_id=$96C15995F30895689291F455587BD94CA427B6FC";

    /// Returns a file with every key of the header.
    fn whole() -> String {
        format!(
            "1523911758\nversion=1.4.0\nlatest_bandwidth=2018-04-16T20:49:18\n\
             destinations_countries=TH,ZZ\nfile_created=2018-04-16T21:49:18\n\
             generator_started=2018-04-16T15:13:25\nearliest_bandwidth=2018-04-16T15:13:26\n\
             minimum_number_eligible_relays=1\nminimum_percent_eligible_relays=2\n\
             number_consensus_relays=3\nnumber_eligible_relays=4\npercent_eligible_relays=5\n\
             recent_consensus_count=6\nrecent_measurement_attempt_count=7\n\
             recent_measurement_failure_count=8\nrecent_measurements_excluded_error_count=9\n\
             recent_measurements_excluded_few_count=10\n\
             recent_measurements_excluded_near_count=11\n\
             recent_measurements_excluded_old_count=12\nrecent_priority_list_count=13\n\
             recent_priority_relay_count=14\nscanner_country=SN\nsoftware=sbws\n\
             software_version=1.1.0\ntime_to_report_half_network=15\ntor_version=0.3.5.10\n\
             mu=16.5\nmuf=17\ndirauth_nickname=moria1\n=====\n{RELAY} vote=0\n{OTHER}\n"
        )
    }

    #[test]
    fn header_with_every_key_is_read_strictly() {
        let text = whole();
        let file = BandwidthFile::parse_strict(text.as_bytes()).unwrap();
        assert!(file.skipped().is_empty() && file.unknown_header().count() == 0);
        assert_eq!(file.header().count(), HEADER.len());
        assert_eq!((Some(file.timestamp), file.version.minor()), (file.latest_bandwidth, 4));
        assert!(file.file_created > file.generator_started);
        assert!(file.earliest_bandwidth > file.generator_started);
        let numbers = [
            file.minimum_number_eligible_relays,
            file.minimum_percent_eligible_relays,
            file.number_consensus_relays,
            file.number_eligible_relays,
            file.percent_eligible_relays,
            file.recent_consensus_count,
            file.recent_measurement_attempt_count,
            file.recent_measurement_failure_count,
            file.recent_measurements_excluded_error_count,
            file.recent_measurements_excluded_few_count,
            file.recent_measurements_excluded_near_count,
            file.recent_measurements_excluded_old_count,
            file.recent_priority_list_count,
            file.recent_priority_relay_count,
            file.time_to_report_half_network.map(|time| time.as_secs()),
        ];
        assert_eq!(numbers.map(Option::unwrap), std::array::from_fn(|i| i as u64 + 1));
        assert_eq!((file.software, file.software_version), (Some("sbws"), Some("1.1.0")));
        assert_eq!(file.scanner_country.unwrap().as_str(), "sn");
        assert_eq!(file.destinations_countries().count(), 2);
        assert_eq!(file.tor_version, "0.3.5.10".parse().ok());
        assert_eq!((file.mu, file.muf), (Some(16.5), Some(17.0)));
        assert_eq!(file.dirauth_nickname, Some("moria1"));
        assert_eq!(file.relays().map(|relay| relay.bandwidth).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn first_version_has_no_header_and_no_terminator() {
        let text = format!("1523911758\n{RELAY}\n{OTHER}");
        let file = BandwidthFile::parse_strict(text.as_bytes()).unwrap();
        assert_eq!((file.version, file.header().count()), (BandwidthFileVersion::FIRST, 0));
        assert_eq!(file.relays().count(), 2);
        let short = whole().replace("=====", "====").replace('\n', "\r\n");
        let file = BandwidthFile::parse_strict(short.as_bytes()).unwrap();
        assert_eq!((file.relays().count(), file.header().count()), (2, HEADER.len()));
    }

    #[test]
    fn texts_without_timestamp_are_refused() {
        for text in
            ["", "\n", "boo\n", "123.4\n", "-123\n", "99999999999999999999\n", "version=1.1.0\n"]
        {
            let error = BandwidthFile::parse(text.as_bytes()).unwrap_err();
            assert_eq!((error.problem(), error.line()), (LineProblem::Start, Some(1)), "{text:?}");
        }
        assert!(BandwidthFile::parse(b"@type bandwidth-file 1.0\n1523911758").is_ok());
        let _ = BandwidthFile::parse(b"18446744073709551615\n");
    }

    #[test]
    fn malformed_lines_are_skipped_or_errors() {
        let text = whole();
        for (old, new, key) in [
            ("version=1.4.0", "version=1.4", "version"),
            ("file_created=2018-04-16T", "file_created=2018-04-16 ", "file_created"),
            ("number_eligible_relays=4", "number_eligible_relays=-4", "number_eligible_relays"),
            ("scanner_country=SN", "scanner_country=sn", "scanner_country"),
            ("TH,ZZ", "TH;ZZ", "destinations_countries"),
            ("tor_version=0.3.5.10", "tor_version=x", "tor_version"),
            ("mu=16.5", "mu=x", "mu"),
            ("mu=16.5", "nothing", ""),
            ("bw=2", "bw=two", "bw"),
            ("node_id=$96", "node_id=$9X", "node_id"),
        ] {
            let changed = text.replace(old, new);
            assert_ne!(changed, text, "{old}");
            let error = BandwidthFile::parse_strict(changed.as_bytes()).unwrap_err();
            assert_eq!(error.keyword(), key, "{error}");
            assert!(matches!(error.problem(), LineProblem::Value(_)), "{error}");
            let file = BandwidthFile::parse(changed.as_bytes()).unwrap();
            assert_eq!(
                file.skipped().iter().map(|error| error.keyword()).collect::<Vec<_>>(),
                [key]
            );
        }
    }

    #[test]
    fn repeated_and_misplaced_lines_are_errors_of_the_strict_reading() {
        let text = whole();
        for (changed, key, line, problem) in [
            (text.replace("mu=16.5", "muf=16"), "muf", 28, LineProblem::Repeated),
            (
                text.replace("=====\n", "version=1.4.0\n=====\n").replacen(
                    "version=1.4.0\n",
                    "",
                    1,
                ),
                "version",
                29,
                LineProblem::Order,
            ),
            (format!("{text}{RELAY}\n"), "node_id", 33, LineProblem::Repeated),
            (
                format!("{text}\nnode_id=$68A4\n"),
                "node_id",
                34,
                LineProblem::Value(Form::Fingerprint.description()),
            ),
            (format!("{text}nick=a\n"), "node_id", 33, LineProblem::Missing),
        ] {
            let error = BandwidthFile::parse_strict(changed.as_bytes()).unwrap_err();
            assert_eq!(
                (error.keyword(), error.line(), error.problem()),
                (key, Some(line), problem)
            );
        }
        let text = "1\nversion=1.1.0\nnew_header=neat stuff\nnew_header=2\n=====\n";
        let file = BandwidthFile::parse(text.as_bytes()).unwrap();
        assert_eq!(file.header_value("new_header"), Some("neat stuff"));
        assert_eq!(file.skipped()[0].problem(), LineProblem::Repeated);
        assert!(BandwidthFile::parse_strict(text.as_bytes()).is_err());
    }

    #[test]
    fn header_since_version_1_1_needs_its_terminator() {
        for text in ["1\nversion=1.1.0\n".to_owned(), whole().replace("=====\n", "")] {
            let error = BandwidthFile::parse_strict(text.as_bytes()).unwrap_err();
            assert_eq!((error.keyword(), error.problem()), ("=====", LineProblem::Missing));
            assert!(BandwidthFile::parse(text.as_bytes()).unwrap().skipped().is_empty());
        }
        assert!(BandwidthFile::parse_strict(b"1\nversion=1.0.0\n").is_ok());
    }

    proptest::proptest! {
        #[test]
        fn parsing_bandwidth_files_never_panics(
            lines in proptest::collection::vec("(bw=|node_id=|version=|=====)?[ -~é]{0,9}", 0..9),
        ) {
            let text = format!("1\n{}", lines.join("\n"));
            let file = BandwidthFile::parse(text.as_bytes()).unwrap();
            let _ = (file.relays().count(), file.header().count());
            let _ = BandwidthFile::parse_strict(text.as_bytes());
        }
    }
}
