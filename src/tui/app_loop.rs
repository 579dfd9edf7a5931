//! The loop: keys first, then the frame, then data, so that a storm of data delays neither.
//!
//! A frame is drawn when something changed, for data at most every 33 ms, for a key at once. When nothing happens nothing is drawn
//! and nothing wakes up; a text that grows older by itself asks for its own moment.

use std::{io, time::Duration};

use jiff::Timestamp;
use ratatui::Frame;
use tokio::{task::JoinSet, time::Instant};

use super::{
    Options,
    effect::Effect,
    input, jobs,
    jobs::Context,
    leaving,
    msg::{ClusterId, Msg, News, TaskKey},
    runner::{Runner, Stamped, Turn},
    signals::{Signal, Signals, insist},
    state::State,
    terminal::{self, Screen},
    update::{next_wake, update, wants},
    view::view,
};
use crate::domain::{Cluster, Problem};

/// Frames for data: 30 a second look continuous.
const FRAME: Duration = Duration::from_millis(33);
/// A key's frame is drawn at once, but not sooner after another key's: the keys of a burst share one.
const KEY_FRAME: Duration = Duration::from_millis(8);
/// News that are taken in before keys and frame get their turn again.
const TURN: usize = 64;

/// Why the loop ended.
enum Left {
    /// The person quit.
    Asked,
    /// A signal, or the terminal is gone.
    Ended,
}

