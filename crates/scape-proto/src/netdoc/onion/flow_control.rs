//! The line `flow-control`: proposal 324, "Onion Service Descriptor".

use std::fmt;

use crate::netdoc::{Item, LineProblem, Protocols};

/// An onion service's support for congestion control: the line `flow-control`
/// of proposal 324.
///
/// `Display` writes the line without its keyword.
///
/// ```
/// use scape_proto::netdoc::onion::SecondLayer;
///
/// let layer = SecondLayer::parse(b"create2-formats 2\nflow-control 1-2 31\n")?;
/// let flow_control = layer.flow_control.expect("the line is there");
/// assert!(flow_control.supports(2) && !flow_control.supports(3));
/// assert_eq!(flow_control.sendme_increment, 31);
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FlowControl {
    /// The supported versions of the subprotocol FlowCtrl, such as `1-2`. If
    /// you set another text than such a list, a descriptor with this line can't
    /// be built.
    pub versions: Box<str>,
    /// The number of cells that a SENDME cell acknowledges.
    pub sendme_increment: u8,
}

impl FlowControl {
    /// Creates a line `flow-control`. Returns `None` if `versions` isn't a list
    /// of versions, such as `1-2` or `1,3`.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::FlowControl;
    ///
    /// let flow_control = FlowControl::new("1-2", 31).expect("versions");
    /// assert_eq!(flow_control.to_string(), "1-2 31");
    /// assert_eq!(FlowControl::new("1 2", 31), None);
    /// assert_eq!(FlowControl::new("", 31), None);
    /// ```
    pub fn new(versions: &str, sendme_increment: u8) -> Option<Self> {
        let is_word = !versions.is_empty() && !versions.contains(|c: char| c.is_ascii_whitespace());
        protocols(versions).filter(|_| is_word)?;
        Some(FlowControl { versions: versions.into(), sendme_increment })
    }

    pub(super) fn parse(item: &Item<'_>) -> Result<Self, LineProblem> {
        const FORM: &str = "the line must be a range of versions and a number up to 255";
        let mut words = item.arguments_reader();
        let versions = words.text(FORM)?;
        let sendme_increment = words.number(FORM)?;
        FlowControl::new(versions, sendme_increment).ok_or(LineProblem::Value(FORM))
    }

    /// Returns true if the service supports this version of the subprotocol
    /// FlowCtrl. Version 2 is congestion control.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::FlowControl;
    ///
    /// assert!(FlowControl::new("1-2", 31).is_some_and(|flow_control| flow_control.supports(2)));
    /// ```
    pub fn supports(&self, version: u32) -> bool {
        protocols(&self.versions).is_some_and(|protocols| protocols.supports("FlowCtrl", version))
    }
}

fn protocols(versions: &str) -> Option<Protocols> {
    format!("FlowCtrl={versions}").parse().ok()
}

impl fmt::Display for FlowControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.versions, self.sendme_increment)
    }
}
