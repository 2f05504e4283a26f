//! Keeps authentication on at the control ports of a launched tor while its
//! configuration is changed.
//!
//! [`Launch`](super::Launch) turns authentication on. A LOADCONF would turn it
//! off by not naming it, a RESETCONF by resetting it, and a SETCONF by clearing
//! the only password. Such a command is amended before it is sent. A program
//! that sets `CookieAuthentication` to 0 means it, and is obeyed.

use super::options::is_name_of;
use crate::config::Torrc;
use crate::error::Result;
use crate::protocol::{Command, Word, Words, loadconf};

const COOKIE: &str = "CookieAuthentication";
const COOKIE_FILE: &str = "CookieAuthFile";
const PASSWORDS: [&str; 2] = ["HashedControlPassword", "__HashedControlSessionPassword"];

/// Amends a SETCONF, RESETCONF or LOADCONF. `cookie_file` is where tor is to
/// write its cookie, if that is another place than tor's own.
pub(super) fn amend(command: Command, cookie_file: Option<&[u8]>) -> Result<Command> {
    if command.keyword().eq_ignore_ascii_case("LOADCONF") {
        amend_text(command, cookie_file)
    } else if is_turned_off(&command) {
        Ok(command.with_pair(COOKIE, "1")?)
    } else {
        Ok(command)
    }
}

/// Returns true if a SETCONF or RESETCONF takes away the cookie or a password,
/// and doesn't say what `CookieAuthentication` is to be.
fn is_turned_off(command: &Command) -> bool {
    let mut words = Words::new(command.line());
    // The keyword.
    words.next_text();
    let mut cookie = None;
    let mut passwords = [None; PASSWORDS.len()];
    for word in words {
        let (name, is_set) = match &word {
            Word::Pair(name, value) => ((*name).to_owned(), !value.text().trim().is_empty()),
            Word::Bare(value) => (value.text().into_owned(), false),
        };
        if is_name_of(&name, COOKIE) {
            cookie = Some(is_set);
        }
        for (password, option) in passwords.iter_mut().zip(PASSWORDS) {
            if is_name_of(&name, option) {
                *password = Some(password.unwrap_or(false) || is_set);
            }
        }
    }
    cookie == Some(false) || (cookie.is_none() && passwords.contains(&Some(false)))
}

/// Puts `CookieAuthentication 1` before a torrc that has neither that option
/// nor a password. Before, because tor takes the last value of an option: what
/// the torrc includes still counts.
fn amend_text(command: Command, cookie_file: Option<&[u8]>) -> Result<Command> {
    let text = command.data().unwrap_or_default();
    let has = |option: &str| loadconf::sets(text, |name| is_name_of(name, option));
    if has(COOKIE) || PASSWORDS.iter().any(|option| has(option)) {
        return Ok(command);
    }
    let mut first = Torrc::new();
    first.push(COOKIE, b"1")?;
    if let Some(file) = cookie_file.filter(|_| !has(COOKIE_FILE)) {
        first.push(COOKIE_FILE, file)?;
    }
    let lines: Vec<u8> = first
        .to_bytes()
        .split(|b| *b == b'\n')
        .filter(|line| !line.is_empty())
        .fold(Vec::new(), |mut lines, line| {
            lines.extend_from_slice(line);
            lines.extend_from_slice(b"\r\n");
            lines
        });
    Ok(command.with_data_before(&lines)?)
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
    fn cookie_is_turned_on_where_authentication_would_be_lost_without_a_word() {
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
        assert_eq!(loaded("CookieAuthentication\n"), format!("{first}CookieAuthentication|.|"));
        assert_eq!(loaded("# CookieAuth 0\n"), format!("{first}# CookieAuth 0|.|"));
        let own_file = "+LOADCONF|CookieAuthentication 1|CookieAuthFile /x|.|";
        assert_eq!(loaded("CookieAuthFile /x\n"), own_file);
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