/// Runs the screen until it is left.
pub(super) async fn run(
    options: Options,
    mut state: State,
    context: Context,
) -> Result<(), Problem> {
    terminal::restore_on_panic();
    // Before the terminal is taken: a signal in between would leave it taken.
    let mut signals = Signals::new().map_err(broken)?;
    let mut insisting = JoinSet::new();
    insisting.spawn(insist(Signals::new().map_err(broken)?));
    let mut screen = Screen::take(state.mouse).map_err(broken)?;
    let mut runner = Runner::new(context);
    let left = serve(&options, &mut state, &mut runner, &mut screen, &mut signals).await;
    // The terminal first: whatever else takes its time, the person has their shell.
    drop(screen);
    drop(insisting);
    if !matches!(left, Ok(Left::Asked)) {
        leaving::undo(&mut state, &mut runner, &mut signals).await;
    }
    leaving::end(runner).await;
    left.map(drop)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn broken(error: io::Error) -> Problem {
    Problem::failed("the terminal cannot be used", error.to_string())
}

async fn serve(
    options: &Options,
    state: &mut State,
    runner: &mut Runner,
    screen: &mut Screen,
    signals: &mut Signals,
) -> Result<Left, Problem> {
    // The first frame needs nothing but the terminal.
    draw(screen, state).map_err(broken)?;
    let mut events = input::events().map_err(broken)?;
    let mut frame: Option<Instant> = None;
    let mut last = Instant::now();
    // Whether the next frame is a key's, and when the last one of a key was drawn.
    let (mut for_key, mut last_for_key) = (false, last);
    runner.sync(wants(state));
    loop {
        let wake = next_wake(state, Timestamp::now());
        let due = frame.unwrap_or(last + Duration::from_secs(86_400));
        let effects = tokio::select! {
            biased;
            signal = signals.received() => match signal {
                Signal::End | Signal::HungUp => return Ok(Left::Ended),
                Signal::Continued => {
                    screen.retake().map_err(broken)?;
                    frame = Some(Instant::now());
                    continue;
                }
                Signal::Resized => {
                    frame = Some(Instant::now());
                    continue;
                }
            },
            event = events.recv() => match event {
                Some(event) => match input::message(event) {
                    Some(msg) => {
                        let effects = update(state, msg, Timestamp::now());
                        let soon = (last_for_key + KEY_FRAME).max(Instant::now());
                        for_key = true;
                        frame = Some(frame.map_or(soon, |due| due.min(soon)));
                        effects
                    }
                    None => continue,
                },
                // The terminal is gone.
                None => return Ok(Left::Ended),
            },
            () = until(due), if frame.is_some() => {
                frame = None;
                last = Instant::now();
                if std::mem::take(&mut for_key) {
                    last_for_key = last;
                }
                draw(screen, state).map_err(broken)?;
                continue;
            }
            () = sleep_until(wake), if wake.is_some() => {
                frame = Some(Instant::now());
                update(state, Msg::Wake, Timestamp::now())
            }
            turn = runner.next() => {
                if !matches!(turn, Turn::Due) {
                    frame = Some(frame.unwrap_or((last + FRAME).max(Instant::now())));
                }
                match turn {
                    Turn::Due => Vec::new(),
                    Turn::Broke(key, problem) => {
                        update(state, Msg::News(key, Box::new(News::Broke(problem))), Timestamp::now())
                    }
                    Turn::News(news) => {
                        let now = Timestamp::now();
                        let mut effects = take(state, runner, *news, now);
                        for _ in 1..TURN {
                            let Some(news) = runner.more() else { break };
                            effects.extend(take(state, runner, news, now));
                        }
                        effects
                    }
                }
            }
        };
        for effect in effects {
            match effect {
                Effect::Quit => {
                    return Ok(Left::Asked);
                }
                Effect::Suspend => {
                    screen.suspend().map_err(broken)?;
                    frame = Some(Instant::now());
                }
                Effect::Mouse(ours) => terminal::take_mouse(ours).map_err(broken)?,
                Effect::Redraw => screen.forget().map_err(broken)?,
                Effect::Simulate => match (options.simulate)().await {
                    Ok(world) => {
                        runner.shutdown().await;
                        let (fresh, context) = world.begin(state);
                        *state = fresh;
                        *runner = Runner::new(context);
                    }
                    Err(problem) => state.toasts.fail(problem),
                },
                effect => perform(runner, effect),
            }
        }
        runner.sync(wants(state));
    }
}

fn draw(screen: &mut Screen, state: &mut State) -> io::Result<()> {
    tui_logger::move_events();
    lay(state, Timestamp::now(), |view| screen.draw(view))
}

/// Draws the state at a moment, by something that draws a frame.
///
/// # Errors
/// What it says.
pub(super) fn lay<E>(
    state: &mut State,
    now: Timestamp,
    mut draw: impl FnMut(&mut dyn FnMut(&mut Frame<'_>)) -> Result<(), E>,
) -> Result<(), E> {
    state.now = now;
    state.settle();
    if paint(state, &mut draw)? {
        // Panes have another height than when the lists were scrolled: the selection has to be in view there too.
        state.settle();
        paint(state, &mut draw)?;
    }
    Ok(())
}

/// Draws the state as it is; `true` when things lie elsewhere than before.
fn paint<E>(
    state: &mut State,
    draw: &mut impl FnMut(&mut dyn FnMut(&mut Frame<'_>)) -> Result<(), E>,
) -> Result<bool, E> {
    let mut laid = None;
    draw(&mut |frame| laid = Some(view(state, frame)))?;
    let moved = laid.filter(|laid| *laid != state.laid);
    let has_moved = moved.is_some();
    if let Some(laid) = moved {
        state.laid = laid;
    }
    Ok(has_moved)
}

/// Takes in news, unless they come from a task that another one has replaced.
pub(super) fn take(
    state: &mut State,
    runner: &mut Runner,
    (key, generation, news): Stamped,
    now: Timestamp,
) -> Vec<Effect> {
    if !runner.is_current(&key, generation) {
        return Vec::new();
    }
    if let News::World(world, backends) = &news {
        let observed = &runner.context().world;
        let before = observed.clusters();
        observed.set(backends.clone(), world.clusters.clone());
        for id in replaced(&before, &world.clusters) {
            runner.forget(&id);
        }
    }
    update(state, Msg::News(key, Box::new(news)), now)
}

/// The clusters that are gone, or were made anew under their name.
fn replaced(before: &[Cluster], now: &[Cluster]) -> Vec<ClusterId> {
    let same =
        |a: &Cluster, b: &Cluster| ClusterId::of(a) == ClusterId::of(b) && a.created == b.created;
    before
        .iter()
        .filter(|old| !now.iter().any(|new| same(old, new)))
        .map(ClusterId::of)
        .collect()
}

/// Has the runner do what is to be done; what concerns the terminal or the program is the caller's.
pub(super) fn perform(runner: &mut Runner, effect: Effect) {
    match effect {
        Effect::Plan(id, wish) => {
            let job = jobs::plan(runner.context(), wish);
            runner.start(TaskKey::Plan(id), job);
        }
        Effect::Execute(id, wish, plan) => {
            let context = runner.context().clone();
            runner.execute(id, |cancel| jobs::execute(&context, wish, *plan, cancel));
        }
        Effect::CancelOperation(id) => runner.cancel_operation(id),
        Effect::RetryEngine => runner.restart(&TaskKey::Engine),
        Effect::RetryContexts => runner.restart(&TaskKey::Contexts),
        Effect::Older(before) => {
            let key = TaskKey::Older(before.target.clone(), before.opened);
            let job = jobs::older::job(runner.context(), *before);
            runner.start(key, job);
        }
        Effect::Export(export) => runner.start(TaskKey::Export, jobs::export::job(*export)),
        Effect::Check(files) => runner.start(TaskKey::Check, jobs::check(files)),
        Effect::Keep(id, kept, yes) => {
            let key = TaskKey::Keep(id, kept.forward.clone());
            let job = jobs::forward::keep(runner.context(), *kept, yes);
            runner.start(key, job);
        }
        Effect::Browse(url) => browse(&url),
        Effect::Copy(text) => copy(&text),
        Effect::Simulate | Effect::Suspend | Effect::Redraw | Effect::Mouse(_) | Effect::Quit => {}
    }
}

/// Opens an address in the person's browser, which goes its own way from there.
fn browse(url: &str) {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let quiet = std::process::Stdio::null;
    let begun = tokio::process::Command::new(program)
        .arg(url)
        .stdin(quiet())
        .stdout(quiet())
        .stderr(quiet())
        .spawn();
    if let Err(error) = begun {
        tracing::warn!("{program} {url} did not start: {error}");
    }
}

/// Puts a text into the clipboard of the terminal, which may be on another machine (OSC 52).
fn copy(text: &str) {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let sequence = format!("\x1b]52;c;{}\x07", BASE64_STANDARD.encode(text));
    let _ = crossterm::execute!(io::stdout(), crossterm::style::Print(sequence));
}

/// Waits for a moment; one that has come costs nothing, where a timer would need a millisecond or two.
async fn until(moment: Instant) {
    if moment > Instant::now() {
        tokio::time::sleep_until(moment).await;
    }
}

async fn sleep_until(moment: Option<Timestamp>) {
    if let Some(moment) = moment {
        let left = moment.duration_since(Timestamp::now());
        tokio::time::sleep(left.try_into().unwrap_or_default()).await;
    }
}
