//! Kubernetes' quantities: <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>.

/// The factors of the suffixes.
const SUFFIXES: &[(&str, f64)] = &[
    ("Ki", 1_024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("Ei", 1_152_921_504_606_846_976.0),
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("E", 1e18),
];

/// The number that a quantity stands for: `250m` is 0.25, `1Ki` is 1024.
#[must_use]
pub fn parse(text: &str) -> Option<f64> {
    let (number, factor) = SUFFIXES
        .iter()
        .find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, *factor)))
        .unwrap_or((text, 1.0));
    let number: f64 = number.parse().ok()?;
    (number.is_finite()).then_some(number * factor)
}

/// A quantity of bytes, whole.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number is not negative, and a cast of too large a float saturates"
)]
pub fn bytes(text: &str) -> Option<u64> {
    parse(text)
        .filter(|number| *number >= 0.0)
        .map(|number| number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantities_are_read_as_kubernetes_writes_them() {
        for (text, want) in [
            ("250m", 0.25),
            ("2", 2.0),
            ("12345678n", 0.012_345_678),
            ("1Ki", 1024.0),
            ("1.5G", 1.5e9),
            ("1e3", 1000.0),
        ] {
            let got = parse(text).unwrap();
            assert!((got - want).abs() < 1e-9 * want.max(1.0), "{text}: {got}");
        }
        assert_eq!(
            (
                bytes("64Mi"),
                bytes("-1"),
                parse(""),
                parse("x"),
                parse("Ki")
            ),
            (Some(67_108_864), None, None, None, None)
        );
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "\\PC{0,20}") {
            let _ = bytes(&text);
        }
    }
}
