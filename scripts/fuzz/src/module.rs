// SPDX-License-Identifier: GPL-2.0

//! A module of the kernel: the harness, generated functions, and generated hooks of two kinds of mappings.

use crate::api::{Api, Callable, Receiver};
use crate::generate::{Function, Generator, Root};
use crate::rules::Rules;
use crate::types::{Bindings, Ty};
use std::collections::BTreeSet;
use std::fmt::Write;

const HARNESS: &str = include_str!("harness.rs.txt");

/// How many variants each hook has.
const VARIANTS: usize = 4;

/// The operations that a module has, with the kind of their mappings and the hook of the file.
const OPERATIONS: [(&str, &str, &str); 4] = [
    ("MixedOps", "MixedMap", "ViaMmap"),
    ("PfnOps", "PfnMap", "ViaMmap"),
    ("MixedPrepareOps", "MixedMap", "ViaMmapPrepare"),
    ("PfnPrepareOps", "PfnMap", "ViaMmapPrepare"),
];

/// The hooks that stand for all variants of one.
struct Hook {
    /// None for those of the file.
    operations: Option<&'static str>,
    name: String,
    signature: String,
    arguments: Vec<String>,
    variants: Vec<Function>,
}

impl Hook {
    fn is_called(&self) -> bool {
        self.operations.is_none() || !self.variants.is_empty()
    }
}

/// The parts of one module file.
pub struct Module {
    pub name: String,
    uses: String,
    functions: Vec<Function>,
    hooks: Vec<Hook>,
    /// The generated programs, and the number that the compiler has refused.
    pub generated: usize,
    pub refused: usize,
}

/// The functions of the harness, which are not of the API.
pub const OF_HARNESS: [&str; 5] = [
    "Own::shared_page",
    "Own::grabbed_mm",
    "AccessBuffer::reply",
    "AccessBuffer::bytes",
    "rcu::read_lock",
];

/// Adds to the API what the harness has.
pub fn add_harness(api: &mut Api) {
    // rustdoc's JSON leaves out what primitive types implement.
    for word in ["u32", "u64", "usize"] {
        api.implement(Ty::plain(word), "SharedWord");
    }
    let data = data();
    for (name, kind, hook) in OPERATIONS {
        let ops = Ty::plain(name);
        for of_trait in ["VmaOperations", "OperationsTable"] {
            api.implement(ops.clone(), of_trait);
        }
        api.associate(ops.clone(), "Data", data.clone());
        api.associate(ops.clone(), "PageKind", Ty::plain(kind));
        api.associate(ops, "Hook", Ty::plain(hook));
    }
    api.associate(
        data.clone(),
        "Borrowed",
        Ty::path("ArcBorrow", vec![region()]),
    );
    let mut harness = |path: &str, of: &str, receiver, parameters, output| {
        api.callables.push(Callable {
            path: format!("{of}::{path}"),
            name: path.to_string(),
            of: Ty::plain(of),
            receiver,
            receiver_lifetime: None,
            parameters,
            output,
            generics: Vec::new(),
            bounds: Vec::new(),
            lifetimes: BTreeSet::new(),
            sleeps: false,
        });
    };
    let index = ("index".to_string(), Ty::plain("usize"));
    harness(
        "shared_page",
        "Own",
        Receiver::Shared,
        vec![index],
        Ty::plain("SharedPage").reference(),
    );
    harness(
        "grabbed_mm",
        "Own",
        Receiver::Shared,
        Vec::new(),
        Ty::path("Option", vec![Ty::plain("GrabbedMm").reference()]),
    );
    for (name, part) in [("reply", "AccessReply"), ("bytes", "AccessBytes")] {
        let part = Ty::Path(part.to_string(), vec!["'_".to_string()], Vec::new());
        let part = Ty::Ref(None, true, Box::new(part));
        harness(
            name,
            "AccessBuffer",
            Receiver::Mutable,
            Vec::new(),
            Ty::path("Option", vec![part]),
        );
    }
    harness(
        "read_lock",
        "rcu",
        Receiver::None,
        Vec::new(),
        Ty::plain("Guard"),
    );
}

