//! Finds and reads tor's log file.

use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::time::SystemTime;

use jiff::tz::TimeZone;
use scape::Controller;
use scape::event::Severity;

use super::line::LogLine;
use super::severity::rank;
use crate::base::failure::Failure;
use crate::commands::shared::files::{is_local, open_file};

/// The maximum number of bytes that [`LogFile::read`] reads, counted from the
/// end of the file: 64 MiB.
const MOST: u64 = 64 << 20;

/// A file on this machine that tor writes its log into.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LogFile {
    path: PathBuf,
    /// The lowest severity that tor writes into the file, as a number from
    /// [`rank`](super::severity::rank).
    least: usize,
}

impl LogFile {
    /// Finds tor's log file by tor's option `Log`. If there are several files,
    /// returns the one with the most messages, because tor writes lower
    /// severities into it. Returns a failure if this machine has no log file of
    /// tor.
    pub(crate) fn find(controller: &Controller) -> Result<Self, Failure> {
        if !is_local(controller) {
            return Err(Failure::failed(
                "tor runs on another machine, so its log file can't be read: print new messages \
                 with --follow",
            ));
        }
        let files = LogFile::all(controller)?;
        let relative = files.iter().find(|file| !file.path.is_absolute());
        let relative = relative.map(|file| file.path.display().to_string());
        LogFile::best(files).ok_or_else(|| match relative {
            Some(path) => Failure::failed(format!(
                "tor's log file {path} has no absolute path, and tor's own folder is unknown: \
                 print new messages with --follow, or change the option Log"
            )),
            None => Failure::failed(
                "tor has no log file: print new messages with --follow, or give it one with \
                 `scape conf set \"+Log=notice file /path/of/file\"`",
            ),
        })
    }

    /// Like [`LogFile::find`], but returns `None` if this machine has no log
    /// file of tor, or if its path is relative.
    pub(crate) fn of(controller: &Controller) -> scape::Result<Option<Self>> {
        if !is_local(controller) {
            return Ok(None);
        }
        Ok(LogFile::best(LogFile::all(controller)?))
    }

    fn all(controller: &Controller) -> scape::Result<Vec<Self>> {
        let lines = controller.get_conf_list("Log")?;
        Ok(lines.iter().filter_map(|line| LogFile::parse(line)).collect())
    }

    /// Returns the file with the lowest severity, and so the most messages.
    /// Files with a relative path are left out, because the folder in which tor
    /// was started is unknown.
    fn best(files: Vec<Self>) -> Option<Self> {
        files.into_iter().filter(|file| file.path.is_absolute()).min_by_key(|file| file.least)
    }

    /// Parses a value of the option `Log`, such as `notice-warn file /log` or
    /// `[handshake]debug [~net]info file /log`. Returns `None` if the value
    /// doesn't contain a file.
    fn parse(value: &str) -> Option<Self> {
        let (severities, path) = value.split_once(" file ")?;
        let ranks = severities.split_whitespace().filter_map(|word| {
            let range = word.rsplit(']').next()?;
            let least = range.split('-').next()?.to_ascii_uppercase();
            Some(rank(&Severity::from(least.as_str())))
        });
        Some(LogFile { path: PathBuf::from(path.trim()), least: ranks.min()? })
    }

    /// Returns the length of the file in bytes.
    pub(crate) fn length(&self) -> Result<u64, Failure> {
        open_file(&self.path)
            .and_then(|file| Ok(file.metadata()?.len()))
            .map_err(|error| self.failure(&error))
    }

    /// Reads the messages in the last 64 MiB of the file. `now` is the present
    /// time, from which the years of the messages are derived.
    pub(crate) fn read(&self, now: SystemTime) -> Result<Vec<LogLine>, Failure> {
        self.read_end(now, MOST).map_err(|error| self.failure(&error))
    }

