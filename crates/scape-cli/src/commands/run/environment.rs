//! The environment variables that make programs connect through tor's SOCKS
//! port.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;

use scape::socks::Isolation;
use scape::transport::Address;

use crate::base::environment::OF_TOR;
use crate::base::failure::{Exit, Failure};

/// The variables for proxies. Each of them is set in capitals and in small
/// letters.
const PROXIES: [&str; 4] = ["ALL_PROXY", "FTP_PROXY", "HTTPS_PROXY", "HTTP_PROXY"];
/// Further variables that are removed. Some make programs bypass the proxy or
/// use another one, others contain tor's password.
const REMOVED: &[&str] = &[
    "GIT_PROXY_COMMAND",
    // `git -c` passes its settings on in this variable, and they count more
    // than others.
    "GIT_CONFIG_PARAMETERS",
    "SOCKS_SERVER",
    "SOCKS5_SERVER",
    "TOR_SOCKS_IPC_PATH",
    "TOR_CONTROL_PASSWD",
    "SCAPE_PASSWORD_FILE",
];
/// Variables that contain a command line for starting ssh. The programs that
/// read them split this command line in different ways, but all of them know
/// single quotes.
const SSH_COMMANDS: [&str; 4] = ["GIT_SSH_COMMAND", "RSYNC_RSH", "SVN_SSH", "BORG_RSH"];
/// Variables that contain the name of an ssh program without options. ssh can't
/// be led through Tor with them, because that needs options.
const SSH_PROGRAMS: [&str; 1] = ["CVS_RSH"];
/// The value to which the [`SSH_PROGRAMS`] are set. No program has this name,
/// so ssh isn't started. The error message contains the name, which tells the
/// reason.
const NO_PROGRAM: &str = "scape-run-has-no-ssh-for-this-program";
/// The variable with the program that git starts for ssh if `GIT_SSH_COMMAND`
/// isn't set.
const GIT_SSH: &str = "GIT_SSH";
/// The variable with the number of settings that git reads from variables. The
/// names of the settings are in `GIT_CONFIG_KEY_0` and so on, and the values in
/// `GIT_CONFIG_VALUE_0` and so on.
const GIT_SETTINGS: &str = "GIT_CONFIG_COUNT";
/// The beginning of the names of variables that contain settings for git.
const GIT_SETTING: &str = "GIT_CONFIG_";
/// The variable with the address of the SOCKS port, for a `scape` that the
/// program starts.
const SOCKS: &str = "SCAPE_SOCKS";
/// The options that keep ssh from connecting without Tor. Otherwise, ssh could
/// use a shared connection that is open already, or ask a name server or a
/// Kerberos server.
const SSH_OPTIONS: &str = "-o ControlPath=none -o CanonicalizeHostname=no \
                           -o VerifyHostKeyDNS=no -o GSSAPIAuthentication=no";
/// The password for the SOCKS port. It goes with the user name of
/// [`Isolation::random`].
const PASSWORD: &str = "0";

/// Returns true if a variable may choose a proxy or make programs bypass it,
/// such as `NO_PROXY`, `PIP_PROXY` or `npm_config_https_proxy`.
pub(super) fn is_about_proxies(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with("proxy")
}

/// Returns true if programs must not inherit this variable. `is_chosen` is true
/// if the command line specifies which tor to use. Then variables that describe
/// a tor are removed, too, because they may describe a different one.
pub(super) fn is_removed(name: &str, is_chosen: bool) -> bool {
    is_about_proxies(name) || REMOVED.contains(&name) || is_chosen && OF_TOR.contains(&name)
}

/// Returns true if this variable determines whether programs connect through
/// Tor, so that no wrapper may change it.
pub(super) fn leads_through_tor(name: &str) -> bool {
    let is_socks = name == SOCKS || name.to_ascii_lowercase().starts_with("tor_socks");
    let is_ssh = SSH_COMMANDS.contains(&name) || SSH_PROGRAMS.contains(&name) || name == GIT_SSH;
    is_about_proxies(name) || is_socks || is_ssh || name.starts_with(GIT_SETTING)
}

/// Returns the variables that make a program use this SOCKS port, by name. They
/// contain new credentials for the port, so the program shares no circuit with
/// others.
pub(super) fn variables(socks: &Address) -> Result<BTreeMap<String, String>, Failure> {
    let address = address(socks)?;
    let isolation = Isolation::random();
    let user = String::from_utf8_lossy(isolation.user()).into_owned();
    // With socks5h, the proxy resolves names. With socks5, the program would
    // resolve them without Tor.
    let url = format!("socks5h://{user}:{PASSWORD}@{address}");
    let mut variables = BTreeMap::new();
    for name in PROXIES {
        variables.insert(name.to_owned(), url.clone());
        variables.insert(name.to_ascii_lowercase(), url.clone());
    }
    variables.insert(SOCKS.to_owned(), address.to_string());
    variables.insert("TOR_SOCKS_HOST".to_owned(), address.ip().to_string());
    variables.insert("TOR_SOCKS_PORT".to_owned(), address.port().to_string());
    Ok(variables)
}

/// Returns the variables that make git use `proxy`. They count more than
/// `http.proxy` in git's configuration files, which in turn counts more than
/// `ALL_PROXY`. The new setting is added to those in the user's variables,
/// which `variable` looks up.
pub(super) fn git_variables(
    proxy: &str,
    variable: impl Fn(&str) -> Option<OsString>,
) -> BTreeMap<String, String> {
    let count = variable(GIT_SETTINGS).and_then(|count| count.to_str()?.parse().ok());
    let count: u32 = count.unwrap_or(0);
    let Some(after) = count.checked_add(1) else { return BTreeMap::new() };
    BTreeMap::from([
        (GIT_SETTINGS.to_owned(), after.to_string()),
        (format!("GIT_CONFIG_KEY_{count}"), "http.proxy".to_owned()),
        (format!("GIT_CONFIG_VALUE_{count}"), proxy.to_owned()),
    ])
}

