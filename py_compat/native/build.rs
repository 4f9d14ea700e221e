//! The methods' documentation is written once, in the ctypes back end.

use std::{env, fs, path::PathBuf};

const SOURCE: &str = "../eshm/_ctypes_channel.py";
const METHODS: [&str; 5] = ["write", "read", "try_read", "readinto", "try_readinto"];

/// The docstring of a method, as Python sees it but without the indentation.
fn docstring(source: &str, method: &str) -> Option<String> {
    let (_, rest) = source.split_once(&format!("\n    def {method}(self"))?;
    let (_, rest) = rest.split_once("\"\"\"")?;
    let (text, _) = rest.split_once("\"\"\"")?;
    let lines = text.trim_end().lines().map(|line| line.strip_prefix("        ").unwrap_or(line));
    Some(lines.collect::<Vec<_>>().join("\n").replace("\\\\", "\\"))
}

fn main() {
    println!("cargo:rerun-if-changed={SOURCE}");
    println!("cargo:rerun-if-changed=build.rs");
    let source = fs::read_to_string(SOURCE).expect("the package is beside this crate");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    for method in METHODS {
        let text = docstring(&source, method)
            .unwrap_or_else(|| panic!("{SOURCE} has no docstring of {method}"));
        fs::write(out.join(method), text).expect("OUT_DIR is writable");
    }
}
