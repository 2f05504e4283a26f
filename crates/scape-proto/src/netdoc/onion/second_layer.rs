//! The second layer of descriptors: rend-spec-v3, "Second layer plaintext
//! format".

use std::fmt;

use super::first_layer::without_padding;
use super::{FlowControl, IntroductionPoint, PowParams};
use crate::netdoc::line::{find_line, lossy};
use crate::netdoc::rules::{self, Depth, Rule, Rules};
use crate::netdoc::{DocumentError, DocumentKind, Item, LineProblem};

/// The maximum number of introduction points in a descriptor.
pub(super) const MOST_POINTS: usize = 20;
/// The number of the ntor handshake, which every service must support.
pub(super) const NTOR: u16 = 2;
const START_OF_POINT: &[u8] = b"\nintroduction-point";

/// The second layer of an onion service's descriptor, decrypted: rend-spec-v3,
/// "Second layer plaintext format". It tells clients how to reach the service.
///
/// ```
/// use scape_proto::netdoc::onion::SecondLayer;
///
/// let layer = SecondLayer::parse(b"create2-formats 2\nsingle-onion-service\n")?;
/// assert_eq!(layer.create2_formats, [2]);
/// assert!(layer.is_single_onion_service && layer.introduction_points.is_empty());
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[doc(alias = "InnerLayer")]
#[derive(Clone)]
#[non_exhaustive]
pub struct SecondLayer {
    text: Box<[u8]>,
    skipped: Vec<DocumentError>,
    /// The numbers of the handshakes that the service supports in CREATE2
    /// cells. 2 is ntor.
    pub create2_formats: Vec<u16>,
    /// The accepted types of authentication. A client must support at least one
    /// of them. Empty if the service accepts every client.
    pub intro_auth_required: Vec<Box<str>>,
    /// True if the service gives up its anonymity in order to be faster.
    pub is_single_onion_service: bool,
    /// The service's support for congestion control. `None` if the service
    /// doesn't support it.
    pub flow_control: Option<FlowControl>,
    /// The kinds of proof of work that the service asks for, in order. Empty if
    /// the service asks for no proof of work.
    pub pow_params: Vec<PowParams>,
    /// The introduction points, in order.
    pub introduction_points: Vec<IntroductionPoint>,
}

static RULES: Rules = Rules {
    document: DocumentKind::OnionSecondLayer,
    lines: &[
        Rule::once("create2-formats"),
        Rule::at_most_once("intro-auth-required"),
        Rule::at_most_once("single-onion-service"),
        Rule::at_most_once("flow-control"),
        Rule::any("pow-params"),
    ],
    ordered: false,
};

impl SecondLayer {
    /// Parses the text of a layer. Malformed lines are skipped. Padding (zeros
    /// at the end) is left out.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::SecondLayer;
    ///
    /// let layer = SecondLayer::parse(b"create2-formats 2\nflow-control 1-2\n")?;
    /// assert_eq!(layer.flow_control, None);
    /// assert_eq!(layer.skipped()[0].keyword(), "flow-control");
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the text doesn't begin with a line
    /// `create2-formats`.
    pub fn parse(text: &[u8]) -> Result<Self, DocumentError> {
        Self::read_text(text, Depth::Lenient)
    }

