//! Values that belong to a connection as a whole and not to one of its handles:
//! the live state, the live configuration, the streams that wait to be
//! attached.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::{Mutex, MutexGuard};

use super::Controller;
use super::questions::Questions;
use crate::error::{Error, Phase, Result};
use crate::io::connection::{Callbacks, PendingReply, RouteGuard, Tracker};
use scape_proto::control::Command;
use scape_proto::event::EventKind;

/// A map with at most one value of each type. Any handle of the connection can
/// ask for these values. The map holds weak references, so it keeps nothing
/// alive.
#[derive(Debug, Default)]
pub(super) struct Shared {
    things: Mutex<HashMap<TypeId, Weak<dyn Any + Send + Sync>>>,
    /// Held while a shared value, such as the live state, is created. So there
    /// are never two values of the same type. Creating a value may wait for
    /// answers from tor.
    making: Mutex<()>,
}

/// A follower: something that survives the end of a socket and is told about a
/// reconnect. An example is the live state.
pub(crate) trait ReconnectHook: Send + Sync {
    /// Returns the follower's name, for users and for the log.
    fn name(&self) -> &'static str;

    /// Updates the follower after a reconnect. `tor` is the new connection,
    /// which isn't open to callers yet at the first attempt.
    ///
    /// # Errors
    ///
    /// At the first attempt, an error makes the reconnect fail if the
    /// connection has ended or a command got no answer. Any other error is only
    /// reported in the reconnect's result. If tor may accept a refused command
    /// later, this method is called again after a while. If such a later call
    /// times out, it is repeated, too.
    fn reconnected(&self, tor: &Questions<'_>) -> Result<()>;

    /// Tells the follower that an attempt to update it has timed out with
    /// `error`, after the connection was opened. Another attempt may follow.
    fn unreadable(&self, _error: &Error) {}

    /// Sends the last commands before this program closes the connection.
    /// `send` sends a command. The caller waits for the returned replies, but
    /// only for a moment.
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
    /// Returns the connection's value of type `T`. Creates it with `make` if
    /// the connection doesn't have one yet. The value lives as long as somebody
    /// holds it.
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

    /// Returns the connection's value of type `T`. If the connection doesn't
    /// have one yet, the default value becomes the connection's. The value
    /// lives as long as somebody holds it. Unlike [`shared`](Self::shared),
    /// this never waits for another thread that creates a value.
    pub(crate) fn shared_default<T: Any + Send + Sync + Default>(&self) -> Arc<T> {
        let mut things = self.inner.session.shared.things.lock();
        let known = things.get(&TypeId::of::<T>()).and_then(Weak::upgrade);
        if let Some(thing) = known.and_then(|thing| thing.downcast().ok()) {
            return thing;
        }
        let thing = Arc::<T>::default();
        let weak: Weak<dyn Any + Send + Sync> = Arc::downgrade(&(thing.clone() as Arc<_>));
        things.insert(TypeId::of::<T>(), weak);
        thing
    }

    /// Passes events of these kinds to `tracker` on the reader thread, as long
    /// as the returned registration lives.
    pub(crate) fn track(
        &self,
        kinds: &[EventKind],
        tracker: Arc<dyn Tracker>,
    ) -> Result<RouteGuard> {
        self.connection().track(kinds, tracker, self.deadline())
    }

    /// Starts the thread for callbacks, unless it runs already, and returns a
    /// handle on it.
    pub(crate) fn callbacks(&self) -> Result<Callbacks> {
        self.connection().callbacks()
    }

    /// Tells `follower` about every reconnect, as long as `follower` lives.
    pub(crate) fn follow(&self, follower: &Arc<impl ReconnectHook + 'static>) {
        let follower: Arc<dyn ReconnectHook> = follower.clone();
        let mut followers = self.inner.session.followers.lock();
        followers.retain(|known| known.strong_count() > 0);
        followers.push(Arc::downgrade(&follower));
    }
}
