//! A Rust side that differs from the headers.

use super::{check, check_said, doctored_headers, new_differences};
use crate::folder::{Folder, names, read};
use crate::view::View;
use crate::{compare, rust, table};

/// test: file of the Rust side, text => replacement, subject, words of the report, ...
macro_rules! rust_with {
    ($($test:ident: $file:literal, $from:literal => $to:literal, $subject:literal, $($words:literal),+;)*) => {
        $(
            #[test]
            fn $test() {
                let folder = Folder::new();
                for name in names(&rust::sources(), ".rs") {
                    folder.write(&name, read(&rust::sources().join(&name)));
                }
                folder.replace($file, $from, $to);
                let headers = doctored_headers("eshm.h", &[]);
                check(&new_differences(&headers, &rust::view(folder.path()), table::ROWS), $subject, &[$($words),+]);
            }
        )*
    };
}

rust_with! {
    a_function_rust_does_not_export: "eshm_messages.rs",
        "#[unsafe(no_mangle)]\npub unsafe extern \"C-unwind\" fn eshm_read(" => "pub fn eshm_read(",
        "eshm_read", "function eshm_read: not in Rust";
    a_function_the_headers_do_not_declare: "eshm_data.rs",
        "/// `ESHM_MAGIC`.\n" => "#[unsafe(no_mangle)]\npub extern \"C\" fn eshm_pause() {}\n/// `ESHM_MAGIC`.\n",
        "eshm_pause", "function eshm_pause: not in the headers";
    a_parameter_rust_takes_otherwise: "eshm_messages.rs", "data: *const c_void, size: usize" => "data: *const c_void, size: u32",
        "eshm_write", "should be `uint32_t`";
    a_field_rust_has_otherwise: "eshm_data.rs", "pub auto_cleanup: u8" => "pub auto_cleanup: i32",
        "ESHMConfig", "should be `int32_t`";
    a_struct_of_rust_alone: "eshm_data.rs", "/// `ESHM_MAGIC`.\n" =>
        "#[repr(C)]\npub struct ESHMMore { n: u8 }\n#[unsafe(no_mangle)]\npub static MORE: ESHMMore = ESHMMore { n: 1 };\n",
        "ESHMMore", "struct ESHMMore: not in the headers";
    a_constant_of_rust_alone: "eshm_data.rs", "/// `ESHM_MAGIC`.\n" => "pub const ESHM_MORE: u32 = 1;\n",
        "ESHM_MORE", "constant ESHM_MORE: not in the headers";
}

#[test]
fn an_empty_view() {
    let found = compare::differences(&doctored_headers("eshm.h", &[]), &View::default(), table::ROWS);
    for words in ["Rust exports no function at all", "function eshm_init: not in Rust", "struct ESHMConfig: not in Rust"] {
        check_said(&found, words);
    }
}
