//! How clusters look in an engine, translated both ways: what is wanted becomes containers, networks, volumes and
//! files; what an engine lists becomes [`Cluster`](crate::domain::Cluster)s.
//!
//! Everything in here is pure. One folder a distribution, so that another one touches nothing else.

pub mod k3s;
