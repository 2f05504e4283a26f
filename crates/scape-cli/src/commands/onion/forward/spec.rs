//! Parses the arguments of `scape onion forward`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use scape::control::OnionTarget;
use scape::word::OnionAddress;

use crate::commands::onion::key_files::KeyName;

/// The port of the onion address for an exported Unix socket, unless the user
/// specifies a port.
const USUAL_PORT: u16 = 80;

/// An argument: an export of a local address as an onion address, or an import
/// of an onion service to a local address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spec {
    Export(Export),
    Import(Import),
}

/// An export: connections to these ports of an onion address are forwarded to
/// the local address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Export {
    pub(super) local: OnionTarget,
    pub(super) ports: Vec<u16>,
    pub(super) name: Option<KeyName>,
}

/// An import: connections to the local address are forwarded to this port of an
/// onion service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) address: OnionAddress,
    pub(super) port: u16,
    pub(super) local: SocketAddr,
}

impl FromStr for Spec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The path of a socket may contain `@` and `~`, but a name or a port
        // can't.
        let (rest, name) = match text.rsplit_once('@') {
            Some((rest, name)) if !name.contains(['/', '~']) => (rest, Some(name.parse()?)),
            _ => (text, None),
        };
        let (source, destination) = match rest.rsplit_once('~') {
            Some((source, destination)) if !destination.contains('/') => {
                (source, Some(destination))
            }
            _ => (rest, None),
        };
        if let Some((host, port)) = source.rsplit_once(':')
            && host.to_ascii_lowercase().ends_with(".onion")
        {
            if name.is_some() {
                return Err(
                    "a forward from an onion service can't have a name: remove @NAME".to_owned()
                );
            }
            return import(host, port, destination).map(Spec::Import);
        }
        if source.to_ascii_lowercase().ends_with(".onion") {
            return Err(format!("the port is missing: {source}:80, for example"));
        }
        export(source, destination, name).map(Spec::Export)
    }
}

fn import(host: &str, onion_port: &str, destination: Option<&str>) -> Result<Import, String> {
    let address = host.parse().map_err(|error| format!("{host}: {error}"))?;
    let onion_port = port(onion_port)?;
    let local = match destination {
        None => SocketAddr::from((Ipv4Addr::LOCALHOST, onion_port)),
        // Port 0 stands for any free port.
        Some("0") => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        Some(text) => local(text)?,
    };
    Ok(Import { address, port: onion_port, local })
}

fn export(
    source: &str,
    destination: Option<&str>,
    name: Option<KeyName>,
) -> Result<Export, String> {
    let ports = destination.map(|text| text.split(',').map(port).collect()).transpose()?;
    if source.starts_with('/') || source.starts_with("unix:") {
        if let (Some(name), None) = (&name, destination) {
            let name = name.as_str();
            return Err(format!(
                "@{name} may be a name or a part of the path: write {source}~{USUAL_PORT}@{name} \
                 for the name, or {source}@{name}~{USUAL_PORT} for the path"
            ));
        }
        let path = PathBuf::from(source.strip_prefix("unix:").unwrap_or(source));
        let ports = ports.unwrap_or_else(|| vec![USUAL_PORT]);
        return Ok(Export { local: unix(path)?, ports, name });
    }
    let address = local(source)?;
    let ports = ports.unwrap_or_else(|| vec![address.port()]);
    Ok(Export { local: OnionTarget::Tcp(address), ports, name })
}

#[cfg(unix)]
fn unix(path: PathBuf) -> Result<OnionTarget, String> {
    Ok(OnionTarget::Unix(path))
}

#[cfg(not(unix))]
fn unix(path: PathBuf) -> Result<OnionTarget, String> {
    Err(format!("this system has no Unix sockets: {}", path.display()))
}

fn port(text: &str) -> Result<u16, String> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| is_number && *port != 0);
    port.ok_or_else(|| format!("{text:?} isn't a port from 1 to 65535"))
}

/// Parses a port, which means 127.0.0.1, or an IP address with a port. The only
/// host name that is allowed is `localhost`.
fn local(text: &str) -> Result<SocketAddr, String> {
    let Some((host, number)) = text.rsplit_once(':') else {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port(text)?)));
    };
    let number = port(number)?;
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, number)));
    }
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let ip: IpAddr = bare.unwrap_or(host).parse().map_err(|_| {
        format!("{host:?} isn't an IP address; names aren't resolved, because that could leak them")
    })?;
    Ok(SocketAddr::new(ip, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONION: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";

    fn exported(text: &str) -> (String, Vec<u16>, Option<String>) {
        match text.parse() {
            Ok(Spec::Export(export)) => {
                let name = export.name.map(|name| name.as_str().to_owned());
                (export.local.to_string(), export.ports, name)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn local_addresses_are_exported() {
        let none = None::<String>;
        assert_eq!(exported("8000"), ("127.0.0.1:8000".into(), vec![8000], none.clone()));
        assert_eq!(exported("8000~80"), ("127.0.0.1:8000".into(), vec![80], none.clone()));
        assert_eq!(
            exported("192.168.1.2:8000~80,8080@my-app"),
            ("192.168.1.2:8000".into(), vec![80, 8080], Some("my-app".into()))
        );
        assert_eq!(exported("[::1]:22"), ("[::1]:22".into(), vec![22], none.clone()));
        assert_eq!(exported("localhost:22@a"), ("127.0.0.1:22".into(), vec![22], Some("a".into())));
    }

    #[cfg(unix)]
    #[test]
    fn unix_sockets_are_exported() {
        let none = None::<String>;
        let unix = |path: &str| OnionTarget::Unix(path.into()).to_string();
        assert_eq!(
            exported("/run/a@b~c.sock~80"),
            (unix("/run/a@b~c.sock"), vec![80], none.clone())
        );
        let named = (unix("/run/a.sock"), vec![80], Some("x".into()));
        assert_eq!(exported("/run/a.sock~80@x"), named);
        assert_eq!(exported("/run/app@1.sock~80"), (unix("/run/app@1.sock"), vec![80], None));
        assert_eq!(exported("/run/a~b/c.sock"), (unix("/run/a~b/c.sock"), vec![80], None));
        // Only the user knows what is meant.
        let error = "/run/app@1.sock".parse::<Spec>().unwrap_err();
        assert!(error.contains("write /run/app~80@1.sock for the name, or /run/app@1.sock~80"));
    }

    #[test]
    fn onion_services_are_imported() {
        for (end, local) in [
            (":80", "127.0.0.1:80"),
            (":80~8080", "127.0.0.1:8080"),
            (":80~0", "127.0.0.1:0"),
            (":80~0.0.0.0:8080", "0.0.0.0:8080"),
            (":80~[::1]:8080", "[::1]:8080"),
        ] {
            let Ok(Spec::Import(import)) = format!("{ONION}{end}").parse() else { panic!("{end}") };
            assert_eq!((import.local.to_string().as_str(), import.port), (local, 80));
            assert_eq!(import.address.to_string(), ONION);
        }
    }

    #[test]
    fn invalid_words_are_explained() {
        for (text, why) in [
            ("", "port"),
            ("0", "port"),
            ("+80", "port"),
            ("8000~", "port"),
            ("8000~80,", "port"),
            ("8000~onion:80", "port"),
            ("example.com:80", "names aren't resolved"),
            ("8000@a/b", "port"),
            ("8000@.a", "a name has"),
            (ONION, "the port is missing"),
            (&format!("{ONION}:80@x"), "can't have a name"),
            ("abc.onion:80", "abc.onion"),
        ] {
            let error = text.parse::<Spec>().unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
