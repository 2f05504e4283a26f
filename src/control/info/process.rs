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
    /// The name of the user that tor runs as. `None` if the name is unknown.
    pub user: Option<String>,
    /// The maximum number of sockets that tor may have open at the same time.
    pub descriptor_limit: u64,
}

/// Queries about tor's process. See control-spec, GETINFO `process/…`,
/// `limits/…`, `uptime` and `current-time/…`.
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
    /// assert_eq!((process.pid, process.user.as_deref()), (30512, Some("debian-tor")));
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
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "limits/max-mem-in-queues", "8589934592").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert_eq!(controller.info().max_mem_in_queues()?, 8 << 30); // 8 GiB
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("uptime", "3600").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use std::time::Duration;
    ///
    /// assert_eq!(controller.info().uptime()?, Duration::from_secs(3600));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "current-time/utc", "2026-11-21T02:09:42").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::word::parse_utc;
    ///
    /// let now = controller.info().current_time()?;
    /// assert_eq!(Some(now), parse_utc("2026-11-21 02:09:42"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

    /// Returns the time of tor's clock in tor's own time zone, in whole seconds
    /// (`GETINFO current-time/local`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "current-time/local", "2026-11-20T21:13:05").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let now = controller.info().current_time_local()?;
    /// assert_eq!(now.to_string(), "2026-11-20T21:13:05");
    /// assert_eq!((now.hour, now.minute), (21, 13));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
