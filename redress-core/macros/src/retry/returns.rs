//! The return types of a decorated function and of its body.

use proc_macro2::Span;
use quote::quote;
use syn::{
    Error, FnArg, GenericArgument, Pat, PathArguments, PathSegment, Result, ReturnType, Signature, Type, parse_quote,
    spanned::Spanned, visit::Visit,
};

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Form {
    Result,
    Outcome,
}

pub(super) struct Returns {
    pub(super) form: Form,
    /// The return type of the body.
    pub(super) attempt: Type,
    /// The position of the function's error type.
    pub(super) error: Span,
}

impl Returns {
    /// The signature says what callers get. The error of the body is `error` if that is given, `E` if callers get
    /// `RetryError<E>` or an `Outcome<_, E>`, and the error of the function otherwise.
    /// `output`: of an async method that was boxed, what its future returns.
    pub(super) fn of(signature: &Signature, output: Option<&Type>, error: Option<&Type>) -> Result<Self> {
        let ReturnType::Type(_, written) = &signature.output else {
            let message = "a retried function returns a `Result`: `-> Result<(), RetryError<E>>`";
            return Err(Error::new(signature.ident.span(), message));
        };
        let written = output.unwrap_or(written);
        if let Type::ImplTrait(_) = written {
            let message = "a retried function returns a `Result`; if this is a future, write `async fn`";
            return Err(Error::new_spanned(written, message));
        }
        let (name, arguments) =
            last_segment(written).map_or((None, Vec::new()), |segment| (Some(&segment.ident), types(segment)));
        let form = if name.is_some_and(|name| name == "Outcome") { Form::Outcome } else { Form::Result };
        let value = arguments.first().map_or_else(|| parse_quote!(_), |value| nameable(value));
        let span = arguments.get(1).map_or_else(|| written.span(), Spanned::span);

        let attempt = match (error, arguments.as_slice()) {
            (Some(error), _) => result(&value, error),
            (None, [_, given]) => match (form, retried(given)) {
                (Form::Result, Some(inner)) => result(&value, inner),
                _ => result(&value, given),
            },
            // An alias: what it stands for cannot be seen from here.
            (None, _) => written.clone(),
        };
        Ok(Self { form, attempt, error: span })
    }
}

/// Whether an argument is a mutable reference.
pub(super) fn borrows_mutably(signature: &Signature) -> bool {
    signature.inputs.iter().any(|input| match input {
        FnArg::Receiver(receiver) => receiver.mutability.is_some() || is_mutable_reference(&receiver.ty),
        FnArg::Typed(argument) => is_mutable_reference(&argument.ty) || is_mutable(&argument.pat),
    })
}

fn is_mutable_reference(ty: &Type) -> bool {
    matches!(ty, Type::Reference(reference) if reference.mutability.is_some())
}

/// `mut argument`: there is no other reason to write it.
fn is_mutable(pattern: &Pat) -> bool {
    matches!(pattern, Pat::Ident(pattern) if pattern.mutability.is_some())
}

pub(super) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) => path.path.segments.last(),
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}

fn types(segment: &PathSegment) -> Vec<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return Vec::new() };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.collect()
}

/// The `E` of a `RetryError<E>`.
fn retried(ty: &Type) -> Option<&Type> {
    let segment = last_segment(ty)?;
    if segment.ident != "RetryError" {
        return None;
    }
    types(segment).first().copied()
}

/// The type, if a closure may name it: it may not say `impl Trait`.
fn nameable(ty: &Type) -> Type {
    struct Finder(bool);

    impl<'ast> Visit<'ast> for Finder {
        fn visit_type_impl_trait(&mut self, _: &'ast syn::TypeImplTrait) {
            self.0 = true;
        }
    }

    let mut finder = Finder(false);
    finder.visit_type(ty);
    if finder.0 { parse_quote!(_) } else { ty.clone() }
}

fn result(value: &Type, error: &Type) -> Type {
    Type::Verbatim(quote!(::core::result::Result<#value, #error>))
}
