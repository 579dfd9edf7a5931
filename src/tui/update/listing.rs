//! What keys do in a list of things around clusters.

use super::{act, dialog::Fate};
use crate::{
    config::KeyChord,
    domain::PortMapping,
    ops::{self, Wish, expose, images::Wanted},
    plan::{lasting::Lasting, registry},
    tui::{
        dialogs::{
            Dialog,
            form::Form,
            forms::{Purpose, registry::NewRegistry},
            listing::{Kind, Listing, Outcome, Thing},
        },
        state::State,
    },
};

/// A key for a list.
pub(super) fn press(state: &mut State, list: &mut Listing, chord: KeyChord) -> Fate {
    let wish = match list.press(chord) {
        Outcome::Stay => return Fate::Stays,
        Outcome::Close => return Fate::Closes,
        Outcome::New => {
            let form = new(state, &list.kind).map(|form| Dialog::Form(Box::new(form)));
            state.dialogs.extend(form);
            return Fate::Below(Vec::new());
        }
        Outcome::Open(Thing::Registry { name, .. }) => {
            let inside = Listing::new(Kind::Catalogue(name));
            state.dialogs.push(Dialog::Listing(Box::new(inside)));
            return Fate::Below(Vec::new());
        }
        Outcome::Open(thing) => used(state, &list.kind, 'i', thing),
        Outcome::Use(key, thing) => used(state, &list.kind, key, thing),
        Outcome::Remove(thing) => remove(&list.kind, thing),
    };
    match wish {
        Ok(Some(wish)) => Fate::Below(act::plan(state, wish)),
        Ok(None) => Fate::Stays,
        Err(why) => {
            let now = state.now;
            state.toasts.inform(why, now);
            Fate::Stays
        }
    }
}

/// The form for another thing.
fn new(state: &State, kind: &Kind) -> Option<Form> {
    match kind {
        Kind::Lasting => Some(Form::new(Purpose::Lasting)),
        Kind::Registries(cluster) => {
            let all = state.clusters.world.iter();
            Some(Form::new(Purpose::Registry(NewRegistry {
                clusters: all.map(|cluster| cluster.name.clone()).collect(),
                selected: cluster.clone(),
            })))
        }
        Kind::Images(_) | Kind::Catalogue(_) | Kind::Services(_) | Kind::Manifests(_) => None,
    }
}

/// What one of the list's own keys means for a thing; nothing for most.
///
/// # Errors
/// Why it cannot be done.
fn used(state: &State, kind: &Kind, key: char, thing: Thing) -> Result<Option<Wish>, &'static str> {
    Ok(Some(match (kind, key, thing) {
        (
            Kind::Images(cluster),
            'i',
            Thing::Image {
                name, at_engine, ..
            },
        ) => {
            if !at_engine {
                return Err("the engine does not have this image: pull or build it first");
            }
            Wish::ImportImages {
                cluster: cluster.clone(),
                images: vec![Wanted::Named(name)],
            }
        }
        (Kind::Services(cluster), 'i', Thing::Service { offered, published }) => {
            if published.is_some() {
                return Err("it is published already");
            }
            expose::wish(cluster, &[offered])
        }
        (_, 't', Thing::Registry { name, running, .. }) => Wish::Registry(if running {
            registry::Wanted::Stop(name)
        } else {
            registry::Wanted::Start(name)
        }),
        (Kind::Registries(Some(cluster)), 'c', Thing::Registry { name, networks, .. }) => {
            let known = state.clusters.local(ops::observe::bare(cluster));
            let connected = known.is_some_and(|known| networks.contains(&known.network));
            let (registry, cluster) = (name, cluster.clone());
            Wish::Registry(if connected {
                registry::Wanted::Disconnect { registry, cluster }
            } else {
                registry::Wanted::Connect { registry, cluster }
            })
        }
        (Kind::Registries(None), 'c', _) => return Err("no cluster of this engine is selected"),
        _ => return Ok(None),
    }))
}

/// What removing a thing means.
///
/// # Errors
/// Why it cannot be removed.
fn remove(kind: &Kind, thing: Thing) -> Result<Option<Wish>, &'static str> {
    Ok(Some(match (kind, thing) {
        (Kind::Images(cluster), Thing::Image { name, on_nodes, .. }) => {
            if !on_nodes {
                return Err("no node has this image");
            }
            Wish::RemoveImages {
                cluster: cluster.clone(),
                images: vec![name],
            }
        }
        (Kind::Services(cluster), Thing::Service { published, .. }) => {
            let port = published.ok_or("it is not published")?;
            Wish::Ports {
                cluster: cluster.clone(),
                add: Vec::new(),
                delete: vec![PortMapping::balanced(port)],
            }
        }
        (_, Thing::Volume(name)) => Wish::Lasting(Lasting::DeleteVolume { name }),
        (_, Thing::Network(name)) => Wish::Lasting(Lasting::DeleteNetwork { name }),
        (_, Thing::Registry { name, .. }) => Wish::Registry(registry::Wanted::Delete(name)),
        (
            _,
            Thing::Image { .. } | Thing::Service { .. } | Thing::Repository(_) | Thing::Manifest(_),
        ) => return Ok(None),
    }))
}
