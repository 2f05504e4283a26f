//! The type [`Info`]: typed answers of GETINFO.

use crate::control::Controller;

/// The typed answers of GETINFO: a method for each key of tor 0.4.9, or for
/// several keys that belong together. The keys `version`, `circuit-status` and
/// `stream-status` have methods elsewhere: [`Controller::version`],
/// [`Controller::circuits`] and [`Controller::streams`].
///
/// [`Controller::info`] returns this view. Most methods send one command. All
/// of them wait for tor's answers for at most the controller's timeout. Answers
/// that can't change while tor runs are cached: see
/// [`Caching`](crate::control::Caching). A key without a method can be asked
/// for with [`Controller::get_info`].
///
/// `None` means that tor knows no value now, for example because it has no
/// consensus yet or no such document. A refusal for another reason is an error
/// of the kind [`ErrorKind::Refused`](crate::ErrorKind::Refused).
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
    /// ```no_run
    /// let controller = scape::connect()?;
    /// let traffic = controller.info().traffic()?;
    /// println!("{} bytes read, {} written", traffic.read, traffic.written);
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn info(&self) -> Info<'_> {
        Info { controller: self }
    }
}
