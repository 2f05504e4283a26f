//! The lines of an option, or of a group of options.

use std::collections::HashMap;

use super::schema::{Schema, Spec};
use super::value::means_the_same;
use scape_proto::control::ConfLine;
use scape_proto::info::ConfigType;
use scape_proto::torrc::PortLine;

/// Returns the lines that have a value, out of the lines of a GETCONF answer or
/// an event. The other lines only say that an option is unset.
pub(super) fn with_values(
    schema: &Schema,
    lines: impl IntoIterator<Item = ConfLine>,
) -> Vec<ConfLine> {
    let has_value = |line: &ConfLine| match line.value.as_deref() {
        None => false,
        // For a comma list, an empty value means that the list has no elements.
        Some("") => schema.find(&line.name).is_none_or(|spec| !spec.is_comma_list()),
        Some(_) => true,
    };
    lines.into_iter().filter(has_value).collect()
}

/// Puts the ports that tor chooses (`auto`) behind all others.
///
/// If an `auto` line stands before a line with a port number, tor may confuse
/// the listeners of the two lines at the next change of any option. Then tor
/// tries to bind the port number a second time, which fails. tor refuses the
/// change, but has already closed a port.
pub(super) fn put_auto_last(lines: &mut [ConfLine]) {
    lines.sort_by_key(|line| {
        let name = line.name.to_ascii_lowercase();
        let value = line.value.as_deref().unwrap_or_default();
        name.ends_with("port") && value.parse().is_ok_and(|line: PortLine| line.address.is_auto())
    });
}

/// Collects the lines of an answer or an event by unit. The units are returned
/// in the order in which they first appear. A unit is a group of options, or an
/// option that is in no group. Takes time in proportion to the number of lines.
pub(super) fn by_unit(
    schema: &Schema,
    lines: impl IntoIterator<Item = ConfLine>,
) -> Vec<(String, Vec<ConfLine>)> {
    let mut units: Vec<(String, Vec<ConfLine>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for line in lines {
        let unit = schema.find(&line.name).map_or(line.name.as_str(), |spec| spec.unit());
        let place = places.get(unit).copied();
        match place.and_then(|at| units.get_mut(at)) {
            Some((_, lines)) => lines.push(line),
            None => {
                places.insert(unit.to_owned(), units.len());
                units.push((unit.to_owned(), vec![line]));
            }
        }
    }
    units
}

/// Returns true if both lists of lines mean the same to tor. The names may
/// differ in case, and the values in form, such as `10 minutes` and `600`.
pub(super) fn are_the_same(schema: &Schema, a: &[ConfLine], b: &[ConfLine]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| {
            let ty = schema.find(&a.name).map_or(&ConfigType::String, |spec| &spec.ty);
            a.name.eq_ignore_ascii_case(&b.name)
                && match (&a.value, &b.value) {
                    (Some(a), Some(b)) => means_the_same(ty, a, b),
                    (a, b) => a == b,
                }
        })
}

/// Returns the values of the option `name`. `lines` may also contain lines of
/// other options.
pub(super) fn values_of(lines: &[ConfLine], name: &str) -> Vec<String> {
    let own = lines.iter().filter(|line| line.name.eq_ignore_ascii_case(name));
    own.filter_map(|line| line.value.clone()).collect()
}

/// Splits the lines of a list option into its elements.
pub(super) fn elements(spec: &Spec, lines: Vec<String>) -> Vec<String> {
    if !spec.is_comma_list() {
        return lines;
    }
    let elements = lines.iter().flat_map(|line| line.split(','));
    elements.map(str::trim).filter(|element| !element.is_empty()).map(str::to_owned).collect()
}

/// Joins elements to the lines of a list option.
pub(super) fn from_elements(spec: &Spec, elements: Vec<String>) -> Vec<String> {
    if !spec.is_comma_list() {
        return elements;
    }
    if elements.is_empty() { Vec::new() } else { vec![elements.join(",")] }
}

