//! Compares a torrc with the configuration of a running tor.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;

use super::document::Torrc;
use super::entry::{TorrcEntry, TorrcMagic};
use super::group;
use super::value::means_the_same;
use crate::control::ConfLine;
use crate::control::shown_name;
use crate::info::{ConfigName, ConfigType};

/// A comparison of a torrc with the configuration of a running tor.
///
/// Only options in the torrc are compared, because tor's defaults for all other
/// options aren't known here. With [`both_ways`](Self::both_ways), options that
/// are only in tor are compared too.
///
/// The order of different options doesn't matter. Onion services on disk
/// (`HiddenServiceDir`) are an exception: all their options are compared as a
/// whole, under the name `HiddenServiceOptions`.
///
/// Names are matched as in tor: case is ignored, and abbreviations and the
/// older names of some options are accepted.
///
/// ```
/// use scape_proto::torrc::{Torrc, TorrcComparison};
/// use scape_proto::info::ConfigName;
/// use scape_proto::control::ConfLine;
///
/// let torrc = Torrc::parse("nickname relay01\nORPort 9001\nMaxCircuitDirtiness 300\nMaxCircuitDirtiness 600\n")?;
/// // Controller::get_conf_lines and Info::config_names return these.
/// let line = |name: &str, value: &str| ConfLine::new(name, Some(value.to_owned()));
/// let running = [line("Nickname", "relay01"), line("ORPort", "443"), line("MaxCircuitDirtiness", "600")];
/// let names = [ConfigName::parse(b"MaxCircuitDirtiness TimeInterval").expect("both are there")];
/// let differences = TorrcComparison::new(&running).types(&names).of(&torrc);
/// let texts: Vec<String> = differences.iter().map(ToString::to_string).collect();
/// assert_eq!(texts, ["line 2: ORPort is 9001 in the file, and 443 in tor"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is compared before of() is called"]
pub struct TorrcComparison<'a> {
    running: &'a [ConfLine],
    /// The options with their types. The keys are the options' names in lower
    /// case.
    types: HashMap<String, &'a ConfigName>,
    both_ways: bool,
}

/// An option, or a group of options, in which a torrc and a running tor differ.
///
/// `Debug` and `Display` don't show the values of secret options.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TorrcDifference {
    /// The option's full name. Upper and lower case may be as in the torrc or
    /// as in tor. `HiddenServiceOptions` stands for all onion services on disk.
    pub name: String,
    /// The number of the option's first line in its file, counted from 1;
    /// `None` if the torrc doesn't contain the option.
    pub line: Option<usize>,
    /// The option's lines in the torrc. The list is empty if the torrc doesn't
    /// contain the option or sets it to an empty value.
    pub in_file: Vec<ConfLine>,
    /// The option's lines in tor's configuration, which was given to
    /// [`TorrcComparison::new`]. If the option is unset in tor, this is one
    /// line without a value. The list is empty if the configuration doesn't
    /// list the option at all.
    pub running: Vec<ConfLine>,
}

/// An option or a group in the torrc, with the lines that count for tor.
struct Said {
    name: String,
    line: usize,
    lines: Vec<ConfLine>,
}