    /// Reads the messages in the last `most` bytes of the file. `now` is the
    /// present time, from which the years of the messages are derived.
    pub(crate) fn read_end(&self, now: SystemTime, most: u64) -> io::Result<Vec<LogLine>> {
        let mut file = open_file(&self.path)?;
        let begin = file.metadata()?.len().saturating_sub(most);
        file.seek(SeekFrom::Start(begin))?;
        let mut text = Vec::new();
        file.take(most).read_to_end(&mut text)?;
        Ok(parse(begin, &text, now, &TimeZone::system()))
    }

    fn failure(&self, error: &io::Error) -> Failure {
        Failure::failed(format!(
            "cannot read tor's log file {}: {error}; run scape as a user who may read it, or \
             print new messages with --follow",
            self.path.display()
        ))
    }
}

/// Parses the messages in a part of the file. `begin` is the position of this
/// part in the file. Lines without a time belong to the message before them.
fn parse(begin: u64, text: &[u8], now: SystemTime, zone: &TimeZone) -> Vec<LogLine> {
    let mut lines: Vec<LogLine> = Vec::new();
    let mut at = begin;
    for bytes in text.split_inclusive(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(bytes);
        let line = line.trim_end();
        match (LogLine::parse(line, at, now, zone), lines.last_mut()) {
            (Some(parsed), _) => lines.push(parsed),
            (None, Some(last)) => {
                last.message.push('\n');
                last.message.push_str(line);
            }
            // A line without a message before it is the rest of a message whose
            // beginning wasn't read.
            (None, None) => {}
        }
        at += bytes.len() as u64;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_options_name_files() {
        for (value, expected) in [
            ("notice file /var/log/tor", Some(("/var/log/tor", 2))),
            ("warn-err file /a file", Some(("/a file", 3))),
            ("[handshake]debug [~net,~mm]info file /a", Some(("/a", 0))),
            ("notice stdout", None),
            ("notice syslog", None),
        ] {
            let expected = expected.map(|(path, least)| LogFile { path: path.into(), least });
            assert_eq!(LogFile::parse(value), expected, "{value}");
        }
    }

    #[test]
    fn files_with_relative_paths_are_not_read() {
        let files = |values: &[&str]| values.iter().filter_map(|it| LogFile::parse(it)).collect();
        assert_eq!(LogFile::best(files(&["debug file log", "info file ~/log"])), None);
        let best = LogFile::best(files(&["debug file log", "warn file /b", "notice file /a"]));
        assert_eq!(best.unwrap().path, PathBuf::from("/a"));
    }

    #[test]
    fn messages_may_have_several_lines() {
        let text = b"of another\nNov 30 06:00:00.000 [notice] one\n two\n\
                     Nov 30 06:00:01.000 [warn] three\n";
        let now = humantime::parse_rfc3339("2026-11-30T07:00:00Z").unwrap();
        let lines = parse(100, text, now, &TimeZone::UTC);
        let shown: Vec<_> = lines.iter().map(|line| (line.at, line.message.as_str())).collect();
        assert_eq!(shown, [(111, "one\n two"), (149, "three")]);
    }
    #[test]
    fn end_of_a_file_begins_with_a_whole_message() {
        let folder = tempfile::tempdir().unwrap();
        let file = LogFile { path: folder.path().join("log"), least: 2 };
        let time = "Nov 30 06:00:00.000";
        let text = format!("{time} [notice] one\n{time} [notice] two\n");
        std::fs::write(&file.path, text).unwrap();
        for (most, expected) in [(1_000, vec!["one", "two"]), (50, vec!["two"])] {
            let lines = file.read_end(SystemTime::now(), most).unwrap();
            let shown: Vec<_> = lines.iter().map(|line| line.message.as_str()).collect();
            assert_eq!(shown, expected);
        }
        // Reading a device could block forever, so it fails.
        let pipe = LogFile { path: "/dev/null".into(), least: 2 };
        assert!(pipe.read_end(SystemTime::now(), 10).is_err());
    }
}
