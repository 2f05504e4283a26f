//! The type [`Info`]: typed answers of GETINFO.

use crate::control::Controller;

/// The typed answers of GETINFO: a method for each key of tor 0.4.9, or for
/// several keys that belong together. [`Controller::version`],
/// [`Controller::circuits`] and [`Controller::streams`] return the values of
/// the keys `version`, `circuit-status` and `stream-status`.
///
/// [`Controller::info`] returns this view. Most of its methods send one
/// command. No method waits for tor's answers longer than the controller's
/// timeout. Answers that can't change while tor runs are cached: see
/// [`Caching`](crate::control::Caching). A key without a method can be asked
/// for with [`Controller::get_info`].
///
/// If a method returns `None`, tor doesn't know the value now, for example
/// because tor has no consensus yet. If tor refuses for any other reason, the
/// method returns an error of the kind
/// [`ErrorKind::Refused`](crate::ErrorKind::Refused).
///
/// ```
/// # use scape::testing::ScriptedTor;
/// # let tor = ScriptedTor::builder().info("uptime", "3600").info("process/pid", "42").start()?;
/// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// let info = controller.info();
/// assert_eq!(info.uptime()?.as_secs(), 3600);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Info<'a> {
    pub(super) controller: &'a Controller,
}

impl Controller {
    /// Returns the typed answers of GETINFO.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("dormant", "0").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert!(!controller.info().dormant()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn info(&self) -> Info<'_> {
        Info { controller: self }
    }
}
