//! Writes to standard output and standard error. Ctrl-C and SIGTERM must not
//! wait for a write, because the program that reads a pipe may have stopped
//! reading.

use std::io::{self, IsTerminal};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};

use super::failure::{Exit, Failure};
use super::interrupt;
use super::threads;

/// The interval at which a write checks if a signal has come.
const POLL: Duration = Duration::from_millis(50);
/// The maximum time that a write may take after a signal. It is long enough for
/// a last note if somebody reads the output.
const GRACE: Duration = Duration::from_millis(200);

/// The number of bytes that surely fit into a pipe if poll(2) reports on Linux
/// that the pipe can be written: one page.
const SHORT: usize = 4096;

type Job = Box<dyn FnOnce() + Send>;

/// Standard output or standard error. A separate thread writes, so that the
/// caller doesn't block after a signal. If a text fits into a pipe or a file at
/// once, the caller writes the text itself, because that is much faster than
/// waking the thread. The thread ends with the program.
#[derive(Debug)]
pub(super) struct Writer {
    thread: OnceLock<Option<Sender<Job>>>,
    /// The number of writes that aren't done yet.
    waiting: AtomicUsize,
    /// A function that returns true if a text shorter than [`SHORT`] can be
    /// written without blocking.
    is_ready: fn() -> bool,
}

impl Writer {
    pub(super) const fn new(is_ready: fn() -> bool) -> Self {
        Writer { thread: OnceLock::new(), waiting: AtomicUsize::new(0), is_ready }
    }

    /// Runs `job`, which writes a text of `length` bytes, after all earlier
    /// writes to this stream. After Ctrl-C or SIGTERM, returns a failure if the
    /// job takes longer than [`GRACE`], because probably nobody reads the
    /// output.
    pub(super) fn write(
        &'static self,
        length: usize,
        job: impl FnOnce() -> io::Result<()> + Send + 'static,
    ) -> Result<(), Failure> {
        // The length must be below the limit, because a line end may follow.
        if length < SHORT {
            // Two threads at once could fill the pipe together, so only one of
            // them may take the room that the pipe has.
            if let Some(_write) = self.only_write()
                && (self.is_ready)()
            {
                return Ok(job()?);
            }
        }
        let Some(thread) = self.thread.get_or_init(start) else { return Ok(job()?) };
        let (sender, done) = bounded(1);
        self.waiting.fetch_add(1, Ordering::SeqCst);
        // Sending fails if the thread has panicked, and drops `sender`.
        drop(thread.send(Box::new(move || {
            let written = job();
            self.waiting.fetch_sub(1, Ordering::SeqCst);
            drop(sender.send(written));
        })));
        wait(&done, interrupt::has_come)
    }

    /// Reserves the stream for a write on the thread of the caller. Returns
    /// `None` if an earlier write isn't done yet. Dropping the result ends the
    /// reservation, even after a panic.
    fn only_write(&self) -> Option<Write<'_>> {
        let counted = self.waiting.compare_exchange(0, 1, Ordering::SeqCst, Ordering::SeqCst);
        // A `Write` lowers the count when it is dropped, so it is made only if
        // the count was raised.
        counted.is_ok().then(|| Write(&self.waiting))
    }
}

/// The reservation of the stream for a write on the thread of the caller. It
/// ends when the value is dropped. Contains the writer's number of unfinished
/// writes.
struct Write<'a>(&'a AtomicUsize);

impl Drop for Write<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Returns true if a short text can be written to the stream at once. Returns
/// false for a terminal, because a terminal may take only a part of the text.
#[cfg(unix)]
pub(super) fn is_ready(stream: impl IsTerminal + std::os::fd::AsFd) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    !stream.is_terminal()
        && poll(&mut [PollFd::new(&stream, PollFlags::OUT)], Some(&now))
            .is_ok_and(|count| count > 0)
}

/// Returns false, because this can't be checked on other systems. The separate
/// thread then writes everything.
#[cfg(not(unix))]
pub(super) fn is_ready(_stream: impl IsTerminal) -> bool {
    false
}

/// Starts the thread that runs the jobs, and returns the sender for them.
/// Returns `None` if the system can't start a thread.
fn start() -> Option<Sender<Job>> {
    let (sender, jobs) = unbounded::<Job>();
    threads::start(move || jobs.into_iter().for_each(|job| job())).ok()?;
    Some(sender)
}

fn wait(done: &Receiver<io::Result<()>>, is_over: impl Fn() -> bool) -> Result<(), Failure> {
    let begun = Instant::now();
    loop {
        match done.recv_timeout(POLL) {
            Ok(written) => return Ok(written?),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::failed("a thread has panicked"));
            }
            Err(RecvTimeoutError::Timeout) if is_over() && begun.elapsed() >= GRACE => {
                return Err(Failure::silent(Exit::Interrupted));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn interrupt_ends_the_wait_for_a_reader() {
        let (sender, done) = bounded(1);
        assert_eq!(wait(&done, || true).unwrap_err().exit, Exit::Interrupted);
        sender.send(Ok(())).unwrap();
        assert!(wait(&done, || true).is_ok());
    }

    #[test]
    fn writes_keep_their_order_and_return_their_errors() {
        static WRITER: Writer = Writer::new(|| false);
        let (sender, written) = mpsc::channel();
        for number in 0..3 {
            let sender = sender.clone();
            WRITER.write(1, move || sender.send(number).map_err(io::Error::other)).unwrap();
        }
        assert_eq!(written.try_iter().collect::<Vec<_>>(), [0, 1, 2]);
        let failure = WRITER.write(1, || Err(io::ErrorKind::BrokenPipe.into())).unwrap_err();
        assert_eq!(failure.exit, Exit::NoReader);
    }

    #[test]
    fn second_write_at_the_same_time_is_left_to_the_thread() {
        static WRITER: Writer = Writer::new(|| true);
        let caller = thread::current().id();
        let (sender, written) = mpsc::channel();
        let inner = sender.clone();
        let outer = move || {
            let told = move || inner.send(thread::current().id()).map_err(io::Error::other);
            WRITER.write(1, told).map_err(|failure| io::Error::other(failure.message))?;
            sender.send(thread::current().id()).map_err(io::Error::other)
        };
        WRITER.write(1, outer).unwrap();
        assert_ne!(written.recv().unwrap(), caller);
        assert_eq!(written.recv().unwrap(), caller);
        assert_eq!(WRITER.waiting.load(Ordering::SeqCst), 0);
    }

    #[test]
    #[cfg(unix)]
    fn full_pipe_is_not_ready() {
        use std::io::Write as _;

        let (_reader, mut writer) = io::pipe().unwrap();
        rustix::fs::fcntl_setfl(&writer, rustix::fs::OFlags::NONBLOCK).unwrap();
        assert!(is_ready(file(&writer)));
        while writer.write(&[0; SHORT]).is_ok() {}
        assert!(!is_ready(file(&writer)));
    }

    /// Returns the pipe as a file, because `is_ready` takes only streams that
    /// implement `IsTerminal`.
    #[cfg(unix)]
    fn file(pipe: &io::PipeWriter) -> std::fs::File {
        std::os::fd::OwnedFd::from(pipe.try_clone().unwrap()).into()
    }
}
