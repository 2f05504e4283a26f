//! `scape conf explain` explains options.

use std::error::Error as _;
use std::path::PathBuf;

use clap::Args;
use scape_manual::{Manual, ManualError};
use serde::Serialize;

use super::get::Setting;
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::output::printable;

/// Explain options: value, default, type and meaning
///
/// The meaning is from tor's manual page tor(1), which most packages of tor
/// install. The page may describe a different version than that of the running
/// tor.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The names of options
    #[arg(required = true, value_name = "OPTION")]
    names: Vec<String>,

    /// The manual page to read, such as tor.1.gz
    #[arg(long, value_name = "FILE")]
    manual: Option<PathBuf>,
}

/// An option and its meaning, as it is printed with `--json`.
#[derive(Debug, Serialize)]
struct Explained {
    #[serde(flatten)]
    setting: Setting,
    /// The meaning from the manual page. `null` if the page doesn't describe
    /// the option.
    manual: Option<Meaning>,
    /// The reason why the manual page can't be read. `null` if it was read.
    manual_error: Option<String>,
}

/// The part of the manual page that describes an option.
#[derive(Debug, Serialize)]
struct Meaning {
    /// The heading of the section that contains the option, such as
    /// `CLIENT OPTIONS`.
    section: String,
    /// The forms that a value of the option can have, such as `NUM`.
    forms: Vec<String>,
    /// The first sentence of `help`.
    summary: String,
    /// The whole text about the option.
    help: String,
    /// True if the page says that the option can't be changed while tor runs.
    is_immutable: bool,
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let config = context.controller()?.config()?;
        let manual = match &self.manual {
            Some(path) => Manual::read(path),
            None => Manual::installed(),
        };
        let manual_error = manual.as_ref().err().map(reason);
        let mut separator = "";
        for name in &self.names {
            let setting = Setting::read(&config, name)?;
            // The name of a group isn't in the manual, but those of its options
            // are.
            let described = match &manual {
                Ok(manual) => manual.get(&setting.name).or_else(|| manual.get(name)),
                Err(_) => None,
            };
            let manual = described.map(|entry| Meaning {
                section: entry.section().to_owned(),
                forms: entry.forms().to_vec(),
                summary: entry.summary().to_owned(),
                help: entry.help().to_owned(),
                is_immutable: entry.is_immutable(),
            });
            let explained = Explained { setting, manual, manual_error: manual_error.clone() };
            match context.out.is_json() {
                true => context.out.value(&explained)?,
                false => context.out.line(format_args!("{separator}{}", describe(&explained)))?,
            }
            separator = "\n";
        }
        if let Some(reason) = manual_error {
            context.out.note(format_args!("the meanings are missing: {reason}"));
        }
        Ok(())
    }
}

/// Returns the message of an error, followed by that of its cause if there is
/// one.
fn reason(error: &ManualError) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn describe(explained: &Explained) -> String {
    let Explained { setting, manual, .. } = explained;
    let bold = anstyle::Style::new().bold();
    let forms = manual.as_ref().map(|manual| manual.forms.join(" or ")).unwrap_or_default();
    let head = format!("{bold}{}{bold:#} {}", printable(&setting.name), printable(&forms));
    let mut lines = vec![head.trim_end().to_owned()];
    let mut fact = |name: &str, values: &[String]| match values {
        [] => lines.push(format!("  {name:<10}unset")),
        [first, others @ ..] => {
            lines.push(format!("  {name:<10}{}", printable(first)));
            lines.extend(others.iter().map(|value| format!("{:12}{}", "", printable(value))));
        }
    };
    fact("value", &setting.values);
    fact("default", &setting.default);
    fact("type", std::slice::from_ref(&setting.ty));
    if let Some(group) = &setting.group {
        fact("group", std::slice::from_ref(group));
    }
    if manual.as_ref().is_some_and(|manual| manual.is_immutable) {
        fact("changed", &["only by a restart of tor".into()]);
    }
    if let Some(manual) = manual {
        lines.push(String::new());
        let help = manual.help.lines().map(|line| format!("  {}", printable(line)));
        lines.extend(help.map(|line| line.trim_end().to_owned()));
    }
    lines.join("\n")
}
