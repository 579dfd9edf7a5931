//! The product on a real engine with real nodes.

#[cfg(test)]
#[path = "e2e/command_line.rs"]
mod command_line;
#[cfg(test)]
#[path = "e2e/config_file.rs"]
mod config_file;
mod contract;
#[cfg(test)]
#[path = "e2e/datastore.rs"]
mod datastore;
#[path = "e2e/engine.rs"]
mod engine;
#[cfg(test)]
#[path = "e2e/forward.rs"]
mod forward;
#[cfg(test)]
#[path = "e2e/images.rs"]
mod images;
#[cfg(test)]
#[path = "e2e/interop.rs"]
mod interop;
#[cfg(test)]
#[path = "e2e/k3d.rs"]
mod k3d;
#[cfg(test)]
#[path = "e2e/k3d_commands.rs"]
mod k3d_commands;
#[cfg(test)]
#[path = "e2e/kube.rs"]
mod kube;
#[cfg(test)]
#[path = "e2e/life.rs"]
mod life;
#[cfg(test)]
#[path = "e2e/lifecycle.rs"]
mod lifecycle;
#[cfg(test)]
#[path = "e2e/logs.rs"]
mod logs;
#[cfg(test)]
#[path = "e2e/many.rs"]
mod many;
#[cfg(test)]
#[path = "e2e/network.rs"]
mod network;
#[cfg(test)]
#[path = "e2e/nodes.rs"]
mod nodes;
#[cfg(test)]
#[path = "e2e/ports.rs"]
mod ports;
#[cfg(test)]
#[path = "e2e/prune.rs"]
mod prune;
#[cfg(test)]
#[path = "e2e/registries.rs"]
mod registries;
#[cfg(test)]
#[path = "e2e/spec.rs"]
mod spec;
#[cfg(test)]
#[path = "e2e/story.rs"]
mod story;
