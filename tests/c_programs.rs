//! Compiles the C and C++ programs of `cpp_tests/` against the library that cargo built for these tests, and runs them:
//! what CMake's `ctest` does, without CMake.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Tells a hang from a slow machine. The programs end themselves, and clean up, a little earlier.
const TIME_LIMIT: Duration = Duration::from_secs(110);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The library of this very test run lies beside the test; `cargo build`'s, one folder up, may be older.
fn built(file: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let folder = test.parent().expect("an executable lies in a folder");
    [folder.join(file), folder.with_file_name(file)]
        .into_iter()
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("no {file} beside {}", test.display()))
}

/// An empty folder for one test, with the header and the names of the library that a C build expects. It stays for a look at
/// what failed, until the next run.
fn workshop(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c_programs").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the target folder is writable");
    let capacity = eshm::MAX_DATA_SIZE;
    let mut header = fs::read_to_string(root().join("include/eshm_config.h.in")).expect("the template is in the repository");
    for (name, value) in [
        ("@ESHM_MAX_DATA_SIZE@", capacity),
        ("@ESHM_HEARTBEAT_INTERVAL_MS@", eshm::HEARTBEAT_INTERVAL_MS as usize),
        ("@ESHM_CHANNEL_SIZE_APPROX@", 72 + capacity),
        ("@ESHM_TOTAL_SIZE_APPROX@", 64 + 2 * (72 + capacity)),
    ] {
        header = header.replace(name, &value.to_string());
    }
    assert!(!header.contains('@'), "a setting of the template that is not filled in:\n{header}");
    fs::write(folder.join("eshm_config.h"), header).expect("the folder is ours");
    for link in ["libeshm.so", "libeshm.so.1"] {
        symlink(built("libeshm.so"), folder.join(link)).expect("the folder is ours");
    }
    folder
}

/// The C or C++ compiler that the `cc` crate would use, by the source's extension.
fn compiler(source: &str) -> Command {
    let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let tool = cc::Build::new()
        .cargo_metadata(false)
        .host(&host)
        .target(&host)
        .opt_level(2)
        .debug(true)
        .cpp(source.ends_with(".cpp"))
        .get_compiler();
    tool.to_command()
}

/// Fails with the output if the command fails.
fn check(command: &mut Command) {
    let done = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{command:?}: {}\n{out}{err}", done.status);
}

fn compile(folder: &Path, source: &str, standard: &str, arguments: &[&str]) {
    check(
        compiler(source)
            .args([standard, "-Wall", "-Wextra", "-Wpedantic", "-Werror"])
            .arg(root().join("cpp_tests").join(source))
            .args([Path::new("-I"), &root().join("include"), Path::new("-I"), folder])
            .args(arguments)
            .current_dir(folder),
    );
}

/// Waits for the end of a program, but not for ever.
fn run(folder: &Path, program: &Path, arguments: &[&str]) {
    let log = folder.join("output");
    let file = File::create(&log).expect("the folder is ours");
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(file.try_clone().expect("a file can be shared"))
        .stderr(file)
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let end = Instant::now() + TIME_LIMIT;
    let status: Option<ExitStatus> = loop {
        match child.try_wait().expect("it is our child") {
            Some(status) => break Some(status),
            None if Instant::now() > end => {
                child.kill().expect("it is our child");
                child.wait().expect("it is our child");
                break None;
            }
            None => sleep(Duration::from_millis(5)),
        }
    };
    if !status.is_some_and(|status| status.success()) {
        let how = status.map_or_else(|| format!("no end within {TIME_LIMIT:?}"), |status| status.to_string());
        panic!("{}: {how}\n{}", program.display(), fs::read_to_string(&log).unwrap_or_default());
    }
}

/// Compiles a program, linked to the shared library, and returns where it is.
fn program(folder: &Path, source: &str) -> PathBuf {
    let standard = match source {
        "test_data_handler.cpp"
        | "test_face.cpp"
        | "test_face_options.cpp"
        | "test_face_peers.cpp"
        | "test_face_cancel.cpp" => "-std=c++17",
        source if source.ends_with(".cpp") => "-std=c++11",
        _ => "-std=c11",
    };
    let rpath = format!("-Wl,-rpath,{}", folder.display());
    let library = format!("-L{}", folder.display());
    compile(folder, source, standard, &["-o", "program", &library, &rpath, "-leshm", "-pthread", "-lrt"]);
    folder.join("program")
}

