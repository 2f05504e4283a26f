//! Commands that tor 0.4.9 answers twice, not at all, or by crashing.

use zeroize::Zeroizing;

use super::keyword::{Word, Words};
use crate::types::ExitPolicy;

/// A command that must not be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hazard {
    /// The argument that is dangerous, or missing.
    pub(super) argument: &'static str,
    /// What tor would do.
    pub(super) why: &'static str,
}

/// The longest ClientName that tor takes.
const CLIENT_NAME: usize = 16;

/// What is dangerous in the command `line`, if anything.
pub(super) fn hazard(line: &str) -> Option<Hazard> {
    // tor splits at spaces, and also at a tab after the keyword.
    let mut words = line.split([' ', '\t']).filter(|w| !w.is_empty());
    let keyword = words.next().unwrap_or_default();
    let value = |word: &str, key: &str| {
        let (name, value) = word.split_once('=')?;
        name.eq_ignore_ascii_case(key).then(|| value.to_string())
    };
    match keyword.to_ascii_uppercase().as_str() {
        "ADD_ONION" if words.any(|w| value(w, "ClientAuth").is_some()) => Some(Hazard {
            argument: "ClientAuth",
            why: "tor does not answer ADD_ONION with ClientAuth (of version 2) at all; use ClientAuthV3",
        }),
        "HSPOST" if !words.any(|w| value(w, "HSADDRESS").is_some()) => {
            Some(Hazard { argument: "HSADDRESS", why: "tor does not answer HSPOST without HSADDRESS at all" })
        }
        "ONION_CLIENT_AUTH_ADD"
            if words.any(|w| value(w, "ClientName").is_some_and(|name| name.len() > CLIENT_NAME)) =>
        {
            Some(Hazard {
                argument: "ClientName",
                why: "tor answers twice to a ClientName of more than 16 characters",
            })
        }
        // Keys are case-sensitive.
        "GETINFO" if words.any(|key| key == "downloads/desc/descs") => Some(Hazard {
            argument: "key",
            why: "tor crashes on downloads/desc/descs where it has a consensus of the flavour ns whose descriptors it \
                  has not looked up yet, as relays have every hour; consensus_document names the same descriptors",
        }),
        "SETCONF" | "RESETCONF" => Words::new(line.as_bytes()).find_map(|word| match word {
            Word::Pair(name, value) if may_be_dangerous(name) => {
                option_hazard(name, &Zeroizing::new(value.text().into_owned()))
            }
            _ => None,
        }),
        "SETCIRCUITPURPOSE" if words.next().is_none() => {
            Some(Hazard { argument: "circuit", why: "tor crashes on SETCIRCUITPURPOSE without a circuit" })
        }
        _ => None,
    }
}

/// tor 0.4.9's options of the type `DataSize`.
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

/// Old names of such options, which tor still takes.
const OTHER_NAMES: [&str; 3] = ["BandwidthBurstBytes", "BandwidthRateBytes", "MaxMemInCellQueues"];

/// What is dangerous in the text of a torrc, which LOADCONF has as its data, if anything.
pub(super) fn torrc_hazard(text: &[u8]) -> Option<Hazard> {
    hazard_of_lines(text).or_else(|| hazard_of_lines(&with_joined_lines(text)))
}

/// Returns the text without line ends that have a backslash before them: tor goes on with the next line there.
fn with_joined_lines(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut joined = Zeroizing::new(Vec::with_capacity(text.len() + 1));
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match line.strip_suffix(b"\\") {
            Some(start) => joined.extend_from_slice(start),
            None => {
                joined.extend_from_slice(line);
                joined.push(b'\n');
            }
        }
    }
    joined
}

