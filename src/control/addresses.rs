//! MAPADDRESS: replacing names and addresses by others.

use std::fmt;
use std::sync::Arc;

use super::restorables::Kind;
use super::{Controller, WeakController, restorables};
use crate::error::{Error, Result};
use crate::io::connection::{CloseCause, Closed, PendingReply};
use scape_proto::control::{ArgumentError, ArgumentProblem, Command, Refusal, Reply, ReplyLine};
use scape_proto::info::MappingSource;

/// A name or address, and its replacement. When a client asks for the name or
/// address, tor uses the replacement.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Mapping {
    /// The replaced name or address, as tor writes it. If tor was asked to
    /// choose an unused address, this is the chosen address. An IPv6 address is
    /// in brackets.
    pub from: String,
    /// The name or address that replaces `from`.
    pub to: String,
}

impl fmt::Display for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.from, self.to)
    }
}

/// A mapping that is removed when this value is dropped. Returned by
/// [`Controller::mapped_address`].
///
/// This value doesn't keep the connection open. Mappings belong to tor and not
/// to a connection, so the mapping stays if the connection ends before the
/// value is dropped. If `from` was mapped to something else before, that
/// earlier mapping is not restored.
#[derive(Debug)]
#[must_use = "the mapping is removed when this is dropped"]
pub struct MappedAddress {
    controller: WeakController,
    mapping: Mapping,
    undone: bool,
}

impl MappedAddress {
    /// Returns the mapping.
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Returns the replaced name or address. If tor was asked to choose an
    /// unused address, this is the chosen address.
    pub fn from(&self) -> &str {
        &self.mapping.from
    }

    /// Returns the name or address that replaces [`from`](Self::from).
    pub fn to(&self) -> &str {
        &self.mapping.to
    }

    /// Removes the mapping and waits for tor's reply. Returns false if the
    /// mapping was gone already, because another program has removed it or has
    /// mapped the same name to something else. The other program's mapping
    /// stays.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("MAPADDRESS a.test=b.test", "250 a.test=b.test\r\n")
    /// #     .on("MAPADDRESS a.test=a.test", "250 a.test=a.test\r\n")
    /// #     .info("address-mappings/control", "a.test b.test NEVER").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let mapped = controller.mapped_address("a.test", "b.test")?;
    /// assert!(mapped.remove()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection has
    /// ended, or its last handle was dropped. In both cases the mapping stays
    /// until tor ends. The kind is
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't answer.
    pub fn remove(mut self) -> Result<bool> {
        self.undone = true;
        let Some(controller) = self.controller.upgrade() else {
            return Err(Closed::new(CloseCause::Local).into());
        };
        let controller = controller.in_one_call();
        self.forget(&controller);
        let controller = controller.on_this_link()?;
        let present = match controller.info().address_mappings(&MappingSource::Control) {
            Ok(mappings) => {
                mappings.into_iter().find(|now| now.from.eq_ignore_ascii_case(self.from()))
            }
            // A filter hides the mappings, so this one is removed in any case.
            Err(error) if error.is::<Refusal>() => {
                return controller.unmap_address(self.from()).map(|()| true);
            }
            Err(error) => return Err(error),
        };
        match present {
            Some(now) if now.to.eq_ignore_ascii_case(self.to()) => {
                controller.unmap_address(self.from()).map(|()| true)
            }
            _ => Ok(false),
        }
    }

    /// Removes the mapping from the list of what a reconnect restores. Sends
    /// nothing, so tor keeps the mapping for now.
    fn forget(&self, controller: &Controller) {
        let from = &self.mapping.from;
        controller.inner.session.restorables.set_mapping(from, from);
    }

    /// Leaves the mapping in place and returns it. It then stays until tor ends
    /// or until [`unmap_address`](Controller::unmap_address) removes it.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("MAPADDRESS a.test=b.test", "250 a.test=b.test\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let mapping = controller.mapped_address("a.test", "b.test")?.keep();
    /// assert_eq!(mapping.to_string(), "a.test=b.test");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn keep(mut self) -> Mapping {
        self.undone = true;
        self.mapping.clone()
    }
}

