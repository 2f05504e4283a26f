//! The standard output and standard error of a launched tor.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use parking_lot::{Condvar, Mutex};

use crate::io::transport::deadline_after;

/// The maximum number of bytes of a line that are kept. tor cuts its own lines
/// at 10 kB. The rest of a longer line is dropped.
const LINE_LIMIT: u64 = 16 * 1024;

/// The time limit for the last lines to arrive after a process has ended. They
/// take that long only on a busy machine.
const LAST_LINES: Duration = Duration::from_secs(1);

/// The maximum size in bytes of the lines that wait for the callback. Further
/// lines aren't passed to it.
const WAITING_LIMIT: usize = 4 * 1024 * 1024;

/// A callback for each line of a process's output.
pub(super) type LineCallback = Box<dyn FnMut(&str) + Send>;

/// The last lines of a process's standard output and standard error.
///
/// A thread of its own reads until the end of the output. A pipe that nobody
/// reads would make tor wait as soon as the pipe is full. So the callback has
/// another thread: it may be slow, and it may wait for tor.
#[derive(Clone)]
pub(super) struct LogTail {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    ended: Condvar,
}

struct State {
    lines: VecDeque<String>,
    keep: usize,
    /// True once all lines were read, and the callback was called with them.
    ended: bool,
}

/// Sets `ended` in [`State`] when it is dropped. The reading thread and the
/// callback's thread share an `End`, so it is dropped when both have finished.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.state.lock().ended = true;
        self.0.ended.notify_all();
    }
}

impl LogTail {
    /// Starts to read `output`. Keeps the last `keep` lines, and passes each
    /// line to `callback`, unless the callback is too slow: see
    /// [`WAITING_LIMIT`].
    pub(super) fn read(
        output: impl Read + Send + 'static,
        keep: usize,
        callback: Option<LineCallback>,
    ) -> io::Result<Self> {
        let state = State { lines: VecDeque::new(), keep, ended: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), ended: Condvar::new() });
        let end = Arc::new(End(Arc::clone(&shared)));
        let mut lines = callback.map(|call| Lines::start(call, Arc::clone(&end))).transpose()?;
        thread::Builder::new().name("scape-tor-log".into()).spawn(move || {
            read_lines(output, &end.0, &mut lines);
        })?;
        Ok(LogTail { shared })
    }

    /// Returns the last of the lines that were read so far, oldest first.
    pub(super) fn lines(&self) -> Vec<String> {
        self.shared.state.lock().lines.iter().cloned().collect()
    }

    /// Returns the last lines of a process that has ended, after all of them
    /// have arrived and the callback was called with them. Waits for at most
    /// [`LAST_LINES`], because the callback may be slow, and because a process
    /// in another process group may still hold the pipe.
    pub(super) fn last_lines(&self) -> Vec<String> {
        self.last_lines_within(LAST_LINES)
    }

    /// Like [`last_lines`](Self::last_lines), but waits for at most `limit`.
    pub(super) fn last_lines_within(&self, limit: Duration) -> Vec<String> {
        let deadline = deadline_after(limit);
        let mut state = self.shared.state.lock();
        while !state.ended {
            if self.shared.ended.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        state.lines.iter().cloned().collect()
    }
}

/// The lines that wait for the callback.
struct Lines {
    sender: Sender<String>,
    /// The size in bytes of the lines that wait.
    waiting: Arc<AtomicUsize>,
    /// The number of lines that were skipped since the last line that was
    /// queued, because too many lines were waiting.
    lost: u64,
}

impl Lines {
    /// Starts the thread that calls the callback. The thread keeps `end` until
    /// the callback was called with the last line.
    fn start(callback: LineCallback, end: Arc<End>) -> io::Result<Self> {
        let (sender, receiver) = unbounded();
        let waiting = Arc::new(AtomicUsize::new(0));
        let theirs = Arc::clone(&waiting);
        thread::Builder::new().name("scape-tor-lines".into()).spawn(move || {
            let _end = end;
            call_with_each(&receiver, &theirs, callback);
        })?;
        Ok(Lines { sender, waiting, lost: 0 })
    }

    /// Queues a line for the callback, or counts it as lost if too many lines
    /// wait. Returns false if the callback has panicked.
    fn push(&mut self, line: &str) -> bool {
        if self.waiting.load(Ordering::Acquire) >= WAITING_LIMIT {
            self.lost += 1;
            return true;
        }
        self.report_lost();
        self.waiting.fetch_add(size(line), Ordering::AcqRel);
        self.sender.send(line.to_owned()).is_ok()
    }

    fn report_lost(&mut self) {
        let lost = mem::take(&mut self.lost);
        if lost > 0 {
            log::warn!(target: "scape::process", "the log callback is too slow: it was not called with {lost} lines");
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.report_lost();
    }
}

/// Returns the number of bytes that a waiting line takes.
fn size(line: &str) -> usize {
    size_of::<String>() + line.len()
}

/// Calls the callback with each line until no more lines come. A callback that
/// panics is not called again.
fn call_with_each(lines: &Receiver<String>, waiting: &AtomicUsize, mut callback: LineCallback) {
    for line in lines {
        waiting.fetch_sub(size(&line), Ordering::AcqRel);
        if panic::catch_unwind(AssertUnwindSafe(|| callback(&line))).is_err() {
            log::warn!(target: "scape::process", "the log callback panicked: it is not called again");
            return;
        }
    }
}

/// Reads lines until the end of `output` or until reading fails.
fn read_lines(output: impl Read, shared: &Shared, callback: &mut Option<Lines>) {
    let mut output = BufReader::new(output);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        match output.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut bytes) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        }
        if !bytes.ends_with(b"\n") && skip_line(&mut output).is_err() {
            return;
        }
        let line = String::from_utf8_lossy(bytes.trim_ascii_end()).into_owned();
        log::debug!(target: "scape::tor", "{line}");
        if callback.as_mut().is_some_and(|lines| !lines.push(&line)) {
            *callback = None;
        }
        let mut state = shared.state.lock();
        if state.lines.len() >= state.keep {
            state.lines.pop_front();
        }
        if state.keep > 0 {
            state.lines.push_back(line);
        }
    }
}

