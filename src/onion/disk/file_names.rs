//! The names of the files in the directory of an onion service.

pub(super) const SECRET_KEY: &str = "hs_ed25519_secret_key";
pub(super) const PUBLIC_KEY: &str = "hs_ed25519_public_key";
pub(super) const HOSTNAME: &str = "hostname";
pub(super) const OB_CONFIG: &str = "ob_config";
pub(super) const AUTHORIZED_CLIENTS: &str = "authorized_clients";