/// Returns the variables that make programs start an ssh that connects through
/// Tor. Variables that the user has set are left out. `variable` looks up the
/// user's variables. `scape` is the path of this program.
pub(super) fn ssh_variables(
    scape: &Path,
    variable: impl Fn(&str) -> Option<OsString>,
) -> BTreeMap<&'static str, String> {
    let is_unset = |name: &str| variable(name).is_none_or(|value| value.is_empty());
    let ssh = ssh(scape);
    let commands = SSH_COMMANDS
        .into_iter()
        .filter(|name| *name != "GIT_SSH_COMMAND" || is_unset(GIT_SSH))
        .map(|name| (name, ssh.clone()));
    let programs = SSH_PROGRAMS.into_iter().map(|name| (name, NO_PROGRAM.to_owned()));
    commands.chain(programs).filter(|(name, _)| is_unset(name)).collect()
}

/// Returns the command line of ssh with options that make it connect through
/// Tor.
fn ssh(scape: &Path) -> String {
    // Other letters would need quotes for ssh, its shell, and the program that
    // starts ssh, so the path is only used without such letters.
    let is_plain = |path: &&str| {
        !path.is_empty()
            && path.chars().all(|letter| letter.is_ascii_alphanumeric() || "/._-+".contains(letter))
    };
    let scape = scape.to_str().filter(is_plain).unwrap_or("scape");
    // With --isolate, ssh shares no circuit with other programs, just like the
    // started program.
    format!("ssh -o 'ProxyCommand={scape} connect --isolate %h:%p' {SSH_OPTIONS}")
}

fn address(socks: &Address) -> Result<SocketAddr, Failure> {
    match socks {
        Address::Ip(address) => Ok(*address),
        other => Err(Failure::new(
            Exit::NoTor,
            format_args!(
                "the SOCKS port {other} has no IP address, which programs need; set SocksPort in the \
                 torrc to an IP address with a port, or use --socks"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_other_proxies_and_tors_are_removed() {
        for name in ["NO_PROXY", "PIP_PROXY", "CARGO_HTTP_PROXY", "npm_config_https_proxy"] {
            assert!(is_removed(name, false), "{name}");
        }
        for name in ["npm_config_noproxy", "RSYNC_PROXY", "SOCKS_SERVER", "TOR_CONTROL_PASSWD"] {
            assert!(is_removed(name, false), "{name}");
        }
        for name in ["TOR_CONTROL_IPC_PATH", "TOR_CONTROL_PORT", "SCAPE_CONTROL"] {
            assert!(is_removed(name, true) && !is_removed(name, false), "{name}");
        }
        for name in ["PATH", "PROXY_HOST", "SCAPE_TIMEOUT"] {
            assert!(!is_removed(name, true), "{name}");
        }
    }

    #[test]
    fn ssh_connects_with_scape_unless_the_user_has_set_it() {
        let found = |set: &'static str, path: &str| {
            let value = |name: &str| (name == set).then(|| OsString::from("x"));
            ssh_variables(Path::new(path), value)
        };
        let all = found("", "/usr/bin/scape");
        let git = &all["GIT_SSH_COMMAND"];
        let start = "ssh -o 'ProxyCommand=/usr/bin/scape connect --isolate %h:%p' -o ";
        assert!(git.starts_with(start), "{git}");
        assert_eq!((&all["RSYNC_RSH"], all.len()), (git, 5));
        assert!(!found("GIT_SSH_COMMAND", "/").contains_key("GIT_SSH_COMMAND"));
        assert!(!found("GIT_SSH", "/").contains_key("GIT_SSH_COMMAND"));
        let quoted = &found("", "/it's a path/scape")["BORG_RSH"];
        let start = "ssh -o 'ProxyCommand=scape connect --isolate %h:%p' ";
        assert!(quoted.starts_with(start), "{quoted}");
    }

    #[test]
    fn proxy_of_git_is_added_to_the_settings_of_the_user() {
        let found = |count: &'static str| {
            git_variables("socks5h://a", |name| {
                assert_eq!(name, "GIT_CONFIG_COUNT");
                Some(count.into())
            })
        };
        let expected = [
            ("GIT_CONFIG_COUNT", "3"),
            ("GIT_CONFIG_KEY_2", "http.proxy"),
            ("GIT_CONFIG_VALUE_2", "socks5h://a"),
        ];
        assert_eq!(found("2"), expected.map(|(name, value)| (name.into(), value.into())).into());
        assert_eq!(found("")["GIT_CONFIG_KEY_0"], "http.proxy");
        assert_eq!(git_variables("socks5h://a", |_| None), found("0"));
        assert!(found("4294967295").is_empty());
    }

    #[test]
    fn each_run_has_credentials_of_its_own() {
        let socks = Address::from(9050);
        let [first, second] = [(); 2].map(|()| variables(&socks).unwrap());
        assert!(first["ALL_PROXY"].starts_with("socks5h://"), "{first:?}");
        assert!(first["https_proxy"].ends_with(":0@127.0.0.1:9050"), "{first:?}");
        assert_eq!(first["ALL_PROXY"], first["http_proxy"]);
        assert_ne!(first["ALL_PROXY"], second["ALL_PROXY"]);
        assert_eq!((&*first["TOR_SOCKS_HOST"], &*first["TOR_SOCKS_PORT"]), ("127.0.0.1", "9050"));
        assert!(variables(&std::path::PathBuf::from("/run/tor/socks").into()).is_err());
    }
}
