//! One tor for the whole program.

use std::sync::{Arc, Weak};
use std::thread::{self, ThreadId};
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::{Core, Tor};
use crate::cancel::CancelToken;
use crate::controller::{Connect, environment_socks};
use crate::error::{Cancelled, Phase, Result};
use crate::process::Launch;
use crate::protocol::ArgumentError;
use crate::tor::NoTorError;
use crate::transport::Deadline;
use crate::word::Progress;

/// The program's tor. Its lock is never held while anything is waited for.
static GLOBAL: Mutex<Global> = Mutex::new(Global::None);
/// Notified when [`GLOBAL`] has changed, and when a call that waits for that is
/// cancelled.
static CHANGED: Condvar = Condvar::new();

enum Global {
    None,
    /// Being looked for, or launched, by this thread.
    Coming(ThreadId),
    /// Weak, so that a launched one ends, and its files go, with the last of
    /// its handles.
    Known(Weak<Core>),
}

impl Global {
    fn set(self) {
        *GLOBAL.lock() = self;
        CHANGED.notify_all();
    }

    /// Returns the tor that is there, if it can still be used. Waits while
    /// another thread looks for one. With `None`, the lock is held.
    fn known(cancel: Option<&CancelToken>) -> Result<Result<Tor, MutexGuard<'static, Global>>> {
        let _hook = cancel.map(|token| {
            token.on_cancel(|| {
                // With the lock, so that the waiter is not between its look at
                // the token and its sleep.
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
                Global::Coming(thread) if *thread == thread::current().id() => {
                    let why = "is being launched by this very call: it cannot be had within its \
                               progress callback";
                    return Err(ArgumentError::invalid("Tor::global", "tor", why).into());
                }
                Global::Coming(_) => {
                    CHANGED.wait(&mut global);
                    continue;
                }
            };
            let Some(tor) = known.map(Tor::of) else { return Ok(Err(global)) };
            // Without the lock, because the process has one of its own.
            drop(global);
            if tor.is_alive() {
                return Ok(Ok(tor));
            }
            global = GLOBAL.lock();
            // Another thread may have found another tor.
            if matches!(&*global, Global::Known(core) if core.as_ptr() == Arc::as_ptr(&tor.core)) {
                *global = Global::None;
            }
            // Without the lock: it may be the last handle, which ends a tor.
            drop(global);
            drop(tor);
            global = GLOBAL.lock();
        }
    }
}

/// Ends the search, also if the progress callback panics.
struct Coming;

impl Drop for Coming {
    fn drop(&mut self) {
        if matches!(&*GLOBAL.lock(), Global::Coming(thread) if *thread == thread::current().id()) {
            Global::None.set();
        }
    }
}

impl Tor {
    /// One for connections alone: the program's, where there is one by now;
    /// else one that runs, of which the SOCKS port will do; else the program's,
    /// which is launched then.
    pub(crate) fn for_connections() -> Result<Tor> {
        match Global::known(None)? {
            Ok(tor) => Ok(tor),
            // Not with the lock, which the error has.
            Err(unlock) => {
                drop(unlock);
                Tor::find().or_else(|_| Tor::global())
            }
        }
    }

    /// The program's tor: the same for all callers as long as one of its
    /// handles lives. At first it is one that runs already (as
    /// [`connect`](Self::connect)), or else one that is launched, with a
    /// temporary data directory; or else one whose SOCKS port is at a usual
    /// place. A SOCKS port that the environment names (`TOR_SOCKS_PORT`, …) is
    /// used rather than launching one.
    ///
    /// Keep a handle as long as tor will be needed again: a launched one ends
    /// with the last, and launching takes some ten seconds.
    /// [`set_global`](Self::set_global) makes it another one.
    ///
    /// Threads that call this while another one launches wait for that.
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
    /// [`ErrorKind::Connect`](crate::ErrorKind::Connect)), which has everything
    /// that was tried.
    pub fn global() -> Result<Tor> {
        Tor::global_with(|_| {})
    }

    /// Returns the program's tor like [`global`](Self::global), and calls
    /// `on_progress` while one is launched, on the calling thread. If nothing
    /// is launched, it isn't called.
    ///
    /// # Errors
    ///
    /// Same errors as [`global`](Self::global). The kind is
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if it is called
    /// within the callback itself.
    pub fn global_with(on_progress: impl FnMut(&Progress) + Send + 'static) -> Result<Tor> {
        global(None, on_progress)
    }

    /// Like [`global_with`](Self::global_with), and ends when `token` is
    /// cancelled: at once while a tor is looked for or another thread launches
    /// one, and as soon as tor has ended while this call launches one. The tor
    /// that is returned doesn't keep the token.
    ///
    /// Other threads that wait for the launch of this call begin anew if it is
    /// cancelled.
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
    /// cancelled. Otherwise same errors as [`global`](Self::global), most often
    /// a [`NoTorError`].
    pub fn global_cancel_with(
        token: &CancelToken,
        on_progress: impl FnMut(&Progress) + Send + 'static,
    ) -> Result<Tor> {
        global(Some(token), on_progress)
    }

    /// Makes this the program's tor, from now on. Handles of another one are as
    /// they were.
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
        // What another thread is just finding would replace this one.
        while matches!(&*global, Global::Coming(thread) if *thread != thread::current().id()) {
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
    let coming = Coming;
    let tor = find_or_launch(cancel, on_progress)?;
    Global::Known(Arc::downgrade(&tor.core)).set();
    drop(coming);
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
    // If the environment names a SOCKS port, that tor is meant.
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

/// Looks for a SOCKS port that is tor's. The outer error is that the call was
/// cancelled.
fn find_socks(
    cancel: Option<&CancelToken>,
    mut tried: NoTorError,
) -> Result<Result<Tor, NoTorError>> {
    // The parts have deadlines of their own.
    let deadline = Deadline::after(Duration::MAX).cancelled_by(cancel);
    deadline.run(Phase::Connect, move || Ok(Tor::usual_socks(&mut tried).ok_or(tried)))
}
