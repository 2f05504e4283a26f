//! `GETINFO status/…`, `network-liveness`, `dormant`: how tor is doing.

use super::value::flag;
use crate::Controller;
use crate::error::Result;
use crate::event::{Bootstrap, ClientsSeen};
use crate::protocol::{Word, Words};

/// What a relay knows of whether it can be reached:
/// [`Controller::reachability`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Reachability {
    /// By its ORPort. Also true where no test is needed, as of a client.
    pub or: bool,
    /// By its DirPort. tor 0.4.9 no longer tests it, and always says yes.
    pub dir: bool,
}

/// How tor is doing. control-spec, GETINFO `status/…`, `network-liveness` and
/// `dormant`.
impl Controller {
    /// How far tor has come in connecting to the network
    /// (`GETINFO status/bootstrap-phase`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "status/bootstrap-phase", r#"NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY="Done""#).start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let bootstrap = controller.bootstrap_phase()?;
    /// println!("{bootstrap}");
    /// assert!(bootstrap.is_done());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn bootstrap_phase(&self) -> Result<Bootstrap> {
        self.read_info("status/bootstrap-phase", |value| Bootstrap::parse(value.as_bytes()))
    }

    /// Whether tor believes that circuits work
    /// (`GETINFO status/circuit-established`).
    pub fn circuit_established(&self) -> Result<bool> {
        self.read_flag("status/circuit-established")
    }

    /// Whether tor knows enough of the network to build circuits
    /// (`GETINFO status/enough-dir-info`).
    pub fn enough_dir_info(&self) -> Result<bool> {
        self.read_flag("status/enough-dir-info")
    }

    /// Whether every authority that was asked has accepted this relay's
    /// descriptor (`GETINFO status/good-server-descriptor`).
    pub fn good_server_descriptor(&self) -> Result<bool> {
        self.read_flag("status/good-server-descriptor")
    }

    /// Whether an authority has accepted this relay's descriptor
    /// (`GETINFO status/accepted-server-descriptor`).
    pub fn accepted_server_descriptor(&self) -> Result<bool> {
        self.read_flag("status/accepted-server-descriptor")
    }

    /// Whether this relay has found that it can be reached
    /// (`GETINFO status/reachability-succeeded`).
    pub fn reachability(&self) -> Result<Reachability> {
        self.read_info("status/reachability-succeeded", reachability)
    }

    /// As [`Reachability::or`] (`GETINFO status/reachability-succeeded/or`).
    pub fn or_reachable(&self) -> Result<bool> {
        self.read_flag("status/reachability-succeeded/or")
    }

    /// As [`Reachability::dir`] (`GETINFO status/reachability-succeeded/dir`).
    pub fn dir_reachable(&self) -> Result<bool> {
        self.read_flag("status/reachability-succeeded/dir")
    }

    /// Where this bridge's clients came from (`GETINFO status/clients-seen`). A
    /// tor that counts no clients says that it has seen none since 1970.
    pub fn clients_seen(&self) -> Result<ClientsSeen> {
        self.read_info("status/clients-seen", |value| ClientsSeen::parse(value.as_bytes()))
    }

    /// A new server descriptor of this relay, as bytes, followed by its
    /// extra-info document, as it would be published now; tor does not keep it
    /// (`GETINFO status/fresh-relay-descs`).
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (551) if tor can't
    /// make one. Its text says why: this tor is no relay, or doesn't know its
    /// address yet.
    pub fn fresh_relay_descs(&self) -> Result<Vec<u8>> {
        self.get_info_bytes("status/fresh-relay-descs")
    }

    /// Whether tor believes that it can reach the network
    /// (`GETINFO network-liveness`). It believes so once something came from
    /// there.
    pub fn network_liveness(&self) -> Result<bool> {
        self.read_info("network-liveness", |value| match value {
            "up" => Some(true),
            "down" => Some(false),
            _ => None,
        })
    }

    /// Whether tor has stopped to build circuits, as nothing has used it for a
    /// while (`GETINFO dormant`). This is not the state that
    /// [`Signal::Dormant`](crate::protocol::Signal::Dormant) sets.
    pub fn dormant(&self) -> Result<bool> {
        self.read_flag("dormant")
    }
}

/// `OR=1 DIR=1`
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
    fn both_are_needed() {
        assert_eq!(reachability("OR=0 DIR=1 NEW=x"), Some(Reachability { or: false, dir: true }));
        for bad in ["", "OR=1", "DIR=1", "OR=yes DIR=1", "1 1"] {
            assert_eq!(reachability(bad), None, "{bad:?}");
        }
    }
}
