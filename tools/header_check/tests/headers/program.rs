//! A C program that prints what the compiler knows about the headers.

use crate::compiler::{gcc, run};
use crate::facts::Facts;
use crate::headers::Headers;
use crate::view::Struct;
use std::fmt::Write;

/// Its lines, each of which prints one fact.
#[derive(Default)]
pub struct Program(String);

impl Program {
    fn print(&mut self, fact: &str, expression: &str) {
        writeln!(self.0, "    printf(\"%s\\t%lld\\n\", \"{fact}\", (long long)({expression}));").expect("memory");
    }

    /// Prints the value of a macro or an enumerator.
    pub fn value(&mut self, name: &str) {
        self.print(&format!("value of {name}"), name);
    }

    /// Prints size and alignment of a struct, and offset and size of each field.
    pub fn layout(&mut self, structure: &Struct) {
        let name = &structure.name;
        self.print(&format!("size of {name}"), &format!("sizeof({name})"));
        self.print(&format!("alignment of {name}"), &format!("_Alignof({name})"));
        for field in structure.fields.iter().flatten().map(|field| &field.name) {
            self.print(&format!("offset of {name}.{field}"), &format!("offsetof({name}, {field})"));
            self.print(&format!("size of {name}.{field}"), &format!("sizeof((({name} *)0)->{field})"));
        }
    }

    /// Prints 1 if an expression has this type, else 0. Returns the fact's name.
    pub fn type_check(&mut self, what: &str, expression: &str, ty: &str) -> String {
        let fact = format!("type of {what}, 1 if `{ty}`");
        self.print(&fact, &format!("_Generic({expression}, {ty}: 1, default: 0)"));
        fact
    }

    /// Compiles and runs it.
    pub fn run(&self, headers: &Headers) -> Result<Facts, String> {
        let folder = headers.folder();
        let text = format!("#include <stdio.h>\n{}\nint main(void) {{\n{}    return 0;\n}}\n", headers.includes(), self.0);
        folder.write("print.c", text);
        gcc(folder.path(), &["-o", "print", "print.c"])?;
        let output = run(folder.path(), "./print")?;
        let fact = |line: &str| Some((line.split_once('\t')?.0.to_owned(), line.split_once('\t')?.1.parse().ok()?));
        Ok(output.lines().map(|line| fact(line).expect("the program prints facts")).collect())
    }
}
