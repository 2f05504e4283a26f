//! Hides secrets in lines of text: the passwords and private keys that the
//! library recognizes.

use scape::control::{Command, REDACTED, is_secret_option};

/// The word that is put in front of a text that isn't a command. The library
/// searches only commands for secrets, so the text must look like one. The word
/// must not be the keyword of a real command.
const NO_COMMAND: &str = "TEXT ";
/// The minimum length of a word that counts as the name of a secret option. The
/// library also recognizes abbreviated names, but tor writes whole names.
const SHORTEST: usize = 8;

/// Returns true if a line may be kept in a history: if it isn't empty, doesn't
/// begin with a space, and contains no secrets.
pub(crate) fn may_be_kept(line: &str) -> bool {
    if line.trim().is_empty() || line.starts_with(' ') {
        return false;
    }
    let line = line.trim();
    // The commands of the prompt contain no secrets.
    if line.starts_with('/') {
        return true;
    }
    let data = line.starts_with('+').then_some(&b""[..]);
    // Without secrets, the shown command begins with the line. The data
    // follows.
    Command::raw(line, data).is_ok_and(|shown| shown.to_string().starts_with(line))
}

/// Returns a command with its secrets replaced by `[redacted]`. Only the first
/// word of an invalid command is shown, because any other word may be a secret.
pub(crate) fn redacted_command(line: &str) -> String {
    // A line that begins with `+` is a valid command only together with its
    // data, so the `+` is removed.
    let (mark, command) = match line.strip_prefix('+') {
        Some(command) => ("+", command),
        None => ("", line),
    };
    let shown = match Command::raw(command, None) {
        Ok(command) => command.to_string(),
        Err(_) => match command.split_once(|letter: char| !letter.is_ascii_alphanumeric()) {
            Some((keyword, _)) => format!("{keyword} {REDACTED}"),
            None => command.to_owned(),
        },
    };
    format!("{mark}{shown}")
}

/// Returns a line with its secrets replaced by `[redacted]`. The line may be
/// from a reply, a torrc or the log.
pub(crate) fn redacted(line: &str) -> String {
    // The status of a reply, such as `250-`, isn't part of the first word.
    let (status, text) = match line.as_bytes() {
        [a, b, c, b'-' | b'+' | b' ', ..] if [a, b, c].iter().all(|byte| byte.is_ascii_digit()) => {
            line.split_at_checked(4).unwrap_or(("", line))
        }
        _ => ("", line),
    };
    // The value of an option may contain spaces, so everything after the name
    // is replaced.
    let is_end = |letter: char| letter == '=' || letter.is_whitespace();
    if let Some((name, _)) = text.trim_start().split_once(is_end)
        && name.len() >= SHORTEST
        && is_secret_option(name)
    {
        return format!("{status}{name} {REDACTED}");
    }
    let Ok(shown) = Command::raw(&format!("{NO_COMMAND}{text}"), None) else {
        return format!("{status}{REDACTED}");
    };
    let shown = shown.to_string();
    format!("{status}{}", shown.strip_prefix(NO_COMMAND).unwrap_or(REDACTED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_secrets_are_not_kept() {
        for kept in ["GETINFO version", "/info relay1", "+LOADCONF", "SETCONF Nickname=a"] {
            assert!(may_be_kept(kept), "{kept}");
        }
        for dropped in [
            "",
            " GETINFO version",
            "AUTHENTICATE \"sesame\"",
            "SETCONF HashedControlPassword=16:00",
            "ADD_ONION ED25519-V3:abcd Port=80",
            "ONION_CLIENT_AUTH_ADD abc x25519:abcd",
        ] {
            assert!(!may_be_kept(dropped), "{dropped}");
        }
    }

    #[test]
    fn secrets_are_replaced_in_commands_and_other_lines() {
        for line in ["GETINFO version", "+LOADCONF", "SIGNAL NEWNYM", "strange"] {
            assert_eq!(redacted_command(line), line);
        }
        for line in ["AUTHENTICATE \"sesame\"", "SETCONF HashedControlPassword=sesame"] {
            let shown = redacted_command(line);
            assert!(shown.contains(REDACTED) && !shown.contains("sesame"), "{shown}");
        }
        for (line, expected) in
            [("ä sesame", " [redacted]"), ("strange? sesame", "strange [redacted]")]
        {
            assert_eq!(redacted_command(line), expected);
        }
        for line in ["", "250 OK", "250-version=Tor", "Opened Socks listener on [::1]:9050"] {
            assert_eq!(redacted(line), line);
        }
        for line in [
            "250-HashedControlPassword=16:AB12",
            "HashedControlPassword 16:AB12",
            "250 Socks5ProxyPassword=two AB12",
            "  HTTPSProxyAuthenticator\tuser:two AB12",
            "250-PrivateKey=ED25519-V3:16:AB12",
            "250-CLIENT duckduckgo x25519:AB12 Flags=Permanent",
            "Jan 02 03:04:05.000 HashedControlPassword=AB12 is wrong",
        ] {
            let shown = redacted(line);
            assert!(shown.contains(REDACTED) && !shown.contains("AB12"), "{shown}");
        }
    }
}
