//! The types of configuration options.

open_enum! {
    /// The type of an option, in `GETINFO config/names`. What each looks like
    /// in GETCONF's answer and what SETCONF accepts:
    pub enum ConfigType {
        /// `0` or `1`.
        Boolean = "Boolean",
        /// `0`, `1` or `auto`.
        BooleanAuto = "Boolean+Auto",
        /// A decimal number, 0 or more.
        Integer = "Integer",
        /// A decimal number.
        SignedInteger = "SignedInteger",
        /// A decimal fraction.
        Float = "Float",
        /// Bytes; SETCONF also accepts units, such as `1 GB`.
        DataSize = "DataSize",
        /// Seconds; SETCONF also accepts units, such as `10 minutes`.
        TimeInterval = "TimeInterval",
        /// Milliseconds; SETCONF also accepts units.
        TimeMsecInterval = "TimeMsecInterval",
        /// A text.
        String = "String",
        /// A path.
        Filename = "Filename",
        /// Texts with commas between them.
        CommaList = "CommaList",
        /// Relays with commas between them: fingerprints, nicknames, countries
        /// (`{de}`), addresses.
        RouterList = "RouterList",
        /// A line for each value.
        LineList = "LineList",
        /// A line for each value, whose order among the other options of its
        /// group counts.
        Dependent = "Dependent",
        /// A group: GETCONF gives its options' lines, and it cannot be set
        /// itself.
        Virtual = "Virtual",
    }
}
