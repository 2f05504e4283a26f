//! Maps the path of a request to a file or to the listing of a directory.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::http::{encode, escape};

/// The content with which a request is answered.
pub(crate) enum Content {
    File(PathBuf),
    /// A page that lists a directory.
    Listing(String),
    /// A redirect to this path, which has a slash at the end.
    Elsewhere(String),
}

/// The reason why a request gets no content.
pub(crate) enum Missing {
    BadRequest,
    NotFound,
}

/// Finds the content for the request target `target`, such as `/a%20b/c?d`, in
/// the directory `root`. The content is never outside of `root`, which must be
/// a canonical path.
pub(crate) fn find(root: &Path, target: &str) -> Result<Content, Missing> {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let decoded =
        decode(path.strip_prefix('/').ok_or(Missing::BadRequest)?).ok_or(Missing::BadRequest)?;
    let mut wanted = root.to_path_buf();
    for name in decoded.split('/').filter(|name| !name.is_empty()) {
        // Accept plain names only: not `..`, no drive of another system, and no
        // hidden file.
        let mut parts = Path::new(name).components();
        let is_plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
        if !is_plain || name.starts_with('.') || name.contains(['\0', '\\']) {
            return Err(Missing::NotFound);
        }
        wanted.push(name);
    }
    // A link may lead out of `root`.
    let real = wanted.canonicalize().map_err(|_| Missing::NotFound)?;
    if !real.starts_with(root) {
        return Err(Missing::NotFound);
    }
    if !real.is_dir() {
        let is_file = real.is_file() && !decoded.ends_with('/');
        return if is_file { Ok(Content::File(real)) } else { Err(Missing::NotFound) };
    }
    if !path.ends_with('/') {
        // Build the path anew, because two slashes at the beginning would lead
        // to another host.
        let names: Vec<String> =
            decoded.split('/').filter(|name| !name.is_empty()).map(encode).collect();
        return Ok(Content::Elsewhere(format!("/{}/", names.join("/"))));
    }
    match real.join("index.html") {
        index
            if index.is_file()
                && index.canonicalize().is_ok_and(|index| index.starts_with(root)) =>
        {
            Ok(Content::File(index))
        }
        _ => listing(&real).ok_or(Missing::NotFound).map(Content::Listing),
    }
}

/// Returns a page with links to the files in a directory. Returns `None` if the
/// directory can't be read.
fn listing(directory: &Path) -> Option<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .ok()?
        .flatten()
        .filter_map(|entry| {
            let slash = if entry.file_type().ok()?.is_dir() { "/" } else { "" };
            Some(format!("{}{slash}", entry.file_name().into_string().ok()?))
        })
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    let items: String = names
        .iter()
        .map(|name| format!("<li><a href=\"./{}\">{}</a></li>\n", encode(name), escape(name)))
        .collect();
    Some(format!(
        "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>Files</title>\n<ul>\n{items}</ul>\n"
    ))
}

/// Decodes percent escapes: `%41` is `A`. Returns `None` if an escape is
/// malformed or the result isn't UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)?;
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Returns the media type for a file, which depends on the end of its name.
pub(crate) fn content_type(path: &Path) -> &'static str {
    let extension =
        path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    match extension.as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "txt" | "md" => "text/plain; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "xml" => "application/xml",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "svg" => "image/svg+xml",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "mp3" => "audio/mpeg",
        "mp4" => "video/mp4",
        "zip" => "application/zip",
        "gz" => "application/gzip",
        _ => "application/octet-stream",
    }
}
