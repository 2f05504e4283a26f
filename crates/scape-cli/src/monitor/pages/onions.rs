//! The page Onions, with the onion services of this tor.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use scape::event::{CircuitInfo, CircuitPurpose};
use scape::word::OnionAddress;

use crate::base::output::printable;
use crate::base::units;
use crate::monitor::data::Data;
use crate::monitor::data::connections::Tracked;
use crate::monitor::data::onions::{Origin, Service};
use crate::monitor::ui::cursor::{Cursor, Step};
use crate::monitor::ui::list::{List, page_rows};
use crate::monitor::ui::text::{self, age, cell, right};
use crate::monitor::view::{Action, PageView, View};

/// The origins that the user can filter by. `None` shows all services.
const FILTERS: [Option<Origin>; 5] =
    [None, Some(Origin::Current), Some(Origin::Detached), Some(Origin::Disk), Some(Origin::Other)];

/// The address and the folder of a service, which identify its row. A service
/// whose address is unknown has a folder.
type Key = (Option<OnionAddress>, Option<String>);

/// The state of the page Onions.
#[derive(Debug, Default)]
pub(crate) struct OnionsPage {
    cursor: Cursor<Key>,
    filter: usize,
    search: String,
}

impl OnionsPage {
    fn services(&self, data: &Data) -> Vec<Service> {
        let wanted = FILTERS.get(self.filter).copied().flatten();
        let is_shown = |service: &Service| {
            wanted.is_none_or(|origin| service.origin == origin)
                && text::contains(&name(service), &self.search)
        };
        let listed = data.onions.services.iter().cloned();
        listed.chain(unlisted(data)).filter(is_shown).collect()
    }

    fn selected(&self, data: &Data) -> Option<Service> {
        let services = self.services(data);
        self.cursor.at(&keys(&services)).and_then(|index| services.get(index).cloned())
    }
}

impl PageView for OnionsPage {
    fn key(&mut self, key: KeyEvent, data: &Data, view: &View) -> Option<Vec<Action>> {
        match key.code {
            KeyCode::Char('f') => self.filter = (self.filter + 1) % FILTERS.len(),
            KeyCode::Enter => {
                let service = self.selected(data)?;
                let lines = details(&service, data, view);
                return Some(vec![Action::Details(name(&service), lines)]);
            }
            _ => {
                let step = Step::of(key)?;
                let keys = keys(&self.services(data));
                self.cursor.step(&keys, step, page_rows(view.height));
            }
        }
        Some(vec![Action::Redraw])
    }

    fn keys(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("Enter", "details: uploads and circuits"),
            ("f", "filter: by origin; services of other controllers are found by their circuits"),
            ("/", "search"),
            ("y", "copy the address"),
        ]
    }

    fn draw(&self, data: &Data, view: &View, frame: &mut Frame<'_>, area: Rect) {
        let services = self.services(data);
        let wanted = FILTERS.get(self.filter).copied().flatten();
        let mut title = vec![
            Span::styled(units::plural(services.len(), "onion service"), view.theme.heading()),
            Span::styled(format!("  {}", wanted.map_or("all", Origin::name)), view.theme.dim()),
        ];
        if !self.search.is_empty() {
            title.push(Span::raw(format!("  search: {}", self.search)));
        }
        let width = usize::from(area.width);
        let list = List {
            title: Line::from(title),
            heading: heading(width),
            len: services.len(),
            selected: self.cursor.at(&keys(&services)),
            shift: view.shift,
            empty: "tor has no onion services",
        };
        list.draw(frame, area, view.theme, |index| match services.get(index) {
            Some(service) => Line::from(line(service, data, width)),
            None => Line::default(),
        });
    }

    fn search(&mut self, text: &str) -> Result<(), String> {
        self.search = text.to_lowercase();
        Ok(())
    }

    fn searched(&self) -> &str {
        &self.search
    }

    fn selected_text(&self, data: &Data, _: &View) -> Option<String> {
        self.selected(data).as_ref().map(name)
    }

    fn all_text(&self, data: &Data, view: &View) -> String {
        let services = self.services(data);
        let blocks = services.iter().map(|service| {
            format!("{}\n{}\n\n", name(service), details(service, data, view).join("\n"))
        });
        blocks.collect()
    }
}

/// Returns the services that tor doesn't list, because they belong to other
/// control connections. They are known from their circuits and uploads.
fn unlisted(data: &Data) -> impl Iterator<Item = Service> {
    let mut addresses = data.connections.serving();
    addresses.extend(data.onions.uploading());
    for service in &data.onions.services {
        if let Some(address) = &service.address {
            addresses.remove(address);
        }
    }
    addresses.into_iter().map(|address| Service {
        address: Some(address),
        origin: Origin::Other,
        ports: Vec::new(),
        directory: None,
    })
}

