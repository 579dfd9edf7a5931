//! What the documentation says of the screen is what the screen shows: the pictures are drawn here, and the keys are
//! listed from the table of actions. `CORACLE_DOCS=write` with these tests writes them anew.

use std::{fmt::Write as _, path::PathBuf};

use coracle::tui::{
    actions::{ACTIONS, Action, Scope},
    picture,
};

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

#[test]
fn the_list_of_keys_is_of_this_table() {
    let mut text = String::from(
        "# Keys\n\n\
         Every action of the screen, as `?` shows it. The names are those of the palette (`:`) and of `[keymap.keys]` in\n\
         `.tui.toml`, where an action gets other keys: `scale = [\"S\", \"F5\"]`; an empty list takes them away.\n\n\
         Lists and forms have keys of their own, which they show: arrows move, `enter` chooses, `esc` leaves. `esc` never ends\n\
         the program.\n",
    );
    let mut groups: Vec<&str> = ACTIONS.iter().map(|action| action.group).collect();
    let mut seen = std::collections::HashSet::new();
    groups.retain(|group| seen.insert(*group));
    for group in groups {
        let _ = write!(text, "\n## {group}\n\n| keys | name | |\n|---|---|---|\n");
        for action in ACTIONS.iter().filter(|action| action.group == group) {
            text += &line(action);
        }
    }
    document("keys.md", &text);
}

/// An action as a line of a table.
fn line(action: &Action) -> String {
    let keys: Vec<String> = action
        .keys
        .iter()
        .map(|key| format!("`{}`", key.replace('|', "\\|")))
        .collect();
    let place = match action.scope {
        Scope::Pane(pane) => format!(
            " In the pane of the {}.",
            format!("{pane:?}").to_lowercase()
        ),
        Scope::Cluster => " Of the selected cluster.".to_owned(),
        Scope::Everywhere => String::new(),
    };
    let danger = if action.danger {
        " **Asks first: what it removes is lost.**"
    } else {
        ""
    };
    let (name, doc) = (action.name, action.doc);
    format!("| {} | {name} | {doc}{place}{danger} |\n", keys.join(" "))
}
