//! [`Wait`]: when an onion service counts as published.

/// The condition under which an onion service counts as published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Wait {
    /// Don't wait: tor has the service and will publish it.
    Nothing,
    /// Wait until one directory has a descriptor. Some clients find the
    /// service.
    FirstUpload,
    /// Wait until every directory has answered. Every client finds the service.
    ///
    /// A service has two descriptors, for two time periods, and each goes to
    /// several directories. A client asks one of these directories at random,
    /// for the descriptor of the period that its clock is in. Before all
    /// uploads are done, the first visits of some clients fail or take long.
    #[default]
    AllUploads,
}
