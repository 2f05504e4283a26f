//! The options of a service that this library knows, as typed values.

use std::str::FromStr;

/// The options of a [`DiskOnion`](super::DiskOnion) that this library knows, as
/// typed values. [`DiskOnion::settings`](super::DiskOnion::settings) returns
/// them. See tor's manual, "HIDDEN SERVICE OPTIONS".
///
/// A field is `None` if the service doesn't set the option, so that tor's
/// default applies. It is also `None` if the value can't be parsed. In that
/// case [`DiskOnion::get`](super::DiskOnion::get) returns the text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DiskOnionSettings {
    /// `HiddenServiceVersion`. tor 0.4.9 supports only 3. `None` if unset or
    /// malformed.
    pub version: Option<u8>,
    /// `HiddenServiceMaxStreams`: the limit of simultaneous streams on one
    /// circuit. 0 means no limit. `None` if unset or malformed.
    pub max_streams: Option<u16>,
    /// `HiddenServiceMaxStreamsCloseCircuit`: true if tor closes a circuit that
    /// exceeds the limit [`max_streams`](Self::max_streams). `None` if unset or
    /// malformed.
    pub max_streams_close_circuit: Option<bool>,
    /// `HiddenServiceAllowUnknownPorts`: true if the circuit stays open when a
    /// client connects to a port that the service doesn't have. `None` if unset
    /// or malformed.
    pub allow_unknown_ports: Option<bool>,
    /// `HiddenServiceExportCircuitID`: true for `haproxy`. Then tor begins each
    /// connection to a target with a HAProxy header that contains the circuit's
    /// number. `None` if unset or malformed.
    pub export_circuit_id: Option<bool>,
    /// `HiddenServiceDirGroupReadable`: true if the group of tor's user may
    /// read the directory and the file `hostname`. `None` if unset or
    /// malformed.
    pub dir_group_readable: Option<bool>,
    /// `HiddenServiceNumIntroductionPoints`: the number of introduction points,
    /// 3 to 20. `None` if unset or malformed.
    pub introduction_points: Option<u8>,
    /// `HiddenServiceEnableIntroDoSDefense`: true if introduction points limit
    /// the rate of introductions. `None` if unset or malformed.
    pub intro_dos_defense: Option<bool>,
    /// `HiddenServiceEnableIntroDoSRatePerSec`: the number of introductions per
    /// second that an introduction point passes on. `None` if unset or
    /// malformed.
    pub intro_dos_rate: Option<u32>,
    /// `HiddenServiceEnableIntroDoSBurstPerSec`: the number of introductions at
    /// once that an introduction point passes on. `None` if unset or malformed.
    pub intro_dos_burst: Option<u32>,
    /// `HiddenServicePoWDefensesEnabled`: true if clients must solve a
    /// proof-of-work puzzle when the service is under load. `None` if unset or
    /// malformed.
    pub proof_of_work: Option<bool>,
    /// `HiddenServicePoWQueueRate`: the number of introductions per second that
    /// the service handles before it demands a proof-of-work puzzle. `None` if
    /// unset or malformed.
    pub proof_of_work_rate: Option<u32>,
    /// `HiddenServicePoWQueueBurst`: the number of introductions at once that
    /// the service handles before it demands a proof-of-work puzzle. `None` if
    /// unset or malformed.
    pub proof_of_work_burst: Option<u32>,
    /// `HiddenServiceOnionBalanceInstance`: true if the service is a backend of
    /// OnionBalance. `None` if unset or malformed.
    pub onion_balance_instance: Option<bool>,
}

impl DiskOnionSettings {
    /// Parses the options of a service. `get` returns the text of an option.
    pub(super) fn of<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Self {
        let flag = |name| flag(get(name));
        DiskOnionSettings {
            version: number(get("HiddenServiceVersion")),
            max_streams: number(get("HiddenServiceMaxStreams")),
            max_streams_close_circuit: flag("HiddenServiceMaxStreamsCloseCircuit"),
            allow_unknown_ports: flag("HiddenServiceAllowUnknownPorts"),
            export_circuit_id: match get("HiddenServiceExportCircuitID") {
                Some(value) if value.eq_ignore_ascii_case("haproxy") => Some(true),
                Some(value) if value.eq_ignore_ascii_case("none") => Some(false),
                _ => None,
            },
            dir_group_readable: flag("HiddenServiceDirGroupReadable"),
            introduction_points: number(get("HiddenServiceNumIntroductionPoints")),
            intro_dos_defense: flag("HiddenServiceEnableIntroDoSDefense"),
            intro_dos_rate: number(get("HiddenServiceEnableIntroDoSRatePerSec")),
            intro_dos_burst: number(get("HiddenServiceEnableIntroDoSBurstPerSec")),
            proof_of_work: flag("HiddenServicePoWDefensesEnabled"),
            proof_of_work_rate: number(get("HiddenServicePoWQueueRate")),
            proof_of_work_burst: number(get("HiddenServicePoWQueueBurst")),
            onion_balance_instance: flag("HiddenServiceOnionBalanceInstance"),
        }
    }

    /// Returns the first option that tor wouldn't accept, with the reason.
    /// Returns `None` if tor would accept all options.
    pub(super) fn problem(&self) -> Option<(&'static str, &'static str)> {
        // tor's defaults are 25 and 200 for introductions, and 250 and 2500 for
        // proof of work.
        let dos = (self.intro_dos_rate.unwrap_or(25), self.intro_dos_burst.unwrap_or(200));
        let work =
            (self.proof_of_work_rate.unwrap_or(250), self.proof_of_work_burst.unwrap_or(2500));
        if self.version == Some(2) {
            Some(("HiddenServiceVersion", "is 2, which no tor supports any more; use 3"))
        } else if self.introduction_points.is_some_and(|count| !(3..=20).contains(&count)) {
            Some(("HiddenServiceNumIntroductionPoints", "must be 3 to 20"))
        } else if self.intro_dos_defense == Some(true) && dos.1 < dos.0 {
            Some(("HiddenServiceEnableIntroDoSBurstPerSec", "is less than the rate"))
        } else if self.proof_of_work == Some(true) && work.1 < work.0 {
            Some(("HiddenServicePoWQueueBurst", "is less than the rate"))
        } else {
            None
        }
    }
}

fn number<T: FromStr>(text: Option<&str>) -> Option<T> {
    text?.parse().ok()
}

fn flag(text: Option<&str>) -> Option<bool> {
    match text? {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}
