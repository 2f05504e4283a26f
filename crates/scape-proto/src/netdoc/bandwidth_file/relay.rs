//! Lines about relays in bandwidth files.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::keys::{self, Form, RELAY};
use crate::netdoc::base64;
use crate::netdoc::document_error::LineProblem;
use crate::netdoc::line::{number_u64, words};
use crate::netdoc::value::scientific;
use crate::word::Fingerprint;

/// A line about a relay in a bandwidth file: bandwidth-file-spec, "Relay Line
/// format".
///
/// The line is kept as text. The methods are named after the keys, and search
/// the line. They return `None` if the key is missing or its value is
/// malformed.
///
/// ```
/// use scape_proto::netdoc::BandwidthFile;
///
/// let text = b"1523911758\nnode_id=$68A483E05A2ABDCA6DA5A3EF8DB5177638A27F80 bw=760 \
///     nick=Test measured_at=1523911725 pid_error=4.11 circ_fail=0.2\n";
/// let file = BandwidthFile::parse(text)?;
/// let relay = file.relays().next().expect("a relay");
/// assert_eq!((relay.bandwidth, relay.nick()), (760, Some("Test")));
/// assert_eq!((relay.circ_fail(), relay.rtt()), (Some(0.2), None));
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayBandwidth<'a> {
    text: &'a str,
    /// The fingerprint of the relay's RSA identity key: the key `node_id`.
    /// `None` if it is missing or malformed.
    pub fingerprint: Option<Fingerprint>,
    /// The relay's Ed25519 identity key: the key `master_key_ed25519`. `None`
    /// if it is missing or malformed.
    pub ed25519: Option<[u8; 32]>,
    /// The bandwidth for the vote, in kilobytes per second: the key `bw`.
    pub bandwidth: u64,
}

/// A key that makes a line unusable, and the reason.
pub(super) type KeyProblem = (Box<str>, LineProblem);

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident)*) => { $(
        $(#[$doc])*
        pub fn $name(&self) -> Option<u64> {
            self.number(stringify!($name))
        }
    )* };
}

