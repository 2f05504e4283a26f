//! A snapshot of tor's address map.

use std::net::IpAddr;
use std::sync::Arc;

use scape_proto::info::AddressMapping;

/// tor's address map at one moment: the answers from exits that tor caches, and
/// the mappings that the configuration and controllers have set. See the event
/// ADDRMAP and GETINFO `address-mappings/all` in control-spec.
///
/// If a wildcard mapping (`*.example.com`) is added later, tor's event contains
/// the name without the wildcard. So it appears here as a mapping of that name
/// alone.
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

    /// Returns the mapping of `from`, which is a name or an address, ignoring
    /// case. Returns `None` if it isn't mapped. This follows a single step; the
    /// result may itself be mapped.
    pub fn get(&self, from: &str) -> Option<&AddressMapping> {
        self.mappings
            .iter()
            .find(|mapping| mapping.from.eq_ignore_ascii_case(from))
            .map(Arc::as_ref)
    }

    /// Returns the names that are mapped to this address.
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
