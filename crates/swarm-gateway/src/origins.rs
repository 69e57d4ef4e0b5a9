//! Origins of the browser pages that may use a gateway.

/// Which origins are allowed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Origins {
    #[default]
    Any,
    Listed(Vec<String>),
}

impl Origins {
    /// Trims the entries and drops blank ones. No entries, or a `*`, allow any origin.
    pub(crate) fn new(entries: impl IntoIterator<Item = String>) -> Self {
        let entries = entries.into_iter().map(|entry| entry.trim().to_owned());
        let entries: Vec<_> = entries.filter(|entry| !entry.is_empty()).collect();
        if entries.is_empty() || entries.iter().any(|entry| entry == "*") {
            Self::Any
        } else {
            Self::Listed(entries)
        }
    }

    /// Returns whether an origin is allowed. Schemes and hosts have no case.
    pub(crate) fn allow(&self, origin: Option<&[u8]>) -> bool {
        match (self, origin) {
            (Self::Any, _) => true,
            (Self::Listed(_), None) => false,
            (Self::Listed(entries), Some(origin)) => {
                (entries.iter()).any(|entry| entry.as_bytes().eq_ignore_ascii_case(origin))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Origins;

    fn origins(entries: &[&str]) -> Origins {
        Origins::new(entries.iter().map(|entry| (*entry).to_owned()))
    }

    #[test]
    fn no_entries_and_a_star_allow_any_origin() {
        for entries in [&[][..], &["", "  "], &["*"], &["https://a.example", " * "]] {
            let origins = origins(entries);
            assert_eq!(origins, Origins::Any, "{entries:?}");
            assert!(origins.allow(None) && origins.allow(Some(b"null")));
        }
    }

    #[test]
    fn entries_are_trimmed_and_have_no_case() {
        let origins = origins(&[" https://App.example:8443 ", "", "http://localhost\t"]);
        for allowed in ["https://app.example:8443", "HTTP://LOCALHOST"] {
            assert!(origins.allow(Some(allowed.as_bytes())), "{allowed}");
        }
        for forbidden in [
            "",
            "null",
            "*",
            "https://app.example",
            "https://app.example:8443/",
            "http://app.example:8443",
            "https://app.example:8443.evil.example",
        ] {
            assert!(!origins.allow(Some(forbidden.as_bytes())), "{forbidden}");
        }
        assert!(!origins.allow(None));
    }
}
