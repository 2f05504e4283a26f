//! The replies of a scripted tor to commands, which may come in any order.

use std::collections::BTreeMap;

pub(super) const PROTOCOLINFO: &str =
    "250-PROTOCOLINFO 1\r\n250-AUTH METHODS=NULL\r\n250-VERSION Tor=\"0.4.9.11\"\r\n250 OK\r\n";

/// A function that returns the reply to a command, or `None` if it doesn't
/// answer this command.
pub(super) type Answer = Box<dyn FnMut(&str) -> Option<Vec<u8>> + Send>;

#[derive(Default)]
pub(super) struct Answers {
    /// The answers in the order in which they were added. Later ones take
    /// precedence over earlier ones.
    given: Vec<Answer>,
    info: BTreeMap<String, String>,
}

impl Answers {
    pub(super) fn exact(&mut self, expected: String, reply: Vec<u8>) {
        self.any(Box::new(move |command| (command == expected).then(|| reply.clone())));
    }

    pub(super) fn prefix(&mut self, prefix: String, reply: Vec<u8>) {
        self.any(Box::new(move |command| command.starts_with(&prefix).then(|| reply.clone())));
    }

    pub(super) fn any(&mut self, answer: Answer) {
        self.given.push(answer);
    }

    pub(super) fn info(&mut self, key: String, value: String) {
        self.info.insert(key, value);
    }

    /// Returns the reply to `command`. If several answers have a reply, the
    /// latest answer counts. If no answer has a reply, returns the reply of a
    /// tor that needs no authentication.
    pub(super) fn to(&mut self, command: &str) -> Vec<u8> {
        if let Some(reply) = self.given.iter_mut().rev().find_map(|answer| answer(command)) {
            return reply;
        }
        let mut words = command.split_ascii_whitespace();
        let keyword = words.next().unwrap_or_default();
        match keyword.to_ascii_uppercase().as_str() {
            "PROTOCOLINFO" => PROTOCOLINFO.into(),
            "AUTHENTICATE" | "SETEVENTS" => "250 OK\r\n".into(),
            "QUIT" => "250 closing connection\r\n".into(),
            "GETINFO" if !self.info.is_empty() => self.getinfo(&words.collect::<Vec<_>>()),
            _ => format!("510 Unrecognized command \"{keyword}\"\r\n").into(),
        }
    }

    /// Returns the reply to a GETINFO of `keys`. If at least one key has no
    /// value, the whole reply is an error, like the reply of tor.
    fn getinfo(&self, keys: &[&str]) -> Vec<u8> {
        let mut reply = String::new();
        for key in keys {
            match self.info.get(*key) {
                None => return format!("552 Unrecognized key \"{key}\"\r\n").into(),
                Some(value) if value.contains('\n') => {
                    reply += &format!("250+{key}=\r\n");
                    for line in value.lines() {
                        let stuffing = if line.starts_with('.') { "." } else { "" };
                        reply += &format!("{stuffing}{line}\r\n");
                    }
                    reply += ".\r\n";
                }
                Some(value) => reply += &format!("250-{key}={value}\r\n"),
            }
        }
        (reply + "250 OK\r\n").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(answers: &mut Answers, command: &str) -> String {
        String::from_utf8(answers.to(command)).unwrap()
    }

    #[test]
    fn later_answers_take_precedence_over_earlier_ones() {
        let mut answers = Answers::default();
        answers.prefix("GETINFO".into(), b"1".to_vec());
        answers.exact("GETINFO version".into(), b"2".to_vec());
        answers.any(Box::new(|command| command.ends_with("uptime").then(|| b"3".to_vec())));
        assert_eq!(to(&mut answers, "GETINFO version"), "2");
        assert_eq!(to(&mut answers, "GETINFO uptime"), "3");
        assert_eq!(to(&mut answers, "GETINFO other"), "1");
    }

    #[test]
    fn commands_without_an_answer_get_the_reply_of_a_plain_tor() {
        let mut answers = Answers::default();
        assert_eq!(to(&mut answers, "authenticate"), "250 OK\r\n");
        assert_eq!(to(&mut answers, "FROB it"), "510 Unrecognized command \"FROB\"\r\n");
        assert_eq!(to(&mut answers, ""), "510 Unrecognized command \"\"\r\n");
        answers.exact("AUTHENTICATE".into(), b"515 no\r\n".to_vec());
        assert_eq!(to(&mut answers, "AUTHENTICATE"), "515 no\r\n");
    }

    #[test]
    fn getinfo_returns_all_keys_or_an_error() {
        let mut answers = Answers::default();
        answers.info("version".into(), "0.4.9.11".into());
        answers.info("config-text".into(), "A 1\n.B 2\n".into());
        assert_eq!(
            to(&mut answers, "GETINFO version config-text"),
            "250-version=0.4.9.11\r\n250+config-text=\r\nA 1\r\n..B 2\r\n.\r\n250 OK\r\n"
        );
        assert_eq!(to(&mut answers, "GETINFO version x"), "552 Unrecognized key \"x\"\r\n");
    }
}
