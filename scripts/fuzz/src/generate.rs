// SPDX-License-Identifier: GPL-2.0

//! Random functions, typed by construction: each statement is a call whose receiver and arguments are there.
//!
//! The compiler has the last word. What is done about borrows here only keeps most functions from being refused.

use crate::api::{Api, Callable, Receiver};
use crate::random::Random;
use crate::rules::Rules;
use crate::scope::{Scope, Use, Value};
use crate::types::{Bindings, Ty, same, unify};
use std::collections::{BTreeMap, BTreeSet};
use std::mem;

/// Statements of a function, roughly.
const BUDGET: usize = 14;
/// How deep blocks are nested.
const DEPTH: usize = 9;
/// How many callables are tried before a statement is given up.
const ATTEMPTS: usize = 40;

/// A generated function.
#[derive(Clone, Debug)]
pub struct Function {
    pub name: String,
    pub source: String,
    /// The paths of what it calls.
    pub calls: BTreeSet<String>,
    pub call_count: usize,
}

/// Where a function gets its first values from.
pub struct Root {
    pub name: &'static str,
    pub ty: Ty,
}

pub struct Generator<'a> {
    api: &'a Api,
    rules: &'a Rules,
    pub random: Random,
    /// How often each callable was used, to prefer what was not.
    used: BTreeMap<String, usize>,
    scope: Scope,
    lines: Vec<String>,
    indent: usize,
    next: usize,
    atomic: usize,
    /// A hook is called with locks held.
    in_hook: bool,
    calls: Vec<String>,
}

/// The state to restore when an attempt fails.
struct Mark {
    scope: Scope,
    lines: usize,
    calls: usize,
    next: usize,
}

type Uses = Vec<(usize, Use)>;

/// Returns true if a parameter can be inferred from a type.
fn says(ty: &Ty, param: &Ty) -> bool {
    let mut found = ty == param;
    if !matches!(ty, Ty::Projection(..)) {
        ty.map(&mut |part| {
            found = found || says(part, param);
            part.clone()
        });
    }
    found
}

impl<'a> Generator<'a> {
    pub fn new(api: &'a Api, rules: &'a Rules, seed: u64, stream: u64) -> Self {
        Self {
            api,
            rules,
            random: Random::new(seed, stream),
            used: BTreeMap::new(),
            scope: Scope::default(),
            lines: Vec::new(),
            indent: 1,
            next: 0,
            atomic: 0,
            in_hook: false,
            calls: Vec::new(),
        }
    }

    /// A function of this signature, whose parameters are the roots. With a goal, it ends with a value of that type
    /// made from the root `from`; none if no call leads there.
    pub fn function(
        &mut self,
        name: &str,
        signature: &str,
        roots: &[Root],
        goal: Option<(usize, &Ty)>,
        hook: &str,
        plain: bool,
    ) -> Option<Function> {
        self.scope = Scope::default();
        self.lines.clear();
        self.calls.clear();
        (self.indent, self.next) = (1, 0);
        self.atomic = usize::from(self.rules.is_atomic(hook));
        self.in_hook = !hook.is_empty();
        for root in roots {
            self.scope
                .add(root.name.to_string(), root.ty.clone(), BTreeMap::new());
        }
        if let Some((from, _)) = goal {
            self.scope.values[from].is_kept = true;
        }
        if !plain {
            let budget = BUDGET / 2 + self.random.below(BUDGET);
            self.body(budget, 0);
        }
        if let Some((from, goal)) = goal {
            self.scope.values[from].is_kept = false;
            let (inner, wrap) = match goal {
                Ty::Path(name, _, arguments) if name == "Result" && arguments[0] != Ty::unit() => {
                    (arguments[0].clone(), true)
                }
                _ => (goal.clone(), false),
            };
            if !self.finish(from, &inner, wrap, 0) {
                return None;
            }
        }
        for call in &self.calls {
            *self.used.entry(call.clone()).or_default() += 1;
        }
        let body: String = self.lines.iter().map(|line| format!("{line}\n")).collect();
        Some(Function {
            name: name.to_string(),
            source: format!("{signature} {{\n{body}}}\n"),
            calls: self.calls.iter().cloned().collect(),
            call_count: self.calls.len(),
        })
    }

    fn mark(&self) -> Mark {
        Mark {
            scope: self.scope.clone(),
            lines: self.lines.len(),
            calls: self.calls.len(),
            next: self.next,
        }
    }

    fn undo(&mut self, mark: Mark) {
        self.scope = mark.scope;
        self.lines.truncate(mark.lines);
        self.calls.truncate(mark.calls);
        self.next = mark.next;
    }

    fn say(&mut self, line: &str) {
        self.lines
            .push(format!("{}{line}", "    ".repeat(self.indent)));
    }

    fn fresh(&mut self) -> String {
        self.next += 1;
        format!("v{}", self.next)
    }

    /// So many statements, in a block of their own.
    fn block(&mut self, budget: usize, depth: usize) -> usize {
        let len = self.scope.enter();
        let used = self.statements(budget, depth);
        // Variables declared here end here, with their borrowers, which are declared here, too.
        self.scope.leave(len);
        used
    }

