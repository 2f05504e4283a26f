//! A real tor that a benchmark starts, if tor is installed. It doesn't connect
//! to the Tor network.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, process, thread};

use tempfile::TempDir;

use super::Server;

/// The timeout of waiting for tor's control port.
const START_WITHIN: Duration = Duration::from_secs(30);

/// A running tor. The process ends when this value is dropped, or when the
/// benchmark is killed.
pub(crate) struct RealTor {
    pub(crate) server: Server,
    // The order matters: tor must end before its directory is removed.
    _process: Process,
    _directory: TempDir,
}

/// A process that is killed when this value is dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl RealTor {
    /// Starts tor. Returns `None` if tor isn't installed.
    pub(crate) fn start() -> Option<RealTor> {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let torrc = format!(
            "DisableNetwork 1\nSocksPort 0\nDataDirectory {data}\nControlPort {localhost}:auto\n\
             ControlPortWriteToFile {port}\nCookieAuthentication 1\nCookieAuthFile {cookie}\n\
             Log notice file {log}\n__OwningControllerProcess {owner}\n",
            data = path("data").display(),
            localhost = Ipv4Addr::LOCALHOST,
            port = path("port").display(),
            cookie = path("cookie").display(),
            log = path("log").display(),
            owner = process::id(),
        );
        fs::write(path("torrc"), torrc).unwrap();
        fs::write(path("torrc-defaults"), "").unwrap();
        let child = Command::new("tor")
            .arg("--defaults-torrc")
            .arg(path("torrc-defaults"))
            // A missing torrc is an error, so that tor never runs with its
            // default configuration.
            .arg("-f")
            .arg(path("torrc"))
            .arg("--quiet")
            .stdin(Stdio::null())
            .spawn()
            .ok()?;
        let mut process = Process(child);
        let cookie = path("cookie");
        let address = wait_until_ready(&path("port"), &cookie, &path("log"), &mut process.0);
        let server = Server { address, cookie_file: Some(cookie) };
        Some(RealTor { server, _process: process, _directory: directory })
    }
}

/// Waits until tor has written its address to the file `port`, such as
/// `PORT=127.0.0.1:12345`, and then its cookie. Returns the address. Panics
/// with the text of `log` if tor ends or takes too long.
fn wait_until_ready(port: &Path, cookie: &Path, log: &Path, tor: &mut Child) -> String {
    const COOKIE_LENGTH: u64 = 32;
    let deadline = Instant::now() + START_WITHIN;
    loop {
        let text = fs::read_to_string(port).unwrap_or_default();
        let address = text.strip_prefix("PORT=").and_then(|rest| rest.strip_suffix('\n'));
        let has_cookie = fs::metadata(cookie).is_ok_and(|cookie| cookie.len() == COOKIE_LENGTH);
        if let Some(address) = address.filter(|_| has_cookie) {
            return address.to_owned();
        }
        let ended = tor.try_wait().unwrap();
        if ended.is_some() || Instant::now() >= deadline {
            panic!(
                "tor has not started ({ended:?}): {}",
                fs::read_to_string(log).unwrap_or_default()
            );
        }
        thread::sleep(Duration::from_millis(10));
    }
}
