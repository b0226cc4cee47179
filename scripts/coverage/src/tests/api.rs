// SPDX-License-Identifier: GPL-2.0

use super::*;

const TEXT: &str = "
    pub struct Setup<'a, K>(&'a K);
    struct Hidden;
    pub trait Ops { fn fault(&self) {} }
    macro_rules! steps {
        ($ty:ident) => { impl $ty { pub fn set_flags(&mut self) {} fn own(&self) {} } };
    }
    steps!(Setup);
    impl<'a, K> Setup<'a, K> {
        pub fn run(self) {}
        pub unsafe fn raw(self) {}
        pub(crate) fn crate_only(self) {}
        fn private(self) {}
    }
    impl Drop for Setup<'_, ()> { fn drop(&mut self) {} }
    mod inner { pub enum Kind { A } pub fn free() {} }
";

#[test]
fn public_names_exist() {
    let api = Api::parse(TEXT).expect("is Rust");
    for name in [
        "Setup",
        "Setup::run()",
        "Setup::set_flags()",
        "Ops",
        "Ops::fault()",
        "Kind",
        "free()",
    ] {
        assert_eq!(api.problem(name), None, "{name}");
    }
}

#[test]
fn other_names_do_not() {
    let api = Api::parse(TEXT).expect("is Rust");
    for name in [
        "Setups",
        "Hidden",
        "Setup::walk()",
        "Setup::run",
        "Setup::own()",
        "Setup::private()",
        "Setup::crate_only()",
        "Setup::drop()",
        "run()",
    ] {
        let said =
            format!("{name}: there is no such public function or type in rust/kernel/mm/vma");
        assert_eq!(api.problem(name), Some(said));
    }
    let said = "Setup::raw(): is unsafe, so it is no safe call";
    assert_eq!(api.problem("Setup::raw()").as_deref(), Some(said));
}

#[test]
fn an_answer_names_what_exists() {
    let source = "int f(void)\n{\n\tvm_flags_set(vma, VM_IO);\n}\n";
    let data = "[answers.a]\nrust = [\"Setup::clear_flags()\"]\n[[rules]]\nanswer = \"a\"\ncall = 'vm_flags'\n";
    let said =
        "Setup::clear_flags(): there is no such public function or type in rust/kernel/mm/vma";
    assert_eq!(report(source, data).problems, [said]);
}

#[test]
fn names_of_the_kernel_crate_are_in_the_tree() {
    let tree = tempfile::tempdir().expect("a directory");
    let dir = tree.path().join("rust/kernel/drm/gem");
    std::fs::create_dir_all(&dir).expect("can be made");
    std::fs::write(
        dir.join("shmem.rs"),
        "pub struct Object; impl Object { pub fn new() {} }",
    )
    .expect("written");
    std::fs::write(dir.join("mod.rs"), "pub trait Base {}").expect("written");
    let names = [
        "kernel::drm::gem::shmem::Object",
        "kernel::drm::gem::shmem::Object::new()",
        "kernel::drm::gem::Base",
        "kernel::drm::gem::Object",
        "kernel::drm::none::Object",
    ];
    let api = Api::read(&repo(), tree.path(), names.into_iter()).expect("can be read");
    let problems: Vec<String> = names
        .into_iter()
        .filter_map(|name| api.problem(name))
        .collect();
    let said = [
        "kernel::drm::gem::Object: there is no such public function or type in kernel::drm::gem",
        "kernel::drm::none::Object: there is no such public function or type in kernel::drm::none",
    ];
    assert_eq!(problems, said);
}
