//! Recognizes programs that connect without Tor, even though the proxy
//! variables are set.

use std::ffi::OsString;

use super::wrappers;

/// Names of programs that are refused, because they connect without Tor. Each
/// group of names comes with the reason.
const LEAKS: &[(&[&str], &str)] = &[
    (
        &["ping", "ping4", "ping6", "fping", "arping", "hping3"],
        "sends ICMP packets, which Tor can't carry",
    ),
    (
        &["traceroute", "traceroute6", "tracepath", "tracepath6", "mtr", "nmap", "ntpdate"],
        "sends packets of its own, which Tor can't carry",
    ),
    (
        &["dig", "nslookup", "host", "drill", "delv", "kdig", "getent", "resolvectl"],
        "asks the system's name servers directly; `scape resolve NAME` asks through Tor",
    ),
    (
        &["telnet", "nc", "ncat", "netcat", "socat", "nc.openbsd", "nc.traditional"],
        "ignores the proxy variables; `scape connect HOST:PORT` connects through Tor",
    ),
    (
        &["ssh", "scp", "sftp", "autossh", "mosh", "rsync", "sshfs"],
        "ignores the proxy variables; use ssh with -o ProxyCommand='scape connect %h:%p'",
    ),
    (
        &["ftp", "tftp", "whois", "finger", "rlogin", "smbclient", "mail", "sendmail"],
        "ignores the proxy variables",
    ),
    (&["wget", "wget2"], "doesn't support SOCKS proxies; use curl, or wget with `scape proxy`"),
    (
        &["hg", "chg"],
        "doesn't support SOCKS proxies, and takes its ssh from its own settings; use hg with \
         `scape proxy` and --config http_proxy.host",
    ),
    (
        &["sudo", "doas", "su", "pkexec", "runuser", "systemd-run", "at", "batch"],
        "starts programs without the proxy variables; run scape inside of it instead",
    ),
];

/// ssh and programs that start it. They connect through Tor only if their
/// options make `scape connect` the ProxyCommand of ssh.
const SSH: &[&str] = &["ssh", "scp", "sftp", "autossh", "rsync", "sshfs"];
/// The short options of curl, other than `-x`, whose value is the next word if
/// it isn't joined with the option.
const CURL_VALUES: &str = "AbcCdDeEFhHKmoPQrtTuUwXyYz";

/// Returns the reason to refuse a command line, because the program is known to
/// connect without Tor. Returns `None` if it may run. `leads_git` is true if
/// the variables make git's ssh connect through Tor.
pub(super) fn find(words: &[OsString], leads_git: bool) -> Option<String> {
    let words: Vec<String> = words.iter().map(|it| it.to_string_lossy().into_owned()).collect();
    let words = match wrappers::unwrap(&words) {
        Ok(words) => words,
        Err(why) => return Some(why),
    };
    let (program, arguments) = words.split_first()?;
    let program = wrappers::name(program)?;
    match program {
        "curl" => curl(arguments),
        "git" => git(arguments, leads_git),
        _ if SSH.contains(&program) && is_safe_ssh(arguments) => None,
        _ => {
            let leak = LEAKS.iter().find(|(names, _)| names.contains(&program));
            leak.map(|(_, why)| format!("{program} {why}"))
        }
    }
}

/// Returns true if the arguments make ssh connect with `scape connect`, or make
/// no connection.
fn is_safe_ssh(arguments: &[String]) -> bool {
    let connects_through_tor = |word: &String| {
        let lower = word.to_ascii_lowercase();
        lower.contains("proxycommand") && lower.contains("scape")
    };
    arguments.iter().any(connects_through_tor) || matches!(arguments, [only] if only == "-V")
}

/// Returns the reason to refuse curl if one of its options makes it use no
/// proxy, or a different one.
fn curl(arguments: &[String]) -> Option<String> {
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if let Some(long) = word.strip_prefix("--") {
            // Long options may be abbreviated.
            if long.len() >= 3 && "noproxy".starts_with(long) {
                return Some("`curl --noproxy` connects directly to some hosts".to_owned());
            }
            if replaces_proxy(long) {
                return Some(format!("`curl --{long}` uses another proxy, or none"));
            }
            continue;
        }
        let Some(letters) = word.strip_prefix('-') else { continue };
        for (at, letter) in letters.char_indices() {
            if letter == 'x' {
                return Some("`curl -x` uses another proxy, or none".to_owned());
            }
            if CURL_VALUES.contains(letter) {
                if at + letter.len_utf8() == letters.len() {
                    words.next();
                }
                break;
            }
        }
    }
    None
}

/// Returns true if a long option of curl sets a proxy. `option` is the option
/// without `--`, perhaps abbreviated.
fn replaces_proxy(option: &str) -> bool {
    let sets = |name: &str, shortest: usize| option.len() >= shortest && name.starts_with(option);
    // The options --socks5-basic and --socks5-gssapi only choose a method of
    // authentication.
    let is_socks = option.starts_with("socks")
        && !option.starts_with("socks5-b")
        && !option.starts_with("socks5-g");
    sets("proxy1.0", 4) || sets("preproxy", 3) || is_socks
}

