//! A copy of the hand-written headers that can be compiled, and doctored.

use crate::compiler::gcc;
use crate::folder::{Folder, names, read};
use crate::view::View;
use std::path::Path;

/// Headers in C++ over the others; no function of the library is declared there.
const CPP: [&str; 4] = ["asn1_der.h", "asn1_der_impl.h", "data_handler.h", "data_handler_impl.h"];

/// All C headers of `include/` side by side.
pub struct Headers {
    folder: Folder,
}

impl Headers {
    /// A fresh copy, configured for messages of up to `capacity` bytes as the build configures it.
    pub fn copy(capacity: usize) -> Headers {
        let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../include");
        let folder = Folder::new();
        for name in names(&include, ".h").into_iter().filter(|name| !CPP.contains(&name.as_str())) {
            folder.write(&name, read(&include.join(&name)));
        }
        let mut config = read(&include.join("eshm_config.h.in"));
        for (setting, value) in [
            ("@ESHM_MAX_DATA_SIZE@", capacity),
            ("@ESHM_HEARTBEAT_INTERVAL_MS@", eshm::HEARTBEAT_INTERVAL_MS as usize),
            ("@ESHM_CHANNEL_SIZE_APPROX@", 72 + capacity),
            ("@ESHM_TOTAL_SIZE_APPROX@", 64 + 2 * (72 + capacity)),
        ] {
            config = config.replace(setting, &value.to_string());
        }
        assert!(!config.contains('@'), "a setting of the template that is not filled in:\n{config}");
        folder.write("eshm_config.h", config);
        Headers { folder }
    }

    /// Where they are.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Lines of C that include all of them.
    pub fn includes(&self) -> String {
        names(self.folder.path(), ".h").iter().map(|name| format!("#include \"{name}\"\n")).collect()
    }

    /// What they declare; the compiler's complaints if they are not C.
    pub fn view(&self) -> Result<View, String> {
        view(&self.folder, &self.includes())
    }
}

/// Reads a few lines of C that include files of a folder.
pub fn view(folder: &Folder, includes: &str) -> Result<View, String> {
    folder.write("all.c", includes);
    gcc(folder.path(), &["-fsyntax-only", "all.c"])?;
    Ok(View::parse(&gcc(folder.path(), &["-E", "-dD", "all.c"])?))
}
