//! A file in which each of its mutants is there and can be switched on.
//!
//! An expression `a < b` becomes `(if is(7) { a <= b } else { a < b })`, where `is` is false while compiling. Within the changed
//! expression nothing else is changed, because no two mutants are switched on together.

#[cfg(test)]
mod tests;

use std::ops::Range;

use anyhow::{Context, Result, bail};
use proc_macro2::LineColumn;
use syn::{spanned::Spanned, visit::Visit};

use crate::list::{Genre, Mutant, Place};

/// A mutant with the number that switches it on.
pub(crate) type Numbered<'m> = (usize, &'m Mutant);

/// A file with its mutants.
#[derive(Debug)]
pub(crate) struct Planted {
    pub(crate) text: String,
    /// The lines of each mutant, from 1, so that an error of the compiler names the mutant.
    pub(crate) lines: Vec<(Range<usize>, usize)>,
    /// Mutants that cannot be switched on, because their code is run by the compiler.
    pub(crate) constant: Vec<usize>,
    /// Mutants that are no valid syntax.
    pub(crate) invalid: Vec<usize>,
}

/// Plants mutants into a file. `is` is the path of the function that says which one is on.
pub(crate) fn plant(text: &str, mutants: &[Numbered<'_>], is: &str) -> Result<Planted> {
    let file = syn::parse_file(text)?;
    let lines = Lines::of(text);
    let mut sites = Sites { lines: &lines, all: Vec::new(), constant: 0 };
    sites.visit_file(&file);
    let mut planted = Planted { text: String::new(), lines: Vec::new(), constant: Vec::new(), invalid: Vec::new() };
    let mut edits: Vec<Edit<'_>> = Vec::new();
    for &(number, mutant) in mutants {
        let changed = lines.range(mutant);
        let site = sites.find(mutant.genre, &changed).with_context(|| format!("{mutant}: nothing is there"))?;
        // Two iterators of different types cannot be returned by one function.
        if site.is_constant || mutant.replacement.starts_with("::std::iter::") {
            planted.constant.push(number);
        } else if site.is_invalid {
            planted.invalid.push(number);
        } else if let Some(edit) = edits.iter_mut().find(|edit| edit.site.is(site)) {
            edit.mutants.push((number, mutant));
        } else {
            edits.push(Edit { site, mutants: vec![(number, mutant)] });
        }
    }
    // What encloses comes before what is enclosed.
    edits.sort_by_key(|Edit { site, .. }| (site.range.start, usize::MAX - site.range.end, !site.is_guard()));
    let mut writer = Writer { source: text, lines: &lines, is, line: 1, planted: &mut planted };
    writer.copy(0..text.len(), &edits)?;
    Ok(planted)
}

/// Something that mutants change.
#[derive(Debug, Clone, PartialEq)]
struct Site {
    genre: Genre,
    /// What cargo-mutants replaces.
    changed: Range<usize>,
    /// What is written anew.
    range: Range<usize>,
    is_constant: bool,
    /// Changed, it is no Rust in any case.
    is_invalid: bool,
}

impl Site {
    /// Whether both are written at once: guards and arms share a place.
    fn is(&self, other: &Self) -> bool {
        self.range == other.range && (self.genre == other.genre || (self.is_guard() && other.is_guard()))
    }

    fn is_guard(&self) -> bool {
        matches!(self.genre, Genre::MatchArm | Genre::MatchArmGuard)
    }
}

/// A site with its mutants.
#[derive(Debug)]
struct Edit<'m> {
    site: &'m Site,
    mutants: Vec<Numbered<'m>>,
}

/// Where the lines of a text begin.
#[derive(Debug)]
struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        let starts = [0].into_iter().chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// Returns the byte at a line from 1 and a column of characters from 0.
    fn byte(&self, line: usize, column: usize) -> usize {
        let start = self.starts[line - 1];
        self.text[start..].char_indices().nth(column).map_or(self.text.len(), |(at, _)| start + at)
    }

    fn range(&self, mutant: &Mutant) -> Range<usize> {
        let byte = |place: Place| self.byte(place.line, place.column - 1);
        byte(mutant.span.start)..byte(mutant.span.end)
    }

    fn of_span(&self, node: &impl Spanned) -> Range<usize> {
        let span = node.span();
        let byte = |place: LineColumn| self.byte(place.line, place.column);
        byte(span.start())..byte(span.end())
    }
}

