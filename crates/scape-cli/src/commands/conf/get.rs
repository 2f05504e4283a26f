//! `scape conf get` prints the values of options.

use clap::Args;
use scape::Config;
use scape::config::ConfigOption;
use scape::control::{ConfLine, REDACTED, is_secret_option};
use scape::info::ConfigType;
use serde::Serialize;

use super::change::{SERVICES, texts, unit};
use super::problem::explained;
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::output::printable;

/// Print the values of options
///
/// Without names, the options that differ from their defaults are printed, each
/// line with a name and a value. With one name, only the values are printed,
/// one per line. Values have no quotes; `scape conf edit` shows them as a torrc
/// needs them. The lines of onion services are printed together, because each
/// one belongs to the HiddenServiceDir line before it. Passwords are not shown.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The names of options or groups, such as SocksPort or
    /// HiddenServiceOptions
    #[arg(value_name = "OPTION")]
    names: Vec<String>,

    /// Print all options. An unset option is printed as a name without a value
    #[arg(long, conflicts_with = "names")]
    all: bool,
}

/// An option or a group, as it is printed with `--json`.
#[derive(Debug, Serialize)]
pub(super) struct Setting {
    /// The name of the option or group, in tor's spelling.
    pub(super) name: String,
    /// The type in tor's notation, such as `TimeInterval`. For a group:
    /// `Virtual`.
    #[serde(rename = "type")]
    pub(super) ty: String,
    /// The values, one for each line. For a group, each value is a whole line
    /// with the name of an option. Empty if the option is unset. A password is
    /// replaced by `[redacted]`.
    pub(super) values: Vec<String>,
    /// The default in tor's notation. Empty if the option is unset by default.
    pub(super) default: Vec<String>,
    pub(super) is_default: bool,
    /// The group that the option belongs to. `null` if it belongs to no group.
    /// The options of a group can only be changed together.
    pub(super) group: Option<String>,
}

impl Setting {
    /// Returns the setting to print for an option.
    fn option(option: ConfigOption) -> Self {
        let is_secret = is_secret_option(&option.name);
        let values = option.values.into_iter().map(|value| match is_secret {
            true => REDACTED.to_owned(),
            false => value,
        });
        Setting {
            values: values.collect(),
            name: option.name,
            ty: option.ty.to_string(),
            default: option.default,
            is_default: option.is_default,
            group: option.group,
        }
    }

    /// Returns the setting to print for a group of options with these lines.
    fn group(name: &str, lines: &[ConfLine]) -> Self {
        Setting {
            name: name.to_owned(),
            ty: ConfigType::Virtual.to_string(),
            values: texts(lines),
            default: Vec::new(),
            is_default: lines.is_empty(),
            group: None,
        }
    }

    /// Reads the option or the group `name`. If it is an option of an onion
    /// service, reads the group of all onion services instead.
    pub(super) fn read(config: &Config, name: &str) -> Result<Self, Failure> {
        let option = config.option(name).map_err(explained)?;
        let unit = unit(&option).to_owned();
        match unit == SERVICES || option.ty == ConfigType::Virtual {
            true => Ok(Setting::group(&unit, &config.group(&unit).map_err(explained)?)),
            false => Ok(Setting::option(option)),
        }
    }

    /// Returns the lines that are printed without `--json`. The line of an
    /// unset option is only its name.
    fn lines(&self) -> Vec<String> {
        match self.values.as_slice() {
            [] => vec![printable(&self.name)],
            values if self.is_group() => values.iter().map(|line| printable(line)).collect(),
            values => {
                let lines = values.iter().map(|value| format!("{} {value}", self.name));
                lines.map(|line| printable(&line)).collect()
            }
        }
    }

    fn is_group(&self) -> bool {
        self.ty == ConfigType::Virtual.as_str()
    }
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let config = context.controller()?.config()?;
        let settings = match self.names.as_slice() {
            [] => all(&config, self.all)?,
            names => {
                let read = names.iter().map(|name| Setting::read(&config, name));
                read.collect::<Result<_, _>>()?
            }
        };
        if context.out.is_json() {
            return context.out.values(settings);
        }
        if let ([_], [setting]) = (self.names.as_slice(), settings.as_slice()) {
            let values = setting.values.iter();
            return values.map(|value| printable(value)).try_for_each(|v| context.out.line(v));
        }
        let lines: Vec<String> = settings.iter().flat_map(Setting::lines).collect();
        match lines.is_empty() {
            true => Ok(()),
            false => context.out.line(lines.join("\n")),
        }
    }
}

/// Reads all options if `with_defaults` is true, or else those that differ from
/// their defaults. The options of onion services are read as one group.
fn all(config: &Config, with_defaults: bool) -> Result<Vec<Setting>, Failure> {
    let mut settings = Vec::new();
    let mut has_services = false;
    for option in config.options()? {
        if !with_defaults && option.is_default {
            continue;
        }
        if unit(&option) != SERVICES {
            settings.push(Setting::option(option));
        } else if !has_services {
            has_services = true;
            settings.push(Setting::group(SERVICES, &config.group(SERVICES)?));
        }
    }
    Ok(settings)
}
