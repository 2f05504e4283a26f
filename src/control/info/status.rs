//! `GETINFO status/…`, `network-liveness`, `dormant`: tor's state.

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
    /// True if the DirPort can be reached. tor 0.4.9 no longer tests this and
    /// always says yes.
    pub dir: bool,
}

/// tor's state. control-spec, GETINFO `status/…`, `network-liveness` and
/// `dormant`.
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
    /// println!("{bootstrap}");
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
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn enough_dir_info(self) -> Result<bool> {
        self.controller.read_flag("status/enough-dir-info")
    }

    /// Returns true if every authority that was asked has accepted this relay's
    /// descriptor (`GETINFO status/good-server-descriptor`).
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

    /// Returns true if an authority has accepted this relay's descriptor
    /// (`GETINFO status/accepted-server-descriptor`).
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
    /// status/reachability-succeeded/dir`). tor 0.4.9 always says yes: see
    /// [`Reachability::dir`].
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

    /// Returns the countries from which this bridge's clients came
    /// (`GETINFO status/clients-seen`). A tor that counts no clients says that
    /// it has seen none since 1970.
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
    /// builds them in the form in which it would publish them now, but doesn't
    /// keep them.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (551) if tor can't
    /// build them. The error's text says why: this tor is not a relay, or
    /// doesn't know its address yet. Otherwise the same errors as
    /// [`get_info`](crate::Controller::get_info).
    pub fn fresh_relay_descs(self) -> Result<Vec<u8>> {
        self.controller.info().get_bytes("status/fresh-relay-descs")
    }

    /// Returns true if tor believes that it can reach the network (`GETINFO
    /// network-liveness`). The value is false until tor has received something
    /// from the network.
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

/// Reads a value such as `OR=1 DIR=1`. Returns `None` if a value is missing.
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