/// Returns the reason to refuse git if it would connect without Tor. There are
/// three causes: an option that sets a proxy or an ssh, a `git://` URL, and a
/// repository that is fetched with ssh. If `leads_ssh` is true, ssh connects
/// through Tor, so repositories that are fetched with ssh are allowed.
fn git(arguments: &[String], leads_ssh: bool) -> Option<String> {
    if let Some(word) = arguments.iter().find(|word| word.starts_with("git://")) {
        return Some(format!("git connects to {word} without a proxy; use https:// instead"));
    }
    if let Some(setting) = git_settings(arguments).find(|setting| replaces_git_proxy(setting)) {
        let name = setting.split_once('=').map_or(setting, |(name, _)| name);
        return Some(format!("the setting {name} makes git connect with another proxy, or none"));
    }
    if leads_ssh {
        return None;
    }
    let copies = arguments.iter().any(|word| matches!(word.as_str(), "clone" | "ls-remote"));
    let ignores = |word: &&String| {
        let is_url = ["ssh://", "git+ssh://"].iter().any(|start| word.starts_with(start));
        is_url || is_over_ssh(word, copies)
    };
    // The first word after one of these commands is a repository. Later words
    // may also have the form `a:b`.
    let is_transfer = |word: &String| matches!(word.as_str(), "fetch" | "pull" | "push");
    let mut words = arguments.iter().skip_while(|word| !is_transfer(word)).skip(1);
    let repository = words.find(|word| !word.starts_with('-'));
    let repository = repository.filter(|word| is_over_ssh(word, true));
    let word = arguments.iter().find(ignores).or(repository)?;
    Some(format!(
        "git connects to {word} with the ssh of GIT_SSH_COMMAND or GIT_SSH; unset them, and scape \
         leads ssh through Tor"
    ))
}

/// Returns the settings `name=value` in the arguments of git. A setting follows
/// `-c` or `--config`, or is joined with it. Other words after `-c` are
/// returned, too, such as the branch in `git switch -c branch`.
fn git_settings(arguments: &[String]) -> impl Iterator<Item = &str> {
    let before = std::iter::once("").chain(arguments.iter().map(String::as_str));
    arguments.iter().zip(before).filter_map(|(word, before)| {
        let joined = ["--config=", "--config-env=", "-c"];
        let joined = joined.iter().find_map(|option| word.strip_prefix(option));
        let is_value = matches!(before, "-c" | "--config" | "--config-env");
        if is_value { Some(word.as_str()) } else { joined }
    })
}

/// Returns true if a setting `name=value` of git sets a proxy, or sets an ssh
/// that doesn't connect with `scape connect`.
fn replaces_git_proxy(setting: &str) -> bool {
    let Some((name, value)) = setting.split_once('=') else { return false };
    let name = name.to_ascii_lowercase();
    let is_proxy = ["http.", "remote."].iter().any(|section| name.starts_with(section))
        && name.ends_with(".proxy");
    let is_ssh = name == "core.sshcommand" && !value.contains("scape");
    is_proxy || is_ssh || name == "core.gitproxy"
}