fn compile_and_run(source: &str, arguments: &[&str]) {
    let folder = workshop(source);
    run(&folder, &program(&folder, source), arguments);
}

#[test]
fn test_basic() {
    compile_and_run("test_basic.cpp", &[]);
}

#[test]
fn test_error_handling() {
    compile_and_run("test_error_handling.c", &[]);
}

#[test]
fn test_options() {
    compile_and_run("test_options.c", &[]);
}

#[test]
fn test_last_error() {
    compile_and_run("test_last_error.c", &[]);
}

#[test]
fn test_clocks() {
    compile_and_run("test_clocks.c", &[]);
}

#[test]
fn test_handle_states() {
    compile_and_run("test_handle_states.c", &[]);
}

#[test]
fn test_master_slave() {
    compile_and_run("test_master_slave.cpp", &[]);
}

#[test]
fn test_auto_role() {
    compile_and_run("test_auto_role.cpp", &[]);
}

#[test]
fn test_stale_detection() {
    compile_and_run("test_stale_detection.cpp", &[]);
}

#[test]
fn test_reconnect() {
    compile_and_run("test_reconnect.cpp", &[]);
}

#[test]
fn test_event_fd() {
    compile_and_run("test_event_fd.c", &[]);
}

#[test]
fn test_event_fd_rates() {
    compile_and_run("test_event_fd_rates.c", &[]);
}

#[test]
fn test_rpc() {
    compile_and_run("test_rpc.c", &[]);
}

#[test]
fn test_performance() {
    compile_and_run("test_performance.cpp", &["0.1"]);
}

#[test]
fn test_benchmark_master() {
    compile_and_run("test_benchmark_master.cpp", &["pair", "-", "5000", "20000"]);
}

/// The encodings that both programs for records read.
const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/record-vectors.json");

#[test]
fn test_records() {
    compile_and_run("test_records.c", &[VECTORS]);
}

#[test]
fn test_data_handler() {
    compile_and_run("test_data_handler.cpp", &[VECTORS]);
}

#[test]
fn test_face() {
    compile_and_run("test_face.cpp", &[]);
}

#[test]
fn test_face_options() {
    compile_and_run("test_face_options.cpp", &[]);
}

#[test]
fn test_face_peers() {
    compile_and_run("test_face_peers.cpp", &[]);
}

#[test]
fn test_face_cancel() {
    compile_and_run("test_face_cancel.cpp", &[]);
}

#[test]
fn eshm_demo() {
    let folder = workshop("eshm_demo");
    let demo = program(&folder, "eshm_demo.cpp");
    run(&folder, &root().join("cpp_tests/check_demo.sh"), &[demo.to_str().expect("a path of our own")]);
}

#[test]
fn layout_in_c11() {
    compile(&workshop("layout_c11"), "layout_c.c", "-std=c11", &["-c", "-o", "layout.o"]);
}

#[test]
fn layout_in_cpp11() {
    compile(&workshop("layout_cpp11"), "layout_cpp.cpp", "-std=c++11", &["-c", "-o", "layout.o"]);
}

#[test]
fn layout_in_cpp17() {
    compile(&workshop("layout_cpp17"), "layout_cpp.cpp", "-std=c++17", &["-c", "-o", "layout.o"]);
}

/// The packed static library serves C and C++ programs, and both libraries define what the headers declare and no more.
#[test]
fn static_library_and_exports() {
    let folder = workshop("static");
    let archive = folder.join("libeshm.a");
    let object = folder.join("eshm.o");
    check(Command::new(root().join("scripts/pack_object.sh")).arg(built("libeshm.a")).arg(&object));
    check(Command::new("ar").arg("rcs").arg(&archive).arg(&object));
    check(
        Command::new(root().join("cpp_tests/check_exports.sh"))
            .arg(root().join("include"))
            .arg(built("libeshm.so"))
            .arg(&archive),
    );
    for (source, standard) in [("test_handle_states.c", "-std=c11"), ("test_basic.cpp", "-std=c++11")] {
        let library = format!("-L{}", folder.display());
        compile(&folder, source, standard, &["-o", "program", &library, "-l:libeshm.a", "-pthread", "-lrt"]);
        run(&folder, &folder.join("program"), &[]);
    }
}