    fn statements(&mut self, budget: usize, depth: usize) -> usize {
        let mut left = budget;
        while left > 0 {
            left -= 1;
            left = left.saturating_sub(self.statement(left, depth));
        }
        budget - left
    }

    /// So many statements, and more after them in the same block: what they hold is held then.
    fn body(&mut self, budget: usize, depth: usize) {
        let len = self.scope.values.len();
        self.statements(budget, depth);
        self.retire(len);
    }

    /// Leaves the variables from `len` on as they are, but for what keeps most calls from being made.
    fn retire(&mut self, len: usize) {
        for value in len..self.scope.values.len() {
            let is_atomic = |value: &Value| {
                let name = value.ty.name();
                name.is_some_and(|name| self.rules.makes_atomic(name))
            };
            let value_here = &self.scope.values[value];
            if value_here.is_alive && is_atomic(value_here) {
                let name = value_here.name.clone();
                if (0..ATTEMPTS).any(|_| self.apply(&vec![(value, Use::Moved)])) {
                    self.say(&format!("drop({name});"));
                }
            }
        }
        self.scope.retire(len);
    }

    /// One statement; returns how much of the budget was used by blocks in it.
    fn statement(&mut self, budget: usize, depth: usize) -> usize {
        if self.random.chance(6) && self.plain_statement() {
            return 0;
        }
        if self.random.chance(4) && self.declare() {
            return 0;
        }
        for _ in 0..ATTEMPTS / 8 {
            let tries = self.candidates();
            for (callable, receiver) in tries {
                let mark = self.mark();
                match self.call(callable, receiver, depth) {
                    Some(value) => return value.map_or(0, |value| self.open(value, budget, depth)),
                    None => self.undo(mark),
                }
            }
        }
        0
    }

