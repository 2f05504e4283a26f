//! Makes the pictures: runs commands and the monitor on a terminal, and writes
//! what the terminal shows.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::busy::Busy;
use crate::svg;
use crate::terminal::Terminal;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The time after which the monitor's graphs are full.
const FILLED: Duration = Duration::from_secs(60);
/// The commands that are sent from the monitor's prompt, and a text from the
/// reply to each.
const COMMANDS: [(&str, &str); 5] = [
    ("GETINFO version", "250-version="),
    ("GETINFO status/bootstrap-phase", "TAG=done"),
    ("GETINFO entry-guards", "~"),
    ("GETCONF CircuitBuildTimeout MaxCircuitDirtiness", "MaxCircuitDirtiness="),
    ("GETINFO nonsense", "552 Unrecognized key"),
];
/// The maximum size of a picture's file, in bytes.
const LARGEST: usize = 80_000;

/// Writes all pictures to the folder.
pub(crate) fn make(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let program = program()?;
    let busy = Busy::start()?;
    let control = busy.control()?;
    let folder_of_tor = busy.folder()?;
    // These pictures are made before the onion services are published, because
    // the circuits of onion services would fill more than a screen.
    for name in ["status", "circuits"] {
        let mut command = Terminal::start(&program, &[name], &control)?;
        command.end(&folder_of_tor)?;
        save_command(folder, name, &command)?;
    }

    busy.publish()?;
    let mut monitor = Terminal::start(&program, &["monitor"], &control)?;
    monitor.see("ready")?;
    busy.cause_warning()?;
    monitor.see("only an IP address")?;
    let begun = Instant::now();
    monitor.wait("full graphs", |_| begun.elapsed() >= FILLED)?;
    // Sort by bytes, because the circuits with the most bytes have the streams.
    monitor.press("2s")?;
    monitor.wait("streams and clients", |screen| {
        screen.matches(" SUCCEEDED ").count() >= 3 && screen.contains("HS_SERVICE_REND")
    })?;
    save(folder, "connections", &monitor)?;
    monitor.press("1")?;
    monitor.see("Warnings, newest first")?;
    save(folder, "overview", &monitor)?;
    monitor.press("5")?;
    monitor.wait("uploads", |screen| screen.matches(" uploaded ").count() == 2)?;
    monitor.press("\r")?;
    monitor.see("Introduction circuits")?;
    save(folder, "onions", &monitor)?;
    monitor.press("\x1b")?;
    monitor.wait("page", |screen| !screen.contains("Introduction circuits"))?;
    monitor.press("6")?;
    monitor.see("cedar")?;
    save(folder, "network", &monitor)?;
    monitor.press("4")?;
    monitor.see("OPTION")?;
    monitor.press("/circuit\r")?;
    monitor.see("MaxCircuitDirtiness")?;
    save(folder, "configuration", &monitor)?;
    show_log(&mut monitor, &busy)?;
    save(folder, "log", &monitor)?;
    monitor.press("7")?;
    monitor.see("Type a command for tor")?;
    for (command, end) in COMMANDS {
        monitor.press(&format!("{command}\r"))?;
        monitor.see(end)?;
    }
    save(folder, "prompt", &monitor)?;
    // On this page, letters are text, so end the monitor with Ctrl-C.
    monitor.press("\x03")?;
    monitor.end(&folder_of_tor)?;
    busy.stop()
}

/// Shows the log page with CIRC events, but only lines that match a search.
/// Returns when a warning of tor is among them.
fn show_log(monitor: &mut Terminal, busy: &Busy) -> Result<()> {
    monitor.press("3f")?;
    monitor.see("[ ] CIRC ")?;
    monitor.press(" ")?;
    monitor.see("[x] CIRC ")?;
    monitor.press("\r")?;
    monitor.wait("page", |screen| !screen.contains("[x] CIRC "))?;
    monitor.press("/BUILT|WARN|SIGNAL\r")?;
    monitor.see("matching BUILT")?;
    // A new identity makes tor build new circuits.
    monitor.press("n")?;
    monitor.wait("new circuits", |screen| screen.matches(" BUILT ").count() >= 3)?;
    // Wait until the note about the new identity disappears.
    monitor.see("? help")?;
    busy.cause_warning()?;
    monitor.see("only an IP address")
}

/// Returns the path of the `scape` program that was built with this example.
fn program() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(Path::parent).ok_or("no folder")?;
    Ok(folder.join("scape"))
}

fn save(folder: &Path, page: &str, monitor: &Terminal) -> Result<()> {
    let description = format!("scape monitor, the page {page}");
    write(folder, page, svg::picture(monitor.screen(), "scape monitor", &description))
}

fn save_command(folder: &Path, name: &str, command: &Terminal) -> Result<()> {
    let line = format!("scape {name}");
    write(folder, name, svg::picture(command.screen(), &line, &format!("The output of {line}")))
}

/// Writes a picture to a file. Returns an error if the picture is too large, or
/// if it contains the name of this machine or a path that could be private.
fn write(folder: &Path, name: &str, picture: String) -> Result<()> {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let temporary = std::env::temp_dir().display().to_string();
    for secret in [host.trim(), temporary.as_str(), "/tmp", "/home", "/dev/shm"] {
        // A short host name may be part of a word, so the picture isn't
        // searched for it.
        if secret.len() > 3 && picture.contains(secret) {
            return Err(format!("the picture {name} contains {secret}").into());
        }
    }
    if picture.len() > LARGEST {
        return Err(format!("the picture {name} has {} bytes", picture.len()).into());
    }
    Ok(fs::write(folder.join(format!("{name}.svg")), picture)?)
}
