//! A folder into which visitors can upload files.

use std::fs;
use std::io::{self, BufRead, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use scape::onion::OnionStream;
use tempfile::NamedTempFile;

use crate::http::{Request, page, send_head};
use crate::multipart::Parts;

/// The maximum number of files in an upload.
const MOST_FILES: usize = 100;
/// The maximum length of a file's name in bytes.
const LONGEST_NAME: usize = 200;
/// The maximum number of bytes of a refused upload that are read and ignored.
const MOST_IGNORED: u64 = 1 << 20;

const BAD_REQUEST: &str = "400 Bad Request";
const TOO_LARGE: &str = "413 Content Too Large";
const NO_SPACE: &str = "507 Insufficient Storage";

const FORM: &str = "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>Upload</title>\n\
    <form method=\"post\" action=\"/upload\" enctype=\"multipart/form-data\">\n\
    <input type=\"file\" name=\"file\" multiple>\n<button>Upload</button>\n</form>\n";

/// The folder for uploads, the size limit, and the number of uploads so far.
pub(crate) struct Inbox {
    folder: PathBuf,
    /// The maximum length of an upload in bytes.
    limit: u64,
    uploads: AtomicUsize,
}

impl Inbox {
    /// Creates an inbox that saves files in `folder`, which is created if it
    /// doesn't exist. An upload may have up to `limit` bytes.
    pub(crate) fn new(folder: &Path, limit: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Inbox { folder: folder.canonicalize()?, limit, uploads: AtomicUsize::new(0) })
    }

    /// Answers a request. `reader` contains the request's body.
    pub(crate) fn answer(
        &self,
        request: &Request,
        reader: &mut impl BufRead,
        mut visitor: &OnionStream,
    ) -> io::Result<()> {
        match (request.method.as_str(), request.target.as_str()) {
            ("GET", "/") => {
                let headers = "Content-Type: text/html; charset=utf-8\r\n\
                    Content-Security-Policy: default-src 'none'; form-action 'self'\r\n";
                send_head(visitor, "200 OK", FORM.len() as u64, headers)?;
                visitor.write_all(FORM.as_bytes())
            }
            ("POST", "/upload") => {
                let number = self.uploads.fetch_add(1, Ordering::AcqRel) + 1;
                match self.upload(number, request, reader, visitor) {
                    Ok(()) => page(visitor, "200 OK", "", true),
                    Err(status) => {
                        println!("upload {number}: refused: {status}");
                        page(visitor, status, "", true)
                    }
                }
            }
            ("GET", _) => page(visitor, "404 Not Found", "", true),
            _ => page(visitor, "405 Method Not Allowed", "Allow: GET\r\n", true),
        }
    }

    /// Saves the files of an upload. If the upload is refused, returns an error
    /// with the HTTP status. `number` is the upload's number for messages.
    fn upload(
        &self,
        number: usize,
        request: &Request,
        reader: &mut impl BufRead,
        mut visitor: &OnionStream,
    ) -> Result<(), &'static str> {
        let length = request.header("content-length").ok_or("411 Length Required")?;
        let length: u64 = length.parse().map_err(|_| BAD_REQUEST)?;
        if request.header("expect").is_some() {
            visitor.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").map_err(|_| BAD_REQUEST)?;
        }
        println!("upload {number}: {length} bytes");
        let mut body = reader.take(length);
        let result = match length > self.limit {
            true => Err(TOO_LARGE),
            false => self.save(number, &mut body, request.header("content-type").unwrap_or("")),
        };
        if result.is_err() {
            // tor loses an answer that comes before the end of the upload, so
            // read the rest first.
            let _ = io::copy(&mut body.take(MOST_IGNORED), &mut io::sink());
        }
        result
    }

    /// Saves the files in a form. If a file can't be saved, returns an error
    /// with the HTTP status. The files before it are kept.
    fn save(
        &self,
        number: usize,
        body: &mut impl BufRead,
        content_type: &str,
    ) -> Result<(), &'static str> {
        let mut parts = Parts::new(body, content_type).ok_or(BAD_REQUEST)?;
        let mut is_more = parts.copy(io::sink()).map_err(|_| BAD_REQUEST)?;
        for _ in 0..MOST_FILES {
            if !is_more {
                return Ok(());
            }
            let name = parts.file_name().map_err(|_| BAD_REQUEST)?;
            if name.is_empty() {
                is_more = parts.copy(io::sink()).map_err(|_| BAD_REQUEST)?;
                continue;
            }
            // A file that isn't complete is removed when it is dropped.
            let mut file = NamedTempFile::new_in(&self.folder).map_err(|_| NO_SPACE)?;
            is_more = parts.copy(&mut file).map_err(|_| BAD_REQUEST)?;
            let name = self.keep(file, &safe(&name)).map_err(|_| NO_SPACE)?;
            println!("upload {number}: {name}");
        }
        if is_more { Err(TOO_LARGE) } else { Ok(()) }
    }

    /// Moves a complete file to the folder under the name `wanted`. If this
    /// name exists, adds a number to it. Returns the name of the file.
    fn keep(&self, mut file: NamedTempFile, wanted: &str) -> io::Result<String> {
        let (stem, extension) = match wanted.rsplit_once('.') {
            Some((stem, extension)) => (stem, format!(".{extension}")),
            None => (wanted, String::new()),
        };
        let mut name = wanted.to_owned();
        for number in 1.. {
            // This fails if the name exists, so nothing is overwritten.
            match file.persist_noclobber(self.folder.join(&name)) {
                Ok(_) => break,
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                    file = error.file;
                    name = format!("{stem} ({number}){extension}");
                }
                Err(error) => return Err(error.error),
            }
        }
        Ok(name)
    }
}

/// Returns a harmless name for a visitor's file: without folders, without a dot
/// at the beginning, which would hide the file, and without characters that
/// have a special meaning, for example in a shell.
fn safe(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_harmless = |c: char| c.is_alphanumeric() || " ._-()".contains(c);
    let last: String = last.chars().map(|c| if is_harmless(c) { c } else { '_' }).collect();
    let mut name = last.trim_start_matches(['.', ' ']).trim_end_matches(['.', ' ']).to_owned();
    while name.len() > LONGEST_NAME {
        name.pop();
    }
    if name.is_empty() { "upload".to_owned() } else { name }
}
