//! A real tor for one test, without a network. Dropping it ends tor and removes
//! tor's folder.

use std::fs::{self, File, Permissions};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use scape::{Connect, Controller};
use tempfile::TempDir;

/// The time limit for tor to open its control ports. This usually takes about
/// 0.3 seconds.
const START: Duration = Duration::from_secs(30);
/// The time limit for tor to end.
const END: Duration = Duration::from_secs(10);
/// The interval between two checks of a condition.
const TICK: Duration = Duration::from_millis(5);

/// A tor that accepts controllers on a Unix socket and on a port of 127.0.0.1,
/// and no other clients.
#[derive(Debug)]
pub(crate) struct RealTor {
    process: Child,
    folder: TempDir,
    port: SocketAddr,
}

impl RealTor {
    /// Starts a tor with these additional lines in its torrc, and waits until
    /// it accepts controllers.
    pub(crate) fn start(lines: &str) -> RealTor {
        let folder = private_folder();
        let path = folder.path();
        let own = format!(
            "DataDirectory {data}\nDisableNetwork 1\n{socks}ControlSocket unix:\"{socket}\"\n\
             ControlPort auto\nControlPortWriteToFile {ports}\nLog notice file {log}\n\
             __OwningControllerProcess {us}\n",
            data = path.join("data").display(),
            socket = path.join("control").display(),
            ports = path.join("ports").display(),
            log = path.join("log").display(),
            us = std::process::id(),
            socks = if lines.contains("SocksPort") { "" } else { "SocksPort 0\n" },
        );
        fs::write(path.join("torrc"), format!("{own}{lines}\n")).expect("a torrc can be written");
        let mut process = run(path);
        let port = wait_for_port(&mut process, path);
        RealTor { process, folder, port }
    }

    /// Kills tor with SIGKILL, so that it can't clean up.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("it can be killed");
        self.process.wait().expect("a child can be waited for");
    }

    /// Starts tor again after its end, with the same torrc and folder. Doesn't
    /// wait until tor accepts controllers.
    pub(crate) fn restart(&mut self) {
        self.process = run(self.folder.path());
    }

    /// Returns the folder with all files of this tor. Tests may put files there
    /// too.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the path of the Unix socket for controllers.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder().join("control")
    }

    /// Returns the address of the port for controllers.
    pub(crate) fn port(&self) -> SocketAddr {
        self.port
    }

    /// Returns the path at which tor writes its cookie, unless the torrc sets
    /// another path.
    pub(crate) fn cookie_file(&self) -> PathBuf {
        self.folder().join("data/control_auth_cookie")
    }

    /// Returns the whole torrc.
    pub(crate) fn torrc(&self) -> String {
        fs::read_to_string(self.folder().join("torrc")).expect("the torrc can be read")
    }

    /// Returns a `Connect` for the Unix socket.
    pub(crate) fn over_unix(&self) -> Connect {
        Connect::to(self.socket()).expect("an address").timeout(Duration::from_secs(20))
    }

    /// Returns a `Connect` for the port.
    pub(crate) fn over_tcp(&self) -> Connect {
        Connect::to(self.port).expect("an address").timeout(Duration::from_secs(20))
    }

    /// Connects and authenticates. The torrc may require a cookie, but no
    /// password.
    pub(crate) fn controller(&self) -> Controller {
        self.over_unix().connect().unwrap_or_else(|e| panic!("{e}\n{}", self.log()))
    }

    /// Returns true if the process is running.
    pub(crate) fn is_running(&mut self) -> bool {
        self.process.try_wait().expect("a child can be waited for").is_none()
    }

    /// Waits for at most `timeout` until the process has ended, and returns the
    /// exit status. Returns `None` if the process is still running.
    pub(crate) fn wait_for_end(&mut self, timeout: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + timeout;
        loop {
            let status = self.process.try_wait().expect("a child can be waited for");
            if status.is_some() || Instant::now() >= deadline {
                return status;
            }
            thread::sleep(TICK);
        }
    }

    /// Returns tor's log.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder().join("log")).unwrap_or_default()
    }
}

impl Drop for RealTor {
    fn drop(&mut self) {
        if !self.is_running() {
            return;
        }
        // An error only means that tor has ended by itself meanwhile.
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        if self.wait_for_end(END).is_none() {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

/// Returns the torrc line that makes tor accept this password.
pub(crate) fn password_line(password: &str) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let empty = folder.path().join("empty");
    fs::write(&empty, "").expect("an empty torrc can be written");
    let output = tor(folder.path())
        .args(["--quiet", "-f"])
        .arg(empty)
        .arg("--hash-password")
        .arg(password)
        .output()
        .unwrap_or_else(no_tor);
    let hash = String::from_utf8(output.stdout).expect("a hash is text");
    assert!(hash.starts_with("16:"), "tor --hash-password said {hash:?}");
    format!("HashedControlPassword {}\n", hash.trim())
}

/// Creates a folder that only this user can access. tor makes a control socket
/// only in such a folder.
fn private_folder() -> TempDir {
    let permissions = Permissions::from_mode(0o700);
    let folder = tempfile::Builder::new().prefix("scape-tor").permissions(permissions).tempdir();
    folder.expect("a temporary folder")
}

/// Returns a command for a tor that reads no configuration of the system. tor
/// fails if the torrc in this folder is missing, so that it never runs with its
/// default configuration.
fn tor(folder: &Path) -> Command {
    let defaults = folder.join("torrc-defaults");
    fs::write(&defaults, "").expect("an empty file of defaults can be written");
    let mut command = Command::new("tor");
    command.arg("--defaults-torrc").arg(defaults);
    command
}

/// Starts a tor with the torrc in this folder.
fn run(folder: &Path) -> Child {
    tor(folder)
        .arg("-f")
        .arg(folder.join("torrc"))
        .stdin(Stdio::null())
        .stdout(File::create(folder.join("stdout")).expect("a file for what tor prints"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(no_tor)
}

fn no_tor<T>(error: std::io::Error) -> T {
    panic!("these tests need a tor (0.4.9 or later) on the PATH, and it cannot be started: {error}")
}

/// Waits until tor has written the file with its ports, and returns the control
/// port. tor writes the file when all its ports are open.
fn wait_for_port(process: &mut Child, folder: &Path) -> SocketAddr {
    let deadline = Instant::now() + START;
    loop {
        let ports = fs::read_to_string(folder.join("ports")).unwrap_or_default();
        if let Some(port) = ports.lines().find_map(|line| line.strip_prefix("PORT=")) {
            let port = port.parse().expect("an address in the file of ports");
            wait_for_answer(port);
            return port;
        }
        let ended = process.try_wait().expect("a child can be waited for");
        if ended.is_some() || Instant::now() >= deadline {
            let _ = process.kill();
            let _ = process.wait();
            let log = fs::read_to_string(folder.join("stdout")).unwrap_or_default();
            let torrc = fs::read_to_string(folder.join("torrc")).unwrap_or_default();
            panic!(
                "tor has not opened its control port (ended: {ended:?})\ntorrc:\n{torrc}\nit said:\n{log}"
            );
        }
        thread::sleep(TICK);
    }
}

/// Waits until tor answers on the port. tor opens its ports before it creates
/// its cookie, and doesn't answer before the cookie exists.
fn wait_for_answer(port: SocketAddr) {
    let mut stream = TcpStream::connect(port).expect("the port can be connected to");
    stream.set_read_timeout(Some(START)).expect("a timeout");
    stream.write_all(b"QUIT\r\n").expect("tor listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("tor answers");
    assert_eq!(answer, "250 closing connection\r\n");
}
