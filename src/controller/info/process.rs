//! `GETINFO process/…`, `limits/…`, `uptime`, `current-time/…`: the process
//! that tor is.

use std::time::{Duration, SystemTime};

use super::value::malformed;
use crate::Controller;
use crate::error::Result;
use crate::protocol::LocalTime;
use crate::word::parse_utc;

/// The process that tor is: [`Controller::process`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ProcessInfo {
    /// Its process id, where tor runs.
    pub pid: u32,
    /// The id of the user that it runs as; `None` on systems without such ids.
    pub uid: Option<u32>,
    /// The name of that user, where it is known.
    pub user: Option<String>,
    /// How many sockets it may have open.
    pub descriptor_limit: u64,
}

/// The process. control-spec, GETINFO `process/…`, `limits/…`, `uptime` and
/// `current-time/…`.
impl Controller {
    /// The process that tor is, with one command (`GETINFO process/pid
    /// process/uid process/user process/descriptor-limit`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("process/pid", "30512").info("process/uid", "106").info("process/user", "debian-tor")
    /// #     .info("process/descriptor-limit", "19968").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let process = controller.process()?;
    /// println!("tor is process {}, of {}", process.pid, process.user.as_deref().unwrap_or("an unknown user"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn process(&self) -> Result<ProcessInfo> {
        let keys = ["process/pid", "process/uid", "process/user", "process/descriptor-limit"];
        let [pid, uid, user, limit] = self.read_many(keys)?;
        Ok(ProcessInfo {
            pid: pid.parse().map_err(|_| malformed("process/pid", &pid))?,
            uid: match &*uid {
                "-1" => None,
                uid => Some(uid.parse().map_err(|_| malformed("process/uid", uid))?),
            },
            user: Some(user).filter(|user| !user.is_empty()),
            descriptor_limit: limit
                .parse()
                .map_err(|_| malformed("process/descriptor-limit", &limit))?,
        })
    }

    /// How many bytes tor may keep in its queues until it closes circuits
    /// (`GETINFO limits/max-mem-in-queues`).
    pub fn max_mem_in_queues(&self) -> Result<u64> {
        self.read_info("limits/max-mem-in-queues", |value| value.parse().ok())
    }

    /// How long tor has run, in whole seconds (`GETINFO uptime`).
    pub fn uptime(&self) -> Result<Duration> {
        self.read_info("uptime", |value| value.parse().ok().map(Duration::from_secs))
    }

    /// What time it is for tor, in whole seconds (`GETINFO current-time/utc`).
    pub fn current_time(&self) -> Result<SystemTime> {
        self.read_info("current-time/utc", |value| parse_utc(&value.replace('T', " ")))
    }

    /// What time it is for tor, in its own time zone
    /// (`GETINFO current-time/local`).
    pub fn current_time_local(&self) -> Result<LocalTime> {
        self.read_info("current-time/local", |value| value.parse().ok())
    }
}
