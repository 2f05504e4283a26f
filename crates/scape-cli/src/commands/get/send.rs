//! Sends a request, and follows redirects.

use std::time::Instant;

use scape::http::ureq::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, LOCATION};
use scape::http::ureq::http::{HeaderValue, Method, Request, Response, Uri};
use scape::http::ureq::{self, Agent, Error};

/// Sends a request, and follows redirects. If the request has the header Host,
/// only redirects to the same host are followed.
pub(super) fn send(
    agent: &Agent,
    request: Request<Vec<u8>>,
) -> Result<Response<ureq::Body>, Error> {
    match request.headers().contains_key(HOST) {
        true => send_with_host(agent, request),
        false => send_once(agent, request),
    }
}

/// Sends a request that has the header Host, and follows redirects to the same
/// host only. ureq itself would send this header to the hosts of all redirects.
fn send_with_host(
    agent: &Agent,
    mut request: Request<Vec<u8>>,
) -> Result<Response<ureq::Body>, Error> {
    let begun = Instant::now();
    let (most, limit) = (agent.config().max_redirects(), agent.config().timeouts().global);
    for count in 0..=most {
        let left = limit.map(|limit| limit.saturating_sub(begun.elapsed()));
        let settings = agent.configure_request(request.clone());
        let single = settings.max_redirects(0).timeout_global(left).build();
        let response = send_once(agent, single)?;
        let location = response.headers().get(LOCATION);
        match next(request, response.status().as_u16(), location.filter(|_| most > 0))? {
            Some(_) if count == most => break,
            Some(next) => request = next,
            None => return Ok(response),
        }
    }
    Err(Error::TooManyRedirects)
}

/// Sends a request. The settings of `agent` decide how many redirects are
/// followed. A GET, HEAD, DELETE or OPTIONS request with an empty body is sent
/// without `Content-Length`.
fn send_once(agent: &Agent, request: Request<Vec<u8>>) -> Result<Response<ureq::Body>, Error> {
    let has_none =
        matches!(*request.method(), Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS);
    match request.body().is_empty() && has_none {
        true => agent.run(request.map(|_| ureq::SendBody::none())),
        false => agent.run(request),
    }
}

/// Returns the request that follows a redirect. Returns `None` if the answer
/// isn't a redirect. Like ureq, leaves out the body and the headers
/// Authorization and Cookie.
fn next(
    request: Request<Vec<u8>>,
    status: u16,
    location: Option<&HeaderValue>,
) -> Result<Option<Request<Vec<u8>>>, Error> {
    let keeps_method = matches!(status, 307 | 308);
    let Some(location) = location.filter(|_| keeps_method || matches!(status, 301..=303)) else {
        return Ok(None);
    };
    let location = String::from_utf8_lossy(location.as_bytes());
    let url = join(request.uri(), &location).ok_or_else(|| {
        Error::Other(format!("the server redirects to the malformed URL {location}").into())
    })?;
    let host = |url: &Uri| url.host().map(str::to_ascii_lowercase);
    if host(&url) != host(request.uri()) {
        let host = url.host().unwrap_or_default();
        let why = format!(
            "the server redirects to the host {host}, and with the header Host only redirects to \
             the host of the URL are followed; use --max-redirects 0 with --include to see the URL \
             in the header Location"
        );
        return Err(Error::Other(why.into()));
    }
    let (mut parts, _) = request.into_parts();
    match parts.method {
        Method::GET | Method::HEAD => {}
        Method::OPTIONS if keeps_method => {}
        _ if keeps_method => return Err(Error::RedirectFailed),
        _ => parts.method = Method::GET,
    }
    for header in [AUTHORIZATION, COOKIE, CONTENT_TYPE] {
        parts.headers.remove(header);
    }
    parts.uri = url;
    Ok(Some(Request::from_parts(parts, Vec::new())))
}

/// Resolves `location`, the header Location of an answer from `base`. Returns
/// `None` if the resulting URL is malformed.
fn join(base: &Uri, location: &str) -> Option<Uri> {
    let location = location.split('#').next().unwrap_or_default();
    if let Ok(url) = location.parse::<Uri>()
        && url.scheme().is_some()
    {
        return Some(url);
    }
    let scheme = base.scheme_str()?;
    if location.starts_with("//") {
        return format!("{scheme}:{location}").parse().ok();
    }
    let folder = match location.chars().next() {
        Some('/') => "",
        Some('?') | None => base.path(),
        _ => base.path().rsplit_once('/').map_or("", |(folder, _)| folder),
    };
    let separator = if location.starts_with(['/', '?']) || location.is_empty() { "" } else { "/" };
    let target = format!("{folder}{separator}{location}");
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (&*target, String::new()),
    };
    let path = without_dot_segments(path);
    format!("{scheme}://{}{path}{query}", base.authority()?).parse().ok()
}

/// Resolves the segments `.` and `..` of an absolute path (RFC 3986, section
/// 5.2.4).
fn without_dot_segments(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    // A path that ends in a dot segment is that of a folder.
    let is_folder = path.ends_with("/.") || path.ends_with("/..");
    let end = if is_folder && !segments.is_empty() { "/" } else { "" };
    format!("/{}{end}", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_relative_to_the_url() {
        let base = "http://u:p@a.test:8080/b/c?d".parse().unwrap();
        for (location, expected) in [
            ("https://e.test/f#g", "https://e.test/f"),
            ("//e.test/f", "http://e.test/f"),
            ("/f?g", "http://u:p@a.test:8080/f?g"),
            ("f/", "http://u:p@a.test:8080/b/f/"),
            ("?g", "http://u:p@a.test:8080/b/c?g"),
            ("", "http://u:p@a.test:8080/b/c"),
            ("../f", "http://u:p@a.test:8080/f"),
            ("./f", "http://u:p@a.test:8080/b/f"),
            ("/a/../f/?g=../h", "http://u:p@a.test:8080/f/?g=../h"),
            ("../../..", "http://u:p@a.test:8080/"),
            ("f/g/..", "http://u:p@a.test:8080/b/f/"),
            (".", "http://u:p@a.test:8080/b/"),
        ] {
            let joined = join(&base, location).unwrap().to_string();
            assert_eq!(joined, expected, "{location}");
        }
        assert_eq!(join(&base, "/a b"), None);
    }

    #[test]
    fn host_is_sent_to_no_other_host() {
        let next = |method: Method, status, location: &'static str| {
            let request = Request::builder().method(method).uri("http://a.test/b");
            let request = request.header(HOST, "other.test").header(COOKIE, "a=b");
            let location = HeaderValue::from_static(location);
            next(request.body(b"body".to_vec()).unwrap(), status, Some(&location))
        };
        let followed = next(Method::GET, 302, "https://A.test/c").unwrap().unwrap();
        assert_eq!(followed.headers()[HOST], "other.test");
        assert!(!followed.headers().contains_key(COOKIE) && followed.body().is_empty());
        assert_eq!(next(Method::POST, 303, "/c").unwrap().unwrap().method(), Method::GET);
        assert!(next(Method::GET, 200, "/c").unwrap().is_none());
        assert!(matches!(next(Method::POST, 307, "/c"), Err(Error::RedirectFailed)));
        for location in ["http://b.test/", "//a.test.b/", "http://other.test/b"] {
            let error = next(Method::GET, 301, location).unwrap_err();
            assert!(error.to_string().contains("redirects to the host"), "{error}");
        }
    }
}
