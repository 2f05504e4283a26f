//! One tor for the whole program.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

use parking_lot::{ReentrantMutex, const_reentrant_mutex};

use super::{Core, Tor};
use crate::controller::environment_socks;
use crate::error::{ArgumentError, NoTorError, Result};
use crate::process::Launch;
use crate::types::Progress;

/// The program's tor. Weak, so that a launched one ends, and its files go, with the last of its handles.
static GLOBAL: ReentrantMutex<RefCell<Global>> = const_reentrant_mutex(RefCell::new(Global::None));

enum Global {
    None,
    /// Being looked for, or launched, by the thread that holds the lock.
    Coming,
    Known(Weak<Core>),
}

impl Global {
    /// The one that is there, if it can still be used.
    fn known(&self) -> Result<Option<Tor>> {
        match self {
            Global::None => Ok(None),
            Global::Known(core) => Ok(core.upgrade().map(|core| Tor { core }).filter(Tor::is_alive)),
            Global::Coming => {
                let why =
                    "is being launched by this very call: it cannot be had within its progress callback";
                Err(ArgumentError::invalid("Tor::global", "tor", why).into())
            }
        }
    }
}

impl Tor {
    /// One for connections alone: the program's, where there is one by now; else one that runs, of which the SOCKS port will do; else
    /// the program's, which is launched then.
    pub(crate) fn for_connections() -> Result<Tor> {
        let known = GLOBAL.lock().borrow().known()?;
        match known.map_or_else(Tor::find, Ok) {
            Err(_) => Tor::global(),
            found => found,
        }
    }

    /// The program's tor: the same for all callers as long as one of its handles lives. At first it is one that runs already (as
    /// [`connect`](Self::connect)), or else one that is launched, with a temporary data directory; or else one whose SOCKS port is
    /// at a usual place. A SOCKS port that the environment names (`TOR_SOCKS_PORT`, …) is used rather than launching one.
    ///
    /// Keep a handle as long as tor will be needed again: a launched one ends with the last, and launching takes some ten
    /// seconds. [`set_global`](Self::set_global) makes it another one.
    ///
    /// Threads that call this while another one launches wait for that.
    ///
    /// # Errors
    ///
    /// [`Error::NoTor`](crate::Error::NoTor) with everything that was tried.
    ///
    /// ```no_run
    /// let tor = scape::Tor::global()?;
    /// let stream = tor.dial("example.com:80")?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn global() -> Result<Tor> {
        Tor::global_with(|_| {})
    }

    /// As [`global`](Self::global), and tells how a launch comes along, on the calling thread. Where nothing is launched, nothing is told.
    ///
    /// # Errors
    ///
    /// As [`global`](Self::global); [`Error::Argument`](crate::Error::Argument) within the callback itself.
    pub fn global_with(on_progress: impl FnMut(&Progress) + Send + 'static) -> Result<Tor> {
        let global = GLOBAL.lock();
        let known = global.borrow().known()?;
        if let Some(tor) = known {
            return Ok(tor);
        }
        global.replace(Global::Coming);
        let result = find_or_launch(on_progress);
        global.replace(match &result {
            Ok(tor) => Global::Known(Arc::downgrade(&tor.core)),
            Err(_) => Global::None,
        });
        result
    }

    /// Makes this the program's tor, from now on. Handles of another one are as they were.
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
        GLOBAL.lock().replace(Global::Known(Arc::downgrade(&self.core)));
    }
}

fn find_or_launch(on_progress: impl FnMut(&Progress) + Send + 'static) -> Result<Tor> {
    let control = match Tor::connect() {
        Ok(tor) => return Ok(tor),
        Err(error) => error,
    };
    let mut tried = NoTorError { control: Some(control), launch: None, socks: Vec::new() };
    // If the environment names a SOCKS port, that tor is meant.
    let is_named = matches!(environment_socks(), Ok(Some(_)));
    if is_named && let Some(tor) = Tor::usual_socks(&mut tried) {
        return Ok(tor);
    }
    match Tor::launch(Launch::new().on_progress(on_progress)) {
        Ok(tor) => return Ok(tor),
        Err(error) => tried.launch = Some(error),
    }
    let found = if is_named { None } else { Tor::usual_socks(&mut tried) };
    found.ok_or_else(|| tried.into())
}
