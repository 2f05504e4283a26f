//! The tor that the whole program shares.

use std::sync::{Arc, Weak};
use std::thread::{self, ThreadId};
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::handle::{Core, Tor};
use crate::control::{Connect, environment_socks};
use crate::error::{Cancelled, Phase, Result};
use crate::io::cancel::CancelToken;
use crate::io::transport::Deadline;
use crate::process::Launch;
use crate::tor::NoTorError;
use scape_proto::control::ArgumentError;
use scape_proto::word::Progress;

/// The tor that the whole program shares, or the state of the search for it.
/// The lock is never held while waiting for anything else.
static GLOBAL: Mutex<Global> = Mutex::new(Global::None);
/// Notified when [`GLOBAL`] stops being [`Coming`](Global::Coming), when a
/// program sets the global tor, and when a waiting call is cancelled. Threads
/// wait only while [`GLOBAL`] is `Coming`, so other changes need no notice.
static CHANGED: Condvar = Condvar::new();

enum Global {
    /// No tor is known, and no thread is searching for one.
    None,
    /// The thread with this identifier is searching for a tor, or launching
    /// one.
    Coming(ThreadId),
    /// The tor that was found or set. The reference is weak, so that a launched
    /// tor ends, and its files are removed, when its last handle is dropped.
    Known(Weak<Core>),
}

impl Global {
    /// Returns true if this thread is searching for the tor, or launching it.
    fn is_coming_from_here(&self) -> bool {
        matches!(self, Global::Coming(thread) if *thread == thread::current().id())
    }

    /// Returns the known tor, unless it can't be used any more. Waits while
    /// another thread searches for one. Returns `Ok(Err(lock))` if no usable
    /// tor is known: with this lock on [`GLOBAL`], the caller can begin a
    /// search.
    ///
    /// Returns `Err` if the call was cancelled. Also returns `Err` if this
    /// thread is itself launching the tor and the progress callback makes this
    /// call, because the call would wait for its own thread.
    fn known(cancel: Option<&CancelToken>) -> Result<Result<Tor, MutexGuard<'static, Global>>> {
        let _hook = cancel.map(|token| {
            token.on_cancel(|| {
                // With the lock held, the waiting thread can't be between its
                // check of the token and its sleep.
                let _global = GLOBAL.lock();
                CHANGED.notify_all();
            })
        });
        let mut global = GLOBAL.lock();
        loop {
            if cancel.is_some_and(CancelToken::is_cancelled) {
                return Err(Cancelled::new(Phase::Connect).into());
            }
            let known = match &*global {
                Global::None => None,
                Global::Known(core) => core.upgrade(),
                here @ Global::Coming(_) if here.is_coming_from_here() => {
                    let why = "is being launched by this very call, so the progress callback \
                               cannot get it";
                    return Err(ArgumentError::invalid("Tor::global", "tor", why).into());
                }
                Global::Coming(_) => {
                    CHANGED.wait(&mut global);
                    continue;
                }
            };
            let Some(tor) = known.map(Tor::of) else { return Ok(Err(global)) };
            // The lock is released, because the question takes the lock of the
            // process.
            drop(global);
            if tor.is_alive_or_reconnects() {
                return Ok(Ok(tor));
            }
            global = GLOBAL.lock();
            // Another thread may have replaced the tor meanwhile.
            if matches!(&*global, Global::Known(core) if core.as_ptr() == Arc::as_ptr(&tor.core)) {
                *global = Global::None;
            }
            // The lock is released, because dropping the last handle ends a
            // tor, which takes time.
            drop(global);
            drop(tor);
            global = GLOBAL.lock();
        }
    }
}

/// A guard of the thread that searches for the program's tor. Dropping the
/// guard marks the search as over, even if the progress callback panics.
struct Coming;

impl Drop for Coming {
    fn drop(&mut self) {
        let mut global = GLOBAL.lock();
        if global.is_coming_from_here() {
            *global = Global::None;
            CHANGED.notify_all();
        }
    }
}

