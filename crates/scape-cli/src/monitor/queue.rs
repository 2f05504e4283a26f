//! The queue of requests to the worker thread. A request that loads data isn't
//! queued twice, so that many events don't take the room of the user's
//! requests.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TrySendError};
use parking_lot::Mutex;

use super::message::Request;

/// The requests that load data and are waiting in the queue.
type Loads = Arc<Mutex<Vec<Request>>>;

/// Creates a queue for at most `size` requests. Returns the end for the thread
/// of the screen, which sends, and the end for the worker thread, which
/// receives.
pub(crate) fn bounded(size: usize) -> (Requests, Waiting) {
    let (sender, receiver) = crossbeam_channel::bounded(size);
    let loads = Loads::default();
    (Requests { sender, loads: Arc::clone(&loads) }, Waiting { receiver, loads })
}

/// The sending end of the queue, which the thread of the screen uses.
#[derive(Debug)]
pub(crate) struct Requests {
    sender: Sender<Request>,
    loads: Loads,
}

impl Requests {
    /// Adds a request without waiting for room. Does nothing if the request
    /// loads data and an equal request is already in the queue.
    pub(crate) fn try_send(&self, request: Request) -> Result<(), TrySendError<Request>> {
        if !request.is_load() {
            return self.sender.try_send(request);
        }
        let mut loads = self.loads.lock();
        if loads.contains(&request) {
            return Ok(());
        }
        self.sender.try_send(request.clone())?;
        loads.push(request);
        Ok(())
    }
}

/// The receiving end of the queue, which the worker thread uses.
#[derive(Debug)]
pub(crate) struct Waiting {
    receiver: Receiver<Request>,
    loads: Loads,
}

impl Waiting {
    /// Waits for the next request. Returns `None` when the sending end is
    /// dropped, because the screen is closed.
    pub(crate) fn next(&self) -> Option<Request> {
        let request = self.receiver.recv().ok()?;
        // A change after this point isn't part of the answer, so it may request
        // the same again.
        self.loads.lock().retain(|load| *load != request);
        Some(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_are_queued_once_until_the_worker_takes_them() {
        let (requests, waiting) = bounded(3);
        for _ in 0..100 {
            requests.try_send(Request::LoadOptions).unwrap();
            requests.try_send(Request::LoadRelays).unwrap();
        }
        requests.try_send(Request::NewIdentity).unwrap();
        assert!(requests.try_send(Request::NewIdentity).is_err());
        assert_eq!(waiting.next(), Some(Request::LoadOptions));
        requests.try_send(Request::LoadOptions).unwrap();
        let rest = [Request::LoadRelays, Request::NewIdentity, Request::LoadOptions];
        assert_eq!([(); 3].map(|()| waiting.next().unwrap()), rest);
        drop(requests);
        assert_eq!(waiting.next(), None);
    }
}
