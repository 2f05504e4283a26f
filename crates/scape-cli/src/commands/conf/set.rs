//! `scape conf set` changes options.

use std::str::FromStr;

use clap::Args;
use scape::Config;
use scape::control::ConfLine;

use super::change::{SERVICES, save_and_print, unit};
use super::problem::explained;
use crate::base::context::Context;
use crate::base::failure::Failure;

/// Change options of the running tor
///
/// All changes are checked first, and sent with one command: tor makes either
/// all of them or none. They last until tor ends or reads its torrc again; see
/// `scape conf save`. Removed lines are printed with -, added lines with +.
///
/// An option that is given several times gets all of the values. OPTION=
/// without a value unsets the option. Without +, HiddenServiceDir and the other
/// options of onion services replace all services on disk.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The options and their values. With + in front, the value is added to a
    /// list, such as +SocksPort=9052
    #[arg(required = true, value_name = "OPTION=VALUE")]
    assignments: Vec<Assignment>,
}

/// An argument `OPTION=VALUE` or `+OPTION=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) appends: bool,
    pub(crate) name: String,
    pub(crate) value: String,
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (appends, rest) = match text.strip_prefix('+') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        match rest.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => Ok(Assignment {
                appends,
                name: name.trim().to_owned(),
                value: value.trim().to_owned(),
            }),
            _ => Err("expected OPTION=VALUE, or OPTION= to unset the option".into()),
        }
    }
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let mut config = context.controller()?.config()?;
        apply(&mut config, &self.assignments)?;
        save_and_print(context, &mut config)
    }
}

/// Adds the assignments to the pending changes of `config`. Returns a failure
/// if one of them is invalid.
fn apply(config: &mut Config, assignments: &[Assignment]) -> Result<(), Failure> {
    let mut options: Vec<(String, Vec<&Assignment>)> = Vec::new();
    for assignment in assignments {
        let option = config.option(&assignment.name).map_err(explained)?;
        let name = unit(&option).to_owned();
        match options.iter_mut().find(|(known, _)| *known == name) {
            Some((_, own)) => own.push(assignment),
            None => options.push((name, vec![assignment])),
        }
    }
    for (name, own) in options {
        let is_group = own.iter().all(|assignment| assignment.name.eq_ignore_ascii_case(&name));
        let result = match name == SERVICES && !is_group {
            true => apply_services(config, &own),
            false => apply_option(config, &name, &own),
        };
        result.map_err(explained)?;
    }
    Ok(())
}

fn apply_option(config: &mut Config, name: &str, own: &[&Assignment]) -> scape::Result<()> {
    let values = |appends: bool| {
        let chosen = own.iter().filter(move |assignment| assignment.appends == appends);
        chosen.map(|assignment| assignment.value.as_str())
    };
    match values(false).collect::<Vec<_>>().as_slice() {
        [] => {}
        [""] => config.unset(name)?,
        [value] => config.set(name, *value)?,
        several => config.set(name, several)?,
    }
    values(true).try_for_each(|value| config.append(name, value))
}

/// Adds the assignments in `own`, all of which set options of onion services,
/// to the pending changes of `config`. If all of them have a `+`, they are
/// added after tor's present lines about onion services. Otherwise, they
/// replace these lines.
fn apply_services(config: &mut Config, own: &[&Assignment]) -> scape::Result<()> {
    let mut lines = match own.iter().all(|assignment| assignment.appends) {
        true => config.wanted_group(SERVICES)?,
        false => Vec::new(),
    };
    let new = own.iter().filter(|assignment| !assignment.value.is_empty());
    lines.extend(
        new.map(|assignment| {
            ConfLine::new(assignment.name.clone(), Some(assignment.value.clone()))
        }),
    );
    config.set_group(SERVICES, &lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_split_at_the_first_equals_sign() {
        let parsed: Assignment = "+Log=notice file /a=b".parse().unwrap();
        let expected =
            Assignment { appends: true, name: "Log".into(), value: "notice file /a=b".into() };
        assert_eq!(parsed, expected);
        let unset: Assignment = "ContactInfo=".parse().unwrap();
        assert_eq!((unset.appends, unset.value.as_str()), (false, ""));
        for wrong in ["", "Nickname", "=x", "+=x"] {
            assert!(wrong.parse::<Assignment>().is_err(), "{wrong}");
        }
    }
}
