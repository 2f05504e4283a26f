//! A snapshot of tor's address map.

use std::net::IpAddr;
use std::sync::Arc;

use scape_proto::info::AddressMapping;

/// tor's address map at one moment: the answers from exits that tor caches, and
/// the mappings that the configuration and controllers have set. See the event
/// ADDRMAP and GETINFO `address-mappings/all` in control-spec.
///
/// The library reads tor's address map once, and then follows ADDRMAP events.
/// These events name a wildcard mapping (`*.example.com`) without its wildcard.
/// So a wildcard mapping that was added later appears here as a mapping of the
/// name `example.com` alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[doc(alias = "AddrMap")]
pub struct Addresses {
    /// The mappings, ordered by the mapped name or address.
    mappings: Vec<Arc<AddressMapping>>,
}

impl Addresses {
    pub(super) fn new(mappings: Vec<Arc<AddressMapping>>) -> Self {
        Addresses { mappings }
    }

    /// Returns the mapping of `from`, which is a name or an address. Case is
    /// ignored. Returns `None` if `from` isn't mapped. Only one step is
    /// followed: the target may itself be mapped.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "a.example 192.0.2.1 NEVER").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// let addresses = state.addresses();
    /// let mapping = addresses.get("A.example");
    /// assert_eq!(mapping.map(|mapping| mapping.to.as_str()), Some("192.0.2.1"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get(&self, from: &str) -> Option<&AddressMapping> {
        self.mappings
            .iter()
            .find(|mapping| mapping.from.eq_ignore_ascii_case(from))
            .map(Arc::as_ref)
    }

    /// Returns the names that are mapped to the address `ip`.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "a.example 192.0.2.1 NEVER").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// let addresses = state.addresses();
    /// let names: Vec<&str> = addresses.names_of("192.0.2.1".parse()?).collect();
    /// assert_eq!(names, ["a.example"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn names_of(&self, ip: IpAddr) -> impl Iterator<Item = &str> {
        let mapped = self.mappings.iter().filter(move |mapping| address(&mapping.to) == Some(ip));
        mapped.map(|mapping| mapping.from.as_str())
    }

    /// Returns all mappings, ordered by the mapped name or address.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &AddressMapping> {
        self.mappings.iter().map(Arc::as_ref)
    }

    /// Returns the number of mappings.
    pub fn len(&self) -> usize {
        self.mappings.len()
    }

    /// Returns true if there are no mappings.
    pub fn is_empty(&self) -> bool {
        self.mappings.is_empty()
    }
}

fn address(text: &str) -> Option<IpAddr> {
    text.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_found_by_name_and_by_address() {
        let lines = [
            "a.example 192.0.2.1 NEVER",
            "b.example 192.0.2.1 NEVER",
            "c.example [2001:db8::1] NEVER",
        ];
        let mappings = lines.map(|line| Arc::new(AddressMapping::parse(line.as_bytes()).unwrap()));
        let addresses = Addresses::new(mappings.to_vec());
        assert_eq!(addresses.get("A.example").unwrap().to, "192.0.2.1");
        assert!(addresses.get("192.0.2.1").is_none());
        let names: Vec<_> = addresses.names_of("192.0.2.1".parse().unwrap()).collect();
        assert_eq!(names, ["a.example", "b.example"]);
        assert_eq!(addresses.names_of("2001:db8::1".parse().unwrap()).count(), 1);
    }
}