impl Drop for MappedAddress {
    fn drop(&mut self) {
        if self.undone {
            return;
        }
        let Some(controller) = self.controller.upgrade() else { return };
        // A drop shouldn't take long, so the reply isn't waited for.
        let from = &self.mapping.from;
        self.forget(&controller);
        let sent = pairs([(from, from)]).and_then(|(command, _)| controller.send(command));
        if let Err(error) = sent {
            log::debug!(target: "scape::connection", "{from} stays mapped: {error}");
        }
    }
}

/// Address mappings. See control-spec, command MAPADDRESS.
/// [`address_mappings`](crate::control::Info::address_mappings) returns the
/// mappings that tor has now.
impl Controller {
    /// Makes tor replace names and addresses by others whenever clients ask for
    /// them. Each pair is a name or address `from` and the replacement `to`. A
    /// mapping lasts until it is removed or tor ends. Returns one result for
    /// each pair, in order, because tor may accept some pairs and refuse
    /// others.
    ///
    /// * If `from` is `0.0.0.0`, `::` or `.`, tor chooses what to map: an
    ///   unused IPv4 address, an unused IPv6 address, or a name that ends in
    ///   `.virtual`. The result contains the chosen address or name.
    /// * The name `*.example.com` stands for `example.com` and all names that
    ///   end in `.example.com`. If `from` has this form, `to` may have it, too.
    /// * `to` may be an onion address, but without a trailing dot. With a
    ///   trailing dot, tor would ask an exit for the onion address.
    /// * A pair with the same text on both sides removes a mapping: see
    ///   [`unmap_address`](Self::unmap_address).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on(
    /// #     "MAPADDRESS 0.0.0.0=torproject.org x.test=b@d",
    /// #     "250-127.223.226.129=torproject.org\r\n512 syntax error: invalid address 'b@d'\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let answers = controller.map_address([("0.0.0.0", "torproject.org"), ("x.test", "b@d")])?;
    /// assert_eq!(answers[0].as_ref().unwrap().from, "127.223.226.129");
    /// assert!(answers[1].as_ref().unwrap_err().is_bad_argument());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if `from` or `to` is
    /// empty or can't be sent. The kind is the same if `to` is an onion address
    /// with a trailing dot. The kind is
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if tor refuses the
    /// whole command.
    ///
    /// The kind is [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor
    /// doesn't answer. If tor's answer comes later, this library removes the
    /// mappings, except those that the program has requested again meanwhile.
    ///
    /// If tor refuses a pair, the result for this pair is a [`Refusal`]. If tor
    /// has no unused address left, [`is_transient`](Refusal::is_transient) is
    /// true for the refusal. For any other refusal,
    /// [`is_bad_argument`](Refusal::is_bad_argument) is true.
    pub fn map_address<F: AsRef<str>, T: AsRef<str>>(
        &self,
        mappings: impl IntoIterator<Item = (F, T)>,
    ) -> Result<Vec<Result<Mapping, Refusal>>> {
        let (command, asked) = pairs(mappings)?;
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let shown = command.to_string();
        let tor = self.on_this_link()?.in_one_call();
        let late = asked.clone();
        let names = asked.iter().map(|pair| claimed(pair)).collect();
        let claim = Arc::new(self.inner.session.latest.claim(names, tor.deadline())?);
        // Held until the result is in the restorables.
        let held = claim.clone();
        let undo = move |tor: &Controller, reply: &Reply| {
            let Ok(mapped) = answers(reply, &late, "MAPADDRESS") else { return };
            let mapped = mapped.into_iter().zip(&late);
            let sent = claim.undo(|is_latest| {
                let back: Vec<_> = mapped
                    .filter(|(_, pair)| is_latest(&claimed(pair)))
                    .filter_map(|(mapping, _)| mapping.ok())
                    .filter(|mapping| mapping.from != mapping.to)
                    .map(|mapping| Mapping { to: mapping.from.clone(), from: mapping.from })
                    .collect();
                if back.is_empty() {
                    return None;
                }
                let restorables = &tor.inner.session.restorables;
                back.iter().for_each(|back| restorables.set_mapping(&back.from, &back.to));
                let (command, _) = pairs(back.iter().map(|back| (&back.from, &back.to))).ok()?;
                tor.send_checked(command).ok()
            });
            let _ = sent.map(PendingReply::wait);
        };
        let answers = answers(&tor.reply_or_undo(command, undo)?, &asked, &shown)?;
        for mapping in answers.iter().flatten() {
            let Mapping { from, to } = mapping;
            self.inner.session.restorables.set_mapping(from, to);
            if from == to {
                tor.not_given_back_claimed(&Kind::Mapping(from.clone()), &held)?;
            } else {
                tor.noted(&restorables::mapping_name(from, to))?;
            }
        }
        Ok(answers)
    }

