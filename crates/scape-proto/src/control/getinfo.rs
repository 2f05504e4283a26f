//! The answer to GETINFO.

use super::reply::Reply;

/// The maximum number of bytes of an unexpected line that an error shows.
const EXCERPT: usize = 80;

/// Parses the answer to `GETINFO keys…`. Returns one value for each key, in the
/// same order. A value from a data block ends with the LF of its last line.
///
/// tor repeats each key as it was sent, so this function removes exactly `key=`
/// from the line; the value may contain any bytes. A value is either after the
/// `=` or in a data block. An answer with both is an error: tor never sends
/// such an answer, and control-spec doesn't describe it. The library stem
/// rejects such answers, too.
///
/// ```
/// use scape_proto::control::{Decoder, parse_getinfo};
///
/// let mut decoder = Decoder::default();
/// decoder.feed(b"250-version=0.4.9.11\r\n250 OK\r\n");
/// let reply = decoder.next_reply()?.expect("the reply is complete");
/// assert_eq!(parse_getinfo(&reply, &["version"])?, [b"0.4.9.11"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Returns a description of the problem in these cases:
///
/// - the lines don't match the keys;
/// - a value is both after the `=` and in a data block;
/// - tor answered `(null)`, because it can't encode the answer.
#[doc(alias = "GetInfoResponse")]
pub fn parse_getinfo(reply: &Reply, keys: &[&str]) -> Result<Vec<Vec<u8>>, String> {
    let mut values = Vec::with_capacity(keys.len());
    // The last line is the final OK.
    let mut lines = reply.lines().take(reply.len() - 1);
    for key in keys {
        let Some(line) = lines.next() else {
            return Err(format!("no value for {key:?}"));
        };
        // tor sends this text in place of the key and the value if it can't
        // encode them.
        if line.text == b"(null)" {
            return Err(format!("tor cannot encode its answer to {key:?}"));
        }
        let value = line.text.strip_prefix(key.as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
        let Some(value) = value else {
            let text = reply.beginning_of(line.text, EXCERPT);
            return Err(format!("expected the value of {key:?}, got {text:?}"));
        };
        values.push(match line.data {
            Some(data) if value.is_empty() => data.to_vec(),
            Some(_) => {
                return Err(format!(
                    "the value of {key:?} is both in its line and in a data block"
                ));
            }
            None => value.to_vec(),
        });
    }
    match lines.next() {
        None => Ok(values),
        Some(line) => {
            let text = reply.beginning_of(line.text, EXCERPT);
            Err(format!("unexpected line: {text:?}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Decoder;

    fn parse(text: &str, keys: &[&str]) -> Result<Vec<String>, String> {
        let mut decoder = Decoder::default();
        decoder.feed(text.as_bytes());
        let values = parse_getinfo(&decoder.next_reply().unwrap().unwrap(), keys)?;
        Ok(values.into_iter().map(|v| String::from_utf8(v).unwrap()).collect())
    }

    #[test]
    fn getinfo_values_in_every_form() {
        let text = "250-a/b=c=d=\r\n250+text=\r\none\r\n250 OK\r\n.\r\n250-empty=\r\n250 OK\r\n";
        let values = parse(text, &["a/b", "text", "empty"]).unwrap();
        assert_eq!(values, ["c=d=", "one\n250 OK\n", ""]);
        assert_eq!(parse("250 OK\r\n", &[]).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn getinfo_answers_that_do_not_match_the_keys_are_rejected() {
        for (text, keys) in [
            ("250 OK\r\n", &["version"][..]),
            ("250-version=1\r\n250 OK\r\n", &["versio"]),
            ("250-version=1\r\n250 OK\r\n", &["version", "uptime"]),
            ("250-version=1\r\n250-uptime=1\r\n250 OK\r\n", &["version"]),
            ("250-(null)\r\n250 OK\r\n", &["dir/status/a=b"]),
            ("250+config-text=SocksPort 1\r\nORPort 2\r\n.\r\n250 OK\r\n", &["config-text"]),
        ] {
            assert!(parse(text, keys).is_err(), "{text:?} {keys:?}");
        }
    }
}
