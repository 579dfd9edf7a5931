//! Paths of the API: <https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris>.

use std::fmt::Write as _;

use crate::{domain::ObjectKey, resources::KindSpec};

/// The path of a kind's objects: all of them where the namespace is empty.
pub(super) fn collection(kind: &KindSpec, namespace: &str) -> String {
    let mut path = if kind.group.is_empty() {
        format!("/api/{}", kind.version)
    } else {
        format!("/apis/{}/{}", kind.group, kind.version)
    };
    if kind.namespaced && !namespace.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(path, "/namespaces/{}", escape(namespace));
    }
    path.push('/');
    path.push_str(kind.plural);
    path
}

/// The path of one object.
pub(super) fn object(kind: &KindSpec, key: &ObjectKey) -> String {
    format!("{}/{}", collection(kind, &key.namespace), escape(&key.name))
}

/// A text as a part of a path or query.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::{nodes, pods};

    #[test]
    fn paths_are_those_of_the_api() {
        assert_eq!(collection(&pods::KIND, ""), "/api/v1/pods");
        assert_eq!(
            collection(&pods::KIND, "shop"),
            "/api/v1/namespaces/shop/pods"
        );
        assert_eq!(
            object(&nodes::KIND, &ObjectKey::new("", "a")),
            "/api/v1/nodes/a"
        );
        assert_eq!(escape("spec.nodeName=a b/c"), "spec.nodeName%3Da%20b%2Fc");
    }
}