    /// Removes a mapping. If there is no such mapping, nothing changes. If tor
    /// chose the mapped address, `from` is that address.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("MAPADDRESS a.test=a.test", "250 a.test=a.test\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// controller.unmap_address("a.test")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (512) if `from` is not
    /// a valid name or address.
    pub fn unmap_address(&self, from: &str) -> Result<()> {
        self.map_one(from, from).map(drop)
    }

    /// Replaces one name or address by another, as long as the returned
    /// [`MappedAddress`] lives. See [`map_address`](Self::map_address) for the
    /// forms that `from` and `to` may have.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("MAPADDRESS a.test=b.test", "250 a.test=b.test\r\n")
    /// #     .on("MAPADDRESS a.test=a.test", "250 a.test=a.test\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let mapped = controller.mapped_address("a.test", "b.test")?;
    /// assert_eq!(mapped.from(), "a.test");
    /// // Clients that ask for a.test get b.test, until here:
    /// mapped.remove()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if tor has no unused
    /// address left (451) or can't map the pair (512). Otherwise the same
    /// errors as [`map_address`](Self::map_address).
    pub fn mapped_address(&self, from: &str, to: &str) -> Result<MappedAddress> {
        let mapping = self.map_one(from, to)?;
        Ok(MappedAddress { controller: self.downgrade(), mapping, undone: false })
    }

    fn map_one(&self, from: &str, to: &str) -> Result<Mapping> {
        match self.map_address([(from, to)])?.pop() {
            Some(answer) => Ok(answer?),
            None => Err(Error::answer("MAPADDRESS", "nothing")),
        }
    }
}

/// Returns the name that a call claims for a pair `FROM=TO` (see
/// [`latest`](super::latest)). The name is made from FROM. If tor is asked to
/// choose the mapped address, the name is made from the whole pair, because tor
/// chooses the same address again for the same TO.
fn claimed(pair: &str) -> String {
    match pair.split_once('=') {
        Some((from, _)) if !matches!(from, "0.0.0.0" | "::" | "[::]" | "[::0]" | ".") => {
            Kind::Mapping(from.to_owned()).claimed()
        }
        _ => Kind::Mapping(pair.to_owned()).claimed(),
    }
}

/// Returns the MAPADDRESS command for these pairs, and the text of each pair.
/// Returns an error if tor couldn't read a pair, or if a pair would make tor
/// ask an exit for an onion address.
fn pairs<F: AsRef<str>, T: AsRef<str>>(
    mappings: impl IntoIterator<Item = (F, T)>,
) -> Result<(Command, Vec<String>)> {
    let mut command = Command::build("MAPADDRESS");
    let mut asked = Vec::new();
    for (from, to) in mappings {
        let (from, to) = (from.as_ref(), to.as_ref());
        for (name, side) in [("address that is mapped", from), ("address to map to", to)] {
            if side.is_empty() {
                command.fail(ArgumentError::new("MAPADDRESS", name, ArgumentProblem::Empty));
            }
            // tor splits at the first `=`, and doesn't parse quotes here.
            if let Some((position, character)) =
                side.char_indices().find(|(_, c)| matches!(c, '=' | '"' | '\''))
            {
                let problem = ArgumentProblem::Character { character, position };
                command.fail(ArgumentError::new("MAPADDRESS", name, problem));
            }
        }
        let pair = format!("{from}={to}");
        command.word("mapping", &pair);
        asked.push(pair);
    }
    Ok((command.finish()?, asked))
}

