//! A control port behind a filter that works like onion-grater (Tails, Whonix).
//! Commands that the filter's profile doesn't name get `510 Command filtered`.
//! The profile's patterns rewrite lines of replies and events.
#![allow(dead_code, reason = "each test uses a part")]

use scape::testing::{ScriptedTor, ScriptedTorBuilder};

/// A pattern and its replacement, as in a profile. In the pattern, `*` stands
/// for `(\S+)` and `_` for `\S+`. At the end, `(+)` stands for `(.+)` and `+`
/// for `.+`. Each `{}` in the replacement is replaced by the next captured
/// text. An empty replacement drops the line.
pub(crate) type Rule = (&'static str, &'static str);

/// The commands and events that a filter allows, and the rules that rewrite
/// their text.
#[derive(Clone, Copy)]
pub(crate) struct Profile {
    /// The beginnings of allowed commands.
    pub(crate) commands: &'static [&'static str],
    /// The events that may be subscribed to.
    pub(crate) events: &'static [&'static str],
    /// The rules that rewrite lines of replies. The first rule that matches a
    /// line is applied.
    pub(crate) replies: &'static [Rule],
    /// The rules that rewrite events.
    pub(crate) rewritten: &'static [Rule],
}

/// The commands that are allowed by all profiles for programs with onion
/// services.
const COMMANDS: &[&str] = &["ADD_ONION ", "DEL_ONION "];

/// Whonix's profile for OnionShare. Events that no rule matches are replaced by
/// a line that is not a control reply.
pub(crate) const ONIONSHARE: Profile = Profile {
    commands: &["ADD_ONION ", "DEL_ONION ", "GETINFO onions/current", "GETINFO version"],
    events: &["HS_DESC"],
    replies: &[("250-PrivateKey=*", "250-PrivateKey=ED25519-V3:redacted")],
    rewritten: &[
        ("650 HS_DESC CREATED * * * _ (+)", "650 HS_DESC CREATED {} {} {} redacted {}"),
        ("650 HS_DESC UPLOAD * * +", "650 HS_DESC UPLOAD {} {} redacted redacted"),
        ("650 HS_DESC UPLOADED * * +", "650 HS_DESC UPLOADED {} {} redacted"),
        ("650 HS_DESC CREATED * _ _ _", "650 HS_DESC CREATED {} redacted redacted redacted"),
        ("650 +", "XXXredactedXXX"),
    ],
};

/// A profile with the events of Whonix's profiles for Cwtch and Haveno, and of
/// Tails' profile for OnionShare. Events that no rule matches are dropped.
pub(crate) const CWTCH: Profile = Profile {
    commands: COMMANDS,
    events: &["HS_DESC"],
    replies: &[],
    rewritten: &[
        ("650 HS_DESC CREATED * * * _ (+)", "650 HS_DESC CREATED {} {} {} redacted {}"),
        ("650 HS_DESC UPLOAD * * +", "650 HS_DESC UPLOAD {} {} redacted redacted"),
        ("650 HS_DESC UPLOADED * * +", "650 HS_DESC UPLOADED {} {} redacted"),
        ("650 +", ""),
    ],
};

/// A profile with the events of Whonix's profile for Bisq. Events about the
/// beginning of an upload name the directory. Events about the end don't.
pub(crate) const BISQ: Profile = Profile {
    commands: COMMANDS,
    events: &["HS_DESC"],
    replies: &[],
    rewritten: &[
        ("650 HS_DESC CREATED * * * _ (+)", "650 HS_DESC CREATED {} {} {} redacted {}"),
        ("650 HS_DESC FAILED * _ _ _ (+)", "650 HS_DESC FAILED {} redacted redacted redacted {}"),
        ("650 HS_DESC UPLOAD * * * * *", "650 HS_DESC UPLOAD {} {} {} {} {}"),
        ("650 HS_DESC UPLOADED * * +", "650 HS_DESC UPLOADED {} {} redacted"),
        ("650 +", ""),
    ],
};

/// Whonix's profile for Ricochet, which hides descriptor events.
pub(crate) const RICOCHET: Profile =
    Profile { commands: COMMANDS, events: &["STATUS_CLIENT"], replies: &[], rewritten: &[] };

impl Profile {
    /// Returns a scripted tor behind this filter. `tor` is called with each
    /// allowed command, and returns the reply and the events that follow it.
    pub(crate) fn in_front_of(
        self,
        mut tor: impl FnMut(&str) -> String + Send + 'static,
    ) -> ScriptedTorBuilder {
        ScriptedTor::builder().on_any(move |line| {
            let keyword = line.split(' ').next().unwrap_or_default();
            Some(match keyword {
                "PROTOCOLINFO" | "AUTHENTICATE" | "QUIT" => return None,
                "SETEVENTS"
                    if line.split(' ').skip(1).all(|event| self.events.contains(&event)) =>
                {
                    "250 OK\r\n".into()
                }
                _ if keyword != "SETEVENTS" && self.lets_through(line) => {
                    self.rewrite(&tor(line)).into()
                }
                _ => "510 Command filtered\r\n".into(),
            })
        })
    }

    fn lets_through(&self, line: &str) -> bool {
        self.commands.iter().any(|allowed| line.starts_with(allowed))
    }

    /// Returns the text `said`, with each line rewritten by the profile's
    /// rules.
    fn rewrite(&self, said: &str) -> String {
        let rewrite = |line: &str| {
            let rules = if line.starts_with("650") { self.rewritten } else { self.replies };
            rules.iter().find_map(|rule| apply(*rule, line)).unwrap_or_else(|| line.to_owned())
        };
        said.lines()
            .map(rewrite)
            .filter(|line| !line.is_empty())
            .map(|line| line + "\r\n")
            .collect()
    }
}

/// Returns the line rewritten by a rule, or `None` if the rule doesn't match.
fn apply((pattern, replacement): Rule, line: &str) -> Option<String> {
    let mut rewritten = replacement.to_owned();
    let mut rest = line;
    let tokens: Vec<&str> = pattern.split(' ').collect();
    for (at, token) in tokens.iter().enumerate() {
        let is_last = at + 1 == tokens.len();
        let word = match (is_last, rest.split_once(' ')) {
            (false, Some((word, later))) => {
                rest = later;
                word
            }
            (true, _) if token.ends_with('+') || token.ends_with("+)") => rest,
            (true, None) => rest,
            _ => return None,
        };
        if word.is_empty() {
            return None;
        }
        let captured = match *token {
            "(+)" => Some(word),
            "+" | "_" => None,
            _ => match token.strip_suffix('*') {
                Some(before) => Some(word.strip_prefix(before)?),
                None if word == *token => None,
                None => return None,
            },
        };
        if let Some(captured) = captured {
            rewritten = rewritten.replacen("{}", captured, 1);
        }
    }
    Some(rewritten)
}
