//! Options of the form `--key=value` or `--flag`.

/// The words of a command line after its first.
#[derive(Debug)]
pub(crate) struct Arguments(pub(crate) Vec<String>);

impl Arguments {
    /// The value of `--key=value`.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find_map(|word| word.strip_prefix("--")?.strip_prefix(key)?.strip_prefix('='))
    }

    /// The value as a number.
    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        let text = self.get(key).filter(|text| !text.is_empty())?;
        Some(text.parse().unwrap_or_else(|_| panic!("--{key}: {text:?} is no number")))
    }

    /// Whether `--flag` is there.
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.0.iter().any(|word| word.strip_prefix("--") == Some(flag))
    }
}
