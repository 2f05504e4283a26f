//! Hands streams back to tor if the start of the stream watch fails.

use std::collections::BTreeMap;

use crossbeam_channel::Receiver;

use super::bound_stream::is_marked;
use super::message::Message;
use super::operations::close;
use crate::control::{Controller, LEAVE_STREAMS};
use crate::error::Result;
use scape_proto::control::Command;
use scape_proto::event::{EndReason, EventBody, StreamInfo, StreamStatus};
use scape_proto::word::{StreamId, is_disguised_onion};

/// Resets `__LeaveStreamsUnattached`, and lets tor attach the streams that
/// began to wait while the option was 1. Nobody else attaches them, so they
/// would wait until they time out. `messages` has the events since before the
/// option was set.
///
/// Nothing is attached if the option was 1 already, because the streams then
/// wait for another controller.
pub(super) fn hand_back(controller: &Controller, messages: &Receiver<Message>) {
    let controller = controller.undoing();
    if matches!(controller.stop_leaving_streams(), Ok(false)) {
        return;
    }
    // Events about streams may arrive a moment after the reply to the reset.
    // So wait for one more reply, after which none of them arrive.
    controller.is_alive();
    let commands: Result<Vec<Command>> =
        waiting(messages).values().map(leave_to_tor_or_close).collect();
    // tor refuses a command if the stream has ended meanwhile. If the
    // connection has ended, there is nothing to do.
    if let Err(error) = commands.and_then(|commands| controller.send_all_unchecked(commands)) {
        log::debug!(target: "scape::attach", "waiting streams could not be left to tor: {error}");
    }
}

/// Returns the streams that wait for a controller, by these messages.
fn waiting(messages: &Receiver<Message>) -> BTreeMap<StreamId, StreamInfo> {
    let mut waiting = BTreeMap::new();
    for message in messages.try_iter() {
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

/// Returns the command that leaves a stream to tor. If tor would ask an exit
/// for an onion address, returns the command that closes the stream.
fn leave_to_tor_or_close(stream: &StreamInfo) -> Result<Command> {
    let (id, target) = (stream.id, &stream.target);
    if is_disguised_onion(target.host()) {
        log::warn!(
            target: "scape::attach",
            "stream {id} to {target} is closed after {LEAVE_STREAMS} was reset: tor would ask an exit \
             for this onion address, because of its trailing dot"
        );
        return close(id, EndReason::RESOLVE_FAILED);
    }
    let mut command = Command::build("ATTACHSTREAM");
    Ok(command.word("stream", &id.to_string()).word("circuit", "0").finish()?)
}
