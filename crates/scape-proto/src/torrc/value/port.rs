//! Values of port options: `SocksPort`, `ControlPort`, `ORPort` and others.

use super::{ConfigValueProblem, FromConfigValue, ToConfigValue, only};
use crate::info::ConfigType;
use crate::torrc::PortLine;

const RUST: &str = "a PortLine";

fn holds_ports(ty: &ConfigType) -> bool {
    matches!(ty, ConfigType::LineList | ConfigType::Dependent | ConfigType::Other(_))
}

/// Supports port options, whose type is [`ConfigType::Dependent`]. A line is
/// rejected if tor would read something else than this `PortLine` holds. For
/// example, tor would read a flag that contains a space as two flags.
impl ToConfigValue for PortLine {
    fn to_config(&self, ty: &ConfigType) -> Result<Vec<String>, ConfigValueProblem> {
        if !holds_ports(ty) {
            return Err(ConfigValueProblem::WrongType { ty: ty.clone(), rust: RUST });
        }
        let line = self.to_string();
        match line.parse::<PortLine>().is_ok_and(|read| read == *self)
            && !line.contains(char::is_control)
        {
            true => line.to_config(ty),
            false => Err(ConfigValueProblem::Unwritable { rust: RUST }),
        }
    }
}

/// Supports port options, whose type is [`ConfigType::Dependent`].
impl FromConfigValue for PortLine {
    fn from_config(ty: &ConfigType, lines: &[String]) -> Result<Self, ConfigValueProblem> {
        if !holds_ports(ty) {
            return Err(ConfigValueProblem::WrongType { ty: ty.clone(), rust: RUST });
        }
        only(lines)?.parse().map_err(|_| ConfigValueProblem::Unreadable { rust: RUST })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::torrc::PortAddress;
    use proptest::prelude::*;

    #[test]
    fn several_lines_of_a_port_option() {
        let lines = ["9050".to_owned(), "unix:\"/a b\" GroupWritable".to_owned()];
        let ports = Vec::<PortLine>::from_config(&ConfigType::Dependent, &lines).unwrap();
        assert_eq!(ports[1].address, PortAddress::Unix("/a b".into()));
        assert_eq!(ports.to_config(&ConfigType::Dependent).unwrap(), lines);
        assert!(ports[0].to_config(&ConfigType::String).is_err());
        assert!(PortLine::from_config(&ConfigType::Dependent, &["unix:".to_owned()]).is_err());
    }

    #[test]
    fn port_line_that_would_change_is_rejected() {
        for flag in ["", "a b", "#x", " a", "a\n", "a\tb", "a\x01"] {
            let line = PortLine::new(PortAddress::Auto).flag(flag);
            let problem = ConfigValueProblem::Unwritable { rust: "a PortLine" };
            assert_eq!(line.to_config(&ConfigType::Dependent), Err(problem), "{flag:?}");
        }
        for address in ["", "a b", "9050", "unix:/x"] {
            let line = PortLine::new(PortAddress::Other(address.into()));
            assert!(line.to_config(&ConfigType::Dependent).is_err(), "{address:?}");
        }
        assert!(
            PortLine::new(PortAddress::Unix("".into())).to_config(&ConfigType::Dependent).is_err()
        );
    }

    proptest! {
        #[test]
        fn port_line_value_round_trip(
            flags in proptest::collection::vec(any::<String>(), 0..3),
            path in any::<String>(),
        ) {
            let line = PortLine { flags, ..PortLine::new(PortAddress::Unix(path.into())) };
            if let Ok(lines) = line.to_config(&ConfigType::Dependent) {
                prop_assert_eq!(PortLine::from_config(&ConfigType::Dependent, &lines), Ok(line));
            }
        }
    }
}
