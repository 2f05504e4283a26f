//! Commands that must not be sent, for one of two reasons. Either tor 0.4.9
//! would answer them twice or not at all, or would crash. Or tor would look up
//! an onion address at an exit, which RFC 7686 forbids.

use zeroize::Zeroizing;

use super::keyword::{Word, Words};
use super::loadconf;
use crate::control::{
    ArgumentError, ArgumentProblem, MAPS_TO_DISGUISED_ONION, is_leaking_mapping, is_map_address,
    mapped_addresses,
};
use crate::netdoc::ExitPolicy;
use crate::word::is_disguised_onion;

/// The reason why a command must not be sent to tor.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hazard {
    /// The name of the dangerous or missing argument.
    argument: &'static str,
    problem: ArgumentProblem,
}

impl Hazard {
    /// Creates the hazard for a command that tor would answer twice or not at
    /// all, or that would crash tor. `why` describes what tor would do.
    fn new(argument: &'static str, why: &str) -> Hazard {
        Hazard { argument, problem: ArgumentProblem::Hazard(why.into()) }
    }

    /// Creates the hazard for a command that makes tor ask an exit for the
    /// onion address `address`. `why` completes the sentence "the address …".
    fn leak(argument: &'static str, address: &str, why: &str) -> Hazard {
        Hazard { argument, problem: ArgumentProblem::Invalid(format!("{address:?} {why}").into()) }
    }

    /// Returns the error that rejects `command`.
    pub(super) fn error(self, command: &str) -> ArgumentError {
        ArgumentError::new(command, self.argument, self.problem)
    }
}

/// The reason for rejecting an onion address with a trailing dot. It completes
/// the sentence "the address …".
const DISGUISED_ONION: &str =
    "has a trailing dot, so tor would ask an exit for it: write the onion address without the dot";

/// The maximum length of a ClientName in ONION_CLIENT_AUTH_ADD, in bytes. tor
/// answers twice to a longer one.
const CLIENT_NAME: usize = 16;

/// Returns the reason why a command line must not be sent to tor. Returns
/// `None` if the command is harmless.
pub(super) fn hazard(line: &str) -> Option<Hazard> {
    // tor splits arguments at spaces, and the keyword also at a tab.
    let mut words = line.split([' ', '\t']).filter(|w| !w.is_empty());
    let keyword = words.next().unwrap_or_default();
    let value = |word: &str, key: &str| {
        let (name, value) = word.split_once('=')?;
        name.eq_ignore_ascii_case(key).then(|| value.to_string())
    };
    match keyword.to_ascii_uppercase().as_str() {
        "ADD_ONION" if words.any(|w| value(w, "ClientAuth").is_some()) => Some(Hazard::new(
            "ClientAuth",
            "tor does not answer ADD_ONION with ClientAuth (of version 2) at all; use ClientAuthV3",
        )),
        "HSPOST" if !words.any(|w| value(w, "HSADDRESS").is_some()) => {
            Some(Hazard::new("HSADDRESS", "tor does not answer HSPOST without HSADDRESS at all"))
        }
        "ONION_CLIENT_AUTH_ADD"
            if words
                .any(|w| value(w, "ClientName").is_some_and(|name| name.len() > CLIENT_NAME)) =>
        {
            Some(Hazard::new(
                "ClientName",
                "tor answers twice to a ClientName of more than 16 characters",
            ))
        }
        // Keys of GETINFO are case-sensitive, so only this spelling is
        // dangerous.
        "GETINFO" if words.any(|key| key == "downloads/desc/descs") => Some(Hazard::new(
            "key",
            "tor crashes on downloads/desc/descs if it has a consensus of the flavor ns whose descriptors it has not \
             looked up yet, which happens on relays every hour; use consensus_document, which names the same descriptors",
        )),
        "SETCONF" | "RESETCONF" => Words::new(line.as_bytes()).find_map(|word| match word {
            Word::Pair(name, value) if may_be_dangerous(name) => {
                option_hazard(name, &Zeroizing::new(value.text().into_owned()))
            }
            _ => None,
        }),
        "SETCIRCUITPURPOSE" if words.next().is_none() => {
            Some(Hazard::new("circuit", "tor crashes on SETCIRCUITPURPOSE without a circuit"))
        }
        "MAPADDRESS" => words.find_map(|pair| {
            let (from, to) = pair.split_once('=')?;
            is_leaking_mapping(from, to)
                .then(|| Hazard::leak("address to map to", to, MAPS_TO_DISGUISED_ONION))
        }),
        "REDIRECTSTREAM" => {
            words.nth(1).filter(|address| is_disguised_onion(address)).map(disguised)
        }
        "RESOLVE" => words.find(|address| is_disguised_onion(address)).map(disguised),
        _ => None,
    }
}

