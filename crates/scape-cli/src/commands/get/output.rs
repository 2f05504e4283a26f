//! Writes the body of an answer to standard output, to a file, or into JSON.

use std::fs::{self, File};
use std::io::{self, Write};
#[cfg(unix)]
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::BASE64;
use serde::Serialize;
use tempfile::NamedTempFile;

use super::body::{Answer, Head};
use super::terminal::{Shown, show};
use crate::base::background;
use crate::base::busy::Busy;
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::output::printable;
use crate::base::units;
use crate::commands::shared::links::{follow_links, links};
use crate::commands::shared::temporary::without_temporary_name;

/// The maximum length of a body in JSON, in bytes.
const LONGEST_IN_JSON: usize = 64_000_000;

/// An answer, as it is printed with `--json`.
#[derive(Debug, Serialize)]
struct Document {
    /// The URL after redirects, without user name and password.
    url: String,
    /// The version of HTTP, such as `HTTP/1.1`.
    version: String,
    status: u16,
    headers: Vec<Header>,
    /// The length of the body in bytes, also if the body is missing here.
    bytes: u64,
    /// The body as text. Missing with `--output`, and if the body isn't UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// The body in base64. Only present if the body isn't UTF-8 and `--output`
    /// isn't given.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

/// A header of an answer.
#[derive(Debug, Serialize)]
struct Header {
    name: String,
    value: String,
}

/// The destination of the body of an answer.
#[derive(Debug)]
pub(super) enum Destination {
    /// Standard output. The [`Shown`] makes the body safe if this is a
    /// terminal.
    Standard(Shown),
    /// A device, a pipe, or a file that is already open, such as `/dev/fd/3`.
    /// It is written directly, because it can't be replaced by a new file.
    Device { file: Arc<File>, path: PathBuf },
    /// A temporary file, which replaces the file at `real` when the body is
    /// complete. `path` is the path from the command line, for messages. It may
    /// be a link to `real`.
    File { file: NamedTempFile, path: PathBuf, real: PathBuf },
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    let reason = without_temporary_name(error);
    Failure::failed(format_args!("cannot write {}: {reason}", path.display()))
}

impl Destination {
    /// Opens the destination. `None` and `-` mean standard output.
    pub(super) fn open(context: &Context, path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            return Ok(Destination::Standard(Shown::default()));
        };
        if path.as_os_str().is_empty() {
            return Err(Failure::usage("the name of the file in --output is empty"));
        }
        let owned = path.to_path_buf();
        let metadata = fs::metadata(path).ok();
        if let Some(metadata) = &metadata {
            if is_standard_output(metadata) {
                return Ok(Destination::Standard(Shown::default()));
            }
            // Opening a pipe waits for a program that reads it, so another
            // thread does this. A file must be writable, although it will be
            // replaced. If the name stands for a file that is open already,
            // such as /dev/fd/3, the body is added to this file.
            let is_open = is_open_file(path);
            let opened = owned.clone();
            let open = move || File::options().write(true).append(is_open).open(opened);
            let file = background::run(context, open)?.map_err(|error| failed(path, &error))?;
            if is_open || !metadata.is_file() {
                return Ok(Destination::Device { file: Arc::new(file), path: owned });
            }
        }
        let real = follow_links(path);
        let folder = real.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut builder = tempfile::Builder::new();
        builder.prefix(".scape-");
        // The umask of the process applies to this mode, as it does to other
        // new files.
        #[cfg(unix)]
        if metadata.is_none() {
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        }
        let create = || {
            let file = builder.tempfile_in(folder.unwrap_or(Path::new(".")))?;
            if let Some(metadata) = metadata {
                file.as_file().set_permissions(metadata.permissions())?;
            }
            Ok(file)
        };
        let file = create().map_err(|error: io::Error| failed(path, &error))?;
        Ok(Destination::File { file, path: owned, real })
    }

    /// Prints the status and the headers of the answer on standard output, for
    /// `--include`.
    pub(super) fn head(&mut self, context: &Context, head: &Head) -> Result<(), Failure> {
        match context.out.is_terminal() {
            true => context.out.bytes(show(&String::from_utf8_lossy(&head.text())).into_bytes()),
            false => context.out.bytes(head.text()),
        }
    }

