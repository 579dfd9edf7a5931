//! What a person can set, in `.tui.toml` files, in the environment and with flags, and how the layers become one
//! [`Config`].
//!
//! Nothing in here reads a file: texts go in ([`load`]), and a configuration comes out that always works, with a
//! [`Problem`](crate::domain::Problem) for each thing that was not understood. `cli::settings` finds and reads the
//! files.

mod colour;
mod environment;
pub mod k3d;
pub mod keys;
pub mod kubeconfig;
mod layers;
mod schema;
mod suggest;

pub use colour::Colour;
pub use keys::{Key, KeyChord, KeyList};
pub use layers::{Names, Source, load};
pub use schema::{
    ClusterDefaults, Config, Contexts, Engine, Keymap, Logs, PortText, Theme, ThemeName,
};
pub use suggest::nearest;