/// Options of the type `DataSize` in tor 0.4.9. If one of them is set to `nan`,
/// tor exits.
const SIZES: [&str; 16] = [
    "AccountingMax",
    "AuthDirFastGuarantee",
    "AuthDirGuardBWGuarantee",
    "BandwidthBurst",
    "BandwidthRate",
    "ConstrainedSockSize",
    "MaxAdvertisedBandwidth",
    "MaxHSDirCacheBytes",
    "MaxMemInQueues",
    "MaxUnparseableDescSizeToLog",
    "PerConnBWBurst",
    "PerConnBWRate",
    "RelayBandwidthBurst",
    "RelayBandwidthRate",
    "TestingMinExitFlagThreshold",
    "TestingMinFastFlagThreshold",
];

/// Old names of options of the type `DataSize`, which tor still accepts.
const OTHER_NAMES: [&str; 3] = ["BandwidthBurstBytes", "BandwidthRateBytes", "MaxMemInCellQueues"];

/// Returns the reason why LOADCONF with this data (a torrc) must not be sent to
/// tor. Returns `None` if the data is harmless.
pub(super) fn torrc_hazard(text: &[u8]) -> Option<Hazard> {
    let lines = loadconf::entries(text);
    let mut lines = lines.iter().filter(|line| may_be_dangerous(&line.name));
    lines.find_map(|line| option_hazard(&line.name, &String::from_utf8_lossy(&line.value)))
}

/// Returns true if this option has values that must not reach tor. The caller
/// decodes only the values of such options, because the values of other options
/// can be secrets.
fn may_be_dangerous(name: &str) -> bool {
    is_size(name) || is_metrics_policy(name) || is_map_address(name)
}

/// Returns the reason why an option must not be set to a value. Returns `None`
/// if the value is harmless. All paths on which an option reaches tor use this
/// function: SETCONF, RESETCONF, LOADCONF, and the torrc of a launched tor.
pub(super) fn option_hazard(name: &str, value: &str) -> Option<Hazard> {
    if is_size(name) && is_no_number(value) {
        return Some(Hazard::new(
            "size",
            "tor accepts a size that is not a number (nan), but exits at the next command",
        ));
    }
    if is_map_address(name) {
        let (_, to) = mapped_addresses(value).filter(|(from, to)| is_leaking_mapping(from, to))?;
        return Some(Hazard::leak("new address of MapAddress", to, MAPS_TO_DISGUISED_ONION));
    }
    (is_metrics_policy(name) && value.parse::<ExitPolicy>().is_err()).then(|| {
        Hazard::new(
            "MetricsPortPolicy",
            "tor exits if it cannot parse the MetricsPortPolicy, for example if accept or reject is missing",
        )
    })
}

