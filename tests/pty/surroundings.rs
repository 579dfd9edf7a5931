//! What is around the program is not as it should be: no home, no size, a terminal that stands still, files that change
//! under it.

use rustix::process::Signal;

use super::terminal::Terminal;
use crate::cli::Place;

const NO_ENGINE: &str = "No container engine answers.";

fn works(terminal: &mut Terminal) {
    terminal.press("?");
    terminal.wait_for("type to search");
    terminal.press("\x1b");
    terminal.wait_gone("type to search");
}

fn leave(terminal: &mut Terminal) {
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
    terminal.wait_restored();
}

#[test]
fn keys_come_from_the_terminal_although_stdin_is_something_else() {
    let place = Place::new();
    let shell = place.shell("", "exec \"$0\" </dev/null");
    let mut terminal = Terminal::run(&shell, (120, 40));
    terminal.wait_for(NO_ENGINE);
    works(&mut terminal);
    leave(&mut terminal);
}

#[test]
fn nothing_in_the_environment_but_where_to_look() {
    let place = Place::new();
    // Without a home in it the person's own is used, which may hold contexts.
    let script = "exec env -i DOCKER_HOST=\"$DOCKER_HOST\" KUBECONFIG=\"$KUBECONFIG\" \"$0\"";
    let shell = place.shell("", script);
    let mut terminal = Terminal::run(&shell, (120, 40));
    terminal.wait_for(NO_ENGINE);
    works(&mut terminal);
    leave(&mut terminal);
}

#[test]
fn without_job_control_ctrl_z_leaves_the_screen_as_it_is() {
    let mut terminal = Terminal::open(&Place::new(), "");
    terminal.wait_for(NO_ENGINE);
    terminal.press("\x1a");
    works(&mut terminal);
    terminal.wait_for(NO_ENGINE);
    leave(&mut terminal);
}

#[test]
fn a_terminal_that_knows_no_size() {
    let mut terminal = Terminal::sized(&Place::new(), "", (0, 0));
    terminal.resize(120, 40);
    terminal.wait_for(NO_ENGINE);
    leave(&mut terminal);
}

#[test]
fn a_kubeconfig_that_is_no_file() {
    let place = Place::new();
    std::fs::create_dir(place.path("home/kubeconfig")).unwrap();
    let mut terminal = Terminal::open(&place, "");
    terminal.wait_for(NO_ENGINE);
    terminal.wait_for("home/kubeconfig was left out: Is a directory");
    works(&mut terminal);
    leave(&mut terminal);
}

#[test]
fn a_kubeconfig_that_breaks_and_is_mended() {
    let place = Place::new();
    let good = "clusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}]\n\
        users: []\n\
        contexts: [{name: mine, context: {cluster: a, user: u}}]\n";
    place.write("home/kubeconfig", good);
    let mut terminal = Terminal::open(&place, "");
    terminal.wait_for("│mine ");
    // It is looked at every few seconds; the key asks for it now.
    place.write("home/kubeconfig", "contexts: [{name: mi");
    terminal.press("\x12");
    let screen = terminal.wait_for("home/kubeconfig was left out: line 1");
    assert!(
        screen.contains("│mine "),
        "what was known is gone:\n{screen}"
    );
    place.write("home/kubeconfig", &good.replace("mine", "other"));
    terminal.press("\x12");
    terminal.wait_until("the new context alone", |screen| {
        screen.contains("│other ") && !screen.contains("│mine ") && !screen.contains("left out")
    });
    leave(&mut terminal);
}

#[test]
fn reports_of_impossible_places() {
    let mut terminal = Terminal::open(&Place::new(), "--simulate");
    terminal.wait_for("● running");
    for report in [
        "\x1b[<0;0;0M",
        "\x1b[M !!",
        "\x1b[M\x20\x20\x20",
        "\x1b[0;0R",
        "\x1b[0;0M",
        "\x1b[<0;9999;9999M",
        "\x1b[<64;0;0M",
    ] {
        terminal.press(report);
        works(&mut terminal);
    }
    leave(&mut terminal);
}

#[test]
fn a_terminal_that_is_stuck_goes_on_where_it_was() {
    let mut terminal = Terminal::open(&Place::new(), "--simulate");
    terminal.wait_for("● running");
    terminal.get_stuck(200, 1_500);
    terminal.press("?");
    terminal.get_on();
    terminal.wait_for("type to search");
    terminal.press("\x1b");
    terminal.wait_gone("type to search");
    leave(&mut terminal);
}

#[test]
fn a_terminal_that_is_stuck_does_not_keep_signals_from_ending_the_program() {
    let mut terminal = Terminal::open(&Place::new(), "--simulate");
    terminal.wait_for("● running");
    terminal.get_stuck(200, 1_500);
    terminal.signal(Signal::TERM);
    assert_eq!(terminal.wait_exit(), 1);
}
