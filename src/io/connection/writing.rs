//! Writing bytes to a socket: the turns of the writing threads, deadlines, and
//! the outcome.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::closed::Closed;
use crate::error::Error;
use crate::io::transport::Transport;

/// The interval at which a blocked write checks its deadline.
///
/// On Windows, a write that has timed out leaves the socket in an undefined
/// state, so the connection must end. So the interval is longer on Windows.
const TICK: Duration =
    if cfg!(windows) { Duration::from_secs(5) } else { Duration::from_millis(50) };

/// The maximum number of bytes of one write. The kernel would cut a larger
/// write into pieces and wait up to a [`TICK`] for each, without checking the
/// deadline in between.
const PIECE: usize = 16 * 1024;

/// A lock that lets one thread write at a time, so that commands don't mix and
/// their order is known. A thread holds the lock during a system call.
///
/// A [`Mutex`] alone would also be correct. But it spins and yields before it
/// sleeps, because it is made for short critical sections. With many callers,
/// spinning took a fifth of a request's time.
#[derive(Debug, Default)]
pub(super) struct Writer {
    busy: Mutex<bool>,
    free: Condvar,
}

impl Writer {
    /// Waits for this thread's turn. Waiting threads get their turns in no
    /// particular order. Returns `None` at the deadline.
    pub(super) fn turn(&self, deadline: Instant) -> Option<Turn<'_>> {
        let mut busy = self.busy.lock();
        while *busy {
            if self.free.wait_until(&mut busy, deadline).timed_out() && *busy {
                return None;
            }
        }
        *busy = true;
        Some(Turn(self))
    }
}

/// The right to write. Dropping this lets the next thread write.
pub(super) struct Turn<'a>(&'a Writer);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.busy.lock() = false;
        self.0.free.notify_one();
    }
}

/// The outcome of [`write_all`]: all, none or a part of the bytes were written,
/// or the write failed.
pub(super) enum Written {
    All,
    Nothing,
    Part,
    Failed(io::Error),
}

/// Makes reads wait without a timeout, and makes blocked writes return after a
/// [`TICK`]. The program may have opened the transport with other settings.
pub(super) fn prepare(transport: &Transport) -> io::Result<()> {
    transport.reset_waiting()?;
    transport.set_write_timeout(Some(TICK))
}

/// The reason why a command was not sent.
pub(super) enum Unsent {
    Error(Error),
    /// The peer has hung up. [`Link::explain`](super::link::Link::explain)
    /// finds out why. That may take a second, so the caller must hold no lock
    /// then.
    HungUp(io::Error),
}

impl From<Error> for Unsent {
    fn from(error: Error) -> Self {
        Unsent::Error(error)
    }
}

impl From<Closed> for Unsent {
    fn from(closed: Closed) -> Self {
        Unsent::Error(closed.into())
    }
}

/// Returns true for the error of a socket whose other end is closed.
pub(crate) fn is_hang_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
    )
}

