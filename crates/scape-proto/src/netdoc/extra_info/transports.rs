//! Pluggable transports of bridges.

use std::borrow::Cow;
use std::net::SocketAddr;

use super::pairs::Pairs;
use crate::netdoc::document_error::LineProblem;
use crate::netdoc::item::Item;
use crate::netdoc::value::socket_addr;

/// A pluggable transport that a relay offers: the line `transport`.
///
/// ```
/// use scape_proto::netdoc::ExtraInfo;
///
/// let text = b"extra-info bridge 256498816C85C6ABA4DF222205CF3FA091E63CCE\n\
///     transport obfs4 192.0.2.4:443 cert=AAAA,iat-mode=0\n";
/// let info = ExtraInfo::parse(text)?;
/// let transport = info.transports[0];
/// assert_eq!((transport.name, transport.address), ("obfs4", "192.0.2.4:443".parse().ok()));
/// assert_eq!(transport.arguments().next(), Some(("cert".into(), "AAAA".into())));
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transport<'a> {
    /// The transport's name, such as `obfs4`.
    pub name: &'a str,
    /// The address for clients. Sanitized documents don't have it.
    pub address: Option<SocketAddr>,
    arguments: &'a str,
}

impl<'a> Transport<'a> {
    pub(super) fn parse(item: &Item<'a>) -> Result<Self, LineProblem> {
        const NAME: &str = "the transport's name must be letters, digits and underscores";
        const ARGUMENTS: &str = "the arguments must be text";
        let mut words = item.arguments_reader();
        let name = words.text(NAME)?;
        // dir-spec leaves out the hyphen, which some transports have.
        let is_legal = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if !name.bytes().all(is_legal) {
            return Err(LineProblem::Value(NAME));
        }
        if words.is_empty() {
            return Ok(Transport { name, address: None, arguments: "" });
        }
        let address = socket_addr(&mut words)?;
        let arguments = if words.is_empty() { "" } else { words.text(ARGUMENTS)? };
        Ok(Transport { name, address: Some(address), arguments })
    }

    /// Returns the arguments for clients, such as `cert`, with their values.
    /// An argument without `=` has an empty value.
    pub fn arguments(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'a> {
        let entries = split_unescaped(self.arguments, ',').filter(|entry| !entry.is_empty());
        entries.map(|entry| {
            let mut parts = split_unescaped(entry, '=');
            let name = parts.next().unwrap_or_default();
            let value = entry.get(name.len() + 1..).unwrap_or_default();
            (unescape(name), unescape(value))
        })
    }

    /// Returns the arguments as the document writes them.
    pub fn arguments_text(&self) -> &'a str {
        self.arguments
    }
}

/// Splits a text at the separators that no backslash precedes.
fn split_unescaped(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut is_escaped = false;
    text.split(move |c| {
        let is_end = c == separator && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    })
}

/// Removes the backslashes that escape a character.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut unescaped = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        unescaped.push(if c == '\\' { characters.next().unwrap_or(c) } else { c });
    }
    Cow::Owned(unescaped)
}

#[cfg(feature = "serde")]
fields! { "Transport", |transport: Transport<'_>| {
    name: transport.name,
    address: transport.address,
    arguments: transport.arguments,
} }

/// The program behind pluggable transports: the line `transport-info`, which
/// tor 0.4.9 and later write.
///
/// ```
/// use scape_proto::netdoc::ExtraInfo;
///
/// let text = b"extra-info bridge 256498816C85C6ABA4DF222205CF3FA091E63CCE\n\
///     transport-info version=0.1.0 implementation=lyrebird\n";
/// let info = ExtraInfo::parse(text)?;
/// assert_eq!(info.transport_infos[0].implementation, Some("lyrebird"));
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TransportInfo<'a> {
    /// The program's version.
    pub version: Option<&'a str>,
    /// The program's name.
    pub implementation: Option<&'a str>,
}

impl<'a> TransportInfo<'a> {
    pub(super) fn parse(item: &Item<'a>) -> Result<Self, LineProblem> {
        let pairs = Pairs::parse(item.arguments())?;
        Ok(TransportInfo {
            version: pairs.get("version"),
            implementation: pairs.get("implementation"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn item(line: &str) -> Item<'_> {
        Item::parse_all(line.as_bytes()).next().unwrap()
    }

    #[test]
    fn transports_with_and_without_address() {
        let line = item("transport obfs4 [2001:db8::1]:443 cert=dJ/a+vnP/WA,iat-mode=0 more");
        let transport = Transport::parse(&line).unwrap();
        assert_eq!(transport.address, "[2001:db8::1]:443".parse().ok());
        assert_eq!(transport.arguments_text(), "cert=dJ/a+vnP/WA,iat-mode=0");
        assert_eq!(Transport::parse(&item("transport obfs3")).unwrap().address, None);
        for bad in
            ["transport", "transport obfs4 host:1", "transport obfs4 192.0.2.1", "transport <OR>"]
        {
            assert!(Transport::parse(&item(bad)).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn arguments_of_transports_round_trip(
            pairs in prop::collection::vec(("[a-z=,\\\\]{1,4}", "[a-z=,\\\\]{0,4}"), 0..4),
        ) {
            let escape = |text: &str| {
                text.replace('\\', "\\\\").replace('=', "\\=").replace(',', "\\,")
            };
            let words: Vec<String> = pairs
                .iter()
                .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
                .collect();
            let line = format!("transport obfs4 192.0.2.1:1 {}", words.join(","));
            let transport = Transport::parse(&item(&line)).unwrap();
            let found: Vec<(String, String)> = transport
                .arguments()
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect();
            prop_assert_eq!(found, pairs);
        }
    }
}