    /// Parses the text of a layer and checks the number and the form of its
    /// lines. Lines with unknown keywords are allowed. At most 20 introduction
    /// points are allowed.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::SecondLayer;
    ///
    /// let error = SecondLayer::parse_strict(b"create2-formats 2\nintroduction-point AA\n");
    /// assert_eq!(error.expect_err("an incomplete introduction point").keyword(), "onion-key");
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
        let mut layer = SecondLayer {
            text: text.into(),
            skipped: Vec::new(),
            create2_formats: Vec::new(),
            intro_auth_required: Vec::new(),
            is_single_onion_service: false,
            flow_control: None,
            pow_params: Vec::new(),
            introduction_points: Vec::new(),
        };
        let (head, mut points) = split_points(text);
        layer.skipped = rules::read(&RULES, head, depth, |item| layer.read_item(item, depth))?;
        while !points.is_empty() {
            // The search begins after the first line, which is the point's own.
            let first_end = memchr::memchr(b'\n', points).unwrap_or(points.len());
            let next = points.get(first_end..).and_then(|rest| find_line(rest, START_OF_POINT));
            let end = next.map_or(points.len(), |next| first_end + next);
            let (point, rest) = points.split_at_checked(end).unwrap_or((points, b""));
            points = rest;
            let (point, skipped) = IntroductionPoint::read_text(point, depth)?;
            layer.introduction_points.push(point);
            layer.skipped.extend(skipped);
        }
        if depth == Depth::Strict && layer.introduction_points.len() > MOST_POINTS {
            const FORM: &str = "at most 20 introduction points are allowed";
            return Err(DocumentError::new(
                DocumentKind::OnionSecondLayer,
                None,
                b"introduction-point",
                LineProblem::Value(FORM),
            ));
        }
        Ok(layer)
    }

    fn read_item(&mut self, item: &Item<'_>, depth: Depth) -> Result<(), LineProblem> {
        match item.keyword() {
            b"create2-formats" => {
                const FORM: &str = "the formats must be numbers, one of them 2 (ntor)";
                let mut words = item.arguments_reader();
                let mut formats = Vec::new();
                while !words.is_empty() {
                    match words.number(FORM) {
                        Ok(format) => formats.push(format),
                        Err(problem) if depth == Depth::Strict => return Err(problem),
                        Err(_) => {}
                    }
                }
                if depth == Depth::Strict && !formats.contains(&NTOR) {
                    return Err(LineProblem::Value(FORM));
                }
                self.create2_formats = formats;
            }
            b"intro-auth-required" => {
                if item.arguments().is_empty() {
                    return Err(LineProblem::Words);
                }
                self.intro_auth_required = item.words().map(lossy).collect();
            }
            b"single-onion-service" => self.is_single_onion_service = true,
            b"flow-control" => self.flow_control = Some(FlowControl::parse(item)?),
            b"pow-params" => self.pow_params.push(PowParams::parse(item)?),
            _ => {}
        }
        Ok(())
    }

    /// Returns the lines that were skipped because they are malformed or
    /// repeated. In an introduction point, lines are numbered from the point's
    /// own line `introduction-point`.
    pub fn skipped(&self) -> &[DocumentError] {
        &self.skipped
    }

    /// Returns the text of the whole layer, without padding.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Returns the lines before the introduction points that this version of
    /// the library doesn't know, with their objects.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::SecondLayer;
    ///
    /// let layer = SecondLayer::parse(b"create2-formats 2\nnew-keyword 1\n")?;
    /// assert_eq!(layer.unknown_items().count(), 1);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn unknown_items(&self) -> impl Iterator<Item = Item<'_>> {
        rules::unknown(&RULES, split_points(&self.text).0)
    }
}

/// Splits a layer before the first line `introduction-point`. Without such a
/// line, the second part is empty.
fn split_points(text: &[u8]) -> (&[u8], &[u8]) {
    let start = find_line(text, START_OF_POINT).unwrap_or(text.len());
    text.split_at_checked(start).unwrap_or((text, b""))
}

impl fmt::Debug for SecondLayer {
    /// Formats the text, because the text contains all data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SecondLayer").field(&String::from_utf8_lossy(&self.text)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An introduction point with every line. The certificates are from tor's
    /// unit tests.
    const POINT: &str = "introduction-point AQAGwAACASMp\n\
        onion-key ntor BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ=\n\
        onion-key new AAAA\nauth-key\n-----BEGIN ED25519 CERT-----\n\
        AQkACOhAAQW8ltYZMIWpyrfyE/b4Iyi8CNybCwYs6ADk7XfBaxsFAQAgBAD3/BE4\n\
        XojGE/N2bW/wgnS9r2qlrkydGyuCKIGayYx3haZ39LD4ZTmSMRxwmplMAqzG/XNP\n\
        0Kkpg4p2/VnLFJRdU1SMFo1lgQ4P0bqw7Tgx200fulZ4KUM5z5V7m+a/mgY=\n\
        -----END ED25519 CERT-----\n\
        enc-key ntor bpZKLsuhxP6woDQ3yVyjm5gUKSk7RjfAijT2qrzbQk0=\nenc-key-cert\n\
        -----BEGIN ED25519 CERT-----\n\
        AQsACOhZAUpNvCZ1aJaaR49lS6MCdsVkhVGVrRqoj0Y2T4SzroAtAQAgBABFOcGg\n\
        lbTt1DF5nKTE/gU3Fr8ZtlCIOhu1A+F5LM7fqCUupfesg0KTHwyIZOYQbJuM5/he\n\
        /jDNyLy9woPJdjkxywaY2RPUxGjLYtMQV0E8PUxWyICV+7y52fTCYaKpYQw=\n\
        -----END ED25519 CERT-----\n\
        legacy-key\n-----BEGIN RSA PUBLIC KEY-----\nAQID\n-----END RSA PUBLIC KEY-----\n\
        legacy-key-cert\n-----BEGIN CROSSCERT-----\nAQI=\n-----END CROSSCERT-----\n";

    const HEAD: &str = "create2-formats 1 2\nintro-auth-required ed25519 new\n\
        single-onion-service\nflow-control 1-2 31\n\
        pow-params v1 AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE 7 2026-11-21T03:16:05\n";

