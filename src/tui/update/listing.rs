//! What keys do in a list of things around clusters.

use super::{act, dialog::Fate};
use crate::{
    config::KeyChord,
    ops::{Wish, images::Wanted},
    plan::lasting::Lasting,
    tui::{
        dialogs::{
            Dialog,
            form::Form,
            forms::Purpose,
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
            if list.kind == Kind::Lasting {
                let form = Form::new(Purpose::Lasting);
                state.dialogs.push(Dialog::Form(Box::new(form)));
            }
            return Fate::Below(Vec::new());
        }
        Outcome::Send(thing) => send(&list.kind, thing),
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

/// What sending a thing means; nothing for most.
///
/// # Errors
/// Why it cannot be sent.
fn send(kind: &Kind, thing: Thing) -> Result<Option<Wish>, &'static str> {
    match (kind, thing) {
        (
            Kind::Images(cluster),
            Thing::Image {
                name, at_engine, ..
            },
        ) => {
            if !at_engine {
                return Err("the engine does not have this image: pull or build it first");
            }
            Ok(Some(Wish::ImportImages {
                cluster: cluster.clone(),
                images: vec![Wanted::Named(name)],
            }))
        }
        _ => Ok(None),
    }
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
        (_, Thing::Volume(name)) => Wish::Lasting(Lasting::DeleteVolume { name }),
        (_, Thing::Network(name)) => Wish::Lasting(Lasting::DeleteNetwork { name }),
        (_, Thing::Image { .. }) => return Ok(None),
    }))
}
