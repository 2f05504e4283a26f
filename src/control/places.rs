//! The addresses where tor's control port usually is, and the environment
//! variables that name a control port.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use super::credentials::Credentials;
use crate::error::Result;
use crate::io::transport::Address;
use scape_proto::control::{ArgumentError, read_quoted_string};
use scape_proto::word::Secret;

/// The variable that names the control port. It takes precedence over the
/// variables of Tor Browser.
const ADDRESS: &str = "SCAPE_CONTROL";

// The variables of Tor Browser, which Whonix and others set for it.
const IPC_PATH: &str = "TOR_CONTROL_IPC_PATH";
const HOST: &str = "TOR_CONTROL_HOST";
const PORT: &str = "TOR_CONTROL_PORT";
const PASSWORD: &str = "TOR_CONTROL_PASSWD";
const COOKIE_FILE: &str = "TOR_CONTROL_COOKIE_AUTH_FILE";
const SOCKS_IPC_PATH: &str = "TOR_SOCKS_IPC_PATH";
const SOCKS_HOST: &str = "TOR_SOCKS_HOST";
const SOCKS_PORT: &str = "TOR_SOCKS_PORT";

/// The number of Tor Browser's control port, the default if the environment
/// names only a host.
const TOR_BROWSER_PORT: u16 = 9151;
/// The number of Tor Browser's SOCKS port, the default if the environment names
/// only a host.
const TOR_BROWSER_SOCKS: u16 = 9150;

/// Returns the usual places of control ports, in the order in which they are
/// tried: Unix sockets, then the ports of tor, Tor Browser and Tor Messenger.
pub(super) fn usual_places() -> Vec<Address> {
    let mut places: Vec<Address> = Vec::new();
    #[cfg(unix)]
    {
        places.extend(
            ["/run/tor/control", "/var/run/tor/control"].map(|path| PathBuf::from(path).into()),
        );
        let user = rustix::process::geteuid().as_raw();
        places.push(PathBuf::from(format!("/run/user/{user}/Tor/control.socket")).into());
    }
    #[cfg(target_os = "macos")]
    {
        places.push(PathBuf::from("/usr/local/var/run/tor/control.socket").into());
        if let Some(home) = env::var_os("HOME").filter(|home| !home.is_empty()) {
            let path = "Library/Application Support/TorBrowser-Data/Tor/control.socket";
            places.push(PathBuf::from(home).join(path).into());
        }
    }
    places.extend([9051, TOR_BROWSER_PORT, 9153].map(Address::from));
    places
}

/// Returns the password or the cookie file from this process's environment, for
/// a control port at `address`. Returns no credentials if they aren't meant for
/// this address.
///
/// The credentials are meant for addresses on this machine, and for the address
/// that the environment names. No other address gets them, because an attacker
/// may have chosen that address.
pub(super) fn credentials_at(address: &Address) -> Credentials {
    credentials_of(address, |variable| env::var_os(variable))
}

fn credentials_of(address: &Address, variable: impl Fn(&str) -> Option<OsString>) -> Credentials {
    // Variables that can't be parsed name no address.
    let is_named =
        || Environment::of(&variable).is_ok_and(|named| named.address.as_ref() == Some(address));
    if !address.is_on_this_machine() && !is_named() {
        return Credentials::default();
    }
    credentials(|name| variable(name).filter(|value| !value.is_empty()))
}

fn credentials(set: impl Fn(&str) -> Option<OsString>) -> Credentials {
    let password = set(PASSWORD);
    // Tor Browser ignores the cookie file if there is a password.
    let cookie_file = set(COOKIE_FILE).filter(|_| password.is_none()).map(PathBuf::from);
    Credentials {
        passwords: password.map(|password| readings(&password)).unwrap_or_default(),
        cookie_file,
    }
}

/// Returns the SOCKS port that the environment of this process names. Returns
/// `None` if the environment names no SOCKS port. Also returns `None` if it
/// sets `SCAPE_CONTROL`, because then the SOCKS port may belong to a different
/// tor from the control port.
///
/// # Errors
///
/// Same errors as [`Connect::from_env`](super::Connect::from_env): a variable
/// that can't be parsed. The error names the variable.
pub(crate) fn environment_socks() -> Result<Option<Address>> {
    Environment::read().map(|environment| environment.socks)
}

/// The values of the environment variables that this library reads.
#[derive(Debug, Default)]
pub(super) struct Environment {
    /// The address of the control port. `None` if no variable names one.
    pub(super) address: Option<Address>,
    pub(super) credentials: Credentials,
    /// The address of the SOCKS port of the same tor. `None` if no variable
    /// names a SOCKS port, or if `SCAPE_CONTROL` is set.
    pub(super) socks: Option<Address>,
}