/// Returns the lines of an option or group, with new values for the option
/// `name`. The new values take the place of the old ones. If the option had no
/// lines, the new values are added at the end.
pub(super) fn replaced(lines: &[ConfLine], name: &str, values: Vec<String>) -> Vec<ConfLine> {
    let is_own = |line: &ConfLine| line.name.eq_ignore_ascii_case(name);
    let at = lines.iter().position(is_own).unwrap_or(lines.len());
    let new = values.into_iter().map(|value| ConfLine::new(name, Some(value)));
    let (before, after) = lines.split_at_checked(at).unwrap_or((lines, &[]));
    let after = after.iter().filter(|line| !is_own(line));
    before.iter().cloned().chain(new).chain(after.cloned()).collect()
}

/// Returns true if one of the values wasn't valid UTF-8 when it was read from
/// tor. Such a value can't be sent back unchanged.
pub(super) fn is_damaged(lines: &[ConfLine]) -> bool {
    lines.iter().any(|line| {
        line.value.as_ref().is_some_and(|value| value.contains(char::REPLACEMENT_CHARACTER))
    })
}

#[cfg(test)]
mod tests {
    use super::super::schema::tests::schema;
    use super::*;

    fn line(text: &str) -> ConfLine {
        let (name, value) =
            text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        ConfLine::new(name, value.map(str::to_owned))
    }

    fn lines(texts: &[&str]) -> Vec<ConfLine> {
        texts.iter().map(|text| line(text)).collect()
    }

    #[test]
    fn unset_options_have_no_lines() {
        let told = lines(&["ContactInfo", "ExitNodes=", "SocksPortLines", "Log=notice stdout"]);
        assert_eq!(with_values(&schema(), told), lines(&["Log=notice stdout"]));
    }

    #[test]
    fn ports_that_tor_chooses_come_last() {
        let mut ports =
            lines(&["SocksPort=127.0.0.1:auto A", "SocksPort=unix:/s", "__SocksPort=9052"]);
        put_auto_last(&mut ports);
        let expected =
            lines(&["SocksPort=unix:/s", "__SocksPort=9052", "SocksPort=127.0.0.1:auto A"]);
        assert_eq!(ports, expected);
        let mut others = lines(&["Nickname=auto", "HiddenServicePort=80 127.0.0.1:1", "Tea=a"]);
        let same = others.clone();
        put_auto_last(&mut others);
        assert_eq!(others, same);
    }

    #[test]
    fn lines_are_sorted_by_unit() {
        let told = lines(&["__SocksPort=1", "Nickname=a", "SocksPort=2", "Tea=b", "exitnode=c"]);
        let units = by_unit(&schema(), told.clone());
        let names: Vec<&str> = units.iter().map(|(unit, _)| unit.as_str()).collect();
        assert_eq!(names, ["SocksPortLines", "Nickname", "Tea", "ExitNodes"]);
        assert_eq!(units[0].1, [told[0].clone(), told[2].clone()]);
        assert_eq!(units[3].1, [told[4].clone()]);
    }

    #[test]
    fn other_lines_of_the_group_stay_where_they_are() {
        let before = lines(&["__SocksPort=1", "SocksPort=2", "__SocksPort=3", "SocksPort=4"]);
        let values = vec!["5".to_owned(), "6".to_owned()];
        let after = replaced(&before, "socksport", values);
        let expected = lines(&["__SocksPort=1", "socksport=5", "socksport=6", "__SocksPort=3"]);
        assert_eq!(after, expected);
        assert_eq!(
            replaced(&before, "SocksPort", Vec::new()),
            lines(&["__SocksPort=1", "__SocksPort=3"])
        );
        assert_eq!(values_of(&before, "SOCKSPORT"), ["2", "4"]);
    }

    #[test]
    fn comma_lists_are_split_and_joined() {
        let schema = schema();
        let spec = schema.get("ExitNodes").unwrap();
        assert_eq!(elements(spec, vec!["a, b,,{de}".into()]), ["a", "b", "{de}"]);
        assert_eq!(from_elements(spec, vec!["a".into(), "b".into()]), ["a,b"]);
        assert!(from_elements(spec, Vec::new()).is_empty());
    }
}