fn region() -> Ty {
    Ty::path("PfnRegion", vec![Ty::plain("Own")])
}

fn data() -> Ty {
    Ty::path("Arc", vec![region()])
}

impl Module {
    /// The module of this number; the same numbers give the same module.
    pub fn generate(api: &Api, rules: &Rules, seed: u64, number: u64, functions: usize) -> Self {
        let mut generator = Generator::new(api, rules, seed, number);
        let mut module = Self {
            name: format!("vma_fuzz_{number}"),
            uses: uses(api),
            functions: Vec::new(),
            hooks: Vec::new(),
            generated: 0,
            refused: 0,
        };
        module.add_hooks(api, &mut generator);
        for number in 0..functions {
            let root = |name, ty: Ty| Root { name, ty };
            let roots = [
                root("mm", Ty::plain("MmWithUser").reference()),
                root("file", Ty::plain("LocalFile").reference()),
                root("own", data().reference()),
                root("page", Ty::plain("SharedPage").reference()),
            ];
            let name = format!("f{number}");
            let signature = format!(
                "#[inline(never)]\nfn {name}(env: &Env, mm: &MmWithUser, file: &LocalFile, own: &Data, page: &SharedPage)"
            );
            module
                .functions
                .extend(generator.function(&name, &signature, &roots, None, "", false));
        }
        module.generated = module.all().count();
        module
    }

    fn add_hooks(&mut self, api: &Api, generator: &mut Generator<'_>) {
        for (name, of, output) in [
            ("mmap_setup", "VmaSetup", "Mapped"),
            ("mmap_prepare", "VmaDesc", "Prepared"),
        ] {
            let plain = Ty::Path(
                of.to_string(),
                vec!["'a".to_string()],
                vec![Ty::plain("Plain")],
            );
            let mapped = Ty::Path(output.to_string(), vec!["'a".to_string()], Vec::new());
            let callable = Callable {
                path: format!("MiscDevice::{name}"),
                name: name.to_string(),
                of: Ty::plain("MiscDevice"),
                receiver: Receiver::None,
                receiver_lifetime: None,
                parameters: vec![
                    (
                        "own".to_string(),
                        Ty::Ref(Some("'a".to_string()), false, Box::new(data())),
                    ),
                    ("vma".to_string(), plain),
                ],
                output: Ty::path("Result", vec![mapped, Ty::plain("Error")]),
                generics: Vec::new(),
                bounds: Vec::new(),
                lifetimes: BTreeSet::from(["'a".to_string()]),
                sleeps: false,
            };
            // A copy of the data for each VMA.
            let extra = (name == "mmap_setup").then(data);
            self.add_hook(api, generator, None, &callable, extra);
        }
        for (operations, _, hook_of) in OPERATIONS {
            for hook in &api.hooks {
                if (hook.name == "mapped") == (hook_of == "ViaMmap") && hook.name == "mapped" {
                    continue;
                }
                self.add_hook(api, generator, Some(operations), hook, None);
            }
        }
    }

