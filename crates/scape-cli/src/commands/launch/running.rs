//! The addresses and files of a tor that `scape launch` has started.

use std::collections::BTreeMap;
use std::path::PathBuf;

use scape::info::ListenerKind;
use scape::process::TorProcess;
use scape::transport::Address;
use serde::Serialize;

use crate::base::context::Context;
use crate::base::environment::OF_TOR;
use crate::base::failure::Failure;
use crate::base::output::printable;

/// The environment variables that are removed before a program gets the
/// variables of the launched tor. They may belong to another tor.
pub(super) const VARIABLES: [&str; OF_TOR.len()] = OF_TOR;

/// A tor that `scape launch` has started, as it is printed with `--json`.
#[derive(Debug, Serialize)]
pub(super) struct Running {
    /// The version of tor, such as `0.4.9.8`.
    version: String,
    pid: u32,
    /// The address of the control port. `null` if the address is unknown.
    control: Option<String>,
    /// The file with the cookie that the control port requires. `null` if the
    /// port requires no cookie.
    cookie_file: Option<PathBuf>,
    /// The addresses of the SOCKS ports. Empty if tor has opened none, because
    /// the network is disabled.
    socks: Vec<String>,
    data_directory: PathBuf,
}

impl Running {
    pub(super) fn of(process: &TorProcess) -> Result<Self, Failure> {
        let controller = process.controller();
        let socks = controller.info().listeners(&ListenerKind::Socks)?;
        Ok(Running {
            version: controller.version()?.to_string(),
            pid: process.pid(),
            control: process.control_address().map(Address::to_string),
            cookie_file: cookie_file(process)?,
            socks: socks.into_iter().map(|socks| Address::from(socks).to_string()).collect(),
            data_directory: process.data_directory().to_owned(),
        })
    }

    /// Prints tor's version, process id, addresses and files.
    pub(super) fn print(&self, context: &Context) -> Result<(), Failure> {
        if context.out.is_json() {
            return context.out.value(self);
        }
        let path = |path: &PathBuf| path.display().to_string();
        let mut lines = vec![
            ("Tor", self.version.clone()),
            ("Process", self.pid.to_string()),
            ("ControlPort", self.control.clone().unwrap_or_default()),
            ("Cookie", self.cookie_file.as_ref().map(path).unwrap_or_default()),
        ];
        lines.extend(self.socks.iter().map(|address| ("SocksPort", address.clone())));
        lines.push(("Data", path(&self.data_directory)));
        let bold = anstyle::Style::new().bold();
        let shown = lines.iter().filter(|(_, text)| !text.is_empty());
        let shown =
            shown.map(|(name, text)| format!("{bold}{name:<14}{bold:#}{}", printable(text)));
        context.out.line(shown.collect::<Vec<_>>().join("\n"))?;
        context.out.note("Ctrl-C ends this tor");
        Ok(())
    }

    /// Returns the environment variables that tell a program how to reach this
    /// tor, with their values.
    pub(super) fn variables(&self) -> BTreeMap<String, String> {
        let mut variables = BTreeMap::new();
        let mut set = |name: &str, value: &str| variables.insert(name.to_owned(), value.to_owned());
        if let Some(file) = &self.cookie_file {
            set("TOR_CONTROL_COOKIE_AUTH_FILE", &file.display().to_string());
        }
        for (name, address) in [("CONTROL", self.control.as_ref()), ("SOCKS", self.socks.first())] {
            let Some(address) = address else { continue };
            set(&format!("SCAPE_{name}"), address);
            if let Ok(Address::Ip(address)) = address.parse() {
                set(&format!("TOR_{name}_HOST"), &address.ip().to_string());
                set(&format!("TOR_{name}_PORT"), &address.port().to_string());
            }
        }
        variables
    }
}

/// Returns the cookie file of the control port. Returns `None` if the port
/// doesn't require a cookie.
fn cookie_file(process: &TorProcess) -> Result<Option<PathBuf>, Failure> {
    let controller = process.controller();
    if controller.get_conf("CookieAuthentication")?.as_deref() != Some("1") {
        return Ok(None);
    }
    let file = controller.get_conf("CookieAuthFile")?.filter(|file| !file.is_empty());
    let usual = || process.data_directory().join("control_auth_cookie");
    Ok(Some(file.map_or_else(usual, PathBuf::from)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_name_the_first_ports() {
        let running = Running {
            version: "0.4.9.8".into(),
            pid: 1,
            control: Some("127.0.0.1:9051".into()),
            cookie_file: Some("/data/cookie".into()),
            socks: vec!["[::1]:9050".into(), "unix:/socks".into()],
            data_directory: "/data".into(),
        };
        let variables = running.variables();
        let expected = [
            ("SCAPE_CONTROL", "127.0.0.1:9051"),
            ("SCAPE_SOCKS", "[::1]:9050"),
            ("TOR_CONTROL_COOKIE_AUTH_FILE", "/data/cookie"),
            ("TOR_CONTROL_HOST", "127.0.0.1"),
            ("TOR_CONTROL_PORT", "9051"),
            ("TOR_SOCKS_HOST", "::1"),
            ("TOR_SOCKS_PORT", "9050"),
        ];
        let expected: BTreeMap<String, String> =
            expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(variables, expected);
        assert!(expected.keys().all(|name| VARIABLES.contains(&name.as_str())));
        // The variables of the user's own tor are removed, too.
        for name in ["TOR_CONTROL_IPC_PATH", "TOR_CONTROL_PASSWD", "SCAPE_PASSWORD_FILE"] {
            assert!(VARIABLES.contains(&name), "{name}");
        }
    }
}
