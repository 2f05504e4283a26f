//! Runs a program on a pseudo-terminal, sends it keys, and reads its screen.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Child;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, unbounded};
use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The timeout of waiting for a text on the screen or for the program's end.
const PATIENCE: Duration = Duration::from_secs(120);
/// The screen counts as complete if the program has written nothing for this
/// long.
const SETTLED: Duration = Duration::from_millis(60);

/// The width of the terminal, in characters.
pub(crate) const COLUMNS: u16 = 116;
/// The height of the terminal, in rows.
pub(crate) const ROWS: u16 = 28;

/// A running program and its screen.
pub(crate) struct Terminal {
    pty: Arc<Pty>,
    child: Child,
    output: Receiver<Vec<u8>>,
    parser: vt100::Parser,
}

impl Terminal {
    /// Starts `program` on a terminal, and tells it the address `control` of
    /// tor's control port.
    pub(crate) fn start(program: &Path, arguments: &[&str], control: &str) -> Result<Self> {
        let (pty, slave) = open()?;
        pty.resize(Size::new(ROWS, COLUMNS))?;
        let mut command = Command::new(program).args(arguments);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("SCAPE_") || text.starts_with("TOR_") || text.contains("COLOR") {
                command = command.env_remove(&name);
            }
        }
        command = command.env("SCAPE_CONTROL", control).env("TERM", "xterm-256color");
        let child = command.spawn(slave)?;
        let pty = Arc::new(pty);
        let reader = Arc::clone(&pty);
        let (sender, output) = unbounded();
        // Reading fails when the program has ended, which ends the thread.
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = (&*reader).read(&mut bytes) {
                let read = bytes.get(..count).unwrap_or_default();
                let _ = sender.send(read.to_vec());
            }
        });
        Ok(Terminal { pty, child, output, parser: vt100::Parser::new(ROWS, COLUMNS, 0) })
    }

    pub(crate) fn screen(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    /// Sends keys to the program, as if a user had pressed them.
    pub(crate) fn press(&self, keys: &str) -> Result<()> {
        Ok((&*self.pty).write_all(keys.as_bytes())?)
    }

    /// Waits until `is_there` returns true for the text of the screen. After a
    /// timeout, the error calls the missing content `what`.
    pub(crate) fn wait(&mut self, what: &str, is_there: impl Fn(&str) -> bool) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.output.recv_timeout(SETTLED) {
                Ok(bytes) => self.parser.process(&bytes),
                Err(_) if is_there(&self.screen().contents()) => return Ok(()),
                Err(_) => {}
            }
            if Instant::now() >= deadline {
                return Err(format!("no {what} on\n{}", self.screen().contents()).into());
            }
        }
    }

    /// Waits until a text is on the screen.
    pub(crate) fn see(&mut self, text: &str) -> Result<()> {
        self.wait(text, |screen| screen.contains(text))
    }

    /// Waits until the program has ended. Returns an error if it failed. On the
    /// screen, `/etc/tor` replaces the path `folder` of tor's files, which
    /// contains a random name.
    pub(crate) fn end(&mut self, folder: &str) -> Result<()> {
        let mut written = Vec::new();
        loop {
            match self.output.recv_timeout(PATIENCE) {
                Ok(bytes) => written.extend(bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => return Err("the program hangs".into()),
            }
        }
        let written = String::from_utf8_lossy(&written).replace(folder, "/etc/tor");
        self.parser.process(written.as_bytes());
        match self.child.wait()? {
            status if status.success() => Ok(()),
            status => Err(format!("{status}:\n{}", self.screen().contents()).into()),
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
