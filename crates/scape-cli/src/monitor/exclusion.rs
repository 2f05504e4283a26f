//! The relays that tor doesn't use for circuits (option `ExcludeNodes`).

use scape::word::Fingerprint;
use scape::{Controller, Result};

/// The option's name.
pub(crate) const OPTION: &str = "ExcludeNodes";

/// Returns true if the option's value contains the fingerprint of this relay.
pub(crate) fn contains(value: &str, relay: Fingerprint) -> bool {
    entries(value).any(|entry| is_relay(entry, relay))
}

/// Adds a relay to the option if `is_excluded` is true. Otherwise, removes it.
/// Other entries stay. Returns the message for the user.
pub(crate) fn change(
    controller: &Controller,
    relay: Fingerprint,
    is_excluded: bool,
) -> Result<&'static str> {
    let value = controller.get_conf(OPTION)?.unwrap_or_default();
    match changed(&value, relay, is_excluded) {
        value if value.is_empty() => controller.reset_conf([OPTION])?,
        value => controller.set_conf([(OPTION, value)])?,
    }
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

/// Returns true if an entry is the fingerprint of a relay, with or without its
/// nickname.
fn is_relay(entry: &str, relay: Fingerprint) -> bool {
    let text = entry.trim_start_matches('$');
    let text = text.split(['~', '=']).next().unwrap_or_default();
    text.parse() == Ok(relay)
}

#[cfg(test)]
mod tests {
    use super::*;

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
