//! Which options belong together, so that the order of their lines counts.

use crate::config::option_named;

/// The group of onion services on disk.
pub(crate) const HIDDEN_SERVICES: &str = "HiddenServiceOptions";

/// They begin as the options of a service do, and are none: each is for all of
/// tor. The last is the group's name.
const NOT_OF_A_SERVICE: &[&str] = &[
    "HiddenServiceStatistics",
    "HiddenServiceSingleHopMode",
    "HiddenServiceNonAnonymousMode",
    HIDDEN_SERVICES,
];

/// `SocksPort` and `__SocksPort` are the group `SocksPortLines`, and so on.
const PORTS: &[&str] =
    &["Control", "Dir", "DNS", "ExtOR", "HTTPTunnel", "Metrics", "NATD", "OR", "Socks", "Trans"];

/// Whether it is an option of one onion service on disk.
pub(crate) fn is_of_a_service(name: &str) -> bool {
    let begins = name.get(..13).is_some_and(|start| start.eq_ignore_ascii_case("HiddenService"));
    begins && !NOT_OF_A_SERVICE.iter().any(|other| name.eq_ignore_ascii_case(other))
}

/// Whether a line of the option `name` belongs to `group`: a group's name, an
/// option that is in a group, or an option that is in none.
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

/// Which port it is, of `SocksPort`, `__SocksPort` and `SocksPortLines`.
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
    fn what_belongs_together() {
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
            // Abbreviations count as what tor takes them for.
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
