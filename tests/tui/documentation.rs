//! What the documentation shows of the screen is what the screen shows: the pictures are drawn here. `CORACLE_DOCS=write`
//! with this test writes them anew.

use std::path::PathBuf;

use coracle::tui::picture;

use super::scenes;

/// Compares a file of the documentation with what it has to say, or writes it.
fn document(name: &str, wanted: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(name);
    if std::env::var_os("CORACLE_DOCS").is_some_and(|word| word == "write") {
        std::fs::write(path, wanted).unwrap();
        return;
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    // The texts are long, and where they differ says little: how to write them anew says more.
    assert!(
        written == wanted,
        "docs/{name} is not what the program shows: CORACLE_DOCS=write cargo test --test fast documentation"
    );
}

#[tokio::test(start_paused = true)]
async fn the_pictures_are_of_this_screen() {
    for (columns, rows) in [(200, 50), (120, 40), (80, 24)] {
        // Half a minute in, a person looks into a pod of theirs.
        let mut screen = scenes::dashboard().await;
        screen.frame(columns, rows);
        screen.seconds(24).await;
        screen.types("<enter>").await;
        let web = |screen: &super::Screen| {
            let pods = screen.state().selected_pods()?;
            pods.scroll.selected.clone()
        };
        while web(&screen).is_none_or(|key| !key.name.starts_with("web")) {
            screen.types("j").await;
        }
        let picture = picture::svg(screen.frame(columns, rows));
        document(&format!("screen-{columns}x{rows}.svg"), &picture);
    }
}
