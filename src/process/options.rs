//! The values and names of tor options.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::live::config::option_named;
use scape_proto::control::{ArgumentError, ArgumentProblem, check_option_value};

/// The value of a tor option, in tor's syntax.
///
/// `bool` becomes `0` or `1`. Numbers, addresses and paths are written in the
/// form that tor reads. Text is used unchanged, in the form of tor's manual
/// (`"10 minutes"`, `"9052 IsolateDestAddr"`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionValue(Vec<u8>);

impl OptionValue {
    /// Creates a value from the bytes that tor reads, without quotes and
    /// escapes.
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        OptionValue(bytes.to_vec())
    }

    /// Returns the bytes of the value, without the quotes and escapes that a
    /// torrc may need.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for OptionValue {
    fn from(text: &str) -> Self {
        OptionValue(text.into())
    }
}

impl From<String> for OptionValue {
    fn from(text: String) -> Self {
        OptionValue(text.into())
    }
}

impl From<&String> for OptionValue {
    fn from(text: &String) -> Self {
        OptionValue(text.as_str().into())
    }
}

impl From<bool> for OptionValue {
    fn from(on: bool) -> Self {
        OptionValue(if on { "1".into() } else { "0".into() })
    }
}

impl From<SocketAddr> for OptionValue {
    fn from(address: SocketAddr) -> Self {
        OptionValue(address.to_string().into())
    }
}

/// Accepts paths that are not UTF-8.
impl From<&Path> for OptionValue {
    fn from(path: &Path) -> Self {
        OptionValue(path.as_os_str().as_encoded_bytes().to_vec())
    }
}

impl From<PathBuf> for OptionValue {
    fn from(path: PathBuf) -> Self {
        path.as_path().into()
    }
}

macro_rules! from_number {
    ($($number:ty),*) => {$(
        impl From<$number> for OptionValue {
            fn from(number: $number) -> Self {
                OptionValue(number.to_string().into())
            }
        }
    )*};
}

from_number!(u8, u16, u32, u64, usize, i32, i64);

/// Returns the full name of the option that tor takes `name` for. An unknown
/// name is returned unchanged, because a newer tor may have such an option.
///
/// tor ignores case and accepts abbreviations and older names. So a launch
/// checks the full name, and writes the full name into the torrc. tor then
/// reads exactly the option that was checked.
pub(super) fn full_name(name: &str) -> &str {
    option_named(name).unwrap_or(name)
}

/// Returns true if tor takes `given` for the option `name`.
pub(super) fn is_name_of(given: &str, name: &str) -> bool {
    full_name(given).eq_ignore_ascii_case(name)
}

/// Returns an error if an option can't be given to a launched tor. Line ends
/// and NULs are refused, because no option needs them. The options and values
/// that SETCONF refuses are refused, too: they would end tor, or make tor ask
/// an exit relay for an onion address.
pub(super) fn check(name: &str, value: &[u8]) -> Result<(), ArgumentError> {
    const COMMAND: &str = "Launch::option";
    if name == "%include" {
        let why = "names files that Launch doesn't read: pass the result of TorrcFiles::to_single to Launch::torrc";
        return Err(ArgumentError::invalid(COMMAND, name, why));
    }
    // This also refuses `+Name` and `/Name`, which only make sense with a
    // defaults file.
    if let Some((position, character)) =
        name.char_indices().find(|(_, c)| !c.is_ascii_alphanumeric() && *c != '_')
    {
        let problem = ArgumentProblem::Character { character, position };
        return Err(ArgumentError::new(COMMAND, "option's name", problem));
    }
    if name.is_empty() {
        return Err(ArgumentError::new(COMMAND, "option's name", ArgumentProblem::Empty));
    }
    if let Some(position) = value.iter().position(|b| matches!(b, b'\r' | b'\n' | 0)) {
        let problem =
            ArgumentProblem::Character { character: char::from(value[position]), position };
        return Err(ArgumentError::new(COMMAND, &format!("value of {name}"), problem));
    }
    check_option_value(COMMAND, full_name(name), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abbreviated_option_names_are_recognized() {
        for (given, name) in [
            ("CookieAuthentication", "CookieAuthentication"),
            ("cookieauthent", "CookieAuthentication"),
            ("ControlPor", "ControlPort"),
            ("controlportw", "ControlPortWriteToFile"),
            ("DataDir", "DataDirectory"),
            ("__owningcontrollerp", "__OwningControllerProcess"),
            ("HashedControlPass", "HashedControlPassword"),
            ("RunAs", "RunAsDaemon"),
            ("EntryNode", "EntryNodes"),
            ("NoSuchOption", "NoSuchOption"),
        ] {
            assert!(is_name_of(given, name), "{given}");
        }
        for (given, name) in [
            ("", "Log"),
            ("CookieAuthFile", "CookieAuthentication"),
            ("CookieAuthentications", "CookieAuthentication"),
            ("ControlPort", "ControlPortWriteToFile"),
            ("ControlPor", "ControlPortWriteToFile"),
            // tor takes `Co` as the first option with this prefix, which is
            // another option.
            ("Co", "CookieAuthentication"),
            ("C", "CookieAuthentication"),
            ("é", "Log"),
        ] {
            assert!(!is_name_of(given, name), "{given}");
        }
    }

    #[test]
    fn short_names_of_other_options_are_not_cookie_authentication() {
        for given in ["CookieAuthentication", "cookieauth", "COO"] {
            assert!(is_name_of(given, "CookieAuthentication"), "{given}");
        }
        for given in ["", "C", "Co", "CookieAuthFile", "CookieAuthFileGroupReadable"] {
            assert!(!is_name_of(given, "CookieAuthentication"), "{given}");
        }
    }

    #[test]
    fn value_with_a_line_end_is_refused_with_the_name_of_the_option() {
        for bad in ["a\nb", "a\rb", "a\0b"] {
            let error = check("ContactInfo", bad.as_bytes()).unwrap_err();
            assert!(
                matches!(error.problem(), ArgumentProblem::Character { position: 1, .. }),
                "{error:?}"
            );
            assert!(error.to_string().contains("value of ContactInfo"), "{error}");
        }
        for bad in ["", "%include", "+Log", "/Log", "Log notice", "a\n", "a#", "é"] {
            assert!(check(bad, b"x").is_err(), "{bad:?}");
        }
    }

    #[test]
    fn map_address_to_an_onion_name_with_a_trailing_dot_is_refused_for_a_launch() {
        for (name, value) in [
            ("MapAddress", "x.test abc.onion."),
            ("mapaddr", "x.test\tABC.onion.."),
            ("MAP", "*.x.test *.abc.onion."),
        ] {
            let error = check(name, value.as_bytes()).unwrap_err();
            assert!(matches!(error.problem(), ArgumentProblem::Invalid(_)), "{error:?}");
            let text = error.to_string();
            let onion = value.split_whitespace().nth(1).unwrap();
            assert!(text.contains("MapAddress") && text.contains(onion), "{text}");
        }
        assert!(check("MapAddress", b"x.test abc.onion").is_ok());
        // Other options that end tor are refused, too.
        assert!(check("MaxMemInQ", b"nan").is_err());
    }
}
