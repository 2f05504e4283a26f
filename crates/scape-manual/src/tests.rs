//! Tests with whole pages, in the forms that asciidoc (through DocBook),
//! Asciidoctor and people write.

use proptest::prelude::*;

use super::*;

const DOCBOOK: &str = r#"'\" t
.\"     Title: tor
.\" Generator: DocBook XSL Stylesheets v1.79.2 <http://docbook.sf.net/>
.TH "TOR" "1" "01/01/2026" "Tor" "Tor Manual"
.ie \n(.g .ds Aq \(aq
.el       .ds Aq '
.nh
.ad l
.SH "NAME"
tor \- a page for tests
.SH "COMMAND\-LINE OPTIONS"
.PP
\fB\-h\fR, \fB\-\-help\fR
.RS 4
This is no option of a configuration\&.
.RE
.SH "GENERAL OPTIONS"
.PP
\fBKettleSize\fR \fIN\fR \fBbytes\fR|\fBKBytes\fR
.RS 4
How much the kettle holds, in
\fBKettleUnit\fR
(which isn\(cqt \*(Aqcups\*(Aq)\&. Can not be changed while tor is running\&. (Default: 2 KBytes)


A second paragraph \(em about
\fIwater\fR\&.
.if n \{\
.sp
.\}
.RS 4
.it 1 an-trap
.nr an-no-space-flag 1
.nr an-break-flag 1
.br
.ps +1
\fBNote\fR
.ps -1
.br
Hot\&.
.sp .5v
.RE
.RE
.PP
\fBMilkProxy\fR \fIhost\fR[:\fIport\fR], \fBCreamProxy\fR \fIhost\fR[:\fIport\fR]
.RS 4
Where it comes from\&.
.RE
.sp
\fBGuests\fR \fIguest\fR,\fIguest\fR,\fI\&...\fR
.PP
\fBGuests\fR \fBnone\fR
.RS 4
Who comes\&.
.RE
.SH "CLIENT OPTIONS"
.sp
These are useful for guests\&.
.PP
\fBTeaPort\fR [\fIaddress\fR\fB:\fR]\fIport\fR|\fBunix:\fR\fIpath\fR|\fBauto\fR [\fIflags\fR]
.RS 4
Serve tea here\&. (Default: 9050)


Recognized flags are:
.PP
\fBIsolateCups\fR
.RS 4
One cup for each guest\&. (Default: 1)
.RE
.PP
\fBGroup=\fR\fIINT\fR
.RS 4
Which table\&.
.RE
.RE
.PP
.RS 4
Others are:
.sp
.RS 4
.ie n \{\
\h'-04' 1.\h'+01'\c
.\}
.el \{\
.sp -1
.IP "  1." 4.2
.\}
Milk first:
.sp
.if n \{\
.RS 4
.\}
.nf
TeaPort 1 Milk
TeaPort 2
.fi
.if n \{\
.RE
.\}
.RE
.RE
.SH "SIGNALS"
.PP
\fBSIGHUP\fR
.RS 4
No option, either\&.
.RE
"#;

const ASCIIDOCTOR: &str = r#"'\" t
.\" Generator: Asciidoctor 2.0.20
.TH "TOR" "1" "2026-01-01" "Tor" "Tor Manual"
.ie \n(.g .ds Aq \(aq
.el       .ds Aq '
.ss \n[.ss] 0
.nh
.ad l
.de URL
\fI\\$2\fP <\\$1>\\$3
..
.als MTO URL
.if \n[.g] \{\
.  mso www.tmac
.  am URL
.    ad l
.  .
.  LINKSTYLE blue R < >
.\}
.SH "GENERAL OPTIONS"
.sp
\fBKettleSize\fP \fIN\fP \fBbytes\fP|\fBKBytes\fP
.RS 4
How much the kettle holds, in \fBKettleUnit\fP (which isn\(cqt \*(Aqcups\*(Aq).
Can not be changed while tor is running. (Default: 2 KBytes)
.sp
A second paragraph\(emsee \c
.URL "https://tea.test/" "" "."
.if n .sp
.RS 4
.it 1 an-trap
.br
.ps +1
.B Note
.ps -1
.br
.sp
Hot.
.sp .5v
.RE
.RE
.sp
\fBMilkProxy\fP \fIhost\fP[:\fIport\fP], \fBCreamProxy\fP \fIhost\fP[:\fIport\fP]
.RS 4
Where it comes from.
.RE
.SH "CLIENT OPTIONS"
.sp
These are useful for guests.
.sp
\fBTeaPort\fP [\fIaddress\fP\fB:\fP]\fIport\fP|\fBunix:\fP\fIpath\fP|\fBauto\fP [\fIflags\fP]
.RS 4
Serve tea here. (Default: 9050)
.sp
Recognized flags are:
.sp
\fBIsolateCups\fP
.RS 4
One cup for each guest.
.RE
.sp
.RS 4
.ie n \{\
\h'-04'\(bu\h'+03'\c
.\}
.el \{\
.  sp -1
.  IP \(bu 2.3
.\}
An element:
.sp
.if n .RS 4
.nf
.fam C
TeaPort 1
.fam
.fi
.if n .RE
.RE
.RE
"#;

const BY_HAND: &str = r#".TH TOR 1
.SH OPTIONS
\fB-h\fP
Help.
.SH CONFIGURATION
.LP
.TP
\fBKettleSize \fR\fIN\fR \fBbytes\fR|\fBKBytes\fR
How much the kettle holds. (Default: 2 KBytes)
.LP
.TP
\fBTeaPort \fR\fIPORT\fR
Serve tea here.
It is hot.
"#;

fn names(manual: &Manual) -> Vec<&str> {
    manual.iter().map(ManualEntry::name).collect()
}

#[test]
fn page_made_by_docbook() {
    let manual = Manual::parse(DOCBOOK.as_bytes());
    assert_eq!(names(&manual), ["KettleSize", "MilkProxy", "CreamProxy", "Guests", "TeaPort"]);

    let kettle = manual.get("kettlesize").unwrap();
    assert_eq!(kettle.forms(), ["N bytes|KBytes"]);
    assert_eq!(kettle.section(), "GENERAL OPTIONS");
    assert_eq!(kettle.default(), Some("2 KBytes"));
    assert!(kettle.is_immutable());
    assert_eq!(
        kettle.help(),
        "How much the kettle holds, in KettleUnit (which isn't 'cups'). Can not be changed while tor is running. (Default: 2 KBytes)\n\n\
         A second paragraph — about water.\n\n    Note\n    Hot."
    );

    let (milk, cream) = (manual.get("MILKPROXY").unwrap(), manual.get("CreamProxy").unwrap());
    assert_eq!((milk.forms(), milk.help()), (cream.forms(), "Where it comes from."));
    let guests = manual.get("guests").unwrap();
    assert_eq!((guests.forms().len(), guests.help()), (2, "Who comes."));
    assert_eq!(guests.forms(), ["guest,guest,...", "none"]);

    let tea = manual.get("TeaPort").unwrap();
    assert_eq!(tea.forms(), ["[address:]port|unix:path|auto [flags]"]);
    assert_eq!(
        (tea.section(), tea.default(), tea.is_immutable()),
        ("CLIENT OPTIONS", Some("9050"), false)
    );
    assert_eq!(
        tea.help(),
        "Serve tea here. (Default: 9050)\n\nRecognized flags are:\n\nIsolateCups\n    One cup for each guest. (Default: 1)\n\n\
         Group=INT\n    Which table.\n\nOthers are:\n\n 1. Milk first:\n\n        TeaPort 1 Milk\n        TeaPort 2"
    );
}

#[test]
fn page_made_by_asciidoctor() {
    let manual = Manual::parse(ASCIIDOCTOR.as_bytes());
    assert_eq!(names(&manual), ["KettleSize", "MilkProxy", "CreamProxy", "TeaPort"]);
    let kettle = manual.get("KettleSize").unwrap();
    assert_eq!(
        (kettle.forms(), kettle.default()),
        (&["N bytes|KBytes".to_owned()][..], Some("2 KBytes"))
    );
    assert!(kettle.is_immutable());
    assert!(
        kettle
            .help()
            .ends_with("\n\nA second paragraph—see https://tea.test/.\n\n    Note\n\n    Hot."),
        "{}",
        kettle.help()
    );
    assert_eq!(
        manual.get("teaport").unwrap().help(),
        "Serve tea here. (Default: 9050)\n\nRecognized flags are:\n\nIsolateCups\n    One cup for each guest.\n\n\
         •   An element:\n\n        TeaPort 1"
    );
}

#[test]
fn page_written_by_hand() {
    let manual = Manual::parse(BY_HAND.as_bytes());
    assert_eq!(names(&manual), ["KettleSize", "TeaPort"]);
    assert_eq!(manual.get("KettleSize").unwrap().default(), Some("2 KBytes"));
    let tea = manual.get("TeaPort").unwrap();
    assert_eq!((tea.forms(), tea.section()), (&["PORT".to_owned()][..], "CONFIGURATION"));
    assert_eq!(tea.help(), "Serve tea here. It is hot.");
}

#[test]
fn repeated_option_is_one_entry() {
    let page = ".SH A\n.PP\n\\fBLog\\fR one\n.RS\nFirst.\n.RE\n.PP\n\\fBLOg\\fR two\n.RS\nSecond.\n.RE\n.PP\n\\fBLog\\fR one\n.RS\nThird.\n.RE";
    let manual = Manual::parse(page.as_bytes());
    assert_eq!(names(&manual), ["Log"]);
    let log = manual.get("log").unwrap();
    assert_eq!(log.forms(), ["one", "two"]);
    assert_eq!(log.help(), "First.\n\nSecond.\n\nThird.");
}

#[test]
fn empty_page_has_no_entries() {
    let manual = Manual::parse(b"");
    assert!(manual.is_empty() && manual.iter().next().is_none());
    assert!(manual.get("SocksPort").is_none());
}

/// Parses large pages that repeat the same lines. Parsing takes linear time
/// only if no part of a page is examined more than a few times.
#[test]
fn large_pages_take_linear_time() {
    let many = |line: &str| line.repeat(100_000);
    for page in [
        many(".RS\n"),
        format!(".SH A\n.PP\n\\fBPot\\fR\n{}", many(".RS\nx\n")),
        many(".TP\n\\fBAb\\fR\n.RS\n"),
        many(".de x\n"),
        many(".ie n \\{\\\n"),
        many(".if n "),
        format!("{}{}", ".if t \\{\\\n", many(".if n \\{\\\n")),
        many("\\h'"),
        format!("\\fBPot\\fR {}", many("x, \\fBAb\\fR ")),
        many(".PP\n\\fBPot\\fR x\n.RS\ny\n.RE\n"),
        many(".ds a \\*a\\*a\n\\*a\n"),
        many(".PP\n\\fBAb\\fR\n"),
        many("(Default: ("),
        (0..50_000).map(|n| format!(".PP\n\\fBAb\\fR {n}\n.RS\n")).collect(),
        format!(".SH {}\n{}", many("x"), many(".PP\n\\fBAb\\fR\n.RS\n.RE\n")),
    ] {
        let manual = Manual::parse(page.as_bytes());
        assert!(manual.len() <= 2);
    }
}

/// Generates lines of roff: valid lines of the test pages, nearly valid
/// requests, and arbitrary text.
fn piece() -> impl Strategy<Value = String> {
    let known: Vec<&str> =
        DOCBOOK.lines().chain(ASCIIDOCTOR.lines()).chain(BY_HAND.lines()).collect();
    prop_oneof![
        8 => proptest::sample::select(known).prop_map(str::to_owned),
        1 => "[.'][a-zA-Z]{0,3} ?[\\\\{}(\\[*a-z\" ]{0,8}",
        1 => "\\PC{0,12}",
    ]
}

/// Checks the properties of a manual that hold for any page: for example, names
/// are words, and no text has a control character.
fn is_sound(manual: &Manual) -> Result<(), TestCaseError> {
    for entry in manual {
        prop_assert!(entry.name().chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
        prop_assert_eq!(manual.get(&entry.name().to_uppercase()), Some(entry));
        prop_assert!(!entry.forms().is_empty());
        let texts =
            entry.forms().iter().map(String::as_str).chain([entry.section(), entry.summary()]);
        for text in texts.chain(entry.default()).chain(entry.help().lines()) {
            prop_assert!(!text.contains(char::is_control), "{text:?}");
        }
        prop_assert!(entry.help().contains(entry.summary()));
        let _ = entry.to_string();
    }
    Ok(())
}

proptest! {
    #[test]
    fn manual_of_any_bytes_is_sound(page in proptest::collection::vec(any::<u8>(), 0..400)) {
        is_sound(&Manual::parse(&page))?;
    }

    #[test]
    fn manual_of_any_lines_is_sound(lines in proptest::collection::vec(piece(), 0..60)) {
        is_sound(&Manual::parse(lines.join("\n").as_bytes()))?;
    }

    #[test]
    fn manual_of_a_flawed_page_is_sound(
        page in proptest::sample::select(vec![DOCBOOK, ASCIIDOCTOR, BY_HAND]),
        flaws in proptest::collection::vec(
            (
                any::<proptest::sample::Index>(),
                0_usize..20,
                proptest::collection::vec(any::<u8>(), 0..6),
            ),
            1..5,
        ),
    ) {
        let mut bytes = page.as_bytes().to_vec();
        for (at, cut, insert) in flaws {
            let at = at.index(bytes.len() + 1);
            let end = (at + cut).min(bytes.len());
            bytes.splice(at..end, insert);
        }
        is_sound(&Manual::parse(&bytes))?;
    }

    /// Checks that the text of an option doesn't depend on the positions of its
    /// line ends.
    #[test]
    fn option_text_round_trip(
        name in "(__)?[A-Z][a-z][A-Za-z0-9]{0,20}",
        form in "[a-z|\\[\\]:]{0,20}",
        words in proptest::collection::vec("[a-zA-Z0-9,;-]{1,8}", 1..20),
        cuts in proptest::collection::vec(any::<bool>(), 20),
        asciidoctor: bool,
    ) {
        let mut text = String::new();
        for (word, cut) in words.iter().zip(cuts) {
            text.push_str(&word.replace('-', "\\-"));
            text.push(if cut { '\n' } else { ' ' });
        }
        let begin = if asciidoctor { ".sp" } else { ".PP" };
        let page = format!(".SH \"X OPTIONS\"\n{begin}\n\\fB{name}\\fR {form}\n.RS 4\n{}\n.RE\n", text.trim_end());
        let manual = Manual::parse(page.as_bytes());
        prop_assume!(!form.ends_with(':'));
        let entry = manual.get(&name).expect("it is there");
        prop_assert_eq!(entry.forms(), [form]);
        prop_assert_eq!(entry.help(), words.join(" "));
    }
}
