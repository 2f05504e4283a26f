//! A private Tor network with a client that has streams and circuits, for the
//! pictures.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use scape::control::AddOnion;
use scape::event::{CircuitInfo, CircuitStatus, StreamInfo, StreamStatus};
use scape::process::TorProcess;
use scape::testing::TestNetwork;
use scape::{Tor, TorClient};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The relays: nickname, country, and bandwidth in kB/s.
const RELAYS: [(&str, &str, u32); 8] = [
    ("alder", "de", 9_000),
    ("birch", "se", 4_200),
    ("cedar", "us", 12_500),
    ("hazel", "nl", 6_800),
    ("larch", "fi", 2_100),
    ("maple", "ca", 7_300),
    ("rowan", "fr", 3_600),
    ("willow", "ch", 5_400),
];

/// The maximum number of bytes per second for each stream.
const STREAMS: [usize; 3] = [400_000, 90_000, 150_000];
/// The time between two transfers of a stream.
const PAUSE: Duration = Duration::from_millis(250);
/// The time limit for opening all streams, and for each attempt to open one.
const PATIENCE: Duration = Duration::from_secs(60);
/// The host name by which the network's relays reach the server on this
/// machine.
const NAME: &str = "www.scape.test";

/// A private network, and another client that the pictures show.
pub(crate) struct Busy {
    // The order matters: the client must end before the network.
    client: TorProcess,
    network: TestNetwork,
    /// The port of the server that returns everything it receives.
    port: u16,
}

impl Busy {
    /// Starts a network, and a client with streams in use.
    pub(crate) fn start() -> Result<Self> {
        let mut builder = TestNetwork::builder().relays(0).name(NAME, Ipv4Addr::LOCALHOST);
        for (nickname, country, bandwidth) in RELAYS {
            builder = builder
                .relay(|relay| relay.nickname(nickname).country(country).bandwidth(bandwidth));
        }
        let network = builder.start()?;
        let launch = network.launch().options([
            ("ControlPort", "127.0.0.1:auto"),
            ("CookieAuthentication", "1"),
            ("SafeSocks", "1"),
        ]);
        let client = launch.start()?;
        let port = serve()?;
        let tor = Tor::from(client.controller().clone());
        for size in STREAMS {
            transfer(tor.client()?.isolated(), (NAME.to_owned(), port), size);
        }
        let busy = Busy { client, network, port };
        busy.wait_for_streams()?;
        Ok(busy)
    }

    /// Waits until all streams are open and tor has more than six circuits.
    fn wait_for_streams(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let controller = self.client.controller();
            let open = |stream: &StreamInfo| stream.status == StreamStatus::Succeeded;
            let built = |circuit: &CircuitInfo| circuit.status == CircuitStatus::Built;
            let streams = controller.streams()?.iter().filter(|stream| open(stream)).count();
            let circuits = controller.circuits()?.iter().filter(|circuit| built(circuit)).count();
            if streams == STREAMS.len() && circuits > 6 {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(format!("{streams} streams and {circuits} circuits").into());
            }
            thread::sleep(PAUSE);
        }
    }

    /// Publishes two onion services on the client, and opens a stream to each.
    pub(crate) fn publish(&self) -> Result<()> {
        for virtual_port in [80, 443] {
            let service = AddOnion::new().port(virtual_port, self.port).detach();
            let address = self.client.controller().add_onion(&service)?.address.to_string();
            // The network's own client visits the service.
            transfer(self.network.tor().client()?, (address, virtual_port), 40_000);
        }
        Ok(())
    }

    /// Returns the address of the client's control port.
    pub(crate) fn control(&self) -> Result<String> {
        let listeners = self.client.controller().get_info("net/listeners/control")?;
        Ok(listeners.trim_matches('"').to_owned())
    }

    /// Returns the path of the folder with the client's torrc.
    pub(crate) fn folder(&self) -> Result<String> {
        let torrc = self.client.controller().get_info("config-file")?;
        let folder = torrc.strip_suffix("/torrc").filter(|folder| !folder.is_empty());
        Ok(folder.ok_or("the torrc has another name")?.to_owned())
    }

    /// Asks the SOCKS port for a connection to an address instead of a name.
    /// tor warns about this, and refuses the connection.
    pub(crate) fn cause_warning(&self) -> Result<()> {
        let listeners = self.client.controller().get_info("net/listeners/socks")?;
        let mut socks = TcpStream::connect(listeners.trim_matches('"'))?;
        socks.write_all(b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00")?;
        // An error only means that tor has closed the connection.
        let _ = socks.read_to_end(&mut Vec::new());
        Ok(())
    }

    /// Ends the client and the network.
    pub(crate) fn stop(self) -> Result<()> {
        self.client.stop()?;
        Ok(self.network.stop()?)
    }
}

/// Starts a server that sends back everything it receives. Returns its port.
fn serve() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for visitor in listener.incoming().flatten() {
            thread::spawn(move || std::io::copy(&mut &visitor, &mut &visitor));
        }
    });
    Ok(port)
}

/// Starts a thread that sends bytes to a server and reads them back, again and
/// again. The thread ends with the client. The number of bytes rises and falls,
/// up to a quarter of `most`.
fn transfer(client: TorClient, target: (String, u16), most: usize) {
    thread::spawn(move || -> scape::Result<()> {
        let begun = Instant::now();
        let client = client.timeout(PATIENCE);
        // An onion service can't be reached before its descriptor is uploaded.
        let mut stream = loop {
            match client.connect((target.0.as_str(), target.1)) {
                Ok(stream) => break stream,
                Err(error) if begun.elapsed() > PATIENCE => return Err(error),
                Err(_) => thread::sleep(PAUSE),
            }
        };
        loop {
            let wave = (begun.elapsed().as_secs_f64() / 7.0 + most as f64).sin().powi(2);
            let mut bytes = vec![b'x'; (wave * most as f64) as usize / 4 + 1];
            let is_done = stream.write_all(&bytes).and_then(|()| stream.read_exact(&mut bytes));
            if is_done.is_err() {
                return Ok(());
            }
            thread::sleep(PAUSE);
        }
    });
}