    /// Writes the body, and returns its length in bytes. A
    /// [`Destination::File`] appears when the body is complete.
    pub(super) fn write(self, context: &Context, answer: Answer) -> Result<u64, Failure> {
        match self {
            Destination::Standard(mut shown) if context.out.is_terminal() => {
                // Progress isn't shown, because it would be mixed with the
                // body.
                let length = receive(context, &answer, false, |bytes| {
                    context.out.bytes(shown.next(bytes).into_bytes())
                })?;
                context.out.bytes(shown.next(&[]).into_bytes()).map(|()| length)
            }
            Destination::Standard(_) => {
                receive(context, &answer, true, |bytes| context.out.bytes(bytes.to_vec()))
            }
            Destination::Device { file, path } => receive(context, &answer, true, |bytes| {
                // Another program may have stopped reading, so another thread
                // writes.
                let (file, bytes) = (file.clone(), bytes.to_vec());
                let written = background::run(context, move || (&*file).write_all(&bytes))?;
                written.map_err(|error| failed(&path, &error))
            }),
            Destination::File { mut file, path, real } => {
                let length = receive(context, &answer, true, |bytes| {
                    file.write_all(bytes).map_err(|error| failed(&path, &error))
                })?;
                file.persist(real).map_err(|error| failed(&path, &error.error))?;
                context.out.note(format_args!(
                    "{}: {} in {}",
                    answer.head.status_text(),
                    units::bytes(length),
                    path.display()
                ));
                Ok(length)
            }
        }
    }
}

/// Returns true if the file with this metadata is the standard output. For
/// example, `/dev/stdout` leads to it.
#[cfg(unix)]
fn is_standard_output(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let file = io::stdout().as_fd().try_clone_to_owned().map(File::from);
    let output = file.and_then(|file| file.metadata());
    output.is_ok_and(|output| (output.dev(), output.ino()) == (metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn is_standard_output(_metadata: &fs::Metadata) -> bool {
    false
}

/// Returns true if a path leads through `/dev/fd` or `/proc/*/fd`. Such a path
/// stands for a file that a process has already opened.
fn is_open_file(path: &Path) -> bool {
    links(path).any(|path| {
        let folder = path.parent().unwrap_or(Path::new(""));
        folder == Path::new("/dev/fd") || folder.starts_with("/proc") && folder.ends_with("fd")
    })
}

/// Prints the answer as JSON. The JSON contains the body unless the destination
/// is a file.
pub(super) fn json(
    context: &Context,
    answer: Answer,
    destination: Destination,
) -> Result<(), Failure> {
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
    match destination {
        Destination::Standard(_) => {
            let mut body = Vec::new();
            document.bytes = receive(context, &answer, true, |bytes| {
                body.extend_from_slice(bytes);
                check_length(body.len())
            })?;
            match String::from_utf8(body) {
                Ok(text) => document.body = Some(text),
                Err(error) => document.body_base64 = Some(BASE64.encode(error.as_bytes())),
            }
        }
        destination => document.bytes = destination.write(context, answer)?,
    }
    context.out.value(&document)
}

/// Returns a failure if a body of this length is too long for JSON. The check
/// is needed because a server may send data without end.
fn check_length(length: usize) -> Result<(), Failure> {
    if length <= LONGEST_IN_JSON {
        return Ok(());
    }
    Err(Failure::failed(format_args!(
        "the body is longer than {}: write it into a file with --output",
        units::bytes(LONGEST_IN_JSON as u64)
    )))
}

/// Calls `write` with each part of the body. Shows the progress if `shows` is
/// true. Returns the length of the body in bytes.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn open_files_are_recognized_behind_links() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/proc/self/fd/3", &link).unwrap();
        for path in [&link, Path::new("/dev/fd/3"), Path::new("/proc/1/task/1/fd/3")] {
            assert!(is_open_file(path), "{}", path.display());
        }
        for path in ["/dev/null", "fd/3", "/proc/self/fd", "/tmp/fd/3"] {
            assert!(!is_open_file(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn body_in_json_has_a_limit() {
        assert!(check_length(LONGEST_IN_JSON).is_ok());
        let failure = check_length(LONGEST_IN_JSON + 1).unwrap_err();
        let expected = "the body is longer than 64.0 MB: write it into a file with --output";
        assert_eq!(failure.message, expected);
    }
}
