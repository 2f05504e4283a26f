//! Finds out if a program listens on a local port. No connection is made,
//! because some programs accept only one.

use std::fs;

/// The files in which Linux lists the TCP sockets of this machine.
const SOCKETS: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];
/// The code for a listening socket in [`SOCKETS`].
const LISTENS: &str = "0A";

/// Returns true if no program on this machine listens on this TCP port, at any
/// address. Returns false if the system has no list of its sockets.
pub(super) fn is_free(port: u16) -> bool {
    let lists: Vec<String> =
        SOCKETS.iter().filter_map(|path| fs::read_to_string(path).ok()).collect();
    !lists.is_empty() && !lists.iter().any(|list| has_listener(list, port))
}

/// Returns true if a socket in `list`, the text of one of the [`SOCKETS`],
/// listens on the port.
fn has_listener(list: &str, port: u16) -> bool {
    let end = format!(":{port:04X}");
    list.lines().any(|line| {
        let mut words = line.split_whitespace().skip(1);
        let is_local = words.next().is_some_and(|address| address.ends_with(&end));
        is_local && words.nth(1) == Some(LISTENS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sockets_that_listen_take_a_port() {
        let list = "  sl  local_address rem_address   st tx_queue rx_queue\n   \
                    0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000\n   \
                    1: 0100007F:0016 0100007F:1F91 01 00000000:00000000 00:00000000\n";
        assert!(has_listener(list, 8080));
        assert!(!has_listener(list, 22) && !has_listener(list, 8081));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn listening_port_is_found_without_a_connection() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        assert!(!is_free(listener.local_addr().unwrap().port()));
        assert!(listener.accept().is_err());
    }
}
