//! Hands streams back to tor if the start of the stream watch fails.

use std::collections::BTreeMap;

use crossbeam_channel::Receiver;

use super::bound_stream::is_marked;
use super::message::Message;
use crate::control::{Controller, LEAVE_STREAMS, leave_to_tor_command};
use crate::error::Result;
use scape_proto::control::Command;
use scape_proto::event::{EventBody, StreamInfo, StreamStatus};
use scape_proto::word::StreamId;

/// Resets `__LeaveStreamsUnattached`, and lets tor attach the streams that
/// began to wait while the option was 1. Nobody else attaches them, so they
/// would wait until they time out. `messages` contains the events that tor has
/// sent since before the option was set.
///
/// Nothing is attached if the option was 1 already, because the streams then
/// wait for another controller.
pub(super) fn hand_back(controller: &Controller, messages: &Receiver<Message>) {
    let controller = controller.undoing();
    // The ids of the streams mean nothing on another connection.
    let link = controller.on_this_link();
    match controller.stop_leaving_streams() {
        Ok(true) => {}
        Ok(false) => return,
        Err(error) => {
            log::warn!(target: "scape::attach", "resetting {LEAVE_STREAMS} failed: {error}");
            return;
        }
    }
    // If the connection has ended, no stream waits any more.
    let Ok(controller) = link else { return };
    // Events about streams may arrive a moment after the reply to the reset.
    // So wait for one more reply, after which none of them arrive.
    controller.is_alive();
    let commands: Result<Vec<Command>> =
        waiting(messages).values().map(leave_to_tor_command).collect();
    // tor refuses a command if the stream has ended meanwhile.
    if let Err(error) = commands.and_then(|commands| controller.send_all_unchecked(commands)) {
        log::debug!(target: "scape::attach", "waiting streams could not be left to tor: {error}");
    }
}

/// Returns the streams that wait for a controller, according to the events in
/// `messages`.
fn waiting(messages: &Receiver<Message>) -> BTreeMap<StreamId, StreamInfo> {
    let mut waiting = BTreeMap::new();
    // More messages may arrive all the time.
    for message in messages.try_iter().take(messages.len()) {
        match message {
            Message::Event(event) => {
                let EventBody::Stream(info) = event.body() else { continue };
                if info.status != StreamStatus::ControllerWait {
                    waiting.remove(&info.id);
                } else if !is_marked(info) {
                    waiting.insert(info.id, info.clone());
                }
            }
            // The ids mean nothing on the next connection.
            Message::Ended(_) => waiting.clear(),
            Message::There(_) | Message::Resumed | Message::Stop => {}
        }
    }
    waiting
}
