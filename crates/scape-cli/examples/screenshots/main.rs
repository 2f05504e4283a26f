//! Makes pictures of the monitor's pages and of some commands, as SVG.
//!
//! `scripts/screenshots` builds this example and runs it. The only argument is
//! the folder for the pictures. The pictures show a busy client of a private
//! Tor network: see `busy.rs`. The pictured program is the `scape` that was
//! built together with this example.
#![cfg_attr(not(unix), allow(missing_docs))]

#[cfg(unix)]
mod busy;
#[cfg(unix)]
mod pictures;
#[cfg(unix)]
mod svg;
#[cfg(unix)]
mod terminal;

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).ok_or("name the folder for the pictures")?;
    pictures::make(folder.as_ref())
}

#[cfg(not(unix))]
fn main() {}