macro_rules! decimals {
    ($($(#[$doc:meta])* $name:ident)*) => { $(
        $(#[$doc])*
        pub fn $name(&self) -> Option<f64> {
            self.get(stringify!($name)).and_then(scientific)
        }
    )* };
}

impl<'a> RelayBandwidth<'a> {
    /// Returns true if the line has a key that only lines about relays have:
    /// `node_id`, `master_key_ed25519` or `bw`.
    pub(super) fn is_relay_line(line: &[u8]) -> bool {
        let keys: [&[u8]; 3] = [b"node_id=", b"master_key_ed25519=", b"bw="];
        words(line).any(|word| keys.iter().any(|key| word.starts_with(key)))
    }

    /// Parses a line. One of the relay's two identities and the relay's
    /// bandwidth must be valid.
    pub(super) fn parse(line: &'a [u8]) -> Result<Self, KeyProblem> {
        let problem = |key: &str, problem| Err((Box::from(key), problem));
        let Ok(text) = std::str::from_utf8(line) else {
            return problem("", LineProblem::Value(Form::Text.description()));
        };
        let mut relay = RelayBandwidth { text, fingerprint: None, ed25519: None, bandwidth: 0 };
        // The first value of a repeated key counts, as for `get`.
        let (mut node_id, mut ed25519, mut bandwidth) = (None, None, None);
        for word in words(line) {
            // The first letter is enough to rule out most words.
            match word {
                [b'n', b'o', b'd', b'e', b'_', b'i', b'd', b'=', value @ ..] => {
                    node_id = node_id.or(Some(value));
                }
                [b'b', b'w', b'=', value @ ..] => bandwidth = bandwidth.or(Some(value)),
                [b'm', ..] => {
                    ed25519 = ed25519.or_else(|| word.strip_prefix(b"master_key_ed25519="));
                }
                _ => {}
            }
        }
        relay.fingerprint = node_id.and_then(keys::fingerprint);
        relay.ed25519 = ed25519.and_then(base64::decode);
        if relay.fingerprint.is_none() && relay.ed25519.is_none() {
            return match node_id {
                Some(_) => problem("node_id", LineProblem::Value(Form::Fingerprint.description())),
                None => problem("node_id", LineProblem::Missing),
            };
        }
        match bandwidth.map(number_u64) {
            Some(Some(bandwidth)) => Ok(RelayBandwidth { bandwidth, ..relay }),
            Some(None) => problem("bw", LineProblem::Value(Form::Number.description())),
            None => problem("bw", LineProblem::Missing),
        }
    }

    /// Checks that all keys and values follow bandwidth-file-spec. Otherwise,
    /// returns a key that doesn't, and the reason.
    pub(super) fn check(&self) -> Result<(), KeyProblem> {
        const PAIR: &str = "the words must have the form key=value";
        let mut seen = Vec::new();
        for word in self.text.split([' ', '\t']).filter(|word| !word.is_empty()) {
            let error = |key: &str, problem| Err((Box::from(key), problem));
            let Some((key, value)) = word.split_once('=').filter(|(key, _)| keys::is_key(key))
            else {
                return error(word, LineProblem::Value(PAIR));
            };
            if !keys::is_value(value) {
                return error(key, LineProblem::Value(Form::Text.description()));
            }
            if let Some(known) = keys::find(RELAY, key)
                && !known.form.allows(value)
            {
                return error(key, LineProblem::Value(known.form.description()));
            }
            seen.push(key);
        }
        seen.sort_unstable();
        match seen.windows(2).find_map(|two| two.first().filter(|key| two.last() == Some(key))) {
            Some(key) => Err((Box::from(*key), LineProblem::Repeated)),
            None => Ok(()),
        }
    }

    /// Returns the text of the line without its line end.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Returns all keys with their values, in the order of the line. Words
    /// without `=` are left out.
    ///
    /// ```
    /// use scape_proto::netdoc::BandwidthFile;
    ///
    /// let text = b"1523911758\nnode_id=$68A483E05A2ABDCA6DA5A3EF8DB5177638A27F80 bw=760 new=1\n";
    /// let file = BandwidthFile::parse(text)?;
    /// let relay = file.relays().next().expect("a relay");
    /// assert_eq!(relay.pairs().skip(1).collect::<Vec<_>>(), [("bw", "760"), ("new", "1")]);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn pairs(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.text.split([' ', '\t']).filter_map(|word| word.split_once('='))
    }

    /// Returns the value of a key, or `None` if the line doesn't contain the
    /// key. If the key is repeated, the first value is returned.
    ///
    /// ```
    /// use scape_proto::netdoc::BandwidthFile;
    ///
    /// let text = b"1523911758\nnode_id=$68A483E05A2ABDCA6DA5A3EF8DB5177638A27F80 bw=760 new=1\n";
    /// let file = BandwidthFile::parse(text)?;
    /// assert_eq!(file.relays().next().and_then(|relay| relay.get("new")), Some("1"));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn get(&self, key: &str) -> Option<&'a str> {
        self.pairs().find(|(other, _)| *other == key).map(|(_, value)| value)
    }

    fn number(&self, key: &str) -> Option<u64> {
        self.get(key).and_then(|value| number_u64(value.as_bytes()))
    }

    fn flag(&self, key: &str) -> Option<bool> {
        self.get(key).and_then(keys::flag)
    }

    /// Returns the relay's nickname. Returns `None` if the line doesn't contain
    /// it.
    pub fn nick(&self) -> Option<&'a str> {
        self.get("nick")
    }

    /// Returns the time of the last measurement. Returns `None` if the key
    /// `time` is missing or malformed.
    pub fn time(&self) -> Option<SystemTime> {
        self.get("time").and_then(keys::time)
    }

    /// Returns false if authorities must ignore the line. Returns true if the
    /// key `vote` is missing.
    pub fn vote(&self) -> bool {
        self.flag("vote").unwrap_or(true)
    }

    /// Returns true if the relay was not measured successfully. Returns false
    /// if the key `unmeasured` is missing.
    pub fn unmeasured(&self) -> bool {
        self.flag("unmeasured").unwrap_or(false)
    }

    /// Returns true if too few relays were measured, so that authorities ignore
    /// the file. Returns false if the key `under_min_report` is missing.
    pub fn under_min_report(&self) -> bool {
        self.flag("under_min_report").unwrap_or(false)
    }

    /// Returns true if fewer than three authorities measured the bandwidth that
    /// the consensus contains. Returns `None` if the key
    /// `consensus_bandwidth_is_unmeasured` is missing or malformed.
    pub fn consensus_bandwidth_is_unmeasured(&self) -> Option<bool> {
        self.get("consensus_bandwidth_is_unmeasured").and_then(keys::word)
    }

    numbers! {
        /// Returns the time to get one byte of data, in milliseconds. Returns
        /// `None` if the key `rtt` is missing or malformed.
        rtt
        /// Returns the number of successful measurements. Returns `None` if the
        /// key `success` is missing or malformed.
        success
        /// Returns the number of measurements that failed because a circuit
        /// failed. Returns `None` if the key `error_circ` is missing or
        /// malformed.
        error_circ
        /// Returns the number of measurements that failed because a stream
        /// failed. Returns `None` if the key `error_stream` is missing or
        /// malformed.
        error_stream
        /// Returns the number of measurements that failed because the web
        /// server was not available. Returns `None` if the key
        /// `error_destination` is missing or malformed.
        error_destination
        /// Returns the number of measurements that failed because no second
        /// relay was found. Returns `None` if the key `error_second_relay` is
        /// missing or malformed.
        error_second_relay
        /// Returns the number of measurements that failed for a reason that no
        /// other method counts. Returns `None` if the key `error_misc` is
        /// missing or malformed.
        error_misc
        /// Returns the mean of the measured bandwidths, in bytes per second.
        /// Returns `None` if the key `bw_mean` is missing or malformed.
        bw_mean
        /// Returns the median of the measured bandwidths, in bytes per second.
        /// Returns `None` if the key `bw_median` is missing or malformed.
        bw_median
        /// Returns the average bandwidth in the relay's descriptor, in bytes
        /// per second. Returns `None` if the key `desc_bw_avg` is missing or
        /// malformed.
        desc_bw_avg
        /// Returns the last observed bandwidth in the relay's descriptor, in
        /// bytes per second. Returns `None` if the key `desc_bw_obs_last` is
        /// missing or malformed.
        desc_bw_obs_last
        /// Returns the mean of the observed bandwidths in the relay's
        /// descriptors, in bytes per second. Returns `None` if the key
        /// `desc_bw_obs_mean` is missing or malformed.
        desc_bw_obs_mean
        /// Returns the burst bandwidth in the relay's descriptor, in bytes per
        /// second. Returns `None` if the key `desc_bw_bur` is missing or
        /// malformed.
        desc_bw_bur
        /// Returns the bandwidth in the consensus, in bytes per second. Returns
        /// `None` if the key `consensus_bandwidth` is missing or malformed.
        consensus_bandwidth
        /// Returns the number of consensuses in the past `data_period` days (an
        /// option of the scanner, by default 5) that have the relay. Returns
        /// `None` if the key `relay_in_recent_consensus_count` is missing or
        /// malformed.
        relay_in_recent_consensus_count
        /// Returns the number of priority lists in the past `data_period` days
        /// (an option of the scanner, by default 5) that contain the relay. A
        /// priority list contains the relays to measure first. Returns `None`
        /// if the key `relay_recent_priority_list_count` is missing or
        /// malformed.
        relay_recent_priority_list_count
        /// Returns the number of attempts to measure the relay in the past
        /// `data_period` days (an option of the scanner, by default 5). Returns
        /// `None` if the key `relay_recent_measurement_attempt_count` is
        /// missing or malformed.
        relay_recent_measurement_attempt_count
        /// Returns the number of attempts in the past `data_period` days (an
        /// option of the scanner, by default 5) that gave no measurement.
        /// Returns `None` if the key `relay_recent_measurement_failure_count`
        /// is missing or malformed.
        relay_recent_measurement_failure_count
        /// Returns the number of measurements in the past `data_period` days
        /// (an option of the scanner, by default 5) that failed. Returns `None`
        /// if the key `relay_recent_measurements_excluded_error_count` is
        /// missing or malformed.
        relay_recent_measurements_excluded_error_count
        /// Returns the number of measurements in the past `data_period` days
        /// (an option of the scanner, by default 5) that were ignored because
        /// they were too close to each other in time. Returns `None` if the key
        /// `relay_recent_measurements_excluded_near_count` is missing or
        /// malformed.
        relay_recent_measurements_excluded_near_count
        /// Returns the number of measurements that were ignored because they
        /// were too old. Returns `None` if the key
        /// `relay_recent_measurements_excluded_old_count` is missing or
        /// malformed.
        relay_recent_measurements_excluded_old_count
        /// Returns the number of measurements that were ignored because the
        /// relay had too few of them. Returns `None` if the key
        /// `relay_recent_measurements_excluded_few_count` is missing or
        /// malformed.
        relay_recent_measurements_excluded_few_count
        /// Returns the number of XOFF cells that the relay received during
        /// measurements. Returns `None` if the key `xoff_recv` is missing or
        /// malformed.
        xoff_recv
        /// Returns the number of XOFF cells that the relay sent during
        /// measurements. Returns `None` if the key `xoff_sent` is missing or
        /// malformed.
        xoff_sent
        /// Returns Torflow's measured bandwidth, in bytes per second. Returns
        /// `None` if the key `pid_bw` is missing or malformed.
        pid_bw
    }

    decimals! {
        /// Returns the ratio of the relay's measured bandwidth to the mean of
        /// all relays. Returns `None` if the key `r_strm` is missing or
        /// malformed.
        r_strm
        /// Returns the ratio of the relay's filtered bandwidth to the mean of
        /// all relays. The filtered bandwidth is the mean of the relay's
        /// measurements that aren't below its average. Returns `None` if the
        /// key `r_strm_filt` is missing or malformed.
        r_strm_filt
        /// Returns the proportional error of the PID controller with which
        /// Torflow adjusts the relay's bandwidth. Returns `None` if the key
        /// `pid_error` is missing or malformed.
        pid_error
        /// Returns the sum of all errors of the PID controller with which
        /// Torflow adjusts the relay's bandwidth. Returns `None` if the key
        /// `pid_error_sum` is missing or malformed.
        pid_error_sum
        /// Returns the last change of the error of the PID controller with
        /// which Torflow adjusts the relay's bandwidth. Returns `None` if the
        /// key `pid_delta` is missing or malformed.
        pid_delta
        /// Returns the share of circuits that failed when Torflow measured the
        /// relay, from 0 to 1. Returns `None` if the key `circ_fail` is missing
        /// or malformed.
        circ_fail
    }

    /// Returns the time of Torflow's last measurement. Returns `None` if the
    /// key `measured_at` is missing or malformed.
    pub fn measured_at(&self) -> Option<SystemTime> {
        self.number("measured_at").and_then(unix_time)
    }

    /// Returns the time when Torflow last updated the values of the line.
    /// Returns `None` if the key `updated_at` is missing or malformed.
    pub fn updated_at(&self) -> Option<SystemTime> {
        self.number("updated_at").and_then(unix_time)
    }

    /// Returns the path of the file with Torflow's measurement. Returns `None`
    /// if the key `scanner` is missing.
    pub fn scanner(&self) -> Option<&'a str> {
        self.get("scanner")
    }
}

