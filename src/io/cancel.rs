//! Cancelling a call from another thread.
//!
//! A [`CancelToken`] is a flag with hooks that wake waiting threads. A call
//! that can be cancelled registers a hook with [`CancelToken::on_cancel`]. The
//! hook makes the call's wait return: it closes a channel, notifies a condition
//! variable, or ends a process. After the wait, the call looks at the flag.
//!
//! Most calls don't see the token itself. Their
//! [`Deadline`](crate::transport::Deadline) has the token's number, and each of
//! their waits looks up the token by this number. Cleaning up after a call uses
//! a deadline without a token.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::{Arc, Weak};

use crossbeam_channel::{Receiver, bounded};
use parking_lot::Mutex;

/// A token with which one thread cancels a call of another thread. Clones share
/// one flag, so cancelling one of them cancels all.
///
/// | call | method that takes the token |
/// |---|---|
/// | a launch | [`Launch::cancel_with`](crate::Launch::cancel_with) |
/// | connecting | [`Connect::cancel_with`](crate::Connect::cancel_with) |
/// | finding a tor | [`Tor::find_cancel_with`](crate::Tor::find_cancel_with), [`Tor::socks_only_cancel_with`](crate::Tor::socks_only_cancel_with), [`Tor::global_cancel_with`](crate::Tor::global_cancel_with) |
/// | waiting until tor is ready | [`Tor::cancel_with`](crate::Tor::cancel_with) |
/// | publishing an onion service | [`OnionBuilder::cancel_with`](crate::OnionBuilder::cancel_with) |
/// | starting a private network | `TestNetworkBuilder::cancel_with` (feature `testing`) |
/// | reading documents from files | [`DocumentReader::cancel_with`](crate::documents::DocumentReader::cancel_with) |
/// | every call of a controller, of services on disk, of a `Publication` | [`Controller::cancel_with`](crate::Controller::cancel_with) |
///
/// After [`cancel`](Self::cancel), the call ends early and undoes what it has
/// begun. It returns an error for which
/// [`Error::is_cancelled`](crate::Error::is_cancelled) is true. A cancelled
/// token stays cancelled: a call that is given such a token fails at once. One
/// token may be given to any number of calls.
///
/// Most waits end at the moment of the cancellation. A few are not woken and
/// end only at the call's deadline:
///
/// * waiting for room to write
/// * waiting for the socket that a reconnect opens
/// * waiting for another thread that reconnects, begins to attach streams,
///   changes services on disk, or adds a SOCKS port
///
/// When a wait has ended, the call undoes what it has begun, as it does after a
/// timeout. That takes up to one second if tor doesn't answer, and up to five
/// seconds for a service on disk.
///
/// ```
/// use scape::{CancelToken, Launch};
///
/// let token = CancelToken::new();
/// let window = token.clone();
/// std::thread::spawn(move || window.cancel()); // for example: the user closes the window
/// # token.cancel();
/// let error = Launch::new().cancel_with(&token).start().unwrap_err();
/// assert!(error.is_cancelled());
/// ```
#[derive(Clone, Default)]
pub struct CancelToken {
    shared: Arc<Mutex<Shared>>,
}

type Hook = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Shared {
    cancelled: bool,
    /// The number that the next hook gets when it is registered.
    next: u64,
    hooks: Vec<(u64, Hook)>,
    /// The number of the token. `None` until [`CancelToken::id`] is called.
    id: Option<CancelId>,
}

/// The number of a [`CancelToken`]. Values that are `Copy`, such as deadlines,
/// store this number in place of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CancelId(NonZeroU64);

/// The tokens that have a number and still exist.
static NUMBERED: Mutex<Numbered> = Mutex::new(Numbered { last: 0, tokens: BTreeMap::new() });

struct Numbered {
    last: u64,
    tokens: BTreeMap<CancelId, Weak<Mutex<Shared>>>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            NUMBERED.lock().tokens.remove(&id);
        }
    }
}

impl CancelToken {
    /// Creates a token that is not cancelled.
    ///
    /// ```
    /// let token = scape::CancelToken::new();
    /// assert!(!token.is_cancelled());
    /// ```
    pub fn new() -> Self {
        CancelToken::default()
    }

    /// Cancels every call that was given this token. Returns at once, without
    /// waiting for these calls to end. Cancelling again does nothing.
    ///
    /// This method may be called on any thread, even in a callback of the call
    /// that is to be cancelled.
    ///
    /// ```
    /// let token = scape::CancelToken::new();
    /// let stop = token.clone();
    /// stop.cancel();
    /// assert!(token.is_cancelled());
    /// ```
    pub fn cancel(&self) {
        let hooks = {
            let mut shared = self.shared.lock();
            shared.cancelled = true;
            std::mem::take(&mut shared.hooks)
        };
        // The hooks run without the lock, so that a hook may use the token.
        for (_, hook) in hooks {
            hook();
        }
    }

