//! The whole group of `HiddenService…` lines.

use super::value::{DIRECTORY, DiskOnion};
use crate::error::{Error, Result};
use crate::protocol::ConfLine;

/// Reads the lines that `GETCONF HiddenServiceOptions` gives: each
/// `HiddenServiceDir` begins a service, and what follows belongs to it.
///
/// ```
/// use scape::onion::disk::{format_group, parse_group};
/// use scape::protocol::ConfLine;
///
/// let line = |name: &str, value: &str| ConfLine::new(name, Some(value.to_owned()));
/// let lines = vec![
///     line("HiddenServiceDir", "/srv/a"), line("HiddenServicePort", "80"),
///     line("HiddenServiceDir", "/srv/b"), line("HiddenServicePort", "22"), line("HiddenServiceSomethingNew", "x"),
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
/// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed), which shows the
/// lines, if lines come before the first `HiddenServiceDir`. (tor refuses such
/// a configuration.)
pub fn parse_group(lines: impl IntoIterator<Item = ConfLine>) -> Result<Vec<DiskOnion>> {
    let mut services: Vec<DiskOnion> = Vec::new();
    let mut stray = Vec::new();
    for line in lines {
        if line.name.eq_ignore_ascii_case(DIRECTORY) {
            match line.value {
                Some(directory) => {
                    services.push(DiskOnion::from_lines(directory.into(), Vec::new()));
                }
                // There is none at all.
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

/// The lines of several services: what SETCONF is told, name by name.
pub fn format_group(services: &[DiskOnion]) -> Vec<ConfLine> {
    services.iter().flat_map(DiskOnion::lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::parse_conf_line;
    use proptest::prelude::*;

    fn line(text: &str) -> ConfLine {
        parse_conf_line(text.as_bytes())
    }

    #[test]
    fn no_service_at_all() {
        for nothing in [vec![], vec![line("HiddenServiceOptions")], vec![line("HiddenServiceDir")]]
        {
            assert_eq!(parse_group(nothing).unwrap(), []);
        }
    }

    #[test]
    fn lines_that_belong_to_nobody_are_shown() {
        let lines = [
            line("HiddenServicePort=80"),
            line("HiddenServiceDir=/a"),
            line("HiddenServicePort=81"),
        ];
        let error = parse_group(lines).unwrap_err().to_string();
        assert!(error.contains("HiddenServicePort 80") && !error.contains("81"), "{error}");
    }

    #[test]
    fn as_tor_writes_it() {
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
        fn what_is_read_is_what_is_written(lines in lines()) {
            let services = parse_group(lines.clone()).unwrap();
            prop_assert_eq!(format_group(&services), lines);
        }
    }
}
