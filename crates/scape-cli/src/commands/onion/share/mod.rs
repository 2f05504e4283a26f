//! `scape onion share` serves files as an onion site.

mod media_type;
mod page;
mod progress;
mod range;
mod serve;
mod site;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Args;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use scape::word::ClientPublicKey;
use scape::{Error, OnionListener};
use serde::Serialize;

use super::key_files::{self, KeptKey, KeyChoice};
use crate::base::background;
use crate::base::busy::Busy;
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::output::{print_error, printable};
use crate::base::threads;
use crate::base::units;
use crate::commands::traffic::visitors::Places;
use serve::{Served, Server};
use site::Site;

/// The maximum number of messages that wait for the thread that prints. When it
/// is reached, requests aren't printed.
const WAITING: usize = 256;
/// The maximum number of concurrent visitors.
const MOST: usize = 128;

/// Share files or folders as an onion site
///
/// Prints the URL as soon as the service can be reached, and serves until
/// Ctrl-C. A folder's index.html is shown, or else a list of its files. Nothing
/// outside of the folder is served: symbolic links that lead out of it aren't
/// followed. Downloads can be resumed. Visitors learn nothing about this
/// machine, apart from the names, sizes and contents of the files.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Files and folders. A single folder becomes the whole site. Otherwise,
    /// the site lists the files and folders
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    key: KeyChoice,

    /// Accept only clients with the private key for this public key, from
    /// `scape onion auth new`. Can be repeated
    #[arg(long = "client", value_name = "PUBLICKEY")]
    clients: Vec<ClientPublicKey>,

    /// The port of the onion address
    #[arg(long, default_value_t = 80, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,

    /// End after the first file was downloaded completely. This may be the
    /// index.html of a folder
    #[arg(long)]
    once: bool,

    /// Also share files whose names begin with a dot
    #[arg(long)]
    hidden: bool,
}

/// An event in the life of the site, as it is printed with `--json`, one per
/// line.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Happening<'a> {
    /// The service can be reached.
    Ready {
        url: &'a str,
        /// The address, with `.onion`.
        address: String,
        port: u16,
        /// The file with the key of the service. `null` if the address is used
        /// only once.
        key_file: Option<&'a PathBuf>,
        /// The number of authorized clients. 0 if the service accepts
        /// everybody.
        clients: usize,
    },
    /// A request was answered.
    Request(&'a Served),
}

/// A message from the threads that serve visitors to the thread that prints.
#[derive(Debug)]
enum Message {
    Served(Served),
    /// A file was downloaded completely, so the command ends because of
    /// `--once`.
    Done,
    /// The listener has ended. Contains the last error of the listener if there
    /// was one.
    Ended(Option<Error>),
}

/// The sender of messages to the thread that prints.
#[derive(Debug, Clone)]
struct Reports {
    messages: Sender<Message>,
    /// The number of requests that were dropped since the last note about them,
    /// because too many messages waited to be printed.
    unshown: Arc<AtomicUsize>,
}

impl Reports {
    fn channel() -> (Self, Receiver<Message>) {
        let (messages, receiver) = bounded(WAITING);
        (Reports { messages, unshown: Arc::default() }, receiver)
    }

