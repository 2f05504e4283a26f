//! Address mappings that must not reach tor.
//!
//! tor takes `example.onion.` with a trailing dot for an ordinary name, so a
//! mapping to such a name makes tor ask an exit for it. A mapping such as
//! `*.foo` to `*.` has the same effect. tor puts the text that matches the
//! asterisk before the rest of the target, so `x.onion.foo` becomes `x.onion.`.
//! The same rule applies to MAPADDRESS and to the option `MapAddress`, whether
//! SETCONF, LOADCONF or a torrc sets it.

use crate::word::is_disguised_onion;

/// The reason for rejecting a mapping. It completes the sentence "the address
/// to map to …".
pub const MAPS_TO_DISGUISED_ONION: &str = "is an onion address with a trailing dot, or makes one, which tor would look up at an exit: omit the dot";

/// Returns true if this mapping would make tor look up an onion address at an
/// exit. A mapping of an address to itself is harmless, because it removes the
/// address's mapping.
///
/// ```
/// use scape_proto::control::is_leaking_mapping;
///
/// assert!(is_leaking_mapping("shop.test", "example.onion."));
/// assert!(!is_leaking_mapping("shop.test", "example.onion"));
/// ```
pub fn is_leaking_mapping(from: &str, to: &str) -> bool {
    let is_dots = |rest: &str| rest.bytes().all(|byte| byte == b'.');
    let makes_disguised_onions = to.strip_prefix("*.").is_some_and(is_dots);
    from != to && (is_disguised_onion(to) || makes_disguised_onions)
}

/// Splits a value of the option `MapAddress` into its two addresses, as tor
/// does. Returns `None` if there are fewer than two.
///
/// ```
/// use scape_proto::control::mapped_addresses;
///
/// assert_eq!(mapped_addresses("shop.test  example.onion"), Some(("shop.test", "example.onion")));
/// assert_eq!(mapped_addresses("shop.test"), None);
/// ```
pub fn mapped_addresses(value: &str) -> Option<(&str, &str)> {
    let is_space = |c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c');
    let mut words = value.split(is_space).filter(|word| !word.is_empty());
    words.next().zip(words.next())
}

/// Returns true if tor takes `name` for the option `MapAddress`, ignoring case
/// and including abbreviations.
///
/// ```
/// use scape_proto::control::is_map_address;
///
/// assert!(is_map_address("mapaddr"));
/// assert!(!is_map_address("Nickname"));
/// ```
pub fn is_map_address(name: &str) -> bool {
    const OPTION: &str = "MapAddress";
    // The first of tor's options that begins with `Ma` isn't `MapAddress`.
    let is_long_enough = name.len() > "Ma".len();
    is_long_enough && OPTION.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
}
