//! Cancelling a call from another thread.
//!
//! A [`CancelToken`] is a flag, with hooks that wake whoever waits. A call that can be cancelled registers a hook with
//! [`CancelToken::on_cancel`] that makes its wait return (closes a channel, notifies a condition variable, ends a
//! process), and looks at the flag afterwards.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

/// A handle that cancels a call from another thread. Clones share one flag.
///
/// A token is given to a call that takes long, such as [`Launch::cancel_with`](crate::Launch::cancel_with). After
/// [`cancel`](Self::cancel), the call ends early, undoes what it has begun, and returns an error for which
/// [`Error::is_cancelled`](crate::Error::is_cancelled) is true. A cancelled token stays cancelled: a call that gets one
/// fails at once. One token may be given to any number of calls.
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
    /// The number of the next hook.
    next: u64,
    hooks: Vec<(u64, Hook)>,
}

impl CancelToken {
    /// Creates a token that is not cancelled.
    pub fn new() -> Self {
        CancelToken::default()
    }

    /// Cancels every call that was given this token. Returns at once, without
    /// waiting for these calls to end. Cancelling again does nothing.
    ///
    /// May be called from any thread, also from a callback of the call that is to be cancelled.
    pub fn cancel(&self) {
        let hooks = {
            let mut shared = self.shared.lock();
            shared.cancelled = true;
            std::mem::take(&mut shared.hooks)
        };
        // Without the lock, so that a hook may use the token.
        for (_, hook) in hooks {
            hook();
        }
    }

    /// Returns true if [`cancel`](Self::cancel) was called.
    pub fn is_cancelled(&self) -> bool {
        self.shared.lock().cancelled
    }

    /// Runs `hook` when the token is cancelled, on the thread that cancels it; at once if it is cancelled already.
    /// Dropping the returned guard unregisters the hook.
    ///
    /// The hook must not block, because `cancel` may be called by a thread that
    /// must not wait. Dropping the guard doesn't wait for a hook that `cancel`
    /// has taken: it may have run at the last moment, and may even run later.
    /// So look at [`is_cancelled`](Self::is_cancelled) after the guard was
    /// dropped.
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
        // Without the lock, because what the hook owns is dropped with it.
        drop(hook);
    }
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
