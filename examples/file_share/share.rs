//! Lists the files that visitors can download, and sends them.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use scape::onion::OnionStream;
use tempfile::NamedTempFile;

use crate::http::{Request, encode, escape, page, send_head};
use crate::{Result, printable, zip};

/// The shared files, and the settings for downloads.
pub(crate) struct Share {
    entries: Vec<Entry>,
    /// The single file, or the archive of all files.
    whole: Entry,
    /// The temporary file of the archive, which is removed on drop. `None` if a
    /// single file is shared.
    _archive: Option<NamedTempFile>,
    /// True if the program doesn't end after the first download. Visitors can
    /// then also download each file separately.
    stay: bool,
    downloads: AtomicUsize,
}

/// A file that visitors can download.
pub(crate) struct Entry {
    /// The name for visitors: the path below the shared folder, with slashes.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    length: u64,
}

impl Share {
    /// Finds the files at these paths. Several files become an archive. If
    /// `stay` is false, the program ends after the first download of
    /// everything.
    pub(crate) fn new(paths: &[PathBuf], stay: bool) -> Result<Self> {
        let mut entries = Vec::new();
        for path in paths {
            let path = path.canonicalize()?;
            let name = path.file_name().ok_or("the root folder can't be shared")?;
            collect(&path, name.to_string_lossy().into_owned(), &mut entries)?;
        }
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        let names = entries.iter().map(|entry| &entry.name);
        if let Some((name, _)) = names.clone().zip(names.skip(1)).find(|(one, next)| one == next) {
            return Err(format!("two of the files are called {name:?}").into());
        }
        let (whole, archive) = match entries.as_slice() {
            [] => return Err("there are no files to share".into()),
            [single] => (Entry::new(single.name.clone(), &single.path)?, None),
            several => {
                let mut archive = NamedTempFile::new()?;
                zip::write(archive.as_file_mut(), several)?;
                (Entry::new("files.zip".to_owned(), archive.path())?, Some(archive))
            }
        };
        Ok(Share { entries, whole, _archive: archive, stay, downloads: AtomicUsize::new(0) })
    }

    /// Answers a request. Returns true if the program should end, because the
    /// visitor has downloaded everything and `stay` is false.
    pub(crate) fn answer(&self, request: &Request, visitor: &OnionStream) -> io::Result<bool> {
        if request.method != "GET" {
            page(visitor, "405 Method Not Allowed", "Allow: GET\r\n", true)?;
            return Ok(false);
        }
        match request.target.as_str() {
            "/" => self.list(visitor)?,
            "/download" => {
                self.send(&self.whole, visitor)?;
                return Ok(!self.stay);
            }
            target => match self.entry(target) {
                Some(entry) => self.send(entry, visitor)?,
                None => page(visitor, "404 Not Found", "", true)?,
            },
        }
        Ok(false)
    }

    /// Returns the file for a request target such as `/file/3`. Files are
    /// requested by number, so no target can lead to other files. Returns
    /// `None` if there is no such file, or if files can't be downloaded
    /// separately.
    fn entry(&self, target: &str) -> Option<&Entry> {
        let number: usize = target.strip_prefix("/file/")?.parse().ok()?;
        self.entries.get(number).filter(|_| self.stay)
    }

    /// Sends a page that lists the files.
    fn list(&self, mut visitor: &OnionStream) -> io::Result<()> {
        let item = |(number, entry): (usize, &Entry)| {
            let text = format!("{} ({} bytes)", escape(&entry.name), entry.length);
            match self.stay {
                true => format!("<li><a href=\"/file/{number}\">{text}</a></li>\n"),
                false => format!("<li>{text}</li>\n"),
            }
        };
        let items: String = self.entries.iter().enumerate().map(item).collect();
        let html = format!(
            "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>Files</title>\n\
             <ul>\n{items}</ul>\n<p><a href=\"/download\">Download {}</a></p>\n",
            escape(&self.whole.name)
        );
        let headers = "Content-Type: text/html; charset=utf-8\r\n\
                       Content-Security-Policy: default-src 'none'\r\n";
        send_head(visitor, "200 OK", html.len() as u64, headers)?;
        visitor.write_all(html.as_bytes())
    }

    /// Sends a file, and prints the progress after each tenth.
    fn send(&self, entry: &Entry, mut visitor: &OnionStream) -> io::Result<()> {
        let name = entry.name.rsplit('/').next().unwrap_or_default();
        let mut file = File::open(&entry.path)?.take(entry.length);
        let headers = format!(
            "Content-Type: application/octet-stream\r\n\
             Content-Disposition: attachment; filename*=UTF-8''{}\r\n",
            encode(name)
        );
        send_head(visitor, "200 OK", entry.length, &headers)?;
        let number = self.downloads.fetch_add(1, Ordering::AcqRel) + 1;
        println!("download {number}: {}, {} bytes", printable(name), entry.length);
        let (mut sent, mut tenths) = (0, 0);
        let mut buffer = vec![0; 64 * 1024];
        while sent < entry.length {
            let count = file.read(&mut buffer)?;
            let written = visitor.write_all(buffer.get(..count).unwrap_or_default());
            if count == 0 || written.is_err() {
                println!("download {number}: ended after {sent} bytes");
                return written.and(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            sent += count as u64;
            let now = u128::from(sent) * 10 / u128::from(entry.length);
            if now > tenths {
                tenths = now;
                println!("download {number}: {} %", tenths * 10);
            }
        }
        Ok(())
    }
}

impl Entry {
    fn new(name: String, path: &Path) -> io::Result<Self> {
        Ok(Entry { name, path: path.to_owned(), length: fs::metadata(path)?.len() })
    }
}

/// Adds the file `path`, or all files in the folder `path`, to `entries`.
/// Symbolic links inside of folders are left out, because they may lead to
/// files that the user didn't mean to share.
fn collect(path: &Path, name: String, entries: &mut Vec<Entry>) -> io::Result<()> {
    let kind = fs::symlink_metadata(path)?.file_type();
    if kind.is_file() {
        entries.push(Entry::new(name, path)?);
    } else if kind.is_dir() {
        for found in fs::read_dir(path)? {
            let found = found?;
            let name = format!("{name}/{}", found.file_name().to_string_lossy());
            collect(&found.path(), name, entries)?;
        }
    }
    Ok(())
}
