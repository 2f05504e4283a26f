//! The types of configuration options, from `GETINFO config/names`.

open_enum! {
    /// The type of an option, from `GETINFO config/names`. Each variant
    /// describes the form of GETCONF's answer, and the forms that SETCONF
    /// accepts.
    pub enum ConfigType {
        /// `0` or `1`.
        Boolean = "Boolean",
        /// `0`, `1` or `auto`.
        BooleanAuto = "Boolean+Auto",
        /// A decimal number, 0 or more.
        Integer = "Integer",
        /// A decimal number, which may be negative.
        SignedInteger = "SignedInteger",
        /// A decimal fraction.
        Float = "Float",
        /// A number of bytes. SETCONF also accepts units, such as `1 GB`.
        DataSize = "DataSize",
        /// A number of seconds. SETCONF also accepts units, such as `10
        /// minutes`.
        TimeInterval = "TimeInterval",
        /// A number of milliseconds. SETCONF also accepts units, such as `2
        /// seconds`.
        TimeMsecInterval = "TimeMsecInterval",
        /// A string, which may be any text.
        String = "String",
        /// A path.
        Filename = "Filename",
        /// Comma-separated strings.
        CommaList = "CommaList",
        /// Comma-separated relays: fingerprints, nicknames, countries (`{de}`)
        /// and addresses.
        RouterList = "RouterList",
        /// A list, with one line for each value.
        LineList = "LineList",
        /// A list, with one line for each value. The option belongs to a group
        /// of options in which the order of all lines matters. For example,
        /// each `HiddenServicePort` belongs to the `HiddenServiceDir` before
        /// it.
        Dependent = "Dependent",
        /// A group of options. GETCONF returns the lines of the options in the
        /// group. SETCONF can't set the group itself.
        Virtual = "Virtual",
    }
}
