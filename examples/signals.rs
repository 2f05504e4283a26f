//! Cleans up on Ctrl-C and SIGTERM: undoes everything that the program has done
//! to tor before it ends.
//!
//! A signal ends a program without running destructors. A program that attaches
//! streams would then leave a tor behind whose new streams wait for two minutes
//! and fail. A program that launched a tor would leave tor's temporary
//! directory.
//!
//!     cargo run --example signals
//!
//! The program sends every new stream to port 80 over one circuit until a
//! signal ends it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use scape::Tor;
use scape::attach::{Decision, StreamRequest};

/// True after a signal was received. From then on, the signal thread ends the
/// program, and the main thread must not.
static IS_ENDING: AtomicBool = AtomicBool::new(false);

fn main() -> Result<(), Box<dyn Error>> {
    end_well()?;
    let result = work();
    // `undo_all` ends the wait in `work`. `main` must not return before
    // `undo_all` is done.
    while IS_ENDING.load(Ordering::SeqCst) {
        thread::park();
    }
    result
}

fn work() -> Result<(), Box<dyn Error>> {
    let tor = Tor::connect()?;
    let state = tor.state()?;
    let built =
        |state: &scape::State| state.circuits().into_iter().find(|circuit| circuit.is_built());
    let circuit = state.wait(Duration::from_secs(60), built)?;
    println!("streams to port 80 go over circuit {}", circuit.id());
    let _attacher = state.attach(move |stream: &StreamRequest| match stream.target().port() {
        Some(80) => Decision::on(&circuit),
        _ => Decision::Pass,
    })?;
    // Wait until tor or `undo_all` ends the connection.
    let closed = tor.controller()?.wait_closed(Duration::MAX)?;
    println!("{closed}");
    Ok(())
}

/// Starts a thread that waits for SIGINT and SIGTERM. It undoes everything, and
/// then ends the program in the same way as the signal would have.
#[cfg(unix)]
fn end_well() -> std::io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    // Do this before tor is used, so that no signal comes too early.
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::spawn(move || {
        for signal in signals.forever() {
            IS_ENDING.store(true, Ordering::SeqCst);
            if let Err(error) = scape::undo_all(Duration::from_secs(5)) {
                eprintln!("not everything could be undone: {error}");
            }
            let _ = emulate_default_handler(signal);
        }
    });
    Ok(())
}

/// Does nothing, because other systems have no such signals.
#[cfg(not(unix))]
fn end_well() -> std::io::Result<()> {
    Ok(())
}
