//! Makes the text of a bandwidth file, from a header and the results for
//! relays.

use std::collections::HashSet;
use std::fmt;
use std::time::{Duration, SystemTime};

use data_encoding::BASE64_NOPAD;

use super::BandwidthFileVersion;
use super::keys::{self, Form, HEADER, Key, RELAY};
use crate::netdoc::{DocumentError, DocumentKind, LineProblem};
use crate::word::{CountryCode, Fingerprint, Version, write_utc};

/// A bandwidth file that is being made. `Display` writes the file.
///
/// The key and the value of each pair are checked when the pair is added: the
/// form of both, and whether the version of the format has the key. Keys that
/// bandwidth-file-spec doesn't describe are allowed. The example
/// `bandwidth_scanner` of the crate `scape` measures relays and writes such a
/// file.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use scape_proto::netdoc::{BandwidthFile, BandwidthFileBuilder, BandwidthFileVersion};
/// use scape_proto::word::Fingerprint;
///
/// let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_523_911_758);
/// let id: Fingerprint = "68A483E05A2ABDCA6DA5A3EF8DB5177638A27F80".parse()?;
///
/// let mut file = BandwidthFileBuilder::new(BandwidthFileVersion::new(1, 4, 0), time);
/// file.header("software", "mine")?;
/// file.header("latest_bandwidth", time)?;
/// file.relay(&[("node_id", id.into()), ("bw", 760_u64.into()), ("vote", false.into())])?;
///
/// let text = file.to_string();
/// assert_eq!(text, "1523911758\nversion=1.4.0\nsoftware=mine\n\
///     latest_bandwidth=2018-04-16T20:49:18\n=====\n\
///     node_id=$68A483E05A2ABDCA6DA5A3EF8DB5177638A27F80 bw=760 vote=0\n");
/// assert!(BandwidthFile::parse_strict(text.as_bytes()).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct BandwidthFileBuilder {
    version: BandwidthFileVersion,
    timestamp: u64,
    header: Vec<(Box<str>, Box<str>)>,
    /// The keys in `header`, for finding repeated keys.
    header_keys: HashSet<Box<str>>,
    relays: Vec<Box<str>>,
    fingerprints: HashSet<Fingerprint>,
    ed25519_keys: HashSet<Box<str>>,
}

/// A value in a bandwidth file, made with `From`.
///
/// Times become `YYYY-MM-DDTHH:MM:SS`. Flags become `0` and `1`, or `False` and
/// `True` if the key demands these words. Fingerprints get a `$`, and keys of
/// 32 bytes become base64.
///
/// ```
/// use scape_proto::netdoc::BandwidthValue;
///
/// assert_eq!(BandwidthValue::from(true).to_string(), "1");
/// assert_eq!(BandwidthValue::from([0; 32]).to_string().len(), 43);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BandwidthValue(Value);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Flag(bool),
    Text(Box<str>),
}

impl BandwidthFileBuilder {
    /// Creates a file without relays. `timestamp` is the time of the last
    /// measurement. A time before 1970 becomes 1970.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use scape_proto::netdoc::{BandwidthFileBuilder, BandwidthFileVersion};
    ///
    /// let file = BandwidthFileBuilder::new(BandwidthFileVersion::FIRST, SystemTime::UNIX_EPOCH);
    /// assert_eq!(file.to_string(), "0\n");
    /// ```
    pub fn new(version: BandwidthFileVersion, timestamp: SystemTime) -> Self {
        let since: Duration = timestamp.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        BandwidthFileBuilder {
            version,
            timestamp: since.as_secs(),
            header: Vec::new(),
            header_keys: HashSet::new(),
            relays: Vec::new(),
            fingerprints: HashSet::new(),
            ed25519_keys: HashSet::new(),
        }
    }

