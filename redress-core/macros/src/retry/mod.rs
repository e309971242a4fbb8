//! `#[retry]`.

mod args;
mod foreign;
mod returns;

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::quote;
use syn::{Error, Expr, ItemFn, Path, Result, ext::IdentExt, parse_quote};

use self::{
    args::Args,
    foreign::Boxed,
    returns::{Form, Returns},
};
use crate::root;

pub(crate) fn expand(args: TokenStream, mut function: ItemFn) -> Result<TokenStream> {
    let args: Args = syn::parse2(args)?;
    if let Some(token) = &function.sig.constness {
        return Err(Error::new_spanned(token, "a `const fn` cannot wait"));
    }
    let root = root::find(args.root.as_ref())?;
    let mut boxed = Boxed::of(&function);
    let output = boxed.as_ref().map(|boxed| &boxed.output);
    let returns = Returns::of(&function.sig, output, args.error.as_ref())?;
    let is_async = boxed.is_some() || function.sig.asyncness.is_some();
    if !is_async {
        args.check_blocking()?;
    }
    let context = match &args.context {
        Some(context) => context.clone(),
        None => default_context(root::find_std(args.root.as_ref()), &function, is_async)?,
    };
    let (place, policy) = policy(&args, &root);
    let operation = args.operation.clone().unwrap_or_else(|| {
        let name = function.sig.ident.unraw().to_string();
        parse_quote!(#name)
    });
    let hooks = args.hooks.iter().map(|hook| hook.calls(&root, false));

    let bindings = boxed.as_mut().map(|boxed| std::mem::take(&mut boxed.bindings)).unwrap_or_default();
    let is_boxed = boxed.is_some();
    let mut body = boxed.map_or_else(|| (*function.block).clone(), |boxed| boxed.body);
    foreign::free_instrumented(&mut body);
    let attempt = args.attempt.as_ref().map(|name| quote!(#name: #root::AttemptInfo));
    let output = &returns.attempt;
    let method = match returns.form {
        Form::Result => quote!(call),
        Form::Outcome => quote!(execute),
    };
    let (is_async, wait) = if is_async { (quote!(async), quote!(.await)) } else { (quote!(), quote!()) };
    let call = quote! {
        #policy.context(#context).operation(#operation) #(#hooks)* .#method(#is_async |#attempt| -> #output #body) #wait
    };
    let result = match returns.form {
        Form::Result => at(returns.error, quote!(#root::__private::reported(result))),
        Form::Outcome => quote!(result),
    };
    // Bound first, because in the older editions what a tail expression borrows would have to outlive the arguments.
    let block = quote!({
        #place
        #(#bindings)*
        let result = #call;
        #result
    });
    *function.block = if is_boxed { parse_quote!({ Box::pin(async move #block) }) } else { parse_quote!(#block) };
    Ok(quote!(#function))
}

/// The same tokens, for whose mistakes the user is shown this place. What the names mean stays.
fn at(place: Span, tokens: TokenStream) -> TokenStream {
    let moved = tokens.into_iter().map(|mut token| {
        if let TokenTree::Group(group) = token {
            token = TokenTree::Group(Group::new(group.delimiter(), at(place, group.stream())));
        }
        token.set_span(token.span().located_at(place));
        token
    });
    moved.collect()
}

/// The policy: where it lies, if it is written in place, and how it is called.
fn policy(args: &Args, root: &Path) -> (TokenStream, TokenStream) {
    if let Some(policy) = &args.policy {
        return (quote!(), quote!((#policy)));
    }
    let retry = match &args.backoff {
        Some(backoff) => quote!(#root::Retry::new(#backoff)),
        // Who gives classes a backoff and the rest none, wants the rest not to be retried.
        None if args.per_class => quote!(#root::Retry::per_class()),
        None => quote!(#root::Retry::new(#root::__private::DEFAULT_BACKOFF)),
    };
    let setters = args.setters.iter().map(|setter| setter.calls(root, false));
    let shared = args.shared.iter().map(|setter| setter.calls(root, true));
    let (budget, with_budget) = if args.has_budget { (quote!(), quote!()) } else { default_budget(root) };
    let place = quote! {
        #budget
        static __REDRESS_POLICY: #root::Policy<'static> =
            #root::Policy::new(#retry #(#setters)*) #(#shared)* #with_budget;
    };
    (place, quote!(__REDRESS_POLICY))
}

/// The budget of a policy in place that names none: the static it lies in, and how the policy gets it.
fn default_budget(root: &Path) -> (TokenStream, TokenStream) {
    let place = quote! {
        static __REDRESS_BUDGET: #root::Budget = #root::Budget::new(#root::BudgetConfig::DEFAULT);
    };
    (place, quote!(.budget(&__REDRESS_BUDGET)))
}

/// The environment of a function that names none.
fn default_context(std: Option<Path>, function: &ItemFn, is_async: bool) -> Result<Expr> {
    let Some(std) = std else {
        let message = "`context` is missing: only redress-std has an environment to take without a word; \
                       for example `context = Embassy::seeded(device_id)`";
        return Err(Error::new(Span::call_site(), message));
    };
    Ok(if !is_async {
        parse_quote!(#std::Threads)
    } else if returns::borrows_mutably(&function.sig) {
        // What an attempt borrows mutably it has to lend to its future, and that only goes on one thread.
        parse_quote!(#std::TokioLocal)
    } else {
        parse_quote!(#std::Tokio)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_environment_follows_the_kind_of_the_function() {
        for (function, expected) in [
            ("fn f(&mut self) {}", "Threads"),
            ("async fn f(&self, id: u32) {}", "Tokio"),
            ("async fn f(&mut self) {}", "TokioLocal"),
            ("async fn f(mut self) {}", "TokioLocal"),
            ("async fn f(self: &mut Self) {}", "TokioLocal"),
            ("async fn f(buffer: &mut [u8]) {}", "TokioLocal"),
            ("async fn f(mut tries: u32) {}", "TokioLocal"),
        ] {
            let std = parse_quote!(::renamed);
            let function: ItemFn = syn::parse_str(function).unwrap();
            let context = default_context(Some(std), &function, function.sig.asyncness.is_some()).unwrap();
            assert_eq!(quote!(#context).to_string(), format!(":: renamed :: {expected}"), "{}", quote!(#function));
        }
    }

    #[test]
    fn without_std_the_environment_must_be_named() {
        let error = default_context(None, &syn::parse_str("fn f() {}").unwrap(), false).err().unwrap();
        assert!(error.to_string().starts_with("`context` is missing"));
    }
}
