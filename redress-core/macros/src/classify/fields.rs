//! Fields by name, for expressions.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::{Expr, ExprLit, Fields, Lit, LitInt, Member, Type};

/// The fields of a variant or struct, and which of them are needed. Those of a tuple go by `_0`, `_1`, …
pub(super) struct Bindings<'f> {
    fields: &'f Fields,
    names: Vec<Ident>,
    used: Vec<Option<Ident>>,
}

impl<'f> Bindings<'f> {
    pub(super) fn new(fields: &'f Fields) -> Self {
        let name = |(index, field): (usize, &syn::Field)| match &field.ident {
            Some(name) => name.clone(),
            None => format_ident!("_{index}"),
        };
        Self { fields, names: fields.iter().enumerate().map(name).collect(), used: vec![None; fields.len()] }
    }

    /// The only field.
    pub(super) fn only(&self, word: &Ident) -> syn::Result<Expr> {
        match self.names.as_slice() {
            [only] => {
                let mut only = only.clone();
                only.set_span(word.span());
                Ok(syn::parse_quote!(#only))
            }
            [] => Err(syn::Error::new(word.span(), "`transparent` needs a field, and there is none")),
            names => {
                let message = format!("which field? write `transparent = {}`; {}", names[0], self.shown());
                Err(syn::Error::new(word.span(), message))
            }
        }
    }

    /// Makes the fields visible which the expression names. If it is nothing but a field, its type is returned.
    pub(super) fn bind(&mut self, expression: &Expr) -> syn::Result<Option<&'f Type>> {
        if let Expr::Path(path) = expression
            && let Some(name) = path.path.get_ident()
        {
            if let Some(index) = self.names.iter().position(|field| field == name) {
                self.used[index] = Some(name.clone());
                return Ok(self.fields.iter().nth(index).map(|field| &field.ty));
            }
            // A constant has a name in capitals.
            if !name.to_string().starts_with(char::is_uppercase) {
                return Err(syn::Error::new(name.span(), format!("no field `{name}`; {}", self.shown())));
            }
        }
        self.bind_tokens(expression.to_token_stream());
        Ok(None)
    }

    fn bind_tokens(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if let Some(index) = self.names.iter().position(|field| *field == name) {
                        self.used[index] = Some(name);
                    }
                }
                TokenTree::Group(group) => self.bind_tokens(group.stream()),
                _ => {}
            }
        }
    }

    /// The pattern that binds them.
    pub(super) fn pattern(&self) -> TokenStream {
        let bound = self.fields.members().zip(&self.used).filter_map(|(member, used)| {
            let name = used.as_ref()?;
            Some(match member {
                Member::Named(_) => quote!(#name,),
                Member::Unnamed(_) => quote!(#member: #name,),
            })
        });
        quote!({ #(#bound)* .. })
    }

    fn shown(&self) -> String {
        let names: Vec<_> = self.names.iter().map(|name| format!("`{name}`")).collect();
        match names.as_slice() {
            [] => "there are no fields".into(),
            [only] => format!("the only field is {only}"),
            names => format!("the fields are {}", names.join(", ")),
        }
    }
}

/// A literal code is a `u32`, unless it says otherwise itself.
pub(super) fn unsigned(code: &Expr) -> Expr {
    match code {
        Expr::Lit(ExprLit { attrs, lit: Lit::Int(number) }) if number.suffix().is_empty() => {
            let number = LitInt::new(&format!("{number}u32"), number.span());
            Expr::Lit(ExprLit { attrs: attrs.clone(), lit: Lit::Int(number) })
        }
        _ => code.clone(),
    }
}
