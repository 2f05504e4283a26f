//! The first layer of descriptors: rend-spec-v3, "First layer plaintext
//! format".

use std::fmt;

use super::AuthorizedClient;
use crate::netdoc::rules::{self, Depth, Rule, Rules};
use crate::netdoc::value::{base64_word, key};
use crate::netdoc::{DocumentError, DocumentKind, Item, LineProblem};

/// The first layer of an onion service's descriptor, decrypted: rend-spec-v3,
/// "First layer plaintext format". It contains the encrypted second layer and
/// the clients that can decrypt it.
///
/// The number of clients is always a multiple of 16. Entries that no client can
/// use fill the list. So the number of real clients can't be seen, nor whether
/// the service has client authorization at all.
///
/// ```
/// use scape_proto::netdoc::onion::FirstLayer;
///
/// let layer = FirstLayer::parse(
///     b"desc-auth-type x25519\nencrypted\n-----BEGIN MESSAGE-----\nAQID\n-----END MESSAGE-----",
/// )?;
/// assert_eq!(layer.auth_type.as_deref(), Some("x25519"));
/// assert_eq!(layer.encrypted.as_deref(), Some(&[1, 2, 3][..]));
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[doc(alias = "OuterLayer")]
#[derive(Clone)]
#[non_exhaustive]
pub struct FirstLayer {
    text: Box<[u8]>,
    skipped: Vec<DocumentError>,
    /// The type of the client authorization. The only known type is `x25519`.
    pub auth_type: Option<Box<str>>,
    /// The public half of the x25519 key that was made for this descriptor.
    /// Clients need it to decrypt their entries.
    pub ephemeral_key: Option<[u8; 32]>,
    /// The entries for authorized clients, in order: the lines `auth-client`.
    pub clients: Vec<AuthorizedClient>,
    /// The encrypted second layer.
    pub encrypted: Option<Box<[u8]>>,
}

static RULES: Rules = Rules {
    document: DocumentKind::OnionFirstLayer,
    lines: &[
        Rule::once("desc-auth-type"),
        Rule::once("desc-auth-ephemeral-key"),
        Rule::at_least_once("auth-client"),
        Rule::once("encrypted").object("MESSAGE"),
    ],
    ordered: false,
};

impl FirstLayer {
    /// Parses the text of a layer. Malformed lines are skipped. Padding (zeros
    /// at the end) is left out.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::FirstLayer;
    ///
    /// let layer = FirstLayer::parse(b"desc-auth-type x25519\nauth-client x y z\n\0\0")?;
    /// assert_eq!(layer.skipped()[0].keyword(), "auth-client");
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the text doesn't begin with a line `desc-auth-type`.
    pub fn parse(text: &[u8]) -> Result<Self, DocumentError> {
        Self::read_text(text, Depth::Lenient)
    }

    /// Parses the text of a layer and checks the number and the form of its
    /// lines. Lines with unknown keywords are allowed.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::FirstLayer;
    ///
    /// let error = FirstLayer::parse_strict(b"desc-auth-type x25519\nauth-client x y z\n");
    /// assert_eq!(error.expect_err("malformed").keyword(), "auth-client");
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error for the first line that breaks a rule of rend-spec-v3.
    pub fn parse_strict(text: &[u8]) -> Result<Self, DocumentError> {
        Self::read_text(text, Depth::Strict)
    }

    pub(super) fn read_text(text: &[u8], depth: Depth) -> Result<Self, DocumentError> {
        let text = without_padding(text);
        let mut layer = FirstLayer {
            text: text.into(),
            skipped: Vec::new(),
            auth_type: None,
            ephemeral_key: None,
            clients: Vec::new(),
            encrypted: None,
        };
        layer.skipped = rules::read(&RULES, text, depth, |item| layer.read_item(item, depth))?;
        Ok(layer)
    }

