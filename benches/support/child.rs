//! Child processes: the benchmark's own executable, which runs again in another
//! role, such as a server. Servers need a separate process, and so do programs
//! whose whole time and memory are measured.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// The first argument of every child process. The benchmark itself runs without
/// it.
const MARK: &str = "--as-child";

/// Returns the role and the arguments of this process, or `None` if it isn't a
/// child process.
pub(crate) fn role() -> Option<(String, Vec<String>)> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? != MARK {
        return None;
    }
    Some((arguments.next()?, arguments.collect()))
}

/// Returns a command that runs this executable again, in another role.
pub(crate) fn command(role: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(MARK).arg(role).args(arguments);
    command
}

/// A child process that ends when its standard input ends. This happens when
/// the value is dropped, and when the benchmark is killed.
pub(crate) struct Server {
    child: Child,
}

impl Server {
    /// Starts a child process in a role. Returns the process, and the first
    /// line that it prints.
    pub(crate) fn start(role: &str) -> (Server, String) {
        let child =
            command(role, &[]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut server = Server { child };
        let mut line = String::new();
        BufReader::new(server.child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        (server, line.trim().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
