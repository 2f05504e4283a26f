//! The destination of a body: standard output, a file, or JSON.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use data_encoding::BASE64;
use serde::Serialize;

use super::body::Answer;
use crate::base::busy::Busy;
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::output::printable;
use crate::base::units;

/// An answer, as it is printed with `--json`.
#[derive(Debug, Serialize)]
struct Document {
    /// The URL after redirects.
    url: String,
    /// The version of HTTP, such as `HTTP/1.1`.
    version: String,
    status: u16,
    headers: Vec<Header>,
    /// The length of the body in bytes.
    bytes: u64,
    /// The body if it is text. Missing with `--output`.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// The body in base64 if it isn't text in UTF-8. Missing with `--output`.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

/// A header of an answer.
#[derive(Debug, Serialize)]
struct Header {
    name: String,
    value: String,
}

/// Writes the body to standard output.
pub(super) fn standard(context: &Context, answer: Answer) -> Result<(), Failure> {
    // Progress would be mixed with the body on a terminal.
    let shows = !context.out.is_terminal();
    receive(context, &answer, shows, |bytes| context.out.bytes(bytes)).map(drop)
}

/// Writes the body into a file. The file appears when it is complete. Returns
/// the length of the body.
pub(super) fn file(context: &Context, answer: Answer, path: &Path) -> Result<u64, Failure> {
    let failed = |error: io::Error| {
        Failure::failed(format_args!("cannot write {}: {error}", path.display()))
    };
    // A device or a pipe can't be replaced.
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        let mut file = File::options().write(true).open(path).map_err(failed)?;
        return receive(context, &answer, true, |bytes| file.write_all(bytes).map_err(failed));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".scape-");
    // The mask of the process applies, as it does to other new files.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder.unwrap_or(Path::new("."))).map_err(failed)?;
    let length = receive(context, &answer, true, |bytes| file.write_all(bytes).map_err(failed))?;
    file.persist(path).map_err(|error| failed(error.error))?;
    context.out.note(format_args!(
        "{}: {} in {}",
        answer.head.status_text(),
        units::bytes(length),
        path.display()
    ));
    Ok(length)
}

/// Prints the answer as JSON, with the body unless it goes into a file.
pub(super) fn json(context: &Context, answer: Answer, path: Option<&Path>) -> Result<(), Failure> {
    let head = &answer.head;
    let headers = head.headers.iter().map(|(name, value)| Header {
        name: name.clone(),
        value: String::from_utf8_lossy(value).into_owned(),
    });
    let mut document = Document {
        url: head.url.clone(),
        version: head.version.clone(),
        status: head.status,
        headers: headers.collect(),
        bytes: 0,
        body: None,
        body_base64: None,
    };
    match path {
        Some(path) => document.bytes = file(context, answer, path)?,
        None => {
            let mut body = Vec::new();
            document.bytes = receive(context, &answer, true, |bytes| {
                body.extend_from_slice(bytes);
                Ok(())
            })?;
            match String::from_utf8(body) {
                Ok(text) => document.body = Some(text),
                Err(error) => document.body_base64 = Some(BASE64.encode(error.as_bytes())),
            }
        }
    }
    context.out.value(&document)
}

/// Passes each part of the body on, and shows how far it has come. Returns the
/// length of the body.
fn receive(
    context: &Context,
    answer: &Answer,
    shows: bool,
    mut write: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let url = printable(&answer.head.url);
    let busy = shows.then(|| Busy::new(format_args!("receiving {url}")));
    let total = answer.head.length.map(|total| format!(" of {}", units::bytes(total)));
    let total = total.unwrap_or_default();
    let mut length = 0;
    while let Some(bytes) = answer.next(context)? {
        write(&bytes)?;
        length += bytes.len() as u64;
        if let Some(busy) = &busy {
            busy.say(format_args!("{url}: {}{total}", units::bytes(length)));
        }
    }
    Ok(length)
}
