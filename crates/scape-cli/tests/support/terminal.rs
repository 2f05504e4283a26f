//! Opens a pseudo-terminal, which looks like the user's terminal to a command.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, unbounded};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

/// The time limit for a text that a test waits for.
const SOON: Duration = Duration::from_secs(60);

/// A pseudo-terminal.
#[derive(Debug)]
pub(crate) struct Terminal {
    user: File,
    /// The side of the command. It stays open, so that reading doesn't fail
    /// before the command has opened it.
    command: File,
    bytes: Receiver<Vec<u8>>,
    seen: String,
}

impl Terminal {
    /// Opens a terminal of this size.
    pub(crate) fn open(columns: u16, rows: u16) -> Self {
        let user = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&user).unwrap();
        unlockpt(&user).unwrap();
        let path = ptsname(&user, Vec::new()).unwrap();
        let command = OpenOptions::new().read(true).write(true).open(path.to_str().unwrap());
        let user = File::from(user);
        let mut reading = user.try_clone().unwrap();
        let (sender, bytes) = unbounded();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count) = reading.read(&mut buffer)
                && count > 0
                && sender.send(buffer[..count].to_vec()).is_ok()
            {}
        });
        let terminal = Terminal { user, command: command.unwrap(), bytes, seen: String::new() };
        terminal.resize(columns, rows);
        terminal
    }

    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        let size = Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.user, size).unwrap();
    }

    /// Returns the terminal as an output of a command.
    pub(crate) fn output(&self) -> Stdio {
        self.command.try_clone().unwrap().into()
    }

    /// Returns true if the terminal shows what the user types.
    pub(crate) fn echoes(&self) -> bool {
        tcgetattr(&self.command).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// Types text, as the user does.
    pub(crate) fn type_text(&mut self, text: &str) {
        self.type_bytes(text.as_bytes());
    }

    /// Types bytes that may not be text.
    pub(crate) fn type_bytes(&mut self, bytes: &[u8]) {
        self.user.write_all(bytes).unwrap();
    }

    /// Reads until the command has written `text`. Returns everything up to the
    /// end of `text`, so that the next call continues after it.
    pub(crate) fn until(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.seen.find(text) {
                let rest = self.seen.split_off(at + text.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            match self.bytes.recv_timeout(SOON) {
                Ok(bytes) => self.seen += &String::from_utf8_lossy(&bytes),
                Err(error) => panic!("no {text:?} ({error}) in {:?}", self.seen),
            }
        }
    }
}
