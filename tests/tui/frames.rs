//! Every scene at every size that the layout treats differently, with the tones of the usual one.

use std::fmt::Write as _;

use super::{Screen, scenes, text, tones};

/// The sizes of the layouts: four panes, two rows of panes, one pane, a bare list.
const SIZES: [(u16, u16); 4] = [(200, 50), (120, 40), (80, 24), (50, 12)];

fn report(screen: &mut Screen) -> String {
    let mut out = String::new();
    for (columns, rows) in SIZES {
        let theme = screen.state().theme.clone();
        let frame = screen.frame(columns, rows);
        let _ = write!(out, "== {columns}x{rows}\n{}", text(frame));
        if (columns, rows) == (120, 40) {
            let tones = tones(frame, &theme);
            assert!(
                !tones.contains('?'),
                "a style that the theme does not have:\n{tones}"
            );
            let _ = write!(out, "== its tones\n{tones}");
        }
    }
    out
}

#[tokio::test(start_paused = true)]
async fn every_scene_looks_as_it_did() {
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    let _settings = settings.bind_to_scope();
    for (name, scene) in scenes::SCENES {
        let mut screen = scene().await;
        insta::assert_snapshot!(*name, report(&mut screen));
    }
}

#[tokio::test(start_paused = true)]
async fn a_small_terminal_shows_eighteen_rows_of_data_at_least() {
    for keys in ["", "<enter>", "<tab>", "l"] {
        let mut screen = scenes::dashboard().await;
        screen.types(keys).await;
        screen.frame(80, 24);
        let state = screen.state();
        let rows = state.laid.rows(state.focus);
        assert!(rows >= 18, "{rows} rows in {:?}", state.focus);
    }
}
