//! `GETINFO process/…`, `limits/…`, `uptime`, `current-time/…`: tor's process.

use std::time::{Duration, SystemTime};

use super::Info;
use super::value::malformed;
use crate::error::Result;
use scape_proto::info::LocalTime;
use scape_proto::word::parse_utc;

/// The operating system process of tor. Returned by [`Info::process`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ProcessInfo {
    /// The process id, on the machine on which tor runs.
    pub pid: u32,
    /// The id of the user that tor runs as. `None` on systems without such ids.
    pub uid: Option<u32>,
    /// The name of that user, if it is known.
    pub user: Option<String>,
    /// The maximum number of sockets that tor may have open.
    pub descriptor_limit: u64,
}

/// tor's process. control-spec, GETINFO `process/…`, `limits/…`, `uptime` and
/// `current-time/…`.
impl Info<'_> {
    /// Returns information about tor's process. Sends one command (`GETINFO
    /// process/pid process/uid process/user process/descriptor-limit`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("process/pid", "30512").info("process/uid", "106").info("process/user", "debian-tor")
    /// #     .info("process/descriptor-limit", "19968").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let process = controller.info().process()?;
    /// println!("tor is process {}, of {}", process.pid, process.user.as_deref().unwrap_or("an unknown user"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    #[doc(alias = "get_pid")]
    #[doc(alias = "get_user")]
    pub fn process(self) -> Result<ProcessInfo> {
        let keys = ["process/pid", "process/uid", "process/user", "process/descriptor-limit"];
        let [pid, uid, user, limit] = self.controller.read_many(keys)?;
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

    /// Returns the number of bytes that tor may keep in its queues before it
    /// closes circuits (`GETINFO limits/max-mem-in-queues`).
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn max_mem_in_queues(self) -> Result<u64> {
        self.controller.read_info("limits/max-mem-in-queues", |value| value.parse().ok())
    }

    /// Returns the time for which tor has run, in whole seconds
    /// (`GETINFO uptime`).
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    #[doc(alias = "get_uptime")]
    pub fn uptime(self) -> Result<Duration> {
        self.controller.read_info("uptime", |value| value.parse().ok().map(Duration::from_secs))
    }

    /// Returns the time of tor's clock, in whole seconds
    /// (`GETINFO current-time/utc`).
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn current_time(self) -> Result<SystemTime> {
        self.controller.read_info("current-time/utc", |value| parse_utc(&value.replace('T', " ")))
    }

    /// Returns the time of tor's clock in tor's own time zone
    /// (`GETINFO current-time/local`).
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn current_time_local(self) -> Result<LocalTime> {
        self.controller.read_info("current-time/local", |value| value.parse().ok())
    }
}
