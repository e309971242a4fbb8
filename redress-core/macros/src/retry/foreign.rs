//! Functions that another attribute has rewritten before: `#[async_trait]` and `#[tracing::instrument]`.

use syn::{
    Block, Expr, ExprAsync, GenericArgument, ItemFn, Lit, Local, Pat, PathArguments, ReturnType, Stmt, Type,
    TypeParamBound,
    visit_mut::{self, VisitMut},
};

use super::returns::last_segment;

/// An async method as `#[async_trait]` leaves it: a function that returns `Box::pin(async move { .. })`.
pub(super) struct Boxed {
    /// The output of the future.
    pub(super) output: Type,
    /// The statements before the body, which bind the arguments.
    pub(super) bindings: Vec<Stmt>,
    /// The body as it was written.
    pub(super) body: Block,
}

impl Boxed {
    /// Takes the method apart, if it is one.
    pub(super) fn of(function: &ItemFn) -> Option<Self> {
        let output = output(&function.sig.output)?;
        let [Stmt::Expr(Expr::Call(pin), None)] = function.block.stmts.as_slice() else { return None };
        let Expr::Async(ExprAsync { block: body, .. }) = pin.args.first()? else { return None };
        let mut body = body.clone();
        Some(Self { bindings: Bindings::take(&mut body)?, output, body })
    }
}

/// Finds the block that begins with the bindings, which may be in the span of an attribute.
struct Bindings(Option<Vec<Stmt>>);

impl Bindings {
    /// Takes the bindings and leaves the body as it was written.
    fn take(block: &mut Block) -> Option<Vec<Stmt>> {
        let mut bindings = Vec::new();
        for statement in &block.stmts {
            match statement {
                // The body is the value of `__ret`, whose type is that of the method.
                Stmt::Local(local) if is_named(local, "__ret") => {
                    let Expr::Block(body) = &*local.init.as_ref()?.expr else { return None };
                    *block = body.block.clone();
                    return Some(bindings);
                }
                Stmt::Local(_) => bindings.push(statement.clone()),
                _ => {}
            }
        }
        let mut within = Self(None);
        visit_mut::visit_block_mut(&mut within, block);
        within.0
    }
}

impl VisitMut for Bindings {
    fn visit_expr_async_mut(&mut self, future: &mut ExprAsync) {
        if self.0.is_none() {
            self.0 = Self::take(&mut future.block);
        }
    }
}

/// The output of a `Pin<Box<dyn Future<Output = _>>>`.
fn output(written: &ReturnType) -> Option<Type> {
    let ReturnType::Type(_, written) = written else { return None };
    let Type::TraitObject(object) = argument(argument(written, "Pin")?, "Box")? else { return None };
    object.bounds.iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else { return None };
        let future = bound.path.segments.last().filter(|segment| segment.ident == "Future")?;
        let PathArguments::AngleBracketed(arguments) = &future.arguments else { return None };
        arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(output) if output.ident == "Output" => Some(output.ty.clone()),
            _ => None,
        })
    })
}

/// The type argument of a type of this name.
fn argument<'t>(ty: &'t Type, name: &str) -> Option<&'t Type> {
    let segment = last_segment(ty).filter(|segment| segment.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

fn is_named(local: &Local, name: &str) -> bool {
    match &local.pat {
        Pat::Ident(pattern) => pattern.ident == name,
        Pat::Type(typed) => matches!(&*typed.pat, Pat::Ident(pattern) if pattern.ident == name),
        _ => false,
    }
}

/// Makes an instrumented body one that can run again and that returns what an attempt does: it borrows the arguments, and does
/// not say what the function returns.
pub(super) fn free_instrumented(body: &mut Block) {
    Instrumented.visit_block_mut(body);
}

struct Instrumented;

impl VisitMut for Instrumented {
    fn visit_block_mut(&mut self, block: &mut Block) {
        block.stmts.retain(|statement| !is_fake_return(statement));
        visit_mut::visit_block_mut(self, block);
    }

    fn visit_local_mut(&mut self, local: &mut Local) {
        if is_named(local, "__tracing_instrument_future")
            && let Some(init) = &mut local.init
            && let Expr::Async(future) = &mut *init.expr
        {
            future.capture = None;
        }
        visit_mut::visit_local_mut(self, local);
    }

    /// Expressions that are awaited or called in place can borrow as well.
    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        match expression {
            Expr::Await(awaited) => {
                if let Expr::Async(future) = &mut *awaited.base {
                    future.capture = None;
                }
            }
            Expr::Call(call) => {
                if let Expr::Paren(function) = &mut *call.func
                    && let Expr::Closure(closure) = &mut *function.expr
                {
                    closure.capture = None;
                }
            }
            _ => {}
        }
        visit_mut::visit_expr_mut(self, expression);
    }
}

/// `if false { return a value of the function's type }`, which is there for inference.
fn is_fake_return(statement: &Stmt) -> bool {
    let Stmt::Expr(Expr::If(condition), _) = statement else { return false };
    let is_false = matches!(&*condition.cond, Expr::Lit(lit) if matches!(&lit.lit, Lit::Bool(value) if !value.value));
    is_false
        && condition
            .then_branch
            .stmts
            .iter()
            .any(|statement| matches!(statement, Stmt::Local(local) if is_named(local, "__tracing_attr_fake_return")))
}