/// Checks a value of an option. Rejects values that would make tor exit, or
/// that would reveal an onion address to an exit. Accepts all other values,
/// even invalid ones. `command` is the command that the error names.
///
/// ```
/// use scape_proto::control::check_option_value;
///
/// check_option_value("Launch", "MaxMemInQueues", b"1 GB")?;
/// assert!(check_option_value("Launch", "MaxMemInQueues", b"nan").is_err());
/// # Ok::<(), scape_proto::control::ArgumentError>(())
/// ```
///
/// # Errors
///
/// Returns an error for these values:
///
/// - a size that is `nan`, which means "not a number";
/// - a malformed `MetricsPortPolicy`;
/// - a `MapAddress` that would reveal an onion address to an exit.
///
/// Building a SETCONF command with such a value returns the same error.
pub fn check_option_value(command: &str, name: &str, value: &[u8]) -> Result<(), ArgumentError> {
    match option_hazard(name, &String::from_utf8_lossy(value)) {
        Some(hazard) => Err(hazard.error(command)),
        None => Ok(()),
    }
}

/// Creates the hazard for an onion address with a trailing dot, which tor would
/// look up at an exit.
fn disguised(address: &str) -> Hazard {
    Hazard::leak("address", address, DISGUISED_ONION)
}

/// Returns true if tor might take `name` for the name of an option of the type
/// `DataSize`. `name` can be an abbreviation, because tor accepts abbreviated
/// names.
fn is_size(name: &str) -> bool {
    SIZES.iter().chain(&OTHER_NAMES).any(|size| begins_with(size, name))
}

fn begins_with(option: &str, abbreviation: &str) -> bool {
    let beginning = option.get(..abbreviation.len());
    !abbreviation.is_empty()
        && beginning.is_some_and(|text| text.eq_ignore_ascii_case(abbreviation))
}

/// Returns true if C's `strtod` parses the value as NaN.
fn is_no_number(value: &str) -> bool {
    let number = value.trim_start().trim_start_matches(['+', '-']);
    number.get(..3).is_some_and(|beginning| beginning.eq_ignore_ascii_case("nan"))
}

