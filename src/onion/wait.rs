//! [`Wait`]: when an onion service counts as published.

/// The condition under which an onion service counts as published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Wait {
    /// Don't wait for a descriptor. tor has the service and will publish it
    /// later.
    Nothing,
    /// Wait until one directory has accepted a descriptor. Only some clients
    /// find the service then.
    FirstUpload,
    /// Wait until every directory has answered, and at least one has accepted a
    /// descriptor. Every client finds the service then. The wait for a
    /// directory that doesn't answer ends when 30 seconds pass without an event
    /// about an upload.
    ///
    /// A service has two descriptors, for two time periods, and each goes to
    /// several directories. A client asks one of these directories at random,
    /// for the descriptor of the period that its clock is in. Before all
    /// uploads are done, the first visits of some clients fail or take long.
    #[default]
    AllUploads,
}
