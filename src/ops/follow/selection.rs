//! From what a person names to what is watched: a selection of pods by namespace, labels and name.

use crate::ops::logs::Pattern;

use super::query::{Query, Target};
use crate::{
    backend::KubeApi,
    domain::{ObjectKey, Problem, WorkloadKind},
    ops::workload,
    resources::Scope,
};

/// Pods that are watched.
#[derive(Debug, Clone)]
pub(super) struct Selection {
    /// What the server selects by.
    pub(super) scope: Scope,
    /// What it cannot select by.
    expression: Option<Pattern>,
    /// How a person calls it.
    pub(super) name: String,
}

impl Selection {
    pub(super) fn fits(&self, pod: &ObjectKey) -> bool {
        let expression = self.expression.as_ref();
        expression.is_none_or(|expression| expression.is_match(&pod.name))
    }
}

/// The selections that a query means.
///
/// # Errors
/// When an object that it names is not there, stands for no pods, or the API does not answer.
pub(super) async fn selections(
    api: &dyn KubeApi,
    query: &Query,
) -> Result<Vec<Selection>, Problem> {
    let mut selections = Vec::new();
    for target in &query.targets {
        selections.push(match target {
            Target::Pods {
                namespaces,
                selector,
                name,
            } => Selection {
                scope: Scope {
                    namespaces: namespaces.clone(),
                    selector: selector.clone(),
                    name: String::new(),
                },
                expression: name.clone(),
                name: "pods".to_owned(),
            },
            Target::Of(of) => Selection {
                scope: Scope {
                    namespaces: vec![of.key.namespace.to_string()],
                    selector: if of.kind == WorkloadKind::Pod {
                        String::new()
                    } else {
                        workload::selector(api, of).await?
                    },
                    name: if of.kind == WorkloadKind::Pod {
                        of.key.name.to_string()
                    } else {
                        String::new()
                    },
                },
                expression: None,
                name: of.to_string(),
            },
        });
    }
    Ok(selections)
}
