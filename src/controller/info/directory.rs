//! `GETINFO ns/…` as values, and the consensus together with its
//! microdescriptors.

use crate::Controller;
use crate::descriptor::{Directory, RouterEntry, RouterStatus};
use crate::error::{Error, Result};
use crate::protocol::{ConsensusFlavor, Refusal};
use crate::word::Fingerprint;

/// What the consensus says of relays, as values. control-spec, GETINFO `ns/…`,
/// `md/all` and `dir/status-vote/…`.
impl Controller {
    /// The consensus' entries of all relays (`GETINFO ns/all`); none without a
    /// consensus. An entry that cannot be read is left out: to see what was,
    /// read [`ns_all`](Self::ns_all) with [`RouterStatus::parse_all`].
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("ns/all",
    /// #     "r relay03 avRcaIkAhLf7sGHzffpE4L4ryu8 KXdvYkHWOjFsfOt1Bx+2e/ODOrs 2038-01-01 00:00:00 127.0.0.13 9003 0\n\
    /// #      s Exit Fast Running Valid\nw Bandwidth=3000\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::descriptor::RouterFlags;
    ///
    /// let relays = controller.network_statuses()?;
    /// let exits = relays.iter().filter(|relay| relay.flags().contains(RouterFlags::EXIT));
    /// assert_eq!(exits.map(|relay| relay.nickname()).collect::<Vec<_>>(), ["relay03"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn network_statuses(&self) -> Result<Vec<RouterEntry>> {
        Ok(RouterStatus::parse_all(&self.ns_all()?).map(RouterEntry::from).collect())
    }

    /// Returns the consensus' entry of a relay (`GETINFO ns/id/…`), or `None`
    /// if there is no entry or no consensus.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if the entry can't
    /// be read. Errors of the control connection are also possible.
    pub fn network_status(&self, relay: Fingerprint) -> Result<Option<RouterEntry>> {
        let Some(text) = self.ns_id(relay)? else { return Ok(None) };
        let command = || format!("GETINFO ns/id/{relay}");
        match RouterStatus::parse_all(&text).results().next() {
            Some(Ok(entry)) => Ok(Some(entry.into())),
            Some(Err(error)) => Err(Error::answer(command(), error.to_string())),
            None => Err(Error::answer(command(), "no entry")),
        }
    }

    /// The consensus together with its microdescriptors: all that choosing a
    /// path needs
    /// (`GETINFO dir/status-vote/current/consensus-microdesc md/all`, with one
    /// command; where tor has not both,
    /// `GETINFO dir/status-vote/current/consensus`).
    ///
    /// On the public network tor sends about 8 MB: mind the
    /// [timeout](Self::with_timeout) on slow connections.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (551) if tor has no
    /// consensus, and of the kind
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if this library
    /// can't read the consensus.
    pub fn directory(&self) -> Result<Directory> {
        let [consensus, microdescriptors] =
            ["dir/status-vote/current/consensus-microdesc", "md/all"];
        let call = self.in_one_call();
        // With one command, so that both are of the same moment.
        let values = match call.values(&[consensus, microdescriptors]) {
            Ok(values) => values,
            // 551: not there. 552: such a tor, or a filter before it, does not
            // know of them.
            Err(error) if matches!(error.exact().map(Refusal::code), Some(551 | 552)) => {
                return parse("dir/status-vote/current/consensus", &call.full_consensus()?, b"");
            }
            Err(error) => return Err(error),
        };
        let (Some(document), Some(microdescriptors)) = (values.first(), values.get(1)) else {
            return Err(Error::answer(format!("GETINFO {consensus}"), "no value"));
        };
        // A tor that works with server descriptors has no microdescriptors;
        // then the other consensus says more.
        if microdescriptors.is_empty()
            && let Some(full) = call.consensus_document(&ConsensusFlavor::Ns)?
        {
            return parse("dir/status-vote/current/consensus", &full, b"");
        }
        parse(consensus, document, microdescriptors)
    }

    /// The consensus with server descriptors' digests and exit policies.
    fn full_consensus(&self) -> Result<Vec<u8>> {
        self.get_info_bytes("dir/status-vote/current/consensus")
    }
}

fn parse(key: &str, consensus: &[u8], microdescriptors: &[u8]) -> Result<Directory> {
    Directory::parse(consensus, microdescriptors)
        .map_err(|error| Error::answer(format!("GETINFO {key}"), error.to_string()))
}