    /// Adds a line to the header. The builder writes the line `version` itself.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use scape_proto::netdoc::{BandwidthFileBuilder, BandwidthFileVersion};
    ///
    /// let version = BandwidthFileVersion::new(1, 2, 0);
    /// let mut file = BandwidthFileBuilder::new(version, SystemTime::UNIX_EPOCH);
    /// file.header("number_eligible_relays", 6000_u64)?;
    /// assert!(file.header("recent_consensus_count", 34_u64).is_err()); // since 1.4.0
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the key or the value is malformed, if the header has
    /// the key already, if the key belongs to relays, or if the file's version
    /// doesn't have the key. Version 1.0.0 has no header.
    pub fn header(
        &mut self,
        key: &str,
        value: impl Into<BandwidthValue>,
    ) -> Result<(), DocumentError> {
        const NO_HEADER: &str = "version 1.0.0 of the format has no header";
        if !self.has_header() {
            return Err(error(key, LineProblem::Value(NO_HEADER)));
        }
        if key == "version" || self.header_keys.contains(key) {
            return Err(error(key, LineProblem::Repeated));
        }
        let value = self.check(key, value.into(), HEADER, RELAY)?;
        self.header_keys.insert(key.into());
        self.header.push((key.into(), value));
        Ok(())
    }

    /// Adds a line about a relay. The keys `node_id` and `bw` are required,
    /// because tor ignores lines without them.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use scape_proto::netdoc::{BandwidthFileBuilder, BandwidthFileVersion};
    ///
    /// let mut file =
    ///     BandwidthFileBuilder::new(BandwidthFileVersion::FIRST, SystemTime::UNIX_EPOCH);
    /// let id = "$68A483E05A2ABDCA6DA5A3EF8DB5177638A27F80";
    /// file.relay(&[("node_id", id.into()), ("bw", 760_u64.into())])?;
    /// assert_eq!(file.to_string(), format!("0\nnode_id={id} bw=760\n"));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if a key or a value is malformed, if a key is repeated
    /// or missing, if a key belongs to the header, if the file's version
    /// doesn't have a key, or if the file has the relay already. The file isn't
    /// changed in these cases.
    pub fn relay(&mut self, pairs: &[(&str, BandwidthValue)]) -> Result<(), DocumentError> {
        const MISSING: &str = "a line about a relay must have this key";
        let mut line = String::new();
        let mut seen = HashSet::new();
        let (mut fingerprint, mut ed25519, mut has_bandwidth) = (None, None, false);
        for (key, value) in pairs {
            let value = self.check(key, value.clone(), RELAY, HEADER)?;
            if !seen.insert(*key) {
                return Err(error(key, LineProblem::Repeated));
            }
            let space = if line.is_empty() { "" } else { " " };
            line.extend([space, key, "=", &value]);
            match *key {
                "node_id" => fingerprint = keys::fingerprint(value.as_bytes()),
                "master_key_ed25519" => ed25519 = Some(value),
                "bw" => has_bandwidth = true,
                _ => {}
            }
        }
        let fingerprint =
            fingerprint.ok_or_else(|| error("node_id", LineProblem::Value(MISSING)))?;
        if !has_bandwidth {
            return Err(error("bw", LineProblem::Value(MISSING)));
        }
        if self.fingerprints.contains(&fingerprint) {
            return Err(error("node_id", LineProblem::Repeated));
        }
        if let Some(key) = ed25519
            && !self.ed25519_keys.insert(key)
        {
            return Err(error("master_key_ed25519", LineProblem::Repeated));
        }
        self.fingerprints.insert(fingerprint);
        self.relays.push(line.into());
        Ok(())
    }

    fn has_header(&self) -> bool {
        self.version >= BandwidthFileVersion::new(1, 1, 0)
    }

