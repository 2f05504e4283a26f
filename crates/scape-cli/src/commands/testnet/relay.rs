//! Parses the relays and bridges of a private network from the command line.

use std::str::FromStr;

use scape::testing::RelayOptions;
use serde::{Deserialize, Serialize};

/// The settings of a relay or bridge, such as
/// `nickname=fast,bandwidth=20000,exit=false`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Relay {
    settings: Vec<Setting>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Setting {
    Nickname(String),
    Bandwidth(u32),
    Exit(bool),
    Guard(bool),
    Family(String),
    Country(String),
    Transport(String),
    /// The name and the value of an option of torrc.
    Option(String, String),
}

impl FromStr for Relay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words = text.split(',').filter(|word| !word.is_empty());
        Ok(Relay { settings: words.map(setting).collect::<Result<_, _>>()? })
    }
}

fn setting(word: &str) -> Result<Setting, String> {
    let (name, given) = match word.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (word, None),
    };
    let value = given.unwrap_or("true");
    if given.is_none_or(str::is_empty) && NAMED.contains(&name) {
        return Err(format!("{name} needs a value, such as {name}=NAME"));
    }
    let flag = || match value {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err(format!("{name}: {value:?} must be true or false")),
    };
    Ok(match name {
        "nickname" => Setting::Nickname(value.into()),
        "bandwidth" => {
            let error =
                |_| format!("bandwidth: {value:?} must be a number of kilobytes per second");
            Setting::Bandwidth(value.parse().map_err(error)?)
        }
        "exit" => Setting::Exit(flag()?),
        "guard" => Setting::Guard(flag()?),
        "family" => Setting::Family(value.into()),
        "country" => Setting::Country(value.into()),
        "transport" if !is_transport(value) => {
            return Err(format!(
                "transport: {value:?} must consist of letters, digits and _, and not begin with a digit"
            ));
        }
        "transport" => Setting::Transport(value.into()),
        // Options of torrc begin with a capital letter, or with an underscore.
        name if name.starts_with(|first: char| first.is_ascii_uppercase() || first == '_') => {
            Setting::Option(name.into(), value.into())
        }
        _ => {
            return Err(format!(
                "{name:?} is unknown: use nickname, bandwidth, exit, guard, family, country, \
                 transport, or an option of torrc"
            ));
        }
    })
}

/// The settings whose value is a name.
const NAMED: [&str; 4] = ["nickname", "family", "country", "transport"];

/// Returns true if tor accepts `name` as the name of a pluggable transport. All
/// names stand for the same transport, which is built into the network.
fn is_transport(name: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
    name.starts_with(is_letter) && name.chars().all(|it| is_letter(it) || it.is_ascii_digit())
}

impl Relay {
    /// Returns `relay` with these settings.
    pub(super) fn apply(&self, mut relay: RelayOptions) -> RelayOptions {
        for setting in &self.settings {
            relay = match setting.clone() {
                Setting::Nickname(name) => relay.nickname(name),
                Setting::Bandwidth(kilobytes) => relay.bandwidth(kilobytes),
                Setting::Exit(on) => relay.exit(on),
                Setting::Guard(on) => relay.guard(on),
                Setting::Family(name) => relay.family(name),
                Setting::Country(code) => relay.country(code),
                Setting::Transport(name) => relay.transport(name),
                Setting::Option(name, value) => relay.option(name, value),
            };
        }
        relay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relays_are_parsed() {
        let relay: Relay =
            "nickname=a,bandwidth=7,exit=false,guard,ContactInfo=me".parse().unwrap();
        let expected = [
            Setting::Nickname("a".into()),
            Setting::Bandwidth(7),
            Setting::Exit(false),
            Setting::Guard(true),
            Setting::Option("ContactInfo".into(), "me".into()),
        ];
        assert_eq!(relay.settings, expected);
        assert_eq!("".parse(), Ok(Relay::default()));
    }

    #[test]
    fn wrong_settings_of_relays_are_explained() {
        for (text, expected) in [
            ("exit=perhaps", "must be true or false"),
            ("bandwidth=-1", "must be a number"),
            ("nonsense=1", "is unknown"),
            ("nickname", "nickname needs a value"),
            ("transport", "transport needs a value"),
            ("transport=", "transport needs a value"),
            ("transport=4x", "must consist of letters"),
            ("transport=a-b", "must consist of letters"),
        ] {
            let error = text.parse::<Relay>().unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
