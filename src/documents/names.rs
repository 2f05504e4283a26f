//! The names of tor's own files.

use std::ffi::OsStr;
use std::path::Path;

use scape_proto::netdoc::DocumentKind;

/// Extensions that are ignored in a file's name, because they only say how the
/// file is compressed.
const COMPRESSED: &[&str] = &["gz", "bz2", "xz", "lzma", "zst"];

/// Returns the kind of documents that tor stores in a file of this name, or
/// `None` if tor stores no documents under this name.
pub(super) fn kind_of_file(path: &Path) -> Option<DocumentKind> {
    let name = Path::new(path.file_name()?);
    let is_compressed = |extension: &OsStr| COMPRESSED.iter().any(|known| extension == *known);
    let name = match name.extension() {
        Some(extension) if is_compressed(extension) => name.file_stem()?,
        _ => name.as_os_str(),
    };
    Some(match name.to_str()? {
        "cached-descriptors" | "cached-descriptors.new" => DocumentKind::ServerDescriptor,
        "cached-extrainfo" | "cached-extrainfo.new" => DocumentKind::ExtraInfo,
        "cached-microdescs" | "cached-microdescs.new" => DocumentKind::Microdescriptor,
        "cached-consensus"
        | "cached-microdesc-consensus"
        | "unverified-consensus"
        | "unverified-microdesc-consensus"
        | "consensus-transparency-ns"
        | "consensus-transparency-microdesc" => DocumentKind::Consensus,
        "cached-certs" => DocumentKind::KeyCertificate,
        "v3-status-votes" => DocumentKind::Vote,
        "networkstatus-bridges" => DocumentKind::BridgeNetworkStatus,
        _ => return None,
    })
}

/// Returns true if tor stores secrets in a file of this name: a private key, a
/// cookie, or an authority's reveal values for the shared random value. Such
/// files are in the same directories as documents.
pub(super) fn is_secret(path: &Path) -> bool {
    const NAMES: &[&str] = &[
        "authority_identity_key",
        "authority_signing_key",
        "legacy_signing_key",
        "private_key",
        "control_auth_cookie",
        "extended_orport_auth_cookie",
        "sr-state",
    ];
    let Some(name) = path.file_name().and_then(OsStr::to_str) else { return false };
    NAMES.contains(&name)
        || name.starts_with("secret_")
        || name.contains("_secret_key")
        || name.contains(".secret_family_key")
        || name.ends_with(".auth_private")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tor_files_have_kinds() {
        for (name, kind) in [
            ("tor-data/cached-descriptors.new", Some(DocumentKind::ServerDescriptor)),
            ("cached-extrainfo", Some(DocumentKind::ExtraInfo)),
            ("a/cached-microdescs.gz", Some(DocumentKind::Microdescriptor)),
            ("cached-microdescs.new.xz", Some(DocumentKind::Microdescriptor)),
            ("unverified-microdesc-consensus", Some(DocumentKind::Consensus)),
            ("cached-certs", Some(DocumentKind::KeyCertificate)),
            ("v3-status-votes", Some(DocumentKind::Vote)),
            ("networkstatus-bridges", Some(DocumentKind::BridgeNetworkStatus)),
            ("cached-descriptors.old", None),
            ("cached-certs/x", None),
            (".gz", None),
            ("", None),
        ] {
            assert_eq!(kind_of_file(Path::new(name)), kind, "{name}");
        }
    }

    #[test]
    fn names_of_private_keys_are_secret() {
        for name in [
            "keys/secret_id_key",
            "keys/secret_onion_key_ntor.old",
            "keys/ed25519_master_id_secret_key",
            "keys/ed25519_master_id_secret_key_encrypted",
            "keys/ed25519_signing_secret_key",
            "keys/authority_signing_key",
            "service/hs_ed25519_secret_key",
            "auth/bob.auth_private",
            "control_auth_cookie",
            "keys/mine.secret_family_key",
            "keys/mine.secret_family_key.tmp",
            "sr-state",
        ] {
            assert!(is_secret(Path::new(name)), "{name}");
        }
        for name in ["cached-certs", "keys/authority_certificate", "secret_keys/cached-certs"] {
            assert!(!is_secret(Path::new(name)), "{name}");
        }
    }
}