    /// Checks a key and its value, and returns the value as text.
    ///
    /// `keys` are the known keys of the part to which the key is added (the
    /// header or the relay lines). `other_keys` are the known keys of the other
    /// part.
    fn check(
        &self,
        key: &str,
        value: BandwidthValue,
        keys: &'static [Key],
        other_keys: &'static [Key],
    ) -> Result<Box<str>, DocumentError> {
        const KEY: &str = "the key must be letters, digits, hyphens and underscores";
        const VERSION: &str = "the file's version of the format doesn't have this key";
        const DOLLAR: &str = "before version 1.9.0 of the format, $ must precede the fingerprint";
        if !keys::is_key(key) {
            return Err(error(key, LineProblem::Value(KEY)));
        }
        if keys::find(other_keys, key).is_some() {
            return Err(error(key, LineProblem::Order));
        }
        let known = keys::find(keys, key);
        if known.is_some_and(|known| !known.is_in(self.version)) {
            return Err(error(key, LineProblem::Value(VERSION)));
        }
        let form = known.map_or(Form::Text, |known| known.form);
        let value: Box<str> = match value.0 {
            Value::Flag(flag) if form == Form::Word => {
                if flag {
                    "True".into()
                } else {
                    "False".into()
                }
            }
            value => BandwidthValue(value).to_string().into(),
        };
        if !keys::is_value(&value) {
            return Err(error(key, LineProblem::Value(Form::Text.description())));
        }
        if !form.allows(&value) {
            return Err(error(key, LineProblem::Value(form.description())));
        }
        let needs_dollar = self.version < BandwidthFileVersion::new(1, 9, 0);
        if form == Form::Fingerprint && needs_dollar && !value.starts_with('$') {
            return Err(error(key, LineProblem::Value(DOLLAR)));
        }
        Ok(value)
    }
}

fn error(key: &str, problem: LineProblem) -> DocumentError {
    DocumentError::new(DocumentKind::BandwidthFile, None, key.as_bytes(), problem)
}

impl fmt::Display for BandwidthFileBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.timestamp)?;
        if self.has_header() {
            writeln!(f, "version={}", self.version)?;
            for (key, value) in &self.header {
                writeln!(f, "{key}={value}")?;
            }
            f.write_str("=====\n")?;
        }
        self.relays.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl fmt::Display for BandwidthValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Value::Flag(flag) => f.write_str(if *flag { "1" } else { "0" }),
            Value::Text(text) => f.write_str(text),
        }
    }
}

impl BandwidthValue {
    fn text(text: impl fmt::Display) -> Self {
        BandwidthValue(Value::Text(text.to_string().into()))
    }
}

impl From<bool> for BandwidthValue {
    fn from(flag: bool) -> Self {
        BandwidthValue(Value::Flag(flag))
    }
}

impl From<&str> for BandwidthValue {
    fn from(text: &str) -> Self {
        BandwidthValue::text(text)
    }
}

impl From<u64> for BandwidthValue {
    fn from(number: u64) -> Self {
        BandwidthValue::text(number)
    }
}

impl From<f64> for BandwidthValue {
    fn from(number: f64) -> Self {
        BandwidthValue::text(number)
    }
}

impl From<SystemTime> for BandwidthValue {
    fn from(time: SystemTime) -> Self {
        BandwidthValue::text(Utc(time).to_string().replace(' ', "T"))
    }
}

struct Utc(SystemTime);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_utc(f, self.0)
    }
}

impl From<Fingerprint> for BandwidthValue {
    fn from(fingerprint: Fingerprint) -> Self {
        BandwidthValue::text(format_args!("${fingerprint}"))
    }
}

impl From<[u8; 32]> for BandwidthValue {
    fn from(key: [u8; 32]) -> Self {
        BandwidthValue::text(BASE64_NOPAD.encode(&key))
    }
}

impl From<CountryCode> for BandwidthValue {
    fn from(country: CountryCode) -> Self {
        BandwidthValue::text(country.as_str().to_ascii_uppercase())
    }
}

