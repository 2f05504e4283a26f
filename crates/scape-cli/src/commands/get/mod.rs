//! `scape get` fetches a URL through tor.

mod body;
mod link;
mod output;
mod request;
mod send;
mod terminal;

use std::path::PathBuf;

use clap::Args;
use scape::TorClient;
use scape::http::AgentBuilder;
use scape::http::ureq::Agent;
use scape::tls::TlsSettings;

use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::output::printable;
use body::Answer;
use output::Destination;
use request::Request;

/// Fetch a URL through tor
///
/// The body is printed on standard output, or written into a file. --timeout
/// limits the time of the whole request. Without --timeout, connecting may take
/// two minutes, and the server may send nothing for two minutes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The URL. Without a scheme, it is http:// for onion services and https://
    /// for others
    #[arg(value_name = "URL")]
    url: String,

    /// Write the body into this file, which appears when the body is complete.
    /// - is standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    request: Request,

    /// Print the status and the headers in front of the body
    #[arg(long, short)]
    include: bool,

    /// Fail with the exit code 1, and without a body, if the HTTP status is 400
    /// or higher
    #[arg(long, short)]
    fail: bool,

    /// Use a circuit that no other stream uses
    #[arg(long)]
    isolate: bool,

    /// The maximum number of redirects to follow. With 0, a redirect is printed
    /// like any other answer
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    max_redirects: u32,

    /// Also trust the certificate authorities in this PEM file
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let request = self.request.build(context, &self.url)?;
        let pem = self.ca_file.as_deref().map(|path| request::read(context, path)).transpose()?;
        let agent = self.agent(context, context.client()?, pem)?;
        // The destination is opened first, so that nothing is sent if the
        // answer can't be written.
        let mut destination = Destination::open(context, self.output.as_deref())?;
        let answer = Answer::fetch(context, agent, request)?;
        if self.fail && answer.head.status >= 400 {
            return Err(Failure::failed(format_args!(
                "{} answered {}",
                printable(&answer.head.url),
                answer.head.status_text()
            )));
        }
        if context.out.is_json() {
            return output::json(context, answer, destination);
        }
        if self.include {
            destination.head(context, &answer.head)?;
        }
        destination.write(context, answer).map(drop)
    }

    fn agent(
        &self,
        context: &Context,
        client: TorClient,
        pem: Option<Vec<u8>>,
    ) -> Result<Agent, Failure> {
        let client = if self.isolate { client.isolated() } else { client };
        let mut agent: AgentBuilder =
            client.agent().max_redirects(self.max_redirects).http_status_as_error(false);
        if let Some(limit) = context.options.timeout {
            agent = agent.timeout(limit);
        }
        if let Some(pem) = pem {
            agent = agent.tls(TlsSettings::new().add_roots_pem(pem)?);
        }
        Ok(agent.build()?)
    }
}
