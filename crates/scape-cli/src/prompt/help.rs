//! Makes the help that `/help` prints.

use scape::Controller;
use scape_manual::Manual;

use super::help_texts::{COMMANDS, OVERVIEW};
use crate::base::failure::Failure;

/// Returns the help for the first of the `words`: a command, an option, or a
/// GETINFO key. Returns the overview if there is no word. The caller must
/// escape the help before printing it, because it may contain text from tor.
pub(super) fn help(controller: &Controller, words: &[&str]) -> Result<String, Failure> {
    let Some(word) = words.first() else { return Ok(overview()) };
    let name = word.trim_start_matches(['/', '+']);
    if let Some(found) = COMMANDS.iter().find(|it| it.name.eq_ignore_ascii_case(name)) {
        let mut text = format!("{} {}\n\n{}", found.name, found.arguments, found.meaning);
        text.push_str(&list(controller, found.name)?);
        return Ok(text);
    }
    let info = controller.info();
    let keys = info.info_names()?;
    let matches = |key: &str, is_prefix: bool| match is_prefix {
        true => name.starts_with(key.trim_end_matches('*')),
        false => key == name,
    };
    if let Some(key) = keys.iter().find(|it| matches(&it.key, it.is_prefix)) {
        return Ok(format!("GETINFO {}\n\n{}", key.key, key.description));
    }
    let options = info.config_names()?;
    let Some(option) = options.iter().find(|it| it.name.eq_ignore_ascii_case(name)) else {
        return Err(Failure::failed(format!(
            "{word} isn't a command, an option or a GETINFO key: /help lists the commands"
        )));
    };
    let values = controller.get_conf_lines([option.name.as_str()])?;
    let mut text = format!("{} ({:?})\n", option.name, option.ty);
    for line in values {
        text.push_str(&format!("  {}\n", line));
    }
    match Manual::installed() {
        Ok(manual) => {
            if let Some(entry) = manual.get(&option.name) {
                text.push_str(&format!("\n{}", entry.help()));
            }
        }
        Err(error) => {
            text.push_str(&format!("\nThe meaning can't be read from tor's manual page: {error}"));
        }
    }
    Ok(text)
}

fn overview() -> String {
    let names = COMMANDS.map(|command| format!("  {:<26}{}", command.name, first(command.meaning)));
    format!("{OVERVIEW}\nCommands of the control protocol:\n{}", names.join("\n"))
}

/// Returns the first sentence of a text.
fn first(text: &str) -> &str {
    text.split_inclusive(". ").next().unwrap_or(text).trim_end()
}

/// Returns the words that this tor accepts as arguments of a command. They are
/// formatted for the end of the command's help. Returns an empty text if tor
/// has no list of such words.
fn list(controller: &Controller, command: &str) -> Result<String, Failure> {
    let info = controller.info();
    let words: Vec<String> = match command {
        "GETINFO" => {
            let keys = info.info_names()?;
            let lines = keys.iter().map(|key| format!("\n  {:<36} {}", key.key, key.description));
            return Ok(format!("\n{}", lines.collect::<String>()));
        }
        "SETEVENTS" => info.known_events()?.iter().map(ToString::to_string).collect(),
        "SIGNAL" => info.known_signals()?.iter().map(ToString::to_string).collect(),
        "USEFEATURE" => info.known_features()?,
        _ => return Ok(String::new()),
    };
    Ok(format!("\n\nThis tor knows {}.", words.join(", ")))
}
