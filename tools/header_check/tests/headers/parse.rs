//! Reads the C that both sides are written in: declarations at file level, after the preprocessor. Anything it does not
//! recognise goes to [`View::others`] and is reported from there, never passed over.

use crate::tokens::{is_name, tokens};
use crate::view::{Function, Struct, Variable, View};

impl View {
    /// Reads what `gcc -E -dD` leaves of our own files; those are the ones with a relative name.
    pub fn parse(preprocessed: &str) -> View {
        let mut view = View::default();
        let (mut ours, mut text) = (false, String::new());
        for line in preprocessed.lines() {
            if let Some(marker) = line.strip_prefix("# ") {
                let file = marker.split('"').nth(1).unwrap_or("/");
                ours = !file.starts_with(['/', '<']);
            } else if !ours {
            } else if let Some(macro_) = line.strip_prefix("#define ") {
                view.add_macro(macro_);
            } else if !line.starts_with('#') {
                text += line;
                text.push('\n');
            }
        }
        for declaration in declarations(without_attributes(tokens(&text))) {
            view.add(&declaration.iter().map(String::as_str).collect::<Vec<_>>());
        }
        view
    }

    fn add_macro(&mut self, definition: &str) {
        let (name, value) = definition.split_once(' ').unwrap_or((definition, ""));
        if !is_name(name) {
            self.others.push(format!("#define {definition}"));
        } else if !value.trim().is_empty() {
            self.constants.push(name.to_owned()); // without a value it is an include guard
        }
    }

    fn add(&mut self, declaration: &[&str]) {
        let braces =
            declaration.iter().position(|&token| token == "{").zip(declaration.iter().rposition(|&token| token == "}"));
        let names =
            |tokens: &[&str]| tokens.iter().copied().filter(|token| is_name(token)).map(str::to_owned).collect::<Vec<_>>();
        match (declaration, braces) {
            (["static", ..], _) => {}                      // an inline function of the header itself
            (["typedef", "void", "*", _, ";"], None) => {} // another name for a pointer; functions take it as void*
            (["typedef", "struct", ..], Some((open, close))) if !names(&declaration[close..]).is_empty() => {
                let name = names(&declaration[close..]).pop().unwrap_or_default();
                self.structs.push(Struct { name, fields: Some(fields(&declaration[open + 1..close])) });
            }
            (["typedef", "struct", _, name, ";"], None) => {
                self.structs.push(Struct { name: (*name).to_owned(), fields: None });
            }
            (["struct", tag, "{", .., "}", ";"], Some((open, close))) => {
                self.structs
                    .push(Struct { name: format!("struct {tag}"), fields: Some(fields(&declaration[open + 1..close])) });
            }
            (["enum", _, "{", .., "}", ";"], Some((open, close))) => {
                let members = split(&declaration[open + 1..close], ",");
                self.enumerators.extend(members.iter().map(|member| member[0].to_owned()));
            }
            ([first, .., ")", ";"], None) if *first != "typedef" => match function(declaration) {
                Some(function) => self.functions.push(function),
                None => self.others.push(declaration.join(" ")),
            },
            _ => self.others.push(declaration.join(" ")),
        }
    }
}

/// Leaves attributes out: what they change is measured.
fn without_attributes(tokens: Vec<String>) -> Vec<String> {
    let (mut kept, mut depth, mut inside) = (Vec::new(), 0, false);
    for token in tokens {
        if token == "__attribute__" {
            inside = true;
        } else if inside {
            depth += nesting(&token);
            inside = depth > 0;
        } else {
            kept.push(token);
        }
    }
    kept
}

/// Cuts after each `;` outside brackets, and after the body of a function.
fn declarations(tokens: Vec<String>) -> Vec<Vec<String>> {
    let (mut all, mut current, mut depth) = (Vec::new(), Vec::<String>::new(), 0);
    for token in tokens {
        depth += nesting(&token);
        let is_function =
            current.iter().find(|token| ["(", "{"].contains(&token.as_str())).is_some_and(|token| token == "(");
        let ends = depth == 0 && (token == ";" || (token == "}" && is_function));
        current.push(token);
        if ends {
            all.push(std::mem::take(&mut current));
        }
    }
    if !current.is_empty() {
        all.push(current);
    }
    all
}

