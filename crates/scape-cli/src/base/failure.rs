//! Failures of commands: the message for the user and the exit code.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::process::ExitCode;

use scape::ErrorKind;
use scape::control::ArgumentError;

use super::output::{print_error, printable_lines};

/// The maximum length of a line of an error message, in characters.
const LONGEST_LINE: usize = 2000;

/// Parts of the library's messages that name its methods, each with the
/// replacement that the user of the command sees.
const REPLACED: &[(&str, &str)] = &[
    (", or add a port with SocksPort::added", ""),
    ("add one with SocksPort::added", "add one to torrc"),
    ("name the port with SocksPort::at", "name the port with --socks"),
    ("with SocksPort::at", "with --socks"),
    (", or name it with Launch::program", ""),
    ("is set with Launch::data_directory", "is set with --data-directory"),
    (", or call Launch::without_authentication if anybody may control this tor", ""),
    ("is set by Launch, with Control::TcpPort", "is set by scape"),
    ("is set by Launch", "is set by scape"),
    (
        "names files that Launch doesn't read: pass the result of TorrcFiles::to_single to \
         Launch::torrc",
        "names files that scape doesn't read: use --torrc with a file that has all options",
    ),
    (
        "\"example.com:80\", \"[2001:db8::1]:80\" or (\"example.com\", 80)",
        "example.com:80 or [2001:db8::1]:80",
    ),
    // The request with which the library checks if a SOCKS port answers.
    ("RESOLVE 192.0.2.1 through tor: ", ""),
];

/// The exit codes of `scape`, apart from 0 for success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// tor refused the request, or the request failed.
    Failed,
    /// The command line is invalid. clap uses the same code.
    Usage,
    /// No tor could be reached, authentication failed, or tor has ended.
    NoTor,
    /// The request didn't complete in time.
    Timeout,
    /// Ctrl-C or SIGTERM ended the command.
    Interrupted,
    /// The exit code of a program that `scape` ran.
    Program(u8),
    /// The program that reads the output, such as `head`, has closed it. This
    /// isn't an error.
    NoReader,
}

impl Exit {
    pub(crate) fn code(self) -> u8 {
        match self {
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::NoTor => 3,
            Exit::Timeout => 4,
            Exit::Interrupted => 130,
            Exit::Program(code) => code,
            Exit::NoReader => 0,
        }
    }
}

/// The failure of a command: a message for the user, and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// The text for standard error. Nothing is printed if it is empty.
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Failure { exit, message: message.to_string() }
    }

    /// Returns a failure with the exit code 1.
    pub(crate) fn failed(message: impl fmt::Display) -> Self {
        Failure::new(Exit::Failed, message)
    }

    /// Returns a failure with the exit code 2, for an invalid argument that
    /// clap has accepted.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Failure::new(Exit::Usage, message)
    }

    /// Returns a failure for which nothing is printed, only with an exit code.
    pub(crate) fn silent(exit: Exit) -> Self {
        Failure::new(exit, "")
    }

    /// Puts `what`, such as the task that failed, in front of the message. An
    /// empty message stays empty.
    pub(crate) fn while_doing(mut self, what: impl fmt::Display) -> Self {
        if !self.message.is_empty() {
            self.message = format!("{what}: {}", self.message);
        }
        self
    }

    /// Prints the message, and returns the exit code for `main`. Control
    /// characters of the message are escaped, because it may contain text from
    /// tor or a peer.
    pub(crate) fn report(&self) -> ExitCode {
        if !self.message.is_empty() {
            let red = anstyle::AnsiColor::Red.on_default() | anstyle::Effects::BOLD;
            let lines = self.message.lines().map(beginning);
            let message = printable_lines(&lines.collect::<Vec<_>>().join("\n"));
            print_error(format_args!("{red}scape:{red:#} {message}"));
        }
        ExitCode::from(self.exit.code())
    }
}

/// Cuts a line that is longer than [`LONGEST_LINE`]. Errors may quote text from
/// the user or from a peer, which can have any length.
fn beginning(line: &str) -> Cow<'_, str> {
    match line.char_indices().nth(LONGEST_LINE) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()).into(),
        None => line.into(),
    }
}

