//! The identity of a directory authority, made before it first runs.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rand::RngExt;

use crate::error::{Error, Result};
use crate::process::{find_tor, run};
use crate::types::Fingerprint;

/// The time for making keys, which takes seconds on a machine that is not busy.
const RUN_TIMEOUT: Duration = Duration::from_secs(120);

/// What every node must know of an authority.
#[derive(Debug, Clone)]
pub(super) struct Authority {
    pub(super) nickname: String,
    pub(super) or_port: u16,
    pub(super) dir_port: u16,
    v3_identity: Fingerprint,
    fingerprint: Fingerprint,
}

impl Authority {
    /// Makes the keys of an authority in its data directory.
    pub(super) fn make(
        nickname: &str,
        data_directory: &Path,
        or_port: u16,
        dir_port: u16,
    ) -> Result<Self> {
        let keys = data_directory.join("keys");
        private_directory(&keys).map_err(|e| Error::io(format!("make {}", keys.display()), e))?;
        let v3_identity = certificate(&keys, dir_port)?;
        let fingerprint = fingerprint(nickname, data_directory)?;
        Ok(Authority { nickname: nickname.into(), or_port, dir_port, v3_identity, fingerprint })
    }

    /// The value of the option `DirAuthority` that makes it known.
    pub(super) fn line(&self) -> String {
        format!(
            "{} orport={} no-v2 v3ident={} 127.0.0.1:{} {}",
            self.nickname, self.or_port, self.v3_identity, self.dir_port, self.fingerprint
        )
    }
}

/// Makes the long-term identity key and a certificate for the signing key; gives the identity's fingerprint.
fn certificate(keys: &Path, dir_port: u16) -> Result<Fingerprint> {
    let mut command = Command::new(gencert()?);
    let file = |name| keys.join(name);
    command
        .args(["--create-identity-key", "-m", "12", "--passphrase-fd", "0"])
        .args(["-a", &format!("127.0.0.1:{dir_port}")])
        .arg("-i")
        .arg(file("authority_identity_key"))
        .arg("-s")
        .arg(file("authority_signing_key"))
        .arg("-c")
        .arg(file("authority_certificate"));
    // The identity key is encrypted by whatever stands here; nobody ever needs it again.
    let passphrase = hex::encode(rand::rng().random::<[u8; 16]>());
    run(command, format!("{passphrase}\n").as_bytes(), RUN_TIMEOUT)?;
    let text = fs::read_to_string(file("authority_certificate"))
        .map_err(|e| Error::io("read an authority's certificate", e))?;
    let fingerprint = text.lines().find_map(|line| line.strip_prefix("fingerprint ")?.parse().ok());
    fingerprint
        .ok_or_else(|| Error::io("find the fingerprint in an authority's certificate", invalid()))
}

/// Makes the relay's identity; gives its fingerprint.
fn fingerprint(nickname: &str, data_directory: &Path) -> Result<Fingerprint> {
    let empty = data_directory.join("empty-torrc");
    fs::write(&empty, "").map_err(|e| Error::io("write an empty torrc", e))?;
    // Without --ignore-missing-torrc: a tor whose torrc is gone must not start.
    let mut command = Command::new(find_tor()?);
    command
        .args([
            "--quiet",
            "--list-fingerprint",
            "--nickname",
            nickname,
            "--orport",
            "1",
            "--disablenetwork",
            "1",
        ])
        .args(["--dirserver", &format!("x 127.0.0.1:1 {}", "f".repeat(40)), "--datadirectory"])
        .arg(data_directory)
        .arg("--defaults-torrc")
        .arg(&empty)
        .arg("-f")
        .arg(&empty);
    let output = run(command, b"", RUN_TIMEOUT)?;
    // "nickname ABCD EF01 …", or without the spaces.
    let digits: Option<String> =
        output.iter().find_map(|line| Some(line.strip_prefix(nickname)?.replace(' ', "")));
    let fingerprint = digits.and_then(|digits| digits.parse().ok());
    fingerprint.ok_or_else(|| Error::io(format!("find tor's fingerprint in {output:?}"), invalid()))
}

/// `tor-gencert` comes with tor, and stands beside it.
fn gencert() -> Result<PathBuf> {
    let program = format!("tor-gencert{}", std::env::consts::EXE_SUFFIX);
    let beside = find_tor()?.with_file_name(&program);
    Ok(if beside.is_file() { beside } else { program.into() })
}

fn invalid() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

#[cfg(unix)]
pub(super) fn private_directory(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
pub(super) fn private_directory(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Ports of 127.0.0.1 that nobody has. They are let go before tor takes them, so that somebody may be quicker: then
/// the network is started again.
pub(super) fn free_ports(count: usize) -> Result<Vec<u16>> {
    let fail = |error| Error::io("find a free port", error);
    // Held together, so that none is found twice.
    let listeners: io::Result<Vec<_>> =
        (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect();
    let ports: io::Result<Vec<u16>> =
        listeners.map_err(fail)?.iter().map(|listener| Ok(listener.local_addr()?.port())).collect();
    ports.map_err(fail)
}
