//! The options that a tor has: their names, types, defaults and groups.

use std::collections::HashMap;

use crate::live::config::{ConfigError, ConfigProblem};
use scape_proto::control::ConfLine;
use scape_proto::info::{ConfigName, ConfigType};
use scape_proto::torrc::{begins_with, expanded};

/// The options that a tor has, as `GETINFO config/names` and
/// `GETINFO config/defaults` list them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Schema {
    /// The options in tor's order.
    specs: Vec<Spec>,
    /// The index of each option in `specs`, by the option's name in lower case.
    by_name: HashMap<String, usize>,
}

/// The name, type, default and group of one of tor's options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) name: String,
    pub(super) ty: ConfigType,
    /// The lines of the default, as tor's source has them: `1 GB`.
    pub(super) default: Vec<String>,
    /// The name of the group that the option is a member of. `None` if it is in
    /// no group.
    pub(super) group: Option<String>,
}

impl Spec {
    /// Returns the option as an entry of `config/names`.
    pub(super) fn to_name(&self) -> ConfigName {
        ConfigName::new(&self.name, self.ty.clone())
    }

    /// Returns the name of the unit that is read, changed and sent as a whole:
    /// the group, or the option if it is in no group.
    pub(super) fn unit(&self) -> &str {
        self.group.as_deref().unwrap_or(&self.name)
    }

    /// Returns true if the option is in a group in which lines belong to the
    /// lines before them, as `HiddenServicePort` belongs to `HiddenServiceDir`.
    pub(super) fn is_in_ordered_group(&self) -> bool {
        self.group.as_ref().is_some_and(|group| !group.ends_with(LINES))
    }

    /// Returns true if the option can have several values: one in each line, or
    /// several in one line, separated by commas.
    pub(super) fn is_list(&self) -> bool {
        self.is_line_list() || self.is_comma_list()
    }

    /// Returns true if each value of the option has its own line.
    pub(super) fn is_line_list(&self) -> bool {
        matches!(self.ty, ConfigType::LineList | ConfigType::Dependent)
    }

    /// Returns true if the values of the option are in one line, separated by
    /// commas.
    pub(super) fn is_comma_list(&self) -> bool {
        matches!(self.ty, ConfigType::CommaList | ConfigType::RouterList)
    }
}

/// The ending of the names of port groups, such as `SocksPortLines`, the group
/// of `SocksPort` and `__SocksPort`.
const LINES: &str = "Lines";
/// The ending of the names of other groups, such as `HiddenServiceOptions`, the
/// group of `HiddenServiceDir`.
const OPTIONS: &str = "Options";
/// The maximum number of similar names that an error lists.
const MOST_SIMILAR: usize = 5;

impl Schema {
    pub(super) fn new(names: Vec<ConfigName>, defaults: Vec<ConfLine>) -> Self {
        let groups: Vec<String> = names
            .iter()
            .filter(|option| option.ty == ConfigType::Virtual)
            .map(|option| option.name.clone())
            .collect();
        let mut specs: Vec<Spec> = names
            .into_iter()
            .map(|ConfigName { name, ty, .. }| {
                let group =
                    (ty == ConfigType::Dependent).then(|| group_of(&name, &groups)).flatten();
                Spec { name, ty, default: Vec::new(), group }
            })
            .collect();
        let by_name: HashMap<String, usize> = specs
            .iter()
            .enumerate()
            .map(|(at, spec)| (spec.name.to_ascii_lowercase(), at))
            .collect();
        for line in defaults {
            let spec =
                by_name.get(&line.name.to_ascii_lowercase()).and_then(|at| specs.get_mut(*at));
            // An empty default is that of a list without elements, or of an
            // unset text.
            if let (Some(spec), Some(value)) = (spec, line.value.filter(|value| !value.is_empty()))
            {
                spec.default.push(value);
            }
        }
        Schema { specs, by_name }
    }

    pub(super) fn specs(&self) -> &[Spec] {
        &self.specs
    }