    fn add_hook(
        &mut self,
        api: &Api,
        generator: &mut Generator<'_>,
        operations: Option<&'static str>,
        hook: &Callable,
        extra: Option<Ty>,
    ) {
        let bindings: Bindings = operations
            .iter()
            .map(|name| ("Self".to_string(), Ty::plain(name)))
            .collect();
        let real = |ty: &Ty| api.resolve(&ty.substitute(&bindings));
        let parameters: Vec<(String, Ty)> = hook
            .parameters
            .iter()
            .map(|(name, ty)| (name.trim_start_matches('_').to_string(), real(ty)))
            .collect();
        let output = real(&hook.output);
        let lifetimes: Vec<String> = hook.lifetimes.iter().cloned().collect();
        let generics = match lifetimes.is_empty() {
            true => String::new(),
            false => format!("<{}>", lifetimes.join(", ")),
        };
        let list: Vec<String> = parameters
            .iter()
            .map(|(name, ty)| format!("{name}: {ty}"))
            .collect();
        let result = match output == Ty::unit() {
            true => String::new(),
            false => format!(" -> {output}"),
        };
        let signature = |name: &str| format!("fn {name}{generics}({}){result}", list.join(", "));
        let mut made = Hook {
            operations,
            name: hook.name.clone(),
            signature: signature(&hook.name),
            arguments: parameters.iter().map(|(name, _)| name.clone()).collect(),
            variants: Vec::new(),
        };
        // The result is made from the arguments given by value.
        let from = parameters
            .iter()
            .position(|(_, ty)| !matches!(ty, Ty::Ref(..)) && !api.is_copy(ty));
        let ends_in = match &output {
            Ty::Tuple(parts) if parts.is_empty() => None,
            Ty::Path(name, _, of) if name == "Result" && of[0] == Ty::unit() => {
                Some("    Ok(())\n")
            }
            Ty::Path(name, _, of) if name == "Result" && of[0] == Ty::plain("usize") => {
                Some("    Ok(1)\n")
            }
            Ty::Path(name, ..) if name == "Option" => Some("    None\n"),
            _ => None,
        };
        for variant in 0..VARIANTS {
            let name = format!(
                "{}_{}_{variant}",
                operations.unwrap_or("file").to_lowercase(),
                hook.name
            );
            let mut roots: Vec<Root> = parameters
                .iter()
                .map(|(name, ty)| Root {
                    name: leak(name),
                    ty: ty.clone(),
                })
                .collect();
            roots.push(Root {
                name: "page",
                ty: Ty::plain("SharedPage").reference(),
            });
            roots.extend(extra.iter().map(|ty| Root {
                name: "share",
                ty: ty.clone(),
            }));
            let goal = match ends_in {
                Some(_) => None,
                None if output == Ty::unit() => None,
                None => match from {
                    Some(from) => Some((from, &output)),
                    None => continue,
                },
            };
            let head = format!("#[inline(never)]\n{}", signature(&name));
            // The first one does nothing but what it must.
            let Some(mut function) =
                generator.function(&name, &head, &roots, goal, &hook.path, variant == 0)
            else {
                continue;
            };
            let mut lead = "    let env = Env::of_hook();\n    let env = &env;\n    let page = spare_page();\n".to_string();
            for (name, _) in parameters
                .iter()
                .filter(|(_, ty)| !matches!(ty, Ty::Ref(..)))
            {
                lead += &format!("    let mut {name} = {name};\n");
            }
            if extra.is_some() {
                lead += "    let share = own.clone();\n";
            }
            function.source = function.source.replacen("{\n", &format!("{{\n{lead}"), 1);
            if let Some(end) = ends_in {
                function.source.truncate(function.source.len() - 2);
                function.source += end;
                function.source += "}\n";
            }
            made.variants.push(function);
        }
        if made.is_called() {
            self.hooks.push(made);
        }
    }

    fn all(&self) -> impl Iterator<Item = &Function> {
        self.functions
            .iter()
            .chain(self.hooks.iter().flat_map(|hook| &hook.variants))
    }

    /// The number after the last one by which a guest can run a function. Those that were refused do nothing.
    pub fn function_count(&self) -> usize {
        self.functions.last().map_or(0, |function| {
            function.name[1..].parse().map_or(0, |last: usize| last + 1)
        })
    }

