//! Keeps authentication on for the control ports of a launched tor when a
//! program changes tor's configuration.
//!
//! [`Launch`](super::Launch) turns authentication on, by the cookie (the option
//! `CookieAuthentication`) or a password. Three commands could turn
//! authentication off as a side effect: a LOADCONF that sets neither the cookie
//! nor a password, a RESETCONF of the cookie or a password, and a SETCONF that
//! clears one of them. `CookieAuthentication 1` is added to such a command
//! before it is sent. A command that sets `CookieAuthentication` to 0
//! explicitly is sent unchanged.

use std::borrow::Cow;

use super::options::is_name_of;
use crate::error::Result;
use crate::live::config::Torrc;
use scape_proto::control::loadconf::{self, Said};
use scape_proto::control::{Command, Word, Words};

const COOKIE: &str = "CookieAuthentication";
const COOKIE_FILE: &str = "CookieAuthFile";
const PASSWORDS: [&str; 2] = ["HashedControlPassword", "__HashedControlSessionPassword"];

/// Returns `command`, a SETCONF, RESETCONF or LOADCONF. Amends the command if
/// it would turn off authentication as a side effect. `cookie_file` is the path
/// of the cookie file, or `None` for tor's default path.
pub(super) fn amend(command: Command, cookie_file: Option<&[u8]>) -> Result<Command> {
    if command.keyword().eq_ignore_ascii_case("LOADCONF") {
        amend_text(command, cookie_file)
    } else if is_turned_off(&command) {
        Ok(command.with_pair(COOKIE, "1")?)
    } else {
        Ok(command)
    }
}

/// Returns true if a SETCONF or RESETCONF removes the cookie or a password and
/// doesn't set `CookieAuthentication`.
fn is_turned_off(command: &Command) -> bool {
    let mut words = Words::new(command.line());
    // Skip the keyword.
    words.next_text();
    let mut cookie = None;
    let mut passwords = [None; PASSWORDS.len()];
    for word in words {
        let name = match &word {
            Word::Pair(name, _) => Cow::Borrowed(*name),
            Word::Bare(name) => name.text(),
        };
        // Values of other options aren't read, because unquoting would copy
        // them and they may be secrets.
        let is_set = || matches!(&word, Word::Pair(_, value) if !value.text().trim().is_empty());
        if is_name_of(&name, COOKIE) {
            cookie = Some(is_set());
        }
        for (password, option) in passwords.iter_mut().zip(PASSWORDS) {
            if is_name_of(&name, option) {
                *password = Some(password.unwrap_or(false) || is_set());
            }
        }
    }
    cookie == Some(false) || (cookie.is_none() && passwords.contains(&Some(false)))
}

/// Adds `CookieAuthentication 1` to a torrc that sets neither that option nor a
/// password.
///
/// If the torrc doesn't name the option, the line is added at the beginning.
/// tor uses the last value, so a file that the torrc includes can still set the
/// option. If the torrc clears the option, the line is added at the end,
/// because the torrc would otherwise clear the added value, too.
fn amend_text(command: Command, cookie_file: Option<&[u8]>) -> Result<Command> {
    // Without data, tor refuses the command, and an added line would become a
    // command of its own.
    let Some(text) = command.data() else { return Ok(command) };
    let said =
        |option: &str, is_list| loadconf::last_said(text, is_list, |name| is_name_of(name, option));
    let has_password = || PASSWORDS.iter().any(|option| said(option, true) == Said::Set);
    if said(COOKIE, false) == Said::Set || has_password() {
        return Ok(command);
    }
    let (mut before, mut after) = (Torrc::new(), Torrc::new());
    for (option, value) in [(COOKIE, Some(&b"1"[..])), (COOKIE_FILE, cookie_file)] {
        match (said(option, false), value) {
            (Said::Nothing, Some(value)) => before.push(option, value)?,
            (Said::Cleared, Some(value)) => after.push(option, value)?,
            _ => {}
        }
    }
    Ok(command.with_data_around(&on_the_wire(&before), &on_the_wire(&after))?)
}

