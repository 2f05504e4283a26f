//! Lets each stream leave the network in the country of its destination, if
//! there is an exit in that country.
//!
//! `cargo run --example exits_in_country` runs until Enter is pressed. The
//! countries come from tor's own database.
//!
//! Set `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`) if tor is at an
//! unusual place. If tor needs a password, it is read from
//! `TOR_CONTROL_PASSWD`, or the program asks for it.
//!
//! End the program with Enter, not with Ctrl-C: while it runs, tor makes every
//! new stream wait for it. Such streams can be distinguished from those of
//! other users. The example shows what is possible, and is not a
//! recommendation.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use scape::attach::{Decision, StreamRequest};
use scape::event::StreamTarget;
use scape::path::PathBuilder;
use scape::word::CountryCode;
use scape::{CircuitBuilder, Connect, State};

/// The timeout of looking up a name.
const LOOK_UP: Duration = Duration::from_secs(30);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let state = State::new(&Connect::from_env()?.connect_interactive()?)?;
    let countries = countries(&state)?;
    // Choose relays by the same rule as tor.
    let distinct =
        state.controller().get_conf("EnforceDistinctSubnets")?.is_none_or(|value| value != "0");
    let attacher = {
        let state = state.clone();
        state.clone().attach(move |stream: &StreamRequest| {
            let target = stream.target();
            // Look-ups arrive here too, even those of this program.
            let Some(port) = target.port().filter(|port| *port != 0) else {
                return Decision::Pass;
            };
            let Some((address, country)) = place(&state, target) else {
                println!("{target} is nobody knows where");
                return Decision::Pass;
            };
            let country_of = {
                let countries = countries.clone();
                move |ip: IpAddr| countries.get(&ip).copied()
            };
            let path = PathBuilder::new()
                .exit_to(SocketAddr::new(address, port))
                .exit_in([country], country_of)
                .distinct_subnets(distinct);
            match CircuitBuilder::choosing(path).build(&state) {
                Ok(circuit) => {
                    println!("{target} is in {country}: it goes over {circuit}");
                    Decision::on(circuit)
                }
                Err(error) => {
                    println!("{target} is in {country}, where no exit is: {error}");
                    Decision::Pass
                }
            }
        })?
    };
    println!("attaching streams, until Enter is pressed");
    io::stdin().read_line(&mut String::new())?;
    // From now on, tor attaches streams itself again.
    attacher.close()?;
    Ok(())
}

/// Returns a map from the relays' addresses to the countries of these
/// addresses.
fn countries(state: &State) -> scape::Result<HashMap<IpAddr, CountryCode>> {
    let mut countries = HashMap::new();
    for router in state.routers().iter() {
        if let Some(address) = router.or_address().map(|address| IpAddr::from(*address.ip()))
            && !countries.contains_key(&address)
            && let Some(country) = state.controller().info().ip_to_country(address)?
        {
            countries.insert(address, country);
        }
    }
    Ok(countries)
}

/// Returns the target's address and the address's country. A name is resolved
/// through tor. Returns `None` if the address or the country can't be found.
fn place(state: &State, target: &StreamTarget) -> Option<(IpAddr, CountryCode)> {
    let controller = state.controller();
    let address = match target.ip() {
        Some(address) => address,
        None => controller.resolve(target.host(), LOOK_UP).ok()?,
    };
    Some((address, controller.info().ip_to_country(address).ok()??))
}
