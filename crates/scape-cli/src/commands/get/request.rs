//! The request of `scape get`.

use std::fs;
use std::io::{self, Read as _};

use clap::Args;
use scape::http::ureq::http;

use crate::base::failure::Failure;

/// The options about the request.
#[derive(Debug, Args)]
pub(super) struct Request {
    /// Add a header to the request, such as 'Accept: text/html'. Can be
    /// repeated
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
    /// Returns the request for a URL.
    pub(super) fn build(&self, url: &str) -> Result<http::Request<Vec<u8>>, Failure> {
        let body = self.data.as_deref().map(data).transpose()?;
        let method = self.method.clone().unwrap_or(match body {
            Some(_) => http::Method::POST,
            None => http::Method::GET,
        });
        let url_with_scheme = with_scheme(url);
        let scheme = url_with_scheme.split("://").next().unwrap_or_default();
        if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            let problem = "the scheme must be http or https";
            return Err(Failure::usage(format_args!("cannot request {url}: {problem}")));
        }
        let mut request = http::Request::builder().method(method).uri(url_with_scheme);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let has_type =
            self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if body.is_some() && !has_type {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        request
            .body(body.unwrap_or_default())
            .map_err(|error| Failure::usage(format_args!("cannot request {url}: {error}")))
    }
}

/// Adds the scheme if it is missing.
fn with_scheme(url: &str) -> String {
    if url.contains("://") {
        return url.to_owned();
    }
    let authority = url.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.split(':').next().unwrap_or_default();
    // Connections to onion services are encrypted anyway.
    let scheme = if host.ends_with(".onion") { "http" } else { "https" };
    format!("{scheme}://{url}")
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("a header is NAME: VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// Returns the body that `--data` names.
fn data(text: &str) -> Result<Vec<u8>, Failure> {
    let Some(path) = text.strip_prefix('@') else { return Ok(text.into()) };
    let mut bytes = Vec::new();
    let read = match path {
        "-" => io::stdin().read_to_end(&mut bytes).map(|_| bytes),
        path => fs::read(path),
    };
    read.map_err(|error| Failure::usage(format_args!("cannot read {path}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_depends_on_the_host() {
        for (url, expected) in [
            ("example.com", "https://example.com"),
            ("example.com/a.onion", "https://example.com/a.onion"),
            ("abc.onion:8080/x", "http://abc.onion:8080/x"),
            ("http://example.com", "http://example.com"),
        ] {
            assert_eq!(with_scheme(url), expected);
        }
    }
}
