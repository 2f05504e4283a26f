//! The pages of the monitor. Each page has a file or folder here.

pub(crate) mod configuration;
pub(crate) mod connections;
pub(crate) mod log;
pub(crate) mod network;
pub(crate) mod onions;
pub(crate) mod overview;
pub(crate) mod prompt;

use super::view::PageView;

/// A page of the monitor, without its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Page {
    Overview,
    Connections,
    Log,
    Configuration,
    Onions,
    Network,
    Prompt,
}

impl Page {
    pub(crate) const ALL: [Page; 7] = [
        Page::Overview,
        Page::Connections,
        Page::Log,
        Page::Configuration,
        Page::Onions,
        Page::Network,
        Page::Prompt,
    ];

    /// Returns the title of the page, which its tab shows.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Page::Overview => "Overview",
            Page::Connections => "Connections",
            Page::Log => "Log",
            Page::Configuration => "Config",
            Page::Onions => "Onions",
            Page::Network => "Network",
            Page::Prompt => "Prompt",
        }
    }

    /// Returns the position of the page's tab, counted from 0.
    pub(crate) fn index(self) -> usize {
        Page::ALL.iter().position(|page| *page == self).unwrap_or_default()
    }

    /// Returns the page whose tab is `step` positions further right. After the
    /// last tab, counting continues with the first one.
    pub(crate) fn after(self, step: usize) -> Page {
        let index = (self.index() + step) % Page::ALL.len();
        Page::ALL.get(index).copied().unwrap_or(self)
    }
}

/// The states of all pages.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    pub(crate) overview: overview::Overview,
    pub(crate) connections: connections::ConnectionsPage,
    pub(crate) log: log::LogPage,
    pub(crate) configuration: configuration::Configuration,
    pub(crate) onions: onions::OnionsPage,
    pub(crate) network: network::Network,
    pub(crate) prompt: prompt::Prompt,
}

impl Pages {
    pub(crate) fn get(&self, page: Page) -> &dyn PageView {
        match page {
            Page::Overview => &self.overview,
            Page::Connections => &self.connections,
            Page::Log => &self.log,
            Page::Configuration => &self.configuration,
            Page::Onions => &self.onions,
            Page::Network => &self.network,
            Page::Prompt => &self.prompt,
        }
    }

    pub(crate) fn get_mut(&mut self, page: Page) -> &mut dyn PageView {
        match page {
            Page::Overview => &mut self.overview,
            Page::Connections => &mut self.connections,
            Page::Log => &mut self.log,
            Page::Configuration => &mut self.configuration,
            Page::Onions => &mut self.onions,
            Page::Network => &mut self.network,
            Page::Prompt => &mut self.prompt,
        }
    }
}