/// Finds all that can be changed.
#[derive(Debug)]
struct Sites<'l, 't> {
    lines: &'l Lines<'t>,
    all: Vec<Site>,
    constant: usize,
}

impl Sites<'_, '_> {
    fn add(&mut self, genre: Genre, changed: Range<usize>, range: Range<usize>, is_invalid: bool) {
        self.all.push(Site { genre, changed, range, is_constant: self.constant > 0, is_invalid });
    }

    /// Returns the smallest site that a mutant of this kind changes.
    fn find(&self, genre: Genre, changed: &Range<usize>) -> Option<&Site> {
        let fits = |site: &&Site| match genre {
            // The span of a body is that of its statements.
            Genre::FnValue => site.changed.start <= changed.start && changed.end <= site.changed.end,
            _ => site.changed.start == changed.start,
        };
        self.all.iter().filter(|site| site.genre == genre).filter(fits).min_by_key(|site| site.range.len())
    }

    fn constant(&mut self, visit: impl FnOnce(&mut Self)) {
        self.constant += 1;
        visit(self);
        self.constant -= 1;
    }

    fn block(&mut self, block: &syn::Block) {
        let range = self.lines.of_span(block);
        self.add(Genre::FnValue, range.clone(), range, false);
    }
}

impl<'ast> Visit<'ast> for Sites<'_, '_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.block(&item.block);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.block(&item.block);
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.block(block);
        }
        syn::visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.constant(|sites| syn::visit::visit_item_const(sites, item));
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.constant(|sites| syn::visit::visit_impl_item_const(sites, item));
    }

    fn visit_trait_item_const(&mut self, item: &'ast syn::TraitItemConst) {
        self.constant(|sites| syn::visit::visit_trait_item_const(sites, item));
    }

    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        self.constant(|sites| syn::visit::visit_item_static(sites, item));
    }

    fn visit_expr_const(&mut self, expr: &'ast syn::ExprConst) {
        self.constant(|sites| syn::visit::visit_expr_const(sites, expr));
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        self.constant(|sites| syn::visit::visit_variant(sites, variant));
    }

    fn visit_type(&mut self, of: &'ast syn::Type) {
        self.constant(|sites| syn::visit::visit_type(sites, of));
    }

    fn visit_expr_binary(&mut self, expr: &'ast syn::ExprBinary) {
        let is_invalid = [&expr.left, &expr.right].iter().any(|side| has_let(side));
        let (op, range) = (self.lines.of_span(&expr.op), self.lines.of_span(expr));
        self.add(Genre::BinaryOperator, op, range, is_invalid);
        syn::visit::visit_expr_binary(self, expr);
    }

    fn visit_expr_unary(&mut self, expr: &'ast syn::ExprUnary) {
        let (op, range) = (self.lines.of_span(&expr.op), self.lines.of_span(expr));
        self.add(Genre::UnaryOperator, op, range, false);
        syn::visit::visit_expr_unary(self, expr);
    }

    fn visit_expr_match(&mut self, expr: &'ast syn::ExprMatch) {
        // Without one, what is left does not cover all values.
        let has_rest = expr.arms.iter().any(|arm| arm.guard.is_none() && matches!(arm.pat, syn::Pat::Wild(_)));
        for arm in &expr.arms {
            let pattern = self.lines.of_span(&arm.pat).end;
            let guard = arm.guard.as_ref().map(|(_, guard)| self.lines.of_span(&**guard));
            let written = guard.clone().unwrap_or(pattern..pattern);
            self.add(Genre::MatchArm, self.lines.of_span(arm), written, !has_rest);
            if let Some(guard) = guard {
                self.add(Genre::MatchArmGuard, guard.clone(), guard, false);
            }
        }
        syn::visit::visit_expr_match(self, expr);
    }

    fn visit_expr_struct(&mut self, expr: &'ast syn::ExprStruct) {
        let range = self.lines.of_span(expr);
        for field in &expr.fields {
            self.add(Genre::StructField, self.lines.of_span(field), range.clone(), false);
        }
        syn::visit::visit_expr_struct(self, expr);
    }
}

