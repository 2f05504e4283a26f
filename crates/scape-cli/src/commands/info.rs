//! `scape info` prints values by their GETINFO keys.

use std::collections::BTreeMap;

use clap::Args;

use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::output::printable_lines;
use crate::base::table::Table;

/// Print values of tor by their GETINFO keys, or list the keys
///
/// With one key, the value is printed as it is. With several keys, each line is
/// KEY=VALUE. With --json, the result is one object. At a terminal, control
/// characters other than line ends are escaped.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// GETINFO keys, such as version or circuit-status. Without a key, all keys
    /// are listed with their meaning
    #[arg(value_name = "KEY")]
    keys: Vec<String>,
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let controller = context.controller()?;
        let info = controller.info();
        match self.keys.as_slice() {
            [] => list(context, &info.info_names()?),
            [key] if !context.out.is_json() => {
                let mut value = info.get_bytes(key)?;
                if context.out.is_terminal() {
                    value = printable_lines(&String::from_utf8_lossy(&value)).into_bytes();
                }
                if !value.ends_with(b"\n") {
                    value.push(b'\n');
                }
                context.out.bytes(value)
            }
            keys => {
                let values = info.get_many(keys)?;
                if context.out.is_json() {
                    let object: BTreeMap<_, _> = keys.iter().zip(&values).collect();
                    return context.out.value(&object);
                }
                for (key, value) in keys.iter().zip(&values) {
                    let mut line = format!("{key}={value}\n");
                    if context.out.is_terminal() {
                        line = printable_lines(&line);
                    }
                    context.out.bytes(line.into_bytes())?;
                }
                Ok(())
            }
        }
    }
}

fn list(context: &Context, names: &[scape::info::InfoName]) -> Result<(), Failure> {
    if context.out.is_json() {
        return context.out.values(names);
    }
    let mut table = Table::new(&["key", "meaning"]);
    for name in names {
        table.row([&name.key, &name.description]);
    }
    context.out.line(table.text(&context.out))
}