/// Returns true if tor takes `name` for `MetricsPortPolicy`. tor accepts
/// abbreviations, too, such as `MetricsPortP`. `MetricsPort` isn't an
/// abbreviation, but the name of another option.
fn is_metrics_policy(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.len() > "metricsport".len() && "metricsportpolicy".starts_with(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hazardous_command_is_found() {
        let bad = [
            ("ADD_ONION NEW:BEST Port=80 ClientAuth=bob", "ClientAuth"),
            ("add_onion NEW:BEST clientauth=bob Port=80", "ClientAuth"),
            ("HSPOST", "HSADDRESS"),
            ("HSPOST SERVER=x", "HSADDRESS"),
            ("ONION_CLIENT_AUTH_ADD a x25519:b ClientName=longerthansixteenchars", "ClientName"),
            ("GETINFO downloads/desc/descs", "key"),
            ("getinfo\tversion  downloads/desc/descs uptime", "key"),
            ("SETCIRCUITPURPOSE", "circuit"),
            ("SETCIRCUITPURPOSE  ", "circuit"),
            ("setcircuitpurpose\t", "circuit"),
            ("SETCONF Nickname=\"a\" MetricsPortPolicy=\"abc\"", "MetricsPortPolicy"),
            ("resetconf metricsportpol=accept", "MetricsPortPolicy"),
            ("SETCONF Nickname=\"a\" bandwidthrate=\" -NaN\"", "size"),
            ("RESETCONF MaxMemInQueues=nan(1)", "size"),
            // These are abbreviations and old names of options.
            ("SETCONF maxmeminq=nan", "size"),
            ("SETCONF ConstrainedSockS=\"nan\"", "size"),
            ("SETCONF MaxMemInCellQueues=nan", "size"),
            ("SETCONF BandwidthRateBytes=nan", "size"),
            // tor would ask an exit to resolve these onion addresses.
            ("SETCONF MapAddress=\"x.test abc.onion.\"", "new address of MapAddress"),
            ("RESETCONF Nickname=a mapa=\"x.test\\tABC.Onion..\"", "new address of MapAddress"),
            ("setconf MAPADDRESS=\"*.x.test *.abc.onion.\"", "new address of MapAddress"),
            ("MAPADDRESS a.test=b.test  x.test=abc.onion.", "address to map to"),
            ("redirectstream 12  abc.ONION. 80", "address"),
            ("RESOLVE mode=forward abc.onion..", "address"),
        ];
        for (line, argument) in bad {
            assert_eq!(hazard(line).map(|hazard| hazard.argument), Some(argument), "{line}");
        }
        let good = [
            "ADD_ONION NEW:BEST Port=80 Flags=V3Auth ClientAuthV3=bob",
            "HSPOST SERVER=x HSADDRESS=y",
            "ONION_CLIENT_AUTH_ADD a x25519:b ClientName=sixteencharacter",
            "SETCIRCUITPURPOSE 1 purpose=general",
            "GETINFO version",
            "SETCONF MetricsPortPolicy=\"accept 127.0.0.1,reject *:*\" MetricsPort=9035 Nickname=abc",
            "SETCONF MetricsPortPolicy",
            "SETCONF Nickname=\"nancy\" BandwidthRate=\"1 GB\"",
            "RESETCONF MetricsPortPolicy=\"\"",
            "SETCONF MapAddress=\"x.test abc.onion\" MapAddress=\"abc.onion. abc.onion\" MapAddress=\"abc.onion. abc.onion.\"",
            "SETCONF MapAddress MapAddress=\"x\" ma=\"x abc.onion.\" MapAddresses=\"x abc.onion.\"",
            "MAPADDRESS abc.onion.=abc.onion abc.onion.=abc.onion. x.test=y.test. abc.onion.",
            "REDIRECTSTREAM 12 abc.onion 80",
            "RESOLVE x.test.",
            "GETINFO downloads/desc/17FF47E36128409C92842CB65241F6E46E9C0386 downloads/bridge/bridges",
            "",
        ];
        for line in good {
            assert_eq!(hazard(line), None, "{line}");
        }
    }

    #[test]
    fn hazardous_torrc_is_found() {
        for text in [
            "Nickname a\nMetricsPortPolicy abc\n",
            "  metricsportpolicy   \"accept\" # x",
            "+MetricsPortPolicy accept *:80,what",
            "Log notice stdout\r\nBandwidthRate NaN\r\n",
            "MaxMemInQ nan",
            "MaxMemInQueues \\\nnan",
            "MaxMemInQueues na\\\r\nn\r\n",
            "# x \\\nMaxMemInQueues nan",
            "Nickname a\n+MapAddress\t\"x.test abc.onion.\" # x\n",
            "mapaddr x.test abc.ONION..#x",
            "MapAddress x.test \\\nabc.on\\\nion.",
            "MaxMemInQueues \\\n# x\nnan\n",
            "MaxMemInQueues\\\nnan\n",
            "MaxMemInQueues\\\r\n# x\r\nnan\r\n",
            "MetricsPortPolicy \\\n  # x\n abc\n",
            "MaxMemInQueues\r nan\n",
            "MaxMemInQueues \u{b}nan\n",
            "\u{c} MaxMemInQueues nan\n",
            "MaxMemInQueues \"\\156an\"\n",
            "MaxMemInQueues n\\\n# x\\\nan\n",
            "MaxMemInQueues \\\n\u{b}+nan MB\n",
            "MetricsPortPolicy\\\nabc\n",
        ] {
            assert!(torrc_hazard(text.as_bytes()).is_some(), "{text}");
        }
        for text in [
            "",
            "MetricsPort 9035\nMetricsPortPolicy accept 127.0.0.1 # no more\nBandwidthRate 1 GB",
            "# MetricsPortPolicy abc\nNickname nancy\n\"",
            "ContactInfo a \\\nMaxMemInQueues 1 GB\nNickname nan\\",
            "MetricsPortPolicy\n/MetricsPortPolicy\n\u{fffd}",
            "MapAddress x.test abc.onion # abc.onion.\n#MapAddress x.test abc.onion.\nMapAddress x",
            "/MetricsPortPolicy abc\n/MaxMemInQueues nan\n++MaxMemInQueues nan",
        ] {
            assert_eq!(torrc_hazard(text.as_bytes()), None, "{text}");
        }
    }
}