    pub fn len(&self) -> usize {
        self.all().count()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn calls(&self) -> (BTreeSet<String>, usize) {
        let reached = self
            .all()
            .flat_map(|function| function.calls.iter().cloned())
            .collect();
        (
            reached,
            self.all().map(|function| function.call_count).sum(),
        )
    }

    /// The source, and of each function its name and the lines that it takes.
    pub fn source(&self) -> (String, Vec<(String, usize, usize)>) {
        let mut text = HARNESS
            .replace("@NAME@", &self.name)
            .replace("@USES@", &self.uses);
        let mut lines = Vec::new();
        for function in self.all() {
            let first = text.lines().count() + 1;
            text += &function.source;
            lines.push((function.name.clone(), first, text.lines().count()));
            text += "\n";
        }
        for hook in self.hooks.iter().filter(|hook| hook.operations.is_none()) {
            text += &dispatch(hook, "");
            text += "\n";
        }
        for (operations, kind, via) in OPERATIONS {
            let _ = write!(
                text,
                "struct {operations};\nkernel::vm_operations!({operations});\n#[vtable]\n\
                 impl kernel::mm::vma::driver::VmaOperations for {operations} {{\n    type Data = Data;\n    \
                 type PageKind = {kind};\n    type Hook = {via};\n"
            );
            for hook in self
                .hooks
                .iter()
                .filter(|hook| hook.operations == Some(operations))
            {
                text += &dispatch(hook, "    ");
            }
            text += "}\n\n";
        }
        text += "fn run(env: &Env, mm: &MmWithUser, file: &LocalFile, own: &Data) {\n    match env.request[0] {\n";
        for function in &self.functions {
            let number = &function.name[1..];
            let _ = writeln!(
                text,
                "        {number} => {}(env, mm, file, own, own.shared_page(0)),",
                function.name
            );
        }
        text += "        _ => (),\n    }\n}\n";
        (text, lines)
    }

    /// Takes out functions that the compiler has refused.
    pub fn remove(&mut self, names: &BTreeSet<String>) {
        let before = self.len();
        let keep = |function: &Function| !names.contains(&function.name);
        self.functions.retain(keep);
        self.hooks
            .iter_mut()
            .for_each(|hook| hook.variants.retain(keep));
        self.hooks.retain(Hook::is_called);
        self.refused += before - self.len();
    }
}

fn dispatch(hook: &Hook, indent: &str) -> String {
    let arguments = hook.arguments.join(", ");
    // Where nothing is ever mapped, the access is repeated for ever; in the kernel not even a signal ends that.
    let give_up = match hook.arguments.iter().any(|name| name == "fault") {
        true => format!(
            "{indent}    if is_enough() {{\n{indent}        return fault.sigbus();\n{indent}    }}\n"
        ),
        false => String::new(),
    };
    let mut variants: Vec<&str> = hook.variants.iter().map(|made| &*made.name).collect();
    // All that are generated can refuse to map. Something has to be mapped, also to test that the module stays then.
    let plain = format!("plain_{}", hook.name);
    if hook.operations.is_none() {
        variants.push(&plain);
    }
    let mut text = format!(
        "{indent}{} {{\n{give_up}{indent}    match turn({}) {{\n",
        hook.signature,
        variants.len()
    );
    for (number, variant) in variants.iter().enumerate() {
        let pattern = if number + 1 == variants.len() {
            "_".to_string()
        } else {
            number.to_string()
        };
        let _ = writeln!(text, "{indent}        {pattern} => {variant}({arguments}),");
    }
    text + indent + "    }\n" + indent + "}\n"
}

fn uses(api: &Api) -> String {
    let mut text = String::new();
    for module in &api.modules {
        let _ = writeln!(text, "use {module}::*;");
    }
    text
}

/// Names of parameters live as long as the program: there are a few dozen.
fn leak(name: &str) -> &'static str {
    Box::leak(name.to_string().into_boxed_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mmap_hook_always_has_a_variant_that_maps() {
        let hook = |operations| Hook {
            operations,
            name: "mmap_setup".to_string(),
            signature: "fn mmap_setup(own: &Data)".to_string(),
            arguments: vec!["own".to_string()],
            variants: Vec::new(),
        };
        assert!(hook(None).is_called() && !hook(Some("PfnOps")).is_called());
        assert_eq!(
            dispatch(&hook(None), ""),
            "fn mmap_setup(own: &Data) {\n    match turn(1) {\n        _ => plain_mmap_setup(own),\n    }\n}\n"
        );
        for hook in ["setup", "prepare"] {
            assert!(HARNESS.contains(&format!("fn plain_mmap_{hook}<")));
        }
    }
}
