//! Adds missing schemes to URLs, and removes user names and passwords from URLs
//! that are shown.

use scape::http::ureq::http::Uri;

/// Adds a scheme to a URL that has none: `http` for onion services, `https` for
/// other hosts.
pub(super) fn with_scheme(url: &str) -> String {
    let authority = url.split(['/', '?', '#']).next().unwrap_or_default();
    // Here, `//` ends a scheme. Later, it may be part of a path or a query.
    if url.get(authority.len()..).is_some_and(|rest| rest.starts_with("//"))
        && authority.ends_with(':')
    {
        return url.to_owned();
    }
    let host_and_port = authority.rsplit('@').next().unwrap_or_default();
    let host = host_and_port.split(':').next().unwrap_or_default().to_ascii_lowercase();
    // Connections to onion services are encrypted anyway, so they use HTTP.
    let scheme = if host.ends_with(".onion") { "http" } else { "https" };
    format!("{scheme}://{url}")
}

/// Returns a URL for messages and output, without user name and password.
pub(super) fn shown(url: &Uri) -> String {
    without_user(&url.to_string())
}

/// Removes the user name and the password from a URL, even if it is malformed.
pub(super) fn without_user(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or_default();
    let separator = if scheme.is_empty() { "" } else { "://" };
    format!("{scheme}{separator}{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_depends_on_the_host() {
        for (url, expected) in [
            ("example.com", "https://example.com"),
            ("example.com/a.onion", "https://example.com/a.onion"),
            ("example.com/?next=https://x", "https://example.com/?next=https://x"),
            ("example.com?next=https://x", "https://example.com?next=https://x"),
            ("abc.onion:8080/x", "http://abc.onion:8080/x"),
            ("ABC.ONION", "http://ABC.ONION"),
            ("u:p@abc.onion/", "http://u:p@abc.onion/"),
            ("u:p@example.com/", "https://u:p@example.com/"),
            ("http://example.com", "http://example.com"),
            ("ftp://example.com", "ftp://example.com"),
        ] {
            assert_eq!(with_scheme(url), expected);
        }
    }

    #[test]
    fn users_and_passwords_are_not_shown() {
        for (url, expected) in [
            ("http://user:secret@host:80/a@b?c@d", "http://host:80/a@b?c@d"),
            ("https://user@host", "https://host"),
            ("http://u:s@x@host/", "http://host/"),
            ("http://host/", "http://host/"),
            ("u:s@host", "host"),
        ] {
            assert_eq!(without_user(url), expected);
        }
    }
}
