//! A panic in any exported function is an error of that call, and nothing else.

#[cfg(not(eshm_failpoints))]
#[test]
#[ignore = "SKIPPED: built without --cfg eshm_failpoints; make panics"]
fn a_panic_in_any_exported_function_is_an_error_of_that_call() {}

#[cfg(eshm_failpoints)]
mod injected {
    use eshm::failpoint;
    use eshm_panics::{
        ends,
        exported::{Exported, Handle, Pair, all, declared, defined, init},
        one_at_a_time,
    };
    use eshm_processes::{Name, until};
    use std::{collections::BTreeSet, thread};

    fn pair(name: &str) -> Pair {
        Pair { master: init(name, 0).expect("a master"), slave: init(name, 1).expect("a slave") }
    }

    /// Messages go both ways, each within the read's second.
    fn assert_usable(Pair { master, slave }: Pair, after: &str) {
        for (from, to) in [(master, slave), (slave, master)] {
            assert_eq!(from.write("after it"), 0, "{after}");
            assert_eq!(to.read(1000), Ok("after it".into()), "{after}");
            assert_eq!(to.read(0), Err(-9), "{after}");
        }
    }

    fn call_with_a_panic(name: &str, function: &Exported) {
        let pair = pair(name);
        let point = format!("ffi.{}", function.name);
        assert_eq!(pair.slave.write("to the master"), 0);
        failpoint::arm(&format!("{point}=panic")).expect("a plan");
        let after_panic = (function.call)(pair, name);
        let times = failpoint::count(&point);
        failpoint::arm("").expect("an empty plan");
        assert_eq!((after_panic, times), (function.bad, 1), "{}: the panic's error, and one panic", function.name);

        // That of eshm_destroy comes last.
        if function.name != "eshm_destroy" {
            assert_eq!((function.call)(pair, name), function.good, "{}: the next call", function.name);
        }
        while pair.slave.read(0).is_ok() || pair.master.read(0).is_ok() {} // what the calls left there
        assert_usable(pair, function.name);
        assert_eq!((pair.slave.destroy(), pair.master.destroy()), (0, 0), "{}", function.name);
    }

    #[test]
    fn a_panic_in_any_exported_function_is_an_error_of_that_call() {
        let _one = one_at_a_time();
        let known: BTreeSet<String> = all().map(|function| function.name.to_owned()).collect();
        assert_eq!(known.len(), all().count(), "a function is in the list twice");
        assert_eq!(
            known,
            declared(),
            "a function of the headers is not put to this test, or one of the test is in no header"
        );
        match defined() {
            Some(defined) => assert_eq!(known, defined, "the library exports something else"),
            None => println!("SKIPPED: no nm to list what the library exports"),
        }
        for function in all() {
            let name = Name::new();
            let text = name.as_str().to_owned();
            ends(function.name, move || call_with_a_panic(&text, function));
            assert!(!name.exists(), "{}: the name is left behind", function.name);
        }
    }

    /// The read is counted out, or closing would wait for it for ever.
    #[test]
    fn a_panic_in_a_waiting_read_does_not_hold_the_end_of_its_handle_up() {
        let _one = one_at_a_time();
        let name = Name::new();
        let pair = pair(name.as_str());
        failpoint::arm("read.inside=panic").expect("a plan");
        assert_eq!(pair.master.read(1000), Err(-14));
        assert_eq!(failpoint::count("read.inside"), 1);
        failpoint::arm("").expect("an empty plan");
        assert_usable(pair, "a read");
        ends("destroying both", move || assert_eq!((pair.master.destroy(), pair.slave.destroy()), (0, 0)));
        assert!(!name.exists());
    }

    /// Other threads in other calls do not notice.
    #[test]
    fn a_read_that_waits_survives_panics_in_other_calls() {
        let _one = one_at_a_time();
        let name = Name::new();
        let pair = pair(name.as_str());
        let waiting = thread::spawn(move || pair.slave.read(20_000));
        let raw = name.raw();
        until("the reader is parked", || raw.get("m2s.waiters") == 1);
        for function in all().filter(|function| !["eshm_init", "eshm_destroy", "eshm_rpc_destroy"].contains(&function.name))
        {
            failpoint::arm(&format!("ffi.{}=panic", function.name)).expect("a plan");
            (function.call)(pair, name.as_str());
        }
        failpoint::arm("").expect("an empty plan");
        assert_eq!(pair.master.write("at last"), 0);
        assert_eq!(waiting.join().expect("the reader"), Ok("at last".into()));
        let both: [Handle; 2] = [pair.slave, pair.master];
        assert_eq!(both.map(Handle::destroy), [0, 0]);
    }
}
