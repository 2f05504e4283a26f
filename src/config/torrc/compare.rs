//! What a torrc says, and what a running tor has.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;

use super::document::Torrc;
use super::entry::{TorrcEntry, TorrcMagic};
use super::group;
use crate::config::value::means_the_same;
use crate::protocol::{ConfLine, ConfigName, ConfigType};

/// Compares a torrc with the configuration of a running tor.
///
/// Only options are compared that the torrc names: what the others are by
/// default is not known here. The order among different options does not count,
/// except within the onion services on disk, which are compared as a whole, as
/// `HiddenServiceOptions`.
///
/// Names are compared as tor finds them: in any case, abbreviated, and by the
/// older names of some options.
///
/// ```
/// use scape::config::{Torrc, TorrcComparison};
/// use scape::protocol::ConfigName;
/// use scape::protocol::ConfLine;
///
/// let torrc = Torrc::parse("nickname relay01\nORPort 9001\nMaxCircuitDirtiness 300\nMaxCircuitDirtiness 600\n")?;
/// // As Controller::get_conf_lines gives them, and Controller::config_names.
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
    /// By the name in small letters.
    types: HashMap<String, &'a ConfigName>,
    both_ways: bool,
}

/// An option, or a group of options, that is not in tor what the torrc says.
///
/// `Debug` and `Display` do not show the values of options that are secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TorrcDifference {
    /// The option's name, as the torrc or tor has it, or
    /// `HiddenServiceOptions`. An abbreviation is written out.
    pub name: String,
    /// The number of the first line of it in its file; `None` where the torrc
    /// does not name it.
    pub line: Option<usize>,
    /// What the torrc says; nothing where it does not name the option, or sets
    /// it to nothing.
    pub in_file: Vec<ConfLine>,
    /// What tor has. Nothing at all where the option is not among what was
    /// given of the running configuration; a line without a value where it is
    /// unset.
    pub running: Vec<ConfLine>,
}

/// An option in the torrc, or a group.
struct Said {
    name: String,
    line: usize,
    lines: Vec<ConfLine>,
}

impl<'a> TorrcComparison<'a> {
    /// A comparison with these lines of tor's, as GETCONF gives them for the
    /// options that are to be compared, and for the group
    /// `HiddenServiceOptions`. Values are the same where their text is, and
    /// every option may have several.
    pub fn new(running: &'a [ConfLine]) -> Self {
        TorrcComparison { running, types: HashMap::new(), both_ways: false }
    }

    /// With the options' types, as
    /// [`Controller::config_names`](crate::Controller::config_names) gives
    /// them: then values are the same that mean the same to tor
    /// ([`means_the_same`]), and of an option that is no list the last line
    /// counts, as in tor.
    pub fn types(mut self, names: impl IntoIterator<Item = &'a ConfigName>) -> Self {
        self.types.extend(names.into_iter().map(|name| (name.name.to_ascii_lowercase(), name)));
        self
    }

    /// Whether options that have a value in tor and are not in the torrc are
    /// differences, too: right where `running` is what is not tor's default,
    /// such as `GETINFO config-text`.
    pub fn both_ways(mut self, both: bool) -> Self {
        self.both_ways = both;
        self
    }

    /// The differences, in the order of the torrc: a [`Torrc`], or
    /// [`TorrcFiles`](super::TorrcFiles) with all that is included.
    pub fn of(&self, entries: impl IntoIterator<Item: Borrow<TorrcEntry>>) -> Vec<TorrcDifference> {
        let said = self.said(entries);
        let mut differences = Vec::new();
        for option in &said {
            let running = self.running_lines(&option.name);
            if !self.is_same(&option.lines, &running) {
                let running = running.into_iter().cloned().collect();
                let in_file = option.lines.clone();
                let (name, line) = (option.name.clone(), Some(option.line));
                differences.push(TorrcDifference { name, line, in_file, running });
            }
        }
        if self.both_ways {
            differences.extend(self.unsaid(&said));
        }
        differences
    }

    /// The options of the torrc, as tor sees them.
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
            // As tor says: "Linelist option has no value. Skipping."
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

    /// The lines of an option or a group in tor.
    fn running_lines(&self, name: &str) -> Vec<&'a ConfLine> {
        self.running.iter().filter(|line| key(&line.name).eq_ignore_ascii_case(name)).collect()
    }

    /// Whether an option may have several values, where its type is known.
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
            // An option that is set to nothing is empty, or 0.
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

/// What an option is compared as: itself, or its group.
fn key(name: &str) -> &str {
    if group::is_of_a_service(name) { group::HIDDEN_SERVICES } else { name }
}

impl Torrc {
    /// What is not in tor as it is here, by the text of the values.
    /// [`TorrcComparison`] does more: it knows what means the same to tor.
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
                // Without the name, which is said already.
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
    use crate::protocol::parse_conf_line;

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
    fn what_counts_for_tor_is_compared() {
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
    fn what_differs_is_named() {
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
    fn services_are_compared_in_their_order() {
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
    fn secrets_are_not_told() {
        let found =
            TorrcComparison::new(&[]).of(&Torrc::parse("HashedControlPassword 16:AB").unwrap());
        let text = format!("{found:?} {}", found[0]);
        assert!(!text.contains("16:AB") && text.contains("[redacted]"), "{text}");
    }
}
