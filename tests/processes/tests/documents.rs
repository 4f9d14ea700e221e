//! Tables in `docs/` that name a test for each line: the tests are there.

use std::{fs, path::Path};

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The rows of the tables in `document`, each with its last column; without the rows that `headings` begin.
fn rows(document: &str, headings: &[&str]) -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join(document)).expect("the document");
    let is_row = |line: &&str| line.starts_with("| ") && !headings.iter().any(|heading| line.starts_with(heading));
    let last = |line: &str| line.trim_end_matches('|').rsplit('|').next().expect("a last column").trim().to_owned();
    text.lines().filter(is_row).map(|line| (line.to_owned(), last(line))).collect()
}

/// How many tests `proof` names, as `file::test`, `::test` of the file before, or the path of a file; panics if one is not there.
fn named(proof: &str) -> usize {
    let mut file = String::new();
    let words = proof.split('`').skip(1).step_by(2).filter(|word| !word.starts_with("make "));
    let check = |word: &str| {
        let (name, test) = word.split_once("::").unwrap_or((word, ""));
        if !name.is_empty() {
            file = name.to_owned();
        }
        let place = if file.contains('/') { file.clone() } else { format!("tests/processes/tests/{file}.rs") };
        let source = fs::read_to_string(root().join(&place)).unwrap_or_else(|error| panic!("{word}: {place}: {error}"));
        assert!(test.is_empty() || source.contains(&format!("\nfn {test}() {{")), "{word}: no such test");
    };
    words.map(check).count()
}

#[test]
fn each_fault_names_tests_that_exist_or_says_that_it_cannot_be_tested() {
    let rows = rows("docs/FAILURES.md", &["| fault"]);
    for (row, proof) in &rows {
        assert!(named(proof) > 0 || proof.starts_with("as above") || proof.starts_with("not testable: "), "{row}");
    }
    assert!(rows.len() > 30, "only {} faults", rows.len());
}

#[test]
fn each_difference_from_the_original_names_tests_that_exist() {
    let rows = rows("docs/MIGRATION.md", &["| |", "| peer", "| difference"]);
    for (row, proof) in &rows {
        assert!(named(proof) > 0, "{row}");
    }
    // A difference has what the original does, what ours does, what to do, and its tests: tools may read the tables.
    let differences = rows.iter().filter(|(row, _)| row.matches(" | ").count() == 4);
    assert!(differences.count() > 50, "too few differences with all columns, of {} rows", rows.len());
    let text = fs::read_to_string(root().join("docs/MIGRATION.md")).expect("the document");
    for paragraph in text.split("\n- ").skip(1) {
        let tests = paragraph.lines().take_while(|line| !line.is_empty()).collect::<String>();
        named(
            &tests
                .split('`')
                .skip(1)
                .step_by(2)
                .filter(|word| word.contains("::"))
                .map(|word| format!("`{word}`"))
                .collect::<String>(),
        );
    }
}
