//! Packages of software: dir-spec, the line `package`.

use super::document_error::LineProblem;
use super::item::Item;
use super::keyed;

/// A package of software that the authorities recommend: dir-spec, the line
/// `package`. Authorities no longer write such lines.
///
/// ```
/// use scape_proto::netdoc::Consensus;
///
/// let text = b"network-status-version 3\nvote-status consensus\n\
///     package tor 0.4.9.11 https://example.com/tor.tar.gz sha256=635D34593020C08E\n";
/// let consensus = Consensus::parse(text)?;
/// let package = &consensus.packages[0];
/// assert_eq!((package.name, package.version), ("tor", "0.4.9.11"));
/// assert_eq!(package.digests, [("sha256", "635D34593020C08E")]);
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[doc(alias = "PackageVersion")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Package<'a> {
    /// The name of the package.
    pub name: &'a str,
    /// The version of the package.
    pub version: &'a str,
    /// The URL from which the package can be downloaded.
    pub url: &'a str,
    /// The names of digest algorithms and the digests of the package, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::counts"))]
    pub digests: Vec<(&'a str, &'a str)>,
}

impl<'a> Package<'a> {
    pub(super) fn parse(item: &Item<'a>) -> Result<Self, LineProblem> {
        const FORM: &str = "the words must be text";
        let mut words = item.arguments_reader();
        let mut word = || words.text(FORM);
        let (name, version, url) = (word()?, word()?, word()?);
        let mut digests = Vec::new();
        keyed::pairs(&mut words, &mut digests)?;
        Ok(Package { name, version, url, digests })
    }
}