    fn read_item(&mut self, item: &Item<'_>, depth: Depth) -> Result<(), LineProblem> {
        let mut words = item.arguments_reader();
        match item.keyword() {
            b"desc-auth-type" => {
                const FORM: &str = "the type must be x25519";
                let auth_type = words.text(FORM)?;
                if depth == Depth::Strict && auth_type != "x25519" {
                    return Err(LineProblem::Value(FORM));
                }
                self.auth_type = Some(auth_type.into());
            }
            b"desc-auth-ephemeral-key" => self.ephemeral_key = Some(key(&mut words)?),
            b"auth-client" => self.clients.push(AuthorizedClient {
                id: base64_word(&mut words, "the id must be 8 bytes in base64")?,
                iv: base64_word(&mut words, "the iv must be 16 bytes in base64")?,
                encrypted_cookie: base64_word(&mut words, "the cookie must be 16 bytes in base64")?,
            }),
            b"encrypted" => {
                let encrypted = item.object().and_then(|object| object.decode());
                self.encrypted = Some(encrypted.ok_or(LineProblem::Object)?.into());
            }
            _ => {}
        }
        Ok(())
    }

    /// Returns the lines that were skipped because they are malformed or
    /// repeated.
    pub fn skipped(&self) -> &[DocumentError] {
        &self.skipped
    }

    /// Returns the text of the whole layer, without padding.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Returns the lines that this version of the library doesn't know, with
    /// their objects.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::FirstLayer;
    ///
    /// let layer = FirstLayer::parse(b"desc-auth-type x25519\nnew-keyword 1\n")?;
    /// assert_eq!(layer.unknown_items().count(), 1);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn unknown_items(&self) -> impl Iterator<Item = Item<'_>> {
        rules::unknown(&RULES, &self.text)
    }
}

/// Cuts off the padding: everything from the first zero on, like tor.
pub(super) fn without_padding(text: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, text).unwrap_or(text.len());
    text.get(..end).unwrap_or(text)
}

impl fmt::Debug for FirstLayer {
    /// Formats the text, because the text contains all data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FirstLayer").field(&String::from_utf8_lossy(&self.text)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: &str = "auth-client AQEBAQEBAQE AgICAgICAgICAgICAgICAg AwMDAwMDAwMDAwMDAwMDAw\n";

    fn whole() -> String {
        format!(
            "desc-auth-type x25519\n\
             desc-auth-ephemeral-key BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ=\n{CLIENT}{CLIENT}\
             encrypted\n-----BEGIN MESSAGE-----\nAQID\n-----END MESSAGE-----"
        )
    }

    #[test]
    fn first_layer_with_every_line_is_read_strictly() {
        for padding in ["", "\n", "\0\0\0", "\n\0x"] {
            let layer = FirstLayer::parse_strict((whole() + padding).as_bytes()).unwrap();
            assert_eq!(layer.ephemeral_key, Some([4; 32]));
            let client = AuthorizedClient { id: [1; 8], iv: [2; 16], encrypted_cookie: [3; 16] };
            assert_eq!(layer.clients, [client, client]);
            assert_eq!(layer.encrypted.as_deref(), Some(&[1, 2, 3][..]));
            assert!(layer.skipped().is_empty() && !layer.text().contains(&0));
        }
    }

    #[test]
    fn malformed_lines_of_a_first_layer_are_errors_of_the_strict_reading() {
        let text = whole();
        let value = |form| LineProblem::Value(form);
        for (changed, keyword, problem) in [
            (text.replace("x25519", "x448"), "desc-auth-type", value("the type must be x25519")),
            (
                text.replace("BAQE", "BAQ"),
                "desc-auth-ephemeral-key",
                value("the key must be 32 bytes in base64"),
            ),
            (
                text.replace(" AwM", " A"),
                "auth-client",
                value("the cookie must be 16 bytes in base64"),
            ),
            (text.replace(" AgI", " A"), "auth-client", value("the iv must be 16 bytes in base64")),
            (text.replace(" AQE", " A"), "auth-client", value("the id must be 8 bytes in base64")),
            (text.replace(" AwMDAwMDAwMDAwMDAwMDAw", ""), "auth-client", LineProblem::Words),
            (text.replace(CLIENT, ""), "auth-client", LineProblem::Missing),
            (text.replace("MESSAGE", "X"), "encrypted", LineProblem::Object),
            (text.replace("AQID", "AQI"), "encrypted", LineProblem::Object),
            (text.replace("desc-auth-type", "auth-type"), "auth-type", LineProblem::Start),
        ] {
            let error = FirstLayer::parse_strict(changed.as_bytes()).unwrap_err();
            assert_eq!((error.keyword(), error.problem()), (keyword, problem), "{error}");
            let is_start = problem == LineProblem::Start;
            assert_eq!(FirstLayer::parse(changed.as_bytes()).is_err(), is_start);
        }
    }
}