    /// Some calls to try, the least used first: of a variable, mostly a new one, or any.
    fn candidates(&mut self) -> Vec<(&'a Callable, Option<usize>)> {
        let api = self.api;
        let alive: Vec<usize> = self.scope.alive().map(|(at, _)| at).collect();
        let mut tries: Vec<(&'a Callable, Option<usize>)> = Vec::new();
        if self.random.chance(55) && !alive.is_empty() {
            let back = self
                .random
                .below(alive.len())
                .min(self.random.below(alive.len()));
            let value = alive[alive.len() - 1 - back];
            let mut fitting: Vec<&'a Callable> = api
                .callables
                .iter()
                .filter(|callable| callable.receiver != Receiver::None)
                .filter(|callable| {
                    self.steps_to(value, &callable.of, &Bindings::new())
                        .is_some()
                })
                .collect();
            for _ in 0..6 {
                if !fitting.is_empty() {
                    let at = self.random.below(fitting.len());
                    tries.push((fitting.swap_remove(at), Some(value)));
                }
            }
        } else {
            let mut rare: Vec<&'a Callable> = api.callables.iter().collect();
            rare.sort_by_key(|callable| self.used.get(&callable.path).copied().unwrap_or(0));
            let end = if self.random.chance(70) {
                50
            } else {
                rare.len()
            };
            for _ in 0..8 {
                tries.push((rare[self.random.below(end.min(rare.len()))], None));
            }
        }
        let used = |callable: &Callable| self.used.get(&callable.path).copied().unwrap_or(0);
        tries.sort_by_key(|(callable, _)| used(callable) / 4);
        tries
    }

    /// Declares a variable with a value that takes no arguments.
    fn declare(&mut self) -> bool {
        let api = self.api;
        let Some((ty, text)) = self.random.one_of(&api.constants) else {
            return false;
        };
        let name = self.fresh();
        self.say(&format!("let mut {name} = {text};"));
        self.scope.add(name, ty.clone(), BTreeMap::new());
        true
    }

    /// Drops, forgets, swaps or assigns a value of any type.
    fn plain_statement(&mut self) -> bool {
        let movable: Vec<usize> = self
            .scope
            .alive()
            .filter(|(_, value)| {
                value.frozen == 0 && value.name.starts_with('v') && !self.api.is_copy(&value.ty)
            })
            .map(|(at, _)| at)
            .collect();
        let Some(&value) = self.random.one_of(&movable) else {
            return false;
        };
        let (name, ty) = (
            self.scope.values[value].name.clone(),
            self.scope.values[value].ty.clone(),
        );
        let others: Vec<usize> = movable
            .iter()
            .copied()
            .filter(|&other| other != value && same(&self.scope.values[other].ty, &ty))
            .collect();
        if let (Some(&other), true) = (self.random.one_of(&others), self.random.chance(80)) {
            // Each may now have what the other one borrowed.
            if !self.apply(&vec![(value, Use::Mutable), (other, Use::Mutable)]) {
                return false;
            }
            let mut loans = self.scope.values[value].loans.clone();
            loans.extend(self.scope.values[other].loans.clone());
            let other_name = self.scope.values[other].name.clone();
            match self.random.chance(50) {
                true => self.say(&format!("core::mem::swap(&mut {name}, &mut {other_name});")),
                false => {
                    self.say(&format!(
                        "drop(core::mem::replace(&mut {name}, {other_name}));"
                    ));
                    self.scope.end(other);
                }
            }
            self.scope.values[value].loans = loans.clone();
            self.scope.values[other].loans = loans;
            return true;
        }
        if !self.may_drop(value) || !self.apply(&vec![(value, Use::Moved)]) {
            return false;
        }
        let forget = ty
            .name()
            .is_some_and(|name| self.rules.may_be_forgotten(name));
        match forget && self.random.chance(50) {
            true => self.say(&format!("core::mem::forget({name});")),
            false => self.say(&format!("drop({name});")),
        }
        true
    }

    /// Ends what these uses end.
    fn apply(&mut self, uses: &Uses) -> bool {
        for (at, (value, how)) in uses.iter().enumerate() {
            let twice = uses[..at].iter().any(|(other, other_how)| {
                other == value && (*how != Use::Shared || *other_how != Use::Shared)
            });
            if twice || !self.scope.allows(*value, *how) {
                return false;
            }
        }
        for (value, how) in uses {
            let Some(ended) = self.scope.ended_by(*value, *how) else {
                return false;
            };
            if ended
                .iter()
                .any(|ended| uses.iter().any(|(value, _)| value == ended))
            {
                return false;
            }
            // Guards would not live long otherwise.
            if !ended.is_empty() && self.random.chance(60) {
                return false;
            }
            if ended.iter().any(|ended| !self.may_drop(*ended)) {
                return false;
            }
            for ended in ended {
                let value = &self.scope.values[ended];
                if !self.api.is_copy(&value.ty) {
                    let line = format!("drop({});", value.name);
                    self.say(&line);
                }
                self.scope.end(ended);
            }
            if *how == Use::Moved {
                self.scope.end(*value);
            }
        }
        true
    }

    /// A variable as a reference to a type, with the dereferences that takes.
    fn steps_to(
        &self,
        value: usize,
        pattern: &Ty,
        bindings: &Bindings,
    ) -> Option<(usize, Bindings, Use)> {
        let mut ty = self.scope.values[value].ty.clone();
        let mut best = Use::Moved;
        for step in 0..4 {
            let mut found = bindings.clone();
            if unify(pattern, &ty, &mut found) {
                return Some((step, found, best));
            }
            let exclusive = matches!(ty, Ty::Ref(_, true, _)) && step == 0;
            best = if exclusive { Use::Mutable } else { Use::Shared };
            ty = self.api.target(&ty)?;
        }
        None
    }

    /// Calls a function, if what it takes is there. Returns the variable that has the result.
    fn call(
        &mut self,
        callable: &'a Callable,
        receiver: Option<usize>,
        depth: usize,
    ) -> Option<Option<usize>> {
        let (expression, output, loans) = self.expression(callable, receiver, depth)?;
        if output == Ty::unit() {
            self.say(&format!("{expression};"));
            return Some(None);
        }
        if output.is_open() {
            self.say(&format!("let _ = {expression};"));
            return Some(None);
        }
        let name = self.fresh();
        self.say(&format!("let mut {name} = {expression};"));
        Some(Some(self.scope.add(name, output, loans)))
    }

    fn may_call(&self, callable: &Callable) -> bool {
        if self.rules.is_never(&callable.path) {
            return false;
        }
        let single = self.rules.single(&callable.path);
        if self.in_hook && !single.is_empty() {
            return false;
        }
        if self.is_there(|name| single.iter().any(|known| known == name)) {
            return false;
        }
        let sleeps = callable.sleeps || self.rules.sleeps(&callable.path);
        // It may sleep for memory, and so for reclaim.
        !(sleeps && (self.is_atomic() || !self.may_reclaim()))
    }

    /// Returns true if a variable has something of a type that is so.
    fn is_there(&self, is: impl Fn(&str) -> bool) -> bool {
        self.scope.perhaps_alive().any(|value| value.ty.has(&is))
    }

    /// Returns true if memory may be allocated: a new order of locks says so, and lockdep reports it if it is not true.
    fn may_reclaim(&self) -> bool {
        !self.is_there(|name| self.rules.stops_reclaim(name))
    }

    /// Returns true if what comes next runs under a spinlock or in an RCU read-side critical section.
    fn is_atomic(&self) -> bool {
        let says = |value: &Value| {
            value
                .ty
                .name()
                .is_some_and(|name| self.rules.makes_atomic(name))
        };
        self.atomic > 0 || self.scope.perhaps_alive().any(says)
    }

    /// Returns true if a variable can be dropped here: some sleep then, or take locks.
    fn may_drop(&self, value: usize) -> bool {
        let ty = &self.scope.values[value].ty;
        let locks = |value: &Value| value.ty.has(|name| self.rules.is_lock(name));
        !(ty.has(|name| self.rules.drop_sleeps(name))
            && (self.is_atomic() || self.scope.perhaps_alive().any(locks)))
    }

    /// The call as an expression, the type of its result and what that borrows. The receiver is `fixed`, or any.
    fn expression(
        &mut self,
        callable: &'a Callable,
        fixed: Option<usize>,
        depth: usize,
    ) -> Option<(String, Ty, BTreeMap<usize, bool>)> {
        if !self.may_call(callable) {
            return None;
        }
        let mut bindings = Bindings::new();
        let mut uses: Uses = Vec::new();
        let mut receiver = None;
        let wanted = match callable.receiver {
            Receiver::None => None,
            Receiver::Shared => Some(Use::Shared),
            Receiver::Mutable => Some(Use::Mutable),
            Receiver::Value => Some(Use::Moved),
        };
        if let Some(wanted) = wanted {
            let candidates: Vec<usize> = match fixed {
                Some(value) => vec![value],
                None => self.scope.alive().map(|(at, _)| at).collect(),
            };
            let mut found = Vec::new();
            for value in candidates {
                let Some((_, bound, most)) = self.steps_to(value, &callable.of, &bindings) else {
                    continue;
                };
                let copied =
                    wanted == Use::Moved && self.api.is_copy(&callable.of.substitute(&bound));
                let wanted = if copied { Use::Shared } else { wanted };
                let free = self.scope.allows(value, wanted);
                if wanted <= most && free && self.satisfies(callable, &bound) {
                    found.push((value, bound, wanted));
                }
            }
            // New variables are more interesting.
            let at = self
                .random
                .below(found.len())
                .max(self.random.below(found.len()));
            let (value, bound, how) = found.get(at)?.clone();
            bindings = bound;
            uses.push((value, how));
            receiver = Some(value);
        }
        let mut explicit = Vec::new();
        for generic in &callable.generics {
            if generic.is_named && generic.is_const {
                let number = self.random.below(4).to_string();
                bindings.insert(generic.name.clone(), Ty::Param(number.clone()));
                explicit.push(number);
            } else if generic.is_named {
                explicit.push(self.choose(callable, &generic.name, &mut bindings));
            }
        }
        let mut arguments = Vec::new();
        let mut argument_uses: Vec<Uses> = Vec::new();
        let mut closures = Vec::new();
        for (name, ty) in &callable.parameters {
            let ty = self.api.resolve(&ty.substitute(&bindings));
            let mut own = Uses::new();
            if let Ty::Closure(parameters, result) = &ty {
                closures.push((arguments.len(), parameters.clone(), (**result).clone()));
                arguments.push(String::new());
            } else {
                let text = self.argument(name, &ty, &mut bindings, &mut own, 0)?;
                arguments.push(text);
            }
            uses.extend(own.iter().copied());
            argument_uses.push(own);
        }
        if !self.satisfies(callable, &bindings) || !self.apply(&uses) {
            return None;
        }
        self.calls.push(callable.path.clone());
        for (at, parameters, result) in closures {
            arguments[at] = self.closure(callable, &uses, &parameters, &result, depth)?;
            if let Ty::Param(name) = &result {
                bindings.insert(name.clone(), Ty::unit());
            }
        }
        let turbofish = match explicit.iter().all(|name| name == "_") {
            true => String::new(),
            false => format!("::<{}>", explicit.join(", ")),
        };
        let joined = arguments.join(", ");
        let expression = match receiver {
            Some(value) => {
                let name = &self.scope.values[value].name;
                format!("{name}.{}{turbofish}({joined})", callable.name)
            }
            None => format!(
                "{}::{}{turbofish}({joined})",
                callable.of.name()?,
                callable.name
            ),
        };
        let output = self.api.resolve(&callable.output.substitute(&bindings));
        let loans = self.loans(callable, receiver, &uses, &argument_uses);
        Some((expression, output, loans))
    }

    /// A type for a parameter that a call names, `_` if the arguments say it.
    fn choose(&mut self, callable: &Callable, name: &str, bindings: &mut Bindings) -> String {
        let param = Ty::Param(name.to_string());
        // An associated type does not say which type it belongs to, and a number may be of any type.
        let is_said = callable.parameters.iter().any(|(_, ty)| says(ty, &param));
        let is_number = callable.bounds.iter().any(|bound| {
            let is_primitive = |ty: &Ty| ty.name().is_some_and(|name| name == name.to_lowercase());
            bound.ty == param && self.api.having(&bound.name).iter().any(is_primitive)
        });
        if is_said && !is_number {
            return "_".to_string();
        }
        let mut choices: Vec<Ty> = Vec::new();
        for bound in callable.bounds.iter().filter(|bound| bound.ty == param) {
            let having = self.api.having(&bound.name);
            match choices.is_empty() {
                true => choices = having,
                false if !having.is_empty() => choices.retain(|ty| having.contains(ty)),
                false => (),
            }
        }
        choices.retain(|ty| {
            let mut with = bindings.clone();
            with.insert(name.to_string(), ty.clone());
            self.satisfies(callable, &with)
        });
        match self.random.one_of(&choices) {
            Some(ty) => {
                bindings.insert(name.to_string(), ty.clone());
                ty.to_string()
            }
            None => "_".to_string(),
        }
    }

    /// Returns true if the bounds hold, of those that are about known types.
    fn satisfies(&self, callable: &Callable, bindings: &Bindings) -> bool {
        callable.bounds.iter().all(|bound| {
            let ty = self.api.resolve(&bound.ty.substitute(bindings));
            let arguments: Vec<Ty> = bound
                .arguments
                .iter()
                .map(|argument| self.api.resolve(&argument.substitute(bindings)))
                .collect();
            if ty.is_open() || arguments.iter().any(Ty::is_open) {
                return true;
            }
            match bound.name.as_str() {
                "=" => arguments.first().is_some_and(|wanted| same(wanted, &ty)),
                name => self.api.has(&ty, name, &arguments),
            }
        })
    }

    /// The rules of elision, and of named lifetimes: what the result of a call borrows.
    fn loans(
        &self,
        callable: &Callable,
        receiver: Option<usize>,
        uses: &Uses,
        arguments: &[Uses],
    ) -> BTreeMap<usize, bool> {
        let lifetimes = callable.output.lifetimes();
        let mut loans = BTreeMap::new();
        let mut borrow = |value: usize, how: Use| {
            if how != Use::Moved {
                let exclusive = loans.entry(value).or_insert(false);
                *exclusive |= how == Use::Mutable;
            }
            for (lender, exclusive) in &self.scope.values[value].loans {
                *loans.entry(*lender).or_insert(false) |= *exclusive;
            }
        };
        let elided = lifetimes.iter().any(|lifetime| lifetime == "'_");
        let is_reference = matches!(callable.receiver, Receiver::Shared | Receiver::Mutable);
        if let (Some(value), Some((_, how))) = (receiver, uses.first()) {
            let named = callable
                .receiver_lifetime
                .as_ref()
                .is_some_and(|own| lifetimes.contains(own));
            if (elided || named) && is_reference {
                borrow(value, *how);
            } else {
                borrow(value, Use::Moved);
            }
        }
        for ((_, ty), uses) in callable.parameters.iter().zip(arguments) {
            let own = ty.lifetimes();
            let shares = own
                .iter()
                .any(|lifetime| lifetime != "'_" && lifetimes.contains(lifetime));
            if shares || (elided && !is_reference) {
                uses.iter().for_each(|(value, how)| borrow(*value, *how));
            }
        }
        loans
    }

    /// An expression for an argument.
    fn argument(
        &mut self,
        name: &str,
        ty: &Ty,
        bindings: &mut Bindings,
        uses: &mut Uses,
        nesting: usize,
    ) -> Option<String> {
        if nesting > 3 {
            return None;
        }
        let ty = &ty.substitute(bindings);
        if let Some(text) = self.literal(name, ty) {
            return Some(text);
        }
        match ty {
            Ty::Path(path, _, of) if path == "Option" => {
                let is_some = self.random.chance(60);
                let mut inner = || self.argument(name, &of[0], bindings, uses, nesting + 1);
                if let Some(inner) = is_some.then(&mut inner).flatten() {
                    return Some(format!("Some({inner})"));
                }
                (!of[0].is_open()).then(|| "None".to_string())
            }
            Ty::Path(path, _, of) if path == "Result" && of[0] == Ty::unit() => {
                let error = self.literal(name, &of[1])?;
                Some(["Ok(())".to_string(), format!("Err({error})")][self.random.below(2)].clone())
            }
            Ty::Array(of, len) => {
                let mut parts = Vec::new();
                for _ in 0..len.parse().ok()? {
                    parts.push(self.argument(name, of, bindings, uses, nesting + 1)?);
                }
                Some(format!("[{}]", parts.join(", ")))
            }
            Ty::Ref(_, false, to) if matches!(**to, Ty::Slice(_)) => {
                let Ty::Slice(of) = &**to else { return None };
                let mut parts = Vec::new();
                for _ in 0..1 + self.random.below(3) {
                    parts.push(self.argument(name, of, bindings, uses, nesting + 1)?);
                }
                Some(format!("&[{}]", parts.join(", ")))
            }
            Ty::Ref(_, true, to)
                if to.argument("LockOrder") == Some(&Ty::Param("impl MayReclaim".to_string()))
                    && self.may_reclaim()
                    && self.random.chance(70) =>
            {
                Some("&mut LockOrder::new()".to_string())
            }
            Ty::Ref(_, mutable, to) => {
                let wanted = if *mutable { Use::Mutable } else { Use::Shared };
                let found = match self.variable(to, wanted, bindings, uses) {
                    None if nesting == 0 => {
                        let made = self.make(if *mutable { to } else { ty });
                        made.and_then(|()| self.variable(to, wanted, bindings, uses))
                    }
                    found => found,
                };
                let exclusive = if *mutable { "mut " } else { "" };
                if let Some((steps, variable)) = found {
                    return Some(format!("&{exclusive}{}{variable}", "*".repeat(steps)));
                }
                let constant = self.constant(to, bindings)?;
                Some(format!("&{exclusive}{constant}"))
            }
            _ => {
                let constant = self.constant(ty, bindings);
                if constant.is_some() && self.random.chance(70) {
                    return constant;
                }
                match self.variable(ty, Use::Moved, bindings, uses) {
                    Some((_, variable)) => Some(variable),
                    None => constant,
                }
            }
        }
    }

    /// A value of the type that takes no arguments.
    fn constant(&mut self, ty: &Ty, bindings: &mut Bindings) -> Option<String> {
        // Any that is as the bound says.
        if let Ty::Param(name) = ty {
            let having = self.api.having(name.strip_prefix("impl ")?);
            return self.random.one_of(&having).map(Ty::to_string);
        }
        let mut known = Vec::new();
        for (of, text) in &self.api.constants {
            let mut found = bindings.clone();
            if unify(ty, of, &mut found) {
                known.push((found, text));
            }
        }
        let (found, text) = self.random.one_of(&known)?;
        *bindings = found.clone();
        Some(text.to_string())
    }

    /// Declares a variable of the type, by a call.
    fn make(&mut self, ty: &Ty) -> Option<()> {
        let api = self.api;
        let makers: Vec<&'a Callable> = api
            .callables
            .iter()
            .filter(|maker| !matches!(maker.output, Ty::Param(_)))
            .filter(|maker| {
                // Either may have parameters that the other one says.
                unify(&maker.output, ty, &mut Bindings::new())
                    || unify(ty, &maker.output, &mut Bindings::new())
            })
            .collect();
        let maker = *self.random.one_of(&makers)?;
        self.call(maker, None, DEPTH)?.map(|_| ())
    }

    /// A variable that has the type, or leads to it.
    fn variable(
        &mut self,
        ty: &Ty,
        wanted: Use,
        bindings: &mut Bindings,
        uses: &mut Uses,
    ) -> Option<(usize, String)> {
        let mut found = Vec::new();
        for (value, _) in self.scope.alive() {
            let Some((steps, bound, most)) = self.steps_to(value, ty, bindings) else {
                continue;
            };
            let copied = wanted == Use::Moved && self.api.is_copy(&ty.substitute(&bound));
            let wanted = if copied { Use::Shared } else { wanted };
            if (copied && steps > 0) || wanted > most {
                continue;
            }
            let free = self.scope.allows(value, wanted);
            let again = uses.iter().any(|(other, how)| {
                *other == value && (*how != Use::Shared || wanted != Use::Shared)
            });
            if free && !again {
                found.push((value, steps, bound, wanted));
            }
        }
        let (value, steps, bound, how) = self.random.one_of(&found)?.clone();
        *bindings = bound;
        uses.push((value, how));
        Some((steps, self.scope.values[value].name.clone()))
    }

    /// Literals: numbers, addresses, ranges of them, bytes.
    fn literal(&mut self, name: &str, ty: &Ty) -> Option<String> {
        let is_address = |name: &str| {
            ["addr", "start", "end", "range"]
                .iter()
                .any(|word| name.contains(word))
        };
        let number = |random: &mut Random| match random.below(8) {
            0 => "usize::MAX".to_string(),
            1 => "usize::MAX / 2 + 1".to_string(),
            2 => format!("{}", 4096 * random.below(5)),
            _ => format!("{}", random.below(5)),
        };
        let place = |random: &mut Random| match random.below(10) {
            0 => number(random),
            _ => format!("env.addr({})", random.below(64)),
        };
        let one = |random: &mut Random| match is_address(name) {
            true => place(random),
            false => number(random),
        };
        let text = match ty {
            Ty::Path(path, ..) => match path.as_str() {
                "usize" => one(&mut self.random),
                "bool" => ["true", "false"][self.random.below(2)].to_string(),
                "u64" | "u32" | "u16" | "u8" | "i32" | "i64" => self.random.below(9).to_string(),
                "Pid" => ["env.pid()", "1", "0", "-1"][self.random.below(4)].to_string(),
                "Flags" => ["GFP_KERNEL", "GFP_ATOMIC", "GFP_KERNEL_ACCOUNT"][match self.atomic {
                    0 => self.random.below(3),
                    _ => 1,
                }]
                .to_string(),
                "Error" => {
                    ["EINVAL", "ENOMEM", "EFAULT", "EAGAIN"][self.random.below(4)].to_string()
                }
                "Range" if *ty == Ty::path("Range", vec![Ty::plain("usize")]) => {
                    let addresses = name == "range" || is_address(name);
                    match addresses {
                        true if self.random.chance(70) => {
                            let start = self.random.below(64);
                            format!(
                                "env.addr({start})..env.addr({start}).wrapping_add({})",
                                4096 * self.random.below(9)
                            )
                        }
                        true => format!("{}..{}", place(&mut self.random), place(&mut self.random)),
                        false => {
                            format!("{}..{}", number(&mut self.random), number(&mut self.random))
                        }
                    }
                }
                "Range" if *ty == Ty::path("Range", vec![Ty::plain("u64")]) => {
                    format!(
                        "{}..{}",
                        2048 * self.random.below(9),
                        2048 * self.random.below(40)
                    )
                }
                "RangeInclusive" => {
                    format!("{}..={}", self.random.below(5), number(&mut self.random))
                }
                _ => return None,
            },
            Ty::Ref(_, false, to) if **to == Ty::plain("CStr") => [
                "c\"fuzz\"",
                "c\"\"",
                "c\"[x]\"",
                "c\"a name that is rather long for a mapping and goes on and on and on and on\"",
            ][self.random.below(4)]
            .to_string(),
            Ty::Ref(_, false, to) if **to == Ty::Slice(Box::new(Ty::plain("u8"))) => {
                format!("&[7u8; {}]", [0, 1, 64, 300][self.random.below(4)])
            }
            Ty::Ref(_, true, to) if **to == Ty::Slice(Box::new(Ty::plain("u8"))) => {
                format!("&mut [0u8; {}]", [0, 1, 64, 300][self.random.below(4)])
            }
            Ty::Ref(_, false, to) if **to == Ty::Slice(Box::new(Ty::plain("VmaFlag"))) => {
                "&[VmaFlag::READ, VmaFlag::WRITE]".to_string()
            }
            _ => return None,
        };
        Some(text)
    }

    /// A closure with a body of its own. Other arguments of the call are shared in it.
    fn closure(
        &mut self,
        callable: &Callable,
        uses: &Uses,
        parameters: &[Ty],
        result: &Ty,
        depth: usize,
    ) -> Option<String> {
        let atomic = usize::from(self.rules.is_atomic(&callable.path));
        self.atomic += atomic;
        for (value, _) in uses {
            self.scope.values[*value].frozen += 1;
        }
        let lines = mem::take(&mut self.lines);
        let indent = self.indent;
        self.indent += 1;
        let len = self.scope.enter();
        let mut names = Vec::new();
        for ty in parameters {
            let name = self.fresh();
            self.scope.add(name.clone(), ty.clone(), BTreeMap::new());
            names.push(name);
        }
        let end = self.closure_body(result, depth);
        self.scope.leave(len);
        self.indent = indent;
        let body = mem::replace(&mut self.lines, lines);
        for (value, _) in uses {
            self.scope.values[*value].frozen -= 1;
        }
        self.atomic -= atomic;
        let end = end?;
        let outer = "    ".repeat(indent);
        let mut text = format!("|{}| {{\n", names.join(", "));
        for line in body {
            text += &format!("{line}\n");
        }
        if !end.is_empty() {
            text += &format!("{outer}    {end}\n");
        }
        Some(text + &outer + "}")
    }

    /// The statements of a closure, and the expression that it returns, empty if that is nothing.
    fn closure_body(&mut self, result: &Ty, depth: usize) -> Option<String> {
        if depth < DEPTH {
            for _ in 0..self.random.below(5) {
                self.statement(2, depth + 1);
            }
        }
        if matches!(result, Ty::Param(_)) || *result == Ty::unit() {
            return Some(String::new());
        }
        let (mut uses, mut bindings) = (Uses::new(), Bindings::new());
        if let Some(found) = self.argument("", result, &mut bindings, &mut uses, 0) {
            return Some(found);
        }
        // A call may make one. What it borrows is what the closure was given.
        let makers: Vec<&'a Callable> = self
            .api
            .callables
            .iter()
            .filter(|callable| unify(&callable.output, result, &mut Bindings::new()))
            .collect();
        let maker = *self.random.one_of(&makers)?;
        let (expression, ..) = self.expression(maker, None, depth + 1)?;
        Some(expression)
    }

    /// Takes a value apart, and goes on with its parts in a block. Returns what of the budget that took.
    fn open(&mut self, value: usize, budget: usize, depth: usize) -> usize {
        let Value {
            name, ty, loans, ..
        } = self.scope.values[value].clone();
        let is_copy = self.api.is_copy(&ty);
        let inner = self.fresh();
        let (head, inner_ty, is_loop) = match &ty {
            Ty::Path(path, _, of) if path == "Option" => (
                format!("if let Some(mut {inner}) = {name} {{"),
                of[0].clone(),
                false,
            ),
            Ty::Path(path, _, of) if path == "Result" => match self.random.below(12) {
                0 => (
                    format!("if let Err(mut {inner}) = {name} {{"),
                    of[1].clone(),
                    false,
                ),
                _ => (
                    format!("if let Ok(mut {inner}) = {name} {{"),
                    of[0].clone(),
                    false,
                ),
            },
            Ty::Iterator(item) => (
                format!("for mut {inner} in {name}.take(3) {{"),
                (**item).clone(),
                true,
            ),
            Ty::Array(of, _) if self.api.is_copy(of) => (
                format!("for mut {inner} in {name} {{"),
                (**of).clone(),
                true,
            ),
            Ty::Tuple(parts) if !parts.is_empty() => {
                let mut names = Vec::new();
                for part in parts {
                    let part_name = self.fresh();
                    self.scope
                        .add(part_name.clone(), part.clone(), loans.clone());
                    names.push(format!("mut {part_name}"));
                }
                self.say(&format!("let ({}) = {name};", names.join(", ")));
                self.scope.end(value);
                return 0;
            }
            _ => return 0,
        };
        if depth >= DEPTH || inner_ty.is_open() {
            return 0;
        }
        if !is_copy {
            self.scope.end(value);
        }
        self.say(&head);
        self.indent += 1;
        let len = self.scope.enter();
        if is_loop {
            self.scope
                .values
                .iter_mut()
                .for_each(|value| value.frozen += 1);
        }
        let mut used = 0;
        if inner_ty != Ty::unit() {
            let at = self.scope.add(inner, inner_ty, loans);
            used += self.open(at, budget, depth + 1);
        }
        let left = budget.saturating_sub(used);
        let share = left - self.random.below(left / 3 + 1);
        used += self.block(share, depth + 1);
        self.scope.leave(len);
        if is_loop {
            self.scope
                .values
                .iter_mut()
                .for_each(|value| value.frozen -= 1);
        }
        self.indent -= 1;
        self.say("}");
        used
    }

    /// Ends the function with a value of the type, made from a variable by calls that consume it.
    fn finish(&mut self, from: usize, goal: &Ty, wrap: bool, depth: usize) -> bool {
        if depth > 4 {
            return false;
        }
        let api = self.api;
        let mut ways: Vec<&'a Callable> = api
            .callables
            .iter()
            .filter(|callable| callable.receiver == Receiver::Value)
            .collect();
        while !ways.is_empty() {
            let callable = ways.swap_remove(self.random.below(ways.len()));
            let mark = self.mark();
            if self.finish_by(callable, from, goal, wrap, depth).is_some() {
                return true;
            }
            self.undo(mark);
        }
        false
    }

    fn finish_by(
        &mut self,
        callable: &'a Callable,
        from: usize,
        goal: &Ty,
        wrap: bool,
        depth: usize,
    ) -> Option<()> {
        let (expression, output, loans) = self.expression(callable, Some(from), DEPTH)?;
        if same(&output, goal) {
            match wrap {
                true => self.say(&format!("Ok({expression})")),
                false => self.say(&expression.clone()),
            }
            return Some(());
        }
        match &output {
            Ty::Path(name, _, of) if name == "Result" && wrap && of[1] == Ty::plain("Error") => {
                if same(&of[0], goal) {
                    self.say(&expression.clone());
                    return Some(());
                }
                let name = self.fresh();
                self.say(&format!("let mut {name} = {expression}?;"));
                let value = self.scope.add(name, of[0].clone(), loans);
                self.finish_later(value, goal, wrap, depth)
            }
            Ty::Path(name, _, of) if name == "Result" => {
                self.say(&format!("match {expression} {{"));
                for (arm, ty) in ["Ok", "Err"].into_iter().zip(of) {
                    let name = self.fresh();
                    self.indent += 1;
                    self.say(&format!("{arm}(mut {name}) => {{"));
                    self.indent += 1;
                    let value = self.scope.add(name, ty.clone(), loans.clone());
                    let reached = self.finish_later(value, goal, wrap, depth);
                    self.indent -= 2;
                    reached?;
                    self.say("    }");
                }
                self.say("}");
                Some(())
            }
            Ty::Path(..) if !self.api.is_copy(&output) && !output.is_open() => {
                let name = self.fresh();
                self.say(&format!("let mut {name} = {expression};"));
                let value = self.scope.add(name, output.clone(), loans);
                self.finish_later(value, goal, wrap, depth)
            }
            _ => None,
        }
    }

    /// As [`finish()`](Self::finish), after some statements that may use the value.
    fn finish_later(&mut self, value: usize, goal: &Ty, wrap: bool, depth: usize) -> Option<()> {
        self.scope.values[value].is_kept = true;
        let budget = self.random.below(6);
        self.body(budget, DEPTH);
        self.scope.values[value].is_kept = false;
        self.finish(value, goal, wrap, depth + 1).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something of a hook that has not ended, while the call is made that ends the setup.
    #[test]
    fn locks_of_a_body_are_held_after_it() {
        let api = crate::api(&crate::tests::rustdoc()).unwrap();
        let rules = Rules::load().unwrap();
        let mut generator = Generator::new(&api, &rules, 1, 0);
        for (name, ty) in [("v1", "Guard"), ("v2", "MmapGuard")] {
            generator
                .scope
                .add(name.to_string(), Ty::plain(ty), BTreeMap::new());
        }
        assert!(generator.is_atomic());
        generator.retire(0);

        assert_eq!(generator.lines, ["    drop(v1);"]);
        assert!(!generator.is_atomic() && generator.is_there(|name| name == "MmapGuard"));
        assert_eq!(generator.scope.alive().count(), 0);
    }

    #[test]
    fn nothing_sleeps_under_a_lock_of_reclaim() {
        let text = crate::tests::rustdoc();
        let text = text.replace(r#""name":"read""#, r#""docs":"Sleeps.","name":"read""#);
        let (api, rules) = (crate::api(&text).unwrap(), Rules::load().unwrap());
        let read = api.callables.iter().find(|one| one.name == "read").unwrap();
        let mut generator = Generator::new(&api, &rules, 1, 0);
        assert!(generator.may_call(read));

        let guard = Ty::plain("RmapTreeGuard");
        generator
            .scope
            .add("v1".to_string(), guard, BTreeMap::new());
        assert!(!generator.may_call(read));
    }
}
