//! The keys of bandwidth files, with the form of their values and the versions
//! that have them.

use std::time::SystemTime;

use super::BandwidthFileVersion;
use crate::netdoc::base64;
use crate::netdoc::line::number_u64;
use crate::netdoc::value::{decode_hex, scientific};
use crate::word::{CountryCode, Fingerprint, Version, parse_date_time};

/// A key that bandwidth-file-spec describes.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) form: Form,
    /// The minor number of the version that added the key.
    since: u32,
    /// The minor number of the version that removed the key. `None` if the
    /// newest version still has the key.
    until: Option<u32>,
}

/// The form that the value of a key must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Any text without spaces.
    Text,
    Number,
    Decimal,
    /// `0` or `1`.
    Flag,
    /// `True` or `False`.
    Word,
    /// A time such as `2018-04-16T20:49:18`.
    Time,
    Country,
    Countries,
    FormatVersion,
    TorVersion,
    Fingerprint,
    Ed25519,
}

const fn key(name: &'static str, form: Form, since: u32) -> Key {
    Key { name, form, since, until: None }
}

/// The keys of the header, in the order of bandwidth-file-spec.
pub(super) static HEADER: &[Key] = &[
    key("version", Form::FormatVersion, 1),
    key("software", Form::Text, 1),
    key("software_version", Form::Text, 1),
    key("file_created", Form::Time, 1),
    key("generator_started", Form::Time, 1),
    key("earliest_bandwidth", Form::Time, 1),
    key("latest_bandwidth", Form::Time, 1),
    key("number_eligible_relays", Form::Number, 2),
    key("minimum_percent_eligible_relays", Form::Number, 2),
    key("number_consensus_relays", Form::Number, 2),
    key("percent_eligible_relays", Form::Number, 2),
    key("minimum_number_eligible_relays", Form::Number, 2),
    key("scanner_country", Form::Country, 2),
    key("destinations_countries", Form::Countries, 2),
    key("recent_consensus_count", Form::Number, 4),
    key("recent_priority_list_count", Form::Number, 4),
    key("recent_priority_relay_count", Form::Number, 4),
    Key { name: "recent_measurement_attempt_count", form: Form::Number, since: 4, until: Some(5) },
    key("recent_measurement_failure_count", Form::Number, 4),
    key("recent_measurements_excluded_error_count", Form::Number, 4),
    key("recent_measurements_excluded_near_count", Form::Number, 4),
    key("recent_measurements_excluded_old_count", Form::Number, 4),
    key("recent_measurements_excluded_few_count", Form::Number, 4),
    key("time_to_report_half_network", Form::Number, 4),
    key("tor_version", Form::TorVersion, 4),
    key("mu", Form::Decimal, 7),
    key("muf", Form::Decimal, 7),
    key("dirauth_nickname", Form::Text, 8),
];

/// The keys of relay lines. The last keys in this list are those of Torflow,
/// which bandwidth-file-spec shows in an example only.
pub(super) static RELAY: &[Key] = &[
    key("node_id", Form::Fingerprint, 0),
    key("bw", Form::Number, 0),
    key("nick", Form::Text, 0),
    key("master_key_ed25519", Form::Ed25519, 1),
    key("rtt", Form::Number, 1),
    key("time", Form::Time, 1),
    key("success", Form::Number, 1),
    key("error_circ", Form::Number, 1),
    key("error_stream", Form::Number, 1),
    key("error_destination", Form::Number, 4),
    key("error_second_relay", Form::Number, 4),
    key("error_misc", Form::Number, 1),
    key("bw_mean", Form::Number, 2),
    key("bw_median", Form::Number, 2),
    key("desc_bw_avg", Form::Number, 2),
    key("desc_bw_obs_last", Form::Number, 2),
    key("desc_bw_obs_mean", Form::Number, 2),
    key("desc_bw_bur", Form::Number, 2),
    key("consensus_bandwidth", Form::Number, 2),
    key("consensus_bandwidth_is_unmeasured", Form::Word, 2),
    key("relay_in_recent_consensus_count", Form::Number, 4),
    key("relay_recent_priority_list_count", Form::Number, 4),
    key("relay_recent_measurement_attempt_count", Form::Number, 4),
    key("relay_recent_measurement_failure_count", Form::Number, 4),
    key("relay_recent_measurements_excluded_error_count", Form::Number, 4),
    key("relay_recent_measurements_excluded_near_count", Form::Number, 4),
    key("relay_recent_measurements_excluded_old_count", Form::Number, 4),
    key("relay_recent_measurements_excluded_few_count", Form::Number, 4),
    key("under_min_report", Form::Flag, 4),
    key("unmeasured", Form::Flag, 4),
    key("vote", Form::Flag, 4),
    key("xoff_recv", Form::Number, 6),
    key("xoff_sent", Form::Number, 6),
    key("r_strm", Form::Decimal, 7),
    key("r_strm_filt", Form::Decimal, 7),
    key("measured_at", Form::Number, 0),
    key("updated_at", Form::Number, 0),
    key("pid_error", Form::Decimal, 0),
    key("pid_error_sum", Form::Decimal, 0),
    key("pid_bw", Form::Number, 0),
    key("pid_delta", Form::Decimal, 0),
    key("circ_fail", Form::Decimal, 0),
    key("scanner", Form::Text, 0),
];

