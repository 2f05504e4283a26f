//! `scape run` runs a program that connects through tor.

mod environment;
mod leaks;
mod wrappers;

use std::env;
use std::ffi::{OsStr, OsString};
use std::process::Command;

use clap::Args;

use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::program;

/// Run a program with variables that make it connect through tor
///
/// Sets ALL_PROXY, HTTP_PROXY, HTTPS_PROXY and FTP_PROXY, in capitals and in
/// small letters, to a socks5h:// URL. The URL contains new credentials, so
/// that the program shares no circuit with others. Also sets TOR_SOCKS_HOST,
/// TOR_SOCKS_PORT and SCAPE_SOCKS, and removes all other variables whose names
/// end in PROXY, such as NO_PROXY and PIP_PROXY. With --control or --socks, the
/// variables of another tor are removed, too, such as TOR_CONTROL_PORT.
/// GIT_SSH_COMMAND and others are set to an ssh that connects with `scape
/// connect`, unless they are set. With GIT_CONFIG_COUNT, git gets the setting
/// http.proxy, which counts more than the one in its configuration files. The
/// exit code is that of the program.
///
/// Programs that don't read these variables connect without Tor. Programs that
/// are known for this are refused, but no list can be complete, and programs
/// that a shell, a script or make starts aren't checked. If a program
/// must never connect directly, forbid it with a firewall or a network
/// namespace.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Run the program even if it is known to connect without Tor
    #[arg(long)]
    force: bool,

    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let path = env::current_exe().unwrap_or_default();
        let ssh = environment::ssh_variables(&path, |name| env::var_os(name));
        if let Some(leak) = leaks::find(&self.command, ssh.contains_key("GIT_SSH_COMMAND"))
            && !self.force
        {
            return Err(Failure::failed(format_args!("{leak}; --force runs it anyway")));
        }
        let client = context.client()?;
        let is_chosen = context.options.names_tor;
        let name = self.command.first().map_or(OsStr::new(""), OsString::as_os_str);
        let mut command = Command::new(name);
        command.args(self.command.iter().skip(1));
        for (variable, _) in env::vars_os() {
            if environment::is_removed(&variable.to_string_lossy(), is_chosen) {
                command.env_remove(variable);
            }
        }
        let variables = environment::variables(client.address())?;
        if let Some(proxy) = variables.get("ALL_PROXY") {
            command.envs(environment::git_variables(proxy, |name| env::var_os(name)));
        }
        command.envs(variables);
        command.envs(ssh);
        program::run(context, &self.command, &mut command)
    }
}