/// Skips the rest of a line that is longer than [`LINE_LIMIT`].
fn skip_line(output: &mut impl BufRead) -> io::Result<()> {
    loop {
        let available = match output.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        match memchr::memchr(b'\n', available) {
            Some(end) => {
                output.consume(end + 1);
                return Ok(());
            }
            None if available.is_empty() => return Ok(()),
            None => {
                let all = available.len();
                output.consume(all);
            }
        }
    }
}

/// Returns at most `most` lines that explain a failure: the last warnings and
/// errors, then the last other lines. Without warnings, the lines keep their
/// order.
pub(crate) fn telling(lines: &[String], most: usize) -> impl Iterator<Item = &str> {
    let is_problem =
        |line: &&str| ["[warn]", "[err]"].into_iter().any(|level| line.contains(level));
    let (problems, others): (Vec<&str>, Vec<&str>) =
        lines.iter().map(String::as_str).partition(is_problem);
    let problems = last(problems, most);
    let others = last(others, most - problems.len());
    problems.into_iter().chain(others)
}

/// Returns the last `most` lines.
fn last(mut lines: Vec<&str>, most: usize) -> Vec<&str> {
    lines.split_off(lines.len().saturating_sub(most))
}

impl fmt::Debug for LogTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogTail").field("lines", &self.shared.state.lock().lines.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the kept lines after all of them were read. Waits for up to five
    /// minutes. This is generous, because with RUST_BACKTRACE set, a callback's
    /// panic takes seconds on a busy machine.
    fn tail(output: Vec<u8>, keep: usize, callback: Option<LineCallback>) -> Vec<String> {
        let tail = LogTail::read(io::Cursor::new(output), keep, callback).unwrap();
        tail.last_lines_within(Duration::from_secs(300))
    }

    #[test]
    fn last_lines_are_kept_with_any_content() {
        assert_eq!(
            tail(b"one\ntwo\r\nthr\xffee\n\nfive".to_vec(), 3, None),
            ["thr\u{fffd}ee", "", "five"]
        );
        assert_eq!(tail(b"one\n".to_vec(), 0, None), [""; 0]);
    }

    #[test]
    fn line_without_end_is_cut() {
        let mut output = vec![b'x'; 100_000];
        output.extend(b"\nafter\n");
        let lines = tail(output, 8, None);
        assert_eq!((lines[0].len(), lines[1].as_str()), (LINE_LIMIT as usize, "after"));
        let exact = [vec![b'y'; LINE_LIMIT as usize - 1], b"\nafter\n".to_vec()].concat();
        assert_eq!(tail(exact, 8, None).len(), 2);
    }

    #[test]
    fn panicking_callback_does_not_end_the_reading() {
        let (sender, receiver) = unbounded();
        let call: LineCallback = Box::new(move |line| {
            sender.send(line.to_string()).unwrap();
            assert_ne!(line, "two");
        });
        assert_eq!(tail(b"one\ntwo\nthree\n".to_vec(), 8, Some(call)).len(), 3);
        assert_eq!(receiver.iter().collect::<Vec<_>>(), ["one", "two"]);
    }

    #[test]
    fn hanging_callback_does_not_keep_the_output_from_being_read() {
        const LINES: usize = 100_000;
        let (open, gate) = crossbeam_channel::bounded::<()>(0);
        let (sender, told) = unbounded();
        let call: LineCallback = Box::new(move |line| {
            // Returns when the test drops the other end.
            let _ = gate.recv();
            sender.send(line.to_owned()).unwrap();
        });
        let line = |number: usize| format!("{number:0100}");
        let output: String = (0..LINES).map(|number| line(number) + "\n").collect();
        let tail = LogTail::read(io::Cursor::new(output.into_bytes()), 1, Some(call)).unwrap();
        let deadline = deadline_after(Duration::from_secs(300));
        while tail.lines() != [line(LINES - 1)] {
            assert!(std::time::Instant::now() < deadline, "{:?}", tail.lines());
            thread::sleep(Duration::from_millis(2));
        }
        assert!(told.is_empty() && !tail.shared.state.lock().ended);
        drop(open);
        tail.last_lines_within(Duration::from_secs(300));
        // The lines that found no room are missing, and no others.
        let seen: Vec<String> = told.iter().collect();
        let most = WAITING_LIMIT / size(&line(0));
        assert!((most..most + 3).contains(&seen.len()), "{} lines", seen.len());
        assert!(seen.iter().enumerate().all(|(number, seen)| *seen == line(number)));
    }

    #[test]
    fn end_comes_after_the_callback_has_returned() {
        let (sender, told) = unbounded();
        let call: LineCallback = Box::new(move |line| {
            thread::sleep(Duration::from_millis(20));
            sender.send(line.to_owned()).unwrap();
        });
        assert_eq!(tail(b"one\ntwo\n".to_vec(), 8, Some(call)), ["one", "two"]);
        assert_eq!(told.try_iter().collect::<Vec<_>>(), ["one", "two"]);
    }
}
