//! [`Questions`]: questions to tor with typed answers. They can be asked on an
//! open connection, and on one that a reconnect is still restoring.

use crate::error::{Error, Result};
use scape_proto::control::{Command, Refusal, Reply, parse_getinfo};
use scape_proto::event::StreamInfo;
use scape_proto::word::OnionAddress;

/// A way to ask tor questions, also on a connection that a reconnect is still
/// restoring. Such a connection isn't open to other callers yet.
pub(crate) struct Questions<'a> {
    ask: &'a dyn Fn(Command) -> Result<Reply>,
}

impl<'a> Questions<'a> {
    /// Creates a `Questions` that asks with the function `ask`. This function
    /// sends a command and waits for the reply. If tor refuses the command, the
    /// function returns an error.
    pub(crate) fn new(ask: &'a dyn Fn(Command) -> Result<Reply>) -> Self {
        Questions { ask }
    }

    /// Returns the values of these GETINFO keys, in the same order. All of them
    /// describe the same moment, because one command asks for them.
    pub(crate) fn info<const N: usize>(&self, keys: [&str; N]) -> Result<[Vec<u8>; N]> {
        let values = parse_info(&(self.ask)(info_command(&keys)?)?, &keys)?;
        values.try_into().map_err(|values: Vec<_>| {
            let problem = format!("{} values", values.len());
            Error::answer(format!("GETINFO {}", keys.join(" ")), problem)
        })
    }

    /// Returns tor's streams. Skips malformed lines.
    pub(crate) fn streams(&self) -> Result<Vec<StreamInfo>> {
        let [value] = self.info(["stream-status"])?;
        Ok(value.split(|byte| *byte == b'\n').filter_map(StreamInfo::parse).collect())
    }

    /// Returns true if the onion service exists and belongs to this connection.
    /// Also returns false if a filter in front of tor refuses the question.
    pub(super) fn has_onion(&self, address: &OnionAddress) -> Result<bool> {
        Ok(self.lists_onion("onions/current", address)?.unwrap_or(false))
    }

    /// Returns true if the onion service exists and is detached. Returns `None`
    /// if a filter in front of tor refuses the question.
    pub(super) fn has_detached(&self, address: &OnionAddress) -> Result<Option<bool>> {
        self.lists_onion("onions/detached", address)
    }

    fn lists_onion(&self, key: &str, address: &OnionAddress) -> Result<Option<bool>> {
        match self.info([key]) {
            Ok([services]) => {
                let id = address.service_id();
                let mut lines = services.split(|byte| *byte == b'\n');
                Ok(Some(lines.any(|line| line.trim_ascii() == id.as_bytes())))
            }
            Err(error) if error.is::<Refusal>() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Returns the GETINFO command that asks for these keys.
pub(super) fn info_command(keys: &[&str]) -> Result<Command> {
    let mut command = Command::build("GETINFO");
    for key in keys {
        command.word("key", key);
    }
    Ok(command.finish()?)
}

/// Returns the values of these keys in a reply to GETINFO, in the order of the
/// keys. A missing key is an error.
pub(super) fn parse_info(reply: &Reply, keys: &[&str]) -> Result<Vec<Vec<u8>>> {
    parse_getinfo(reply, keys)
        .map_err(|problem| Error::answer(format!("GETINFO {}", keys.join(" ")), problem))
}
