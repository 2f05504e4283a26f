//! The annotations that precede documents in files.

use std::fmt;

use super::DocumentKind;
use super::line::{keyword, number, words};

/// The annotation `@type`, such as `@type server-descriptor 1.0`. CollecTor
/// writes it before each document that it publishes.
///
/// ```
/// use scape_proto::netdoc::{DocumentKind, TypeAnnotation};
///
/// let annotation = TypeAnnotation::parse(b"@type bridge-extra-info 1.3").expect("an annotation");
/// assert_eq!((annotation.name(), annotation.version()), ("bridge-extra-info", (1, 3)));
/// assert_eq!(annotation.kind(), Some(DocumentKind::ExtraInfo));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TypeAnnotation {
    name: Box<str>,
    version: (u32, u32),
}

impl TypeAnnotation {
    /// Parses a line such as `@type server-descriptor 1.0`. Returns `None` if
    /// the line is another annotation or malformed.
    ///
    /// ```
    /// use scape_proto::netdoc::TypeAnnotation;
    ///
    /// assert!(TypeAnnotation::parse(b"@type tordnsel 1.0").is_some());
    /// assert!(TypeAnnotation::parse(b"@source \"127.0.0.1\"").is_none());
    /// ```
    pub fn parse(line: &[u8]) -> Option<Self> {
        let (word, rest) = keyword(line);
        if word != b"@type" {
            return None;
        }
        let mut words = words(rest);
        let name = std::str::from_utf8(words.next()?).ok()?;
        let mut parts = words.next()?.splitn(2, |b| *b == b'.');
        let version = (number(parts.next()?)?, number(parts.next()?)?);
        Some(TypeAnnotation { name: name.into(), version })
    }

    /// Returns the name of the type, such as `server-descriptor`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the version of the type: the major and the minor number.
    pub fn version(&self) -> (u32, u32) {
        self.version
    }

    /// Returns the kind of document that has this type. Returns `None` if the
    /// library knows no such kind, or if the major version is unknown.
    ///
    /// ```
    /// use scape_proto::netdoc::TypeAnnotation;
    ///
    /// let annotation = TypeAnnotation::parse(b"@type torperf 1.0").expect("an annotation");
    /// assert_eq!(annotation.kind(), None);
    /// ```
    pub fn kind(&self) -> Option<DocumentKind> {
        let kind = match &*self.name {
            "server-descriptor" | "bridge-server-descriptor" => DocumentKind::ServerDescriptor,
            "extra-info" | "bridge-extra-info" => DocumentKind::ExtraInfo,
            "microdescriptor" => DocumentKind::Microdescriptor,
            "network-status-consensus-3" | "network-status-microdesc-consensus-3" => {
                DocumentKind::Consensus
            }
            "network-status-vote-3" => DocumentKind::Vote,
            "network-status-2" => DocumentKind::NetworkStatusV2,
            "bridge-network-status" => DocumentKind::BridgeNetworkStatus,
            "directory" => DocumentKind::DirectoryV1,
            "dir-key-certificate-3" => DocumentKind::KeyCertificate,
            "detached-signature-3" => DocumentKind::DetachedSignatures,
            "bandwidth-file" => DocumentKind::BandwidthFile,
            "tordnsel" => DocumentKind::ExitList,
            "hidden-service-descriptor" => DocumentKind::OnionDescriptorV2,
            "hidden-service-descriptor-3" => DocumentKind::OnionDescriptor,
            _ => return None,
        };
        (self.version.0 == 1).then_some(kind)
    }
}

impl fmt::Display for TypeAnnotation {
    /// Writes the whole annotation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@type {} {}.{}", self.name, self.version.0, self.version.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn malformed_annotations_are_no_annotations() {
        for bad in ["", "type a 1.0", "@type", "@type a", "@type a 1", "@type a 1.x", "@type a .1"]
        {
            assert_eq!(TypeAnnotation::parse(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn annotation_with_another_major_version_has_no_kind() {
        let kind = |line: &str| TypeAnnotation::parse(line.as_bytes()).unwrap().kind();
        assert_eq!(kind("@type extra-info 1.7"), Some(DocumentKind::ExtraInfo));
        assert_eq!(kind("@type extra-info 2.0"), None);
    }

    proptest! {
        #[test]
        fn annotation_round_trips(name in "[a-z0-9-]{1,20}", major: u32, minor: u32) {
            let text = format!("@type {name} {major}.{minor}");
            prop_assert_eq!(TypeAnnotation::parse(text.as_bytes()).unwrap().to_string(), text);
        }
    }
}
