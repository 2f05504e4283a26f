//! `scape resolve` looks up names and addresses through tor.

use std::collections::BTreeMap;
use std::net::IpAddr;

use clap::Args;
use crossbeam_channel::{Receiver, unbounded};
use scape::TorClient;
use scape::socks::Target;
use serde::Serialize;

use crate::base::background;
use crate::base::busy::Busy;
use crate::base::context::Context;
use crate::base::failure::{Exit, Failure};
use crate::base::output::printable;
use crate::base::table::Table;
use crate::base::threads;

/// The maximum number of look-ups that run at the same time.
const AT_ONCE: usize = 16;

/// Look up names and addresses through tor
///
/// An exit relay does the look-up. For a name, only one address is printed,
/// even if the name has several. For an address, don't trust the name, because
/// the owner of the address chooses it.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Host names, to get their addresses, or IP addresses, to get their names
    #[arg(required = true, value_name = "NAME|IP", value_parser = query)]
    queries: Vec<String>,

    /// Use circuits that no other stream uses
    #[arg(long)]
    isolate: bool,
}

/// The result of a look-up, as it is printed with `--json`, one per line.
#[derive(Debug, Serialize)]
struct Answer {
    /// The name or address from the command line.
    query: String,
    address: Option<IpAddr>,
    name: Option<String>,
    /// The reason why the look-up failed. `null` if it succeeded.
    error: Option<String>,
    #[serde(skip)]
    exit: Option<Exit>,
}

/// Checks that `text` is a host name or an IP address, before anything is sent.
fn query(text: &str) -> Result<String, String> {
    let is_ip = |text: &str| text.parse::<IpAddr>().is_ok();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if is_ip(bare.unwrap_or(text)) {
        return Ok(text.to_owned());
    }
    // The rules for names are those of connections. The port isn't used.
    match Target::new(text, 80) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("neither a host name nor an IP address".to_owned()),
    }
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.client()?;
        let client = if self.isolate { client.isolated() } else { client };
        let answers = start(&client, &self.queries)?;
        let busy = Busy::new(format_args!("looking up {}", printable(&self.queries.join(", "))));
        // Answers are printed in the order of the queries.
        let mut early = BTreeMap::new();
        let mut all = Vec::new();
        while all.len() < self.queries.len() {
            let Some((number, answer)) = background::receive(context, &answers)? else { break };
            early.insert(number, answer);
            while let Some(answer) = early.remove(&all.len()) {
                if context.out.is_json() {
                    context.out.value(&answer)?;
                }
                all.push(answer);
            }
        }
        drop(busy);
        if !context.out.is_json() {
            print(context, &all)?;
        }
        failure(&all)
    }
}

/// Starts the threads that do the look-ups. Returns the receiver of the
/// answers. Each answer comes with the index of its query, because answers come
/// in any order.
fn start(client: &TorClient, queries: &[String]) -> Result<Receiver<(usize, Answer)>, Failure> {
    let (sender, waiting) = unbounded();
    for query in queries.iter().cloned().enumerate() {
        // This can't fail, because the receiver is in this function.
        let _ = sender.send(query);
    }
    let (sender, answers) = unbounded();
    for _ in 0..AT_ONCE.min(queries.len()) {
        let (client, waiting, sender) = (client.clone(), waiting.clone(), sender.clone());
        let work = move || {
            while let Ok((number, query)) = waiting.try_recv() {
                if sender.send((number, look_up(&client, query))).is_err() {
                    break;
                }
            }
        };
        threads::start_or_fail(work)?;
    }
    Ok(answers)
}

fn look_up(client: &TorClient, query: String) -> Answer {
    let address = query.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let result = match address.unwrap_or(&query).parse() {
        Ok(ip) => client.dns_resolve_ptr(ip).map(|name| (Some(ip), Some(name))),
        Err(_) => client.dns_resolve(&query).map(|ip| (Some(ip), Some(query.clone()))),
    };
    match result {
        Ok((address, name)) => Answer { query, address, name, error: None, exit: None },
        Err(error) => {
            let Failure { exit, message } = error.into();
            Answer { query, address: None, name: None, error: Some(message), exit: Some(exit) }
        }
    }
}

/// Prints the answers as text: a single answer on a line of its own, several as
/// a table. Prints notes about failed look-ups.
fn print(context: &Context, answers: &[Answer]) -> Result<(), Failure> {
    let text = |answer: &Answer| {
        // The query isn't repeated: a name gets its address, and an address
        // gets its name.
        let is_name = answer.name.as_ref() == Some(&answer.query);
        let (address, name) = (&answer.address, &answer.name);
        if is_name { address.map(|ip| ip.to_string()) } else { name.clone() }
    };
    if let [answer] = answers {
        return match text(answer) {
            Some(text) => context.out.line(printable(&text)),
            None => Ok(()),
        };
    }
    let mut table = Table::new(&["query", "answer"]);
    let mut is_empty = true;
    for answer in answers {
        match text(answer) {
            Some(text) => {
                table.row([&answer.query, &text]);
                is_empty = false;
            }
            None => context.out.note(printable(answer.error.as_deref().unwrap_or_default())),
        }
    }
    if is_empty {
        return Ok(());
    }
    context.out.line(table.text(&context.out))
}

fn failure(answers: &[Answer]) -> Result<(), Failure> {
    let failed: Vec<&Answer> = answers.iter().filter(|answer| answer.exit.is_some()).collect();
    let Some(first) = failed.first() else { return Ok(()) };
    let message = match answers {
        [answer] => printable(answer.error.as_deref().unwrap_or_default()),
        _ => format!("{} of {} look-ups failed", failed.len(), answers.len()),
    };
    Err(Failure::new(first.exit.unwrap_or(Exit::Failed), message))
}
