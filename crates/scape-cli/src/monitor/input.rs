//! The thread that reads keys, mouse events and pasted text from the terminal.

use crossbeam_channel::Sender;
use crossterm::event;

use super::message::Message;

/// Passes each event of the terminal on to the thread that draws the screen.
/// Returns when the screen is closed or the terminal can't be read.
pub(crate) fn run(messages: &Sender<Message>) {
    while let Ok(input) = event::read() {
        if messages.send(Message::Input(input)).is_err() {
            return;
        }
    }
}
