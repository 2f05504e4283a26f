//! Recognizes wrappers: programs such as `nice` that run another program, which
//! is in their arguments.

use std::path::Path;

use super::environment::leads_through_tor;

/// A program, such as `nice`, that runs another program, which is in its
/// arguments.
struct Wrapper {
    names: &'static [&'static str],
    /// The short options with a value. The value is joined with the option or
    /// is the next word.
    short: &'static str,
    /// The long options with a value, without `--`. The value follows `=` or is
    /// the next word.
    long: &'static [&'static str],
    /// The number of arguments that come before the program and aren't options.
    /// For example, `timeout` has one: the time limit.
    words: usize,
}

const WRAPPERS: &[Wrapper] = &[
    Wrapper {
        names: &["env"],
        short: "uCSa",
        long: &["unset", "chdir", "split-string", "argv0"],
        words: 0,
    },
    Wrapper { names: &["nice"], short: "n", long: &["adjustment"], words: 0 },
    Wrapper { names: &["timeout"], short: "sk", long: &["signal", "kill-after"], words: 1 },
    Wrapper { names: &["stdbuf"], short: "ioe", long: &["input", "output", "error"], words: 0 },
    Wrapper { names: &["time"], short: "fo", long: &["format", "output"], words: 0 },
    Wrapper { names: &["ionice"], short: "cn", long: &["class", "classdata"], words: 0 },
    Wrapper { names: &["chrt"], short: "TPD", long: &[], words: 1 },
    Wrapper { names: &["taskset"], short: "", long: &[], words: 1 },
    Wrapper { names: &["nohup", "setsid"], short: "", long: &[], words: 0 },
];

/// The folders in which a program with a known name is the system's program.
const FOLDERS: &[&str] =
    &["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];

/// Returns the name of a program without its folder. Returns `None` if the
/// folder isn't one of the [`FOLDERS`], because a program in another folder may
/// only share its name with a program of the system.
pub(super) fn name(word: &str) -> Option<&str> {
    match word.rsplit_once('/') {
        None => Some(word),
        Some((folder, name)) => {
            FOLDERS.iter().any(|it| Path::new(it) == Path::new(folder)).then_some(name)
        }
    }
}

/// Returns a command line without the wrappers at its beginning, so that the
/// first word is the program that is run in the end.
///
/// # Errors
///
/// Returns the reason if a wrapper removes or changes the variables that lead
/// programs through Tor.
pub(super) fn unwrap(words: &[String]) -> Result<Vec<String>, String> {
    let mut words = words.to_vec();
    while let Some(wrapper) = words.first().and_then(|word| find(word)) {
        words = inside(wrapper, words.get(1..).unwrap_or_default())?;
    }
    Ok(words)
}

fn find(word: &str) -> Option<&'static Wrapper> {
    let name = name(word)?;
    WRAPPERS.iter().find(|wrapper| wrapper.names.contains(&name))
}

/// Returns the command line that a wrapper runs. `arguments` are the wrapper's
/// arguments. Same errors as [`unwrap`], most often a variable that `env`
/// changes.
fn inside(wrapper: &Wrapper, arguments: &[String]) -> Result<Vec<String>, String> {
    let is_env = wrapper.names.contains(&"env");
    let mut rest = arguments.iter();
    let mut words = wrapper.words;
    while let Some(word) = rest.next() {
        if word == "--" {
            continue;
        }
        if is_env && word == "-" {
            return Err(clears());
        }
        if is_env && let Some((name, _)) = word.split_once('=').filter(|_| !word.starts_with('-')) {
            check(name)?;
            continue;
        }
        let Some((option, value)) = option(wrapper, word) else {
            if words == 0 {
                return Ok(std::iter::once(word).chain(rest).cloned().collect());
            }
            words -= 1;
            continue;
        };
        let value = match value {
            Value::None => String::new(),
            Value::Here(value) => value,
            Value::Next => rest.next().cloned().unwrap_or_default(),
        };
        match option.as_str() {
            "i" | "ignore-environment" if is_env => return Err(clears()),
            "u" | "unset" if is_env => check(&value)?,
            "S" | "split-string" if is_env => {
                // The words of the value are arguments of env.
                let split =
                    value.split_whitespace().map(|word| word.trim_matches(['"', '\'']).to_owned());
                let all: Vec<String> = split.chain(rest.cloned()).collect();
                return inside(wrapper, &all);
            }
            _ => {}
        }
    }
    Ok(Vec::new())
}

enum Value {
    None,
    Here(String),
    Next,
}

/// Returns the name and the value of the option in a word. If the word joins
/// several short options, returns the first of them that has a value or is
/// `-i`, with which `env` clears the environment. Returns `None` if the word
/// isn't an option.
fn option(wrapper: &Wrapper, word: &str) -> Option<(String, Value)> {
    if let Some(long) = word.strip_prefix("--") {
        let (name, value) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (long, None),
        };
        // Long options may be abbreviated.
        let all = wrapper.long.iter().chain(&["ignore-environment"]);
        let full = all.copied().find(|it| !name.is_empty() && it.starts_with(name)).unwrap_or(name);
        return Some((
            full.to_owned(),
            match value {
                Some(value) => Value::Here(value),
                None if wrapper.long.contains(&full) => Value::Next,
                None => Value::None,
            },
        ));
    }
    let letters = word.strip_prefix('-').filter(|letters| !letters.is_empty())?;
    for (at, letter) in letters.char_indices() {
        let after = letters.get(at + letter.len_utf8()..).unwrap_or_default();
        if wrapper.short.contains(letter) {
            let value = if after.is_empty() { Value::Next } else { Value::Here(after.to_owned()) };
            return Some((letter.to_string(), value));
        }
        // The option `-i` clears the environment, even if it is joined with
        // other options.
        if letter == 'i' {
            return Some((letter.to_string(), Value::None));
        }
    }
    Some((letters.to_owned(), Value::None))
}

/// Returns an error if programs need `variable` to connect through Tor, because
/// then `env` must not change it.
fn check(variable: &str) -> Result<(), String> {
    match leads_through_tor(variable) {
        true => Err(format!(
            "env changes {variable}, which decides whether programs connect through Tor"
        )),
        false => Ok(()),
    }
}

fn clears() -> String {
    "env -i removes the variables that make programs connect through Tor".to_owned()
}
