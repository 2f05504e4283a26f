//! The usual options of a service, as values.

use std::str::FromStr;

use super::value::DiskOnion;

/// The usual options of a [`DiskOnion`], as values: `None` where it does not
/// say, so that tor's default holds, or where what it says is not understood.
/// (The text is to be had with [`DiskOnion::get`].) tor's manual, "HIDDEN
/// SERVICE OPTIONS".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DiskOnionSettings {
    /// `HiddenServiceVersion`. tor 0.4.9 knows 3 only.
    pub version: Option<u8>,
    /// `HiddenServiceMaxStreams`: how many streams at once a circuit may have;
    /// 0 is no limit.
    pub max_streams: Option<u16>,
    /// `HiddenServiceMaxStreamsCloseCircuit`: more of them close the circuit.
    pub max_streams_close_circuit: Option<bool>,
    /// `HiddenServiceAllowUnknownPorts`: a connection to a port that is not
    /// there does not close the circuit.
    pub allow_unknown_ports: Option<bool>,
    /// `HiddenServiceExportCircuitID haproxy`: targets are told the circuit's
    /// number by the HAProxy protocol.
    pub export_circuit_id: Option<bool>,
    /// `HiddenServiceDirGroupReadable`: the group may read the directory and
    /// `hostname`.
    pub dir_group_readable: Option<bool>,
    /// `HiddenServiceNumIntroductionPoints`: 3 to 20.
    pub introduction_points: Option<u8>,
    /// `HiddenServiceEnableIntroDoSDefense`: introduction points limit the rate
    /// of introductions.
    pub intro_dos_defense: Option<bool>,
    /// `HiddenServiceEnableIntroDoSRatePerSec`: how many introductions a
    /// second.
    pub intro_dos_rate: Option<u32>,
    /// `HiddenServiceEnableIntroDoSBurstPerSec`: how many in a burst.
    pub intro_dos_burst: Option<u32>,
    /// `HiddenServicePoWDefensesEnabled`: proof of work is demanded under load.
    pub proof_of_work: Option<bool>,
    /// `HiddenServicePoWQueueRate`: how many introductions a second are served
    /// before that.
    pub proof_of_work_rate: Option<u32>,
    /// `HiddenServicePoWQueueBurst`: how many in a burst.
    pub proof_of_work_burst: Option<u32>,
    /// `HiddenServiceOnionBalanceInstance`: it is behind an OnionBalance.
    pub onion_balance_instance: Option<bool>,
}

impl DiskOnionSettings {
    pub(super) fn of(service: &DiskOnion) -> Self {
        DiskOnionSettings {
            version: number(service, "HiddenServiceVersion"),
            max_streams: number(service, "HiddenServiceMaxStreams"),
            max_streams_close_circuit: flag(service, "HiddenServiceMaxStreamsCloseCircuit"),
            allow_unknown_ports: flag(service, "HiddenServiceAllowUnknownPorts"),
            export_circuit_id: match service.get("HiddenServiceExportCircuitID") {
                Some(value) if value.eq_ignore_ascii_case("haproxy") => Some(true),
                Some(value) if value.eq_ignore_ascii_case("none") => Some(false),
                _ => None,
            },
            dir_group_readable: flag(service, "HiddenServiceDirGroupReadable"),
            introduction_points: number(service, "HiddenServiceNumIntroductionPoints"),
            intro_dos_defense: flag(service, "HiddenServiceEnableIntroDoSDefense"),
            intro_dos_rate: number(service, "HiddenServiceEnableIntroDoSRatePerSec"),
            intro_dos_burst: number(service, "HiddenServiceEnableIntroDoSBurstPerSec"),
            proof_of_work: flag(service, "HiddenServicePoWDefensesEnabled"),
            proof_of_work_rate: number(service, "HiddenServicePoWQueueRate"),
            proof_of_work_burst: number(service, "HiddenServicePoWQueueBurst"),
            onion_balance_instance: flag(service, "HiddenServiceOnionBalanceInstance"),
        }
    }

    /// What tor would not take: the option, and why.
    pub(super) fn problem(&self) -> Option<(&'static str, &'static str)> {
        // tor's defaults: 25 and 200 introductions, 250 and 2500.
        let dos = (self.intro_dos_rate.unwrap_or(25), self.intro_dos_burst.unwrap_or(200));
        let work =
            (self.proof_of_work_rate.unwrap_or(250), self.proof_of_work_burst.unwrap_or(2500));
        if self.version == Some(2) {
            Some((
                "HiddenServiceVersion",
                "is 2, which no tor supports any more; 3 is what there is",
            ))
        } else if self.introduction_points.is_some_and(|count| !(3..=20).contains(&count)) {
            Some(("HiddenServiceNumIntroductionPoints", "is 3 to 20"))
        } else if self.intro_dos_defense == Some(true) && dos.1 < dos.0 {
            Some(("HiddenServiceEnableIntroDoSBurstPerSec", "is less than the rate"))
        } else if self.proof_of_work == Some(true) && work.1 < work.0 {
            Some(("HiddenServicePoWQueueBurst", "is less than the rate"))
        } else {
            None
        }
    }
}

fn number<T: FromStr>(service: &DiskOnion, name: &str) -> Option<T> {
    service.get(name)?.parse().ok()
}

fn flag(service: &DiskOnion, name: &str) -> Option<bool> {
    match service.get(name)? {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}
