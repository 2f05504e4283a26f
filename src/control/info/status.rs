//! `GETINFO status/…`, `network-liveness`, `dormant`: the state of tor.

use super::Info;
use super::value::flag;
use crate::error::Result;
use scape_proto::control::{Word, Words};
use scape_proto::event::{Bootstrap, ClientsSeen};

/// The results of a relay's reachability tests. Returned by
/// [`Info::reachability`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Reachability {
    /// True if the ORPort can be reached. Also true if no test is needed, for
    /// example on a client.
    pub or: bool,
    /// True if the DirPort can be reached. tor 0.4.9 no longer tests this, and
    /// always reports true.
    pub dir: bool,
}

/// Queries about tor's state. See control-spec, GETINFO `status/…`,
/// `network-liveness` and `dormant`.
impl Info<'_> {
    /// Returns the progress of tor's bootstrap
    /// (`GETINFO status/bootstrap-phase`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "status/bootstrap-phase", r#"NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY="Done""#).start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let bootstrap = controller.info().bootstrap_phase()?;
    /// assert_eq!(bootstrap.to_string(), "100% (done): Done");
    /// assert!(bootstrap.is_done());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn bootstrap_phase(self) -> Result<Bootstrap> {
        self.controller
            .read_info("status/bootstrap-phase", |value| Bootstrap::parse(value.as_bytes()))
    }

    /// Returns true if tor believes that circuits work
    /// (`GETINFO status/circuit-established`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("status/circuit-established", "1").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert!(controller.info().circuit_established()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn circuit_established(self) -> Result<bool> {
        self.controller.read_flag("status/circuit-established")
    }

    /// Returns true if tor has enough directory information to build circuits
    /// (`GETINFO status/enough-dir-info`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("status/enough-dir-info", "1").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert!(controller.info().enough_dir_info()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn enough_dir_info(self) -> Result<bool> {
        self.controller.read_flag("status/enough-dir-info")
    }

    /// Returns true if all authorities to which this relay uploaded its
    /// descriptor have accepted it (`GETINFO status/good-server-descriptor`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("status/good-server-descriptor", "1").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert!(controller.info().good_server_descriptor()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn good_server_descriptor(self) -> Result<bool> {
        self.controller.read_flag("status/good-server-descriptor")
    }

    /// Returns true if at least one authority has accepted this relay's
    /// descriptor (`GETINFO status/accepted-server-descriptor`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "status/accepted-server-descriptor", "1").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert!(controller.info().accepted_server_descriptor()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn accepted_server_descriptor(self) -> Result<bool> {
        self.controller.read_flag("status/accepted-server-descriptor")
    }

    /// Returns the results of this relay's reachability tests
    /// (`GETINFO status/reachability-succeeded`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "status/reachability-succeeded", "OR=0 DIR=1").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let reachability = controller.info().reachability()?;
    /// assert_eq!((reachability.or, reachability.dir), (false, true));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn reachability(self) -> Result<Reachability> {
        self.controller.read_info("status/reachability-succeeded", reachability)
    }

    /// Returns true if this relay's ORPort can be reached, or if no test is
    /// needed (`GETINFO status/reachability-succeeded/or`). See
    /// [`Reachability::or`].
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("status/reachability-succeeded/or", "1").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert!(controller.info().or_reachable()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn or_reachable(self) -> Result<bool> {
        self.controller.read_flag("status/reachability-succeeded/or")
    }

    /// Returns true if this relay's DirPort can be reached (`GETINFO
    /// status/reachability-succeeded/dir`). tor 0.4.9 always reports true: see
    /// [`Reachability::dir`].
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "status/reachability-succeeded/dir", "1").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert!(controller.info().dir_reachable()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn dir_reachable(self) -> Result<bool> {
        self.controller.read_flag("status/reachability-succeeded/dir")
    }

    /// Returns the countries from which this bridge's clients came, with the
    /// number of clients (`GETINFO status/clients-seen`). A tor that doesn't
    /// count clients reports no countries, and 1970 as the start of the count.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("status/clients-seen",
    /// #     r#"TimeStarted="2026-11-21 01:51:21" CountrySummary=us=16,de=8 IPVersions=v4=16,v6=8"#).start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let clients = controller.info().clients_seen()?;
    /// assert_eq!(clients.countries, [("us".to_owned(), 16), ("de".to_owned(), 8)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn clients_seen(self) -> Result<ClientsSeen> {
        self.controller
            .read_info("status/clients-seen", |value| ClientsSeen::parse(value.as_bytes()))
    }

    /// Returns a new server descriptor of this relay, followed by its
    /// extra-info document, as bytes (`GETINFO status/fresh-relay-descs`). tor
    /// builds both documents for this call, as it would publish them now. It
    /// neither keeps nor publishes them.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("status/fresh-relay-descs",
    /// #     "router relay01 127.0.0.1 9001 0 0\nplatform Tor 0.4.9.11 on Linux\n\
    /// #      extra-info relay01 0B8748265424563FDCF4940B02A30B5F7AAC2AFE\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let documents = controller.info().fresh_relay_descs()?;
    /// let documents = String::from_utf8_lossy(&documents);
    /// assert!(documents.starts_with("router relay01 "));
    /// assert!(documents.contains("\nextra-info relay01 "));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (551) if tor can't
    /// build the documents. For example, this tor is not a relay, or doesn't
    /// know its address yet. The error's text says why. All other errors are
    /// those of [`get_info`](crate::Controller::get_info).
    pub fn fresh_relay_descs(self) -> Result<Vec<u8>> {
        self.controller.info().get_bytes("status/fresh-relay-descs")
    }

    /// Returns true if tor believes that it can reach the network (`GETINFO
    /// network-liveness`). The value is false until tor has received something
    /// from the network.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("network-liveness", "up").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert!(controller.info().network_liveness()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn network_liveness(self) -> Result<bool> {
        self.controller.read_info("network-liveness", |value| match value {
            "up" => Some(true),
            "down" => Some(false),
            _ => None,
        })
    }

    /// Returns true if tor has stopped building circuits because it hasn't been
    /// used for a while (`GETINFO dormant`). This is not the state that
    /// [`Signal::Dormant`](crate::control::Signal::Dormant) sets.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("dormant", "0").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert!(!controller.info().dormant()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn dormant(self) -> Result<bool> {
        self.controller.read_flag("dormant")
    }
}

/// Reads a value such as `OR=1 DIR=1`. Returns `None` if `OR` or `DIR` is
/// missing or is neither 0 nor 1.
fn reachability(value: &str) -> Option<Reachability> {
    let (mut or, mut dir) = (None, None);
    for word in Words::new(value.as_bytes()) {
        match word {
            Word::Pair("OR", value) => or = Some(flag(&value.text())?),
            Word::Pair("DIR", value) => dir = Some(flag(&value.text())?),
            _ => {}
        }
    }
    Some(Reachability { or: or?, dir: dir? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reachability_needs_both_values() {
        assert_eq!(reachability("OR=0 DIR=1 NEW=x"), Some(Reachability { or: false, dir: true }));
        for bad in ["", "OR=1", "DIR=1", "OR=yes DIR=1", "1 1"] {
            assert_eq!(reachability(bad), None, "{bad:?}");
        }
    }
}