    /// Sends the message about a request without waiting. If [`WAITING`]
    /// messages are already waiting, only counts the request, because visitors
    /// can make any number of requests.
    fn request(&self, served: Served) {
        if let Err(TrySendError::Full(_)) = self.messages.try_send(Message::Served(served)) {
            self.unshown.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends a message that ends the command. Waits until the channel has room
    /// for the message. Does nothing if the command has already ended.
    fn end(&self, message: Message) {
        let _ = self.messages.send(message);
    }
}

impl Arguments {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let mut site = Site::new(&self.paths, self.hidden)?;
        let key_file = self.key.path()?;
        protect_keys(&mut site, key_file.as_deref())?;
        let mut kept = KeptKey::at(key_file)?;
        let listener = self.listen(context, &kept)?;
        kept.keep()?;
        let address = listener.address().to_string();
        let port = if self.port == 80 { String::new() } else { format!(":{}", self.port) };
        let url = format!("http://{address}{port}/{}", site.start());
        match context.out.is_json() {
            true => context.out.value(&Happening::Ready {
                url: &url,
                address,
                port: self.port,
                key_file: kept.path.as_ref(),
                clients: self.clients.len(),
            })?,
            false => context.out.line(&url)?,
        }
        let (reports, messages) = Reports::channel();
        let unshown = reports.unshown.clone();
        let server = Server::new(site, self.once);
        let listener = Arc::new(listener);
        let same = listener.clone();
        threads::start_or_fail(move || accept(&same, &Arc::new(server), &reports))?;
        let result = follow(context, &messages, &unshown);
        note_unshown(&unshown);
        // This ends the thread that accepts visitors. The service is removed
        // when both clones of the listener are dropped.
        listener.shutdown_handle().shutdown();
        result
    }

    fn listen(&self, context: &Context, kept: &KeptKey) -> Result<OnionListener, Failure> {
        let busy = Busy::new("publishing the service");
        let mut builder = context
            .tor()?
            .onion()?
            .virtual_port(self.port)
            .key(kept.key.clone())
            .timeout(context.network_timeout())
            .on_progress(move |progress| busy.update(progress));
        for client in &self.clients {
            builder = builder.client(*client);
        }
        builder.listen().map_err(|error| kept.explain(error))
    }
}

/// Makes sure that the site doesn't contain the keys of onion services, because
/// visitors could use them to impersonate a service. Returns a failure if the
/// file `key_file`, the key of this service, is in a shared folder.
fn protect_keys(site: &mut Site, key_file: Option<&Path>) -> Result<(), Failure> {
    if let Some(path) = key_file
        && site.protect(path)
    {
        return Err(Failure::usage(format_args!(
            "cannot share the folder of the private key {}: visitors could fetch the key; keep it \
             outside of the shared files",
            path.display()
        )));
    }
    // Without a home folder, there are no named keys to protect.
    if let Ok(folder) = key_files::folder() {
        site.protect(&folder);
    }
    Ok(())
}

/// Prints a note if `unshown`, the number of dropped requests, isn't 0. Then
/// resets the number. The note is also printed with `--json`, because the
/// output is incomplete.
fn note_unshown(unshown: &AtomicUsize) {
    if let Some(note) = unshown_note(unshown.swap(0, Ordering::Relaxed)) {
        print_error(note);
    }
}

fn unshown_note(count: usize) -> Option<String> {
    match count {
        0 => None,
        1 => Some("1 request isn't shown".to_owned()),
        _ => Some(format!("{count} requests aren't shown")),
    }
}

/// Prints the requests that were answered, until `--once` is fulfilled. Returns
/// a failure if the listener ends, and after Ctrl-C.
fn follow(
    context: &Context,
    messages: &Receiver<Message>,
    unshown: &AtomicUsize,
) -> Result<(), Failure> {
    loop {
        // While messages wait, more requests may be dropped, and one note is
        // enough for all of them.
        if messages.is_empty() {
            note_unshown(unshown);
        }
        match background::receive(context, messages)? {
            Some(Message::Served(served)) if context.out.is_json() => {
                context.out.value(&Happening::Request(&served))?;
            }
            Some(Message::Served(served)) => context.out.note(format_args!(
                "{} {}: {}, {}",
                printable(&served.method),
                printable(&served.path),
                served.status,
                units::bytes(served.bytes)
            )),
            Some(Message::Done) => return Ok(()),
            Some(Message::Ended(error)) => {
                // After Ctrl-C, the service may end before this thread notices
                // the signal.
                context.check_interrupt()?;
                let failure = error.map(Failure::from);
                let failure = failure.unwrap_or_else(|| Failure::failed("the listener was closed"));
                return Err(failure.while_doing("the onion service ended"));
            }
            None => return Err(Failure::failed("a thread has panicked")),
        }
    }
}

/// Accepts visitors, and serves each of them on a new thread.
fn accept(listener: &OnionListener, server: &Arc<Server>, reports: &Reports) {
    let places = Places::new(MOST);
    let mut last = None;
    for visitor in listener {
        let visitor = match visitor {
            Ok(visitor) => visitor,
            Err(error) => {
                last = Some(error);
                continue;
            }
        };
        // Visitors beyond the limit are turned away, because each visitor needs
        // a thread.
        let Some(place) = places.take() else { continue };
        let (server, reports) = (server.clone(), reports.clone());
        place.serve(move || {
            // An error only means that the visitor has left.
            if server.serve(visitor, |served| reports.request(served)).unwrap_or(false) {
                reports.end(Message::Done);
            }
        });
    }
    reports.end(Message::Ended(last));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_find_no_room_are_counted() {
        let (reports, messages) = Reports::channel();
        for _ in 0..WAITING + 2 {
            reports.request(Served {
                method: "GET".to_owned(),
                path: "/".to_owned(),
                status: 200,
                bytes: 0,
                complete: true,
            });
        }
        assert_eq!(messages.len(), WAITING);
        let count = reports.unshown.load(Ordering::Relaxed);
        assert_eq!(unshown_note(count).as_deref(), Some("2 requests aren't shown"));
        // Requests after the end of the command don't count, because nobody
        // misses them.
        drop(messages);
        reports.end(Message::Done);
        assert_eq!(reports.unshown.load(Ordering::Relaxed), count);
    }
}
