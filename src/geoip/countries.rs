//! Countries from tor's own GeoIP data. tor is asked for many addresses at a
//! time, and only once for each address.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::control::Controller;
use crate::error::{Error, Result};
use crate::geoip::GeoIpError;
use scape_proto::control::Refusal;
use scape_proto::word::CountryCode;

/// The largest number of addresses that tor is asked about in one round trip.
const AT_ONCE: usize = 512;
/// The largest number of answers in the cache. If a lookup could exceed this
/// number, the cache is cleared first. (The network has about 10,000 relays.)
const KEPT: usize = 1 << 16;
/// tor's reply code for a missing GeoIP database.
const NOT_LOADED: u16 = 551;

/// A cache of the countries that tor has reported, shared by all clones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Countries {
    known: Arc<Mutex<Known>>,
}

/// The answers in the cache.
#[derive(Debug, Default)]
struct Known {
    countries: HashMap<IpAddr, Option<CountryCode>>,
    /// The number of times that the answers were forgotten. A question keeps
    /// the number that was current when it was sent. If the number differs when
    /// the answer comes, the answer may be outdated and is not kept.
    forgotten: u64,
}

impl Countries {
    /// Returns the country of each address in order. The country is `None` if
    /// tor doesn't know the address. If tor refuses the question about an
    /// address, the error is in that address's place.
    ///
    /// # Errors
    ///
    /// Returns an error if the questions can't be sent, most often because the
    /// connection has ended.
    pub(super) fn of(
        &self,
        controller: &Controller,
        ips: &[IpAddr],
    ) -> Result<Vec<Result<Option<CountryCode>>>> {
        let controller = controller.in_one_call();
        // The answers are collected here, because another thread may clear the
        // cache at any time.
        let (mut answers, forgotten) = self.cached(ips);
        let mut asked = HashSet::new();
        let is_new = |ip: &IpAddr| !answers.contains_key(ip) && asked.insert(*ip);
        let unknown: Vec<IpAddr> = ips.iter().copied().filter(is_new).collect();
        for some in unknown.chunks(AT_ONCE) {
            let keys = some.iter().map(|ip| format!("ip-to-country/{ip}"));
            for (ip, answer) in some.iter().zip(controller.info().get_each(keys)?) {
                let country = answer.and_then(|answer| country(*ip, &answer));
                if let Ok(country) = &country {
                    self.keep(*ip, *country, forgotten);
                }
                answers.insert(*ip, country.map_err(|error| not_loaded(*ip, error)));
            }
        }
        let answer = |ip| answers.get(ip).cloned().unwrap_or(Ok(None));
        Ok(ips.iter().map(answer).collect())
    }

    /// Returns the cached answers for these addresses, and the current
    /// [`Known::forgotten`]. Then clears the cache if it might have more than
    /// [`KEPT`] answers after this lookup.
    fn cached(&self, ips: &[IpAddr]) -> (HashMap<IpAddr, Result<Option<CountryCode>>>, u64) {
        let Known { countries, forgotten } = &mut *self.known.lock();
        let of = |ip: &IpAddr| countries.get(ip).map(|country| (*ip, Ok(*country)));
        let cached = ips.iter().filter_map(of).collect();
        if countries.len() + ips.len() > KEPT {
            countries.clear();
        }
        (cached, *forgotten)
    }

    /// Adds an answer to the cache, unless [`forget`](Self::forget) was called
    /// since the question was sent.
    fn keep(&self, ip: IpAddr, country: Option<CountryCode>, forgotten: u64) {
        let mut known = self.known.lock();
        if known.forgotten == forgotten {
            known.countries.insert(ip, country);
        }
    }

    pub(super) fn forget(&self) {
        let mut known = self.known.lock();
        known.countries.clear();
        known.forgotten += 1;
    }
}

fn country(ip: IpAddr, answer: &str) -> Result<Option<CountryCode>> {
    match answer {
        "??" => Ok(None),
        answer => {
            answer.parse().map(Some).map_err(|error: scape_proto::word::ParseCountryCodeError| {
                Error::answer(format!("GETINFO ip-to-country/{ip}"), error.to_string())
            })
        }
    }
}

fn not_loaded(ip: IpAddr, error: Error) -> Error {
    match error.exact::<Refusal>() {
        Some(refusal) if refusal.code() == NOT_LOADED => {
            GeoIpError::NotLoaded { ip, refusal: Box::new(refusal.clone()) }.into()
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::AnswerError;

    #[test]
    fn country_is_read_from_the_answer() {
        let ip = "192.0.2.1".parse().unwrap();
        assert_eq!(country(ip, "??").unwrap(), None);
        assert_eq!(country(ip, "a1").unwrap().unwrap().as_str(), "a1");
        assert!(country(ip, "nowhere").as_ref().is_err_and(Error::is::<AnswerError>));
    }
}
