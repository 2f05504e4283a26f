//! The answer to GETINFO.

use super::reply::Reply;

/// How many bytes of a line that does not fit are shown.
const EXCERPT: usize = 80;

/// Reads the values for `keys` from tor's answer to `GETINFO keys…`: one for
/// each key, in the same order. A data block is given with the LF at the end of
/// its last line. On failure the text says what is wrong.
///
/// The answer repeats each key as it was asked, so exactly `key=` is taken off;
/// values may hold anything. A value is either behind the `=` or in a data
/// block. tor and control-spec never have both, and as in stem, such an answer
/// is an error.
pub fn parse_getinfo(reply: &Reply, keys: &[&str]) -> Result<Vec<Vec<u8>>, String> {
    let mut values = Vec::with_capacity(keys.len());
    // The last line is the OK.
    let mut lines = reply.lines().take(reply.len() - 1);
    for key in keys {
        let Some(line) = lines.next() else {
            return Err(format!("no value for {key:?}"));
        };
        // What tor prints for a key that it cannot repeat.
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
            Err(format!("a line that was not asked for: {text:?}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Decoder;

    fn parse(text: &str, keys: &[&str]) -> Result<Vec<String>, String> {
        let mut decoder = Decoder::default();
        decoder.feed(text.as_bytes());
        let values = parse_getinfo(&decoder.next_reply().unwrap().unwrap(), keys)?;
        Ok(values.into_iter().map(|v| String::from_utf8(v).unwrap()).collect())
    }

    #[test]
    fn values_of_every_form() {
        let text = "250-a/b=c=d=\r\n250+text=\r\none\r\n250 OK\r\n.\r\n250-empty=\r\n250 OK\r\n";
        let values = parse(text, &["a/b", "text", "empty"]).unwrap();
        assert_eq!(values, ["c=d=", "one\n250 OK\n", ""]);
        assert_eq!(parse("250 OK\r\n", &[]).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn answers_that_do_not_fit() {
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