/// Writes all bytes, or as many as the peer accepts until the deadline.
pub(super) fn write_all(mut transport: &Transport, bytes: &[u8], deadline: Instant) -> Written {
    let mut rest = bytes;
    // A command that fits into one piece may still be sent by a call whose
    // deadline has passed, to undo something. A larger one could be cut off
    // after the first piece, which would end the connection.
    if bytes.len() > PIECE && Instant::now() >= deadline {
        return Written::Nothing;
    }
    while !rest.is_empty() {
        // A peer that accepts a little now and then makes every write succeed.
        // So the deadline is checked here as well.
        match transport.write(rest.get(..PIECE).unwrap_or(rest)) {
            Ok(0) => return Written::Failed(io::ErrorKind::WriteZero.into()),
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(error) => match error.kind() {
                // A part may have been sent.
                io::ErrorKind::TimedOut if cfg!(windows) => return Written::Part,
                io::ErrorKind::Interrupted
                | io::ErrorKind::WouldBlock
                | io::ErrorKind::TimedOut => {}
                _ => return Written::Failed(error),
            },
        }
        if !rest.is_empty() && Instant::now() >= deadline {
            return if rest.len() == bytes.len() { Written::Nothing } else { Written::Part };
        }
    }
    Written::All
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::Arc;
    use std::thread;

    use super::super::hub::Hub;
    use super::super::routes::{Target, Tracker};
    use super::*;
    use crate::io::transport::Deadline;
    use scape_proto::control::{Command, Limits};
    use scape_proto::event::{Event, EventKind};

    /// Writes more bytes than the buffers hold to a peer that reads slowly, and
    /// checks that the write ends at its deadline.
    fn write_slowly(ours: Transport, theirs: Transport) {
        prepare(&ours).unwrap();
        let reader = thread::spawn(move || {
            let mut buffer = [0; 2048];
            // The loop ends when `ours` is dropped.
            while (&theirs).read(&mut buffer).is_ok_and(|count| count > 0) {
                thread::sleep(Duration::from_millis(10));
            }
        });
        let start = Instant::now();
        // At 200 kB a second this takes 80 seconds.
        let written = write_all(&ours, &vec![b'x'; 16 << 20], start + Duration::from_millis(500));
        let took = start.elapsed();
        drop(ours);
        assert!(matches!(written, Written::Part));
        assert!(took >= Duration::from_millis(500) && took < Duration::from_secs(20), "{took:?}");
        reader.join().unwrap();
    }

    #[test]
    fn peer_that_reads_slowly_does_not_outlast_the_write_deadline() {
        let (ours, theirs) = Transport::pair();
        write_slowly(ours, theirs);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        write_slowly(ours.into(), listener.accept().unwrap().0.into());
    }

    struct Deaf;

    impl Tracker for Deaf {
        fn event(&self, _: &Arc<Event>) {}
    }

    #[test]
    fn no_lock_is_held_while_it_is_found_out_how_tor_ended() {
        for interest in [false, true] {
            let hub = Arc::new(Hub::default());
            let (ours, theirs) = Transport::pair();
            let (asking, asked) = crossbeam_channel::unbounded();
            hub.explanation.set(Box::new(move || {
                asking.send(()).unwrap();
                thread::sleep(Duration::from_millis(600));
                None
            }));
            let link = hub.start_link(ours, Limits::default()).unwrap();
            hub.adopt(link.clone()).unwrap();
            drop(theirs);
            // The reader thread asks for the cause first.
            asked.recv_timeout(Duration::from_secs(20)).unwrap();
            let caller = thread::spawn({
                let (hub, link) = (hub.clone(), link.clone());
                let deadline = Deadline::after(Duration::from_secs(20));
                move || {
                    if interest {
                        let target = Target::Tracker(Arc::new(Deaf));
                        hub.register_interest(&[EventKind::Bw], target, deadline).map(drop)
                    } else {
                        let command = Command::build("GETINFO").word("key", "version").finish()?;
                        link.send(command, deadline).map(drop)
                    }
                }
            });
            // Then the caller asks for it, because its command could not be
            // written.
            asked.recv_timeout(Duration::from_secs(20)).unwrap();
            let soon = Instant::now() + Duration::from_millis(200);
            assert!(link.writer.turn(soon).is_some());
            assert!(hub.interest.try_lock_until(soon).is_some());
            assert!(caller.join().unwrap().unwrap_err().is_closed());
        }
    }

    #[test]
    fn late_command_of_several_pieces_is_not_begun() {
        let (ours, _theirs) = Transport::pair();
        prepare(&ours).unwrap();
        assert!(matches!(write_all(&ours, &[b'x'; PIECE], Instant::now()), Written::All));
        assert!(matches!(write_all(&ours, &[b'x'; PIECE + 1], Instant::now()), Written::Nothing));
    }

    #[cfg(unix)]
    #[test]
    fn peer_on_a_unix_socket_that_reads_slowly_does_not_outlast_the_write_deadline() {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        write_slowly(ours.into(), theirs.into());
    }
}
