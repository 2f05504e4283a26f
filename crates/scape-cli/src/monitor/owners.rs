//! Searches for the programs on this machine that use tor's streams.

use std::net::SocketAddr;
use std::path::Path;

use scape::process::{OwnerError, owner_of};

use crate::commands::shared::files::read_start;

use super::data::programs::Program;

/// The file that lists the users of this machine.
const USERS: &str = "/etc/passwd";
/// The maximum number of bytes that are read from [`USERS`].
const USERS_READ: u64 = 1024 * 1024;

/// Finds the program that has opened the connection from this address to tor.
/// Returns `None` if the connection isn't found, or if this system has no list
/// of connections.
pub(crate) fn program_of(source: SocketAddr) -> Option<Program> {
    let (process, uid) = match owner_of(source, None) {
        Ok(owner) => {
            let owner = owner?;
            (Some((owner.pid, owner.name)), owner.uid)
        }
        // The user is known even if the process isn't.
        Err(error) => match error.get() {
            Some(OwnerError::NotAllowed { uid, .. }) => (None, *uid),
            _ => return None,
        },
    };
    let users = read_start(Path::new(USERS), USERS_READ).unwrap_or_default();
    let user = name_of(uid, &users).map_or_else(|| uid.to_string(), str::to_owned);
    Some(Program { process, user })
}

/// Returns the name of the user with this id. `users` is the text of
/// `/etc/passwd`.
fn name_of(uid: u32, users: &str) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(uid)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_have_names() {
        let users =
            "root:x:0:0:root:/root:/bin/sh\nbroken\nalice:x:1000:1000::/home/alice:/bin/sh\n";
        assert_eq!(name_of(1000, users), Some("alice"));
        assert_eq!(name_of(7, users), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn own_connection_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let program = program_of(client.local_addr().unwrap()).unwrap();
        assert_eq!(program.process.unwrap().0, std::process::id());
        drop(client);
        assert_eq!(program_of(SocketAddr::from(([127, 0, 0, 1], 1))), None);
    }
}
