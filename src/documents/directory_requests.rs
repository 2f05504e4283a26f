//! Requests to directory servers: asks one server after the other until one
//! sends the document.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::directory_error::{DirectoryError, DirectoryFailure, DirectoryProblem};
use crate::io::transport::Deadline;

/// The pause before all servers are asked again.
const PAUSE: Duration = Duration::from_millis(500);

/// The document in a server's answer, or the reason why the server sent no
/// usable document.
pub(super) type Answer<T> = Result<T, DirectoryProblem>;

/// The servers of a directory client, and the settings for requests to them.
#[derive(Debug, Clone)]
pub(super) struct DirectoryRequests {
    pub(super) agent: ureq::Agent,
    pub(super) servers: Vec<SocketAddr>,
    /// The maximum number of times that each server is asked.
    pub(super) rounds: u32,
    /// The maximum size of an answer in bytes.
    pub(super) longest: u64,
    /// The index in `servers` of the server that gave the last usable answer.
    /// This server is asked first, so that a server that hangs doesn't take a
    /// share of the time of each request.
    pub(super) answered: Arc<AtomicUsize>,
}

impl DirectoryRequests {
    /// Asks the servers in turn until one sends an answer that `read` accepts,
    /// and returns the result of `read`. `header` is an additional HTTP header
    /// that names the version that the caller has. Returns `None` if the server
    /// has no newer version.
    pub(super) fn fetch(
        &self,
        path: &str,
        header: Option<(&str, &str)>,
        deadline: Deadline,
        read: impl Fn(Vec<u8>) -> Answer<Vec<u8>>,
    ) -> Result<Option<Vec<u8>>, DirectoryError> {
        let mut failures: Vec<DirectoryFailure> = Vec::new();
        for round in 0..self.rounds {
            if round > 0 {
                deadline.sleep(PAUSE);
            }
            let before = failures.len();
            let first = self.answered.load(Ordering::Relaxed);
            for index in 0..self.servers.len() {
                let place = (first + index) % self.servers.len();
                let Some(&server) = self.servers.get(place) else { break };
                if deadline.has_passed() {
                    return Err(DirectoryError::new(path, failures, true));
                }
                // A slow server must leave time for the others.
                let others = self.servers.len() - index;
                let share = deadline.left() / u32::try_from(others).unwrap_or(u32::MAX);
                let answer = self.ask(server, path, header, share);
                match answer.and_then(|answer| answer.map(&read).transpose()) {
                    Ok(answer) => {
                        self.answered.store(place, Ordering::Relaxed);
                        return Ok(answer);
                    }
                    Err(problem) => failures.push(DirectoryFailure { server, problem }),
                }
            }
            // No server has the document, so no server is asked again.
            let mut last = failures.iter().skip(before);
            if last.all(|failure| failure.problem == DirectoryProblem::Status(404)) {
                return Err(DirectoryError::new(path, failures, false));
            }
        }
        Err(DirectoryError::new(path, failures, deadline.has_passed()))
    }

    /// Asks one server, within `timeout`. Returns `None` if the server has no
    /// newer version than the one that `header` names.
    fn ask(
        &self,
        server: SocketAddr,
        path: &str,
        header: Option<(&str, &str)>,
        timeout: Duration,
    ) -> Answer<Option<Vec<u8>>> {
        let failed = |error: ureq::Error| DirectoryProblem::Request(error.to_string().into());
        let malformed = |why: &str| Err(DirectoryProblem::Document(why.into()));
        // Servers compress answers unless they are asked not to.
        let mut request =
            self.agent.get(format!("http://{server}{path}")).header("Accept-Encoding", "identity");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let request = request.config().timeout_global(Some(timeout)).build();
        let mut response = request.call().map_err(failed)?;
        match response.status().as_u16() {
            200 => {}
            304 if header.is_some() => return Ok(None),
            status => return Err(DirectoryProblem::Status(status)),
        }
        let encoding = response.headers().get("Content-Encoding");
        if encoding.is_some_and(|encoding| encoding.as_bytes() != b"identity") {
            return malformed("the answer is compressed, which wasn't asked for");
        }
        // Allow one byte more, because ureq counts a body of exactly the limit
        // as too long.
        let limit = self.longest.saturating_add(1);
        let body = response.body_mut().with_config().limit(limit).read_to_vec();
        match body {
            Ok(body) if body.len() as u64 <= self.longest => Ok(Some(body)),
            Ok(_) | Err(ureq::Error::BodyExceedsLimit(_)) => malformed("the answer is too long"),
            Err(error) => Err(failed(error)),
        }
    }
}
