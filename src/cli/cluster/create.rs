//! `coracle cluster create`.

mod args;
mod specify;

pub use args::Args;
use args::KubeconfigFlags;

use super::{
    from_file::{self, FromFile, variable},
    shape::{self, Shown},
    targets::DEFAULT_NAME,
};
use crate::{
    cli::{
        context::Context,
        drive,
        output::{self, Format, note},
        signals::Signals,
    },
    config::ClusterDefaults,
    distro::k3s::channels,
    domain::{ClusterName, ClusterSpec, Problem},
    ops::{self, Wish, draft::Here},
    plan::{self, Kubeconfig},
};

/// Creates a cluster.
///
/// # Errors
/// What did not work, after it was taken back.
pub async fn run(cx: &Context, args: &Args) -> Result<(), Problem> {
    let file = from_file::read(args.config.as_deref(), &variable)?;
    let mut spec = specification(args, &file, &cx.config.cluster)?;
    let here = Here::now();
    for item in &spec.volumes {
        if let Some(warning) = here.mistakable(&item.value) {
            note(&format!("warning: {warning}"));
        }
    }
    let name = spec.name.clone();
    spec.image = ops::node_image(&spec.image, channels::URL).await?;
    let backends = cx.backends().await?;
    let kubeconfig = kubeconfig(&args.kubeconfig, &file);
    let wish = Wish::Create {
        spec: Box::new(spec),
        kubeconfig,
    };
    let wait = args.wait.said().or(file.wait()).unwrap_or_default();
    let mut request = args.manner.request(cx, &backends, wish, wait);
    if let (None, Some(timeout)) = (args.manner.timeout, file.timeout()?) {
        request.options.timeout = timeout;
    }
    request.options.rollback &= file.rollback();
    if args.manner.dry_run {
        return drive::print_plan(&backends, &request, args.manner.output).await;
    }
    let mut signals = Signals::take()?;
    let report = drive::fulfil(&backends, &request, cx.style(), &mut signals).await?;
    let seconds = report.took.as_secs_f64();
    note(&format!("cluster \"{name}\" is there ({seconds:.1} s)"));
    if kubeconfig != Kubeconfig::Untouched && !backends.simulated {
        note(&format!("try: kubectl --context k3d-{name} get nodes"));
    }
    if args.manner.output == Format::Table {
        return Ok(());
    }
    let world = ops::observe(&backends).await?;
    let cluster = world.cluster(&ClusterName::existing(format!("k3s/{name}")))?;
    match args.manner.output {
        Format::Json | Format::Yaml => output::print(&output::data(
            &shape::cluster(cluster, false),
            args.manner.output,
        )?),
        format => {
            let shown = Shown {
                headers: true,
                token: false,
            };
            let now = jiff::Timestamp::now();
            let one = std::slice::from_ref(cluster);
            output::print(&shape::clusters(one, format, shown, now))
        }
    }
}

/// The wanted cluster: the flags, over the file and the variables, over the settings.
fn specification(
    args: &Args,
    file: &FromFile,
    defaults: &ClusterDefaults,
) -> Result<ClusterSpec, Problem> {
    let mut spec = file.over(defaults.spec(ClusterName::parse(DEFAULT_NAME)?))?;
    specify::over(&mut spec, args)?;
    if spec.ports.is_empty() {
        spec.ports = defaults.published().collect();
    }
    plan::create::check(&spec)?;
    Ok(spec)
}

fn kubeconfig(flags: &KubeconfigFlags, file: &FromFile) -> Kubeconfig {
    let said = &file.simple.options.kubeconfig;
    let update = flags.update.or(said.update_default_kubeconfig);
    let switch = flags.switch.or(said.switch_current_context);
    match (update.unwrap_or(true), switch.unwrap_or(true)) {
        (false, _) => Kubeconfig::Untouched,
        (true, false) => Kubeconfig::Merge,
        (true, true) => Kubeconfig::MergeAndSwitch,
    }
}

#[cfg(test)]
mod tests;
