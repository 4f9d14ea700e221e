//! Options of the form `--key=value` or `--flag`.

/// The options of a command line.
pub(crate) struct Options(Vec<String>);

impl Options {
    /// From the words after the positional arguments.
    pub(crate) fn new(words: &[String]) -> Options {
        if let Some(odd) = words.iter().find(|word| !word.starts_with("--")) {
            panic!("{odd:?} is no option");
        }
        Options(words.to_vec())
    }

    /// The value of `--key=value`.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find_map(|word| word.strip_prefix("--")?.strip_prefix(key)?.strip_prefix('='))
    }

    /// The value as a number.
    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        self.get(key).map(|text| text.parse().unwrap_or_else(|_| panic!("--{key}: {text:?} is no number")))
    }

    /// Whether `--flag` is there.
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.0.iter().any(|word| word.strip_prefix("--") == Some(flag))
    }
}
