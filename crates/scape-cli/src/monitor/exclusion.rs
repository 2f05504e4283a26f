//! Adds relays to tor's option `ExcludeNodes`, or removes them. tor doesn't use
//! these relays for circuits.

use scape::word::Fingerprint;
use scape::{Controller, Result};

/// The name of the option with the relays that tor avoids.
pub(crate) const OPTION: &str = "ExcludeNodes";

/// Returns true if `value`, a value of the option, contains the fingerprint of
/// this relay.
pub(crate) fn contains(value: &str, relay: Fingerprint) -> bool {
    entries(value).any(|entry| is_relay(entry, relay))
}

/// Adds a relay to tor's option if `is_excluded` is true, and removes it
/// otherwise. Other entries of the option stay. Returns the message for the
/// user.
pub(crate) fn change(
    controller: &Controller,
    relay: Fingerprint,
    is_excluded: bool,
) -> Result<&'static str> {
    let value = controller.get_conf(OPTION)?.unwrap_or_default();
    // An empty value clears the list, even if tor's file of defaults has a
    // value.
    controller.set_conf([(OPTION, changed(&value, relay, is_excluded))])?;
    Ok(match is_excluded {
        true => "tor avoids the relay in new circuits; press W on the page Config to save that",
        false => "tor may use the relay again",
    })
}

fn changed(value: &str, relay: Fingerprint, is_excluded: bool) -> String {
    let mut entries: Vec<String> =
        entries(value).filter(|entry| !is_relay(entry, relay)).map(str::to_owned).collect();
    if is_excluded {
        entries.push(format!("${relay}"));
    }
    entries.join(",")
}

fn entries(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

/// Returns true if an entry of the option is the fingerprint of this relay. A
/// nickname may follow the fingerprint.
fn is_relay(entry: &str, relay: Fingerprint) -> bool {
    let text = entry.trim_start_matches('$');
    let text = text.split(['~', '=']).next().unwrap_or_default();
    text.parse() == Ok(relay)
}

#[cfg(test)]
mod tests {
    use scape::Connect;
    use scape::testing::ScriptedTor;

    use super::*;

    #[test]
    fn last_entry_is_removed_with_an_empty_value() {
        let one = "$0000000000000000000000000000000000000001";
        let tor = ScriptedTor::builder()
            .on("GETCONF ExcludeNodes", &*format!("250 ExcludeNodes={one}\r\n"))
            .on("SETCONF ExcludeNodes=\"\"", "250 OK\r\n")
            .on_prefix("GETINFO", "552 Unrecognized\r\n")
            .on_prefix("ONION_CLIENT_AUTH_VIEW", "250 OK\r\n")
            .start()
            .unwrap();
        let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
        change(&controller, one.parse().unwrap(), false).unwrap();
        let sent = tor.sent();
        assert!(sent.iter().any(|line| line == "SETCONF ExcludeNodes=\"\""), "{sent:?}");
    }

    #[test]
    fn other_entries_stay() {
        let relay: Fingerprint = "0000000000000000000000000000000000000001".parse().unwrap();
        let value = "{de}, 10.0.0.0/8,$0000000000000000000000000000000000000001~one";
        assert!(contains(value, relay) && !contains("{de}", relay));
        assert_eq!(changed(value, relay, false), "{de},10.0.0.0/8");
        assert_eq!(changed("{de}", relay, true), format!("{{de}},${relay}"));
        assert_eq!(changed(&changed("", relay, true), relay, false), "");
    }
}
