//! Address mappings that must not reach tor.
//!
//! tor takes `example.onion.` with a trailing dot for an ordinary name, so a
//! mapping to such a name makes tor ask an exit for that name. A mapping such
//! as `*.foo` to `*.` has the same effect. tor replaces the asterisk in `*.`
//! with the text that the asterisk in `*.foo` stands for. `x.onion.foo`
//! therefore becomes `x.onion.`. The same rule applies to MAPADDRESS and to the
//! option `MapAddress`, whether SETCONF, LOADCONF or a torrc sets it.

use crate::word::is_disguised_onion;

/// The reason for rejecting a mapping. It completes the sentence "the address
/// to map to …".
pub(crate) const MAPS_TO_DISGUISED_ONION: &str = "is an onion address with a trailing dot, or makes one, which tor would look up at an exit: omit the dot";

/// Returns true if this mapping would make tor look up an onion address at an
/// exit. A mapping of an address to itself is harmless, because tor then only
/// removes the mapping of this address.
pub(crate) fn is_leaking_mapping(from: &str, to: &str) -> bool {
    let is_dots = |rest: &str| rest.bytes().all(|byte| byte == b'.');
    let makes_disguised_onions = to.strip_prefix("*.").is_some_and(is_dots);
    from != to && (is_disguised_onion(to) || makes_disguised_onions)
}

/// Splits a value of the option `MapAddress` into its two addresses, as tor
/// does. Returns `None` if the value has fewer than two addresses.
pub(crate) fn mapped_addresses(value: &str) -> Option<(&str, &str)> {
    let is_space = |c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c');
    let mut words = value.split(is_space).filter(|word| !word.is_empty());
    words.next().zip(words.next())
}

/// Returns true if `name` stands for the option `MapAddress`. Like tor, this
/// function ignores case and accepts abbreviations.
pub(crate) fn is_map_address(name: &str) -> bool {
    const OPTION: &str = "MapAddress";
    // The first of tor's options that begins with `Ma` isn't `MapAddress`, so
    // tor doesn't take `Ma` as an abbreviation of it.
    let is_long_enough = name.len() > "Ma".len();
    is_long_enough && OPTION.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
}