    /// Returns true if [`cancel`](Self::cancel) was called.
    pub fn is_cancelled(&self) -> bool {
        self.shared.lock().cancelled
    }

    /// Returns the token's number. [`find`](Self::find) turns it back into the
    /// token as long as a clone of the token exists.
    pub(crate) fn id(&self) -> CancelId {
        let mut shared = self.shared.lock();
        *shared.id.get_or_insert_with(|| {
            let mut numbered = NUMBERED.lock();
            numbered.last += 1;
            let id = CancelId(NonZeroU64::new(numbered.last).unwrap_or(NonZeroU64::MIN));
            numbered.tokens.insert(id, Arc::downgrade(&self.shared));
            id
        })
    }

    /// Returns the token with this number. Returns `None` if no clone of the
    /// token exists any more. Then nobody can cancel the token either.
    pub(crate) fn find(id: CancelId) -> Option<CancelToken> {
        let shared = NUMBERED.lock().tokens.get(&id).and_then(Weak::upgrade);
        shared.map(|shared| CancelToken { shared })
    }

    /// Returns a channel that is disconnected when the token is cancelled, for
    /// `select!`.
    pub(crate) fn bell(&self) -> CancelBell {
        let (sender, receiver) = bounded(0);
        CancelBell { receiver, _hook: self.on_cancel(move || drop(sender)) }
    }

    /// Runs `hook` when the token is cancelled, on the thread that cancels it.
    /// Runs it at once if the token is cancelled already. Dropping the returned
    /// guard unregisters the hook.
    ///
    /// The hook must not block, because `cancel` may be called on a thread that
    /// must not wait.
    ///
    /// The hook can still run a little after the guard was dropped, because the
    /// drop doesn't wait for a `cancel` on another thread. To find out if the
    /// call was cancelled, look at [`is_cancelled`](Self::is_cancelled) after
    /// dropping the guard.
    pub(crate) fn on_cancel(&self, hook: impl FnOnce() + Send + 'static) -> OnCancel {
        let mut shared = self.shared.lock();
        let number = shared.next;
        shared.next += 1;
        if shared.cancelled {
            drop(shared);
            hook();
        } else {
            shared.hooks.push((number, Box::new(hook)));
        }
        OnCancel { token: self.clone(), number }
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken").field("cancelled", &self.is_cancelled()).finish()
    }
}

/// A registered hook. See [`CancelToken::on_cancel`].
#[derive(Debug)]
#[must_use = "the hook is unregistered when this is dropped"]
pub(crate) struct OnCancel {
    token: CancelToken,
    number: u64,
}

impl Drop for OnCancel {
    fn drop(&mut self) {
        let hook = {
            let mut shared = self.token.shared.lock();
            let index = shared.hooks.iter().position(|(number, _)| *number == self.number);
            index.map(|index| shared.hooks.swap_remove(index))
        };
        // The hook is dropped without the lock, because the values that it owns
        // are dropped with it.
        drop(hook);
    }
}

/// A channel that is disconnected by a cancellation. See [`CancelToken::bell`].
#[derive(Debug)]
pub(crate) struct CancelBell {
    pub(crate) receiver: Receiver<Infallible>,
    _hook: OnCancel,
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn hooks_run_once_unless_they_are_unregistered() {
        let token = CancelToken::new();
        let count = Arc::new(AtomicU32::new(0));
        let hook = |add: u32| {
            let count = Arc::clone(&count);
            move || {
                count.fetch_add(add, Ordering::SeqCst);
            }
        };
        let _first = token.on_cancel(hook(1));
        let second = token.on_cancel(hook(10));
        let _third = token.on_cancel(hook(100));
        drop(second);
        assert!(!token.is_cancelled());
        token.clone().cancel();
        token.cancel();
        assert!(token.is_cancelled());
        assert_eq!(count.load(Ordering::SeqCst), 101);
        let _late = token.on_cancel(hook(1000));
        assert_eq!(count.load(Ordering::SeqCst), 1101);
    }

    #[test]
    fn token_is_found_by_its_number_as_long_as_it_exists() {
        let token = CancelToken::new();
        let id = token.id();
        assert_eq!(token.clone().id(), id);
        CancelToken::find(id).unwrap().cancel();
        assert!(token.is_cancelled());
        assert_ne!(CancelToken::new().id(), id);
        drop(token);
        assert!(CancelToken::find(id).is_none());
    }

    #[test]
    fn hook_may_use_its_own_token() {
        let token = CancelToken::new();
        let same = token.clone();
        let _hook = token.on_cancel(move || {
            same.cancel();
            assert!(same.is_cancelled());
        });
        token.cancel();
    }
}