/// Reads tor's result for each pair. tor answers each pair with a line of its
/// own, and the code of the last line says nothing about the other lines.
fn answers(
    reply: &Reply,
    asked: &[String],
    command: &str,
) -> Result<Vec<Result<Mapping, Refusal>>> {
    let own = |line: ReplyLine<'_>| matches!(line.code, 250 | 451 | 512);
    if reply.len() != asked.len() || !reply.lines().all(own) {
        return Err(match reply.refusal(&command) {
            Some(refusal) => refusal.into(),
            None => Error::answer(command, reply.to_string()),
        });
    }
    reply.lines().zip(asked).map(|(line, asked)| answer(line, asked)).collect()
}

fn answer(line: ReplyLine<'_>, asked: &str) -> Result<Result<Mapping, Refusal>> {
    let text = String::from_utf8_lossy(line.text).into_owned();
    if line.code != 250 {
        return Ok(Err(Refusal::new(format!("MAPADDRESS {asked}"), vec![(line.code, text)])));
    }
    match text.split_once('=') {
        Some((from, to)) => Ok(Ok(Mapping { from: from.to_owned(), to: to.to_owned() })),
        None => Err(Error::answer(format!("MAPADDRESS {asked}"), text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use scape_proto::control::Decoder;

    fn reply(text: &str) -> Reply {
        let mut decoder = Decoder::default();
        decoder.feed(text.as_bytes());
        decoder.next_reply().unwrap().unwrap()
    }

    #[test]
    fn mappings_to_onion_names_with_trailing_dot_are_refused() {
        for to in ["abc.onion.", "www.abc.ONION.", "abc.onion..", "*.abc.onion.", "*."] {
            let error = pairs([("a.example", to)]).unwrap_err().to_string();
            assert!(
                error.contains("trailing dot") && error.ends_with("nothing was sent"),
                "{error}"
            );
        }
        // Names with a dot can be mapped to the right name, and such a mapping
        // can be removed.
        for (from, to) in
            [("abc.onion.", "abc.onion"), ("a.example", "b.example."), ("abc.onion.", "abc.onion.")]
        {
            assert!(pairs([(from, to)]).is_ok(), "{from}={to}");
        }
    }

    proptest! {
        #[test]
        fn mapping_in_the_answer_is_the_requested_one(
            from in "[!#-&(-<>-~]{1,20}",
            // With a trailing dot, the name may be refused.
            to in "[!#-&(-<>-~]{0,19}[!#-&(-\\-/-<>-~]",
        ) {
            let (command, asked) = pairs([(&from, &to)]).unwrap();
            let wire = format!("MAPADDRESS {from}={to}\r\n");
            prop_assert_eq!(command.wire(), wire.as_bytes());
            let told = answers(&reply(&format!("250 {}\r\n", asked[0])), &asked, "").unwrap();
            let mapping = Mapping { from, to };
            prop_assert_eq!(mapping.to_string(), asked[0].as_str());
            prop_assert_eq!(told, [Ok(mapping)]);
        }

        #[test]
        fn any_pair_is_two_words_or_refused(from in any::<String>(), to in any::<String>()) {
            if let Ok((command, _)) = pairs([(&from, &to)]) {
                let words = command.wire().split(|b| b.is_ascii_whitespace());
                let words = words.filter(|w| !w.is_empty());
                prop_assert_eq!(words.count(), 2);
            }
        }
    }
}
