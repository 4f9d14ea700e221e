//! What only a compiler knows: sizes, offsets, values, and whether two spellings are one type.

use crate::facts;
use crate::headers::Headers;
use crate::pairs::Pairs;
use crate::program::Program;
use crate::values;
use crate::view::View;

/// One message for each number or type of the headers that is not Rust's.
pub fn differences(headers: &Headers, header: &View, rust: &View, pairs: &mut Pairs<'_>) -> Vec<String> {
    let (mut program, mut expected) = (Program::default(), values::facts());
    for name in header.constants.iter().chain(&header.enumerators) {
        program.value(name);
    }
    for structure in header.structs.iter().filter(|structure| structure.fields.is_some()) {
        if !pairs.is_header_only(&structure.name) {
            program.layout(structure);
        }
    }
    for (name, expression, ty) in types(header, rust, pairs) {
        expected.insert(program.type_check(&name, &expression, &ty), 1);
    }
    match program.run(headers) {
        Ok(found) => facts::differences(&expected, &found),
        Err(complaints) => vec![complaints],
    }
}

/// The types of all functions and fields that both sides have, as Rust says they are in C: name, an expression, its type.
fn types(header: &View, rust: &View, pairs: &mut Pairs<'_>) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for function in rust.functions.iter().filter(|function| header.function(&function.name).is_some()) {
        let name = &function.name;
        let parameters = function.parameters.iter().map(|p| pairs.header_type(&format!("{name}({})", p.name), &p.ty));
        let parameters = parameters.collect::<Vec<_>>().join(", ");
        let parameters = if parameters.is_empty() { "void" } else { &parameters };
        all.push((name.clone(), format!("&{name}"), format!("{} (*)({parameters})", function.result)));
    }
    for structure in &rust.structs {
        let counterpart = header.structure(&structure.name);
        for field in structure.fields.iter().flatten().filter(|f| counterpart.is_some_and(|s| s.field(&f.name).is_some())) {
            let place = format!("{}.{}", structure.name, field.name);
            let expression = format!("&(({} *)0)->{}", structure.name, field.name);
            let ty = format!("{} (*){}", pairs.header_type(&place, &field.ty), field.array);
            all.push((place, expression, ty));
        }
    }
    all
}