    /// Returns the option that `name` stands for, or `None` if no option
    /// matches. `name` may be the option's name, another name that tor accepts
    /// for the option, or an abbreviation. Case is ignored. An abbreviation
    /// counts only if exactly one option begins with it. If several options do,
    /// tor would take the first of them, which may be the wrong one.
    pub(super) fn find(&self, name: &str) -> Option<&Spec> {
        let exact = |name: &str| self.specs.get(*self.by_name.get(&name.to_ascii_lowercase())?);
        if name.is_empty() {
            return None;
        }
        exact(name).or_else(|| exact(expanded(name))).or_else(|| {
            let mut specs = self.specs.iter().filter(|spec| begins_with(&spec.name, name));
            specs.next().filter(|_| specs.next().is_none())
        })
    }

    /// Finds an option like [`find`](Self::find), but returns an error with
    /// similar names if there is no such option.
    pub(super) fn get(&self, name: &str) -> Result<&Spec, ConfigError> {
        self.find(name).ok_or_else(|| {
            let wanted = name.to_ascii_lowercase();
            let is_like = |known: &str| {
                let known = known.to_ascii_lowercase();
                known.contains(&wanted)
                    || wanted.contains(known.trim_start_matches('_'))
                    || differ_in_one_place(&known, &wanted)
            };
            let similar = self
                .specs
                .iter()
                .map(|spec| &spec.name)
                .filter(|known| !wanted.is_empty() && is_like(known));
            let similar = similar.take(MOST_SIMILAR).cloned().collect();
            ConfigError::new(name, ConfigProblem::Unknown { similar })
        })
    }

    /// Returns the names that GETCONF must be asked for to get all values: the
    /// names of all groups, and of the options that are in no group.
    pub(super) fn units(&self) -> impl Iterator<Item = &str> {
        self.specs.iter().filter(|spec| spec.group.is_none()).map(|spec| spec.name.as_str())
    }

    /// Returns the default lines of an option. The result is empty for a group.
    pub(super) fn default_of(&self, unit: &str) -> Vec<ConfLine> {
        let default = self.find(unit).map(|spec| spec.default.as_slice()).unwrap_or_default();
        default.iter().map(|value| ConfLine::new(unit, Some(value.clone()))).collect()
    }

    /// Returns the lines that tor reports for an option after a SETCONF without
    /// a value. If the option's type is a number, a size, a time, or a Boolean
    /// with or without `auto`, this is one line with the value `0`. For other
    /// options and for groups, there are no lines.
    pub(super) fn unset_lines(&self, unit: &str) -> Vec<ConfLine> {
        let is_zero = self.find(unit).is_some_and(|spec| {
            matches!(
                spec.ty,
                ConfigType::Boolean
                    | ConfigType::BooleanAuto
                    | ConfigType::Integer
                    | ConfigType::SignedInteger
                    | ConfigType::Float
                    | ConfigType::DataSize
                    | ConfigType::TimeInterval
                    | ConfigType::TimeMsecInterval
            )
        });
        if is_zero { vec![ConfLine::new(unit, Some("0".to_owned()))] } else { Vec::new() }
    }
}

/// Returns the group that an option is in. The group is found by comparing the
/// option's name with the names of the groups.
fn group_of(name: &str, groups: &[String]) -> Option<String> {
    let bare = name.trim_start_matches("__");
    let is_of = |group: &&String| match (group.strip_suffix(LINES), group.strip_suffix(OPTIONS)) {
        (Some(port), _) => port.eq_ignore_ascii_case(bare),
        (None, Some(beginning)) => bare.starts_with(beginning),
        (None, None) => false,
    };
    groups.iter().find(is_of).cloned()
}

