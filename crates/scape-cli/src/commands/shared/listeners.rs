//! Parses the addresses on which tor listens.

use scape_proto::control::Words;

/// Returns the addresses in a value of `GETINFO net/listeners/…`. Each of them
/// may be in quotes, because the path of a Unix socket may contain spaces.
pub(crate) fn addresses(value: &str) -> Vec<String> {
    let mut words = Words::new(value.as_bytes());
    let mut addresses = Vec::new();
    while !words.rest().is_empty() {
        addresses.push(words.next_text().into_owned());
    }
    addresses.retain(|address| !address.is_empty());
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_may_contain_spaces() {
        let value = r#""127.0.0.1:9050" "unix:/run/my tor/socks \"a" [::1]:9050"#;
        let expected = ["127.0.0.1:9050", "unix:/run/my tor/socks \"a", "[::1]:9050"];
        assert_eq!(addresses(value), expected);
        assert!(addresses("").is_empty());
    }
}
