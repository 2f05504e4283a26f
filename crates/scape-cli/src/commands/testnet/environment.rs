//! The variables that tell a program how to reach a network.

use std::collections::BTreeMap;

use scape::testing::TestNetwork;
use scape::transport::Address;

use super::settings::WEB;
use super::web::WebServer;

/// The variables, by name:
///
/// | variable | value |
/// |---|---|
/// | `SCAPE_CONTROL`, `TOR_CONTROL_HOST`, `TOR_CONTROL_PORT` | the client's control port |
/// | `TOR_CONTROL_COOKIE_AUTH_FILE` | its cookie file |
/// | `SCAPE_SOCKS`, `TOR_SOCKS_HOST`, `TOR_SOCKS_PORT` | the client's SOCKS port |
/// | `SCAPE_TESTNET_PROXY` | the SOCKS port as a URL, for curl and the like |
/// | `SCAPE_TESTNET_BRIDGES` | `Bridge` lines, if there are bridges, one a line |
/// | `SCAPE_TESTNET_WEB` | the URL of the web server without a final slash, with `--web` |
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

/// Returns the variables as commands for a shell.
pub(super) fn exports(variables: &BTreeMap<String, String>) -> String {
    let lines = variables.iter().map(|(name, value)| {
        // A quote ends the quoted part, so it is put between two parts.
        format!("export {name}='{}'", value.replace('\'', r"'\''"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_for_shells() {
        let variables = BTreeMap::from([("A".to_owned(), "it's $x".to_owned())]);
        assert_eq!(exports(&variables), r"export A='it'\''s $x'");
    }
}
