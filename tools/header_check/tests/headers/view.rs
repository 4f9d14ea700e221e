//! One side's C interface, as text: types are spelled the way C tokens come out of the preprocessor, one blank apart.

/// A parameter or a field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its type, such as `const void *`; of an array the element's.
    pub ty: String,
    /// `[ 64 ]` of an array, else empty.
    pub array: String,
}

/// A function with external linkage.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The type of its result.
    pub result: String,
    /// In order.
    pub parameters: Vec<Variable>,
}

/// A struct.
#[derive(Clone, Debug)]
pub struct Struct {
    /// As C names the type: `ESHMConfig` through a typedef, `struct ESHMData` without.
    pub name: String,
    /// In order; `None` of an incomplete type.
    pub fields: Option<Vec<Variable>>,
}

/// All that one side offers.
#[derive(Clone, Default, Debug)]
pub struct View {
    /// In order of appearance, like all the others.
    pub functions: Vec<Function>,
    /// Typedefs of structs and plain structs.
    pub structs: Vec<Struct>,
    /// Names of macros without parameters that have a value.
    pub constants: Vec<String>,
    /// Names of the members of all enums.
    pub enumerators: Vec<String>,
    /// Declarations of any other kind, as they stand.
    pub others: Vec<String>,
}

impl View {
    /// The function of that name.
    pub fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.name == name)
    }

    /// The struct of that name.
    pub fn structure(&self, name: &str) -> Option<&Struct> {
        self.structs.iter().find(|structure| structure.name == name)
    }
}

impl Struct {
    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&Variable> {
        self.fields.iter().flatten().find(|field| field.name == name)
    }
}