impl Tor {
    /// Returns a tor for connections alone. This is the program's tor if there
    /// is one, or else a running tor, even one with a SOCKS port only. If none
    /// is found, the program's tor is launched.
    pub(crate) fn for_connections() -> Result<Tor> {
        match Global::known(None)? {
            Ok(tor) => Ok(tor),
            // `known` returned its lock on `GLOBAL`. Release the lock first,
            // because `Tor::global` takes it again.
            Err(unlock) => {
                drop(unlock);
                Tor::find().or_else(|_| Tor::global())
            }
        }
    }

    /// Returns the program's tor: the one tor that all parts of the program
    /// share. All callers get the same tor as long as one of its handles lives.
    ///
    /// The first call uses a running tor with a control port, as in
    /// [`connect`](Self::connect). Otherwise the call launches a tor
    /// with a temporary data directory. If the launch fails, the call uses a
    /// tor with a SOCKS port at a usual place. If the environment names a SOCKS
    /// port (`TOR_SOCKS_PORT`, …), that port is tried before a launch.
    ///
    /// Keep a handle until the program no longer needs tor: a launched tor ends
    /// with its last handle, and launching takes about ten seconds.
    /// [`set_global`](Self::set_global) replaces the program's tor.
    ///
    /// If another thread is launching the tor, the call waits for it. While the
    /// connection to the program's tor
    /// [reconnects automatically](Connect::reconnect), the call returns this
    /// tor at once, and
    /// [`Controller::wait_connected`](crate::Controller::wait_connected) waits
    /// until it can be used again.
    ///
    /// ```no_run
    /// let tor = scape::Tor::global()?;
    /// let stream = tor.dial("example.com:80")?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`NoTorError`] (kind
    /// [`ErrorKind::Connect`](crate::ErrorKind::Connect)) that lists everything
    /// that was tried.
    #[doc(alias = "get_global_tor")]
    pub fn global() -> Result<Tor> {
        Tor::global_with(|_| {})
    }

    /// Returns the program's tor like [`global`](Self::global). If this call
    /// launches a tor, it calls `on_progress` on the calling thread for each
    /// step. If a tor is found, or if another thread launches it, the callback
    /// isn't called.
    ///
    /// ```no_run
    /// let tor = scape::Tor::global_with(|step| eprintln!("{step}"))?;
    /// let stream = tor.dial("example.com:80")?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`global`](Self::global), most often a [`NoTorError`]. If
    /// the callback itself requests the program's tor, that inner call fails
    /// with an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument), and the launch
    /// continues.
    pub fn global_with(on_progress: impl FnMut(&Progress) + Send + 'static) -> Result<Tor> {
        global(None, on_progress)
    }

