//! `docs/FAILURES.md` names a test for each fault, or says why there is none.

use std::{fs, path::Path};

#[test]
fn each_line_names_tests_that_exist_or_says_that_it_cannot_be_tested() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = fs::read_to_string(root.join("docs/FAILURES.md")).expect("the table");
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| fault"));
    let mut faults = 0;
    for row in rows {
        let proof = row.trim_end_matches('|').rsplit('|').next().expect("a last column").trim();
        let mut file = String::new();
        let mut named = 0;
        for word in proof.split('`').skip(1).step_by(2).filter(|word| !word.starts_with("make ")) {
            let (name, test) = word.split_once("::").unwrap_or((word, ""));
            if !name.is_empty() {
                file = name.to_owned();
            }
            let path =
                if file.contains('/') { root.join(&file) } else { root.join(format!("tests/processes/tests/{file}.rs")) };
            let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{word}: {}: {error}", path.display()));
            assert!(test.is_empty() || source.contains(&format!("\nfn {test}() {{")), "{word}: no such test");
            named += 1;
        }
        assert!(named > 0 || proof.starts_with("as above") || proof.starts_with("not testable: "), "{row}");
        faults += 1;
    }
    assert!(faults > 30, "only {faults} faults");
    println!("{faults} faults");
}