    #[test]
    fn second_layer_with_every_line_is_read_strictly() {
        let text = format!("{HEAD}new 1\n{POINT}{POINT}");
        let layer = SecondLayer::parse_strict(text.as_bytes()).unwrap();
        assert_eq!(layer.create2_formats, [1, 2]);
        assert_eq!(layer.intro_auth_required, ["ed25519".into(), "new".into()]);
        assert!(layer.is_single_onion_service && layer.unknown_items().count() == 1);
        assert_eq!(layer.flow_control, FlowControl::new("1-2", 31));
        assert_eq!(layer.pow_params.len(), 1);
        let [point, second] = &layer.introduction_points[..] else { panic!("{layer:?}") };
        assert_eq!(point, second);
        assert_eq!(point.link_specifiers.len(), 1);
        assert_eq!(point.onion_key, Some([4; 32]));
        assert_eq!(point.auth_key().unwrap()[..2], [0x05, 0xbc]);
        assert_eq!(point.enc_key.unwrap()[..2], [0x6e, 0x96]);
        assert!(point.enc_key_cert.is_some());
        assert_eq!(point.legacy_key.as_deref(), Some(&[1, 2, 3][..]));
        assert_eq!(point.legacy_key_cert.as_deref(), Some(&[1, 2][..]));
    }

    #[test]
    fn malformed_lines_of_a_second_layer_are_errors_of_the_strict_reading() {
        let text = format!("{HEAD}{POINT}");
        let odd = [
            ("formats 1 2", "formats 1 x 2", "create2-formats"),
            ("formats 1 2", "formats 1", "create2-formats"),
            ("1-2 31", "2-1 31", "flow-control"),
            ("1-2 31", "1-2 256", "flow-control"),
            ("7 2026", "-7 2026", "pow-params"),
            ("AQAGwAACASMp", "blah", "introduction-point"),
            ("ntor BAQE", "ntor BAQ", "onion-key"),
            ("ntor bpZK", "ntor bpZ", "enc-key"),
            ("AQkACOhA", "AQsACOhA", "auth-key"),
            ("AQsACOhZ", "AQkACOhZ", "enc-key-cert"),
        ];
        for (old, new, keyword) in odd {
            let changed = text.replace(old, new);
            let error = SecondLayer::parse_strict(changed.as_bytes()).unwrap_err();
            assert_eq!(error.keyword(), keyword, "{new}: {error}");
            assert!(matches!(error.problem(), LineProblem::Value(_)), "{new}: {error}");
            assert!(SecondLayer::parse(changed.as_bytes()).is_ok(), "{new}");
        }
        let ntor = "onion-key ntor BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ=\n";
        let twice = format!("{ntor}{ntor}");
        for (old, new, keyword, problem) in [
            ("ed25519 new", "", "intro-auth-required", LineProblem::Words),
            ("flow-control 1-2 31", "flow-control 1-2", "flow-control", LineProblem::Words),
            (ntor, "", "onion-key", LineProblem::Missing),
            (ntor, &twice, "onion-key", LineProblem::Repeated),
            ("enc-key ntor", "enc-key other", "enc-key", LineProblem::Missing),
            ("AQAGwAACASMp", "AA==", "introduction-point", LineProblem::Missing),
            ("legacy-key-cert", "x", "legacy-key-cert", LineProblem::Missing),
            ("ED25519 CERT", "UNICORN CERT", "auth-key", LineProblem::Object),
            ("create2-formats", "create-formats", "create-formats", LineProblem::Start),
        ] {
            let changed = text.replace(old, new);
            let error = SecondLayer::parse_strict(changed.as_bytes()).unwrap_err();
            assert_eq!((error.keyword(), error.problem()), (keyword, problem), "{error}");
        }
        let many = format!("{HEAD}{}", POINT.repeat(21));
        assert!(SecondLayer::parse_strict(many.as_bytes()).is_err());
        assert_eq!(SecondLayer::parse(many.as_bytes()).unwrap().introduction_points.len(), 21);
    }

    #[test]
    fn malformed_introduction_point_does_not_spoil_the_others() {
        // Such a line begins no introduction point.
        let odd = format!("{HEAD}introduction-point\rx\n{POINT}");
        assert_eq!(SecondLayer::parse(odd.as_bytes()).unwrap().introduction_points.len(), 1);
        let bad = POINT.replace("AQAGwAACASMp", "blah").replace("ntor BAQE", "ntor BAQ");
        let text = format!("{HEAD}{bad}{POINT}\0\0");
        let layer = SecondLayer::parse(text.as_bytes()).unwrap();
        let [broken, whole] = &layer.introduction_points[..] else { panic!("{layer:?}") };
        assert!(broken.link_specifiers.is_empty() && broken.onion_key.is_none());
        assert!(broken.auth_key().is_some() && whole.onion_key.is_some());
        let skipped: Vec<String> = layer.skipped().iter().map(ToString::to_string).collect();
        assert_eq!(
            skipped,
            [
                "malformed introduction point: line 1 (introduction-point): \
                 the link specifiers must be a list in base64",
                "malformed introduction point: line 2 (onion-key): \
                 the key must be 32 bytes in base64",
            ],
        );
    }
}
