//! What belongs to a connection as a whole, and not to one of its handles.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::{Mutex, MutexGuard};

use super::Controller;
use crate::connection::{Callbacks, PendingReply, Registration, Tracker};
use crate::error::{Error, Phase, Result};
use crate::event::EventKind;
use crate::protocol::{Command, Reply};

/// One thing of each type, for whoever asks for it through whichever handle. It
/// is not kept alive by this.
#[derive(Debug, Default)]
pub(super) struct Shared {
    things: Mutex<HashMap<TypeId, Weak<dyn Any + Send + Sync>>>,
    /// Held while one is made, which may take tor's answers: so there are never
    /// two.
    making: Mutex<()>,
}

/// What goes on with the next connection, where the connection is made again.
pub(crate) trait Follower: Send + Sync {
    /// What it is, for people.
    fn name(&self) -> &'static str;

    /// The connection was made again: `ask` sends a command and waits for its
    /// answer. An error that is tor's refusal is noted; others end the
    /// connection, as it could not be made again.
    fn reconnected(&self, ask: &dyn Fn(Command) -> Result<Reply>) -> Result<()>;

    /// Asking once more has failed with `error`, on a connection that is open,
    /// and will be tried later.
    fn unreadable(&self, _error: &Error) {}

    /// The connection is about to be closed by this program: what is to be sent
    /// before that. `send` sends a command; what is given is waited for, for a
    /// moment.
    fn closing(&self, _send: &dyn Fn(Command) -> Result<PendingReply>) -> Vec<PendingReply> {
        Vec::new()
    }
}

impl Shared {
    fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let thing = self.things.lock().get(&TypeId::of::<T>())?.upgrade()?;
        thing.downcast().ok()
    }

    fn put<T: Any + Send + Sync>(&self, thing: &Arc<T>) {
        let thing: Arc<dyn Any + Send + Sync> = thing.clone();
        self.things.lock().insert(TypeId::of::<T>(), Arc::downgrade(&thing));
    }
}

impl Controller {
    /// The connection's `T`, made by `make` if there is none. It lasts as long
    /// as somebody holds it.
    pub(crate) fn shared<T: Any + Send + Sync>(
        &self,
        make: impl FnOnce() -> Result<Arc<T>>,
    ) -> Result<Arc<T>> {
        let shared = &self.inner.session.shared;
        if let Some(thing) = shared.get() {
            return Ok(thing);
        }
        let deadline = self.deadline();
        let _making: MutexGuard<'_, ()> = shared
            .making
            .try_lock_until(deadline.instant())
            .ok_or_else(|| deadline.error(Phase::Reply))?;
        if let Some(thing) = shared.get() {
            return Ok(thing);
        }
        let thing = make()?;
        shared.put(&thing);
        Ok(thing)
    }

    /// Tells `tracker` of events on the reader thread, as long as what this
    /// returns lives.
    pub(crate) fn track(
        &self,
        kinds: &[EventKind],
        tracker: Arc<dyn Tracker>,
    ) -> Result<Registration> {
        self.connection().track(kinds, tracker, self.deadline())
    }

    /// The thread for callbacks.
    pub(crate) fn callbacks(&self) -> Result<Callbacks> {
        self.connection().callbacks()
    }

    /// Tells `follower` when the connection was made again, as long as it
    /// lives.
    pub(crate) fn follow(&self, follower: &Arc<impl Follower + 'static>) {
        let follower: Arc<dyn Follower> = follower.clone();
        let mut followers = self.inner.session.followers.lock();
        followers.retain(|known| known.strong_count() > 0);
        followers.push(Arc::downgrade(&follower));
    }
}
