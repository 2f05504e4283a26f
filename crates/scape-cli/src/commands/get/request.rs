//! Builds the request of `scape get`.

use std::fmt::Display;
use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use clap::Args;
use scape::http::ureq::http;
use scape::socks::{Target, is_private};

use super::link::{with_scheme, without_user};
use crate::base::background;
use crate::base::context::Context;
use crate::base::failure::{Failure, in_words_of_the_command};
use crate::base::output::printable;

/// The options that describe the request.
#[derive(Debug, Args)]
pub(super) struct Request {
    /// Add a header to the request, such as 'Accept: text/html'. Can be
    /// repeated
    ///
    /// With the header Host, only redirects to the host of the URL are
    /// followed.
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,

    /// Send this body with POST. @FILE sends a file, and @- standard input
    #[arg(long, short, value_name = "DATA")]
    data: Option<String>,

    /// The method, such as HEAD or PUT [default: GET, or POST with --data]
    #[arg(long = "request", short = 'X', value_name = "METHOD")]
    method: Option<http::Method>,
}

impl Request {
    /// Returns the request for `url`. Adds the scheme if it is missing.
    pub(super) fn build(
        &self,
        context: &Context,
        url: &str,
    ) -> Result<http::Request<Vec<u8>>, Failure> {
        if self.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("host")).count() > 1 {
            return Err(Failure::usage("the header Host can only be set once"));
        }
        let url = with_scheme(url);
        check(&url)?;
        let body = self.data.as_deref().map(|text| data(context, text)).transpose()?;
        let method = self.method.clone().unwrap_or(match body {
            Some(_) => http::Method::POST,
            None => http::Method::GET,
        });
        let mut request = http::Request::builder().method(method).uri(&url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let has_type =
            self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if body.is_some() && !has_type {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        request.body(body.unwrap_or_default()).map_err(|error| failed(&url, &error))
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("expected NAME: VALUE")?;
    let lower = name.trim().to_ascii_lowercase();
    if matches!(lower.as_str(), "content-length" | "transfer-encoding") {
        return Err(format!(
            "{lower} can't be set, because it depends on the body, which --data sets"
        ));
    }
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn failed(url: &str, why: &dyn Display) -> Failure {
    let why = in_words_of_the_command(why.to_string());
    Failure::usage(format_args!("cannot request {}: {why}", printable(&without_user(url))))
}

/// Checks the scheme, the host and the port of a URL before anything is sent.
fn check(url: &str) -> Result<(), Failure> {
    let failed = |why: &dyn Display| failed(url, why);
    let uri: http::Uri = url.parse().map_err(|error| failed(&error))?;
    let port = match uri.scheme_str() {
        Some("http") => 80,
        Some("https") => 443,
        _ => return Err(failed(&"only http:// and https:// URLs can be fetched")),
    };
    // `Uri::port` ignores a port that isn't valid, so the port is looked up in
    // the text.
    let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    let host_and_port = authority.rsplit('@').next().unwrap_or_default().trim_end_matches(':');
    let has_port = host_and_port.rsplit(']').next().is_some_and(|rest| rest.contains(':'));
    let target = match has_port {
        true => host_and_port.to_owned(),
        false => format!("{host_and_port}:{port}"),
    };
    match target.parse::<Target>() {
        Ok(target) if is_private(&target) => Err(failed(
            &"the target is on this machine or its local network, which no exit connects to",
        )),
        Ok(_) => Ok(()),
        Err(error) => Err(failed(&error)),
    }
}

/// Returns the request body for a value of `--data`. Ctrl-C interrupts the
/// reading of a file.
fn data(context: &Context, text: &str) -> Result<Vec<u8>, Failure> {
    match text.strip_prefix('@') {
        Some(path) => read(context, Path::new(path)),
        None => Ok(text.into()),
    }
}

/// Reads a file, or standard input if the path is `-`. Returns a failure after
/// Ctrl-C.
pub(super) fn read(context: &Context, path: &Path) -> Result<Vec<u8>, Failure> {
    let from = path.to_path_buf();
    let result = background::run(context, move || match from.to_str() {
        Some("-") => {
            let mut bytes = Vec::new();
            io::stdin().read_to_end(&mut bytes).map(|_| bytes)
        }
        _ => fs::read(from),
    })?;
    result.map_err(|error| Failure::usage(format_args!("cannot read {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_checked() {
        for url in [
            "http://a",
            "https://a:8443/",
            "http://[2001:db8::1]:80/",
            "http://u:p@a/",
            "http://a:/",
        ] {
            assert!(check(url).is_ok(), "{url}");
        }
        for url in [
            "ftp://a/",
            "http://a..b/",
            "http://a:99999/",
            "http://a:0/",
            "http://a:+80/",
            "http://[::1]:x/",
            "http:///",
            "http://localhost/",
            "http://u:secret@192.168.1.1/",
            "http://a b/",
        ] {
            let failure = check(url).unwrap_err();
            assert!(failure.message.starts_with("cannot request http") || url.starts_with("ftp"));
            assert!(!failure.message.contains("secret"), "{failure:?}");
        }
    }

    #[test]
    fn headers_about_the_length_are_refused() {
        assert_eq!(header("A: b:c"), Ok(("A".into(), "b:c".into())));
        for text in ["Content-Length: 50", "transfer-encoding:chunked", "nothing"] {
            assert!(header(text).is_err(), "{text}");
        }
    }
}