impl<'a> TorrcComparison<'a> {
    /// Creates a comparison with the configuration of tor. The torrcs to
    /// compare are given to [`of`](Self::of). `running` is tor's answer to a
    /// GETCONF for all options to be compared, and for `HiddenServiceOptions`
    /// if a torrc has onion services.
    ///
    /// Until [`types`](Self::types) is called, the types of the options aren't
    /// known. Values are then equal only if their texts are equal, and all
    /// lines of an option are compared, not just the last one.
    ///
    /// ```
    /// use scape_proto::control::ConfLine;
    /// use scape_proto::torrc::{Torrc, TorrcComparison};
    ///
    /// let running = [ConfLine::new("Nickname", Some("relay02".to_owned()))];
    /// let torrc = Torrc::parse("Nickname relay01\n")?;
    /// let differences = TorrcComparison::new(&running).of(&torrc);
    /// assert_eq!(differences[0].name, "Nickname");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(running: &'a [ConfLine]) -> Self {
        TorrcComparison { running, types: HashMap::new(), both_ways: false }
    }

    /// Sets the types of the options, as `GETINFO config/names` returns them.
    /// With types, two values are equal if they mean the same to tor
    /// ([`means_the_same`]). If an option isn't a list, only its last line
    /// counts, as in tor.
    ///
    /// ```
    /// use scape_proto::control::ConfLine;
    /// use scape_proto::info::{ConfigName, ConfigType};
    /// use scape_proto::torrc::{Torrc, TorrcComparison};
    ///
    /// let running = [ConfLine::new("MaxCircuitDirtiness", Some("600".to_owned()))];
    /// let torrc = Torrc::parse("MaxCircuitDirtiness 10 minutes\n")?;
    /// assert_eq!(TorrcComparison::new(&running).of(&torrc).len(), 1);
    /// let names = [ConfigName::new("MaxCircuitDirtiness", ConfigType::TimeInterval)];
    /// assert!(TorrcComparison::new(&running).types(&names).of(&torrc).is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn types(mut self, names: impl IntoIterator<Item = &'a ConfigName>) -> Self {
        self.types.extend(names.into_iter().map(|name| (name.name.to_ascii_lowercase(), name)));
        self
    }

    /// Sets whether [`of`](Self::of) also reports options that have a value in
    /// tor, but aren't in the torrc. The default is false. Set this to true
    /// only if the configuration given to [`new`](Self::new) contains just the
    /// options that differ from tor's defaults, as `GETINFO config-text` does.
    ///
    /// ```
    /// use scape_proto::control::ConfLine;
    /// use scape_proto::torrc::{Torrc, TorrcComparison};
    ///
    /// let running = [ConfLine::new("ContactInfo", Some("me".to_owned()))];
    /// let comparison = TorrcComparison::new(&running);
    /// assert!(comparison.of(&Torrc::new()).is_empty());
    /// let differences = comparison.both_ways(true).of(&Torrc::new());
    /// assert_eq!(differences[0].to_string(), "ContactInfo is not in the file, and me in tor");
    /// ```
    pub fn both_ways(mut self, both: bool) -> Self {
        self.both_ways = both;
        self
    }

    /// Returns the differences in the order of the torrc. Options that are only
    /// in tor come last (see [`both_ways`](Self::both_ways)). `entries` may be
    /// a [`Torrc`], or the entries of a torrc and of all files that it
    /// includes.
    ///
    /// ```
    /// use scape_proto::control::ConfLine;
    /// use scape_proto::torrc::{Torrc, TorrcComparison};
    ///
    /// let running = [ConfLine::new("ORPort", Some("443".to_owned()))];
    /// let torrc = Torrc::parse("# My relay\nORPort 9001\n")?;
    /// let differences = TorrcComparison::new(&running).of(&torrc);
    /// assert_eq!((differences[0].name.as_str(), differences[0].line), ("ORPort", Some(2)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of(&self, entries: impl IntoIterator<Item: Borrow<TorrcEntry>>) -> Vec<TorrcDifference> {
        let said = self.said(entries);
        let mut differences = Vec::new();
        for option in &said {
            let running = self.running_lines(&option.name);
            if !self.is_same(&option.lines, &running) {
                let running = running.into_iter().cloned().collect();
                let in_file = option.lines.clone();
                let (name, line) = (shown_name(&option.name).to_owned(), Some(option.line));
                differences.push(TorrcDifference { name, line, in_file, running });
            }
        }
        if self.both_ways {
            differences.extend(self.unsaid(&said));
        }
        differences
    }

    /// Returns the options of the torrc, each with the lines that count for
    /// tor.
    fn said(&self, entries: impl IntoIterator<Item: Borrow<TorrcEntry>>) -> Vec<Said> {
        let mut said: Vec<Said> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for entry in entries {
            let entry = entry.borrow();
            if entry.is_include() {
                continue;
            }
            let name = key(entry.option_name());
            let is_list = self.is_list(entry.option_name());
            let clears = entry.magic() == Some(TorrcMagic::Clear);
            // tor skips such a line, and logs "Linelist option has no value.
            // Skipping."
            if entry.value_bytes().is_empty() && is_list == Some(true) && !clears {
                continue;
            }
            let place = *places.entry(name.to_ascii_lowercase()).or_insert_with(|| {
                said.push(Said { name: name.to_owned(), line: entry.line(), lines: Vec::new() });
                said.len() - 1
            });
            let Some(option) = said.get_mut(place) else { continue };
            if clears
                || is_list == Some(false)
                || (entry.value_bytes().is_empty() && is_list.is_none())
            {
                option.lines.retain(|line| !line.name.eq_ignore_ascii_case(entry.option_name()));
            }
            if !entry.value_bytes().is_empty() {
                option.lines.push(entry.to_conf_line());
            }
        }
        said
    }

    fn unsaid(&self, said: &[Said]) -> Vec<TorrcDifference> {
        let mut differences: Vec<TorrcDifference> = Vec::new();
        let has_value =
            |line: &&ConfLine| line.value.as_ref().is_some_and(|value| !value.is_empty());
        for line in self.running.iter().filter(has_value) {
            let name = key(&line.name);
            let known = |other: &str| other.eq_ignore_ascii_case(name);
            if said.iter().any(|option| known(&option.name))
                || differences.iter().any(|d| known(&d.name))
            {
                continue;
            }
            let running = self.running_lines(name).into_iter().cloned().collect();
            differences.push(TorrcDifference {
                name: name.to_owned(),
                line: None,
                in_file: Vec::new(),
                running,
            });
        }
        differences
    }

    /// Returns the lines of an option or a group in tor's configuration.
    fn running_lines(&self, name: &str) -> Vec<&'a ConfLine> {
        self.running.iter().filter(|line| key(&line.name).eq_ignore_ascii_case(name)).collect()
    }

    /// Returns true if an option can have several values. Returns `None` if the
    /// option's type isn't known.
    fn is_list(&self, name: &str) -> Option<bool> {
        let ty = self.type_of(name);
        if group::is_of_a_service(name) {
            return Some(true);
        }
        ty.map(|ty| {
            matches!(ty, ConfigType::LineList | ConfigType::Dependent | ConfigType::Virtual)
        })
    }

    fn type_of(&self, name: &str) -> Option<&'a ConfigType> {
        self.types.get(&name.to_ascii_lowercase()).map(|name| &name.ty)
    }

    fn is_same(&self, said: &[ConfLine], running: &[&ConfLine]) -> bool {
        let values: Vec<&ConfLine> =
            running.iter().copied().filter(|line| line.value.is_some()).collect();
        if said.is_empty() {
            // An option that is set to an empty value becomes empty or 0.
            let nothing = |line: &&ConfLine| {
                let value = line.value.as_deref().unwrap_or_default();
                value.is_empty() || self.same_value(&line.name, value, "0")
            };
            return !running.is_empty() && values.iter().all(nothing);
        }
        let same = |(said, running): (&ConfLine, &&ConfLine)| {
            let value = |line: &ConfLine| line.value.clone().unwrap_or_default();
            said.name.eq_ignore_ascii_case(&running.name)
                && self.same_value(&said.name, &value(said), &value(running))
        };
        said.len() == values.len() && said.iter().zip(&values).all(same)
    }

    fn same_value(&self, name: &str, one: &str, other: &str) -> bool {
        one == other || self.type_of(name).is_some_and(|ty| means_the_same(ty, one, other))
    }
}

