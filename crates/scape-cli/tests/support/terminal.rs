//! Pseudo-terminals, which commands can't distinguish from a user's terminal,
//! and the monitor on such a terminal.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, unbounded};
use data_encoding::BASE64;
use pty_process::Size;
use pty_process::blocking::{Command, Pty};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

/// The time limit for a text that a command writes to a [`Terminal`].
const SOON: Duration = Duration::from_secs(60);

/// The time limit for a change on the screen of a [`Monitor`].
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// The interval between two checks of a condition.
pub(crate) const TICK: Duration = Duration::from_millis(20);

/// A pseudo-terminal for a command. The test reads and types on it.
#[derive(Debug)]
pub(crate) struct Terminal {
    user: File,
    /// The end of the pseudo-terminal that a command uses. It is kept open,
    /// because reading from the other end fails while no process has it open.
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

    /// Returns the terminal as a command's output or input.
    pub(crate) fn output(&self) -> Stdio {
        self.command.try_clone().unwrap().into()
    }

    /// Returns true if the terminal's mode shows the text that the user types.
    pub(crate) fn echoes(&self) -> bool {
        tcgetattr(&self.command).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// Types text, as the user does.
    pub(crate) fn type_text(&mut self, text: &str) {
        self.type_bytes(text.as_bytes());
    }

    /// Types bytes, which needn't be valid UTF-8.
    pub(crate) fn type_bytes(&mut self, bytes: &[u8]) {
        self.user.write_all(bytes).unwrap();
    }

    /// Reads until the command has written `text`. Returns everything from the
    /// end of the previous call's text to the end of `text`.
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

/// A program on a new pseudo-terminal: a monitor, or a shell in which a test
/// runs commands.
pub(crate) struct Monitor {
    pub(crate) terminal: Arc<Pty>,
    pub(crate) child: Child,
    output: Receiver<Vec<u8>>,
    /// All bytes that the program has written.
    written: Vec<u8>,
    pub(crate) screen: vt100::Parser,
}

impl Monitor {
    /// Starts a monitor for the tor with this control port, on a terminal of
    /// this size.
    pub(crate) fn open(
        control: impl ToString,
        rows: u16,
        columns: u16,
        arguments: &[&str],
    ) -> Monitor {
        let control = control.to_string();
        let words = [env!("CARGO_BIN_EXE_scape"), "monitor", "--control", &control];
        Monitor::run(Command::new("/usr/bin/env"), &[&words[..], arguments].concat(), rows, columns)
    }

    /// Starts an interactive shell, in which a test runs commands. The shell's
    /// prompt is `ready>`. Commands keep their state in the folder `state`.
    pub(crate) fn shell(rows: u16, columns: u16, state: &Path) -> Monitor {
        let command = Command::new("/usr/bin/env");
        let command = command.env("PS1", "ready> ").env("XDG_STATE_HOME", state).env_remove("ENV");
        // Without its own editing of lines, the shell leaves the terminal's
        // mode as it is.
        let mut shell = Monitor::run(command, &["/bin/sh", "-i", "+o", "emacs"], rows, columns);
        shell.see("ready>");
        shell
    }

    /// Runs `sh -c` with a command line. Unlike an interactive shell, it can't
    /// continue programs that were stopped with Ctrl-Z.
    pub(crate) fn script(line: &str, rows: u16, columns: u16) -> Monitor {
        Monitor::run(Command::new("/usr/bin/env"), &["/bin/sh", "-c", line], rows, columns)
    }

    /// Runs a program on a terminal of this size. `env` is a command for the
    /// program `env`, which runs `program`.
    fn run(env: Command, program: &[&str], rows: u16, columns: u16) -> Monitor {
        let (terminal, slave) = pty_process::blocking::open().unwrap();
        terminal.resize(Size::new(rows, columns)).unwrap();
        // The tests may have been started so that they ignore signals, which
        // the program would inherit.
        let signals = "--default-signal=INT,HUP,TSTP,TTIN,TTOU";
        let mut command = env.arg(signals).args(program).env("TERM", "xterm-256color");
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("SCAPE_") || text.starts_with("TOR_") || text.contains("COLOR") {
                command = command.env_remove(&name);
            }
        }
        let child = command.spawn(slave).unwrap();
        let terminal = Arc::new(terminal);
        let reader = Arc::clone(&terminal);
        let (sender, output) = unbounded();
        // Reading fails when the monitor has ended, which ends the thread.
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = (&*reader).read(&mut bytes) {
                let _ = sender.send(bytes[..count].to_vec());
            }
        });
        let screen = vt100::Parser::new(rows, columns, 0);
        Monitor { terminal, child, output, written: Vec::new(), screen }
    }

    /// Gives the terminal another size.
    pub(crate) fn resize(&mut self, rows: u16, columns: u16) {
        self.terminal.resize(Size::new(rows, columns)).unwrap();
        self.screen.screen_mut().set_size(rows, columns);
    }

    /// Sends keys to the program, as if a user had pressed them.
    pub(crate) fn press(&self, keys: &str) {
        (&*self.terminal).write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until the condition holds for the screen. After a timeout, the
    /// test fails with a message that `what` is missing.
    #[track_caller]
    pub(crate) fn wait(&mut self, what: &str, condition: impl Fn(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition(self.screen.screen()) {
            assert!(Instant::now() < deadline, "no {what} on\n{}", self.screen.screen().contents());
            if let Ok(bytes) = self.output.recv_timeout(TICK) {
                self.take(&bytes);
            }
        }
    }

    /// Waits until the program has written this text `count` times since its
    /// start.
    #[track_caller]
    pub(crate) fn wait_written(&mut self, text: &str, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        while String::from_utf8_lossy(&self.written).matches(text).count() < count {
            let contents = self.screen.screen().contents();
            assert!(Instant::now() < deadline, "{text:?} isn't written {count} times\n{contents}");
            self.read_until(Instant::now() + TICK);
        }
    }

    /// Reads until the time `end`, so that the program isn't held back by a
    /// full terminal.
    pub(crate) fn read_until(&mut self, end: Instant) {
        while let Ok(bytes) = self.output.recv_deadline(end) {
            self.take(&bytes);
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.screen.process(bytes);
        self.written.extend(bytes);
    }

    /// Returns the text that the program last copied to the terminal's
    /// clipboard. Returns `None` if it hasn't copied any text.
    pub(crate) fn clipboard(&self) -> Option<String> {
        let written = String::from_utf8_lossy(&self.written);
        let (_, rest) = written.rsplit_once("\x1b]52;c;")?;
        let (text, _) = rest.split_once('\x1b')?;
        String::from_utf8(BASE64.decode(text.as_bytes()).ok()?).ok()
    }

    /// Waits until a text is on the screen.
    #[track_caller]
    pub(crate) fn see(&mut self, text: &str) {
        self.wait(text, |screen| screen.contents().contains(text));
    }

    /// Waits until a text isn't on the screen any more.
    #[track_caller]
    pub(crate) fn lose(&mut self, text: &str) {
        self.wait(&format!("end of {text}"), |screen| !screen.contents().contains(text));
    }

    /// Waits until the monitor has ended, reads the rest of its output, and
    /// returns its exit status.
    #[track_caller]
    pub(crate) fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the monitor goes on");
            thread::sleep(TICK);
        };
        // The output ends with the monitor, so the rest can be read.
        loop {
            match self.output.recv_timeout(PATIENCE) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Disconnected) => return status,
                Err(RecvTimeoutError::Timeout) => panic!("the output doesn't end"),
            }
        }
    }

    /// Returns true if the terminal is in the mode that shells expect: it
    /// collects lines, shows what is typed, and turns Ctrl-C into a signal.
    pub(crate) fn is_cooked(&self) -> bool {
        let modes = tcgetattr(&*self.terminal).unwrap().local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }

    #[track_caller]
    pub(crate) fn check_restored(&self) {
        let screen = self.screen.screen();
        assert!(self.is_cooked(), "the terminal is still raw");
        assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
