//! Takes over the terminal at the start of the monitor, and restores it at the
//! end, even after a panic or a signal.

use std::io::{self, IsTerminal as _, Stdout};
use std::panic;
use std::sync::Once;
use std::time::Duration;

use crossterm::clipboard::CopyToClipboard;
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
#[cfg(unix)]
use rustix::process::{Signal, kill_current_process_group};

use crate::base::failure::Failure;
use crate::base::interrupt;

use super::draw::draw;
use super::model::Model;

/// The time that the monitor has to end after a signal. It needs up to 250
/// milliseconds to notice the signal, and then saves the graphs.
const RETURN: Duration = Duration::from_secs(3);

/// The terminal while the monitor uses it. Dropping this value restores the
/// terminal.
#[derive(Debug)]
pub(crate) struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    mouse: bool,
}

impl Screen {
    /// Returns a failure if standard input or standard output isn't a terminal.
    pub(crate) fn check() -> Result<(), Failure> {
        if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
            let text = "the monitor needs a terminal; `scape status` prints to files and pipes";
            return Err(Failure::usage(text));
        }
        Ok(())
    }

    /// Takes over the terminal. If `mouse` is true, the terminal also reports
    /// mouse events to the program.
    pub(crate) fn open(mouse: bool) -> Result<Self, Failure> {
        restore_after_panics();
        enable_raw_mode().map_err(failure)?;
        // When a signal arrives, this thread may be blocked by the terminal, so
        // another thread restores it.
        interrupt::end_with(RETURN, restore);
        // From here on, dropping the screen restores the terminal.
        let backend = CrosstermBackend::new(io::stdout());
        let screen = Terminal::new(backend).map(|terminal| Screen { terminal, mouse });
        let screen = screen.map_err(|error| {
            restore();
            failure(error)
        })?;
        screen.enter()?;
        Ok(screen)
    }

    /// Switches to the alternate screen. Also makes the terminal report pastes
    /// and, if the user wants it, mouse events.
    fn enter(&self) -> Result<(), Failure> {
        let mut out = io::stdout();
        execute!(out, EnterAlternateScreen, EnableBracketedPaste).map_err(failure)?;
        if self.mouse {
            execute!(out, EnableMouseCapture).map_err(failure)?;
        }
        Ok(())
    }

    /// Restores the terminal, and stops the process group of this program, as
    /// Ctrl-Z does outside of raw mode. Takes over the terminal again when the
    /// shell has continued the program.
    #[cfg(unix)]
    pub(crate) fn suspend(&mut self) -> Result<(), Failure> {
        restore();
        // The action of SIGTSTP is the default one. So the system ignores the
        // signal if there is no shell that could continue the program.
        let stopped = kill_current_process_group(Signal::TSTP);
        self.resume()?;
        stopped.map_err(|error| failure(error.into()))
    }

    /// Does nothing, because other systems can't stop programs.
    #[cfg(not(unix))]
    pub(crate) fn suspend(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    /// Takes over the terminal again after the program was stopped and
    /// continued.
    pub(crate) fn resume(&mut self) -> Result<(), Failure> {
        // The shell may have changed the mode of the terminal, but crossterm
        // enters raw mode only if it has left it. In the background, this stops
        // the program again before anything is written.
        disable_raw_mode().map_err(failure)?;
        enable_raw_mode().map_err(failure)?;
        self.enter()?;
        self.clear()
    }

    /// Returns the size of the terminal: the number of columns, then the number
    /// of rows.
    pub(crate) fn size(&self) -> Result<(u16, u16), Failure> {
        let size = self.terminal.size().map_err(failure)?;
        Ok((size.width, size.height))
    }

    /// Draws the model on the terminal.
    pub(crate) fn draw(&mut self, model: &Model) -> Result<(), Failure> {
        self.terminal.draw(|frame| draw(model, frame)).map(drop).map_err(failure)
    }

    /// Makes the next drawing replace everything on the screen.
    pub(crate) fn clear(&mut self) -> Result<(), Failure> {
        // Unlike `clear`, this doesn't ask the terminal for the cursor's
        // position. The answer would go to the thread that reads the terminal.
        let size = self.terminal.size().map_err(failure)?;
        self.terminal.resize(size.into()).map_err(failure)
    }

    /// Sends a text to the clipboard of the terminal. Terminals without OSC 52
    /// ignore it.
    pub(crate) fn copy(&self, text: &str) -> Result<(), Failure> {
        execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text)).map_err(failure)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

fn failure(error: io::Error) -> Failure {
    Failure::failed(format!("cannot use the terminal: {error}"))
}

/// Restores the terminal. Errors are ignored, because the terminal may have
/// been closed.
fn restore() {
    // Writing blocks while the terminal's output is stopped, so the mode is
    // restored first.
    let _ = disable_raw_mode();
    let _ = execute!(
        io::stdout(),
        DisableMouseCapture,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        cursor::Show
    );
}

/// Sets a panic hook that restores the terminal before the panic's message is
/// printed.
fn restore_after_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            restore();
            print(info);
        }));
    });
}
