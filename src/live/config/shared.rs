//! The state that all [`Config`](super::Config)s of a connection share: the
//! values that tor runs with, which CONF_CHANGED events keep up to date.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::change::ConfigChange;
use super::lines::by_unit;
use super::model::Model;
use super::schema::Schema;
use crate::control::{Controller, Function, ListenerGuard, Listeners, Questions, ReconnectHook};
use crate::error::{Phase, Result, Timeout};
use crate::io::connection::{Callbacks, Closed, RouteGuard, Tracker};
use scape_proto::control::{Command, ConfLine, parse_getconf};
use scape_proto::event::{Event, EventBody, EventKind};
use scape_proto::info::{ConfigName, parse_config_default};

/// The state that all [`Config`](super::Config)s of a connection share.
pub(super) struct Shared {
    pub(super) controller: Controller,
    live: Arc<Live>,
    /// The subscription to CONF_CHANGED. It ends when the last
    /// [`Config`](super::Config) is dropped.
    _registration: RouteGuard,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("controller", &self.controller).finish_non_exhaustive()
    }
}

/// The part of the shared state that the reader thread of the connection keeps
/// up to date.
pub(super) struct Live {
    /// The values that tor runs with. The lock is held for microseconds only.
    model: Mutex<Model>,
    listeners: Arc<Listeners<(), ConfigChange>>,
    callbacks: Callbacks,
}

/// The GETINFO keys that are read once for each connection.
const NAMES: [&str; 2] = ["config/names", "config/defaults"];
/// The maximum number of times that the same value is read while other programs
/// keep changing it. After that, the call fails with a timeout.
pub(super) const MOST_QUESTIONS: usize = 10;

impl Shared {
    /// Returns the shared state of a connection. Creates it on the first call.
    pub(super) fn of(controller: &Controller) -> Result<Arc<Shared>> {
        let call = controller.in_one_call();
        call.shared(|| Shared::start(&call))
    }

    fn start(controller: &Controller) -> Result<Arc<Shared>> {
        let live = Arc::new(Live {
            model: Mutex::default(),
            listeners: Arc::default(),
            callbacks: controller.callbacks()?,
        });
        // Subscribe first, so that no change is missed.
        let registration = controller.track(&[EventKind::ConfChanged], live.clone())?;
        // Follow reconnects before the first answer, because the connection may
        // be opened again at any time.
        controller.follow(&live);
        let ask = |command| controller.send(command)?.wait_ok();
        while !live.read_schema(&Questions::new(&ask))? {}
        Ok(Arc::new(Shared { controller: controller.to_keep(), live, _registration: registration }))
    }

    pub(super) fn live(&self) -> &Arc<Live> {
        &self.live
    }

    pub(super) fn model(&self) -> MutexGuard<'_, Model> {
        self.live.model.lock()
    }

    pub(super) fn schema(&self) -> Arc<Schema> {
        self.model().schema.clone()
    }

    /// Returns the lines of the option or group `unit`. Reads them from tor if
    /// they aren't known.
    pub(super) fn lines(&self, unit: &str) -> Result<Vec<ConfLine>> {
        self.lines_with(&self.controller.in_one_call(), unit)
    }

    /// Returns the same lines as [`lines`](Self::lines), within the deadline of
    /// a longer call. `call` is the handle that was made for that call.
    pub(super) fn lines_with(&self, call: &Controller, unit: &str) -> Result<Vec<ConfLine>> {
        for _ in 0..MOST_QUESTIONS {
            self.read(call, &[unit])?;
            let model = self.model();
            if let Some(lines) = model.lines(unit) {
                return Ok(lines.clone());
            }
        }
        Err(Timeout::new(Phase::Reply, call.timeout()).into())
    }

    /// Reads the lines of the given options and groups with one command, except
    /// for lines that are known already. `controller` is a handle on the same
    /// connection.
    pub(super) fn read(&self, controller: &Controller, units: &[&str]) -> Result<()> {
        if let Some(closed) = controller.closed() {
            return Err(closed.into());
        }
        let asked: Vec<(&str, u64)> = {
            let model = self.model();
            let unknown = units.iter().filter(|unit| model.lines(unit).is_none());
            unknown.map(|unit| (*unit, model.events_of(unit))).collect()
        };
        if asked.is_empty() {
            return Ok(());
        }
        let mut command = Command::build("GETCONF");
        for (unit, _) in &asked {
            command.option(unit);
        }
        let reply = controller.send(command.finish()?)?.wait_ok()?;
        let answer = parse_getconf(&reply, asked.len());
        let mut model = self.model();
        let answered = by_unit(&model.schema, answer).into_iter();
        let answered: HashMap<String, Vec<ConfLine>> =
            answered.map(|(unit, lines)| (unit.to_ascii_lowercase(), lines)).collect();
        for (unit, events) in asked {
            let lines = answered.get(&unit.to_ascii_lowercase()).cloned().unwrap_or_default();
            model.answered(unit, lines, events);
        }
        Ok(())
    }
}

impl Live {
    /// Adds a listener, which is called as long as the returned guard lives.
    pub(super) fn add_listener(
        &self,
        function: Function<(), ConfigChange>,
    ) -> ListenerGuard<(), ConfigChange> {
        self.listeners.add(&self.callbacks, None, function)
    }

    /// Reads the names, types and defaults of tor's options. The known values
    /// are kept, because CONF_CHANGED may have reported them in the meantime.
    ///
    /// Returns false if the connection has ended in the meantime. The answer is
    /// ignored then, because it may come from another tor.
    fn read_schema(&self, tor: &Questions<'_>) -> Result<bool> {
        let ends = self.model.lock().ends();
        let [names, defaults] = tor.info(NAMES)?;
        let names = split(&names).filter_map(ConfigName::parse).collect();
        let defaults = split(&defaults).filter_map(parse_config_default).collect();
        let mut model = self.model.lock();
        if model.ends() != ends {
            return Ok(false);
        }
        model.set_schema(Schema::new(names, defaults));
        Ok(true)
    }
}

fn split(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

impl Tracker for Live {
    fn event(&self, event: &Arc<Event>) {
        let EventBody::ConfChanged(told) = event.body() else { return };
        let mut model = self.model.lock();
        let changes = model.apply(&told.options);
        // This happens under the lock, so that listeners get the changes in
        // order.
        if !self.listeners.is_empty() {
            let changes = changes.into_iter().map(ConfigChange::from).collect();
            self.listeners.tell(&self.callbacks, changes, |_| None, || Some(()));
        }
    }

    fn ended(&self, _: &Closed, _: bool) {
        self.model.lock().forget();
    }
}

impl ReconnectHook for Live {
    fn name(&self) -> &'static str {
        "the live configuration"
    }

    /// Reads the options again, because the connection may be to another tor
    /// that has other options.
    fn reconnected(&self, tor: &Questions<'_>) -> Result<()> {
        // `false` means that the new connection has ended. The next command
        // will report that.
        self.read_schema(tor).map(drop)
    }
}
