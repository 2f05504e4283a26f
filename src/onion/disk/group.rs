//! Parser and formatter for the whole group of `HiddenService…` lines.

use super::value::{DIRECTORY, DiskOnion};
use crate::error::{Error, Result};
use scape_proto::control::ConfLine;

/// Parses the lines that `GETCONF HiddenServiceOptions` returns. Each
/// `HiddenServiceDir` begins a service, and the following lines belong to it.
///
/// ```
/// use scape::onion::disk::{format_group, parse_group};
/// use scape::control::ConfLine;
///
/// let line = |name: &str, value: &str| ConfLine::new(name, Some(value.to_owned()));
/// let lines = vec![
///     line("HiddenServiceDir", "/srv/a"),
///     line("HiddenServicePort", "80"),
///     line("HiddenServiceDir", "/srv/b"),
///     line("HiddenServicePort", "22"),
///     line("HiddenServiceSomethingNew", "x"),
/// ];
/// let services = parse_group(lines.clone())?;
/// assert_eq!(services[1].get("HiddenServiceSomethingNew"), Some("x"));
/// assert_eq!(format_group(&services), lines);
/// # Ok::<(), scape::Error>(())
/// ```
///
/// # Errors
///
/// Returns an error of the kind
/// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if lines come before
/// the first `HiddenServiceDir`. The error shows these lines. tor itself
/// refuses such a configuration.
pub fn parse_group(lines: impl IntoIterator<Item = ConfLine>) -> Result<Vec<DiskOnion>> {
    let mut services: Vec<DiskOnion> = Vec::new();
    let mut stray = Vec::new();
    for line in lines {
        if line.name.eq_ignore_ascii_case(DIRECTORY) {
            match line.value {
                Some(directory) => {
                    services.push(DiskOnion::from_lines(directory.into(), Vec::new()));
                }
                // A `HiddenServiceDir` without a value means that there are no
                // services.
                None => continue,
            }
        } else if let Some(service) = services.last_mut() {
            service.push(line);
        } else if line.value.is_some() {
            stray.push(line.to_string());
        }
    }
    if stray.is_empty() {
        return Ok(services);
    }
    let problem =
        format!("lines before the first {DIRECTORY} belong to no service: {}", stray.join("; "));
    Err(Error::answer("GETCONF HiddenServiceOptions", problem))
}

/// Returns the lines of several services in the order in which SETCONF needs
/// them. This is the inverse of [`parse_group`].
///
/// ```
/// use scape::onion::disk::{DiskOnion, format_group};
///
/// let services = ["/srv/a", "/srv/b"].map(|directory| DiskOnion::new(directory).local_port(80));
/// let lines: Vec<String> = format_group(&services).iter().map(ToString::to_string).collect();
/// assert_eq!(lines, [
///     "HiddenServiceDir /srv/a", "HiddenServicePort 80",
///     "HiddenServiceDir /srv/b", "HiddenServicePort 80",
/// ]);
/// ```
pub fn format_group(services: &[DiskOnion]) -> Vec<ConfLine> {
    services.iter().flat_map(DiskOnion::lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use scape_proto::control::parse_conf_line;

    fn line(text: &str) -> ConfLine {
        parse_conf_line(text.as_bytes())
    }

    #[test]
    fn empty_group_has_no_services() {
        for nothing in [vec![], vec![line("HiddenServiceOptions")], vec![line("HiddenServiceDir")]]
        {
            assert_eq!(parse_group(nothing).unwrap(), []);
        }
    }

    #[test]
    fn lines_before_the_first_service_are_shown_in_the_error() {
        let lines = [
            line("HiddenServicePort=80"),
            line("HiddenServiceDir=/a"),
            line("HiddenServicePort=81"),
        ];
        let error = parse_group(lines).unwrap_err().to_string();
        assert!(error.contains("HiddenServicePort 80") && !error.contains("81"), "{error}");
    }

    #[test]
    fn quoted_lines_of_tor_are_parsed() {
        let services = parse_group([
            line(r#"HiddenServiceDir="/srv/caf\303\251 #1""#),
            line(r#"HiddenServicePort="80 unix:\"/a \303\251#\"""#),
            line(r#"HiddenServiceDir=/srv/a "b" \c"#),
            line("HiddenServiceFoo=a=b"),
        ])
        .unwrap();
        assert_eq!(services[0].directory().to_str(), Some("/srv/café #1"));
        assert_eq!(services[0].ports()[0].target.to_string(), r#"unix:"/a é#""#);
        assert_eq!(services[1].directory().to_str(), Some(r#"/srv/a "b" \c"#));
        assert_eq!(services[1].get("hiddenservicefoo"), Some("a=b"));
    }

    fn lines() -> impl Strategy<Value = Vec<ConfLine>> {
        let name = prop_oneof![
            Just("HiddenServiceDir".to_owned()),
            Just("HiddenServicePort".to_owned()),
            "HiddenService[A-Za-z]{1,10}",
        ];
        let line = (name, ".{0,20}").prop_map(|(name, value)| ConfLine::new(name, Some(value)));
        proptest::collection::vec(line, 0..20).prop_map(|mut lines| {
            lines.insert(0, ConfLine::new("HiddenServiceDir", Some("/first".into())));
            lines
        })
    }

    proptest! {
        #[test]
        fn parsed_group_is_formatted_unchanged(lines in lines()) {
            let services = parse_group(lines.clone()).unwrap();
            prop_assert_eq!(format_group(&services), lines);
        }
    }
}
