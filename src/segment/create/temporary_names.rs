//! Files of systems that have none without a name.

use super::*;

#[test]
fn a_temporary_name_is_one_no_segment_has_and_goes_with_its_owner() {
    let (first, second) = (temporary().expect("a file"), temporary().expect("another"));
    let names = [&first, &second].map(|(_, name)| name.as_ref().expect("it is named").0.clone());
    assert_ne!(names[0], names[1]);
    for ((file, _), name) in [&first, &second].into_iter().zip(&names) {
        assert!(!name.to_bytes().starts_with(b"/dev/shm/eshm_"), "{name:?}");
        let id = file::status(file.as_fd()).expect("its status").id;
        assert_eq!(file::lookup(name).expect("a look"), Some(id));
    }
    drop((first, second));
    for name in &names {
        assert_eq!(file::lookup(name).expect("a look"), None, "{name:?} is left behind");
    }
}