fn nesting(token: &str) -> i32 {
    match token {
        "(" | "[" | "{" => 1,
        ")" | "]" | "}" => -1,
        _ => 0,
    }
}

/// The parts between the separators outside brackets; an empty last one does not count.
fn split<'a>(tokens: &'a [&'a str], separator: &str) -> Vec<&'a [&'a str]> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0);
    for (index, token) in tokens.iter().enumerate() {
        depth += nesting(token);
        if depth == 0 && *token == separator {
            parts.push(&tokens[start..index]);
            start = index + 1;
        }
    }
    parts.push(&tokens[start..]);
    parts.retain(|part| !part.is_empty());
    parts
}

fn function(declaration: &[&str]) -> Option<Function> {
    let open = declaration.iter().position(|&token| token == "(")?;
    let (name, result) = declaration[..open].split_last()?;
    let parameters = &declaration[open + 1..declaration.len() - 2];
    let parameters = if parameters == ["void"] { Vec::new() } else { split(parameters, ",") };
    (is_name(name) && !result.is_empty()).then(|| Function {
        name: (*name).to_owned(),
        result: result.join(" "),
        parameters: parameters.into_iter().map(variable).collect(),
    })
}

fn fields(body: &[&str]) -> Vec<Variable> {
    split(body, ";").into_iter().map(variable).collect()
}

/// The name is the last word before the brackets of an array, if any. A parameter without a name has an empty one.
fn variable(tokens: &[&str]) -> Variable {
    let (declarator, array) = tokens.split_at(tokens.iter().position(|&token| token == "[").unwrap_or(tokens.len()));
    let (name, ty) = match declarator {
        [ty @ .., name] if is_name(name) && !ty.is_empty() => (*name, ty),
        ty => ("", ty),
    };
    Variable { name: name.to_owned(), ty: ty.join(" "), array: array.join(" ") }
}

#[test]
fn what_it_reads_and_what_it_leaves_to_others() {
    let view = View::parse(concat!(
        "# 1 \"/usr/include/x.h\" 1\nint system(const char *command);\n#define SYSTEM 1\n",
        "# 1 \"a.h\" 2\n#define A_H \n#define ONE 1\n#define TWICE(x) (2 * (x))\n#pragma pack(1)\n",
        "struct Opened; typedef struct H H; typedef struct { const char *n; int a[2], b; } S;\n",
        "struct T { volatile struct S s; } __attribute__((aligned(64))); enum E { A = 1, B, };\n",
        "static inline int twice(int x) { if (x) { return 2 * x; } return 0; }\n",
        "const char *f(H *h, unsigned int); void g(void);\nextern int variable; typedef void (*call)(void *user);",
    ));
    assert_eq!(view.constants, ["ONE"]);
    assert_eq!(view.enumerators, ["A", "B"]);
    let others = [
        "#define TWICE(x) (2 * (x))",
        "struct Opened ;",
        "extern int variable ;",
        "typedef void ( * call ) ( void * user ) ;",
    ];
    assert_eq!(view.others, others);
    let names: Vec<_> = view.structs.iter().map(|s| (s.name.as_str(), s.fields.as_ref().map(Vec::len))).collect();
    assert_eq!(names, [("H", None), ("S", Some(2)), ("struct T", Some(1))]);
    assert_eq!(view.structure("S").and_then(|s| s.field("n")).map(|f| f.ty.as_str()), Some("const char *"));
    let [f, g] = &view.functions[..] else { panic!("{view:#?}") };
    assert_eq!((f.name.as_str(), f.result.as_str(), f.parameters.len()), ("f", "const char *", 2));
    assert_eq!((f.parameters[1].name.as_str(), f.parameters[1].ty.as_str()), ("int", "unsigned"));
    assert_eq!((g.result.as_str(), g.parameters.len()), ("void", 0));
}
