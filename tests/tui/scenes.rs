//! The states that the screen can be in, each brought about by the keys that bring it about.

use std::time::Duration;

use coracle::{
    backend::{ErrorKind, WatchItem, docker::Tried, sim::Fault},
    domain::{Problem, kube::ContextInfo},
    tui::msg::{ClusterId, News, TaskKey},
};
use futures::future::BoxFuture;

use super::{Screen, local};

/// A scene: its name, and who sets it.
pub type Scene = (&'static str, fn() -> BoxFuture<'static, Screen>);

macro_rules! scenes {
    ($($name:ident)*) => {
        /// All of them.
        pub const SCENES: &[Scene] = &[$((stringify!($name), || Box::pin($name()))),*];
    };
}

scenes! {
    beginning dashboard nodes_focused log_focused log_searched log_filtered log_prompt line_in_full log_choice logs_of_a_workload forward_form forwards pods_filtered stopped broken
    context_refuses pods_stale engine_lost no_cluster welcome no_engine_but_contexts
    new_cluster_form new_cluster_network new_cluster_refused ports_form nodes_form images services manifests registries registry_form lasting lasting_form planning plan_preview progress_running progress_done progress_failed
    unfinished confirm_delete confirm_delete_typed scale menu menu_with_reasons help help_filtered palette
    operations app_log toast problem quit_asks ascii_without_colour
}

/// The usual world, looked at for three seconds.
pub async fn dashboard() -> Screen {
    let mut screen = Screen::on("default");
    screen.seconds(3).await;
    screen
}

async fn after(script: &str) -> Screen {
    let mut screen = dashboard().await;
    screen.types(script).await;
    screen
}

/// Before anything has answered.
async fn beginning() -> Screen {
    Screen::on("default")
}

async fn nodes_focused() -> Screen {
    after("<tab>j").await
}

async fn log_focused() -> Screen {
    after("<enter>jj<enter>kkk").await
}

/// In the log of one of the pods that are named like this, after some lines, and then some keys.
async fn in_the_log_of(name: &str, script: &str) -> Screen {
    let mut screen = after(&format!("<enter>/{name}<enter>")).await;
    screen.seconds(3).await;
    screen.types("<enter>").await;
    screen.types(script).await;
    screen
}

async fn log_searched() -> Screen {
    in_the_log_of("web", "/cart<enter>Nt").await
}

async fn log_filtered() -> Screen {
    in_the_log_of("web", "+get|code<enter>-health<enter>w").await
}

async fn log_prompt() -> Screen {
    in_the_log_of("web", "-health").await
}

/// A line with fields; the pods of the cart write such.
async fn line_in_full() -> Screen {
    in_the_log_of("cart", "kk<enter>j").await
}

async fn log_choice() -> Screen {
    let mut screen = after("<enter>/web<enter>L").await;
    screen.seconds(1).await;
    screen
}

async fn logs_of_a_workload() -> Screen {
    let mut screen = log_choice().await;
    screen.types("jjjj<enter>").await;
    screen.seconds(5).await;
    screen
}

async fn forward_form() -> Screen {
    let mut screen = after("<enter>/web<enter>F").await;
    screen.seconds(1).await;
    screen
}

async fn forwards() -> Screen {
    after("f").await
}

async fn pods_filtered() -> Screen {
    after("/shop !web").await
}

async fn stopped() -> Screen {
    after("j").await
}

async fn broken() -> Screen {
    after("k").await
}

async fn context_refuses() -> Screen {
    after("G<enter>").await
}

async fn pods_stale() -> Screen {
    let mut screen = after("<enter>").await;
    let lost = WatchItem::Broken {
        problem: Problem::unreachable("watch pods of dev", "the connection was reset"),
        retry_in: Duration::from_secs(8),
        attempt: 3,
    };
    screen.news(TaskKey::Pods(local("dev")), News::Rows(lost));
    screen
}

async fn engine_lost() -> Screen {
    let mut screen = dashboard().await;
    let tried = vec![Tried {
        endpoint: "unix:///var/run/docker.sock".to_owned(),
        source: "in use until now".to_owned(),
        answer: "connection reset by peer".to_owned(),
    }];
    let retry_in = Duration::from_secs(4);
    screen.news(TaskKey::Engine, News::EngineDown { tried, retry_in });
    screen
}

async fn no_cluster() -> Screen {
    let mut screen = Screen::on("empty");
    screen.seconds(1).await;
    screen
}