/// Returns true if one of the names is probably a misspelling of the other:
/// they differ in one place only, and at least three quarters of the letters
/// are the same.
fn differ_in_one_place(one: &str, other: &str) -> bool {
    let begin = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    let rest = one.len().min(other.len()) - begin;
    let end = one.bytes().rev().zip(other.bytes().rev()).take_while(|(a, b)| a == b);
    let same = begin + end.take(rest).count();
    // Names of four letters may differ in one.
    same * 4 >= one.len().max(other.len()) * 3
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns a schema with some of tor's options.
    pub(in crate::live::config) fn schema() -> Schema {
        let names = "BandwidthRate DataSize\nContactInfo String\nControlPort Dependent\nControlPortLines Virtual\n\
                     DataDirectory Filename\nExitNodes RouterList\nHiddenServiceDir Dependent\nHiddenServicePort Dependent\n\
                     HiddenServiceOptions Virtual\nHiddenServiceStatistics Boolean\nLog LineList\nMaxCircuitDirtiness TimeInterval\n\
                     SocksPort Dependent\nSocksPortLines Virtual\n__SocksPort Dependent\nStrange Dependent\nUseBridges Boolean\n\
                     LongLivedPorts CommaList";
        let defaults = [
            ("BandwidthRate", "1 GB"),
            ("MaxCircuitDirtiness", "10 minutes"),
            ("UseBridges", "0"),
            ("HiddenServiceStatistics", "1"),
            ("ExitNodes", ""),
            ("LongLivedPorts", "21,22"),
            ("___UsingTestNetworkDefaults", "0"),
        ];
        let names = names.lines().map(|line| ConfigName::parse(line.as_bytes()).unwrap()).collect();
        let defaults = defaults.map(|(name, value)| ConfLine::new(name, Some(value.into())));
        Schema::new(names, defaults.to_vec())
    }

    #[test]
    fn options_are_found_in_any_case_with_their_groups() {
        let schema = schema();
        let spec = schema.get("SOCKSport").unwrap();
        assert_eq!((spec.name.as_str(), spec.unit()), ("SocksPort", "SocksPortLines"));
        assert_eq!(schema.get("__socksport").unwrap().unit(), "SocksPortLines");
        assert_eq!(schema.get("HiddenServicePort").unwrap().unit(), "HiddenServiceOptions");
        assert!(schema.get("HiddenServicePort").unwrap().is_in_ordered_group());
        assert_eq!(schema.get("HiddenServiceStatistics").unwrap().group, None);
        // An option of an unknown group is a unit by itself.
        assert_eq!(schema.get("Strange").unwrap().unit(), "Strange");
        assert!(schema.units().all(|unit| unit != "SocksPort" && unit != "HiddenServiceDir"));
    }

    #[test]
    fn similar_option_names_are_in_the_error() {
        let error = schema().get("Socks").unwrap_err();
        assert!(
            error.to_string().ends_with("there is SocksPort, SocksPortLines, __SocksPort"),
            "{error}"
        );
        for misspelled in ["MaxCircuitDirtyness", "MxCircuitDirtiness", "MaxCircutDirtiness"] {
            let error = schema().get(misspelled).unwrap_err();
            assert!(error.to_string().ends_with("there is MaxCircuitDirtiness"), "{error}");
        }
        assert!(schema().get("").is_err());
    }

    #[test]
    fn abbreviated_option_names_are_found_if_one_option_is_meant() {
        let schema = schema();
        let found = |name: &str| schema.find(name).map(|spec| spec.name.as_str());
        assert_eq!(found("ExitNode"), Some("ExitNodes"));
        assert_eq!(found("maxcircuitdirt"), Some("MaxCircuitDirtiness"));
        assert_eq!(found("BandwidthRateBytes"), Some("BandwidthRate"));
        assert_eq!(found("HiddenServiceD"), Some("HiddenServiceDir"));
        // Several options begin with `Hidden`.
        assert_eq!(found("Hidden"), None);
    }

    #[test]
    fn defaults_are_read_and_empty_ones_skipped() {
        let schema = schema();
        assert_eq!(schema.get("BandwidthRate").unwrap().default, ["1 GB"]);
        assert!(schema.get("ExitNodes").unwrap().default.is_empty());
        assert!(schema.default_of("SocksPortLines").is_empty());
    }
}