/// Returns the lines of a torrc in the form in which they are sent: each ends
/// with CRLF.
fn on_the_wire(torrc: &Torrc) -> Vec<u8> {
    let text = torrc.to_bytes();
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.flat_map(|line| [line, b"\r\n"].concat()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amended(line: &str) -> String {
        let command = amend(Command::raw(line, None).unwrap(), None).unwrap();
        String::from_utf8(command.wire().to_vec()).unwrap().trim_end().to_owned()
    }

    fn loaded(text: &str) -> String {
        let command = Command::build("LOADCONF").data("torrc", text.as_bytes()).finish().unwrap();
        let command = amend(command, Some(b"/run/a b/cookie")).unwrap();
        String::from_utf8(command.wire().to_vec()).unwrap().replace("\r\n", "|")
    }

    #[test]
    fn cookie_is_turned_on_if_authentication_would_be_lost_silently() {
        let with = |line: &str| assert_eq!(amended(line), format!("{line} CookieAuthentication=1"));
        with("RESETCONF CookieAuthentication");
        with("resetconf ContactInfo cookieauth");
        with("SETCONF CookieAuthentication");
        with("SETCONF CookieAuthentication=\"\" ContactInfo=me");
        with("RESETCONF HashedControlPassword");
        with("SETCONF HashedControlPass= ControlPort=auto");
        with("SETCONF __HashedControlSessionPassword=\"\"");
    }

    #[test]
    fn other_changes_and_explicit_ones_are_left_alone() {
        for line in [
            "SETCONF CookieAuthentication=0",
            "SETCONF ControlPort=auto CookieAuthentication=\"0\"",
            "RESETCONF HashedControlPassword CookieAuthentication=0",
            "SETCONF HashedControlPassword=16:872860B7",
            "SETCONF ControlPort=auto CookieAuthFile=",
            "RESETCONF ControlPort",
        ] {
            assert_eq!(amended(line), line);
        }
        for text in ["CookieAuthentication 0\n", "+cookieauth 1\n", "HashedControlPass 16:AA\n"] {
            assert!(!loaded(text).contains("CookieAuthentication 1|"), "{text}");
        }
    }

    #[test]
    fn torrc_without_authentication_gets_it_first() {
        let first = "+LOADCONF|CookieAuthentication 1|CookieAuthFile /run/a b/cookie|";
        assert_eq!(loaded("ControlPort auto\n.x\n"), format!("{first}ControlPort auto|..x|.|"));
        assert_eq!(loaded("# CookieAuth 0\n"), format!("{first}# CookieAuth 0|.|"));
        let own_file = "+LOADCONF|CookieAuthentication 1|CookieAuthFile /x|.|";
        assert_eq!(loaded("CookieAuthFile /x\n"), own_file);
        let cleared = "+HashedControlPassword 16:AA\n/HashedControlPassword\n";
        let lines = cleared.replace('\n', "|");
        assert_eq!(loaded(cleared), format!("{first}{lines}.|"));
        // tor ignores the line of a list option without a value.
        let kept = "HashedControlPassword 16:AA\nHashedControlPassword\n";
        assert!(!loaded(kept).contains("CookieAuth"), "{}", loaded(kept));
    }

    #[test]
    fn torrc_that_clears_the_cookie_gets_it_behind_the_clearing_line() {
        let last = "|CookieAuthentication 1|.|";
        let first = "+LOADCONF|CookieAuthFile /run/a b/cookie|";
        for torrc in [
            "CookieAuthentication",
            "/CookieAuthentication",
            "CookieAuthentication 1|/CookieAuthentication 1",
            "CookieAuth 0|cookieauth \"\"",
            // The empty line ends the continued line.
            "CookieAuthentication|ContactInfo a\\",
        ] {
            let sent = loaded(&format!("{}\n", torrc.replace('|', "\n")));
            assert_eq!(sent, format!("{first}{torrc}|{last}"));
        }
        assert!(!loaded("/CookieAuthentication\nCookieAuthentication 0\n").contains("n 1|"));
        let file = "CookieAuthentication\nCookieAuthFile /x\n/CookieAuthFile\n";
        let expected = "|CookieAuthentication 1|CookieAuthFile /run/a b/cookie|.|";
        assert!(loaded(file).ends_with(expected), "{}", loaded(file));
    }

    #[test]
    fn loadconf_without_data_is_left_alone() {
        assert_eq!(amended("LOADCONF"), "LOADCONF");
        assert_eq!(amended("loadconf x"), "loadconf x");
    }

    #[test]
    fn secrets_stay_hidden_in_an_amended_command() {
        let command = Command::raw(
            "RESETCONF CookieAuth Socks5ProxyPassword=hunter22 HashedControlPassword",
            None,
        );
        let shown = amend(command.unwrap(), None).unwrap().to_string();
        assert!(
            shown.ends_with("CookieAuthentication=1") && !shown.contains("hunter22"),
            "{shown}"
        );
    }
}