fn hazard_of_lines(text: &[u8]) -> Option<Hazard> {
    text.split(|byte| *byte == b'\n').find_map(|line| {
        let line = line.trim_ascii();
        let (name, value) = line.split_at(line.iter().position(u8::is_ascii_whitespace)?);
        let name = std::str::from_utf8(name.strip_prefix(b"+").unwrap_or(name)).ok()?;
        if !may_be_dangerous(name) {
            return None;
        }
        let value = value.trim_ascii_start();
        let value = Zeroizing::new(match value.starts_with(b"\"") {
            true => Words::new(value).next_value().text().into_owned(),
            false => {
                let end = memchr::memchr(b'#', value).unwrap_or(value.len());
                String::from_utf8_lossy(value.get(..end).unwrap_or_default()).trim_end().to_owned()
            }
        });
        option_hazard(name, &value)
    })
}

/// Returns true if a value of this option may be dangerous. Other values aren't copied, because they may be secrets.
fn may_be_dangerous(name: &str) -> bool {
    is_size(name) || is_metrics_policy(name)
}

/// What is dangerous in setting an option to this, if anything.
fn option_hazard(name: &str, value: &str) -> Option<Hazard> {
    if is_size(name) && is_no_number(value) {
        return Some(Hazard {
            argument: "size",
            why: "tor takes a size that is not a number (nan), and ends itself with the next command",
        });
    }
    (is_metrics_policy(name) && value.parse::<ExitPolicy>().is_err()).then_some(Hazard {
        argument: "MetricsPortPolicy",
        why: "tor ends itself on a MetricsPortPolicy that it cannot read, such as one without accept or reject",
    })
}

/// Returns true if tor may take `name` for an option of the type `DataSize`. tor takes abbreviations.
fn is_size(name: &str) -> bool {
    SIZES.iter().chain(&OTHER_NAMES).any(|size| begins_with(size, name))
}

fn begins_with(option: &str, abbreviation: &str) -> bool {
    let beginning = option.get(..abbreviation.len());
    !abbreviation.is_empty() && beginning.is_some_and(|text| text.eq_ignore_ascii_case(abbreviation))
}

/// What C reads as a number that is none.
fn is_no_number(value: &str) -> bool {
    let number = value.trim_start().trim_start_matches(['+', '-']);
    number.get(..3).is_some_and(|beginning| beginning.eq_ignore_ascii_case("nan"))
}

/// tor also takes abbreviations that are no other option's name.
fn is_metrics_policy(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.len() > "metricsport".len() && "metricsportpolicy".starts_with(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_not_be_sent() {
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
            // Abbreviations and old names.
            ("SETCONF maxmeminq=nan", "size"),
            ("SETCONF ConstrainedSockS=\"nan\"", "size"),
            ("SETCONF MaxMemInCellQueues=nan", "size"),
            ("SETCONF BandwidthRateBytes=nan", "size"),
        ];
        for (line, argument) in bad {
            assert_eq!(hazard(line).map(|h| h.argument), Some(argument), "{line}");
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
            "GETINFO downloads/desc/17FF47E36128409C92842CB65241F6E46E9C0386 downloads/bridge/bridges",
            "",
        ];
        for line in good {
            assert_eq!(hazard(line), None, "{line}");
        }
    }

    #[test]
    fn what_must_not_be_loaded() {
        for text in [
            "Nickname a\nMetricsPortPolicy abc\n",
            "  metricsportpolicy   \"accept\" # x",
            "+MetricsPortPolicy accept *:80,what",
            "Log notice stdout\r\nBandwidthRate NaN\r\n",
            "MaxMemInQ nan",
            "MaxMemInQueues \\\nnan",
            "MaxMemInQueues na\\\r\nn\r\n",
            "# x \\\nMaxMemInQueues nan",
        ] {
            assert!(torrc_hazard(text.as_bytes()).is_some(), "{text}");
        }
        for text in [
            "",
            "MetricsPort 9035\nMetricsPortPolicy accept 127.0.0.1 # no more\nBandwidthRate 1 GB",
            "# MetricsPortPolicy abc\nNickname nancy\n\"",
            "ContactInfo a \\\nMaxMemInQueues 1 GB\nNickname nan\\",
            "MetricsPortPolicy\n/MetricsPortPolicy\n\u{fffd}",
        ] {
            assert_eq!(torrc_hazard(text.as_bytes()), None, "{text}");
        }
    }
}