/// Returns true if git would fetch the repository `word` with ssh, as for
/// `user@host:path`. If `is_repository` is false, the word may also be
/// something else, such as `main:main`, so only a word with a user counts.
fn is_over_ssh(word: &str, is_repository: bool) -> bool {
    let Some((host, _)) = word.split_once(':').filter(|_| !word.contains("://")) else {
        return false;
    };
    let is_host = !host.starts_with('-') && !host.contains(['/', ' ']);
    is_host && (is_repository || host.contains('@') && !host.contains("@{"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(words: &[&str]) -> Option<String> {
        find(&words.iter().map(OsString::from).collect::<Vec<_>>(), false)
    }

    fn line(line: &str) -> Option<String> {
        found(&line.split(' ').collect::<Vec<_>>())
    }

    #[test]
    fn programs_that_leak_are_found_behind_wrappers_and_paths() {
        for leak in [
            "ping -c 1 example.com",
            "/usr/bin/dig example.com",
            "env A=1 nice -n 5 telnet example.com",
            "timeout 5s ssh example.com",
            "timeout -s KILL 5 ping example.com",
            "timeout --signal KILL -k 1 5 ping example.com",
            "stdbuf -o L ping example.com",
            "stdbuf -oL --err 0 ping example.com",
            "env -u X ping example.com",
            "env -C / -uX -- ping example.com",
            "nohup chrt -r 5 taskset -c 0 ping example.com",
            "sudo curl https://example.com",
            "hg clone ssh://hg@example.com/a",
        ] {
            assert!(line(leak).is_some(), "{leak}");
        }
        assert!(found(&["env", "-S", "A=1 ping -c 1", "example.com"]).is_some());
        assert!(found(&["env", "-S-u X ping example.com"]).is_some());
        for safe in [
            "curl https://example.com/ping",
            "env",
            "env -u X",
            "timeout",
            "python3 ping.py",
            "nice make host",
            "timeout 5 make ping",
            "./ping",
            "/home/me/bin/ping",
            "env -u A python3 ping",
        ] {
            assert_eq!(line(safe), None, "{safe}");
        }
    }

    #[test]
    fn changes_of_the_proxy_are_found() {
        for leak in [
            "env -i curl https://example.com",
            "env - A=1 curl https://example.com",
            "env --ignore-env curl https://example.com",
            "env -vi curl https://example.com",
            "nice env -u http_proxy curl http://example.com",
            "env -uALL_PROXY curl http://example.com",
            "env --unset=https_proxy curl https://example.com",
            "env NO_PROXY=example.com curl https://example.com",
            "curl --noproxy * https://example.com",
            "curl --noprox * https://example.com",
            "curl -sSx  https://example.com",
            "curl --proxy  https://example.com",
            "curl --prox  https://example.com",
            "curl --preproxy x https://example.com",
            "curl --prep x https://example.com",
            "curl --proxy1.0 x https://example.com",
            "curl --socks4 x https://example.com",
            "curl --socks4a x https://example.com",
            "curl --socks5 x https://example.com",
            "curl --socks5-hostname x https://example.com",
            "curl --socks5-h x https://example.com",
            "git clone git://example.com/a",
            "git clone git@example.com:a",
            "git clone alice@example.com:a/b",
            "git clone example.com:a",
            "git fetch alice@example.com:a",
            "git fetch --all example.com:a",
            "git push example.com:a main:main",
            "git -c http.proxy= clone https://example.com/a.git",
            "git -c HTTP.https://example.com.Proxy=x fetch",
            "git -C a -c remote.origin.proxy=x pull",
            "git --config-env=http.proxy=NAME clone https://example.com/a.git",
            "git --config-env http.proxy=NAME clone https://example.com/a.git",
            "git clone -chttp.proxy=x https://example.com/a.git",
            "git clone --config http.proxy=x https://example.com/a.git",
            "git clone --config=core.sshCommand=ssh https://example.com/a.git",
            "env PIP_PROXY=x pip install a",
            "env -u npm_config_noproxy npm install",
            "env -u RSYNC_RSH make",
            "env GIT_CONFIG_VALUE_0= git clone https://example.com/a.git",
            "env SVN_SSH=ssh svn checkout svn+ssh://example.com/a",
            "nice env --unset=BORG_RSH borg list",
            "env CVS_RSH=ssh cvs update",
            "env -u SCAPE_SOCKS scape get https://example.com",
        ] {
            assert!(line(leak).is_some(), "{leak}");
        }
        for safe in [
            "curl -o x -Hx --no-progress-meter https://example.com",
            "curl -H -x https://example.com",
            "curl --proxy-header a:b --socks5-basic https://example.com",
            "git clone https://example.com/a.git",
            "git clone ./a:b",
            "git push origin main:main",
            "git show HEAD@{1}:a",
            "git clone --config=a:b https://example.com/a",
            "git -c http.proxyAuthMethod=basic -c user.name=x fetch",
            "git switch -c http.proxy",
            "git commit -m http.proxy=x",
            "env -v A=1 curl https://example.com",
        ] {
            assert_eq!(line(safe), None, "{safe}");
        }
    }

    #[test]
    fn git_may_use_an_ssh_that_connects_through_tor() {
        let found =
            |line: &str| find(&line.split(' ').map(OsString::from).collect::<Vec<_>>(), true);
        for safe in ["git clone git@example.com:a", "git fetch ssh://example.com/a"] {
            assert_eq!(found(safe), None, "{safe}");
        }
        for leak in [
            "git clone git://example.com/a",
            "env GIT_SSH_COMMAND=ssh git clone git@example.com:a",
            "env -u GIT_SSH_COMMAND git clone git@example.com:a",
            "env GIT_SSH=/usr/bin/ssh git clone git@example.com:a",
        ] {
            assert!(found(leak).is_some(), "{leak}");
        }
    }

    #[test]
    fn ssh_may_connect_with_our_command() {
        let option = "ProxyCommand=scape connect %h:%p";
        assert_eq!(found(&["ssh", "-o", option, "example.com"]), None);
        assert_eq!(found(&["ssh", "-V"]), None);
        assert!(found(&["ssh", "-o", "ProxyCommand=nc %h %p", "example.com"]).is_some());
        assert!(found(&["ssh", "-V", "example.com"]).is_some());
        assert!(found(&["mosh", "-o", option, "example.com"]).is_some());
    }
}
