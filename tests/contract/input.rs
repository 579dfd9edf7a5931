//! The contract of `ContainerRuntime`, case by case: images as archives, and commands that read them.

use std::io::Cursor;

use bytes::Bytes;
use coracle::{
    backend::{Error, ErrorKind},
    domain::{image::full_name, image_archive},
};
use futures::{StreamExt, TryStreamExt, stream};

use super::{
    runtime::GRACE,
    site::{Site, soon},
};

pub async fn images_are_listed_and_saved(site: &Site) {
    let name = site.container("x", "", "").image;
    let listed = site.runtime.images().await.unwrap();
    let image = listed.iter().find(|image| image.is_called(&name)).unwrap();
    assert!(
        image.id.starts_with("sha256:") && image.size > 0,
        "{image:?}"
    );
    assert!(image.digests.contains(&image.id), "{image:?}");
    assert!(listed.iter().all(|image| !image.names.is_empty()));

    let chunks: Vec<Bytes> = site
        .runtime
        .save_images(std::slice::from_ref(&name))
        .try_collect()
        .await
        .unwrap();
    let saved = image_archive::images(Cursor::new(chunks.concat())).unwrap();
    assert_eq!(saved.len(), 1);
    assert_eq!(saved[0].names, [full_name(&name)]);
    assert!(
        !saved[0].digests.is_disjoint(&image.digests),
        "{saved:?} {image:?}"
    );

    let missing = "coracle.invalid/no/such:image".to_owned();
    let saved: Result<Vec<_>, _> = site.runtime.save_images(&[missing]).try_collect().await;
    let error = saved.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
}

pub async fn commands_read_what_is_written_to_them(site: &Site) {
    let container = site.running("sleep 300").await;
    let run = async |command: &'static [&'static str], chunks: Vec<Result<Bytes, Error>>| {
        let input = stream::iter(chunks).boxed();
        let said = site.runtime.exec_with_input(&container, command, input);
        soon("the end of a command", said).await
    };
    let line = |number: u32| Ok(Bytes::from(format!("line {number:>10}\n")));
    let said = run(&["cat"], (0..5_000).map(line).collect()).await.unwrap();
    let text = String::from_utf8(said.output).unwrap();
    assert_eq!((said.code, text.lines().count()), (0, 5_000));
    assert!(text.ends_with("line       4999\n"));

    // One that does not read to the end has its reasons.
    let chunk = || Ok(Bytes::from(vec![b'x'; 1 << 20]));
    let failed = run(&["sh", "-c", "echo oh; exit 3"], vec![chunk(), chunk()]).await;
    let failed = failed.unwrap();
    assert_eq!((failed.code, failed.output.as_slice()), (3, &b"oh\n"[..]));

    let broken = Error::new(ErrorKind::Unreachable, "read", "it broke");
    let ended = run(&["cat"], vec![line(1), Err(broken.clone())]).await;
    assert_eq!(ended, Err(broken));

    site.runtime.stop(&container, GRACE).await.unwrap();
    let stopped = run(&["cat"], vec![line(1)]).await.unwrap_err();
    assert_eq!(stopped.kind, ErrorKind::Conflict, "{stopped}");
}