impl From<&Version> for BandwidthValue {
    fn from(version: &Version) -> Self {
        BandwidthValue::text(version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netdoc::BandwidthFile;
    use proptest::prelude::*;

    const ID: &str = "$68A483E05A2ABDCA6DA5A3EF8DB5177638A27F80";
    const BARE_ID: &str = "68A483E05A2ABDCA6DA5A3EF8DB5177638A27F80";

    fn builder(minor: u32) -> BandwidthFileBuilder {
        BandwidthFileBuilder::new(BandwidthFileVersion::new(1, minor, 0), SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn keys_that_the_version_does_not_have_are_refused() {
        assert!(builder(0).header("software", "mine").is_err());
        assert!(builder(4).header("recent_measurement_attempt_count", 1_u64).is_ok());
        assert!(builder(5).header("recent_measurement_attempt_count", 1_u64).is_err());
        assert!(builder(6).header("mu", 1.5).is_err());
        assert!(builder(7).header("mu", 1.5).is_ok());
        let relay = |minor, key, value: BandwidthValue| {
            builder(minor).relay(&[("bw", 1_u64.into()), ("node_id", ID.into()), (key, value)])
        };
        assert!(relay(5, "xoff_recv", 1_u64.into()).is_err());
        assert!(relay(6, "xoff_recv", 1_u64.into()).is_ok());
        let bare =
            |minor| builder(minor).relay(&[("bw", 1_u64.into()), ("node_id", BARE_ID.into())]);
        assert!(bare(8).is_err());
        assert!(bare(9).is_ok());
    }

    #[test]
    fn malformed_pairs_are_refused() {
        let mut file = builder(9);
        for (key, value) in [
            ("a b", "1"),
            ("", "1"),
            ("new", ""),
            ("new", "neat stuff"),
            ("new", "1\nbw=1"),
            ("new", "caf\u{e9}"),
            ("version", "1.9.0"),
            ("bw", "1"),
            ("file_created", "today"),
            ("scanner_country", "us"),
        ] {
            assert!(file.header(key, value).is_err(), "{key}={value}");
        }
        file.header("new", "1").unwrap();
        assert_eq!(file.header("new", "1").unwrap_err().problem(), LineProblem::Repeated);
        let far = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 40);
        assert!(file.header("file_created", far).is_err());
        for pairs in [
            vec![("node_id", ID)],
            vec![("bw", "1")],
            vec![("bw", "1"), ("bw", "1"), ("node_id", ID)],
            vec![("bw", "x"), ("node_id", ID)],
            vec![("bw", "1"), ("node_id", ID), ("software", "x")],
            vec![("bw", "1"), ("node_id", ID), ("vote", "yes")],
        ] {
            let values: Vec<(&str, BandwidthValue)> =
                pairs.iter().map(|(key, value)| (*key, BandwidthValue::from(*value))).collect();
            assert!(file.relay(&values).is_err(), "{pairs:?}");
        }
        let key = ("master_key_ed25519", BandwidthValue::from([7; 32]));
        file.relay(&[("bw", 1_u64.into()), ("node_id", ID.into()), key.clone()]).unwrap();
        let again = file.relay(&[("bw", 1_u64.into()), ("node_id", BARE_ID.into())]).unwrap_err();
        assert_eq!((again.keyword(), again.problem()), ("node_id", LineProblem::Repeated));
        let other = Fingerprint::from_bytes([7; 20]);
        let again =
            file.relay(&[("bw", 1_u64.into()), ("node_id", other.into()), key]).unwrap_err();
        assert_eq!(again.keyword(), "master_key_ed25519");
        assert_eq!(file.to_string().lines().count(), 5);
    }

    #[test]
    fn values_have_the_form_of_their_key() {
        let mut file = builder(9);
        file.header("scanner_country", "US".parse::<CountryCode>().unwrap()).unwrap();
        file.header("tor_version", &"0.4.9.11".parse::<Version>().unwrap()).unwrap();
        file.header("muf", 0.25).unwrap();
        file.relay(&[
            ("bw", 1_u64.into()),
            ("node_id", Fingerprint::from_bytes([0x68; 20]).into()),
            ("consensus_bandwidth_is_unmeasured", true.into()),
            ("vote", true.into()),
        ])
        .unwrap();
        let text = file.to_string();
        assert!(text.contains("scanner_country=US\ntor_version=0.4.9.11\nmuf=0.25\n"), "{text}");
        assert!(text.ends_with("consensus_bandwidth_is_unmeasured=True vote=1\n"), "{text}");
    }

    /// Returns a strategy that generates values of this form.
    fn values(form: Form) -> BoxedStrategy<BandwidthValue> {
        let time = (0..253_402_300_800_u64)
            .prop_map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        match form {
            Form::Text => "[!-~]{1,9}".prop_map(|text| (&*text).into()).boxed(),
            Form::Number => any::<u64>().prop_map(BandwidthValue::from).boxed(),
            Form::Decimal => (-1e9..1e9).prop_map(BandwidthValue::from).boxed(),
            Form::Flag | Form::Word => any::<bool>().prop_map(BandwidthValue::from).boxed(),
            Form::Time => time.prop_map(BandwidthValue::from).boxed(),
            Form::Country => "[A-Z]{2}".prop_map(|text| (&*text).into()).boxed(),
            Form::Countries => "[A-Z]{2}(,[A-Z]{2}){0,3}".prop_map(|text| (&*text).into()).boxed(),
            Form::TorVersion | Form::FormatVersion => Just("0.4.9.11".into()).boxed(),
            Form::Fingerprint => {
                any::<[u8; 20]>().prop_map(|id| Fingerprint::from_bytes(id).into()).boxed()
            }
            Form::Ed25519 => any::<[u8; 32]>().prop_map(BandwidthValue::from).boxed(),
        }
    }

    /// Returns a strategy that generates pairs of keys and values, with some of
    /// `keys` and one unknown key.
    fn pairs(keys: &'static [Key]) -> impl Strategy<Value = Vec<(String, BandwidthValue)>> {
        let known = prop::sample::subsequence(keys.iter().collect::<Vec<_>>(), 0..keys.len());
        let known = known.prop_flat_map(|keys| {
            let pair = |key: &&'static Key| (Just(key.name.to_owned()), values(key.form));
            keys.iter().map(pair).collect::<Vec<_>>()
        });
        let unknown = ("x_[a-z_-]{1,9}", values(Form::Text));
        (known, unknown).prop_map(|(mut pairs, unknown)| {
            pairs.push(unknown);
            pairs
        })
    }

    proptest! {
        #[test]
        fn bandwidth_files_of_every_version_round_trip(
            minor in 0..10_u32,
            timestamp in 0..1_u64 << 40,
            header in pairs(HEADER),
            relays in prop::collection::vec((any::<[u8; 20]>(), any::<u64>(), pairs(RELAY)), 0..4),
        ) {
            let version = BandwidthFileVersion::new(1, minor, 0);
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(timestamp);
            let mut file = BandwidthFileBuilder::new(version, time);
            let mut expected_header = Vec::new();
            for (key, value) in header {
                // Keys of other versions are refused.
                if file.header(&key, value).is_ok() {
                    expected_header.push(key);
                }
            }
            let mut expected_relays = Vec::new();
            for (id, bandwidth, others) in &relays {
                let id = Fingerprint::from_bytes(*id);
                let mut pairs = vec![("node_id", id.into()), ("bw", (*bandwidth).into())];
                let others = others.iter().filter(|(key, _)| key != "node_id" && key != "bw");
                let is_in = |key: &str| keys::find(RELAY, key).is_none_or(|key| key.is_in(version));
                let others = others.filter(|(key, _)| is_in(key));
                pairs.extend(others.map(|(key, value)| (&**key, value.clone())));
                let count = pairs.len();
                if file.relay(&pairs).is_ok() {
                    expected_relays.push((Some(id), *bandwidth, count));
                }
            }
            prop_assert!(relays.is_empty() || !expected_relays.is_empty());
            let text = file.to_string();
            let parsed = BandwidthFile::parse_strict(text.as_bytes());
            prop_assert!(parsed.is_ok(), "{text}\n{parsed:?}");
            let parsed = parsed.unwrap();
            prop_assert_eq!((parsed.version, parsed.timestamp), (version, time));
            let found: Vec<&str> = parsed.header().map(|(key, _)| key).collect();
            let skip = usize::from(minor > 0);
            prop_assert_eq!(&found[skip..], &expected_header[..]);
            let found: Vec<_> = parsed
                .relays()
                .map(|relay| (relay.fingerprint, relay.bandwidth, relay.pairs().count()))
                .collect();
            prop_assert_eq!(found, expected_relays);
        }
    }
}
