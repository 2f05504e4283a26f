//! The environment variables that tell a program how to reach a private
//! network.

use std::collections::BTreeMap;

use scape::testing::TestNetwork;
use scape::transport::Address;

use super::settings::WEB;
use super::web::WebServer;
use crate::base::environment::OF_TOR;

/// Returns the variables for programs, by name:
///
/// * `SCAPE_CONTROL`, `TOR_CONTROL_HOST` and `TOR_CONTROL_PORT`: the control
///   port of the client.
/// * `TOR_CONTROL_COOKIE_AUTH_FILE`: the cookie file of that control port.
/// * `SCAPE_SOCKS`, `TOR_SOCKS_HOST` and `TOR_SOCKS_PORT`: the SOCKS port of
///   the client.
/// * `SCAPE_TESTNET_PROXY`: this SOCKS port as a URL, for curl and the like.
/// * `SCAPE_TESTNET_BRIDGES`: the `Bridge` lines, one per line. Only set if
///   there are bridges.
/// * `SCAPE_TESTNET_WEB`: the URL of the web server, without a final slash.
///   Only set with `--web`.
pub(super) fn variables(
    network: &TestNetwork,
    web: Option<&WebServer>,
) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    let mut set = |name: &str, value: String| variables.insert(name.to_owned(), value);
    set("SCAPE_CONTROL", network.control_address().to_string());
    set("SCAPE_SOCKS", network.socks().to_string());
    set("SCAPE_TESTNET_PROXY", format!("socks5h://{}", network.socks()));
    let cookie = network.cookie_file().display().to_string();
    set("TOR_CONTROL_COOKIE_AUTH_FILE", cookie);
    for (name, address) in [("CONTROL", network.control_address()), ("SOCKS", network.socks())] {
        if let Address::Ip(address) = address {
            set(&format!("TOR_{name}_HOST"), address.ip().to_string());
            set(&format!("TOR_{name}_PORT"), address.port().to_string());
        }
    }
    let bridges: Vec<String> = network.bridges().filter_map(|node| node.bridge_line()).collect();
    if !bridges.is_empty() {
        set("SCAPE_TESTNET_BRIDGES", bridges.join("\n"));
    }
    if let Some(web) = web {
        set("SCAPE_TESTNET_WEB", format!("http://{WEB}:{}", web.port()));
    }
    variables
}

/// Returns shell commands that set these variables, and unset all other
/// variables that tell programs how to reach a tor.
pub(super) fn exports(variables: &BTreeMap<String, String>) -> String {
    let others: Vec<&str> =
        OF_TOR.into_iter().filter(|name| !variables.contains_key(*name)).collect();
    let unset = (!others.is_empty()).then(|| format!("unset {}", others.join(" ")));
    let lines = variables.iter().map(|(name, value)| {
        // In the shell, a quote ends a quoted text. So a quote in the value is
        // written as `\'` between two quoted texts.
        format!("export {name}='{}'", value.replace('\'', r"'\''"))
    });
    unset.into_iter().chain(lines).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_for_shells() {
        let variables = BTreeMap::from([("A".to_owned(), "it's $x".to_owned())]);
        let commands = exports(&variables);
        assert_eq!(commands.lines().nth(1), Some(r"export A='it'\''s $x'"));
    }

    #[test]
    fn variables_of_other_tors_are_unset() {
        let mut variables = BTreeMap::from([("SCAPE_CONTROL".to_owned(), "x".to_owned())]);
        let commands = exports(&variables);
        let unset = commands.lines().next().unwrap();
        assert!(unset.starts_with("unset SCAPE_PASSWORD_FILE SCAPE_SOCKS "), "{unset}");
        assert!(unset.contains(" TOR_CONTROL_IPC_PATH ") && !unset.contains("SCAPE_CONTROL"));
        variables.extend(OF_TOR.map(|name| (name.to_owned(), "x".to_owned())));
        assert!(exports(&variables).starts_with("export "));
    }
}