/// Converts seconds since 1970 to a time. Returns `None` if the system can't
/// represent the time.
pub(super) fn unix_time(seconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

impl fmt::Debug for RelayBandwidth<'_> {
    /// Writes the text of the line, because the text contains all data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RelayBandwidth").field(&self.text).finish()
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for RelayBandwidth<'_> {
    /// Writes all keys with their values, which are strings.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        crate::word::serial::table(self.pairs(), serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "node_id=$68A483E05A2ABDCA6DA5A3EF8DB5177638A27F80";

    fn problem(line: &str) -> Option<(String, LineProblem)> {
        let result = RelayBandwidth::parse(line.as_bytes()).and_then(|relay| relay.check());
        result.err().map(|(key, problem)| (key.into(), problem))
    }

    #[test]
    fn relay_lines_need_an_identity_and_a_bandwidth() {
        let key = "master_key_ed25519=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        for good in [
            format!("bw=1 {ID}"),
            format!("{key} bw=1"),
            format!("{ID}\tbw=1"),
            format!("{} bw=1", ID.replace('$', "")),
        ] {
            assert_eq!(problem(&good), None, "{good}");
        }
        for (bad, key, problem_of) in
            [("bw=1 nick=a", "node_id", LineProblem::Missing), (ID, "bw", LineProblem::Missing)]
        {
            assert_eq!(problem(bad), Some((key.to_owned(), problem_of)), "{bad}");
        }
        for (bad, key) in [("node_id=$68A4 bw=1", "node_id"), (&format!("{ID} bw=1.5"), "bw")] {
            let (found, problem) = problem(bad).unwrap();
            assert!(found == key && matches!(problem, LineProblem::Value(_)), "{bad}");
            assert!(RelayBandwidth::parse(bad.as_bytes()).is_err());
        }
        assert!(RelayBandwidth::parse(b"bw=1 node_id=\xff").is_err());
    }

    #[test]
    fn first_of_repeated_keys_counts_for_fields_and_for_get() {
        let key = "A".repeat(43);
        let line =
            format!("{ID} node_id=x master_key_ed25519=x master_key_ed25519={key} bw=1 bw=2");
        let relay = RelayBandwidth::parse(line.as_bytes()).unwrap();
        assert_eq!((relay.ed25519, relay.get("master_key_ed25519")), (None, Some("x")));
        assert_eq!((relay.bandwidth, relay.get("bw")), (1, Some("1")));
        assert!(relay.fingerprint.is_some() && relay.get("node_id") != Some("x"));
        let line = format!("node_id=x {ID} bw=1");
        assert!(RelayBandwidth::parse(line.as_bytes()).is_err());
    }

    #[test]
    fn malformed_values_are_none_and_errors_of_the_strict_reading() {
        for (pair, key) in [
            ("rtt=fast", "rtt"),
            ("time=2018-05-08", "time"),
            ("vote=2", "vote"),
            ("circ_fail=inf", "circ_fail"),
            ("consensus_bandwidth_is_unmeasured=1", "consensus_bandwidth_is_unmeasured"),
            ("odd", "odd"),
            ("new=", "new"),
            ("new=caf\u{e9}", "new"),
            ("bw=2", "bw"),
        ] {
            let line = format!("{ID} bw=1 {pair}");
            let relay = RelayBandwidth::parse(line.as_bytes()).unwrap();
            assert_eq!((relay.rtt(), relay.time(), relay.circ_fail()), (None, None, None));
            assert!(relay.vote() && relay.bandwidth == 1);
            assert_eq!(problem(&line).map(|(key, _)| key).as_deref(), Some(key), "{pair}");
        }
    }

    #[test]
    fn lines_that_a_scanner_failed_to_write_are_refused() {
        for bad in [
            "node_id=None bw=1024",
            "node_id=$None bw=1024",
            "node_i",
            "node_id=",
            "node_id==68A483E05A2ABDCA6DA5A3EF8DB5177638A27F80 bw==1024",
            "node_id= $68A483E05A2ABDCA6DA5A3EF8DB5177638A27F80 bw=1024",
            &format!("{ID} bw=None"),
            &format!("{ID} bw="),
            &format!("{ID} bw=.1024"),
            &format!("{ID} bw=-1024"),
            &format!("{ID}0 bw=1024"),
        ] {
            assert!(RelayBandwidth::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        let noise = format!("\tnoise=1\tmisc=junk  {ID}  bw=1024 junk=007 ");
        assert_eq!(problem(&noise), None);
    }

    #[test]
    fn values_of_torflow_and_sbws_are_read() {
        let line = format!(
            "{ID} bw=1 measured_at=1547441722 updated_at=1547441723 pid_bw=7 \
             scanner=/scanner.1/bws-0.0:0.8-done-2019-01-13-22:55:22 vote=0 unmeasured=1 \
             under_min_report=1 consensus_bandwidth_is_unmeasured=True time=2019-01-14T04:55:22"
        );
        let relay = RelayBandwidth::parse(line.as_bytes()).unwrap();
        assert_eq!(relay.check(), Ok(()));
        assert_eq!(
            (relay.measured_at(), relay.time()),
            (unix_time(1_547_441_722), relay.measured_at())
        );
        assert_eq!((relay.updated_at(), relay.pid_bw()), (unix_time(1_547_441_723), Some(7)));
        assert!(relay.scanner().unwrap().ends_with("22:55:22"));
        assert!(!relay.vote() && relay.unmeasured() && relay.under_min_report());
        assert_eq!(relay.consensus_bandwidth_is_unmeasured(), Some(true));
    }
}