    /// Returns the program's tor like [`global_with`](Self::global_with), but
    /// fails when `token` is cancelled. A call that searches for a tor, or
    /// waits for another thread's launch, fails at once. A call that launches a
    /// tor itself fails as soon as that tor has ended. The returned `Tor`
    /// doesn't keep the token.
    ///
    /// If this call is cancelled, other threads that wait for its launch start
    /// their own search.
    ///
    /// ```
    /// use scape::{CancelToken, Tor};
    ///
    /// let token = CancelToken::new();
    /// # token.cancel();
    /// let stop = token.clone();
    /// std::thread::spawn(move || stop.cancel()); // for example: the user closes the window
    /// let error = Tor::global_cancel_with(&token, |step| println!("{step}")).unwrap_err();
    /// assert!(error.is_cancelled());
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) if the token is
    /// cancelled. Otherwise the same errors as [`global`](Self::global), most
    /// often a [`NoTorError`].
    pub fn global_cancel_with(
        token: &CancelToken,
        on_progress: impl FnMut(&Progress) + Send + 'static,
    ) -> Result<Tor> {
        global(Some(token), on_progress)
    }

    /// Makes this tor the program's tor, which [`global`](Self::global)
    /// returns. Keep a handle, because the program's tor is forgotten with its
    /// last handle. Handles to the previous tor stay valid. If another thread
    /// is searching for the program's tor, the call waits for it. If the call
    /// is made by the progress callback of [`global_with`](Self::global_with),
    /// `global_with` returns this tor, and the launched tor is ended.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let scripted = ScriptedTor::builder().start()?;
    /// # let controller = scape::Connect::new().authenticate_over(scripted.transport()?)?;
    /// use scape::Tor;
    ///
    /// let tor = Tor::from(controller);
    /// tor.set_global();
    /// assert!(Tor::global()?.controller()?.is_alive());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_global(&self) {
        let mut global = GLOBAL.lock();
        // A search by another thread would replace this tor when it ends, so
        // wait for it.
        while matches!(&*global, other @ Global::Coming(_) if !other.is_coming_from_here()) {
            CHANGED.wait(&mut global);
        }
        *global = Global::Known(Arc::downgrade(&self.core));
        CHANGED.notify_all();
    }
}

fn global(
    cancel: Option<&CancelToken>,
    on_progress: impl FnMut(&Progress) + Send + 'static,
) -> Result<Tor> {
    let mut known = match Global::known(cancel)? {
        Ok(tor) => return Ok(tor),
        Err(global) => global,
    };
    *known = Global::Coming(thread::current().id());
    drop(known);
    let _coming = Coming;
    let tor = find_or_launch(cancel, on_progress)?;
    let mut global = GLOBAL.lock();
    if !global.is_coming_from_here() {
        // The progress callback has set another tor, which takes precedence as
        // long as it can be used.
        drop(global);
        match Global::known(cancel)? {
            Ok(set) => return Ok(set),
            Err(unknown) => global = unknown,
        }
    }
    *global = Global::Known(Arc::downgrade(&tor.core));
    CHANGED.notify_all();
    drop(global);
    Ok(tor)
}

fn find_or_launch(
    cancel: Option<&CancelToken>,
    on_progress: impl FnMut(&Progress) + Send + 'static,
) -> Result<Tor> {
    let cancellable = |connect: Connect| match cancel {
        Some(token) => connect.cancel_with(token),
        None => connect,
    };
    let connect = Connect::from_env().map(cancellable);
    let control = match connect.and_then(|connect| Tor::connect_with(&connect)) {
        Err(error) if !error.is_cancelled() => error,
        found => return found,
    };
    let mut tried = NoTorError { control: Some(control), launch: None, socks: Vec::new() };
    // A SOCKS port in the environment takes precedence over launching.
    let is_named = matches!(environment_socks(), Ok(Some(_)));
    if is_named {
        match find_socks(cancel, tried)? {
            Ok(tor) => return Ok(tor),
            Err(failed) => tried = failed,
        }
    }
    let mut launch = Launch::new().on_progress(on_progress);
    if let Some(token) = cancel {
        launch = launch.cancel_with(token);
    }
    match Tor::launch(launch) {
        Err(error) if !error.is_cancelled() => tried.launch = Some(error),
        launched => return launched,
    }
    if is_named {
        return Err(tried.into());
    }
    Ok(find_socks(cancel, tried)??)
}

/// Searches for a SOCKS port of a tor. The inner error is `tried` with the
/// failed attempts added. The outer error means that the call was cancelled.
fn find_socks(
    cancel: Option<&CancelToken>,
    mut tried: NoTorError,
) -> Result<Result<Tor, NoTorError>> {
    // This deadline never passes: it only carries the token. Each step of the
    // search has a deadline of its own.
    let deadline = Deadline::after(Duration::MAX).cancelled_by(cancel);
    deadline.run(Phase::Connect, move || Ok(Tor::usual_socks(&mut tried).ok_or(tried)))
}