/// Returns the key with this name. Returns `None` if `keys` doesn't contain the
/// name.
pub(super) fn find(keys: &'static [Key], name: &str) -> Option<&'static Key> {
    keys.iter().find(|key| key.name == name)
}

impl Key {
    /// Returns true if files of this version have the key.
    pub(super) fn is_in(&self, version: BandwidthFileVersion) -> bool {
        let is_in = |minor| version >= BandwidthFileVersion::new(1, minor, 0);
        is_in(self.since) && !self.until.is_some_and(is_in)
    }
}

impl Form {
    /// Returns true if a value has this form.
    pub(super) fn allows(self, value: &str) -> bool {
        match self {
            Form::Text => true,
            Form::Number => number_u64(value.as_bytes()).is_some(),
            Form::Decimal => scientific(value).is_some(),
            Form::Flag => flag(value).is_some(),
            Form::Word => word(value).is_some(),
            Form::Time => time(value).is_some(),
            Form::Country => country(value).is_some(),
            Form::Countries => value.split(',').all(|value| country(value).is_some()),
            Form::FormatVersion => value.parse::<BandwidthFileVersion>().is_ok(),
            Form::TorVersion => value.parse::<Version>().is_ok(),
            Form::Fingerprint => fingerprint(value.as_bytes()).is_some(),
            Form::Ed25519 => base64::decode::<32>(value.as_bytes()).is_some(),
        }
    }

    /// Returns a description of the form for error messages.
    pub(super) fn description(self) -> &'static str {
        match self {
            Form::Text => "the value must be printing ASCII characters without spaces",
            Form::Number => "the value must be a number",
            Form::Decimal => "the value must be a decimal number",
            Form::Flag => "the value must be 0 or 1",
            Form::Word => "the value must be True or False",
            Form::Time => "the time must be YYYY-MM-DDTHH:MM:SS in UTC",
            Form::Country => "the country must be two letters",
            Form::Countries => "the countries must be two letters each, separated by commas",
            Form::FormatVersion => "the version must be three numbers, such as 1.4.0",
            Form::TorVersion => "the version must be a version of tor",
            Form::Fingerprint => "the fingerprint must be 40 hexadecimal digits",
            Form::Ed25519 => "the key must be 32 bytes in base64",
        }
    }
}

/// Parses a time such as `2018-04-16T20:49:18`. Returns `None` for any other
/// text.
pub(super) fn time(value: &str) -> Option<SystemTime> {
    let (date, time) = value.split_once('T')?;
    parse_date_time(date.as_bytes(), time.as_bytes())
}

/// Parses a country code of two letters in upper case. Returns `None` for any
/// other text.
pub(super) fn country(value: &str) -> Option<CountryCode> {
    let is_upper = value.bytes().all(|b| b.is_ascii_uppercase());
    value.parse().ok().filter(|_| is_upper)
}

/// Parses a fingerprint, with or without a leading `$`. Returns `None` for any
/// other text.
pub(super) fn fingerprint(value: &[u8]) -> Option<Fingerprint> {
    let digits = value.strip_prefix(b"$").unwrap_or(value);
    decode_hex(digits).map(Fingerprint::from_bytes)
}

/// Parses `0` or `1`. Returns `None` for any other text.
pub(super) fn flag(value: &str) -> Option<bool> {
    match value {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

/// Parses `True` or `False`. Returns `None` for any other text.
pub(super) fn word(value: &str) -> Option<bool> {
    match value {
        "False" => Some(false),
        "True" => Some(true),
        _ => None,
    }
}

/// Returns true if a word is a valid key: letters, digits, `_` and `-`.
pub(super) fn is_key(word: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    !word.is_empty() && word.bytes().all(is_allowed)
}

/// Returns true if a text is a valid value: printing ASCII characters without
/// spaces.
pub(super) fn is_value(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_and_belong_to_one_section() {
        let mut names: Vec<&str> = HEADER.iter().chain(RELAY).map(|key| key.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn keys_are_in_the_versions_between_their_first_and_last() {
        let key = find(HEADER, "recent_measurement_attempt_count").unwrap();
        let is_in = |minor, patch| key.is_in(BandwidthFileVersion::new(1, minor, patch));
        assert!(!is_in(3, 0) && is_in(4, 0) && is_in(4, 1) && !is_in(5, 0) && !is_in(9, 0));
        assert!(
            find(HEADER, "bw").is_none()
                && find(RELAY, "bw").unwrap().is_in(BandwidthFileVersion::FIRST)
        );
    }

    #[test]
    fn values_have_the_form_of_their_key() {
        for (form, good, bad) in [
            (Form::Number, "7", "7.0"),
            (Form::Decimal, "7.5", "7,5"),
            (Form::Decimal, "-7.5e-05", "nan"),
            (Form::Decimal, "0", "1e999"),
            (Form::Flag, "1", "True"),
            (Form::Word, "True", "1"),
            (Form::Time, "2018-04-16T20:49:18", "2018-04-16 20:49:18"),
            (Form::Country, "ZZ", "zz"),
            (Form::Countries, "TH,ZZ", "TH,"),
            (Form::FormatVersion, "1.4.0", "1.4"),
            (Form::TorVersion, "0.3.5.10", "new"),
            (Form::Fingerprint, "$68A483E05A2ABDCA6DA5A3EF8DB5177638A27F80", "$68A4"),
            (Form::Fingerprint, "68A483E05A2ABDCA6DA5A3EF8DB5177638A27F80", "$$"),
            (Form::Ed25519, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AAAA"),
        ] {
            assert!(form.allows(good) && !form.allows(bad), "{form:?}");
        }
    }
}