async fn welcome() -> Screen {
    let mut screen = Screen::without_engine(&[]);
    screen.seconds(1).await;
    screen
}

async fn no_engine_but_contexts() -> Screen {
    let contexts = ["prod-eu", "staging"].map(|name| ContextInfo {
        name: name.to_owned(),
        server: format!("https://{name}.example.com:6443"),
        namespace: String::new(),
        current: name == "staging",
    });
    let mut screen = Screen::without_engine(&contexts);
    screen.seconds(1).await;
    screen
}

async fn new_cluster_form() -> Screen {
    after("n").await
}

async fn new_cluster_network() -> Screen {
    after("n<pgdn><pgdn><up><up>k").await
}

async fn new_cluster_refused() -> Screen {
    after("n<ctrl-u>dev<tab><tab>2").await
}

async fn ports_form() -> Screen {
    after("o8080:80@agent:9").await
}

async fn nodes_form() -> Screen {
    after("a<tab><right><tab>x").await
}

async fn images() -> Screen {
    after("i").await
}

async fn services() -> Screen {
    after("O").await
}

async fn manifests() -> Screen {
    after("M").await
}

async fn registries() -> Screen {
    after("R").await
}

async fn registry_form() -> Screen {
    after("Rn").await
}

async fn lasting() -> Screen {
    after("V").await
}

async fn lasting_form() -> Screen {
    after("Vn<right><tab>shared").await
}

/// The form filled in with what is the same on every machine: a port below those that the kernel gives away.
const FORM: &str = "n<tab><tab><backspace>2<tab><tab>16550<enter>";

async fn planning() -> Screen {
    let mut screen = dashboard().await;
    screen.keys(FORM);
    screen
}

async fn plan_preview() -> Screen {
    after(FORM).await
}

async fn progress_running() -> Screen {
    let mut screen = after(FORM).await;
    screen.keys("<enter>");
    screen.seconds(4).await;
    screen
}

async fn progress_done() -> Screen {
    let mut screen = after(FORM).await;
    screen.keys("<enter>");
    screen.seconds(60).await;
    screen
}

async fn progress_failed() -> Screen {
    let mut screen = after(FORM).await;
    let refused = Fault::Fail(ErrorKind::Failed);
    screen
        .world
        .faults()
        .add("start k3d-dev-2-agent-1", 0, refused);
    screen.keys("<enter>");
    screen.seconds(60).await;
    screen
}

/// The program was killed while it made a cluster.
pub async fn unfinished() -> Screen {
    let mut screen = progress_running().await.killed().await;
    screen.seconds(2).await;
    while screen.state().selected() != Some(&local("dev-2")) {
        screen.types("j").await;
    }
    screen
}

async fn confirm_delete() -> Screen {
    after("<ctrl-d>").await
}

async fn confirm_delete_typed() -> Screen {
    after("<ctrl-d>dev").await
}

async fn scale() -> Screen {
    after("s++").await
}

async fn menu() -> Screen {
    after(".").await
}

/// In a context nothing can be started or stopped, and the menu says why.
async fn menu_with_reasons() -> Screen {
    let screen = after("GG<ctrl-b>jjj.").await;
    assert!(matches!(
        screen.state().selected(),
        Some(ClusterId::Context(_))
    ));
    screen
}

async fn help() -> Screen {
    after("?").await
}

async fn help_filtered() -> Screen {
    after("?clus").await
}

async fn palette() -> Screen {
    after(":st<down>").await
}

/// One is over, one failed, one goes on.
async fn operations() -> Screen {
    let mut screen = progress_failed().await;
    screen.types("<esc>j").await;
    screen.types("t<enter>").await;
    screen.seconds(60).await;
    screen.types("<esc>r<enter>").await;
    screen.types("<esc>!").await;
    screen
}

async fn app_log() -> Screen {
    after("L").await
}

async fn toast() -> Screen {
    after("G<ctrl-d>").await
}

async fn problem() -> Screen {
    let mut screen = dashboard().await;
    screen.fail(
        Problem::failed(
            "the settings cannot be used",
            ".tui.toml:3:1: unknown key \"colour\"",
        )
        .with_hint("did you mean \"color\"?"),
    );
    screen
}

async fn quit_asks() -> Screen {
    let mut screen = after(FORM).await;
    screen.types("<enter><esc>q").await;
    screen
}

async fn ascii_without_colour() -> Screen {
    let mut screen = Screen::on_terminal("default", false, false);
    screen.seconds(3).await;
    screen
}
