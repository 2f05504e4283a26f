//! The help for each command of the control protocol.

/// The help for a command of the control protocol.
pub(super) struct CommandHelp {
    pub(super) name: &'static str,
    pub(super) arguments: &'static str,
    pub(super) meaning: &'static str,
}

const fn command(
    name: &'static str,
    arguments: &'static str,
    meaning: &'static str,
) -> CommandHelp {
    CommandHelp { name, arguments, meaning }
}

/// The help for all commands, sorted by name. AUTHENTICATE and AUTHCHALLENGE
/// are left out, because the prompt has already authenticated.
pub(super) const COMMANDS: [CommandHelp; 31] = [
    command(
        "ADD_ONION",
        "NEW:BEST|ED25519-V3:KEY [Flags=Flag,...] Port=PORT[,TARGET]... [ClientAuthV3=KEY]...",
        "Adds an onion service, which ends with this connection unless it has the flag Detach. \
         The prompt shows a new private key, unless the flag DiscardPK is set.",
    ),
    command(
        "ATTACHSTREAM",
        "STREAM CIRCUIT [HOP=N]",
        "Attaches a stream to a circuit. With circuit 0, tor chooses one. Works for streams that \
         wait for a controller, if __LeaveStreamsUnattached is 1.",
    ),
    command(
        "CLOSECIRCUIT",
        "CIRCUIT [IfUnused]",
        "Closes a circuit. With IfUnused, only if it carries no streams.",
    ),
    command(
        "CLOSESTREAM",
        "STREAM REASON",
        "Closes a stream. The reason is a number from tor-spec, such as 1 for MISC.",
    ),
    command("DEL_ONION", "ADDRESS", "Removes an onion service. The address has no .onion."),
    command("DROPGUARDS", "", "Drops all entry guards. This harms anonymity."),
    command("DROPOWNERSHIP", "", "Keeps tor running when the owning connection ends."),
    command("DROPTIMEOUTS", "", "Forgets the learned circuit build times."),
    command(
        "EXTENDCIRCUIT",
        "CIRCUIT [RELAY,...] [purpose=PURPOSE]",
        "Extends a circuit by relays, or builds a new one if the circuit is 0.",
    ),
    command("GETCONF", "OPTION...", "Shows the values of options."),
    command("GETINFO", "KEY...", "Shows information. /help GETINFO lists the keys."),
    command(
        "HSFETCH",
        "ADDRESS|v2-ID [SERVER=FINGERPRINT]...",
        "Fetches the descriptor of an onion service. The events HS_DESC and HS_DESC_CONTENT contain \
         the result.",
    ),
    command(
        "HSPOST",
        "[SERVER=FINGERPRINT]... [HSADDRESS=ADDRESS]",
        "Uploads the descriptor of an onion service. The descriptor is the data of the command, so \
         write +HSPOST.",
    ),
    command(
        "LOADCONF",
        "",
        "Replaces the configuration by a torrc. The torrc is the data of the command, so write \
         +LOADCONF.",
    ),
    command("MAPADDRESS", "FROM=TO...", "Replaces the target of new streams to FROM by TO."),
    command(
        "ONION_CLIENT_AUTH_ADD",
        "ADDRESS x25519:KEY [ClientName=NAME] [Flags=Permanent]",
        "Adds the private key of a client for an onion service that demands one.",
    ),
    command("ONION_CLIENT_AUTH_REMOVE", "ADDRESS", "Removes the key of a client."),
    command("ONION_CLIENT_AUTH_VIEW", "[ADDRESS]", "Shows the keys of clients."),
    command(
        "POSTDESCRIPTOR",
        "[purpose=PURPOSE] [cache=no|yes]",
        "Adds a server descriptor. The descriptor is the data of the command, so write \
         +POSTDESCRIPTOR.",
    ),
    command("PROTOCOLINFO", "[VERSION]", "Shows tor's version and ways to authenticate."),
    command("QUIT", "", "Ends the prompt."),
    command(
        "REDIRECTSTREAM",
        "STREAM ADDRESS [PORT]",
        "Changes the target of a stream that isn't attached yet.",
    ),
    command("RESETCONF", "OPTION[=VALUE]...", "Sets options, or resets them to their defaults."),
    command(
        "RESOLVE",
        "[mode=reverse] NAME",
        "Resolves a name through the network. The event ADDRMAP contains the result.",
    ),
    command("SAVECONF", "[FORCE]", "Writes the configuration to the torrc."),
    command("SETCIRCUITPURPOSE", "CIRCUIT purpose=PURPOSE", "Changes the purpose of a circuit."),
    command("SETCONF", "OPTION[=VALUE]...", "Sets options of the running tor."),
    command("SETEVENTS", "[KIND...]", "Shows events of these kinds, as /events does."),
    command("SIGNAL", "SIGNAL", "Sends a signal to tor, such as NEWNYM or RELOAD."),
    command("TAKEOWNERSHIP", "", "Ends tor when this connection ends."),
    command("USEFEATURE", "FEATURE...", "Enables a feature of the control connection."),
];

/// The beginning of the overview, about the commands of the prompt itself.
pub(super) const OVERVIEW: &str = "\
Commands of the prompt:
  /help [WORD]            explains a command, an option, or a GETINFO key
  /info [RELAY]           shows a relay, by fingerprint, nickname or address
  /events [KIND...]       shows events of these kinds from now on; off: no events
  /quit                   ends the prompt

Every other line is a command of the control protocol. A line that begins
with + is followed by lines of data. A line with a single dot ends the data.
Tab completes words. Lines that contain secrets are not kept in the history.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_sorted() {
        assert!(COMMANDS.is_sorted_by_key(|command| command.name));
    }
}
