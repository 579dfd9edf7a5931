//! How much of the disk containers and volumes take.
//!
//! bollard reads only what the newest engines answer to `/system/df`; the question is therefore asked under the guise
//! of another one whose answer it hands on as bytes, and both forms of the answer are read here.

use std::{collections::BTreeMap, time::Duration};

use futures::TryStreamExt;
use serde_json::Value;

use super::{Engine, within};
use crate::{
    backend::{Error, ErrorKind},
    domain::container::{DiskUsage, VolumeUse},
};

/// An engine walks through all files of all volumes to answer.
const WALK: Duration = Duration::from_secs(60);
/// What is asked; older engines pass over the words that they do not know.
const QUESTION: &str = "/system/df?type=container&type=volume&verbose=true";
/// No answer is longer: a volume is half a kilobyte of it.
const LONGEST: usize = 64 << 20;

impl Engine {
    pub(super) async fn measure_disk(&self) -> Result<DiskUsage, Error> {
        let what = || "ask how much of the disk is in use".to_owned();
        let docker = self.docker.clone().with_timeout(WALK);
        let docker = docker.with_request_modifier(redirected);
        let answer =
            docker
                .export_container("disk")
                .try_fold(Vec::new(), |mut all, part| async move {
                    if all.len() < LONGEST {
                        all.extend_from_slice(&part);
                    }
                    Ok(all)
                });
        let answer = within(WALK, what, answer).await?;
        let value: Value = serde_json::from_slice(&answer)
            .map_err(|error| Error::new(ErrorKind::Failed, what(), error.to_string()))?;
        Ok(read(&value))
    }
}

fn redirected(mut request: bollard::BollardRequest) -> bollard::BollardRequest {
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = Some(http::uri::PathAndQuery::from_static(QUESTION));
    if let Ok(uri) = http::Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}

/// The entries of a kind: below `Items` as engines of 1.52 and later have them, or in a list of their own.
fn entries<'a>(answer: &'a Value, new: &str, old: &str) -> impl Iterator<Item = &'a Value> {
    let list = answer[new]["Items"].as_array();
    list.or_else(|| answer[old].as_array())
        .into_iter()
        .flatten()
}

fn read(answer: &Value) -> DiskUsage {
    let containers = entries(answer, "ContainerUsage", "Containers").filter_map(|entry| {
        let name = entry["Names"][0].as_str()?.trim_start_matches('/');
        // An empty layer is left out.
        Some((name.to_owned(), entry["SizeRw"].as_u64().unwrap_or(0)))
    });
    let volumes = entries(answer, "VolumeUsage", "Volumes").filter_map(|entry| {
        // -1 is for a driver that cannot tell.
        let seen = VolumeUse {
            bytes: entry["UsageData"]["Size"].as_u64(),
            created: entry["CreatedAt"]
                .as_str()
                .and_then(|time| time.parse().ok()),
        };
        Some((entry["Name"].as_str()?.to_owned(), seen))
    });
    DiskUsage {
        containers: containers.collect::<BTreeMap<_, _>>(),
        volumes: volumes.collect::<BTreeMap<_, _>>(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_answer_are_read() {
        let containers = r#"[{"Names":["/a"],"SizeRw":7},{"Names":["/b"]}]"#;
        let volumes = r#"[{"Name":"v","CreatedAt":"2026-11-21T08:00:00Z","UsageData":{"Size":9,"RefCount":0}},
            {"Name":"nfs","UsageData":{"Size":-1,"RefCount":-1}}]"#;
        let old = format!(r#"{{"Containers":{containers},"Volumes":{volumes}}}"#);
        let new = format!(
            r#"{{"ContainerUsage":{{"Items":{containers}}},"VolumeUsage":{{"Items":{volumes}}}}}"#
        );
        for answer in [old, new] {
            let usage = read(&serde_json::from_str(&answer).unwrap());
            assert_eq!(usage.containers["a"], 7, "{answer}");
            assert_eq!(usage.containers["b"], 0, "{answer}");
            assert_eq!(usage.volumes["v"].bytes, Some(9), "{answer}");
            assert!(usage.volumes["v"].created.is_some(), "{answer}");
            assert_eq!(usage.volumes["nfs"].bytes, None, "{answer}");
        }
        assert_eq!(read(&Value::Null), DiskUsage::default());
    }
}
