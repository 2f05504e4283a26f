//! A snapshot of tor's address map.

use std::net::IpAddr;
use std::sync::Arc;

use crate::protocol::AddressMapping;

/// tor's address map, as it was at one moment: what exits answered and tor
/// remembers, and what the configuration and controllers have mapped.
/// control-spec, event ADDRMAP and GETINFO `address-mappings/all`.
///
/// Of a mapping of all names below one (`*.example.com`) that is made later,
/// tor tells the name only: it is here as one of the name alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses {
    /// In the order of what is mapped.
    mappings: Vec<Arc<AddressMapping>>,
}

impl Addresses {
    pub(super) fn new(mappings: Vec<Arc<AddressMapping>>) -> Self {
        Addresses { mappings }
    }

    /// What `from`, a name or an address, is mapped to. (In one step: what it
    /// is mapped to may be mapped itself.)
    pub fn get(&self, from: &str) -> Option<&AddressMapping> {
        self.mappings
            .iter()
            .find(|mapping| mapping.from.eq_ignore_ascii_case(from))
            .map(Arc::as_ref)
    }

    /// What is mapped to this address: many names may be.
    pub fn names_of(&self, ip: IpAddr) -> impl Iterator<Item = &str> {
        let mapped = self.mappings.iter().filter(move |mapping| address(&mapping.to) == Some(ip));
        mapped.map(|mapping| mapping.from.as_str())
    }

    /// The mappings.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &AddressMapping> {
        self.mappings.iter().map(Arc::as_ref)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.mappings.len()
    }

    /// Whether there is none.
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
    fn both_ways() {
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
