//! kind's clusters, told by their labels so that the list shows them beside ours. They are not made here.

pub mod read;
