//! POSTDESCRIPTOR: giving relay descriptors to tor.

use super::Controller;
use crate::error::{Error, Result};
use scape_proto::control::{Command, RouterPurpose};

/// A relay descriptor to give to tor. See control-spec, command POSTDESCRIPTOR.
///
/// ```
/// use scape::control::PostDescriptor;
/// use scape::control::RouterPurpose;
///
/// # let text = "router …";
/// let descriptor = PostDescriptor::new(text).purpose(RouterPurpose::Controller).cache(false);
/// # let _ = descriptor;
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before the command is given to post_descriptor()"]
pub struct PostDescriptor {
    text: Vec<u8>,
    purpose: Option<RouterPurpose>,
    cache: Option<bool>,
}

/// The result of [`Controller::post_descriptor`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PostedDescriptor {
    /// tor has added the descriptor.
    Added,
    /// The descriptor is valid, but tor hasn't added it. The text is tor's
    /// reason, for example `Router descriptor was not new.`
    NotAdded(String),
}

impl PostDescriptor {
    /// Creates a request to give tor the server descriptor with this text. By
    /// default tor uses the relay for general purposes, and doesn't store the
    /// descriptor on disk.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on(
    /// #     "+POSTDESCRIPTOR\nrouter relay07 …\n.", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::control::{PostDescriptor, PostedDescriptor};
    ///
    /// let descriptor = PostDescriptor::new("router relay07 …\n");
    /// assert_eq!(controller.post_descriptor(&descriptor)?, PostedDescriptor::Added);
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn new(text: impl Into<Vec<u8>>) -> Self {
        PostDescriptor { text: text.into(), purpose: None, cache: None }
    }

    /// Sets the purpose for which tor should use the relay. Default:
    /// [`RouterPurpose::General`].
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on(
    /// #     "+POSTDESCRIPTOR purpose=bridge\nrouter relay07 …\n.", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::control::{PostDescriptor, PostedDescriptor, RouterPurpose};
    ///
    /// let bridge = PostDescriptor::new("router relay07 …\n").purpose(RouterPurpose::Bridge);
    /// assert_eq!(controller.post_descriptor(&bridge)?, PostedDescriptor::Added);
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn purpose(mut self, purpose: RouterPurpose) -> Self {
        self.purpose = Some(purpose);
        self
    }

    /// Sets whether tor should store the descriptor on disk, so that tor still
    /// knows it after a restart. Default: false.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on(
    /// #     "+POSTDESCRIPTOR cache=yes\nrouter relay07 …\n.", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::control::{PostDescriptor, PostedDescriptor};
    ///
    /// let stored = PostDescriptor::new("router relay07 …\n").cache(true);
    /// assert_eq!(controller.post_descriptor(&stored)?, PostedDescriptor::Added);
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn cache(mut self, cache: bool) -> Self {
        self.cache = Some(cache);
        self
    }
}

/// Relay descriptors. See control-spec, command POSTDESCRIPTOR.
impl Controller {
    /// Gives a relay descriptor to tor.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on(
    /// #     "+POSTDESCRIPTOR\nrouter relay07 …\n.", "251 Router descriptor was not new.\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::control::{PostDescriptor, PostedDescriptor};
    ///
    /// # let text = "router relay07 …\n";
    /// match controller.post_descriptor(&PostDescriptor::new(text))? {
    ///     PostedDescriptor::NotAdded(why) => println!("{why}"),
    ///     _ => println!("added"),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if the descriptor is
    /// invalid or its signature is wrong (554), or if the purpose is unknown
    /// (552). A descriptor that tor doesn't want is not an error: see
    /// [`PostedDescriptor::NotAdded`].
    pub fn post_descriptor(&self, descriptor: &PostDescriptor) -> Result<PostedDescriptor> {
        let mut command = Command::build("POSTDESCRIPTOR");
        if let Some(purpose) = &descriptor.purpose {
            command.pair("purpose", purpose.as_str());
        }
        if let Some(cache) = descriptor.cache {
            command.pair("cache", if cache { "yes" } else { "no" });
        }
        let reply = self.request(command.data("descriptor", &descriptor.text).finish()?)?;
        match reply.code() {
            250 => Ok(PostedDescriptor::Added),
            251 => Ok(PostedDescriptor::NotAdded(
                String::from_utf8_lossy(reply.first().text).into_owned(),
            )),
            _ => Err(Error::answer("POSTDESCRIPTOR", reply.to_string())),
        }
    }
}
