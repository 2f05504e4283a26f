//! The first consensus, in both flavors, as the authorities would vote for it
//! (dir-spec, "Consensus status documents").

use std::fmt::{self, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::{Duration, SystemTime};

use data_encoding::BASE64_NOPAD;
use sha1::{Digest as _, Sha1};
use sha2::Sha256;

use super::microdescriptor;
use super::versions::Version;
use super::weights::Totals;
use crate::error::Result;
use crate::testing::network::keys::RsaKey;
use scape_proto::word::{Fingerprint, write_utc};

/// The number in the line `consensus-method`.
const METHOD: u32 = 35;

/// The digest in `vote-digest` lines. It is all zeros, because there were no
/// votes.
const NO_VOTE: &str = "0000000000000000000000000000000000000000";

/// The descriptor digest of every relay in the `ns` flavor. It is all zeros,
/// because no node uses it.
const NO_DESCRIPTOR: [u8; 20] = [0; 20];

/// The text in place of the publication time in `r` lines of the `microdesc`
/// flavor. Authorities write this fixed date there instead of the real time.
const NO_TIME: &str = "2038-01-01 00:00:00";

const KNOWN_FLAGS: &str =
    "Authority Exit Fast Guard HSDir NoEdConsensus Running Stable StaleDesc Sybil V2Dir Valid";

/// A relay in the consensus.
#[derive(Debug, Clone)]
pub(super) struct Relay {
    pub(super) nickname: String,
    pub(super) fingerprint: Fingerprint,
    pub(super) address: Ipv4Addr,
    pub(super) or_port: u16,
    pub(super) dir_port: u16,
    pub(super) ipv6: Option<(Ipv6Addr, u16)>,
    pub(super) microdescriptor: String,
    pub(super) flags: Flags,
    /// True if the relay's exit policy allows all ports, and false if it allows
    /// none.
    pub(super) allows: bool,
    /// The bandwidth in the unit of `w` lines, 1000 bytes per second. `None` if
    /// no authority measures it.
    pub(super) bandwidth: Option<u32>,
}

/// The flags in which relays differ. All relays have the same other flags.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flags {
    pub(super) authority: bool,
    pub(super) exit: bool,
    pub(super) guard: bool,
}

/// An authority that signs the consensus.
pub(super) struct Signer<'a> {
    pub(super) nickname: String,
    pub(super) v3_identity: Fingerprint,
    pub(super) address: Ipv4Addr,
    pub(super) dir_port: u16,
    pub(super) or_port: u16,
    pub(super) key: &'a RsaKey,
}

/// The content of the first consensus, from which both flavors are written.
pub(super) struct Consensus<'a> {
    pub(super) version: &'a Version,
    pub(super) valid_after: SystemTime,
    pub(super) interval: Duration,
    /// The number of intervals for which the consensus is valid.
    pub(super) intervals_valid: u32,
    pub(super) authorities: Vec<Signer<'a>>,
    pub(super) relays: Vec<Relay>,
}

/// The two flavors of a consensus: with the digests of server descriptors
/// (`ns`) or of microdescriptors (`microdesc`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavor {
    Ns,
    Microdesc,
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let when = |is_set: bool, name: &'static str| if is_set { name } else { "" };
        let (authority, exit) = (when(self.authority, "Authority "), when(self.exit, "Exit "));
        let guard = when(self.guard, "Guard ");
        write!(f, "{authority}{exit}Fast {guard}HSDir Running Stable V2Dir Valid")
    }
}