impl From<scape::Error> for Failure {
    fn from(error: scape::Error) -> Self {
        let exit = match error.kind() {
            // The control connection has ended, usually because tor has ended.
            ErrorKind::Closed => Exit::NoTor,
            ErrorKind::Connect | ErrorKind::Auth | ErrorKind::Launch => Exit::NoTor,
            ErrorKind::Argument => Exit::Usage,
            ErrorKind::Timeout => Exit::Timeout,
            ErrorKind::Cancelled => Exit::Interrupted,
            _ => Exit::Failed,
        };
        let argument = error.get::<ArgumentError>().filter(|_| error.kind() == ErrorKind::Argument);
        let mut message = match argument {
            Some(argument) => describe(argument),
            // The alternate form lists the addresses that were tried, one per
            // line.
            None => format!("{error:#}"),
        };
        let described = argument.map(ArgumentError::to_string);
        // Some errors don't contain the text of their source.
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            let text = cause.to_string();
            if !message.contains(&text) && described.as_ref() != Some(&text) {
                message = format!("{message}: {text}");
            }
            source = cause.source();
        }
        Failure::new(exit, in_words_of_the_command(message))
    }
}

/// Removes or replaces the parts of a library's message that name methods of
/// the library.
pub(crate) fn in_words_of_the_command(message: String) -> String {
    REPLACED.iter().fold(message, |message, (from, to)| message.replace(from, to))
}

/// Returns the message about an argument that the library has rejected. The
/// name of the library's method or type is left out, because the user of the
/// command doesn't know it.
fn describe(error: &ArgumentError) -> String {
    let text = error.to_string();
    let command = error.command();
    // A name in capitals is a command of the control protocol. It helps the
    // user, so it is kept.
    if !command.is_empty() && !command.contains(|letter: char| letter.is_ascii_lowercase()) {
        return text;
    }
    let text = text.strip_prefix(command).unwrap_or(&text);
    let text = text.strip_prefix(": ").unwrap_or(text);
    // The name of a variable or an option takes no article, as in
    // "DataDirectory is ...".
    match !error.argument().starts_with(|letter: char| letter.is_ascii_lowercase()) {
        true => text.strip_prefix("the ").unwrap_or(text).to_owned(),
        false => text.to_owned(),
    }
}

/// Converts an error of writing the output. Other I/O errors don't use this
/// conversion, because their messages need more context.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::silent(Exit::NoReader),
            _ => Failure::failed(format!("cannot write the output: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use scape::Launch;
    use scape::control::Refusal;
    use scape::socks::{SocksProxy, Target};
    use scape::tor::NoSocksPortError;

    use super::*;

    #[test]
    fn long_lines_are_cut_between_characters() {
        assert_eq!(beginning("é"), "é");
        let cut = beginning(&"é".repeat(LONGEST_LINE + 1)).into_owned();
        assert_eq!((cut.chars().count(), cut.chars().last()), (LONGEST_LINE + 1, Some('…')));
    }

    #[test]
    fn errors_of_the_library_name_none_of_its_methods() {
        let proxy = SocksProxy::new(1).allow_private_addresses(false);
        let private = proxy.connect(("192.168.0.1", 80)).unwrap_err();
        let target = "a".parse::<Target>().unwrap_err();
        let refusal = Refusal::new("GETINFO net/listeners/socks", vec![(551, "hidden".into())]);
        let launch = || Launch::new().program("/nowhere/tor");
        let option = |name: &str, value: &str| launch().option(name, value).start().unwrap_err();
        let errors = [
            private,
            NoSocksPortError::None.into(),
            NoSocksPortError::Hidden { refusal, attempts: Vec::new() }.into(),
            NoSocksPortError::Options { wanted: Vec::new(), lines: Vec::new() }.into(),
            NoSocksPortError::Remote { control: "192.0.2.1:9051".to_owned() }.into(),
            launch().start().unwrap_err(),
            option("DataDirectory", "/nowhere"),
            option("__OwningControllerProcess", "1"),
            option("ControlPortWriteToFile", "/nowhere/file"),
            option("CookieAuthentication", "0"),
            option("%include", "/nowhere/torrc"),
        ];
        let messages = errors.map(|error| Failure::from(error).message);
        let target = in_words_of_the_command(target.to_string());
        for message in messages.iter().chain([&target]) {
            for part in ["::", "(\""] {
                let is_address = part == "::" && message.contains("[2001:db8::1]:80");
                assert!(!message.contains(part) || is_address, "{message}");
            }
        }
    }

    #[test]
    fn refused_arguments_are_wrong_usage_in_the_words_of_the_command() {
        for (command, argument, expected) in [
            ("TestNetwork", "relays", "the relays are wrong"),
            ("connect", "TOR_CONTROL_PORT", "TOR_CONTROL_PORT are wrong"),
            ("Launch::option", "DataDirectory", "DataDirectory are wrong"),
            ("", "keyword", "the keyword are wrong; nothing was sent"),
            ("GETINFO", "key", "GETINFO: the key are wrong; nothing was sent"),
        ] {
            let error = ArgumentError::invalid(command, argument, "are wrong");
            let failure = Failure::from(scape::Error::from(error));
            assert_eq!((failure.exit, failure.message.as_str()), (Exit::Usage, expected));
        }
    }
}
