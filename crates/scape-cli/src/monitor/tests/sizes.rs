//! Tests that draw all pages on screens of many sizes.

use super::{Page, Screen, full};

/// Returns five models for each page: without data, with data, with the help,
/// with a search, and with a lost connection.
fn screens() -> Vec<Screen> {
    let mut screens = Vec::new();
    for page in Page::ALL {
        screens.push(Screen::new(page));
        screens.push(full(page));
        let mut helped = full(page);
        helped.key(crossterm::event::KeyCode::F(1));
        screens.push(helped);
        let mut searched = full(page);
        searched.press("/some text");
        screens.push(searched);
        let mut lost = full(page);
        let link = crate::monitor::data::Link::Lost("refused".into());
        lost.message(super::Message::Link(link));
        lost.press("pf");
        screens.push(lost);
    }
    screens
}

#[test]
fn every_size_can_be_drawn() {
    for screen in &mut screens() {
        for (width, height) in [(1, 1), (2, 2), (5, 3), (10, 4), (20, 60), (300, 2), (120, 40)] {
            screen.text_of_size(width, height);
        }
        for height in 1..30 {
            screen.text_of_size(33, height);
        }
    }
}

#[test]
fn keys_of_pages_have_names_and_meanings() {
    for page in Page::ALL {
        for (key, meaning) in full(page).model.pages.get(page).keys() {
            assert!(!key.is_empty() && !meaning.is_empty(), "{page:?}: {key:?} {meaning:?}");
        }
    }
}

#[test]
fn pages_of_a_wide_screen_have_the_tabs_and_the_keys() {
    for page in Page::ALL {
        for (width, height) in [(80, 24), (120, 40)] {
            let text = full(page).text_of_size(width, height);
            assert!(text.starts_with("1 Overview 2 Connections 3 Log "), "{text}");
            assert!(text.lines().last().unwrap().contains("help"), "{text}");
            if std::env::var_os("SCAPE_SHOW").is_some() {
                println!("{text}{}", "=".repeat(usize::from(width)));
            }
        }
    }
}
