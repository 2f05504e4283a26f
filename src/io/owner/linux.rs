//! Finding the process of a connection on Linux. The tables in `/proc/net` list
//! the inode of each connection. A process that has the connection open has a
//! symbolic link in `/proc/PID/fd` that names this inode.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read as _;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStringExt as _;

use procfs::net::{TcpNetEntry, TcpState, tcp, tcp6};
use procfs::process::{FDTarget, Process, all_processes};
use procfs::{ProcError, ProcResult};

use super::OwnerError;
use super::ProcessOwner;
use crate::error::Result;

/// The inodes of the connections that match a search, each with the id of the
/// user who opened the connection.
type Sockets = BTreeMap<u64, u32>;

pub(super) fn owner(peer: SocketAddr, locals: &[SocketAddr]) -> Result<Option<ProcessOwner>> {
    let sockets = sockets(peer, locals)?;
    if sockets.is_empty() {
        return Ok(None);
    }
    let mut owners = BTreeMap::new();
    // Errors are ignored: the process may have ended by now, or this program
    // may not inspect it.
    for process in all_processes().map_err(unreadable)?.flatten() {
        let _ = note_sockets(&process, &sockets, &mut owners);
    }
    if let Some((_, &uid)) = sockets.iter().find(|(inode, _)| !owners.contains_key(inode)) {
        return without_owner(peer, locals, uid);
    }
    let mut pids: Vec<i32> = owners.into_values().map(|(_, pid)| pid).collect();
    pids.dedup();
    match *pids {
        [pid] => Ok(described(pid)),
        _ => Ok(None),
    }
}

/// Handles a connection for which no process was found. Returns `None` if the
/// connection was closed in the meantime. Otherwise returns an error, because
/// this program isn't allowed to inspect the connection's process.
fn without_owner(
    peer: SocketAddr,
    locals: &[SocketAddr],
    uid: u32,
) -> Result<Option<ProcessOwner>> {
    match sockets(peer, locals)?.is_empty() {
        true => Ok(None),
        false => Err(OwnerError::NotAllowed { uid }.into()),
    }
}

fn sockets(peer: SocketAddr, locals: &[SocketAddr]) -> Result<Sockets> {
    // Both tables are read, because a program with an IPv6 socket may have
    // connected to an IPv4 address.
    let mut entries = tcp().map_err(unreadable)?;
    match tcp6() {
        Ok(more) => entries.extend(more),
        // The system has no IPv6.
        Err(ProcError::NotFound(_)) => {}
        Err(error) => return Err(unreadable(error)),
    }
    let meant = entries.iter().filter(|entry| is_meant(entry, peer, locals));
    Ok(meant.map(|entry| (entry.inode, entry.uid)).collect())
}

/// Returns true if `entry` matches the search: its local address is `peer`, and
/// its remote address is one of `locals`. If `locals` is empty, the remote
/// address may be any.
fn is_meant(entry: &TcpNetEntry, peer: SocketAddr, locals: &[SocketAddr]) -> bool {
    let remote = canonical(entry.remote_address);
    let is_other_end = |local: &SocketAddr| {
        local.port() == remote.port()
            && (local.ip().is_unspecified() || canonical(*local) == remote)
    };
    // A connection that is closed already belongs to no process.
    entry.inode != 0
        && entry.state != TcpState::Listen
        && canonical(entry.local_address) == canonical(peer)
        && (locals.is_empty() || locals.iter().any(is_other_end))
}

/// Turns an IPv4 address that is written as IPv6 back into an IPv4 address.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Stores this process in `owners`, for each of `sockets` that the process has
/// open. If several processes have a socket open, the one that was started
/// first is stored.
fn note_sockets(
    process: &Process,
    sockets: &Sockets,
    owners: &mut BTreeMap<u64, (u64, i32)>,
) -> ProcResult<()> {
    for fd in process.fd()? {
        let Ok(fd) = fd else { continue };
        if let FDTarget::Socket(inode) = fd.target
            && sockets.contains_key(&inode)
        {
            let found = (process.stat()?.starttime, process.pid());
            let owner = owners.entry(inode).or_insert(found);
            *owner = found.min(*owner);
        }
    }
    Ok(())
}