impl Environment {
    /// Reads the environment of this process.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if a variable with
    /// an address or port can't be parsed. The error names the variable.
    pub(super) fn read() -> Result<Environment> {
        Environment::of(|variable| env::var_os(variable))
    }

    fn of(variable: impl Fn(&str) -> Option<OsString>) -> Result<Environment> {
        // Programs that start other programs clear a variable by setting it to
        // an empty value.
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let text = |name: &str| -> Result<Option<String>> {
            let not_text = |_| ArgumentError::invalid("connect", name, "is not UTF-8");
            Ok(set(name).map(|value| value.into_string().map_err(not_text)).transpose()?)
        };
        let bad = |name: &str, why: String| ArgumentError::invalid("connect", name, why);

        // Reads an address that is given as the path of a Unix socket, or as a
        // host and a port.
        let port_at =
            |path: &str, host: &str, port: &str, default: u16| -> Result<Option<Address>> {
                if let Some(path) = set(path).filter(|_| cfg!(unix)) {
                    return Ok(Some(PathBuf::from(path).into()));
                }
                let (given_host, given_port) = (text(host)?, text(port)?);
                let name = if given_host.is_some() { host } else { port };
                let number = match &given_port {
                    Some(given) => match given.parse::<u16>() {
                        Ok(number) if number > 0 && !given.starts_with('+') => Some(number),
                        _ => {
                            let why = format!("is {given:?}, and must be a number from 1 to 65535");
                            return Err(bad(port, why).into());
                        }
                    },
                    None => given_host.as_ref().map(|_| default),
                };
                let host = given_host.as_deref().unwrap_or("127.0.0.1");
                Ok(number
                    .map(|number| Address::tcp(host, number))
                    .transpose()
                    .map_err(|error| bad(name, error.to_string()))?)
            };
        let credentials = credentials(set);
        if let Some(address) = text(ADDRESS)? {
            let address =
                address.parse::<Address>().map_err(|error| bad(ADDRESS, error.to_string()))?;
            // The variables for the SOCKS port may belong to another tor, so
            // they are ignored.
            return Ok(Environment { address: Some(address), credentials, socks: None });
        }
        let address = port_at(IPC_PATH, HOST, PORT, TOR_BROWSER_PORT)?;
        let socks = port_at(SOCKS_IPC_PATH, SOCKS_HOST, SOCKS_PORT, TOR_BROWSER_SOCKS)?;
        Ok(Environment { address, credentials, socks })
    }
}

