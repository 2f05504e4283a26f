//! Address mappings that must not reach tor.
//!
//! tor takes `example.onion.` with a trailing dot for an ordinary name, so a
//! mapping to one makes it ask an exit. So does a mapping such as `*.foo` to
//! `*.`, because tor puts what stands for the asterisk before a dot and the
//! rest of the target: `x.onion.foo` becomes `x.onion.`. MAPADDRESS and the
//! option `MapAddress` are checked with the same rule, whichever way they go to
//! tor.

use crate::word::is_disguised_onion;

/// Completes the sentence "the address to map to …" for a mapping that must not
/// be sent.
pub(crate) const MAPS_TO_DISGUISED_ONION: &str = "is an onion address with a trailing dot, or makes one, which tor would look up at an exit: omit the dot";

/// Returns true if tor would look up an onion address at an exit because of
/// this mapping. An address may be mapped to itself, which takes a mapping
/// back.
pub(crate) fn is_leaking_mapping(from: &str, to: &str) -> bool {
    let is_dots = |rest: &str| rest.bytes().all(|byte| byte == b'.');
    let makes_disguised_onions = to.strip_prefix("*.").is_some_and(is_dots);
    from != to && (is_disguised_onion(to) || makes_disguised_onions)
}

/// Cuts a value of the option `MapAddress` into the two addresses, as tor does.
pub(crate) fn mapped_addresses(value: &str) -> Option<(&str, &str)> {
    let is_space = |c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c');
    let mut words = value.split(is_space).filter(|word| !word.is_empty());
    words.next().zip(words.next())
}

/// Returns true if tor takes `name` for the option `MapAddress`, in any case
/// and also abbreviated.
pub(crate) fn is_map_address(name: &str) -> bool {
    const OPTION: &str = "MapAddress";
    // The first option that begins with `Ma` is another one.
    let is_long_enough = name.len() > "Ma".len();
    is_long_enough && OPTION.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
}