/// Returns the name under which an option is compared: `HiddenServiceOptions`
/// for an option of an onion service on disk, and `name` itself otherwise.
fn key(name: &str) -> &str {
    if group::is_of_a_service(name) { group::HIDDEN_SERVICES } else { name }
}

impl Torrc {
    /// Returns the differences between this torrc and the configuration of a
    /// running tor. Values are equal only if their texts are equal.
    /// [`TorrcComparison`] also recognizes different texts that mean the same
    /// to tor.
    ///
    /// ```
    /// use scape_proto::control::ConfLine;
    /// use scape_proto::torrc::Torrc;
    ///
    /// let torrc = Torrc::parse("Nickname relay01\n")?;
    /// let running = [ConfLine::new("Nickname", Some("relay02".into()))];
    /// let differences = torrc.compare(&running);
    /// assert_eq!(differences[0].to_string(), "line 1: Nickname is relay01 in the file, and relay02 in tor");
    /// # Ok::<(), scape_proto::torrc::ParseTorrcError>(())
    /// ```
    pub fn compare(&self, running: &[ConfLine]) -> Vec<TorrcDifference> {
        TorrcComparison::new(running).of(self)
    }
}

impl fmt::Display for TorrcDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_group = self.name.eq_ignore_ascii_case(group::HIDDEN_SERVICES);
        let shown = |lines: &[ConfLine]| -> String {
            let values = lines.iter().filter(|line| line.value.is_some()).map(|line| {
                let line = line.to_string();
                // Omit the name, because the message has it already.
                if is_group {
                    line
                } else {
                    line.split_once(' ').map_or(line.clone(), |(_, value)| value.to_owned())
                }
            });
            let values: Vec<String> = values.collect();
            if values.is_empty() { "unset".to_owned() } else { values.join(", ") }
        };
        match self.line {
            Some(line) => {
                write!(f, "line {line}: {} is {} in the file", self.name, shown(&self.in_file))?;
            }
            None => write!(f, "{} is not in the file", self.name)?,
        }
        match self.running.as_slice() {
            [] => f.write_str(", and not in tor"),
            running => write!(f, ", and {} in tor", shown(running)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::parse_conf_line;

    fn lines(texts: &[&str]) -> Vec<ConfLine> {
        texts.iter().map(|text| parse_conf_line(text.as_bytes())).collect()
    }

    fn names() -> Vec<ConfigName> {
        [
            "SocksPort Dependent",
            "Log LineList",
            "MaxCircuitDirtiness TimeInterval",
            "ContactInfo String",
            "ExitNodes RouterList",
        ]
        .iter()
        .map(|text| ConfigName::parse(text.as_bytes()).unwrap())
        .collect()
    }

    fn differences(torrc: &str, running: &[&str], both_ways: bool) -> Vec<String> {
        let (running, names) = (lines(running), names());
        let comparison = TorrcComparison::new(&running).types(&names).both_ways(both_ways);
        let found = comparison.of(&Torrc::parse(torrc).unwrap());
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn equivalent_torrc_has_no_differences() {
        let same = [
            ("", vec![]),
            ("%include /x\n", vec![]),
            ("CONTACTINFO me", vec!["ContactInfo=me"]),
            ("ContactInfo a\nContactInfo b", vec!["ContactInfo=b"]),
            ("ContactInfo a\nContactInfo", vec!["ContactInfo"]),
            ("MaxCircuitDirtiness 600", vec!["MaxCircuitDirtiness=600"]),
            ("MaxCircuitDirtiness 10 minutes", vec!["MaxCircuitDirtiness=600"]),
            ("MaxCircuitDirtiness 5\nMaxCircuitDirtiness", vec!["MaxCircuitDirtiness=0"]),
            (
                "Log notice stdout\nLog\nlog debug file x",
                vec!["Log=notice stdout", "Log=debug file x"],
            ),
            ("Log notice stdout\n/Log\n+Log debug file x", vec!["Log=debug file x"]),
            ("/ContactInfo x", vec!["ContactInfo"]),
            ("ExitNodes", vec!["ExitNodes="]),
            ("Unknown a\nUnknown b", vec!["unknown=a", "Unknown=b"]),
        ];
        for (torrc, running) in same {
            assert_eq!(differences(torrc, &running, true), [""; 0], "{torrc:?}");
        }
    }

    #[test]
    fn difference_is_described() {
        let found = |torrc, running: &[&str]| differences(torrc, running, false);
        assert_eq!(
            found("# x\nSocksPort 1\nSocksPort 2\n", &["SocksPort=1"]),
            ["line 2: SocksPort is 1, 2 in the file, and 1 in tor"]
        );
        assert_eq!(
            found("ContactInfo", &["ContactInfo=me"]),
            ["line 1: ContactInfo is unset in the file, and me in tor"]
        );
        assert_eq!(
            found("ContactInfo me", &["ContactInfo"]),
            ["line 1: ContactInfo is me in the file, and unset in tor"]
        );
        assert_eq!(
            found("ContctInfo me", &["ContactInfo=me"]),
            ["line 1: ContctInfo is me in the file, and not in tor"]
        );
        assert_eq!(found("", &["ContactInfo=me"]), [""; 0]);
        assert_eq!(
            differences("", &["Log=a", "Log=b", "ContactInfo", "ExitNodes="], true),
            ["Log is not in the file, and a, b in tor"]
        );
    }

    #[test]
    fn onion_services_are_compared_in_order() {
        let running = [
            "HiddenServiceDir=/a",
            "HiddenServicePort=80",
            "HiddenServiceDir=/b",
            "HiddenServicePort=81",
        ];
        let torrc = "hiddenservicedir /a\nContactInfo x\nHiddenServicePort 80\nHiddenServiceDir /b\nHiddenServicePort 81\n";
        assert_eq!(differences(torrc, &[&running[..], &["ContactInfo=x"]].concat(), true), [""; 0]);
        let found = differences("HiddenServiceDir /a\nHiddenServiceDir /b\n", &running, true);
        assert_eq!(
            found,
            [
                "line 1: HiddenServiceOptions is HiddenServiceDir /a, HiddenServiceDir /b in the file, and HiddenServiceDir /a, \
              HiddenServicePort 80, HiddenServiceDir /b, HiddenServicePort 81 in tor"
            ]
        );
        assert_eq!(differences("", &running, true).len(), 1);
        assert_eq!(differences("", &["HiddenServiceOptions"], true), [""; 0]);
    }

    #[test]
    fn secrets_are_not_shown_in_differences() {
        let found =
            TorrcComparison::new(&[]).of(&Torrc::parse("HashedControlPassword 16:AB").unwrap());
        let text = format!("{found:?} {}", found[0]);
        assert!(!text.contains("16:AB") && text.contains("[redacted]"), "{text}");
    }
}