/// Returns the description of the process with this id, or `None` if the
/// process has ended.
fn described(pid: i32) -> Option<ProcessOwner> {
    let process = Process::new(pid).ok()?;
    let uid = process.status().map(|status| status.euid).or_else(|_| process.uid()).ok()?;
    Some(ProcessOwner {
        pid: u32::try_from(pid).ok()?,
        uid,
        name: process.stat().ok()?.comm,
        command: command(&process).unwrap_or_default(),
        executable: process.exe().ok(),
    })
}

/// Returns the words of the command line, which need not be UTF-8.
fn command(process: &Process) -> Option<Vec<OsString>> {
    let mut line = Vec::new();
    process.open_relative("cmdline").ok()?.read_to_end(&mut line).ok()?;
    Some(words(&line))
}

fn words(line: &[u8]) -> Vec<OsString> {
    match line.strip_suffix(b"\0").unwrap_or(line) {
        [] => Vec::new(),
        line => {
            line.split(|byte| *byte == 0).map(|word| OsString::from_vec(word.to_vec())).collect()
        }
    }
}

fn unreadable(error: ProcError) -> crate::error::Error {
    OwnerError::Unreadable { problem: error.to_string().into() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use procfs::FromBufReadSI as _;
    use procfs::net::TcpNetEntries;

    const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    fn entry(local: &str, remote: &str, state: &str, inode: u64) -> TcpNetEntry {
        let line = format!(
            "{HEAD}   0: {local} {remote} {state} 00000000:00000000 00:00000000 00000000  1000        0 {inode} 1\n"
        );
        let entries =
            TcpNetEntries::from_buf_read(line.as_bytes(), procfs::current_system_info()).unwrap();
        entries.0.into_iter().next().unwrap()
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn only_the_requested_end_of_a_connection_matches() {
        let client = entry("0100007F:C350", "0100007F:235A", "01", 7);
        let peer = address("127.0.0.1:50000");
        let (port, any, other) =
            (address("127.0.0.1:9050"), address("0.0.0.0:9050"), address("127.0.0.1:9150"));
        assert!(is_meant(&client, peer, &[]));
        assert!(is_meant(&client, peer, &[port]) && is_meant(&client, peer, &[any]));
        assert!(is_meant(&client, peer, &[other, port]) && !is_meant(&client, peer, &[other]));
        assert!(is_meant(
            &client,
            address("[::ffff:127.0.0.1]:50000"),
            &[address("[::ffff:127.0.0.1]:9050")]
        ));
        // These are tor's own end, a listening socket, and a connection that is
        // closed.
        assert!(!is_meant(&entry("0100007F:235A", "0100007F:C350", "01", 7), peer, &[]));
        assert!(!is_meant(&entry("0100007F:C350", "00000000:0000", "0A", 7), peer, &[]));
        assert!(!is_meant(&entry("0100007F:C350", "0100007F:235A", "06", 0), peer, &[]));
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn ipv6_socket_connected_to_ipv4_matches_the_ipv4_address() {
        let mapped = "0000000000000000FFFF00000100007F";
        let client = entry(&format!("{mapped}:C350"), &format!("{mapped}:235A"), "01", 7);
        assert!(is_meant(&client, address("127.0.0.1:50000"), &[address("127.0.0.1:9050")]));
        assert!(!is_meant(&client, address("[::1]:50000"), &[]));
    }

    #[test]
    fn command_line_is_split_into_words() {
        assert_eq!(words(b"sh\0-c\0\0x y\0"), ["sh", "-c", "", "x y"]);
        assert_eq!(words(b"nginx: worker"), ["nginx: worker"]);
        assert_eq!(words(b"\xff\0"), [OsString::from_vec(vec![0xff])]);
        assert!(words(b"").is_empty() && words(b"\0").is_empty());
    }
}