/// Returns the passwords that a value in the environment may mean, the
/// likeliest first.
///
/// Tor Browser sends the value to tor unchanged, so a value for Tor Browser is
/// quoted or in hexadecimal. For other programs, the value is a plain password,
/// which may happen to look like hexadecimal.
fn readings(value: &OsString) -> Vec<Secret> {
    let value = value.as_encoded_bytes();
    let mut readings = Vec::new();
    if let Some(text) = read_quoted_string(value) {
        readings.push(Secret::new(text.to_vec()));
    } else if let Ok(bytes) = hex::decode(value) {
        readings.push(Secret::new(bytes));
    }
    readings.push(Secret::new(value));
    readings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Environment> {
        Environment::of(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        })
    }

    fn address(variables: &[(&str, &str)]) -> Option<String> {
        read(variables).unwrap().address.map(|address| address.to_string())
    }

    #[test]
    fn control_port_variables_are_read_like_in_tor_browser() {
        assert_eq!(address(&[]), None);
        assert_eq!(address(&[(PORT, "")]), None);
        assert_eq!(address(&[(PORT, "9051")]).as_deref(), Some("127.0.0.1:9051"));
        assert_eq!(address(&[(HOST, "192.0.2.1")]).as_deref(), Some("192.0.2.1:9151"));
        assert_eq!(address(&[(HOST, "::1"), (PORT, "1")]).as_deref(), Some("[::1]:1"));
        assert_eq!(address(&[(HOST, "gateway"), (PORT, "9052")]).as_deref(), Some("gateway:9052"));
        let socket = (IPC_PATH, "/run/a b/control.sock");
        let found = address(&[socket, (HOST, "192.0.2.1"), (PORT, "9051")]);
        let expected = if cfg!(unix) { "unix:/run/a b/control.sock" } else { "192.0.2.1:9051" };
        assert_eq!(found.as_deref(), Some(expected));
        assert_eq!(
            address(&[(ADDRESS, "9052"), socket, (PORT, "x")]).as_deref(),
            Some("127.0.0.1:9052")
        );
    }

    #[test]
    fn socks_port_variables_are_read_like_in_tor_browser() {
        let socks = |variables: &[(&str, &str)]| {
            read(variables).unwrap().socks.map(|address| address.to_string())
        };
        assert_eq!(socks(&[(PORT, "9051"), (SOCKS_PORT, "")]), None);
        assert_eq!(socks(&[(SOCKS_PORT, "9050")]).as_deref(), Some("127.0.0.1:9050"));
        assert_eq!(socks(&[(SOCKS_HOST, "10.152.152.10")]).as_deref(), Some("10.152.152.10:9150"));
        let both = [(SOCKS_HOST, "::1"), (SOCKS_PORT, "9100")];
        assert_eq!(socks(&both).as_deref(), Some("[::1]:9100"));
        let with_path = [both[0], both[1], (SOCKS_IPC_PATH, "/run/socks")];
        let expected = if cfg!(unix) { "unix:/run/socks" } else { "[::1]:9100" };
        assert_eq!(socks(&with_path).as_deref(), Some(expected));
        // The control port in this library's own variable may belong to another
        // tor. So the variables for the SOCKS port are ignored.
        assert_eq!(socks(&[both[0], (SOCKS_PORT, "x"), (ADDRESS, "9052")]), None);
    }

    #[test]
    fn error_names_the_invalid_variable() {
        for (name, value) in [
            (PORT, "0"),
            (PORT, "65536"),
            (PORT, "+9051"),
            (PORT, "tcp:9051"),
            (HOST, "a b"),
            (HOST, "x.onion"),
            (ADDRESS, "no:such:address"),
            (SOCKS_PORT, "x"),
            (SOCKS_HOST, "a b"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            let error = error.exact::<ArgumentError>().unwrap();
            assert_eq!(error.argument(), name, "{value}");
            assert!(error.to_string().contains(value), "{error}");
        }
    }

    #[test]
    fn password_is_read_quoted_hexadecimal_or_plain() {
        let passwords = |value: &str| -> Vec<Vec<u8>> {
            let read = read(&[(PASSWORD, value)]).unwrap();
            read.credentials.passwords.iter().map(|password| password.expose().to_vec()).collect()
        };
        assert_eq!(passwords("\"open sesame\""), [&b"open sesame"[..], b"\"open sesame\""]);
        assert_eq!(passwords("\"say \\\"friend\\\" \\\\\"")[0], b"say \"friend\" \\");
        assert_eq!(passwords("6f70656e"), [&b"open"[..], b"6f70656e"]);
        assert_eq!(passwords("6F70656"), [b"6F70656"]);
        assert_eq!(passwords("open sesame"), [b"open sesame"]);
        assert_eq!(passwords("\"half"), [b"\"half"]);
    }

    #[test]
    fn credentials_are_for_this_machine_and_for_the_address_in_the_environment() {
        let has_credentials = |address: &str, variables: &[(&str, &str)]| {
            let credentials = credentials_of(&address.parse().unwrap(), |name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
            });
            !credentials.passwords.is_empty() || credentials.cookie_file.is_some()
        };
        for secret in [(PASSWORD, "sesame"), (COOKIE_FILE, "/run/tor/control.authcookie")] {
            for local in ["9051", "[::1]:9051", "localhost:9051", "unix:/run/tor/control"] {
                assert!(has_credentials(local, &[secret]), "{local}");
                assert!(!has_credentials(local, &[]), "{local}");
            }
            for other in ["192.0.2.1:9051", "[2001:db8::1]:9051", "tor.example:9051"] {
                assert!(!has_credentials(other, &[secret]), "{other}");
                assert!(!has_credentials(other, &[secret, (ADDRESS, "192.0.2.7:9051")]), "{other}");
                assert!(!has_credentials(other, &[secret, (PORT, "x")]), "{other}");
                assert!(has_credentials(other, &[secret, (ADDRESS, other)]), "{other}");
            }
            assert!(has_credentials("gateway:9052", &[secret, (HOST, "gateway"), (PORT, "9052")]));
            assert!(!has_credentials("gateway:9052", &[secret, (HOST, "gateway"), (PORT, "9051")]));
        }
    }

    #[test]
    fn cookie_file_is_ignored_with_a_password() {
        let cookie = (COOKIE_FILE, "/run/tor/control.authcookie");
        let file = |variables: &[(&str, &str)]| read(variables).unwrap().credentials.cookie_file;
        assert_eq!(file(&[cookie]), Some("/run/tor/control.authcookie".into()));
        assert_eq!(file(&[cookie, (PASSWORD, "x")]), None);
    }

    #[test]
    fn usual_places_are_those_of_tor_and_tor_browser() {
        let places: Vec<String> = usual_places().iter().map(Address::to_string).collect();
        assert!(places.ends_with(&[
            "127.0.0.1:9051".into(),
            "127.0.0.1:9151".into(),
            "127.0.0.1:9153".into()
        ]));
        #[cfg(unix)]
        {
            let user = rustix::process::geteuid().as_raw();
            assert_eq!(places[0], "unix:/run/tor/control");
            assert!(places.contains(&format!("unix:/run/user/{user}/Tor/control.socket")));
        }
    }
}
