//! Groups of options in which the order of lines matters.

use super::option_named;

/// The name of the group of onion services on disk.
pub(crate) const HIDDEN_SERVICES: &str = "HiddenServiceOptions";

/// Names that begin like the options of an onion service, but apply to all of
/// tor. The last one is the name of the group.
const NOT_OF_A_SERVICE: &[&str] = &[
    "HiddenServiceStatistics",
    "HiddenServiceSingleHopMode",
    "HiddenServiceNonAnonymousMode",
    HIDDEN_SERVICES,
];

/// The first parts of the names of port options. For example, `Socks` stands
/// for `SocksPort` and `__SocksPort`, which form the group `SocksPortLines`.
const PORTS: &[&str] =
    &["Control", "Dir", "DNS", "ExtOR", "HTTPTunnel", "Metrics", "NATD", "OR", "Socks", "Trans"];

/// Returns true if `name` is an option of a single onion service on disk.
///
/// ```
/// use scape_proto::torrc::is_of_a_service;
///
/// assert!(is_of_a_service("HiddenServicePort"));
/// assert!(!is_of_a_service("HiddenServiceStatistics"));
/// ```
pub fn is_of_a_service(name: &str) -> bool {
    let begins = name.get(..13).is_some_and(|start| start.eq_ignore_ascii_case("HiddenService"));
    begins && !NOT_OF_A_SERVICE.iter().any(|other| name.eq_ignore_ascii_case(other))
}

/// Returns true if a line of the option `name` belongs to `group`. `group` is
/// the name of a group or of an option in it. An option that isn't in any group
/// forms a group by itself.
pub(crate) fn is_in(name: &str, group: &str) -> bool {
    let (name, group) = (option_named(name).unwrap_or(name), option_named(group).unwrap_or(group));
    if is_of_a_service(group) || group.eq_ignore_ascii_case(HIDDEN_SERVICES) {
        return is_of_a_service(name);
    }
    match port(group) {
        Some(wanted) => port(name) == Some(wanted) && !ends_with(name, "Lines"),
        None => name.eq_ignore_ascii_case(group),
    }
}

/// Returns the first part of the name of a port option or of its group. For
/// example, returns `Socks` for `SocksPort`, `__SocksPort` and
/// `SocksPortLines`. Returns `None` for all other names.
fn port(name: &str) -> Option<&'static str> {
    let bare = name
        .strip_prefix("__")
        .or_else(|| name.get(..name.len().checked_sub(5)?).filter(|_| ends_with(name, "Lines")));
    let bare = bare.unwrap_or(name);
    PORTS.iter().copied().find(|port| {
        bare.len() == port.len() + 4
            && ends_with(bare, "Port")
            && bare.get(..port.len()).is_some_and(|start| start.eq_ignore_ascii_case(port))
    })
}

fn ends_with(name: &str, end: &str) -> bool {
    name.len()
        .checked_sub(end.len())
        .and_then(|at| name.get(at..))
        .is_some_and(|own| own.eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_in_groups() {
        for group in [
            "HiddenServiceOptions",
            "hiddenserviceoptions",
            "HiddenServicePort",
            "HiddenServiceNew",
        ] {
            assert!(
                is_in("hiddenservicedir", group) && is_in("HiddenServicePort", group),
                "{group}"
            );
            assert!(
                !is_in("HiddenServiceStatistics", group) && !is_in("HiddenServiceOptions", group)
            );
            assert!(
                !is_in("SocksPort", group) && !is_in("HiddenServing", group) && !is_in("é", group)
            );
            // An abbreviation counts as the full name of its option.
            assert!(is_in("HiddenServic", group) && is_in("HiddenServiceD", group));
        }
        for group in ["SocksPortLines", "socksport", "__SocksPort"] {
            assert!(is_in("SocksPort", group) && is_in("__socksport", group), "{group}");
            assert!(is_in("SocksPor", group) && is_in("__so", group), "{group}");
            assert!(
                !is_in("ORPort", group)
                    && !is_in("SocksPortLines", group)
                    && !is_in("SocksPolicy", group)
            );
        }
        assert!(is_in("ORPort", "orportlines") && !is_in("ExtORPort", "ORPort"));
        assert!(is_in("contactinfo", "ContactInfo") && !is_in("Nickname", "ContactInfo"));
        assert!(
            is_in("HiddenServiceStatistics", "HiddenServiceStatistics")
                && !is_in("Lines", "Lines2")
        );
    }
}
