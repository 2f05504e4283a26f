//! `GETINFO ns/…` as parsed entries, and the consensus together with its
//! microdescriptors.

use super::Info;
use crate::error::{Error, Result};
use scape_proto::control::Refusal;
use scape_proto::netdoc::{Directory, Relay, RouterStatus};
use scape_proto::word::Fingerprint;

/// Queries for parsed entries of the consensus. See control-spec, GETINFO
/// `ns/…`, `md/all` and `dir/status-vote/…`.
impl Info<'_> {
    /// Returns the consensus entries of all relays, parsed (`GETINFO ns/all`).
    /// The list is empty if tor has no consensus.
    ///
    /// An entry that can't be parsed is left out. To see such errors, parse
    /// [`ns_all`](Self::ns_all) with [`RouterStatus::parse_all`].
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("ns/all",
    /// #     "r relay03 avRcaIkAhLf7sGHzffpE4L4ryu8 KXdvYkHWOjFsfOt1Bx+2e/ODOrs 2038-01-01 00:00:00 127.0.0.13 9003 0\n\
    /// #      s Exit Fast Running Valid\nw Bandwidth=3000\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::netdoc::RouterFlags;
    ///
    /// let relays = controller.info().network_statuses()?;
    /// let exits = relays.iter().filter(|relay| relay.flags().contains(RouterFlags::EXIT));
    /// assert_eq!(exits.map(|relay| relay.nickname()).collect::<Vec<_>>(), ["relay03"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    #[doc(alias = "get_network_statuses")]
    pub fn network_statuses(self) -> Result<Vec<Relay>> {
        Ok(RouterStatus::parse_all(&self.ns_all()?).map(Relay::from).collect())
    }

    /// Returns the consensus entry of a relay, parsed (`GETINFO ns/id/…`).
    /// Returns `None` if there is no entry or no consensus.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("ns/id/6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF",
    /// #     "r relay03 avRcaIkAhLf7sGHzffpE4L4ryu8 KXdvYkHWOjFsfOt1Bx+2e/ODOrs 2038-01-01 00:00:00 127.0.0.13 9003 0\n\
    /// #      s Exit Fast Running Valid\nw Bandwidth=3000\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let relay = "6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF".parse()?;
    /// let entry = controller.info().network_status(relay)?;
    /// assert_eq!(entry.and_then(|entry| entry.bandwidth()), Some(3000));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if the entry can't
    /// be parsed.
    #[doc(alias = "get_network_status")]
    pub fn network_status(self, relay: Fingerprint) -> Result<Option<Relay>> {
        let Some(text) = self.ns_id(relay)? else { return Ok(None) };
        let command = || format!("GETINFO ns/id/{relay}");
        match RouterStatus::parse_all(&text).results().next() {
            Some(Ok(entry)) => Ok(Some(entry.into())),
            Some(Err(error)) => Err(Error::answer(command(), error.to_string())),
            None => Err(Error::answer(command(), "no entry")),
        }
    }

    /// Returns the consensus together with its microdescriptors: all that is
    /// needed to choose a path.
    ///
    /// Normally sends one command (`GETINFO
    /// dir/status-vote/current/consensus-microdesc md/all`). If tor lacks one
    /// of these two documents, the result has no microdescriptors. It contains
    /// the first of these documents that tor has:
    ///
    /// * the consensus of the flavor `ns`, which doesn't refer to
    ///   microdescriptors (`GETINFO dir/status-vote/current/consensus`),
    /// * the consensus of the flavor `microdesc`.
    ///
    /// On the public network, tor sends about 8 MB. Set a longer
    /// [timeout](crate::Controller::with_timeout) for slow connections.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("dir/status-vote/current/consensus-microdesc",
    /// #     "network-status-version 3 microdesc\nvote-status consensus\n\
    /// #      r relay03 avRcaIkAhLf7sGHzffpE4L4ryu8 2038-01-01 00:00:00 127.0.0.13 9003 0\n\
    /// #      s Exit Fast Running Valid\nw Bandwidth=3000\ndirectory-footer\n")
    /// #     .info("md/all",
    /// #     "onion-key\nntor-onion-key lqaR7Fc1aA5LhygGU3W/+k0kz2g4qsPWmjt50M64ll0\n")
    /// #     .start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::netdoc::RouterFlags;
    /// use std::time::Duration;
    ///
    /// let controller = controller.with_timeout(Duration::from_secs(120));
    /// let directory = controller.info().directory()?;
    /// let relays = directory.relays().iter();
    /// let exits = relays.filter(|relay| relay.flags().contains(RouterFlags::EXIT));
    /// assert_eq!(exits.count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (551) if tor has no
    /// consensus, and of the kind
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if the consensus
    /// can't be parsed. Otherwise the same errors as
    /// [`get_info`](crate::Controller::get_info), most often a timeout.
    pub fn directory(self) -> Result<Directory> {
        let [consensus, microdescriptors] =
            ["dir/status-vote/current/consensus-microdesc", "md/all"];
        let call = self.controller.in_one_call();
        // One command asks for both documents, so that both are from the same
        // moment.
        let values = match call.values(&[consensus, microdescriptors]) {
            Ok(values) => Some(values),
            // 551: tor doesn't have them. 552: this tor, or a filter before it,
            // doesn't know the keys.
            Err(error) if matches!(error.exact().map(Refusal::code), Some(551 | 552)) => None,
            Err(error) => return Err(error),
        };
        let document = match values.as_deref() {
            Some([document, microdescriptors]) if !microdescriptors.is_empty() => {
                return parse(consensus, document, microdescriptors);
            }
            Some([document, ..]) => Some(document),
            Some([]) => return Err(Error::answer(format!("GETINFO {consensus}"), "no value")),
            None => None,
        };
        // Without microdescriptors, the consensus of the flavor `ns` contains
        // more. A tor that uses server descriptors has it.
        let refusal = match call.info().full_consensus() {
            Ok(full) => return parse("dir/status-vote/current/consensus", &full, b""),
            Err(error) if error.is::<Refusal>() => error,
            Err(error) => return Err(error),
        };
        match document {
            Some(document) => parse(consensus, document, b""),
            // Maybe only the microdescriptors were refused, so ask for the
            // consensus alone.
            None => match call.info().get_bytes(consensus) {
                Ok(document) => parse(consensus, &document, b""),
                Err(error) if error.is::<Refusal>() => Err(refusal),
                Err(error) => Err(error),
            },
        }
    }

    /// Returns the consensus of the flavor `ns` as bytes. This document
    /// contains the digests of server descriptors, and exit policies.
    fn full_consensus(self) -> Result<Vec<u8>> {
        self.controller.info().get_bytes("dir/status-vote/current/consensus")
    }
}

fn parse(key: &str, consensus: &[u8], microdescriptors: &[u8]) -> Result<Directory> {
    Directory::parse(consensus, microdescriptors)
        .map_err(|error| Error::answer(format!("GETINFO {key}"), error.to_string()))
}
