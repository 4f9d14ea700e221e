//! The Rust side's view of the C interface.

use crate::folder::{Folder, names, read};
use crate::headers;
use crate::view::View;
use cbindgen::{Builder, Config, ExportConfig, Language, Style};
use std::path::{Path, PathBuf};

/// Where the exported functions are written.
pub fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src/ffi")
}

/// What the module in this folder exports, in C by `cbindgen`.
pub fn view(ffi: &Path) -> View {
    let config = Config {
        language: Language::C,
        style: Style::Type,
        documentation: false,
        usize_is_size_t: true,
        line_length: usize::MAX,
        // Functions take it behind a void pointer, so it would be left out.
        export: ExportConfig { include: vec!["ESHMBinary".into()], ..ExportConfig::default() },
        ..Config::default()
    };
    // From the module's root it finds the other files, so a new one is not forgotten.
    let bindings = Builder::new().with_config(config).with_src(ffi.join("mod.rs")).generate();
    let mut header = Vec::new();
    bindings.expect("cbindgen understands src/ffi").write(&mut header);
    let folder = Folder::new();
    folder.write("rust.h", header);
    let mut view = headers::view(&folder, "#include \"rust.h\"\n").expect("cbindgen writes C");
    view.constants = constants(ffi);
    view
}

/// The names of the public constants. `cbindgen` leaves out those whose value is the path of another constant; the values
/// come from the compiled crate anyway.
fn constants(ffi: &Path) -> Vec<String> {
    let sources = names(ffi, ".rs").into_iter().map(|name| read(&ffi.join(name))).collect::<String>();
    let lines = sources.lines().filter_map(|line| line.strip_prefix("pub const "));
    lines.filter_map(|line| line.split_once(':')).map(|(name, _)| name.to_owned()).collect()
}