impl Consensus<'_> {
    /// Returns the text of the consensus, signed by all authorities.
    pub(super) fn write(&mut self, flavor: Flavor) -> Result<String> {
        // tor requires this order.
        self.authorities.sort_by_key(|authority| *authority.v3_identity.as_bytes());
        self.relays.sort_by_key(|relay| *relay.fingerprint.as_bytes());
        let mut text = self.header(flavor);
        let mut totals = Totals::default();
        for relay in &self.relays {
            text.push_str(&self.relay(relay, flavor));
            totals.add(relay.bandwidth.unwrap_or(0), relay.flags.guard, relay.flags.exit);
        }
        text.push_str("directory-footer\n");
        text.push_str(&totals.line().unwrap_or_default());
        self.sign(text, flavor)
    }

    fn header(&self, flavor: Flavor) -> String {
        let kind = match flavor {
            Flavor::Ns => "",
            Flavor::Microdesc => " microdesc",
        };
        let fresh_until = self.valid_after + self.interval;
        let valid_until = self.valid_after + self.interval * self.intervals_valid;
        let mut text = format!(
            "network-status-version 3{kind}\n\
             vote-status consensus\n\
             consensus-method {METHOD}\n\
             valid-after {}\n\
             fresh-until {}\n\
             valid-until {}\n\
             voting-delay 2 2\n\
             client-versions \n\
             server-versions \n\
             known-flags {KNOWN_FLAGS}\n\
             {}",
            Utc(self.valid_after),
            Utc(fresh_until),
            Utc(valid_until),
            self.version.recommended_and_required,
        );
        for Signer { nickname, v3_identity, address, dir_port, or_port, .. } in &self.authorities {
            let _ = write!(
                text,
                "dir-source {nickname} {v3_identity} {address} {address} {dir_port} {or_port}\n\
                 contact nobody\n\
                 vote-digest {NO_VOTE}\n"
            );
        }
        text
    }

    fn relay(&self, relay: &Relay, flavor: Flavor) -> String {
        let Relay { nickname, address, or_port, dir_port, flags, .. } = relay;
        let identity = BASE64_NOPAD.encode(relay.fingerprint.as_bytes());
        let mut text = format!("r {nickname} {identity} ");
        let _ = match flavor {
            Flavor::Microdesc => write!(text, "{NO_TIME} "),
            Flavor::Ns => {
                let digest = BASE64_NOPAD.encode(&NO_DESCRIPTOR);
                write!(text, "{digest} {} ", Utc(self.valid_after))
            }
        };
        let _ = writeln!(text, "{address} {or_port} {dir_port}");
        if let Some((address, port)) = relay.ipv6 {
            let _ = writeln!(text, "a [{address}]:{port}");
        }
        if flavor == Flavor::Microdesc {
            let _ = writeln!(text, "m {}", microdescriptor::digest(&relay.microdescriptor));
        }
        let Version { name, protocols, .. } = self.version;
        let _ = write!(text, "s {flags}\nv {name}\npr {protocols}\n");
        let _ = match relay.bandwidth {
            Some(bandwidth) => writeln!(text, "w Bandwidth={bandwidth}"),
            None => writeln!(text, "w Bandwidth=0 Unmeasured=1"),
        };
        if flavor == Flavor::Ns {
            let verb = if relay.allows { "accept" } else { "reject" };
            let _ = writeln!(text, "p {verb} 1-65535");
        }
        text
    }

    fn sign(&self, mut text: String, flavor: Flavor) -> Result<String> {
        // The signed part ends after the first signature's keyword and a space.
        const BEGIN: &str = "directory-signature ";
        let mut signed = text.clone();
        signed.push_str(BEGIN);
        let (digest, algorithm) = match flavor {
            Flavor::Ns => (Sha1::digest(signed.as_bytes()).to_vec(), ""),
            Flavor::Microdesc => (Sha256::digest(signed.as_bytes()).to_vec(), "sha256 "),
        };
        for authority in &self.authorities {
            let (identity, key) = (authority.v3_identity, authority.key.fingerprint()?);
            let _ = writeln!(text, "{BEGIN}{algorithm}{identity} {key}");
            text.push_str(&authority.key.sign("SIGNATURE", &digest)?);
        }
        Ok(text)
    }
}

/// A time. `Display` writes it in UTC, in the format of directory documents:
/// `2038-01-01 00:00:00`.
pub(super) struct Utc(pub(super) SystemTime);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_utc(f, self.0)
    }
}