fn keys(services: &[Service]) -> Vec<Key> {
    services.iter().map(|service| (service.address, service.directory.clone())).collect()
}

/// Returns the address of a service. If the address is unknown, returns the
/// service's folder.
fn name(service: &Service) -> String {
    match (&service.address, &service.directory) {
        (Some(address), _) => address.to_string(),
        (None, Some(directory)) => directory.clone(),
        (None, None) => String::new(),
    }
}

/// The circuits that an onion service uses now.
struct Circuits<'a> {
    /// The circuits to the introduction points of the service.
    introduction: Vec<&'a Tracked<CircuitInfo>>,
    /// The rendezvous circuits. Each of them is the connection to one client.
    rendezvous: Vec<&'a Tracked<CircuitInfo>>,
}

impl<'a> Circuits<'a> {
    fn of(address: &OnionAddress, data: &'a Data) -> Self {
        let with = |purpose: CircuitPurpose| {
            let circuits = data.connections.circuits.values().filter(|circuit| {
                circuit.info.purpose.as_ref() == Some(&purpose)
                    && circuit.info.rend_address() == Some(*address)
            });
            circuits.collect()
        };
        Circuits {
            introduction: with(CircuitPurpose::HsServiceIntro),
            rendezvous: with(CircuitPurpose::HsServiceRend),
        }
    }

    fn bytes(&self) -> (u64, u64) {
        let all = self.introduction.iter().chain(&self.rendezvous);
        all.fold((0, 0), |(read, written), circuit| {
            (read + circuit.read, written + circuit.written)
        })
    }
}

fn heading(width: usize) -> String {
    columns(width, ["ADDRESS", "ORIGIN", "DESCRIPTORS", "INTRO", "CLIENTS", "PORTS"])
}

fn columns(width: usize, [name, origin, uploads, intro, clients, ports]: [&str; 6]) -> String {
    // An address has 62 characters. The first 16 are enough to recognize it.
    let address = width.saturating_sub(60).clamp(16, 62);
    format!(
        "{} {} {} {} {} {ports}",
        cell(name, address),
        cell(origin, 8),
        cell(uploads, 16),
        right(intro, 5),
        right(clients, 7)
    )
}

fn line(service: &Service, data: &Data, width: usize) -> String {
    let (mut uploads, mut intro, mut clients) = (String::new(), String::new(), String::new());
    if let Some(address) = &service.address {
        let counts = data.onions.counts(address);
        uploads = match (counts.uploaded, counts.waiting, counts.failed) {
            (0, 0, 0) => "-".into(),
            (good, 0, 0) => format!("{good} uploaded"),
            (good, waiting, failed) => format!("{good} ok {waiting} wait {failed} bad"),
        };
        let circuits = Circuits::of(address, data);
        intro = circuits.introduction.len().to_string();
        clients = circuits.rendezvous.len().to_string();
    }
    let ports = service.ports.join(", ");
    let texts = [&name(service), service.origin.name(), &uploads, &intro, &clients, &ports];
    printable(&columns(width, texts))
}

fn details(service: &Service, data: &Data, view: &View) -> Vec<String> {
    let mut lines = vec![format!("Origin       {}", service.origin.name())];
    lines.extend(service.directory.as_ref().map(|path| format!("Directory    {path}")));
    lines.extend(service.ports.iter().map(|port| format!("Port         {port}")));
    if let Some(address) = &service.address {
        lines.push(format!("Address      {address}"));
        let circuits = Circuits::of(address, data);
        let (read, written) = circuits.bytes();
        lines.push(format!("Clients      {}", circuits.rendezvous.len()));
        let traffic = format!("{} read, {} written", units::bytes(read), units::bytes(written));
        lines.push(format!("Traffic      {traffic} on the circuits that are open"));
        lines.push(String::new());
        lines.push("Introduction circuits".into());
        lines.extend(circuits.introduction.iter().map(|circuit| {
            let point = circuit.info.path.last().map(ToString::to_string).unwrap_or_default();
            let state = circuit.info.hs_state.as_ref().map_or("", |state| state.as_str());
            format!("  circuit {} {state} {point}", circuit.info.id)
        }));
        lines.push(String::new());
        lines.push("Descriptor uploads since the monitor was started".into());
        lines.extend(data.onions.uploads(address).map(|(directory, upload)| {
            let reason = upload.reason.as_deref().unwrap_or_default();
            let age = age(Some(upload.at), view.now);
            format!("  {} {age} ago {directory} {reason}", cell(upload.action.as_str(), 9))
        }));
    } else {
        lines.push("The file with the address can't be read.".into());
    }
    lines.iter().map(|line| printable(line)).collect()
}