/// Whether a condition binds with `let`, so that its operators cannot be changed.
fn has_let(expr: &syn::Expr) -> bool {
    match expr {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

/// Writes the file anew.
struct Writer<'w, 't> {
    source: &'t str,
    lines: &'w Lines<'t>,
    is: &'w str,
    line: usize,
    planted: &'w mut Planted,
}

impl Writer<'_, '_> {
    fn put(&mut self, text: &str) {
        self.line += text.matches('\n').count();
        self.planted.text.push_str(text);
    }

    /// Writes a mutant on lines of its own.
    fn put_mutant(&mut self, number: usize, text: &str) {
        self.put("\n");
        let first = self.line;
        self.put(text);
        self.planted.lines.push((first..self.line + 1, number));
        self.put("\n");
    }

    /// Copies a part of the source with the edits within it.
    fn copy(&mut self, range: Range<usize>, edits: &[Edit<'_>]) -> Result<()> {
        let mut at = range.start;
        let mut rest = edits;
        while let Some((edit, after)) = rest.split_first() {
            let of = &edit.site.range;
            if of.start < at || of.end > range.end {
                bail!("changes overlap at byte {}", of.start);
            }
            let within = after.iter().take_while(|inner| inner.site.range.start < of.end).count();
            let (inner, outer) = after.split_at(within);
            self.put(&self.source[at..of.start]);
            self.edit(edit, inner)?;
            (at, rest) = (of.end, outer);
        }
        self.put(&self.source[at..range.end]);
        Ok(())
    }

    fn edit(&mut self, edit: &Edit<'_>, inner: &[Edit<'_>]) -> Result<()> {
        let is = self.is.to_owned();
        let range = edit.site.range.clone();
        match edit.site.genre {
            Genre::FnValue => {
                self.put("{");
                for (number, mutant) in &edit.mutants {
                    self.put_mutant(*number, &format!("if {is}({number}) {{ return {}; }}", mutant.replacement));
                }
                self.copy(range.start + 1..range.end, inner)
            }
            Genre::MatchArm | Genre::MatchArmGuard => {
                let of = |replacement: &str, genre| {
                    let mutants = edit.mutants.iter();
                    let found = mutants.filter(|(_, m)| m.genre == genre && m.replacement == replacement);
                    found.map(|(number, _)| *number).collect::<Vec<_>>()
                };
                let is_guarded = !range.is_empty();
                self.put(if is_guarded { "" } else { " if " });
                for number in of("", Genre::MatchArm) {
                    self.put_mutant(number, &format!("!{is}({number}){}", if is_guarded { " && " } else { "" }));
                }
                if !is_guarded {
                    return Ok(());
                }
                self.put("(");
                for number in of("true", Genre::MatchArmGuard) {
                    self.put_mutant(number, &format!("{is}({number}) || "));
                }
                for number in of("false", Genre::MatchArmGuard) {
                    self.put_mutant(number, &format!("!{is}({number}) && "));
                }
                self.put("(");
                self.copy(range, inner)?;
                self.put("))");
                Ok(())
            }
            Genre::BinaryOperator | Genre::UnaryOperator | Genre::StructField => {
                self.put("(");
                for (number, mutant) in &edit.mutants {
                    let mut changed = self.lines.range(mutant);
                    if mutant.genre == Genre::StructField && self.source[changed.end..].starts_with(',') {
                        changed.end += 1;
                    }
                    let (before, after) =
                        (&self.source[range.start..changed.start], &self.source[changed.end..range.end]);
                    let text = format!("if {is}({number}) {{ {before}{}{after} }} else", mutant.replacement);
                    self.put_mutant(*number, &text);
                }
                self.put("{ ");
                self.copy(range, inner)?;
                self.put(" })");
                Ok(())
            }
        }
    }
}
